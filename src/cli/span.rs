//! Spans of time on the command line: `90s`, `15m`, `1h`, `7d`, `2w`.

/// Units and their seconds.
const UNITS: [(char, u64); 5] = [('s', 1), ('m', 60), ('h', 3600), ('d', 86_400), ('w', 604_800)];

/// Seconds of a span with a unit; `None` for any other text.
pub fn seconds(text: &str) -> Option<u64> {
    UNITS.into_iter().find_map(|(unit, seconds)| whole(text.strip_suffix(unit)?)?.checked_mul(seconds))
}

/// A whole number without a sign.
fn whole(text: &str) -> Option<u64> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| text.parse().ok()).flatten()
}

/// The lifetime of a token: seconds, or a span with a unit.
///
/// # Errors
/// The text is neither, or the span has no second or more than a number of 32 bits.
pub fn lifetime(text: &str) -> Result<u32, String> {
    let seconds = whole(text).or_else(|| seconds(text)).and_then(|seconds| u32::try_from(seconds).ok());
    seconds.filter(|seconds| *seconds > 0).ok_or_else(|| "expected a span such as 90s, 15m, 1h, 7d or 2w".to_owned())
}

/// A span in the largest unit that it is a whole number of.
pub fn words(seconds: u64) -> String {
    let names = [("week", 604_800), ("day", 86_400), ("hour", 3600), ("minute", 60), ("second", 1)];
    let found = names.into_iter().find(|(_, unit)| seconds >= *unit && seconds.is_multiple_of(*unit));
    let (name, unit) = found.unwrap_or(("second", 1));
    let count = seconds / unit;
    format!("{count} {name}{}", if count == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_have_a_unit_and_lifetimes_may_be_seconds() {
        for (text, found) in [("90s", 90), ("15m", 900), ("1h", 3600), ("7d", 604_800), ("2w", 1_209_600)] {
            assert_eq!((seconds(text), lifetime(text)), (Some(found), Ok(found as u32)), "{text}");
        }
        assert_eq!((seconds("600"), lifetime("600")), (None, Ok(600)));
        for text in ["", "h", "-1h", "+1", "1.5h", "1 h", "1y", "99999999999w", "1h30m", "٣h"] {
            assert!(lifetime(text).is_err(), "{text}");
        }
        assert!(lifetime("0").is_err() && lifetime("0h").is_err());
    }

    #[test]
    fn words_take_the_largest_unit_that_fits() {
        for (span, text) in
            [(3600, "1 hour"), (600, "10 minutes"), (5400, "90 minutes"), (86_400, "1 day"), (7, "7 seconds")]
        {
            assert_eq!(words(span), text);
        }
        assert_eq!((words(1_209_600), words(0)), ("2 weeks".to_owned(), "0 seconds".to_owned()));
    }
}
