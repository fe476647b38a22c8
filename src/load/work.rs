//! The second reading of a file that was checked: its rows are stored, or collected to be put in place of others.

use super::check::Form;
use super::input::Input;
use super::plan::Plan;
use super::progress::Progress;
use super::store::{Door, StoreError, Stored, store};
use super::swap::Swap;
use super::{OnKnown, Options, Outcome};

/// The second reading of a file that was checked.
pub struct Work<'a> {
    /// The file.
    pub input: Input,
    /// How it is read.
    pub form: Form,
    /// How its rows are written.
    pub plan: Plan,
    /// How it is loaded.
    pub options: &'a Options,
    /// Shows how far it is.
    pub progress: &'a Progress,
}

impl Work<'_> {
    async fn pass(&self, door: &Door<'_>, dry: bool, stored: &mut Stored) -> Result<(), StoreError> {
        let (opened, reading, runtime) = (self.input.clone(), self.progress.clone(), tokio::runtime::Handle::current());
        self.progress.phase("loading");
        let from = move || {
            let _entered = runtime.enter();
            opened.open(&reading)
        };
        store(door, from, (self.form, self.options.batch_rows), &self.plan, dry, self.progress, stored).await
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
            format!("{error}; {stored} rows were stored before, {known} were there: load it again, they count once")
        })?;
        Ok(outcome)
    }

    /// Adds the rows to those that are swapped in when all files are read.
    pub async fn add(&self, swap: &mut Swap<'_>, outcome: Outcome) -> Result<Outcome, String> {
        if self.options.on_known == OnKnown::Replace {
            self.known_by(&outcome)?;
            outcome.checked.times.into_iter().for_each(|times| swap.covers(times));
        }
        self.collect(&swap.door(), outcome).await
    }

    fn known_by(&self, outcome: &Outcome) -> Result<(), String> {
        match outcome.checked.keyless {
            0 => Ok(()),
            rows => Err(format!("{rows} rows have neither id nor uuid to be known by (--on-known replace)")),
        }
    }

    async fn fail_on_known(&self, door: &Door<'_>) -> Result<(), String> {
        let mut found = Stored::default();
        self.pass(door, true, &mut found).await.map_err(|error| error.to_string())?;
        match found.known {
            0 => Ok(()),
            known => Err(format!("{known} rows are already there: nothing was stored (--on-known fail)")),
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
