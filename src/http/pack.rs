//! Packs a file while it is sent, if its format is a packed one. A reader knows a whole file by its end.

use std::io;

use bytes::Bytes;

use crate::format::packed::{Coder, Packing};
use crate::report::form::ResultFormat;

/// Packed bytes that are handed on at once.
const PIECE: usize = 32 * 1024;

/// The packer of a file.
pub struct Packer {
    coder: Option<Coder>,
    packed: Vec<u8>,
}

impl Packer {
    /// That of a format.
    ///
    /// # Errors
    /// There is no memory for it.
    pub fn of(format: ResultFormat) -> io::Result<Self> {
        let packing = match format {
            ResultFormat::CsvGz => Some(Packing::Gzip),
            ResultFormat::CsvZst => Some(Packing::Zstd),
            _ => None,
        };
        Ok(Self { coder: packing.map(Coder::new).transpose()?, packed: Vec::new() })
    }

    /// Takes a piece; gives what is ready to be sent, if it is enough.
    ///
    /// # Errors
    /// The coder's own.
    pub fn push(&mut self, piece: Bytes) -> io::Result<Option<Bytes>> {
        let Some(coder) = &mut self.coder else { return Ok(Some(piece)) };
        coder.write(&piece, &mut self.packed)?;
        Ok((self.packed.len() >= PIECE).then(|| std::mem::take(&mut self.packed).into()))
    }

    /// The end of the file.
    ///
    /// # Errors
    /// The coder's own.
    pub fn finish(mut self) -> io::Result<Bytes> {
        if let Some(coder) = self.coder {
            coder.finish(&mut self.packed)?;
        }
        Ok(self.packed.into())
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    fn packed(format: ResultFormat) -> Vec<u8> {
        let (mut packer, mut out) = (Packer::of(format).unwrap(), Vec::new());
        for number in 0..100_000_u32 {
            let piece = Bytes::from(number.wrapping_mul(2_654_435_761).to_string());
            out.extend(packer.push(piece).unwrap().into_iter().flatten());
        }
        out.extend(packer.finish().unwrap());
        out
    }

    #[test]
    fn what_was_packed_unpacks_and_a_cut_shows() {
        let plain = packed(ResultFormat::Csv);
        let gzip = |bytes: &[u8]| {
            let mut out = Vec::new();
            flate2::read::GzDecoder::new(bytes).read_to_end(&mut out).map(|_| out)
        };
        let packed_gzip = packed(ResultFormat::CsvGz);
        assert_eq!(gzip(&packed_gzip).unwrap(), plain);
        assert!(gzip(&packed_gzip[..packed_gzip.len() - 1]).is_err());
        let packed_zstd = packed(ResultFormat::CsvZst);
        assert_eq!(zstd::decode_all(&*packed_zstd).unwrap(), plain);
        assert!(zstd::decode_all(&packed_zstd[..packed_zstd.len() - 1]).is_err());
    }
}
