//! Exports: files that are made while nobody waits for them. A question is checked when it is asked, and by the one who asked
//! again when its file begins; the file is written by the handler that answers the same question at once.

mod file;
mod maker;
pub mod pool;
mod question;
pub mod recurring;
mod work;

use std::sync::Arc;

use actix_web::http::header::{self, HeaderValue};
use actix_web::web::{self, Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use uuid::Uuid;

use super::body::{self, BadBody};
use super::definitions::no_params;
use super::error::ApiError;
use super::origin;
use super::state::State;
use crate::jobs::{ExportJob, JobRefused, JobState, Jobs, NewJob, now};

pub use maker::{CustomerMaker, Maker, OperatorMaker};
pub use question::{CUSTOMERS_REPORTS, OPERATORS_REPORTS};

/// Longest form of a question, in bytes.
pub const LONGEST_FORM: usize = 32 * 1024;

/// Longest parameters of an address and a form together, in bytes: an address of 65,534 is the longest that reads.
const LONGEST_ADDRESS: usize = 65_000;

/// A path of exports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExportPath {
    /// All of the caller's, and where new ones are asked for.
    All,
    /// One.
    One,
    /// Its file.
    File,
}

impl ExportPath {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::All, Self::One, Self::File];

    /// The end of its path.
    pub const fn word(self) -> &'static str {
        match self {
            Self::All => "exports",
            Self::One => "exports/{id}",
            Self::File => "exports/{id}/file",
        }
    }

    /// Its methods, as the header `Allow` lists them.
    pub const fn allow(self) -> &'static str {
        match self {
            Self::All => "GET, HEAD, POST",
            Self::One => "GET, HEAD, DELETE",
            Self::File => "GET, HEAD",
        }
    }
}

fn jobs(state: &State) -> Result<&Arc<Jobs>, ApiError> {
    state.jobs.get().ok_or(ApiError::NoExports)
}

/// The id in a path; one that does not read is nobody's.
fn id_of(request: &HttpRequest) -> Result<Uuid, ApiError> {
    let text = request.match_info().get("id").ok_or(ApiError::NotFound)?;
    Uuid::try_parse(text.strip_suffix(".json").unwrap_or(text)).map_err(|_bad| ApiError::NotFound)
}

/// Takes a question: 202, and where to look.
pub async fn create(maker: Maker, request: HttpRequest, body: Payload, state: Data<Arc<State>>) -> HttpResponse {
    begin(&maker, &request, body, &state).await.unwrap_or_else(|error| error.answer(&request, "export"))
}

async fn begin(
    maker: &Maker,
    request: &HttpRequest,
    body: Payload,
    state: &Arc<State>,
) -> Result<HttpResponse, ApiError> {
    // Before anything of the body: a page of another site may not have files made with its visitor's cookie.
    origin::check(request, state)?;
    let text = read(request, body, state).await?;
    let jobs = Arc::clone(jobs(state)?);
    let (asked, report) = question::read(&text, maker)?;
    question::check(&asked, maker, state).await?;
    let new =
        NewJob { owner: maker.owner(), tenant: maker.tenant(), asked, maker: maker.kept(request, state), target: None };
    let job = web::block(move || jobs.add(new, now())).await.map_err(|_stopping| ApiError::Internal)?;
    let job = job.map_err(refused)?;
    log::info!("request {}: export {} of {report} waits", super::reports::request_id(request), job.id);
    let place = format!("{}/exports/{}", maker.api(), job.id);
    let mut response = HttpResponse::Accepted();
    if let Ok(place) = HeaderValue::try_from(place) {
        response.insert_header((header::LOCATION, place));
    }
    Ok(answer(&mut response, &shown(&job, maker, true)))
}

fn refused(refused: JobRefused) -> ApiError {
    match refused {
        JobRefused::Live(_) | JobRefused::Records(_) => ApiError::ManyJobs(refused.to_string()),
        JobRefused::Full => ApiError::NoRoom(refused.to_string()),
        JobRefused::Disk(error) => ApiError::JobDisk(error),
    }
}

/// The parameters: those of the query string, and behind them those of a form in the body.
async fn read(request: &HttpRequest, payload: Payload, state: &State) -> Result<String, ApiError> {
    let is_form = |value: &HeaderValue| {
        let essence = value.to_str().unwrap_or_default().split(';').next().unwrap_or_default().trim();
        essence.eq_ignore_ascii_case("application/x-www-form-urlencoded")
    };
    let time = std::time::Duration::from_secs(state.config.http.body_seconds.into());
    let bad = |bad: BadBody| bad.answer(LONGEST_FORM);
    // A coding first: of what type a coded body is does not matter.
    body::check(request, LONGEST_FORM).map_err(bad)?;
    let has_other = !request.headers().get_all(header::CONTENT_TYPE).all(is_form);
    if has_other && body::length(request).is_none_or(|length| length > 0) {
        return Err(ApiError::FormType);
    }
    let form = body::read(request, payload, LONGEST_FORM, time).await.map_err(bad)?;
    let form = std::str::from_utf8(&form).map_err(|_bytes| ApiError::BadBody("the body is no form of UTF-8"))?;
    let text = [request.query_string(), form.trim_end_matches(['\r', '\n'])].join("&");
    // As long as the address of the report's own path may be.
    if text.len() > LONGEST_ADDRESS {
        return Err(ApiError::BadBody("the address and the form are too long together"));
    }
    Ok(text)
}

/// The caller's exports, the latest first.
pub async fn list(maker: Maker, request: HttpRequest, state: Data<Arc<State>>) -> HttpResponse {
    match no_params(&request, &state).and_then(|()| jobs(&state)) {
        Ok(jobs) => {
            let all: Vec<Value> = jobs.list(&maker.owner()).iter().map(|job| shown(job, &maker, false)).collect();
            answer(&mut HttpResponse::Ok(), &json!({ "exports": all }))
        }
        Err(error) => error.answer(&request, "exports"),
    }
}

/// One export.
pub async fn show(maker: Maker, request: HttpRequest, state: Data<Arc<State>>) -> HttpResponse {
    match no_params(&request, &state).and_then(|()| find(&maker, &request, &state)) {
        Ok(job) => answer(&mut HttpResponse::Ok(), &shown(&job, &maker, true)),
        Err(error) => error.answer(&request, "export"),
    }
}

/// An export of the caller's. That of another is none.
fn find(maker: &Maker, request: &HttpRequest, state: &State) -> Result<ExportJob, ApiError> {
    let jobs = jobs(state)?;
    jobs.get(&maker.owner(), id_of(request)?).ok_or(ApiError::NotFound)
}

/// Cancels an export, or removes one that is over: 204.
pub async fn remove(maker: Maker, request: HttpRequest, state: Data<Arc<State>>) -> HttpResponse {
    let done = async {
        origin::check(&request, &state)?;
        no_params(&request, &state)?;
        let (jobs, id, owner) = (Arc::clone(jobs(&state)?), id_of(&request)?, maker.owner());
        let removed =
            web::block(move || jobs.remove(&owner, id, now())).await.map_err(|_stopping| ApiError::Internal)?;
        if removed { Ok(HttpResponse::NoContent().finish()) } else { Err(ApiError::NotFound) }
    };
    done.await.unwrap_or_else(|error: ApiError| error.answer(&request, "export"))
}

/// The file of an export, or a part of it.
pub async fn file(maker: Maker, request: HttpRequest, state: Data<Arc<State>>) -> HttpResponse {
    let answered = match no_params(&request, &state) {
        Ok(()) => file::answer(&maker, &request, &state).await,
        Err(unknown) => Err(unknown),
    };
    answered.unwrap_or_else(|error| error.answer(&request, "export"))
}

fn answer(response: &mut actix_web::HttpResponseBuilder, body: &Value) -> HttpResponse {
    response
        .insert_header((header::CONTENT_TYPE, super::JSON))
        .insert_header((header::CACHE_CONTROL, "private, no-store"))
        .body(body.to_string())
}

/// A job as its owner sees it; in lists without its parameters, which may be long.
fn shown(job: &ExportJob, maker: &Maker, has_question: bool) -> Value {
    let time = |second: Option<i64>| {
        let at = second.and_then(|second| OffsetDateTime::from_unix_timestamp(second).ok());
        at.and_then(|at| at.format(&Rfc3339).ok())
    };
    let place = |end: &str| format!("{}/exports/{}{end}", maker.api(), job.id);
    let mut shown = json!({
        "id": job.id.to_string(),
        "state": job.state.word(),
        "report": job.asked.report,
        "format": job.asked.format,
        "rows": job.rows,
        "bytes": job.bytes,
        "cursor": job.cursor,
        "sha256": job.sha256,
        "created": time(Some(job.created)),
        "begun": time(job.begun),
        "finished": time(job.finished),
        "expires": time(job.expires),
        "reason": job.reason,
        "file": (job.state == JobState::Done).then(|| place("/file")),
    });
    if has_question {
        shown["request"] = json!(job.asked.question);
    }
    shown
}
