//! One request costs what a dashboard costs, whatever stands in it.

use std::time::Duration;

use serde_json::json;

use super::{World, body};

#[actix_web::test]
async fn a_list_of_a_megabyte_is_refused_at_once() {
    let world = World::new().await;
    for field in ["prefixes", "countries", "account"] {
        for list in ["1,".repeat(400_000), "(".to_owned() + &"1|".repeat(400_000) + "1)"] {
            let body = body(json!({ "refId": "A", "target": "asr", "payload": { field: list } }));
            let reply = tokio::time::timeout(Duration::from_secs(20), world.post("/query", &body)).await.unwrap();
            assert_eq!(reply.status, 400, "{field}: {}", reply.body);
            assert!(reply.json()["message"].as_str().unwrap().contains("200 values"), "{field}: {}", reply.body);
        }
    }
}

#[actix_web::test]
async fn all_targets_together_are_bounded_in_buckets() {
    let world = World::with(|config| config.limits.max_buckets = 150).await;
    // 120 minutes of two accounts each: 600 buckets are five accounts.
    let target = |id: &str| json!({ "refId": id, "target": "asr", "payload": { "sampling": "minute" } });
    let mut request = body(target("A"));
    request["targets"] = json!([target("A"), target("B")]);
    assert_eq!(world.post("/query", &request).await.status, 200);
    request["targets"] = json!([target("A"), target("B"), target("C")]);
    let reply = world.post("/query", &request).await;
    assert_eq!(reply.status, 400, "{}", reply.body);
    assert!(reply.body.contains("limits.max_buckets"), "{}", reply.body);
    request["targets"] = (0..101).map(|i| target(&i.to_string())).collect();
    assert!(world.post("/query", &request).await.body.contains("101 targets are too many"));
}

/// Widened to whole days it begins in 1969 there.
#[actix_web::test]
async fn a_range_from_1970_on_has_all_calls_in_a_zone_east_of_greenwich() {
    let world = World::new().await;
    let mut request =
        body(json!({ "refId": "A", "target": "total_calls", "payload": { "sampling": "day", "reduce": "total" } }));
    request["timezone"] = json!("Europe/Kyiv");
    request["range"]["from"] = json!("1970-01-01T00:00:00.000Z");
    let reply = world.post("/query", &request).await;
    assert_eq!(reply.status, 200, "{}", reply.body);
    assert_eq!(reply.json()[0]["fields"][1]["values"], json!([1320]), "{}", reply.body);
}
