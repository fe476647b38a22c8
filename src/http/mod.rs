//! `app()`: the one list of middleware and routes, for `serve` and for tests. No rules of the business.

mod accept;
pub mod auth;
mod body;
mod breakdown_params;
mod breakdowns;
mod cdr_params;
mod cdr_workbook;
mod cdrs;
mod coding;
mod cors;
mod definitions;
mod disposition;
mod docs;
mod download;
pub mod endpoint;
pub mod error;
pub mod exports;
mod files;
pub mod grafana;
pub mod headers;
mod health;
mod heavy;
mod login;
mod metrics;
mod openapi;
mod operators;
mod origin;
mod pack;
mod page;
mod pairs;
pub mod params;
pub mod reply;
mod reports;
pub mod server;
pub mod session;
mod spellings;
pub mod state;
pub mod trail;
pub mod transport;
mod workbooks;

use std::sync::Arc;

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceFactory, ServiceRequest, ServiceResponse};
use actix_web::middleware::{Next, from_fn};
use actix_web::web::{self, Data, ServiceConfig};
use actix_web::{App, Error, HttpRequest, Resource, Route, guard};

use endpoint::{Endpoint, Entrance, OperatorPath};
use error::ApiError;
use exports::{CustomerMaker, ExportPath, OperatorMaker};
use server::track::track;
use state::State;

/// The content type of every JSON body, whatever JSON type the caller names.
pub const JSON: &str = "application/json; charset=utf-8";

/// Where the customer API lives.
pub const CUSTOMER_API: &str = "/api/rest/customer/v1";

/// True where a page for people was built into the program.
pub fn is_page_built() -> bool {
    page::is_built()
}

/// Where the operator's API lives.
pub const OPERATOR_API: &str = "/api/rest/operator/v1";

/// The service at one of its addresses. `state` is made once, outside: one made in here would be one a worker.
pub fn app(
    state: Arc<State>,
    entrance: Entrance,
) -> App<
    impl ServiceFactory<
        ServiceRequest,
        Config = (),
        Error = Error,
        InitError = (),
        Response = ServiceResponse<impl MessageBody>,
    >,
> {
    let (routed, around) = (Arc::clone(&state), Arc::clone(&state));
    App::new()
        .app_data(Data::new(state))
        .app_data(entrance)
        .configure(move |config| routes(config, &routed, entrance))
        .default_service(web::to(|| async { ApiError::NotFound.reply(None) }))
        .wrap(from_fn(move |request, next| answer(Arc::clone(&around), request, next)))
}

/// Everything around every handler, the outermost first. One middleware of the library's for all: each would cost
/// allocations, and copies of request and response, at every request.
async fn answer<B: MessageBody + 'static>(
    state: Arc<State>,
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let state = &state;
    let coded = |request| coding::encode(request, |request| next.call(request));
    let shared = |request| cors::answer(state, request, coded);
    let tracked = |request| track(state, request, shared);
    // Sees every response of those within, and all of its headers.
    let headed = |request| headers::add(state, request, tracked);
    // Sees every request first, every response last. The connection keeps room for what it answers: it shall be small.
    Box::pin(trail::record(state, request, headed)).await
}

fn routes(config: &mut ServiceConfig, state: &State, entrance: Entrance) {
    // A resource of one path is compared as text, one of several by regular expressions; each in turn, so those that few ask
    // for come last.
    let spelled =
        |endpoint: Endpoint| endpoint.paths().into_iter().enumerate().map(move |(i, path)| (i, endpoint, path));
    let mut mounted: Vec<_> = Endpoint::at(&state.config, entrance).flat_map(spelled).collect();
    mounted.sort_by_key(|(i, ..)| *i);
    for (_, endpoint, path) in mounted {
        config.service(resource(endpoint, path, state.keys.can_sign()));
    }
}

fn resource(endpoint: Endpoint, path: String, can_sign: bool) -> Resource {
    let resource = web::resource(path).default_service(other_method(endpoint.allow(can_sign)));
    match endpoint {
        Endpoint::Report(report) => resource.route(
            read().to(move |caller, request: HttpRequest, state| reports::answer(report, caller, request, state)),
        ),
        Endpoint::Breakdown(report) => resource.route(
            read().to(move |caller, request: HttpRequest, state| breakdowns::answer(report, caller, request, state)),
        ),
        Endpoint::Cdrs(report) => resource
            .route(read().to(move |caller, request: HttpRequest, state| cdrs::answer(report, caller, request, state))),
        Endpoint::Definitions => resource.route(read().to(definitions::definitions)),
        Endpoint::Accounts => resource.route(read().to(definitions::accounts)),
        Endpoint::Operator(OperatorPath::Breakdown) => resource.route(read().to(operators::breakdown)),
        Endpoint::Operator(OperatorPath::Statistics) => resource.route(read().to(operators::statistics)),
        Endpoint::Operator(OperatorPath::Cdrs) => resource.route(read().to(operators::cdrs)),
        Endpoint::Operator(OperatorPath::Definitions) => resource.route(read().to(operators::definitions)),
        Endpoint::Operator(OperatorPath::Accounts) => resource.route(read().to(operators::accounts)),
        Endpoint::Exports(path) => match path {
            ExportPath::All => resource
                .route(read().to(|CustomerMaker(maker), request, state| exports::list(maker, request, state)))
                .route(
                    web::post()
                        .to(|CustomerMaker(maker), request, body, state| exports::create(maker, request, body, state)),
                ),
            ExportPath::One => resource
                .route(read().to(|CustomerMaker(maker), request, state| exports::show(maker, request, state)))
                .route(web::delete().to(|CustomerMaker(maker), request, state| exports::remove(maker, request, state))),
            ExportPath::File => {
                resource.route(read().to(|CustomerMaker(maker), request, state| exports::file(maker, request, state)))
            }
        },
        Endpoint::Operator(OperatorPath::Exports(path)) => match path {
            ExportPath::All => resource
                .route(read().to(|OperatorMaker(maker), request, state| exports::list(maker, request, state)))
                .route(
                    web::post()
                        .to(|OperatorMaker(maker), request, body, state| exports::create(maker, request, body, state)),
                ),
            ExportPath::One => resource
                .route(read().to(|OperatorMaker(maker), request, state| exports::show(maker, request, state)))
                .route(web::delete().to(|OperatorMaker(maker), request, state| exports::remove(maker, request, state))),
            ExportPath::File => {
                resource.route(read().to(|OperatorMaker(maker), request, state| exports::file(maker, request, state)))
            }
        },
        Endpoint::Login => {
            let resource = resource.route(read().to(login::show)).route(web::delete().to(login::destroy));
            if can_sign { resource.route(web::post().to(login::create)) } else { resource }
        }
        Endpoint::Grafana(entry) => grafana::mount(resource, entry),
        Endpoint::Live => resource.route(web::get().to(health::live)),
        Endpoint::Ready => resource.route(web::get().to(health::ready)),
        Endpoint::Data => resource.route(web::get().to(health::data)),
        Endpoint::Metrics => resource.route(web::get().to(metrics::show)),
        Endpoint::Document => resource.route(read().to(docs::document)),
        Endpoint::Page => resource.route(read().to(docs::page)),
        Endpoint::PageFile => resource.route(read().to(docs::file)),
        Endpoint::Index => resource.route(read().to(page::index)),
        Endpoint::Asset => resource.route(read().to(page::asset)),
        Endpoint::Session => resource
            .route(read().to(session::show))
            .route(web::post().to(session::create))
            .route(web::delete().to(session::destroy)),
    }
}

/// GET and HEAD.
fn read() -> Route {
    web::route().guard(guard::Any(guard::Get()).or(guard::Head()))
}

/// 405, before any token is asked for.
fn other_method(allow: &'static str) -> Route {
    web::to(move || async move { ApiError::Method(allow).reply(None) })
}
