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
        "//",
        "/nowhere",
        "/assets",
        "/index.html",
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

/// What the server answers to these bytes: the status line, and whether anything of ours is in the head or any body follows.
async fn raw(head: &[u8]) -> (String, bool) {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let session = Session::new();
    let mut stream = tokio::net::TcpStream::connect(session.url.trim_start_matches("http://")).await.unwrap();
    stream.write_all(head).await.unwrap();
    let mut answer = Vec::new();
    // It may close while there is something that it has not read.
    let _ = tokio::time::timeout(std::time::Duration::from_secs(10), stream.read_to_end(&mut answer)).await.unwrap();
    let answer = String::from_utf8(answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    (head.lines().next().unwrap_or_default().to_owned(), head.contains("x-request-id") || !body.is_empty())
}

/// As docs/api.md says: nothing of these comes as far as the service.
#[actix_web::test]
async fn what_is_no_http_gets_an_empty_400_or_431() {
    let get = |query: &str, more: &str| {
        format!("GET {API}/{QUALITY}?{query} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{more}\r\n").into_bytes()
    };
    assert_eq!(raw(&get("a=b", "")).await, ("HTTP/1.1 401 Unauthorized".to_owned(), true));
    let long = "x".repeat(66_000);
    for (what, request) in [
        ("quote", get("a=\"", "")),
        ("less", get("a=<", "")),
        ("greater", get("a=>", "")),
        ("space", get("a= b", "")),
        ("letter", get("a=\u{e9}", "")),
        ("long", get(&long, "")),
    ] {
        assert_eq!(raw(&request).await, ("HTTP/1.1 400 Bad Request".to_owned(), false), "{what}");
    }
    for (lines, value) in [(200, "y"), (3, long.as_str())] {
        let large = get("a=b", &(0..lines).map(|n| format!("x-{n}: {value}\r\n")).collect::<String>());
        assert_eq!(raw(&large).await, ("HTTP/1.1 431 Request Header Fields Too Large".to_owned(), false), "{lines}");
    }
}
