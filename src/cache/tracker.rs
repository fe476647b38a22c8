//! Keeps the history of a table's parts, read anew when a request needs it fresher than it is.

use std::sync::{PoisonError, RwLock};
use std::time::{Duration, Instant};

use clickhouse::Row;
use serde::Deserialize;
use tokio::sync::Mutex;

use super::parts::{History, Part, Since};
use crate::store::Store;

#[derive(Row, Deserialize)]
struct PartRow {
    name: String,
    partition_id: String,
    min_block: i64,
    max_block: i64,
    min_time: i64,
    max_time: i64,
    rows: u64,
}

/// One table's history.
#[derive(Debug)]
pub struct Tracker {
    sql: String,
    /// Whether `min_time` and `max_time` of a part are those of `time_start`; an operator's own table may be cut by another
    /// column, so there any change may concern any time.
    knows_times: bool,
    /// A table without parts of its own (Distributed, a view) cannot be watched.
    watched: bool,
    held: RwLock<(Option<Instant>, History)>,
    reading: Mutex<()>,
}

impl Tracker {
    /// A tracker of `table`, in `database` unless it names its own.
    pub fn new(database: &str, table: &str, knows_times: bool, watched: bool) -> Self {
        let (database, table) = table.split_once('.').unwrap_or((database, table));
        // Both are identifiers by the configuration's checks, so they may stand in quotes.
        let sql = format!(
            "SELECT name, partition_id, min_block_number AS min_block, max_block_number AS max_block, \
             toInt64(toUnixTimestamp(min_time)) AS min_time, toInt64(toUnixTimestamp(max_time)) AS max_time, rows \
             FROM system.parts WHERE database = '{database}' AND table = '{table}' AND active"
        );
        Self { sql, knows_times, watched, held: RwLock::default(), reading: Mutex::new(()) }
    }

    /// Reads the parts unless that was done within `max_age`. A failure makes everything remembered worthless.
    pub async fn refresh(&self, store: &Store, max_age: Duration) {
        if self.is_fresh(max_age) {
            return;
        }
        let asked = Instant::now();
        let _one = self.reading.lock().await;
        // While this one waited, another may have begun and finished a reading.
        if self.read_since(asked) {
            return;
        }
        self.read(store).await;
    }

    async fn read(&self, store: &Store) {
        let begun = Instant::now();
        let rows = if self.watched { store.rows::<PartRow>(&self.sql).await.map(Some) } else { Ok(None) };
        let mut held = self.held.write().unwrap_or_else(PoisonError::into_inner);
        match rows {
            Ok(Some(rows)) => held.1.read(rows.into_iter().map(|row| self.part(row)).collect()),
            Ok(None) => held.1.blind(),
            Err(e) => {
                log::warn!("the state of the table's parts cannot be read, nothing remembered is used: {e}");
                held.1.blind();
            }
        }
        held.0 = Some(begun);
    }

    fn part(&self, row: PartRow) -> Part {
        let known = self.knows_times && row.max_time > 0;
        Part {
            name: row.name,
            partition: row.partition_id,
            min_block: row.min_block,
            max_block: row.max_block,
            min_time: if known { row.min_time } else { i64::MIN },
            max_time: if known { row.max_time } else { i64::MAX },
            rows: row.rows,
        }
    }

    fn is_fresh(&self, max_age: Duration) -> bool {
        self.held().0.is_some_and(|at| at.elapsed() <= max_age)
    }

    fn read_since(&self, moment: Instant) -> bool {
        self.held().0.is_some_and(|at| at >= moment)
    }

    fn held(&self) -> std::sync::RwLockReadGuard<'_, (Option<Instant>, History)> {
        self.held.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Number of the latest reading.
    pub fn seq(&self) -> u64 {
        self.held().1.seq
    }

    /// Age of the latest reading.
    pub fn age(&self) -> Duration {
        self.held().0.map_or(Duration::ZERO, |at| at.elapsed())
    }

    /// What became of `[from, to]` between two readings: after `seq`, up to the latest.
    pub fn since(&self, seq: u64, from: i64, to: i64) -> Since {
        self.held().1.since(seq, from, to)
    }

    /// Whether all these parts are still there.
    pub fn has(&self, parts: &[String]) -> bool {
        self.held().1.has(parts)
    }
}
