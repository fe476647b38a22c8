//! The access log and the audit log. Handlers note what they learn of a request while they answer it; the outermost
//! middleware writes one line when its body has ended, and, before the first byte is sent, one for each read of calls whose
//! data the response gives away. No line holds a token, a filter's value or anything else of a query string or body.

mod entry;
mod job;

use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Value, json};
use uuid::Uuid;

use crate::access::Who;
use crate::cache::CacheStatus;
use crate::config::{AccessLog, Log};
use crate::journal::{Journal, Sink};
use crate::report::breakdown::Breakdown;
use crate::report::cdrs::CdrQuery;
use crate::report::plan::{Plan, Window};
use crate::shown::Escaped;
use crate::token::{Accepted, Subject};

pub use entry::record;
pub use job::{JobTrail, write_job};

tokio::task_local! {
    /// The trail of the request that a task handles.
    static TRAIL: Arc<Mutex<Trail>>;
}

/// The logs that are kept.
#[derive(Debug)]
pub struct Journals {
    access: Option<(AccessLog, Journal)>,
    audit: Option<Journal>,
}

impl Journals {
    /// Opens the logs that the settings want.
    ///
    /// # Errors
    /// The setting of a file that cannot be opened, and why.
    pub fn start(config: &Log) -> Result<Self, (&'static str, std::io::Error)> {
        let access = match config.access {
            AccessLog::Off => None,
            form @ (AccessLog::Text | AccessLog::Json) => {
                let sink = config.access_file.clone().map_or(Sink::Stderr, Sink::File);
                Some((form, Journal::start("access", sink).map_err(|e| ("log.access_file", e))?))
            }
        };
        let audit = match &config.audit_file {
            Some(path) => Some(Journal::start("audit", Sink::File(path.clone())).map_err(|e| ("log.audit_file", e))?),
            None => None,
        };
        Ok(Self { access, audit })
    }

    /// Each log that is kept.
    pub fn all(&self) -> impl Iterator<Item = (&'static str, &Journal)> {
        let access = self.access.as_ref().map(|(_, journal)| ("access", journal));
        access.into_iter().chain(self.audit.as_ref().map(|journal| ("audit", journal)))
    }

    /// Waits a moment for what is not written yet.
    pub fn flush(&self) {
        let access = self.access.as_ref().map(|(_, journal)| journal);
        access.into_iter().chain(&self.audit).for_each(Journal::flush);
    }

    fn is_any(&self) -> bool {
        self.access.is_some() || self.audit.is_some()
    }
}

/// Facts about one request, noted while it is handled: token, customer, data read, cache status.
#[derive(Debug, Default)]
struct Trail {
    id: String,
    /// The row of `api_access` that the token stands for; none for a grant.
    access: Option<u32>,
    /// The token's id (`jti`), if it has one.
    token: Option<String>,
    customer: Option<u32>,
    /// Set for one of the operator's people: the row of `operator_access`, or none for a grant.
    operator: Option<Option<u32>>,
    asked: Vec<Asked>,
    /// The file of an export that the response gives away: its id, and the data in it.
    export: Option<(String, Vec<Value>)>,
    rows_read: u64,
    used: Option<CacheStatus>,
}

/// Data of calls that are read for a response; a response that succeeds holds all of them.
#[derive(Debug)]
struct Asked {
    report: &'static str,
    accounts: Vec<String>,
    window: Option<Window>,
    filters: Vec<&'static str>,
    buckets: u64,
    /// Of raw CDRs.
    calls: Option<AskedCalls>,
}

/// The calls that a response gives away one by one.
#[derive(Debug)]
struct AskedCalls {
    columns: Vec<&'static str>,
    /// Those of a page, or those that were counted before a file.
    rows: u64,
    format: &'static str,
    /// True for a file, whose end is told too.
    is_file: bool,
}

impl Asked {
    /// Its part of a line of the audit log.
    fn line(&self) -> Value {
        let mut line = json!({
            "report": self.report,
            "accounts": self.accounts,
            "from": self.window.map(|window| entry::instant(window.from)),
            "to": self.window.and_then(|window| window.to).map(entry::instant),
            "filters": self.filters,
            "buckets": self.buckets,
        });
        if let Some(calls) = &self.calls {
            line["columns"] = json!(calls.columns);
            line["rows"] = json!(calls.rows);
            line["format"] = json!(calls.format);
        }
        line
    }
}

/// Adds the members of an object to another.
fn add_members(line: &mut Value, more: &Value) {
    for (name, value) in more.as_object().into_iter().flatten() {
        line[name.as_str()] = value.clone();
    }
}

fn note(change: impl FnOnce(&mut Trail)) {
    // Where nothing is kept, and outside of requests, there is none.
    let _ = TRAIL.try_with(|trail| change(&mut trail.lock().unwrap_or_else(PoisonError::into_inner)));
}

/// Work on another thread that notes what it learns for the request at hand.
pub fn carried<T>(work: impl Future<Output = T>) -> impl Future<Output = T> {
    let trail = TRAIL.try_with(Arc::clone).ok();
    async move {
        match trail {
            Some(trail) => TRAIL.scope(trail, work).await,
            None => work.await,
        }
    }
}

/// Notes the request's id.
pub fn note_id(id: &str) {
    note(|trail| id.clone_into(&mut trail.id));
}

/// A token's id, as logs show it.
fn token_id(accepted: &Accepted) -> Option<String> {
    // Whoever signs tokens chooses their ids; ours have 32 characters.
    const LONGEST_ID: usize = 128;
    accepted.id().map(|id| Escaped(&id.chars().take(LONGEST_ID).collect::<String>()).to_string())
}

/// Notes which of the operator's people asks.
pub fn note_operator(accepted: &Accepted) {
    note(|trail| {
        trail.token = token_id(accepted);
        trail.operator = match accepted.subject() {
            Subject::Operator(id) => Some(Some(*id)),
            Subject::OperatorGrant(_) => Some(None),
            Subject::Access(_) | Subject::Grant(_) => None,
        };
    });
}

/// Notes who asks.
pub fn note_caller(accepted: &Accepted, who: &Who) {
    note(|trail| {
        trail.token = token_id(accepted);
        trail.access = match accepted.subject() {
            Subject::Access(id) => Some(*id),
            Subject::Grant(_) | Subject::Operator(_) | Subject::OperatorGrant(_) => None,
        };
        trail.customer = Some(who.customer());
    });
}

/// Notes rows that ClickHouse read, and what of the figures was cached; nothing where the cache was not asked.
pub fn note_read(rows: u64, used: Option<CacheStatus>) {
    note(|trail| {
        trail.rows_read += rows;
        trail.used = match (trail.used, used) {
            (Some(one), Some(other)) if one != other => Some(CacheStatus::Partial),
            (one, other) => other.or(one),
        };
    });
}

/// Notes that the file of an export is going to be given away, with these data in it.
pub fn note_export(id: &str, told: &[Value]) {
    note(|trail| trail.export = Some((id.to_owned(), told.to_vec())));
}

/// Notes that data of a breakdown's accounts are going to be read.
pub fn note_breakdown(breakdown: &Breakdown) {
    note(|trail| {
        trail.asked.push(Asked {
            report: breakdown.terms.report,
            accounts: breakdown.terms.whose.accounts().iter().map(|account| account.uuid.to_string()).collect(),
            window: Some(breakdown.now.window),
            filters: breakdown.terms.filters.iter().map(|filter| filter.column.name()).collect(),
            buckets: breakdown.terms.limit as u64,
            calls: None,
        });
    });
}

/// Notes that so many calls are going to be given away one by one.
pub fn note_cdrs(query: &CdrQuery, rows: u64) {
    note(|trail| {
        trail.asked.push(Asked {
            report: query.report,
            accounts: query.whose.accounts().iter().map(|account| account.uuid.to_string()).collect(),
            window: Some(query.window),
            filters: query.filters.iter().map(|filter| filter.column.name()).collect(),
            buckets: 0,
            calls: Some(AskedCalls {
                columns: query.columns.iter().map(|column| column.name).collect(),
                rows,
                format: query.form.format.row().name,
                is_file: !query.form.format.is_json(),
            }),
        });
    });
}

/// Notes that data of these accounts are going to be read; plans of several differ in nothing else.
pub fn note_asked(plan: &Plan, accounts: impl IntoIterator<Item = Uuid>) {
    note(|trail| {
        trail.asked.push(Asked {
            report: plan.report,
            accounts: accounts.into_iter().map(|uuid| uuid.to_string()).collect(),
            window: plan.window,
            filters: plan.query.filters.iter().map(|filter| filter.column.name()).collect(),
            buckets: plan.grid.count,
            calls: None,
        });
    });
}
