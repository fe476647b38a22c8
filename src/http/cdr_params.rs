//! The parameters that raw CDRs alone have: their columns, and the place where a page goes on.

use jiff::tz::TimeZone;

use super::params::{BadParam, Context};
use crate::query::filter::Filter;
use crate::query::zone;
use crate::report::Report;
use crate::report::breakdown::{OwnAccount, Whose};
use crate::report::cdrs::columns::{CDR_COLUMNS, CdrColumn};
use crate::report::cdrs::cursor::{BadCursor, CdrCursor};
use crate::report::cdrs::{CdrQuery, MOST_COLUMNS, MOST_LIMIT, USUAL_LIMIT};
use crate::report::form::ResultForm;
use crate::report::plan::Window;

/// Seconds around a window in which times of its calls may lie.
const AROUND: i64 = 366 * 86_400;

/// The last second that the table's times can be of.
const LAST_SECOND: i64 = u32::MAX as i64;

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
fn usual(report: &'static Report, context: Context<'_>) -> Vec<&'static CdrColumn> {
    seen(report, context).filter(|column| column.is_usual(context.audience, report.records.side())).collect()
}

/// The columns of a list of names with commas.
///
/// # Errors
/// Names of no column, of one that the caller may not see, and names that stand twice: all of them are told alike.
fn columns(text: &str, report: &'static Report, context: Context<'_>) -> Result<Vec<&'static CdrColumn>, BadParam> {
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

/// The parameters of raw CDRs, as far as they have been read.
#[derive(Debug, Default)]
pub struct CdrDraft {
    columns: Option<Vec<&'static CdrColumn>>,
    cursor: Option<String>,
}

/// The parameters that other reports have too.
#[derive(Debug)]
pub struct CdrTerms {
    /// First second, and last one.
    pub window: Window,
    /// Zone of times in files.
    pub zone: TimeZone,
    /// The accounts that are named.
    pub accounts: Vec<OwnAccount>,
    /// All of them hold.
    pub filters: Vec<Filter>,
    /// Most calls, if the caller says.
    pub limit: Option<usize>,
    /// The format.
    pub form: ResultForm,
}

impl CdrDraft {
    /// Takes the names of columns.
    ///
    /// # Errors
    /// As [`columns`].
    pub fn set_columns(&mut self, text: &str, report: &'static Report, context: Context<'_>) -> Result<(), BadParam> {
        self.columns = Some(columns(text, report, context)?);
        Ok(())
    }

    /// Takes a cursor, which is read when all that it has to suit is known.
    pub fn set_cursor(&mut self, text: &str) {
        self.cursor = Some(text.to_owned());
    }

    /// Puts the question together.
    ///
    /// # Errors
    /// A page of too many calls, or a cursor that is none, or of another question.
    pub fn finish(self, report: &'static Report, terms: CdrTerms, context: Context<'_>) -> Result<CdrQuery, BadParam> {
        let CdrTerms { window, zone, accounts, filters, limit, form } = terms;
        let limit = match limit {
            Some(limit) if form.format.is_json() && limit > MOST_LIMIT => return Err(BadParam::Invalid("limit")),
            None if form.format.is_json() => Some(USUAL_LIMIT),
            limit => limit,
        };
        let query = CdrQuery {
            report: report.name,
            records: report.records,
            whose: match context.operator {
                Some(scope) => Whose::Operator(scope.clone(), accounts),
                None => Whose::Accounts(accounts),
            },
            masked: context.audience.masked_characters(),
            after: None,
            until: None,
            columns: self.columns.unwrap_or_else(|| usual(report, context)),
            filters,
            window,
            // Zones are found by their names.
            zone: zone.iana_name().unwrap_or("UTC").to_owned(),
            // The ends of calls, and what began a moment before, lie near the window.
            offsets: zone::offsets(
                &zone,
                window.from - AROUND,
                window.to.unwrap_or(LAST_SECOND).min(LAST_SECOND) + AROUND,
            ),
            limit,
            form,
        };
        let has_number = context.schema.cdrs.numeric_id.is_some();
        let after = self.cursor.map(|text| CdrCursor::parse(&text, query.fingerprint(), has_number));
        let after = after.transpose().map_err(|bad| match bad {
            BadCursor::Damaged => BadParam::Invalid("cursor"),
            BadCursor::OfAnother => BadParam::OtherCursor,
        })?;
        Ok(CdrQuery { after, ..query })
    }
}
