//! Transport of a request: TLS or not, and the host, as far as this service or a trusted proxy knows.

use actix_web::HttpRequest;
use actix_web::http::header::HeaderMap;

use super::auth::peer;
use super::server::connection;
use super::state::State;
use crate::net;

/// True if the caller's own connection is TLS: the service's, or the one to a trusted proxy that says so.
pub fn over_tls(request: &HttpRequest, state: &State) -> bool {
    let own = connection(request).is_some_and(|connection| connection.is_tls());
    own || (through_proxy(request, state) && forwarded_proto(request.headers()).as_deref() == Some("https"))
}

/// True if the peer is one of `http.trusted_proxies`.
pub fn through_proxy(request: &HttpRequest, state: &State) -> bool {
    peer(request).is_some_and(|peer| net::contains(&state.config.http.trusted_proxies, peer))
}

/// The protocol of the caller's connection to the first proxy, in small letters: the first of X-Forwarded-Proto, to which each proxy
/// of a chain adds its own at the end (nginx and most balancers replace it); without that header, of Forwarded (RFC 7239).
fn forwarded_proto(headers: &HeaderMap) -> Option<String> {
    let plain = first(headers, "x-forwarded-proto").map(str::to_owned);
    plain.or_else(|| forwarded(headers, "proto")).map(|proto| proto.to_ascii_lowercase())
}

/// The host that the caller named to the first proxy, with its port if it named one.
pub fn forwarded_host(headers: &HeaderMap) -> Option<String> {
    first(headers, "x-forwarded-host").map(str::to_owned).or_else(|| forwarded(headers, "host"))
}

/// The first entry of a list.
fn first<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    Some(headers.get(name)?.to_str().ok()?.split(',').next()?.trim())
}

/// A parameter of the first element of Forwarded.
fn forwarded(headers: &HeaderMap, name: &str) -> Option<String> {
    let parameter = |text: &str| {
        let (key, value) = text.split_once('=')?;
        key.trim().eq_ignore_ascii_case(name).then(|| value.trim().trim_matches('"').to_owned())
    };
    first(headers, "forwarded")?.split(';').find_map(parameter)
}
