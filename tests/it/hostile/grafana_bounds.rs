//! Grafana's paths: filters, targets, ranges and accounts without end.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::grafana::{FIRST, World, body, target};
use crate::support::http::send;
use crate::support::insert;

fn filter(key: &str, operator: &str, value: &str) -> Value {
    json!({ "key": key, "operator": operator, "value": value })
}

fn with_filters(filters: Value) -> Value {
    let mut request = body(target("total_calls", json!({ "reduce": "total" })));
    request["filters"] = filters;
    request
}

/// Asserts a 400 whose message names the bound.
async fn is_refused(world: &World, request: &Value, bound: &str) {
    let start = Instant::now();
    let reply = world.post("/query", request).await;
    let about = format!("{:.200}", request.to_string());
    assert_eq!(reply.status, 400, "{about}: {:.300}", reply.body);
    assert!(reply.json()["message"].as_str().unwrap().contains(bound), "{about}: {:.300}", reply.body);
    assert!(reply.body.len() < 2000, "{about}: {} bytes", reply.body.len());
    assert!(start.elapsed() < Duration::from_secs(20), "{about}: {:?}", start.elapsed());
}

#[actix_web::test]
async fn more_than_32_ad_hoc_filters_are_400_under_either_name_and_both() {
    let world = World::new().await;
    let some = |count: usize| -> Value { (0..count).map(|i| filter("duration", ">", &format!("-{i}"))).collect() };
    let mut request = with_filters(some(32));
    assert_eq!(world.post("/query", &request).await.status, 200);
    // The same list under both names is one list.
    request["adhocFilters"] = request["filters"].clone();
    assert_eq!(world.post("/query", &request).await.status, 200);
    request["adhocFilters"] = json!([filter("duration", "<", "9")]);
    is_refused(&world, &request, "32").await;
    for count in [33, 1001, 9000] {
        is_refused(&world, &with_filters(some(count)), "32").await;
        let mut request = with_filters(json!([]));
        request["adhocFilters"] = some(count);
        is_refused(&world, &request, "32").await;
        // Keys that no table has count as well.
        is_refused(&world, &with_filters((0..count).map(|i| filter(&i.to_string(), "=", "1")).collect()), "32").await;
        is_refused(&world, &with_filters((0..count).map(|_| json!({})).collect()), "32").await;
    }
}

/// Every spelling of so many values.
fn spelled(count: usize) -> Vec<Value> {
    let all: Vec<String> = (1..=count).map(|value| value.to_string()).collect();
    let joined = |separator: &str| all.join(separator);
    vec![
        json!(all),
        json!((1..=count).collect::<Vec<_>>()),
        json!(joined(",")),
        json!(joined("|")),
        json!(format!("({})", joined("|"))),
        json!(format!("{{{}}}", joined(","))),
        json!(format!("'{}'", joined("','"))),
        json!(format!("[{}]", joined(","))),
        json!([joined(",")]),
        json!([joined(","), "1"]),
        json!(all.chunks(100).map(|some| some.join(",")).collect::<Vec<_>>()),
        json!(all.iter().map(|value| json!({ "value": value })).collect::<Vec<_>>()),
        json!({ "value": all }),
        json!(all.chunks(10).map(|some| json!(some)).collect::<Vec<_>>()),
    ]
}

#[actix_web::test]
async fn more_than_200_values_are_400_however_they_are_spelled() {
    let world = World::new().await;
    for names in [["prefixes", "prefix"], ["countries", "country"]] {
        for name in names {
            for value in spelled(200) {
                let payload = json!({ name: value, "reduce": "total" });
                let reply = world.post("/query", &body(target("total_calls", payload.clone()))).await;
                // 201 in the two that say one of them twice.
                let twice = value.as_array().is_some_and(|all| all.len() == 2 && all[1] == "1");
                assert_eq!(reply.status, if twice { 400 } else { 200 }, "{payload:.200}: {}", reply.body);
            }
            for count in [201, 2000, 12_000] {
                for value in spelled(count) {
                    is_refused(&world, &body(target("total_calls", json!({ name: value }))), "200").await;
                }
            }
        }
    }
    for value in spelled(40_000).into_iter().take(4) {
        is_refused(&world, &body(target("total_calls", json!({ "prefixes": value }))), "200").await;
        is_refused(&world, &body(target("total_calls", json!({ "account": value }))), "200").await;
    }
    let accounts = vec![world.acme.clone(); 201];
    is_refused(&world, &body(target("total_calls", json!({ "account": accounts }))), "200").await;
    for (key, operator) in
        [("dst-country-id", "=|"), ("dst-prefix-routing", "!=|"), ("account-id", "=|"), ("colour", "=|")]
    {
        for count in [201, 20_000] {
            let values: Vec<String> = (1..=count).map(|value| value.to_string()).collect();
            let filter = json!({ "key": key, "operator": operator, "value": "1", "values": values });
            is_refused(&world, &with_filters(json!([filter])), "200").await;
        }
    }
}

#[actix_web::test]
async fn a_value_or_a_pattern_beyond_a_kilobyte_is_400() {
    let world = World::new().await;
    for key in ["dst-prefix-routing", "account-id", "dst-country-id", "colour"] {
        for operator in ["=", "=~", "=|"] {
            is_refused(&world, &with_filters(json!([filter(key, operator, &"4".repeat(1025))])), "1024").await;
        }
    }
    let several =
        json!({ "key": "dst-prefix-routing", "operator": "=|", "value": "", "values": ["4".repeat(100_000)] });
    is_refused(&world, &with_filters(json!([several])), "1024").await;
    is_refused(&world, &body(target("asr", json!({ "prefixes": "4".repeat(1025) }))), "1024").await;
    is_refused(&world, &body(target("asr", json!({ "prefixes": ["4", "4".repeat(100_000)] }))), "1024").await;
    // Patterns that are short and mean a lot of work.
    for pattern in [r"\w{200}", r"(\w{100}){100}", r"(((\pL{90}){90}){90}){90}", &"(".repeat(500), &r"\w".repeat(500)] {
        let start = Instant::now();
        let reply = world.post("/query", &with_filters(json!([filter("account-id", "=~", pattern)]))).await;
        assert!([200, 400].contains(&reply.status), "{pattern}: {}", reply.body);
        assert!(start.elapsed() < Duration::from_secs(20), "{pattern}: {:?}", start.elapsed());
    }
}

#[actix_web::test]
async fn patterns_of_one_caller_do_not_keep_the_others_waiting() {
    let world = World::new().await;
    let token = world.app.token(8, &[]);
    for (key, pattern) in
        [("account-id", r"\w{200}"), ("dst-prefix-routing", r"\w{200}"), ("account-id", &r"\w".repeat(500))]
    {
        let mut request = with_filters((0..10).map(|_| filter(key, "=~", pattern)).collect());
        request["targets"] = (0..10).map(|_| target("total_calls", json!({}))).collect();
        let attack = join_all((0..4).map(|_| world.post("/query", &request)));
        let quiet = async {
            let mut worst = Duration::ZERO;
            for _ in 0..10 {
                let start = Instant::now();
                assert_eq!(send(world.app.request("GET", "/health/live")).await.status, 200);
                assert_eq!(world.app.get("/grafana", &token).await.status, 200);
                worst = worst.max(start.elapsed());
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            worst
        };
        let (_, worst) = tokio::join!(attack, quiet);
        assert!(worst < Duration::from_secs(10), "{key} {pattern:.20}: silent for {worst:?}");
    }
}

#[actix_web::test]
async fn unknown_keys_have_one_notice_each_and_no_more_than_ten() {
    let world = World::new().await;
    let keys = |count: usize, repeated: usize| -> Value {
        (0..count * repeated).map(|i| filter(&format!("colour{}", i % count), "=", "1")).collect()
    };
    let notices = async |filters: Value| {
        let reply = world.post("/query", &with_filters(filters)).await;
        assert_eq!(reply.status, 200, "{}", reply.body);
        reply.json()[0]["meta"]["notices"].as_array().unwrap().clone()
    };
    assert_eq!(notices(keys(1, 32)).await.len(), 1);
    assert_eq!(notices(keys(8, 4)).await.len(), 8);
    let many = notices(keys(32, 1)).await;
    assert_eq!(many.len(), 11, "{many:?}");
    assert!(many[10]["text"].as_str().unwrap().contains("22 more"), "{many:?}");
    let long = notices(json!([filter(&"k".repeat(1000), "=", "1")])).await;
    assert!(long[0]["text"].as_str().unwrap().len() < 400, "{long:?}");
}

/// What is echoed once for each account, target or incident is short.
#[actix_web::test]
async fn what_is_echoed_is_bounded() {
    let world = World::new().await;
    let mut request = body(target("asr", json!({ "shape": "each" })));
    request["targets"][0]["refId"] = json!("A".repeat(100_000));
    is_refused(&world, &request, "refId").await;
    let annotation = json!({ "query": "incidents", "name": "x".repeat(100_000) });
    let request = json!({ "annotation": annotation, "range": body(json!({}))["range"] });
    let reply = world.post("/annotations", &request).await;
    assert_eq!(reply.status, 400, "{:.300}", reply.body);
    for (path, request) in [
        ("/variable", json!({ "payload": { "target": "prefixes", "search": "4".repeat(100_000) } })),
        ("/search", json!({ "target": "x".repeat(900_000) })),
        ("/tag-values", json!({ "key": "x".repeat(900_000) })),
    ] {
        let reply = world.post(path, &request).await;
        assert!(reply.body.len() < 2000, "{path}: {} bytes", reply.body.len());
    }
}

/// A range of so many minutes that ends with the calls of the tests.
fn minutes(target: Value, minutes: i64) -> Value {
    let mut request = body(target);
    let end = FIRST + 7200;
    request["range"] = json!({ "from": (end - minutes * 60) * 1000, "to": end * 1000 });
    request["intervalMs"] = json!(1000);
    request["maxDataPoints"] = json!(10_000_000);
    request
}

fn longest(frames: &Value) -> usize {
    let fields = frames.as_array().unwrap().iter().flat_map(|frame| frame["fields"].as_array().unwrap().iter());
    fields.map(|field| field["values"].as_array().unwrap().len()).max().unwrap_or(0)
}

#[actix_web::test]
async fn a_series_has_no_more_points_than_the_bound_whatever_is_asked_for() {
    let world = World::new().await;
    for payload in [
        json!({}),
        json!({ "sampling": "minute" }),
        json!({ "sampling": "1s" }),
        json!({ "shape": "each", "sampling": "5m" }),
    ] {
        for metric in ["total_calls", "asr", "active_calls", "pdd_p95", "ner"] {
            let reply = world.post("/query", &minutes(target(metric, payload.clone()), 990_000)).await;
            assert_eq!(reply.status, 200, "{metric} {payload}: {:.300}", reply.body);
            let frames = reply.json();
            assert!((1..=11_000).contains(&longest(&frames)), "{metric} {payload}: {}", longest(&frames));
            if payload.get("sampling").is_some() {
                let notice = frames[0]["meta"]["notices"][0]["text"].as_str().unwrap_or_default();
                assert!(notice.contains("limits.max_points"), "{metric} {payload}: {notice}");
            }
        }
    }
    // Nothing is lost by longer buckets.
    let reply = world.post("/query", &minutes(target("total_calls", json!({ "sampling": "minute" })), 990_000)).await;
    let values = reply.json()[0]["fields"][1]["values"].as_array().unwrap().clone();
    assert_eq!(values.iter().filter_map(Value::as_i64).sum::<i64>(), 1320);
    // Within the bound a sampling is what it says.
    let reply = world.post("/query", &minutes(target("total_calls", json!({ "sampling": "minute" })), 11_000)).await;
    assert_eq!(longest(&reply.json()), 11_000);
    // For the older plugins' forms the same holds.
    for form in ["timeserie", "table"] {
        let mut target = target("total_calls", json!({ "sampling": "minute", "shape": "each" }));
        target["type"] = json!(form);
        let reply = world.post("/query", &minutes(target, 990_000)).await;
        assert_eq!(reply.status, 200, "{form}");
        assert!(reply.body.len() < 2_000_000, "{form}: {} bytes", reply.body.len());
    }
}

#[actix_web::test]
async fn all_series_of_a_request_together_are_bounded_in_points() {
    let world = World::with(|config| config.limits.max_points_per_request = 1000).await;
    let each = |sampling: &str| target("asr", json!({ "shape": "each", "sampling": sampling }));
    assert_eq!(world.post("/query", &minutes(each("minute"), 500)).await.status, 200);
    is_refused(&world, &minutes(each("minute"), 501), "limits.max_points_per_request").await;
    // Accounts that are added up are one series.
    let together = target("asr", json!({ "sampling": "minute" }));
    assert_eq!(world.post("/query", &minutes(together.clone(), 1000)).await.status, 200);
    let mut request = minutes(together.clone(), 501);
    request["targets"] = json!([together, together]);
    is_refused(&world, &request, "limits.max_points_per_request").await;
}

/// Rows by delay, country or prefix are more than there are buckets, and how many shows only when they come.
#[actix_web::test]
async fn rows_by_delay_and_country_count_in_the_bounds() {
    let world = World::with(|config| config.limits.max_buckets = 2000).await;
    let lines: String = (0..3000)
        .map(|i| {
            let cdr = json!({
                "id": 100_000 + i, "customer_acc_id": 1, "customer_id": 7, "time_start": FIRST + i % 60, "duration": 1,
                "is_last_cdr": 1, "pdd": f64::from(u32::try_from(i).unwrap()) / 100.0, "dst_country_id": 1000 + i,
                "dst_prefix_routing": (1000 + i).to_string(),
            });
            format!("{cdr}\n")
        })
        .collect();
    insert(&world.app.admin, "cdrs", &lines).await;
    for metric in ["pdd_p95", "pdd_p50", "top_destinations", "incidents"] {
        let mut request = body(target(metric, json!({ "sampling": "hour" })));
        request["range"]["to"] = json!("2026-02-01T01:00:00.000Z");
        let reply = world.post("/query", &request).await;
        assert_eq!(reply.status, 400, "{metric}: {:.300}", reply.body);
        assert!(reply.json()["message"].as_str().unwrap().contains("limits.max_buckets"), "{metric}: {}", reply.body);
    }
}

#[actix_web::test]
async fn patterns_that_are_much_work_are_refused_before_they_are_asked() {
    let world = World::new().await;
    let with = |patterns: &[String]| -> Value {
        patterns.iter().map(|pattern| filter("dst-prefix-routing", "=~", pattern)).collect()
    };
    let wide = "(.*){1,500}".repeat(4);
    let deep = "((a{1,30}){1,30}){1,30}".to_owned();
    for patterns in [
        vec![wide],
        vec!["(.*){1,900}".repeat(3)],
        vec![deep],
        vec!["\\w{1000}".to_owned()],
        vec!["[а-я0-9a-z]{100}".to_owned()],
        vec!["(.*){1,100}".to_owned(); 5],
    ] {
        is_refused(&world, &with_filters(with(&patterns)), "counted repetitions written out").await;
    }
    let prefixes: Vec<String> = (380..480).map(|prefix: u32| prefix.to_string()).collect();
    for pattern in [format!("^({})", prefixes.join("|")), "^380[0-9]{9}$".to_owned(), "(?i).*44.*".to_owned()] {
        let reply = world.post("/query", &with_filters(with(&vec![pattern.clone(); 3]))).await;
        assert_eq!(reply.status, 200, "{pattern}: {}", reply.body);
    }
}

#[actix_web::test]
async fn incidents_are_looked_for_in_so_many_quarters_of_an_hour_of_all_targets_together() {
    let world = World::new().await;
    let lines: String = (0..40)
        .map(|i| {
            let cdr = json!({
                "id": 100_000 + i, "customer_acc_id": 1, "customer_id": 7, "time_start": FIRST + i, "duration": 1,
                "is_last_cdr": 1, "dst_country_id": 1000 + i,
            });
            format!("{cdr}\n")
        })
        .collect();
    insert(&world.app.admin, "cdrs", &lines).await;
    // 38 days of 43 countries and all of them: 160,000 quarters of an hour.
    let mut request = body(target("incidents", json!({})));
    request["range"]["to"] = json!("2026-03-04T00:00:00.000Z");
    let reply = world.post("/query", &request).await;
    assert_eq!(reply.status, 200, "{:.300}", reply.body);
    request["targets"] = (0..100).map(|_| target("incidents", json!({}))).collect();
    is_refused(&world, &request, "look for incidents in").await;
}

#[actix_web::test]
async fn many_targets_of_many_accounts_and_filters_are_bounded_together() {
    let world = World::new().await;
    let values: Vec<String> = (0..200).map(|i| format!("{i:080}")).collect();
    let filters: Value = (0..4)
        .map(|_| json!({ "key": "dst-prefix-routing", "operator": "!=|", "value": "", "values": values }))
        .collect();
    let mut request = with_filters(filters);
    request["targets"] = (0..100).map(|_| target("total_calls", json!({ "reduce": "total" }))).collect();
    is_refused(&world, &request, "filters").await;
    // A thousand bytes each are more than ClickHouse takes in one statement.
    let long = |count: usize| -> Vec<String> { (0..count).map(|i| format!("{i:01000}")).collect() };
    let list = |count| json!({ "key": "dst-prefix-routing", "operator": "!=|", "value": "", "values": long(count) });
    assert_eq!(world.post("/query", &with_filters(json!([list(16)]))).await.status, 200);
    is_refused(&world, &with_filters(json!([list(17)])), "16384 bytes").await;
    is_refused(&world, &with_filters(json!([list(16), list(16), list(16), list(16), list(16)])), "65536 bytes").await;
    is_refused(&world, &body(target("asr", json!({ "prefixes": long(17) }))), "16384 bytes").await;
    // Each byte is three or more on the way to ClickHouse.
    let marks: Vec<String> = (0..16).map(|i| format!("{i}{}", "'\\".repeat(500))).collect();
    let list = json!({ "key": "dst-prefix-routing", "operator": "!=|", "value": "", "values": marks });
    let reply = world.post("/query", &with_filters(json!([list, list, list, list]))).await;
    assert_eq!(reply.status, 200, "{:.300}", reply.body);
}

/// What shows no times is bounded by its rows, not by its buckets.
#[actix_web::test]
async fn one_value_of_any_range_is_the_same_as_of_a_short_one() {
    let world = World::new().await;
    for metric in ["total_calls", "asr", "ner", "pdd_p95", "top_destinations"] {
        for sampling in ["minute", "hour", "day"] {
            let payload = json!({ "reduce": "total", "sampling": sampling });
            let long = world.post("/query", &minutes(target(metric, payload.clone()), 990_000)).await;
            assert_eq!(long.status, 200, "{metric} {sampling}: {}", long.body);
            let short = world.post("/query", &minutes(target(metric, payload), 120)).await.json();
            assert_eq!(long.json()[0]["fields"][1]["values"], short[0]["fields"][1]["values"], "{metric} {sampling}");
            assert_eq!(long.json()[0]["meta"]["notices"], json!([]), "{metric} {sampling}");
        }
    }
}
