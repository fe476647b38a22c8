//! Reads the engine's TabSeparated format as it arrives: rows, then (after an empty line) the totals.

/// Bytes that are not what the statement's columns promise.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum TsvError {
    /// A row with another number of fields, or a field of another type.
    #[error("unexpected row from the engine: {0:?}")]
    Row(String),
    /// The stream ended within a row, or before the totals.
    #[error("the engine's answer ended early")]
    CutShort,
    /// More rows than may be held.
    #[error("more than {0} rows")]
    TooMany(usize),
}

/// Takes what `TsvReader` finds.
pub trait Rows {
    /// One row, without its line end. `None` refuses it.
    fn row(&mut self, line: &[u8]) -> Option<()>;
    /// The totals row. `None` refuses it.
    fn totals(&mut self, line: &[u8]) -> Option<()>;
    /// True if the statement has totals; a stream without them is then cut short.
    const TOTALS: bool;
    /// ClickHouse's name of the format of lines that it reads.
    const FORMAT: &'static str = "TabSeparated";
    /// Most rows that it takes.
    fn most(&self) -> usize {
        usize::MAX
    }
}

/// A receiver of at most this many rows.
#[derive(Debug)]
pub struct AtMost<'r, R>(pub &'r mut R, pub usize);

impl<R: Rows> Rows for AtMost<'_, R> {
    const TOTALS: bool = R::TOTALS;
    const FORMAT: &'static str = R::FORMAT;

    fn row(&mut self, line: &[u8]) -> Option<()> {
        self.0.row(line)
    }

    fn totals(&mut self, line: &[u8]) -> Option<()> {
        self.0.totals(line)
    }

    fn most(&self) -> usize {
        self.1
    }
}

/// Splits a stream of chunks into lines.
#[derive(Debug, Default)]
pub struct TsvReader {
    /// The beginning of a line whose end has not come yet.
    partial: Vec<u8>,
    state: TsvState,
    /// Rows so far.
    count: usize,
}

#[derive(Debug, Default, PartialEq, Eq)]
enum TsvState {
    #[default]
    Rows,
    Totals,
    Done,
}

impl TsvReader {
    /// Takes the next chunk.
    ///
    /// # Errors
    /// A row that `rows` refuses.
    pub fn feed<R: Rows>(&mut self, mut chunk: &[u8], rows: &mut R) -> Result<(), TsvError> {
        while let Some(end) = memchr::memchr(b'\n', chunk) {
            let (line, rest) = (&chunk[..end], &chunk[end + 1..]);
            if self.partial.is_empty() {
                self.line(line, rows)?;
            } else {
                self.partial.extend_from_slice(line);
                let whole = std::mem::take(&mut self.partial);
                self.line(&whole, rows)?;
            }
            chunk = rest;
        }
        self.partial.extend_from_slice(chunk);
        Ok(())
    }

    /// Ends the stream.
    ///
    /// # Errors
    /// When it ended too early.
    pub fn finish<R: Rows>(self) -> Result<(), TsvError> {
        let complete = self.state == TsvState::Done || !R::TOTALS;
        if complete && self.partial.is_empty() { Ok(()) } else { Err(TsvError::CutShort) }
    }

    fn line<R: Rows>(&mut self, line: &[u8], rows: &mut R) -> Result<(), TsvError> {
        let accepted = match self.state {
            TsvState::Rows if line.is_empty() && R::TOTALS => {
                self.state = TsvState::Totals;
                Some(())
            }
            TsvState::Rows if self.count >= rows.most() => return Err(TsvError::TooMany(rows.most())),
            TsvState::Rows => {
                self.count += 1;
                rows.row(line)
            }
            TsvState::Totals => {
                self.state = TsvState::Done;
                rows.totals(line)
            }
            TsvState::Done => None,
        };
        accepted.ok_or_else(|| TsvError::Row(String::from_utf8_lossy(&line[..line.len().min(300)]).into_owned()))
    }
}

/// The fields of a line, one after the other.
#[derive(Clone, Debug)]
pub struct Fields<'l> {
    /// The unread rest of the line; `None` behind the last field.
    rest: Option<&'l [u8]>,
}

impl<'l> Fields<'l> {
    /// At the first field.
    pub fn of(line: &'l [u8]) -> Self {
        Self { rest: Some(line) }
    }

    /// A whole number.
    pub fn integer(&mut self) -> Option<i64> {
        let line = self.rest?;
        let (digits, value) = leading(line);
        // Eighteen digits fit in 64 bits.
        if (1..=18).contains(&digits) && self.skip(line, digits) {
            return i64::try_from(value).ok();
        }
        integer(self.next()?)
    }

    /// A decimal in millionths, as [`millionths`] reads it.
    pub fn millionths(&mut self) -> Option<i128> {
        let line = self.rest?;
        let (digits, whole) = leading(line);
        if (1..=12).contains(&digits) {
            let decimals = match line.get(digits..) {
                Some([b'.', rest @ ..]) => Some(leading(rest)).filter(|(digits, _)| (1..=6).contains(digits)),
                _ => None,
            };
            // Without decimals the field ends behind the digits, or is not one of the usual form.
            let (more, part) = decimals.map_or((0, 0), |(digits, part)| (digits + 1, part));
            let scale = MILLION_BY_DECIMALS.get(more.saturating_sub(1)).copied().unwrap_or(1);
            if self.skip(line, digits + more) {
                return Some(i128::from(whole * 1_000_000 + part * scale));
            }
        }
        millionths(self.next()?)
    }

    /// True if every field was read.
    pub fn is_done(&self) -> bool {
        self.rest.is_none()
    }

    /// Goes on behind a field of `bytes` bytes; `false`, and stays, if the field is longer.
    fn skip(&mut self, line: &'l [u8], bytes: usize) -> bool {
        match line.get(bytes..) {
            Some([b'\t', rest @ ..]) => self.rest = Some(rest),
            Some([]) => self.rest = None,
            Some(_) | None => return false,
        }
        true
    }
}

impl<'l> Iterator for Fields<'l> {
    type Item = &'l [u8];

    fn next(&mut self) -> Option<&'l [u8]> {
        let line = self.rest?;
        let end = memchr::memchr(b'\t', line).unwrap_or(line.len());
        self.rest = line.get(end + 1..);
        line.get(..end)
    }
}

/// The number of leading digits of a text, and their value modulo 2^64.
fn leading(text: &[u8]) -> (usize, u64) {
    let (mut digits, mut value) = (0, 0u64);
    for byte in text {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            break;
        }
        (digits, value) = (digits + 1, value.wrapping_mul(10).wrapping_add(digit.into()));
    }
    (digits, value)
}

/// The factor that makes millionths of a number, by its count of decimals.
const MILLION_BY_DECIMALS: [u64; 7] = [1_000_000, 100_000, 10_000, 1_000, 100, 10, 1];

/// A whole number.
pub fn integer(field: &[u8]) -> Option<i64> {
    let (negative, digits) = match field.strip_prefix(b"-") {
        Some(rest) => (true, rest),
        None => (false, field),
    };
    if digits.is_empty() || digits.len() > 19 {
        return None;
    }
    let mut value: i64 = 0;
    for &digit in digits {
        if !digit.is_ascii_digit() {
            return None;
        }
        // Counted down, since the smallest number has no positive twin.
        value = value.checked_mul(10)?.checked_sub(i64::from(digit - b'0'))?;
    }
    if negative { Some(value) } else { value.checked_neg() }
}

/// A decimal in millionths; more than six decimals are refused, never cut.
pub fn millionths(field: &[u8]) -> Option<i128> {
    let (negative, digits) = match field.strip_prefix(b"-") {
        Some(rest) => (true, rest),
        None => (false, field),
    };
    let (mut value, mut decimals, mut point) = (0i128, 0u32, false);
    // Eighteen digits fit in 64 bits, whose multiplication is a fraction of the work.
    for digits in digits.chunks(18) {
        let (mut part, mut power) = (0i64, 1i64);
        for &digit in digits {
            match digit {
                b'.' if !point => point = true,
                b'0'..=b'9' => {
                    (part, power) = (part * 10 + i64::from(digit - b'0'), power * 10);
                    decimals += u32::from(point);
                }
                _ => return None,
            }
        }
        value = value.checked_mul(power.into())?.checked_add(part.into())?;
    }
    if digits.is_empty() || decimals > 6 {
        return None;
    }
    let value = value.checked_mul((*MILLION_BY_DECIMALS.get(decimals as usize)?).into())?;
    Some(if negative { -value } else { value })
}

/// A text field without its escapes; `None` for what is no TSV text.
pub fn text(field: &[u8], out: &mut Vec<u8>) -> Option<()> {
    let mut bytes = field.iter();
    while let Some(&byte) = bytes.next() {
        if byte != b'\\' {
            out.push(byte);
            continue;
        }
        out.push(match bytes.next()? {
            b'b' => 8,
            b'f' => 12,
            b'r' => b'\r',
            b'n' => b'\n',
            b't' => b'\t',
            b'0' => 0,
            b'\'' => b'\'',
            b'\\' => b'\\',
            _ => return None,
        });
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::Strategy as _;

    use super::*;

    #[derive(Default)]
    struct Lines(Vec<String>, Option<String>);

    impl Rows for Lines {
        const TOTALS: bool = true;
        fn row(&mut self, line: &[u8]) -> Option<()> {
            self.0.push(String::from_utf8_lossy(line).into_owned());
            Some(())
        }
        fn totals(&mut self, line: &[u8]) -> Option<()> {
            self.1 = Some(String::from_utf8_lossy(line).into_owned());
            Some(())
        }
    }

    #[test]
    fn chunks_may_end_anywhere() {
        let stream = b"1\t2\n3\t4\n\n0\t6\n";
        for cut in 0..stream.len() {
            let (mut reader, mut lines) = (TsvReader::default(), Lines::default());
            reader.feed(&stream[..cut], &mut lines).unwrap();
            reader.feed(&stream[cut..], &mut lines).unwrap();
            reader.finish::<Lines>().unwrap();
            assert_eq!((lines.0.join("|"), lines.1.as_deref()), ("1\t2|3\t4".into(), Some("0\t6")));
        }
    }

    #[test]
    fn no_more_rows_are_taken_than_may_be() {
        let feed = |most| {
            let (mut reader, mut lines) = (TsvReader::default(), Lines::default());
            reader.feed(b"1\n2\n3\n\n0\n", &mut AtMost(&mut lines, most)).map(|()| lines.0.len())
        };
        assert_eq!((feed(3), feed(2)), (Ok(3), Err(TsvError::TooMany(2))));
    }

    #[test]
    fn a_stream_that_ends_early_is_noticed() {
        for stream in ["", "1\t2\n", "1\t2\n\n", "1\t2\n\n0\t6"] {
            let (mut reader, mut lines) = (TsvReader::default(), Lines::default());
            reader.feed(stream.as_bytes(), &mut lines).unwrap();
            assert_eq!(reader.finish::<Lines>(), Err(TsvError::CutShort), "{stream:?}");
        }
    }

    #[test]
    fn numbers_are_exact_or_refused() {
        assert_eq!(integer(b"-9223372036854775808"), Some(i64::MIN));
        assert_eq!(integer(b"9223372036854775807"), Some(i64::MAX));
        for bad in ["", "-", "9223372036854775808", "1.0", "\\N", " 1"] {
            assert_eq!(integer(bad.as_bytes()), None, "{bad:?}");
        }
        assert_eq!(millionths(b"12.5"), Some(12_500_000));
        assert_eq!(millionths(b"-0.000001"), Some(-1));
        for bad in ["", "-", "1.0000001", "1e3", "nan"] {
            assert_eq!(millionths(bad.as_bytes()), None, "{bad:?}");
        }
    }

    proptest::proptest! {
        /// Any bytes in a line, read on from anywhere.
        #[test]
        fn fields_read_as_they_do_alone(line in "(-|0|[0-9]{1,3}|[0-9]{10,20}|\\.|\\.[0-9]{1,7}|\t|x){0,12}") {
            let (mut integers, mut decimals) = (Fields::of(line.as_bytes()), Fields::of(line.as_bytes()));
            for field in line.as_bytes().split(|&byte| byte == b'\t') {
                proptest::prop_assert!(!integers.is_done() && !decimals.is_done());
                proptest::prop_assert_eq!(integers.integer(), integer(field), "{}", line);
                proptest::prop_assert_eq!(decimals.millionths(), millionths(field), "{}", line);
            }
            proptest::prop_assert!(integers.is_done() && decimals.is_done());
            proptest::prop_assert_eq!((integers.integer(), decimals.millionths(), integers.next()), (None, None, None));
        }

        #[test]
        fn decimals_of_every_length_read(millionths_of in proptest::prelude::any::<i64>().prop_map(i128::from), times in 1..1_000_000_000_i128, cut in 0..7_usize) {
            let whole = millionths_of * times;
            let unit = 10i128.pow(cut as u32);
            let value = whole / unit * unit;
            let digits = format!("{:07}", value.unsigned_abs());
            let (before, after) = digits.split_at(digits.len() - 6);
            let sign = if value < 0 { "-" } else { "" };
            let text = format!("{sign}{before}.{after}");
            let text = text.get(..text.len() - cut).unwrap().trim_end_matches('.');
            proptest::prop_assert_eq!(millionths(text.as_bytes()), Some(value), "{}", text);
        }
    }
}
