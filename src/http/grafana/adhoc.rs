//! Ad-hoc filters: one bar for all panels of a dashboard. They are read once for all targets of a request; what a panel's
//! table does not know is left out there with a notice.

use std::collections::HashSet;
use std::sync::LazyLock;

use super::accounts::{Accounts, One};
use super::bounds;
use super::errors::GrafanaError;
use super::metrics::PanelMetric;
use super::pattern;
use super::request::AdHoc;
use crate::query::filter::{Cmp, Column, Filter, ParamType, Test, TextOp};
use crate::query::scope::Scope;
use crate::report::param::{CALL_FILTERS, CallFilter, Role};
use crate::report::{Report, Side, Table};
use crate::shown::Shown;
use crate::sql::schema::Schema;

/// The key of accounts.
pub const ACCOUNT: &str = "account-id";

/// The column that a filter compares, and the type of its values.
#[derive(Clone, Copy, Debug)]
enum FilterKind {
    Id(Column),
    Seconds(Column),
    Price(Column, Side),
    Text(Column),
    Address(Column),
    /// The columns of origination and of termination.
    Code(Column, Column),
}

const KEYS: &[(&str, FilterKind)] = &[
    ("dst-country-id", FilterKind::Id(Column::DstCountryId)),
    ("src-country-id", FilterKind::Id(Column::SrcCountryId)),
    ("dst-prefix-routing", FilterKind::Text(Column::DstPrefixRouting)),
    ("src-prefix-routing", FilterKind::Text(Column::SrcPrefixRouting)),
    ("duration", FilterKind::Seconds(Column::Duration)),
    ("customer-price", FilterKind::Price(Column::CustomerPrice, Side::Origination)),
    ("vendor-price", FilterKind::Price(Column::VendorPrice, Side::Termination)),
    ("auth-orig-ip", FilterKind::Address(Column::AuthOrigIp)),
];

/// Keys of breakdowns alone: the filters of calls that compare for equality. Those of a column that both sides have stand first.
static BREAKDOWN_KEYS: LazyLock<Vec<(&str, FilterKind)>> = LazyLock::new(|| {
    let mut keys: Vec<(&str, FilterKind)> = CALL_FILTERS.iter().filter_map(breakdown_key).collect();
    keys.sort_by_key(|(_, what)| matches!(what, FilterKind::Code(..)));
    keys
});

fn breakdown_key(row: &CallFilter) -> Option<(&'static str, FilterKind)> {
    let column = row.of_customer.or(row.of_vendor)?;
    let other = row.of_vendor.unwrap_or(column);
    Some(match row.kind {
        ParamType::Text(TextOp::Eq) => (row.name.strip_suffix("-eq")?, FilterKind::Text(column)),
        ParamType::Integer { cmp: Cmp::Eq, .. } if column == other => (row.name, FilterKind::Id(column)),
        ParamType::Integer { cmp: Cmp::Eq, .. } => (row.name, FilterKind::Code(column, other)),
        _ => return None,
    })
}

/// Keys of the operator's people.
const OPERATOR_KEYS: &[(&str, FilterKind)] =
    &[("customer-id", FilterKind::Id(Column::CustomerId)), ("vendor-id", FilterKind::Id(Column::VendorId))];

fn every_key() -> impl Iterator<Item = &'static (&'static str, FilterKind)> {
    KEYS.iter().chain(BREAKDOWN_KEYS.iter()).chain(OPERATOR_KEYS)
}

/// Every key that the token's holder knows, the accounts' first.
pub fn keys(own: &Accounts) -> impl Iterator<Item = &'static str> {
    let is_known = |(key, what): &&(&str, FilterKind)| match own.are_operators() {
        true => own.audience().sees_column(what.column(Side::Origination)),
        false => OPERATOR_KEYS.iter().all(|(other, _)| key != other),
    };
    std::iter::once(ACCOUNT).chain(every_key().filter(is_known).map(|(key, _)| *key))
}

/// The column of a filter, with its test or with the error of its operator or value.
type Read = (FilterKind, Result<Test, String>);

/// The filters of a dashboard, read.
#[derive(Debug, Default)]
pub struct Filters {
    /// By key, in their order; nothing is read of one that no table has.
    all: Vec<(String, Option<Read>)>,
    /// The accounts that stay; all of them if absent.
    accounts: Option<HashSet<Scope>>,
}

/// The dashboard's filters as they apply to one target.
#[derive(Debug, Default)]
pub struct AppliedFilters {
    /// All of them must hold.
    pub filters: Vec<Filter>,
    /// Messages that name the filters left out.
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
                let stays =
                    |one: &&One| read.accounts.as_ref().is_none_or(|before| before.contains(&one.scope)) && keep(one);
                read.accounts = Some(own.each().filter(stays).map(|one| one.scope).collect());
                continue;
            }
            let what = every_key().find(|(key, _)| *key == filter.key).map(|(_, what)| *what);
            // Another target's table may not know the key, and does not mind the value then.
            let test = what.map(|what| (what, test(filter, what).map_err(|error| error.to_string())));
            read.all.push((filter.key.clone(), test));
        }
        Ok(read)
    }

    /// True if one of them is on accounts.
    pub fn name_accounts(&self) -> bool {
        self.accounts.is_some()
    }

    /// Applies them: those on accounts narrow `accounts`, the others become conditions.
    ///
    /// # Errors
    /// A value or an operator that does not suit the key.
    pub fn apply(
        &self,
        metric: PanelMetric,
        (own, schema): (&Accounts, &Schema),
        accounts: &mut Vec<One>,
    ) -> Result<AppliedFilters, GrafanaError> {
        if let Some(stay) = &self.accounts {
            accounts.retain(|one| stay.contains(&one.scope));
        }
        let (report, side) = (own.report(metric), metric.side);
        let table = report.map_or(Table::Cdrs, |report| report.records.table());
        let suits = |what: FilterKind| match report.filter(|_| metric.shows.is_breakdown()) {
            Some(report) => has(report, own, what.column(side)),
            None => suits(what, metric, table),
        };
        let (mut filters, mut left_out) = (Vec::new(), Vec::new());
        for (key, test) in &self.all {
            match test {
                Some((what, test)) if suits(*what) && schema.can_filter(table, what.column(side)) => {
                    let test = test.clone().map_err(GrafanaError::refused)?;
                    filters.push(Filter { column: what.column(side), test });
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
        Ok(AppliedFilters { filters, notices })
    }
}

impl FilterKind {
    fn column(self, side: Side) -> Column {
        match self {
            Self::Id(column) | Self::Seconds(column) | Self::Text(column) | Self::Address(column) => column,
            Self::Price(column, _) => column,
            Self::Code(column, other) => match side {
                Side::Origination => column,
                Side::Termination => other,
            },
        }
    }

    /// The parameter type of the customer API for the same comparison; `None` if it has none.
    fn kind(self, cmp: Cmp) -> Option<ParamType> {
        match self {
            Self::Id(_) => Some(ParamType::Integer { cmp, min: 0, max: u32::MAX.into(), list: false }),
            Self::Seconds(_) | Self::Code(..) => {
                Some(ParamType::Integer { cmp, min: i32::MIN.into(), max: i32::MAX.into(), list: false })
            }
            Self::Price(..) => Some(ParamType::Price(cmp)),
            Self::Text(_) => match cmp {
                Cmp::Eq => Some(ParamType::Text(TextOp::Eq)),
                Cmp::NotEq => Some(ParamType::Text(TextOp::NotEq)),
                Cmp::Gt | Cmp::Lt | Cmp::GtEq | Cmp::LtEq => None,
            },
            Self::Address(_) => (cmp == Cmp::Eq).then_some(ParamType::Ip),
        }
    }
}

/// True if a breakdown has a filter of the column that the token's holder may name.
fn has(report: &Report, own: &Accounts, column: Column) -> bool {
    let of = |role| matches!(role, Role::Filter(filtered, _) if filtered == column) && own.audience().sees_param(role);
    report.params().any(|param| of(param.role))
}

/// True if the metric's calls have the column. Each side has a price of its own, and only origination an address.
fn suits(what: FilterKind, metric: PanelMetric, table: Table) -> bool {
    match what {
        _ if BREAKDOWN_KEYS
            .iter()
            .chain(OPERATOR_KEYS)
            .any(|(_, other)| other.column(metric.side) == what.column(metric.side)) =>
        {
            false
        }
        FilterKind::Price(_, side) => side == metric.side && table == Table::Cdrs,
        FilterKind::Address(_) => metric.side == Side::Origination,
        FilterKind::Code(..) => false,
        FilterKind::Id(_) | FilterKind::Seconds(_) | FilterKind::Text(_) => true,
    }
}

fn wrong_operator(AdHoc { key, operator, .. }: &AdHoc) -> GrafanaError {
    let (key, operator) = (Shown(key), Shown(operator));
    GrafanaError::refused(format!("the filter on {key} does not know the operator {operator}"))
}

fn test(filter: &AdHoc, what: FilterKind) -> Result<Test, GrafanaError> {
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
                FilterKind::Id(_) | FilterKind::Seconds(_) | FilterKind::Code(..) => {
                    let kind = what.kind(Cmp::Eq).ok_or_else(|| wrong_operator(filter))?;
                    let read = |value: &String| match kind.read(value) {
                        Some(Test::Integer(_, number)) => Ok(number),
                        _ => Err(wrong_value(value)),
                    };
                    Ok(Test::Integers(any, values.iter().map(read).collect::<Result<_, _>>()?))
                }
                FilterKind::Text(_) => Ok(Test::Text(if any { TextOp::Eq } else { TextOp::NotEq }, values.to_vec())),
                FilterKind::Price(..) | FilterKind::Address(_) => Err(wrong_operator(filter)),
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
    let named: Vec<Scope> = values.iter().filter_map(|text| own.find(text)).map(|one| one.scope).collect();
    let wanted = !filter.operator.starts_with('!');
    Ok(move |one: &One| {
        let hit = match &pattern {
            Some(pattern) => pattern.is_match(&one.label) || pattern.is_match(&one.uuid.to_string()),
            None => named.contains(&one.scope),
        };
        hit == wanted
    })
}
