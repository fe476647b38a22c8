//! HTTP/2 of a connection: its bounds, its requests, and their responses.
//!
//! actix-http's own dispatcher bounds neither header lists nor streams, and does not tell when a stream is reset.

use std::cell::RefCell;
use std::cmp::min;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, SystemTime};

use actix_http::error::{DispatchError, PayloadError};
use actix_http::{BoxedPayloadStream, Payload, Request, Response};
use actix_service::Service;
use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::dev::ServiceResponse;
use actix_web::{Error, HttpMessage as _};
use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use h2::server::{Builder, SendResponse};
use h2::{RecvStream, SendStream};
use http::header::{CONNECTION, CONTENT_LENGTH, DATE, HeaderValue, TRANSFER_ENCODING};
use http::{Method, StatusCode};

use super::connection::Connection;
use super::stream::Stream;

/// Requests of a connection at once.
const STREAMS: u32 = 100;

/// Bytes of a request's headers, each counted with 32 more (RFC 9113, 6.5.2). The longest addresses are lists of prefixes.
const HEADERS: u32 = 80 * 1024;

/// Bytes of a response that wait for the socket, for each stream.
const WAITING: usize = 64 * 1024;

/// Bytes that a caller may send ahead on a stream, and on all of a connection.
const WINDOWS: (u32, u32) = (256 * 1024, 1024 * 1024);

/// Bytes of a body that are taken though nobody reads them, and the time for it.
const REMAINDER: (usize, Duration) = (WINDOWS.0 as usize, Duration::from_secs(1));

/// Requests taken from a connection before others' turn comes.
const AT_ONCE: u32 = 32;

/// Time for the others.
const TURN: Duration = Duration::from_millis(1);

/// Bytes handed over at once.
const PIECE: usize = 16 * 1024;

/// Answers the requests of a connection until it ends or `stop` does; those under way are then answered still.
///
/// # Errors
/// The connection broke, or the caller did not keep to HTTP/2.
pub async fn serve<S, B>(stream: Stream, app: Rc<S>, stop: impl Future<Output = ()>) -> Result<(), DispatchError>
where
    S: Service<Request, Response = ServiceResponse<B>, Error = Error>,
    B: MessageBody + 'static,
{
    let connection = Arc::clone(stream.connection());
    connection.note_http2();
    let mut builder = Builder::new();
    builder
        .max_concurrent_streams(STREAMS)
        .max_header_list_size(HEADERS)
        .max_send_buffer_size(WAITING)
        .initial_window_size(WINDOWS.0)
        .initial_connection_window_size(WINDOWS.1);
    let mut http2 = builder.handshake::<_, Bytes>(stream).await?;
    let mut answers = FuturesUnordered::new();
    let mut stop = pin!(stop);
    let (mut taken, mut is_stopping) = (0, false);
    loop {
        let rest = match connection.rest() {
            Duration::ZERO if taken >= AT_ONCE => TURN,
            rest => rest,
        };
        // Responses go on while nothing is taken.
        let next = poll_fn(|cx| match rest.is_zero() {
            true => http2.poll_accept(cx),
            false => http2.poll_closed(cx).map(|closed| closed.err().map(Err)),
        });
        tokio::select! {
            Some(()) = answers.next(), if !answers.is_empty() => {}
            () = tokio::time::sleep(rest), if !rest.is_zero() => taken = 0,
            () = &mut stop, if !is_stopping => {
                is_stopping = true;
                http2.graceful_shutdown();
            }
            next = next => match next {
                Some(next) => {
                    let (request, respond) = next?;
                    taken += 1;
                    answers.push(answer(request, respond, Rc::clone(&app), Arc::clone(&connection)));
                }
                None => return Ok(()),
            },
        }
    }
}

/// Answers a request, unless its stream is reset before.
async fn answer<S, B>(
    request: http::Request<RecvStream>,
    mut respond: SendResponse<Bytes>,
    app: Rc<S>,
    connection: Arc<Connection>,
) where
    S: Service<Request, Response = ServiceResponse<B>, Error = Error>,
    B: MessageBody + 'static,
{
    let (parts, body) = request.into_parts();
    let is_head = parts.method == Method::HEAD;
    let body = Body(Rc::new(RefCell::new(body)));
    let payload: BoxedPayloadStream = Box::pin(body.clone());
    let mut request = Request::with_payload(Payload::Stream { payload });
    let head = request.head_mut();
    head.uri = parts.uri;
    head.method = parts.method;
    head.version = parts.version;
    head.headers = parts.headers.into();
    head.peer_addr = Some(connection.peer());
    request.extensions_mut().insert(connection);
    let response = tokio::select! {
        response = app.call(request) => response,
        _ = poll_fn(|cx| respond.poll_reset(cx)) => return,
    };
    let response: Response<BoxBody> = match response {
        Ok(response) => Response::from(response.into_parts().1.map_into_boxed_body()),
        Err(error) => Response::from(error),
    };
    // An error means that the caller has gone, or that a file is cut: dropped without its end, the stream is reset.
    if send(response, respond, is_head).await.is_ok() {
        let _late = tokio::time::timeout(REMAINDER.1, body.drain()).await;
    }
}

/// Sends a response as fast as its reader takes it.
async fn send(
    response: Response<BoxBody>,
    mut respond: SendResponse<Bytes>,
    is_head: bool,
) -> Result<(), Box<dyn std::error::Error>> {
    let (response, body) = response.into_parts();
    let size = if response.status() == StatusCode::NO_CONTENT { BodySize::None } else { body.size() };
    let is_whole = is_head || size.is_eof();
    let mut stream = respond.send_response(head(&response, size), is_whole)?;
    if is_whole {
        return Ok(());
    }
    let mut body = pin!(body);
    while let Some(chunk) = poll_fn(|cx| body.as_mut().poll_next(cx)).await {
        send_all(&mut stream, chunk?).await?;
    }
    stream.send_data(Bytes::new(), true)?;
    Ok(())
}

async fn send_all(stream: &mut SendStream<Bytes>, mut chunk: Bytes) -> Result<(), h2::Error> {
    while !chunk.is_empty() {
        stream.reserve_capacity(min(chunk.len(), PIECE));
        let Some(room) = poll_fn(|cx| stream.poll_capacity(cx)).await else {
            return Err(h2::Reason::CANCEL.into());
        };
        stream.send_data(chunk.split_to(min(chunk.len(), room?)), false)?;
    }
    Ok(())
}

/// The head of a response. HTTP/2 frames bodies itself (RFC 9113, 8.2.2).
fn head(response: &Response<()>, size: BodySize) -> http::Response<()> {
    let mut head = http::Response::new(());
    *head.status_mut() = response.status();
    *head.version_mut() = http::Version::HTTP_2;
    for (name, value) in response.headers() {
        if ![CONNECTION, TRANSFER_ENCODING, CONTENT_LENGTH].contains(name) {
            head.headers_mut().append(name, value.clone());
        }
    }
    if let BodySize::Sized(length) = size
        && response.status() != StatusCode::NOT_MODIFIED
    {
        head.headers_mut().insert(CONTENT_LENGTH, length.into());
    }
    if let Ok(now) = HeaderValue::try_from(httpdate::fmt_http_date(SystemTime::now())) {
        head.headers_mut().entry(DATE).or_insert(now);
    }
    head
}

/// A request's body.
#[derive(Clone)]
struct Body(Rc<RefCell<RecvStream>>);

impl Body {
    /// Takes what was not read. Some callers take a stream that is reset behind the response for one that failed.
    async fn drain(mut self) {
        let mut taken = 0;
        while let Some(Ok(bytes)) = self.next().await {
            taken += bytes.len();
            if taken > REMAINDER.0 {
                return;
            }
        }
    }
}

impl futures_util::Stream for Body {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut stream = self.0.borrow_mut();
        Poll::Ready(match ready!(stream.poll_data(cx)) {
            Some(Ok(bytes)) => {
                let released = stream.flow_control().release_capacity(bytes.len());
                Some(released.map(|()| bytes).map_err(PayloadError::from))
            }
            Some(Err(error)) => Some(Err(error.into())),
            None => None,
        })
    }
}
