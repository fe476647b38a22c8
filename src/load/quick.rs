//! Objects whose keys come in an order that is known, cut without looking any up. Takes nothing that a JSON parser would
//! refuse: at whatever it does not know it gives up.

use serde::Deserialize as _;
use serde_json::value::RawValue;

use super::json::Learned;
use super::record::FieldSpan;

/// Cuts an object whose keys are some of `learned`, in that order; `None` for any other.
pub fn cut(text: &str, learned: &[Learned], cells: &mut [FieldSpan], scratch: &mut String) -> Option<()> {
    let bytes = text.as_bytes();
    let mut at = blank(bytes, 0);
    if bytes.get(at) != Some(&b'{') {
        return None;
    }
    at = blank(bytes, at + 1);
    let mut learned = learned.iter();
    loop {
        let rest = bytes.get(at..)?;
        let key = learned.find(|key| rest.starts_with(key.spelled.as_bytes()))?;
        at = blank(bytes, at + key.spelled.len());
        let (cell, end) = value(text, at, key, scratch)?;
        if let Some(column) = key.at {
            *cells.get_mut(column)? = cell;
        }
        at = blank(bytes, end);
        match bytes.get(at)? {
            b',' => at = blank(bytes, at + 1),
            b'}' => break,
            _ => return None,
        }
    }
    (blank(bytes, at + 1) == bytes.len()).then_some(())
}

/// The next place that is not blank.
fn blank(bytes: &[u8], mut at: usize) -> usize {
    while matches!(bytes.get(at), Some(b' ' | b'\t' | b'\n' | b'\r')) {
        at += 1;
    }
    at
}

/// The value at a place, and where it ends.
fn value(text: &str, at: usize, key: &Learned, scratch: &mut String) -> Option<(FieldSpan, usize)> {
    let bytes = text.as_bytes();
    match bytes.get(at).filter(|_| !key.leads)? {
        b'"' => {
            let from = at + 1;
            let (end, escaped) = string(bytes, from)?;
            if !escaped {
                return Some((FieldSpan::Here(from..end), end + 1));
            }
            let begun = scratch.len();
            let plain: String = serde_json::from_str(text.get(at..=end)?).ok()?;
            scratch.push_str(&plain);
            Some((FieldSpan::Scratch(begun..scratch.len()), end + 1))
        }
        b'-' | b'0'..=b'9' => number(bytes, at).map(|end| (FieldSpan::Here(at..end), end)),
        b'[' | b'{' => {
            let mut json = serde_json::Deserializer::from_str(text.get(at..)?);
            let end = at + <&RawValue>::deserialize(&mut json).ok()?.get().len();
            Some((FieldSpan::Here(at..end), end))
        }
        b'n' if bytes.get(at..at + 4) == Some(b"null") => Some((FieldSpan::Null, at + 4)),
        b't' if bytes.get(at..at + 4) == Some(b"true") => Some((FieldSpan::Here(at..at + 4), at + 4)),
        b'f' if bytes.get(at..at + 5) == Some(b"false") => Some((FieldSpan::Here(at..at + 5), at + 5)),
        _ => None,
    }
}

/// The quote that ends a text, and true if there are backslashes before it.
fn string(bytes: &[u8], from: usize) -> Option<(usize, bool)> {
    let mut escaped = false;
    let mut at = from;
    loop {
        match bytes.get(at)? {
            b'"' => return Some((at, escaped)),
            b'\\' => {
                escaped = true;
                at += 2;
            }
            0..b' ' => return None,
            _ => at += 1,
        }
    }
}

/// The end of a number as JSON spells it.
fn number(bytes: &[u8], mut at: usize) -> Option<usize> {
    let digits = |at: usize| {
        let count = bytes.get(at..)?.iter().take_while(|byte| byte.is_ascii_digit()).count();
        (count > 0).then_some(at + count)
    };
    if bytes.get(at) == Some(&b'-') {
        at += 1;
    }
    let end = digits(at)?;
    if bytes.get(at) == Some(&b'0') && end > at + 1 {
        return None;
    }
    let end = if bytes.get(end) == Some(&b'.') { digits(end + 1)? } else { end };
    if !matches!(bytes.get(end), Some(b'e' | b'E')) {
        return Some(end);
    }
    let sign = usize::from(matches!(bytes.get(end + 1), Some(b'+' | b'-')));
    digits(end + 1 + sign)
}

#[cfg(test)]
mod tests {
    use super::super::json::Objects;
    use super::super::record::FieldSpan;
    use super::super::row::Unknown;

    type Row = Result<Vec<Option<String>>, String>;

    fn cut(objects: &mut Objects, text: &str) -> Row {
        let (mut cells, mut scratch) = (Vec::new(), String::new());
        objects.cut(text, 4, &mut cells, &mut scratch, &mut Unknown::default())?;
        let read = |cell: &FieldSpan| match cell {
            FieldSpan::Null => None,
            FieldSpan::Here(range) => Some(text[range.clone()].to_owned()),
            FieldSpan::Scratch(range) => Some(scratch[range.clone()].to_owned()),
        };
        Ok(cells.iter().map(read).collect())
    }

    fn objects() -> Objects {
        Objects::of(&["a", "b", "c.d", "e"].map(str::to_owned))
    }

    #[test]
    fn the_short_way_reads_what_the_long_one_does() {
        let value = "(\"[ -~]{0,3}\"|\"\\\\[nu\"/0-9]{1,5}\"|-?[0-9]{0,3}[.eE+]{0,2}[0-9]{0,2}|null|true|fals[ey]|\\[[1,]{0,3}\\]|\\{\"d\":[0-9]\\}|é)";
        let pair = format!("[ ]?\"[abcex]\"[ ]?: ?{value}");
        let line = format!(" ?\\{{({pair}(,{pair}){{0,4}})?\\}}[ }}x]?");
        proptest::proptest!(|(first in &*line, second in &*line)| {
            let mut taught = objects();
            let before = cut(&mut taught, &first);
            proptest::prop_assert_eq!(&cut(&mut taught, &first), &before, "{}", first);
            proptest::prop_assert_eq!(cut(&mut taught, &second), cut(&mut objects(), &second), "{} {}", first, second);
        });
        let mut taught = objects();
        let whole = "{\"a\":1,\"x\":2,\"b\":\"\",\"e\":null}";
        cut(&mut taught, whole).unwrap();
        for text in [
            whole,
            "{\"a\":01}",
            "{\"a\":1.}",
            "{\"a\":-}",
            "{\"a\":1e+}",
            "{\"a\":1e5,\"b\":-0.5}",
            "{\"a\":\"\t\"}",
            "{\"a\":\"\\ud800\"}",
            "{\"a\":\"\\u00e9\\\\\"}",
            "{\"a\":[1,{\"b\":2}],\"b\":{}}",
            "{\"a\":[1,}",
            "{\"b\":1,\"a\":2}",
            "{\"a\":1,\"a\":2}",
            "{\"x\":1,\"x\":2}",
            "{\"a\":1,}",
            "{\"a\":nullx}",
            "{\"a\":1} ",
            "{\"a\":1}}",
            "{}",
        ] {
            assert_eq!(cut(&mut taught, text), cut(&mut objects(), text), "{text}");
        }
    }
}
