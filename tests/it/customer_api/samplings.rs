//! Where buckets begin: the epoch for short samplings, a time zone's calendar for long ones (contract 1, Gap fill).

use cdrscope::config::WeekStart;
use serde_json::json;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::{BASE, ORIGINATION, Session, TERMINATION, world_with};

fn at(text: &str) -> i64 {
    OffsetDateTime::parse(text, &Rfc3339).unwrap().unix_timestamp()
}

/// A session with a call at each of these instants.
async fn with_calls(instants: &[&str]) -> Session {
    let session = Session::new();
    session.cdrs(instants.iter().map(|instant| json!({ "time_start": at(instant) }))).await;
    session
}

/// The buckets of all calls of 2025, with the number of calls in each.
async fn buckets(session: &Session, query: &str) -> Vec<(String, i64)> {
    let query = format!("from-time=2024-12-01&to-time=2026-01-31&{query}");
    let answer = session.json("origination-statistics", &query).await;
    let numbers =
        |name: &str| answer["data"][name].as_array().unwrap().iter().map(|n| n.as_i64().unwrap()).collect::<Vec<_>>();
    let text = |t: i64| OffsetDateTime::from_unix_timestamp(t).unwrap().format(&Rfc3339).unwrap();
    numbers("t").into_iter().map(text).zip(numbers("total_calls")).collect()
}

fn expected(list: &[(&str, i64)]) -> Vec<(String, i64)> {
    list.iter().map(|(t, calls)| ((*t).to_owned(), *calls)).collect()
}

#[actix_web::test]
async fn short_samplings_are_aligned_to_the_epoch_in_every_zone() {
    let session = Session::new();
    session.cdrs([0, 59, 60, 299, 300, 899, 900].map(|t| json!({ "time_start": BASE + t }))).await;
    for (reports, sampling, starts, calls) in [
        (
            &[ORIGINATION[0], ORIGINATION[1], TERMINATION[0], TERMINATION[1]][..],
            "minute",
            vec![0, 60, 240, 300, 840, 900],
            vec![2, 1, 1, 1, 1, 1],
        ),
        (
            &[ORIGINATION[0], ORIGINATION[1], TERMINATION[0], TERMINATION[1]],
            "5minutes",
            vec![0, 300, 600, 900],
            vec![4, 1, 1, 1],
        ),
        (&[ORIGINATION[0], TERMINATION[0]], "15minutes", vec![0, 900], vec![6, 1]),
    ] {
        for report in reports {
            for zone in ["", "&time-zone=UTC", "&time-zone=Asia/Kathmandu", "&time-zone=America/St_Johns"] {
                let query = format!("from-time={}&to-time={}&fill=false&sampling={sampling}{zone}", BASE, BASE + 1000);
                let answer = session.json(report, &query).await;
                assert_eq!(
                    answer["data"]["t"],
                    json!(starts.iter().map(|t| BASE + t).collect::<Vec<_>>()),
                    "{report} {query}"
                );
                assert_eq!(answer["data"]["total_calls"], json!(calls), "{report} {query}");
            }
        }
    }
}

#[actix_web::test]
async fn hours_days_weeks_and_months_are_utcs_unless_a_zone_is_named() {
    let session =
        with_calls(&["2025-01-31T22:30:00Z", "2025-01-31T23:59:59Z", "2025-02-01T00:00:00Z", "2025-02-02T00:00:00Z"])
            .await;
    for (query, found) in [
        (
            "sampling=hour",
            &[
                ("2025-01-31T22:00:00Z", 1),
                ("2025-01-31T23:00:00Z", 1),
                ("2025-02-01T00:00:00Z", 1),
                ("2025-02-02T00:00:00Z", 1),
            ][..],
        ),
        ("sampling=day", &[("2025-01-31T00:00:00Z", 2), ("2025-02-01T00:00:00Z", 1), ("2025-02-02T00:00:00Z", 1)]),
        // A Sunday begins the week.
        ("sampling=week", &[("2025-01-26T00:00:00Z", 3), ("2025-02-02T00:00:00Z", 1)]),
        ("sampling=month", &[("2025-01-01T00:00:00Z", 2), ("2025-02-01T00:00:00Z", 2)]),
        ("sampling=month&time-zone=Europe/Kyiv", &[("2025-01-31T22:00:00Z", 4)]),
        ("sampling=day&time-zone=Europe/Kyiv", &[("2025-01-31T22:00:00Z", 3), ("2025-02-01T22:00:00Z", 1)]),
        ("sampling=day&time-zone=America/New_York", &[("2025-01-31T05:00:00Z", 3), ("2025-02-01T05:00:00Z", 1)]),
        (
            "sampling=hour&time-zone=Asia/Kolkata",
            &[("2025-01-31T22:30:00Z", 1), ("2025-01-31T23:30:00Z", 2), ("2025-02-01T23:30:00Z", 1)],
        ),
        (
            "sampling=hour&time-zone=Asia/Kathmandu",
            &[("2025-01-31T22:15:00Z", 1), ("2025-01-31T23:15:00Z", 2), ("2025-02-01T23:15:00Z", 1)],
        ),
    ] {
        assert_eq!(buckets(&session, query).await, expected(found), "{query}");
    }
}

#[actix_web::test]
async fn the_zone_and_the_weeks_first_day_can_be_configured_and_a_request_can_name_another_zone() {
    let session = with_calls(&["2025-02-01T22:30:00Z", "2025-02-02T23:00:00Z"]).await;
    let app = world_with(|config| {
        config.reports.time_zone = cdrscope::query::zone::find("Europe/Kyiv").unwrap();
        config.reports.week_start = WeekStart::Monday;
    })
    .await;
    let moved = session.moved(&app);
    for (query, found) in [
        ("sampling=day", &[("2025-02-01T22:00:00Z", 1), ("2025-02-02T22:00:00Z", 1)][..]),
        ("sampling=week", &[("2025-01-26T22:00:00Z", 1), ("2025-02-02T22:00:00Z", 1)]),
        ("sampling=week&time-zone=UTC", &[("2025-01-27T00:00:00Z", 2)]),
        ("sampling=day&time-zone=UTC", &[("2025-02-01T00:00:00Z", 1), ("2025-02-02T00:00:00Z", 1)]),
    ] {
        assert_eq!(buckets(&moved, query).await, expected(found), "{query}");
    }
    // Sunday of Kyiv's week began in Saturday's last hours of UTC.
    assert_eq!(
        buckets(&session, "sampling=week&time-zone=Europe/Kyiv").await,
        expected(&[("2025-02-01T22:00:00Z", 2)])
    );
}

#[actix_web::test]
async fn days_of_23_and_25_hours_have_no_phantom_and_no_missing_day() {
    let spring =
        with_calls(&["2025-03-29T21:59:59Z", "2025-03-29T22:00:00Z", "2025-03-30T20:59:59Z", "2025-03-30T21:00:00Z"])
            .await;
    let found = [("2025-03-28T22:00:00Z", 1), ("2025-03-29T22:00:00Z", 2), ("2025-03-30T21:00:00Z", 1)];
    assert_eq!(buckets(&spring, "sampling=day&time-zone=Europe/Kyiv").await, expected(&found));
    assert_eq!(
        buckets(&spring, "sampling=month&time-zone=Europe/Kyiv").await,
        expected(&[("2025-02-28T22:00:00Z", 4)])
    );
    let autumn =
        with_calls(&["2025-10-25T20:59:59Z", "2025-10-25T21:00:00Z", "2025-10-26T21:59:59Z", "2025-10-26T22:00:00Z"])
            .await;
    let found = [("2025-10-24T21:00:00Z", 1), ("2025-10-25T21:00:00Z", 2), ("2025-10-26T22:00:00Z", 1)];
    assert_eq!(buckets(&autumn, "sampling=day&time-zone=Europe/Kyiv").await, expected(&found));
    // The week of the change is an hour longer.
    assert_eq!(
        buckets(&autumn, "sampling=week&time-zone=Europe/Kyiv").await,
        expected(&[("2025-10-18T21:00:00Z", 1), ("2025-10-25T21:00:00Z", 3)])
    );
}

#[actix_web::test]
async fn the_doubled_hour_is_two_buckets_and_the_skipped_hour_none() {
    let doubled =
        with_calls(&["2025-11-02T05:30:00Z", "2025-11-02T06:30:00Z", "2025-11-02T06:59:59Z", "2025-11-02T07:00:00Z"])
            .await;
    let found = [("2025-11-02T05:00:00Z", 1), ("2025-11-02T06:00:00Z", 2), ("2025-11-02T07:00:00Z", 1)];
    assert_eq!(buckets(&doubled, "sampling=hour&time-zone=America/New_York").await, expected(&found));
    let skipped = with_calls(&["2025-03-09T06:59:59Z", "2025-03-09T07:00:00Z"]).await;
    let found = [("2025-03-09T06:00:00Z", 1), ("2025-03-09T07:00:00Z", 1)];
    assert_eq!(buckets(&skipped, "sampling=hour&time-zone=America/New_York").await, expected(&found));
}

#[actix_web::test]
async fn a_day_begins_at_its_first_instant_where_midnight_is_skipped_or_doubled() {
    // Cairo: on 25 April 2025 the clocks go from 00:00 to 01:00; on 31 October from 24:00 back to 23:00 of the 30th.
    let skipped = with_calls(&["2025-04-24T21:59:59Z", "2025-04-24T22:00:00Z"]).await;
    let found = [("2025-04-23T22:00:00Z", 1), ("2025-04-24T22:00:00Z", 1)];
    assert_eq!(buckets(&skipped, "sampling=day&time-zone=Africa/Cairo").await, expected(&found));
    let doubled = with_calls(&["2025-10-30T20:30:00Z", "2025-10-30T21:30:00Z", "2025-10-30T22:00:00Z"]).await;
    let found = [("2025-10-29T21:00:00Z", 2), ("2025-10-30T22:00:00Z", 1)];
    assert_eq!(buckets(&doubled, "sampling=day&time-zone=Africa/Cairo").await, expected(&found));
}

#[actix_web::test]
async fn the_first_bucket_of_a_long_sampling_may_begin_before_from_time() {
    let session = with_calls(&["2025-05-10T10:00:00Z", "2025-05-10T12:00:00Z"]).await;
    let query = "from-time=2025-05-10T11:00:00Z&to-time=2025-05-10T13:00:00Z&sampling=month";
    let answer = session.json("origination-statistics", query).await;
    assert_eq!(
        (&answer["data"]["t"], &answer["data"]["total_calls"]),
        (&json!([at("2025-05-01T00:00:00Z")]), &json!([1]))
    );
}
