//! Which buckets an answer has: gap fill, calls ahead of the clock, windows not begun, the limit (contract 1, Body).

use serde_json::{Value, json};
use time::OffsetDateTime;

use super::{BASE, CONCURRENCY, ORIGINATION, QUALITY, Session, TERMINATION, window, world_with};

fn now() -> i64 {
    OffsetDateTime::now_utc().unix_timestamp()
}

fn times(answer: &Value) -> Vec<i64> {
    answer["data"]["t"].as_array().unwrap().iter().map(|t| t.as_i64().unwrap()).collect()
}

/// The sampling of a report that has one.
fn sampling(report: &str, name: &str) -> String {
    if CONCURRENCY.contains(&report) { String::new() } else { format!("&sampling={name}") }
}

#[actix_web::test]
async fn every_bucket_from_the_one_of_from_time_through_the_one_of_to_time_is_there() {
    let session = Session::new();
    session.cdrs([json!({ "time_start": BASE + 130 })]).await;
    for report in ["origination-statistics-quality", "termination-statistics-quality"] {
        for (name, from, to, expected) in [
            ("minute", 30, 150, vec![0, 60, 120]),
            ("minute", 0, 0, vec![0]),
            ("minute", 59, 60, vec![0, 60]),
            ("minute", 0, 179, vec![0, 60, 120]),
            ("minute", 0, 180, vec![0, 60, 120, 180]),
            ("5minutes", 299, 300, vec![0, 300]),
            ("5minutes", 30, 150, vec![0]),
            ("15minutes", 899, 900, vec![0, 900]),
        ] {
            let query = format!("from-time={}&to-time={}&sampling={name}", BASE + from, BASE + to);
            let answer = session.json(report, &query).await;
            assert_eq!(times(&answer), expected.iter().map(|t| BASE + t).collect::<Vec<_>>(), "{name} {from} {to}");
            assert_eq!(answer["rows"], expected.len());
        }
    }
}

#[actix_web::test]
async fn a_grid_without_a_call_is_zeros_and_nulls() {
    let session = Session::new();
    let body = format!(
        r#"{{"data":{{"t":[{BASE},{}],"total_calls":[0,0],"acd":[null,null],"asr":[null,null],"cps":["0.0","0.0"]}},"rows":2,"totals":{{"t":0,"total_calls":0,"acd":null,"asr":null,"cps":"0.0"}}}}"#,
        BASE + 60
    );
    for report in ["origination-statistics-quality", "termination-statistics-quality"] {
        assert_eq!(session.ask(report, &window(2)).await.body, body);
    }
    let calls = format!(r#"{{"data":{{"t":[{BASE},{}],"calls":[0,0]}},"rows":2}}"#, BASE + 60);
    for report in CONCURRENCY {
        assert_eq!(session.ask(report, &format!("from-time={BASE}&to-time={}", BASE + 60)).await.body, calls);
    }
}

#[actix_web::test]
async fn without_fill_and_rows_every_column_is_there_with_an_empty_array() {
    let session = Session::new();
    let body = r#"{"data":{"t":[],"total_calls":[],"successful_calls":[],"failed_calls":[],"total_duration":[],"acd":[],"asr":[],"total_price":[]},"rows":0,"totals":{"t":0,"total_calls":0,"successful_calls":0,"failed_calls":0,"total_duration":"0.0","acd":null,"asr":null,"total_price":"0.0"}}"#;
    for report in ["origination-statistics", "termination-statistics"] {
        for name in ["minute", "5minutes", "hour", "day", "week", "month"] {
            let query = format!("from-time={BASE}&to-time={}&sampling={name}", BASE + 86_400);
            assert_eq!(session.ask(report, &query).await.body, body, "{report} {name}");
        }
    }
    let quality = r#"{"data":{"t":[],"total_calls":[],"acd":[],"asr":[],"cps":[]},"rows":0,"totals":{"t":0,"total_calls":0,"acd":null,"asr":null,"cps":"0.0"}}"#;
    assert_eq!(session.ask(QUALITY, &format!("{}&fill=false", window(2))).await.body, quality);
    let calls = session.ask(CONCURRENCY[0], &format!("from-time={BASE}&to-time={BASE}&fill=false")).await;
    assert_eq!(calls.body, r#"{"data":{"t":[],"calls":[]},"rows":0}"#);
}

#[actix_web::test]
async fn statistics_are_not_filled_unless_asked() {
    let session = Session::new();
    session.cdrs([0, 120].map(|t| json!({ "time_start": BASE + t }))).await;
    assert_eq!(times(&session.json("origination-statistics", &window(4)).await), [BASE, BASE + 120]);
    let filled = session.json("origination-statistics", &format!("{}&fill=true", window(4))).await;
    assert_eq!(times(&filled), [0, 60, 120, 180].map(|t| BASE + t));
    assert_eq!(filled["data"]["total_duration"], json!(["1.0", "0.0", "1.0", "0.0"]));
    assert_eq!(filled["data"]["failed_calls"], json!([0, 0, 0, 0]));
}

#[actix_web::test]
async fn the_grid_ends_with_the_bucket_of_now_when_to_time_is_later_or_absent() {
    let session = Session::new();
    for report in ["origination-statistics-quality", "termination-statistics-quality", CONCURRENCY[0], CONCURRENCY[1]] {
        for to in [String::new(), format!("&to-time={}", now() + 7200)] {
            let (from, before) = (now() - 600, now());
            let found =
                times(&session.json(report, &format!("from-time={from}{to}{}", sampling(report, "minute"))).await);
            let minute = |t: i64| t - t % 60;
            assert_eq!(found[0], minute(from), "{report}");
            assert!(found.windows(2).all(|pair| pair[1] - pair[0] == 60), "{report}");
            assert!((minute(before)..=minute(now())).contains(found.last().unwrap()), "{report} {to}");
        }
    }
}

#[actix_web::test]
async fn calls_ahead_of_the_clock_count_in_buckets_after_the_grid_without_fill_between() {
    let session = Session::new();
    let ahead = now() + 7200;
    let bucket = |t: i64, step: i64| t - t % step;
    session.cdrs([0, 0, 3600].map(|t| json!({ "time_start": ahead + t }))).await;
    for (name, step) in [("minute", 60), ("5minutes", 300), ("15minutes", 900)] {
        let from = now() - 60;
        let answer = session.json(QUALITY, &format!("from-time={from}&sampling={name}")).await;
        let found = times(&answer);
        let (grid, late) = found.split_at(found.len() - 2);
        assert_eq!(late, [bucket(ahead, step), bucket(ahead + 3600, step)], "{name}");
        assert!(*grid.last().unwrap() <= now() && answer["rows"] == found.len(), "{name}");
        let calls = answer["data"]["total_calls"].as_array().unwrap();
        assert_eq!(
            (&calls[calls.len() - 2..], &answer["totals"]["total_calls"]),
            (&[json!(2), json!(1)][..], &json!(3))
        );
    }
    // Up to to-time, and no further.
    let some = session.json(QUALITY, &format!("from-time={}&to-time={ahead}&sampling=minute", now() - 60)).await;
    assert_eq!((some["totals"]["total_calls"].as_i64(), *times(&some).last().unwrap()), (Some(2), bucket(ahead, 60)));
    let days = session.json("origination-statistics", &format!("from-time={}&sampling=month", now() - 60)).await;
    assert_eq!(days["totals"]["total_calls"], 3);
}

#[actix_web::test]
async fn a_from_time_in_the_future_is_answered_with_an_empty_list() {
    let session = Session::new();
    session.cdrs([json!({ "time_start": now() + 90_000 })]).await;
    for report in ORIGINATION.into_iter().chain(TERMINATION).chain(CONCURRENCY) {
        for from in [now() + 60, now() + 86_400, 4_291_747_199] {
            let reply = session.ask(report, &format!("from-time={from}{}", sampling(report, "minute"))).await;
            assert_eq!((reply.status, reply.body.as_str()), (200, "[]"), "{report} {from}");
            assert_eq!(reply.header("content-type"), "application/json; charset=utf-8");
            assert_eq!(reply.header("etag"), r#"W/"4f53cda18c2baa0c0354bb5f9a3ecbe5""#);
        }
    }
}

#[actix_web::test]
async fn more_buckets_than_the_limit_are_refused_by_name_and_number() {
    let app = world_with(|config| config.limits.max_buckets = 10).await;
    let session = Session::at(&app);
    let error = "too many buckets: limits.max_buckets is 10, ask for a shorter range or a longer sampling";
    for report in ORIGINATION.into_iter().chain(TERMINATION).chain(CONCURRENCY) {
        let minute = sampling(report, "minute");
        session.json(report, &format!("from-time={BASE}&to-time={}{minute}", BASE + 599)).await;
        session.json(report, &format!("from-time={}&to-time={}{minute}", BASE + 59, BASE + 599)).await;
        session.refused(report, &format!("from-time={BASE}&to-time={}{minute}", BASE + 600), error).await;
        session.refused(report, &format!("from-time={}&to-time={}{minute}", BASE + 59, BASE + 600), error).await;
        session.refused(report, &format!("from-time={BASE}&to-time={}&fill=false{minute}", BASE + 600), error).await;
        session.refused(report, &format!("from-time={BASE}{minute}"), error).await;
        // Up to now only: a window into the future is no longer than its part that has been.
        session.json(report, &format!("from-time={}&to-time=4291747199{minute}", now() - 300)).await;
        session.refused(report, &format!("from-time={}&to-time=4291747199{minute}", now() - 660), error).await;
    }
    for (name, seconds) in [("5minutes", 300), ("hour", 3600), ("day", 86_400)] {
        let query = |last: i64| format!("from-time={BASE}&to-time={}&sampling={name}", BASE + last);
        session.json("origination-statistics", &query(10 * seconds - 1)).await;
        session.refused("origination-statistics", &query(10 * seconds), error).await;
    }
    session.json("origination-statistics", "from-time=2024-01-01&to-time=2024-10-31&sampling=month").await;
    session.refused("origination-statistics", "from-time=2024-01-01&to-time=2024-11-01&sampling=month", error).await;
    session.json("origination-statistics", "from-time=2024-01-07&to-time=2024-03-16&sampling=week").await;
    session.refused("origination-statistics", "from-time=2024-01-07&to-time=2024-03-17&sampling=week", error).await;
}

#[actix_web::test]
async fn the_default_limit_is_a_million_buckets() {
    let session = Session::new();
    let error = "too many buckets: limits.max_buckets is 1000000, ask for a shorter range or a longer sampling";
    // The grid ends with the present, however late the caller's end is.
    let (now, to) = (now(), now() + 86_400);
    let query = |minutes: i64| format!("from-time={}&to-time={to}&sampling=minute", now - 60 * minutes);
    session.refused(QUALITY, &query(1_000_002), error).await;
    session.json("origination-statistics", &query(999_990)).await;
}
