//! The routes, what each plugin version sends them, and what they say when something is wrong.

use serde_json::json;

use super::{World, body, target};
use crate::support::http::send;

#[actix_web::test]
async fn save_and_test_is_200_with_and_without_a_slash_and_403_with_a_bad_token() {
    let world = World::new().await;
    for path in ["/grafana", "/grafana/"] {
        let reply = world.app.get(path, &format!("Bearer {}", world.token)).await;
        assert_eq!(reply.status, 200, "{path}");
        assert_eq!(reply.json()["status"], "ok");
        for token in ["bad", ""] {
            let reply = world.app.get(path, token).await;
            assert_eq!(reply.status, 403, "{path}");
            assert!(reply.json()["message"].as_str().unwrap().contains("token"), "{}", reply.body);
            assert_eq!(reply.json()["message"], reply.json()["error"]);
        }
    }
    let reply = send(world.app.request("POST", "/grafana/query").body("{}")).await;
    assert_eq!(reply.status, 403, "{}", reply.body);
}

#[actix_web::test]
async fn every_list_has_the_form_that_its_plugin_reads() {
    let world = World::new().await;
    for request in [json!({}), json!({ "metric": "asr", "payload": { "account": [] } })] {
        let metrics = world.post("/metrics", &request).await.json();
        let asr = metrics.as_array().unwrap().iter().find(|metric| metric["value"] == "asr").unwrap().clone();
        assert_eq!(asr["label"], "ASR");
        let fields: Vec<&str> =
            asr["payloads"].as_array().unwrap().iter().map(|field| field["name"].as_str().unwrap()).collect();
        assert_eq!(fields, ["account", "shape", "sampling", "reduce", "countries", "prefixes"]);
        assert_eq!(asr["payloads"][0]["type"], "multi-select");
        assert!(metrics.as_array().unwrap().iter().any(|metric| metric["value"] == "termination_asr"));
    }
    let options = json!({ "metric": "asr", "payload": {}, "name": "account" });
    let options = world.post("/metric-payload-options", &options).await.json();
    assert_eq!(options[1], json!({ "label": "Branch (2)", "value": world.branch }));
    let variable = json!({ "payload": { "target": "accounts" }, "range": body(json!({}))["range"] });
    let variable = world.post("/variable", &variable).await.json();
    let acme = json!({ "__text": "A.B (C), wholesale (1)", "__value": world.acme });
    assert_eq!(variable, json!([acme, { "__text": "Branch (2)", "__value": world.branch }]));
    let typed = world.post("/variable", &json!({ "payload": { "target": "accounts", "search": "bra" } })).await.json();
    assert_eq!(typed.as_array().unwrap().len(), 1);
    let search = world.post("/search", &json!({ "target": "" })).await.json();
    assert!(search.as_array().unwrap().iter().any(|entry| entry["value"] == "asr"));
    let search = world.post("/search", &json!({ "target": "accounts" })).await.json();
    assert_eq!(search[1], json!({ "text": "Branch (2)", "value": world.branch }));
    for request in [json!({}), json!({ "filters": [], "timeRange": body(json!({}))["range"] })] {
        let keys = world.post("/tag-keys", &request).await.json();
        let country = json!({ "type": "string", "text": "dst-country-id", "value": "dst-country-id" });
        assert!(keys.as_array().unwrap().contains(&country), "{keys}");
    }
    let values = world.post("/tag-values", &json!({ "key": "account-id" })).await.json();
    assert_eq!(values[1], json!({ "text": "Branch (2)", "value": world.branch }));
}

#[actix_web::test]
async fn errors_are_json_objects_with_a_message() {
    let world = World::new().await;
    let asr = |payload| body(target("asr", payload));
    let filtered = |operator: &str, key: &str, value: &str| {
        let mut request = asr(json!({}));
        request["adhocFilters"] = json!([{ "key": key, "operator": operator, "value": value }]);
        request
    };
    for (request, text) in [
        (body(target("nothing", json!({}))), "there is no metric \"nothing\""),
        (asr(json!({ "account": "nobody" })), "account \"nobody\" is unknown"),
        (asr(json!({ "sampling": "century" })), "sampling \"century\""),
        (asr(json!({ "countries": "4294967296" })), "country \"4294967296\""),
        (filtered("=~", "dst-prefix-routing", "(44"), "is no regular expression"),
        (filtered("=~", "account-id", "["), "is no regular expression"),
        (filtered("<", "dst-prefix-routing", "44"), "does not know the operator <"),
        (filtered("=", "dst-country-id", "Ukraine"), "does not understand \"Ukraine\""),
        (json!({ "targets": [target("asr", json!({}))] }), "no range"),
        (json!({ "targets": [], "range": { "from": "now-1h", "to": "now" } }), "range.from"),
    ] {
        let reply = world.post("/query", &request).await;
        assert_eq!(reply.status, 400, "{text}: {}", reply.body);
        assert!(reply.json()["message"].as_str().unwrap().contains(text), "{text}: {}", reply.body);
        assert_eq!(reply.json()["message"], reply.json()["error"]);
    }
    // A regular expression, but not the engine's.
    let reply = world.post("/query", &filtered("=~", "dst-prefix-routing", "(?x)4 4")).await;
    assert_eq!(reply.status, 400, "{}", reply.body);
    assert!(reply.json()["message"].as_str().unwrap().contains("does not understand it"), "{}", reply.body);
    let reply = world.post("/query", &json!([1])).await;
    assert_eq!((reply.status, reply.json()["message"].as_str()), (400, Some("the body is no JSON object")));
    let reply = world.app.get("/grafana/query", &world.token).await;
    assert_eq!((reply.status, reply.header("allow")), (405, "POST"));
    assert_eq!(reply.json()["message"], "method not allowed");
}

#[actix_web::test]
async fn each_plugin_version_gets_the_same_numbers_in_its_own_form() {
    let world = World::new().await;
    let mut request = body(json!({}));
    // simPod to 0.6.3 and from 0.6.4 on, without and with a payload; a text area of 0.3; simple-json with and without data.
    request["targets"] = json!([
        { "refId": "A", "target": "total_calls", "payload": { "account": world.acme }, "editorMode": "builder" },
        { "refId": "B", "target": "total_calls", "payload": format!("{{\"account\":\"{}\"}}", world.acme), "editorMode": "code" },
        { "refId": "C", "target": { "value": "total_calls" }, "data": { "account": [world.acme] } },
        { "refId": "D", "target": "total_calls", "type": "timeserie", "data": { "account": world.acme } },
        { "refId": "E", "target": "total_calls", "type": "table", "payload": { "account": world.acme } },
        { "refId": "F", "target": "", "payload": {} },
        { "refId": "G", "target": "asr", "hide": true },
        { "refId": "H" },
    ]);
    let answer = world.post("/query", &request).await.json();
    let answers = answer.as_array().unwrap();
    assert_eq!(answers.iter().map(|one| one["refId"].as_str().unwrap()).collect::<Vec<_>>(), ["A", "B", "C", "D", "E"]);
    for one in &answers[..3] {
        assert_eq!(one["fields"], answers[0]["fields"]);
        assert_eq!(one["fields"][0]["type"], "time");
        assert_eq!(one["fields"][0]["values"].as_array().unwrap().len(), 120);
        assert_eq!(one["fields"][0]["values"][0], super::FIRST * 1000);
        assert_eq!(one["fields"][1]["values"][119], 10);
    }
    assert_eq!(answers[3]["datapoints"][1], json!([10, (super::FIRST + 60) * 1000]));
    assert_eq!(answers[4]["type"], "table");
    assert_eq!(answers[4]["columns"][0], json!({ "text": "Time", "type": "time" }));
    assert_eq!(answers[4]["rows"][1], json!([(super::FIRST + 60) * 1000, 10]));
    assert_eq!(answers[4]["rows"].as_array().unwrap().len(), 120);
}

/// The texts are those of the first version, which made them of JSON values.
#[actix_web::test]
async fn answers_are_written_to_the_byte() {
    let world = World::new().await;
    let text = async |target: serde_json::Value| {
        let mut request = body(target);
        request["range"]["to"] = json!("2026-02-01T00:02:00.000Z");
        world.post("/query", &request).await.body
    };
    let (t, next) = (super::FIRST * 1000, super::FIRST * 1000 + 60_000);
    let payload = json!({ "account": world.acme });
    assert_eq!(
        text(target("asr", payload.clone())).await,
        format!(
            r#"[{{"refId":"A","name":"ASR A.B (C), wholesale","meta":{{"notices":[],"custom":{{"scope":"calls","sampling":"minute"}}}},"fields":[{{"name":"time","type":"time","config":{{"interval":60000}},"values":[{t},{next}]}},{{"name":"asr","type":"number","labels":{{"account":"A.B (C), wholesale"}},"config":{{"unit":"percent","displayNameFromDS":"ASR A.B (C), wholesale"}},"values":[80,80]}}]}}]"#
        )
    );
    let old = |form: &str, metric: &str| json!({ "refId": "B", "target": metric, "type": form, "payload": {} });
    assert_eq!(
        text(old("timeserie", "acd")).await,
        format!(r#"[{{"target":"acd","refId":"B","datapoints":[[1,{t}],[1,{next}]]}}]"#)
    );
    assert_eq!(
        text(old("table", "asr")).await,
        format!(
            r#"[{{"type":"table","refId":"B","columns":[{{"text":"Time","type":"time"}},{{"text":"ASR","type":"number"}}],"rows":[[{t},72.73],[{next},72.73]]}}]"#
        )
    );
    let none = json!({ "annotation": { "name": "x" }, "range": body(json!({}))["range"] });
    assert_eq!(world.post("/annotations", &none).await.body, "[]");
}
