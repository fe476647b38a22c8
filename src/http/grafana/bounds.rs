//! Bounds of one Grafana request. Three more are settings: `limits.max_points`,
//! `limits.max_points_per_request`, `limits.max_buckets`.

use super::errors::GrafanaError;
use crate::shown::{Shown, VALUE};

/// Longest body that is read, bytes: a dashboard's request has a few kilobytes.
pub const BODY: usize = 1024 * 1024;

/// Values of JSON in a body: each takes some eighty bytes of memory.
pub const JSON_VALUES: usize = 50_000;

/// Targets in one request: no dashboard's panel has as many.
pub const TARGETS: usize = 100;

/// Accounts in one target: each is a query if nothing is cached.
pub const ACCOUNTS: usize = 500;

/// Accounts of all targets together.
pub const READS: u64 = 5000;

/// Bytes of filters times the accounts that they are read for.
pub const FILTERED: u64 = 8 * 1024 * 1024;

/// States of all patterns of a request, about a character each: a thousand take half a millisecond a row where ClickHouse
/// can do no better than one after the other.
pub const STEPS: u64 = 2000;

/// Ad-hoc filters in one request.
pub const FILTERS: usize = 32;

/// Values of one filter, or of one list in a payload.
pub const VALUES: usize = 200;

/// Bytes of one value, a pattern being one.
pub const VALUE_BYTES: usize = 1024;

/// Countries, prefixes or delays that a bucket is taken to have, where memory for them is set aside.
pub const KEYS: u64 = 16;

/// Bytes of the values of one filter, or of a list in a payload: ClickHouse takes them in a header of 128 KiB, where a byte may
/// become six.
pub const LIST_BYTES: usize = 16 * 1024;

/// Bytes of the values of all ad-hoc filters of a request.
pub const FILTER_BYTES: usize = 64 * 1024;

/// Filters that are named in notices where they do not apply.
pub const NOTICES: usize = 10;

/// Bytes of an annotation, which is repeated with every incident.
pub const ANNOTATION: usize = 4096;

/// Rows of all accounts of all targets together, in units of `limits.max_buckets`, which bounds each of them.
pub const ROWS: u64 = 4;

/// Quarters of an hour in which one request looks for incidents, each account's and each of its countries' counted: a month of
/// some hundred accounts takes a few seconds of a processor.
pub const JUDGED: u64 = 10_000_000;

/// Refuses a text that is longer than what people type.
///
/// # Errors
/// When it is.
pub fn short(name: &str, text: &str) -> Result<(), GrafanaError> {
    if text.len() > VALUE && text.chars().count() > VALUE {
        return Err(GrafanaError::refused(format!("{name} {:?} is longer than {VALUE} characters", Shown(text))));
    }
    Ok(())
}

/// Refuses a list of too many values.
///
/// # Errors
/// When it is one.
pub fn few(name: &str, count: usize) -> Result<(), GrafanaError> {
    if count > VALUES { Err(many(name)) } else { Ok(()) }
}

/// The refusal of a list of too many values.
pub fn many(name: &str) -> GrafanaError {
    GrafanaError::refused(format!("{} has more than {VALUES} values", Shown(name)))
}

/// Refuses a value that is too long.
///
/// # Errors
/// When it is.
pub fn value(name: &str, value: &str) -> Result<(), GrafanaError> {
    if value.len() > VALUE_BYTES { Err(long(name)) } else { Ok(()) }
}

/// Refuses values that are too long together.
///
/// # Errors
/// When they are.
pub fn list(name: &str, values: &[String], most: usize) -> Result<(), GrafanaError> {
    if values.iter().map(String::len).sum::<usize>() > most {
        return Err(GrafanaError::refused(format!("{} has values of more than {most} bytes together", Shown(name))));
    }
    Ok(())
}

/// The refusal of a value that is too long.
pub fn long(name: &str) -> GrafanaError {
    GrafanaError::refused(format!("{} has a value of more than {VALUE_BYTES} bytes", Shown(name)))
}
