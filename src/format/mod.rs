//! Formats: a result to the bytes of a body, piece by piece. A file each; none knows where a result comes from.

pub mod breakdown;
pub mod buckets;
pub mod cdrs;
pub mod csv;
pub mod json;
pub mod live;
pub mod ndjson;
pub mod packed;
pub mod rows;
#[cfg(test)]
mod tests;
pub mod xlsx;

use crate::report::form::{ResultForm, ResultFormat};
use csv::CsvWriter;
use ndjson::NdjsonWriter;
use packed::{Packed, Packing};
use rows::FileRows;

/// Something that writes itself piece by piece, so that a large text never exists as one string.
pub trait Produce {
    /// Appends the next piece; `false` when that was the last.
    fn produce(&mut self, out: &mut Vec<u8>) -> bool;

    /// True if that was the last since what it reads cannot be read: what it wrote is not whole.
    fn is_cut(&self) -> bool {
        false
    }
}

/// Writers stop a piece when the buffer holds this many bytes.
pub const PIECE: usize = 64 * 1024;

/// A writer that can begin again.
pub trait Rewrite: Produce + Send {
    /// A clone of it.
    fn again(&self) -> AnyWriter;
}

impl<P: Produce + Clone + Send + 'static> Rewrite for P {
    fn again(&self) -> AnyWriter {
        AnyWriter(Box::new(self.clone()))
    }
}

/// A writer of any format. A clone of a fresh writer writes the same bytes again.
pub struct AnyWriter(Box<dyn Rewrite>);

impl AnyWriter {
    /// This writer.
    pub fn new(writer: impl Rewrite + 'static) -> Self {
        Self(Box::new(writer))
    }

    /// The writer of rows in a format that is text, packed or not; `None` for JSON that is more than rows, and for workbooks.
    pub fn of_rows(rows: impl FileRows, form: ResultForm) -> Option<Self> {
        let csv = |rows| CsvWriter::new(rows, form);
        Some(match form.format {
            ResultFormat::Ndjson => Self::new(NdjsonWriter::new(rows, form)),
            ResultFormat::Csv => Self::new(csv(rows)),
            ResultFormat::CsvGz => Self::new(Packed::new(csv(rows), Packing::Gzip)),
            ResultFormat::CsvZst => Self::new(Packed::new(csv(rows), Packing::Zstd)),
            ResultFormat::Columns
            | ResultFormat::Rows
            | ResultFormat::Xlsx
            | ResultFormat::Parquet
            | ResultFormat::Arrow => return None,
        })
    }
}

impl Clone for AnyWriter {
    fn clone(&self) -> Self {
        self.0.again()
    }
}

impl Produce for AnyWriter {
    fn produce(&mut self, out: &mut Vec<u8>) -> bool {
        self.0.produce(out)
    }

    fn is_cut(&self) -> bool {
        self.0.is_cut()
    }
}
