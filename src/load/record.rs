//! Cuts a file's bytes into records, and each into cells, with the number of the line that it begins on.

use std::io::{self, Read};
use std::ops::Range;

use memchr::{memchr, memchr_iter, memchr2};

/// The longest record. A quote that is not closed ends here at the latest.
const MAX_RECORD: usize = 4 << 20;
const CHUNK: usize = 1 << 20;

/// How records follow each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// Fields between separators, quoted where they hold one; a quoted field may hold line ends.
    Csv(u8),
    /// Fields between separators, with backslashes; a record a line.
    Tsv(u8),
    /// A JSON object a line.
    Lines,
    /// JSON objects one after the other or in an array, over any number of lines.
    Objects,
}

/// A field's place, in the record or in the scratch text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cell {
    /// Nothing.
    Null,
    /// As it stands in the record.
    Here(Range<usize>),
    /// Unescaped.
    Scratch(Range<usize>),
}

/// A record as it stands in the file.
#[derive(Debug)]
pub struct Record<'a> {
    /// The line that it begins on, from 1.
    pub line: u64,
    /// Without the line end.
    pub bytes: &'a [u8],
    /// Why it is none.
    pub fault: Option<&'static str>,
}

/// Reads records.
pub struct Records<R> {
    from: R,
    shape: Shape,
    buffer: Vec<u8>,
    at: usize,
    line: u64,
    ended: bool,
    /// True if an array was opened, in `Objects`.
    begun: bool,
}

/// Where a record ends: its own length, and that of it and what separates it from the next.
enum End {
    At { length: usize, next: usize },
    Bad { length: usize, next: usize, why: &'static str },
    More,
}

impl<R: Read> Records<R> {
    /// Over `from`, from its beginning.
    pub fn new(from: R, shape: Shape) -> Self {
        Self { from, shape, buffer: Vec::new(), at: 0, line: 1, ended: false, begun: false }
    }

    /// The next record; empty lines are none.
    pub fn read(&mut self) -> io::Result<Option<Record<'_>>> {
        if self.line == 1 && self.at == 0 && !self.begun {
            self.begin()?;
        }
        loop {
            let rest = self.buffer.get(self.at..).unwrap_or_default();
            if self.shape == Shape::Objects {
                let skipped =
                    rest.iter().take_while(|byte| matches!(byte, b' ' | b'\t' | b'\r' | b'\n' | b',' | b'[' | b']'));
                let skipped = skipped.count();
                self.line += lines(rest.get(..skipped).unwrap_or_default());
                self.at += skipped;
            }
            let rest = self.buffer.get(self.at..).unwrap_or_default();
            if rest.is_empty() && self.ended {
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
            self.line += lines(rest.get(..next).unwrap_or_default());
            self.at += next;
            let bytes = self.buffer.get(from..from + length).unwrap_or_default();
            let bytes = bytes.strip_suffix(b"\r").unwrap_or(bytes);
            if !bytes.iter().all(u8::is_ascii_whitespace) || (fault.is_some() && !bytes.is_empty()) {
                let fault = if bytes.len() > MAX_RECORD { Some("longer than 4 MB") } else { fault };
                // Borrowed anew: the loop may not go on with it.
                let bytes = self.buffer.get(from..from + bytes.len()).unwrap_or_default();
                return Ok(Some(Record { line, bytes, fault }));
            }
        }
    }

    /// Skips a byte order mark.
    fn begin(&mut self) -> io::Result<()> {
        while !self.ended && self.buffer.len() < 3 {
            self.fill()?;
        }
        self.begun = true;
        if self.buffer.starts_with(b"\xef\xbb\xbf") {
            self.at = 3;
        }
        Ok(())
    }

    fn fill(&mut self) -> io::Result<()> {
        self.buffer.drain(..self.at);
        self.at = 0;
        let length = self.buffer.len();
        self.buffer.resize(length + CHUNK, 0);
        let mut filled = length;
        while filled < self.buffer.len() {
            let read = match self.from.read(self.buffer.get_mut(filled..).unwrap_or_default()) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                read => read?,
            };
            if read == 0 {
                self.ended = true;
                break;
            }
            filled += read;
        }
        self.buffer.truncate(filled);
        Ok(())
    }
}

fn lines(bytes: &[u8]) -> u64 {
    memchr_iter(b'\n', bytes).count() as u64
}

/// Finds the record that `bytes` begin with; `whole`: no more will come that belongs to it.
fn end(bytes: &[u8], shape: Shape, whole: bool) -> End {
    let line = |why: Option<&'static str>| {
        let (length, next) = match memchr(b'\n', bytes) {
            Some(at) => (at, at + 1),
            None if whole => (bytes.len(), bytes.len()),
            None => return End::More,
        };
        match why {
            None => End::At { length, next },
            Some(why) => End::Bad { length, next, why },
        }
    };
    match shape {
        Shape::Tsv(_) | Shape::Lines => line(None),
        Shape::Csv(separator) => match csv_end(bytes, separator, whole) {
            Some(Ok((length, next))) => End::At { length, next },
            Some(Err(why)) => line(Some(why)),
            None => End::More,
        },
        Shape::Objects => match object_end(bytes) {
            Some(Ok(length)) => End::At { length, next: length },
            Some(Err(())) => line(Some("not a JSON object")),
            None if whole => line(Some("a JSON object that does not end")),
            None => End::More,
        },
    }
}

/// Length of the record, and of it with its line end.
fn csv_end(bytes: &[u8], separator: u8, whole: bool) -> Option<Result<(usize, usize), &'static str>> {
    let newline = memchr(b'\n', bytes);
    let first = bytes.get(..newline.unwrap_or(bytes.len())).unwrap_or_default();
    if memchr(b'"', first).is_none() {
        return match newline {
            Some(at) => Some(Ok((at, at + 1))),
            None if whole => Some(Ok((bytes.len(), bytes.len()))),
            None => None,
        };
    }
    let mut at = 0;
    loop {
        if bytes.get(at) == Some(&b'"') {
            at += 1;
            loop {
                let Some(quote) = memchr(b'"', bytes.get(at..)?) else {
                    return whole.then_some(Err("a quote that is not closed"));
                };
                at += quote + 1;
                if bytes.get(at) != Some(&b'"') {
                    break;
                }
                at += 1;
            }
            match bytes.get(at) {
                None if whole => return Some(Ok((at, at))),
                None => return None,
                Some(b'\r') if matches!(bytes.get(at + 1), Some(b'\n')) => return Some(Ok((at, at + 2))),
                Some(b'\r') if bytes.get(at + 1).is_none() => {
                    return if whole { Some(Ok((at, at + 1))) } else { None };
                }
                Some(b'\n') => return Some(Ok((at, at + 1))),
                Some(byte) if *byte == separator => at += 1,
                Some(_) => return Some(Err("text after a closing quote, or a quote that is not closed")),
            }
        } else {
            match memchr2(separator, b'\n', bytes.get(at..)?) {
                Some(found) if bytes.get(at + found) == Some(&b'\n') => return Some(Ok((at + found, at + found + 1))),
                Some(found) => at += found + 1,
                None if whole => return Some(Ok((bytes.len(), bytes.len()))),
                None => return None,
            }
        }
    }
}

/// Refuses a line that is no record of CSV, or whose quotes are not closed.
pub fn is_whole(line: &str, separator: u8) -> Result<(), &'static str> {
    match csv_end(line.as_bytes(), separator, true) {
        Some(Ok((length, _))) if length == line.len() => Ok(()),
        Some(Err(why)) => Err(why),
        Some(Ok(_)) | None => Err("a quote that is not closed"),
    }
}

/// Length of the object that the bytes begin with.
fn object_end(bytes: &[u8]) -> Option<Result<usize, ()>> {
    let (mut depth, mut quoted, mut escaped) = (0_usize, false, false);
    match bytes.first() {
        Some(b'{') => {}
        Some(_) => return Some(Err(())),
        None => return None,
    }
    for (at, byte) in bytes.iter().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            _ if quoted => {}
            b'{' | b'[' => depth += 1,
            b'}' | b']' => {
                depth -= 1;
                if depth == 0 {
                    return Some(Ok(at + 1));
                }
            }
            _ => {}
        }
    }
    None
}

/// Cuts a record of CSV that [`Records`] found whole.
pub fn csv(record: &str, separator: u8, cells: &mut Vec<Cell>, scratch: &mut String) {
    cells.clear();
    scratch.clear();
    let bytes = record.as_bytes();
    let mut at = 0;
    loop {
        if bytes.get(at) == Some(&b'"') {
            let from = at + 1;
            let begun = scratch.len();
            let mut begin = from;
            let close = loop {
                let Some(quote) = memchr(b'"', bytes.get(begin..).unwrap_or_default()) else { break bytes.len() };
                let quote = begin + quote;
                if bytes.get(quote + 1) != Some(&b'"') {
                    break quote;
                }
                scratch.push_str(record.get(at.max(from)..=quote).unwrap_or_default());
                at = quote + 2;
                begin = quote + 2;
            };
            if scratch.len() == begun {
                cells.push(Cell::Here(from..close));
            } else {
                scratch.push_str(record.get(at..close).unwrap_or_default());
                cells.push(Cell::Scratch(begun..scratch.len()));
            }
            at = close + 1;
        } else {
            let rest = bytes.get(at..).unwrap_or_default();
            let end = at + memchr(separator, rest).unwrap_or(rest.len());
            cells.push(if bytes.get(at..end) == Some(b"\\N") { Cell::Null } else { Cell::Here(at..end) });
            at = end;
        }
        if at >= bytes.len() {
            return;
        }
        at += 1;
    }
}

/// Cuts a line of TSV; false where a backslash means nothing.
pub fn tsv(record: &str, separator: u8, cells: &mut Vec<Cell>, scratch: &mut String) -> bool {
    cells.clear();
    scratch.clear();
    let mut at = 0;
    for field in record.split(char::from(separator)) {
        let range = at..at + field.len();
        at += field.len() + 1;
        if field == "\\N" {
            cells.push(Cell::Null);
        } else if memchr(b'\\', field.as_bytes()).is_none() {
            cells.push(Cell::Here(range));
        } else {
            let begun = scratch.len();
            let mut chars = field.chars();
            while let Some(char) = chars.next() {
                if char != '\\' {
                    scratch.push(char);
                    continue;
                }
                scratch.push(match chars.next() {
                    Some('t') => '\t',
                    Some('n') => '\n',
                    Some('r') => '\r',
                    Some('b') => '\u{8}',
                    Some('f') => '\u{c}',
                    Some('0') => '\0',
                    Some(same @ ('\\' | '\'' | '"')) => same,
                    _ => return false,
                });
            }
            cells.push(Cell::Scratch(begun..scratch.len()));
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    fn records(text: &str, shape: Shape) -> Vec<(u64, String, bool)> {
        let mut records = Records::new(text.as_bytes(), shape);
        let mut all = Vec::new();
        while let Some(record) = records.read().unwrap() {
            all.push((record.line, String::from_utf8_lossy(record.bytes).into_owned(), record.fault.is_some()));
        }
        all
    }

    fn fields(record: &str) -> Vec<Option<String>> {
        let (mut cells, mut scratch) = (Vec::new(), String::new());
        csv(record, b',', &mut cells, &mut scratch);
        let text = |cell: &Cell| match cell {
            Cell::Null => None,
            Cell::Here(range) => Some(record[range.clone()].to_owned()),
            Cell::Scratch(range) => Some(scratch[range.clone()].to_owned()),
        };
        cells.iter().map(text).collect()
    }

    #[test]
    fn a_csv_record_may_span_lines_and_a_bad_quote_does_not() {
        let text = "\u{feff}a,b\r\n\"x\ny\",2\n\n3,\"open\n4,5\n6,\"a\"b\n7,8";
        let found = records(text, Shape::Csv(b','));
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
    fn csv_fields_are_unquoted() {
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(
            fields("a,,\"b \"\"c\"\", d\",\\N,\"\",x"),
            [some("a"), some(""), some("b \"c\", d"), None, some(""), some("x")]
        );
        assert_eq!(fields("a,"), [some("a"), some("")]);
        assert_eq!(fields("\"\"\"\""), [some("\"")]);
        assert_eq!(fields("\"a\"\"\",\"\"\"b\""), [some("a\""), some("\"b")]);
    }

    #[test]
    fn objects_are_found_in_arrays_and_over_lines() {
        let found = records("[\n {\"a\": \"}\\\"\"},\n {\"b\":\n [1]}\n]\n", Shape::Objects);
        let wanted = [(2, "{\"a\": \"}\\\"\"}", false), (3, "{\"b\":\n [1]}", false)];
        assert_eq!(found, wanted.map(|(line, text, bad)| (line, text.to_owned(), bad)));
        assert!(records("{\"a\":1}\n{\"b\":", Shape::Objects)[1].2);
    }

    #[test]
    fn any_bytes_come_to_an_end_and_lose_no_line() {
        proptest::proptest!(|(text in "[a\",\\\\\n\r{}\\[\\]:1]{0,80}")| {
            for shape in [Shape::Csv(b','), Shape::Tsv(b'\t'), Shape::Lines, Shape::Objects] {
                for (_, record, _) in records(&text, shape) {
                    fields(&record);
                }
            }
        });
    }
}
