//! Live calls: rows of text, times and numbers, kept as the engine's fields and written as JSON objects.

use std::sync::Arc;

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::tsv::{self, Rows};
use super::{PIECE, Produce, json};
use crate::report::live::{COLUMNS, Cell};

/// Rows as they came.
#[derive(Debug, Default)]
pub struct LiveCalls {
    bytes: Vec<u8>,
    /// End of each row within `bytes`.
    ends: Vec<usize>,
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

/// Writes `{"data":[{…}],"rows":N}`.
#[derive(Clone, Debug)]
pub struct LiveWriter {
    calls: Arc<LiveCalls>,
    row: usize,
}

impl LiveWriter {
    /// A writer at the beginning.
    pub fn new(calls: Arc<LiveCalls>) -> Self {
        Self { calls, row: 0 }
    }
}

fn cell(out: &mut Vec<u8>, field: &[u8], cell: Cell) {
    let null: &[u8] = b"null";
    match cell {
        _ if field == b"\\N" && cell != Cell::Text => out.extend_from_slice(null),
        Cell::Time => {
            let time = tsv::integer(field).and_then(|second| OffsetDateTime::from_unix_timestamp(second).ok());
            match time.and_then(|time| time.format(&Rfc3339).ok()) {
                Some(time) => json::text(out, time.as_bytes()),
                None => out.extend_from_slice(null),
            }
        }
        Cell::Text => {
            let mut text = Vec::with_capacity(field.len());
            // Checked when the row was taken in.
            let _ = tsv::text(field, &mut text);
            json::text(out, &text);
        }
        // JSON has no infinity and no NaN.
        Cell::Number if field.iter().any(|b| matches!(b, b'i' | b'n')) => out.extend_from_slice(null),
        Cell::Number => out.extend_from_slice(field),
    }
}

impl Produce for LiveWriter {
    fn produce(&mut self, out: &mut Vec<u8>) -> bool {
        if self.row == 0 {
            out.extend_from_slice(b"{\"data\":[");
        }
        while out.len() < PIECE {
            let Some(&end) = self.calls.ends.get(self.row) else {
                out.extend_from_slice(b"],\"rows\":");
                json::whole(out, self.calls.ends.len() as i128);
                out.push(b'}');
                return false;
            };
            let start = self.row.checked_sub(1).map_or(0, |row| self.calls.ends[row]);
            for (i, (field, column)) in self.calls.bytes[start..end].split(|&b| b == b'\t').zip(COLUMNS).enumerate() {
                out.extend_from_slice(match (self.row, i) {
                    (0, 0) => b"{\"",
                    (_, 0) => b",{\"",
                    _ => b",\"",
                });
                out.extend_from_slice(column.name.as_bytes());
                out.extend_from_slice(b"\":");
                cell(out, field, column.cell);
            }
            out.push(b'}');
            self.row += 1;
        }
        true
    }
}
