//! Changes of a table, and the time of their calls, found by comparing snapshots of `system.parts`.
//!
//! A MergeTree part has a block range; new rows come in new blocks, a merge keeps them, a mutation (an update, a delete)
//! gives the part a new version, a dropped partition removes it. So two snapshots of `system.parts` tell which segment of
//! time got new rows, in which parts they lie, and which segment changed in any other way. A snapshot costs about a
//! millisecond and does not depend on the number of calls. Where the two do not show it for sure, it counts as any other way.

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
    /// The latest mutation that it has been through; its first block if none.
    pub version: i64,
    /// Earliest `time_start`, epoch seconds.
    pub min_time: i64,
    /// Latest `time_start`.
    pub max_time: i64,
    /// Rows, deleted ones that no merge has dropped yet among them.
    pub rows: u64,
    /// When it was made, epoch seconds.
    pub made: i64,
}

impl Part {
    fn covers(&self, other: &Self) -> bool {
        self.partition == other.partition && self.min_block <= other.min_block && other.max_block <= self.max_block
    }

    /// True if it holds exactly the rows of `old`, all parts that it took the place of.
    fn merges(&self, old: &[&Self]) -> bool {
        // Blocks of a table that is not replicated are given out in order, so nothing unseen lies between two that were seen.
        // It may lie beyond them, and a merge that drops as many deleted rows would have the right number of rows all the
        // same; so it has to begin and end where they did, in blocks and in time.
        let first = old.iter().map(|old| old.min_block).min();
        let last = old.iter().map(|old| old.max_block).max();
        let times = (old.iter().map(|old| old.min_time).min(), old.iter().map(|old| old.max_time).max());
        (first, last) == (Some(self.min_block), Some(self.max_block))
            && times == (Some(self.min_time), Some(self.max_time))
            && old.iter().map(|old| old.rows).sum::<u64>() == self.rows
            && old.iter().all(|old| old.version >= self.version && old.name != self.name)
    }
}

/// A snapshot of one table in `system.parts`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PartsSnapshot {
    /// The UUID of the table: another table under the same name has parts with the same names.
    pub table: String,
    /// The start of the server, epoch seconds, give or take one: it reuses block numbers of an emptied table.
    pub started: i64,
    /// Its parts.
    pub parts: Vec<Part>,
}

/// A change between two readings.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Change {
    /// Number of the reading that noticed it.
    seq: u64,
    /// First second it may concern.
    from: i64,
    /// Last second it may concern.
    to: i64,
    /// The part that holds all of it, when it is nothing but new rows.
    inserted: Option<String>,
}

/// Changes kept. Cache entries from before the oldest are read again.
const REMEMBERED: usize = 20_000;

/// All readings so far.
#[derive(Clone, Debug, Default)]
pub struct History {
    /// Number of the latest reading; 0 before the first.
    pub seq: u64,
    /// Changes after this reading are known completely.
    floor: u64,
    table: String,
    started: i64,
    parts: HashMap<String, Part>,
    changes: Vec<Change>,
}

/// The changes of a segment of time between two snapshots.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Since {
    /// Nothing.
    Same,
    /// New rows only, all in these parts.
    Inserted(Vec<String>),
    /// Another change, or too many to tell.
    Changed,
}

/// Most new parts that are added to a cache entry; with more, its segment is read again.
const MOST_PARTS: usize = 64;

impl History {
    /// Takes in a reading.
    pub fn read(&mut self, now: PartsSnapshot) {
        let same = now.table == self.table && now.started.abs_diff(self.started) <= 1;
        // A table that shows no parts is empty or hides them: either way there is nothing to tell its states apart by.
        if !same || now.parts.is_empty() {
            self.blind();
        }
        (self.table, self.started) = (now.table, now.started);
        self.seq += 1;
        let now: HashMap<String, Part> = now.parts.into_iter().map(|part| (part.name.clone(), part)).collect();
        self.compare(&now);
        self.parts = now;
        if self.changes.len() > REMEMBERED {
            let forgotten = self.changes.len() - REMEMBERED;
            self.floor = self.changes.get(forgotten - 1).map_or(self.seq, |change| change.seq);
            self.changes.drain(..forgotten);
        }
    }

    /// Notes what is different from the last reading.
    fn compare(&mut self, now: &HashMap<String, Part>) {
        let seq = self.seq;
        let removed: Vec<&Part> = self.parts.values().filter(|part| now.get(&part.name) != Some(part)).collect();
        let mut replaced = HashSet::new();
        for part in now.values().filter(|part| self.parts.get(&part.name) != Some(part)) {
            let old: Vec<&Part> = removed.iter().copied().filter(|old| part.covers(old)).collect();
            replaced.extend(old.iter().map(|old| old.name.as_str()));
            if part.merges(&old) {
                continue;
            }
            // Blocks that no earlier part had, in a part that nothing has touched since, are new rows.
            // A patch part holds changes of rows, not rows.
            let is_patch = part.partition.starts_with("patch-");
            let is_new = old.is_empty() && part.version == part.min_block && !is_patch;
            // The old rows may reach further than those that are left of them.
            let from = old.iter().map(|old| old.min_time).fold(part.min_time, i64::min);
            let to = old.iter().map(|old| old.max_time).fold(part.max_time, i64::max);
            self.changes.push(Change { seq, from, to, inserted: is_new.then(|| part.name.clone()) });
        }
        for old in removed.iter().filter(|old| !replaced.contains(old.name.as_str())) {
            self.changes.push(Change { seq, from: old.min_time, to: old.max_time, inserted: None });
        }
    }

    /// Notes that nothing is known of the table any more: everything may have changed.
    pub fn blind(&mut self) {
        self.seq += 1;
        self.floor = self.seq;
        self.changes.clear();
        self.parts.clear();
    }

    /// The changes in `[from, to]` between two snapshots: after `after`, up to `until`.
    pub fn since(&self, after: u64, until: u64, from: i64, to: i64) -> Since {
        if after >= until {
            return Since::Same;
        }
        if after < self.floor {
            return Since::Changed;
        }
        let place = |seq| self.changes.partition_point(|change| change.seq <= seq);
        let changes = self.changes.get(place(after)..place(until)).unwrap_or_default();
        let mut parts = Vec::new();
        for change in changes.iter().filter(|change| change.from <= to && from <= change.to) {
            match &change.inserted {
                // A part that was merged away meanwhile cannot be read by its name any more.
                Some(part) if self.parts.contains_key(part) && parts.len() < MOST_PARTS => parts.push(part.clone()),
                _ => return Since::Changed,
            }
        }
        if parts.is_empty() { Since::Same } else { Since::Inserted(parts) }
    }

    /// True if all these parts are there.
    pub fn has(&self, parts: &[String]) -> bool {
        parts.iter().all(|part| self.parts.contains_key(part))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `min_max_level[_mutation]` in partition 202601, with its times and rows.
    fn part(suffix: &str, from: i64, to: i64, rows: u64) -> Part {
        let numbers: Vec<i64> = suffix.split('_').map(|number| number.parse().unwrap()).collect();
        Part {
            name: format!("202601_{suffix}"),
            partition: "202601".into(),
            min_block: numbers[0],
            max_block: numbers[1],
            version: numbers.get(3).copied().unwrap_or(numbers[0]),
            min_time: from,
            max_time: to,
            rows,
            made: 0,
        }
    }

    fn reading(parts: &[Part]) -> PartsSnapshot {
        PartsSnapshot { table: "cdrs".into(), started: 1, parts: parts.to_vec() }
    }

    /// A history of these readings, of which the first has number 2: a table not seen before is noted as a change.
    fn history(readings: &[&[Part]]) -> History {
        let mut history = History::default();
        for parts in readings {
            history.read(reading(parts));
        }
        history
    }

    /// The changes in a segment since the first snapshot.
    fn since(readings: &[&[Part]], from: i64, to: i64) -> Since {
        history(readings).since(2, u64::MAX, from, to)
    }

    fn inserted(part: &str) -> Since {
        Since::Inserted(vec![format!("202601_{part}")])
    }

    #[test]
    fn new_rows_are_named_by_their_part() {
        let (a, b) = (part("1_1_0", 0, 99, 5), part("2_2_0", 50, 150, 5));
        let readings: &[&[Part]] = &[std::slice::from_ref(&a), &[a.clone(), b]];
        assert_eq!(since(readings, 0, 49), Since::Same);
        assert_eq!(since(readings, 120, 300), inserted("2_2_0"));
        assert_eq!(since(readings, 150, 150), inserted("2_2_0"));
        assert_eq!(since(readings, 151, 300), Since::Same);
        assert_eq!(history(readings).since(3, u64::MAX, 0, 300), Since::Same);
    }

    #[test]
    fn changes_after_the_reading_in_question_do_not_count() {
        let (a, b, c) = (part("1_1_0", 0, 99, 5), part("2_2_0", 0, 99, 5), part("3_3_0", 0, 99, 5));
        let history = history(&[std::slice::from_ref(&a), &[a.clone(), b.clone()], &[a.clone(), b, c]]);
        assert_eq!(history.since(2, 3, 0, 99), inserted("2_2_0"));
        assert_eq!(history.since(3, 4, 0, 99), inserted("3_3_0"));
        assert_eq!(history.since(4, 3, 0, 99), Since::Same);
    }

    #[test]
    fn a_merge_changes_nothing() {
        let parts = [part("1_1_0", 0, 99, 5), part("2_2_0", 50, 150, 5)];
        assert_eq!(since(&[&parts, &[part("1_2_1", 0, 150, 10)]], 0, 300), Since::Same);
        // Mutation 3 is older than block 4, so it left the second part alone.
        let parts = [part("1_2_1_3", 0, 99, 5), part("4_4_0", 50, 150, 5)];
        assert_eq!(since(&[&parts, &[part("1_4_2_3", 0, 150, 10)]], 0, 300), Since::Same);
    }

    #[test]
    fn a_merge_of_parts_that_a_mutation_changed_meanwhile_is_a_change() {
        let parts = [part("1_2_1", 0, 99, 5), part("4_4_0_5", 50, 150, 5)];
        assert_eq!(since(&[&parts, &[part("1_4_2_5", 0, 150, 10)]], 0, 49), Since::Changed);
    }

    #[test]
    fn a_merge_that_took_in_unseen_rows_is_a_change() {
        let parts = [part("1_1_0", 0, 99, 5)];
        assert_eq!(since(&[&parts, &[part("1_2_1", 0, 150, 10)]], 120, 130), Since::Changed);
        // The merge dropped five rows that had been deleted, and there are as many new ones.
        let parts = [part("1_1_0_2", 0, 99, 5)];
        assert_eq!(since(&[&parts, &[part("1_3_1_2", 0, 150, 5)]], 120, 130), Since::Changed);
    }

    #[test]
    fn new_parts_that_were_merged_with_each_other_are_still_new_rows() {
        let (a, b) = (part("1_1_0", 0, 99, 5), part("2_4_1", 50, 150, 15));
        assert_eq!(since(&[std::slice::from_ref(&a), &[a.clone(), b]], 0, 300), inserted("2_4_1"));
    }

    #[test]
    fn a_mutation_a_dropped_partition_and_lost_rows_are_changes() {
        let before = [part("1_1_0", 0, 99, 5), part("2_2_0", 100, 199, 5)];
        let mutated = [part("1_1_0_3", 0, 99, 5), part("2_2_0", 100, 199, 5)];
        assert_eq!(since(&[&before, &mutated], 0, 50), Since::Changed);
        assert_eq!(since(&[&before, &mutated], 100, 199), Since::Same);
        assert_eq!(since(&[&before, &before[1..]], 0, 50), Since::Changed);
        assert_eq!(since(&[&before, &[]], 150, 150), Since::Changed);
        assert_eq!(since(&[&before, &[part("1_2_1", 0, 199, 9)]], 0, 50), Since::Changed);
    }

    #[test]
    fn rows_that_a_mutation_took_off_the_ends_of_a_part_are_a_change_where_they_were() {
        let (before, after) = ([part("1_1_0", 0, 99, 5)], [part("1_1_0_2", 40, 60, 2)]);
        assert_eq!(since(&[&before, &after], 0, 10), Since::Changed);
        assert_eq!(since(&[&before, &after], 90, 99), Since::Changed);
        assert_eq!(since(&[&before, &after], 100, 200), Since::Same);
    }

    #[test]
    fn a_named_part_that_is_gone_means_reading_anew() {
        let (a, b) = (part("1_1_0", 0, 99, 5), part("2_2_0", 50, 150, 5));
        let merged = part("1_2_1", 0, 150, 10);
        let history = history(&[std::slice::from_ref(&a), &[a.clone(), b], &[merged]]);
        assert_eq!(history.since(2, u64::MAX, 0, 300), Since::Changed);
        assert_eq!(history.since(3, u64::MAX, 0, 300), Since::Same);
        assert!(!history.has(&["202601_2_2_0".into()]) && history.has(&["202601_1_2_1".into()]));
    }

    #[test]
    fn a_name_given_out_again_is_another_part() {
        let (before, after) = (part("1_1_0", 0, 99, 5), Part { made: 7, ..part("1_1_0", 0, 99, 5) });
        assert_eq!(since(&[&[before], &[after]], 0, 10), Since::Changed);
    }

    #[test]
    fn blindness_another_table_and_another_run_of_the_server_change_everything() {
        let parts = [part("1_1_0", 0, 99, 5)];
        let after = |second: Option<PartsSnapshot>| {
            let mut history = history(&[&parts]);
            match second {
                Some(second) => history.read(second),
                None => history.blind(),
            }
            history.since(2, u64::MAX, 500, 600)
        };
        assert_eq!(after(Some(reading(&parts))), Since::Same);
        assert_eq!(
            after(Some(PartsSnapshot { started: 2, ..reading(&parts) })),
            Since::Same,
            "two clocks that tick apart"
        );
        assert_eq!(after(Some(PartsSnapshot { started: 3, ..reading(&parts) })), Since::Changed);
        assert_eq!(after(Some(PartsSnapshot { table: "other".into(), ..reading(&parts) })), Since::Changed);
        assert_eq!(after(None), Since::Changed);
    }

    #[test]
    fn nothing_is_known_to_be_there_after_a_look_that_failed() {
        let mut history = history(&[&[part("1_1_0", 0, 99, 5)]]);
        assert!(history.has(&["202601_1_1_0".into()]));
        history.blind();
        assert!(!history.has(&["202601_1_1_0".into()]));
    }

    #[test]
    fn a_table_without_parts_is_never_the_same_twice() {
        let mut history = history(&[&[]]);
        let seq = history.seq;
        assert_eq!(history.since(seq, seq, 0, 9), Since::Same);
        history.read(reading(&[]));
        assert_eq!(history.since(seq, history.seq, 0, 9), Since::Changed);
    }

    #[test]
    fn changes_that_were_forgotten_may_be_anything() {
        let mut history = history(&[&[part("1_1_0", 0, 99, 5)]]);
        let seq = history.seq;
        for block in 2..20_010 {
            history.read(reading(&[part("1_1_0", 0, 99, 5), part(&format!("{block}_{block}_0"), 500, 599, 1)]));
        }
        assert_eq!(history.since(seq, u64::MAX, 0, 99), Since::Changed);
        assert_eq!(history.since(history.seq - 5, u64::MAX, 0, 99), Since::Same);
        assert!(history.changes.len() <= REMEMBERED);
    }

    #[test]
    fn too_many_new_parts_are_read_anew() {
        let parts = |count: usize| -> Vec<Part> {
            (1..=count).map(|block| part(&format!("{block}_{block}_0"), 0, 99, 1)).collect()
        };
        let known = parts(1);
        assert_eq!(since(&[&known, &parts(MOST_PARTS + 2)], 0, 9), Since::Changed);
        assert!(matches!(since(&[&known, &parts(MOST_PARTS + 1)], 0, 9), Since::Inserted(_)));
    }
}
