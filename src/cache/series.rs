//! Puts an answer's sums together from stretches of time, asking ClickHouse in one statement for those that are missing or
//! changed.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::cut::{self, Stretch, Way, Whole};
use super::parts::Since;
use super::{Cache, Chunk, Series, Tracker};
use crate::columns::buckets::{Buckets, Tagged};
use crate::columns::tsv::AtMost;
use crate::report::plan::{Plan, Window};
use crate::report::{Shape, Table};
use crate::sql::schema::Schema;
use crate::sql::{self, Read, Set, Told};
use crate::store::{Store, StoreError};

/// What an answer was made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Use {
    /// Remembered sums only.
    Hit,
    /// Some remembered, some read.
    Partial,
    /// Read only.
    Miss,
}

impl Use {
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

/// The sums of a plan, and how they were come by.
#[derive(Debug)]
pub struct Assembled {
    /// The sums.
    pub sums: Buckets,
    /// What they were made of.
    pub used: Use,
    /// What was read for them.
    pub told: Told,
}

/// The sums of a plan as of the reading `seq` or later, and what they were made of.
///
/// # Errors
/// What became of the query.
pub async fn assemble(
    cache: &Cache,
    store: &Store,
    schema: &Schema,
    plan: &Plan,
    seq: u64,
) -> Result<Assembled, StoreError> {
    let of = |interval| Series { scope: plan.scope, report: plan.report.name, interval, filters: plan.filters.clone() };
    let (series, seconds) = (Arc::new(of(plan.interval)), Arc::new(of(Set::Seconds.interval(plan))));
    let tracker = cache.tracker(plan.report.table);
    let mut job = Job { cache, store, schema, plan, series, seconds, tracker, seq, told: Told::default() };
    // Only live calls themselves have no window, and those are no sums.
    let Some(window) = plan.window else { return Ok(job.done(Buckets::of(plan.report), Use::Miss)) };
    let mut stretches = cut::cut(plan, window);
    job.look(&mut stretches, true);
    if stretches.iter().all(|stretch| stretch.way == Way::Keep) {
        let sums = job.join(window, &stretches)?;
        return Ok(job.done(sums, Use::Hit));
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
        let miss = used.is_none() && stretches.iter().all(|stretch| stretch.way == Way::Read);
        used = Some(if miss { Use::Miss } else { Use::Partial });
        let rows = job.read(&reads).await?;
        let latest = tracker.refresh(store, Duration::ZERO).await;
        if job.settle(&mut stretches, &rows)? && job.is_of_one_moment(&stretches, latest) {
            break;
        }
        job.seq = latest;
    }
    let sums = job.join(window, &stretches)?;
    Ok(job.done(sums, used.unwrap_or(Use::Hit)))
}

struct Job<'a> {
    cache: &'a Cache,
    store: &'a Store,
    schema: &'a Schema,
    plan: &'a Plan,
    series: Arc<Series>,
    /// The same by second.
    seconds: Arc<Series>,
    tracker: &'a Tracker,
    /// The reading that the answer is to be of, or newer.
    seq: u64,
    told: Told,
}

impl Job<'_> {
    fn done(self, sums: Buckets, used: Use) -> Assembled {
        Assembled { sums, used, told: self.told }
    }

    /// What a stretch is remembered by.
    fn key(&self, stretch: &Stretch) -> (Arc<Series>, Window) {
        let series = match stretch.set {
            Set::Chunks | Set::Edges => &self.series,
            Set::Seconds => &self.seconds,
        };
        (Arc::clone(series), stretch.window)
    }

    /// Looks for each stretch in memory, and whether it still holds. New rows may be added `by_name` of their parts.
    fn look(&mut self, stretches: &mut [Stretch], by_name: bool) {
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
                None => Way::Read,
            };
        }
    }

    fn way(&self, held: &Chunk, from: i64, to: i64, by_name: bool) -> Way {
        match self.tracker.since(held.seq.load(Ordering::Acquire), self.seq, from, to) {
            Since::Same => {
                held.seq.fetch_max(self.seq, Ordering::AcqRel);
                Way::Keep
            }
            Since::Inserted(parts) if by_name && held.exact => Way::Add(parts),
            Since::Inserted(_) | Since::Changed => Way::Read,
        }
    }

    /// What to read.
    fn reads(&self, stretches: &mut [Stretch]) -> Vec<Read> {
        let reads = cut::reads(stretches);
        if reads.len() <= MOST_READS {
            return reads;
        }
        // Everything from the first to the last chunk that needs reading is read whole.
        let needs = |stretch: &Stretch| stretch.set == Set::Chunks && stretch.way != Way::Keep;
        if let (Some(first), Some(last)) = (stretches.iter().position(needs), stretches.iter().rposition(needs)) {
            stretches.iter_mut().take(last + 1).skip(first).for_each(|stretch| stretch.way = Way::Read);
        }
        cut::reads(stretches)
    }

    async fn read(&mut self, reads: &[Read]) -> Result<Tagged, StoreError> {
        let mut rows = Tagged::of(self.plan.report);
        let (plan, schema, report) = (self.plan, self.schema, self.plan.report.name);
        let (statement, read) = match plan.report.shape {
            Shape::Calls { .. } => {
                let write = |route| sql::select_reads(plan, schema, reads, route);
                self.store.read(plan.scope.tenant, write, report, &mut AtMost(&mut rows, plan.most_rows)).await?
            }
            Shape::Concurrency | Shape::LiveCalls => {
                let write = |route| sql::select(plan, schema, route);
                self.store.read(plan.scope.tenant, write, report, &mut rows.edges).await?
            }
        };
        self.told.add(&statement, read);
        Ok(rows)
    }

    /// Puts what was read into the stretches and remembers them. `false` when a part was gone before it was read by its
    /// name.
    ///
    /// What was read whole may hold rows that came after the reading `seq`; the look since then tells.
    fn settle(&self, stretches: &mut [Stretch], rows: &Tagged) -> Result<bool, StoreError> {
        let mut complete = true;
        for stretch in stretches {
            let rows = match stretch.set {
                Set::Chunks => &rows.chunks,
                Set::Edges => &rows.edges,
                Set::Seconds => &rows.seconds,
            };
            let interval = stretch.set.interval(self.plan);
            let first = stretch.window.from.div_euclid(interval) * interval;
            let mut own = Buckets::of(self.plan.report);
            own.append(rows, first, stretch.last().saturating_add(1)).ok_or_else(StoreError::overflow)?;
            let (buckets, exact) = match (&stretch.way, &stretch.held) {
                (Way::Keep, _) => continue,
                (Way::Add(parts), Some(held)) if self.tracker.has(parts) => {
                    (held.buckets.merged(&own).ok_or_else(StoreError::overflow)?, true)
                }
                (Way::Add(_), _) => {
                    complete = false;
                    continue;
                }
                // Only sums over calls add up, so live calls are always read whole.
                (Way::Read, _) => (own, self.plan.report.table == Table::Cdrs && self.is_same(stretch, u64::MAX)),
            };
            let fresh = Arc::new(Chunk { buckets, seq: AtomicU64::new(self.seq), exact });
            self.cache.chunks.insert(self.key(stretch), Arc::clone(&fresh));
            stretch.held = Some(fresh);
        }
        Ok(complete)
    }

    fn is_same(&self, stretch: &Stretch, until: u64) -> bool {
        self.tracker.since(self.seq, until, stretch.window.from, stretch.last()) == Since::Same
    }

    /// True if the table was ever in the state that the stretches show together: what was remembered still held when the
    /// rest was read.
    fn is_of_one_moment(&self, stretches: &[Stretch], latest: u64) -> bool {
        stretches.iter().all(|stretch| stretch.way == Way::Read || self.is_same(stretch, latest))
    }

    fn join(&self, window: Window, stretches: &[Stretch]) -> Result<Buckets, StoreError> {
        self.joined(window, stretches).ok_or_else(StoreError::overflow)
    }

    /// `None` when a sum leaves its range.
    fn joined(&self, window: Window, stretches: &[Stretch]) -> Option<Buckets> {
        let (interval, whole) = (self.plan.interval, Whole::of(window, self.plan.interval));
        let end = window.to.map_or(i64::MAX, |to| to + 1);
        let mut sums = Buckets::of(self.plan.report);
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
