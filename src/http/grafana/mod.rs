//! The JSON protocol of Grafana's plugins (simPod's, and the older simple-json) under `/grafana`. Bodies are written by
//! browsers, so what may be seen follows from the token alone; the figures come from the customer API's own reports.

mod accounts;
mod adhoc;
mod bounds;
mod breakdown;
mod destinations;
mod errors;
mod frames;
mod grouped;
mod holder;
mod incidents;
mod left;
mod metrics;
mod objects;
mod pattern;
mod payload;
mod points;
mod query;
mod request;
mod spelled;
mod step;
mod variables;
mod window;
mod work;
mod write;

use std::future::{Ready, ready};
use std::sync::Arc;
use std::time::Duration;

use actix_web::error::InternalError;
use actix_web::web::{self, Data, Payload};
use actix_web::{FromRequest, HttpRequest, Resource, dev};
use serde_json::{Value, json};

use self::accounts::Accounts;
use self::errors::GrafanaError;
use self::holder::Holder;
use self::incidents::Annotation;
use self::metrics::PanelMetric;
use self::query::Ask;
use self::request::PanelQuery;
use self::variables::Lists;
use self::write::{PanelPart, PanelWriter};
use super::endpoint::Entrance;
use super::error::ApiError;
use super::heavy;
use super::reply::{self, Rendered, Room};
use super::state::State;

/// Where the protocol lives.
pub const PATH: &str = "/grafana";

/// The operations of Grafana's plugins, one for each path.
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
    /// The keys that an ad-hoc filter can compare.
    TagKeys,
    /// The values that an ad-hoc filter can choose from.
    TagValues,
}

/// A path below [`PATH`] and its operation.
#[derive(Debug)]
pub struct PanelRoute {
    /// The rest of the path.
    pub path: &'static str,
    /// Its operation.
    pub route: Route,
}

const fn entry(path: &'static str, route: Route) -> PanelRoute {
    PanelRoute { path, route }
}

/// Every path.
pub static ROUTES: &[PanelRoute] = &[
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

pub use self::work::Work;

/// Every metric that a target can name.
pub fn metric_names() -> Vec<String> {
    PanelMetric::all().map(PanelMetric::full_name).collect()
}

/// Puts what a route answers, another method included, on its resource.
pub fn mount(resource: Resource, entry: &'static PanelRoute) -> Resource {
    let route = entry.route;
    let method = if route == Route::Test { super::read() } else { web::post() };
    let answer = move |viewer: Viewer, request: HttpRequest, state: Data<Arc<State>>, body: Payload| async move {
        let answered = match route {
            Route::Test => Ok(whole(&test())),
            _ => answer(route, &viewer.0, &state, (&request, body)).await,
        };
        let room = Room::of(viewer.0.tenant());
        let response = answered.and_then(|answer| Ok(reply::send_once(&request, answer, room)?));
        response.unwrap_or_else(|error| error.answer(&request, &format!("{PATH}{}", entry.path)))
    };
    let other = web::to(move || async move { GrafanaError::from(ApiError::Method(route.allow())).reply(None) });
    resource.route(method.to(answer)).default_service(other)
}

/// A caller whose token was accepted; a refusal has this protocol's form.
struct Viewer(Holder);

impl FromRequest for Viewer {
    type Error = actix_web::Error;
    type Future = Ready<Result<Self, actix_web::Error>>;

    fn from_request(request: &HttpRequest, _: &mut dev::Payload) -> Self::Future {
        // A missing state is an app put together wrongly: nobody gets in.
        let holder = match (request.app_data::<Data<Arc<State>>>(), request.app_data::<Entrance>()) {
            (Some(state), Some(entrance)) => Holder::of(request, state, *entrance),
            _ => Err(ApiError::Unauthorized),
        };
        ready(holder.map(Self).map_err(|error| {
            let text = error.to_string();
            InternalError::from_response(text, GrafanaError::from(error).answer(request, PATH)).into()
        }))
    }
}

/// An answer before it is sent: one that is written while it is sent, and was written once.
type PanelReply = Rendered<PanelWriter>;

fn rendered(parts: Vec<PanelPart>) -> PanelReply {
    reply::render_once(PanelWriter::new(parts))
}

fn whole(value: &Value) -> PanelReply {
    rendered(vec![PanelPart::Text(value.to_string())])
}

fn test() -> Value {
    json!({ "status": "ok", "message": "cdrscope answers", "version": env!("CARGO_PKG_VERSION") })
}

/// The parsed body of a request.
enum PanelBody {
    Nothing,
    Panel(PanelQuery),
    Annotation(Annotation),
    List(variables::ListRequest),
}

impl PanelBody {
    fn read(route: Route, body: &[u8], own: &Accounts) -> Result<Self, GrafanaError> {
        let body = objects::object(body)?;
        Ok(match route {
            Route::Test | Route::Metrics | Route::TagKeys => Self::Nothing,
            Route::Query => Self::Panel(PanelQuery::read(&body, own)?),
            Route::Annotations => Self::Annotation(Annotation::read(&body, own)?),
            Route::PayloadOptions | Route::Variable | Route::Search | Route::TagValues => {
                Self::List(variables::ListRequest::read(route, &body, own)?)
            }
        })
    }
}

/// Points beyond which a panel is answered apart from the workers.
const LARGE: u64 = 4000;

/// The answer to a panel.
async fn panel(state: Arc<State>, own: Arc<Accounts>, query: PanelQuery) -> Result<PanelReply, GrafanaError> {
    let answers = Ask::new(&state, &own, &query).answer().await?;
    Ok(rendered(write::list(answers)))
}

async fn answer(
    route: Route,
    who: &Holder,
    state: &Arc<State>,
    (request, body): (&HttpRequest, Payload),
) -> Result<PanelReply, GrafanaError> {
    let own = Arc::new(Accounts::of(who));
    let time = Duration::from_secs(state.config.http.body_seconds.into());
    let theirs = Arc::clone(&own);
    let read = move |body: &[u8]| PanelBody::read(route, body, &theirs);
    let asked = match state.work.read(request, body, (who.tenant(), time), read).await? {
        PanelBody::Panel(query) => {
            let is_large = Ask::new(state, &own, &query).points() > LARGE;
            let panel = panel(Arc::clone(state), own, query);
            return if is_large { heavy::run(panel).await? } else { panel.await };
        }
        PanelBody::Annotation(annotation) => {
            let state = Arc::clone(state);
            return heavy::run(async move { Ok(rendered(annotation.answer(&state, &own).await?)) }).await?;
        }
        PanelBody::List(asked) => Some(Lists { state, own: &own, asked }),
        PanelBody::Nothing => None,
    };
    Ok(whole(&match (route, asked) {
        (Route::TagKeys, _) => variables::tag_keys(&own),
        (Route::PayloadOptions, Some(lists)) => variables::payload_options(&lists).await?,
        (Route::Variable, Some(lists)) => variables::variable(&lists).await?,
        (Route::Search, Some(lists)) => variables::search(&lists).await?,
        (Route::TagValues, Some(lists)) => variables::tag_values(&lists).await?,
        _ => metrics::list(&own),
    }))
}
