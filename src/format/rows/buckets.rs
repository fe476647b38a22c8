//! Rows of a table by time: its buckets, then the totals.

use std::sync::Arc;

use super::{CellKind, FileCell, FileColumn, FileRows, row_column};
use crate::columns::table::{BucketTable, Walk};
use crate::report::form::ResultForm;
use crate::report::measure::{Measure, Number};

/// Walks a table by time.
#[derive(Clone, Debug)]
pub struct BucketRows {
    table: Arc<BucketTable>,
    columns: Arc<[FileColumn]>,
    walk: Walk,
    /// True while the totals are still to come.
    totals: bool,
}

impl BucketRows {
    /// Before the first row.
    pub fn new(table: Arc<BucketTable>, form: ResultForm) -> Self {
        let columns = Self::columns_of(&table.measures, table.totals);
        let totals = table.totals && !form.no_totals;
        Self { table, columns, walk: Walk::START, totals }
    }

    /// The columns of a table of these measures.
    pub fn columns_of(measures: &[Measure], totals: bool) -> Arc<[FileColumn]> {
        let time = FileColumn::new("t", CellKind::Epoch);
        let measures = measures.iter().map(|measure| FileColumn::new(measure.name(), CellKind::Number));
        totals.then(row_column).into_iter().chain([time]).chain(measures).collect()
    }
}

fn cell(number: Number) -> FileCell {
    match number {
        Number::Null => FileCell::Null,
        number => FileCell::Number(number),
    }
}

impl FileRows for BucketRows {
    fn columns(&self) -> &Arc<[FileColumn]> {
        &self.columns
    }

    fn count(&self) -> usize {
        self.table.rows() + usize::from(self.totals)
    }

    fn next(&mut self, cells: &mut Vec<FileCell>) -> bool {
        let table = &*self.table;
        if let Some((t, stored)) = self.walk.next(table) {
            cells.extend(table.totals.then(|| FileCell::word("bucket")));
            cells.push(FileCell::Time(t));
            cells.extend(table.measures.iter().map(|measure| cell(table.column(*measure).value(stored))));
            return true;
        }
        if !std::mem::take(&mut self.totals) {
            return false;
        }
        cells.extend([FileCell::word("total"), FileCell::Null]);
        cells.extend(table.measures.iter().map(|measure| cell(table.total(*measure))));
        true
    }
}
