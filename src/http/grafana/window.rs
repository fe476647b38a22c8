//! The buckets that a range touches.

use super::errors::GrafanaError;
use super::request::PanelRange;
use crate::query::sampling::Sampling;
use crate::query::zone::Calendar;
use crate::report::plan::{Grid, Refusal};

/// Buckets of a range, widened to whole ones: a window that moves by seconds then stays the same window, and neither end
/// shows a bucket that looks poor because half of it is cut off.
#[derive(Clone, Debug)]
pub struct PanelWindow {
    /// Length of a bucket.
    pub sampling: Sampling,
    /// Where buckets lie.
    pub calendar: Calendar,
    /// First second.
    pub start: i64,
    /// The second after the last.
    pub end: i64,
}

impl PanelWindow {
    /// The buckets that a range touches.
    ///
    /// # Errors
    /// A range that ends before it begins.
    pub fn new(range: PanelRange, sampling: Sampling, calendar: Calendar) -> Result<Self, GrafanaError> {
        if range.to < range.from {
            return Err(Refusal::ToBeforeFrom.into());
        }
        let start = calendar.bucket(sampling, range.from.div_euclid(1000)).0;
        // A range that ends at 10:00:00.000 shows nothing of the bucket that begins there.
        let last = (range.to - 1).max(range.from).div_euclid(1000);
        let end = calendar.bucket(sampling, last).1;
        Ok(Self { sampling, calendar, start, end })
    }

    /// The number of buckets until `now`; counting ends beyond `most`.
    pub fn count(&self, now: i64, most: u64) -> u64 {
        self.calendar.count(self.sampling, self.start, (self.end - 1).min(now), most)
    }

    /// Start and end of each bucket that has begun.
    pub fn until(&self, now: i64) -> Vec<(i64, i64)> {
        let count = self.count(now, u64::MAX);
        self.buckets(Grid { first: self.start, step: 0, count })
    }

    /// Start and end of each bucket of a grid.
    pub fn buckets(&self, grid: Grid) -> Vec<(i64, i64)> {
        let mut next = grid.first;
        (0..grid.count)
            .map(|_| {
                let bucket = self.calendar.bucket(self.sampling, next);
                next = bucket.1;
                bucket
            })
            .collect()
    }
}
