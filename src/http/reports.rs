//! The one handler of every report: read the parameters, plan, ask, answer.

use std::sync::Arc;
use std::time::Duration;

use actix_web::http::header::{AGE, HeaderName, HeaderValue};
use actix_web::web::Data;
use actix_web::{HttpMessage, HttpRequest, HttpResponse};
use time::OffsetDateTime;
use uuid::Uuid;

use super::auth::Caller;
use super::error::ApiError;
use super::headers::RequestId;
use super::params::{self, BadParam, Context, Pairs};
use super::reply;
use super::state::State;
use crate::cache::{self, Use};
use crate::columns::buckets::Buckets;
use crate::columns::live::{LiveCalls, LiveWriter};
use crate::columns::write::{Answer, Writer};
use crate::report::plan::{Plan, Refusal};
use crate::report::{Report, Shape};
use crate::sql;
use crate::store::StoreError;

/// Answers a report.
pub async fn answer(
    report: &'static Report,
    caller: Caller,
    request: HttpRequest,
    state: Data<Arc<State>>,
) -> HttpResponse {
    match respond(report, &caller, &request, &state).await {
        Ok(response) => response,
        Err(error) => error.reply(Some(&request_id(&request))),
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
    state: &State,
) -> Result<HttpResponse, ApiError> {
    let context = Context {
        scope: &|account| caller.0.scope(account),
        schema: &state.schema,
        unknown: state.config.api.unknown_params,
        calendar: &state.calendar,
    };
    let asked = params::read(report, &Pairs::parse(request.query_string()), context)?;
    let plan = match asked.plan(OffsetDateTime::now_utc(), state.config.limits.max_buckets) {
        Ok(plan) => plan,
        Err(Refusal::Future) => return Ok(reply::send(request, reply::render(reply::Empty))),
        Err(Refusal::ToBeforeFrom) => return Err(BadParam::ToBeforeFrom.into()),
        Err(Refusal::TooManyBuckets { limit }) => return Err(BadParam::TooManyBuckets(limit).into()),
    };
    let answered = match report.shape {
        Shape::Calls { .. } | Shape::Concurrency => buckets(&plan, request, state).await,
        Shape::LiveCalls => live_calls(&plan, state)
            .await
            .map(|calls| reply::send(request, reply::render(LiveWriter::new(Arc::new(calls))))),
    };
    answered.map_err(|error| {
        log::error!("request {}: {}: {error}", request_id(request), report.name);
        error.into()
    })
}

/// From memory where that still holds, else from sums, remembered or read.
async fn buckets(plan: &Plan, request: &HttpRequest, state: &State) -> Result<HttpResponse, StoreError> {
    let Some(cache) = &state.cache else {
        let sums = read(plan, state).await?;
        return Ok(reply::send(request, reply::render(writer(plan, sums, state)?)));
    };
    let seq = cache.look(&state.store, plan.report.table).await;
    let tracker = cache.tracker(plan.report.table);
    if let Some(body) = cache.body(plan, seq) {
        let response = reply::send_ready(request, &body.etag, body.text.clone());
        return Ok(told(response, Use::Hit, tracker.age()));
    }
    let (sums, used) = cache::assemble(cache, &state.store, &state.schema, plan, seq).await?;
    let rendered = reply::render(writer(plan, sums, state)?);
    if let Some(text) = &rendered.text {
        cache.keep_body(plan, text.clone(), rendered.etag.clone(), seq);
    }
    let age = if used == Use::Hit { tracker.age() } else { Duration::ZERO };
    Ok(told(reply::send(request, rendered), used, age))
}

/// The sums of a plan, for answers in another form than the customer API's: from memory as far as that still holds.
///
/// # Errors
/// What became of the query.
pub(super) async fn sums(plan: &Plan, state: &State) -> Result<(Buckets, Use), StoreError> {
    let (sums, used) = match &state.cache {
        Some(cache) => {
            let seq = cache.look(&state.store, plan.report.table).await;
            cache::assemble(cache, &state.store, &state.schema, plan, seq).await?
        }
        None => (read(plan, state).await?, Use::Miss),
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

/// Says where the answer came from.
fn told(mut response: HttpResponse, used: Use, age: Duration) -> HttpResponse {
    let word = match used {
        Use::Hit => "hit",
        Use::Partial => "partial",
        Use::Miss => "miss",
    };
    let headers = response.headers_mut();
    headers.insert(HeaderName::from_static("x-cache"), HeaderValue::from_static(word));
    headers.insert(AGE, HeaderValue::from(age.as_secs()));
    response
}

/// Sums straight from the engine.
async fn read(plan: &Plan, state: &State) -> Result<Buckets, StoreError> {
    let mut sums = Buckets::of(plan.report);
    state.store.read(&sql::select(plan, &state.schema), Uuid::new_v4(), plan.report.name, &mut sums).await?;
    Ok(sums)
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
    state.store.read(&sql::select(plan, &state.schema), Uuid::new_v4(), plan.report.name, &mut calls).await?;
    Ok(calls)
}
