//! Durations as files spell them, read as exact seconds.

use super::number::ExactNumber;

/// The unit of a duration, or its spelling.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
pub enum Unit {
    /// Seconds, with a fraction or without.
    #[serde(rename = "s")]
    Seconds,
    /// Thousandths.
    #[serde(rename = "ms")]
    Milliseconds,
    /// Millionths.
    #[serde(rename = "us")]
    Microseconds,
    /// Billionths.
    #[serde(rename = "ns")]
    Nanoseconds,
    /// `1:02:03` or `02:03`.
    #[serde(rename = "hh:mm:ss")]
    Clock,
    /// `1m30s` as Go writes it; plain digits are nanoseconds.
    #[serde(rename = "go")]
    Go,
    /// `PT1M30S` of ISO 8601.
    #[serde(rename = "iso")]
    Iso,
}

/// Seconds that a text stands for.
pub fn parse(text: &str, unit: Unit) -> Result<ExactNumber, String> {
    let shifted = |power| Ok(ExactNumber::parse(text)?.shifted(power));
    match unit {
        Unit::Seconds => shifted(0),
        Unit::Milliseconds => shifted(-3),
        Unit::Microseconds => shifted(-6),
        Unit::Nanoseconds => shifted(-9),
        Unit::Clock => clock(text),
        Unit::Go => go(text),
        Unit::Iso => iso(text).ok_or_else(|| "not a duration such as PT1M30S".to_owned()),
    }
}

/// `1:02:03`, `02:03`, `02:03.5`.
fn clock(text: &str) -> Result<ExactNumber, String> {
    let no_clock = || "not a duration such as 1:02:03".to_owned();
    let (whole, fraction) = text.split_once('.').map_or((text, None), |(whole, rest)| (whole, Some(rest)));
    let mut parts: Vec<u64> = Vec::new();
    for part in whole.split(':') {
        let digits = (1..=9).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit());
        parts.push(part.parse().ok().filter(|_| digits).ok_or_else(no_clock)?);
    }
    let seconds = match parts[..] {
        [minutes, seconds] if seconds < 60 => minutes * 60 + seconds,
        [hours, minutes, seconds] if minutes < 60 && seconds < 60 => hours * 3600 + minutes * 60 + seconds,
        _ => return Err(no_clock()),
    };
    match fraction {
        None => ExactNumber::parse(&seconds.to_string()),
        Some(digits) if !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()) => {
            ExactNumber::parse(&format!("{seconds}.{digits}"))
        }
        Some(_) => Err(no_clock()),
    }
}

/// `1h2m3.5s`, `900ms`, `0s`, or digits, which are nanoseconds.
fn go(text: &str) -> Result<ExactNumber, String> {
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        let nanos = ExactNumber::parse(text)?;
        // Before durations had a unit they were seconds. Nobody calls for microseconds.
        return if text.len() > 6 || text.bytes().all(|byte| byte == b'0') {
            Ok(nanos.shifted(-9))
        } else {
            Err("less than a millisecond, if it is nanoseconds: say unit = \"s\" if it is seconds".to_owned())
        };
    }
    let units = [("h", 3_600_000_000_000), ("ms", 1_000_000), ("m", 60_000_000_000), ("s", 1_000_000_000)];
    let more = [("us", 1_000), ("µs", 1_000), ("μs", 1_000), ("ns", 1)];
    let (negative, rest) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
    parts(rest, &[&units[..], &more[..]].concat(), negative)
        .ok_or_else(|| "not a duration such as 1m30s or 90000000000".to_owned())
}

/// `PT1H2M3.5S`.
fn iso(text: &str) -> Option<ExactNumber> {
    let units = [("H", 3_600_000_000_000), ("M", 60_000_000_000), ("S", 1_000_000_000)];
    parts(text.strip_prefix("PT")?, &units, false)
}

/// Numbers, each followed by its unit; units in nanoseconds. Each unit comes at most once, the larger before the smaller.
fn parts(text: &str, units: &[(&str, i128)], negative: bool) -> Option<ExactNumber> {
    let (mut rest, mut nanos, mut last) = (text, 0_i128, i128::MAX);
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let length = rest.bytes().take_while(|byte| byte.is_ascii_digit() || *byte == b'.').count();
        let (number, tail) = rest.split_at(length);
        let letters = tail.find(|char: char| char.is_ascii_digit()).unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(letters);
        let (_, factor) = units.iter().find(|(name, _)| *name == unit)?;
        if !number.starts_with(|first: char| first.is_ascii_digit()) || *factor >= last || length > 20 {
            return None;
        }
        let (value, _) = ExactNumber::parse(number).ok()?.scaled(9, super::number::Rounding::HalfUp)?;
        nanos = nanos.checked_add(value.checked_mul(*factor)? / 1_000_000_000)?;
        (last, rest) = (*factor, tail);
    }
    let sign = if negative && nanos > 0 { "-" } else { "" };
    ExactNumber::parse(&format!("{sign}{nanos}")).ok().map(|number| number.shifted(-9))
}

#[cfg(test)]
mod tests {
    use super::super::number::Rounding;
    use super::*;

    fn millis(text: &str, unit: Unit) -> Option<i128> {
        parse(text, unit).ok()?.scaled(3, Rounding::HalfUp).map(|(number, _)| number)
    }

    #[test]
    fn durations_are_read_in_each_spelling() {
        for (text, unit, wanted) in [
            ("25.41", Unit::Seconds, 25_410),
            ("25410", Unit::Milliseconds, 25_410),
            ("25410000", Unit::Microseconds, 25_410),
            ("1:02:03", Unit::Clock, 3_723_000),
            ("02:03", Unit::Clock, 123_000),
            ("00:00:25.41", Unit::Clock, 25_410),
            ("1m30s", Unit::Go, 90_000),
            ("1h0m0.5s", Unit::Go, 3_600_500),
            ("900ms", Unit::Go, 900),
            ("0s", Unit::Go, 0),
            ("0", Unit::Go, 0),
            ("10000000000", Unit::Go, 10_000),
            ("-1m30s", Unit::Go, -90_000),
            ("PT1M30S", Unit::Iso, 90_000),
            ("PT0S", Unit::Iso, 0),
            ("PT1H0.25S", Unit::Iso, 3_600_250),
        ] {
            assert_eq!(millis(text, unit), Some(wanted), "{text}");
        }
    }

    #[test]
    fn other_spellings_are_refused() {
        for (text, unit) in [
            ("1:60", Unit::Clock),
            ("1:2:3:4", Unit::Clock),
            ("90", Unit::Clock),
            ("1:30.", Unit::Clock),
            ("1:30.x", Unit::Clock),
            ("10", Unit::Go),
            ("1m30", Unit::Go),
            ("30s1m", Unit::Go),
            ("1m1m", Unit::Go),
            ("m", Unit::Go),
            ("1d", Unit::Go),
            ("1.2.3s", Unit::Go),
            ("", Unit::Go),
            ("PT", Unit::Iso),
            ("P1D", Unit::Iso),
            ("PT1m", Unit::Iso),
            ("1M", Unit::Iso),
            ("1,5", Unit::Seconds),
        ] {
            assert!(parse(text, unit).is_err(), "{text}");
        }
    }
}
