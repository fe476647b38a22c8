//! The values of one sum, row by row.

use super::tsv::Fields;
use crate::report::measure::Aggregate;

/// One sum for every row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Cells {
    /// Counts and seconds.
    Small(Vec<i64>),
    /// Prices in millionths.
    Wide(Vec<i128>),
}

impl Cells {
    /// No rows yet.
    pub fn new(sum: Aggregate) -> Self {
        if sum == Aggregate::Price { Self::Wide(Vec::new()) } else { Self::Small(Vec::new()) }
    }

    /// The sum over no rows.
    pub fn zero(sum: Aggregate) -> Self {
        let mut cells = Self::new(sum);
        cells.put_nothing();
        cells
    }

    /// A row's number; 0 where there is none.
    pub fn number(&self, row: usize) -> i128 {
        match self {
            Self::Small(values) => values.get(row).map_or(0, |value| i128::from(*value)),
            Self::Wide(values) => values.get(row).copied().unwrap_or(0),
        }
    }

    /// A new row of nothing.
    pub fn put_nothing(&mut self) {
        match self {
            Self::Small(values) => values.push(0),
            Self::Wide(values) => values.push(0),
        }
    }

    /// Adds a value of other cells to the last row, or begins a new one with it. `None` on overflow, or when the cells are of
    /// another sum.
    pub fn put(&mut self, from: &Self, row: usize, new_row: bool) -> Option<()> {
        match (self, from) {
            (Self::Small(to), Self::Small(from)) => put(to, *from.get(row)?, new_row, i64::checked_add),
            (Self::Wide(to), Self::Wide(from)) => put(to, *from.get(row)?, new_row, i128::checked_add),
            (Self::Small(_) | Self::Wide(_), _) => None,
        }
    }

    /// A new row of the next field. `None` when there is none, or it does not read.
    pub fn read(&mut self, fields: &mut Fields<'_>) -> Option<()> {
        match self {
            Self::Small(values) => values.push(fields.integer()?),
            Self::Wide(values) => values.push(fields.millionths()?),
        }
        Some(())
    }

    /// Bytes of memory that the rows take.
    pub fn bytes(&self) -> usize {
        match self {
            Self::Small(values) => size_of_val(values.as_slice()),
            Self::Wide(values) => size_of_val(values.as_slice()),
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
