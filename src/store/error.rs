//! Classes of ClickHouse's failures, as callers see them. The server's code arrives as text, so one function reads it.

use clickhouse::error::Error;

use crate::columns::tsv::TsvError;
use crate::fair::SlotRefused;
use crate::metrics::QueryOutcome;

/// The class of a failure, as a caller may see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// All slots were taken, or the server has too many queries.
    Busy,
    /// Slower than the limit.
    Slow,
    /// The server cannot be reached, or went away.
    Unreachable,
    /// The server refused or failed.
    Failed,
    /// A regular expression that the server does not understand.
    BadPattern,
    /// More rows than the request may hold.
    TooManyRows,
}

impl From<Failure> for QueryOutcome {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Busy => Self::Busy,
            Failure::Slow => Self::Slow,
            Failure::Unreachable => Self::Unreachable,
            Failure::Failed => Self::Failed,
            Failure::BadPattern => Self::BadPattern,
            Failure::TooManyRows => Self::TooManyRows,
        }
    }
}

/// A failure and, for the log, its cause.
#[derive(Debug, thiserror::Error)]
#[error("{cause}")]
pub struct StoreError {
    /// Its kind.
    pub failure: Failure,
    #[source]
    cause: StoreCause,
    refusal: bool,
}

/// Where a failure comes from.
#[derive(Debug, thiserror::Error)]
enum StoreCause {
    #[error(transparent)]
    ClickHouse(Error),
    #[error(transparent)]
    Rows(TsvError),
    #[error("no free slot within limits.queue_seconds")]
    Late,
    #[error("too many requests of the customer wait for a slot")]
    Queue,
    #[error("a sum is out of range")]
    Overflow,
    #[error("no answer within limits.query_seconds")]
    Slow,
    #[error("no end within exports.seconds")]
    SlowExport,
    #[error("ClickHouse ended the body in an error: {0}")]
    InBody(String),
}

impl StoreError {
    /// True if the server refused the statement or failed with it, before its first row and for what it says, not for
    /// what it takes.
    pub fn is_refusal(&self) -> bool {
        self.refusal
    }

    /// True if it is ClickHouse's NOT_FOUND_COLUMN_IN_BLOCK.
    pub(super) fn names_no_column(&self) -> bool {
        matches!(&self.cause, StoreCause::ClickHouse(error) if server_code(error) == Some("10"))
    }

    /// The way out, if the server refused settings of a query: READONLY, SETTING_CONSTRAINT_VIOLATION.
    pub fn refused_settings(&self, user: &str) -> Option<String> {
        let StoreCause::ClickHouse(Error::BadResponse(text)) = &self.cause else { return None };
        match code(text)? {
            "164" => Some(format!(
                "ClickHouse refuses settings from user {user} (readonly = 1): give the user a profile with readonly = 2"
            )),
            "452" => {
                let line = text.lines().next().unwrap_or_default();
                Some(format!(
                    "ClickHouse refuses settings from user {user}: {line}; widen the constraints of its profile"
                ))
            }
            _ => None,
        }
    }

    pub(super) fn busy(refused: SlotRefused) -> Self {
        let cause = match refused {
            SlotRefused::Late => StoreCause::Late,
            SlotRefused::Queue | SlotRefused::Never => StoreCause::Queue,
        };
        Self { failure: Failure::Busy, cause, refusal: false }
    }

    /// A sum outside the range of its type.
    pub fn overflow() -> Self {
        Self { failure: Failure::Failed, cause: StoreCause::Overflow, refusal: false }
    }

    /// A body that ends in an error of ClickHouse's.
    pub fn in_body(said: String) -> Self {
        let failure = code(&said).map_or(Failure::Failed, |_| of_code(&said));
        Self { failure, cause: StoreCause::InBody(said), refusal: false }
    }

    /// Waited longer than a file may take.
    pub fn slow_export() -> Self {
        Self { failure: Failure::Slow, cause: StoreCause::SlowExport, refusal: false }
    }

    /// Waited longer than a query may take.
    pub fn slow() -> Self {
        Self { failure: Failure::Slow, cause: StoreCause::Slow, refusal: false }
    }
}

impl From<TsvError> for StoreError {
    fn from(error: TsvError) -> Self {
        let failure = match error {
            // The server died while it answered.
            TsvError::CutShort => Failure::Unreachable,
            TsvError::Row(_) => Failure::Failed,
            TsvError::TooMany(_) => Failure::TooManyRows,
        };
        Self { failure, cause: StoreCause::Rows(error), refusal: false }
    }
}

impl From<Error> for StoreError {
    fn from(error: Error) -> Self {
        let failure = match &error {
            Error::Network(_) => Failure::Unreachable,
            Error::TimedOut => Failure::Slow,
            Error::BadResponse(text) => of_code(text),
            _ => Failure::Failed,
        };
        let refusal = failure == Failure::Failed && matches!(&error, Error::BadResponse(text) if !is_of_means(text));
        Self { failure, cause: StoreCause::ClickHouse(error), refusal }
    }
}

/// ClickHouse's number of an error, which the client hands on as text only: `Code: 159. DB::Exception: …`.
pub fn server_code(error: &Error) -> Option<&str> {
    let Error::BadResponse(text) = error else { return None };
    code(text)
}

fn code(text: &str) -> Option<&str> {
    let (_, rest) = text.split_once("Code: ")?;
    rest.split(|c: char| !c.is_ascii_digit()).next().filter(|code| !code.is_empty())
}

/// True if the statement wanted more than it may have: TOO_MANY_ROWS, QUOTA_EXCEEDED, MEMORY_LIMIT_EXCEEDED, TOO_MANY_BYTES,
/// TOO_MANY_ROWS_OR_BYTES, CANNOT_SCHEDULE_TASK. Asking in another way would only want more.
fn is_of_means(text: &str) -> bool {
    matches!(code(text), Some("158" | "201" | "241" | "307" | "396" | "439"))
}

/// The class of a failure by the server's error code.
fn of_code(text: &str) -> Failure {
    match code(text) {
        // TOO_MANY_ROWS, of `max_rows_to_group_by` alone: other bounds of rows are the operator's own.
        Some("158") if text.contains("GROUP BY") => Failure::TooManyRows,
        // TIMEOUT_EXCEEDED, TOO_SLOW; the estimate that a query would take too long.
        Some("159" | "160") => Failure::Slow,
        // TOO_MANY_SIMULTANEOUS_QUERIES.
        Some("202") => Failure::Busy,
        // NETWORK_ERROR, SOCKET_TIMEOUT, ALL_CONNECTION_TRIES_FAILED, ABORTED, QUERY_WAS_CANCELLED: a server going down.
        Some("209" | "210" | "236" | "279" | "394") => Failure::Unreachable,
        // CANNOT_COMPILE_REGEXP.
        Some("427") => Failure::BadPattern,
        Some(_) => Failure::Failed,
        // A proxy in front of a server that is away.
        None => Failure::Unreachable,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_read_from_text() {
        assert_eq!(of_code("Code: 159. DB::Exception: Timeout exceeded"), Failure::Slow);
        assert_eq!(of_code("Code: 202. DB::Exception: Too many"), Failure::Busy);
        assert_eq!(of_code("Code: 60. DB::Exception: Unknown table"), Failure::Failed);
        assert_eq!(of_code("502 Bad Gateway"), Failure::Unreachable);
        let refused = |text: &str| StoreError::from(Error::BadResponse(text.to_owned())).is_refusal();
        assert!(refused("Code: 395. DB::Exception: a part lacks a projection"));
        assert!(refused("Code: 582. DB::Exception: There is no projection"));
        for passing in
            ["Code: 241. DB::Exception: Memory limit", "Code: 159. DB::Exception: Timeout", "502 Bad Gateway"]
        {
            assert!(!refused(passing), "{passing}");
        }
    }
}
