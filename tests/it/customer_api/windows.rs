//! Windows as people mean them: times without a zone, dates alone, clocks that change (contract 1, Times).

use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::{BASE, CONCURRENCY, ORIGINATION, QUALITY, Session, TERMINATION, encode, world_with};

pub const STATISTICS: &str = "origination-statistics";

pub fn at(text: &str) -> i64 {
    OffsetDateTime::parse(text, &Rfc3339).unwrap().unix_timestamp()
}

pub fn calls(answer: &Value) -> Vec<i64> {
    answer["data"]["total_calls"].as_array().unwrap().iter().map(|n| n.as_i64().unwrap()).collect()
}

pub fn starts(answer: &Value) -> Vec<i64> {
    answer["data"]["t"].as_array().unwrap().iter().map(|n| n.as_i64().unwrap()).collect()
}

#[actix_web::test]
async fn a_month_in_the_requests_zone_is_one_bucket_with_all_its_calls() {
    let session = Session::new();
    let seconds = ["2025-10-01T02:59:59Z", "2025-10-01T03:00:00Z", "2025-11-01T02:59:59Z", "2025-11-01T03:00:00Z"];
    session.cdrs(seconds.map(|second| json!({ "time_start": at(second) }))).await;
    for window in [
        "from-time=2025-10-01&to-time=2025-10-31T23:59:59",
        "from-time=2025-10-01&to-time=2025-10-31",
        "from-time=2025-10-01%2000:00&to-time=2025-10-31+23:59:59",
        "from-time=2025-10-01T00:00:00-03:00&to-time=2025-10-31+23:59:59-03:00",
        "from-time=2025-10-01+00:00:00.0-03:00&to-time=2025-11-01+02:59:59Z",
    ] {
        for query in [
            format!("time-zone=America/Santiago&{window}&sampling=month"),
            format!("{window}&sampling=month&time-zone=America/Santiago"),
            // The last value of a name wins, wherever it stands.
            format!("time-zone=Asia/Tokyo&{window}&sampling=month&time-zone=America/Santiago"),
        ] {
            let answer = session.json(STATISTICS, &query).await;
            assert_eq!((starts(&answer), calls(&answer)), (vec![at(seconds[1])], vec![2]), "{query}");
        }
    }
    // Short samplings know the zone as well.
    let query = "from-time=2025-10-01&to-time=2025-10-31&sampling=15minutes&time-zone=America/Santiago";
    let answer = session.json(QUALITY, query).await;
    assert_eq!((starts(&answer)[0], &answer["totals"]["total_calls"]), (at(seconds[1]), &json!(2)));
}

#[actix_web::test]
async fn without_a_zone_in_the_request_the_configured_one_reads_times() {
    let session = Session::new();
    let app = world_with(|config| {
        config.reports.time_zone = cdrscope::query::zone::find("Europe/Kyiv").unwrap();
    })
    .await;
    let session = session.moved(&app);
    let seconds = ["2025-06-01T20:59:59Z", "2025-06-01T21:00:00Z", "2025-06-02T20:59:59Z", "2025-06-02T21:00:00Z"];
    session.cdrs(seconds.map(|second| json!({ "time_start": at(second) }))).await;
    session.live(seconds.map(|second| json!({ "snapshot_timestamp": at(second) }))).await;
    let (day, utc) = ("from-time=2025-06-02&to-time=2025-06-02", "&time-zone=UTC");
    for report in [ORIGINATION[0], ORIGINATION[1], TERMINATION[0], TERMINATION[1]] {
        let total = async |zone: &str| {
            let query = format!("{day}&sampling=minute&fill=false{zone}");
            session.json(report, &query).await["totals"]["total_calls"].clone()
        };
        assert_eq!((total("").await, total(utc).await), (json!(2), json!(2)), "{report}");
        let answer = session.json(report, &format!("{day}&sampling=minute&fill=false{utc}")).await;
        assert_eq!(starts(&answer), [at("2025-06-02T20:59:00Z"), at(seconds[3])], "{report}");
    }
    for report in CONCURRENCY {
        let answer = session.json(report, &format!("{day}&fill=false")).await;
        assert_eq!(starts(&answer), [at(seconds[1]), at("2025-06-02T20:59:00Z")], "{report}");
    }
}

/// Windows in a zone, with their first and last seconds.
const ENDS: [(&str, &str, &str, &str, &str); 21] = [
    // Days of 24, 23 and 25 hours.
    ("UTC", "2025-05-04", "2025-05-04", "2025-05-04T00:00:00Z", "2025-05-04T23:59:59Z"),
    ("America/Santiago", "2025-05-04", "2025-05-05", "2025-05-04T04:00:00Z", "2025-05-06T03:59:59Z"),
    ("Europe/Kyiv", "2025-03-30", "2025-03-30", "2025-03-29T22:00:00Z", "2025-03-30T20:59:59Z"),
    ("Europe/Kyiv", "2025-10-26", "2025-10-26", "2025-10-25T21:00:00Z", "2025-10-26T21:59:59Z"),
    // Midnight does not exist: on that day, and at the end of the day before.
    ("Africa/Cairo", "2025-04-25", "2025-04-25", "2025-04-24T22:00:00Z", "2025-04-25T20:59:59Z"),
    ("Africa/Cairo", "2025-04-24", "2025-04-24", "2025-04-23T22:00:00Z", "2025-04-24T21:59:59Z"),
    ("America/Santiago", "2025-09-07", "2025-09-07", "2025-09-07T04:00:00Z", "2025-09-08T02:59:59Z"),
    // Midnight stands twice: the day that ends has its last hour twice, or the day that begins its first.
    ("America/Santiago", "2025-04-05", "2025-04-05", "2025-04-05T03:00:00Z", "2025-04-06T03:59:59Z"),
    ("America/Havana", "2025-11-02", "2025-11-02", "2025-11-02T04:00:00Z", "2025-11-03T04:59:59Z"),
    ("America/Havana", "2025-11-01", "2025-11-01", "2025-11-01T04:00:00Z", "2025-11-02T03:59:59Z"),
    // At one minute past midnight the clock went back to yesterday.
    ("America/St_Johns", "2010-11-06", "2010-11-06", "2010-11-06T02:30:00Z", "2010-11-07T03:29:59Z"),
    ("America/St_Johns", "2010-11-07", "2010-11-07", "2010-11-07T02:30:00Z", "2010-11-08T03:29:59Z"),
    // Wall-clock times that stand twice.
    ("Europe/Kyiv", "2025-10-26 03:30", "2025-10-26 03:30", "2025-10-26T00:30:00Z", "2025-10-26T01:30:00Z"),
    ("Europe/Kyiv", "2025-10-26T03:00:00", "2025-10-26T03:59:59", "2025-10-26T00:00:00Z", "2025-10-26T01:59:59Z"),
    ("America/Havana", "2025-11-02T00:00", "2025-11-02T00:00", "2025-11-02T04:00:00Z", "2025-11-02T05:00:00Z"),
    ("Australia/Lord_Howe", "2025-04-06 01:45", "2025-04-06 01:45", "2025-04-05T14:45:00Z", "2025-04-05T15:15:00Z"),
    // Wall-clock times that the clock skips.
    ("Europe/Kyiv", "2025-03-30 03:00", "2025-03-30 03:59:59", "2025-03-30T01:00:00Z", "2025-03-30T01:00:00Z"),
    ("Africa/Cairo", "2025-04-25 00:30", "2025-04-25T00:59:59", "2025-04-24T22:00:00Z", "2025-04-24T22:00:00Z"),
    ("Australia/Lord_Howe", "2025-10-05 02:10", "2025-10-05 02:29", "2025-10-04T15:30:00Z", "2025-10-04T15:30:00Z"),
    // Samoa had no 30 December 2011.
    ("Pacific/Apia", "2011-12-30", "2011-12-31", "2011-12-30T10:00:00Z", "2011-12-31T09:59:59Z"),
    ("Pacific/Apia", "2011-12-29", "2011-12-30", "2011-12-29T10:00:00Z", "2011-12-30T09:59:59Z"),
];

#[actix_web::test]
async fn dates_and_wall_clock_times_are_whole_where_clocks_change() {
    for (zone, from, to, first, last) in ENDS {
        let session = Session::new();
        let (first, last) = (at(first), at(last));
        let mut seconds = vec![first - 1, first, last, last + 1];
        seconds.dedup();
        session.cdrs(seconds.iter().map(|second| json!({ "time_start": second }))).await;
        let inside = i64::try_from(seconds.len()).unwrap() - 2;
        let query =
            format!("from-time={}&to-time={}&sampling=minute&fill=false&time-zone={zone}", encode(from), encode(to));
        let answer = session.json(STATISTICS, &query).await;
        assert_eq!(answer["totals"]["total_calls"], inside, "{query}");
        assert_eq!(starts(&answer).first(), Some(&(first.div_euclid(60) * 60)), "{query}");
        assert_eq!(starts(&answer).last(), Some(&(last.div_euclid(60) * 60)), "{query}");
    }
}

#[actix_web::test]
async fn years_are_bounded_after_conversion_from_the_zone() {
    let session = Session::new();
    let ok = async |query: &str| drop(session.json(STATISTICS, &format!("{query}&sampling=month")).await);
    let bad = async |query: &str, name: &str| {
        session.refused(STATISTICS, &format!("{query}&sampling=month"), &format!("invalid value {name}")).await;
    };
    bad("from-time=1970-01-01&time-zone=Europe/Kyiv", "from-time").await;
    ok("from-time=1970-01-01T03:00&to-time=1970-01-02&time-zone=Europe/Kyiv").await;
    ok("from-time=1969-12-31T19:00&to-time=1970-01-02&time-zone=America/New_York").await;
    ok("from-time=2025-01-01&to-time=2105-12-31").await;
    bad("from-time=2025-01-01&to-time=2105-12-31&time-zone=America/New_York", "to-time").await;
    ok("from-time=2025-01-01&to-time=2105-12-31&time-zone=Asia/Tokyo").await;
    bad("from-time=2025-01-01&to-time=2106-01-01&time-zone=Asia/Tokyo", "to-time").await;
    // A day that a zone did not have ends before it could begin.
    let query = "from-time=2011-12-30&to-time=2011-12-30&sampling=day&time-zone=Pacific/Apia";
    session.refused(STATISTICS, query, "to-time is before from-time").await;
}

#[actix_web::test]
async fn the_first_fault_is_the_contracts_wherever_the_zone_stands() {
    let session = Session::new();
    let refused =
        async |query: &str, error: &str| session.refused(STATISTICS, &format!("{query}&sampling=day"), error).await;
    for query in
        ["time-zone=Nowhere&from-time=now&to-time=then", "to-time=then&from-time=now&time-zone=%FF", "from-time=now"]
    {
        refused(query, "invalid value from-time").await;
    }
    refused("time-zone=Nowhere&from-time=2025-01-01&to-time=2025-13-01", "invalid value to-time").await;
    refused("time-zone=Nowhere&from-time=2025-01-01&duration-gt=x", "invalid value duration-gt").await;
    refused("time-zone=Nowhere&from-time=2025-01-01&to-time=2025-01-02", "invalid value time-zone").await;
    // Refused for itself before the window is looked at.
    refused("time-zone=Nowhere&from-time=2025-01-02&to-time=2025-01-01", "invalid value time-zone").await;
    refused("settle=x&complete=x&day-start=x&week-start=x&from-time=2025-01-01", "invalid value week-start").await;
    refused("settle=x&complete=x&day-start=x&from-time=2025-01-01", "invalid value day-start").await;
    refused("settle=x&complete=x&from-time=2025-01-01", "invalid value complete").await;
    refused("settle=x&complete=true&from-time=2025-01-01&no=1", "invalid value settle").await;
    for name in ["week-start", "day-start", "complete", "settle"] {
        session.refused(CONCURRENCY[0], &format!("from-time={BASE}&{name}=x"), &format!("unknown param {name}")).await;
        refused(&format!("{name}[]=x&from-time=2025-01-01"), &format!("param {name} can't be an array")).await;
    }
}
