//! Calls from pages of other origins (CORS), where `http.cors_origins` lists them. Without that setting nothing of this is in
//! any response. A listed origin is named in every response, refusals included, or its page could not read why it was refused.

use actix_web::Error;
use actix_web::body::BoxBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::Method;
use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use actix_web::{HttpResponse, HttpResponseBuilder};

use super::endpoint::{Endpoint, pattern};
use super::state::State;
use crate::config::Origin;

/// Request headers that a page may set. Others need no permission.
const ALLOWED: &str = "Authorization, Content-Type, If-None-Match, If-Range, Range, X-Request-Id";

/// Response headers that a page may read beyond those that all may.
const EXPOSED: &str = "ETag, Link, Location, Accept-Ranges, Content-Range, Content-Disposition, Repr-Digest, X-Request-Id, \
    X-Runtime, Retry-After, X-Cache, Age, X-Cdrscope-Plan";

/// Seconds for which a browser need not ask again.
const MAX_AGE: &str = "600";

/// The request headers that a permission depends on.
const PERMISSION: &str = "Origin, Access-Control-Request-Method, Access-Control-Request-Headers";

/// Answers preflights.
///
/// # Errors
/// None of its own.
pub async fn answer(
    state: &State,
    request: ServiceRequest,
    next: impl AsyncFnOnce(ServiceRequest) -> Result<ServiceResponse<BoxBody>, Error>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    match RequestOrigin::of(state, &request).preflight(state, &request) {
        Some(permission) => Ok(request.into_response(permission)),
        None => next(request).await,
    }
}

/// The origin of a request.
#[derive(Debug)]
pub enum RequestOrigin {
    /// No origin is listed.
    Off,
    /// None, or one that is not listed.
    Other,
    /// A listed one.
    Listed(HeaderValue),
}

impl RequestOrigin {
    /// The origin of a request: as its only header `Origin` says, to the byte.
    pub fn of(state: &State, request: &ServiceRequest) -> Self {
        let origins = &state.config.http.cors_origins;
        if origins.is_empty() {
            return Self::Off;
        }
        let mut given = request.headers().get_all(header::ORIGIN);
        match (given.next(), given.next()) {
            (Some(origin), None) if is_listed(origins, origin) => Self::Listed(origin.clone()),
            _ => Self::Other,
        }
    }

    /// The response to a browser that asks whether it may send a request, for a path that there is: 204, before any token is
    /// asked for.
    fn preflight(&self, state: &State, request: &ServiceRequest) -> Option<HttpResponse> {
        let asks = request.method() == Method::OPTIONS
            && request.headers().contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
        if !matches!(self, Self::Listed(_)) || !asks {
            return None;
        }
        let pattern = pattern(request.match_pattern())?;
        let endpoint = Endpoint::mounted(&state.config).find(|endpoint| endpoint.path() == pattern)?;
        let mut response: HttpResponseBuilder = HttpResponse::NoContent();
        response
            .insert_header((header::ACCESS_CONTROL_ALLOW_METHODS, endpoint.allow(state.keys.can_sign())))
            .insert_header((header::ACCESS_CONTROL_ALLOW_HEADERS, ALLOWED))
            .insert_header((header::ACCESS_CONTROL_MAX_AGE, MAX_AGE))
            .insert_header((header::VARY, PERMISSION));
        Some(response.finish())
    }

    /// Lets a listed origin's page read the response, and tells caches that it depends on the origin.
    pub fn tell(self, headers: &mut HeaderMap) {
        let origin = match self {
            Self::Off => return,
            Self::Other => None,
            Self::Listed(origin) => Some(origin),
        };
        if !headers.get_all(header::VARY).any(|vary| vary == PERMISSION) {
            headers.append(header::VARY, HeaderValue::from_static("Origin"));
        }
        let Some(origin) = origin else { return };
        let mut insert = |name: HeaderName, value: HeaderValue| drop(headers.insert(name, value));
        insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        insert(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
        insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(EXPOSED));
    }
}

/// True for a header `Origin` that names one of the origins.
pub fn is_listed(origins: &[Origin], origin: &HeaderValue) -> bool {
    origins.iter().any(|listed| listed.as_str().as_bytes() == origin.as_bytes())
}
