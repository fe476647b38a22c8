//! Puts an answer's sums together from stretches of time, asking ClickHouse in one statement for those that are missing or
//! changed.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use uuid::Uuid;

use super::parts::Since;
use super::{Cache, Chunk, Series, Tracker};
use crate::columns::buckets::{Buckets, Tagged};
use crate::report::figure::{self, Sum};
use crate::report::plan::{Plan, Window};
use crate::report::{Shape, Table};
use crate::sql::schema::Schema;
use crate::sql::{self, Read};
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

/// Intervals in a chunk: four hours by minute, ten days by hour.
const CHUNK: i64 = 240;

/// A window of more chunks than this is kept in one piece.
const MOST_CHUNKS: i64 = 20_000;

/// More reads than this in one statement are joined into one.
const MOST_READS: usize = 12;

/// How a stretch is come by.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Way {
    Keep,
    Add(Vec<String>),
    Read,
}

/// Part of a window that is remembered, checked and read as one.
#[derive(Debug)]
struct Stretch {
    window: Window,
    /// Whether it is cut off by the request's window rather than a chunk, which many windows share.
    edge: bool,
    held: Option<Arc<Chunk>>,
    way: Way,
}

impl Stretch {
    fn new(from: i64, to: Option<i64>, edge: bool) -> Self {
        Self { window: Window { from, to }, edge, held: None, way: Way::Read }
    }

    /// Last second.
    fn last(&self) -> i64 {
        self.window.to.unwrap_or(i64::MAX)
    }
}

/// The whole intervals of a window, `[first, end)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Whole {
    first: i64,
    end: i64,
}

impl Whole {
    fn of(window: Window, interval: i64) -> Self {
        let first = (window.from + interval - 1).div_euclid(interval) * interval;
        let end = window.to.map_or(i64::MAX, |to| (to + 1).div_euclid(interval) * interval);
        Self { first, end }
    }
}

/// The window in stretches: chunks that hold its whole intervals, the last of them open as it holds the present and all
/// after it, and an edge at either end.
fn cut(plan: &Plan, window: Window) -> Vec<Stretch> {
    let (Whole { first, end }, length) = (Whole::of(window, plan.interval), plan.interval * CHUNK);
    let tail = plan.now.div_euclid(length) * length;
    let start = |second: i64| (second.div_euclid(length) * length).min(tail);
    let count = (start(end.saturating_sub(1)) - start(first)) / length + 1;
    // A snapshot's calls count or not by what else is in the window, so windows over live calls share nothing.
    if end <= first || count > MOST_CHUNKS || plan.report.table == Table::ActiveCalls {
        return vec![Stretch::new(window.from, window.to, true)];
    }
    let before = (window.from < first).then(|| Stretch::new(window.from, Some(first - 1), true));
    let after = window.to.filter(|to| end <= *to).map(|to| Stretch::new(end, Some(to), true));
    let chunks = (0..count).map(|place| {
        let from = start(first) + place * length;
        Stretch::new(from, (from != tail).then_some(from + length - 1), false)
    });
    before.into_iter().chain(chunks).chain(after).collect()
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
) -> Result<(Buckets, Use), StoreError> {
    let series = Arc::new(Series {
        scope: plan.scope,
        report: plan.report.name,
        interval: plan.interval,
        filters: plan.filters.clone(),
    });
    let sums = figure::sums(plan.report.figures);
    let tracker = cache.tracker(plan.report.table);
    let mut job = Job { cache, store, schema, plan, sums, series, tracker, seq };
    // Only live calls themselves have no window, and those are no sums.
    let Some(window) = plan.window else { return Ok((Buckets::new(&job.sums), Use::Miss)) };
    let mut stretches = cut(plan, window);
    job.look(&mut stretches, true);
    if stretches.iter().all(|stretch| stretch.way == Way::Keep) {
        return Ok((job.join(window, &stretches)?, Use::Hit));
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
    Ok((job.join(window, &stretches)?, used.unwrap_or(Use::Hit)))
}

struct Job<'a> {
    cache: &'a Cache,
    store: &'a Store,
    schema: &'a Schema,
    plan: &'a Plan,
    sums: Vec<Sum>,
    series: Arc<Series>,
    tracker: &'a Tracker,
    /// The reading that the answer is to be of, or newer.
    seq: u64,
}

impl Job<'_> {
    /// Looks for each stretch in memory, and whether it still holds. New rows may be added `by_name` of their parts.
    fn look(&self, stretches: &mut [Stretch], by_name: bool) {
        for stretch in stretches {
            stretch.held = self.cache.chunks.get(&(Arc::clone(&self.series), stretch.window));
            let Some(held) = &stretch.held else {
                stretch.way = Way::Read;
                continue;
            };
            let since = held.seq.load(Ordering::Acquire);
            stretch.way = match self.tracker.since(since, self.seq, stretch.window.from, stretch.last()) {
                Since::Same => {
                    held.seq.fetch_max(self.seq, Ordering::AcqRel);
                    Way::Keep
                }
                Since::Inserted(parts) if by_name && held.exact => Way::Add(parts),
                Since::Inserted(_) | Since::Changed => Way::Read,
            };
        }
    }

    /// What to read. Neighbours that are come by in the same way are read together.
    fn reads(&self, stretches: &mut [Stretch]) -> Vec<Read> {
        let reads = reads(stretches);
        if reads.len() <= MOST_READS {
            return reads;
        }
        // Everything from the first to the last chunk that needs reading is read whole.
        let needs = |stretch: &Stretch| !stretch.edge && stretch.way != Way::Keep;
        if let (Some(first), Some(last)) = (stretches.iter().position(needs), stretches.iter().rposition(needs)) {
            stretches.iter_mut().take(last + 1).skip(first).for_each(|stretch| stretch.way = Way::Read);
        }
        self::reads(stretches)
    }

    async fn read(&self, reads: &[Read]) -> Result<Tagged, StoreError> {
        let mut rows = Tagged::new(&self.sums);
        let (id, report) = (Uuid::new_v4(), self.plan.report.name);
        match self.plan.report.shape {
            Shape::Calls { .. } => {
                let statement = sql::select_reads(self.plan, self.schema, reads);
                self.store.read(&statement, id, report, &mut rows).await?;
            }
            Shape::Concurrency | Shape::LiveCalls => {
                self.store.read(&sql::select(self.plan, self.schema), id, report, &mut rows.edges).await?;
            }
        }
        Ok(rows)
    }

    /// Puts what was read into the stretches and remembers them. `false` when a part was gone before it was read by its
    /// name.
    ///
    /// What was read whole may hold rows that came after the reading `seq`; the look since then tells.
    fn settle(&self, stretches: &mut [Stretch], rows: &Tagged) -> Result<bool, StoreError> {
        let mut complete = true;
        for stretch in stretches {
            let rows = if stretch.edge { &rows.edges } else { &rows.chunks };
            let first = stretch.window.from.div_euclid(self.plan.interval) * self.plan.interval;
            let mut own = Buckets::new(&self.sums);
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
            self.cache.chunks.insert((Arc::clone(&self.series), stretch.window), Arc::clone(&fresh));
            stretch.held = Some(fresh);
        }
        Ok(complete)
    }

    fn is_same(&self, stretch: &Stretch, until: u64) -> bool {
        self.tracker.since(self.seq, until, stretch.window.from, stretch.last()) == Since::Same
    }

    /// Whether the table was ever in the state that the stretches show together: what was remembered still held when the
    /// rest was read.
    fn is_of_one_moment(&self, stretches: &[Stretch], latest: u64) -> bool {
        stretches.iter().all(|stretch| stretch.way == Way::Read || self.is_same(stretch, latest))
    }

    fn join(&self, window: Window, stretches: &[Stretch]) -> Result<Buckets, StoreError> {
        let whole = Whole::of(window, self.plan.interval);
        let mut sums = Buckets::new(&self.sums);
        for stretch in stretches {
            let (from, end) = if stretch.edge { (i64::MIN, i64::MAX) } else { (whole.first, whole.end) };
            let held = stretch.held.as_ref().map(|held| sums.append(&held.buckets, from, end));
            held.flatten().ok_or_else(StoreError::overflow)?;
        }
        Ok(sums)
    }
}

fn reads(stretches: &[Stretch]) -> Vec<Read> {
    let mut reads: Vec<Read> = Vec::new();
    for stretch in stretches {
        let parts = match &stretch.way {
            Way::Keep => continue,
            Way::Add(parts) => parts.clone(),
            Way::Read => Vec::new(),
        };
        let Stretch { window, edge, .. } = *stretch;
        let joins = |last: &Read| !edge && !last.edge && last.window.to == Some(window.from - 1) && last.parts == parts;
        match reads.last_mut() {
            Some(last) if joins(last) => last.window.to = window.to,
            _ => reads.push(Read { window, parts, edge }),
        }
    }
    reads
}
