//! Workbooks of raw CDRs: ClickHouse sends rows, a thread writes them aside, and the workbook is sent when it is whole. A failure
//! before has a status of its own.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use actix_web::HttpResponse;
use actix_web::body::{BodySize, MessageBody};
use bytes::Bytes;
use tokio::sync::mpsc::{Sender, channel};

use super::download::{CutFile, ExportEnds};
use super::error::ApiError;
use super::heavy;
use super::params::BadParam;
use super::state::State;
use super::workbooks::StoredFile;
use crate::fair::Permit;
use crate::format::rows::{CdrRows, RowPiece, most_bytes};
use crate::format::xlsx::Cover;
use crate::format::{PIECE, Produce as _};
use crate::metrics::ExportEnd;
use crate::report::cdrs::CdrQuery;
use crate::store::{Failure, StoreError};

/// Pieces that wait for the writer.
const WAITING: usize = 2;

/// Answers with a workbook of so many CDRs, as they were counted, once it is whole.
///
/// # Errors
/// It would be too large, or cannot be finished.
pub async fn begin(
    query: CdrQuery,
    count: u64,
    slot: Permit,
    mut cover: Cover,
    state: &Arc<State>,
    mut head: actix_web::HttpResponseBuilder,
) -> Result<HttpResponse, ApiError> {
    cover.defined = "column";
    let column = |column: &&crate::report::cdrs::columns::CdrColumn| {
        [column.name.to_owned(), column.label.to_owned(), column.kind.word().to_owned(), String::new()]
    };
    cover.definitions = query.columns.iter().map(column).collect();
    let mut ends = ExportEnds { state: Arc::clone(state), end: ExportEnd::Left };
    let bytes = most_bytes(&query.columns, count);
    let place = state.workbooks.place(query.tenant(), bytes, BadParam::ManyCells).await?;
    let (sender, mut pieces) = channel(WAITING);
    // A sender that is gone without a word has not finished.
    let rows = CdrRows::new(&query.columns, move || pieces.blocking_recv().unwrap_or(RowPiece::Broken));
    let shared = Arc::clone(state);
    let fed = heavy::run(async move { feed(&shared, &query, slot, &sender).await });
    let (fed, written) = tokio::join!(fed, place.write(rows, cover, bytes));
    let file = match fed? {
        // The writer's own failure is why it took no more.
        Ok(()) => written,
        Err(error) if error.failure == Failure::Slow => Err(ApiError::SlowFile(error)),
        Err(error) => Err(error.into()),
    };
    let file = file.inspect_err(|_failed| ends.end = ExportEnd::Cut)?;
    let left = file.length().map_err(|error| ApiError::Workbook(error.into()))?;
    Ok(head.body(WorkbookBody { file, left, ends }))
}

/// Hands on rows until the last, or until nobody takes them.
async fn feed(state: &State, query: &CdrQuery, slot: Permit, sender: &Sender<RowPiece>) -> Result<(), StoreError> {
    let mut export = state.engine.cdr_file(query, slot)?;
    while let Some(piece) = export.next().await? {
        if sender.send(RowPiece::Lines(piece)).await.is_err() {
            return Ok(());
        }
    }
    let _ = sender.send(RowPiece::End).await;
    Ok(())
}

/// A workbook on its way.
struct WorkbookBody {
    file: StoredFile,
    left: u64,
    ends: ExportEnds,
}

impl MessageBody for WorkbookBody {
    type Error = CutFile;

    fn size(&self) -> BodySize {
        BodySize::Sized(self.left)
    }

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Bytes, CutFile>>> {
        if self.left == 0 {
            return Poll::Ready(None);
        }
        let mut piece = Vec::with_capacity(PIECE);
        self.file.produce(&mut piece);
        if piece.is_empty() {
            self.ends.end = ExportEnd::Cut;
            return Poll::Ready(Some(Err(CutFile::default())));
        }
        self.left = self.left.saturating_sub(piece.len() as u64);
        if self.left == 0 {
            self.ends.end = ExportEnd::Whole;
        }
        Poll::Ready(Some(Ok(piece.into())))
    }
}
