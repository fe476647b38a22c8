//! The operator's paths: who gets in, what each sees, and money.

mod commands;
mod grafana;
mod money;
mod statistics;
mod tenancy;

use cdrscope::config::value::Secret;
use serde_json::{Value, json};

use crate::support::{self, TestApp};

const API: &str = "/api/rest/operator/v1";

/// The secret of the operator's tokens.
pub const SECRET: &str = "another secret for tests, of the operator's tokens";

const DAY: &str = "from-time=2026-05-04&to-time=2026-05-04";

/// A service with the operator's paths over these rows of `cdrs`, whose other columns are of an answered call.
async fn app(rows: &[Value]) -> TestApp {
    let app = TestApp::start(|config| config.operator.secret = Secret::new(SECRET)).await;
    let mut lines = String::new();
    for (place, row) in rows.iter().enumerate() {
        let mut line = json!({
            "id": place + 1, "customer_id": 5, "vendor_id": 70, "customer_acc_id": 50, "vendor_acc_id": 700,
            "time_start": "2026-05-04 12:00:00", "duration": 60, "is_last_cdr": 1, "dst_country_id": 1,
            "destination_prefix": "44", "dst_prefix_routing": "442071234567", "src_prefix_routing": "12125550100",
            "customer_currency_rate": 1, "vendor_currency_rate": 1,
        });
        line.as_object_mut().unwrap().extend(row.as_object().unwrap().clone());
        lines += &format!("{line}\n");
    }
    support::insert(&app.admin, "cdrs", &lines).await;
    app
}

/// The answer of a path.
async fn ask(app: &TestApp, path: &str, token: &str) -> (u16, Value) {
    let reply = app.get(&format!("{API}/{path}"), token).await;
    (reply.status, serde_json::from_str(&reply.body).unwrap_or(Value::Null))
}

/// The answer of a breakdown of the day.
async fn breakdown(app: &TestApp, query: &str, token: &str) -> (u16, Value) {
    ask(app, &format!("breakdown?{DAY}&{query}"), token).await
}
