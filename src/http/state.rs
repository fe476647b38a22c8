//! What handlers share: made once, before the server starts.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use governor::{DefaultKeyedRateLimiter, Quota};
use tokio::sync::Semaphore;

use super::endpoint::Endpoint;
use super::login::Logins;
use super::metrics::Held;
use crate::access::Directory;
use crate::cache::{Cache, Tracker};
use crate::config::{Config, WeekStart};
use crate::metrics::{Answers, Requests};
use crate::query::zone::Calendar;
use crate::sql::schema::{Schema, TableSchema};
use crate::store::Store;
use crate::token::{Keys, Subject};

/// The service without its web.
pub struct State {
    /// Settings.
    pub config: Config,
    /// Token keys.
    pub keys: Keys,
    /// Accounts and access.
    pub directory: Directory,
    /// ClickHouse.
    pub store: Store,
    /// The tables.
    pub schema: Schema,
    /// What is remembered, if anything is.
    pub cache: Option<Cache>,
    /// Calendar buckets of the configured zone.
    pub calendar: Calendar,
    /// Requests a second for each token, if limited.
    pub rate: Option<DefaultKeyedRateLimiter<Subject>>,
    /// Failed logins and passwords being checked.
    pub logins: Logins,
    /// Requests, where metrics are wanted.
    pub requests: Option<Requests>,
    /// Answers by how much of them was remembered.
    pub answers: Answers,
    /// Figures of accounts as of the last scrape that read them.
    pub figures: Held,
    /// Places for large answers that are being sent: four for each query that may run. A query's own slot is free again once
    /// its sums are there, but the sums stay until the caller has taken them.
    pub bodies: Arc<Semaphore>,
    /// Whether ClickHouse answered a moment ago and the schema was right.
    ready: AtomicBool,
}

impl State {
    /// Puts the parts together.
    pub fn new(config: Config, keys: Keys, store: Store, schema: Schema) -> Arc<Self> {
        let calendar = Calendar {
            zone: config.reports.time_zone.clone(),
            monday_first: config.reports.week_start == WeekStart::Monday,
        };
        let rate = NonZeroU32::new(config.limits.requests_per_second)
            .map(|rate| DefaultKeyedRateLimiter::keyed(Quota::per_second(rate)));
        let directory = Directory::new(&config.accounts);
        let cache = config.cache.enabled.then(|| {
            let tracker = |table: &TableSchema| {
                Tracker::new(&config.clickhouse.database, &table.name, table.is_ours, table.has_parts)
            };
            Cache::new(&config.cache, tracker(&schema.cdrs), tracker(&schema.active_calls))
        });
        let logins = Logins::new(&config.auth);
        let requests = config.metrics.enabled.then(|| Requests::new(Endpoint::mounted(&config).map(Endpoint::path)));
        Arc::new(Self {
            keys,
            directory,
            store,
            schema,
            cache,
            calendar,
            rate,
            logins,
            requests,
            answers: Answers::default(),
            figures: Held::default(),
            bodies: Arc::new(Semaphore::new(4 * config.limits.concurrent_queries)),
            ready: AtomicBool::new(false),
            config,
        })
    }

    /// Whether the service can answer: what the latest look found, as long as accounts are trusted at all.
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
