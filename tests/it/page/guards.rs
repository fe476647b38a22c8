//! What keeps strangers, other pages and floods from the page's sign-in.

use std::time::Duration;

use cdrscope::config::Algorithm;
use cdrscope::config::value::{Secret, Value as _};
use cdrscope::token::Issue;
use serde_json::json;
use time::OffsetDateTime;

use super::{CUSTOMER_COOKIE, OPERATOR_COOKIE, OPERATORS, app, cookies, open, open_with, shown, status};
use crate::support::app::{API, SECRET};
use crate::support::http::send;
use crate::support::{TestApp, insert};

fn signed(claims: &serde_json::Value, secret: &str) -> String {
    let key = jsonwebtoken::EncodingKey::from_secret(secret.as_bytes());
    jsonwebtoken::encode(&jsonwebtoken::Header::default(), claims, &key).unwrap()
}

fn now() -> i64 {
    OffsetDateTime::now_utc().unix_timestamp()
}

#[actix_web::test]
async fn a_token_that_opens_nothing_is_no_session() {
    let app = app(|_| ()).await;
    let grant = |exp: i64, more: serde_json::Value| {
        let mut claims = json!({ "aud": "customer-v1", "sub": "D", "exp": exp, "cfg": { "customer_id": 7 } });
        claims.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        claims
    };
    let good = grant(now() + 60, json!({}));
    assert_eq!(open_with(&app, &signed(&good, SECRET)).await.status, 204);
    let elsewhere = json!({ "cfg": { "customer_id": 7, "allowed_ips": ["192.0.2.1"] } });
    for (what, token) in [
        ("nonsense", "nonsense".to_owned()),
        ("another key", signed(&good, "a secret of somebody else's, 32 bytes or more")),
        ("the operator's key", signed(&good, crate::operator::SECRET)),
        ("expired", signed(&grant(now() - 1, json!({})), SECRET)),
        ("another audience", signed(&grant(now() + 60, json!({ "aud": "operator-v1" })), SECRET)),
        ("another address", signed(&grant(now() + 60, elsewhere), SECRET)),
        ("a row that is not there", signed(&grant(now() + 60, json!({ "sub": 999 })), SECRET)),
        ("revoked", signed(&grant(now() + 60, json!({ "session_end": now() - 1 })), SECRET)),
    ] {
        let reply = open_with(&app, &token).await;
        assert_eq!((reply.status, reply.body.as_str(), reply.header("set-cookie")), (401, "", ""), "{what}");
        // Nor does a browser have one by it.
        for name in [CUSTOMER_COOKIE, OPERATOR_COOKIE] {
            let told = shown(&app, &format!("{name}={token}")).await;
            assert_eq!((&told["customer"], &told["operator"]), (&json!(false), &json!(false)), "{what}");
        }
    }
}

#[actix_web::test]
async fn a_session_ends_with_what_was_granted() {
    let app = app(|_| ()).await;
    let exp = now() + 2;
    let operator = json!({ "aud": "operator-v1", "sub": "D", "exp": exp, "cfg": {} });
    let cookie = super::cookie(&open_with(&app, &signed(&operator, crate::operator::SECRET)).await);
    assert_eq!(status(&app, "GET", &format!("{OPERATORS}/accounts"), &cookie).await, 200);
    let path = format!("{OPERATORS}/accounts");
    crate::support::eventually("the end of the session", async || {
        let reply = send(app.request("GET", &path).header("Cookie", &cookie)).await;
        (reply.status == 401 && reply.header("set-cookie").is_empty()).then_some(())
    })
    .await;
    assert!(now() >= exp);
    assert_eq!(shown(&app, &cookie).await["operator"], false);
}

#[actix_web::test]
async fn a_session_from_a_foreign_page_is_refused() {
    let app = app(|_| ()).await;
    let (customers, operators) = (app.token(7, &[]), app.operator_token(&[], &[], &["export"]));
    let body = json!({ "token": customers }).to_string();
    let own = app.url.as_str();
    for foreign in [
        &[("Sec-Fetch-Site", "cross-site")][..],
        &[("Sec-Fetch-Site", "same-site")],
        &[("Origin", "https://evil.example")],
        &[("Origin", "null")],
        &[("Origin", own), ("Origin", "https://evil.example")],
    ] {
        for (method, path, cookie) in [
            ("POST", "/session".to_owned(), String::new()),
            ("DELETE", "/session".to_owned(), String::new()),
            // With a cookie that is good: what changes something, of the operator's and the customer's.
            ("POST", format!("{OPERATORS}/exports"), format!("{OPERATOR_COOKIE}={operators}")),
            ("DELETE", format!("{OPERATORS}/exports/1"), format!("{OPERATOR_COOKIE}={operators}")),
            ("POST", format!("{API}/exports"), format!("{CUSTOMER_COOKIE}={customers}")),
            ("POST", "/grafana/search".to_owned(), format!("{CUSTOMER_COOKIE}={customers}")),
        ] {
            let mut request = app.request(method, &path).header("Content-Type", "application/json");
            for (name, value) in foreign {
                request = request.header(*name, *value);
            }
            let reply = send(request.header("Cookie", cookie).body(body.clone())).await;
            assert_eq!((reply.status, reply.header("set-cookie")), (403, ""), "{method} {path} {foreign:?}");
        }
        // What only reads is the browser's own affair: it does not show another page the response.
        let mut request = app.request("GET", &format!("{OPERATORS}/accounts"));
        for (name, value) in foreign {
            request = request.header(*name, *value);
        }
        let reply = send(request.header("Cookie", format!("{OPERATOR_COOKIE}={operators}"))).await;
        assert_eq!((reply.status, reply.header("access-control-allow-origin")), (200, ""), "{foreign:?}");
    }
    for fine in [&[][..], &[("Origin", own), ("Sec-Fetch-Site", "same-origin")], &[("Sec-Fetch-Site", "none")]] {
        let mut request = app.request("POST", "/session").header("Content-Type", "application/json");
        for (name, value) in fine {
            request = request.header(*name, *value);
        }
        assert_eq!(send(request.body(body.clone())).await.status, 204, "{fine:?}");
        // Past the check; there is no such export.
        let mut request = app.request("DELETE", &format!("{OPERATORS}/exports/1"));
        for (name, value) in fine {
            request = request.header(*name, *value);
        }
        let reply = send(request.header("Cookie", format!("{OPERATOR_COOKIE}={operators}"))).await;
        assert_eq!(reply.status, 404, "{fine:?}");
    }
}

#[actix_web::test]
async fn only_json_of_a_bounded_length_opens_a_session() {
    let app = app(|_| ()).await;
    let token = app.token(7, &[]);
    let body = json!({ "token": token }).to_string();
    for (content_type, wanted) in [
        ("text/plain", 415),
        ("application/x-www-form-urlencoded", 415),
        ("multipart/form-data; boundary=x", 415),
        ("application/json", 204),
        ("application/json; charset=utf-8", 204),
    ] {
        let request = app.request("POST", "/session").header("Content-Type", content_type);
        let reply = send(request.body(body.clone())).await;
        assert_eq!((reply.status, cookies(&reply).len()), (wanted, usize::from(wanted == 204)), "{content_type}");
    }
    let long = json!({ "token": "x".repeat(20_000) }).to_string();
    let form = format!("token={token}");
    for bad in ["", "{}", "[]", &form, &long, r#"{"token":1}"#, r#"{"token":"x","demo":"customer"}"#] {
        let reply = send(app.request("POST", "/session").body(bad.to_owned())).await;
        assert_eq!(reply.status, 400, "{bad}");
        assert!(reply.json()["error"].is_string(), "{reply:?}");
    }
    let packed = app.request("POST", "/session").header("Content-Encoding", "gzip");
    assert_eq!(send(packed.body(body)).await.status, 415);
    // A browser would drop such a cookie without a word.
    let all: Vec<u32> = (1..1200).collect();
    let reply = open_with(&app, &app.token(7, &all)).await;
    assert_eq!((reply.status, reply.header("set-cookie")), (400, ""));
    assert_eq!(reply.json()["error"], "the token is too long for a cookie");
    for method in ["PUT", "PATCH", "OPTIONS"] {
        let reply = send(app.request(method, "/session")).await;
        assert_eq!((reply.status, reply.header("allow")), (405, "GET, HEAD, POST, DELETE"), "{method}");
    }
}

#[actix_web::test]
async fn a_body_that_does_not_come_is_not_waited_for() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let app = app(|config| config.http.body_seconds = 1).await;
    let mut stream = tokio::net::TcpStream::connect(app.url.strip_prefix("http://").unwrap()).await.unwrap();
    stream.write_all(b"POST /session HTTP/1.1\r\nHost: x\r\nContent-Length: 40\r\n\r\n{\"tok").await.unwrap();
    let mut reply = [0; 12];
    let read = tokio::time::timeout(Duration::from_secs(10), stream.read_exact(&mut reply)).await;
    read.unwrap().unwrap();
    assert_eq!(&reply, b"HTTP/1.1 408");
}

#[actix_web::test]
async fn refused_tokens_are_throttled_as_logins_are_and_good_ones_are_not() {
    let app = app(|config| {
        config.auth.login_attempts_per_minute = 3;
        config.http.trusted_proxies = Vec::parse("127.0.0.1").unwrap();
    })
    .await;
    let token = app.token(7, &[]);
    let from = async |address: &str, token: &str| {
        let request = app.request("POST", "/session").header("X-Forwarded-For", address);
        send(request.json(&json!({ "token": token }))).await
    };
    for _ in 0..6 {
        assert_eq!(from("192.0.2.1", &token).await.status, 204);
    }
    for n in 0..3 {
        assert_eq!(from("192.0.2.1", &format!("wrong{n}")).await.status, 401);
    }
    // A good one has to wait now too: it could be the next guess.
    for given in ["wrong", &token] {
        let reply = from("192.0.2.1", given).await;
        assert_eq!((reply.status, reply.header("set-cookie")), (429, ""), "{given}");
        assert!((50..=60).contains(&reply.header("retry-after").parse::<u64>().unwrap()), "{reply:?}");
    }
    // Logins of that address as well, and nobody elsewhere.
    let login = app.request("POST", &format!("{API}/auth")).header("X-Forwarded-For", "192.0.2.1");
    assert_eq!(send(login.json(&json!({ "auth": { "login": "a", "password": "b" } }))).await.status, 429);
    assert_eq!(from("192.0.2.2", &token).await.status, 204);
}

#[actix_web::test]
async fn a_flood_of_tokens_at_once_does_not_pass_the_throttle() {
    let app = app(|config| config.auth.login_attempts_per_minute = 5).await;
    let tries = (0..300).map(|n| {
        let app = &app;
        async move { open_with(app, &format!("guess{n}")).await.status }
    });
    let all = futures_util::future::join_all(tries).await;
    let count = |status| all.iter().filter(|one| **one == status).count();
    assert_eq!((count(401), count(401) + count(429)), (5, 300), "{all:?}");
    assert_eq!(app.get(&format!("{API}/accounts"), &app.token(7, &[])).await.status, 200);
}

#[actix_web::test]
async fn a_removed_row_of_the_operators_ends_its_session() {
    let app = app(|_| ()).await;
    insert(&app.admin, "operator_access", r#"{"id":5,"name":"ann","may":["cost"]}"#).await;
    let token = app.sign_operator(&Issue::Operator(5));
    let reply = crate::support::eventually("the row", async || {
        let reply = open_with(&app, &token).await;
        (reply.status == 204).then_some(reply)
    })
    .await;
    let cookie = super::cookie(&reply);
    assert_eq!(shown(&app, &cookie).await["operator"], true);
    app.admin.query_raw("DELETE FROM operator_access WHERE id = 5").execute().await.unwrap();
    let path = format!("{OPERATORS}/accounts");
    crate::support::eventually("the removal", async || {
        (status(&app, "GET", &path, &cookie).await == 401).then_some(())
    })
    .await;
    assert_eq!(shown(&app, &cookie).await["operator"], false);
}

#[actix_web::test]
async fn where_no_token_can_be_signed_a_token_is_its_own_cookie() {
    let fixture = |name: &str| format!("{}/tests/it/fixtures/ec/{name}.pem", env!("CARGO_MANIFEST_DIR"));
    let app = TestApp::start(|config| {
        config.auth.secret = Secret::new("");
        config.auth.algorithm = Algorithm::Es256;
        config.auth.public_key_file = Some(fixture("public").into());
        config.auth.session_seconds = 100;
    })
    .await;
    let key = jsonwebtoken::EncodingKey::from_ec_pem(&std::fs::read(fixture("private")).unwrap()).unwrap();
    let claims = json!({ "aud": "customer-v1", "sub": "D", "exp": now() + 600, "cfg": { "customer_id": 7 } });
    let header = jsonwebtoken::Header::new(jsonwebtoken::Algorithm::ES256);
    let token = jsonwebtoken::encode(&header, &claims, &key).unwrap();
    let reply = open_with(&app, &token).await;
    assert_eq!((reply.status, super::cookie(&reply)), (204, format!("{CUSTOMER_COOKIE}={token}")));
    let told = shown(&app, &super::cookie(&reply)).await;
    assert_eq!((&told["login"], &told["customer"]), (&json!(false), &json!(true)));
    // The browser forgets it when a session would end, though the token lasts longer.
    let kept = reply.header("set-cookie").split_once("Expires=").unwrap().1.split(';').next().unwrap();
    let left = httpdate::parse_http_date(kept).unwrap().duration_since(std::time::SystemTime::now()).unwrap();
    assert!(left.as_secs() <= 100, "{kept}");
    assert_eq!(open(&app, &json!({ "demo": "customer" })).await.status, 400);
}

#[actix_web::test]
async fn a_session_is_secure_over_tls_and_leaves_no_token_in_the_logs() {
    let dir = tempfile::tempdir().unwrap();
    let access = dir.path().join("access");
    let app = app(|config| {
        config.http.trusted_proxies = Vec::parse("127.0.0.1").unwrap();
        config.log.access = cdrscope::config::AccessLog::Json;
        config.log.access_file = Some(access.clone());
    })
    .await;
    let token = app.operator_token(&[], &[], &[]);
    let request = app.request("POST", "/session").header("X-Forwarded-Proto", "https");
    let reply = send(request.json(&json!({ "token": token }))).await;
    assert!(reply.header("set-cookie").contains("; Secure"), "{reply:?}");
    let cleared = send(app.request("DELETE", "/session").header("X-Forwarded-Proto", "https")).await;
    assert!(cookies(&cleared).iter().all(|(_, attributes)| attributes.contains("Secure")), "{cleared:?}");
    let text = crate::support::eventually("the access log", async || {
        let text = std::fs::read_to_string(&access).unwrap_or_default();
        (text.lines().count() >= 2).then_some(text)
    })
    .await;
    assert!(text.contains("\"/session\"") && text.contains("\"operator\":\"grant\""), "{text}");
    assert!(!text.contains("eyJ"), "{text}");
}
