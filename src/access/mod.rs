//! Accounts and access: rows of `accounts` and `api_access`, read again and again, and the checks made against them.
//! An account is checked here before anything else is read.

pub mod countries;
mod login;
pub mod operators;
pub mod password;
mod refresh;
pub mod revoked;
pub mod throttle;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::net::IpAddr;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Instant;

use time::OffsetDateTime;
use uuid::Uuid;

use crate::config::Contractors;
use crate::net;
use crate::query::scope::Scope;
use crate::report::Side;
use crate::token::{Accepted, Grant, KeptToken, OperatorGrant, Sides, Subject};

use countries::Countries;
pub use login::{Candidate, Wrong};
use operators::OperatorNames;
pub(crate) use refresh::AccessRow;
pub use refresh::{Directory, RefreshError};
use revoked::Revoked;

/// An account, as reports need it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// Its id in the CDRs.
    pub id: u32,
    /// The tenant it belongs to.
    pub customer_id: u32,
    /// Its name, for people; may be empty.
    pub name: String,
    /// Its side and currency.
    pub details: AccountDetails,
}

/// The side and currency of an account, for lists, as far as they are known. Nobody sees more or less of calls for it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AccountDetails {
    /// The only side that it has calls on; `None` for both.
    pub side: Option<Side>,
    /// The id of its currency, as calls have it.
    pub currency: Option<i32>,
}

impl AccountDetails {
    /// The word for the sides of its calls, of those that a caller sees.
    pub fn side_word(self, sees: impl Fn(Side) -> bool) -> &'static str {
        let is_shown = |side: &Side| sees(*side) && self.side.is_none_or(|own| own == *side);
        let mut sides = [Side::Origination, Side::Termination].into_iter().filter(is_shown);
        match (sides.next(), sides.next()) {
            (Some(_), Some(_)) => "both",
            (Some(side), None) => side.word(),
            (None, _) => "none",
        }
    }
}

/// A row of `api_access`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Access {
    /// Its grant; `None` if its list of addresses is invalid, which allows nobody.
    pub grant: Option<Grant>,
    /// Login name; empty for none.
    pub login: String,
    /// argon2id, in PHC form.
    pub password_hash: String,
}

/// The tables at one moment.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    /// By uuid. A uuid that two accounts share is not here: it would not be known whose it is.
    pub accounts: HashMap<Uuid, Account>,
    /// By id. An id of two rows that say different things is not here.
    pub access: HashMap<u32, Access>,
    /// Ids of rows that were removed: those that say so, and those that were there before.
    pub removed: HashSet<u32>,
    /// Tokens that were revoked.
    pub revoked: Revoked,
    /// Ids of `access` by login. A login that two rows share is not here.
    pub logins: BTreeMap<String, u32>,
    /// Names of countries.
    pub countries: Arc<Countries>,
    /// Rows of `operator_access` by id; `None` for one that allows nobody. Without a key of the operator's there are none.
    pub operators: HashMap<u32, Option<OperatorGrant>>,
    /// Names of accounts, customers and vendors, for the operator's eyes.
    pub names: Arc<OperatorNames>,
}

impl Snapshot {
    /// Every account of every customer, for the operator's own eyes; in an order that does not change.
    pub fn every_account(&self) -> Vec<(Uuid, &Account, Scope)> {
        let all = self
            .accounts
            .iter()
            .map(|(uuid, account)| (*uuid, account, Scope::proven(account.customer_id, account.id)));
        let mut all: Vec<_> = all.collect();
        all.sort_unstable_by_key(|(uuid, account, _)| (account.customer_id, account.id, *uuid));
        all
    }
}

/// The tables could not be read for so long that the last snapshot is not trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("accounts could not be read for a while, so no token is trusted")]
pub struct Stale;

/// The latest snapshot.
#[derive(Debug, Default)]
pub struct LatestSnapshot(RwLock<Option<(Instant, Arc<Snapshot>)>>);

impl LatestSnapshot {
    /// Replaces the snapshot by one whose reading began at `at`: a row that was deleted since may still be in it.
    pub fn set(&self, snapshot: Snapshot, at: Instant) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Some((at, Arc::new(snapshot)));
    }

    /// The age of the snapshot; `None` if there is none.
    pub fn age(&self) -> Option<std::time::Duration> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).as_ref().map(|(at, _)| at.elapsed())
    }

    /// The snapshot, unless it is older than `max_age`.
    ///
    /// # Errors
    /// When there is none, or only one that is too old.
    pub fn get(&self, max_age: std::time::Duration) -> Result<Arc<Snapshot>, Stale> {
        let held = self.0.read().unwrap_or_else(PoisonError::into_inner);
        match &*held {
            Some((at, snapshot)) if at.elapsed() <= max_age => Ok(Arc::clone(snapshot)),
            _ => Err(Stale),
        }
    }
}

/// The reason for which a caller with a good token is nobody. The caller learns nothing of it; the log does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// The token's row is not there and never was, as far as is known.
    #[error("there is no row {0} in api_access")]
    NoRow(u32),
    /// The token's row is no longer there.
    #[error("row {0} was removed from api_access")]
    Removed(u32),
    /// The row's list of addresses does not read.
    #[error("row {0} of api_access has an address that does not read")]
    BadRow(u32),
    /// An operator's token where a customer's is meant, or the other way round.
    #[error("a token for the other API")]
    Operator,
    /// The operator's row is not there.
    #[error("there is no row {0} in operator_access")]
    NoOperator(u32),
    /// The operator's row does not read.
    #[error("row {0} of operator_access has an address or a right that does not read")]
    BadOperator(u32),
    /// The caller's address is not in the list.
    #[error("address not in allowed_ips")]
    Address,
    /// All older grants of the customer were revoked.
    #[error("grants of customer {0} were revoked")]
    Revoked(u32),
    /// The token was revoked by its id.
    #[error("revoked by its jti")]
    RevokedId,
    /// The time of a grant is up, for work that began in its time.
    #[error("the grant has ended")]
    Ended,
    /// The kept part of a token does not read.
    #[error("what was kept of the token does not read")]
    Unread,
}

/// The subject of a token that was accepted earlier, unless it was revoked or its grant has ended since.
fn still_good(token: &KeptToken, snapshot: &Snapshot) -> Result<Subject, Denied> {
    let (subject, now) = (token.subject().ok_or(Denied::Unread)?, OffsetDateTime::now_utc());
    if token.has_ended(now) {
        return Err(Denied::Ended);
    }
    snapshot.revoked.check_kept(token, &subject, now)?;
    Ok(subject)
}

/// A caller whose token was accepted.
#[derive(Clone, Debug)]
pub struct Who {
    grant: Grant,
    sides: Sides,
    snapshot: Arc<Snapshot>,
}

impl Who {
    /// The caller behind a verified token at an address.
    ///
    /// # Errors
    /// Why it is nobody.
    pub fn of(
        token: &Accepted,
        ip: Option<IpAddr>,
        snapshot: Arc<Snapshot>,
        contractors: Contractors,
    ) -> Result<Self, Denied> {
        snapshot.revoked.check(token, OffsetDateTime::now_utc())?;
        Self::new(token.subject(), ip, snapshot, contractors)
    }

    /// The caller that a row or grant stands for, at an address.
    ///
    /// # Errors
    /// Why it is nobody.
    pub fn new(
        subject: &Subject,
        ip: Option<IpAddr>,
        snapshot: Arc<Snapshot>,
        contractors: Contractors,
    ) -> Result<Self, Denied> {
        let grant = match subject {
            Subject::Access(id) => {
                let gone = || if snapshot.removed.contains(id) { Denied::Removed(*id) } else { Denied::NoRow(*id) };
                snapshot.access.get(id).ok_or_else(gone)?.grant.clone().ok_or(Denied::BadRow(*id))?
            }
            Subject::Grant(grant) => grant.clone(),
            // Keys of customers' tokens accept none of these.
            Subject::Operator(_) | Subject::OperatorGrant(_) => return Err(Denied::Operator),
        };
        let allowed = grant.allowed_ips.is_empty() || ip.is_some_and(|ip| net::contains(&grant.allowed_ips, ip));
        let sides = grant.sides.unwrap_or_else(|| Sides::default_of(contractors));
        if allowed { Ok(Self { grant, sides, snapshot }) } else { Err(Denied::Address) }
    }

    /// The caller that a token stood for whose work goes on, as of now.
    ///
    /// # Errors
    /// Why it is nobody any more.
    pub fn again(
        token: &KeptToken,
        ip: Option<IpAddr>,
        snapshot: Arc<Snapshot>,
        contractors: Contractors,
    ) -> Result<Self, Denied> {
        let subject = still_good(token, &snapshot)?;
        Self::new(&subject, ip, snapshot, contractors)
    }

    /// All that bounds what it sees, as a text: two callers with the same one see the same.
    pub fn bounds(&self) -> String {
        let mut accounts = self.grant.account_ids.clone();
        accounts.sort_unstable();
        accounts.dedup();
        let sides: Vec<&str> = self.sides.words().collect();
        format!("{} {accounts:?} {sides:?} {:?}", self.grant.customer_id, self.grant.export)
    }

    /// The scope of one account for reports of a side; `None` alike for an unknown account, another tenant's, one outside the
    /// list, and a side that the token does not see.
    pub fn scope(&self, account: Uuid, side: Side) -> Option<Scope> {
        let scope = self.own(self.snapshot.accounts.get(&account)?);
        scope.filter(|_| self.sides.allows(side))
    }

    /// The sides of calls that it sees.
    pub fn sides(&self) -> Sides {
        self.sides
    }

    /// The customer.
    pub fn customer(&self) -> u32 {
        self.grant.customer_id
    }

    /// True if responses may hold the trace of their results.
    pub fn may_debug(&self) -> bool {
        self.grant.debug
    }

    /// True if it may read calls one by one; `None` where neither token nor row says so.
    pub fn may_export(&self) -> Option<bool> {
        self.grant.export
    }

    /// Every account that has a scope, by id.
    pub fn accounts(&self) -> Vec<(Uuid, &Account, Scope)> {
        let own = |(uuid, account): (&Uuid, _)| self.own(account).map(|scope| (*uuid, account, scope));
        let mut all: Vec<_> = self.snapshot.accounts.iter().filter_map(own).collect();
        all.sort_unstable_by_key(|(uuid, account, _)| (account.id, *uuid));
        all
    }

    /// The name of an account that has a scope; empty for any other.
    pub fn name(&self, account: Uuid) -> &str {
        let own = self.snapshot.accounts.get(&account).filter(|account| self.own(account).is_some());
        own.map_or("", |account| &account.name)
    }

    /// Names of countries, which are everybody's.
    pub fn countries(&self) -> &Arc<Countries> {
        &self.snapshot.countries
    }

    fn own(&self, account: &Account) -> Option<Scope> {
        let listed = self.grant.account_ids.is_empty() || self.grant.account_ids.contains(&account.id);
        let own = account.customer_id == self.grant.customer_id;
        (listed && own).then_some(Scope::proven(self.grant.customer_id, account.id))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(id: u32, customer_id: u32) -> Account {
        Account { id, customer_id, name: String::new(), details: AccountDetails::default() }
    }

    fn who(account_ids: Vec<u32>, allowed_ips: &[&str], ip: &str) -> Result<Who, Denied> {
        sided(account_ids, allowed_ips, ip, None, Contractors::One)
    }

    fn sided(
        account_ids: Vec<u32>,
        allowed_ips: &[&str],
        ip: &str,
        sides: Option<Sides>,
        contractors: Contractors,
    ) -> Result<Who, Denied> {
        let mut snapshot = Snapshot::default();
        snapshot.accounts.insert(Uuid::from_u128(1), account(10, 7));
        snapshot.accounts.insert(Uuid::from_u128(2), account(20, 8));
        snapshot.accounts.insert(Uuid::from_u128(3), account(30, 7));
        let allowed_ips = allowed_ips.iter().map(|net| net::parse_net(net).unwrap()).collect();
        let subject =
            Subject::Grant(Grant { customer_id: 7, account_ids, allowed_ips, debug: false, sides, export: None });
        Who::new(&subject, Some(ip.parse().unwrap()), Arc::new(snapshot), contractors)
    }

    #[test]
    fn only_own_and_listed_accounts_have_a_scope() {
        let who = who(vec![10, 20], &[], "192.0.2.1").unwrap();
        for side in [Side::Origination, Side::Termination] {
            assert_eq!(who.scope(Uuid::from_u128(1), side), Some(Scope::proven(7, 10)));
            for other in [2, 3, 4] {
                assert_eq!(who.scope(Uuid::from_u128(other), side), None);
            }
        }
        assert_eq!(who.accounts().iter().map(|(_, account, _)| account.id).collect::<Vec<_>>(), [10]);
    }

    #[test]
    fn addresses_outside_the_list_are_nobody() {
        assert!(who(vec![], &["192.0.2.0/24"], "192.0.2.9").is_ok());
        assert!(who(vec![], &["192.0.2.0/24"], "::ffff:192.0.2.9").is_ok());
        assert_eq!(who(vec![], &["192.0.2.0/24"], "198.51.100.1").unwrap_err(), Denied::Address);
    }

    #[test]
    fn an_account_has_a_scope_on_the_sides_of_its_token_only() {
        let (one, apart) = (Contractors::One, Contractors::Apart);
        let (from, to) = (Sides::of(&[Side::Origination]), Sides::of(&[Side::Termination]));
        for (sides, contractors, origination, termination) in [
            (None, one, true, true),
            (None, apart, true, false),
            (from, one, true, false),
            (from, apart, true, false),
            (to, one, false, true),
            (to, apart, false, true),
            (Some(Sides::BOTH), apart, true, true),
        ] {
            let who = sided(vec![], &[], "192.0.2.1", sides, contractors).unwrap();
            let sees = |side| who.scope(Uuid::from_u128(1), side).is_some();
            assert_eq!((sees(Side::Origination), sees(Side::Termination)), (origination, termination), "{sides:?}");
        }
    }

    #[test]
    fn an_account_is_listed_with_those_of_its_sides_that_a_caller_sees() {
        let word =
            |own, seen: &[Side]| AccountDetails { side: own, currency: None }.side_word(|side| seen.contains(&side));
        let (from, to) = (Side::Origination, Side::Termination);
        assert_eq!([word(None, &[from, to]), word(None, &[to]), word(None, &[])], ["both", "termination", "none"]);
        assert_eq!(
            [word(Some(to), &[from, to]), word(Some(to), &[to]), word(Some(to), &[from])],
            ["termination", "termination", "none"]
        );
    }

    #[test]
    fn an_old_snapshot_is_not_trusted() {
        let latest = LatestSnapshot::default();
        assert!(latest.get(std::time::Duration::MAX).is_err());
        let begun = Instant::now();
        latest.set(Snapshot::default(), begun);
        assert!(latest.get(std::time::Duration::from_secs(60)).is_ok());
        assert!(latest.get(std::time::Duration::ZERO).is_err());
        // What counts is when its reading began, not when it was done.
        latest.set(Snapshot::default(), begun.checked_sub(std::time::Duration::from_secs(61)).unwrap());
        assert!(latest.get(std::time::Duration::from_secs(60)).is_err());
    }
}
