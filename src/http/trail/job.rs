//! The audit log of export jobs, which have no request: one line when a job has ended.

use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Value, json};

use super::{Asked, Journals, TRAIL, Trail, add_members, entry};

/// Facts that a job's work notes.
#[derive(Clone, Debug)]
pub struct JobTrail(Arc<Mutex<Trail>>);

impl JobTrail {
    /// That of a job that begins.
    pub fn new(id: &str) -> Self {
        Self(Arc::new(Mutex::new(Trail { id: id.to_owned(), ..Trail::default() })))
    }

    /// Runs work that notes what it reads here.
    pub async fn scope<T>(&self, work: impl Future<Output = T>) -> T {
        TRAIL.scope(Arc::clone(&self.0), work).await
    }

    /// The data that were read, as the audit log has them.
    pub fn told(&self) -> Vec<Value> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).asked.iter().map(Asked::line).collect()
    }

    /// CDRs that were counted for a file.
    pub fn rows(&self) -> Option<u64> {
        let trail = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        trail.asked.last().and_then(|asked| asked.calls.as_ref()).map(|calls| calls.rows)
    }

    /// Forgets what an earlier try has read.
    pub fn clear(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).asked.clear();
    }
}

/// Writes the line of a job that has ended: who had asked, how it ended, and the data that were read for it.
pub fn write_job(journals: &Journals, asked_by: &Value, end: &Value, told: &[Value]) {
    let Some(audit) = &journals.audit else { return };
    let nothing = [Value::Null];
    for told in if told.is_empty() { &nothing[..] } else { told } {
        let mut line = json!({ "time": entry::now() });
        [asked_by, told, end].iter().for_each(|part| add_members(&mut line, part));
        audit.write(line.to_string());
    }
}
