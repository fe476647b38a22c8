//! Lines for people and programs that read on later: who asked, who was given which data. A thread of their own writes them,
//! so that a slow or full disk holds up no request. Lines that cannot be written wait; beyond a bound they are lost and counted.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};

use crate::metrics::Counter;

/// Lines that may wait to be written.
const MOST_LINES: usize = 64 * 1024;

/// Bytes of the lines that may wait.
const MOST_BYTES: usize = 16 * 1024 * 1024;

/// Bytes that are written at once, if as many wait.
const BATCH: usize = 64 * 1024;

/// Time between two tries to write what could not be written.
const AGAIN: Duration = Duration::from_millis(250);

/// Time between two complaints of lines that wait or are lost.
const COMPLAINTS: Duration = Duration::from_secs(60);

/// Longest wait for the last lines when the service stops.
const LAST: Duration = Duration::from_secs(2);

/// Where lines go.
#[derive(Clone, Debug)]
pub enum Sink {
    /// The process's stderr, beside the log.
    Stderr,
    /// A file, appended to and opened anew when something else stands under its name.
    File(PathBuf),
}

/// A stream of lines with a thread that writes them.
#[derive(Debug)]
pub struct Journal {
    sender: SyncSender<Message>,
    waiting: Arc<AtomicUsize>,
    lost: Arc<Lost>,
}

impl Drop for Journal {
    fn drop(&mut self) {
        self.lost.is_over.store(true, Ordering::Release);
    }
}

#[derive(Debug)]
enum Message {
    Line(String),
    /// Answered when everything before it is written.
    Flush(SyncSender<()>),
}

impl Journal {
    /// Opens the sink and starts the thread. `name` is what complaints call it.
    ///
    /// # Errors
    /// A file that cannot be opened.
    pub fn start(name: &'static str, sink: Sink) -> io::Result<Self> {
        let mut out = match sink {
            Sink::Stderr => JournalTarget::Stderr,
            Sink::File(path) => JournalTarget::File { file: Some(open(&path)?), path },
        };
        let (sender, receiver) = sync_channel(MOST_LINES);
        let waiting = Arc::new(AtomicUsize::new(0));
        let (lines, told, is_over) = (Counter::default(), Default::default(), AtomicBool::new(false));
        let lost = Arc::new(Lost { name, lines, told, is_over });
        let (left, losses) = (Arc::clone(&waiting), Arc::clone(&lost));
        std::thread::Builder::new()
            .name(format!("{name} log"))
            .spawn(move || write_all(&receiver, &mut out, &left, &losses))?;
        Ok(Self { sender, waiting, lost })
    }

    /// Hands a line over, without its end, to be written. Never waits.
    pub fn write(&self, mut line: String) {
        line.push('\n');
        let bytes = line.len();
        if self.waiting.fetch_add(bytes, Ordering::AcqRel) + bytes > MOST_BYTES
            || self.sender.try_send(Message::Line(line)).is_err()
        {
            self.waiting.fetch_sub(bytes, Ordering::AcqRel);
            self.lost.note(1, &"more lines come than can be written");
        }
    }

    /// Bytes of the lines that wait to be written.
    pub fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Acquire)
    }

    /// Lines that were not written.
    pub fn lost(&self) -> u64 {
        self.lost.lines.get()
    }

    /// Waits until what was handed over is written, for two seconds at most.
    pub fn flush(&self) {
        let ((done, written), begun) = (sync_channel(1), Instant::now());
        // Behind everything that waits, once there is room.
        while self.sender.try_send(Message::Flush(done.clone())).is_err() && begun.elapsed() < LAST {
            std::thread::sleep(Duration::from_millis(10));
        }
        if written.recv_timeout(LAST.saturating_sub(begun.elapsed())).is_err() && self.waiting() > 0 {
            log::error!("{} log: {} bytes of lines are not written and may be lost", self.lost.name, self.waiting());
        }
    }
}

#[derive(Debug)]
struct Lost {
    name: &'static str,
    lines: Counter,
    /// When it was last told that lines wait, and that some are lost.
    told: [Mutex<Option<Instant>>; 2],
    /// The service ends: what cannot be written now never will be.
    is_over: AtomicBool,
}

impl Lost {
    /// Counts lost lines, and says so in the log once a minute.
    fn note(&self, lines: u64, why: &dyn std::fmt::Display) {
        self.lines.add(lines);
        self.complain(1, format_args!("lines are lost ({} so far): {why}", self.lines.get()));
    }

    fn complain(&self, kind: usize, what: std::fmt::Arguments<'_>) {
        let Some(told) = self.told.get(kind) else { return };
        let mut told = told.lock().unwrap_or_else(PoisonError::into_inner);
        if told.is_none_or(|told| told.elapsed() >= COMPLAINTS) {
            *told = Some(Instant::now());
            log::error!("{} log: {what}", self.name);
        }
    }
}

/// Writes lines, however often that has to be tried. A line that went half into a file that is gone goes whole into the next.
fn write_whole(lines: &[u8], out: &mut JournalTarget, lost: &Lost) {
    let mut at = 0;
    while at < lines.len() {
        let written = out.is_anew().and_then(|is_anew| {
            if is_anew {
                at = lines.get(..at).and_then(|done| memchr::memrchr(b'\n', done)).map_or(0, |end| end + 1);
            }
            out.write(lines.get(at..).unwrap_or_default())
        });
        match written {
            Ok(length) => at += length,
            Err(why) if lost.is_over.load(Ordering::Acquire) => {
                let left = memchr::memchr_iter(b'\n', lines.get(at..).unwrap_or_default()).count();
                return lost.note(left as u64, &why);
            }
            Err(why) => {
                lost.complain(0, format_args!("lines wait to be written: {why}"));
                std::thread::sleep(AGAIN);
            }
        }
    }
}

/// Writes lines until nobody can send any more.
fn write_all(receiver: &Receiver<Message>, out: &mut JournalTarget, waiting: &AtomicUsize, lost: &Lost) {
    while let Ok(first) = receiver.recv() {
        let (mut batch, mut flushes) = (Vec::new(), Vec::new());
        let mut next = Ok(first);
        loop {
            match next {
                Ok(Message::Line(line)) => batch.extend_from_slice(line.as_bytes()),
                Ok(Message::Flush(done)) => flushes.push(done),
                Err(TryRecvError::Empty | TryRecvError::Disconnected) => break,
            }
            if batch.len() >= BATCH {
                break;
            }
            next = receiver.try_recv();
        }
        write_whole(&batch, out, lost);
        waiting.fetch_sub(batch.len(), Ordering::AcqRel);
        for done in flushes {
            // Whoever asked may have stopped waiting.
            let _ = done.try_send(());
        }
    }
}

enum JournalTarget {
    Stderr,
    File { path: PathBuf, file: Option<File> },
}

impl JournalTarget {
    /// Opens the file where something else stands under its name; true if that is another one than before.
    fn is_anew(&mut self) -> io::Result<bool> {
        match self {
            Self::File { path, file } if file.as_ref().is_none_or(|file| !is_at(file, path)) => {
                let former = file.take();
                let current = file.insert(open(path)?);
                // A look that failed is no other file.
                Ok(former.is_none_or(|former| !are_same(&former, current)))
            }
            Self::Stderr | Self::File { .. } => Ok(false),
        }
    }

    /// Writes as much as goes at once.
    fn write(&mut self, lines: &[u8]) -> io::Result<usize> {
        let done = match self {
            Self::Stderr => io::stderr().lock().write(lines),
            Self::File { file: None, .. } => Ok(0),
            Self::File { path, file: Some(file) } => file.write(lines).map_err(|e| named(path, &e)),
        };
        match done {
            Err(e) if e.kind() == io::ErrorKind::Interrupted => Ok(0),
            Ok(0) => Err(io::ErrorKind::WriteZero.into()),
            done => done,
        }
    }
}

/// Opens a file to append to; a new one is its owner's alone. The error names the file.
fn open(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    // A named pipe that nobody reads is an error rather than a wait without end.
    options.append(true).create(true).mode(0o600).custom_flags(OFlags::NONBLOCK.bits().cast_signed());
    let file = options.open(path).map_err(|e| named(path, &e))?;
    let flags = fcntl_getfl(&file)?;
    fcntl_setfl(&file, flags - OFlags::NONBLOCK)?;
    Ok(file)
}

fn named(path: &Path, e: &io::Error) -> io::Error {
    io::Error::new(e.kind(), format!("{}: {e}", path.display()))
}

/// True while the name stands for the file: not moved away, removed or replaced.
fn is_at(file: &File, path: &Path) -> bool {
    let (Ok(held), Ok(named)) = (file.metadata(), std::fs::metadata(path)) else { return false };
    (held.dev(), held.ino()) == (named.dev(), named.ino())
}

fn are_same(one: &File, other: &File) -> bool {
    let (Ok(one), Ok(other)) = (one.metadata(), other.metadata()) else { return false };
    (one.dev(), one.ino()) == (other.dev(), other.ino())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn journal(path: &Path) -> Journal {
        Journal::start("test", Sink::File(path.to_owned())).unwrap()
    }

    #[test]
    fn a_pipe_that_nobody_reads_is_an_error() {
        use rustix::fs::{CWD, FileType, Mode, mknodat};
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("pipe");
        mknodat(CWD, &path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
        let error = Journal::start("test", Sink::File(path.clone())).unwrap_err().to_string();
        assert!(error.starts_with(&path.display().to_string()), "{error}");
    }

    #[test]
    fn a_file_is_appended_to_and_its_owners_alone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.log");
        for line in ["one", "two"] {
            let journal = journal(&path);
            journal.write(line.to_owned());
            journal.flush();
        }
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "one\ntwo\n");
        assert_eq!(std::fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
    }

    #[test]
    fn a_file_that_was_moved_away_is_made_again() {
        let dir = tempfile::tempdir().unwrap();
        let (path, old) = (dir.path().join("a.log"), dir.path().join("a.log.1"));
        let journal = journal(&path);
        for (line, change) in [("one", true), ("two", false), ("three", false)] {
            journal.write(line.to_owned());
            journal.flush();
            if change {
                std::fs::rename(&path, &old).unwrap();
            }
        }
        assert_eq!(std::fs::read_to_string(&old).unwrap(), "one\n");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "two\nthree\n");
        assert_eq!(journal.lost(), 0);
    }

    #[test]
    fn lines_that_cannot_be_written_wait_and_are_lost_at_the_end_alone() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("logs");
        std::fs::create_dir(&folder).unwrap();
        let path = folder.join("a.log");
        let journal = journal(&path);
        std::fs::remove_dir_all(&folder).unwrap();
        journal.write("one".into());
        journal.write("two".into());
        journal.flush();
        assert_eq!((journal.lost(), journal.waiting()), (0, 8));
        std::fs::create_dir(&folder).unwrap();
        journal.write("three".into());
        journal.flush();
        assert_eq!((journal.lost(), journal.waiting()), (0, 0));
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "one\ntwo\nthree\n");
        assert!(Journal::start("test", Sink::File(dir.path().to_owned())).is_err());
        // A full disk.
        let full = Journal::start("test", Sink::File("/dev/full".into())).unwrap();
        full.write("lost".into());
        full.write("too".into());
        full.flush();
        assert_eq!(full.lost(), 0);
        let lost = Arc::clone(&full.lost);
        drop(full);
        for _ in 0..1000 {
            if lost.lines.get() == 2 {
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        panic!("{} lines are counted as lost", lost.lines.get());
    }

    #[test]
    fn a_line_that_went_half_into_a_file_that_is_gone_goes_whole_into_the_next() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.log");
        let mut out = JournalTarget::File { file: Some(open(&path).unwrap()), path: path.clone() };
        let lost =
            Lost { name: "test", lines: Counter::default(), told: Default::default(), is_over: AtomicBool::new(false) };
        assert!(!out.is_anew().unwrap());
        assert_eq!(out.write(b"one\ntw").unwrap(), 6);
        std::fs::remove_file(&path).unwrap();
        write_whole(b"two\nthree\n", &mut out, &lost);
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "two\nthree\n");
    }

    #[test]
    fn what_waits_is_bounded_and_nobody_waits_for_it() {
        let dir = tempfile::tempdir().unwrap();
        let fifo = dir.path().join("fifo");
        assert!(std::process::Command::new("mkfifo").arg(&fifo).status().unwrap().success());
        // A pipe that nobody reads takes 64 kB, and then the writer stands still.
        let reader = OpenOptions::new().read(true).write(true).open(&fifo).unwrap();
        let journal = journal(&fifo);
        let line = "x".repeat(64 * 1024);
        let begin = Instant::now();
        for _ in 0..1000 {
            journal.write(line.clone());
        }
        assert!(begin.elapsed() < Duration::from_secs(5), "{:?}", begin.elapsed());
        assert!((700..1000).contains(&journal.lost()), "{}", journal.lost());
        drop(reader);
    }
}
