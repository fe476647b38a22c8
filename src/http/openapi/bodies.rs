//! Bodies as the document describes them: the columns of reports, and the few others.

use serde_json::{Map, Value, json};

use super::super::state::State;
use super::{pascal, reference, samples};
use crate::config::{AcdUnit, Config};
use crate::report::figure::Figure;
use crate::report::live::{COLUMNS, Cell};
use crate::report::plan::Form;
use crate::report::{REPORTS, Report, Shape, Side};

/// What a report's 200 holds.
pub fn of_report(report: &Report) -> Value {
    let name = pascal(report.name);
    let schema = match report.shape {
        Shape::LiveCalls => reference("schemas", &name),
        Shape::Calls { .. } | Shape::Concurrency => json!({
            "anyOf": [
                reference("schemas", &name),
                { "type": "array", "items": reference("schemas", &format!("{name}Row")) },
            ],
        }),
    };
    // The figures' unit is the only setting that a body shows, and it is not in the numbers' form.
    let config = Config::default();
    let columns = match report.shape {
        Shape::LiveCalls => samples::live_calls(),
        Shape::Calls { .. } | Shape::Concurrency => samples::buckets(report, &config, Form::default()),
    };
    let mut examples = Map::new();
    examples.insert("columns".into(), json!({ "value": columns }));
    if !matches!(report.shape, Shape::LiveCalls) {
        let rows = samples::buckets(report, &config, Form { rows: true, ..Form::default() });
        examples.insert("rows".into(), json!({ "summary": "format=rows", "value": rows }));
    }
    json!({ "application/json": { "schema": schema, "examples": examples } })
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
        let name = pascal(report.name);
        match report.shape {
            Shape::LiveCalls => {
                schemas.insert(format!("{name}Call"), live_call());
                schemas.insert(
                    name.clone(),
                    object([
                        ("data", json!({ "type": "array", "items": reference("schemas", &format!("{name}Call")) })),
                        ("rows", reference("schemas", "Count")),
                    ]),
                );
            }
            Shape::Calls { .. } | Shape::Concurrency => {
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

/// What /health/data holds.
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
    let figures = report.figures.iter().map(|figure| {
        let mut schema = reference("schemas", kind(*figure));
        schema["description"] = meaning(*figure, report.side, &state.config).into();
        (figure.name(), schema)
    });
    object([("t", reference("schemas", "Time"))].into_iter().chain(figures))
}

fn columns(report: &Report, state: &State, name: &str) -> Value {
    let figures = report.figures.iter().map(|figure| {
        let items = reference("schemas", kind(*figure));
        let description = meaning(*figure, report.side, &state.config);
        (figure.name(), json!({ "type": "array", "items": items, "description": description }))
    });
    let t = json!({ "type": "array", "items": reference("schemas", "Time") });
    let mut parts = vec![
        ("data", object([("t", t)].into_iter().chain(figures))),
        (
            "rows",
            json!({ "type": "integer", "minimum": 0, "description": "Number of buckets: the length of each column." }),
        ),
    ];
    if matches!(report.shape, Shape::Calls { .. }) {
        parts.push(("totals", reference("schemas", &format!("{name}Row"))));
    }
    object(parts)
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

/// The schema of one value of a figure.
fn kind(figure: Figure) -> &'static str {
    match figure {
        Figure::TotalCalls | Figure::SuccessfulCalls | Figure::FailedCalls | Figure::Calls => "Count",
        Figure::TotalDuration | Figure::Cps | Figure::TotalPrice => "Fraction",
        Figure::Acd | Figure::Asr | Figure::Ner => "Ratio",
    }
}

fn meaning(figure: Figure, side: Side, config: &Config) -> String {
    match figure {
        Figure::TotalCalls if side == Side::Origination => "Calls.".into(),
        Figure::TotalCalls => "Routing attempts.".into(),
        Figure::SuccessfulCalls => "Those with a duration above 0.".into(),
        Figure::FailedCalls => "The others.".into(),
        Figure::TotalDuration if config.reports.billed_duration => "Billed minutes.".into(),
        Figure::TotalDuration => "Minutes.".into(),
        Figure::Acd => {
            let unit = match config.reports.acd_unit {
                AcdUnit::Minutes => "minutes",
                AcdUnit::Seconds => "seconds",
            };
            format!("Average duration of an answered call, {unit}.")
        }
        Figure::Asr => "Answered calls in percent of all.".into(),
        Figure::Cps => "Calls started per second.".into(),
        Figure::TotalPrice => format!("Sum of {}.", side.price().name()),
        Figure::Calls => "Calls that were up.".into(),
        Figure::Ner => "Calls whose end says that the network did its part, in percent of all.".into(),
    }
}
