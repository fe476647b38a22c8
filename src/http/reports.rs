//! The one handler of every report: read the parameters, plan, ask, answer.

use std::cell::Cell;
use std::sync::Arc;

use actix_web::http::header::{AGE, HeaderName, HeaderValue};
use actix_web::web::Data;
use actix_web::{HttpMessage, HttpRequest, HttpResponse};
use time::OffsetDateTime;
use uuid::Uuid;

use super::accept;
use super::auth::Caller;
use super::breakdowns::{self, Asker, Series};
use super::error::ApiError;
use super::files::{About, Output};
use super::headers::RequestId;
use super::heavy;
use super::params::{self, BadParam, Context, Pairs, ReportAsk};
use super::reply::{self, Rendered, Room};
use super::state::State;
use super::trail;
use crate::cache::CacheStatus;
use crate::columns::buckets::Buckets;
use crate::columns::table::BucketTable;
use crate::engine::{Answer, Freshness, Version};
use crate::format::AnyWriter;
use crate::format::buckets::Writer;
use crate::format::live::LiveWriter;
use crate::format::rows::{BucketRows, CallRows, FileColumn, GroupRows};
use crate::query::instant::Instant;
use crate::query::scope::Scope;
use crate::report::Report;
use crate::report::audience::Audience;
use crate::report::breakdown::{Compare, OwnAccount, Whose};
use crate::report::form::ResultFormat;
use crate::report::groups::Dimension;
use crate::report::plan::{Plan, Refusal};
use crate::report::query::Records;
use crate::sql::Trace;
use crate::store::StoreError;

/// Names the trace of a result, where `debug=plan` asks for it.
pub const PLAN_HEADER: &str = "x-cdrscope-plan";

/// Answers a report.
pub async fn answer(
    report: &'static Report,
    caller: Caller,
    request: HttpRequest,
    state: Data<Arc<State>>,
) -> HttpResponse {
    respond(report, &caller, &request, &state).await.unwrap_or_else(|error| error.answer(&request, report.name))
}

/// The context in which a caller's parameters are read.
pub(super) fn context<'a>(
    caller: &Caller,
    (request, state): (&HttpRequest, &'a State),
    scope: &'a dyn Fn(Uuid) -> Option<Scope>,
) -> Context<'a> {
    Context {
        scope,
        audience: Audience::Customer,
        operator: None,
        schema: &state.engine.schema,
        unknown: state.config.api.unknown_params,
        calendar: &state.calendar,
        max_list_values: state.config.limits.max_list_values,
        debug: caller.0.may_debug(),
        accepted: accept::choose(request, ResultFormat::of_reports()),
    }
}

/// The id under which the request stands in the log.
pub(super) fn request_id(request: &HttpRequest) -> String {
    request.extensions().get::<RequestId>().map_or_else(String::new, |id| id.0.to_string())
}

/// Checks a request without asking, and gives its format.
///
/// # Errors
/// A fault of the parameters or the window.
pub(super) async fn check(
    report: &'static Report,
    caller: &Caller,
    request: &HttpRequest,
    state: &State,
) -> Result<ResultFormat, ApiError> {
    let named = Cell::new(None);
    let scope = |account| caller.0.scope(account, report.records.side()).inspect(|_own| named.set(Some(account)));
    let context = context(caller, (request, state), &scope);
    let ReportAsk { request: asked, compare, .. } =
        params::read(report, &Pairs::parse(request.query_string()), context)?;
    let format = asked.form.format;
    let plan = match asked.plan(OffsetDateTime::now_utc(), state.config.limits.max_buckets) {
        Ok(plan) => plan,
        Err(refusal) => return refused_window(refusal).map_or(Ok(format), Err),
    };
    if let (Some(compare), Some(account)) = (compare, named.get()) {
        let series = compared(&plan, compare, account);
        breakdowns::check_series(plan, series, state).await?;
    }
    Ok(format)
}

/// The refusal of a window, as a caller is told; none for one that has not begun.
pub(super) fn refused_window(refusal: Refusal) -> Option<ApiError> {
    match refusal {
        Refusal::Future => None,
        Refusal::ToBeforeFrom => Some(BadParam::ToBeforeFrom.into()),
        Refusal::TooManyBuckets { limit } => Some(BadParam::TooManyBuckets(limit).into()),
    }
}

/// The terms of a customer's report whose buckets are compared.
fn compared(plan: &Plan, compare: Compare, account: Uuid) -> Series {
    let account = OwnAccount { scope: plan.query.scope, uuid: account, name: String::new() };
    let measures = plan.query.measures.to_vec();
    Series { compare: Some(compare), whose: Whose::Accounts(vec![account]), measures, masked: 0 }
}

/// Answers a report, or says why not.
///
/// # Errors
/// A fault of the parameters, or the query failed.
pub(super) async fn respond(
    report: &'static Report,
    caller: &Caller,
    request: &HttpRequest,
    state: &Arc<State>,
) -> Result<HttpResponse, ApiError> {
    let named = Cell::new(None);
    let scope = |account| caller.0.scope(account, report.records.side()).inspect(|_own| named.set(Some(account)));
    let context = context(caller, (request, state), &scope);
    let pairs = Pairs::parse(request.query_string());
    let ReportAsk { request: asked, compare, .. } = params::read(report, &pairs, context)?;
    let explain = pairs.ask_for_plan(report, context);
    let about = About {
        report: report.name,
        side: report.records.side(),
        account: named.get().map(|account| caller.0.name(account)),
        window: asked.from.as_ref().map(|from| (from.ceil(), asked.to.as_ref().map(Instant::floor))),
        zone: &asked.calendar.zone,
        by: &[],
        measures: report.measures,
        compare,
    };
    let output = Output::new(asked.form, about, (request, state));
    let asked_of = asked.scope.tenant();
    let plan = match asked.plan(OffsetDateTime::now_utc(), state.config.limits.max_buckets) {
        Ok(plan) => plan,
        Err(Refusal::Future) => {
            let columns = match compare {
                Some(_) => GroupRows::columns_of(&[Dimension::Time], report.measures, true),
                None => BucketRows::columns_of(report.measures, report.records.add_up()),
            };
            let answer = nothing(columns, &output, asked_of, (request, state)).await?;
            return Ok(answer.finish(caller.0.may_debug(), explain));
        }
        Err(Refusal::ToBeforeFrom) => return Err(BadParam::ToBeforeFrom.into()),
        Err(Refusal::TooManyBuckets { limit }) => return Err(BadParam::TooManyBuckets(limit).into()),
    };
    trail::note_asked(&plan, named.get());
    if let (Some(compare), Some(account)) = (compare, named.get()) {
        let series = compared(&plan, compare, account);
        let answered = breakdowns::series(plan, series, &Asker::customer(caller), (request, &output, state)).await?;
        return Ok(answered.finish(caller.0.may_debug(), explain));
    }
    let answered = match report.records {
        Records::Calls(_) | Records::Attempts(_) | Records::Concurrency(_) => {
            buckets(plan, &output, request, state).await.map(|answer| answer.finish(caller.0.may_debug(), explain))
        }
        Records::LiveCalls(_) => match state.engine.live_calls(&plan).await {
            Err(error) => Err(Refused::Store(error)),
            Ok((calls, rows)) => {
                trail::note_read(rows, None);
                let calls = Arc::new(calls);
                let writer = match plan.form.format.is_json() {
                    true => AnyWriter::new(LiveWriter::new(calls, plan.form)),
                    false => output.writer(CallRows::new(calls), plan.query.scope.tenant(), state).await?,
                };
                let room = Room::of(plan.query.scope.tenant());
                Ok(reply::send(request, reply::render(writer)?, &output.delivery, room))
            }
        },
    };
    answered.map_err(|refused| match refused {
        Refused::Store(error) => error.into(),
        Refused::Here(error) => error,
    })
}

/// A request that is not answered.
enum Refused {
    /// For what became of the query.
    Store(StoreError),
    /// By the service itself.
    Here(ApiError),
}

/// From the cache where that still holds, else made of sums.
async fn buckets(plan: Plan, output: &Output, request: &HttpRequest, state: &Arc<State>) -> Result<Answered, Refused> {
    let mut room = Room::of(plan.query.scope.tenant());
    let version = state.engine.version(&plan).await;
    if let Some((body, freshness)) = state.engine.body(&plan, version) {
        trail::note_read(0, Some(freshness.status));
        let response = reply::send_ready(request, (body.text.clone(), &body.etag), &output.delivery, room);
        return Ok(Answered { response, freshness: Some(freshness), trace: Trace::default() });
    }
    let made = if plan.bytes() > LARGE {
        room.held = Some(state.set_aside(plan.query.scope.tenant(), plan.bytes()).await.map_err(Refused::Here)?);
        let (state, output) = (Arc::clone(state), output.clone());
        heavy::run(async move { made(&plan, &output, version, &state).await }).await.map_err(Refused::Here)?
    } else {
        made(&plan, output, version, state).await
    };
    let Made { rendered, freshness, trace } = made?;
    Ok(Answered { response: reply::send(request, rendered, &output.delivery, room), freshness, trace })
}

/// Results whose sums may take more than this need memory set aside, and threads of their own.
pub(super) const LARGE: u64 = 384 * 1024;

/// A result that was made for a request.
struct Made {
    rendered: Rendered<AnyWriter>,
    freshness: Option<Freshness>,
    trace: Trace,
}

async fn made(plan: &Plan, output: &Output, version: Version, state: &State) -> Result<Made, Refused> {
    let answer = state.engine.run_as_of(plan, version).await.map_err(Refused::Store)?;
    let Answer { buckets, freshness, trace } = answer;
    trail::note_read(trace.rows_read(), freshness.map(|freshness| freshness.status));
    let table = Arc::new(table(plan, buckets, state));
    let writer = match plan.form.format.is_json() {
        true => AnyWriter::new(Writer::new(table, plan.form)),
        false => {
            let rows = BucketRows::new(table, plan.form);
            output.writer(rows, plan.query.scope.tenant(), state).await.map_err(Refused::Here)?
        }
    };
    let rendered = reply::render(writer).map_err(Refused::Here)?;
    if let Some(text) = rendered.text.as_ref().filter(|_| !plan.form.format.tells_the_query()) {
        state.engine.keep(plan, text.clone(), rendered.etag.clone(), version);
    }
    Ok(Made { rendered, freshness, trace })
}

/// Runs a plan for a response in another form than the customer API's, and notes it in the request's trail.
///
/// # Errors
/// The query failed, took too long, or found no slot.
pub(super) async fn run(plan: &Plan, state: &State) -> Result<(Buckets, CacheStatus), StoreError> {
    let Answer { buckets, freshness, trace } = state.engine.run(plan).await?;
    let status = freshness.map(|freshness| freshness.status);
    trail::note_read(trace.rows_read(), status);
    Ok((buckets, status.unwrap_or(CacheStatus::Miss)))
}

/// A response, and how its result was obtained.
pub(super) struct Answered {
    /// The response.
    pub response: HttpResponse,
    /// `None` where the cache was not asked.
    pub freshness: Option<Freshness>,
    /// The segments that were read.
    pub trace: Trace,
}

impl Answered {
    /// Says in headers where the answer came from, and how it was planned if that is wanted. Only to a caller who may ask:
    /// the cache is checked against the whole table, so it would tell when others call.
    pub fn finish(self, may_debug: bool, explain: bool) -> HttpResponse {
        let Self { mut response, freshness, trace } = self;
        if !may_debug {
            return response;
        }
        let headers = response.headers_mut();
        if let Some(Freshness { status, age }) = freshness {
            headers.insert(HeaderName::from_static("x-cache"), HeaderValue::from_static(status.word()));
            headers.insert(AGE, HeaderValue::from(age.as_secs()));
        }
        let cache = freshness.map_or("off", |freshness| freshness.status.word());
        // Words, digits and a few marks, which every header value may hold.
        if explain && let Ok(plan) = HeaderValue::try_from(format!("{trace}; cache={cache}; pieces={}", trace.pieces()))
        {
            headers.insert(HeaderName::from_static(PLAN_HEADER), plan);
        }
        response
    }
}

fn table(plan: &Plan, mut sums: Buckets, state: &State) -> BucketTable {
    if plan.sampling.fixed_seconds().is_none() && plan.fill {
        sums = sums.filled(&plan.calendar, plan.sampling, plan.grid);
    }
    BucketTable {
        buckets: sums,
        measures: plan.query.measures.clone(),
        grid: plan.grid,
        fill: plan.fill && plan.grid.step > 0,
        totals: plan.query.records.add_up(),
        acd_unit: state.config.reports.acd_unit,
        totals_cps: state.config.reports.totals_cps,
    }
}

/// The answer about a window that has not begun.
///
/// # Errors
/// Its file cannot be written.
pub(super) async fn nothing(
    columns: Arc<[FileColumn]>,
    output: &Output,
    tenant: u32,
    (request, state): (&HttpRequest, &State),
) -> Result<Answered, ApiError> {
    let rendered = reply::render(output.nothing(columns, tenant, state).await?)?;
    let response = reply::send(request, rendered, &output.delivery, Room::of(0));
    Ok(Answered { response, freshness: None, trace: Trace::default() })
}
