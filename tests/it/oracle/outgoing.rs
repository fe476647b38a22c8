//! outgoing-active-calls: the live calls themselves, as each node last saw them.

use super::params::Asked;
use super::{ActiveCall, Caller, Settings, Time, World, json, time};
use std::cmp::Reverse;
use std::collections::BTreeMap;

/// The body of the report.
pub fn body(world: &World, caller: &Caller, asked: &Asked, now: &Time, settings: &Settings) -> String {
    let latest = latest(world);
    let is_silent = |call: &ActiveCall| Time::at(call.snapshot_timestamp + 3 * settings.active_calls_period) < *now;
    let is_shown = |call: &ActiveCall| {
        latest.get(&call.node_id) == Some(&call.snapshot_timestamp) && !is_silent(call) && !call.buffered
    };
    let mut calls = tenant_rows(world, caller, asked);
    calls.retain(|call| is_shown(call));
    calls.sort_by_key(|call| (Reverse(call.start_time), call.id)); // no start_time is the smallest, so it comes last
    let rows: Vec<String> = calls.iter().map(|call| row(call)).collect();
    if asked.rows {
        return format!("[{}]", rows.join(","));
    }
    format!("{{\"data\":[{}],\"rows\":{}}}", rows.join(","), rows.len())
}

/// The caller's rows that pass the filters, of any snapshot.
pub fn tenant_rows<'world>(world: &'world World, caller: &Caller, asked: &Asked) -> Vec<&'world ActiveCall> {
    let is_ours = |call: &ActiveCall| call.customer_id == caller.customer_id && call.customer_acc_id == asked.account;
    world.active_calls.iter().filter(|call| is_ours(call) && asked.passes(&call.facts())).collect()
}

/// When each node was last heard of.
fn latest(world: &World) -> BTreeMap<i32, i64> {
    let mut latest = BTreeMap::new();
    for call in &world.active_calls {
        let seen = latest.entry(call.node_id).or_insert(call.snapshot_timestamp);
        *seen = call.snapshot_timestamp.max(*seen);
    }
    latest
}

fn row(call: &ActiveCall) -> String {
    let time = |second: Option<i64>| second.map_or("null".to_owned(), |second| json::text(&time::rfc3339(second)));
    let fields = [
        ("snapshot_timestamp", time(Some(call.snapshot_timestamp))),
        ("start_time", time(call.start_time)),
        ("connect_time", time(call.connect_time)),
        ("destination_prefix", json::text(&call.destination_prefix)),
        ("destination_initial_interval", call.destination_initial_interval.to_string()),
        ("destination_initial_rate", json::number(call.destination_initial_rate)),
        ("destination_next_interval", call.destination_next_interval.to_string()),
        ("destination_next_rate", json::number(call.destination_next_rate)),
        ("destination_fee", json::number(call.destination_fee)),
        ("src_name_in", json::text(&call.src_name_in)),
        ("src_prefix_in", json::text(&call.src_prefix_in)),
        ("dst_prefix_in", json::text(&call.dst_prefix_in)),
        ("src_prefix_routing", json::text(&call.src_prefix_routing)),
        ("dst_prefix_routing", json::text(&call.dst_prefix_routing)),
        ("from_domain", json::text(&call.from_domain)),
        ("to_domain", json::text(&call.to_domain)),
        ("ruri_domain", json::text(&call.ruri_domain)),
        ("diversion_in", json::text(&call.diversion_in)),
        ("pai_in", json::text(&call.pai_in)),
        ("ppi_in", json::text(&call.ppi_in)),
        ("privacy_in", json::text(&call.privacy_in)),
        ("rpid_in", json::text(&call.rpid_in)),
        ("rpid_privacy_in", json::text(&call.rpid_privacy_in)),
        ("auth_orig_transport_protocol_id", call.auth_orig_protocol_id.to_string()),
        ("auth_orig_ip", json::text(&call.auth_orig_ip)),
        ("auth_orig_port", call.auth_orig_port.to_string()),
    ];
    let fields: Vec<String> = fields.iter().map(|(name, value)| format!("\"{name}\":{value}")).collect();
    format!("{{{}}}", fields.join(","))
}
