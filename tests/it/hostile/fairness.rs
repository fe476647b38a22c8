//! One customer's load beside another's requests.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use super::connections::{metric, with_metrics};
use super::{World, until};
use crate::support::app::API;
use crate::support::http::send;

/// A second customer beside the world's, who asks for live calls: those queries end.
struct Quiet {
    path: String,
    token: String,
}

impl Quiet {
    /// From now on the world's own queries do not end.
    async fn beside(world: &World) -> Self {
        let account = world.app.account(2, 8).await;
        let token = world.app.token(8, &[]);
        // The service reads accounts behind its looks at the table, which the next line makes slow.
        world.app.until_known(account, &token).await;
        world.make_endless().await;
        let path = format!("{API}/outgoing-active-calls?account-id={account}&dst-prefix-routing-eq=1");
        Self { path, token }
    }
}

fn head(world: &World) -> String {
    format!("GET {} HTTP/1.1\r\nHost: x\r\nAuthorization: {}\r\n\r\n", world.path(), world.token)
}

async fn connect(world: &World) -> TcpStream {
    let mut stream = TcpStream::connect(world.app.url.strip_prefix("http://").unwrap()).await.unwrap();
    stream.write_all(head(world).as_bytes()).await.unwrap();
    stream
}

#[actix_web::test]
async fn a_customer_with_many_slow_queries_leaves_room_for_others() {
    let world = World::start(1, |config| {
        config.cache.enabled = false;
        config.limits.concurrent_queries = 8;
        config.limits.queue_seconds = 30;
    })
    .await;
    let quiet = Quiet::beside(&world).await;
    let mut loud = Vec::new();
    for _ in 0..48 {
        loud.push(connect(&world).await);
    }
    // Half of the slots, and no more.
    world.until_running(4).await;
    for _ in 0..16 {
        // Without a slot of its own it would wait until the others' statements reach their deadline.
        let start = Instant::now();
        let reply = world.app.get(&quiet.path, &quiet.token).await;
        assert_eq!(reply.status, 200, "{}", reply.body);
        assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
    }
    // Fewer if those reached theirs meanwhile: then the customer counts as busy. The quiet one's last may still be listed.
    assert!(world.running_but("%-active-calls").await <= 4);
    drop(loud);
    until(Duration::from_secs(5), async || world.running().await == 0).await;
}

#[actix_web::test]
async fn requests_that_are_sent_and_left_hold_nothing() {
    let world = World::start(1, |config| {
        config.cache.enabled = false;
        config.limits.requests_per_second = 20;
        config.limits.concurrent_queries = 4;
        config.limits.queries_per_customer = 4;
        config.limits.queue_seconds = 0;
    })
    .await;
    let quiet = Quiet::beside(&world).await;
    for _ in 0..3 {
        for _ in 0..16 {
            drop(connect(&world).await);
        }
        tokio::time::sleep(Duration::from_millis(300)).await;
        until(Duration::from_secs(3), async || world.running().await == 0).await;
        let reply = world.app.get(&quiet.path, &quiet.token).await;
        assert_eq!(reply.status, 200, "{}", reply.body);
    }
}

#[actix_web::test]
async fn statements_of_one_request_wait_for_one_another_without_being_refused() {
    let world = World::start(1, |config| {
        config.cache.enabled = false;
        config.limits.queries_per_customer = 1;
        config.limits.queue_seconds = 0;
    })
    .await;
    let mut panel: Value = serde_json::from_str(&world.panel()).unwrap();
    let target =
        |metric| json!({ "refId": metric, "target": metric, "payload": { "account": world.account.to_string() } });
    panel["targets"] = ["asr", "acd", "total_calls", "cps"].map(target).into();
    for _ in 0..10 {
        let request = world.app.request("POST", "/grafana/query").header("Authorization", &world.token).json(&panel);
        let reply = send(request).await;
        assert_eq!(reply.status, 200, "{}", reply.body);
    }
}

/// ClickHouse stops a statement between blocks of rows, and this one has a single block that takes seconds.
#[actix_web::test]
async fn a_slot_stays_taken_until_a_statement_that_was_left_has_ended() {
    let world = World::start(1, |config| {
        config.cache.enabled = false;
        config.limits.queries_per_customer = 1;
        config.limits.queue_seconds = 0;
        with_metrics(config);
    })
    .await;
    let slow = "CREATE VIEW cdrs AS SELECT * FROM calls \
                WHERE arrayMax(arrayMap(x -> sipHash64(x, id), range(30000000))) > 0";
    for sql in ["RENAME TABLE cdrs TO calls", slow] {
        world.app.admin.query_raw(sql).execute().await.unwrap();
    }
    let used = async || metric(&world.app, "cdrscope_query_slots_used").await;
    let mut held = 0;
    // A statement that is cancelled before its long block begins ends at once, and shows nothing.
    for _ in 0..10 {
        drop({
            let stream = connect(&world).await;
            world.until_running(1).await;
            stream
        });
        while world.running().await == 1 {
            let (slots, left) = (used().await, metric(&world.app, "cdrscope_queries_left").await);
            if world.running().await == 1 {
                assert_eq!(slots, 1.0, "{left} left");
                held += 1;
            }
        }
        if held > 0 {
            break;
        }
        until(Duration::from_secs(2), async || used().await == 0.0).await;
    }
    assert!(held > 0, "each ended too soon for this test");
    until(Duration::from_secs(2), async || used().await == 0.0).await;
}
