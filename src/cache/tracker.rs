//! Keeps the history of a table's parts, and checks it again when a request needs it fresher than it is.

use std::sync::{PoisonError, RwLock};
use std::time::{Duration, Instant};

use tokio::sync::Mutex;

use super::parts::{History, Part, PartsSnapshot, Since};
use crate::notices::Notices;
use crate::priority;
use crate::store::Store;
use crate::store::parts::{PartRow, parts};

/// The known states of a table.
#[derive(Debug, Default)]
struct CheckedHistory {
    /// Start of the latest freshness check.
    begun: Option<Instant>,
    history: History,
}

/// One table's history.
#[derive(Debug)]
pub struct Tracker {
    database: String,
    table: String,
    /// True if `min_time` and `max_time` of a part are those of `time_start`; an operator's own table may be cut by another
    /// column, so there any change may concern any time.
    knows_times: bool,
    /// A table without parts of its own (Distributed, a view) cannot be watched.
    watched: bool,
    held: RwLock<CheckedHistory>,
    /// Held while the parts are read: by threads of the workers' priority, and by those of a low one.
    turns: [Mutex<()>; 2],
    notices: Notices,
}

impl Tracker {
    /// A tracker of `table`, in `database` unless it names its own.
    pub fn new(database: &str, table: &str, knows_times: bool, watched: bool) -> Self {
        let (database, table) = (database.to_owned(), table.to_owned());
        Self {
            database,
            table,
            knows_times,
            watched,
            held: RwLock::default(),
            turns: Default::default(),
            notices: Notices::default(),
        }
    }

    /// Reads the parts unless that was done within `max_age`, and gives the number of the latest reading. A failure
    /// invalidates everything cached.
    pub async fn refresh(&self, store: &Store, max_age: Duration) -> u64 {
        if let Some(seq) = self.seq_if(|at| at.elapsed() <= max_age) {
            return seq;
        }
        let asked = Instant::now();
        let _turn = self.turns[usize::from(priority::is_low())].lock().await;
        // While this one waited, another may have begun and finished a reading.
        if let Some(seq) = self.seq_if(|at| at >= asked) {
            return seq;
        }
        self.read(store).await
    }

    async fn read(&self, store: &Store) -> u64 {
        let begun = Instant::now();
        let rows =
            if self.watched { parts(&store.client(), &self.database, &self.table).await.map(Some) } else { Ok(None) };
        let mut held = self.held.write().unwrap_or_else(PoisonError::into_inner);
        if held.begun.is_some_and(|latest| latest > begun) {
            // The other kind of threads was quicker: what it saw is later than this, and history has one direction.
            return held.history.seq;
        }
        let mut warning = None;
        match rows {
            Ok(Some(rows)) => {
                held.history.read(self.reading(rows));
            }
            Ok(None) => {
                held.history.blind();
            }
            Err(e) => {
                warning =
                    Some(format!("the state of the table's parts cannot be read, nothing remembered is used: {e}"));
                held.history.blind();
            }
        }
        self.notices.round("parts", warning);
        held.begun = Some(begun);
        held.history.seq
    }

    fn reading(&self, rows: Vec<PartRow>) -> PartsSnapshot {
        let (table, started) = rows.first().map(|row| (row.table().to_owned(), row.started())).unwrap_or_default();
        PartsSnapshot { table, started, parts: rows.into_iter().map(|row| self.part(row)).collect() }
    }

    fn part(&self, row: PartRow) -> Part {
        let known = self.knows_times && row.max_time > 0;
        Part {
            name: row.name,
            partition: row.partition,
            min_block: row.min_block,
            max_block: row.max_block,
            // A number of a block, which is signed wherever else it stands.
            version: i64::try_from(row.version).unwrap_or(i64::MAX),
            min_time: if known { row.min_time.into() } else { i64::MIN },
            max_time: if known { row.max_time.into() } else { i64::MAX },
            rows: row.rows,
            made: row.made.into(),
        }
    }

    /// The number of the latest reading, if it was begun at a moment that will do.
    fn seq_if(&self, will_do: impl Fn(Instant) -> bool) -> Option<u64> {
        let held = self.held();
        held.begun.filter(|at| will_do(*at)).map(|_| held.history.seq)
    }

    fn held(&self) -> std::sync::RwLockReadGuard<'_, CheckedHistory> {
        self.held.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Age of the latest reading.
    pub fn age(&self) -> Duration {
        self.held().begun.map_or(Duration::ZERO, |at| at.elapsed())
    }

    /// The changes in `[from, to]` between two freshness checks: after `after`, up to `until`.
    pub fn since(&self, after: u64, until: u64, from: i64, to: i64) -> Since {
        self.held().history.since(after, until, from, to)
    }

    /// True if all these parts are still there.
    pub fn has(&self, parts: &[String]) -> bool {
        self.held().history.has(parts)
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::net::{TcpListener, TcpStream};
    use std::sync::{Arc, mpsc};

    use super::*;
    use crate::config::Config;
    use crate::store::client;

    fn runtime() -> tokio::runtime::Runtime {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
    }

    /// A server that refuses every request but the first, which it hands over without a reply.
    fn server() -> (String, mpsc::Receiver<TcpStream>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (sender, first) = mpsc::channel();
        std::thread::spawn(move || {
            let mut streams = listener.incoming().map(Result::unwrap);
            sender.send(streams.next().unwrap()).unwrap();
            for mut stream in streams {
                let _request = stream.read(&mut [0; 4096]).unwrap();
                stream.write_all(b"HTTP/1.1 500 x\r\nContent-Length: 0\r\n\r\n").unwrap();
            }
        });
        (url, first)
    }

    #[test]
    fn a_thread_of_low_priority_keeps_no_other_waiting_and_a_late_look_changes_nothing() {
        let (url, first) = server();
        let limits = Config::default().limits;
        let store = Arc::new(Store::new(move || client(&url, "default", ""), &limits));
        let tracker = Arc::new(Tracker::new("db", "cdrs", true, true));
        let (low_store, low_tracker) = (Arc::clone(&store), Arc::clone(&tracker));
        let low = std::thread::spawn(move || {
            priority::lower();
            runtime().block_on(low_tracker.refresh(&low_store, Duration::ZERO))
        });
        let held = first.recv().unwrap();
        let seq = runtime().block_on(tracker.refresh(&store, Duration::ZERO));
        assert!(!low.is_finished(), "the look of the other thread ended first");
        drop(held);
        assert_eq!(low.join().unwrap(), seq, "the earlier look counts as a later one");
        assert_eq!(tracker.held().history.seq, seq);
    }
}
