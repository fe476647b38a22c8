//! Failures in the form that the plugins show: a JSON object with `message` and `error`. A refused token is 403 here, since
//! Grafana's proxy turns a 401 into a 400 without a body.

use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_TYPE, WWW_AUTHENTICATE};
use actix_web::{HttpRequest, HttpResponse, ResponseError as _};

use crate::http::JSON;
use crate::http::error::ApiError;
use crate::http::reports::request_id;
use crate::report::plan::Refusal;
use crate::shown::Cause;
use crate::store::{Failure, StoreError};

/// Why Grafana gets no data.
#[derive(Debug, thiserror::Error)]
pub enum GrafanaError {
    /// A failure that the customer API has too.
    #[error("{0}")]
    Api(#[from] ApiError),
    /// The request makes no sense, and this says why.
    #[error("{0}")]
    Refused(String),
}

const TOKEN_REFUSED: &str = "the token was refused: it is missing, bad, expired or revoked, or its use from this address \
    is not allowed; look at the data source's header Authorization";

impl GrafanaError {
    /// A request that makes no sense.
    pub fn refused(why: impl Into<String>) -> Self {
        Self::Refused(why.into())
    }

    fn status(&self) -> StatusCode {
        match self {
            Self::Api(ApiError::Unauthorized) => StatusCode::FORBIDDEN,
            Self::Api(error) => error.status_code(),
            Self::Refused(_) => StatusCode::BAD_REQUEST,
        }
    }

    /// The answer to a request that failed, and the line in the log: what failed here with its cause, what the caller did wrong
    /// as he is told.
    pub fn answer(&self, request: &HttpRequest, what: &str) -> HttpResponse {
        let id = request_id(request);
        match self {
            Self::Api(error) if self.status().is_server_error() => error.log(&id, what),
            // Its reason was logged.
            Self::Api(ApiError::Unauthorized) => {}
            _ => log::info!("request {id}: {what}: {}", Cause(self)),
        }
        self.reply(Some(&id))
    }

    /// The answer; `request_id` is named where the log holds more than the caller learns.
    pub fn reply(&self, request_id: Option<&str>) -> HttpResponse {
        let status = self.status();
        let text = match (self, request_id) {
            (Self::Api(ApiError::Unauthorized), _) => TOKEN_REFUSED.to_owned(),
            (_, Some(id)) if status.is_server_error() => format!("{self} (request {id})"),
            _ => self.to_string(),
        };
        let mut response = HttpResponse::build(status);
        if let Self::Api(error) = self {
            if let Some(header) = error.header().filter(|(name, _)| *name != WWW_AUTHENTICATE) {
                response.insert_header(header);
            }
            if error.leaves_a_body() {
                response.force_close();
            }
        }
        let body = serde_json::json!({ "message": text, "error": text }).to_string();
        response.insert_header((CONTENT_TYPE, JSON)).body(body)
    }
}

impl From<StoreError> for GrafanaError {
    fn from(error: StoreError) -> Self {
        match error.failure {
            Failure::BadPattern => {
                Self::refused("a regular expression cannot be used: the database does not understand it")
            }
            Failure::TooManyRows => Self::refused(format!(
                "{error} of one account, which limits.max_buckets is the bound of: take a shorter time range or a longer sampling"
            )),
            Failure::Busy | Failure::Slow | Failure::Unreachable | Failure::Failed => Self::Api(error.into()),
        }
    }
}

impl From<Refusal> for GrafanaError {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::ToBeforeFrom => Self::refused("the time range ends before it begins"),
            Refusal::TooManyBuckets { limit } => Self::refused(format!(
                "too many points: limits.max_buckets is {limit}, take a shorter time range or a longer sampling"
            )),
            Refusal::Future => Self::refused("the time range lies in the future"),
        }
    }
}
