//! The API's document, as JSON and as a page that needs nothing from elsewhere.

mod page;

use std::sync::Arc;

use actix_web::http::header::CONTENT_SECURITY_POLICY;
use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse};
use bytes::Bytes;

use super::error::ApiError;
use super::reply::Fixed;
use super::state::State;
use super::{JSON, openapi, reply};

/// The browser, too, is told that the page needs nothing from elsewhere.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; base-uri 'none'; \
                      form-action 'none'; frame-ancestors 'self'";

/// A file of the page.
pub struct File {
    /// Its name under `/docs/`.
    pub name: &'static str,
    content_type: &'static str,
    text: &'static str,
}

impl File {
    /// The content type without its parameters.
    pub fn essence(&self) -> &'static str {
        self.content_type.split(';').next().unwrap_or(self.content_type)
    }
}

/// The page's files.
pub const FILES: &[File] = &[
    File { name: "page.css", content_type: "text/css; charset=utf-8", text: include_str!("page.css") },
    File { name: "answer.js", content_type: "text/javascript; charset=utf-8", text: include_str!("answer.js") },
    File { name: "page.js", content_type: "text/javascript; charset=utf-8", text: include_str!("page.js") },
];

/// Both forms of the document and the page's files, written once.
pub struct Docs {
    json: Fixed,
    html: Fixed,
    files: Vec<(&'static File, Fixed)>,
}

impl Docs {
    /// Writes them for a service.
    fn new(state: &State) -> Self {
        let document = openapi::document(state);
        let fixed = |text: String| Fixed::from(Bytes::from(text));
        let files = FILES.iter().map(|file| (file, Bytes::from_static(file.text.as_bytes()).into())).collect();
        Self { json: fixed(document.to_string()), html: fixed(page::html(&document)), files }
    }
}

/// Those of a service. Few ask for them, so the first does.
fn docs(state: &State) -> &Docs {
    state.docs.get_or_init(|| Docs::new(state))
}

/// The document.
pub async fn document(request: HttpRequest, state: Data<Arc<State>>) -> HttpResponse {
    reply::send_fixed(&request, JSON, &docs(&state).json)
}

/// The page.
pub async fn page(request: HttpRequest, state: Data<Arc<State>>) -> HttpResponse {
    let mut response = reply::send_fixed(&request, "text/html; charset=utf-8", &docs(&state).html);
    response.headers_mut().insert(CONTENT_SECURITY_POLICY, actix_web::http::header::HeaderValue::from_static(POLICY));
    response
}

/// A file of the page.
pub async fn file(request: HttpRequest, name: Path<String>, state: Data<Arc<State>>) -> HttpResponse {
    match docs(&state).files.iter().find(|(file, _)| file.name == *name) {
        Some((file, text)) => reply::send_fixed(&request, file.content_type, text),
        None => ApiError::NotFound.reply(None),
    }
}
