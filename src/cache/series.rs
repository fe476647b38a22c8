//! Puts an answer's sums together from chunks, asking ClickHouse in one statement for those that are missing or changed.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use uuid::Uuid;

use super::parts::Since;
use super::{Cache, Chunk, Series, Tracker};
use crate::columns::buckets::{Buckets, Tagged};
use crate::report::Table;
use crate::report::figure;
use crate::report::plan::{Plan, Window};
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

/// A window of more chunks than this is read at once and not remembered.
const MOST_CHUNKS: i64 = 20_000;

/// More reads than this in one statement are joined into one.
const MOST_READS: usize = 12;

/// The window of a request, cut into an edge, whole intervals and another edge.
struct Layout {
    window: Window,
    /// First whole interval.
    first: i64,
    /// End of the last whole interval; open if the window is.
    end: Option<i64>,
    length: i64,
    /// Start of the last chunk, which holds the present and everything after it.
    tail: i64,
}

impl Layout {
    /// `None` when the window holds no whole interval, or too many chunks.
    fn new(plan: &Plan, window: Window) -> Option<Self> {
        let (interval, length) = (plan.interval, plan.interval * CHUNK);
        let first = (window.from + interval - 1).div_euclid(interval) * interval;
        let end = window.to.map(|to| (to + 1).div_euclid(interval) * interval);
        let tail = plan.now.div_euclid(length) * length;
        let layout = Self { window, first, end, length, tail };
        let chunks = (layout.last_start() - layout.first_start()) / length + 1;
        (end.is_none_or(|end| end > first) && chunks <= MOST_CHUNKS).then_some(layout)
    }

    fn first_start(&self) -> i64 {
        (self.first.div_euclid(self.length) * self.length).min(self.tail)
    }

    fn last_start(&self) -> i64 {
        self.end.map_or(self.tail, |end| ((end - 1).div_euclid(self.length) * self.length).min(self.tail))
    }

    fn starts(&self) -> impl Iterator<Item = i64> + use<> {
        let length = self.length;
        let count = (self.last_start() - self.first_start()) / length + 1;
        let first = self.first_start();
        (0..count).map(move |i| first + i * length)
    }

    /// Last second of the chunk; open for the tail.
    fn last_second(&self, start: i64) -> Option<i64> {
        (start != self.tail).then_some(start + self.length - 1)
    }

    fn edges(&self) -> impl Iterator<Item = Window> {
        let before =
            (self.window.from < self.first).then_some(Window { from: self.window.from, to: Some(self.first - 1) });
        let after = match (self.end, self.window.to) {
            (Some(end), Some(to)) if end <= to => Some(Window { from: end, to: Some(to) }),
            _ => None,
        };
        before.into_iter().chain(after)
    }
}

/// How a chunk is come by.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Way {
    Keep,
    Add(Vec<String>),
    Read,
}

/// The sums of a plan over CDRs, and what they were made of. The tracker must be fresh.
///
/// # Errors
/// What became of the query.
pub async fn assemble(
    cache: &Cache,
    store: &Store,
    schema: &Schema,
    plan: &Plan,
) -> Result<(Buckets, Use), StoreError> {
    let layout = plan.window.and_then(|window| Layout::new(plan, window));
    let Some(layout) = layout else {
        let mut sums = Buckets::new(&figure::sums(plan.report.figures));
        store.read(&sql::select(plan, schema), Uuid::new_v4(), plan.report.name, &mut sums).await?;
        return Ok((sums, Use::Miss));
    };
    let series = Arc::new(Series {
        scope: plan.scope,
        report: plan.report.name,
        interval: plan.interval,
        filters: plan.filters.clone(),
    });
    let turn = cache.turn(&series);
    let _turn = turn.lock().await;
    let job = Job { cache, store, schema, plan, layout, series, tracker: cache.tracker(Table::Cdrs) };
    match job.run(true).await? {
        Some(done) => Ok(done),
        // A part was merged away while it was read by its name: without names nothing can be missed.
        None => job.run(false).await?.ok_or_else(StoreError::overflow),
    }
}

struct Job<'a> {
    cache: &'a Cache,
    store: &'a Store,
    schema: &'a Schema,
    plan: &'a Plan,
    layout: Layout,
    series: Arc<Series>,
    tracker: &'a Tracker,
}

impl Job<'_> {
    /// `None` when a named part was gone at the end.
    async fn run(&self, by_name: bool) -> Result<Option<(Buckets, Use)>, StoreError> {
        let seq = self.tracker.seq();
        let mut chunks: Vec<(i64, Option<Arc<Chunk>>, Way)> =
            self.layout.starts().map(|start| self.look(start, seq, by_name)).collect();
        let mut reads = self.reads(&chunks);
        if reads.len() > MOST_READS {
            join(&mut chunks);
            reads = self.reads(&chunks);
        }
        let kept = chunks.iter().filter(|(_, _, way)| *way != Way::Read).count();
        let edges = self.layout.edges().map(|window| Read { window, parts: Vec::new(), edge: true });
        reads.extend(edges);
        let mut rows = Tagged::new(&figure::sums(self.plan.report.figures));
        if !reads.is_empty() {
            let statement = sql::select_reads(self.plan, self.schema, &reads);
            self.store.read(&statement, Uuid::new_v4(), self.plan.report.name, &mut rows).await?;
            if !self.settle(&mut chunks, &rows.chunks, seq).await? {
                return Ok(None);
            }
        }
        let used = match (reads.is_empty(), kept) {
            (true, _) => Use::Hit,
            (false, 0) => Use::Miss,
            (false, _) => Use::Partial,
        };
        let sums = self.join(&chunks, &rows.edges).ok_or_else(StoreError::overflow)?;
        Ok(Some((sums, used)))
    }

    fn look(&self, start: i64, seq: u64, by_name: bool) -> (i64, Option<Arc<Chunk>>, Way) {
        let Some(chunk) = self.cache.chunks.get(&(Arc::clone(&self.series), self.key(start))) else {
            return (start, None, Way::Read);
        };
        let last = self.layout.last_second(start).unwrap_or(i64::MAX);
        let way = match self.tracker.since(chunk.seq.load(Ordering::Acquire), start, last) {
            Since::Same => {
                chunk.seq.fetch_max(seq, Ordering::AcqRel);
                Way::Keep
            }
            Since::Inserted(parts) if by_name && chunk.exact => Way::Add(parts),
            Since::Inserted(_) | Since::Changed => Way::Read,
        };
        (start, Some(chunk), way)
    }

    /// A closed chunk and a tail that begin alike are two things.
    fn key(&self, start: i64) -> i64 {
        if start == self.layout.tail { -1 - start } else { start }
    }

    /// Neighbours that are come by in the same way are read together.
    fn reads(&self, chunks: &[(i64, Option<Arc<Chunk>>, Way)]) -> Vec<Read> {
        let mut reads: Vec<Read> = Vec::new();
        for (start, _, way) in chunks {
            let parts = match way {
                Way::Keep => continue,
                Way::Add(parts) => parts.clone(),
                Way::Read => Vec::new(),
            };
            let to = self.layout.last_second(*start);
            match reads.last_mut() {
                Some(last) if last.window.to == Some(start - 1) && last.parts == parts => last.window.to = to,
                _ => reads.push(Read { window: Window { from: *start, to }, parts, edge: false }),
            }
        }
        reads
    }

    /// Puts what was read into the chunks and remembers them. `false` when a named part was gone.
    ///
    /// A chunk that was read whole may hold rows that came after the reading `seq`; a second look at the parts tells.
    async fn settle(
        &self,
        chunks: &mut [(i64, Option<Arc<Chunk>>, Way)],
        rows: &Buckets,
        seq: u64,
    ) -> Result<bool, StoreError> {
        self.tracker.refresh(self.store, Duration::ZERO).await;
        for (start, chunk, way) in chunks {
            let end = self.layout.last_second(*start).map_or(i64::MAX, |last| last + 1);
            let mut own = Buckets::new(&figure::sums(self.plan.report.figures));
            own.append(rows, *start, end).ok_or_else(StoreError::overflow)?;
            let (buckets, exact) = match (&*way, &*chunk) {
                (Way::Keep, _) => continue,
                (Way::Add(parts), Some(old)) if self.tracker.has(parts) => {
                    (old.buckets.merged(&own).ok_or_else(StoreError::overflow)?, true)
                }
                (Way::Add(_), _) => return Ok(false),
                (Way::Read, _) => (own, self.tracker.since(seq, *start, end - 1) == Since::Same),
            };
            let fresh = Arc::new(Chunk { buckets, seq: AtomicU64::new(seq), exact });
            self.cache.chunks.insert((Arc::clone(&self.series), self.key(*start)), Arc::clone(&fresh));
            *chunk = Some(fresh);
        }
        Ok(true)
    }

    fn join(&self, chunks: &[(i64, Option<Arc<Chunk>>, Way)], edges: &Buckets) -> Option<Buckets> {
        let end = self.layout.end.unwrap_or(i64::MAX);
        let mut sums = Buckets::new(&figure::sums(self.plan.report.figures));
        sums.append(edges, i64::MIN, self.layout.first)?;
        for (_, chunk, _) in chunks {
            sums.append(&chunk.as_ref()?.buckets, self.layout.first, end)?;
        }
        sums.append(edges, end, i64::MAX)?;
        Some(sums)
    }
}

/// Everything from the first to the last chunk that needs reading is read whole.
fn join(chunks: &mut [(i64, Option<Arc<Chunk>>, Way)]) {
    let needs = |chunk: &(i64, Option<Arc<Chunk>>, Way)| chunk.2 != Way::Keep;
    let (Some(first), Some(last)) = (chunks.iter().position(needs), chunks.iter().rposition(needs)) else { return };
    let range: Range<usize> = first..last + 1;
    if let Some(chunks) = chunks.get_mut(range) {
        chunks.iter_mut().for_each(|chunk| chunk.2 = Way::Read);
    }
}
