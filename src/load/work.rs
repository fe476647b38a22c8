//! A file that was checked: its rows are stored, or collected to be put in place of others. Rows that were not kept are
//! read once more.

use std::sync::{Arc, Mutex, PoisonError};

use super::batches::Batches;
use super::check::Form;
use super::door::Door;
use super::input::Input;
use super::plan::LoadPlan;
use super::pool::SmallFile;
use super::progress::Progress;
use super::spool::{KeptRows, SpooledRows};
use super::stage::Stage;
use super::store::{LoadError, Stored, store};
use super::swap::Swap;
use super::{LoadOptions, OnKnown, Outcome};

/// Rows of a file that is stored together with others, at most.
const ROWS: usize = 10_000;
/// Bytes of its rows, at most.
const SMALL: usize = 8 << 20;

/// A file that was checked.
pub struct CheckedFile<'a> {
    /// The file.
    pub input: Input,
    /// Its form.
    pub form: Form,
    /// The plan by which its rows are written.
    pub plan: LoadPlan,
    /// The options of the load.
    pub options: &'a LoadOptions,
    /// Shows how far it is.
    pub progress: &'a Progress,
    /// Its rows, where they were kept.
    pub kept: Option<Arc<Mutex<SpooledRows>>>,
}

impl CheckedFile<'_> {
    async fn pass(&self, door: &Door<'_>, dry: bool, stored: &mut Stored) -> Result<(), LoadError> {
        let (opened, reading, runtime) = (self.input.clone(), self.progress.clone(), tokio::runtime::Handle::current());
        let (kept, form, plan) = (self.kept.clone(), self.form, self.plan.clone());
        self.progress.phase("loading");
        let feed = move |batches: &mut Batches| match kept {
            Some(kept) => batches.take(&mut kept.lock().unwrap_or_else(PoisonError::into_inner), &reading),
            None => {
                let _entered = runtime.enter();
                batches.read(opened.open(&reading)?, form, &plan)
            }
        };
        store(door, feed, self.options.batch_rows, &self.plan, dry, self.progress, stored).await
    }

    /// Stores the rows that are new.
    pub async fn store(&self, door: &Door<'_>, mut outcome: Outcome) -> Result<Outcome, String> {
        door.wait().await.map_err(|error| error.to_string())?;
        if self.options.on_known == OnKnown::Fail && !self.options.dry_run {
            self.fail_on_known(door).await?;
        }
        let done = self.pass(door, self.options.dry_run, &mut outcome.stored).await;
        done.map_err(|error| {
            let Stored { stored, known, .. } = outcome.stored;
            let advice = error.advice();
            format!("{error}; {stored} rows were stored before, {known} were there: {advice}")
        })?;
        Ok(outcome)
    }

    /// Adds the rows to those that are swapped in when all files are read.
    pub async fn add(&self, swap: &mut Swap<'_>, outcome: Outcome) -> Result<Outcome, String> {
        // Its day would be emptied, or swapped for the rows of other files alone.
        if outcome.checked.times.is_none() {
            return Err("has no rows: nothing was stored (--replace)".to_owned());
        }
        if self.options.on_known == OnKnown::Replace {
            self.known_by(&outcome)?;
            outcome.checked.times.into_iter().for_each(|times| swap.covers(times));
        }
        self.collect(&swap.door(), outcome).await
    }

    fn known_by(&self, outcome: &Outcome) -> Result<(), String> {
        match outcome.checked.keyless + outcome.checked.by_contents {
            0 => Ok(()),
            rows => Err(format!("{rows} rows have neither id nor uuid to be known by (--on-known replace)")),
        }
    }

    async fn fail_on_known(&self, door: &Door<'_>) -> Result<(), String> {
        let mut found = Stored::default();
        self.pass(door, true, &mut found).await.map_err(|error| error.to_string())?;
        match (found.known, found.repeated) {
            (0, _) => Ok(()),
            (known, repeated) if known == repeated => Err(format!(
                "{repeated} rows have the id of an earlier one of this file: nothing was stored (--on-known fail)"
            )),
            (known, _) => Err(format!("{known} rows are already there: nothing was stored (--on-known fail)")),
        }
    }

    /// Stores the rows beside the table.
    async fn collect(&self, beside: &Door<'_>, mut outcome: Outcome) -> Result<Outcome, String> {
        if self.options.on_known == OnKnown::Fail {
            self.fail_on_known(beside).await?;
        }
        let done = self.pass(beside, false, &mut outcome.stored).await;
        done.map_err(|error| format!("{error}; nothing was stored"))?;
        Ok(outcome)
    }

    /// Puts the rows in place of those that are there.
    pub async fn replace_known(&self, door: &Door<'_>, outcome: Outcome) -> Result<Outcome, String> {
        self.known_by(&outcome)?;
        door.wait().await.map_err(|error| error.to_string())?;
        let Some(times) = outcome.checked.times else { return Ok(outcome) };
        let mut swap = Swap::begin(door, None, true).await?;
        swap.covers(times);
        let collected = async {
            let mut outcome = self.collect(&swap.door(), outcome).await?;
            outcome.stored.replaced = Some(swap.counts().await?.0.0);
            Ok(outcome)
        };
        let collected = collected.await;
        if self.options.dry_run || collected.is_err() {
            swap.give_up().await;
            return collected;
        }
        swap.apply().await?;
        collected
    }
}

/// A file that was checked and is not stored yet.
pub struct PendingFile<'a> {
    pub(super) work: CheckedFile<'a>,
    pub(super) outcome: Outcome,
    pub(super) stage: Option<Stage>,
}

impl PendingFile<'_> {
    /// Stores its rows; with `swap`, they are collected there.
    ///
    /// # Errors
    /// Why nothing was stored, or why not all; each in one line.
    pub async fn store(self, door: &Door<'_>, swap: Option<&mut Swap<'_>>) -> Result<Outcome, String> {
        let Self { work, outcome, stage } = self;
        let stored = match swap {
            Some(swap) => work.add(swap, outcome).await,
            None if work.options.on_known == OnKnown::Replace => work.replace_known(door, outcome).await,
            None => work.store(door, outcome).await,
        };
        Stage::drop_any(stage).await;
        stored
    }

    /// The file as one that is stored together with others, or itself where it is too large or has to be alone.
    ///
    /// # Errors
    /// Its rows cannot be read any more.
    pub async fn small(self) -> Result<Result<SmallFile, Self>, String> {
        let LoadOptions { on_known, replace, batch_rows, .. } = self.work.options;
        let may = *on_known == OnKnown::Skip && replace.is_none();
        let is_small =
            |kept: &SpooledRows| kept.size <= SMALL && self.outcome.checked.rows <= (*batch_rows).min(ROWS) as u64;
        let kept = self.work.kept.as_ref().filter(|_| may);
        let Some(kept) = kept.filter(|kept| is_small(&kept.lock().unwrap_or_else(PoisonError::into_inner))) else {
            return Ok(Err(self));
        };
        let mut rows = KeptRows::default();
        let read = kept.lock().unwrap_or_else(PoisonError::into_inner).read(|part, _| {
            rows.append(part);
            true
        });
        let Self { work, outcome, stage } = self;
        Stage::drop_any(stage).await;
        read.map_err(|error| error.to_string())?;
        Ok(Ok(SmallFile { rows, plan: work.plan, outcome }))
    }
}
