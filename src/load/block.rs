//! Rows as the server takes them in with least work: column by column, as one block of its Native format.

use super::column::{ColumnType, TargetColumn};
use super::value::length;

/// A column that is being filled.
struct Filling<'a> {
    column: &'a TargetColumn,
    /// Its default is not that of its type.
    defaulted: bool,
    shape: Layout,
    /// A row has a value, or null where that is not the default.
    has_value: bool,
    /// A row has the default.
    has_default: bool,
    nulls: Vec<u8>,
    /// Where each list ends.
    ends: Vec<u8>,
    count: u64,
    data: Vec<u8>,
}

#[derive(Clone, Copy)]
enum Layout {
    Fixed(usize),
    Text,
    List(usize),
}

impl Layout {
    fn of(kind: &ColumnType) -> Option<Self> {
        match kind {
            ColumnType::Text => Some(Self::Text),
            ColumnType::Array(element) => element.width().map(Self::List),
            other => other.width().map(Self::Fixed),
        }
    }
}

/// The block of so many rows that are written in RowBinaryWithDefaults, and its columns: without those that have their
/// default in all rows. True stands beside columns with defaults of their own; `None` where one has such a default in some
/// rows only, which a block cannot say.
pub fn block<'a>(columns: &[(&'a TargetColumn, bool)], bytes: &[u8], rows: usize) -> Option<(Vec<&'a str>, Vec<u8>)> {
    let fillings = columns.iter().map(|(column, defaulted)| {
        let shape = Layout::of(column.kind.as_ref()?)?;
        let room = if let Layout::Fixed(width) = shape { width * rows } else { 0 };
        let (nulls, ends, data) = (Vec::new(), Vec::new(), Vec::with_capacity(room));
        let (has_value, has_default, count) = (false, false, 0);
        Some(Filling { column, defaulted: *defaulted, shape, has_value, has_default, nulls, ends, count, data })
    });
    let mut fillings = fillings.collect::<Option<Vec<_>>>()?;
    let mut rest = bytes;
    for _ in 0..rows {
        for filling in &mut fillings {
            rest = filling.take(rest)?;
        }
    }
    fillings.retain(|filling| filling.has_value);
    if !rest.is_empty() || fillings.iter().any(|filling| filling.defaulted && filling.has_default) {
        return None;
    }
    let names = fillings.iter().map(|filling| filling.column.name.as_str()).collect();
    let mut block = Vec::with_capacity(bytes.len());
    length(fillings.len(), &mut block);
    length(rows, &mut block);
    for filling in fillings {
        let spelled = &filling.column.spelled;
        let inner = spelled.strip_prefix("LowCardinality(").and_then(|inner| inner.strip_suffix(')'));
        for text in [&filling.column.name, inner.unwrap_or(spelled)] {
            length(text.len(), &mut block);
            block.extend_from_slice(text.as_bytes());
        }
        block.extend(filling.nulls);
        block.extend(filling.ends);
        block.extend(filling.data);
    }
    Some((names, block))
}

impl Filling<'_> {
    /// Takes a value from the beginning of `bytes`, and gives back what follows it.
    fn take<'b>(&mut self, bytes: &'b [u8]) -> Option<&'b [u8]> {
        let (is_default, mut rest) = bytes.split_first()?;
        let mut is_nothing = *is_default == 1;
        self.has_default |= is_nothing;
        if self.column.nullable {
            if !is_nothing {
                let (is_null, after) = rest.split_first()?;
                (is_nothing, rest) = (*is_null == 1, after);
                self.has_value |= is_nothing && self.defaulted;
            }
            self.nulls.push(u8::from(is_nothing));
        }
        self.has_value |= !is_nothing;
        let (from, head) = match self.shape {
            Layout::Fixed(width) if is_nothing => {
                self.data.resize(self.data.len() + width, 0);
                return Some(rest);
            }
            Layout::Text if is_nothing => {
                self.data.push(0);
                return Some(rest);
            }
            Layout::List(_) if is_nothing => {
                self.ends.extend(self.count.to_le_bytes());
                return Some(rest);
            }
            Layout::Fixed(width) => (0, width),
            Layout::Text => {
                let (length, digits) = read_length(rest)?;
                (0, digits.checked_add(length)?)
            }
            Layout::List(width) => {
                let (length, digits) = read_length(rest)?;
                self.count += length as u64;
                self.ends.extend(self.count.to_le_bytes());
                (digits, digits.checked_add(length.checked_mul(width)?)?)
            }
        };
        self.data.extend_from_slice(rest.get(from..head)?);
        rest.get(head..)
    }
}

/// A length as RowBinary has it, and its own bytes.
fn read_length(bytes: &[u8]) -> Option<(usize, usize)> {
    let mut length = 0;
    for (at, byte) in bytes.iter().take(9).enumerate() {
        length |= usize::from(byte & 0x7f) << (7 * at);
        if byte & 0x80 == 0 {
            return Some((length, at + 1));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_become_columns_and_defaults_of_types_are_written() {
        let columns = [
            TargetColumn::new("a", "UInt16"),
            TargetColumn::new("b", "LowCardinality(Nullable(String))"),
            TargetColumn::new("c", "Array(Int8)"),
            TargetColumn::new("d", "Nullable(Int8)"),
        ];
        let bytes = b"\0\x01\x02\0\0\x02xy\0\x02\x05\x06\x01\x01\0\x01\x01\x01\0\x03\x04\x01\0\x01\x07\x01";
        let with = |defaulted: usize| {
            let columns: Vec<_> = columns.iter().enumerate().map(|(at, column)| (column, at == defaulted)).collect();
            block(&columns, bytes, 3)
        };
        let wanted = [
            &b"\x03\x03\x01a\x06UInt16\x01\x02\0\0\x03\x04"[..],
            b"\x01b\x10Nullable(String)\0\x01\x01\x02xy\0\0",
            b"\x01c\x0bArray(Int8)\x02\0\0\0\0\0\0\0\x02\0\0\0\0\0\0\0\x03\0\0\0\0\0\0\0\x05\x06\x07",
        ];
        let names = vec!["a", "b", "c"];
        assert_eq!(with(9), Some((names.clone(), wanted.concat())));
        // A default of the table's own in all rows needs no column; in some rows it cannot be said.
        assert_eq!(with(3), Some((names, wanted.concat())));
        assert_eq!((with(0), with(1)), (None, None));
    }
}
