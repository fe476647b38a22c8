//! The caller of a request. A handler that takes a `Caller` runs only for an accepted token.

use std::future::{Ready, ready};
use std::net::IpAddr;
use std::sync::Arc;

use actix_web::cookie::{Cookie, CookieBuilder, SameSite};
use actix_web::dev::Payload;
use actix_web::error::InternalError;
use actix_web::http::header::AUTHORIZATION;
use actix_web::web::Data;
use actix_web::{FromRequest, HttpMessage, HttpRequest};
use time::OffsetDateTime;

use super::error::ApiError;
use super::origin;
use super::reports::request_id;
use super::state::State;
use super::trail;
use super::transport::over_tls;
use crate::access::{Denied, Who};
use crate::config::CookieSecure;
use crate::net;
use crate::token::{self, Accepted, Rejected, Subject};

/// The cookie that may hold a token.
pub const COOKIE: &str = "_yeti_customer_v1_session";

/// The cookie that may hold a token of the operator's.
pub const OPERATOR_COOKIE: &str = "cdrscope_operator_session";

/// Marks a request whose token was accepted.
pub struct Known;

/// The renewed cookie of this request, for the middleware that sets it on whatever answer comes of it.
pub struct RenewedCookie(pub Cookie<'static>);

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
pub(super) fn refused(request: &HttpRequest, error: &ApiError) -> actix_web::Error {
    InternalError::from_response(error.to_string(), error.answer(request, "token")).into()
}

/// The reason for a 401, for the log alone.
#[derive(Debug, thiserror::Error)]
pub(super) enum AuthFailure {
    #[error("no token")]
    None,
    #[error("the header Authorization is no text")]
    NoText,
    #[error("{0}")]
    Rejected(#[from] Rejected),
    #[error("{0}")]
    Denied(#[from] Denied),
}

/// Logs why a request gets 401, with its id and the address that it comes from.
pub fn unauthorized(request: &HttpRequest, state: &State, why: impl std::fmt::Display) -> ApiError {
    let address = client_ip(request, state).or_else(|| peer(request));
    let address = address.map_or_else(|| "nowhere".to_owned(), |ip| ip.to_string());
    log::info!("request {}: token refused: {why}; from {address}", request_id(request));
    ApiError::Unauthorized
}

/// Checks the token of a request.
///
/// # Errors
/// No token or a bad one, or too many requests of it.
pub fn authorize(request: &HttpRequest, state: &State) -> Result<Caller, ApiError> {
    authorize_token(request, state).map(|(caller, _)| caller)
}

/// The same, with the token.
///
/// # Errors
/// As [`authorize`].
pub(super) fn authorize_token(request: &HttpRequest, state: &State) -> Result<(Caller, Accepted), ApiError> {
    let refuse = |why: AuthFailure| unauthorized(request, state, why);
    let (token, from_cookie) = token(request).map_err(refuse)?;
    if from_cookie {
        origin::check_change(request, state)?;
    }
    let now = OffsetDateTime::now_utc();
    let accepted = state.keys.accept(&token, now).map_err(|why| refuse(why.into()))?;
    let snapshot = state.directory.snapshot()?;
    let who = Who::of(&accepted, client_ip(request, state), snapshot, state.config.auth.contractors)
        .map_err(|why| refuse(why.into()))?;
    trail::note_caller(&accepted, &who);
    let auth = &state.config.auth;
    if from_cookie && let Some(renewed) = accepted.renew(&token, now, auth.token_ttl_seconds, auth.session_seconds) {
        // Made before: it looks into the same extensions.
        let cookie = session_cookie(request, state, renewed);
        request.extensions_mut().insert(RenewedCookie(cookie));
    }
    limit_rate(state, accepted.subject())?;
    request.extensions_mut().insert(Known);
    Ok((Caller(who), accepted))
}

/// By whom a token speaks for, not by its text: a renewed cookie is the same caller.
pub(super) fn limit_rate(state: &State, subject: &Subject) -> Result<(), ApiError> {
    use governor::clock::{Clock, DefaultClock};
    let Some(rate) = &state.rate else { return Ok(()) };
    rate.check_key(subject).map_err(|until| {
        let wait = until.wait_time_from(DefaultClock::default().now());
        ApiError::TooMany { retry_after: wait.as_secs() + 1 }
    })
}

/// The last word of the header, or the cookie where the header is absent or blank; and whether it was the cookie.
fn token(request: &HttpRequest) -> Result<(String, bool), AuthFailure> {
    if let Some(word) = header_token(request)? {
        return Ok((word, false));
    }
    request.cookie(COOKIE).map(|cookie| (cookie.value().to_owned(), true)).ok_or(AuthFailure::None)
}

/// The last word of the header; `None` where that is absent or blank.
pub(super) fn header_token(request: &HttpRequest) -> Result<Option<String>, AuthFailure> {
    let Some(value) = request.headers().get(AUTHORIZATION) else { return Ok(None) };
    // `to_str` looks at each byte by itself, and tokens are long.
    match value.as_bytes().is_ascii().then(|| std::str::from_utf8(value.as_bytes())) {
        // A header that is no text is a bad token, and wins over the cookie as any header does.
        None | Some(Err(_)) => Err(AuthFailure::NoText),
        Some(Ok(text)) if !text.trim().is_empty() => {
            // Text of a header has no other space than these two.
            let text = text.trim_end();
            let word = memchr::memrchr2(b' ', b'\t', text.as_bytes()).and_then(|space| text.get(space + 1..));
            Ok(Some(word.unwrap_or(text).to_owned()))
        }
        Some(Ok(_)) => Ok(None),
    }
}

/// The session cookie with a token, for as long as that lasts.
pub fn session_cookie(request: &HttpRequest, state: &State, renewed: token::Renewed) -> Cookie<'static> {
    let expires = renewed.expires().unwrap_or_else(OffsetDateTime::now_utc);
    cookie(request, state, renewed.token).expires(expires).finish()
}

fn cookie(request: &HttpRequest, state: &State, value: String) -> CookieBuilder<'static> {
    build((COOKIE, SameSite::Lax), value, request, state)
}

/// A cookie of the whole service that no script reads.
fn build(
    (name, same_site): (&'static str, SameSite),
    value: String,
    request: &HttpRequest,
    state: &State,
) -> CookieBuilder<'static> {
    let always = state.config.auth.cookie_secure == CookieSecure::Always;
    let cookie = Cookie::build(name, value).path("/").http_only(true).same_site(same_site);
    cookie.secure(always || over_tls(request, state))
}

/// The operator's cookie with a token. A browser sends it for pages of this site alone; the operator's paths and the page's
/// session read it, and nothing else does.
pub fn operator_cookie(request: &HttpRequest, state: &State, renewed: token::Renewed) -> Cookie<'static> {
    let expires = renewed.expires().unwrap_or_else(OffsetDateTime::now_utc);
    build((OPERATOR_COOKIE, SameSite::Strict), renewed.token, request, state).expires(expires).finish()
}

/// Builds a cookie that makes the browser delete the session cookie.
pub fn removed_cookie(request: &HttpRequest, state: &State) -> Cookie<'static> {
    removed(cookie(request, state, String::new()))
}

/// Likewise for the operator's.
pub fn removed_operator_cookie(request: &HttpRequest, state: &State) -> Cookie<'static> {
    removed(build((OPERATOR_COOKIE, SameSite::Strict), String::new(), request, state))
}

fn removed(cookie: CookieBuilder<'static>) -> Cookie<'static> {
    let mut cookie = cookie.finish();
    cookie.make_removal();
    cookie
}

/// The address of the connection's other end.
pub(super) fn peer(request: &HttpRequest) -> Option<IpAddr> {
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
            Some(value) => net::parse_hop(value.to_str().ok()?),
            None => Some(peer),
        };
    }
    let mut hops = Vec::new();
    for value in forwarded {
        hops.extend(value.to_str().ok()?.split(',').map(|hop| hop.trim().to_owned()));
    }
    let mut last = peer;
    for hop in hops.iter().rev() {
        last = net::parse_hop(hop)?;
        if !net::contains(trusted, last) {
            return Some(last);
        }
    }
    Some(last)
}
