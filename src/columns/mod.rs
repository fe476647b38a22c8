//! Typed columns in, JSON bytes out. Knows neither where columns come from nor where bytes go.

pub mod buckets;
mod cells;
pub mod json;
pub mod live;
pub mod tsv;
pub mod write;

/// Something that writes itself piece by piece, so that a large text never exists as one string.
pub trait Produce {
    /// Appends the next piece; `false` when that was the last.
    fn produce(&mut self, out: &mut Vec<u8>) -> bool;
}

/// Writers stop a piece when the buffer holds this many bytes.
pub const PIECE: usize = 64 * 1024;
