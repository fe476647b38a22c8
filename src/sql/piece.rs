//! Cuts a window into segments, each read from the cheapest source that gives exact aggregates.

use super::choice::{Segment, Source};
use super::projections::{Order, Projection, ReadMode, RollupUnit, has_sums};
use super::schema::Schema;
use super::select::Read;
use crate::report::Table;
use crate::report::plan::{Plan, Window};

/// A segment of a window, read from one source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Piece {
    /// Whole minutes, quarters of an hour or hours, `[from, end)`, from sums.
    Sums { unit: RollupUnit, from: i64, end: Option<i64> },
    /// Any seconds, both inclusive, from the calls.
    Calls { window: Window, order: Order },
}

impl Piece {
    /// A month of minutes is some 40,000 rows; a minute of calls is less.
    pub fn is_light(self, now: i64) -> bool {
        match self {
            Self::Sums { unit, from, end } => (end.unwrap_or(now) - from) / unit.seconds() <= 60_000,
            Self::Calls { window, .. } => window.to.is_some_and(|to| to - window.from < 60),
        }
    }

    /// The segment that it reads, for the trace.
    pub fn segment(self, parts: usize) -> Segment {
        match self {
            Self::Sums { unit, from, end } => {
                let source = match unit {
                    RollupUnit::Minute => Source::Minutes,
                    RollupUnit::QuarterHour => Source::QuarterHours,
                    RollupUnit::Hour => Source::Hours,
                };
                Segment { source, from, end, parts }
            }
            Self::Calls { window, order } => {
                let source = match order {
                    Order::Table => Source::Calls,
                    Order::Destination => Source::ByDestination,
                    Order::Vendor => Source::ByVendor,
                };
                Segment { parts, ..Segment::during(source, window) }
            }
        }
    }

    /// The projection that it is read from by name.
    pub fn projection(self, plan: &Plan) -> Option<&'static Projection> {
        match self {
            Self::Sums { unit, .. } => Some(unit.of(plan.query.records.side())),
            Self::Calls { order, .. } => order.projection(),
        }
    }
}

/// A window without filters is read from sums, and only its odd ends from the calls.
pub fn pieces(plan: &Plan, schema: &Schema, read: &Read, mode: ReadMode) -> Vec<Piece> {
    let (window, interval) = (read.window, read.set.interval(plan));
    let calls = |from: i64, to: Option<i64>| {
        let window = Window { from, to };
        let order = match mode {
            ReadMode::Named if schema.table(Table::Cdrs).is_ours => Order::best(plan, schema, window),
            ReadMode::Named | ReadMode::Engine | ReadMode::Calls => Order::Table,
        };
        Piece::Calls { window, order }
    };
    let summed = schema.table(Table::Cdrs).is_ours
        && mode != ReadMode::Calls
        && has_sums(&plan.query)
        && plan.query.filters.is_empty();
    let minutes = Stretch { from: window.from, end: window.to.map(|to| to + 1) }.whole(RollupUnit::Minute, interval);
    let Some(minutes) = minutes.filter(|_| summed) else { return vec![calls(window.from, window.to)] };
    let mut pieces = Vec::with_capacity(5);
    if window.from < minutes.from {
        pieces.push(calls(window.from, Some(minutes.from - 1)));
    }
    pieces.extend(sums(plan, minutes, interval, mode));
    if let (Some(end), Some(to)) = (minutes.end, window.to)
        && end <= to
    {
        pieces.push(calls(end, Some(to)));
    }
    pieces
}

/// `[from, end)`, open without an end.
#[derive(Clone, Copy)]
struct Stretch {
    from: i64,
    end: Option<i64>,
}

impl Stretch {
    /// The whole units in it, if buckets are made of those and any lie in it.
    fn whole(self, unit: RollupUnit, interval: i64) -> Option<Self> {
        let unit = unit.seconds();
        let from = (self.from + unit - 1).div_euclid(unit) * unit;
        let end = self.end.map(|end| end.div_euclid(unit) * unit);
        (interval % unit == 0 && end.is_none_or(|end| from < end)).then_some(Self { from, end })
    }
}

/// Whole minutes, as longer units where that is less work.
fn sums(plan: &Plan, minutes: Stretch, interval: i64, mode: ReadMode) -> Vec<Piece> {
    // A day of minutes is read as fast as a day of hours, and one more piece costs as much as reading so many sums more.
    const FEW: i64 = 1_440;
    const PIECE: i64 = 45_000;
    let longer = [RollupUnit::Hour, RollupUnit::QuarterHour].into_iter().filter(|_| mode == ReadMode::Named);
    let cut = longer.filter_map(|unit| minutes.whole(unit, interval).map(|whole| (unit, whole)));
    let ends = |whole: Stretch| {
        let before = (minutes.from < whole.from).then_some(Stretch { from: minutes.from, end: Some(whole.from) });
        let after = whole.end.filter(|end| minutes.end.is_some_and(|last| *end < last));
        (before, after.map(|end| Stretch { from: end, end: minutes.end }))
    };
    let work = |&(unit, whole): &(RollupUnit, Stretch)| {
        let (before, after) = ends(whole);
        let pieces = i64::from(before.is_some()) + i64::from(after.is_some());
        (whole.end.unwrap_or(plan.now) - whole.from) / unit.seconds() + pieces * PIECE
    };
    let by = |unit: RollupUnit, Stretch { from, end }: Stretch| Piece::Sums { unit, from, end };
    let all = (minutes.end.unwrap_or(plan.now) - minutes.from) / RollupUnit::Minute.seconds();
    let least = cut.min_by_key(work).filter(|cut| all > FEW + work(cut));
    let Some((unit, whole)) = least else { return vec![by(RollupUnit::Minute, minutes)] };
    let (before, after) = ends(whole);
    let end = |end: Option<Stretch>| end.map(|end| by(RollupUnit::Minute, end));
    end(before).into_iter().chain([by(unit, whole)]).chain(end(after)).collect()
}
