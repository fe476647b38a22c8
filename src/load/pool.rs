//! Small files whose rows are stored together: a server stores many rows as fast as a few.

use std::io;

use super::Outcome;
use super::batches::MAX_BATCH;
use super::door::{Door, SLACK};
use super::plan::LoadPlan;
use super::seen::Seen;
use super::send::Lanes;
use super::source::SourceFile;
use super::spool::KeptRows;
use super::store::LoadError;

/// Files whose rows are stored at once, at most.
const MAX_FILES: usize = 1000;

/// A small file that was checked.
pub struct SmallFile {
    /// Its rows.
    pub(super) rows: KeptRows,
    /// The plan by which they were written.
    pub(super) plan: LoadPlan,
    /// The contents that were checked.
    pub(super) outcome: Outcome,
}

/// Small files that wait to be stored.
pub struct Pool {
    files: Vec<(SourceFile, Outcome)>,
    rows: KeptRows,
    plan: Option<LoadPlan>,
    times: Option<(i64, i64)>,
    most: usize,
    dry: bool,
}

impl Pool {
    /// No files yet; their rows are stored at most so many at once, and with `dry` only counted.
    pub fn new(batch_rows: usize, dry: bool) -> Self {
        Self { files: Vec::new(), rows: KeptRows::default(), plan: None, times: None, most: batch_rows, dry }
    }

    /// True if the file's rows can be stored with those that wait: they have the same columns, are not too many, and no
    /// time between them is asked about that neither would be asked about alone.
    pub fn takes(&self, file: &SmallFile) -> bool {
        let is_near = match (self.times, file.outcome.checked.times) {
            (Some((from, to)), Some((begin, end))) => begin - SLACK <= to + SLACK && from - SLACK <= end + SLACK,
            _ => true,
        };
        let is_alike = self.plan.as_ref().is_none_or(|plan| plan.columns() == file.plan.columns());
        let (rows, bytes) =
            (self.rows.rows.len() + file.rows.rows.len(), self.rows.bytes.len() + file.rows.bytes.len());
        is_near && is_alike && rows <= self.most && bytes <= MAX_BATCH && self.files.len() < MAX_FILES
    }

    /// Adds a file that it takes.
    pub fn add(&mut self, source: SourceFile, file: SmallFile) {
        if let Some((from, to)) = file.outcome.checked.times {
            let (first, last) = self.times.get_or_insert((from, to));
            (*first, *last) = ((*first).min(from), (*last).max(to));
        }
        self.rows.append(file.rows);
        self.rows.files.push(self.rows.rows.len());
        self.plan.get_or_insert(file.plan);
        self.files.push((source, file.outcome));
    }

    /// Stores the rows of all files, all of them or none, and leaves no file.
    ///
    /// # Errors
    /// Why they were not stored, in one line.
    pub async fn store(&mut self, door: &Door<'_>) -> Result<Vec<(SourceFile, Outcome)>, String> {
        let Self { mut files, rows, plan, .. } = std::mem::replace(self, Self::new(self.most, self.dry));
        let Some(plan) = plan else { return Ok(files) };
        let stored = async {
            door.wait().await?;
            let sifted = door.sift(rows, &plan, &Lanes::default(), &mut Seen::default()).await?;
            let new = sifted.total().stored;
            if new > 0 && !self.dry {
                door.insert(&plan, sifted.rows, new, 0).await.map_err(io::Error::other)??;
            }
            Ok::<_, LoadError>(sifted.counts)
        };
        match (stored.await, files.as_slice()) {
            (Ok(counts), _) => {
                files.iter_mut().zip(counts).for_each(|((_, outcome), count)| outcome.stored = count);
                Ok(files)
            }
            (Err(error), [(only, _)]) => Err(format!("{}: {error}; {}", only.name, error.advice())),
            (Err(error), [(first, _), .., (last, _)]) => {
                let (first, last, count) = (&first.name, &last.name, files.len());
                let advice = error.advice();
                Err(format!("{first} to {last}: {error}; nothing of these {count} files is stored: {advice}"))
            }
            (Err(error), []) => Err(error.to_string()),
        }
    }
}
