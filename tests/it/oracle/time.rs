//! Instants as callers write them: whole seconds since 1970 and a fraction of any length.

use chrono::{DateTime, LocalResult, NaiveDate, NaiveDateTime, TimeDelta, TimeZone};
use chrono_tz::Tz;
use std::time::{SystemTime, UNIX_EPOCH};

/// An instant between 1970 and 2105.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Time {
    second: i64,
    /// Decimal digits of the fraction without zeros at the end, so that their order as text is their order as numbers.
    fraction: String,
}

impl Time {
    /// A whole second.
    pub fn at(second: i64) -> Self {
        Self { second, fraction: String::new() }
    }

    /// The clock.
    pub fn now() -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self::of(since.as_secs().cast_signed(), &format!("{:09}", since.subsec_nanos()))
    }

    /// The second that holds the instant, which is also the last whole second that is not after it.
    pub fn second(&self) -> i64 {
        self.second
    }

    /// The first whole second that is not before the instant.
    pub fn first_second(&self) -> i64 {
        if self.fraction.is_empty() { self.second } else { self.second + 1 }
    }

    fn of(second: i64, fraction: &str) -> Self {
        Self { second, fraction: fraction.trim_end_matches('0').to_owned() }
    }

    /// Reads the forms of the contract, those without a zone as from-time in UTC.
    pub fn parse(text: &str) -> Option<Self> {
        Self::parse_in(text, Tz::UTC, End::From)
    }

    /// Reads the forms of the contract: RFC 3339, the forms without an offset, epoch seconds and milliseconds.
    pub fn parse_in(text: &str, zone: Tz, end: End) -> Option<Self> {
        let time = if let Some(number) = digits(text) {
            match text.len() {
                10 => Self::of(number, ""),
                13 => Self::of(number / 1000, &text[10..]),
                _ => return None,
            }
        } else {
            written(text, zone, end)?
        };
        let last = NaiveDate::from_ymd_opt(2105, 12, 31)?.and_hms_opt(23, 59, 59)?.and_utc().timestamp();
        (0..=last).contains(&time.second).then_some(time)
    }
}

/// Which end of a window a time is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum End {
    From,
    To,
}

/// The instant at which a zone's clock shows this; of two the first for from-time, the second for to-time; the change of
/// the clock where it skips that.
pub fn shows(local: NaiveDateTime, zone: Tz, end: End) -> i64 {
    match (zone.from_local_datetime(&local), end) {
        (LocalResult::Single(at), _) => at.timestamp(),
        (LocalResult::Ambiguous(first, _), End::From) => first.timestamp(),
        (LocalResult::Ambiguous(_, second), End::To) => second.timestamp(),
        (LocalResult::None, _) => {
            // The first instant that shows more; no clock changes twice within these days.
            let around = local.and_utc().timestamp();
            let (mut low, mut high) = (around - 30 * 3600, around + 30 * 3600);
            while high - low > 1 {
                let middle = low + (high - low) / 2;
                let utc = DateTime::from_timestamp(middle, 0).unwrap_or_default().naive_utc();
                if zone.from_utc_datetime(&utc).naive_local() > local {
                    high = middle;
                } else {
                    low = middle;
                }
            }
            high
        }
    }
}

/// The first or last second of a date.
fn of_day(midnight: NaiveDateTime, zone: Tz, end: End) -> Option<i64> {
    if end == End::From {
        return Some(shows(midnight, zone, end));
    }
    let last = midnight + TimeDelta::seconds(86_399);
    let second = shows(last, zone, end);
    // Where the clock skips the last second of the day, it is the one before the change.
    Some(if zone.from_local_datetime(&last) == LocalResult::None { second - 1 } else { second })
}

/// A date with or without a time of day.
fn written(text: &str, zone: Tz, end: End) -> Option<Time> {
    let (day, rest) = text.split_at_checked(10)?;
    let midnight = date(day)?;
    let local = |second: i64| DateTime::from_timestamp(second, 0).map(|at| at.naive_utc());
    if rest.is_empty() {
        return Some(Time::of(of_day(local(midnight)?, zone, end)?, ""));
    }
    let (separator, rest) = rest.split_at_checked(1)?;
    if !["T", "t", " "].contains(&separator) {
        return None;
    }
    if let Some(of_day) = clock(rest).or_else(|| clock(&format!("{rest}:00"))) {
        return Some(Time::of(shows(local(midnight + of_day)?, zone, end), ""));
    }
    let (time, rest) = rest.split_at_checked(8)?;
    let of_day = clock(time)?;
    let (fraction, offset_text) = match rest.strip_prefix('.') {
        Some(rest) => rest.split_at(rest.find(|letter: char| !letter.is_ascii_digit())?),
        None => ("", rest),
    };
    if rest.starts_with('.') && fraction.is_empty() {
        return None;
    }
    Some(Time::of(midnight + of_day - offset(offset_text)?, fraction))
}

/// Seconds from 1970 to the day `YYYY-MM-DD`.
fn date(text: &str) -> Option<i64> {
    let [year, month, day] = fields(text, '-', [4, 2, 2])?;
    let date =
        NaiveDate::from_ymd_opt(i32::try_from(year).ok()?, u32::try_from(month).ok()?, u32::try_from(day).ok()?)?;
    Some(date.and_hms_opt(0, 0, 0)?.and_utc().timestamp())
}

/// Seconds of the day of `hh:mm:ss`.
fn clock(text: &str) -> Option<i64> {
    let [hour, minute, second] = fields(text, ':', [2, 2, 2])?;
    (hour < 24 && minute < 60 && second < 60).then_some(hour * 3600 + minute * 60 + second)
}

/// Seconds east of UTC of `Z` or `+hh:mm`; a blank stands for the plus that a query string turns into one.
fn offset(text: &str) -> Option<i64> {
    if text == "Z" || text == "z" {
        return Some(0);
    }
    let (sign, rest) = text.split_at_checked(1)?;
    let [hour, minute] = fields(rest, ':', [2, 2])?;
    let seconds = (hour < 24 && minute < 60).then_some(hour * 3600 + minute * 60)?;
    match sign {
        "+" | " " => Some(seconds),
        "-" => Some(-seconds),
        _ => None,
    }
}

/// Splits a text into numbers of exactly these many digits.
fn fields<const N: usize>(text: &str, separator: char, widths: [usize; N]) -> Option<[i64; N]> {
    let parts: Vec<&str> = text.split(separator).collect();
    if parts.len() != N {
        return None;
    }
    let mut numbers = [0; N];
    for (place, part) in parts.iter().enumerate() {
        if part.len() != widths[place] {
            return None;
        }
        numbers[place] = digits(part)?;
    }
    Some(numbers)
}

fn digits(text: &str) -> Option<i64> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    text.parse().ok()
}

/// A second as `YYYY-MM-DD hh:mm:ss`, the way the switch sends it.
pub fn sent(second: i64) -> String {
    shown(second, "%Y-%m-%d %H:%M:%S")
}

/// A second as RFC 3339 in UTC.
pub fn rfc3339(second: i64) -> String {
    shown(second, "%Y-%m-%dT%H:%M:%SZ")
}

fn shown(second: i64, format: &str) -> String {
    DateTime::from_timestamp(second, 0).unwrap_or_default().format(format).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SEED: i64 = 1_767_271_575; // 2026-01-01T12:46:15Z

    #[test]
    fn every_form_of_the_contract_is_read() {
        for text in [
            "2026-01-01T12:46:15Z",
            "2026-01-01t12:46:15z",
            "2026-01-01T12:46:15.000Z",
            "2026-01-01T14:46:15+02:00",
            "2026-01-01T14:46:15 02:00",
            "2026-01-01T12:46:15-00:00",
            "2025-12-31T13:31:15-23:15",
            "2026-01-01 12:46:15",
            "2026-01-01t12:46:15",
            "2026-01-01 12:46:15Z",
            "2026-01-01 14:46:15.0 02:00",
            "2026-01-01T12:46:15",
            "1767271575",
            "1767271575000",
        ] {
            assert_eq!(Time::parse(text), Some(Time::at(SEED)), "{text}");
        }
        assert_eq!(Time::parse("2026-01-01 12:46"), Some(Time::at(SEED - 15)));
        assert_eq!(Time::parse("2026-01-01T12:46"), Some(Time::at(SEED - 15)));
        assert_eq!(Time::parse("2026-01-01"), Some(Time::at(SEED - 15 - 46 * 60 - 12 * 3600)));
        assert_eq!(Time::parse("2024-02-29").map(|time| time.second()), Some(1_709_164_800));
        assert_eq!(Time::parse("2105-12-31T23:59:59.999Z").map(|time| time.second()), Some(4_291_747_199));
        assert_eq!(Time::parse("1970-01-01"), Some(Time::at(0)));
    }

    #[test]
    fn everything_else_is_refused() {
        for text in [
            "",
            "now",
            "2026",
            "2026-1-1",
            "2026-02-29",
            "2026-13-01",
            "2026-01-01T",
            "2026-01-01T12",
            "2026-01-01T24:00:00Z",
            "2026-01-01T12:60:00Z",
            "2026-01-01T12:46:60Z",
            "2026-01-01T12:46Z",
            "2026-01-01T12:46:15.Z",
            "2026-01-01T12:46:15.5",
            "2026-01-01T12:46:15+2:00",
            "2026-01-01T12:46:15+0200",
            "2026-01-01T12:46:15+24:00",
            "2026-01-01T12:46:15+02:60",
            "2026-01-01T12:46:15,5Z",
            "2026-01-01X12:46:15Z",
            " 2026-01-01",
            "2026-01-01 ",
            "20260101",
            "176727157",
            "17672715750",
            "176727157500",
            "17672715750000",
            "1969-12-31T23:59:59Z",
            "1970-01-01T00:00:00+00:01",
            "2106-01-01",
            "9999999999",
            "2105-12-31T23:59:59-00:01",
            "+026-01-01",
            "2026-01-01T12:46:15Zz",
            "２０２６-01-01",
            "-767271575",
        ] {
            assert_eq!(Time::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_zones_clock_is_read_by_the_end_of_the_window() {
        let second = |text: &str| Time::parse(text).unwrap();
        for (zone, text, from, to) in [
            (Tz::Europe__Kyiv, "2026-03-29", "2026-03-28T22:00:00Z", "2026-03-29T20:59:59Z"),
            (Tz::Europe__Kyiv, "2026-10-25", "2026-10-24T21:00:00Z", "2026-10-25T21:59:59Z"),
            (Tz::Europe__Kyiv, "2026-10-25 03:30", "2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z"),
            (Tz::Europe__Kyiv, "2026-03-29T03:59:59", "2026-03-29T01:00:00Z", "2026-03-29T01:00:00Z"),
            (Tz::Africa__Cairo, "2026-04-24", "2026-04-23T22:00:00Z", "2026-04-24T20:59:59Z"),
            (Tz::Africa__Cairo, "2026-04-23", "2026-04-22T22:00:00Z", "2026-04-23T21:59:59Z"),
            (Tz::Pacific__Apia, "2011-12-30", "2011-12-30T10:00:00Z", "2011-12-30T09:59:59Z"),
            (Tz::America__St_Johns, "2010-11-06", "2010-11-06T02:30:00Z", "2010-11-07T03:29:59Z"),
        ] {
            assert_eq!(Time::parse_in(text, zone, End::From), Some(second(from)), "{text}");
            assert_eq!(Time::parse_in(text, zone, End::To), Some(second(to)), "{text}");
        }
    }

    #[test]
    fn a_fraction_counts_as_it_is() {
        let half = Time::parse("2026-01-01T12:46:15.50Z").unwrap();
        assert_eq!((half.second(), half.first_second()), (SEED, SEED + 1));
        assert!(Time::at(SEED) < half && half < Time::at(SEED + 1));
        assert!(half < Time::parse("2026-01-01T12:46:15.5000000000000000001Z").unwrap());
        assert!(Time::parse("2026-01-01T12:46:15.45Z").unwrap() < half);
        assert_eq!(Time::parse("1767271575500"), Some(half));
    }

    #[test]
    fn seconds_are_written_in_both_forms() {
        assert_eq!(sent(SEED), "2026-01-01 12:46:15");
        assert_eq!(rfc3339(SEED), "2026-01-01T12:46:15Z");
    }
}
