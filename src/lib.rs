//! cdrscope answers questions about phone calls from ClickHouse: how many, which share was answered, how long they lasted.
//!
//! The modules, what each is and which others it uses: `docs/architecture.md`, which a test holds to the code.

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
