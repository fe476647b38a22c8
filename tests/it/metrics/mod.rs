//! What Prometheus is told, of the service and of accounts.

mod accounts;
mod format;
mod service;

use cdrscope::config::Config;
use cdrscope::config::value::{Secret, Value};

use crate::support::http::send;
use crate::support::{Reply, TestApp};
use format::Scrape;

/// The token of every test here.
const TOKEN: &str = "scrape-me-if-you-can";

/// Settings with metrics, and of these accounts.
fn on(config: &mut Config, accounts: &str) {
    config.metrics.enabled = true;
    config.metrics.token = Secret::new(TOKEN);
    config.metrics.accounts = Value::parse(accounts).unwrap();
}

async fn with_header(app: &TestApp, authorization: &str) -> Reply {
    send(app.request("GET", "/metrics").header("Authorization", authorization)).await
}

async fn scrape(app: &TestApp) -> Scrape {
    let reply = with_header(app, &format!("Bearer {TOKEN}")).await;
    assert_eq!((reply.status, reply.header("content-type")), (200, "text/plain; version=0.0.4; charset=utf-8"));
    assert_eq!(reply.header("cache-control"), "no-store");
    Scrape::read(&reply.body)
}
