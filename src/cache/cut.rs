//! Cuts the window of a request into segments, and groups those that are read together.

use std::sync::Arc;

use super::Chunk;
use crate::report::plan::{Plan, Window};
use crate::sql::{Read, Set};

/// Intervals in a chunk: four hours by minute, ten days by hour.
const CHUNK: i64 = 240;

/// A window of more chunks than this is kept in one piece.
const MOST_CHUNKS: i64 = 20_000;

/// The source of a segment: the cache, the cache and new parts added to it, or ClickHouse alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum SegmentSource {
    Keep,
    Add(Vec<String>),
    Read,
}

/// A segment of a window that is cached, checked and read as one.
#[derive(Debug)]
pub(super) struct CacheSegment {
    pub window: Window,
    /// A chunk, which many windows share; an edge that the request's window cuts off; or the seconds of the minute that it
    /// cuts through, of which the answer takes a part.
    pub set: Set,
    pub held: Option<Arc<Chunk>>,
    pub way: SegmentSource,
}

impl CacheSegment {
    fn new(from: i64, to: Option<i64>, set: Set) -> Self {
        Self { window: Window { from, to }, set, held: None, way: SegmentSource::Read }
    }

    /// Last second.
    pub fn last(&self) -> i64 {
        self.window.to.unwrap_or(i64::MAX)
    }
}

/// The whole intervals of a window, `[first, end)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct WholeBuckets {
    pub first: i64,
    pub end: i64,
}

impl WholeBuckets {
    pub fn of(window: Window, interval: i64) -> Self {
        let first = (window.from + interval - 1).div_euclid(interval) * interval;
        let end = window.to.map_or(i64::MAX, |to| (to + 1).div_euclid(interval) * interval);
        Self { first, end }
    }
}

/// The segments of a window: chunks that hold its whole intervals, and edges at either end. The last chunk is open, as it
/// holds the present and all after it.
pub(super) fn cut(plan: &Plan, window: Window) -> Vec<CacheSegment> {
    let (WholeBuckets { first, end }, length) = (WholeBuckets::of(window, plan.interval), plan.interval * CHUNK);
    let tail = plan.now.div_euclid(length) * length;
    let start = |second: i64| (second.div_euclid(length) * length).min(tail);
    let count = (start(end.saturating_sub(1)) - start(first)) / length + 1;
    // A snapshot's calls count or not by what else is in the window, so windows over live calls share nothing.
    if end <= first || count > MOST_CHUNKS || !plan.query.records.add_up() {
        return vec![CacheSegment::new(window.from, window.to, Set::Edges)];
    }
    let before = (window.from < first).then(|| edge(plan, window.from, first - 1));
    let after = window.to.filter(|to| end <= *to).map(|to| edge(plan, end, to));
    let chunks = (0..count).map(|place| {
        let from = start(first) + place * length;
        CacheSegment::new(from, (from != tail).then_some(from + length - 1), Set::Chunks)
    });
    before.into_iter().flatten().chain(chunks).chain(after.into_iter().flatten()).collect()
}

/// The segments of an incomplete interval, both bounds inclusive: whole minutes, and the seconds of the minute that is cut.
/// A dashboard's window moves with every second, and those seconds serve it for as long as the minute lasts; ClickHouse
/// would read some thousand calls for each of them.
fn edge(plan: &Plan, from: i64, to: i64) -> Vec<CacheSegment> {
    const MINUTE: i64 = 60;
    if plan.interval % MINUTE != 0 {
        return vec![CacheSegment::new(from, Some(to), Set::Edges)];
    }
    let seconds = |second: i64| {
        let minute = second.div_euclid(MINUTE) * MINUTE;
        CacheSegment::new(minute, Some(minute + MINUTE - 1), Set::Seconds)
    };
    let (first, end) = ((from + MINUTE - 1).div_euclid(MINUTE) * MINUTE, (to + 1).div_euclid(MINUTE) * MINUTE);
    let before = (from < first).then(|| seconds(from));
    let minutes = (first < end).then(|| CacheSegment::new(first, Some(end - 1), Set::Edges));
    let after = (end <= to).then(|| seconds(to));
    before.into_iter().chain(minutes).chain(after).collect()
}

/// The statement's reads. Neighbours from the same source are read together.
pub(super) fn reads(stretches: &[CacheSegment]) -> Vec<Read> {
    let mut reads: Vec<Read> = Vec::new();
    for stretch in stretches {
        let parts = match &stretch.way {
            SegmentSource::Keep => continue,
            SegmentSource::Add(parts) => parts.clone(),
            SegmentSource::Read => Vec::new(),
        };
        let CacheSegment { window, set, .. } = *stretch;
        let joins = |last: &Read| {
            (set, last.set) == (Set::Chunks, Set::Chunks)
                && last.window.to == Some(window.from - 1)
                && last.parts == parts
        };
        match reads.last_mut() {
            Some(last) if joins(last) => last.window.to = window.to,
            _ => reads.push(Read { window, parts, set }),
        }
    }
    reads
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use time::OffsetDateTime;

    use super::*;
    use crate::query::instant::Instant;
    use crate::query::sampling::Sampling;
    use crate::query::scope::Scope;
    use crate::query::zone::{Calendar, find};
    use crate::report::form::ResultForm;
    use crate::report::plan::Request;

    fn plan(sampling: Sampling, zone: &str, from: i64, to: Option<i64>, now: i64) -> Plan {
        let instant = |second: i64| Instant::parse(&format!("{second:010}"));
        let report = if sampling.fixed_seconds().is_some() {
            "termination-statistics-quality"
        } else {
            "termination-statistics"
        };
        let request = Request {
            report: crate::report::find(report).unwrap(),
            scope: Scope::proven(1, 2),
            from: instant(from),
            to: to.and_then(instant),
            sampling,
            calendar: Calendar::of(find(zone).unwrap()),
            filters: Vec::new(),
            fill: None,
            settle: None,
            form: ResultForm::default(),
        };
        request.plan(OffsetDateTime::from_unix_timestamp(now).unwrap(), u64::MAX).unwrap()
    }

    /// A plan whose window begins so many seconds before now and is so long, or open.
    fn plans() -> impl Strategy<Value = Plan> {
        let samplings = [Sampling::Minute, Sampling::Minutes5, Sampling::Minutes15, Sampling::Hour, Sampling::Month];
        let zones = ["UTC", "Asia/Kathmandu", "Asia/Kolkata"];
        let seconds = || prop_oneof![0..200_i64, 0..100_000_i64, 0..100_000_000_i64];
        let now =
            prop_oneof![1_790_000_000..1_790_020_000_i64, (7_450..7_460_i64).prop_map(|chunk| chunk * 240 * 900 + 1)];
        let to = prop::option::weighted(0.7, seconds());
        let (samplings, zones) = (prop::sample::select(samplings.to_vec()), prop::sample::select(zones.to_vec()));
        (samplings, zones, seconds(), to, now).prop_map(|(sampling, zone, ago, length, now)| {
            let from = (now - ago).max(1_000_000_000);
            plan(sampling, zone, from, length.map(|length| from + length), now)
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(500))]

        #[test]
        fn every_second_of_a_window_is_in_one_stretch(plan in plans(), places in prop::collection::vec(0.0..1.0_f64, 20)) {
            let window = plan.window.unwrap();
            let (stretches, whole) = (cut(&plan, window), WholeBuckets::of(window, plan.interval));
            let to = window.to.unwrap_or(plan.now + 400 * 86_400);
            let seconds = places.iter().map(|place| window.from + ((to - window.from) as f64 * place) as i64);
            let edges = [window.from, to, whole.first, whole.first - 1, whole.end.min(to), whole.end.min(to) - 1, plan.now];
            for second in seconds.chain(edges).filter(|second| (window.from..=to).contains(second)) {
                // What an answer takes of a chunk is what lies within its whole intervals.
                let shown = |stretch: &&CacheSegment| {
                    (stretch.window.from..=stretch.last()).contains(&second)
                        && match stretch.set {
                            Set::Chunks => (whole.first..whole.end).contains(&second),
                            Set::Edges => true,
                            Set::Seconds => (window.from..=to).contains(&second),
                        }
                };
                prop_assert_eq!(stretches.iter().filter(shown).count(), 1, "{}", second);
            }
            // A minute that a window cuts through serves every window that does.
            for minute in stretches.iter().filter(|stretch| stretch.set == Set::Seconds) {
                prop_assert_eq!((minute.window.from % 60, minute.last() - minute.window.from), (0, 59));
                prop_assert!(minute.window.from < window.from || minute.last() > to);
            }
            for edge in stretches.iter().filter(|stretch| stretch.set == Set::Edges) {
                prop_assert!(edge.window.from >= window.from && edge.last() <= window.to.unwrap_or(i64::MAX));
            }
        }

        #[test]
        fn chunks_are_the_same_whatever_the_window(first in plans(), second in plans()) {
            let second = Plan { interval: first.interval, now: first.now, ..second };
            let chunks = |plan: &Plan| -> Vec<CacheSegment> {
                cut(plan, plan.window.unwrap()).into_iter().filter(|stretch| stretch.set == Set::Chunks).collect()
            };
            for one in chunks(&first) {
                // Only the last one holds the present, and it is open.
                prop_assert_eq!(one.window.to.is_none(), one.last() >= first.now, "{:?}", one);
                for other in chunks(&second) {
                    let apart = one.last() < other.window.from || other.last() < one.window.from;
                    prop_assert!(apart || one.window == other.window, "{:?} {:?}", one, other);
                }
            }
        }
    }

    #[test]
    fn windows_without_a_whole_interval_or_with_too_many_chunks_are_one_stretch() {
        let now = 1_790_000_000;
        let one = |plan: Plan| {
            let stretches = cut(&plan, plan.window.unwrap());
            stretches.len() == 1 && stretches[0].set == Set::Edges && stretches[0].window == plan.window.unwrap()
        };
        assert!(one(plan(Sampling::Minute, "UTC", now - 61, Some(now - 20), now)));
        assert!(one(plan(Sampling::Month, "Africa/Monrovia", 1_000, None, now)), "intervals of ten seconds since 1970");
        assert!(one(plan(Sampling::Minute, "UTC", 1_000, Some(now), now)));
        assert!(!one(plan(Sampling::Month, "UTC", 1_000, None, now)));
    }

    #[test]
    fn many_reads_become_one_and_edges_stay_what_they_are() {
        let stretch = |from: i64, set, way| CacheSegment { way, ..CacheSegment::new(from, Some(from + 9), set) };
        let part = || SegmentSource::Add(vec!["a".into()]);
        let stretches = [
            stretch(0, Set::Edges, SegmentSource::Read),
            stretch(10, Set::Chunks, SegmentSource::Read),
            stretch(20, Set::Chunks, SegmentSource::Read),
            stretch(30, Set::Chunks, SegmentSource::Keep),
            stretch(40, Set::Chunks, part()),
            stretch(50, Set::Chunks, part()),
            stretch(60, Set::Chunks, SegmentSource::Add(vec!["b".into()])),
            stretch(70, Set::Edges, SegmentSource::Read),
            stretch(80, Set::Seconds, SegmentSource::Read),
        ];
        let told = |reads: Vec<Read>| -> Vec<(i64, Option<i64>, String, Set)> {
            reads.into_iter().map(|read| (read.window.from, read.window.to, read.parts.join(" "), read.set)).collect()
        };
        assert_eq!(
            told(reads(&stretches)),
            [
                (0, Some(9), String::new(), Set::Edges),
                (10, Some(29), String::new(), Set::Chunks),
                (40, Some(59), "a".into(), Set::Chunks),
                (60, Some(69), "b".into(), Set::Chunks),
                (70, Some(79), String::new(), Set::Edges),
                (80, Some(89), String::new(), Set::Seconds),
            ]
        );
    }
}
