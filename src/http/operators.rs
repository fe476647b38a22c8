//! The operator's paths: breakdowns and statistics of all customers and vendors, or of those that a token lists. Tokens of other
//! keys and another audience than customers' open them, and nothing else.

use std::future::{Ready, ready};
use std::sync::Arc;

use actix_web::dev::Payload;
use actix_web::web::Data;
use actix_web::{FromRequest, HttpMessage, HttpRequest, HttpResponse};
use serde_json::json;
use time::OffsetDateTime;
use uuid::Uuid;

use super::accept;
use super::auth::{self, Known, OPERATOR_COOKIE, RenewedCookie};
use super::breakdowns::{self, Asker, Series};
use super::cdrs;
use super::error::ApiError;
use super::files::{About, Output};
use super::origin;
use super::params::{self, BadParam, Context, Pairs, ReportAsk};
use super::reports;
use super::state::State;
use super::{definitions, trail};
use crate::access::operators::OperatorWho;
use crate::format::rows::GroupRows;
use crate::query::instant::Instant;
use crate::query::scope::{OPERATOR, OperatorScope, Scope};
use crate::report::breakdown::Whose;
use crate::report::cdrs::CdrQuery;
use crate::report::form::ResultFormat;
use crate::report::groups::Dimension;
use crate::report::plan::Refusal;
use crate::report::{OPERATORS_BREAKDOWNS, OPERATORS_CDRS, OPERATORS_STATISTICS, Report, Side};
use crate::token::Accepted;

/// A caller of the operator's whose token was accepted.
pub struct OperatorCaller(pub OperatorWho);

impl FromRequest for OperatorCaller {
    type Error = actix_web::Error;
    type Future = Ready<Result<Self, Self::Error>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        // A missing state is an app put together wrongly: nobody gets in.
        let state = request.app_data::<Data<Arc<State>>>().ok_or(ApiError::Unauthorized);
        ready(state.and_then(|state| authorize(request, state)).map_err(|error| auth::refused(request, &error)))
    }
}

/// Checks the token of a request: of the header, or of the operator's cookie where the header is absent or blank.
///
/// # Errors
/// No token or a bad one, too many requests of it, or a page of another origin that would change something by the cookie.
fn authorize(request: &HttpRequest, state: &State) -> Result<OperatorCaller, ApiError> {
    authorize_token(request, state).map(|(caller, _)| caller)
}

/// The same, with the token.
///
/// # Errors
/// As [`authorize`].
pub(super) fn authorize_token(request: &HttpRequest, state: &State) -> Result<(OperatorCaller, Accepted), ApiError> {
    let refuse = |why: auth::AuthFailure| auth::unauthorized(request, state, why);
    if let Some(token) = auth::header_token(request).map_err(refuse)? {
        return accept(&token, request, state);
    }
    let cookie = request.cookie(OPERATOR_COOKIE).ok_or_else(|| refuse(auth::AuthFailure::None))?;
    origin::check_change(request, state)?;
    let (caller, accepted) = accept(cookie.value(), request, state)?;
    let auth = &state.config.auth;
    let now = OffsetDateTime::now_utc();
    if let Some(renewed) = accepted.renew(cookie.value(), now, auth.token_ttl_seconds, auth.session_seconds) {
        // Made before: it looks into the same extensions.
        let cookie = auth::operator_cookie(request, state, renewed);
        request.extensions_mut().insert(RenewedCookie(cookie));
    }
    Ok((caller, accepted))
}

/// Checks the token of a request's header, where no cookie counts.
///
/// # Errors
/// No token or a bad one, or too many requests of it.
pub(super) fn authorize_by_header(request: &HttpRequest, state: &State) -> Result<OperatorCaller, ApiError> {
    let refuse = |why: auth::AuthFailure| auth::unauthorized(request, state, why);
    let token = auth::header_token(request).map_err(refuse)?.ok_or_else(|| refuse(auth::AuthFailure::None))?;
    accept(&token, request, state).map(|(caller, _)| caller)
}

fn accept(token: &str, request: &HttpRequest, state: &State) -> Result<(OperatorCaller, Accepted), ApiError> {
    let keys = state.operator_keys.as_ref().ok_or(ApiError::NotFound)?;
    let refuse = |why: auth::AuthFailure| auth::unauthorized(request, state, why);
    let accepted = keys.accept(token, OffsetDateTime::now_utc()).map_err(|why| refuse(why.into()))?;
    Ok((admit(&accepted, request, state)?, accepted))
}

/// The same where a token may be a customer's too; `None` unless the operator's keys accept it.
pub(super) fn authorize_if_known(request: &HttpRequest, state: &State) -> Option<Result<OperatorCaller, ApiError>> {
    let token = auth::header_token(request).ok()??;
    let accepted = state.operator_keys.as_ref()?.accept(&token, OffsetDateTime::now_utc()).ok()?;
    Some(admit(&accepted, request, state))
}

fn admit(accepted: &Accepted, request: &HttpRequest, state: &State) -> Result<OperatorCaller, ApiError> {
    let refuse = |why: auth::AuthFailure| auth::unauthorized(request, state, why);
    let snapshot = state.directory.snapshot()?;
    let who = OperatorWho::of(accepted, auth::client_ip(request, state), snapshot).map_err(|why| refuse(why.into()))?;
    trail::note_operator(accepted);
    auth::limit_rate(state, accepted.subject())?;
    request.extensions_mut().insert(Known);
    Ok(OperatorCaller(who))
}

/// The report of the side that a request names; origination without one. A side that the caller does not see is no side.
fn report_of(reports: &'static [Report], pairs: &Pairs<'_>, who: &OperatorWho) -> Option<&'static Report> {
    let wanted = match pairs.get("side") {
        Some(b"termination") if who.audience().sees_side(Side::Termination) => Side::Termination,
        _ => Side::Origination,
    };
    reports.iter().find(|report| report.records.side() == wanted)
}

fn context<'a>(
    who: &OperatorWho,
    scopes: (&'a OperatorScope, &'a dyn Fn(Uuid) -> Option<Scope>),
    (request, state): (&HttpRequest, &'a State),
) -> Context<'a> {
    Context {
        scope: scopes.1,
        audience: who.audience(),
        operator: Some(scopes.0),
        schema: &state.engine.schema,
        unknown: state.config.api.unknown_params,
        calendar: &state.calendar,
        max_list_values: state.config.limits.max_list_values,
        debug: who.may_debug(),
        accepted: accept::choose(request, ResultFormat::of_reports()),
    }
}

/// Answers a breakdown.
pub async fn breakdown(caller: OperatorCaller, request: HttpRequest, state: Data<Arc<State>>) -> HttpResponse {
    respond(&caller.0, &request, &state).await.unwrap_or_else(|error| error.answer(&request, "operator-breakdown"))
}

/// Answers a breakdown, or says why not.
///
/// # Errors
/// A fault of the parameters, or the query failed.
pub(super) async fn respond(
    who: &OperatorWho,
    request: &HttpRequest,
    state: &Arc<State>,
) -> Result<HttpResponse, ApiError> {
    let pairs = Pairs::parse(request.query_string());
    let report = report_of(OPERATORS_BREAKDOWNS, &pairs, who).ok_or(ApiError::Internal)?;
    let (own, account) = (who.scope(), |account| who.account(account, report.records.side()));
    let context = context(who, (&own, &account), (request, state));
    let mut ask = params::read_breakdown(report, &pairs, context)?;
    // Names are shown by account alone.
    if let Whose::Operator(_, accounts) = &mut ask.terms.whose
        && ask.terms.by.contains(&Dimension::Account)
    {
        for own in accounts {
            own.name = who.name(own.uuid).to_owned();
        }
    }
    let explain = pairs.ask_for_plan(report, context);
    breakdowns::asked(ask, &Asker::operator(who), explain, (request, state)).await
}

/// Answers statistics by time.
pub async fn statistics(caller: OperatorCaller, request: HttpRequest, state: Data<Arc<State>>) -> HttpResponse {
    respond_by_time(&caller.0, &request, &state)
        .await
        .unwrap_or_else(|error| error.answer(&request, "operator-statistics"))
}

/// Checks a breakdown without asking, and gives its format.
///
/// # Errors
/// A fault of the parameters or the window.
pub(super) async fn check_breakdown(
    who: &OperatorWho,
    request: &HttpRequest,
    state: &State,
) -> Result<ResultFormat, ApiError> {
    let pairs = Pairs::parse(request.query_string());
    let report = report_of(OPERATORS_BREAKDOWNS, &pairs, who).ok_or(ApiError::Internal)?;
    let (own, account) = (who.scope(), |account| who.account(account, report.records.side()));
    breakdowns::check_ask(params::read_breakdown(report, &pairs, context(who, (&own, &account), (request, state)))?)
        .await
}

/// Checks statistics by time without asking, and gives their format.
///
/// # Errors
/// A fault of the parameters or the window.
pub(super) async fn check_statistics(
    who: &OperatorWho,
    request: &HttpRequest,
    state: &State,
) -> Result<ResultFormat, ApiError> {
    let pairs = Pairs::parse(request.query_string());
    let report = report_of(OPERATORS_STATISTICS, &pairs, who).ok_or(ApiError::Internal)?;
    let (own, account) = (who.scope(), |account| who.account(account, report.records.side()));
    let context = context(who, (&own, &account), (request, state));
    let ReportAsk { request: asked, compare, measures, accounts } = params::read(report, &pairs, context)?;
    let format = asked.form.format;
    match asked.plan(OffsetDateTime::now_utc(), state.config.limits.max_buckets) {
        Ok(plan) => {
            let masked = who.audience().masked_characters();
            let series = Series { compare, whose: Whose::Operator(own.clone(), accounts), measures, masked };
            breakdowns::check_series(plan, series, state).await.map(|()| format)
        }
        Err(refusal) => reports::refused_window(refusal).map_or(Ok(format), Err),
    }
}

/// Checks raw CDRs without asking, and gives their format.
///
/// # Errors
/// A fault of the parameters, or no right to them.
pub(super) fn check_cdrs(who: &OperatorWho, request: &HttpRequest, state: &State) -> Result<ResultFormat, ApiError> {
    Ok(cdr_query(who, request, state)?.form.format)
}

fn cdr_query(who: &OperatorWho, request: &HttpRequest, state: &State) -> Result<CdrQuery, ApiError> {
    if !who.audience().may_export() {
        return Err(ApiError::NoExport);
    }
    let pairs = Pairs::parse(request.query_string());
    let report = report_of(OPERATORS_CDRS, &pairs, who).ok_or(ApiError::Internal)?;
    let (own, account) = (who.scope(), |account| who.account(account, report.records.side()));
    Ok(cdrs::read(report, context(who, (&own, &account), (request, state)), request)?)
}

/// Answers statistics by time, or says why not.
///
/// # Errors
/// A fault of the parameters, or the query failed.
pub(super) async fn respond_by_time(
    who: &OperatorWho,
    request: &HttpRequest,
    state: &Arc<State>,
) -> Result<HttpResponse, ApiError> {
    let pairs = Pairs::parse(request.query_string());
    let report = report_of(OPERATORS_STATISTICS, &pairs, who).ok_or(ApiError::Internal)?;
    let (own, account) = (who.scope(), |account| who.account(account, report.records.side()));
    let context = context(who, (&own, &account), (request, state));
    let ReportAsk { request: asked, compare, measures, accounts } = params::read(report, &pairs, context)?;
    let explain = pairs.ask_for_plan(report, context);
    let about = About {
        report: report.name,
        side: report.records.side(),
        account: match accounts.as_slice() {
            [account] => Some(who.name(account.uuid)),
            _ => None,
        },
        window: asked.from.as_ref().map(|from| (from.ceil(), asked.to.as_ref().map(Instant::floor))),
        zone: &asked.calendar.zone,
        by: &[],
        measures: &measures,
        compare,
    };
    let output = Output::new(asked.form, about, (request, state));
    let plan = match asked.plan(OffsetDateTime::now_utc(), state.config.limits.max_buckets) {
        Ok(plan) => plan,
        Err(Refusal::Future) => {
            let columns = GroupRows::columns_of(&[Dimension::Time], &measures, compare.is_some());
            let answer = reports::nothing(columns, &output, OPERATOR, (request, state)).await?;
            return Ok(answer.finish(who.may_debug(), explain));
        }
        Err(Refusal::ToBeforeFrom) => return Err(BadParam::ToBeforeFrom.into()),
        Err(Refusal::TooManyBuckets { limit }) => return Err(BadParam::TooManyBuckets(limit).into()),
    };
    trail::note_asked(&plan, accounts.iter().map(|account| account.uuid));
    let series = Series {
        compare,
        whose: Whose::Operator(own.clone(), accounts),
        measures,
        masked: who.audience().masked_characters(),
    };
    let answered = breakdowns::series(plan, series, &Asker::operator(who), (request, &output, state)).await?;
    Ok(answered.finish(who.may_debug(), explain))
}

/// Answers raw CDRs.
pub async fn cdrs(caller: OperatorCaller, request: HttpRequest, state: Data<Arc<State>>) -> HttpResponse {
    respond_with_cdrs(&caller.0, &request, &state).await.unwrap_or_else(|error| error.answer(&request, "operator-cdrs"))
}

/// Answers raw CDRs, or says why not.
///
/// # Errors
/// A fault of the parameters, no right to it, or the query failed.
pub(super) async fn respond_with_cdrs(
    who: &OperatorWho,
    request: &HttpRequest,
    state: &Arc<State>,
) -> Result<HttpResponse, ApiError> {
    let query = cdr_query(who, request, state)?;
    let name = match &query.whose {
        Whose::Operator(_, accounts) if accounts.len() == 1 => accounts.first().map(|own| who.name(own.uuid)),
        Whose::Accounts(_) | Whose::Operator(..) => None,
    };
    cdrs::asked(query, name, request, state).await
}

/// The dimensions and measures, as the caller may use them.
pub async fn definitions(caller: OperatorCaller, request: HttpRequest, state: Data<Arc<State>>) -> HttpResponse {
    let audience = caller.0.audience();
    let sides: Vec<(Side, &str)> = [Side::Origination, Side::Termination]
        .into_iter()
        .filter(|side| audience.sees_side(*side))
        .map(|side| (side, "breakdown"))
        .collect();
    let list = definitions::definitions_for((audience, audience.may_export()), &sides, &state);
    definitions::answer(&request, &state, &list)
}

/// The accounts that the caller may ask about.
pub async fn accounts(caller: OperatorCaller, request: HttpRequest, state: Data<Arc<State>>) -> HttpResponse {
    let all = caller.0.accounts().into_iter().map(|(uuid, account, sides)| {
        let side = account.details.side_word(|side| sides.contains(&side));
        json!({
            "uuid": uuid.to_string(), "name": account.name, "side": side, "currency": account.details.currency,
            "customer_id": account.customer_id, "customer": caller.0.names().contractor(account.customer_id),
        })
    });
    definitions::answer(&request, &state, &json!({ "accounts": all.collect::<Vec<_>>() }))
}
