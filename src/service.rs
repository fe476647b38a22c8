//! The running service: state, web server, and the task that keeps accounts and readiness fresh. `serve` and the tests
//! start the same.

pub(crate) mod reload;

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::{Server, ServerHandle};
use tokio::task::JoinHandle;

use crate::config::Config;
use crate::http::exports::pool::JobPool;
use crate::http::exports::recurring;
use crate::http::server::connections::SWEEP;
use crate::http::server::tls::{Certificate, TlsError};
use crate::http::session::DemoCustomer;
use crate::http::{server, state::State, trail::Journals};
use crate::jobs::{self, JobBounds, Jobs, JobsError};
use crate::readiness;
use crate::store::{Clients, ProjectionMode, Store};
use crate::tables;
use crate::token::KeyRing;

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
    /// The operator's address is taken or not ours.
    #[error("cannot listen on {address}: {source}; choose another with http.operator_listen")]
    ListenOperators {
        /// The configured address.
        address: SocketAddr,
        /// The reason.
        source: std::io::Error,
    },
    /// A log's file cannot be opened.
    #[error("{setting}: {source}")]
    Log {
        /// The setting that names it.
        setting: &'static str,
        /// The reason.
        source: std::io::Error,
    },
    /// ClickHouse or the tables are not what reports need.
    #[error("{0}")]
    Unfit(String),
    /// The place of exports cannot be used.
    #[error("{0}")]
    Jobs(#[from] JobsError),
    /// The system gives no threads for exports.
    #[error("no threads for exports: {0}")]
    Threads(#[source] std::io::Error),
    /// The certificate cannot be used.
    #[error("{0}")]
    Tls(#[from] TlsError),
    /// The server ended with an error.
    #[error("the web server ended: {0}")]
    Server(#[source] std::io::Error),
}

/// A service that listens.
pub struct Service {
    server: Server,
    watch: JoinHandle<()>,
    sweep: JoinHandle<()>,
    reload: JoinHandle<()>,
    rows: JoinHandle<()>,
    exports: Option<JobPool>,
    state: Arc<State>,
    url: String,
    operators_url: String,
}

impl Service {
    /// Reads the accounts, binds the address and begins to answer through clients of `readers`.
    ///
    /// # Errors
    /// When the tables cannot be used or the address cannot be had.
    pub async fn start(config: Config, keys: impl Into<KeyRing>, readers: impl Clients) -> Result<Self, ServiceError> {
        let address = config.http.listen;
        let certificate = Certificate::load(&config.http)?;
        let tls = certificate.as_ref().map(Certificate::acceptor).transpose()?;
        let journals =
            Journals::start(&config.log).map_err(|(setting, source)| ServiceError::Log { setting, source })?;
        let store = Store::new(readers, &config.limits);
        let examined = readiness::examine(&store, &config).await;
        examined.notes.iter().for_each(|note| log::warn!("{note}"));
        let schema = examined.into_schema().map_err(ServiceError::Unfit)?;
        let mode = match &schema.cdrs {
            _ if !config.planner.enabled => ProjectionMode::Off,
            cdrs if cdrs.is_ours && cdrs.has_parts => ProjectionMode::Named(tables::CDRS_NAME),
            _ => ProjectionMode::ByEngine,
        };
        let store = store.with_projections(mode).exporting(&config.exports, &config.limits);
        let state = State::new(config, keys, store, schema);
        // The state is new, so there is none yet.
        let _ = state.journals.set(journals);
        readiness::look(&state).await;
        state.odd.begin(&state.engine.store).await;
        let jobs = open_jobs(&state)?;
        let listen = |source| ServiceError::Listen { address, source };
        let listener = TcpListener::bind(address).map_err(listen)?;
        let bound = listener.local_addr().map_err(listen)?;
        let scheme = if tls.is_some() { "https" } else { "http" };
        let url = format!("{scheme}://{bound}");
        let mut operators_url = url.clone();
        let operators = match state.config.http.operator_listen {
            Some(address) => {
                let taken = |source| ServiceError::ListenOperators { address, source };
                let listener = TcpListener::bind(address).map_err(taken)?;
                operators_url = format!("{scheme}://{}", listener.local_addr().map_err(taken)?);
                log::info!("the operator's paths are at {operators_url}");
                Some(listener)
            }
            None => None,
        };
        let server = server::serve(&state, listener, tls, operators).map_err(listen)?;
        let exports = match &jobs {
            Some(jobs) => {
                recurring::faults(&state).await.iter().for_each(|fault| log::error!("{fault}"));
                Some(JobPool::start(&state, jobs).map_err(ServiceError::Threads)?)
            }
            None => None,
        };
        let sweep = actix_web::rt::spawn(sweep(Arc::clone(&state)));
        let reload = actix_web::rt::spawn(reload::keys(Arc::clone(&state), reload::hangups()));
        let rows = actix_web::rt::spawn(rows(Arc::clone(&state)));
        let watch = actix_web::rt::spawn(watch(Arc::clone(&state), certificate));
        Ok(Self { server, watch, sweep, reload, rows, exports, state, url, operators_url })
    }

    /// Lets a click on the page sign in, as a customer of made-up calls and as the operator.
    pub fn show_demo(&self, customer: DemoCustomer) {
        // The state is new, so there is none yet.
        let _ = self.state.demo.set(customer);
    }

    /// Where it listens: `http://127.0.0.1:8080`, or `https://…`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Where the operator's paths are.
    pub fn operators_url(&self) -> &str {
        &self.operators_url
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
        self.sweep.abort();
        self.reload.abort();
        self.rows.abort();
        if let Some(exports) = self.exports {
            exports.stop();
        }
        if let Some(journals) = self.state.journals.get() {
            journals.flush();
        }
        ended
    }
}

/// Takes the place of exports, if the settings name one.
fn open_jobs(state: &State) -> Result<Option<Arc<Jobs>>, ServiceError> {
    let exports = &state.config.exports;
    let Some(dir) = &exports.dir else { return Ok(None) };
    let bytes = exports.keep_mb << 20;
    let bounds = JobBounds {
        per_tenant: exports.jobs_per_customer,
        running_per_tenant: exports.jobs.div_ceil(2),
        keep_seconds: i64::from(exports.keep_hours) * 3600,
        bytes,
        bytes_per_tenant: match exports.keep_mb_per_customer {
            0 => (bytes / 2).max(1),
            share => (share << 20).min(bytes),
        },
    };
    let jobs = Jobs::open(dir, bounds, jobs::now())?;
    // The state is new, so there are none yet.
    let _ = state.jobs.set(Arc::clone(&jobs));
    Ok(Some(jobs))
}

async fn watch(state: Arc<State>, certificate: Option<Arc<Certificate>>) {
    let every = state.directory.interval().min(LOOK);
    loop {
        actix_web::rt::time::sleep(every).await;
        if let Some(certificate) = &certificate {
            certificate.refresh();
        }
        readiness::look(&state).await;
    }
}

/// Looks at new rows for what cannot be meant.
async fn rows(state: Arc<State>) {
    let checks = &state.config.checks;
    if !checks.enabled {
        return;
    }
    let every = Duration::from_secs(checks.every_seconds.into());
    loop {
        state.odd.look(&state.engine.store).await;
        actix_web::rt::time::sleep(every).await;
    }
}

/// Closes connections whose deadline has passed.
async fn sweep(state: Arc<State>) {
    loop {
        actix_web::rt::time::sleep(SWEEP).await;
        state.connections.sweep();
    }
}
