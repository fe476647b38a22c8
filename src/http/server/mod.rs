//! Listens: accepts connections within bounds, with or without TLS, and hands their requests to the application.

pub mod connection;
pub mod connections;
mod http2;
pub mod stream;
pub mod tls;
pub mod track;

use std::io;
use std::net::TcpListener;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use actix_http::error::DispatchError;
use actix_http::{HttpService, Protocol};
use actix_server::{GracefulShutdownSignal, Server};
use actix_service::{
    IntoServiceFactory as _, Service, ServiceFactory as _, ServiceFactoryExt as _, fn_factory, fn_service, map_config,
};
use actix_web::dev::AppConfig;
use actix_web::{HttpMessage as _, HttpRequest};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;

use super::state::State;
use connection::Connection;
use connections::Connections;
use stream::{Socket, Stream};

/// Connections that may wait to be accepted.
const BACKLOG: u32 = 2048;

/// Time for a client to close its side after a response that ends the connection.
const LINGER: Duration = Duration::from_secs(2);

/// Seconds that requests under way have when the service stops.
const SHUTDOWN_SECONDS: u64 = 5;

/// Starts to serve the application on a listener.
///
/// # Errors
/// When the listener cannot be used.
pub fn serve(state: &Arc<State>, listener: TcpListener, tls: Option<TlsAcceptor>) -> io::Result<Server> {
    // The library's own choice, 128, is less than a portal opens at once after a restart.
    rustix::net::listen(&listener, BACKLOG.cast_signed())?;
    // The bound is the service's own: the worker's would leave callers in the backlog.
    let mut builder = Server::build()
        .shutdown_timeout(SHUTDOWN_SECONDS)
        .max_concurrent_connections(state.connections.most().saturating_add(1024));
    if state.config.http.workers > 0 {
        builder = builder.workers(state.config.http.workers);
    }
    let stop = builder.graceful_shutdown_signal();
    let state = Arc::clone(state);
    let builder = builder.listen("cdrscope", listener, move || {
        let (state, tls, stop) = (Arc::clone(&state), tls.clone(), stop.clone());
        fn_factory(move || worker(Arc::clone(&state), tls.clone(), stop.clone()))
    })?;
    Ok(builder.run())
}

/// What a worker does with the connections that it is given.
async fn worker(
    state: Arc<State>,
    tls: Option<TlsAcceptor>,
    stop: GracefulShutdownSignal,
) -> Result<impl Service<TcpStream, Response = (), Error = DispatchError>, ()> {
    // Here rather than with the first request, so that no caller waits for the worker's client to be made.
    state.store.client();
    let connections = Arc::clone(&state.connections);
    let app = || super::app(Arc::clone(&state)).into_factory();
    let http2 = match tls {
        Some(_) => Some(Rc::new(app().new_service(AppConfig::default()).await?)),
        None => None,
    };
    let stopping = stop.clone();
    let http1 = HttpService::build()
        .graceful_shutdown_signal(move || {
            let stop = stopping.clone();
            async move { stop.notified().await }
        })
        .keep_alive(connections.deadlines().keep_alive)
        // The sweep has the deadlines of all heads, not only of the first.
        .client_request_timeout(Duration::ZERO)
        .client_disconnect_timeout(LINGER)
        // A caller that closes its side has gone: its query ends.
        .h1_allow_half_closed(false)
        .on_connect_ext(|stream: &Stream, data| {
            data.insert(Arc::clone(stream.connection()));
        })
        .finish(map_config(app().map_err(|error| error.error_response()), |()| AppConfig::default()))
        .new_service(())
        .await?;
    let http1 = Rc::new(http1);
    Ok(fn_service(move |io: TcpStream| {
        let (connections, tls, stop) = (Arc::clone(&connections), tls.clone(), stop.clone());
        let (http1, http2) = (Rc::clone(&http1), http2.clone());
        async move {
            match (accept(io, connections, tls).await?, http2) {
                ((stream, Protocol::Http2, _), Some(http2)) => http2::serve(stream, http2, stop.notified()).await,
                (accepted, _) => http1.call(accepted).await,
            }
        }
    }))
}

/// Admits a connection and makes it ready for requests.
async fn accept(
    io: TcpStream,
    connections: Arc<Connections>,
    tls: Option<TlsAcceptor>,
) -> Result<(Stream, Protocol, Option<std::net::SocketAddr>), DispatchError> {
    let peer = io.peer_addr()?;
    io.set_nodelay(true)?;
    let refused = || DispatchError::Io(io::ErrorKind::ConnectionRefused.into());
    let connection = connections.admit(peer, tls.is_some()).ok_or_else(refused)?;
    let socket = Socket::new(io, connection, connections);
    let Some(tls) = tls else { return Ok((Stream::Plain(socket), Protocol::Http1, Some(peer))) };
    // The sweep ends a handshake that takes too long, as it does a request head.
    let stream = tls.accept(socket).await?;
    let is_http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
    let protocol = if is_http2 { Protocol::Http2 } else { Protocol::Http1 };
    Ok((Stream::Tls(Box::new(stream)), protocol, Some(peer)))
}

/// The connection of a request; `None` where the application runs without a server.
pub fn connection(request: &HttpRequest) -> Option<Arc<Connection>> {
    let of_http2 = || request.extensions().get::<Arc<Connection>>().cloned();
    request.conn_data::<Arc<Connection>>().cloned().or_else(of_http2)
}
