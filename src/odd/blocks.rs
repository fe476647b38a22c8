//! Which parts of a table hold rows that nobody has looked at yet: told from two readings of `system.parts`.
//!
//! A merge keeps the blocks of the parts that it takes the place of, so a merged part whose blocks were all looked at is
//! known. One that took in a new part before it was looked at is looked at whole; what its known blocks held is taken off.

use std::collections::HashMap;

use crate::store::parts::PartRow;

/// Odd rows, by the place of the rule.
pub type Counts = Vec<u64>;

/// Blocks that were looked at, or that were there before the first look.
#[derive(Clone, Debug)]
struct KnownBlocks {
    min_block: i64,
    max_block: i64,
    rows: u64,
    /// `None` where the rows were there before the first look.
    counts: Option<Counts>,
}

impl KnownBlocks {
    fn lies_in(&self, part: &PartRow) -> bool {
        part.min_block <= self.min_block && self.max_block <= part.max_block
    }
}

/// Something to be looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Todo {
    /// The part.
    pub part: PartRow,
    /// The counts of an earlier check; `None` where they are not known, so that only later merges profit.
    pub base: Option<Counts>,
    /// Rows of it that nobody has looked at.
    pub new_rows: u64,
}

/// The counts of a table's blocks.
#[derive(Debug, Default)]
pub struct Blocks {
    table: Option<String>,
    known: HashMap<String, Vec<KnownBlocks>>,
}

impl Blocks {
    /// Takes in a reading of the table named `table` by its server, and gives the parts to look at: those with new rows first,
    /// then small ones that were there before, since a merge may put new rows into them.
    ///
    /// The parts of the first reading are known.
    pub fn read(&mut self, table: &str, parts: &[PartRow]) -> Vec<Todo> {
        let is_first = self.table.is_none();
        if self.table.as_deref() != Some(table) {
            // Another table under the same name gives out the same blocks.
            self.known.clear();
            self.table = Some(table.to_owned());
        }
        let mut todo = Vec::new();
        let mut known: HashMap<String, Vec<KnownBlocks>> = HashMap::new();
        // Patch parts hold changes of rows, not rows.
        for part in parts.iter().filter(|part| !part.partition.starts_with("patch-")) {
            let of_partition = self.known.get(&part.partition).map_or(&[][..], Vec::as_slice);
            let inside: Vec<&KnownBlocks> = of_partition.iter().filter(|known| known.lies_in(part)).collect();
            let rows: u64 = inside.iter().map(|known| known.rows).sum();
            let ends = (inside.iter().map(|k| k.min_block).min(), inside.iter().map(|k| k.max_block).max());
            let is_known = ends == (Some(part.min_block), Some(part.max_block)) && rows >= part.rows;
            let mut counts = Some(Counts::new());
            for known in &inside {
                counts = counts.zip(known.counts.as_ref()).map(|(sum, more)| added(sum, more));
            }
            let entry = known.entry(part.partition.clone()).or_default();
            if is_first || is_known {
                let counts = counts.filter(|_| !is_first);
                if counts.is_none() {
                    todo.push(Todo { part: part.clone(), base: None, new_rows: 0 });
                }
                entry.push(KnownBlocks {
                    min_block: part.min_block,
                    max_block: part.max_block,
                    rows: part.rows,
                    counts,
                });
            } else {
                entry.extend(inside.into_iter().cloned());
                todo.push(Todo { part: part.clone(), base: counts, new_rows: part.rows.saturating_sub(rows).max(1) });
            }
        }
        self.known = known;
        todo.sort_by_key(|todo| (todo.new_rows == 0, todo.part.rows));
        todo
    }

    /// Forgets that a table was read: the next reading is of another one.
    pub fn forget(&mut self) {
        self.known.clear();
        if self.table.is_some() {
            self.table = Some(String::new());
        }
    }

    /// Notes what a part holds; `None` if that was not counted.
    pub fn note(&mut self, part: &PartRow, counts: Option<Counts>) {
        let known = self.known.entry(part.partition.clone()).or_default();
        known.retain(|known| !known.lies_in(part));
        known.push(KnownBlocks { min_block: part.min_block, max_block: part.max_block, rows: part.rows, counts });
    }
}

fn added(mut sum: Counts, more: &Counts) -> Counts {
    sum.resize(sum.len().max(more.len()), 0);
    sum.iter_mut().zip(more).for_each(|(sum, more)| *sum += more);
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(min_block: i64, max_block: i64, rows: u64) -> PartRow {
        let name = format!("202601_{min_block}_{max_block}_0");
        PartRow { name, partition: "202601".into(), min_block, max_block, rows, ..PartRow::default() }
    }

    /// Names of the parts with new rows, with what is known of them.
    fn new(todo: &[Todo]) -> Vec<(&str, Option<Counts>, u64)> {
        let new = todo.iter().filter(|todo| todo.new_rows > 0);
        new.map(|todo| (todo.part.name.as_str(), todo.base.clone(), todo.new_rows)).collect()
    }

    #[test]
    fn parts_of_the_first_reading_are_known_and_later_ones_are_new() {
        let mut blocks = Blocks::default();
        assert!(new(&blocks.read("t", &[part(1, 1, 5)])).is_empty());
        let parts = [part(1, 1, 5), part(2, 2, 7)];
        let wanted = [("202601_2_2_0", Some(vec![]), 7)];
        assert_eq!(new(&blocks.read("t", &parts)), wanted);
        // One that could not be looked at comes again.
        assert_eq!(new(&blocks.read("t", &parts)), wanted);
        blocks.note(&parts[1], Some(vec![1]));
        assert!(new(&blocks.read("t", &parts)).is_empty());
    }

    #[test]
    fn a_table_that_was_empty_at_first_has_only_new_rows() {
        let mut blocks = Blocks::default();
        blocks.read("", &[]);
        assert_eq!(new(&blocks.read("t", &[part(1, 1, 5)])).len(), 1);
    }

    #[test]
    fn a_merge_of_known_parts_holds_nothing_new() {
        let mut blocks = Blocks::default();
        blocks.read("t", &[part(1, 1, 5)]);
        blocks.read("t", &[part(1, 1, 5), part(2, 2, 7)]);
        blocks.note(&part(2, 2, 7), Some(vec![1]));
        assert!(new(&blocks.read("t", &[part(1, 2, 12)])).is_empty());
        // Deleted rows that the merge dropped change nothing.
        assert!(new(&blocks.read("t", &[part(1, 2, 10)])).is_empty());
    }

    #[test]
    fn new_rows_in_a_merge_are_told_from_those_that_were_counted() {
        let mut blocks = Blocks::default();
        blocks.read("t", &[]);
        blocks.read("t", &[part(1, 1, 5), part(2, 2, 7)]);
        blocks.note(&part(1, 1, 5), Some(vec![1, 0]));
        blocks.note(&part(2, 2, 7), Some(vec![2, 3]));
        let todo = blocks.read("t", &[part(1, 4, 20), part(5, 6, 3)]);
        assert_eq!(new(&todo), [("202601_5_6_0", Some(vec![]), 3), ("202601_1_4_0", Some(vec![3, 3]), 8)]);
        blocks.note(&part(1, 4, 20), Some(vec![4, 4]));
        let todo = blocks.read("t", &[part(1, 6, 23), part(7, 7, 1)]);
        assert_eq!(new(&todo), [("202601_7_7_0", Some(vec![]), 1), ("202601_1_6_0", Some(vec![4, 4]), 3)]);
    }

    #[test]
    fn rows_merged_into_old_parts_are_told_apart_once_these_were_counted() {
        let mut blocks = Blocks::default();
        blocks.read("t", &[part(1, 3, 5)]);
        assert_eq!(new(&blocks.read("t", &[part(1, 4, 6)])), [("202601_1_4_0", None, 1)]);
        let mut blocks = Blocks::default();
        let todo = blocks.read("t", &[part(1, 3, 5)]);
        assert_eq!(todo.len(), 1);
        blocks.note(&todo[0].part, Some(vec![2]));
        assert_eq!(new(&blocks.read("t", &[part(1, 4, 6)])), [("202601_1_4_0", Some(vec![2]), 1)]);
    }

    #[test]
    fn a_table_made_again_and_blocks_given_out_again_are_new() {
        let mut blocks = Blocks::default();
        blocks.read("t", &[part(1, 1, 5)]);
        assert_eq!(new(&blocks.read("u", &[part(1, 1, 5)])).len(), 1);
        blocks.note(&part(1, 1, 5), Some(vec![]));
        assert!(new(&blocks.read("u", &[])).is_empty());
        assert_eq!(new(&blocks.read("u", &[part(1, 1, 5)])).len(), 1);
    }
}
