//! Columns that no report reads, for checks of rows; and times that are none.

use std::collections::HashMap;

use clickhouse::Client;

use super::{CDRS_NAME, TablesError, Type, adapt, describe, plain};
use crate::config::Expressions;
use crate::sql::schema::TableSchema;

/// Columns that only checks of rows read: a table does without them, and the checks that need them say so.
pub const CHECKED: &[&str] = &["id", "success", "time_connect", "time_end"];

/// Notes which of them a table has: `types` are those of its own columns, `ours` is the name of cdrscope's table in its place,
/// `time` the column of a row's own time.
pub(super) async fn add(
    client: &Client,
    expressions: &Expressions,
    types: &HashMap<String, String>,
    (ours, time): (&str, &str),
    schema: &mut TableSchema,
    notes: &mut Vec<String>,
) -> Result<(), TablesError> {
    let name = &schema.name.clone();
    for column in CHECKED.iter().filter(|column| ours == CDRS_NAME || **column == "id") {
        let expression = expressions.get(column).map(|expression| format!("({expression})"));
        let found = match &expression {
            Some(expression) => {
                let types = describe(client, name, &format!("(SELECT {expression} AS x FROM {name})")).await?;
                types.ok().and_then(|types| types.into_values().next())
            }
            None => types.get(*column).cloned(),
        };
        let sql = expression.as_deref().unwrap_or(column);
        match found.as_deref().and_then(|found| self::sql(column, sql, found, schema.sql(time))) {
            Some(sql) => drop(schema.checked.insert((*column).to_owned(), sql)),
            None if expression.is_some() => {
                notes.push(format!("{name}: the expression for {column} cannot be used: rows are checked without it"));
            }
            None => {}
        }
    }
    Ok(())
}

/// The SQL that reads a column of `CHECKED`: an id or null, a whole number, a time or null.
/// `None` if the type of the column does not do.
fn sql(column: &str, expression: &str, full_type: &str, time: &str) -> Option<String> {
    let (plain, _) = plain(full_type);
    match column {
        "id" => match plain {
            _ if plain.starts_with("Int") || plain.starts_with("UInt") => Some(format!("nullIf({expression}, 0)")),
            "String" => Some(format!("nullIf({expression}, '')")),
            "UUID" => Some(format!("nullIf({expression}, toUUID('00000000-0000-0000-0000-000000000000'))")),
            _ => None,
        },
        "success" => adapt(expression, full_type, Type::Integer),
        _ => adapt(expression, full_type, Type::MaybeTime).map(|sql| or_null(&sql, time)),
    }
}

/// A time, or null for a date of zeros. Senders write one where there is no time, and ClickHouse stores it as the epoch or,
/// where it reads times by its best effort, as New Year of the present year. Of that midnight only what lies more than a day
/// before the row's own time is no time.
pub(super) fn or_null(sql: &str, time: &str) -> String {
    format!(
        "if({sql} = toDateTime(0) OR (toDayOfYear({sql}) = 1 AND {sql} = toStartOfDay({sql}) AND {sql} + 86400 < {time}), \
         NULL, {sql})"
    )
}
