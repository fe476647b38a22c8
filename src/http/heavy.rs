//! Threads for work on large results, so that it does not delay the small requests of the workers.

use std::future::Future;
use std::sync::{Arc, OnceLock};

use tokio::runtime::{Builder, Runtime};
use tokio::task::{AbortHandle, JoinHandle};

use super::error::ApiError;
use super::trail;
use crate::priority;
use crate::store::{REQUEST, RequestScope, in_same_lane};

/// The threads of the process; `None` where the system gives none.
fn runtime() -> Option<&'static Runtime> {
    static RUNTIME: OnceLock<Option<Runtime>> = OnceLock::new();
    let make = || {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Builder::new_multi_thread()
            // Two at least, so that one customer's does not hold up all others'.
            .worker_threads(cores.div_ceil(2).max(2))
            .thread_name("large results")
            .on_thread_start(priority::lower)
            .enable_all()
            .build()
            .map_err(|error| log::error!("no threads for large results: {error}"))
            .ok()
    };
    RUNTIME.get_or_init(make).as_ref()
}

/// Aborts a task when the one who waits for it goes away.
#[derive(Debug, Default)]
pub struct Aborts(Option<AbortHandle>);

impl Aborts {
    /// Aborts this task.
    pub fn on(&mut self, task: AbortHandle) {
        self.0 = Some(task);
    }

    /// Lets the task go on.
    pub fn release(mut self) {
        self.0 = None;
    }
}

impl Drop for Aborts {
    fn drop(&mut self) {
        if let Some(task) = &self.0 {
            task.abort();
        }
    }
}

/// Runs `work` that never waits on a thread of its own, which is as polite; it is told when the caller waits no longer.
///
/// # Errors
/// When there are no such threads, or the work panicked.
pub async fn block<T: Send + 'static>(
    work: impl FnOnce(&dyn Fn() -> bool) -> T + Send + 'static,
) -> Result<T, ApiError> {
    let runtime = runtime().ok_or(ApiError::Internal)?;
    let waiting = Arc::new(());
    let waiter = Arc::downgrade(&waiting);
    let task = runtime.spawn_blocking(move || work(&|| waiter.strong_count() > 0));
    // A panic has been logged.
    let done = task.await.map_err(|_panic| ApiError::Internal);
    drop(waiting);
    done
}

/// Begins `work` on these threads.
///
/// # Errors
/// When there are no such threads.
pub fn spawn<T: Send + 'static>(work: impl Future<Output = T> + Send + 'static) -> Result<JoinHandle<T>, ApiError> {
    let request = RequestScope::current();
    let runtime = runtime().ok_or(ApiError::Internal)?;
    Ok(runtime.spawn(REQUEST.scope(request, in_same_lane(trail::carried(work)))))
}

/// Runs `work` on these threads, for as long as the caller waits for it.
///
/// # Errors
/// When there are no such threads, or the work panicked.
pub async fn run<T: Send + 'static>(work: impl Future<Output = T> + Send + 'static) -> Result<T, ApiError> {
    let task = spawn(work)?;
    let mut aborts = Aborts::default();
    aborts.on(task.abort_handle());
    // A panic has been logged.
    task.await.map_err(|_panic| ApiError::Internal)
}
