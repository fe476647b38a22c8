//! Assembles a result's aggregates from segments of time. One statement reads those that are missing from the cache or have
//! changed.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::cut::{self, CacheSegment, SegmentSource, WholeBuckets};
use super::parts::Since;
use super::{Cache, Chunk, SumsKey, Tracker};
use crate::columns::buckets::{Buckets, Tagged};
use crate::columns::tsv::AtMost;
use crate::report::plan::{Plan, Window};
use crate::report::query::Records;
use crate::sql::schema::Schema;
use crate::sql::{self, Read, Set, Trace};
use crate::store::{Store, StoreError};

/// The cache status of a result: hit, partial or miss.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CacheStatus {
    /// Cached aggregates only.
    Hit,
    /// Some cached, some read.
    Partial,
    /// Read only.
    Miss,
}

impl CacheStatus {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Hit, Self::Partial, Self::Miss];

    /// The word of `X-Cache`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Hit => "hit",
            Self::Partial => "partial",
            Self::Miss => "miss",
        }
    }
}

/// More reads than this in one statement are joined into one.
const MOST_READS: usize = 12;

/// The aggregates of a plan, and their trace.
#[derive(Debug)]
pub struct Assembled {
    /// The sums.
    pub sums: Buckets,
    /// The cache status.
    pub used: CacheStatus,
    /// The statements that ran, and the rows that they read.
    pub trace: Trace,
}

/// Assembles the aggregates of a plan from cache and ClickHouse, as of the freshness check `seq` or later.
///
/// # Errors
/// The query failed, took too long, or found no slot; or a sum does not fit its type.
pub async fn assemble(
    cache: &Cache,
    store: &Store,
    schema: &Schema,
    plan: &Plan,
    seq: u64,
) -> Result<Assembled, StoreError> {
    let of = |interval| Arc::new(SumsKey::of(&plan.query, interval));
    let (series, seconds) = (of(plan.interval), of(Set::Seconds.interval(plan)));
    let tracker = cache.tracker(plan.query.records.table());
    let mut job = Job { cache, store, schema, plan, series, seconds, tracker, seq, trace: Trace::default() };
    // Only live calls themselves have no window, and those are no sums.
    let Some(window) = plan.window else { return Ok(job.done(Buckets::of(&plan.query), CacheStatus::Miss)) };
    let mut stretches = cut::cut(plan, window);
    job.look(&mut stretches, true);
    if stretches.iter().all(|stretch| stretch.way == SegmentSource::Keep) {
        let sums = job.join(window, &stretches)?;
        return Ok(job.done(sums, CacheStatus::Hit));
    }
    let turn = cache.turn(&job.series);
    let _turn = tokio::time::timeout(store.patience(), turn.lock()).await.map_err(|_late| StoreError::slow())?;
    let mut used = None;
    for last in [false, false, true] {
        // Without names nothing can be missed, so the last time is good in any case.
        job.look(&mut stretches, !last);
        let reads = job.reads(&mut stretches);
        if reads.is_empty() {
            break;
        }
        let miss = used.is_none() && stretches.iter().all(|stretch| stretch.way == SegmentSource::Read);
        used = Some(if miss { CacheStatus::Miss } else { CacheStatus::Partial });
        let rows = job.read(&reads).await?;
        let latest = tracker.refresh(store, Duration::ZERO).await;
        if job.settle(&mut stretches, &rows)? && job.is_of_one_moment(&stretches, latest) {
            break;
        }
        job.seq = latest;
    }
    let sums = job.join(window, &stretches)?;
    Ok(job.done(sums, used.unwrap_or(CacheStatus::Hit)))
}

struct Job<'a> {
    cache: &'a Cache,
    store: &'a Store,
    schema: &'a Schema,
    plan: &'a Plan,
    series: Arc<SumsKey>,
    /// The same by second.
    seconds: Arc<SumsKey>,
    tracker: &'a Tracker,
    /// The reading that the answer is to be of, or newer.
    seq: u64,
    trace: Trace,
}

impl Job<'_> {
    fn done(self, sums: Buckets, used: CacheStatus) -> Assembled {
        Assembled { sums, used, trace: self.trace }
    }

    /// The cache key of a segment.
    fn key(&self, stretch: &CacheSegment) -> (Arc<SumsKey>, Window) {
        let series = match stretch.set {
            Set::Chunks | Set::Edges => &self.series,
            Set::Seconds => &self.seconds,
        };
        (Arc::clone(series), stretch.window)
    }

    /// Finds each segment's cache entry and checks that it still holds. New rows may be added `by_name` of their parts.
    fn look(&mut self, stretches: &mut [CacheSegment], by_name: bool) {
        for stretch in stretches.iter_mut() {
            stretch.held = self.cache.chunks.get(&self.key(stretch));
        }
        // All of an answer is of one moment, so the newest of what is held sets it.
        let seqs =
            stretches.iter().filter_map(|stretch| stretch.held.as_ref()).map(|held| held.seq.load(Ordering::Acquire));
        self.seq = seqs.fold(self.seq, u64::max);
        for stretch in stretches {
            stretch.way = match &stretch.held {
                Some(held) => self.way(held, stretch.window.from, stretch.last(), by_name),
                None => SegmentSource::Read,
            };
        }
    }

    fn way(&self, held: &Chunk, from: i64, to: i64, by_name: bool) -> SegmentSource {
        match self.tracker.since(held.seq.load(Ordering::Acquire), self.seq, from, to) {
            Since::Same => {
                held.seq.fetch_max(self.seq, Ordering::AcqRel);
                SegmentSource::Keep
            }
            Since::Inserted(parts) if by_name && held.exact => SegmentSource::Add(parts),
            Since::Inserted(_) | Since::Changed => SegmentSource::Read,
        }
    }

    /// The reads for these segments. Above [`MOST_READS`], chunks between those to read are read too.
    fn reads(&self, stretches: &mut [CacheSegment]) -> Vec<Read> {
        let reads = cut::reads(stretches);
        if reads.len() <= MOST_READS {
            return reads;
        }
        // Everything from the first to the last chunk that needs reading is read whole.
        let needs = |stretch: &CacheSegment| stretch.set == Set::Chunks && stretch.way != SegmentSource::Keep;
        if let (Some(first), Some(last)) = (stretches.iter().position(needs), stretches.iter().rposition(needs)) {
            stretches.iter_mut().take(last + 1).skip(first).for_each(|stretch| stretch.way = SegmentSource::Read);
        }
        cut::reads(stretches)
    }

    async fn read(&mut self, reads: &[Read]) -> Result<Tagged, StoreError> {
        let mut rows = Tagged::of(&self.plan.query);
        let (plan, schema, report) = (self.plan, self.schema, self.plan.report);
        let (statement, read) = match plan.query.records {
            Records::Calls(_) | Records::Attempts(_) => {
                let write = |mode| sql::select_reads(plan, schema, reads, mode);
                self.store
                    .read(plan.query.scope.tenant(), write, report, &mut AtMost(&mut rows, plan.most_rows))
                    .await?
            }
            Records::Concurrency(_) | Records::LiveCalls(_) => {
                let write = |mode| sql::select(plan, schema, mode);
                self.store.read(plan.query.scope.tenant(), write, report, &mut rows.edges).await?
            }
        };
        self.trace.add(&statement, read);
        Ok(rows)
    }

    /// Puts the rows into their segments and caches them. `false` if a part was gone before it was read by its name.
    ///
    /// Segments that were read whole may hold rows from after `seq`; the next freshness check shows it.
    fn settle(&self, stretches: &mut [CacheSegment], rows: &Tagged) -> Result<bool, StoreError> {
        let mut complete = true;
        for stretch in stretches {
            let rows = match stretch.set {
                Set::Chunks => &rows.chunks,
                Set::Edges => &rows.edges,
                Set::Seconds => &rows.seconds,
            };
            let interval = stretch.set.interval(self.plan);
            let first = stretch.window.from.div_euclid(interval) * interval;
            let mut own = Buckets::of(&self.plan.query);
            own.append(rows, first, stretch.last().saturating_add(1)).ok_or_else(StoreError::overflow)?;
            let (buckets, exact) = match (&stretch.way, &stretch.held) {
                (SegmentSource::Keep, _) => continue,
                (SegmentSource::Add(parts), Some(held)) if self.tracker.has(parts) => {
                    (held.buckets.merged(&own).ok_or_else(StoreError::overflow)?, true)
                }
                (SegmentSource::Add(_), _) => {
                    complete = false;
                    continue;
                }
                // Only sums over calls add up, so live calls are always read whole.
                (SegmentSource::Read, _) => (own, self.plan.query.records.add_up() && self.is_same(stretch, u64::MAX)),
            };
            let fresh = Arc::new(Chunk { buckets, seq: AtomicU64::new(self.seq), exact });
            self.cache.chunks.insert(self.key(stretch), Arc::clone(&fresh));
            stretch.held = Some(fresh);
        }
        Ok(complete)
    }

    fn is_same(&self, stretch: &CacheSegment, until: u64) -> bool {
        self.tracker.since(self.seq, until, stretch.window.from, stretch.last()) == Since::Same
    }

    /// True if the table was ever in the state that the segments show together: the cached ones still held when the rest
    /// was read.
    fn is_of_one_moment(&self, stretches: &[CacheSegment], latest: u64) -> bool {
        stretches.iter().all(|stretch| stretch.way == SegmentSource::Read || self.is_same(stretch, latest))
    }

    fn join(&self, window: Window, stretches: &[CacheSegment]) -> Result<Buckets, StoreError> {
        self.joined(window, stretches).ok_or_else(StoreError::overflow)
    }

    /// `None` when a sum leaves its range.
    fn joined(&self, window: Window, stretches: &[CacheSegment]) -> Option<Buckets> {
        let (interval, whole) = (self.plan.interval, WholeBuckets::of(window, self.plan.interval));
        let end = window.to.map_or(i64::MAX, |to| to + 1);
        let mut sums = Buckets::of(&self.plan.query);
        // Stretches of one end belong to one bucket.
        let mut edge: Option<Buckets> = None;
        for stretch in stretches {
            let held = &stretch.held.as_ref()?.buckets;
            let cut_off = match stretch.set {
                Set::Chunks => {
                    if let Some(edge) = edge.take() {
                        sums.append(&edge, i64::MIN, i64::MAX)?;
                    }
                    sums.append(held, whole.first, whole.end)?;
                    continue;
                }
                Set::Edges => held.clone(),
                Set::Seconds => held.coarser(window.from, end, interval)?,
            };
            edge = Some(match edge {
                Some(edge) => edge.merged(&cut_off)?,
                None => cut_off,
            });
        }
        if let Some(edge) = edge {
            sums.append(&edge, i64::MIN, i64::MAX)?;
        }
        Some(sums)
    }
}
