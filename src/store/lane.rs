//! The lane of a file. Its statements run in the one slot of the exports that it holds, take none of the others, and may take
//! longer than those of answers.

use std::time::Duration;

use super::GRACE;
use crate::fair::{Permit, Standing};

tokio::task_local! {
    /// The lane of the file that a task works for; none for an answer.
    static LANE: ExportLane;
}

/// Bounds of the statements of a file.
#[derive(Clone, Debug)]
pub struct ExportLane {
    slot: Permit,
    seconds: u32,
    rows: u64,
}

impl ExportLane {
    /// A lane with a slot of the exports, the longest time of a statement in seconds, and the most CDRs of a file.
    pub fn new(slot: Permit, seconds: u32, rows: u64) -> Self {
        Self { slot, seconds, rows }
    }

    /// The lane of the task at hand; `None` for an answer.
    pub fn current() -> Option<Self> {
        LANE.try_with(Clone::clone).ok()
    }

    /// Runs work in this lane.
    pub async fn scope<T>(self, work: impl Future<Output = T>) -> T {
        LANE.scope(self, work).await
    }

    /// Its slot, which is free when the last statement in it has ended.
    pub fn slot(&self) -> Permit {
        self.slot.clone()
    }

    /// Most CDRs of a file.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Longest time of a statement, seconds.
    pub(super) fn seconds(&self) -> u32 {
        self.seconds
    }

    /// Time to wait for a statement.
    pub(super) fn limit(&self) -> Duration {
        Duration::from_secs(self.seconds.into()) + GRACE
    }

    /// A file gives way to everybody who waits for an answer: it leaves the others all cores but one.
    pub(super) const fn standing() -> Standing {
        Standing { level: 2, has_company: false, is_crowded: true }
    }
}

/// Work on another thread that stays in the lane of the task at hand.
pub fn in_same_lane<T>(work: impl Future<Output = T>) -> impl Future<Output = T> {
    let lane = ExportLane::current();
    async move {
        match lane {
            Some(lane) => lane.scope(work).await,
            None => work.await,
        }
    }
}
