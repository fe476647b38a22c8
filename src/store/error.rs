//! What ClickHouse's failures mean to a caller. The server's code arrives as text, so one function reads it.

use clickhouse::error::Error;

use crate::columns::tsv::TsvError;
use crate::metrics::Outcome;

/// What a caller may learn of a failure.
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
}

impl From<Failure> for Outcome {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Busy => Self::Busy,
            Failure::Slow => Self::Slow,
            Failure::Unreachable => Self::Unreachable,
            Failure::Failed => Self::Failed,
            Failure::BadPattern => Self::BadPattern,
        }
    }
}

/// A failure and, for the log, its cause.
#[derive(Debug, thiserror::Error)]
#[error("{cause}")]
pub struct StoreError {
    /// Its kind.
    pub failure: Failure,
    cause: String,
    refusal: bool,
}

impl StoreError {
    /// Whether the server refused the statement or failed with it, before its first row and for no passing reason.
    pub fn is_refusal(&self) -> bool {
        self.refusal
    }

    /// Whether it is ClickHouse's NOT_FOUND_COLUMN_IN_BLOCK.
    pub(super) fn names_no_column(&self) -> bool {
        self.cause.contains("Code: 10.")
    }

    pub(super) fn busy() -> Self {
        Self { failure: Failure::Busy, cause: "no free slot within limits.queue_seconds".into(), refusal: false }
    }

    /// A sum outside the range of its type.
    pub fn overflow() -> Self {
        Self { failure: Failure::Failed, cause: "a sum is out of range".into(), refusal: false }
    }

    /// Waited longer than a query may take.
    pub fn slow() -> Self {
        Self { failure: Failure::Slow, cause: "no answer within limits.query_seconds".into(), refusal: false }
    }
}

impl From<TsvError> for StoreError {
    fn from(error: TsvError) -> Self {
        let failure = match error {
            // The server died while it answered.
            TsvError::CutShort => Failure::Unreachable,
            TsvError::Row(_) => Failure::Failed,
        };
        Self { failure, cause: error.to_string(), refusal: false }
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
        let refusal = failure == Failure::Failed && matches!(error, Error::BadResponse(_));
        Self { failure, cause: error.to_string(), refusal }
    }
}

/// `Code: 159. DB::Exception: …` → what it means.
fn of_code(text: &str) -> Failure {
    let code =
        text.split_once("Code: ").map(|(_, rest)| rest.chars().take_while(char::is_ascii_digit).collect::<String>());
    match code.as_deref() {
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
    }
}
