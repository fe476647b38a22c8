//! Grafana by tokens of the operator's: breakdowns of all customers and vendors, as lists and rights say, and nothing else.

use cdrscope::token::Issue;
use serde_json::{Value, json};

use super::{SECRET, app};
use crate::support::{Reply, TestApp, http};

/// Calls of two customers over two vendors: revenue 1 and cost 0.25 each.
fn rows() -> Vec<Value> {
    let row = |customer: u32, vendor: u32| {
        json!({
            "customer_id": customer, "customer_acc_id": customer * 10, "vendor_id": vendor, "vendor_acc_id": vendor * 10,
            "customer_price": "1", "customer_price_no_vat": "1", "vendor_price": "0.25", "dst_country_id": customer,
        })
    };
    vec![row(5, 70), row(5, 70), row(5, 71), row(6, 70)]
}

async fn post(app: &TestApp, path: &str, body: &Value, token: &str) -> Reply {
    let request = app.request("POST", &format!("/grafana{path}")).header("Authorization", token);
    http::send(request.body(body.to_string())).await
}

/// The body of a panel with one target over the day of the calls.
fn panel(metric: &str, payload: Value) -> Value {
    json!({
        "range": { "from": "2026-05-04T00:00:00.000Z", "to": "2026-05-05T00:00:00.000Z" }, "intervalMs": 3_600_000,
        "maxDataPoints": 100, "targets": [{ "refId": "A", "target": metric, "payload": payload }],
    })
}

/// The one value of a measure for the day; `None` without data.
async fn total(app: &TestApp, metric: &str, measure: &str, token: &str) -> Option<f64> {
    let body = panel(metric, json!({ "measure": measure, "reduce": "total" }));
    let reply = post(app, "/query", &body, token).await;
    assert_eq!(reply.status, 200, "{}", reply.body);
    reply.json()[0]["fields"][1]["values"][0].as_f64()
}

async fn refusal(app: &TestApp, body: &Value, token: &str) -> String {
    let reply = post(app, "/query", body, token).await;
    assert_eq!(reply.status, 400, "{}", reply.body);
    reply.json()["message"].as_str().unwrap().to_owned()
}

const EVERY: &[&str] = &["cost", "vendors", "numbers", "export"];

#[actix_web::test]
async fn a_token_of_the_operators_sees_calls_as_its_lists_and_rights_say() {
    let app = app(&rows()).await;
    for (customers, vendors, calls) in
        [(&[][..], &[][..], 4.0), (&[5], &[], 3.0), (&[], &[70], 3.0), (&[5], &[70], 2.0), (&[9], &[], 0.0)]
    {
        let token = app.operator_token(customers, vendors, EVERY);
        for metric in ["breakdown_series", "termination_breakdown_series"] {
            assert_eq!(
                total(&app, metric, "total_calls", &token).await,
                Some(calls),
                "{customers:?} {vendors:?} {metric}"
            );
        }
        assert_eq!(
            total(&app, "breakdown_series", "margin", &token).await,
            Some(calls * 0.75),
            "{customers:?} {vendors:?}"
        );
    }
    let token = app.operator_token(&[], &[], EVERY);
    let payload = json!({ "group-by": ["customer", "vendor"], "measures": ["revenue", "cost", "margin_percent"], "order-by": "-cost" });
    let table = post(&app, "/query", &panel("breakdown_table", payload), &token).await.json();
    let of = |name: &str| {
        table[0]["fields"].as_array().unwrap().iter().find(|field| field["name"] == name).unwrap()["values"].clone()
    };
    assert_eq!((of("customer_id"), of("vendor_id")), (json!(["5", "5", "6"]), json!(["70", "71", "70"])));
    assert_eq!((of("cost"), of("margin_percent")), (json!([0.5, 0.25, 0.25]), json!([75, 75, 75])));
    let by_vendor = json!({ "measure": "loss_calls", "group-by": "vendor" });
    let series = post(&app, "/query", &panel("termination_breakdown_series", by_vendor), &token).await.json();
    let labels: Vec<&Value> =
        series.as_array().unwrap().iter().map(|frame| &frame["fields"][1]["labels"]["vendor"]).collect();
    assert_eq!(labels, [&json!("70"), &json!("71")]);
    for (key, value, calls) in
        [("customer-id", "6", 1), ("vendor-id", "71", 1), ("vendor-price", "0.25", 4), ("vendor-price", "1", 0)]
    {
        let mut body = panel("breakdown_series", json!({ "reduce": "total" }));
        body["filters"] = json!([{ "key": key, "operator": "=", "value": value }]);
        let answer = post(&app, "/query", &body, &token).await.json();
        assert_eq!(answer[0]["fields"][1]["values"], json!([calls]), "{key} {value}: {answer}");
    }
    let reply = app.get("/grafana", &token).await;
    assert_eq!(reply.status, 200);
}

#[actix_web::test]
async fn prefixes_are_listed_as_the_tokens_lists_and_rights_say() {
    let mut rows = rows();
    for (row, number) in rows.iter_mut().zip(["442079460000", "442079460001", "+380441234567", "1234"]) {
        row["dst_prefix_routing"] = json!(number);
    }
    let app = app(&rows).await;
    let list = async |customers: &[u32], may: &[&str], typed: &str| {
        let token = app.operator_token(customers, &[], may);
        let mut request = panel("breakdown_table", json!({}));
        request["payload"] = json!({ "target": "prefixes", "search": typed });
        let list = post(&app, "/variable", &request, &token).await.json();
        list.as_array().unwrap().iter().map(|one| one["__value"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(list(&[], EVERY, "").await, ["442", "+380", "123"]);
    assert_eq!(list(&[6], EVERY, "").await, ["123"]);
    // Of a number of four digits nothing is left without the right to whole ones.
    assert_eq!(list(&[], &[], "").await, ["442", "+380"]);
    assert_eq!(list(&[], EVERY, "44").await, ["44", "442"]);
}

#[actix_web::test]
async fn customers_tokens_see_nothing_of_the_operators_and_the_other_way_round() {
    let app = app(&rows()).await;
    let account = app.account(50, 5).await;
    let (customer, operator) = (app.token(5, &[]), app.operator_token(&[], &[], EVERY));
    app.until_known(account, &customer).await;
    for (payload, message) in [
        (json!({ "measure": "margin" }), "invalid value measures"),
        (json!({ "measure": "cost" }), "invalid value measures"),
        (json!({ "measure": "revenue" }), "invalid value measures"),
        (json!({ "measure": "loss_calls" }), "invalid value measures"),
        (json!({ "group-by": "vendor" }), "invalid value group-by"),
        (json!({ "group-by": "customer" }), "invalid value group-by"),
    ] {
        assert_eq!(refusal(&app, &panel("breakdown_series", payload.clone()), &customer).await, message, "{payload}");
        let reply = post(&app, "/query", &panel("breakdown_series", payload), &operator).await;
        assert_eq!(reply.status, 200, "{}", reply.body);
    }
    // Parameters and filters of the operator's are words without meaning here, and never widen what is seen.
    let mut body = panel(
        "breakdown_series",
        json!({ "reduce": "total", "customer-id": 6, "vendor-id": 71, "side": "termination" }),
    );
    body["filters"] = json!([{ "key": "vendor-id", "operator": "=", "value": "71" }, { "key": "customer-id", "operator": "!=", "value": "5" }]);
    let answer = post(&app, "/query", &body, &customer).await.json();
    assert_eq!(answer[0]["fields"][1]["values"], json!([3]), "{answer}");
    assert_eq!(answer[0]["meta"]["notices"].as_array().map(Vec::len), Some(5), "{answer}");
    for path in ["/metrics", "/tag-keys", "/search"] {
        let reply = post(&app, path, &json!({}), &customer).await;
        for word in ["margin", "\"cost\"", "vendor-id", "customer-id", "\"vendor\""] {
            assert!(!reply.body.contains(word), "{path} has {word}: {}", reply.body);
        }
    }
    let lists = |target: &str| json!({ "payload": { "target": target } });
    assert_eq!(post(&app, "/variable", &lists("vendors"), &customer).await.status, 400);
    // The operator's people see breakdowns alone.
    for metric in ["total_calls", "asr", "termination_asr", "active_calls", "top_destinations", "incidents"] {
        assert!(
            refusal(&app, &panel(metric, json!({})), &operator).await.starts_with("there is no metric"),
            "{metric}"
        );
    }
    let range = json!({ "from": "2026-05-04T00:00:00.000Z", "to": "2026-05-05T00:00:00.000Z" });
    let reply = post(&app, "/annotations", &json!({ "range": range, "annotation": {} }), &operator).await;
    assert_eq!((reply.status, reply.body.contains("breakdowns alone")), (400, true), "{}", reply.body);
    let mut vendors = lists("vendors");
    vendors["range"] = range;
    let list = post(&app, "/variable", &vendors, &operator).await.json();
    assert_eq!(list, json!([{ "__text": "vendor 70", "__value": "70" }, { "__text": "vendor 71", "__value": "71" }]));
    let metrics = post(&app, "/metrics", &json!({}), &operator).await.body;
    assert!(
        metrics.contains("\"margin\"") && metrics.contains("\"vendor\"") && !metrics.contains("\"active_calls\""),
        "{metrics}"
    );
    // A cookie is a customer's, and no key but the operator's makes a token of the operator's.
    let forged = app.sign(&Issue::Operator(1), 600);
    assert_eq!(post(&app, "/metrics", &json!({}), &forged).await.status, 403);
    let cookie =
        app.request("POST", "/grafana/metrics").header("Cookie", format!("_yeti_customer_v1_session={operator}"));
    assert_eq!(http::send(cookie.body("{}")).await.status, 403);
}

#[actix_web::test]
async fn what_a_token_may_not_see_is_an_unknown_word_here_too() {
    let app = app(&rows()).await;
    let without = |word: &str| EVERY.iter().copied().filter(|other| *other != word).collect::<Vec<_>>();
    let (no_cost, no_vendors) =
        (app.operator_token(&[], &[], &without("cost")), app.operator_token(&[], &[], &without("vendors")));
    for measure in ["cost", "margin", "margin_percent", "loss", "loss_calls"] {
        let body = panel("breakdown_series", json!({ "measure": measure }));
        assert_eq!(refusal(&app, &body, &no_cost).await, "invalid value measures", "{measure}");
    }
    let body = panel("termination_breakdown_series", json!({ "measure": "total_price" }));
    assert_eq!(refusal(&app, &body, &no_cost).await, "invalid value measures");
    for by in ["vendor", "term-gw"] {
        let body = panel("breakdown_table", json!({ "group-by": by }));
        assert_eq!(refusal(&app, &body, &no_vendors).await, "invalid value group-by", "{by}");
    }
    let body = panel("termination_breakdown_table", json!({ "group-by": "dst-country" }));
    assert!(refusal(&app, &body, &no_vendors).await.starts_with("there is no metric"));
    assert_eq!(post(&app, "/variable", &json!({ "payload": { "target": "vendors" } }), &no_vendors).await.status, 400);
    let asked = async |path: &str, token: &str| post(&app, path, &json!({}), token).await.body;
    for (token, words) in [(&no_cost, ["\"margin\"", "vendor-price"]), (&no_vendors, ["\"vendor\"", "vendor-id"])] {
        let lists = asked("/metrics", token).await + &asked("/tag-keys", token).await;
        assert!(words.iter().all(|word| !lists.contains(word)), "{words:?}: {lists}");
    }
    let numbers = panel("breakdown_table", json!({ "group-by": "dst-prefix", "dst-prefix-digits": 15 }));
    let masked = app.operator_token(&[], &[], &without("numbers"));
    let answer = post(&app, "/query", &numbers, &masked).await.json();
    assert_eq!(answer[0]["fields"][0]["values"], json!(["44207123"]));
}

#[actix_web::test]
async fn accounts_of_other_customers_are_unknown_and_an_empty_choice_is_not_all() {
    let app = app(&rows()).await;
    let (ours, others) = (app.account(50, 5).await, app.account(60, 6).await);
    app.until_known(others, &app.token(6, &[])).await;
    let token = app.operator_token(&[5], &[], &["cost"]);
    let ask = async |payload: Value, filters: Value| {
        let mut body = panel("breakdown_series", payload);
        body["filters"] = filters;
        post(&app, "/query", &body, &token).await
    };
    let reply = ask(json!({ "reduce": "total", "account": ours.to_string() }), json!([])).await;
    assert_eq!(reply.json()[0]["fields"][1]["values"], json!([3]));
    let reply = ask(json!({ "account": others.to_string() }), json!([])).await;
    assert_eq!((reply.status, reply.body.contains("unknown to this token")), (400, true), "{}", reply.body);
    for (operator, value, calls) in
        [("=", &ours, Some(3)), ("=", &others, None), ("!=", &others, Some(3)), ("!=", &ours, None)]
    {
        let filter = json!([{ "key": "account-id", "operator": operator, "value": value.to_string() }]);
        let answer = ask(json!({ "reduce": "total" }), filter).await.json();
        let expected = calls.map_or(Value::Null, |calls| json!([calls]));
        assert_eq!(answer[0]["fields"][1]["values"], expected, "{operator} {value}");
    }
}

#[actix_web::test]
async fn without_a_key_or_at_another_address_the_operators_tokens_open_nothing() {
    let with_key =
        |config: &mut cdrscope::config::Config| config.operator.secret = cdrscope::config::value::Secret::new(SECRET);
    let keyed = TestApp::start(with_key).await;
    let operator = keyed.operator_token(&[], &[], EVERY);
    let plain = TestApp::start(|_| ()).await;
    assert_eq!(post(&plain, "/metrics", &json!({}), &operator).await.status, 403);
    let address = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let apart = TestApp::start(|config| {
        with_key(config);
        config.http.operator_listen = Some(address);
    })
    .await;
    let customer = apart.token(5, &[]);
    let at = async |url: &str, token: &str| {
        http::send(apart.client.post(format!("{url}/grafana/metrics")).header("Authorization", token).body("{}"))
            .await
            .status
    };
    let own = format!("http://{address}");
    assert_eq!((at(&apart.url, &customer).await, at(&apart.url, &operator).await), (200, 403));
    assert_eq!((at(&own, &customer).await, at(&own, &operator).await), (403, 200));
}
