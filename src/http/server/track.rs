//! The middleware that tells a connection of its requests and bounds them.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::{Method, Version};
use actix_web::{Error, HttpMessage as _};
use bytes::Bytes;
use pin_project_lite::pin_project;

use super::connection::{ActiveRequest, Sending};
use super::connections::Counted;
use crate::http::auth::{Known, client_ip};
use crate::http::error::ApiError;
use crate::http::state::State;

/// Requests under way on one connection; HTTP/2 has many.
const MOST_REQUESTS: u32 = 100;

/// Notes the beginning and the end of a request.
///
/// # Errors
/// None of its own.
pub async fn track(
    state: &State,
    mut request: ServiceRequest,
    next: impl AsyncFnOnce(ServiceRequest) -> Result<ServiceResponse<BoxBody>, Error>,
) -> Result<ServiceResponse<Tracked<BoxBody>>, Error> {
    let Some(connection) = super::connection(request.request()) else {
        let guard = Guard { sending: None, _request: None, _counted: None };
        return Ok(next(request).await?.map_body(|_, body| Tracked { body, guard }));
    };
    let takes_body = !matches!(*request.method(), Method::GET | Method::HEAD | Method::DELETE);
    let is_http2 = request.version() == Version::HTTP_2;
    if !takes_body {
        // Nobody will read it. Dropped, it does not keep HTTP/1's dispatcher from noticing that the caller leaves.
        drop(request.take_payload());
    }
    let counted = counted(state, &request, is_http2);
    if connection.requests() >= MOST_REQUESTS || counted.is_err() {
        let refused = ApiError::ManyRequests.reply(None);
        // Nothing may wait for a window of the caller's.
        let refused = if is_http2 { refused.drop_body().map_into_boxed_body() } else { refused };
        state.connections.note_stranger(&connection);
        let guard = Guard { sending: None, _request: None, _counted: None };
        return Ok(request.into_response(refused).map_body(|_, body| Tracked { body, guard }));
    }
    let under_way = connection.begin(takes_body);
    let response = next(request).await?;
    if !response.request().extensions().contains::<Known>() {
        state.connections.note_stranger(&connection);
    }
    connection.body_ended();
    let sending = is_http2.then(|| connection.send());
    let guard = Guard { sending, _request: Some(under_way), _counted: counted.ok().flatten() };
    Ok(response.map_body(|_, body| Tracked { body, guard }))
}

/// A place for a request whose connection does not bound it: one that a trusted proxy forwards, or one of the many that
/// HTTP/2 has on a connection; an error when its caller has none left.
fn counted(state: &State, request: &ServiceRequest, is_http2: bool) -> Result<Option<Counted>, ()> {
    let Some(peer) = request.peer_addr().map(|peer| peer.ip()) else { return Ok(None) };
    let address = if state.connections.is_proxy(peer) { client_ip(request.request(), state) } else { None };
    if address.is_none() && !is_http2 && !state.connections.is_proxy(peer) {
        return Ok(None);
    }
    state.connections.count_request(address.unwrap_or(peer)).map(Some).ok_or(())
}

struct Guard {
    sending: Option<Arc<Sending>>,
    _request: Option<ActiveRequest>,
    _counted: Option<Counted>,
}

pin_project! {
    /// A response's body; the request ends when it is dropped, sent or not.
    pub struct Tracked<B> {
        #[pin]
        body: B,
        guard: Guard,
    }
}

impl<B: MessageBody> MessageBody for Tracked<B> {
    type Error = B::Error;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, B::Error>>> {
        let this = self.project();
        let next = ready!(this.body.poll_next(cx));
        if let (Some(sending), Some(Ok(bytes))) = (&this.guard.sending, &next) {
            sending.note(bytes.len() as u64);
        }
        Poll::Ready(next)
    }
}
