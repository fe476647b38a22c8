//! The stream of a connection, plain or encrypted, that notes what passes through it and ends when it is told to.

use std::io::{self, ErrorKind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::Sleep;
use tokio_rustls::server::TlsStream;

use super::connection::{Closed, Connection};
use super::connections::Connections;

/// Bytes after which the dispatcher looks at what came, and others have their turn, before it reads on. With a read of 32 KiB on
/// top, and what may come ahead of an answer, its buffer of 128 KiB is never full; it does not sleep while it is.
const AT_ONCE: usize = 16 * 1024;

/// Time for the others. A task that only wakes itself leaves the runtime no time to look at other sockets.
const TURN: Duration = Duration::from_millis(1);

/// A connection's socket.
pub struct Socket {
    io: TcpStream,
    connection: Arc<Connection>,
    connections: Arc<Connections>,
    /// Bytes read since the reader last had to wait.
    read: usize,
    /// Until it reads on.
    rest: Option<Pin<Box<Sleep>>>,
}

impl Socket {
    /// Wraps the socket of an admitted connection.
    pub fn new(io: TcpStream, connection: Arc<Connection>, connections: Arc<Connections>) -> Self {
        Self { io, connection, connections, read: 0, rest: None }
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        self.connections.remove(&self.connection);
    }
}

impl AsyncRead for Socket {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.connection.watch(cx.waker());
        if self.connection.is_closed() {
            return Poll::Ready(Err(ErrorKind::ConnectionAborted.into()));
        }
        ready!(self.poll_rest(cx));
        let before = buf.filled().len();
        let polled = Pin::new(&mut self.io).poll_read(cx, buf);
        if !matches!(polled, Poll::Ready(Ok(()))) {
            self.read = 0;
            return polled;
        }
        let bytes = buf.filled().len() - before;
        self.read += bytes;
        if bytes > 0 && !self.connection.note_read(bytes as u64) {
            self.connections.close(&self.connection, Closed::Flood);
            return Poll::Ready(Err(ErrorKind::ConnectionAborted.into()));
        }
        Poll::Ready(Ok(()))
    }
}

impl Socket {
    /// Ready when it may read.
    fn poll_rest(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let rest = self.connection.rest();
        let rest = if self.read >= AT_ONCE { rest.max(TURN) } else { rest };
        if !rest.is_zero() && self.rest.is_none() {
            self.read = 0;
            self.rest = Some(Box::pin(tokio::time::sleep(rest)));
        }
        if let Some(sleep) = &mut self.rest {
            ready!(sleep.as_mut().poll(cx));
            self.rest = None;
        }
        Poll::Ready(())
    }

    fn note(&self, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        match &written {
            Poll::Pending => self.connection.note_blocked(),
            Poll::Ready(Ok(bytes)) => self.connection.note_written(*bytes as u64),
            Poll::Ready(Err(_)) => {}
        }
        written
    }
}

impl AsyncWrite for Socket {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        if self.connection.is_closed() {
            return Poll::Ready(Err(ErrorKind::ConnectionAborted.into()));
        }
        // A blocked writer may be the only one who waits.
        self.connection.watch(cx.waker());
        let written = Pin::new(&mut self.io).poll_write(cx, buf);
        self.note(written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if self.connection.is_closed() {
            return Poll::Ready(Err(ErrorKind::ConnectionAborted.into()));
        }
        self.connection.watch(cx.waker());
        let written = Pin::new(&mut self.io).poll_write_vectored(cx, bufs);
        self.note(written)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}

/// The stream that requests are read from.
pub enum Stream {
    /// As it comes from the socket.
    Plain(Socket),
    /// Encrypted.
    Tls(Box<TlsStream<Socket>>),
}

impl Stream {
    /// Its connection.
    pub fn connection(&self) -> &Arc<Connection> {
        match self {
            Self::Plain(socket) => &socket.connection,
            Self::Tls(stream) => &stream.get_ref().0.connection,
        }
    }

    /// True if HTTP/2 was agreed upon with the encryption.
    pub fn is_http2(&self) -> bool {
        match self {
            Self::Plain(_) => false,
            Self::Tls(stream) => stream.get_ref().1.alpn_protocol() == Some(b"h2"),
        }
    }
}

macro_rules! either {
    ($self:ident, $stream:ident => $call:expr) => {
        match $self.get_mut() {
            Stream::Plain($stream) => {
                let $stream = Pin::new($stream);
                $call
            }
            Stream::Tls($stream) => {
                let $stream = Pin::new($stream.as_mut());
                $call
            }
        }
    };
}

impl AsyncRead for Stream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        either!(self, stream => stream.poll_read(cx, buf))
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        either!(self, stream => stream.poll_write(cx, buf))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        either!(self, stream => stream.poll_write_vectored(cx, bufs))
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Plain(stream) => stream.is_write_vectored(),
            Self::Tls(stream) => stream.is_write_vectored(),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        either!(self, stream => stream.poll_flush(cx))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        either!(self, stream => stream.poll_shutdown(cx))
    }
}
