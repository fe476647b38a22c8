//! The file of an export: written as `FILE.part`, with the place up to which it is whole in `FILE.part.place`, and renamed when it is
//! whole. So `FILE` is never a part.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{ErrorKind, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;
use serde::{Deserialize, Serialize};

use super::question::Question;
use crate::rename::rename_to_new;

/// The beginning that a caller wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Begin {
    /// Nothing may be there.
    New,
    /// Begins anew, over what is there.
    Again,
    /// Behind what is left of a download that broke.
    GoOn,
}

/// The place up to which a part is whole.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WholeUpTo {
    /// Digest of the question.
    question: String,
    bytes: u64,
    rows: u64,
    /// The cursor of what is behind.
    cursor: String,
}

/// A file that is not whole yet.
#[derive(Debug)]
pub struct PartFile {
    target: PathBuf,
    path: PathBuf,
    file: File,
    digest: String,
    can_go_on: bool,
    /// Bytes that stay when a piece is taken back.
    kept: u64,
    rows: u64,
    cursor: Option<String>,
    notes: Vec<String>,
}

/// A path with more at its end.
fn with(path: &Path, end: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(end);
    name.into()
}

/// True if a file that is open is the one of that name.
fn is_at(file: &File, path: &Path) -> bool {
    let place = |found: std::io::Result<std::fs::Metadata>| found.map(|found| (found.dev(), found.ino())).ok();
    place(file.metadata()).is_some_and(|held| place(path.metadata()) == Some(held))
}

impl PartFile {
    /// Opens `FILE.part`, for this process alone.
    ///
    /// # Errors
    /// A file is there that must not be, what is left is of another question, or the folder takes no files.
    pub fn open(target: &Path, question: &Question, begin: Begin) -> Result<Self, String> {
        let path = with(target, ".part");
        let told = |error: std::io::Error| format!("{}: {error}", path.display());
        match target.metadata() {
            Ok(found) if found.is_dir() => return Err(format!("{} is a directory", target.display())),
            Ok(found) if !found.is_file() => {
                return Err(format!("{} is no file: --output - writes to standard output", target.display()));
            }
            Ok(_) | Err(_) => {}
        }
        // A link to nothing is something too.
        if begin != Begin::Again && target.symlink_metadata().is_ok() {
            return Err(format!("{} is there already: --force puts the new file in its place", target.display()));
        }
        let mut options = OpenOptions::new();
        // No link is followed, and no pipe waited for.
        let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed();
        options.write(true).create_new(begin == Begin::New).create(true).truncate(false).custom_flags(flags);
        let file = options.open(&path).map_err(|error| match error.kind() {
            ErrorKind::AlreadyExists => format!(
                "{} is left of a download that broke: --continue goes on with it, --force begins again",
                path.display()
            ),
            _ => told(error),
        })?;
        if !file.metadata().map_err(told)?.is_file() {
            return Err(format!("{} is no file", path.display()));
        }
        let busy = || format!("{} is being written by another export", path.display());
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(busy()),
            Err(TryLockError::Error(error)) => return Err(told(error)),
        }
        // Another export may have given it its last name between the two: what is locked then is a whole file.
        if !is_at(&file, &path) {
            return Err(busy());
        }
        let mut part = Self {
            target: target.to_owned(),
            path,
            file,
            digest: question.digest(),
            can_go_on: question.can_go_on(),
            kept: 0,
            rows: 0,
            cursor: None,
            notes: Vec::new(),
        };
        if begin == Begin::GoOn {
            part.find_place()?;
        }
        part.ready().inspect_err(|_| {
            // A part of nothing is in the way of the next try.
            if begin == Begin::New {
                let _ = std::fs::remove_file(&part.path);
            }
        })?;
        Ok(part)
    }

    /// Drops what is left of an earlier download, but for what is kept.
    fn ready(&mut self) -> Result<(), String> {
        if self.kept == 0 {
            self.forget_place()?;
        }
        self.take_back()
    }

    /// Takes up the place that was written down.
    fn find_place(&mut self) -> Result<(), String> {
        let found = self.file.metadata().map_err(|e| self.failed(&e))?.len();
        if !self.can_go_on {
            if found > 0 {
                self.notes.push("only lines of CDRs can be continued: begun again from the start".to_owned());
            }
            return Ok(());
        }
        let path = with(&self.path, ".place");
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                self.notes.push("no piece of it was whole: begun from the start".to_owned());
                return Ok(());
            }
            Err(error) => return Err(format!("{}: {error}", path.display())),
        };
        let place: WholeUpTo = serde_json::from_str(&text)
            .map_err(|_damaged| format!("{} is damaged: --force begins again", path.display()))?;
        if place.question != self.digest {
            return Err(format!("{} is left of another question: --force begins again", self.path.display()));
        }
        if found < place.bytes {
            return Err(format!("{} is shorter than it was: --force begins again", self.path.display()));
        }
        (self.kept, self.rows, self.cursor) = (place.bytes, place.rows, Some(place.cursor));
        self.notes.push(format!("goes on behind {}", self.so_far()));
        Ok(())
    }

    /// `500000 rows, 103223144 bytes`; rows of packed files are not counted.
    fn so_far(&self) -> String {
        let rows = if self.rows > 0 { format!("{} rows, ", self.rows) } else { String::new() };
        format!("{rows}{} bytes", self.kept)
    }

    /// Lines about how it begins.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// The cursor of what is behind the pieces that are kept.
    pub fn cursor(&self) -> Option<&str> {
        self.cursor.as_deref()
    }

    /// Rows that are kept.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Bytes that are kept.
    pub fn bytes(&self) -> u64 {
        self.kept
    }

    /// True before the first piece.
    pub fn is_at_beginning(&self) -> bool {
        self.cursor.is_none()
    }

    /// Appends.
    ///
    /// # Errors
    /// The disk is full, or the like.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), String> {
        // Behind a cut that somebody else made, zeros would fill what is missing.
        let end = self.file.stream_position().map_err(|error| self.failed(&error))?;
        if !self.has_length(end) {
            return Err(self.changed());
        }
        self.file.write_all(bytes).map_err(|error| self.failed(&error))
    }

    /// Drops what came behind the pieces that are kept.
    ///
    /// # Errors
    /// The file cannot be changed.
    pub fn take_back(&mut self) -> Result<(), String> {
        if self.file.metadata().map_err(|error| self.failed(&error))?.len() < self.kept {
            return Err(self.changed());
        }
        let back = self.file.set_len(self.kept).and_then(|()| self.file.seek(SeekFrom::Start(self.kept)));
        back.map(drop).map_err(|error| self.failed(&error))
    }

    /// Keeps what was written; with the cursor of what is behind, the place is written down.
    ///
    /// # Errors
    /// The disk is full, or the like.
    pub fn keep(&mut self, cursor: Option<String>, rows: u64) -> Result<(), String> {
        // The place must not be on the disk before what it is about.
        let kept = self.file.sync_data().and_then(|()| self.file.stream_position());
        (self.kept, self.rows) = (kept.map_err(|error| self.failed(&error))?, rows);
        let Some(cursor) = cursor else { return Ok(()) };
        self.cursor = Some(cursor.clone());
        let place = WholeUpTo { question: self.digest.clone(), bytes: self.kept, rows, cursor };
        let (path, new) = (with(&self.path, ".place"), with(&self.path, ".place.new"));
        let written = || {
            let mut file = File::create(&new)?;
            file.write_all(serde_json::to_string(&place)?.as_bytes())?;
            file.sync_data()?;
            std::fs::rename(&new, &path)
        };
        written().map_err(|error: std::io::Error| format!("{}: {error}", path.display()))
    }

    /// Gives the file its name.
    ///
    /// # Errors
    /// There is a file of that name, or the folder cannot be changed.
    pub fn finish(&mut self, replace: bool) -> Result<(), String> {
        self.file.sync_all().map_err(|error| self.failed(&error))?;
        let end = self.file.stream_position().map_err(|error| self.failed(&error))?;
        if !(is_at(&self.file, &self.path) && self.has_length(end)) {
            return Err(self.changed());
        }
        let renamed = match replace {
            true => std::fs::rename(&self.path, &self.target),
            false => rename_to_new(&self.path, &self.target),
        };
        renamed.map_err(|error| format!("{}: {error}", self.target.display()))?;
        self.forget_place()
    }

    fn has_length(&self, bytes: u64) -> bool {
        self.file.metadata().is_ok_and(|found| found.len() == bytes)
    }

    fn changed(&self) -> String {
        format!("{} was changed while it was written", self.path.display())
    }

    fn forget_place(&self) -> Result<(), String> {
        let path = with(&self.path, ".place");
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(format!("{}: {error}", path.display())),
            Ok(()) | Err(_) => Ok(()),
        }
    }

    fn failed(&self, error: &std::io::Error) -> String {
        format!("{}: {error}", self.path.display())
    }

    /// A reason for a failure, with what is left of the file. A part without a whole piece goes.
    pub fn left(&self, why: &str) -> String {
        if !is_at(&self.file, &self.path) {
            return format!("{why}; {} is gone", self.path.display());
        }
        if self.kept > 0 && self.cursor.is_some() {
            let path = self.path.display();
            return format!("{why}; {path} has {}, and --continue goes on behind them", self.so_far());
        }
        let _ = std::fs::remove_file(&self.path);
        why.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn question(more: &str) -> Question {
        Question::new("cdrs", &[format!("from-time={more}")], Path::new("x.csv")).unwrap()
    }

    #[test]
    fn a_part_goes_on_where_its_last_whole_piece_ends() {
        let dir = tempfile::tempdir().unwrap();
        let target = dir.path().join("x.csv");
        let mut part = PartFile::open(&target, &question("1"), Begin::New).unwrap();
        part.write(b"one,").unwrap();
        part.keep(Some("0a".into()), 1).unwrap();
        part.write(b"tw").unwrap();
        let busy = PartFile::open(&target, &question("1"), Begin::GoOn).unwrap_err();
        assert!(busy.ends_with("is being written by another export"), "{busy}");
        drop(part);
        for (begin, error) in [(Begin::New, "is left of a download that broke"), (Begin::GoOn, "another question")] {
            let found = PartFile::open(&target, &question("2"), begin).unwrap_err();
            assert!(found.contains(error), "{found}");
        }
        let mut part = PartFile::open(&target, &question("1"), Begin::GoOn).unwrap();
        assert_eq!((part.cursor(), part.rows(), part.bytes(), part.is_at_beginning()), (Some("0a"), 1, 4, false));
        part.write(b"two").unwrap();
        part.keep(None, 2).unwrap();
        part.finish(false).unwrap();
        assert_eq!(std::fs::read_to_string(&target).unwrap(), "one,two");
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1, "nothing else is left");
    }

    #[test]
    fn a_file_that_is_there_stays_without_force() {
        let dir = tempfile::tempdir().unwrap();
        let target = dir.path().join("x.csv");
        let mut part = PartFile::open(&target, &question("1"), Begin::New).unwrap();
        part.write(b"new").unwrap();
        part.keep(None, 1).unwrap();
        // It has come meanwhile.
        std::fs::write(&target, "old").unwrap();
        assert!(part.finish(false).is_err());
        assert_eq!(std::fs::read_to_string(&target).unwrap(), "old");
        drop(part);
        for begin in [Begin::New, Begin::GoOn] {
            assert!(PartFile::open(&target, &question("1"), begin).unwrap_err().contains("--force"));
        }
        let mut part = PartFile::open(&target, &question("1"), Begin::Again).unwrap();
        part.write(b"newer").unwrap();
        part.finish(true).unwrap();
        assert_eq!(std::fs::read_to_string(&target).unwrap(), "newer");
        // With nothing to be put in the place of, too.
        std::fs::remove_file(&target).unwrap();
        drop(part);
        PartFile::open(&target, &question("1"), Begin::Again).unwrap().finish(true).unwrap();
        assert_eq!(std::fs::read_to_string(&target).unwrap(), "");
    }

    #[test]
    fn what_is_no_file_stays_and_is_not_written_to() {
        use std::os::unix::fs::symlink;
        let dir = tempfile::tempdir().unwrap();
        let [target, victim] = ["x.csv", "victim"].map(|name| dir.path().join(name));
        let fault = |target: &Path, begin| PartFile::open(target, &question("1"), begin).unwrap_err();
        for begin in [Begin::New, Begin::Again, Begin::GoOn] {
            assert!(fault(Path::new("/dev/null"), begin).contains("is no file: --output -"), "{begin:?}");
        }
        std::fs::write(&victim, "text").unwrap();
        symlink(&victim, with(&target, ".part")).unwrap();
        for begin in [Begin::New, Begin::Again, Begin::GoOn] {
            fault(&target, begin);
        }
        assert_eq!(std::fs::read_to_string(&victim).unwrap(), "text");
        std::fs::remove_file(with(&target, ".part")).unwrap();
        symlink(dir.path().join("nothing"), &target).unwrap();
        assert!(fault(&target, Begin::New).contains("is there already"));
        // A pipe that nobody reads would be waited for.
        let pipe = dir.path().join("y.csv");
        rustix::fs::mknodat(rustix::fs::CWD, with(&pipe, ".part"), rustix::fs::FileType::Fifo, 0o600.into(), 0)
            .unwrap();
        assert!(!fault(&pipe, Begin::GoOn).is_empty());
        let long = dir.path().join(format!("{}.csv", "x".repeat(244)));
        fault(&long, Begin::New);
        assert!(!with(&long, ".part").exists(), "nothing is left");
    }

    #[test]
    fn a_part_that_somebody_takes_away_or_cuts_is_not_called_whole() {
        let dir = tempfile::tempdir().unwrap();
        let target = dir.path().join("x.csv");
        let path = with(&target, ".part");
        let changes: [&dyn Fn(); 3] = [
            &|| std::fs::remove_file(&path).unwrap(),
            &|| std::fs::rename(&path, path.with_extension("away")).unwrap(),
            &|| File::options().write(true).open(&path).unwrap().set_len(1).unwrap(),
        ];
        for change in changes {
            let mut part = PartFile::open(&target, &question("1"), Begin::Again).unwrap();
            part.write(b"one,two").unwrap();
            part.keep(Some("0a".into()), 1).unwrap();
            change();
            let [why, again] = [part.finish(false).unwrap_err(), part.write(b"x").err().unwrap_or_default()];
            assert!(path.exists() != again.is_empty(), "{again}");
            assert!(why.ends_with("was changed while it was written"), "{why}");
            assert!(!target.exists());
            if !path.exists() {
                assert!(part.left("no").ends_with("x.csv.part is gone"));
            }
        }
    }

    #[test]
    fn a_part_that_has_its_last_name_by_now_is_not_written_to() {
        let dir = tempfile::tempdir().unwrap();
        let [path, other] = ["x.csv.part", "x.csv"].map(|name| dir.path().join(name));
        std::fs::write(&path, "whole").unwrap();
        let held = File::open(&path).unwrap();
        assert!(is_at(&held, &path));
        std::fs::rename(&path, &other).unwrap();
        assert!(!is_at(&held, &path), "no file of that name");
        std::fs::write(&path, "the next").unwrap();
        assert!(!is_at(&held, &path), "another one");
    }

    #[test]
    fn what_is_damaged_is_not_gone_on_with() {
        let dir = tempfile::tempdir().unwrap();
        let target = dir.path().join("x.csv");
        let mut part = PartFile::open(&target, &question("1"), Begin::New).unwrap();
        part.write(b"one,").unwrap();
        part.keep(Some("0a".into()), 1).unwrap();
        part.file.set_len(3).unwrap();
        drop(part);
        let place = with(&target, ".part.place");
        assert!(PartFile::open(&target, &question("1"), Begin::GoOn).unwrap_err().contains("is shorter than it was"));
        std::fs::write(&place, "{").unwrap();
        assert!(PartFile::open(&target, &question("1"), Begin::GoOn).unwrap_err().contains("is damaged"));
        std::fs::remove_file(&place).unwrap();
        let part = PartFile::open(&target, &question("1"), Begin::GoOn).unwrap();
        assert!(part.is_at_beginning() && part.file.metadata().unwrap().len() == 0, "from the start");
    }
}
