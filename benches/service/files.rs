//! Files of a million CDRs with the usual columns, against ClickHouse asked straight for the same rows by the service's own
//! statement: the time until the first byte and the last, and the most memory that the service took; and how long a dashboard's
//! question takes meanwhile.

use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::ask::get;
use crate::cold::{COLD, LARGEST, SIZES, day};
use crate::report::{Report, count, times};
use crate::tap::Tap;
use crate::wire::Wire;
use crate::world::{FROM, TO, World};
use crate::{Pace, Result};

/// CDRs of a file, if the account has as many.
const ROWS: u64 = 1_000_000;

/// Files of each side, in turns.
const ROUNDS: usize = 3;

/// The formats; what ClickHouse writes for the last three the service packs, or makes a workbook of.
const FORMATS: [&str; 7] = ["csv", "ndjson", "parquet", "arrow", "csv.zst", "csv.gz", "xlsx"];

/// Time between two questions of a dashboard, and for how long they are asked.
const DASHBOARD: [Duration; 2] = [Duration::from_millis(50), Duration::from_secs(12)];

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
        let (mut took, mut first, mut bytes) = ([Vec::new(), Vec::new()], Vec::new(), 0);
        for _ in 0..ROUNDS {
            for (side, (authority, request)) in
                [(world.authority(), &straight), (service.authority.as_str(), &ours)].into_iter().enumerate()
            {
                let request = anew(request);
                let begun = Instant::now();
                let (length, waited) = drain(authority, &request).await?;
                took[side].push(begun.elapsed().as_secs_f64());
                if side == 1 {
                    (bytes, first) = (length, [first, vec![waited.as_secs_f64() * 1e3]].concat());
                }
            }
        }
        let [plain, answer, first] = [took[0].clone(), took[1].clone(), first].map(|mut took| {
            took.sort_by(f64::total_cmp);
            took[took.len() / 2]
        });
        let memory = service.most_resident_mb()?;
        report.row(
            format!("{} CDRs × 18 columns as {format}", count(ROWS)),
            [
                format!("{plain:.1} s"),
                format!(
                    "{answer:.1} s, {:.0} MB, the first byte after {first:.0} ms, in {memory:.0} MB of memory",
                    bytes as f64 / 1e6
                ),
                times(plain / answer),
                String::new(),
            ],
            None,
        );
    }
    beside_a_dashboard(world, &service.authority, report).await
}

/// The time that a dashboard waits for its question, alone and while files are written one after the other.
async fn beside_a_dashboard(world: &World, authority: &str, report: &mut Report) -> Result<()> {
    let (asked, files) = (world.account(SIZES[1])?, world.account(LARGEST)?);
    let question = day(&asked).request("");
    let alone = waited(authority, &question).await?;
    for format in FORMATS {
        let path = format!(
            "/api/rest/customer/v1/origination-cdrs?account-id={}&from-time={FROM}&to-time={TO}&limit={ROWS}&format={format}",
            files.uuid
        );
        let file = get(&path, &format!("Authorization: {}\r\nConnection: close\r\n", files.token));
        let to = authority.to_owned();
        let writing = tokio::spawn(async move { while drain(&to, &file).await.is_ok() {} });
        let beside = waited(authority, &question).await;
        if writing.is_finished() {
            return Err(format!("no file as {format} beside a dashboard").into());
        }
        writing.abort();
        let beside = beside?;
        report.row(
            format!("1 day by minute, account {}, 95 of 100, beside files as {format}", SIZES[1]),
            [format!("{alone:.1} ms"), format!("{beside:.1} ms"), times(beside / alone), String::new()],
            None,
        );
    }
    Ok(())
}

/// The time within which 95 of 100 answers came, in milliseconds.
async fn waited(authority: &str, question: &[u8]) -> Result<f64> {
    let [pause, length] = DASHBOARD;
    let mut wire = Wire::connect(authority).await?;
    let (begun, mut all) = (Instant::now(), Vec::new());
    while begun.elapsed() < length {
        let asked = Instant::now();
        if wire.ask(question).await? != 200 {
            return Err(format!("a dashboard is answered {}", wire.text()).into());
        }
        all.push(asked.elapsed().as_secs_f64() * 1e3);
        tokio::time::sleep(pause).await;
    }
    all.sort_by(f64::total_cmp);
    Ok(all[all.len() * 95 / 100])
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

/// The request with another id of the query: one may still be running under the former.
fn anew(request: &[u8]) -> Vec<u8> {
    const ID: &[u8] = b"query_id=";
    let mut request = request.to_vec();
    if let Some(place) = request.windows(ID.len()).position(|window| window == ID) {
        let id = uuid::Uuid::new_v4().to_string();
        request[place + ID.len()..][..id.len()].copy_from_slice(id.as_bytes());
    }
    request
}

/// Sends a request on a connection of its own and reads until it is closed; gives the bytes, and the time until the first of the
/// body came.
async fn drain(authority: &str, request: &[u8]) -> Result<(u64, Duration)> {
    let (begun, mut first) = (Instant::now(), None);
    let mut stream = TcpStream::connect(authority).await?;
    stream.write_all(request).await?;
    let (mut bytes, mut buffer) = (0, vec![0; 256 * 1024]);
    let mut begin = Vec::new();
    loop {
        match stream.read(&mut buffer).await? {
            0 => break,
            read => {
                // The head comes in one piece, and some of the body may come with it.
                if begin.len() < 4096 {
                    begin.extend_from_slice(&buffer[..read.min(4096)]);
                    let has_body =
                        begin.windows(4).position(|end| end == b"\r\n\r\n").is_some_and(|end| begin.len() > end + 4);
                    first = first.or_else(|| has_body.then(|| begun.elapsed()));
                }
                bytes += read as u64;
            }
        }
    }
    if !begin.starts_with(b"HTTP/1.1 200") {
        return Err(format!("a file is answered {}", String::from_utf8_lossy(&begin)).into());
    }
    Ok((bytes, first.unwrap_or_else(|| begun.elapsed())))
}
