//! From a caller's request to a breakdown: its windows, buckets and seconds, by the clock and the calendar.

use super::{Breakdown, Bucketing, Compare, GroupOrder, MOST_BOUNDS, OrderColumn, Seconds, Terms, WindowPart};
use crate::query::sampling::Sampling;
use crate::query::zone::{self, Calendar, Edge};
use crate::report::groups::Dimension;
use crate::report::measure::{self, Aggregate, Measure};
use crate::report::plan::Window;

/// Most steps from hour to hour and bucket to bucket for the calls a second; all hours since 1970 are fewer.
const MOST_STEPS: u64 = 600_000;

/// Most combinations of keys of time whose seconds are counted; each takes some hundred bytes.
const MOST_KEYS: u64 = 100_000;

/// Quarters of an hour before the end of a window in which wall clocks of an earlier month may be later ones: months differ by
/// three days at most, and days and hours begin at a quarter everywhere.
const MOST_TURNED: i64 = 4 * 24 * 4;

/// Seconds ahead of the clock in which calls have buckets of their own.
const AHEAD: i64 = 366 * 86_400;

/// A caller's request; every value parsed, nothing checked against the clock yet.
#[derive(Clone, Debug)]
pub struct BreakdownAsk {
    /// All of it but the time.
    pub terms: Terms,
    /// First second.
    pub from: i64,
    /// Last second; open if absent.
    pub to: Option<i64>,
    /// Length of buckets of time.
    pub sampling: Sampling,
    /// Where calendar buckets lie.
    pub calendar: Calendar,
    /// The window compared with.
    pub compare: Option<Compare>,
    /// True if the table knows the currency of prices.
    pub has_currencies: bool,
}

/// A refusal of a breakdown that reads well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BreakdownRefusal {
    /// to-time lies before from-time.
    ToBeforeFrom,
    /// from-time lies in the future: the answer is empty.
    Future,
    /// More buckets of time than [`MOST_BOUNDS`].
    TooManyBuckets,
}

/// The seconds at which buckets begin, each once: of a window that moves by months several may begin at one, and later ones
/// before earlier ones.
fn ascending(bounds: &[i64]) -> Vec<i64> {
    let mut starts = bounds.to_vec();
    starts.sort_unstable();
    starts.dedup();
    starts
}

/// The last second that one of a window is compared with. It is that of the window's own last second, unless that does not lie
/// behind the beginning: 31 March at 5 is compared with 28 February at 5, and 28 March at 20 with 28 February at 20, where 29
/// March at 20 lies too. Then it is the latest of the window's quarters of an hour.
fn last_before(at: impl Fn(i64, Edge) -> i64, from: i64, end: i64) -> i64 {
    let (first, last) = (at(from, Edge::From), at(end, Edge::To));
    if last > first || end <= from {
        return last;
    }
    let quarters = (0..=MOST_TURNED).map(|quarter| end.div_euclid(900) * 900 - 1 - 900 * quarter);
    let latest = quarters.take_while(|second| *second >= from).map(|second| at(second, Edge::To)).max();
    latest.unwrap_or(last).max(first)
}

impl BreakdownAsk {
    /// Checks the window against the clock and lays out the buckets.
    ///
    /// # Errors
    /// The first reason for which ClickHouse is not asked.
    pub fn plan(self, now: i64) -> Result<Breakdown, BreakdownRefusal> {
        // A report of complete buckets may have none.
        if self.terms.series.is_none() && self.to.is_some_and(|to| to < self.from) {
            return Err(BreakdownRefusal::ToBeforeFrom);
        }
        if self.from > now {
            return Err(BreakdownRefusal::Future);
        }
        // What has not been cannot be compared: half a Monday is compared with half a Monday.
        let to = if self.compare.is_some() { Some(self.to.unwrap_or(now).min(now)) } else { self.to };
        let window = Window { from: self.from, to: to.map(|to| to.max(self.from - 1)) };
        // Calls ahead of the clock count too: one more year covers those with a wrong clock.
        let end = window.to.unwrap_or(now + AHEAD);
        let span = end - window.from + 1;
        let zone = &self.calendar.zone;
        let earlier = |second, edge| self.compare.map(|compare| compare.earlier(zone, second, span, edge));
        let last_before = self.compare.map(|compare| {
            let at = |second, edge| compare.earlier(zone, second, span, edge);
            last_before(at, window.from, end)
        });
        let (bounds, after) = self.bounds(window.from, end, now, (earlier, last_before))?;
        let part = |window: Window,
                    end: i64,
                    buckets: Option<Bucketing>,
                    after: i64|
         -> Result<WindowPart, BreakdownRefusal> {
            Ok(WindowPart {
                window,
                offsets: if self.terms.by.iter().any(|by| matches!(by, Dimension::HourOfDay | Dimension::DayOfWeek)) {
                    zone::offsets(zone, window.from, end)
                } else {
                    Vec::new()
                },
                seconds: self.seconds(window.from, end.min(now.max(window.from)), buckets.as_ref(), after)?,
                buckets,
            })
        };
        let before = self.compare.map(|compare| {
            let at = |second, edge| compare.earlier(zone, second, span, edge);
            let window = Window { from: at(window.from, Edge::From), to: last_before };
            let buckets = match &bounds {
                Some(Bucketing::Bounds(bounds)) => {
                    Some(Bucketing::Bounds(bounds.iter().map(|bound| at(*bound, Edge::From)).collect()))
                }
                other => other.clone(),
            };
            part(window, window.to.unwrap_or(end), buckets, at(after, Edge::From))
        });
        let before = before.transpose()?;
        let order = self.orders();
        let prices = measure::aggregates(&self.terms.measures).contains(&Aggregate::Price);
        let reads_currencies = self.has_currencies && prices && self.terms.whose.has_several();
        Ok(Breakdown {
            now: part(window, end, bounds.clone(), after)?,
            before,
            reads_currencies,
            terms: Terms { order, ..self.terms },
        })
    }

    /// Buckets of the window, and the second after the last of those that are named; those compared are named one by one, since
    /// clocks change in either window.
    fn bounds(
        &self,
        from: i64,
        end: i64,
        now: i64,
        (earlier, last_before): (impl Fn(i64, Edge) -> Option<i64>, Option<i64>),
    ) -> Result<(Option<Bucketing>, i64), BreakdownRefusal> {
        if !self.terms.by.contains(&Dimension::Time) {
            return Ok((None, end));
        }
        let steps = self.sampling.fixed_seconds().filter(|_| self.compare.is_none()).map(Bucketing::Step);
        let is_filled = self.terms.series.is_some_and(|series| series.fill.is_some());
        // Buckets ahead of the clock are hardly ever there, so that nobody has to give an end to leave them out.
        if (steps.is_none() || is_filled)
            && self.calendar.count(self.sampling, from, end.min(now), MOST_BOUNDS) > MOST_BOUNDS
        {
            return Err(BreakdownRefusal::TooManyBuckets);
        }
        if steps.is_some() {
            return Ok((steps, end));
        }
        // Of calls ahead of the clock those of the next year have buckets of their own, as in a window without an end.
        let end = end.min(now.saturating_add(AHEAD));
        let (mut bounds, mut next) = (Vec::new(), from);
        // A window compared with that ends in an hour which the clock shows twice holds calls of wall clocks after this one's end.
        while next <= end.max(from) || earlier(next, Edge::From) <= last_before && last_before.is_some() {
            let (start, after) = self.calendar.bucket(self.sampling, next);
            bounds.push(start);
            next = after;
        }
        Ok((Some(Bucketing::Bounds(bounds.into())), next))
    }

    /// Walks a window from hour to hour and bucket to bucket of the calendar; the last bucket ends before `after`.
    fn seconds(
        &self,
        from: i64,
        last: i64,
        buckets: Option<&Bucketing>,
        after: i64,
    ) -> Result<Seconds, BreakdownRefusal> {
        // A window that ends now is another one each second; only the calls a second care.
        if !self.terms.measures.contains(&Measure::Cps) {
            return Ok(Seconds::default());
        }
        let whole = match self.terms.series.map(|series| series.cps_seconds) {
            // Buckets of the calendar are not equally long.
            None | Some(0) => (last - from + 1).max(0),
            Some(seconds) => seconds,
        };
        let of_time: Vec<Dimension> = self.terms.by.iter().copied().filter(|by| by.is_of_time()).collect();
        let mut seconds = Seconds { whole, each: None, by_keys: Vec::new() };
        match (of_time.as_slice(), buckets) {
            ([], _) => return Ok(seconds),
            // A bucket counts whole, as in the statistics.
            ([Dimension::Time], Some(Bucketing::Step(step))) => {
                seconds.each = Some(*step);
                return Ok(seconds);
            }
            ([Dimension::Time], Some(Bucketing::Bounds(bounds))) => {
                let starts = ascending(bounds);
                // A window that ends on a day which the month before does not have may end before its last bucket begins:
                // that bucket is as long as the calendar has it.
                let end = starts.last().map_or(after, |last| match after > *last {
                    true => after,
                    false => self.calendar.bucket(self.sampling, *last).1,
                });
                let ends = starts.iter().skip(1).copied().chain([end]);
                seconds.by_keys = starts.iter().zip(ends).map(|(start, end)| (vec![*start], end - start)).collect();
                return Ok(seconds);
            }
            _ => {}
        }
        let starts = match buckets {
            Some(Bucketing::Bounds(bounds)) => ascending(bounds),
            Some(Bucketing::Step(_)) | None => Vec::new(),
        };
        let bucket = |at: i64| match buckets {
            Some(Bucketing::Bounds(_)) => {
                let next = starts.partition_point(|start| *start <= at);
                let start = starts.get(next.saturating_sub(1)).copied().unwrap_or(at);
                (start, starts.get(next).copied().unwrap_or(i64::MAX))
            }
            Some(Bucketing::Step(_)) => self.calendar.bucket(self.sampling, at),
            None => (at, i64::MAX),
        };
        let mut by_keys = std::collections::BTreeMap::<Vec<i64>, i64>::new();
        let (mut at, mut steps) = (from, 0);
        while at <= last {
            if steps == MOST_STEPS {
                return Err(BreakdownRefusal::TooManyBuckets);
            }
            let (start, bucket_end) = bucket(at);
            let end = bucket_end.min(self.calendar.bucket(Sampling::Hour, at).1).min(last + 1);
            let local = self.calendar.zone.to_datetime(zone::timestamp(at));
            let key = of_time.iter().map(|by| match by {
                Dimension::HourOfDay => i64::from(local.hour()),
                Dimension::DayOfWeek => i64::from(local.weekday().to_monday_one_offset()),
                _ => start,
            });
            *by_keys.entry(key.collect()).or_default() += end - at;
            if by_keys.len() as u64 > MOST_KEYS {
                return Err(BreakdownRefusal::TooManyBuckets);
            }
            (at, steps) = (end, steps + 1);
        }
        seconds.by_keys = by_keys.into_iter().collect();
        Ok(seconds)
    }

    /// The orders asked for, or by time, or by the number of calls.
    fn orders(&self) -> Vec<GroupOrder> {
        if !self.terms.order.is_empty() {
            return self.terms.order.clone();
        }
        let time = self.terms.by.iter().position(|by| *by == Dimension::Time);
        let usual = match time {
            Some(place) => GroupOrder { column: OrderColumn::Group(place, 0), descending: false },
            None => GroupOrder { column: OrderColumn::Measure(Measure::TotalCalls), descending: true },
        };
        vec![usual]
    }
}
