//! The HTTP client of `export`: one request at a time, whose body is read piece by piece, and failures that tell whether another
//! try may help.

use std::fmt;
use std::future::poll_fn;
use std::path::Path;
use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body as _, Incoming};
use hyper::header::{self, HeaderMap, HeaderValue};
use hyper::{Request, Response, StatusCode, Uri};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;

use crate::shown::Escaped;

/// Longest time to connect.
const CONNECT: Duration = Duration::from_secs(10);

/// Longest silence within a body.
const SILENCE: Duration = Duration::from_secs(60);

/// Longest text of an error that is read.
const LONGEST_ERROR: usize = 16 * 1024;

/// The environment variable with the token.
const VARIABLE: &str = "CDRSCOPE_TOKEN";

/// A token. It is never printed.
pub struct ClientToken(HeaderValue);

impl ClientToken {
    /// That of a file, or of the environment.
    ///
    /// # Errors
    /// There is none, or it is no token.
    pub fn find(file: Option<&Path>) -> Result<Self, String> {
        let (text, place) = match file {
            Some(path) => {
                let text =
                    std::fs::read_to_string(path).map_err(|e| format!("--token-file {}: {e}", path.display()))?;
                (text, format!("--token-file {}", path.display()))
            }
            None => {
                let text = std::env::var(VARIABLE)
                    .map_err(|_absent| format!("a token is needed for --url: --token-file FILE, or {VARIABLE}"))?;
                (text, VARIABLE.to_owned())
            }
        };
        Self::new(text.trim()).ok_or_else(|| format!("{place} holds no token"))
    }

    /// This token; `None` for a text that is none.
    pub fn new(text: &str) -> Option<Self> {
        let is_word = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
        let mut value = HeaderValue::try_from(format!("Bearer {text}")).ok().filter(|_| is_word)?;
        value.set_sensitive(true);
        Some(Self(value))
    }
}

/// A request that failed.
#[derive(Debug)]
pub struct FetchError {
    /// The reason, in a line.
    pub why: String,
    /// True if another try may help.
    pub may_pass: bool,
    /// The wait that the service asks for.
    pub retry_after: Option<Duration>,
}

impl FetchError {
    /// One that another try does not help.
    pub fn last(why: impl Into<String>) -> Self {
        Self { why: why.into(), may_pass: false, retry_after: None }
    }

    /// One that may pass.
    pub fn passing(why: impl Into<String>) -> Self {
        Self { why: why.into(), may_pass: true, retry_after: None }
    }
}

impl fmt::Display for FetchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.why)
    }
}

/// A client of one service.
pub struct ExportClient {
    client: Client<HttpsConnector<HttpConnector>, String>,
    base: String,
    token: ClientToken,
    timeout: Duration,
}

/// An answer that has begun.
pub struct FileAnswer {
    body: Incoming,
    /// The cursor of the CDRs behind it, if there are more.
    pub next: Option<String>,
}

impl ExportClient {
    /// For a service at this address, whose answers begin within a time.
    ///
    /// # Errors
    /// The address is none, or the system has no certificates.
    pub fn new(url: &str, token: ClientToken, timeout: Duration) -> Result<Self, String> {
        let base = url.trim_end_matches('/').to_owned();
        let parsed: Uri =
            base.parse().map_err(|_no_uri| format!("--url {}: expected http://… or https://…", Escaped(url)))?;
        let is_web = matches!(parsed.scheme_str(), Some("http" | "https")) && parsed.query().is_none();
        if !is_web || parsed.authority().is_none_or(|authority| authority.as_str().contains('@')) {
            return Err("--url: expected http://… or https://… without a login or a query".to_owned());
        }
        let mut http = HttpConnector::new();
        http.set_connect_timeout(Some(CONNECT));
        http.set_nodelay(true);
        http.enforce_http(false);
        let builder = HttpsConnectorBuilder::new();
        let builder = builder
            .with_provider_and_native_roots(rustls::crypto::aws_lc_rs::default_provider())
            .map_err(|e| format!("the system's certificates cannot be read: {e}"))?;
        let connector = builder.https_or_http().enable_http1().wrap_connector(http);
        // A connection is not kept: after a long piece a balancer may have dropped it.
        let client = Client::builder(TokioExecutor::new()).pool_max_idle_per_host(0).build(connector);
        Ok(Self { client, base, token, timeout })
    }

    /// Asks for a file of this content type; the answer has begun well.
    ///
    /// # Errors
    /// No answer, another status than 200, or a body that is not that file.
    pub async fn get(&self, path: &str, content_type: &str) -> Result<FileAnswer, FetchError> {
        let request = Request::get(format!("{}{path}", self.base))
            .header(header::AUTHORIZATION, &self.token.0)
            .header(header::USER_AGENT, concat!("cdrscope/", env!("CARGO_PKG_VERSION")))
            .body(String::new())
            .map_err(|_no_uri| FetchError::last("the parameters are too long for a request"))?;
        let answer = tokio::time::timeout(self.timeout, self.client.request(request)).await;
        let response = match answer {
            Ok(Ok(response)) => response,
            Ok(Err(error)) => {
                return Err(FetchError::passing(format!("no answer from {}: {}", self.base, innermost(&error))));
            }
            Err(_) => {
                let seconds = self.timeout.as_secs();
                return Err(FetchError::last(format!("no answer within {seconds} seconds (--timeout)")));
            }
        };
        if response.status() != StatusCode::OK {
            return Err(refusal(response).await);
        }
        let headers = response.headers();
        let found = headers.get(header::CONTENT_TYPE).map_or(&b""[..], HeaderValue::as_bytes);
        if found != content_type.as_bytes() {
            let found = String::from_utf8_lossy(found).into_owned();
            return Err(FetchError::last(format!(
                "the answer is {} and not {content_type}: is {} cdrscope?",
                Escaped(&found),
                self.base
            )));
        }
        // Without either a body that is cut is as good as a whole one.
        if !headers.contains_key(header::TRANSFER_ENCODING) && !headers.contains_key(header::CONTENT_LENGTH) {
            return Err(FetchError::last(
                "the answer has no length: something between takes it away, and a cut would not show",
            ));
        }
        let next = next(headers);
        Ok(FileAnswer { body: response.into_body(), next })
    }
}

impl FileAnswer {
    /// The next piece of the body; `None` behind the last of a whole one.
    ///
    /// # Errors
    /// The body is cut.
    pub async fn piece(&mut self) -> Result<Option<Bytes>, FetchError> {
        loop {
            let frame = poll_fn(|context| Pin::new(&mut self.body).poll_frame(context));
            match tokio::time::timeout(SILENCE, frame).await {
                // Trailers are no data.
                Ok(Some(Ok(frame))) => {
                    if let Ok(data) = frame.into_data() {
                        return Ok(Some(data));
                    }
                }
                Ok(Some(Err(error))) => {
                    return Err(FetchError::passing(format!("the file was cut: {}", innermost(&error))));
                }
                Ok(None) => return Ok(None),
                Err(_) => {
                    let seconds = SILENCE.as_secs();
                    return Err(FetchError::passing(format!("the file was cut: nothing came for {seconds} seconds")));
                }
            }
        }
    }
}

/// The cursor of `Link: <?…&cursor=…>; rel="next"`.
fn next(headers: &HeaderMap) -> Option<String> {
    let link = headers.get(header::LINK)?.to_str().ok()?;
    let (target, _) = link.strip_prefix('<')?.split_once('>')?;
    let cursor = target.split(['?', '&']).find_map(|pair| pair.strip_prefix("cursor="))?;
    Some(cursor.to_owned())
}

/// The failure that an answer with another status than 200 is.
async fn refusal(response: Response<Incoming>) -> FetchError {
    let (head, body) = response.into_parts();
    let text = |name: &str| head.headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let retry_after = text("retry-after").and_then(|text| text.parse().ok()).map(Duration::from_secs);
    let mut answer = FileAnswer { body, next: None };
    let mut bytes = Vec::new();
    while let Ok(Some(piece)) = answer.piece().await {
        if bytes.len() + piece.len() > LONGEST_ERROR {
            break;
        }
        bytes.extend_from_slice(&piece);
    }
    let told = serde_json::from_slice::<serde_json::Value>(&bytes).ok();
    let told = told.as_ref().and_then(|body| body["error"].as_str()).map(|error| Escaped(error).to_string());
    let mut why = match (told, head.status) {
        (Some(error), _) => format!("{}: {error}", head.status.as_u16()),
        (None, StatusCode::UNAUTHORIZED) => "401: the token is not accepted".to_owned(),
        (None, status) if status.is_redirection() => {
            format!("{status}: the service is elsewhere: {}", Escaped(&text("location").unwrap_or_default()))
        }
        (None, status) => status.to_string(),
    };
    if let Some(id) = text("x-request-id").filter(|id| !why.contains(id.as_str())) {
        why.push_str(&format!(" (request {})", Escaped(&id)));
    }
    FetchError { why, may_pass: matches!(head.status.as_u16(), 429 | 502 | 503 | 504), retry_after }
}

/// The cause behind all causes: `Connection refused`, not `client error`.
fn innermost(error: &dyn std::error::Error) -> String {
    let mut error = error;
    while let Some(source) = error.source() {
        error = source;
    }
    Escaped(&error.to_string()).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cursor_is_that_of_the_link() {
        let of = |link: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::LINK, HeaderValue::from_static(link));
            next(&headers)
        };
        assert_eq!(of("<?a=1&cursor=0af3>; rel=\"next\"").as_deref(), Some("0af3"));
        assert_eq!(of("<?cursor=0af3&a=1>; rel=\"next\"").as_deref(), Some("0af3"));
        assert_eq!(of("<?a=1>; rel=\"next\""), None);
    }

    #[test]
    fn what_is_no_token_is_refused_without_being_shown() {
        for bad in ["", "two words", "line\nend", "їжак"] {
            assert!(ClientToken::new(bad).is_none(), "{bad}");
        }
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("token");
        std::fs::write(&file, "a secret word\n").unwrap();
        let error = ClientToken::find(Some(&file)).err().unwrap();
        assert!(error.ends_with("holds no token") && !error.contains("secret"), "{error}");
        let token = || ClientToken::new("abc").unwrap();
        for bad in ["", "localhost:8080", "ftp://x", "http://", "https://a:b@x", "https://x?y=1"] {
            assert!(ExportClient::new(bad, token(), CONNECT).is_err(), "{bad}");
        }
    }
}
