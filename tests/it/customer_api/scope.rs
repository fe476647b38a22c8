//! Who may see which account (contract 3): tenants, lists, rows that change, and addresses.

use std::time::{Duration, Instant};

use cdrscope::config::value::Value as _;
use cdrscope::token::Issue;
use serde_json::json;
use uuid::Uuid;

use super::{
    ACCOUNTS, BASE, CONCURRENCY, CUSTOMER, ORIGINATION, OUTGOING, QUALITY, STRANGER, Session, TERMINATION, uuid,
    window, world, world_with,
};
use crate::support::app::API;
use crate::support::http::send;
use crate::support::{Reply, TestApp, insert};

/// Every report, with the rest of a good query.
fn reports() -> Vec<(&'static str, String)> {
    let mut all: Vec<_> = ORIGINATION.into_iter().chain(TERMINATION).map(|report| (report, window(1))).collect();
    all.extend(CONCURRENCY.map(|report| (report, format!("from-time={BASE}&to-time={}", BASE + 59))));
    all.push((OUTGOING, String::new()));
    all
}

async fn ask(app: &TestApp, token: &str, account: impl std::fmt::Display) -> Reply {
    app.get(&format!("{API}/{QUALITY}?account-id={account}&{}", window(1)), token).await
}

/// Waits until a caller gets this status; rows count within `accounts.refresh_seconds`, and a busy machine may be slow.
async fn until_status(app: &TestApp, token: &str, account: Uuid, status: u16) {
    let start = Instant::now();
    loop {
        let reply = ask(app, token, account).await;
        if reply.status == status {
            return;
        }
        assert!(start.elapsed() < Duration::from_secs(8), "still {reply:?}, not {status}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn sql(app: &TestApp, sql: &str) {
    app.admin.query_raw(sql).execute().await.unwrap();
}

fn access(id: u32, customer: u32, accounts: &[u32], ips: &[&str]) -> String {
    json!({ "id": id, "customer_id": customer, "account_ids": accounts, "allowed_ips": ips }).to_string()
}

fn account(id: u32, uuid: Uuid, customer: u32) -> String {
    json!({ "id": id, "uuid": uuid.to_string(), "customer_id": customer, "name": "" }).to_string()
}

#[actix_web::test]
async fn every_account_that_is_not_the_callers_gets_one_and_the_same_answer() {
    let session = Session::new();
    let listed = world().token(CUSTOMER, &[session.account]);
    let unlisted = uuid(if session.account == 1 { 2 } else { 1 }).to_string();
    for (report, query) in reports() {
        for account in
            [uuid(ACCOUNTS + 1).to_string(), unlisted.clone(), Uuid::new_v4().to_string(), "x".into(), String::new()]
        {
            let path = format!("{}{API}/{report}?account-id={account}&{query}", session.url);
            let reply = send(session.client.get(path).header("Authorization", &listed)).await;
            assert_eq!(
                (reply.status, reply.body.as_str()),
                (400, r#"{"error":"invalid value account-id"}"#),
                "{report} {account}"
            );
            let mut names: Vec<&str> = reply.headers.keys().map(reqwest::header::HeaderName::as_str).collect();
            names.sort_unstable();
            assert_eq!(names.len(), 10, "{names:?}");
        }
    }
    assert_eq!(ask(world(), &listed, session.uuid()).await.status, 200);
    assert_eq!(ask(world(), &world().token(CUSTOMER, &[]), &unlisted).await.status, 200);
    // Ids of another tenant in the list open nothing.
    let foreign = world().token(CUSTOMER, &[ACCOUNTS + 1]);
    assert_eq!(ask(world(), &foreign, uuid(ACCOUNTS + 1)).await.status, 400);
    assert_eq!(ask(world(), &world().token(STRANGER, &[]), uuid(ACCOUNTS + 1)).await.status, 200);
}

#[actix_web::test]
async fn a_wrong_row_in_accounts_shows_no_call_of_another_customer() {
    let app = TestApp::start(|_| ()).await;
    let now = time::OffsetDateTime::now_utc().unix_timestamp();
    let ids = json!({ "customer_acc_id": 1, "customer_id": 7, "vendor_acc_id": 1, "vendor_id": 7 });
    let row = |more: serde_json::Value| {
        let mut row = ids.clone();
        row.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        row.to_string()
    };
    insert(&app.admin, "cdrs", &row(json!({ "id": 1, "time_start": BASE, "duration": 60, "is_last_cdr": 1 }))).await;
    for at in [BASE, now] {
        insert(
            &app.admin,
            "active_calls",
            &row(json!({ "id": 2, "snapshot_timestamp": at, "start_time": at, "node_id": 1 })),
        )
        .await;
    }
    // Account 1 is customer 7's, and the operator's table gives it to customer 8.
    let wrong = app.account(1, 8).await;
    app.until_known(wrong, &app.token(8, &[])).await;
    for (report, query) in reports() {
        let reply = app.get(&format!("{API}/{report}?account-id={wrong}&{query}"), &app.token(8, &[])).await;
        assert_eq!(reply.status, 200, "{report}");
        let (calls, rows) = (reply.json()["totals"]["total_calls"].clone(), reply.json()["data"].to_string());
        assert!(calls.is_null() || calls == 0, "{report} {}", reply.body);
        assert!(
            !rows.contains("\"calls\":[1") && !reply.body.contains("snapshot_timestamp"),
            "{report} {}",
            reply.body
        );
    }
    // The same rows are there for their owner.
    let right = app.account(1, 7).await;
    app.until_known(right, &app.token(7, &[])).await;
    for (report, query) in reports() {
        let reply = app.get(&format!("{API}/{report}?account-id={right}&{query}"), &app.token(7, &[])).await;
        let answer = reply.json();
        let seen = answer["totals"]["total_calls"] == 1
            || answer["data"]["calls"] == json!([1])
            || (report == OUTGOING && answer["rows"] == 1);
        assert!(seen, "{report} {}", reply.body);
    }
}

#[actix_web::test]
async fn the_last_inserted_row_of_an_account_counts_and_a_deleted_one_is_gone() {
    let app = TestApp::start(|_| ()).await;
    let (first, second) = (Uuid::new_v4(), Uuid::new_v4());
    let (seven, eight) = (app.token(7, &[]), app.token(8, &[]));
    insert(&app.admin, "accounts", &account(1, first, 7)).await;
    until_status(&app, &seven, first, 200).await;
    assert_eq!(ask(&app, &eight, first).await.status, 400);
    insert(&app.admin, "accounts", &account(1, first, 8)).await;
    until_status(&app, &seven, first, 400).await;
    assert_eq!(ask(&app, &eight, first).await.status, 200);
    // A new uuid for the account, and the old one is nobody's.
    insert(&app.admin, "accounts", &account(1, second, 8)).await;
    until_status(&app, &eight, second, 200).await;
    assert_eq!(ask(&app, &eight, first).await.status, 400);
    sql(&app, "DELETE FROM accounts WHERE id = 1").await;
    until_status(&app, &eight, second, 400).await;
}

#[actix_web::test]
async fn a_uuid_that_two_accounts_share_is_nobodys() {
    let app = TestApp::start(|_| ()).await;
    let (shared, sound) = (Uuid::new_v4(), Uuid::new_v4());
    let rows = [account(1, shared, 7), account(2, shared, 8), account(3, sound, 7)].join("\n");
    insert(&app.admin, "accounts", &rows).await;
    until_status(&app, &app.token(7, &[]), sound, 200).await;
    for customer in [7, 8] {
        assert_eq!(ask(&app, &app.token(customer, &[]), shared).await.status, 400);
    }
}

#[actix_web::test]
async fn a_static_token_is_worth_what_the_last_row_of_its_id_says_and_nothing_once_it_is_deleted() {
    let app = TestApp::start(|_| ()).await;
    let (one, two, other) = (app.account(1, 7).await, app.account(2, 7).await, app.account(3, 8).await);
    let token = app.sign(&Issue::Access(38), 600);
    assert_eq!(ask(&app, &token, one).await.status, 401);
    insert(&app.admin, "api_access", &access(38, 7, &[], &[])).await;
    until_status(&app, &token, one, 200).await;
    assert_eq!((ask(&app, &token, two).await.status, ask(&app, &token, other).await.status), (200, 400));
    insert(&app.admin, "api_access", &access(38, 7, &[2, 3], &[])).await;
    until_status(&app, &token, one, 400).await;
    assert_eq!((ask(&app, &token, two).await.status, ask(&app, &token, other).await.status), (200, 400));
    insert(&app.admin, "api_access", &access(38, 8, &[], &["127.0.0.1"])).await;
    until_status(&app, &token, other, 200).await;
    for ips in [&["192.0.2.1"][..], &["127.0.0.1", "x"], &["127.0.0.1/8/8"], &[""]] {
        insert(&app.admin, "api_access", &access(38, 8, &[], ips)).await;
        until_status(&app, &token, other, 401).await;
        insert(&app.admin, "api_access", &access(38, 8, &[], &["127.0.0.0/8", "192.0.2.1"])).await;
        until_status(&app, &token, other, 200).await;
    }
    sql(&app, "DELETE FROM api_access WHERE id = 38").await;
    until_status(&app, &token, other, 401).await;
    // A dynamic token needs no row.
    assert_eq!(ask(&app, &app.token(8, &[]), other).await.status, 200);
}

/// A token for the session's customer, good from these addresses.
fn bound(ips: &[&str]) -> String {
    let allowed_ips = ips.iter().map(|ip| (*ip).to_owned()).collect();
    world().sign(&Issue::Grant { customer_id: CUSTOMER, account_ids: Vec::new(), allowed_ips, debug: false }, 600)
}

async fn status_with(session: &Session, ips: &[&str], headers: &[(&str, &str)]) -> u16 {
    let url = format!("{}{API}/{QUALITY}?account-id={}&{}", session.url, session.uuid(), window(1));
    let mut request = session.client.get(url).header("Authorization", bound(ips));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    send(request).await.status
}

#[actix_web::test]
async fn allowed_addresses_are_checked_against_the_peer_whatever_it_says_of_itself() {
    let session = Session::new();
    for (ips, status) in [
        (&[][..], 200),
        (&["127.0.0.1"], 200),
        (&["127.0.0.0/8"], 200),
        (&["192.0.2.1", "127.0.0.1/32"], 200),
        (&["0.0.0.0/0"], 200),
        (&["192.0.2.1"], 401),
        (&["127.0.0.2"], 401),
        (&["::/0"], 401),
        (&["::1"], 401),
    ] {
        assert_eq!(status_with(&session, ips, &[]).await, status, "{ips:?}");
    }
    for name in ["X-Forwarded-For", "X-Real-IP", "Forwarded", "Client-IP", "X-Client-IP", "True-Client-IP"] {
        for value in ["192.0.2.1", "for=192.0.2.1"] {
            assert_eq!(status_with(&session, &["192.0.2.1"], &[(name, value)]).await, 401, "{name}");
            assert_eq!(status_with(&session, &["127.0.0.1"], &[(name, value)]).await, 200, "{name}");
        }
    }
}

#[actix_web::test]
async fn behind_trusted_proxies_the_last_forwarded_address_that_is_none_of_them_counts() {
    let app = world_with(|config| {
        config.http.trusted_proxies = Vec::parse("127.0.0.1,10.0.0.0/8,2001:db8:ffff::/48").unwrap();
    })
    .await;
    let session = Session::at(&app);
    const FORWARDED: &str = "X-Forwarded-For";
    for (headers, status) in [
        // Without either header the proxy itself asks.
        (&[][..], 401),
        (&[(FORWARDED, "192.0.2.1")], 200),
        (&[(FORWARDED, "  192.0.2.1 ")], 200),
        (&[(FORWARDED, "192.0.2.1, 10.0.0.5")], 200),
        (&[(FORWARDED, "192.0.2.1,10.0.0.5,127.0.0.1,2001:db8:ffff::1")], 200),
        (&[(FORWARDED, "::ffff:192.0.2.1")], 200),
        (&[(FORWARDED, "198.51.100.1, 192.0.2.1")], 200),
        // What stands on the left, the caller wrote.
        (&[(FORWARDED, "192.0.2.1, 198.51.100.1")], 401),
        (&[(FORWARDED, "192.0.2.1, 198.51.100.1, 10.0.0.5")], 401),
        (&[(FORWARDED, "192.0.2.1, 192.0.2.2")], 401),
        // Several headers are one list.
        (&[(FORWARDED, "192.0.2.1"), (FORWARDED, "198.51.100.1")], 401),
        (&[(FORWARDED, "198.51.100.1"), (FORWARDED, "192.0.2.1")], 200),
        (&[(FORWARDED, "198.51.100.1, 192.0.2.1"), (FORWARDED, "10.1.1.1, 127.0.0.1")], 200),
        // Proxies only: none of them is the allowed one.
        (&[(FORWARDED, "10.0.0.1, 10.0.0.2")], 401),
        // What does not read is nobody's address.
        (&[(FORWARDED, "")], 401),
        (&[(FORWARDED, "192.0.2.1, unknown")], 401),
        (&[(FORWARDED, "192.0.2.1,")], 401),
        (&[(FORWARDED, "192.0.2.1 10.0.0.1")], 401),
        (&[(FORWARDED, "unknown, 192.0.2.1")], 200),
        // X-Real-IP only where X-Forwarded-For is absent.
        (&[("X-Real-IP", "192.0.2.1")], 200),
        (&[("X-Real-IP", "198.51.100.1")], 401),
        (&[("X-Real-IP", "x")], 401),
        (&[("X-Real-IP", "192.0.2.1"), (FORWARDED, "198.51.100.1")], 401),
        (&[("X-Real-IP", "198.51.100.1"), (FORWARDED, "192.0.2.1")], 200),
        (&[("X-Real-IP", "192.0.2.1"), (FORWARDED, "10.0.0.1")], 401),
    ] {
        assert_eq!(status_with(&session, &["192.0.2.1"], headers).await, status, "{headers:?}");
    }
    assert_eq!(status_with(&session, &["10.0.0.0/8"], &[(FORWARDED, "10.0.0.1, 10.0.0.2")]).await, 200);
    assert_eq!(status_with(&session, &["127.0.0.1"], &[]).await, 200);
    assert_eq!(status_with(&session, &[], &[(FORWARDED, "unknown")]).await, 200);
}
