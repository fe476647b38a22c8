//! A batch without the rows that the table has.

use std::collections::{HashMap, HashSet};
use std::io;

use bytes::Bytes;

use super::direct::TypedRows;
use super::door::{Door, SLACK};
use super::plan::{LoadPlan, RowKey};
use super::seen::Seen;
use super::send::{Batch, Lanes};
use super::spool::KeptRows;
use super::store::{LoadError, Stored};
use super::value::Notes;

/// Keys of rows, with the time of the first row of each.
pub type Times = HashMap<RowKey, i64>;

/// A batch of which known rows were taken out.
pub struct Sifted {
    /// Its keys.
    pub keys: Times,
    /// Its new rows.
    pub rows: Batch,
    /// Counts, by the batch's files.
    pub counts: Vec<Stored>,
}

impl Sifted {
    /// The counts of all its files.
    pub fn total(&self) -> Stored {
        let mut total = Stored::default();
        self.counts.iter().for_each(|count| total.add(*count));
        total
    }
}

impl Door<'_> {
    /// The new rows of a batch. `seen` are the rows of its file before it, and rows of batches on their way are known.
    pub(super) async fn sift(
        &self,
        batch: KeptRows,
        plan: &LoadPlan,
        on_way: &Lanes,
        seen: &mut Seen,
    ) -> Result<Sifted, LoadError> {
        let mut counts = vec![Stored::default(); batch.files.len().max(1)];
        let Some(times) = batch.rows.iter().fold(None, |range: Option<(i64, i64)>, (_, time, _)| {
            let (from, to) = range.unwrap_or((*time, *time));
            Some((from.min(*time), to.max(*time)))
        }) else {
            return Ok(Sifted { keys: Times::new(), rows: Batch::Rows(Bytes::new()), counts });
        };
        let times = (times.0 - SLACK, times.1 + SLACK);
        let mut firsts = Times::new();
        for (_, time, key) in &batch.rows {
            firsts.entry(*key).or_insert(*time);
        }
        let keys: HashSet<RowKey> = firsts.keys().copied().collect();
        let mut known = self.known(&keys, times).await?;
        known.extend(keys.iter().filter(|key| **key != RowKey::None && on_way.have(key, times)));
        let mut again = vec![false; batch.rows.len()];
        let mut ends = batch.files.iter().peekable();
        for (at, ((.., key), again)) in batch.rows.iter().zip(&mut again).enumerate() {
            // A row is repeated where one of its own file has its key.
            while ends.next_if(|end| **end <= at).is_some() {
                *seen = Seen::default();
            }
            *again = seen.again(*key);
        }
        let (mut kept, mut from, mut file) = (Vec::new(), 0, 0);
        let is_new = known.is_empty() && keys.len() == batch.rows.len() && !again.contains(&true);
        let typed = batch.block.as_ref().filter(|_| !is_new).map(|block| TypedRows::new(plan, block));
        let mut notes = Notes::default();
        for (at, ((to, _, key), again)) in batch.rows.iter().zip(again).enumerate() {
            while batch.files.get(file).is_some_and(|end| at >= *end) {
                file += 1;
            }
            let Some(count) = counts.get_mut(file) else { break };
            if is_new {
                count.stored += 1;
            } else if *key == RowKey::None || (!again && known.insert(*key)) {
                match typed.as_ref().map(|typed| typed.row(at)) {
                    None => kept.extend_from_slice(batch.bytes.get(from..*to).unwrap_or_default()),
                    Some(row) => {
                        let row = row.map_err(io::Error::other)?;
                        let written = plan.write(&row, &mut notes, &mut [], &mut kept);
                        written.map_err(|reject| io::Error::other(reject.reason()))?;
                    }
                }
                count.stored += 1;
            } else {
                count.known += 1;
                count.repeated += u64::from(again);
            }
            from = *to;
        }
        drop(typed);
        let rows = match batch.block {
            Some(block) if is_new => Batch::Whole(block),
            _ => Batch::Rows(Bytes::from(if is_new { batch.bytes } else { kept })),
        };
        Ok(Sifted { keys: firsts, rows, counts })
    }
}
