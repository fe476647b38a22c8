//! Decimal numbers in millionths, the scale of every price.

/// Digits after the point of every stored price.
pub const SCALE: u32 = 6;

/// One, in millionths.
pub const ONE: i128 = 1_000_000;

/// Largest absolute value that a filter may name: 10^12.
const LIMIT: i128 = 1_000_000_000_000 * ONE;

/// A number as a caller wrote it, against prices of six decimals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decimal {
    /// The largest multiple of a millionth that is not above the number.
    pub floor: i128,
    /// The smallest multiple of a millionth that is not below it; equal to `floor` when six decimals suffice.
    pub ceil: i128,
}

impl Decimal {
    /// Reads `-?[0-9]+(\.[0-9]+)?`; `None` for anything else and beyond ±10^12.
    pub fn parse(text: &str) -> Option<Self> {
        let (negative, digits) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (whole, fraction) = match digits.split_once('.') {
            Some((whole, fraction)) => (whole, fraction),
            None => (digits, "0"),
        };
        let is_number = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
        if !is_number(whole) || !is_number(fraction) {
            return None;
        }
        let whole = whole.trim_start_matches('0');
        if whole.len() > 13 {
            return None;
        }
        let (kept, beyond) = fraction.split_at(fraction.len().min(SCALE as usize));
        let mut micros: i128 = 0;
        for digit in whole.bytes().chain(kept.bytes()).chain(std::iter::repeat_n(b'0', SCALE as usize - kept.len())) {
            micros = micros * 10 + i128::from(digit - b'0');
        }
        let inexact = beyond.bytes().any(|digit| digit != b'0');
        if micros > LIMIT || (micros == LIMIT && inexact) {
            return None;
        }
        let up = micros + i128::from(inexact);
        Some(if negative { Self { floor: -up, ceil: -micros } } else { Self { floor: micros, ceil: up } })
    }

    /// The number in millionths, if six decimals hold it.
    pub fn exact(self) -> Option<i128> {
        (self.floor == self.ceil).then_some(self.floor)
    }
}

/// Writes millionths as decimal text: 1500000 is `1.500000`.
pub fn to_text(micros: i128) -> String {
    let (whole, part) = (micros.unsigned_abs() / ONE.unsigned_abs(), micros.unsigned_abs() % ONE.unsigned_abs());
    format!("{}{whole}.{part:06}", if micros < 0 { "-" } else { "" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_exactly() {
        let exact = |text: &str| Decimal::parse(text).unwrap().exact();
        assert_eq!(exact("1.5"), Some(1_500_000));
        assert_eq!(exact("-0.000001"), Some(-1));
        assert_eq!(exact("0007"), Some(7_000_000));
        assert_eq!(exact("0.10000000"), Some(100_000));
        assert_eq!(exact("1000000000000"), Some(LIMIT));
        assert_eq!(Decimal::parse("0.0000005"), Some(Decimal { floor: 0, ceil: 1 }));
        assert_eq!(Decimal::parse("-0.0000005"), Some(Decimal { floor: -1, ceil: 0 }));
    }

    #[test]
    fn what_is_no_number_is_refused() {
        for text in
            ["", "-", "+1", "1.", ".5", "1e3", " 1", "1,5", "1000000000000.0000001", "1000000000001", "٣", "--1"]
        {
            assert_eq!(Decimal::parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn text_has_six_decimals() {
        assert_eq!(to_text(-1), "-0.000001");
        assert_eq!(to_text(1_500_000), "1.500000");
    }
}
