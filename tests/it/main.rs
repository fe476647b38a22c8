//! One test program, one file a topic, against a real ClickHouse.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::allow_attributes,
    missing_docs,
    reason = "a test may fail loudly, and helpers are tests too"
)]

mod access_log;
mod architecture;
mod breakdown;
mod cache;
mod cdrs;
mod commands;
mod customer_api;
mod demo;
mod differential;
mod docs;
mod engine;
mod exports;
mod grafana;
mod grants;
mod hostile;
mod load;
mod login;
mod manual;
mod metrics;
mod odd;
mod openapi;
mod operator;
mod oracle;
mod own_accounts;
mod own_table;
mod page;
mod planner;
mod plans;
mod random;
mod schema;
mod sql;
mod starting;
mod support;
mod thin;
