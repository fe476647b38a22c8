//! CSV by RFC 4180: lines end with CRLF, null is empty, an empty text is `""`. Numbers have the digits of the JSON.

use std::borrow::Cow;

use super::rows::{CellKind, FileCell, FileRows, rfc3339};
use super::{PIECE, Produce, json};
use crate::report::form::{CsvDialect, ResultForm};

/// Writes lines piece by piece. A clone of a fresh writer writes the same bytes again.
#[derive(Clone, Debug)]
pub struct CsvWriter<R> {
    rows: R,
    form: ResultForm,
    begun: bool,
    cells: Vec<FileCell>,
    /// A field before it is known whether it needs quotes.
    field: Vec<u8>,
}

impl<R: FileRows> CsvWriter<R> {
    /// A writer at the beginning.
    pub fn new(rows: R, form: ResultForm) -> Self {
        Self { rows, form, begun: false, cells: Vec::new(), field: Vec::new() }
    }

    fn heading(&self, out: &mut Vec<u8>) {
        if self.form.csv.bom {
            out.extend_from_slice("\u{feff}".as_bytes());
        }
        if self.form.csv.headless {
            return;
        }
        for (place, column) in self.rows.columns().iter().enumerate() {
            if place > 0 {
                out.push(self.form.csv.separator.byte());
            }
            out.extend_from_slice(column.name.as_bytes());
        }
        out.extend_from_slice(b"\r\n");
    }

    fn cell(&mut self, out: &mut Vec<u8>, place: usize) {
        let Self { rows, form, cells, field, .. } = self;
        let (Some(cell), Some(column)) = (cells.get(place), rows.columns().get(place)) else { return };
        field.clear();
        match cell {
            FileCell::Null => return,
            FileCell::Text(text) => return self::text(out, text, form.csv),
            FileCell::Number(number) => json::number(field, *number, true),
            FileCell::Digits(digits) => field.extend_from_slice(digits),
            FileCell::Flag(flag) => field.extend_from_slice(if *flag { b"true" } else { b"false" }),
            FileCell::Time(at) if column.kind == CellKind::Instant => {
                field.extend_from_slice(rfc3339(*at).unwrap_or_default().as_bytes());
            }
            FileCell::Time(at) => json::whole(field, i128::from(*at) * form.ticks()),
        }
        let is_number = matches!(cell, FileCell::Number(_) | FileCell::Digits(_));
        if is_number && form.csv.decimal_comma {
            field.iter_mut().filter(|byte| **byte == b'.').for_each(|byte| *byte = b',');
        }
        quoted(out, field, form.csv);
    }
}

/// Appends a text; an empty one is `""`, which tells it from null.
fn text(out: &mut Vec<u8>, bytes: &[u8], dialect: CsvDialect) {
    if bytes.is_empty() {
        return out.extend_from_slice(b"\"\"");
    }
    let text = String::from_utf8_lossy(bytes);
    let text: Cow<'_, str> = if is_formula(&text) { format!("'{text}").into() } else { text };
    quoted(out, text.as_bytes(), dialect);
}

/// True for a text that a spreadsheet would calculate, or read as something else: an apostrophe goes before it. Signed digits are a
/// phone number as often as not, and calculate to themselves.
pub fn is_formula(text: &str) -> bool {
    let Some(rest) = text.strip_prefix(['=', '+', '-', '@', '\t', '\r', '\n']) else { return false };
    let is_signed = text.starts_with(['+', '-']) && !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_digit());
    !is_signed
}

/// Appends a field, in quotes if it holds a mark of the format.
fn quoted(out: &mut Vec<u8>, field: &[u8], dialect: CsvDialect) {
    let separator = dialect.separator.byte();
    if !field.iter().any(|byte| *byte == separator || matches!(byte, b'"' | b'\r' | b'\n')) {
        return out.extend_from_slice(field);
    }
    out.push(b'"');
    for part in field.split_inclusive(|byte| *byte == b'"') {
        out.extend_from_slice(part);
        if part.ends_with(b"\"") {
            out.push(b'"');
        }
    }
    out.push(b'"');
}

impl<R: FileRows> Produce for CsvWriter<R> {
    fn produce(&mut self, out: &mut Vec<u8>) -> bool {
        if !std::mem::replace(&mut self.begun, true) {
            self.heading(out);
        }
        while out.len() < PIECE {
            self.cells.clear();
            if !self.rows.next(&mut self.cells) {
                return false;
            }
            for place in 0..self.cells.len() {
                if place > 0 {
                    out.push(self.form.csv.separator.byte());
                }
                self.cell(out, place);
            }
            out.extend_from_slice(b"\r\n");
        }
        true
    }
}
