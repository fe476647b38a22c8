//! Figures of accounts over the last complete minutes, read through the reports and what they remember, once for all scrapes
//! within `metrics.fresh_seconds`.

use std::sync::Arc;
use std::time::{Duration, Instant as Clock};

use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use time::OffsetDateTime;
use tokio::sync::Mutex;
use uuid::Uuid;

use super::super::error::ApiError;
use super::super::heavy::Aborts;
use super::super::reports;
use super::super::state::State;
use crate::access::Account;
use crate::columns::buckets::Buckets;
use crate::config::{AcdUnit, Watched};
use crate::metrics::{self, Exposition, Metric};
use crate::query::instant::Instant;
use crate::query::sampling::Sampling;
use crate::report::figure::{Figure, Number, Scale, Sum};
use crate::report::plan::{Form, Request, Scope};
use crate::report::{REPORTS, Report, Shape, Side};
use crate::store::REQUEST;

/// Prometheus gives up after ten seconds unless it is told otherwise.
const PATIENCE: Duration = Duration::from_secs(8);

/// Figures of an account on one side; each is a series.
const FIGURES: [Metric; 5] = [metrics::CALLS, metrics::ASR, metrics::ACD, metrics::CPS, metrics::ACTIVE];

/// An account may be a customer's and a vendor's.
const SIDES: [(Side, &str); 2] = [(Side::Origination, "origination"), (Side::Termination, "termination")];

/// When a reading ended, and what it read unless it failed.
type Ended = (Clock, Option<Arc<Reading>>);

/// The latest reading, good or not. Locked while one is under way.
#[derive(Debug, Default)]
pub struct Held(Arc<Mutex<Option<Ended>>>);

/// What was read at one time.
#[derive(Debug, Default)]
struct Reading {
    lines: Vec<Line>,
    omitted: usize,
}

/// Figures of one account on one side, in the order of `FIGURES`.
#[derive(Debug)]
struct Line {
    account: Uuid,
    customer: u32,
    name: String,
    side: &'static str,
    /// `None` for a ratio over nothing.
    values: [Option<f64>; FIGURES.len()],
}

/// Writes them, or that they cannot be had: why stands in the log under the id of the scrape that read them. Never waits longer
/// than `PATIENCE`.
pub async fn write(state: &Arc<State>, id: &str, out: &mut Exposition) {
    if state.config.metrics.accounts == Watched::None {
        return;
    }
    let reading = latest(state, id).await;
    out.single(&metrics::ACCOUNTS_UP, u8::from(reading.is_some()));
    let Some(reading) = reading else { return };
    out.single(&metrics::ACCOUNTS_OMITTED, reading.omitted);
    for (place, metric) in FIGURES.iter().enumerate() {
        out.family(metric);
        for line in &reading.lines {
            if let Some(value) = line.values.get(place).copied().flatten() {
                let labels = [&line.account.to_string(), &line.customer.to_string(), line.name.as_str(), line.side];
                out.sample(metric, &labels, value);
            }
        }
    }
}

/// The reading of a moment ago, or a new one. Scrapes at the same time share one, and one that failed is not repeated sooner.
/// One that takes longer than a scrape can wait goes on, for the next scrape; one whose scraper has gone ends.
async fn latest(state: &Arc<State>, id: &str) -> Option<Arc<Reading>> {
    let fresh = Duration::from_secs(state.config.metrics.fresh_seconds.into());
    let (own, request) = (Arc::clone(state), id.to_owned());
    let mut aborts = Aborts::default();
    let reading = &mut aborts;
    let work = async move {
        let mut held = Arc::clone(&own.figures.0).lock_owned().await;
        if let Some((at, reading)) = &*held
            && at.elapsed() < fresh
        {
            return reading.clone();
        }
        let going_on = REQUEST.scope(request.clone(), async move {
            let mut warnings = Vec::new();
            let reading = read(&own, &mut warnings).await.map(Arc::new);
            if let Err(error) = &reading {
                error.log(&request, "metrics: figures of accounts are left out");
            }
            own.notices.round("metrics", warnings);
            let reading = reading.ok();
            *held = Some((Clock::now(), reading.clone()));
            reading
        });
        let task = actix_web::rt::spawn(going_on);
        reading.on(task.abort_handle());
        // A panic in it has been logged.
        task.await.ok().flatten()
    };
    let reading = tokio::time::timeout(PATIENCE, work).await;
    aborts.release();
    let Ok(reading) = reading else {
        let patience = PATIENCE.as_secs();
        log::error!("request {id}: metrics: figures of accounts are left out: not read within {patience} s");
        return None;
    };
    reading
}

async fn read(state: &State, warnings: &mut Vec<String>) -> Result<Reading, ApiError> {
    let snapshot = state.directory.snapshot()?;
    let mut accounts = snapshot.every_account();
    if let Watched::Listed(listed) = &state.config.metrics.accounts {
        accounts.retain(|(uuid, _, _)| listed.contains(uuid));
        for unknown in listed.iter().filter(|uuid| !snapshot.accounts.contains_key(uuid)) {
            warnings.push(format!("metrics.accounts: there is no account {unknown}"));
        }
    }
    let series = accounts.len() * SIDES.len() * FIGURES.len();
    if series > state.config.metrics.max_series {
        warnings.push(format!(
            "metrics: {} accounts would be {series} series, more than metrics.max_series, and are left out",
            accounts.len()
        ));
        return Ok(Reading { lines: Vec::new(), omitted: accounts.len() });
    }
    let now = OffsetDateTime::now_utc();
    let each = accounts.into_iter().flat_map(|account| SIDES.map(|side| line(state, account, side, now)));
    // Reports of callers come first: a scrape takes a quarter of the slots at most.
    let at_once = (state.config.limits.concurrent_queries / 4).max(1);
    let lines = stream::iter(each).buffered(at_once).try_collect().await?;
    Ok(Reading { lines, omitted: 0 })
}

async fn line(
    state: &State,
    (uuid, account, scope): (Uuid, &Account, Scope),
    (side, word): (Side, &'static str),
    now: OffsetDateTime,
) -> Result<Line, ApiError> {
    let seconds = i64::from(state.config.metrics.window_minutes) * 60;
    let calls = sums(state, quality(side)?, scope, seconds, now).await?;
    let up = sums(state, live(side)?, scope, two_snapshots(state), now).await?;
    let scale = Scale { acd_unit: AcdUnit::Seconds, cps_seconds: seconds.into() };
    let figure = |figure: Figure| number(figure.value(scale, |sum| calls.total(sum)));
    let busiest = (0..up.t.len()).map(|row| up.sum(Sum::Calls, row)).max().unwrap_or(0);
    Ok(Line {
        account: uuid,
        customer: account.customer_id,
        name: account.name.clone(),
        side: word,
        values: [
            figure(Figure::TotalCalls),
            figure(Figure::Asr),
            figure(Figure::Acd),
            figure(Figure::Cps),
            Some(busiest as f64),
        ],
    })
}

/// Seconds of whole minutes in which every node has posted, even where one is late by less than its period.
fn two_snapshots(state: &State) -> i64 {
    (2 * i64::from(state.config.active_calls.period_seconds) + 59).div_euclid(60) * 60
}

fn quality(side: Side) -> Result<&'static Report, ApiError> {
    let has = |report: &&Report| report.side == side && report.figures.contains(&Figure::Cps);
    REPORTS.iter().find(has).ok_or(ApiError::Internal)
}

fn live(side: Side) -> Result<&'static Report, ApiError> {
    let has = |report: &&Report| report.side == side && report.shape == Shape::Concurrency;
    REPORTS.iter().find(has).ok_or(ApiError::Internal)
}

/// The sums of the last complete minutes, so many seconds of them.
async fn sums(
    state: &State,
    report: &'static Report,
    scope: Scope,
    seconds: i64,
    now: OffsetDateTime,
) -> Result<Buckets, ApiError> {
    let end = now.unix_timestamp().div_euclid(60) * 60;
    let request = Request {
        report,
        scope,
        from: Instant::at(end - seconds),
        to: Instant::at(end - 1),
        sampling: Sampling::Minute,
        calendar: state.calendar.clone(),
        filters: Vec::new(),
        fill: None,
        settle: None,
        form: Form::default(),
    };
    // A window of the past that ends after it begins, in few enough minutes.
    let plan = request.plan(now, u64::MAX).map_err(|_never| ApiError::Internal)?;
    Ok(reports::sums(&plan, state).await?.0)
}

fn number(number: Number) -> Option<f64> {
    match number {
        Number::Whole(value) => Some(value as f64),
        Number::Hundredths(value) => Some(value as f64 / 100.0),
        Number::Null => None,
    }
}
