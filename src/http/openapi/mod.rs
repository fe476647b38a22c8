//! The OpenAPI document: a description of `Endpoint::mounted()`, the list that `app()` mounts, with the parameters and columns
//! of the reports themselves and the limits of this service's settings.

mod bodies;
mod exports;
mod grafana;
mod params;
mod replies;
mod samples;

use heck::ToLowerCamelCase as _;
use serde_json::{Map, Value, json};

use super::auth::COOKIE;
use super::endpoint::{Endpoint, OperatorPath};
use super::params::{DEBUG, DEBUG_PLAN};
use super::reports::PLAN_HEADER;
use super::state::State;
use crate::config::{UnknownParams, WeekStart};
use crate::query::sampling::Sampling;
use crate::report::query::Records;
use crate::report::{OPERATORS_BREAKDOWNS, OPERATORS_CDRS, OPERATORS_STATISTICS, Report};

/// The document of a service with these settings and tables.
pub fn document(state: &State) -> Value {
    let paths: Map<String, Value> =
        Endpoint::mounted(&state.config).map(|endpoint| (endpoint.path(), path_item(endpoint, state))).collect();
    json!({
        "openapi": "3.1.1",
        "info": {
            "title": "cdrscope",
            "summary": env!("CARGO_PKG_DESCRIPTION"),
            "description": introduction(state),
            "version": env!("CARGO_PKG_VERSION"),
            "license": { "name": "MIT", "identifier": "MIT" },
        },
        "servers": [{ "url": "/", "description": "This service" }],
        "tags": [
            { "name": "Calls", "description": "Statistics of finished calls and of routing attempts, by buckets of time." },
            { "name": "Breakdowns", "description": "Groups of calls by country, prefix, cause and the like, and what can be asked for." },
            { "name": "CDRs", "description": "The calls themselves, in pages or whole files." },
            { "name": "Exports", "description": "Files that are made while nobody waits for them, and fetched later." },
            { "name": "Operator", "description": "Calls of all customers and vendors, with cost and margin, for the operator's own people." },
            { "name": "Live calls", "description": "Calls that are up, now and minute by minute." },
            { "name": "Session", "description": "A login and its password become a token." },
            {
                "name": "Grafana",
                "description": "The protocol of Grafana's JSON plugins, which write the bodies; what may be seen follows \
                                from the token. A refused token is 403 here.",
            },
            { "name": "Service", "description": "The service's health, its documentation and its metrics." },
        ],
        "security": [{ "bearer": [] }, { "token": [] }, { "cookie": [] }],
        "paths": paths,
        "components": {
            "securitySchemes": security(state),
            "parameters": params::components(),
            "headers": replies::headers(),
            "responses": replies::errors(state),
            "schemas": schemas(state),
        },
    })
}

/// The name of what opens /metrics.
const METRICS_TOKEN: &str = "metrics";

/// The name of what opens the operator's paths.
const OPERATOR_TOKEN: &str = "operator";

fn security(state: &State) -> Value {
    let mut schemes = json!({
        "bearer": { "type": "http", "scheme": "bearer", "bearerFormat": "JWT" },
        "token": {
            "type": "apiKey", "in": "header", "name": "Authorization",
            "description": "The token alone: the header's last word counts.",
        },
        "cookie": {
            "type": "apiKey", "in": "cookie", "name": COOKIE,
            "description": "Read where the header `Authorization` is absent or blank; renewed by each answer.",
        },
    });
    if state.config.operator.is_on() {
        schemes[OPERATOR_TOKEN] = json!({
            "type": "http", "scheme": "bearer", "bearerFormat": "JWT",
            "description": "A token of the operator's: `aud` `operator-v1`, signed with the key in `operator`.",
        });
    }
    if state.config.metrics.enabled {
        schemes[METRICS_TOKEN] =
            json!({ "type": "http", "scheme": "bearer", "description": "`metrics.token` of the settings." });
    }
    schemes
}

/// The text at the head of the document: filters, limits and failures.
fn introduction(state: &State) -> String {
    let limits = &state.config.limits;
    let rate = match limits.requests_per_second {
        0 => String::new(),
        rate => format!(" A token may ask {rate} times a second (429)."),
    };
    let unknown = match state.config.api.unknown_params {
        UnknownParams::Reject => "a parameter that is not listed is refused",
        UnknownParams::Ignore => "a parameter that is not listed is ignored",
    };
    format!(
        "Call statistics over call detail records in ClickHouse.\n\n\
         Filters are joined by AND. Of a repeated parameter the last value counts; {unknown}.\n\n\
         An answer has {} buckets at most. A query may take {} s (504); {} run at once, and a request waits {} s for its \
         turn (503).{rate}\n\n\
         Every failure but 401 has the body `{{\"error\":\"…\"}}`. A path that is not here answers 404, another method than \
         a path's own 405 with `Allow`, both before a token is asked for. A URL of more than 65534 bytes is no request: 400 without a body. A path of the customer API may also end in `.json`.",
        limits.max_buckets, limits.query_seconds, limits.concurrent_queries, limits.queue_seconds
    )
}

fn path_item(endpoint: Endpoint, state: &State) -> Value {
    let mut item = Map::new();
    let parameters = match endpoint {
        Endpoint::Report(report) | Endpoint::Breakdown(report) | Endpoint::Cdrs(report) => params::of(report, state),
        // Those of both sides: they differ in filters of attempts.
        Endpoint::Operator(OperatorPath::Breakdown) => {
            OPERATORS_BREAKDOWNS.first().map_or_else(Vec::new, |report| params::of(report, state))
        }
        Endpoint::Operator(OperatorPath::Statistics) => {
            OPERATORS_STATISTICS.first().map_or_else(Vec::new, |report| params::of(report, state))
        }
        Endpoint::Operator(OperatorPath::Cdrs) => {
            OPERATORS_CDRS.first().map_or_else(Vec::new, |report| params::of(report, state))
        }
        Endpoint::PageFile => vec![params::page_file()],
        Endpoint::Asset => vec![params::asset()],
        Endpoint::Exports(path) | Endpoint::Operator(OperatorPath::Exports(path)) => exports::parameters(path),
        Endpoint::Login
        | Endpoint::Definitions
        | Endpoint::Accounts
        | Endpoint::Operator(_)
        | Endpoint::Grafana(_)
        | Endpoint::Live
        | Endpoint::Ready
        | Endpoint::Data
        | Endpoint::Metrics
        | Endpoint::Document
        | Endpoint::Page
        | Endpoint::Index
        | Endpoint::Session => Vec::new(),
    };
    if !parameters.is_empty() {
        item.insert("parameters".into(), parameters.into());
    }
    for method in endpoint.allow(state.keys.can_sign()).split(", ") {
        item.insert(method.to_lowercase(), operation(endpoint, method, state));
    }
    item.into()
}

fn operation(endpoint: Endpoint, method: &str, state: &State) -> Value {
    let head = method == "HEAD";
    let (id, tag, summary) = match endpoint {
        Endpoint::Breakdown(report) => (report.name.to_lower_camel_case(), "Breakdowns", report.summary),
        Endpoint::Cdrs(report) => (report.name.to_lower_camel_case(), "CDRs", report.summary),
        Endpoint::Definitions => ("definitions".into(), "Breakdowns", "The dimensions and measures of breakdowns."),
        Endpoint::Accounts => ("accounts".into(), "Breakdowns", "The accounts that the token may ask about."),
        Endpoint::Exports(path) => (exports::id(path, method, ""), "Exports", exports::summary(path, method)),
        Endpoint::Operator(OperatorPath::Exports(path)) => {
            (exports::id(path, method, "operator-"), "Operator", exports::summary(path, method))
        }
        Endpoint::Operator(path) => {
            let summary = match path {
                OperatorPath::Breakdown => "Calls of all customers or attempts sent to all vendors, grouped.",
                OperatorPath::Statistics => {
                    "Calls of all customers or attempts sent to all vendors, for each bucket of time."
                }
                OperatorPath::Cdrs => "Calls of all customers or attempts sent to all vendors, one by one.",
                OperatorPath::Definitions => "The dimensions and measures of the operator's breakdowns.",
                OperatorPath::Accounts => "The accounts that the operator's token may ask about.",
                // It has its own above.
                OperatorPath::Exports(_) => "",
            };
            (format!("operator-{}", path.word()).to_lower_camel_case(), "Operator", summary)
        }
        Endpoint::Report(report) => {
            let tag = if report.records.add_up() { "Calls" } else { "Live calls" };
            (report.name.to_lower_camel_case(), tag, report.summary)
        }
        Endpoint::Login => match method {
            "POST" => ("login".into(), "Session", "A token for a login and its password."),
            "DELETE" => ("logout".into(), "Session", "Clears the cookie."),
            _ => ("session".into(), "Session", "200 for a valid token."),
        },
        Endpoint::Grafana(entry) => (grafana::id(entry), "Grafana", grafana::summary(entry.route)),
        Endpoint::Live => ("healthLive".into(), "Service", "200 while the process runs."),
        Endpoint::Ready => ("healthReady".into(), "Service", "200 while the service can answer reports, else 503."),
        Endpoint::Data => ("healthData".into(), "Service", "Counts of new rows that cannot be meant, by kind."),
        Endpoint::Metrics => ("metrics".into(), "Service", "Figures for Prometheus, with a token of their own."),
        Endpoint::Document => ("openapi".into(), "Service", "This document."),
        Endpoint::Page => ("docs".into(), "Service", "This document as a page."),
        Endpoint::PageFile => ("docsFile".into(), "Service", "The page's style and script."),
        Endpoint::Index => ("page".into(), "Service", "The page for people; its query string is the view."),
        Endpoint::Asset => ("pageAsset".into(), "Service", "A file of the page for people."),
        Endpoint::Session => match method {
            "POST" => ("openPageSession".into(), "Session", "A token becomes a cookie of the page's."),
            "DELETE" => ("endPageSession".into(), "Session", "Clears the cookies."),
            _ => ("pageSession".into(), "Session", "The sign-ins that there are, and whether the browser has one."),
        },
    };
    let mut operation = json!({
        "operationId": if head { format!("{id}Head") } else { id },
        "tags": [tag],
        "summary": if head { format!("The headers alone: {summary}") } else { summary.to_owned() },
    });
    match endpoint {
        Endpoint::Breakdown(report) => {
            operation["description"] = BREAKDOWN.into();
            operation["x-example-query"] = params::example_query(report, state).into();
        }
        Endpoint::Cdrs(report) => {
            operation["description"] = CDRS.into();
            operation["x-example-query"] = params::example_query(report, state).into();
        }
        Endpoint::Definitions | Endpoint::Accounts => {}
        Endpoint::Exports(path) => exports::describe(&mut operation, (path, method), false, state),
        Endpoint::Operator(OperatorPath::Exports(path)) => {
            exports::describe(&mut operation, (path, method), true, state);
            operation["security"] = json!([{ OPERATOR_TOKEN: [] }]);
        }
        Endpoint::Operator(_) => operation["security"] = json!([{ OPERATOR_TOKEN: [] }]),
        Endpoint::Report(report) => {
            operation["description"] = describe(report, state).into();
            operation["x-example-query"] = params::example_query(report, state).into();
        }
        Endpoint::Login if method == "POST" => {
            operation["description"] = LOGIN.into();
            operation["security"] = json!([]);
            operation["requestBody"] = login_body();
        }
        Endpoint::Grafana(entry) if method == "POST" => {
            operation["requestBody"] = grafana::body(entry.route);
            if let Some(description) = grafana::description(entry.route) {
                operation["description"] = description.into();
            }
        }
        Endpoint::Grafana(_) => {}
        Endpoint::Login if method != "DELETE" => {}
        Endpoint::Metrics => operation["security"] = json!([{ METRICS_TOKEN: [] }]),
        Endpoint::Data if state.config.metrics.enabled => operation["security"] = json!([{ METRICS_TOKEN: [] }]),
        Endpoint::Login
        | Endpoint::Live
        | Endpoint::Ready
        | Endpoint::Data
        | Endpoint::Document
        | Endpoint::Page
        | Endpoint::PageFile
        | Endpoint::Index
        | Endpoint::Asset => operation["security"] = json!([]),
        Endpoint::Session => {
            operation["security"] = json!([]);
            if method == "POST" {
                operation["description"] = SESSION.into();
                operation["requestBody"] = bodies::session_request();
            }
        }
    }
    operation["responses"] = replies::of(endpoint, method);
    operation
}

const BREAKDOWN: &str = "Groups of calls with the measures asked for. The groups that `limit` and `min-calls` leave out come \
                         together as `other`: its ratios are of the sums of those groups, its percentiles of their calls. Order and \
                         change are of exact values, each rounded once. With `compare` a group that had calls in either window is \
                         there: traffic that stopped has 0.";

const CDRS: &str = "In order of time, then id. JSON comes in pages: `next` of a page, and its header `Link`, lead to the page behind \
                    it; null is the end. Other formats are whole files, which a token of a customer's may read unless it says \
                    otherwise. A file that ClickHouse cannot finish ends without the end of its body: the connection breaks.";

const LOGIN: &str = "A wrong login, a wrong password and an address that is not allowed have the same answer, after the \
                     same time. Too many failures of a login, or from an address, and it has to wait.";

const SESSION: &str = "A customer's token becomes the cookie of the customer API, one of the operator's a cookie that the operator's \
                       paths alone read. Refused tokens are throttled as failed logins are. `demo` signs in without a token, where \
                       `cdrscope serve --demo` shows made-up calls.";

fn login_body() -> Value {
    let text = json!({ "type": "string" });
    json!({
        "required": true,
        "content": { "application/json": {
            "schema": {
                "type": "object", "required": ["auth"],
                "properties": { "auth": {
                    "type": "object", "required": ["login", "password"],
                    "properties": {
                        "login": text, "password": text,
                        "cookie_auth": {
                            "type": ["boolean", "null"],
                            "description": "Whether the token comes in the cookie, and the answer without a body.",
                        },
                    },
                } },
            },
            "example": { "auth": { "login": "ann", "password": "correct horse battery staple" } },
        } },
    })
}

/// Describes the calls that a report counts, and its buckets.
fn describe(report: &Report, state: &State) -> String {
    let reports = &state.config.reports;
    match report.records {
        Records::Calls(_) | Records::Attempts(_) => {
            let (samplings, fill) = (report.samplings, report.fill);
            let counted = if matches!(report.records, Records::Calls(_)) {
                "Only the last routing attempt of each call counts."
            } else {
                "Every routing attempt counts."
            };
            let filled =
                if fill { "A bucket without calls is filled in" } else { "A bucket without calls is left out" };
            let mut text = format!(
                "{counted} {filled}, unless `fill` says otherwise. Ratios are of exact sums, rounded once; in `totals` they \
                 are of the sums over all buckets."
            );
            if samplings.contains(&Sampling::Day) {
                text += &format!(
                    " Buckets from an hour up follow the wall clock of `time-zone` ({} if absent); a week begins on {}.",
                    reports.time_zone.iana_name().unwrap_or("UTC"),
                    match reports.week_start {
                        WeekStart::Sunday => "Sunday",
                        WeekStart::Monday => "Monday",
                    },
                );
            }
            // Not a parameter in the list: for a token without the claim it is none.
            text + &format!(
                "\n\nA token whose claim `cfg` has `debug: true` may add `{DEBUG}={DEBUG_PLAN}`. The answer is the same, and \
                 the header `{PLAN_HEADER}` says from where it was read."
            )
        }
        Records::Concurrency(_) => {
            "One value a minute: for each media node its last snapshot in the minute counts. A minute \
                               without calls is filled in, unless `fill` says otherwise."
                .to_owned()
        }
        Records::LiveCalls(_) => format!(
            "From each media node's latest snapshot; a node silent for over {} s is left out. Newest first. A column that \
             the table lacks is `\"\"` or null.",
            3 * state.engine.schema.period_seconds
        ),
    }
}

fn schemas(state: &State) -> Map<String, Value> {
    let mut schemas = params::schemas(state.config.limits.max_list_values);
    schemas.append(&mut bodies::schemas(state));
    schemas
}

fn reference(kind: &str, name: &str) -> Value {
    json!({ "$ref": format!("#/components/{kind}/{name}") })
}
