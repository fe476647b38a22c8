//! Connections to a store: a deadline for each request, answers that are bounded, and no secret in what is told of them.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use hyper::body::{Body as _, Incoming};
use hyper::header::{HeaderValue, IF_NONE_MATCH};
use hyper::{Method, Response, StatusCode};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector as Tcp;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use object_store::ClientOptions;
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpRequestBody, HttpResponse, HttpService,
};

use super::S3Error;
use crate::config::value::Secret;
use crate::shown::{Cause, Shown};

/// Longest time to connect.
const CONNECT: Duration = Duration::from_secs(5);

/// Longest time that a connection is kept for the next request. Balancers drop them later.
const IDLE: Duration = Duration::from_secs(20);

/// Longest answer: that of an upload has 300 bytes.
const LONGEST_ANSWER: usize = 64 * 1024;

/// A header of every request that is signed.
const SIGNED: &str = "x-amz-content-sha256";

/// The way to a store. Clones share their connections and the last failure.
#[derive(Clone, Debug)]
pub(super) struct Transport {
    client: Client<HttpsConnector<Tcp>, HttpRequestBody>,
    limit: Duration,
    secrets: Arc<[Secret]>,
    is_conditional: Arc<AtomicBool>,
    last: Arc<Mutex<Option<S3Error>>>,
}

/// An answer that is too long.
#[derive(Debug, thiserror::Error)]
#[error("the answer is longer than {LONGEST_ANSWER} bytes")]
struct LongAnswer;

/// An answer that has not come in time.
#[derive(Debug, thiserror::Error)]
#[error("no answer in time")]
struct LateAnswer;

/// A role whose key cannot be sent; the value stays out of it.
#[derive(Debug, thiserror::Error)]
#[error("its {0} has other than letters, digits and marks of ASCII")]
struct OddKey(&'static str);

impl Transport {
    pub(super) fn new(limit: Duration, secrets: Arc<[Secret]>) -> Result<Self, S3Error> {
        let mut tcp = Tcp::new();
        tcp.set_connect_timeout(Some(CONNECT.min(limit)));
        tcp.set_nodelay(true);
        tcp.enforce_http(false);
        let tls = HttpsConnectorBuilder::new()
            .with_provider_and_native_roots(rustls::crypto::aws_lc_rs::default_provider())
            .map_err(|error| S3Error::Odd(format!("the system's certificates cannot be read: {error}")))?;
        let connector = tls.https_or_http().enable_http1().wrap_connector(tcp);
        let mut client = Client::builder(TokioExecutor::new());
        client.pool_timer(TokioTimer::new()).pool_idle_timeout(IDLE).pool_max_idle_per_host(1);
        let client = client.build(connector);
        Ok(Self { client, limit, secrets, is_conditional: Arc::new(AtomicBool::new(true)), last: Arc::default() })
    }

    pub(super) fn without_conditions(&self) {
        self.is_conditional.store(false, Ordering::Relaxed);
    }

    pub(super) fn forget(&self) {
        drop(self.last_failure());
    }

    /// The failure of the last request that failed, once.
    pub(super) fn last_failure(&self) -> Option<S3Error> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn note(&self, failure: S3Error) {
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(failure);
    }

    /// A text without the secrets in it.
    pub(super) fn hidden(&self, text: String) -> String {
        self.secrets.iter().fold(text, |text, secret| text.replace(secret.expose(), "[hidden]"))
    }

    async fn ask(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let is_head = request.method() == Method::HEAD;
        let is_signed = request.headers().contains_key(SIGNED);
        let response = self.client.request(request).await.map_err(|error| {
            let kind = match error.is_connect() {
                true => HttpErrorKind::Connect,
                false => HttpErrorKind::Interrupted,
            };
            HttpError::new(kind, error)
        })?;
        let (mut head, body) = response.into_parts();
        let body = read(body).await?;
        let text = String::from_utf8_lossy(&body);
        // Some answer so after they have begun with 200, to keep the connection while they work.
        if head.status.is_success() && text.contains("<Error>") && !is_head {
            head.status = StatusCode::INTERNAL_SERVER_ERROR;
        }
        if head.status.is_success() {
            if !is_signed && let Some(name) = odd_key(&body) {
                return Err(HttpError::new(HttpErrorKind::Decode, OddKey(name)));
            }
            return Ok(HttpResponse::from_parts(head, body.into()));
        }
        let region = head.headers.get("x-amz-bucket-region").and_then(|value| value.to_str().ok());
        let told = self.hidden(told(head.status, &text, region));
        self.note(S3Error::Refused { status: head.status.as_u16(), text: told.clone() });
        // The rest of it may hold what was sent, a token among that.
        Ok(Response::from_parts(head, Shown(&told).to_string().into()))
    }
}

impl HttpConnector for Transport {
    fn connect(&self, _: &ClientOptions) -> object_store::Result<HttpClient> {
        Ok(HttpClient::new(self.clone()))
    }
}

#[async_trait]
impl HttpService for Transport {
    async fn call(&self, mut request: HttpRequest) -> Result<HttpResponse, HttpError> {
        if self.is_conditional.load(Ordering::Relaxed) && makes_object(&request) {
            request.headers_mut().insert(IF_NONE_MATCH, HeaderValue::from_static("*"));
        }
        // What asks for a key has none to sign with.
        let is_signed = request.headers().contains_key(SIGNED);
        let uri = request.uri();
        let store = format!(
            "{}://{}",
            uri.scheme_str().unwrap_or_default(),
            uri.authority().map_or_else(String::new, ToString::to_string)
        );
        let answer = match tokio::time::timeout(self.limit, self.ask(request)).await {
            Ok(answer) => answer,
            Err(_) => {
                self.note(S3Error::Slow(store.clone(), self.limit.as_secs()));
                Err(HttpError::new(HttpErrorKind::Timeout, LateAnswer))
            }
        };
        if let Err(error) = &answer {
            let why = self.hidden(Cause(error).to_string());
            let why = why.strip_prefix("HTTP error: ").unwrap_or(&why).to_owned();
            match error.kind() {
                HttpErrorKind::Timeout => {}
                HttpErrorKind::Decode => self.note(S3Error::Odd(why)),
                _ => self.note(S3Error::Unreached(store.clone(), why)),
            }
        }
        if !is_signed && let Some(failure) = self.last_failure() {
            let why = match failure {
                S3Error::Unreached(_, why) => why,
                other => other.to_string(),
            };
            self.note(S3Error::NoRole { address: store, why });
        }
        answer
    }
}

/// The name of a role's value that makes no header, if there is one: the client panics at it.
fn odd_key(body: &[u8]) -> Option<&'static str> {
    let role: serde_json::Value = serde_json::from_slice(body).ok()?;
    let is_odd = |text: &str| !text.bytes().all(|byte| byte.is_ascii_graphic());
    ["AccessKeyId", "SecretAccessKey", "Token"].into_iter().find(|name| role[*name].as_str().is_some_and(is_odd))
}

/// True for the requests that give an object its name: all of it at once, or the end of an upload in parts.
fn makes_object(request: &HttpRequest) -> bool {
    let query = request.uri().query().unwrap_or_default();
    match *request.method() {
        Method::PUT => query.is_empty() && request.headers().contains_key(SIGNED),
        Method::POST => query.contains("uploadId="),
        _ => false,
    }
}

/// A whole body.
async fn read(mut body: Incoming) -> Result<Bytes, HttpError> {
    let mut bytes = Vec::new();
    while let Some(frame) = poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await {
        let frame = frame.map_err(|error| HttpError::new(HttpErrorKind::Interrupted, error))?;
        if let Ok(data) = frame.into_data() {
            if bytes.len() + data.len() > LONGEST_ANSWER {
                return Err(HttpError::new(HttpErrorKind::Decode, LongAnswer));
            }
            bytes.extend_from_slice(&data);
        }
    }
    Ok(bytes.into())
}

/// Code and message of a refusal. An answer without them is told by its status alone.
fn told(status: StatusCode, body: &str, region: Option<&str>) -> String {
    let part = |name: &str| {
        let (_, rest) = body.split_once(&format!("<{name}>"))?;
        rest.split_once("</").map(|(text, _)| text)
    };
    let code = part("Code").or(status.canonical_reason()).unwrap_or_default();
    let mut text = code.to_owned();
    if let Some(message) = part("Message") {
        text = format!("{text}: {message}");
    }
    if let Some(region) = region.filter(|_| status.is_redirection() || status == StatusCode::BAD_REQUEST) {
        text = format!("{text} (the bucket is in the region {region})");
    }
    text
}
