//! Claims: of the right names and types, or refused.

use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer};
use time::OffsetDateTime;

use super::{Good, Grant, OperatorGrant, Rejected, Sides, SignedFor, Subject, networks};
use crate::object::Object;
use crate::report::audience::Rights;

/// The claim that holds the end of a session.
pub(super) const SESSION_END: &str = "session_end";

#[derive(Deserialize)]
pub(super) struct Claims {
    #[serde(default, deserialize_with = "present")]
    aud: Option<AudienceClaim>,
    #[serde(default, deserialize_with = "present")]
    sub: Option<SubjectClaim>,
    #[serde(default, deserialize_with = "present")]
    exp: Option<f64>,
    #[serde(default, deserialize_with = "present")]
    nbf: Option<f64>,
    #[serde(default, deserialize_with = "present")]
    iat: Option<f64>,
    #[serde(default, deserialize_with = "present")]
    jti: Option<String>,
    #[serde(default, deserialize_with = "present")]
    session_end: Option<f64>,
    #[serde(default)]
    cfg: Option<CfgClaim>,
}

/// A claim that stands there must be of its type; null is not.
fn present<'de, D: Deserializer<'de>, T: Deserialize<'de>>(value: D) -> Result<Option<T>, D::Error> {
    T::deserialize(value).map(Some)
}

#[derive(Deserialize)]
#[serde(untagged)]
enum AudienceClaim {
    One(String),
    Many(Vec<String>),
}

#[derive(Deserialize)]
#[serde(untagged)]
enum SubjectClaim {
    Number(u32),
    Text(String),
}

/// Of interest in a dynamic token only: in others it may be anything.
#[derive(Deserialize)]
#[serde(untagged)]
enum CfgClaim {
    Customer(Object<Cfg>),
    Operator(Object<OperatorClaims>),
    Bad(IgnoredAny),
}

#[derive(Deserialize)]
struct Cfg {
    customer_id: u32,
    #[serde(default)]
    account_ids: Option<Vec<u32>>,
    #[serde(default)]
    allowed_ips: Option<Vec<String>>,
    #[serde(default)]
    debug: Option<bool>,
    #[serde(default)]
    sides: Option<Vec<String>>,
    #[serde(default)]
    may: Option<Vec<String>>,
}

/// A name that is not known could be meant to bound what the token sees.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OperatorClaims {
    #[serde(default)]
    customers: Option<Vec<u32>>,
    #[serde(default)]
    vendors: Option<Vec<u32>>,
    #[serde(default)]
    may: Option<Vec<String>>,
    #[serde(default)]
    allowed_ips: Option<Vec<String>>,
    #[serde(default)]
    debug: Option<bool>,
}

impl Claims {
    /// Checks audience, times and subject.
    pub(super) fn check(self, by: SignedFor, require_exp: bool, now: OffsetDateTime) -> Result<Good, Rejected> {
        let audience = by.audience();
        let meant = match &self.aud {
            Some(AudienceClaim::One(aud)) => aud == audience,
            Some(AudienceClaim::Many(all)) => all.iter().any(|aud| aud == audience),
            None => false,
        };
        if !meant {
            return Err(Rejected::Audience);
        }
        let Self { sub, exp, nbf, iat, jti, session_end, cfg, .. } = self;
        in_time((exp, nbf, session_end), require_exp, now)?;
        let row = match by {
            SignedFor::Customers => Subject::Access,
            SignedFor::Operators => Subject::Operator,
        };
        let subject = match (sub, by) {
            (Some(SubjectClaim::Number(id)), _) => row(id),
            (Some(SubjectClaim::Text(text)), SignedFor::Customers) if text == "D" => Subject::Grant(grant(cfg)?),
            (Some(SubjectClaim::Text(text)), SignedFor::Operators) if text == "D" => {
                Subject::OperatorGrant(operator_grant(cfg)?)
            }
            (Some(SubjectClaim::Text(text)), _) if text.bytes().all(|b| b.is_ascii_digit()) => {
                row(text.parse().map_err(|_beyond_32_bits| Rejected::Subject)?)
            }
            _ => return Err(Rejected::Subject),
        };
        Ok(Good { subject, exp, nbf, iat, jti, session_end })
    }
}

impl Good {
    /// Checks the times alone.
    pub(super) fn in_time(&self, require_exp: bool, now: OffsetDateTime) -> Result<(), Rejected> {
        in_time((self.exp, self.nbf, self.session_end), require_exp, now)
    }
}

type Times = (Option<f64>, Option<f64>, Option<f64>);

fn in_time((exp, nbf, session_end): Times, require_exp: bool, now: OffsetDateTime) -> Result<(), Rejected> {
    let now = seconds(now);
    if exp.map_or(require_exp, |exp| now >= exp) || session_end.is_some_and(|end| now >= end) {
        return Err(Rejected::Expired);
    }
    if nbf.is_some_and(|nbf| now < nbf) {
        return Err(Rejected::TooEarly);
    }
    Ok(())
}

/// Epoch seconds with their fraction.
pub(super) fn seconds(now: OffsetDateTime) -> f64 {
    now.unix_timestamp_nanos() as f64 / 1e9
}

fn operator_grant(cfg: Option<CfgClaim>) -> Result<OperatorGrant, Rejected> {
    let Some(CfgClaim::Operator(Object(cfg))) = cfg else { return Err(Rejected::Subject) };
    let may = cfg.may.unwrap_or_default();
    Ok(OperatorGrant {
        customers: cfg.customers.unwrap_or_default(),
        vendors: cfg.vendors.unwrap_or_default(),
        rights: Rights::parse(may.iter().map(String::as_str)).ok_or(Rejected::Subject)?,
        allowed_ips: networks(&cfg.allowed_ips.unwrap_or_default()).ok_or(Rejected::Subject)?,
        debug: cfg.debug.unwrap_or_default(),
    })
}

fn grant(cfg: Option<CfgClaim>) -> Result<Grant, Rejected> {
    let Some(CfgClaim::Customer(Object(cfg))) = cfg else { return Err(Rejected::Subject) };
    let sides = match cfg.sides {
        // A token that is bounded to nothing, or to what is not known, is a mistake and no token for everything.
        Some(words) => Some(Sides::parse(&words).ok_or(Rejected::Subject)?),
        None => None,
    };
    Ok(Grant {
        customer_id: cfg.customer_id,
        account_ids: cfg.account_ids.unwrap_or_default(),
        allowed_ips: networks(&cfg.allowed_ips.unwrap_or_default()).ok_or(Rejected::Subject)?,
        debug: cfg.debug.unwrap_or_default(),
        sides,
        // Other words open nothing of a customer's.
        export: cfg.may.map(|may| may.iter().any(|word| word == "export")),
    })
}
