//! From a checked request to a plan: which rows, in which buckets, under which tenant. A plan cannot be made without the
//! tenant, so no statement can.

use time::OffsetDateTime;

use super::Report;
use super::form::ResultForm;
use super::measure::Aggregate;
use super::query::Query;
use crate::query::filter::Filter;
use crate::query::instant::Instant;
use crate::query::sampling::Sampling;
use crate::query::scope::Scope;
use crate::query::zone::Calendar;

/// A caller's request; every value parsed, nothing checked against the clock yet.
#[derive(Clone, Debug)]
pub struct Request {
    /// The report.
    pub report: &'static Report,
    /// The tenant and account.
    pub scope: Scope,
    /// Start, inclusive; absent for live calls only.
    pub from: Option<Instant>,
    /// End, inclusive.
    pub to: Option<Instant>,
    /// Length of a bucket.
    pub sampling: Sampling,
    /// Where calendar buckets lie.
    pub calendar: Calendar,
    /// All of them must hold.
    pub filters: Vec<Filter>,
    /// True if empty buckets are filled in; the report's own habit if absent.
    pub fill: Option<bool>,
    /// Only buckets that have been over for so many seconds; all buckets if absent.
    pub settle: Option<i64>,
    /// The form of the answer.
    pub form: ResultForm,
}

/// Seconds of the window, both inclusive: `time_start` has whole seconds, so fractions are rounded inwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Window {
    /// First second.
    pub from: i64,
    /// Last second; open towards the future if absent.
    pub to: Option<i64>,
}

/// Buckets from the one that holds from-time through the one that holds the earlier of to-time and now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Grid {
    /// Start of the first bucket, epoch seconds.
    pub first: i64,
    /// Length of a bucket in seconds; 0 for calendar buckets, which are of unequal length.
    pub step: i64,
    /// Number of buckets.
    pub count: u64,
}

/// The plan of a query: the window, intervals and buckets to read.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The query: scope, records, dimension, measures and filters.
    pub query: Query,
    /// The report's name, for logs and metrics.
    pub report: &'static str,
    /// When; absent for live calls.
    pub window: Option<Window>,
    /// Seconds of the intervals that the engine adds up.
    pub interval: i64,
    /// Length of a bucket.
    pub sampling: Sampling,
    /// The calendar by which intervals fold into buckets.
    pub calendar: Calendar,
    /// The buckets of the answer.
    pub grid: Grid,
    /// True if empty buckets are filled in.
    pub fill: bool,
    /// Seconds that a bucket must have been over to be part of the result; all buckets if absent.
    pub settle: Option<i64>,
    /// The form of the answer.
    pub form: ResultForm,
    /// The clock at the time of the request, epoch seconds.
    pub now: i64,
    /// Most rows that are read. Rows by a key are more than there are buckets, and how many is known only when they come.
    pub most_rows: usize,
}

impl Plan {
    /// The most memory that its sums take, in bytes, while they are read and put together: twice what a row for each
    /// interval of the grid takes.
    pub fn bytes(&self) -> u64 {
        let intervals = match self.grid.step {
            0 => self.calendar_intervals(),
            _ => self.grid.count,
        };
        let row = 8 + self.query.aggregates().into_iter().map(Aggregate::bytes).sum::<u64>();
        2 * row * intervals
    }

    /// Intervals from the first bucket to the end of the window, or to the clock.
    fn calendar_intervals(&self) -> u64 {
        let end = self.window.and_then(|window| window.to).map_or(self.now, |to| to.min(self.now));
        u64::try_from((end - self.grid.first).max(0) / self.interval.max(1)).unwrap_or(0) + 1
    }
}

/// Why a request that reads well is not answered from the engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// to-time lies before from-time.
    ToBeforeFrom,
    /// More buckets than the limit.
    TooManyBuckets {
        /// The limit.
        limit: u64,
    },
    /// from-time lies in the future: the answer is an empty list.
    Future,
}

impl Request {
    /// Checks the window against the clock and lays out the buckets.
    ///
    /// # Errors
    /// The first reason for which the engine is not asked.
    pub fn plan(self, now: OffsetDateTime, max_buckets: u64) -> Result<Plan, Refusal> {
        let clock = now.unix_timestamp();
        let mut plan = Plan {
            query: self.report.query(self.scope, self.filters),
            report: self.report.name,
            window: None,
            interval: self.sampling.fixed_seconds().unwrap_or(0),
            sampling: self.sampling,
            calendar: self.calendar,
            grid: Grid { first: 0, step: 0, count: 0 },
            fill: self.fill.unwrap_or(self.report.fill),
            settle: self.settle,
            form: self.form,
            now: clock,
            most_rows: match self.report.key {
                Some(_) => usize::try_from(max_buckets).unwrap_or(usize::MAX),
                None => usize::MAX,
            },
        };
        let Some(from) = self.from else { return Ok(plan) };
        if self.to.as_ref().is_some_and(|to| *to < from) {
            return Err(Refusal::ToBeforeFrom);
        }
        let mut window = Window { from: from.ceil(), to: self.to.as_ref().map(Instant::floor) };
        let mut last = window.to.map_or(clock, |to| to.min(clock));
        let mut count = plan.calendar.count(plan.sampling, from.floor(), last, max_buckets);
        if count > max_buckets {
            return Err(Refusal::TooManyBuckets { limit: max_buckets });
        }
        if from.is_after(now) {
            return Err(Refusal::Future);
        }
        if let Some(settle) = self.settle {
            // The bucket of that moment is not over, or not for long enough; with it goes everything after it.
            let end = plan.calendar.bucket(plan.sampling, clock - settle).0;
            last = last.min(end - 1);
            // Where nothing is complete the window ends before it begins.
            window.to = Some(last.max(window.from - 1));
            count = plan.calendar.count(plan.sampling, from.floor(), last, max_buckets);
        }
        plan.grid = Grid {
            first: plan.calendar.bucket(plan.sampling, from.floor()).0,
            step: plan.sampling.fixed_seconds().unwrap_or(0),
            count,
        };
        // Calls ahead of the clock count too, so an open window reaches to the end of time: one more year covers every
        // change of offset that calls with a wrong clock could meet.
        let horizon = window.to.unwrap_or(clock + 366 * 86_400);
        plan.interval = plan.calendar.base_seconds(plan.sampling, from.floor(), horizon);
        plan.window = Some(window);
        Ok(plan)
    }
}
