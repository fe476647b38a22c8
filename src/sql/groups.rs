//! The statements of breakdowns: rows for each group of each window, from the calls or from sums. One statement reads both windows.

use std::collections::BTreeMap;

use super::Statement;
use super::aggregate::{RowSet, aggregate, delay, name};
use super::destinations::aggregate_of_destinations;
use super::group_pieces::{GroupPiece, calls, pieces, selects};
use super::layout;
use super::projections::{self, Order, Projection, ReadMode};
use super::schema::{Schema, TableSchema};
use super::select::{conditions, window};
use crate::query::filter::{Column, Test};
use crate::query::scope::OperatorScope;
use crate::report::breakdown::{Breakdown, Bucketing, OwnAccount, Whose, WindowPart};
use crate::report::groups::{Dimension, KeyKind};
use crate::report::measure::{Aggregate, Merge};
use crate::report::query::Records;
use crate::report::{Side, Table, delays};

/// Rows by delay that ClickHouse may hold for each group.
const DELAYS: u64 = 64;

/// Rows by delay that ClickHouse may hold in any case: as many groups as there may be have every delay that there is.
const DELAYS_OF_FEW: u64 = 10_000_000;

/// The statement that reads a breakdown's groups. Columns: 0 for the window asked for and 1 for the one compared with, the keys,
/// the aggregates of [`Breakdown::aggregates`], those of [`Breakdown::distinct_counts`], and where delays are wanted two lists: delays as
/// in `report::delays`, and the number of calls of each.
pub fn groups(breakdown: &Breakdown, schema: &Schema, mode: ReadMode, (max_groups, now): (u64, i64)) -> Statement {
    let mut s = begin(breakdown, schema, mode, now);
    let keys: Vec<String> = (0..breakdown.terms.by.len()).map(|place| format!("cdrscope_k{place}")).collect();
    let keys = keys.join(", ");
    let sums = breakdown.aggregates();
    let distinct = breakdown.distinct_counts();
    let delays = breakdown.has_delays();
    if delays {
        s.push("SELECT cdrscope_set, ").push(&keys);
        for sum in &sums {
            s.push(match sum.merge() {
                Merge::Larger => ", max(",
                // 0 is none, and a number of a group in which nothing counts.
                Merge::Smaller => ", minIf(",
                _ => ", sum(",
            });
            s.push(name(*sum));
            if sum.merge() == Merge::Smaller {
                s.push(", ").push(name(*sum)).push(" > 0");
            }
            s.push(")");
        }
        for sum in &distinct {
            s.push(", uniqExactMerge(").push(name(*sum)).push(")");
        }
        s.push(", groupArray(cdrscope_delay_key), groupArray(cdrscope_delay) FROM (");
    }
    let selects = selects(breakdown, schema, mode, now);
    for (i, select) in selects.iter().enumerate() {
        let Some((part, piece)) = select.pieces.first() else { continue };
        let time = piece.time(schema);
        s.push(if i == 0 { "SELECT toUInt8(" } else { " UNION ALL SELECT toUInt8(" });
        match select.place {
            Some(place) => s.push(if place == 0 { "0" } else { "1" }),
            None => s.push(&time).push(" < toDateTime(").bind("UInt32", breakdown.now.window.from.max(0)).push(")"),
        };
        s.push(") AS cdrscope_set");
        for (place, by) in breakdown.terms.by.iter().enumerate() {
            s.push(", ");
            key(&mut s, *by, breakdown, (part, &time), schema);
            s.push(" AS cdrscope_k").push(&place.to_string());
        }
        let over = over(breakdown, schema);
        for sum in &sums {
            s.push(", ");
            match piece {
                GroupPiece::Sums { .. } => aggregate_of_destinations(&mut s, *sum, over),
                GroupPiece::Calls { .. } => aggregate(&mut s, *sum, over),
            }
            s.push(" AS ").push(name(*sum));
        }
        for sum in &distinct {
            s.push(", ");
            let start = s.text.len();
            aggregate(&mut s, *sum, over);
            if delays {
                let text = s.text.split_off(start);
                // The If comes behind, so that the state is one of uniqExact.
                s.push(&text.replacen("uniqExact", "uniqExactState", 1));
            }
            s.push(" AS ").push(name(*sum));
        }
        if delays {
            s.push(", ");
            aggregate(&mut s, Aggregate::Pdd(0), over);
            s.push(" AS ").push(name(Aggregate::Pdd(0))).push(", ");
            delay(&mut s, &schema.cdrs);
            s.push(" AS cdrscope_delay_key");
        }
        let pieces: Vec<GroupPiece> = select.pieces.iter().map(|(_, piece)| *piece).collect();
        rows(&mut s, breakdown, &pieces, schema);
        s.push(if select.place.is_none() { " GROUP BY cdrscope_set, " } else { " GROUP BY " });
        s.push(&keys).push(if delays { ", cdrscope_delay_key" } else { "" });
    }
    // Beside the rows of parts, not of groups: lists have no place for its zeros.
    let empty = breakdown.terms.by.iter().map(|by| match by.row().kind {
        KeyKind::Text => "''",
        KeyKind::Rate => "toDecimal64OrNull('', 9)",
        KeyKind::Time
        | KeyKind::Account
        | KeyKind::Contractor
        | KeyKind::Country
        | KeyKind::Integer
        | KeyKind::Flag => "0",
    });
    let zeros = sums.len() + distinct.len() + if delays { 2 } else { 0 };
    let empty: Vec<&str> = std::iter::once("0").chain(empty).chain(std::iter::repeat_n("0", zeros)).collect();
    guard(&mut s, breakdown, schema, mode, (&empty, now));
    if delays {
        s.push(") GROUP BY cdrscope_set, ").push(&keys);
    }
    choice(&mut s, schema, mode);
    // ClickHouse's former analysis takes less time over sums; see `select`.
    if matches!(&selects[..], [only] if only.pieces.iter().all(|(_, piece)| matches!(piece, GroupPiece::Sums { .. }))) {
        s.push(", enable_analyzer = 0");
    }
    // A small bound of groups is none of delays: each group may have 6,001 of them.
    let most = if delays {
        max_groups
            .saturating_mul(u64::from(delays::LONGEST) + 2)
            .min(DELAYS_OF_FEW.max(max_groups.saturating_mul(DELAYS)))
    } else {
        max_groups
    };
    s.push(if s.text.contains(" SETTINGS ") { ", " } else { " SETTINGS " });
    // ClickHouse counts before it has sorted out which rows are of one group, so that a bound is no exact one there.
    let windows = if selects.iter().any(|select| select.place.is_none()) { 2 } else { 1 };
    s.push("max_rows_to_group_by = ")
        .push(&(most.saturating_mul(2 * windows)).to_string())
        .push(", group_by_overflow_mode = 'throw'");
    s
}

/// The statement that counts the different numbers of all calls, and of those whose group is not among `shown` of each window.
/// A group is named by its keys: each in hexadecimal or `n` for null, with hyphens between.
pub fn distinct_of_others(
    breakdown: &Breakdown,
    schema: &Schema,
    mode: ReadMode,
    shown: &[Vec<String>; 2],
    now: i64,
) -> Statement {
    let mut s = begin(breakdown, schema, mode, now);
    for ((place, part), shown) in breakdown.parts().enumerate().zip(shown) {
        s.push(if place == 0 { "SELECT toUInt8(0)" } else { " UNION ALL SELECT toUInt8(1)" });
        let over = over(breakdown, schema);
        for sum in breakdown.distinct_counts() {
            s.push(", ");
            aggregate(&mut s, sum, over);
        }
        for sum in breakdown.distinct_counts() {
            let column = if sum == Aggregate::SrcNumbers { Column::SrcPrefixRouting } else { Column::DstPrefixRouting };
            s.push(", uniqExactIf(").push(schema.cdrs.sql(column.name())).push(", ");
            if breakdown.reads_attempts() {
                s.push(schema.cdrs.sql(Column::IsLastCdr.name())).push(" = 1 AND ");
            }
            // A report by time shows every group.
            if breakdown.terms.series.is_some() {
                s.push("0)");
                continue;
            }
            group_text(&mut s, breakdown, part, schema);
            s.push(" NOT IN ").bind_many_texts(shown).push(")");
        }
        rows(&mut s, breakdown, &[calls(breakdown, part.window, schema, (mode, now))], schema);
    }
    guard(&mut s, breakdown, schema, mode, (&vec!["0"; 1 + 2 * breakdown.distinct_counts().len()], now));
    choice(&mut s, schema, mode);
    s
}

fn group_text(s: &mut Statement, breakdown: &Breakdown, part: &WindowPart, schema: &Schema) {
    s.push("arrayStringConcat([");
    for (place, by) in breakdown.terms.by.iter().enumerate() {
        s.push(if place == 0 { "ifNull(hex(toString(" } else { ", ifNull(hex(toString(" });
        key(s, *by, breakdown, (part, schema.cdrs.sql(Column::TimeStart.name())), schema);
        s.push(")), 'n')");
    }
    s.push("], '-')");
}

fn over<'a>(breakdown: &Breakdown, schema: &'a Schema) -> RowSet<'a> {
    RowSet {
        side: breakdown.terms.records.side(),
        schema,
        table: &schema.cdrs,
        all_attempts: breakdown.reads_attempts(),
        short_seconds: breakdown.terms.short_seconds,
    }
}

fn named(breakdown: &Breakdown, schema: &Schema, mode: ReadMode, now: i64) -> Vec<&'static Projection> {
    let pieces = pieces(breakdown, schema, mode, now).into_iter();
    let mut named: Vec<&'static Projection> = pieces.filter_map(|(.., piece)| piece.projection()).collect();
    named.sort_by_key(|projection| projection.name);
    named.dedup_by_key(|projection| projection.name);
    named
}

fn begin(breakdown: &Breakdown, schema: &Schema, mode: ReadMode, now: i64) -> Statement {
    Statement {
        patterns: breakdown.terms.filters.iter().any(|filter| matches!(filter.test, Test::Pattern(..))),
        named: !named(breakdown, schema, mode, now).is_empty(),
        segments: pieces(breakdown, schema, mode, now).into_iter().map(|(.., piece)| piece.segment()).collect(),
        ..Statement::default()
    }
}

/// Adds the guard of the projections that are read by name: a SELECT of no row and these columns.
fn guard(s: &mut Statement, breakdown: &Breakdown, schema: &Schema, mode: ReadMode, (columns, now): (&[&str], i64)) {
    let named = named(breakdown, schema, mode, now);
    if !named.is_empty() {
        s.push(" UNION ALL ");
        layout::guard(s, &named, columns, schema);
    }
}

/// Adds the settings of the planner's choice.
fn choice(s: &mut Statement, schema: &Schema, mode: ReadMode) {
    if schema.cdrs.is_ours && mode != ReadMode::Engine {
        s.push(" SETTINGS optimize_use_projections = 0");
    }
}

/// Adds FROM and WHERE of pieces of one source.
fn rows(s: &mut Statement, breakdown: &Breakdown, pieces: &[GroupPiece], schema: &Schema) {
    let (table, side) = (&schema.cdrs, breakdown.terms.records.side());
    s.push(" FROM ");
    match pieces.first().and_then(|piece| piece.projection()) {
        Some(projection) => layout::projection(s, projection, schema),
        None => drop(s.push(&table.name)),
    }
    s.push(" WHERE ");
    owners(s, &breakdown.terms.whose, (table, side));
    if matches!(breakdown.terms.records, Records::Calls(_)) && !breakdown.reads_attempts() {
        s.push(" AND ").push(table.sql(Column::IsLastCdr.name())).push(" = 1");
    }
    match pieces {
        [piece] => times(s, *piece, schema),
        pieces => {
            for (i, piece) in pieces.iter().enumerate() {
                s.push(if i == 0 { " AND ((1" } else { " OR (1" });
                times(s, *piece, schema);
                s.push(")");
            }
            s.push(")");
        }
    }
    conditions(s, &breakdown.terms.filters, breakdown.terms.masked, (Table::Cdrs, table));
}

/// Adds the condition of a piece's time, behind others.
fn times(s: &mut Statement, piece: GroupPiece, schema: &Schema) {
    let time = piece.time(schema);
    match piece {
        GroupPiece::Calls { window: seconds, order } => {
            window(s, &time, Some(seconds));
            if order == Order::Destination {
                projections::months(s, seconds);
            }
        }
        GroupPiece::Sums { from, end, .. } => {
            s.push(" AND ").push(&time).push(" >= toDateTime(").bind("UInt32", from).push(")");
            if let Some(end) = end {
                s.push(" AND ").push(&time).push(" < toDateTime(").bind("UInt32", end).push(")");
            }
        }
    }
}

/// Adds the condition that calls belong to these owners.
pub(super) fn owners(s: &mut Statement, whose: &Whose, (table, side): (&TableSchema, Side)) {
    match whose {
        Whose::Accounts(accounts) => {
            one_of(s, table.sql(side.account().name()), accounts.iter().map(|account| account.scope.account()));
            s.push(" AND ").push(table.sql(side.tenant().name())).push(" = ").bind("UInt32", whose.tenant());
        }
        Whose::Operator(scope, accounts) => operators(s, scope, accounts, (table, side)),
    }
}

/// Adds the condition of the calls that an operator's caller sees.
fn operators(s: &mut Statement, scope: &OperatorScope, accounts: &[OwnAccount], (table, side): (&TableSchema, Side)) {
    // A caller without lists sees all.
    s.push("1");
    if !accounts.is_empty() {
        // An account's number is its owner's: of another's calls under the same number none count.
        let mut owned: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
        for account in accounts {
            owned.entry(account.scope.tenant()).or_default().push(account.scope.account());
        }
        for (place, (owner, accounts)) in owned.into_iter().enumerate() {
            s.push(if place == 0 { " AND (" } else { " OR " });
            one_of(s, table.sql(side.account().name()), accounts.into_iter());
            s.push(" AND ").push(table.sql(side.tenant().name())).push(" = ").bind("UInt32", owner);
        }
        s.push(")");
    }
    for (column, ids) in [(Column::CustomerId, scope.customers()), (Column::VendorId, scope.vendors())] {
        if !ids.is_empty() {
            s.push(" AND ");
            one_of(s, table.sql(column.name()), ids.iter().copied());
        }
    }
}

/// Adds the condition that a column has one of these values.
fn one_of(s: &mut Statement, column: &str, ids: impl ExactSizeIterator<Item = u32>) {
    let ids: Vec<i64> = ids.map(i64::from).collect();
    s.push(column);
    match ids.as_slice() {
        [id] => s.push(" = ").bind("UInt32", id),
        ids => s.push(" IN ").bind_integers(ids),
    };
}

/// Adds a group's key.
fn key(s: &mut Statement, by: Dimension, breakdown: &Breakdown, (part, time): (&WindowPart, &str), schema: &Schema) {
    let (table, side) = (&schema.cdrs, breakdown.terms.records.side());
    let column = (by.row().source)(side).map_or("", |column| table.sql(column.name()));
    match (by, by.row().kind) {
        (Dimension::Time, _) => match &part.buckets {
            Some(Bucketing::Bounds(bounds)) => {
                s.push("roundDown(toInt64(toUnixTimestamp(")
                    .push(time)
                    .push(")), ")
                    .bind_many_integers(bounds)
                    .push(")");
            }
            Some(Bucketing::Step(step)) => {
                s.push("intDiv(toInt64(toUnixTimestamp(").push(time).push(")), ").bind("Int64", step).push(") * ");
                s.bind("Int64", step);
            }
            None => drop(s.push("0")),
        },
        (Dimension::HourOfDay, _) => {
            s.push("intDiv(");
            wall_clock(s, time, part);
            s.push(" % 86400, 3600)");
        }
        (Dimension::DayOfWeek, _) => {
            // 1 January 1970 was a Thursday.
            s.push("(intDiv(");
            wall_clock(s, time, part);
            s.push(", 86400) + 3) % 7 + 1");
        }
        (Dimension::Account, _) => drop(s.push("toUInt32(").push(table.sql(side.account().name())).push(")")),
        (Dimension::Answered, _) => drop(s.push("toUInt8(").push(table.sql(Column::Duration.name())).push(" > 0)")),
        (Dimension::DstPrefix, _) => beginning(s, column, breakdown.terms.digits.0, breakdown.terms.masked),
        (Dimension::SrcPrefix, _) => beginning(s, column, breakdown.terms.digits.1, breakdown.terms.masked),
        (_, KeyKind::Country) if table.is_ours => drop(s.push(column)),
        // A number that is no id is 0, as one that is not there.
        (_, KeyKind::Country) => drop(s.push("accurateCastOrDefault(").push(column).push(", 'UInt32')")),
        (_, KeyKind::Text) => drop(s.push("toString(").push(column).push(")")),
        (_, KeyKind::Rate) => drop(s.push("toDecimal64OrNull(toString(").push(column).push("), 9)")),
        (_, KeyKind::Integer | KeyKind::Flag | KeyKind::Time | KeyKind::Account | KeyKind::Contractor) => {
            s.push("toInt64(").push(column).push(")");
        }
    }
}

/// Adds the first digits of a number, and a plus before them; of a number whose end is masked, none of those at its end.
fn beginning(s: &mut Statement, column: &str, digits: u8, masked: u8) {
    s.push("substringUTF8(").push(column).push(", 1, ");
    if masked > 0 {
        s.push("least(greatest(toInt64(lengthUTF8(").push(column).push(")) - ").bind("UInt8", masked).push(", 0), ");
    }
    s.bind("UInt8", digits).push(" + startsWith(").push(column).push(", '+')");
    s.push(if masked > 0 { "))" } else { ")" });
}

/// Adds the second of the wall clock, counted as if it had never changed.
fn wall_clock(s: &mut Statement, time: &str, part: &WindowPart) {
    let second = format!("toInt64(toUnixTimestamp({time}))");
    s.push("(").push(&second).push(" + ");
    let (last, changes) = part.offsets.split_last().map_or((0, &[][..]), |((_, last), changes)| (*last, changes));
    if changes.is_empty() {
        s.bind("Int64", last);
    } else {
        s.push("multiIf(");
        for (until, offset) in changes {
            s.push(&second).push(" < ").bind("Int64", until).push(", ").bind("Int64", offset).push(", ");
        }
        s.bind("Int64", last).push(")");
    }
    s.push(")");
}
