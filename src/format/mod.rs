//! Formats: a result to the bytes of a body, piece by piece. A file each; none knows where a result comes from.

pub mod breakdown;
pub mod buckets;
pub mod json;
pub mod live;

/// Something that writes itself piece by piece, so that a large text never exists as one string.
pub trait Produce {
    /// Appends the next piece; `false` when that was the last.
    fn produce(&mut self, out: &mut Vec<u8>) -> bool;
}

/// Writers stop a piece when the buffer holds this many bytes.
pub const PIECE: usize = 64 * 1024;
