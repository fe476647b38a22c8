//! Which column of the table is filled from what of the file, and rows written by it.

use std::borrow::Cow;

use jiff::tz::TimeZone;
use sha2::{Digest as _, Sha256};

use super::column::{Column, Kind};
use super::mapping::{Full, Mapping};
use super::moment::Spelling;
use super::row::Cells;
use super::value::{Notes, Refusal, Style, write};

/// A column of the table and where its values come from.
#[derive(Clone, Debug)]
pub struct Target {
    /// The column.
    pub column: Column,
    /// Of the file; the first that is not empty counts.
    pub from: Vec<usize>,
    /// The same for every row, written already.
    constant: Option<Vec<u8>>,
    style: Style,
}

/// How rows of a file become rows of the table.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The file's columns.
    pub sources: Vec<String>,
    /// The table's columns that are filled.
    pub targets: Vec<Target>,
    time: Option<usize>,
    account: Option<usize>,
    id: Option<usize>,
    uuid: Option<usize>,
    /// The place at which a uuid of the row's contents is written.
    made: bool,
}

/// The table.
#[derive(Clone, Debug)]
pub struct Table {
    /// Its name.
    pub name: String,
    /// Its columns that can be inserted.
    pub columns: Vec<Column>,
    /// Its name for `time_start`.
    pub time: String,
    /// Its name for `customer_acc_id`.
    pub account: String,
}

impl Table {
    /// The column of that name.
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }
}

/// What tells a row from others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Key {
    /// Its id.
    Id(u64),
    /// Its uuid, or one made of its contents.
    Uuid(u128),
    /// Nothing.
    None,
}

/// A row that was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Written {
    /// Its `time_start`, seconds.
    pub time: i64,
    /// Its `customer_acc_id`.
    pub account: i128,
    /// What tells it from others.
    pub key: Key,
}

/// A row that is not stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reject {
    /// The column; empty where it is the record as a whole.
    pub column: String,
    /// The value and the reason.
    pub refusal: Refusal,
}

impl Plan {
    /// Matches the file's columns `sources` with those of the table. Says what is wrong with the mapping.
    pub fn new(
        table: &Table,
        sources: Vec<String>,
        mapping: &Mapping,
        set: &[(String, String)],
    ) -> Result<Self, String> {
        let zone = match &mapping.time_zone {
            Some(name) => TimeZone::get(name).map_err(|_unknown| format!("there is no time zone {name:?}"))?,
            None => TimeZone::UTC,
        };
        let times = Spelling { order: mapping.date_order, zone };
        let mut targets = Vec::new();
        for (name, _) in set {
            table.column(name).ok_or_else(|| format!("--set: {} has no column {name}", table.name))?;
        }
        for name in mapping.columns.keys() {
            table
                .column(name)
                .ok_or_else(|| format!("the mapping names a column {name}, which {} lacks", table.name))?;
        }
        for column in &table.columns {
            let given = set.iter().rev().find(|(name, _)| *name == column.name).map(|(_, value)| value.clone());
            let mapped = mapping.columns.get(&column.name).map(super::mapping::Source::full);
            let full = mapped.clone().unwrap_or_default();
            let mut names: Vec<&str> = full.from.list().iter().map(String::as_str).collect();
            if mapped.is_none() && !mapping.only {
                names.push(&column.name);
            }
            let from: Vec<usize> =
                names.iter().filter_map(|name| sources.iter().position(|source| source == name)).collect();
            let style = style(&full, mapping, &times);
            let value = given.or_else(|| full.value.as_ref().map(super::mapping::Scalar::text));
            let constant = match value {
                None => None,
                Some(value) => {
                    let mut bytes = Vec::new();
                    let plain = Style { words: Vec::new(), unit: None, ..style.clone() };
                    write(column, Some(&value), &plain, &mut Notes::default(), &mut bytes)
                        .map_err(|refusal| format!("--set {}: {}: {}", column.name, refusal.value, refusal.why))?;
                    Some(bytes)
                }
            };
            if constant.is_some() || !from.is_empty() {
                targets.push(Target { column: column.clone(), from, constant, style });
            }
        }
        let mut plan = Self { sources, targets, time: None, account: None, id: None, uuid: None, made: false };
        plan.index(table);
        Ok(plan)
    }

    /// Leaves out columns of which the file has had no value, so that they have the table's default.
    pub fn without_unseen(&mut self, table: &Table, seen: &[bool]) {
        let any = |target: &Target| target.from.iter().any(|at| seen.get(*at).copied().unwrap_or(false));
        self.targets.retain(|target| target.constant.is_some() || target.style.default.is_some() || any(target));
        self.index(table);
    }

    fn index(&mut self, table: &Table) {
        let place = |name: &str| self.targets.iter().position(|target| target.column.name == name);
        let (time, account, id, uuid) = (place(&table.time), place(&table.account), place("id"), place("uuid"));
        let kind = |at: &usize| self.targets.get(*at).and_then(|target| target.column.kind.clone());
        let id = id.filter(|at| matches!(kind(at), Some(Kind::Integer { bytes: ..=8, .. })));
        let uuid = uuid.filter(|at| kind(at) == Some(Kind::Uuid));
        // A uuid of the contents goes to where the file has none, if the table has the column.
        let made = id.is_none() && table.column("uuid").is_some_and(|column| column.kind == Some(Kind::Uuid));
        (self.time, self.account, self.id, self.uuid, self.made) = (time, account, id, uuid, made);
    }

    /// The file's columns that fill none of the table's.
    pub fn unused(&self) -> impl Iterator<Item = &str> {
        let used = |at: usize| self.targets.iter().any(|target| target.from.contains(&at));
        self.sources.iter().enumerate().filter(move |(at, _)| !used(*at)).map(|(_, source)| source.as_str())
    }

    /// True if the column is filled.
    pub fn fills(&self, name: &str) -> bool {
        self.targets.iter().any(|target| target.column.name == name)
    }

    /// True where rows are told apart by their contents.
    pub fn by_contents(&self) -> bool {
        self.made && self.uuid.is_none()
    }

    /// The columns in the order in which rows are written.
    pub fn columns(&self) -> Vec<&str> {
        let made = if self.by_contents() { Some("uuid") } else { None };
        self.targets.iter().map(|target| target.column.name.as_str()).chain(made).collect()
    }

    /// Writes a row behind `out`; `defaults` counts, by target, rows that have the column's default.
    pub fn write(
        &self,
        cells: &Cells,
        record: &str,
        notes: &mut Notes,
        defaults: &mut [u64],
        out: &mut Vec<u8>,
    ) -> Result<Written, Reject> {
        let begun = out.len();
        let row = self.row(cells, record, notes, defaults, out);
        if row.is_err() {
            out.truncate(begun);
        }
        row
    }

    fn row(
        &self,
        cells: &Cells,
        record: &str,
        notes: &mut Notes,
        defaults: &mut [u64],
        out: &mut Vec<u8>,
    ) -> Result<Written, Reject> {
        let (mut time, mut account, mut id, mut uuid) = (0, 0, None, None);
        let mut contents = self.made.then(Sha256::new);
        let mut uuid_at = None;
        for (at, target) in self.targets.iter().enumerate() {
            let from = out.len();
            let is = Some(at);
            if let Some(constant) = &target.constant {
                out.extend_from_slice(constant);
            } else {
                let text =
                    target.from.iter().filter_map(|cell| cells.text(record, *cell)).find(|text| !text.is_empty());
                let refused = |refusal| Reject { column: target.column.name.clone(), refusal };
                let default = write(&target.column, text, &target.style, notes, out).map_err(refused)?;
                if default {
                    if is == self.time || is == self.account {
                        return Err(refused(Refusal { value: String::new(), why: "empty".into() }));
                    }
                    if let Some(count) = defaults.get_mut(at) {
                        *count += 1;
                    }
                }
                if let Some(contents) = &mut contents
                    && !default
                {
                    contents.update(target.column.name.as_bytes());
                    contents.update(out.get(from..).unwrap_or_default());
                }
            }
            let flags = 1 + usize::from(target.column.nullable);
            let bytes = out.get(from + flags..).unwrap_or_default();
            let number = || target.column.kind.as_ref().and_then(|kind| kind.number(bytes));
            if is == self.time {
                time = number().and_then(|seconds| i64::try_from(seconds).ok()).unwrap_or(0);
            } else if is == self.account {
                account = number().unwrap_or(0);
            } else if is == self.id {
                id = number().filter(|id| *id != 0).map(|id| Key::Id(id as u64));
            } else if is == self.uuid {
                uuid_at = Some(from);
                uuid =
                    <[u8; 16]>::try_from(bytes).ok().map(u128::from_le_bytes).filter(|uuid| *uuid != 0).map(Key::Uuid);
            }
        }
        let key = match (id.or(uuid), contents) {
            (Some(key), _) => key,
            (None, Some(contents)) => {
                let digest = contents.finalize();
                let mut bytes = [0; 16];
                bytes.copy_from_slice(digest.get(..16).unwrap_or(&[0; 16]));
                let (high, low) = uuid::Builder::from_custom_bytes(bytes).into_uuid().as_u64_pair();
                let mut value = [0; 17];
                value[1..9].copy_from_slice(&high.to_le_bytes());
                value[9..].copy_from_slice(&low.to_le_bytes());
                match uuid_at {
                    None => out.extend_from_slice(&value),
                    Some(at) => {
                        let length = if out.get(at) == Some(&1) { 1 } else { 17 };
                        out.splice(at..at + length, value);
                    }
                }
                let mut wide = [0; 16];
                wide.copy_from_slice(&value[1..]);
                Key::Uuid(u128::from_le_bytes(wide))
            }
            (None, None) => Key::None,
        };
        // Where all rows are told apart by contents, that uuid is the last column; ids of some do without it.
        if self.by_contents() && !matches!(key, Key::Uuid(_)) {
            out.push(1);
        }
        Ok(Written { time, account, key })
    }
}

fn style(full: &Full, mapping: &Mapping, times: &Spelling) -> Style {
    Style {
        times: times.clone(),
        unit: full.unit,
        rounding: full.round.map(Into::into).unwrap_or_default(),
        decimal_comma: mapping.decimal_comma,
        words: full.words.iter().map(|(word, value)| (word.clone(), value.text())).collect(),
        default: full.default.as_ref().map(super::mapping::Scalar::text),
    }
}

impl Reject {
    /// A record that is none.
    pub fn record(why: String) -> Self {
        Self { column: String::new(), refusal: Refusal { value: String::new(), why: Cow::Owned(why) } }
    }

    /// The reason with the value.
    pub fn reason(&self) -> String {
        match &*self.refusal.value {
            "" => self.refusal.why.clone().into_owned(),
            value => format!("{value}: {}", self.refusal.why),
        }
    }
}
