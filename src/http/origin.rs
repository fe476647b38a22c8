//! Requests that change a session, from a page of another site: a browser would send them with the visitor's cookies, or have
//! the visitor logged in as somebody else.

use actix_web::HttpRequest;
use actix_web::http::header::{CONTENT_TYPE, HOST, ORIGIN};

use super::error::ApiError;
use super::state::State;
use super::transport::{forwarded_host, over_tls, through_proxy};

/// Refuses a request that a browser sends for a page of another origin than the service's own and `http.cors_origins`. Programs
/// send neither Origin nor Sec-Fetch-Site, and pass.
///
/// # Errors
/// [`ApiError::Foreign`].
pub fn check(request: &HttpRequest, state: &State) -> Result<(), ApiError> {
    let headers = request.headers();
    let text = |value: &actix_web::http::header::HeaderValue| value.to_str().unwrap_or_default().to_ascii_lowercase();
    let site = headers.get("sec-fetch-site").map(text);
    let origins: Vec<String> = headers.get_all(ORIGIN).map(text).collect();
    let listed = |origin: &String| state.config.http.cors_origins.iter().any(|known| known.as_str() == origin);
    if !origins.is_empty() && origins.iter().all(listed) {
        return Ok(());
    }
    let is_same = site.as_deref() == Some("same-origin");
    // "none" is the visitor's own doing, such as a bookmark.
    let site_fits = site.is_none() || is_same || site.as_deref() == Some("none");
    let own = Own::of(request, state);
    let fits = site_fits && origins.iter().all(|origin| listed(origin) || own.is(origin, is_same));
    if fits { Ok(()) } else { Err(ApiError::Foreign) }
}

/// The same for a request that a cookie speaks for, where it may change something: a browser sends cookies by itself.
///
/// # Errors
/// [`ApiError::Foreign`].
pub fn check_change(request: &HttpRequest, state: &State) -> Result<(), ApiError> {
    if request.method().is_safe() { Ok(()) } else { check(request, state) }
}

/// The service's own origin, as the caller sees it.
struct Own {
    /// Of Host, or of what a trusted proxy says it was: host and port, if it was named.
    authority: String,
    /// True if known to be https; else either will do, as a proxy may not say.
    tls: bool,
}

impl Own {
    fn of(request: &HttpRequest, state: &State) -> Self {
        let headers = request.headers();
        let forwarded = if through_proxy(request, state) { forwarded_host(headers) } else { None };
        // HTTP/2 names it in the address.
        let named = request.uri().authority().map(ToString::to_string);
        let host = || headers.get(HOST).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let authority = forwarded.or_else(host).or(named).unwrap_or_default().to_ascii_lowercase();
        Self { authority, tls: over_tls(request, state) }
    }

    /// True for this origin. Some proxies leave the port out of Host: where the browser says that the two are the same, it may
    /// be missing.
    fn is(&self, origin: &str, browser_says_same: bool) -> bool {
        let Some((scheme, authority)) = origin.split_once("://") else { return false };
        let default = match scheme {
            "https" => "443",
            "http" if !self.tls => "80",
            _ => return false,
        };
        let (host, port) = split(authority);
        let (own_host, own_port) = split(&self.authority);
        let same_port = port.unwrap_or(default) == own_port.unwrap_or(default);
        !host.is_empty() && host == own_host && (same_port || (browser_says_same && own_port.is_none()))
    }
}

/// Host and port; brackets around an IPv6 address stay.
fn split(authority: &str) -> (&str, Option<&str>) {
    match authority.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, Some(port)),
        _ => (authority, None),
    }
}

/// Refuses a body of a type that a form of another site could send. Without a type the body itself decides: browsers that send
/// none name their page's origin.
///
/// # Errors
/// [`ApiError::ContentType`].
pub fn json_only(request: &HttpRequest) -> Result<(), ApiError> {
    let is_json = |value: &actix_web::http::header::HeaderValue| {
        let essence = value.to_str().unwrap_or_default().split(';').next().unwrap_or_default().trim();
        ["application/json", "application/vnd.api+json"].iter().any(|json| essence.eq_ignore_ascii_case(json))
    };
    if request.headers().get_all(CONTENT_TYPE).all(is_json) { Ok(()) } else { Err(ApiError::ContentType) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_the_services_own_by_host_port_and_known_scheme() {
        for (authority, tls, origin, same, wanted) in [
            ("stats.example", true, "https://stats.example", false, true),
            ("stats.example", true, "https://stats.example:443", false, true),
            ("stats.example:443", true, "https://stats.example", false, true),
            ("stats.example", true, "http://stats.example", false, false),
            ("stats.example", false, "https://stats.example", false, true),
            ("stats.example", false, "https://stats.example:8443", false, false),
            ("stats.example", false, "https://stats.example:8443", true, true),
            ("stats.example:1", false, "https://stats.example:8443", true, false),
            ("[2001:db8::1]:8080", false, "http://[2001:db8::1]:8080", false, true),
            ("[2001:db8::1]", false, "http://[2001:db8::1]", false, true),
            ("[2001:db8::1]", false, "http://[2001:db8::2]", true, false),
            ("stats.example", false, "https://stats.example.evil.example", true, false),
            ("stats.example", false, "https://evil.example", true, false),
            ("stats.example", false, "https://stats.example@evil.example", true, false),
            ("stats.example", false, "ftp://stats.example", true, false),
            ("stats.example", false, "null", true, false),
            ("stats.example", false, "", true, false),
            ("", false, "https://", true, false),
        ] {
            let own = Own { authority: authority.to_owned(), tls };
            assert_eq!(own.is(origin, same), wanted, "{authority} {origin}");
        }
    }
}
