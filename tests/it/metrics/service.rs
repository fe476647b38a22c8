//! The service's own figures, and who may see them.

use std::collections::BTreeSet;

use cdrscope::metrics::ALL;

use super::{TOKEN, on, scrape, with_header};
use crate::support::app::API;
use crate::support::http::send;
use crate::support::{TestApp, db};

const QUALITY: &str = "origination-statistics-quality";

/// 2026-01-01T00:00:00Z.
const FIRST: i64 = 1_767_225_600;

#[actix_web::test]
async fn without_the_setting_there_is_no_such_path() {
    // A token alone does not make one.
    let app = TestApp::start(|config| {
        on(config, "true");
        config.metrics.enabled = false;
    })
    .await;
    let authorization = format!("Bearer {TOKEN}");
    for method in ["GET", "HEAD", "POST"] {
        let ask = async |path: &str| {
            let reply = send(app.request(method, path).header("Authorization", &authorization)).await;
            let names: BTreeSet<String> = reply.headers.keys().map(ToString::to_string).collect();
            (reply.status, reply.body, names)
        };
        let (metrics, other) = (ask("/metrics").await, ask("/no-such-path").await);
        assert_eq!(metrics, other);
        assert_eq!(metrics.0, 404);
    }
    let document = send(app.request("GET", "/openapi.json")).await.json();
    assert!(document["paths"]["/metrics"].is_null() && document["components"]["securitySchemes"]["metrics"].is_null());
}

#[actix_web::test]
async fn only_its_own_token_opens_it_and_it_opens_nothing_else() {
    let app = TestApp::start(|config| on(config, "false")).await;
    let customer = app.token(7, &[]);
    for refused in [
        "",
        "Bearer",
        "Bearer ",
        TOKEN,
        "Bearer scrape-me-if-you-ca",
        "Bearer scrape-me-if-you-cant",
        "Bearer SCRAPE-ME-IF-YOU-CAN",
        "Bearer x scrape-me-if-you-can",
        "Basic scrape-me-if-you-can",
        &format!("Bearer {customer}"),
    ] {
        let reply = with_header(&app, refused).await;
        assert_eq!((reply.status, reply.body.as_str()), (401, ""), "{refused:?}");
        assert_eq!(reply.header("www-authenticate"), "Bearer");
    }
    assert_eq!(send(app.request("GET", "/metrics")).await.status, 401);
    for good in [format!("Bearer {TOKEN}"), format!("bearer {TOKEN}")] {
        assert_eq!(with_header(&app, &good).await.status, 200, "{good}");
    }
    let post = send(app.request("POST", "/metrics").header("Authorization", format!("Bearer {TOKEN}"))).await;
    assert_eq!((post.status, post.header("allow")), (405, "GET"));
    for path in [&format!("{API}/{QUALITY}"), &format!("{API}/auth")] {
        assert_eq!(app.get(path, &format!("Bearer {TOKEN}")).await.status, 401, "{path}");
    }
    let document = send(app.request("GET", "/openapi.json")).await.json();
    assert_eq!(document["paths"]["/metrics"]["get"]["security"][0]["metrics"], serde_json::json!([]));
    assert_eq!(document["components"]["securitySchemes"]["metrics"]["scheme"], "bearer");
}

#[actix_web::test]
async fn requests_queries_and_answers_are_counted() {
    let db = db().await;
    let calls = "INSERT INTO cdrs (id, customer_id, customer_acc_id, is_last_cdr, time_start, duration) \
        SELECT number, 7, 1, 1, toDateTime(1767225600 + number), 5 FROM numbers(3600)";
    db.admin.query_raw(calls).execute().await.unwrap();
    let app = TestApp::over(db, |config| {
        on(config, "false");
        // No new parts come, so a look an hour old will do, and a repeated question is a hit.
        config.cache.fresh_seconds = 3600;
    })
    .await;
    let (account, token) = (app.account(1, 7).await, app.token(7, &[]));
    app.until_known(account, &token).await;
    let before = scrape(&app).await;
    let question = |report: &str, from: i64, rest: &str| {
        format!("{API}/{report}?account-id={account}&from-time={from}&to-time={}&sampling=minute{rest}", FIRST + 3599)
    };
    for (path, status) in [
        (question(QUALITY, FIRST, ""), 200),
        (question(QUALITY, FIRST, ""), 200),
        (question(QUALITY, FIRST, "&format=rows"), 200),
        (question(QUALITY, FIRST + 30, ""), 200),
        (question("origination-statistics", FIRST + 30, "&duration-gt=1"), 200),
        (question("origination-statistics", FIRST, "&colour=red"), 400),
        (format!("{API}/origination-active-calls?account-id={account}&from-time={FIRST}&to-time={}", FIRST + 60), 200),
        (format!("{API}/origination-breakdown?account-id={account}&from-time={FIRST}&group-by=dst-country"), 200),
        ("/no-such-path".to_owned(), 404),
        ("/docs/page.css".to_owned(), 200),
    ] {
        assert_eq!(app.get(&path, &token).await.status, status, "{path}");
    }
    let after = scrape(&app).await;
    let more = |name: &str, labels: &[(&str, &str)]| {
        after.get(name, labels).unwrap_or(0.0) - before.get(name, labels).unwrap_or(0.0)
    };
    let requests = |route: &str, status: &str| more("cdrscope_requests_total", &[("route", route), ("status", status)]);
    let path = |report: &str| format!("{API}/{report}");
    assert_eq!(requests(&path(QUALITY), "2xx"), 4.0);
    assert_eq!(requests(&path("origination-statistics"), "2xx"), 1.0);
    assert_eq!(requests(&path("origination-statistics"), "4xx"), 1.0);
    assert_eq!(requests("unknown", "4xx"), 1.0);
    assert_eq!(requests("/docs/{file}", "2xx"), 1.0);
    // The first of the two scrapes.
    assert_eq!(requests("/metrics", "2xx"), 1.0);
    let quality = path(QUALITY);
    assert_eq!(more("cdrscope_request_seconds_count", &[("route", &quality)]), 4.0);
    assert_eq!(more("cdrscope_request_seconds_bucket", &[("route", &quality), ("le", "+Inf")]), 4.0);
    let seconds = more("cdrscope_request_seconds_sum", &[("route", &quality)]);
    assert!(seconds > 0.0 && seconds < 60.0, "{seconds}");
    let queries = |report: &str| more("cdrscope_queries_total", &[("report", report), ("outcome", "ok")]);
    assert_eq!(
        (queries(QUALITY), queries("origination-statistics"), queries("origination-active-calls")),
        (2.0, 1.0, 1.0)
    );
    assert_eq!(queries("origination-breakdown"), 1.0);
    let source = |source: &str| more("cdrscope_query_sources_total", &[("source", source)]);
    // The window of odd seconds reads only its edge: the minutes are remembered.
    assert_eq!([source("minutes"), source("calls"), source("both"), source("snapshots")], [2.0, 2.0, 0.0, 1.0]);
    let answers = |cache: &str| more("cdrscope_answers_total", &[("cache", cache)]);
    assert_eq!([answers("hit"), answers("partial"), answers("miss")], [2.0, 1.0, 4.0]);
    assert!(more("cdrscope_query_rows_read_total", &[]) >= 3600.0);
    assert!(more("cdrscope_cache_bytes", &[]) > 0.0);
    assert_eq!(after.get("cdrscope_query_slots", &[]), Some(16.0));
    assert_eq!(after.get("cdrscope_query_slots_used", &[]), Some(0.0));
    assert_eq!(after.get("cdrscope_ready", &[]), Some(1.0));
    assert_eq!(after.get("cdrscope_projections_named", &[]), Some(1.0));
    let version = [("version", env!("CARGO_PKG_VERSION"))];
    assert_eq!(after.get("cdrscope_build_info", &version), Some(1.0));
    let read = after.get("cdrscope_accounts_read_timestamp_seconds", &[]).unwrap();
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs_f64();
    assert!((now - 10.0..=now).contains(&read), "{read} {now}");
}

#[actix_web::test]
async fn failures_are_counted_as_what_they_were() {
    let app = TestApp::start(|config| {
        on(config, "false");
        config.cache.enabled = false;
    })
    .await;
    let (account, token) = (app.account(1, 7).await, app.token(7, &[]));
    app.until_known(account, &token).await;
    app.admin.query_raw("DROP TABLE cdrs").execute().await.unwrap();
    let path = format!("{API}/{QUALITY}?account-id={account}&from-time={FIRST}&to-time={FIRST}&sampling=minute");
    assert_eq!(app.get(&path, &token).await.status, 502);
    let scrape = scrape(&app).await;
    let failed = [("report", QUALITY), ("outcome", "failed")];
    assert_eq!(scrape.get("cdrscope_queries_total", &failed), Some(1.0));
    assert_eq!(
        scrape.get("cdrscope_requests_total", &[("route", &format!("{API}/{QUALITY}")), ("status", "5xx")]),
        Some(1.0)
    );
    // Where nothing is remembered, nothing is said of memory.
    assert_eq!(scrape.get("cdrscope_cache_bytes", &[]), None);
}

#[actix_web::test]
async fn every_metric_is_there_and_documented() {
    let app = TestApp::start(|config| on(config, "true")).await;
    let scrape = scrape(&app).await;
    let told: BTreeSet<&str> = scrape.kinds.keys().map(String::as_str).collect();
    assert_eq!(told, ALL.iter().map(|metric| metric.name).collect::<BTreeSet<_>>());
    for metric in ALL {
        assert_eq!(scrape.kinds[metric.name], metric.kind, "{}", metric.name);
    }
    let guide = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/operators.md")).unwrap();
    let rows: Vec<&str> = guide.lines().filter(|line| line.starts_with("| `cdrscope_")).collect();
    for (metric, row) in ALL.iter().zip(&rows) {
        let labels = if metric.labels.is_empty() { String::new() } else { format!("`{}`", metric.labels.join("`, `")) };
        assert_eq!(*row, format!("| `{}` | {} | {labels} | {} |", metric.name, metric.kind, metric.help));
    }
    assert_eq!(rows.len(), ALL.len());
}
