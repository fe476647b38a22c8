//! When something went wrong with an account's calls: the share of answered calls collapsed, or no calls came at all. The
//! rule is pure: counts by quarter of an hour in, incidents out. docs/grafana.md says it in words.
//!
//! Usual is what the same hour of the day had on the seven days before. All bounds are constants here, each with its
//! reason: they were chosen so that the made-up world's incidents are found and nothing else is (tests/it/grafana).

/// Length of a bucket, seconds: long enough to count calls in, short enough to say when it began.
pub const BUCKET: i64 = 900;
/// Days that "usual" is made of: all days of a week, so that a Monday is not compared with a Sunday alone.
pub const DAYS: i64 = 7;
/// CDRs come when calls end, failed ones first, so a bucket looks worse than it is until its calls have ended. Most of them
/// have a quarter of an hour later; until then it is not judged.
pub const SETTLED: i64 = 900;

const DAY: i64 = 86_400;
const HOUR: i64 = 3600;

/// What is usual is known from at least so many calls, on at least so many days.
const FEWEST_USUAL_CALLS: u64 = 100;
const FEWEST_USUAL_DAYS: i64 = 2;
/// An incident has at least so many calls: fewer are no reason to wake anybody.
const FEWEST_CALLS: u64 = 30;
/// A collapse is taken to halve the share of answered calls, and all of an incident together has less than this share of the
/// usual ASR. A tenth less is a bad day, not an incident.
const COLLAPSED: f64 = 0.5;
const FAR_BELOW: f64 = 0.6;
/// How much likelier what was seen is after a collapse than as usual, as a natural logarithm: a million times. An operator has
/// some hundred thousand buckets a day, so by chance there is an incident in a week or less often.
const EVIDENCE: f64 = 13.8;
/// An incident is over when what came since is a hundred times likelier as usual.
const OVER: f64 = 4.6;
/// No calls in so many buckets, each of which usually has so many: by chance that happens once in e^20 times, and still once in
/// thousands where traffic is half of the usual.
const SILENT_BUCKETS: usize = 2;
const SILENT_USUAL: f64 = 10.0;

/// The calls of a bucket.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// All of them.
    pub calls: u64,
    /// Those that were answered.
    pub answered: u64,
}

impl Counts {
    /// Adds the calls of another bucket.
    pub fn add(&mut self, other: Self) {
        self.calls += other.calls;
        self.answered += other.answered;
    }

    /// The share that was answered; 0 of none.
    fn asr(self) -> f64 {
        if self.calls == 0 { 0.0 } else { self.answered as f64 / self.calls as f64 }
    }
}

/// What went wrong.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    /// Far fewer calls than usual were answered.
    AsrCollapse {
        /// The usual share of answered calls, 0 to 1.
        usual: f64,
    },
    /// No calls.
    TrafficStop {
        /// The usual number of calls in as many buckets.
        usual: f64,
    },
}

/// Something that went wrong.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Incident {
    /// What.
    pub kind: Kind,
    /// Its first second.
    pub start: i64,
    /// The second after its last.
    pub end: i64,
    /// The calls in it.
    pub counts: Counts,
    /// True if it reaches to the last bucket that can be judged.
    pub goes_on: bool,
}

/// Calls by bucket.
#[derive(Clone, Debug)]
pub struct Series {
    first: i64,
    counts: Vec<Counts>,
    hours: Vec<Counts>,
}

impl Series {
    /// The calls of buckets one after the other; the first begins at `first`, a full hour.
    pub fn new(first: i64, counts: Vec<Counts>) -> Self {
        let hours = counts.chunks((HOUR / BUCKET) as usize).map(|hour| {
            let mut sum = Counts::default();
            hour.iter().for_each(|counts| sum.add(*counts));
            sum
        });
        Self { first, hours: hours.collect(), counts }
    }

    fn at(&self, bucket: i64) -> Counts {
        index(bucket - self.first, BUCKET).and_then(|i| self.counts.get(i)).copied().unwrap_or_default()
    }

    fn hour(&self, hour: i64) -> Option<Counts> {
        index(hour - self.first, HOUR).and_then(|i| self.hours.get(i)).copied()
    }

    /// The calls of a bucket's hour on the days before, and how many days there are: from the first with any call on.
    fn usual(&self, bucket: i64) -> (Counts, i64) {
        let (mut sum, mut days) = (Counts::default(), 0);
        for back in 1..=DAYS {
            let Some(hour) = self.hour(bucket - back * DAY) else { continue };
            sum.add(hour);
            if hour.calls > 0 {
                days = back;
            }
        }
        (sum, days)
    }

    /// When far fewer calls were answered than usual, within `[from, to)`, which are full buckets.
    pub fn asr_collapses(&self, from: i64, to: i64) -> Vec<Incident> {
        if self.hours.iter().map(|hour| hour.calls).sum::<u64>() < FEWEST_USUAL_CALLS {
            return Vec::new();
        }
        let (mut found, mut open): (Vec<Incident>, Option<(Run, Run)>) = (Vec::new(), None);
        for bucket in (from..to).step_by(BUCKET as usize) {
            let here = self.run(bucket);
            // The run so far, and as it was when the evidence was strongest: that is where it ends, if nothing more comes.
            let (run, mut best) = match open.take() {
                Some((run, best)) => (run.with(here), best),
                None if here.evidence > 0.0 => (here, here),
                None => continue,
            };
            if run.evidence >= best.evidence {
                best = run;
            }
            if run.evidence > (best.evidence - OVER).max(0.0) {
                open = Some((run, best));
                continue;
            }
            found.extend(best.incident(to));
        }
        found.extend(open.and_then(|(_, best)| best.incident(to)));
        found
    }

    /// One bucket by itself. Where too little is known of what is usual it is no evidence.
    fn run(&self, bucket: i64) -> Run {
        let counts = self.at(bucket);
        let run = Run { start: bucket, end: bucket + BUCKET, counts, expected: 0.0, evidence: 0.0 };
        // Most buckets of most countries have no calls, and are no evidence either.
        if counts.calls == 0 {
            return run;
        }
        let (usual, days) = self.usual(bucket);
        if usual.calls < FEWEST_USUAL_CALLS || days < FEWEST_USUAL_DAYS {
            return run;
        }
        // The usual share is known from so many calls only, so it may be less than they say.
        let (share, calls) = (usual.asr(), usual.calls as f64);
        let share = (share - 2.0 * (share * (1.0 - share) / calls).sqrt()).clamp(0.0, 0.99);
        let answered = counts.answered as f64;
        let failed = counts.calls as f64 - answered;
        let evidence = answered * COLLAPSED.ln() + failed * ((1.0 - COLLAPSED * share) / (1.0 - share)).ln();
        Run { expected: counts.calls as f64 * usual.asr(), evidence, ..run }
    }

    /// When no calls came although there usually are many, within `[from, to)`, which are full buckets.
    pub fn traffic_stops(&self, from: i64, to: i64) -> Vec<Incident> {
        let (mut found, mut silent): (Vec<Incident>, Vec<(i64, f64)>) = (Vec::new(), Vec::new());
        for bucket in (from..=to).step_by(BUCKET as usize) {
            let expected = if bucket < to && self.at(bucket).calls == 0 { self.expected(bucket) } else { 0.0 };
            if expected >= SILENT_USUAL {
                silent.push((bucket, expected));
                continue;
            }
            if let (true, Some((start, _)), Some((last, _))) =
                (silent.len() >= SILENT_BUCKETS, silent.first(), silent.last())
            {
                let usual = silent.iter().map(|(_, expected)| expected).sum();
                let (start, end) = (*start, last + BUCKET);
                let kind = Kind::TrafficStop { usual };
                found.push(Incident { kind, start, end, counts: Counts::default(), goes_on: end >= to });
            }
            silent.clear();
        }
        found
    }

    /// How many calls a bucket usually has; not more than it had a week ago, for who is silent on Sundays is no incident.
    fn expected(&self, bucket: i64) -> f64 {
        let (usual, days) = self.usual(bucket);
        if days < FEWEST_USUAL_DAYS {
            return 0.0;
        }
        let per_bucket = |calls: u64, days: i64| calls as f64 / (days * HOUR / BUCKET) as f64;
        let mean = per_bucket(usual.calls, days);
        match self.hour(bucket - DAYS * DAY) {
            Some(week_ago) if days == DAYS || self.has_calls_before(bucket - DAYS * DAY) => {
                mean.min(per_bucket(week_ago.calls, 1))
            }
            Some(_) | None => mean,
        }
    }

    fn has_calls_before(&self, bucket: i64) -> bool {
        let end = index(bucket - self.first, HOUR).unwrap_or(0).min(self.hours.len());
        self.hours.iter().take(end).any(|hour| hour.calls > 0)
    }
}

fn index(seconds: i64, step: i64) -> Option<usize> {
    usize::try_from(seconds.div_euclid(step)).ok()
}

/// Neighbouring buckets, as evidence of a collapse.
#[derive(Clone, Copy, Debug)]
struct Run {
    start: i64,
    end: i64,
    counts: Counts,
    /// Answered calls if all had been as usual.
    expected: f64,
    /// Logarithm of how much likelier the counts are after a collapse than as usual.
    evidence: f64,
}

impl Run {
    /// The run and the bucket after it.
    fn with(mut self, next: Self) -> Self {
        self.counts.add(next.counts);
        self.end = next.end;
        self.expected += next.expected;
        self.evidence += next.evidence;
        self
    }

    fn incident(self, to: i64) -> Option<Incident> {
        let Self { start, end, counts, expected, evidence } = self;
        let far_below = (counts.answered as f64) < FAR_BELOW * expected;
        (far_below && evidence >= EVIDENCE && counts.calls >= FEWEST_CALLS).then(|| Incident {
            kind: Kind::AsrCollapse { usual: expected / counts.calls as f64 },
            start,
            end,
            counts,
            goes_on: end >= to,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PER_DAY: usize = (DAY / BUCKET) as usize;
    /// The day that is looked at: after so many others.
    const LOOKED_AT: i64 = DAYS * DAY;

    /// Eight days alike: so many calls in every bucket, of which that share is answered.
    fn days(calls: u64, asr: f64) -> Vec<Counts> {
        let answered = (calls as f64 * asr).round() as u64;
        vec![Counts { calls, answered }; 8 * PER_DAY]
    }

    fn plant(counts: &mut [Counts], places: std::ops::Range<usize>, change: impl Fn(&mut Counts)) -> (i64, i64) {
        let first = DAYS as usize * PER_DAY;
        counts[first + places.start..first + places.end].iter_mut().for_each(change);
        let at = |place: usize| LOOKED_AT + place as i64 * BUCKET;
        (at(places.start), at(places.end))
    }

    fn collapses(counts: Vec<Counts>) -> Vec<(i64, i64)> {
        let found = Series::new(0, counts).asr_collapses(LOOKED_AT, LOOKED_AT + DAY);
        found.iter().map(|incident| (incident.start, incident.end)).collect()
    }

    fn stops(counts: Vec<Counts>) -> Vec<(i64, i64)> {
        let found = Series::new(0, counts).traffic_stops(LOOKED_AT, LOOKED_AT + DAY);
        found.iter().map(|incident| (incident.start, incident.end)).collect()
    }

    #[test]
    fn an_incident_has_the_figures_of_its_calls() {
        let mut counts = days(60, 0.5);
        plant(&mut counts, 40..44, |counts| counts.answered = 6);
        let found = Series::new(0, counts).asr_collapses(LOOKED_AT, LOOKED_AT + 44 * BUCKET);
        let wanted = Incident {
            kind: Kind::AsrCollapse { usual: 0.5 },
            start: LOOKED_AT + 40 * BUCKET,
            end: LOOKED_AT + 44 * BUCKET,
            counts: Counts { calls: 240, answered: 24 },
            goes_on: true,
        };
        assert_eq!(found, [wanted]);
    }

    #[test]
    fn few_calls_or_little_history_are_no_incident() {
        for (calls, wanted) in [(4, 0), (29, 0), (30, 1), (60, 1)] {
            let mut counts = days(calls, 0.6);
            plant(&mut counts, 40..41, |counts| counts.answered = 0);
            assert_eq!(collapses(counts).len(), wanted, "{calls}");
        }
        let mut counts = days(60, 0.6);
        counts[..6 * PER_DAY].fill(Counts::default());
        plant(&mut counts, 40..43, |counts| counts.answered = 0);
        assert_eq!(collapses(counts), [], "one day before");
    }

    #[test]
    fn a_share_that_is_low_but_not_far_below_is_none_however_many_the_calls() {
        for (answered, wanted) in [(6_500, 0), (5_900, 1)] {
            let mut counts = days(10_000, 0.6);
            plant(&mut counts, 40..44, |counts| counts.answered = answered * 6 / 10);
            assert_eq!(collapses(counts).len(), wanted, "{answered}");
        }
    }

    #[test]
    fn few_calls_that_are_otherwise_do_not_cut_an_incident_in_two_but_many_do() {
        let mut counts = days(60, 0.6);
        let whole = plant(&mut counts, 40..45, |counts| counts.answered = 6);
        let middle = plant(&mut counts, 42..43, |counts| *counts = Counts { calls: 5, answered: 5 });
        assert_eq!(collapses(counts.clone()), [whole]);
        plant(&mut counts, 42..43, |counts| *counts = Counts { calls: 60, answered: 36 });
        assert_eq!(collapses(counts), [(whole.0, middle.0), (middle.1, whole.1)]);
    }

    #[test]
    fn silence_is_an_incident_only_where_there_usually_are_calls() {
        for (calls, silent, wanted) in [(10, 2, 1), (10, 1, 0), (9, 4, 0), (100, 3, 1)] {
            let mut counts = days(calls, 0.6);
            let range = plant(&mut counts, 40..40 + silent, |counts| *counts = Counts::default());
            assert_eq!(stops(counts), vec![range; wanted], "{calls} {silent}");
        }
        // Who was silent on this day of the last week, too, is closed on Sundays.
        let mut counts = days(50, 0.6);
        counts[..PER_DAY].fill(Counts::default());
        plant(&mut counts, 0..PER_DAY, |counts| *counts = Counts::default());
        let before = vec![Counts { calls: 50, answered: 30 }; PER_DAY];
        let series = Series::new(-DAY, [before, counts].concat());
        assert_eq!(series.traffic_stops(LOOKED_AT, LOOKED_AT + DAY), []);
    }

    /// Any calls at all, eight days of them.
    fn any() -> impl Strategy<Value = Vec<Counts>> {
        let bucket = (0..200_u64, 0.0..=1.0_f64).prop_map(|(calls, share)| Counts {
            calls: calls.saturating_sub(20),
            answered: (calls.saturating_sub(20) as f64 * share) as u64,
        });
        prop::collection::vec(bucket, 8 * PER_DAY)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn incidents_lie_apart_in_order_within_the_range_and_hold_their_calls(counts in any(), from in 0..90_i64, buckets in 1..90_i64) {
            let (from, to) = (LOOKED_AT + from * BUCKET, LOOKED_AT + (from + buckets) * BUCKET);
            let series = Series::new(0, counts);
            for found in [series.asr_collapses(from, to), series.traffic_stops(from, to)] {
                let mut last = from;
                for incident in found {
                    prop_assert!(last <= incident.start && incident.start < incident.end && incident.end <= to);
                    prop_assert_eq!((incident.start % BUCKET, incident.end % BUCKET), (0, 0));
                    last = incident.end;
                    let buckets = (incident.start..incident.end).step_by(BUCKET as usize);
                    let mut sum = Counts::default();
                    buckets.for_each(|bucket| sum.add(series.at(bucket)));
                    prop_assert_eq!(incident.counts, sum);
                    if let Kind::AsrCollapse { usual } = incident.kind {
                        prop_assert!(sum.asr() < FAR_BELOW * usual && sum.calls >= FEWEST_CALLS);
                        // It begins and ends with what speaks for it.
                        prop_assert!(series.run(incident.start).evidence > 0.0);
                        prop_assert!(series.run(incident.end - BUCKET).evidence >= 0.0);
                    } else {
                        prop_assert_eq!(sum.calls, 0);
                    }
                }
            }
        }

        #[test]
        fn where_every_day_is_alike_nothing_is_found(calls in 0..500_u64, asr in 0.0..=1.0_f64) {
            prop_assert_eq!(collapses(days(calls, asr)), []);
            prop_assert_eq!(stops(days(calls, asr)), []);
        }

        #[test]
        fn what_was_planted_is_found_exactly(calls in 30..400_u64, asr in 0.4..0.9_f64, place in 0..80_usize, length in 2..16_usize) {
            let mut counts = days(calls, asr);
            let planted = plant(&mut counts, place..place + length, |counts| counts.answered /= 8);
            prop_assert_eq!(collapses(counts), [planted]);
            let mut counts = days(calls, asr);
            let planted = plant(&mut counts, place..place + length, |counts| *counts = Counts::default());
            prop_assert_eq!(stops(counts), [planted]);
        }
    }
}
