//! Causes of failures, and text of callers, in logs and errors.

use std::sync::{Mutex, Once, PoisonError};

use actix_web::test;
use cdrscope::config::Config;
use cdrscope::config::value::{Secret, WatchedAccounts};
use cdrscope::http::app;
use cdrscope::http::endpoint::Entrance;
use cdrscope::http::state::State;
use cdrscope::sql::schema::{Causes, Schema, TableSchema};
use cdrscope::store::{self, Store};
use cdrscope::token::{Issue, Keys};
use serde_json::{Value, json};
use time::OffsetDateTime;

use crate::grafana::{World, body, target};
use crate::support::Reply;
use crate::support::app::{API, SECRET};
use crate::support::http::send;

/// What was logged, by everybody in this program.
static LINES: Mutex<Vec<(log::Level, String)>> = Mutex::new(Vec::new());

struct Capture;

impl log::Log for Capture {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        let line = (record.level(), record.args().to_string());
        LINES.lock().unwrap_or_else(PoisonError::into_inner).push(line);
    }

    fn flush(&self) {}
}

pub fn capture() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        log::set_logger(&Capture).unwrap();
        log::set_max_level(log::LevelFilter::Info);
    });
}

/// The lines that hold a text.
pub fn lines(text: &str) -> Vec<(log::Level, String)> {
    let all = LINES.lock().unwrap_or_else(PoisonError::into_inner);
    all.iter().filter(|(_, line)| line.contains(text)).cloned().collect()
}

/// Asserts that the log has one cause for an answer, at ERROR and under the answer's id.
fn has_a_cause(reply: &Reply, cause: &str) {
    let id = reply.header("x-request-id");
    let found = lines(id);
    let errors: Vec<_> = found.iter().filter(|(level, _)| *level == log::Level::Error).collect();
    assert_eq!(errors.len(), 1, "{}: {found:?}", reply.body);
    assert!(errors[0].1.contains(cause), "{cause}: {errors:?}");
}

#[actix_web::test]
async fn every_door_logs_the_cause_once_under_the_id_that_the_body_names() {
    capture();
    let world = World::with(|config| {
        config.cache.enabled = false;
        config.metrics.enabled = true;
        config.metrics.token = Secret::new("0123456789abcdef");
        config.metrics.accounts = WatchedAccounts::All;
    })
    .await;
    world.app.admin.query_raw("DROP TABLE cdrs").execute().await.unwrap();
    for metric in ["asr", "top_destinations", "incidents", "pdd_p95", "termination_ner"] {
        let reply = world.post("/query", &body(target(metric, json!({})))).await;
        assert_eq!(reply.status, 502, "{metric}: {}", reply.body);
        let id = reply.header("x-request-id");
        assert!(reply.json()["message"].as_str().unwrap().contains(id), "{}", reply.body);
        has_a_cause(&reply, "Code: 60");
    }
    let path = format!(
        "{API}/origination-statistics?account-id={}&from-time=2026-02-01&to-time=2026-02-02&sampling=hour",
        world.acme
    );
    let reply = world.app.get(&path, &world.token).await;
    assert_eq!(reply.status, 502, "{}", reply.body);
    has_a_cause(&reply, "Code: 60");
    let reply = world.app.get("/metrics", "Bearer 0123456789abcdef").await;
    assert!(reply.body.contains("cdrscope_accounts_up 0"), "{}", reply.body);
    has_a_cause(&reply, "Code: 60");
    // What the caller did wrong is no error of the service.
    let reply = world.post("/query", &body(target("nothing", json!({})))).await;
    assert_eq!(reply.status, 400);
    let found = lines(reply.header("x-request-id"));
    assert!(found.iter().all(|(level, _)| *level > log::Level::Warn), "{found:?}");
}

/// Accounts were never read, as after a quarter of a minute without ClickHouse.
#[actix_web::test]
async fn every_door_says_in_the_log_that_accounts_cannot_be_read() {
    capture();
    let mut config = Config::default();
    config.auth.secret = Secret::new(SECRET);
    let keys = Keys::new(&config.auth).unwrap();
    let grant = Issue::Grant { customer_id: 7, account_ids: Vec::new(), allowed_ips: Vec::new(), debug: false };
    let token = keys.sign(&grant, OffsetDateTime::now_utc(), 600).unwrap();
    let store = Store::new(|| store::client("http://127.0.0.1:1", "default", ""), &config.limits);
    let (cdrs, active_calls) = (TableSchema::plain("cdrs"), TableSchema::plain("active_calls"));
    let schema = Schema { cdrs, active_calls, billed_duration: false, period_seconds: 60, causes: Causes::default() };
    let service = test::init_service(app(State::new(config, keys, store, schema), Entrance::Main)).await;
    let auth = format!("{API}/auth");
    for (method, path, body) in [
        ("GET", format!("{API}/origination-statistics"), ""),
        ("GET", auth.clone(), ""),
        ("POST", auth, r#"{"auth":{"login":"ann","password":"x"}}"#),
        ("POST", "/grafana/query".to_owned(), "{}"),
        ("GET", "/grafana".to_owned(), ""),
    ] {
        let request = test::TestRequest::default().method(method.parse().unwrap()).uri(&path);
        let request = request.insert_header(("Authorization", token.as_str())).set_payload(body);
        let response = test::call_service(&service, request.to_request()).await;
        assert_eq!(response.status(), 503, "{method} {path}");
        let id = response.headers().get("x-request-id").unwrap().to_str().unwrap().to_owned();
        let text = String::from_utf8(test::read_body(response).await.to_vec()).unwrap();
        assert!(text.contains(&id), "{method} {path}: {text}");
        let found = lines(&id);
        assert_eq!(found.len(), 1, "{method} {path}: {found:?}");
        assert!(found[0].0 == log::Level::Error && found[0].1.contains("accounts"), "{found:?}");
    }
}

/// Marks that begin a line of their own, move the cursor, or turn the direction of writing.
const FORGED: &str =
    "x\n[2026-11-28T00:00:00Z INFO cdrscope] forged\r\u{1b}[2J\u{202e}\u{2066}\u{2028}\u{0}\u{85}\u{200b}";

fn is_plain(line: &str) -> bool {
    let marks = ['\u{202e}', '\u{2066}', '\u{2028}', '\u{200b}', '\u{feff}'];
    !line.chars().any(|c| c.is_control() || marks.contains(&c))
}

/// Bodies with a caller's text in every place from which it may get into an error.
fn carriers(text: &str) -> Vec<(&'static str, Value)> {
    let filter = |key: &str, operator: &str, value: &str| {
        let mut request = body(target("asr", json!({})));
        request["filters"] = json!([{ "key": key, "operator": operator, "value": value, "values": [value] }]);
        request
    };
    let payload = |name: &str| body(target("asr", json!({ name: text })));
    let mut range = body(target("asr", json!({})));
    range["range"]["from"] = json!(text);
    vec![
        ("/query", body(target(text, json!({})))),
        ("/query", filter("dst-country-id", text, "1")),
        ("/query", filter("account-id", text, "1")),
        ("/query", filter("dst-country-id", "=", text)),
        ("/query", filter("dst-country-id", "=|", text)),
        ("/query", filter("dst-prefix-routing", "=~", &format!("({text}"))),
        ("/query", filter("account-id", "=~", &format!("({text}"))),
        ("/query", payload("account")),
        ("/query", payload("countries")),
        ("/query", payload("shape")),
        ("/query", payload("sampling")),
        ("/query", payload("reduce")),
        ("/query", payload("limit")),
        ("/query", range),
        ("/variable", json!({ "payload": { "target": text } })),
        ("/metric-payload-options", json!({ "name": text })),
        ("/annotations", json!({ "annotation": { "query": text }, "range": body(json!({}))["range"] })),
    ]
}

#[actix_web::test]
async fn text_of_callers_neither_forges_log_lines_nor_fills_the_log_or_the_answer() {
    capture();
    let world = World::new().await;
    for text in [FORGED.to_owned(), "x".repeat(900_000), "\u{202e}".repeat(300_000), "\"\\\n".repeat(200_000)] {
        for (path, request) in carriers(&text) {
            let reply = world.post(path, &request).await;
            let about = format!("{path} {:.300}", request.to_string());
            assert!(reply.status == 400 || reply.status == 413, "{about}: {:.300}", reply.body);
            assert!(reply.body.len() < 6000, "{about}: {} bytes", reply.body.len());
            for (level, line) in lines(reply.header("x-request-id")) {
                assert!(line.len() < 6000 && is_plain(&line), "{about}: {} bytes: {line:.300}", line.len());
                assert!(level > log::Level::Warn, "{about}: {line}");
            }
        }
    }
}

/// ClickHouse's own text quotes values of callers, and the log has it.
#[actix_web::test]
async fn causes_that_quote_callers_are_escaped_and_cut() {
    capture();
    let world = World::with(|config| config.cache.enabled = false).await;
    let statements = [
        "RENAME TABLE cdrs TO calls",
        "CREATE VIEW cdrs AS SELECT * FROM calls WHERE throwIf(id > 0, 'first\nsecond \u{1b}[2J\u{202e} third') = 0",
    ];
    for sql in statements {
        world.app.admin.query_raw(sql).execute().await.unwrap();
    }
    let reply = world.post("/query", &body(target("asr", json!({})))).await;
    assert_eq!(reply.status, 502, "{}", reply.body);
    has_a_cause(&reply, "second");
    for (_, line) in lines(reply.header("x-request-id")) {
        assert!(is_plain(&line) && line.len() < 5000, "{line}");
    }
    let reply = send(world.app.request("GET", "/grafana").header("Authorization", "x")).await;
    assert_eq!(reply.status, 403);
}
