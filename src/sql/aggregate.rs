//! SQL of the aggregates of reports, and the columns that each is made of.

use super::Statement;
use super::schema::{Causes, Schema, TableSchema};
use crate::query::filter::Column;
use crate::report::measure::Aggregate;
use crate::report::plan::Plan;
use crate::report::{BucketKey, Side, delays};

/// The alias of an aggregate. An operator's table may have columns of any name, and ClickHouse takes an alias for a column
/// rather than the column, so aliases have names that no table has.
pub fn name(sum: Aggregate) -> &'static str {
    match sum {
        Aggregate::Calls => "cdrscope_calls",
        Aggregate::Answered => "cdrscope_answered",
        Aggregate::AnsweredSeconds => "cdrscope_answered_seconds",
        Aggregate::Seconds => "cdrscope_seconds",
        Aggregate::Price => "cdrscope_price",
        Aggregate::Effective => "cdrscope_effective",
        Aggregate::Attempts => "cdrscope_attempts",
        Aggregate::BilledSeconds => "cdrscope_billed_seconds",
        Aggregate::Established => "cdrscope_established",
        Aggregate::NotRedirected => "cdrscope_not_redirected",
        Aggregate::Ineffective => "cdrscope_ineffective",
        Aggregate::Short => "cdrscope_short",
        Aggregate::Instant => "cdrscope_instant",
        Aggregate::Longest => "cdrscope_longest",
        Aggregate::First => "cdrscope_first",
        Aggregate::Last => "cdrscope_last",
        Aggregate::SrcNumbers => "cdrscope_sources",
        Aggregate::DstNumbers => "cdrscope_destinations",
        Aggregate::Pdd(_) => "cdrscope_delay",
        Aggregate::Revenue => "cdrscope_revenue",
        Aggregate::Cost => "cdrscope_cost",
        Aggregate::Loss => "cdrscope_loss",
        Aggregate::LossCalls => "cdrscope_loss_calls",
        Aggregate::CurrencyFrom => "cdrscope_currency_from",
        Aggregate::CurrencyTo => "cdrscope_currency_to",
        // Made of those of other groups, never read.
        Aggregate::AllCalls | Aggregate::EarlierCalls | Aggregate::EarlierAnswered => "cdrscope_context",
    }
}

/// The rows that aggregates are of.
#[derive(Clone, Copy)]
pub struct RowSet<'a> {
    /// The side.
    pub side: Side,
    /// The tables.
    pub schema: &'a Schema,
    /// The table that is read.
    pub table: &'a TableSchema,
    /// True if the rows include earlier attempts of calls. Attempts and money in the system's currency are then of all rows,
    /// every other aggregate of last attempts alone.
    pub all_attempts: bool,
    /// Longest duration of a short call.
    pub short_seconds: u8,
}

impl<'a> RowSet<'a> {
    /// The rows of a plan.
    pub fn of(plan: &Plan, schema: &'a Schema) -> Self {
        let table = schema.table(plan.query.records.table());
        Self { side: plan.query.records.side(), schema, table, all_attempts: false, short_seconds: 0 }
    }

    fn sql(&self, column: Column) -> &'a str {
        self.table.sql(column.name())
    }

    /// The condition that leaves the rows that count.
    fn counted(&self) -> Option<String> {
        self.all_attempts.then(|| format!("{} = 1", self.sql(Column::IsLastCdr)))
    }
}

/// Adds the aggregate of a sum.
pub fn aggregate(s: &mut Statement, sum: Aggregate, over: RowSet<'_>) {
    let duration = over.sql(Column::Duration);
    let answered = format!("{duration} > 0");
    let sip = over.sql(over.side.sip_code());
    match sum {
        Aggregate::Calls => count(s, over, |s| s),
        Aggregate::Attempts => drop(s.push("count()")),
        Aggregate::Answered => count(s, over, |s| s.push(&answered)),
        Aggregate::AnsweredSeconds => of_if(s, over, ("sum", duration), Some(&answered)),
        Aggregate::Seconds if over.schema.billed_duration => {
            of_if(s, over, ("sum", over.sql(over.side.billed_duration())), None);
        }
        // Of a call that lasted less than nothing there is nothing to add, and nothing to take from others.
        Aggregate::Seconds => of_if(s, over, ("sum", duration), Some(&answered)),
        Aggregate::BilledSeconds => of_if(s, over, ("sum", over.sql(over.side.billed_duration())), None),
        Aggregate::Price => of_if(s, over, ("sum", over.sql(over.side.price())), None),
        Aggregate::Effective => count(s, over, |s| effective(s, over.side, over.table, &over.schema.causes)),
        Aggregate::Established => count(s, over, |s| s.push(sip).push(" IN (200, 480, 486, 600, 603)")),
        Aggregate::NotRedirected => count(s, over, |s| s.push("NOT (").push(sip).push(" BETWEEN 300 AND 399)")),
        Aggregate::Ineffective => count(s, over, |s| s.push(sip).push(" IN (408, 500, 503, 504)")),
        Aggregate::Short => count(s, over, |s| {
            s.push(&answered).push(" AND ").push(duration).push(" <= ").bind("UInt8", over.short_seconds)
        }),
        Aggregate::Instant => count(s, over, |s| {
            let (start, connect) = (over.sql(Column::TimeStart), over.sql(Column::TimeConnect));
            s.push(&answered).push(" AND toInt64(toUnixTimestamp(").push(connect).push(")) - toInt64(toUnixTimestamp(");
            s.push(start).push(")) - ").push(over.sql(Column::Pdd)).push(" <= 1")
        }),
        Aggregate::Longest => of_if(s, over, ("max", duration), Some(&answered)),
        Aggregate::First => of_if(s, over, ("min", &format!("toUnixTimestamp({})", over.sql(Column::TimeStart))), None),
        Aggregate::Last => of_if(s, over, ("max", &format!("toUnixTimestamp({})", over.sql(Column::TimeStart))), None),
        Aggregate::SrcNumbers => of_if(s, over, ("uniqExact", over.sql(Column::SrcPrefixRouting)), None),
        Aggregate::DstNumbers => of_if(s, over, ("uniqExact", over.sql(Column::DstPrefixRouting)), None),
        Aggregate::Revenue => drop(s.push("sum(").push(&money(over, Side::Origination)).push(")")),
        Aggregate::Cost => drop(s.push("sum(").push(&money(over, Side::Termination)).push(")")),
        Aggregate::Loss => drop(s.push("sum(greatest(").push(&loss(over)).push(", toDecimal128(0, 6)))")),
        Aggregate::LossCalls => drop(s.push("countIf(").push(&loss(over)).push(" > 0)")),
        Aggregate::CurrencyFrom => {
            of_if(s, over, ("min", &format!("toInt64({}) + 65536", over.sql(over.side.currency()))), None);
        }
        Aggregate::CurrencyTo => {
            of_if(s, over, ("max", &format!("toInt64({}) + 65536", over.sql(over.side.currency()))), None);
        }
        // Delays are a key of the rows that they are counted by, see `groups`.
        Aggregate::Pdd(_) => count(s, over, |s| s),
        Aggregate::AllCalls | Aggregate::EarlierCalls | Aggregate::EarlierAnswered => drop(s.push("0")),
    }
}

impl Schema {
    /// The columns that an aggregate is made of, besides those that every table has.
    pub fn columns(&self, sum: Aggregate, side: Side) -> Vec<Column> {
        match sum {
            Aggregate::Seconds if self.billed_duration => vec![side.billed_duration()],
            Aggregate::BilledSeconds => vec![side.billed_duration()],
            Aggregate::Price => vec![side.price()],
            Aggregate::Effective if self.causes.needs_pdd() => vec![side.q850_cause(), side.sip_code(), Column::Pdd],
            Aggregate::Effective => vec![side.q850_cause(), side.sip_code()],
            Aggregate::Established | Aggregate::NotRedirected | Aggregate::Ineffective => vec![side.sip_code()],
            Aggregate::Instant => vec![Column::TimeConnect, Column::Pdd],
            Aggregate::SrcNumbers => vec![Column::SrcPrefixRouting],
            Aggregate::DstNumbers => vec![Column::DstPrefixRouting],
            Aggregate::Pdd(_) => vec![Column::Pdd],
            Aggregate::Revenue => Self::money(Side::Origination),
            Aggregate::Cost => Self::money(Side::Termination),
            Aggregate::Loss | Aggregate::LossCalls => {
                [Self::money(Side::Origination), Self::money(Side::Termination)].concat()
            }
            Aggregate::CurrencyFrom | Aggregate::CurrencyTo => vec![side.currency()],
            Aggregate::Calls
            | Aggregate::Answered
            | Aggregate::AnsweredSeconds
            | Aggregate::Seconds
            | Aggregate::Attempts
            | Aggregate::Short
            | Aggregate::Longest
            | Aggregate::First
            | Aggregate::Last
            | Aggregate::AllCalls
            | Aggregate::EarlierCalls
            | Aggregate::EarlierAnswered => Vec::new(),
        }
    }

    /// The columns that a side's money is made of; a table may lack the one that turns its sign.
    fn money(side: Side) -> Vec<Column> {
        match side {
            Side::Origination => vec![Column::CustomerPriceNoVat, Column::CustomerCurrencyRate],
            Side::Termination => vec![Column::VendorPrice, Column::VendorCurrencyRate],
        }
    }
}

/// A row's money of a side in units of [`crate::report::measure::MONEY`], written with six decimals. A rate becomes nine decimals
/// once, halves away from zero, which ClickHouse's `round` of a float does not do. A price without a rate is in the system's
/// currency; a rate that is no number or beyond a type's range is 0, since the same stands in projections: there it would refuse
/// a whole batch.
fn money(over: RowSet<'_>, side: Side) -> String {
    let (price, rate) = match side {
        Side::Origination => (Column::CustomerPriceNoVat, Column::CustomerCurrencyRate),
        Side::Termination => (Column::VendorPrice, Column::VendorCurrencyRate),
    };
    let sign = if over.table.has(side.reverse_billing().name()) {
        format!(" * if({} > 0, -1, 1)", over.sql(side.reverse_billing()))
    } else {
        String::new()
    };
    let billionths = format!("ifNull({}, 1) * 1000000000", over.sql(rate));
    let billionths = format!("if(abs({billionths}) < 9000000000000000000, {billionths}, 0)");
    let rounded = format!("(toInt64({billionths}) + toInt64(({billionths} - trunc({billionths})) * 2))");
    format!("toDecimal128({}, 6) * {rounded}{sign}", over.sql(price))
}

/// A row's cost above its revenue.
fn loss(over: RowSet<'_>) -> String {
    format!("{} - {}", money(over, Side::Termination), money(over, Side::Origination))
}

/// Adds a number of rows: those that count, of them those of a condition if one is written.
fn count(s: &mut Statement, over: RowSet<'_>, condition: impl FnOnce(&mut Statement) -> &mut Statement) {
    let start = s.text.len();
    condition(s);
    let condition = s.text.split_off(start);
    match (over.counted(), condition.is_empty()) {
        (None, true) => s.push("count()"),
        (None, false) => s.push("countIf(").push(&condition).push(")"),
        (Some(counted), true) => s.push("countIf(").push(&counted).push(")"),
        (Some(counted), false) => s.push("countIf(").push(&counted).push(" AND (").push(&condition).push("))"),
    };
}

/// Adds an aggregate function of a column, over the rows that count and fulfil a condition.
fn of_if(s: &mut Statement, over: RowSet<'_>, (function, column): (&str, &str), condition: Option<&str>) {
    let all: Vec<String> = over.counted().into_iter().chain(condition.map(str::to_owned)).collect();
    s.push(function).push(if all.is_empty() { "(" } else { "If(" }).push(column);
    if !all.is_empty() {
        s.push(", ").push(&all.join(" AND "));
    }
    s.push(")");
}

/// Adds the aggregate of sums that a projection keeps.
pub fn aggregate_of_sums(s: &mut Statement, sum: Aggregate, plan: &Plan, schema: &Schema) {
    match (sum, plan.query.records.side()) {
        (Aggregate::Calls, _) => s.push("countMerge(`count()`)"),
        (Aggregate::Answered, _) => s.push("countIfMerge(`countIf(greater(duration, 0))`)"),
        (Aggregate::Seconds, Side::Origination) if schema.billed_duration => {
            s.push("sumMerge(`sum(customer_duration)`)")
        }
        (Aggregate::Seconds, Side::Termination) if schema.billed_duration => s.push("sumMerge(`sum(vendor_duration)`)"),
        (Aggregate::AnsweredSeconds | Aggregate::Seconds, _) => {
            s.push("sumIfMerge(`sumIf(duration, greater(duration, 0))`)")
        }
        (Aggregate::Price, Side::Origination) => s.push("sumMerge(`sum(customer_price)`)"),
        (Aggregate::Price, Side::Termination) => s.push("sumMerge(`sum(vendor_price)`)"),
        // Reports with others are never read from sums, see `projections::has_sums`; were one, it would fail and not lie.
        _ => s.push("throwIf(1, 'not among the sums')"),
    };
}

/// Adds the condition of effective calls: those that the network delivered. A call that rang has a delay up to the ringing.
fn effective<'s>(s: &'s mut Statement, side: Side, table: &TableSchema, causes: &Causes) -> &'s mut Statement {
    let one_of = |s: &mut Statement, column: Column, always: &[i64], rang: &[i64]| {
        let code = table.sql(column.name());
        s.push("(has(").bind_integers(always).push(", ").push(code).push(")");
        if !rang.is_empty() {
            s.push(" OR (").push(table.sql(Column::Pdd.name())).push(" > 0 AND has(").bind_integers(rang);
            s.push(", ").push(code).push("))");
        }
        s.push(")");
    };
    s.push(table.sql(Column::Duration.name())).push(" > 0 OR if(");
    s.push(table.sql(side.q850_cause().name())).push(" > 0, ");
    one_of(s, side.q850_cause(), &causes.q850, &causes.q850_rang);
    s.push(", ");
    one_of(s, side.sip_code(), &causes.sip, &causes.sip_rang);
    s.push(")")
}

/// Adds the column of the group-by dimension, if there is one.
pub fn key(s: &mut Statement, plan: &Plan, table: &TableSchema) {
    match plan.query.key {
        // A number that is no id is 0, as one that is not there.
        Some(BucketKey::Country) => {
            s.push(", accurateCastOrDefault(")
                .push(table.sql(Column::DstCountryId.name()))
                .push(", 'UInt32') AS cdrscope_key");
        }
        Some(BucketKey::Prefix) => {
            let number = table.sql(Column::DstPrefixRouting.name());
            s.push(", toUInt32OrZero(if(startsWith(").push(number).push(", '+'), concat('2', substring(").push(number);
            s.push(", 2, 3)), concat('1', substring(").push(number).push(", 1, 3)))) AS cdrscope_key");
        }
        Some(BucketKey::Delay) => {
            s.push(", ");
            delay(s, table);
            s.push(" AS cdrscope_key");
        }
        None => {}
    }
}

/// Adds one more than the hundredths of the delay, halves up; 0 where nobody rang.
pub fn delay(s: &mut Statement, table: &TableSchema) {
    let pdd = table.sql(Column::Pdd.name());
    // Never null: totals have a null in place of a key that may be one.
    s.push("toUInt32(if(").push(pdd).push(" > 0, assumeNotNull(1 + least(floor(").push(pdd).push(" * 100 + 0.5), ");
    s.bind("UInt32", delays::LONGEST).push(")), 0))");
}
