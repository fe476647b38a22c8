//! `compare` on the statistics: each bucket beside that of an earlier window, which the same report answers by itself.

use serde_json::{Value, json};

use super::{BASE, ORIGINATION, Session, TERMINATION};

const DAY: i64 = 86_400;

/// A session with some hundred calls in two weeks, answered or not, of some price.
async fn session() -> Session {
    let session = Session::new();
    let call = |n: i64| {
        let duration = if n % 3 == 0 { 0 } else { n % 97 };
        json!({
            "time_start": BASE + n * 7919 % (14 * DAY), "duration": duration, "customer_duration": duration,
            "customer_price": n * 12_345 % 100_000, "vendor_price": n % 11,
        })
    };
    session.cdrs((0..600).map(call)).await;
    session
}

/// The answer without what a comparison adds, and what it adds under the names without `_before`.
fn parts(answer: &Value) -> (Value, Value) {
    let (mut now, mut before) = (answer.clone(), json!({ "data": {}, "totals": { "t": 0 }, "rows": answer["rows"] }));
    now.as_object_mut().unwrap().remove("compare");
    for place in ["data", "totals"] {
        for (name, value) in answer[place].as_object().unwrap() {
            if let Some(measure) = name.strip_suffix("_before") {
                before[place][measure] = value.clone();
            }
            if name.ends_with("_before") || name.ends_with("_change") {
                now[place].as_object_mut().unwrap().remove(name);
            }
        }
    }
    (now, before)
}

#[actix_web::test]
async fn each_bucket_stands_beside_the_one_that_lies_as_it_does_in_the_earlier_window() {
    let session = session().await;
    for (report, sampling) in [
        (ORIGINATION[0], "15minutes"),
        (ORIGINATION[1], "hour"),
        (ORIGINATION[1], "day"),
        (TERMINATION[0], "5minutes"),
        (TERMINATION[1], "day"),
    ] {
        // A whole day's bound, so that the days before have whole buckets too.
        let (from, to) = (BASE + 8 * DAY, BASE + 10 * DAY - 1);
        for (compare, earlier) in [("day", DAY), ("week", 7 * DAY), ("previous", 2 * DAY)] {
            let ask = async |from: i64, to: i64, more: &str| {
                let query = format!("from-time={from}&to-time={to}&sampling={sampling}&fill=true{more}");
                session.json(report, &query).await
            };
            let compared = ask(from, to, &format!("&compare={compare}")).await;
            assert_eq!(compared["compare"], json!({ "from": from - earlier, "to": to - earlier }));
            let (now, before) = parts(&compared);
            assert_eq!(now, ask(from, to, "").await, "{report} {sampling} {compare}");
            let mut own = ask(from - earlier, to - earlier, "").await;
            own["data"].as_object_mut().unwrap().remove("t");
            assert_eq!(before, own, "{report} {sampling} {compare}");
        }
    }
}

#[actix_web::test]
async fn changes_are_in_percent_for_counts_and_differences_for_ratios() {
    let session = Session::new();
    // Yesterday 4 calls of which 1 was answered, today 5 of which 2 were.
    let call = |at: i64, duration: i64| json!({ "time_start": at, "duration": duration });
    let calls = (0..4)
        .map(|n| call(BASE + n, i64::from(n == 0) * 60))
        .chain((0..5).map(|n| call(BASE + DAY + n, i64::from(n < 2) * 30)));
    session.cdrs(calls).await;
    let query = format!("from-time={}&to-time={}&sampling=day&compare=day", BASE + DAY, BASE + 2 * DAY - 1);
    let data = session.json(ORIGINATION[1], &query).await["data"].clone();
    for (column, value) in [
        ("total_calls_change", json!(["25.0"])),
        ("successful_calls_change", json!(["100.0"])),
        ("failed_calls_change", json!(["0.0"])),
        ("asr_change", json!(["15.0"])),
        ("acd_change", json!(["-0.5"])),
        ("total_price_change", json!([null])),
    ] {
        assert_eq!(data[column], value, "{column}");
    }
}

#[actix_web::test]
async fn hours_are_compared_by_the_wall_clock_over_a_change_of_it() {
    let session = Session::new();
    // In Kyiv the clocks go from 03:00 to 04:00 on 30 March 2025, 01:00 UTC: 10:00 on the clock is 07:00 UTC then, and 08:00 UTC
    // a week before.
    let at = |text: &str| text.parse::<jiff::Timestamp>().unwrap().as_second();
    session
        .cdrs(
            ["2025-03-30T07:05:00Z", "2025-03-23T08:05:00Z", "2025-03-23T07:05:00Z"]
                .map(|text| json!({ "time_start": at(text) })),
        )
        .await;
    let query = "from-time=2025-03-30&to-time=2025-03-30&sampling=hour&compare=week&time-zone=Europe/Kyiv";
    let answer = session.json(ORIGINATION[1], query).await;
    assert_eq!(answer["data"]["t"], json!([at("2025-03-30T06:00:00Z"), at("2025-03-30T07:00:00Z")]));
    assert_eq!(answer["data"]["total_calls"], json!([0, 1]));
    assert_eq!(answer["data"]["total_calls_before"], json!([1, 1]));
    assert_eq!(answer["totals"]["total_calls_before"], json!(2));
}

#[actix_web::test]
async fn what_cannot_be_compared_is_refused_and_complete_buckets_may_be_none() {
    let session = session().await;
    let minutes = format!("from-time={BASE}&to-time={}&sampling=minute&compare=week", BASE + 8 * DAY);
    let reply = session.ask(ORIGINATION[1], &minutes).await;
    assert_eq!((reply.status, reply.body.contains("too many buckets")), (400, true), "{}", reply.body);
    let reply = session.ask(ORIGINATION[1], &format!("from-time={BASE}&sampling=day&compare=decade")).await;
    assert_eq!((reply.status, reply.body.as_str()), (400, r#"{"error":"invalid value compare"}"#));
    // Nobody called before 1970.
    for query in [
        "from-time=1970-01-05&to-time=1970-02-01&sampling=month&compare=year",
        "from-time=1970-01-05&to-time=1970-02-01&sampling=month&compare=previous",
    ] {
        let answer = session.json(ORIGINATION[1], query).await;
        assert_eq!(answer["totals"]["total_calls_before"], json!(0), "{query}");
    }
    let now = time::OffsetDateTime::now_utc().unix_timestamp();
    let answer =
        session.json(ORIGINATION[1], &format!("from-time={now}&sampling=month&complete=true&compare=month")).await;
    assert_eq!((&answer["rows"], &answer["totals"]["total_calls"]), (&json!(0), &json!(0)));
}
