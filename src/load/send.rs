//! Batches on their way to the server.

use std::collections::VecDeque;
use std::io;
use std::time::Duration;

use bytes::Bytes;
use tokio::task::JoinHandle;

use super::block::block;
use super::column::TargetColumn;
use super::direct::TypedRows;
use super::door::{Door, PATIENCE, is_running};
use super::native::TypedBlock;
use super::plan::{LoadPlan, RowKey};
use super::sift::Times;
use super::store::{LoadError, Stored};

/// Batches that the server has at once.
pub const LANES: usize = 2;
/// New rows.
pub enum Batch {
    /// In RowBinaryWithDefaults.
    Rows(Bytes),
    /// As the file has them.
    Whole(TypedBlock),
}

/// A batch that is being sent.
pub type Sent = JoinHandle<Result<(), LoadError>>;
/// Batches on their way, oldest first: while the server sorts and packs one, it reads the next.
#[derive(Default)]
pub struct Lanes {
    /// Keys, counts and the task of each.
    pub on_way: VecDeque<(Times, Stored, Sent)>,
    /// The number of those that were begun.
    pub begun: usize,
}

impl Lanes {
    /// True if a row of that key is on its way whose time is one of these.
    pub fn have(&self, key: &RowKey, times: (i64, i64)) -> bool {
        self.on_way.iter().any(|(keys, ..)| keys.get(key).is_some_and(|time| (times.0..=times.1).contains(time)))
    }

    /// Waits for the oldest, and counts its rows.
    pub async fn end(&mut self, done: &mut Stored) -> Result<(), LoadError> {
        let Some((_, stored, handle)) = self.on_way.pop_front() else { return Ok(()) };
        handle.await.map_err(io::Error::other)??;
        done.add(stored);
        Ok(())
    }

    /// Waits for all, and counts the rows of those that got there.
    pub async fn end_all(&mut self, done: &mut Stored) -> Result<(), LoadError> {
        let mut first = Ok(());
        while !self.on_way.is_empty() {
            first = first.and(self.end(done).await);
        }
        first
    }
}

impl Door<'_> {
    /// Sends rows, in a task of its own.
    pub(super) fn insert(&self, plan: &LoadPlan, batch: Batch, count: u64, lane: usize) -> Sent {
        let columns: Vec<TargetColumn> =
            plan.columns().iter().filter_map(|name| self.table.column(name)).cloned().collect();
        let (into, defaulted) = (format!("INSERT INTO {}", self.table.name), self.table.defaulted.clone());
        let plan = plan.clone();
        let packed = tokio::task::spawn_blocking(move || {
            let named = |names: &[&str]| {
                let names: Vec<_> = names.iter().map(|name| format!("`{}`", name.replace('`', "``"))).collect();
                format!("{into} ({})", names.join(", "))
            };
            let rows = match batch {
                Batch::Rows(rows) => rows,
                Batch::Whole(block) => {
                    let typed = TypedRows::new(&plan, &block);
                    let (names, encoded) = typed.encoded();
                    return (format!("{} FORMAT Native", named(&names)), Bytes::from(encoded));
                }
            };
            let columns: Vec<_> = columns.iter().map(|column| (column, defaulted.contains(&column.name))).collect();
            match block(&columns, &rows, usize::try_from(count).unwrap_or(0)) {
                Some((names, block)) => (format!("{} FORMAT Native", named(&names)), Bytes::from(block)),
                None => {
                    let names: Vec<_> = columns.iter().map(|(column, _)| column.name.as_str()).collect();
                    (format!("{} FORMAT RowBinaryWithDefaults", named(&names)), rows)
                }
            }
        });
        let client = self
            .client
            .clone()
            .with_compression(clickhouse::Compression::None)
            .with_setting("query_id", self.query_id(lane))
            .with_setting("async_insert", "0")
            // Rows that are there are known by their ids, also after they were deleted on purpose.
            .with_setting("insert_deduplicate", "0")
            // Whole batches: one block, whose months are stored together or not at all.
            .with_setting("max_insert_block_size", "10000000")
            .with_setting("max_partitions_per_insert_block", "0");
        tokio::spawn(async move {
            let (sql, rows) = packed.await.map_err(io::Error::other)?;
            let begun = std::time::Instant::now();
            loop {
                let mut insert = client.insert_formatted_with(sql.clone());
                let sent = async {
                    insert.send(rows.clone()).await?;
                    insert.end().await
                };
                match sent.await {
                    Err(clickhouse::error::Error::BadResponse(text)) if is_running(&text) => {}
                    done => return done.map_err(LoadError::from),
                }
                if begun.elapsed() > PATIENCE {
                    return Err(LoadError::Busy);
                }
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        })
    }
}
