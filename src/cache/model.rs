//! A model of a MergeTree table, against which the history of its parts is checked: whatever is done to the table, and
//! whichever of its states were seen, rows that the history calls the same are the same, and rows that it says are in
//! named parts are there and nowhere else.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::parts::{History, Part, PartsSnapshot, Since};

/// A row: its content and its second. A row that is updated has another content.
type Row = (u64, i64);

#[derive(Clone, Debug)]
struct Piece {
    part: Part,
    level: usize,
    /// Rows of the part, and whether DELETE FROM has hidden them.
    rows: Vec<(Row, bool)>,
}

impl Piece {
    fn visible(&self) -> impl Iterator<Item = Row> {
        self.rows.iter().filter(|(_, hidden)| !hidden).map(|(row, _)| *row)
    }
}

/// One thing that happens. Numbers choose among what there is.
#[derive(Clone, Debug)]
enum Event {
    /// Rows for one or two partitions; each is a block.
    Insert(Vec<i64>, Vec<i64>),
    /// Neighbours of a partition become one part, which drops hidden rows, and others where a TTL says so.
    Merge(bool, usize, usize, Option<u64>),
    /// Every part is written anew without some rows.
    Delete(u64),
    /// Some rows are hidden.
    Hide(u64),
    /// Some rows become others.
    Update(u64),
    DropPartition(bool),
    /// A partition taken out and put back: the same rows in new blocks.
    Reattach(bool),
    Truncate,
    /// The server starts again: block numbers go on after the highest that is there.
    Restart,
    /// Another table of the same name.
    Recreate,
    /// Somebody looks.
    Look,
    /// Somebody looks, and sees nothing.
    Fail,
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let seconds = || prop::collection::vec(0..40_i64, 0..4);
    let event = prop_oneof![
        6 => (seconds(), seconds()).prop_map(|(first, second)| Event::Insert(first, second)),
        4 => (any::<bool>(), 0..4_usize, 1..4_usize, prop::option::weighted(0.2, any::<u64>()))
            .prop_map(|(first, place, count, ttl)| Event::Merge(first, place, count, ttl)),
        1 => any::<u64>().prop_map(Event::Delete),
        1 => any::<u64>().prop_map(Event::Hide),
        1 => any::<u64>().prop_map(Event::Update),
        1 => any::<bool>().prop_map(Event::DropPartition),
        1 => any::<bool>().prop_map(Event::Reattach),
        1 => Just(Event::Truncate),
        1 => Just(Event::Restart),
        1 => Just(Event::Recreate),
        5 => Just(Event::Look),
        1 => Just(Event::Fail),
    ];
    prop::collection::vec(event, 1..40)
}

/// The second at which the other partition begins.
const BORDER: i64 = 20;

#[derive(Debug, Default)]
struct Table {
    pieces: Vec<Piece>,
    block: i64,
    content: u64,
    /// Tables before this one, and runs of the server before this one.
    tables: usize,
    started: i64,
}

/// One in three, by the bits of `seed`.
fn chosen(seed: u64, content: u64) -> bool {
    seed.wrapping_add(content).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 62 == 0
}

fn partition(first: bool) -> &'static str {
    if first { "1" } else { "2" }
}

impl Table {
    fn number(&mut self) -> i64 {
        self.block += 1;
        self.block
    }

    /// A part by its numbers; one without rows is not there.
    fn put(&mut self, partition: &str, blocks: (i64, i64), level: usize, version: i64, rows: Vec<(Row, bool)>) {
        let seconds = || rows.iter().map(|((_, second), _)| *second);
        let (Some(min_time), Some(max_time)) = (seconds().min(), seconds().max()) else { return };
        let mutated = if version == blocks.0 { String::new() } else { format!("_{version}") };
        let part = Part {
            name: format!("{partition}_{}_{}_{level}{mutated}", blocks.0, blocks.1),
            partition: partition.to_owned(),
            min_block: blocks.0,
            max_block: blocks.1,
            version,
            min_time,
            max_time,
            rows: rows.len() as u64,
            // All within one second, so that this tells no two apart.
            made: 0,
        };
        self.pieces.push(Piece { part, level, rows });
    }

    fn insert(&mut self, seconds: &[i64]) {
        for first in [true, false] {
            let own = seconds.iter().copied().filter(|second| (*second < BORDER) == first);
            let rows: Vec<(Row, bool)> = own
                .map(|second| {
                    self.content += 1;
                    ((self.content, second), false)
                })
                .collect();
            if !rows.is_empty() {
                let block = self.number();
                self.put(partition(first), (block, block), 0, block, rows);
            }
        }
    }

    /// So many neighbours of a partition, from a place on, become one part.
    fn merge(&mut self, first: bool, place: usize, count: usize, ttl: Option<u64>) {
        let mut own = self.take_out(first);
        own.sort_by_key(|piece| piece.part.min_block);
        let place = place.min(own.len());
        let merged: Vec<Piece> = own.drain(place..(place + count).min(own.len())).collect();
        self.pieces.extend(own);
        let (Some(start), Some(end)) = (merged.first(), merged.last()) else { return };
        let blocks = (start.part.min_block, end.part.max_block);
        let mutated = merged.iter().map(|piece| &piece.part).filter(|part| part.version != part.min_block);
        let version = mutated.map(|part| part.version).max().unwrap_or(blocks.0);
        let level = merged.iter().map(|piece| piece.level).max().unwrap_or(0) + 1;
        let kept = |row: &(Row, bool)| !row.1 && !ttl.is_some_and(|seed| chosen(seed, row.0.0));
        let rows = merged.into_iter().flat_map(|piece| piece.rows).filter(kept).collect();
        self.put(partition(first), blocks, level, version, rows);
    }

    /// Every part becomes another by way of a mutation.
    fn mutate(&mut self, change: impl Fn(&mut Self, (Row, bool)) -> Option<(Row, bool)>) {
        let version = self.number();
        for piece in std::mem::take(&mut self.pieces) {
            let rows = piece.rows.into_iter().filter_map(|row| change(self, row)).collect();
            let blocks = (piece.part.min_block, piece.part.max_block);
            self.put(&piece.part.partition, blocks, piece.level, version, rows);
        }
    }

    fn take_out(&mut self, first: bool) -> Vec<Piece> {
        let (own, others) =
            std::mem::take(&mut self.pieces).into_iter().partition(|piece| piece.part.partition == partition(first));
        self.pieces = others;
        own
    }

    fn happen(&mut self, event: &Event) {
        match event {
            Event::Insert(first, second) => {
                self.insert(first);
                self.insert(second);
            }
            Event::Merge(first, place, count, ttl) => self.merge(*first, *place, *count, *ttl),
            Event::Delete(seed) => self.mutate(|_, row| (!chosen(*seed, row.0.0)).then_some(row)),
            Event::Hide(seed) => self.mutate(|_, (row, hidden)| Some((row, hidden || chosen(*seed, row.0)))),
            Event::Update(seed) => self.mutate(|table, (row, hidden)| {
                if !chosen(*seed, row.0) {
                    return Some((row, hidden));
                }
                table.content += 1;
                Some(((table.content, row.1), hidden))
            }),
            Event::DropPartition(first) => drop(self.take_out(*first)),
            Event::Reattach(first) => {
                for piece in self.take_out(*first) {
                    let block = self.number();
                    self.put(&piece.part.partition, (block, block), 0, block, piece.rows);
                }
            }
            Event::Truncate => self.pieces.clear(),
            Event::Restart => {
                let numbers = |piece: &Piece| piece.part.max_block.max(piece.part.version);
                self.block = self.pieces.iter().map(numbers).max().unwrap_or(0);
                self.started += 5;
            }
            Event::Recreate => {
                self.pieces.clear();
                (self.block, self.tables) = (0, self.tables + 1);
            }
            Event::Look | Event::Fail => {}
        }
    }

    fn reading(&self) -> PartsSnapshot {
        let parts = self.pieces.iter().map(|piece| piece.part.clone()).collect();
        PartsSnapshot { table: self.tables.to_string(), started: self.started, parts }
    }

    fn rows(&self) -> BTreeSet<Row> {
        self.pieces.iter().flat_map(Piece::visible).collect()
    }
}

fn within(rows: &BTreeSet<Row>, from: i64, to: i64) -> BTreeSet<Row> {
    rows.iter().copied().filter(|(_, second)| (from..=to).contains(second)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn what_the_history_says_is_so(events in events(), windows in prop::collection::vec((0..40_i64, 0..40_i64), 4)) {
        let (mut table, mut history) = (Table::default(), History::default());
        let mut seen: BTreeMap<u64, BTreeSet<Row>> = BTreeMap::new();
        for event in events {
            table.happen(&event);
            match event {
                Event::Look => {
                    history.read(table.reading());
                    seen.insert(history.seq, table.rows());
                }
                Event::Fail => history.blind(),
                _ => continue,
            }
            let states = || seen.iter().rev().take(6);
            for (from, to) in windows.iter().map(|(a, b)| (*a.min(b), *a.max(b))) {
                for (after, old) in states() {
                    for (until, new) in states().filter(|(until, _)| after < *until) {
                        let (old, new) = (within(old, from, to), within(new, from, to));
                        match history.since(*after, *until, from, to) {
                            Since::Changed => {}
                            Since::Same => prop_assert_eq!(old, new),
                            Since::Inserted(names) => {
                                prop_assert!(history.has(&names));
                                let named = |piece: &&Piece| names.contains(&piece.part.name);
                                let added: BTreeSet<Row> = table.pieces.iter().filter(named).flat_map(Piece::visible).collect();
                                let added = within(&added, from, to);
                                prop_assert!(old.is_disjoint(&added));
                                prop_assert_eq!(old.union(&added).copied().collect::<BTreeSet<Row>>(), new);
                            }
                        }
                    }
                }
            }
        }
    }
}

/// The history is of use: a merge is known for one, also one of blocks that other partitions' blocks lie between.
#[test]
fn what_need_not_be_read_anew_is_not() {
    let (mut table, mut history) = (Table::default(), History::default());
    let mut look = |table: &Table| {
        history.read(table.reading());
        history.since(history.seq - 1, history.seq, 0, 39)
    };
    table.insert(&[1, 2, 25]);
    look(&table);
    table.insert(&[3, 4, 26]);
    assert!(matches!(look(&table), Since::Inserted(parts) if parts.len() == 2));
    let places: Vec<i64> = table.pieces.iter().map(|piece| piece.part.min_block).collect();
    assert_eq!(places, [1, 2, 3, 4]);
    for first in [true, false] {
        table.merge(first, 0, 2, None);
        assert_eq!(look(&table), Since::Same);
    }
    assert_eq!(table.pieces.len(), 2);
}
