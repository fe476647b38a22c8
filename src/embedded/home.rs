//! The data directory: who owns it, what layout it has, and the files around the data.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::fs::OFlags;
use rustix::io::Errno;

use super::{EngineAccess, EngineError};

/// Raised when a cdrscope can no longer use what an earlier one left in the directory.
const LAYOUT: u32 = 1;
/// Below this an engine starts but cannot merge what it has.
const MIN_FREE_BYTES: u64 = 200 << 20;
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
    let make = |path: &Path| {
        DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(|source| EngineError::writing(path, source))
    };
    make(&dir)?;
    close_off(&dir)?;
    // Two locks, since they end at different times: a parent that is killed leaves an engine that is still writing.
    let mut owner = append_file(&dir.join("owner.lock"))?;
    take(&owner, Duration::from_millis(200), &dir).await?.map_err(|_waited| in_use(&dir))?;
    remove_access(&dir)?;
    let engine = append_file(&dir.join("engine.lock"))?;
    take(&engine, STOPPING_LIMIT, &dir)
        .await?
        .map_err(|waited| EngineError::StillStopping { path: dir.clone(), seconds: waited.as_secs() })?;
    check_layout(&dir)?;
    check_space(&dir)?;
    make(&data_path(&dir))?;
    owner
        .set_len(0)
        .and_then(|()| owner.write_all(std::process::id().to_string().as_bytes()))
        .map_err(|source| EngineError::writing(&dir, source))?;
    Ok(Home { dir, owner, engine })
}

/// Takes the directory from other users, if it is ours: below it nothing needs a look then.
fn close_off(dir: &Path) -> Result<(), EngineError> {
    let fail = |source| EngineError::writing(dir, source);
    // One handle, so that what is looked at is what is changed.
    let handle = File::open(dir).map_err(fail)?;
    let found = handle.metadata().map_err(fail)?;
    let mode = found.mode() & 0o7777;
    let path = dir.to_owned();
    // Whoever owns it can open it again, and root would not notice.
    if found.uid() != rustix::process::geteuid().as_raw() {
        return Err(EngineError::Owner { path, mode, uid: found.uid() });
    }
    if mode & 0o077 == 0 {
        return Ok(());
    }
    let is_empty = fs::read_dir(dir).map_err(fail)?.next().is_none();
    if !is_empty && !dir.join("layout").is_file() {
        return Err(EngineError::Open { path, mode });
    }
    if mode & 0o022 != 0 {
        check_entries(dir)?;
    }
    handle.set_permissions(fs::Permissions::from_mode(0o700)).map_err(fail)?;
    log::warn!("data directory {} was open to other users (mode {mode:o}): it has mode 700 now", dir.display());
    Ok(())
}

/// Refuses what others may have put into a directory that they could write: links, and files that are theirs.
fn check_entries(dir: &Path) -> Result<(), EngineError> {
    let fail = |source| EngineError::writing(dir, source);
    for entry in fs::read_dir(dir).map_err(fail)? {
        let entry = entry.map_err(fail)?;
        // Of a link itself, not of what it leads to.
        let found = entry.metadata().map_err(fail)?;
        let plain = found.is_dir() || (found.is_file() && found.nlink() == 1);
        if !plain || found.uid() != rustix::process::geteuid().as_raw() {
            return Err(EngineError::Planted { path: entry.path() });
        }
    }
    Ok(())
}

/// Where the engine keeps its data.
pub(super) fn data_path(dir: &Path) -> PathBuf {
    dir.join("clickhouse")
}

/// The engine's settings.
pub(super) fn settings_path(dir: &Path) -> PathBuf {
    dir.join("engine.xml")
}

/// The engine's users.
pub(super) fn users_path(dir: &Path) -> PathBuf {
    dir.join("users.xml")
}

/// Opens a file that only its owner can read, to append to it. A link may lead to any file, and a pipe may never open.
pub(super) fn append_file(path: &Path) -> Result<File, EngineError> {
    let fail = |source: io::Error| match source.raw_os_error().map(Errno::from_raw_os_error) {
        Some(Errno::LOOP) => EngineError::Planted { path: path.to_owned() },
        _ => EngineError::writing(path, source),
    };
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let file = OpenOptions::new()
        .read(true)
        .append(true)
        .create(true)
        .mode(0o600)
        .custom_flags(flags.bits().cast_signed())
        .open(path)
        .map_err(fail)?;
    if file.metadata().map_err(fail)?.is_file() {
        Ok(file)
    } else {
        Err(EngineError::Planted { path: path.to_owned() })
    }
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
    // A pipe would never open.
    match fs::symlink_metadata(&path) {
        Ok(found) if !found.is_file() => return Err(EngineError::Planted { path }),
        Ok(_) | Err(_) => {}
    }
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

/// The secret in this file of the directory, which the engine cannot reach; the first time it is the given one.
pub(super) fn kept_secret(dir: &Path, name: &str, fresh: &str) -> Result<String, EngineError> {
    let path = dir.join(name);
    match fs::symlink_metadata(&path) {
        Ok(found) if !found.is_file() => return Err(EngineError::Planted { path }),
        Ok(_) | Err(_) => {}
    }
    let found = match fs::read(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(EngineError::writing(&path, error)),
        found => found.unwrap_or_default(),
    };
    // A power loss can leave a file that is short, or zeros.
    let is_whole = found.len() == fresh.len() && found.iter().all(u8::is_ascii_alphanumeric);
    match String::from_utf8(found) {
        Ok(secret) if is_whole => Ok(secret),
        Ok(_) | Err(_) => write_private(&path, fresh).map(|()| fresh.to_owned()),
    }
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

pub(super) fn write_access(dir: &Path, access: &EngineAccess) -> Result<(), EngineError> {
    let path = dir.join("access.json");
    let text = serde_json::to_string(access).map_err(|error| EngineError::writing(&path, error.into()))?;
    write_private(&path, &text)
}

/// The last engine's: until there is a new one, nobody may take it for that.
pub(super) fn remove_access(dir: &Path) -> Result<(), EngineError> {
    remove(&dir.join("access.json"))
}

/// The engine reads its settings once: afterwards they would only tell the users' names to whoever can read files.
pub(super) fn remove_settings(dir: &Path) -> Result<(), EngineError> {
    remove(&settings_path(dir))?;
    remove(&users_path(dir))
}

fn remove(path: &Path) -> Result<(), EngineError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(EngineError::writing(path, error)),
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Reads `access.json`, if the process that wrote it still lives. Waits up to `patience` for an engine that is starting.
pub(super) async fn read_access(dir: &Path, patience: Duration) -> Result<Option<EngineAccess>, EngineError> {
    let began = Instant::now();
    loop {
        if !is_owned(dir)? {
            return Ok(None);
        }
        match fs::read_to_string(dir.join("access.json")) {
            Ok(text) => {
                let access: EngineAccess =
                    serde_json::from_str(&text).map_err(|error| EngineError::writing(dir, error.into()))?;
                if access.listener.is_open() {
                    return Ok(Some(access));
                }
                // Its engine has ended: its owner starts another, or ends too.
            }
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(EngineError::writing(dir, error)),
            Err(_) => {}
        }
        if began.elapsed() >= patience {
            return Err(EngineError::Starting {
                path: dir.to_owned(),
                owner: owner_of(dir),
                seconds: patience.as_secs(),
            });
        }
        tokio::time::sleep(STEP).await;
    }
}

/// True if a living cdrscope has the directory.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_owner_without_an_address_is_said_to_be_starting() {
        let dir = tempfile::tempdir().unwrap();
        let access = || read_access(dir.path(), Duration::from_millis(100));
        assert!(access().await.unwrap().is_none());
        let mut owner = append_file(&dir.path().join("owner.lock")).unwrap();
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
    fn a_kept_secret_stays_and_is_its_owners() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(kept_secret(dir.path(), "demo.secret", "first").unwrap(), "first");
        assert_eq!(kept_secret(dir.path(), "demo.secret", "other").unwrap(), "first");
        let path = dir.path().join("demo.secret");
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        fs::write(&path, "fir").unwrap();
        assert_eq!(kept_secret(dir.path(), "demo.secret", "third").unwrap(), "third");
        fs::remove_file(&path).unwrap();
        std::os::unix::fs::symlink("/dev/zero", &path).unwrap();
        assert!(matches!(kept_secret(dir.path(), "demo.secret", "fifth"), Err(EngineError::Planted { .. })));
    }

    #[test]
    fn a_full_disk_has_its_own_message() {
        let error = EngineError::writing(Path::new("d"), io::ErrorKind::StorageFull.into()).to_string();
        assert_eq!(error, "no disk space for the data directory d: free some, or choose another with engine.data_dir");
    }
}
