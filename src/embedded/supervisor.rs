//! Keeps one engine running: a thread that starts it again after a crash, and ends with it when asked to.
//!
//! A thread rather than a task: the engine outlives the runtime of whoever started it, one test's for instance.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::child::STOP_LIMIT;
use super::launch::{Launch, Process, Start};
use super::link::Link;
use super::{EngineError, home, journal};

/// The time between two checks of the child; a crash is noticed within it.
const LOOK: Duration = Duration::from_millis(50);
/// The time between two checks of the log's length.
const LOG_LOOK: Duration = Duration::from_secs(10);
/// The pause before the first restart; it doubles with each crash that follows.
const FIRST_PAUSE: Duration = Duration::from_millis(200);
/// The longest pause.
const LAST_PAUSE: Duration = Duration::from_secs(10);
/// An engine that ran this long has recovered: the next crash is a first one again.
const STEADY: Duration = Duration::from_secs(30);

/// Restarts of engines of this process.
static RESTARTS: AtomicU64 = AtomicU64::new(0);

/// The number of times that an engine of this process was started again after it had ended by itself.
#[must_use]
pub fn restarts() -> u64 {
    RESTARTS.load(Ordering::Relaxed)
}

/// The handle on the thread; dropping it stops the engine without waiting for it.
#[derive(Debug)]
pub(super) struct Supervisor {
    shared: Arc<SharedChild>,
    thread: JoinHandle<()>,
}

#[derive(Debug)]
struct SharedChild {
    state: Mutex<ChildState>,
    stop_asked: Condvar,
}

#[derive(Debug)]
struct ChildState {
    child: Option<Process>,
    /// Set while the child does not listen yet.
    coming: Option<Start>,
    /// Set when the engine is to stop: when it will be killed.
    kill_at: Option<Instant>,
}

impl Supervisor {
    /// Takes over a running child; `link` is told of those that follow.
    pub(super) fn start(launch: Launch, child: Process, link: Link) -> Result<Self, EngineError> {
        let state = Mutex::new(ChildState { child: Some(child), coming: None, kill_at: None });
        let shared = Arc::new(SharedChild { state, stop_asked: Condvar::new() });
        let watched = Arc::clone(&shared);
        let thread = std::thread::Builder::new()
            .name("engine".to_owned())
            .spawn(move || watched.keep_running(&launch, &link))
            .map_err(EngineError::Child)?;
        Ok(Self { shared, thread })
    }

    /// The child that runs now.
    pub(super) fn pid(&self) -> Option<u32> {
        self.shared.lock().child.as_ref().map(Process::id)
    }

    /// Stops the engine and waits for its end.
    pub(super) async fn stop(self) {
        self.shared.ask_to_stop();
        while !self.thread.is_finished() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

impl Drop for Supervisor {
    fn drop(&mut self) {
        self.shared.ask_to_stop();
    }
}

impl SharedChild {
    fn lock(&self) -> MutexGuard<'_, ChildState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn ask_to_stop(&self) {
        let mut state = self.lock();
        state.kill_at.get_or_insert_with(|| Instant::now() + STOP_LIMIT);
        if let Some(child) = &mut state.child {
            child.let_go();
        }
        self.stop_asked.notify_all();
    }

    fn keep_running(&self, launch: &Launch, link: &Link) {
        let mut pause = FIRST_PAUSE;
        loop {
            let began = Instant::now();
            let end = self.until_ended(launch, link);
            if self.lock().kill_at.is_some() {
                return;
            }
            // What is in it leads to nobody now, or to a stranger.
            if let Err(error) = home::remove_access(&launch.dir) {
                log::warn!("{error}");
            }
            if began.elapsed() >= STEADY {
                pause = FIRST_PAUSE;
            }
            log::warn!("the ClickHouse engine {end}; it is started again in {:.1} s", pause.as_secs_f64());
            if self.stop_asked_within(pause) {
                return;
            }
            pause = LAST_PAUSE.min(pause * 2);
            match journal::rotate(&launch.dir).and_then(|_| launch.start()) {
                Ok((child, start)) => {
                    RESTARTS.fetch_add(1, Ordering::Relaxed);
                    self.adopt(child, start);
                }
                Err(error) => log::warn!("{error}"),
            }
        }
    }

    /// Returns when no child runs, with what became of it.
    fn until_ended(&self, launch: &Launch, link: &Link) -> String {
        let mut log_seen = Instant::now();
        let mut state = self.lock();
        loop {
            if log_seen.elapsed() >= LOG_LOOK {
                log_seen = Instant::now();
                if let Err(error) = journal::cut(&launch.dir) {
                    log::warn!("{error}");
                }
            }
            let ChildState { child, coming, kill_at } = &mut *state;
            let Some(child) = child else {
                return "did not start".to_owned();
            };
            if let Some(access) = coming.as_ref().and_then(|start| start.access(child)) {
                *coming = None;
                let told = home::remove_settings(&launch.dir).and_then(|()| home::write_access(&launch.dir, &access));
                link.renew(access);
                if let Err(error) = told {
                    log::warn!("{error}");
                }
            }
            let end = match child.try_wait() {
                Ok(None) => None,
                Ok(Some(status)) => Some(format!("ended ({status})")),
                Err(error) => Some(format!("cannot be watched ({error})")),
            };
            if let Some(end) = end {
                (state.child, state.coming) = (None, None);
                return end;
            }
            if kill_at.is_some_and(|at| at <= Instant::now()) {
                log::warn!("the ClickHouse engine does not stop; it is killed");
                if let Err(error) = child.kill() {
                    log::warn!("cannot kill the ClickHouse engine: {error}");
                }
            }
            state = self.stop_asked.wait_timeout(state, LOOK).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Sleeps, unless the engine is to stop.
    fn stop_asked_within(&self, pause: Duration) -> bool {
        let wait = self.stop_asked.wait_timeout_while(self.lock(), pause, |state| state.kill_at.is_none());
        wait.unwrap_or_else(PoisonError::into_inner).0.kill_at.is_some()
    }

    fn adopt(&self, mut child: Process, start: Start) {
        let mut state = self.lock();
        if state.kill_at.is_some() {
            // Asked to stop while it was being started.
            child.let_go();
        }
        (state.child, state.coming) = (Some(child), Some(start));
    }
}
