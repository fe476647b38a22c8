//! What changed in a table, and when in its time: read off the state of its parts.
//!
//! A MergeTree part has a block range; new rows come in new blocks, a merge keeps them, a mutation (an update, a delete)
//! renames the part, a dropped partition removes it. So two readings of `system.parts` tell which stretch of time got new
//! rows, in which parts they lie, and which stretch changed in any other way. Reading it costs about a millisecond and
//! does not depend on the number of calls.

use std::collections::{HashMap, HashSet};

/// A part as `system.parts` shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// `partition_min_max_level` or `partition_min_max_level_mutation`.
    pub name: String,
    /// Its partition.
    pub partition: String,
    /// First block.
    pub min_block: i64,
    /// Last block.
    pub max_block: i64,
    /// Earliest `time_start`, epoch seconds.
    pub min_time: i64,
    /// Latest `time_start`.
    pub max_time: i64,
    /// Rows.
    pub rows: u64,
}

impl Part {
    /// The mutation that made it, if any; `None` for a part that none has touched.
    fn mutation(&self) -> Option<&str> {
        // The partition's name may hold underscores too, so the suffix is counted from behind it.
        self.name.strip_prefix(&self.partition)?.split('_').nth(4)
    }

    fn covers(&self, other: &Self) -> bool {
        self.partition == other.partition && self.min_block <= other.min_block && other.max_block <= self.max_block
    }
}

/// A change between two readings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Number of the reading that noticed it.
    pub seq: u64,
    /// First second it may concern.
    pub from: i64,
    /// Last second it may concern.
    pub to: i64,
    /// The part that holds all of it, when it is nothing but new rows.
    pub inserted: Option<String>,
}

/// Changes remembered; older entries of a cache are then read anew.
const REMEMBERED: usize = 20_000;

/// All readings so far.
#[derive(Clone, Debug, Default)]
pub struct History {
    /// Number of the latest reading; 0 before the first.
    pub seq: u64,
    /// Changes after this reading are known completely.
    floor: u64,
    parts: HashMap<String, Part>,
    changes: Vec<Change>,
}

/// What became of a stretch of time since a reading.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Since {
    /// Nothing.
    Same,
    /// New rows only, all in these parts.
    Inserted(Vec<String>),
    /// Something else, or too much to tell.
    Changed,
}

/// More new parts than this are read anew rather than added.
const MOST_PARTS: usize = 64;

impl History {
    /// Takes in a reading.
    pub fn read(&mut self, now: Vec<Part>) {
        let seq = self.seq + 1;
        let now: HashMap<String, Part> = now.into_iter().map(|part| (part.name.clone(), part)).collect();
        let removed: Vec<&Part> = self.parts.values().filter(|part| now.get(&part.name) != Some(part)).collect();
        let mut kept = HashSet::new();
        let mut changes = Vec::new();
        for part in now.values().filter(|part| self.parts.get(&part.name) != Some(part)) {
            let covered: Vec<&&Part> = removed.iter().filter(|old| part.covers(old)).collect();
            kept.extend(covered.iter().map(|old| old.name.as_str()));
            let rows: u64 = covered.iter().map(|old| old.rows).sum();
            let merge =
                !covered.is_empty() && rows == part.rows && covered.iter().all(|old| old.mutation() == part.mutation());
            if !merge {
                // Blocks that no earlier part had, in a part of their own, are new rows.
                let new = covered.is_empty() && part.mutation().is_none();
                let inserted = new.then(|| part.name.clone());
                changes.push(Change { seq, from: part.min_time, to: part.max_time, inserted });
            }
        }
        for old in removed.iter().filter(|old| !kept.contains(old.name.as_str())) {
            changes.push(Change { seq, from: old.min_time, to: old.max_time, inserted: None });
        }
        self.changes.append(&mut changes);
        if self.changes.len() > REMEMBERED {
            let forgotten = self.changes.len() - REMEMBERED;
            self.floor = self.changes.get(forgotten - 1).map_or(seq, |change| change.seq);
            self.changes.drain(..forgotten);
        }
        self.seq = seq;
        self.parts = now;
    }

    /// Notes that nothing is known of the table any more: everything may have changed.
    pub fn blind(&mut self) {
        self.seq += 1;
        self.floor = self.seq;
        self.changes.clear();
    }

    /// What became of `[from, to]` after the reading `seq`.
    pub fn since(&self, seq: u64, from: i64, to: i64) -> Since {
        if seq == self.seq {
            return Since::Same;
        }
        if seq < self.floor {
            return Since::Changed;
        }
        let start = self.changes.partition_point(|change| change.seq <= seq);
        let mut parts = Vec::new();
        for change in self.changes.iter().skip(start).filter(|change| change.from <= to && from <= change.to) {
            match &change.inserted {
                // A part that was merged away meanwhile cannot be read by its name any more.
                Some(part) if self.parts.contains_key(part) && parts.len() < MOST_PARTS => parts.push(part.clone()),
                _ => return Since::Changed,
            }
        }
        if parts.is_empty() { Since::Same } else { Since::Inserted(parts) }
    }

    /// Whether all these parts are there.
    pub fn has(&self, parts: &[String]) -> bool {
        parts.iter().all(|part| self.parts.contains_key(part))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `min_max_level[_mutation]` in partition 202601, with its times and rows.
    fn part(suffix: &str, from: i64, to: i64, rows: u64) -> Part {
        let blocks: Vec<i64> = suffix.split('_').map(|number| number.parse().unwrap()).collect();
        Part {
            name: format!("202601_{suffix}"),
            partition: "202601".into(),
            min_block: blocks[0],
            max_block: blocks[1],
            min_time: from,
            max_time: to,
            rows,
        }
    }

    fn history(readings: &[&[Part]]) -> History {
        let mut history = History::default();
        for reading in readings {
            history.read(reading.to_vec());
        }
        history
    }

    #[test]
    fn new_rows_are_named_by_their_part() {
        let (a, b) = (part("1_1_0", 0, 99, 5), part("2_2_0", 50, 150, 5));
        let history = history(&[std::slice::from_ref(&a), &[a.clone(), b]]);
        assert_eq!(history.since(1, 0, 49), Since::Same);
        assert_eq!(history.since(1, 120, 300), Since::Inserted(vec!["202601_2_2_0".into()]));
        assert_eq!(history.since(2, 0, 300), Since::Same);
    }

    #[test]
    fn a_merge_changes_nothing() {
        let parts = [part("1_1_0", 0, 99, 5), part("2_2_0", 50, 150, 5)];
        assert_eq!(history(&[&parts, &[part("1_2_1", 0, 150, 10)]]).since(1, 0, 300), Since::Same);
    }

    #[test]
    fn a_merge_that_took_in_unseen_rows_is_a_change() {
        let parts = [part("1_1_0", 0, 99, 5)];
        assert_eq!(history(&[&parts, &[part("1_2_1", 0, 150, 10)]]).since(1, 120, 130), Since::Changed);
    }

    #[test]
    fn new_parts_that_were_merged_with_each_other_are_still_new_rows() {
        let (a, b) = (part("1_1_0", 0, 99, 5), part("2_4_1", 50, 150, 15));
        assert_eq!(
            history(&[std::slice::from_ref(&a), &[a.clone(), b]]).since(1, 0, 300),
            Since::Inserted(vec!["202601_2_4_1".into()])
        );
    }

    #[test]
    fn a_mutation_a_dropped_partition_and_lost_rows_are_changes() {
        let before = [part("1_1_0", 0, 99, 5), part("2_2_0", 100, 199, 5)];
        let mutated = [part("1_1_0_3", 0, 99, 5), part("2_2_0", 100, 199, 5)];
        assert_eq!(history(&[&before, &mutated]).since(1, 0, 50), Since::Changed);
        assert_eq!(history(&[&before, &mutated]).since(1, 100, 199), Since::Same);
        assert_eq!(history(&[&before, &before[1..]]).since(1, 0, 50), Since::Changed);
        assert_eq!(history(&[&before, &[]]).since(1, 150, 150), Since::Changed);
        assert_eq!(history(&[&before, &[part("1_2_1", 0, 199, 9)]]).since(1, 0, 50), Since::Changed);
    }

    #[test]
    fn a_named_part_that_is_gone_means_reading_anew() {
        let (a, b) = (part("1_1_0", 0, 99, 5), part("2_2_0", 50, 150, 5));
        let merged = part("1_2_1", 0, 150, 10);
        let history = history(&[std::slice::from_ref(&a), &[a.clone(), b], &[merged]]);
        assert_eq!(history.since(1, 0, 300), Since::Changed);
        assert_eq!(history.since(2, 0, 300), Since::Same);
    }

    #[test]
    fn blindness_changes_everything() {
        let mut history = history(&[&[part("1_1_0", 0, 99, 5)]]);
        history.blind();
        assert_eq!(history.since(1, 500, 600), Since::Changed);
    }
}
