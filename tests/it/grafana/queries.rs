//! What panels get: figures, shapes, steps, notices, filters.

use serde_json::{Value, json};

use super::{FIRST, World, body, numbers, target};
use crate::support::app::API;

#[actix_web::test]
async fn a_panel_shows_what_the_customer_api_answers() {
    let world = World::new().await;
    let path = format!(
        "{API}/origination-statistics?account-id={}&from-time={FIRST}&to-time={}&sampling=5minutes&format=rows",
        world.acme,
        FIRST + 7199
    );
    let rows = world.app.get(&path, &world.token).await.json();
    for (metric, column) in [
        ("total_calls", "total_calls"),
        ("answered", "successful_calls"),
        ("failed", "failed_calls"),
        ("asr", "asr"),
        ("acd", "acd"),
        ("price", "total_price"),
        ("minutes", "total_duration"),
    ] {
        let answer = world.query(target(metric, json!({ "account": world.acme, "sampling": "5minutes" }))).await;
        let same = |(shown, row): (&Value, &Value)| shown.as_f64() == row[column].as_f64();
        let shown = numbers(&answer).as_array().unwrap();
        assert_eq!(shown.len(), rows.as_array().unwrap().len(), "{metric}");
        assert!(shown.iter().zip(rows.as_array().unwrap()).all(same), "{metric}: {answer} {rows}");
    }
    let cps = world.query(target("cps", json!({ "account": world.acme, "sampling": "5minutes" }))).await;
    assert_eq!(numbers(&cps)[0], 0.17);
    assert_eq!(cps[0]["fields"][1]["config"]["unit"], "cps");
}

#[actix_web::test]
async fn frames_name_unit_interval_scope_and_accounts() {
    let world = World::new().await;
    let answer = world.query(target("asr", json!({ "account": [world.acme, world.branch] }))).await;
    assert_eq!(answer.as_array().unwrap().len(), 2);
    let frame = &answer[0];
    assert_eq!(frame["refId"], "A");
    assert_eq!(frame["fields"][0]["config"]["interval"], 60_000);
    assert_eq!(frame["fields"][1]["labels"], json!({ "account": "A.B (C), wholesale" }));
    assert_eq!(
        frame["fields"][1]["config"],
        json!({ "unit": "percent", "displayNameFromDS": "ASR A.B (C), wholesale" })
    );
    assert_eq!(frame["meta"]["custom"]["scope"], "calls");
    assert_eq!((&numbers(&answer)[0], &answer[1]["fields"][1]["values"][0]), (&json!(80), &json!(0)));

    let together = world.query(target("asr", json!({}))).await;
    assert_eq!(together[0]["name"], "asr");
    assert_eq!(together[0]["fields"][1]["config"]["displayNameFromDS"], "ASR");
    // 8 of 11 calls: the ratio of sums, not the mean of 80 and 0.
    assert_eq!(numbers(&together)[0], 72.73);

    let wide = world.query(target("failed", json!({ "shape": "wide" }))).await;
    assert_eq!(wide.as_array().unwrap().len(), 1);
    assert_eq!(wide[0]["fields"].as_array().unwrap().len(), 3);

    let attempts = world.query(target("termination_total_calls", json!({}))).await;
    assert_eq!(attempts[0]["meta"]["custom"]["scope"], "attempts");
    assert_eq!(numbers(&attempts)[0], 0, "customer 7 is no vendor");
}

#[actix_web::test]
async fn one_value_for_the_range_is_the_ratio_of_sums() {
    let world = World::new().await;
    let total = world.query(target("asr", json!({ "reduce": "total" }))).await;
    assert_eq!(total[0]["fields"][0]["values"].as_array().unwrap().len(), 1);
    assert_eq!(numbers(&total), &json!([72.73]));
    let each = world.query(target("total_calls", json!({ "reduce": "total", "shape": "each" }))).await;
    assert_eq!((numbers(&each), &each[1]["fields"][1]["values"]), (&json!([1200]), &json!([120])));
    let cps = world.query(target("cps", json!({ "reduce": "total", "account": world.acme }))).await;
    assert_eq!(numbers(&cps), &json!([0.17]));
}

#[actix_web::test]
async fn gaps_are_null_for_ratios_and_0_for_counts_and_the_last_bucket_is_marked() {
    let world = World::new().await;
    let mut request = body(target("asr", json!({})));
    request["range"]["from"] = json!("2026-01-31T23:58:30.500Z");
    let asr = world.post("/query", &request).await.json();
    assert_eq!(numbers(&asr)[0], Value::Null);
    assert_eq!(asr[0]["fields"][0]["values"][0], (FIRST - 120) * 1000);
    assert_eq!(asr[0]["meta"]["notices"], json!([]));
    request["targets"] = json!([target("total_calls", json!({}))]);
    assert_eq!(numbers(&world.post("/query", &request).await.json())[0], 0);
    let now = time::OffsetDateTime::now_utc().unix_timestamp() * 1000;
    // The minute of now may be over when it is asked for.
    request["range"] = json!({ "from": now - 600_000, "to": now + 60_000 });
    let live = world.post("/query", &request).await.json();
    assert_eq!(live[0]["meta"]["notices"][0]["text"], "the last bucket is not complete yet");
    request["range"] = json!({ "from": now + 600_000, "to": now + 1_200_000 });
    assert_eq!(world.post("/query", &request).await.body, "[]");
}

#[actix_web::test]
async fn the_step_follows_the_panel_and_may_be_missing() {
    let world = World::new().await;
    for (interval, points, buckets) in [
        (json!(60_000), json!(1000), 120),
        (json!(1000), json!(24), 24),
        (json!(200_000), json!(0), 24),
        (json!("900000"), Value::Null, 8),
        (json!(1_000_000), json!(1000), 4),
        (json!(1_800_001), json!(1000), 2),
        (json!(0), json!(0), 120),
    ] {
        let mut request = body(target("total_calls", json!({})));
        request["intervalMs"] = interval.clone();
        request["maxDataPoints"] = points.clone();
        let answer = world.post("/query", &request).await.json();
        let values = numbers(&answer).as_array().unwrap().clone();
        assert_eq!(values.len(), buckets, "{interval} {points}");
        assert_eq!(values.iter().map(|value| value.as_i64().unwrap()).sum::<i64>(), 1320);
    }
}

#[actix_web::test]
async fn ad_hoc_filters_apply_under_both_names_with_every_operator() {
    let world = World::new().await;
    let total = async |name: &str, filter: Value| {
        let mut request = body(target("total_calls", json!({ "reduce": "total" })));
        request[name] = json!([filter]);
        let reply = world.post("/query", &request).await;
        assert_eq!(reply.status, 200, "{}", reply.body);
        reply.json()
    };
    let filter = |key: &str, operator: &str, value: &str| json!({ "key": key, "operator": operator, "value": value });
    let several = |key: &str, operator: &str, values: &[&str]| json!({ "key": key, "operator": operator, "value": values[0], "values": values });
    for (filter, calls) in [
        (filter("dst-country-id", "=", "1"), 600),
        (filter("dst-country-id", "!=", "1"), 720),
        (filter("dst-country-id", ">", "1"), 720),
        (filter("dst-country-id", "<=", "2"), 1320),
        (filter("dst-country-id", "=~", "^(1|9)$"), 600),
        (several("dst-country-id", "=|", &["1", "2"]), 1320),
        (several("dst-country-id", "!=|", &["1", "9"]), 720),
        (filter("dst-prefix-routing", "=", "442079460000"), 720),
        (filter("dst-prefix-routing", "=~", "^380"), 600),
        (filter("dst-prefix-routing", "!~", "^380"), 720),
        (several("dst-prefix-routing", "!=|", &["442079460000"]), 600),
        (filter("duration", "<", "60"), 360),
        (filter("duration", ">=", "60"), 960),
        (filter("customer-price", ">", "0.5"), 960),
        (filter("customer-price", "!=", "1"), 360),
        (filter("account-id", "=", "Branch"), 120),
        (filter("account-id", "!=", "Branch"), 1200),
        (filter("account-id", "=~", "^A\\.B"), 1200),
        (several("account-id", "=|", &["Branch (2)", "1"]), 1320),
    ] {
        for name in ["adhocFilters", "filters"] {
            let answer = total(name, filter.clone()).await;
            assert_eq!(numbers(&answer), &json!([calls]), "{name} {filter}");
            assert_eq!(answer[0]["meta"]["notices"], json!([]), "{filter}");
        }
    }
    for key in ["colour", "vendor-price"] {
        let answer = total("filters", filter(key, "=", "1")).await;
        assert_eq!(numbers(&answer), &json!([1320]));
        assert!(answer[0]["meta"]["notices"][0]["text"].as_str().unwrap().contains(key), "{answer}");
    }
}

#[actix_web::test]
async fn active_calls_are_the_peak_of_each_bucket_and_now() {
    let world = World::new().await;
    let now = time::OffsetDateTime::now_utc().unix_timestamp() / 60 * 60;
    let mut lines = String::new();
    for (minute, calls) in [(10, 3), (9, 7), (1, 4), (0, 2)] {
        for id in 0..calls {
            let row = json!({ "snapshot_timestamp": now - minute * 60, "node_id": 1, "id": id, "customer_id": 7, "customer_acc_id": 1 });
            lines += &format!("{row}\n");
        }
    }
    crate::support::insert(&world.app.admin, "active_calls", &lines).await;
    let mut request = body(target("active_calls", json!({ "account": world.acme, "sampling": "hour" })));
    request["range"] = json!({ "from": (now - 600) * 1000, "to": (now + 1) * 1000 });
    let hours = world.post("/query", &request).await.json();
    let peak = numbers(&hours).as_array().unwrap().iter().filter_map(Value::as_i64).max();
    assert_eq!(peak, Some(7), "{hours}");
    request["targets"] = json!([target("active_calls", json!({ "account": world.acme, "reduce": "total" }))]);
    let latest = world.post("/query", &request).await.json();
    assert_eq!(numbers(&latest), &json!([2]));
}
