//! Columns of the table that is loaded into, and how a value of each is written in RowBinary.

/// The type of a column's values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ColumnType {
    /// Whole numbers of that many bytes.
    Integer {
        /// Below zero too.
        signed: bool,
        /// 1, 2, 4, 8 or 16.
        bytes: usize,
    },
    /// 4 or 8 bytes.
    Float(usize),
    /// Exact fractions.
    Decimal {
        /// Digits in all.
        digits: u32,
        /// Digits after the point.
        scale: u32,
        /// 4, 8 or 16.
        bytes: usize,
    },
    /// Text of any length.
    Text,
    /// `DateTime`: seconds in 32 bits.
    Seconds,
    /// `DateTime64` with that many digits of a second.
    Ticks(u32),
    /// `Date`: days in 16 bits.
    Day,
    /// 128 bits.
    Uuid,
    /// An address of version 4.
    V4,
    /// An address of version 6; one of version 4 is mapped.
    V6,
    /// Any number of these.
    Array(Box<ColumnType>),
}

/// A column of the table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TargetColumn {
    /// Its name.
    pub name: String,
    /// As the server spells the type.
    pub spelled: String,
    /// `None` for types whose values cannot be checked here.
    pub kind: Option<ColumnType>,
    /// Null is a value.
    pub nullable: bool,
}

impl TargetColumn {
    /// The column of that name and type.
    pub fn new(name: &str, spelled: &str) -> Self {
        let mut inner = spelled;
        let mut nullable = false;
        loop {
            if let Some(rest) = within(inner, "LowCardinality") {
                inner = rest;
            } else if let Some(rest) = within(inner, "Nullable") {
                (inner, nullable) = (rest, true);
            } else {
                break;
            }
        }
        Self { name: name.to_owned(), spelled: spelled.to_owned(), kind: ColumnType::parse(inner), nullable }
    }

    /// True for columns of times.
    pub fn is_time(&self) -> bool {
        matches!(self.kind, Some(ColumnType::Seconds | ColumnType::Ticks(_)))
    }
}

impl ColumnType {
    fn parse(spelled: &str) -> Option<Self> {
        let integer = |signed, bits: &str| {
            let bytes = bits.parse::<usize>().ok()? / 8;
            matches!(bytes, 1 | 2 | 4 | 8 | 16).then_some(Self::Integer { signed, bytes })
        };
        if let Some(bits) = spelled.strip_prefix("UInt") {
            return integer(false, bits);
        }
        if let Some(bits) = spelled.strip_prefix("Int") {
            return integer(true, bits);
        }
        if let Some(args) = within(spelled, "Decimal") {
            let (digits, scale) = args.split_once(", ").unwrap_or((args, "0"));
            let (digits, scale) = (digits.parse().ok()?, scale.parse().ok()?);
            let bytes = match digits {
                1..=9 => 4,
                10..=18 => 8,
                19..=38 => 16,
                _ => return None,
            };
            return Some(Self::Decimal { digits, scale, bytes });
        }
        if let Some(args) = within(spelled, "DateTime64") {
            let digits = args.split(',').next()?.trim().parse().ok()?;
            return (digits <= 9).then_some(Self::Ticks(digits));
        }
        if let Some(element) = within(spelled, "Array") {
            return Self::parse(element).map(|kind| Self::Array(Box::new(kind)));
        }
        match spelled {
            "Bool" => Some(Self::Integer { signed: false, bytes: 1 }),
            "Float32" => Some(Self::Float(4)),
            "Float64" => Some(Self::Float(8)),
            "String" => Some(Self::Text),
            "Date" => Some(Self::Day),
            "UUID" => Some(Self::Uuid),
            "IPv4" => Some(Self::V4),
            "IPv6" => Some(Self::V6),
            _ if spelled == "DateTime" || spelled.starts_with("DateTime(") => Some(Self::Seconds),
            _ => None,
        }
    }

    /// True for numbers, which may have a decimal mark.
    pub fn is_number(&self) -> bool {
        matches!(self, Self::Integer { .. } | Self::Float(_) | Self::Decimal { .. })
    }

    /// Bytes of a value, where all have as many.
    pub fn width(&self) -> Option<usize> {
        Some(match self {
            Self::Integer { bytes, .. } | Self::Decimal { bytes, .. } | Self::Float(bytes) => *bytes,
            Self::Seconds | Self::V4 => 4,
            Self::Ticks(_) => 8,
            Self::Day => 2,
            Self::Uuid | Self::V6 => 16,
            Self::Text | Self::Array(_) => return None,
        })
    }

    /// Reads back the number that [`super::value::write`] wrote, without its flags.
    pub fn number(&self, bytes: &[u8]) -> Option<i128> {
        let (length, signed) = match self {
            Self::Integer { signed, bytes } => (*bytes, *signed),
            Self::Seconds => (4, false),
            Self::Ticks(_) => (8, true),
            Self::Float(_) | Self::Decimal { .. } | Self::Text | Self::Day | Self::Uuid => return None,
            Self::V4 | Self::V6 | Self::Array(_) => return None,
        };
        let bytes = bytes.get(..length)?;
        let negative = signed && bytes.last().is_some_and(|last| last & 0x80 != 0);
        let mut wide = [if negative { 0xff } else { 0 }; 16];
        wide.get_mut(..length)?.copy_from_slice(bytes);
        let number = i128::from_le_bytes(wide);
        Some(match self {
            Self::Ticks(digits) => number.div_euclid(10_i128.pow(*digits)),
            _ => number,
        })
    }
}

fn within<'a>(spelled: &'a str, name: &str) -> Option<&'a str> {
    spelled.strip_prefix(name)?.strip_prefix('(')?.strip_suffix(')')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_read_through_their_wrappers() {
        let column = |spelled| TargetColumn::new("x", spelled);
        assert_eq!(column("LowCardinality(Nullable(String))").kind, Some(ColumnType::Text));
        assert!(column("Nullable(Int64)").nullable && !column("Int64").nullable);
        assert_eq!(column("Decimal(18, 6)").kind, Some(ColumnType::Decimal { digits: 18, scale: 6, bytes: 8 }));
        assert_eq!(column("DateTime64(3, 'UTC')").kind, Some(ColumnType::Ticks(3)));
        assert_eq!(
            column("Array(Int16)").kind,
            Some(ColumnType::Array(Box::new(ColumnType::Integer { signed: true, bytes: 2 })))
        );
        for odd in ["Map(String, String)", "Tuple(UInt8)", "Int256", "Enum8('a' = 1)", "Date32"] {
            assert_eq!(column(odd).kind, None, "{odd}");
        }
    }

    #[test]
    fn numbers_are_read_back() {
        let integer = |signed, bytes| ColumnType::Integer { signed, bytes };
        assert_eq!(integer(true, 2).number(&(-3_i16).to_le_bytes()), Some(-3));
        assert_eq!(integer(false, 8).number(&u64::MAX.to_le_bytes()), Some(u64::MAX.into()));
        assert_eq!(ColumnType::Ticks(3).number(&(-1_i64).to_le_bytes()), Some(-1));
    }
}
