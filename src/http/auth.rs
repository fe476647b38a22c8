//! The caller of a request. A handler that takes a `Caller` runs only for an accepted token.

use std::future::{Ready, ready};
use std::net::IpAddr;
use std::sync::Arc;

use actix_web::cookie::{Cookie, SameSite, time::Duration};
use actix_web::dev::Payload;
use actix_web::error::InternalError;
use actix_web::http::header::AUTHORIZATION;
use actix_web::web::Data;
use actix_web::{FromRequest, HttpMessage, HttpRequest};
use time::OffsetDateTime;

use super::error::ApiError;
use super::headers::RequestId;
use super::state::State;
use crate::access::Who;
use crate::net;
use crate::token::{Issue, Subject};

/// The cookie that may hold a token.
pub const COOKIE: &str = "_yeti_customer_v1_session";

/// The renewed cookie of this request, for the middleware that sets it on whatever answer comes of it.
pub struct Renewed(pub Cookie<'static>);

/// A caller whose token was accepted.
pub struct Caller(pub Who);

impl FromRequest for Caller {
    type Error = actix_web::Error;
    type Future = Ready<Result<Self, Self::Error>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        // A missing state is an app put together wrongly: nobody gets in.
        let state = request.app_data::<Data<Arc<State>>>().ok_or(ApiError::Unauthorized);
        ready(state.and_then(|state| authorize(request, state)).map_err(|error| refused(request, &error)))
    }
}

/// The answer in place of the handler's, with the id under which the log has more.
fn refused(request: &HttpRequest, error: &ApiError) -> actix_web::Error {
    let id = request.extensions().get::<RequestId>().map_or_else(String::new, |id| id.0.clone());
    if matches!(error, ApiError::Unreachable) {
        log::error!("request {id}: accounts could not be read for a while, so no token is trusted");
    }
    InternalError::from_response(error.to_string(), error.reply(Some(&id))).into()
}

/// Checks the token of a request.
///
/// # Errors
/// No token or a bad one, or too many requests of it.
pub fn authorize(request: &HttpRequest, state: &State) -> Result<Caller, ApiError> {
    let (token, from_cookie) = token(request).ok_or(ApiError::Unauthorized)?;
    let subject = state.keys.verify(&token, OffsetDateTime::now_utc()).map_err(|why| {
        log::info!("token refused: {why}");
        ApiError::Unauthorized
    })?;
    let snapshot = state.directory.snapshot().map_err(|_stale| ApiError::Unreachable)?;
    let who = Who::new(&subject, client_ip(request, state), snapshot).ok_or(ApiError::Unauthorized)?;
    if from_cookie && let Some(cookie) = renew(request, state, &subject) {
        request.extensions_mut().insert(Renewed(cookie));
    }
    limit_rate(state, &subject)?;
    Ok(Caller(who))
}

/// By whom a token speaks for, not by its text: a renewed cookie is the same caller.
fn limit_rate(state: &State, subject: &Subject) -> Result<(), ApiError> {
    use governor::clock::{Clock, DefaultClock};
    let Some(rate) = &state.rate else { return Ok(()) };
    rate.check_key(subject).map_err(|until| {
        let wait = until.wait_time_from(DefaultClock::default().now());
        ApiError::TooMany { retry_after: wait.as_secs() + 1 }
    })
}

/// The last word of the header, or the cookie where the header is absent or blank; and whether it was the cookie.
fn token(request: &HttpRequest) -> Option<(String, bool)> {
    let header = request.headers().get(AUTHORIZATION).map(|value| value.to_str());
    match header {
        // A header that is no text is a bad token, and wins over the cookie as any header does.
        Some(Err(_)) => None,
        Some(Ok(text)) if !text.trim().is_empty() => {
            text.split_whitespace().last().map(|word| (word.to_owned(), false))
        }
        _ => request.cookie(COOKIE).map(|cookie| (cookie.value().to_owned(), true)),
    }
}

fn renew(request: &HttpRequest, state: &State, subject: &Subject) -> Option<Cookie<'static>> {
    let issue = match subject {
        Subject::Access(id) => Issue::Access(*id),
        Subject::Grant(grant) => Issue::Grant {
            customer_id: grant.customer_id,
            account_ids: grant.account_ids.clone(),
            allowed_ips: grant.allowed_ips.iter().map(ToString::to_string).collect(),
            debug: grant.debug,
        },
    };
    let ttl = state.config.auth.token_ttl_seconds;
    let token = state.keys.sign(&issue, OffsetDateTime::now_utc(), ttl).ok()?;
    Some(session_cookie(request, state, token))
}

/// The session cookie with a fresh token.
pub fn session_cookie(request: &HttpRequest, state: &State, token: String) -> Cookie<'static> {
    let ttl = Duration::seconds(state.config.auth.token_ttl_seconds.into());
    Cookie::build(COOKIE, token)
        .path("/")
        .expires(actix_web::cookie::time::OffsetDateTime::now_utc() + ttl)
        .http_only(true)
        .same_site(SameSite::Lax)
        .secure(over_tls(request, state))
        .finish()
}

/// What takes the session cookie away.
pub fn removed_cookie(request: &HttpRequest, state: &State) -> Cookie<'static> {
    let mut cookie = session_cookie(request, state, String::new());
    cookie.make_removal();
    cookie
}

/// TLS ends at a proxy in front; a trusted one says so.
fn over_tls(request: &HttpRequest, state: &State) -> bool {
    let proto = request.headers().get("x-forwarded-proto").and_then(|value| value.to_str().ok());
    proto == Some("https") && peer(request).is_some_and(|peer| net::contains(&state.config.http.trusted_proxies, peer))
}

fn peer(request: &HttpRequest) -> Option<IpAddr> {
    request.peer_addr().map(|address| address.ip())
}

/// The address that `allowed_ips` is checked against: the peer, or, behind a trusted proxy, the last address of
/// X-Forwarded-For (without that header, X-Real-IP) that is not a trusted proxy. `None` when that does not read.
pub fn client_ip(request: &HttpRequest, state: &State) -> Option<IpAddr> {
    let peer = peer(request)?;
    let trusted = &state.config.http.trusted_proxies;
    if !net::contains(trusted, peer) {
        return Some(peer);
    }
    let headers = request.headers();
    let mut forwarded = headers.get_all("x-forwarded-for").peekable();
    if forwarded.peek().is_none() {
        return match headers.get("x-real-ip") {
            Some(value) => value.to_str().ok()?.trim().parse().ok(),
            None => Some(peer),
        };
    }
    let mut hops = Vec::new();
    for value in forwarded {
        hops.extend(value.to_str().ok()?.split(',').map(|hop| hop.trim().to_owned()));
    }
    let mut last = peer;
    for hop in hops.iter().rev() {
        last = hop.parse().ok()?;
        if !net::contains(trusted, last) {
            return Some(last);
        }
    }
    Some(last)
}
