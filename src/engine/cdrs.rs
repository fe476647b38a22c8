//! Raw CDRs: pages, files and their number, always read from the calls themselves and never cached.

use super::Engine;
use crate::columns::cdrs::CdrPage;
use crate::columns::tsv::{Fields, Rows};
use crate::fair::Permit;
use crate::report::cdrs::CdrQuery;
use crate::report::cdrs::cursor::CdrCursor;
use crate::sql;
use crate::store::{Export, StoreError};

/// The numbers of CDRs of a file, and of those of its last time and id.
#[derive(Debug, Default)]
struct CdrCount(u64, u32);

impl Rows for CdrCount {
    const TOTALS: bool = false;

    fn row(&mut self, line: &[u8]) -> Option<()> {
        let mut fields = Fields::of(line);
        self.0 = fields.integer()?.try_into().ok()?;
        self.1 = u32::try_from(fields.integer()?).unwrap_or(u32::MAX);
        fields.is_done().then_some(())
    }

    fn totals(&mut self, _: &[u8]) -> Option<()> {
        None
    }
}

/// The last CDR of a file, and whether there is one behind it.
#[derive(Debug, Default)]
struct CdrEdge {
    last: Option<CdrCursor>,
    is_more: bool,
}

impl Rows for CdrEdge {
    const TOTALS: bool = false;

    fn row(&mut self, line: &[u8]) -> Option<()> {
        let mut fields = Fields::of(line);
        let (time, id) = (fields.integer()?, fields.next()?);
        self.is_more = self.last.is_some();
        if !self.is_more {
            self.last = Some(CdrCursor { time, id: String::from_utf8(id.to_vec()).ok()?, given: 0 });
        }
        fields.is_done().then_some(())
    }

    fn totals(&mut self, _: &[u8]) -> Option<()> {
        None
    }
}

impl Engine {
    /// Reads a page, and says how many rows ClickHouse read for it. The query's limit is one above that of the page, so that it
    /// is known whether there is a next one.
    ///
    /// # Errors
    /// The statement failed, took too long or found no slot.
    pub async fn cdr_page(&self, query: &CdrQuery, page: &mut CdrPage) -> Result<u64, StoreError> {
        let write = |_| sql::cdr_page(query, &self.schema);
        let (_, rows) = self.store.read(query.tenant(), write, query.report, page).await?;
        Ok(rows)
    }

    /// Counts the CDRs of a file, and says how many rows ClickHouse read for it. The end of a file that others go on behind
    /// learns how many CDRs have its time and id.
    ///
    /// # Errors
    /// As [`Self::cdr_page`].
    pub async fn cdr_count(&self, query: &mut CdrQuery) -> Result<(u64, u64), StoreError> {
        let mut count = CdrCount::default();
        let write = |_| sql::cdr_count(query, &self.schema);
        let (_, rows) = self.store.read(query.tenant(), write, query.report, &mut count).await?;
        if let Some(until) = &mut query.until {
            until.given = count.1;
        }
        Ok((count.0, rows))
    }

    /// The place of the last of the first `rows` CDRs, unless it is the last of all; and how many rows ClickHouse read for it.
    ///
    /// # Errors
    /// As [`Self::cdr_page`].
    pub async fn cdr_edge(&self, query: &CdrQuery, rows: usize) -> Result<(Option<CdrCursor>, u64), StoreError> {
        let mut edge = CdrEdge::default();
        let write = |_| sql::cdr_edge(query, rows as u64, &self.schema);
        let (_, read) = self.store.read(query.tenant(), write, query.report, &mut edge).await?;
        Ok((edge.last.filter(|_| edge.is_more), read))
    }

    /// Begins a file, in a slot of the exports; the service packs what is to be packed.
    ///
    /// # Errors
    /// The statement cannot be sent.
    pub fn cdr_file(&self, query: &CdrQuery, slot: Permit) -> Result<Export<'_>, StoreError> {
        let format = query.form.format;
        // Lines that go on behind others.
        let format = if format.is_csv() && query.form.csv.headless { "CSV" } else { format.row().clickhouse };
        self.store.export(&sql::cdr_file(query, &self.schema), query.report, format, slot)
    }
}
