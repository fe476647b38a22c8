//! Text packed with gzip or Zstandard. Both end with a checksum, so that a cut shows.

use std::io::{self, Write as _};

use flate2::Compression;
use flate2::write::GzEncoder;

use super::{PIECE, Produce};

/// A way of packing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Packing {
    /// gzip, RFC 1952.
    Gzip,
    /// Zstandard, RFC 8878.
    Zstd,
}

/// A coder of a text that comes in pieces.
pub enum Coder {
    /// gzip.
    Gzip(GzEncoder<Vec<u8>>),
    /// Zstandard.
    Zstd(zstd::stream::write::Encoder<'static, Vec<u8>>),
}

impl Coder {
    /// A coder at the beginning.
    ///
    /// # Errors
    /// There is no memory for it.
    pub fn new(packing: Packing) -> io::Result<Self> {
        Ok(match packing {
            // Without a time, so that the same text is the same bytes.
            Packing::Gzip => Self::Gzip(GzEncoder::new(Vec::new(), Compression::default())),
            Packing::Zstd => {
                let mut coder = zstd::stream::write::Encoder::new(Vec::new(), zstd::DEFAULT_COMPRESSION_LEVEL)?;
                coder.include_checksum(true)?;
                Self::Zstd(coder)
            }
        })
    }

    /// Takes a piece of text, and moves what has been packed to `out`.
    ///
    /// # Errors
    /// The coder's own.
    pub fn write(&mut self, text: &[u8], out: &mut Vec<u8>) -> io::Result<()> {
        match self {
            Self::Gzip(coder) => coder.write_all(text)?,
            Self::Zstd(coder) => coder.write_all(text)?,
        }
        out.append(match self {
            Self::Gzip(coder) => coder.get_mut(),
            Self::Zstd(coder) => coder.get_mut(),
        });
        Ok(())
    }

    /// Ends the text.
    ///
    /// # Errors
    /// The coder's own.
    pub fn finish(self, out: &mut Vec<u8>) -> io::Result<()> {
        let mut last = match self {
            Self::Gzip(coder) => coder.finish()?,
            Self::Zstd(coder) => coder.finish()?,
        };
        out.append(&mut last);
        Ok(())
    }
}

/// Packs what another writer writes. A clone of a fresh writer writes the same bytes again.
pub struct Packed<P> {
    writer: P,
    packing: Packing,
    /// Made with the first piece.
    coder: Option<Coder>,
}

impl<P> Packed<P> {
    /// A writer at the beginning.
    pub fn new(writer: P, packing: Packing) -> Self {
        Self { writer, packing, coder: None }
    }
}

impl<P: Clone> Clone for Packed<P> {
    fn clone(&self) -> Self {
        Self::new(self.writer.clone(), self.packing)
    }
}

impl<P: Produce> Packed<P> {
    fn pack(&mut self, out: &mut Vec<u8>) -> io::Result<bool> {
        let mut coder = match self.coder.take() {
            Some(coder) => coder,
            None => Coder::new(self.packing)?,
        };
        let mut text = Vec::with_capacity(PIECE + PIECE / 8);
        // A piece of nothing would be no piece.
        loop {
            text.clear();
            let more = self.writer.produce(&mut text);
            coder.write(&text, out)?;
            if !more {
                coder.finish(out)?;
                return Ok(false);
            }
            if !out.is_empty() {
                self.coder = Some(coder);
                return Ok(true);
            }
        }
    }
}

impl<P: Produce> Produce for Packed<P> {
    fn produce(&mut self, out: &mut Vec<u8>) -> bool {
        self.pack(out).unwrap_or_else(|error| {
            // Where the memory for a coder is not to be had. What there is has no end mark.
            log::error!("a file was not packed: {error}");
            false
        })
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    /// So many lines, and the next of them.
    #[derive(Clone)]
    struct Lines(usize, usize);

    impl Produce for Lines {
        fn produce(&mut self, out: &mut Vec<u8>) -> bool {
            while out.len() < PIECE {
                if self.1 == self.0 {
                    return false;
                }
                out.extend_from_slice(format!("{},{}\r\n", self.1, self.1 * 7919 % 10_007).as_bytes());
                self.1 += 1;
            }
            true
        }
    }

    fn whole(mut writer: impl Produce) -> Vec<u8> {
        let mut out = Vec::new();
        loop {
            let mut piece = Vec::new();
            let more = writer.produce(&mut piece);
            out.append(&mut piece);
            if !more {
                return out;
            }
        }
    }

    #[test]
    fn packed_text_unpacks_to_itself_and_a_cut_shows() {
        for lines in [0, 1, 100_000] {
            let text = whole(Lines(lines, 0));
            for packing in [Packing::Gzip, Packing::Zstd] {
                let writer = Packed::new(Lines(lines, 0), packing);
                let packed = whole(writer.clone());
                assert_eq!(whole(writer), packed, "the same bytes again");
                let unpack = |bytes: &[u8]| {
                    let mut text = Vec::new();
                    let read = match packing {
                        Packing::Gzip => flate2::read::GzDecoder::new(bytes).read_to_end(&mut text),
                        Packing::Zstd => zstd::stream::read::Decoder::new(bytes).unwrap().read_to_end(&mut text),
                    };
                    read.map(|_| text)
                };
                assert_eq!(unpack(&packed).unwrap(), text);
                for cut in [1, 4, packed.len() / 2] {
                    assert!(unpack(&packed[..packed.len() - cut]).is_err(), "{packing:?} {lines} -{cut}");
                }
            }
        }
    }
}
