//! The way to a running engine, and clients that send nothing to anybody else.

use std::io;
use std::net::Ipv4Addr;
use std::path::Path;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::task::{Context, Poll};
use std::time::Duration;

use clickhouse::Client;
use hyper::Uri;
use hyper_util::client::legacy::Client as HttpClient;
use hyper_util::rt::{TokioExecutor, TokioIo};
use serde::{Deserialize, Serialize};
use tokio::net::TcpStream;

use super::listener::Listener;
use super::{EngineError, READY_LIMIT, home};
use crate::store::{self, Clients};

/// The engine closes a connection that was idle for three seconds.
const IDLE: Duration = Duration::from_secs(2);

/// A user of the engine.
#[derive(Clone, Serialize, Deserialize)]
pub struct Login {
    /// The name, for `X-ClickHouse-User`.
    pub user: String,
    /// The password, for `X-ClickHouse-Key`.
    pub password: String,
}

impl Login {
    /// A login that nobody can guess, not even its name, which begins with `role`.
    pub(super) fn generate(role: &str) -> Self {
        // Each UUID of version 4 has 122 bits from the system's random source.
        let random = || uuid::Uuid::new_v4().simple();
        Self { user: format!("{role}_{}", random()), password: format!("{}{}", random(), random()) }
    }
}

impl std::fmt::Debug for Login {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Login").field("user", &self.user).field("password", &"[hidden]").finish()
    }
}

/// The rights of one of the engine's two users.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EngineRole {
    /// May do everything.
    Admin,
    /// May read.
    Reader,
}

/// Address and logins of one start of the engine. Its HTTP interface knows these two users, named in the
/// `X-ClickHouse-User` header, and nobody else.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct EngineAccess {
    /// `http://127.0.0.1:<port>`.
    pub url: String,
    /// May do everything: migrations and loading.
    pub admin: Login,
    /// May read the data and set limits for its queries, within bounds: reports.
    pub reader: Login,
    pub(super) listener: Listener,
}

impl EngineAccess {
    /// The engine that another cdrscope runs on `data_dir` at this moment, if there is one; one that is starting is waited for.
    pub async fn of_running(data_dir: &Path) -> Result<Option<Self>, EngineError> {
        home::read_access(data_dir, home::STOPPING_LIMIT + READY_LIMIT).await
    }

    fn login(&self, role: EngineRole) -> &Login {
        match role {
            EngineRole::Admin => &self.admin,
            EngineRole::Reader => &self.reader,
        }
    }
}

/// The way to an engine through all of its starts.
#[derive(Debug, Clone)]
pub struct Link(Arc<Latest>);

#[derive(Debug)]
struct Latest {
    access: RwLock<&'static EngineAccess>,
    starts: AtomicU64,
}

impl Link {
    /// The way to an engine whose present start is `access`.
    #[must_use]
    pub fn new(access: EngineAccess) -> Self {
        Self(Arc::new(Latest { access: RwLock::new(keep(access)), starts: AtomicU64::new(1) }))
    }

    /// Replaces the access by that of the engine's next start.
    pub(super) fn renew(&self, access: EngineAccess) {
        *self.0.access.write().unwrap_or_else(PoisonError::into_inner) = keep(access);
        self.0.starts.fetch_add(1, Ordering::Release);
    }

    /// The latest start.
    pub(super) fn access(&self) -> &'static EngineAccess {
        *self.0.access.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// The latest start's address, `http://127.0.0.1:<port>`.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.access().url
    }

    /// Makes clients of a user that use `database`.
    pub fn clients(&self, role: EngineRole, database: &str) -> EngineClients {
        EngineClients { link: self.clone(), role, database: database.to_owned() }
    }
}

/// Keeps an access valid for as long as the process runs. Each start of the engine leaves some 400 bytes behind for it.
fn keep(access: EngineAccess) -> &'static EngineAccess {
    Box::leak(Box::new(access))
}

/// Makes clients of one of the engine's users.
#[derive(Debug, Clone)]
pub struct EngineClients {
    link: Link,
    role: EngineRole,
    database: String,
}

impl Clients for EngineClients {
    /// A client of the engine's latest start.
    fn client(&self) -> Client {
        let access = self.link.access();
        let login = access.login(self.role);
        let http = HttpClient::builder(TokioExecutor::new())
            .pool_idle_timeout(IDLE)
            .build(Connector { url: &access.url, listener: &access.listener });
        store::with_login(Client::with_http_client(http), &access.url, &login.user, &login.password)
            .with_database(&self.database)
    }

    fn generation(&self) -> u64 {
        self.link.0.starts.load(Ordering::Acquire)
    }
}

/// Connects to one start of the engine, and to nobody who has taken its port.
#[derive(Clone, Copy)]
struct Connector {
    url: &'static str,
    listener: &'static Listener,
}

impl Connector {
    async fn connect(self) -> io::Result<TokioIo<TcpStream>> {
        let gone = || io::Error::new(io::ErrorKind::ConnectionRefused, "the embedded engine has ended");
        let port = self.url.rsplit_once(':').and_then(|(_, port)| port.parse().ok()).ok_or_else(gone)?;
        if !self.listener.is_open() {
            return Err(gone());
        }
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await?;
        // Open before and after, so open when the connection was made: it was made with the engine.
        if !self.listener.is_open() {
            return Err(gone());
        }
        stream.set_nodelay(true)?;
        Ok(TokioIo::new(stream))
    }
}

impl tower_service::Service<Uri> for Connector {
    type Response = TokioIo<TcpStream>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Self::Response>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Uri) -> Self::Future {
        Box::pin(self.connect())
    }
}
