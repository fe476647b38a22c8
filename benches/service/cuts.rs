//! Files that ClickHouse does not finish: what their reader has, ten times for each format and place. And a file of five million
//! CDRs, given as many calls, whose command is ended three times and continued: the same bytes as one that nobody ended. The
//! operator asks, since no account has so many.
//!
//! These are counts and no times: they stand among the measurements since they take files that are too large for tests.

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use clickhouse::Client;
use rustix::process::{Pid, Signal, kill_process};
use sha2::{Digest, Sha256};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};

use crate::ask::get;
use crate::cold::COLD;
use crate::report::{Report, count};
use crate::world::{FROM, TO, World};
use crate::{Pace, Result};

/// The formats, each with the most rows that it is asked for: more than the connection's buffers hold of a tenth of them.
const FORMATS: [(&str, u64); 7] = [
    ("csv", 2_000_000),
    ("csv.gz", 2_000_000),
    ("csv.zst", 2_000_000),
    ("ndjson", 2_000_000),
    ("parquet", 3_000_000),
    ("arrow", 2_000_000),
    ("xlsx", 1_000_000),
];

/// Places of the faults, in percent of what ClickHouse sends.
const PLACES: [u64; 3] = [10, 50, 90];

/// Ten faults for each place.
const FAULTS: [Fault; 10] = [
    Fault::Reset,
    Fault::End,
    Fault::Kill,
    Fault::Reset,
    Fault::End,
    Fault::Kill,
    Fault::Reset,
    Fault::End,
    Fault::Kill,
    Fault::Kill,
];

/// Words of ClickHouse's errors, none of which a reader may see.
const WORDS: [&[u8]; 4] = [b"DB::Exception", b"__exception__", b"QUERY_WAS_CANCELLED", b"SELECT"];

/// Longest wait for a file or for a command.
const LONGEST: Duration = Duration::from_secs(300);

/// What happens to the answer of ClickHouse.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    /// Its connection is reset.
    Reset,
    /// Its connection is closed as after a last byte.
    End,
    /// `KILL QUERY`, so that ClickHouse itself writes why it stops.
    Kill,
}

/// A fault and the byte of one connection behind which it happens.
#[derive(Clone, Copy, Debug)]
struct Plan {
    fault: Option<Fault>,
    at: u64,
}

/// A relay in front of ClickHouse that breaks one answer.
struct Breaker {
    url: String,
    plan: Arc<Mutex<Option<Plan>>>,
    /// The most bytes that one connection has had since the plan was made.
    most: Arc<Mutex<u64>>,
    accepting: tokio::task::JoinHandle<()>,
}

impl Breaker {
    async fn start(engine: String, admin: Client) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}", listener.local_addr()?);
        let (plan, most): (Arc<Mutex<Option<Plan>>>, Arc<Mutex<u64>>) = Default::default();
        let (plans, counts) = (Arc::clone(&plan), Arc::clone(&most));
        let accepting = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let relay = Relay {
                    engine: engine.clone(),
                    admin: admin.clone(),
                    plan: Arc::clone(&plans),
                    most: Arc::clone(&counts),
                };
                // A connection that breaks is what this is for.
                tokio::spawn(async move { relay.run(client).await.ok() });
            }
        });
        Ok(Self { url, plan, most, accepting })
    }

    /// Lets the next answer break that is so long; all others pass.
    fn arm(&self, fault: Option<Fault>, at: u64) {
        *lock(&self.most) = 0;
        *lock(&self.plan) = Some(Plan { fault, at });
    }

    /// True if the fault has happened.
    fn is_done(&self) -> bool {
        lock(&self.plan).is_none()
    }
}

impl Drop for Breaker {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

fn lock<T>(value: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    value.lock().unwrap_or_else(PoisonError::into_inner)
}

struct Relay {
    engine: String,
    admin: Client,
    plan: Arc<Mutex<Option<Plan>>>,
    most: Arc<Mutex<u64>>,
}

impl Relay {
    async fn run(self, client: TcpStream) -> Result<()> {
        let socket = TcpSocket::new_v4()?;
        // What waits here is written already, and cannot be stopped any more.
        socket.set_recv_buffer_size(64 * 1024)?;
        let server = socket.connect(self.engine.parse()?).await?;
        client.set_nodelay(true)?;
        server.set_nodelay(true)?;
        let (mut from_client, mut to_client) = client.into_split();
        let (mut from_server, mut to_server) = server.into_split();
        let up = async { tokio::io::copy(&mut from_client, &mut to_server).await.map(drop) };
        let down = async {
            let (mut buffer, mut passed) = (vec![0; 64 * 1024], 0);
            loop {
                let length = from_server.read(&mut buffer).await?;
                if length == 0 {
                    return Ok(());
                }
                passed += length as u64;
                {
                    let mut most = lock(&self.most);
                    *most = (*most).max(passed);
                }
                match self.due(passed) {
                    None => {}
                    Some(Fault::End) => return to_client.shutdown().await,
                    Some(Fault::Reset) => {
                        rustix::net::sockopt::set_socket_linger(to_client.as_ref(), Some(Duration::ZERO))?;
                        return Ok(());
                    }
                    Some(Fault::Kill) => self.kill().await,
                }
                to_client.write_all(&buffer[..length]).await?;
            }
        };
        // Whichever side closes ends both.
        tokio::select! { done = up => done?, done = down => done? }
        Ok(())
    }

    /// The fault whose place this connection has passed; it happens once.
    fn due(&self, passed: u64) -> Option<Fault> {
        let mut plan = lock(&self.plan);
        let fault = plan.filter(|plan| passed >= plan.at)?.fault?;
        *plan = None;
        Some(fault)
    }

    /// ClickHouse waits for this relay meanwhile, so the query is not over.
    async fn kill(&self) {
        let sql = "KILL QUERY WHERE query_kind = 'Select' AND user != currentUser() ASYNC";
        // One that could not be killed ends whole, which is counted.
        let _ = self.admin.query_raw(sql).execute().await;
    }
}

/// Everything that is cut.
pub async fn measure(world: &World, _: Pace, report: &mut Report) -> Result<()> {
    let breaker = Breaker::start(world.authority().to_owned(), world.admin.clone()).await?;
    let secret = world.operators_secret();
    let settings = [COLD[0], ("CDRSCOPE_OPERATOR_SECRET", &secret), ("CDRSCOPE_CLICKHOUSE_URL", &breaker.url)];
    let service = world.serve("month", &settings)?;
    let token = world.operators_token()?;
    for (format, rows) in FORMATS {
        let request = request(&token, format, rows);
        breaker.arm(None, u64::MAX);
        let whole = Received::of(&service.authority, &request).await?;
        if !whole.is_whole() {
            return Err(format!("{format}: {}", whole.head).into());
        }
        let sent = *lock(&breaker.most);
        for place in PLACES {
            let mut seen = Seen::default();
            for fault in FAULTS {
                breaker.arm(Some(fault), sent * place / 100);
                let received = Received::of(&service.authority, &request).await?;
                seen.note(&received, breaker.is_done());
            }
            seen.tell(report, format!("{} CDRs as {format}, ClickHouse breaks at {place} %", count(rows)));
        }
    }
    ended_three_times(world, report).await
}

fn request(token: &str, format: &str, rows: u64) -> Vec<u8> {
    let path = format!("/api/rest/operator/v1/cdrs?from-time={FROM}&to-time={TO}&limit={rows}&format={format}");
    get(&path, &format!("Authorization: {token}\r\nConnection: close\r\n"))
}

/// What readers had of the faults at one place.
#[derive(Default)]
struct Seen {
    faults: usize,
    cut: usize,
    refused: usize,
    whole: usize,
    words: usize,
    without_fault: usize,
}

impl Seen {
    fn note(&mut self, received: &Received, is_done: bool) {
        self.faults += 1;
        self.without_fault += usize::from(!is_done);
        self.words += usize::from(received.words);
        match (received.status(), received.is_whole()) {
            ("200", false) => self.cut += 1,
            ("200", true) => self.whole += 1,
            _ => self.refused += 1,
        }
    }

    fn tell(self, report: &mut Report, what: String) {
        let Self { faults, cut, refused, whole, words, without_fault } = self;
        let ours = format!("{cut} cut, {refused} refused, {whole} whole, ClickHouse's words in {words}");
        let is_met = cut + refused == faults && words + without_fault == 0;
        report.row(
            what,
            [format!("{faults} faults"), ours, String::new(), "0 whole, no words".to_owned()],
            Some(is_met),
        );
    }
}

/// An answer as far as it came.
struct Received {
    head: String,
    /// Its last bytes, among them the end of a body in chunks.
    tail: Vec<u8>,
    /// Whether ClickHouse's words are in it.
    words: bool,
}

impl Received {
    /// Sends a request on a connection of its own and reads until it is closed or breaks.
    async fn of(authority: &str, request: &[u8]) -> Result<Self> {
        let mut stream = TcpStream::connect(authority).await?;
        stream.write_all(request).await?;
        let mut received = Self { head: String::new(), tail: Vec::new(), words: false };
        let (mut buffer, begun) = (vec![0; 256 * 1024], Instant::now());
        loop {
            let left = LONGEST.saturating_sub(begun.elapsed());
            // A reset is an end too.
            let length = tokio::time::timeout(left, stream.read(&mut buffer)).await?.unwrap_or(0);
            if length == 0 {
                return Ok(received);
            }
            received.take(&buffer[..length]);
        }
    }

    fn take(&mut self, bytes: &[u8]) {
        if self.head.len() < 16 {
            self.head.push_str(&String::from_utf8_lossy(&bytes[..bytes.len().min(400)]));
        }
        // With the end of what came before: a word may lie in both.
        self.tail.extend_from_slice(bytes);
        self.words |= WORDS.iter().any(|word| memchr::memmem::find(&self.tail, word).is_some());
        let more = self.tail.len().saturating_sub(64);
        self.tail.drain(..more);
    }

    fn status(&self) -> &str {
        self.head.get(9..12).unwrap_or("none")
    }

    /// True if the chunk is there that ends a body.
    fn is_whole(&self) -> bool {
        self.tail.ends_with(b"\r\n0\r\n\r\n")
    }
}

/// Files of five million CDRs by the command, ended three times and continued.
async fn ended_three_times(world: &World, report: &mut Report) -> Result<()> {
    let secret = world.operators_secret();
    let service = world.serve("month", &[COLD[0], ("CDRSCOPE_OPERATOR_SECRET", &secret)])?;
    let token = world.operators_token()?;
    let dir = world.dir.join("cuts");
    std::fs::create_dir_all(&dir)?;
    for format in ["csv", "csv.gz", "ndjson"] {
        let command = ExportCommand { authority: &service.authority, token: &token, dir: &dir };
        let (whole, cut) = (dir.join(format!("whole.{format}")), dir.join(format!("cut.{format}")));
        for file in [&whole, &cut] {
            for name in [file.clone(), part(file)] {
                // It is there where an earlier run broke off.
                let _ = std::fs::remove_file(name);
            }
        }
        command.run(&whole, false, None).await?;
        let size = std::fs::metadata(&whole)?.len();
        for (time, signal) in [Signal::INT, Signal::KILL, Signal::TERM].into_iter().enumerate() {
            command.run(&cut, time > 0, Some((signal, size * (time as u64 + 1) / 4))).await?;
            if cut.exists() || !part(&cut).exists() {
                return Err(format!("{format}: ended by a signal, and a whole file or none").into());
            }
        }
        command.run(&cut, true, None).await?;
        let equal = digest(&whole, format)? == digest(&cut, format)?;
        let ours = format!("{}, {:.0} MB", if equal { "equal" } else { "not equal" }, size as f64 / 1e6);
        let what = format!("the CDRs of 28 days as {format}, ended three times and continued");
        report.row(what, [rows(&whole, format)?, ours, String::new(), "equal".to_owned()], Some(equal));
        std::fs::remove_file(whole)?;
        std::fs::remove_file(cut)?;
    }
    Ok(())
}

/// Where a file lies until it is whole.
fn part(file: &Path) -> std::path::PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(".part");
    name.into()
}

/// `cdrscope export` of all calls.
struct ExportCommand<'a> {
    authority: &'a str,
    token: &'a str,
    dir: &'a Path,
}

impl ExportCommand<'_> {
    /// Runs it to its end, or to a signal once the part has so many bytes.
    async fn run(&self, output: &Path, goes_on: bool, signal: Option<(Signal, u64)>) -> Result<()> {
        let mut command = Command::new(env!("CARGO_BIN_EXE_cdrscope"));
        command
            .args(["export", "cdrs", "--quiet", "--url", &format!("http://{}", self.authority)])
            .args([format!("from-time={FROM}"), format!("to-time={TO}")])
            .arg("--output")
            .arg(output)
            .args(goes_on.then_some("--continue"))
            .env("CDRSCOPE_TOKEN", self.token)
            .current_dir(self.dir)
            .stderr(Stdio::piped());
        let mut child = command.spawn()?;
        let begun = Instant::now();
        let mut waiting = signal;
        let status = loop {
            if let Some(status) = child.try_wait()? {
                break status;
            }
            if let Some((signal, bytes)) = waiting
                && std::fs::metadata(part(output)).is_ok_and(|part| part.len() >= bytes)
            {
                let pid = Pid::from_raw(i32::try_from(child.id())?).ok_or("no process")?;
                kill_process(pid, signal)?;
                waiting = None;
            }
            if begun.elapsed() > LONGEST {
                child.kill()?;
                return Err("an export takes too long".into());
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        };
        if status.success() == signal.is_none() && waiting.is_none() {
            return Ok(());
        }
        let mut said = String::new();
        if let Some(mut stderr) = child.stderr.take() {
            std::io::Read::read_to_string(&mut stderr, &mut said)?;
        }
        Err(format!("an export ended with {status}: {said}").into())
    }
}

/// SHA-256 of the file's contents, unpacked.
fn digest(file: &Path, format: &str) -> Result<Vec<u8>> {
    let mut hash = Sha256::new();
    each(file, format, |bytes| hash.update(bytes))?;
    Ok(hash.finalize().to_vec())
}

/// The lines of the file, as text.
fn rows(file: &Path, format: &str) -> Result<String> {
    let mut lines = 0;
    each(file, format, |bytes| lines += memchr::memchr_iter(b'\n', bytes).count())?;
    Ok(format!("{} lines", count(lines as u64)))
}

fn each(file: &Path, format: &str, mut note: impl FnMut(&[u8])) -> Result<()> {
    let file = std::fs::File::open(file)?;
    let mut reader: Box<dyn std::io::Read> = match format {
        // Each piece is a member of its own.
        "csv.gz" => Box::new(flate2::read::MultiGzDecoder::new(file)),
        _ => Box::new(file),
    };
    let mut buffer = vec![0; 1 << 20];
    loop {
        match reader.read(&mut buffer)? {
            0 => return Ok(()),
            length => note(&buffer[..length]),
        }
    }
}
