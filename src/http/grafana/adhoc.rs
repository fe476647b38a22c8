//! Ad-hoc filters: one bar for all panels of a dashboard. What a panel's table does not know is left out with a notice.

use regex::Regex;

use super::accounts::{Accounts, One};
use super::errors::GrafanaError;
use super::metrics::Metric;
use super::request::AdHoc;
use crate::query::filter::{Cmp, Column, Filter, Kind, Test, TextOp};
use crate::report::{Side, Table};
use crate::sql::schema::Schema;

/// The key of accounts.
pub const ACCOUNT: &str = "account-id";

/// What a filter compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum What {
    Id(Column),
    Seconds(Column),
    Price(Column, Side),
    Text(Column),
    Address(Column),
}

const KEYS: &[(&str, What)] = &[
    ("dst-country-id", What::Id(Column::DstCountryId)),
    ("src-country-id", What::Id(Column::SrcCountryId)),
    ("dst-prefix-routing", What::Text(Column::DstPrefixRouting)),
    ("src-prefix-routing", What::Text(Column::SrcPrefixRouting)),
    ("duration", What::Seconds(Column::Duration)),
    ("customer-price", What::Price(Column::CustomerPrice, Side::Origination)),
    ("vendor-price", What::Price(Column::VendorPrice, Side::Termination)),
    ("auth-orig-ip", What::Address(Column::AuthOrigIp)),
];

/// Every key, the accounts' first.
pub fn keys() -> impl Iterator<Item = &'static str> {
    std::iter::once(ACCOUNT).chain(KEYS.iter().map(|(key, _)| *key))
}

/// What the filters of a dashboard mean to one target.
#[derive(Debug, Default)]
pub struct Applied {
    /// All of them must hold.
    pub filters: Vec<Filter>,
    /// What was left out.
    pub notices: Vec<String>,
}

/// Applies filters: those on accounts narrow `accounts`, the others become conditions.
///
/// # Errors
/// A value or an operator that does not suit the key.
pub fn apply(
    asked: &[AdHoc],
    metric: Metric,
    schema: &Schema,
    own: &Accounts,
    accounts: &mut Vec<One>,
) -> Result<Applied, GrafanaError> {
    let mut applied = Applied::default();
    let report = metric.report();
    for filter in asked {
        if filter.key == ACCOUNT {
            let keep = by_account(filter, own)?;
            accounts.retain(keep);
            continue;
        }
        let what = KEYS.iter().find(|(key, _)| *key == filter.key).map(|(_, what)| *what);
        let known = what.filter(|what| {
            let table = report.map_or(Table::Cdrs, |report| report.table);
            suits(*what, metric, table) && schema.can_filter(table, what.column())
        });
        match known {
            Some(what) => applied.filters.push(Filter { column: what.column(), test: test(filter, what)? }),
            None => applied.notices.push(format!("the filter on {} does not apply here: it was left out", filter.key)),
        }
    }
    Ok(applied)
}

impl What {
    fn column(self) -> Column {
        match self {
            Self::Id(column) | Self::Seconds(column) | Self::Text(column) | Self::Address(column) => column,
            Self::Price(column, _) => column,
        }
    }

    /// How the customer API reads the same value, for a comparison.
    fn kind(self, cmp: Cmp) -> Option<Kind> {
        match self {
            Self::Id(_) => Some(Kind::Integer { cmp, min: 0, max: u32::MAX.into(), list: false }),
            Self::Seconds(_) => Some(Kind::Integer { cmp, min: i32::MIN.into(), max: i32::MAX.into(), list: false }),
            Self::Price(..) => Some(Kind::Price(cmp)),
            Self::Text(_) => match cmp {
                Cmp::Eq => Some(Kind::Text(TextOp::Eq)),
                Cmp::NotEq => Some(Kind::Text(TextOp::NotEq)),
                Cmp::Gt | Cmp::Lt | Cmp::GtEq | Cmp::LtEq => None,
            },
            Self::Address(_) => (cmp == Cmp::Eq).then_some(Kind::Ip),
        }
    }
}

/// Whose price it is, and whose address, follows from the side.
fn suits(what: What, metric: Metric, table: Table) -> bool {
    match what {
        What::Price(_, side) => side == metric.side && table == Table::Cdrs,
        What::Address(_) => metric.side == Side::Origination,
        What::Id(_) | What::Seconds(_) | What::Text(_) => true,
    }
}

fn test(filter: &AdHoc, what: What) -> Result<Test, GrafanaError> {
    let AdHoc { key, operator, value, values } = filter;
    let wrong_operator = || GrafanaError::refused(format!("the filter on {key} does not know the operator {operator}"));
    let wrong_value = |value: &str| GrafanaError::refused(format!("the filter on {key} does not understand {value:?}"));
    let compare = |cmp| {
        let kind = what.kind(cmp).ok_or_else(wrong_operator)?;
        kind.read(value).ok_or_else(|| wrong_value(value))
    };
    match operator.as_str() {
        "=" => compare(Cmp::Eq),
        "!=" => compare(Cmp::NotEq),
        "<" => compare(Cmp::Lt),
        ">" => compare(Cmp::Gt),
        "<=" => compare(Cmp::LtEq),
        ">=" => compare(Cmp::GtEq),
        "=~" | "!~" => {
            pattern(value)?;
            Ok(Test::Pattern(operator == "=~", value.clone()))
        }
        "=|" | "!=|" => {
            let any = operator == "=|";
            let values = if values.is_empty() { std::slice::from_ref(value) } else { values };
            match what {
                What::Id(_) | What::Seconds(_) => {
                    let kind = what.kind(Cmp::Eq).ok_or_else(wrong_operator)?;
                    let read = |value: &String| match kind.read(value) {
                        Some(Test::Integer(_, number)) => Ok(number),
                        _ => Err(wrong_value(value)),
                    };
                    Ok(Test::Integers(any, values.iter().map(read).collect::<Result<_, _>>()?))
                }
                What::Text(_) => Ok(Test::Text(if any { TextOp::Eq } else { TextOp::NotEq }, values.to_vec())),
                What::Price(..) | What::Address(_) => Err(wrong_operator()),
            }
        }
        _ => Err(wrong_operator()),
    }
}

fn pattern(text: &str) -> Result<Regex, GrafanaError> {
    Regex::new(text).map_err(|e| {
        let why = e.to_string();
        let why = why.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned();
        GrafanaError::refused(format!("{text:?} is no regular expression: {why}"))
    })
}

/// Which of the accounts stay. Only the token's own have a name here, so another's matches nothing.
fn by_account(filter: &AdHoc, own: &Accounts) -> Result<impl Fn(&One) -> bool + use<>, GrafanaError> {
    let pattern = match filter.operator.as_str() {
        "=~" | "!~" => Some(pattern(&filter.value)?),
        "=" | "!=" | "=|" | "!=|" => None,
        other => {
            return Err(GrafanaError::refused(format!("the filter on {ACCOUNT} does not know the operator {other}")));
        }
    };
    let single = std::slice::from_ref(&filter.value);
    let several = filter.operator.ends_with('|') && !filter.values.is_empty();
    let values = if several { filter.values.as_slice() } else { single };
    let named: Vec<u32> = values.iter().filter_map(|text| own.find(text)).map(|one| one.scope.account).collect();
    let wanted = !filter.operator.starts_with('!');
    Ok(move |one: &One| {
        let hit = match &pattern {
            Some(pattern) => pattern.is_match(&one.label) || pattern.is_match(&one.uuid.to_string()),
            None => named.contains(&one.scope.account),
        };
        hit == wanted
    })
}
