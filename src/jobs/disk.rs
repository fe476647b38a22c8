//! The directory of exports: a record and a file for each job. A record is replaced by renaming; a file has its final name
//! only when it is whole.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use rustix::fs::OFlags;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::record::ExportJob;
use crate::rename::rename_to_new;

/// Longest wait for a service that is about to stop.
const PATIENCE: Duration = Duration::from_millis(if cfg!(test) { 100 } else { 5000 });

/// Longest record that is read, bytes: far above the longest question.
const LONGEST_RECORD: u64 = 1 << 20;

/// The end of the name of a record that does not read.
const ASIDE: &str = "json.bad";

/// The file that the service in charge of the directory has locked.
const LOCK: &str = "exports.lock";

/// The directory cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum JobsError {
    /// It cannot be made, read or written.
    #[error("exports.dir: {}: {source}", path.display())]
    Io {
        /// The path.
        path: PathBuf,
        /// The reason.
        #[source]
        source: io::Error,
    },
    /// It is somebody else's.
    #[error("exports.dir: {} belongs to another user: name a directory of the service's own", .0.display())]
    Owner(PathBuf),
    /// Others can look into it, and there are files in it that are no exports.
    #[error("exports.dir: {} is open to other users and not empty: name an empty directory", .0.display())]
    Open(PathBuf),
    /// Another service has it.
    #[error("exports.dir: {} is in use by another service: each needs a directory of its own", .0.display())]
    InUse(PathBuf),
}

/// The directory, locked.
#[derive(Debug)]
pub(super) struct Disk {
    dir: PathBuf,
    lock: Mutex<Option<File>>,
}

impl Disk {
    /// Makes the directory if need be, and takes it.
    pub(super) fn open(dir: &Path) -> Result<Self, JobsError> {
        let fail = |source| JobsError::Io { path: dir.to_owned(), source };
        let dir = std::path::absolute(dir).map_err(fail)?;
        // Only the owner may look inside: CDRs, and numbers that were asked for.
        DirBuilder::new().recursive(true).mode(0o700).create(&dir).map_err(fail)?;
        close_off(&dir)?;
        let lock = private(OpenOptions::new().write(true).create(true)).open(dir.join(LOCK)).map_err(fail)?;
        let begun = Instant::now();
        loop {
            match lock.try_lock() {
                Ok(()) => return Ok(Self { dir, lock: Mutex::new(Some(lock)) }),
                Err(TryLockError::Error(source)) => return Err(JobsError::Io { path: dir, source }),
                Err(TryLockError::WouldBlock) if begun.elapsed() >= PATIENCE => return Err(JobsError::InUse(dir)),
                Err(TryLockError::WouldBlock) => std::thread::sleep(Duration::from_millis(50)),
            }
        }
    }

    /// Lets another service have it.
    pub(super) fn release(&self) {
        drop(self.lock.lock().unwrap_or_else(PoisonError::into_inner).take());
    }

    /// Every record that reads. Whatever belongs to none is removed; files that are no exports stay.
    pub(super) fn load(&self) -> Result<Vec<ExportJob>, JobsError> {
        let fail = |source| JobsError::Io { path: self.dir.clone(), source };
        let (mut jobs, mut aside, mut others) = (Vec::new(), Vec::new(), Vec::new());
        for entry in fs::read_dir(&self.dir).map_err(fail)? {
            let name = entry.map_err(fail)?.file_name().to_string_lossy().into_owned();
            let Some((stem, end)) = name.split_once('.') else { continue };
            // Other spellings of an id are no names of ours.
            let Some(id) = Uuid::try_parse(stem).ok().filter(|id| id.to_string() == stem) else { continue };
            match end {
                "json" => match self.read(id) {
                    Ok(job) => jobs.push(job),
                    Err(why) => {
                        // Of another version, or damaged: its file may be somebody's month.
                        log::error!("exports: the record {name} does not read and is put aside: {why}");
                        fs::rename(self.path(id, "json"), self.path(id, ASIDE)).map_err(fail)?;
                        aside.push(id);
                    }
                },
                ASIDE => aside.push(id),
                "json.new" | "part" | "data" => others.push((id, name)),
                _ => {}
            }
        }
        for (id, name) in others {
            // A part is never gone on with: its job begins again, or ends.
            let has_record = aside.contains(&id) || jobs.iter().any(|job| job.id == id && job.sha256.is_some());
            if !(has_record && name.ends_with(".data")) {
                self.forget(&self.dir.join(name));
            }
        }
        Ok(jobs)
    }

    fn read(&self, id: Uuid) -> io::Result<ExportJob> {
        let file = private(OpenOptions::new().read(true)).open(self.path(id, "json"))?;
        let found = file.metadata()?;
        if !found.is_file() || found.len() > LONGEST_RECORD {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "no record"));
        }
        let text = io::read_to_string(file)?;
        let job: ExportJob = serde_json::from_str(&text)?;
        Ok(ExportJob { id, ..job })
    }

    /// Replaces a job's record.
    pub(super) fn save(&self, job: &ExportJob) -> io::Result<()> {
        let fresh = self.path(job.id, "json.new");
        let write = || {
            let mut file = private(OpenOptions::new().write(true).create(true).truncate(true)).open(&fresh)?;
            file.write_all(serde_json::to_string(job)?.as_bytes())?;
            file.sync_all()?;
            fs::rename(&fresh, self.path(job.id, "json"))?;
            sync(&self.dir)
        };
        write().inspect_err(|_| self.forget(&fresh))
    }

    /// A new file for the bytes of a job.
    pub(super) fn begin(&self, id: Uuid) -> io::Result<File> {
        self.forget(&self.path(id, "part"));
        private(OpenOptions::new().write(true).create_new(true)).open(self.path(id, "part"))
    }

    /// Gives a whole file its name.
    pub(super) fn finish(&self, id: Uuid, file: &File) -> io::Result<()> {
        file.sync_all()?;
        fs::rename(self.path(id, "part"), self.path(id, "data"))?;
        sync(&self.dir)
    }

    /// Gives a whole file its name in another directory, where those may read it who share the group. What stands there already
    /// stays, and is an error.
    pub(super) fn deliver(&self, id: Uuid, file: &File, (dir, name): (&Path, &str)) -> io::Result<()> {
        file.sync_all()?;
        let (part, last) = (self.path(id, "part"), dir.join(name));
        let near = dir.join(format!(".{name}.part"));
        self.forget(&near);
        // Another file system, or the same: a copy beside its last name is renamed on either. Others may write there: nothing that
        // is there is opened.
        let copied = private(OpenOptions::new().write(true).create_new(true)).open(&near).and_then(|mut copy| {
            io::copy(&mut private(OpenOptions::new().read(true)).open(&part)?, &mut copy)?;
            copy.set_permissions(fs::Permissions::from_mode(0o640))?;
            copy.sync_all()?;
            rename_to_new(&near, &last)?;
            sync(dir)
        });
        match &copied {
            Ok(()) => self.forget(&part),
            Err(_) => self.forget(&near),
        }
        copied
    }

    /// SHA-256 and length of a file that was delivered; `None` where there is none that can be read.
    pub(super) fn delivered(&self, (dir, name): (&Path, &str)) -> Option<(String, u64)> {
        let mut file = private(OpenOptions::new().read(true)).open(dir.join(name)).ok()?;
        file.metadata().ok().filter(fs::Metadata::is_file)?;
        let (mut hash, mut length, mut buffer) = (Sha256::new(), 0, vec![0; 64 * 1024]);
        loop {
            let read = file.read(&mut buffer).ok()?;
            let Some(piece) = buffer.get(..read).filter(|piece| !piece.is_empty()) else { break };
            hash.update(piece);
            length += read as u64;
        }
        Some((hexadecimal(&hash.finalize()), length))
    }

    /// The bytes of a job so far, to be read.
    pub(super) fn part(&self, id: Uuid) -> io::Result<File> {
        private(OpenOptions::new().read(true)).open(self.path(id, "part"))
    }

    /// The whole file of a job.
    pub(super) fn data(&self, id: Uuid) -> io::Result<File> {
        private(OpenOptions::new().read(true)).open(self.path(id, "data"))
    }

    /// Removes the bytes of a job, and leaves its record.
    pub(super) fn remove_data(&self, id: Uuid) {
        ["part", "data"].into_iter().for_each(|end| self.forget(&self.path(id, end)));
    }

    /// Removes all of a job.
    pub(super) fn remove(&self, id: Uuid) {
        self.remove_data(id);
        ["json", "json.new"].into_iter().for_each(|end| self.forget(&self.path(id, end)));
    }

    fn path(&self, id: Uuid, end: &str) -> PathBuf {
        self.dir.join(format!("{id}.{end}"))
    }

    fn forget(&self, path: &Path) {
        match fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                log::error!("exports: {} cannot be removed: {error}", path.display());
            }
            Ok(()) | Err(_) => {}
        }
    }
}

/// A file of the owner's alone; no link is followed, and no pipe waited for.
fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    options.mode(0o600).custom_flags((OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed())
}

/// Bytes as the text of a sum.
pub(super) fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn sync(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}

/// Takes the directory from other users, if it is the service's own.
fn close_off(dir: &Path) -> Result<(), JobsError> {
    let fail = |source| JobsError::Io { path: dir.to_owned(), source };
    // One handle, so that what is looked at is what is changed.
    let handle = File::open(dir).map_err(fail)?;
    let found = handle.metadata().map_err(fail)?;
    if found.uid() != rustix::process::geteuid().as_raw() {
        return Err(JobsError::Owner(dir.to_owned()));
    }
    if found.mode() & 0o077 == 0 {
        return Ok(());
    }
    if fs::read_dir(dir).map_err(fail)?.next().is_some() {
        return Err(JobsError::Open(dir.to_owned()));
    }
    handle.set_permissions(fs::Permissions::from_mode(0o700)).map_err(fail)
}
