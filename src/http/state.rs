//! The state that handlers share: made once, before the server starts.

use std::num::NonZeroU32;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use governor::{DefaultKeyedRateLimiter, Quota};

use super::docs::Docs;
use super::endpoint::Endpoint;
use super::error::ApiError;
use super::grafana::Work;
use super::login::Logins;
use super::metrics::LatestRecent;
use super::server::connections::Connections;
use super::session::DemoCustomer;
use super::trail::Journals;
use super::workbooks::Workbooks;
use crate::access::Directory;
use crate::config::{Config, Limits, WeekStart};
use crate::engine::Engine;
use crate::fair::{Bounds, Fair, Permit};
use crate::jobs::Jobs;
use crate::metrics::{Exports, Requests};
use crate::notices::Notices;
use crate::odd::watch::Watch;
use crate::query::zone::Calendar;
use crate::sql::schema::Schema;
use crate::store::Store;
use crate::token::{KeyRing, Keys, Subject};

/// Requests of one customer that may wait for memory.
const WAITING: usize = 64;

/// Bounds of the memory of large results.
fn memory(limits: &Limits) -> Bounds {
    let total = (limits.response_mb as u64) << 20;
    let patience = Duration::from_secs(limits.queue_seconds.into());
    Bounds { total, share: total / 2, spare: 0, waiting: WAITING, patience }
}

/// The service without its web.
pub struct State {
    /// Settings.
    pub config: Config,
    /// Token keys.
    pub keys: Keys,
    /// Keys of the operator's tokens; `None` where the operator's paths are not wanted.
    pub operator_keys: Option<Keys>,
    /// Accounts and access.
    pub directory: Directory,
    /// The one way to a figure.
    pub engine: Engine,
    /// Calendar buckets of the configured zone.
    pub calendar: Calendar,
    /// Requests a second for each token, if limited.
    pub rate: Option<DefaultKeyedRateLimiter<Subject>>,
    /// Failed logins and passwords being checked.
    pub logins: Logins,
    /// Bodies of Grafana's that take memory or time.
    pub work: Work,
    /// Access and audit log; set once, when the service starts.
    pub journals: OnceLock<Journals>,
    /// Export jobs, where there is a place for their files; set once, when the service starts.
    pub jobs: OnceLock<Arc<Jobs>>,
    /// The customer that a click signs in as, where the calls are made up; set once, when the service starts.
    pub demo: OnceLock<DemoCustomer>,
    /// The API's document and its page, once somebody has asked for them.
    pub docs: OnceLock<Docs>,
    /// Requests, where metrics are wanted.
    pub requests: Option<Requests>,
    /// Measures of accounts as of the last scrape that read them.
    pub recent: LatestRecent,
    /// Memory of large results, in bytes, from before their query until the caller has taken them.
    pub memory: Arc<Fair>,
    /// Workbooks that are being written and sent.
    pub workbooks: Workbooks,
    /// Files of raw CDRs, by how they ended.
    pub exports: Exports,
    /// Open connections.
    pub connections: Arc<Connections>,
    /// Checks of new rows.
    pub odd: Watch,
    /// Warnings that were logged and still hold.
    pub notices: Notices,
    /// True if ClickHouse answered a moment ago and the schema was right.
    ready: AtomicBool,
}

impl State {
    /// Puts the parts together.
    pub fn new(config: Config, keys: impl Into<KeyRing>, store: Store, schema: Schema) -> Arc<Self> {
        let calendar = Calendar {
            monday_first: config.reports.week_start == WeekStart::Monday,
            ..Calendar::of(config.reports.time_zone.clone())
        };
        let rate = NonZeroU32::new(config.limits.requests_per_second)
            .map(|rate| DefaultKeyedRateLimiter::keyed(Quota::per_second(rate)));
        let KeyRing { customers: keys, operators: operator_keys } = keys.into();
        let directory = Directory::new(&config);
        let odd = Watch::new(&config, &schema);
        let engine = Engine::new(&config, store, schema);
        let logins = Logins::new(&config.auth);
        let requests = config.metrics.enabled.then(|| Requests::new(Endpoint::all().map(Endpoint::path)));
        Arc::new(Self {
            keys,
            operator_keys,
            directory,
            engine,
            calendar,
            rate,
            logins,
            work: Work::new(&config.http),
            journals: OnceLock::new(),
            jobs: OnceLock::new(),
            demo: OnceLock::new(),
            docs: OnceLock::new(),
            requests,
            recent: LatestRecent::default(),
            memory: Fair::new(memory(&config.limits)),
            workbooks: Workbooks::new(&config),
            exports: Exports::default(),
            connections: Connections::new(&config.http),
            odd,
            notices: Notices::default(),
            ready: AtomicBool::new(false),
            config,
        })
    }

    /// Sets memory aside for a result of at most so many bytes, as far as a customer's share goes: an estimate may be far
    /// above what there is to read.
    ///
    /// # Errors
    /// None is free in time.
    pub async fn set_aside(&self, tenant: u32, bytes: u64) -> Result<Permit, ApiError> {
        let bytes = bytes.min(self.memory.bounds().share);
        self.memory.acquire(tenant, bytes).await.map_err(|_none_free| ApiError::ManyAnswers)
    }

    /// True if the service can answer: what the latest look found, as long as accounts are trusted at all.
    pub fn is_ready(&self) -> bool {
        self.ready.load(Ordering::Relaxed) && self.directory.snapshot().is_ok()
    }

    /// Notes whether the service can answer.
    pub fn set_ready(&self, ready: bool) {
        if self.ready.swap(ready, Ordering::Relaxed) != ready {
            log::info!("{}", if ready { "ready" } else { "not ready" });
        }
    }
}
