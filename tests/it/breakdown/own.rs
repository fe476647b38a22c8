//! Breakdowns of an operator's own table: what it lacks is no dimension, measure or filter, and expressions are used.

use super::question::{DIMENSIONS, MEASURES};
use crate::support::app::API;
use crate::support::{TestApp, db};
use cdrscope::config::value::Value;
use uuid::Uuid;

const NEEDED: &str = "id UInt64, customer_id UInt32, vendor_id UInt32, customer_acc_id UInt32, vendor_acc_id UInt32, \
    is_last_cdr UInt8, time_start DateTime('UTC'), duration Int32, customer_price Float64, vendor_price Float64";

/// A service over such a table, an account of customer 7, and its token.
async fn over(columns: &str, insert: &str, expressions: &str) -> (TestApp, Uuid, String) {
    let db = db().await;
    let create = format!("CREATE TABLE own ({NEEDED}{columns}) ENGINE = MergeTree ORDER BY time_start");
    for sql in [create.as_str(), insert] {
        db.admin.query_raw(sql).execute().await.unwrap();
    }
    let app = TestApp::over(db, |config| {
        config.tables.cdrs = Value::parse("own").unwrap();
        config.tables.cdrs_columns = Value::parse(expressions).unwrap();
    })
    .await;
    let (account, token) = (app.account(1, 7).await, app.token(7, &[]));
    app.until_known(account, &token).await;
    (app, account, token)
}

fn target(account: Uuid, side: &str, rest: &str) -> String {
    format!("{API}/{side}-breakdown?account-id={account}&from-time=2026-03-01&to-time=2026-03-01&{rest}")
}

#[actix_web::test]
async fn what_a_table_lacks_is_no_dimension_and_no_measure() {
    let insert = "INSERT INTO own SELECT number, 7, 7, 1, 1, 1, toDateTime('2026-03-01 12:00:00', 'UTC') + number, number % 3, 1, 1 FROM numbers(60)";
    let (app, account, token) = over("", insert, "").await;
    let there = ["t", "account", "hour-of-day", "day-of-week", "answered"];
    let lacking = [
        "ner",
        "seer",
        "isa",
        "instant_share",
        "pdd_p50",
        "pdd_p95",
        "pdd_p99",
        "distinct_src_numbers",
        "distinct_dst_numbers",
        "billed_duration",
        "price_per_minute",
    ];
    for (side, terminates) in [("origination", false), ("termination", true)] {
        for (by, origination, termination) in DIMENSIONS {
            if !(if terminates { termination } else { origination }) {
                continue;
            }
            let rest = format!("group-by={by}&sampling=hour&dst-prefix-digits=2&src-prefix-digits=2");
            let reply = app.get(&target(account, side, &rest), &token).await;
            if there.contains(&by) {
                assert_eq!(reply.status, 200, "{side} {by}: {}", reply.body);
                assert_eq!(reply.json()["totals"]["total_calls"], 60, "{side} {by}");
            } else {
                assert_eq!(
                    (reply.status, reply.body.as_str()),
                    (400, r#"{"error":"invalid value group-by"}"#),
                    "{side} {by}"
                );
            }
        }
        for measure in MEASURES {
            let reply = app
                .get(&target(account, side, &format!("group-by=answered&compare=day&measures={measure}")), &token)
                .await;
            if lacking.contains(&measure) {
                assert_eq!(
                    (reply.status, reply.body.as_str()),
                    (400, r#"{"error":"invalid value measures"}"#),
                    "{side} {measure}"
                );
            } else {
                assert_eq!(reply.status, 200, "{side} {measure}: {}", reply.body);
            }
        }
        for (filter, status) in
            [("q850-cause=16", 400), ("destination-prefix-eq=44", 400), ("currency=1", 400), ("answered=true", 200)]
        {
            let reply = app.get(&target(account, side, &format!("group-by=answered&{filter}")), &token).await;
            assert_eq!(reply.status, status, "{side} {filter}: {}", reply.body);
            if status == 400 {
                let name = filter.split('=').next().unwrap();
                assert_eq!(reply.body, format!("{{\"error\":\"invalid value {name}\"}}"), "{side}");
            }
        }
    }
}

#[actix_web::test]
async fn expressions_and_other_types_are_used() {
    let columns = ", code String, cause Nullable(UInt8), ring Nullable(Float64), answer Nullable(DateTime('UTC')), \
        country Nullable(Int16), prefix Nullable(String), number Nullable(String), network Nullable(Int64), rate Decimal(18, 6), cur UInt8, billed Nullable(Int32)";
    let insert = "INSERT INTO own SELECT number, 7, 7, 1, 1, 1, toDateTime('2026-03-01 12:00:00', 'UTC') + number * 60, if(number % 2 = 0, 60, 0), 0.5, 0.25, \
        if(number % 2 = 0, 'SIP 200', 'SIP 486'), if(number % 5 = 0, NULL, 17), if(number % 3 = 0, NULL, number / 10), \
        if(number % 2 = 0, toDateTime('2026-03-01 12:00:00', 'UTC') + number * 60 + 2, NULL), if(number % 4 = 0, NULL, number % 4), \
        if(number % 6 = 0, NULL, '44'), if(number % 7 = 0, NULL, concat('+4420', toString(number % 3))), if(number % 8 = 0, NULL, number % 3), 0.05, 1, \
        if(number % 2 = 0, 60, NULL) FROM numbers(60)";
    let expressions = "lega_disconnect_code = toInt32OrZero(substring(code, 5)); lega_q850_cause = cause; pdd = ring; time_connect = answer; \
        dst_country_id = country; destination_prefix = prefix; dst_prefix_routing = number; dst_network_id = network; destination_next_rate = rate; \
        customer_currency_id = cur; customer_duration = billed";
    let (app, account, token) = over(columns, insert, expressions).await;
    let ask = async |rest: &str| {
        let reply = app.get(&target(account, "origination", rest), &token).await;
        assert_eq!(reply.status, 200, "{rest}: {}", reply.body);
        reply.json()
    };
    let column = |body: &serde_json::Value, name: &str| body["data"][name].to_string();
    let body = ask("group-by=disconnect-code&measures=total_calls,ner,seer&order-by=disconnect_code").await;
    assert_eq!(
        (column(&body, "disconnect_code"), column(&body, "total_calls")),
        ("[200,486]".into(), "[30,30]".into())
    );
    assert_eq!(body["totals"]["seer"], "100.0");
    let body = ask("group-by=q850-cause&measures=total_calls&order-by=q850_cause").await;
    assert_eq!((column(&body, "q850_cause"), column(&body, "total_calls")), ("[17,null]".into(), "[48,12]".into()));
    let body = ask("group-by=rate&measures=total_calls,billed_duration,price_per_minute,total_price").await;
    assert_eq!((column(&body, "rate"), column(&body, "price_per_minute")), (r#"["0.05"]"#.into(), r#"["1.0"]"#.into()));
    let body = ask("group-by=dst-country&measures=total_calls&order-by=dst_country_id").await;
    assert_eq!(column(&body, "total_calls"), "[15,15,15,15]", "{body}");
    for by in [
        "destination-prefix",
        "dst-prefix&dst-prefix-digits=4",
        "dst-network",
        "currency",
        "dst-prefix,dst-network,rate&dst-prefix-digits=2",
    ] {
        let body = ask(&format!(
            "group-by={by}&measures=total_calls,pdd_p50,distinct_dst_numbers,instant_share&limit=1&compare=day"
        ))
        .await;
        assert_eq!(body["totals"]["total_calls"], 60, "{by}");
        // Three, and none.
        assert_eq!(body["totals"]["distinct_dst_numbers"], 4, "{by}: {body}");
    }
    let body =
        ask("group-by=dst-prefix&dst-prefix-digits=4&measures=total_calls,max_duration,first_call&order-by=dst_prefix")
            .await;
    assert_eq!(body["totals"]["max_duration"], 60);
    assert_eq!(ask("group-by=answered&q850-cause=17&measures=total_calls").await["totals"]["total_calls"], 48);
}

#[actix_web::test]
async fn a_column_of_another_type_is_one_that_the_table_lacks() {
    let columns =
        ", destination_prefix UInt64, time_connect String, lega_q850_cause String, destination_next_rate String";
    let insert = "INSERT INTO own SELECT number, 7, 7, 1, 1, 1, toDateTime('2026-03-01 12:00:00', 'UTC') + number, number % 3, 1, 1, 44, '', '', '' FROM numbers(60)";
    let (app, account, token) = over(columns, insert, "").await;
    assert_eq!(app.get(&target(account, "origination", "group-by=answered"), &token).await.status, 200);
    // Nor is it defined.
    let definitions = app.get(&format!("{API}/definitions"), &token).await.json();
    let names = |list: &str| {
        let names = definitions[list].as_array().unwrap().iter().map(|row| row["name"].as_str().unwrap().to_owned());
        names.collect::<Vec<_>>()
    };
    let (dimensions, measures) = (names("dimensions"), names("measures"));
    assert!(dimensions.iter().any(|name| name == "answered") && measures.iter().any(|name| name == "asr"));
    for lacking in ["destination-prefix", "q850-cause", "rate"] {
        assert!(!dimensions.iter().any(|name| name == lacking), "{lacking}");
    }
    assert!(!measures.iter().any(|name| name == "instant_share"));
    for rest in [
        "group-by=destination-prefix",
        "group-by=q850-cause",
        "group-by=rate",
        "group-by=answered&measures=instant_share",
    ] {
        assert_eq!(app.get(&target(account, "origination", rest), &token).await.status, 400, "{rest}");
    }
}
