//! Objects in a bucket of an S3-compatible store: a look at one, and uploads that have their name when they are whole. Without the
//! feature `s3` there are none, and every bucket is refused.

#[cfg(not(feature = "s3"))]
mod absent;
#[cfg(feature = "s3")]
mod remote;
#[cfg(test)]
mod tests;
#[cfg(feature = "s3")]
mod transport;

#[cfg(not(feature = "s3"))]
use std::convert::Infallible as RemoteBucket;

#[cfg(feature = "s3")]
use remote::RemoteBucket;

#[cfg(all(test, feature = "s3"))]
pub(crate) use tests::{Asked, FakeStore, Odd, Shelf, ShelfObject};

use crate::shown::Shown;

/// Least bytes of each part but the last: stores ask for 5 MiB or more. Tests without one send less.
pub const PART: u64 = if cfg!(test) { 64 << 10 } else { 8 << 20 };

/// Most parts of an upload; stores take 10,000.
const MOST_PARTS: u64 = 9_000;

/// Longest id of an upload that is taken from a store.
pub const LONGEST_ID: usize = 4096;

/// A client of one bucket.
#[derive(Debug)]
pub struct BucketClient {
    remote: RemoteBucket,
}

/// An object that a store has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredObject {
    /// SHA-256 of its bytes, hexadecimal, as whoever sent it noted it there.
    pub sha256: Option<String>,
    /// Its bytes.
    pub length: u64,
}

/// The headers of an object.
#[derive(Clone, Debug)]
pub struct ObjectHeaders {
    /// Its `Content-Type`.
    pub content_type: String,
    /// Its `Content-Disposition`.
    pub disposition: Option<String>,
    /// SHA-256 of its bytes, hexadecimal.
    pub sha256: String,
}

/// A request to a store that failed.
#[derive(Clone, Debug, thiserror::Error)]
pub enum S3Error {
    /// The store refused it.
    #[error("{status} {}", Shown(.text))]
    Refused {
        /// The status of its answer.
        status: u16,
        /// Its code and message, as far as it gave any.
        text: String,
    },
    /// The store did not answer in time.
    #[error("{0} has not answered within {1} s")]
    Slow(String, u64),
    /// The store cannot be reached.
    #[error("{0} cannot be reached: {1}")]
    Unreached(String, String),
    /// There is no key, and whoever gives roles gives none.
    #[error("there is no key, and no role from {address}: {}", Shown(.why))]
    NoRole {
        /// Its address.
        address: String,
        /// The reason.
        why: String,
    },
    /// The store's answer makes no sense.
    #[error("{}", Shown(.0))]
    Odd(String),
    /// The client gave up with a fault of its own.
    #[error("no request can be made of these settings and keys")]
    Broken,
    /// This program was built without stores.
    #[error("this cdrscope was built without its feature s3")]
    Absent,
}

impl S3Error {
    fn status(&self) -> Option<u16> {
        match self {
            Self::Refused { status, .. } => Some(*status),
            Self::Slow(..) | Self::Unreached(..) | Self::NoRole { .. } => None,
            Self::Odd(_) | Self::Broken | Self::Absent => None,
        }
    }

    /// True if there is an object of that name.
    pub fn is_taken(&self) -> bool {
        self.status() == Some(412)
    }

    /// True if the store knows no requests that depend on whether a name is taken.
    pub fn knows_no_conditions(&self) -> bool {
        self.status() == Some(501)
    }

    /// True if the keys do not suffice.
    pub fn is_forbidden(&self) -> bool {
        matches!(self.status(), Some(401 | 403))
    }

    /// True if what it is about is not there.
    pub fn is_absent(&self) -> bool {
        self.status() == Some(404)
    }

    /// The next step of an operator.
    pub fn advice(&self) -> &'static str {
        match self {
            Self::Refused { text, .. } if let Some(advice) = advice_for(text) => advice,
            Self::Refused { status: 404, .. } => "make the bucket, or mend its name in `to`",
            Self::Refused { status: 401 | 403, .. } => {
                "look at s3.access_key_id and its key, and at what the bucket allows it: s3:PutObject, s3:GetObject, s3:AbortMultipartUpload"
            }
            Self::Refused { status: 300..=400, .. } => "look at s3.region and s3.endpoint",
            Self::Refused { .. } => "ask those who run the store",
            Self::Unreached(_, why) if why.contains("certificate") => {
                "have this machine trust who signed the store's certificate (the system's list, or SSL_CERT_FILE)"
            }
            Self::Slow(..) | Self::Unreached(..) => {
                "look at s3.endpoint, and at what is between this machine and the store"
            }
            Self::NoRole { .. } => "set s3.access_key_id and its key, or give this machine or container a role",
            Self::Odd(_) => "look at s3.endpoint: it may be no S3 store",
            Self::Broken => {
                "look at s3.endpoint, s3.region and the key, or at the answer of who gives this machine or container a role"
            }
            Self::Absent => "build it with the feature s3",
        }
    }
}

/// The next step by the code that an answer's text begins with; `None` where the status says as much.
fn advice_for(text: &str) -> Option<&'static str> {
    Some(match text.split(':').next().unwrap_or_default() {
        "RequestTimeTooSkewed" => "set the clock of this machine: it is minutes off the store's",
        "ExpiredToken" | "TokenRefreshRequired" | "InvalidToken" => "renew the session token: it has ended or is wrong",
        "InvalidAccessKeyId" => "look at s3.access_key_id: the store does not know it",
        "SignatureDoesNotMatch" => "look at the secret key: it is not that of s3.access_key_id",
        "QuotaExceeded" | "XMinioStorageFull" | "EntityTooLarge" => "make room in the store, or raise its bound",
        "SlowDown" | "ServiceUnavailable" => "the store has too much to do: the file is tried again later",
        _ => return None,
    })
}

/// Bytes of each part of a file but the last.
pub fn part_size(length: u64) -> u64 {
    length.div_ceil(MOST_PARTS).next_multiple_of(PART / 8).max(PART)
}

#[cfg(test)]
mod sizes {
    use super::*;

    #[test]
    fn parts_are_of_one_size_and_few_enough() {
        for length in [0, 1, PART, PART + 1, 70 << 30, 71 << 30, 5 << 40] {
            let size = part_size(length);
            assert!(size >= PART && length.div_ceil(size) <= MOST_PARTS, "{length}: {size}");
        }
        let most = PART * MOST_PARTS;
        assert_eq!((part_size(most), part_size(most + 1)), (PART, PART + PART / 8));
    }
}
