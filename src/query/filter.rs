//! Filters: a column and a test, with the caller's value already read and in range.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

pub use super::column::Column;
use super::decimal::Decimal;

/// A comparison of numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "each is the comparison by that name")]
pub enum Cmp {
    Eq,
    NotEq,
    Gt,
    Lt,
    GtEq,
    LtEq,
}

/// A comparison of texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TextOp {
    /// Equal to one of the values.
    Eq,
    /// Equal to none of the values.
    NotEq,
    /// Begins with one of the values, case-sensitive.
    StartsWith,
    /// Ends with the value, case-sensitive.
    EndsWith,
    /// Holds the value, ASCII case-insensitive.
    Contains,
}

/// A test of one column's value.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Test {
    /// A whole number.
    Integer(Cmp, i64),
    /// One (`true`) or none (`false`) of several whole numbers.
    Integers(bool, Vec<i64>),
    /// A price, in millionths.
    Decimal(Cmp, i128),
    /// A text; several values only where the operation says so.
    Text(TextOp, Vec<String>),
    /// A match (`true`) or none of a regular expression, anywhere in the value's text.
    Pattern(bool, String),
    /// The same IPv4 address.
    Ipv4(Ipv4Addr),
    /// The same IPv6 address; in text, an IPv4-mapped one is not IPv4.
    Ipv6(Ipv6Addr),
    /// Null (`true`) or not null.
    Null(bool),
    /// No value passes: a price is compared with a number of more decimals than prices have.
    Never,
    /// Every value passes.
    Always,
}

/// A column and its test.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Filter {
    /// The column that is tested.
    pub column: Column,
    /// The test.
    pub test: Test,
}

/// Longest text that is compared, characters: prefixes have some digits, names some words.
pub const LONGEST_TEXT: usize = 1024;

/// Longest list of texts, characters with its commas. ClickHouse keeps the patterns of such lists ready as a whole; from some
/// 50,000 bytes on they take it fifteen times as long.
pub const LONGEST_LIST: usize = 8192;

/// More than a filter may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Excess {
    /// Values of a list.
    #[error("more than {0} values (limits.max_list_values)")]
    Values(usize),
    /// Characters.
    #[error("more than {0} characters")]
    Characters(usize),
}

/// The type of a parameter's text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParamType {
    /// A whole number in a range; a list with commas where `list` is set.
    Integer {
        /// The comparison.
        cmp: Cmp,
        /// Smallest value of the column's type.
        min: i64,
        /// Largest value of the column's type.
        max: i64,
        /// True if several values may stand, with commas.
        list: bool,
    },
    /// A decimal.
    Price(Cmp),
    /// Text that means itself.
    Text(TextOp),
    /// Texts with commas.
    Texts(TextOp),
    /// One IP address.
    Ip,
    /// A flag: null or not.
    Null,
    /// A flag: above 0 or not.
    Positive,
}

impl ParamType {
    /// True where commas separate values.
    pub fn is_list(self) -> bool {
        matches!(self, Self::Integer { list: true, .. } | Self::Texts(_))
    }

    /// Checks how much a parameter's text holds, before it is read.
    ///
    /// # Errors
    /// The first bound that it is beyond. Numbers are bounded by their range.
    pub fn bounded(self, text: &str, most_values: usize) -> Result<(), Excess> {
        if self.is_list() && text.bytes().filter(|b| *b == b',').count() >= most_values {
            return Err(Excess::Values(most_values));
        }
        let longest = match self {
            Self::Text(_) => LONGEST_TEXT,
            Self::Texts(_) => LONGEST_LIST,
            Self::Integer { .. } | Self::Price(_) | Self::Ip | Self::Null | Self::Positive => return Ok(()),
        };
        if text.len() > longest && text.chars().count() > longest {
            return Err(Excess::Characters(longest));
        }
        Ok(())
    }

    /// Reads a parameter's text; `None` when it is malformed, out of range, or empty where that means nothing.
    pub fn read(self, text: &str) -> Option<Test> {
        match self {
            Self::Integer { cmp, min, max, list } => {
                let read = |text: &str| integer(text).filter(|n| (min..=max).contains(n));
                if list && text.contains(',') {
                    let values = text.split(',').map(read).collect::<Option<Vec<i64>>>()?;
                    Some(Test::Integers(cmp == Cmp::Eq, values))
                } else {
                    read(text).map(|value| Test::Integer(cmp, value))
                }
            }
            Self::Price(cmp) => Decimal::parse(text).map(|value| price(cmp, value)),
            Self::Text(op) => Some(Test::Text(op, vec![text.to_owned()])),
            Self::Texts(op) => {
                let values: Vec<String> = text.split(',').map(str::to_owned).collect();
                let holes = values.len() > 1 && values.iter().any(String::is_empty);
                (!holes).then_some(Test::Text(op, values))
            }
            Self::Ip => match text.parse().ok()? {
                IpAddr::V4(ip) => Some(Test::Ipv4(ip)),
                IpAddr::V6(ip) => Some(Test::Ipv6(ip)),
            },
            Self::Positive => match text {
                "true" => Some(Test::Integer(Cmp::Gt, 0)),
                "false" => Some(Test::Integer(Cmp::LtEq, 0)),
                _ => None,
            },
            Self::Null => Some(Test::Null(!matches!(text, "" | "0" | "f" | "F" | "false" | "FALSE" | "off" | "OFF"))),
        }
    }
}

/// `-?[0-9]+`, of any length as long as the number fits.
fn integer(text: &str) -> Option<i64> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let number = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    if number { text.parse().ok() } else { None }
}

/// Prices have six decimals, so a comparison with a finer number is one with a neighbour, or decided already.
fn price(cmp: Cmp, value: Decimal) -> Test {
    match (cmp, value.exact()) {
        (Cmp::Eq, None) => Test::Never,
        (Cmp::NotEq, None) => Test::Always,
        (Cmp::Gt | Cmp::LtEq | Cmp::Eq | Cmp::NotEq, _) => Test::Decimal(cmp, value.floor),
        (Cmp::Lt | Cmp::GtEq, _) => Test::Decimal(cmp, value.ceil),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COUNTRY: ParamType = ParamType::Integer { cmp: Cmp::Eq, min: 0, max: u32::MAX as i64, list: true };

    #[test]
    fn integers_keep_their_range() {
        assert_eq!(COUNTRY.read("007"), Some(Test::Integer(Cmp::Eq, 7)));
        assert_eq!(COUNTRY.read("-0"), Some(Test::Integer(Cmp::Eq, 0)));
        assert_eq!(COUNTRY.read("1,2"), Some(Test::Integers(true, vec![1, 2])));
        for text in ["", "+1", "-1", "4294967296", "1 ", "1,", "99999999999999999999", "0x1", "１"] {
            assert_eq!(COUNTRY.read(text), None, "{text:?}");
        }
    }

    #[test]
    fn finer_prices_compare_exactly() {
        let read = |cmp| ParamType::Price(cmp).read("1.0000005");
        assert_eq!(read(Cmp::Eq), Some(Test::Never));
        assert_eq!(read(Cmp::NotEq), Some(Test::Always));
        assert_eq!(read(Cmp::Gt), Some(Test::Decimal(Cmp::Gt, 1_000_000)));
        assert_eq!(read(Cmp::LtEq), Some(Test::Decimal(Cmp::LtEq, 1_000_000)));
        assert_eq!(read(Cmp::Lt), Some(Test::Decimal(Cmp::Lt, 1_000_001)));
        assert_eq!(read(Cmp::GtEq), Some(Test::Decimal(Cmp::GtEq, 1_000_001)));
    }

    #[test]
    fn texts_mean_themselves() {
        assert_eq!(
            ParamType::Text(TextOp::Contains).read("a,\\'%"),
            Some(Test::Text(TextOp::Contains, vec!["a,\\'%".into()]))
        );
        assert_eq!(
            ParamType::Texts(TextOp::StartsWith).read(""),
            Some(Test::Text(TextOp::StartsWith, vec![String::new()]))
        );
        assert_eq!(ParamType::Texts(TextOp::StartsWith).read("44,"), None);
    }

    #[test]
    fn addresses_and_flags() {
        assert_eq!(ParamType::Ip.read("2001:DB8:0::1"), Some(Test::Ipv6("2001:db8::1".parse().unwrap())));
        for text in ["", "1.2.3", "1.2.3.4/32", "01.2.3.4", "[::1]", "::1%eth0"] {
            assert_eq!(ParamType::Ip.read(text), None, "{text}");
        }
        for text in ["0", "f", "F", "false", "FALSE", "off", "OFF", ""] {
            assert_eq!(ParamType::Null.read(text), Some(Test::Null(false)), "{text}");
        }
        assert_eq!(ParamType::Null.read("no"), Some(Test::Null(true)));
    }
}
