//! Names and expressions of the tables that statements read: cdrscope's own, or an operator's by configuration.

use std::collections::HashMap;

use crate::config::Reports;
use crate::query::column::{COLUMNS, Presence};
use crate::query::filter::Column;
use crate::report::cdrs::columns::CDR_COLUMNS;
use crate::report::measure;
use crate::report::{BucketKey, Report, Table};

/// One table as statements see it.
#[derive(Clone, Debug)]
pub struct TableSchema {
    /// `table` or `database.table`.
    pub name: String,
    /// Expressions that stand for a column, by the column's name; a column not listed is itself.
    pub expressions: HashMap<String, String>,
    /// Columns that the table lacks.
    pub missing: Vec<String>,
    /// Columns of type IPv6, which hold IPv4 addresses as mapped ones.
    pub ipv6: Vec<String>,
    /// True if it is cdrscope's own, made by `schema/`.
    pub is_ours: bool,
    /// True if the server shows its parts: the MergeTree family does.
    pub has_parts: bool,
    /// Expressions of columns that no report reads, only checks of rows do, by the column's name.
    pub checked: HashMap<String, String>,
    /// SQL of the columns of raw CDRs that the table has, by the column's name. Other than in sums, null is null in it.
    pub listed: HashMap<&'static str, String>,
    /// SQL of the CDR's id where it is a whole number, never null: pages go on behind it.
    pub numeric_id: Option<String>,
    /// True if the CDR's id is a text.
    pub has_text_id: bool,
    /// True if ClickHouse replaces or sums up rows of one key: several rows of one id are usual there.
    pub replaces: bool,
}

impl TableSchema {
    /// A table with every column under its own name.
    pub fn plain(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            expressions: HashMap::new(),
            missing: Vec::new(),
            ipv6: Vec::new(),
            is_ours: false,
            has_parts: false,
            checked: HashMap::new(),
            listed: CDR_COLUMNS.iter().map(|column| (column.name, column.name.to_owned())).collect(),
            numeric_id: Some("id".to_owned()),
            has_text_id: false,
            replaces: false,
        }
    }

    /// The SQL for a column of that name.
    pub fn sql<'a>(&'a self, column: &'a str) -> &'a str {
        self.expressions.get(column).map_or(column, String::as_str)
    }

    /// The SQL for a column of raw CDRs; `None` if the table lacks it.
    pub fn cdr_sql(&self, column: &str) -> Option<&str> {
        self.listed.get(column).map(String::as_str)
    }

    /// True if the table has it.
    pub fn has(&self, column: &str) -> bool {
        !self.missing.iter().any(|name| name == column)
    }
}

/// The ends of calls that count as effective in NER, see [`crate::config::Reports`]. A call's Q.850 cause decides where it
/// has one, else its SIP code; an answered call is always effective.
#[derive(Clone, Debug, Default)]
pub struct Causes {
    /// Q.850 causes.
    pub q850: Vec<i64>,
    /// Q.850 causes, if the call rang.
    pub q850_rang: Vec<i64>,
    /// SIP codes.
    pub sip: Vec<i64>,
    /// SIP codes, if the call rang.
    pub sip_rang: Vec<i64>,
}

impl Causes {
    /// The configured ones.
    pub fn new(config: &Reports) -> Self {
        let list = |codes: &[u16]| codes.iter().map(|code| i64::from(*code)).collect();
        Self {
            q850: list(&config.ner_q850),
            q850_rang: list(&config.ner_q850_rang),
            sip: list(&config.ner_sip),
            sip_rang: list(&config.ner_sip_rang),
        }
    }

    /// True if NER depends on whether a call rang, so that `pdd` is read.
    pub(super) fn needs_pdd(&self) -> bool {
        !(self.q850_rang.is_empty() && self.sip_rang.is_empty())
    }
}

/// All tables that reports read.
#[derive(Clone, Debug)]
pub struct Schema {
    /// Call detail records.
    pub cdrs: TableSchema,
    /// Snapshots of live calls.
    pub active_calls: TableSchema,
    /// True if `total_duration` adds up billed seconds.
    pub billed_duration: bool,
    /// Seconds between snapshots of one node.
    pub period_seconds: u32,
    /// The cause codes that count as effective.
    pub causes: Causes,
}

impl Schema {
    /// The table a report reads.
    pub fn table(&self, table: Table) -> &TableSchema {
        match table {
            Table::Cdrs => &self.cdrs,
            Table::ActiveCalls => &self.active_calls,
        }
    }

    /// A column that the report needs and its table lacks.
    pub fn missing(&self, report: &Report) -> Option<Column> {
        let side = report.records.side();
        let needed = measure::aggregates(report.measures).into_iter().flat_map(|sum| self.columns(sum, side));
        let table = self.table(report.records.table());
        needed.chain(report.key.map(BucketKey::column)).find(|column| !table.has(column.name()))
    }

    /// True if a filter on that column can be answered. The duration of a live call is computed from two other columns.
    pub fn can_filter(&self, table: Table, column: Column) -> bool {
        let schema = self.table(table);
        match (table, column) {
            (Table::ActiveCalls, Column::Duration) => {
                schema.expressions.contains_key("duration") || schema.has(Column::ConnectTime.name())
            }
            (Table::Cdrs, _) => COLUMNS[column as usize].cdrs != Presence::Unread && schema.has(column.name()),
            (Table::ActiveCalls, _) => {
                COLUMNS[column as usize].active_calls != Presence::Unread && schema.has(column.name())
            }
        }
    }
}
