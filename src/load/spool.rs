//! Rows that were checked, written as they are sent. Kept packed, small ones in memory, so that a file is read once.

use std::io::{self, Read, Seek as _};

use lz4_flex::frame::{FrameDecoder, FrameEncoder};
use tempfile::SpooledTempFile;

use super::native::TypedBlock;
use super::plan::RowKey;
use super::source::has_room;

/// Packed bytes that stay in memory.
const IN_MEMORY: usize = 32 << 20;
/// Bytes between two looks at what is free on the disk.
const LOOK: usize = 256 << 20;

/// Rows as they are sent.
#[derive(Debug, Default)]
pub struct KeptRows {
    /// One behind the other.
    pub bytes: Vec<u8>,
    /// Where each ends, its `time_start` and its key.
    pub rows: Vec<(usize, i64, RowKey)>,
    /// The rows themselves in place of bytes, where the server takes them as they are.
    pub block: Option<TypedBlock>,
    /// The number of rows up to the end of each file; empty where all are of one.
    pub files: Vec<usize>,
}

impl KeptRows {
    /// Adds rows behind these.
    pub fn append(&mut self, other: Self) {
        let before = self.bytes.len();
        self.bytes.extend_from_slice(&other.bytes);
        self.rows.extend(other.rows.into_iter().map(|(end, time, key)| (before + end, time, key)));
    }

    /// Adds the row that ends the bytes.
    pub fn end(&mut self, time: i64, key: RowKey) {
        self.rows.push((self.bytes.len(), time, key));
    }
}

/// Where rows are kept; a failure or too little space gives it up.
pub struct SpoolWriter {
    packed: Option<FrameEncoder<SpooledTempFile>>,
    parts: usize,
    size: usize,
    until_look: usize,
}

impl SpoolWriter {
    /// Without rows.
    pub fn new() -> Self {
        let file = SpooledTempFile::new(IN_MEMORY);
        Self { packed: Some(FrameEncoder::new(file)), parts: 0, size: 0, until_look: LOOK }
    }

    /// Gives up what was kept: the file is read twice.
    pub fn give_up(&mut self) {
        self.packed = None;
    }

    /// Keeps rows.
    pub fn add(&mut self, rows: &KeptRows) {
        let Some(packed) = &mut self.packed else { return };
        let size = rows.bytes.len() + rows.rows.len() * WIDTH;
        let look = self.until_look < size;
        self.until_look = if look { LOOK } else { self.until_look - size };
        let kept = if look && !has_room().unwrap_or(false) {
            Err(io::ErrorKind::StorageFull.into())
        } else {
            write(packed, rows)
        };
        (self.parts, self.size) = (self.parts + 1, self.size + size);
        if let Err(error) = kept {
            log::debug!("the file is read twice, as its rows cannot be kept: {error}");
            self.packed = None;
        }
    }

    /// The rows, or `None` where they were given up.
    pub fn end(self) -> Option<SpooledRows> {
        let packed = self.packed?.finish().ok()?;
        Some(SpooledRows { packed, parts: self.parts, size: self.size })
    }
}

/// Rows that were kept.
pub struct SpooledRows {
    packed: SpooledTempFile,
    parts: usize,
    /// Bytes that they take unpacked.
    pub size: usize,
}

impl SpooledRows {
    /// Reads them from their beginning; each part as it was kept, with the share that it ends.
    pub fn read(&mut self, mut each: impl FnMut(KeptRows, f64) -> bool) -> io::Result<()> {
        self.packed.rewind()?;
        let mut packed = FrameDecoder::new(&mut self.packed);
        for part in 1..=self.parts {
            let rows = read(&mut packed)?;
            if !each(rows, part as f64 / self.parts as f64) {
                break;
            }
        }
        Ok(())
    }
}

/// Bytes of a row's place, time and key.
const WIDTH: usize = 8 + 8 + 1 + 16;

fn write(to: &mut impl io::Write, rows: &KeptRows) -> io::Result<()> {
    let mut head = Vec::with_capacity(16 + rows.rows.len() * WIDTH);
    head.extend((rows.rows.len() as u64).to_le_bytes());
    head.extend((rows.bytes.len() as u64).to_le_bytes());
    for (end, time, key) in &rows.rows {
        let (kind, key) = match key {
            RowKey::None => (0, 0),
            RowKey::Id(id) => (1, u128::from(*id)),
            RowKey::Uuid(uuid) => (2, *uuid),
            RowKey::Digest(digest) => (3, *digest),
        };
        head.extend((*end as u64).to_le_bytes());
        head.extend(time.to_le_bytes());
        head.push(kind);
        head.extend(key.to_le_bytes());
    }
    to.write_all(&head)?;
    to.write_all(&rows.bytes)
}

fn read(from: &mut impl Read) -> io::Result<KeptRows> {
    let size = |from: &mut dyn Read| {
        let mut size = [0; 8];
        from.read_exact(&mut size)?;
        usize::try_from(u64::from_le_bytes(size)).map_err(io::Error::other)
    };
    let (count, length) = (size(from)?, size(from)?);
    let mut head = vec![0; count * WIDTH];
    from.read_exact(&mut head)?;
    let rows = head.chunks_exact(WIDTH).map(|mut row| {
        use bytes::Buf as _;
        let (end, time, kind, key) = (row.get_u64_le() as usize, row.get_i64_le(), row.get_u8(), row.get_u128_le());
        let key = match kind {
            0 => RowKey::None,
            1 => RowKey::Id(key as u64),
            2 => RowKey::Uuid(key),
            _ => RowKey::Digest(key),
        };
        (end, time, key)
    });
    let rows = rows.collect();
    let mut bytes = vec![0; length];
    from.read_exact(&mut bytes)?;
    Ok(KeptRows { bytes, rows, ..KeptRows::default() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_come_back_as_often_as_they_are_read() {
        let mut writer = SpoolWriter::new();
        let part = |bytes: &[u8], keys: &[RowKey]| {
            let mut rows = KeptRows::default();
            for (byte, key) in bytes.iter().zip(keys) {
                rows.bytes.extend([*byte; 3]);
                rows.end(-5, *key);
            }
            rows
        };
        let parts =
            [(&b"ab"[..], &[RowKey::Id(u64::MAX), RowKey::None][..]), (b"", &[]), (b"c", &[RowKey::Uuid(u128::MAX)])];
        parts.iter().for_each(|(bytes, keys)| writer.add(&part(bytes, keys)));
        let mut kept = writer.end().unwrap();
        for _ in 0..2 {
            let mut found = Vec::new();
            kept.read(|rows, _| {
                found.push(rows);
                true
            })
            .unwrap();
            for (found, (bytes, keys)) in found.iter().zip(parts) {
                let wanted = part(bytes, keys);
                assert_eq!((&found.bytes, &found.rows), (&wanted.bytes, &wanted.rows));
            }
            assert_eq!(found.len(), 3);
        }
    }
}
