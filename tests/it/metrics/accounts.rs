//! Figures of accounts: the customer API's, for the same minutes, and none where they would be too many or cannot be had.

use std::time::{Duration, Instant};

use cdrscope::config::value::Value;
use cdrscope::embedded::EmbeddedEngine;
use futures_util::future::join_all;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;
use uuid::Uuid;

use super::format::Scrape;
use super::{TOKEN, on, scrape};
use crate::oracle::Time;
use crate::support::app::API;
use crate::support::{TestApp, db, db_on, engine, engine_options, insert};

const FIGURES: [&str; 5] = [
    "cdrscope_account_calls",
    "cdrscope_account_asr_percent",
    "cdrscope_account_acd_seconds",
    "cdrscope_account_cps",
    "cdrscope_account_active_calls",
];

fn watching(config: &mut cdrscope::config::Config) {
    on(config, "true");
    config.metrics.fresh_seconds = 1;
    // What the customer API says is then in the metrics' units.
    config.reports.acd_unit = Value::parse("seconds").unwrap();
    config.reports.totals_cps = Value::parse("range").unwrap();
}

async fn named(app: &TestApp, id: u32, customer_id: u32, name: &str) -> Uuid {
    let uuid = Uuid::new_v4();
    let row = json!({ "id": id, "uuid": uuid.to_string(), "customer_id": customer_id, "name": name });
    insert(&app.admin, "accounts", &row.to_string()).await;
    app.until_known(uuid, &app.token(customer_id, &[])).await;
    uuid
}

/// Calls of the last minutes, one every `step` seconds, some of them answered; and snapshots of `up` live calls.
async fn calls(app: &TestApp, (account, customer): (u32, u32), side: &str, step: u64, up: u64) {
    // They go on into the future, lest the test outlast them.
    let last = Time::now().second() + 600;
    // Of a node's snapshots in a minute only the last counts, so each has a node of its own.
    let node = customer * 10 + account + if side == "vendor" { 5 } else { 0 };
    let rows = format!(
        "INSERT INTO cdrs (id, {side}_id, {side}_acc_id, is_last_cdr, time_start, duration) \
         SELECT {account} * 100000 + {customer} * 1000 + number, {customer}, {account}, 1, toDateTime({last} - number * {step}), \
         number % 3 * 37 FROM numbers(intDiv(1500, {step}))"
    );
    let live = format!(
        "INSERT INTO active_calls (id, {side}_id, {side}_acc_id, node_id, snapshot_timestamp) \
         SELECT number % {up}, {customer}, {account}, {node}, toDateTime({last} - intDiv(number, {up}) * 60) FROM numbers({up} * 25)"
    );
    for sql in [rows, live] {
        app.admin.query_raw(&sql).execute().await.unwrap();
    }
}

/// A scrape, and the end of the minutes that it is of.
async fn scraped(app: &TestApp) -> (Scrape, i64) {
    loop {
        // One that was read before is too old by then.
        tokio::time::sleep(Duration::from_millis(1100)).await;
        let minute = || Time::now().second().div_euclid(60) * 60;
        let before = minute();
        let scrape = scrape(app).await;
        if before == minute() {
            return (scrape, before);
        }
    }
}

fn value(scrape: &Scrape, name: &str, account: Uuid, side: &str) -> Option<f64> {
    scrape.get(name, &[("account", &account.to_string()), ("side", side)])
}

#[actix_web::test]
async fn figures_are_those_of_the_customer_api_for_the_same_minutes() {
    let app = TestApp::start(watching).await;
    let own = named(&app, 1, 7, "own").await;
    let other = named(&app, 2, 8, "other").await;
    calls(&app, (1, 7), "customer", 7, 3).await;
    calls(&app, (2, 8), "customer", 2, 5).await;
    // Rows with an account's number but another tenant are nobody's.
    calls(&app, (1, 8), "customer", 1, 11).await;
    calls(&app, (2, 7), "vendor", 1, 11).await;
    calls(&app, (1, 7), "vendor", 3, 4).await;
    let (scrape, end) = scraped(&app).await;
    assert_eq!(scrape.get("cdrscope_accounts_up", &[]), Some(1.0));
    for (account, customer, name) in [(own, 7, "own"), (other, 8, "other")] {
        let token = app.token(customer, &[]);
        for side in ["origination", "termination"] {
            let ask = async |report: &str, from: i64, rest: &str| {
                let window = format!("account-id={account}&from-time={from}&to-time={}{rest}", end - 1);
                let reply = app.get(&format!("{API}/{side}-{report}?{window}"), &token).await;
                assert_eq!(reply.status, 200, "{}", reply.body);
                reply.json()
            };
            let totals = &ask("statistics-quality", end - 300, "&sampling=minute&numbers=plain").await["totals"];
            let figure = |name: &str| totals[name].as_f64();
            assert_eq!(value(&scrape, FIGURES[0], account, side), figure("total_calls"), "{name} {side}");
            assert_eq!(value(&scrape, FIGURES[1], account, side), figure("asr"), "{name} {side}");
            assert_eq!(value(&scrape, FIGURES[2], account, side), figure("acd"), "{name} {side}");
            assert_eq!(value(&scrape, FIGURES[3], account, side), figure("cps"), "{name} {side}");
            let minutes = &ask("active-calls", end - 120, "").await["data"]["calls"];
            let busiest = minutes.as_array().unwrap().iter().filter_map(serde_json::Value::as_f64).fold(0.0, f64::max);
            assert_eq!(value(&scrape, FIGURES[4], account, side), Some(busiest), "{name} {side}");
            for sample in FIGURES.iter().flat_map(|figure| scrape.all(figure)) {
                if sample.labels["account"] == account.to_string() {
                    assert_eq!(
                        (&sample.labels["customer"], sample.labels["name"].as_str()),
                        (&customer.to_string(), name)
                    );
                }
            }
        }
    }
    // And by an independent count: a call every 2 s of 300, live calls of the other.
    assert_eq!(value(&scrape, FIGURES[0], other, "origination"), Some(150.0));
    assert_eq!(value(&scrape, FIGURES[3], other, "origination"), Some(0.5));
    assert_eq!(value(&scrape, FIGURES[4], other, "origination"), Some(5.0));
    assert_eq!(value(&scrape, FIGURES[4], own, "termination"), Some(4.0));
    // Ratios over nothing are left out; counts are 0.
    let nothing = FIGURES.map(|figure| value(&scrape, figure, other, "termination"));
    assert_eq!(nothing, [Some(0.0), None, None, Some(0.0), Some(0.0)]);
}

#[actix_web::test]
async fn the_window_is_as_long_as_the_settings_say_and_calls_of_this_minute_do_not_count() {
    let app = TestApp::start(|config| {
        watching(config);
        config.metrics.window_minutes = 2;
    })
    .await;
    let account = named(&app, 1, 7, "x").await;
    loop {
        let minute = Time::now().second().div_euclid(60) * 60;
        let rows: Vec<String> = [(-121, 60), (-120, 30), (-1, 0), (0, 90)]
            .iter()
            .map(|(second, duration)| json!({ "id": 1000 + second, "customer_id": 7, "customer_acc_id": 1, "is_last_cdr": 1, "time_start": minute + second, "duration": duration }).to_string())
            .collect();
        app.admin.query_raw("TRUNCATE TABLE cdrs").execute().await.unwrap();
        insert(&app.admin, "cdrs", &rows.join("\n")).await;
        let (scrape, end) = scraped(&app).await;
        if end == minute {
            let figures = FIGURES.map(|figure| value(&scrape, figure, account, "origination"));
            assert_eq!(figures, [Some(2.0), Some(50.0), Some(30.0), Some(0.02), Some(0.0)]);
            return;
        }
    }
}

#[actix_web::test]
async fn a_name_may_hold_anything() {
    let app = TestApp::start(watching).await;
    let names = ["a \"quoted\" name", "back\\slash\\n", "two\nlines", "комма, {braces} = \t€", ""];
    let mut accounts = Vec::new();
    for (id, name) in (1..).zip(names) {
        accounts.push((named(&app, id, 7, name).await, name));
    }
    let (scrape, _) = scraped(&app).await;
    for (account, name) in accounts {
        let labels = [("account", account.to_string()), ("name", name.to_owned()), ("side", "origination".to_owned())];
        let labels: Vec<(&str, &str)> = labels.iter().map(|(label, text)| (*label, text.as_str())).collect();
        assert_eq!(scrape.get(FIGURES[0], &labels), Some(0.0), "{name:?}");
    }
}

#[actix_web::test]
async fn no_more_series_than_the_bound_and_listed_accounts_only() {
    let db = db().await;
    let three: Vec<Uuid> = (0..3).map(|_| Uuid::new_v4()).collect();
    for (id, uuid) in (1..).zip(&three) {
        insert(&db.admin, "accounts", &json!({ "id": id, "uuid": uuid.to_string(), "customer_id": 7 }).to_string())
            .await;
        for side in ["customer", "vendor"] {
            let call = json!({ "id": id, format!("{side}_id"): 7, format!("{side}_acc_id"): id, "is_last_cdr": 1, "time_start": Time::now().second() - 90, "duration": 1 });
            insert(&db.admin, "cdrs", &call.to_string()).await;
        }
    }
    let first = TestApp::over(db, watching).await;
    let shown = |scrape: &Scrape| FIGURES.iter().map(|figure| scrape.all(figure).len()).sum::<usize>();
    let unknown = Uuid::new_v4();
    for (accounts, bound, series, omitted) in [
        ("true".to_owned(), 30, 30, 0),
        ("true".to_owned(), 29, 0, 3),
        (format!("{}, {}", three[0], three[2]), 20, 20, 0),
        (format!("{}, {}", three[0], three[2]), 19, 0, 2),
        (format!("{unknown},{}", three[1]), 10, 10, 0),
        (unknown.to_string(), 0, 0, 0),
    ] {
        let app = TestApp::over(first.same_db(engine()), |config| {
            watching(config);
            config.metrics.accounts = Value::parse(&accounts).unwrap();
            config.metrics.max_series = bound;
            config.metrics.window_minutes = 1440;
        })
        .await;
        let scrape = scrape(&app).await;
        assert_eq!(shown(&scrape), series, "{accounts} {bound}");
        assert_eq!(scrape.get("cdrscope_accounts_omitted", &[]), Some(omitted.into()), "{accounts} {bound}");
        assert_eq!(scrape.get("cdrscope_accounts_up", &[]), Some(1.0));
        for sample in scrape.all(FIGURES[0]) {
            assert!(accounts == "true" || accounts.contains(&sample.labels["account"]), "{accounts}");
        }
    }
    let without = TestApp::over(first.same_db(engine()), |config| on(config, "false")).await;
    let scrape = scrape(&without).await;
    assert!(scrape.kinds.keys().all(|name| !name.starts_with("cdrscope_account_")), "{:?}", scrape.kinds);
    assert_eq!(scrape.get("cdrscope_accounts_up", &[]), None);
}

fn statements(scrape: &Scrape) -> f64 {
    scrape.all("cdrscope_queries_total").iter().map(|sample| sample.value).sum()
}

#[actix_web::test]
async fn accounts_are_read_once_for_all_scrapes_of_a_while() {
    let app = TestApp::start(|config| {
        watching(config);
        config.metrics.fresh_seconds = 3600;
        config.cache.enabled = false;
    })
    .await;
    named(&app, 1, 7, "x").await;
    named(&app, 2, 7, "y").await;
    let authorization = format!("Bearer {TOKEN}");
    let replies = join_all((0..8).map(|_| super::with_header(&app, &authorization))).await;
    // The first of them tells of statements as they were before.
    let before = replies.iter().map(|reply| statements(&Scrape::read(&reply.body))).fold(f64::MAX, f64::min);
    let after = statements(&scrape(&app).await);
    // Two accounts, two sides, calls and live calls.
    assert_eq!(after - before, 8.0);
    assert_eq!(statements(&scrape(&app).await), after);
}

#[actix_web::test]
async fn a_reading_that_takes_longer_than_a_scrape_can_wait_is_there_for_the_next() {
    let app = TestApp::start(|config| {
        watching(config);
        config.metrics.fresh_seconds = 60;
        config.metrics.window_minutes = 1440;
        config.cache.enabled = false;
        // One account after the other.
        config.limits.concurrent_queries = 4;
    })
    .await;
    let mut account = Uuid::nil();
    for id in 1..=4 {
        account = named(&app, id, 7, "x").await;
    }
    let row = |id: i64| json!({ "id": id, "customer_id": 7, "customer_acc_id": id, "is_last_cdr": 1, "time_start": Time::now().second() - 3600 });
    insert(&app.admin, "cdrs", &(1..=4).map(|id| row(id).to_string()).collect::<Vec<_>>().join("\n")).await;
    for sql in [
        // Without projections: a sum by minute would be one row.
        "CREATE TABLE calls ENGINE = MergeTree ORDER BY id AS SELECT * FROM cdrs",
        "DROP TABLE cdrs",
        "CREATE VIEW cdrs AS SELECT * FROM calls WHERE sleepEachRow(2.5) = 0",
    ] {
        app.admin.query_raw(sql).execute().await.unwrap();
    }
    let start = Instant::now();
    let first = scrape(&app).await;
    assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
    assert_eq!(first.get("cdrscope_accounts_up", &[]), Some(0.0));
    let second = scrape(&app).await;
    assert_eq!(second.get("cdrscope_accounts_up", &[]), Some(1.0));
    assert_eq!(value(&second, FIGURES[0], account, "origination"), Some(1.0));
}

#[actix_web::test]
async fn without_the_engine_the_service_still_tells_of_itself() {
    let dir = tempfile::tempdir().unwrap();
    let engine = EmbeddedEngine::start(engine_options(dir.path().to_owned())).await.unwrap();
    let app = TestApp::over(db_on(&engine).await, |config| {
        watching(config);
        config.accounts.refresh_seconds = 60;
    })
    .await;
    let row = json!({ "id": 1, "uuid": Uuid::new_v4().to_string(), "customer_id": 7 });
    insert(&app.admin, "accounts", &row.to_string()).await;
    let again = TestApp::on(&engine, app.same_db(&engine), |config| {
        watching(config);
        config.accounts.refresh_seconds = 60;
    })
    .await;
    let up = async || {
        tokio::time::sleep(Duration::from_millis(1100)).await;
        let start = Instant::now();
        let scrape = scrape(&again).await;
        assert_eq!(scrape.get("cdrscope_build_info", &[]), Some(1.0));
        assert_eq!(scrape.get("cdrscope_query_slots", &[]), Some(16.0));
        assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
        let figures = FIGURES.iter().map(|figure| scrape.all(figure).len()).sum::<usize>();
        assert_eq!(figures > 0, scrape.get("cdrscope_accounts_up", &[]) == Some(1.0));
        figures > 0
    };
    assert!(up().await);
    let pid = || Pid::from_raw(i32::try_from(engine.pid().unwrap()).unwrap()).unwrap();
    let hanging = pid();
    kill_process(hanging, Signal::STOP).unwrap();
    assert!(!up().await);
    kill_process(hanging, Signal::CONT).unwrap();
    let start = Instant::now();
    while !up().await {
        assert!(start.elapsed() < Duration::from_secs(40));
    }
    let restarts = async || scrape(&again).await.get("cdrscope_engine_restarts_total", &[]).unwrap();
    let before = restarts().await;
    kill_process(pid(), Signal::KILL).unwrap();
    let start = Instant::now();
    while restarts().await == before || !up().await {
        assert!(start.elapsed() < Duration::from_secs(40));
    }
    engine.stop().await;
    assert!(!up().await);
}
