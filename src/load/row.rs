//! Rows: the cells of a record, by the file's columns.

use std::borrow::Cow;
use std::collections::HashSet;
use std::io::{self, Read};

use super::json::Objects;
use super::plan::LoadPlan;
use super::record::{FieldSpan, Framing, Record, RecordReader, csv, is_whole, tsv};
use super::target::Target;
use super::value::{InvalidValue, Notes};

/// Unknown keys that are kept to be told.
const MAX_UNKNOWN: usize = 100;

/// The cells of the present row.
#[derive(Debug, Default)]
pub struct RecordFields {
    cells: Vec<FieldSpan>,
    scratch: String,
}

impl RecordFields {
    /// Cells that were cut already.
    pub fn new(cells: Vec<FieldSpan>, scratch: String) -> Self {
        Self { cells, scratch }
    }

    /// Has no cell any more.
    pub fn clear(&mut self) {
        self.cells.clear();
        self.scratch.clear();
    }

    /// Sets the cell of a column to the text that `write` writes, or to null where it writes none.
    pub fn set(&mut self, column: usize, write: impl FnOnce(&mut String) -> bool) {
        let begun = self.scratch.len();
        let is_there = write(&mut self.scratch);
        if self.cells.len() <= column {
            self.cells.resize(column + 1, FieldSpan::Null);
        }
        if let Some(cell) = self.cells.get_mut(column).filter(|_| is_there) {
            *cell = FieldSpan::Scratch(begun..self.scratch.len());
        }
    }

    /// The text of the column, which may be there and null.
    pub fn text<'a>(&'a self, record: &'a str, column: usize) -> Option<&'a str> {
        match self.cells.get(column)? {
            FieldSpan::Null => None,
            FieldSpan::Here(range) => record.get(range.clone()),
            FieldSpan::Scratch(range) => self.scratch.get(range.clone()),
        }
    }
}

/// The values of a row, in whatever form the file has them.
pub trait RowFields {
    /// The text of a column of the file; empty for null.
    fn text(&self, column: usize) -> Cow<'_, str>;

    /// Writes the value of the target of that number; true where it is the column's default.
    fn write(&self, at: usize, target: &Target, notes: &mut Notes, out: &mut Vec<u8>) -> Result<bool, InvalidValue>;
}

/// The cells of a record of text.
#[derive(Clone, Copy)]
pub struct TextFields<'a> {
    /// Where they are.
    pub cells: &'a RecordFields,
    /// The record that they are cut from.
    pub record: &'a str,
}

impl RowFields for TextFields<'_> {
    fn text(&self, column: usize) -> Cow<'_, str> {
        Cow::Borrowed(self.cells.text(self.record, column).unwrap_or_default())
    }

    fn write(&self, _at: usize, target: &Target, notes: &mut Notes, out: &mut Vec<u8>) -> Result<bool, InvalidValue> {
        target.write(self.cells, self.record, notes, out)
    }
}

/// Reads rows of text.
pub struct RowReader<R> {
    records: RecordReader<R>,
    /// Cuts them.
    pub cutter: Cutter,
}

/// Cuts records into cells.
pub struct Cutter {
    shape: Framing,
    around: Option<(String, String)>,
    null: Option<String>,
    width: usize,
    objects: Objects,
    /// Which columns have had a value.
    pub seen: Vec<bool>,
    /// Keys of objects that are no columns.
    pub unknown: Unknown,
}

/// Names in the order in which they came first.
#[derive(Debug, Default)]
pub struct Unknown {
    known: HashSet<String>,
    /// Them.
    pub names: Vec<String>,
    /// The first that led to a list of objects.
    pub list: Option<String>,
}

impl Unknown {
    /// Adds a name that is not there yet.
    pub fn add(&mut self, name: String) {
        if self.names.len() < MAX_UNKNOWN && self.known.insert(name.clone()) {
            self.names.push(name);
        }
    }
}

/// A row, or why it is none.
pub struct Row<'a> {
    /// The line that it begins on.
    pub line: u64,
    /// As it stood.
    pub bytes: &'a [u8],
    /// The same as text.
    pub text: Result<&'a str, String>,
    /// True for the last line of a file if nothing ends it and it may be cut.
    pub unended: bool,
}

impl<R: Read> RowReader<R> {
    /// Over `from`, whose columns or keys are those of `plan`; of objects, a dot leads into one within.
    pub fn new(from: R, shape: Framing, plan: &LoadPlan) -> Self {
        let cutter = Cutter::new(shape, plan);
        Self { records: cutter.reader(from), cutter }
    }

    /// Skips the header line, wherever it comes again.
    pub fn skip(&mut self) -> io::Result<()> {
        self.records.skip_header()
    }

    /// The next row, and its cells in `into`.
    pub fn read(&mut self, into: &mut RecordFields) -> io::Result<Option<Row<'_>>> {
        let Some(Record { line, bytes, fault, unended }) = self.records.read()? else { return Ok(None) };
        let text = self.cutter.cut(bytes, fault, into);
        Ok(Some(Row { line, bytes, text, unended }))
    }
}

impl Cutter {
    /// For records of `shape`, whose columns or keys are those of `plan`.
    pub fn new(shape: Framing, plan: &LoadPlan) -> Self {
        let columns = &plan.sources;
        let objects = match shape {
            Framing::Lines | Framing::Objects => Objects::of(columns),
            Framing::Csv(_) | Framing::Tsv(_) => Objects::default(),
        };
        let (around, null) = (plan.around.clone(), plan.null.clone());
        let (width, seen) = (columns.len(), vec![false; columns.len()]);
        Self { shape, around, null, width, objects, seen, unknown: Unknown::default() }
    }

    /// Reads the records of `from`: with text around one, it ends where the line does.
    pub fn reader<R: Read>(&self, from: R) -> RecordReader<R> {
        match &self.around {
            None => RecordReader::new(from, self.shape),
            Some((_, after)) => RecordReader::new(from, Framing::Lines).ending_with(Some(after.clone())),
        }
    }

    /// The record as text, and its cells in `into`.
    pub fn cut<'a>(
        &mut self,
        bytes: &'a [u8],
        fault: Option<&'static str>,
        into: &mut RecordFields,
    ) -> Result<&'a str, String> {
        if let Some(fault) = fault {
            return Err(fault.to_owned());
        }
        let text = std::str::from_utf8(bytes).map_err(|_bytes| "not UTF-8".to_owned())?;
        let text = within(text, self.around.as_ref(), self.shape)?;
        let RecordFields { cells, scratch } = &mut *into;
        let cut = match self.shape {
            Framing::Csv(separator) => {
                csv(text, separator, cells, scratch);
                fit(cells.len(), self.width)
            }
            Framing::Tsv(separator) if tsv(text, separator, cells, scratch) => fit(cells.len(), self.width),
            Framing::Tsv(_) => Err("a backslash that stands for nothing".to_owned()),
            Framing::Lines | Framing::Objects => self.objects.cut(text, self.width, cells, scratch, &mut self.unknown),
        };
        if let Some(null) = &self.null {
            cells.iter_mut().filter(|cell| is_bare(text, cell, null)).for_each(|cell| *cell = FieldSpan::Null);
        }
        for (seen, cell) in self.seen.iter_mut().zip(&into.cells) {
            *seen |= *cell != FieldSpan::Null;
        }
        cut.map(|()| text)
    }
}

/// The record without what stands around it.
pub fn within<'a>(text: &'a str, around: Option<&(String, String)>, shape: Framing) -> Result<&'a str, String> {
    let Some((before, after)) = around else { return Ok(text) };
    let inner = text.strip_prefix(before.as_str()).ok_or_else(|| format!("does not begin with {before}"))?;
    let inner = inner.strip_suffix(after.as_str()).ok_or_else(|| format!("does not end with {after}"))?;
    match shape {
        Framing::Csv(separator) => is_whole(inner, separator).map(|()| inner).map_err(str::to_owned),
        Framing::Tsv(_) | Framing::Lines | Framing::Objects => Ok(inner),
    }
}

/// True for a cell that is this word, with no quotes around it.
fn is_bare(text: &str, cell: &FieldSpan, word: &str) -> bool {
    let FieldSpan::Here(range) = cell else { return false };
    let quoted = range.start.checked_sub(1).and_then(|at| text.as_bytes().get(at)) == Some(&b'"');
    !quoted && text.get(range.clone()) == Some(word)
}

fn fit(found: usize, width: usize) -> Result<(), String> {
    if found == width { Ok(()) } else { Err(format!("{found} fields, the header has {width}")) }
}
