//! Grafana's plugins, by the bodies that they send.

mod bounds;
mod breakdowns;
mod countries;
mod effectiveness;
mod incidents;
mod protocol;
mod queries;
mod spellings;
mod tenancy;

use cdrscope::config::Config;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::http::send;
use crate::support::{Reply, TestApp, insert};

/// First second of the calls: a full six hours, so every step begins here.
pub(crate) const FIRST: i64 = 1_769_904_000;

/// Two accounts of customer 7 and one of customer 8, with calls of the same two hours.
pub(crate) struct World {
    pub(crate) app: TestApp,
    pub(crate) token: String,
    pub(crate) acme: String,
    branch: String,
    foreign: String,
}

async fn named(app: &TestApp, id: u32, customer_id: u32, name: &str) -> Uuid {
    let uuid = Uuid::new_v4();
    let row = json!({ "id": id, "uuid": uuid.to_string(), "customer_id": customer_id, "name": name });
    insert(&app.admin, "accounts", &row.to_string()).await;
    uuid
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::with(|_| ()).await
    }

    pub(crate) async fn with(change: impl FnOnce(&mut Config)) -> Self {
        let app = TestApp::start(change).await;
        let acme = named(&app, 1, 7, "A.B (C), wholesale").await;
        let branch = named(&app, 2, 7, "Branch").await;
        let foreign = named(&app, 3, 8, "Foreign").await;
        insert(&app.admin, "cdrs", &calls()).await;
        let token = app.token(7, &[]);
        app.until_known(foreign, &app.token(8, &[])).await;
        let [acme, branch, foreign] = [acme, branch, foreign].map(|uuid| uuid.to_string());
        Self { app, token, acme, branch, foreign }
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Reply {
        self.post_as(&self.token, path, body).await
    }

    async fn post_as(&self, token: &str, path: &str, body: &Value) -> Reply {
        let request = self.app.request("POST", &format!("/grafana{path}")).header("Authorization", token);
        send(request.body(body.to_string())).await
    }

    /// The answer to one target over the two hours.
    async fn query(&self, target: Value) -> Value {
        let reply = self.post("/query", &body(target)).await;
        assert_eq!(reply.status, 200, "{}", reply.body);
        reply.json()
    }
}

/// Account 1: ten calls a minute, of which eight are answered for 60 s, to 380 (country 1) and 44 (country 2) in turns.
/// Account 2: one failed call a minute to 44. Account 3: a hundred answered calls to 999 in the first minute.
fn calls() -> String {
    let (mut lines, mut id) = (String::new(), 0);
    let mut call = |account: u32, customer: u32, t: i64, duration: u32, (country, number): (u32, &str)| {
        id += 1;
        let cdr = json!({
            "id": id, "customer_acc_id": account, "customer_id": customer, "time_start": t, "duration": duration,
            "is_last_cdr": 1, "customer_price": f64::from(duration) / 60.0, "dst_country_id": country,
            "dst_prefix_routing": number, "destination_prefix": &number[..2], "vendor_id": 70, "vendor_acc_id": 71,
        });
        lines += &format!("{cdr}\n");
    };
    for minute in 0..120 {
        let t = FIRST + minute * 60;
        for i in 0..10 {
            let to = if i % 2 == 0 { (1, "380441234567") } else { (2, "442079460000") };
            call(1, 7, t + i * 5, if i < 8 { 60 } else { 0 }, to);
        }
        call(2, 7, t, 0, (2, "442079460000"));
    }
    for i in 0..100 {
        call(3, 8, FIRST + i % 60, 30, (9, "999"));
    }
    lines
}

/// What simPod 0.6 sends for a panel with one target.
pub(crate) fn body(target: Value) -> Value {
    json!({
        "app": "dashboard", "requestId": "Q101", "timezone": "browser", "panelId": 2, "dashboardUID": "x",
        "range": {
            "from": "2026-02-01T00:00:00.000Z", "to": "2026-02-01T02:00:00.000Z",
            "raw": { "from": "now-2h", "to": "now" },
        },
        "interval": "1m", "intervalMs": 60000, "maxDataPoints": 1000, "scopedVars": { "__interval": { "text": "1m" } },
        "startTime": 1_769_911_200_000_i64, "rangeRaw": { "from": "now-2h", "to": "now" }, "targets": [target],
    })
}

/// A target of simPod 0.6.
pub(crate) fn target(metric: &str, payload: Value) -> Value {
    json!({
        "refId": "A", "target": metric, "payload": payload, "editorMode": "builder",
        "datasource": { "type": "simpod-json-datasource", "uid": "cdrscope" },
    })
}

/// The numbers of a frame's only series.
fn numbers(answer: &Value) -> &Value {
    &answer[0]["fields"][1]["values"]
}
