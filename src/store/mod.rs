//! The one door to ClickHouse: query ids, limits, time-outs, and what its errors mean. Knows no report and no web.

mod abandoned;
mod clients;
mod error;
mod export;
mod held;
mod lane;
pub mod parts;
mod projections;
mod request;

use std::sync::Arc;
use std::time::Duration;

use clickhouse::{Client, RowOwned, RowRead};
use uuid::Uuid;

use crate::columns::tsv::{Rows, TsvReader};
use crate::config::{ClickHouse, Config, Exports, Limits};
use crate::fair::{Bounds, Fair, Standing};
use crate::metrics::{Queries, QueryOutcome};
use crate::shown::Shown;
use crate::sql::{Chosen, ReadMode, Statement, describe_segments};
use abandoned::Abandoned;
use clients::PerThread;
use projections::Projections;

pub use clients::Clients;
pub use error::{Failure, StoreError, server_code};
pub use export::Export;
pub use lane::{ExportLane, in_same_lane};
pub use projections::ProjectionMode;
pub use request::RequestScope;

/// Time to wait for a response beyond the engine's own limit before giving up on it.
const GRACE: Duration = Duration::from_secs(2);

/// Time allowed for small housekeeping queries.
const HOUSEKEEPING: Duration = Duration::from_secs(5);

/// The nice value of ClickHouse's threads for a statement. ClickHouse sets it where it has CAP_SYS_NICE, as its packages give it,
/// and otherwise goes on without. The name is the one that every version knows.
const NICE: &str = "os_thread_priority";

/// That of long statements, and of all for who has had much, while others ask: what is short gets ten times the processor.
const GIVES_WAY: &str = "10";

/// Rows of a block where patterns are matched, which may take a millisecond each.
const PATTERN_BLOCK: &str = "2048";

tokio::task_local! {
    /// The request that a task answers.
    pub static REQUEST: RequestScope;
}

/// Values of a statement in the log.
struct LoggedValues<'a>(&'a [String]);

impl std::fmt::Debug for LoggedValues<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.0.iter().map(|value| Shown(value))).finish()
    }
}

/// A ClickHouse server, seen with the rights of the reports' user.
pub struct Store {
    clients: Arc<PerThread>,
    slots: Arc<Fair>,
    /// Slots of files; they take none of the others.
    exports: Arc<Fair>,
    export_seconds: u32,
    abandoned: Arc<Abandoned>,
    limit: Duration,
    queries: Queries,
    projections: Projections,
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store").finish_non_exhaustive()
    }
}

/// Runs a small housekeeping query; `TimedOut` if it takes longer than five seconds. A server may take connections and
/// say nothing, and the client itself would wait for ever.
pub(crate) async fn in_time<T>(
    work: impl Future<Output = clickhouse::error::Result<T>>,
) -> clickhouse::error::Result<T> {
    tokio::time::timeout(HOUSEKEEPING, work).await.unwrap_or(Err(clickhouse::error::Error::TimedOut))
}

/// Requests of one customer that may wait for each statement that the customer may run.
const WAITING: usize = 16;

/// Bounds of the statements that run at once.
fn slots(limits: &Limits) -> Bounds {
    let total = limits.concurrent_queries;
    let share = match limits.queries_per_customer {
        0 => total.div_ceil(2),
        share => share.min(total),
    };
    Bounds {
        total: total as u64,
        share: share as u64,
        spare: 0,
        waiting: share * WAITING,
        patience: Duration::from_secs(limits.queue_seconds.into()),
    }
}

/// A client for the server at `url`.
pub fn client(url: &str, user: &str, password: &str) -> Client {
    with_login(Client::default(), url, user, password)
}

/// `client` for the server at `url`.
pub fn with_login(client: Client, url: &str, user: &str, password: &str) -> Client {
    client
        .with_url(url)
        .with_user(user)
        .with_password(password)
        .with_product_info("cdrscope", env!("CARGO_PKG_VERSION"))
}

/// The client that the configuration describes, with its database.
pub fn configured(url: &str, config: &ClickHouse) -> Client {
    client(url, &config.user, config.password.expose()).with_database(&config.database)
}

impl Store {
    /// A store that reads through clients of `clients`, within `limits`.
    pub fn new(clients: impl Clients, limits: &Limits) -> Self {
        let clients = Arc::new(PerThread::new(clients, limits.query_seconds));
        let exports = Config::default().exports;
        Self {
            abandoned: Abandoned::new(Arc::clone(&clients)),
            clients,
            slots: Fair::new(slots(limits)),
            exports: export::slots(&exports, limits.queue_seconds),
            export_seconds: exports.seconds,
            limit: Duration::from_secs(limits.query_seconds.into()) + GRACE,
            queries: Queries::default(),
            projections: Projections::new(ProjectionMode::ByEngine),
        }
    }

    /// Reads projections in that way from now on.
    #[must_use]
    pub fn with_projections(mut self, mode: ProjectionMode) -> Self {
        self.projections = Projections::new(mode);
        self
    }

    /// Bounds files by these settings from now on.
    #[must_use]
    pub fn exporting(mut self, exports: &Exports, limits: &Limits) -> Self {
        self.exports = export::slots(exports, limits.queue_seconds);
        self.export_seconds = exports.seconds;
        self
    }

    /// Looks whether projections can be read by their names.
    pub async fn look_at_projections(&self) {
        self.projections.look(&self.client()).await;
    }

    /// True if projections are read by their names.
    pub fn names_projections(&self) -> bool {
        self.projections.next_mode() == ReadMode::Named
    }

    /// Runs the statement that `write` makes for a report of `tenant` and hands every row to `rows`. Answers the statement,
    /// and how many rows the engine read for it; 0 where it does not say.
    ///
    /// The statement ends in ClickHouse when the future is dropped, as its connection is closed then: after the block of rows that
    /// it is at. Its slot stays taken until it has ended.
    ///
    /// A projection that cannot be read by its name has the statement refused before its first row; what is asked then leaves
    /// projections to ClickHouse.
    ///
    /// # Errors
    /// No slot in time, or what became of the query.
    pub async fn read<R: Rows>(
        &self,
        tenant: u32,
        write: impl Fn(ReadMode) -> Statement,
        report: &str,
        rows: &mut R,
    ) -> Result<(Statement, u64), StoreError> {
        let noted = self.queries.begin(report);
        let mut statement = write(self.projections.next_mode());
        let mut done = self
            .in_a_slot(tenant, async |id, standing| self.stream(&statement, report, (id, standing), rows).await)
            .await;
        if let Err(error) = &done
            && statement.is_named()
            && error.is_refusal()
        {
            self.projections.refused(error);
            self.queries.note_repeated();
            statement = write(ReadMode::Engine);
            done = self
                .in_a_slot(tenant, async |id, standing| self.stream(&statement, report, (id, standing), rows).await)
                .await;
        }
        let (outcome, read) = match &done {
            Ok(read) => (QueryOutcome::Ok, *read),
            Err(error) => (error.failure.into(), 0),
        };
        noted.end(Chosen::of(statement.segments()), outcome, read);
        done.map(|read| (statement, read))
    }

    /// Waits for a slot of the tenant, then works for as long as a statement may take. The slot is free when the statement of
    /// that id has ended in ClickHouse, which may be later.
    async fn in_a_slot<T>(
        &self,
        tenant: u32,
        work: impl AsyncFnOnce(String, Standing) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let request = RequestScope::current();
        let (slot, standing, limit) = match ExportLane::current() {
            Some(lane) => (lane.slot(), ExportLane::standing(), lane.limit()),
            None => {
                // A statement that waits for others of its own request is not refused for it: the next try would be no better.
                let goes_on = |waited| request.is_running() && waited < self.limit;
                let slot = self.slots.acquire_while(tenant, 1, goes_on).await.map_err(StoreError::busy)?;
                let standing = slot.standing();
                (slot, standing, self.limit)
            }
        };
        let id = Uuid::new_v4().to_string();
        let running = self.abandoned.hold(id.clone(), slot);
        let _statement = request.begin();
        match tokio::time::timeout(limit, work(id, standing)).await {
            Ok(done) => {
                running.ended();
                done
            }
            Err(_) => Err(StoreError::slow()),
        }
    }

    async fn stream<R: Rows>(
        &self,
        statement: &Statement,
        report: &str,
        (id, standing): (String, Standing),
        rows: &mut R,
    ) -> Result<u64, StoreError> {
        log::debug!(
            "request {}: query {id}: {report}: source={}; pieces={}",
            RequestScope::current(),
            Chosen::of(statement.segments()).map_or("none", Chosen::name),
            describe_segments(statement.segments())
        );
        log::debug!("query {id}: {} {:?}", statement.text(), LoggedValues(statement.params()));
        let mut query =
            self.client().query_raw(statement.text()).with_setting("query_id", id).with_setting("log_comment", report);
        if let Some(lane) = ExportLane::current() {
            query = query.with_setting("max_execution_time", lane.seconds().to_string()).with_setting(NICE, GIVES_WAY);
        }
        if statement.has_patterns() {
            // Between two blocks it can be stopped.
            query = query.with_setting("max_block_size", PATTERN_BLOCK);
        }
        let is_behind = standing.is_crowded && standing.level > 1;
        if statement.is_light() || is_behind {
            // Short work is done before other threads have taken their share of it, and who has had much leaves the others
            // a core.
            query = query.with_setting("max_threads", "1").with_setting("output_format_parallel_formatting", "0");
        }
        if standing.has_company {
            // ClickHouse has statements of a larger number wait while one of a smaller runs.
            query = query.with_setting("priority", standing.level.to_string());
            if standing.level > 1 || !statement.is_light() {
                query = query.with_setting(NICE, GIVES_WAY);
            }
        }
        for (i, value) in statement.params().iter().enumerate() {
            query = query.with_setting(format!("param_p{i}"), value);
        }
        let mut cursor = query.fetch_bytes(R::FORMAT)?;
        let mut reader = TsvReader::default();
        while let Some(chunk) = cursor.next().await? {
            reader.feed(&chunk, rows)?;
        }
        reader.finish::<R>()?;
        // Whole, since the engine waits for the end of the query before it sends headers.
        Ok(cursor.summary().and_then(|summary| summary.read_rows()).unwrap_or(0))
    }

    /// Sends the settings that reports send, in a query of nothing.
    ///
    /// # Errors
    /// The server's refusal, or why it could not be asked.
    pub async fn probe(&self) -> Result<(), StoreError> {
        let query = self
            .client()
            .query_raw("SELECT {p0:UInt8}")
            .with_setting("param_p0", "1")
            .with_setting("query_id", Uuid::new_v4().to_string())
            .with_setting("priority", "1")
            .with_setting(NICE, GIVES_WAY)
            .with_setting("max_threads", "1")
            .with_setting("output_format_parallel_formatting", "0");
        Ok(in_time(query.fetch_one::<u8>()).await.map(drop)?)
    }

    /// Bounds a busy customer, while others ask too, to as many statements as ClickHouse has threads for one: more of them do
    /// not end sooner, and a short statement of another customer would wait for its part of each.
    pub async fn learn_cores(&self) {
        let threads = in_time(self.client().query_raw("SELECT toUInt32(getSetting('max_threads'))").fetch_one::<u32>());
        match threads.await {
            Ok(threads) => self.slots.set_busy_share(threads.into()),
            Err(error) => log::debug!("threads of ClickHouse are not known: {error}"),
        }
    }

    /// Rows of a small housekeeping query.
    ///
    /// # Errors
    /// The query failed, or took longer than five seconds.
    pub async fn rows<T: RowOwned + RowRead>(&self, sql: &str) -> Result<Vec<T>, StoreError> {
        Ok(in_time(self.client().query_raw(sql).fetch_all::<T>()).await?)
    }

    /// Longest time that a report's statement takes, one way or the other; it may be asked twice.
    pub fn patience(&self) -> Duration {
        2 * (self.slots.bounds().patience + 2 * self.limit)
    }

    /// The statements that were run.
    pub fn queries(&self) -> &Queries {
        &self.queries
    }

    /// Statements that were left by their callers and have not ended yet.
    pub fn abandoned(&self) -> usize {
        self.abandoned.count()
    }

    /// The slots of statements.
    pub fn slots(&self) -> &Fair {
        &self.slots
    }

    /// This thread's client.
    pub fn client(&self) -> Arc<Client> {
        self.clients.get()
    }
}
