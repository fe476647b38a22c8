//! Looks at the tables that reports read, whoever made them: which columns there are, of which types, and what has to be
//! put around one so that sums stay exact. An operator's own table is used as it is; what cannot be used is listed.

mod checked;

use std::collections::HashMap;

use clickhouse::Client;

use crate::columns::tsv;
use crate::config::{Config, Expressions};
use crate::query::decimal;
use crate::report::live::{COLUMNS, Cell};
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
    /// What is missing or of the wrong type.
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

/// What reports do with a column.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Use {
    Integer,
    Price,
    /// A time that is always there.
    Time,
    /// A time that may be null; a date of zeros is null too.
    MaybeTime,
    Text,
    Address,
    /// A number that is only shown.
    Number,
    /// A whole number that only dashboards read: a table whose column is something else can do without.
    Code,
    /// Seconds with a fraction, likewise.
    Seconds,
}

struct Needed {
    name: &'static str,
    is: Use,
    required: bool,
}

const fn needed(name: &'static str, is: Use, required: bool) -> Needed {
    Needed { name, is, required }
}

/// The name of cdrscope's own table of calls.
pub const CDRS_NAME: &str = "cdrs";

const CDRS: &[Needed] = &[
    needed("customer_id", Use::Integer, true),
    needed("vendor_id", Use::Integer, true),
    needed("customer_acc_id", Use::Integer, true),
    needed("vendor_acc_id", Use::Integer, true),
    needed("is_last_cdr", Use::Integer, true),
    needed("time_start", Use::Time, true),
    needed("duration", Use::Integer, true),
    needed("customer_price", Use::Price, true),
    needed("vendor_price", Use::Price, true),
    needed("customer_duration", Use::Integer, false),
    needed("vendor_duration", Use::Integer, false),
    needed("src_country_id", Use::Integer, false),
    needed("dst_country_id", Use::Integer, false),
    needed("src_prefix_routing", Use::Text, false),
    needed("dst_prefix_routing", Use::Text, false),
    needed("auth_orig_ip", Use::Address, false),
    needed("lega_disconnect_code", Use::Code, false),
    needed("legb_disconnect_code", Use::Code, false),
    needed("lega_q850_cause", Use::Code, false),
    needed("legb_q850_cause", Use::Code, false),
    needed("pdd", Use::Seconds, false),
];

const ACTIVE_CALLS: &[Needed] = &[
    needed("customer_id", Use::Integer, true),
    needed("vendor_id", Use::Integer, true),
    needed("customer_acc_id", Use::Integer, true),
    needed("vendor_acc_id", Use::Integer, true),
    needed("snapshot_timestamp", Use::Time, true),
    needed("node_id", Use::Integer, true),
    needed("id", Use::Integer, true),
    needed("buffered", Use::Integer, false),
    needed("src_country_id", Use::Integer, false),
    needed("dst_country_id", Use::Integer, false),
];

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
    let cdrs = CDRS.iter().map(|column| Needed {
        required: column.required || (billed && column.name.ends_with("_duration")),
        ..*column
    });
    let live =
        COLUMNS.iter().filter(|column| ACTIVE_CALLS.iter().all(|known| known.name != column.name)).map(|column| {
            let is = match column.cell {
                _ if column.name == "snapshot_timestamp" => Use::Time,
                _ if column.name == "auth_orig_ip" => Use::Address,
                Cell::Time => Use::MaybeTime,
                Cell::Text => Use::Text,
                Cell::Number => Use::Number,
            };
            needed(column.name, is, false)
        });
    let active = ACTIVE_CALLS.iter().map(|column| Needed { ..*column }).chain(live);
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

/// What was found beside the schema.
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
        if column.is == Use::Address && found.as_deref().is_some_and(|found| plain(found).0 == "IPv6") {
            schema.ipv6.push(column.name.to_owned());
        }
        let adapted = found.as_deref().and_then(|found| adapt(&expression, found, column.is));
        let adapted = adapted.map(|sql| match column.is {
            Use::MaybeTime => or_null(&sql, schema.sql(time)),
            _ => sql,
        });
        match found {
            Some(found) => match adapted {
                Some(sql) if sql == column.name => {}
                Some(sql) => drop(schema.expressions.insert(column.name.to_owned(), sql)),
                None if matches!(column.is, Use::Code | Use::Seconds) && expressions.get(column.name).is_none() => {
                    let (column, wanted) = (column.name, wanted(column.is));
                    notes.push(format!("{name}: column {column} is {found}, not {wanted}: dashboards do without it"));
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
    for unknown in expressions.names().filter(|name| !is_known(name)) {
        fault(format!("an expression is configured for {unknown}, which no report reads"));
    }
    Ok(schema)
}

fn is_known(name: &str) -> bool {
    CDRS.iter().chain(ACTIVE_CALLS).any(|column| column.name == name)
        || COLUMNS.iter().any(|column| column.name == name)
        || CHECKED.contains(&name)
}

/// The engine of a table; empty when the server does not show it.
async fn engine(client: &Client, database: &str, name: &str) -> Result<String, TablesError> {
    let (database, table) = name.split_once('.').unwrap_or((database, name));
    // Both are identifiers by the configuration's checks, so they may stand in quotes.
    let sql = format!("SELECT engine FROM system.tables WHERE database = '{database}' AND name = '{table}'");
    match in_time(client.query_raw(&sql).fetch_optional::<String>()).await {
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

fn wanted(is: Use) -> &'static str {
    match is {
        Use::Integer | Use::Code => "a whole number",
        Use::Price => "a price (Decimal, Float or Int)",
        Use::Time | Use::MaybeTime => "a time (DateTime or DateTime64)",
        Use::Text => "text (String)",
        Use::Address => "an address (String, IPv4 or IPv6)",
        Use::Number | Use::Seconds => "a number",
    }
}

/// The type of a column's values, and whether one may be null.
fn plain(full_type: &str) -> (&str, bool) {
    let plain = strip(full_type, "LowCardinality");
    let inner = strip(plain, "Nullable");
    (inner, inner != plain)
}

/// What stands for the column in statements, or `None` when its type does not do.
fn adapt(expression: &str, full_type: &str, is: Use) -> Option<String> {
    let (plain, nullable) = plain(full_type);
    let not_null =
        |sql: &str, default: &str| if nullable { format!("ifNull({sql}, {default})") } else { sql.to_owned() };
    let integer = plain.starts_with("Int") || plain.starts_with("UInt") || plain == "Bool";
    let (float, decimals) = (plain.starts_with("Float"), plain.starts_with("Decimal"));
    match is {
        Use::Integer | Use::Code if integer => Some(not_null(expression, "0")),
        Use::Seconds if integer || float || decimals => Some(format!("toFloat64({})", not_null(expression, "0"))),
        Use::Price if decimals => {
            let scale: u32 = plain.trim_end_matches(')').rsplit(',').next()?.trim().parse().ok()?;
            let plain_scale = scale <= decimal::SCALE;
            let sql = not_null(expression, "0");
            Some(if plain_scale { sql } else { format!("toDecimal128(round({sql}, 6), 6)") })
        }
        // A float near a sixth decimal is that decimal; cutting it would lose one.
        Use::Price if float => {
            Some(format!("reinterpret(toInt64(round({} * 1000000)), 'Decimal(18, 6)')", not_null(expression, "0")))
        }
        Use::Price if integer => Some(format!("toDecimal64({}, 6)", not_null(expression, "0"))),
        Use::Time | Use::MaybeTime if plain.starts_with("DateTime") => {
            let sql = if plain.starts_with("DateTime64") {
                format!("toDateTime({expression})")
            } else {
                expression.to_owned()
            };
            let always = nullable && is == Use::Time;
            Some(if always { format!("assumeNotNull({sql})") } else { sql })
        }
        Use::Text if plain == "String" => Some(not_null(expression, "''")),
        Use::Address if matches!(plain, "String" | "IPv4" | "IPv6") => Some(expression.to_owned()),
        Use::Number if integer || float || decimals => Some(expression.to_owned()),
        Use::Integer
        | Use::Code
        | Use::Price
        | Use::Time
        | Use::MaybeTime
        | Use::Text
        | Use::Address
        | Use::Number
        | Use::Seconds => None,
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
        assert_eq!(adapt("UInt32", Use::Integer), "c");
        assert_eq!(adapt("Nullable(Int64)", Use::Integer), "ifNull(c, 0)");
        assert_eq!(adapt("Decimal(18, 6)", Use::Price), "c");
        assert_eq!(adapt("Decimal(38, 9)", Use::Price), "toDecimal128(round(c, 6), 6)");
        assert_eq!(adapt("Float64", Use::Price), "reinterpret(toInt64(round(c * 1000000)), 'Decimal(18, 6)')");
        assert_eq!(adapt("DateTime", Use::Time), "c");
        assert_eq!(adapt("DateTime64(3, 'UTC')", Use::Time), "toDateTime(c)");
        assert_eq!(adapt("Nullable(DateTime)", Use::Time), "assumeNotNull(c)");
        assert_eq!(adapt("Nullable(DateTime('UTC'))", Use::MaybeTime), "c");
        assert_eq!(adapt("DateTime64(3)", Use::MaybeTime), "toDateTime(c)");
        assert_eq!(adapt("LowCardinality(Nullable(String))", Use::Text), "ifNull(c, '')");
        assert_eq!(adapt("IPv4", Use::Address), "c");
        assert_eq!(adapt("String", Use::Integer), "");
        assert_eq!(adapt("Date", Use::Time), "");
        assert_eq!(adapt("Nullable(Int16)", Use::Code), "ifNull(c, 0)");
        assert_eq!(adapt("Nullable(Float32)", Use::Seconds), "toFloat64(ifNull(c, 0))");
        assert_eq!(adapt("Decimal(9, 3)", Use::Seconds), "toFloat64(c)");
        assert_eq!(adapt("String", Use::Seconds), "");
    }
}
