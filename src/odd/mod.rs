//! Rows that a switch inserts and cannot have meant: seen part by part as they come, or counted over a range.
//!
//! | module | |
//! | --- | --- |
//! | [`kinds`] | every kind of odd row, in one table |
//! | [`rules`] | the kinds over the columns of a table, as SQL |
//! | [`blocks`] | which parts hold rows that nobody has looked at |
//! | [`tally`] | counts, and the lines of the log |
//! | [`look`] | one table's new parts, and what in them is odd |
//! | [`watch`] | both tables, while the service runs |
//! | [`scan`] | the count over a range of time |

pub mod blocks;
pub mod kinds;
pub mod look;
pub mod rules;
pub mod scan;
pub mod tally;
pub mod watch;
