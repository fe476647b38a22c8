//! Live calls: rows of text, times and numbers, kept as the fields that ClickHouse sent.

use super::tsv::{self, Rows};
use crate::report::live::{COLUMNS, Cell, LiveColumn};

/// Rows as they came.
#[derive(Debug, Default)]
pub struct LiveCalls {
    bytes: Vec<u8>,
    /// End of each row within `bytes`.
    ends: Vec<usize>,
}

impl LiveCalls {
    /// Number of rows.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// True without a row.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The fields of a row, as TSV has them, with their columns.
    pub fn row_at(&self, row: usize) -> Option<impl Iterator<Item = (&[u8], &'static LiveColumn)>> {
        let start = row.checked_sub(1).map_or(Some(0), |before| self.ends.get(before).copied())?;
        let line = self.bytes.get(start..*self.ends.get(row)?)?;
        Some(line.split(|&b| b == b'\t').zip(COLUMNS))
    }
}

impl Rows for LiveCalls {
    const TOTALS: bool = false;

    fn row(&mut self, line: &[u8]) -> Option<()> {
        let mut count = 0;
        for (field, column) in line.split(|&b| b == b'\t').zip(COLUMNS) {
            valid(field, column.cell)?;
            count += 1;
        }
        if count != COLUMNS.len() || line.iter().filter(|&&b| b == b'\t').count() + 1 != count {
            return None;
        }
        self.bytes.extend_from_slice(line);
        self.ends.push(self.bytes.len());
        Some(())
    }

    fn totals(&mut self, _: &[u8]) -> Option<()> {
        None
    }
}

/// True if a field is what its column promises, so that writing it cannot fail after the status is sent.
fn valid(field: &[u8], cell: Cell) -> Option<()> {
    match cell {
        _ if field == b"\\N" => (cell != Cell::Text).then_some(()),
        Cell::Time => tsv::integer(field).map(|_| ()),
        Cell::Text => tsv::text(field, &mut Vec::new()),
        Cell::Number => std::str::from_utf8(field).ok()?.parse::<f64>().ok().map(|_| ()),
    }
}
