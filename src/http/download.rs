//! Files of raw CDRs: ClickHouse writes them, a thread for large results packs them, and the connection takes them piece by piece.
//! A few pieces are in memory at a time. A file that cannot be finished ends without the end of its body.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use actix_web::HttpResponse;
use actix_web::body::{BodySize, MessageBody};
use bytes::Bytes;
use tokio::sync::mpsc::{Receiver, Sender, channel};

use super::coding;
use super::error::ApiError;
use super::heavy::{self, Aborts};
use super::pack::Packer;
use super::state::State;
use crate::fair::Permit;
use crate::metrics::ExportEnd;
use crate::report::cdrs::CdrQuery;
use crate::shown::Cause;
use crate::store::{Failure, RequestScope, StoreError};

/// Pieces that wait for the connection.
const WAITING: usize = 2;

/// The byte order mark of UTF-8.
const BOM: &[u8] = b"\xEF\xBB\xBF";

/// A file cannot be finished: the connection breaks.
#[derive(Clone, Copy, Debug, Default, thiserror::Error)]
#[error("the file is cut")]
pub(super) struct CutFile {
    /// ClickHouse's failure, if it was that.
    pub(super) failure: Option<Failure>,
}

/// A step in the writing of a file.
enum FileStep {
    Piece(Bytes),
    /// It is whole.
    End,
    Failed(WriteError),
}

/// Why a file cannot be finished.
#[derive(Debug, thiserror::Error)]
enum WriteError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("packing: {0}")]
    Pack(#[from] std::io::Error),
    /// Nobody takes it any more.
    #[error("the reader left")]
    Left,
}

/// Answers with a file, once its first piece is there: until then a failure has a status of its own.
///
/// # Errors
/// The file cannot be begun.
pub async fn begin(
    query: CdrQuery,
    slot: Permit,
    coder: Option<Permit>,
    state: &Arc<State>,
    mut head: actix_web::HttpResponseBuilder,
) -> Result<HttpResponse, ApiError> {
    let (sender, mut steps) = channel(WAITING);
    let mut aborts = Aborts::default();
    aborts.on(heavy::spawn(write(Arc::clone(state), query, slot, sender))?.abort_handle());
    let first = match steps.recv().await {
        Some(FileStep::Piece(piece)) => Some(piece),
        Some(FileStep::End) => None,
        Some(FileStep::Failed(WriteError::Store(error))) if error.failure == Failure::Slow => {
            return Err(ApiError::SlowFile(error));
        }
        Some(FileStep::Failed(WriteError::Store(error))) => return Err(error.into()),
        Some(FileStep::Failed(WriteError::Pack(_) | WriteError::Left)) | None => return Err(ApiError::Internal),
    };
    let is_coded = coder.is_some();
    let is_whole = first.is_none();
    let mut response = head.body(Download { first, steps, is_whole, _aborts: aborts, _coder: coder });
    if is_coded {
        coding::allow(&mut response);
    }
    Ok(response)
}

/// Writes a file to its end, and counts how it ended.
async fn write(state: Arc<State>, query: CdrQuery, slot: Permit, sender: Sender<FileStep>) {
    let mut bytes = 0;
    let mut ends = ExportEnds { state: Arc::clone(&state), end: ExportEnd::Left };
    let Err(error) = pieces(&state, &query, slot, (&sender, &mut bytes)).await else {
        ends.end = ExportEnd::Whole;
        return;
    };
    if !matches!(error, WriteError::Left) {
        ends.end = ExportEnd::Cut;
        // Of a failure of ClickHouse before the first piece the answer tells, which logs it.
        if bytes > 0 || matches!(error, WriteError::Pack(_)) {
            let id = RequestScope::current();
            log::error!("request {id}: {}: the file is cut after {bytes} bytes: {}", query.report, Cause(&error));
        }
        // Whoever has left needs not be told.
        let _ = sender.send(FileStep::Failed(error)).await;
    }
}

/// Counts the end of a file, also where its task is aborted since the reader left.
pub(super) struct ExportEnds {
    pub state: Arc<State>,
    pub end: ExportEnd,
}

impl Drop for ExportEnds {
    fn drop(&mut self) {
        self.state.exports.note(self.end);
    }
}

async fn pieces(
    state: &State,
    query: &CdrQuery,
    slot: Permit,
    (sender, bytes): (&Sender<FileStep>, &mut u64),
) -> Result<(), WriteError> {
    let mut packer = Packer::of(query.form.format)?;
    let mut export = state.engine.cdr_file(query, slot)?;
    let mut bom = (query.form.format.is_csv() && query.form.csv.bom).then(|| Bytes::from_static(BOM));
    while let Some(piece) = export.next().await? {
        for piece in bom.take().into_iter().chain([piece]) {
            if let Some(piece) = packer.push(piece)? {
                send(piece, sender, bytes).await?;
            }
        }
    }
    let end = packer.finish()?;
    if !end.is_empty() {
        send(end, sender, bytes).await?;
    }
    sender.send(FileStep::End).await.map_err(|_closed| WriteError::Left)
}

async fn send(piece: Bytes, sender: &Sender<FileStep>, bytes: &mut u64) -> Result<(), WriteError> {
    *bytes += piece.len() as u64;
    sender.send(FileStep::Piece(piece)).await.map_err(|_closed| WriteError::Left)
}

/// The body. When it is dropped its file ends, in ClickHouse too.
struct Download {
    first: Option<Bytes>,
    steps: Receiver<FileStep>,
    is_whole: bool,
    _aborts: Aborts,
    /// Memory of the coder, where the body is compressed.
    _coder: Option<Permit>,
}

impl MessageBody for Download {
    type Error = CutFile;

    fn size(&self) -> BodySize {
        BodySize::Stream
    }

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, CutFile>>> {
        if let Some(first) = self.first.take() {
            return Poll::Ready(Some(Ok(first)));
        }
        if self.is_whole {
            return Poll::Ready(None);
        }
        self.steps.poll_recv(context).map(|step| match step {
            Some(FileStep::Piece(piece)) => Some(Ok(piece)),
            Some(FileStep::End) => {
                self.is_whole = true;
                None
            }
            // A writer that is gone without a word has not finished.
            Some(FileStep::Failed(WriteError::Store(error))) => Some(Err(CutFile { failure: Some(error.failure) })),
            Some(FileStep::Failed(WriteError::Pack(_) | WriteError::Left)) | None => Some(Err(CutFile::default())),
        })
    }
}
