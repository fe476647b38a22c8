//! The one handler of every report: read the parameters, plan, ask, answer.

use std::sync::Arc;

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
use crate::columns::buckets::Buckets;
use crate::columns::live::{LiveCalls, LiveWriter};
use crate::columns::write::{Answer, Writer};
use crate::report::plan::{Plan, Refusal};
use crate::report::{Report, Shape, figure};
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

fn request_id(request: &HttpRequest) -> String {
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
        Err(Refusal::Future) => return Ok(reply::json(request, reply::Empty)),
        Err(Refusal::ToBeforeFrom) => return Err(BadParam::ToBeforeFrom.into()),
        Err(Refusal::TooManyBuckets { limit }) => return Err(BadParam::TooManyBuckets(limit).into()),
    };
    let read = match report.shape {
        Shape::Calls { .. } | Shape::Concurrency => {
            buckets(&plan, state).await.map(|answer| reply::json(request, Writer::new(Arc::new(answer))))
        }
        Shape::LiveCalls => {
            live_calls(&plan, state).await.map(|calls| reply::json(request, LiveWriter::new(Arc::new(calls))))
        }
    };
    read.map_err(|error| {
        log::error!("request {}: {}: {error}", request_id(request), report.name);
        error.into()
    })
}

async fn buckets(plan: &Plan, state: &State) -> Result<Answer, StoreError> {
    let mut sums = Buckets::new(&figure::sums(plan.report.figures));
    state.store.read(&sql::select(plan, &state.schema), Uuid::new_v4(), plan.report.name, &mut sums).await?;
    if plan.sampling.fixed_seconds().is_none() {
        sums = sums.fold(&plan.calendar, plan.sampling).ok_or_else(StoreError::overflow)?;
    }
    Ok(Answer {
        buckets: sums,
        figures: plan.report.figures,
        grid: plan.grid,
        fill: plan.fill,
        totals: matches!(plan.report.shape, Shape::Calls { .. }),
        form: plan.form,
        acd_unit: state.config.reports.acd_unit,
        totals_cps: state.config.reports.totals_cps,
    })
}

async fn live_calls(plan: &Plan, state: &State) -> Result<LiveCalls, StoreError> {
    let mut calls = LiveCalls::default();
    state.store.read(&sql::select(plan, &state.schema), Uuid::new_v4(), plan.report.name, &mut calls).await?;
    Ok(calls)
}
