//! JSON of a breakdown: column by column, with `other` and `totals`, or row by row.

use std::sync::Arc;

use super::rows::ShownColumn;
use super::{PIECE, Produce, json};
use crate::columns::breakdown::{BreakdownTable, GroupCell, GroupRow};
use crate::report::form::ResultFormat;

/// Writes an answer piece by piece. A clone of a fresh writer writes the same bytes again.
#[derive(Clone, Debug)]
pub struct BreakdownWriter {
    table: Arc<BreakdownTable>,
    columns: Arc<[ShownColumn]>,
    /// The next column, where columns are written.
    column: usize,
    /// The next group.
    row: usize,
}

impl BreakdownWriter {
    /// A writer at the beginning of the table.
    pub fn new(table: Arc<BreakdownTable>) -> Self {
        let terms = &table.breakdown.terms;
        let columns = ShownColumn::of(&terms.by, &terms.measures, table.breakdown.before.is_some()).into();
        Self { table, columns, column: 0, row: 0 }
    }

    fn cell(&self, out: &mut Vec<u8>, row: GroupRow, shown: ShownColumn) {
        let form = self.table.breakdown.terms.form;
        match shown.value(&self.table, row) {
            GroupCell::Number(number) => {
                json::number(out, number, form.plain_numbers || form.format == ResultFormat::Rows)
            }
            GroupCell::Text(text) => json::text(out, &text),
            GroupCell::Flag(flag) => out.extend_from_slice(if flag { b"true" } else { b"false" }),
            GroupCell::Time(at) => json::whole(out, i128::from(at) * form.ticks()),
            // As reports by time have it.
            GroupCell::Null if self.table.breakdown.terms.series.is_some() && matches!(shown, ShownColumn::Key(..)) => {
                out.push(b'0');
            }
            GroupCell::Null => out.extend_from_slice(b"null"),
        }
    }

    fn name(&self, out: &mut Vec<u8>, before: &[u8], shown: ShownColumn) {
        out.extend_from_slice(before);
        out.push(b'"');
        out.extend_from_slice(shown.name().as_bytes());
        out.extend_from_slice(b"\":");
    }

    fn object(&self, out: &mut Vec<u8>, row: GroupRow) {
        for (place, shown) in self.columns.iter().enumerate() {
            self.name(out, if place == 0 { b"{" } else { b"," }, *shown);
            self.cell(out, row, *shown);
        }
        out.push(b'}');
    }

    fn rows(&mut self, out: &mut Vec<u8>) -> bool {
        if self.row == 0 {
            out.push(b'[');
        }
        while out.len() < PIECE {
            if self.row == self.table.rows() {
                out.push(b']');
                return false;
            }
            if self.row > 0 {
                out.push(b',');
            }
            self.object(out, GroupRow::Group(self.row));
            self.row += 1;
        }
        true
    }

    fn tail(&self, out: &mut Vec<u8>) {
        let table = &*self.table;
        out.extend_from_slice(b"},\"rows\":");
        json::whole(out, table.rows() as i128);
        if table.breakdown.terms.series.is_none() {
            out.extend_from_slice(b",\"groups\":");
            json::whole(out, table.groups() as i128);
            out.extend_from_slice(b",\"other\":");
            if table.has_other() {
                self.object(out, GroupRow::Other);
            } else {
                out.extend_from_slice(b"null");
            }
        }
        out.extend_from_slice(b",\"totals\":");
        self.object(out, GroupRow::Totals);
        if let Some(before) = &table.breakdown.before {
            out.extend_from_slice(b",\"compare\":{\"from\":");
            let unit = table.breakdown.terms.form.ticks();
            json::whole(out, i128::from(before.window.from) * unit);
            out.extend_from_slice(b",\"to\":");
            json::whole(out, i128::from(before.window.to.unwrap_or(before.window.from)) * unit);
            out.push(b'}');
        }
        out.push(b'}');
    }
}

impl Produce for BreakdownWriter {
    fn produce(&mut self, out: &mut Vec<u8>) -> bool {
        if self.table.breakdown.terms.form.format == ResultFormat::Rows {
            return self.rows(out);
        }
        while out.len() < PIECE {
            let Some(shown) = self.columns.get(self.column).copied() else {
                self.tail(out);
                return false;
            };
            if self.row == 0 {
                self.name(out, if self.column == 0 { b"{\"data\":{" } else { b"," }, shown);
                out.push(b'[');
            }
            // One at least, so that a column begins once.
            while self.row < self.table.rows() {
                if self.row > 0 {
                    out.push(b',');
                }
                self.cell(out, GroupRow::Group(self.row), shown);
                self.row += 1;
                if out.len() >= PIECE {
                    break;
                }
            }
            if self.row == self.table.rows() {
                out.push(b']');
                (self.column, self.row) = (self.column + 1, 0);
            }
        }
        true
    }
}
