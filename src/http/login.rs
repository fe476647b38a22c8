//! `…/auth`: a login and its password become a token. A wrong login, a wrong password and a wrong address get the same
//! answer after the same work; failures are throttled (see `access::throttle`), and passwords are checked a few at a time,
//! so that a flood of logins cannot take the processor from the reports.
//!
//! Without a key to sign with there is no login: POST is then not one of this path's methods, 405. GET and DELETE stay.

use std::hash::RandomState;
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix_web::http::header;
use actix_web::web::{self, Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use bytes::Bytes;
use time::OffsetDateTime;
use tokio::sync::Semaphore;

use super::JSON;
use super::auth::{Caller, client_ip, removed_cookie, session_cookie};
use super::body::{self, BadBody};
use super::error::ApiError;
use super::origin;
use super::reply::{self, Fixed};
use super::reports::request_id;
use super::state::State;
use crate::access::throttle::{Throttle, Wait};
use crate::access::{Denied, Snapshot, Who, Wrong};
use crate::config::{Auth, Contractors};
use crate::token::{Issue, Renewed, Subject, TokenTerms};

/// Longest body that is read, bytes: room for the longest password with every character escaped.
const LONGEST_BODY: usize = 16 * 1024;

/// Logins that may wait for each that is being checked, about half a second's worth.
const WAITING: usize = 32;

/// State of the logins: failures by address and login, and places for password checks.
pub struct Logins {
    throttle: Throttle,
    /// Chooses whose hash an unknown login is checked against.
    decoys: RandomState,
    places: Semaphore,
    turns: Arc<Semaphore>,
}

impl Logins {
    /// Nobody yet.
    pub fn new(config: &Auth) -> Self {
        // Half of the cores, for reports need the others; a hash also takes 19 MiB while it is computed.
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let turns = (cores / 2).clamp(1, 4);
        Self {
            throttle: Throttle::new(config.login_attempts_per_minute),
            decoys: RandomState::new(),
            places: Semaphore::new(turns * (1 + WAITING)),
            turns: Arc::new(Semaphore::new(turns)),
        }
    }

    /// The failures of logins, and of tokens that were to become sessions.
    pub(super) fn throttle(&self) -> &Throttle {
        &self.throttle
    }

    /// The row whose login and password these are, for a caller who may use it.
    async fn check(&self, asked: LoginBody, from: From, snapshot: Arc<Snapshot>) -> Result<u32, ApiError> {
        let attempt = self.throttle.attempt(&asked.login, from.address);
        self.throttle.check(attempt, Instant::now())?;
        let _place = self.places.try_acquire().map_err(|_none_free| ApiError::ManyLogins)?;
        let turn = Arc::clone(&self.turns).acquire_owned().await.map_err(|_closed| ApiError::ManyLogins)?;
        // Again, and counted: others may have failed while this one waited.
        let began = Instant::now();
        self.throttle.begin(attempt, began)?;
        let candidate = snapshot.candidate(&asked.login, &self.decoys);
        let check = move || {
            // The turn ends with the work, whether or not the caller is still there.
            let _turn = turn;
            candidate.check(&asked.password)
        };
        let row = web::block(check).await.map_err(|_stopping| ApiError::ManyLogins)?;
        // Sides matter to reports only.
        let may = |id| Who::new(&Subject::Access(id), from.client, snapshot, Contractors::One).map(|_| id);
        match row.map_err(LoginFailure::from).and_then(|id| may(id).map_err(LoginFailure::from)) {
            Ok(id) => {
                self.throttle.succeeded(attempt, began);
                Ok(id)
            }
            Err(why) => {
                let address = from.address.map_or_else(|| "nowhere".into(), |ip| ip.to_string());
                log::info!("request {}: login from {address} refused: {why}", from.request);
                Err(ApiError::Login)
            }
        }
    }
}

/// The reason for which a login is refused, for the log alone.
#[derive(Debug, thiserror::Error)]
enum LoginFailure {
    #[error("{0}")]
    Wrong(#[from] Wrong),
    #[error("{0}")]
    Denied(#[from] Denied),
}

/// Where a login comes from.
struct From {
    /// The address that `allowed_ips` is checked against, if it reads.
    client: Option<std::net::IpAddr>,
    /// The address that failures are counted for.
    address: Option<std::net::IpAddr>,
    /// The id of the request.
    request: String,
}

/// 200 for a valid token; a cookie is renewed on the way.
pub async fn show(_caller: Caller, request: HttpRequest) -> HttpResponse {
    reply::send_fixed(&request, JSON, &Fixed::from(Bytes::from_static(b"{}")))
}

/// 204 with the cookie cleared, whatever its token: a session that has ended can be left too.
pub async fn destroy(request: HttpRequest, state: Data<Arc<State>>) -> HttpResponse {
    if let Err(error) = origin::check(&request, &state) {
        return error.reply(None);
    }
    HttpResponse::NoContent().cookie(removed_cookie(&request, &state)).finish()
}

/// 201 with a token for a login and its password.
pub async fn create(request: HttpRequest, body: Payload, state: Data<Arc<State>>) -> HttpResponse {
    log_in(&request, body, &state).await.unwrap_or_else(|error| error.answer(&request, "login"))
}

async fn log_in(request: &HttpRequest, body: Payload, state: &State) -> Result<HttpResponse, ApiError> {
    origin::check(request, state)?;
    origin::json_only(request)?;
    let time = Duration::from_secs(state.config.http.body_seconds.into());
    let asked = LoginBody::read(request, body, time).await?;
    let as_cookie = asked.as_cookie;
    let snapshot = state.directory.snapshot()?;
    let client = client_ip(request, state);
    let address = client.or_else(|| request.peer_addr().map(|peer| peer.ip()));
    let from = From { client, address, request: request_id(request) };
    let id = state.logins.check(asked, from, snapshot).await?;
    let (auth, now) = (&state.config.auth, OffsetDateTime::now_utc());
    let ttl = auth.token_ttl_seconds.min(auth.session_seconds);
    let terms = TokenTerms { ttl, session: Some(auth.session_seconds), ..TokenTerms::default() };
    // A token for a row is plain numbers: with a key there is nothing to fail.
    let token = state.keys.sign_on(terms, &Issue::Access(id), now)?;
    let mut response = HttpResponse::Created();
    response.insert_header((header::CACHE_CONTROL, "no-store"));
    if as_cookie {
        return Ok(response.cookie(session_cookie(request, state, Renewed::fresh(token, now, ttl))).finish());
    }
    let body = serde_json::json!({ "jwt": token }).to_string();
    Ok(response.insert_header((header::CONTENT_TYPE, super::JSON)).body(body))
}

/// The body of a login request.
struct LoginBody {
    login: String,
    password: String,
    as_cookie: bool,
}

impl LoginBody {
    async fn read(request: &HttpRequest, body: Payload, time: Duration) -> Result<Self, ApiError> {
        let body = body::read(request, body, LONGEST_BODY, time).await.map_err(BadBody::answer_for_words)?;
        Self::parse(&body).ok_or(ApiError::BadBody(EXPECTED))
    }

    /// Keys that nobody knows are left unread.
    fn parse(body: &[u8]) -> Option<Self> {
        use serde_json::Value;
        let body: Value = serde_json::from_slice(body).ok()?;
        let auth = body.get("auth")?;
        // Beside `auth` it would do nothing, and whoever put it there would get the token in the body.
        if body.get("cookie_auth").is_some() {
            return None;
        }
        let text = |key| auth.get(key)?.as_str().map(str::to_owned);
        let as_cookie = match auth.get("cookie_auth") {
            None | Some(Value::Null) => false,
            Some(Value::Bool(flag)) => *flag,
            Some(_) => return None,
        };
        Some(Self { login: text("login")?, password: text("password")?, as_cookie })
    }
}

/// The error for any other body: an example of the expected one.
pub const EXPECTED: &str =
    r#"expected {"auth":{"login":"…","password":"…"}}, with "cookie_auth":true within auth for a cookie"#;

impl std::convert::From<Wait> for ApiError {
    fn from(Wait(wait): Wait) -> Self {
        // Rounded up: a caller who waits this long is let in.
        Self::ManyFailures { retry_after: wait.as_secs() + 1 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_a_login_and_a_password() {
        let asked = |body: &str| LoginBody::parse(body.as_bytes()).map(|a| (a.login, a.password, a.as_cookie));
        let of = |login: &str, password: &str, as_cookie| Some((login.to_owned(), password.to_owned(), as_cookie));
        assert_eq!(asked(r#"{"auth":{"login":"a","password":"b"}}"#), of("a", "b", false));
        assert_eq!(
            asked(r#"{"auth":{"login":"","password":"\u00e9","cookie_auth":true,"x":1},"y":2}"#),
            of("", "é", true)
        );
        assert_eq!(asked(r#"{"auth":{"login":"a","password":"b","cookie_auth":null}}"#), of("a", "b", false));
        for bad in [
            "",
            "null",
            "[]",
            "{}",
            r#"{"auth":null}"#,
            r#"{"auth":["a","b"]}"#,
            r#"{"auth":{"login":"a"}}"#,
            r#"{"auth":{"password":"b"}}"#,
            r#"{"auth":{"login":1,"password":"b"}}"#,
            r#"{"auth":{"login":"a","password":null}}"#,
            r#"{"auth":{"login":"a","password":"b","cookie_auth":"yes"}}"#,
            r#"{"login":"a","password":"b"}"#,
            r#"{"auth":{"login":"a","password":"b"},"cookie_auth":true}"#,
            r#"{"auth":{"login":"a","password":"b"}} x"#,
        ] {
            assert_eq!(asked(bad), None, "{bad}");
        }
        assert!(LoginBody::parse(b"{\"auth\":{\"login\":\"\xff\",\"password\":\"b\"}}").is_none());
    }
}
