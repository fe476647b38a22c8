//! A relay between the service and the engine that notes every statement and the rows that the engine read for it. It costs
//! time, so it stands only where rows and statements are counted.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};

use crate::Result;

/// A statement that was answered.
#[derive(Clone, Debug)]
pub struct Seen {
    /// Whether it reads the calls; the others look at the table's state or at accounts.
    pub reads_calls: bool,
    /// Whether it looks at the state of the table's parts.
    pub reads_parts: bool,
    /// Rows that the engine read for it.
    pub rows: u64,
    /// The most memory that the engine held for it, in bytes.
    pub memory: u64,
    /// The request as it was sent.
    pub request: Vec<u8>,
}

/// A running relay.
pub struct Tap {
    /// `http://127.0.0.1:port`.
    pub url: String,
    seen: Arc<Mutex<Vec<Seen>>>,
    accepting: tokio::task::JoinHandle<()>,
}

const SUMMARY: &[u8] = b"X-ClickHouse-Summary:";

impl Tap {
    /// Relays to `host:port`.
    pub async fn start(engine: String) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}", listener.local_addr()?);
        let seen: Arc<Mutex<Vec<Seen>>> = Arc::default();
        let notes = Arc::clone(&seen);
        let accepting = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let (engine, notes) = (engine.clone(), Arc::clone(&notes));
                // A connection that breaks is the service's to notice.
                tokio::spawn(async move { relay(client, &engine, notes).await.ok() });
            }
        });
        Ok(Self { url, seen, accepting })
    }

    /// What was seen since the last time.
    pub fn take(&self) -> Vec<Seen> {
        std::mem::take(&mut self.seen.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Drop for Tap {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn relay(client: TcpStream, engine: &str, notes: Arc<Mutex<Vec<Seen>>>) -> Result<()> {
    let server = TcpStream::connect(engine).await?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let ((from_client, to_client), (from_server, to_server)) = (client.into_split(), server.into_split());
    let asked: Arc<Mutex<Vec<u8>>> = Arc::default();
    let asking = Arc::clone(&asked);
    let up = copy(from_client, to_server, move |bytes| {
        asking.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
    });
    let mut heard = Vec::new();
    let down = copy(from_server, to_client, move |bytes| {
        heard.extend_from_slice(bytes);
        if let Some((rows, memory)) = summary(&heard) {
            heard.clear();
            let asked = std::mem::take(&mut *asked.lock().unwrap_or_else(PoisonError::into_inner));
            let text = String::from_utf8_lossy(&asked);
            let reads = |table: &str| text.contains(table);
            // The service looks at new rows by itself, whenever that is due.
            let is_own = reads("query_id=cdrscope-rows");
            let calls = !is_own && (reads(" FROM cdrs") || reads(" FROM mergeTreeProjection("));
            // A statement that reads the calls may look at the parts too, and is counted once.
            let parts = !calls && reads("system.parts");
            let seen = Seen { reads_calls: calls, reads_parts: parts, rows, memory, request: asked };
            notes.lock().unwrap_or_else(PoisonError::into_inner).push(seen);
        } else if heard.len() > 64 * 1024 {
            // A body; the next head begins at its end at the earliest.
            heard.drain(..60 * 1024);
        }
    });
    // Whichever side closes ends both.
    tokio::select! { done = up => done, done = down => done }
}

async fn copy(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, mut note: impl FnMut(&[u8])) -> Result<()> {
    let mut buffer = vec![0; 64 * 1024];
    loop {
        match from.read(&mut buffer).await? {
            0 => return Ok(()),
            length => {
                note(&buffer[..length]);
                to.write_all(&buffer[..length]).await?;
            }
        }
    }
}

/// The rows that the engine says it read and the memory it held, once the whole line is there.
fn summary(heard: &[u8]) -> Option<(u64, u64)> {
    let start = heard.windows(SUMMARY.len()).position(|text| text.eq_ignore_ascii_case(SUMMARY))? + SUMMARY.len();
    let line = heard.get(start..)?;
    let end = line.windows(2).position(|two| two == b"\r\n")?;
    let summary: serde_json::Value = serde_json::from_slice(line.get(..end)?).ok()?;
    let figure = |name: &str| summary.get(name)?.as_str()?.parse().ok();
    Some((figure("read_rows")?, figure("memory_usage").unwrap_or(0)))
}
