//! Times as callers write them (contract 1, Times), seen through the buckets and calls of an answer.

use serde_json::json;

use super::{BASE, CONCURRENCY, QUALITY, Session, encode};

#[actix_web::test]
async fn every_accepted_form_of_a_time_names_the_same_instant() {
    let session = Session::new();
    session.cdrs([json!({ "time_start": BASE + 46_815 }), json!({ "time_start": BASE + 46_814 })]).await;
    let answer = session.ask(QUALITY, &format!("from-time={}&to-time={0}&sampling=minute", BASE + 46_815)).await;
    assert_eq!(answer.json()["totals"]["total_calls"], 1);
    // As it stands in a URL: a raw `+` arrives as a space.
    for text in [
        "2025-01-01T13:00:15Z",
        "2025-01-01t13:00:15z",
        "2025-01-01T13:00:15.0Z",
        "2025-01-01T13:00:15.000000000000Z",
        "2025-01-01T15:00:15%2B02:00",
        "2025-01-01T15:00:15+02:00",
        "2025-01-01T15:00:15%2002:00",
        "2025-01-01T07:30:15-05:30",
        "2025-01-02T12:59:15%2B23:59",
        "2025-01-01T13:00:15-00:00",
        "2025-01-01%2013:00:15",
        "2025-01-01+13:00:15",
        "2025-01-01T13:00:15",
        "1735736415",
        "1735736415000",
    ] {
        let query = format!("from-time={text}&to-time={text}&sampling=minute");
        assert_eq!(session.ask(QUALITY, &query).await.body, answer.body, "{text}");
    }
    let minute = session.json(QUALITY, "from-time=2025-01-01%2013:00&to-time=2025-01-01T13:00&sampling=minute").await;
    assert_eq!(minute["data"]["t"], json!([BASE + 46_800]));
    let day = session.json(QUALITY, "from-time=2025-01-01&to-time=2025-01-01T00:00&sampling=minute").await;
    assert_eq!(day["data"]["t"], json!([BASE]));
}

#[actix_web::test]
async fn every_other_form_is_an_invalid_value() {
    let session = Session::new();
    for text in [
        "",
        " ",
        "now",
        "today",
        "2025",
        "2025-01",
        "2025-1-1",
        "2025-13-01",
        "2025-00-01",
        "2025-01-00",
        "2025-02-29",
        "2025-01-01T",
        "2025-01-01T12",
        "2025-01-01T12:00Z",
        "2025-01-01T24:00:00Z",
        "2025-01-01T23:59:60Z",
        "2025-01-01T12:60:00Z",
        "2025-01-01T12:00:00.Z",
        "2025-01-01T12:00:00.5",
        "2025-01-01T12:00:00,5Z",
        "2025-01-01Z",
        "2025-01-01T12:00:00+2:00",
        "2025-01-01T12:00:00+0200",
        "2025-01-01T12:00:00+24:00",
        "2025-01-01T12:00:00+02:60",
        "2025-01-01T12:00:00+02",
        "2025-01-01T12:00:00 Z",
        "2025-01-01T12:00:00ZZ",
        "2025-01-01T12:00:00Z ",
        " 2025-01-01",
        "2025-01-01\n",
        "2025/01/01",
        "01.01.2025",
        "20250101T120000Z",
        "2025-W01-1",
        "2025-001",
        "173568960",
        "17356896000",
        "173568960000",
        "17356896000000",
        "1735689600.5",
        "-1735689600",
        "+1735689600",
        "0x67748580",
        "1969-12-31T23:59:59Z",
        "1970-01-01T00:00:00+00:01",
        "2106-01-01",
        "2105-12-31T23:59:59-00:01",
        "9999999999",
        "9999999999999",
        "+2025-01-01",
        "12025-01-01",
        "２０２５-01-01",
        "2025-01-01T12:00:00\u{2212}02:00",
        "toDateTime(0)",
        "'2025-01-01'",
    ] {
        let value = encode(text);
        session.refused(QUALITY, &format!("from-time={value}&sampling=minute"), "invalid value from-time").await;
        session
            .refused(QUALITY, &format!("from-time={BASE}&to-time={value}&sampling=minute"), "invalid value to-time")
            .await;
        session.refused(CONCURRENCY[0], &format!("from-time={value}"), "invalid value from-time").await;
    }
}

#[actix_web::test]
async fn years_from_1970_to_2105_are_accepted_after_conversion_to_utc() {
    let session = Session::new();
    for (from, to) in [
        ("1970-01-01", "1970-01-01T00:00:59Z"),
        ("1969-12-31T23:00:00-01:00", "0000000059"),
        ("0000000000", "0000000000059"),
    ] {
        let answer = session.json(QUALITY, &format!("from-time={from}&to-time={to}&sampling=minute")).await;
        assert_eq!(answer["data"]["t"], json!([0]), "{from} {to}");
    }
    for to in ["2105-12-31T23:59:59.999Z", "2106-01-01T00:59:59%2B01:00", "4291747199"] {
        session.json("origination-statistics", &format!("from-time={BASE}&to-time={to}&sampling=month")).await;
    }
}

#[actix_web::test]
async fn both_ends_of_the_window_are_inclusive() {
    let session = Session::new();
    session.cdrs([0, 59, 60, 120, 121].map(|second| json!({ "time_start": BASE + second }))).await;
    let count = async |from: i64, to: i64| {
        let query = format!("from-time={}&to-time={}&sampling=minute", BASE + from, BASE + to);
        session.json(QUALITY, &query).await["totals"]["total_calls"].as_i64().unwrap()
    };
    for (from, to, calls) in [
        (0, 0, 1),
        (0, 59, 2),
        (0, 60, 3),
        (1, 58, 0),
        (59, 60, 2),
        (60, 120, 2),
        (61, 121, 2),
        (121, 121, 1),
        (122, 200, 0),
    ] {
        assert_eq!(count(from, to).await, calls, "{from} {to}");
    }
}

#[actix_web::test]
async fn a_fraction_is_compared_as_it_is() {
    let session = Session::new();
    session.cdrs([0, 1].map(|second| json!({ "time_start": BASE + second }))).await;
    for (from, to, calls) in [
        ("00.5", "30", 1),
        ("00.000000000000000000000001", "30", 1),
        ("00.000", "30", 2),
        ("00", "00.999", 1),
        ("00", "00.5", 1),
        ("00.2", "00.8", 0),
        ("01", "01.5", 1),
        ("01.1", "30", 0),
        ("00", "01", 2),
    ] {
        let query = format!("from-time=2025-01-01T00:00:{from}Z&to-time=2025-01-01T00:00:{to}Z&sampling=minute");
        let answer = session.json(QUALITY, &query).await;
        assert_eq!(answer["totals"]["total_calls"], calls, "{from} {to}");
        // The bucket that holds from-time is the first, even when from-time is a fraction into it.
        assert_eq!(answer["data"]["t"], json!([BASE]), "{from} {to}");
    }
    let milliseconds = session.json(QUALITY, &format!("from-time={BASE}500&to-time={BASE}999&sampling=minute")).await;
    assert_eq!(milliseconds["totals"]["total_calls"], 0);
    let last =
        session.json(QUALITY, "from-time=2025-01-01T00:00:59.5Z&to-time=2025-01-01T00:00:59.6Z&sampling=minute").await;
    assert_eq!(last["data"]["t"], json!([BASE]));
}

#[actix_web::test]
async fn to_time_before_from_time_is_refused_to_the_last_digit() {
    let session = Session::new();
    let refused = async |from: &str, to: &str| {
        let query = format!("from-time={from}&to-time={to}&sampling=minute");
        session.refused(QUALITY, &query, "to-time is before from-time").await;
    };
    refused("2025-01-01T00:00:01Z", "2025-01-01T00:00:00Z").await;
    refused("2025-01-01T00:00:00.5Z", "2025-01-01T00:00:00.4999999999999Z").await;
    refused("2025-01-01T00:00:00.5Z", "2025-01-01T00:00").await;
    refused("2025-01-02", "2025-01-01").await;
    refused("2025-01-01T00:00:00Z", "2025-01-01T00:00:00%2B00:01").await;
    session.json(QUALITY, "from-time=2025-01-01T00:00:00.5Z&to-time=2025-01-01T00:00:00.50Z&sampling=minute").await;
}
