//! The running service sees odd rows of new parts, once each, and says so.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use cdrscope::config::value::Value as _;
use serde_json::{Value, json};

use super::{TOKEN, by_kind, call, insert_rows, live, now, odd, odd_live, usual, watched};
use crate::support::http::send;
use crate::support::{TestApp, db};

/// Longest time until a look has seen new rows: looks come every second here, and the machine may be busy.
const PATIENCE: Duration = Duration::from_secs(20);

async fn health(app: &TestApp) -> Value {
    let reply = send(app.request("GET", "/health/data").header("Authorization", format!("Bearer {TOKEN}"))).await;
    assert_eq!(reply.status, 200, "{}", reply.body);
    reply.json()
}

/// Kinds with rows since the start.
fn counts(health: &Value) -> BTreeMap<String, u64> {
    let kinds = health["kinds"].as_array().unwrap().iter();
    kinds
        .map(|kind| (kind["kind"].as_str().unwrap().to_owned(), kind["since_start"].as_u64().unwrap()))
        .filter(|(_, rows)| *rows > 0)
        .collect()
}

async fn scrape(app: &TestApp) -> String {
    send(app.request("GET", "/metrics").header("Authorization", format!("Bearer {TOKEN}"))).await.body
}

/// The value of a metric, by the text before it.
async fn metric(app: &TestApp, name: &str) -> u64 {
    let text = scrape(app).await;
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("no {name} in {text}")).parse().unwrap()
}

/// Waits until so many rows were looked at.
async fn until_checked(app: &TestApp, rows: u64) {
    let begun = Instant::now();
    while metric(app, "cdrscope_rows_checked_total").await < rows {
        assert!(begun.elapsed() < PATIENCE, "not {rows} rows: {}", health(app).await);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[actix_web::test]
async fn every_kind_is_seen_and_usual_rows_are_not() {
    let app = TestApp::start(watched).await;
    assert_eq!(health(&app).await["status"], "ok");
    let (usual, odd, odd_live) = (usual(), odd(), odd_live());
    insert_rows(&app.admin, "cdrs", &usual).await;
    insert_rows(
        &app.admin,
        "active_calls",
        [live(100, json!({})), live(101, json!({ "connect_time": "0000-00-00 00:00:00" }))].iter(),
    )
    .await;
    until_checked(&app, usual.len() as u64 + 2).await;
    assert_eq!(counts(&health(&app).await), BTreeMap::new());
    insert_rows(&app.admin, "cdrs", odd.iter().map(|(_, row)| row)).await;
    insert_rows(&app.admin, "active_calls", odd_live.iter().map(|(_, row)| row)).await;
    until_checked(&app, (usual.len() + odd.len() + odd_live.len()) as u64 + 2).await;
    let health = health(&app).await;
    let wanted = by_kind(odd.iter().chain(&odd_live));
    assert_eq!(counts(&health), wanted);
    assert_eq!((&health["status"], &health["tables"][0]["missed_rows"]), (&json!("odd"), &json!(false)));
    for (kind, rows) in wanted {
        assert_eq!(metric(&app, &format!("cdrscope_odd_rows_total{{kind=\"{kind}\"}}")).await, rows, "{kind}");
    }
    // Every kind is counted from 0 on, so that a first row is an increase.
    assert_eq!(metric(&app, "cdrscope_odd_rows_total{kind=\"id_twice\"}").await, 0);
}

#[actix_web::test]
async fn ids_that_come_twice_are_seen_in_a_part_and_across_parts() {
    let app = TestApp::start(watched).await;
    let name = "cdrscope_odd_rows_total{kind=\"id_twice\"}";
    // Three rows of one id in a batch: two too many. Rows without an id have none in common.
    let batch = [
        call(1, json!({})),
        call(1, json!({ "duration": 61 })),
        call(1, json!({ "duration": 62 })),
        call(2, json!({})),
    ];
    insert_rows(&app.admin, "cdrs", batch.iter().chain([&call(0, json!({})), &call(0, json!({ "duration": 1 }))]))
        .await;
    until_checked(&app, 6).await;
    assert_eq!(metric(&app, name).await, 2);
    // The id of an older row, with another time and account.
    let older =
        [call(2, json!({ "customer_acc_id": 9, "time_start": now() - 300, "time_connect": null, "time_end": null }))];
    let wide = call(3, json!({ "time_start": now() - 4000, "time_connect": null, "time_end": null }));
    insert_rows(&app.admin, "cdrs", older.iter().chain([&wide])).await;
    until_checked(&app, 8).await;
    assert_eq!(metric(&app, name).await, 3);
    // Merges bring nothing new.
    app.admin.query_raw("OPTIMIZE TABLE cdrs FINAL").execute().await.unwrap();
    insert_rows(&app.admin, "cdrs", [&call(4, json!({}))]).await;
    until_checked(&app, 9).await;
    assert_eq!(metric(&app, name).await, 3);
}

#[actix_web::test]
async fn rows_are_counted_once_though_parts_are_merged_before_and_after_a_look() {
    let db = db().await;
    // What was there before the start is not counted, nor when it is merged with new rows.
    let mut id = 0;
    let mut batch = async |client: &clickhouse::Client, odd: u64| {
        let rows: Vec<Value> =
            (0..3).map(|n| call(id + n + 1, json!({ "duration": if n < odd { -5 } else { 5 } }))).collect();
        id += 3;
        insert_rows(client, "cdrs", &rows).await;
    };
    batch(&db.admin, 2).await;
    let app = TestApp::over(db, watched).await;
    let name = "cdrscope_odd_rows_total{kind=\"negative_duration\"}";
    let mut checked = 0;
    for round in 0..4 {
        for _ in 0..3 {
            batch(&app.admin, 1).await;
        }
        if round % 2 == 0 {
            app.admin.query_raw("OPTIMIZE TABLE cdrs FINAL").execute().await.unwrap();
        }
        checked += 9;
        // Rows that were merged with ones of before the start, ere these were counted, cannot be told from them.
        let begun = Instant::now();
        while metric(&app, "cdrscope_rows_checked_total").await + metric(&app, "cdrscope_rows_unchecked_total").await
            < checked
        {
            assert!(begun.elapsed() < PATIENCE, "{}", health(&app).await);
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
    let unchecked = metric(&app, "cdrscope_rows_unchecked_total").await;
    assert!(unchecked <= 9, "{unchecked}");
    assert_eq!(metric(&app, name).await, (checked - unchecked) / 3);
}

#[actix_web::test]
async fn answered_rows_that_are_not_last_are_odd_only_beside_rows_that_are() {
    let app = TestApp::start(watched).await;
    let name = "cdrscope_odd_rows_total{kind=\"not_last\"}";
    let row = |id: u64, last: u8| call(id, json!({ "is_last_cdr": last }));
    insert_rows(&app.admin, "cdrs", [&row(1, 0), &row(2, 0)]).await;
    until_checked(&app, 2).await;
    assert_eq!(metric(&app, name).await, 0);
    insert_rows(&app.admin, "cdrs", [&row(3, 1)]).await;
    until_checked(&app, 3).await;
    insert_rows(&app.admin, "cdrs", [&row(4, 0)]).await;
    until_checked(&app, 4).await;
    assert_eq!(metric(&app, name).await, 1);
}

#[actix_web::test]
async fn a_kind_has_one_line_in_the_log_and_it_names_a_row() {
    crate::hostile::causes::capture();
    let app = TestApp::start(watched).await;
    // A price that no other test has.
    let told = || crate::hostile::causes::lines("customer_price=-1.015625");
    for ids in [vec![1, 2], vec![3]] {
        let rows: Vec<_> = ids.iter().map(|id| call(*id, json!({ "customer_price": -1.015_625 }))).collect();
        insert_rows(&app.admin, "cdrs", &rows).await;
        until_checked(&app, *ids.last().unwrap()).await;
    }
    let lines = told();
    assert_eq!(lines.len(), 1, "{lines:?}");
    let (level, line) = &lines[0];
    assert_eq!(*level, log::Level::Warn);
    assert!(line.starts_with("cdrs: 2 new rows with a price below 0 (negative_price), such as id "), "{line}");
    assert!(line.contains(" in part ") && line.contains("cdrscope check --data"), "{line}");
}

#[actix_web::test]
async fn health_data_needs_the_token_of_metrics_where_there_is_one_and_shows_no_row() {
    let app = TestApp::start(watched).await;
    insert_rows(&app.admin, "cdrs", [&call(987_654_321, json!({ "duration": -77, "customer_acc_id": 4_242_424 }))])
        .await;
    until_checked(&app, 1).await;
    let customer = app.token(7, &[]);
    for refused in ["", "Bearer x", &customer, &format!("Bearer {customer}")] {
        let reply = send(app.request("GET", "/health/data").header("Authorization", refused)).await;
        assert_eq!((reply.status, reply.body.as_str()), (401, ""), "{refused}");
    }
    let text = health(&app).await.to_string();
    assert!(
        text.contains("\"negative_duration\"") && !text.contains("987654321") && !text.contains("4242424"),
        "{text}"
    );
    assert_eq!(send(app.request("POST", "/health/data")).await.status, 405);
    let open = TestApp::start(|_| ()).await;
    let reply = send(open.request("GET", "/health/data")).await;
    assert_eq!((reply.status, reply.header("content-type")), (200, "application/json; charset=utf-8"));
    assert_eq!(reply.header("cache-control"), "private, no-store");
    let kind = |app: &TestApp| app.config.checks.enabled;
    assert!(kind(&open));
    let off = TestApp::start(|config| config.checks.enabled = false).await;
    let body = send(off.request("GET", "/health/data")).await.json();
    assert_eq!(
        (&body["status"], &body["tables"][0]["not_checked"]),
        (&json!("off"), &json!("checks.enabled is false"))
    );
}

const OWN: &str = "CREATE TABLE own (call String, CUSTOMER Nullable(Int32), vendor_id Int32, customer_acc_id Int64, vendor_acc_id Int32, \
    was_last UInt8, t DateTime64(3), answered Nullable(DateTime64(3)), seconds Nullable(Int32), price Nullable(Float64), vendor_price Float64)";

fn own(config: &mut cdrscope::config::Config) {
    watched(config);
    config.tables.cdrs = cdrscope::config::TableName::parse("own").unwrap();
    let columns = "id = call; customer_id = CUSTOMER; duration = seconds; customer_price = price; time_start = t; \
        time_connect = answered; is_last_cdr = was_last = 1";
    config.tables.cdrs_columns = cdrscope::config::Expressions::parse(columns).unwrap();
}

#[actix_web::test]
async fn an_operators_table_is_checked_by_its_own_columns_and_what_it_lacks_is_said() {
    for (engine, twice) in [("MergeTree ORDER BY t", true), ("ReplacingMergeTree ORDER BY (t, call)", false)] {
        let db = db().await;
        db.admin.query_raw(&format!("{OWN} ENGINE = {engine}")).execute().await.unwrap();
        let app = TestApp::over(db, own).await;
        let unchecked = health(&app).await["tables"][0]["kinds_not_checked"].clone();
        let wanted = json!([{ "kind": "id_twice", "why": "the table replaces rows of one key" }]);
        assert_eq!(unchecked, if twice { json!([]) } else { wanted });
        let values = "('a', 7, 8, 1, 2, 1, now64() - 60, now64() - 50, -3, 0.5, 0), ('a', 7, 8, 1, 2, 1, now64() - 59, NULL, NULL, -1, 0), \
            ('b', NULL, 8, 0, 2, 1, now64() - 60, now64() - 70, 0, NULL, 0), ('', 7, 8, 1, 2, 0, now64() - 60, NULL, 5, NULL, 0), \
            ('', 7, 8, 1, 2, 1, toDateTime64('1971-01-01 00:00:00', 3), NULL, 5, NULL, 0)";
        app.admin.query_raw(&format!("INSERT INTO own VALUES {values}")).execute().await.unwrap();
        until_checked(&app, 5).await;
        let mut wanted: BTreeMap<String, u64> =
            ["negative_duration", "negative_price", "times_out_of_order", "not_last", "start_before_1990"]
                .map(|kind| (kind.to_owned(), 1))
                .into();
        if twice {
            wanted.insert("id_twice".into(), 1);
        }
        assert_eq!(counts(&health(&app).await), wanted, "{engine}");
    }
}

#[actix_web::test]
async fn a_table_without_parts_is_said_not_to_be_checked() {
    let db = db().await;
    db.admin.query_raw("CREATE VIEW own AS SELECT * FROM cdrs").execute().await.unwrap();
    let app = TestApp::over(db, |config| {
        watched(config);
        config.tables.cdrs = cdrscope::config::TableName::parse("own").unwrap();
    })
    .await;
    let tables = health(&app).await["tables"].clone();
    assert_eq!(tables[0]["not_checked"], "the table shows no parts, as views and Distributed tables do");
    assert_eq!(tables[1]["not_checked"], Value::Null);
}

#[actix_web::test]
async fn a_table_made_again_is_looked_at_and_a_failing_look_is_told() {
    let app = TestApp::start(watched).await;
    insert_rows(&app.admin, "cdrs", [&call(1, json!({ "duration": -1 }))]).await;
    until_checked(&app, 1).await;
    let made: String = app
        .admin
        .query_raw("SELECT create_table_query FROM system.tables WHERE database = currentDatabase() AND name = 'cdrs'")
        .fetch_one()
        .await
        .unwrap();
    for sql in ["DROP TABLE cdrs SYNC", &made] {
        app.admin.query_raw(sql).execute().await.unwrap();
    }
    insert_rows(&app.admin, "cdrs", [&call(2, json!({ "duration": -1 }))]).await;
    until_checked(&app, 2).await;
    assert_eq!(counts(&health(&app).await), BTreeMap::from([("negative_duration".to_owned(), 2)]));
    app.admin.query_raw("ALTER TABLE cdrs RENAME COLUMN success TO away").execute().await.unwrap();
    insert_rows(&app.admin, "cdrs", [&call(3, json!({ "duration": -1 }))]).await;
    let begun = Instant::now();
    while health(&app).await["tables"][0]["failed"] != true {
        assert!(begun.elapsed() < PATIENCE);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    app.admin.query_raw("ALTER TABLE cdrs RENAME COLUMN away TO success").execute().await.unwrap();
    until_checked(&app, 3).await;
    assert_eq!(counts(&health(&app).await), BTreeMap::from([("negative_duration".to_owned(), 3)]));
}
