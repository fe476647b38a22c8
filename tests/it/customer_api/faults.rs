//! ClickHouse slow, busy, failing or gone, and callers that ask too often (contract 2).

use std::sync::Arc;
use std::time::{Duration, Instant};

use cdrscope::config::Config;
use cdrscope::config::value::Secret;
use cdrscope::embedded::EmbeddedEngine;
use cdrscope::migrate::status;
use cdrscope::service::Service;
use cdrscope::token::Keys;
use futures_util::future::join_all;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;
use uuid::Uuid;

use super::{BASE, QUALITY, Session, window, world_with};
use crate::support::app::{API, SECRET};
use crate::support::http::send;
use crate::support::{Reply, TestApp, db_on, engine_options, insert};

/// An account with some calls, in a database of its own.
struct Own {
    app: TestApp,
    account: Uuid,
    token: String,
}

impl Own {
    /// Nothing is remembered: ClickHouse is asked every time.
    async fn start(calls: i64, change: impl FnOnce(&mut Config)) -> Self {
        let forgetful = |config: &mut Config| {
            config.cache.enabled = false;
            change(config);
        };
        Self::with(TestApp::start(forgetful).await, calls).await
    }

    async fn with(app: TestApp, calls: i64) -> Self {
        let (account, token) = (app.account(1, 7).await, app.token(7, &[]));
        let row = |n: i64| json!({ "id": n, "customer_acc_id": 1, "customer_id": 7, "time_start": BASE + n, "duration": 60, "is_last_cdr": 1 });
        let lines: String = (1..=calls).map(|n| row(n).to_string() + "\n").collect();
        insert(&app.admin, "cdrs", &lines).await;
        app.until_known(account, &token).await;
        Self { app, account, token }
    }

    fn path(&self) -> String {
        format!("{API}/{QUALITY}?account-id={}&{}", self.account, window(1))
    }

    async fn ask(&self) -> Reply {
        self.app.get(&self.path(), &self.token).await
    }

    async fn sql(&self, statements: &[&str]) {
        for sql in statements {
            self.app.admin.query_raw(sql).execute().await.unwrap();
        }
    }

    /// From now on each row takes that long to read, one after the other: between them the engine looks at its clock.
    async fn slow_down(&self, seconds: f64) {
        let view = format!(
            "CREATE VIEW cdrs AS SELECT * FROM calls WHERE sleepEachRow({seconds}) = 0 SETTINGS max_block_size = 1"
        );
        // A copy without projections: a sum by minute would be one row.
        let copy = "CREATE TABLE calls ENGINE = MergeTree ORDER BY id AS SELECT * FROM cdrs";
        self.sql(&[copy, "DROP TABLE cdrs", &view]).await;
    }
}

/// Asserts an error with the request's id, and nothing of what went wrong inside.
fn says_only(reply: &Reply, status: u16, text: &str) {
    let body = format!(r#"{{"error":"{text} (request {})"}}"#, reply.header("x-request-id"));
    assert_eq!((reply.status, reply.body.as_str()), (status, body.as_str()));
    assert_eq!(reply.header("content-type"), "application/json; charset=utf-8");
    assert!(reply.headers.get("etag").is_none());
}

#[actix_web::test]
async fn a_query_slower_than_the_limit_is_504() {
    let own = Own::start(1, |config| config.limits.query_seconds = 1).await;
    // A condition that takes the engine minutes, and that it can be stopped in.
    let endless = "CREATE VIEW cdrs AS SELECT * FROM calls WHERE id NOT IN (SELECT max(sipHash64(number)) FROM numbers(1000000000000))";
    own.sql(&["RENAME TABLE cdrs TO calls", endless]).await;
    let start = Instant::now();
    says_only(&own.ask().await, 504, "the query took longer than limits.query_seconds");
    assert!(
        start.elapsed() >= Duration::from_secs(1) && start.elapsed() < Duration::from_secs(3),
        "{:?}",
        start.elapsed()
    );
}

/// A service over an engine of the test's own, and an account that it knows from the start.
async fn apart(change: impl FnOnce(&mut Config)) -> (tempfile::TempDir, EmbeddedEngine, Own) {
    let dir = tempfile::tempdir().unwrap();
    let engine = EmbeddedEngine::start(engine_options(dir.path().to_owned())).await.unwrap();
    let db = db_on(&engine).await;
    let account = Uuid::new_v4();
    let row = json!({ "id": 1, "uuid": account.to_string(), "customer_id": 7 });
    insert(&db.admin, "accounts", &row.to_string()).await;
    let app = TestApp::over(db, change).await;
    (dir, engine, Own { account, token: app.token(7, &[]), app })
}

fn signal(engine: &EmbeddedEngine, signal: Signal) {
    kill_process(Pid::from_raw(i32::try_from(engine.pid().unwrap()).unwrap()).unwrap(), signal).unwrap();
}

#[actix_web::test]
async fn an_engine_that_hangs_is_504_and_answers_again_once_it_goes_on() {
    let change = |config: &mut Config| {
        config.limits.query_seconds = 1;
        config.cache.enabled = false;
        // Accounts are read often and trusted for long: the engine hangs for less than that.
        config.accounts.refresh_seconds = 10;
    };
    let (_dir, engine, own) = apart(change).await;
    let right = own.ask().await;
    assert_eq!(right.status, 200);
    signal(&engine, Signal::STOP);
    let replies = join_all([own.ask(), own.ask(), own.ask()]).await;
    signal(&engine, Signal::CONT);
    for reply in &replies {
        says_only(reply, 504, "the query took longer than limits.query_seconds");
    }
    assert_eq!(own.ask().await.body, right.body);
}

#[actix_web::test]
async fn an_engine_that_hangs_makes_the_service_not_ready_until_it_goes_on() {
    let (_dir, engine, own) = apart(|config| config.accounts.refresh_seconds = 10).await;
    let until = async |status: u16| {
        let start = Instant::now();
        while send(own.app.request("GET", "/health/ready")).await.status != status {
            assert!(start.elapsed() < Duration::from_secs(15), "not {status} within 15 s");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    until(200).await;
    signal(&engine, Signal::STOP);
    until(503).await;
    signal(&engine, Signal::CONT);
    until(200).await;
    assert_eq!(own.ask().await.status, 200);
}

#[actix_web::test]
async fn a_server_that_takes_connections_and_says_nothing_ends_the_start_with_an_error() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let client = cdrscope::store::client(&format!("http://{}", silent.local_addr().unwrap()), "default", "");
    let mut config = Config::default();
    config.auth.secret = Secret::new(SECRET);
    let keys = Keys::new(&config.auth).unwrap();
    let readers = {
        let client = client.clone();
        move || client.clone()
    };
    let started = tokio::time::timeout(Duration::from_secs(15), Service::start(config, keys, readers)).await;
    let error = started.expect("it waits for ever").err().unwrap().to_string();
    assert!(error.starts_with("asking ClickHouse: "), "{error}");
    let state = tokio::time::timeout(Duration::from_secs(15), status(&client, "cdrscope")).await;
    let error = state.expect("it waits for ever").unwrap_err().to_string();
    assert!(error.starts_with("reading table schema_migrations: "), "{error}");
}

#[actix_web::test]
async fn more_queries_at_once_than_allowed_wait_in_a_queue_and_then_get_503() {
    for (queue, statuses) in [(0, [200, 503]), (20, [200, 200])] {
        let change = |config: &mut Config| {
            config.limits.concurrent_queries = 1;
            config.limits.queue_seconds = queue;
        };
        let own = Own::start(1, change).await;
        own.slow_down(1.0).await;
        let mut replies = join_all([own.ask(), own.ask()]).await;
        replies.sort_by_key(|reply| reply.status);
        assert_eq!(replies.iter().map(|reply| reply.status).collect::<Vec<_>>(), statuses);
        if queue == 0 {
            says_only(&replies[1], 503, "too many queries at once, try again");
            assert_eq!(replies[1].header("retry-after"), "1");
        }
    }
}

#[actix_web::test]
async fn more_requests_a_second_than_allowed_get_429_each_token_for_itself() {
    let app = world_with(|config| config.limits.requests_per_second = 2).await;
    let (session, other) = (Session::new().moved(&app), app.token(super::CUSTOMER, &[1, 2]));
    let statuses = async |session: &Session| {
        let query = window(1);
        join_all((0..6).map(|_| session.ask(QUALITY, &query))).await
    };
    let replies = statuses(&session).await;
    let late: Vec<&Reply> = replies.iter().filter(|reply| reply.status != 200).collect();
    assert!((1..=4).contains(&late.len()), "{}", late.len());
    for reply in late {
        assert_eq!((reply.status, reply.body.as_str()), (429, r#"{"error":"too many requests"}"#));
        assert!(reply.header("retry-after").parse::<u64>().unwrap() >= 1);
    }
    let path = format!("{API}/{QUALITY}");
    assert_eq!(send(app.request("GET", &path).header("Authorization", &other)).await.status, 400);
    tokio::time::sleep(Duration::from_millis(1100)).await;
    assert_eq!(session.ask(QUALITY, &window(1)).await.status, 200);
}

#[actix_web::test]
async fn a_failing_query_is_502_and_the_caller_learns_no_more_than_that() {
    let own = Own::start(1, |_| ()).await;
    assert_eq!(own.ask().await.status, 200);
    own.sql(&["DROP TABLE cdrs"]).await;
    says_only(&own.ask().await, 502, "the database failed to answer");
    // A sum that no longer fits, an exception while rows are read: never a 200 cut short.
    let own = Own::start(1, |_| ()).await;
    own.sql(&["RENAME TABLE cdrs TO calls", "CREATE VIEW cdrs AS SELECT * FROM calls WHERE throwIf(duration > 0) = 0"])
        .await;
    says_only(&own.ask().await, 502, "the database failed to answer");
}

#[actix_web::test]
async fn when_accounts_cannot_be_read_any_more_nobody_is_let_in_and_the_service_is_not_ready() {
    let own = Own::start(1, |_| ()).await;
    let ready = async || send(own.app.request("GET", "/health/ready")).await.status;
    assert_eq!(ready().await, 200);
    own.sql(&["RENAME TABLE accounts TO gone"]).await;
    let until = async |status: u16| {
        let start = Instant::now();
        while ready().await != status || own.ask().await.status != status {
            // Accounts are trusted for 15 s.
            assert!(start.elapsed() < Duration::from_secs(20), "{:?}", own.ask().await);
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    until(503).await;
    assert_eq!(own.ask().await.header("retry-after"), "1");
    own.sql(&["RENAME TABLE gone TO accounts"]).await;
    until(200).await;
}

#[actix_web::test]
async fn while_the_engine_is_killed_and_back_there_are_right_answers_and_503s_and_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let engine = EmbeddedEngine::start(engine_options(dir.path().to_owned())).await.unwrap();
    let app = TestApp::on(&engine, db_on(&engine).await, |_| ()).await;
    let own = Arc::new(Own::with(app, 50).await);
    let right = own.ask().await;
    assert_eq!((right.status, &right.json()["totals"]["total_calls"]), (200, &json!(50)));
    let end = Instant::now() + Duration::from_secs(5);
    let load = (0..8).map(|_| {
        let (own, right) = (Arc::clone(&own), right.body.clone());
        actix_web::rt::spawn(async move {
            let (mut good, mut away) = (0, 0);
            while Instant::now() < end {
                let reply = own.ask().await;
                match reply.status {
                    200 => assert_eq!(reply.body, right),
                    _ => assert_eq!((reply.status, reply.header("retry-after")), (503, "1"), "{reply:?}"),
                }
                good += u32::from(reply.status == 200);
                away += u32::from(reply.status == 503);
            }
            (good, away)
        })
    });
    let load: Vec<_> = load.collect();
    tokio::time::sleep(Duration::from_millis(700)).await;
    signal(&engine, Signal::KILL);
    let counts: Vec<(u32, u32)> = join_all(load).await.into_iter().map(Result::unwrap).collect();
    assert!(counts.iter().all(|(good, away)| *good > 0 && *away > 0), "{counts:?}");
    let start = Instant::now();
    loop {
        let reply = own.ask().await;
        if reply.status == 200 {
            assert_eq!(reply.body, right.body);
            break;
        }
        assert!(start.elapsed() < Duration::from_secs(40), "{reply:?}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
