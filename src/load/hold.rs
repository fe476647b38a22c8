//! One load into a table at a time: two that look which rows are there before either has stored them would both store them.

use std::time::{Duration, Instant};

use clickhouse::error::Error;
use tokio::task::JoinHandle;

use super::door::{Door, PATIENCE, is_running};
use super::store::LoadError;

/// The time after which a query that has not failed is taken to run, where the server does not show its queries.
const GRACE: Duration = Duration::from_millis(500);
/// Between two looks.
const PAUSE: Duration = Duration::from_millis(10);

/// A table that is held against other loads, until this is dropped: a query of the table's id that does nothing, as the server
/// runs no two of one id. It ends with its connection, and so with a process that is killed.
pub struct Hold(JoinHandle<Result<u64, Error>>);

impl Drop for Hold {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Door<'_> {
    /// Holds the table; waits while another load does, which `say` is told once.
    ///
    /// # Errors
    /// The server's, or the other load does not end.
    pub async fn hold(&self, say: &mut (dyn FnMut(String) + Send)) -> Result<Hold, LoadError> {
        let (begun, mut is_told) = (Instant::now(), false);
        loop {
            match self.try_hold().await {
                Err(LoadError::ClickHouse(Error::BadResponse(text))) if is_running(&text) => {}
                held => return held,
            }
            if !is_told {
                say(format!("another load into {} is going on: waiting for its end", self.table.name));
                is_told = true;
            }
            if begun.elapsed() > PATIENCE {
                return Err(LoadError::Busy);
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    async fn try_hold(&self) -> Result<Hold, LoadError> {
        let (id, mark) = (format!("{}-hold", self.query_id(0)), uuid::Uuid::new_v4().to_string());
        let client = self
            .client
            .clone()
            .with_setting("query_id", id.clone())
            .with_setting("log_comment", mark.clone())
            .with_setting("max_block_size", "1")
            .with_setting("max_threads", "1")
            .with_setting("max_execution_time", "0")
            // A query that comes by POST ends with its connection only if it is said to change nothing.
            .with_setting("readonly", "2")
            .with_setting("cancel_http_readonly_queries_on_client_close", "1");
        let sleep = "SELECT sum(sleepEachRow(1)) FROM numbers(1000000000)";
        let mut hold = Hold(tokio::spawn(async move { client.query_raw(sleep).fetch_one::<u64>().await }));
        let begun = Instant::now();
        loop {
            if hold.0.is_finished() {
                let ended = (&mut hold.0).await.map_err(std::io::Error::other)?;
                return Err(ended.map_or_else(LoadError::from, |_| LoadError::Busy));
            }
            let shown = "SELECT Settings['log_comment'] FROM system.processes WHERE query_id = {id:String}";
            match self.client.query_raw(shown).param("id", &id).fetch_optional::<String>().await {
                Ok(Some(shown)) if shown == mark => return Ok(hold),
                Err(_) if begun.elapsed() > GRACE => return Ok(hold),
                Ok(_) | Err(_) => {}
            }
            if begun.elapsed() > Duration::from_secs(30) {
                return Err(LoadError::Busy);
            }
            tokio::time::sleep(PAUSE).await;
        }
    }
}
