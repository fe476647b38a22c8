//! The one handler of every report: read the parameters, plan, ask, answer.

use std::cell::Cell;
use std::sync::Arc;
use std::time::Duration;

use actix_web::http::header::{AGE, HeaderName, HeaderValue};
use actix_web::web::Data;
use actix_web::{HttpMessage, HttpRequest, HttpResponse};
use time::OffsetDateTime;

use super::auth::Caller;
use super::error::ApiError;
use super::headers::RequestId;
use super::heavy;
use super::params::{self, BadParam, Context, Pairs};
use super::reply::{self, Rendered, Room};
use super::state::State;
use super::trail;
use crate::cache::{self, Assembled, Use};
use crate::columns::buckets::Buckets;
use crate::columns::live::{LiveCalls, LiveWriter};
use crate::columns::tsv::AtMost;
use crate::columns::write::{Answer, Writer};
use crate::report::plan::{Plan, Refusal};
use crate::report::{Report, Shape};
use crate::sql::{self, Told};
use crate::store::StoreError;

/// Says how an answer was come by, where `debug=plan` asks for it.
pub const PLAN_HEADER: &str = "x-cdrscope-plan";

/// Answers a report.
pub async fn answer(
    report: &'static Report,
    caller: Caller,
    request: HttpRequest,
    state: Data<Arc<State>>,
) -> HttpResponse {
    match respond(report, &caller, &request, &state).await {
        Ok(response) => response,
        Err(error) => error.answer(&request, report.name),
    }
}

/// The id under which the request stands in the log.
pub(super) fn request_id(request: &HttpRequest) -> String {
    request.extensions().get::<RequestId>().map_or_else(String::new, |id| id.0.clone())
}

async fn respond(
    report: &'static Report,
    caller: &Caller,
    request: &HttpRequest,
    state: &Arc<State>,
) -> Result<HttpResponse, ApiError> {
    let named = Cell::new(None);
    let scope = |account| caller.0.scope(account, report.side).inspect(|_own| named.set(Some(account)));
    let context = Context {
        scope: &scope,
        schema: &state.schema,
        unknown: state.config.api.unknown_params,
        calendar: &state.calendar,
        max_list_values: state.config.limits.max_list_values,
        debug: caller.0.may_debug(),
    };
    let pairs = Pairs::parse(request.query_string());
    let asked = params::read(report, &pairs, context)?;
    let explain = pairs.ask_for_plan(report, context);
    let plan = match asked.plan(OffsetDateTime::now_utc(), state.config.limits.max_buckets) {
        Ok(plan) => plan,
        Err(Refusal::Future) => {
            let answer = Answered {
                response: reply::send(request, reply::render(reply::Empty), Room::of(0)),
                memory: None,
                told: Told::default(),
            };
            return Ok(answer.finish(caller, explain));
        }
        Err(Refusal::ToBeforeFrom) => return Err(BadParam::ToBeforeFrom.into()),
        Err(Refusal::TooManyBuckets { limit }) => return Err(BadParam::TooManyBuckets(limit).into()),
    };
    trail::note_asked(&plan, named.get());
    let answered = match report.shape {
        Shape::Calls { .. } | Shape::Concurrency => {
            buckets(plan, request, state).await.map(|answer| answer.finish(caller, explain))
        }
        Shape::LiveCalls => live_calls(&plan, state).await.map_err(Refused::Store).map(|calls| {
            let rendered = reply::render(LiveWriter::new(Arc::new(calls)));
            reply::send(request, rendered, Room::of(plan.scope.tenant))
        }),
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

/// From memory where that still holds, else from sums, remembered or read.
async fn buckets(plan: Plan, request: &HttpRequest, state: &Arc<State>) -> Result<Answered, Refused> {
    let mut room = Room::of(plan.scope.tenant);
    let mut seq = 0;
    if let Some(cache) = &state.cache {
        seq = cache.look(&state.store, plan.report.table).await;
        if let Some(body) = cache.body(&plan, seq) {
            state.answers.note(Use::Hit);
            trail::note_read(0, Some(Use::Hit));
            let response = reply::send_ready(request, &body.etag, body.text.clone(), room);
            let age = cache.tracker(plan.report.table).age();
            return Ok(Answered { response, memory: Some((Use::Hit, age)), told: Told::default() });
        }
    }
    let made = if plan.bytes() > LARGE {
        room.held = Some(state.set_aside(plan.scope.tenant, plan.bytes()).await.map_err(Refused::Here)?);
        let state = Arc::clone(state);
        heavy::run(async move { made(&plan, seq, &state).await }).await.map_err(Refused::Here)?
    } else {
        made(&plan, seq, state).await
    };
    let Made { rendered, memory, told } = made.map_err(Refused::Store)?;
    Ok(Answered { response: reply::send(request, rendered, room), memory, told })
}

/// Results whose sums may take more than this need memory set aside, and threads of their own.
pub(super) const LARGE: u64 = 384 * 1024;

/// A result that was made for a request.
struct Made {
    rendered: Rendered<Writer>,
    memory: Option<(Use, Duration)>,
    told: Told,
}

async fn made(plan: &Plan, seq: u64, state: &State) -> Result<Made, StoreError> {
    let Some(cache) = &state.cache else {
        let (sums, told) = read(plan, state).await?;
        return Ok(Made { rendered: reply::render(writer(plan, sums, state)?), memory: None, told });
    };
    let Assembled { sums, used, told } = cache::assemble(cache, &state.store, &state.schema, plan, seq).await?;
    state.answers.note(used);
    trail::note_read(told.rows_read(), Some(used));
    let rendered = reply::render(writer(plan, sums, state)?);
    if let Some(text) = &rendered.text {
        cache.keep_body(plan, text.clone(), rendered.etag.clone(), seq);
    }
    let age = if used == Use::Hit { cache.tracker(plan.report.table).age() } else { Duration::ZERO };
    Ok(Made { rendered, memory: Some((used, age)), told })
}

/// The sums of a plan, for answers in another form than the customer API's: from memory as far as that still holds.
///
/// # Errors
/// What became of the query.
pub(super) async fn sums(plan: &Plan, state: &State) -> Result<(Buckets, Use), StoreError> {
    let (sums, used) = match &state.cache {
        Some(cache) => {
            let seq = cache.look(&state.store, plan.report.table).await;
            let Assembled { sums, used, told } = cache::assemble(cache, &state.store, &state.schema, plan, seq).await?;
            state.answers.note(used);
            trail::note_read(told.rows_read(), Some(used));
            (sums, used)
        }
        None => (read(plan, state).await?.0, Use::Miss),
    };
    Ok((folded(plan, sums)?, used))
}

/// Intervals to calendar buckets, where those are not the same.
fn folded(plan: &Plan, sums: Buckets) -> Result<Buckets, StoreError> {
    if plan.sampling.fixed_seconds().is_some() {
        return Ok(sums);
    }
    sums.fold(&plan.calendar, plan.sampling).ok_or_else(StoreError::overflow)
}

/// An answer, and how it was come by.
struct Answered {
    response: HttpResponse,
    /// What was remembered, as of how long ago; `None` where memory was not asked.
    memory: Option<(Use, Duration)>,
    told: Told,
}

impl Answered {
    /// Says in headers where the answer came from, and how it was planned if that is wanted. Only to a caller who may ask:
    /// the cache is checked against the whole table, so it would tell when others call.
    fn finish(self, caller: &Caller, explain: bool) -> HttpResponse {
        let Self { mut response, memory, told } = self;
        if !caller.0.may_debug() {
            return response;
        }
        let headers = response.headers_mut();
        if let Some((used, age)) = memory {
            headers.insert(HeaderName::from_static("x-cache"), HeaderValue::from_static(used.word()));
            headers.insert(AGE, HeaderValue::from(age.as_secs()));
        }
        let cache = memory.map_or("off", |(used, _)| used.word());
        // Words, digits and a few marks, which every header value may hold.
        if explain && let Ok(plan) = HeaderValue::try_from(format!("{told}; cache={cache}; pieces={}", told.pieces())) {
            headers.insert(HeaderName::from_static(PLAN_HEADER), plan);
        }
        response
    }
}

/// Sums straight from the engine, and what was read for them.
async fn read(plan: &Plan, state: &State) -> Result<(Buckets, Told), StoreError> {
    let (mut sums, mut told) = (Buckets::of(plan.report), Told::default());
    let write = |route| sql::select(plan, &state.schema, route);
    let mut rows = AtMost(&mut sums, plan.most_rows);
    let (statement, rows) = state.store.read(plan.scope.tenant, write, plan.report.name, &mut rows).await?;
    told.add(&statement, rows);
    trail::note_read(rows, None);
    Ok((sums, told))
}

fn writer(plan: &Plan, sums: Buckets, state: &State) -> Result<Writer, StoreError> {
    let mut sums = folded(plan, sums)?;
    if plan.sampling.fixed_seconds().is_none() && plan.fill {
        sums = sums.filled(&plan.calendar, plan.sampling, plan.grid);
    }
    Ok(Writer::new(Arc::new(Answer {
        buckets: sums,
        figures: plan.report.figures,
        grid: plan.grid,
        fill: plan.fill && plan.grid.step > 0,
        totals: matches!(plan.report.shape, Shape::Calls { .. }),
        form: plan.form,
        acd_unit: state.config.reports.acd_unit,
        totals_cps: state.config.reports.totals_cps,
    })))
}

async fn live_calls(plan: &Plan, state: &State) -> Result<LiveCalls, StoreError> {
    let mut calls = LiveCalls::default();
    let write = |route| sql::select(plan, &state.schema, route);
    let (_, rows) = state.store.read(plan.scope.tenant, write, plan.report.name, &mut calls).await?;
    trail::note_read(rows, None);
    Ok(calls)
}
