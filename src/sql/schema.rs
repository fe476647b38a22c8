//! Names and expressions of the tables that statements read: cdrscope's own, or an operator's by configuration.

use std::collections::HashMap;

use crate::query::filter::Column;
use crate::report::Table;

/// One table as statements see it.
#[derive(Clone, Debug)]
pub struct TableSchema {
    /// `table` or `database.table`.
    pub name: String,
    /// Expressions that stand for a column, by the column's name; a column not listed is itself.
    pub expressions: HashMap<String, String>,
    /// Columns that the table lacks.
    pub missing: Vec<String>,
    /// Whether it is cdrscope's own, made by `schema/`.
    pub is_ours: bool,
    /// Whether the server shows its parts: the MergeTree family does.
    pub has_parts: bool,
}

impl TableSchema {
    /// A table with every column under its own name.
    pub fn plain(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            expressions: HashMap::new(),
            missing: Vec::new(),
            is_ours: false,
            has_parts: false,
        }
    }

    /// The SQL for a column of that name.
    pub fn sql<'a>(&'a self, column: &'a str) -> &'a str {
        self.expressions.get(column).map_or(column, String::as_str)
    }

    /// Whether the table has it.
    pub fn has(&self, column: &str) -> bool {
        !self.missing.iter().any(|name| name == column)
    }
}

/// All tables that reports read.
#[derive(Clone, Debug)]
pub struct Schema {
    /// Call detail records.
    pub cdrs: TableSchema,
    /// Snapshots of live calls.
    pub active_calls: TableSchema,
    /// Whether `total_duration` adds up billed seconds.
    pub billed_duration: bool,
    /// Seconds between snapshots of one node.
    pub period_seconds: u32,
}

impl Schema {
    /// The table a report reads.
    pub fn table(&self, table: Table) -> &TableSchema {
        match table {
            Table::Cdrs => &self.cdrs,
            Table::ActiveCalls => &self.active_calls,
        }
    }

    /// Whether a filter on that column can be answered. The duration of a live call is computed from two other columns.
    pub fn can_filter(&self, table: Table, column: Column) -> bool {
        let schema = self.table(table);
        match (table, column) {
            (Table::ActiveCalls, Column::Duration) => {
                schema.expressions.contains_key("duration") || schema.has(Column::ConnectTime.name())
            }
            _ => schema.has(column.name()),
        }
    }
}
