//! Cuts records into fields.

use std::ops::Range;

use memchr::memchr;

/// A field's place, in the record or in the scratch text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FieldSpan {
    /// Nothing.
    Null,
    /// As it stands in the record.
    Here(Range<usize>),
    /// Unescaped.
    Scratch(Range<usize>),
}

/// Cuts a record of CSV that is whole.
pub fn csv(record: &str, separator: u8, cells: &mut Vec<FieldSpan>, scratch: &mut String) {
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
                cells.push(FieldSpan::Here(from..close));
            } else {
                scratch.push_str(record.get(at..close).unwrap_or_default());
                cells.push(FieldSpan::Scratch(begun..scratch.len()));
            }
            at = close + 1;
        } else {
            let rest = bytes.get(at..).unwrap_or_default();
            let end = at + memchr(separator, rest).unwrap_or(rest.len());
            cells.push(if bytes.get(at..end) == Some(b"\\N") { FieldSpan::Null } else { FieldSpan::Here(at..end) });
            at = end;
        }
        if at >= bytes.len() {
            return;
        }
        at += 1;
    }
}

/// Cuts a line of TSV; false where a backslash means nothing.
pub fn tsv(record: &str, separator: u8, cells: &mut Vec<FieldSpan>, scratch: &mut String) -> bool {
    cells.clear();
    scratch.clear();
    let mut at = 0;
    for field in record.split(char::from(separator)) {
        let range = at..at + field.len();
        at += field.len() + 1;
        if field == "\\N" {
            cells.push(FieldSpan::Null);
        } else if memchr(b'\\', field.as_bytes()).is_none() {
            cells.push(FieldSpan::Here(range));
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
            cells.push(FieldSpan::Scratch(begun..scratch.len()));
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(record: &str) -> Vec<Option<String>> {
        let (mut cells, mut scratch) = (Vec::new(), String::new());
        csv(record, b',', &mut cells, &mut scratch);
        let text = |cell: &FieldSpan| match cell {
            FieldSpan::Null => None,
            FieldSpan::Here(range) => Some(record[range.clone()].to_owned()),
            FieldSpan::Scratch(range) => Some(scratch[range.clone()].to_owned()),
        };
        cells.iter().map(text).collect()
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
}
