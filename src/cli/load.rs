//! `cdrscope load FILE…`: CDR files into `cdrs`. Bytes go to ClickHouse as they are; it reads the format and, by
//! Content-Encoding, the compression, so loading costs what ClickHouse's own insert costs.

use std::path::{Path, PathBuf};

use bytes::BytesMut;
use clickhouse::Client;
use indicatif::{ProgressBar, ProgressStyle};
use tokio::fs::File;
use tokio::io::AsyncReadExt;

use super::connect::Connection;
use super::settings::Settings;
use super::{CliError, block_on, configure, say};

/// Arguments of `load`.
#[derive(clap::Args)]
pub struct Load {
    /// Files of CDRs: .jsonl .ndjson .json (an object a line), .csv .tsv (with a header line), .parquet .native;
    /// each but Parquet may end in .gz .zst .xz .bz2 or .lz4 too
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    #[command(flatten)]
    settings: Settings,
}

/// Bytes handed over at once.
const CHUNK: usize = 1024 * 1024;

/// How a file is read.
#[derive(Debug, PartialEq, Eq)]
struct Kind {
    format: &'static str,
    encoding: Option<&'static str>,
}

impl Load {
    /// Loads one file after the other; says by how many rows the table grew. Stops at the first that fails.
    pub fn run(self) -> Result<(), CliError> {
        let kinds = self.files.iter().map(|file| kind(file)).collect::<Result<Vec<_>, _>>()?;
        let config = configure(&self.settings)?;
        block_on(async {
            let connection = Connection::open(&config).await?;
            let loaded = async {
                for (file, kind) in self.files.iter().zip(&kinds) {
                    let rows = load(&connection.admin(&config), &config.tables.cdrs, file, kind).await?;
                    say(format_args!("{}: {rows} new rows", file.display()));
                }
                Ok(())
            }
            .await;
            connection.close().await;
            loaded
        })
    }
}

fn kind(file: &Path) -> Result<Kind, CliError> {
    let name = file.file_name().map(|name| name.to_string_lossy().to_lowercase()).unwrap_or_default();
    let encodings = [(".gz", "gzip"), (".zst", "zstd"), (".xz", "xz"), (".bz2", "bz2"), (".lz4", "lz4")];
    let packed = encodings.iter().find_map(|(end, encoding)| Some((name.strip_suffix(end)?, *encoding)));
    let (name, encoding) = packed.map_or((name.as_str(), None), |(name, encoding)| (name, Some(encoding)));
    let format = match name.rsplit_once('.').map(|(_, end)| end) {
        Some("jsonl" | "ndjson" | "json") => "JSONEachRow",
        Some("csv") => "CSVWithNames",
        Some("tsv") => "TabSeparatedWithNames",
        Some("parquet") if encoding.is_none() => "Parquet",
        Some("native") => "Native",
        _ => {
            let what = "is no kind of file that can be loaded: see `cdrscope load --help`";
            return Err(CliError::Usage(format!("{} {what}", file.display())));
        }
    };
    Ok(Kind { format, encoding })
}

async fn load(plain: &Client, table: &str, path: &Path, kind: &Kind) -> Result<u64, CliError> {
    let failed = |e: &dyn std::fmt::Display| CliError::Failed(format!("{}: {e}", path.display()));
    let mut file = File::open(path).await.map_err(|e| failed(&e))?;
    let size = file.metadata().await.map_err(|e| failed(&e))?.len();
    let before = rows(plain, table).await.map_err(|e| failed(&e))?;
    // Blocks are cut by rows only, so the same file gives the same blocks and counts once; after a failure, the blocks
    // before the mended line are known already.
    let mut client = plain
        .clone()
        .with_compression(clickhouse::Compression::None)
        .with_setting("async_insert", "0")
        .with_setting("input_format_skip_unknown_fields", "1")
        .with_setting("input_format_null_as_default", "1")
        .with_setting("date_time_input_format", "best_effort");
    if let Some(encoding) = kind.encoding {
        client = client.with_header("Content-Encoding", encoding);
    }
    let mut insert = client.insert_formatted_with(format!("INSERT INTO {table} FORMAT {}", kind.format));
    let progress = bar(size);
    loop {
        let mut chunk = BytesMut::with_capacity(CHUNK);
        while chunk.len() < CHUNK && file.read_buf(&mut chunk).await.map_err(|e| failed(&e))? > 0 {}
        if chunk.is_empty() {
            break;
        }
        progress.inc(chunk.len() as u64);
        insert.send(chunk.freeze()).await.map_err(|e| failed(&e))?;
    }
    insert.end().await.map_err(|e| failed(&e))?;
    progress.finish_and_clear();
    let after = rows(plain, table).await.map_err(|e| failed(&e))?;
    Ok(after.saturating_sub(before))
}

async fn rows(client: &Client, table: &str) -> clickhouse::error::Result<u64> {
    client.query_raw(&format!("SELECT count() FROM {table}")).fetch_one().await
}

/// Shown on a terminal only.
#[expect(clippy::literal_string_with_formatting_args, reason = "the braces are the progress bar's own")]
fn bar(bytes: u64) -> ProgressBar {
    let template = "{bar:40} {bytes} of {total_bytes}, {bytes_per_sec}, {eta} left";
    let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::new(bytes).with_style(style)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_files_name_says_how_it_is_read() {
        let kind = |name: &str| kind(Path::new(name)).ok();
        let of = |format, encoding| Some(Kind { format, encoding });
        assert_eq!(kind("a/calls.jsonl"), of("JSONEachRow", None));
        assert_eq!(kind("calls.CSV.gz"), of("CSVWithNames", Some("gzip")));
        assert_eq!(kind("calls.2026.tsv.zst"), of("TabSeparatedWithNames", Some("zstd")));
        assert_eq!(kind("calls.parquet"), of("Parquet", None));
        for name in ["calls", "calls.txt", "calls.gz", "calls.parquet.gz", ".jsonl.doc"] {
            assert_eq!(kind(name), None, "{name}");
        }
    }
}
