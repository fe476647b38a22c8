//! Reads the tables and keeps them fresh.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use clickhouse::Row;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::countries::{Countries, Country};
use super::login::by_login;
use super::operators::{self, ContractorRow, OperatorNames, OperatorRow, OperatorTables};
use super::revoked::{Revocation, Revoked};
use super::{Access, Account, AccountDetails, LatestSnapshot, Snapshot, Stale};
use crate::config::{Accounts, Config};
use crate::notices::Notices;
use crate::report::Side;
use crate::store::{Store, StoreError};
use crate::token::{self, Grant};

/// For how long the tables as they were read are trusted at the least: the schema and both tables may take five seconds each.
const LEAST_AGE: Duration = Duration::from_secs(15);

/// The name of accounts' details in errors.
const DETAILS: &str = "details of accounts";

/// The tables could not be read.
#[derive(Debug, thiserror::Error)]
pub enum RefreshError {
    /// The engine's refusal.
    #[error("reading {table}: {source}")]
    Store {
        /// Which of them.
        table: &'static str,
        /// The reason.
        source: StoreError,
    },
    /// The engine's refusal of the operator's own query, without the texts that it quotes: one may be a password.
    #[error("reading {table}: {text}")]
    Own {
        /// Which of them.
        table: &'static str,
        /// The reason.
        text: String,
    },
}

/// An error without the parts of a query that it repeats. ClickHouse quotes names and values; of a query that does not parse it
/// repeats the rest.
fn without_texts(text: &str) -> String {
    if text.contains("Code: 62.") || text.contains('\\') {
        return text.split_once(['(', '\'']).map_or(text, |(start, _)| start).trim_end().to_owned();
    }
    let parts = text.split('\'').enumerate();
    parts.map(|(place, part)| if place % 2 == 1 { "'…'" } else { part }).collect()
}

/// A row of `accounts`.
#[derive(Row, Serialize, Deserialize)]
pub(crate) struct AccountRow {
    pub(crate) id: u32,
    #[serde(with = "clickhouse::serde::uuid")]
    pub(crate) uuid: Uuid,
    pub(crate) customer_id: u32,
    pub(crate) name: String,
}

/// The details in a row of `accounts`.
#[derive(Row, Deserialize)]
struct DetailRow {
    id: u32,
    side: String,
    currency_id: Option<i32>,
}

/// A row of `api_access`.
#[derive(Default, Row, Serialize, Deserialize)]
pub(crate) struct AccessRow {
    pub(crate) id: u32,
    pub(crate) customer_id: u32,
    pub(crate) account_ids: Vec<u32>,
    pub(crate) allowed_ips: Vec<String>,
    pub(crate) login: String,
    pub(crate) password_hash: String,
}

#[derive(Row, Deserialize)]
struct CountryRow {
    id: u32,
    name: String,
    iso: String,
}

/// The tables, or the operator's queries in their place.
#[derive(Debug)]
pub struct Directory {
    latest: Arc<LatestSnapshot>,
    accounts_sql: String,
    /// Nothing where a query of the operator's gives the accounts and none their details.
    details_sql: Option<String>,
    access_sql: String,
    countries_sql: String,
    revocations_sql: String,
    /// The tables that only the operator's own people need; nothing where they have no key.
    operators: Option<OperatorTables>,
    refresh: Duration,
    /// Tables that a query of the operator's stands for.
    own: Vec<&'static str>,
    notices: Notices,
}

impl Directory {
    /// A directory that has read nothing yet.
    pub fn new(config: &Config) -> Self {
        let operators = config.operator.is_on().then(|| OperatorTables::of(&config.accounts));
        Self { operators, ..Self::of_customers(&config.accounts) }
    }

    fn of_customers(config: &Accounts) -> Self {
        let or = |own: &str, ours: &'static str| if own.is_empty() { ours.to_owned() } else { own.to_owned() };
        let accounts = or(&config.query, "SELECT id, uuid, customer_id, name FROM accounts FINAL");
        let access = or(
            &config.access_query,
            "SELECT id, customer_id, account_ids, allowed_ips, login, password_hash FROM api_access FINAL",
        );
        // Details of our table would be those of other accounts than the operator's.
        let details = match (config.details_query.as_str(), config.query.as_str()) {
            ("", "") => Some("SELECT id, side, currency_id FROM accounts FINAL"),
            ("", _) => None,
            (own, _) => Some(own),
        };
        let countries = or(&config.countries_query, "SELECT id, name, iso FROM countries FINAL");
        let revocations = or(&config.revocations_query, "SELECT customer_id, jti, not_before FROM token_revocations");
        Self {
            latest: Arc::default(),
            // An operator's query may give other widths, text, or nullable columns. A number that does not fit fails the
            // reading, for cut to 32 bits it would be somebody else's; a row without an id, uuid or customer is nobody's.
            accounts_sql: format!(
                "SELECT accurateCast(assumeNotNull(a.id), 'UInt32') AS id, toUUID(toString(assumeNotNull(a.uuid))) AS uuid, \
                 accurateCast(assumeNotNull(a.customer_id), 'UInt32') AS customer_id, ifNull(toString(a.name), '') AS name \
                 FROM ({accounts}) AS a \
                 WHERE a.id IS NOT NULL AND a.uuid IS NOT NULL AND a.customer_id IS NOT NULL"
            ),
            details_sql: details.map(|details| {
                format!(
                    "SELECT accurateCast(assumeNotNull(d.id), 'UInt32') AS id, ifNull(toString(d.side), '') AS side, \
                     accurateCastOrNull(d.currency_id, 'Int32') AS currency_id FROM ({details}) AS d WHERE d.id IS NOT NULL"
                )
            }),
            access_sql: format!(
                "SELECT accurateCast(assumeNotNull(a.id), 'UInt32') AS id, \
                 accurateCast(assumeNotNull(a.customer_id), 'UInt32') AS customer_id, \
                 arrayMap(x -> accurateCast(ifNull(toString(x), '0'), 'UInt32'), a.account_ids) AS account_ids, \
                 arrayMap(x -> ifNull(toString(x), ''), a.allowed_ips) AS allowed_ips, \
                 ifNull(toString(a.login), '') AS login, ifNull(toString(a.password_hash), '') AS password_hash \
                 FROM ({access}) AS a WHERE a.id IS NOT NULL AND a.customer_id IS NOT NULL"
            ),
            countries_sql: format!(
                "SELECT accurateCast(assumeNotNull(c.id), 'UInt32') AS id, ifNull(toString(c.name), '') AS name, \
                 ifNull(toString(c.iso), '') AS iso FROM ({countries}) AS c WHERE c.id IS NOT NULL"
            ),
            // A row without a time is of every time.
            revocations_sql: format!(
                "SELECT accurateCast(ifNull(toString(r.customer_id), '0'), 'UInt32') AS customer_id, \
                 ifNull(toString(r.jti), '') AS jti, \
                 max(ifNull(toUnixTimestamp64Milli(toDateTime64(r.not_before, 3, 'UTC')), toInt64(9223372036854775807))) AS not_before \
                 FROM ({revocations}) AS r GROUP BY customer_id, jti"
            ),
            operators: None,
            refresh: Duration::from_secs(config.refresh_seconds.into()),
            own: [
                ("accounts", &config.query),
                (DETAILS, &config.details_query),
                ("api_access", &config.access_query),
                ("token_revocations", &config.revocations_query),
                ("countries", &config.countries_query),
                ("operator_access", &config.operators_query),
                ("contractors", &config.contractors_query),
            ]
            .into_iter()
            .filter_map(|(table, query)| (!query.is_empty()).then_some(table))
            .collect(),
            notices: Notices::default(),
        }
    }

    /// The tables as they were a moment ago. When the engine has been away for a while they are no longer trusted:
    /// a row may have been deleted meanwhile.
    ///
    /// # Errors
    /// When the latest reading is too old.
    pub fn snapshot(&self) -> Result<Arc<Snapshot>, Stale> {
        self.latest.get(self.max_age())
    }

    /// Three readings, but no less than a reading that just succeeds may take, with the pause before it.
    fn max_age(&self) -> Duration {
        LEAST_AGE.max(self.refresh * 3)
    }

    /// The age of the tables' latest snapshot; `None` if they were never read.
    pub fn age(&self) -> Option<Duration> {
        self.latest.age()
    }

    /// Time between two readings: half of what the contract allows, so that a reading may take as long.
    pub fn interval(&self) -> Duration {
        self.refresh / 2
    }

    /// Reads the tables now.
    ///
    /// # Errors
    /// When accounts or access cannot be read; the latest reading is kept. Names of countries are kept without an error, since
    /// nothing depends on them.
    pub async fn refresh(&self, store: &Store) -> Result<(), RefreshError> {
        let began = Instant::now();
        let accounts: Vec<AccountRow> = store.rows(&self.accounts_sql).await.map_err(self.of("accounts"))?;
        let access: Vec<AccessRow> = store.rows(&self.access_sql).await.map_err(self.of("api_access"))?;
        let revocations: Vec<Revocation> =
            store.rows(&self.revocations_sql).await.map_err(self.of("token_revocations"))?;
        let mut warnings = Vec::new();
        // Customer 0 is what `cdrscope access remove` leaves.
        let (access, removed): (Vec<_>, Vec<_>) = access.into_iter().partition(|row| row.customer_id != 0);
        let mut access = by_id(access, &mut warnings);
        // Also where a query of the operator's still gives the row as it was.
        access.retain(|id, _| removed.iter().all(|row| row.id != *id));
        let removed = self.removed(removed.into_iter().map(|row| row.id), &access);
        let operators: Vec<OperatorRow> = match &self.operators {
            Some(tables) => store.rows(&tables.access_sql).await.map_err(self.of("operator_access"))?,
            None => Vec::new(),
        };
        let operators = operators::by_id(operators, &mut warnings);
        let details = self.details(store, &mut warnings).await;
        let accounts = by_uuid(accounts, &details, &mut warnings);
        let names = self.names(store, &accounts, &mut warnings).await;
        let snapshot = Snapshot {
            accounts,
            operators,
            names,
            logins: by_login(&access, &mut warnings),
            access,
            removed,
            revoked: Revoked::new(revocations),
            countries: self.countries(store, &mut warnings).await,
        };
        self.latest.set(snapshot, began);
        self.notices.round("accounts", warnings);
        Ok(())
    }

    fn of(&self, table: &'static str) -> impl Fn(StoreError) -> RefreshError {
        let own = self.own.contains(&table);
        move |source| match own {
            true => RefreshError::Own { table, text: without_texts(&source.to_string()) },
            false => RefreshError::Store { table, source },
        }
    }

    /// Ids of rows that say that they were removed, and of those that were there or removed before and are not there now.
    fn removed(&self, said: impl Iterator<Item = u32>, access: &HashMap<u32, Access>) -> HashSet<u32> {
        let before = self.latest.get(Duration::MAX).ok();
        let before = before.iter().flat_map(|snapshot| snapshot.access.keys().chain(&snapshot.removed).copied());
        said.chain(before).filter(|id| !access.contains_key(id)).collect()
    }

    async fn names(
        &self,
        store: &Store,
        accounts: &HashMap<Uuid, Account>,
        warnings: &mut Vec<String>,
    ) -> Arc<OperatorNames> {
        let Some(tables) = &self.operators else { return Arc::default() };
        match store.rows::<ContractorRow>(&tables.contractors_sql).await {
            Ok(rows) => Arc::new(OperatorNames::new(accounts, rows)),
            Err(e) => {
                warnings.push(self.of("contractors")(e).to_string());
                self.latest.get(Duration::MAX).map(|snapshot| Arc::clone(&snapshot.names)).unwrap_or_default()
            }
        }
    }

    /// Details of accounts by id. Nothing depends on it, so that the latest reading does where there is none.
    async fn details(&self, store: &Store, warnings: &mut Vec<String>) -> HashMap<u32, AccountDetails> {
        let Some(sql) = &self.details_sql else { return HashMap::new() };
        match store.rows::<DetailRow>(sql).await {
            Ok(rows) => details_by_id(rows, warnings),
            Err(e) => {
                warnings.push(self.of(DETAILS)(e).to_string());
                let latest = self.latest.get(Duration::MAX).ok();
                let held = latest.iter().flat_map(|snapshot| snapshot.accounts.values());
                held.map(|account| (account.id, account.details)).collect()
            }
        }
    }

    async fn countries(&self, store: &Store, warnings: &mut Vec<String>) -> Arc<Countries> {
        match store.rows::<CountryRow>(&self.countries_sql).await {
            Ok(rows) => {
                let country = |row: CountryRow| (row.id, Country { name: row.name, iso: row.iso });
                Arc::new(Countries::new(rows.into_iter().map(country)))
            }
            Err(e) => {
                warnings.push(self.of("countries")(e).to_string());
                self.latest.get(Duration::MAX).map(|snapshot| Arc::clone(&snapshot.countries)).unwrap_or_default()
            }
        }
    }
}

fn details_by_id(rows: Vec<DetailRow>, warnings: &mut Vec<String>) -> HashMap<u32, AccountDetails> {
    let mut all = HashMap::with_capacity(rows.len());
    for row in rows {
        let side = match row.side.as_str() {
            "" | "both" => None,
            "origination" => Some(Side::Origination),
            "termination" => Some(Side::Termination),
            _ => {
                warnings.push(format!(
                    "accounts: row {} has a side that is none of origination, termination and both; it is listed with both",
                    row.id
                ));
                None
            }
        };
        all.insert(row.id, AccountDetails { side, currency: row.currency_id });
    }
    all
}

fn by_uuid(
    rows: Vec<AccountRow>,
    details: &HashMap<u32, AccountDetails>,
    warnings: &mut Vec<String>,
) -> HashMap<Uuid, Account> {
    let (mut accounts, mut shared) = (HashMap::with_capacity(rows.len()), HashSet::new());
    for row in rows {
        let details = details.get(&row.id).copied().unwrap_or_default();
        let account = Account { id: row.id, customer_id: row.customer_id, name: row.name, details };
        let whose = (account.id, account.customer_id);
        if accounts.insert(row.uuid, account).is_some_and(|other| (other.id, other.customer_id) != whose) {
            shared.insert(row.uuid);
        }
    }
    for uuid in shared {
        warnings.push(format!("accounts: {uuid} stands in two rows; it is refused until it is one account's"));
        accounts.remove(&uuid);
    }
    accounts
}

fn by_id(rows: Vec<AccessRow>, warnings: &mut Vec<String>) -> HashMap<u32, Access> {
    let (mut access, mut shared) = (HashMap::with_capacity(rows.len()), HashSet::new());
    for row in rows {
        let networks = token::networks(&row.allowed_ips);
        if networks.is_none() {
            warnings.push(format!("api_access: row {} has an address that does not read; it allows nobody", row.id));
        }
        let grant = networks.map(|allowed_ips| Grant {
            customer_id: row.customer_id,
            account_ids: row.account_ids,
            allowed_ips,
            // A row says nothing of it: only a token that was made for it may.
            debug: false,
            sides: None,
            export: None,
        });
        let one = Access { grant, login: row.login, password_hash: row.password_hash };
        match access.entry(row.id) {
            Entry::Vacant(place) => drop(place.insert(one)),
            Entry::Occupied(other) if *other.get() == one => {}
            Entry::Occupied(_) => drop(shared.insert(row.id)),
        }
    }
    for id in shared {
        warnings.push(format!("api_access: {id} stands in two rows that differ; it is refused until it stands in one"));
        access.remove(&id);
    }
    access
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_of_an_own_query_does_not_repeat_it() {
        for (text, told) in [
            (
                "Code: 60. DB::Exception: Unknown table 'hush' in 'db'.",
                "Code: 60. DB::Exception: Unknown table '…' in '…'.",
            ),
            (
                "Code: 62. DB::Exception: failed at position 9 (hush): hush, 'x'",
                "Code: 62. DB::Exception: failed at position 9",
            ),
            ("Code: 36. DB::Exception: bad argument 'a\\'hush'", "Code: 36. DB::Exception: bad argument"),
            ("network error: refused", "network error: refused"),
        ] {
            assert_eq!(without_texts(text), told);
        }
    }
}
