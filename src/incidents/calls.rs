//! Aggregates of an account, all together and by country, as the rule takes them.

use std::collections::BTreeMap;

use super::{BUCKET, CallCounts, CallSeries, FoundIncident};
use crate::columns::buckets::Buckets;
use crate::report::measure::Aggregate;

/// The calls of an account by bucket: all of them, and those to each country.
#[derive(Debug)]
pub struct AccountCalls {
    all: CallSeries,
    countries: BTreeMap<u32, CallSeries>,
    buckets: usize,
}

impl AccountCalls {
    /// The calls from `first` to before `end`, of aggregates by quarter of an hour and country.
    pub fn new(sums: &Buckets, first: i64, end: i64) -> Self {
        let buckets = usize::try_from((end - first).div_euclid(BUCKET)).unwrap_or(0);
        let mut all = vec![CallCounts::default(); buckets];
        let mut countries: BTreeMap<u32, Vec<CallCounts>> = BTreeMap::new();
        for (row, t) in sums.t.iter().enumerate() {
            let place = usize::try_from((t - first).div_euclid(BUCKET)).ok();
            let Some(place) = place.filter(|place| *place < buckets) else { continue };
            let count = |sum| u64::try_from(sums.sum(sum, row)).unwrap_or(0);
            let counts = CallCounts { calls: count(Aggregate::Calls), answered: count(Aggregate::Answered) };
            let country = countries.entry(sums.key(row)).or_insert_with(|| vec![CallCounts::default(); buckets]);
            for series in [&mut all, country] {
                series.get_mut(place).into_iter().for_each(|sum| sum.add(counts));
            }
        }
        let countries = countries.into_iter().map(|(key, counts)| (key, CallSeries::new(first, counts))).collect();
        Self { all: CallSeries::new(first, all), countries, buckets }
    }

    /// Number of buckets to judge, of all series.
    pub fn buckets(&self) -> u64 {
        (self.buckets as u64).saturating_mul(1 + self.countries.len() as u64)
    }

    /// The incidents within `[from, to)`, which are full buckets; those of a country with its id.
    pub fn incidents(&self, from: i64, to: i64) -> Vec<(Option<u32>, FoundIncident)> {
        let mut found = self.all.asr_collapses(from, to);
        found.extend(self.all.traffic_stops(from, to));
        let mut found: Vec<_> = found.into_iter().map(|incident| (None, incident)).collect();
        for (country, calls) in &self.countries {
            found.extend(calls.asr_collapses(from, to).into_iter().map(|incident| (Some(*country), incident)));
        }
        found
    }
}
