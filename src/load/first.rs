//! The first record of a file, which says what the file is.

use std::io;

use super::framing::without_returns;
use super::record::{self, Framing, RecordReader};
use super::row;

/// The reason to refuse a file that begins with `bytes`, if it is no text in UTF-8.
pub fn other_kind(bytes: &[u8]) -> Option<&'static str> {
    let is_mark = bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff");
    if is_mark || bytes.get(..4).is_some_and(|head| !head.starts_with(b"PK") && head.contains(&0)) {
        return Some("is no UTF-8 but UTF-16 or binary: iconv -f UTF-16 -t UTF-8 converts the former");
    }
    if bytes.get(257..262) == Some(b"ustar") {
        return Some("is a tar archive: unpack it (tar -xf) and load its files");
    }
    if bytes.contains(&0) && !bytes.starts_with(b"PK") {
        return Some("begins with bytes that are no text");
    }
    if bytes.starts_with(b"PK\x03\x04") {
        return Some("is a ZIP archive or a spreadsheet: unpack it, or save it as CSV in UTF-8");
    }
    let line = without_returns(bytes);
    if line.contains(&b'\r') && !line.iter().any(|byte| matches!(byte, b'\n' | b'"' | b'{' | b'[')) {
        return Some("has lines that end with a carriage return alone: tr '\\r' '\\n' mends it");
    }
    None
}

/// Records among which the first is looked for that has as many fields as one of the headers.
const FIRST: usize = 1000;

/// The first record of a file without a header line that has as many fields as one of `headers`, else the very first. Those
/// before it are rejects like any other.
pub fn of_width<R: io::Read>(
    records: &mut RecordReader<R>,
    first: Vec<u8>,
    headers: &[Vec<String>],
    around: Option<&(String, String)>,
    shape: Framing,
) -> io::Result<Vec<u8>> {
    let is_known = |bytes: &[u8]| {
        let line = std::str::from_utf8(bytes).ok().and_then(|line| row::within(line, around, shape).ok());
        let whole = line.filter(|line| match shape {
            Framing::Csv(separator) => record::is_whole(line, separator).is_ok(),
            Framing::Tsv(_) | Framing::Lines | Framing::Objects => true,
        });
        whole.is_some_and(|line| {
            let width = super::fields(line, shape).len();
            headers.iter().any(|header| header.len() == width)
        })
    };
    if is_known(&first) {
        return Ok(first);
    }
    for _ in 0..FIRST {
        match records.read()? {
            Some(record) if record.fault.is_none() && is_known(record.bytes) => return Ok(record.bytes.to_vec()),
            Some(_) => {}
            None => break,
        }
    }
    Ok(first)
}
