//! The table that rows go to: which of them it has, and whether an earlier run still writes to it.

use std::collections::HashSet;
use std::time::Duration;

use bytes::{Buf as _, Bytes, BytesMut};
use clickhouse::Client;

use super::column::ColumnType;
use super::hold::in_time;
use super::plan::{RowKey, TargetTable};
use super::range::between;
use super::send::LANES;
use super::store::LoadError;

/// Seconds around the times of a batch within which its ids are looked for.
pub const SLACK: i64 = 86_400;
/// The longest wait for a batch of an earlier run that the server still works at.
pub const PATIENCE: Duration = Duration::from_secs(600);

/// Where rows go to.
pub struct Door<'a> {
    /// Somebody who may insert.
    pub client: &'a Client,
    /// The table.
    pub table: &'a TargetTable,
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
    /// Waits for the batches that a run which was killed has left with the server: until they are there or not, nobody
    /// knows which rows are. Inserts carry query ids of the table, and the server takes no two of one id.
    pub async fn wait(&self) -> Result<(), LoadError> {
        for lane in 0..LANES {
            self.wait_for(lane).await?;
        }
        Ok(())
    }

    async fn wait_for(&self, lane: usize) -> Result<(), LoadError> {
        let begun = std::time::Instant::now();
        loop {
            let asked = self.client.clone().with_setting("query_id", self.query_id(lane));
            match in_time(asked.query_raw("SELECT 1").fetch_one::<u8>()).await {
                Err(clickhouse::error::Error::BadResponse(text)) if is_running(&text) => {}
                answer => return answer.map(drop).map_err(LoadError::from),
            }
            if begun.elapsed() > PATIENCE {
                return Err(LoadError::Busy);
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// The id of the inserts of a lane.
    pub(super) fn query_id(&self, lane: usize) -> String {
        let id = format!("cdrscope-load-{}-{}", self.database, self.table.name);
        if lane == 0 { id } else { format!("{id}-{lane}") }
    }

    /// The keys among `keys` that are there between two times.
    pub(super) async fn known(&self, keys: &HashSet<RowKey>, times: (i64, i64)) -> Result<HashSet<RowKey>, LoadError> {
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
        keys: &HashSet<RowKey>,
        times: (i64, i64),
        known: &mut HashSet<RowKey>,
    ) -> Result<(), LoadError> {
        let ids = keys.iter().filter_map(|key| if let RowKey::Id(id) = key { Some(*id) } else { None });
        let ids = ids.fold(None, |range: Option<(u64, u64)>, id| {
            let (low, high) = range.unwrap_or((id, id));
            Some((low.min(id), high.max(id)))
        });
        let column = &self.table.id;
        let times = between(self.table, times.0, times.1.saturating_add(1));
        if let Some((low, high)) = ids {
            let signed = matches!(
                self.table.column(column).map(|id| &id.kind),
                Some(Some(ColumnType::Integer { signed: true, .. }))
            );
            let id = if signed { format!("toUInt64(`{column}`)") } else { format!("`{column}`") };
            let is = format!("FROM {table} WHERE {times}{which} AND {id} BETWEEN {low} AND {high}");
            let add = |bytes: &mut Bytes| RowKey::Id(bytes.get_u64_le());
            self.find(&format!("SELECT toUInt64(assumeNotNull(`{column}`)) {is}"), 8, add, keys, known).await?;
        }
        if keys.iter().any(|key| matches!(key, RowKey::Digest(_))) {
            let is_text = matches!(self.table.column(column).map(|id| &id.kind), Some(Some(ColumnType::Text)));
            let id = if is_text { format!("toString(`{column}`)") } else { format!("reinterpretAsString(`{column}`)") };
            let add = |bytes: &mut Bytes| RowKey::Digest(bytes.get_u128_le());
            // A UUID may end in zeros, which a string made of its bytes has lost.
            let id = if is_text { id } else { format!("toFixedString({id}, 16)") };
            let sql = format!(
                "SELECT toFixedString(substring(SHA256(assumeNotNull({id})), 1, 16), 16) FROM {table} \
                 WHERE {times}{which} AND `{column}` IS NOT NULL"
            );
            self.find(&sql, 16, add, keys, known).await?;
        }
        if keys.iter().any(|key| matches!(key, RowKey::Uuid(_))) {
            let add = |bytes: &mut Bytes| RowKey::Uuid(bytes.get_u128_le());
            let sql = format!("SELECT assumeNotNull(uuid) FROM {table} WHERE {times}{which}");
            self.find(&sql, 16, add, keys, known).await?;
        }
        Ok(())
    }

    async fn find(
        &self,
        sql: &str,
        width: usize,
        read: impl Fn(&mut Bytes) -> RowKey,
        keys: &HashSet<RowKey>,
        known: &mut HashSet<RowKey>,
    ) -> Result<(), LoadError> {
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
}

/// Code of a query id that is in use.
pub fn is_running(error: &str) -> bool {
    error.contains("Code: 216.")
}
