//! Records in bytes: where each ends.

use memchr::{memchr, memchr2};

/// The way in which records follow each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// Fields between separators, quoted where they hold one; a quoted field may hold line ends.
    Csv(u8),
    /// Fields between separators, with backslashes; a record a line.
    Tsv(u8),
    /// A JSON object a line.
    Lines,
    /// JSON objects one after the other or in an array, over any number of lines.
    Objects,
}

/// Where a record ends: its own length, and that of it and what separates it from the next.
pub enum End {
    /// A record.
    At { length: usize, next: usize },
    /// Bytes that are none, and why.
    Bad { length: usize, next: usize, why: &'static str },
    /// It goes on.
    More,
}

/// Finds the record that `bytes` begin with; `whole`: no more will come that belongs to it.
pub fn end(bytes: &[u8], shape: Framing, whole: bool) -> End {
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
        Framing::Tsv(_) | Framing::Lines => line(None),
        Framing::Csv(separator) => match csv_end(bytes, separator, whole) {
            Some(Ok((length, next))) => End::At { length, next },
            Some(Err(why)) => line(Some(why)),
            None => End::More,
        },
        Framing::Objects => match object_end(bytes) {
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
                Some(byte) if *byte == separator => at += 1,
                Some(b'\r' | b'\n') => {
                    let returns = bytes.get(at..)?.iter().take_while(|byte| **byte == b'\r').count();
                    match bytes.get(at + returns) {
                        Some(b'\n') => return Some(Ok((at, at + returns + 1))),
                        None if whole => return Some(Ok((at, at + returns))),
                        None => return None,
                        Some(_) => return Some(Err("text after a closing quote, or a quote that is not closed")),
                    }
                }
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

/// A line without what it ends in: Windows writes `\r\n`, and `\r\r\n` where a program wrote that already.
pub fn without_returns(line: &[u8]) -> &[u8] {
    let length = line.iter().rposition(|byte| *byte != b'\r').map_or(0, |last| last + 1);
    line.get(..length).unwrap_or_default()
}

/// True if the last record of a file, which nothing ends, may be the beginning of a longer one. `after` is the text that each
/// record ends with. An object ends with its bracket; of fields nobody knows, as `101` may go on as `1011`.
pub fn may_go_on(bytes: &[u8], shape: Framing, after: Option<&str>) -> bool {
    match (shape, after) {
        (_, Some(after)) if !after.is_empty() => !bytes.trim_ascii_end().ends_with(after.as_bytes()),
        (Framing::Lines | Framing::Objects, None) => object_end(bytes.trim_ascii_start()).is_none(),
        _ => true,
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

/// True for a line in which objects follow each other.
pub fn are_objects(line: &[u8]) -> bool {
    match object_end(line.trim_ascii_start()) {
        Some(Ok(length)) => {
            line.trim_ascii_start().get(length..).unwrap_or_default().trim_ascii_start().starts_with(b"{")
        }
        Some(Err(())) | None => false,
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
