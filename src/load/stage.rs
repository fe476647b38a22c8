//! Files in formats that the server reads best: it reads them into a table of text beside the calls, in order, and what is
//! in that table is checked like any other file. The table is dropped at the end.

use std::io::{self, Read as _};
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use super::input;
use super::progress::Progress;
use bytes::Bytes;
use clickhouse::Client;

/// What such tables are called, before the second they were made in.
const NAME: &str = "cdrscope_load_";
/// Seconds after which one that is still there was left by a run that was killed.
const OLD: u64 = 86_400;
const CHUNK: u64 = 1 << 20;

/// A file as a table of text.
pub struct Stage {
    client: Client,
    name: String,
}

impl Stage {
    /// Has the server read a file into columns of these names, true beside those of lists.
    pub async fn fill(
        client: &Client,
        file: &Path,
        format: &str,
        columns: &[(String, bool)],
        strict: bool,
        progress: &Progress,
    ) -> Result<Self, String> {
        match Self::make(client, file, format, columns, strict, progress).await {
            // The other way round, lists are read from a column of text.
            Err(why) if why.contains("Array") => {
                let columns: Vec<_> = columns.iter().map(|(name, _)| (name.clone(), false)).collect();
                Self::make(client, file, format, &columns, strict, progress).await
            }
            made => made,
        }
    }

    async fn make(
        client: &Client,
        file: &Path,
        format: &str,
        columns: &[(String, bool)],
        strict: bool,
        progress: &Progress,
    ) -> Result<Self, String> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map(|time| time.as_secs()).unwrap_or(0);
        clear(client, now).await.map_err(first_line)?;
        let name = name(now);
        let stage = Self { client: client.clone(), name };
        let columns: Vec<_> = columns
            .iter()
            .map(|(name, is_list)| {
                let kind = if *is_list { "Array(Nullable(String))" } else { "Nullable(String)" };
                format!("{} {kind}", quoted(name))
            })
            .collect();
        let create = format!("CREATE TABLE {} ({}) ENGINE = Log", stage.name, columns.join(", "));
        client.query_raw(&create).execute().await.map_err(first_line)?;
        match stage.send(file, format, strict, progress).await {
            Ok(()) => Ok(stage),
            Err(why) => {
                stage.drop().await;
                Err(why)
            }
        }
    }

    async fn send(&self, file: &Path, format: &str, strict: bool, progress: &Progress) -> Result<(), String> {
        let client = self
            .client
            .clone()
            .with_compression(clickhouse::Compression::None)
            .with_setting("async_insert", "0")
            .with_setting("max_insert_threads", "1")
            .with_setting("input_format_parquet_preserve_order", "1")
            .with_setting("session_timezone", "UTC")
            .with_setting("date_time_output_format", "iso")
            .with_setting("input_format_skip_unknown_fields", if strict { "0" } else { "1" });
        let mut insert = client.insert_formatted_with(format!("INSERT INTO {} FORMAT {format}", self.name));
        let mut bytes = input::open(file, progress).map_err(|error| error.to_string())?;
        loop {
            let mut chunk = Vec::new();
            io::Read::by_ref(&mut bytes).take(CHUNK).read_to_end(&mut chunk).map_err(|error| error.to_string())?;
            if chunk.is_empty() {
                break;
            }
            if progress.is_stopped() {
                return Err("interrupted; nothing was stored".to_owned());
            }
            insert.send(Bytes::from(chunk)).await.map_err(first_line)?;
        }
        insert.end().await.map_err(first_line)
    }

    /// Those of the columns that have a value in any row.
    pub async fn filled(&self, columns: &[(String, bool)]) -> Result<Vec<String>, String> {
        let counts: Vec<_> = columns.iter().map(|(name, _)| format!("countIf(notEmpty({}))", quoted(name))).collect();
        let sql = format!("SELECT [{}] FROM {}", counts.join(", "), self.name);
        let counts: Vec<u64> = self.client.query_raw(&sql).fetch_one().await.map_err(first_line)?;
        let filled = columns.iter().zip(counts).filter(|(_, count)| *count > 0);
        Ok(filled.map(|((name, _), _)| name.clone()).collect())
    }

    /// Reads the columns, rows in the order of the file.
    pub fn select(&self, columns: &[String]) -> (Client, String) {
        let columns: Vec<_> = columns.iter().map(|column| quoted(column)).collect();
        let client =
            self.client.clone().with_compression(clickhouse::Compression::None).with_setting("max_threads", "1");
        (client, format!("SELECT {} FROM {}", columns.join(", "), self.name))
    }

    /// Drops the table.
    pub async fn drop(self) {
        let sql = format!("DROP TABLE IF EXISTS {} SYNC", self.name);
        if let Err(error) = self.client.query_raw(&sql).execute().await {
            log::warn!("table {} stays until a later load: {}", self.name, first_line(error));
        }
    }
}

/// A name for a table that is dropped a day after it was left.
pub fn name(now: u64) -> String {
    format!("{NAME}{now}_{}", uuid::Uuid::new_v4().simple())
}

/// Drops what runs that were killed have left.
pub async fn clear(client: &Client, now: u64) -> clickhouse::error::Result<()> {
    let sql = format!("SHOW TABLES LIKE '{}%'", NAME.replace('_', "\\\\_"));
    let names: Vec<String> = client.query_raw(&sql).fetch_all().await?;
    for name in names {
        let made = name.strip_prefix(NAME).and_then(|rest| rest.split('_').next()).and_then(|time| time.parse().ok());
        if made.is_some_and(|made: u64| made + OLD < now) {
            client.query_raw(&format!("DROP TABLE IF EXISTS {} SYNC", quoted(&name))).execute().await?;
        }
    }
    Ok(())
}

fn quoted(name: &str) -> String {
    format!("`{}`", name.replace('\\', "\\\\").replace('`', "\\`"))
}

#[expect(clippy::needless_pass_by_value, reason = "as map_err hands it over")]
fn first_line(error: clickhouse::error::Error) -> String {
    error.to_string().lines().next().unwrap_or_default().to_owned()
}
