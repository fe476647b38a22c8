//! Writes an answer of buckets, column by column (`data`, `rows`, `totals`) or row by row.

use std::sync::Arc;

use super::buckets::Buckets;
use super::{PIECE, Produce, json};
use crate::config::{AcdUnit, TotalsCps};
use crate::report::figure::{self, Figure, Number, Scale};
use crate::report::plan::{Form, Grid};

/// Everything an answer is made of.
#[derive(Debug)]
pub struct Answer {
    /// Sums, by bucket and in total.
    pub buckets: Buckets,
    /// The columns after `t`.
    pub figures: &'static [Figure],
    /// The buckets of the request.
    pub grid: Grid,
    /// True if buckets of the grid without a call are written too.
    pub fill: bool,
    /// True if `totals` is written.
    pub totals: bool,
    /// Numbers, rows, unit of time.
    pub form: Form,
    /// Unit of `acd`.
    pub acd_unit: AcdUnit,
    /// What `cps` in totals divides by.
    pub totals_cps: TotalsCps,
}

impl Answer {
    fn grid_rows(&self) -> usize {
        // A grid is bounded by limits.max_buckets, which memory bounds long before usize does.
        if self.fill { usize::try_from(self.grid.count).unwrap_or(usize::MAX) } else { 0 }
    }

    /// Row of the first stored bucket after the grid: calls ahead of the clock.
    fn ahead(&self) -> usize {
        let end = self.grid.first + self.grid.step * i64::try_from(self.grid.count).unwrap_or(i64::MAX);
        self.buckets.t.partition_point(|&t| t < end)
    }

    /// Number of buckets, with or without calls: the grid's and those of calls ahead of the clock.
    fn buckets(&self) -> usize {
        usize::try_from(self.grid.count).unwrap_or(usize::MAX).saturating_add(self.buckets.t.len() - self.ahead())
    }

    fn scale(&self, cps_seconds: i128) -> Scale {
        Scale { acd_unit: self.acd_unit, cps_seconds }
    }
}

/// Walks the rows of an answer in order: the filled grid first, then stored buckets after it.
#[derive(Clone, Debug)]
struct Walk {
    row: usize,
    /// The next stored bucket.
    stored: usize,
}

impl Walk {
    const START: Self = Self { row: 0, stored: 0 };

    /// The next row's time and stored bucket, if it has one.
    fn next(&mut self, answer: &Answer) -> Option<(i64, Option<usize>)> {
        let stored_t = answer.buckets.t.get(self.stored).copied();
        let t = if self.row < answer.grid_rows() {
            // Row numbers are below the grid's count, which came from an i64.
            answer.grid.first + answer.grid.step * self.row as i64
        } else {
            stored_t?
        };
        self.row += 1;
        let hit = stored_t == Some(t);
        let stored = hit.then_some(self.stored);
        self.stored += usize::from(hit);
        Some((t, stored))
    }
}

/// The part of the text that comes next.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Begin,
    Time,
    Figure(usize),
    Rows,
    End,
}

/// Writes an answer piece by piece. A clone of a fresh writer writes the same bytes again.
#[derive(Clone, Debug)]
pub struct Writer {
    answer: Arc<Answer>,
    part: Part,
    walk: Walk,
    count: usize,
}

impl Writer {
    /// A writer at the beginning of the answer.
    pub fn new(answer: Arc<Answer>) -> Self {
        let count = if answer.fill { answer.buckets() } else { answer.buckets.t.len() };
        Self { answer, part: Part::Begin, walk: Walk::START, count }
    }

    fn time(&self, out: &mut Vec<u8>, t: i64) {
        json::whole(out, i128::from(t) * if self.answer.form.milliseconds { 1000 } else { 1 });
    }

    fn figure(&self, out: &mut Vec<u8>, figure: Figure, stored: Option<usize>) {
        let answer = &*self.answer;
        let scale = answer.scale(i128::from(answer.grid.step));
        let value = figure.value(scale, |sum| stored.map_or(0, |row| answer.buckets.sum(sum, row)));
        json::number(out, value, answer.form.plain_numbers || answer.form.rows);
    }

    /// A figure's values up to the piece's length; `true` when the column is finished.
    fn figures(&mut self, out: &mut Vec<u8>, figure: Figure) -> bool {
        let answer = Arc::clone(&self.answer);
        let scale = answer.scale(i128::from(answer.grid.step));
        let plain = answer.form.plain_numbers || answer.form.rows;
        let made_of = answer.buckets.made_of(figure);
        self.column(out, |_, out, _, stored| {
            let value = figure.value(scale, |sum| stored.map_or(0, |row| made_of.sum(sum, row)));
            json::number(out, value, plain);
        })
    }

    /// A column's values up to the piece's length; `true` when the column is finished.
    fn column(&mut self, out: &mut Vec<u8>, value: impl Fn(&Self, &mut Vec<u8>, i64, Option<usize>)) -> bool {
        let answer = Arc::clone(&self.answer);
        while out.len() < PIECE {
            let first = self.walk.row == 0;
            let Some((t, stored)) = self.walk.next(&answer) else {
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
        let answer = &*self.answer;
        out.extend_from_slice(b"]},\"rows\":");
        json::whole(out, self.count as i128);
        if answer.totals {
            out.extend_from_slice(b",\"totals\":{\"t\":0");
            let seconds = figure::totals_cps_seconds(answer.totals_cps, answer.grid.step, answer.buckets());
            for figure in answer.figures {
                key(out, b",", figure.name());
                // A range of no bucket divides by nothing; over no calls that is "0.0" like any other.
                let value = match figure.value(answer.scale(seconds), |sum| answer.buckets.total(sum)) {
                    Number::Null if *figure == Figure::Cps => Number::Hundredths(0),
                    value => value,
                };
                json::number(out, value, answer.form.plain_numbers);
            }
            out.push(b'}');
        }
        out.push(b'}');
    }

    fn object(&self, out: &mut Vec<u8>, t: i64, stored: Option<usize>) {
        out.extend_from_slice(b"{\"t\":");
        self.time(out, t);
        for figure in self.answer.figures {
            key(out, b",", figure.name());
            self.figure(out, *figure, stored);
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
            match self.part {
                Part::Begin if self.answer.form.rows => {
                    out.push(b'[');
                    self.part = Part::Rows;
                }
                Part::Begin => {
                    out.extend_from_slice(b"{\"data\":{\"t\":[");
                    self.part = Part::Time;
                }
                Part::Rows => {
                    if self.column(out, |writer, out, t, stored| writer.object(out, t, stored)) {
                        out.push(b']');
                        self.part = Part::End;
                        return false;
                    }
                }
                Part::Time => {
                    if self.column(out, |writer, out, t, _| writer.time(out, t)) {
                        self.part = Part::Figure(0);
                        if let Some(figure) = self.answer.figures.first() {
                            key(out, b"],", figure.name());
                            out.push(b'[');
                        }
                    }
                }
                Part::Figure(i) => {
                    let Some(&figure) = self.answer.figures.get(i) else { break };
                    if self.figures(out, figure) {
                        if let Some(next) = self.answer.figures.get(i + 1) {
                            key(out, b"],", next.name());
                            out.push(b'[');
                            self.part = Part::Figure(i + 1);
                        } else {
                            self.tail(out);
                            self.part = Part::End;
                            return false;
                        }
                    }
                }
                Part::End => return false,
            }
        }
        true
    }
}
