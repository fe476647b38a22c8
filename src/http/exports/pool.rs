//! The threads that make files of jobs, one job a thread at a time. What they wait for, the disk too, holds up nobody else.

use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Builder;
use tokio::task::LocalSet;

use super::super::state::State;
use super::{recurring, work};
use crate::jobs::{Jobs, now};
use crate::priority;

/// Time between two looks for what has expired, and for recurring files that are due.
const SWEEP: Duration = Duration::from_secs(10);

/// Longest wait for the jobs to stop.
const STOP: Duration = Duration::from_secs(5);

/// To the slots of files all jobs together are one customer, so that each customer's own share is left to its requests.
const ALL_JOBS: u32 = u32::MAX;

/// The threads of a service.
pub struct JobPool {
    jobs: Arc<Jobs>,
    ended: std::sync::mpsc::Receiver<()>,
    threads: usize,
}

impl JobPool {
    /// Begins with what waits.
    ///
    /// # Errors
    /// The system gives no threads.
    pub fn start(state: &Arc<State>, jobs: &Arc<Jobs>) -> std::io::Result<Self> {
        let (sender, ended) = std::sync::mpsc::channel();
        let workers = state.config.exports.jobs;
        for number in 0..=workers {
            let (state, jobs, sender) = (Arc::clone(state), Arc::clone(jobs), sender.clone());
            let run = move || {
                priority::lower();
                match Builder::new_current_thread().enable_all().build() {
                    Ok(runtime) if number == 0 => runtime.block_on(keep(&state, &jobs)),
                    Ok(runtime) => LocalSet::new().block_on(&runtime, work_on(&state, &jobs)),
                    Err(error) => log::error!("no thread for exports: {error}"),
                }
                // Whoever waited may have gone.
                let _ = sender.send(());
            };
            std::thread::Builder::new().name("exports".into()).spawn(run)?;
        }
        Ok(Self { jobs: Arc::clone(jobs), ended, threads: workers + 1 })
    }

    /// Stops the jobs that run, which begin again with the next service, and lets that have the directory.
    pub fn stop(self) {
        self.jobs.close();
        let until = std::time::Instant::now() + STOP;
        for _ in 0..self.threads {
            let left = until.saturating_duration_since(std::time::Instant::now());
            if self.ended.recv_timeout(left).is_err() {
                // What it writes would be behind the back of the next service, so that has to wait for the end of the process.
                log::warn!("exports: a job does not stop");
                return;
            }
        }
        self.jobs.release();
        log::info!("exports: stopped");
    }
}

/// Makes file after file.
async fn work_on(state: &Arc<State>, jobs: &Arc<Jobs>) {
    // Whoever waits for an answer goes first: a job queues for no slot.
    while let Some((ticket, slot)) = jobs.next(now, || state.engine.store.exports().take_free(ALL_JOBS, 1)).await {
        let (id, state) = (ticket.id(), Arc::clone(state));
        // A task of its own: a panic in it fails one job.
        if tokio::task::spawn_local(async move { work::make(&state, ticket, slot).await }).await.is_err() {
            log::error!("export {id}: a fault of the service");
        }
    }
}

/// Removes what has expired, and asks for recurring files that are due; asks stores meanwhile whether they would take one.
async fn keep(state: &Arc<State>, jobs: &Arc<Jobs>) {
    let probed = async {
        tokio::select! {
            () = recurring::probe_all(state) => {}
            () = jobs.closed() => {}
        }
    };
    tokio::join!(probed, sweep(state, jobs));
}

async fn sweep(state: &Arc<State>, jobs: &Arc<Jobs>) {
    loop {
        recurring::look(state, jobs, now());
        if tokio::time::timeout(SWEEP, jobs.closed()).await.is_ok() {
            return;
        }
        jobs.sweep(now());
    }
}
