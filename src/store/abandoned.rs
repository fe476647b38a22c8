//! Statements whose caller left, or did not wait any longer. ClickHouse ends them between two blocks of rows, and some blocks
//! take long; a slot is free when its statement has ended, not before.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::runtime::Handle;

use super::clients::PerThread;
use super::in_time;
use crate::fair::Permit;
use crate::shown::Cause;

/// Until the first look, and between the next ones: as a rule ClickHouse has ended the statement by then.
const LOOKS: (Duration, Duration) = (Duration::from_millis(50), Duration::from_millis(250));

/// A statement is given up after that: its server was restarted, or another one answers.
const LONGEST: Duration = Duration::from_secs(600);

/// Statements that were left and have not ended.
pub(super) struct Abandoned {
    clients: Arc<PerThread>,
    all: Mutex<Vec<LeftStatement>>,
}

struct LeftStatement {
    id: String,
    since: Instant,
    _slot: Permit,
}

/// A statement that runs: left when it is dropped before its end.
pub(super) struct Running {
    left: Arc<Abandoned>,
    statement: Option<(String, Permit)>,
}

impl Running {
    /// The statement has ended, one way or the other.
    pub(super) fn ended(mut self) {
        self.statement = None;
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some((id, slot)) = self.statement.take() {
            self.left.add(LeftStatement { id, since: Instant::now(), _slot: slot });
        }
    }
}

impl Abandoned {
    pub(super) fn new(clients: Arc<PerThread>) -> Arc<Self> {
        Arc::new(Self { clients, all: Mutex::default() })
    }

    /// Holds the slot of a statement that is about to run.
    pub(super) fn hold(self: &Arc<Self>, id: String, slot: Permit) -> Running {
        Running { left: Arc::clone(self), statement: Some((id, slot)) }
    }

    /// Statements that were left and have not ended.
    pub(super) fn count(&self) -> usize {
        self.lock().len()
    }

    fn add(self: &Arc<Self>, statement: LeftStatement) {
        // Without a runtime the process is about to end.
        let Ok(runtime) = Handle::try_current() else { return };
        let mut all = self.lock();
        all.push(statement);
        if all.len() == 1 {
            drop(runtime.spawn(Arc::clone(self).watch()));
        }
    }

    /// Looks until none is left.
    async fn watch(self: Arc<Self>) {
        // When it ends early, with its runtime, nobody looks at the list any more.
        let give_up = GiveUp(&self);
        tokio::time::sleep(LOOKS.0).await;
        while self.look().await > 0 {
            tokio::time::sleep(LOOKS.1).await;
        }
        std::mem::forget(give_up);
    }

    /// Frees the slots of those that have ended, and gives how many have not.
    async fn look(&self) -> usize {
        let ids: Vec<String> = self.lock().iter().map(|one| one.id.clone()).collect();
        let mut ended = Vec::new();
        for id in ids {
            if self.has_ended(&id).await {
                ended.push(id);
            }
        }
        let mut all = self.lock();
        let gone = |one: &mut LeftStatement| ended.contains(&one.id) || one.since.elapsed() > LONGEST;
        let gone: Vec<LeftStatement> = all.extract_if(.., gone).collect();
        let left = all.len();
        drop(all);
        drop(gone);
        left
    }

    /// ClickHouse refuses an id that a statement has which still runs. To be asked takes no right to read system.processes.
    async fn has_ended(&self, id: &str) -> bool {
        let client = self.clients.get();
        match in_time(client.query_raw("SELECT 1").with_setting("query_id", id).fetch_one::<u8>()).await {
            Ok(_) => true,
            Err(error) => {
                log::debug!("query {id} may run on: {}", Cause(&error));
                false
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<LeftStatement>> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct GiveUp<'a>(&'a Abandoned);

impl Drop for GiveUp<'_> {
    fn drop(&mut self) {
        let all = std::mem::take(&mut *self.0.lock());
        drop(all);
    }
}
