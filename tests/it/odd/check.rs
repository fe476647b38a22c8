//! `cdrscope check --data`, run as an operator runs it.

use serde_json::{Value, json};

use super::{by_kind, call, insert_rows, now, odd, odd_live, run, usual};
use crate::support::db;

#[actix_web::test]
async fn it_counts_every_kind_with_examples_and_exits_with_3() {
    let db = db().await;
    insert_rows(&db.admin, "cdrs", &usual()).await;
    let clean = run(&db.database, &["check", "--data"]);
    assert_eq!((clean.code, clean.err.as_str()), (0, ""), "{}", clean.out);
    assert!(clean.out.ends_with("10 rows looked at, none odd\n"), "{}", clean.out);
    let (odd, odd_live) = (odd(), odd_live());
    insert_rows(&db.admin, "cdrs", odd.iter().map(|(_, row)| row)).await;
    insert_rows(&db.admin, "active_calls", odd_live.iter().map(|(_, row)| row)).await;
    let ran = run(&db.database, &["check", "--data", "--json"]);
    assert_eq!(ran.code, 3, "{}", ran.err);
    let found: Value = serde_json::from_str(&ran.out).unwrap();
    let total = odd.len() + odd_live.len();
    assert_eq!((&found["rows"], &found["odd"]), (&json!(10 + total), &json!(total)));
    assert_eq!(ran.err, format!("cdrscope: {total} odd rows\n"));
    let wanted = by_kind(odd.iter().chain(&odd_live));
    for kind in found["kinds"].as_array().unwrap() {
        let rows = wanted.get(kind["kind"].as_str().unwrap()).copied().unwrap_or(0);
        assert_eq!(kind["rows"], rows, "{kind}");
        assert_eq!(kind["examples"].as_array().unwrap().len() as u64, rows.min(3), "{kind}");
    }
    let table = run(&db.database, &["check", "--data", "--since", "1d"]);
    assert_eq!(table.code, 3);
    let line = table.out.lines().find(|line| line.contains("no_customer")).unwrap();
    let words: Vec<&str> = line.split_whitespace().collect();
    assert!(words[..3] == ["cdrs", "no_customer", "5"] && line.contains("customer_id="), "{line}");
    // Times that cannot be are there whatever the range.
    let line = table.out.lines().find(|line| line.contains("start_before_1990")).unwrap();
    assert!(line.contains("  2  ") && table.out.contains(" 1970-01-01 00:00:00"), "{}", table.out);
}

#[actix_web::test]
async fn since_bounds_the_rows_and_ids_are_compared_within_months() {
    let db = db().await;
    let at = |id: u64, days: i64, change: Value| {
        let mut row = call(id, json!({ "time_start": now() - days * 86_400, "time_connect": null, "time_end": null }));
        row.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        row
    };
    let rows: Vec<Value> =
        (0..400).step_by(20).map(|days| at(days as u64 + 1, days, json!({ "duration": -1 }))).collect();
    insert_rows(&db.admin, "cdrs", &rows).await;
    insert_rows(&db.admin, "cdrs", [&at(1, 0, json!({ "duration": 5 })), &at(381, 380, json!({ "duration": 6 }))])
        .await;
    let count = |since: &[&str], kind: &str| {
        let ran = run(&db.database, &[&["check", "--data", "--json"], since].concat());
        let found: Value = serde_json::from_str(&ran.out).unwrap();
        let kinds = found["kinds"].as_array().unwrap().iter();
        kinds.clone().find(|found| found["kind"] == kind).unwrap()["rows"].as_u64().unwrap()
    };
    assert_eq!((count(&[], "negative_duration"), count(&[], "id_twice")), (20, 2));
    let since: &[&str] = &["--since", "90d"];
    assert_eq!((count(since, "negative_duration"), count(since, "id_twice")), (5, 1));
}

#[actix_web::test]
async fn what_it_cannot_use_it_names() {
    let db = db().await;
    for (args, code, why) in [
        (&["--since", "yesterday"][..], 2, "--since: \"yesterday\" is no time"),
        (&["--tables-cdrs", "missing"], 1, "missing"),
        (&["--checks-max-duration-days", "0"], 2, "checks.max_duration_days: expected 1 to 20000"),
    ] {
        let ran = run(&db.database, &[&["check", "--data"], args].concat());
        assert!(ran.code == code && ran.err.contains(why), "{args:?}: {} {}", ran.code, ran.err);
    }
    assert_eq!(run(&db.database, &["check", "--since", "7d"]).code, 2);
}
