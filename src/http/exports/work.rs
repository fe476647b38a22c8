//! The work of one job: its maker is checked again, the question asked as a request would ask it, and the answer's body written
//! to the disk as a connection would take it.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use actix_web::HttpResponse;
use actix_web::body::{BoxBody, MessageBody as _};
use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderName};
use serde_json::{Value, json};
use tokio::time::{sleep, timeout};

use super::super::download::CutFile;
use super::super::error::ApiError;
use super::super::params::BadParam;
use super::super::state::State;
use super::super::trail::{self, JobTrail};
use super::super::{breakdowns, cdrs, operators, reports};
use super::maker::{MadeFor, Maker, Nobody};
use super::question::{self, Exported};
use crate::fair::Permit;
use crate::jobs::{ExportJob, JobPart, JobState, MadeFile, PartError, RECURRING, Ticket, UploadError, now};
use crate::s3::BucketClient;
use crate::shown::Cause;
use crate::store::{ExportLane, Failure, REQUEST};

/// Waits before a question that met a bound is asked again.
const AGAIN: [Duration; 6] = [
    Duration::from_secs(1),
    Duration::from_secs(2),
    Duration::from_secs(5),
    Duration::from_secs(10),
    Duration::from_secs(20),
    Duration::from_secs(30),
];

/// Longest refusal that is read, bytes.
const LONGEST_REFUSAL: usize = 64 * 1024;

/// The reason of a job whose maker may not have it any more.
const NOT_THERE: &str = "the access that it was asked with is not there any more";

/// The reason of a job whose file would be written over another.
const TAKEN: &str = "there is another file of its name, which is left as it is";

/// Longest wait for a store to give up an upload: below that for the jobs to stop.
const WITHDRAW: Duration = Duration::from_secs(3);

/// The end of a job that has no file.
enum Without {
    /// It was told to stop.
    Stopped,
    /// A reason in words for its owner.
    Reason(String),
    /// The same, whose cause is in the log already.
    Logged(&'static str),
    /// A bound was met before anything was written: it may work in a moment.
    Yet(String),
}

impl From<String> for Without {
    fn from(reason: String) -> Self {
        Self::Reason(reason)
    }
}

/// Makes the file of a job, in a slot of the exports.
pub(super) async fn make(state: &Arc<State>, ticket: Ticket, slot: Permit) {
    let (id, jobs) = (ticket.id().to_string(), state.jobs.get().map(Arc::clone));
    let Some(job) = ticket.job() else { return ticket.done() };
    let trail = JobTrail::new(&id);
    let done = tokio::select! {
        () = ticket.stopped() => Err(Without::Stopped),
        done = REQUEST.scope(id.as_str().into(), within(state, (&job, slot), &ticket, &trail)) => done,
    };
    let told = trail.told();
    if done.is_err() {
        withdraw(state, &job, &ticket).await;
    }
    match done {
        Ok(()) => ticket.done(),
        Err(Without::Stopped) => ticket.stop(),
        Err(Without::Logged(reason)) => ticket.fail(reason, now()),
        Err(Without::Reason(reason) | Without::Yet(reason)) => {
            match recurring(&job) {
                Some((name, to)) => log::error!("exports.recurring: {name}: {to}: {reason}"),
                None => log::warn!("export {id}: {} failed: {reason}", job.asked.report),
            }
            ticket.fail(&reason, now());
        }
    }
    if let Some(jobs) = jobs {
        let job = jobs.get(&job.owner, job.id);
        if let Some(job) = job.as_ref().filter(|job| job.state == JobState::Done) {
            let place = job.target.as_ref().map(|target| format!(", {}", target.to.of(&target.name)));
            log::info!("export {id}: {} is done{}", job.asked.report, place.unwrap_or_default());
        }
        audit(state, job, &told);
        jobs.wake();
    }
}

/// The line of the audit log, unless the job begins again.
fn audit(state: &State, job: Option<ExportJob>, told: &[Value]) {
    let (Some(journals), Some(job)) = (state.journals.get(), job) else { return };
    if job.state.is_live() {
        return;
    }
    let (id, report) = (job.id.to_string(), &job.asked.report);
    let mut end = json!({ "id": id, "export": id, "end": job.state.word(), "bytes": job.bytes, "sha256": job.sha256 });
    if told.is_empty() {
        end["report"] = json!(report);
    }
    if let Some(target) = job.target.as_ref().filter(|_| job.state == JobState::Done) {
        end["file"] = json!(target.to.of(&target.name));
    }
    trail::write_job(journals, &Maker::told(&job.maker), &end, told);
}

/// Waits for the file, for as long as a job may take.
async fn within(
    state: &Arc<State>,
    (job, slot): (&ExportJob, Permit),
    ticket: &Ticket,
    trail: &JobTrail,
) -> Result<(), Without> {
    let exports = &state.config.exports;
    let lane = ExportLane::new(slot, exports.job_seconds, exports.job_rows);
    let work = async {
        let mut waits = AGAIN.into_iter();
        loop {
            trail.clear();
            match (lane.clone().scope(trail.scope(once(state, job, ticket, trail))).await, waits.next()) {
                (Err(Without::Yet(why)), Some(wait)) => {
                    log::info!("export {}: tried again in {} s: {why}", job.id, wait.as_secs());
                    sleep(wait).await;
                }
                (done, _) => return done,
            }
        }
    };
    let limit = Duration::from_secs(exports.job_seconds.into());
    timeout(limit, work).await.unwrap_or_else(|_| Err(Without::Reason(too_slow())))
}

fn too_slow() -> String {
    "it took longer than exports.job_seconds".to_owned()
}

/// One try.
async fn once(state: &Arc<State>, job: &ExportJob, ticket: &Ticket, trail: &JobTrail) -> Result<(), Without> {
    let maker = Maker::again(&job.maker, state).map_err(|nobody| match nobody {
        Nobody::Yet => Without::Yet("accounts cannot be read".to_owned()),
        // Its holder learns as little of a token as anybody; the log has the reason.
        Nobody::Denied(why) => {
            log::info!("export {}: its maker is nobody any more: {why}", job.id);
            Without::Reason(NOT_THERE.to_owned())
        }
    })?;
    // The file is its owner's, who saw other calls then. The settings own a recurring one.
    if job.target.is_none() && maker.owner() != job.owner {
        log::info!("export {}: its maker sees something else by now", job.id);
        return Err(Without::Reason(NOT_THERE.to_owned()));
    }
    let bucket = bucket(state, job)?;
    if let Some(bucket) = &bucket
        && ticket.is_uploaded(bucket, now()).await.map_err(|error| store(job, error))?
    {
        return Ok(());
    }
    let response = ask(state, job, &maker).await.map_err(|error| refused(state, job, &error))?;
    if response.status() != StatusCode::OK {
        return Err(told_otherwise(response).await);
    }
    if let Some(rows) = trail.rows() {
        ticket.note_rows(rows);
    }
    let text = |name: HeaderName| response.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let made = MadeFile {
        content_type: text(header::CONTENT_TYPE).unwrap_or_default(),
        disposition: text(header::CONTENT_DISPOSITION),
        cursor: text(header::LINK).as_deref().and_then(cdrs::cursor_of).map(str::to_owned),
        told: trail.told(),
    };
    let mut part = ticket.begin().map_err(|error| disk(job, &error))?;
    write(response.into_body(), &mut part).await.map_err(|why| match why {
        WriteFailure::Part(PartError::Disk(error)) => disk(job, &error),
        WriteFailure::Part(full @ PartError::Full) => Without::Reason(full.to_string()),
        WriteFailure::Cut(Some(failure)) => Without::Reason(of_failure(failure)),
        WriteFailure::Cut(None) => Without::Reason("the file could not be made".to_owned()),
    })?;
    match &bucket {
        Some(bucket) => part.upload(bucket, made, now).await.map_err(|error| store(job, error)),
        None => part.finish(made, now()).map_err(|error| disk(job, &error)),
    }
}

/// A client of the bucket that the file goes to, if it goes to one.
fn bucket(state: &State, job: &ExportJob) -> Result<Option<BucketClient>, Without> {
    let to = job.target.as_ref().map(|target| &target.to);
    let opened = to.map(|to| BucketClient::open(&state.config, to));
    opened.transpose().map(Option::flatten).map_err(|error| store(job, error.into()))
}

/// Gives up what an upload that is not whole has begun, within the time that a stop takes.
async fn withdraw(state: &State, job: &ExportJob, ticket: &Ticket) {
    if let Ok(Some(bucket)) = bucket(state, job)
        && timeout(WITHDRAW, ticket.withdraw(&bucket)).await.is_err()
    {
        log::warn!("export {}: its store does not answer, parts may stay there until it is tried again", job.id);
    }
}

/// Asks the question as a request does.
async fn ask(state: &Arc<State>, job: &ExportJob, maker: &Maker) -> Result<HttpResponse, ApiError> {
    let exported = Exported::find(&job.asked.report, maker).ok_or(BadParam::Invalid(question::REPORT))?;
    let request = question::request(&job.asked, maker, state)?;
    match (exported, &maker.who) {
        (Exported::Report(report), MadeFor::Customer(caller)) => {
            reports::respond(report, caller, &request, state).await
        }
        (Exported::Breakdown(report), MadeFor::Customer(caller)) => {
            breakdowns::respond(report, caller, &request, state).await
        }
        (Exported::Cdrs(report), MadeFor::Customer(caller)) => cdrs::respond(report, caller, &request, state).await,
        (Exported::OperatorsBreakdown, MadeFor::Operator(who)) => operators::respond(who, &request, state).await,
        (Exported::OperatorsStatistics, MadeFor::Operator(who)) => {
            operators::respond_by_time(who, &request, state).await
        }
        (Exported::OperatorsCdrs, MadeFor::Operator(who)) => operators::respond_with_cdrs(who, &request, state).await,
        // A name is found in the maker's own API.
        _ => Err(ApiError::Internal),
    }
}

/// A refusal, in words for the owner; what failed is in the log under the job's id.
fn refused(state: &State, job: &ExportJob, error: &ApiError) -> Without {
    error.log(&job.id.to_string(), &job.asked.report);
    let text = match error {
        ApiError::BadParam(BadParam::TooManyCdrs(_)) => {
            format!("too many CDRs: exports.job_rows is {}, ask for a shorter range", state.config.exports.job_rows)
        }
        ApiError::Slow | ApiError::SlowFile(_) => too_slow(),
        ApiError::Store(error) => of_failure(error.failure),
        _ => error.to_string(),
    };
    match error.passes() {
        true => Without::Yet(text),
        false => Without::Reason(text),
    }
}

fn of_failure(failure: Failure) -> String {
    match failure {
        Failure::Slow => too_slow(),
        Failure::Unreachable => "the database could not be reached".to_owned(),
        Failure::Busy => "too many queries at once".to_owned(),
        Failure::Failed | Failure::BadPattern | Failure::TooManyRows => "the database failed to answer".to_owned(),
    }
}

/// A response that is no file: its own words.
async fn told_otherwise(response: HttpResponse) -> Without {
    let passes = response.status() == StatusCode::SERVICE_UNAVAILABLE;
    let (mut body, mut bytes) = (pin!(response.into_body()), Vec::new());
    while let Some(Ok(piece)) = std::future::poll_fn(|context| body.as_mut().poll_next(context)).await {
        bytes.extend_from_slice(&piece);
        if bytes.len() > LONGEST_REFUSAL {
            break;
        }
    }
    let body: Option<Value> = serde_json::from_slice(&bytes).ok();
    let text = body.and_then(|body| body["error"].as_str().map(str::to_owned));
    let text = text.unwrap_or_else(|| "the file could not be made".to_owned());
    if passes { Without::Yet(text) } else { Without::Reason(text) }
}

/// The name of a recurring file, and where it goes; `None` for what a caller asked for.
fn recurring(job: &ExportJob) -> Option<(&str, String)> {
    let name = job.owner.strip_prefix(RECURRING)?;
    Some((name, job.target.as_ref().map(|target| target.to.of(&target.name)).unwrap_or_default()))
}

/// A store that does not have the file; the log has the cause.
fn store(job: &ExportJob, error: UploadError) -> Without {
    let (name, to) = recurring(job).unwrap_or((&job.owner, String::new()));
    match error {
        UploadError::Store(error) => {
            log::error!("exports.recurring: {name}: {to}: {error}: {}; it is tried again", error.advice());
            Without::Logged("the store does not have it")
        }
        UploadError::Taken => {
            log::error!("exports.recurring: {name}: {to} is there already and is left as it is");
            Without::Logged(TAKEN)
        }
        UploadError::Differs { .. } => {
            log::error!("exports.recurring: {name}: {to}: {error}: look at it, and remove it to have it made again");
            Without::Logged("the store does not have it")
        }
        UploadError::Disk(error) => disk(job, &error),
    }
}

fn disk(job: &ExportJob, error: &std::io::Error) -> Without {
    log::error!("export {}: its file cannot be written: {}", job.id, Cause(error));
    Without::Reason(match error.kind() {
        std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded | std::io::ErrorKind::FileTooLarge => {
            "the disk is full".to_owned()
        }
        std::io::ErrorKind::AlreadyExists => TAKEN.to_owned(),
        _ => "it cannot be written".to_owned(),
    })
}

/// Why a file is not whole.
enum WriteFailure {
    Part(PartError),
    Cut(Option<Failure>),
}

/// Writes a body to its end.
async fn write(body: BoxBody, part: &mut JobPart<'_>) -> Result<(), WriteFailure> {
    let mut body = pin!(body);
    while let Some(piece) = std::future::poll_fn(|context| body.as_mut().poll_next(context)).await {
        let piece =
            piece.map_err(|error| WriteFailure::Cut(error.downcast_ref::<CutFile>().and_then(|cut| cut.failure)))?;
        part.write(&piece).map_err(WriteFailure::Part)?;
        // Others on this thread: the stop of the job, its limit, the connections to ClickHouse.
        tokio::task::yield_now().await;
    }
    Ok(())
}
