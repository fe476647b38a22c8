//! Rows of raw CDRs, read as ClickHouse sends them: lines of TSV in pieces that end anywhere.

use std::sync::Arc;

use bytes::Bytes;

use super::{BrokenRows, CellKind, FileCell, FileColumn, RowStream};
use crate::columns::tsv::{self, Fields};
use crate::report::cdrs::columns::{CdrColumn, CdrKind};

/// A step in the reading of rows.
#[derive(Debug)]
pub enum RowPiece {
    /// More of the lines.
    Lines(Bytes),
    /// That was the last line.
    End,
    /// They cannot be read to their end.
    Broken,
}

/// Walks raw CDRs. A column of times has epoch seconds.
pub struct CdrRows<P> {
    columns: Arc<[FileColumn]>,
    kinds: Vec<CdrKind>,
    pieces: P,
    /// The unread rest of the latest piece.
    piece: Bytes,
    /// The beginning of a line whose end has not come yet.
    partial: Vec<u8>,
}

impl<P: FnMut() -> RowPiece + Send + 'static> CdrRows<P> {
    /// Before the first CDR.
    pub fn new(columns: &[&'static CdrColumn], pieces: P) -> Self {
        Self {
            columns: columns.iter().map(|column| FileColumn::new(column.name, kind(column))).collect(),
            kinds: columns.iter().map(|column| column.kind).collect(),
            pieces,
            piece: Bytes::new(),
            partial: Vec::new(),
        }
    }

    /// Appends the cells of a line.
    fn cells(&self, line: &[u8], cells: &mut Vec<FileCell>) -> Result<(), BrokenRows> {
        let mut fields = Fields::of(line);
        for kind in &self.kinds {
            cells.push(fields.next().and_then(|field| cell(field, *kind)).ok_or(BrokenRows)?);
        }
        fields.is_done().then_some(()).ok_or(BrokenRows)
    }
}

impl<P: FnMut() -> RowPiece + Send + 'static> RowStream for CdrRows<P> {
    fn heading(&self) -> &Arc<[FileColumn]> {
        &self.columns
    }

    fn next_row(&mut self, cells: &mut Vec<FileCell>) -> Result<bool, BrokenRows> {
        loop {
            if let Some(end) = memchr::memchr(b'\n', &self.piece) {
                let line = self.piece.split_to(end + 1);
                let line = &line[..end];
                if self.partial.is_empty() {
                    self.cells(line, cells)?;
                } else {
                    let mut whole = std::mem::take(&mut self.partial);
                    whole.extend_from_slice(line);
                    self.cells(&whole, cells)?;
                }
                return Ok(true);
            }
            self.partial.extend_from_slice(&self.piece);
            match (self.pieces)() {
                RowPiece::Lines(piece) => self.piece = piece,
                RowPiece::End if self.partial.is_empty() => {
                    self.piece = Bytes::new();
                    return Ok(false);
                }
                RowPiece::End | RowPiece::Broken => return Err(BrokenRows),
            }
        }
    }
}

fn kind(column: &CdrColumn) -> CellKind {
    match column.kind {
        CdrKind::Id => CellKind::Code,
        CdrKind::Time => CellKind::Instant,
        CdrKind::Integer if column.is_code() => CellKind::Code,
        CdrKind::Integer | CdrKind::Price | CdrKind::Rate | CdrKind::Delay => CellKind::Number,
        CdrKind::Text | CdrKind::Number | CdrKind::Address => CellKind::Text,
        CdrKind::Flag => CellKind::Flag,
    }
}

/// The value of a field; `None` for one that its column does not have.
fn cell(field: &[u8], kind: CdrKind) -> Option<FileCell> {
    if field == b"\\N" {
        return Some(FileCell::Null);
    }
    let text = || {
        let mut text = Vec::with_capacity(field.len());
        tsv::text(field, &mut text)?;
        Some(FileCell::Text(text.into()))
    };
    match kind {
        CdrKind::Time => tsv::integer(field).map(FileCell::Time),
        CdrKind::Id | CdrKind::Text | CdrKind::Number | CdrKind::Address => text(),
        CdrKind::Integer | CdrKind::Price | CdrKind::Rate | CdrKind::Delay => {
            let is_number = std::str::from_utf8(field).ok()?.parse::<f64>().ok()?.is_finite();
            Some(if is_number { FileCell::Digits(field.to_vec()) } else { FileCell::Null })
        }
        CdrKind::Flag => match field {
            b"true" | b"1" => Some(FileCell::Flag(true)),
            b"false" | b"0" => Some(FileCell::Flag(false)),
            _ => None,
        },
    }
}

/// An upper bound of the bytes of a workbook's temporary files for so many CDRs, as far as texts are short.
pub fn most_bytes(columns: &[&'static CdrColumn], rows: u64) -> u64 {
    let cell = |column: &&'static CdrColumn| match kind(column) {
        CellKind::Number | CellKind::Flag => 64,
        CellKind::Code => 96,
        // By the clock of the zone, and in UTC.
        CellKind::Instant | CellKind::Epoch => 128,
        CellKind::Text => 160,
    };
    const ROW: u64 = 64;
    (rows + 1).saturating_mul(ROW + columns.iter().map(cell).sum::<u64>()) + (1 << 20)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(pieces: Vec<RowPiece>, names: &[&str]) -> CdrRows<impl FnMut() -> RowPiece + Send + 'static> {
        let columns: Vec<_> = names.iter().map(|name| CdrColumn::find(name).unwrap()).collect();
        let mut pieces = pieces.into_iter();
        CdrRows::new(&columns, move || pieces.next().unwrap_or(RowPiece::Broken))
    }

    fn read(mut rows: impl RowStream) -> Result<Vec<Vec<FileCell>>, BrokenRows> {
        let mut all = Vec::new();
        loop {
            let mut cells = Vec::new();
            if !rows.next_row(&mut cells)? {
                return Ok(all);
            }
            all.push(cells);
        }
    }

    const NAMES: &[&str] =
        &["id", "time_start", "time_connect", "duration", "success", "customer_price", "src_name_in"];
    const TEXT: &[u8] =
        b"18446744073709551615\t1774700000\t\\N\t-1\ttrue\t0.046934\ta\\tb\\nc\n7\t0\t5\t0\tfalse\t\\N\t\n";

    #[test]
    fn lines_are_read_in_whatever_pieces_they_come() {
        let text = |text: &'static str| FileCell::Text(text.as_bytes().into());
        let digits = |text: &str| FileCell::Digits(text.into());
        let wanted = vec![
            vec![
                text("18446744073709551615"),
                FileCell::Time(1_774_700_000),
                FileCell::Null,
                digits("-1"),
                FileCell::Flag(true),
                digits("0.046934"),
                text("a\tb\nc"),
            ],
            vec![
                text("7"),
                FileCell::Time(0),
                FileCell::Time(5),
                digits("0"),
                FileCell::Flag(false),
                FileCell::Null,
                text(""),
            ],
        ];
        for size in 1..=TEXT.len() {
            let lines = TEXT.chunks(size).map(|piece| RowPiece::Lines(Bytes::from_static(piece)));
            let found = read(rows(lines.chain([RowPiece::End]).collect(), NAMES)).unwrap();
            assert_eq!(found, wanted, "{size}");
        }
    }

    #[test]
    fn what_is_cut_or_not_as_promised_has_no_end() {
        let lines = |text: &'static [u8]| RowPiece::Lines(Bytes::from_static(text));
        for pieces in [
            vec![lines(TEXT)],
            vec![lines(TEXT), RowPiece::Broken],
            vec![lines(&TEXT[..TEXT.len() - 1]), RowPiece::End],
            vec![lines(b"1\n"), RowPiece::End],
            vec![lines(b"1\t0\t5\t0\tmaybe\t1\tx\n"), RowPiece::End],
            vec![lines(b"1\t0\t5\t0\ttrue\t1\tx\ty\n"), RowPiece::End],
            vec![lines(b"1\tnow\t5\t0\ttrue\t1\tx\n"), RowPiece::End],
        ] {
            assert!(read(rows(pieces, NAMES)).is_err());
        }
    }

    #[test]
    fn ids_and_codes_are_no_numbers() {
        for (name, wanted) in [
            ("id", CellKind::Code),
            ("dst_country_id", CellKind::Code),
            ("lega_disconnect_code", CellKind::Code),
            ("lega_q850_cause", CellKind::Code),
            ("duration", CellKind::Number),
            ("routing_attempt", CellKind::Number),
            ("dst_prefix_routing", CellKind::Text),
            ("pdd", CellKind::Number),
        ] {
            assert_eq!(kind(CdrColumn::find(name).unwrap()), wanted, "{name}");
        }
    }
}
