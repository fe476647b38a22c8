//! The rule on planted and on any counts.

use proptest::prelude::*;

use super::*;

const PER_DAY: usize = (DAY / BUCKET) as usize;
/// The day that is looked at: after so many others.
const LOOKED_AT: i64 = DAYS * DAY;

/// Eight days alike: so many calls in every bucket, of which that share is answered.
fn days(calls: u64, asr: f64) -> Vec<CallCounts> {
    let answered = (calls as f64 * asr).round() as u64;
    vec![CallCounts { calls, answered }; 8 * PER_DAY]
}

fn plant(counts: &mut [CallCounts], places: std::ops::Range<usize>, change: impl Fn(&mut CallCounts)) -> (i64, i64) {
    let first = DAYS as usize * PER_DAY;
    counts[first + places.start..first + places.end].iter_mut().for_each(change);
    let at = |place: usize| LOOKED_AT + place as i64 * BUCKET;
    (at(places.start), at(places.end))
}

fn collapses(counts: Vec<CallCounts>) -> Vec<(i64, i64)> {
    let found = CallSeries::new(0, counts).asr_collapses(LOOKED_AT, LOOKED_AT + DAY);
    found.iter().map(|incident| (incident.start, incident.end)).collect()
}

fn stops(counts: Vec<CallCounts>) -> Vec<(i64, i64)> {
    let found = CallSeries::new(0, counts).traffic_stops(LOOKED_AT, LOOKED_AT + DAY);
    found.iter().map(|incident| (incident.start, incident.end)).collect()
}

#[test]
fn an_incident_has_the_figures_of_its_calls() {
    let mut counts = days(60, 0.5);
    plant(&mut counts, 40..44, |counts| counts.answered = 6);
    let found = CallSeries::new(0, counts).asr_collapses(LOOKED_AT, LOOKED_AT + 44 * BUCKET);
    let wanted = FoundIncident {
        kind: IncidentKind::AsrCollapse { usual: 0.5 },
        start: LOOKED_AT + 40 * BUCKET,
        end: LOOKED_AT + 44 * BUCKET,
        counts: CallCounts { calls: 240, answered: 24 },
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
    counts[..6 * PER_DAY].fill(CallCounts::default());
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
    let middle = plant(&mut counts, 42..43, |counts| *counts = CallCounts { calls: 5, answered: 5 });
    assert_eq!(collapses(counts.clone()), [whole]);
    plant(&mut counts, 42..43, |counts| *counts = CallCounts { calls: 60, answered: 36 });
    assert_eq!(collapses(counts), [(whole.0, middle.0), (middle.1, whole.1)]);
}

#[test]
fn silence_is_an_incident_only_where_there_usually_are_calls() {
    for (calls, silent, wanted) in [(10, 2, 1), (10, 1, 0), (9, 4, 0), (100, 3, 1)] {
        let mut counts = days(calls, 0.6);
        let range = plant(&mut counts, 40..40 + silent, |counts| *counts = CallCounts::default());
        assert_eq!(stops(counts), vec![range; wanted], "{calls} {silent}");
    }
    // Who was silent on this day of the last week, too, is closed on Sundays.
    let mut counts = days(50, 0.6);
    counts[..PER_DAY].fill(CallCounts::default());
    plant(&mut counts, 0..PER_DAY, |counts| *counts = CallCounts::default());
    let before = vec![CallCounts { calls: 50, answered: 30 }; PER_DAY];
    let series = CallSeries::new(-DAY, [before, counts].concat());
    assert_eq!(series.traffic_stops(LOOKED_AT, LOOKED_AT + DAY), []);
}

/// Any calls at all, eight days of them.
fn any() -> impl Strategy<Value = Vec<CallCounts>> {
    let bucket = (0..200_u64, 0.0..=1.0_f64).prop_map(|(calls, share)| CallCounts {
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
        let series = CallSeries::new(0, counts);
        for found in [series.asr_collapses(from, to), series.traffic_stops(from, to)] {
            let mut last = from;
            for incident in found {
                prop_assert!(last <= incident.start && incident.start < incident.end && incident.end <= to);
                prop_assert_eq!((incident.start % BUCKET, incident.end % BUCKET), (0, 0));
                last = incident.end;
                let buckets = (incident.start..incident.end).step_by(BUCKET as usize);
                let mut sum = CallCounts::default();
                buckets.for_each(|bucket| sum.add(series.at(bucket)));
                prop_assert_eq!(incident.counts, sum);
                if let IncidentKind::AsrCollapse { usual } = incident.kind {
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
        let planted = plant(&mut counts, place..place + length, |counts| *counts = CallCounts::default());
        prop_assert_eq!(stops(counts), [planted]);
    }
}
