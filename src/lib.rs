//! cdrscope answers questions about phone calls from ClickHouse: how many, which share was answered, how long they lasted.
//!
//! Data flows down this list:
//!
//! | module | what |
//! | --- | --- |
//! | [`cli`] | commands; alone writes to stdout |
//! | [`config`] | file, environment and flags to checked settings |
//! | [`service`] | state, web server and the task that keeps both fresh |
//! | [`http`] | routes, parameters, errors, headers |
//! | [`token`] | tokens: sign and verify |
//! | [`access`] | accounts and api_access: who may see what |
//! | [`query`] | instants, filters, samplings, calendars |
//! | [`rename`] | a name for a file that is whole, in place of none |
//! | [`report`] | reports as data; request to plan |
//! | [`s3`] | objects in the bucket of a store |
//! | [`sql`] | plan to statement: alone holds SELECT text |
//! | [`store`] | the door to ClickHouse |
//! | [`readiness`] | if a ClickHouse can serve reports: `serve`, `check` and the running service ask the same |
//! | [`tables`] | which columns the tables have, and of which types |
//! | [`engine`] | the one way to a figure: cache, statement, ClickHouse, sums |
//! | [`cache`] | cached aggregates and responses, never older than the table |
//! | [`columns`] | results: typed columns |
//! | [`mod@format`] | results to bytes |
//! | [`incidents`] | when something went wrong, from aggregates of calls |
//! | [`recent`] | measures of accounts over the last minutes, for monitoring |
//! | [`fair`] | query slots and memory shared fairly between tenants |
//! | [`embedded`] | ClickHouse as a child process |
//! | [`jobs`] | export jobs: states, records and files on disk, the queue and the bounds |
//! | [`journal`] | lines of the access and the audit log, and the thread that writes them |
//! | [`metrics`] | every metric in one table, and the counters |
//! | [`load`] | files of CDRs into the table of calls, each value checked, each row once |
//! | [`migrate`] | the schema's steps |
//! | [`thin`] | old months without the details |
//! | [`demo`] | made-up CDRs |
//! | [`net`] | addresses and networks |
//! | [`object`] | structs that are read from JSON objects only |
//! | [`odd`] | rows that cannot be what a switch meant |
//! | [`notices`] | warnings that stay, logged once |
//! | [`shown`] | callers' text in logs and errors |

pub mod access;
pub mod cache;
pub mod cli;
pub mod columns;
pub mod config;
pub mod demo;
pub mod embedded;
pub mod engine;
pub mod fair;
pub mod format;
pub mod http;
pub mod incidents;
pub mod jobs;
pub mod journal;
pub mod load;
pub mod metrics;
pub mod migrate;
pub mod net;
pub mod notices;
pub mod object;
pub mod odd;
pub mod priority;
pub mod query;
pub mod readiness;
pub mod recent;
pub mod rename;
pub mod report;
pub mod s3;
pub mod service;
pub mod shown;
pub mod sql;
pub mod store;
pub mod tables;
pub mod thin;
pub mod token;
