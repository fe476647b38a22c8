//! Login: statuses, bodies, cookies, and what becomes of those who fail.

use std::time::Duration;

use cdrscope::access::password;
use cdrscope::config::{Algorithm, Config};
use clickhouse::Client;
use serde_json::json;

use crate::support::http::send;
use crate::support::{Reply, TestApp, insert};

const PATH: &str = "/api/rest/customer/v1/auth";
const COOKIE: &str = "_yeti_customer_v1_session";
const PASSWORD: &str = "пароль \"with\" \\ 😀 ";
const REFUSED: &str = r#"{"errors":[{"title":"Authentication failed","detail":"Incorrect login or password.","code":"401","status":"401"}]}"#;

/// A row of `api_access` whose password is `PASSWORD`.
async fn access(admin: &Client, id: u32, login: &str, allowed_ips: &[&str]) {
    let hash = password::hash(PASSWORD).unwrap();
    let row = json!({ "id": id, "customer_id": 7, "allowed_ips": allowed_ips, "login": login, "password_hash": hash });
    insert(admin, "api_access", &row.to_string()).await;
}

fn body(login: &str, password: &str) -> String {
    json!({ "auth": { "login": login, "password": password } }).to_string()
}

async fn post(app: &TestApp, body: String) -> Reply {
    send(app.request("POST", PATH).body(body)).await
}

/// A login from an address behind a trusted proxy.
async fn post_from(app: &TestApp, address: &str, login: &str, password: &str) -> u16 {
    let request = app.request("POST", PATH).header("X-Forwarded-For", address);
    send(request.body(body(login, password))).await.status
}

/// An app with a login `ann`, whose password is `PASSWORD`, known from the start.
async fn app_with_ann(change: impl FnOnce(&mut Config)) -> TestApp {
    let db = crate::support::db().await;
    access(&db.admin, 1, "ann", &[]).await;
    TestApp::over(db, change).await
}

#[actix_web::test]
async fn a_login_gives_a_token_that_sees_the_customers_calls() {
    let app = app_with_ann(|_| ()).await;
    let account = app.account(1, 7).await;
    let reply = post(&app, body("ann", PASSWORD)).await;
    assert_eq!((reply.status, reply.header("content-type")), (201, "application/json; charset=utf-8"));
    assert_eq!(reply.header("cache-control"), "no-store");
    assert_eq!(reply.header("set-cookie"), "");
    let jwt = reply.json()["jwt"].as_str().unwrap().to_owned();
    assert_eq!(reply.body, format!(r#"{{"jwt":"{jwt}"}}"#));
    app.until_known(account, &jwt).await;
    // Portals say either; a form's types are refused, see hostile::sessions.
    for content_type in ["application/json", "application/vnd.api+json"] {
        let request = app.request("POST", PATH).header("content-type", content_type);
        assert_eq!(send(request.body(body("ann", PASSWORD))).await.status, 201, "{content_type}");
    }
}

#[actix_web::test]
async fn a_cookie_is_set_instead_of_a_body_and_cleared_by_delete() {
    let app = app_with_ann(|_| ()).await;
    let wanted = json!({ "auth": { "login": "ann", "password": PASSWORD, "cookie_auth": true } }).to_string();
    let reply = post(&app, wanted).await;
    assert_eq!((reply.status, reply.body.as_str(), reply.header("content-length")), (201, "", "0"));
    let cookie = reply.header("set-cookie").to_owned();
    let (pair, attributes) = cookie.split_once("; ").unwrap();
    assert!(pair.starts_with(&format!("{COOKIE}=ey")), "{cookie}");
    for attribute in ["HttpOnly", "SameSite=Lax", "Path=/", "Expires="] {
        assert!(attributes.contains(attribute), "{cookie}");
    }
    assert!(!attributes.contains("Secure"), "{cookie}");

    let shown = send(app.request("GET", PATH).header("cookie", pair)).await;
    assert_eq!((shown.status, shown.body.as_str()), (200, "{}"));
    assert!(shown.header("set-cookie").starts_with(&format!("{COOKIE}=ey")), "the cookie is renewed");
    assert_eq!(send(app.request("HEAD", PATH).header("cookie", pair)).await.status, 200);

    let left = send(app.request("DELETE", PATH).header("cookie", pair)).await;
    assert_eq!((left.status, left.body.as_str()), (204, ""));
    let cleared = left.header("set-cookie");
    assert!(cleared.starts_with(&format!("{COOKIE}=; ")), "{cleared}");
    for attribute in ["HttpOnly", "SameSite=Lax", "Path=/", "Max-Age=0", "Expires="] {
        assert!(cleared.contains(attribute), "{cleared}");
    }
    // Nobody has to be somebody to leave.
    assert_eq!(send(app.request("DELETE", PATH)).await.status, 204);
}

#[actix_web::test]
async fn the_cookie_is_secure_where_a_trusted_proxy_speaks_tls() {
    let app = app_with_ann(|config| config.http.trusted_proxies = vec!["127.0.0.1/32".parse().unwrap()]).await;
    let wanted = json!({ "auth": { "login": "ann", "password": PASSWORD, "cookie_auth": true } }).to_string();
    let reply = send(app.request("POST", PATH).header("X-Forwarded-Proto", "https").body(wanted)).await;
    assert!(reply.header("set-cookie").contains("; Secure"), "{reply:?}");
}

#[actix_web::test]
async fn get_wants_a_valid_token() {
    let app = TestApp::start(|_| ()).await;
    assert_eq!(app.get(PATH, &app.token(7, &[])).await.body, "{}");
    let reply = app.get(PATH, "nonsense").await;
    assert_eq!((reply.status, reply.body.as_str(), reply.header("www-authenticate")), (401, "", "Bearer"));
}

#[actix_web::test]
async fn a_wrong_login_password_or_address_gets_one_answer() {
    let db = crate::support::db().await;
    access(&db.admin, 1, "ann", &[]).await;
    access(&db.admin, 2, "bob", &["192.0.2.0/24"]).await;
    access(&db.admin, 3, "eve", &[]).await;
    access(&db.admin, 4, "eve", &[]).await;
    access(&db.admin, 5, "", &[]).await;
    access(&db.admin, 6, "joe", &["nonsense"]).await;
    let app = TestApp::over(db, |config| config.auth.login_attempts_per_minute = 0).await;
    for (login, password) in [
        ("nobody", PASSWORD),
        ("ann", "wrong"),
        ("ann", PASSWORD.trim()),
        ("ann", ""),
        ("Ann", PASSWORD),
        ("ann ", PASSWORD),
        ("bob", PASSWORD),
        ("bob", "wrong"),
        ("eve", PASSWORD),
        ("joe", PASSWORD),
        ("", PASSWORD),
        ("", ""),
    ] {
        let reply = post(&app, body(login, password)).await;
        assert_eq!((reply.status, reply.body.as_str()), (401, REFUSED), "{login:?} {password:?}");
        assert_eq!(reply.header("content-type"), "application/json; charset=utf-8");
        assert_eq!((reply.header("set-cookie"), reply.header("www-authenticate")), ("", "Bearer"));
    }
}

#[actix_web::test]
async fn a_body_that_is_no_login_is_400() {
    let app = TestApp::start(|_| ()).await;
    let long = body("ann", &"x".repeat(100_000));
    for bad in ["", "{}", "[1]", "login=ann&password=x", r#"{"auth":{"login":"ann"}}"#, &long] {
        let reply = post(&app, bad.to_owned()).await;
        assert_eq!(reply.status, 400, "{reply:?}");
        assert!(reply.json()["error"].is_string(), "{reply:?}");
    }
    // The longest password there is, every character escaped, is a login like any other.
    let escaped = format!(r#"{{"auth":{{"login":"ann","password":"{}"}}}}"#, "\\u0001".repeat(password::LONGEST));
    assert_eq!(post(&app, escaped).await.status, 401);
}

#[actix_web::test]
async fn another_method_is_405_with_the_paths_own_methods() {
    let app = TestApp::start(|_| ()).await;
    for method in ["PUT", "PATCH", "OPTIONS"] {
        let reply = send(app.request(method, PATH)).await;
        assert_eq!((reply.status, reply.header("allow")), (405, "GET, HEAD, POST, DELETE"), "{method}");
    }
}

#[actix_web::test]
async fn without_a_key_to_sign_with_there_is_no_login() {
    let pem = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(pem.path(), PUBLIC_KEY).unwrap();
    let app = TestApp::start(|config| {
        config.auth.algorithm = Algorithm::Es256;
        config.auth.public_key_file = Some(pem.path().into());
    })
    .await;
    for method in ["POST", "PUT"] {
        let reply = send(app.request(method, PATH).body(body("ann", PASSWORD))).await;
        assert_eq!((reply.status, reply.header("allow")), (405, "GET, HEAD, DELETE"), "{method}");
    }
    assert_eq!(send(app.request("DELETE", PATH)).await.status, 204);
    assert_eq!(app.get(PATH, "nonsense").await.status, 401);
}

/// An ES256 key whose private half is nowhere.
const PUBLIC_KEY: &str = "-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEEVs/o5+uQbTjL3chynL4wXgUg2R9
q9UU8I5mEovUf86QZ7kOBIjJwqnzD1omageEHWwHdBO6B+dFabmdT9POxg==
-----END PUBLIC KEY-----
";

#[actix_web::test]
async fn failures_are_throttled_per_address_and_good_logins_are_not() {
    let app = app_with_ann(|config| {
        config.auth.login_attempts_per_minute = 3;
        config.http.trusted_proxies = vec!["127.0.0.1/32".parse().unwrap()];
    })
    .await;
    for _ in 0..5 {
        assert_eq!(post_from(&app, "192.0.2.1", "ann", PASSWORD).await, 201);
    }
    for login in ["one", "two", "three"] {
        assert_eq!(post_from(&app, "192.0.2.1", login, "wrong").await, 401);
    }
    let request = app.request("POST", PATH).header("X-Forwarded-For", "192.0.2.1").body(body("ann", PASSWORD));
    let reply = send(request).await;
    assert_eq!(
        (reply.status, reply.json()["error"].as_str().unwrap()),
        (429, "too many failed logins, try again later")
    );
    let wait: u64 = reply.header("retry-after").parse().unwrap();
    assert!((50..=60).contains(&wait), "{wait}");
    assert_eq!(post_from(&app, "192.0.2.2", "ann", PASSWORD).await, 201);
}

#[actix_web::test]
async fn failures_are_throttled_per_login_but_nobody_is_shut_out_from_elsewhere() {
    let app = app_with_ann(|config| {
        config.auth.login_attempts_per_minute = 4;
        config.http.trusted_proxies = vec!["127.0.0.1/32".parse().unwrap()];
    })
    .await;
    for login in ["ann", "nobody"] {
        let host = |n: u32| format!("192.0.2.{}", n + 100 * u32::from(login == "ann"));
        for n in 0..4 {
            assert_eq!(post_from(&app, &host(n), login, "wrong").await, 401);
        }
        // Alike for a login that exists and one that does not.
        for n in 0..4 {
            assert_eq!(post_from(&app, &host(n), login, PASSWORD).await, 429, "{login}");
        }
    }
    // An address without failures has its try, and a good login costs nothing.
    for _ in 0..5 {
        assert_eq!(post_from(&app, "198.51.100.1", "ann", PASSWORD).await, 201);
    }
    assert_eq!(post_from(&app, "198.51.100.1", "ann", "wrong").await, 401);
    assert_eq!(post_from(&app, "198.51.100.1", "ann", PASSWORD).await, 429);
}

#[actix_web::test]
async fn logins_at_once_neither_pass_the_throttle_nor_starve_the_rest() {
    let app = app_with_ann(|config| config.auth.login_attempts_per_minute = 5).await;
    let tries = (0..400).map(|_| post(&app, body("ann", "wrong")));
    let replies = futures_util::future::join_all(tries).await;
    let count = |status| replies.iter().filter(|reply| reply.status == status).count();
    assert_eq!(count(401), 5);
    assert_eq!(count(401) + count(429) + count(503), 400);
    assert!(replies.iter().filter(|r| r.status != 401).all(|r| !r.header("retry-after").is_empty()));
    assert_eq!(app.get(PATH, &app.token(7, &[])).await.status, 200);
}

#[actix_web::test]
async fn a_removed_row_and_a_new_password_count() {
    let app = app_with_ann(|config| config.auth.login_attempts_per_minute = 0).await;
    let jwt = post(&app, body("ann", PASSWORD)).await.json()["jwt"].as_str().unwrap().to_owned();
    let row = json!({ "id": 1, "customer_id": 7, "login": "ann", "password_hash": password::hash("new").unwrap() });
    insert(&app.admin, "api_access", &row.to_string()).await;
    until(async || post(&app, body("ann", "new")).await.status == 201).await;
    assert_eq!(post(&app, body("ann", PASSWORD)).await.status, 401);
    app.admin.query_raw("DELETE FROM api_access WHERE id = 1").execute().await.unwrap();
    until(async || app.get(PATH, &jwt).await.status == 401).await;
    assert_eq!(post(&app, body("ann", "new")).await.status, 401);
}

async fn until(holds: impl AsyncFn() -> bool) {
    for _ in 0..60 {
        if holds().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("not after 3 s");
}
