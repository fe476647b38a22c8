//! The priority of threads. Large results are made by threads of a low one, so that small requests do not wait for them.
//!
//! Where other programs want the processor too, a thread of low priority may stand still for seconds. Nobody may wait for it
//! who does not wait for its own result: what a lock guards across a wait is apart for the two kinds of threads.

use std::cell::Cell;

/// Politeness of threads of low priority towards the others.
const NICE: i32 = 10;

thread_local! {
    static IS_LOW: Cell<bool> = const { Cell::new(false) };
}

/// Gives the thread at hand a low priority, for its whole life.
pub fn lower() {
    IS_LOW.set(true);
    // On Linux it is the thread's own.
    if let Err(error) = rustix::process::setpriority_process(None, NICE) {
        log::debug!("threads for large results have the workers' priority: {error}");
    }
}

/// True on a thread of low priority.
pub fn is_low() -> bool {
    IS_LOW.get()
}
