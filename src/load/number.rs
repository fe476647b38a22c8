//! Numbers as text: exact, and of any size until they are checked against a column.

/// A decimal number: `digits · 10^exponent`, negative or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExactNumber {
    negative: bool,
    digits: u128,
    exponent: i32,
    /// Digits followed that did not fit: whether one of them is not 0, and whether the first is 5 or above.
    more: bool,
    more_is_half: bool,
}

impl ExactNumber {
    /// Reads `-1`, `0.25`, `1e-7`. Nothing else: no separators, no `0x`, no `NaN`.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (negative, rest) = match text.as_bytes().first() {
            Some(b'-') => (true, &text[1..]),
            Some(b'+') => (false, &text[1..]),
            _ => (false, text),
        };
        let (mut digits, mut exponent, mut seen) = (0_u128, 0_i32, false);
        let (mut is_full, mut more, mut more_is_half, mut point) = (false, false, false, false);
        let mut bytes = rest.bytes().enumerate();
        for (at, byte) in bytes.by_ref() {
            match byte {
                b'0'..=b'9' => {
                    seen = true;
                    let longer = digits.checked_mul(10).and_then(|ten| ten.checked_add(u128::from(byte - b'0')));
                    match longer.filter(|_| !is_full) {
                        Some(longer) => {
                            digits = longer;
                            exponent -= i32::from(point);
                        }
                        None => {
                            more_is_half |= !is_full && byte >= b'5';
                            is_full = true;
                            more |= byte != b'0';
                            exponent = exponent.saturating_add(i32::from(!point));
                        }
                    }
                }
                b'.' if !point => point = true,
                b'e' | b'E' if seen => {
                    let power: i32 = rest[at + 1..].parse().map_err(|_not| refuse(text))?;
                    if rest[at + 1..].len() > 6 {
                        return Err(refuse(text));
                    }
                    exponent = exponent.saturating_add(power);
                    return Ok(Self { negative, digits, exponent, more, more_is_half });
                }
                _ => return Err(refuse(text)),
            }
        }
        if seen { Ok(Self { negative, digits, exponent, more, more_is_half }) } else { Err(refuse(text)) }
    }

    /// True for 0 in whatever spelling.
    pub fn is_zero(self) -> bool {
        self.digits == 0 && !self.more
    }

    /// The number times a power of ten.
    pub fn shifted(self, power: i32) -> Self {
        Self { exponent: self.exponent.saturating_add(power), ..self }
    }

    /// The number times `10^scale` as a whole number, rounded as said; true beside it where that changed it.
    /// `None` where it does not fit.
    pub fn scaled(self, scale: u32, rounding: Rounding) -> Option<(i128, bool)> {
        let power = self.exponent.saturating_add(i32::try_from(scale).ok()?);
        let (whole, rest, half) = if self.digits == 0 {
            (0, self.more, false)
        } else if power >= 0 {
            let factor = 10_u128.checked_pow(power.unsigned_abs())?;
            (self.digits.checked_mul(factor)?, self.more, self.more_is_half)
        } else {
            match 10_u128.checked_pow(power.unsigned_abs()) {
                Some(divisor) => {
                    let rest = self.digits % divisor;
                    (self.digits / divisor, rest > 0 || self.more, rest >= divisor / 2)
                }
                None => (0, true, false),
            }
        };
        let up = rest
            && match rounding {
                Rounding::HalfUp => half,
                Rounding::Up => !self.negative,
                Rounding::Down => self.negative,
            };
        let whole = i128::try_from(whole.checked_add(u128::from(up))?).ok()?;
        Some((if self.negative { -whole } else { whole }, rest))
    }
}

/// The rule for digits that a column has no room for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Rounding {
    /// To the nearest, halves away from zero.
    #[default]
    HalfUp,
    /// Towards plus infinity.
    Up,
    /// Towards minus infinity.
    Down,
}

fn refuse(text: &str) -> String {
    let is_part =
        |char: char| char.is_ascii_digit() || matches!(char, ',' | ' ' | '\'' | '_' | '.' | '-' | '+' | '\u{a0}');
    let marks = [',', ' ', '\'', '_', '\u{a0}'];
    let separated =
        text.contains(marks) && text.contains(|char: char| char.is_ascii_digit()) && text.chars().all(is_part);
    if separated { "a number with separators".to_owned() } else { "not a number".to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scaled(text: &str, scale: u32) -> Option<(i128, bool)> {
        ExactNumber::parse(text).unwrap().scaled(scale, Rounding::HalfUp)
    }

    #[test]
    fn halves_go_up_and_are_told() {
        for (text, wanted) in [
            ("0.1234565", (123_457, true)),
            ("0.12345649999999999999999999999999999999999999999999", (123_456, true)),
            ("-0.0000005", (-1, true)),
            ("1e-7", (0, true)),
            ("0.1", (100_000, false)),
            ("1e3", (1_000_000_000, false)),
            ("0.30000000000000004", (300_000, true)),
            ("000.250000000", (250_000, false)),
            ("0e9999", (0, false)),
        ] {
            assert_eq!(scaled(text, 6), Some(wanted), "{text}");
        }
    }

    #[test]
    fn every_digit_of_128_bits_counts() {
        assert_eq!(scaled("170141183460469231731687303715884105727", 0), Some((i128::MAX, false)));
        assert_eq!(scaled("170141183460469231731687303715884105728", 0), None);
        let nines = "999999999999999999.99999999999999999999";
        assert_eq!(scaled(nines, 20), Some((10_i128.pow(38) - 1, false)));
        assert_eq!(scaled(&format!("{nines}4"), 20), Some((10_i128.pow(38) - 1, true)));
        assert_eq!(scaled(&format!("{nines}5"), 20), Some((10_i128.pow(38), true)));
        assert_eq!(scaled("0.00000000000000000000000000000000000000000000001", 6), Some((0, true)));
    }

    #[test]
    fn what_is_too_long_never_wraps() {
        assert_eq!(scaled(&"9".repeat(60), 0), None);
        assert_eq!(scaled("1e99999", 6), None);
        assert_eq!(scaled("1e-99999", 6), Some((0, true)));
        assert_eq!(scaled("0.00000000000000000000000000000000000000000000001", 0), Some((0, true)));
    }

    #[test]
    fn other_spellings_are_refused() {
        for text in
            ["", "-", ".", "e5", "1e", "1e5.0", "1,5", "1 5", "0x10", "NaN", "inf", "1_000", "--1", "1.2.3", "1e+-5"]
        {
            assert!(ExactNumber::parse(text).is_err(), "{text}");
        }
        assert!(ExactNumber::parse("5.").is_ok() && ExactNumber::parse(".5").is_ok());
    }
}
