//! Rows that were checked: those that are not there yet are stored, batch by batch.

use std::io;

use super::batches::Batches;
use super::door::Door;
use super::plan::LoadPlan;
use super::progress::Progress;
use super::seen::Seen;
use super::send::{LANES, Lanes};

/// Counts of rows that were stored or known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stored {
    /// New ones.
    pub stored: u64,
    /// Those whose id or uuid was there, or came earlier in the file.
    pub known: u64,
    /// Those of them whose id or uuid came earlier in the file.
    pub repeated: u64,
    /// Rows that went for them.
    pub replaced: Option<u64>,
}

/// Why storing ended early.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The file.
    #[error("{0}")]
    File(#[from] io::Error),
    /// The server.
    #[error("{}", .0.to_string().lines().next().unwrap_or_default())]
    ClickHouse(#[from] clickhouse::error::Error),
    /// Somebody wants it to end.
    #[error("interrupted")]
    Interrupted,
    /// Another load does not end.
    #[error("another load into this table is still going on")]
    Busy,
}

impl LoadError {
    /// The way on after the failure.
    pub fn advice(&self) -> &'static str {
        match self {
            Self::ClickHouse(error) if error.to_string().contains("Code: 469.") => {
                "the table refuses a row by that constraint: take the row out of the file, or the constraint off the table"
            }
            _ => "load it again, its rows count once",
        }
    }
}

impl Stored {
    /// Adds the other's.
    pub fn add(&mut self, other: Self) {
        self.stored += other.stored;
        self.known += other.known;
        self.repeated += other.repeated;
    }
}

/// Stores the rows that `feed` hands over, so many at once; with `dry`, only counts them. The count goes to `done` as it
/// grows.
pub async fn store(
    door: &Door<'_>,
    feed: impl FnOnce(&mut Batches) -> io::Result<()> + Send + 'static,
    batch_rows: usize,
    plan: &LoadPlan,
    dry: bool,
    progress: &Progress,
    done: &mut Stored,
) -> Result<(), LoadError> {
    let (sender, mut receiver) = tokio::sync::mpsc::channel(1);
    let read = tokio::task::spawn_blocking(move || {
        let mut batches = Batches::new(batch_rows, sender);
        feed(&mut batches)?;
        batches.send();
        Ok::<_, io::Error>(())
    });
    let (mut lanes, mut seen) = (Lanes::default(), Seen::default());
    let stored = async {
        while let Some(batch) = receiver.recv().await {
            let sifted = door.sift(batch, plan, &lanes, &mut seen).await?;
            let stored = sifted.total();
            if stored.stored == 0 || dry {
                done.add(stored);
            } else {
                if lanes.on_way.len() >= LANES {
                    lanes.end(done).await?;
                }
                let handle = door.insert(plan, sifted.rows, stored.stored, lanes.begun % LANES);
                lanes.begun += 1;
                lanes.on_way.push_back((sifted.keys, stored, handle));
            }
            progress.rows(done.stored + done.known, 0);
            if progress.is_stopped() {
                return Err(LoadError::Interrupted);
            }
        }
        Ok(())
    };
    let stored = stored.await;
    // What is on its way is waited for whatever happened, as it is counted.
    let ended = lanes.end_all(done).await;
    stored.and(ended)?;
    drop(receiver);
    read.await.map_err(io::Error::other)??;
    Ok(())
}
