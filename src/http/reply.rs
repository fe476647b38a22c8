//! A writer's pieces → a response with ETag, content-length and 304. The writer runs twice: once to count and hash, once
//! to send; a small text is kept from the first time.

use std::convert::Infallible;
use std::fmt::Write as _;
use std::pin::Pin;
use std::task::{Context, Poll};

use actix_web::body::{BodySize, MessageBody};
use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderMap};
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder};
use bytes::Bytes;
use sha2::{Digest, Sha256};

use crate::columns::{PIECE, Produce};

/// A text up to this length is kept between the two runs.
const KEPT: usize = 4 * PIECE;

/// An answer that was written once: counted, hashed, and kept if it is small.
pub struct Rendered<P> {
    /// The ETag of the text.
    pub etag: String,
    /// The text, if it is small enough to keep.
    pub text: Option<Bytes>,
    length: usize,
    writer: P,
}

/// Writes an answer for the first time.
pub fn render<P: Produce + Clone>(mut writer: P) -> Rendered<P> {
    let again = writer.clone();
    let (mut hash, mut length, mut piece) = (Sha256::new(), 0usize, Vec::with_capacity(PIECE / 16));
    let mut kept: Option<Vec<u8>> = Some(Vec::new());
    loop {
        piece.clear();
        let more = writer.produce(&mut piece);
        hash.update(&piece);
        length += piece.len();
        kept = kept.filter(|kept| kept.len() + piece.len() <= KEPT);
        if let Some(kept) = &mut kept {
            kept.extend_from_slice(&piece);
        }
        if !more {
            break;
        }
    }
    Rendered { etag: etag(&hash.finalize()), text: kept.map(Bytes::from), length, writer: again }
}

/// Answers 200 with what was rendered, or 304 where the caller has it already.
pub fn send(request: &HttpRequest, rendered: Rendered<impl Produce + Unpin + 'static>) -> HttpResponse {
    let mut response = match head(request, &rendered.etag) {
        Ok(response) => response,
        Err(unchanged) => return unchanged,
    };
    match rendered.text {
        Some(text) => response.body(text),
        None => response.body(Pieces { writer: rendered.writer, left: rendered.length }),
    }
}

/// Answers 200 with a text that is ready, or 304 where the caller has it already.
pub fn send_ready(request: &HttpRequest, etag: &str, text: Bytes) -> HttpResponse {
    match head(request, etag) {
        Ok(mut response) => response.body(text),
        Err(unchanged) => unchanged,
    }
}

/// Answers 200 with a text that is not a report's, or 304 where the caller has it already.
pub fn send_text(request: &HttpRequest, content_type: &str, text: &Bytes) -> HttpResponse {
    match head(request, &etag(&Sha256::digest(text))) {
        Ok(mut response) => response.insert_header((header::CONTENT_TYPE, content_type)).body(text.clone()),
        Err(unchanged) => unchanged,
    }
}

/// The head of a 200, or the whole of a 304.
#[expect(clippy::result_large_err, reason = "both are answers, and moved once")]
fn head(request: &HttpRequest, etag: &str) -> Result<HttpResponseBuilder, HttpResponse> {
    let mut response = HttpResponse::Ok();
    response
        .insert_header((header::ETAG, etag))
        .insert_header((header::VARY, "Accept"))
        .insert_header((header::CACHE_CONTROL, "max-age=0, private, must-revalidate"));
    if matches(request.headers(), etag) {
        return Err(response.status(StatusCode::NOT_MODIFIED).finish());
    }
    response.insert_header((header::CONTENT_TYPE, super::JSON));
    Ok(response)
}

/// `W/"…"` with the first 32 hex digits of SHA-256.
fn etag(digest: &[u8]) -> String {
    let mut etag = String::from("W/\"");
    for byte in digest.iter().take(16) {
        // Writing to a String cannot fail.
        let _ = write!(etag, "{byte:02x}");
    }
    etag.push('"');
    etag
}

/// If-None-Match by weak comparison (RFC 9110, 13.1.2): lists, `*`.
fn matches(headers: &HeaderMap, etag: &str) -> bool {
    let opaque = etag.trim_start_matches("W/");
    headers
        .get_all(header::IF_NONE_MATCH)
        .filter_map(|value| value.to_str().ok())
        .any(|value| value.split(',').map(str::trim).any(|one| one == "*" || one.trim_start_matches("W/") == opaque))
}

/// A body that is written while it is sent.
struct Pieces<P> {
    writer: P,
    left: usize,
}

impl<P: Produce + Unpin> MessageBody for Pieces<P> {
    type Error = Infallible;

    fn size(&self) -> BodySize {
        BodySize::Sized(self.left as u64)
    }

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Bytes, Infallible>>> {
        if self.left == 0 {
            return Poll::Ready(None);
        }
        let mut text = Vec::with_capacity(PIECE + PIECE / 8);
        self.writer.produce(&mut text);
        self.left = self.left.saturating_sub(text.len());
        Poll::Ready(Some(Ok(Bytes::from(text))))
    }
}

/// The empty list: the answer for a window that has not begun.
#[derive(Clone, Debug)]
pub struct Empty;

impl Produce for Empty {
    fn produce(&mut self, out: &mut Vec<u8>) -> bool {
        out.extend_from_slice(b"[]");
        false
    }
}
