//! The remainder of a request's bounds, shared by all of its targets.

use std::sync::atomic::{AtomicU64, Ordering};

use super::bounds::{FILTERED, JUDGED, READS, ROWS};
use super::errors::GrafanaError;
use crate::cache::bytes;
use crate::config::Limits;
use crate::query::filter::Filter;
use crate::report::plan::Plan;

/// The budget of a request: counters that start at each bound and go down as targets read.
pub struct Left<'a> {
    limits: &'a Limits,
    rows: AtomicU64,
    points: AtomicU64,
    reads: AtomicU64,
    filtered: AtomicU64,
    judged: AtomicU64,
}

fn take(left: &AtomicU64, count: u64, refusal: impl FnOnce() -> String) -> Result<(), GrafanaError> {
    let less = |left: u64| left.checked_sub(count);
    let taken = left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
    taken.map(drop).map_err(|_left| GrafanaError::refused(refusal()))
}

impl<'a> Left<'a> {
    /// The whole budget of a request.
    pub fn new(limits: &'a Limits) -> Self {
        Self {
            limits,
            rows: AtomicU64::new(limits.max_buckets.saturating_mul(ROWS)),
            points: AtomicU64::new(limits.max_points_per_request),
            reads: AtomicU64::new(READS),
            filtered: AtomicU64::new(FILTERED),
            judged: AtomicU64::new(JUDGED),
        }
    }

    /// Notes a read of the plan for `accounts` accounts.
    ///
    /// # Errors
    /// The budget is exceeded.
    pub fn read(&self, plan: &Plan, accounts: u64) -> Result<(), GrafanaError> {
        self.rows(plan.grid.count.saturating_mul(accounts))?;
        self.accounts(accounts)?;
        self.filtered(&plan.query.filters, accounts)
    }

    /// Notes accounts of a target.
    ///
    /// # Errors
    /// When they are too many.
    pub fn accounts(&self, accounts: u64) -> Result<(), GrafanaError> {
        take(&self.reads, accounts, || format!("more than {READS} accounts of all targets together: ask for fewer"))
    }

    /// Notes filters of so many statements.
    ///
    /// # Errors
    /// When they are too much.
    pub fn filtered(&self, filters: &[Filter], statements: u64) -> Result<(), GrafanaError> {
        take(&self.filtered, statements.saturating_mul(bytes(filters) as u64), || {
            "so long filters are too much for so many targets and accounts: ask for fewer values".to_owned()
        })
    }

    /// Notes rows that are going to be held, or were read.
    ///
    /// # Errors
    /// When they are too many.
    pub fn rows(&self, rows: u64) -> Result<(), GrafanaError> {
        take(&self.rows, rows, || {
            let most = self.limits.max_buckets.saturating_mul(ROWS);
            format!(
                "more than {most} buckets of all accounts together, {ROWS} times limits.max_buckets: \
                 ask for a shorter range, a longer sampling or fewer accounts"
            )
        })
    }

    /// Notes points that are going to be shown.
    ///
    /// # Errors
    /// When they are too many.
    pub fn points(&self, points: usize) -> Result<(), GrafanaError> {
        take(&self.points, points as u64, || {
            let most = self.limits.max_points_per_request;
            format!(
                "more than {most} points of all series together (limits.max_points_per_request): \
                 ask for a shorter range, a longer sampling, fewer accounts or all of them together"
            )
        })
    }

    /// Notes buckets in which incidents are looked for.
    ///
    /// # Errors
    /// When they are too many.
    pub fn judged(&self, buckets: u64) -> Result<(), GrafanaError> {
        take(&self.judged, buckets, || {
            format!(
                "more than {JUDGED} quarters of an hour of all accounts and countries together to look for incidents in: \
                 ask for a shorter range or fewer accounts"
            )
        })
    }
}
