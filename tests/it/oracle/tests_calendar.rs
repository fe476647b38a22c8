//! Buckets by hand, and against a walk through a whole year.

use super::WeekStart;
use super::calendar::{Calendar, Sampling};
use super::time::{Time, rfc3339};
use chrono::{DateTime, Datelike, Offset, TimeZone, Timelike};
use chrono_tz::Tz;

const ZONES: [&str; 6] =
    ["Europe/Kyiv", "America/New_York", "Australia/Lord_Howe", "Africa/Cairo", "Asia/Kolkata", "Asia/Kathmandu"];

fn calendar(sampling: Sampling, zone: &str) -> Calendar {
    Calendar { sampling, zone: zone.parse().unwrap(), week_start: WeekStart::Sunday, day_start: 0 }
}

fn second(text: &str) -> i64 {
    Time::parse(text).unwrap().second()
}

fn grid(sampling: Sampling, zone: &str, from: &str, to: &str) -> Vec<String> {
    let grid = calendar(sampling, zone).grid(second(from), second(to), 1000).unwrap();
    grid.into_iter().map(rfc3339).collect()
}

/// Whether a bucket begins at this second, seen from the local clocks of it and of the second before.
fn begins(sampling: Sampling, zone: Tz, second: i64) -> bool {
    let local = |second| {
        let utc = DateTime::from_timestamp(second, 0).unwrap().naive_utc();
        let offset = zone.offset_from_utc_datetime(&utc).fix();
        (utc + offset, offset)
    };
    let ((before, old_offset), (after, new_offset)) = (local(second - 1), local(second));
    match sampling {
        Sampling::Seconds(length) => second % length == 0,
        Sampling::Hour => before.hour() != after.hour() || old_offset != new_offset,
        Sampling::Day => before.date() != after.date(),
        Sampling::Week => before.date() != after.date() && after.weekday() == chrono::Weekday::Sun,
        Sampling::Month => before.month() != after.month(),
    }
}

#[test]
fn the_grid_of_a_year_is_that_of_a_walk_through_it() {
    let (from, to) = (second("2026-01-01"), second("2027-01-01"));
    for zone in ZONES {
        // Every change of these clocks is at a quarter of an hour.
        for sampling in [Sampling::Hour, Sampling::Day, Sampling::Week, Sampling::Month] {
            let calendar = calendar(sampling, zone);
            let walked: Vec<i64> =
                (from..=to).step_by(900).filter(|second| begins(sampling, calendar.zone, *second)).collect();
            let mut grid = calendar.grid(from, to, 10_000).unwrap();
            if walked[0] != from {
                grid.remove(0); // it began before the walk
            }
            assert_eq!(grid, walked, "{sampling:?} in {zone}");
            for pair in grid.windows(2) {
                assert_eq!(
                    [calendar.start(pair[0]), calendar.start(pair[1] - 1), calendar.start(pair[1])],
                    [pair[0], pair[0], pair[1]]
                );
            }
        }
    }
}

#[test]
fn the_doubled_hour_is_two_buckets() {
    assert_eq!(
        grid(Sampling::Hour, "Europe/Kyiv", "2026-10-24T23:30:00Z", "2026-10-25T02:10:00Z"),
        ["2026-10-24T23:00:00Z", "2026-10-25T00:00:00Z", "2026-10-25T01:00:00Z", "2026-10-25T02:00:00Z"]
    );
    // Lord Howe goes back by half an hour, at 02:00: 01:00 lasts an hour, then 01:30 half an hour.
    assert_eq!(
        grid(Sampling::Hour, "Australia/Lord_Howe", "2026-04-04T14:30:00Z", "2026-04-04T16:00:00Z"),
        ["2026-04-04T14:00:00Z", "2026-04-04T15:00:00Z", "2026-04-04T15:30:00Z"]
    );
    // And forward by half an hour, at 02:00: the hour that begins at 02:30 is half an hour long.
    assert_eq!(
        grid(Sampling::Hour, "Australia/Lord_Howe", "2026-10-03T15:29:59Z", "2026-10-03T16:00:00Z"),
        ["2026-10-03T14:30:00Z", "2026-10-03T15:30:00Z", "2026-10-03T16:00:00Z"]
    );
    assert_eq!(
        grid(Sampling::Hour, "Asia/Kathmandu", "2026-05-01T00:00:00Z", "2026-05-01T00:15:00Z"),
        ["2026-04-30T23:15:00Z", "2026-05-01T00:15:00Z"]
    );
}

#[test]
fn days_have_23_to_25_hours_and_begin_at_their_first_instant() {
    assert_eq!(
        grid(Sampling::Day, "Europe/Kyiv", "2026-03-28T12:00:00Z", "2026-03-30T12:00:00Z"),
        ["2026-03-27T22:00:00Z", "2026-03-28T22:00:00Z", "2026-03-29T21:00:00Z"]
    );
    // In Cairo the day of the change has no midnight: it begins at 01:00, which is 22:00 in UTC all the same.
    assert_eq!(
        grid(Sampling::Day, "Africa/Cairo", "2026-04-23T12:00:00Z", "2026-04-25T12:00:00Z"),
        ["2026-04-22T22:00:00Z", "2026-04-23T22:00:00Z", "2026-04-24T21:00:00Z"]
    );
    assert_eq!(
        grid(Sampling::Day, "Africa/Cairo", "2026-10-29T12:00:00Z", "2026-10-30T12:00:00Z"),
        ["2026-10-28T21:00:00Z", "2026-10-29T22:00:00Z"]
    );
}

#[test]
fn weeks_start_by_setting_and_months_on_the_first() {
    let mut weeks = calendar(Sampling::Week, "America/New_York");
    assert_eq!(rfc3339(weeks.start(second("2026-03-11"))), "2026-03-08T05:00:00Z");
    weeks.week_start = WeekStart::Monday;
    assert_eq!(rfc3339(weeks.start(second("2026-03-11"))), "2026-03-09T04:00:00Z");
    assert_eq!(rfc3339(weeks.start(second("2026-03-09T03:59:59Z"))), "2026-03-02T05:00:00Z");
    assert_eq!(
        grid(Sampling::Month, "America/New_York", "2026-03-01T04:59:59Z", "2026-04-01T04:00:00Z"),
        ["2026-02-01T05:00:00Z", "2026-03-01T05:00:00Z", "2026-04-01T04:00:00Z"]
    );
}

#[test]
fn a_grid_over_the_limit_is_none() {
    let minutes = calendar(Sampling::Seconds(60), "UTC");
    assert_eq!(minutes.grid(30, 119, 2), Some(vec![0, 60]));
    assert_eq!(minutes.grid(30, 120, 2), None);
    assert_eq!(calendar(Sampling::Day, "UTC").grid(0, 86_400, 1), None);
    assert_eq!(calendar(Sampling::Day, "UTC").grid(0, 86_399, 1), Some(vec![0]));
}
