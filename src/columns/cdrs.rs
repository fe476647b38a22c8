//! A page of raw CDRs, as ClickHouse writes them: JSON values, which go into the answer as they are.

use serde_json::value::RawValue;

use super::tsv::Rows;
use crate::report::cdrs::CdrQuery;
use crate::report::cdrs::cursor::CdrCursor;

/// Bytes of a CDR's text that a page has room for; of larger ones it has fewer.
const BYTES: usize = 1024;

/// A page.
#[derive(Debug)]
pub struct CdrPage {
    names: Vec<&'static str>,
    /// True for an object of each CDR, else a list of each column.
    is_rows: bool,
    /// Values of each column with commas, or one text of all objects.
    texts: Vec<Vec<u8>>,
    count: usize,
    limit: usize,
    /// Those of the texts.
    bytes: usize,
    after: Option<CdrCursor>,
    is_more: bool,
}

impl CdrPage {
    /// An empty page of a query.
    pub fn new(query: &CdrQuery, limit: usize, is_rows: bool) -> Self {
        let names: Vec<&'static str> = query.columns.iter().map(|column| column.name).collect();
        let texts = vec![Vec::new(); if is_rows { 1 } else { names.len() }];
        let after = query.after.clone().filter(|after| after.time >= query.window.from);
        Self { names, is_rows, texts, count: 0, limit, bytes: 0, after, is_more: false }
    }

    /// Memory that it takes at most, in bytes.
    pub fn memory(limit: usize) -> usize {
        limit.saturating_mul(BYTES)
    }

    /// The names of its columns.
    pub fn names(&self) -> &[&'static str] {
        &self.names
    }

    /// True for an object of each CDR.
    pub fn is_rows(&self) -> bool {
        self.is_rows
    }

    /// The values of each column with commas between them, or one text of all objects.
    pub fn into_texts(self) -> Vec<Vec<u8>> {
        self.texts
    }

    /// Bytes of these texts.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// The number of CDRs.
    pub fn len(&self) -> usize {
        self.count
    }

    /// True without a CDR.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The place of the next page; `None` behind the last CDR.
    pub fn next(&self) -> Option<&CdrCursor> {
        self.after.as_ref().filter(|_| self.is_more)
    }

    fn take(&mut self, time: i64, id: &str, values: &[&RawValue]) {
        let given = match &self.after {
            Some(after) if after.time == time && after.id == id => after.given.saturating_add(1),
            Some(_) | None => 1,
        };
        self.after = Some(CdrCursor { time, id: id.to_owned(), given });
        let before = self.written();
        let comma: &[u8] = if self.count > 0 { b"," } else { b"" };
        if self.is_rows {
            let Some(text) = self.texts.first_mut() else { return };
            text.extend_from_slice(comma);
            for (place, (name, value)) in self.names.iter().zip(values).enumerate() {
                text.extend_from_slice(if place == 0 { b"{\"" } else { b",\"" });
                text.extend_from_slice(name.as_bytes());
                text.extend_from_slice(b"\":");
                text.extend_from_slice(value.get().as_bytes());
            }
            text.push(b'}');
        } else {
            for (text, value) in self.texts.iter_mut().zip(values) {
                text.extend_from_slice(comma);
                text.extend_from_slice(value.get().as_bytes());
            }
        }
        self.count += 1;
        self.bytes += self.written() - before;
    }

    fn written(&self) -> usize {
        self.texts.iter().map(Vec::len).sum()
    }
}

impl Rows for CdrPage {
    const TOTALS: bool = false;
    const FORMAT: &'static str = "JSONCompactEachRow";

    fn row(&mut self, line: &[u8]) -> Option<()> {
        // Those behind the page say that there is another one, whether it is full of CDRs or of long ones.
        if self.is_more || self.count >= self.limit || (self.count > 0 && self.bytes >= Self::memory(self.limit)) {
            self.is_more = true;
            return Some(());
        }
        let fields: Vec<&RawValue> = serde_json::from_slice(line).ok()?;
        let (time, rest) = fields.split_first()?;
        let (id, values) = rest.split_first()?;
        let (time, id): (i64, &str) = (time.get().parse().ok()?, serde_json::from_str(id.get()).ok()?);
        (values.len() == self.names.len()).then_some(())?;
        self.take(time, id, values);
        Some(())
    }

    fn totals(&mut self, _: &[u8]) -> Option<()> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_has_room_for_the_text_of_its_answer() {
        for (is_rows, wanted) in [(true, 7), (false, 100)] {
            let names = vec!["a_name_of_a_column"; 64];
            let texts = vec![Vec::new(); if is_rows { 1 } else { names.len() }];
            let limit = 100;
            let room = limit * BYTES;
            let mut page = CdrPage { names, is_rows, texts, count: 0, limit, bytes: 0, after: None, is_more: false };
            let line = format!("[1,\"7\"{}]", ",12345678".repeat(64));
            for _ in 0..=limit {
                page.row(line.as_bytes()).unwrap();
            }
            assert!(page.is_more && page.next().is_some());
            let one = page.bytes() / page.len();
            assert!(page.bytes() < room + one, "{is_rows} {}", page.bytes());
            assert_eq!(page.bytes(), page.texts.iter().map(Vec::len).sum::<usize>());
            assert!(page.len() >= wanted && (page.len() < limit) == is_rows, "{is_rows} {}", page.len());
        }
    }
}
