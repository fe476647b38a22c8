//! The running service: state, web server, and the task that keeps accounts and readiness fresh. `serve` and the tests
//! start the same.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use actix_web::HttpServer;
use actix_web::dev::{Server, ServerHandle};
use clickhouse::Client;
use tokio::task::JoinHandle;

use crate::config::Config;
use crate::http::{self, state::State};
use crate::migrate::{Status, status};
use crate::store::{Reading, Store};
use crate::tables::{self, TablesError};
use crate::token::Keys;

/// Longest time between two looks at ClickHouse: readiness is noticed within 15 s.
const LOOK: Duration = Duration::from_secs(5);

/// The service could not start.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// The address is taken or not ours.
    #[error("cannot listen on {address}: {source}; choose another with http.listen")]
    Listen {
        /// The configured address.
        address: SocketAddr,
        /// The reason.
        source: std::io::Error,
    },
    /// The tables are not what reports need.
    #[error("{0}")]
    Tables(#[from] TablesError),
    /// The server ended with an error.
    #[error("the web server ended: {0}")]
    Server(std::io::Error),
}

/// A service that listens.
pub struct Service {
    server: Server,
    watch: JoinHandle<()>,
    url: String,
}

impl Service {
    /// Reads the accounts, binds the address and begins to answer through clients that `reader` makes.
    ///
    /// # Errors
    /// When the tables cannot be used or the address cannot be had.
    pub async fn start(
        config: Config,
        keys: Keys,
        reader: impl Fn() -> Client + Send + Sync + 'static,
    ) -> Result<Self, ServiceError> {
        let (address, workers) = (config.http.listen, config.http.workers);
        let store = Store::new(reader, &config.limits);
        let schema = tables::inspect(store.client(), &config).await?;
        let reading = match &schema.cdrs {
            _ if !config.planner.enabled => Reading::Off,
            cdrs if cdrs.is_ours && cdrs.has_parts => Reading::Named(tables::CDRS_NAME),
            _ => Reading::Left,
        };
        let state = State::new(config, keys, store.reading(reading), schema);
        look(&state).await;
        let listen = |source| ServiceError::Listen { address, source };
        let app_state = Arc::clone(&state);
        let app = move || {
            // Runs in each worker, so that none of its callers waits for its client to be made.
            app_state.store.client();
            http::app(Arc::clone(&app_state))
        };
        let mut server = HttpServer::new(app).shutdown_timeout(5);
        if workers > 0 {
            server = server.workers(workers);
        }
        let server = server.bind(address).map_err(listen)?;
        // One address was bound, so there is one; the configured one stands in for the compiler.
        let bound = server.addrs().first().copied().unwrap_or(address);
        let watch = actix_web::rt::spawn(watch(state));
        Ok(Self { server: server.run(), watch, url: format!("http://{bound}") })
    }

    /// Where it listens: `http://127.0.0.1:8080`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Stops it from elsewhere.
    pub fn handle(&self) -> ServerHandle {
        self.server.handle()
    }

    /// Answers until a signal or its handle stops it.
    ///
    /// # Errors
    /// When the web server fails.
    pub async fn run(self) -> Result<(), ServiceError> {
        let ended = self.server.await.map_err(ServiceError::Server);
        self.watch.abort();
        ended
    }
}

async fn watch(state: Arc<State>) {
    let every = state.directory.interval().min(LOOK);
    loop {
        actix_web::rt::time::sleep(every).await;
        look(&state).await;
    }
}

/// Reads accounts and access, forgets callers who have been away, and notes whether the service can answer: that it cannot at
/// once, for the next question may take its five seconds too.
async fn look(state: &State) {
    let schema = status(state.store.client(), &state.config.clickhouse.database).await;
    let right = match &schema {
        Ok(Status::UpToDate) => true,
        Ok(other) => {
            log::warn!("the schema is not right: {other:?}");
            false
        }
        Err(e) => {
            log::warn!("{e}");
            false
        }
    };
    if !right {
        state.set_ready(false);
    }
    state.store.look_at_projections().await;
    if let Some(rate) = &state.rate {
        rate.retain_recent();
    }
    let read = state.directory.refresh(&state.store).await;
    if let Err(e) = &read {
        log::warn!("{e}");
    }
    state.set_ready(right && read.is_ok());
}
