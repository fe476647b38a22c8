//! Reports as data: table, tenant, samplings, parameters, columns. Adding one is adding one definition here.

pub mod audience;
pub mod breakdown;
pub mod cdrs;
pub mod dashboard;
pub mod delays;
pub mod form;
pub mod groups;
pub mod live;
pub mod measure;
pub mod param;
pub mod plan;
pub mod query;

use std::borrow::Cow;

use crate::query::filter::{Column, Filter};
use crate::query::sampling::Sampling;
use crate::query::scope::Scope;
use form::{FormatRow, ResultFormat};
use measure::Measure;
use param::Param;
use query::{Query, Records};

/// A table that reports read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Table {
    /// Call detail records, one a routing attempt.
    Cdrs,
    /// Snapshots of live calls.
    ActiveCalls,
}

/// The side of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Side {
    /// Calls that a customer's account made.
    Origination,
    /// Attempts that were sent to a vendor's account.
    Termination,
}

impl Side {
    /// Its word in tokens and settings.
    pub fn word(self) -> &'static str {
        match self {
            Self::Origination => "origination",
            Self::Termination => "termination",
        }
    }

    /// The column that names the tenant.
    pub fn tenant(self) -> Column {
        match self {
            Self::Origination => Column::CustomerId,
            Self::Termination => Column::VendorId,
        }
    }

    /// The column that names the account.
    pub fn account(self) -> Column {
        match self {
            Self::Origination => Column::CustomerAccId,
            Self::Termination => Column::VendorAccId,
        }
    }

    /// The column of the price.
    pub fn price(self) -> Column {
        match self {
            Self::Origination => Column::CustomerPrice,
            Self::Termination => Column::VendorPrice,
        }
    }

    /// The column of the SIP code that the call ended with: what the customer was told, or what the vendor said.
    pub fn sip_code(self) -> Column {
        match self {
            Self::Origination => Column::LegaDisconnectCode,
            Self::Termination => Column::LegbDisconnectCode,
        }
    }

    /// The column of the Q.850 cause that the call ended with.
    pub fn q850_cause(self) -> Column {
        match self {
            Self::Origination => Column::LegaQ850Cause,
            Self::Termination => Column::LegbQ850Cause,
        }
    }

    /// The column of the price of a minute by the rate deck.
    pub fn rate(self) -> Column {
        match self {
            Self::Origination => Column::DestinationNextRate,
            Self::Termination => Column::DialpeerNextRate,
        }
    }

    /// The column of the price's currency.
    pub fn currency(self) -> Column {
        match self {
            Self::Origination => Column::CustomerCurrencyId,
            Self::Termination => Column::VendorCurrencyId,
        }
    }

    /// The column that says that money flows the other way.
    pub fn reverse_billing(self) -> Column {
        match self {
            Self::Origination => Column::DestinationReverseBilling,
            Self::Termination => Column::DialpeerReverseBilling,
        }
    }

    /// The column of the billed duration.
    pub fn billed_duration(self) -> Column {
        match self {
            Self::Origination => Column::CustomerDuration,
            Self::Termination => Column::VendorDuration,
        }
    }
}

/// The key of a bucket's rows, of reports that dashboards alone ask for. Its values are numbers, so that sums by it are as small
/// as sums by time. Dimensions of breakdowns are [`groups::Dimension`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BucketKey {
    /// `dst_country_id`.
    Country,
    /// The first three digits of the number called, behind a 1 that keeps leading zeros: 049 is 1049. Behind a 2 for a
    /// number that begins with a plus: +49 is 249. Other beginnings are 0.
    Prefix,
    /// The post-dial delay: the wait for the ringing, see [`delays`].
    Delay,
}

impl BucketKey {
    /// The column that it is made of.
    pub fn column(self) -> Column {
        match self {
            Self::Country => Column::DstCountryId,
            Self::Prefix => Column::DstPrefixRouting,
            Self::Delay => Column::Pdd,
        }
    }
}

/// A report: everything that tells it from the others.
#[derive(Debug)]
pub struct Report {
    /// Last part of its path.
    pub name: &'static str,
    /// One sentence for the API document.
    pub summary: &'static str,
    /// The records that it counts or lists.
    pub records: Records,
    /// The samplings offered; none where the buckets are minutes, or where there are none.
    pub samplings: &'static [Sampling],
    /// True if buckets without a call are filled in.
    pub fill: bool,
    /// The dimension besides time.
    pub key: Option<BucketKey>,
    /// The columns of the answer, after `t`.
    pub measures: &'static [Measure],
    /// The parameters, in the order in which they are checked.
    pub params: &'static [&'static [Param]],
}

impl Report {
    /// Every parameter, in the order in which they are checked.
    pub fn params(&self) -> impl Iterator<Item = &'static Param> + use<> {
        self.params.iter().copied().flatten()
    }

    /// The end of its path.
    pub fn path(&self) -> &'static str {
        self.name.strip_prefix("operator-").unwrap_or(self.name)
    }

    /// True if it lists CDRs.
    pub fn lists_cdrs(&self) -> bool {
        CDRS.iter().chain(OPERATORS_CDRS).any(|report| report.name == self.name)
    }

    /// The formats that it can be had in.
    pub fn formats(&self) -> impl Iterator<Item = &'static FormatRow> + use<> {
        let lists_cdrs = self.lists_cdrs();
        let of_cdrs = ResultFormat::of_cdrs().filter(move |_| lists_cdrs);
        of_cdrs.chain(ResultFormat::of_reports().filter(move |_| !lists_cdrs))
    }

    /// The query that it stands for, of one account.
    pub fn query(&self, scope: Scope, filters: Vec<Filter>) -> Query {
        let measures = Cow::Borrowed(self.measures);
        Query { scope, records: self.records, key: self.key, measures, filters }
    }
}

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
    &[param::SCOPE, param::CALLS, param::ORIGIN, param::CUSTOMER_PRICE, param::CUSTOMER_CALL_FILTERS, param::FORM];

const VENDOR_STATISTICS: &[&[Param]] =
    &[param::SCOPE, param::CALLS, param::VENDOR_PRICE, param::VENDOR_CALL_FILTERS, param::FORM];

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
        params: &[param::WINDOW, param::CALLS, param::ORIGIN, param::GRID_FORM],
    },
    Report {
        name: "termination-active-calls",
        summary: "How many calls to a vendor's account were up, minute by minute.",
        records: Records::Concurrency(Side::Termination),
        samplings: &[],
        fill: true,
        key: None,
        measures: &[Measure::Calls],
        params: &[param::WINDOW, param::CALLS, param::GRID_FORM],
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
            param::CALLS,
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
            param::CALLS,
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
            param::CALLS,
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
        params: &[param::CDR_SCOPE, param::CALLS, param::VENDOR_PRICE, param::VENDOR_CALL_FILTERS, param::CDR_FORM],
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
            operators!(@side $name $scope $form $measures $calls, Calls Origination CUSTOMER_CALL_FILTERS TERM_GW),
            operators!(@side $name $scope $form $measures $attempts, Attempts Termination VENDOR_CALL_FILTERS CUSTOMER_AUTH),
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
                param::CALLS,
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
