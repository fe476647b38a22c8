//! Sums per interval as they come from the engine, and per bucket as they go into an answer. Intervals without a call are
//! not stored: a grid of half a million buckets costs what its calls cost.

use super::tsv::{self, Rows};
use crate::query::sampling::Sampling;
use crate::query::zone::Calendar;
use crate::report::figure::Sum;
use crate::report::plan::Grid;

/// One sum for every stored interval.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cells {
    /// Counts and seconds.
    Small(Vec<i64>),
    /// Prices in millionths.
    Wide(Vec<i128>),
}

impl Cells {
    fn new(sum: Sum) -> Self {
        match sum {
            Sum::Calls | Sum::Answered | Sum::AnsweredSeconds | Sum::Seconds => Self::Small(Vec::new()),
            Sum::Price => Self::Wide(Vec::new()),
        }
    }

    fn get(&self, row: usize) -> i128 {
        match self {
            Self::Small(values) => values.get(row).map_or(0, |value| i128::from(*value)),
            Self::Wide(values) => values.get(row).copied().unwrap_or(0),
        }
    }

    /// Adds a value to the last row, or begins a new one with it. `None` on overflow.
    fn put(&mut self, value: i128, new_row: bool) -> Option<()> {
        match self {
            Self::Small(values) => put(values, i64::try_from(value).ok()?, new_row, i64::checked_add),
            Self::Wide(values) => put(values, value, new_row, i128::checked_add),
        }
    }
}

fn put<T: Copy>(values: &mut Vec<T>, value: T, new_row: bool, add: fn(T, T) -> Option<T>) -> Option<()> {
    match values.last_mut() {
        Some(last) if !new_row => *last = add(*last, value)?,
        _ => values.push(value),
    }
    Some(())
}

/// Sums by time, ascending, and in total.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Buckets {
    /// Start of each stored bucket, epoch seconds, ascending.
    pub t: Vec<i64>,
    sums: Vec<(Sum, Cells)>,
    totals: Vec<i128>,
}

impl Buckets {
    /// No rows yet, with room for these sums.
    pub fn new(sums: &[Sum]) -> Self {
        Self {
            t: Vec::new(),
            sums: sums.iter().map(|&sum| (sum, Cells::new(sum))).collect(),
            totals: vec![0; sums.len()],
        }
    }

    /// A sum of one stored bucket.
    pub fn sum(&self, sum: Sum, row: usize) -> i128 {
        self.sums.iter().find(|(name, _)| *name == sum).map_or(0, |(_, cells)| cells.get(row))
    }

    /// A sum over all buckets.
    pub fn total(&self, sum: Sum) -> i128 {
        self.sums.iter().position(|(name, _)| *name == sum).and_then(|i| self.totals.get(i)).copied().unwrap_or(0)
    }

    /// Folds intervals into calendar buckets: neighbours of the same bucket are added up.
    ///
    /// `None` when a sum leaves its range, which takes more calls than there are.
    pub fn fold(&self, calendar: &Calendar, sampling: Sampling) -> Option<Self> {
        let mut folded = Self {
            t: Vec::new(),
            sums: self.sums.iter().map(|(sum, _)| (*sum, Cells::new(*sum))).collect(),
            totals: self.totals.clone(),
        };
        let mut end = i64::MIN;
        for (row, &t) in self.t.iter().enumerate() {
            let new_row = t >= end;
            if new_row {
                let (start, next) = calendar.bucket(sampling, t);
                folded.t.push(start);
                end = next;
            }
            for ((_, to), (_, from)) in folded.sums.iter_mut().zip(&self.sums) {
                to.put(from.get(row), new_row)?;
            }
        }
        Some(folded)
    }

    /// The same rows, and an empty one for every calendar bucket of the grid that has none.
    pub fn filled(&self, calendar: &Calendar, sampling: Sampling, grid: Grid) -> Self {
        let mut all = Self {
            t: Vec::new(),
            sums: self.sums.iter().map(|(sum, _)| (*sum, Cells::new(*sum))).collect(),
            totals: self.totals.clone(),
        };
        let mut stored = 0;
        let mut push = |t: i64, row: Option<usize>| {
            all.t.push(t);
            for ((_, to), (_, from)) in all.sums.iter_mut().zip(&self.sums) {
                let value = row.map_or(0, |row| from.get(row));
                // The value comes from cells of the same kind, so it fits.
                let _ = to.put(value, true);
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
        let rows = other.t.partition_point(|&t| t < from)..other.t.partition_point(|&t| t < end);
        for row in rows {
            let new_row = self.t.last() != other.t.get(row);
            if new_row {
                self.t.push(*other.t.get(row)?);
            }
            for ((i, (_, to)), (_, from)) in self.sums.iter_mut().enumerate().zip(&other.sums) {
                let value = from.get(row);
                to.put(value, new_row)?;
                let total = self.totals.get_mut(i)?;
                *total = total.checked_add(value)?;
            }
        }
        Some(())
    }

    /// The rows of both, bucket by bucket.
    ///
    /// `None` when a sum leaves its range.
    pub fn merged(&self, other: &Self) -> Option<Self> {
        let mut all = Self::new(&self.sums.iter().map(|(sum, _)| *sum).collect::<Vec<_>>());
        let mut times: Vec<i64> = self.t.iter().chain(&other.t).copied().collect();
        times.sort_unstable();
        times.dedup();
        for t in times {
            all.append(self, t, t + 1)?;
            all.append(other, t, t + 1)?;
        }
        Some(all)
    }

    /// Bytes of memory that the rows take, roughly.
    pub fn bytes(&self) -> usize {
        let row: usize = self.sums.iter().map(|(_, cells)| if matches!(cells, Cells::Wide(_)) { 16 } else { 8 }).sum();
        self.t.len() * (8 + row) + self.sums.len() * 64 + 64
    }

    /// The fields of a line after its time, one for each sum.
    fn read(&self, line: &[u8]) -> Option<(i64, Vec<i128>)> {
        let mut fields = line.split(|&b| b == b'\t');
        let t = tsv::integer(fields.next()?)?;
        let mut values = Vec::with_capacity(self.sums.len());
        for (sum, _) in &self.sums {
            let field = fields.next()?;
            values.push(match sum {
                Sum::Price => tsv::millionths(field)?,
                Sum::Calls | Sum::Answered | Sum::AnsweredSeconds | Sum::Seconds => i128::from(tsv::integer(field)?),
            });
        }
        fields.next().is_none().then_some((t, values))
    }
}

impl Rows for Buckets {
    const TOTALS: bool = true;

    fn row(&mut self, line: &[u8]) -> Option<()> {
        let (t, values) = self.read(line)?;
        if self.t.last().is_some_and(|last| *last >= t) {
            return None;
        }
        self.t.push(t);
        for ((_, cells), value) in self.sums.iter_mut().zip(values) {
            cells.put(value, true)?;
        }
        Some(())
    }

    fn totals(&mut self, line: &[u8]) -> Option<()> {
        let (_, values) = self.read(line)?;
        // Over no rows the engine's totals are defaults: zeros, as they should be.
        self.totals = values;
        Some(())
    }
}

/// Two sets of buckets in one answer, told apart by a first field that is 1 for rows of an edge.
#[derive(Clone, Debug)]
pub struct Tagged {
    /// Rows tagged 0.
    pub chunks: Buckets,
    /// Rows tagged 1.
    pub edges: Buckets,
}

impl Tagged {
    /// No rows yet.
    pub fn new(sums: &[Sum]) -> Self {
        Self { chunks: Buckets::new(sums), edges: Buckets::new(sums) }
    }
}

impl Rows for Tagged {
    const TOTALS: bool = true;

    fn row(&mut self, line: &[u8]) -> Option<()> {
        match line.get(..2)? {
            b"0\t" => self.chunks.row(line.get(2..)?),
            b"1\t" => self.edges.row(line.get(2..)?),
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

    #[test]
    fn neighbours_of_a_bucket_are_added_up() {
        let mut buckets = Buckets::new(&[Sum::Calls, Sum::Price]);
        let mut reader = TsvReader::default();
        reader.feed(b"0\t1\t0.5\n3600\t2\t0.25\n86400\t4\t1\n\n0\t7\t1.75\n", &mut buckets).unwrap();
        let calendar = Calendar { zone: jiff::tz::TimeZone::UTC, monday_first: false };
        let days = buckets.fold(&calendar, Sampling::Day).unwrap();
        assert_eq!(days.t, [0, 86_400]);
        assert_eq!((days.sum(Sum::Calls, 0), days.sum(Sum::Price, 0)), (3, 750_000));
        assert_eq!((days.total(Sum::Calls), days.total(Sum::Price)), (7, 1_750_000));
    }

    #[test]
    fn rows_of_another_shape_are_refused() {
        for line in ["0", "0\t1\t2", "x\t1", "0\tx", "Code: 159"] {
            assert_eq!(Buckets::new(&[Sum::Calls]).row(line.as_bytes()), None, "{line}");
        }
    }
}
