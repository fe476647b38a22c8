//! `/session`: how a browser signs in to the page. A token becomes a cookie that no script reads, a customer's or the operator's
//! as its key decides; what a browser has can be asked for and taken away. Passwords go to `…/auth`, as everywhere.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix_web::cookie::Cookie;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use actix_web::web::{Data, Payload};
use actix_web::{HttpMessage as _, HttpRequest, HttpResponse};
use serde_json::{Value, json};
use time::OffsetDateTime;

use super::JSON;
use super::auth::{self, COOKIE, Known, OPERATOR_COOKIE, client_ip};
use super::body::{self, BadBody};
use super::endpoint::Entrance;
use super::error::ApiError;
use super::origin;
use super::reports::request_id;
use super::state::State;
use super::trail;
use crate::access::operators::OperatorWho;
use crate::access::{Denied, Snapshot, Who};
use crate::report::audience::Rights;
use crate::token::{Accepted, Issue, Keys, Rejected, Renewed, TokenTerms};

/// Longest body that is read, bytes. Tokens with long lists are a few KiB.
const LONGEST_BODY: usize = 16 * 1024;

/// Longest token that becomes a cookie: browsers drop one above 4096 bytes without a word, name and attributes included.
const LONGEST_TOKEN: usize = 3800;

/// The error for any other body: an example of the expected one.
pub const EXPECTED: &str =
    r#"expected {"token":"…"}, or {"demo":"customer"} or {"demo":"operator"} where there is a demo"#;

/// Nothing of a session is kept by anybody on the way.
const LIFE: (actix_web::http::header::HeaderName, &str) = (CACHE_CONTROL, "no-store");

/// The sign-in of the demo: nobody needs a token for calls that are made up.
#[derive(Clone, Debug)]
pub struct DemoCustomer {
    /// Its number.
    pub id: u32,
    /// Its name.
    pub name: String,
}

/// The keys whose tokens are of use at the address of a request.
struct Doors<'a> {
    customers: Option<&'a Keys>,
    operators: Option<&'a Keys>,
}

impl<'a> Doors<'a> {
    fn of(request: &HttpRequest, state: &'a State) -> Self {
        let is_apart = state.config.http.operator_listen.is_some();
        let is_main = !matches!(request.app_data::<Entrance>(), Some(Entrance::Operators));
        Self {
            customers: is_main.then_some(&state.keys),
            operators: state.operator_keys.as_ref().filter(|_| is_main != is_apart),
        }
    }
}

/// The holder of a token that was accepted.
enum SessionHolder {
    Customer(Who),
    Operator,
}

/// The reason for which a token is no session, for the log alone.
#[derive(Debug, thiserror::Error)]
enum SessionFailure {
    #[error("{0}")]
    Rejected(#[from] Rejected),
    #[error("{0}")]
    Denied(#[from] Denied),
    #[error("no key accepts it")]
    NoKey,
}

/// A cookie of a request, and what its token is worth now.
fn cookie_of(name: &str, keys: Option<&Keys>, request: &HttpRequest) -> Option<(String, Accepted)> {
    let token = request.cookie(name)?.value().to_owned();
    let accepted = keys?.accept(&token, OffsetDateTime::now_utc()).ok()?;
    Some((token, accepted))
}

/// Says which ways to sign in there are, and which cookies of the browser are good; those are renewed. Nobody has to be somebody
/// to ask, and nothing of an account is told.
pub async fn show(request: HttpRequest, state: Data<Arc<State>>) -> HttpResponse {
    let doors = Doors::of(&request, &state);
    let snapshot = state.directory.snapshot().ok();
    let mut cookies = Vec::new();
    let mut is_good = |name, keys| {
        let Some((token, accepted)) = cookie_of(name, keys, &request) else { return false };
        // While the accounts cannot be read the token is all that is known: a browser is not sent to sign in again for that.
        let Some(snapshot) = &snapshot else { return true };
        let is_customers = name == COOKIE;
        let holder = admit(&accepted, is_customers, client_ip(&request, &state), Arc::clone(snapshot), &state);
        if holder.is_ok() {
            let (auth, now) = (&state.config.auth, OffsetDateTime::now_utc());
            let renewed = accepted.renew(&token, now, auth.token_ttl_seconds, auth.session_seconds);
            cookies.extend(renewed.map(|renewed| made_cookie(is_customers, renewed, &request, &state)));
        }
        holder.is_ok()
    };
    let customer = is_good(COOKIE, doors.customers);
    let operator = doors.operators.map(|keys| is_good(OPERATOR_COOKIE, Some(keys)));
    if customer || operator == Some(true) {
        request.extensions_mut().insert(Known);
    }
    let logins = snapshot.as_ref().is_none_or(|snapshot| !snapshot.logins.is_empty());
    let body = json!({
        "login": doors.customers.is_some_and(Keys::can_sign) && logins,
        "demo": demo_of(&doors, &state),
        "customer": customer,
        "operator": operator,
        "version": env!("CARGO_PKG_VERSION"),
    });
    let mut response = HttpResponse::Ok();
    response.insert_header(LIFE).insert_header((CONTENT_TYPE, JSON));
    for cookie in cookies {
        response.cookie(cookie);
    }
    response.body(body.to_string())
}

/// The demo's sign-ins at an address; null where there is no demo.
fn demo_of(doors: &Doors<'_>, state: &State) -> Value {
    let Some(customer) = state.demo.get() else { return Value::Null };
    let customers = doors.customers.filter(|keys| keys.can_sign()).map(|_| json!({ "name": customer.name }));
    json!({
        "customers": customers.into_iter().collect::<Vec<_>>(),
        "operator": doors.operators.is_some_and(Keys::can_sign),
    })
}

/// 204 with both cookies cleared, whatever their tokens: a session that has ended can be left too.
pub async fn destroy(request: HttpRequest, state: Data<Arc<State>>) -> HttpResponse {
    if let Err(error) = origin::check(&request, &state) {
        return error.reply(None);
    }
    let mut response = HttpResponse::NoContent();
    response.insert_header(LIFE);
    response.cookie(auth::removed_cookie(&request, &state));
    response.cookie(auth::removed_operator_cookie(&request, &state)).finish()
}

/// 204 with a cookie for a token, or for a click in the demo.
pub async fn create(request: HttpRequest, body: Payload, state: Data<Arc<State>>) -> HttpResponse {
    open(&request, body, &state).await.unwrap_or_else(|error| error.answer(&request, "session"))
}

async fn open(request: &HttpRequest, body: Payload, state: &State) -> Result<HttpResponse, ApiError> {
    origin::check(request, state)?;
    origin::json_only(request)?;
    let time = Duration::from_secs(state.config.http.body_seconds.into());
    let cookie = match SessionBody::read(request, body, time).await? {
        SessionBody::Token(token) => by_token(&token, request, state)?,
        SessionBody::DemoCustomer => by_demo(true, request, state)?,
        SessionBody::DemoOperator => by_demo(false, request, state)?,
    };
    request.extensions_mut().insert(Known);
    Ok(HttpResponse::NoContent().insert_header(LIFE).cookie(cookie).finish())
}

/// The cookie for a token. Refused ones count as failed logins of the address; that of one token, wherever it is tried from, too.
fn by_token(token: &str, request: &HttpRequest, state: &State) -> Result<Cookie<'static>, ApiError> {
    let client = client_ip(request, state);
    let address = client.or_else(|| auth::peer(request));
    let throttle = state.logins.throttle();
    // Not the name of a login: those hold no line end.
    let (attempt, began) = (throttle.attempt(&format!("token\n{token}"), address), Instant::now());
    let snapshot = state.directory.snapshot()?;
    throttle.begin(attempt, began)?;
    let now = OffsetDateTime::now_utc();
    let doors = Doors::of(request, state);
    let accepted = match accept(token, &doors, now) {
        Ok((accepted, is_customers)) => {
            admit(&accepted, is_customers, client, snapshot, state).map(|holder| (accepted, holder))
        }
        Err(why) => Err(why),
    };
    let (accepted, holder) = accepted.map_err(|why| {
        let from = address.map_or_else(|| "nowhere".to_owned(), |ip| ip.to_string());
        log::info!("request {}: session from {from} refused: {why}", request_id(request));
        ApiError::Unauthorized
    })?;
    throttle.succeeded(attempt, began);
    let is_customers = match &holder {
        SessionHolder::Customer(who) => {
            trail::note_caller(&accepted, who);
            true
        }
        SessionHolder::Operator => {
            trail::note_operator(&accepted);
            false
        }
    };
    auth::limit_rate(state, accepted.subject())?;
    let auth = &state.config.auth;
    let renewed = accepted
        .renew(token, now, auth.token_ttl_seconds, auth.session_seconds)
        .unwrap_or_else(|| accepted.as_it_is(token, now, auth.session_seconds));
    if renewed.token.len() > LONGEST_TOKEN {
        return Err(ApiError::BadBody("the token is too long for a cookie"));
    }
    Ok(made_cookie(is_customers, renewed, request, state))
}

/// The keys that accept a token: true for customers'.
fn accept(token: &str, doors: &Doors<'_>, now: OffsetDateTime) -> Result<(Accepted, bool), SessionFailure> {
    let mut last = SessionFailure::NoKey;
    for (keys, is_customers) in [(doors.customers, true), (doors.operators, false)] {
        match keys.map(|keys| keys.accept(token, now)) {
            Some(Ok(accepted)) => return Ok((accepted, is_customers)),
            Some(Err(why)) => last = why.into(),
            None => {}
        }
    }
    Err(last)
}

/// The holder of an accepted token, if the accounts and the address allow it.
fn admit(
    accepted: &Accepted,
    is_customers: bool,
    client: Option<IpAddr>,
    snapshot: Arc<Snapshot>,
    state: &State,
) -> Result<SessionHolder, SessionFailure> {
    if is_customers {
        return Ok(SessionHolder::Customer(Who::of(accepted, client, snapshot, state.config.auth.contractors)?));
    }
    OperatorWho::of(accepted, client, snapshot)?;
    Ok(SessionHolder::Operator)
}

/// The cookie for a click in the demo.
fn by_demo(is_customers: bool, request: &HttpRequest, state: &State) -> Result<Cookie<'static>, ApiError> {
    let doors = Doors::of(request, state);
    let keys = if is_customers { doors.customers } else { doors.operators };
    let (Some(customer), Some(keys)) = (state.demo.get(), keys.filter(|keys| keys.can_sign())) else {
        return Err(ApiError::BadBody("there is no such demo here"));
    };
    let issue = if is_customers {
        Issue::Grant { customer_id: customer.id, account_ids: Vec::new(), allowed_ips: Vec::new(), debug: false }
    } else {
        Issue::OperatorGrant {
            customers: Vec::new(),
            vendors: Vec::new(),
            rights: Rights::ALL,
            allowed_ips: Vec::new(),
            debug: false,
        }
    };
    let (auth, now) = (&state.config.auth, OffsetDateTime::now_utc());
    let ttl = auth.token_ttl_seconds.min(auth.session_seconds);
    let terms = TokenTerms { ttl, session: Some(auth.session_seconds), ..TokenTerms::default() };
    let token = keys.sign_on(terms, &issue, now)?;
    Ok(made_cookie(is_customers, Renewed::fresh(token, now, ttl), request, state))
}

fn made_cookie(is_customers: bool, renewed: Renewed, request: &HttpRequest, state: &State) -> Cookie<'static> {
    if is_customers {
        auth::session_cookie(request, state, renewed)
    } else {
        auth::operator_cookie(request, state, renewed)
    }
}

/// The body of a request for a session.
#[derive(Debug, PartialEq, Eq)]
enum SessionBody {
    Token(String),
    DemoCustomer,
    DemoOperator,
}

impl SessionBody {
    async fn read(request: &HttpRequest, body: Payload, time: Duration) -> Result<Self, ApiError> {
        let body = body::read(request, body, LONGEST_BODY, time).await.map_err(BadBody::answer_for_words)?;
        Self::parse(&body).ok_or(ApiError::BadBody(EXPECTED))
    }

    /// One of the two keys, and no other.
    fn parse(body: &[u8]) -> Option<Self> {
        let body: Value = serde_json::from_slice(body).ok()?;
        let mut pairs = body.as_object()?.iter();
        let pair = (pairs.next()?, pairs.next());
        let ((key, Value::String(value)), None) = pair else { return None };
        match (key.as_str(), value.as_str()) {
            // As people copy it: the word `Bearer` may stand before it.
            ("token", text) => text.split_ascii_whitespace().next_back().map(|word| Self::Token(word.to_owned())),
            ("demo", "customer") => Some(Self::DemoCustomer),
            ("demo", "operator") => Some(Self::DemoOperator),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_a_token_or_a_click() {
        let asked = |body: &str| SessionBody::parse(body.as_bytes());
        let token = || Some(SessionBody::Token("eyJ".to_owned()));
        assert_eq!(asked(r#"{"token":"eyJ"}"#), token());
        assert_eq!(asked(r#"{"token":" Bearer eyJ\n"}"#), token());
        assert_eq!(asked(r#"{"demo":"customer"}"#), Some(SessionBody::DemoCustomer));
        assert_eq!(asked(r#"{"demo":"operator"}"#), Some(SessionBody::DemoOperator));
        for bad in [
            "",
            "null",
            "[]",
            "{}",
            r#""eyJ""#,
            r#"{"token":""}"#,
            r#"{"token":" "}"#,
            r#"{"token":1}"#,
            r#"{"token":null}"#,
            r#"{"demo":"vendor"}"#,
            r#"{"demo":true}"#,
            r#"{"token":"eyJ","demo":"customer"}"#,
            r#"{"token":"eyJ"} x"#,
            r#"{"Token":"eyJ"}"#,
        ] {
            assert_eq!(asked(bad), None, "{bad}");
        }
    }
}
