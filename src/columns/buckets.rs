//! Sums per interval as they come from the engine, and per bucket as they go into an answer. Intervals without a call are
//! not stored: a grid of half a million buckets costs what its calls cost.

use super::cells::Cells;
use super::tsv::{Fields, Rows};
use crate::query::sampling::Sampling;
use crate::query::zone::Calendar;
use crate::report::measure::{Aggregate, Measure};
use crate::report::plan::Grid;
use crate::report::query::Query;

/// Time and key of a row.
type Place = (i64, u32);

/// Sums by time, ascending, and in total. Where a report tells calls apart by a key, each time has a row for each key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Buckets {
    /// Start of each stored bucket, epoch seconds, ascending.
    pub t: Vec<i64>,
    /// The key of each row, ascending within a time.
    keys: Option<Vec<u32>>,
    sums: Vec<(Aggregate, Cells)>,
    totals: Vec<Cells>,
}

impl Buckets {
    /// No rows yet, with room for these sums.
    pub fn new(sums: &[Aggregate]) -> Self {
        Self {
            t: Vec::new(),
            keys: None,
            sums: sums.iter().map(|&sum| (sum, Cells::new(sum))).collect(),
            totals: sums.iter().map(|&sum| Cells::zero(sum)).collect(),
        }
    }

    /// No rows yet, with room for what a query's measures are made of.
    pub fn of(query: &Query) -> Self {
        Self { keys: query.key.map(|_| Vec::new()), ..Self::new(&query.aggregates()) }
    }

    /// No rows, with room for the same.
    fn emptied(&self) -> Self {
        let sums: Vec<Aggregate> = self.sums.iter().map(|(sum, _)| *sum).collect();
        Self { keys: self.keys.as_ref().map(|_| Vec::new()), ..Self::new(&sums) }
    }

    /// A sum of one stored bucket.
    pub fn sum(&self, sum: Aggregate, row: usize) -> i128 {
        self.sums.iter().find(|(name, _)| *name == sum).map_or(0, |(_, cells)| cells.number(row))
    }

    /// The sums of a measure, found once for all of its rows.
    pub fn made_of(&self, measure: Measure) -> MadeOf<'_> {
        let mut sums =
            self.sums.iter().filter(|(sum, _)| measure.aggregates().contains(sum)).map(|(sum, cells)| (*sum, cells));
        MadeOf { first: sums.next(), second: sums.next() }
    }

    /// A sum over all buckets.
    pub fn total(&self, sum: Aggregate) -> i128 {
        let place = self.sums.iter().position(|(name, _)| *name == sum);
        place.and_then(|place| self.totals.get(place)).map_or(0, |total| total.number(0))
    }

    /// The key of a row; 0 where the report has none.
    pub fn key(&self, row: usize) -> u32 {
        self.keys.as_ref().and_then(|keys| keys.get(row)).copied().unwrap_or(0)
    }

    fn place(&self, row: usize) -> Option<Place> {
        self.t.get(row).map(|t| (*t, self.key(row)))
    }

    /// Adds a row of `from` at a place, which is that of the last row or after it. Totals stay as they are.
    fn put(&mut self, place: Place, from: &Self, row: usize) -> Option<()> {
        let new_row = self.t.len().checked_sub(1).and_then(|last| self.place(last)) != Some(place);
        if new_row {
            self.t.push(place.0);
            self.keys.iter_mut().for_each(|keys| keys.push(place.1));
        }
        self.sums.iter_mut().zip(&from.sums).try_for_each(|((_, to), (_, from))| to.put(from, row, new_row))
    }

    /// Adds a row as [`Self::put`] does, and to the totals.
    fn add(&mut self, from: &Self, row: usize) -> Option<()> {
        self.add_at(from.place(row)?, from, row)
    }

    fn add_at(&mut self, place: Place, from: &Self, row: usize) -> Option<()> {
        self.put(place, from, row)?;
        self.totals.iter_mut().zip(&from.sums).try_for_each(|(total, (_, from))| total.put(from, row, false))
    }

    /// Folds intervals into calendar buckets: neighbours of the same bucket are added up. Rows with a key stay as they are.
    ///
    /// `None` when a sum leaves its range, which takes more calls than there are.
    pub fn fold(&self, calendar: &Calendar, sampling: Sampling) -> Option<Self> {
        if self.keys.is_some() {
            return Some(self.clone());
        }
        let mut folded = Self { totals: self.totals.clone(), ..self.emptied() };
        let (mut start, mut end) = (i64::MIN, i64::MIN);
        for (row, &t) in self.t.iter().enumerate() {
            if t >= end {
                (start, end) = calendar.bucket(sampling, t);
            }
            folded.put((start, 0), self, row)?;
        }
        Some(folded)
    }

    /// The sums of each key over all times: one row for each, at time 0.
    ///
    /// `None` when a sum leaves its range.
    pub fn by_key(&self) -> Option<Self> {
        let mut rows: Vec<usize> = (0..self.t.len()).collect();
        rows.sort_by_key(|row| self.key(*row));
        let mut all = Self { totals: self.totals.clone(), ..self.emptied() };
        rows.into_iter().try_for_each(|row| all.put((0, self.key(row)), self, row))?;
        Some(all)
    }

    /// The same rows, and an empty one for every calendar bucket of the grid that has none.
    pub fn filled(&self, calendar: &Calendar, sampling: Sampling, grid: Grid) -> Self {
        let mut all = Self { totals: self.totals.clone(), ..self.emptied() };
        let mut stored = 0;
        let mut push = |t: i64, row: Option<usize>| match row {
            // The row comes from cells of the same kind, so it fits.
            Some(row) => drop(all.put((t, 0), self, row)),
            None => {
                all.t.push(t);
                all.sums.iter_mut().for_each(|(_, cells)| cells.put_nothing());
            }
        };
        let mut next = grid.first;
        for _ in 0..grid.count {
            let hit = self.t.get(stored) == Some(&next);
            push(next, hit.then_some(stored));
            stored += usize::from(hit);
            next = calendar.bucket(sampling, next).1;
        }
        for row in stored..self.t.len() {
            push(self.t[row], Some(row));
        }
        all
    }

    /// Adds the rows of `other` that lie in `[from, end)`; they come after all rows so far, or into the last one.
    ///
    /// `None` when a sum leaves its range.
    pub fn append(&mut self, other: &Self, from: i64, end: i64) -> Option<()> {
        let mut rows = other.t.partition_point(|&t| t < from)..other.t.partition_point(|&t| t < end);
        rows.try_for_each(|row| self.add(other, row))
    }

    /// The rows that lie in `[from, end)`, added up by intervals.
    ///
    /// `None` when a sum leaves its range.
    pub fn coarser(&self, from: i64, end: i64, interval: i64) -> Option<Self> {
        let rows = self.t.partition_point(|&t| t < from)..self.t.partition_point(|&t| t < end);
        let at = |row: usize| self.place(row).map(|(t, key)| ((t.div_euclid(interval) * interval, key), row));
        let mut rows: Vec<(Place, usize)> = rows.filter_map(at).collect();
        // What goes into one bucket under one key comes together.
        rows.sort_unstable();
        let mut all = self.emptied();
        rows.into_iter().try_for_each(|(place, row)| all.add_at(place, self, row))?;
        Some(all)
    }

    /// The rows of both, bucket by bucket.
    ///
    /// `None` when a sum leaves its range.
    pub fn merged(&self, other: &Self) -> Option<Self> {
        let (mut all, mut own, mut others) = (self.emptied(), 0, 0);
        while let Some(place) = self.place(own).into_iter().chain(other.place(others)).min() {
            if self.place(own) == Some(place) {
                all.add(self, own)?;
                own += 1;
            }
            if other.place(others) == Some(place) {
                all.add(other, others)?;
                others += 1;
            }
        }
        Some(all)
    }

    /// Bytes of memory that the rows take, roughly.
    pub fn bytes(&self) -> usize {
        let cells: usize = self.sums.iter().map(|(_, cells)| 64 + cells.bytes()).sum();
        self.t.len() * (8 + if self.keys.is_some() { 4 } else { 0 }) + cells + 64
    }

    /// The place that a line's first fields name.
    fn read_place(&self, fields: &mut Fields<'_>) -> Option<Place> {
        let t = fields.integer()?;
        let key = match self.keys {
            Some(_) => u32::try_from(fields.integer()?).ok()?,
            None => 0,
        };
        Some((t, key))
    }
}

impl Rows for Buckets {
    const TOTALS: bool = true;

    fn row(&mut self, line: &[u8]) -> Option<()> {
        let mut fields = Fields::of(line);
        let place = self.read_place(&mut fields)?;
        if self.t.len().checked_sub(1).and_then(|last| self.place(last)).is_some_and(|last| last >= place) {
            return None;
        }
        self.t.push(place.0);
        self.keys.iter_mut().for_each(|keys| keys.push(place.1));
        self.sums.iter_mut().try_for_each(|(_, cells)| cells.read(&mut fields))?;
        fields.is_done().then_some(())
    }

    fn totals(&mut self, line: &[u8]) -> Option<()> {
        let mut fields = Fields::of(line);
        self.read_place(&mut fields)?;
        let mut read = |(sum, _): &(Aggregate, Cells)| {
            let mut total = Cells::new(*sum);
            total.read(&mut fields).map(|()| total)
        };
        // Over no rows the engine's totals are defaults: zeros, as they should be.
        self.totals = self.sums.iter().map(&mut read).collect::<Option<Vec<Cells>>>()?;
        fields.is_done().then_some(())
    }
}

/// The sums that a measure is made of; there are one or two.
#[derive(Clone, Copy, Debug)]
pub struct MadeOf<'b> {
    first: Option<(Aggregate, &'b Cells)>,
    second: Option<(Aggregate, &'b Cells)>,
}

impl MadeOf<'_> {
    /// A sum of one stored bucket.
    pub fn sum(&self, sum: Aggregate, row: usize) -> i128 {
        let cells = [self.first, self.second].into_iter().flatten().find(|(name, _)| *name == sum);
        cells.map_or(0, |(_, cells)| cells.number(row))
    }
}

/// Sets of buckets in one result, distinguished by a first field.
#[derive(Clone, Debug)]
pub struct Tagged {
    /// Rows tagged 0.
    pub chunks: Buckets,
    /// Rows tagged 1.
    pub edges: Buckets,
    /// Rows tagged 2.
    pub seconds: Buckets,
}

impl Tagged {
    /// No rows yet.
    pub fn of(query: &Query) -> Self {
        let none = || Buckets::of(query);
        Self { chunks: none(), edges: none(), seconds: none() }
    }
}

impl Rows for Tagged {
    const TOTALS: bool = true;

    fn row(&mut self, line: &[u8]) -> Option<()> {
        match line.get(..2)? {
            b"0\t" => self.chunks.row(line.get(2..)?),
            b"1\t" => self.edges.row(line.get(2..)?),
            b"2\t" => self.seconds.row(line.get(2..)?),
            _ => None,
        }
    }

    fn totals(&mut self, _: &[u8]) -> Option<()> {
        // Totals are added up from rows here: those of the statement are over more than the window, and over part of it.
        // They are asked for because a stream that ends before them was cut short.
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::columns::tsv::TsvReader;
    use crate::query::scope::Scope;

    fn query() -> Query {
        crate::report::find("origination-outcomes").unwrap().query(Scope::proven(1, 2), Vec::new())
    }

    #[test]
    fn neighbours_of_a_bucket_are_added_up() {
        let mut buckets = Buckets::new(&[Aggregate::Calls, Aggregate::Price]);
        let mut reader = TsvReader::default();
        reader.feed(b"0\t1\t0.5\n3600\t2\t0.25\n86400\t4\t1\n\n0\t7\t1.75\n", &mut buckets).unwrap();
        let calendar = Calendar::of(jiff::tz::TimeZone::UTC);
        let days = buckets.fold(&calendar, Sampling::Day).unwrap();
        assert_eq!(days.t, [0, 86_400]);
        assert_eq!((days.sum(Aggregate::Calls, 0), days.sum(Aggregate::Price, 0)), (3, 750_000));
        assert_eq!((days.total(Aggregate::Calls), days.total(Aggregate::Price)), (7, 1_750_000));
    }

    #[test]
    fn seconds_become_intervals() {
        let query = query();
        let (mut reader, mut seconds) = (TsvReader::default(), Buckets::of(&query));
        let text = "59\t1\t1\t0\n60\t1\t2\t1\n60\t7\t4\t0\n61\t1\t8\t1\n119\t3\t16\t0\n120\t1\t32\t0\n150\t1\t64\t64\n";
        reader.feed(text.as_bytes(), &mut seconds).unwrap();
        let minutes = seconds.coarser(60, 121, 60).unwrap();
        let told: Vec<(i64, u32, i128)> = (0..minutes.t.len())
            .map(|row| (minutes.t[row], minutes.key(row), minutes.sum(Aggregate::Calls, row)))
            .collect();
        assert_eq!(told, [(60, 1, 10), (60, 3, 16), (60, 7, 4), (120, 1, 32)]);
        assert_eq!((minutes.total(Aggregate::Calls), minutes.total(Aggregate::Answered)), (62, 2));
    }

    #[test]
    fn rows_of_another_shape_are_refused() {
        for line in ["0", "0\t1\t2", "x\t1", "0\tx", "Code: 159"] {
            assert_eq!(Buckets::new(&[Aggregate::Calls]).row(line.as_bytes()), None, "{line}");
        }
    }

    #[test]
    fn rows_with_a_key_add_up_by_time_and_by_key() {
        let query = query();
        let read = |text: &str| {
            let (mut reader, mut buckets) = (TsvReader::default(), Buckets::of(&query));
            reader.feed(text.as_bytes(), &mut buckets).unwrap();
            buckets
        };
        let (one, two) = (read("0\t1\t2\t1\n0\t3\t4\t0\n60\t1\t1\t1\n"), read("0\t2\t5\t5\n60\t1\t2\t0\n"));
        let both = one.merged(&two).unwrap();
        let told = |buckets: &Buckets| -> Vec<(i64, u32, i128)> {
            (0..buckets.t.len())
                .map(|row| (buckets.t[row], buckets.key(row), buckets.sum(Aggregate::Calls, row)))
                .collect()
        };
        assert_eq!(told(&both), [(0, 1, 2), (0, 2, 5), (0, 3, 4), (60, 1, 3)]);
        assert_eq!(told(&both.by_key().unwrap()), [(0, 1, 5), (0, 2, 5), (0, 3, 4)]);
        assert_eq!(both.total(Aggregate::Answered), 7);
        assert_eq!(both, two.merged(&one).unwrap());
        assert_eq!(Buckets::of(&query).row(b"0\t1\t2"), None, "no key");
    }
}
