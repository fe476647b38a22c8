//! Reports as data: table, tenant, samplings, parameters, columns. [`list`] has them all.

pub mod audience;
pub mod breakdown;
pub mod cdrs;
pub mod dashboard;
pub mod delays;
pub mod form;
pub mod groups;
mod list;
pub mod live;
pub mod measure;
pub mod param;
pub mod plan;
pub mod query;
mod side;

use std::borrow::Cow;

use crate::query::filter::{Column, Filter};
use crate::query::sampling::Sampling;
use crate::query::scope::Scope;
use form::{FormatRow, ResultFormat};
use measure::Measure;
use param::Param;
use query::{Query, Records};

pub use list::{
    BREAKDOWNS, CDRS, OPERATORS_BREAKDOWNS, OPERATORS_CDRS, OPERATORS_STATISTICS, REPORTS, find, public_names,
};
pub use side::Side;

/// A table that reports read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Table {
    /// Call detail records, one a routing attempt.
    Cdrs,
    /// Snapshots of live calls.
    ActiveCalls,
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
