//! The request that a task answers: its id, and its statements.

use std::fmt::{self, Display, Formatter};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::REQUEST;

/// A request, shared by all tasks that work for it.
#[derive(Clone, Debug, Default)]
pub struct RequestScope {
    /// The id in the log.
    id: Arc<str>,
    /// Statements that hold a slot.
    running: Arc<AtomicUsize>,
}

impl RequestScope {
    /// The request of the task at hand; one without an id if it works for none.
    pub fn current() -> Self {
        REQUEST.try_with(Clone::clone).unwrap_or_default()
    }

    /// True while a statement of it holds a slot.
    pub(super) fn is_running(&self) -> bool {
        self.running.load(Ordering::Relaxed) > 0
    }

    /// Counts a statement until the guard is dropped.
    pub(super) fn begin(&self) -> impl Drop + use<> {
        self.running.fetch_add(1, Ordering::Relaxed);
        StatementCount(Arc::clone(&self.running))
    }
}

impl From<&str> for RequestScope {
    fn from(id: &str) -> Self {
        Self { id: id.into(), running: Arc::default() }
    }
}

impl Display for RequestScope {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(&self.id)
    }
}

struct StatementCount(Arc<AtomicUsize>);

impl Drop for StatementCount {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
