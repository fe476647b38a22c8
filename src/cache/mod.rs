//! Cached aggregates and responses, never older than the table.
//!
//! Aggregates are cached in chunks of time, so a window that moves or grows reuses them and reads only the rest from
//! ClickHouse. Before a chunk is used, the state of the table's parts says if it still holds. If nothing changed in its
//! time, it does. New rows are read from their parts alone and added. After any other change the chunk is read again.
//! Whole responses are cached beside them, ready to send. Every key holds the tenant.
//!
//! A request begins with a freshness check of the parts, or shares one that is not older than `cache.fresh_seconds`. Its
//! result is not older than that check, whoever read it: a hundred callers with the same query at once share what the
//! first of them reads. docs/cache.md says why that cannot go wrong, and when it could.

mod cut;
#[cfg(test)]
mod model;
mod parts;
mod series;
mod tracker;

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use bytes::Bytes;
use jiff::civil::Time;

use crate::config;
use crate::query::filter::{Filter, Test};
use crate::query::sampling::Sampling;
use crate::query::scope::Scope;
use crate::report::breakdown::Breakdown;
use crate::report::form::ResultForm;
use crate::report::measure::Aggregate;
use crate::report::plan::{Grid, Plan, Window};
use crate::report::query::{Query, Records};
use crate::report::{BucketKey, Table};
use crate::store::Store;
use parts::Since;

pub use series::{Assembled, CacheStatus, assemble};
pub use tracker::Tracker;

/// The key of cached aggregates, but for their time: tenant, account, records, dimension, interval, filters.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct SumsKey {
    scope: Scope,
    records: Records,
    key: Option<BucketKey>,
    aggregates: Vec<Aggregate>,
    interval: i64,
    filters: Vec<Filter>,
}

impl SumsKey {
    fn of(query: &Query, interval: i64) -> Self {
        // Named one by one, so that a query cannot have a field that is forgotten here.
        let Query { scope, records, key, measures: _, filters } = query;
        Self {
            scope: *scope,
            records: *records,
            key: *key,
            aggregates: query.aggregates(),
            interval,
            filters: filters.clone(),
        }
    }

    /// Bytes that the callers' values take.
    fn bytes(&self) -> usize {
        bytes(&self.filters)
    }
}

/// Cached aggregates of one segment of time.
#[derive(Debug)]
struct Chunk {
    buckets: crate::columns::buckets::Buckets,
    /// The reading of the parts up to which it holds.
    seq: AtomicU64,
    /// True if it holds exactly the rows of that reading. A chunk that may hold newer rows cannot have them added.
    exact: bool,
}

/// The key of a cached response: everything that it depends on.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum BodyKey {
    /// Of a report by time.
    Series(SeriesKey),
    /// Of a breakdown, with what stands for the names that it shows.
    Breakdown(Arc<Breakdown>, u64),
}

impl BodyKey {
    /// Bytes that the callers' values take.
    fn bytes(&self) -> usize {
        match self {
            Self::Series(series) => bytes(&series.query.filters),
            Self::Breakdown(breakdown, _) => breakdown.bytes() + bytes(&breakdown.terms.filters),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct SeriesKey {
    query: Query,
    window: Window,
    sampling: Sampling,
    zone: Option<String>,
    monday_first: bool,
    day_start: Time,
    fill: bool,
    settle: Option<i64>,
    form: ResultForm,
}

/// A whole answer, ready to send.
#[derive(Debug)]
pub struct CachedBody {
    /// The text.
    pub text: Bytes,
    /// Its ETag.
    pub etag: String,
    grid: Grid,
    seq: AtomicU64,
}

/// One key's turn: whoever holds it asks ClickHouse, the others wait and find what it found.
type Turns<K> = Mutex<HashMap<K, Weak<tokio::sync::Mutex<()>>>>;

/// Cached aggregates and responses.
pub struct Cache {
    chunks: moka::sync::Cache<(Arc<SumsKey>, Window), Arc<Chunk>>,
    bodies: moka::sync::Cache<BodyKey, Arc<CachedBody>>,
    turns: Turns<SumsKey>,
    cdrs: Tracker,
    active_calls: Tracker,
    fresh: Duration,
}

/// Bytes of a key and of the bookkeeping around an entry.
const ENTRY: usize = 300;

impl Cache {
    /// An empty cache over two tables.
    pub fn new(config: &config::Cache, cdrs: Tracker, active_calls: Tracker) -> Self {
        // Half for each kind: answers are larger, sums are worth more.
        let half = config.size_mb * 1024 * 1024 / 2;
        Self {
            chunks: moka::sync::Cache::builder()
                .max_capacity(half)
                .weigher(|(series, _): &(Arc<SumsKey>, Window), chunk: &Arc<Chunk>| {
                    weight(series.bytes() + chunk.buckets.bytes())
                })
                .build(),
            bodies: moka::sync::Cache::builder()
                .max_capacity(half)
                .weigher(|key: &BodyKey, body: &Arc<CachedBody>| weight(key.bytes() + body.text.len()))
                .build(),
            turns: Turns::default(),
            cdrs,
            active_calls,
            fresh: Duration::from_secs(config.fresh_seconds.into()),
        }
    }

    /// The tracker of a table.
    pub fn tracker(&self, table: Table) -> &Tracker {
        match table {
            Table::Cdrs => &self.cdrs,
            Table::ActiveCalls => &self.active_calls,
        }
    }

    /// Looks at a table unless that was done a moment ago, and gives the number of the reading that answers must not be
    /// older than.
    pub async fn look(&self, store: &Store, table: Table) -> u64 {
        self.tracker(table).refresh(store, self.fresh).await
    }

    /// The whole answer of a plan as of the reading `seq` or later, if it is known and still holds.
    pub fn body(&self, plan: &Plan, seq: u64) -> Option<Arc<CachedBody>> {
        let window = plan.window?;
        let body = self.bodies.get(&key(plan, window))?;
        let since = body.seq.load(Ordering::Acquire);
        let tracker = self.tracker(plan.query.records.table());
        if body.grid != plan.grid
            || tracker.since(since, seq, window.from, window.to.unwrap_or(i64::MAX)) != Since::Same
        {
            return None;
        }
        // So the next look is shorter.
        body.seq.fetch_max(seq, Ordering::AcqRel);
        Some(body)
    }

    /// Keeps a whole answer that holds up to the reading `seq`.
    pub fn keep_body(&self, plan: &Plan, text: Bytes, etag: String, seq: u64) {
        let Some(window) = plan.window else { return };
        let body = CachedBody { text, etag, grid: plan.grid, seq: AtomicU64::new(seq) };
        self.bodies.insert(key(plan, window), Arc::new(body));
    }

    /// The whole answer of a breakdown as of the reading `seq` or later, if it is known and still holds. `names` stands for the
    /// names that it shows.
    pub fn breakdown(&self, breakdown: &Arc<Breakdown>, names: u64, seq: u64) -> Option<Arc<CachedBody>> {
        let body = self.bodies.get(&BodyKey::Breakdown(Arc::clone(breakdown), names))?;
        let since = body.seq.load(Ordering::Acquire);
        let tracker = self.tracker(breakdown.terms.records.table());
        let holds =
            |window: Window| tracker.since(since, seq, window.from, window.to.unwrap_or(i64::MAX)) == Since::Same;
        if !breakdown.parts().all(|part| holds(part.window)) {
            return None;
        }
        body.seq.fetch_max(seq, Ordering::AcqRel);
        Some(body)
    }

    /// Keeps a breakdown's whole answer that holds up to the reading `seq`.
    pub fn keep_breakdown(&self, breakdown: &Arc<Breakdown>, names: u64, (text, etag): (Bytes, String), seq: u64) {
        let body = CachedBody { text, etag, grid: Grid { first: 0, step: 0, count: 0 }, seq: AtomicU64::new(seq) };
        self.bodies.insert(BodyKey::Breakdown(Arc::clone(breakdown), names), Arc::new(body));
    }

    /// Bytes that the cache takes.
    pub fn bytes(&self) -> u64 {
        // Both count what was put in or taken out only now and then, and when told to.
        self.chunks.run_pending_tasks();
        self.bodies.run_pending_tasks();
        self.chunks.weighted_size() + self.bodies.weighted_size()
    }

    /// The turn of a series.
    fn turn(&self, series: &SumsKey) -> Arc<tokio::sync::Mutex<()>> {
        let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(turn) = turns.get(series).and_then(Weak::upgrade) {
            return turn;
        }
        turns.retain(|_, turn| turn.strong_count() > 0);
        let turn = Arc::default();
        turns.insert(series.clone(), Arc::downgrade(&turn));
        turn
    }
}

/// Bytes that the values of filters take.
pub fn bytes(filters: &[Filter]) -> usize {
    let values = filters.iter().map(|filter| match &filter.test {
        Test::Pattern(_, pattern) => pattern.len(),
        Test::Text(_, values) => values.iter().map(|value| value.len() + size_of::<String>()).sum(),
        Test::Integers(_, values) => values.len() * size_of::<i64>(),
        Test::Integer(..)
        | Test::Decimal(..)
        | Test::Ipv4(_)
        | Test::Ipv6(_)
        | Test::Null(_)
        | Test::Never
        | Test::Always => 0,
    });
    size_of_val(filters) + values.sum::<usize>()
}

fn weight(bytes: usize) -> u32 {
    u32::try_from(bytes + ENTRY).unwrap_or(u32::MAX)
}

fn key(plan: &Plan, window: Window) -> BodyKey {
    // Buckets of fixed length lie alike in every zone.
    let calendar = plan.sampling.fixed_seconds().is_none();
    BodyKey::Series(SeriesKey {
        query: plan.query.clone(),
        window,
        sampling: plan.sampling,
        zone: if calendar { plan.calendar.zone.iana_name().map(str::to_owned) } else { None },
        monday_first: calendar && plan.calendar.monday_first,
        day_start: if calendar { plan.calendar.day_start } else { Time::midnight() },
        fill: plan.fill,
        settle: plan.settle,
        form: plan.form,
    })
}

#[cfg(test)]
mod tests {
    use time::OffsetDateTime;

    use super::*;
    use crate::query::filter::{Column, TextOp};
    use crate::query::instant::Instant;
    use crate::query::zone::{Calendar, find};
    use crate::report::Side;
    use crate::report::form::{CsvDialect, ResultFormat};
    use crate::report::measure::Measure;
    use crate::report::plan::Request;

    fn plan(prefix: String) -> Plan {
        let test = Test::Text(TextOp::StartsWith, vec![prefix]);
        let request = Request {
            report: crate::report::find("origination-statistics").unwrap(),
            scope: Scope::proven(1, 2),
            from: Instant::parse("2026-01-01"),
            to: Instant::parse("2026-01-02"),
            sampling: Sampling::Hour,
            calendar: Calendar::of(find("UTC").unwrap()),
            filters: vec![Filter { column: Column::DstPrefixRouting, test }],
            fill: None,
            settle: None,
            form: ResultForm::default(),
        };
        request.plan(OffsetDateTime::from_unix_timestamp(1_790_000_000).unwrap(), 1_000_000).unwrap()
    }

    /// A caller's values are part of the key, and a caller can make them long.
    #[test]
    fn what_callers_write_counts_as_memory() {
        let config = config::Cache { enabled: true, size_mb: 1, fresh_seconds: 1 };
        let tracker = || Tracker::new("db", "cdrs", true, true);
        let cache = Cache::new(&config, tracker(), tracker());
        for number in 0..200 {
            let plan = plan(format!("{number:050000}"));
            let series = SumsKey::of(&plan.query, plan.interval);
            let chunk =
                Chunk { buckets: crate::columns::buckets::Buckets::new(&[]), seq: AtomicU64::new(1), exact: true };
            cache.chunks.insert((Arc::new(series), Window { from: 0, to: None }), Arc::new(chunk));
            cache.keep_body(&plan, Bytes::new(), String::new(), 1);
        }
        cache.chunks.run_pending_tasks();
        cache.bodies.run_pending_tasks();
        let counts = (cache.chunks.entry_count(), cache.bodies.entry_count());
        assert!((1..=10).contains(&counts.0) && (1..=10).contains(&counts.1), "{counts:?}");
    }

    /// One entry a value: each is found by its own key only.
    #[test]
    fn bodies_that_settle_or_begin_apart_are_told_apart() {
        let config = config::Cache { enabled: true, size_mb: 1, fresh_seconds: 1 };
        let tracker = || Tracker::new("db", "cdrs", true, true);
        let cache = Cache::new(&config, tracker(), tracker());
        let plan = plan("44".into());
        let day = |minute| Calendar { day_start: Time::constant(2, minute, 0, 0), ..plan.calendar.clone() };
        let plans: Vec<Plan> = [None, Some(0), Some(600), Some(601)]
            .into_iter()
            .flat_map(|settle| [0, 30].map(|minute| Plan { settle, calendar: day(minute), ..plan.clone() }))
            .collect();
        for (place, plan) in plans.iter().enumerate() {
            cache.keep_body(plan, Bytes::from(vec![0; place]), String::new(), 1);
        }
        for (place, plan) in plans.iter().enumerate() {
            assert_eq!(cache.body(plan, 1).unwrap().text.len(), place);
        }
    }

    #[test]
    fn sums_are_found_by_everything_they_depend_on() {
        let plan = plan("44".into());
        let query = &plan.query;
        let own = SumsKey::of(query, 60);
        for (what, other) in [
            ("scope", Query { scope: Scope::proven(1, 9), ..query.clone() }),
            ("records", Query { records: Records::Attempts(Side::Origination), ..query.clone() }),
            ("dimension", Query { key: Some(BucketKey::Prefix), ..query.clone() }),
            ("aggregates", Query { measures: vec![Measure::Ner].into(), ..query.clone() }),
            ("filters", Query { filters: Vec::new(), ..query.clone() }),
        ] {
            assert_ne!(SumsKey::of(&other, 60), own, "{what}");
        }
        assert_ne!(SumsKey::of(query, 1), own);
        // Measures of the same aggregates share them.
        let of = |measures: &[Measure]| SumsKey::of(&Query { measures: measures.to_vec().into(), ..query.clone() }, 60);
        assert_eq!(of(&[Measure::Asr]), of(&[Measure::FailedCalls]));
    }

    #[test]
    fn a_body_is_found_by_everything_it_depends_on() {
        let config = config::Cache { enabled: true, size_mb: 1, fresh_seconds: 1 };
        let tracker = || Tracker::new("db", "cdrs", true, true);
        let cache = Cache::new(&config, tracker(), tracker());
        let plan = plan("44".into());
        cache.keep_body(&plan, Bytes::from_static(b"x"), String::new(), 1);
        assert!(cache.body(&plan, 1).is_some());
        let (window, query) = (plan.window.unwrap(), &plan.query);
        let ask = |query| Plan { query, ..plan.clone() };
        let reversed: Vec<_> = query.measures.iter().rev().copied().collect();
        for (what, other) in [
            ("tenant", ask(Query { scope: Scope::proven(9, 2), ..query.clone() })),
            ("account", ask(Query { scope: Scope::proven(1, 9), ..query.clone() })),
            ("records", ask(Query { records: Records::Attempts(Side::Origination), ..query.clone() })),
            ("side", ask(Query { records: Records::Calls(Side::Termination), ..query.clone() })),
            ("dimension", ask(Query { key: Some(BucketKey::Country), ..query.clone() })),
            ("measures", ask(Query { measures: query.measures[1..].to_vec().into(), ..query.clone() })),
            ("order of measures", ask(Query { measures: reversed.into(), ..query.clone() })),
            ("filters", ask(Query { filters: Vec::new(), ..query.clone() })),
            ("from", Plan { window: Some(Window { from: window.from + 1, ..window }), ..plan.clone() }),
            ("to", Plan { window: Some(Window { to: None, ..window }), ..plan.clone() }),
            ("sampling", Plan { sampling: Sampling::Day, ..plan.clone() }),
            ("zone", Plan { calendar: Calendar::of(find("Asia/Tokyo").unwrap()), ..plan.clone() }),
            ("week", Plan { calendar: Calendar { monday_first: true, ..plan.calendar.clone() }, ..plan.clone() }),
            (
                "day",
                Plan {
                    calendar: Calendar { day_start: Time::constant(2, 30, 0, 0), ..plan.calendar.clone() },
                    ..plan.clone()
                },
            ),
            ("fill", Plan { fill: !plan.fill, ..plan.clone() }),
            ("complete", Plan { settle: Some(0), ..plan.clone() }),
            ("settle", Plan { settle: Some(600), ..plan.clone() }),
            ("rows", Plan { form: ResultForm { format: ResultFormat::Rows, ..plan.form }, ..plan.clone() }),
            ("numbers", Plan { form: ResultForm { plain_numbers: true, ..plan.form }, ..plan.clone() }),
            ("totals", Plan { form: ResultForm { no_totals: true, ..plan.form }, ..plan.clone() }),
            (
                "dialect",
                Plan {
                    form: ResultForm { csv: CsvDialect { bom: true, ..CsvDialect::default() }, ..plan.form },
                    ..plan.clone()
                },
            ),
            ("milliseconds", Plan { form: ResultForm { milliseconds: true, ..plan.form }, ..plan.clone() }),
            // Another minute of the clock.
            ("grid", Plan { grid: Grid { count: plan.grid.count + 1, ..plan.grid }, ..plan.clone() }),
        ] {
            assert!(cache.body(&other, 1).is_none(), "{what}");
        }
    }
}
