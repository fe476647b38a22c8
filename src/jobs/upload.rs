//! Recurring files that go to a store. An object has its name only when it is whole, and nothing that is there is written over.

use std::io;
use std::os::unix::fs::FileExt as _;

use sha2::Digest as _;

use super::disk::hexadecimal;
use super::record::{JobState, JobTarget, JobUpload};
use super::ticket::{JobPart, MadeFile, Ticket};
use crate::s3::{BucketClient, ObjectHeaders, PART, S3Error, StoredObject, part_size};

/// A file that is not in its store.
#[derive(Debug, thiserror::Error)]
pub enum UploadError {
    /// The store failed.
    #[error("{0}")]
    Store(#[from] S3Error),
    /// Another object has its name.
    #[error("there is another object of its name")]
    Taken,
    /// The store took it, and has something else.
    #[error("the store took {sent} bytes and has {found}")]
    Differs {
        /// Bytes that were sent.
        sent: u64,
        /// That which is there.
        found: String,
    },
    /// Its bytes cannot be read, or its record not written.
    #[error("{0}")]
    Disk(#[from] io::Error),
}

impl Ticket {
    /// True if the file is in its store already, as a service that was killed left it: the job is done then. Otherwise an upload
    /// would succeed at this moment, and nothing is left of an earlier one.
    ///
    /// # Errors
    /// Another object has the name, or the store would take none.
    pub async fn is_uploaded(&self, bucket: &BucketClient, now: i64) -> Result<bool, UploadError> {
        let Some(target) = self.target() else { return Ok(false) };
        self.withdraw(bucket).await;
        let upload = self.upload();
        match (bucket.look(&target.name).await, upload) {
            (Ok(Some(found)), Some(upload)) if is_of(&found, &upload) => {
                self.jobs.lock().change(self.id, |job| job.bytes = upload.bytes);
                self.end_done(&MadeFile::default(), &upload.sha256, now)?;
                return Ok(true);
            }
            (Ok(Some(_)), _) => return Err(UploadError::Taken),
            (Ok(None), _) => {}
            // Keys that may not list a bucket get this for every name that is not there.
            (Err(error), _) if error.is_forbidden() => {}
            (Err(error), _) => return Err(error.into()),
        }
        bucket.probe(&target.name).await?;
        Ok(false)
    }

    /// Gives up what was begun in the store, if there is anything. What cannot be given up now is so with the next try.
    pub async fn withdraw(&self, bucket: &BucketClient) {
        let (Some(target), Some(JobUpload { id: Some(id), .. })) = (self.target(), self.upload()) else { return };
        match bucket.abort(&target.name, &id).await {
            Ok(()) => {
                self.jobs.lock().change(self.id, |job| {
                    if let Some(upload) = &mut job.upload {
                        upload.id = None;
                    }
                });
            }
            Err(error) => log::warn!("export {}: parts may stay in {}: {error}", self.id, target.to),
        }
    }

    fn target(&self) -> Option<JobTarget> {
        self.job()?.target
    }

    fn upload(&self) -> Option<JobUpload> {
        self.job()?.upload
    }

    /// Notes an upload, on the disk too.
    fn note_upload(&self, upload: &JobUpload) -> io::Result<()> {
        self.jobs.lock().change(self.id, |job| job.upload = Some(upload.clone()));
        self.jobs.save(self.id)
    }
}

/// True if an object is the one that an upload made.
fn is_of(found: &StoredObject, upload: &JobUpload) -> bool {
    found.sha256.as_ref() == Some(&upload.sha256) && found.length == upload.bytes
}

impl JobPart<'_> {
    /// Brings the whole file to its store, and ends the job: from now on the object is there.
    ///
    /// # Errors
    /// The store's or the disk's. The job is as it was; [`Ticket::withdraw`] gives up what was begun.
    pub async fn upload(self, bucket: &BucketClient, made: MadeFile, now: impl Fn() -> i64) -> Result<(), UploadError> {
        let Self { ticket, hash, .. } = self;
        let (jobs, id) = (&ticket.jobs, ticket.id);
        let job = ticket.job().filter(|job| job.state == JobState::Running);
        let Some(target) = job.and_then(|job| job.target) else {
            jobs.disk.remove_data(id);
            return Ok(());
        };
        let file = jobs.disk.part(id)?;
        let upload = JobUpload { sha256: hexadecimal(&hash.finalize()), bytes: file.metadata()?.len(), id: None };
        let object = NewObject { bucket, name: &target.name, made: &made, file: &file, upload: &upload };
        let mut sent = object.send(ticket).await;
        if let Err(UploadError::Store(error)) = &sent
            && error.knows_no_conditions()
        {
            log::info!("export {id}: {} cannot refuse a name that is taken, which is looked at instead", target.to);
            ticket.withdraw(bucket).await;
            bucket.without_conditions();
            sent = match bucket.look(&target.name).await? {
                None => object.send(ticket).await,
                Some(_) => Err(UploadError::Taken),
            };
        }
        if let Err(UploadError::Store(error)) = sent {
            // It may have been made all the same: by a request whose answer was lost, and that was sent again.
            match bucket.look(&target.name).await {
                // Parts that made nothing are paid for until somebody gives them up.
                Ok(Some(found)) if is_of(&found, &upload) => ticket.withdraw(bucket).await,
                Ok(Some(_)) => return Err(UploadError::Taken),
                Ok(None) | Err(_) if error.is_taken() => return Err(UploadError::Taken),
                Ok(None) | Err(_) => return Err(error.into()),
            }
        } else {
            sent?;
            object.compare().await?;
        }
        jobs.lock().change(id, |job| job.upload = Some(upload.clone()));
        jobs.disk.remove_data(id);
        Ok(ticket.end_done(&made, &upload.sha256, now())?)
    }
}

/// A whole file that is about to become an object.
struct NewObject<'a> {
    bucket: &'a BucketClient,
    name: &'a str,
    made: &'a MadeFile,
    file: &'a std::fs::File,
    upload: &'a JobUpload,
}

impl NewObject<'_> {
    /// Sends it: in one request, or in parts of which one at a time is in memory.
    async fn send(&self, ticket: &Ticket) -> Result<(), UploadError> {
        let Self { bucket, name, upload, .. } = *self;
        let headers = ObjectHeaders {
            content_type: self.made.content_type.clone(),
            disposition: self.made.disposition.clone(),
            sha256: upload.sha256.clone(),
        };
        ticket.note_upload(upload)?;
        if upload.bytes <= PART {
            return Ok(bucket.put(name, &headers, self.read(0, upload.bytes)?.into()).await?);
        }
        let id = bucket.begin(name, &headers).await?;
        ticket.note_upload(&JobUpload { id: Some(id.clone()), ..upload.clone() })?;
        let (size, mut parts) = (part_size(upload.bytes), Vec::new());
        while (parts.len() as u64) * size < upload.bytes {
            let at = parts.len() as u64 * size;
            let piece = self.read(at, size.min(upload.bytes - at))?;
            parts.push(bucket.put_part(name, &id, parts.len(), piece.into()).await?);
        }
        Ok(bucket.complete(name, &id, &parts).await?)
    }

    /// Fails if the store tells of another object than was sent. One that tells nothing is taken at its word.
    async fn compare(&self) -> Result<(), UploadError> {
        let sent = self.upload.bytes;
        let found = match self.bucket.look(self.name).await {
            Ok(Some(found)) if found.length != sent => format!("{}", found.length),
            Ok(Some(found)) if found.sha256.as_ref().is_some_and(|sha256| *sha256 != self.upload.sha256) => {
                "others, by their SHA-256".to_owned()
            }
            Ok(Some(_)) => return Ok(()),
            Ok(None) => "none".to_owned(),
            Err(error) => {
                log::debug!("{} cannot be looked at after it was sent: {error}", self.name);
                return Ok(());
            }
        };
        Err(UploadError::Differs { sent, found })
    }

    fn read(&self, at: u64, length: u64) -> io::Result<Vec<u8>> {
        // A part is far below what a machine word holds.
        let mut piece = vec![0; length as usize];
        self.file.read_exact_at(&mut piece, at)?;
        Ok(piece)
    }
}
