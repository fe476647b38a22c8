//! Incidents of an account's calls: the share of answered calls collapsed, or no calls came at all. The rule is pure:
//! aggregates by quarter of an hour in, incidents out. docs/grafana.md says it in words.
//!
//! Usual is what the same hour of the day had on the seven days before. All bounds are constants here, each with its
//! reason: they were chosen so that the made-up world's incidents are found and nothing else is (tests/it/grafana).

mod calls;
#[cfg(test)]
mod tests;

pub use calls::AccountCalls;

/// Length of a bucket, seconds: long enough to count calls in, short enough to say when it began.
pub const BUCKET: i64 = 900;
/// Days that "usual" is made of: all days of a week, so that a Monday is not compared with a Sunday alone.
const DAYS: i64 = 7;
/// CDRs come when calls end, failed ones first, so a bucket looks worse than it is until its calls have ended. Most of them
/// have a quarter of an hour later; until then it is not judged.
const SETTLED: i64 = 900;

/// Seconds of a day.
pub const DAY: i64 = 86_400;
const HOUR: i64 = 3600;

/// Fewest calls and fewest days that the usual is computed from.
const FEWEST_USUAL_CALLS: u64 = 100;
const FEWEST_USUAL_DAYS: i64 = 2;
/// Fewest calls of an incident: fewer are no reason to wake anybody.
const FEWEST_CALLS: u64 = 30;
/// A collapse is taken to halve the share of answered calls, and all of an incident together has less than this share of the
/// usual ASR. A tenth less is a bad day, not an incident.
const COLLAPSED: f64 = 0.5;
const FAR_BELOW: f64 = 0.6;
/// The likelihood ratio, collapse to usual, that makes an incident, as a natural logarithm: a million to one. An operator
/// has some hundred thousand buckets a day, so by chance there is an incident in a week or less often.
const EVIDENCE: f64 = 13.8;
/// The likelihood ratio, usual to collapse, that ends an incident, as a natural logarithm: a hundred to one.
const OVER: f64 = 4.6;
/// Buckets without calls that make an incident, and the fewest calls that each usually has. By chance that happens once in
/// e^20 times, and still once in thousands where traffic is half of the usual.
const SILENT_BUCKETS: usize = 2;
const SILENT_USUAL: f64 = 10.0;

/// The buckets that touch a range of milliseconds: their first second, and the one after their last.
pub fn buckets(from: i64, to: i64) -> (i64, i64) {
    let place = |milliseconds: i64| milliseconds.div_euclid(1000 * BUCKET);
    (place(from) * BUCKET, (place(to) + 1) * BUCKET)
}

/// The first second of what has to be known to judge buckets from `from` on. Hours of the day are compared with the same 24
/// hours times so many before, whatever the clocks on the wall did.
pub fn history(from: i64) -> i64 {
    (from - DAYS * DAY).div_euclid(HOUR) * HOUR
}

/// The second after the last bucket that can be judged.
pub fn settled(now: i64) -> i64 {
    (now - SETTLED).div_euclid(BUCKET) * BUCKET
}

/// The calls of a bucket.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CallCounts {
    /// All of them.
    pub calls: u64,
    /// Those that were answered.
    pub answered: u64,
}

impl CallCounts {
    /// Adds the calls of another bucket.
    fn add(&mut self, other: Self) {
        self.calls += other.calls;
        self.answered += other.answered;
    }

    /// The share that was answered; 0 of none.
    fn asr(self) -> f64 {
        if self.calls == 0 { 0.0 } else { self.answered as f64 / self.calls as f64 }
    }
}

/// The kind of an incident.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum IncidentKind {
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
pub struct FoundIncident {
    /// Its kind.
    pub kind: IncidentKind,
    /// Its first second.
    pub start: i64,
    /// The second after its last.
    pub end: i64,
    /// The calls in it.
    pub counts: CallCounts,
    /// True if it reaches to the last bucket that can be judged.
    pub goes_on: bool,
}

/// Calls by bucket.
#[derive(Clone, Debug)]
struct CallSeries {
    first: i64,
    counts: Vec<CallCounts>,
    hours: Vec<CallCounts>,
}

impl CallSeries {
    /// The calls of buckets one after the other; the first begins at `first`, a full hour.
    fn new(first: i64, counts: Vec<CallCounts>) -> Self {
        let hours = counts.chunks((HOUR / BUCKET) as usize).map(|hour| {
            let mut sum = CallCounts::default();
            hour.iter().for_each(|counts| sum.add(*counts));
            sum
        });
        Self { first, hours: hours.collect(), counts }
    }

    fn at(&self, bucket: i64) -> CallCounts {
        index(bucket - self.first, BUCKET).and_then(|i| self.counts.get(i)).copied().unwrap_or_default()
    }

    fn hour(&self, hour: i64) -> Option<CallCounts> {
        index(hour - self.first, HOUR).and_then(|i| self.hours.get(i)).copied()
    }

    /// The calls of a bucket's hour on the days before, and how many days there are: from the first with any call on.
    fn usual(&self, bucket: i64) -> (CallCounts, i64) {
        let (mut sum, mut days) = (CallCounts::default(), 0);
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
    fn asr_collapses(&self, from: i64, to: i64) -> Vec<FoundIncident> {
        if self.hours.iter().map(|hour| hour.calls).sum::<u64>() < FEWEST_USUAL_CALLS {
            return Vec::new();
        }
        let (mut found, mut open): (Vec<FoundIncident>, Option<(BucketRun, BucketRun)>) = (Vec::new(), None);
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
    fn run(&self, bucket: i64) -> BucketRun {
        let counts = self.at(bucket);
        let run = BucketRun { start: bucket, end: bucket + BUCKET, counts, expected: 0.0, evidence: 0.0 };
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
        BucketRun { expected: counts.calls as f64 * usual.asr(), evidence, ..run }
    }

    /// When no calls came although there usually are many, within `[from, to)`, which are full buckets.
    fn traffic_stops(&self, from: i64, to: i64) -> Vec<FoundIncident> {
        let (mut found, mut silent): (Vec<FoundIncident>, Vec<(i64, f64)>) = (Vec::new(), Vec::new());
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
                let kind = IncidentKind::TrafficStop { usual };
                found.push(FoundIncident { kind, start, end, counts: CallCounts::default(), goes_on: end >= to });
            }
            silent.clear();
        }
        found
    }

    /// The usual number of calls of a bucket, at most that of a week ago: silence on Sundays is no incident.
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
struct BucketRun {
    start: i64,
    end: i64,
    counts: CallCounts,
    /// Answered calls if all had been as usual.
    expected: f64,
    /// Logarithm of how much likelier the counts are after a collapse than as usual.
    evidence: f64,
}

impl BucketRun {
    /// The run and the bucket after it.
    fn with(mut self, next: Self) -> Self {
        self.counts.add(next.counts);
        self.end = next.end;
        self.expected += next.expected;
        self.evidence += next.evidence;
        self
    }

    fn incident(self, to: i64) -> Option<FoundIncident> {
        let Self { start, end, counts, expected, evidence } = self;
        let far_below = (counts.answered as f64) < FAR_BELOW * expected;
        (far_below && evidence >= EVIDENCE && counts.calls >= FEWEST_CALLS).then(|| FoundIncident {
            kind: IncidentKind::AsrCollapse { usual: expected / counts.calls as f64 },
            start,
            end,
            counts,
            goes_on: end >= to,
        })
    }
}
