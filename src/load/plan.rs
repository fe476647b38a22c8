//! Which column of the table is filled from what of the file.

use std::collections::BTreeMap;

use super::column::{ColumnType, TargetColumn};
use super::form::TimeForm;
use super::mapping::Mapping;
use super::moment::Spelling;
use super::odd::{OddColumns, OddRows};
use super::target::Target;
pub use super::target::place;
pub use super::written::{Reject, RowKey, Written};
use crate::odd::{AHEAD, now};

/// The way from rows of a file to rows of the table.
#[derive(Clone, Debug)]
pub struct LoadPlan {
    /// The file's columns.
    pub sources: Vec<String>,
    /// The table's columns that are filled.
    pub targets: Vec<Target>,
    pub(super) time: Option<usize>,
    pub(super) account: Option<usize>,
    pub(super) id: Option<usize>,
    pub(super) uuid: Option<usize>,
    /// The table has a uuid for rows that nothing else tells apart; true if it may be null.
    pub(super) made: Option<bool>,
    /// Text before and behind each record.
    pub around: Option<(String, String)>,
    /// The word that stands for nothing.
    pub null: Option<String>,
    /// The file's columns have types of their own.
    pub is_typed: bool,
    /// A text has a default of the table's own.
    has_default_text: bool,
    /// Columns of the file that tell calls from other rows: their words, true for calls.
    pub(super) calls: Vec<(usize, BTreeMap<String, bool>)>,
    /// The kinds of odd rows.
    pub(super) odd: OddRows,
}

/// The table.
#[derive(Clone, Debug)]
pub struct TargetTable {
    /// Its name.
    pub name: String,
    /// Its columns that can be inserted.
    pub columns: Vec<TargetColumn>,
    /// Its name for `time_start`.
    pub time: String,
    /// Its name for `customer_acc_id`.
    pub account: String,
    /// Its name for `id`.
    pub id: String,
    /// Columns whose default is not that of their type.
    pub defaulted: Vec<String>,
    /// Columns by which odd rows are seen, where they are looked for.
    pub odd: Option<OddColumns>,
}

impl TargetTable {
    /// A table with the names of the columns that rows are found by.
    pub fn of(name: &str, columns: Vec<TargetColumn>, time: &str, account: &str) -> Self {
        Self {
            name: name.into(),
            columns,
            time: time.into(),
            account: account.into(),
            id: "id".into(),
            defaulted: Vec::new(),
            odd: None,
        }
    }

    /// The column of that name.
    pub fn column(&self, name: &str) -> Option<&TargetColumn> {
        self.columns.iter().find(|column| column.name == name)
    }
}

impl LoadPlan {
    /// Matches the file's columns `sources` with those of the table. Says what is wrong with the mapping.
    pub fn new(
        table: &TargetTable,
        sources: Vec<String>,
        mapping: &Mapping,
        set: &[(String, String)],
    ) -> Result<Self, String> {
        let zone = mapping.zone()?;
        let form = mapping.time_format.as_deref().map(TimeForm::new).transpose()?;
        let latest = now().saturating_add(AHEAD);
        let times = Spelling { form, order: mapping.date_order, zone, latest };
        let mut targets = Vec::new();
        for (at, (name, _)) in set.iter().enumerate() {
            if set.iter().take(at).any(|(before, _)| before == name) {
                return Err(format!("--set: {name} comes twice"));
            }
            table.column(name).ok_or_else(|| format!("--set: {} has no column {name}", table.name))?;
        }
        for name in mapping.columns.keys() {
            table
                .column(name)
                .ok_or_else(|| format!("the mapping names a column {name}, which {} lacks", table.name))?;
        }
        for column in &table.columns {
            let given = set.iter().rev().find(|(name, _)| *name == column.name).map(|(_, value)| value.as_str());
            let mut target = Target::new(column, &sources, mapping, given, &times)?;
            target.iter_mut().for_each(|target| target.has_own_default = table.defaulted.contains(&column.name));
            targets.extend(target);
        }
        let calls = mapping.rows.iter().filter_map(|(name, words)| Some((place(&sources, name)?, words.clone())));
        let calls = calls.collect();
        let around = match (&mapping.before, &mapping.after) {
            (None, None) => None,
            (before, after) => Some((before.clone().unwrap_or_default(), after.clone().unwrap_or_default())),
        };
        let null = mapping.null.clone();
        let (time, account, id, uuid, made) = (None, None, None, None, None);
        let mut plan = Self {
            sources,
            targets,
            time,
            account,
            id,
            uuid,
            made,
            around,
            null,
            is_typed: false,
            has_default_text: false,
            calls,
            odd: OddRows::default(),
        };
        plan.index(table);
        Ok(plan)
    }

    /// Leaves out columns of which the file has had no value, so that they have the table's default.
    pub fn without_unseen(&mut self, table: &TargetTable, seen: &[bool]) {
        let any = |target: &Target| target.from.iter().any(|at| seen.get(*at).copied().unwrap_or(false));
        self.targets.retain(|target| target.is_filled_anyway() || any(target));
        self.index(table);
    }

    /// True if rows without a value in the columns that `fewer` lacks are stored alike by both.
    pub fn writes_like(&self, fewer: &Self, table: &TargetTable) -> bool {
        let same = |target: &Target| {
            let column = &target.column;
            fewer.fills(&column.name) || !(column.nullable && table.defaulted.contains(&column.name))
        };
        self.targets.iter().all(same)
    }

    /// The same of what a row is known and counted by alone.
    pub fn of_keys(&self) -> Self {
        let places = [self.time, self.account, self.id, self.uuid];
        let odd = (0..self.targets.len()).filter(|at| self.odd.reads(*at));
        let mut kept: Vec<usize> = places.iter().copied().flatten().chain(odd).collect();
        kept.sort_unstable();
        kept.dedup();
        let moved = |place: Option<usize>| place.and_then(|place| kept.binary_search(&place).ok());
        let [time, account, id, uuid] = places.map(moved);
        let targets = kept.iter().filter_map(|at| self.targets.get(*at).cloned()).collect();
        let odd = self.odd.of(&kept);
        Self { targets, time, account, id, uuid, odd, made: None, calls: Vec::new(), ..self.clone() }
    }

    /// True where each row is stored, whatever kind it is, and rows without a value in a text have the type's default.
    pub fn takes_blocks(&self) -> bool {
        self.is_typed && self.calls.is_empty() && !self.has_default_text
    }

    /// True where the contents of rows without an id have to be known.
    pub fn makes_keys(&self) -> bool {
        self.made.is_some()
    }

    fn index(&mut self, table: &TargetTable) {
        let is_text = |target: &Target| target.column.kind == Some(ColumnType::Text);
        self.has_default_text =
            self.targets.iter().any(|target| is_text(target) && table.defaulted.contains(&target.column.name));
        let place = |name: &str| self.targets.iter().position(|target| target.column.name == name);
        let (time, account, id, uuid) = (place(&table.time), place(&table.account), place(&table.id), place("uuid"));
        let kind = |at: &usize| self.targets.get(*at).and_then(|target| target.column.kind.clone());
        let tells =
            |kind| matches!(kind, Some(ColumnType::Integer { bytes: ..=8, .. } | ColumnType::Text | ColumnType::Uuid));
        let id = id.filter(|at| tells(kind(at)));
        let uuid = uuid.filter(|at| kind(at) == Some(ColumnType::Uuid));
        // A uuid of the contents goes to where the file has none, if the table has the column.
        let made =
            table.column("uuid").filter(|column| column.kind == Some(ColumnType::Uuid)).map(|column| column.nullable);
        (self.time, self.account, self.id, self.uuid, self.made) = (time, account, id, uuid, made);
        self.odd = OddRows::new(table, &self.targets);
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

    /// True where rows have a column more, for the uuid of those that only their contents tell apart.
    pub(super) fn adds_uuid(&self) -> bool {
        self.made.is_some() && self.uuid.is_none()
    }

    /// The columns in the order in which rows are written.
    pub fn columns(&self) -> Vec<&str> {
        let made = if self.adds_uuid() { Some("uuid") } else { None };
        self.targets.iter().map(|target| target.column.name.as_str()).chain(made).collect()
    }
}
