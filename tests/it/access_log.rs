//! The access log, the audit log, and the log as JSON.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use cdrscope::config::value::Secret;
use cdrscope::config::{AccessLog, Config};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::cache::calls;
use crate::support::app::{API, SECRET};
use crate::support::http::send;
use crate::support::{TestApp, engine};

const CUSTOMER: u32 = 1;
const ACCOUNT: u32 = 11;

/// First second of the calls.
const FIRST: i64 = 1_767_225_600;

async fn filled(change: impl FnOnce(&mut Config)) -> (TestApp, Uuid, String) {
    let app = TestApp::start(change).await;
    let account = app.account(ACCOUNT, CUSTOMER).await;
    app.admin.query_raw(&calls(1, FIRST, 60, 100)).execute().await.unwrap();
    let token = app.token(CUSTOMER, &[]);
    app.until_known(account, &token).await;
    (app, account, token)
}

/// The log's lines for which `wanted` holds, once there are so many of them.
async fn lines(path: &Path, count: usize, wanted: impl Fn(&str) -> bool) -> Vec<String> {
    let mut found = Vec::new();
    for _ in 0..200 {
        let text = std::fs::read_to_string(path).unwrap_or_default();
        found = text.lines().filter(|line| wanted(line)).map(str::to_owned).collect();
        if found.len() >= count && text.ends_with('\n') {
            break;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    assert_eq!(found.len(), count, "{found:#?}");
    found
}

fn parsed(lines: &[String]) -> Vec<Value> {
    lines.iter().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn question(account: Uuid, more: &str) -> String {
    format!(
        "{API}/origination-statistics?account-id={account}&from-time={FIRST}&to-time={}&sampling=hour{more}",
        FIRST + 3599
    )
}

fn grafana(id: &str, app: &TestApp) -> reqwest::RequestBuilder {
    let body = json!({
        "range": { "from": FIRST * 1000, "to": (FIRST + 3600) * 1000 }, "intervalMs": 60000, "maxDataPoints": 100,
        "targets": [{ "refId": "A", "target": "total_calls", "payload": { "prefix": "44" } }],
    });
    app.request("POST", "/grafana/query").header("X-Request-Id", id).body(body.to_string())
}

#[actix_web::test]
async fn a_request_is_a_line_without_anything_that_a_caller_keeps_secret() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("access.log");
    let (app, account, token) = filled(|config| {
        config.log.access = AccessLog::Json;
        config.log.access_file = Some(path.clone());
        config.http.trusted_proxies = vec!["127.0.0.1/32".parse().unwrap()];
    })
    .await;
    let ask = async |id: &str, method: &str, path: &str, token: &str| {
        let request = app.request(method, path).header("Authorization", token).header("X-Request-Id", id);
        send(request.header("X-Forwarded-For", "198.51.100.7:443")).await
    };
    let filtered = question(account, "&dst-prefix-routing-starts-with=4412345,49");
    let first = ask("t-miss", "GET", &filtered, &token).await;
    assert_eq!(ask("t-hit", "GET", &filtered, &token).await.body, first.body);
    assert_eq!(ask("t-head", "HEAD", &filtered, &token).await.status, 200);
    let unchanged = app.request("GET", &filtered).header("Authorization", &token).header("X-Request-Id", "t-304");
    assert_eq!(send(unchanged.header("If-None-Match", first.header("etag"))).await.status, 304);
    ask("t-400", "GET", &question(account, "&duration-gt=secretvalue"), &token).await;
    ask("t-401", "GET", &filtered, "eyJzZWNyZXQ").await;
    ask("t-404", "GET", "/secret/path?secretquery", "").await;
    ask("t-405", "PATCH", &filtered, "").await;
    ask("t-json", "GET", &filtered.replace("statistics?", "statistics.json?"), &token).await;
    let live = format!("{API}/outgoing-active-calls?account-id={account}");
    ask("t-live", "GET", &live, &token).await;
    assert_eq!(send(grafana("t-grafana", &app).header("Authorization", &token)).await.status, 200);
    let found = lines(&path, 11, |line| line.contains("\"id\":\"t-")).await;
    for line in &found {
        for secret in [token.as_str(), "4412345", "secret", "eyJ", "starts-with"] {
            assert!(!line.contains(secret), "{line}");
        }
    }
    let found = parsed(&found);
    let of = |id: &str| found.iter().find(|line| line["id"] == id).unwrap();
    let report = format!("{API}/origination-statistics");
    let miss = of("t-miss");
    for (name, expected) in [
        ("address", json!("198.51.100.7")),
        ("customer", json!(CUSTOMER)),
        ("access", json!(null)),
        ("account", json!(account.to_string())),
        ("accounts", json!(1)),
        ("report", json!("origination-statistics")),
        ("method", json!("GET")),
        ("route", json!(report)),
        ("status", json!(200)),
        ("bytes", json!(first.body.len())),
        ("cache", json!("miss")),
        ("end", json!("whole")),
    ] {
        assert_eq!(miss[name], expected, "{name}: {miss}");
    }
    assert!(miss["rows_read"].as_u64().unwrap() > 0 && miss["ms"].is_u64(), "{miss}");
    time::OffsetDateTime::parse(miss["time"].as_str().unwrap(), &time::format_description::well_known::Rfc3339)
        .unwrap();
    assert_eq!((&of("t-hit")["cache"], &of("t-hit")["rows_read"]), (&json!("hit"), &json!(0)));
    assert_eq!(of("t-json")["route"], json!(report));
    assert_eq!(of("t-304")["address"], json!("127.0.0.1"));
    for (id, status, bytes, customer) in [
        ("t-head", 200, Some(0), json!(CUSTOMER)),
        ("t-304", 304, Some(0), json!(CUSTOMER)),
        ("t-400", 400, None, json!(CUSTOMER)),
        ("t-401", 401, Some(0), json!(null)),
        ("t-404", 404, None, json!(null)),
        ("t-405", 405, None, json!(null)),
        ("t-live", 200, None, json!(CUSTOMER)),
        ("t-grafana", 200, None, json!(CUSTOMER)),
    ] {
        let line = of(id);
        assert_eq!(
            (&line["status"], &line["customer"], &line["end"]),
            (&json!(status), &customer, &json!("whole")),
            "{id}"
        );
        assert!(bytes.is_none_or(|bytes| line["bytes"] == bytes), "{line}");
    }
    assert_eq!(of("t-404")["route"], json!(null));
    assert_eq!(
        (&of("t-grafana")["report"], &of("t-grafana")["route"]),
        (&json!("origination-statistics"), &json!("/grafana/query"))
    );
}

#[actix_web::test]
async fn the_text_form_is_pairs_on_one_line_whatever_a_caller_sends() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("access.log");
    let (app, account, token) = filled(|config| {
        config.log.access = AccessLog::Text;
        config.log.access_file = Some(path.clone());
    })
    .await;
    let request = app.request("GET", &question(account, "")).header("Authorization", &token);
    send(request.header("X-Request-Id", "t-1 status=500\" x")).await;
    send(app.request("EVIL", "/x%0aid=t-2%20status=200").header("X-Request-Id", "t-2")).await;
    let found = lines(&path, 2, |line| line.contains("id=t-")).await;
    let names = [
        "time",
        "id",
        "address",
        "customer",
        "access",
        "account",
        "accounts",
        "report",
        "method",
        "route",
        "status",
        "bytes",
        "ms",
        "rows_read",
        "cache",
        "end",
    ];
    for line in &found {
        let told: Vec<&str> = line.split(' ').map(|pair| pair.split_once('=').unwrap().0).collect();
        assert_eq!(told, names, "{line}");
    }
    assert!(found[0].contains(" id=t-1status500x ") && found[0].contains(" status=200 "), "{}", found[0]);
    assert!(found[1].contains(" id=t-2 ") && found[1].contains(" route=- status=404 "), "{}", found[1]);
}

#[actix_web::test]
async fn a_body_that_its_caller_leaves_is_told_to_be_cut() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("access.log");
    let (app, account, token) = filled(|config| {
        config.log.access = AccessLog::Json;
        config.log.access_file = Some(path.clone());
    })
    .await;
    let (host, wanted) = (app.url.trim_start_matches("http://").to_owned(), FIRST - 400_000 * 60);
    let head = format!(
        "GET {API}/origination-statistics-quality?account-id={account}&from-time={wanted}&to-time={FIRST}&sampling=minute \
         HTTP/1.1\r\nHost: x\r\nAuthorization: {token}\r\nX-Request-Id: t-cut\r\n\r\n"
    );
    let length = actix_web::rt::task::spawn_blocking(move || {
        let mut stream = TcpStream::connect(host).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        stream.write_all(head.as_bytes()).unwrap();
        let mut some = [0; 4096];
        stream.read_exact(&mut some).unwrap();
        let head = String::from_utf8_lossy(&some).to_lowercase();
        let (_, rest) = head.split_once("content-length: ").unwrap();
        rest.split_once('\r').unwrap().0.parse::<u64>().unwrap()
        // Unread bytes make the end a reset.
    })
    .await
    .unwrap();
    let line = &parsed(&lines(&path, 1, |line| line.contains("t-cut")).await)[0];
    assert_eq!((&line["status"], &line["end"]), (&json!(200), &json!("cut")), "{line}");
    let bytes = line["bytes"].as_u64().unwrap();
    assert!(bytes > 0 && bytes < length, "{bytes} of {length}");
}

#[actix_web::test]
async fn who_was_given_which_data_is_written_down() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("audit.log");
    let (app, account, token) = filled(|config| {
        config.log.audit_file = Some(path.clone());
        config.metrics.enabled = true;
        config.metrics.token = Secret::new("0123456789abcdef");
    })
    .await;
    let ask = async |id: &str, path: &str, token: &str| {
        send(app.request("GET", path).header("Authorization", token).header("X-Request-Id", id)).await
    };
    let filtered = question(account, "&dst-prefix-routing-starts-with=4412345&duration-gt=5");
    let reply = ask("t-1", &filtered, &token).await;
    assert_eq!(reply.status, 200);
    let again = app.request("GET", &filtered).header("Authorization", &token).header("X-Request-Id", "t-2");
    assert_eq!(send(again.header("If-None-Match", reply.header("etag"))).await.status, 304);
    assert_eq!(send(grafana("t-3", &app).header("Authorization", &token)).await.status, 200);
    assert_eq!(ask("t-4", &format!("{API}/outgoing-active-calls?account-id={account}"), &token).await.status, 200);
    // Nothing was given in these.
    assert_eq!(ask("t-5", &filtered, "").await.status, 401);
    assert_eq!(ask("t-6", &question(account, "&duration-gt=x"), &token).await.status, 400);
    assert_eq!(ask("t-7", &filtered, &app.token(2, &[])).await.status, 400);
    assert_eq!(ask("t-8", "/health/live", "").await.status, 200);
    let last = ask("t-9", &question(account, ""), &token).await;
    assert_eq!(last.status, 200);
    let found = lines(&path, 5, |line| line.contains("\"id\":\"t-")).await;
    assert!(found.iter().all(|line| !line.contains("4412345") && !line.contains(&token)), "{found:#?}");
    let found = parsed(&found);
    assert_eq!(
        found.iter().map(|line| line["id"].as_str().unwrap()).collect::<Vec<_>>(),
        ["t-1", "t-2", "t-3", "t-4", "t-9"]
    );
    for (name, expected) in [
        ("address", json!("127.0.0.1")),
        ("access", json!(null)),
        ("customer", json!(CUSTOMER)),
        ("route", json!(format!("{API}/origination-statistics"))),
        ("method", json!("GET")),
        ("status", json!(200)),
        ("report", json!("origination-statistics")),
        ("accounts", json!([account.to_string()])),
        ("from", json!("2026-01-01T00:00:00Z")),
        ("to", json!("2026-01-01T00:59:59Z")),
        ("filters", json!(["dst_prefix_routing", "duration"])),
        ("buckets", json!(1)),
    ] {
        assert_eq!(found[0][name], expected, "{name}: {}", found[0]);
    }
    assert_eq!(found[1]["status"], json!(304));
    assert_eq!((&found[2]["route"], &found[2]["filters"]), (&json!("/grafana/query"), &json!(["dst_prefix_routing"])));
    assert_eq!((&found[3]["report"], &found[3]["from"]), (&json!("outgoing-active-calls"), &json!(null)));
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    // Moved away, as logrotate does, it is made again.
    std::fs::rename(&path, dir.path().join("audit.log.1")).unwrap();
    ask("t-10", &question(account, ""), &token).await;
    lines(&path, 1, |line| line.contains("t-10")).await;
    let metrics = app.get("/metrics", "Bearer 0123456789abcdef").await.body;
    assert!(metrics.contains("cdrscope_log_lines_lost_total{log=\"audit\"} 0\n"), "{metrics}");
}

#[actix_web::test]
async fn a_log_that_cannot_be_written_fails_no_request_and_what_waits_is_counted() {
    let (app, account, token) = filled(|config| {
        config.log.audit_file = Some("/dev/full".into());
        config.metrics.enabled = true;
        config.metrics.token = Secret::new("0123456789abcdef");
    })
    .await;
    for _ in 0..3 {
        assert_eq!(app.get(&question(account, ""), &token).await.status, 200);
    }
    let mut metrics = String::new();
    for _ in 0..100 {
        metrics = app.get("/metrics", "Bearer 0123456789abcdef").await.body;
        let of = |name: &str| {
            let line = metrics.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix("{log=\"audit\"} "));
            line.map(|value| value.parse::<u64>().unwrap())
        };
        // Four lines, with what was asked until the account was known.
        if of("cdrscope_log_waiting_bytes").is_some_and(|bytes| bytes > 1000) {
            assert_eq!(of("cdrscope_log_lines_lost_total"), Some(0));
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("{metrics}");
}

/// A service of its own process over a fresh database, and its stderr until it listens.
async fn started(flags: &[&str]) -> (Vec<String>, std::process::ExitStatus) {
    let db = crate::support::db().await;
    let reader = engine().reader();
    let mut child = Command::new(env!("CARGO_BIN_EXE_cdrscope"))
        .args(["serve", "--http-listen", "127.0.0.1:0", "--clickhouse-url", engine().url()])
        .args(["--clickhouse-user", &reader.user, "--clickhouse-database", &db.database])
        .args(flags)
        .env("CDRSCOPE_CLICKHOUSE_PASSWORD", &reader.password)
        .env("CDRSCOPE_AUTH_SECRET", SECRET)
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let stderr = BufReader::new(child.stderr.take().unwrap());
    let mut lines = Vec::new();
    for line in stderr.lines() {
        lines.push(line.unwrap());
        if lines.iter().any(|line| line.contains("listening on")) {
            child.kill().unwrap();
        }
    }
    (lines, child.wait().unwrap())
}

#[actix_web::test]
async fn the_log_is_an_object_a_line_where_that_is_wanted() {
    let (lines, _) = started(&["--log-format", "json"]).await;
    let lines = parsed(&lines);
    let line = lines.iter().find(|line| line["message"].as_str().unwrap().starts_with("listening on http://")).unwrap();
    assert_eq!((&line["level"], &line["target"]), (&json!("INFO"), &json!("cdrscope::cli::serve")));
    time::OffsetDateTime::parse(line["time"].as_str().unwrap(), &time::format_description::well_known::Rfc3339)
        .unwrap();
}

#[actix_web::test]
async fn a_log_file_that_cannot_be_opened_stops_the_start() {
    for (flag, setting) in [("--log-audit-file", "log.audit_file"), ("--log-access-file", "log.access_file")] {
        let (lines, status) = started(&[flag, "/nonexistent/x.log", "--log-access", "json"]).await;
        assert_eq!(status.code(), Some(1));
        let last = lines.last().unwrap();
        assert!(last.starts_with(&format!("cdrscope: {setting}: /nonexistent/x.log: No such file")), "{last}");
    }
}
