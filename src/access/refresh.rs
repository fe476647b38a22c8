//! Reads the tables and keeps them fresh.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use clickhouse::Row;
use serde::Deserialize;
use uuid::Uuid;

use super::countries::{Countries, Country};
use super::login::by_login;
use super::{Access, Account, Latest, Snapshot, Stale};
use crate::config::Accounts;
use crate::store::{Store, StoreError};
use crate::token::{self, Grant};

/// For how long the tables as they were read are trusted at the least: the schema and both tables may take five seconds each.
const LEAST_AGE: Duration = Duration::from_secs(15);

/// The tables could not be read.
#[derive(Debug, thiserror::Error)]
pub enum RefreshError {
    /// The engine's refusal.
    #[error("reading {table}: {source}")]
    Store {
        /// Which of the two.
        table: &'static str,
        /// The reason.
        source: StoreError,
    },
}

#[derive(Row, Deserialize)]
struct AccountRow {
    id: u32,
    #[serde(with = "clickhouse::serde::uuid")]
    uuid: Uuid,
    customer_id: u32,
    name: String,
}

#[derive(Row, Deserialize)]
struct AccessRow {
    id: u32,
    customer_id: u32,
    account_ids: Vec<u32>,
    allowed_ips: Vec<String>,
    login: String,
    password_hash: String,
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
    latest: Arc<Latest>,
    accounts_sql: String,
    access_sql: String,
    countries_sql: String,
    refresh: Duration,
}

impl Directory {
    /// A directory that has read nothing yet.
    pub fn new(config: &Accounts) -> Self {
        let or = |own: &str, ours: &'static str| if own.is_empty() { ours.to_owned() } else { own.to_owned() };
        let accounts = or(&config.query, "SELECT id, uuid, customer_id, name FROM accounts FINAL");
        let access = or(
            &config.access_query,
            // Customer 0 is what `cdrscope access remove` leaves.
            "SELECT id, customer_id, account_ids, allowed_ips, login, password_hash FROM api_access FINAL WHERE customer_id != 0",
        );
        let countries = or(&config.countries_query, "SELECT id, name, iso FROM countries FINAL");
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
            refresh: Duration::from_secs(config.refresh_seconds.into()),
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

    /// How long ago the tables were read; `None` if never.
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
        let of = |table| move |source| RefreshError::Store { table, source };
        let accounts: Vec<AccountRow> = store.rows(&self.accounts_sql).await.map_err(of("accounts"))?;
        let access: Vec<AccessRow> = store.rows(&self.access_sql).await.map_err(of("api_access"))?;
        let access = by_id(access);
        let countries = self.countries(store).await;
        self.latest.set(Snapshot { accounts: by_uuid(accounts), logins: by_login(&access), access, countries }, began);
        Ok(())
    }

    async fn countries(&self, store: &Store) -> Arc<Countries> {
        match store.rows::<CountryRow>(&self.countries_sql).await {
            Ok(rows) => {
                let country = |row: CountryRow| (row.id, Country { name: row.name, iso: row.iso });
                Arc::new(Countries::new(rows.into_iter().map(country)))
            }
            Err(e) => {
                log::warn!("reading countries: {e}");
                self.latest.get(Duration::MAX).map(|snapshot| Arc::clone(&snapshot.countries)).unwrap_or_default()
            }
        }
    }
}

fn by_uuid(rows: Vec<AccountRow>) -> HashMap<Uuid, Account> {
    let (mut accounts, mut shared) = (HashMap::with_capacity(rows.len()), HashSet::new());
    for row in rows {
        let account = Account { id: row.id, customer_id: row.customer_id, name: row.name };
        let whose = (account.id, account.customer_id);
        if accounts.insert(row.uuid, account).is_some_and(|other| (other.id, other.customer_id) != whose) {
            shared.insert(row.uuid);
        }
    }
    for uuid in shared {
        log::warn!("accounts: {uuid} stands in two rows; it is refused until it is one account's");
        accounts.remove(&uuid);
    }
    accounts
}

fn by_id(rows: Vec<AccessRow>) -> HashMap<u32, Access> {
    let (mut access, mut shared) = (HashMap::with_capacity(rows.len()), HashSet::new());
    for row in rows {
        let networks = token::networks(&row.allowed_ips);
        if networks.is_none() {
            log::warn!("api_access: row {} has an address that does not read; it allows nobody", row.id);
        }
        let grant = networks.map(|allowed_ips| Grant {
            customer_id: row.customer_id,
            account_ids: row.account_ids,
            allowed_ips,
            // A row says nothing of it: only a token that was made for it may.
            debug: false,
        });
        let one = Access { grant, login: row.login, password_hash: row.password_hash };
        match access.entry(row.id) {
            Entry::Vacant(place) => drop(place.insert(one)),
            Entry::Occupied(other) if *other.get() == one => {}
            Entry::Occupied(_) => drop(shared.insert(row.id)),
        }
    }
    for id in shared {
        log::warn!("api_access: {id} stands in two rows that differ; it is refused until it stands in one");
        access.remove(&id);
    }
    access
}
