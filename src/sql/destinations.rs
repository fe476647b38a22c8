//! Sums by destination, from which breakdowns by country and tariff prefix are read: of an account by day, of all vendors by hour
//! and by day; and of a vendor's account by cause too.

use std::borrow::Cow;

use super::Statement;
use super::aggregate::RowSet;
use super::choice::Source;
use super::projections::Projection;
use super::schema::Schema;
use crate::query::filter::Column;
use crate::report::Side;
use crate::report::breakdown::{Breakdown, Bucketing, Whose, WindowPart};
use crate::report::groups::Dimension;
use crate::report::measure::Aggregate;

/// Longest duration of a short call in the sums.
const SHORT_SECONDS: u8 = 15;

const CALLS: &str = "count()";
const ANSWERED: &str = "countIf(greater(duration, 0))";
const ANSWERED_SECONDS: &str = "sumIf(duration, greater(duration, 0))";
const SHORT: &str = "countIf(and(greater(duration, 0), lessOrEquals(duration, 15)))";
macro_rules! revenue {
    () => {
        "multiply(multiply(toDecimal128(customer_price_no_vat, 6), plus(toInt64(if(less(abs(multiply(ifNull(customer_currency_rate, 1), 1000000000)), 9000000000000000000), multiply(ifNull(customer_currency_rate, 1), 1000000000), 0)), toInt64(multiply(minus(if(less(abs(multiply(ifNull(customer_currency_rate, 1), 1000000000)), 9000000000000000000), multiply(ifNull(customer_currency_rate, 1), 1000000000), 0), trunc(if(less(abs(multiply(ifNull(customer_currency_rate, 1), 1000000000)), 9000000000000000000), multiply(ifNull(customer_currency_rate, 1), 1000000000), 0))), 2)))), if(greater(destination_reverse_billing, 0), -1, 1))"
    };
}
macro_rules! cost {
    () => {
        "multiply(multiply(toDecimal128(vendor_price, 6), plus(toInt64(if(less(abs(multiply(ifNull(vendor_currency_rate, 1), 1000000000)), 9000000000000000000), multiply(ifNull(vendor_currency_rate, 1), 1000000000), 0)), toInt64(multiply(minus(if(less(abs(multiply(ifNull(vendor_currency_rate, 1), 1000000000)), 9000000000000000000), multiply(ifNull(vendor_currency_rate, 1), 1000000000), 0), trunc(if(less(abs(multiply(ifNull(vendor_currency_rate, 1), 1000000000)), 9000000000000000000), multiply(ifNull(vendor_currency_rate, 1), 1000000000), 0))), 2)))), if(greater(dialpeer_reverse_billing, 0), -1, 1))"
    };
}
const REVENUE: &str = concat!("sum(", revenue!(), ")");
const COST: &str = concat!("sum(", cost!(), ")");
const LOSS: &str = concat!("sum(greatest(minus(", cost!(), ", ", revenue!(), "), toDecimal128(0, 6)))");
const LOSS_CALLS: &str = concat!("countIf(greater(minus(", cost!(), ", ", revenue!(), "), 0))");

/// Sums of calls by destination and a unit of time.
#[derive(Debug, PartialEq, Eq)]
pub struct DestinationSums {
    /// The projection that holds them.
    pub projection: Projection,
    /// Seconds of a unit, aligned to the epoch.
    pub seconds: i64,
    /// The column of a unit's first second.
    pub time: &'static str,
    /// The name in traces.
    pub source: Source,
}

macro_rules! operators {
    ($name:literal, $time:literal, $seconds:literal, $source:ident, $keys:expr) => {
        DestinationSums {
            projection: Projection {
                name: $name,
                columns: &[
                    $keys[0],
                    $keys[1],
                    $keys[2],
                    $keys[3],
                    $keys[4],
                    $keys[5],
                    CALLS,
                    ANSWERED,
                    ANSWERED_SECONDS,
                    SHORT,
                    "sum(customer_duration)",
                    "sum(customer_price)",
                    "sum(vendor_duration)",
                    "sum(vendor_price)",
                    "min(customer_currency_id)",
                    "max(customer_currency_id)",
                    "min(vendor_currency_id)",
                    "max(vendor_currency_id)",
                    REVENUE,
                    COST,
                    LOSS,
                    LOSS_CALLS,
                ],
            },
            seconds: $seconds,
            time: $time,
            source: Source::$source,
        }
    };
}

/// Of all vendors by hour.
pub static OPERATOR_HOURS: DestinationSums = operators!(
    "operator_hours",
    "toStartOfHour(time_start)",
    3600,
    OperatorHours,
    ["toStartOfHour(time_start)", "vendor_id", "vendor_acc_id", "dst_country_id", "destination_prefix", "is_last_cdr"]
);

/// Of all vendors by day, those of a vendor's account side by side.
pub static VENDOR_DAYS: DestinationSums = operators!(
    "vendor_days",
    "toStartOfDay(time_start)",
    86_400,
    VendorDays,
    ["vendor_acc_id", "vendor_id", "toStartOfDay(time_start)", "is_last_cdr", "dst_country_id", "destination_prefix"]
);

/// Of an account by day.
pub static CUSTOMER_DAYS: DestinationSums = DestinationSums {
    projection: Projection {
        name: "customer_days",
        columns: &[
            "customer_acc_id",
            "customer_id",
            "is_last_cdr",
            "toStartOfDay(time_start)",
            "dst_country_id",
            "destination_prefix",
            CALLS,
            ANSWERED,
            ANSWERED_SECONDS,
            SHORT,
            "sum(customer_duration)",
            "sum(customer_price)",
            "min(customer_currency_id)",
            "max(customer_currency_id)",
        ],
    },
    seconds: 86_400,
    time: "toStartOfDay(time_start)",
    source: Source::CustomerDays,
};

/// Of a vendor's account by day, by cause too.
pub static VENDOR_CAUSES: DestinationSums = DestinationSums {
    projection: Projection {
        name: "vendor_causes",
        columns: &[
            "vendor_acc_id",
            "vendor_id",
            "is_last_cdr",
            "toStartOfDay(time_start)",
            "legb_q850_cause",
            "legb_disconnect_code",
            "dst_country_id",
            "destination_prefix",
            CALLS,
            ANSWERED,
            ANSWERED_SECONDS,
            SHORT,
            "sum(vendor_duration)",
            "sum(vendor_price)",
            "min(vendor_currency_id)",
            "max(vendor_currency_id)",
        ],
    },
    seconds: 86_400,
    time: "toStartOfDay(time_start)",
    source: Source::VendorCauses,
};

impl DestinationSums {
    /// All of them, those that are read first before others that hold the same.
    pub const ALL: [&'static Self; 4] = [&VENDOR_DAYS, &OPERATOR_HOURS, &CUSTOMER_DAYS, &VENDOR_CAUSES];

    fn has(&self, column: &str) -> bool {
        self.projection.columns.contains(&column)
    }

    /// True if a window of a breakdown can be read from whole units of them.
    pub fn answers(&self, breakdown: &Breakdown, part: &WindowPart, schema: &Schema) -> bool {
        let (terms, side) = (&breakdown.terms, breakdown.terms.records.side());
        let is_kept = |by: &Dimension| match by {
            by if by.is_of_time() => self.divides(part),
            Dimension::Account => self.has(side.account().name()),
            by => (by.row().source)(side).is_some_and(|column| self.has(column.name())),
        };
        let owners = match &terms.whose {
            Whose::Accounts(_) => vec![side.account(), side.tenant()],
            Whose::Operator(scope, accounts) => {
                let lists = [(Column::CustomerId, scope.customers()), (Column::VendorId, scope.vendors())];
                let lists = lists.into_iter().filter(|(_, ids)| !ids.is_empty()).map(|(column, _)| column);
                let named = if accounts.is_empty() { Vec::new() } else { vec![side.account(), side.tenant()] };
                lists.chain(named).collect()
            }
        };
        let has_short = terms.short_seconds == SHORT_SECONDS;
        let holds = |sum: &Aggregate| match sum {
            Aggregate::Short => has_short,
            sum => column_of(*sum, side, schema).is_some_and(|column| self.has(&column)),
        };
        schema.cdrs.is_ours
            && breakdown.distinct_counts().is_empty()
            && !breakdown.has_delays()
            && owners.iter().all(|column| self.has(column.name()))
            && terms.by.iter().all(is_kept)
            && terms.filters.iter().all(|filter| self.has(filter.column.name()))
            && breakdown.aggregates().iter().all(holds)
    }

    /// True if no bucket of time and no hour of the wall clock begins within a unit.
    fn divides(&self, part: &WindowPart) -> bool {
        let whole = |second: i64| second.rem_euclid(self.seconds) == 0;
        let buckets = part.buckets.as_ref().is_none_or(|buckets| match buckets {
            Bucketing::Step(step) => whole(*step),
            Bucketing::Bounds(bounds) => bounds.iter().all(|bound| whole(*bound)),
        });
        // Offsets are there where a dimension is of the wall clock, whose hours and days change at full hours of it.
        let hours = self.seconds == OPERATOR_HOURS.seconds;
        let clock = part.offsets.is_empty()
            || (hours
                && part.offsets.iter().all(|(until, offset)| whole(*offset) && (*until == i64::MAX || whole(*until))));
        buckets && clock
    }
}

/// The column of the sums that an aggregate is made of; `None` for one that they do not hold.
fn column_of(sum: Aggregate, side: Side, schema: &Schema) -> Option<Cow<'static, str>> {
    let billed = match side {
        Side::Origination => "sum(customer_duration)",
        Side::Termination => "sum(vendor_duration)",
    };
    Some(Cow::Borrowed(match (sum, side) {
        (Aggregate::Calls | Aggregate::Attempts, _) => CALLS,
        (Aggregate::Answered, _) => ANSWERED,
        (Aggregate::Seconds, _) if schema.billed_duration => billed,
        (Aggregate::Seconds | Aggregate::AnsweredSeconds, _) => ANSWERED_SECONDS,
        (Aggregate::BilledSeconds, _) => billed,
        (Aggregate::Price, Side::Origination) => "sum(customer_price)",
        (Aggregate::Price, Side::Termination) => "sum(vendor_price)",
        (Aggregate::Short, _) => SHORT,
        (Aggregate::Revenue, _) => REVENUE,
        (Aggregate::Cost, _) => COST,
        (Aggregate::Loss, _) => LOSS,
        (Aggregate::LossCalls, _) => LOSS_CALLS,
        (Aggregate::CurrencyFrom, _) => return Some(format!("min({})", side.currency().name()).into()),
        (Aggregate::CurrencyTo, _) => return Some(format!("max({})", side.currency().name()).into()),
        _ => return None,
    }))
}

/// Adds an aggregate of the sums.
pub fn aggregate_of_destinations(s: &mut Statement, sum: Aggregate, over: RowSet<'_>) {
    let Some(column) = column_of(sum, over.side, over.schema) else {
        // Never asked of the sums, see `answers`; were one, it would fail and not lie.
        s.push("throwIf(1, 'not among the sums')");
        return;
    };
    let function = column.split_once('(').map_or("", |(function, _)| function);
    // All attempts count in what is of attempts; of the rest the last ones, which the sums tell apart.
    let merged = |function: &str, column: &str, is_of_attempts: bool| {
        if over.all_attempts && !is_of_attempts {
            format!("{function}MergeIf(`{column}`, is_last_cdr = 1)")
        } else {
            format!("{function}Merge(`{column}`)")
        }
    };
    let value = merged(function, &column, sum.is_of_attempts());
    match sum {
        // Above 65,535 to tell it from none, as it is read from the calls.
        Aggregate::CurrencyFrom | Aggregate::CurrencyTo => {
            let calls = merged("count", CALLS, false);
            s.push("if(").push(&calls).push(" = 0, 0, toInt64(").push(&value).push(") + 65536)")
        }
        _ => s.push(&value),
    };
}
