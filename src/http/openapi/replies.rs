//! Answers as the document describes them: bodies from the columns of reports, failures from the table of `ApiError`.

use serde_json::{Map, Value, json};

use super::super::docs;
use super::super::endpoint::Endpoint;
use super::super::error::ApiError;
use super::super::headers::FIXED;
use super::super::login;
use super::super::params::BadParam;
use super::super::state::State;
use super::{pascal, reference, samples};
use crate::config::{AcdUnit, Config};
use crate::report::figure::Figure;
use crate::report::live::{COLUMNS, Cell};
use crate::report::plan::Form;
use crate::report::{REPORTS, Report, Shape, Side};

/// Headers of a body that a caller may hold on to.
const HELD: [&str; 3] = ["etag", "cache-control", "vary"];

/// A response with the headers of every answer and some more.
fn with_headers(description: &str, more: &[&str]) -> Value {
    let mut names: Vec<&str> = FIXED.iter().map(|(name, _)| *name).chain(["x-request-id", "x-runtime"]).collect();
    names.extend(more);
    let headers: Map<String, Value> =
        names.into_iter().map(|name| (name.to_owned(), reference("headers", name))).collect();
    json!({ "description": description, "headers": headers })
}

/// The headers themselves.
pub fn headers() -> Map<String, Value> {
    let fixed = FIXED.iter().map(|(name, value)| (*name, true, "Always the same.", json!({ "const": value })));
    let text = |pattern: &str| json!({ "type": "string", "pattern": pattern });
    let others = [
        ("x-request-id", true, "The caller's id, or a new UUID.", text("^[A-Za-z0-9_@-]{1,255}$")),
        ("x-runtime", true, "Seconds that the answer took.", text("^[0-9]+\\.[0-9]{6}$")),
        ("etag", true, "Stands for the body; send it back in `If-None-Match`.", text("^W/\"[0-9a-f]{32}\"$")),
        (
            "cache-control",
            true,
            "An answer is to be asked for anew.",
            json!({ "const": "max-age=0, private, must-revalidate" }),
        ),
        ("vary", true, "Request headers that the answer depends on.", json!({ "type": "string" })),
        ("www-authenticate", true, "How to authenticate.", json!({ "const": "Bearer" })),
        ("retry-after", true, "Seconds after which to try again.", json!({ "type": "integer", "minimum": 1 })),
        ("allow", true, "The path's methods.", text("^[A-Z]+(, [A-Z]+)*$")),
        ("set-cookie", false, "The renewed token, where it came in the cookie.", json!({ "type": "string" })),
    ];
    let header = |(name, required, description, schema): (&str, bool, &str, Value)| {
        (name.to_owned(), json!({ "description": description, "required": required, "schema": schema }))
    };
    fixed.chain(others).map(header).collect()
}

/// A response that several operations share: name, when it comes, the failures that are answered with it.
type Shared = (&'static str, &'static str, Vec<ApiError>);

fn shared(state: &State) -> [Shared; 12] {
    let bad = [
        BadParam::Missing(vec!["account-id", "from-time", "sampling"]),
        BadParam::Array("account-id"),
        BadParam::Invalid("account-id"),
        BadParam::Sampling,
        BadParam::Unknown("colour".into()),
        BadParam::ToBeforeFrom,
        BadParam::TooManyBuckets(state.config.limits.max_buckets),
    ];
    let retry_after = 1;
    [
        ("NotModified", "The caller holds the answer already.", Vec::new()),
        (
            "BadRequest",
            "A parameter is missing, malformed, unknown, or asks for too much.",
            bad.map(ApiError::from).into(),
        ),
        ("BadBody", "The body is not a login and a password.", vec![ApiError::BadBody(login::EXPECTED)]),
        (
            "Unauthorized",
            "No token, or one that is bad, expired, revoked or used from an address that is not allowed.",
            vec![ApiError::Unauthorized],
        ),
        ("LoginRefused", "A wrong login, password or address.", vec![ApiError::Login]),
        ("NotFound", "No such path.", vec![ApiError::NotFound]),
        ("MethodNotAllowed", "The path has other methods.", vec![ApiError::Method("GET, HEAD")]),
        (
            "TooManyRequests",
            "Too many requests of one token, or too many failed logins.",
            vec![ApiError::TooMany { retry_after }, ApiError::ManyFailures { retry_after }],
        ),
        ("InternalError", "A fault of the service.", vec![ApiError::Internal]),
        ("BadGateway", "ClickHouse failed.", vec![ApiError::Failed]),
        (
            "Unavailable",
            "Too many queries or logins at once, or ClickHouse cannot be reached.",
            vec![ApiError::Busy, ApiError::ManyLogins, ApiError::Unreachable],
        ),
        ("GatewayTimeout", "ClickHouse was slower than the limit.", vec![ApiError::Slow]),
    ]
}

/// The failures' responses.
pub fn errors(state: &State) -> Map<String, Value> {
    let response = |(name, description, errors): Shared| {
        let own = errors.iter().filter_map(ApiError::header).next();
        let more: Vec<String> = own.iter().map(|(name, _)| name.to_string()).collect();
        let mut more: Vec<&str> = more.iter().map(String::as_str).collect();
        match errors.first() {
            None => more.extend(HELD.iter().chain(&["set-cookie"])),
            Some(ApiError::BadParam(_)) => more.push("set-cookie"),
            Some(_) => {}
        }
        let mut response = with_headers(description, &more);
        let bodies = errors.iter().filter_map(|error| Some((error, error.body(Some(SAMPLE_ID))?)));
        let examples: Map<String, Value> =
            bodies.map(|(error, body)| (example_name(error), json!({ "value": body }))).collect();
        if !examples.is_empty() {
            let schema = if matches!(errors[..], [ApiError::Login]) { "LoginRefused" } else { "Error" };
            response["content"] = json!({
                "application/json": { "schema": reference("schemas", schema), "examples": examples }
            });
        }
        (name.to_owned(), response)
    };
    shared(state).into_iter().map(response).collect()
}

const SAMPLE_ID: &str = "3f0e7a52-6c0d-4d5c-9b8e-2f1a4c7d9e10";

/// The variant's own name.
fn example_name(error: &ApiError) -> String {
    let inner = match error {
        ApiError::BadParam(inner) => format!("{inner:?}"),
        _ => format!("{error:?}"),
    };
    inner.chars().take_while(char::is_ascii_alphanumeric).collect()
}

/// An operation's responses, by status.
pub fn of(endpoint: Endpoint, method: &str) -> Value {
    let mut responses = Map::new();
    let (status, mut done) = done(endpoint, method);
    if method == "HEAD"
        && let Some(response) = done.as_object_mut()
    {
        response.remove("content");
    }
    responses.insert(status.into(), done);
    let others: &[(&str, &str)] = match endpoint {
        Endpoint::Report(_) => &[
            ("304", "NotModified"),
            ("400", "BadRequest"),
            ("401", "Unauthorized"),
            ("405", "MethodNotAllowed"),
            ("429", "TooManyRequests"),
            ("502", "BadGateway"),
            ("503", "Unavailable"),
            ("504", "GatewayTimeout"),
        ],
        Endpoint::Login => match method {
            "POST" => &[
                ("400", "BadBody"),
                ("401", "LoginRefused"),
                ("405", "MethodNotAllowed"),
                ("429", "TooManyRequests"),
                ("500", "InternalError"),
                ("503", "Unavailable"),
            ],
            "DELETE" => &[("405", "MethodNotAllowed")],
            _ => &[
                ("304", "NotModified"),
                ("401", "Unauthorized"),
                ("405", "MethodNotAllowed"),
                ("429", "TooManyRequests"),
                ("503", "Unavailable"),
            ],
        },
        Endpoint::Live => &[("405", "MethodNotAllowed")],
        Endpoint::Ready => &[("405", "MethodNotAllowed"), ("503", "Unavailable")],
        Endpoint::Document | Endpoint::Page => &[("304", "NotModified"), ("405", "MethodNotAllowed")],
        Endpoint::PageFile => &[("304", "NotModified"), ("404", "NotFound"), ("405", "MethodNotAllowed")],
    };
    for (status, name) in others {
        responses.insert((*status).into(), reference("responses", name));
    }
    responses.into()
}

/// The response of an operation that did what was asked: status and response.
fn done(endpoint: Endpoint, method: &str) -> (&'static str, Value) {
    let held_and_cookie: Vec<&str> = HELD.into_iter().chain(["set-cookie"]).collect();
    let json = |schema: Value| json!({ "application/json": { "schema": schema } });
    let (status, description, headers, content): (_, _, &[&str], _) = match endpoint {
        Endpoint::Report(report) => {
            let description = match report.shape {
                Shape::LiveCalls => "The calls.",
                Shape::Calls { .. } | Shape::Concurrency => {
                    "The figures by column, or by row with `format=rows`; `[]` where `from-time` lies in the future."
                }
            };
            ("200", description, &held_and_cookie, report_content(report))
        }
        Endpoint::Login => match method {
            "POST" => {
                ("201", "The token, or no body and the cookie.", &["set-cookie"], json(reference("schemas", "Token")))
            }
            "DELETE" => ("204", "Done, whatever the token.", &["set-cookie"], Value::Null),
            _ => ("200", "The token is valid.", &held_and_cookie, json(object([]))),
        },
        Endpoint::Live | Endpoint::Ready => {
            let word = if matches!(endpoint, Endpoint::Live) { "live" } else { "ready" };
            ("200", "Yes.", &[], json(object([("status", json!({ "const": word }))])))
        }
        Endpoint::Document => ("200", "The document.", &HELD, json(json!({ "type": "object" }))),
        Endpoint::Page => ("200", "The page.", &HELD, json!({ "text/html": { "schema": { "type": "string" } } })),
        Endpoint::PageFile => {
            let types = docs::FILES.iter().map(|file| file.essence());
            let content: Map<String, Value> =
                types.map(|name| (name.to_owned(), json!({ "schema": { "type": "string" } }))).collect();
            ("200", "The file.", &HELD, content.into())
        }
    };
    let mut response = with_headers(description, headers);
    if !content.is_null() {
        response["content"] = content;
    }
    (status, response)
}

fn report_content(report: &Report) -> Value {
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
fn object<'a>(properties: impl IntoIterator<Item = (&'a str, Value)>) -> Value {
    let properties: Map<String, Value> =
        properties.into_iter().map(|(name, schema)| (name.to_owned(), schema)).collect();
    let required: Vec<&String> = properties.keys().collect();
    json!({ "type": "object", "required": required, "properties": properties, "additionalProperties": false })
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
        Figure::Acd | Figure::Asr => "Ratio",
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
    }
}
