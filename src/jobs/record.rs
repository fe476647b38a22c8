//! The record of an export job, as it stands in memory and on disk.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::config::recurring::ExportPlace;

/// The state of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum JobState {
    /// In the queue.
    Waiting,
    /// Its file is being written.
    Running,
    /// Its file is whole and kept.
    Done,
    /// There is no file; the reason is in the record.
    Failed,
    /// Its owner does not want it any more.
    Cancelled,
    /// Its file was removed when its time was up.
    Expired,
}

impl JobState {
    /// All of them.
    pub const ALL: [Self; 6] = [Self::Waiting, Self::Running, Self::Done, Self::Failed, Self::Cancelled, Self::Expired];

    /// Its word, as callers and metrics see it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Running => "running",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Expired => "expired",
        }
    }

    /// True while it waits or runs.
    pub fn is_live(self) -> bool {
        matches!(self, Self::Waiting | Self::Running)
    }
}

/// The question of a job.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobAsk {
    /// The report's name in its API.
    pub report: String,
    /// The parameters, as a query string.
    pub question: String,
    /// The name of the file's format.
    pub format: String,
}

/// A place to which a recurring file goes, in place of the directory that keeps exports.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobTarget {
    /// The directory or bucket.
    #[serde(flatten)]
    pub to: ExportPlace,
    /// The file's name in it.
    pub name: String,
    /// The span of time that the file is of, such as `2026-10`.
    pub period: String,
}

impl JobTarget {
    /// True for a later span than one of the same kind: days, weeks and months are named differently.
    pub fn is_later_than(&self, period: &str) -> bool {
        self.period.len() == period.len() && *self.period > *period
    }
}

/// The last upload of a recurring file to a store. It is known before it begins: a service that is killed, or whose store answers
/// no more, knows by it what is its own there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobUpload {
    /// SHA-256 of the file, hexadecimal.
    pub sha256: String,
    /// Its bytes.
    pub bytes: u64,
    /// The store's id of the upload, while parts of it may be there.
    #[serde(default)]
    pub id: Option<String>,
}

/// A job that is to be added.
#[derive(Clone, Debug)]
pub struct NewJob {
    /// The key that only those have who may see the job.
    pub owner: String,
    /// The tenant in whose share it is made and kept.
    pub tenant: u32,
    /// The question.
    pub asked: JobAsk,
    /// All that is needed to check its maker again when it begins. This module does not read it.
    pub maker: Value,
    /// The place of a recurring file.
    pub target: Option<JobTarget>,
}

/// A job. Times are epoch seconds.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ExportJob {
    /// Its id, which is the name of its record's file.
    #[serde(skip)]
    pub id: Uuid,
    /// As [`NewJob::owner`].
    pub owner: String,
    /// As [`NewJob::tenant`].
    pub tenant: u32,
    /// The question.
    pub asked: JobAsk,
    /// As [`NewJob::maker`].
    pub maker: Value,
    /// As [`NewJob::target`].
    #[serde(default)]
    pub target: Option<JobTarget>,
    /// Its state.
    pub state: JobState,
    /// The time at which it was asked for.
    pub created: i64,
    /// The time at which it last began.
    #[serde(default)]
    pub begun: Option<i64>,
    /// The time at which it ended.
    #[serde(default)]
    pub finished: Option<i64>,
    /// The time at which its file is removed.
    #[serde(default)]
    pub expires: Option<i64>,
    /// Number of times that it began and was not put back.
    #[serde(default)]
    pub begins: u32,
    /// CDRs of the whole file, where they were counted.
    #[serde(default)]
    pub rows: Option<u64>,
    /// Bytes written so far, or of the whole file.
    #[serde(default)]
    pub bytes: u64,
    /// The cursor behind the last CDR of a file that ends at a limit.
    #[serde(default)]
    pub cursor: Option<String>,
    /// SHA-256 of the whole file, hexadecimal.
    #[serde(default)]
    pub sha256: Option<String>,
    /// The last upload to its store, also of a job that failed before it.
    #[serde(default)]
    pub upload: Option<JobUpload>,
    /// The reason for which it failed, in words for its owner.
    #[serde(default)]
    pub reason: Option<String>,
    /// The file's `Content-Type`.
    #[serde(default)]
    pub content_type: String,
    /// The file's `Content-Disposition`.
    #[serde(default)]
    pub disposition: Option<String>,
    /// The data in the file, as the audit log has them. This module does not read it.
    #[serde(default)]
    pub told: Vec<Value>,
}

impl ExportJob {
    /// A job in the queue.
    pub(super) fn new(new: NewJob, now: i64) -> Self {
        let NewJob { owner, tenant, asked, maker, target } = new;
        Self {
            id: Uuid::new_v4(),
            owner,
            tenant,
            asked,
            maker,
            target,
            state: JobState::Waiting,
            created: now,
            begun: None,
            finished: None,
            expires: None,
            begins: 0,
            rows: None,
            bytes: 0,
            cursor: None,
            sha256: None,
            upload: None,
            reason: None,
            content_type: String::new(),
            disposition: None,
            told: Vec::new(),
        }
    }

    /// Back to the queue.
    pub(super) fn put_back(&mut self) {
        self.state = JobState::Waiting;
        self.begun = None;
        self.bytes = 0;
        self.rows = None;
    }

    /// Ends it without a file.
    pub(super) fn end(&mut self, state: JobState, reason: Option<String>, now: i64) {
        self.state = state;
        self.reason = reason;
        self.finished = Some(now);
        self.bytes = 0;
        self.cursor = None;
        self.sha256 = None;
        self.expires = None;
    }
}
