//! Files that ClickHouse writes and the service hands on as they come: nothing of them is kept. They have slots of their own.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use clickhouse::query::BytesCursor;
use tokio::time::Instant;
use uuid::Uuid;

use super::abandoned::Running;
use super::held::HeldBack;
use super::{ExportLane, GIVES_WAY, GRACE, NICE, Store, StoreError};
use crate::config::Exports;
use crate::fair::{Bounds, Fair, Permit};
use crate::metrics::{Begun, QueryOutcome};
use crate::sql::{CDR_SETTINGS, Statement};

/// Bytes that ClickHouse writes before it sends them.
const BUFFER: &str = "65536";

/// Requests of one customer that may wait for an export.
const WAITING: usize = 4;

/// Bounds of the exports that run at once.
pub(super) fn slots(exports: &Exports, queue_seconds: u32) -> Arc<Fair> {
    Fair::new(Bounds {
        total: exports.concurrent as u64,
        share: exports.per_customer.min(exports.concurrent) as u64,
        // A file may take half an hour, and its reader decides how long.
        spare: 1,
        waiting: WAITING,
        patience: Duration::from_secs(queue_seconds.into()),
    })
}

/// A file that comes from ClickHouse. It ends there when this is dropped, as its connection is closed then.
pub struct Export<'s> {
    cursor: BytesCursor,
    held: HeldBack,
    running: Option<Running>,
    begun: Option<Begun<'s>>,
    is_whole: bool,
    deadline: Instant,
}

impl std::fmt::Debug for Export<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Export").finish_non_exhaustive()
    }
}

impl Store {
    /// The slots of exports.
    pub fn exports(&self) -> &Arc<Fair> {
        &self.exports
    }

    /// Sends the settings of files that may take so long, in a query of nothing.
    ///
    /// # Errors
    /// The server's refusal, or why it could not be asked.
    pub async fn probe_exports(&self, seconds: u32) -> Result<(), StoreError> {
        let query = self
            .client()
            .query_raw(&format!("SELECT 1 SETTINGS {CDR_SETTINGS}"))
            .with_setting("max_execution_time", seconds.to_string())
            .with_setting("wait_end_of_query", "0")
            .with_setting(NICE, GIVES_WAY);
        Ok(super::in_time(query.fetch_one::<u8>()).await.map(drop)?)
    }

    /// Begins a file of a statement in a format of ClickHouse's.
    ///
    /// # Errors
    /// The statement cannot be sent.
    pub fn export(
        &self,
        statement: &Statement,
        report: &'static str,
        format: &'static str,
        slot: Permit,
    ) -> Result<Export<'_>, StoreError> {
        let begun = self.queries.begin(report);
        let id = Uuid::new_v4().to_string();
        let seconds = ExportLane::current().map_or(self.export_seconds, |lane| lane.seconds());
        log::debug!("query {id}: {} {:?}", statement.text(), super::LoggedValues(statement.params()));
        let mut query = self
            .client()
            .query_raw(statement.text())
            .with_setting("query_id", id.clone())
            .with_setting("log_comment", report)
            .with_setting("max_execution_time", seconds.to_string())
            .with_setting("wait_end_of_query", "0")
            .with_setting("buffer_size", BUFFER)
            .with_setting(NICE, GIVES_WAY);
        for (i, value) in statement.params().iter().enumerate() {
            query = query.with_setting(format!("param_p{i}"), value);
        }
        let running = self.abandoned.hold(id, slot);
        Ok(Export {
            cursor: query.fetch_bytes(format)?,
            held: HeldBack::default(),
            running: Some(running),
            begun: Some(begun),
            is_whole: false,
            deadline: Instant::now() + Duration::from_secs(seconds.into()) + GRACE,
        })
    }
}

impl Export<'_> {
    /// The next piece; `None` behind the last piece of a whole file.
    ///
    /// # Errors
    /// The file is cut: nothing that was handed on is its end, and none of it is an error of ClickHouse's.
    pub async fn next(&mut self) -> Result<Option<Bytes>, StoreError> {
        loop {
            if self.is_whole {
                return Ok(self.held.rest());
            }
            if let Some(piece) = self.held.pop() {
                return Ok(Some(piece));
            }
            match tokio::time::timeout_at(self.deadline, self.cursor.next()).await {
                Ok(Ok(Some(piece))) => self.held.push(piece),
                Ok(Ok(None)) => match self.held.error() {
                    Some(said) => return Err(self.failed(StoreError::in_body(said))),
                    None => {
                        self.is_whole = true;
                        self.end(QueryOutcome::Ok);
                    }
                },
                Ok(Err(error)) => return Err(self.failed(error.into())),
                // ClickHouse may still be at it.
                Err(_) => return Err(StoreError::slow_export()),
            }
        }
    }

    fn failed(&mut self, error: StoreError) -> StoreError {
        self.end(error.failure.into());
        error
    }

    fn end(&mut self, outcome: QueryOutcome) {
        if let Some(running) = self.running.take() {
            running.ended();
        }
        if let Some(begun) = self.begun.take() {
            begun.end(None, outcome, 0);
        }
    }
}
