//! The projections of cdrscope's own calls: which columns each holds, and which one serves a segment of a plan.
//!
//! A statement over the table has 154 columns and every projection to plan, and ClickHouse spends longer on that than on
//! reading a small account's month. A projection that is read by its name has a dozen columns and no choice. But there it
//! makes nothing up for a part that lacks the projection, so such a statement fails by itself where one does, see
//! [`super::layout::guard`], and is then asked again in the other way.

use time::OffsetDateTime;

use super::Statement;
use super::destinations::{CUSTOMER_DAYS, OPERATOR_HOURS, VENDOR_CAUSES, VENDOR_DAYS};
use super::schema::Schema;
use crate::query::filter::{Cmp, Column, Filter, Test, TextOp};
use crate::report::measure::Aggregate;
use crate::report::plan::{Plan, Window};
use crate::report::query::Query;
use crate::report::{BucketKey, Side};

/// The way that statements over cdrscope's own calls read its projections. An operator's own table is read as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadMode {
    /// By their names, as the planner chooses.
    Named,
    /// As ClickHouse chooses, which makes up for parts that lack one.
    Engine,
    /// Not at all: every measure from the calls as they lie in the table.
    Calls,
}

/// A projection: rows stored a second time beside the calls.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct Projection {
    /// Its name in `schema/`.
    pub name: &'static str,
    /// The columns that statements read of it.
    pub columns: &'static [&'static str],
}

macro_rules! sums {
    ($name:literal, $account:literal, $tenant:literal, [$($more:literal),*], $time:literal, $billed:literal, $price:literal) => {
        Projection {
            name: $name,
            columns: &[
                $account, $tenant, $($more,)* $time,
                "count()", "countIf(greater(duration, 0))", "sumIf(duration, greater(duration, 0))", "sum(duration)",
                $billed, $price,
            ],
        }
    };
}

macro_rules! customer {
    ($name:literal, $time:literal) => {
        sums!(
            $name,
            "customer_acc_id",
            "customer_id",
            ["is_last_cdr"],
            $time,
            "sum(customer_duration)",
            "sum(customer_price)"
        )
    };
}

macro_rules! vendor {
    ($name:literal, $time:literal) => {
        sums!($name, "vendor_acc_id", "vendor_id", [], $time, "sum(vendor_duration)", "sum(vendor_price)")
    };
}

static CUSTOMER_MINUTES: Projection = customer!("customer_minutes", "toStartOfMinute(time_start)");
static CUSTOMER_QUARTER_HOURS: Projection = customer!("customer_quarter_hours", "toStartOfFifteenMinutes(time_start)");
static CUSTOMER_HOURS: Projection = customer!("customer_hours", "toStartOfHour(time_start)");
static VENDOR_MINUTES: Projection = vendor!("vendor_minutes", "toStartOfMinute(time_start)");
static VENDOR_QUARTER_HOURS: Projection = vendor!("vendor_quarter_hours", "toStartOfFifteenMinutes(time_start)");
static VENDOR_HOURS: Projection = vendor!("vendor_hours", "toStartOfHour(time_start)");

pub(super) static BY_DESTINATION: Projection = Projection {
    name: "by_destination",
    columns: &[
        "customer_id",
        "customer_acc_id",
        "is_last_cdr",
        "time_start",
        "duration",
        "customer_duration",
        "customer_price",
        "dst_country_id",
        "dst_prefix_routing",
    ],
};

static VENDOR_CALLS: Projection = Projection {
    name: "vendor_calls",
    columns: &[
        "vendor_id",
        "vendor_acc_id",
        "time_start",
        "duration",
        "vendor_duration",
        "vendor_price",
        "is_last_cdr",
        "src_country_id",
        "dst_country_id",
        "src_prefix_routing",
        "dst_prefix_routing",
        "legb_disconnect_code",
        "legb_q850_cause",
        "pdd",
        "time_connect",
        "destination_prefix",
        "dst_network_id",
        "term_gw_id",
        "dialpeer_next_rate",
        "vendor_currency_id",
    ],
};

/// All that are read by their names.
pub static ALL: [&Projection; 12] = [
    &CUSTOMER_MINUTES,
    &CUSTOMER_QUARTER_HOURS,
    &CUSTOMER_HOURS,
    &VENDOR_MINUTES,
    &VENDOR_QUARTER_HOURS,
    &VENDOR_HOURS,
    &BY_DESTINATION,
    &VENDOR_CALLS,
    &OPERATOR_HOURS.projection,
    &VENDOR_DAYS.projection,
    &CUSTOMER_DAYS.projection,
    &VENDOR_CAUSES.projection,
];

/// The length of the intervals that a projection aggregates by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RollupUnit {
    /// A minute.
    Minute,
    /// A quarter of an hour, in UTC.
    QuarterHour,
    /// An hour, in UTC.
    Hour,
}

impl RollupUnit {
    /// Its seconds.
    pub fn seconds(self) -> i64 {
        match self {
            Self::Minute => 60,
            Self::QuarterHour => 900,
            Self::Hour => 3600,
        }
    }

    /// The key of the sums, as the projection's column is called.
    pub fn key(self) -> &'static str {
        match self {
            Self::Minute => "toStartOfMinute(time_start)",
            Self::QuarterHour => "toStartOfFifteenMinutes(time_start)",
            Self::Hour => "toStartOfHour(time_start)",
        }
    }

    /// The projection of one side's sums.
    pub fn of(self, side: Side) -> &'static Projection {
        match (self, side) {
            (Self::Minute, Side::Origination) => &CUSTOMER_MINUTES,
            (Self::QuarterHour, Side::Origination) => &CUSTOMER_QUARTER_HOURS,
            (Self::Hour, Side::Origination) => &CUSTOMER_HOURS,
            (Self::Minute, Side::Termination) => &VENDOR_MINUTES,
            (Self::QuarterHour, Side::Termination) => &VENDOR_QUARTER_HOURS,
            (Self::Hour, Side::Termination) => &VENDOR_HOURS,
        }
    }
}

/// In which order calls are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// As the table has them: by customer's account and time.
    Table,
    /// By customer's account, country and prefix called; time is not among it.
    Destination,
    /// By vendor's account and time.
    Vendor,
}

impl Order {
    /// The projection that has it.
    pub fn projection(self) -> Option<&'static Projection> {
        match self {
            Self::Table => None,
            Self::Destination => Some(&BY_DESTINATION),
            Self::Vendor => Some(&VENDOR_CALLS),
        }
    }

    /// The order in which the least is read for the window's calls.
    pub fn best(plan: &Plan, schema: &Schema, window: Window) -> Self {
        Self::of(plan.query.records.side(), &plan.query.filters, &needed(plan, schema), (window, plan.now))
    }

    /// The order in which the least is read of a side's calls of a window that fulfil the filters: of such that hold the
    /// columns. Behind an open window comes the clock.
    pub fn of(side: Side, filters: &[Filter], columns: &[Column], (window, now): (Window, i64)) -> Self {
        // By destination all of the destination's calls in the months are read, in the table's order all destinations' in the
        // window. Countries and prefixes have some percent of an account's calls each.
        const WORTH: i64 = 3 * 86_400;
        let order = match side {
            Side::Termination => Self::Vendor,
            Side::Origination
                if filters.iter().any(is_destination) && window.to.unwrap_or(now) - window.from >= WORTH =>
            {
                Self::Destination
            }
            Side::Origination => Self::Table,
        };
        let holds = |column: &Column| order.projection().is_none_or(|held| held.columns.contains(&column.name()));
        if columns.iter().all(holds) { order } else { Self::Table }
    }
}

/// True if the filter leaves the calls of one destination or of some.
fn is_destination(filter: &Filter) -> bool {
    matches!(
        (filter.column, &filter.test),
        (Column::DstCountryId, Test::Integer(Cmp::Eq, _) | Test::Integers(true, _))
            | (Column::DstPrefixRouting, Test::Text(TextOp::Eq | TextOp::StartsWith, _))
    )
}

/// The columns that are read besides those of the account, the tenant, the time and the duration, which every order has.
fn needed(plan: &Plan, schema: &Schema) -> Vec<Column> {
    let side = plan.query.records.side();
    let summed = plan.query.aggregates().into_iter().flat_map(|sum| schema.columns(sum, side));
    let filtered = plan.query.filters.iter().map(|filter| filter.column);
    summed.chain(filtered).chain(plan.query.key.map(BucketKey::column)).collect()
}

/// True if the sums by time hold all that the query's measures are made of.
pub fn has_sums(query: &Query) -> bool {
    let held = |sum: &Aggregate| {
        matches!(
            sum,
            Aggregate::Calls | Aggregate::Answered | Aggregate::AnsweredSeconds | Aggregate::Seconds | Aggregate::Price
        )
    };
    query.records.add_up() && query.key.is_none() && query.aggregates().iter().all(held)
}

/// Adds a condition that leaves out months without a call of the window. The table's own time does that by itself; a
/// projection in which time has no place in the order needs to be told.
pub fn months(s: &mut Statement, window: Window) {
    if let Some(first) = month(window.from) {
        s.push(" AND _partition_id >= ").bind("String", first);
    }
    if let Some(last) = window.to.and_then(month) {
        s.push(" AND _partition_id <= ").bind("String", last);
    }
}

/// The projections that a part of the table lacks: a part that has `held` and lies in `partition`, with calls from
/// `first` to `last`, epoch seconds. A part that spans months, or lies in another month than its partition, has nothing
/// that can be found by destination.
pub fn lacked(held: &[String], partition: &str, first: i64, last: i64) -> Vec<&'static str> {
    let whole = [first, last].into_iter().all(|at| month(at).is_some_and(|month| month == partition));
    let is_lacked = |name: &&str| !held.iter().any(|held| held == name) || (*name == BY_DESTINATION.name && !whole);
    ALL.into_iter().map(|projection| projection.name).filter(is_lacked).collect()
}

/// The partition of a second.
fn month(second: i64) -> Option<String> {
    let at = OffsetDateTime::from_unix_timestamp(second).ok()?;
    Some(format!("{:04}{:02}", at.year(), u8::from(at.month())))
}
