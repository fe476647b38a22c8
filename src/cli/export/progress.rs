//! The progress of an export, on stderr: a line that changes on a terminal, a plain line now and then elsewhere.

use std::io::Write as _;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{HumanBytes, HumanCount, ProgressBar, ProgressStyle};

use super::question::Question;
use crate::report::form::ResultFormat;

/// Between two plain lines.
const EVERY: Duration = Duration::from_secs(10);

/// Between two looks of the bar.
const SOON: Duration = Duration::from_millis(200);

/// Counts what came, and tells it.
pub struct ExportProgress {
    name: String,
    is_quiet: bool,
    bar: ProgressBar,
    counts_rows: bool,
    is_csv: bool,
    has_head: bool,
    begun: Instant,
    counted: Mutex<RowsCame>,
}

#[derive(Clone, Copy, Debug)]
struct RowsCame {
    /// Of this run and those before.
    rows: u64,
    bytes: u64,
    /// Those of runs before.
    before: (u64, u64),
    /// Those of whole pieces.
    kept: (u64, u64),
    /// True within quotes, where a line's end is text.
    is_quoted: bool,
    said: Instant,
}

impl ExportProgress {
    /// Nothing has come yet.
    pub fn new(output: &Path, question: &Question, is_quiet: bool) -> Self {
        let bar = if is_quiet { ProgressBar::hidden() } else { ProgressBar::new_spinner() };
        let style =
            ProgressStyle::with_template("{spinner} {msg}").unwrap_or_else(|_| ProgressStyle::default_spinner());
        let now = Instant::now();
        let start = RowsCame { rows: 0, bytes: 0, before: (0, 0), kept: (0, 0), is_quoted: false, said: now };
        Self {
            name: if output.as_os_str() == "-" { "export".to_owned() } else { output.display().to_string() },
            is_quiet,
            bar: bar.with_style(style),
            is_csv: question.format().is_csv(),
            counts_rows: matches!(question.format(), ResultFormat::Csv | ResultFormat::Ndjson),
            has_head: question.has_head(),
            begun: now,
            counted: Mutex::new(start),
        }
    }

    fn counted<T>(&self, work: impl FnOnce(&mut RowsCame) -> T) -> T {
        work(&mut self.counted.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// It goes on behind so many rows and bytes.
    pub fn goes_on_from(&self, rows: u64, bytes: u64) {
        let has_head = self.has_head;
        self.counted(|counted| {
            // Lines are counted, and the first is of names.
            let lines = if bytes > 0 && has_head { rows + 1 } else { rows };
            (counted.rows, counted.bytes, counted.before, counted.kept) = (lines, bytes, (rows, bytes), (lines, bytes));
        });
    }

    /// So many bytes came.
    pub fn took(&self, piece: &[u8]) {
        let is_time = self.counted(|counted| {
            counted.bytes += piece.len() as u64;
            if self.counts_rows {
                for place in memchr::memchr2_iter(b'"', b'\n', piece) {
                    match piece.get(place) {
                        // Only lines of CSV hold line ends.
                        Some(b'"') => counted.is_quoted = self.is_csv && !counted.is_quoted,
                        _ if !counted.is_quoted => counted.rows += 1,
                        _ => {}
                    }
                }
            }
            let every = if self.bar.is_hidden() { EVERY } else { SOON };
            let is_time = counted.said.elapsed() >= every;
            if is_time {
                counted.said = Instant::now();
            }
            is_time
        });
        if is_time && !self.is_quiet {
            let line = self.line();
            match self.bar.is_hidden() {
                true => self.say(&line),
                false => self.bar.set_message(format!("{}: {line}", self.name)),
            }
        }
    }

    /// Takes back all that came since the last whole piece.
    pub fn take_back(&self) {
        self.counted(|counted| ((counted.rows, counted.bytes), counted.is_quoted) = (counted.kept, false));
    }

    /// Keeps all that came.
    pub fn keep(&self) {
        self.counted(|counted| counted.kept = (counted.rows, counted.bytes));
    }

    /// Rows so far, where they can be counted.
    pub fn rows(&self) -> u64 {
        let head = u64::from(self.has_head);
        self.counted(|counted| counted.rows.saturating_sub(head))
    }

    /// `1,064,531 rows, 219.35 MiB in 3 s, 354,843 rows/s`, of bytes where rows cannot be counted.
    fn line(&self) -> String {
        let rows = self.rows();
        let (bytes, before) = self.counted(|counted| (counted.bytes, counted.before));
        let took = self.begun.elapsed().as_secs_f64().max(0.001);
        let rate = |all: u64, before: u64| (all.saturating_sub(before) as f64 / took) as u64;
        let seconds = took.round() as u64;
        match self.counts_rows {
            true => format!(
                "{} rows, {} in {seconds} s, {} rows/s",
                HumanCount(rows),
                HumanBytes(bytes),
                HumanCount(rate(rows, before.0))
            ),
            false => format!("{} in {seconds} s, {}/s", HumanBytes(bytes), HumanBytes(rate(bytes, before.1))),
        }
    }

    fn say(&self, line: &str) {
        // A closed stderr is no reason to fail.
        let _ = writeln!(std::io::stderr(), "{}: {line}", self.name);
    }

    /// Says a line about what goes on.
    pub fn note(&self, line: &str) {
        if !self.is_quiet {
            self.bar.suspend(|| self.say(line));
        }
    }

    /// Says that it is whole.
    pub fn done(&self, to: &str) {
        self.bar.finish_and_clear();
        if !self.is_quiet {
            let _ = writeln!(std::io::stderr(), "{to}: whole: {}", self.line());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_lines_but_for_ends_in_quotes_and_the_head() {
        for (more, head) in [(&[][..], 1), (&["csv-header=false".to_owned()][..], 0)] {
            let question = Question::new("cdrs", more, Path::new("x.csv")).unwrap();
            let progress = ExportProgress::new(Path::new("x.csv"), &question, true);
            for piece in ["id,\"na", "me\"\r\n1,\"a\r", "\n\"\"b\"\r\n", "2,\"\"\r\n"] {
                progress.took(piece.as_bytes());
            }
            assert_eq!(progress.rows(), 3 - head);
            progress.keep();
            progress.took(b"3,\"x");
            progress.take_back();
            progress.took(b"3,x\r\n");
            assert_eq!(progress.rows(), 4 - head);
            assert!(progress.line().starts_with(&format!("{} rows, ", 4 - head)), "{}", progress.line());
        }
    }
}
