//! Breakdowns: their groups from ClickHouse, their whole answers from the cache.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::{Engine, Freshness, Version, age};
use crate::cache::{CacheStatus, CachedBody};
use crate::columns::breakdown::{BreakdownTable, GroupNames, GroupsFault};
use crate::columns::groups::{DistinctOfOthers, Groups, GroupsRoom};
use crate::config::AcdUnit;
use crate::report::breakdown::Breakdown;
use crate::sql::{self, Trace};
use crate::store::{Failure, StoreError};

/// Bounds and units of a breakdown.
#[derive(Clone, Copy, Debug)]
pub struct BreakdownBounds {
    /// Most groups.
    pub max_groups: usize,
    /// Unit of `acd`.
    pub acd_unit: AcdUnit,
    /// The clock, epoch seconds.
    pub now: i64,
}

/// A breakdown that is not answered.
#[derive(Debug, thiserror::Error)]
pub enum BreakdownError {
    /// More groups than there may be.
    #[error("too many groups: limits.max_groups is {0}")]
    TooManyGroups(usize),
    /// No memory is free for so many groups.
    #[error("no memory for the groups")]
    Memory,
    /// Prices of several currencies would be added up.
    #[error("total_price needs accounts of one currency")]
    Currencies,
    /// The query failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Engine {
    /// Checks the freshness of a breakdown's table, unless that was done a moment ago.
    pub async fn breakdown_version(&self, breakdown: &Breakdown) -> Version {
        self.version_of(breakdown.terms.records.table()).await
    }

    /// The cached body of a breakdown's response, if it still holds. `names` stands for the names that it shows.
    pub fn breakdown_body(
        &self,
        breakdown: &Arc<Breakdown>,
        names: u64,
        version: Version,
    ) -> Option<(Arc<CachedBody>, Freshness)> {
        let cache = self.cache.as_ref()?;
        let body = cache.breakdown(breakdown, names, version.0)?;
        self.statuses.note(CacheStatus::Hit);
        Some((body, Freshness { status: CacheStatus::Hit, age: age(cache, breakdown.terms.records.table()) }))
    }

    /// Keeps the body of a breakdown's response.
    pub fn keep_breakdown(&self, breakdown: &Arc<Breakdown>, names: u64, body: (Bytes, String), version: Version) {
        if let Some(cache) = &self.cache {
            cache.keep_breakdown(breakdown, names, body, version.0);
        }
    }

    /// Runs a breakdown.
    ///
    /// # Errors
    /// There are too many groups, or too large ones, or prices of several currencies among them; or a statement failed.
    pub async fn breakdown(
        &self,
        breakdown: &Arc<Breakdown>,
        names: Arc<dyn GroupNames>,
        (bounds, room): (BreakdownBounds, GroupsRoom),
    ) -> Result<(BreakdownTable, Option<Freshness>, Trace), BreakdownError> {
        let too_many = || BreakdownError::TooManyGroups(bounds.max_groups);
        let (tenant, most) = (breakdown.tenant(), bounds.max_groups);
        let mut groups = Groups::of(breakdown, most, room);
        let most_u64 = u64::try_from(most).unwrap_or(u64::MAX);
        let write = |mode| sql::groups(breakdown, &self.schema, mode, (most_u64, bounds.now));
        let read = self.store.read(tenant, write, breakdown.terms.report, &mut groups).await;
        let (statement, rows) = read.map_err(|error| match error.failure {
            Failure::TooManyRows => too_many(),
            _ if groups.is_out_of_room => BreakdownError::Memory,
            _ => error.into(),
        })?;
        let mut trace = Trace::default();
        trace.add(&statement, rows);
        // Putting many groups in order takes a thread that others wait for: who came meanwhile goes first.
        tokio::task::yield_now().await;
        let table = BreakdownTable::new(Arc::clone(breakdown), groups, names, (bounds.acd_unit, most));
        let mut table = table.map_err(|fault| match fault {
            GroupsFault::Groups => too_many(),
            GroupsFault::Currencies => BreakdownError::Currencies,
            GroupsFault::Overflow => StoreError::overflow().into(),
        })?;
        if !breakdown.distinct_counts().is_empty() {
            let count = breakdown.distinct_counts().len();
            let mut distinct = DistinctOfOthers { count, ..DistinctOfOthers::default() };
            let shown = table.names_shown();
            let write = |mode| sql::distinct_of_others(breakdown, &self.schema, mode, &shown, bounds.now);
            let (statement, rows) = self.store.read(tenant, write, breakdown.terms.report, &mut distinct).await?;
            trace.add(&statement, rows);
            table.put_distinct(distinct);
        }
        let freshness = self.cache.as_ref().map(|_| {
            self.statuses.note(CacheStatus::Miss);
            Freshness { status: CacheStatus::Miss, age: Duration::ZERO }
        });
        Ok((table, freshness, trace))
    }
}
