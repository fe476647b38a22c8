//! The paths of Grafana's plugins as the document describes them.

use heck::ToLowerCamelCase as _;
use serde_json::{Map, Value, json};

use super::super::grafana::{self, PanelRoute, Route};
use super::reference;
use super::replies::with_headers;

/// The operation's id.
pub fn id(entry: &PanelRoute) -> String {
    match entry.path {
        "" => "grafana".to_owned(),
        "/" => "grafanaRoot".to_owned(),
        path => format!("grafana{path}").to_lower_camel_case(),
    }
}

/// The purpose of a path, in one line.
pub fn summary(route: Route) -> &'static str {
    match route {
        Route::Test => "Whether the data source works.",
        Route::Metrics => "The metrics that a query can name, and the fields of each.",
        Route::PayloadOptions => "The choices for a field of a metric.",
        Route::Query => "The figures of a panel.",
        Route::Variable => "The values of a dashboard's variable.",
        Route::Search => "Metrics, or the values of a variable, for the older plugins.",
        Route::Annotations => "When something went wrong, for the older plugins.",
        Route::TagKeys => "What an ad-hoc filter can compare.",
        Route::TagValues => "The values that an ad-hoc filter can choose from.",
    }
}

/// The body that a plugin sends.
pub fn body(route: Route) -> Value {
    let example = match route {
        Route::Test | Route::Metrics | Route::TagKeys => json!({}),
        Route::Annotations => json!({
            "range": { "from": "2026-03-02T00:00:00.000Z", "to": "2026-03-02T02:00:00.000Z" },
            "annotation": { "name": "Incidents", "enable": true, "query": "incidents" },
        }),
        Route::PayloadOptions => json!({ "metric": "asr", "payload": {}, "name": "accounts" }),
        Route::Query => json!({
            "range": { "from": "2026-03-02T00:00:00.000Z", "to": "2026-03-02T02:00:00.000Z" },
            "intervalMs": 60000, "maxDataPoints": 1000, "timezone": "utc",
            "targets": [
                { "refId": "A", "target": "asr", "payload": {} },
                { "refId": "B", "target": "top_destinations", "payload": { "limit": 10 } },
            ],
        }),
        Route::Variable => json!({ "payload": { "target": "accounts" } }),
        Route::Search => json!({ "target": "accounts" }),
        Route::TagValues => json!({ "key": "dst-country-id", "filters": [] }),
    };
    json!({ "content": { "application/json": { "schema": { "type": "object" }, "example": example } } })
}

/// The longer description of a path, if it needs one.
pub fn description(route: Route) -> Option<String> {
    match route {
        Route::Query => Some(format!(
            "A target names a metric, of: {}. Its payload chooses accounts, countries and prefixes, and the shape of the answer. \
             An answer is a data frame: a table for top_destinations, incidents and breakdown_table, a series over time for the others.",
            grafana::metric_names().join(", ")
        )),
        Route::Annotations => Some(
            "The annotation's query is empty, `incidents`, `termination_incidents`, or a payload as JSON. At most 31 days.".into(),
        ),
        Route::Variable => Some(
            "The payload's `target` is one of accounts, countries, prefixes, steps, metrics, measures, dimensions; its `search` narrows the list.".into(),
        ),
        Route::Test
        | Route::Metrics
        | Route::PayloadOptions
        | Route::Search
        | Route::TagKeys
        | Route::TagValues => None,
    }
}

/// The body of a 200.
pub fn reply(route: Route) -> Value {
    let list = |fields: &[(&str, Value)]| {
        let required: Vec<&str> = fields.iter().map(|(name, _)| *name).collect();
        let properties: Map<String, Value> =
            fields.iter().map(|(name, kind)| ((*name).to_owned(), kind.clone())).collect();
        let item = json!({ "type": "object", "required": required, "properties": properties });
        json!({ "type": "array", "items": item })
    };
    let text = || json!({ "type": "string" });
    let milliseconds = |what: &str| json!({ "type": "integer", "description": format!("{what}, epoch milliseconds.") });
    match route {
        Route::Test => json!({ "type": "object" }),
        // The older plugins know plain names too.
        Route::Search => json!({ "type": "array", "items": { "type": ["object", "string"] } }),
        Route::Metrics => list(&[
            ("label", text()),
            ("value", text()),
            (
                "payloads",
                json!({ "type": "array", "items": { "type": "object" }, "description": "Fields of its payload." }),
            ),
        ]),
        Route::Query => list(&[("refId", json!({ "type": "string", "description": "The target's letter." }))]),
        Route::PayloadOptions => list(&[("label", text()), ("value", text())]),
        Route::Variable => list(&[("__text", text()), ("__value", text())]),
        Route::Annotations => list(&[
            ("annotation", json!({ "description": "As it was asked for." })),
            ("time", milliseconds("Begin")),
            ("timeEnd", milliseconds("End")),
            ("title", text()),
            ("text", text()),
            ("tags", json!({ "type": "array", "items": text() })),
        ]),
        Route::TagKeys => list(&[("type", text()), ("text", text()), ("value", text())]),
        Route::TagValues => list(&[("text", text()), ("value", text())]),
    }
}

/// The protocol's failures.
pub fn errors() -> impl Iterator<Item = (String, Value)> {
    let errors: [(_, _, &[&str]); 10] = [
        ("Refused", "The request makes no sense; the body says why.", &[]),
        ("Forbidden", "The token was refused.", &[]),
        ("MethodNotAllowed", "The path has other methods.", &["allow"]),
        ("SlowBody", "The body did not arrive in time.", &[]),
        ("LongBody", "The body is longer than a megabyte.", &[]),
        ("CodedBody", "The body has a `Content-Encoding`.", &["accept-encoding"]),
        ("TooManyRequests", "Too many requests of one token.", &["retry-after"]),
        ("BadGateway", "ClickHouse failed.", &[]),
        ("Unavailable", "Too many queries at once, or ClickHouse cannot be reached.", &["retry-after"]),
        ("GatewayTimeout", "ClickHouse was slower than the limit.", &[]),
    ];
    errors.into_iter().map(|(name, description, headers)| {
        let mut response = with_headers(description, headers);
        response["content"] = json!({ "application/json": { "schema": reference("schemas", "GrafanaError") } });
        (format!("Grafana{name}"), response)
    })
}
