//! Rows that a switch inserts and cannot have meant: seen part by part as they come, counted over a range, or refused.
//!
//! | module | |
//! | --- | --- |
//! | [`kinds`] | every kind of odd row, in one table |
//! | [`decide`] | the kinds over the values of one row |
//! | [`rules`] | the kinds over the columns of a table, as SQL |
//! | [`blocks`] | which parts hold rows that nobody has looked at |
//! | [`tally`] | counts, and the lines of the log |
//! | [`look`] | one table's new parts, and what in them is odd |
//! | [`watch`] | both tables, while the service runs |
//! | [`scan`] | the count over a range of time |
//! | [`strict`] | constraints that refuse odd rows |

pub mod blocks;
pub mod decide;
pub mod kinds;
pub mod look;
pub mod rules;
pub mod scan;
pub mod strict;
pub mod tally;
pub mod watch;

pub use kinds::{AHEAD, YEAR_1990};
pub use watch::now;
