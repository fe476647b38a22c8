//! Groups of a breakdown as they come from ClickHouse: keys, and sums in the window asked for and in the one compared with.

use std::collections::HashMap;

use super::tsv::{self, Fields, Rows};
use crate::report::breakdown::Breakdown;
use crate::report::delays::{LONGEST, percentile_of_sorted};
use crate::report::groups::{Dimension, KeyKind, RATE_DECIMALS};
use crate::report::measure::{Aggregate, Merge};

/// A key of a group in one dimension. Null comes last.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum GroupKey {
    /// A whole number: an id, a code, a second, a flag.
    Whole(i64),
    /// A decimal of [`RATE_DECIMALS`] decimals, in units of the last.
    Rate(i128),
    /// Text, as the table has it.
    Text(Vec<u8>),
    /// There is none.
    Null,
}

/// Aggregates of a set of calls that can be merged with those of another.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct States {
    /// In the order of [`Breakdown::aggregates`].
    sums: Vec<i128>,
    /// In the order of [`Breakdown::distinct_counts`]; those of two sets make no third.
    pub distinct: Vec<i128>,
    /// Calls by delay, ascending, as in `report::delays`.
    delays: Vec<(u32, i128)>,
}

/// A group: its keys, and its calls in either window.
#[derive(Clone, Debug)]
pub struct Group {
    /// Its keys, by dimension.
    pub keys: Vec<GroupKey>,
    /// In the window asked for.
    pub now: States,
    /// In the window compared with.
    pub before: States,
    /// Its keys as `sql::distinct_of_others` names them, where that will be asked: in the window asked for, in the other. A bucket
    /// of one may be a bucket of the other too, and is another group there.
    pub names: [Vec<String>; 2],
}

/// Memory for groups: asked for with the bytes that they take by now, it gives what is missing, or says that there is none.
pub struct GroupsRoom(pub Box<dyn FnMut(u64) -> bool + Send + Sync>);

impl std::fmt::Debug for GroupsRoom {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("GroupsRoom")
    }
}

/// Bytes between two questions for memory.
const ROOM_STEP: u64 = 1 << 20;

/// The groups of a breakdown.
#[derive(Debug)]
pub struct Groups {
    kinds: Vec<(Dimension, KeyKind)>,
    sums: Vec<Aggregate>,
    distinct: Vec<Aggregate>,
    has_delays: bool,
    buckets: HashMap<i64, i64>,
    most: usize,
    room: GroupsRoom,
    /// Bytes that the groups take, somewhat more than less.
    bytes: u64,
    /// Bytes from which on memory is asked for.
    asks_from: u64,
    /// True if there was no memory for a row.
    pub is_out_of_room: bool,
    places: HashMap<Vec<GroupKey>, usize>,
    /// The groups, in no order.
    pub all: Vec<Group>,
}

impl States {
    /// True if no row was added.
    fn is_empty(&self) -> bool {
        self.delays.is_empty() && self.sums.iter().chain(&self.distinct).all(|value| *value == 0)
    }
}

impl Groups {
    /// No groups yet, and room for `most`, as long as there is memory.
    pub fn of(breakdown: &Breakdown, most: usize, room: GroupsRoom) -> Self {
        Self {
            kinds: breakdown.terms.by.iter().map(|by| (*by, by.row().kind)).collect(),
            sums: breakdown.aggregates(),
            distinct: breakdown.distinct_counts(),
            has_delays: breakdown.has_delays(),
            buckets: breakdown.buckets_compared(),
            most,
            room,
            bytes: 0,
            asks_from: ROOM_STEP,
            is_out_of_room: false,
            places: HashMap::new(),
            all: Vec::new(),
        }
    }

    /// Aggregates of no calls.
    pub fn nothing(&self) -> States {
        States { sums: vec![0; self.sums.len()], distinct: vec![0; self.distinct.len()], delays: Vec::new() }
    }

    /// Adds a group without calls, unless there is one of these keys.
    pub fn fill(&mut self, keys: Vec<GroupKey>) {
        if !self.places.contains_key(&keys) {
            let nothing = self.nothing();
            self.places.insert(keys.clone(), self.all.len());
            self.all.push(Group { keys, now: nothing.clone(), before: nothing, names: Default::default() });
        }
    }

    /// An aggregate of states.
    pub fn value(&self, states: &States, sum: Aggregate) -> i128 {
        match sum.merge() {
            Merge::Delays => match sum {
                Aggregate::Pdd(percent) => percentile_of_sorted(&states.delays, percent).map_or(-1, i128::from),
                _ => -1,
            },
            Merge::Rows => at(&self.distinct, &states.distinct, sum),
            Merge::Add | Merge::Larger | Merge::Smaller | Merge::Context => at(&self.sums, &states.sums, sum),
        }
    }

    /// Adds the calls of `more` to those of `all`, different numbers apart. `None` when a sum leaves its range.
    pub fn add(&self, all: &mut States, more: &States) -> Option<()> {
        self.add_sums(all, more)?;
        all.delays = counted(&[&all.delays, &more.delays])?;
        Some(())
    }

    /// The calls of all of these, different numbers apart. `None` when a sum leaves its range.
    pub fn together<'s>(&self, states: impl Iterator<Item = &'s States> + Clone) -> Option<States> {
        let mut all = self.nothing();
        states.clone().try_for_each(|more| self.add_sums(&mut all, more))?;
        all.delays = counted(&states.map(|states| states.delays.as_slice()).collect::<Vec<_>>())?;
        Some(all)
    }

    fn add_sums(&self, all: &mut States, more: &States) -> Option<()> {
        for ((sum, to), from) in self.sums.iter().zip(&mut all.sums).zip(&more.sums) {
            *to = match sum.merge() {
                Merge::Larger => (*to).max(*from),
                Merge::Smaller if *to == 0 || *from == 0 => *to + *from,
                Merge::Smaller => (*to).min(*from),
                _ => to.checked_add(*from)?,
            };
        }
        Some(())
    }

    /// Counts a row's bytes. `None` when there is no memory for them.
    fn take_room(&mut self, is_new: bool, states: &States) -> Option<()> {
        // A group is held twice by its keys, in two windows, and once more while it is put in order.
        let values = self.sums.len() + self.distinct.len();
        let group = if is_new { 400 + 160 * self.kinds.len() + 48 * values } else { 0 };
        self.bytes += (group + 48 * states.delays.len()) as u64;
        if self.bytes >= self.asks_from {
            self.asks_from = self.bytes + ROOM_STEP;
            if !(self.room.0)(self.asks_from) {
                self.is_out_of_room = true;
                return None;
            }
        }
        Some(())
    }

    fn key(&self, (by, kind): (Dimension, KeyKind), field: &[u8], is_before: bool) -> Option<GroupKey> {
        if field == b"\\N" {
            return Some(GroupKey::Null);
        }
        Some(match kind {
            KeyKind::Text => {
                let mut text = Vec::with_capacity(field.len());
                tsv::text(field, &mut text)?;
                GroupKey::Text(text)
            }
            KeyKind::Rate => GroupKey::Rate(rate(field)?),
            KeyKind::Time
            | KeyKind::Account
            | KeyKind::Contractor
            | KeyKind::Country
            | KeyKind::Integer
            | KeyKind::Flag => {
                let value = tsv::integer(field)?;
                match (by, is_before) {
                    (Dimension::Time, true) => GroupKey::Whole(self.buckets.get(&value).copied().unwrap_or(value)),
                    _ => GroupKey::Whole(value),
                }
            }
        })
    }

    fn read(&self, fields: &mut Fields<'_>) -> Option<States> {
        let mut states = self.nothing();
        for (sum, to) in self.sums.iter().zip(&mut states.sums) {
            *to = if sum.is_money() { fields.millionths()? } else { fields.integer()?.into() };
        }
        for to in &mut states.distinct {
            *to = fields.integer()?.into();
        }
        if self.has_delays {
            let (delays, counts) = (list(fields.next()?)?, list(fields.next()?)?);
            states.delays = delays
                .into_iter()
                .map(|delay| u32::try_from(delay).ok())
                .collect::<Option<Vec<_>>>()?
                .into_iter()
                .zip(counts.into_iter().map(i128::from))
                .collect();
            states.delays.sort_unstable();
        }
        fields.is_done().then_some(states)
    }
}

fn at(names: &[Aggregate], values: &[i128], sum: Aggregate) -> i128 {
    names.iter().position(|name| *name == sum).and_then(|place| values.get(place)).copied().unwrap_or(0)
}

/// The calls of all lists by delay, ascending. A list of its own for each delay makes one pass of many thousand lists.
fn counted(lists: &[&[(u32, i128)]]) -> Option<Vec<(u32, i128)>> {
    match lists {
        [] => return Some(Vec::new()),
        [one] => return Some(one.to_vec()),
        [one, []] | [[], one] => return Some(one.to_vec()),
        _ => {}
    }
    let mut counts = vec![0_i128; LONGEST as usize + 2];
    for (delay, count) in lists.iter().flat_map(|list| list.iter()) {
        let to = counts.get_mut(usize::try_from(*delay).ok()?)?;
        *to = to.checked_add(*count)?;
    }
    Some((0..).zip(counts).filter(|(_, count)| *count != 0).collect())
}

/// Adds a key's text in hexadecimal; `n` for null. Other keys than text are written as they came.
fn hexadecimal(out: &mut String, key: &GroupKey, field: &[u8]) {
    let text = match key {
        GroupKey::Null => return out.push('n'),
        GroupKey::Text(text) => text,
        GroupKey::Whole(_) | GroupKey::Rate(_) => field,
    };
    text.iter().for_each(|byte| out.push_str(&format!("{byte:02X}")));
}

/// `[1,2,3]`.
fn list(field: &[u8]) -> Option<Vec<i64>> {
    let inner = field.strip_prefix(b"[")?.strip_suffix(b"]")?;
    if inner.is_empty() {
        return Some(Vec::new());
    }
    inner.split(|byte| *byte == b',').map(tsv::integer).collect()
}

/// A decimal, in units of the last of its decimals.
fn rate(field: &[u8]) -> Option<i128> {
    let text = std::str::from_utf8(field).ok()?;
    let (sign, digits) = text.strip_prefix('-').map_or((1, text), |digits| (-1, digits));
    let (whole, part) = digits.split_once('.').unwrap_or((digits, ""));
    let missing = usize::from(RATE_DECIMALS).checked_sub(part.len())?;
    let number: i128 = format!("{whole}{part}{}", "0".repeat(missing)).parse().ok()?;
    Some(sign * number)
}

impl Rows for Groups {
    const TOTALS: bool = false;

    fn row(&mut self, line: &[u8]) -> Option<()> {
        let mut fields = Fields::of(line);
        let is_before = fields.integer()? == 1;
        let (mut keys, mut name) = (Vec::with_capacity(self.kinds.len()), String::new());
        for kind in &self.kinds {
            let field = fields.next()?;
            let key = self.key(*kind, field, is_before)?;
            if !self.distinct.is_empty() {
                name.push_str(if keys.is_empty() { "" } else { "-" });
                hexadecimal(&mut name, &key, field);
            }
            keys.push(key);
        }
        let states = self.read(&mut fields)?;
        let known = self.places.get(&keys).copied();
        self.take_room(known.is_none(), &states)?;
        let Some(place) = known else {
            let (nothing, one) = (self.nothing(), if self.distinct.is_empty() { Vec::new() } else { vec![name] });
            let (now, before, names) = match is_before {
                true => (nothing, states, [Vec::new(), one]),
                false => (states, nothing, [one, Vec::new()]),
            };
            self.places.insert(keys.clone(), self.all.len());
            self.all.push(Group { keys, now, before, names });
            return Some(());
        };
        let group = self.all.get_mut(place)?;
        if !self.distinct.is_empty() {
            let [now, before] = &mut group.names;
            (if is_before { before } else { now }).push(name);
        }
        // Buckets of the window compared with may fall together.
        let held = if is_before { &mut group.before } else { &mut group.now };
        let distinct = held.distinct.iter().zip(&states.distinct).map(|(one, more)| one + more).collect();
        let mut all = std::mem::take(held);
        if all.is_empty() {
            all = states;
        } else {
            self.add(&mut all, &states)?;
        }
        all.distinct = distinct;
        let group = self.all.get_mut(place)?;
        *(if is_before { &mut group.before } else { &mut group.now }) = all;
        Some(())
    }

    fn totals(&mut self, _: &[u8]) -> Option<()> {
        None
    }

    fn most(&self) -> usize {
        // A row of each of three sources at most, in either window: days, hours and calls.
        self.most.saturating_mul(6)
    }
}

/// Different numbers of all calls of a breakdown, and of those whose group is not shown: in the window asked for, in the other.
#[derive(Debug, Default)]
pub struct DistinctOfOthers {
    /// Number of counts.
    pub count: usize,
    /// Of all calls.
    pub all: [Vec<i128>; 2],
    /// Of the groups that are not shown.
    pub others: [Vec<i128>; 2],
}

impl Rows for DistinctOfOthers {
    const TOTALS: bool = false;

    fn row(&mut self, line: &[u8]) -> Option<()> {
        let mut fields = Fields::of(line);
        let window = usize::try_from(fields.integer()?).ok()?;
        let mut read = || (0..self.count).map(|_| fields.integer().map(i128::from)).collect::<Option<Vec<_>>>();
        let (all, others) = (read()?, read()?);
        *self.all.get_mut(window)? = all;
        *self.others.get_mut(window)? = others;
        Some(())
    }

    fn totals(&mut self, _: &[u8]) -> Option<()> {
        None
    }
}
