//! Sums and differences of two fields: of times, durations and numbers, exact.

use super::duration::{self, Unit};
use super::moment::{self, Moment, OTHER_FORM, Spelling};
use super::number::{ExactNumber, Rounding};

/// The direction in which a second column counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sign {
    /// Added.
    Plus,
    /// Taken away.
    Minus,
}

/// Billionths of billionths: digits after the point of a sum.
const SCALE: u32 = 18;

fn exact(number: ExactNumber, scale: u32) -> Result<i128, String> {
    number.scaled(scale, Rounding::HalfUp).map(|(whole, _)| whole).ok_or_else(|| "out of range".to_owned())
}

/// A time and a duration.
pub fn shifted(
    time: &str,
    sign: Sign,
    by: &str,
    unit: Option<Unit>,
    times: &Spelling,
) -> Result<Option<String>, String> {
    let Moment::At { seconds, nanos, .. } = moment::parse(time, times)? else { return Ok(None) };
    let by = exact(duration::parse(by, unit.unwrap_or(Unit::Seconds))?, 9)?;
    let at = i128::from(seconds) * 1_000_000_000 + i128::from(nanos);
    let sum = if sign == Sign::Plus { at.checked_add(by) } else { at.checked_sub(by) }.ok_or("out of range")?;
    let time = jiff::Timestamp::from_nanosecond(sum).map_err(|_far| "out of range".to_owned())?;
    // With its offset: a form of the mapping's that ends in Z would read it in the file's zone.
    Ok(Some(time.to_string().replacen('Z', "+00:00", 1)))
}

/// Two times, whose difference is in seconds, or two durations or numbers.
pub fn combined(a: &str, sign: Sign, b: &str, unit: Option<Unit>, times: &Spelling) -> Result<Option<String>, String> {
    let (first, second) = (moment::parse(a, times), moment::parse(b, times));
    // Digits that are no time of the mapping's form, and too many for a duration.
    let is_refused = |moment: &Result<Moment, &str>, text: &str| *moment == Err(OTHER_FORM) && text.len() > 8;
    if is_refused(&first, a) || is_refused(&second, b) {
        return Err(OTHER_FORM.to_owned());
    }
    // Two zeros are numbers as well as dates that stand for none: in both cases nothing is between them.
    let nanos = |moment| match moment {
        Moment::At { seconds, nanos, .. } => Some(i128::from(seconds) * 1_000_000_000 + i128::from(nanos)),
        Moment::Zero => None,
    };
    let is_time = |moment: &Result<Moment, _>| matches!(moment, Ok(Moment::At { .. }));
    let (whole, scale) = if is_time(&first) || is_time(&second) {
        let (Some(first), Some(second)) = (nanos(first?), nanos(second?)) else { return Ok(None) };
        match sign {
            Sign::Plus => return Err("two times cannot be added".to_owned()),
            Sign::Minus if first < second => return Err("ends before it begins".to_owned()),
            Sign::Minus => (first - second, 9),
        }
    } else {
        let number = |text| exact(duration::parse(text, unit.unwrap_or(Unit::Seconds))?, SCALE);
        let (first, second) = (number(a)?, number(b)?);
        let sum = if sign == Sign::Plus { first.checked_add(second) } else { first.checked_sub(second) };
        (sum.ok_or("out of range")?, SCALE)
    };
    let (sign, digits) = (if whole < 0 { "-" } else { "" }, whole.unsigned_abs());
    let one = 10_u128.pow(scale);
    Ok(Some(format!("{sign}{}.{:0width$}", digits / one, digits % one, width = scale as usize)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_and_differences_are_exact() {
        let utc = Spelling::of(jiff::tz::TimeZone::UTC);
        let time = |a, sign, b, unit| shifted(a, sign, b, unit, &utc);
        let some = |text: &str| Ok(Some(text.to_owned()));
        assert_eq!(time("2026-03-07 10:00:00", Sign::Plus, "90.25", None), some("2026-03-07T10:01:30.25+00:00"));
        assert_eq!(time("1772877600", Sign::Minus, "1m", Some(Unit::Go)), some("2026-03-07T09:59:00+00:00"));
        assert_eq!(time("0", Sign::Plus, "90", None), Ok(None));
        assert!(time("2026-03-07 10:00:00", Sign::Plus, "soon", None).is_err());
        let number = |a, sign, b, unit| combined(a, sign, b, unit, &utc);
        assert_eq!(number("1772877600250000", Sign::Minus, "1772877600000000", None), some("0.250000000"));
        assert_eq!(number("2026-03-07 10:01:00", Sign::Minus, "2026-03-07 10:00:00", None), some("60.000000000"));
        assert_eq!(number("1772877600", Sign::Minus, "0", None), Ok(None));
        assert_eq!(number("500", Sign::Plus, "250", Some(Unit::Milliseconds)), some("0.750000000000000000"));
        assert_eq!(number("0.1", Sign::Minus, "0.3", None), some("-0.200000000000000000"));
        assert_eq!(number("0", Sign::Plus, "0", None), some("0.000000000000000000"));
        for (a, sign, b) in [
            ("1772877600", Sign::Minus, "1772877601"),
            ("1772877600", Sign::Plus, "1772877601"),
            ("1772877600", Sign::Minus, "x"),
            ("x", Sign::Plus, "1"),
        ] {
            assert!(number(a, sign, b, None).is_err(), "{a} {sign:?} {b}");
        }
    }
}
