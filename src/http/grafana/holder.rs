//! The holder of a request's token: a customer, or one of the operator's people, who sees breakdowns alone.

use std::sync::Arc;

use actix_web::HttpRequest;
use uuid::Uuid;

use crate::access::countries::Countries;
use crate::access::operators::OperatorWho;
use crate::access::{Account, Who};
use crate::columns::breakdown::GroupNames;
use crate::http::auth;
use crate::http::breakdowns::Asker;
use crate::http::endpoint::Entrance;
use crate::http::error::ApiError;
use crate::http::operators;
use crate::http::state::State;
use crate::query::scope::{OPERATOR, OperatorScope, Scope};
use crate::report::Side;
use crate::report::audience::Audience;
use crate::token::Sides;

/// The holder of an accepted token.
#[derive(Clone, Debug)]
pub enum Holder {
    /// A customer.
    Customer(Who),
    /// One of the operator's people.
    Operator(OperatorWho),
}

impl Holder {
    /// Checks the token of a request. The operator's are good where the operator's paths are, and customers' are not good at an
    /// address of the operator's alone.
    ///
    /// # Errors
    /// No token or a bad one, or too many requests of it.
    pub fn of(request: &HttpRequest, state: &State, entrance: Entrance) -> Result<Self, ApiError> {
        let is_apart = state.config.http.operator_listen.is_some();
        let operator = match entrance {
            Entrance::Operators => Some(operators::authorize_by_header(request, state)),
            Entrance::Main if is_apart => None,
            Entrance::Main => operators::authorize_if_known(request, state),
        };
        match operator {
            Some(caller) => caller.map(|caller| Self::Operator(caller.0)),
            None => auth::authorize(request, state).map(|caller| Self::Customer(caller.0)),
        }
    }

    /// The tenant in whose share of the service requests are answered.
    pub fn tenant(&self) -> u32 {
        match self {
            Self::Customer(who) => who.customer(),
            Self::Operator(_) => OPERATOR,
        }
    }

    /// The words that it knows.
    pub fn audience(&self) -> Audience {
        match self {
            Self::Customer(_) => Audience::Customer,
            Self::Operator(who) => who.audience(),
        }
    }

    /// The calls that one of the operator's people sees; `None` for a customer.
    pub fn operator(&self) -> Option<OperatorScope> {
        match self {
            Self::Customer(_) => None,
            Self::Operator(who) => Some(who.scope()),
        }
    }

    /// The sides of calls that it sees.
    pub fn sides(&self) -> Sides {
        match self {
            Self::Customer(who) => who.sides(),
            // Without the right to vendors there is no side of theirs.
            Self::Operator(_) if self.audience().sees_side(Side::Termination) => Sides::BOTH,
            Self::Operator(_) => Sides::ORIGINATION,
        }
    }

    /// True if responses may hold the trace of their results.
    pub fn may_debug(&self) -> bool {
        match self {
            Self::Customer(who) => who.may_debug(),
            Self::Operator(who) => who.may_debug(),
        }
    }

    /// Every account that it sees on any side, by id.
    pub fn accounts(&self) -> Vec<(Uuid, &Account, Scope)> {
        match self {
            Self::Customer(who) => who.accounts(),
            Self::Operator(who) => {
                let seen = |(uuid, account, sides): (Uuid, _, Vec<Side>)| {
                    let scope = sides.first().and_then(|side| who.account(uuid, *side));
                    scope.map(|scope| (uuid, account, scope))
                };
                who.accounts().into_iter().filter_map(seen).collect()
            }
        }
    }

    /// The scope of an account for calls of a side.
    pub fn scope(&self, account: Uuid, side: Side) -> Option<Scope> {
        match self {
            Self::Customer(who) => who.scope(account, side),
            Self::Operator(who) => who.account(account, side),
        }
    }

    /// Names of countries.
    pub fn countries(&self) -> &Arc<Countries> {
        match self {
            Self::Customer(who) => who.countries(),
            Self::Operator(who) => who.countries(),
        }
    }

    /// The names that groups are shown by.
    pub fn names(&self) -> Arc<dyn GroupNames> {
        match self {
            Self::Customer(who) => Arc::<Countries>::clone(who.countries()),
            Self::Operator(who) => Asker::operator(who).names(),
        }
    }
}
