//! Answers as the document describes them: what is done, by endpoint, and failures from the table of `ApiError`.

use serde_json::{Map, Value, json};

use super::super::accept;
use super::super::docs;
use super::super::endpoint::{Endpoint, OperatorPath};
use super::super::error::ApiError;
use super::super::exports::LONGEST_FORM;
use super::super::headers::FIXED;
use super::super::login;
use super::super::page;
use super::super::params::{BadParam, has_debug};
use super::super::reports::PLAN_HEADER;
use super::super::session;
use super::super::state::State;
use super::{bodies, exports, grafana, reference};
use crate::jobs::JobRefused;
use crate::query::filter::Excess;
use crate::report::form::ResultFormat;
use crate::report::query::Records;

/// Headers of a body that a caller may hold on to.
const HELD: [&str; 3] = ["etag", "cache-control", "vary"];

/// A response with the headers of every answer and some more.
pub fn with_headers(description: &str, more: &[&str]) -> Value {
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
        ("cache-control", true, "An answer is to be asked for anew.", text("private|no-cache|no-store|immutable")),
        ("vary", true, "Request headers that the answer depends on.", json!({ "type": "string" })),
        ("content-disposition", false, "The name of a file; none for JSON.", text("^attachment; filename=\"")),
        ("www-authenticate", true, "How to authenticate.", json!({ "const": "Bearer" })),
        ("retry-after", true, "Seconds after which to try again.", json!({ "type": "integer", "minimum": 1 })),
        ("accept-encoding", true, "What a body may come in.", json!({ "const": "identity" })),
        ("allow", true, "The path's methods.", text("^[A-Z]+(, [A-Z]+)*$")),
        ("set-cookie", false, "The renewed token, where it came in the cookie.", json!({ "type": "string" })),
        ("location", true, "Where the export is.", json!({ "type": "string" })),
        ("accept-ranges", true, "Parts of the file can be had.", json!({ "const": "bytes" })),
        ("content-range", true, "The part, and the bytes of the whole.", text("^bytes ")),
        ("repr-digest", false, "SHA-256 of the whole file (RFC 9530).", text("^sha-256=:")),
        ("link", false, "The next page, where there is one: `rel=\"next\"`.", json!({ "type": "string" })),
        ("content-disposition", false, "The name of a file.", json!({ "type": "string" })),
        (
            PLAN_HEADER,
            false,
            "How the answer was come by, where `debug=plan` asks for it.",
            text("^source=(minutes|calls|both|none); rows_read=[0-9]+; cache=(hit|partial|miss|off); pieces="),
        ),
    ];
    let header = |(name, required, description, schema): (&str, bool, &str, Value)| {
        (name.to_owned(), json!({ "description": description, "required": required, "schema": schema }))
    };
    fixed.chain(others).map(header).collect()
}

/// The response that a failure is answered with, by its name in the document, and when it comes.
fn shared(error: &ApiError) -> (&'static str, &'static str) {
    match error {
        ApiError::Coding | ApiError::BadParam(BadParam::Unacceptable(_)) => (
            "NotAcceptable",
            "`Accept` takes none of the formats that there are, or `Accept-Encoding` refuses every coding, the plain one too.",
        ),
        ApiError::BadParam(_) => ("BadRequest", "A parameter is missing, malformed, unknown, or asks for too much."),
        ApiError::BadBody(_) | ApiError::UnreadBody(_) => {
            ("BadBody", "The body is not a login and a password, or not what signs in.")
        }
        ApiError::FormType => ("FormOnly", "The body is of another type than that of a form."),
        ApiError::NoExports => ("NoSuchExport", "The caller has no such export, or exports are off."),
        ApiError::NotDone(_) => ("ExportNotDone", "The export waits, is being written, or failed."),
        ApiError::Gone(_) => ("ExportGone", "The export has expired, or was cancelled."),
        ApiError::ManyJobs(_) => {
            ("TooManyExports", "Too many exports wait or are kept, or too many requests of one token.")
        }
        ApiError::NoRoom(_) => ("NoRoom", "The files that are kept leave no room for another."),
        ApiError::LongBody(_) => ("LongBody", "The body is longer than the path takes."),
        ApiError::SlowBody => ("SlowBody", "The body did not arrive in time."),
        ApiError::Unauthorized => (
            "Unauthorized",
            "No token, or one that is bad, expired, revoked or used from an address that is not allowed.",
        ),
        ApiError::Login => ("LoginRefused", "A wrong login, password or address."),
        ApiError::ContentType | ApiError::CodedBody => {
            ("UnsupportedMediaType", "The body is of another type than JSON, or has a `Content-Encoding`.")
        }
        ApiError::NoExport => ("Forbidden", "The token may not read calls one by one."),
        ApiError::Foreign => ("ForeignOrigin", "A browser sent it for a page of another origin."),
        ApiError::NotFound => ("NotFound", "No such path."),
        ApiError::Method(_) => ("MethodNotAllowed", "The path has other methods."),
        ApiError::TooMany { .. } | ApiError::ManyFailures { .. } => {
            ("TooManyRequests", "Too many requests of one token, or too many failed logins.")
        }
        ApiError::Sign(_) | ApiError::Workbook(_) | ApiError::JobDisk(_) | ApiError::Internal => {
            ("InternalError", "A fault of the service, or its folder of files.")
        }
        ApiError::Store(_) | ApiError::Failed => ("BadGateway", "ClickHouse failed."),
        ApiError::Busy
        | ApiError::ManyLogins
        | ApiError::ManyBodies
        | ApiError::ManyAnswers
        | ApiError::ManyFiles
        | ApiError::ManyRequests
        | ApiError::Unreachable
        | ApiError::Accounts(_) => {
            ("Unavailable", "Too many queries, logins or large answers at once, or ClickHouse cannot be reached.")
        }
        ApiError::Slow | ApiError::SlowFile(_) => ("GatewayTimeout", "ClickHouse was slower than the limit."),
    }
}

/// One of each failure, those of one response side by side.
fn failures(state: &State) -> Vec<ApiError> {
    let retry_after = 1;
    let bad: [BadParam; 15] = [
        BadParam::Missing(vec!["account-id", "from-time", "sampling"]),
        BadParam::Array("account-id"),
        BadParam::Invalid("account-id"),
        BadParam::Excessive("dst-prefix-routing-in", Excess::Values(state.config.limits.max_list_values)),
        BadParam::Sampling,
        BadParam::Unknown("colour".into()),
        BadParam::ToBeforeFrom,
        BadParam::TooManyBuckets(state.config.limits.max_buckets),
        BadParam::Needed("sampling", "group-by", "t"),
        BadParam::TooManyGroups(state.config.limits.max_groups),
        BadParam::Currencies,
        BadParam::Columns(vec!["colour".into()]),
        BadParam::TooManyCdrs(state.config.exports.max_rows),
        BadParam::OtherFormat("csv-bom", "rows"),
        BadParam::NoFile("columns"),
    ];
    let others = [
        ApiError::BadBody(login::EXPECTED),
        ApiError::BadBody(session::EXPECTED),
        ApiError::SlowBody,
        ApiError::Unauthorized,
        ApiError::Login,
        ApiError::ContentType,
        ApiError::CodedBody,
        ApiError::Foreign,
        ApiError::NoExport,
        ApiError::FormType,
        ApiError::LongBody(LONGEST_FORM),
        ApiError::NoExports,
        ApiError::NotDone("the export is being written"),
        ApiError::Gone("the export has expired"),
        ApiError::ManyJobs(JobRefused::Live(state.config.exports.jobs_per_customer).to_string()),
        ApiError::NoRoom(JobRefused::Full.to_string()),
        ApiError::NotFound,
        ApiError::Method("GET, HEAD"),
        ApiError::Coding,
        BadParam::Unacceptable(accept::list(ResultFormat::of_reports())).into(),
        ApiError::TooMany { retry_after },
        ApiError::ManyFailures { retry_after },
        ApiError::Internal,
        ApiError::Failed,
        ApiError::Busy,
        ApiError::ManyLogins,
        ApiError::ManyAnswers,
        ApiError::ManyFiles,
        ApiError::Unreachable,
        ApiError::Slow,
    ];
    bad.map(ApiError::from).into_iter().chain(others).collect()
}

/// The responses that operations share.
pub fn errors(state: &State) -> Map<String, Value> {
    let held: Vec<&str> = HELD.into_iter().chain(["set-cookie", PLAN_HEADER]).collect();
    let unchanged = with_headers("The caller holds the answer already.", &held);
    let failures = failures(state);
    let alike = failures.chunk_by(|one, next| shared(one) == shared(next));
    let shared = std::iter::once(("NotModified".to_owned(), unchanged)).chain(alike.filter_map(response));
    shared.chain(grafana::errors()).collect()
}

/// The response of failures that share it.
fn response(errors: &[ApiError]) -> Option<(String, Value)> {
    let first = errors.first()?;
    let (name, description) = shared(first);
    let own = first.header().map(|(name, _)| name.to_string());
    // A bad parameter is the caller's whose cookie was good.
    let cookie = matches!(first, ApiError::BadParam(_)).then_some("set-cookie");
    let headers: Vec<&str> = own.as_deref().into_iter().chain(cookie).collect();
    let mut response = with_headers(description, &headers);
    let bodies = errors.iter().filter_map(|error| Some((error, error.body(Some(SAMPLE_ID))?)));
    let examples: Map<String, Value> =
        bodies.map(|(error, body)| (example_name(error), json!({ "value": body }))).collect();
    if !examples.is_empty() {
        let schema = if matches!(first, ApiError::Login) { "LoginRefused" } else { "Error" };
        response["content"] = json!({
            "application/json": { "schema": reference("schemas", schema), "examples": examples }
        });
    }
    Some((name.to_owned(), response))
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

/// Failures of a path that reads nothing but the token.
const OF_TOKENS: &[(&str, &str)] = &[
    ("304", "NotModified"),
    ("401", "Unauthorized"),
    ("405", "MethodNotAllowed"),
    ("406", "NotAcceptable"),
    ("429", "TooManyRequests"),
    ("503", "Unavailable"),
];

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
        Endpoint::Report(_)
        | Endpoint::Breakdown(_)
        | Endpoint::Operator(OperatorPath::Breakdown | OperatorPath::Statistics) => &[
            ("304", "NotModified"),
            ("400", "BadRequest"),
            ("401", "Unauthorized"),
            ("405", "MethodNotAllowed"),
            ("406", "NotAcceptable"),
            ("429", "TooManyRequests"),
            ("502", "BadGateway"),
            ("503", "Unavailable"),
            ("504", "GatewayTimeout"),
        ],
        Endpoint::Cdrs(_) | Endpoint::Operator(OperatorPath::Cdrs) => &[
            ("304", "NotModified"),
            ("400", "BadRequest"),
            ("401", "Unauthorized"),
            ("403", "Forbidden"),
            ("405", "MethodNotAllowed"),
            ("406", "NotAcceptable"),
            ("429", "TooManyRequests"),
            ("502", "BadGateway"),
            ("503", "Unavailable"),
            ("504", "GatewayTimeout"),
        ],
        Endpoint::Exports(path) | Endpoint::Operator(OperatorPath::Exports(path)) => exports::failures(path, method),
        Endpoint::Definitions
        | Endpoint::Accounts
        | Endpoint::Operator(OperatorPath::Definitions | OperatorPath::Accounts) => OF_TOKENS,
        Endpoint::Login => match method {
            "POST" => &[
                ("400", "BadBody"),
                ("401", "LoginRefused"),
                ("403", "ForeignOrigin"),
                ("405", "MethodNotAllowed"),
                ("406", "NotAcceptable"),
                ("408", "SlowBody"),
                ("415", "UnsupportedMediaType"),
                ("429", "TooManyRequests"),
                ("500", "InternalError"),
                ("503", "Unavailable"),
            ],
            "DELETE" => &[("403", "ForeignOrigin"), ("405", "MethodNotAllowed"), ("406", "NotAcceptable")],
            _ => OF_TOKENS,
        },
        Endpoint::Grafana(_) => &[
            ("400", "GrafanaRefused"),
            ("403", "GrafanaForbidden"),
            ("405", "GrafanaMethodNotAllowed"),
            ("406", "NotAcceptable"),
            ("408", "GrafanaSlowBody"),
            ("413", "GrafanaLongBody"),
            ("415", "GrafanaCodedBody"),
            ("429", "GrafanaTooManyRequests"),
            ("502", "GrafanaBadGateway"),
            ("503", "GrafanaUnavailable"),
            ("504", "GrafanaGatewayTimeout"),
        ],
        Endpoint::Live => &[("405", "MethodNotAllowed"), ("406", "NotAcceptable")],
        Endpoint::Ready => &[("405", "MethodNotAllowed"), ("406", "NotAcceptable"), ("503", "Unavailable")],
        Endpoint::Data | Endpoint::Metrics => {
            &[("401", "Unauthorized"), ("405", "MethodNotAllowed"), ("406", "NotAcceptable")]
        }
        Endpoint::Document | Endpoint::Page => {
            &[("304", "NotModified"), ("405", "MethodNotAllowed"), ("406", "NotAcceptable")]
        }
        Endpoint::Index => &[("304", "NotModified"), ("405", "MethodNotAllowed"), ("406", "NotAcceptable")],
        Endpoint::Asset => &[("404", "NotFound"), ("405", "MethodNotAllowed"), ("406", "NotAcceptable")],
        Endpoint::Session => match method {
            "POST" => &[
                ("400", "BadBody"),
                ("401", "Unauthorized"),
                ("403", "ForeignOrigin"),
                ("405", "MethodNotAllowed"),
                ("406", "NotAcceptable"),
                ("408", "SlowBody"),
                ("415", "UnsupportedMediaType"),
                ("429", "TooManyRequests"),
                ("500", "InternalError"),
                ("503", "Unavailable"),
            ],
            "DELETE" => &[("403", "ForeignOrigin"), ("405", "MethodNotAllowed"), ("406", "NotAcceptable")],
            _ => &[("405", "MethodNotAllowed"), ("406", "NotAcceptable")],
        },
        Endpoint::PageFile => {
            &[("304", "NotModified"), ("404", "NotFound"), ("405", "MethodNotAllowed"), ("406", "NotAcceptable")]
        }
    };
    if let Endpoint::Exports(path) | Endpoint::Operator(OperatorPath::Exports(path)) = endpoint {
        exports::more(path, &mut responses);
    }
    for (status, name) in others {
        responses.insert((*status).into(), reference("responses", name));
    }
    responses.into()
}

/// The response of an operation that did what was asked: status and response.
fn done(endpoint: Endpoint, method: &str) -> (&'static str, Value) {
    let held_and_cookie: Vec<&str> = HELD.into_iter().chain(["set-cookie"]).collect();
    let with_name: Vec<&str> = held_and_cookie.iter().copied().chain(["content-disposition"]).collect();
    let with_plan: Vec<&str> = with_name.iter().copied().chain([PLAN_HEADER]).collect();
    let json = |schema: Value| json!({ "application/json": { "schema": schema } });
    let (status, description, headers, content): (_, _, &[&str], _) = match endpoint {
        Endpoint::Report(report) => {
            let description = match report.records {
                Records::LiveCalls(_) => "The calls.",
                Records::Calls(_) | Records::Attempts(_) | Records::Concurrency(_) => {
                    "The figures by column, or by row with `format=rows`; `[]` where `from-time` lies in the future."
                }
            };
            let headers = if has_debug(report) { &with_plan } else { &with_name };
            ("200", description, headers, bodies::or_file(bodies::of_report(report)))
        }
        Endpoint::Operator(OperatorPath::Statistics) => {
            let description =
                "The figures by column, or by row with `format=rows`; `[]` where `from-time` lies in the future.";
            ("200", description, &with_plan, bodies::or_file(bodies::of_operators_statistics()))
        }
        Endpoint::Breakdown(_) | Endpoint::Operator(OperatorPath::Breakdown) => {
            let description = "The groups by column, with the others together and all of them; or an array with an object for \
                               each group with `format=rows`.";
            ("200", description, &with_plan, bodies::or_file(bodies::of_breakdown()))
        }
        Endpoint::Cdrs(_) | Endpoint::Operator(OperatorPath::Cdrs) => {
            let headers = &["cache-control", "vary", "link", "content-disposition", "set-cookie"];
            ("200", "A page, by column or by row with `format=rows`; or a whole file.", headers, bodies::of_cdrs())
        }
        Endpoint::Exports(path) | Endpoint::Operator(OperatorPath::Exports(path)) => exports::done(path, method),
        Endpoint::Definitions | Endpoint::Operator(OperatorPath::Definitions) => {
            ("200", "The definitions.", &held_and_cookie, json(bodies::definitions()))
        }
        Endpoint::Operator(OperatorPath::Accounts) => {
            ("200", "The accounts.", &held_and_cookie, json(bodies::operators_accounts()))
        }
        Endpoint::Accounts => ("200", "The accounts.", &held_and_cookie, json(bodies::accounts())),
        Endpoint::Login => match method {
            "POST" => {
                ("201", "The token, or no body and the cookie.", &["set-cookie"], json(reference("schemas", "Token")))
            }
            "DELETE" => ("204", "Done, whatever the token.", &["set-cookie"], Value::Null),
            _ => ("200", "The token is valid.", &held_and_cookie, json(bodies::object([]))),
        },
        Endpoint::Grafana(entry) => ("200", "The answer.", &["cache-control"], json(grafana::reply(entry.route))),
        Endpoint::Live | Endpoint::Ready => {
            let word = if matches!(endpoint, Endpoint::Live) { "live" } else { "ready" };
            ("200", "Yes.", &[], json(bodies::object([("status", json!({ "const": word }))])))
        }
        Endpoint::Data => ("200", "The counts.", &["cache-control"], json(bodies::health_data())),
        Endpoint::Metrics => {
            let text = json!({ "text/plain": { "schema": { "type": "string" } } });
            ("200", "The text format of Prometheus, 0.0.4.", &["cache-control"], text)
        }
        Endpoint::Document => ("200", "The document.", &HELD, json(json!({ "type": "object" }))),
        Endpoint::Page => ("200", "The page.", &HELD, json!({ "text/html": { "schema": { "type": "string" } } })),
        Endpoint::PageFile => {
            let types = docs::FILES.iter().map(|file| file.essence());
            let content: Map<String, Value> =
                types.map(|name| (name.to_owned(), json!({ "schema": { "type": "string" } }))).collect();
            ("200", "The file.", &HELD, content.into())
        }
        Endpoint::Index => ("200", "The page.", &HELD, json!({ "text/html": { "schema": { "type": "string" } } })),
        Endpoint::Asset => {
            let content: Map<String, Value> =
                page::asset_types().map(|name| (name.to_owned(), json!({ "schema": { "type": "string" } }))).collect();
            ("200", "The file, for a year.", &["cache-control", "vary"], content.into())
        }
        Endpoint::Session => match method {
            "POST" => ("204", "The browser has the cookie.", &["set-cookie"], Value::Null),
            "DELETE" => ("204", "Done, whatever the cookies.", &["set-cookie"], Value::Null),
            _ => ("200", "What there is.", &["cache-control", "set-cookie"], json(bodies::session())),
        },
    };
    let mut response = with_headers(description, headers);
    if !content.is_null() {
        response["content"] = content;
    }
    (status, response)
}
