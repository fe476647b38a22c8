//! Ad-hoc filters: one bar for all panels of a dashboard. They are read once for all targets of a request; what a panel's
//! table does not know is left out there with a notice.

use std::collections::HashSet;

use super::accounts::{Accounts, One};
use super::bounds;
use super::errors::GrafanaError;
use super::metrics::Metric;
use super::pattern;
use super::request::AdHoc;
use crate::query::filter::{Cmp, Column, Filter, Kind, Test, TextOp};
use crate::report::{Side, Table};
use crate::shown::Shown;
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

/// What a filter compares, with its test or with what is wrong with it.
type Read = (What, Result<Test, String>);

/// The filters of a dashboard, read.
#[derive(Debug, Default)]
pub struct Filters {
    /// By key, in their order; nothing is read of one that no table has.
    all: Vec<(String, Option<Read>)>,
    /// The accounts that stay; all of them if absent.
    accounts: Option<HashSet<u32>>,
}

/// What the filters of a dashboard mean to one target.
#[derive(Debug, Default)]
pub struct Applied {
    /// All of them must hold.
    pub filters: Vec<Filter>,
    /// What was left out.
    pub notices: Vec<String>,
}

impl Filters {
    /// Reads filters.
    ///
    /// # Errors
    /// A filter on accounts that means nothing, or a pattern that is none.
    pub fn read(asked: &[AdHoc], own: &Accounts) -> Result<Self, GrafanaError> {
        let mut read = Self::default();
        let patterns = asked.iter().filter(|filter| matches!(filter.operator.as_str(), "=~" | "!~"));
        let steps = patterns.map(|filter| pattern::steps(&filter.value)).fold(0, u64::saturating_add);
        if steps > bounds::STEPS {
            return Err(GrafanaError::refused(format!(
                "the patterns of all filters together are longer than {} characters, counted repetitions written out",
                bounds::STEPS
            )));
        }
        for filter in asked {
            if filter.key == ACCOUNT {
                let keep = by_account(filter, own)?;
                let stays = |one: &&One| {
                    let account = one.scope.account;
                    read.accounts.as_ref().is_none_or(|before| before.contains(&account)) && keep(one)
                };
                read.accounts = Some(own.each().filter(stays).map(|one| one.scope.account).collect());
                continue;
            }
            let what = KEYS.iter().find(|(key, _)| *key == filter.key).map(|(_, what)| *what);
            // Another target's table may not know the key, and does not mind the value then.
            let test = what.map(|what| (what, test(filter, what).map_err(|error| error.to_string())));
            read.all.push((filter.key.clone(), test));
        }
        Ok(read)
    }

    /// Applies them: those on accounts narrow `accounts`, the others become conditions.
    ///
    /// # Errors
    /// A value or an operator that does not suit the key.
    pub fn apply(&self, metric: Metric, schema: &Schema, accounts: &mut Vec<One>) -> Result<Applied, GrafanaError> {
        if let Some(stay) = &self.accounts {
            accounts.retain(|one| stay.contains(&one.scope.account));
        }
        let table = metric.report().map_or(Table::Cdrs, |report| report.table);
        let (mut filters, mut left_out) = (Vec::new(), Vec::new());
        for (key, test) in &self.all {
            match test {
                Some((what, test)) if suits(*what, metric, table) && schema.can_filter(table, what.column()) => {
                    let test = test.clone().map_err(GrafanaError::refused)?;
                    filters.push(Filter { column: what.column(), test });
                }
                _ if left_out.contains(&key) => {}
                _ => left_out.push(key),
            }
        }
        let named = left_out.iter().take(bounds::NOTICES);
        let mut notices: Vec<String> =
            named.map(|key| format!("the filter on {} does not apply here: it was left out", Shown(key))).collect();
        if let Some(more) = left_out.len().checked_sub(bounds::NOTICES).filter(|more| *more > 0) {
            notices.push(format!("{more} more filters do not apply here: they were left out"));
        }
        Ok(Applied { filters, notices })
    }
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

fn wrong_operator(AdHoc { key, operator, .. }: &AdHoc) -> GrafanaError {
    let (key, operator) = (Shown(key), Shown(operator));
    GrafanaError::refused(format!("the filter on {key} does not know the operator {operator}"))
}

fn test(filter: &AdHoc, what: What) -> Result<Test, GrafanaError> {
    let AdHoc { key, operator, value, values } = filter;
    let wrong_value = |value: &str| {
        GrafanaError::refused(format!("the filter on {} does not understand {:?}", Shown(key), Shown(value)))
    };
    let compare = |cmp| {
        let kind = what.kind(cmp).ok_or_else(|| wrong_operator(filter))?;
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
            // Its form only: what it means, and how much that is, ClickHouse judges within its own bounds.
            pattern::parse(value)?;
            Ok(Test::Pattern(operator == "=~", value.clone()))
        }
        "=|" | "!=|" => {
            let any = operator == "=|";
            let values = if values.is_empty() { std::slice::from_ref(value) } else { values };
            match what {
                What::Id(_) | What::Seconds(_) => {
                    let kind = what.kind(Cmp::Eq).ok_or_else(|| wrong_operator(filter))?;
                    let read = |value: &String| match kind.read(value) {
                        Some(Test::Integer(_, number)) => Ok(number),
                        _ => Err(wrong_value(value)),
                    };
                    Ok(Test::Integers(any, values.iter().map(read).collect::<Result<_, _>>()?))
                }
                What::Text(_) => Ok(Test::Text(if any { TextOp::Eq } else { TextOp::NotEq }, values.to_vec())),
                What::Price(..) | What::Address(_) => Err(wrong_operator(filter)),
            }
        }
        _ => Err(wrong_operator(filter)),
    }
}

/// Which of the accounts stay. Only the token's own have a name here, so another's matches nothing.
fn by_account(filter: &AdHoc, own: &Accounts) -> Result<impl Fn(&One) -> bool + use<>, GrafanaError> {
    let pattern = match filter.operator.as_str() {
        "=~" | "!~" => Some(pattern::compile(&filter.value)?),
        "=" | "!=" | "=|" | "!=|" => None,
        _ => return Err(wrong_operator(filter)),
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
