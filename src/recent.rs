//! Measures of accounts over the last complete minutes, for monitoring: they run through the engine and what it caches.

use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::access::{Account, Snapshot};
use crate::columns::buckets::Buckets;
use crate::config::{AcdUnit, Config, WatchedAccounts};
use crate::engine::Engine;
use crate::query::instant::Instant;
use crate::query::sampling::Sampling;
use crate::query::scope::Scope;
use crate::query::zone::Calendar;
use crate::report::form::ResultForm;
use crate::report::measure::{Aggregate, Measure, Scale};
use crate::report::plan::Request;
use crate::report::query::Records;
use crate::report::{REPORTS, Report, Side};
use crate::store::StoreError;

/// Values of an account on one side: calls, ASR, ACD in seconds, CPS, active calls.
pub const VALUES: usize = 5;

/// An account may be a customer's and a vendor's.
const SIDES: [Side; 2] = [Side::Origination, Side::Termination];

/// The measures of all accounts, read at one time.
#[derive(Debug, Default)]
pub struct RecentMeasures {
    /// Two for each account.
    pub lines: Vec<AccountValues>,
    /// Accounts left out, as all together would be more than `metrics.max_series`.
    pub omitted: usize,
}

/// The measures of one account on one side.
#[derive(Debug)]
pub struct AccountValues {
    /// The account.
    pub account: Uuid,
    /// Its customer.
    pub customer: u32,
    /// Its name.
    pub name: String,
    /// The side.
    pub side: Side,
    /// `None` for a ratio over nothing.
    pub values: [Option<f64>; VALUES],
}

/// Measures could not be read.
#[derive(Debug, thiserror::Error)]
pub enum RecentError {
    /// A query failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// No report has the measure, or its last minutes are no window: a fault of this program.
    #[error("no report of the last minutes")]
    Report,
}

/// Reads the measures of the accounts that the settings name.
///
/// # Errors
/// A query failed.
pub async fn read(
    (config, engine, calendar): (&Config, &Engine, &Calendar),
    snapshot: &Snapshot,
    warnings: &mut Vec<String>,
) -> Result<RecentMeasures, RecentError> {
    let mut accounts = snapshot.every_account();
    if let WatchedAccounts::Listed(listed) = &config.metrics.accounts {
        accounts.retain(|(uuid, _, _)| listed.contains(uuid));
        for unknown in listed.iter().filter(|uuid| !snapshot.accounts.contains_key(uuid)) {
            warnings.push(format!("metrics.accounts: there is no account {unknown}"));
        }
    }
    let series = accounts.len() * SIDES.len() * VALUES;
    if series > config.metrics.max_series {
        warnings.push(format!(
            "metrics: {} accounts would be {series} series, more than metrics.max_series, and are left out",
            accounts.len()
        ));
        return Ok(RecentMeasures { lines: Vec::new(), omitted: accounts.len() });
    }
    let reader = RecentReader { config, engine, calendar, now: OffsetDateTime::now_utc() };
    let each = accounts.into_iter().flat_map(|account| SIDES.map(|side| reader.line(account, side)));
    // Reports of callers come first: monitoring takes a quarter of the slots at most.
    let at_once = (config.limits.concurrent_queries / 4).max(1);
    let lines = stream::iter(each).buffered(at_once).try_collect().await?;
    Ok(RecentMeasures { lines, omitted: 0 })
}

struct RecentReader<'a> {
    config: &'a Config,
    engine: &'a Engine,
    calendar: &'a Calendar,
    now: OffsetDateTime,
}

impl RecentReader<'_> {
    async fn line(
        &self,
        (uuid, account, scope): (Uuid, &Account, Scope),
        side: Side,
    ) -> Result<AccountValues, RecentError> {
        let seconds = i64::from(self.config.metrics.window_minutes) * 60;
        // Whole minutes in which every node has posted, even where one is late by less than its period.
        let two_snapshots = (2 * i64::from(self.config.active_calls.period_seconds) + 59).div_euclid(60) * 60;
        let shown = [Measure::TotalCalls, Measure::Asr, Measure::Acd, Measure::Cps];
        let has_all = |report: &Report| shown.iter().all(|measure| report.measures.contains(measure));
        let is_quality = |report: &Report| report.records.side() == side && has_all(report);
        let calls = self.sums(is_quality, scope, seconds).await?;
        let live = self.sums(|report| report.records == Records::Concurrency(side), scope, two_snapshots).await?;
        let scale = Scale { acd_unit: AcdUnit::Seconds, cps_seconds: seconds.into() };
        let value = |measure: Measure| measure.value(scale, |sum| calls.total(sum)).as_float();
        let busiest = (0..live.t.len()).map(|row| live.sum(Aggregate::Calls, row)).max().unwrap_or(0);
        let [calls, asr, acd, cps] = shown.map(value);
        Ok(AccountValues {
            account: uuid,
            customer: account.customer_id,
            name: account.name.clone(),
            side,
            values: [calls, asr, acd, cps, Some(busiest as f64)],
        })
    }

    /// The sums of the last complete minutes, `seconds` of them.
    async fn sums(
        &self,
        is_wanted: impl Fn(&Report) -> bool,
        scope: Scope,
        seconds: i64,
    ) -> Result<Buckets, RecentError> {
        let end = self.now.unix_timestamp().div_euclid(60) * 60;
        let request = Request {
            report: REPORTS.iter().find(|report| is_wanted(report)).ok_or(RecentError::Report)?,
            scope,
            from: Instant::at(end - seconds),
            to: Instant::at(end - 1),
            sampling: Sampling::Minute,
            calendar: self.calendar.clone(),
            filters: Vec::new(),
            fill: None,
            settle: None,
            form: ResultForm::default(),
        };
        // A window of the past that ends after it begins, in few enough minutes.
        let plan = request.plan(self.now, u64::MAX).map_err(|_never| RecentError::Report)?;
        Ok(self.engine.run(&plan).await?.buckets)
    }
}
