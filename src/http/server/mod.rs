//! Listens: accepts connections within bounds, with or without TLS, and hands their requests to the application.

pub mod connection;
pub mod connections;
mod http2;
pub mod stream;
pub mod tls;
pub mod track;

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use actix_http::HttpService;
use actix_http::error::DispatchError;
use actix_server::{GracefulShutdownSignal, Server};
use actix_service::{
    IntoServiceFactory as _, Service, ServiceFactory as _, ServiceFactoryExt as _, fn_factory, fn_service, map_config,
};
use actix_web::dev::AppConfig;
use actix_web::{HttpMessage as _, HttpRequest};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;

use super::endpoint::Entrance;
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
pub fn serve(
    state: &Arc<State>,
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    operators: Option<TcpListener>,
) -> io::Result<Server> {
    // The library's own choice, 128, is less than a portal opens at once after a restart.
    for listener in std::iter::once(&listener).chain(&operators) {
        rustix::net::listen(listener, BACKLOG.cast_signed())?;
    }
    // The bound is the service's own: the worker's would leave callers in the backlog.
    let mut builder = Server::build()
        .shutdown_timeout(SHUTDOWN_SECONDS)
        .max_concurrent_connections(state.connections.most().saturating_add(1024));
    if state.config.http.workers > 0 {
        builder = builder.workers(state.config.http.workers);
    }
    let stop = builder.graceful_shutdown_signal();
    let doors = [(Entrance::Main, Some(listener)), (Entrance::Operators, operators)];
    for (entrance, listener) in doors.into_iter().filter_map(|(entrance, listener)| Some((entrance, listener?))) {
        let (state, tls, stop) = (Arc::clone(state), tls.clone(), stop.clone());
        let name = if entrance == Entrance::Main { "cdrscope" } else { "operators" };
        builder = builder.listen(name, listener, move || {
            let (state, tls, stop) = (Arc::clone(&state), tls.clone(), stop.clone());
            fn_factory(move || worker(Arc::clone(&state), entrance, tls.clone(), stop.clone()))
        })?;
    }
    Ok(builder.run())
}

/// Makes the service of a worker: it admits a connection and answers its requests, over HTTP/1.1 or HTTP/2.
async fn worker(
    state: Arc<State>,
    entrance: Entrance,
    tls: Option<TlsAcceptor>,
    stop: GracefulShutdownSignal,
) -> Result<impl Service<TcpStream, Response = (), Error = DispatchError>, ()> {
    // Here rather than with the first request, so that no caller waits for the worker's client to be made.
    state.engine.store.client();
    let connections = Arc::clone(&state.connections);
    let app = || super::app(Arc::clone(&state), entrance).into_factory();
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
        // Not its service of both protocols: a connection would take memory for a dispatcher of HTTP/2 that it never has.
        .h1(map_config(app().map_err(|error| error.error_response()), |()| AppConfig::default()))
        .new_service(())
        .await?;
    let http1 = Rc::new(http1);
    Ok(fn_service(move |io: TcpStream| {
        let (connections, tls, stop) = (Arc::clone(&connections), tls.clone(), stop.clone());
        let (http1, http2) = (Rc::clone(&http1), http2.clone());
        async move {
            let (stream, peer) = accept(io, connections, tls).await?;
            // Apart from this task, which takes the memory of the larger of its branches for as long as the connection stays.
            match http2.filter(|_| stream.is_http2()) {
                Some(http2) => Box::pin(http2::serve(stream, http2, stop.notified())).await,
                None => http1.call((stream, Some(peer))).await,
            }
        }
    }))
}

/// Admits a connection and makes it ready for requests.
async fn accept(
    io: TcpStream,
    connections: Arc<Connections>,
    tls: Option<TlsAcceptor>,
) -> Result<(Stream, SocketAddr), DispatchError> {
    let peer = io.peer_addr()?;
    io.set_nodelay(true)?;
    let refused = || DispatchError::Io(io::ErrorKind::ConnectionRefused.into());
    let connection = connections.admit(peer, tls.is_some()).ok_or_else(refused)?;
    if tls.is_some() {
        // A handshake takes more than a request that is refused, and before it nobody is known.
        connections.note_stranger(&connection);
    }
    let socket = Socket::new(io, connection, connections);
    let Some(tls) = tls else { return Ok((Stream::Plain(socket), peer)) };
    // The sweep ends a handshake that takes too long, as it does a request head.
    let stream = Box::pin(tls.accept(socket)).await?;
    Ok((Stream::Tls(Box::new(stream)), peer))
}

/// The connection of a request; `None` where the application runs without a server.
pub fn connection(request: &HttpRequest) -> Option<Arc<Connection>> {
    let of_http2 = || request.extensions().get::<Arc<Connection>>().cloned();
    request.conn_data::<Arc<Connection>>().cloned().or_else(of_http2)
}
