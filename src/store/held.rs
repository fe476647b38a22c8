//! Holds back the end of a body that ClickHouse writes. It answers a failure in mid-body by its error, statement included,
//! behind what it has written, and breaks the connection: what is held back then is never handed on.

use std::collections::VecDeque;

use bytes::Bytes;

/// Bytes held back: more than ClickHouse writes of an error.
const HELD: usize = 32 * 1024;

/// The end mark of an error in a body, in versions that write one.
const ERROR: &[u8] = b"__exception__\r\n";

/// The end of a body.
#[derive(Debug, Default)]
pub(super) struct HeldBack {
    pieces: VecDeque<Bytes>,
    bytes: usize,
}

impl HeldBack {
    /// Takes a piece.
    pub(super) fn push(&mut self, piece: Bytes) {
        // A chunk of nothing would be the end of a body in chunks.
        if piece.is_empty() {
            return;
        }
        self.bytes += piece.len();
        self.pieces.push_back(piece);
    }

    /// The next piece that need not be held any longer.
    pub(super) fn pop(&mut self) -> Option<Bytes> {
        let more = self.bytes.checked_sub(HELD).filter(|more| *more > 0)?;
        let first = self.pieces.front_mut()?;
        let piece = if first.len() <= more { self.pieces.pop_front()? } else { first.split_to(more) };
        self.bytes -= piece.len();
        Some(piece)
    }

    /// The words of ClickHouse, if the body ended in an error: `__exception__`, a tag, the text, its length and the tag, and
    /// `__exception__` again, a line each.
    pub(super) fn error(&self) -> Option<String> {
        let body: Vec<u8> = self.pieces.iter().flatten().copied().collect();
        let framed = body.strip_suffix(ERROR)?;
        let said =
            memchr::memmem::rfind(framed, ERROR).and_then(|at| framed.get(at + ERROR.len()..)).unwrap_or_default();
        let lines = String::from_utf8_lossy(said);
        let text = lines.trim_end().split_once("\r\n").and_then(|(_, rest)| rest.rsplit_once('\n'));
        Some(text.map_or_else(|| lines.trim().to_owned(), |(text, _)| text.trim().to_owned()))
    }

    /// The next piece of the end of a body that ended well.
    pub(super) fn rest(&mut self) -> Option<Bytes> {
        let piece = self.pieces.pop_front()?;
        self.bytes -= piece.len();
        Some(piece)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_bytes_are_held_until_the_end_whatever_the_pieces() {
        for size in [1, 7, 1000, HELD - 1, HELD, HELD + 1, 5 * HELD] {
            let (mut held, mut out) = (HeldBack::default(), 0);
            held.push(Bytes::new());
            for _ in 0..(200_000 / size) {
                held.push(Bytes::from(vec![b'x'; size]));
                while let Some(piece) = held.pop() {
                    out += piece.len();
                }
            }
            let all = 200_000 / size * size;
            assert_eq!(out, all.saturating_sub(HELD), "{size}");
            while let Some(piece) = held.rest() {
                assert!(!piece.is_empty());
                out += piece.len();
            }
            assert_eq!(out, all, "{size}");
        }
    }

    #[test]
    fn an_error_is_seen_in_however_many_pieces_it_comes() {
        let text = b"data\r\n__exception__\r\n";
        for size in 1..text.len() {
            let mut held = HeldBack::default();
            text.chunks(size).for_each(|piece| held.push(Bytes::copy_from_slice(piece)));
            assert_eq!(held.error().as_deref(), Some(""), "{size}");
            held.push(Bytes::from_static(b"x"));
            assert_eq!(held.error(), None);
        }
        assert_eq!(HeldBack::default().error(), None);
    }

    #[test]
    fn what_clickhouse_says_is_between_its_marks() {
        let text =
            b"1,2\n\r\n__exception__\r\nabcdef\r\nCode: 394. DB::Exception: cancelled\n38 abcdef\r\n__exception__\r\n";
        for size in [1, 5, 200] {
            let mut held = HeldBack::default();
            text.chunks(size).for_each(|piece| held.push(Bytes::copy_from_slice(piece)));
            assert_eq!(held.error().as_deref(), Some("Code: 394. DB::Exception: cancelled"));
        }
    }
}
