//! Tokens: JSON Web Tokens that say who asks. Verification follows RFC 8725: the algorithm and the keys come from the
//! configuration, never from the token; audience and expiry are required; the time is an argument.

mod claims;
mod kept;
mod keys;
mod sides;
mod sign;

use std::sync::Arc;

use ipnet::IpNet;

use crate::net;
use crate::report::audience::Rights;

pub use kept::KeptToken;
pub use keys::{KeyError, KeyRing, Keys, OperatorKeyError};
pub use sides::Sides;
pub use sign::{Issue, Renewed, TokenTerms};

/// Those who a set of keys signs tokens for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignedFor {
    /// Customers.
    Customers,
    /// The operator's own people.
    Operators,
}

impl SignedFor {
    /// The audience (`aud`) of their tokens.
    pub const fn audience(self) -> &'static str {
        match self {
            Self::Customers => "customer-v1",
            Self::Operators => "operator-v1",
        }
    }
}

/// A token that is not accepted. The caller learns nothing more; the log does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rejected {
    /// Not a signed token, another algorithm, or claims of a wrong type.
    #[error("malformed token")]
    Malformed,
    /// Signed with another key.
    #[error("bad signature")]
    Signature,
    /// The header asks for an extension that is not known.
    #[error("unknown critical header")]
    Critical,
    /// The key id is not one of the configuration's.
    #[error("unknown key id")]
    KeyId,
    /// Not meant for this API.
    #[error("wrong audience")]
    Audience,
    /// At or after `exp`, or no `exp` where one is required.
    #[error("expired")]
    Expired,
    /// Before `nbf`.
    #[error("not valid yet")]
    TooEarly,
    /// `sub` is neither an id nor "D" with a good `cfg`.
    #[error("unusable subject")]
    Subject,
}

/// The subject of a token: a row of `api_access`, or a grant.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Subject {
    /// A row of `api_access`.
    Access(u32),
    /// A grant that travels in the token itself.
    Grant(Grant),
    /// A row of `operator_access`.
    Operator(u32),
    /// An operator's grant, likewise in the token itself.
    OperatorGrant(OperatorGrant),
}

/// The customers, vendors and rights of an operator's token, and the networks that it may come from.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct OperatorGrant {
    /// Customers; empty is all.
    pub customers: Vec<u32>,
    /// Vendors; empty is all.
    pub vendors: Vec<u32>,
    /// Rights beyond counts of calls.
    pub rights: Rights,
    /// Networks; empty is any.
    pub allowed_ips: Vec<IpNet>,
    /// True if responses may hold the trace of their results.
    pub debug: bool,
}

/// The accounts and sides that a token may see, and the networks that it may come from.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Grant {
    /// The tenant.
    pub customer_id: u32,
    /// Accounts; empty is all of the customer's.
    pub account_ids: Vec<u32>,
    /// Networks; empty is any.
    pub allowed_ips: Vec<IpNet>,
    /// True if responses may hold the trace of their results.
    pub debug: bool,
    /// Sides of calls; `None` leaves it to `auth.contractors`.
    pub sides: Option<Sides>,
    /// True if it may read calls one by one; `None` leaves it to `exports.customers`.
    pub export: Option<bool>,
}

/// A verified token.
#[derive(Clone, Debug)]
pub struct Accepted {
    good: Arc<Good>,
    /// The keys that it was verified with, which sign its renewal: after a reload a renewal would otherwise carry a token of a
    /// removed key over to the new one.
    set: Arc<keys::KeySet>,
}

/// The claims of a verified token. Its times are looked at whenever it comes.
#[derive(Debug)]
struct Good {
    subject: Subject,
    exp: Option<f64>,
    nbf: Option<f64>,
    iat: Option<f64>,
    jti: Option<String>,
    /// The end of its session, epoch seconds, where it was issued by a login or a renewal.
    session_end: Option<f64>,
}

impl Accepted {
    /// The subject.
    pub fn subject(&self) -> &Subject {
        &self.good.subject
    }

    /// The time of its issue, epoch seconds; that of the first one where it was renewed.
    pub fn issued(&self) -> Option<f64> {
        self.good.iat
    }

    /// Its id, kept by renewals.
    pub fn id(&self) -> Option<&str> {
        self.good.jti.as_deref()
    }
}

/// Reads a list of networks; `None` if one of them is none: a list that cannot be read allows nobody.
pub fn networks(list: &[String]) -> Option<Vec<IpNet>> {
    list.iter().map(|entry| net::parse_net(entry)).collect()
}
