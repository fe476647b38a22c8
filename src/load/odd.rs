//! Rows of a file that are stored as they are, though they cannot be what a switch meant: seen while they are checked, by the
//! definitions of [`crate::odd`].

use super::column::ColumnType;
use super::plan::TargetTable;
use super::target::Target;
use crate::config::Config;
use crate::odd::decide::Decider;
use crate::odd::now;
use crate::odd::strict::Constraints;

/// The table's columns that kinds of odd rows look at.
#[derive(Clone, Debug)]
pub struct OddColumns {
    /// The name of the kinds, and that of the table.
    names: Vec<(&'static str, String)>,
    /// The longest duration.
    max_seconds: i64,
    /// Kinds that the table refuses.
    refused: Vec<String>,
}

impl OddColumns {
    /// The columns as the settings name them; those of an expression are none that a file could fill.
    pub fn new(config: &Config, name: impl Fn(&str) -> String) -> Self {
        let names = Decider::columns().map(|column| (column, name(column))).collect();
        Self { names, max_seconds: i64::from(config.checks.max_duration_days) * 86_400, refused: Vec::new() }
    }

    /// The same of a table with constraints: what it refuses is judged by its own bound.
    pub fn refusing(self, constraints: Constraints) -> Self {
        let Constraints { kinds, max_seconds } = constraints;
        Self { refused: kinds, max_seconds: max_seconds.unwrap_or(self.max_seconds), ..self }
    }
}

/// The odd kinds over the rows that a plan writes.
#[derive(Clone, Debug, Default)]
pub struct OddRows {
    decider: Decider,
    /// Bits of the kinds that the table refuses.
    refused: u16,
    /// By target, its place among the values.
    places: Vec<Option<usize>>,
    /// The values of a row of which the file says nothing.
    initial: Vec<Option<i128>>,
}

/// Rows of a kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OddCount {
    /// The fault, as a clause behind "rows".
    pub says: &'static str,
    /// Their number.
    pub rows: u64,
    /// The line of the first; 0 where there is none.
    pub first: u64,
}

impl OddCount {
    /// Counts the row of a line.
    pub fn add(&mut self, line: u64) {
        self.join(Self { rows: 1, first: line, ..*self });
    }

    /// Adds rows of a later part.
    pub fn join(&mut self, other: Self) {
        if self.rows == 0 {
            self.first = other.first;
        }
        self.rows += other.rows;
    }
}

impl OddRows {
    /// Over these targets of a table.
    pub fn new(table: &TargetTable, targets: &[Target]) -> Self {
        let Some(OddColumns { names, max_seconds, refused }) = &table.odd else { return Self::default() };
        let there: Vec<_> = names
            .iter()
            .filter_map(|(name, theirs)| Some((*name, table.column(theirs).filter(|column| is_measured(column))?)))
            .collect();
        let columns: Vec<_> = there.iter().map(|(name, _)| *name).collect();
        let place = |target: &Target| there.iter().position(|(_, column)| column.name == target.column.name);
        let initial = there.iter().map(|(_, column)| match column.nullable || table.defaulted.contains(&column.name) {
            true => None,
            false => Some(0),
        });
        let decider = Decider::new(&columns, *max_seconds, now());
        Self {
            refused: decider.mask(refused),
            decider,
            places: targets.iter().map(place).collect(),
            initial: initial.collect(),
        }
    }

    /// The same over some of the targets.
    pub fn of(&self, kept: &[usize]) -> Self {
        let places = kept.iter().map(|at| self.places.get(*at).copied().flatten()).collect();
        Self { places, ..self.clone() }
    }

    /// True for the targets that kinds look at.
    pub fn reads(&self, at: usize) -> bool {
        self.places.get(at).copied().flatten().is_some()
    }

    /// Counts of no rows.
    pub fn counts(&self) -> Vec<OddCount> {
        self.decider.says().map(|says| OddCount { says, rows: 0, first: 0 }).collect()
    }

    /// The values of a row before any is known.
    pub fn begin(&self) -> Vec<Option<i128>> {
        self.initial.clone()
    }

    /// Takes what was written for the target of that number.
    pub fn set(&self, values: &mut [Option<i128>], at: usize, target: &Target, written: &[u8]) {
        let Some(value) = self.places.get(at).copied().flatten().and_then(|place| values.get_mut(place)) else {
            return;
        };
        let flags = if target.column.nullable { &[0, 0][..] } else { &[0] };
        *value = match (written.strip_prefix(flags), written) {
            (Some(bytes), _) => target.column.kind.as_ref().and_then(|kind| measure(kind, bytes)),
            (None, [1]) if !target.has_own_default && !target.column.nullable => Some(0),
            (None, _) => None,
        };
    }

    /// The reason for which the table refuses a row of these kinds, if it does.
    pub fn refuses(&self, kinds: u16) -> Option<String> {
        let first = (kinds & self.refused).trailing_zeros();
        let says = self.decider.says().nth(usize::try_from(first).ok()?)?;
        Some(format!("one of the rows {says}, which the table refuses (migrate --strict-rows)"))
    }

    /// The kinds of which a row is, as bits.
    pub fn decide(&self, values: &[Option<i128>]) -> u16 {
        self.decider.decide(values)
    }
}

fn is_measured(column: &super::column::TargetColumn) -> bool {
    use ColumnType::{Decimal, Float, Integer, Seconds, Ticks};
    matches!(column.kind, Some(Integer { .. } | Decimal { .. } | Float(_) | Seconds | Ticks(_)))
}

/// A value for comparison with whole numbers; fractions count as the whole number further from 0, prices by their sign.
fn measure(kind: &ColumnType, bytes: &[u8]) -> Option<i128> {
    match kind {
        ColumnType::Decimal { bytes: width, .. } => ColumnType::Integer { signed: true, bytes: *width }.number(bytes),
        ColumnType::Float(4) => Some(away(f32::from_le_bytes(*bytes.first_chunk()?).into())),
        ColumnType::Float(_) => Some(away(f64::from_le_bytes(*bytes.first_chunk()?))),
        kind => kind.number(bytes),
    }
}

fn away(number: f64) -> i128 {
    if number < 0.0 { number.floor() as i128 } else { number.ceil() as i128 }
}
