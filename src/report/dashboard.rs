//! Reports that dashboards read and the customer API does not offer. They go through the same planner, statements and
//! memory, so no measure has a second way to the calls.

use super::measure::Measure;
use super::query::Records;
use super::{BucketKey, Report, Side};

/// Makes a report over the calls or attempts of one side, for dashboards only. It takes any sampling.
const fn report(name: &'static str, side: Side, key: Option<BucketKey>, measures: &'static [Measure]) -> Report {
    Report {
        name,
        summary: "",
        records: match side {
            Side::Origination => Records::Calls(side),
            Side::Termination => Records::Attempts(side),
        },
        samplings: &[],
        fill: false,
        key,
        measures,
        params: &[],
    }
}

/// Read by itself, since a table may lack what it needs.
const EFFECTIVENESS: &[Measure] = &[Measure::Ner];

const DESTINATIONS: &[Measure] = &[
    Measure::TotalCalls,
    Measure::SuccessfulCalls,
    Measure::Asr,
    Measure::Acd,
    Measure::TotalDuration,
    Measure::TotalPrice,
];

/// Measures of annotations: few, since they are read over many days.
const OUTCOMES: &[Measure] = &[Measure::TotalCalls, Measure::SuccessfulCalls];
const COUNTS: &[Measure] = &[Measure::TotalCalls];

/// All of them.
pub static REPORTS: &[Report] = &[
    report("origination-effectiveness", Side::Origination, None, EFFECTIVENESS),
    report("termination-effectiveness", Side::Termination, None, EFFECTIVENESS),
    report("origination-delays", Side::Origination, Some(BucketKey::Delay), COUNTS),
    report("termination-delays", Side::Termination, Some(BucketKey::Delay), COUNTS),
    report("origination-destinations", Side::Origination, Some(BucketKey::Country), DESTINATIONS),
    report("termination-destinations", Side::Termination, Some(BucketKey::Country), DESTINATIONS),
    report("origination-outcomes", Side::Origination, Some(BucketKey::Country), OUTCOMES),
    report("termination-outcomes", Side::Termination, Some(BucketKey::Country), OUTCOMES),
    report("origination-prefixes", Side::Origination, Some(BucketKey::Prefix), COUNTS),
    report("termination-prefixes", Side::Termination, Some(BucketKey::Prefix), COUNTS),
];
