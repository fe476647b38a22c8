//! Measures of accounts, read once for all scrapes within `metrics.fresh_seconds`.

use std::sync::Arc;
use std::time::{Duration, Instant as Clock};

use tokio::sync::Mutex;

use super::super::error::ApiError;
use super::super::heavy::Aborts;
use super::super::state::State;
use crate::config::WatchedAccounts;
use crate::metrics::{self, Exposition, Metric};
use crate::recent::{self, RecentError, RecentMeasures, VALUES};
use crate::store::REQUEST;

/// Prometheus gives up after ten seconds unless it is told otherwise.
const PATIENCE: Duration = Duration::from_secs(8);

/// The metric of each value.
const METRICS: [Metric; VALUES] = [metrics::CALLS, metrics::ASR, metrics::ACD, metrics::CPS, metrics::ACTIVE];

/// When a reading ended, and what it read unless it failed.
type Ended = (Clock, Option<Arc<RecentMeasures>>);

/// The latest reading, good or not. Locked while one is under way.
#[derive(Debug, Default)]
pub struct LatestRecent(Arc<Mutex<Option<Ended>>>);

/// Writes them, or that they cannot be had: why stands in the log under the id of the scrape that read them. Never waits longer
/// than `PATIENCE`.
pub async fn write(state: &Arc<State>, id: &str, out: &mut Exposition) {
    if state.config.metrics.accounts == WatchedAccounts::None {
        return;
    }
    let reading = latest(state, id).await;
    out.single(&metrics::ACCOUNTS_UP, u8::from(reading.is_some()));
    let Some(reading) = reading else { return };
    out.single(&metrics::ACCOUNTS_OMITTED, reading.omitted);
    for (place, metric) in METRICS.iter().enumerate() {
        out.family(metric);
        for line in &reading.lines {
            if let Some(value) = line.values.get(place).copied().flatten() {
                let labels =
                    [&line.account.to_string(), &line.customer.to_string(), line.name.as_str(), line.side.word()];
                out.sample(metric, &labels, value);
            }
        }
    }
}

/// The reading of a moment ago, or a new one. Scrapes at the same time share one, and one that failed is not repeated sooner.
/// One that takes longer than a scrape can wait goes on, for the next scrape; one whose scraper has gone ends.
async fn latest(state: &Arc<State>, id: &str) -> Option<Arc<RecentMeasures>> {
    let fresh = Duration::from_secs(state.config.metrics.fresh_seconds.into());
    let (own, request) = (Arc::clone(state), id.to_owned());
    let mut aborts = Aborts::default();
    let reading = &mut aborts;
    let work = async move {
        let mut held = Arc::clone(&own.recent.0).lock_owned().await;
        if let Some((at, reading)) = &*held
            && at.elapsed() < fresh
        {
            return reading.clone();
        }
        let going_on = REQUEST.scope(request.as_str().into(), async move {
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

async fn read(state: &State, warnings: &mut Vec<String>) -> Result<RecentMeasures, ApiError> {
    let snapshot = state.directory.snapshot()?;
    let read = recent::read((&state.config, &state.engine, &state.calendar), &snapshot, warnings).await;
    read.map_err(|error| match error {
        RecentError::Store(error) => error.into(),
        RecentError::Report => ApiError::Internal,
    })
}
