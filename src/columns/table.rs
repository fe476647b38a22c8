//! The result of a query by time: its rows, measures and totals.

use std::borrow::Cow;

use super::buckets::{Buckets, MadeOf};
use crate::config::{AcdUnit, TotalsCps};
use crate::report::measure::{self, Measure, Number, Scale};
use crate::report::plan::Grid;

/// A row for each bucket of time, a column for each measure.
#[derive(Debug)]
pub struct BucketTable {
    /// Sums, by bucket and in total.
    pub buckets: Buckets,
    /// The columns after `t`.
    pub measures: Cow<'static, [Measure]>,
    /// The buckets asked for.
    pub grid: Grid,
    /// True if buckets of the grid without a call are written too.
    pub fill: bool,
    /// True if `totals` is written.
    pub totals: bool,
    /// Unit of `acd`.
    pub acd_unit: AcdUnit,
    /// The divisor of `cps` in totals.
    pub totals_cps: TotalsCps,
}

impl BucketTable {
    fn grid_rows(&self) -> usize {
        // A grid is bounded by limits.max_buckets, which memory bounds long before usize does.
        if self.fill { usize::try_from(self.grid.count).unwrap_or(usize::MAX) } else { 0 }
    }

    /// Row of the first stored bucket after the grid: calls ahead of the clock.
    fn ahead(&self) -> usize {
        let end = self.grid.first + self.grid.step * i64::try_from(self.grid.count).unwrap_or(i64::MAX);
        self.buckets.t.partition_point(|&t| t < end)
    }

    /// Number of buckets, with or without calls: the grid's and those of calls ahead of the clock.
    fn buckets(&self) -> usize {
        usize::try_from(self.grid.count).unwrap_or(usize::MAX).saturating_add(self.buckets.t.len() - self.ahead())
    }

    fn scale(&self, cps_seconds: i128) -> Scale {
        Scale { acd_unit: self.acd_unit, cps_seconds }
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        if self.fill { self.buckets() } else { self.buckets.t.len() }
    }

    /// The values of a measure, row by row.
    pub fn column(&self, measure: Measure) -> MeasureColumn<'_> {
        let scale = self.scale(self.grid.step.into());
        MeasureColumn { measure, scale, made_of: self.buckets.made_of(measure) }
    }

    /// The value of a measure over all rows.
    pub fn total(&self, measure: Measure) -> Number {
        let seconds = measure::totals_cps_seconds(self.totals_cps, self.grid.step, self.buckets());
        match measure.value(self.scale(seconds), |sum| self.buckets.total(sum)) {
            // A range of no bucket divides by nothing; over no calls that is 0 like any other.
            Number::Null if measure == Measure::Cps => Number::Hundredths(0),
            value => value,
        }
    }
}

/// A column of a table.
#[derive(Clone, Copy, Debug)]
pub struct MeasureColumn<'b> {
    measure: Measure,
    scale: Scale,
    made_of: MadeOf<'b>,
}

impl MeasureColumn<'_> {
    /// The value of a stored bucket, or of one without calls.
    pub fn value(&self, stored: Option<usize>) -> Number {
        self.measure.value(self.scale, |sum| stored.map_or(0, |row| self.made_of.sum(sum, row)))
    }
}

/// Walks the rows of a table in order: the filled grid first, then stored buckets after it.
#[derive(Clone, Debug)]
pub struct Walk {
    row: usize,
    /// The next stored bucket.
    stored: usize,
}

impl Walk {
    /// Before the first row.
    pub const START: Self = Self { row: 0, stored: 0 };

    /// True before the first row.
    pub fn is_at_start(&self) -> bool {
        self.row == 0
    }

    /// The next row's time and stored bucket, if it has one.
    pub fn next(&mut self, table: &BucketTable) -> Option<(i64, Option<usize>)> {
        let stored_t = table.buckets.t.get(self.stored).copied();
        let t = if self.row < table.grid_rows() {
            // Row numbers are below the grid's count, which came from an i64.
            table.grid.first + table.grid.step * self.row as i64
        } else {
            stored_t?
        };
        self.row += 1;
        let hit = stored_t == Some(t);
        let stored = hit.then_some(self.stored);
        self.stored += usize::from(hit);
        Some((t, stored))
    }
}
