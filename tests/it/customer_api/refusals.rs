//! Who is not answered: no token, no such path, another method (contract 1 and 2).

use serde_json::json;

use super::{API, CONCURRENCY, ORIGINATION, OUTGOING, QUALITY, Session, TERMINATION, window};
use crate::support::http::send;

fn reports() -> impl Iterator<Item = &'static str> {
    ORIGINATION.into_iter().chain(TERMINATION).chain(CONCURRENCY).chain([OUTGOING])
}

#[actix_web::test]
async fn without_a_good_token_every_report_answers_401_with_an_empty_body() {
    let session = Session::new();
    for report in reports() {
        for header in [None, Some(""), Some("x"), Some("Bearer"), Some("Bearer x.y.z")] {
            for query in
                [format!("?account-id={}", session.uuid()), String::new(), "?account-id[]=x&foo=1&from-time=%FF".into()]
            {
                let mut request = session.client.get(format!("{}{API}/{report}{query}", session.url));
                if let Some(value) = header {
                    request = request.header("Authorization", value);
                }
                let reply = send(request).await;
                assert_eq!((reply.status, reply.body.as_str()), (401, ""), "{report} {header:?}");
                assert_eq!((reply.header("content-length"), reply.header("www-authenticate")), ("0", "Bearer"));
                assert!(reply.headers.get("content-type").is_none() && reply.headers.get("set-cookie").is_none());
            }
        }
    }
}

#[actix_web::test]
async fn another_method_gets_405_with_allow_before_any_token_is_asked_for() {
    let session = Session::new();
    for report in reports() {
        for method in ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "PROPFIND"] {
            for token in ["", "x", &session.token] {
                let request = session.client.request(method.parse().unwrap(), format!("{}{API}/{report}", session.url));
                let reply = send(request.header("Authorization", token)).await;
                assert_eq!((reply.status, reply.header("allow")), (405, "GET, HEAD"), "{method} {report}");
                assert_eq!(reply.body, r#"{"error":"method not allowed"}"#);
                assert_eq!(reply.header("content-type"), "application/json; charset=utf-8");
            }
        }
    }
}

#[actix_web::test]
async fn an_unknown_path_gets_404_with_or_without_a_token() {
    let session = Session::new();
    for path in [
        "/",
        "/nowhere",
        API,
        &format!("{API}/"),
        &format!("{API}/{QUALITY}/"),
        &format!("{API}/{QUALITY}/x"),
        &format!("{API}/Origination-Statistics"),
        &format!("/{API}/{QUALITY}"),
        "/api/rest/customer/v2/origination-statistics",
        "/%FF",
        "/health",
        "/etc/passwd",
    ] {
        for method in ["GET", "POST", "DELETE"] {
            for token in ["", &session.token] {
                let request = session.client.request(method.parse().unwrap(), format!("{}{path}", session.url));
                let reply = send(request.header("Authorization", token)).await;
                assert_eq!((reply.status, reply.body.as_str()), (404, r#"{"error":"not found"}"#), "{method} {path}");
                assert_eq!(reply.header("content-type"), "application/json; charset=utf-8");
            }
        }
    }
}

#[actix_web::test]
async fn an_error_is_compact_json_with_its_length() {
    let session = Session::new();
    for query in ["", "from-time=x&sampling=minute", &format!("{}&foo=1", window(1))] {
        let reply = session.ask(QUALITY, query).await;
        assert_eq!(reply.status, 400);
        let text = reply.json()["error"].as_str().unwrap().to_owned();
        assert_eq!(reply.body, json!({ "error": text }).to_string());
        assert_eq!(reply.header("content-length"), reply.body.len().to_string());
        assert_eq!(reply.header("content-type"), "application/json; charset=utf-8");
        assert!(reply.headers.get("etag").is_none());
    }
}

#[actix_web::test]
async fn a_coding_that_cannot_be_had_is_refused_in_the_same_shape() {
    let session = Session::new();
    for coding in ["identity;q=0, foo", "foo, *;q=0"] {
        let reply = send(session.request("GET", QUALITY, &window(1)).header("Accept-Encoding", coding)).await;
        let body = r#"{"error":"none of the codings in Accept-Encoding can be had: zstd, br, gzip, identity"}"#;
        assert_eq!((reply.status, reply.body.as_str()), (406, body), "{coding}");
        assert_eq!(reply.header("content-type"), "application/json; charset=utf-8");
        assert_eq!(reply.header("x-frame-options"), "SAMEORIGIN");
    }
}
