//! Exact numbers: integers and decimals as callers write them, and ratios rounded once to hundredths.

use std::cmp::Ordering;

/// Reads `-?[0-9]+` that lies in `low..=high`.
pub fn integer(text: &str, low: i64, high: i64) -> Option<i64> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    if !all_digits(digits) {
        return None;
    }
    let significant = digits.trim_start_matches('0');
    if significant.len() > 18 {
        return None; // beyond every column's type
    }
    let size: i64 = if significant.is_empty() { 0 } else { significant.parse().ok()? };
    let value = if text.starts_with('-') { -size } else { size };
    (low..=high).contains(&value).then_some(value)
}

/// A decimal number of any length, as the caller wrote it.
#[derive(Debug, PartialEq)]
pub struct Decimal {
    negative: bool,
    whole: i128,
    /// The digits behind the point.
    fraction: String,
}

impl Decimal {
    /// Reads `-?[0-9]+(\.[0-9]+)?` up to 10^12 in size.
    pub fn parse(text: &str) -> Option<Self> {
        let size = text.strip_prefix('-').unwrap_or(text);
        let (whole, fraction) = match size.split_once('.') {
            Some((whole, fraction)) if all_digits(fraction) => (whole, fraction),
            Some(_) => return None,
            None => (size, ""),
        };
        if !all_digits(whole) {
            return None;
        }
        let significant = whole.trim_start_matches('0');
        if significant.len() > 13 {
            return None;
        }
        let whole: i128 = if significant.is_empty() { 0 } else { significant.parse().ok()? };
        let limit = 1_000_000_000_000;
        let has_fraction = fraction.bytes().any(|digit| digit != b'0');
        if whole > limit || (whole == limit && has_fraction) {
            return None;
        }
        let negative = text.starts_with('-') && (whole != 0 || has_fraction);
        Some(Self { negative, whole, fraction: fraction.to_owned() })
    }

    /// How a number of millionths lies to this one.
    pub fn compare(&self, millionths: i64) -> Ordering {
        match (millionths < 0, self.negative) {
            (false, true) => return Ordering::Greater,
            (true, false) => return Ordering::Less,
            _ => {}
        }
        let size = i128::from(millionths).abs();
        let width = self.fraction.len().max(6);
        let theirs = format!("{:0<width$}", format!("{:06}", size % 1_000_000));
        let ours = format!("{:0<width$}", self.fraction);
        let by_size = (size / 1_000_000).cmp(&self.whole).then(theirs.cmp(&ours));
        if self.negative { by_size.reverse() } else { by_size }
    }
}

/// `numerator / denominator` in hundredths, half away from zero; nothing over nothing is nothing.
pub fn hundredths(numerator: i128, denominator: i128) -> Option<i128> {
    if denominator == 0 {
        return None;
    }
    let scaled = numerator.abs() * 100;
    let (whole, rest) = (scaled / denominator, scaled % denominator);
    let size = if rest * 2 >= denominator { whole + 1 } else { whole };
    Some(if numerator < 0 { -size } else { size })
}

/// Hundredths as text with one or two decimals.
pub fn text(hundredths: i128) -> String {
    let sign = if hundredths < 0 { "-" } else { "" };
    let size = hundredths.abs();
    let (whole, tenth, hundredth) = (size / 100, size / 10 % 10, size % 10);
    if hundredth == 0 { format!("{sign}{whole}.{tenth}") } else { format!("{sign}{whole}.{tenth}{hundredth}") }
}

/// Millionths as a decimal number, for the JSON of a row.
pub fn millionths(value: i64) -> String {
    let sign = if value < 0 { "-" } else { "" };
    format!("{sign}{}.{:06}", value.unsigned_abs() / 1_000_000, value.unsigned_abs() % 1_000_000)
}

fn all_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ratio(numerator: i128, denominator: i128) -> String {
        hundredths(numerator, denominator).map_or("null".to_owned(), text)
    }

    #[test]
    fn ratios_are_rounded_once_and_half_away_from_zero() {
        assert_eq!(ratio(15_500, 180), "86.11");
        assert_eq!(ratio(140, 60), "2.33");
        assert_eq!(ratio(85, 1), "85.0");
        assert_eq!(ratio(1, 200), "0.01");
        assert_eq!(ratio(1, 201), "0.0");
        assert_eq!(ratio(-1, 200), "-0.01");
        assert_eq!(ratio(-1, 201), "0.0");
        assert_eq!(ratio(-5, 2), "-2.5");
        assert_eq!(ratio(200, 3), "66.67");
        assert_eq!(ratio(99_995, 1000), "100.0");
        assert_eq!(ratio(0, 7), "0.0");
        assert_eq!(ratio(7, 0), "null");
    }

    #[test]
    fn decimals_compare_exactly_with_any_number_of_digits() {
        let compare = |text: &str, value: i64| Decimal::parse(text).map(|decimal| decimal.compare(value));
        assert_eq!(compare("0.1", 100_000), Some(Ordering::Equal));
        assert_eq!(compare("000.10", 100_000), Some(Ordering::Equal));
        assert_eq!(compare("0.1000000000000000000001", 100_000), Some(Ordering::Less));
        assert_eq!(compare("0.0999999999999999999999", 100_000), Some(Ordering::Greater));
        assert_eq!(compare("-0.0", 0), Some(Ordering::Equal));
        assert_eq!(compare("-0.0000001", 0), Some(Ordering::Greater));
        assert_eq!(compare("-1.5", -1_500_001), Some(Ordering::Less));
        assert_eq!(compare("-1.5", -1_499_999), Some(Ordering::Greater));
        assert_eq!(compare("2", -1), Some(Ordering::Less));
        assert_eq!(compare("1000000000000.000", 5), Some(Ordering::Less));
    }

    #[test]
    fn decimals_and_integers_refuse_what_the_contract_refuses() {
        for text in [
            "",
            "-",
            "+1",
            "1.",
            ".5",
            " 1",
            "1 ",
            "1e3",
            "1,5",
            "0x1",
            "--1",
            "1000000000000.0000001",
            "10000000000000",
            "٣",
        ] {
            assert_eq!(Decimal::parse(text), None, "{text:?}");
        }
        for text in
            ["", "-", "+1", "1.0", " 1", "1 ", "1e3", "2147483648", "-2147483649", "99999999999999999999999999", "٣"]
        {
            assert_eq!(integer(text, i64::from(i32::MIN), i64::from(i32::MAX)), None, "{text:?}");
        }
        assert_eq!(integer("-0", 0, 9), Some(0));
        assert_eq!(integer("000000000000000000000000007", 0, 9), Some(7));
        assert_eq!(integer("-2147483648", i64::from(i32::MIN), 0), Some(-2_147_483_648));
    }
}
