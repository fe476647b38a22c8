//! All jobs in memory: who is next, and what each tenant holds.

use std::collections::{HashMap, VecDeque};

use tokio::sync::watch;
use uuid::Uuid;

use super::JobBounds;
use super::record::{ExportJob, JobState, JobUpload};

/// A job and what belongs to it while the service runs.
#[derive(Debug)]
pub(super) struct JobEntry {
    pub(super) job: ExportJob,
    /// Bytes of the bounds that its file holds.
    pub(super) held: u64,
    /// Set when the one who writes it is to stop.
    pub(super) stop: watch::Sender<bool>,
}

/// Jobs by id, the queue, and the bytes of files that are kept or being written.
#[derive(Debug, Default)]
pub(super) struct JobTable {
    pub(super) jobs: HashMap<Uuid, JobEntry>,
    waiting: VecDeque<Uuid>,
    /// The number of the turn in which a tenant last began a job.
    served: HashMap<u32, u64>,
    turn: u64,
    used: HashMap<u32, u64>,
    total: u64,
}

impl JobTable {
    /// Takes up a job: into the queue, if it waits.
    pub(super) fn insert(&mut self, job: ExportJob) {
        if job.state == JobState::Waiting {
            self.wait(&job);
        }
        let held = if job.target.is_none() { job.bytes } else { 0 };
        self.hold(job.tenant, held);
        self.jobs.insert(job.id, JobEntry { job, held, stop: watch::Sender::new(false) });
    }

    /// Drops a job's entry and what it holds.
    pub(super) fn remove(&mut self, id: Uuid) {
        if let Some(entry) = self.jobs.remove(&id) {
            self.release(entry.job.tenant, entry.held);
        }
        self.waiting.retain(|waiting| *waiting != id);
    }

    /// Changes a job; what its file held is given back where it has none any more.
    pub(super) fn change(&mut self, id: Uuid, change: impl FnOnce(&mut ExportJob)) -> Option<ExportJob> {
        let entry = self.jobs.get_mut(&id)?;
        let was_waiting = entry.job.state == JobState::Waiting;
        change(&mut entry.job);
        let job = entry.job.clone();
        if job.bytes == 0 {
            let held = std::mem::take(&mut entry.held);
            self.release(job.tenant, held);
        }
        match (was_waiting, job.state == JobState::Waiting) {
            (true, false) => self.waiting.retain(|waiting| *waiting != id),
            (false, true) => self.wait(&job),
            (true, true) | (false, false) => {}
        }
        Some(job)
    }

    /// Into the queue, behind those that were asked for before: one that is put back has its place again.
    fn wait(&mut self, job: &ExportJob) {
        let is_before = |id: &Uuid| self.jobs.get(id).is_some_and(|entry| entry.job.created <= job.created);
        let place = self.waiting.iter().rposition(is_before).map_or(0, |place| place + 1);
        self.waiting.insert(place, job.id);
    }

    /// The next job to begin: of the tenant that has the fewest running, and of several the one that was served longest ago.
    pub(super) fn next(&self, per_tenant: usize) -> Option<Uuid> {
        let mut running: HashMap<u32, usize> = HashMap::new();
        for entry in self.jobs.values().filter(|entry| entry.job.state == JobState::Running) {
            *running.entry(entry.job.tenant).or_default() += 1;
        }
        let runs = |tenant: u32| running.get(&tenant).copied().unwrap_or(0);
        let key = |tenant: u32| (runs(tenant), self.served.get(&tenant).copied().unwrap_or(0));
        let waiting = self.waiting.iter().filter_map(|id| Some((*id, self.jobs.get(id)?.job.tenant)));
        // Of equal ones the first, which has waited longest.
        let next = waiting.filter(|(_, tenant)| runs(*tenant) < per_tenant).min_by_key(|(_, tenant)| key(*tenant));
        next.map(|(id, _)| id)
    }

    /// Notes that a tenant has its turn.
    pub(super) fn serve(&mut self, tenant: u32) {
        self.turn += 1;
        self.served.insert(tenant, self.turn);
        if self.served.len() > self.jobs.len() + 64 {
            let present: std::collections::HashSet<u32> = self.jobs.values().map(|entry| entry.job.tenant).collect();
            self.served.retain(|tenant, _| present.contains(tenant));
        }
    }

    /// Jobs of a tenant for which `wanted` holds.
    pub(super) fn count(&self, tenant: u32, wanted: impl Fn(&ExportJob) -> bool) -> usize {
        self.jobs.values().filter(|entry| entry.job.tenant == tenant && wanted(&entry.job)).count()
    }

    /// The oldest record without a file of those for which `wanted` holds, to make room for another.
    pub(super) fn oldest_without_file(&self, wanted: impl Fn(&ExportJob) -> bool) -> Option<Uuid> {
        let jobs = self.jobs.values().map(|entry| &entry.job);
        let without = jobs
            .filter(|job| wanted(job) && job.target.is_none() && !job.state.is_live() && job.state != JobState::Done);
        without.min_by_key(|job| (job.finished, job.id)).map(|job| job.id)
    }

    /// The same of the tenant that has the most records.
    pub(super) fn oldest_of_the_most(&self) -> Option<Uuid> {
        let mut records: HashMap<u32, usize> = HashMap::new();
        for entry in self.jobs.values() {
            *records.entry(entry.job.tenant).or_default() += 1;
        }
        let mut tenants: Vec<(u32, usize)> = records.into_iter().collect();
        tenants.sort_unstable_by_key(|(tenant, count)| (std::cmp::Reverse(*count), *tenant));
        tenants.into_iter().find_map(|(tenant, _)| self.oldest_without_file(|job| job.tenant == tenant))
    }

    /// The upload of the last job that failed to bring the same file to the same place.
    pub(super) fn last_upload(&self, job: &ExportJob) -> Option<JobUpload> {
        let jobs = self.jobs.values().map(|entry| &entry.job).filter(|other| other.owner == job.owner);
        let failed = jobs.filter(|other| other.state == JobState::Failed && other.target == job.target);
        failed.filter(|other| other.upload.is_some()).max_by_key(|other| other.finished)?.upload.clone()
    }

    /// Takes room for more bytes of a job's file; false where its tenant, or all of them, have no more.
    pub(super) fn grow(&mut self, id: Uuid, bytes: u64, bounds: &JobBounds) -> bool {
        // What was cancelled a moment ago holds nothing.
        let running = self.jobs.get_mut(&id).filter(|entry| entry.job.state == JobState::Running);
        let Some(entry) = running else { return false };
        entry.job.bytes += bytes;
        if entry.job.target.is_some() {
            return true;
        }
        let tenant = entry.job.tenant;
        let used = self.used.get(&tenant).copied().unwrap_or(0);
        if used + bytes > bounds.bytes_per_tenant || self.total + bytes > bounds.bytes {
            return false;
        }
        entry.held += bytes;
        self.hold(tenant, bytes);
        true
    }

    /// True if nothing more can be kept for a tenant.
    pub(super) fn is_full(&self, tenant: u32, bounds: &JobBounds) -> bool {
        self.used.get(&tenant).is_some_and(|used| *used >= bounds.bytes_per_tenant) || self.total >= bounds.bytes
    }

    /// Bytes of all files.
    pub(super) fn total(&self) -> u64 {
        self.total
    }

    fn hold(&mut self, tenant: u32, bytes: u64) {
        if bytes > 0 {
            *self.used.entry(tenant).or_default() += bytes;
            self.total += bytes;
        }
    }

    fn release(&mut self, tenant: u32, bytes: u64) {
        self.total = self.total.saturating_sub(bytes);
        if let Some(used) = self.used.get_mut(&tenant) {
            *used = used.saturating_sub(bytes);
            if *used == 0 {
                self.used.remove(&tenant);
            }
        }
    }
}
