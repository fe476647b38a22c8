//! Rows of a breakdown: its groups, then the others together, then the totals.

use std::borrow::Cow;
use std::sync::Arc;

use super::{CellKind, FileCell, FileColumn, FileRows, row_column};
use crate::columns::breakdown::{Aspect, AspectColumn, BreakdownTable, GroupCell, GroupRow};
use crate::report::groups::{Dimension, DimensionRow, KeyKind};
use crate::report::measure::{Measure, Number};

/// A column of an answer.
#[derive(Clone, Copy, Debug)]
pub enum ShownColumn {
    /// A column of a dimension: the dimension's place, its row of the catalogue, the column's place.
    Key(usize, &'static DimensionRow, usize),
    /// A column of a measure.
    Value(AspectColumn),
}

impl ShownColumn {
    /// The columns of a breakdown, in order.
    pub fn of(by: &[Dimension], measures: &[Measure], compared: bool) -> Vec<Self> {
        let keys = by.iter().enumerate().flat_map(|(place, by)| {
            let row = by.row();
            (0..row.columns.len()).map(move |column| Self::Key(place, row, column))
        });
        keys.chain(AspectColumn::of(measures, compared).into_iter().map(Self::Value)).collect()
    }

    /// Its value in a row.
    pub fn value(self, table: &BreakdownTable, row: GroupRow) -> GroupCell {
        match self {
            Self::Key(dimension, _, column) => table.key(row, dimension, column),
            Self::Value(column) => table.value(row, column),
        }
    }

    /// Its name.
    pub fn name(self) -> Cow<'static, str> {
        match self {
            Self::Key(_, row, column) => row.columns.get(column).copied().unwrap_or_default().into(),
            Self::Value(column) => column.name().into(),
        }
    }

    fn kind(self) -> CellKind {
        let Self::Key(_, row, column) = self else {
            let Self::Value(AspectColumn { measure, of }) = self else { return CellKind::Number };
            let is_time = matches!(measure, Measure::FirstCall | Measure::LastCall) && of != Aspect::Change;
            return if is_time { CellKind::Epoch } else { CellKind::Number };
        };
        match (row.kind, column) {
            (KeyKind::Time, _) => CellKind::Epoch,
            (KeyKind::Rate, _) => CellKind::Number,
            (KeyKind::Flag, _) => CellKind::Flag,
            (KeyKind::Integer, _) if matches!(row.by, Dimension::HourOfDay | Dimension::DayOfWeek) => CellKind::Number,
            (KeyKind::Integer, _) | (KeyKind::Contractor | KeyKind::Country, 0) => CellKind::Code,
            (KeyKind::Account | KeyKind::Contractor | KeyKind::Country | KeyKind::Text, _) => CellKind::Text,
        }
    }
}

/// Walks the rows of a breakdown.
#[derive(Clone, Debug)]
pub struct GroupRows {
    table: Arc<BreakdownTable>,
    shown: Arc<[ShownColumn]>,
    columns: Arc<[FileColumn]>,
    row: usize,
}

impl GroupRows {
    /// Before the first row.
    pub fn new(table: Arc<BreakdownTable>) -> Self {
        let (terms, compared) = (&table.breakdown.terms, table.breakdown.before.is_some());
        let shown = ShownColumn::of(&terms.by, &terms.measures, compared).into();
        let columns = Self::columns_of(&terms.by, &terms.measures, compared);
        Self { table, shown, columns, row: 0 }
    }

    /// The columns of a breakdown by these dimensions.
    pub fn columns_of(by: &[Dimension], measures: &[Measure], compared: bool) -> Arc<[FileColumn]> {
        let shown = ShownColumn::of(by, measures, compared);
        let shown = shown.into_iter().map(|shown| FileColumn::new(shown.name(), shown.kind()));
        std::iter::once(row_column()).chain(shown).collect()
    }

    /// The row at a place, with the word that says what it is.
    fn at(&self, place: usize) -> Option<(&'static str, GroupRow)> {
        let (table, others) = (&*self.table, usize::from(self.table.has_other()));
        let is_series = table.breakdown.terms.series.is_some();
        match place.checked_sub(table.rows()) {
            None => Some((if is_series { "bucket" } else { "group" }, GroupRow::Group(place))),
            Some(0) if others == 1 => Some(("other", GroupRow::Other)),
            Some(behind) if behind == others && !table.breakdown.terms.form.no_totals => {
                Some(("total", GroupRow::Totals))
            }
            Some(_) => None,
        }
    }
}

fn cell(cell: GroupCell) -> FileCell {
    match cell {
        GroupCell::Null | GroupCell::Number(Number::Null) => FileCell::Null,
        GroupCell::Number(number) => FileCell::Number(number),
        GroupCell::Text(text) => FileCell::Text(text.into()),
        GroupCell::Flag(flag) => FileCell::Flag(flag),
        GroupCell::Time(at) => FileCell::Time(at),
    }
}

impl FileRows for GroupRows {
    fn columns(&self) -> &Arc<[FileColumn]> {
        &self.columns
    }

    fn count(&self) -> usize {
        let totals = !self.table.breakdown.terms.form.no_totals;
        self.table.rows() + usize::from(self.table.has_other()) + usize::from(totals)
    }

    fn next(&mut self, cells: &mut Vec<FileCell>) -> bool {
        let Some((word, row)) = self.at(self.row) else { return false };
        cells.push(FileCell::word(word));
        cells.extend(self.shown.iter().map(|shown| cell(shown.value(&self.table, row))));
        self.row += 1;
        true
    }
}
