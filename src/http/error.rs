//! Every failure of the API in one table: status, text, headers. One JSON shape; a 5xx never shows its cause.

use actix_web::http::header::{self, HeaderValue};
use actix_web::{HttpResponse, HttpResponseBuilder, ResponseError, http::StatusCode};
use serde_json::{Value, json};

use super::params::BadParam;
use crate::store::{Failure, StoreError};

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
    /// A page of another origin.
    #[error("a page of another origin may not do this")]
    Foreign,
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
    /// A fault of this program.
    #[error("internal error")]
    Internal,
}

impl ApiError {
    fn status(&self) -> StatusCode {
        match self {
            Self::Unauthorized | Self::Login => StatusCode::UNAUTHORIZED,
            Self::BadParam(_) | Self::BadBody(_) => StatusCode::BAD_REQUEST,
            Self::ContentType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Foreign => StatusCode::FORBIDDEN,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::Method(_) => StatusCode::METHOD_NOT_ALLOWED,
            Self::Coding => StatusCode::NOT_ACCEPTABLE,
            Self::TooMany { .. } | Self::ManyFailures { .. } => StatusCode::TOO_MANY_REQUESTS,
            Self::Busy | Self::ManyLogins | Self::ManyAnswers | Self::ManyRequests | Self::Unreachable => {
                StatusCode::SERVICE_UNAVAILABLE
            }
            Self::Slow => StatusCode::GATEWAY_TIMEOUT,
            Self::Failed => StatusCode::BAD_GATEWAY,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
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
            Self::Busy | Self::ManyLogins | Self::ManyAnswers | Self::ManyRequests | Self::Unreachable => {
                Some((header::RETRY_AFTER, HeaderValue::from_static("1")))
            }
            Self::BadParam(_)
            | Self::BadBody(_)
            | Self::ContentType
            | Self::Foreign
            | Self::NotFound
            | Self::Coding
            | Self::Slow
            | Self::Failed
            | Self::Internal => None,
        }
    }

    /// The answer.
    pub fn reply(&self, request_id: Option<&str>) -> HttpResponse {
        let mut response: HttpResponseBuilder = HttpResponse::build(self.status());
        if let Some(header) = self.header() {
            response.insert_header(header);
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

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        match error.failure {
            Failure::Busy => Self::Busy,
            Failure::Slow => Self::Slow,
            Failure::Unreachable => Self::Unreachable,
            // The customer API takes no patterns.
            Failure::Failed | Failure::BadPattern | Failure::TooManyRows => Self::Failed,
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
