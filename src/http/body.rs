//! Request bodies. They are read here and nowhere else: as they come, up to a length and within a time. The framework's own
//! extractors decode a body first, and a kilobyte may then be a gigabyte.

use std::time::Duration;

use actix_web::HttpRequest;
use actix_web::http::header::{CONTENT_ENCODING, CONTENT_LENGTH};
use actix_web::web::Payload;
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt as _;

use super::error::ApiError;

/// Why a body was not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadBody {
    /// It has a Content-Encoding.
    Coded,
    /// It is longer than it may be.
    Long,
    /// It did not arrive in time.
    Slow,
    /// The connection broke, or the framing is wrong.
    Broken,
}

impl BadBody {
    /// The answer where a body of up to `most` bytes is read.
    pub fn answer(self, most: usize) -> ApiError {
        match self {
            Self::Coded => ApiError::CodedBody,
            Self::Long => ApiError::LongBody(most),
            Self::Slow => ApiError::SlowBody,
            Self::Broken => ApiError::UnreadBody("the body did not arrive"),
        }
    }

    /// The answer where a few words are expected: a long text is none of them, and 400 as any other.
    pub fn answer_for_words(self) -> ApiError {
        match self {
            Self::Long => ApiError::UnreadBody("the body is too long"),
            other => other.answer(0),
        }
    }
}

/// Refuses a body by its headers, before any of it is read.
///
/// # Errors
/// A coding, or a length beyond `most`.
pub fn check(request: &HttpRequest, most: usize) -> Result<(), BadBody> {
    if !is_plain(request) {
        return Err(BadBody::Coded);
    }
    // Over HTTP/2 the first of them was compared with what came, and none with the others.
    let mut lengths = request.headers().get_all(CONTENT_LENGTH);
    if lengths.next().is_some_and(|first| lengths.any(|other| other != first)) {
        return Err(BadBody::Broken);
    }
    match length(request) {
        Some(length) if length > most as u64 => Err(BadBody::Long),
        Some(_) | None => Ok(()),
    }
}

/// The length that the headers name. The server has refused one that does not read.
pub fn length(request: &HttpRequest) -> Option<u64> {
    request.headers().get(CONTENT_LENGTH)?.to_str().ok()?.trim().parse().ok()
}

/// True where no Content-Encoding but `identity` is named.
fn is_plain(request: &HttpRequest) -> bool {
    request.headers().get_all(CONTENT_ENCODING).all(|value| {
        let Ok(value) = value.to_str() else { return false };
        value.split(',').map(str::trim).all(|coding| coding.is_empty() || coding.eq_ignore_ascii_case("identity"))
    })
}

/// Reads a body of up to `most` bytes that arrives within `time`.
///
/// # Errors
/// Anything else.
pub async fn read(request: &HttpRequest, mut payload: Payload, most: usize, time: Duration) -> Result<Bytes, BadBody> {
    check(request, most)?;
    let whole = async {
        let mut body = BytesMut::new();
        while let Some(piece) = payload.next().await {
            let piece = piece.map_err(|_broken| BadBody::Broken)?;
            if body.len() + piece.len() > most {
                return Err(BadBody::Long);
            }
            body.extend_from_slice(&piece);
        }
        Ok(body.freeze())
    };
    tokio::time::timeout(time, whole).await.unwrap_or(Err(BadBody::Slow))
}
