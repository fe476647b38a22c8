//! Exports as the document describes them.

use heck::ToLowerCamelCase as _;
use serde_json::{Map, Value, json};

use super::super::exports::{CUSTOMERS_REPORTS, ExportPath, OPERATORS_REPORTS};
use super::super::state::State;
use super::bodies::{object, or_file};
use super::{params, reference, replies};
use crate::jobs::JobState;
use crate::report::{CDRS, OPERATORS_CDRS};

/// The id of an operation.
pub fn id(path: ExportPath, method: &str, prefix: &str) -> String {
    let name = match (path, method) {
        (ExportPath::All, "POST") => "create-export",
        (ExportPath::All, _) => "exports",
        (ExportPath::One, "DELETE") => "remove-export",
        (ExportPath::One, _) => "export",
        (ExportPath::File, _) => "export-file",
    };
    format!("{prefix}{name}").to_lower_camel_case()
}

/// The summary of an operation.
pub fn summary(path: ExportPath, method: &str) -> &'static str {
    match (path, method) {
        (ExportPath::All, "POST") => "Asks for a file that is made while nobody waits for it.",
        (ExportPath::All, _) => "The token's exports, the latest first.",
        (ExportPath::One, "DELETE") => "Cancels an export, or removes one that is over, with its file.",
        (ExportPath::One, _) => "The state of an export.",
        (ExportPath::File, _) => "The file of an export that is done, whole or a part of it.",
    }
}

/// Parameters of all methods of a path.
pub fn parameters(path: ExportPath) -> Vec<Value> {
    match path {
        ExportPath::All => Vec::new(),
        ExportPath::One | ExportPath::File => vec![json!({
            "name": "id", "in": "path", "required": true, "description": "Id of the export.",
            "schema": { "type": "string", "format": "uuid" }, "example": ID,
        })],
    }
}

const ID: &str = "0f8b2a54-1f3c-4d7e-9a52-6c1f5e0b7d11";

const ASK: &str = "The parameters are those of the report that `report` names, in the query string or as a form in the body; `format` \
                   is one of files (`csv` if absent). They are checked at once; the file is made when its turn comes, with the access \
                   of the token as it is then. An export belongs to whom the token speaks for and to what it may see: another token \
                   has exports of its own.";

/// Adds what an operation has besides.
pub fn describe(operation: &mut Value, (path, method): (ExportPath, &str), is_operators: bool, state: &State) {
    match (path, method) {
        (ExportPath::All, "POST") => {
            let names: Vec<&str> = match is_operators {
                true => OPERATORS_REPORTS.to_vec(),
                false => CUSTOMERS_REPORTS.iter().flat_map(|all| all.iter()).map(|report| report.name).collect(),
            };
            operation["description"] = ASK.into();
            let report = if is_operators { OPERATORS_CDRS.first() } else { CDRS.first() };
            if let Some(report) = report {
                let name = if is_operators { "cdrs" } else { report.name };
                let query = params::example_query(report, state);
                operation["x-example-query"] = format!("report={name}&{query}").into();
            }
            operation["parameters"] = json!([
                {
                    "name": "report", "in": "query", "required": true, "description": "Name of the report.",
                    "schema": { "type": "string", "enum": names }, "example": names.last(),
                },
                {
                    "name": "parameters", "in": "query", "description": "Those of the report, each by its own name.",
                    "style": "form", "explode": true,
                    "schema": { "type": "object", "additionalProperties": { "type": "string" } },
                    "example": {},
                },
            ]);
        }
        (ExportPath::File, _) => {
            operation["description"] =
                "`Range` gives a part, `If-Range` with the `etag` a part of the same file or else the whole.".into();
        }
        (ExportPath::All | ExportPath::One, _) => {}
    }
}

/// The schema of an export.
pub fn schema() -> Value {
    let maybe = |schema: Value| json!({ "anyOf": [schema, { "type": "null" }] });
    let text = || json!({ "type": "string" });
    let time = || maybe(json!({ "type": "string", "format": "date-time" }));
    let words: Vec<&str> = JobState::ALL.iter().map(|state| state.word()).collect();
    let mut schema = object([
        ("id", json!({ "type": "string", "format": "uuid" })),
        ("state", json!({ "enum": words })),
        ("report", text()),
        ("format", text()),
        ("rows", maybe(reference("schemas", "Count"))),
        ("bytes", reference("schemas", "Count")),
        (
            "cursor",
            maybe(json!({ "type": "string", "description": "Behind the last CDR of a file that ends at `limit`." })),
        ),
        ("sha256", maybe(json!({ "type": "string", "pattern": "^[0-9a-f]{64}$" }))),
        ("created", time()),
        ("begun", time()),
        ("finished", time()),
        ("expires", time()),
        ("reason", maybe(json!({ "type": "string", "description": "Why it failed." }))),
        ("file", maybe(json!({ "type": "string", "description": "Path of its file, when it is done." }))),
    ]);
    schema["properties"]["request"] = json!({ "type": "string", "description": "The parameters; not in lists." });
    schema
}

/// The failures of an operation: status and name.
pub fn failures(path: ExportPath, method: &str) -> &'static [(&'static str, &'static str)] {
    match (path, method) {
        (ExportPath::All, "POST") => &[
            ("400", "BadRequest"),
            ("401", "Unauthorized"),
            ("403", "Forbidden"),
            ("404", "NoSuchExport"),
            ("405", "MethodNotAllowed"),
            ("406", "NotAcceptable"),
            ("408", "SlowBody"),
            ("413", "LongBody"),
            ("415", "FormOnly"),
            ("429", "TooManyExports"),
            ("500", "InternalError"),
            ("503", "Unavailable"),
            ("507", "NoRoom"),
        ],
        (ExportPath::All | ExportPath::One, _) => &[
            ("401", "Unauthorized"),
            ("403", "ForeignOrigin"),
            ("404", "NoSuchExport"),
            ("405", "MethodNotAllowed"),
            ("406", "NotAcceptable"),
            ("429", "TooManyRequests"),
            ("500", "InternalError"),
            ("503", "Unavailable"),
        ],
        (ExportPath::File, _) => &[
            ("304", "NotModified"),
            ("401", "Unauthorized"),
            ("403", "Forbidden"),
            ("404", "NoSuchExport"),
            ("405", "MethodNotAllowed"),
            ("406", "NotAcceptable"),
            ("409", "ExportNotDone"),
            ("410", "ExportGone"),
            ("429", "TooManyRequests"),
            ("500", "InternalError"),
            ("503", "Unavailable"),
        ],
    }
}

/// The responses of a file beside the whole one.
pub fn more(path: ExportPath, responses: &mut Map<String, Value>) {
    if path == ExportPath::File {
        let part = replies::with_headers("The part.", &["accept-ranges", "content-range", "repr-digest"]);
        responses.insert("206".into(), part);
        let behind = replies::with_headers("The range lies behind the end.", &["accept-ranges", "content-range"]);
        responses.insert("416".into(), behind);
    }
}

/// The response of an operation that did what was asked: status, description, headers, content.
pub fn done(path: ExportPath, method: &str) -> (&'static str, &'static str, &'static [&'static str], Value) {
    let json = |schema: Value| json!({ "application/json": { "schema": schema } });
    let export = || reference("schemas", "Export");
    match (path, method) {
        (ExportPath::All, "POST") => {
            ("202", "The export waits for its turn.", &["location", "cache-control"], json(export()))
        }
        (ExportPath::All, _) => {
            let list = object([("exports", json!({ "type": "array", "items": export() }))]);
            ("200", "The exports.", &["cache-control", "set-cookie"], json(list))
        }
        (ExportPath::One, "DELETE") => ("204", "Done.", &[], Value::Null),
        (ExportPath::One, _) => ("200", "The export.", &["cache-control", "set-cookie"], json(export())),
        (ExportPath::File, _) => {
            let headers = &["accept-ranges", "cache-control", "content-disposition", "repr-digest", "set-cookie"];
            ("200", "The whole file.", headers, or_file(json!({})))
        }
    }
}
