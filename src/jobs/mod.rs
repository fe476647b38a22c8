//! Export jobs: files that are made while nobody waits for them, and kept for a while. This module knows the states of a job,
//! its record and file on disk, the queue and the bounds; it knows no report and no HTTP.
//!
//! A job waits, runs, and is done, failed or cancelled. A file that is done expires. What a service that was killed was writing
//! is begun again once; what was cut twice fails.

#[cfg(test)]
mod delivery_tests;
mod disk;
mod ends;
mod record;
pub mod schedule;
mod table;
#[cfg(test)]
mod tests;
mod ticket;
mod upload;
#[cfg(test)]
mod upload_tests;

use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use uuid::Uuid;

use disk::Disk;
pub use disk::JobsError;
pub use ends::{JobEnd, JobEnds};
pub use record::{ExportJob, JobAsk, JobState, JobTarget, JobUpload, NewJob};
use table::JobTable;
pub use ticket::{JobPart, MadeFile, PartError, Ticket};
pub use upload::UploadError;

/// Records of one owner, those without a file included.
pub const MOST_RECORDS: usize = 200;

/// Records of one tenant: of several owners, none of whom can remove what another one keeps.
const MOST_OF_TENANT: usize = 1000;

/// Records of all tenants.
const MOST_OF_ALL: usize = 5000;

/// Times that a job begins before a restart fails it.
const MOST_BEGINS: u32 = 2;

/// The reason of a job whose file is gone.
const LOST: &str = "its file was lost";

/// Time between two looks for room for a job that waits.
const LOOK: std::time::Duration = std::time::Duration::from_millis(200);

/// Time after which a record is tried again that could not be written.
const DISK_AGAIN: std::time::Duration = std::time::Duration::from_secs(10);

/// The beginning of the owner of a recurring file. No token has such an owner.
pub const RECURRING: &str = "recurring:";

/// Bounds of the jobs.
#[derive(Clone, Copy, Debug)]
pub struct JobBounds {
    /// Jobs of one tenant that wait or run.
    pub per_tenant: usize,
    /// Jobs of one tenant that run.
    pub running_per_tenant: usize,
    /// Seconds for which a file is kept, and a record behind it.
    pub keep_seconds: i64,
    /// Bytes of all files.
    pub bytes: u64,
    /// Bytes of one tenant's files.
    pub bytes_per_tenant: u64,
}

/// A job that is not taken.
#[derive(Debug, thiserror::Error)]
pub enum JobRefused {
    /// The tenant has too many that wait or run.
    #[error("too many exports wait or run: {0} at most, wait for one or cancel it")]
    Live(usize),
    /// The owner has too many records.
    #[error("too many exports are kept: {0} at most, delete some")]
    Records(usize),
    /// The tenant, or all of them, keep too many bytes.
    #[error("there is no room for another export: delete some, or wait until they expire")]
    Full,
    /// The record cannot be written.
    #[error("the export cannot be stored")]
    Disk(#[from] io::Error),
}

/// All export jobs of a service.
#[derive(Debug)]
pub struct Jobs {
    disk: Disk,
    bounds: JobBounds,
    table: Mutex<JobTable>,
    /// Held while records are written, so that the last one written is the latest.
    saving: Mutex<()>,
    changed: Notify,
    ends: JobEnds,
    closing: AtomicBool,
}

impl Jobs {
    /// Takes a directory with what an earlier service left in it.
    ///
    /// # Errors
    /// It cannot be used, or another service has it.
    pub fn open(dir: &Path, bounds: JobBounds, now: i64) -> Result<Arc<Self>, JobsError> {
        let disk = Disk::open(dir)?;
        let mut found = disk.load()?;
        found.sort_by_key(|job| (job.created, job.id));
        let jobs = Self {
            disk,
            bounds,
            table: Mutex::default(),
            saving: Mutex::default(),
            changed: Notify::new(),
            ends: JobEnds::default(),
            closing: AtomicBool::new(false),
        };
        for mut job in found {
            let was = job.state;
            match was {
                JobState::Running if job.begins >= MOST_BEGINS => {
                    job.end(JobState::Failed, Some("cut by a restart of the service, twice".to_owned()), now);
                }
                JobState::Running => job.put_back(),
                // Of one that has expired nothing is missed.
                JobState::Done if job.target.is_none() && job.expires > Some(now) && !jobs.has_file(&job) => {
                    log::error!("export {}: its file is not there any more, or not {} bytes long", job.id, job.bytes);
                    job.end(JobState::Failed, Some(LOST.to_owned()), now);
                    jobs.disk.remove_data(job.id);
                }
                JobState::Waiting | JobState::Done | JobState::Failed | JobState::Cancelled | JobState::Expired => {}
            }
            let (id, is_changed) = (job.id, job.state != was);
            jobs.lock().insert(job);
            if is_changed {
                log::info!("export {id} was {} when the service ended", was.word());
                // On a full disk it is as it was before: the service answers, and the next one finds it again.
                if let Err(error) = jobs.save(id) {
                    log::error!("export {id}: its record cannot be written: {error}");
                }
            }
        }
        jobs.sweep(now);
        Ok(Arc::new(jobs))
    }

    fn has_file(&self, job: &ExportJob) -> bool {
        self.disk.data(job.id).and_then(|file| file.metadata()).is_ok_and(|found| found.len() == job.bytes)
    }

    fn lock(&self) -> MutexGuard<'_, JobTable> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes the record of a job as it is now. It waits for the disk.
    fn save(&self, id: Uuid) -> io::Result<()> {
        let _saving = self.saving.lock().unwrap_or_else(PoisonError::into_inner);
        let job = self.lock().jobs.get(&id).map(|entry| entry.job.clone());
        job.map_or(Ok(()), |job| self.disk.save(&job))
    }

    /// Adds a job to the queue. It waits for the disk.
    ///
    /// # Errors
    /// A bound is met, or the disk fails.
    pub fn add(&self, new: NewJob, now: i64) -> Result<ExportJob, JobRefused> {
        let mut job = ExportJob::new(new, now);
        let (id, tenant) = (job.id, job.tenant);
        let is_recurring = job.target.is_some();
        let mut removed = None;
        {
            let mut table = self.lock();
            if !is_recurring {
                if table.count(tenant, |job| job.state.is_live() && job.target.is_none()) >= self.bounds.per_tenant {
                    return Err(JobRefused::Live(self.bounds.per_tenant));
                }
                if table.is_full(tenant, &self.bounds) {
                    return Err(JobRefused::Full);
                }
                let is_own = |other: &ExportJob| other.owner == job.owner;
                if table.count(tenant, |other| is_own(other)) >= MOST_RECORDS {
                    let oldest = table.oldest_without_file(|other| is_own(other));
                    removed = Some(oldest.ok_or(JobRefused::Records(MOST_RECORDS))?);
                } else if table.count(tenant, |other| other.target.is_none()) >= MOST_OF_TENANT {
                    let oldest = table.oldest_without_file(|other| other.tenant == tenant);
                    removed = Some(oldest.ok_or(JobRefused::Full)?);
                }
                if removed.is_none() && table.jobs.len() >= MOST_OF_ALL {
                    removed = Some(table.oldest_of_the_most().ok_or(JobRefused::Full)?);
                }
            }
            if let Some(old) = removed {
                table.remove(old);
            }
            job.upload = table.last_upload(&job);
            // Not in the queue before its record is on disk.
            let reserved = ExportJob { state: JobState::Running, ..job.clone() };
            table.insert(reserved);
        }
        {
            let _saving = self.saving.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(old) = removed {
                self.disk.remove(old);
            }
            if let Err(error) = self.disk.save(&job) {
                self.lock().remove(id);
                return Err(error.into());
            }
            // Whoever lists jobs knows its id already, and may have cancelled it.
            self.lock().change(id, |held| {
                if held.state == JobState::Running {
                    held.state = JobState::Waiting;
                }
            });
        }
        self.changed.notify_waiters();
        Ok(job)
    }

    /// A job of an owner.
    pub fn get(&self, owner: &str, id: Uuid) -> Option<ExportJob> {
        self.lock().jobs.get(&id).map(|entry| &entry.job).filter(|job| job.owner == owner).cloned()
    }

    /// The jobs of an owner, the latest first.
    pub fn list(&self, owner: &str) -> Vec<ExportJob> {
        let mut jobs: Vec<ExportJob> =
            self.lock().jobs.values().map(|entry| &entry.job).filter(|job| job.owner == owner).cloned().collect();
        jobs.sort_by_key(|job| std::cmp::Reverse((job.created, job.id)));
        jobs
    }

    /// The file of a job that is done; `None` if it is not any more. One whose file is gone has failed from now on.
    ///
    /// # Errors
    /// The disk's.
    pub fn file(&self, id: Uuid, now: i64) -> io::Result<Option<File>> {
        let error = match self.disk.data(id) {
            Ok(file) => return Ok(Some(file)),
            Err(error) => error,
        };
        // It may have expired, or been removed, at this moment.
        if error.kind() == io::ErrorKind::NotFound {
            let lost = self.lock().change(id, |job| {
                if job.state == JobState::Done {
                    job.end(JobState::Failed, Some(LOST.to_owned()), now);
                }
            });
            if lost.is_some_and(|job| job.reason.as_deref() == Some(LOST)) {
                log::error!("export {id}: its file is not there any more");
                return self.save(id).map(|()| None);
            }
            return Ok(None);
        }
        Err(error)
    }

    /// True while a job has its file.
    pub fn has(&self, id: Uuid) -> bool {
        self.lock().jobs.get(&id).is_some_and(|entry| entry.job.state == JobState::Done)
    }

    /// Cancels a job that waits or runs; removes the record and the file of one that is over. False where the owner has no such
    /// job. It waits for the disk.
    pub fn remove(&self, owner: &str, id: Uuid, now: i64) -> bool {
        let was_running = {
            let mut table = self.lock();
            let Some(entry) = table.jobs.get(&id).filter(|entry| entry.job.owner == owner) else { return false };
            if entry.job.state.is_live() {
                let was_running = entry.job.state == JobState::Running;
                entry.stop.send_replace(true);
                table.change(id, |job| job.end(JobState::Cancelled, None, now));
                self.ends.note(JobEnd::Cancelled);
                was_running
            } else {
                table.remove(id);
                drop(table);
                // A record that is being written at this moment would come back.
                let _saving = self.saving.lock().unwrap_or_else(PoisonError::into_inner);
                self.disk.remove(id);
                return true;
            }
        };
        if !was_running {
            self.disk.remove_data(id);
        }
        if let Err(error) = self.save(id) {
            log::error!("export {id}: its record cannot be written: {error}");
        }
        true
    }

    /// Waits for the next job, and for the room that it takes; `None` when the service ends. Until there is room the job waits.
    pub async fn next<R>(self: &Arc<Self>, now: impl Fn() -> i64, room: impl Fn() -> Option<R>) -> Option<(Ticket, R)> {
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            // Before the look, so that no change is missed between the two.
            changed.as_mut().enable();
            if self.is_closing() {
                return None;
            }
            let waits = self.lock().next(self.bounds.running_per_tenant).is_some();
            // Nobody says when there is room, or a disk.
            let again = match (waits, waits.then(&room).flatten()) {
                (true, Some(room)) => match self.take(now()) {
                    Ok(Some(ticket)) => return Some((ticket, room)),
                    Ok(None) => None,
                    Err(_full) => Some(DISK_AGAIN),
                },
                (true, None) => Some(LOOK),
                (false, _) => None,
            };
            match again {
                Some(wait) => drop(tokio::time::timeout(wait, changed).await),
                None => changed.await,
            }
        }
    }

    /// The next job, if there is one.
    ///
    /// # Errors
    /// Its record cannot be written: it waits on. On a full disk one job after the other would fail otherwise.
    fn take(self: &Arc<Self>, now: i64) -> io::Result<Option<Ticket>> {
        let Some((id, stop)) = self.reserve(now) else { return Ok(None) };
        let ticket = Ticket::new(Arc::clone(self), id, stop);
        if let Err(error) = self.save(id) {
            log::error!("export {id} waits: its record cannot be written: {error}");
            ticket.put_back();
            return Err(error);
        }
        Ok(Some(ticket))
    }

    /// Lets the next job run.
    fn reserve(&self, now: i64) -> Option<(Uuid, tokio::sync::watch::Receiver<bool>)> {
        let mut table = self.lock();
        let id = table.next(self.bounds.running_per_tenant)?;
        let begun = table.change(id, |job| {
            job.state = JobState::Running;
            job.begun = Some(now);
            job.begins += 1;
        })?;
        table.serve(begun.tenant);
        Some((id, table.jobs.get(&id)?.stop.subscribe()))
    }

    fn fail(&self, id: Uuid, reason: &str, now: i64) {
        self.disk.remove_data(id);
        let failed = self.end(id, |job| job.end(JobState::Failed, Some(reason.to_owned()), now));
        match failed {
            Ok(true) => self.ends.note(JobEnd::Failed),
            Ok(false) => {}
            Err(error) => {
                log::error!("export {id}: its record cannot be written: {error}");
                // As it is known here; on disk it runs, and begins again with the next service.
                self.lock().change(id, |job| job.end(JobState::Failed, Some(reason.to_owned()), now));
                self.ends.note(JobEnd::Failed);
            }
        }
        // A place came free.
        self.changed.notify_waiters();
    }

    /// Ends a job that is live: on disk first, so that nobody is told what a restart would not know. False where it has ended
    /// already, or ends otherwise at this moment.
    fn end(&self, id: Uuid, end: impl Fn(&mut ExportJob)) -> io::Result<bool> {
        let _saving = self.saving.lock().unwrap_or_else(PoisonError::into_inner);
        let is_live = |job: &ExportJob| job.state.is_live();
        let Some(mut job) = self.lock().jobs.get(&id).map(|entry| entry.job.clone()).filter(is_live) else {
            return Ok(false);
        };
        end(&mut job);
        self.disk.save(&job)?;
        let mut has_ended = false;
        let now = self.lock().change(id, |job| {
            has_ended = job.state.is_live();
            if has_ended {
                end(job);
            }
        });
        match now {
            // It was cancelled meanwhile.
            Some(other) if !has_ended => self.disk.save(&other)?,
            Some(_) => {}
            None => self.disk.remove(id),
        }
        Ok(has_ended)
    }

    /// Lets the queue go on after the end of a job.
    pub fn wake(&self) {
        self.changed.notify_waiters();
    }

    /// Removes files whose time is up, and records that nobody needs any more. It waits for the disk.
    pub fn sweep(&self, now: i64) {
        let keep = self.bounds.keep_seconds;
        let (mut expired, mut gone) = (Vec::new(), Vec::new());
        {
            let mut table = self.lock();
            for entry in table.jobs.values() {
                let job = &entry.job;
                let is_over = !job.state.is_live();
                if job.state == JobState::Done && job.target.is_none() && job.expires.is_some_and(|at| at <= now) {
                    expired.push(job.id);
                } else if is_over
                    && job.expires.or(job.finished).is_none_or(|at| at + keep <= now)
                    && !self.is_latest(&table, job)
                {
                    gone.push(job.id);
                }
            }
            for id in &expired {
                table.change(*id, |job| {
                    job.state = JobState::Expired;
                    job.bytes = 0;
                });
            }
            gone.iter().for_each(|id| table.remove(*id));
        }
        for id in expired {
            self.ends.note(JobEnd::Expired);
            self.disk.remove_data(id);
            if let Err(error) = self.save(id) {
                log::error!("export {id}: its record cannot be written: {error}");
            }
        }
        let _saving = self.saving.lock().unwrap_or_else(PoisonError::into_inner);
        gone.into_iter().for_each(|id| self.disk.remove(id));
    }

    /// True for the last file of a recurring export: without its record it would be made again.
    fn is_latest(&self, table: &JobTable, job: &ExportJob) -> bool {
        let Some(target) = job.target.as_ref().filter(|_| job.state == JobState::Done) else { return false };
        let others = table.jobs.values().map(|entry| &entry.job);
        let later = |other: &ExportJob| {
            other.state == JobState::Done && other.target.as_ref().is_some_and(|own| own.is_later_than(&target.period))
        };
        !others.filter(|other| other.owner == job.owner).any(later)
    }

    /// Stops all that run, so that they begin again with the next service, and gives no more.
    pub fn close(&self) {
        self.closing.store(true, Ordering::Release);
        for entry in self.lock().jobs.values() {
            entry.stop.send_replace(true);
        }
        self.changed.notify_waiters();
    }

    /// Waits until the service ends.
    pub async fn closed(&self) {
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            if self.is_closing() {
                return;
            }
            changed.await;
        }
    }

    /// Lets another service have the directory. Nothing may be written behind it.
    pub fn release(&self) {
        self.disk.release();
    }

    fn is_closing(&self) -> bool {
        self.closing.load(Ordering::Acquire)
    }

    /// Jobs by state.
    pub fn states(&self) -> Vec<(&'static str, usize)> {
        let table = self.lock();
        let count = |state: JobState| table.jobs.values().filter(|entry| entry.job.state == state).count();
        JobState::ALL.into_iter().map(|state| (state.word(), count(state))).collect()
    }

    /// Bytes of files that are kept or being written.
    pub fn bytes(&self) -> u64 {
        self.lock().total()
    }

    /// Jobs by how they ended.
    pub fn ends(&self) -> &JobEnds {
        &self.ends
    }
}

/// Epoch seconds.
pub fn now() -> i64 {
    time::OffsetDateTime::now_utc().unix_timestamp()
}
