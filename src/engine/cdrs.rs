//! Raw CDRs: pages, files and their number, always read from the calls themselves and never cached.

use super::Engine;
use crate::columns::cdrs::CdrPage;
use crate::columns::tsv::{self, Rows};
use crate::fair::Permit;
use crate::report::cdrs::CdrQuery;
use crate::report::form::ResultFormat;
use crate::sql;
use crate::store::{Export, StoreError};

/// The one number of a count.
#[derive(Debug, Default)]
struct CdrCount(u64);

impl Rows for CdrCount {
    const TOTALS: bool = false;

    fn row(&mut self, line: &[u8]) -> Option<()> {
        self.0 = tsv::integer(line)?.try_into().ok()?;
        Some(())
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

    /// Counts the CDRs of a file, and says how many rows ClickHouse read for it.
    ///
    /// # Errors
    /// As [`Self::cdr_page`].
    pub async fn cdr_count(&self, query: &CdrQuery) -> Result<(u64, u64), StoreError> {
        let mut count = CdrCount::default();
        let write = |_| sql::cdr_count(query, &self.schema);
        let (_, rows) = self.store.read(query.tenant(), write, query.report, &mut count).await?;
        Ok((count.0, rows))
    }

    /// Begins a file, in a slot of the exports; the service packs what is to be packed.
    ///
    /// # Errors
    /// The statement cannot be sent.
    pub fn cdr_file(&self, query: &CdrQuery, slot: Permit) -> Result<Export<'_>, StoreError> {
        let format = match query.form.format {
            ResultFormat::Csv | ResultFormat::CsvGz | ResultFormat::CsvZst => "CSVWithNames",
            ResultFormat::Parquet => "Parquet",
            ResultFormat::Arrow => "Arrow",
            ResultFormat::Columns | ResultFormat::Rows | ResultFormat::Ndjson | ResultFormat::Xlsx => "JSONEachRow",
        };
        self.store.export(&sql::cdr_file(query, &self.schema), query.report, format, slot)
    }
}
