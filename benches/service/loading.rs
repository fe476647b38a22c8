//! Files of CDRs: `cdrscope load` against the engine's own insert of the same file into the same table.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use cdrscope::migrate::migrate;
use clickhouse::Client;
use tokio::fs::File;
use tokio::io::AsyncReadExt;

use crate::contest::median;
use crate::report::{Report, count};
use crate::world::World;
use crate::{Pace, Result};

/// Rows of a file, unless there are few calls.
const ROWS: u64 = 200_000;

/// Everything about loading.
pub async fn measure(world: &World, pace: Pace, report: &mut Report) -> Result<()> {
    let client = world.database("load");
    migrate(&client, "load").await?;
    let rows = ROWS.min(world.calls / 20);
    for (end, format) in
        [("jsonl", "JSONEachRow"), ("csv", "CSVWithNames"), ("parquet", "Parquet"), ("native", "Native")]
    {
        let path = world.dir.join(format!("calls.{end}"));
        write(world, rows, format, &path).await?;
        let (mut straight, mut ours, mut checks) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..pace.loads {
            straight.push(rows as f64 / insert(&client, format, &path).await?);
            ours.push(rows as f64 / load(world, &client, &path, &[]).await?);
            checks.push(rows as f64 / load(world, &client, &path, &["--dry-run"]).await?);
        }
        let what = format!("loading {}, {} rows: rows", end, count(rows));
        report.more(what, median(&straight), median(&ours), 0.6);
        let (whole, checked) = (rows as f64 / median(&ours), rows as f64 / median(&checks));
        let share = format!("{:.0} % of the load", checked / whole * 100.0);
        let cells = [format!("{whole:.2} s to load"), format!("{checked:.2} s"), share, String::new()];
        report.row(format!("loading {end}: reading and checks alone (--dry-run)"), cells, None);
        fs::remove_file(path)?;
    }
    world.admin.query_raw("DROP DATABASE load SYNC").execute().await?;
    Ok(())
}

/// Calls of the month as a file, in the order of their times, as a sender would have them.
async fn write(world: &World, rows: u64, format: &str, path: &Path) -> Result<()> {
    let sql = format!(
        "SELECT * FROM month.cdrs WHERE id IN (SELECT id FROM bench.month ORDER BY time_start LIMIT {rows}) \
         ORDER BY time_start LIMIT {rows}"
    );
    let mut file = tokio::fs::File::create(path).await?;
    let mut cursor = world.admin.query_raw(&sql).fetch_bytes(format)?;
    while let Some(chunk) = cursor.next().await? {
        tokio::io::AsyncWriteExt::write_all(&mut file, &chunk).await?;
    }
    tokio::io::AsyncWriteExt::flush(&mut file).await?;
    Ok(())
}

/// An empty table that remembers no batch.
async fn empty(client: &Client) -> Result<()> {
    Ok(client.query_raw("TRUNCATE TABLE cdrs SYNC").execute().await?)
}

/// Seconds that the engine takes for the bytes as they are.
async fn insert(client: &Client, format: &str, path: &Path) -> Result<f64> {
    empty(client).await?;
    let begun = Instant::now();
    let client = client.clone().with_compression(clickhouse::Compression::None).with_setting("async_insert", "0");
    let mut insert = client.insert_formatted_with(format!("INSERT INTO cdrs FORMAT {format}"));
    let mut file = File::open(path).await?;
    loop {
        let mut chunk = bytes::BytesMut::with_capacity(1 << 20);
        while chunk.len() < 1 << 20 && file.read_buf(&mut chunk).await? > 0 {}
        if chunk.is_empty() {
            break;
        }
        insert.send(chunk.freeze()).await?;
    }
    insert.end().await?;
    Ok(begun.elapsed().as_secs_f64())
}

/// Seconds that the command takes, from its start to its end.
async fn load(world: &World, client: &Client, path: &Path, args: &[&str]) -> Result<f64> {
    empty(client).await?;
    let (user, password) = world.administrator();
    let mut settings = world.settings("load", &[]);
    settings
        .extend([("CDRSCOPE_CLICKHOUSE_USER", user.to_owned()), ("CDRSCOPE_CLICKHOUSE_PASSWORD", password.to_owned())]);
    let begun = Instant::now();
    let mut command = Command::new(env!("CARGO_BIN_EXE_cdrscope"));
    command.arg("load").args(args).arg(path).envs(settings).stdin(Stdio::null());
    let output = tokio::task::spawn_blocking(move || command.output()).await??;
    if !output.status.success() {
        return Err(format!("cdrscope load: {}", String::from_utf8_lossy(&output.stderr)).into());
    }
    Ok(begun.elapsed().as_secs_f64())
}
