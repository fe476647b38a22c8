//! Which responses are compressed: those to callers that are known, for as long as there is memory for it.
//!
//! A coder has a window and tables of its own until the last byte is sent, and a reader decides when that is. So it counts
//! in the memory of responses, on the customer's account; where none is free the response is sent as it is. Whoever has no
//! token gets everything as it is.

use actix_http::encoding::Encoder;
use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{ACCEPT_ENCODING, AcceptEncoding, ContentEncoding, Encoding, HeaderValue};
use actix_web::{Error, HttpMessage as _, HttpRequest, HttpResponse};

use super::error::ApiError;

/// The coding that leaves a body as it is.
const IDENTITY: &str = "identity";

/// Codings that there are.
static CODINGS: [Encoding; 5] =
    [Encoding::identity(), Encoding::brotli(), Encoding::gzip(), Encoding::deflate(), Encoding::zstd()];

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

/// The coding that a request wants; `None` if it takes none that there is.
fn negotiate(request: &ServiceRequest) -> Option<ContentEncoding> {
    if !request.headers().contains_key(ACCEPT_ENCODING) {
        return Some(ContentEncoding::Identity);
    }
    // Without the header, and where it does not read, the plain one will do.
    let Some(accepted) = request.get_header::<AcceptEncoding>() else { return Some(ContentEncoding::Identity) };
    match accepted.negotiate(CODINGS.iter())? {
        Encoding::Known(coding) => Some(coding),
        Encoding::Unknown(_) => None,
    }
}

/// Compresses responses that were marked; refuses a request that takes none of the codings.
///
/// # Errors
/// None of its own.
pub async fn encode<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: impl AsyncFnOnce(ServiceRequest) -> Result<ServiceResponse<B>, Error>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let Some(coding) = negotiate(&request) else { return Ok(request.into_response(ApiError::Coding.reply(None))) };
    let response = next(request).await?;
    if coding == ContentEncoding::Identity || !response.response().extensions().contains::<Coded>() {
        return Ok(response.map_into_boxed_body());
    }
    Ok(response.map_body(|head, body| Encoder::response(coding, head, body).boxed()))
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
