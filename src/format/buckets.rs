//! JSON of a table by time: column by column (`data`, `rows`, `totals`), or row by row.

use std::sync::Arc;

use super::{PIECE, Produce, json};
use crate::columns::table::{BucketTable, Walk};
use crate::report::form::{ResultForm, ResultFormat};
use crate::report::measure::Measure;

/// The part of the text that comes next.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Section {
    Begin,
    Time,
    Measure(usize),
    Rows,
    End,
}

/// Writes an answer piece by piece. A clone of a fresh writer writes the same bytes again.
#[derive(Clone, Debug)]
pub struct Writer {
    table: Arc<BucketTable>,
    form: ResultForm,
    section: Section,
    walk: Walk,
}

impl Writer {
    /// A writer at the beginning of the table.
    pub fn new(table: Arc<BucketTable>, form: ResultForm) -> Self {
        Self { table, form, section: Section::Begin, walk: Walk::START }
    }

    fn time(&self, out: &mut Vec<u8>, t: i64) {
        json::whole(out, i128::from(t) * self.form.ticks());
    }

    /// A measure's values up to the piece's length; `true` when the column is finished.
    fn measures(&mut self, out: &mut Vec<u8>, measure: Measure) -> bool {
        let (table, plain) = (Arc::clone(&self.table), self.form.plain_numbers);
        let column = table.column(measure);
        self.column(out, |_, out, _, stored| json::number(out, column.value(stored), plain))
    }

    /// A column's values up to the piece's length; `true` when the column is finished.
    fn column(&mut self, out: &mut Vec<u8>, value: impl Fn(&Self, &mut Vec<u8>, i64, Option<usize>)) -> bool {
        let table = Arc::clone(&self.table);
        while out.len() < PIECE {
            let first = self.walk.is_at_start();
            let Some((t, stored)) = self.walk.next(&table) else {
                self.walk = Walk::START;
                return true;
            };
            if !first {
                out.push(b',');
            }
            value(self, out, t, stored);
        }
        false
    }

    fn tail(&self, out: &mut Vec<u8>) {
        let table = &*self.table;
        out.extend_from_slice(b"]},\"rows\":");
        json::whole(out, table.rows() as i128);
        if table.totals {
            out.extend_from_slice(b",\"totals\":{\"t\":0");
            for measure in table.measures.iter() {
                key(out, b",", measure.name());
                json::number(out, table.total(*measure), self.form.plain_numbers);
            }
            out.push(b'}');
        }
        out.push(b'}');
    }

    fn object(&self, out: &mut Vec<u8>, t: i64, stored: Option<usize>) {
        out.extend_from_slice(b"{\"t\":");
        self.time(out, t);
        for measure in self.table.measures.iter() {
            key(out, b",", measure.name());
            json::number(out, self.table.column(*measure).value(stored), true);
        }
        out.push(b'}');
    }
}

fn key(out: &mut Vec<u8>, before: &[u8], name: &str) {
    out.extend_from_slice(before);
    out.push(b'"');
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b"\":");
}

impl Produce for Writer {
    fn produce(&mut self, out: &mut Vec<u8>) -> bool {
        while out.len() < PIECE {
            match self.section {
                Section::Begin if self.form.format == ResultFormat::Rows => {
                    out.push(b'[');
                    self.section = Section::Rows;
                }
                Section::Begin => {
                    out.extend_from_slice(b"{\"data\":{\"t\":[");
                    self.section = Section::Time;
                }
                Section::Rows => {
                    if self.column(out, |writer, out, t, stored| writer.object(out, t, stored)) {
                        out.push(b']');
                        self.section = Section::End;
                        return false;
                    }
                }
                Section::Time => {
                    if self.column(out, |writer, out, t, _| writer.time(out, t)) {
                        self.section = Section::Measure(0);
                        if let Some(measure) = self.table.measures.first() {
                            key(out, b"],", measure.name());
                            out.push(b'[');
                        }
                    }
                }
                Section::Measure(i) => {
                    let Some(&measure) = self.table.measures.get(i) else { break };
                    if self.measures(out, measure) {
                        if let Some(next) = self.table.measures.get(i + 1) {
                            key(out, b"],", next.name());
                            out.push(b'[');
                            self.section = Section::Measure(i + 1);
                        } else {
                            self.tail(out);
                            self.section = Section::End;
                            return false;
                        }
                    }
                }
                Section::End => return false,
            }
        }
        true
    }
}
