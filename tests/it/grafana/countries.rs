//! Countries by name: the table of destinations, lists, payloads.

use serde_json::{Value, json};

use super::{FIRST, World, body, numbers, target};
use crate::support::{TestApp, engine, insert};

async fn with_names() -> World {
    let world = World::new().await;
    let rows =
        [json!({ "id": 1, "name": "Ukraine", "iso": "UA" }), json!({ "id": 2, "name": "United Kingdom", "iso": "GB" })];
    insert(&world.app.admin, "countries", &rows.map(|row| row.to_string()).join("\n")).await;
    for _ in 0..100 {
        if names(&world, &json!({})).await.contains(&"Ukraine (1)".to_owned()) {
            return world;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    panic!("the countries are not known after 5 s");
}

/// The texts of the list of countries.
async fn names(world: &World, extra: &Value) -> Vec<String> {
    let mut request = json!({ "payload": { "target": "countries" }, "range": body(json!({}))["range"] });
    request["payload"].as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
    let list = world.post("/variable", &request).await;
    assert_eq!(list.status, 200, "{}", list.body);
    list.json().as_array().unwrap().iter().map(|one| one["__text"].as_str().unwrap().to_owned()).collect()
}

fn columns(table: &Value) -> Vec<(&str, &Value)> {
    let fields = table[0]["fields"].as_array().unwrap();
    fields.iter().map(|field| (field["name"].as_str().unwrap(), &field["values"])).collect()
}

#[actix_web::test]
async fn destinations_are_listed_by_name_the_biggest_first_as_the_other_figures_say() {
    let world = with_names().await;
    // Of the calls to country 2: account 1 has 600, of which 360 are answered, account 2 has 120 that fail.
    let table = world.query(target("top_destinations", json!({}))).await;
    assert_eq!(
        columns(&table),
        [
            ("country", &json!(["United Kingdom", "Ukraine"])),
            ("calls", &json!([720, 600])),
            ("answered", &json!([480, 480])),
            ("asr", &json!([66.67, 80])),
            ("acd", &json!([1, 1])),
            ("minutes", &json!([480, 480])),
            ("price", &json!([480, 480])),
        ]
    );
    let kinds: Vec<&str> =
        table[0]["fields"].as_array().unwrap().iter().map(|field| field["type"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["string", "number", "number", "number", "number", "number", "number"]);
    assert_eq!(table[0]["fields"][3]["config"], json!({ "displayNameFromDS": "ASR", "unit": "percent" }));
    assert_eq!(table[0]["meta"]["notices"], json!([]));
    for (country, row) in [(2, 0), (1, 1)] {
        for (metric, column) in
            [("total_calls", 1), ("answered", 2), ("asr", 3), ("acd", 4), ("minutes", 5), ("price", 6)]
        {
            let one = world.query(target(metric, json!({ "countries": country, "reduce": "total" }))).await;
            assert_eq!(
                numbers(&one)[0].as_f64(),
                table[0]["fields"][column]["values"][row].as_f64(),
                "{metric} {country}"
            );
        }
    }
}

#[actix_web::test]
async fn the_table_follows_accounts_filters_limit_and_form() {
    let world = with_names().await;
    let countries = async |payload: Value| world.query(target("top_destinations", payload)).await;
    let one = countries(json!({ "account": world.branch })).await;
    assert_eq!(columns(&one)[..2], [("country", &json!(["United Kingdom"])), ("calls", &json!([120]))]);
    let one = countries(json!({ "prefixes": "38", "account": "$account" })).await;
    assert_eq!(columns(&one)[..2], [("country", &json!(["Ukraine"])), ("calls", &json!([600]))]);
    assert!(one[0]["meta"]["notices"][0]["text"].as_str().unwrap().contains("variable"), "{one}");
    for limit in [json!(1), json!("1"), json!([1])] {
        let one = countries(json!({ "limit": limit })).await;
        assert_eq!(columns(&one)[0], ("country", &json!(["United Kingdom"])), "{limit}");
        assert_eq!(one[0]["meta"]["notices"][0]["text"], "the 1 biggest of 2 destinations are shown");
    }
    for limit in [json!(0), json!(101), json!("many"), json!(-1)] {
        let reply = world.post("/query", &body(target("top_destinations", json!({ "limit": limit })))).await;
        assert_eq!(reply.status, 400, "{limit}");
        assert!(reply.json()["message"].as_str().unwrap().contains("from 1 to 100"), "{}", reply.body);
    }
    let mut old = target("top_destinations", json!({ "limit": 1 }));
    old["type"] = json!("table");
    let old = world.query(old).await;
    assert_eq!(old[0]["columns"][0], json!({ "text": "Country", "type": "string" }));
    assert_eq!(old[0]["rows"], json!([["United Kingdom", 720, 480, 66.67, 1, 480, 480]]));
    assert_eq!(countries(json!({ "prefixes": "1" })).await, json!([]), "nothing to show is nothing");
    let attempts = world.query(target("termination_top_destinations", json!({}))).await;
    assert_eq!(attempts, json!([]), "customer 7 is no vendor");
}

#[actix_web::test]
async fn the_table_is_the_same_with_and_without_memory_while_calls_come_in() {
    let world = World::with(|config| config.cache.fresh_seconds = 0).await;
    let forgets = TestApp::over(world.app.same_db(engine()), |config| config.cache.enabled = false).await;
    forgets.until_known(world.acme.parse().unwrap(), &world.token).await;
    for round in 0..4_i64 {
        // Late calls to a new country, and to a known one at both ends.
        let line = |id: i64, country: i64, t: i64| {
            let call = json!({ "id": 100_000 + round * 10 + id, "customer_id": 7, "customer_acc_id": 1, "is_last_cdr": 1, "time_start": t, "duration": round, "dst_country_id": country, "customer_price": 0.1 });
            format!("{call}\n")
        };
        let lines = line(0, 50 + round, FIRST + 17)
            + &line(1, 1, FIRST)
            + &line(2, 2, FIRST + 7199)
            + &line(3, 3, FIRST + 7200);
        insert(&world.app.admin, "cdrs", &lines).await;
        for sampling in ["minute", "hour", "day"] {
            let mut request = body(target("top_destinations", json!({ "sampling": sampling }))).to_string();
            request = request.replace(":00:00.000Z", ":00:30.000Z");
            let ask = async |app: &TestApp| {
                let request =
                    app.request("POST", "/grafana/query").header("Authorization", &world.token).body(request.clone());
                crate::support::http::send(request).await.json()[0]["fields"].clone()
            };
            let (seen, right) = (ask(&world.app).await, ask(&forgets).await);
            assert_eq!(seen, right, "{sampling}");
            assert_eq!(seen[0]["values"].as_array().map(Vec::len), usize::try_from(4 + round).ok(), "{seen}");
        }
    }
}

#[actix_web::test]
async fn countries_are_chosen_by_name_in_payloads_and_lists() {
    let world = with_names().await;
    assert_eq!(names(&world, &json!({})).await, ["Ukraine (1)", "United Kingdom (2)"]);
    assert_eq!(names(&world, &json!({ "search": "KING" })).await, ["United Kingdom (2)"]);
    let options = json!({ "metric": "asr", "payload": {}, "name": "countries" });
    let options = world.post("/metric-payload-options", &options).await.json();
    assert_eq!(options[0], json!({ "label": "Ukraine (1)", "value": "1" }));
    for key in ["dst-country-id", "src-country-id"] {
        let values = world.post("/tag-values", &json!({ "key": key, "filters": [] })).await.json();
        assert_eq!(values[1], json!({ "text": "United Kingdom (2)", "value": "2" }), "{key}");
    }
    for countries in [json!("1"), json!(1), json!("Ukraine"), json!("ua"), json!(["Ukraine (1)"]), json!("(Ukraine|1)")]
    {
        let total = world.query(target("total_calls", json!({ "countries": countries, "reduce": "total" }))).await;
        assert_eq!(numbers(&total), &json!([600]), "{countries}");
    }
    let reply = world.post("/query", &body(target("asr", json!({ "countries": "Atlantis" })))).await;
    assert_eq!(reply.status, 400, "{}", reply.body);
}

#[actix_web::test]
async fn without_names_countries_are_the_ids_that_were_called_and_another_customers_are_not_seen() {
    let world = World::new().await;
    assert_eq!(names(&world, &json!({})).await, ["2", "1"]);
    assert_eq!(names(&world, &json!({ "account": world.branch })).await, ["2"]);
    let table = world.query(target("top_destinations", json!({}))).await;
    assert_eq!(columns(&table)[0], ("country", &json!(["2", "1"])));
    let foreign =
        json!({ "payload": { "target": "countries", "account": world.foreign }, "range": body(json!({}))["range"] });
    assert_eq!(world.post("/variable", &foreign).await.status, 400);
    let reply = world.post("/query", &body(target("top_destinations", json!({ "account": world.foreign })))).await;
    assert_eq!(reply.status, 400);
}

#[actix_web::test]
async fn prefixes_are_those_that_were_called_and_what_was_typed() {
    let world = World::new().await;
    let list = async |extra: Value| {
        let mut request = json!({ "payload": { "target": "prefixes" }, "range": body(json!({}))["range"] });
        request["payload"].as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        let list = world.post("/variable", &request).await.json();
        list.as_array().unwrap().iter().map(|one| one["__value"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(list(json!({})).await, ["442", "380"]);
    assert_eq!(list(json!({ "search": "38" })).await, ["38", "380"]);
    assert_eq!(list(json!({ "search": "38044" })).await, ["38044"]);
    let steps = world.post("/variable", &json!({ "payload": { "target": "steps" } })).await.json();
    assert_eq!(steps[1], json!({ "__text": "minute", "__value": "minute" }));
    let values = json!({ "key": "dst-prefix-routing", "timeRange": body(json!({}))["range"] });
    assert_eq!(world.post("/tag-values", &values).await.json()[0], json!({ "text": "442", "value": "442" }));
}

#[actix_web::test]
async fn prefixes_of_numbers_that_begin_with_a_plus_are_listed_with_it() {
    let world = World::new().await;
    let mut rows = String::new();
    for (count, number) in [(900, "+442079460000"), (700, "+380441234567"), (2, "+1"), (1, "+"), (1, "+x"), (1, "++1")]
    {
        for n in 0..count {
            let call = json!({
                "id": format!("{number}{n}").bytes().fold(7_u64, |id, b| id.wrapping_mul(31).wrapping_add(b.into())),
                "customer_acc_id": 1, "customer_id": 7, "time_start": FIRST + n, "is_last_cdr": 1, "dst_prefix_routing": number,
            });
            rows += &format!("{call}\n");
        }
    }
    insert(&world.app.admin, "cdrs", &rows).await;
    let list = async |typed: &str| {
        let request =
            json!({ "payload": { "target": "prefixes", "search": typed }, "range": body(json!({}))["range"] });
        let list = world.post("/variable", &request).await.json();
        list.as_array().unwrap().iter().map(|one| one["__value"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    // The calls of the world itself go to 442 (720) and 380 (600).
    assert_eq!(list("").await, ["+442", "442", "+380", "380", "+1"]);
    assert_eq!(list("+").await, ["+442", "+380", "+1"]);
    assert_eq!(list("+38").await, ["+38", "+380"]);
    assert_eq!(list("+38044").await, ["+38044"]);
    assert_eq!(list("38").await, ["38", "+380", "380"]);
    // A prefix from the list finds its calls.
    let reply = world.query(target("total_calls", json!({ "prefixes": ["+442"], "reduce": "total" }))).await;
    assert_eq!(numbers(&reply), &json!([900]));
}

#[actix_web::test]
async fn a_query_of_the_operators_own_can_stand_for_the_table_and_its_failure_stops_nothing() {
    let own = "SELECT toInt64(number + 1) AS id, CAST(['Ukraine', NULL][number + 1], 'Nullable(String)') AS name, '' AS iso FROM numbers(2)";
    let world = World::with(|config| config.accounts.countries_query = own.to_owned()).await;
    assert_eq!(names(&world, &json!({})).await, ["Ukraine (1)"]);
    let table = world.query(target("top_destinations", json!({}))).await;
    assert_eq!(columns(&table)[0], ("country", &json!(["2", "Ukraine"])));
    let broken = World::with(|config| config.accounts.countries_query = "SELECT nonsense".to_owned()).await;
    assert_eq!(names(&broken, &json!({})).await, ["2", "1"]);
    let ready = crate::support::http::send(broken.app.request("GET", "/health/ready")).await;
    assert_eq!(ready.status, 200);
}
