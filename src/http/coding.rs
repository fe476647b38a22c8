//! Which responses are compressed: those to callers that are known, for as long as there is memory for it.
//!
//! A coder has a window and tables of its own until the last byte is sent, and a reader decides when that is. So it counts
//! in the memory of responses, on the customer's account; where none is free the response is sent as it is. Whoever has no
//! token gets everything as it is.

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, HeaderValue};
use actix_web::middleware::Next;
use actix_web::{Error, HttpRequest, HttpResponse};

/// The coding that leaves a body as it is: tells the compressing layer to do so, and is taken away behind it.
pub const IDENTITY: &str = "identity";

/// Tables of a coder, in bytes.
const TABLES: usize = 1 << 20;

/// The largest window of a coder, in bytes: brotli's.
const WINDOW: usize = 8 << 20;

/// Marks a response for which a coder's memory was set aside.
struct Coded;

/// Memory that the coder of a text takes, in bytes.
pub fn memory(length: usize) -> u64 {
    (TABLES + length.min(WINDOW)) as u64
}

/// True if the caller names a coding besides the plain one.
pub fn is_wanted(request: &HttpRequest) -> bool {
    let names_one = |value: &HeaderValue| value.as_bytes().split(|byte| *byte == b',').any(|one| !is_plain(one));
    request.headers().get_all(ACCEPT_ENCODING).any(names_one)
}

fn is_plain(one: &[u8]) -> bool {
    let name = one.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii();
    name.is_empty() || name.eq_ignore_ascii_case(IDENTITY.as_bytes())
}

/// Has a response compressed.
pub fn allow(response: &mut HttpResponse) {
    response.extensions_mut().insert(Coded);
}

/// The middleware within the compressing layer that leaves every response as it is but those that were marked.
///
/// # Errors
/// None of its own.
pub async fn leave_plain<B: MessageBody>(request: ServiceRequest, next: Next<B>) -> Result<ServiceResponse<B>, Error> {
    let mut response = next.call(request).await?;
    if !response.response().extensions().contains::<Coded>() {
        response.headers_mut().insert(CONTENT_ENCODING, HeaderValue::from_static(IDENTITY));
    }
    Ok(response)
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn a_coding_is_wanted_where_one_is_named() {
        for (header, wanted) in [
            ("gzip", true),
            ("identity, br;q=0.5", true),
            ("*", true),
            ("identity", false),
            ("Identity;q=1", false),
            ("", false),
            (" , ", false),
        ] {
            let request = TestRequest::default().insert_header((ACCEPT_ENCODING, header)).to_http_request();
            assert_eq!(is_wanted(&request), wanted, "{header:?}");
        }
        assert!(!is_wanted(&TestRequest::default().to_http_request()));
    }
}
