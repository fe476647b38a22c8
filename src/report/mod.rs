//! Reports as data: table, tenant, samplings, parameters, columns. Adding one is adding one definition here.

pub mod dashboard;
pub mod delays;
pub mod figure;
pub mod live;
pub mod param;
pub mod plan;

use crate::query::filter::Column;
use crate::query::sampling::Sampling;
use figure::Figure;
use param::Param;

/// A table that reports read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Table {
    /// Call detail records, one a routing attempt.
    Cdrs,
    /// Snapshots of live calls.
    ActiveCalls,
}

/// Whose calls a report counts.
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

    /// The column of the billed duration.
    pub fn billed_duration(self) -> Column {
        match self {
            Self::Origination => Column::CustomerDuration,
            Self::Termination => Column::VendorDuration,
        }
    }
}

/// What one row of an answer stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// A bucket of time of CDRs; the sampling comes with the request.
    Calls {
        /// The samplings offered.
        samplings: &'static [Sampling],
        /// True if buckets without a call are filled in.
        fill: bool,
    },
    /// A minute of live calls.
    Concurrency,
    /// One live call.
    LiveCalls,
}

/// What calls are told apart by, besides time. A key is a number, so that sums by key are as small as sums by time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key {
    /// `dst_country_id`.
    Country,
    /// The first three digits of the number called, behind a 1 that keeps leading zeros: 049 is 1049. Behind a 2 for a
    /// number that begins with a plus: +49 is 249. Other beginnings are 0.
    Prefix,
    /// How long the caller waited for the ringing, see [`delays`].
    Delay,
}

impl Key {
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
    /// Where its rows come from.
    pub table: Table,
    /// Whose calls.
    pub side: Side,
    /// True if only the last attempt of each call counts.
    pub last_attempt_only: bool,
    /// What a row stands for.
    pub shape: Shape,
    /// What the rows of a bucket are told apart by.
    pub key: Option<Key>,
    /// The columns of the answer, after `t`.
    pub figures: &'static [Figure],
    /// The parameters, in the order in which they are checked.
    pub params: &'static [&'static [Param]],
}

impl Report {
    /// Every parameter, in the order in which they are checked.
    pub fn params(&self) -> impl Iterator<Item = &'static Param> + use<> {
        self.params.iter().copied().flatten()
    }
}

const QUALITY: &[Figure] = &[Figure::TotalCalls, Figure::Acd, Figure::Asr, Figure::Cps];

const STATISTICS: &[Figure] = &[
    Figure::TotalCalls,
    Figure::SuccessfulCalls,
    Figure::FailedCalls,
    Figure::TotalDuration,
    Figure::Acd,
    Figure::Asr,
    Figure::TotalPrice,
];

const SHORT: Shape =
    Shape::Calls { samplings: &[Sampling::Minute, Sampling::Minutes5, Sampling::Minutes15], fill: true };

const LONG: Shape = Shape::Calls {
    samplings: &[Sampling::Minute, Sampling::Minutes5, Sampling::Hour, Sampling::Day, Sampling::Week, Sampling::Month],
    fill: false,
};

/// Every report of the customer API.
pub static REPORTS: &[Report] = &[
    Report {
        name: "origination-statistics-quality",
        summary: "Calls an account made, with ACD, ASR and CPS, for each bucket of time.",
        table: Table::Cdrs,
        side: Side::Origination,
        last_attempt_only: true,
        shape: SHORT,
        key: None,
        figures: QUALITY,
        params: &[param::SCOPE, param::CALLS, param::ORIGIN, param::CUSTOMER_PRICE, param::FORM],
    },
    Report {
        name: "termination-statistics-quality",
        summary: "Attempts sent to a vendor's account, with ACD, ASR and CPS, for each bucket of time.",
        table: Table::Cdrs,
        side: Side::Termination,
        last_attempt_only: false,
        shape: SHORT,
        key: None,
        figures: QUALITY,
        params: &[param::SCOPE, param::CALLS, param::VENDOR_PRICE, param::FORM],
    },
    Report {
        name: "origination-statistics",
        summary: "Calls an account made, answered and failed, their duration and price, for each bucket of time.",
        table: Table::Cdrs,
        side: Side::Origination,
        last_attempt_only: true,
        shape: LONG,
        key: None,
        figures: STATISTICS,
        params: &[param::SCOPE, param::CALLS, param::ORIGIN, param::CUSTOMER_PRICE, param::FORM],
    },
    Report {
        name: "termination-statistics",
        summary: "Attempts sent to a vendor's account, answered and failed, their duration and price, for each bucket of time.",
        table: Table::Cdrs,
        side: Side::Termination,
        last_attempt_only: false,
        shape: LONG,
        key: None,
        figures: STATISTICS,
        params: &[param::SCOPE, param::CALLS, param::VENDOR_PRICE, param::FORM],
    },
    Report {
        name: "origination-active-calls",
        summary: "How many calls of an account were up, minute by minute.",
        table: Table::ActiveCalls,
        side: Side::Origination,
        last_attempt_only: false,
        shape: Shape::Concurrency,
        key: None,
        figures: &[Figure::Calls],
        params: &[param::WINDOW, param::CALLS, param::ORIGIN, param::GRID_FORM],
    },
    Report {
        name: "termination-active-calls",
        summary: "How many calls to a vendor's account were up, minute by minute.",
        table: Table::ActiveCalls,
        side: Side::Termination,
        last_attempt_only: false,
        shape: Shape::Concurrency,
        key: None,
        figures: &[Figure::Calls],
        params: &[param::WINDOW, param::CALLS, param::GRID_FORM],
    },
    Report {
        name: "outgoing-active-calls",
        summary: "The calls of an account that are up now.",
        table: Table::ActiveCalls,
        side: Side::Origination,
        last_attempt_only: false,
        shape: Shape::LiveCalls,
        key: None,
        figures: &[],
        params: &[param::ACCOUNT, param::PREFIXES, param::ORIGIN, param::LEG],
    },
];

/// The report with that name, of the customer API or of dashboards.
pub fn find(name: &str) -> Option<&'static Report> {
    REPORTS.iter().chain(dashboard::REPORTS).find(|report| report.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The memory of sums tells reports apart by name.
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
}
