//! Signs tokens for the command line and for logins, and renews those of cookies.

use jsonwebtoken::Header;
use serde::Serialize;
use serde_json::{Map, Number, Value};
use time::OffsetDateTime;
use uuid::Uuid;

use super::claims::{SESSION_END, seconds};
use super::keys::KeySet;
use super::{Accepted, KeyError, Keys, Sides};
use crate::report::audience::Rights;

/// The subject of a token to sign.
#[derive(Clone, Debug)]
pub enum Issue {
    /// For a row of `api_access`.
    Access(u32),
    /// With the grant in the token.
    Grant {
        /// The tenant.
        customer_id: u32,
        /// Accounts; empty is all.
        account_ids: Vec<u32>,
        /// Networks or addresses; empty is any.
        allowed_ips: Vec<String>,
        /// True if responses may hold the trace of their results.
        debug: bool,
    },
    /// For a row of `operator_access`.
    Operator(u32),
    /// For the operator's people, with customers, vendors and rights in the token.
    OperatorGrant {
        /// Customers; empty is all.
        customers: Vec<u32>,
        /// Vendors; empty is all.
        vendors: Vec<u32>,
        /// Rights beyond counts of calls.
        rights: Rights,
        /// Networks or addresses; empty is any.
        allowed_ips: Vec<String>,
        /// True if responses may hold the trace of their results.
        debug: bool,
    },
}

/// The lifetime of a token, and the sides that it is bounded to.
#[derive(Clone, Copy, Debug, Default)]
pub struct TokenTerms {
    /// Seconds until it expires.
    pub ttl: u32,
    /// Seconds until renewals of it end; `None` for a token that is granted for `ttl` seconds, renewed or not.
    pub session: Option<u32>,
    /// Sides that a grant is bounded to.
    pub sides: Option<Sides>,
    /// True if a grant may read calls one by one, false if not; `None` leaves it to `exports.customers`.
    pub export: Option<bool>,
}

/// A token in place of one that came in a cookie.
#[derive(Clone, Debug)]
pub struct Renewed {
    /// Its text.
    pub token: String,
    /// The time from which on it has expired, epoch seconds.
    pub exp: f64,
}

#[derive(Serialize)]
struct Out<'a> {
    aud: [&'static str; 1],
    sub: Value,
    exp: i64,
    iat: f64,
    jti: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    session_end: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cfg: Option<CfgOut<'a>>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum CfgOut<'a> {
    Customer(CustomerCfg<'a>),
    Operator(OperatorCfg<'a>),
}

#[derive(Serialize)]
struct OperatorCfg<'a> {
    customers: &'a [u32],
    vendors: &'a [u32],
    may: Vec<&'static str>,
    allowed_ips: &'a [String],
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    debug: bool,
}

#[derive(Serialize)]
struct CustomerCfg<'a> {
    customer_id: u32,
    account_ids: &'a [u32],
    allowed_ips: &'a [String],
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    debug: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    sides: Vec<&'static str>,
    /// An empty list takes rights away that are given without one.
    #[serde(skip_serializing_if = "Option::is_none")]
    may: Option<&'static [&'static str]>,
}

impl Keys {
    /// Signs a token that is valid for `ttl` seconds from `now`.
    ///
    /// # Errors
    /// When there is no key to sign with.
    pub fn sign(&self, issue: &Issue, now: OffsetDateTime, ttl: u32) -> Result<String, KeyError> {
        self.sign_on(TokenTerms { ttl, ..TokenTerms::default() }, issue, now)
    }

    /// Signs a token on terms.
    ///
    /// # Errors
    /// When there is no key to sign with.
    pub fn sign_on(&self, terms: TokenTerms, issue: &Issue, now: OffsetDateTime) -> Result<String, KeyError> {
        self.set().issue(terms, issue, now)
    }
}

impl KeySet {
    pub(super) fn issue(&self, terms: TokenTerms, issue: &Issue, now: OffsetDateTime) -> Result<String, KeyError> {
        let (sub, cfg) = match issue {
            Issue::Access(id) | Issue::Operator(id) => ((*id).into(), None),
            Issue::OperatorGrant { customers, vendors, rights, allowed_ips, debug } => {
                let may = rights.words().collect();
                let cfg = OperatorCfg { customers, vendors, may, allowed_ips, debug: *debug };
                ("D".into(), Some(CfgOut::Operator(cfg)))
            }
            Issue::Grant { customer_id, account_ids, allowed_ips, debug } => {
                let sides = terms.sides.map(|sides| sides.words().collect()).unwrap_or_default();
                let may: Option<&[&str]> = terms.export.map(|may| if may { &["export"][..] } else { &[] });
                let cfg =
                    CustomerCfg { customer_id: *customer_id, account_ids, allowed_ips, debug: *debug, sides, may };
                ("D".into(), Some(CfgOut::Customer(cfg)))
            }
        };
        let after = |seconds: u32| now.unix_timestamp() + i64::from(seconds);
        self.write(&Out {
            aud: [self.signed_for.audience()],
            sub,
            exp: after(terms.session.unwrap_or(u32::MAX).min(terms.ttl)),
            iat: issued(now),
            jti: Uuid::new_v4().simple().to_string(),
            session_end: terms.session.map(after),
            cfg,
        })
    }

    fn write(&self, claims: &impl Serialize) -> Result<String, KeyError> {
        let key = self.signing.as_ref().ok_or(KeyError::NoPrivateKey)?;
        let header = Header { kid: self.kid.clone(), ..Header::new(self.algorithm) };
        jsonwebtoken::encode(&header, claims, key).map_err(KeyError::Sign)
    }
}

/// Milliseconds, cut: a token that is made after a revocation in the same second is told from those before.
fn issued(now: OffsetDateTime) -> f64 {
    now.unix_timestamp_nanos().div_euclid(1_000_000) as f64 / 1e3
}

impl Accepted {
    /// Signs `token`, which this was read from, once more: every claim as it is but for `exp`, and the end of its session, which
    /// is what was granted at first and `session` seconds from now at most. `iat` and `jti` stay, so a revocation counts for
    /// all that is made of a token. `None` without a key to sign with.
    pub fn renew(&self, token: &str, now: OffsetDateTime, ttl: u32, session: u32) -> Option<Renewed> {
        let soon = |seconds: u32| (now.unix_timestamp() + i64::from(seconds)) as f64;
        let granted = self.good.session_end.or(self.good.exp).unwrap_or(f64::INFINITY);
        let end = granted.min(soon(session));
        let exp = soon(ttl).min(end);
        // Its signature was verified when this was made of it.
        let mut claims: Map<String, Value> = jsonwebtoken::dangerous::insecure_decode(token).ok()?.claims;
        claims.insert("exp".into(), number(exp)?);
        claims.insert(SESSION_END.into(), number(end)?);
        let token = self.set.write(&claims).ok()?;
        Some(Renewed { token, exp })
    }
}

impl Accepted {
    /// `token`, which this was read from, as a cookie where none can be signed: until it expires, and for `session` seconds at
    /// most.
    pub fn as_it_is(&self, token: &str, now: OffsetDateTime, session: u32) -> Renewed {
        let end = seconds(now).floor() + f64::from(session);
        let granted = self.good.session_end.unwrap_or(f64::INFINITY).min(self.good.exp.unwrap_or(f64::INFINITY));
        Renewed { token: token.to_owned(), exp: granted.min(end) }
    }
}

/// As a whole number where it is one.
fn number(seconds: f64) -> Option<Value> {
    // Both ends are epoch seconds of some years from now at most, far from where a cast would cut.
    if seconds.fract() == 0.0 { Some((seconds as i64).into()) } else { Number::from_f64(seconds).map(Value::Number) }
}

/// Epoch seconds, cut, as a cookie's `Expires` has them.
impl Renewed {
    /// The last whole second at which it has not expired.
    pub fn expires(&self) -> Option<OffsetDateTime> {
        OffsetDateTime::from_unix_timestamp(self.exp.floor() as i64).ok()
    }

    /// A token of a login, which lasts for `ttl` seconds.
    pub fn fresh(token: String, now: OffsetDateTime, ttl: u32) -> Self {
        Self { token, exp: seconds(now).floor() + f64::from(ttl) }
    }
}
