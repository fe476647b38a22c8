//! A text, checked against its column and written in RowBinary; or why it cannot be.

use std::borrow::Cow;
use std::net::{Ipv4Addr, Ipv6Addr};

use super::column::{ColumnType, TargetColumn};
use super::duration::{self, Unit};
use super::mapping::behind;
use super::moment::Spelling;
use super::number::{ExactNumber, Rounding};
use super::scalar::{CUT, float, integer, time, truth};
pub use super::scalar::{is_cut, not_dialled};

/// The reason for which a number has the wrong mark.
pub const POINT: &str = "a point in a number, where decimals have a comma";

/// The spelling of one column's values, beyond its type.
#[derive(Clone, Debug)]
pub struct Style {
    /// Times.
    pub times: Spelling,
    /// The unit of durations in the file; whole columns then take rounded ones.
    pub unit: Option<Unit>,
    /// Where the unit gives a fraction.
    pub rounding: Rounding,
    /// `0,25` is a quarter.
    pub decimal_comma: bool,
    /// 0 and 1 are all that there is.
    pub is_flag: bool,
    /// Texts are phone numbers, or beginnings of some.
    pub is_phone: bool,
    /// Words and what they stand for; the word `*` is any other, and stands for itself if `*` is its value.
    pub words: Vec<(String, String)>,
    /// Taken where the file has nothing.
    pub default: Option<String>,
}

/// Counts of values for the summary of a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Notes {
    /// Values with more digits than their column.
    pub rounded: u64,
    /// Times that were numbers, by unit.
    pub epochs: [u64; 4],
    /// Times without a date, stored as null.
    pub zero_dates: u64,
}

impl Notes {
    /// Takes off what was added.
    pub fn take_off(&mut self, other: &Self) {
        self.rounded -= other.rounded;
        self.zero_dates -= other.zero_dates;
        for (sum, less) in self.epochs.iter_mut().zip(other.epochs) {
            *sum -= less;
        }
    }

    /// Adds the other's.
    pub fn add(&mut self, other: &Self) {
        self.rounded += other.rounded;
        self.zero_dates += other.zero_dates;
        for (sum, more) in self.epochs.iter_mut().zip(other.epochs) {
            *sum += more;
        }
    }
}

/// Writes the value of a column, with the flags before it that RowBinaryWithDefaults and Nullable have. True where
/// it is the column's default because there is nothing in the file.
pub fn write(
    column: &TargetColumn,
    text: Option<&str>,
    style: &Style,
    notes: &mut Notes,
    out: &mut Vec<u8>,
) -> Result<bool, InvalidValue> {
    let Some(kind) = &column.kind else {
        let why = format!("columns of type {} cannot be loaded", column.spelled).into();
        return Err(InvalidValue { value: String::new(), why });
    };
    let is_text = matches!(kind, ColumnType::Text);
    let text = text.map(|text| if is_text { text } else { text.trim() });
    let given = text.filter(|text| is_text || !text.is_empty());
    let is_from_default = given.is_none();
    let text = match given.or(style.default.as_deref()) {
        Some(text) => text,
        None if column.nullable => {
            out.extend([0, 1]);
            return Ok(true);
        }
        None => {
            out.push(1);
            return Ok(true);
        }
    };
    let refuse = |text: &str, why: Cow<'static, str>| InvalidValue { value: quoted(text), why };
    // A default is spelled by the mapping's author, with either mark.
    let is_list = matches!(kind, ColumnType::Array(_));
    let origin = TextOrigin { is_text, is_list, is_number: kind.is_number(), is_from_default };
    // Reasons quote what stands in the file.
    let given = text;
    let text = spelled(text, style, origin).map_err(|why| refuse(text, why.into()))?;
    if text.is_empty() && !is_text {
        // A word that the mapping says stands for nothing.
        out.extend(if column.nullable { &[0, 1][..] } else { &[1] });
        return Ok(true);
    }
    out.push(0);
    if column.nullable {
        out.push(0);
    }
    match value(kind, &text, style, notes, out) {
        Ok(()) => Ok(false),
        Err(Fault::Zero) if column.nullable => {
            out.pop();
            out.push(1);
            notes.zero_dates += 1;
            Ok(false)
        }
        Err(Fault::Zero) => Err(refuse(given, "no date".into())),
        Err(Fault::Why(why)) => Err(refuse(given, why)),
    }
}

/// A value that is not stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidValue {
    /// It, quoted and cut.
    pub value: String,
    /// The reason.
    pub why: Cow<'static, str>,
}

/// The reason why a text is no value.
pub(super) enum Fault {
    /// A time that stands for none.
    Zero,
    /// Any other.
    Why(Cow<'static, str>),
}

impl From<&'static str> for Fault {
    fn from(why: &'static str) -> Self {
        Self::Why(why.into())
    }
}

impl From<String> for Fault {
    fn from(why: String) -> Self {
        Self::Why(why.into())
    }
}

/// The column that a text goes to, and the place that it comes from.
#[derive(Clone, Copy)]
struct TextOrigin {
    is_text: bool,
    is_list: bool,
    is_number: bool,
    is_from_default: bool,
}

/// The text with words replaced, and in a number the decimal comma. A default stands for itself unless it is one of the words.
fn spelled<'a>(text: &'a str, style: &'a Style, origin: TextOrigin) -> Result<Cow<'a, str>, &'static str> {
    if !style.words.is_empty() {
        let words = || style.words.iter().map(|(word, value)| (word.as_str(), value.as_str()));
        let any_other = || words().find(|(word, _)| *word == "*" && !origin.is_from_default).map(|(_, value)| value);
        match behind(words(), text).or_else(any_other) {
            None if origin.is_from_default => {}
            None => return Err("no word that the mapping knows"),
            // Any other word stands for itself.
            Some("*") => {}
            Some(value) => return Ok(Cow::Borrowed(value)),
        }
    }
    // In a list commas stand between numbers.
    if !style.decimal_comma || origin.is_text || origin.is_list {
        return Ok(Cow::Borrowed(text));
    }
    // A time of digits alone is a number too.
    let is_epoch = |mark| text.bytes().all(|byte| byte.is_ascii_digit() || byte == mark);
    match text.contains('.') {
        true if (origin.is_number || is_epoch(b'.')) && !origin.is_from_default => Err(POINT),
        false if !origin.is_number && !is_epoch(b',') => Ok(Cow::Borrowed(text)),
        false if text.contains(',') => Ok(Cow::Owned(text.replacen(',', ".", 1))),
        true | false => Ok(Cow::Borrowed(text)),
    }
}

fn value(kind: &ColumnType, text: &str, style: &Style, notes: &mut Notes, out: &mut Vec<u8>) -> Result<(), Fault> {
    match kind {
        ColumnType::Text if is_cut(text, true) => return Err(CUT.into()),
        ColumnType::Text if style.is_phone && not_dialled(text, style.decimal_comma).is_some() => {
            return Err(not_dialled(text, style.decimal_comma).unwrap_or(CUT).into());
        }
        ColumnType::Integer { .. } if is_cut(text, false) => return Err(CUT.into()),
        ColumnType::Text => {
            length(text.len(), out);
            out.extend_from_slice(text.as_bytes());
        }
        ColumnType::Integer { signed, bytes } => {
            let number = match style.unit {
                Some(unit) => duration::parse(text, unit)?.scaled(0, style.rounding).map(|(number, _)| number),
                None => match integer(text) {
                    Some(number) => Some(number),
                    None if *bytes == 1 && !*signed && truth(text).is_some() => truth(text),
                    None => match ExactNumber::parse(text)?.scaled(0, Rounding::HalfUp) {
                        Some((_, true)) => return Err("not a whole number".into()),
                        whole => whole.map(|(number, _)| number),
                    },
                },
            };
            let bits = *bytes as u32 * 8 - u32::from(*signed);
            let (low, high) = if bits > 126 {
                (if *signed { i128::MIN } else { 0 }, i128::MAX)
            } else {
                (if *signed { -(1_i128 << bits) } else { 0 }, (1_i128 << bits) - 1)
            };
            match number.filter(|number| (low..=high).contains(number)) {
                number if style.is_flag && !number.is_some_and(|number| (0..=1).contains(&number)) => {
                    return Err("neither 0 nor 1".into());
                }
                Some(number) => out.extend_from_slice(&number.to_le_bytes()[..*bytes]),
                None => return Err(format!("out of range, which is {low} to {high}").into()),
            }
        }
        ColumnType::Decimal { digits, scale, bytes } => {
            let number = match style.unit {
                Some(unit) => duration::parse(text, unit)?,
                None => ExactNumber::parse(text)?,
            };
            let limit = 10_i128.pow(*digits);
            match number.scaled(*scale, Rounding::HalfUp).filter(|(number, _)| (1 - limit..limit).contains(number)) {
                Some((number, rounded)) => {
                    notes.rounded += u64::from(rounded);
                    out.extend_from_slice(&number.to_le_bytes()[..*bytes]);
                }
                None => return Err(format!("out of range: {} digits before the point at most", digits - scale).into()),
            }
        }
        ColumnType::Float(bytes) => float(text, *bytes, style, out)?,
        ColumnType::Seconds | ColumnType::Ticks(_) | ColumnType::Day => time(kind, text, style, notes, out)?,
        ColumnType::Uuid => {
            let long = text.len() == 36 || text.len() == 32;
            let uuid = uuid::Uuid::try_parse(text).ok().filter(|_| long).ok_or("not a UUID")?;
            let (high, low) = uuid.as_u64_pair();
            out.extend_from_slice(&high.to_le_bytes());
            out.extend_from_slice(&low.to_le_bytes());
        }
        ColumnType::V4 => {
            let address: Ipv4Addr = text.parse().map_err(|_not| "not an IPv4 address")?;
            out.extend_from_slice(&u32::from(address).to_le_bytes());
        }
        ColumnType::V6 => {
            let v4 = text.parse::<Ipv4Addr>().map(|v4| v4.to_ipv6_mapped());
            let address = v4.or_else(|_not| text.parse::<Ipv6Addr>()).map_err(|_not| "not an IP address")?;
            out.extend_from_slice(&address.octets());
        }
        ColumnType::Array(element) => {
            let inner = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
            let inner = inner.or_else(|| text.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')));
            let inner = inner.ok_or("not a list such as [9,12] or {9,12}")?.trim();
            if matches!(**element, ColumnType::Text | ColumnType::Array(_)) {
                return Err("lists of text cannot be loaded".into());
            }
            let elements: Vec<&str> = if inner.is_empty() { Vec::new() } else { inner.split(',').collect() };
            length(elements.len(), out);
            for one in elements {
                if one.trim().eq_ignore_ascii_case("null") {
                    return Err("null in a list".into());
                }
                value(element, one.trim().trim_matches(['"', '\'']), style, notes, out)?;
            }
        }
    }
    Ok(())
}

/// A length as RowBinary has it.
pub fn length(mut length: usize, out: &mut Vec<u8>) {
    while length > 0x7f {
        out.push((length & 0x7f) as u8 | 0x80);
        length >>= 7;
    }
    out.push(length as u8);
}

/// The value for a message, cut where it is long.
pub fn quoted(text: &str) -> String {
    let mut short: String = text.chars().take(40).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    format!("{short:?}")
}
