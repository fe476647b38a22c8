//! JSON, an object a line: that of the rows of JSON, each with its newline.

use super::rows::{CellKind, FileCell, FileColumn, FileRows, rfc3339};
use super::{PIECE, Produce, json};
use crate::report::form::ResultForm;

/// Writes lines piece by piece. A clone of a fresh writer writes the same bytes again.
#[derive(Clone, Debug)]
pub struct NdjsonWriter<R> {
    rows: R,
    form: ResultForm,
    cells: Vec<FileCell>,
}

impl<R: FileRows> NdjsonWriter<R> {
    /// A writer at the beginning.
    pub fn new(rows: R, form: ResultForm) -> Self {
        Self { rows, form, cells: Vec::new() }
    }
}

/// Appends a row as an object.
pub fn object(out: &mut Vec<u8>, columns: &[FileColumn], cells: &[FileCell], form: ResultForm) {
    for (place, (cell, column)) in cells.iter().zip(columns).enumerate() {
        out.extend_from_slice(if place == 0 { b"{\"" } else { b",\"" });
        out.extend_from_slice(column.name.as_bytes());
        out.extend_from_slice(b"\":");
        value(out, cell, column.kind, form);
    }
    out.push(b'}');
}

fn value(out: &mut Vec<u8>, cell: &FileCell, kind: CellKind, form: ResultForm) {
    match cell {
        FileCell::Null => out.extend_from_slice(b"null"),
        FileCell::Text(text) => json::text(out, text),
        FileCell::Number(number) => json::number(out, *number, true),
        FileCell::Digits(digits) => out.extend_from_slice(digits),
        FileCell::Flag(flag) => out.extend_from_slice(if *flag { b"true" } else { b"false" }),
        FileCell::Time(at) if kind == CellKind::Instant => match rfc3339(*at) {
            Some(text) => json::text(out, text.as_bytes()),
            None => out.extend_from_slice(b"null"),
        },
        FileCell::Time(at) => json::whole(out, i128::from(*at) * form.ticks()),
    }
}

impl<R: FileRows> Produce for NdjsonWriter<R> {
    fn produce(&mut self, out: &mut Vec<u8>) -> bool {
        while out.len() < PIECE {
            self.cells.clear();
            if !self.rows.next(&mut self.cells) {
                return false;
            }
            object(out, self.rows.columns(), &self.cells, self.form);
            out.push(b'\n');
        }
        true
    }
}
