//! The first reading of a file: every row is checked and nothing stored; bad rows are written down.

use std::collections::{BTreeMap, HashSet};
use std::io::{self, Read};
use std::sync::mpsc::sync_channel;
use std::thread;

use super::chunk::{CheckTask, CheckedChunk, deal, deal_blocks, part, typed_part};
use super::odd::OddCount;
use super::plan::{LoadPlan, RowKey, Written};
use super::progress::Progress;
use super::record::Framing;
pub use super::rejects::Rejects;
use super::row::{Cutter, Unknown};
use super::spool::{SpoolWriter, SpooledRows};
use super::value::Notes;

/// Accounts that are counted; a file with more has "more than" so many.
const MAX_ACCOUNTS: usize = 100_000;
/// Threads that check rows. One that reads, and one that unpacks, keep no more of them busy.
const MOST_THREADS: usize = 4;
/// The contents of a file.
#[derive(Debug, Default)]
pub struct Checked {
    /// Records but the header.
    pub rows: u64,
    /// By column and reason.
    pub rejected: BTreeMap<(String, String), u64>,
    /// Rows that the mapping says are no calls, by column and word.
    pub left_out: BTreeMap<(String, String), u64>,
    /// The first and last `time_start`.
    pub times: Option<(i64, i64)>,
    /// Accounts, and how many rows have account 0.
    pub accounts: HashSet<i128>,
    /// Rows of account 0.
    pub nobodys: u64,
    /// Counts of values for the summary.
    pub notes: Notes,
    /// By target, rows that have its default.
    pub defaults: Vec<u64>,
    /// Rows that nothing tells from others.
    pub keyless: u64,
    /// By source, true where there was a value.
    pub seen: Vec<bool>,
    /// Keys of objects that are no columns.
    pub unknown: Unknown,
    /// Lines that were the header again.
    pub headers_again: u64,
    /// The last line, where it has no end and is no row, as it may be cut.
    pub unended: Option<u64>,
    /// Rows that are known by their contents alone.
    pub by_contents: u64,
    /// The first row that is none of those that are replaced; reading ended there.
    pub outside: Option<String>,
    /// Rows that are odd, by kind.
    pub odd: Vec<OddCount>,
}

impl Checked {
    /// Rows that are not stored.
    pub fn rejects(&self) -> u64 {
        self.rejected.values().sum()
    }

    /// Rows that are no calls.
    pub fn left_out(&self) -> u64 {
        self.left_out.values().sum()
    }

    /// Adds what a part of the file holds, and writes down its bad rows.
    fn join(&mut self, part: CheckedChunk, rejects: &mut Rejects) -> io::Result<()> {
        let CheckedChunk { checked: other, bad, .. } = part;
        self.rows += other.rows;
        for (line, reject, record) in bad {
            rejects.add(line, &reject, &record)?;
            *self.rejected.entry((reject.column, reject.refusal.why.into_owned())).or_default() += 1;
        }
        for (reason, count) in other.left_out {
            *self.left_out.entry(reason).or_default() += count;
        }
        if let Some((from, to)) = other.times {
            let (first, last) = self.times.get_or_insert((from, to));
            (*first, *last) = ((*first).min(from), (*last).max(to));
        }
        let room = MAX_ACCOUNTS.saturating_sub(self.accounts.len());
        let new: Vec<i128> = other.accounts.difference(&self.accounts).take(room).copied().collect();
        self.accounts.extend(new);
        self.nobodys += other.nobodys;
        self.keyless += other.keyless;
        self.by_contents += other.by_contents;
        self.headers_again += other.headers_again;
        self.unended = self.unended.or(other.unended);
        self.notes.add(&other.notes);
        self.defaults.iter_mut().zip(other.defaults).for_each(|(sum, more)| *sum += more);
        self.seen.iter_mut().zip(other.seen).for_each(|(seen, more)| *seen |= more);
        self.unknown.list = self.unknown.list.take().or(other.unknown.list);
        for name in other.unknown.names {
            self.unknown.add(name);
        }
        self.outside = other.outside;
        self.odd.iter_mut().zip(other.odd).for_each(|(count, more)| count.join(more));
        Ok(())
    }

    /// Adds a row.
    pub(super) fn add(&mut self, row: &Written, line: u64) {
        let (from, to) = self.times.get_or_insert((row.time, row.time));
        (*from, *to) = ((*from).min(row.time), (*to).max(row.time));
        self.nobodys += u64::from(row.account == 0);
        self.keyless += u64::from(row.key == RowKey::None);
        self.by_contents += u64::from(row.by_contents);
        if row.odd != 0 {
            let counts = self.odd.iter_mut().enumerate().filter(|(at, _)| row.odd >> at & 1 == 1);
            counts.for_each(|(_, count)| count.add(line));
        }
        if self.accounts.len() < MAX_ACCOUNTS {
            self.accounts.insert(row.account);
        }
    }
}

/// The form of a text.
#[derive(Clone, Copy, Debug)]
pub struct Form {
    /// The way in which records follow each other.
    pub shape: Framing,
    /// True if the first is a header.
    pub header: bool,
    /// The last line is a row, though it has no end.
    pub takes_last: bool,
}

impl Form {
    /// Of a file whose last line is no row without an end.
    pub fn new(shape: Framing, header: bool) -> Self {
        Self { shape, header, takes_last: false }
    }
}

/// Checks every row of `from`, and keeps the good ones; `only` says what is wrong with rows that may not be in the file.
/// One thread reads, others check what it has read, and this one puts together what they found, in the file's order.
pub fn check(
    from: impl Read + Send,
    form: Form,
    plan: &LoadPlan,
    only: &(dyn Fn(&Written) -> Option<String> + Sync),
    progress: &Progress,
    rejects: &mut Rejects,
) -> io::Result<(Checked, Option<SpooledRows>)> {
    let mut checked = Checked {
        defaults: vec![0; plan.targets.len()],
        seen: vec![false; plan.sources.len()],
        odd: plan.odd.counts(),
        ..Checked::default()
    };
    let mut spool = SpoolWriter::new();
    let threads = thread::available_parallelism().map_or(1, |cores| cores.get().min(MOST_THREADS));
    thread::scope(|scope| {
        let (mut chunks, mut parts) = (Vec::new(), Vec::new());
        for _ in 0..threads {
            let (chunk_sender, chunk_receiver) = sync_channel::<io::Result<CheckTask>>(1);
            let (part_sender, part_receiver) = sync_channel::<io::Result<CheckedChunk>>(1);
            chunks.push(chunk_sender);
            parts.push(part_receiver);
            scope.spawn(move || {
                let mut cutter = Cutter::new(form.shape, plan);
                for chunk in chunk_receiver {
                    let part = chunk.map(|chunk| match chunk {
                        CheckTask::Records(records) => part(&records, &mut cutter, plan, only),
                        CheckTask::Rows(block, rows) => typed_part(&block, rows, plan, only),
                    });
                    // Nobody is there any more after a failure.
                    if part_sender.send(part).is_err() {
                        break;
                    }
                }
            });
        }
        scope.spawn(move || match plan.is_typed {
            true => deal_blocks(from, plan, &chunks),
            false => deal(from, form, plan, &chunks),
        });
        for parts in parts.iter().cycle() {
            let Ok(part) = parts.recv() else { break };
            let part = part?;
            if progress.is_stopped() {
                return Err(io::Error::other("interrupted; nothing was stored"));
            }
            match part.is_whole {
                true => spool.give_up(),
                false => spool.add(&part.good),
            }
            let outside = part.checked.outside.is_some();
            checked.join(part, rejects)?;
            progress.rows(checked.rows, checked.rejects());
            if outside {
                break;
            }
        }
        Ok(())
    })?;
    rejects.end()?;
    Ok((checked, spool.end()))
}
