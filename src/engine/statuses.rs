//! Counts results by cache status.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::cache::CacheStatus;
use crate::metrics::{ANSWERS, Exposition};

/// Results, by how much of them was cached.
#[derive(Debug, Default)]
pub struct CacheStatuses([AtomicU64; CacheStatus::ALL.len()]);

impl CacheStatuses {
    /// Counts one.
    pub fn note(&self, status: CacheStatus) {
        self.0[status as usize].fetch_add(1, Ordering::Relaxed);
    }

    /// Writes the counts.
    pub fn write(&self, out: &mut Exposition) {
        out.family(&ANSWERS);
        for status in CacheStatus::ALL {
            out.sample(&ANSWERS, &[status.word()], self.0[status as usize].load(Ordering::Relaxed));
        }
    }
}
