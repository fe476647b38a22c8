//! Breakdowns: every measure by every dimension that the token's holder sees, as a table or over time.

use std::sync::Arc;

use super::accounts::One;
use super::bounds;
use super::errors::GrafanaError;
use super::frames::{FrameTable, Line, SeriesResult};
use super::grouped::{self, GroupLine};
use super::metrics::unit;
use super::payload::Shape;
use super::query::{Ask, custom, interval};
use super::request::PanelTarget;
use super::step;
use super::window::PanelWindow;
use crate::columns::breakdown::{Aspect, AspectColumn, BreakdownTable};
use crate::config::UnknownParams;
use crate::http::error::ApiError;
use crate::http::params::{self, Context, Pairs};
use crate::http::{breakdowns, trail};
use crate::query::zone::{self, Calendar};
use crate::report::Side;
use crate::report::breakdown::{BreakdownAsk, MOST_ROWS_OF_NUMBERS, Whose};
use crate::report::form::ResultFormat;
use crate::report::groups::Dimension;
use crate::report::measure::{self, Measure, Merge};

/// Parameters by the names that they have in the API.
type ApiParams = Vec<(&'static str, String)>;

/// The calls and parameters of a breakdown.
struct GroupsAsk<'a> {
    /// First and last second.
    span: (i64, i64),
    /// Where buckets lie.
    calendar: &'a Calendar,
    /// All other parameters.
    params: ApiParams,
    /// Most groups, in place of the parameter.
    limit: Option<usize>,
}

/// Groups with their measures.
///
/// # Errors
/// A parameter that means nothing, more than a bound, or a query that failed.
pub async fn table(ask: &Ask<'_>, target: &PanelTarget) -> Result<FrameTable, GrafanaError> {
    let (metric, payload, range) = (target.metric, &target.payload, ask.range()?);
    let window = ask.window(None)?;
    let mut params = payload.params.clone();
    if payload.param("group-by").is_none() {
        params.push(("group-by", Dimension::DstCountry.row().name.to_owned()));
    }
    if payload.param("sampling").is_none() {
        params.push(("sampling", window.sampling.name().to_owned()));
    }
    let span = (range.from.div_euclid(1000), range.to.div_euclid(1000));
    let asked = GroupsAsk { span, calendar: &window.calendar, params, limit: None };
    let Some((table, mut notices)) = read(ask, target, asked).await? else { return Ok(FrameTable::nothing(metric)) };
    if table.has_other() {
        notices.push(format!("{} of {} groups are shown", table.rows(), table.groups()));
    }
    let columns = grouped::columns(&table, ask.state.config.reports.acd_unit);
    ask.left.points(table.rows().saturating_mul(columns.len()))?;
    Ok(FrameTable { name: metric.full_name(), columns, notices, custom: custom(metric, &window, None) })
}

/// A measure over time, or for the whole range: of all calls, or of each of the largest groups.
///
/// # Errors
/// As [`table`].
pub async fn series(ask: &Ask<'_>, target: &PanelTarget) -> Result<Option<SeriesResult>, GrafanaError> {
    let (metric, payload) = (target.metric, &target.payload);
    let mut notices = Vec::new();
    let mut window = ask.window(payload.sampling)?;
    if !payload.total {
        window = ask.shown(window, payload, &mut notices)?;
    }
    let by = payload.param("group-by");
    let asked = series_ask(target, &window)?;
    let Some((table, more)) = read(ask, target, asked).await? else { return Ok(None) };
    notices.extend(more);
    let now = ask.now.unix_timestamp();
    let buckets = (!payload.total).then(|| window.until(now));
    let (lines, groups) = match by {
        None if payload.total => (vec![GroupLine::totals()], 1),
        _ => {
            let mut lines = grouped::lines(&table, buckets.as_deref(), by.is_some());
            let groups = if payload.total { table.groups() } else { lines.len() };
            lines.truncate(payload.limit);
            (lines, groups)
        }
    };
    if groups > lines.len() {
        notices.push(format!("the {} largest of {groups} groups are shown", lines.len()));
    }
    let times: Arc<[i64]> = match &buckets {
        Some(buckets) => buckets.iter().map(|(start, _)| start * 1000).collect(),
        None => [window.end.min(now + 1) * 1000 - 1].into(),
    };
    let is_shown = |column: &AspectColumn| column.of != Aspect::Change;
    let aspects: Vec<AspectColumn> = table.columns().into_iter().filter(is_shown).collect();
    ask.left.points(times.len().saturating_mul(lines.len()).saturating_mul(aspects.len()))?;
    let dimension = by.and_then(|_| table.breakdown.terms.by.last()).map_or("", |by| by.row().name);
    let line = |group: &GroupLine, column: AspectColumn| {
        let label = group.label.iter().map(|label| (dimension, label.clone()));
        let before = (column.of == Aspect::Before).then(|| ("compare", "before".to_owned()));
        Line { labels: label.chain(before).collect(), values: group.values(&table, column, times.len()).into() }
    };
    let lines = lines.iter().flat_map(|group| aspects.iter().map(move |column| line(group, *column))).collect();
    if window.end > now {
        notices.push("the last bucket is not complete yet".into());
    }
    let measure = table.breakdown.terms.measures.first().copied().ok_or(ApiError::Internal)?;
    let label = match metric.side {
        Side::Origination => measure.row().label.to_owned(),
        Side::Termination => format!("{} (termination)", measure.row().label),
    };
    Ok(Some(SeriesResult {
        name: measure.name().to_owned(),
        label,
        times,
        lines,
        wide: payload.shape == Shape::Wide,
        interval: buckets.as_deref().and_then(interval),
        unit: unit(measure, ask.state.config.reports.acd_unit),
        notices,
        custom: custom(metric, &window, None),
    }))
}

/// The question behind a series.
fn series_ask<'a>(target: &PanelTarget, window: &'a PanelWindow) -> Result<GroupsAsk<'a>, GrafanaError> {
    let payload = &target.payload;
    let by = payload.param("group-by");
    let measure = payload.param("measures").unwrap_or(Measure::TotalCalls.name());
    for (what, value) in [("measure", measure), ("group-by", by.unwrap_or_default())] {
        if value.contains(',') {
            return Err(GrafanaError::refused(format!("{} takes one {what}", target.metric.full_name())));
        }
    }
    let of_time = Dimension::Time.row().name;
    if by == Some(of_time) {
        return Err(GrafanaError::refused(format!("{} is over {of_time} anyway", target.metric.full_name())));
    }
    // Of all calls in the whole range the totals are shown.
    let time = (!payload.total || by.is_none()).then_some(of_time);
    let dimensions: Vec<&str> = time.into_iter().chain(by).collect();
    let sampling = if payload.total { step::few(window.end - window.start) } else { window.sampling };
    let is_other = |(name, _): &&(&str, String)| !["group-by", "measures"].contains(name);
    let mut params: ApiParams = payload.params.iter().filter(is_other).cloned().collect();
    params.push(("group-by", dimensions.join(",")));
    params.push(("measures", measure.to_owned()));
    params.push(("sampling", sampling.name().to_owned()));
    // Which groups are the largest is known when all buckets are.
    let limit = Some(if payload.total && by.is_some() { payload.limit } else { usize::MAX });
    Ok(GroupsAsk { span: (window.start.max(0), window.end - 1), calendar: &window.calendar, params, limit })
}

/// The groups of the range by one dimension, those with the most calls first: the key, and the name where there is one.
///
/// # Errors
/// As [`table`].
pub async fn keys(
    ask: &Ask<'_>,
    target: &PanelTarget,
    by: Dimension,
    most: usize,
) -> Result<Vec<(String, Option<String>)>, GrafanaError> {
    let range = ask.range()?;
    let calendar = &ask.state.calendar;
    let mut params = vec![("group-by", by.row().name.to_owned()), ("measures", Measure::TotalCalls.name().to_owned())];
    if by == Dimension::DstPrefix {
        params.push(("dst-prefix-digits", LISTED_DIGITS.to_string()));
    }
    let span = (range.from.div_euclid(1000), range.to.div_euclid(1000));
    let asked = GroupsAsk { span, calendar, params, limit: Some(most) };
    let Some((table, _)) = read(ask, target, asked).await? else { return Ok(Vec::new()) };
    Ok(grouped::keys(&table))
}

/// Digits of the called numbers' prefixes that lists offer.
const LISTED_DIGITS: u8 = 3;

/// Reads the groups, and says what was left out. `None` without an account, or before the range has begun.
async fn read(
    ask: &Ask<'_>,
    target: &PanelTarget,
    asked: GroupsAsk<'_>,
) -> Result<Option<(BreakdownTable, Vec<String>)>, GrafanaError> {
    let (metric, payload, state) = (target.metric, &target.payload, ask.state);
    let mut accounts = payload.accounts.clone();
    let applied = ask.query.filters.apply(metric, (ask.own, &state.engine.schema), &mut accounts)?;
    let is_narrowed = payload.names_accounts || ask.query.filters.name_accounts();
    if ask.own.are_operators() && !is_narrowed {
        // No account stands for all.
        accounts.clear();
    } else {
        // Of those that a filter leaves some may be of the other side alone; to name one of these is an error.
        accounts.retain(|one| payload.names_accounts || ask.own.scope(one.uuid, metric.side).is_some());
        if accounts.is_empty() {
            return Ok(None);
        }
    }
    if accounts.len() > bounds::ACCOUNTS {
        let (count, most) = (accounts.len(), bounds::ACCOUNTS);
        return Err(GrafanaError::refused(format!("{count} accounts are too many: name up to {most}")));
    }
    let is_whole = asked.limit == Some(usize::MAX);
    let mut terms = read_params(ask, target, asked, &accounts)?;
    terms.terms.filters.extend(payload.filters.iter().cloned().chain(applied.filters));
    let now = ask.now.unix_timestamp();
    let Some(breakdown) = breakdowns::planned(terms, now).await? else { return Ok(None) };
    ask.left.accounts(accounts.len() as u64)?;
    ask.left.filtered(&breakdown.terms.filters, 1)?;
    trail::note_breakdown(&breakdown);
    let _slot = ask.slots.acquire().await.map_err(|_closed| ApiError::Busy)?;
    let _room = state.set_aside(breakdown.tenant(), breakdowns::MEMORY).await?;
    let bounds = (breakdowns::bounds(state, now), breakdowns::groups_room(state, breakdown.tenant()));
    let read = state.engine.breakdown(&breakdown, ask.own.names(), bounds).await;
    let (table, freshness, trace) = read.map_err(breakdowns::failed)?;
    trail::note_read(trace.rows_read(), freshness.map(|freshness| freshness.status));
    ask.left.rows(table.groups() as u64)?;
    if is_whole && table.has_other() {
        return Err(GrafanaError::refused(format!(
            "different numbers of more than {MOST_ROWS_OF_NUMBERS} buckets and groups: ask for a longer sampling"
        )));
    }
    let notices = payload.notices.iter().cloned().chain(applied.notices).collect();
    Ok(Some((table, notices)))
}

/// Reads parameters as the API does.
fn read_params(
    ask: &Ask<'_>,
    target: &PanelTarget,
    asked: GroupsAsk<'_>,
    accounts: &[One],
) -> Result<BreakdownAsk, GrafanaError> {
    let report = ask.own.report(target.metric).ok_or(ApiError::Internal)?;
    let operator = ask.own.operator();
    let scope = |account| ask.own.scope(account, target.metric.side);
    let context = Context {
        scope: &scope,
        audience: ask.own.audience(),
        operator: operator.as_ref(),
        schema: &ask.state.engine.schema,
        unknown: UnknownParams::Reject,
        calendar: asked.calendar,
        max_list_values: bounds::ACCOUNTS,
        debug: false,
        accepted: Some(ResultFormat::Columns),
    };
    let mut params = asked.params;
    let uuids: Vec<String> = accounts.iter().map(|one| one.uuid.to_string()).collect();
    if !uuids.is_empty() {
        params.push(("account-id", uuids.join(",")));
    }
    params.push(("from-time", zone::timestamp(asked.span.0).to_string()));
    params.push(("to-time", zone::timestamp(asked.span.1).to_string()));
    let mut terms = params::read_breakdown(report, &Pairs::of(&params), context).map_err(ApiError::from)?;
    if let Some(limit) = asked.limit {
        let has_numbers = measure::aggregates(&terms.terms.measures).iter().any(|sum| sum.merge() == Merge::Rows);
        terms.terms.limit = if has_numbers { limit.min(MOST_ROWS_OF_NUMBERS) } else { limit };
    }
    let (Whose::Accounts(all) | Whose::Operator(_, all)) = &mut terms.terms.whose;
    for own in all {
        let named = accounts.iter().find(|one| one.uuid == own.uuid);
        own.name = named.map(|one| one.label.clone()).unwrap_or_default();
    }
    Ok(terms)
}
