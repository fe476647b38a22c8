//! Every failure of the API in one table: status, text, headers. One JSON shape; a 5xx never shows its cause.

use actix_web::http::header::{self, HeaderValue};
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder, ResponseError, http::StatusCode};
use serde_json::{Value, json};

use super::params::BadParam;
use super::reports::request_id;
use crate::access::Stale;
use crate::format::xlsx::WorkbookFault;
use crate::shown::Cause;
use crate::store::{Failure, StoreError};
use crate::token::KeyError;

/// A failure as the caller sees it.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    /// No token, a bad one, or an address that is not allowed.
    #[error("unauthorized")]
    Unauthorized,
    /// A parameter.
    #[error("{0}")]
    BadParam(#[from] BadParam),
    /// A body that is not what the endpoint takes.
    #[error("{0}")]
    BadBody(&'static str),
    /// A body of another type.
    #[error("the content type has to be application/json")]
    ContentType,
    /// A body of another type than a form's.
    #[error("the content type has to be application/x-www-form-urlencoded")]
    FormType,
    /// A page of another origin.
    #[error("a page of another origin may not do this")]
    Foreign,
    /// A body that is not what the endpoint takes, and was not read to its end.
    #[error("{0}")]
    UnreadBody(&'static str),
    /// A body in a content coding.
    #[error("the body must come as it is, without Content-Encoding")]
    CodedBody,
    /// A body above this number of bytes.
    #[error("the body is over {0} bytes")]
    LongBody(usize),
    /// A body that did not arrive in time.
    #[error("the body did not arrive within http.body_seconds")]
    SlowBody,
    /// A token that may not read calls one by one.
    #[error("the token has no right to read calls one by one (export)")]
    NoExport,
    /// Too many files of one customer, or of all, that are still being sent.
    #[error("too many files at once, try again")]
    ManyFiles,
    /// A file whose beginning took longer than the whole may.
    #[error("the file took longer than exports.seconds")]
    SlowFile(#[source] StoreError),
    /// No place for the files of exports.
    #[error("exports are off: the setting exports.dir is not set")]
    NoExports,
    /// An export without a file as yet, or for good.
    #[error("{0}")]
    NotDone(&'static str),
    /// An export without a file any more.
    #[error("{0}")]
    Gone(&'static str),
    /// Too many exports of one customer.
    #[error("{0}")]
    ManyJobs(String),
    /// No room for the file of another export.
    #[error("{0}")]
    NoRoom(String),
    /// An export that cannot be stored, or whose file cannot be read.
    #[error("the export cannot be stored or read")]
    JobDisk(#[source] std::io::Error),
    /// No such path.
    #[error("not found")]
    NotFound,
    /// Known path, other method.
    #[error("method not allowed")]
    Method(&'static str),
    /// No content coding that the caller takes.
    #[error("none of the codings in Accept-Encoding can be had: zstd, br, gzip, identity")]
    Coding,
    /// Too many requests of one token.
    #[error("too many requests")]
    TooMany {
        /// Seconds after which to try again.
        retry_after: u64,
    },
    /// A wrong login, password or address: which, is not told.
    #[error("Incorrect login or password.")]
    Login,
    /// Too many failed logins of one login or address.
    #[error("too many failed logins, try again later")]
    ManyFailures {
        /// Seconds after which to try again.
        retry_after: u64,
    },
    /// Too many passwords to check.
    #[error("too many logins at once, try again")]
    ManyLogins,
    /// Too many long bodies of one customer, or of all, that are still being read.
    #[error("too many long requests at once, try again")]
    ManyBodies,
    /// Too many queries at once.
    #[error("too many queries at once, try again")]
    Busy,
    /// Too many large answers that are still being sent.
    #[error("too many large answers at once, try again")]
    ManyAnswers,
    /// Too many requests of one connection or address under way.
    #[error("too many requests at once, try again")]
    ManyRequests,
    /// ClickHouse is slower than the limit.
    #[error("the query took longer than limits.query_seconds")]
    Slow,
    /// ClickHouse cannot be reached.
    #[error("the database cannot be reached, try again")]
    Unreachable,
    /// ClickHouse failed.
    #[error("the database failed to answer")]
    Failed,
    /// Accounts could not be read for a while.
    #[error("the database cannot be reached, try again")]
    Accounts(#[from] Stale),
    /// A query that failed, with its cause; the caller learns its kind.
    #[error("{}", Self::of(.0.failure))]
    Store(#[from] StoreError),
    /// A token that cannot be signed.
    #[error("internal error")]
    Sign(#[from] KeyError),
    /// A workbook that was not written.
    #[error("the file cannot be written")]
    Workbook(#[source] WorkbookFault),
    /// A fault of this program.
    #[error("internal error")]
    Internal,
}

impl ApiError {
    /// The error that a caller of the customer API sees for a failed query.
    fn of(failure: Failure) -> Self {
        match failure {
            Failure::Busy => Self::Busy,
            Failure::Slow => Self::Slow,
            Failure::Unreachable => Self::Unreachable,
            // The customer API takes no patterns, and has no rows by a key.
            Failure::Failed | Failure::BadPattern | Failure::TooManyRows => Self::Failed,
        }
    }

    fn status(&self) -> StatusCode {
        match self {
            Self::Unauthorized | Self::Login => StatusCode::UNAUTHORIZED,
            Self::BadParam(BadParam::Unacceptable(_)) => StatusCode::NOT_ACCEPTABLE,
            Self::BadParam(_) | Self::BadBody(_) | Self::UnreadBody(_) => StatusCode::BAD_REQUEST,
            Self::ContentType | Self::FormType | Self::CodedBody => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Foreign | Self::NoExport => StatusCode::FORBIDDEN,
            Self::LongBody(_) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::SlowBody => StatusCode::REQUEST_TIMEOUT,
            Self::NotFound | Self::NoExports => StatusCode::NOT_FOUND,
            Self::NotDone(_) => StatusCode::CONFLICT,
            Self::Gone(_) => StatusCode::GONE,
            Self::NoRoom(_) => StatusCode::INSUFFICIENT_STORAGE,
            Self::Method(_) => StatusCode::METHOD_NOT_ALLOWED,
            Self::Coding => StatusCode::NOT_ACCEPTABLE,
            Self::TooMany { .. } | Self::ManyFailures { .. } | Self::ManyJobs(_) => StatusCode::TOO_MANY_REQUESTS,
            Self::Busy
            | Self::ManyLogins
            | Self::ManyBodies
            | Self::ManyAnswers
            | Self::ManyFiles
            | Self::ManyRequests
            | Self::Unreachable
            | Self::Accounts(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Store(error) => Self::of(error.failure).status(),
            Self::Slow | Self::SlowFile(_) => StatusCode::GATEWAY_TIMEOUT,
            Self::Failed => StatusCode::BAD_GATEWAY,
            Self::Sign(_) | Self::Workbook(_) | Self::JobDisk(_) | Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// The header of its own that it answers with.
    pub fn header(&self) -> Option<(header::HeaderName, HeaderValue)> {
        match self {
            Self::Unauthorized | Self::Login => Some((header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))),
            Self::Method(allow) => Some((header::ALLOW, HeaderValue::from_static(allow))),
            Self::TooMany { retry_after } | Self::ManyFailures { retry_after } => {
                Some((header::RETRY_AFTER, HeaderValue::from(*retry_after)))
            }
            // A file may take long.
            Self::ManyJobs(_) => Some((header::RETRY_AFTER, HeaderValue::from_static("60"))),
            // What a body may come in (RFC 9110, 12.5.3).
            Self::CodedBody => Some((header::ACCEPT_ENCODING, HeaderValue::from_static("identity"))),
            _ if self.status() == StatusCode::SERVICE_UNAVAILABLE => {
                Some((header::RETRY_AFTER, HeaderValue::from_static("1")))
            }
            _ => None,
        }
    }

    /// The answer to a request that failed. What failed stands in the log under the id that the body names, with its cause,
    /// once: whoever makes the answer calls this, and logs nothing else.
    pub fn answer(&self, request: &HttpRequest, what: &str) -> HttpResponse {
        let id = request_id(request);
        self.log(&id, what);
        self.reply(Some(&id))
    }

    /// Logs a failure of the service at ERROR, a bound that was met at INFO; a fault of the caller's not at all.
    pub fn log(&self, id: &str, what: &str) {
        if self.status().is_server_error() {
            let level = if self.is_bound() { log::Level::Info } else { log::Level::Error };
            let source = std::error::Error::source(self);
            log::log!(level, "request {id}: {what}: {}", Cause(source.unwrap_or(self)));
        }
    }

    /// True where a bound is met: callers bring that about, and it has metrics.
    fn is_bound(&self) -> bool {
        match self {
            Self::Busy
            | Self::ManyLogins
            | Self::ManyBodies
            | Self::ManyAnswers
            | Self::ManyFiles
            | Self::NoRoom(_)
            | Self::ManyRequests => true,
            Self::Store(error) => error.failure == Failure::Busy,
            _ => false,
        }
    }

    /// True if the same may work in a moment: a bound was met, or ClickHouse or the accounts could not be reached.
    pub fn passes(&self) -> bool {
        match self {
            Self::Unreachable | Self::Accounts(_) => true,
            Self::Store(error) => matches!(error.failure, Failure::Busy | Failure::Unreachable),
            _ => self.is_bound(),
        }
    }

    /// True if the rest of the request's body is left unread, so that the connection cannot be used again.
    pub fn leaves_a_body(&self) -> bool {
        matches!(
            self,
            Self::ContentType
                | Self::FormType
                | Self::Foreign
                | Self::CodedBody
                | Self::UnreadBody(_)
                | Self::LongBody(_)
                | Self::SlowBody
                | Self::ManyBodies
        )
    }

    /// The answer.
    pub fn reply(&self, request_id: Option<&str>) -> HttpResponse {
        let mut response: HttpResponseBuilder = HttpResponse::build(self.status());
        if let Some(header) = self.header() {
            response.insert_header(header);
        }
        if self.leaves_a_body() {
            response.force_close();
        }
        match self.body(request_id) {
            Some(body) => response.insert_header((header::CONTENT_TYPE, super::JSON)).body(body.to_string()),
            None => response.finish(),
        }
    }

    /// Its body, if it has one; `request_id` is named where the log holds more than the caller learns.
    pub fn body(&self, request_id: Option<&str>) -> Option<Value> {
        let text = match request_id {
            Some(id) if self.status().is_server_error() => format!("{self} (request {id})"),
            _ => self.to_string(),
        };
        match self {
            Self::Unauthorized => None,
            // Yeti's own body, in the JSON:API form that its portals look for.
            Self::Login => Some(json!({
                "errors": [{ "title": "Authentication failed", "detail": text, "code": "401", "status": "401" }]
            })),
            _ => Some(json!({ "error": text })),
        }
    }
}

/// The framework asks these two; both read the table above.
impl ResponseError for ApiError {
    fn status_code(&self) -> StatusCode {
        self.status()
    }

    fn error_response(&self) -> HttpResponse {
        self.reply(None)
    }
}
