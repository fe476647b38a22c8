//! Looks at the tables that reports read, whoever made them: which columns there are, of which types, and what has to be
//! put around one so that sums stay exact. An operator's own table is used as it is; what cannot be used is listed.

mod checked;
mod listed;

use std::collections::HashMap;

use clickhouse::Client;

use crate::columns::tsv;
use crate::config::{Config, Expressions};
use crate::query::column::{COLUMNS, Column, ColumnRow, Presence, Type};
use crate::query::decimal;
use crate::report::cdrs::columns::CdrColumn;
use crate::report::live::{COLUMNS as LISTED, Cell};
use crate::sql::layout;
use crate::sql::schema::{Causes, Schema, TableSchema};
use crate::store::in_time;
use checked::or_null;

pub use checked::CHECKED;

/// Something about a table that stands in the way.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{table}: {what}")]
pub struct TableFault {
    /// The table's name.
    pub table: String,
    /// The fault: a table or a column that is missing or of the wrong type.
    pub what: String,
}

/// Why the tables cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TablesError {
    /// All that is wrong with them.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
    Faults(Vec<TableFault>),
    /// ClickHouse could not be asked.
    #[error("looking at {table}: {source}")]
    ClickHouse {
        /// The table's name.
        table: String,
        /// The reason.
        source: clickhouse::error::Error,
    },
}

/// A column to look for in a table.
struct Needed {
    name: &'static str,
    is: Type,
    required: bool,
}

/// The columns of the catalogue that a table has a part in.
fn needed(part: impl Fn(&ColumnRow) -> Presence) -> impl Iterator<Item = Needed> {
    COLUMNS.iter().filter_map(move |row| match part(row) {
        Presence::Unread => None,
        part => Some(Needed { name: row.name, is: row.ty, required: part == Presence::Required }),
    })
}

/// The name of cdrscope's own table of calls.
pub const CDRS_NAME: &str = "cdrs";

/// Looks at both tables, and logs what dashboards have to do without.
///
/// # Errors
/// All that is wrong with them, or why they could not be looked at.
pub async fn inspect(client: &Client, config: &Config) -> Result<Schema, TablesError> {
    let mut notes = Vec::new();
    let schema = examine(client, config, &mut notes).await;
    notes.iter().for_each(|note| log::warn!("{note}"));
    schema
}

/// Looks at both tables; `notes` has what dashboards have to do without.
///
/// # Errors
/// All that is wrong with them, or why they could not be looked at.
pub async fn examine(client: &Client, config: &Config, notes: &mut Vec<String>) -> Result<Schema, TablesError> {
    let tables = &config.tables;
    let mut remarks = Remarks { faults: Vec::new(), notes };
    let billed = config.reports.billed_duration;
    let cdrs = needed(|row| row.cdrs)
        .map(|column| Needed { required: column.required || (billed && column.name.ends_with("_duration")), ..column });
    // Live calls are listed with columns that nothing else reads.
    let listed = LISTED
        .iter()
        .filter(|listed| COLUMNS.iter().all(|row| row.name != listed.name || row.active_calls == Presence::Unread))
        .map(|listed| {
            let is = match listed.cell {
                Cell::Time => Type::MaybeTime,
                Cell::Text => Type::Text,
                Cell::Number => Type::Number,
            };
            Needed { name: listed.name, is, required: false }
        });
    let active = needed(|row| row.active_calls).chain(listed);
    let cdrs = table(client, config, (&tables.cdrs, CDRS_NAME), &tables.cdrs_columns, cdrs, &mut remarks).await?;
    let active_calls = table(
        client,
        config,
        (&tables.active_calls, "active_calls"),
        &tables.active_calls_columns,
        active,
        &mut remarks,
    )
    .await?;
    if !remarks.faults.is_empty() {
        return Err(TablesError::Faults(remarks.faults));
    }
    Ok(Schema {
        cdrs,
        active_calls,
        billed_duration: billed,
        period_seconds: config.active_calls.period_seconds,
        causes: Causes::new(&config.reports),
    })
}

/// Faults and notes found while the tables are examined.
struct Remarks<'a> {
    faults: Vec<TableFault>,
    notes: &'a mut Vec<String>,
}

async fn table(
    client: &Client,
    config: &Config,
    (name, ours): (&str, &str),
    expressions: &Expressions,
    needed: impl Iterator<Item = Needed>,
    Remarks { faults, notes }: &mut Remarks<'_>,
) -> Result<TableSchema, TablesError> {
    let mut schema = TableSchema::plain(name);
    let mut fault = |what: String| faults.push(TableFault { table: name.to_owned(), what });
    let engine = engine(client, &config.clickhouse.database, name).await?;
    schema.has_parts = engine.ends_with("MergeTree");
    schema.replaces =
        ["Replacing", "Collapsing", "Summing", "Aggregating", "Coalescing"].iter().any(|word| engine.contains(word));
    schema.is_ours = name == ours && *expressions == Expressions::default();
    let types = match describe(client, name, name).await? {
        Ok(types) => types,
        Err(why) => {
            fault(why);
            return Ok(schema);
        }
    };
    // It stands before the times that may be null.
    let time = if ours == CDRS_NAME { "time_start" } else { "snapshot_timestamp" };
    for column in needed {
        let (expression, found) = match expressions.get(column.name) {
            Some(expression) => {
                // Whatever stands in it is one value where it is put.
                let expression = format!("({expression})");
                match describe(client, name, &format!("(SELECT {expression} AS x FROM {name})")).await? {
                    Ok(types) => (expression, types.into_values().next()),
                    Err(why) => {
                        fault(format!("the expression for {} fails: {why}", column.name));
                        continue;
                    }
                }
            }
            None => (column.name.to_owned(), types.get(column.name).cloned()),
        };
        if column.is == Type::Address && found.as_deref().is_some_and(|found| plain(found).0 == "IPv6") {
            schema.ipv6.push(column.name.to_owned());
        }
        let adapted = found.as_deref().and_then(|found| adapt(&expression, found, column.is));
        let adapted = adapted.map(|sql| match column.is {
            Type::MaybeTime => or_null(&sql, schema.sql(time)),
            _ => sql,
        });
        match found {
            Some(found) => match adapted {
                Some(sql) if sql == column.name => {}
                Some(sql) => drop(schema.expressions.insert(column.name.to_owned(), sql)),
                None if can_do_without(&column.is, column.name) && expressions.get(column.name).is_none() => {
                    let (column, wanted) = (column.name, wanted(column.is));
                    notes.push(format!("{name}: column {column} is {found}, not {wanted}: what needs it is refused"));
                    schema.missing.push(column.to_owned());
                }
                None => {
                    fault(format!("column {} is {found}, which cannot be used as {}", column.name, wanted(column.is)))
                }
            },
            None if column.required => fault(format!("column {} is missing", column.name)),
            None => schema.missing.push(column.name.to_owned()),
        }
    }
    checked::add(client, expressions, &types, (ours, time), &mut schema, notes).await?;
    if ours == CDRS_NAME {
        listed::add(client, expressions, &types, &mut schema, notes).await?;
    }
    for unknown in expressions.names().filter(|name| !is_known(name)) {
        fault(format!("an expression is configured for {unknown}, which no report reads"));
    }
    Ok(schema)
}

/// True for a column that a table may have for a use of its own, with a type that reports cannot use.
fn can_do_without(is: &Type, name: &str) -> bool {
    matches!(is, Type::Code | Type::MaybeCode | Type::Fraction)
        || [Column::TimeConnect.name(), Column::DestinationPrefix.name()].contains(&name)
}

fn is_known(name: &str) -> bool {
    COLUMNS.iter().any(|row| row.name == name)
        || LISTED.iter().any(|column| column.name == name)
        || CHECKED.contains(&name)
        || CdrColumn::find(name).is_some()
}

/// The engine of a table; empty when the server does not show it.
async fn engine(client: &Client, database: &str, name: &str) -> Result<String, TablesError> {
    match in_time(client.query_raw(&layout::engine(database, name)).fetch_optional::<String>()).await {
        Ok(engine) => Ok(engine.unwrap_or_default()),
        Err(clickhouse::error::Error::BadResponse(_)) => Ok(String::new()),
        Err(source) => Err(TablesError::ClickHouse { table: name.to_owned(), source }),
    }
}

/// Names and types of a table's or a subquery's columns; the inner error is the server's refusal.
async fn describe(
    client: &Client,
    table: &str,
    what: &str,
) -> Result<Result<HashMap<String, String>, String>, TablesError> {
    let described =
        async { client.query_raw(&format!("DESCRIBE TABLE {what}")).fetch_bytes("TabSeparated")?.collect().await };
    match in_time(described).await {
        // Name and type come first; which columns follow depends on the server's version.
        Ok(bytes) => Ok(Ok(bytes.split(|&b| b == b'\n').filter_map(named_type).collect())),
        // A refusal is about the table; anything else is about the way to the server.
        Err(clickhouse::error::Error::BadResponse(text)) => Ok(Err(text.lines().next().unwrap_or_default().to_owned())),
        Err(source) => Err(TablesError::ClickHouse { table: table.to_owned(), source }),
    }
}

fn named_type(line: &[u8]) -> Option<(String, String)> {
    let mut fields = line.split(|&b| b == b'\t').map(|field| {
        let mut text = Vec::new();
        tsv::text(field, &mut text)?;
        String::from_utf8(text).ok()
    });
    Some((fields.next()??, fields.next()??))
}

fn wanted(is: Type) -> &'static str {
    match is {
        Type::Integer | Type::Code | Type::MaybeCode => "a whole number",
        Type::Price => "a price (Decimal, Float or Int)",
        Type::Time | Type::MaybeTime => "a time (DateTime or DateTime64)",
        Type::Text => "text (String)",
        Type::Address => "an address (String, IPv4 or IPv6)",
        Type::Number | Type::Fraction => "a number",
    }
}

/// The type of a column's values, and whether one may be null.
fn plain(full_type: &str) -> (&str, bool) {
    let plain = strip(full_type, "LowCardinality");
    let inner = strip(plain, "Nullable");
    (inner, inner != plain)
}

/// The SQL that reads the column in statements, or `None` if its type does not do.
fn adapt(expression: &str, full_type: &str, is: Type) -> Option<String> {
    let (plain, nullable) = plain(full_type);
    let not_null =
        |sql: &str, default: &str| if nullable { format!("ifNull({sql}, {default})") } else { sql.to_owned() };
    let integer = plain.starts_with("Int") || plain.starts_with("UInt") || plain == "Bool";
    let (float, decimals) = (plain.starts_with("Float"), plain.starts_with("Decimal"));
    match is {
        Type::Integer | Type::Code if integer => Some(not_null(expression, "0")),
        Type::MaybeCode if integer => Some(expression.to_owned()),
        Type::Fraction if integer || float || decimals => Some(format!("toFloat64({expression})")),
        Type::Price if decimals => {
            let scale: u32 = plain.trim_end_matches(')').rsplit(',').next()?.trim().parse().ok()?;
            let plain_scale = scale <= decimal::SCALE;
            let sql = not_null(expression, "0");
            Some(if plain_scale { sql } else { format!("toDecimal128(round({sql}, 6), 6)") })
        }
        // A float near a sixth decimal is that decimal; cutting it would lose one.
        Type::Price if float => {
            Some(format!("reinterpret(toInt64(round({} * 1000000)), 'Decimal(18, 6)')", not_null(expression, "0")))
        }
        Type::Price if integer => Some(format!("toDecimal64({}, 6)", not_null(expression, "0"))),
        Type::Time | Type::MaybeTime if plain.starts_with("DateTime") => {
            let sql = if plain.starts_with("DateTime64") {
                format!("toDateTime({expression})")
            } else {
                expression.to_owned()
            };
            let always = nullable && is == Type::Time;
            Some(if always { format!("assumeNotNull({sql})") } else { sql })
        }
        Type::Text if plain == "String" => Some(not_null(expression, "''")),
        Type::Address if matches!(plain, "String" | "IPv4" | "IPv6") => Some(expression.to_owned()),
        Type::Number if integer || float || decimals => Some(expression.to_owned()),
        Type::Integer
        | Type::Code
        | Type::MaybeCode
        | Type::Price
        | Type::Time
        | Type::MaybeTime
        | Type::Text
        | Type::Address
        | Type::Number
        | Type::Fraction => None,
    }
}

/// `Wrapper(inner)` → `inner`.
fn strip<'a>(text: &'a str, wrapper: &str) -> &'a str {
    text.strip_prefix(wrapper).and_then(|rest| rest.strip_prefix('(')?.strip_suffix(')')).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_used_as_they_are_or_wrapped_or_refused() {
        let adapt = |full_type, is| adapt("c", full_type, is).unwrap_or_default();
        assert_eq!(adapt("UInt32", Type::Integer), "c");
        assert_eq!(adapt("Nullable(Int64)", Type::Integer), "ifNull(c, 0)");
        assert_eq!(adapt("Decimal(18, 6)", Type::Price), "c");
        assert_eq!(adapt("Decimal(38, 9)", Type::Price), "toDecimal128(round(c, 6), 6)");
        assert_eq!(adapt("Float64", Type::Price), "reinterpret(toInt64(round(c * 1000000)), 'Decimal(18, 6)')");
        assert_eq!(adapt("DateTime", Type::Time), "c");
        assert_eq!(adapt("DateTime64(3, 'UTC')", Type::Time), "toDateTime(c)");
        assert_eq!(adapt("Nullable(DateTime)", Type::Time), "assumeNotNull(c)");
        assert_eq!(adapt("Nullable(DateTime('UTC'))", Type::MaybeTime), "c");
        assert_eq!(adapt("DateTime64(3)", Type::MaybeTime), "toDateTime(c)");
        assert_eq!(adapt("LowCardinality(Nullable(String))", Type::Text), "ifNull(c, '')");
        assert_eq!(adapt("IPv4", Type::Address), "c");
        assert_eq!(adapt("String", Type::Integer), "");
        assert_eq!(adapt("Date", Type::Time), "");
        assert_eq!(adapt("Nullable(Int16)", Type::Code), "ifNull(c, 0)");
        assert_eq!(adapt("Nullable(Float32)", Type::Fraction), "toFloat64(c)");
        assert_eq!(adapt("Nullable(Int16)", Type::MaybeCode), "c");
        assert_eq!(adapt("Decimal(9, 3)", Type::Fraction), "toFloat64(c)");
        assert_eq!(adapt("String", Type::Fraction), "");
    }
}
