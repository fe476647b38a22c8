//! Rows of a file that were read before: ids that come twice in it.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::{BuildHasher as _, RandomState};

use super::plan::RowKey;

/// Keys of a file's rows that are remembered; of a larger file, those that came first.
const MAX_SEEN: usize = 2_000_000;

/// Rows of a file that were read, by their keys' hashes, with their times.
#[derive(Default)]
pub struct Seen {
    hasher: RandomState,
    times: HashMap<u64, u32>,
}

impl Seen {
    /// The time of an earlier row with that key; from now on this one is there.
    pub fn again(&mut self, key: RowKey, time: i64) -> Option<i64> {
        let (hash, room) = (self.hasher.hash_one(key), self.times.len() < MAX_SEEN);
        match self.times.entry(hash) {
            Entry::Occupied(there) => Some(i64::from(*there.get())),
            Entry::Vacant(place) => {
                if room {
                    place.insert(u32::try_from(time).unwrap_or(0));
                }
                None
            }
        }
    }
}
