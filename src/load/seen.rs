//! Rows of a file that were read before: ids that come twice in it.

use std::collections::HashSet;

use super::plan::RowKey;

/// Keys of a file's rows that are remembered; of a larger file, those that came first.
const MAX_SEEN: usize = 2_000_000;

/// Keys of rows that were read.
#[derive(Default)]
pub struct Seen {
    ids: HashSet<u64>,
    /// Texts by their digests, and UUIDs.
    wide: HashSet<u128>,
}

impl Seen {
    /// True if an earlier row has that key; from now on this one is there. Rows without a key are all different.
    pub fn again(&mut self, key: RowKey) -> bool {
        let has_room = self.ids.len() + self.wide.len() < MAX_SEEN;
        match key {
            RowKey::None => false,
            RowKey::Id(id) if has_room => !self.ids.insert(id),
            RowKey::Id(id) => self.ids.contains(&id),
            RowKey::Uuid(key) | RowKey::Digest(key) if has_room => !self.wide.insert(key),
            RowKey::Uuid(key) | RowKey::Digest(key) => self.wide.contains(&key),
        }
    }
}
