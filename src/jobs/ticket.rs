//! A job in the hands of the one who writes its file.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::Path;
use std::sync::Arc;

use serde_json::Value;
use sha2::{Digest as _, Sha256};
use tokio::sync::watch;
use uuid::Uuid;

use super::disk::hexadecimal;
use super::record::{ExportJob, JobState, JobTarget};
use super::{JobEnd, Jobs};
use crate::config::recurring::ExportPlace;

/// A file that cannot grow.
#[derive(Debug, thiserror::Error)]
pub enum PartError {
    /// The owner's tenant, or all of them, keep too much.
    #[error("there is no room for it: exports.keep_mb and exports.keep_mb_per_customer bound what is kept")]
    Full,
    /// The disk failed, or is full.
    #[error("it cannot be written")]
    Disk(#[from] io::Error),
}

/// A file that is whole.
#[derive(Clone, Debug, Default)]
pub struct MadeFile {
    /// Its `Content-Type`.
    pub content_type: String,
    /// Its `Content-Disposition`.
    pub disposition: Option<String>,
    /// The cursor behind its last CDR, where it ends at a limit.
    pub cursor: Option<String>,
    /// The data in it, for the audit log.
    pub told: Vec<Value>,
}

/// A job that runs. Dropped before its end it fails.
#[derive(Debug)]
pub struct Ticket {
    pub(super) jobs: Arc<Jobs>,
    pub(super) id: Uuid,
    stop: watch::Receiver<bool>,
    is_over: bool,
}

impl Ticket {
    pub(super) fn new(jobs: Arc<Jobs>, id: Uuid, stop: watch::Receiver<bool>) -> Self {
        Self { jobs, id, stop, is_over: false }
    }

    /// The job; `None` if its record was removed meanwhile.
    pub fn job(&self) -> Option<ExportJob> {
        self.jobs.lock().jobs.get(&self.id).map(|entry| entry.job.clone())
    }

    /// Its id.
    pub fn id(&self) -> Uuid {
        self.id
    }

    /// Waits until the job is to stop: it was cancelled, or the service ends.
    pub async fn stopped(&self) {
        let mut stop = self.stop.clone();
        // A sender that is gone went with the job's record.
        let _ = stop.wait_for(|stop| *stop).await;
    }

    /// Notes the CDRs that the whole file will have.
    pub fn note_rows(&self, rows: u64) {
        self.jobs.lock().change(self.id, |job| job.rows = Some(rows));
    }

    /// Begins its file.
    ///
    /// # Errors
    /// The disk's.
    pub fn begin(&self) -> io::Result<JobPart<'_>> {
        // An earlier try may have written some.
        self.jobs.lock().change(self.id, |job| job.bytes = 0);
        Ok(JobPart { ticket: self, file: self.jobs.disk.begin(self.id)?, hash: Sha256::new() })
    }

    /// Ends the job with a reason in words for its owner.
    pub fn fail(mut self, reason: &str, now: i64) {
        self.is_over = true;
        self.jobs.fail(self.id, reason, now);
    }

    /// Lets a job wait again that has not begun, since its record cannot be written: on disk it waits still.
    pub(super) fn put_back(mut self) {
        self.is_over = true;
        self.wait_again();
    }

    /// Into the queue again; false where the record is gone.
    fn wait_again(&self) -> bool {
        let changed = self.jobs.lock().change(self.id, |job| {
            if job.state == JobState::Running {
                // It was not the job's doing.
                job.begins = job.begins.saturating_sub(1);
                job.put_back();
            }
        });
        changed.is_some()
    }

    /// Ends a job that was told to stop: it was cancelled already, or it begins again when the service is back.
    pub fn stop(mut self) {
        self.is_over = true;
        self.jobs.disk.remove_data(self.id);
        if self.jobs.is_closing()
            && self.wait_again()
            && let Err(error) = self.jobs.save(self.id)
        {
            log::error!("export {}: its record cannot be written: {error}", self.id);
        }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        if !self.is_over {
            self.jobs.fail(self.id, "internal error", super::now());
        }
    }
}

/// The file of a job while it is written.
#[derive(Debug)]
pub struct JobPart<'t> {
    pub(super) ticket: &'t Ticket,
    file: File,
    pub(super) hash: Sha256,
}

impl JobPart<'_> {
    /// Writes the next bytes.
    ///
    /// # Errors
    /// There is no room for them.
    pub fn write(&mut self, piece: &[u8]) -> Result<(), PartError> {
        let Ticket { jobs, id, .. } = self.ticket;
        if !jobs.lock().grow(*id, piece.len() as u64, &jobs.bounds) {
            return Err(PartError::Full);
        }
        self.file.write_all(piece)?;
        self.hash.update(piece);
        Ok(())
    }

    /// Gives the file its name, and ends the job: from now on the file is there, whole. One that goes to a store is uploaded.
    ///
    /// # Errors
    /// The disk's. The job is as it was.
    pub fn finish(self, made: MadeFile, now: i64) -> io::Result<()> {
        let Self { ticket, file, hash } = self;
        let (jobs, id) = (&ticket.jobs, ticket.id);
        let Some(job) = ticket.job().filter(|job| job.state == JobState::Running) else {
            jobs.disk.remove_data(id);
            return Ok(());
        };
        let mut sha256 = hexadecimal(&hash.finalize());
        match &job.target {
            Some(JobTarget { to: ExportPlace::Directory { dir }, name, .. }) => {
                sha256 = ticket.deliver(&job, (dir, name), &file, sha256)?;
            }
            Some(JobTarget { to: ExportPlace::Bucket { .. }, .. }) => {
                return Err(io::Error::new(io::ErrorKind::Unsupported, "it goes to a store"));
            }
            None => jobs.disk.finish(id, &file)?,
        }
        ticket.end_done(&made, &sha256, now)
    }
}

impl Ticket {
    /// Gives a recurring file its name in its directory; gives the sum of the file that is there. It is in the record before: a
    /// service that is killed behind this knows its own file by it, which another try would not make of the same bytes.
    fn deliver(&self, job: &ExportJob, place: (&Path, &str), file: &File, sha256: String) -> io::Result<String> {
        let there = self.jobs.disk.delivered(place);
        if let Some((sum, length)) = there.filter(|(sum, _)| Some(sum) == job.sha256.as_ref()) {
            self.jobs.disk.remove_data(self.id);
            self.jobs.lock().change(self.id, |job| job.bytes = length);
            return Ok(sum);
        }
        self.jobs.lock().change(self.id, |job| job.sha256 = Some(sha256.clone()));
        self.jobs.save(self.id)?;
        self.jobs.disk.deliver(self.id, file, place)?;
        Ok(sha256)
    }

    /// Ends the job, whose file is where it belongs.
    pub(super) fn end_done(&self, made: &MadeFile, sha256: &str, now: i64) -> io::Result<()> {
        let expires = now + self.jobs.bounds.keep_seconds;
        let is_done = self.jobs.end(self.id, |job| {
            job.state = JobState::Done;
            job.finished = Some(now);
            job.expires = Some(expires);
            job.sha256 = Some(sha256.to_owned());
            job.content_type.clone_from(&made.content_type);
            job.disposition.clone_from(&made.disposition);
            job.cursor.clone_from(&made.cursor);
            job.told.clone_from(&made.told);
        })?;
        match is_done {
            true => self.jobs.ends.note(JobEnd::Done),
            // Cancelled at this moment it stays so.
            false => self.jobs.disk.remove_data(self.id),
        }
        Ok(())
    }

    /// Marks a job whose file is finished as handled.
    pub fn done(mut self) {
        self.is_over = true;
    }
}
