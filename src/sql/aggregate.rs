//! What a report adds up, as SQL.

use super::Statement;
use super::schema::{Causes, Schema, TableSchema};
use crate::query::filter::Column;
use crate::report::figure::Sum;
use crate::report::plan::Plan;
use crate::report::{Key, Side, delays};

/// What an aggregate is called. An operator's table may have columns of any name, and ClickHouse takes an alias for a column
/// rather than the column, so aliases have names that no table has.
pub fn name(sum: Sum) -> &'static str {
    match sum {
        Sum::Calls => "cdrscope_calls",
        Sum::Answered => "cdrscope_answered",
        Sum::AnsweredSeconds => "cdrscope_answered_seconds",
        Sum::Seconds => "cdrscope_seconds",
        Sum::Price => "cdrscope_price",
        Sum::Effective => "cdrscope_effective",
    }
}

/// Adds the aggregate of a sum.
pub fn aggregate(s: &mut Statement, sum: Sum, plan: &Plan, schema: &Schema) {
    let table = schema.table(plan.report.table);
    let duration = table.sql(Column::Duration.name());
    match sum {
        Sum::Calls => s.push("count()"),
        Sum::Answered => s.push("countIf(").push(duration).push(" > 0)"),
        Sum::AnsweredSeconds => s.push("sumIf(").push(duration).push(", ").push(duration).push(" > 0)"),
        Sum::Seconds if schema.billed_duration => {
            s.push("sum(").push(table.sql(plan.report.side.billed_duration().name())).push(")")
        }
        // Of a call that lasted less than nothing there is nothing to add, and nothing to take from others.
        Sum::Seconds => s.push("sumIf(").push(duration).push(", ").push(duration).push(" > 0)"),
        Sum::Price => s.push("sum(").push(table.sql(plan.report.side.price().name())).push(")"),
        Sum::Effective => effective(s, plan.report.side, table, &schema.causes),
    };
}

/// Adds the aggregate of sums that a projection keeps.
pub fn aggregate_of_sums(s: &mut Statement, sum: Sum, plan: &Plan, schema: &Schema) {
    match (sum, plan.report.side) {
        (Sum::Calls, _) => s.push("countMerge(`count()`)"),
        (Sum::Answered, _) => s.push("countIfMerge(`countIf(greater(duration, 0))`)"),
        (Sum::Seconds, Side::Origination) if schema.billed_duration => s.push("sumMerge(`sum(customer_duration)`)"),
        (Sum::Seconds, Side::Termination) if schema.billed_duration => s.push("sumMerge(`sum(vendor_duration)`)"),
        (Sum::AnsweredSeconds | Sum::Seconds, _) => s.push("sumIfMerge(`sumIf(duration, greater(duration, 0))`)"),
        (Sum::Price, Side::Origination) => s.push("sumMerge(`sum(customer_price)`)"),
        (Sum::Price, Side::Termination) => s.push("sumMerge(`sum(vendor_price)`)"),
        // Reports with it are never read from sums, see `projections::has_sums`; were one, it would fail and not lie.
        (Sum::Effective, _) => s.push("throwIf(1, 'not among the sums')"),
    };
}

/// How many calls did what the network is there for. A call that rang has a delay up to the ringing.
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
    s.push("countIf(").push(table.sql(Column::Duration.name())).push(" > 0 OR if(");
    s.push(table.sql(side.q850_cause().name())).push(" > 0, ");
    one_of(s, side.q850_cause(), &causes.q850, &causes.q850_rang);
    s.push(", ");
    one_of(s, side.sip_code(), &causes.sip, &causes.sip_rang);
    s.push("))")
}

/// Adds the key that rows are told apart by, if there is one.
pub fn key(s: &mut Statement, plan: &Plan, table: &TableSchema) {
    match plan.report.key {
        // A number that is no id is 0, as one that is not there.
        Some(Key::Country) => {
            s.push(", accurateCastOrDefault(")
                .push(table.sql(Column::DstCountryId.name()))
                .push(", 'UInt32') AS cdrscope_key");
        }
        Some(Key::Prefix) => {
            let number = table.sql(Column::DstPrefixRouting.name());
            s.push(", toUInt32OrZero(if(startsWith(").push(number).push(", '+'), concat('2', substring(").push(number);
            s.push(", 2, 3)), concat('1', substring(").push(number).push(", 1, 3)))) AS cdrscope_key");
        }
        // One more than the hundredths, halves up; 0 where nobody rang.
        Some(Key::Delay) => {
            let pdd = table.sql(Column::Pdd.name());
            s.push(", toUInt32(if(").push(pdd).push(" > 0, 1 + least(floor(").push(pdd).push(" * 100 + 0.5), ");
            s.bind("UInt32", delays::LONGEST).push("), 0)) AS cdrscope_key");
        }
        None => {}
    }
}
