//! Random rows.

use super::{Rng, texts};
use crate::oracle::{Account, ActiveCall, Cdr};

/// Four accounts of three customers: two of the first, one of each other.
pub fn accounts(rng: &mut Rng) -> Vec<Account> {
    let first = rng.between(1, 1000) as u32;
    let mut account = |id, customer_id| Account { id, uuid: uuid(rng), customer_id };
    vec![
        account(first + 10, first),
        account(first, first),
        account(first + 20, first + 1),
        account(first + 1, first + 2),
    ]
}

fn uuid(rng: &mut Rng) -> String {
    let digits: String = (0..32).map(|_| char::from(b"0123456789abcdef"[rng.below(16)])).collect();
    format!("{}-{}-{}-{}-{}", &digits[..8], &digits[8..12], &digits[12..16], &digits[16..20], &digits[20..])
}

/// An account's id and its owner's; in one case of ten somebody else's, which no report may show.
fn owner(rng: &mut Rng, accounts: &[Account]) -> (u32, u32) {
    let account = &accounts[rng.pick(&[0, 0, 0, 0, 1, 2, 2, 3])];
    let customer = if rng.percent(10) { rng.pick(accounts) } else { account.clone() };
    (account.id, customer.customer_id)
}

/// A second near the moment: mostly at the edges of minutes, hours and days, a few weeks away at most.
fn near(rng: &mut Rng, moment: i64) -> i64 {
    let (step, count) = rng.pick(&[(60, 90), (60, 90), (300, 40), (900, 12), (3600, 48), (86_400, 40)]);
    if rng.percent(40) {
        return moment + rng.between(-7200, 7200);
    }
    moment + step * rng.between(-count, count) + rng.between(-1, 1)
}

/// An attempt near the moment.
pub fn cdr(rng: &mut Rng, id: u64, accounts: &[Account], pool: &[String], moment: i64) -> Cdr {
    let (customer_acc_id, customer_id) = owner(rng, accounts);
    let (vendor_acc_id, vendor_id) = owner(rng, accounts);
    let duration = duration(rng);
    let billed =
        |rng: &mut Rng| (duration > 0 || rng.percent(10)).then(|| duration.saturating_add(rng.between(0, 60) as i32));
    Cdr {
        id,
        customer_id,
        vendor_id,
        customer_acc_id,
        vendor_acc_id,
        customer_price: price(rng),
        vendor_price: price(rng),
        duration,
        customer_duration: billed(rng),
        vendor_duration: billed(rng),
        time_start: near(rng, moment),
        is_last_cdr: rng.percent(75),
        auth_orig_ip: texts::address(rng),
        src_country_id: country(rng),
        dst_country_id: country(rng),
        src_prefix_routing: rng.pick(pool),
        dst_prefix_routing: rng.pick(pool),
    }
}

fn duration(rng: &mut Rng) -> i32 {
    match rng.below(20) {
        0..8 => 0,
        8 => -1,
        9 => rng.pick(&[i32::MAX, i32::MIN, -60]),
        10..15 => rng.pick(&[1, 2, 29, 30, 59, 60, 61, 3600]),
        _ => rng.between(1, 1800) as i32,
    }
}

/// Millionths.
fn price(rng: &mut Rng) -> i64 {
    match rng.below(20) {
        0..6 => 0,
        6 => rng.pick(&[999_999_999_999_999_999, -999_999_999_999_999_999]), // the most that a price can be
        7..12 => rng.pick(&[1, -1, 4_999, 5_000, 5_001, -4_999, -5_000, 10_000, 999_999, 1_000_000, -1_000_000]),
        12..14 => rng.between(-1_000_000, 0),
        _ => rng.between(0, 3_000_000),
    }
}

fn country(rng: &mut Rng) -> u32 {
    rng.pick(&[0, 1, 1, 1, 2, 2, 10, u32::MAX])
}

/// Snapshots of a few nodes near the moment, and near the clock, where some nodes have fallen silent.
pub fn active_calls(rng: &mut Rng, accounts: &[Account], pool: &[String], moment: i64, now: i64) -> Vec<ActiveCall> {
    let mut calls = Vec::new();
    for node in 1..=4 {
        for minute in -8..8 {
            let count = rng.pick(&[0, 1, 2, 2]); // none, or one, or two snapshots in this minute
            for _ in 0..count {
                let off_grid = if rng.percent(50) { rng.between(0, 59) } else { 0 };
                calls.extend(snapshot(rng, accounts, pool, node, moment.div_euclid(60) * 60 + minute * 60 + off_grid));
            }
        }
    }
    for node in 1..=6 {
        // Far enough from three periods of 30, 60 or 300 seconds to be clear for as long as the set is asked about.
        let age = rng.pick(&[0, 1, 20, 30, 125, 250, 700, 1200, -20, -500]);
        calls.extend(snapshot(rng, accounts, pool, node, now - age));
        calls.extend(snapshot(rng, accounts, pool, node, now - age - 15));
    }
    calls
}

/// A node's live calls at this second.
fn snapshot(rng: &mut Rng, accounts: &[Account], pool: &[String], node_id: i32, second: i64) -> Vec<ActiveCall> {
    let mut calls = Vec::new();
    let all_buffered = rng.percent(15);
    for _ in 0..=rng.below(4) {
        let (customer_acc_id, customer_id) = owner(rng, accounts);
        let (vendor_acc_id, vendor_id) = owner(rng, accounts);
        let rate =
            |rng: &mut Rng| rng.pick(&[None, Some(0.0), Some(2.0), Some(0.25), Some(0.1), Some(0.123_456), Some(-0.5)]);
        calls.push(ActiveCall {
            id: rng.next(), // no order of time, and none are alike
            snapshot_timestamp: second,
            node_id,
            buffered: all_buffered || rng.percent(15),
            start_time: rng.percent(90).then(|| second - rng.between(0, 5) * 10),
            connect_time: rng.percent(60).then(|| second - rng.pick(&[0, 1, 59, 60, 61, 3600, -1])),
            customer_id,
            vendor_id,
            customer_acc_id,
            vendor_acc_id,
            src_country_id: country(rng),
            dst_country_id: country(rng),
            src_name_in: rng.pick(pool),
            src_prefix_in: rng.pick(pool),
            dst_prefix_in: rng.pick(pool),
            src_prefix_routing: rng.pick(pool),
            dst_prefix_routing: rng.pick(pool),
            auth_orig_ip: texts::address(rng),
            auth_orig_port: rng.pick(&[0, 5060, 5060, u16::MAX]),
            auth_orig_protocol_id: rng.pick(&[0, 1, 2, 200]),
            destination_prefix: rng.pick(pool),
            destination_initial_interval: rng.pick(&[0, 1, 60, -1]),
            destination_next_interval: rng.pick(&[0, 1, 60]),
            destination_initial_rate: rate(rng),
            destination_next_rate: rate(rng),
            destination_fee: rate(rng),
            from_domain: rng.pick(pool),
            to_domain: rng.pick(pool),
            ruri_domain: rng.pick(pool),
            diversion_in: rng.pick(pool),
            pai_in: rng.pick(pool),
            ppi_in: rng.pick(pool),
            privacy_in: rng.pick(pool),
            rpid_in: rng.pick(pool),
            rpid_privacy_in: rng.pick(pool),
            names_protocol_as_the_report: rng.percent(30),
        });
    }
    calls
}
