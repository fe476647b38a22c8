//! The six reports by time: every row into its bucket, sums per bucket, one division at the end.

use super::json::{self, Cell};
use super::number::hundredths;
use super::params::{Asked, Endpoint};
use super::{AcdUnit, ActiveCall, Caller, Cdr, Settings, TotalsCps, World};
use std::collections::{BTreeMap, BTreeSet};

/// What is summed up in a bucket.
#[derive(Clone, Copy, Debug, Default)]
struct Sums {
    calls: i128,
    answered: i128,
    answered_seconds: i128,
    seconds: i128,
    /// Millionths.
    price: i128,
}

/// The body of a report that has a grid.
pub fn body(
    world: &World,
    caller: &Caller,
    endpoint: Endpoint,
    asked: &Asked,
    grid: &[i64],
    settings: &Settings,
) -> String {
    let mut buckets: BTreeMap<i64, Sums> = BTreeMap::new();
    if asked.fill {
        buckets.extend(grid.iter().map(|start| (*start, Sums::default())));
    }
    let mut totals = Sums::default();
    if endpoint.is_active_calls() {
        for call in snapshot_rows(world, caller, endpoint, asked) {
            buckets.entry(asked.calendar.start(call.snapshot_timestamp)).or_default().calls += 1;
        }
    } else {
        for cdr in cdr_rows(world, caller, endpoint, asked) {
            let termination = endpoint.is_termination();
            add(buckets.entry(asked.calendar.start(cdr.time_start)).or_default(), cdr, termination, settings);
            add(&mut totals, cdr, termination, settings);
        }
    }
    let length = asked.calendar.seconds().unwrap_or(0).into();
    let scale = if asked.milliseconds { 1000 } else { 1 };
    let rows: Vec<Vec<Cell>> = buckets
        .iter()
        .map(|(start, sums)| cells(endpoint, i128::from(start * scale), sums, length, settings))
        .collect();
    let names = columns(endpoint);
    if asked.rows {
        return json::rows(names, &rows);
    }
    if endpoint.is_active_calls() {
        return json::columns(names, &rows, None, asked.plain_numbers);
    }
    // The buckets are those of the filled answer: what is left out of a list leaves its totals as they are.
    let count = grid.iter().chain(buckets.keys()).collect::<BTreeSet<_>>().len();
    let totals_length = match settings.totals_cps {
        TotalsCps::Bucket => length,
        TotalsCps::Range => length * i128::try_from(count).unwrap_or(0).max(1),
    };
    let totals = cells(endpoint, 0, &totals, totals_length, settings);
    json::columns(names, &rows, Some(&totals), asked.plain_numbers)
}

fn columns(endpoint: Endpoint) -> &'static [&'static str] {
    if endpoint.is_active_calls() {
        &["t", "calls"]
    } else if endpoint.is_quality() {
        &["t", "total_calls", "acd", "asr", "cps"]
    } else {
        &["t", "total_calls", "successful_calls", "failed_calls", "total_duration", "acd", "asr", "total_price"]
    }
}

fn cells(endpoint: Endpoint, t: i128, sums: &Sums, length: i128, settings: &Settings) -> Vec<Cell> {
    let acd_unit = match settings.acd_unit {
        AcdUnit::Minutes => 60,
        AcdUnit::Seconds => 1,
    };
    let acd = Cell::Fraction(hundredths(sums.answered_seconds, sums.answered * acd_unit));
    let asr = Cell::Fraction(hundredths(100 * sums.answered, sums.calls));
    if endpoint.is_active_calls() {
        vec![Cell::Count(t), Cell::Count(sums.calls)]
    } else if endpoint.is_quality() {
        vec![Cell::Count(t), Cell::Count(sums.calls), acd, asr, Cell::Fraction(hundredths(sums.calls, length))]
    } else {
        vec![
            Cell::Count(t),
            Cell::Count(sums.calls),
            Cell::Count(sums.answered),
            Cell::Count(sums.calls - sums.answered),
            Cell::Fraction(hundredths(sums.seconds, 60)),
            acd,
            asr,
            Cell::Fraction(hundredths(sums.price, 1_000_000)),
        ]
    }
}

fn add(sums: &mut Sums, cdr: &Cdr, termination: bool, settings: &Settings) {
    sums.calls += 1;
    if cdr.duration > 0 {
        sums.answered += 1;
        sums.answered_seconds += i128::from(cdr.duration);
    }
    let billed = if termination { cdr.vendor_duration } else { cdr.customer_duration };
    sums.seconds += i128::from(if settings.billed_duration { billed.unwrap_or(0) } else { cdr.duration.max(0) });
    sums.price += i128::from(if termination { cdr.vendor_price } else { cdr.customer_price });
}

/// The calls or attempts that a report over `cdrs` counts.
pub fn cdr_rows<'world>(world: &'world World, caller: &Caller, endpoint: Endpoint, asked: &Asked) -> Vec<&'world Cdr> {
    let is_ours = |cdr: &Cdr| {
        if endpoint.is_termination() {
            cdr.vendor_id == caller.customer_id && cdr.vendor_acc_id == asked.account
        } else {
            cdr.is_last_cdr && cdr.customer_id == caller.customer_id && cdr.customer_acc_id == asked.account
        }
    };
    world.cdrs.iter().filter(|cdr| is_ours(cdr) && asked.holds(cdr.time_start) && asked.passes(&cdr.facts())).collect()
}

/// The rows that a grid of live calls counts: of each node and minute those of the last snapshot inside the window,
/// which is found before anything else is looked at.
pub fn snapshot_rows<'world>(
    world: &'world World,
    caller: &Caller,
    endpoint: Endpoint,
    asked: &Asked,
) -> Vec<&'world ActiveCall> {
    let minute = |call: &ActiveCall| asked.calendar.start(call.snapshot_timestamp);
    let in_window: Vec<&ActiveCall> =
        world.active_calls.iter().filter(|call| asked.holds(call.snapshot_timestamp)).collect();
    let mut last: BTreeMap<(i32, i64), i64> = BTreeMap::new();
    for call in &in_window {
        let latest = last.entry((call.node_id, minute(call))).or_insert(call.snapshot_timestamp);
        *latest = call.snapshot_timestamp.max(*latest);
    }
    let is_ours = |call: &ActiveCall| {
        if endpoint.is_termination() {
            call.vendor_id == caller.customer_id && call.vendor_acc_id == asked.account
        } else {
            call.customer_id == caller.customer_id && call.customer_acc_id == asked.account
        }
    };
    let counts = |call: &ActiveCall| {
        last.get(&(call.node_id, minute(call))) == Some(&call.snapshot_timestamp)
            && !call.buffered
            && is_ours(call)
            && asked.passes(&call.facts())
    };
    in_window.into_iter().filter(|call| counts(call)).collect()
}
