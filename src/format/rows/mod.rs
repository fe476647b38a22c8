//! Results row by row, as files have them: with a first column `row`, where there are totals, that says what a row is of.

mod buckets;
mod calls;
mod cdrs;
mod groups;

use std::borrow::Cow;
use std::sync::Arc;

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

pub use buckets::BucketRows;
pub use calls::CallRows;
pub use cdrs::{CdrRows, RowPiece, most_bytes};
pub use groups::{GroupRows, ShownColumn};

use crate::report::measure::Number;

/// The kind of a column's cells; each of them may be null.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CellKind {
    /// Text that somebody wrote.
    Text,
    /// An id or a code: a whole number that nobody adds up.
    Code,
    /// A number.
    Number,
    /// True or false.
    Flag,
    /// An instant that JSON has as seconds since 1970.
    Epoch,
    /// An instant that JSON has as a text of RFC 3339.
    Instant,
}

/// A column of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileColumn {
    /// Its name; that of the JSON.
    pub name: Cow<'static, str>,
    /// The kind of its cells.
    pub kind: CellKind,
}

impl FileColumn {
    /// A column of that name.
    pub fn new(name: impl Into<Cow<'static, str>>, kind: CellKind) -> Self {
        Self { name: name.into(), kind }
    }
}

/// A cell of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FileCell {
    /// There is no value.
    Null,
    /// Text; bytes that are not UTF-8 become U+FFFD.
    Text(Cow<'static, [u8]>),
    /// A number.
    Number(Number),
    /// A number as ClickHouse wrote it.
    Digits(Vec<u8>),
    /// True or false.
    Flag(bool),
    /// An instant, epoch seconds.
    Time(i64),
}

impl FileCell {
    /// The word in the column `row`.
    const fn word(word: &'static str) -> Self {
        Self::Text(Cow::Borrowed(word.as_bytes()))
    }
}

/// Rows of a result in order. A clone of fresh rows gives the same rows again.
pub trait FileRows: Clone + Send + 'static {
    /// The columns.
    fn columns(&self) -> &Arc<[FileColumn]>;

    /// The number of rows, from the first to the last.
    fn count(&self) -> usize;

    /// Appends the cells of the next row, in the order of the columns; `false` behind the last row.
    fn next(&mut self, cells: &mut Vec<FileCell>) -> bool;
}

/// Rows that cannot be read to their end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the rows cannot be read to their end")]
pub struct BrokenRows;

/// Rows that are read once, one after the other, perhaps while they are made.
pub trait RowStream: Send + 'static {
    /// The columns.
    fn heading(&self) -> &Arc<[FileColumn]>;

    /// Appends the cells of the next row, in the order of the columns; `false` behind the last row.
    ///
    /// # Errors
    /// There are more rows, which cannot be had.
    fn next_row(&mut self, cells: &mut Vec<FileCell>) -> Result<bool, BrokenRows>;
}

impl<R: FileRows> RowStream for R {
    fn heading(&self) -> &Arc<[FileColumn]> {
        self.columns()
    }

    fn next_row(&mut self, cells: &mut Vec<FileCell>) -> Result<bool, BrokenRows> {
        Ok(self.next(cells))
    }
}

/// Columns without a row: a window that has not begun.
#[derive(Clone, Debug)]
pub struct NoRows(pub Arc<[FileColumn]>);

impl FileRows for NoRows {
    fn columns(&self) -> &Arc<[FileColumn]> {
        &self.0
    }

    fn count(&self) -> usize {
        0
    }

    fn next(&mut self, _: &mut Vec<FileCell>) -> bool {
        false
    }
}

/// The name of the first column of files with totals.
const ROW: &str = "row";

/// The first column of files with totals.
fn row_column() -> FileColumn {
    FileColumn::new(ROW, CellKind::Text)
}

/// An instant as RFC 3339 in UTC; `None` outside the years that it can say.
pub fn rfc3339(second: i64) -> Option<String> {
    OffsetDateTime::from_unix_timestamp(second).ok()?.format(&Rfc3339).ok()
}
