//! Which column of the table is filled from what of the file, and rows written by it.

use std::borrow::Cow;
use std::collections::BTreeMap;

use sha2::{Digest as _, Sha256};

use super::column::{Column, Kind};
use super::mapping::Mapping;
use super::moment::Spelling;
use super::row::Cells;
use super::target::Target;
pub use super::target::place;
use super::value::{Notes, Refusal, quoted};

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
    /// Text before and behind each record.
    pub around: Option<(String, String)>,
    /// The word that stands for nothing.
    pub null: Option<String>,
    /// Columns of the file that tell calls from other rows: their words, true for calls.
    calls: Vec<(usize, BTreeMap<String, bool>)>,
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
    /// Its name for `id`.
    pub id: String,
}

impl Table {
    /// A table with the names of the columns that rows are found by.
    pub fn of(name: &str, columns: Vec<Column>, time: &str, account: &str) -> Self {
        Self { name: name.into(), columns, time: time.into(), account: account.into(), id: "id".into() }
    }

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
    /// The mapping says that such rows are no calls.
    pub is_left_out: bool,
}

impl Plan {
    /// Matches the file's columns `sources` with those of the table. Says what is wrong with the mapping.
    pub fn new(
        table: &Table,
        sources: Vec<String>,
        mapping: &Mapping,
        set: &[(String, String)],
    ) -> Result<Self, String> {
        let zone = mapping.zone()?;
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
            let given = set.iter().rev().find(|(name, _)| *name == column.name).map(|(_, value)| value.as_str());
            targets.extend(Target::new(column, &sources, mapping, given, &times)?);
        }
        let calls = mapping.rows.iter().filter_map(|(name, words)| Some((place(&sources, name)?, words.clone())));
        let calls = calls.collect();
        let around = match (&mapping.before, &mapping.after) {
            (None, None) => None,
            (before, after) => Some((before.clone().unwrap_or_default(), after.clone().unwrap_or_default())),
        };
        let null = mapping.null.clone();
        let (time, account, id, uuid, made) = (None, None, None, None, false);
        let mut plan = Self { sources, targets, time, account, id, uuid, made, around, null, calls };
        plan.index(table);
        Ok(plan)
    }

    /// Leaves out columns of which the file has had no value, so that they have the table's default.
    pub fn without_unseen(&mut self, table: &Table, seen: &[bool]) {
        let any = |target: &Target| target.from.iter().any(|at| seen.get(*at).copied().unwrap_or(false));
        self.targets.retain(|target| target.is_filled_anyway() || any(target));
        self.index(table);
    }

    fn index(&mut self, table: &Table) {
        let place = |name: &str| self.targets.iter().position(|target| target.column.name == name);
        let (time, account, id, uuid) = (place(&table.time), place(&table.account), place(&table.id), place("uuid"));
        let kind = |at: &usize| self.targets.get(*at).and_then(|target| target.column.kind.clone());
        let id = id.filter(|at| matches!(kind(at), Some(Kind::Integer { bytes: ..=8, .. })));
        let uuid = uuid.filter(|at| kind(at) == Some(Kind::Uuid));
        // A uuid of the contents goes to where the file has none, if the table has the column.
        let made = id.is_none() && table.column("uuid").is_some_and(|column| column.kind == Some(Kind::Uuid));
        (self.time, self.account, self.id, self.uuid, self.made) = (time, account, id, uuid, made);
    }

    /// The file's columns that fill none of the table's.
    pub fn unused(&self) -> impl Iterator<Item = &str> {
        let used = |at: usize| {
            self.targets.iter().any(|target| target.reads(at)) || self.calls.iter().any(|(call, _)| *call == at)
        };
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
        for (at, words) in &self.calls {
            let text = cells.text(record, *at).unwrap_or_default().trim();
            let known = words.iter().find(|(word, _)| word.eq_ignore_ascii_case(text));
            let (why, is_left_out) = match known.map(|(_, is_call)| is_call).or_else(|| words.get("*")) {
                Some(true) => continue,
                Some(false) => (format!("is {}", quoted(text)), true),
                None => (format!("{}: no word that the mapping knows", quoted(text)), false),
            };
            let refusal = Refusal { value: String::new(), why: why.into() };
            let column = self.sources.get(*at).cloned().unwrap_or_default();
            return Err(Reject { column, refusal, is_left_out });
        }
        let (mut time, mut account, mut id, mut uuid) = (0, 0, None, None);
        let mut contents = self.made.then(Sha256::new);
        let mut uuid_at = None;
        for (at, target) in self.targets.iter().enumerate() {
            let from = out.len();
            let is = Some(at);
            if let Some(constant) = target.constant() {
                out.extend_from_slice(constant);
            } else {
                let refused = |refusal| Reject { column: target.column.name.clone(), refusal, is_left_out: false };
                let default = target.write(cells, record, notes, out).map_err(refused)?;
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

impl Reject {
    /// A record that is none.
    pub fn record(why: String) -> Self {
        let refusal = Refusal { value: String::new(), why: Cow::Owned(why) };
        Self { column: String::new(), refusal, is_left_out: false }
    }

    /// The reason with the value.
    pub fn reason(&self) -> String {
        match &*self.refusal.value {
            "" => self.refusal.why.clone().into_owned(),
            value => format!("{value}: {}", self.refusal.why),
        }
    }
}
