//! Arrow's description of a Parquet file's columns, as far as it tells spans of time from numbers, and times with a zone
//! from others: a schema in the form of
//! Flatbuffers, in Base64, behind the key `ARROW:schema` of the footer. Whatever is damaged or unknown tells of no column.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// The key.
const KEY: &[u8] = b"ARROW:schema";
/// The places of `Timestamp` and `Duration` among the types of a field (Arrow's Schema.fbs).
const TIMESTAMP: u8 = 10;
const DURATION: u8 = 18;

/// The columns of a Parquet footer that Arrow calls durations.
pub fn spans(footer: &[u8]) -> Vec<String> {
    let is_span = |field: At<'_>| Some(field.field(2)?.byte()? == DURATION);
    schema(footer).and_then(|message| fields(&message, &is_span)).unwrap_or_default()
}

/// The columns of a Parquet footer that Arrow calls times with a zone.
pub fn zoned(footer: &[u8]) -> Vec<String> {
    let is_zoned = |field: At<'_>| {
        // Timestamp: unit, timezone.
        let zone = field.field(3)?.follow()?.field(1)?.follow()?.text()?;
        Some(field.field(2)?.byte()? == TIMESTAMP && !zone.is_empty())
    };
    schema(footer).and_then(|message| fields(&message, &is_zoned)).unwrap_or_default()
}

/// The bytes of the description.
fn schema(footer: &[u8]) -> Option<Vec<u8>> {
    let at = memchr::memmem::find(footer, KEY)? + KEY.len();
    // Thrift's compact form: one field further, of text, and its length in groups of seven bits.
    let [0x18, rest @ ..] = footer.get(at..)? else { return None };
    let digits = rest.iter().take(5).position(|byte| byte & 0x80 == 0)? + 1;
    let length = rest.get(..digits)?.iter().rev().fold(0_usize, |sum, byte| sum << 7 | usize::from(byte & 0x7f));
    STANDARD.decode(rest.get(digits..digits.checked_add(length)?)?).ok()
}

/// A place in a Flatbuffer.
#[derive(Clone, Copy)]
struct At<'a>(&'a [u8], usize);

impl<'a> At<'a> {
    fn number(self) -> Option<usize> {
        let bytes = self.0.get(self.1..self.1.checked_add(4)?)?;
        usize::try_from(u32::from_le_bytes(bytes.try_into().ok()?)).ok()
    }

    /// Where an offset leads to.
    fn follow(self) -> Option<Self> {
        Some(Self(self.0, self.1.checked_add(self.number()?)?))
    }

    /// A field of the table here.
    fn field(self, place: usize) -> Option<Self> {
        let back = i32::try_from(self.number()?).ok().or_else(|| Some(self.number()? as u32 as i32))?;
        let vtable = i64::try_from(self.1).ok()? - i64::from(back);
        let vtable = usize::try_from(vtable).ok()?;
        let short = |at: usize| {
            let bytes = self.0.get(at..at.checked_add(2)?)?;
            Some(usize::from(u16::from_le_bytes(bytes.try_into().ok()?)))
        };
        let at = vtable.checked_add(4 + 2 * place)?;
        if 4 + 2 * place >= short(vtable)? {
            return None;
        }
        match short(at)? {
            0 => None,
            offset => Some(Self(self.0, self.1.checked_add(offset)?)),
        }
    }

    fn byte(self) -> Option<u8> {
        self.0.get(self.1).copied()
    }

    /// The items of the list here, each four bytes.
    fn items(self) -> Option<impl Iterator<Item = Self> + use<'a>> {
        let (count, bytes, first) = (self.number()?, self.0, self.1.checked_add(4)?);
        (count <= bytes.len() / 4).then(|| (0..count).map(move |at| Self(bytes, first + 4 * at)))
    }

    fn text(self) -> Option<String> {
        let (length, from) = (self.number()?, self.1.checked_add(4)?);
        Some(String::from_utf8_lossy(self.0.get(from..from.checked_add(length)?)?).into_owned())
    }
}

/// Names of the fields that `is` chooses, of a message that holds a schema.
fn fields(message: &[u8], is: &dyn Fn(At<'_>) -> Option<bool>) -> Option<Vec<String>> {
    // A mark that the length follows, and the length; older writers have the length alone.
    let begin = if message.starts_with(&[0xff; 4]) { 8 } else { 4 };
    let message = message.get(begin..)?;
    let root = At(message, 0).follow()?;
    // Message: version, header_type, header; Schema: endianness, fields; Field: name, nullable, type_type.
    let list = root.field(2)?.follow()?.field(1)?.follow()?.items()?;
    let name = |field: At<'_>| {
        let table = field.follow()?;
        is(table).filter(|is| *is)?;
        table.field(0)?.follow()?.text()
    };
    Some(list.filter_map(name).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &[u8] = include_bytes!("../../tests/it/load/samples/span.parquet");

    #[test]
    fn durations_are_told_from_numbers() {
        assert_eq!(spans(FILE), ["duration"]);
        assert!(spans(b"").is_empty());
    }

    #[test]
    fn damage_tells_of_nothing_and_panics_nowhere() {
        for at in 0..FILE.len() {
            for flip in [1, 0x80, 0xff] {
                let mut damaged = FILE.to_vec();
                damaged[at] ^= flip;
                let _ = spans(&damaged);
            }
            let _ = spans(&FILE[..at]);
        }
    }
}
