//! Sums to the values of a series.

use std::ops::Range;

use super::metrics::PanelSeries;
use super::window::PanelWindow;
use crate::columns::buckets::Buckets;
use crate::config::AcdUnit;
use crate::http::state::State;
use crate::report::delays::percentile;
use crate::report::measure::{Aggregate, Measure, Scale};
use crate::report::plan::{Grid, Plan};

/// Sums to values.
pub struct Points<'a> {
    /// The measure.
    pub series: PanelSeries,
    /// The buckets asked for.
    pub window: &'a PanelWindow,
    /// The plan that the aggregates were read with.
    pub plan: &'a Plan,
    /// The clock, epoch seconds.
    pub now: i64,
    /// The service.
    pub state: &'a State,
}

impl Points<'_> {
    /// The buckets that the answer shows.
    pub fn buckets(&self) -> Vec<(i64, i64)> {
        let last = (self.window.end - 1).min(self.now);
        let count = self.window.calendar.count(self.window.sampling, self.window.start, last, u64::MAX);
        self.window.buckets(Grid { count, ..self.plan.grid })
    }

    /// A value for each bucket, or one for all of the window.
    pub fn values(&self, sums: &Buckets, buckets: Option<&[(i64, i64)]>) -> Vec<Option<f64>> {
        buckets.map_or_else(|| vec![self.total(sums)], |buckets| self.series(sums, buckets))
    }

    fn series(&self, sums: &Buckets, buckets: &[(i64, i64)]) -> Vec<Option<f64>> {
        let mut row = 0;
        let mut values = Vec::with_capacity(buckets.len());
        for &(start, end) in buckets {
            let first = row;
            while sums.t.get(row).is_some_and(|t| *t < end) {
                row += 1;
            }
            values.push(match self.series {
                PanelSeries::Calls(measure) => {
                    // Calls of a bucket lie in one row, which begins where the bucket does.
                    let stored = (first < row).then_some(first);
                    let seconds = end.min(self.now + 1) - start;
                    self.measure(measure, seconds, |sum| stored.map_or(0, |row| sums.sum(sum, row)))
                }
                PanelSeries::Delay(percent) => delay(sums, first..row, percent),
                PanelSeries::ActiveCalls => {
                    Some((first..row).map(|row| sums.sum(Aggregate::Calls, row)).max().unwrap_or(0) as f64)
                }
            });
        }
        values
    }

    /// One value for all of the window.
    fn total(&self, sums: &Buckets) -> Option<f64> {
        let end = self.window.end.min(self.now + 1);
        match self.series {
            PanelSeries::Calls(measure) => self.measure(measure, end - self.window.start, |sum| sums.total(sum)),
            PanelSeries::Delay(percent) => delay(sums, 0..sums.t.len(), percent),
            PanelSeries::ActiveCalls => {
                // The latest minute with calls, unless no node has told of any for too long.
                let silent = end - 3 * i64::from(self.state.config.active_calls.period_seconds) - 60;
                let latest = sums.t.iter().rposition(|t| *t >= silent);
                Some(latest.map_or(0, |row| sums.sum(Aggregate::Calls, row)) as f64)
            }
        }
    }

    fn measure(&self, measure: Measure, seconds: i64, sum: impl Fn(Aggregate) -> i128) -> Option<f64> {
        value(measure, self.state.config.reports.acd_unit, seconds, sum)
    }
}

/// A percentile of the delays in these rows, seconds.
fn delay(sums: &Buckets, rows: Range<usize>, percent: u8) -> Option<f64> {
    let counts = rows.map(|row| (sums.key(row), sums.sum(Aggregate::Calls, row)));
    percentile(counts, percent).map(|hundredths| f64::from(hundredths) / 100.0)
}

/// A measure over so many seconds as Grafana takes it.
pub fn value(measure: Measure, acd_unit: AcdUnit, seconds: i64, sum: impl Fn(Aggregate) -> i128) -> Option<f64> {
    measure.value(Scale { acd_unit, cps_seconds: seconds.max(1).into() }, sum).as_float()
}
