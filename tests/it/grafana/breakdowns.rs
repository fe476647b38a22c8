//! Breakdowns as series and tables: every measure and dimension of the catalogue.

use serde_json::{Value, json};

use super::{World, body, numbers, target};

/// A query with the dashboard's ad-hoc filters.
fn filtered(target: Value, filters: Value) -> Value {
    let mut request = body(target);
    request["filters"] = filters;
    request
}

/// The values of a column.
fn column<'a>(answer: &'a Value, name: &str) -> &'a Value {
    let fields = answer[0]["fields"].as_array().unwrap_or_else(|| panic!("{answer}"));
    &fields.iter().find(|field| field["name"] == name).unwrap_or_else(|| panic!("no {name}: {answer}"))["values"]
}

/// The message of a refusal.
async fn refusal(world: &World, metric: &str, payload: Value) -> String {
    let reply = world.post("/query", &body(target(metric, payload))).await;
    assert_eq!(reply.status, 400, "{}", reply.body);
    reply.json()["message"].as_str().unwrap().to_owned()
}

#[actix_web::test]
async fn every_measure_is_a_series_and_a_column_and_every_dimension_groups() {
    let world = World::new().await;
    let metrics = world.post("/metrics", &json!({})).await.json();
    let options = |metric: &str, field: &str| -> Vec<String> {
        let metric = metrics.as_array().unwrap().iter().find(|one| one["value"] == metric).unwrap();
        let field = metric["payloads"].as_array().unwrap().iter().find(|one| one["name"] == field).unwrap();
        let options = field["options"].as_array().unwrap();
        options.iter().map(|option| option["value"].as_str().unwrap().to_owned()).collect()
    };
    for prefix in ["", "termination_"] {
        let (series, table) = (format!("{prefix}breakdown_series"), format!("{prefix}breakdown_table"));
        let measures = options(&series, "measure");
        assert!(
            measures.len() > 25 && !measures.iter().any(|name| name == "margin" || name == "revenue"),
            "{measures:?}"
        );
        for measure in &measures {
            let payload = json!({ "measure": measure, "compare": "day", "group-by": "dst-country" });
            let reply = world.post("/query", &body(target(&series, payload))).await;
            assert_eq!(reply.status, 200, "{measure}: {}", reply.body);
            if prefix.is_empty() {
                assert_eq!(reply.json()[0]["fields"][1]["name"], json!(measure));
            }
        }
        let dimensions = options(&table, "group-by");
        assert!(dimensions.len() > 14 && !dimensions.iter().any(|name| name == "vendor"), "{dimensions:?}");
        for dimension in &dimensions {
            let payload = json!({
                "group-by": dimension, "measures": measures, "compare": "day", "dst-prefix-digits": 3, "src-prefix-digits": "3",
            });
            let reply = world.post("/query", &body(target(&table, payload))).await;
            assert_eq!(reply.status, 200, "{dimension}: {}", reply.body);
        }
    }
}

#[actix_web::test]
async fn a_series_is_of_all_calls_or_of_each_of_the_largest_groups() {
    let world = World::new().await;
    let all = world.query(target("breakdown_series", json!({}))).await;
    assert_eq!(
        (all[0]["name"].as_str(), &numbers(&all)[0], &numbers(&all)[119]),
        (Some("total_calls"), &json!(11), &json!(11))
    );
    assert_eq!(all[0]["fields"][0]["config"]["interval"], 60_000);
    let by_country = json!({ "measure": "successful_calls", "group-by": "dst-country" });
    let groups = world.query(target("breakdown_series", by_country.clone())).await;
    let labels: Vec<&Value> =
        groups.as_array().unwrap().iter().map(|frame| &frame["fields"][1]["labels"]["dst-country"]).collect();
    // Six calls a minute go to country 2, five to country 1; of either four are answered.
    assert_eq!(labels, [&json!("2"), &json!("1")]);
    assert_eq!((&groups[0]["fields"][1]["values"][7], &groups[1]["fields"][1]["values"][7]), (&json!(4), &json!(4)));
    let mut one = by_country;
    one["limit"] = json!(1);
    let largest = world.query(target("breakdown_series", one)).await;
    assert_eq!(largest.as_array().map(Vec::len), Some(1));
    assert!(largest[0]["meta"]["notices"].to_string().contains("the 1 largest of 2 groups are shown"), "{largest}");
    let wide = json!({ "measure": "asr", "group-by": "account", "shape": "wide", "sampling": "hour" });
    let wide = world.query(target("breakdown_series", wide)).await;
    let names: Vec<&Value> =
        wide[0]["fields"].as_array().unwrap().iter().map(|field| &field["config"]["displayNameFromDS"]).collect();
    assert_eq!(names[1..], [&json!("ASR A.B (C), wholesale"), &json!("ASR Branch")]);
    // An hour without a call counts nothing, and has no ratio.
    for (measure, value) in [("total_calls", json!(0)), ("asr", Value::Null)] {
        let mut request = body(target("breakdown_series", json!({ "measure": measure, "sampling": "hour" })));
        request["range"]["from"] = json!("2026-01-31T23:00:00.000Z");
        assert_eq!(world.post("/query", &request).await.json()[0]["fields"][1]["values"][0], value, "{measure}");
    }
    let compared = json!({ "measure": "total_calls", "compare": "previous", "sampling": "hour" });
    let mut request = body(target("breakdown_series", compared));
    request["range"]["from"] = json!("2026-02-01T01:00:00.000Z");
    let compared = world.post("/query", &request).await.json();
    assert_eq!(compared[1]["fields"][1]["labels"]["compare"], "before");
    assert_eq!(
        (&compared[0]["fields"][1]["values"], &compared[1]["fields"][1]["values"]),
        (&json!([660]), &json!([660]))
    );
}

#[actix_web::test]
async fn one_value_for_the_whole_range_is_of_all_its_calls() {
    let world = World::new().await;
    for (measure, value) in [("asr", json!(72.73)), ("distinct_dst_numbers", json!(2)), ("total_calls", json!(1320))] {
        let answer = world.query(target("breakdown_series", json!({ "measure": measure, "reduce": "total" }))).await;
        assert_eq!(numbers(&answer), &json!([value]), "{measure}");
    }
    let payload = json!({ "measure": "asr", "reduce": "total", "group-by": "dst-country", "limit": 1 });
    let answer = world.query(target("breakdown_series", payload)).await;
    assert_eq!((answer.as_array().map(Vec::len), numbers(&answer)), (Some(1), &json!([66.67])));
    assert!(answer[0]["meta"]["notices"].to_string().contains("the 1 largest of 2 groups are shown"), "{answer}");
}

#[actix_web::test]
async fn a_table_has_the_figures_of_the_api() {
    let world = World::new().await;
    let payload = json!({
        "account": world.acme, "group-by": ["destination-prefix", "answered"], "measures": "(total_calls|acd|share)",
        "order-by": "-acd,destination_prefix", "limit": 3, "compare": "previous", "min-calls": 1, "dst-country-id": [1, 2],
    });
    let table = world.query(target("breakdown_table", payload)).await;
    let query = format!(
        "account-id={}&from-time=2026-02-01T00:00:00Z&to-time=2026-02-01T02:00:00Z&group-by=destination-prefix,answered\
         &measures=total_calls,acd,share&order-by=-acd,destination_prefix&limit=3&compare=previous&min-calls=1&numbers=plain",
        world.acme
    );
    let path = format!("/api/rest/customer/v1/origination-breakdown?{query}");
    let api = world.app.get(&path, &world.token).await.json();
    assert_eq!(column(&table, "destination_prefix"), &json!(["38", "44", "38"]));
    assert_eq!(column(&table, "answered"), &json!(["true", "true", "false"]));
    for name in ["total_calls", "acd", "acd_before", "total_calls_change", "share"] {
        let floats =
            |values: &Value| -> Vec<Option<f64>> { values.as_array().unwrap().iter().map(Value::as_f64).collect() };
        assert_eq!(floats(column(&table, name)), floats(&api["data"][name]), "{name}");
    }
    assert!(table[0]["meta"]["notices"].to_string().contains("3 of 4 groups are shown"), "{table}");
    let mut old =
        target("breakdown_table", json!({ "group-by": "t", "sampling": "6hours", "measures": ["first_call"] }));
    old["type"] = json!("table");
    let old = world.query(old).await;
    assert_eq!(old[0]["rows"], json!([[super::FIRST * 1000, super::FIRST * 1000]]));
}

#[actix_web::test]
async fn filters_of_the_dashboard_apply_and_unknown_words_are_named() {
    let world = World::new().await;
    let ask = async |filters: Value| {
        let request = filtered(target("breakdown_series", json!({ "reduce": "total" })), filters);
        world.post("/query", &request).await.json()
    };
    let filter = |key: &str, operator: &str, value: &str| json!([{ "key": key, "operator": operator, "value": value }]);
    for (key, operator, value, calls) in [
        ("destination-prefix", "=", "44", 720),
        ("destination-prefix", "=~", "^3", 600),
        ("duration", ">", "0", 960),
        ("disconnect-code", "!=", "0", 0),
        ("account-id", "=", &world.branch, 120),
    ] {
        let answer = ask(filter(key, operator, value)).await;
        assert_eq!(numbers(&answer), &json!([calls]), "{key} {operator} {value}");
    }
    assert_eq!(ask(filter("account-id", "=", &world.foreign)).await, json!([]));
    for key in ["customer-id", "vendor-id", "term-gw-id", "vendor-price"] {
        let answer = ask(filter(key, "=", "8")).await;
        assert!(
            answer[0]["meta"]["notices"].to_string().contains(&format!("the filter on {key} does not apply")),
            "{answer}"
        );
        assert_eq!(numbers(&answer), &json!([1320]));
    }
    // A series of other metrics is not filtered by what breakdowns alone know.
    let request = filtered(target("total_calls", json!({})), filter("destination-prefix", "=", "44"));
    let answer = world.post("/query", &request).await.json();
    assert_eq!(numbers(&answer)[0], 11);
    let payload = json!({ "customer-id": 8, "from-time": "2020-01-01", "reduce": "total" });
    let answer = world.query(target("breakdown_series", payload)).await;
    assert_eq!(answer[0]["meta"]["notices"].as_array().map(Vec::len), Some(2), "{answer}");
    for (metric, payload, message) in [
        ("breakdown_series", json!({ "measure": "margin" }), "invalid value measures"),
        ("breakdown_series", json!({ "group-by": "vendor" }), "invalid value group-by"),
        ("breakdown_series", json!({ "group-by": "t" }), "breakdown_series is over t anyway"),
        ("breakdown_series", json!({ "group-by": "account,answered" }), "breakdown_series takes one group-by"),
        ("breakdown_series", json!({ "measures": ["asr", "acd"] }), "breakdown_series takes one measure"),
        ("breakdown_series", json!({ "measure": "lost_answers" }), "compare is required by measures lost_answers"),
        ("breakdown_table", json!({ "group-by": "customer" }), "invalid value group-by"),
        (
            "breakdown_table",
            json!({ "group-by": "dst-prefix" }),
            "dst-prefix-digits is required by group-by dst-prefix",
        ),
        ("breakdown_table", json!({ "measures": "cost,total_calls" }), "invalid value measures"),
        ("breakdown_table", json!({ "order-by": "-asr_change" }), "invalid value order-by"),
        ("breakdown_table", json!({ "limit": 20000 }), "invalid value limit"),
        (
            "breakdown_table",
            json!({ "sampling": "year" }),
            "sampling \"year\" is no length such as 5minutes, 1h or month",
        ),
    ] {
        assert_eq!(refusal(&world, metric, payload).await, message);
    }
}

#[actix_web::test]
async fn points_of_breakdowns_are_bounded_as_those_of_others() {
    let world = World::with(|config| {
        config.limits.max_points = 60;
        config.limits.max_points_per_request = 100;
    })
    .await;
    let answer = world.query(target("breakdown_series", json!({ "sampling": "minute" }))).await;
    assert!(answer[0]["meta"]["notices"].to_string().contains("buckets of 5minutes are shown"), "{answer}");
    let groups =
        json!({ "group-by": "destination-prefix", "sampling": "5minutes", "compare": "day", "measure": "asr" });
    assert!(world.post("/query", &body(target("breakdown_series", groups))).await.status == 200);
    let groups = json!({ "group-by": "q850-cause", "sampling": "5minutes", "compare": "day", "measure": "acd" });
    let mut request = body(target("breakdown_series", groups.clone()));
    request["targets"] = json!([
        target("breakdown_series", groups.clone()),
        target("breakdown_series", groups.clone()),
        target("breakdown_series", groups)
    ]);
    let reply = world.post("/query", &request).await;
    assert!(reply.status == 400 && reply.body.contains("limits.max_points_per_request"), "{}", reply.body);
}
