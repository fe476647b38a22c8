//! Rows that a switch inserts and cannot have meant: each kind is seen, and the usual ones are not.

mod check;
mod strict;
mod watch;

use std::process::{Command, Stdio};

use cdrscope::config::Config;
use cdrscope::config::value::Secret;
use clickhouse::Client;
use serde_json::{Value, json};
use time::OffsetDateTime;

use crate::support::app::SECRET;
use crate::support::{engine, insert};

/// The token of /metrics here.
const TOKEN: &str = "scrape-me-if-you-can";

/// Settings that look often.
fn watched(config: &mut Config) {
    config.metrics.enabled = true;
    config.metrics.token = Secret::new(TOKEN);
    config.checks.every_seconds = 1;
}

fn now() -> i64 {
    OffsetDateTime::now_utc().unix_timestamp()
}

/// A call as a switch means it, changed by `change`; ids are to differ.
fn call(id: u64, change: Value) -> Value {
    let start = now() - 600;
    let mut row = json!({
        "id": id, "customer_id": 7, "customer_acc_id": 1, "vendor_id": 8, "vendor_acc_id": 2, "is_last_cdr": 1, "success": 1,
        "time_start": start, "time_connect": start + 5, "time_end": start + 65, "duration": 60, "customer_duration": 60,
        "vendor_duration": 60, "customer_price": 0.5, "vendor_price": 0.25,
    });
    row.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
    row
}

/// A live call as a node means it, changed by `change`.
fn live(id: u64, change: Value) -> Value {
    let at = now() / 60 * 60;
    let mut row = json!({
        "id": id, "node_id": 1, "customer_id": 7, "customer_acc_id": 1, "snapshot_timestamp": at, "start_time": at - 60,
        "connect_time": at - 50,
    });
    row.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
    row
}

/// Calls that look odd and are not.
fn usual() -> Vec<Value> {
    let (not_answered, past) = (json!({ "duration": 0, "success": 0, "time_connect": null }), now() - 600);
    let with = |more: Value| {
        let mut row = not_answered.clone();
        row.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        row
    };
    let nobody = json!({ "customer_id": 0, "customer_acc_id": 0, "customer_price": 0, "customer_duration": null });
    [
        json!({}),
        with(json!({})),
        // An attempt before the last.
        with(json!({ "is_last_cdr": 0 })),
        // Refused before the caller was known.
        with(nobody),
        // Zero dates are null.
        with(json!({ "time_connect": "0000-00-00 00:00:00", "time_end": "0000-00-00 00:00:00" })),
        json!({ "duration": 3 * 86_400 }),
        json!({ "time_start": past, "time_connect": past, "time_end": past, "duration": 1 }),
        json!({ "time_start": now() + 80_000, "time_connect": null, "time_end": null, "duration": 0 }),
        json!({ "time_start": "1990-01-01 00:00:00", "time_connect": null, "time_end": null }),
        json!({ "customer_price": 0, "vendor_price": 0 }),
    ]
    .into_iter()
    .zip(1000..)
    .map(|(change, id)| call(id, change))
    .collect()
}

/// Odd calls, each odd in one way, with the kind's name.
fn odd() -> Vec<(&'static str, Value)> {
    let past = now() - 600;
    let nobody = |change: Value| {
        let mut row = json!({ "customer_id": 0, "customer_acc_id": 0 });
        row.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        row
    };
    let long = 3 * 86_400 + 1;
    let rows = [
        ("negative_duration", json!({ "duration": -1 })),
        ("negative_duration", json!({ "duration": i32::MIN })),
        ("negative_duration", json!({ "customer_duration": -1 })),
        ("negative_duration", json!({ "vendor_duration": -60 })),
        ("long_duration", json!({ "duration": long })),
        ("long_duration", json!({ "duration": i32::MAX })),
        ("long_duration", json!({ "vendor_duration": long })),
        ("long_duration", json!({ "time_start": past - long - 10, "time_connect": null })),
        ("long_duration", json!({ "time_start": "0000-00-00 00:00:00", "time_end": null })),
        ("start_before_1990", json!({ "time_start": 0, "time_connect": null, "time_end": null })),
        ("start_before_1990", json!({ "time_start": "1989-12-31 23:59:59", "time_connect": 0, "time_end": null })),
        ("start_in_future", json!({ "time_start": now() + 90_000, "time_connect": null, "time_end": null })),
        ("start_in_future", json!({ "time_end": now() + 90_000 })),
        ("start_in_future", json!({ "time_connect": now() + 90_000, "time_end": null })),
        ("no_customer", nobody(json!({}))),
        ("no_customer", nobody(json!({ "duration": 0, "customer_price": 0.5, "success": 0 }))),
        ("no_customer", nobody(json!({ "duration": 0, "customer_price": 0 }))),
        ("no_customer", json!({ "customer_id": 0, "duration": 0, "success": 0 })),
        ("no_customer", json!({ "customer_acc_id": 0, "duration": 0, "success": 0 })),
        ("negative_price", json!({ "customer_price": -1 })),
        ("negative_price", json!({ "vendor_price": -0.000_001 })),
        ("not_last", json!({ "is_last_cdr": 0 })),
        ("times_out_of_order", json!({ "time_connect": past - 1 })),
        ("times_out_of_order", json!({ "time_end": past - 1, "time_connect": null })),
        ("times_out_of_order", json!({ "time_connect": past + 70 })),
    ];
    rows.into_iter().zip(1..).map(|((kind, change), id)| (kind, call(id, change))).collect()
}

/// Odd live calls, likewise.
fn odd_live() -> Vec<(&'static str, Value)> {
    let at = now() / 60 * 60;
    let rows = [
        ("active_before_1990", json!({ "snapshot_timestamp": 0, "start_time": null, "connect_time": null })),
        ("active_in_future", json!({ "snapshot_timestamp": at + 90_000 })),
        ("active_too_long", json!({ "start_time": at - 4 * 86_400, "connect_time": null })),
        ("active_too_long", json!({ "start_time": at - 4 * 86_400, "connect_time": at - 4 * 86_400 })),
        ("active_no_customer", json!({ "customer_id": 0 })),
        ("active_no_customer", json!({ "customer_acc_id": 0, "customer_id": 0 })),
        ("active_out_of_order", json!({ "connect_time": at - 70 })),
    ];
    rows.into_iter().zip(1..).map(|((kind, change), id)| (kind, live(id, change))).collect()
}

/// Rows of each kind.
fn by_kind<'a>(rows: impl IntoIterator<Item = &'a (&'static str, Value)>) -> std::collections::BTreeMap<String, u64> {
    let mut counts = std::collections::BTreeMap::new();
    for (kind, _) in rows {
        *counts.entry((*kind).to_owned()).or_default() += 1;
    }
    counts
}

fn lines<'a>(rows: impl IntoIterator<Item = &'a Value>) -> String {
    rows.into_iter().map(|row| row.to_string() + "\n").collect()
}

async fn insert_rows<'a>(client: &Client, table: &str, rows: impl IntoIterator<Item = &'a Value>) {
    insert(client, table, &lines(rows)).await;
}

/// What a command printed, and its exit code.
struct Ran {
    code: i32,
    out: String,
    err: String,
}

/// Runs a command on a database of the shared engine.
fn run(database: &str, args: &[&str]) -> Ran {
    let output = Command::new(env!("CARGO_BIN_EXE_cdrscope"))
        .args(args)
        .args(["--clickhouse-url", engine().url(), "--clickhouse-database", database])
        .env("CDRSCOPE_CLICKHOUSE_USER", &engine().admin().user)
        .env("CDRSCOPE_CLICKHOUSE_PASSWORD", &engine().admin().password)
        .env("CDRSCOPE_AUTH_SECRET", SECRET)
        .env("CDRSCOPE_LOG", "warn")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Ran { code: output.status.code().unwrap(), out: text(output.stdout), err: text(output.stderr) }
}
