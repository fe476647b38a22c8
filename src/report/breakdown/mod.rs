//! The question of a breakdown as a value: which calls, grouped by what, measured how, compared with what. Everything that
//! decides its answer is part of it, so that it is the cache key as well.

mod ask;

use std::sync::Arc;

use jiff::tz::TimeZone;
use uuid::Uuid;

use super::form::ResultForm;
use super::groups::Dimension;
use super::measure::{self, Aggregate, Measure, Merge};
use super::plan::Window;
use super::query::Records;
use crate::query::filter::Filter;
use crate::query::scope::{OPERATOR, OperatorScope, Scope};
use crate::query::zone::{self, CalendarUnit, Edge};
pub use ask::{BreakdownAsk, BreakdownRefusal};

/// Most dimensions of one breakdown.
pub const MOST_DIMENSIONS: usize = 3;

/// Most columns that groups are ordered by.
pub const MOST_ORDERS: usize = 3;

/// Most groups of one answer.
pub const MOST_ROWS: usize = 10_000;

/// Most groups of one answer that counts different numbers: of those that are left out each is named to ClickHouse.
pub const MOST_ROWS_OF_NUMBERS: usize = 1_000;

/// Most buckets of time whose bounds a statement names one by one.
pub const MOST_BOUNDS: u64 = 10_000;

/// The window that a breakdown is compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Compare {
    /// The equal span just before.
    Previous,
    /// The same wall clock a unit of the calendar earlier.
    Earlier(CalendarUnit),
}

impl Compare {
    /// All of them, with their words.
    pub const ALL: [(&'static str, Self); 6] = [
        ("previous", Self::Previous),
        ("day", Self::Earlier(CalendarUnit::Day)),
        ("week", Self::Earlier(CalendarUnit::Week)),
        ("month", Self::Earlier(CalendarUnit::Month)),
        ("year", Self::Earlier(CalendarUnit::Year)),
        ("year-weekday", Self::Earlier(CalendarUnit::YearWeekday)),
    ];

    /// The second that one of a window is compared with; `span` is the window's length in seconds.
    fn earlier(self, zone: &TimeZone, second: i64, span: i64, edge: Edge) -> i64 {
        match self {
            Self::Previous => second - span,
            Self::Earlier(unit) => zone::earlier(zone, second, unit, edge),
        }
    }
}

/// An account of a breakdown, with what is shown of it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct OwnAccount {
    /// The proof that the caller may see it.
    pub scope: Scope,
    /// Its uuid.
    pub uuid: Uuid,
    /// Its name; may be empty.
    pub name: String,
}

/// The accounts, or the operator's scope, whose rows a breakdown reads.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Whose {
    /// Those of accounts of one tenant; at least one.
    Accounts(Vec<OwnAccount>),
    /// Those that an operator's caller sees; of these accounts alone where there are any.
    Operator(OperatorScope, Vec<OwnAccount>),
}

impl Whose {
    /// The accounts that are named.
    pub fn accounts(&self) -> &[OwnAccount] {
        match self {
            Self::Accounts(accounts) | Self::Operator(_, accounts) => accounts,
        }
    }

    /// The tenant in whose share of the service they are answered.
    pub fn tenant(&self) -> u32 {
        match self {
            Self::Accounts(accounts) => accounts.first().map_or(OPERATOR, |account| account.scope.tenant()),
            Self::Operator(..) => OPERATOR,
        }
    }

    /// True if the calls may be of several accounts.
    pub fn has_several(&self) -> bool {
        match self {
            Self::Accounts(accounts) => accounts.len() > 1,
            Self::Operator(_, accounts) => accounts.len() != 1,
        }
    }
}

/// A column of an answer that groups are ordered by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OrderColumn {
    /// A column of a dimension: the dimension's place, and the column's among its columns.
    Group(usize, usize),
    /// A measure.
    Measure(Measure),
    /// A measure in the window compared with.
    Before(Measure),
    /// A measure's change.
    Change(Measure),
}

/// An order of groups.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct GroupOrder {
    /// The column.
    pub column: OrderColumn,
    /// True for the largest first. Null is last either way.
    pub descending: bool,
}

/// A report by time in place of a breakdown: all buckets, without others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SeriesTerms {
    /// Set where buckets without a call are filled in: the last second of those that are.
    pub fill: Option<i64>,
    /// Seconds that the calls of all buckets are divided by, for the calls a second; 0 for those of the window.
    pub cps_seconds: i64,
}

/// The terms of a breakdown: all of it but the time.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Terms {
    /// Name of the report, for logs and metrics.
    pub report: &'static str,
    /// The records.
    pub records: Records,
    /// The accounts.
    pub whose: Whose,
    /// Characters at the end of each number that its reader may not see.
    pub masked: u8,
    /// The dimensions.
    pub by: Vec<Dimension>,
    /// The measures.
    pub measures: Vec<Measure>,
    /// All of them must hold.
    pub filters: Vec<Filter>,
    /// Characters of prefixes: called, calling.
    pub digits: (u8, u8),
    /// Longest duration of a short call.
    pub short_seconds: u8,
    /// The orders; of a request none for the usual one.
    pub order: Vec<GroupOrder>,
    /// Most groups of the answer.
    pub limit: usize,
    /// Fewest calls, in either window, of a group that is shown.
    pub min_calls: u64,
    /// Decimals of money.
    pub decimals: u8,
    /// Set where a report by time is compared.
    pub series: Option<SeriesTerms>,
    /// The form of the answer.
    pub form: ResultForm,
}

/// The way in which a statement finds the bucket of a call.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Bucketing {
    /// Buckets of so many seconds, aligned to the epoch.
    Step(i64),
    /// Buckets that begin at these seconds, in the order of the window asked for.
    Bounds(Arc<[i64]>),
}

impl Bucketing {
    /// The buckets of a window that begins then, up to a second, ascending where they are of equal length.
    pub fn starts(&self, from: i64, last: i64) -> impl Iterator<Item = i64> {
        let (step, bounds) = match self {
            Self::Step(step) => (Some(*step).filter(|step| *step > 0), None),
            Self::Bounds(bounds) => (None, Some(bounds)),
        };
        let steps = step.into_iter().flat_map(move |step| {
            let first = from.div_euclid(step) * step;
            (0..).map(move |place| first + place * step).take_while(move |start| *start <= last)
        });
        steps.chain(bounds.into_iter().flat_map(|bounds| bounds.iter().copied()).filter(move |start| *start <= last))
    }
}

/// A window of a breakdown, and where its calls stand in the calendar.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct WindowPart {
    /// The window.
    pub window: Window,
    /// Offsets from UTC as (end, seconds): each holds before its end, in epoch seconds. Empty without a dimension of the wall clock.
    pub offsets: Vec<(i64, i64)>,
    /// Buckets of time; `None` where nothing asks for them. Those of the window compared with lie as the other's do.
    pub buckets: Option<Bucketing>,
    /// Seconds in which calls could begin, for the calls a second.
    pub seconds: Seconds,
}

/// A breakdown that is ready to be asked.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Breakdown {
    /// All of it but the time.
    pub terms: Terms,
    /// The window asked for.
    pub now: WindowPart,
    /// The window compared with.
    pub before: Option<WindowPart>,
    /// True if currencies are read, since prices of several may meet in one sum.
    pub reads_currencies: bool,
}

/// Seconds in which the calls of a group could begin, by the keys of its dimensions of time.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Default)]
pub struct Seconds {
    /// Of the whole window.
    pub whole: i64,
    /// Of each bucket of time, where all are equally long and no other dimension is of time.
    pub each: Option<i64>,
    /// Of each combination of keys, ascending by them; empty where no dimension is of time.
    pub by_keys: Vec<(Vec<i64>, i64)>,
}

impl Seconds {
    /// Seconds of the keys in the dimensions of time.
    pub fn of(&self, keys: &[i64]) -> i64 {
        if let Some(each) = self.each {
            return each;
        }
        let place = self.by_keys.binary_search_by(|(held, _)| held.as_slice().cmp(keys));
        place.ok().and_then(|place| self.by_keys.get(place)).map_or(0, |(_, seconds)| *seconds)
    }
}

impl Breakdown {
    /// The tenant of its accounts, in whose share of the service it is answered.
    pub fn tenant(&self) -> u32 {
        self.terms.whose.tenant()
    }

    /// Its parts, the window asked for first.
    pub fn parts(&self) -> impl Iterator<Item = &WindowPart> {
        std::iter::once(&self.now).chain(&self.before)
    }

    /// The aggregates that a statement reads of each group, each once; delays and numbers apart. Calls are always among them.
    pub fn aggregates(&self) -> Vec<Aggregate> {
        let mut all = vec![Aggregate::Calls];
        if self.before.is_some() {
            all.push(Aggregate::Answered);
        }
        if self.reads_currencies {
            all.extend([Aggregate::CurrencyFrom, Aggregate::CurrencyTo]);
        }
        for sum in measure::aggregates(&self.terms.measures) {
            let is_read = matches!(sum.merge(), Merge::Add | Merge::Larger | Merge::Smaller);
            if is_read && !all.contains(&sum) {
                all.push(sum);
            }
        }
        all
    }

    /// The distinct counts. Those of two groups do not make that of both, so they are counted over the rows.
    pub fn distinct_counts(&self) -> Vec<Aggregate> {
        let all = measure::aggregates(&self.terms.measures);
        all.into_iter().filter(|sum| sum.merge() == Merge::Rows).collect()
    }

    /// True if a measure is a percentile of delays.
    pub fn has_delays(&self) -> bool {
        measure::aggregates(&self.terms.measures).iter().any(|sum| sum.merge() == Merge::Delays)
    }

    /// True if earlier attempts of calls are read too.
    pub fn reads_attempts(&self) -> bool {
        matches!(self.terms.records, Records::Calls(_))
            && measure::aggregates(&self.terms.measures).iter().any(|sum| sum.is_of_attempts())
    }

    /// True if no dimension tells currencies apart.
    pub fn joins_currencies(&self) -> bool {
        !self.terms.by.contains(&Dimension::Currency) && !self.terms.by.contains(&Dimension::Account)
    }

    /// The buckets of the window compared with, each with the bucket of the window asked for that lies as it does. Of several
    /// that begin at one second the first counts.
    pub fn buckets_compared(&self) -> std::collections::HashMap<i64, i64> {
        let bounds = |part: &WindowPart| match &part.buckets {
            Some(Bucketing::Bounds(bounds)) => Some(Arc::clone(bounds)),
            Some(Bucketing::Step(_)) | None => None,
        };
        let (Some(now), Some(before)) = (bounds(&self.now), self.before.as_ref().and_then(bounds)) else {
            return std::collections::HashMap::new();
        };
        // Later pairs give way to earlier ones.
        before.iter().copied().zip(now.iter().copied()).rev().collect()
    }

    /// The bucket of the window compared with that lies as one of the window asked for does.
    pub fn bucket_before(&self, now: i64) -> i64 {
        let bounds = |part: &WindowPart| match &part.buckets {
            Some(Bucketing::Bounds(bounds)) => Some(Arc::clone(bounds)),
            Some(Bucketing::Step(_)) | None => None,
        };
        let (Some(all), Some(before)) = (bounds(&self.now), self.before.as_ref().and_then(bounds)) else { return now };
        all.binary_search(&now).ok().and_then(|place| before.get(place)).copied().unwrap_or(now)
    }

    /// Bytes that it takes in memory, besides those of its filters' values.
    pub fn bytes(&self) -> usize {
        let of = |part: &WindowPart| match &part.buckets {
            Some(Bucketing::Bounds(bounds)) => 8 * bounds.len(),
            Some(Bucketing::Step(_)) | None => 0,
        };
        let parts: usize =
            self.parts().map(|part| of(part) + 48 * part.seconds.by_keys.len() + 16 * part.offsets.len()).sum();
        let names: usize =
            self.terms.whose.accounts().iter().map(|account| account.name.len() + size_of::<OwnAccount>()).sum();
        size_of::<Self>() + parts + names
    }
}
