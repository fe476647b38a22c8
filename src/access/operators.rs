//! The operator's own people: rows of `operator_access`, what a token of theirs may see, and the names that they are shown.

use std::collections::hash_map::DefaultHasher;
use std::collections::{BTreeMap, HashMap};
use std::hash::{Hash as _, Hasher as _};
use std::net::IpAddr;
use std::sync::Arc;

use clickhouse::Row;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use uuid::Uuid;

use super::countries::Countries;
use super::{Account, Denied, Snapshot, still_good};
use crate::config::Accounts;
use crate::net;
use crate::query::scope::{OperatorScope, Scope};
use crate::report::Side;
use crate::report::audience::{Audience, Rights};
use crate::token::{self, Accepted, KeptToken, OperatorGrant, Subject};

/// A row of `operator_access`.
#[derive(Clone, Debug, Default, Row, Serialize, Deserialize)]
pub(crate) struct OperatorRow {
    pub(crate) id: u32,
    pub(crate) name: String,
    pub(crate) customer_ids: Vec<u32>,
    pub(crate) vendor_ids: Vec<u32>,
    pub(crate) may: Vec<String>,
    pub(crate) allowed_ips: Vec<String>,
    /// For a login that is to come; so is the next one.
    pub(crate) login: String,
    pub(crate) password_hash: String,
}

impl OperatorRow {
    /// The row that takes the place of a removed one: it keeps the id taken, since tokens for it may still be about.
    pub(crate) fn removed(id: u32) -> Self {
        Self { id, may: vec![REMOVED.to_owned()], allowed_ips: vec!["255.255.255.255".to_owned()], ..Self::default() }
    }

    /// True if it is such a row.
    pub(crate) fn is_removed(&self) -> bool {
        self.may == [REMOVED]
    }
}

/// The right that a removed row has; a service that does not know it lets nobody in by it.
const REMOVED: &str = "removed";

/// A row of `contractors`.
#[derive(Clone, Debug, Row, Serialize, Deserialize)]
pub(crate) struct ContractorRow {
    pub(crate) id: u32,
    pub(crate) name: String,
}

/// The statements that read the operator's tables, or the operator's queries in their place.
#[derive(Debug)]
pub(super) struct OperatorTables {
    pub(super) access_sql: String,
    pub(super) contractors_sql: String,
}

impl OperatorTables {
    pub(super) fn of(config: &Accounts) -> Self {
        let or = |own: &str, ours: &'static str| if own.is_empty() { ours.to_owned() } else { own.to_owned() };
        let access = or(
            &config.operators_query,
            "SELECT id, name, customer_ids, vendor_ids, may, allowed_ips FROM operator_access FINAL",
        );
        let contractors = or(&config.contractors_query, "SELECT id, name FROM contractors FINAL");
        let ids = |column: &str| {
            format!("arrayMap(x -> accurateCast(ifNull(toString(x), '0'), 'UInt32'), a.{column}) AS {column}")
        };
        let texts = |column: &str| format!("arrayMap(x -> ifNull(toString(x), ''), a.{column}) AS {column}");
        Self {
            access_sql: format!(
                "SELECT accurateCast(assumeNotNull(a.id), 'UInt32') AS id, ifNull(toString(a.name), '') AS name, {}, {}, {}, {}, '' AS login, '' AS password_hash \
                 FROM ({access}) AS a WHERE a.id IS NOT NULL",
                ids("customer_ids"),
                ids("vendor_ids"),
                texts("may"),
                texts("allowed_ips"),
            ),
            contractors_sql: format!(
                "SELECT accurateCast(assumeNotNull(c.id), 'UInt32') AS id, ifNull(toString(c.name), '') AS name \
                 FROM ({contractors}) AS c WHERE c.id IS NOT NULL"
            ),
        }
    }
}

/// The grants of rows by id. One that does not read, or shares its id with another, allows nobody.
pub(super) fn by_id(rows: Vec<OperatorRow>, warnings: &mut Vec<String>) -> HashMap<u32, Option<OperatorGrant>> {
    let mut all = HashMap::with_capacity(rows.len());
    for row in rows.into_iter().filter(|row| !row.is_removed()) {
        let (networks, rights) = (token::networks(&row.allowed_ips), Rights::parse(row.may.iter().map(String::as_str)));
        let grant = networks.zip(rights).map(|(allowed_ips, rights)| OperatorGrant {
            customers: row.customer_ids,
            vendors: row.vendor_ids,
            rights,
            allowed_ips,
            debug: false,
        });
        if grant.is_none() {
            warnings.push(format!(
                "operator_access: row {} has an address or a right that does not read; it allows nobody",
                row.id
            ));
        }
        let id = row.id;
        if all.insert(id, grant.clone()).is_some_and(|other| other != grant) {
            warnings.push(format!("operator_access: {id} stands in two rows; it allows nobody until it is one"));
            all.insert(id, None);
        }
    }
    all
}

/// An account as groups show it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct NamedAccount {
    uuid: String,
    name: String,
    owned: OwnedAccount,
}

/// The owner of an account, and its side where that is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct OwnedAccount {
    owner: u32,
    side: Option<Side>,
}

impl OwnedAccount {
    fn has(self, side: Side) -> bool {
        self.side.is_none_or(|own| own == side)
    }
}

impl Account {
    fn owned(&self) -> OwnedAccount {
        OwnedAccount { owner: self.customer_id, side: self.details.side }
    }
}

/// Names of accounts, customers and vendors.
#[derive(Debug, Default)]
pub struct OperatorNames {
    accounts: HashMap<u32, Option<NamedAccount>>,
    contractors: HashMap<u32, String>,
    /// Another for other names.
    pub fingerprint: u64,
}

impl OperatorNames {
    pub(super) fn new(accounts: &HashMap<Uuid, Account>, contractors: Vec<ContractorRow>) -> Self {
        let mut by_id: HashMap<u32, Option<NamedAccount>> = HashMap::with_capacity(accounts.len());
        for (uuid, account) in accounts {
            // Of a number that two accounts have it is not known whose a call is.
            let named =
                Some(NamedAccount { uuid: uuid.to_string(), name: account.name.clone(), owned: account.owned() });
            by_id.entry(account.id).and_modify(|held| *held = None).or_insert(named);
        }
        let contractors: BTreeMap<u32, String> = contractors.into_iter().map(|row| (row.id, row.name)).collect();
        let mut hash = DefaultHasher::new();
        by_id.iter().collect::<BTreeMap<_, _>>().hash(&mut hash);
        contractors.hash(&mut hash);
        Self { accounts: by_id, contractors: contractors.into_iter().collect(), fingerprint: hash.finish() }
    }

    fn account(&self, id: u32) -> Option<&NamedAccount> {
        self.accounts.get(&id)?.as_ref()
    }

    /// The name of a customer or vendor.
    pub fn contractor(&self, id: u32) -> Option<&str> {
        self.contractors.get(&id).map(String::as_str)
    }
}

/// A caller of the operator's whose token was accepted.
#[derive(Clone, Debug)]
pub struct OperatorWho {
    grant: OperatorGrant,
    snapshot: Arc<Snapshot>,
}

impl OperatorWho {
    /// The caller behind a verified token at an address.
    ///
    /// # Errors
    /// Why it is nobody.
    pub fn of(token: &Accepted, ip: Option<IpAddr>, snapshot: Arc<Snapshot>) -> Result<Self, Denied> {
        snapshot.revoked.check(token, OffsetDateTime::now_utc())?;
        Self::new(token.subject(), ip, snapshot)
    }

    /// The caller that a token stood for whose work goes on, as of now.
    ///
    /// # Errors
    /// Why it is nobody any more.
    pub fn again(token: &KeptToken, ip: Option<IpAddr>, snapshot: Arc<Snapshot>) -> Result<Self, Denied> {
        let subject = still_good(token, &snapshot)?;
        Self::new(&subject, ip, snapshot)
    }

    fn new(subject: &Subject, ip: Option<IpAddr>, snapshot: Arc<Snapshot>) -> Result<Self, Denied> {
        let grant = match subject {
            Subject::Operator(id) => {
                let row = snapshot.operators.get(id).ok_or(Denied::NoOperator(*id))?;
                row.clone().ok_or(Denied::BadOperator(*id))?
            }
            Subject::OperatorGrant(grant) => grant.clone(),
            Subject::Access(_) | Subject::Grant(_) => return Err(Denied::Operator),
        };
        let allowed = grant.allowed_ips.is_empty() || ip.is_some_and(|ip| net::contains(&grant.allowed_ips, ip));
        if allowed { Ok(Self { grant, snapshot }) } else { Err(Denied::Address) }
    }

    /// All that bounds what it sees, as a text: two callers with the same one see the same.
    pub fn bounds(&self) -> String {
        let (scope, may) = (self.scope(), self.grant.rights.words().collect::<Vec<_>>());
        format!("{:?} {:?} {may:?}", scope.customers(), scope.vendors())
    }

    /// The customers and vendors whose calls it sees.
    pub fn scope(&self) -> OperatorScope {
        OperatorScope::proven(&self.grant.customers, &self.grant.vendors)
    }

    /// The words that it knows, by its rights.
    pub fn audience(&self) -> Audience {
        Audience::Operator(self.grant.rights)
    }

    /// True if responses may hold the trace of their results.
    pub fn may_debug(&self) -> bool {
        self.grant.debug
    }

    /// The scope of one account for reports of a side; `None` alike for an unknown account and one that [`Self::accounts`] does
    /// not list there.
    pub fn account(&self, account: Uuid, side: Side) -> Option<Scope> {
        let account = self.snapshot.accounts.get(&account)?;
        self.knows(account.owned(), side).then(|| Scope::proven(account.customer_id, account.id))
    }

    /// The name of an account; empty for none.
    pub fn name(&self, account: Uuid) -> &str {
        self.snapshot.accounts.get(&account).map_or("", |account| account.name.as_str())
    }

    /// Every account that it sees on any side, by id, with the sides.
    pub fn accounts(&self) -> Vec<(Uuid, &Account, Vec<Side>)> {
        let sides = |account: &Account| {
            let seen = |side: &Side| self.lists(account.owned(), *side);
            [Side::Origination, Side::Termination].into_iter().filter(seen).collect::<Vec<_>>()
        };
        let all = self.snapshot.accounts.iter().map(|(uuid, account)| (*uuid, account, sides(account)));
        let mut all: Vec<_> = all.filter(|(.., sides)| !sides.is_empty()).collect();
        all.sort_unstable_by_key(|(uuid, account, _)| (account.id, *uuid));
        all
    }

    /// Names of countries.
    pub fn countries(&self) -> &Arc<Countries> {
        &self.snapshot.countries
    }

    /// The uuid and name of an account, by its number in calls of that side; `None` as for [`Self::account`].
    pub fn account_of(&self, id: u32, side: Side) -> Option<(String, String)> {
        let account = self.snapshot.names.account(id)?;
        self.knows(account.owned, side).then(|| (account.uuid.clone(), account.name.clone()))
    }

    /// Names of accounts, customers and vendors.
    pub fn names(&self) -> &Arc<OperatorNames> {
        &self.snapshot.names
    }

    /// True if the caller may ask for an account on a side, and is shown its name in groups of calls.
    fn knows(&self, account: OwnedAccount, side: Side) -> bool {
        let (customers, vendors) = (&self.grant.customers, &self.grant.vendors);
        let own = if side == Side::Origination { customers } else { vendors };
        let is_listed = own.is_empty() || own.contains(&account.owner);
        // From one who sees all there is nothing to hide, also where a row names the wrong side.
        let sees_all = customers.is_empty() && vendors.is_empty() && self.grant.rights.vendors;
        sees_all || account.has(side) && self.audience().sees_side(side) && is_listed
    }

    /// True if an account is listed. Where nothing says that an owner is a vendor, a caller with a list of customers alone is told
    /// of no other owners: it would be told of all customers.
    fn lists(&self, account: OwnedAccount, side: Side) -> bool {
        let (customers, vendors) = (&self.grant.customers, &self.grant.vendors);
        let is_bounded = !customers.is_empty() && vendors.is_empty();
        let is_known = account.side == Some(side) || customers.contains(&account.owner);
        account.has(side) && self.knows(account, side) && (!is_bounded || is_known)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_of_two_rows_and_a_row_that_does_not_read_allow_nobody() {
        let row = |id: u32, may: &str| OperatorRow { id, may: vec![may.to_owned()], ..OperatorRow::default() };
        let mut warnings = Vec::new();
        let rows = vec![row(1, "cost"), row(2, "cost"), row(2, "vendors"), row(3, "all"), OperatorRow::removed(4)];
        let grants = by_id(rows, &mut warnings);
        assert!(grants[&1].is_some() && grants[&2].is_none() && grants[&3].is_none() && !grants.contains_key(&4));
        assert_eq!(warnings.len(), 2, "{warnings:?}");
    }
}
