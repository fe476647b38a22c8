//! The place between two CDRs at which a page ends and the next begins.
//!
//! CDRs are ordered by time, then by id. Where several have the same of both, the order goes on by the columns of the answer, so
//! that it is the same at every reading; a cursor counts how many of them were given. None is lost or given twice then.

use std::fmt::{self, Display};

use sha2::{Digest as _, Sha256};

use super::columns::CdrColumn;

/// Longest id that a cursor holds, bytes.
const LONGEST_ID: usize = 40;

/// Bytes of the check.
const CHECK: usize = 4;

/// The form of cursors; another one would be of another number.
const VERSION: u8 = 1;

/// A place between two CDRs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CdrCursor {
    /// Second in which the last CDR began.
    pub time: i64,
    /// Its id, as text; empty where the table has none.
    pub id: String,
    /// CDRs of this second and id that were given.
    pub given: u32,
}

/// A cursor that cannot be meant: damaged, of other columns, or of another version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadCursor;

impl CdrCursor {
    /// The text for callers, in letters and digits. It counts CDRs by the order of these columns and is good for no others.
    pub fn text(&self, columns: &[&CdrColumn]) -> String {
        let mut bytes = vec![VERSION];
        // Times are of the years 1970 to 2105.
        bytes.extend(u32::try_from(self.time).unwrap_or(u32::MAX).to_be_bytes());
        bytes.extend(self.given.to_be_bytes());
        bytes.extend(self.id.as_bytes());
        bytes.extend(check(&bytes, columns));
        Hex(&bytes).to_string()
    }

    /// Reads what [`Self::text`] wrote; with `has_number` the id is a whole number.
    ///
    /// # Errors
    /// The text is no cursor, or of other columns.
    pub fn parse(text: &str, columns: &[&CdrColumn], has_number: bool) -> Result<Self, BadCursor> {
        let bytes = unhex(text).filter(|bytes| bytes.len() <= 1 + 8 + LONGEST_ID + CHECK).ok_or(BadCursor)?;
        let (bytes, found) = bytes.split_last_chunk::<CHECK>().ok_or(BadCursor)?;
        if check(bytes, columns) != *found {
            return Err(BadCursor);
        }
        let (version, rest) = bytes.split_first().ok_or(BadCursor)?;
        let (time, rest) = rest.split_first_chunk().ok_or(BadCursor)?;
        let (given, id) = rest.split_first_chunk().ok_or(BadCursor)?;
        if *version != VERSION {
            return Err(BadCursor);
        }
        let id = std::str::from_utf8(id).map_err(|_damaged| BadCursor)?;
        // Anybody can make the check.
        if has_number && id.parse::<i128>().is_err() || !has_number && !id.is_empty() {
            return Err(BadCursor);
        }
        Ok(Self { time: u32::from_be_bytes(*time).into(), given: u32::from_be_bytes(*given), id: id.to_owned() })
    }
}

/// The first bytes of a digest of the cursor and of the columns, by whose order it counts.
fn check(bytes: &[u8], columns: &[&CdrColumn]) -> [u8; CHECK] {
    let mut hash = Sha256::new();
    hash.update(bytes);
    for column in columns {
        hash.update(column.name);
        hash.update(",");
    }
    hash.finalize().first_chunk().copied().unwrap_or_default()
}

struct Hex<'b>(&'b [u8]);

impl Display for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let pairs = text.as_bytes().chunks_exact(2);
    if !pairs.remainder().is_empty() {
        return None;
    }
    pairs.map(|pair| Some(digit(*pair.first()?)? << 4 | digit(*pair.last()?)?)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::cdrs::columns::CDR_COLUMNS;

    fn columns(names: &[&str]) -> Vec<&'static CdrColumn> {
        names.iter().map(|name| CdrColumn::find(name).unwrap()).collect()
    }

    #[test]
    fn a_cursor_is_read_as_it_was_written_and_for_its_columns_alone() {
        let all: Vec<&CdrColumn> = CDR_COLUMNS.iter().collect();
        for (time, id, given) in [(0, "", 0), (1_795_000_000, "18446744073709551615", 1), (4_294_967_295, "-1", 7)] {
            let cursor = CdrCursor { time, id: id.to_owned(), given };
            let has_number = !id.is_empty();
            assert_eq!(CdrCursor::parse(&cursor.text(&all), &all, has_number), Ok(cursor.clone()));
            assert_eq!(CdrCursor::parse(&cursor.text(&all), &all, !has_number), Err(BadCursor));
            let (one, other) = (columns(&["id", "duration"]), columns(&["duration", "id"]));
            assert_eq!(CdrCursor::parse(&cursor.text(&one), &other, has_number), Err(BadCursor));
        }
        let text = CdrCursor { time: 1, id: "1) OR (1".into(), given: 1 }.text(&all);
        assert_eq!(CdrCursor::parse(&text, &all, true), Err(BadCursor));
    }

    #[test]
    fn what_is_damaged_is_no_cursor() {
        let columns = columns(&["id"]);
        let text = CdrCursor { time: 1_795_000_000, id: "109951165203472".into(), given: 1 }.text(&columns);
        for place in 0..text.len() {
            let mut other = text.clone().into_bytes();
            other[place] = if other[place] == b'0' { b'1' } else { b'0' };
            assert!(CdrCursor::parse(std::str::from_utf8(&other).unwrap(), &columns, true).is_err(), "{place}");
            assert!(CdrCursor::parse(&text[..place], &columns, true).is_err(), "{place}");
        }
        for other in ["", "0", "zz", "' OR 1 --", "00000000000000000000", "ї", &"00".repeat(600)] {
            assert!(CdrCursor::parse(other, &columns, true).is_err(), "{other}");
        }
    }
}
