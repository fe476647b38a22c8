//! Bodies as the document describes them: the columns of reports, and the few others.

use heck::ToUpperCamelCase as _;
use serde_json::{Map, Value, json};

use super::super::state::State;
use super::{reference, samples};
use crate::config::Config;
use crate::report::form::{ResultForm, ResultFormat};
use crate::report::live::{COLUMNS, Cell};
use crate::report::measure::{Measure, MeasureUnit};
use crate::report::query::Records;
use crate::report::{REPORTS, Report};

/// The schema of a report's 200 response.
pub fn of_report(report: &Report) -> Value {
    let name = report.name.to_upper_camel_case();
    let schema = match report.records {
        Records::LiveCalls(_) => json!({
            "anyOf": [
                reference("schemas", &name),
                { "type": "array", "items": reference("schemas", &format!("{name}Call")) },
            ],
        }),
        Records::Calls(_) | Records::Attempts(_) | Records::Concurrency(_) => json!({
            "anyOf": [
                reference("schemas", &name),
                { "type": "array", "items": reference("schemas", &format!("{name}Row")) },
            ],
        }),
    };
    // The measures' unit is the only setting that a body shows, and it is not in the numbers' form.
    let config = Config::default();
    let columns = match report.records {
        Records::LiveCalls(_) => samples::live_calls(),
        Records::Calls(_) | Records::Attempts(_) | Records::Concurrency(_) => {
            samples::buckets(report, &config, ResultForm::default())
        }
    };
    let mut examples = Map::new();
    examples.insert("columns".into(), json!({ "value": columns }));
    if !matches!(report.records, Records::LiveCalls(_)) {
        let rows = samples::buckets(report, &config, ResultForm::of(ResultFormat::Rows));
        examples.insert("rows".into(), json!({ "summary": "format=rows", "value": rows }));
    }
    json!({ "application/json": { "schema": schema, "examples": examples } })
}

/// A body of JSON, or a file of one of the other formats.
pub fn or_file(mut content: Value) -> Value {
    for row in ResultFormat::of_reports().filter(|row| !row.format.is_json()) {
        let essence = row.content_type.split(';').next().unwrap_or_default();
        let schema = if row.is_packed { json!({}) } else { json!({ "type": "string" }) };
        content[essence] = json!({ "schema": schema });
    }
    content
}

/// The schema of a breakdown's 200 response, with an example.
pub fn of_breakdown() -> Value {
    let cell = || json!({ "type": ["integer", "number", "string", "boolean", "null"] });
    let group = || json!({ "type": "object", "additionalProperties": cell() });
    let count = || reference("schemas", "Count");
    let columns = json!({
        "type": "object",
        "required": ["data", "rows", "groups", "other", "totals"],
        "properties": {
            "data": { "type": "object", "additionalProperties": { "type": "array", "items": cell() } },
            "rows": count(),
            "groups": count(),
            "other": { "anyOf": [group(), { "type": "null" }] },
            "totals": group(),
            "compare": earlier(),
        },
        "additionalProperties": false,
    });
    let example = json!({
        "data": {
            "dst_country_id": [37, 13], "dst_country": ["India", "Canada"], "dst_country_iso": ["IN", "CA"],
            "total_calls": [4151, 3751], "asr": ["48.18", "69.21"],
        },
        "rows": 2, "groups": 88,
        "other": {
            "dst_country_id": null, "dst_country": null, "dst_country_iso": null, "total_calls": 27008, "asr": "57.9",
        },
        "totals": {
            "dst_country_id": null, "dst_country": null, "dst_country_iso": null, "total_calls": 34910, "asr": "57.97",
        },
    });
    json!({ "application/json": {
        "schema": { "anyOf": [columns, { "type": "array", "items": group() }] },
        "examples": { "columns": { "value": example } },
    } })
}

/// The schemas of raw CDRs: a page, or a file of each format.
pub fn of_cdrs() -> Value {
    let cell = || json!({ "type": ["integer", "number", "string", "boolean", "null"] });
    let page = object([
        ("data", json!({ "type": "object", "additionalProperties": { "type": "array", "items": cell() } })),
        ("rows", reference("schemas", "Count")),
        ("next", json!({ "type": ["string", "null"], "description": "`cursor` of the next page; null at the end." })),
    ]);
    let row = json!({ "type": "object", "additionalProperties": cell() });
    let mut content = json!({ "application/json": {
        "schema": { "anyOf": [page, { "type": "array", "items": row }] },
        "examples": { "columns": { "value": {
            "data": {
                "id": ["109951165203472"], "time_start": ["2026-11-18T13:38:39Z"], "duration": [36],
                "customer_price": ["0.0186"],
            },
            "rows": 1, "next": null,
        } } },
    } });
    for row in ResultFormat::of_cdrs().filter(|row| !row.format.is_json()) {
        if let Some(media_type) = row.media_types.first() {
            content[*media_type] = json!({ "schema": { "type": "string" } });
        }
    }
    content
}

/// The schema of the operator's statistics, whose columns are those that the caller asks for.
pub fn of_operators_statistics() -> Value {
    let cell = || json!({ "type": ["integer", "number", "string", "null"] });
    let bucket = || json!({ "type": "object", "additionalProperties": cell() });
    let columns = json!({
        "type": "object",
        "required": ["data", "rows", "totals"],
        "properties": {
            "data": { "type": "object", "additionalProperties": { "type": "array", "items": cell() } },
            "rows": reference("schemas", "Count"),
            "totals": bucket(),
            "compare": earlier(),
        },
        "additionalProperties": false,
    });
    json!({ "application/json": { "schema": { "anyOf": [columns, { "type": "array", "items": bucket() }] } } })
}

/// The body that signs a browser in.
pub fn session_request() -> Value {
    json!({
        "required": true,
        "content": { "application/json": {
            "schema": {
                "oneOf": [
                    object([("token", json!({ "type": "string" }))]),
                    object([("demo", json!({ "enum": ["customer", "operator"] }))]),
                ],
            },
            "example": { "token": "eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiJ9.…" },
        } },
    })
}

/// The sign-ins of the page, and those that a browser has.
pub fn session() -> Value {
    let flag = || json!({ "type": "boolean" });
    let customer = object([("name", json!({ "type": "string" }))]);
    object([
        ("login", flag()),
        (
            "demo",
            json!({ "oneOf": [
                { "type": "null" },
                object([("customers", json!({ "type": "array", "items": customer })), ("operator", flag())]),
            ] }),
        ),
        ("customer", flag()),
        ("operator", json!({ "type": ["boolean", "null"] })),
        ("version", json!({ "type": "string" })),
    ])
}

/// The schema of the list of definitions.
pub fn definitions() -> Value {
    let text = || json!({ "type": "string" });
    let maybe = || json!({ "type": ["string", "null"] });
    let list = |items: Value| json!({ "type": "array", "items": items });
    let dimension = object([
        ("name", text()),
        ("columns", list(text())),
        ("filter", maybe()),
        ("drill", maybe()),
        ("definition", text()),
        ("on", list(text())),
    ]);
    let measure = object([
        ("name", text()),
        ("label", text()),
        ("unit", text()),
        ("decimals", reference("schemas", "Count")),
        ("definition", text()),
        ("standard", maybe()),
        ("additive", json!({ "type": "boolean" })),
        ("change", json!({ "enum": ["percent", "difference", null] })),
        ("on", list(text())),
    ]);
    object([
        ("dimensions", list(dimension)),
        ("measures", list(measure)),
        ("columns", list(object([("name", text()), ("label", text()), ("type", text()), ("on", list(text()))]))),
        ("causes", json!({ "type": "object", "additionalProperties": list(reference("schemas", "Count")) })),
        ("formats", list(text())),
        (
            "exports",
            json!({ "type": "boolean", "description": "True where the paths `exports` make files in the background." }),
        ),
        ("limits", json!({ "type": "object", "additionalProperties": reference("schemas", "Count") })),
    ])
}

/// The schema of the list of accounts.
pub fn accounts() -> Value {
    list_of_accounts(object(account()))
}

/// The schema of the operator's list of accounts, which says whose they are.
pub fn operators_accounts() -> Value {
    let owner = [("customer_id", reference("schemas", "Count")), ("customer", json!({ "type": ["string", "null"] }))];
    let [uuid, name, side, currency] = account();
    let [id, owner] = owner;
    list_of_accounts(object([uuid, name, side, currency, id, owner]))
}

fn account() -> [(&'static str, Value); 4] {
    [
        ("uuid", json!({ "type": "string", "format": "uuid" })),
        ("name", json!({ "type": "string" })),
        ("side", json!({ "enum": ["origination", "termination", "both", "none"] })),
        ("currency", json!({ "type": ["integer", "null"] })),
    ]
}

fn list_of_accounts(account: Value) -> Value {
    object([("accounts", json!({ "type": "array", "items": account }))])
}

/// Schemas of bodies.
pub fn schemas(state: &State) -> Map<String, Value> {
    let mut schemas = Map::new();
    schemas.insert(
        "Error".into(),
        object([("error", json!({ "type": "string", "description": "What is wrong, in one line." }))]),
    );
    schemas.insert("LoginRefused".into(), {
        let text = |name| (name, json!({ "type": "string" }));
        let error = object(["title", "detail", "code", "status"].map(text));
        object([("errors", json!({ "type": "array", "items": error }))])
    });
    schemas.insert("GrafanaError".into(), object(["message", "error"].map(|name| (name, json!({ "type": "string" })))));
    schemas.insert("Token".into(), object([("jwt", json!({ "type": "string", "description": "The token." }))]));
    schemas.insert("Export".into(), super::exports::schema());
    schemas.insert("Count".into(), json!({ "type": "integer", "minimum": 0 }));
    schemas.insert("Time".into(), json!({
        "type": "integer", "description": "Start of the bucket: epoch seconds, or milliseconds with `t-unit=ms`; 0 in totals.",
    }));
    schemas.insert(
        "Fraction".into(),
        json!({
            "description": "Two decimals at most; a text, or a number with `numbers=plain` and in rows.",
            "anyOf": [{ "type": "string", "pattern": "^-?[0-9]+\\.[0-9]{1,2}$" }, { "type": "number" }],
        }),
    );
    schemas.insert(
        "Ratio".into(),
        json!({
            "description": "A fraction, or null over nothing.",
            "anyOf": [reference("schemas", "Fraction"), { "type": "null" }],
        }),
    );
    for report in REPORTS {
        let name = report.name.to_upper_camel_case();
        match report.records {
            Records::LiveCalls(_) => {
                schemas.insert(format!("{name}Call"), live_call());
                schemas.insert(
                    name.clone(),
                    object([
                        ("data", json!({ "type": "array", "items": reference("schemas", &format!("{name}Call")) })),
                        ("rows", reference("schemas", "Count")),
                    ]),
                );
            }
            Records::Calls(_) | Records::Attempts(_) | Records::Concurrency(_) => {
                schemas.insert(format!("{name}Row"), row(report, state));
                schemas.insert(name.clone(), columns(report, state, &name));
            }
        }
    }
    schemas
}

/// An object with these properties, all of them there and no other.
pub fn object<'a>(properties: impl IntoIterator<Item = (&'a str, Value)>) -> Value {
    let properties: Map<String, Value> =
        properties.into_iter().map(|(name, schema)| (name.to_owned(), schema)).collect();
    let required: Vec<&String> = properties.keys().collect();
    json!({ "type": "object", "required": required, "properties": properties, "additionalProperties": false })
}

/// The schema of the response of `/health/data`.
pub fn health_data() -> Value {
    let text = || json!({ "type": "string" });
    let time = || json!({ "type": ["string", "null"], "format": "date-time" });
    let count = || json!({ "type": "integer", "minimum": 0 });
    let list = |of: Value| json!({ "type": "array", "items": of });
    let kind = object([
        ("kind", text()),
        ("table", text()),
        ("rows", text()),
        ("last_hour", count()),
        ("since_start", count()),
        ("last_seen", time()),
    ]);
    let table = object([
        ("table", text()),
        ("looked", time()),
        ("failed", json!({ "type": "boolean" })),
        ("parts_waiting", count()),
        ("missed_rows", json!({ "type": "boolean" })),
        ("not_checked", json!({ "type": ["string", "null"] })),
        ("kinds_not_checked", list(object([("kind", text()), ("why", text())]))),
    ]);
    object([
        ("status", json!({ "enum": ["ok", "odd", "unknown", "off"] })),
        ("since", json!({ "type": "string", "format": "date-time" })),
        ("kinds", list(kind)),
        ("tables", list(table)),
    ])
}

fn row(report: &Report, state: &State) -> Value {
    let measures = report.measures.iter().map(|measure| {
        let mut schema = reference("schemas", kind(*measure));
        schema["description"] = (measure.row().definition)(report.records.side(), &state.config.reports).into();
        (measure.name(), schema)
    });
    let row = object([("t", reference("schemas", "Time"))].into_iter().chain(measures));
    compared(report, row, |schema| schema)
}

fn columns(report: &Report, state: &State, name: &str) -> Value {
    let measures = report.measures.iter().map(|measure| {
        let items = reference("schemas", kind(*measure));
        let description = (measure.row().definition)(report.records.side(), &state.config.reports);
        (measure.name(), json!({ "type": "array", "items": items, "description": description }))
    });
    let t = json!({ "type": "array", "items": reference("schemas", "Time") });
    let data = object([("t", t)].into_iter().chain(measures));
    let mut parts = vec![
        ("data", compared(report, data, |schema| json!({ "type": "array", "items": schema }))),
        (
            "rows",
            json!({ "type": "integer", "minimum": 0, "description": "Number of buckets: the length of each column." }),
        ),
    ];
    if report.records.add_up() {
        parts.push(("totals", reference("schemas", &format!("{name}Row"))));
    }
    let mut whole = object(parts);
    if report.records.add_up() {
        whole["properties"]["compare"] = earlier();
    }
    whole
}

/// The window that an answer is compared with.
fn earlier() -> Value {
    object([("from", json!({ "type": "integer" })), ("to", json!({ "type": "integer" }))])
}

/// Adds what `compare` adds to an object with a property for each measure.
fn compared(report: &Report, mut object: Value, of: impl Fn(Value) -> Value) -> Value {
    for measure in report.measures.iter().filter(|_| report.records.add_up()) {
        let before = if measure.decimals() == 0 { "Count" } else { "Ratio" };
        for (end, schema) in [("before", before), ("change", "Ratio")] {
            object["properties"][format!("{}_{end}", measure.name())] = of(reference("schemas", schema));
        }
    }
    object
}

fn live_call() -> Value {
    object(COLUMNS.iter().map(|column| {
        let schema = match column.cell {
            Cell::Time => json!({ "type": ["string", "null"], "format": "date-time" }),
            Cell::Text => json!({ "type": "string" }),
            Cell::Number => json!({ "type": ["number", "null"] }),
        };
        (column.name, schema)
    }))
}

/// The schema of one value of a measure.
fn kind(measure: Measure) -> &'static str {
    match measure.row().unit {
        MeasureUnit::Count => "Count",
        _ if measure.is_ratio() => "Ratio",
        _ => "Fraction",
    }
}
