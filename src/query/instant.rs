//! Instants as callers write them, kept exactly: whole seconds and the digits of the fraction.

use std::cmp::Ordering;

use jiff::civil::{Date, DateTime, Time};
use jiff::tz::{Offset, TimeZone};

use super::zone::{self, Edge};

/// First second after the last year that a request may name (2105).
const END: i64 = 4_291_747_200;

/// An instant between 1970 and 2105, exact to the digit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Instant {
    seconds: i64,
    /// Digits after the point, without trailing zeros: compared as text they compare as numbers.
    fraction: Box<str>,
}

impl Instant {
    /// Reads a time as [`Instant::parse_in`] does, with UTC as the zone of one without a zone and a date alone as its
    /// first second.
    pub fn parse(text: &str) -> Option<Self> {
        Self::parse_in(text, &TimeZone::UTC, Edge::From)
    }

    /// Reads RFC 3339, epoch seconds (10 digits) or milliseconds (13 digits), or in `zone` `YYYY-MM-DD`,
    /// `YYYY-MM-DD hh:mm[:ss]` and `YYYY-MM-DDThh:mm[:ss]`. `None` for anything else, second 60, hour 24 and years outside
    /// 1970–2105 after conversion to UTC.
    ///
    /// The edge of the window decides what a date alone is, and which of two instants a doubled wall-clock time is.
    pub fn parse_in(text: &str, zone: &TimeZone, edge: Edge) -> Option<Self> {
        let digits = text.bytes().all(|b| b.is_ascii_digit());
        let (seconds, fraction) = match text.len() {
            10 if digits => (text.parse().ok()?, ""),
            13 if digits => (text.get(..10)?.parse().ok()?, text.get(10..)?),
            _ => parse_calendar(text, zone, edge)?,
        };
        let fraction = fraction.trim_end_matches('0').into();
        (0..END).contains(&seconds).then_some(Self { seconds, fraction })
    }

    /// The beginning of a second; `None` for years outside 1970–2105.
    pub fn at(second: i64) -> Option<Self> {
        (0..END).contains(&second).then(|| Self { seconds: second, fraction: "".into() })
    }

    /// The second that holds the instant.
    pub fn floor(&self) -> i64 {
        self.seconds
    }

    /// The first whole second that is not before the instant.
    pub fn ceil(&self) -> i64 {
        self.seconds + i64::from(!self.fraction.is_empty())
    }

    /// True if the instant lies after the given one.
    pub fn is_after(&self, now: time::OffsetDateTime) -> bool {
        let nanos = format!("{:09}", now.nanosecond());
        let now = Self { seconds: now.unix_timestamp(), fraction: nanos.trim_end_matches('0').into() };
        *self > now
    }
}

impl PartialOrd for Instant {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Instant {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.seconds, &self.fraction).cmp(&(other.seconds, &other.fraction))
    }
}

/// Takes the text apart from the left; what remains must be an offset or nothing.
fn parse_calendar<'a>(text: &'a str, zone: &TimeZone, edge: Edge) -> Option<(i64, &'a str)> {
    let (year, rest) = number(text, 4)?;
    let (month, rest) = small(rest.strip_prefix('-')?)?;
    let (day, rest) = small(rest.strip_prefix('-')?)?;
    let date = Date::new(i16::try_from(year).ok()?, month, day).ok()?;
    if rest.is_empty() {
        return Some((zone::of_date(zone, date, edge), ""));
    }
    let (hour, rest) = small(rest.strip_prefix(['T', 't', ' '])?)?;
    let (minute, rest) = small(rest.strip_prefix(':')?)?;
    let (second, rest) = match rest.strip_prefix(':') {
        Some(rest) => small(rest)?,
        None if rest.is_empty() => (0, rest),
        None => return None,
    };
    let local = DateTime::from_parts(date, Time::new(hour, minute, second, 0).ok()?);
    if rest.is_empty() {
        return Some((zone::of_wall_clock(zone, local, edge), ""));
    }
    let (fraction, rest) = match rest.strip_prefix('.') {
        Some(rest) => {
            let end = rest.find(|c: char| !c.is_ascii_digit())?;
            if end == 0 {
                return None;
            }
            rest.split_at(end)
        }
        None => ("", rest),
    };
    Some((offset(rest)?.to_timestamp(local).ok()?.as_second(), fraction))
}

/// `Z`, `±hh:mm`; a blank is a `+` that a query string has swallowed.
fn offset(text: &str) -> Option<Offset> {
    if matches!(text, "Z" | "z") {
        return Some(Offset::UTC);
    }
    let sign = match text.as_bytes().first()? {
        b'+' | b' ' => 1,
        b'-' => -1,
        _ => return None,
    };
    let (hours, rest) = number(text.get(1..)?, 2)?;
    let (minutes, rest) = number(rest.strip_prefix(':')?, 2)?;
    if !rest.is_empty() || hours > 23 || minutes > 59 {
        return None;
    }
    Offset::from_seconds(sign * (i32::from(hours) * 3600 + i32::from(minutes) * 60)).ok()
}

/// A number of two digits, and what follows it.
fn small(text: &str) -> Option<(i8, &str)> {
    let (number, rest) = number(text, 2)?;
    Some((i8::try_from(number).ok()?, rest))
}

/// Exactly `digits` ASCII digits, and what follows them.
fn number(text: &str, digits: usize) -> Option<(u16, &str)> {
    let head = text.get(..digits).filter(|head| head.bytes().all(|b| b.is_ascii_digit()))?;
    Some((head.parse().ok()?, text.get(digits..)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(text: &str) -> Option<i64> {
        Instant::parse(text).map(|t| t.floor())
    }

    #[test]
    fn every_accepted_form_reads() {
        let noon = Some(1_767_271_575);
        for text in [
            "2026-01-01T12:46:15Z",
            "2026-01-01t12:46:15z",
            "2026-01-01 12:46:15Z",
            "2026-01-01T12:46:15.000Z",
            "2026-01-01T14:46:15+02:00",
            "2026-01-01T14:46:15 02:00",
            "2026-01-01T07:16:15-05:30",
            "2026-01-01 12:46:15",
            "2026-01-01T12:46:15",
            "1767271575",
            "1767271575123",
        ] {
            assert_eq!(seconds(text), noon, "{text}");
        }
        assert_eq!(seconds("2026-01-01 12:46"), Some(1_767_271_560));
        assert_eq!(seconds("2026-01-01"), Some(1_767_225_600));
        assert_eq!(seconds("1969-12-31T23:00:00-01:00"), Some(0));
    }

    #[test]
    fn everything_else_is_refused() {
        for text in [
            "",
            " ",
            "now",
            "2026-1-1",
            "2026-13-01",
            "2026-02-30",
            "2026-01-01T24:00:00Z",
            "2026-01-01T12:46:60Z",
            "2026-01-01T12",
            "2026-01-01T12:46Z",
            "2026-01-01T12:46:15.Z",
            "2026-01-01T12:46:15.5",
            "2026-01-01Z",
            "2026-01-01T12:46:15+2:00",
            "2026-01-01T12:46:15+0200",
            "2026-01-01T12:46:15+24:00",
            "176727157",
            "17672715751",
            "+767271575",
            "1969-12-31T23:59:59.9Z",
            "2106-01-01",
            "2105-12-31T23:59:59-01:00",
            "2026-01-01T12:46:15Zx",
            " 2026-01-01",
            "２０２６-01-01",
            "2026-01-01T12:46:15\u{2212}02:00",
        ] {
            assert_eq!(Instant::parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn an_edge_decides_what_a_date_and_a_doubled_time_are() {
        let kyiv = zone::find("Europe/Kyiv").unwrap();
        for (text, from, to) in [
            ("2026-10-25", "2026-10-24T21:00:00Z", "2026-10-25T21:59:59Z"),
            ("2026-10-25 03:30", "2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z"),
            ("2026-03-29T03:30:00", "2026-03-29T01:00:00Z", "2026-03-29T01:00:00Z"),
            ("2026-03-29 03:30:00+01:00", "2026-03-29T02:30:00Z", "2026-03-29T02:30:00Z"),
            ("9999-12-31", "", ""),
            ("9999-12-31 23:59:59", "", ""),
            ("0000-01-01", "", ""),
        ] {
            assert_eq!(Instant::parse_in(text, &kyiv, Edge::From), Instant::parse(from), "{text}");
            assert_eq!(Instant::parse_in(text, &kyiv, Edge::To), Instant::parse(to), "{text}");
        }
    }

    #[test]
    fn fractions_are_compared_as_they_are() {
        let at = |text: &str| Instant::parse(text).unwrap();
        let half = at("2026-01-01T10:01:00.5Z");
        assert_eq!((half.floor() + 1, half.ceil() - half.floor()), (half.ceil(), 1));
        assert!(at("2026-01-01T10:01:00.45Z") < half);
        assert!(at("2026-01-01T10:01:00.4999999999999999999999Z") < half);
        assert_eq!(at("2026-01-01T10:01:00.500Z"), half);
        assert_eq!(at("2026-01-01T10:01:00.000Z").ceil(), half.floor());
        assert_eq!(at("1767271575123"), at("2026-01-01T12:46:15.123Z"));
    }
}
