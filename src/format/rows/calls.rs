//! Rows of live calls.

use std::sync::Arc;

use super::{CellKind, FileCell, FileColumn, FileRows};
use crate::columns::live::LiveCalls;
use crate::columns::tsv;
use crate::report::live::{COLUMNS, Cell, LiveColumn};

/// Walks live calls.
#[derive(Clone, Debug)]
pub struct CallRows {
    calls: Arc<LiveCalls>,
    columns: Arc<[FileColumn]>,
    row: usize,
}

impl CallRows {
    /// Before the first call.
    pub fn new(calls: Arc<LiveCalls>) -> Self {
        let columns = COLUMNS.iter().map(|column| FileColumn::new(column.name, kind(column))).collect();
        Self { calls, columns, row: 0 }
    }
}

fn kind(column: &LiveColumn) -> CellKind {
    match column.cell {
        Cell::Time => CellKind::Instant,
        Cell::Text => CellKind::Text,
        Cell::Number if column.name.ends_with("_id") => CellKind::Code,
        Cell::Number => CellKind::Number,
    }
}

/// The value of a field of TSV, checked when its row was taken in.
pub(in crate::format) fn value(field: &[u8], cell: Cell) -> FileCell {
    match cell {
        _ if field == b"\\N" && cell != Cell::Text => FileCell::Null,
        Cell::Time => tsv::integer(field).map_or(FileCell::Null, FileCell::Time),
        Cell::Text => {
            let mut text = Vec::with_capacity(field.len());
            let _ = tsv::text(field, &mut text);
            FileCell::Text(text.into())
        }
        // No format has infinity and NaN, since JSON has not.
        Cell::Number if field.iter().any(|b| matches!(b, b'i' | b'n')) => FileCell::Null,
        Cell::Number => FileCell::Digits(field.to_vec()),
    }
}

impl FileRows for CallRows {
    fn columns(&self) -> &Arc<[FileColumn]> {
        &self.columns
    }

    fn count(&self) -> usize {
        self.calls.len()
    }

    fn next(&mut self, cells: &mut Vec<FileCell>) -> bool {
        let Some(fields) = self.calls.row_at(self.row) else { return false };
        cells.extend(fields.map(|(field, column)| value(field, column.cell)));
        self.row += 1;
        true
    }
}
