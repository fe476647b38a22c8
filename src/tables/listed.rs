//! Columns of raw CDRs: which of them a table has, and the SQL that lists one. Sums take null for 0; here it stays null.

use std::collections::HashMap;

use clickhouse::Client;

use super::checked::or_null;
use super::{TablesError, Type, adapt, describe, plain};
use crate::config::Expressions;
use crate::query::filter::Column;
use crate::report::cdrs::columns::{CDR_COLUMNS, CdrKind};
use crate::sql::schema::TableSchema;

/// Notes which of them a table has; `types` are those of its own columns.
pub(super) async fn add(
    client: &Client,
    expressions: &Expressions,
    types: &HashMap<String, String>,
    schema: &mut TableSchema,
    notes: &mut Vec<String>,
) -> Result<(), TablesError> {
    let (name, time) = (&schema.name.clone(), schema.sql(Column::TimeStart.name()).to_owned());
    schema.listed = HashMap::new();
    schema.numeric_id = None;
    schema.has_text_id = false;
    for column in CDR_COLUMNS {
        let expression = expressions.get(column.name).map(|expression| format!("({expression})"));
        let found = match &expression {
            Some(expression) => {
                let types = describe(client, name, &format!("(SELECT {expression} AS x FROM {name})")).await?;
                types.ok().and_then(|types| types.into_values().next())
            }
            None => types.get(column.name).cloned(),
        };
        let sql = expression.as_deref().unwrap_or(column.name);
        match found.as_deref().and_then(|found| listed(column.name, column.kind, (sql, found), &time)) {
            Some(listed) => {
                if column.kind == CdrKind::Id && found.as_deref().is_some_and(is_integer) {
                    schema.numeric_id = Some(listed.clone());
                }
                schema.has_text_id |= column.kind == CdrKind::Id && found.as_deref().is_some_and(is_text);
                schema.listed.insert(column.name, listed);
            }
            None if expression.is_some() => notes.push(format!(
                "{name}: the expression for {} cannot be used: CDRs are listed without this column",
                column.name
            )),
            None => {}
        }
    }
    Ok(())
}

fn is_text(full_type: &str) -> bool {
    plain(full_type).0 == "String"
}

fn is_integer(full_type: &str) -> bool {
    let (plain, _) = plain(full_type);
    // An id of 128 bits would be beyond what a page's statement compares with.
    ["Int8", "Int16", "Int32", "Int64"].iter().any(|name| plain == *name || plain.strip_prefix('U') == Some(name))
}

/// The SQL that lists a column, whose values may be null; `None` if its type does not do.
fn listed(name: &str, kind: CdrKind, (sql, full_type): (&str, &str), time: &str) -> Option<String> {
    let (plain, is_nullable) = plain(full_type);
    let (is_text, is_float) = (is_text(full_type), plain.starts_with("Float"));
    let is_number = is_integer(full_type) || is_float || plain.starts_with("Decimal");
    match kind {
        CdrKind::Id if is_integer(full_type) && is_nullable => Some(format!("ifNull({sql}, 0)")),
        CdrKind::Id => (is_integer(full_type) || is_text || plain == "UUID").then(|| sql.to_owned()),
        CdrKind::Time if name == Column::TimeStart.name() => Some(time.to_owned()),
        CdrKind::Time => adapt(sql, full_type, Type::MaybeTime).map(|sql| or_null(&sql, time)),
        CdrKind::Integer => (is_integer(full_type) || plain == "Bool").then(|| sql.to_owned()),
        CdrKind::Price => adapt(sql, full_type, Type::Price).map(|price| match (is_float, is_nullable) {
            (true, _) => format!("if(isFinite({sql}), {price}, NULL)"),
            (false, true) => format!("if(isNull({sql}), NULL, {price})"),
            (false, false) => price,
        }),
        CdrKind::Rate => is_number.then(|| format!("toDecimal64OrNull(toString({sql}), 9)")),
        CdrKind::Delay => is_number.then(|| format!("toDecimal32OrNull(toString(round({sql}, 3)), 3)")),
        CdrKind::Text | CdrKind::Number => is_text.then(|| sql.to_owned()),
        CdrKind::Address if is_text => Some(sql.to_owned()),
        CdrKind::Address => matches!(plain, "IPv4" | "IPv6").then(|| format!("toString({sql})")),
        CdrKind::Flag => (is_integer(full_type) || plain == "Bool").then(|| format!("toBool({sql} != 0)")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_listed_as_they_are_or_wrapped_or_not_at_all() {
        let sql = |kind, full_type| listed("c", kind, ("c", full_type), "t").unwrap_or_default();
        assert_eq!(sql(CdrKind::Id, "UInt64"), "c");
        assert_eq!(sql(CdrKind::Id, "Nullable(Int64)"), "ifNull(c, 0)");
        assert_eq!(sql(CdrKind::Id, "UUID"), "c");
        assert_eq!(sql(CdrKind::Id, "DateTime"), "");
        assert_eq!(sql(CdrKind::Integer, "Nullable(Int16)"), "c");
        assert_eq!(sql(CdrKind::Integer, "String"), "");
        assert_eq!(sql(CdrKind::Price, "Decimal(18, 6)"), "c");
        assert_eq!(sql(CdrKind::Price, "Nullable(Decimal(18, 6))"), "if(isNull(c), NULL, ifNull(c, 0))");
        assert!(sql(CdrKind::Price, "Float64").starts_with("if(isFinite(c), "));
        assert_eq!(sql(CdrKind::Rate, "Nullable(Float64)"), "toDecimal64OrNull(toString(c), 9)");
        assert_eq!(sql(CdrKind::Delay, "Nullable(Float32)"), "toDecimal32OrNull(toString(round(c, 3)), 3)");
        assert_eq!(sql(CdrKind::Delay, "String"), "");
        assert_eq!(sql(CdrKind::Text, "LowCardinality(Nullable(String))"), "c");
        assert_eq!(sql(CdrKind::Address, "IPv6"), "toString(c)");
        assert_eq!(sql(CdrKind::Flag, "Nullable(UInt8)"), "toBool(c != 0)");
        assert!(is_integer("LowCardinality(UInt64)") && !is_integer("UInt128") && !is_integer("IntervalSecond"));
    }
}
