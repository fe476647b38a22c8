//! Targets to series: each account of a target is a plan like the customer API's, so both share what is remembered. All
//! targets run at once, within half of the queries that may run at all.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use futures_util::future::try_join_all;
use serde_json::{Value, json};
use time::OffsetDateTime;
use tokio::sync::Semaphore;

use super::accounts::{Accounts, One};
use super::adhoc;
use super::destinations;
use super::errors::GrafanaError;
use super::frames::{Answer, Line};
use super::incidents;
use super::metrics::{Metric, Series, Shows, unit};
use super::payload::{Payload, Shape};
use super::points::Points;
use super::request::{Query, Range, Target};
use super::step;
use crate::cache::Use;
use crate::columns::buckets::Buckets;
use crate::http::error::ApiError;
use crate::http::reports;
use crate::http::state::State;
use crate::query::filter::Filter;
use crate::query::instant::Instant;
use crate::query::sampling::Sampling;
use crate::query::zone::{self, Calendar};
use crate::report::figure::{Figure, Sum};
use crate::report::plan::{Form, Grid, Plan, Refusal, Request, Scope};
use crate::report::{Report, Table};
use crate::store::StoreError;

/// More accounts in one target than this are refused: each is a query when nothing is remembered.
const MOST_ACCOUNTS: usize = 500;

/// More targets in one request than this are refused: no dashboard's panel has as many.
const MOST_TARGETS: usize = 100;

/// Buckets of all accounts of all targets together, in units of `limits.max_buckets`, which bounds each of them: all are
/// held at once.
const MOST_ANSWERS: u64 = 4;

/// What every target of a request shares.
pub struct Ask<'a> {
    /// The service.
    pub state: &'a State,
    /// The token's accounts.
    pub own: &'a Accounts,
    /// The request.
    pub query: &'a Query,
    /// The clock.
    pub now: OffsetDateTime,
    slots: Arc<Semaphore>,
    /// Buckets that this request may still hold.
    left: AtomicU64,
}

/// Buckets of a range, widened to whole ones: a window that moves by seconds then stays the same window, and neither end
/// shows a bucket that looks poor because half of it is cut off.
#[derive(Clone, Debug)]
pub struct Window {
    /// Length of a bucket.
    pub sampling: Sampling,
    /// Where buckets lie.
    pub calendar: Calendar,
    /// First second.
    pub start: i64,
    /// The second after the last.
    pub end: i64,
}

impl Window {
    /// The buckets that a range touches.
    ///
    /// # Errors
    /// A range that ends before it begins.
    pub fn new(range: Range, sampling: Sampling, calendar: Calendar) -> Result<Self, GrafanaError> {
        if range.to < range.from {
            return Err(Refusal::ToBeforeFrom.into());
        }
        let start = calendar.bucket(sampling, range.from.div_euclid(1000)).0;
        // A range that ends at 10:00:00.000 shows nothing of the bucket that begins there.
        let last = (range.to - 1).max(range.from).div_euclid(1000);
        let end = calendar.bucket(sampling, last).1;
        Ok(Self { sampling, calendar, start, end })
    }

    /// Start and end of each bucket of a grid.
    pub fn buckets(&self, grid: Grid) -> Vec<(i64, i64)> {
        let mut next = grid.first;
        (0..grid.count)
            .map(|_| {
                let bucket = self.calendar.bucket(self.sampling, next);
                next = bucket.1;
                bucket
            })
            .collect()
    }
}

/// What was read for a target.
pub struct Read {
    /// The plan of the first account; the others differ in the scope only.
    plan: Plan,
    /// The sums of each account.
    pub sums: Vec<Buckets>,
    /// What they were made of.
    pub used: Use,
}

impl Read {
    /// The sums of each key over the whole range, of all accounts, and their rows: the one with the most calls first.
    ///
    /// # Errors
    /// Sums out of range.
    pub fn by_key(&self) -> Result<(Buckets, Vec<usize>), GrafanaError> {
        let by_key = self.sums.iter().map(|sums| sums.by_key().ok_or_else(StoreError::overflow));
        let sums = together(by_key.collect::<Result<_, _>>()?)?;
        let mut rows: Vec<usize> = (0..sums.t.len()).collect();
        rows.sort_by_key(|row| (-sums.sum(Sum::Calls, *row), sums.key(*row)));
        Ok((sums, rows))
    }
}

impl<'a> Ask<'a> {
    /// A request over the token's accounts.
    pub fn new(state: &'a State, own: &'a Accounts, query: &'a Query) -> Self {
        let slots = Arc::new(Semaphore::new((state.config.limits.concurrent_queries / 2).max(1)));
        let left = AtomicU64::new(state.config.limits.max_buckets.saturating_mul(MOST_ANSWERS));
        Self { state, own, query, now: OffsetDateTime::now_utc(), slots, left }
    }

    /// The answers to all targets, in order.
    ///
    /// # Errors
    /// The first target that cannot be answered, or too many of them.
    pub async fn answer(&self) -> Result<Vec<Value>, GrafanaError> {
        let count = self.query.targets.len();
        if count > MOST_TARGETS {
            return Err(GrafanaError::refused(format!("{count} targets are too many: ask for up to {MOST_TARGETS}")));
        }
        let answers = try_join_all(self.query.targets.iter().map(|target| self.target(target))).await?;
        Ok(answers.concat())
    }

    async fn target(&self, target: &Target) -> Result<Vec<Value>, GrafanaError> {
        let metric = Metric::find(&target.name, self.own.sides).ok_or_else(|| {
            let known = Metric::of(self.own.sides).map(Metric::full_name).collect::<Vec<_>>().join(", ");
            GrafanaError::refused(format!("there is no metric {:?}; there are {known}", target.name))
        })?;
        let mut payload = Payload::read(&target.payload, self.own)?;
        let filters = self.filters(&mut payload, metric)?;
        let report = self.report(metric)?;
        let window = match metric.shows {
            Shows::Series(_) | Shows::TopDestinations => self.window(payload.sampling)?,
            Shows::Incidents => incidents::window(self.range()?)?,
        };
        let Some(read) = self.sums(&payload.accounts, report, &window, &filters).await? else {
            return Ok(Vec::new());
        };
        let written = match metric.shows {
            Shows::Series(series) => self.shaped((metric, series), payload, &window, read)?.write(target),
            Shows::TopDestinations => destinations::table(self, metric, payload, &window, read)?.write(target),
            Shows::Incidents => incidents::table(self, metric, payload, &window, read)?.write(target),
        };
        written.map_err(|_never| ApiError::Internal.into())
    }

    /// The report of a metric, if the tables have what it needs.
    fn report(&self, metric: Metric) -> Result<&'static Report, GrafanaError> {
        let report = metric.report().ok_or(ApiError::Internal)?;
        match self.state.schema.missing(report) {
            Some(column) => Err(GrafanaError::refused(format!(
                "{} needs the column {column}, which the table {table} lacks; tables.cdrs_columns can say what stands for it",
                metric.full_name(),
                column = column.name(),
                table = self.state.schema.table(report.table).name,
            ))),
            None => Ok(report),
        }
    }

    /// The payload's filters and the dashboard's; the latter may narrow the accounts too.
    fn filters(&self, payload: &mut Payload, metric: Metric) -> Result<Vec<Filter>, GrafanaError> {
        let applied = adhoc::apply(&self.query.filters, metric, &self.state.schema, self.own, &mut payload.accounts)?;
        payload.notices.extend(applied.notices);
        let table = metric.report().map(|report| report.table);
        for filter in &payload.filters {
            if table.is_some_and(|table| !self.state.schema.can_filter(table, filter.column)) {
                return Err(GrafanaError::refused(format!("the table has no column {}", filter.column.name())));
            }
        }
        Ok(payload.filters.iter().cloned().chain(applied.filters).collect())
    }

    /// The dashboard's range.
    ///
    /// # Errors
    /// When there is none.
    pub fn range(&self) -> Result<Range, GrafanaError> {
        self.query.range.ok_or_else(|| GrafanaError::refused("the request has no range"))
    }

    fn window(&self, sampling: Option<Sampling>) -> Result<Window, GrafanaError> {
        let range = self.range()?;
        let length = (range.to - range.from).max(0) as f64;
        let sampling = sampling.unwrap_or_else(|| step::choose(length, self.query.interval, self.query.points));
        let mut calendar = self.state.calendar.clone();
        // "browser" is no zone that we could know; the dashboard's own choice is.
        match self.query.zone.as_deref() {
            Some("utc" | "UTC") => calendar.zone = jiff::tz::TimeZone::UTC,
            Some(name) => calendar.zone = zone::find(name).unwrap_or(calendar.zone),
            None => {}
        }
        Window::new(range, sampling, calendar)
    }

    /// The sums of each account; `None` when there is no account or the range has not begun.
    pub async fn sums(
        &self,
        accounts: &[One],
        report: &'static Report,
        window: &Window,
        filters: &[Filter],
    ) -> Result<Option<Read>, GrafanaError> {
        // The one place where accounts meet a report: whatever was named, the token has to see the report's side.
        if !self.own.sides.allows(report.side) {
            return Err(GrafanaError::refused(format!("the token does not see {} calls", report.side.word())));
        }
        if accounts.len() > MOST_ACCOUNTS {
            return Err(GrafanaError::refused(format!(
                "{} accounts are too many: name up to {MOST_ACCOUNTS}",
                accounts.len()
            )));
        }
        let mut plans = Vec::with_capacity(accounts.len());
        for one in accounts {
            match self.plan(one.scope, report, window, filters.to_vec())? {
                Some(plan) => plans.push(plan),
                None => return Ok(None),
            }
        }
        self.take(plans.iter().map(|plan| plan.grid.count).sum())?;
        let read = plans.iter().map(|plan| self.read(plan));
        let (mut all, mut used) = (Vec::with_capacity(plans.len()), Use::Hit);
        for (sums, how) in try_join_all(read).await? {
            all.push(sums);
            used = if used == how || all.len() == 1 { how } else { Use::Partial };
        }
        Ok(plans.into_iter().next().map(|plan| Read { plan, sums: all, used }))
    }

    fn plan(
        &self,
        scope: Scope,
        report: &'static Report,
        window: &Window,
        filters: Vec<Filter>,
    ) -> Result<Option<Plan>, GrafanaError> {
        // Live calls cannot be added up over time, so their minutes are read whatever the step.
        let sampling = if report.table == Table::ActiveCalls { Sampling::Minute } else { window.sampling };
        let request = Request {
            report,
            scope,
            // Widened to whole days east of Greenwich, a range that begins with 1970 begins before.
            from: Instant::at(window.start.max(0)),
            to: Instant::at(window.end - 1),
            sampling,
            calendar: window.calendar.clone(),
            filters,
            fill: Some(true),
            form: Form::default(),
        };
        match request.plan(self.now, self.state.config.limits.max_buckets) {
            Ok(plan) => Ok(Some(plan)),
            Err(Refusal::Future) => Ok(None),
            Err(refusal) => Err(refusal.into()),
        }
    }

    /// Notes buckets that are going to be held.
    fn take(&self, buckets: u64) -> Result<(), GrafanaError> {
        let less = |left: u64| left.checked_sub(buckets);
        self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less).map(drop).map_err(|_left| {
            let most = self.state.config.limits.max_buckets.saturating_mul(MOST_ANSWERS);
            GrafanaError::refused(format!(
                "more than {most} buckets of all accounts together, {MOST_ANSWERS} times limits.max_buckets: \
                 ask for a shorter range, a longer sampling or fewer accounts"
            ))
        })
    }

    async fn read(&self, plan: &Plan) -> Result<(Buckets, Use), GrafanaError> {
        let _slot = self.slots.acquire().await.map_err(|_closed| ApiError::Busy)?;
        Ok(reports::sums(plan, self.state).await?)
    }

    fn shaped(
        &self,
        (metric, series): (Metric, Series),
        payload: Payload,
        window: &Window,
        Read { plan, sums, used }: Read,
    ) -> Result<Answer, GrafanaError> {
        let named: Vec<(Option<String>, Buckets)> = match payload.shape {
            Shape::Together => vec![(None, together(sums)?)],
            Shape::Each | Shape::Wide => payload.accounts.into_iter().map(|one| Some(one.label)).zip(sums).collect(),
        };
        let now = self.now.unix_timestamp();
        let points = Points { series, window, plan: &plan, now, state: self.state };
        let (times, interval, lines) = if payload.total {
            let values = |sums: &Buckets| vec![points.total(sums)];
            (vec![window.end.min(now + 1) * 1000 - 1], None, lines(&named, values))
        } else {
            let buckets = points.buckets();
            let interval = buckets.windows(2).all(|pair| matches!(pair, [a, b] if a.1 - a.0 == b.1 - b.0));
            let length = buckets.first().filter(|_| interval).map(|(start, end)| (end - start) * 1000);
            let values = |sums: &Buckets| points.series(sums, &buckets);
            (buckets.iter().map(|(start, _)| start * 1000).collect(), length, lines(&named, values))
        };
        let mut notices = payload.notices;
        if window.end > now {
            notices.push("the last bucket is not complete yet".into());
        }
        let wide = payload.shape == Shape::Wide;
        let unit = match series {
            Series::Calls(figure) => unit(figure, self.state.config.reports.acd_unit),
            Series::Delay(_) => "s",
            Series::ActiveCalls => unit(Figure::Calls, self.state.config.reports.acd_unit),
        };
        let custom = custom(metric, window, used);
        Ok(Answer { metric, times, lines, wide, interval, unit, notices, custom })
    }
}

/// What a frame says of itself.
pub fn custom(metric: Metric, window: &Window, used: Use) -> Value {
    json!({
        "scope": metric.scope(),
        "sampling": window.sampling.name(),
        "cache": match used { Use::Hit => "hit", Use::Partial => "partial", Use::Miss => "miss" },
    })
}

fn lines(named: &[(Option<String>, Buckets)], values: impl Fn(&Buckets) -> Vec<Option<f64>>) -> Vec<Line> {
    named.iter().map(|(account, sums)| Line { account: account.clone(), values: values(sums) }).collect()
}

/// Sums of all accounts, bucket by bucket.
fn together(all: Vec<Buckets>) -> Result<Buckets, GrafanaError> {
    let mut all = all.into_iter();
    let mut sum = all.next().ok_or(ApiError::Internal)?;
    for more in all {
        sum = sum.merged(&more).ok_or_else(StoreError::overflow)?;
    }
    Ok(sum)
}
