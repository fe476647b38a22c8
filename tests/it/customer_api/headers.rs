//! The headers that every answer has (contract 4).

use super::{API, BASE, OUTGOING, QUALITY, Session, window, world_with};
use crate::support::Reply;
use crate::support::http::send;

const FIXED: [(&str, &str); 5] = [
    ("x-frame-options", "SAMEORIGIN"),
    ("x-xss-protection", "0"),
    ("x-content-type-options", "nosniff"),
    ("x-permitted-cross-domain-policies", "none"),
    ("referrer-policy", "strict-origin-when-cross-origin"),
];

fn has_the_fixed_headers(reply: &Reply, what: &str) {
    for (name, value) in FIXED {
        assert_eq!(reply.header(name), value, "{what}");
        assert_eq!(reply.headers.get_all(name).iter().count(), 1, "{what}: {name}");
    }
    assert!(
        uuid::Uuid::parse_str(reply.header("x-request-id")).is_ok_and(|id| id.get_version_num() == 4),
        "{what}: {reply:?}"
    );
    let runtime = reply.header("x-runtime");
    let (seconds, micros) = runtime.split_once('.').unwrap_or_default();
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    assert!(digits(seconds) && digits(micros) && micros.len() == 6, "{what}: {runtime}");
}

#[actix_web::test]
async fn every_answer_has_the_seeds_headers_whatever_its_status() {
    let session = Session::new();
    let ask = async |method: &str, path: &str, token: &str, extra: (&str, &str)| {
        let url = format!("{}{path}", session.url);
        let request = session.client.request(method.parse().unwrap(), url).header("Authorization", token);
        send(request.header(extra.0, extra.1)).await
    };
    let (good, none) = (format!("{API}/{QUALITY}?account-id={}&{}", session.uuid(), window(1)), ("accept", "*/*"));
    let token = session.token.as_str();
    for (status, reply) in [
        (200, ask("GET", &good, token, none).await),
        (200, ask("HEAD", &good, token, none).await),
        (200, ask("GET", &good, token, ("accept-encoding", "zstd")).await),
        (200, ask("GET", &format!("{API}/{OUTGOING}?account-id={}", session.uuid()), token, none).await),
        (
            200,
            ask(
                "GET",
                &good.replace(&BASE.to_string(), "4000000000").replace(&(BASE + 59).to_string(), "4000000000"),
                token,
                none,
            )
            .await,
        ),
        (304, ask("GET", &good, token, ("if-none-match", "*")).await),
        (400, ask("GET", &format!("{API}/{QUALITY}"), token, none).await),
        (401, ask("GET", &good, "x", none).await),
        (200, ask("GET", "/", token, none).await),
        (404, ask("GET", "/nowhere", token, none).await),
        (404, ask("POST", "/nowhere", token, none).await),
        (405, ask("POST", &good, token, none).await),
        (405, ask("OPTIONS", &good, "", none).await),
        (200, ask("GET", "/health/live", "", none).await),
    ] {
        assert_eq!(reply.status, status, "{reply:?}");
        has_the_fixed_headers(&reply, &status.to_string());
    }
    let limited = world_with(|config| config.limits.requests_per_second = 1).await;
    let blind =
        world_with(|config| config.accounts.query = "SELECT 1 AS id, 'x' AS uuid, 1 AS customer_id".into()).await;
    for (status, app) in [(429, &limited), (503, &blind)] {
        let moved = session.moved(app);
        moved.ask(QUALITY, &window(1)).await;
        let reply = moved.ask(QUALITY, &window(1)).await;
        assert_eq!(reply.status, status, "{reply:?}");
        has_the_fixed_headers(&reply, &status.to_string());
    }
}

#[actix_web::test]
async fn a_200_has_the_headers_of_the_seeds_page() {
    let session = Session::new();
    for query in [window(1), "from-time=4000000000&sampling=minute".into()] {
        let reply = session.ask(QUALITY, &query).await;
        for (name, value) in [
            ("content-type", "application/json; charset=utf-8"),
            ("vary", "Accept"),
            ("cache-control", "max-age=0, private, must-revalidate"),
        ] {
            assert_eq!(reply.header(name), value, "{query}");
        }
        assert_eq!(reply.header("content-length"), reply.body.len().to_string());
        let etag = reply.header("etag");
        assert!(etag.starts_with("W/\"") && etag.len() == 36 && etag.ends_with('"'), "{etag}");
        assert!(reply.headers.get("content-encoding").is_none() && reply.headers.get("set-cookie").is_none());
    }
}

#[actix_web::test]
async fn the_content_type_is_json_whatever_json_type_accept_names() {
    let session = Session::new();
    for accept in [
        "application/vnd.api+json",
        "application/json",
        "*/*",
        "text/html, */*;q=0.5",
        "application/xml, */*;q=0.1",
        "x",
    ] {
        for query in [window(1), String::new()] {
            let reply = send(session.request("GET", QUALITY, &query).header("Accept", accept)).await;
            assert_eq!(reply.header("content-type"), "application/json; charset=utf-8", "{accept}");
        }
    }
}

#[actix_web::test]
async fn the_request_id_is_the_callers_reduced_to_letters_digits_and_a_few_marks() {
    let session = Session::new();
    let long = "a1".repeat(200);
    let id = async |given: &[u8]| {
        let request = session.request("GET", QUALITY, &window(1));
        send(request.header("X-Request-Id", given)).await.header("x-request-id").to_owned()
    };
    for (given, reduced) in [
        ("abc", "abc"),
        ("Az09_@-", "Az09_@-"),
        ("a b.c/d\"e'f<g>\\", "abcdefg"),
        ("é1", "1"),
        ("a\tb", "ab"),
        (long.as_str(), &long[..255]),
        ("../../etc/passwd", "etcpasswd"),
    ] {
        assert_eq!(id(given.as_bytes()).await, reduced, "{given}");
    }
    for nothing in [&b""[..], b" ", b"!!", b"\xff\xfe", "Ж".as_bytes()] {
        let first = id(nothing).await;
        assert!(uuid::Uuid::parse_str(&first).is_ok_and(|id| id.get_version_num() == 4), "{first}");
        assert_ne!(first, id(nothing).await);
    }
    // On an error too.
    let reply = send(session.client.get(format!("{}/nowhere", session.url)).header("X-Request-Id", "me")).await;
    assert_eq!(reply.header("x-request-id"), "me");
}
