//! Targets to series: each account of a target is a plan like the customer API's, so both share the cache. All
//! targets run at once, within half of the queries that may run at all. What is read of an account becomes points, or is added to
//! the others', before the next is held.

use std::sync::Arc;

use futures_util::TryStreamExt as _;
use futures_util::future::try_join_all;
use futures_util::stream;
use futures_util::stream::StreamExt as _;
use serde_json::{Value, json};
use time::OffsetDateTime;
use tokio::sync::Semaphore;

use super::accounts::{Accounts, One};
use super::bounds;
use super::breakdown;
use super::destinations;
use super::errors::GrafanaError;
use super::frames::{Line, SeriesResult};
use super::incidents;
use super::left::Left;
use super::metrics::{PanelMetric, PanelSeries, Shows, unit};
use super::payload::{Payload, Shape};
use super::points::Points;
use super::request::{PanelQuery, PanelRange, PanelTarget};
use super::step;
use super::window::PanelWindow;
use super::write::PanelPart;
use crate::cache::CacheStatus;
use crate::columns::buckets::Buckets;
use crate::fair::Permit;
use crate::http::error::ApiError;
use crate::http::reports;
use crate::http::state::State;
use crate::http::trail;
use crate::query::filter::Filter;
use crate::query::instant::Instant;
use crate::query::sampling::Sampling;
use crate::query::zone;
use crate::report::form::ResultForm;
use crate::report::measure::Measure;
use crate::report::plan::{Plan, Refusal, Request};
use crate::report::{Report, Table};
use crate::store::StoreError;

/// The context of one request, shared by its targets.
pub struct Ask<'a> {
    /// The service.
    pub state: &'a State,
    /// The token's accounts.
    pub own: &'a Accounts,
    /// The request.
    pub query: &'a PanelQuery,
    /// The clock.
    pub now: OffsetDateTime,
    at_once: usize,
    /// Places for the queries that run at once.
    pub slots: Semaphore,
    /// The remainder of the request's bounds.
    pub left: Left<'a>,
}

/// A target ready to read: the plan of its first account, and the accounts.
/// The plans of the other accounts differ in the scope only.
pub struct PlannedTarget {
    plan: Plan,
    accounts: Vec<One>,
    /// Messages for the user, shown on the panel.
    pub notices: Vec<String>,
}

impl<'a> Ask<'a> {
    /// A request over the token's accounts.
    pub fn new(state: &'a State, own: &'a Accounts, query: &'a PanelQuery) -> Self {
        let limits = &state.config.limits;
        let at_once = (limits.concurrent_queries / 2).max(1);
        Self {
            state,
            own,
            query,
            now: OffsetDateTime::now_utc(),
            at_once,
            slots: Semaphore::new(at_once),
            left: Left::new(limits),
        }
    }

    /// About how many points there are to read, for all accounts and keys of all targets.
    pub fn points(&self) -> u64 {
        let most = self.state.config.limits.max_points;
        let of = |target: &PanelTarget| {
            if target.metric.shows.is_breakdown() {
                // Groups come as they are; they are put in order apart from the workers.
                return Some(super::LARGE + 1);
            }
            let is_keyed = target.metric.report().is_some_and(|report| report.key.is_some());
            let series = (target.payload.accounts.len() as u64).saturating_mul(if is_keyed { bounds::KEYS } else { 1 });
            let window = match target.metric.shows {
                Shows::Incidents => incidents::window(self.query.range?).ok()?,
                _ => self.window(target.payload.sampling).ok()?,
            };
            let buckets = u64::try_from((window.end - window.start) / step::seconds(window.sampling)).ok()?;
            Some(buckets.min(most).saturating_mul(series))
        };
        self.query.targets.iter().filter_map(of).fold(0, u64::saturating_add)
    }

    /// The answers to all targets, in order.
    ///
    /// # Errors
    /// The first target that cannot be answered.
    pub async fn answer(&self) -> Result<Vec<Vec<PanelPart>>, GrafanaError> {
        let answers = try_join_all(self.query.targets.iter().map(|target| self.target(target))).await?;
        Ok(answers.into_iter().flatten().collect())
    }

    async fn target(&self, target: &PanelTarget) -> Result<Vec<Vec<PanelPart>>, GrafanaError> {
        Ok(match target.metric.shows {
            Shows::Series(series) => {
                let answer = self.series(target, series).await?;
                answer.map(|answer| answer.write(target)).unwrap_or_default()
            }
            Shows::TopDestinations => destinations::table(self, target).await?.write(target),
            Shows::Incidents => incidents::table(self, target).await?.write(target),
            Shows::BreakdownSeries => {
                breakdown::series(self, target).await?.map(|answer| answer.write(target)).unwrap_or_default()
            }
            Shows::BreakdownTable => breakdown::table(self, target).await?.write(target),
        })
    }

    /// Plans a target in a window, in buckets of `sampling`.
    /// Returns `None` if the target has no account or the range has not begun.
    ///
    /// # Errors
    /// The tables lack a column, a filter or the window is invalid, or the accounts are too many.
    pub fn asked(
        &self,
        target: &PanelTarget,
        window: &PanelWindow,
        sampling: Sampling,
    ) -> Result<Option<PlannedTarget>, GrafanaError> {
        let (metric, mut accounts) = (target.metric, target.payload.accounts.clone());
        let applied = self.query.filters.apply(metric, (self.own, &self.state.engine.schema), &mut accounts)?;
        let report = self.report(metric)?;
        for filter in &target.payload.filters {
            if !self.state.engine.schema.can_filter(report.records.table(), filter.column) {
                return Err(GrafanaError::refused(format!("the table has no column {}", filter.column.name())));
            }
        }
        let filters = target.payload.filters.iter().cloned().chain(applied.filters).collect();
        let notices = target.payload.notices.iter().cloned().chain(applied.notices).collect();
        self.over(accounts, report, (window, sampling), filters, notices)
    }

    /// A report over accounts.
    ///
    /// # Errors
    /// Too many accounts, or a window that means nothing.
    pub fn over(
        &self,
        accounts: Vec<One>,
        report: &'static Report,
        (window, sampling): (&PanelWindow, Sampling),
        filters: Vec<Filter>,
        notices: Vec<String>,
    ) -> Result<Option<PlannedTarget>, GrafanaError> {
        if self.own.are_operators() {
            return Err(GrafanaError::refused("tokens of the operator's see breakdowns alone"));
        }
        // The one place where accounts meet a report: whatever was named, the token has to see the report's side.
        if !self.own.sides.allows(report.records.side()) {
            return Err(GrafanaError::refused(format!(
                "the token does not see {} calls",
                report.records.side().word()
            )));
        }
        if accounts.len() > bounds::ACCOUNTS {
            return Err(GrafanaError::refused(format!(
                "{} accounts are too many: name up to {}",
                accounts.len(),
                bounds::ACCOUNTS
            )));
        }
        let Some(first) = accounts.first() else { return Ok(None) };
        // Live calls cannot be added up over time, so their minutes are read whatever the step.
        let sampling = if report.records.table() == Table::ActiveCalls { Sampling::Minute } else { sampling };
        let request = Request {
            report,
            scope: first.scope,
            // Widened to whole days east of Greenwich, a range that begins with 1970 begins before.
            from: Instant::at(window.start.max(0)),
            to: Instant::at(window.end - 1),
            sampling,
            calendar: window.calendar.clone(),
            filters,
            fill: Some(true),
            settle: None,
            form: ResultForm::default(),
        };
        match request.plan(self.now, self.state.config.limits.max_buckets) {
            Ok(plan) => Ok(Some(PlannedTarget { plan, accounts, notices })),
            Err(Refusal::Future) => Ok(None),
            Err(refusal) => Err(refusal.into()),
        }
    }

    /// The report of a metric, if the tables have what it needs.
    fn report(&self, metric: PanelMetric) -> Result<&'static Report, GrafanaError> {
        let report = metric.report().ok_or(ApiError::Internal)?;
        match self.state.engine.schema.missing(report) {
            Some(column) => Err(GrafanaError::refused(format!(
                "{} needs the column {column}, which the table {table} lacks; tables.cdrs_columns can say what stands for it",
                metric.full_name(),
                column = column.name(),
                table = self.state.engine.schema.table(report.records.table()).name,
            ))),
            None => Ok(report),
        }
    }

    /// The dashboard's range.
    ///
    /// # Errors
    /// When there is none.
    pub fn range(&self) -> Result<PanelRange, GrafanaError> {
        self.query.range.ok_or_else(|| GrafanaError::refused("the request has no range"))
    }

    /// The buckets that the range touches, as long as the payload or the panel's width says.
    ///
    /// # Errors
    /// No range, or one that ends before it begins.
    pub fn window(&self, wanted: Option<Sampling>) -> Result<PanelWindow, GrafanaError> {
        let range = self.range()?;
        let length = (range.to - range.from).max(0) as f64;
        let sampling = wanted.unwrap_or_else(|| step::choose(length, self.query.interval, self.query.points));
        let mut calendar = self.state.calendar.clone();
        // "browser" is no zone that we could know; the dashboard's own choice is.
        match self.query.zone.as_deref() {
            Some("utc" | "UTC") => calendar.zone = jiff::tz::TimeZone::UTC,
            Some(name) => calendar.zone = zone::find(name).unwrap_or(calendar.zone),
            None => {}
        }
        PanelWindow::new(range, sampling, calendar)
    }

    /// True for a window of no more buckets than a series may have points.
    pub fn fits(&self, window: &PanelWindow) -> bool {
        let (now, most) = (self.now.unix_timestamp(), self.state.config.limits.max_points);
        // Hours and days of a calendar are counted one by one, so only where it is close.
        let about = window.end.min(now).saturating_sub(window.start) / step::seconds(window.sampling);
        let close = most.saturating_add(most / 8).saturating_add(8);
        u64::try_from(about).map_or(true, |about| about <= close) && window.count(now, most) <= most
    }

    /// The window in buckets of which a series may be shown: longer ones than the payload's, with a notice, where those are more
    /// than `limits.max_points`.
    ///
    /// # Errors
    /// The range has more days than that.
    pub fn shown(
        &self,
        mut window: PanelWindow,
        payload: &Payload,
        notices: &mut Vec<String>,
    ) -> Result<PanelWindow, GrafanaError> {
        let most = self.state.config.limits.max_points;
        while !self.fits(&window) {
            let sampling = step::longer(window.sampling).ok_or_else(|| {
                GrafanaError::refused(format!("the range has more than {most} days (limits.max_points)"))
            })?;
            window = PanelWindow::new(self.range()?, sampling, window.calendar)?;
        }
        if let Some(wanted) = payload.sampling.filter(|wanted| *wanted != window.sampling) {
            notices.push(format!(
                "buckets of {} are shown, since the range has more than {most} of {} (limits.max_points)",
                window.sampling.name(),
                wanted.name()
            ));
        }
        Ok(window)
    }

    /// Reads what is asked for, account by account, and hands on the sums of each with its place as they come. Says what they were
    /// made of where the token may ask: it depends on other customers' calls too.
    ///
    /// # Errors
    /// More than a request may read, what becomes of a query, or what `add` says.
    pub async fn read(
        &self,
        asked: &PlannedTarget,
        mut add: impl FnMut(usize, Buckets) -> Result<(), GrafanaError>,
    ) -> Result<Option<CacheStatus>, GrafanaError> {
        let PlannedTarget { plan, accounts, .. } = asked;
        self.left.read(plan, accounts.len() as u64)?;
        trail::note_asked(plan, accounts.iter().map(|one| one.uuid));
        let reads = (0..accounts.len()).map(|place| self.read_one(asked, place));
        let mut reads = stream::iter(reads).buffer_unordered(self.at_once);
        let mut used: Option<CacheStatus> = None;
        while let Some((place, sums, how)) = reads.try_next().await? {
            if plan.query.key.is_some() {
                self.left.rows(sums.t.len() as u64)?;
            }
            add(place, sums)?;
            used = Some(if used.is_none_or(|used| used == how) { how } else { CacheStatus::Partial });
        }
        Ok(self.own.debug.then(|| used.unwrap_or(CacheStatus::Hit)))
    }

    /// Reads the account of one place.
    async fn read_one(
        &self,
        asked: &PlannedTarget,
        place: usize,
    ) -> Result<(usize, Buckets, CacheStatus), GrafanaError> {
        let mut plan = asked.plan.clone();
        if let Some(one) = asked.account(place) {
            plan.query.scope = one.scope;
        }
        let _slot = self.slots.acquire().await.map_err(|_closed| ApiError::Busy)?;
        let _room = self.room(&plan).await?;
        let (sums, used) = reports::run(&plan, self.state).await?;
        Ok((place, sums, used))
    }

    /// Memory for what a plan reads, where that may be much.
    async fn room(&self, plan: &Plan) -> Result<Option<Permit>, ApiError> {
        // How many keys there are in a bucket is not known before they come.
        let keys = if plan.query.key.is_some() { bounds::KEYS } else { 1 };
        let bytes = plan.bytes().saturating_mul(keys);
        if bytes <= reports::LARGE {
            return Ok(None);
        }
        self.state.set_aside(plan.query.scope.tenant(), bytes).await.map(Some)
    }

    /// The sums of all accounts and times by key, and the places of the keys: the one with the most calls first.
    ///
    /// # Errors
    /// As [`Self::read`], or sums out of range.
    pub async fn by_key(
        &self,
        asked: &PlannedTarget,
    ) -> Result<(Buckets, Vec<usize>, Option<CacheStatus>), GrafanaError> {
        let mut all = None;
        let used = self.read(asked, |_, sums| add(&mut all, sums.by_key().ok_or_else(StoreError::overflow)?)).await?;
        let sums: Buckets = all.ok_or(ApiError::Internal)?;
        let mut rows: Vec<usize> = (0..sums.t.len()).collect();
        rows.sort_by_key(|row| (-sums.sum(crate::report::measure::Aggregate::Calls, *row), sums.key(*row)));
        Ok((sums, rows, used))
    }

    async fn series(&self, target: &PanelTarget, series: PanelSeries) -> Result<Option<SeriesResult>, GrafanaError> {
        let (metric, payload) = (target.metric, &target.payload);
        let mut notices = Vec::new();
        let mut window = self.window(payload.sampling)?;
        if !payload.total {
            window = self.shown(window, payload, &mut notices)?;
        }
        // One value needs no times; otherwise it shares what is read with the graphs beside it.
        let sampling = if self.fits(&window) { window.sampling } else { step::few(window.end - window.start) };
        let Some(asked) = self.asked(target, &window, sampling)? else { return Ok(None) };
        let now = self.now.unix_timestamp();
        let points = Points { series, window: &window, plan: &asked.plan, now, state: self.state };
        let buckets = (!payload.total).then(|| points.buckets());
        let together = payload.shape == Shape::Together;
        let times: Arc<[i64]> = match &buckets {
            Some(buckets) => buckets.iter().map(|(start, _)| start * 1000).collect(),
            None => [window.end.min(now + 1) * 1000 - 1].into(),
        };
        self.left.points(times.len().saturating_mul(if together { 1 } else { asked.accounts.len() }))?;
        let values = |sums: &Buckets| -> Arc<[Option<f64>]> { points.values(sums, buckets.as_deref()).into() };
        let (lines, used) = if together {
            let mut sum = None;
            let used = self.read(&asked, |_, sums| add(&mut sum, sums)).await?;
            let sum = sum.ok_or(ApiError::Internal)?;
            (vec![Line { labels: Vec::new(), values: values(&sum) }], used)
        } else {
            let line = |one: &One| Line { labels: vec![("account", one.label.clone())], values: [].into() };
            let mut lines: Vec<Line> = asked.accounts.iter().map(line).collect();
            let set = |place: usize, sums: Buckets| {
                lines.get_mut(place).into_iter().for_each(|line| line.values = values(&sums));
                Ok(())
            };
            let used = self.read(&asked, set).await?;
            (lines, used)
        };
        let interval = buckets.as_deref().and_then(interval);
        notices.extend(asked.notices);
        if window.end > now {
            notices.push("the last bucket is not complete yet".into());
        }
        let acd_unit = self.state.config.reports.acd_unit;
        let unit = match series {
            PanelSeries::Calls(measure) => unit(measure, acd_unit),
            PanelSeries::Delay(_) => "s",
            PanelSeries::ActiveCalls => unit(Measure::Calls, acd_unit),
        };
        let (wide, custom) = (payload.shape == Shape::Wide, custom(metric, &window, used));
        let (name, label) = (metric.full_name(), metric.full_label());
        Ok(Some(SeriesResult { name, label, times, lines, wide, interval, unit, notices, custom }))
    }
}

impl PlannedTarget {
    /// An account by its place.
    pub fn account(&self, place: usize) -> Option<&One> {
        self.accounts.get(place)
    }
}

/// The length of buckets in milliseconds, where all have the same.
pub fn interval(buckets: &[(i64, i64)]) -> Option<i64> {
    let alike = buckets.windows(2).all(|pair| matches!(pair, [a, b] if a.1 - a.0 == b.1 - b.0));
    buckets.first().filter(|_| alike).map(|(start, end)| (end - start) * 1000)
}

/// The metadata of a frame: scope, sampling and, if known, cache status.
pub fn custom(metric: PanelMetric, window: &PanelWindow, used: Option<CacheStatus>) -> Value {
    let mut custom = json!({ "scope": metric.scope(), "sampling": window.sampling.name() });
    if let Some(used) = used {
        custom["cache"] = used.word().into();
    }
    custom
}

/// Adds sums to those of the accounts before, bucket by bucket.
fn add(all: &mut Option<Buckets>, sums: Buckets) -> Result<(), GrafanaError> {
    *all = Some(match all.take() {
        Some(before) => before.merged(&sums).ok_or_else(StoreError::overflow)?,
        None => sums,
    });
    Ok(())
}
