//! Rows: the cells of a record, by the file's columns.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::io::{self, Read};

use serde::de::{Deserializer as _, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::plan::Plan;
use super::record::{Cell, Record, Records, Shape, csv, is_whole, tsv};

/// Unknown keys that are kept to be told.
const MAX_UNKNOWN: usize = 100;

/// The cells of the present row.
#[derive(Debug, Default)]
pub struct Cells {
    cells: Vec<Cell>,
    scratch: String,
}

impl Cells {
    /// Cells that were cut already.
    pub fn new(cells: Vec<Cell>, scratch: String) -> Self {
        Self { cells, scratch }
    }

    /// The text of the column, which may be there and null.
    pub fn text<'a>(&'a self, record: &'a str, column: usize) -> Option<&'a str> {
        match self.cells.get(column)? {
            Cell::Null => None,
            Cell::Here(range) => record.get(range.clone()),
            Cell::Scratch(range) => self.scratch.get(range.clone()),
        }
    }
}

/// Reads rows of text.
pub struct Rows<R> {
    records: Records<R>,
    shape: Shape,
    around: Option<(String, String)>,
    null: Option<String>,
    width: usize,
    keys: Keys,
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
}

impl Unknown {
    fn add(&mut self, name: String) {
        if self.names.len() < MAX_UNKNOWN && self.known.insert(name.clone()) {
            self.names.push(name);
        }
    }
}

/// The columns' places by the keys of objects.
#[derive(Debug, Default)]
struct Keys {
    leaves: HashMap<String, usize>,
    inner: HashMap<String, Keys>,
}

/// A row, or why it is none.
pub struct Row<'a> {
    /// The line that it begins on.
    pub line: u64,
    /// As it stood.
    pub bytes: &'a [u8],
    /// The same as text.
    pub text: Result<&'a str, String>,
}

impl<R: Read> Rows<R> {
    /// Over `from`, whose columns or keys are those of `plan`; of objects, a dot leads into one within.
    pub fn new(from: R, shape: Shape, plan: &Plan) -> Self {
        let columns = &plan.sources;
        let mut keys = Keys::default();
        if matches!(shape, Shape::Lines | Shape::Objects) {
            columns.iter().enumerate().for_each(|(at, column)| keys.add(column, at));
        }
        let seen = vec![false; columns.len()];
        let around = plan.around.clone();
        // With text around it a record ends where the line does.
        let records = Records::new(from, if around.is_some() { Shape::Lines } else { shape });
        let null = plan.null.clone();
        Self { records, shape, around, null, width: columns.len(), keys, seen, unknown: Unknown::default() }
    }

    /// Skips the header line.
    pub fn skip(&mut self) -> io::Result<()> {
        self.records.read().map(drop)
    }

    /// The next row, and its cells in `into`.
    pub fn read(&mut self, into: &mut Cells) -> io::Result<Option<Row<'_>>> {
        let Some(Record { line, bytes, fault }) = self.records.read()? else { return Ok(None) };
        let text = match (fault, std::str::from_utf8(bytes)) {
            (Some(fault), _) => Err(fault.to_owned()),
            (None, Err(_)) => Err("not UTF-8".to_owned()),
            (None, Ok(text)) => within(text, self.around.as_ref(), self.shape).and_then(|text| {
                let Cells { cells, scratch } = &mut *into;
                let cut = match self.shape {
                    Shape::Csv(separator) => {
                        csv(text, separator, cells, scratch);
                        fit(cells.len(), self.width)
                    }
                    Shape::Tsv(separator) if tsv(text, separator, cells, scratch) => fit(cells.len(), self.width),
                    Shape::Tsv(_) => Err("a backslash that stands for nothing".to_owned()),
                    Shape::Lines | Shape::Objects => {
                        cells.clear();
                        cells.resize(self.width, Cell::Null);
                        scratch.clear();
                        let mut object = Object {
                            whole: text,
                            keys: &self.keys,
                            cells,
                            scratch,
                            unknown: &mut self.unknown,
                            prefix: String::new(),
                            twice: None,
                        };
                        match object.read(text) {
                            Ok(()) => match object.twice {
                                Some(key) => Err(format!("key {key:?} comes twice")),
                                None => Ok(()),
                            },
                            Err(error) => Err(format!("not a JSON object: {error}")),
                        }
                    }
                };
                if let Some(null) = &self.null {
                    cells.iter_mut().filter(|cell| is_bare(text, cell, null)).for_each(|cell| *cell = Cell::Null);
                }
                for (seen, cell) in self.seen.iter_mut().zip(&into.cells) {
                    *seen |= *cell != Cell::Null;
                }
                cut.map(|()| text)
            }),
        };
        Ok(Some(Row { line, bytes, text }))
    }
}

/// The record without what stands around it.
pub fn within<'a>(text: &'a str, around: Option<&(String, String)>, shape: Shape) -> Result<&'a str, String> {
    let Some((before, after)) = around else { return Ok(text) };
    let inner = text.strip_prefix(before.as_str()).ok_or_else(|| format!("does not begin with {before}"))?;
    let inner = inner.strip_suffix(after.as_str()).ok_or_else(|| format!("does not end with {after}"))?;
    match shape {
        Shape::Csv(separator) => is_whole(inner, separator).map(|()| inner).map_err(str::to_owned),
        Shape::Tsv(_) | Shape::Lines | Shape::Objects => Ok(inner),
    }
}

/// True for a cell that is this word, with no quotes around it.
fn is_bare(text: &str, cell: &Cell, word: &str) -> bool {
    let Cell::Here(range) = cell else { return false };
    let quoted = range.start.checked_sub(1).and_then(|at| text.as_bytes().get(at)) == Some(&b'"');
    !quoted && text.get(range.clone()) == Some(word)
}

fn fit(found: usize, width: usize) -> Result<(), String> {
    if found == width { Ok(()) } else { Err(format!("{found} fields, the header has {width}")) }
}

impl Keys {
    fn add(&mut self, path: &str, at: usize) {
        self.leaves.insert(path.to_owned(), at);
        if let Some((first, rest)) = path.split_once('.') {
            self.inner.entry(first.to_owned()).or_default().add(rest, at);
        }
    }
}

/// Reads an object into cells.
struct Object<'a> {
    whole: &'a str,
    keys: &'a Keys,
    cells: &'a mut Vec<Cell>,
    scratch: &'a mut String,
    unknown: &'a mut Unknown,
    prefix: String,
    twice: Option<String>,
}

impl Object<'_> {
    fn read(&mut self, text: &str) -> Result<(), serde_json::Error> {
        let mut json = serde_json::Deserializer::from_str(text);
        json.deserialize_any(&mut *self)?;
        json.end()
    }

    fn set(&mut self, key: &str, at: usize, raw: &RawValue) -> Result<(), serde_json::Error> {
        let text = raw.get();
        // The value borrows from the record, so its place there is known.
        let from = (text.as_ptr() as usize).wrapping_sub(self.whole.as_ptr() as usize);
        let cell = if text == "null" {
            Cell::Null
        } else if !text.starts_with('"') {
            Cell::Here(from..from + text.len())
        } else if memchr::memchr(b'\\', text.as_bytes()).is_none() {
            Cell::Here(from + 1..from + text.len() - 1)
        } else {
            let plain: String = serde_json::from_str(text)?;
            let begun = self.scratch.len();
            self.scratch.push_str(&plain);
            Cell::Scratch(begun..self.scratch.len())
        };
        match self.cells.get_mut(at) {
            Some(place) if *place == Cell::Null => *place = cell,
            _ => self.twice = Some(key.to_owned()),
        }
        Ok(())
    }

    /// Takes the value of a key, or of a place in a list.
    fn take(&mut self, key: &str, raw: &RawValue) -> Result<(), serde_json::Error> {
        let is_within = raw.get().starts_with(['{', '[']);
        if let Some(at) = self.keys.leaves.get(key) {
            return self.set(key, *at, raw);
        }
        let Some(inner) = self.keys.inner.get(key).filter(|_| is_within) else {
            self.unknown.add(format!("{}{key}", self.prefix));
            return Ok(());
        };
        let mut object = Object {
            whole: self.whole,
            keys: inner,
            cells: &mut *self.cells,
            scratch: &mut *self.scratch,
            unknown: &mut *self.unknown,
            prefix: format!("{}{key}.", self.prefix),
            twice: None,
        };
        object.read(raw.get())?;
        let twice = object.twice;
        self.twice = self.twice.take().or(twice);
        Ok(())
    }
}

impl<'de> Visitor<'de> for &mut Object<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<std::borrow::Cow<'de, str>>()? {
            let raw: &RawValue = map.next_value()?;
            self.take(&key, raw).map_err(serde::de::Error::custom)?;
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        if self.prefix.is_empty() {
            return Err(serde::de::Error::custom("a list"));
        }
        let mut at = 0_usize;
        while let Some(raw) = list.next_element::<&RawValue>()? {
            self.take(&at.to_string(), raw).map_err(serde::de::Error::custom)?;
            at += 1;
        }
        Ok(())
    }
}
