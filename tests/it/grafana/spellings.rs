//! The same choice in every way that Grafana writes it: the same rows.

use serde_json::{Value, json};

use super::{World, body, numbers, target};

#[actix_web::test]
async fn accounts_mean_the_same_however_they_are_spelled() {
    let world = World::new().await;
    let (acme, branch) = (world.acme.to_string(), world.branch.to_string());
    let expected = world.query(target("total_calls", json!({ "account": [acme, branch] }))).await;
    assert_eq!(expected.as_array().unwrap().len(), 2);
    for account in [
        json!([branch, acme]),
        json!(format!("{acme},{branch}")),
        json!(format!("({acme}|{branch})")),
        json!(format!("{acme}|{branch}")),
        json!(format!("{{{acme},{branch}}}")),
        json!(format!("'{acme}','{branch}'")),
        json!(format!("[\"{acme}\",\"{branch}\"]")),
        json!([format!("({acme}|{branch})")]),
        json!([1, 2]),
        json!(["1", "2"]),
        json!("1,2"),
        json!("(A\\.B \\(C\\), wholesale|Branch)"),
        json!("A.B (C), wholesale,Branch"),
        json!(["A.B (C), wholesale (1)", "Branch (2)"]),
        json!([acme.to_uppercase(), format!("{{{branch}}}")]),
        json!([{ "label": "A", "value": acme }, { "label": "B", "value": branch }]),
    ] {
        let answer = world.query(target("total_calls", json!({ "account": account }))).await;
        assert_eq!(answer[0]["fields"], expected[0]["fields"], "{account}");
        assert_eq!(answer[1]["fields"], expected[1]["fields"], "{account}");
        assert_eq!(answer[0]["meta"]["notices"], json!([]), "{account}");
    }
    for account in [json!(acme), json!(1), json!("A\\.B \\(C\\), wholesale"), json!([acme, 1, "A.B (C), wholesale"])] {
        let answer = world.query(target("total_calls", json!({ "account": account }))).await;
        assert_eq!(answer.as_array().unwrap().len(), 1, "{account}");
        assert_eq!(answer[0]["fields"], expected[0]["fields"], "{account}");
    }
}

#[actix_web::test]
async fn countries_and_prefixes_mean_the_same_however_they_are_spelled() {
    let world = World::new().await;
    let total = async |payload: Value| {
        let answer = world.query(target("total_calls", payload)).await;
        numbers(&answer).as_array().unwrap().iter().map(|value| value.as_i64().unwrap()).sum::<i64>()
    };
    for countries in [json!([1]), json!(1), json!("1"), json!(["1"]), json!("(1)"), json!("1,9"), json!("(1|9)")] {
        assert_eq!(total(json!({ "countries": countries })).await, 600, "{countries}");
    }
    for prefixes in [json!(["38"]), json!("38"), json!(38), json!("38,77"), json!("(38|77)"), json!("{38,77}")] {
        assert_eq!(total(json!({ "prefixes": prefixes })).await, 600, "{prefixes}");
    }
    for nothing in [json!([]), json!(""), json!("$__all"), json!(["$__all"]), Value::Null] {
        assert_eq!(
            total(json!({ "countries": nothing, "prefixes": nothing, "account": nothing })).await,
            1320,
            "{nothing}"
        );
    }
}

#[actix_web::test]
async fn a_variable_without_a_value_is_left_out_with_a_notice() {
    let world = World::new().await;
    for broken in [json!({}), json!("{}"), json!("$account"), json!("${account:csv}"), json!(["$account"])] {
        let answer = world.query(target("total_calls", json!({ "account": broken }))).await;
        assert_eq!(numbers(&answer)[0], 11, "{broken}");
        let notice = answer[0]["meta"]["notices"][0]["text"].as_str().unwrap();
        assert!(notice.contains("account") && notice.contains("variable"), "{notice}");
    }
}

#[actix_web::test]
async fn a_word_means_the_same_however_it_is_spelled_and_two_are_refused() {
    let world = World::new().await;
    let shown = async |payload: Value| {
        let frames = world.query(target("total_calls", payload)).await;
        frames.as_array().unwrap().iter().map(|frame| frame["fields"].clone()).collect::<Vec<_>>()
    };
    let spelled = |word: &str| {
        [
            json!(word),
            json!([word]),
            json!(format!("\"{word}\"")),
            json!(format!("'{word}'")),
            json!(format!("[\"{word}\"]")),
            json!(format!("({word})")),
            json!({ "label": "x", "value": word }),
        ]
    };
    for (field, word, other) in [("sampling", "hour", "day"), ("shape", "each", "wide"), ("reduce", "total", "none")] {
        let expected = shown(json!({ field: word })).await;
        assert_ne!(expected, shown(json!({})).await, "{field}");
        for word in spelled(word) {
            assert_eq!(shown(json!({ field: word })).await, expected, "{field} {word}");
        }
        for many in [json!([word, other]), json!(format!("{word},{other}")), json!(true)] {
            let reply = world.post("/query", &body(target("total_calls", json!({ field: many })))).await;
            let message = reply.json()["message"].as_str().unwrap_or_default().to_owned();
            assert_eq!((reply.status, message.starts_with(field)), (400, true), "{field} {many}: {message}");
        }
    }
    assert_eq!(shown(json!({ "sampling": 3_600_000 })).await, shown(json!({ "sampling": "hour" })).await);
    for limit in spelled("1") {
        let answer = world.query(target("top_destinations", json!({ "limit": limit }))).await;
        assert_eq!(answer[0]["fields"][0]["values"].as_array().map(Vec::len), Some(1), "{limit}");
    }
}
