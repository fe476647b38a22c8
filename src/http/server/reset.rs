//! A stream of HTTP/2 that its caller resets while the connection stays: a browser does that when a page is left.
//!
//! The dispatcher does not tell the application, and goes on. The stream's body tells: polled again behind its end, it is an
//! error once the stream was reset.

use std::cell::{Cell, RefCell};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use actix_web::dev::Payload;
use actix_web::error::PayloadError;
use bytes::Bytes;
use futures_util::Stream;

/// Between two looks.
const LOOK: Duration = Duration::from_millis(250);

/// Tells when a stream was reset.
pub struct Watch {
    body: Rc<RefCell<Payload>>,
    is_read: Rc<Cell<bool>>,
}

/// Splits a body: one half to be read, the other to be watched once it was read or dropped.
pub fn watch(body: Payload) -> (Payload, Watch) {
    let (body, is_read) = (Rc::new(RefCell::new(body)), Rc::new(Cell::new(false)));
    let reader = Reader { body: Rc::clone(&body), is_read: Rc::clone(&is_read) };
    (Payload::Stream { payload: Box::pin(reader) }, Watch { body, is_read })
}

impl Watch {
    /// Ends when the stream was reset.
    pub async fn reset(self) {
        loop {
            tokio::time::sleep(LOOK).await;
            if self.is_read.get() && self.look() {
                return;
            }
        }
    }

    fn look(&self) -> bool {
        let mut body = self.body.borrow_mut();
        let polled = Pin::new(&mut *body).poll_next(&mut Context::from_waker(Waker::noop()));
        matches!(polled, Poll::Ready(Some(Err(_))))
    }
}

struct Reader {
    body: Rc<RefCell<Payload>>,
    is_read: Rc<Cell<bool>>,
}

impl Stream for Reader {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let polled = Pin::new(&mut *self.body.borrow_mut()).poll_next(cx);
        if matches!(polled, Poll::Ready(None | Some(Err(_)))) {
            self.is_read.set(true);
        }
        polled
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.is_read.set(true);
    }
}
