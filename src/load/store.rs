//! The second reading of a file: rows that are not there yet are stored, batch by batch.

use std::collections::HashSet;
use std::io::{self, Read};
use std::time::Duration;

use bytes::{Buf as _, Bytes, BytesMut};
use clickhouse::Client;

use super::check::Form;
use super::column::Kind;
use super::plan::{Key, Plan, Table, Written};
use super::progress::Progress;
use super::range::between;
use super::row::{Cells, Rows};
use super::value::Notes;

/// Bytes after which a batch ends, however few rows it has.
const MAX_BATCH: usize = 64 << 20;
/// Seconds around the times of a batch within which its ids are looked for.
pub const SLACK: i64 = 86_400;
/// The longest wait for a batch of an earlier run that the server still works at.
const PATIENCE: Duration = Duration::from_secs(600);

/// Rows on their way.
#[derive(Debug, Default)]
struct Batch {
    bytes: Vec<u8>,
    /// Each with where it ends.
    rows: Vec<(usize, Written)>,
}

/// What became of the rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stored {
    /// New ones.
    pub stored: u64,
    /// Those whose id or uuid was there, or came earlier in the file.
    pub known: u64,
    /// Rows that went for them.
    pub replaced: Option<u64>,
}

/// Why storing ended early.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The file.
    #[error("{0}")]
    File(#[from] io::Error),
    /// The server.
    #[error("{}", .0.to_string().lines().next().unwrap_or_default())]
    ClickHouse(#[from] clickhouse::error::Error),
    /// Somebody wants it to end.
    #[error("interrupted")]
    Interrupted,
    /// Another load does not end.
    #[error("another load into this table is still going on")]
    Busy,
}

/// Where rows go to.
pub struct Door<'a> {
    /// Somebody who may insert.
    pub client: &'a Client,
    /// The table.
    pub table: &'a Table,
    /// Its database.
    pub database: &'a str,
    /// Another table whose rows are known too.
    pub beside: Option<Beside<'a>>,
}

/// The rows of a table but for some.
#[derive(Clone, Debug)]
pub struct Beside<'a> {
    /// The table.
    pub table: &'a str,
    /// The condition of rows that are as if they were not there.
    pub but: String,
}

impl Door<'_> {
    /// Waits for the batch that a run which was killed has left with the server: until it is there or not, nobody knows
    /// which rows are. Inserts carry a query id of the table, and the server takes no two of one id.
    pub async fn wait(&self) -> Result<(), StoreError> {
        let begun = std::time::Instant::now();
        loop {
            let asked = self.client.clone().with_setting("query_id", self.query_id());
            match asked.query_raw("SELECT 1").fetch_one::<u8>().await {
                Err(clickhouse::error::Error::BadResponse(text)) if is_running(&text) => {}
                answer => return answer.map(drop).map_err(StoreError::from),
            }
            if begun.elapsed() > PATIENCE {
                return Err(StoreError::Busy);
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    fn query_id(&self) -> String {
        format!("cdrscope-load-{}-{}", self.database, self.table.name)
    }

    /// The keys among `keys` that are there between two times.
    async fn known(&self, keys: &HashSet<Key>, times: (i64, i64)) -> Result<HashSet<Key>, StoreError> {
        let mut known = HashSet::new();
        self.known_of(&self.table.name, "", keys, times, &mut known).await?;
        if let Some(Beside { table, but }) = &self.beside {
            self.known_of(table, &format!(" AND NOT ({but})"), keys, times, &mut known).await?;
        }
        Ok(known)
    }

    async fn known_of(
        &self,
        table: &str,
        which: &str,
        keys: &HashSet<Key>,
        times: (i64, i64),
        known: &mut HashSet<Key>,
    ) -> Result<(), StoreError> {
        let ids = keys.iter().filter_map(|key| if let Key::Id(id) = key { Some(*id) } else { None });
        let ids = ids.fold(None, |range: Option<(u64, u64)>, id| {
            let (low, high) = range.unwrap_or((id, id));
            Some((low.min(id), high.max(id)))
        });
        let column = &self.table.id;
        let times = between(self.table, times.0, times.1.saturating_add(1));
        if let Some((low, high)) = ids {
            let signed =
                matches!(self.table.column(column).map(|id| &id.kind), Some(Some(Kind::Integer { signed: true, .. })));
            let id = if signed { format!("toUInt64(`{column}`)") } else { format!("`{column}`") };
            let is = format!("FROM {table} WHERE {times}{which} AND {id} BETWEEN {low} AND {high}");
            let add = |bytes: &mut Bytes| Key::Id(bytes.get_u64_le());
            self.find(&format!("SELECT toUInt64(assumeNotNull(`{column}`)) {is}"), 8, add, keys, known).await?;
        }
        if keys.iter().any(|key| matches!(key, Key::Uuid(_))) {
            let add = |bytes: &mut Bytes| Key::Uuid(bytes.get_u128_le());
            let sql = format!("SELECT assumeNotNull(uuid) FROM {table} WHERE {times}{which}");
            self.find(&sql, 16, add, keys, known).await?;
        }
        Ok(())
    }

    async fn find(
        &self,
        sql: &str,
        width: usize,
        read: impl Fn(&mut Bytes) -> Key,
        keys: &HashSet<Key>,
        known: &mut HashSet<Key>,
    ) -> Result<(), StoreError> {
        let mut found = self.client.query_raw(sql).fetch_bytes("RowBinary")?;
        let mut rest = BytesMut::new();
        while let Some(chunk) = found.next().await? {
            let mut bytes = if rest.is_empty() {
                chunk
            } else {
                rest.extend_from_slice(&chunk);
                rest.split().freeze()
            };
            while bytes.len() >= width {
                let key = read(&mut bytes);
                if keys.contains(&key) {
                    known.insert(key);
                }
            }
            rest.extend_from_slice(&bytes);
        }
        Ok(())
    }

    /// Stores what of a batch is new; with `dry`, only counts.
    async fn take(&self, plan: &Plan, batch: Batch, dry: bool) -> Result<Stored, StoreError> {
        let Some(times) = batch.rows.iter().fold(None, |range: Option<(i64, i64)>, (_, row)| {
            let (from, to) = range.unwrap_or((row.time, row.time));
            Some((from.min(row.time), to.max(row.time)))
        }) else {
            return Ok(Stored::default());
        };
        let times = (times.0 - SLACK, times.1 + SLACK);
        let keys: HashSet<Key> = batch.rows.iter().map(|(_, row)| row.key).collect();
        let mut known = self.known(&keys, times).await?;
        let mut stored = Stored::default();
        let kept = if known.is_empty() && keys.len() == batch.rows.len() {
            stored.stored = batch.rows.len() as u64;
            batch.bytes
        } else {
            let (mut kept, mut from) = (Vec::new(), 0);
            for (to, row) in &batch.rows {
                if row.key == Key::None || known.insert(row.key) {
                    kept.extend_from_slice(batch.bytes.get(from..*to).unwrap_or_default());
                    stored.stored += 1;
                } else {
                    stored.known += 1;
                }
                from = *to;
            }
            kept
        };
        if stored.stored > 0 && !dry {
            self.insert(plan, Bytes::from(kept)).await?;
        }
        Ok(stored)
    }

    async fn insert(&self, plan: &Plan, rows: Bytes) -> Result<(), StoreError> {
        let columns: Vec<String> = plan.columns().iter().map(|name| format!("`{}`", name.replace('`', "``"))).collect();
        let sql = format!("INSERT INTO {} ({}) FORMAT RowBinaryWithDefaults", self.table.name, columns.join(", "));
        let begun = std::time::Instant::now();
        loop {
            let client = self
                .client
                .clone()
                .with_compression(clickhouse::Compression::None)
                .with_setting("query_id", self.query_id())
                .with_setting("async_insert", "0")
                // Rows that are there are known by their ids, also after they were deleted on purpose.
                .with_setting("insert_deduplicate", "0")
                // Whole batches: one block, whose months are stored together or not at all.
                .with_setting("max_insert_block_size", "10000000")
                .with_setting("max_partitions_per_insert_block", "0");
            let mut insert = client.insert_formatted_with(sql.clone());
            let sent = async {
                insert.send(rows.clone()).await?;
                insert.end().await
            };
            match sent.await {
                Err(clickhouse::error::Error::BadResponse(text)) if is_running(&text) => {}
                done => return done.map_err(StoreError::from),
            }
            if begun.elapsed() > PATIENCE {
                return Err(StoreError::Busy);
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

/// Code of a query id that is in use.
fn is_running(error: &str) -> bool {
    error.contains("Code: 216.")
}

/// Stores the rows of `from`, so many at once; with `dry`, only counts them. The count goes to `done` as it grows.
pub async fn store(
    door: &Door<'_>,
    from: impl FnOnce() -> io::Result<Box<dyn Read + Send>> + Send + 'static,
    (form, batch_rows): (Form, usize),
    plan: &Plan,
    dry: bool,
    progress: &Progress,
    done: &mut Stored,
) -> Result<(), StoreError> {
    let (sender, mut receiver) = tokio::sync::mpsc::channel(1);
    let reading = plan.clone();
    let read = tokio::task::spawn_blocking(move || batches(from()?, form, &reading, batch_rows, &sender));
    while let Some(batch) = receiver.recv().await {
        let stored = door.take(plan, batch, dry).await?;
        done.stored += stored.stored;
        done.known += stored.known;
        progress.rows(done.stored + done.known, 0);
        if progress.is_stopped() {
            return Err(StoreError::Interrupted);
        }
    }
    read.await.map_err(io::Error::other)??;
    Ok(())
}

fn batches(
    from: impl Read,
    form: Form,
    plan: &Plan,
    batch_rows: usize,
    sender: &tokio::sync::mpsc::Sender<Batch>,
) -> io::Result<()> {
    let mut rows = Rows::new(from, form.shape, plan);
    if form.header {
        rows.skip()?;
    }
    let (mut batch, mut cells, mut notes) = (Batch::default(), Cells::default(), Notes::default());
    while let Some(row) = rows.read(&mut cells)? {
        let Ok(text) = row.text else { continue };
        let Ok(written) = plan.write(&cells, text, &mut notes, &mut [], &mut batch.bytes) else { continue };
        batch.rows.push((batch.bytes.len(), written));
        if batch.rows.len() >= batch_rows || batch.bytes.len() >= MAX_BATCH {
            // Nobody is there any more after a failure.
            if sender.blocking_send(std::mem::take(&mut batch)).is_err() {
                return Ok(());
            }
        }
    }
    if !batch.rows.is_empty() {
        let _ = sender.blocking_send(batch);
    }
    Ok(())
}
