//! Tokens and cookies: lifetimes, rotation, revocation, sides and foreign pages.

use std::time::{Duration, Instant};

use cdrscope::access::password;
use cdrscope::config::value::Value as _;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use rustix::process::Signal;
use serde_json::{Value, json};
use time::OffsetDateTime;
use uuid::Uuid;

use super::program::{Served, environment, run};
use crate::support::app::{API, SECRET};
use crate::support::http::send;
use crate::support::{Db, Reply, TestApp, db, insert};

const COOKIE: &str = "_yeti_customer_v1_session";
const AUTH: &str = "/api/rest/customer/v1/auth";

fn now() -> i64 {
    OffsetDateTime::now_utc().unix_timestamp()
}

/// A token of any claims, signed with any secret.
fn signed(claims: &Value, secret: &str) -> String {
    jsonwebtoken::encode(&Header::new(Algorithm::HS256), claims, &EncodingKey::from_secret(secret.as_bytes())).unwrap()
}

/// What a token says.
fn claims(token: &str) -> Value {
    let mut any = Validation::new(Algorithm::HS256);
    (any.validate_exp, any.validate_aud) = (false, false);
    any.required_spec_claims.clear();
    jsonwebtoken::decode(token, &DecodingKey::from_secret(SECRET.as_bytes()), &any).unwrap().claims
}

/// A grant for customer 7 of so many seconds, with more claims.
fn grant(seconds: i64, more: Value) -> Value {
    let mut claims = json!({ "aud": "customer-v1", "sub": "D", "cfg": { "customer_id": 7 }, "exp": now() + seconds });
    claims.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    claims
}

/// `GET …/auth` with a token in the cookie.
async fn with_cookie(url: &str, token: &str) -> Reply {
    let request = reqwest::Client::new().get(format!("{url}{AUTH}"));
    send(request.header("Cookie", format!("{COOKIE}={token}"))).await
}

async fn status(url: &str, token: &str) -> u16 {
    let request = reqwest::Client::new().get(format!("{url}{AUTH}"));
    send(request.header("Authorization", token)).await.status
}

/// The token of the cookie that an answer sets.
fn renewed(reply: &Reply) -> String {
    let cookie = reply.header("set-cookie");
    let token = cookie.strip_prefix(&format!("{COOKIE}=")).unwrap_or_else(|| panic!("{reply:?}"));
    token.split(';').next().unwrap().to_owned()
}

/// A row of `api_access` for customer 7 with a login.
async fn login(db: &Db, id: u32, name: &str, password: &str) {
    let hash = password::hash(password).unwrap();
    let row = json!({ "id": id, "customer_id": 7, "login": name, "password_hash": hash });
    insert(&db.admin, "api_access", &row.to_string()).await;
}

/// Waits for no longer than a row or file may take to count, and a busy machine's second.
async fn until(what: &str, holds: impl AsyncFn() -> bool) {
    let end = Instant::now() + Duration::from_secs(5);
    while !holds().await {
        assert!(Instant::now() < end, "not after 5 s: {what}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[actix_web::test]
async fn a_renewed_cookie_never_outlives_the_token_that_was_granted() {
    let app = TestApp::start(|_| ()).await;
    insert(&app.admin, "api_access", r#"{"id":38,"customer_id":7}"#).await;
    until("row 38", async || status(&app.url, &signed(&grant(60, json!({ "sub": 38 })), SECRET)).await == 200).await;
    for more in [json!({}), json!({ "sub": 38 }), json!({ "sub": "38" }), json!({ "nbf": 5, "iat": now() - 5 })] {
        let granted = grant(60, more);
        let mut token = signed(&granted, SECRET);
        for _ in 0..3 {
            let reply = with_cookie(&app.url, &token).await;
            assert_eq!(reply.status, 200);
            token = renewed(&reply);
            let (said, most) = (claims(&token)["exp"].as_f64().unwrap(), granted["exp"].as_f64().unwrap());
            assert!(said <= most, "granted until {most}, renewed until {said}: {granted}");
            let expires = reply.header("set-cookie").split("Expires=").nth(1).unwrap().split(';').next().unwrap();
            let format = &time::format_description::well_known::Rfc2822;
            let expires = OffsetDateTime::parse(&expires.replace("GMT", "+0000"), format).unwrap();
            assert!(expires.unix_timestamp() as f64 <= most, "{expires}");
        }
    }
    // A fraction of a second counts too, and a token of a year is renewed for `auth.token_ttl_seconds` only.
    let exp = now() as f64 + 3.5;
    let reply = with_cookie(&app.url, &signed(&grant(0, json!({ "exp": exp })), SECRET)).await;
    assert!(claims(&renewed(&reply))["exp"].as_f64().unwrap() <= exp);
    let reply = with_cookie(&app.url, &signed(&grant(31_536_000, json!({})), SECRET)).await;
    assert!(claims(&renewed(&reply))["exp"].as_i64().unwrap() <= now() + 600);
}

#[actix_web::test]
async fn a_session_ends_whatever_its_renewals() {
    let db = db().await;
    login(&db, 1, "ann", "right").await;
    let served =
        Served::start(&db, &[("CDRSCOPE_AUTH_SESSION_SECONDS", "3"), ("CDRSCOPE_AUTH_TOKEN_TTL_SECONDS", "2")]);
    let body = json!({ "auth": { "login": "ann", "password": "right", "cookie_auth": true } });
    let post = reqwest::Client::new().post(format!("{}{AUTH}", served.url)).json(&body);
    let began = Instant::now();
    let mut token = renewed(&send(post).await);
    let mut renewals = 0;
    let lasted = loop {
        let reply = with_cookie(&served.url, &token).await;
        if reply.status == 401 {
            break began.elapsed();
        }
        (token, renewals) = (renewed(&reply), renewals + 1);
        assert!(began.elapsed() < Duration::from_secs(5), "renewed {renewals} times beyond the session's end");
        tokio::time::sleep(Duration::from_millis(100)).await;
    };
    // Times in tokens are whole seconds.
    assert!(renewals > 10 && lasted > Duration::from_millis(1900) && lasted < Duration::from_secs(4), "{lasted:?}");
    // A token that never expires is a session like any other once it is a cookie.
    let lax = Served::start(&db, &[("CDRSCOPE_AUTH_SESSION_SECONDS", "60"), ("CDRSCOPE_AUTH_REQUIRE_EXP", "false")]);
    let mut endless = grant(0, json!({}));
    endless.as_object_mut().unwrap().remove("exp");
    let first = claims(&renewed(&with_cookie(&lax.url, &signed(&endless, SECRET)).await));
    assert!(first["exp"].as_i64().unwrap() <= now() + 60, "{first}");
}

#[actix_web::test]
async fn a_renewal_keeps_every_claim_but_the_expiry() {
    let app = TestApp::start(|_| ()).await;
    let cfg = json!({
        "customer_id": 7, "account_ids": [1, 2], "allowed_ips": ["127.0.0.0/8", "::1"], "debug": true, "later": { "x": [1] }
    });
    let granted = grant(3600, json!({ "cfg": cfg, "iat": now() - 9, "jti": "a-1", "nbf": now() - 9, "more": [null] }));
    let mut token = signed(&granted, SECRET);
    for _ in 0..2 {
        token = renewed(&with_cookie(&app.url, &token).await);
        let said = claims(&token);
        for name in ["cfg", "sub", "iat", "jti", "nbf", "more"] {
            assert_eq!(said[name], granted[name], "{name}");
        }
    }
}

#[actix_web::test]
async fn secrets_rotate_the_first_signs_and_all_verify() {
    let (db, dir) = (db().await, tempfile::tempdir().unwrap());
    let file = dir.path().join("secrets");
    let (new, old) = ("the new secret, of 32 bytes or more", "the old secret, of 32 bytes or more");
    std::fs::write(&file, format!("{new}\n{old}\n")).unwrap();
    let path = file.display().to_string();
    let served = Served::start(&db, &[("CDRSCOPE_AUTH_SECRET", ""), ("CDRSCOPE_AUTH_SECRETS_FILE", &path)]);
    let of = |secret: &str| signed(&grant(60, json!({})), secret);
    let known = of(old);
    for (token, wanted) in [(&of(new), 200), (&known, 200), (&of(SECRET), 401)] {
        assert_eq!(status(&served.url, token).await, wanted, "{token}");
    }
    let cookie = renewed(&with_cookie(&served.url, &of(old)).await);
    let any = Validation::new(Algorithm::HS256);
    let any = Validation { validate_aud: false, ..any };
    assert!(jsonwebtoken::decode::<Value>(&cookie, &DecodingKey::from_secret(new.as_bytes()), &any).is_ok());
    // The file changes: the old one counts no more, not even for a token that was accepted a moment ago.
    std::fs::write(&file, format!("{SECRET}\n{new}")).unwrap();
    until("the changed file", async || status(&served.url, &of(SECRET)).await == 200).await;
    for (token, wanted) in [(of(new), 200), (known, 401), (of(old), 401)] {
        assert_eq!(status(&served.url, &token).await, wanted);
    }
}

#[actix_web::test]
async fn a_reload_right_after_the_start_does_not_end_the_service() {
    let db = db().await;
    for _ in 0..3 {
        let served = Served::start(&db, &[]);
        served.signal(Signal::HUP);
        served.line("keys and secrets of tokens were read again");
    }
}

#[actix_web::test]
async fn keys_are_read_again_and_a_reload_that_fails_keeps_the_old_ones() {
    let (db, dir) = (db().await, tempfile::tempdir().unwrap());
    let fixture = |name: &str| format!("{}/tests/it/fixtures/ec/{name}.pem", env!("CARGO_MANIFEST_DIR"));
    let file = dir.path().join("public.pem");
    std::fs::copy(fixture("public"), &file).unwrap();
    let served = Served::start(
        &db,
        &[
            ("CDRSCOPE_AUTH_SECRET", ""),
            ("CDRSCOPE_AUTH_ALGORITHM", "ES256"),
            ("CDRSCOPE_AUTH_PUBLIC_KEY_FILE", &file.display().to_string()),
            // Only the signal says that something changed.
            ("CDRSCOPE_ACCOUNTS_REFRESH_SECONDS", "600"),
        ],
    );
    let of = |name: &str| {
        let key = EncodingKey::from_ec_pem(&std::fs::read(fixture(name)).unwrap()).unwrap();
        jsonwebtoken::encode(&Header::new(Algorithm::ES256), &grant(600, json!({})), &key).unwrap()
    };
    let (one, two) = (of("private"), of("private2"));
    assert_eq!((status(&served.url, &one).await, status(&served.url, &two).await), (200, 401));
    std::fs::write(&file, "no key").unwrap();
    served.signal(Signal::HUP);
    let line = served.line("auth.public_key_file");
    assert!(line.contains("holds no PEM key for ES256"), "{line}");
    assert_eq!((status(&served.url, &one).await, status(&served.url, &two).await), (200, 401));
    std::fs::copy(fixture("public2"), &file).unwrap();
    served.signal(Signal::HUP);
    until("the new key", async || status(&served.url, &two).await == 200).await;
    assert_eq!(status(&served.url, &one).await, 401, "a token that was accepted under the old key");
}

#[actix_web::test]
async fn grants_are_revoked_by_customer_and_by_id() {
    let db = db().await;
    insert(&db.admin, "api_access", r#"{"id":1,"customer_id":7}"#).await;
    let served = Served::start(&db, &[]);
    let admin = [environment(&db, true), vec![("CDRSCOPE_AUTH_SECRET", SECRET)]].concat();
    let make = |args: &[&str]| {
        let (code, text) = run(&[&["token"], args].concat(), &admin);
        assert_eq!(code, Some(0), "{text}");
        // Behind the token stands when it ends.
        text.lines().next().unwrap().to_owned()
    };
    let issued = make(&["--customer", "7", "--ttl", "600"]);
    let said = claims(&issued);
    assert!(said["iat"].is_number() && said["jti"].as_str().is_some_and(|jti| jti.len() >= 16), "{said}");
    let undated = signed(&grant(600, json!({})), SECRET);
    let named = signed(&grant(600, json!({ "jti": "stolen", "cfg": { "customer_id": 8 }, "iat": now() })), SECRET);
    let other = signed(&grant(600, json!({ "jti": "other", "cfg": { "customer_id": 8 }, "iat": now() })), SECRET);
    let row = signed(&grant(600, json!({ "sub": 1 })), SECRET);
    for token in [&issued, &undated, &named, &other, &row] {
        assert_eq!(status(&served.url, token).await, 200);
    }
    let cookie = renewed(&with_cookie(&served.url, &issued).await);
    let (code, text) = run(&["access", "revoke", "--customer", "7"], &admin);
    assert_eq!(code, Some(0), "{text}");
    let (code, text) = run(&["access", "revoke", "--jti", "stolen"], &admin);
    assert_eq!(code, Some(0), "{text}");
    until("the revocation", async || status(&served.url, &issued).await == 401).await;
    until("the revocation", async || status(&served.url, &named).await == 401).await;
    // A cookie made of it after the row was there, but before it counted, is as old as what it was made of.
    for (token, wanted) in [(&undated, 401), (&cookie, 401), (&other, 200), (&row, 200)] {
        assert_eq!(status(&served.url, token).await, wanted, "{}", claims(token));
    }
    // What is made from now on is good.
    assert_eq!(status(&served.url, &make(&["--customer", "7"])).await, 200);
}

#[actix_web::test]
async fn header_claims_and_cfg_are_objects() {
    let app = TestApp::start(|_| ()).await;
    let good = grant(60, json!({}));
    assert_eq!(status(&app.url, &signed(&good, SECRET)).await, 200);
    let exp = now() + 60;
    for bad in [
        grant(60, json!({ "cfg": [7] })),
        grant(60, json!({ "cfg": [7, null, null, null] })),
        grant(60, json!({ "cfg": [[7]] })),
        json!([["customer-v1"], "D", exp, 0, 0, { "customer_id": 7 }]),
        json!(["customer-v1", "D", exp, 0, 0, [7]]),
        json!(["customer-v1", "D", exp, 0, 0, "x", exp, [7]]),
    ] {
        assert_eq!(status(&app.url, &signed(&bad, SECRET)).await, 401, "{bad}");
    }
    for header in [r#"["JWT","HS256"]"#, r#"["HS256"]"#] {
        let message = format!("{}.{}", base64(header), base64(&good.to_string()));
        let key = EncodingKey::from_secret(SECRET.as_bytes());
        let signature = jsonwebtoken::crypto::sign(message.as_bytes(), &key, Algorithm::HS256).unwrap();
        assert_eq!(status(&app.url, &format!("{message}.{signature}")).await, 401, "{header}");
    }
}

/// Base64 as tokens have it.
fn base64(text: &str) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let letters = |chunk: &[u8]| {
        let group = (0..3).fold(0u32, |group, i| group << 8 | u32::from(chunk.get(i).copied().unwrap_or(0)));
        let letter = |i: usize| char::from(ALPHABET[(group >> (18 - 6 * i)) as usize & 63]);
        (0..=chunk.len()).map(letter).collect::<String>()
    };
    text.as_bytes().chunks(3).map(letters).collect()
}

/// A login as a browser or a program sends it.
async fn post(app: &TestApp, headers: &[(&str, &str)]) -> Reply {
    let body = json!({ "auth": { "login": "ann", "password": "right", "cookie_auth": true } }).to_string();
    let mut request = app.request("POST", AUTH);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    send(request.body(body)).await
}

#[actix_web::test]
async fn a_login_or_logout_from_a_foreign_page_is_refused() {
    let db = db().await;
    login(&db, 1, "ann", "right").await;
    let app = TestApp::over(db, |config| config.http.trusted_proxies = Vec::parse("127.0.0.2").unwrap()).await;
    let own = app.url.as_str();
    let json = ("Content-Type", "application/json");
    let host = own.strip_prefix("http://").unwrap();
    let foreign_port = format!("http://{}:1", host.split(':').next().unwrap());
    for foreign in [
        &[("Sec-Fetch-Site", "cross-site")][..],
        &[("Sec-Fetch-Site", "same-site")],
        &[("Sec-Fetch-Site", "Cross-Site")],
        &[("Sec-Fetch-Site", "cross-site"), ("Origin", own)],
        &[("Origin", "https://evil.example")],
        &[("Origin", "null")],
        &[("Origin", "")],
        &[("Origin", &foreign_port)],
        &[("Origin", &format!("{own}.evil.example"))],
        &[("Origin", "https://evil.example"), ("Sec-Fetch-Site", "same-origin")],
        &[("Origin", "https://evil.example"), ("X-Forwarded-Host", "evil.example")],
        &[("Origin", own), ("Origin", "https://evil.example")],
    ] {
        let reply = post(&app, &[&[json], foreign].concat()).await;
        assert_eq!((reply.status, reply.header("set-cookie")), (403, ""), "{foreign:?}");
        assert!(reply.json()["error"].as_str().unwrap().contains("origin"), "{reply:?}");
        let mut request = app.request("DELETE", AUTH);
        for (name, value) in foreign {
            request = request.header(*name, *value);
        }
        let reply = send(request).await;
        assert_eq!((reply.status, reply.header("set-cookie")), (403, ""), "DELETE {foreign:?}");
    }
    for fine in [
        &[][..],
        &[("Sec-Fetch-Site", "same-origin"), ("Origin", own)],
        &[("Sec-Fetch-Site", "same-origin")],
        &[("Sec-Fetch-Site", "none")],
        &[("Origin", own)],
        &[("Origin", &own.to_uppercase())],
    ] {
        assert_eq!(post(&app, &[&[json], fine].concat()).await.status, 201, "{fine:?}");
        let mut request = app.request("DELETE", AUTH);
        for (name, value) in fine {
            request = request.header(*name, *value);
        }
        assert_eq!(send(request).await.status, 204, "{fine:?}");
    }
    // A form's own content types, whatever its page: the body may read as JSON.
    for (content_type, wanted) in [
        ("text/plain", 415),
        ("text/plain;charset=UTF-8", 415),
        ("application/x-www-form-urlencoded", 415),
        ("multipart/form-data; boundary=x", 415),
        ("text/json", 415),
        ("application/jsonx", 415),
        ("", 415),
        ("application/json", 201),
        ("Application/JSON ; charset=utf-8", 201),
        ("application/vnd.api+json", 201),
        ("application/vnd.api+json;ext=x", 201),
    ] {
        let reply = post(&app, &[("Content-Type", content_type)]).await;
        assert_eq!(reply.status, wanted, "{content_type:?} {reply:?}");
        assert_eq!(reply.header("set-cookie").is_empty(), wanted == 415, "{content_type:?}");
    }
}

#[actix_web::test]
async fn the_origin_behind_a_trusted_proxy_is_the_one_that_it_forwards() {
    let db = db().await;
    login(&db, 1, "ann", "right").await;
    let app = TestApp::over(db, |config| config.http.trusted_proxies = Vec::parse("127.0.0.1").unwrap()).await;
    let json = ("Content-Type", "application/json");
    let named = ("X-Forwarded-Host", "stats.example");
    for (proto, origin, wanted) in [
        ("https", "https://stats.example", 201),
        ("https", "https://stats.example:443", 201),
        ("https", "http://stats.example", 403),
        ("https", "https://stats.example:8443", 403),
        ("http", "http://stats.example", 201),
        ("https", "https://evil.example", 403),
    ] {
        let reply = post(&app, &[json, named, ("X-Forwarded-Proto", proto), ("Origin", origin)]).await;
        assert_eq!(reply.status, wanted, "{proto} {origin}");
    }
}

#[actix_web::test]
async fn the_cookie_is_secure_over_tls_however_a_trusted_proxy_says_so() {
    let app = TestApp::start(|config| config.http.trusted_proxies = Vec::parse("127.0.0.1").unwrap()).await;
    let token = signed(&grant(600, json!({})), SECRET);
    let ask = async |url: &str, headers: &[(&str, &str)]| {
        let mut request = reqwest::Client::new().get(format!("{url}{AUTH}"));
        for (name, value) in [&[("Cookie", format!("{COOKIE}={token}").as_str())], headers].concat() {
            request = request.header(name, value);
        }
        let reply = send(request).await;
        let secure = reply.header("set-cookie").split("; ").any(|part| part == "Secure");
        (secure, reply.header("strict-transport-security").starts_with("max-age="))
    };
    for (header, value, tls) in [
        ("X-Forwarded-Proto", "https", true),
        ("X-Forwarded-Proto", "HTTPS", true),
        ("X-Forwarded-Proto", "https,http", true),
        ("X-Forwarded-Proto", " https , http", true),
        ("X-Forwarded-Proto", "http", false),
        ("X-Forwarded-Proto", "httpsx", false),
        ("Forwarded", "for=192.0.2.1;proto=https;by=203.0.113.1", true),
        ("Forwarded", "For=192.0.2.1; Proto=\"HTTPS\", for=203.0.113.1;proto=http", true),
        ("Forwarded", "for=192.0.2.1;proto=http", false),
        ("Forwarded", "for=192.0.2.1", false),
    ] {
        assert_eq!(ask(&app.url, &[(header, value)]).await, (tls, tls), "{header}: {value}");
    }
    // Not from a stranger; and always, where the settings say so.
    let db = db().await;
    let alone = Served::start(&db, &[("CDRSCOPE_AUTH_COOKIE_SECURE", "always")]);
    assert_eq!(ask(&alone.url, &[]).await, (true, false));
    assert_eq!(ask(&alone.url, &[("X-Forwarded-Proto", "https")]).await, (true, false));
    let cleared = send(reqwest::Client::new().delete(format!("{}{AUTH}", alone.url))).await;
    assert!(cleared.header("set-cookie").contains("; Secure"), "{cleared:?}");
}

/// Statuses of both sides' reports and live calls for an account, and how many of Grafana's metrics are of either side.
async fn sides(url: &str, account: Uuid, token: &str) -> ([u16; 5], usize, usize) {
    let ask = async |report: &str| {
        let query = format!("{url}{API}/{report}?account-id={account}&from-time={}", now() - 60);
        let sampling = if report.contains("statistics") { "&sampling=minute" } else { "" };
        let query = if report.starts_with("outgoing") { query.split('&').next().unwrap().to_owned() } else { query };
        let reply = send(reqwest::Client::new().get(query + sampling).header("Authorization", token)).await;
        let unknown = r#"{"error":"invalid value account-id"}"#;
        assert!(reply.status == 200 || (reply.status, reply.body.as_str()) == (400, unknown), "{report}: {reply:?}");
        reply.status
    };
    let statuses = [
        ask("origination-statistics-quality").await,
        ask("origination-active-calls").await,
        ask("outgoing-active-calls").await,
        ask("termination-statistics").await,
        ask("termination-active-calls").await,
    ];
    let grafana = async |path: &str, body: Value| {
        let request = reqwest::Client::new().post(format!("{url}/grafana{path}")).json(&body);
        send(request.header("Authorization", token)).await
    };
    let listed = grafana("/metrics", json!({})).await.json();
    let names: Vec<&str> = listed.as_array().unwrap().iter().map(|metric| metric["value"].as_str().unwrap()).collect();
    let searched = grafana("/search", json!({ "target": "" })).await.json();
    assert_eq!(searched.as_array().unwrap().len(), names.len(), "{searched}");
    let offered = grafana("/variable", json!({ "payload": { "target": "metrics" } })).await.json();
    assert_eq!(offered.as_array().unwrap().len(), names.len(), "{offered}");
    let stamp = |second: i64| OffsetDateTime::from_unix_timestamp(second).unwrap();
    let rfc = time::format_description::well_known::Rfc3339;
    let (from, to) = (stamp(now() - 600).format(&rfc).unwrap(), stamp(now()).format(&rfc).unwrap());
    for metric in ["asr", "active_calls", "top_destinations", "incidents", "pdd_p95"] {
        for name in [metric.to_owned(), format!("termination_{metric}")] {
            let body = json!({ "range": { "from": from, "to": to }, "targets": [{ "target": name, "refId": "A" }] });
            let reply = grafana("/query", body).await;
            assert_eq!(reply.status == 200, names.contains(&name.as_str()), "{name}: {reply:?}");
        }
    }
    let termination = names.iter().filter(|name| name.starts_with("termination_")).count();
    (statuses, names.len() - termination, termination)
}

#[actix_web::test]
async fn a_claim_bounds_a_token_to_a_side() {
    let db = db().await;
    let account = Uuid::new_v4();
    insert(&db.admin, "accounts", &format!(r#"{{"id":1,"uuid":"{account}","customer_id":5}}"#)).await;
    insert(&db.admin, "api_access", r#"{"id":1,"customer_id":5}"#).await;
    let of = |more: Value| {
        let mut cfg = json!({ "customer_id": 5 });
        cfg.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        signed(&grant(60, json!({ "cfg": cfg })), SECRET)
    };
    let (origination, termination) = ([200, 200, 200, 400, 400], [400, 400, 400, 200, 200]);
    let both = [200; 5];
    let one = Served::start(&db, &[]);
    let all = sides(&one.url, account, &of(json!({}))).await;
    assert_eq!((all.0, all.1), (both, all.2));
    let apart = Served::start(&db, &[("CDRSCOPE_AUTH_CONTRACTORS", "apart")]);
    let row = signed(&grant(60, json!({ "sub": 1 })), SECRET);
    for (served, token, wanted) in [
        (&one, of(json!({ "sides": null })), both),
        (&one, of(json!({ "sides": ["origination"] })), origination),
        (&one, of(json!({ "sides": ["termination"] })), termination),
        (&one, of(json!({ "sides": ["termination", "origination"] })), both),
        (&one, row.clone(), both),
        (&apart, of(json!({})), origination),
        (&apart, row, origination),
        (&apart, of(json!({ "sides": ["origination"] })), origination),
        (&apart, of(json!({ "sides": ["termination"] })), termination),
        (&apart, of(json!({ "sides": ["origination", "termination"] })), both),
    ] {
        let metrics = |side: usize| if wanted[side] == 200 { all.1 } else { 0 };
        assert_eq!(sides(&served.url, account, &token).await, (wanted, metrics(0), metrics(3)), "{}", claims(&token));
    }
    for bad in [json!([]), json!("origination"), json!(["x"]), json!(["origination", 1]), json!({}), json!([null])] {
        assert_eq!(status(&one.url, &of(json!({ "sides": bad }))).await, 401, "{bad}");
    }
}

#[actix_web::test]
async fn the_services_own_tls_is_known() {
    use std::sync::Arc;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio_rustls::rustls::pki_types::ServerName;
    use tokio_rustls::rustls::{ClientConfig, RootCertStore, crypto};

    let dir = tempfile::tempdir().unwrap();
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let (chain, key) = (dir.path().join("chain.pem"), dir.path().join("key.pem"));
    std::fs::write(&chain, made.cert.pem()).unwrap();
    std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    let app = TestApp::start(|config| {
        config.http.tls_certificate_file = Some(chain);
        config.http.tls_key_file = Some(key);
    })
    .await;
    let mut roots = RootCertStore::empty();
    roots.add(made.cert.der().clone()).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(crypto::aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let config = Arc::new(config);
    let ask = async |request: String| {
        let stream = tokio::net::TcpStream::connect(app.url.strip_prefix("https://").unwrap()).await.unwrap();
        let name = ServerName::try_from("localhost").unwrap();
        let mut stream = tokio_rustls::TlsConnector::from(Arc::clone(&config)).connect(name, stream).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut reply = vec![0; 4096];
        let length = stream.read(&mut reply).await.unwrap();
        String::from_utf8_lossy(&reply[..length]).to_lowercase()
    };
    let token = signed(&grant(600, json!({})), SECRET);
    let reply = ask(format!("GET {AUTH} HTTP/1.1\r\nHost: localhost\r\nCookie: {COOKIE}={token}\r\n\r\n")).await;
    assert!(reply.contains("; secure") && reply.contains("\r\nstrict-transport-security: max-age="), "{reply}");
    for (scheme, status) in [("https", "204"), ("http", "403")] {
        let head = format!("DELETE {AUTH} HTTP/1.1\r\nHost: localhost\r\nOrigin: {scheme}://localhost\r\n\r\n");
        let reply = ask(head).await;
        assert!(reply.starts_with(&format!("http/1.1 {status}")), "{reply}");
    }
}
