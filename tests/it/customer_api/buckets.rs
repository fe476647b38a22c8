//! Buckets as a request wants them: weeks and days that begin elsewhere, and only those that are over.

use serde_json::json;
use time::OffsetDateTime;

use super::windows::{STATISTICS, at, calls, starts};
use super::{ORIGINATION, QUALITY, Session, TERMINATION, window, world_with};

#[actix_web::test]
async fn values_that_mean_nothing_are_refused() {
    let session = Session::new();
    for (name, values) in [
        ("week-start", &["", "Monday", "mon", "tuesday", "1", "sunday%20"][..]),
        (
            "day-start",
            &[
                "",
                "2:30",
                "02:3",
                "0230",
                "24:00",
                "02:60",
                "02:30:00",
                "-1:00",
                "%2B2:30",
                "%2002:30",
                "02.30",
                "٠٢:٣٠",
            ],
        ),
        ("complete", &["", "1", "yes", "TRUE", "true%20"]),
        (
            "complete=true&settle",
            &[
                "",
                "10",
                "m",
                "10%20m",
                "10min",
                "-1m",
                "1.5m",
                "%2B1m",
                "8d",
                "169h",
                "10081m",
                "604801s",
                "99999999999999999999s",
                "١m",
            ],
        ),
    ] {
        let culprit = name.rsplit('&').next().unwrap();
        for report in [ORIGINATION[0], ORIGINATION[1], TERMINATION[0], TERMINATION[1]] {
            for value in values {
                let query = format!("{}&{name}={value}", window(1));
                session.refused(report, &query, &format!("invalid value {culprit}")).await;
            }
        }
    }
}

#[actix_web::test]
async fn a_week_begins_on_the_day_that_the_request_names() {
    let session = Session::new();
    session
        .cdrs(
            ["2025-02-01", "2025-02-02", "2025-02-03"]
                .map(|day| json!({ "time_start": at(&format!("{day}T12:00:00Z")) })),
        )
        .await;
    let app = world_with(|config| config.reports.week_start = cdrscope::config::WeekStart::Monday).await;
    for (session, default) in [(&session, "sunday"), (&session.moved(&app), "monday")] {
        let ask = async |week: &str| {
            let query = format!("from-time=2025-01-20&to-time=2025-02-10&sampling=week{week}");
            let answer = session.json(STATISTICS, &query).await;
            (starts(&answer), calls(&answer))
        };
        let sunday = ask("&week-start=sunday").await;
        let monday = ask("&week-start=monday").await;
        assert_eq!(sunday, (vec![at("2025-01-26T00:00:00Z"), at("2025-02-02T00:00:00Z")], vec![1, 2]));
        assert_eq!(monday, (vec![at("2025-01-27T00:00:00Z"), at("2025-02-03T00:00:00Z")], vec![2, 1]));
        assert_eq!(ask("").await, if default == "sunday" { sunday } else { monday }, "{default}");
    }
}

#[actix_web::test]
async fn a_day_begins_at_the_time_that_the_request_names() {
    let seconds = [
        // A call before and at the start of a day, of one of 23 hours, of one whose start is skipped or doubled.
        "2025-02-01T02:29:59Z",
        "2025-02-01T02:30:00Z",
        "2025-03-09T06:59:59Z",
        "2025-03-09T07:00:00Z",
        "2025-11-02T05:29:59Z",
        "2025-11-02T05:30:00Z",
        "2025-11-02T06:29:59Z",
        "2025-11-02T06:30:00Z",
    ];
    let session = Session::new();
    session.cdrs(seconds.map(|second| json!({ "time_start": at(second) }))).await;
    let york = "&time-zone=America/New_York";
    for (query, expected) in [
        (
            "from-time=2025-01-31&to-time=2025-02-02&sampling=day&day-start=02:30".to_owned(),
            &[("2025-01-31T02:30:00Z", 1), ("2025-02-01T02:30:00Z", 1)][..],
        ),
        (
            "from-time=2025-01-31&to-time=2025-02-02&sampling=month&day-start=02:30".to_owned(),
            &[("2025-01-01T02:30:00Z", 1), ("2025-02-01T02:30:00Z", 1)],
        ),
        (
            // 1 February 2025 is a Saturday.
            "from-time=2025-01-31&to-time=2025-02-02&sampling=week&day-start=02:31".to_owned(),
            &[("2025-01-26T02:31:00Z", 2)],
        ),
        (
            "from-time=2025-01-31&to-time=2025-02-02&sampling=hour&day-start=02:30".to_owned(),
            &[("2025-02-01T02:00:00Z", 2)],
        ),
        (
            format!("from-time=2025-03-07&to-time=2025-03-10&sampling=day&day-start=02:30{york}"),
            &[("2025-03-08T07:30:00Z", 1), ("2025-03-09T07:00:00Z", 1)],
        ),
        (
            // 01:30 stands twice: the day begins with the first of them, and goes on when the clock goes back.
            format!("from-time=2025-11-01&to-time=2025-11-03&sampling=day&day-start=01:30{york}"),
            &[("2025-11-01T05:30:00Z", 1), ("2025-11-02T05:30:00Z", 3)],
        ),
    ] {
        let answer = session.json(STATISTICS, &query).await;
        let found: Vec<(i64, i64)> = starts(&answer).into_iter().zip(calls(&answer)).collect();
        let expected: Vec<(i64, i64)> = expected.iter().map(|(start, calls)| (at(start), *calls)).collect();
        assert_eq!(found, expected, "{query}");
        let filled = session.json(STATISTICS, &format!("{query}&fill=true")).await;
        for (start, count) in expected {
            let place = starts(&filled).iter().position(|t| *t == start);
            assert_eq!(place.map(|place| calls(&filled)[place]), Some(count), "{query}");
        }
    }
    let midnight =
        session.json(STATISTICS, "from-time=2025-02-01&to-time=2025-02-01&sampling=day&day-start=00:00").await;
    assert_eq!(midnight, session.json(STATISTICS, "from-time=2025-02-01&to-time=2025-02-01&sampling=day").await);
}

#[actix_web::test]
async fn complete_leaves_out_what_is_not_over_and_settle_what_may_still_grow() {
    let session = Session::new();
    let now = || OffsetDateTime::now_utc().unix_timestamp();
    let minute = now().div_euclid(60) * 60;
    // A call in each minute, in the last second of it: an hour back, and ahead of the clock.
    session.cdrs((-60..=5).map(|n| json!({ "time_start": minute + 60 * n + 59 }))).await;
    for (report, sampling, step, extra, settle) in [
        (STATISTICS, "minute", 60, "&complete=true", 0),
        (STATISTICS, "5minutes", 300, "&complete=true", 0),
        (QUALITY, "minute", 60, "&complete=true", 0),
        (QUALITY, "minute", 60, "&settle=10m&complete=true", 600),
        (QUALITY, "5minutes", 300, "&complete=true&settle=90s", 90),
        (STATISTICS, "minute", 60, "&complete=true&settle=0s", 0),
        (STATISTICS, "hour", 3600, "&complete=true&settle=1h", 3600),
        (TERMINATION[1], "minute", 60, "&complete=true&settle=10m", 600),
        (TERMINATION[0], "minute", 60, "&settle=10m", 600),
    ] {
        for to in [String::new(), format!("&to-time={}", minute + 3600)] {
            let query = format!("from-time={}&sampling={sampling}{to}{extra}&fill=true", minute - 7200);
            let (before, answer, after) = (now(), session.json(report, &query).await, now());
            let last = *starts(&answer).last().unwrap();
            let over = |clock: i64| (clock - settle).div_euclid(step) * step - step;
            assert!((over(before)..=over(after)).contains(&last), "{query}: {last}");
            let counted = (-60..=5).filter(|n| minute + 60 * n + 59 < last + step).count();
            assert_eq!(answer["totals"]["total_calls"], counted, "{query}");
            assert_eq!(calls(&answer).iter().sum::<i64>(), counted as i64, "{query}");
        }
    }
    // The whole past is complete, and false changes nothing.
    for (query, same) in [("&complete=true", ""), ("&complete=false", ""), ("&complete=false&settle=1h", "")] {
        let past = format!("from-time={}&to-time={}&sampling=minute", minute - 3600, minute - 1);
        let (one, other) = (
            session.json(QUALITY, &format!("{past}{query}")).await,
            session.json(QUALITY, &format!("{past}{same}")).await,
        );
        assert_eq!(one, other);
    }
}

#[actix_web::test]
async fn nothing_complete_is_an_answer_without_buckets() {
    for mode in [cdrscope::config::TotalsCps::Bucket, cdrscope::config::TotalsCps::Range] {
        let app = world_with(|config| config.reports.totals_cps = mode).await;
        let session = Session::at(&app);
        let now = OffsetDateTime::now_utc().unix_timestamp();
        session.cdrs([json!({ "time_start": now })]).await;
        let from = now - 1;
        let body = session.json(QUALITY, &format!("from-time={from}&sampling=15minutes&complete=true&settle=1h")).await;
        assert_eq!(
            body,
            json!({
                "data": { "t": [], "total_calls": [], "acd": [], "asr": [], "cps": [] }, "rows": 0,
                "totals": { "t": 0, "total_calls": 0, "acd": null, "asr": null, "cps": "0.0" },
            })
        );
        let query = format!("from-time={from}&sampling=month&complete=true&settle=168h&format=rows&fill=true");
        assert_eq!(session.json(STATISTICS, &query).await, json!([]));
        session
            .refused(
                QUALITY,
                &format!("from-time={from}&to-time={}&sampling=minute&complete=true", from - 1),
                "to-time is before from-time",
            )
            .await;
        let future = session.json(QUALITY, &format!("from-time={}&sampling=minute&complete=true", now + 3600)).await;
        assert_eq!(future, json!([]));
    }
}

/// A cache that keeps answers for as long as nothing changes.
#[actix_web::test]
async fn requests_that_differ_in_one_parameter_never_share_an_answer() {
    let session = Session::new();
    let seconds = ["2025-02-01T01:00:00Z", "2025-02-01T03:00:00Z", "2025-02-02T12:00:00Z", "2025-02-03T12:00:00Z"];
    session.cdrs(seconds.map(|second| json!({ "time_start": at(second) }))).await;
    let now = OffsetDateTime::now_utc().unix_timestamp();
    session.cdrs([json!({ "time_start": now - 60 }), json!({ "time_start": now + 3600 })]).await;
    let recent = format!("from-time={}&sampling=day", now - 40 * 86_400);
    let old = "from-time=2025-01-20&to-time=2025-02-10";
    for (one, other) in [
        (format!("{old}&sampling=week&week-start=sunday"), format!("{old}&sampling=week&week-start=monday")),
        (format!("{old}&sampling=day"), format!("{old}&sampling=day&day-start=02:30")),
        (format!("{old}&sampling=day&day-start=02:00"), format!("{old}&sampling=day&day-start=02:30")),
        (format!("{old}&sampling=month"), format!("{old}&sampling=month&day-start=12:00")),
        (recent.clone(), format!("{recent}&complete=true")),
        (format!("{recent}&fill=true&complete=true"), format!("{recent}&fill=true&complete=true&settle=48h")),
    ] {
        let first = session.json(STATISTICS, &one).await;
        let second = session.json(STATISTICS, &other).await;
        assert_ne!(first, second, "{one} {other}");
        for _ in 0..2 {
            assert_eq!(session.json(STATISTICS, &one).await, first, "{one}");
            assert_eq!(session.json(STATISTICS, &other).await, second, "{other}");
        }
    }
}
