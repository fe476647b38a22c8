//! The headers that every answer has, errors included, and the renewed cookie.

use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderName, HeaderValue, STRICT_TRANSPORT_SECURITY};
use actix_web::{Error, HttpMessage, HttpRequest};
use uuid::Uuid;

use super::auth::RenewedCookie;
use super::cors::RequestOrigin;
use super::endpoint::pattern;
use super::state::State;
use super::trail;
use super::transport::over_tls;
use crate::store::{REQUEST, RequestScope};

/// The id under which a request stands in the log.
#[derive(Clone, Debug)]
pub struct RequestId(pub Arc<str>);

/// Headers whose value never changes.
pub const FIXED: &[(&str, &str)] = &[
    ("x-frame-options", "SAMEORIGIN"),
    ("x-xss-protection", "0"),
    ("x-content-type-options", "nosniff"),
    ("x-permitted-cross-domain-policies", "none"),
    ("referrer-policy", "strict-origin-when-cross-origin"),
];

/// [`FIXED`], read once.
static TYPED: LazyLock<Vec<(HeaderName, HeaderValue)>> = LazyLock::new(|| {
    let read =
        |(name, value): &(&'static str, &'static str)| (HeaderName::from_static(name), HeaderValue::from_static(value));
    FIXED.iter().map(read).collect()
});

/// The request's id.
const ID: HeaderName = HeaderName::from_static("x-request-id");

/// Seconds until the response was ready.
const RUNTIME: HeaderName = HeaderName::from_static("x-runtime");

/// Gives a request its id and its response the headers.
///
/// # Errors
/// None of its own.
pub async fn add<B>(
    state: &State,
    request: ServiceRequest,
    next: impl AsyncFnOnce(ServiceRequest) -> Result<ServiceResponse<B>, Error>,
) -> Result<ServiceResponse<B>, Error> {
    let start = Instant::now();
    let id = request_id(&request);
    request.extensions_mut().insert(RequestId(Arc::clone(&id)));
    trail::note_id(&id);
    let source = RequestOrigin::of(state, &request);
    let mut response = REQUEST.scope(RequestScope::from(&*id), next(request)).await?;
    let renewed = response.request().extensions_mut().remove::<RenewedCookie>();
    if let Some(RenewedCookie(cookie)) = renewed
        && response.status() != StatusCode::UNAUTHORIZED
        && let Err(e) = response.response_mut().add_cookie(&cookie)
    {
        log::error!("request {id}: cookie not set: {e}");
    }
    Ok(finish(state, response, source, &id, start))
}

/// Counts the request and adds the headers.
fn finish<B>(
    state: &State,
    mut response: ServiceResponse<B>,
    source: RequestOrigin,
    id: &str,
    start: Instant,
) -> ServiceResponse<B> {
    let took = start.elapsed();
    count(state, &response, took);
    source.tell(response.headers_mut());
    let hsts = hsts(state, response.request());
    let headers = response.headers_mut();
    for (name, value) in &*TYPED {
        headers.insert(name.clone(), value.clone());
    }
    if let Some(value) = hsts {
        headers.insert(STRICT_TRANSPORT_SECURITY, value);
    }
    let runtime = seconds(took);
    for (name, value) in [(ID, id), (RUNTIME, runtime.as_str())] {
        // Both are made of ASCII letters, digits and a few marks, which every header value may hold.
        if let Ok(value) = HeaderValue::try_from(value) {
            headers.insert(name, value);
        }
    }
    response
}

/// Seconds with six places.
fn seconds(time: Duration) -> String {
    let (mut whole, mut places) = (itoa::Buffer::new(), itoa::Buffer::new());
    // The one in front keeps the zeros.
    let places = places.format(1_000_000 + time.subsec_micros()).get(1..).unwrap_or_default();
    [whole.format(time.as_secs()), ".", places].concat()
}

/// The header that keeps browsers at https, for requests that came over it.
fn hsts(state: &State, request: &HttpRequest) -> Option<HeaderValue> {
    let seconds = state.config.http.hsts_seconds;
    let sent = seconds > 0 && over_tls(request, state);
    sent.then(|| HeaderValue::try_from(format!("max-age={seconds}")).ok()).flatten()
}

/// Counts a request for /metrics, where that is wanted.
fn count<B>(state: &State, response: &ServiceResponse<B>, took: Duration) {
    if let Some(requests) = &state.requests {
        requests.note(pattern(response.request().match_pattern()).as_deref(), response.status().as_u16(), took);
    }
}

/// The caller's id, reduced to `[A-Za-z0-9_@-]` and 255 characters; a new one where nothing is left.
fn request_id(request: &ServiceRequest) -> Arc<str> {
    let given = request.headers().get(ID).map(HeaderValue::as_bytes).unwrap_or_default();
    let kept: String = given
        .iter()
        .filter(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'@' | b'-'))
        .take(255)
        .map(|&b| char::from(b))
        .collect();
    if !kept.is_empty() {
        return kept.into();
    }
    let mut text = Uuid::encode_buffer();
    Arc::from(&*Uuid::new_v4().hyphenated().encode_lower(&mut text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_have_six_places() {
        for (micros, wanted) in [(0, "0.000000"), (7, "0.000007"), (12_000_340, "12.000340"), (999_999, "0.999999")] {
            assert_eq!(seconds(Duration::from_micros(micros)), wanted);
        }
    }
}
