//! A small world for the oracle's own tests, and short ways to ask about it.

use super::{Account, ActiveCall, Caller, Cdr, Endpoint, Expected, Request, Settings, Time, World, answer};

/// The account of the seed, of customer 7.
pub const ACCOUNT: &str = "06a59fec-e7d9-11f0-932e-0a63caf27539";
/// An account of customer 8.
pub const FOREIGN: &str = "11111111-2222-4333-8444-555555555555";
/// 2026-01-01T12:46:00Z.
pub const T0: i64 = 1_767_271_560;

/// The two accounts, and no rows.
pub fn world() -> World {
    let account = |id, uuid: &str, customer_id| Account { id, uuid: uuid.to_owned(), customer_id };
    World { accounts: vec![account(70, ACCOUNT, 7), account(80, FOREIGN, 8)], ..World::default() }
}

/// Customer 7, with all of its accounts.
pub fn caller() -> Caller {
    Caller { customer_id: 7, account_ids: Vec::new() }
}

/// A call of account 70, and an attempt on it too.
pub fn call(time_start: i64, duration: i32) -> Cdr {
    Cdr {
        customer_id: 7,
        customer_acc_id: 70,
        vendor_id: 7,
        vendor_acc_id: 70,
        time_start,
        duration,
        is_last_cdr: true,
        ..Cdr::default()
    }
}

/// A live call of account 70 in a node's snapshot.
pub fn live(id: u64, node_id: i32, snapshot_timestamp: i64) -> ActiveCall {
    ActiveCall {
        id,
        node_id,
        snapshot_timestamp,
        customer_id: 7,
        customer_acc_id: 70,
        vendor_id: 7,
        vendor_acc_id: 70,
        ..ActiveCall::default()
    }
}

/// A request: pairs with `&` between them, nothing encoded; `ACCOUNT` stands for the account.
pub fn request(endpoint: Endpoint, pairs: &str) -> Request {
    let pair =
        |pair: &str| pair.split_once('=').map(|(name, value)| (name.to_owned(), value.replace("ACCOUNT", ACCOUNT)));
    Request { endpoint, pairs: pairs.split('&').filter_map(pair).collect() }
}

/// Status and body, ten minutes after `T0`, under these settings.
pub fn ask_with(world: &World, settings: &Settings, endpoint: Endpoint, pairs: &str) -> (u16, String) {
    match answer(world, &caller(), &request(endpoint, pairs), &Time::at(T0 + 600), settings) {
        Expected::Answer(status, body) => (status, body),
        Expected::TooManyBuckets(limit) => (400, format!("too many buckets: {limit}")),
    }
}

/// The body under default settings.
pub fn ask(world: &World, endpoint: Endpoint, pairs: &str) -> String {
    ask_with(world, &Settings::default(), endpoint, pairs).1
}
