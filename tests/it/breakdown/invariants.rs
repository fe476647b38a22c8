//! What holds of every breakdown, without an oracle: parts add up, nothing is shared that differs, and nothing is old.

use std::collections::BTreeMap;

use super::differential::{start, world};
use super::errors::{few, path};
use super::question::{DIMENSIONS, MEASURES};
use crate::differential::{configure, seed_of_run};
use crate::oracle::{Settings, Time};
use crate::random::Rng;
use crate::support::app::API;
use crate::support::{self, TestApp};
use serde_json::{Value, json};

/// A fraction in millionths.
fn millionths(value: &Value) -> i128 {
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let (sign, text) = text.strip_prefix('-').map_or((1, text.as_str()), |text| (-1, text));
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    sign * format!("{whole}{part:0<6}").parse::<i128>().unwrap()
}

#[actix_web::test]
async fn one_dimension_without_limit_adds_up_to_the_statistics_totals() {
    let seed = seed_of_run();
    let mut rng = Rng::new(seed);
    let moments = ["2026-03-29T01:00:00Z", "2026-03-22T01:00:00Z", "2026-03-25T12:00:00Z"]
        .map(|text| Time::parse(text).unwrap().second());
    let settings = Settings { billed_duration: rng.percent(50), ..Settings::default() };
    let world = world(&mut rng, &moments, 500);
    let app = start(&world, &settings, 2).await;
    let token = app.token(world.accounts[0].tenant, &[]);
    let mut compared = 0;
    for (side, terminates) in [("origination", false), ("termination", true)] {
        for (by, origination, termination) in DIMENSIONS {
            if !(if terminates { termination } else { origination }) {
                continue;
            }
            for filter in
                ["", "&answered=true", "&dst-country-id=1,2", "&reverse-billing=true", "&reverse-billing=false"]
            {
                let window = format!(
                    "account-id={}&from-time=2026-03-20&to-time=2026-04-02&time-zone=Europe/Kyiv{filter}",
                    world.accounts[0].uuid
                );
                let digits = match by {
                    "dst-prefix" => "&dst-prefix-digits=3",
                    "src-prefix" => "&src-prefix-digits=3",
                    "t" => "&sampling=hour",
                    _ => "",
                };
                let totals =
                    app.get(&format!("{API}/{side}-statistics?{window}&sampling=day"), &token).await.json()["totals"]
                        .clone();
                for limit in ["10000", "2", "1"] {
                    let target = format!(
                        "{API}/{side}-breakdown?{window}&group-by={by}{digits}&limit={limit}&order-by=total_calls&\
                         measures=total_calls,successful_calls,failed_calls,asr,acd,total_duration,total_price,attempts,short_calls"
                    );
                    let reply = app.get(&target, &token).await;
                    assert_eq!(reply.status, 200, "{target}: {}", reply.body);
                    let body = reply.json();
                    for name in [
                        "total_calls",
                        "successful_calls",
                        "failed_calls",
                        "asr",
                        "acd",
                        "total_duration",
                        "total_price",
                    ] {
                        assert_eq!(body["totals"][name], totals[name], "{seed} {target} {name}");
                    }
                    for name in ["total_calls", "successful_calls", "failed_calls", "attempts", "short_calls"] {
                        let column = body["data"][name].as_array().unwrap();
                        let other = body["other"][name].as_i64().unwrap_or(0);
                        let sum: i64 = column.iter().map(|cell| cell.as_i64().unwrap()).sum::<i64>() + other;
                        assert_eq!(Some(sum), body["totals"][name].as_i64(), "{seed} {target} {name}");
                        compared += 1;
                    }
                    if limit == "1" {
                        let price = |totals: &Value| millionths(&totals["total_price"]);
                        let exact = app.get(&format!("{target}&decimals=6"), &token).await.json();
                        let first = exact["data"]["total_price"].get(0).map_or(0, millionths);
                        let other = if exact["other"].is_null() { 0 } else { price(&exact["other"]) };
                        assert_eq!(first + other, price(&exact["totals"]), "{seed} {target}");
                    }
                }
            }
        }
    }
    println!("seed {seed}: {compared} sums of groups compared with totals, 0 differences");
}

#[actix_web::test]
async fn questions_that_differ_in_anything_have_answers_of_their_own() {
    let mut rng = Rng::new(7);
    let moments = ["2026-03-29T01:00:00Z"; 3].map(|text| Time::parse(text).unwrap().second());
    let settings = Settings::default();
    let world = world(&mut rng, &moments, 400);
    let cold = start(&world, &settings, 1).await;
    let warm = TestApp::over(cold.same_db(support::engine()), |config| configure(config, &settings)).await;
    let token = cold.token(world.accounts[0].tenant, &[]);
    super::differential::until_ready(&warm, &world).await;
    let base: Vec<(&str, String)> = vec![
        ("account-id", world.accounts[0].uuid.clone()),
        ("from-time", "2026-03-28".into()),
        ("to-time", "2026-03-30".into()),
        ("group-by", "dst-prefix,src-prefix".into()),
        ("dst-prefix-digits", "2".into()),
        ("src-prefix-digits", "2".into()),
        ("measures", "total_calls,short_calls,total_price,instant_share".into()),
        ("compare", "day".into()),
        ("sampling", "hour".into()),
    ];
    let mut targets = vec![base.clone()];
    let mut change = |name: &'static str, value: &str| {
        let mut pairs = base.clone();
        pairs.retain(|(other, _)| *other != name);
        if !value.is_empty() {
            pairs.push((name, value.to_owned()));
        }
        targets.push(pairs);
    };
    change("account-id", &world.accounts[1].uuid);
    change("account-id", &format!("{},{}", world.accounts[0].uuid, world.accounts[1].uuid));
    change("from-time", "2026-03-28T00:00:01Z");
    change("to-time", "2026-03-30T10:00:00Z");
    for by in DIMENSIONS.iter().filter(|(_, origination, _)| *origination) {
        change("group-by", by.0);
        change("group-by", &format!("answered,{}", by.0).replace("answered,answered", "answered,rate"));
    }
    for digits in ["1", "3", "15"] {
        change("dst-prefix-digits", digits);
        change("src-prefix-digits", digits);
    }
    for measure in MEASURES {
        change("measures", measure);
        change("measures", &format!("total_calls,{measure}").replace("total_calls,total_calls", "asr,total_calls"));
    }
    change("measures", "short_calls,total_calls,total_price,instant_share");
    for compare in ["", "previous", "week", "month", "year", "year-weekday"] {
        change("compare", compare);
    }
    for (name, value) in [
        ("short-seconds", "14"),
        ("short-seconds", "60"),
        ("order-by", "total_calls"),
        ("order-by", "-total_price"),
        ("limit", "1"),
        ("limit", "2"),
        ("min-calls", "3"),
        ("decimals", "6"),
        ("decimals", "3"),
        ("numbers", "plain"),
        ("format", "rows"),
        ("time-zone", "America/New_York"),
        ("answered", "true"),
        ("answered", "false"),
        ("dst-country-id", "1"),
        ("src-country-id", "1"),
        ("q850-cause", "16"),
        ("disconnect-code", "200"),
        ("destination-prefix-eq", ""),
        ("destination-prefix-in", "44"),
        ("destination-prefix-starts-with", "44"),
        ("currency", "1"),
        ("customer-auth-id", "1"),
        ("dst-network-id", "1"),
        ("t-unit", "ms"),
    ] {
        change(name, value);
    }
    let address = |pairs: &[(&str, String)]| {
        let pairs: Vec<String> =
            pairs.iter().map(|(name, value)| format!("{name}={}", value.replace('+', "%2B"))).collect();
        format!("{API}/origination-breakdown?{}", pairs.join("&"))
    };
    let mut expected = Vec::new();
    for pairs in &targets {
        expected.push(cold.get(&address(pairs), &token).await);
    }
    let statuses: Vec<u16> = expected.iter().map(|reply| reply.status).collect();
    assert!(statuses.iter().filter(|status| **status == 200).count() > 100, "{statuses:?}");
    let mut different = BTreeMap::new();
    for round in 0..2 {
        for (pairs, expected) in targets.iter().zip(&expected) {
            let reply = warm.get(&address(pairs), &token).await;
            assert_eq!(
                (reply.status, &reply.body),
                (expected.status, &expected.body),
                "round {round}: {}",
                address(pairs)
            );
            assert_eq!(reply.header("etag"), expected.header("etag"), "{}", address(pairs));
            different.insert(reply.body.clone(), ());
        }
    }
    println!("{} questions, {} different answers, the same cold, new and from memory", targets.len(), different.len());
    assert!(different.len() > 100, "only {} different answers", different.len());
}

#[actix_web::test]
async fn an_insert_is_in_the_next_answer() {
    let (app, accounts, token) = few(|config| config.cache.fresh_seconds = 0).await;
    let questions = [
        "group-by=dst-country&measures=total_calls,distinct_dst_numbers&limit=1",
        "group-by=account&compare=day&measures=total_calls",
        "group-by=q850-cause&measures=total_calls,pdd_p95",
    ];
    for calls in 0..4 {
        for rest in questions {
            for _ in 0..2 {
                let body = app.get(&path(&accounts[..1], rest), &token).await.json();
                assert_eq!(body["totals"]["total_calls"], 300 + calls, "{rest}: {body}");
            }
        }
        let sql = format!(
            "INSERT INTO cdrs (id, customer_id, customer_acc_id, is_last_cdr, time_start, dst_country_id) VALUES ({}, 7, 1, 1, '2026-03-02 12:00:00', 99)",
            10_000 + calls
        );
        app.admin.query_raw(&sql).execute().await.unwrap();
    }
}

#[actix_web::test]
async fn windows_that_reach_to_now_are_answered_from_memory_while_nothing_changes() {
    let (app, accounts, _) = few(|_| ()).await;
    let token = app.debug_token(7);
    for rest in [
        "group-by=dst-country",
        "group-by=t&sampling=day",
        "group-by=t,hour-of-day&sampling=day&time-zone=Europe/Kyiv",
        "group-by=dst-country&to-time=2100-01-01",
    ] {
        let target = format!("{API}/origination-breakdown?account-id={}&from-time=2026-03-01&{rest}", accounts[0]);
        let first = app.get(&target, &token).await;
        // The clock goes on.
        tokio::time::sleep(std::time::Duration::from_millis(1100)).await;
        let second = app.get(&target, &token).await;
        assert_eq!(first.body, second.body, "{rest}");
        assert_eq!(second.header("x-cache"), "hit", "{rest}");
    }
}

#[actix_web::test]
async fn hours_of_two_months_up_to_now_are_not_too_many() {
    let (app, accounts, token) = few(|_| ()).await;
    let from = Time::now().second() - 60 * 86_400;
    let target = format!(
        "{API}/origination-breakdown?account-id={}&from-time={from}&group-by=t&sampling=hour&measures=total_calls",
        accounts[0]
    );
    let reply = app.get(&target, &token).await;
    assert_eq!(reply.status, 200, "{}", reply.body);
}

#[actix_web::test]
async fn calls_a_second_of_a_day_that_a_shorter_month_lacks_are_of_the_whole_day() {
    let app = TestApp::start(|_| ()).await;
    let sql = "INSERT INTO cdrs (id, customer_id, customer_acc_id, is_last_cdr, time_start) \
        SELECT number, 7, 1, 1, toDateTime('2026-02-28 00:00:00', 'UTC') + number FROM numbers(86400)";
    app.admin.query_raw(sql).execute().await.unwrap();
    let account = app.account(1, 7).await;
    let token = app.token(7, &[]);
    app.until_known(account, &token).await;
    // 28 and 29 March are both compared with 28 February, whose calls are the first one's; the window may end within it.
    for (sampling, to, cells) in [
        ("day", "2026-03-29T23:59:59", json!(["1.0"])),
        ("day", "2026-03-28T23:59:59", json!(["1.0"])),
        ("6hours", "2026-03-29T13:00:00", json!(["1.0", "1.0", "0.17"])),
        ("6hours", "2026-03-29T23:59:59", json!(["1.0", "1.0", "1.0", "1.0"])),
    ] {
        let target = format!(
            "{API}/origination-breakdown?account-id={account}&from-time=2026-03-28&to-time={to}&group-by=t&sampling={sampling}&compare=month&measures=cps"
        );
        let body = app.get(&target, &token).await.json();
        assert_eq!(body["data"]["cps_before"], cells, "{target}: {body}");
    }
}

#[actix_web::test]
async fn a_window_whose_end_does_not_fall_behind_its_beginning_is_compared_with_the_latest_of_its_quarters() {
    let app = TestApp::start(|_| ()).await;
    let sql = "INSERT INTO cdrs (id, customer_id, customer_acc_id, is_last_cdr, time_start) \
        SELECT number, 7, 1, 1, toDateTime(['2026-02-28 12:00:00', '2026-02-28 20:30:00', '2026-02-28 22:10:00', '2025-10-25 00:40:00', \
        '2026-03-29 01:00:00'][number % 5 + 1], 'UTC') FROM numbers(5)";
    app.admin.query_raw(sql).execute().await.unwrap();
    let account = app.account(1, 7).await;
    let token = app.token(7, &[]);
    app.until_known(account, &token).await;
    let second = |text: &str| Time::parse(text).unwrap().second();
    for (query, from, to, before) in [
        // 28 March at 20 falls on 28 February at 20, 31 March at 5 on 28 February at 5.
        (
            "from-time=2026-03-28T20:00:00Z&to-time=2026-03-31T05:00:00Z&compare=month",
            "2026-02-28T20:00:00Z",
            "2026-02-28T23:59:59Z",
            2,
        ),
        // Both 28 March and 29 March at 20:00:00 fall on one second.
        (
            "from-time=2026-03-28T20:00:00Z&to-time=2026-03-29T20:00:00Z&compare=month",
            "2026-02-28T20:00:00Z",
            "2026-02-28T23:59:59Z",
            2,
        ),
        // A second is compared with a second.
        (
            "from-time=2026-03-29T22:10:00Z&to-time=2026-03-29T22:10:00Z&compare=month",
            "2026-02-28T22:10:00Z",
            "2026-02-28T22:10:00Z",
            1,
        ),
        // The hour that the clock shows twice: 02:30 of summer until 02:15 of winter.
        (
            "from-time=2025-10-26T00:30:00Z&to-time=2025-10-26T01:15:00Z&compare=day&time-zone=Europe/Berlin",
            "2025-10-25T00:30:00Z",
            "2025-10-25T00:59:59Z",
            1,
        ),
    ] {
        for group in ["group-by=account", "group-by=t&sampling=hour"] {
            let target =
                format!("{API}/origination-breakdown?account-id={account}&{query}&{group}&measures=total_calls");
            let body = app.get(&target, &token).await.json();
            assert_eq!(body["compare"], json!({ "from": second(from), "to": second(to) }), "{target}: {body}");
            assert_eq!(body["totals"]["total_calls_before"], before, "{target}: {body}");
        }
    }
}

#[actix_web::test]
async fn calls_a_second_of_many_minutes_are_of_every_minute() {
    let (app, accounts, token) = few(|_| ()).await;
    let target = format!(
        "{API}/origination-breakdown?account-id={}&from-time=2020-01-01&to-time=2026-03-03&group-by=t&sampling=minute&measures=total_calls,cps&limit=1",
        accounts[0]
    );
    let started = std::time::Instant::now();
    let body = app.get(&target, &token).await.json();
    assert_eq!(
        (&body["data"]["total_calls"][0], &body["data"]["cps"][0]),
        (&serde_json::json!(1), &serde_json::json!("0.02")),
        "{body}"
    );
    println!("six years of minutes: {:?}", started.elapsed());
}

#[actix_web::test]
async fn hundreds_of_ties_and_nulls_have_the_same_order_every_time() {
    let app = TestApp::start(|config| config.cache.enabled = false).await;
    app.admin.query_raw("SYSTEM STOP MERGES cdrs").execute().await.unwrap();
    for part in 0..4 {
        let sql = format!(
            "INSERT INTO cdrs (id, customer_id, customer_acc_id, is_last_cdr, time_start, duration, dst_network_id, lega_q850_cause, destination_next_rate) \
             SELECT number, 7, 1, 1, toDateTime('2026-03-02 10:00:00', 'UTC') + number, number % 2, cityHash64(number) % 700, \
             if(cityHash64(number, 1) % 3 = 0, NULL, toInt16(cityHash64(number, 2) % 60)), if(cityHash64(number, 3) % 4 = 0, NULL, cityHash64(number, 4) % 5 / 10) \
             FROM numbers({}, 1000)",
            part * 1000
        );
        app.admin.query_raw(&sql).execute().await.unwrap();
    }
    let (account, token) = (app.account(1, 7).await, app.token(7, &[]));
    app.until_known(account, &token).await;
    let questions = [
        "group-by=dst-network,q850-cause,rate&limit=1000&order-by=asr",
        "group-by=dst-network,q850-cause,rate&limit=1000&order-by=-acd,q850_cause",
        "group-by=q850-cause,dst-network&limit=500&order-by=-q850_cause",
        "group-by=rate,dst-network&limit=50&compare=week&order-by=asr_change,-rate",
        "group-by=dst-network&limit=700&measures=total_calls,pdd_p50,distinct_dst_numbers&order-by=pdd_p50",
    ];
    let ask = async |rest: &str| {
        let reply = app.get(&path(&[account], rest), &token).await;
        assert_eq!(reply.status, 200, "{rest}: {}", reply.body);
        reply.body
    };
    let mut first = Vec::new();
    for rest in questions {
        first.push(ask(rest).await);
    }
    for round in 0..4 {
        if round == 2 {
            app.admin.query_raw("SYSTEM START MERGES cdrs").execute().await.unwrap();
            app.admin.query_raw("OPTIMIZE TABLE cdrs FINAL").execute().await.unwrap();
        }
        for (rest, first) in questions.iter().zip(&first) {
            assert_eq!(&ask(rest).await, first, "{rest}");
        }
    }
    let body: Value = serde_json::from_str(&first[2]).unwrap();
    let causes: Vec<Option<i64>> = body["data"]["q850_cause"].as_array().unwrap().iter().map(Value::as_i64).collect();
    let networks: Vec<i64> =
        body["data"]["dst_network_id"].as_array().unwrap().iter().map(|id| id.as_i64().unwrap()).collect();
    let keys: Vec<_> =
        causes.iter().zip(&networks).map(|(cause, network)| (cause.is_none(), -cause.unwrap_or(0), *network)).collect();
    assert!(keys.is_sorted(), "{keys:?}");
}
