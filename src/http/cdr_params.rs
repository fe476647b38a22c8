//! The columns of raw CDRs that a request names, or that it has without naming any.

use super::params::{BadParam, Context};
use crate::report::Report;
use crate::report::cdrs::MOST_COLUMNS;
use crate::report::cdrs::columns::{CDR_COLUMNS, CdrColumn};

/// Most names that an error lists, and most characters of one.
const NAMED: (usize, usize) = (10, 64);

/// The columns that the caller may see and the table has.
pub fn seen(report: &'static Report, context: Context<'_>) -> impl Iterator<Item = &'static CdrColumn> {
    let (side, table) = (report.records.side(), &context.schema.cdrs);
    CDR_COLUMNS
        .iter()
        .filter(move |column| column.is_seen(context.audience, side) && table.cdr_sql(column.name).is_some())
}

/// The columns of an answer whose caller names none.
pub fn usual(report: &'static Report, context: Context<'_>) -> Vec<&'static CdrColumn> {
    seen(report, context).filter(|column| column.is_usual(context.audience, report.records.side())).collect()
}

/// The columns of a list of names with commas.
///
/// # Errors
/// Names of no column, of one that the caller may not see, and names that stand twice: all of them are told alike.
pub fn columns(text: &str, report: &'static Report, context: Context<'_>) -> Result<Vec<&'static CdrColumn>, BadParam> {
    let (mut columns, mut bad): (Vec<&'static CdrColumn>, Vec<String>) = Default::default();
    for name in text.split(',') {
        let found = seen(report, context).find(|column| column.name == name);
        match found.filter(|column| columns.iter().all(|other| other.name != column.name)) {
            Some(column) if columns.len() < MOST_COLUMNS => columns.push(column),
            Some(_) | None if bad.len() < NAMED.0 => bad.push(name.chars().take(NAMED.1).collect()),
            Some(_) | None => break,
        }
    }
    if bad.is_empty() { Ok(columns) } else { Err(BadParam::Columns(bad)) }
}
