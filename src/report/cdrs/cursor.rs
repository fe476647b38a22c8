//! The place between two CDRs at which a page or a file ends and the next begins.
//!
//! CDRs are ordered by time, then by id. Where several have the same of both, the order goes on by the columns of the answer, so
//! that it is the same at every reading; a cursor counts how many of them were given. None is lost or given twice then.
//!
//! The count is of the CDRs of one question. A cursor holds the fingerprint of its own and is refused with another.

use std::fmt::{self, Display};

use sha2::{Digest as _, Sha256};

/// Longest id that a cursor holds, bytes.
const LONGEST_ID: usize = 40;

/// Bytes of the check.
const CHECK: usize = 4;

/// The form of cursors; another one would be of another number.
const VERSION: u8 = 2;

/// The first bytes of a digest of all that decides which CDRs a question has and how they are ordered.
pub type QuestionPrint = [u8; 8];

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

/// A cursor that cannot be meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadCursor {
    /// Damaged, or of another version.
    Damaged,
    /// Of a question with other calls or columns.
    OfAnother,
}

impl CdrCursor {
    /// The text for callers, in letters and digits. It counts CDRs of this question and is good for no other.
    pub fn text(&self, question: QuestionPrint) -> String {
        let mut bytes = vec![VERSION];
        // Times are of the years 1970 to 2105.
        bytes.extend(u32::try_from(self.time).unwrap_or(u32::MAX).to_be_bytes());
        bytes.extend(self.given.to_be_bytes());
        bytes.extend(question);
        bytes.extend(self.id.as_bytes());
        bytes.extend(check(&bytes));
        Hex(&bytes).to_string()
    }

    /// Reads what [`Self::text`] wrote; with `has_number` the id is a whole number.
    ///
    /// # Errors
    /// The text is no cursor, or of another question.
    pub fn parse(text: &str, question: QuestionPrint, has_number: bool) -> Result<Self, BadCursor> {
        let (of, cursor) = Self::read(text, has_number).ok_or(BadCursor::Damaged)?;
        if of == question { Ok(cursor) } else { Err(BadCursor::OfAnother) }
    }

    fn read(text: &str, has_number: bool) -> Option<(QuestionPrint, Self)> {
        let bytes = unhex(text).filter(|bytes| bytes.len() <= 1 + 8 + 8 + LONGEST_ID + CHECK)?;
        let (bytes, found) = bytes.split_last_chunk::<CHECK>()?;
        (check(bytes) == *found).then_some(())?;
        let (version, rest) = bytes.split_first()?;
        (*version == VERSION).then_some(())?;
        let (time, rest) = rest.split_first_chunk()?;
        let (given, rest) = rest.split_first_chunk()?;
        let (question, id) = rest.split_first_chunk()?;
        let id = std::str::from_utf8(id).ok()?;
        // Anybody can make the check.
        let is_id = if has_number { id.parse::<i128>().is_ok() } else { id.is_empty() };
        let cursor =
            Self { time: u32::from_be_bytes(*time).into(), given: u32::from_be_bytes(*given), id: id.to_owned() };
        is_id.then_some((*question, cursor))
    }
}

/// The first bytes of a digest, by which a damaged cursor is known.
fn check(bytes: &[u8]) -> [u8; CHECK] {
    Sha256::digest(bytes).first_chunk().copied().unwrap_or_default()
}

/// The fingerprint of a text that tells a question.
pub fn fingerprint(question: &str) -> QuestionPrint {
    Sha256::digest(question).first_chunk().copied().unwrap_or_default()
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

    const ONE: QuestionPrint = *b"question";

    #[test]
    fn a_cursor_is_read_as_it_was_written_and_for_its_question_alone() {
        for (time, id, given) in [(0, "", 0), (1_795_000_000, "18446744073709551615", 1), (4_294_967_295, "-1", 7)] {
            let cursor = CdrCursor { time, id: id.to_owned(), given };
            let has_number = !id.is_empty();
            let text = cursor.text(ONE);
            assert_eq!(CdrCursor::parse(&text, ONE, has_number), Ok(cursor));
            assert_eq!(CdrCursor::parse(&text, ONE, !has_number), Err(BadCursor::Damaged));
            assert_eq!(CdrCursor::parse(&text, *b"Question", has_number), Err(BadCursor::OfAnother));
        }
        let text = CdrCursor { time: 1, id: "1) OR (1".into(), given: 1 }.text(ONE);
        assert_eq!(CdrCursor::parse(&text, ONE, true), Err(BadCursor::Damaged));
    }

    #[test]
    fn what_is_damaged_is_no_cursor() {
        let text = CdrCursor { time: 1_795_000_000, id: "109951165203472".into(), given: 1 }.text(ONE);
        let damaged = Err(BadCursor::Damaged);
        for place in 0..text.len() {
            let mut other = text.clone().into_bytes();
            other[place] = if other[place] == b'0' { b'1' } else { b'0' };
            assert_eq!(CdrCursor::parse(std::str::from_utf8(&other).unwrap(), ONE, true), damaged, "{place}");
            assert_eq!(CdrCursor::parse(&text[..place], ONE, true), damaged, "{place}");
        }
        for other in ["", "0", "zz", "' OR 1 --", "00000000000000000000", "ї", &"00".repeat(600)] {
            assert_eq!(CdrCursor::parse(other, ONE, true), damaged, "{other}");
        }
    }
}
