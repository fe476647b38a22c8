//! The data directory: who owns it, what layout it has, and the files around the data.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::{Access, EngineError};

/// Raised when a cdrscope can no longer use what an earlier one left in the directory.
const LAYOUT: u32 = 1;
/// Below this an engine starts but cannot merge what it has.
const MIN_FREE_BYTES: u64 = 200 << 20;
/// A log that has grown past this is put aside.
const MAX_LOG_BYTES: u64 = 10 << 20;
/// How much of the log's end is read to quote it.
const LOG_TAIL_BYTES: u64 = 64 << 10;
/// Quoting more than this helps nobody.
const MAX_QUOTE_CHARS: usize = 400;
/// A dying engine has `child::STOP_LIMIT` to end; a little more for the system to notice.
pub(super) const STOPPING_LIMIT: Duration = Duration::from_secs(20);
/// Between two looks at a lock, or for a file.
const STEP: Duration = Duration::from_millis(50);

/// A data directory that is ours.
pub(super) struct Home {
    /// Its absolute path.
    pub(super) dir: PathBuf,
    /// Locked by this process alone.
    pub(super) owner: File,
    /// Locked by this process, and by each engine it starts, which inherits the handle.
    pub(super) engine: File,
}

/// Makes the directory if need be and takes it, or says who has it.
pub(super) async fn open(path: &Path) -> Result<Home, EngineError> {
    let dir = std::path::absolute(path).map_err(|source| EngineError::writing(path, source))?;
    // Only the owner may look inside: passwords and call records.
    DirBuilder::new().recursive(true).mode(0o700).create(&dir).map_err(|source| EngineError::writing(&dir, source))?;
    // Two locks, since they end at different times: a parent that is killed leaves an engine that is still writing.
    let mut owner = lock_file(&dir.join("owner.lock"))?;
    take(&owner, Duration::from_millis(200), &dir).await?.map_err(|_waited| in_use(&dir))?;
    remove_access(&dir)?;
    let engine = lock_file(&dir.join("engine.lock"))?;
    take(&engine, STOPPING_LIMIT, &dir)
        .await?
        .map_err(|waited| EngineError::StillStopping { path: dir.clone(), seconds: waited.as_secs() })?;
    check_layout(&dir)?;
    check_space(&dir)?;
    owner
        .set_len(0)
        .and_then(|()| owner.write_all(std::process::id().to_string().as_bytes()))
        .map_err(|source| EngineError::writing(&dir, source))?;
    Ok(Home { dir, owner, engine })
}

fn lock_file(path: &Path) -> Result<File, EngineError> {
    OpenOptions::new()
        .read(true)
        .append(true)
        .create(true)
        .mode(0o600)
        .open(path)
        .map_err(|source| EngineError::writing(path, source))
}

/// Locks the file; the inner error is the time waited in vain.
async fn take(file: &File, limit: Duration, dir: &Path) -> Result<Result<(), Duration>, EngineError> {
    let began = Instant::now();
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(Ok(())),
            Err(TryLockError::Error(source)) => return Err(EngineError::writing(dir, source)),
            Err(TryLockError::WouldBlock) if began.elapsed() >= limit => return Ok(Err(limit)),
            Err(TryLockError::WouldBlock) => tokio::time::sleep(STEP).await,
        }
    }
}

fn in_use(dir: &Path) -> EngineError {
    EngineError::InUse { path: dir.to_owned(), owner: owner_of(dir) }
}

fn owner_of(dir: &Path) -> String {
    let owner = fs::read_to_string(dir.join("owner.lock")).unwrap_or_default();
    if owner.is_empty() { "(unknown)".to_owned() } else { owner }
}

fn check_layout(dir: &Path) -> Result<(), EngineError> {
    let path = dir.join("layout");
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return write_private(&path, &format!("{LAYOUT} {}\n", env!("CARGO_PKG_VERSION")));
        }
        Err(source) => return Err(EngineError::DataDir { path, source }),
    };
    let (number, version) = text.trim().split_once(' ').unwrap_or((text.trim(), "(a later version)"));
    match number.parse::<u32>() {
        Ok(found) if found > LAYOUT => {
            Err(EngineError::Newer { path: dir.to_owned(), found, known: LAYOUT, needed: version.to_owned() })
        }
        Ok(LAYOUT) => Ok(()),
        Ok(_) | Err(_) => Err(EngineError::Damaged { path }),
    }
}

fn check_space(dir: &Path) -> Result<(), EngineError> {
    let disk = rustix::fs::statvfs(dir).map_err(|error| EngineError::writing(dir, error.into()))?;
    if disk.f_bavail.saturating_mul(disk.f_frsize) < MIN_FREE_BYTES {
        return Err(EngineError::NoSpace { path: dir.to_owned() });
    }
    Ok(())
}

/// Writes a file that only its owner can read, whole or not at all.
pub(super) fn write_private(path: &Path, text: &str) -> Result<(), EngineError> {
    let fresh = path.with_added_extension("new");
    let write = || {
        match fs::remove_file(&fresh) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&fresh)?;
        file.write_all(text.as_bytes())?;
        fs::rename(&fresh, path)
    };
    write().map_err(|source| EngineError::writing(path, source))
}

pub(super) fn write_access(dir: &Path, access: &Access) -> Result<(), EngineError> {
    let path = dir.join("access.json");
    let text = serde_json::to_string(access).map_err(|error| EngineError::writing(&path, error.into()))?;
    write_private(&path, &text)
}

/// The last owner's: until there is a new one, nobody may take it for that.
fn remove_access(dir: &Path) -> Result<(), EngineError> {
    let path = dir.join("access.json");
    match fs::remove_file(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(EngineError::writing(&path, error)),
        Ok(()) | Err(_) => Ok(()),
    }
}

/// What `access.json` says, if the one who wrote it still lives; one whose engine is starting is waited for.
pub(super) async fn read_access(dir: &Path, patience: Duration) -> Result<Option<Access>, EngineError> {
    let began = Instant::now();
    loop {
        if !is_owned(dir)? {
            return Ok(None);
        }
        match fs::read_to_string(dir.join("access.json")) {
            Ok(text) => {
                return serde_json::from_str(&text).map(Some).map_err(|error| EngineError::writing(dir, error.into()));
            }
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(EngineError::writing(dir, error)),
            Err(_) if began.elapsed() >= patience => {
                return Err(EngineError::Starting {
                    path: dir.to_owned(),
                    owner: owner_of(dir),
                    seconds: patience.as_secs(),
                });
            }
            Err(_) => tokio::time::sleep(STEP).await,
        }
    }
}

/// Whether a living cdrscope has the directory.
fn is_owned(dir: &Path) -> Result<bool, EngineError> {
    let fail = |source| EngineError::DataDir { path: dir.to_owned(), source };
    let lock = match File::open(dir.join("owner.lock")) {
        Ok(lock) => lock,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(fail(error)),
    };
    match lock.try_lock_shared() {
        Ok(()) => Ok(false),
        Err(TryLockError::WouldBlock) => Ok(true),
        Err(TryLockError::Error(error)) => Err(fail(error)),
    }
}

pub(super) fn log_path(dir: &Path) -> PathBuf {
    dir.join("engine.log")
}

/// The log, open for the engine to append to.
pub(super) fn open_log(dir: &Path) -> Result<File, EngineError> {
    lock_file(&log_path(dir))
}

/// Puts a log that has grown too long aside while an engine writes to it: the engine keeps its handle, which appends, so it
/// goes on at the new end. What it writes between the copy and the cut is lost.
pub(super) fn cut_log(dir: &Path) -> Result<(), EngineError> {
    let path = log_path(dir);
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
pub(super) fn rotate_log(dir: &Path) -> Result<u64, EngineError> {
    let path = log_path(dir);
    let length = fs::metadata(&path).map_or(0, |meta| meta.len());
    if length <= MAX_LOG_BYTES {
        return Ok(length);
    }
    fs::rename(&path, path.with_added_extension("old")).map_err(|source| EngineError::writing(&path, source))?;
    Ok(0)
}

/// The last thing that the engine logged after `from`: its last error if it names one, else its last line.
pub(super) fn last_line(dir: &Path, from: u64) -> Option<String> {
    let mut file = File::open(log_path(dir)).ok()?;
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

    #[test]
    fn the_quote_is_the_last_error_of_this_start() {
        let dir = tempfile::tempdir().unwrap();
        let old = "Code: 1. DB::Exception: of an earlier start\n";
        fs::write(log_path(dir.path()), format!("{old}Code: 210. DB::Exception: taken\n\n0. a stack\n")).unwrap();
        let from = old.len() as u64;
        assert_eq!(last_line(dir.path(), from).unwrap(), "Code: 210. DB::Exception: taken");
        fs::write(log_path(dir.path()), format!("{old}first\nlast\n")).unwrap();
        assert_eq!(last_line(dir.path(), from).unwrap(), "last");
        assert_eq!(last_line(dir.path(), from + 11), None);
    }

    #[test]
    fn a_long_log_is_put_aside() {
        let dir = tempfile::tempdir().unwrap();
        open_log(dir.path()).unwrap().set_len(MAX_LOG_BYTES).unwrap();
        assert_eq!(rotate_log(dir.path()).unwrap(), MAX_LOG_BYTES);
        open_log(dir.path()).unwrap().set_len(MAX_LOG_BYTES + 1).unwrap();
        assert_eq!(rotate_log(dir.path()).unwrap(), 0);
        assert!(dir.path().join("engine.log.old").exists() && !log_path(dir.path()).exists());
    }

    #[test]
    fn a_long_log_is_cut_while_it_is_written() {
        let dir = tempfile::tempdir().unwrap();
        let mut engine = open_log(dir.path()).unwrap();
        engine.write_all(b"first\n").unwrap();
        cut_log(dir.path()).unwrap();
        assert_eq!(fs::read(log_path(dir.path())).unwrap(), b"first\n");
        engine.write_all(&vec![b'x'; MAX_LOG_BYTES as usize]).unwrap();
        cut_log(dir.path()).unwrap();
        engine.write_all(b"second\n").unwrap();
        assert_eq!(fs::read(log_path(dir.path())).unwrap(), b"second\n");
        let old = fs::read(dir.path().join("engine.log.old")).unwrap();
        assert!(old.starts_with(b"first\nxxx") && old.len() as u64 == MAX_LOG_BYTES + 6);
    }

    #[tokio::test]
    async fn an_owner_without_an_address_is_said_to_be_starting() {
        let dir = tempfile::tempdir().unwrap();
        let access = || read_access(dir.path(), Duration::from_millis(100));
        assert!(access().await.unwrap().is_none());
        let mut owner = lock_file(&dir.path().join("owner.lock")).unwrap();
        owner.try_lock().unwrap();
        owner.write_all(b"17").unwrap();
        let error = access().await.unwrap_err().to_string();
        assert!(
            error.starts_with("process 17, which has the data directory ") && error.lines().count() == 1,
            "{error}"
        );
        // It gives up: the directory is nobody's again.
        let (found, ()) = tokio::join!(read_access(dir.path(), Duration::from_secs(5)), async {
            tokio::time::sleep(Duration::from_millis(100)).await;
            owner.unlock().unwrap();
        });
        assert!(found.unwrap().is_none());
    }

    #[test]
    fn a_full_disk_has_its_own_message() {
        let error = EngineError::writing(Path::new("d"), io::ErrorKind::StorageFull.into()).to_string();
        assert_eq!(error, "no disk space for the data directory d: free some, or choose another with engine.data_dir");
    }
}
