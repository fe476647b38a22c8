//! Logins by strangers: what they cost the others.

use futures_util::future::join_all;
use serde_json::json;

use super::program::Served;
use crate::support::app::API;
use crate::support::db;

/// The most memory that a process has had, in MB.
fn peak_mb(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() / 1024
}

#[actix_web::test]
async fn logins_of_many_addresses_take_the_memory_of_those_that_are_checked() {
    let db = db().await;
    let served = Served::start(&db, &[("CDRSCOPE_HTTP_TRUSTED_PROXIES", "127.0.0.1")]);
    let before = peak_mb(served.id());
    let client = reqwest::Client::new();
    let log_in = async |address: String| {
        let body = json!({ "auth": { "login": &address, "password": "x" } });
        let post = client.post(format!("{}{API}/auth", served.url)).header("X-Forwarded-For", &address).json(&body);
        post.send().await.unwrap().status().as_u16()
    };
    for round in 0..3 {
        let all = join_all((0..30).map(|n| log_in(format!("198.51.{round}.{n}")))).await;
        assert_eq!(all, [401; 30]);
    }
    // Four passwords are checked at once at the most, each in 19 MiB.
    let more = peak_mb(served.id()) - before;
    assert!(more < 4 * 19 + 30, "{more} MB");
}
