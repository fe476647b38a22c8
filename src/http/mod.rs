//! `app()`: the one list of middleware and routes, for `serve` and for tests. No rules of the business.

pub mod auth;
mod body;
mod coding;
mod cors;
mod docs;
pub mod endpoint;
pub mod error;
pub mod grafana;
pub mod headers;
mod health;
mod heavy;
mod login;
mod metrics;
mod openapi;
mod origin;
pub mod params;
pub mod reply;
mod reports;
pub mod server;
mod spellings;
pub mod state;
pub mod trail;
pub mod transport;

use std::sync::Arc;

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceFactory, ServiceRequest, ServiceResponse};
use actix_web::middleware::{Compress, from_fn};
use actix_web::web::{self, Data, ServiceConfig};
use actix_web::{App, Error, HttpRequest, Resource, Route, guard};

use docs::Docs;
use endpoint::Endpoint;
use error::ApiError;
use state::State;

/// The content type of every JSON body, whatever JSON type the caller names.
pub const JSON: &str = "application/json; charset=utf-8";

/// Where the customer API lives.
pub const CUSTOMER_API: &str = "/api/rest/customer/v1";

/// The service. `state` is made once, outside: one made in here would be one a worker.
pub fn app(
    state: Arc<State>,
) -> App<
    impl ServiceFactory<
        ServiceRequest,
        Config = (),
        Error = Error,
        InitError = (),
        Response = ServiceResponse<impl MessageBody>,
    >,
> {
    let routed = Arc::clone(&state);
    App::new()
        .app_data(Data::new(Docs::new(&state)))
        .app_data(Data::new(state))
        .configure(move |config| routes(config, &routed))
        .default_service(web::to(|| async { ApiError::NotFound.reply(None) }))
        .wrap(from_fn(coding::leave_plain))
        .wrap(Compress::default())
        .wrap(from_fn(cors::answer))
        .wrap(from_fn(server::track::track))
        .wrap(from_fn(headers::add)) // sees every answer of those within, and all of its headers
        .wrap(from_fn(trail::record)) // outermost: sees every request first, every answer last
}

fn routes(config: &mut ServiceConfig, state: &State) {
    for endpoint in Endpoint::mounted(&state.config) {
        // A resource of one path is compared as text, one of several by regular expressions.
        for path in endpoint.paths() {
            config.service(resource(endpoint, path, state.keys.can_sign()));
        }
    }
}

fn resource(endpoint: Endpoint, path: String, can_sign: bool) -> Resource {
    let resource = web::resource(path).default_service(other_method(endpoint.allow(can_sign)));
    match endpoint {
        Endpoint::Report(report) => resource.route(
            read().to(move |caller, request: HttpRequest, state| reports::answer(report, caller, request, state)),
        ),
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
