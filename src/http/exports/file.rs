//! The file of an export: whole, or a part of it (RFC 9110, 14), so that a download that was cut can be gone on with.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use actix_web::body::{BodySize, MessageBody, SizedStream};
use actix_web::http::header::{self, ByteRangeSpec, HeaderMap, Range};
use actix_web::http::{Method, StatusCode};
use actix_web::rt::task::{JoinHandle, spawn_blocking};
use actix_web::{HttpRequest, HttpResponse};
use base64::Engine as _;
use bytes::Bytes;
use futures_util::stream;
use uuid::Uuid;

use super::super::error::ApiError;
use super::super::state::State;
use super::super::{reply, trail};
use super::maker::Maker;
use super::question::Exported;
use super::{find, jobs};
use crate::jobs::{ExportJob, JobState, Jobs, now};

/// Bytes that are read at once.
const PIECE: u64 = 256 * 1024;

/// Answers with the file, for those who may have it now.
///
/// # Errors
/// There is none, or not any more.
pub(super) async fn answer(maker: &Maker, request: &HttpRequest, state: &Arc<State>) -> Result<HttpResponse, ApiError> {
    let job = find(maker, request, state)?;
    // The right may have been taken away since.
    let is_of_calls = Exported::find(&job.asked.report, maker).is_some_and(Exported::is_of_calls);
    if is_of_calls && !maker.may_export(state) {
        return Err(ApiError::NoExport);
    }
    let sha256 = match (&job.sha256, job.state) {
        (Some(sha256), JobState::Done) => sha256,
        (_, JobState::Expired) => return Err(ApiError::Gone("the export has expired")),
        (_, JobState::Cancelled) => return Err(ApiError::Gone("the export was cancelled")),
        (_, JobState::Failed) => return Err(ApiError::NotDone("the export failed")),
        (_, JobState::Running) => return Err(ApiError::NotDone("the export is being written")),
        (_, JobState::Waiting | JobState::Done) => return Err(ApiError::NotDone("the export waits")),
    };
    let etag = format!("\"{sha256}\"");
    let mut head = HttpResponse::Ok();
    head.insert_header((header::ETAG, etag.as_str()))
        .insert_header((header::ACCEPT_RANGES, "bytes"))
        .insert_header((header::CACHE_CONTROL, "private, no-cache, no-transform"));
    if reply::matches(request.headers(), &etag) {
        return Ok(head.status(StatusCode::NOT_MODIFIED).finish());
    }
    let Some((from, length)) = wanted(request.headers(), &etag, job.bytes) else {
        let whole = format!("bytes */{}", job.bytes);
        return Ok(head
            .status(StatusCode::RANGE_NOT_SATISFIABLE)
            .insert_header((header::CONTENT_RANGE, whole))
            .insert_header((header::CONTENT_TYPE, super::super::JSON))
            .body(r#"{"error":"the range lies behind the end of the file"}"#));
    };
    let (store, id) = (Arc::clone(jobs(state)?), job.id);
    let held = Arc::clone(&store);
    let file = spawn_blocking(move || store.file(id, now())).await.map_err(|_stopping| ApiError::Internal)?;
    let file =
        file.map_err(ApiError::JobDisk)?.ok_or(ApiError::Gone("the file of the export is not there any more"))?;
    head.insert_header((header::CONTENT_TYPE, job.content_type.as_str()));
    if let Some(name) = &job.disposition {
        head.insert_header((header::CONTENT_DISPOSITION, name.as_str()));
    }
    if let Some(digest) = digest(sha256) {
        head.insert_header(("repr-digest", digest));
    }
    if length < job.bytes {
        let range = format!("bytes {from}-{}/{}", from + length - 1, job.bytes);
        head.status(StatusCode::PARTIAL_CONTENT).insert_header((header::CONTENT_RANGE, range));
    }
    note(&job);
    if request.method() == Method::HEAD {
        // The server would read a body to its end to send none of it.
        return Ok(head.body(SizedStream::new(length, stream::empty::<io::Result<Bytes>>())));
    }
    Ok(head.body(FilePieces { jobs: held, id: job.id, file: Arc::new(file), at: from, left: length, reading: None }))
}

fn note(job: &ExportJob) {
    trail::note_export(&job.id.to_string(), &job.told);
}

/// The first byte and the number of bytes that a request wants; `None` for a range behind the end. A range of several parts, of
/// another unit, or of another file is the whole file.
fn wanted(headers: &HeaderMap, etag: &str, bytes: u64) -> Option<(u64, u64)> {
    let whole = Some((0, bytes));
    let Some(range) = headers.get(header::RANGE) else { return whole };
    // A time says less than the sum of all bytes.
    if headers.get(header::IF_RANGE).is_some_and(|held| held.as_bytes() != etag.as_bytes()) {
        return whole;
    }
    let text = range.to_str().unwrap_or_default();
    // A sign is no digit, for the library it is.
    if text.contains('+') {
        return whole;
    }
    let Ok(Range::Bytes(parts)) = text.parse::<Range>() else {
        // A first byte beyond any number lies behind the end as well.
        let first = text.strip_prefix("bytes=").and_then(|part| part.split_once('-')).map_or("", |(first, _)| first);
        let is_beyond = first.len() > 19 && first.bytes().all(|byte| byte.is_ascii_digit()) && !text.contains(',');
        return if is_beyond { None } else { whole };
    };
    let [part] = parts.as_slice() else { return whole };
    if let ByteRangeSpec::FromTo(from, to) = part
        && to < from
    {
        return whole;
    }
    // The last bytes of none are a range that nothing lies in, as bytes behind the end are.
    let (from, to) = part.to_satisfiable_range(bytes)?;
    Some((from, to - from + 1))
}

/// The header `Repr-Digest` (RFC 9530).
fn digest(sha256: &str) -> Option<String> {
    let byte = |at: usize| u8::from_str_radix(sha256.get(at..at + 2)?, 16).ok();
    let bytes: Option<Vec<u8>> = (0..sha256.len()).step_by(2).map(byte).collect();
    Some(format!("sha-256=:{}:", base64::engine::general_purpose::STANDARD.encode(bytes?)))
}

/// A part of a file that is read while it is sent, on threads that may wait for the disk.
struct FilePieces {
    jobs: Arc<Jobs>,
    id: Uuid,
    file: Arc<File>,
    at: u64,
    left: u64,
    reading: Option<JoinHandle<io::Result<Vec<u8>>>>,
}

fn read(file: &File, at: u64, length: u64) -> io::Result<Vec<u8>> {
    // A piece is far below what a machine word holds.
    let mut piece = vec![0; length as usize];
    file.read_exact_at(&mut piece, at)?;
    Ok(piece)
}

impl MessageBody for FilePieces {
    type Error = io::Error;

    fn size(&self) -> BodySize {
        BodySize::Sized(self.left)
    }

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<io::Result<Bytes>>> {
        if self.left == 0 {
            return Poll::Ready(None);
        }
        if !self.jobs.has(self.id) {
            // Removed, or expired: who reads slowly would keep it on the disk, where it counts no more.
            return Poll::Ready(Some(Err(io::Error::other("the export is not there any more"))));
        }
        let this = &mut *self;
        let (file, at, length) = (&this.file, this.at, this.left.min(PIECE));
        let reading = this.reading.get_or_insert_with(|| {
            let file = Arc::clone(file);
            spawn_blocking(move || read(&file, at, length))
        });
        let piece =
            ready!(Pin::new(reading).poll(context)).unwrap_or_else(|_stopping| Err(io::Error::other("stopping")));
        this.reading = None;
        if let Err(error) = &piece {
            log::error!("export {}: its file cannot be read: {error}", this.id);
        }
        let piece = piece?;
        this.at += length;
        this.left -= length;
        Poll::Ready(Some(Ok(piece.into())))
    }
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn a_range_is_one_part_of_the_same_file_or_the_whole() {
        const ETAG: &str = "\"aa\"";
        let of = |range: &str, held: Option<&str>| {
            let mut request = TestRequest::default().insert_header((header::RANGE, range)).to_srv_request();
            if let Some(held) = held {
                request.headers_mut().insert(header::IF_RANGE, held.parse().unwrap());
            }
            wanted(request.headers(), ETAG, 100)
        };
        for (range, part) in [
            ("bytes=0-", Some((0, 100))),
            ("bytes=0-0", Some((0, 1))),
            ("bytes=10-19", Some((10, 10))),
            ("bytes=99-", Some((99, 1))),
            ("bytes=90-1000", Some((90, 10))),
            ("bytes=-7", Some((93, 7))),
            ("bytes=-1000", Some((0, 100))),
            ("bytes=-0", None),
            ("bytes=100-", None),
            ("bytes=200-300", None),
            ("bytes=0-1,5-6", Some((0, 100))),
            ("bytes=9-3", Some((0, 100))),
            ("bytes=+1-5", Some((0, 100))),
            ("bytes=99999999999999999999999-", None),
            ("bytes=99999999999999999999999-99999999999999999999999", None),
            ("bytes=5-99999999999999999999999", Some((0, 100))),
            ("lines=1-2", Some((0, 100))),
            ("bytes=", Some((0, 100))),
            ("bytes=x-", Some((0, 100))),
            ("", Some((0, 100))),
        ] {
            assert_eq!(of(range, None), part, "{range}");
        }
        assert_eq!(of("bytes=10-19", Some(ETAG)), Some((10, 10)));
        for other in ["\"ab\"", "W/\"aa\"", "Sun, 29 Nov 2026 10:00:00 GMT"] {
            assert_eq!(of("bytes=10-19", Some(other)), Some((0, 100)), "{other}");
        }
    }

    #[test]
    fn the_digest_is_the_hash_in_base64() {
        let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(digest(empty).unwrap(), "sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:");
    }
}
