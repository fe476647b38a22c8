//! Numbers and times of one text.

use super::column::ColumnType;
use super::duration::{self, Unit};
use super::moment::{self, Epoch, Moment};
use super::number::ExactNumber;
use super::value::{Fault, Notes, Style};

/// The reason for which [`is_cut`] numbers are refused.
pub const CUT: &str = "digits are lost in a number such as 1.2E+11";

/// True for a number of twelve digits or more as spreadsheets show them, with no more than six; text needs its plus.
pub fn is_cut(text: &str, needs_plus: bool) -> bool {
    let bytes = text.as_bytes();
    if bytes.len() > 24 || !bytes.first().is_some_and(|first| first.is_ascii_digit() || matches!(first, b'-' | b'+')) {
        return false;
    }
    let Some(at) = memchr::memchr2(b'e', b'E', bytes) else { return false };
    let (mantissa, power) = (&text[..at], &text[at + 1..]);
    let (power, plus) = power.strip_prefix('+').map_or((power, false), |power| (power, true));
    let mantissa = mantissa.trim_start_matches(['-', '+']);
    let (whole, fraction) = mantissa.split_once(['.', ',']).unwrap_or((mantissa, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let is_number = whole.len() == 1 && digits(whole) && digits(fraction) && digits(power) && !power.is_empty();
    is_number && (plus || !needs_plus) && power.parse::<u64>().map_or(true, |power| power >= 11)
}

/// The reason for which a text is no number that somebody dialled, if it is a number that a program has made of one, with the
/// file's decimal mark.
pub fn not_dialled(text: &str, decimal_comma: bool) -> Option<&'static str> {
    let unsigned = text.trim().trim_start_matches(['-', '+']);
    if !matches!(unsigned.as_bytes().first()?, b'0'..=b'9' | b'.') {
        return None;
    }
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let are = |text: &str, is: fn(&u8) -> bool| text.as_bytes().iter().all(is);
    // Some write 555.1234 for a number, nobody 5551234.00 nor .5.
    let is_fraction = |(whole, fraction): (&str, &str)| match whole {
        "" => are(fraction, u8::is_ascii_digit),
        whole => are(whole, u8::is_ascii_digit) && are(fraction, |byte| *byte == b'0'),
    };
    let has_comma =
        decimal_comma && unsigned.split_once(',').is_some_and(|parts| !parts.0.is_empty() && is_fraction(parts));
    if has_comma || unsigned.split_once('.').is_some_and(is_fraction) {
        return Some("a decimal fraction, which has no plus and no zeros before it: write the column as text");
    }
    let (mantissa, power) = unsigned.split_once(['e', 'E'])?;
    let (whole, fraction) = mantissa.split_once(['.', ',']).unwrap_or((mantissa, "0"));
    let is_number = digits(whole) && (fraction.is_empty() || digits(fraction));
    (is_number && digits(power.strip_prefix(['-', '+']).unwrap_or(power))).then_some(CUT)
}

/// Writes a binary fraction.
pub(super) fn float(text: &str, bytes: usize, style: &Style, out: &mut Vec<u8>) -> Result<(), Fault> {
    let factor = match style.unit {
        None | Some(Unit::Seconds) => 1.0,
        Some(Unit::Milliseconds) => 1e3,
        Some(Unit::Microseconds) => 1e6,
        Some(Unit::Nanoseconds) => 1e9,
        Some(unit @ (Unit::Clock | Unit::Go | Unit::Iso)) => {
            let (nanos, _) = duration::parse(text, unit)?.scaled(9, style.rounding).ok_or("out of range")?;
            let plain = Style { unit: Some(Unit::Nanoseconds), ..style.clone() };
            return float(&nanos.to_string(), bytes, &plain, out);
        }
    };
    // Checks the spelling: f64's own also takes `inf` and `nan`.
    ExactNumber::parse(text)?;
    if bytes == 4 && style.unit.is_none() {
        // Straight from the text: by way of f64 it would be rounded twice.
        let number: f32 = text.parse().map_err(|_not| "not a number")?;
        if !number.is_finite() {
            return Err("out of range of 32-bit fractions".into());
        }
        out.extend_from_slice(&number.to_le_bytes());
        return Ok(());
    }
    let number = text.parse::<f64>().map_err(|_not| "not a number")? / factor;
    if bytes == 4 {
        let narrow = number as f32;
        if !narrow.is_finite() {
            return Err("out of range of 32-bit fractions".into());
        }
        out.extend_from_slice(&narrow.to_le_bytes());
        return Ok(());
    }
    if !number.is_finite() {
        return Err("out of range of 64-bit fractions".into());
    }
    out.extend_from_slice(&number.to_le_bytes());
    Ok(())
}

/// Writes a time.
pub(super) fn time(
    kind: &ColumnType,
    text: &str,
    style: &Style,
    notes: &mut Notes,
    out: &mut Vec<u8>,
) -> Result<(), Fault> {
    let midnight;
    // A date is enough for a column of dates.
    let text = if *kind == ColumnType::Day && text.len() == 10 && text.bytes().any(|byte| !byte.is_ascii_digit()) {
        midnight = format!("{text}T00:00:00Z");
        &midnight
    } else {
        text
    };
    let Moment::At { seconds, nanos, epoch } = moment::parse(text, &style.times)? else { return Err(Fault::Zero) };
    if let Some(epoch) = epoch {
        notes.epochs[match epoch {
            Epoch::Seconds => 0,
            Epoch::Milliseconds => 1,
            Epoch::Microseconds => 2,
            Epoch::Nanoseconds => 3,
        }] += 1;
    }
    let unsigned = u64::try_from(seconds).unwrap_or(0);
    match kind {
        ColumnType::Day => out.extend_from_slice(&(unsigned / 86_400).to_le_bytes()[..2]),
        ColumnType::Ticks(digits) => {
            let ticks = seconds * 10_i64.pow(*digits) + i64::from(nanos / 10_u32.pow(9 - digits));
            out.extend_from_slice(&ticks.to_le_bytes());
        }
        _ => out.extend_from_slice(&unsigned.to_le_bytes()[..4]),
    }
    Ok(())
}

/// Plain digits, the usual case.
pub fn integer(text: &str) -> Option<i128> {
    let (negative, digits) = match text.as_bytes() {
        [b'-', rest @ ..] => (true, rest),
        rest => (false, rest),
    };
    if digits.is_empty() || digits.len() > 18 {
        return None;
    }
    let mut number = 0_i64;
    for digit in digits {
        if !digit.is_ascii_digit() {
            return None;
        }
        number = number * 10 + i64::from(digit - b'0');
    }
    Some(i128::from(if negative { -number } else { number }))
}

/// The number of a word for yes or no.
pub fn truth(text: &str) -> Option<i128> {
    let one_of = |words: [&str; 4]| words.iter().any(|word| word.eq_ignore_ascii_case(text));
    if one_of(["t", "true", "y", "yes"]) {
        Some(1)
    } else if one_of(["f", "false", "n", "no"]) {
        Some(0)
    } else {
        None
    }
}
