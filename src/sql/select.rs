//! The SELECT of each shape of report. One statement a request: the tenant's predicate first, `toStartOfInterval` for the
//! sampling, `WITH TOTALS` for the totals. Exact integers and decimals come back; ratios are made of them elsewhere.

use super::Statement;
use super::aggregate::{RowSet, aggregate, aggregate_of_sums, key, name};
use super::choice::{Segment, Source};
use super::layout;
use super::piece::{Piece, pieces};
use super::projections::{self, Order, Projection, ReadMode};
use super::schema::{Schema, TableSchema};
use crate::query::decimal;
use crate::query::filter::{Cmp, Column, Filter, Test, TextOp};
use crate::report::Table;
use crate::report::live::{self, Cell};
use crate::report::plan::{Plan, Window};
use crate::report::query::Records;

/// The statement that reads what `plan` needs. Columns: the interval's start in epoch seconds, then the report's sums; or,
/// for live calls, the columns of `live::COLUMNS`.
pub fn select(plan: &Plan, schema: &Schema, mode: ReadMode) -> Statement {
    match plan.query.records {
        Records::Calls(_) | Records::Attempts(_) => calls(plan, schema, mode),
        Records::Concurrency(_) => concurrency(plan, schema),
        Records::LiveCalls(_) => live_calls(plan, schema),
    }
}

/// A read of one statement: rows of a window, all of them or those of named parts of the table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Read {
    /// The window of time.
    pub window: Window,
    /// Only rows of these parts; all rows if empty.
    pub parts: Vec<String>,
    /// The buckets that the rows belong to; see [`select_reads`].
    pub set: Set,
}

/// Sets of buckets that one answer holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Set {
    /// Of the report's intervals, whole.
    Chunks,
    /// Of the report's intervals, cut off by the window.
    Edges,
    /// Of seconds.
    Seconds,
}

impl Set {
    /// Seconds of its buckets.
    pub fn interval(self, plan: &Plan) -> i64 {
        match self {
            Self::Chunks | Self::Edges => plan.interval,
            Self::Seconds => 1,
        }
    }
}

fn calls(plan: &Plan, schema: &Schema, mode: ReadMode) -> Statement {
    let Some(window) = plan.window else { return Statement::default() };
    reads(plan, schema, &[Read { window, parts: Vec::new(), set: Set::Chunks }], false, mode)
}

/// Several reads in one statement. The interval's start is preceded by a column that says which set of buckets the row is
/// of: 0 for chunks, 1 for edges, 2 for seconds.
pub fn select_reads(plan: &Plan, schema: &Schema, all: &[Read], mode: ReadMode) -> Statement {
    reads(plan, schema, all, true, mode)
}

fn reads(plan: &Plan, schema: &Schema, all: &[Read], tagged: bool, mode: ReadMode) -> Statement {
    let mut pieces: Vec<(&Read, Piece)> = all
        .iter()
        .flat_map(|read| pieces(plan, schema, read, mode).into_iter().map(move |piece| (read, piece)))
        .collect();
    let sums = plan.query.aggregates();
    let ours = schema.table(Table::Cdrs).is_ours;
    let (keys, order) = match (tagged, plan.query.key) {
        (false, None) => ("cdrscope_t", " ORDER BY cdrscope_t"),
        (true, None) => ("cdrscope_set, cdrscope_t", " ORDER BY cdrscope_set, cdrscope_t"),
        (false, Some(_)) => ("cdrscope_t, cdrscope_key", " ORDER BY cdrscope_t, cdrscope_key"),
        (true, Some(_)) => {
            ("cdrscope_set, cdrscope_t, cdrscope_key", " ORDER BY cdrscope_set, cdrscope_t, cdrscope_key")
        }
    };
    let inner = if plan.query.key.is_some() { " GROUP BY cdrscope_t, cdrscope_key" } else { " GROUP BY cdrscope_t" };
    let mut named: Vec<&'static Projection> = match mode {
        ReadMode::Named if ours => pieces.iter().filter_map(|(_, piece)| piece.projection(plan)).collect(),
        ReadMode::Named | ReadMode::Engine | ReadMode::Calls => Vec::new(),
    };
    named.sort_by_key(|projection| projection.name);
    named.dedup_by_key(|projection| projection.name);
    let segments = pieces.iter().map(|(read, piece)| piece.segment(read.parts.len())).collect();
    // ClickHouse keeps one list of parts for a table in a statement, so all of an answer is of one moment. It takes the columns
    // that it saw first along with the list, so the table itself comes before its projections.
    if mode == ReadMode::Named {
        pieces.sort_by_key(|(_, piece)| piece.projection(plan).is_some());
    }
    let mut s = Statement {
        patterns: plan.query.filters.iter().any(|filter| matches!(filter.test, Test::Pattern(..))),
        light: ours && pieces.iter().all(|(_, piece)| piece.is_light(plan.now)),
        named: !named.is_empty(),
        segments,
        ..Statement::default()
    };
    let alone = pieces.len() == 1;
    let is_of_sums = pieces.iter().all(|(_, piece)| matches!(piece, Piece::Sums { .. }));
    let columns = keys.split(", ").count() + sums.len();
    if !alone {
        s.push("SELECT ").push(keys);
        for sum in sums {
            s.push(", sum(").push(name(sum)).push(")");
        }
        s.push(" FROM (");
    }
    for (i, piece) in pieces.into_iter().enumerate() {
        s.push(if i == 0 { "" } else { " UNION ALL " });
        scan(&mut s, plan, schema, piece, tagged, mode);
        s.push(inner);
    }
    let guard = |s: &mut Statement| {
        if !named.is_empty() {
            s.push(" UNION ALL ");
            layout::guard(s, &named, &vec!["0"; columns], schema);
        }
    };
    if !alone {
        guard(&mut s);
        s.push(") GROUP BY ").push(keys);
    }
    s.push(" WITH TOTALS").push(order);
    if alone {
        guard(&mut s);
    }
    // The planner has chosen; ClickHouse would only look at every projection once more, or must not read any.
    if ours && mode != ReadMode::Engine {
        s.push(" SETTINGS optimize_use_projections = 0");
        // ClickHouse's former analysis takes a millisecond less over sums. Several pieces have to be of one moment, which only
        // the present one promises; filters gain nothing.
        if alone && !named.is_empty() && is_of_sums {
            s.push(", enable_analyzer = 0");
        }
    }
    s
}

/// SELECT … WHERE …, without GROUP BY.
fn scan(s: &mut Statement, plan: &Plan, schema: &Schema, (read, piece): (&Read, Piece), tagged: bool, mode: ReadMode) {
    let table = schema.table(Table::Cdrs);
    let named = piece.projection(plan).filter(|_| mode == ReadMode::Named);
    let time = table.sql(Column::TimeStart.name());
    let at = match piece {
        // A column of the projection's, or an expression by which ClickHouse finds the projection.
        Piece::Sums { unit, .. } if named.is_some() => format!("`{}`", unit.key()),
        Piece::Sums { unit, .. } => unit.key().replace(Column::TimeStart.name(), time),
        Piece::Calls { .. } => time.to_owned(),
    };
    s.push("SELECT ");
    if tagged {
        s.push(match read.set {
            Set::Chunks => "toUInt8(0) AS cdrscope_set, ",
            Set::Edges => "toUInt8(1) AS cdrscope_set, ",
            Set::Seconds => "toUInt8(2) AS cdrscope_set, ",
        });
    }
    match piece {
        // Made of such units already.
        Piece::Sums { unit, .. } if named.is_some() && unit.seconds() == read.set.interval(plan) => {
            s.push("toUInt32(").push(&at).push(")");
        }
        Piece::Sums { .. } | Piece::Calls { .. } => interval(s, &at, read.set.interval(plan)),
    }
    s.push(" AS cdrscope_t");
    key(s, plan, table);
    for sum in plan.query.aggregates() {
        s.push(", ");
        match piece {
            Piece::Sums { .. } if named.is_some() => aggregate_of_sums(s, sum, plan, schema),
            Piece::Sums { .. } | Piece::Calls { .. } => aggregate(s, sum, RowSet::of(plan, schema)),
        }
        s.push(" AS ").push(name(sum));
    }
    s.push(" FROM ");
    match named {
        Some(projection) => layout::projection(s, projection, schema),
        None => drop(s.push(&table.name)),
    }
    tenant(s, plan, table);
    if matches!(plan.query.records, Records::Calls(_)) {
        s.push(" AND ").push(table.sql(Column::IsLastCdr.name())).push(" = 1");
    }
    match piece {
        Piece::Calls { window: seconds, order } => {
            window(s, time, Some(seconds));
            if order == Order::Destination {
                projections::months(s, seconds);
            }
        }
        Piece::Sums { from, end, .. } => {
            s.push(" AND ").push(&at).push(" >= toDateTime(").bind("UInt32", from).push(")");
            if let Some(end) = end {
                s.push(" AND ").push(&at).push(" < toDateTime(").bind("UInt32", end).push(")");
            }
        }
    }
    layout::of_parts(s, &read.parts);
    filters(s, plan, table);
}

fn concurrency(plan: &Plan, schema: &Schema) -> Statement {
    let table = schema.table(Table::ActiveCalls);
    let time = table.sql(Column::SnapshotTimestamp.name());
    let node = table.sql(Column::NodeId.name());
    let segments = plan.window.map(|window| Segment::during(Source::Snapshots, window)).into_iter().collect();
    let mut s = Statement { segments, ..Statement::default() };
    s.push("SELECT ");
    interval(&mut s, time, plan.interval);
    s.push(" AS cdrscope_t, count() FROM ").push(&table.name);
    tenant(&mut s, plan, table);
    not_buffered(&mut s, table);
    window(&mut s, time, plan.window);
    // A node's last snapshot of a minute is its last whoever's calls it holds, so neither tenant nor filter stands here.
    s.push(" AND (").push(node).push(", ").push(time).push(") IN (");
    snapshots(&mut s, table, plan.window);
    s.push(", ");
    interval(&mut s, "cdrscope_at", plan.interval);
    s.push(")");
    filters(&mut s, plan, table);
    s.push(" GROUP BY cdrscope_t WITH TOTALS ORDER BY cdrscope_t");
    s
}

fn live_calls(plan: &Plan, schema: &Schema) -> Statement {
    let table = schema.table(Table::ActiveCalls);
    let time = table.sql(Column::SnapshotTimestamp.name());
    let node = table.sql(Column::NodeId.name());
    let silent = Window { from: plan.now - 3 * i64::from(schema.period_seconds), to: None };
    let mut s = Statement { segments: vec![Segment::during(Source::Snapshots, silent)], ..Statement::default() };
    for (i, column) in live::COLUMNS.iter().enumerate() {
        s.push(if i == 0 { "SELECT " } else { ", " });
        match (table.has(column.name), column.cell) {
            (false, Cell::Text) => s.push("''"),
            (false, Cell::Time | Cell::Number) => s.push("NULL"),
            (true, Cell::Time) => s.push("toUnixTimestamp(").push(table.sql(column.name)).push(")"),
            (true, Cell::Text) => s.push("ifNull(toString(").push(table.sql(column.name)).push("), '')"),
            (true, Cell::Number) => s.push(table.sql(column.name)),
        };
    }
    s.push(" FROM ").push(&table.name);
    tenant(&mut s, plan, table);
    not_buffered(&mut s, table);
    window(&mut s, time, Some(silent));
    s.push(" AND (").push(node).push(", ").push(time).push(") IN (");
    snapshots(&mut s, table, Some(silent));
    s.push(")");
    filters(&mut s, plan, table);
    s.push(" ORDER BY ");
    if table.has(Column::StartTime.name()) {
        s.push(table.sql(Column::StartTime.name())).push(" DESC NULLS LAST, ");
    }
    s.push(table.sql(Column::Id.name()));
    s
}

/// Each node and its last snapshot, whoever's calls it held, up to the keys of GROUP BY behind the node. The inner SELECT
/// has the form that the projection of snapshots answers.
fn snapshots(s: &mut Statement, table: &TableSchema, during: Option<Window>) {
    let (node, time) = (table.sql(Column::NodeId.name()), table.sql(Column::SnapshotTimestamp.name()));
    s.push("SELECT cdrscope_node, max(cdrscope_at) FROM (SELECT ").push(node).push(" AS cdrscope_node, ").push(time);
    s.push(" AS cdrscope_at FROM ").push(&table.name).push(" WHERE 1");
    window(s, time, during);
    s.push(" GROUP BY ").push(node).push(", ").push(time).push(") GROUP BY cdrscope_node");
}

/// Buckets are aligned to the epoch in UTC, whatever the server's or the column's zone.
fn interval(s: &mut Statement, time: &str, seconds: i64) {
    s.push("toUInt32(toStartOfInterval(").push(time).push(", toIntervalSecond(");
    s.bind("UInt32", seconds).push("), 'UTC'))");
}

fn tenant(s: &mut Statement, plan: &Plan, table: &TableSchema) {
    let side = plan.query.records.side();
    s.push(" WHERE ").push(table.sql(side.account().name())).push(" = ").bind("UInt32", plan.query.scope.account());
    s.push(" AND ").push(table.sql(side.tenant().name())).push(" = ").bind("UInt32", plan.query.scope.tenant());
}

fn not_buffered(s: &mut Statement, table: &TableSchema) {
    if table.has(Column::Buffered.name()) {
        s.push(" AND ").push(table.sql(Column::Buffered.name())).push(" = 0");
    }
}

pub(super) fn window(s: &mut Statement, time: &str, window: Option<Window>) {
    let Some(window) = window else { return };
    // Times begin in 1970; a window that is compared may lie before.
    s.push(" AND ").push(time).push(" >= toDateTime(").bind("UInt32", window.from.max(0)).push(")");
    match window.to {
        Some(to) if to < 0 => drop(s.push(" AND 0")),
        Some(to) => drop(s.push(" AND ").push(time).push(" <= toDateTime(").bind("UInt32", to).push(")")),
        None => {}
    }
}

fn filters(s: &mut Statement, plan: &Plan, table: &TableSchema) {
    conditions(s, &plan.query.filters, 0, (plan.query.records.table(), table));
}

/// Adds the conditions of filters behind others. Of numbers the last `masked` characters are not compared: who may not see
/// them could find them one by one.
pub(super) fn conditions(s: &mut Statement, filters: &[Filter], masked: u8, (table, schema): (Table, &TableSchema)) {
    for filter in filters {
        s.push(" AND ");
        match filter.column {
            Column::SrcPrefixRouting | Column::DstPrefixRouting if masked > 0 => {
                let shown = format!("leftUTF8({}, -{masked})", schema.sql(filter.column.name()));
                test(s, &filter.test, &shown, false);
            }
            _ => condition(s, filter, table, schema),
        }
    }
}

/// While a call rings its duration is 0; once it is answered, snapshot − answer.
fn live_duration(table: &TableSchema) -> String {
    let (time, answer) = (table.sql(Column::SnapshotTimestamp.name()), table.sql(Column::ConnectTime.name()));
    format!("ifNull(toInt64(toUnixTimestamp({time})) - toInt64(toUnixTimestamp({answer})), 0)")
}

fn condition(s: &mut Statement, filter: &Filter, table: Table, schema: &TableSchema) {
    let name = filter.column.name();
    let computed;
    let column =
        if (table, filter.column) == (Table::ActiveCalls, Column::Duration) && !schema.expressions.contains_key(name) {
            computed = live_duration(schema);
            computed.as_str()
        } else {
            schema.sql(name)
        };
    test(s, &filter.test, column, schema.ipv6.iter().any(|column| column == name));
}

/// Adds a test of a column's value; `is_ipv6` is true if the column is of that type.
fn test(s: &mut Statement, test: &Test, column: &str, is_ipv6: bool) {
    match test {
        Test::Integer(cmp, value) => s.push(column).push(operator(*cmp)).bind("Int64", value),
        Test::Decimal(cmp, value) => {
            s.push(column).push(operator(*cmp)).bind("Decimal(38, 6)", decimal::to_text(*value))
        }
        Test::Integers(any, values) => {
            s.push(column).push(if *any { " IN " } else { " NOT IN " }).bind_integers(values)
        }
        Test::Text(op, values) => text(s, column, *op, values),
        Test::Pattern(wanted, pattern) => {
            s.push(if *wanted { "match(" } else { "NOT match(" });
            s.push("ifNull(toString(").push(column).push("), ''), ").bind_text(pattern).push(")")
        }
        Test::Ipv4(ip) if is_ipv6 => s.push(column).push(" = toIPv6(").bind("String", ip.to_ipv6_mapped()).push(")"),
        Test::Ipv4(ip) => {
            s.push("toIPv4OrNull(toString(").push(column).push(")) = toIPv4(").bind("String", ip).push(")")
        }
        // toIPv6 takes dotted IPv4 text for a mapped address, which the contract tells apart.
        Test::Ipv6(ip) => {
            s.push("(position(toString(").push(column).push("), ':') > 0 AND toIPv6OrNull(toString(");
            s.push(column).push(")) = toIPv6(").bind("String", ip).push("))")
        }
        Test::Null(null) => s.push(column).push(if *null { " IS NULL" } else { " IS NOT NULL" }),
        Test::Never => s.push("0"),
        Test::Always => s.push("1"),
    };
}

fn operator(cmp: Cmp) -> &'static str {
    match cmp {
        Cmp::Eq => " = ",
        Cmp::NotEq => " != ",
        Cmp::Gt => " > ",
        Cmp::Lt => " < ",
        Cmp::GtEq => " >= ",
        Cmp::LtEq => " <= ",
    }
}

fn text<'s>(s: &'s mut Statement, column: &str, op: TextOp, values: &[String]) -> &'s mut Statement {
    let (function, compared) = match (op, values) {
        (TextOp::Eq, _) => return s.push(column).push(" IN ").bind_texts(values),
        (TextOp::NotEq, _) => return s.push(column).push(" NOT IN ").bind_texts(values),
        // One pattern: its memory and time hardly grow with the number of values, and ClickHouse finds ranges of keys by its
        // alternatives. docs/speed.md has what other forms cost.
        (TextOp::StartsWith, [_, _, ..]) => {
            return s.push("match(").push(column).push(", ").bind_text(&begins_with(values)).push(")");
        }
        (TextOp::StartsWith, _) => ("startsWith(", ")"),
        (TextOp::EndsWith, _) => ("endsWith(", ")"),
        (TextOp::Contains, _) => ("positionCaseInsensitive(", ") > 0"),
    };
    let several = values.len() > 1;
    s.push(if several { "(" } else { "" });
    for (i, value) in values.iter().enumerate() {
        s.push(if i == 0 { "" } else { " OR " }).push(function).push(column).push(", ").bind_text(value).push(compared);
    }
    s.push(if several { ")" } else { "" })
}

/// A regular expression of the texts that begin with one of the values. The engine takes it without flags: `^` is the text's
/// own beginning, and letters keep their case.
fn begins_with(values: &[String]) -> String {
    let values: Vec<String> = values.iter().map(|value| regex::escape(value)).collect();
    format!("^({})", values.join("|"))
}
