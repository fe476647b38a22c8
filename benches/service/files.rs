//! Files of a million CDRs with the usual columns, against ClickHouse asked straight for the same rows by the service's own
//! statement: the time until the last byte, and the most memory that the service took.

use std::time::Instant;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::ask::get;
use crate::cold::{COLD, LARGEST};
use crate::report::{Report, count, times};
use crate::tap::Tap;
use crate::world::{FROM, TO, World};
use crate::{Pace, Result};

/// CDRs of a file, if the account has as many.
const ROWS: u64 = 1_000_000;

/// Files of each side, in turns.
const ROUNDS: usize = 3;

/// The formats; what ClickHouse writes for the last three the service packs, or makes a workbook of.
const FORMATS: [&str; 7] = ["csv", "ndjson", "parquet", "arrow", "csv.zst", "csv.gz", "xlsx"];

/// Everything about files.
pub async fn measure(world: &World, _: Pace, report: &mut Report) -> Result<()> {
    let service = world.serve("month", COLD)?;
    let tap = Tap::start(world.authority().to_owned()).await?;
    let tapped = world.serve("month", &[COLD[0], ("CDRSCOPE_CLICKHOUSE_URL", &tap.url)])?;
    let account = world.account(LARGEST)?;
    for format in FORMATS {
        let path = format!(
            "/api/rest/customer/v1/origination-cdrs?account-id={}&from-time={FROM}&to-time={TO}&limit={ROWS}&format={format}",
            account.uuid
        );
        let ours = get(&path, &format!("Authorization: {}\r\nConnection: close\r\n", account.token));
        let straight = straight(&tapped.authority, &tap, &ours).await?;
        let (mut took, mut bytes) = ([Vec::new(), Vec::new()], 0);
        for _ in 0..ROUNDS {
            for (side, (authority, request)) in
                [(world.authority(), &straight), (service.authority.as_str(), &ours)].into_iter().enumerate()
            {
                let begun = Instant::now();
                bytes = drain(authority, request).await?;
                took[side].push(begun.elapsed().as_secs_f64());
            }
        }
        let [plain, answer] = took.map(|mut took| {
            took.sort_by(f64::total_cmp);
            took[took.len() / 2]
        });
        let memory = service.most_resident_mb()?;
        report.row(
            format!("{} CDRs × 18 columns as {format}", count(ROWS)),
            [
                format!("{plain:.1} s"),
                format!("{answer:.1} s, {:.0} MB, in {memory:.0} MB of memory", bytes as f64 / 1e6),
                times(plain / answer),
                String::new(),
            ],
            None,
        );
    }
    Ok(())
}

/// The request to the engine that the service makes for a file, which is left once it has begun.
async fn straight(authority: &str, tap: &Tap, request: &[u8]) -> Result<Vec<u8>> {
    tap.take();
    let mut stream = TcpStream::connect(authority).await?;
    stream.write_all(request).await?;
    let mut head = [0; 12];
    stream.read_exact(&mut head).await?;
    if &head != b"HTTP/1.1 200" {
        return Err(format!("a file is answered {}", String::from_utf8_lossy(&head)).into());
    }
    // The end of a file and its length are asked before it.
    let asked = tap.take().into_iter().rfind(|seen| seen.reads_calls).ok_or("no statement for a file")?;
    let line = asked.request.windows(2).position(|two| two == b"\r\n").ok_or("no request line")? + 2;
    let (first, rest) = asked.request.split_at(line);
    Ok([first, b"Connection: close\r\n", rest].concat())
}

/// Sends a request on a connection of its own and reads until it is closed; gives the bytes.
async fn drain(authority: &str, request: &[u8]) -> Result<u64> {
    let mut stream = TcpStream::connect(authority).await?;
    stream.write_all(request).await?;
    let (mut bytes, mut buffer) = (0, vec![0; 256 * 1024]);
    let mut begin = Vec::new();
    loop {
        match stream.read(&mut buffer).await? {
            0 => break,
            read => {
                if begin.len() < 12 {
                    begin.extend_from_slice(&buffer[..read.min(12)]);
                }
                bytes += read as u64;
            }
        }
    }
    if !begin.starts_with(b"HTTP/1.1 200") {
        return Err(format!("a file is answered {}", String::from_utf8_lossy(&begin)).into());
    }
    Ok(bytes)
}
