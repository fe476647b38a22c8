//! Holds that end with their process. One load into a table goes on at a time: two that look which rows are there before either has stored them would both store them.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use clickhouse::Client;
use clickhouse::error::Error;
use tokio::task::JoinHandle;

use super::door::{Door, PATIENCE, is_running};
use super::store::LoadError;
use crate::store::server_code;

/// The time after which a query that has not failed is taken to run, where the server does not show its queries.
const GRACE: Duration = Duration::from_millis(500);
/// Between two looks.
const PAUSE: Duration = Duration::from_millis(10);
/// The longest wait for an answer of the server's that takes no work.
const ANSWER: Duration = Duration::from_secs(10);
/// Seconds that a query holds the table. Where one outlives its client, nobody waits longer for it than that.
const LEASE: u64 = 60;

/// A table that is held against other loads: a query of an id made of its name that does nothing, as the server runs no two of one
/// id. It ends with its connection, and so with a process that is killed. Before it ends by itself another one of a second
/// id has begun, in turns.
pub struct Hold {
    client: Client,
    leases: Arc<Mutex<Vec<Lease>>>,
    renewal: JoinHandle<()>,
}

/// A query that holds the table.
struct Lease {
    /// Tells it from those of other loads.
    mark: String,
    query: JoinHandle<Result<u64, Error>>,
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.query.abort();
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.renewal.abort();
    }
}

impl Lease {
    /// Ends the query; where the server does not let it be ended, that is done by the end of its connection.
    async fn end(mut self, client: &Client) {
        // The server ends queries by their id, again and again where it is to wait for the end (SYNC): by then the id may be
        // that of the next load's query.
        let kill = format!("KILL QUERY WHERE Settings['log_comment'] = '{}' ASYNC", self.mark);
        let killed = client.query_raw(&kill).execute();
        if let Err(why) = in_time(killed).await {
            log::debug!("the hold of the table was not ended: {why}");
            return;
        }
        // It has ended when its answer is there, whatever that is.
        let _ = tokio::time::timeout(ANSWER, &mut self.query).await;
    }

    /// Begins a query of that id.
    async fn begin(client: &Client, id: &str) -> Result<Self, LoadError> {
        let mark = uuid::Uuid::new_v4().to_string();
        let holding = client
            .clone()
            .with_setting("query_id", id)
            .with_setting("log_comment", mark.clone())
            .with_setting("max_block_size", "1")
            .with_setting("max_threads", "1")
            .with_setting("max_execution_time", "0")
            // A query that comes by POST ends with its connection only if it is said to change nothing.
            .with_setting("readonly", "2")
            .with_setting("cancel_http_readonly_queries_on_client_close", "1");
        // The server looks for the end of the connection, and for that of the query, between two rows.
        let sleep = format!("SELECT sum(sleepEachRow(0.1)) FROM numbers({})", LEASE * 10);
        let query = tokio::spawn(async move { holding.query_raw(&sleep).fetch_one::<u64>().await });
        let mut lease = Self { mark, query };
        let begun = Instant::now();
        loop {
            if lease.query.is_finished() {
                let ended = (&mut lease.query).await.map_err(io::Error::other)?;
                return Err(ended.map_or_else(LoadError::from, |_| LoadError::Busy));
            }
            let shown = "SELECT Settings['log_comment'] FROM system.processes WHERE query_id = {id:String}";
            let asked = client.query_raw(shown).param("id", id).fetch_optional::<String>();
            match in_time(asked).await {
                Ok(Some(shown)) if shown == lease.mark => return Ok(lease),
                Err(_) if begun.elapsed() > GRACE => return Ok(lease),
                Ok(_) | Err(_) => {}
            }
            if begun.elapsed() > Duration::from_secs(30) {
                return Err(LoadError::Busy);
            }
            tokio::time::sleep(PAUSE).await;
        }
    }
}

/// A server's answer, or a failure where it takes too long.
pub(super) async fn in_time<T>(asked: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    tokio::time::timeout(ANSWER, asked).await.unwrap_or(Err(Error::TimedOut))
}

/// A query of that id runs, or ended this one with itself (QUERY_WAS_CANCELLED): in both cases the next try may do better.
fn is_taken(error: &Error) -> bool {
    matches!(error, Error::BadResponse(text) if is_running(text)) || server_code(error) == Some("394")
}

/// Somebody holds what has these two ids, or asks at this moment whether it is held.
///
/// # Errors
/// The server's.
pub async fn is_held(client: &Client, name: &str) -> Result<bool, LoadError> {
    Ok(is_begun(client, name, 0).await? || is_begun(client, name, 1).await?)
}

fn id(name: &str, turn: usize) -> String {
    format!("{name}-{turn}")
}

async fn is_begun(client: &Client, name: &str, turn: usize) -> Result<bool, LoadError> {
    let asked = client.clone().with_setting("query_id", id(name, turn));
    match in_time(asked.query_raw("SELECT 1").fetch_one::<u8>()).await {
        Ok(_) => Ok(false),
        Err(error) if is_taken(&error) => Ok(true),
        Err(error) => Err(error.into()),
    }
}

impl Hold {
    /// Holds what has a name, if nobody else does.
    ///
    /// # Errors
    /// The server's.
    pub async fn begin(client: &Client, name: &str) -> Result<Option<Self>, LoadError> {
        if is_held(client, name).await? {
            return Ok(None);
        }
        let lease = match Lease::begin(client, &id(name, 0)).await {
            Err(LoadError::ClickHouse(error)) if is_taken(&error) => return Ok(None),
            lease => lease?,
        };
        // One that holds it by the second id alone cannot begin the first any more.
        if is_begun(client, name, 1).await? {
            lease.end(client).await;
            return Ok(None);
        }
        Ok(Some(Self::keep(client, name, lease)))
    }

    /// Begins the next query long before the one at hand ends, again and again.
    fn keep(client: &Client, name: &str, lease: Lease) -> Self {
        let (client, ids) = (client.clone(), [1, 0].map(|turn| id(name, turn)));
        let leases = Arc::new(Mutex::new(vec![lease]));
        let (renewed, held) = (client.clone(), Arc::clone(&leases));
        let renewal = tokio::spawn(async move {
            for id in ids.iter().cycle() {
                tokio::time::sleep(Duration::from_secs(LEASE / 2)).await;
                let lease = loop {
                    match Lease::begin(&renewed, id).await {
                        Ok(lease) => break lease,
                        // Somebody asks whether it is held, or the query before the last has not ended yet.
                        Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
                    }
                };
                let mut held = held.lock().unwrap_or_else(PoisonError::into_inner);
                held.push(lease);
                held.retain(|lease| !lease.query.is_finished());
            }
        });
        Self { client, leases, renewal }
    }

    /// Lets others have it, at once.
    pub async fn end(self) {
        self.renewal.abort();
        let leases = std::mem::take(&mut *self.leases.lock().unwrap_or_else(PoisonError::into_inner));
        for lease in leases {
            lease.end(&self.client).await;
        }
    }
}

impl Door<'_> {
    /// Holds the table; waits while another load does, which `say` is told once.
    ///
    /// # Errors
    /// The server's, or the other load does not end.
    pub async fn hold(&self, say: &mut (dyn FnMut(String) + Send)) -> Result<Hold, LoadError> {
        let (begun, mut is_told, name) = (Instant::now(), false, format!("{}-hold", self.query_id(0)));
        loop {
            if let Some(hold) = Hold::begin(self.client, &name).await? {
                return Ok(hold);
            }
            if !is_told {
                say(format!("another load into {} is going on: waiting for its end", self.table.name));
                is_told = true;
            }
            if begun.elapsed() > PATIENCE {
                return Err(LoadError::Busy);
            }
            // Loads that ask at the same moment find each other: not again at the same moment.
            let jitter = (uuid::Uuid::new_v4().as_u128() % 150) as u64;
            tokio::time::sleep(Duration::from_millis(100 + jitter)).await;
        }
    }
}
