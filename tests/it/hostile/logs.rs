//! Text of callers, causes and secrets in logs, errors and process lists.

use std::os::unix::fs::PermissionsExt as _;

use serde_json::json;
use time::OffsetDateTime;

use super::program::{Served, environment, run};
use crate::support::app::SECRET;
use crate::support::http::send;
use crate::support::{db, insert};

/// The claims of a grant for customer 7, with one set to something else.
fn token(name: &str, value: serde_json::Value, secret: &str) -> String {
    let exp = OffsetDateTime::now_utc().unix_timestamp() + 60;
    let mut claims = json!({ "aud": "customer-v1", "sub": "D", "cfg": { "customer_id": 7 }, "exp": exp });
    claims[name] = value;
    let key = jsonwebtoken::EncodingKey::from_secret(secret.as_bytes());
    jsonwebtoken::encode(&jsonwebtoken::Header::default(), &claims, &key).unwrap()
}

#[actix_web::test]
async fn every_401_is_logged_with_its_reason_its_address_and_its_id() {
    let db = db().await;
    for row in [r#"{"id":1,"customer_id":7}"#, r#"{"id":2,"customer_id":7,"allowed_ips":["192.0.2.1"]}"#] {
        insert(&db.admin, "api_access", row).await;
    }
    let token_file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(token_file.path(), "0123456789abcdef-metrics").unwrap();
    let served = Served::start(
        &db,
        &[
            ("CDRSCOPE_HTTP_TRUSTED_PROXIES", "127.0.0.1"),
            ("CDRSCOPE_METRICS_ENABLED", "true"),
            ("CDRSCOPE_METRICS_TOKEN_FILE", &token_file.path().display().to_string()),
        ],
    );
    let good = token("nbf", 0.into(), SECRET);
    let cut = good[..good.len() - 9].to_owned();
    let ask = async |path: &str, token: Option<&str>, id: &str| {
        let mut request = reqwest::Client::new().get(format!("{}{path}", served.url)).header("X-Request-Id", id);
        request = request.header("X-Forwarded-For", "198.51.100.7");
        if let Some(token) = token {
            request = request.header("Authorization", token);
        }
        send(request).await.status
    };
    const AUTH: &str = "/api/rest/customer/v1/auth";
    let row = |id: u32| token("sub", id.into(), SECRET);
    assert_eq!(ask(AUTH, Some(&row(1)), "good").await, 200);
    db.admin.query_raw("DELETE FROM api_access WHERE id = 1").execute().await.unwrap();
    for _ in 0..60 {
        if ask(AUTH, Some(&row(1)), "gone").await == 401 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    let quarter = "/api/rest/customer/v1/origination-statistics";
    for (n, (path, token, reason)) in [
        (AUTH, None, "no token"),
        (quarter, None, "no token"),
        (AUTH, Some("nonsense".to_owned()), "malformed"),
        (quarter, Some(cut), "bad signature"),
        (AUTH, Some(token("nbf", 0.into(), "another secret, of 32 bytes or more")), "bad signature"),
        (AUTH, Some(token("exp", 5.into(), SECRET)), "expired"),
        (AUTH, Some(token("nbf", 99_999_999_999u64.into(), SECRET)), "not valid yet"),
        (AUTH, Some(token("aud", "x".into(), SECRET)), "audience"),
        (AUTH, Some(token("cfg", json!({ "customer_id": 7, "allowed_ips": ["192.0.2.1"] }), SECRET)), "address"),
        (AUTH, Some(row(2)), "address"),
        (AUTH, Some(row(1)), "row 1 was removed"),
        (AUTH, Some(row(9)), "no row 9"),
        ("/metrics", None, "no token"),
        ("/metrics", Some("Bearer wrong".to_owned()), "metrics.token"),
        ("/grafana/", None, "no token"),
        ("/grafana/", Some(row(9)), "no row 9"),
    ]
    .into_iter()
    .enumerate()
    {
        let id = format!("ask-{n}");
        let status = ask(path, token.as_deref(), &id).await;
        assert!([401, 403].contains(&status), "{path} {reason}: {status}");
        let line = served.line(&format!("request {id}: "));
        assert!(line.contains(reason) && line.contains("198.51.100.7"), "{reason}: {line}");
        for part in token.iter().flat_map(|token| token.split('.')).filter(|part| part.len() > 12) {
            assert!(!line.contains(part), "{line}");
        }
    }
    let body = json!({ "auth": { "login": "nobody", "password": "hush" } });
    let request = reqwest::Client::new().post(format!("{}{AUTH}", served.url)).header("X-Request-Id", "ask-login");
    assert_eq!(send(request.header("X-Forwarded-For", "198.51.100.7").json(&body)).await.status, 401);
    let line = served.line("request ask-login: ");
    assert!(line.contains("login from 198.51.100.7 refused: ") && !line.contains("hush"), "{line}");
}

#[actix_web::test]
async fn what_strangers_cause_is_no_error_and_one_line_at_the_most() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    let served = Served::start(&db().await, &[]);
    let address = served.url.strip_prefix("http://").unwrap().to_owned();
    for head in [
        &b"no request at all\r\n\r\n"[..],
        b"GET / HTTP/9.9\r\n\r\n",
        b"\x16\x03\x01\x02\x00",
        b"GET /\0 HTTP/1.1\r\n\r\n",
    ] {
        let mut stream = tokio::net::TcpStream::connect(&address).await.unwrap();
        stream.write_all(head).await.unwrap();
        stream.shutdown().await.unwrap();
        let _ = stream.read_to_end(&mut Vec::new()).await;
    }
    // More logins than wait: the others are turned away.
    let client = reqwest::Client::new();
    let login = |n: usize| {
        let body = json!({ "auth": { "login": format!("nobody-{n}"), "password": "hush" } });
        let path = format!("{}/api/rest/customer/v1/auth", served.url);
        send(client.post(path).header("X-Request-Id", format!("login-{n}")).json(&body))
    };
    let replies = futures_util::future::join_all((0..400).map(login)).await;
    assert!(replies.iter().any(|reply| reply.status == 503), "{:?}", replies.iter().map(|reply| reply.status).max());
    let request = client.post(format!("{}/grafana/query", served.url)).header("X-Request-Id", "panel").json(&json!({}));
    assert_eq!(send(request).await.status, 403);
    let _ = send(client.get(format!("{}/api/rest/customer/v1/auth", served.url)).header("X-Request-Id", "last")).await;
    let mut lines = Vec::new();
    while lines.last().is_none_or(|line: &String| !line.contains("request last: ")) {
        lines.extend(served.logged());
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    assert!(lines.iter().all(|line| !line.contains("ERROR") && !line.contains("WARN")), "{lines:#?}");
    assert_eq!(lines.iter().filter(|line| line.contains("request panel: ")).count(), 1, "{lines:#?}");
    let of = |n: usize| lines.iter().filter(|line| line.contains(&format!("request login-{n}: "))).count();
    assert!((0..400).all(|n| of(n) <= 1));
}

#[actix_web::test]
async fn a_warning_that_stays_is_logged_once_and_in_words() {
    let db = db().await;
    for row in [r#"{"id":1,"customer_id":7,"allowed_ips":["nowhere"]}"#, r#"{"id":2,"customer_id":7,"login":"x"}"#] {
        insert(&db.admin, "api_access", row).await;
    }
    insert(&db.admin, "api_access", r#"{"id":3,"customer_id":7,"login":"x"}"#).await;
    let shared = uuid::Uuid::new_v4();
    for id in [1, 2] {
        insert(&db.admin, "accounts", &format!(r#"{{"id":{id},"uuid":"{shared}","customer_id":7}}"#)).await;
    }
    db.admin
        .query_raw("INSERT INTO schema_migrations (number, name, checksum) VALUES (99, 'later', 'x')")
        .execute()
        .await
        .unwrap();
    // A service that runs while a newer program migrates: here the record is older than the service's look at it.
    let forget = "DELETE FROM schema_migrations WHERE number = 99";
    db.admin.query_raw(forget).execute().await.unwrap();
    let served = Served::start(&db, &[("CDRSCOPE_LOG", "info,actix_server=warn,actix_http=off,clickhouse=warn")]);
    db.admin
        .query_raw("INSERT INTO schema_migrations (number, name, checksum) VALUES (99, 'later', 'x')")
        .execute()
        .await
        .unwrap();
    let line = served.line("the schema is at number");
    assert!(line.contains("number 99, newer than this program") && !line.contains("Newer"), "{line}");
    // Several looks later.
    tokio::time::sleep(std::time::Duration::from_millis(2600)).await;
    let again = served.logged();
    let warnings: Vec<&String> = again.iter().filter(|line| line.contains("WARN")).collect();
    assert!(warnings.is_empty(), "{warnings:#?}");
}

#[test]
fn no_flag_takes_a_secret() {
    for (flag, variable, file) in [
        ("auth-secret", "CDRSCOPE_AUTH_SECRET", "auth.secret_file"),
        ("auth-secrets", "CDRSCOPE_AUTH_SECRETS", "auth.secrets_file"),
        ("clickhouse-password", "CDRSCOPE_CLICKHOUSE_PASSWORD", "clickhouse.password_file"),
        ("metrics-token", "CDRSCOPE_METRICS_TOKEN", "metrics.token_file"),
    ] {
        let value = "hush, a secret of 32 bytes or more";
        for args in [vec![format!("--{flag}"), value.to_owned()], vec![format!("--{flag}={value}")]] {
            for command in [&["serve"][..], &["check"], &["token", "--access", "1"], &["account", "list"]] {
                let args: Vec<&str> = command.iter().copied().chain(args.iter().map(String::as_str)).collect();
                // A server that is not there: whoever takes the flag comes so far and fails with 1.
                let (code, text) = run(&args, &[("CDRSCOPE_CLICKHOUSE_URL", "http://127.0.0.1:1")]);
                assert_eq!(code, Some(2), "{args:?}: {text}");
                assert!(!text.contains("hush"), "{text}");
                let names = [&format!("--{flag}"), variable, file];
                assert!(names.iter().all(|name| text.contains(*name)), "{text}");
            }
        }
        let (_, help) = run(&["serve", "--help"], &[]);
        assert!(!help.contains(&format!("--{flag} ")), "{help}");
        assert!(help.contains(&format!("--{flag}-file")), "{help}");
    }
}

#[test]
fn a_password_in_an_address_is_refused_and_never_printed() {
    let dir = tempfile::tempdir().unwrap();
    for (n, url) in [
        "http://user:hush-hush@127.0.0.1:1",
        "https://user:hush-hush@127.0.0.1:1/path",
        "http://hush-hush@127.0.0.1:1",
        "http://user:hush/hush-hush@127.0.0.1:1",
        "http://127.0.0.1:1/?user=u&password=hush-hush",
        "http://127.0.0.1:1/#hush-hush",
        "HTTP://user:hush-hush@127.0.0.1:1",
        "user:hush-hush@127.0.0.1:1",
        "ftp://user:hush-hush@127.0.0.1:1",
    ]
    .into_iter()
    .enumerate()
    {
        let file = dir.path().join(format!("{n}.toml"));
        std::fs::write(&file, format!("[clickhouse]\nurl = \"{url}\"\n")).unwrap();
        let file = file.display().to_string();
        for command in ["serve", "check", "migrate", "account"] {
            let command = if command == "account" { vec!["account", "list"] } else { vec![command] };
            let secret = ("CDRSCOPE_AUTH_SECRET", SECRET);
            for (code, text) in [
                run(&command, &[secret, ("CDRSCOPE_CLICKHOUSE_URL", url)]),
                run(&[&command[..], &["--config", &file]].concat(), &[secret]),
                run(&[&command[..], &["--clickhouse-url", url]].concat(), &[secret]),
            ] {
                assert_eq!(code, Some(2), "{command:?} {url}: {text}");
                assert!(text.contains("clickhouse.url") && !text.contains("hush"), "{command:?} {url}: {text}");
            }
        }
    }
}

#[actix_web::test]
async fn a_secret_file_that_others_can_read_and_a_poor_secret_are_warned_of() {
    let (db, dir) = (db().await, tempfile::tempdir().unwrap());
    std::fs::set_permissions(dir.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    let file = |name: &str, text: &str, mode: u32| {
        let path = dir.path().join(name);
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        path.display().to_string()
    };
    let password = environment(&db, false).iter().find(|(name, _)| name.ends_with("PASSWORD")).unwrap().1.to_owned();
    let open = file("secret", SECRET, 0o644);
    let (group, closed) = (file("password", &password, 0o640), file("token", "0c7d1fe2b3a4958677", 0o600));
    let served = Served::start(
        &db,
        &[
            ("CDRSCOPE_AUTH_SECRET_FILE", &open),
            ("CDRSCOPE_CLICKHOUSE_PASSWORD_FILE", &group),
            ("CDRSCOPE_METRICS_TOKEN_FILE", &closed),
        ],
    );
    // The warnings stand before the line that says where it listens, which was read already.
    let warned = served.before();
    let of = |text: &str| warned.iter().filter(|line| line.contains("WARN") && line.contains(text)).count();
    assert_eq!((of(&open), of(&group), of(&closed)), (1, 1, 0), "{warned:#?}");
    assert!(!warned.concat().contains(SECRET) && !warned.concat().contains(&password), "{warned:#?}");
    drop(served);
    let settings = file("settings.toml", &format!("[auth]\nsecret = \"{SECRET}\"\n"), 0o644);
    let served = Served::start(&db, &[("CDRSCOPE_CONFIG", &settings)]);
    let warned = served.before();
    assert!(warned.iter().any(|line| line.contains("WARN") && line.contains(&settings)), "{warned:#?}");
    drop(served);
    for poor in ["a".repeat(40), "0123".repeat(10), "abcdefgh".repeat(5)] {
        let served = Served::start(&db, &[("CDRSCOPE_AUTH_SECRET", &poor)]);
        let warned = served.before();
        assert!(warned.iter().any(|line| line.contains("WARN") && line.contains("auth.secret")), "{poor}: {warned:#?}");
        assert!(!warned.concat().contains(&poor), "{warned:#?}");
    }
    let served = Served::start(&db, &[("CDRSCOPE_AUTH_SECRET", "5f2c9e0b7a1d48366f2c9e0b7a1d4835")]);
    assert!(served.before().iter().all(|line| !line.contains("WARN")), "{:#?}", served.before());
}
