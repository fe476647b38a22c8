//! Rows of typed columns. A value that its column certainly takes is written as it is; any other goes by its text, so that
//! rules, reasons and rounding are those of files of text.

use std::borrow::Cow;
use std::cell::RefCell;
use std::ops::Range;

use super::column::ColumnType;
use super::moment::END;
use super::native::TypedBlock;
use super::plan::{LoadPlan, RowKey, Written};
use super::row::{RecordFields, RowFields, TextFields};
use super::target::Target;
use super::value::{InvalidValue, Notes, is_cut, length, not_dialled, quoted};
use super::values::{TypedValues, behind_length, instant, whole};

/// The way from a typed column of the file to a column of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Conversion {
    /// The same bytes.
    Copy,
    /// The same byte, which is 0 or 1.
    Flag,
    /// The same elements.
    List(usize),
    /// A whole number that may be out of range.
    Integer,
    /// A number that may be infinite.
    Float,
    /// A number of the same scale that may have too many digits.
    Decimal,
    /// A time, which 0 is not.
    Time,
    /// A day, which 0 is not.
    Day,
    /// A day of four bytes, which 0 and what lies outside of [`END`] are not.
    LongDay,
    /// Text that may be empty, or a number that lost digits.
    Text,
    /// The same, of a number that was dialled.
    Phone,
}

/// The rows of a block, and how each target is filled from them.
pub struct TypedRows<'a> {
    plan: &'a LoadPlan,
    block: &'a TypedBlock,
    ways: Vec<Option<(usize, Conversion)>>,
    cells: RefCell<RecordFields>,
}

/// One row of them.
pub struct TypedRow<'a> {
    rows: &'a TypedRows<'a>,
    row: usize,
}

impl<'a> TypedRows<'a> {
    /// Those of a block.
    pub fn new(plan: &'a LoadPlan, block: &'a TypedBlock) -> Self {
        let way = |target: &Target| {
            let at = target.plain()?;
            let way = Conversion::new(block.columns.get(at)?, target.column.kind.as_ref()?)?;
            match (target.is_flag(), way) {
                (true, Conversion::Copy) => Some((at, Conversion::Flag)),
                (true, _) => None,
                (false, Conversion::Text) if target.is_phone() => Some((at, Conversion::Phone)),
                (false, way) => Some((at, way)),
            }
        };
        let ways = plan.targets.iter().map(way).collect();
        Self { plan, block, ways, cells: RefCell::default() }
    }

    /// The row of that number in the block; or why it is none.
    pub fn row(&'a self, row: usize) -> Result<TypedRow<'a>, &'static str> {
        match self.block.columns.iter().any(|column| column.is_damaged(row)) {
            true => Err("not UTF-8"),
            false => Ok(TypedRow { rows: self, row }),
        }
    }

    /// By target, how many of these rows have its default, if the server takes the rows as they are.
    pub fn whole(&self, rows: &Range<usize>) -> Option<Vec<u64>> {
        let mut damaged = self.block.columns.iter().filter(|column| column.may_be_damaged());
        if !self.plan.takes_blocks() || damaged.any(|column| rows.clone().any(|row| column.is_damaged(row))) {
            return None;
        }
        let mut scratch = Vec::new();
        let count = |(target, way): (&Target, &Option<(usize, Conversion)>)| {
            if target.constant().is_some() {
                return target.repeated().map(|_| 0);
            }
            let (at, way) = (*way)?;
            let (values, kind) = (self.block.columns.get(at)?, target.column.kind.as_ref()?);
            if matches!(way, Conversion::Copy | Conversion::List(_)) && !values.has_nulls() {
                return Some(0);
            }
            let mut defaults = 0;
            for row in rows.clone() {
                match values.raw(row) {
                    None if target.column.nullable => defaults += 1,
                    Some([0]) if way.is_text() && !target.column.nullable => defaults += 1,
                    Some([0]) if way.is_text() => return None,
                    None => return None,
                    Some(raw) => {
                        scratch.clear();
                        way.write(raw, values.column.kind.as_ref()?, kind, &mut scratch)?;
                    }
                }
            }
            Some(defaults)
        };
        self.plan.targets.iter().zip(&self.ways).map(count).collect()
    }

    /// The keys, times and accounts of rows; `None` where a row has to be looked at by its text.
    pub fn keys(&self, rows: Range<usize>) -> Option<Vec<Written>> {
        let plan = self.plan.of_keys();
        let (typed, mut notes, mut scratch) = (TypedRows::new(&plan, self.block), Notes::default(), Vec::new());
        let key = |row| {
            scratch.clear();
            let written = plan.write(&TypedRow { rows: &typed, row }, &mut notes, &mut [], &mut scratch).ok()?;
            if written.key == RowKey::None && self.plan.makes_keys() { None } else { Some(written) }
        };
        let keys = rows.map(key).collect::<Option<Vec<_>>>()?;
        // What is told of values is counted where they are looked at.
        (notes == Notes::default()).then_some(keys)
    }

    /// The block as the server takes it in, and its columns.
    pub fn encoded(&self) -> (Vec<&str>, Vec<u8>) {
        let targets = &self.plan.targets;
        let (names, mut out) = (targets.iter().map(|target| target.column.name.as_str()).collect(), Vec::new());
        length(targets.len(), &mut out);
        length(self.block.rows, &mut out);
        for (target, way) in targets.iter().zip(&self.ways) {
            let column = &target.column;
            length(column.name.len(), &mut out);
            out.extend_from_slice(column.name.as_bytes());
            if let Some(values) = way.and_then(|(at, _)| self.block.columns.get(at)) {
                values.encode(self.block.rows, column.nullable, &mut out);
            } else if let Some(value) = target.repeated() {
                let spelled = &column.spelled;
                let inner = spelled.strip_prefix("LowCardinality(").and_then(|inner| inner.strip_suffix(')'));
                let spelled = inner.unwrap_or(spelled);
                length(spelled.len(), &mut out);
                out.extend_from_slice(spelled.as_bytes());
                if column.nullable {
                    out.resize(out.len() + self.block.rows, 0);
                }
                (0..self.block.rows).for_each(|_| out.extend_from_slice(value));
            }
        }
        (names, out)
    }

    /// A row as a line of TSV.
    pub fn line(&self, row: usize) -> Vec<u8> {
        let (mut line, mut text) = (Vec::new(), String::new());
        for (at, column) in self.block.columns.iter().enumerate() {
            if at > 0 {
                line.push(b'\t');
            }
            text.clear();
            if !column.text(row, &mut text) {
                line.extend_from_slice(b"\\N");
                continue;
            }
            let raw = column.raw(row).filter(|_| column.is_damaged(row)).map(behind_length);
            for byte in raw.unwrap_or(text.as_bytes()) {
                match byte {
                    b'\t' => line.extend_from_slice(b"\\t"),
                    b'\n' => line.extend_from_slice(b"\\n"),
                    b'\r' => line.extend_from_slice(b"\\r"),
                    b'\0' => line.extend_from_slice(b"\\0"),
                    b'\\' => line.extend_from_slice(b"\\\\"),
                    other => line.push(*other),
                }
            }
        }
        line
    }

    /// The texts of a row's values.
    pub fn cells(&self, row: usize) -> RecordFields {
        let mut cells = RecordFields::default();
        (0..self.block.columns.len()).for_each(|at| self.set(&mut cells, row, at));
        cells
    }

    fn set(&self, cells: &mut RecordFields, row: usize, at: usize) {
        if let Some(column) = self.block.columns.get(at) {
            cells.set(at, |out| column.text(row, out));
        }
    }
}

impl RowFields for TypedRow<'_> {
    fn text(&self, column: usize) -> Cow<'_, str> {
        let mut text = String::new();
        if let Some(column) = self.rows.block.columns.get(column) {
            column.text(self.row, &mut text);
        }
        Cow::Owned(text)
    }

    fn write(&self, at: usize, target: &Target, notes: &mut Notes, out: &mut Vec<u8>) -> Result<bool, InvalidValue> {
        let begun = out.len();
        if let Some(Some((from, way))) = self.rows.ways.get(at)
            && let Some(values) = self.rows.block.columns.get(*from)
        {
            let raw = values.raw(self.row);
            let is_nothing = match raw {
                None => true,
                Some(raw) => way.is_text() && raw == [0],
            };
            if is_nothing {
                out.extend_from_slice(if target.column.nullable { &[0, 1] } else { &[1] });
                return Ok(true);
            }
            out.extend_from_slice(if target.column.nullable { &[0, 0] } else { &[0] });
            if let (Some(raw), Some(kind), Some(given)) = (raw, &target.column.kind, &values.column.kind)
                && way.write(raw, given, kind, out).is_some()
            {
                return Ok(false);
            }
            out.truncate(begun);
        }
        let lossy = target.from.iter().filter_map(|at| self.rows.block.columns.get(*at));
        if let Some(why) = lossy.filter_map(|values| lost_digits(values, self.row, target)).next() {
            return Err(why);
        }
        let mut cells = self.rows.cells.borrow_mut();
        cells.clear();
        let read = (0..self.rows.plan.sources.len()).filter(|at| target.reads(*at));
        read.for_each(|at| self.rows.set(&mut cells, self.row, at));
        TextFields { cells: &cells, record: "" }.write(at, target, notes, out)
    }
}

/// The reason for which a fraction is no id and no number of digits: beyond 2^53 (2^24 in 32 bits) it is not known which
/// whole number was meant.
fn lost_digits(values: &TypedValues, row: usize, target: &Target) -> Option<InvalidValue> {
    lost_whole(values, row, target).or_else(|| not_spelled(values, row, target))
}

/// The reason for which a fraction is no phone number, spelled as JSON and CSV do.
fn not_spelled(values: &TypedValues, row: usize, target: &Target) -> Option<InvalidValue> {
    let is_fraction = matches!(values.column.kind, Some(ColumnType::Float(_) | ColumnType::Decimal { scale: 1.., .. }));
    let mut text = String::new();
    let is_number = target.is_phone() && target.column.kind == Some(ColumnType::Text);
    if !is_number || !is_fraction || !values.text(row, &mut text) {
        return None;
    }
    text.push_str(if text.contains('.') { "" } else { ".0" });
    not_dialled(&text, false).map(|why| InvalidValue { value: quoted(&text), why: why.into() })
}

fn lost_whole(values: &TypedValues, row: usize, target: &Target) -> Option<InvalidValue> {
    let Some(ColumnType::Float(bytes)) = values.column.kind else { return None };
    if !matches!(target.column.kind, Some(ColumnType::Integer { .. } | ColumnType::Text)) {
        return None;
    }
    let raw = values.raw(row)?;
    let (number, exact) = match bytes {
        4 => (f64::from(f32::from_le_bytes(raw.try_into().ok()?)), 16_777_216.0),
        _ => (f64::from_le_bytes(raw.try_into().ok()?), 9_007_199_254_740_992.0),
    };
    let why = match number.abs() {
        _ if !number.is_finite() => "not a number",
        size if size > exact => "a binary fraction that has lost digits: write the column as whole numbers or text",
        _ => return None,
    };
    Some(InvalidValue { value: quoted(&number.to_string()), why: why.into() })
}

impl Conversion {
    fn new(from: &TypedValues, to: &ColumnType) -> Option<Self> {
        let kind = from.column.kind.as_ref()?;
        let is_bool = from.column.spelled.contains("Bool");
        if from.is_long_day() {
            return (*to == ColumnType::Day).then_some(Self::LongDay);
        }
        Some(match (kind, to) {
            (ColumnType::Integer { signed, bytes }, ColumnType::Integer { signed: wanted, bytes: room }) => {
                match signed == wanted && bytes == room {
                    true => Self::Copy,
                    false if is_bool || *bytes > 8 || *room > 8 => return None,
                    false => Self::Integer,
                }
            }
            (ColumnType::Uuid, ColumnType::Uuid)
            | (ColumnType::V4, ColumnType::V4)
            | (ColumnType::V6, ColumnType::V6) => Self::Copy,
            (ColumnType::Float(bytes), ColumnType::Float(room)) if bytes == room => Self::Float,
            (ColumnType::Decimal { scale, .. }, ColumnType::Decimal { scale: wanted, .. }) if scale == wanted => {
                Self::Decimal
            }
            (ColumnType::Seconds | ColumnType::Ticks(_), ColumnType::Seconds | ColumnType::Ticks(_)) => Self::Time,
            (ColumnType::Day, ColumnType::Day) => Self::Day,
            (ColumnType::Text, ColumnType::Text) => Self::Text,
            (ColumnType::Array(element), ColumnType::Array(wanted)) if element == wanted => match **element {
                ColumnType::Integer { bytes, .. } => Self::List(bytes),
                _ => return None,
            },
            _ => return None,
        })
    }

    fn is_text(self) -> bool {
        matches!(self, Self::Text | Self::Phone)
    }

    /// Writes a value; `None` where its text has to be looked at.
    fn write(self, raw: &[u8], from: &ColumnType, to: &ColumnType, out: &mut Vec<u8>) -> Option<()> {
        match self {
            Self::Copy => out.extend_from_slice(raw),
            Self::Flag => match raw {
                [0 | 1] => out.extend_from_slice(raw),
                _ => return None,
            },
            Self::List(width) => {
                length(raw.len() / width, out);
                out.extend_from_slice(raw);
            }
            Self::Integer => {
                let (ColumnType::Integer { signed, .. }, ColumnType::Integer { signed: wanted, bytes }) = (from, to)
                else {
                    return None;
                };
                let number = whole(raw, *signed);
                let bits = *bytes as u32 * 8 - u32::from(*wanted);
                let low = if *wanted { -(1_i128 << bits) } else { 0 };
                if !(low..1_i128 << bits).contains(&number) {
                    return None;
                }
                out.extend_from_slice(number.to_le_bytes().get(..*bytes)?);
            }
            Self::Float => {
                // All bits of the exponent are set in what is no finite number.
                let (&high, &low) = (raw.last()?, raw.get(raw.len().checked_sub(2)?)?);
                let mask = if raw.len() == 4 { 0x80 } else { 0xf0 };
                if high & 0x7f == 0x7f && low & mask == mask {
                    return None;
                }
                out.extend_from_slice(raw);
            }
            Self::Decimal => {
                let ColumnType::Decimal { digits, bytes, .. } = to else { return None };
                let number = whole(raw, true);
                if number.unsigned_abs() >= 10_u128.pow(*digits) {
                    return None;
                }
                out.extend_from_slice(number.to_le_bytes().get(..*bytes)?);
            }
            Self::Time => {
                let (seconds, nanos) = instant(from, whole(raw, *from != ColumnType::Seconds));
                let seconds = i64::try_from(seconds).ok().filter(|seconds| (1..END).contains(seconds))?;
                match to {
                    ColumnType::Ticks(digits) => {
                        let ticks = seconds * 10_i64.pow(*digits) + i64::from(nanos / 10_i32.pow(9 - digits));
                        out.extend_from_slice(&ticks.to_le_bytes());
                    }
                    _ => out.extend_from_slice(seconds.to_le_bytes().get(..4)?),
                }
            }
            Self::LongDay => {
                let days = i64::try_from(whole(raw, true)).ok().filter(|days| (1..END / 86_400).contains(days))?;
                out.extend_from_slice(days.to_le_bytes().get(..2)?);
            }
            Self::Day => {
                if raw == [0, 0] {
                    return None;
                }
                out.extend_from_slice(raw);
            }
            Self::Text | Self::Phone => {
                let text = behind_length(raw);
                if self == Self::Phone && not_dialled(std::str::from_utf8(text).ok()?, false).is_some() {
                    return None;
                }
                if text.first().is_some_and(|first| *first < b'A') && is_cut(std::str::from_utf8(text).ok()?, true) {
                    return None;
                }
                out.extend_from_slice(raw);
            }
        }
        Some(())
    }
}
