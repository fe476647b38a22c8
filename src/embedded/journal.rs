//! The engine's log: what it had to say, kept from growing.

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use super::EngineError;
use super::home::append_file;

/// A log that has grown past this is put aside.
const MAX_LOG_BYTES: u64 = 10 << 20;
/// Bytes of the log's end that are read to quote it.
const LOG_TAIL_BYTES: u64 = 64 << 10;
/// Quoting more than this helps nobody.
const MAX_QUOTE_CHARS: usize = 400;

pub(super) fn path(dir: &Path) -> PathBuf {
    dir.join("engine.log")
}

/// The log, open for the engine to append to.
pub(super) fn open(dir: &Path) -> Result<File, EngineError> {
    append_file(&path(dir))
}

/// Puts a log that has grown too long aside while an engine writes to it: the engine keeps its handle, which appends, so it
/// goes on at the new end. What it writes between the copy and the cut is lost.
pub(super) fn cut(dir: &Path) -> Result<(), EngineError> {
    let path = path(dir);
    if fs::metadata(&path).map_or(0, |meta| meta.len()) <= MAX_LOG_BYTES {
        return Ok(());
    }
    let cut = || {
        fs::copy(&path, path.with_added_extension("old"))?;
        OpenOptions::new().write(true).open(&path)?.set_len(0)
    };
    cut().map_err(|source| EngineError::writing(&path, source))
}

/// Puts a log that has grown too long aside; gives the length of what is there, where the next engine's words begin.
pub(super) fn rotate(dir: &Path) -> Result<u64, EngineError> {
    let path = path(dir);
    let length = fs::metadata(&path).map_or(0, |meta| meta.len());
    if length <= MAX_LOG_BYTES {
        return Ok(length);
    }
    fs::rename(&path, path.with_added_extension("old")).map_err(|source| EngineError::writing(&path, source))?;
    Ok(0)
}

/// The last thing that the engine logged after `from`: its last error if it names one, else its last line.
pub(super) fn last_line(dir: &Path, from: u64) -> Option<String> {
    let mut file = File::open(path(dir)).ok()?;
    let length = file.metadata().ok()?.len();
    file.seek(SeekFrom::Start(from.max(length.saturating_sub(LOG_TAIL_BYTES)))).ok()?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes).ok()?;
    let text = String::from_utf8_lossy(&bytes);
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let last_error = lines.clone().rfind(|line| line.starts_with("Code: "));
    last_error.or_else(|| lines.next_back()).map(|line| line.chars().take(MAX_QUOTE_CHARS).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn the_quote_is_the_last_error_of_this_start() {
        let dir = tempfile::tempdir().unwrap();
        let old = "Code: 1. DB::Exception: of an earlier start\n";
        fs::write(path(dir.path()), format!("{old}Code: 210. DB::Exception: taken\n\n0. a stack\n")).unwrap();
        let from = old.len() as u64;
        assert_eq!(last_line(dir.path(), from).unwrap(), "Code: 210. DB::Exception: taken");
        fs::write(path(dir.path()), format!("{old}first\nlast\n")).unwrap();
        assert_eq!(last_line(dir.path(), from).unwrap(), "last");
        assert_eq!(last_line(dir.path(), from + 11), None);
    }

    #[test]
    fn a_long_log_is_put_aside() {
        let dir = tempfile::tempdir().unwrap();
        open(dir.path()).unwrap().set_len(MAX_LOG_BYTES).unwrap();
        assert_eq!(rotate(dir.path()).unwrap(), MAX_LOG_BYTES);
        open(dir.path()).unwrap().set_len(MAX_LOG_BYTES + 1).unwrap();
        assert_eq!(rotate(dir.path()).unwrap(), 0);
        assert!(dir.path().join("engine.log.old").exists() && !path(dir.path()).exists());
    }

    #[test]
    fn a_long_log_is_cut_while_it_is_written() {
        let dir = tempfile::tempdir().unwrap();
        let mut engine = open(dir.path()).unwrap();
        engine.write_all(b"first\n").unwrap();
        cut(dir.path()).unwrap();
        assert_eq!(fs::read(path(dir.path())).unwrap(), b"first\n");
        engine.write_all(&vec![b'x'; MAX_LOG_BYTES as usize]).unwrap();
        cut(dir.path()).unwrap();
        engine.write_all(b"second\n").unwrap();
        assert_eq!(fs::read(path(dir.path())).unwrap(), b"second\n");
        let old = fs::read(dir.path().join("engine.log.old")).unwrap();
        assert!(old.starts_with(b"first\nxxx") && old.len() as u64 == MAX_LOG_BYTES + 6);
    }
}
