//! The reports of customers and of the operator. Adding one is adding one definition here.

use super::measure::Measure;
use super::param::{self, Param};
use super::query::Records;
use super::{Report, Side, dashboard};
use crate::query::sampling::Sampling;

const QUALITY: &[Measure] = &[Measure::TotalCalls, Measure::Acd, Measure::Asr, Measure::Cps];

const STATISTICS: &[Measure] = &[
    Measure::TotalCalls,
    Measure::SuccessfulCalls,
    Measure::FailedCalls,
    Measure::TotalDuration,
    Measure::Acd,
    Measure::Asr,
    Measure::TotalPrice,
];

const SHORT: &[Sampling] = &[Sampling::Minute, Sampling::Minutes5, Sampling::Minutes15];

const LONG: &[Sampling] =
    &[Sampling::Minute, Sampling::Minutes5, Sampling::Hour, Sampling::Day, Sampling::Week, Sampling::Month];

const CUSTOMER_STATISTICS: &[&[Param]] =
    &[param::SCOPE, param::COMMON, param::ORIGIN, param::CUSTOMER_PRICE, param::CUSTOMER_CALL_FILTERS, param::FORM];

const VENDOR_STATISTICS: &[&[Param]] =
    &[param::SCOPE, param::COMMON, param::VENDOR_PRICE, param::VENDOR_CALL_FILTERS, param::FORM];

/// Every report of the customer API.
pub static REPORTS: &[Report] = &[
    Report {
        name: "origination-statistics-quality",
        summary: "Calls an account made, with ACD, ASR and CPS, for each bucket of time.",
        records: Records::Calls(Side::Origination),
        samplings: SHORT,
        fill: true,
        key: None,
        measures: QUALITY,
        params: CUSTOMER_STATISTICS,
    },
    Report {
        name: "termination-statistics-quality",
        summary: "Attempts sent to a vendor's account, with ACD, ASR and CPS, for each bucket of time.",
        records: Records::Attempts(Side::Termination),
        samplings: SHORT,
        fill: true,
        key: None,
        measures: QUALITY,
        params: VENDOR_STATISTICS,
    },
    Report {
        name: "origination-statistics",
        summary: "Calls an account made, answered and failed, their duration and price, for each bucket of time.",
        records: Records::Calls(Side::Origination),
        samplings: LONG,
        fill: false,
        key: None,
        measures: STATISTICS,
        params: CUSTOMER_STATISTICS,
    },
    Report {
        name: "termination-statistics",
        summary: "Attempts sent to a vendor's account, answered and failed, their duration and price, for each bucket of time.",
        records: Records::Attempts(Side::Termination),
        samplings: LONG,
        fill: false,
        key: None,
        measures: STATISTICS,
        params: VENDOR_STATISTICS,
    },
    Report {
        name: "origination-active-calls",
        summary: "How many calls of an account were up, minute by minute.",
        records: Records::Concurrency(Side::Origination),
        samplings: &[],
        fill: true,
        key: None,
        measures: &[Measure::Calls],
        params: &[param::WINDOW, param::COMMON, param::ORIGIN, param::GRID_FORM],
    },
    Report {
        name: "termination-active-calls",
        summary: "How many calls to a vendor's account were up, minute by minute.",
        records: Records::Concurrency(Side::Termination),
        samplings: &[],
        fill: true,
        key: None,
        measures: &[Measure::Calls],
        params: &[param::WINDOW, param::COMMON, param::GRID_FORM],
    },
    Report {
        name: "outgoing-active-calls",
        summary: "The calls of an account that are up now.",
        records: Records::LiveCalls(Side::Origination),
        samplings: &[],
        fill: false,
        key: None,
        measures: &[],
        params: &[param::ACCOUNT, param::PREFIXES, param::ORIGIN, param::LEG, param::FORMAT],
    },
];

const BREAKDOWN: &[Measure] = &[
    Measure::TotalCalls,
    Measure::SuccessfulCalls,
    Measure::Asr,
    Measure::Acd,
    Measure::TotalDuration,
    Measure::TotalPrice,
];

const EVERY: &[Sampling] = &[
    Sampling::Minute,
    Sampling::Minutes5,
    Sampling::Minutes15,
    Sampling::Minutes30,
    Sampling::Hour,
    Sampling::Hours6,
    Sampling::Day,
    Sampling::Week,
    Sampling::Month,
];

/// The breakdowns of the customer API: the caller chooses dimensions and measures, these are the usual ones.
pub static BREAKDOWNS: &[Report] = &[
    Report {
        name: "origination-breakdown",
        summary: "Calls that accounts made, grouped by up to three dimensions, and compared with an earlier window.",
        records: Records::Calls(Side::Origination),
        samplings: EVERY,
        fill: false,
        key: None,
        measures: BREAKDOWN,
        params: &[
            param::BREAKDOWN_SCOPE,
            param::COMMON,
            param::ORIGIN,
            param::CUSTOMER_PRICE,
            param::CUSTOMER_CALL_FILTERS,
            param::BREAKDOWN_FORM,
        ],
    },
    Report {
        name: "termination-breakdown",
        summary: "Attempts sent to vendors' accounts, grouped by up to three dimensions, and compared with an earlier window.",
        records: Records::Attempts(Side::Termination),
        samplings: EVERY,
        fill: false,
        key: None,
        measures: BREAKDOWN,
        params: &[
            param::BREAKDOWN_SCOPE,
            param::COMMON,
            param::VENDOR_PRICE,
            param::VENDOR_CALL_FILTERS,
            param::BREAKDOWN_FORM,
        ],
    },
];

/// Raw CDRs of the customer API.
pub static CDRS: &[Report] = &[
    Report {
        name: "origination-cdrs",
        summary: "The calls that accounts made, one by one: pages in JSON, or whole files.",
        records: Records::Calls(Side::Origination),
        samplings: &[],
        fill: false,
        key: None,
        measures: &[],
        params: &[
            param::CDR_SCOPE,
            param::COMMON,
            param::ORIGIN,
            param::CUSTOMER_PRICE,
            param::CUSTOMER_CALL_FILTERS,
            param::CDR_FORM,
        ],
    },
    Report {
        name: "termination-cdrs",
        summary: "The attempts sent to vendors' accounts, one by one: pages in JSON, or whole files.",
        records: Records::Attempts(Side::Termination),
        samplings: &[],
        fill: false,
        key: None,
        measures: &[],
        params: &[param::CDR_SCOPE, param::COMMON, param::VENDOR_PRICE, param::VENDOR_CALL_FILTERS, param::CDR_FORM],
    },
];

const OPERATORS: &[Measure] = &[
    Measure::TotalCalls,
    Measure::SuccessfulCalls,
    Measure::Asr,
    Measure::Acd,
    Measure::TotalDuration,
    Measure::Revenue,
];

const OPERATORS_SERIES: &[Measure] = &[
    Measure::TotalCalls,
    Measure::SuccessfulCalls,
    Measure::FailedCalls,
    Measure::TotalDuration,
    Measure::Acd,
    Measure::Asr,
    Measure::Cps,
];

/// A report of the operator's, one for each side.
macro_rules! operators {
    ($name:literal $scope:ident $form:ident $measures:ident $calls:literal $attempts:literal) => {
        &[
            operators!(@side $name $scope $form $measures $calls, Calls Origination CUSTOMER_CALL_FILTERS OPERATORS_ON_CALLS),
            operators!(@side $name $scope $form $measures $attempts, Attempts Termination VENDOR_CALL_FILTERS OPERATORS_ON_ATTEMPTS),
        ]
    };
    (@side $name:literal $scope:ident $form:ident $measures:ident $summary:literal, $records:ident $side:ident $own:ident $more:ident) => {
        Report {
            name: $name,
            summary: $summary,
            records: Records::$records(Side::$side),
            samplings: EVERY,
            fill: false,
            key: None,
            measures: $measures,
            params: &[
                param::$scope,
                param::CONTRACTORS,
                param::COMMON,
                param::ORIGIN,
                param::CUSTOMER_PRICE,
                param::VENDOR_PRICE,
                param::$own,
                param::$more,
                param::$form,
            ],
        }
    };
}

/// The operator's breakdown, of calls and of attempts.
pub static OPERATORS_BREAKDOWNS: &[Report] = operators! {
    "operator-breakdown" OPERATOR_SCOPE BREAKDOWN_FORM OPERATORS
    "Calls of all customers, grouped by up to three dimensions, and compared with an earlier window."
    "Attempts sent to all vendors, grouped by up to three dimensions, and compared with an earlier window."
};

/// The operator's statistics, of calls and of attempts.
pub static OPERATORS_STATISTICS: &[Report] = operators! {
    "operator-statistics" OPERATOR_SERIES FORM OPERATORS_SERIES
    "Calls of all customers, for each bucket of time."
    "Attempts sent to all vendors, for each bucket of time."
};

const NO_MEASURES: &[Measure] = &[];

/// The operator's raw CDRs, of calls and of attempts.
pub static OPERATORS_CDRS: &[Report] = operators! {
    "operator-cdrs" OPERATOR_WINDOW CDR_FORM NO_MEASURES
    "Calls of all customers, one by one: pages in JSON, or whole files."
    "Attempts sent to all vendors, one by one: pages in JSON, or whole files."
};

/// Names of the reports that a customer or an operator can ask for.
pub fn public_names() -> impl Iterator<Item = &'static str> {
    let operators = [OPERATORS_BREAKDOWNS, OPERATORS_STATISTICS, OPERATORS_CDRS];
    let operators = operators.into_iter().flat_map(|both| both.iter().take(1));
    REPORTS.iter().chain(BREAKDOWNS).chain(CDRS).chain(operators).map(|report| report.name)
}

/// The report with that name, of the customer API or of dashboards.
pub fn find(name: &str) -> Option<&'static Report> {
    REPORTS.iter().chain(dashboard::REPORTS).find(|report| report.name == name)
}

#[cfg(test)]
mod tests {
    use super::super::measure;
    use super::*;

    #[test]
    fn no_two_reports_have_the_same_name_and_dashboards_are_not_the_customer_apis() {
        let mut names: Vec<&str> = REPORTS.iter().chain(dashboard::REPORTS).map(|report| report.name).collect();
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count);
        for report in dashboard::REPORTS {
            assert!(std::ptr::eq(find(report.name).unwrap(), report), "{}", report.name);
        }
    }

    /// The aggregates that are read, kept and added up by bucket.
    const SUMS_BY_TIME: &[measure::Aggregate] = &[
        measure::Aggregate::Calls,
        measure::Aggregate::Answered,
        measure::Aggregate::AnsweredSeconds,
        measure::Aggregate::Seconds,
        measure::Aggregate::Price,
        measure::Aggregate::Effective,
    ];

    /// Reports by time add their buckets up; anything else is asked of a breakdown.
    #[test]
    fn reports_by_time_have_measures_of_sums_alone() {
        for report in REPORTS.iter().chain(dashboard::REPORTS).filter(|report| report.records.add_up()) {
            for aggregate in report.measures.iter().flat_map(|measure| measure.aggregates()) {
                assert!(SUMS_BY_TIME.contains(aggregate), "{}: {aggregate:?}", report.name);
            }
        }
    }
}
