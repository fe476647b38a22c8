//! The one way to a figure: cache, planner, statement, ClickHouse, sums. The customer API, Grafana and /metrics run their
//! queries here and nowhere else.

mod breakdowns;
mod cdrs;
mod statuses;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use crate::cache::{self, Assembled, Cache, CacheStatus, CachedBody, Tracker};
use crate::columns::buckets::Buckets;
use crate::columns::live::LiveCalls;
use crate::columns::tsv::AtMost;
use crate::config::Config;
use crate::report::Table;
use crate::report::plan::Plan;
use crate::sql::schema::{Schema, TableSchema};
use crate::sql::{self, Trace};
use crate::store::{Store, StoreError};
pub use breakdowns::{BreakdownBounds, BreakdownError};
pub use statuses::CacheStatuses;

/// Runs queries.
pub struct Engine {
    /// ClickHouse.
    pub store: Store,
    /// The tables.
    pub schema: Schema,
    cache: Option<Cache>,
    statuses: CacheStatuses,
}

/// Number of the freshness check that a result must not be older than. 0 without a cache, where each result is read from ClickHouse.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Version(u64);

/// The part that the cache had in a result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Freshness {
    /// The cache status.
    pub status: CacheStatus,
    /// Age of the freshness check by which cached sums held; zero where anything was read.
    pub age: Duration,
}

/// The result of a query.
#[derive(Debug)]
pub struct Answer {
    /// Sums by bucket of the query's calendar, and in total.
    pub buckets: Buckets,
    /// `None` without a cache.
    pub freshness: Option<Freshness>,
    /// The segments that were read.
    pub trace: Trace,
}

impl Engine {
    /// An engine over a store with these tables, with a cache if the settings want one.
    pub fn new(config: &Config, store: Store, schema: Schema) -> Self {
        let cache = config.cache.enabled.then(|| {
            let tracker = |table: &TableSchema| {
                Tracker::new(&config.clickhouse.database, &table.name, table.is_ours, table.has_parts)
            };
            Cache::new(&config.cache, tracker(&schema.cdrs), tracker(&schema.active_calls))
        });
        Self { store, schema, cache, statuses: CacheStatuses::default() }
    }

    /// Checks the freshness of the plan's table, unless that was done a moment ago.
    pub async fn version(&self, plan: &Plan) -> Version {
        self.version_of(plan.query.records.table()).await
    }

    async fn version_of(&self, table: Table) -> Version {
        match &self.cache {
            Some(cache) => Version(cache.look(&self.store, table).await),
            None => Version::default(),
        }
    }

    /// The cached body of a response, if it still holds.
    pub fn body(&self, plan: &Plan, version: Version) -> Option<(Arc<CachedBody>, Freshness)> {
        let cache = self.cache.as_ref()?;
        let body = cache.body(plan, version.0)?;
        self.statuses.note(CacheStatus::Hit);
        Some((body, Freshness { status: CacheStatus::Hit, age: age(cache, plan.query.records.table()) }))
    }

    /// Keeps the body of a response.
    pub fn keep(&self, plan: &Plan, text: Bytes, etag: String, version: Version) {
        if let Some(cache) = &self.cache {
            cache.keep_body(plan, text, etag, version.0);
        }
    }

    /// Runs a plan's query, as of now.
    ///
    /// # Errors
    /// As [`Self::run_as_of`].
    pub async fn run(&self, plan: &Plan) -> Result<Answer, StoreError> {
        self.run_as_of(plan, self.version(plan).await).await
    }

    /// Runs a plan's query: the result is of `version` or later.
    ///
    /// # Errors
    /// A statement failed, took too long or found no slot, or a sum left its range.
    pub async fn run_as_of(&self, plan: &Plan, version: Version) -> Result<Answer, StoreError> {
        let Some(cache) = &self.cache else { return self.read(plan).await };
        let Assembled { sums, used: status, trace } =
            cache::assemble(cache, &self.store, &self.schema, plan, version.0).await?;
        self.statuses.note(status);
        let age = if status == CacheStatus::Hit { age(cache, plan.query.records.table()) } else { Duration::ZERO };
        Ok(Answer { buckets: folded(plan, sums)?, freshness: Some(Freshness { status, age }), trace })
    }

    /// Lists the live calls of a plan, and says how many rows ClickHouse read for them. They are never cached.
    ///
    /// # Errors
    /// The statement failed, took too long or found no slot.
    pub async fn live_calls(&self, plan: &Plan) -> Result<(LiveCalls, u64), StoreError> {
        let mut calls = LiveCalls::default();
        let write = |mode| sql::select(plan, &self.schema, mode);
        let (_, rows) = self.store.read(plan.query.scope.tenant(), write, plan.report, &mut calls).await?;
        Ok((calls, rows))
    }

    /// Bytes that the cache takes; `None` without one.
    pub fn cache_bytes(&self) -> Option<u64> {
        self.cache.as_ref().map(Cache::bytes)
    }

    /// Results by how much of them was cached.
    pub fn statuses(&self) -> &CacheStatuses {
        &self.statuses
    }

    /// Sums straight from ClickHouse.
    async fn read(&self, plan: &Plan) -> Result<Answer, StoreError> {
        let (mut sums, mut trace) = (Buckets::of(&plan.query), Trace::default());
        let write = |mode| sql::select(plan, &self.schema, mode);
        let mut rows = AtMost(&mut sums, plan.most_rows);
        let (statement, rows) = self.store.read(plan.query.scope.tenant(), write, plan.report, &mut rows).await?;
        trace.add(&statement, rows);
        Ok(Answer { buckets: folded(plan, sums)?, freshness: None, trace })
    }
}

fn age(cache: &Cache, table: Table) -> Duration {
    cache.tracker(table).age()
}

/// Intervals to calendar buckets, where those are not the same.
fn folded(plan: &Plan, sums: Buckets) -> Result<Buckets, StoreError> {
    if plan.sampling.fixed_seconds().is_some() {
        return Ok(sums);
    }
    sums.fold(&plan.calendar, plan.sampling).ok_or_else(StoreError::overflow)
}
