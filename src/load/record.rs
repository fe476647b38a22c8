//! Reads a file's bytes as records, with the number of the line that each begins on.

use std::io::{self, Read};

use memchr::{memchr, memchr_iter};

pub use super::fields::{FieldSpan, csv, tsv};
use super::framing::{End, end, may_go_on, without_returns};
pub use super::framing::{Framing, are_objects, is_whole};

/// The longest record. A quote that is not closed ends here at the latest.
const MAX_RECORD: usize = 4 << 20;
const CHUNK: u64 = 1 << 20;
/// A byte order mark.
const BOM: &[u8] = b"\xef\xbb\xbf";

/// A record as it stands in the file.
#[derive(Debug)]
pub struct Record<'a> {
    /// The line that it begins on, from 1.
    pub line: u64,
    /// Without the line end.
    pub bytes: &'a [u8],
    /// Why it is none.
    pub fault: Option<&'static str>,
    /// True for the last line of a file if nothing ends it and it may be cut.
    pub unended: bool,
}

/// Reads records.
pub struct RecordReader<R> {
    from: R,
    shape: Framing,
    buffer: Vec<u8>,
    at: usize,
    line: u64,
    ended: bool,
    begun: bool,
    /// Lists that are not closed yet, in `Objects`.
    open: usize,
    /// Something but brackets was read.
    found: bool,
    /// The rest of a line that is too long is passed over.
    skipping: bool,
    /// The text that each record ends with, where there is one.
    after: Option<String>,
    /// A line that is no record wherever it stands again, and how often it did.
    header: Option<HeaderLine>,
    again: u64,
}

impl<R: Read> RecordReader<R> {
    /// Over `from`, from its beginning.
    pub fn new(from: R, shape: Framing) -> Self {
        let (buffer, header, after) = (Vec::new(), None, None);
        Self {
            from,
            shape,
            buffer,
            at: 0,
            line: 1,
            ended: false,
            begun: false,
            open: 0,
            found: false,
            skipping: false,
            after,
            header,
            again: 0,
        }
    }

    /// Over records that end with that text.
    pub fn ending_with(self, after: Option<String>) -> Self {
        Self { after, ..self }
    }

    /// Passes over the first record, and over every line that is the same, in whatever case. A line with the same names in
    /// another order is an error: what stands behind it would go to other columns.
    pub fn skip_header(&mut self) -> io::Result<()> {
        let header = self.read()?.map(|record| record.bytes.to_vec());
        self.header = header.map(HeaderLine::new);
        Ok(())
    }

    /// The number of lines that were the header again.
    pub fn headers_again(&self) -> u64 {
        self.again
    }

    /// The next record; empty lines are none.
    pub fn read(&mut self) -> io::Result<Option<Record<'_>>> {
        if self.line == 1 && self.at == 0 && !self.begun {
            self.begin()?;
        }
        loop {
            let rest = self.buffer.get(self.at..).unwrap_or_default();
            if self.skipping {
                let newline = memchr(b'\n', rest);
                self.at += newline.map_or(rest.len(), |at| at + 1);
                self.line += u64::from(newline.is_some());
                self.skipping = newline.is_none() && !self.ended;
                if self.skipping {
                    self.fill()?;
                }
                continue;
            }
            if self.shape == Framing::Objects {
                let skipped =
                    rest.iter().take_while(|byte| matches!(byte, b' ' | b'\t' | b'\r' | b'\n' | b',' | b'[' | b']'));
                let skipped = skipped.count();
                let skipped = rest.get(..skipped).unwrap_or_default();
                self.open += memchr_iter(b'[', skipped).count();
                self.open = self.open.saturating_sub(memchr_iter(b']', skipped).count());
                self.line += lines(skipped);
                self.at += skipped.len();
            }
            let rest = self.buffer.get(self.at..).unwrap_or_default();
            if self.shape == Framing::Objects && !self.found && !rest.is_empty() {
                if self.open > 1 && !rest.starts_with(b"{") {
                    return Err(io::Error::other(
                        "is a list of lists: expected are objects, whose keys name the columns",
                    ));
                }
                self.found = true;
            }
            if rest.is_empty() && self.ended {
                if self.open > 0 {
                    return Err(io::Error::other("the list of objects has no end: the file is cut off"));
                }
                return Ok(None);
            }
            let whole = self.ended || rest.len() > MAX_RECORD;
            let (length, next, fault) = match end(rest, self.shape, whole) {
                End::At { length, next } => (length, next, None),
                End::Bad { length, next, why } => (length, next, Some(why)),
                End::More => {
                    self.fill()?;
                    continue;
                }
            };
            let (line, from) = (self.line, self.at);
            let is_last = self.ended && next == rest.len();
            let unended = is_last
                && next == length
                && may_go_on(rest.get(..length).unwrap_or_default(), self.shape, self.after.as_deref());
            if self.shape == Framing::Objects && fault.is_some() {
                // What a bad object's line ends with closes the list all the same.
                let closes = rest.get(..length).unwrap_or_default().trim_ascii_end().ends_with(b"]");
                self.open -= usize::from(closes && self.open > 0);
            }
            self.skipping = next == length && length > MAX_RECORD && self.shape != Framing::Objects;
            self.line += lines(rest.get(..next).unwrap_or_default());
            self.at += next;
            let bytes = self.buffer.get(from..from + length).unwrap_or_default();
            let bytes = without_returns(bytes);
            match self.header.as_ref().and_then(|header| header.compare(bytes.strip_prefix(BOM).unwrap_or(bytes))) {
                Some(HeaderAgain::Same) => {
                    self.again += 1;
                    continue;
                }
                Some(HeaderAgain::OtherOrder) => {
                    return Err(io::Error::other(format!(
                        "line {line} has the names of the header in another order: split the file before it"
                    )));
                }
                None => {}
            }
            // PostgreSQL's COPY ends with it, also where several files were put together.
            if matches!(self.shape, Framing::Csv(_) | Framing::Tsv(_)) && bytes == b"\\." {
                continue;
            }
            if !bytes.iter().all(u8::is_ascii_whitespace) || (fault.is_some() && !bytes.is_empty()) {
                let fault = if bytes.len() > MAX_RECORD {
                    Some("longer than 4 MB; only its beginning is kept here")
                } else {
                    fault
                };
                // Borrowed anew: the loop may not go on with it.
                let bytes = self.buffer.get(from..from + bytes.len()).unwrap_or_default();
                return Ok(Some(Record { line, bytes, fault, unended }));
            }
        }
    }

    /// Skips a byte order mark.
    fn begin(&mut self) -> io::Result<()> {
        while !self.ended && self.buffer.len() < 3 {
            self.fill()?;
        }
        self.begun = true;
        if self.buffer.starts_with(BOM) {
            self.at = 3;
        }
        Ok(())
    }

    fn fill(&mut self) -> io::Result<()> {
        self.buffer.drain(..self.at);
        self.at = 0;
        let read = self.from.by_ref().take(CHUNK).read_to_end(&mut self.buffer)?;
        self.ended = (read as u64) < CHUNK;
        Ok(())
    }
}

/// The line that names the columns.
struct HeaderLine {
    line: Vec<u8>,
    /// Of its bytes, in whatever order.
    sum: u64,
}

/// A line that has the header's names.
enum HeaderAgain {
    Same,
    OtherOrder,
}

impl HeaderLine {
    fn new(line: Vec<u8>) -> Self {
        Self { sum: sum(&line), line }
    }

    /// Compares a line. Nearly every one is told apart by its length or sum.
    fn compare(&self, line: &[u8]) -> Option<HeaderAgain> {
        if line.len() != self.line.len() || sum(line) != self.sum {
            return None;
        }
        if line.eq_ignore_ascii_case(&self.line) {
            return Some(HeaderAgain::Same);
        }
        let names = |line: &[u8]| {
            let is_mark = |byte: &u8| !byte.is_ascii_alphanumeric() && !matches!(byte, b'_' | b' ' | 0x80..);
            let mut names: Vec<Vec<u8>> = line.split(is_mark).map(<[u8]>::to_ascii_lowercase).collect();
            names.sort_unstable();
            names
        };
        (names(line) == names(&self.line)).then_some(HeaderAgain::OtherOrder)
    }
}

/// The sum of a line's bytes, letters as small ones.
fn sum(line: &[u8]) -> u64 {
    line.iter().map(|byte| u64::from(byte.to_ascii_lowercase())).sum()
}

fn lines(bytes: &[u8]) -> u64 {
    memchr_iter(b'\n', bytes).count() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn records(text: &str, shape: Framing) -> Vec<(u64, String, bool)> {
        let mut records = RecordReader::new(text.as_bytes(), shape);
        let mut all = Vec::new();
        // A list that is not closed ends with an error.
        while let Ok(Some(record)) = records.read() {
            all.push((record.line, String::from_utf8_lossy(record.bytes).into_owned(), record.fault.is_some()));
        }
        all
    }

    #[test]
    fn a_csv_record_may_span_lines_and_a_bad_quote_does_not() {
        let text = "\u{feff}a,b\r\n\"x\ny\",2\n\n3,\"open\n4,5\n6,\"a\"b\n7,8";
        let found = records(text, Framing::Csv(b','));
        let wanted = [
            (1, "a,b", false),
            (2, "\"x\ny\",2", false),
            (5, "3,\"open", true),
            (6, "4,5", false),
            (7, "6,\"a\"b", true),
            (8, "7,8", false),
        ];
        assert_eq!(found, wanted.map(|(line, text, bad)| (line, text.to_owned(), bad)));
    }

    #[test]
    fn objects_are_found_in_arrays_and_over_lines() {
        let found = records("[\n {\"a\": \"}\\\"\"},\n {\"b\":\n [1]}\n]\n", Framing::Objects);
        let wanted = [(2, "{\"a\": \"}\\\"\"}", false), (3, "{\"b\":\n [1]}", false)];
        assert_eq!(found, wanted.map(|(line, text, bad)| (line, text.to_owned(), bad)));
        assert!(records("{\"a\":1}\n{\"b\":", Framing::Objects)[1].2);
    }

    #[test]
    fn any_bytes_come_to_an_end_and_lose_no_line() {
        proptest::proptest!(|(text in "[a\",\\\\\n\r{}\\[\\]:1]{0,80}")| {
            for shape in [Framing::Csv(b','), Framing::Tsv(b'\t'), Framing::Lines, Framing::Objects] {
                for (_, record, _) in records(&text, shape) {
                    let (mut cells, mut scratch) = (Vec::new(), String::new());
                    csv(&record, b',', &mut cells, &mut scratch);
                }
            }
        });
    }
}
