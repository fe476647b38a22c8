//! Instants as callers write them, kept exactly: whole seconds and the digits of the fraction.

use std::cmp::Ordering;

use time::{Date, Month, PrimitiveDateTime, Time, UtcOffset};

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
    /// Reads RFC 3339, `YYYY-MM-DD`, `YYYY-MM-DD hh:mm[:ss]`, `YYYY-MM-DDThh:mm[:ss]` (these as UTC), epoch seconds (10
    /// digits) or milliseconds (13 digits). `None` for anything else, second 60, hour 24 and years outside 1970–2105
    /// after conversion to UTC.
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.bytes().all(|b| b.is_ascii_digit());
        let (seconds, fraction) = match text.len() {
            10 if digits => (text.parse().ok()?, ""),
            13 if digits => (text.get(..10)?.parse().ok()?, text.get(10..)?),
            _ => parse_calendar(text)?,
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

    /// Whether the instant lies after the given one.
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
fn parse_calendar(text: &str) -> Option<(i64, &str)> {
    let (year, rest) = number(text, 4)?;
    let (month, rest) = number(rest.strip_prefix('-')?, 2)?;
    let (day, rest) = number(rest.strip_prefix('-')?, 2)?;
    let date = Date::from_calendar_date(
        i32::from(year),
        Month::try_from(u8::try_from(month).ok()?).ok()?,
        u8::try_from(day).ok()?,
    )
    .ok()?;
    if rest.is_empty() {
        return Some((PrimitiveDateTime::new(date, Time::MIDNIGHT).assume_utc().unix_timestamp(), ""));
    }
    let (hour, rest) = number(rest.strip_prefix(['T', 't', ' '])?, 2)?;
    let (minute, rest) = number(rest.strip_prefix(':')?, 2)?;
    let (second, rest) = match rest.strip_prefix(':') {
        Some(rest) => number(rest, 2)?,
        None if rest.is_empty() => (0, rest),
        None => return None,
    };
    let time = Time::from_hms(u8::try_from(hour).ok()?, u8::try_from(minute).ok()?, u8::try_from(second).ok()?).ok()?;
    let local = PrimitiveDateTime::new(date, time);
    if rest.is_empty() {
        return Some((local.assume_utc().unix_timestamp(), ""));
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
    Some((local.assume_offset(offset(rest)?).unix_timestamp(), fraction))
}

/// `Z`, `±hh:mm`; a blank is a `+` that a query string has swallowed.
fn offset(text: &str) -> Option<UtcOffset> {
    if matches!(text, "Z" | "z") {
        return Some(UtcOffset::UTC);
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
    UtcOffset::from_whole_seconds(sign * (i32::from(hours) * 3600 + i32::from(minutes) * 60)).ok()
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
