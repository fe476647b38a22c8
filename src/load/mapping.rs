//! How a file of another system is read: its columns' names, units, words, zone. TOML, given by `--map` and by flags.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;

use super::moment::DateOrder;
use super::number::Rounding;
use super::value::Unit;

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

/// What is said about a file besides its name.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Mapping {
    /// Instead of what the name says.
    pub format: Option<Format>,
    /// Between fields.
    pub separator: Option<char>,
    /// The columns of a file without a header line.
    pub header: Option<Vec<String>>,
    /// Of times that name none; UTC.
    pub time_zone: Option<String>,
    /// Of dates such as 07/03/2026.
    pub date_order: Option<DateOrder>,
    /// `0,25` is a quarter.
    pub decimal_comma: bool,
    /// Columns of the file that carry a name of ours but mean something else are not taken by that name.
    pub only: bool,
    /// Our columns.
    pub columns: BTreeMap<String, Source>,
}

/// Where the values of a column come from.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub enum Source {
    /// The file's column.
    Name(String),
    /// That and how it is spelled.
    Full(Box<Full>),
}

/// A column's source with everything about it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Full {
    /// The file's columns; the first that is not empty counts.
    pub from: Names,
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

/// One name or several.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
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
#[serde(untagged)]
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

impl Source {
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

/// Mappings that come with the program.
const READY: &[(&str, &str)] = &[("yeti", include_str!("mappings/yeti.toml"))];

impl Mapping {
    /// The ready one of that name, or the file's.
    pub fn load(name: &str) -> Result<Self, String> {
        let text = match READY.iter().find(|(ready, _)| *ready == name) {
            Some((_, text)) => (*text).to_owned(),
            None => std::fs::read_to_string(Path::new(name)).map_err(|error| {
                let ready: Vec<_> = READY.iter().map(|(name, _)| *name).collect();
                format!("--map {name}: no ready mapping ({}) and no file: {error}", ready.join(", "))
            })?,
        };
        toml::from_str(&text).map_err(|error| format!("--map {name}: {}", error.to_string().trim_end()))
    }
}
