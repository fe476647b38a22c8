//! The JSON protocol of Grafana's plugins (simPod's, and the older simple-json) under `/grafana`. Bodies are written by
//! browsers, so what may be seen follows from the token alone; the figures come from the customer API's own reports.

mod accounts;
mod adhoc;
mod destinations;
mod errors;
mod frames;
mod incidents;
mod metrics;
mod payload;
mod points;
mod query;
mod request;
mod spelled;
mod step;
mod variables;

use std::future::{Ready, ready};
use std::sync::Arc;

use actix_web::error::InternalError;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use actix_web::web::{self, Bytes, Data, PayloadConfig};
use actix_web::{FromRequest, HttpRequest, HttpResponse, Resource, dev::Payload as Body};
use serde_json::{Value, json};

use self::accounts::Accounts;
use self::errors::GrafanaError;
use self::metrics::Metric;
use self::query::Ask;
use self::request::Query;
use self::variables::Lists;
use super::auth::authorize;
use super::error::ApiError;
use super::reports::request_id;
use super::state::State;
use crate::access::Who;

/// Where the protocol lives.
pub const PATH: &str = "/grafana";

/// Longest body that is read: a dashboard's request has a few kilobytes.
const LONGEST_BODY: usize = 1024 * 1024;

/// What a path answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Route {
    /// "Save & test".
    Test,
    /// The metrics of a query editor.
    Metrics,
    /// The choices of one of a metric's fields.
    PayloadOptions,
    /// A panel's figures.
    Query,
    /// A variable's values.
    Variable,
    /// Metrics or a variable's values, for the older plugins.
    Search,
    /// When something went wrong, for the older plugins; the newer ones ask `/query` for the metric `incidents`.
    Annotations,
    /// What an ad-hoc filter can compare.
    TagKeys,
    /// The values that an ad-hoc filter can choose from.
    TagValues,
}

/// A path below [`PATH`] and what it answers.
#[derive(Debug)]
pub struct Entry {
    /// The rest of the path.
    pub path: &'static str,
    /// What it answers.
    pub route: Route,
}

const fn entry(path: &'static str, route: Route) -> Entry {
    Entry { path, route }
}

/// Every path.
pub static ROUTES: &[Entry] = &[
    entry("", Route::Test),
    entry("/", Route::Test),
    entry("/metrics", Route::Metrics),
    entry("/metric-payload-options", Route::PayloadOptions),
    entry("/query", Route::Query),
    entry("/variable", Route::Variable),
    entry("/search", Route::Search),
    entry("/annotations", Route::Annotations),
    entry("/tag-keys", Route::TagKeys),
    entry("/tag-values", Route::TagValues),
];

impl Route {
    /// Its methods.
    pub fn allow(self) -> &'static str {
        if self == Self::Test { "GET, HEAD" } else { "POST" }
    }
}

/// Every metric that a target can name.
pub fn metric_names() -> Vec<String> {
    Metric::all().map(Metric::full_name).collect()
}

/// Puts what a route answers, another method included, on its resource.
pub fn mount(resource: Resource, route: Route) -> Resource {
    let method = if route == Route::Test { super::read() } else { web::post() };
    let answer =
        move |viewer: Viewer, request: HttpRequest, state: Data<Arc<State>>, body: Result<Bytes, actix_web::Error>| {
            answer(route, viewer, request, state, body)
        };
    let other = web::to(move || async move { GrafanaError::from(ApiError::Method(route.allow())).reply(None) });
    resource.app_data(PayloadConfig::new(LONGEST_BODY)).route(method.to(answer)).default_service(other)
}

/// A caller whose token was accepted; a refusal has this protocol's form.
struct Viewer(Who);

impl FromRequest for Viewer {
    type Error = actix_web::Error;
    type Future = Ready<Result<Self, actix_web::Error>>;

    fn from_request(request: &HttpRequest, _: &mut Body) -> Self::Future {
        // A missing state is an app put together wrongly: nobody gets in.
        let caller = match request.app_data::<Data<Arc<State>>>() {
            Some(state) => authorize(request, state),
            None => Err(ApiError::Unauthorized),
        };
        ready(caller.map(|caller| Self(caller.0)).map_err(|error| {
            let text = error.to_string();
            InternalError::from_response(text, GrafanaError::from(error).reply(Some(&request_id(request)))).into()
        }))
    }
}

async fn answer(
    route: Route,
    viewer: Viewer,
    request: HttpRequest,
    state: Data<Arc<State>>,
    body: Result<Bytes, actix_web::Error>,
) -> HttpResponse {
    let answered = match body {
        Ok(body) => reply(route, &viewer.0, &state, &body).await,
        Err(_too_long) => Err(GrafanaError::refused(format!("the body is over {LONGEST_BODY} bytes, or broke off"))),
    };
    match answered {
        Ok(value) => HttpResponse::Ok()
            .insert_header((CONTENT_TYPE, super::JSON))
            .insert_header((CACHE_CONTROL, "private, no-store"))
            .body(value.to_string()),
        Err(error) => error.answer(&request, PATH),
    }
}

async fn reply(route: Route, who: &Who, state: &State, body: &[u8]) -> Result<Value, GrafanaError> {
    if route == Route::Test {
        return Ok(json!({ "status": "ok", "message": "cdrscope answers", "version": env!("CARGO_PKG_VERSION") }));
    }
    let body = request::object(body)?;
    let own = Accounts::of(who);
    let lists = Lists::new(state, &own, &body);
    match route {
        Route::Test => Ok(Value::Null),
        Route::Metrics => Ok(metrics::list(own.sides)),
        Route::Query => Ok(Value::Array(Ask::new(state, &own, &Query::read(&body)?).answer().await?)),
        Route::PayloadOptions => variables::payload_options(&lists).await,
        Route::Variable => variables::variable(&lists).await,
        Route::Search => variables::search(&lists).await,
        Route::Annotations => incidents::annotations(state, &own, &body).await,
        Route::TagKeys => Ok(variables::tag_keys()),
        Route::TagValues => variables::tag_values(&lists).await,
    }
}
