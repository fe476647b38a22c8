//! The server's Native format: blocks of columns, each with its name and type before its values.

use std::io::{self, BufRead, BufReader, Read};

use super::column::ColumnType;
use super::values::{TypedValues, ValueData, typed_column};
use super::wire::{bytes, dictionary, length, number, odd, parts, prefix, text, values, width};

/// More columns than any table has.
const MAX_COLUMNS: u64 = 1 << 16;

/// Names and types of the first block, in the order of the file, none where it is empty; and the bytes of that block.
pub fn columns(from: impl Read) -> io::Result<(Vec<(String, String)>, u64)> {
    let mut from = BufReader::with_capacity(1 << 16, from.take(u64::MAX));
    let mut columns = Vec::new();
    let Some((count, rows)) = head(&mut from)? else { return Ok((columns, 0)) };
    for _ in 0..count {
        let (name, spelled) = (text(&mut from)?, text(&mut from)?);
        let passed = if rows == 0 {
            Ok(())
        } else {
            prefix(&mut from, &spelled).and_then(|()| values(&mut from, &spelled, rows))
        };
        passed.map_err(|error| in_column(&name, &spelled, &error))?;
        columns.push((name, spelled));
    }
    let read = u64::MAX - from.get_ref().limit() - from.buffer().len() as u64;
    Ok((columns, read))
}

/// Columns and rows of the block that begins, if one does.
fn head(from: &mut impl BufRead) -> io::Result<Option<(u64, u64)>> {
    if from.fill_buf()?.is_empty() {
        return Ok(None);
    }
    let (count, rows) = (length(from)?, length(from)?);
    if count > MAX_COLUMNS || rows > 1 << 40 {
        return Err(io::Error::other("is no file of the Native format"));
    }
    Ok(Some((count, rows)))
}

/// True for a type whose values are read here.
pub fn is_read(spelled: &str) -> bool {
    match typed_column("", spelled).kind {
        Some(ColumnType::Array(element)) => element.width().is_some() && !spelled.starts_with("LowCardinality"),
        kind => kind.is_some(),
    }
}

/// Reads a file's blocks.
pub struct NativeBlocks<R> {
    from: BufReader<R>,
    sources: Vec<String>,
    rows: u64,
}

/// Rows of a file, column by column.
#[derive(Debug)]
pub struct TypedBlock {
    /// The number of rows before them.
    pub before: u64,
    /// Their number.
    pub rows: usize,
    /// Their values, by the file's columns.
    pub columns: Vec<TypedValues>,
}

impl<R: Read> NativeBlocks<R> {
    /// Over `from`, of which these columns are read.
    pub fn new(from: R, sources: &[String]) -> Self {
        Self { from: BufReader::with_capacity(1 << 18, from), sources: sources.to_vec(), rows: 0 }
    }

    /// The next block that has rows.
    pub fn next_block(&mut self) -> io::Result<Option<TypedBlock>> {
        let is_cut = |error: io::Error| match error.kind() {
            io::ErrorKind::UnexpectedEof => io::Error::other("ends within a block of rows: the file is cut off"),
            _ => error,
        };
        loop {
            let Some((count, rows)) = head(&mut self.from).map_err(is_cut)? else { return Ok(None) };
            if let Some(block) = self.block(count, rows).map_err(is_cut)? {
                return Ok(Some(block));
            }
        }
    }

    fn block(&mut self, count: u64, rows: u64) -> io::Result<Option<TypedBlock>> {
        let mut columns: Vec<Option<TypedValues>> = self.sources.iter().map(|_| None).collect();
        let before = self.rows;
        self.rows += rows;
        for _ in 0..count {
            let (name, spelled) = (text(&mut self.from)?, text(&mut self.from)?);
            if rows == 0 {
                continue;
            }
            let at = self.sources.iter().position(|source| *source == name);
            let read = match at.and_then(|at| columns.get_mut(at)) {
                Some(place @ None) if is_read(&spelled) => prefix(&mut self.from, &spelled)
                    .and_then(|()| read(&mut self.from, &spelled, rows))
                    .map(|(nulls, data)| {
                        *place = Some(TypedValues { column: typed_column(&name, &spelled), nulls, data });
                    }),
                Some(Some(_)) => Err(io::Error::other("comes twice")),
                Some(None) => Err(odd()),
                None => prefix(&mut self.from, &spelled).and_then(|()| values(&mut self.from, &spelled, rows)),
            };
            read.map_err(|error| in_column(&name, &spelled, &error))?;
        }
        if rows == 0 {
            return Ok(None);
        }
        let missing = columns.iter().zip(&self.sources).find(|(column, _)| column.is_none());
        if let Some((_, name)) = missing {
            return Err(io::Error::other(format!(
                "from row {} on there is no column {name}: split the file",
                before + 1
            )));
        }
        let rows = usize::try_from(rows).map_err(io::Error::other)?;
        Ok(Some(TypedBlock { before, rows, columns: columns.into_iter().flatten().collect() }))
    }
}

/// Names the column in which reading failed.
fn in_column(name: &str, spelled: &str, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("column {name}, of type {spelled}: {error}"))
}

/// Reads the nulls and the values of so many rows.
fn read(from: &mut impl BufRead, spelled: &str, rows: u64) -> io::Result<(Vec<u8>, ValueData)> {
    let (name, inner) = parts(spelled);
    if let ("Nullable", [inner]) = (name, &*inner) {
        let nulls = bytes(from, rows)?;
        return Ok((nulls, read(from, inner, rows)?.1));
    }
    if let Some(width) = width(name, &inner) {
        let bytes = bytes(from, width.checked_mul(rows).ok_or_else(odd)?)?;
        return Ok((Vec::new(), ValueData::Fixed(usize::try_from(width).map_err(io::Error::other)?, bytes)));
    }
    let data = match (name, &*inner) {
        ("String", _) => texts(from, rows)?,
        ("Array", [inner]) => {
            let (mut ends, mut last) = (Vec::new(), 0);
            for _ in 0..rows {
                let end = number(from)?;
                if end < last || end > 1 << 40 {
                    return Err(io::Error::other("is no file of the Native format"));
                }
                last = end;
                ends.push(usize::try_from(end).map_err(io::Error::other)?);
            }
            match read(from, inner, last)? {
                (nulls, ValueData::Fixed(width, bytes)) if nulls.is_empty() => ValueData::List(width, bytes, ends),
                _ => return Err(odd()),
            }
        }
        ("LowCardinality", [inner]) => numbered(from, inner, rows)?,
        _ => return Err(odd()),
    };
    Ok((Vec::new(), data))
}

/// Reads texts with their lengths; most are whole in what is buffered.
fn texts(from: &mut impl BufRead, rows: u64) -> io::Result<ValueData> {
    let (mut bytes, mut ends, mut are_short) = (Vec::new(), Vec::new(), true);
    let mut left = rows;
    while left > 0 {
        let there = from.fill_buf()?;
        let mut at = 0;
        while left > 0 {
            let Some(&short) = there.get(at).filter(|first| **first < 0x80) else { break };
            let end = at + 1 + usize::from(short);
            if end > there.len() {
                break;
            }
            at = end;
            ends.push(bytes.len() + end);
            left -= 1;
        }
        bytes.extend_from_slice(there.get(..at).unwrap_or_default());
        from.consume(at);
        if left > 0 {
            let size = length(from)?;
            super::value::length(usize::try_from(size).map_err(io::Error::other)?, &mut bytes);
            let begun = bytes.len();
            from.by_ref().take(size).read_to_end(&mut bytes)?;
            if (bytes.len() - begun) as u64 != size {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            are_short &= size < 0x80;
            ends.push(bytes.len());
            left -= 1;
        }
    }
    // A length of one byte is a character of its own, so that no two texts make one together.
    let is_utf8 = are_short && std::str::from_utf8(&bytes).is_ok();
    Ok(ValueData::Text { bytes, ends, is_utf8 })
}

/// Reads values that are numbers of words, and the words.
fn numbered(from: &mut impl BufRead, inner: &str, rows: u64) -> io::Result<ValueData> {
    let (name, within) = parts(inner);
    let (key, has_null) = if let ("Nullable", [key]) = (name, &*within) { (*key, true) } else { (inner, false) };
    if rows == 0 {
        return Ok(ValueData::Words { places: Vec::new(), words: Box::new(ValueData::Fixed(0, Vec::new())), has_null });
    }
    let (width, count) = dictionary(from)?;
    let words = read(from, key, count)?.1;
    if number(from)? != rows {
        return Err(odd());
    }
    let width = usize::try_from(width).map_err(io::Error::other)?;
    let places = bytes(from, rows * width as u64)?;
    let place = |raw: &[u8]| u32::try_from(super::values::whole(raw, false)).ok().filter(|at| u64::from(*at) < count);
    let places = places.chunks_exact(width).map(place).collect::<Option<Vec<_>>>().ok_or_else(odd)?;
    Ok(ValueData::Words { places, words: Box::new(words), has_null })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbered_words_are_read_and_a_block_that_is_cut_off_is_refused() {
        let bytes = b"\x02\x03\x01x LowCardinality(Nullable(String))\x01\0\0\0\0\0\0\0\0\x06\0\0\0\0\0\0\x04\0\0\0\0\0\0\0\0\0\x01a\
            \x02bc\x03\0\0\0\0\0\0\0\0\x03\x02\x01y\x15LowCardinality(UInt8)\x01\0\0\0\0\0\0\0\0\x06\0\0\0\0\0\0\x03\0\0\0\0\0\0\0\
            \0\x01\x02\x03\0\0\0\0\0\0\0\0\x01\x02";
        let sources = ["y", "x"].map(str::to_owned);
        let block = NativeBlocks::new(&bytes[..], &sources).next_block().unwrap().unwrap();
        let text = |column: usize, row: usize| {
            let mut text = String::new();
            block.columns[column].text(row, &mut text).then_some(text)
        };
        assert_eq!([text(0, 0), text(0, 2)], [Some("0".into()), Some("2".into())]);
        let words = [None, Some("a".to_owned()), Some("bc".to_owned())];
        assert_eq!([text(1, 0), text(1, 2), text(1, 1)], words);
        for end in 1..bytes.len() {
            assert!(NativeBlocks::new(&bytes[..end], &sources).next_block().is_err(), "{end}");
        }
        assert!(NativeBlocks::new(&b""[..], &sources).next_block().unwrap().is_none());
    }

    #[test]
    fn no_bytes_panic() {
        proptest::proptest!(|(bytes in proptest::collection::vec(0_u8..130, 0..200))| {
            let _ = columns(&*bytes);
            let _ = NativeBlocks::new(&*bytes, &["a".to_owned()]).next_block();
        });
    }
}
