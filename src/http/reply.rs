//! A writer's pieces → a response with ETag, content-length and 304. The writer runs twice: once to count and hash, once
//! to send; a small text is kept from the first time.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use actix_web::body::{BodySize, MessageBody};
use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderMap, HeaderValue};
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder};
use bytes::Bytes;
use sha2::{Digest, Sha256};

use super::coding;
use super::error::ApiError;
use super::state::State;
use crate::fair::Permit;
use crate::format::{PIECE, Produce};
use crate::report::form::ResultFormat;

/// A text up to this length is kept between the two runs, and in the cache.
pub const KEPT: usize = 16 * PIECE;

/// Texts up to this length need no memory of [`State::memory`] while they are sent.
const SMALL: usize = PIECE / 4;

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
///
/// # Errors
/// The writer reads from something that cannot be read.
pub fn render<P: Produce + Clone>(mut writer: P) -> Result<Rendered<P>, ApiError> {
    let again = writer.clone();
    let mut hash = Sha256::new();
    let (text, length) = run(&mut writer, |piece| hash.update(piece));
    if writer.is_cut() {
        return Err(ApiError::Internal);
    }
    Ok(Rendered { etag: etag(&hash.finalize()), text, length, writer: again })
}

/// Writes an answer once and whole, and its ETag: for what takes longer to make than to keep. Others on the same thread have
/// their turn between two pieces.
///
/// # Errors
/// The writer reads from something that cannot be read.
pub async fn write(mut writer: impl Produce) -> Result<(Bytes, String), ApiError> {
    let mut text = Vec::new();
    loop {
        // A writer ends its piece by what the buffer holds.
        let mut piece = Vec::with_capacity(PIECE + PIECE / 8);
        let more = writer.produce(&mut piece);
        text.extend_from_slice(&piece);
        if !more {
            break;
        }
        tokio::task::yield_now().await;
    }
    if writer.is_cut() { Err(ApiError::Internal) } else { Ok(tagged(text)) }
}

/// A text that is there, and its ETag.
pub fn tagged(text: Vec<u8>) -> (Bytes, String) {
    let etag = etag(&Sha256::digest(&text));
    (text.into(), etag)
}

/// Runs a writer to its end: the text, if it is small enough to keep, and its length.
fn run(writer: &mut impl Produce, mut each: impl FnMut(&[u8])) -> (Option<Bytes>, usize) {
    let (mut length, mut piece) = (0usize, Vec::with_capacity(PIECE / 16));
    let mut kept: Option<Vec<u8>> = Some(Vec::new());
    loop {
        piece.clear();
        let more = writer.produce(&mut piece);
        each(&piece);
        length += piece.len();
        kept = kept.filter(|kept| kept.len() + piece.len() <= KEPT);
        if let Some(kept) = &mut kept {
            kept.extend_from_slice(&piece);
        }
        if !more {
            break;
        }
    }
    (kept.map(Bytes::from), length)
}

/// The headers that tell what a body is.
#[derive(Clone, Debug, Default)]
pub struct Delivery {
    /// The format.
    pub format: ResultFormat,
    /// `Content-Disposition`, for files.
    pub name: Option<HeaderValue>,
}

/// Memory that a response takes while it is sent, and on whose account.
#[derive(Debug)]
pub struct Room {
    /// The customer.
    pub tenant: u32,
    /// Memory reserved before the response was made, if it was known to be large.
    pub held: Option<Permit>,
}

impl Room {
    /// Nothing set aside yet.
    pub fn of(tenant: u32) -> Self {
        Self { tenant, held: None }
    }

    /// Memory for a text of so many bytes, and for its coder if there is enough; 503 if the customer or all of them have too
    /// much under way.
    fn take(self, request: &HttpRequest, bytes: usize, is_packed: bool) -> Result<Place, ApiError> {
        let is_coded = !is_packed && coding::is_wanted(request);
        if bytes <= SMALL && !is_coded {
            return Ok(Place { _text: self.held, coder: None });
        }
        // app() has put it there.
        let memory = &request.app_data::<Data<Arc<State>>>().ok_or(ApiError::Internal)?.memory;
        let text = match self.held {
            None if bytes > SMALL => {
                Some(memory.try_acquire(self.tenant, bytes as u64).map_err(|_none_free| ApiError::ManyAnswers)?)
            }
            held => held,
        };
        let coder = is_coded.then(|| memory.take_free(self.tenant, coding::memory(bytes))).flatten();
        Ok(Place { _text: text, coder })
    }
}

/// Memory of a response, given back when its body is dropped, sent or not.
struct Place {
    _text: Option<Permit>,
    coder: Option<Permit>,
}

/// Answers 200 with what was rendered, 304 where the caller has it already, or 503 when it is large and too many such answers
/// are being sent.
pub fn send(
    request: &HttpRequest,
    rendered: Rendered<impl Produce + Unpin + 'static>,
    delivery: &Delivery,
    room: Room,
) -> HttpResponse {
    let mut response = match head(request, &rendered.etag, delivery) {
        Ok(response) => response,
        Err(unchanged) => return unchanged,
    };
    whole(request, &mut response, rendered, (room, delivery.format.row().is_packed))
        .unwrap_or_else(|refused| refused.answer(request, "response"))
}

/// Writes for the first time what no cache may keep: it has no ETag.
pub fn render_once<P: Produce + Clone>(mut writer: P) -> Rendered<P> {
    let again = writer.clone();
    let (text, length) = run(&mut writer, |_| ());
    Rendered { etag: String::new(), text, length, writer: again }
}

/// Answers 200 with what no cache may keep: no ETag and no 304.
///
/// # Errors
/// When it is large and too many such answers are being sent.
pub fn send_once(
    request: &HttpRequest,
    rendered: Rendered<impl Produce + Unpin + 'static>,
    room: Room,
) -> Result<HttpResponse, ApiError> {
    let mut response = HttpResponse::Ok();
    response
        .insert_header((header::CONTENT_TYPE, super::JSON))
        .insert_header((header::CACHE_CONTROL, "private, no-store"));
    whole(request, &mut response, rendered, (room, false))
}

/// The body of a response: the text where it was kept, else what writes it while it is sent.
fn whole(
    request: &HttpRequest,
    response: &mut HttpResponseBuilder,
    rendered: Rendered<impl Produce + Unpin + 'static>,
    (room, is_packed): (Room, bool),
) -> Result<HttpResponse, ApiError> {
    match rendered.text {
        Some(text) => filled(request, response, text, (room, is_packed)),
        None => {
            let place = room.take(request, rendered.length, is_packed)?;
            Ok(coded(place, |place| {
                response.body(Pieces { writer: rendered.writer, left: rendered.length, _place: place })
            }))
        }
    }
}

/// A response that is compressed if its place has room for the coder.
fn coded(place: Place, answer: impl FnOnce(Place) -> HttpResponse) -> HttpResponse {
    let has_coder = place.coder.is_some();
    let mut response = answer(place);
    if has_coder {
        coding::allow(&mut response);
    }
    response
}

/// Answers 200 with a text that is ready, 304 where the caller has it already, or 503 as [`send`] does.
pub fn send_ready(request: &HttpRequest, (text, etag): (Bytes, &str), delivery: &Delivery, room: Room) -> HttpResponse {
    match head(request, etag, delivery) {
        Ok(mut response) => filled(request, &mut response, text, (room, delivery.format.row().is_packed))
            .unwrap_or_else(|refused| refused.answer(request, "response")),
        Err(unchanged) => unchanged,
    }
}

/// A response with a text that is there.
///
/// # Errors
/// When it is large and too many such answers are being sent.
pub fn ready(
    request: &HttpRequest,
    response: &mut HttpResponseBuilder,
    text: Bytes,
    room: Room,
) -> Result<HttpResponse, ApiError> {
    filled(request, response, text, (room, false))
}

fn filled(
    request: &HttpRequest,
    response: &mut HttpResponseBuilder,
    text: Bytes,
    (room, is_packed): (Room, bool),
) -> Result<HttpResponse, ApiError> {
    let place = room.take(request, text.len(), is_packed)?;
    Ok(coded(place, |place| response.body(ReadyBody { text, _place: place })))
}

/// A text that never changes, with its ETag.
#[derive(Clone, Debug)]
pub struct Fixed {
    text: Bytes,
    etag: String,
}

impl From<Bytes> for Fixed {
    fn from(text: Bytes) -> Self {
        let etag = etag(&Sha256::digest(&text));
        Self { text, etag }
    }
}

/// Answers 200 with a text that is not a report's, or 304 where the caller has it already.
pub fn send_fixed(request: &HttpRequest, content_type: &str, fixed: &Fixed) -> HttpResponse {
    match head(request, &fixed.etag, &Delivery::default()) {
        Ok(mut response) => response.insert_header((header::CONTENT_TYPE, content_type)).body(fixed.text.clone()),
        Err(unchanged) => unchanged,
    }
}

/// The head of a 200, or the whole of a 304.
#[expect(clippy::result_large_err, reason = "both are answers, and moved once")]
fn head(request: &HttpRequest, etag: &str, delivery: &Delivery) -> Result<HttpResponseBuilder, HttpResponse> {
    let mut response = HttpResponse::Ok();
    response
        .insert_header((header::ETAG, etag))
        .insert_header((header::VARY, "Accept"))
        .insert_header((header::CACHE_CONTROL, "max-age=0, private, must-revalidate"));
    if matches(request.headers(), etag) {
        return Err(response.status(StatusCode::NOT_MODIFIED).finish());
    }
    response.insert_header((header::CONTENT_TYPE, delivery.format.row().content_type));
    if let Some(name) = &delivery.name {
        response.insert_header((header::CONTENT_DISPOSITION, name));
    }
    Ok(response)
}

/// `W/"…"` with the first 32 hex digits of SHA-256.
pub(super) fn etag(digest: &[u8]) -> String {
    let half = digest.first_chunk().map_or(0, |half| u128::from_be_bytes(*half));
    format!("W/\"{half:032x}\"")
}

/// If-None-Match by weak comparison (RFC 9110, 13.1.2): lists, `*`.
pub(super) fn matches(headers: &HeaderMap, etag: &str) -> bool {
    let opaque = etag.trim_start_matches("W/");
    headers
        .get_all(header::IF_NONE_MATCH)
        .filter_map(|value| value.to_str().ok())
        .any(|value| value.split(',').map(str::trim).any(|one| one == "*" || one.trim_start_matches("W/") == opaque))
}

/// A body that is there already.
struct ReadyBody {
    text: Bytes,
    _place: Place,
}

impl MessageBody for ReadyBody {
    type Error = Infallible;

    fn size(&self) -> BodySize {
        BodySize::Sized(self.text.len() as u64)
    }

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Bytes, Infallible>>> {
        let text = std::mem::take(&mut self.text);
        Poll::Ready(if text.is_empty() { None } else { Some(Ok(text)) })
    }
}

/// A body that is written while it is sent.
struct Pieces<P> {
    writer: P,
    left: usize,
    _place: Place,
}

/// A writer gave less at its second run than at its first: the connection breaks.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the answer is cut")]
struct CutAnswer;

impl<P: Produce + Unpin> MessageBody for Pieces<P> {
    type Error = CutAnswer;

    fn size(&self) -> BodySize {
        BodySize::Sized(self.left as u64)
    }

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Bytes, CutAnswer>>> {
        if self.left == 0 {
            return Poll::Ready(None);
        }
        let mut text = Vec::with_capacity(PIECE + PIECE / 8);
        self.writer.produce(&mut text);
        if text.is_empty() {
            // A temporary file that cannot be read, say. To ask again would be to ask for ever.
            return Poll::Ready(Some(Err(CutAnswer)));
        }
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

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;
    use crate::config::Config;
    use crate::config::value::Secret;
    use crate::format::AnyWriter;
    use crate::sql::schema::{Causes, Schema, TableSchema};
    use crate::store::{self, Store};
    use crate::token::Keys;

    /// So many pieces.
    #[derive(Clone)]
    struct Long(usize);

    impl Produce for Long {
        fn produce(&mut self, out: &mut Vec<u8>) -> bool {
            out.extend_from_slice(&[b'x'; PIECE]);
            self.0 -= 1;
            self.0 > 0
        }
    }

    /// A service of one query at a time, which nobody listens to.
    fn request() -> TestRequest {
        let mut config = Config::default();
        config.limits.response_mb = 1;
        config.auth.secret = Secret::new("a secret for tests, long enough to sign with");
        let keys = Keys::new(&config.auth).unwrap();
        let store = Store::new(|| store::client("http://127.0.0.1:1", "default", ""), &config.limits);
        let (cdrs, active_calls) = (TableSchema::plain("cdrs"), TableSchema::plain("active_calls"));
        let schema =
            Schema { cdrs, active_calls, billed_duration: false, period_seconds: 60, causes: Causes::default() };
        TestRequest::default().app_data(Data::new(State::new(config, keys, store, schema)))
    }

    /// Nothing, where something was promised.
    struct Lost;

    impl Produce for Lost {
        fn produce(&mut self, _: &mut Vec<u8>) -> bool {
            false
        }
    }

    /// A part of a file that cannot be read to its end.
    #[derive(Clone)]
    struct Torn;

    impl Produce for Torn {
        fn produce(&mut self, out: &mut Vec<u8>) -> bool {
            out.extend_from_slice(b"some of it");
            false
        }

        fn is_cut(&self) -> bool {
            true
        }
    }

    #[actix_web::test]
    async fn what_cannot_be_read_at_first_is_an_error_and_no_short_answer() {
        assert!(matches!(render(Torn), Err(ApiError::Internal)));
        assert!(matches!(render(AnyWriter::new(Torn)), Err(ApiError::Internal)));
        assert!(matches!(write(Torn).await, Err(ApiError::Internal)));
    }

    #[actix_web::test]
    async fn an_answer_that_cannot_be_written_again_breaks_off() {
        let request = request().to_http_request();
        let rendered = Rendered { etag: String::new(), text: None, length: 10, writer: Lost };
        let response = send(&request, rendered, &Delivery::default(), Room::of(1));
        assert_eq!(response.status(), StatusCode::OK);
        let mut body = std::pin::pin!(response.into_body());
        let piece = std::future::poll_fn(|context| body.as_mut().poll_next(context)).await;
        assert!(piece.is_some_and(|piece| piece.is_err()));
    }

    #[test]
    fn large_answers_that_are_being_sent_are_bounded_and_small_ones_are_not() {
        let request = request().to_http_request();
        // Kept or written while they are sent; a customer has 8 pieces of the 16.
        let ask = |tenant, pieces: usize| {
            send(&request, render(Long(pieces)).unwrap(), &Delivery::default(), Room::of(tenant))
        };
        let mut held = vec![ask(1, 5)];
        assert_eq!(held[0].status(), StatusCode::OK);
        let refused = ask(1, 5);
        assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(refused.headers().get(header::RETRY_AFTER).unwrap(), "1");
        assert_eq!(send(&request, render(Empty).unwrap(), &Delivery::default(), Room::of(1)).status(), StatusCode::OK);
        held.push(ask(2, 8));
        assert_eq!(held[1].status(), StatusCode::OK);
        assert_eq!(ask(3, 5).status(), StatusCode::SERVICE_UNAVAILABLE);
        drop(held.remove(0));
        assert_eq!(ask(1, 5).status(), StatusCode::OK);
    }
}
