//! The times of a Parquet file's columns, which its footer tells apart and the server does not: instants, times on a wall
//! clock without a zone, and times of day without a date. The footer is a struct in Thrift's compact form.

use super::arrow;

/// A column of times that are no instants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClockTime {
    /// A date and a time of day in no zone (`isAdjustedToUTC` is false), or of 96 bits, which say no zone.
    Unzoned,
    /// A time of day alone.
    OfDay,
}

/// The columns whose times are no instants, by name; `None` where the footer is damaged. `file` ends with the footer.
pub fn clock_times(file: &[u8]) -> Option<Vec<(String, ClockTime)>> {
    let mut from = Thrift(file.get(4..)?);
    let mut found = Vec::new();
    from.fields(&mut |field, kind, from| match (field, kind) {
        (2, LIST) => schema(from).map(|columns| found = columns),
        _ => from.skip(kind, 0),
    })?;
    let zoned = arrow::zoned(file);
    found.retain(|(name, time)| *time == ClockTime::OfDay || !zoned.contains(name));
    Some(found)
}

/// Deepest value within a value.
const MOST_DEEP: usize = 32;
/// Types of Thrift's compact form.
const TRUE: u8 = 1;
const FALSE: u8 = 2;
const BYTE: u8 = 3;
const DOUBLE: u8 = 7;
const BINARY: u8 = 8;
const LIST: u8 = 9;
const SET: u8 = 10;
const MAP: u8 = 11;
const STRUCT: u8 = 12;
/// The physical type of 96 bits.
const INT96: i64 = 3;

/// Columns of the schema: its elements stand one behind the other, each before those within it.
fn schema(from: &mut Thrift<'_>) -> Option<Vec<(String, ClockTime)>> {
    let (kind, count) = from.list()?;
    let (mut found, mut open, mut column) = (Vec::new(), Vec::new(), String::new());
    for at in 0..count {
        if kind != STRUCT {
            return None;
        }
        let element = element(from)?;
        // The root is no column, and its elements are the columns.
        if open.len() == 1 {
            column.clone_from(&element.name);
        }
        found.extend(element.time.filter(|_| at > 0).map(|time| (column.clone(), time)));
        open.push(element.children);
        while open.last() == Some(&0) {
            open.pop();
            if let Some(left) = open.last_mut() {
                *left -= 1;
            }
        }
    }
    Some(found)
}

/// An element of the schema.
#[derive(Default)]
struct Element {
    name: String,
    children: u64,
    time: Option<ClockTime>,
}

fn element(from: &mut Thrift<'_>) -> Option<Element> {
    let (mut element, mut is_96) = (Element::default(), false);
    from.fields(&mut |field, kind, from| {
        match (field, kind) {
            (1, _) => is_96 = from.zigzag()? == INT96,
            (4, BINARY) => element.name = String::from_utf8_lossy(from.binary()?).into_owned(),
            (5, _) => element.children = u64::try_from(from.zigzag()?).ok()?,
            // TIME_MILLIS and TIME_MICROS of older writers.
            (6, _) => {
                if matches!(from.zigzag()?, 7 | 8) {
                    element.time = Some(ClockTime::OfDay);
                }
            }
            (10, STRUCT) => element.time = logical(from)?.or(element.time),
            _ => from.skip(kind, 0)?,
        }
        Some(())
    })?;
    if is_96 {
        element.time = Some(ClockTime::Unzoned);
    }
    Some(element)
}

/// The time that a logical type is, if it is none of instants.
fn logical(from: &mut Thrift<'_>) -> Option<Option<ClockTime>> {
    let mut time = None;
    from.fields(&mut |field, kind, from| match (field, kind) {
        (7, STRUCT) => {
            time = Some(ClockTime::OfDay);
            from.skip(kind, 0)
        }
        (8, STRUCT) => from.fields(&mut |field, kind, from| {
            if (field, kind) == (1, FALSE) {
                time = Some(ClockTime::Unzoned);
            }
            from.skip(kind, 1)
        }),
        _ => from.skip(kind, 0),
    })?;
    Some(time)
}

/// Bytes in Thrift's compact form.
struct Thrift<'a>(&'a [u8]);

impl<'a> Thrift<'a> {
    fn bytes(&mut self, count: usize) -> Option<&'a [u8]> {
        let (bytes, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(bytes)
    }

    fn byte(&mut self) -> Option<u8> {
        self.bytes(1)?.first().copied()
    }

    /// A number in groups of seven bits, the lowest first.
    fn number(&mut self) -> Option<u64> {
        let mut number = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            number |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(number);
            }
        }
        None
    }

    /// A number whose lowest bit is its sign.
    fn zigzag(&mut self) -> Option<i64> {
        let number = self.number()?;
        Some((number >> 1) as i64 ^ -((number & 1) as i64))
    }

    fn binary(&mut self) -> Option<&'a [u8]> {
        let length = usize::try_from(self.number()?).ok()?;
        self.bytes(length)
    }

    /// The type and the number of a list's values.
    fn list(&mut self) -> Option<(u8, u64)> {
        let head = self.byte()?;
        let count = match head >> 4 {
            15 => self.number()?,
            short => short.into(),
        };
        Some((head & 0x0f, count))
    }

    /// Hands the number and the type of each field of a struct to `each`, which reads the value.
    fn fields(&mut self, each: &mut dyn FnMut(i64, u8, &mut Self) -> Option<()>) -> Option<()> {
        let mut field = 0_i64;
        loop {
            let head = self.byte()?;
            if head == 0 {
                return Some(());
            }
            field = match head >> 4 {
                0 => self.zigzag()?,
                more => field.checked_add(more.into())?,
            };
            each(field, head & 0x0f, self)?;
        }
    }

    /// Passes over a value; that of a truth is its type.
    fn skip(&mut self, kind: u8, depth: usize) -> Option<()> {
        if depth > MOST_DEEP {
            return None;
        }
        match kind {
            TRUE | FALSE => Some(()),
            BYTE => self.byte().map(drop),
            4..=6 => self.number().map(drop),
            DOUBLE => self.bytes(8).map(drop),
            BINARY => self.binary().map(drop),
            LIST | SET => {
                let (kind, count) = self.list()?;
                (0..count).try_for_each(|_| self.element(kind, depth))
            }
            MAP => {
                let count = self.number()?;
                let kinds = if count > 0 { self.byte()? } else { 0 };
                (0..count).try_for_each(|_| {
                    self.element(kinds >> 4, depth)?;
                    self.element(kinds & 0x0f, depth)
                })
            }
            STRUCT => self.fields(&mut |_, kind, from| from.skip(kind, depth + 1)),
            _ => None,
        }
    }

    /// Passes over a value of a list, where a truth is a byte.
    fn element(&mut self, kind: u8, depth: usize) -> Option<()> {
        if matches!(kind, TRUE | FALSE) { self.byte().map(drop) } else { self.skip(kind, depth + 1) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file, and its columns of times that are no instants.
    type ParquetSample = (&'static [u8], &'static [(&'static str, ClockTime)]);

    const FILES: [ParquetSample; 4] = [
        (
            include_bytes!("../../tests/it/load/samples/unzoned.parquet"),
            &[("time_start", ClockTime::Unzoned), ("time_end", ClockTime::Unzoned)],
        ),
        // Written as 96 bits, of which Arrow's own description gives one a zone.
        (include_bytes!("../../tests/it/load/samples/int96.parquet"), &[("time_start", ClockTime::Unzoned)]),
        (
            include_bytes!("../../tests/it/load/samples/time-of-day.parquet"),
            &[("a", ClockTime::OfDay), ("b", ClockTime::OfDay), ("list", ClockTime::OfDay)],
        ),
        (include_bytes!("../../tests/it/load/samples/span.parquet"), &[]),
    ];

    /// A file's footer as it is handed over.
    fn footer(file: &[u8]) -> Vec<u8> {
        let end = file.len() - 8;
        let length = u32::from_le_bytes(file[end..end + 4].try_into().unwrap()) as usize;
        [b"PAR1", &file[end - length..]].concat()
    }

    #[test]
    fn times_without_a_zone_or_a_date_are_told_from_instants() {
        for (file, wanted) in FILES {
            let wanted: Vec<_> = wanted.iter().map(|(name, time)| ((*name).to_owned(), *time)).collect();
            assert_eq!(clock_times(&footer(file)), Some(wanted));
        }
        assert_eq!(clock_times(b"PAR1"), None);
    }

    #[test]
    fn damage_panics_nowhere() {
        for (file, _) in FILES {
            let footer = footer(file);
            for at in 0..footer.len() {
                for flip in [1, 0x80, 0xff] {
                    let mut damaged = footer.clone();
                    damaged[at] ^= flip;
                    let _ = clock_times(&damaged);
                }
                let _ = clock_times(&footer[..at]);
            }
        }
    }
}
