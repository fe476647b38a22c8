//! Groups of a breakdown as columns of a table, or as lines over time.

use std::collections::HashMap;

use super::frames::FrameColumn;
use super::metrics::unit;
use super::write::ColumnValues;
use crate::columns::breakdown::{Aspect, AspectColumn, BreakdownTable, GroupCell, GroupRow};
use crate::config::AcdUnit;
use crate::format::json;
use crate::report::groups::KeyKind;
use crate::report::measure::{Measure, MeasureUnit};

/// The columns of a table: those of the dimensions, then those of the measures.
pub fn columns(table: &BreakdownTable, acd_unit: AcdUnit) -> Vec<FrameColumn> {
    let mut all = Vec::new();
    for (place, by) in table.breakdown.terms.by.iter().enumerate() {
        let row = by.row();
        for (column, name) in row.columns.iter().enumerate() {
            let cells = (0..table.rows()).map(|row| table.key(GroupRow::Group(row), place, column));
            let values = match row.kind {
                KeyKind::Time => ColumnValues::Times(cells.map(|cell| instant(&cell).unwrap_or(0) * 1000).collect()),
                _ => ColumnValues::Texts(cells.map(|cell| text(&cell).unwrap_or_default()).collect()),
            };
            all.push(FrameColumn::of(name, &heading(name), "", values));
        }
    }
    all.extend(table.columns().into_iter().map(|column| {
        let cells = (0..table.rows()).map(|row| number(&table.value(GroupRow::Group(row), column)));
        let label = match column.of {
            Aspect::Now => column.measure.row().label.to_owned(),
            Aspect::Before => format!("{} before", column.measure.row().label),
            Aspect::Change => format!("{} change", column.measure.row().label),
        };
        let values = ColumnValues::Numbers(cells.collect());
        FrameColumn { name: column.name(), label, unit: aspect_unit(column, acd_unit), values }
    }));
    all
}

/// Key and name of each group by its first dimension; groups without a key have none.
pub fn keys(table: &BreakdownTable) -> Vec<(String, Option<String>)> {
    let cell = |row, column| text(&table.key(GroupRow::Group(row), 0, column));
    (0..table.rows()).filter_map(|row| Some((cell(row, 0)?, cell(row, 1)))).collect()
}

/// The name of a column as a heading: `dst_country` is "Dst country".
fn heading(name: &str) -> String {
    let mut letters = name.chars();
    let first = letters.next().map(|first| first.to_ascii_uppercase());
    first.into_iter().chain(letters.map(|letter| if letter == '_' { ' ' } else { letter })).collect()
}

fn aspect_unit(column: AspectColumn, acd_unit: AcdUnit) -> &'static str {
    match (column.of, column.measure.row().unit) {
        (Aspect::Change, _) if column.measure.changes_in_percent() => "percent",
        (Aspect::Change, MeasureUnit::Time) => "s",
        _ => unit(column.measure, acd_unit),
    }
}

/// Buckets of one group, or one value of it.
#[derive(Debug)]
pub struct GroupLine {
    /// Its name; absent for all calls.
    pub label: Option<String>,
    calls: f64,
    /// The place of each bucket, and its row.
    rows: Vec<(usize, GroupRow)>,
}

impl GroupLine {
    /// One value of all calls.
    pub fn totals() -> Self {
        Self { label: None, calls: 0.0, rows: vec![(0, GroupRow::Totals)] }
    }

    /// A value for each place; what is counted is 0 where there is no call.
    pub fn values(&self, table: &BreakdownTable, column: AspectColumn, places: usize) -> Vec<Option<f64>> {
        let is_count = !column.measure.is_ratio();
        let mut values = vec![is_count.then_some(0.0); places];
        for (place, row) in &self.rows {
            if let Some(value) = values.get_mut(*place) {
                *value = number(&table.value(*row, column));
            }
        }
        values
    }
}

/// The lines of a table's groups, that of the most calls first. Its first dimension is time where there are buckets; the other
/// is the group's, if there is one.
pub fn lines(table: &BreakdownTable, buckets: Option<&[(i64, i64)]>, has_groups: bool) -> Vec<GroupLine> {
    let calls = AspectColumn { measure: Measure::TotalCalls, of: Aspect::Now };
    let dimension = usize::from(buckets.is_some());
    let mut lines: Vec<GroupLine> = Vec::new();
    let mut by_key: HashMap<Option<String>, usize> = HashMap::new();
    if !has_groups {
        lines.push(GroupLine { label: None, calls: 0.0, rows: Vec::new() });
        by_key.insert(None, 0);
    }
    for row in 0..table.rows() {
        let shown = GroupRow::Group(row);
        let place = match buckets {
            Some(buckets) => {
                let at = instant(&table.key(shown, 0, 0));
                // Calls ahead of the clock have no bucket.
                let Some(Ok(place)) = at.map(|at| buckets.binary_search_by_key(&at, |bucket| bucket.0)) else {
                    continue;
                };
                place
            }
            None => 0,
        };
        let key = has_groups
            .then(|| text(&table.key(shown, dimension, 0)).map_or("none".to_owned(), |key| format!("={key}")));
        let place_of = *by_key.entry(key).or_insert_with(|| {
            lines.push(GroupLine { label: Some(label(table, shown, dimension)), calls: 0.0, rows: Vec::new() });
            lines.len() - 1
        });
        if let Some(line) = lines.get_mut(place_of) {
            line.calls += number(&table.value(shown, calls)).unwrap_or(0.0);
            line.rows.push((place, shown));
        }
    }
    lines.sort_by(|one, other| other.calls.total_cmp(&one.calls).then_with(|| one.label.cmp(&other.label)));
    tell_apart(table, &mut lines, dimension);
    lines
}

/// The name of a row's group, or its key where it has none.
fn label(table: &BreakdownTable, row: GroupRow, dimension: usize) -> String {
    let cell = |column| text(&table.key(row, dimension, column));
    cell(1).or_else(|| cell(0)).unwrap_or_else(|| "none".to_owned())
}

/// Adds the key to names that several groups have.
fn tell_apart(table: &BreakdownTable, lines: &mut [GroupLine], dimension: usize) {
    let mut times: HashMap<String, usize> = HashMap::new();
    for label in lines.iter().filter_map(|line| line.label.clone()) {
        *times.entry(label).or_default() += 1;
    }
    for line in lines {
        let key = line.rows.first().and_then(|(_, row)| text(&table.key(*row, dimension, 0)));
        if let (Some(label), Some(key)) = (&mut line.label, key)
            && times.get(label.as_str()).is_some_and(|times| *times > 1)
        {
            *label = format!("{label} ({key})");
        }
    }
}

fn instant(cell: &GroupCell) -> Option<i64> {
    match cell {
        GroupCell::Time(at) => Some(*at),
        GroupCell::Number(_) | GroupCell::Text(_) | GroupCell::Flag(_) | GroupCell::Null => None,
    }
}

/// A measure as Grafana takes it; instants in milliseconds.
fn number(cell: &GroupCell) -> Option<f64> {
    match cell {
        GroupCell::Number(number) => number.as_float(),
        GroupCell::Time(at) => Some((at * 1000) as f64),
        GroupCell::Text(_) | GroupCell::Flag(_) | GroupCell::Null => None,
    }
}

/// A key as text; `None` for null.
fn text(cell: &GroupCell) -> Option<String> {
    let bytes = match cell {
        GroupCell::Number(number) => {
            let mut out = Vec::new();
            json::number(&mut out, *number, true);
            out
        }
        GroupCell::Text(bytes) => bytes.clone(),
        GroupCell::Flag(flag) => flag.to_string().into_bytes(),
        GroupCell::Time(at) => at.to_string().into_bytes(),
        GroupCell::Null => return None,
    };
    Some(String::from_utf8_lossy(&bytes).into_owned())
}
