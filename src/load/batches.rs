//! Rows of checked files, collected to batches.

use std::io::{self, Read};

use super::check::Form;
use super::direct::TypedRows;
use super::native::NativeBlocks;
use super::plan::{LoadPlan, RowKey};
use super::progress::Progress;
use super::row::{self, RecordFields, TextFields};
use super::spool::{KeptRows, SpooledRows};
use super::value::Notes;

/// Bytes after which a batch ends, however few rows it has.
pub const MAX_BATCH: usize = 32 << 20;
/// Rows of a block that is a batch of its own; those of smaller ones are put together.
const LEAST_ROWS: usize = 20_000;
/// Collects rows to batches.
pub struct Batches {
    batch: KeptRows,
    most: usize,
    sender: tokio::sync::mpsc::Sender<KeptRows>,
}

impl Batches {
    /// No rows yet; batches of at most so many go to `sender`.
    pub fn new(most: usize, sender: tokio::sync::mpsc::Sender<KeptRows>) -> Self {
        Self { batch: KeptRows::default(), most, sender }
    }

    /// Takes the row that was written behind the batch's bytes; false where nobody wants more.
    fn end(&mut self, time: i64, key: RowKey) -> bool {
        self.batch.end(time, key);
        let is_full = self.batch.rows.len() >= self.most || self.batch.bytes.len() >= MAX_BATCH;
        !is_full || self.send()
    }

    /// Sends what there is; false where nobody wants more.
    pub fn send(&mut self) -> bool {
        let batch = std::mem::take(&mut self.batch);
        // Nobody is there any more after a failure.
        batch.rows.is_empty() || self.sender.blocking_send(batch).is_ok()
    }

    /// Takes rows that were kept.
    pub fn take(&mut self, kept: &mut SpooledRows, progress: &Progress) -> io::Result<()> {
        kept.read(|rows, share| {
            progress.reach(share);
            let mut from = 0;
            rows.rows.iter().all(|(to, time, key)| {
                self.batch.bytes.extend_from_slice(rows.bytes.get(from..*to).unwrap_or_default());
                from = *to;
                self.end(*time, *key)
            })
        })
    }

    /// Reads the rows of a file that was checked.
    pub fn read(&mut self, from: impl Read, form: Form, plan: &LoadPlan) -> io::Result<()> {
        if plan.is_typed {
            return self.read_blocks(from, plan);
        }
        let mut rows = row::RowReader::new(from, form.shape, plan);
        if form.header {
            rows.skip()?;
        }
        let (mut cells, mut notes) = (RecordFields::default(), Notes::default());
        while let Some(row) = rows.read(&mut cells)? {
            if row.unended && !form.takes_last {
                continue;
            }
            let Ok(text) = row.text else { continue };
            let fields = TextFields { cells: &cells, record: text };
            let Ok(row) = plan.write(&fields, &mut notes, &mut [], &mut self.batch.bytes) else { continue };
            if !self.end(row.time, row.key) {
                break;
            }
        }
        Ok(())
    }

    fn read_blocks(&mut self, from: impl Read, plan: &LoadPlan) -> io::Result<()> {
        let (mut blocks, mut notes) = (NativeBlocks::new(from, &plan.sources), Notes::default());
        while let Some(block) = blocks.next_block()? {
            let rows = TypedRows::new(plan, &block);
            let all = 0..block.rows;
            if block.rows >= LEAST_ROWS
                && rows.whole(&all).is_some()
                && let Some(keys) = rows.keys(all)
            {
                drop(rows);
                let rows = keys.iter().map(|row| (0, row.time, row.key)).collect();
                let batch = KeptRows { rows, block: Some(block), ..KeptRows::default() };
                // The rows before it stay before it.
                if !self.send() || self.sender.blocking_send(batch).is_err() {
                    return Ok(());
                }
                continue;
            }
            for row in (0..block.rows).filter_map(|row| rows.row(row).ok()) {
                let Ok(row) = plan.write(&row, &mut notes, &mut [], &mut self.batch.bytes) else { continue };
                if !self.end(row.time, row.key) {
                    return Ok(());
                }
            }
        }
        Ok(())
    }
}
