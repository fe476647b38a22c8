//! The progress of a load: a bar on a terminal, a plain line now and then elsewhere, and the wish to stop.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use indicatif::ProgressBar;

/// Between two plain lines.
const EVERY: Duration = Duration::from_secs(10);
/// Between two looks of the bar.
const SOON: Duration = Duration::from_millis(200);

/// Shared by everything that works at a file.
#[derive(Clone)]
pub struct Progress {
    /// Hidden where nobody looks.
    pub bar: ProgressBar,
    stop: Arc<AtomicBool>,
    shared: Arc<Shared>,
}

struct Shared {
    /// Takes plain lines.
    plain: Option<Box<dyn Fn(String) + Send + Sync>>,
    every: Duration,
    bytes: u64,
    read: AtomicU64,
    phase: Mutex<Phase>,
}

struct Phase {
    name: &'static str,
    begun: Instant,
    said: Instant,
}

impl Progress {
    /// Of a file of `bytes`; `plain` gets lines where there is no terminal. `stop` is set from outside.
    pub fn new(
        bar: ProgressBar,
        bytes: u64,
        stop: Arc<AtomicBool>,
        plain: Option<Box<dyn Fn(String) + Send + Sync>>,
    ) -> Self {
        let every = if plain.is_some() { EVERY } else { SOON };
        let phase = Phase { name: "", begun: Instant::now(), said: Instant::now() };
        let shared = Shared { plain, every, bytes, read: AtomicU64::new(0), phase: Mutex::new(phase) };
        Self { bar, stop, shared: Arc::new(shared) }
    }

    /// Shows nothing and never stops.
    pub fn hidden() -> Self {
        Self::new(ProgressBar::hidden(), 0, Arc::default(), None)
    }

    /// True once the load is to end.
    pub fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// A reading of the file begins.
    pub fn phase(&self, name: &'static str) {
        self.bar.set_position(0);
        self.bar.set_message(name);
        self.shared.read.store(0, Ordering::Relaxed);
        let mut phase = self.shared.phase.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        // Lines are as far apart as ever where phases are short.
        *phase = Phase { name, begun: now, said: if phase.name.is_empty() { now } else { phase.said } };
    }

    /// So many bytes more of the file were read.
    pub fn bytes(&self, read: u64) {
        self.bar.inc(read);
        self.shared.read.fetch_add(read, Ordering::Relaxed);
    }

    /// That share of the phase is over, from 0 to 1.
    pub fn reach(&self, share: f64) {
        let reached = (self.shared.bytes as f64 * share) as u64;
        self.bar.set_position(reached);
        self.shared.read.store(reached, Ordering::Relaxed);
    }

    /// So many rows of this phase were read, of which so many are bad.
    pub fn rows(&self, rows: u64, rejected: u64) {
        let mut phase = self.shared.phase.lock().unwrap_or_else(PoisonError::into_inner);
        if phase.said.elapsed() < self.shared.every {
            return;
        }
        phase.said = Instant::now();
        let (name, took) = (phase.name, phase.begun.elapsed().as_secs_f64());
        drop(phase);
        let rate = rows as f64 / took.max(0.001);
        let line = format!("{name} {rows} rows, {rate:.0} rows/s, {rejected} rejected");
        match &self.shared.plain {
            None => self.bar.set_message(line),
            Some(say) => say(format!("{line}{}", self.left(took))),
        }
    }

    /// The share of the phase that is over, and the time that is left of it.
    fn left(&self, took: f64) -> String {
        let (read, all) = (self.shared.read.load(Ordering::Relaxed) as f64, self.shared.bytes as f64);
        if read <= 0.0 || all <= 0.0 {
            return String::new();
        }
        let share = (read / all).min(1.0);
        format!(", {:.0} %, {:.0} s left", share * 100.0, took / share - took)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_lines_have_rows_rate_rejects_and_time_left_and_are_seldom() {
        let (sender, lines) = std::sync::mpsc::channel();
        let say = move |line| drop(sender.send(line));
        let mut progress = Progress::new(ProgressBar::hidden(), 100, Arc::default(), Some(Box::new(say)));
        progress.phase("checking");
        progress.bytes(50);
        progress.rows(1024, 3);
        assert_eq!(lines.try_recv().ok(), None);
        Arc::get_mut(&mut progress.shared).unwrap().every = Duration::ZERO;
        progress.rows(2048, 4);
        let line = lines.try_recv().unwrap();
        assert!(line.starts_with("checking 2048 rows, ") && line.contains(" rows/s, 4 rejected, 50 %, "), "{line}");
        assert!(line.ends_with(" s left"), "{line}");
    }
}
