//! Columns of values as the server's Native format holds them, and the text that each value stands for.

use std::fmt::Write as _;
use std::net::{Ipv4Addr, Ipv6Addr};

use super::column::{ColumnType, TargetColumn};
use super::value::length;

/// The values of a column in one block.
#[derive(Debug)]
pub struct TypedValues {
    /// Name and type.
    pub column: TargetColumn,
    /// 1 by row where there is none; empty where all have one.
    pub nulls: Vec<u8>,
    /// The values.
    pub data: ValueData,
}

/// TypedValues by row.
#[derive(Debug)]
pub enum ValueData {
    /// Each of that many bytes.
    Fixed(usize, Vec<u8>),
    /// Each behind its length; with the places where they end.
    Text {
        /// One behind the other.
        bytes: Vec<u8>,
        /// Where each ends.
        ends: Vec<usize>,
        /// All of them are UTF-8.
        is_utf8: bool,
    },
    /// Elements of that many bytes each; with the number of elements up to the end of each list.
    List(usize, Vec<u8>, Vec<usize>),
    /// Numbers of words, and the words; the first is null if they may be null.
    Words {
        /// The word of each row.
        places: Vec<u32>,
        /// All words.
        words: Box<ValueData>,
        /// The first stands for null.
        has_null: bool,
    },
}

impl ValueData {
    /// The bytes of a value; a text has its length before it, of a list there are its elements alone.
    fn raw(&self, row: usize) -> Option<&[u8]> {
        let before = |ends: &[usize]| row.checked_sub(1).map_or(Some(0), |last| ends.get(last).copied());
        match self {
            Self::Fixed(width, bytes) => bytes.get(row * width..(row + 1) * width),
            Self::Text { bytes, ends, .. } => bytes.get(before(ends)?..*ends.get(row)?),
            Self::List(width, bytes, ends) => bytes.get(before(ends)? * width..ends.get(row)? * width),
            Self::Words { places, words, has_null } => match places.get(row) {
                Some(0) if *has_null => None,
                place => words.raw(*place? as usize),
            },
        }
    }

    fn is_utf8(&self) -> bool {
        match self {
            Self::Text { is_utf8, .. } => *is_utf8,
            Self::Words { words, .. } => words.is_utf8(),
            Self::Fixed(..) | Self::List(..) => true,
        }
    }
}

impl TypedValues {
    /// The bytes of a value, as [`super::value::write`] writes them but for the number of a list's elements; `None` for null.
    pub fn raw(&self, row: usize) -> Option<&[u8]> {
        if self.nulls.get(row) == Some(&1) { None } else { self.data.raw(row) }
    }

    /// True for a text that is none.
    pub fn is_damaged(&self, row: usize) -> bool {
        !self.data.is_utf8() && self.raw(row).is_some_and(|raw| std::str::from_utf8(behind_length(raw)).is_err())
    }

    /// True if a value may be null.
    pub fn has_nulls(&self) -> bool {
        !self.nulls.is_empty() || matches!(self.data, ValueData::Words { has_null: true, .. })
    }

    /// True if some of its texts may be none.
    pub fn may_be_damaged(&self) -> bool {
        !self.data.is_utf8()
    }

    /// True for days of four bytes.
    pub fn is_long_day(&self) -> bool {
        self.column.spelled.contains("Date32")
    }

    /// Writes type and values of so many rows as a block has them, numbers of words as the words.
    pub fn encode(&self, rows: usize, nullable: bool, out: &mut Vec<u8>) {
        let mut plain = self.column.spelled.as_str();
        for outer in ["LowCardinality(", "Nullable("] {
            plain = plain.strip_prefix(outer).and_then(|inner| inner.strip_suffix(')')).unwrap_or(plain);
        }
        let spelled = if nullable { format!("Nullable({plain})") } else { plain.to_owned() };
        length(spelled.len(), out);
        out.extend_from_slice(spelled.as_bytes());
        if nullable {
            out.extend((0..rows).map(|row| u8::from(self.raw(row).is_none())));
        }
        match &self.data {
            ValueData::Fixed(_, bytes) | ValueData::Text { bytes, .. } => out.extend_from_slice(bytes),
            ValueData::List(_, bytes, ends) => {
                ends.iter().for_each(|end| out.extend_from_slice(&(*end as u64).to_le_bytes()));
                out.extend_from_slice(bytes);
            }
            ValueData::Words { words, .. } => {
                let nothing = if let ValueData::Fixed(width, _) = **words { vec![0; width] } else { vec![0] };
                (0..rows).for_each(|row| out.extend_from_slice(self.raw(row).unwrap_or(&nothing)));
            }
        }
    }

    /// Writes the text of a value; false for null.
    pub fn text(&self, row: usize, out: &mut String) -> bool {
        let (Some(raw), Some(kind)) = (self.raw(row), &self.column.kind) else { return false };
        if self.is_long_day() {
            let days = i64::try_from(whole(raw, true)).unwrap_or(0);
            let time = jiff::Timestamp::from_second(days.saturating_mul(86_400));
            // The server's range of such days is narrower than that of times here.
            let date = time.map(|time| jiff::tz::Offset::UTC.to_datetime(time).date().to_string());
            out.push_str(&date.unwrap_or_default());
        } else if self.column.spelled.contains("Bool") && raw.len() == 1 {
            out.push_str(if raw == [0] { "false" } else { "true" });
        } else {
            // Writing to text does not fail.
            let _ = text(kind, raw, out);
        }
        true
    }
}

/// A column of a file. Days of four bytes, which no table that is loaded into has, are numbers.
pub fn typed_column(name: &str, spelled: &str) -> TargetColumn {
    let mut column = TargetColumn::new(name, spelled);
    if matches!(spelled, "Date32" | "Nullable(Date32)") {
        column.kind = Some(ColumnType::Integer { signed: true, bytes: 4 });
    }
    column
}

/// A text without the length before it.
pub fn behind_length(raw: &[u8]) -> &[u8] {
    let digits = raw.iter().take_while(|byte| **byte & 0x80 != 0).count() + 1;
    raw.get(digits..).unwrap_or_default()
}

/// The whole number that bytes are.
pub fn whole(bytes: &[u8], signed: bool) -> i128 {
    let is_negative = signed && bytes.last().is_some_and(|last| last & 0x80 != 0);
    let mut wide = [if is_negative { 0xff } else { 0 }; 16];
    wide.iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
    i128::from_le_bytes(wide)
}

fn text(kind: &ColumnType, raw: &[u8], out: &mut String) -> std::fmt::Result {
    match kind {
        ColumnType::Text => out.push_str(&String::from_utf8_lossy(behind_length(raw))),
        ColumnType::Integer { signed: false, bytes: 16 } => write!(out, "{}", whole(raw, false) as u128)?,
        ColumnType::Integer { signed, .. } => write!(out, "{}", whole(raw, *signed))?,
        ColumnType::Float(_) => match *raw {
            [a, b, c, d] => write!(out, "{}", f32::from_le_bytes([a, b, c, d]))?,
            [a, b, c, d, e, f, g, h] => write!(out, "{}", f64::from_le_bytes([a, b, c, d, e, f, g, h]))?,
            _ => {}
        },
        ColumnType::Decimal { scale, .. } => {
            let number = whole(raw, true);
            let (sign, digits) = (if number < 0 { "-" } else { "" }, number.unsigned_abs());
            let one = 10_u128.pow(*scale);
            write!(out, "{sign}{}", digits / one)?;
            if digits % one > 0 {
                let fraction = format!("{:0width$}", digits % one, width = *scale as usize);
                write!(out, ".{}", fraction.trim_end_matches('0'))?;
            }
        }
        ColumnType::Seconds | ColumnType::Ticks(_) => {
            let ticks = whole(raw, *kind != ColumnType::Seconds);
            let (seconds, nanos) = instant(kind, ticks);
            match i64::try_from(seconds).ok().and_then(|seconds| jiff::Timestamp::new(seconds, nanos).ok()) {
                Some(time) => write!(out, "{time}")?,
                None => write!(out, "{ticks} ticks")?,
            }
        }
        ColumnType::Day => {
            let days = i64::try_from(whole(raw, false)).unwrap_or(0);
            let time = jiff::Timestamp::from_second(days * 86_400).map_err(|_far| std::fmt::Error)?;
            write!(out, "{}", jiff::tz::Offset::UTC.to_datetime(time).date())?;
        }
        ColumnType::Uuid => {
            let (high, low) = (raw.get(..8).unwrap_or_default(), raw.get(8..).unwrap_or_default());
            write!(out, "{}", uuid::Uuid::from_u64_pair(whole(high, false) as u64, whole(low, false) as u64))?;
        }
        ColumnType::V4 => write!(out, "{}", Ipv4Addr::from(whole(raw, false) as u32))?,
        ColumnType::V6 => write!(out, "{}", Ipv6Addr::from(<[u8; 16]>::try_from(raw).unwrap_or_default()))?,
        ColumnType::Array(element) => {
            out.push('[');
            for (at, one) in raw.chunks_exact(element.width().unwrap_or(1)).enumerate() {
                if at > 0 {
                    out.push(',');
                }
                text(element, one, out)?;
            }
            out.push(']');
        }
    }
    Ok(())
}

/// Seconds since 1970 and the nanoseconds behind them.
pub fn instant(kind: &ColumnType, ticks: i128) -> (i128, i32) {
    let ColumnType::Ticks(digits) = kind else { return (ticks, 0) };
    let one = 10_i128.pow(*digits);
    let nanos = ticks.rem_euclid(one) * 10_i128.pow(9_u32.saturating_sub(*digits));
    (ticks.div_euclid(one), i32::try_from(nanos).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text_of(spelled: &str, raw: &[u8]) -> String {
        let mut out = String::new();
        text(&TargetColumn::new("x", spelled).kind.unwrap(), raw, &mut out).unwrap();
        out
    }

    #[test]
    fn values_stand_for_the_text_that_is_read_back_as_the_same() {
        assert_eq!(text_of("Int16", &(-3_i16).to_le_bytes()), "-3");
        assert_eq!(text_of("UInt128", &u128::MAX.to_le_bytes()), u128::MAX.to_string());
        assert_eq!(text_of("Float32", &0.1_f32.to_le_bytes()), "0.1");
        assert_eq!(text_of("Float64", &1e21_f64.to_le_bytes()), "1000000000000000000000");
        assert_eq!(text_of("Decimal(18, 6)", &(-250_000_i64).to_le_bytes()), "-0.25");
        assert_eq!(text_of("Decimal(9, 2)", &500_i32.to_le_bytes()), "5");
        assert_eq!(text_of("DateTime('UTC')", &1_772_877_600_u32.to_le_bytes()), "2026-03-07T10:00:00Z");
        assert_eq!(text_of("DateTime64(3)", &(-1_i64).to_le_bytes()), "1969-12-31T23:59:59.999Z");
        assert_eq!(text_of("Date", &20_519_u16.to_le_bytes()), "2026-03-07");
        assert_eq!(text_of("IPv4", &u32::from(Ipv4Addr::new(192, 0, 2, 7)).to_le_bytes()), "192.0.2.7");
        assert_eq!(text_of("Array(Int16)", &[9, 0, 12, 0]), "[9,12]");
        assert_eq!(text_of("String", b"\x02\xd0\x9a"), "К");
    }
}
