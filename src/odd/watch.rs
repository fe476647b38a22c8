//! The service's watch over the rows that come: both tables, looked at again and again. Several services over one server each
//! look for themselves.

use time::OffsetDateTime;

use super::look::{CheckStatus, WatchedTable};
use super::tally::Tally;
use crate::config::Config;
use crate::notices::Notices;
use crate::report::Table;
use crate::shown::Cause;
use crate::sql::schema::Schema;
use crate::store::Store;

/// Both tables under watch.
#[derive(Debug)]
pub struct Watch {
    targets: [WatchedTable; 2],
    tally: Tally,
    notices: Notices,
    began: i64,
}

/// A table's checks, as operators see them.
#[derive(Debug)]
pub struct Told<'a> {
    /// Its name.
    pub table: &'a str,
    /// The part of its rows that was checked.
    pub status: CheckStatus,
    /// Why they are not, if they are not.
    pub unwatched: Option<&'static str>,
    /// Kinds that are not checked, and why.
    pub unchecked: &'a [(&'static str, String)],
}

impl Watch {
    /// Of the tables of a schema, as the settings want it.
    pub fn new(config: &Config, schema: &Schema) -> Self {
        let target = |of| WatchedTable::new(of, schema.table(of), config);
        let targets = [target(Table::Cdrs), target(Table::ActiveCalls)];
        let tally = Tally::new(targets.iter().map(|target| &target.rules));
        Self { targets, tally, notices: Notices::default(), began: now() }
    }

    /// Notes the parts that are there already, whose rows are not looked at.
    pub async fn begin(&self, store: &Store) {
        for target in &self.targets {
            match target.unwatched {
                Some(why) => log::info!("{}: new rows are not checked: {why}", target.rules.table),
                None => self.done(target, target.begin(&store.client()).await),
            }
        }
    }

    /// Looks at the parts that came since the last look.
    pub async fn look(&self, store: &Store) {
        for target in self.targets.iter().filter(|target| target.unwatched.is_none()) {
            self.done(target, target.look(&store.client(), &self.tally).await);
        }
        self.tally.lines(now()).iter().for_each(|line| log::warn!("{line}"));
    }

    fn done(&self, target: &WatchedTable, done: clickhouse::error::Result<()>) {
        let fault = done.err().map(|error| Cause(&error).to_string());
        let line = fault.as_ref().map(|fault| format!("{}: new rows cannot be checked: {fault}", target.rules.table));
        self.notices.round(target.topic, line);
        target.status().fault = fault;
    }

    /// Counts by kind.
    pub fn tally(&self) -> &Tally {
        &self.tally
    }

    /// Both tables.
    pub fn told(&self) -> impl Iterator<Item = Told<'_>> {
        self.targets.iter().map(|target| Told {
            table: &target.rules.table,
            status: target.status().clone(),
            unwatched: target.unwatched,
            unchecked: &target.rules.unchecked,
        })
    }

    /// When the service began to look, epoch seconds.
    pub fn began(&self) -> i64 {
        self.began
    }
}

/// Epoch seconds.
pub fn now() -> i64 {
    OffsetDateTime::now_utc().unix_timestamp()
}
