//! Another customer's account, wherever a body can name one: never data.

use serde_json::{Value, json};

use super::{World, body, target};

#[actix_web::test]
async fn another_customers_account_never_has_data() {
    let world = World::new().await;
    let foreign = world.foreign.to_string();
    for account in [json!(foreign), json!([world.acme, foreign]), json!(3), json!("Foreign"), json!("Foreign (3)")] {
        let reply = world.post("/query", &body(target("total_calls", json!({ "account": account })))).await;
        assert_eq!(reply.status, 400, "{account}");
        assert!(reply.json()["message"].as_str().unwrap().contains("unknown to this token"), "{}", reply.body);
    }
    // The answer for an account that does not exist is the same but for its name.
    let nobody = uuid::Uuid::new_v4().to_string();
    let message = async |account: &str| {
        let reply = world.post("/query", &body(target("asr", json!({ "account": account })))).await;
        reply.body.replace(account, "…")
    };
    assert_eq!(message(&foreign).await, message(&nobody).await);

    for operator in ["=", "=~", "=|"] {
        let mut request = body(target("total_calls", json!({})));
        request["filters"] =
            json!([{ "key": "account-id", "operator": operator, "value": foreign, "values": [foreign] }]);
        assert_eq!(world.post("/query", &request).await.body, "[]", "{operator}");
    }
    for key in ["customer_id", "customer-id", "tenant", "scopedVars", "orgId"] {
        let mut request = body(target("total_calls", json!({ key: 8 })));
        request[key] = json!(8);
        request["filters"] = json!([{ "key": key, "operator": "=", "value": "8" }]);
        let answer = world.post("/query", &request).await.json();
        assert_eq!(answer[0]["fields"][1]["values"][0], 11, "{key}");
    }
    for (path, request) in [
        ("/variable", json!({ "payload": { "target": "accounts", "customer_id": 8, "account": foreign } })),
        ("/search", json!({ "target": "accounts" })),
        (
            "/tag-values",
            json!({ "key": "account-id", "filters": [{ "key": "account-id", "operator": "=", "value": foreign }] }),
        ),
        ("/metric-payload-options", json!({ "metric": "asr", "payload": { "account": foreign }, "name": "account" })),
        ("/metrics", json!({})),
    ] {
        let reply = world.post(path, &request).await;
        assert_eq!(reply.status, 200, "{path}");
        assert!(!reply.body.contains(&foreign) && !reply.body.contains("Foreign"), "{path}: {}", reply.body);
    }
}

#[actix_web::test]
async fn a_list_of_accounts_in_the_token_holds_here_too() {
    let world = World::new().await;
    let token = world.app.token(7, &[2]);
    let reply = world.post_as(&token, "/query", &body(target("total_calls", json!({})))).await;
    assert_eq!(reply.json()[0]["fields"][1]["values"][0], 1);
    let reply = world.post_as(&token, "/query", &body(target("total_calls", json!({ "account": world.acme })))).await;
    assert_eq!(reply.status, 400);
    let list = world.post_as(&token, "/variable", &json!({ "payload": { "target": "accounts" } })).await.json();
    assert_eq!(list.as_array().map(Vec::len), Some(1), "{list}");
    let value: &Value = &list[0]["__value"];
    assert_eq!(value, &json!(world.branch));
}
