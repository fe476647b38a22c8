//! The one who asks for an export: a customer's token, or one of the operator's. An export belongs to whom a token speaks for, and
//! to the bounds of what that sees: a token that sees less, or more, has exports of its own.

use std::future::{Ready, ready};
use std::net::IpAddr;
use std::sync::Arc;

use actix_web::dev::Payload;
use actix_web::web::Data;
use actix_web::{FromRequest, HttpRequest};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::super::auth::{self, Caller};
use super::super::error::ApiError;
use super::super::operators::{self, OperatorCaller};
use super::super::state::State;
use super::super::{CUSTOMER_API, OPERATOR_API};
use crate::access::operators::OperatorWho;
use crate::access::{Denied, Who};
use crate::query::scope::OPERATOR;
use crate::token::{KeptToken, Subject};

/// Whom an export is made for.
pub enum MadeFor {
    /// A customer.
    Customer(Caller),
    /// One of the operator's people.
    Operator(OperatorWho),
}

/// The one who asks for an export.
pub struct Maker {
    pub(super) who: MadeFor,
    token: KeptToken,
}

/// A maker with a customer's token.
pub struct CustomerMaker(pub Maker);

/// A maker with a token of the operator's.
pub struct OperatorMaker(pub Maker);

impl FromRequest for CustomerMaker {
    type Error = actix_web::Error;
    type Future = Ready<Result<Self, Self::Error>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let authorized = state(request).and_then(|state| auth::authorize_token(request, state));
        let maker =
            authorized.map(|(caller, accepted)| Self(Maker { who: MadeFor::Customer(caller), token: accepted.kept() }));
        ready(maker.map_err(|error| auth::refused(request, &error)))
    }
}

impl FromRequest for OperatorMaker {
    type Error = actix_web::Error;
    type Future = Ready<Result<Self, Self::Error>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let authorized = state(request).and_then(|state| operators::authorize_token(request, state));
        let maker = authorized
            .map(|(OperatorCaller(who), accepted)| Self(Maker { who: MadeFor::Operator(who), token: accepted.kept() }));
        ready(maker.map_err(|error| auth::refused(request, &error)))
    }
}

/// A missing state is an app put together wrongly: nobody gets in.
fn state(request: &HttpRequest) -> Result<&Data<Arc<State>>, ApiError> {
    request.app_data::<Data<Arc<State>>>().ok_or(ApiError::Unauthorized)
}

impl Maker {
    /// The key of the exports that it sees.
    pub fn owner(&self) -> String {
        let (bounds, kind) = match &self.who {
            MadeFor::Customer(caller) => (caller.0.bounds(), "customer"),
            MadeFor::Operator(who) => (who.bounds(), "operator"),
        };
        let subject = match self.token.subject() {
            Some(Subject::Access(id) | Subject::Operator(id)) => format!("row {id}"),
            Some(Subject::Grant(_) | Subject::OperatorGrant(_)) | None => "grant".to_owned(),
        };
        let digest = Sha256::digest(format!("{kind} {subject} {bounds}"));
        let half: String = digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
        format!("{kind}:{half}")
    }

    /// The tenant in whose share it is.
    pub fn tenant(&self) -> u32 {
        match &self.who {
            MadeFor::Customer(caller) => caller.0.customer(),
            MadeFor::Operator(_) => OPERATOR,
        }
    }

    /// The API that it asks.
    pub fn api(&self) -> &'static str {
        match &self.who {
            MadeFor::Customer(_) => CUSTOMER_API,
            MadeFor::Operator(_) => OPERATOR_API,
        }
    }

    /// True if it may read calls one by one.
    pub fn may_export(&self, state: &State) -> bool {
        match &self.who {
            MadeFor::Customer(caller) => caller.0.may_export().unwrap_or(state.config.exports.customers),
            MadeFor::Operator(who) => who.audience().may_export(),
        }
    }

    /// All that is needed to be it again.
    pub fn kept(&self, request: &HttpRequest, state: &State) -> Value {
        let address = auth::client_ip(request, state);
        let mut kept = kept(&self.token, matches!(self.who, MadeFor::Operator(_)));
        kept["address"] = json!(address);
        kept["customer"] = json!(match &self.who {
            MadeFor::Customer(caller) => Some(caller.0.customer()),
            MadeFor::Operator(_) => None,
        });
        kept
    }

    /// The maker that was kept, as of now.
    ///
    /// # Errors
    /// Nobody is trusted at the moment, or the maker is nobody any more.
    pub fn again(kept: &Value, state: &State) -> Result<Self, Nobody> {
        let token: KeptToken = serde_json::from_value(kept["token"].clone()).map_err(|_bad| Denied::Unread)?;
        let address: Option<IpAddr> = serde_json::from_value(kept["address"].clone()).unwrap_or_default();
        let snapshot = state.directory.snapshot().map_err(|_stale| Nobody::Yet)?;
        let who = if kept["operator"] == true {
            MadeFor::Operator(OperatorWho::again(&token, address, snapshot)?)
        } else {
            MadeFor::Customer(Caller(Who::again(&token, address, snapshot, state.config.auth.contractors)?))
        };
        Ok(Self { who, token })
    }

    /// The members of a line of the audit log that say who it was.
    pub fn told(kept: &Value) -> Value {
        let token = serde_json::from_value::<KeptToken>(kept["token"].clone()).ok();
        let subject = token.as_ref().and_then(KeptToken::subject);
        let row = |subject: &Subject| match subject {
            Subject::Access(id) | Subject::Operator(id) => Some(*id),
            Subject::Grant(_) | Subject::OperatorGrant(_) => None,
        };
        let is_operator = kept["operator"] == true;
        let row = subject.as_ref().and_then(row);
        let mut told = json!({
            "address": kept["address"],
            "access": if is_operator { None } else { row },
            "token": token.as_ref().and_then(KeptToken::id).map(|id| crate::shown::Escaped(id).to_string()),
            "customer": kept["customer"],
        });
        if is_operator {
            told["operator"] = row.map_or_else(|| json!("grant"), |id| json!(id));
        }
        if let Some(name) = kept["recurring"].as_str() {
            told["recurring"] = json!(name);
        }
        told
    }
}

/// The part of a maker that is kept.
pub(super) fn kept(token: &KeptToken, is_operator: bool) -> Value {
    // A struct of texts and numbers has a form in JSON.
    json!({ "token": serde_json::to_value(token).unwrap_or_default(), "operator": is_operator })
}

/// Why a maker cannot be it again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Nobody {
    /// Accounts could not be read for a while.
    #[error("accounts could not be read")]
    Yet,
    /// It is nobody any more.
    #[error("{0}")]
    Denied(#[from] Denied),
}
