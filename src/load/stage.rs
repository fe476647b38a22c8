//! Files in formats that the server reads best: it reads them into a table beside the calls, with the file's own types and
//! in its order. The table's rows are checked like those of any other file, and it is dropped at the end.

use std::io::{self, Read as _};
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use super::OpenedFile;
use super::hold::{self, Hold};
use super::input::{self, Input};
use super::mapping::Format;
use super::native;
use super::progress::Progress;
use super::store::LoadError;
use super::typed::{TypedColumn, damaged};
use bytes::Bytes;
use clickhouse::Client;

/// The beginning of such tables' names, before the second they were made in.
const NAME: &str = "cdrscope_load_";
const CHUNK: u64 = 1 << 20;
/// Rows that are read at once.
const BLOCK_ROWS: &str = "65536";

/// A file as a table.
pub struct Stage {
    client: Client,
    name: String,
    hold: Option<Hold>,
}

impl Stage {
    /// Has the server read these columns of a file, names and types.
    pub async fn fill(
        client: &Client,
        file: &Path,
        format: Format,
        columns: &[TypedColumn],
        progress: &Progress,
    ) -> Result<Self, String> {
        let (name, hold) = hold_new(client).await?;
        let stage = Self { client: client.clone(), name, hold };
        let columns: Vec<_> = columns
            .iter()
            .map(|TypedColumn { name, spelled, .. }| {
                // A column of nothing but nulls has no type that a table may have.
                let spelled = if spelled.contains("Nothing") { "Nullable(String)" } else { spelled };
                format!("{} {spelled}", quoted(name))
            })
            .collect();
        let create = format!("CREATE TABLE {} ({}) ENGINE = Log", stage.name, columns.join(", "));
        let any_type = client.clone().with_setting("allow_suspicious_low_cardinality_types", "1");
        any_type.query_raw(&create).execute().await.map_err(first_line)?;
        match stage.send(file, format, progress).await {
            Ok(()) => Ok(stage),
            Err(why) => {
                stage.drop().await;
                Err(why)
            }
        }
    }

    async fn send(&self, file: &Path, format: Format, progress: &Progress) -> Result<(), String> {
        let format = if format == Format::Native { "Native" } else { "Parquet" };
        let client = self
            .client
            .clone()
            .with_compression(clickhouse::Compression::None)
            .with_setting("async_insert", "0")
            .with_setting("max_insert_threads", "1")
            .with_setting("input_format_parquet_preserve_order", "1")
            .with_setting("session_timezone", "UTC")
            .with_setting("input_format_skip_unknown_fields", "1");
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
            insert.send(Bytes::from(chunk)).await.map_err(|error| damaged(&error))?;
        }
        insert.end().await.map_err(|error| damaged(&error))
    }

    /// The staged rows, to be read with these columns: those whose values are not read here as text.
    pub(super) fn read(&self, columns: &[TypedColumn]) -> OpenedFile {
        let as_is = |column: &TypedColumn| native::is_read(&column.spelled) && !column.is_unzoned;
        let selected = columns.iter().map(|column @ TypedColumn { name, spelled, .. }| match as_is(column) {
            true => quoted(name),
            // Its text has no names of the fields.
            false if spelled.contains("Tuple(") => format!("toJSONString({0}) AS {0}", quoted(name)),
            false => format!("toString({0}) AS {0}", quoted(name)),
        });
        let sql = format!("SELECT {} FROM {}", selected.collect::<Vec<_>>().join(", "), self.name);
        let client = self
            .client
            .clone()
            .with_compression(clickhouse::Compression::None)
            .with_setting("max_threads", "1")
            .with_setting("max_block_size", BLOCK_ROWS)
            .with_setting("session_timezone", "UTC")
            .with_setting("date_time_output_format", "iso");
        OpenedFile::typed(Input::Staged(Box::new(client), sql), columns)
    }

    /// Drops the table, where there is one.
    pub async fn drop_any(stage: Option<Self>) {
        if let Some(stage) = stage {
            stage.drop().await;
        }
    }

    /// Drops the table.
    pub async fn drop(self) {
        let sql = format!("DROP TABLE IF EXISTS {} SYNC", self.name);
        if let Err(error) = self.client.query_raw(&sql).execute().await {
            log::warn!("table {} stays until a later load: {}", self.name, first_line(error));
        }
        if let Some(hold) = self.hold {
            hold.end().await;
        }
    }
}

/// A name for a table of a load's own, and the hold that keeps other loads from dropping it.
pub async fn hold_new(client: &Client) -> Result<(String, Option<Hold>), String> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map(|time| time.as_secs()).unwrap_or(0);
    let name = format!("{NAME}{now}_{}", uuid::Uuid::new_v4().simple());
    let hold = Hold::begin(client, &name).await.map_err(|error| error.to_string())?;
    Ok((name, hold))
}

/// Drops the tables of loads that were killed: those that nobody holds and that no mutation reads. Says how many.
pub async fn clear(client: &Client) -> Result<u64, LoadError> {
    let sql = format!("SHOW TABLES LIKE '{}%'", NAME.replace('_', "\\\\_"));
    let names: Vec<String> = client.query_raw(&sql).fetch_all().await?;
    let mut dropped = 0;
    for name in names.iter().filter(|name| is_ours(name)) {
        let read = "SELECT count() FROM system.mutations WHERE NOT is_done AND position(command, {name:String}) > 0";
        // A mutation that misses its table fails for ever.
        if hold::is_held(client, name).await?
            || client.query_raw(read).param("name", name).fetch_one::<u64>().await? > 0
        {
            continue;
        }
        client.query_raw(&format!("DROP TABLE IF EXISTS {} SYNC", quoted(name))).execute().await?;
        dropped += 1;
    }
    Ok(dropped)
}

/// True for names as they are given here.
fn is_ours(name: &str) -> bool {
    let parts = name.strip_prefix(NAME).and_then(|rest| rest.split_once('_'));
    parts.is_some_and(|(time, id)| {
        time.parse::<u64>().is_ok() && id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit())
    })
}

fn quoted(name: &str) -> String {
    format!("`{}`", name.replace('\\', "\\\\").replace('`', "\\`"))
}

#[expect(clippy::needless_pass_by_value, reason = "as map_err hands it over")]
fn first_line(error: clickhouse::error::Error) -> String {
    error.to_string().lines().next().unwrap_or_default().to_owned()
}
