//! Times as files spell them. One spelling, one instant: what could be two is refused.

use jiff::civil::DateTime;
use jiff::tz::{AmbiguousOffset, Offset, TimeZone};

use super::form::TimeForm;
use crate::odd::YEAR_1990;

/// In which order dates with slashes or dots are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DateOrder {
    /// 31/12/2026
    Dmy,
    /// 12/31/2026
    Mdy,
}

/// The spelling of times.
#[derive(Clone, Debug)]
pub struct Spelling {
    /// A form of times besides the usual ones.
    pub form: Option<TimeForm>,
    /// `None`: dates that need it are refused.
    pub order: Option<DateOrder>,
    /// Of times that name none; an unknown one refuses them.
    pub zone: TimeZone,
    /// Seconds since 1970 beyond which a number is no time of a call.
    pub latest: i64,
}

impl Spelling {
    /// The usual one, in a zone, with numbers of any time.
    pub fn of(zone: TimeZone) -> Self {
        Self { form: None, order: None, zone, latest: i64::MAX }
    }
}

/// A unit of epochs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Epoch {
    /// 10 digits today.
    Seconds,
    /// 13 digits.
    Milliseconds,
    /// 16 digits.
    Microseconds,
    /// 19 digits.
    Nanoseconds,
}

/// The meaning of a text as a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// `0`, `0000-00-00 00:00:00`, the epoch itself: no time.
    Zero,
    /// Since 1970, in UTC.
    At {
        /// Whole seconds.
        seconds: i64,
        /// The nanoseconds behind them.
        nanos: u32,
        /// The unit, of numbers.
        epoch: Option<Epoch>,
    },
}

/// The first second after which 32 bits do not hold.
pub const END: i64 = 1 << 32;

/// The reason to refuse what begins as a mapping's form does and is not of it: a day or a digit out of place would make another
/// time of it.
pub const OTHER_FORM: &str = "not of the form that time_format gives";

/// Reads a time.
pub fn parse(text: &str, spelling: &Spelling) -> Result<Moment, &'static str> {
    let Some(form) = &spelling.form else { return usual(text, spelling) };
    if let Some(moment) = form.read(text, spelling) {
        return moment;
    }
    match usual(text, spelling) {
        Ok(Moment::Zero) => Ok(Moment::Zero),
        _ if form.is_like(text) => Err(OTHER_FORM),
        usual => usual,
    }
}

/// Reads a time of the usual spellings.
pub(super) fn usual(text: &str, spelling: &Spelling) -> Result<Moment, &'static str> {
    if text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') && text.matches('.').count() < 2 {
        return number(text, spelling.latest);
    }
    let (date, rest) = date(text, spelling.order)?;
    let (time, nanos, rest) = clock(rest)?;
    // Go's and .NET's time that was never set is the first instant of year 1.
    let is_unset = date == (1, 1, 1) && time == [0, 0, 0] && nanos == 0;
    // The epoch's own date and time, where no zone is named, are none in any zone.
    let is_epoch = date == (1970, 1, 1) && time == [0, 0, 0] && rest.trim().is_empty();
    if date == (0, 0, 0) || text.starts_with("0000-00-00") || is_unset || is_epoch {
        return Ok(Moment::Zero);
    }
    let [hour, minute, second] = time;
    let civil =
        DateTime::new(date.0, date.1, date.2, hour, minute, second, 0).map_err(|_odd| "no such date or time")?;
    instant(civil, nanos, offset(rest.trim())?, &spelling.zone)
}

/// The instant of a civil time, by its own offset or the zone's.
pub(super) fn instant(
    civil: DateTime,
    nanos: u32,
    offset: Option<i64>,
    zone: &TimeZone,
) -> Result<Moment, &'static str> {
    let local = Offset::UTC.to_timestamp(civil).map_err(|_odd| "no such date or time")?.as_second();
    let seconds = match offset {
        Some(offset) => local - offset,
        None if zone.is_unknown() => return Err("a time without a zone: name it with --time-zone"),
        None if *zone == TimeZone::UTC => local,
        None => {
            let there = zone.to_ambiguous_timestamp(civil);
            match there.offset() {
                AmbiguousOffset::Unambiguous { offset } => local - i64::from(offset.seconds()),
                AmbiguousOffset::Gap { .. } => return Err("a time that clocks skip in this zone"),
                AmbiguousOffset::Fold { .. } => {
                    return Err("a time that comes twice in this zone, where clocks go back");
                }
            }
        }
    };
    match seconds {
        0 => Ok(Moment::Zero),
        1..END => Ok(Moment::At { seconds, nanos, epoch: None }),
        _ => Err("outside 1970 to 2106"),
    }
}

/// Seconds, milliseconds, microseconds or nanoseconds, by magnitude: years from 1973 to 2106 do not overlap.
/// A number that would be a time before 1990, or after `latest`, is rather a date in digits such as `260501100002`.
fn number(text: &str, latest: i64) -> Result<Moment, &'static str> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let no_epoch = "a number that is no time: epochs are seconds, ms, us or ns";
    let value: u64 = whole.parse().map_err(|_long| no_epoch)?;
    if value == 0 && fraction.bytes().all(|byte| byte == b'0') {
        return Ok(Moment::Zero);
    }
    const FROM: u64 = 100_000_000;
    const TO: u64 = END.unsigned_abs();
    for (epoch, factor) in [
        (Epoch::Seconds, 1),
        (Epoch::Milliseconds, 1_000),
        (Epoch::Microseconds, 1_000_000),
        (Epoch::Nanoseconds, 1_000_000_000),
    ] {
        if (FROM * factor..TO * factor).contains(&value) {
            let rest = value % factor * (1_000_000_000 / factor);
            let nanos = if epoch == Epoch::Seconds { nanos(fraction) } else { u32::try_from(rest).unwrap_or(0) };
            let seconds = i64::try_from(value / factor).unwrap_or(0);
            if !(YEAR_1990..=latest).contains(&seconds) {
                return Err(implausible(epoch, seconds < YEAR_1990));
            }
            return Ok(Moment::At { seconds, nanos, epoch: Some(epoch) });
        }
    }
    Err(no_epoch)
}

/// The reason for which a number that could be an epoch is none.
fn implausible(epoch: Epoch, is_early: bool) -> &'static str {
    macro_rules! as_unit {
        ($unit:literal) => {
            match is_early {
                true => concat!("as ", $unit, " before 1990: a date in digits needs a mapping with its time_format"),
                false => {
                    concat!("as ", $unit, " over a day ahead: a date in digits needs a mapping with its time_format")
                }
            }
        };
    }
    match epoch {
        Epoch::Seconds => as_unit!("seconds since 1970"),
        Epoch::Milliseconds => as_unit!("milliseconds since 1970"),
        Epoch::Microseconds => as_unit!("microseconds since 1970"),
        Epoch::Nanoseconds => as_unit!("nanoseconds since 1970"),
    }
}

type Day = (i16, i8, i8);

fn date(text: &str, order: Option<DateOrder>) -> Result<(Day, &str), &'static str> {
    let other = "not a time";
    let mark = text.bytes().find(|byte| !byte.is_ascii_digit()).ok_or(other)?;
    let mut parts = text.splitn(3, char::from(mark));
    let (first, second, rest) = match (parts.next(), parts.next(), parts.next()) {
        (Some(first), Some(second), Some(rest)) if matches!(mark, b'-' | b'/' | b'.') => (first, second, rest),
        _ => return Err(other),
    };
    let length = rest.bytes().take_while(u8::is_ascii_digit).count();
    let (third, rest) = rest.split_at(length);
    let two = |text: &str| if matches!(text.len(), 1 | 2) { text.parse::<i8>().ok() } else { None };
    let four = |text: &str| if text.len() == 4 { text.parse::<i16>().ok() } else { None };
    if let (Some(year), Some(month), Some(day)) = (four(first), two(second), two(third)) {
        // One digit for a month is no standard, but a year first leaves only one order that is in use.
        return if second.len() == 2 && third.len() == 2 { Ok(((year, month, day), rest)) } else { Err(other) };
    }
    let (Some(one), Some(two), Some(year)) = (two(first), two(second), four(third)) else { return Err(other) };
    match order {
        Some(DateOrder::Dmy) => Ok(((year, two, one), rest)),
        Some(DateOrder::Mdy) => Ok(((year, one, two), rest)),
        None => Err("day or month first? Say it with --date-order dmy or mdy"),
    }
}

/// `T10:00:00.123`, and what follows.
fn clock(text: &str) -> Result<([i8; 3], u32, &str), &'static str> {
    let Some(text) = text.strip_prefix(['T', 't', ' ']) else {
        return if text.is_empty() { Err("a date without a time of day") } else { Err("not a time") };
    };
    let pair = |text: &str| -> Option<i8> {
        let digits = text.get(..2).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))?;
        digits.parse().ok()
    };
    let hour = pair(text).ok_or("not a time")?;
    let rest = text[2..].strip_prefix(':').ok_or("not a time")?;
    let minute = pair(rest).ok_or("not a time")?;
    let rest = &rest[2..];
    let Some(seconds) = rest.strip_prefix(':') else { return Ok(([hour, minute, 0], 0, rest)) };
    let second = pair(seconds).ok_or("not a time")?;
    let rest = &seconds[2..];
    let Some(fraction) = rest.strip_prefix(['.', ',']) else { return Ok(([hour, minute, second], 0, rest)) };
    let length = fraction.bytes().take_while(u8::is_ascii_digit).count();
    let (fraction, rest) = fraction.split_at(length);
    if fraction.is_empty() { Err("not a time") } else { Ok(([hour, minute, second], nanos(fraction), rest)) }
}

/// Nanoseconds of the digits after the point; digits beyond the ninth are cut.
fn nanos(fraction: &str) -> u32 {
    fraction.bytes().chain(std::iter::repeat(b'0')).take(9).fold(0, |sum, digit| sum * 10 + u32::from(digit - b'0'))
}

/// The reason to refuse what stands for a zone and is none.
pub(super) const UNKNOWN_OFFSET: &str = "the zone after the time is unknown: Z, UTC or +hh:mm";

/// Beyond every zone that there is or was, in seconds.
pub(super) const WIDEST_OFFSET: i64 = 16 * 3600 - 60;

/// `Z`, `UTC`, `+02`, `+0200`, `+02:00`, as seconds.
fn offset(text: &str) -> Result<Option<i64>, &'static str> {
    if text.is_empty() {
        return Ok(None);
    }
    if ["Z", "z", "UTC", "GMT"].contains(&text) {
        return Ok(Some(0));
    }
    let unknown = UNKNOWN_OFFSET;
    let sign = if text.starts_with('-') { -1 } else { 1 };
    let digits: String = text.strip_prefix(['+', '-']).ok_or(unknown)?.split(':').collect();
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) || !matches!(digits.len(), 2 | 4) {
        return Err(unknown);
    }
    let (hours, minutes) = digits.split_at(2);
    let hours: i64 = hours.parse().map_err(|_not| unknown)?;
    let minutes: i64 = if minutes.is_empty() { 0 } else { minutes.parse().map_err(|_not| unknown)? };
    let seconds = hours * 3600 + minutes * 60;
    if minutes > 59 || seconds > WIDEST_OFFSET { Err(unknown) } else { Ok(Some(sign * seconds)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str, zone: &str, order: Option<DateOrder>) -> Result<Moment, &'static str> {
        parse(text, &Spelling { order, ..Spelling::of(TimeZone::get(zone).unwrap()) })
    }

    #[test]
    fn a_zone_of_the_file_holds_where_the_time_names_none() {
        let seconds = |text: &str| match at(text, "Europe/Kyiv", None) {
            Ok(Moment::At { seconds, .. }) => Ok(seconds),
            Ok(Moment::Zero) => Ok(0),
            Err(why) => Err(why),
        };
        assert_eq!(seconds("2026-07-01 10:00:00"), Ok(1_782_889_200));
        assert_eq!(seconds("2026-07-01 10:00:00Z"), Ok(1_782_900_000));
        assert!(seconds("2026-03-29 03:30:00").unwrap_err().contains("skip"));
        assert!(seconds("2026-10-25 03:30:00").unwrap_err().contains("twice"));
    }

    #[test]
    fn a_form_of_ones_own_is_read_besides_the_usual_ones() {
        let read = |text: &str, form: &str| {
            let zone = TimeZone::get("Europe/Kyiv").unwrap();
            match parse(text, &Spelling { form: Some(TimeForm::new(form).unwrap()), ..Spelling::of(zone) }) {
                Ok(Moment::At { seconds, nanos, .. }) => Ok((seconds, nanos)),
                other => Err(format!("{other:?}")),
            }
        };
        let kyiv = Ok((1_782_889_200, 0));
        assert_eq!(read("07/01/2026 10:00:00 AM", "%m/%d/%Y %I:%M:%S %p"), kyiv);
        assert_eq!(read("01-Jul-26 10:00", "%d-%b-%y %H:%M"), kyiv);
        assert_eq!(read("20260701100000", "%Y%m%d%H%M%S"), kyiv);
        assert_eq!(read("10:00:00.250 JUL 01 2026", "%H:%M:%S%.f %b %d %Y"), Ok((1_782_889_200, 250_000_000)));
        assert_eq!(read("07/01/2026 12:00:05 AM +0300", "%m/%d/%Y %I:%M:%S %p %z"), Ok((1_782_853_205, 0)));
        // A zone that the text names is the zone.
        assert_eq!(read("2026-07-01 10:00:00 America/New_York", "%F %T %Q"), Ok((1_782_914_400, 0)));
        assert_eq!(read("2026-07-01 10:00:00 +0300", "%F %T %Q"), kyiv);
        assert!(read("2026-07-01 10:00:00 Mars/Olympus", "%F %T %Q").is_err());
        // Others are read as ever.
        assert_eq!(read("2026-07-01 10:00:00", "%m/%d/%Y %I:%M:%S %p"), kyiv);
        assert_eq!(read("1782889200", "%m/%d/%Y %I:%M:%S %p"), kyiv);
        for zero in ["0000-00-00 00:00:00", "0001-01-01T00:00:00Z", "0", "00000000000000"] {
            for form in ["%Y-%m-%d %H:%M:%S", "%Y-%d-%m %H:%M:%S", "%Y%m%d%H%M%S"] {
                assert_eq!(read(zero, form), Err("Ok(Zero)".to_owned()), "{zero} {form}");
            }
        }
        // Nothing else begins so and means another day.
        assert_eq!(read("2026-07-01T10:00:00.25+03:00", "%Y-%d-%m %H:%M:%S"), Ok((1_782_889_200, 250_000_000)));
        assert_eq!(read("2026-07-01 10:00:00.250", "%F %T"), Ok((1_782_889_200, 250_000_000)));
        assert_eq!(read("1782889200", "%s"), kyiv);
        assert_eq!(read("1782889200.5", "%s%.f"), Ok((1_782_889_200, 500_000_000)));
        assert_eq!(read("20260607100059", "%Y%m%d%H%M%S"), Ok((1_780_815_659, 0)));
        assert_eq!(read("20260701100000250000", "%Y%m%d%H%M%S%f"), Ok((1_782_889_200, 250_000_000)));
        // What begins as the form does, and is not of it, is never another time.
        for (odd, form) in [
            ("1782889200", "%Y%m%d%H%M%S"),
            ("2026070110000", "%Y%m%d%H%M%S"),
            ("1312026100000", "%m%d%Y%H%M%S"),
            ("2026-03-25 10:00:00", "%Y-%d-%m %H:%M:%S"),
            ("2026-03-25 10:00:00Z", "%Y-%d-%m %H:%M:%S"),
            ("07/03/2026 130", "%d/%m/%Y %H%M"),
            ("07.03.26.13315", "%d.%m.%y.%H%M%S"),
            ("2026-07-01 10:00:60", "%Y-%m-%d %H:%M:%S"),
        ] {
            assert!(read(odd, form).is_err(), "{odd}");
        }
        for odd in ["07/01/2026 13:00:00 AM", "02/30/2026 10:00:00 AM", "07/01/2026"] {
            assert!(read(odd, "%m/%d/%Y %I:%M:%S %p").is_err(), "{odd}");
        }
    }

    #[test]
    fn numbers_of_no_calls_time_are_no_times() {
        let spelling = Spelling { latest: 1_800_000_000, ..Spelling::of(TimeZone::UTC) };
        for (text, why) in [
            ("260501100002", "as milliseconds since 1970 before 1990"),
            ("2605011000", "as seconds since 1970 over a day ahead"),
            ("631151999", "as seconds since 1970 before 1990"),
            ("1800000001", "as seconds since 1970 over a day ahead"),
            ("1800000001000000", "as microseconds since 1970 over a day ahead"),
            ("100000000000000000", "as nanoseconds since 1970 before 1990"),
        ] {
            let found = parse(text, &spelling);
            assert!(found.is_err_and(|found| found.starts_with(why)), "{text}: {found:?}");
        }
        for text in ["631152000", "1800000000.5", "1772877600123"] {
            assert!(matches!(parse(text, &spelling), Ok(Moment::At { .. })), "{text}");
        }
    }

    #[test]
    fn no_text_panics() {
        proptest::proptest!(|(text in ".*", odd in "[0-9 T:.,/+-]{0,30}")| {
            let _ = at(&text, "UTC", Some(DateOrder::Dmy));
            let _ = at(&odd, "UTC", None);
        });
    }
}
