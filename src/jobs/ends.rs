//! Jobs by how they ended, for metrics.

use std::sync::atomic::{AtomicU64, Ordering};

/// The end of a job, as metrics count it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JobEnd {
    /// Its file is whole.
    Done,
    /// There is none.
    Failed,
    /// Its owner did not want it any more.
    Cancelled,
    /// Its file was removed when its time was up.
    Expired,
}

/// Jobs by how they ended, since the start.
#[derive(Debug, Default)]
pub struct JobEnds([AtomicU64; 4]);

impl JobEnds {
    /// Counts an end.
    pub(super) fn note(&self, end: JobEnd) {
        if let Some(counter) = self.0.get(end as usize) {
            counter.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Each end, and its jobs.
    pub fn all(&self) -> impl Iterator<Item = (&'static str, u64)> {
        let words = ["done", "failed", "cancelled", "expired"];
        words.into_iter().zip(self.0.iter().map(|counter| counter.load(Ordering::Relaxed)))
    }
}
