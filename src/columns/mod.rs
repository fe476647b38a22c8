//! Results: typed columns, read from the rows that ClickHouse sends. Knows no format.

pub mod breakdown;
pub mod buckets;
pub mod cdrs;
mod cells;
pub mod groups;
pub mod live;
pub mod table;
pub mod tsv;
