//! The headers that every answer has, errors included, and the renewed cookie.

use std::sync::Arc;
use std::time::{Duration, Instant};

use actix_web::body::{EitherBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_ENCODING, HeaderName, HeaderValue, STRICT_TRANSPORT_SECURITY};
use actix_web::middleware::Next;
use actix_web::web::Data;
use actix_web::{Error, HttpMessage, HttpRequest};
use uuid::Uuid;

use super::auth::Renewed;
use super::coding::IDENTITY;
use super::cors::Source;
use super::endpoint::pattern;
use super::error::ApiError;
use super::state::State;
use super::trail;
use super::transport::over_tls;
use crate::store::REQUEST;

/// The id under which a request stands in the log.
#[derive(Clone, Debug)]
pub struct RequestId(pub String);

/// Headers whose value never changes.
pub const FIXED: &[(&str, &str)] = &[
    ("x-frame-options", "SAMEORIGIN"),
    ("x-xss-protection", "0"),
    ("x-content-type-options", "nosniff"),
    ("x-permitted-cross-domain-policies", "none"),
    ("referrer-policy", "strict-origin-when-cross-origin"),
];

/// The outermost middleware.
///
/// # Errors
/// None of its own.
pub async fn add<B: MessageBody>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B>>, Error> {
    let start = Instant::now();
    let id = request_id(&request);
    request.extensions_mut().insert(RequestId(id.clone()));
    trail::note_id(&id);
    let source = Source::of(&request);
    let response = REQUEST.scope(id.clone(), next.call(request)).await?;
    // The compressing layer's own refusal is plain text.
    let mut response = if response.status() == StatusCode::NOT_ACCEPTABLE {
        response.into_response(ApiError::Coding.reply(None)).map_into_right_body()
    } else {
        response.map_into_left_body()
    };
    let renewed = response.request().extensions_mut().remove::<Renewed>();
    if let Some(Renewed(cookie)) = renewed
        && response.status() != StatusCode::UNAUTHORIZED
        && let Err(e) = response.response_mut().add_cookie(&cookie)
    {
        log::error!("request {id}: cookie not set: {e}");
    }
    Ok(finish(response, source, &id, start))
}

/// Counts the request and adds the headers.
fn finish<B>(mut response: ServiceResponse<B>, source: Source, id: &str, start: Instant) -> ServiceResponse<B> {
    let took = start.elapsed();
    count(&response, took);
    source.tell(response.headers_mut());
    let hsts = hsts(response.request());
    let headers = response.headers_mut();
    if headers.get(CONTENT_ENCODING).is_some_and(|coding| coding == IDENTITY) {
        headers.remove(CONTENT_ENCODING);
    }
    for (name, value) in FIXED {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    if let Some(value) = hsts {
        headers.insert(STRICT_TRANSPORT_SECURITY, value);
    }
    let runtime = format!("{:.6}", took.as_secs_f64());
    for (name, value) in [("x-request-id", id), ("x-runtime", runtime.as_str())] {
        // Both are made of ASCII letters, digits and a few marks, which every header value may hold.
        if let Ok(value) = HeaderValue::try_from(value) {
            headers.insert(HeaderName::from_static(name), value);
        }
    }
    response
}

/// Keeps browsers at https, where the request came by it.
fn hsts(request: &HttpRequest) -> Option<HeaderValue> {
    let state = request.app_data::<Data<Arc<State>>>()?;
    let seconds = state.config.http.hsts_seconds;
    let sent = seconds > 0 && over_tls(request, state);
    sent.then(|| HeaderValue::try_from(format!("max-age={seconds}")).ok()).flatten()
}

/// Counts a request for /metrics, where that is wanted.
fn count<B>(response: &ServiceResponse<B>, took: Duration) {
    let request = response.request();
    if let Some(requests) = request.app_data::<Data<Arc<State>>>().and_then(|state| state.requests.as_ref()) {
        requests.note(pattern(request.match_pattern()).as_deref(), response.status().as_u16(), took);
    }
}

/// The caller's id, reduced to `[A-Za-z0-9_@-]` and 255 characters; a new one where nothing is left.
fn request_id(request: &ServiceRequest) -> String {
    let given = request.headers().get("x-request-id").map(HeaderValue::as_bytes).unwrap_or_default();
    let kept: String = given
        .iter()
        .filter(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'@' | b'-'))
        .take(255)
        .map(|&b| char::from(b))
        .collect();
    if kept.is_empty() { Uuid::new_v4().to_string() } else { kept }
}
