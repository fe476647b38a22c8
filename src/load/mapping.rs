//! Mappings of other systems' files: their columns' names, units, words, zone. TOML, given by `--map` and by flags.

use std::collections::BTreeMap;
use std::fmt;

use jiff::tz::TimeZone;
use serde::de::value::MapAccessDeserializer;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::duration::Unit;
use super::moment::DateOrder;
use super::number::Rounding;
use super::read::Reader;
use super::target::place;

/// The form of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// Fields between commas or another separator
    Csv,
    /// Fields between tabs
    Tsv,
    /// JSON: an object a line, objects over several lines, or an array of them
    Json,
    /// Parquet
    Parquet,
    /// ClickHouse's own
    Native,
}

/// The description of a file besides its name.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Mapping {
    /// A ready mapping that holds where this one says nothing.
    pub base: Option<String>,
    /// Instead of what the name says.
    pub format: Option<Format>,
    /// Between fields.
    pub separator: Option<char>,
    /// The columns of a file without a header line.
    pub header: Option<Header>,
    /// Text that each record begins with, before its first field.
    pub before: Option<String>,
    /// Text that each record ends with, behind its last field.
    pub after: Option<String>,
    /// The word that stands for nothing, without quotes around it.
    pub null: Option<String>,
    /// Of times that name none; UTC.
    pub time_zone: Option<String>,
    /// The system writes its own local time, so that the zone has to be said.
    pub local_times: bool,
    /// Times that name no zone are refused while none is said.
    pub needs_zone: bool,
    /// A form of strftime's that times may have besides the usual ones.
    pub time_format: Option<String>,
    /// Of dates such as 07/03/2026.
    pub date_order: Option<DateOrder>,
    /// `0,25` is a quarter.
    pub decimal_comma: bool,
    /// Columns of the file that carry a name of ours but mean something else are not taken by that name.
    pub only: bool,
    /// Columns of the file that are not loaded and not worth a word; a `*` at the end stands for anything.
    pub ignore: Vec<String>,
    /// Columns of the file that tell calls from other rows: their words, true for calls; `*` is any other word.
    pub rows: BTreeMap<String, BTreeMap<String, bool>>,
    /// Columns of the file without which it is refused.
    pub needs: Vec<String>,
    /// Said before anything is stored.
    pub note: Option<String>,
    /// Our columns.
    pub columns: BTreeMap<String, ColumnSource>,
    /// Our columns, and the file's in `rows`, that a mapping of the caller's names: ready ones name what some files lack.
    #[serde(skip)]
    pub own: OwnNames,
}

/// Names that stand in a mapping of the caller's.
#[derive(Clone, Debug, Default)]
pub struct OwnNames {
    /// Our columns.
    pub columns: Vec<String>,
    /// The file's columns that tell calls from other rows.
    pub rows: Vec<String>,
}

/// The columns of a file without a header line.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged, expecting = "a list of columns, or one list for each number of columns")]
pub enum Header {
    /// These.
    One(Vec<String>),
    /// The list that has as many as the file.
    ByWidth(Vec<Vec<String>>),
}

/// Where the values of a column come from.
#[derive(Clone, Debug)]
pub enum ColumnSource {
    /// The file's column.
    Name(String),
    /// That and how it is spelled.
    Full(Box<Full>),
}

impl<'de> Deserialize<'de> for ColumnSource {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(SourceVisitor)
    }
}

/// Tells a name from a table, so that faults within the table are told by their key.
struct SourceVisitor;

impl<'de> Visitor<'de> for SourceVisitor {
    type Value = ColumnSource;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a column of the file, or a table such as { from = \"column\" }")
    }

    fn visit_str<E: serde::de::Error>(self, name: &str) -> Result<ColumnSource, E> {
        Ok(ColumnSource::Name(name.to_owned()))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<ColumnSource, A::Error> {
        Full::deserialize(MapAccessDeserializer::new(map)).map(|full| ColumnSource::Full(Box::new(full)))
    }
}

/// A column's source with everything about it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Full {
    /// The file's columns; the first that is not empty counts.
    pub from: Names,
    /// All of them count instead, with this between them.
    pub join: Option<String>,
    /// Steps that take a part of the text, one after the other.
    pub read: Readers,
    /// A column that is added: a duration to a time, a number to a number.
    pub plus: Option<String>,
    /// A column that is taken away: a time from a time, a duration from a time, a number from a number.
    pub minus: Option<String>,
    /// A column that has to be there and not 0; otherwise the file has nothing.
    pub when: Option<String>,
    /// The same for every row.
    pub value: Option<Scalar>,
    /// Of durations.
    pub unit: Option<Unit>,
    /// Where the unit gives a fraction: `half`, `up` or `down`.
    pub round: Option<Round>,
    /// Words and what they stand for.
    pub words: BTreeMap<String, Scalar>,
    /// Where the file has nothing.
    pub default: Option<Scalar>,
}

/// One reader or several.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged, expecting = "readers: sip_user, name, url, bare, uuid, positive, given; one or a list of them")]
pub enum Readers {
    /// One.
    One(Reader),
    /// Several.
    Many(Vec<Reader>),
}

impl Default for Readers {
    fn default() -> Self {
        Self::Many(Vec::new())
    }
}

impl Readers {
    /// All of them.
    pub fn list(&self) -> &[Reader] {
        match self {
            Self::One(reader) => std::slice::from_ref(reader),
            Self::Many(readers) => readers,
        }
    }
}

/// One name or several.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged, expecting = "a column of the file or a list of them")]
pub enum Names {
    /// One.
    One(String),
    /// Several.
    Many(Vec<String>),
}

impl Default for Names {
    fn default() -> Self {
        Self::Many(Vec::new())
    }
}

/// A number, a word or a text of a mapping.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged, expecting = "a number, a text, true or false")]
pub enum Scalar {
    /// `true`
    Truth(bool),
    /// `5`
    Whole(i64),
    /// `0.5`
    Fraction(f64),
    /// `"5"`
    Text(String),
}

/// Words for [`Rounding`].
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Round {
    /// To the nearest.
    Half,
    /// Begun seconds count whole.
    Up,
    /// Seconds that are over count.
    Down,
}

impl From<Round> for Rounding {
    fn from(round: Round) -> Self {
        match round {
            Round::Half => Self::HalfUp,
            Round::Up => Self::Up,
            Round::Down => Self::Down,
        }
    }
}

impl Scalar {
    /// As a file would have it.
    pub fn text(&self) -> String {
        match self {
            Self::Truth(value) => value.to_string(),
            Self::Whole(value) => value.to_string(),
            Self::Fraction(value) => value.to_string(),
            Self::Text(value) => value.clone(),
        }
    }
}

impl ColumnSource {
    /// In full.
    pub fn full(&self) -> Full {
        match self {
            Self::Name(name) => Full { from: Names::One(name.clone()), ..Full::default() },
            Self::Full(full) => (**full).clone(),
        }
    }
}

impl Names {
    /// All of them.
    pub fn list(&self) -> &[String] {
        match self {
            Self::One(name) => std::slice::from_ref(name),
            Self::Many(names) => names,
        }
    }
}

/// True for texts that differ in case at most, in whatever script.
pub fn same_letters(one: &str, other: &str) -> bool {
    one.eq_ignore_ascii_case(other)
        || !(one.is_ascii() && other.is_ascii()) && one.to_lowercase() == other.to_lowercase()
}

/// The value of a word: that of the same letters, else of the one word that differs from it in case alone.
pub fn behind<'a, T>(words: impl Iterator<Item = (&'a str, T)>, text: &str) -> Option<T> {
    let (mut alike, mut others) = (None, 0);
    for (word, value) in words {
        if word == text {
            return Some(value);
        }
        if same_letters(word, text) {
            alike = Some(value);
            others += 1;
        }
    }
    alike.filter(|_| others == 1)
}

impl Full {
    /// Every column of the file that it reads.
    pub fn reads(&self) -> impl Iterator<Item = &String> {
        let one = [&self.plus, &self.minus, &self.when];
        self.from.list().iter().chain(one.into_iter().flatten())
    }

    /// The first contradiction, or key without a meaning.
    pub fn fault(&self) -> Option<&'static str> {
        let has_source = !self.from.list().is_empty();
        if self.value.is_some() && has_source {
            return Some("has both value and from: which one counts?");
        }
        if self.plus.is_some() && self.minus.is_some() {
            return Some("has both plus and minus: only one can be read");
        }
        if self.words.contains_key("") {
            return Some("has a word without a letter: default says what an empty field stands for");
        }
        let needs = [
            (self.plus.is_some(), "has plus, but no from to add it to"),
            (self.minus.is_some(), "has minus, but no from to take it from"),
            (self.join.is_some(), "has join, but no from"),
            (!self.read.list().is_empty(), "has read, but no from"),
            (self.when.is_some(), "has when, but no from"),
            (!self.words.is_empty(), "has words, but no from"),
            (self.unit.is_some(), "has unit, but no from"),
        ];
        let lacking = needs.into_iter().find(|(is_set, _)| *is_set && !has_source).map(|(_, why)| why);
        let is_empty = !has_source && self.value.is_none() && self.default.is_none();
        lacking.or_else(|| is_empty.then_some("has neither from nor value nor default"))
    }
}

/// Columns that a mapping names and a file lacks.
#[derive(Clone, Debug)]
pub struct Absent {
    /// Those without which rows would be stored that are no calls, or as other calls.
    pub needed: Vec<String>,
    /// By our column.
    pub columns: Vec<(String, Vec<String>)>,
}

impl Mapping {
    /// The same for a file whose numbers are numbers, spelled by nobody.
    pub fn of_typed(&self) -> Self {
        Self { decimal_comma: false, ..self.clone() }
    }

    /// The zone of times that name none; an unknown one where it has to be said.
    pub fn zone(&self) -> Result<TimeZone, String> {
        let Some(name) = &self.time_zone else {
            return Ok(if self.needs_zone { TimeZone::unknown() } else { TimeZone::UTC });
        };
        TimeZone::get(name).map_err(|_unknown| format!("there is no time zone {name:?}"))
    }

    /// Refuses a mark that cannot stand between fields: quotes, backslashes and line ends mean something else there.
    pub fn check_separator(&self) -> Result<(), String> {
        match self.separator {
            Some(mark) if !mark.is_ascii() || matches!(mark, '"' | '\\' | '\n' | '\r' | '\0') => Err(format!(
                "separator {mark:?} cannot stand between fields: it is a character of one byte, and no quote, backslash or line end"
            )),
            Some(_) | None => Ok(()),
        }
    }

    /// The file's columns that a mapping of the caller's names and that are not among `sources`, with what they were to fill.
    pub fn absent(&self, sources: &[String]) -> Absent {
        let is_there = |name: &String| place(sources, name).is_some();
        let columns = self.own.columns.iter().filter_map(|column| {
            let full = self.columns.get(column)?.full();
            let from = full.from.list();
            // Of columns that are joined each is part of the value; of others the first that is there will do.
            let lacks_all = !from.is_empty() && !from.iter().any(is_there);
            let is_lacked = |name: &&String| lacks_all || full.join.is_some() && !is_there(name);
            let others = [&full.plus, &full.minus, &full.when].into_iter().flatten().filter(|name| !is_there(name));
            let names: Vec<String> = from.iter().filter(is_lacked).chain(others).cloned().collect();
            (!names.is_empty()).then(|| (column.clone(), names))
        });
        let needed = self.own.rows.iter().chain(&self.needs).filter(|name| !is_there(name));
        Absent { needed: needed.cloned().collect(), columns: columns.collect() }
    }

    /// True for columns of the file that are left out without a word.
    pub fn ignores(&self, name: &str) -> bool {
        self.ignore.iter().any(|pattern| match pattern.strip_suffix('*') {
            Some(begin) => name.starts_with(begin),
            None => same_letters(pattern, name),
        })
    }
}
