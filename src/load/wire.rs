//! Values of the Native format: their types and sizes, and those that are passed over.

use std::io::{self, BufRead, Read as _};

/// The longest name, and the longest type.
const MAX_TEXT: u64 = 1 << 16;
/// So many bytes.
pub fn bytes(from: &mut impl BufRead, count: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(usize::try_from(count.min(1 << 24)).unwrap_or(0));
    from.take(count).read_to_end(&mut bytes)?;
    if bytes.len() as u64 == count { Ok(bytes) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
}

/// Bytes of the number of a word, and how many words there are.
pub fn dictionary(from: &mut impl BufRead) -> io::Result<(u64, u64)> {
    let flags = number(from)?;
    let (is_shared, has_words) = (flags & 0x100 != 0, flags & 0x200 != 0);
    if is_shared || flags & 0xff > 3 || !has_words {
        return Err(odd());
    }
    Ok((1 << (flags & 3), number(from)?))
}

/// A length of seven bits a byte.
pub fn length(from: &mut impl BufRead) -> io::Result<u64> {
    let mut length = 0;
    for shift in (0..63).step_by(7) {
        let mut byte = [0];
        from.read_exact(&mut byte)?;
        length |= u64::from(byte[0] & 0x7f) << shift;
        if byte[0] & 0x80 == 0 {
            return Ok(length);
        }
    }
    Err(io::Error::other("is no file of the Native format"))
}

/// A name or a type.
pub fn text(from: &mut impl BufRead) -> io::Result<String> {
    let length = length(from)?;
    if length > MAX_TEXT {
        return Err(io::Error::other("is no file of the Native format"));
    }
    let mut text = Vec::new();
    from.take(length).read_to_end(&mut text)?;
    if text.len() as u64 != length {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    String::from_utf8(text).map_err(io::Error::other)
}

/// A whole number of eight bytes.
pub fn number(from: &mut impl BufRead) -> io::Result<u64> {
    let mut bytes = [0; 8];
    from.read_exact(&mut bytes)?;
    Ok(u64::from_le_bytes(bytes))
}

fn pass(from: &mut impl BufRead, mut bytes: u64) -> io::Result<()> {
    while bytes > 0 {
        let there = from.fill_buf()?.len();
        if there == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let taken = there.min(usize::try_from(bytes).unwrap_or(usize::MAX));
        from.consume(taken);
        bytes -= taken as u64;
    }
    Ok(())
}

/// A type and the types in its brackets.
pub fn parts(spelled: &str) -> (&str, Vec<&str>) {
    let Some((name, rest)) = spelled.split_once('(') else { return (spelled, Vec::new()) };
    let inner = rest.strip_suffix(')').unwrap_or(rest);
    let (mut depth, mut quoted, mut from, mut parts) = (0_usize, false, 0, Vec::new());
    for (at, char) in inner.char_indices() {
        match char {
            '\'' | '`' => quoted = !quoted,
            _ if quoted => {}
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                parts.push(inner.get(from..at).unwrap_or_default().trim());
                from = at + 1;
            }
            _ => {}
        }
    }
    parts.push(inner.get(from..).unwrap_or_default().trim());
    (name, parts)
}

/// The type of an element of a tuple, which may have a name before it.
fn unnamed(element: &str) -> &str {
    let before = element.find('(').unwrap_or(element.len());
    let name = element.get(..before).and_then(|head| head.trim_end().rfind(' '));
    name.and_then(|at| element.get(at + 1..)).unwrap_or(element)
}

/// The failure of a type whose size is not known.
pub fn odd() -> io::Error {
    io::Error::other("what follows it cannot be found; leave it out of the file")
}

/// Deepest nesting of a type: what reads it calls itself for each level.
const DEEPEST: usize = 32;

/// Levels of a type's nesting, whether they are closed or not.
fn depth(spelled: &str) -> usize {
    let (mut level, mut most) = (0_usize, 0);
    for byte in spelled.bytes() {
        match byte {
            b'(' => level += 1,
            b')' => level = level.saturating_sub(1),
            _ => continue,
        }
        most = most.max(level);
    }
    most
}

/// Passes over what precedes the values.
pub fn prefix(from: &mut impl BufRead, spelled: &str) -> io::Result<()> {
    if depth(spelled) > DEEPEST {
        return Err(odd());
    }
    let (name, inner) = parts(spelled);
    match (name, &*inner) {
        ("LowCardinality", _) => pass(from, 8),
        ("Nullable" | "Array", [inner]) => prefix(from, inner),
        ("SimpleAggregateFunction", [_, inner]) => prefix(from, inner),
        ("Tuple" | "Map" | "Nested", all) => all.iter().try_for_each(|one| prefix(from, unnamed(one))),
        _ => Ok(()),
    }
}

/// Passes over the values of so many rows.
pub fn values(from: &mut impl BufRead, spelled: &str, rows: u64) -> io::Result<()> {
    if depth(spelled) > DEEPEST {
        return Err(odd());
    }
    let (name, inner) = parts(spelled);
    if let Some(width) = width(name, &inner) {
        return pass(from, width.checked_mul(rows).ok_or_else(odd)?);
    }
    match (name, &*inner) {
        ("String", _) => {
            for _ in 0..rows {
                let length = length(from)?;
                pass(from, length)?;
            }
            Ok(())
        }
        ("Nullable", [inner]) => pass(from, rows).and_then(|()| values(from, inner, rows)),
        ("SimpleAggregateFunction", [_, inner]) => values(from, inner, rows),
        ("Tuple", all) => all.iter().try_for_each(|one| values(from, unnamed(one), rows)),
        ("Array" | "Map" | "Nested", all) => {
            let mut last = 0;
            for _ in 0..rows {
                last = number(from)?;
            }
            all.iter().try_for_each(|one| values(from, unnamed(one), last))
        }
        ("LowCardinality", [inner]) => {
            let (name, within) = parts(inner);
            let key = if let ("Nullable", [key]) = (name, &*within) { *key } else { *inner };
            words(from, key, rows)
        }
        _ => Err(odd()),
    }
}

/// Passes over values that are numbers of words, and the words.
fn words(from: &mut impl BufRead, key: &str, rows: u64) -> io::Result<()> {
    let mut left = rows;
    while left > 0 {
        let (width, count) = dictionary(from)?;
        values(from, key, count)?;
        let some = number(from)?.min(left);
        if some == 0 {
            return Err(odd());
        }
        pass(from, some * width)?;
        left -= some;
    }
    Ok(())
}

/// Bytes of a value, where all have as many.
pub fn width(name: &str, inner: &[&str]) -> Option<u64> {
    Some(match name {
        "UInt8" | "Int8" | "Bool" | "Enum8" | "Nothing" => 1,
        "UInt16" | "Int16" | "Date" | "Enum16" | "BFloat16" => 2,
        "UInt32" | "Int32" | "Float32" | "DateTime" | "Date32" | "IPv4" | "Decimal32" | "Time" => 4,
        "UInt64" | "Int64" | "Float64" | "DateTime64" | "Decimal64" | "Time64" => 8,
        "UInt128" | "Int128" | "UUID" | "IPv6" | "Decimal128" => 16,
        "UInt256" | "Int256" | "Decimal256" => 32,
        "FixedString" => inner.first()?.parse().ok()?,
        "Decimal" => match inner.first()?.parse::<u32>().ok()? {
            0..=9 => 4,
            10..=18 => 8,
            19..=38 => 16,
            _ => 32,
        },
        _ if name.starts_with("Interval") => 8,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_taken_apart() {
        assert_eq!(parts("Map(String, Array(Int8))"), ("Map", vec!["String", "Array(Int8)"]));
        assert_eq!(parts("Enum8('a,(' = 1, 'b' = 2)").1.len(), 2);
        assert_eq!(unnamed("a Decimal(18, 6)"), "Decimal(18, 6)");
        assert_eq!(unnamed("Decimal(18, 6)"), "Decimal(18, 6)");
        assert_eq!(unnamed("b Int8"), "Int8");
    }

    #[test]
    fn a_type_that_is_nested_without_end_is_refused() {
        for deep in ["Array(".repeat(10_000), format!("{}Int8{}", "Tuple(".repeat(40), ")".repeat(40))] {
            assert!(prefix(&mut &b""[..], &deep).is_err());
            assert!(values(&mut &b""[..], &deep, 1).is_err());
        }
        assert!(prefix(&mut &b""[..], "Map(String, Array(Tuple(Int8, Int8)))").is_ok());
    }
}
