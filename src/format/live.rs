//! JSON of live calls: an object each.

use std::sync::Arc;

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::{PIECE, Produce, json};
use crate::columns::live::LiveCalls;
use crate::columns::tsv;
use crate::report::live::Cell;

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
            let Some(fields) = self.calls.row_at(self.row) else {
                out.extend_from_slice(b"],\"rows\":");
                json::whole(out, self.calls.len() as i128);
                out.push(b'}');
                return false;
            };
            for (i, (field, column)) in fields.enumerate() {
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
