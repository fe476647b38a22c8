//! Reports that dashboards read and the customer API does not offer. They go through the same planner, statements and
//! memory, so no figure has a second way to the calls.

use super::figure::Figure;
use super::{Key, Report, Shape, Side, Table};

/// What is read of the calls of one side, by quarter of an hour or whatever step a panel has.
const fn report(name: &'static str, side: Side, key: Option<Key>, figures: &'static [Figure]) -> Report {
    Report {
        name,
        summary: "",
        table: Table::Cdrs,
        side,
        last_attempt_only: matches!(side, Side::Origination),
        shape: Shape::Calls { samplings: &[], fill: false },
        key,
        figures,
        params: &[],
    }
}

/// Read by itself, since a table may lack what it needs.
const EFFECTIVENESS: &[Figure] = &[Figure::Ner];

const DESTINATIONS: &[Figure] =
    &[Figure::TotalCalls, Figure::SuccessfulCalls, Figure::Asr, Figure::Acd, Figure::TotalDuration, Figure::TotalPrice];

/// What annotations compare: over many days, so no more than they need.
const OUTCOMES: &[Figure] = &[Figure::TotalCalls, Figure::SuccessfulCalls];
const COUNTS: &[Figure] = &[Figure::TotalCalls];

/// All of them.
pub static REPORTS: &[Report] = &[
    report("origination-effectiveness", Side::Origination, None, EFFECTIVENESS),
    report("termination-effectiveness", Side::Termination, None, EFFECTIVENESS),
    report("origination-delays", Side::Origination, Some(Key::Delay), COUNTS),
    report("termination-delays", Side::Termination, Some(Key::Delay), COUNTS),
    report("origination-destinations", Side::Origination, Some(Key::Country), DESTINATIONS),
    report("termination-destinations", Side::Termination, Some(Key::Country), DESTINATIONS),
    report("origination-outcomes", Side::Origination, Some(Key::Country), OUTCOMES),
    report("termination-outcomes", Side::Termination, Some(Key::Country), OUTCOMES),
    report("origination-prefixes", Side::Origination, Some(Key::Prefix), COUNTS),
    report("termination-prefixes", Side::Termination, Some(Key::Prefix), COUNTS),
];
