//! The query as a value: all that decides its sums, so that it is the cache key as well.

use std::borrow::Cow;

use super::measure::{self, Aggregate, Measure};
use super::{BucketKey, Side, Table};
use crate::query::filter::Filter;
use crate::query::scope::Scope;

/// The records that a query is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Records {
    /// Calls: of each its last attempt.
    Calls(Side),
    /// Routing attempts.
    Attempts(Side),
    /// Live calls, counted minute by minute.
    Concurrency(Side),
    /// Live calls, listed.
    LiveCalls(Side),
}

impl Records {
    /// The side whose accounts they belong to.
    pub fn side(self) -> Side {
        match self {
            Self::Calls(side) | Self::Attempts(side) | Self::Concurrency(side) | Self::LiveCalls(side) => side,
        }
    }

    /// The table that holds them.
    pub fn table(self) -> Table {
        match self {
            Self::Calls(_) | Self::Attempts(_) => Table::Cdrs,
            Self::Concurrency(_) | Self::LiveCalls(_) => Table::ActiveCalls,
        }
    }

    /// True for CDRs: their aggregates add up over time.
    pub fn add_up(self) -> bool {
        self.table() == Table::Cdrs
    }
}

/// A question about the records of one account. Two that are equal have the same sums.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Query {
    /// The account, as the access check gave it.
    pub scope: Scope,
    /// The records.
    pub records: Records,
    /// The dimension besides time.
    pub key: Option<BucketKey>,
    /// The columns of the result.
    pub measures: Cow<'static, [Measure]>,
    /// All of them must hold.
    pub filters: Vec<Filter>,
}

impl Query {
    /// The aggregates that its measures are made of, each once, in the order of the statement's columns.
    pub fn aggregates(&self) -> Vec<Aggregate> {
        measure::aggregates(&self.measures)
    }
}
