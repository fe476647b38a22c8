//! The page for people: one document and its files, built beforehand and held by the program with their packed forms. It
//! asks the API as any client does; nothing here knows a figure.

use std::sync::LazyLock;

use actix_web::http::header::{
    ACCEPT_ENCODING, AcceptEncoding, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE,
    ContentEncoding, ETAG, Encoding, HeaderValue, VARY,
};
use actix_web::web::Path;
use actix_web::{HttpMessage as _, HttpRequest, HttpResponse};
use bytes::Bytes;
use sha2::{Digest as _, Sha256};

use super::error::ApiError;
use super::reply;

/// The browser is told that the page has no script of its own text, asks nobody else, stands in no frame, and makes no markup
/// of text.
pub const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
                          base-uri 'none'; form-action 'self'; frame-ancestors 'none'; require-trusted-types-for 'script'";

/// The document may change with the program, and is asked for each time.
const INDEX_LIFE: &str = "no-cache";

/// A file's name has a digest of what is in it.
const ASSET_LIFE: &str = "public, max-age=31536000, immutable";

/// A built file.
struct BuiltFile {
    /// `index.html`, or `assets/` and a name.
    name: &'static str,
    plain: &'static [u8],
    brotli: &'static [u8],
    gzip: &'static [u8],
}

/// All of them, as the build script found them.
static FILES: &[BuiltFile] = include!(concat!(env!("OUT_DIR"), "/page_files.rs"));

/// The document's entity tag.
static INDEX_TAG: LazyLock<String> =
    LazyLock::new(|| reply::etag(&Sha256::digest(find("index.html").map_or(&b""[..], |file| file.plain))));

/// True where a page was built into the program.
pub fn is_built() -> bool {
    find("index.html").is_some()
}

/// Names of the files under `assets/`.
pub fn assets() -> impl Iterator<Item = &'static str> {
    FILES.iter().filter_map(|file| file.name.strip_prefix("assets/"))
}

/// Content types of these, without their parameters.
pub fn asset_types() -> impl Iterator<Item = &'static str> {
    assets().filter_map(content_type).map(|content_type| content_type.split(';').next().unwrap_or(content_type))
}

fn find(name: &str) -> Option<&'static BuiltFile> {
    FILES.iter().find(|file| file.name == name)
}

/// The content type of a file by the end of its name; `None` for one that the page has no use for.
fn content_type(name: &str) -> Option<&'static str> {
    Some(match name.rsplit('.').next()? {
        "html" => "text/html; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        _ => return None,
    })
}

/// The document.
pub async fn index(request: HttpRequest) -> HttpResponse {
    let Some(file) = find("index.html") else { return ApiError::NotFound.reply(None) };
    if reply::matches(request.headers(), &INDEX_TAG) {
        let mut unchanged = HttpResponse::NotModified();
        return headed(unchanged.insert_header((ETAG, INDEX_TAG.as_str())), INDEX_LIFE).finish();
    }
    let mut response = HttpResponse::Ok();
    response.insert_header((ETAG, INDEX_TAG.as_str()));
    send(headed(&mut response, INDEX_LIFE), &request, file)
}

/// A file of the document's.
pub async fn asset(request: HttpRequest, name: Path<String>) -> HttpResponse {
    match find(&format!("assets/{name}")) {
        Some(file) => send(headed(&mut HttpResponse::Ok(), ASSET_LIFE), &request, file),
        None => ApiError::NotFound.reply(None),
    }
}

/// The headers that all of the page's answers have.
fn headed<'a>(
    response: &'a mut actix_web::HttpResponseBuilder,
    life: &'static str,
) -> &'a mut actix_web::HttpResponseBuilder {
    response
        .insert_header((CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY)))
        .insert_header((CACHE_CONTROL, HeaderValue::from_static(life)))
        .insert_header((VARY, HeaderValue::from_static("Accept-Encoding")))
}

fn send(
    response: &mut actix_web::HttpResponseBuilder,
    request: &HttpRequest,
    file: &'static BuiltFile,
) -> HttpResponse {
    let Some(content_type) = content_type(file.name) else { return ApiError::NotFound.reply(None) };
    let (coding, body) = match packed(request) {
        Some(Encoding::Known(ContentEncoding::Brotli)) => (Some("br"), file.brotli),
        Some(Encoding::Known(ContentEncoding::Gzip)) => (Some("gzip"), file.gzip),
        _ => (None, file.plain),
    };
    if let Some(coding) = coding {
        response.insert_header((CONTENT_ENCODING, HeaderValue::from_static(coding)));
    }
    response.insert_header((CONTENT_TYPE, HeaderValue::from_static(content_type))).body(Bytes::from_static(body))
}

/// The smallest of the forms that a request takes; `None` for the plain one. Weights of the browser's do not count: it unpacks
/// either faster than it reads more.
fn packed(request: &HttpRequest) -> Option<Encoding> {
    if !request.headers().contains_key(ACCEPT_ENCODING) {
        return None;
    }
    let accepted = request.get_header::<AcceptEncoding>()?;
    [Encoding::brotli(), Encoding::gzip()]
        .into_iter()
        .find(|coding| accepted.negotiate(std::iter::once(coding)).as_ref() == Some(coding))
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn every_built_file_has_a_type_and_is_smaller_packed() {
        for file in FILES {
            assert!(content_type(file.name).is_some(), "{}", file.name);
            for packed in [file.brotli, file.gzip] {
                assert!(!packed.is_empty() && packed.len() < file.plain.len() + 64, "{}", file.name);
            }
        }
    }

    #[test]
    fn the_smallest_form_that_is_taken_is_sent() {
        for (header, wanted) in [
            (Some("gzip, deflate, br, zstd"), Some(Encoding::brotli())),
            (Some("gzip, deflate"), Some(Encoding::gzip())),
            (Some("br;q=0, gzip"), Some(Encoding::gzip())),
            (Some("identity"), None),
            (Some("zstd"), None),
            (Some("*"), None),
            (None, None),
        ] {
            let request = TestRequest::default();
            let request = match header {
                Some(header) => request.insert_header((ACCEPT_ENCODING, header)),
                None => request,
            };
            assert_eq!(packed(&request.to_http_request()), wanted, "{header:?}");
        }
    }
}
