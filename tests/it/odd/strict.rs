//! `cdrscope migrate --strict-rows`: ClickHouse refuses odd rows.

use cdrscope::migrate::migrate;
use serde_json::json;

use super::{call, insert_rows, lines, odd, odd_live, run, usual};
use crate::support::{TestApp, db};

/// Inserts and gives the server's refusal.
async fn refusal(client: &clickhouse::Client, table: &str, rows: &str) -> Option<String> {
    let mut insert = client.insert_formatted_with(format!("INSERT INTO {table} FORMAT JSONEachRow"));
    let sent = async {
        insert.send(bytes::Bytes::copy_from_slice(rows.as_bytes())).await?;
        insert.end().await
    };
    sent.await.err().map(|error| error.to_string())
}

async fn rows(client: &clickhouse::Client, table: &str) -> u64 {
    client.query_raw(&format!("SELECT count() FROM {table}")).fetch_one().await.unwrap()
}

#[actix_web::test]
async fn every_kind_that_one_row_decides_is_refused_and_usual_rows_are_taken() {
    let db = db().await;
    insert_rows(&db.admin, "cdrs", [&call(1, json!({ "duration": -1 })), &call(2, json!({}))]).await;
    let ran = run(&db.database, &["migrate", "--strict-rows"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(
        ran.out.contains("table cdrs holds 1 rows with a duration below 0 (negative_duration): they stay\n"),
        "{}",
        ran.out
    );
    assert!(ran.out.contains("table cdrs refuses batches with rows of the kinds negative_duration, "), "{}", ran.out);
    // Again, and a migration after it, change nothing.
    assert_eq!(run(&db.database, &["migrate", "--strict-rows"]).code, 0);
    assert_eq!(run(&db.database, &["migrate"]).out, format!("database {} is up to date\n", db.database));
    assert!(migrate(&db.admin, &db.database).await.unwrap().is_empty());
    for (table, all) in [("cdrs", odd()), ("active_calls", odd_live())] {
        let before = rows(&db.admin, table).await;
        for (kind, row) in all.iter().filter(|(kind, _)| *kind != "not_last") {
            // One odd row has the whole batch refused.
            let batch =
                lines([&call(77, json!({})), row].into_iter().filter(|row| table == "cdrs" || row["node_id"] == 1));
            let why = refusal(&db.admin, table, &batch).await.unwrap_or_else(|| panic!("{kind}: {row} was taken"));
            assert!(why.contains("Code: 469") && why.contains(&format!("cdrscope_{kind}")), "{kind}: {row}: {why}");
        }
        assert_eq!(rows(&db.admin, table).await, before);
    }
    let usual = usual();
    assert_eq!(refusal(&db.admin, "cdrs", &lines(&usual)).await, None);
    assert_eq!(rows(&db.admin, "cdrs").await, 2 + usual.len() as u64);
}

#[actix_web::test]
async fn a_refused_batch_can_be_repeated_and_is_taken_once_it_is_right() {
    let db = db().await;
    assert_eq!(run(&db.database, &["migrate", "--strict-rows"]).code, 0);
    let batch = lines([&call(1, json!({})), &call(2, json!({ "customer_price": -1 }))]);
    for _ in 0..2 {
        assert!(refusal(&db.admin, "cdrs", &batch).await.is_some());
    }
    // Also where the server collects inserts: whoever waits is told.
    let waiting = db.admin.clone().with_setting("async_insert", "1").with_setting("wait_for_async_insert", "1");
    let why = refusal(&waiting, "cdrs", &batch).await.unwrap();
    assert!(why.contains("cdrscope_negative_price"), "{why}");
    assert_eq!(rows(&db.admin, "cdrs").await, 0);
    assert_eq!(refusal(&waiting, "cdrs", &lines([&call(1, json!({}))])).await, None);
    assert_eq!(rows(&db.admin, "cdrs").await, 1);
    let ran = run(&db.database, &["migrate", "--no-strict-rows"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(ran.out.ends_with("table active_calls takes all rows\n"), "{}", ran.out);
    assert_eq!(refusal(&db.admin, "cdrs", &batch).await, None);
    assert_eq!(rows(&db.admin, "cdrs").await, 3);
}

#[actix_web::test]
async fn a_service_and_the_other_commands_work_over_strict_tables() {
    let db = db().await;
    insert_rows(
        &db.admin,
        "cdrs",
        [&call(1, json!({ "time_start": 1_767_268_800, "time_connect": 1_767_268_801, "time_end": 1_767_268_810 }))],
    )
    .await;
    assert_eq!(run(&db.database, &["migrate", "--strict-rows"]).code, 0);
    let database = db.database.clone();
    let ran = run(&database, &["check"]);
    assert!(ran.code == 0 && !ran.out.contains("WRONG"), "{} {}", ran.out, ran.err);
    // It empties columns that constraints name.
    let ran = run(&database, &["thin", "--before", "2026-02", "--yes"]);
    assert_eq!(ran.code, 0, "{} {}", ran.out, ran.err);
    let app = TestApp::over(db, |_| ()).await;
    assert_eq!(app.request("GET", "/health/ready").send().await.unwrap().status(), 200);
    insert_rows(&app.admin, "cdrs", [&call(2, json!({}))]).await;
    assert_eq!(rows(&app.admin, "cdrs").await, 2);
}

#[actix_web::test]
async fn the_bound_of_a_later_run_counts_and_an_operators_table_stays_as_it_is() {
    let db = db().await;
    let row = lines([&call(1, json!({ "duration": 5 * 86_400 }))]);
    assert_eq!(run(&db.database, &["migrate", "--strict-rows"]).code, 0);
    assert!(refusal(&db.admin, "cdrs", &row).await.is_some());
    assert_eq!(run(&db.database, &["migrate", "--strict-rows", "--checks-max-duration-days", "10"]).code, 0);
    assert_eq!(refusal(&db.admin, "cdrs", &row).await, None);
    db.admin
        .query_raw("CREATE TABLE own ENGINE = MergeTree ORDER BY time_start AS SELECT * FROM cdrs")
        .execute()
        .await
        .unwrap();
    let ran = run(&db.database, &["migrate", "--strict-rows", "--tables-cdrs", "own"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(
        ran.out.contains("table own is not cdrscope's own") && ran.out.contains("ALTER TABLE own DROP CONSTRAINT"),
        "{}",
        ran.out
    );
    assert_eq!(run(&db.database, &["migrate", "--strict-rows", "--no-strict-rows"]).code, 2);
}
