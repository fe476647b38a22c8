//! The SELECTs of raw CDRs: a page, a file, and how many there are. Ordered by time, then id, then all columns of the answer, so
//! that CDRs of one time and id stand in the same order at every reading.

use super::Statement;
use super::groups::owners;
use super::schema::{Schema, TableSchema};
use super::select::{conditions, window};
use crate::query::filter::Column;
use crate::report::Table;
use crate::report::cdrs::CdrQuery;
use crate::report::cdrs::columns::{CdrColumn, CdrKind};
use crate::report::cdrs::cursor::CdrCursor;
use crate::report::form::ResultFormat;
use crate::report::plan::Window;
use crate::report::query::Records;

/// Characters that a spreadsheet takes for the beginning of a formula: tab, line feed, carriage return, `+`, `-`, `=`, `@`.
const FORMULA: &str = "(9, 10, 13, 43, 45, 61, 64)";

/// Bytes that ClickHouse sorts in memory; beyond, it sorts on its disk.
const SORTED_IN_MEMORY: &str = "268435456";

/// Every setting that a statement here sends, for a look whether the server takes them.
pub const CDR_SETTINGS: &str = "prefer_column_name_to_alias = 1, enable_positional_arguments = 0, optimize_use_projections = 0, \
    max_bytes_before_external_sort = 268435456, output_format_csv_crlf_end_of_line = 1, format_csv_null_representation = '', \
    format_csv_delimiter = ',', output_format_parquet_row_group_size = 65536, output_format_json_quote_decimals = 1, \
    output_format_json_quote_64bit_integers = 0, output_format_json_validate_utf8 = 1, output_format_json_escape_forward_slashes = 0";

/// The statement of a page. Two columns come before those of the answer: the time, in epoch seconds, and the id as text.
pub fn cdr_page(query: &CdrQuery, schema: &Schema) -> Statement {
    // A second thread would read on while the first finds enough.
    let mut s = Statement { light: is_in_order(query, schema), ..Statement::default() };
    s.push("SELECT toUnixTimestamp(").push(schema.cdrs.sql(Column::TimeStart.name())).push("), ");
    match &schema.cdrs.numeric_id {
        Some(id) => s.push("toString(").push(id).push(")"),
        None => s.push("''"),
    };
    cells(&mut s, query, &schema.cdrs, true);
    rows(&mut s, query, schema);
    order(&mut s, query, &schema.cdrs);
    settings(&mut s, query, schema);
    s
}

/// The statement of a file.
pub fn cdr_file(query: &CdrQuery, schema: &Schema) -> Statement {
    let mut s = Statement::default();
    s.push("SELECT ");
    cells(&mut s, query, &schema.cdrs, false);
    rows(&mut s, query, schema);
    order(&mut s, query, &schema.cdrs);
    settings(&mut s, query, schema);
    s
}

/// The statement that counts the CDRs of a file, and those of its last time and id where it has such.
pub fn cdr_count(query: &CdrQuery, schema: &Schema) -> Statement {
    let mut s = Statement::default();
    s.push("SELECT count(), ");
    match &query.until {
        Some(until) => {
            s.push("countIf(");
            is_at(&mut s, until, &schema.cdrs);
            s.push(")")
        }
        None => s.push("0"),
    };
    rows(&mut s, query, schema);
    s
}

/// Adds the condition of the time and id of a place.
fn is_at(s: &mut Statement, place: &CdrCursor, table: &TableSchema) {
    s.push(table.sql(Column::TimeStart.name())).push(" = toDateTime(").bind("UInt32", place.time).push(")");
    if let Some(id) = &table.numeric_id {
        s.push(" AND ").push(id).push(" = ").bind("Int128", &place.id);
    }
}

/// The statement of the place at which a file of so many CDRs ends: time and id, as in a page, of the last of them and of the one
/// behind it.
pub fn cdr_edge(query: &CdrQuery, rows: u64, schema: &Schema) -> Statement {
    let time = schema.cdrs.sql(Column::TimeStart.name());
    let mut s = Statement::default();
    s.push("SELECT toUnixTimestamp(").push(time).push("), ");
    match &schema.cdrs.numeric_id {
        Some(id) => s.push("toString(").push(id).push(")"),
        None => s.push("''"),
    };
    predicate(&mut s, query, &schema.cdrs);
    s.push(" ORDER BY ").push(time);
    if let Some(id) = &schema.cdrs.numeric_id {
        s.push(", ").push(id);
    }
    let before = (rows.saturating_sub(1)).saturating_add(given(query).into());
    s.push(" LIMIT 2 OFFSET ").bind("UInt64", before);
    settings(&mut s, query, schema);
    s
}

/// Adds the columns of the answer under their names; `is_more` where others stand before them.
fn cells(s: &mut Statement, query: &CdrQuery, table: &TableSchema, is_more: bool) {
    for (place, column) in query.columns.iter().enumerate() {
        s.push(if is_more || place > 0 { ", " } else { "" });
        cell(s, column, query, table);
        s.push(" AS `").push(column.name).push("`");
    }
}

/// Adds the value of a column as the format has it.
fn cell(s: &mut Statement, column: &CdrColumn, query: &CdrQuery, table: &TableSchema) {
    // The parameters are read against the table, so a column that it lacks is not asked for.
    let sql = table.cdr_sql(column.name).unwrap_or("NULL");
    let format = query.form.format;
    match column.kind {
        // A text may come from the wire, as a Call-ID does.
        CdrKind::Id if table.has_text_id => {
            text(s, &format!("toValidUTF8({sql})"), format.is_csv());
            s
        }
        CdrKind::Id if format.is_csv() || format.has_dates() => s.push(sql),
        CdrKind::Id => s.push("toString(").push(sql).push(")"),
        CdrKind::Time if format == ResultFormat::Xlsx => s.push("toUnixTimestamp(").push(sql).push(")"),
        CdrKind::Time if format.has_dates() => {
            s.push("toDateTime64(").push(sql).push(", 0, ").bind("String", &query.zone).push(")")
        }
        CdrKind::Time => time(s, sql, &query.offsets),
        CdrKind::Price | CdrKind::Rate | CdrKind::Delay if format.is_csv() && query.form.csv.decimal_comma => {
            s.push("replaceOne(toString(").push(sql).push("), '.', ',')")
        }
        CdrKind::Number if query.masked > 0 => {
            text(s, &shown_number(sql, query.masked), format.is_csv());
            s
        }
        // Names come from the wire as they are; what is no UTF-8 would make files that no program reads.
        CdrKind::Text | CdrKind::Number => {
            text(s, &format!("toValidUTF8({sql})"), format.is_csv());
            s
        }
        CdrKind::Address => {
            text(s, sql, format.is_csv());
            s
        }
        CdrKind::Integer | CdrKind::Price | CdrKind::Rate | CdrKind::Delay | CdrKind::Flag => s.push(sql),
    };
}

/// A number as a caller sees it who may not see so many characters at its end.
fn shown_number(sql: &str, masked: u8) -> String {
    format!("leftUTF8(toValidUTF8({sql}), -{masked})")
}

/// Adds a time as RFC 3339 with the zone's offset. Offsets are the service's own, by which windows and buckets are cut: the
/// server's time zone data may be of another year, and its `%z` is a day off where a zone has changed sides of the date line.
fn time<'s>(s: &'s mut Statement, sql: &str, offsets: &[(i64, i64)]) -> &'s mut Statement {
    let (last, changes) = offsets.split_last().map_or((0, &[][..]), |((_, last), changes)| (*last, changes));
    if changes.is_empty() && last == 0 {
        return s.push("formatDateTime(").push(sql).push(", '%Y-%m-%dT%H:%i:%SZ', 'UTC')");
    }
    let second = format!("toInt64(toUnixTimestamp({sql}))");
    let starts: Vec<i64> = std::iter::once(0).chain(changes.iter().map(|(until, _)| *until)).collect();
    let all: Vec<i64> = offsets.iter().map(|(_, offset)| *offset).collect();
    let texts: Vec<String> = all.iter().map(|offset| format!("'{}'", offset_text(*offset))).collect();
    // Lists, as there may be many changes, and ClickHouse takes few parameters.
    let found = |s: &mut Statement, list: (&'static str, String), none: &'static str| {
        s.push("transform(roundDown(").push(&second).push(", ").bind("Array(Int64)", list_text(&starts)).push("), ");
        s.bind("Array(Int64)", list_text(&starts)).push(", ").bind(list.0, list.1).push(", ").push(none).push(")");
    };
    // Of 64 bits, for a time next to 1970 may be one of 1969 there.
    s.push("concat(formatDateTime(toDateTime64(").push(&second).push(" + ");
    found(s, ("Array(Int64)", list_text(&all)), "toInt64(0)");
    s.push(", 0, 'UTC'), '%Y-%m-%dT%H:%i:%S', 'UTC'), ");
    found(s, ("Array(String)", list_text(&texts)), "''");
    s.push(")")
}

/// `[1,2]`
fn list_text(list: &[impl std::fmt::Display]) -> String {
    let all: Vec<String> = list.iter().map(ToString::to_string).collect();
    format!("[{}]", all.join(","))
}

/// `+05:45`
fn offset_text(seconds: i64) -> String {
    let (sign, minutes) = (if seconds < 0 { '-' } else { '+' }, seconds.abs() / 60);
    format!("{sign}{:02}:{:02}", minutes / 60, minutes % 60)
}

/// Adds a text; in CSV with an apostrophe before what a spreadsheet would take for a formula and is no number.
fn text(s: &mut Statement, sql: &str, is_csv: bool) {
    if is_csv {
        s.push("if(ascii(").push(sql).push(") IN ").push(FORMULA).push(" AND NOT match(").push(sql);
        s.push(", '^[+-]?[0-9]+\\\\z'), concat('''', ").push(sql).push("), ").push(sql).push(")");
    } else {
        s.push(sql);
    }
}

/// Adds FROM and WHERE.
fn rows(s: &mut Statement, query: &CdrQuery, schema: &Schema) {
    predicate(s, query, &schema.cdrs);
    let Some(limit) = query.limit else { return };
    // The last of them by time alone is found from few columns, and all columns are read of no later ones.
    let time = schema.cdrs.sql(Column::TimeStart.name());
    s.push(" AND ").push(time).push(" <= (SELECT max(cdrscope_t) FROM (SELECT ").push(time).push(" AS cdrscope_t");
    predicate(s, query, &schema.cdrs);
    s.push(" ORDER BY cdrscope_t LIMIT ").bind("UInt64", limit.saturating_add(given(query) as usize)).push("))");
}

fn predicate(s: &mut Statement, query: &CdrQuery, table: &TableSchema) {
    let time = table.sql(Column::TimeStart.name());
    s.push(" FROM ").push(&table.name).push(" WHERE ");
    owners(s, &query.whose, (table, query.records.side()));
    if matches!(query.records, Records::Calls(_)) {
        s.push(" AND ").push(table.sql(Column::IsLastCdr.name())).push(" = 1");
    }
    let after = after(query);
    let from = after.map_or(query.window.from, |after| after.time.max(query.window.from));
    let to = match (&query.until, query.window.to) {
        (Some(until), Some(to)) => Some(to.min(until.time)),
        (Some(until), None) => Some(until.time),
        (None, to) => to,
    };
    window(s, time, Some(Window { from, to }));
    if let (Some(after), Some(id)) = (after.filter(|after| !after.id.is_empty()), &table.numeric_id) {
        s.push(" AND (").push(time).push(" > toDateTime(").bind("UInt32", after.time).push(") OR ");
        s.push(id).push(" >= ").bind("Int128", &after.id).push(")");
    }
    if let (Some(until), Some(id)) = (&query.until, &table.numeric_id) {
        s.push(" AND (").push(time).push(" < toDateTime(").bind("UInt32", until.time).push(") OR ");
        s.push(id).push(" <= ").bind("Int128", &until.id).push(")");
    }
    conditions(s, &query.filters, query.masked, (Table::Cdrs, table));
}

/// The cursor, where it lies within the window.
fn after(query: &CdrQuery) -> Option<&CdrCursor> {
    query.after.as_ref().filter(|after| after.time >= query.window.from)
}

/// CDRs behind the predicate that were given already.
fn given(query: &CdrQuery) -> u32 {
    after(query).map_or(0, |after| after.given)
}

/// True where the table has the calls in the order of the answer. That of an operator's own is not known.
fn is_in_order(query: &CdrQuery, schema: &Schema) -> bool {
    query.is_in_order() && schema.cdrs.is_ours
}

/// Adds ORDER BY, LIMIT and OFFSET.
fn order(s: &mut Statement, query: &CdrQuery, table: &TableSchema) {
    s.push(" ORDER BY ").push(table.sql(Column::TimeStart.name()));
    if let Some(id) = table.cdr_sql("id") {
        s.push(", ").push(id);
    }
    // The table's own values, so that CDRs of one time and id stand alike in every format.
    for column in &query.columns {
        let sql = table.cdr_sql(column.name).unwrap_or("NULL");
        let is_masked = matches!(column.kind, CdrKind::Number) && query.masked > 0;
        s.push(", ").push(&if is_masked { shown_number(sql, query.masked) } else { sql.to_owned() });
    }
    if let Some(limit) = query.limit {
        s.push(" LIMIT ").bind("UInt64", limit);
    }
    match given(query) {
        0 => {}
        given => drop(s.push(" OFFSET ").bind("UInt64", given)),
    }
}

/// Adds the settings of the formats and of the reading.
fn settings(s: &mut Statement, query: &CdrQuery, schema: &Schema) {
    let form = query.form;
    // A column of the answer has the name of the table's, by which rows are chosen and ordered; a number that an operator's setting
    // has in a column's place is no place of a column.
    s.push(" SETTINGS prefer_column_name_to_alias = 1, enable_positional_arguments = 0");
    if is_in_order(query, schema) {
        s.push(", optimize_use_projections = 0");
    } else {
        s.push(", max_bytes_before_external_sort = ").push(SORTED_IN_MEMORY);
    }
    if form.format.is_csv() {
        s.push(
            ", output_format_csv_crlf_end_of_line = 1, format_csv_null_representation = '', format_csv_delimiter = ",
        );
        s.push(match form.csv.separator.byte() {
            b';' => "';'",
            b'\t' => "'\\t'",
            _ => "','",
        });
    } else if form.format.has_dates() {
        s.push(", output_format_parquet_row_group_size = 65536");
    } else {
        s.push(", output_format_json_quote_decimals = ").push(if form.plain_numbers { "0" } else { "1" });
        s.push(", output_format_json_quote_64bit_integers = 0, output_format_json_validate_utf8 = 1, output_format_json_escape_forward_slashes = 0");
    }
}
