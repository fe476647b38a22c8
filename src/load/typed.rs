//! The columns of files whose columns have types.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::Path;

use clickhouse::Client;

use super::mapping::Format;
use super::parquet::{ClockTime, clock_times};
use super::progress::Progress;
use super::{header, input, native};

/// The longest description of a Parquet file: a megabyte is a few hundred columns over a thousand row groups.
const MAX_FOOTER: u64 = 64 << 20;

/// A column of a file.
#[derive(Clone, Debug)]
pub struct TypedColumn {
    /// Its name.
    pub name: String,
    /// Its type, as the server spells it.
    pub spelled: String,
    /// Its values are read as text: times that have no zone of their own.
    pub is_unzoned: bool,
}

/// The columns, in the order of the file; of the Native format, the bytes of the first block too.
///
/// # Errors
/// Why it cannot be read, in one line.
pub async fn columns(client: &Client, file: &Path, format: Format) -> Result<(Vec<TypedColumn>, Option<u64>), String> {
    let column = |(name, spelled)| TypedColumn { name, spelled, is_unzoned: false };
    if format == Format::Native {
        let bytes = input::open(file, &Progress::hidden()).map_err(|error| error.to_string())?;
        let (columns, bytes) = native::columns(bytes).map_err(|error| error.to_string())?;
        return Ok((columns.into_iter().map(column).collect(), Some(bytes)));
    }
    let footer = footer(file).map_err(|error| error.to_string())?;
    let hex: String = footer.iter().map(|byte| format!("{byte:02x}")).collect();
    let sql = format!("DESCRIBE TABLE format(Parquet, unhex('{hex}'))");
    let client = client.clone().with_setting("max_query_size", (sql.len() + 1024).to_string());
    let described = async { client.query_raw(&sql).fetch_bytes("JSONCompactEachRow")?.collect().await };
    // The server's message may quote the statement.
    let bytes = described.await.map_err(|error| damaged(&error))?;
    let columns = bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).map(|line| {
        let row: Vec<serde_json::Value> = serde_json::from_slice(line).map_err(|error| error.to_string())?;
        let text = |at: usize| row.get(at).and_then(serde_json::Value::as_str).unwrap_or_default().to_owned();
        Ok(column((text(0), text(1))))
    });
    Ok((columns.collect::<Result<_, String>>()?, None))
}

/// Codes of what the server cannot read: data that end or are wrong, of no such columns, that do not unpack, or that a library
/// of its fails with.
const UNREAD: [u32; 9] = [27, 32, 33, 36, 117, 271, 432, 636, 1001];

/// The sentence about a file that the server cannot read, with the server's short cause.
pub fn damaged(error: &clickhouse::error::Error) -> String {
    let text = error.to_string();
    let line = text.lines().next().unwrap_or_default();
    let code =
        line.split_once("Code: ").and_then(|(_, rest)| rest.split('.').next()).and_then(|code| code.parse().ok());
    let cause = line.split_once("DB::Exception: ").filter(|_| code.is_some_and(|code| UNREAD.contains(&code)));
    let Some((_, cause)) = cause else { return line.chars().take(300).collect() };
    // Causes come within each other, with what the server was doing behind them.
    let cause = cause.rsplit("DB::Exception: ").next().unwrap_or(cause);
    let end = [": While", ": while", ": (while", ". (", " (version", "Stack trace"]
        .iter()
        .filter_map(|mark| cause.find(mark))
        .min();
    let cause: String = cause.get(..end.unwrap_or(cause.len())).unwrap_or(cause).chars().take(200).collect();
    format!(
        "is damaged, or of another kind than its name says: {}",
        header::plain(cause.trim_end_matches(['.', ':', ' ']))
    )
}

/// Columns of a Parquet file that the server takes for numbers or instants, and that are none.
#[derive(Debug, Default)]
pub struct TimeColumns {
    /// Spans of time, as Arrow's own description calls them: Parquet itself has plain numbers for them, in whatever unit.
    pub spans: Vec<String>,
    /// Times on a clock.
    pub clock: Vec<(String, ClockTime)>,
}

/// The columns of times that the server takes for something else.
///
/// # Errors
/// The file cannot be read.
pub fn times(file: &Path, format: Format) -> io::Result<TimeColumns> {
    if format != Format::Parquet {
        return Ok(TimeColumns::default());
    }
    let footer = footer(file)?;
    let clock = clock_times(&footer).ok_or_else(|| io::Error::other("is damaged: its footer cannot be read"))?;
    Ok(TimeColumns { spans: super::arrow::spans(&footer), clock })
}

/// A Parquet file of the same columns without their values.
fn footer(file: &Path) -> io::Result<Vec<u8>> {
    let other = || io::Error::other("is no Parquet file");
    let mut file = File::open(file)?;
    let size = file.seek(SeekFrom::End(0))?;
    let mut tail = [0; 8];
    file.seek(SeekFrom::Start(size.checked_sub(8).ok_or_else(other)?))?;
    file.read_exact(&mut tail)?;
    let [a, b, c, d, magic @ ..] = tail;
    let length = u64::from(u32::from_le_bytes([a, b, c, d]));
    if &magic != b"PAR1" || length > size - 8 {
        return Err(other());
    }
    if length > MAX_FOOTER {
        return Err(io::Error::other(format!("has a footer of {length} bytes: split the file")));
    }
    file.seek(SeekFrom::Start(size - 8 - length))?;
    let mut bytes = b"PAR1".to_vec();
    file.read_to_end(&mut bytes)?;
    Ok(bytes)
}
