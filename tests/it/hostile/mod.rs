//! Attacks, one file a kind: each was seen to succeed before its guard was there.

mod bodies;
pub mod causes;
mod connections;
mod fairness;
mod files;
mod grafana_bounds;
mod lists;
mod logins;
mod logs;
mod neighbours;
pub mod program;
mod readiness;
mod sandbox;
mod sessions;
mod tls;

use std::time::{Duration, Instant};

use cdrscope::config::Config;
use serde_json::json;
use uuid::Uuid;

use crate::support::app::API;
use crate::support::{TestApp, insert};

/// 2026-01-01 12:00 UTC.
const NOON: i64 = 1_767_268_800;

/// A service with one account of customer 7, and calls of it.
struct World {
    app: TestApp,
    account: Uuid,
    token: String,
}

impl World {
    async fn start(calls: i64, change: impl FnOnce(&mut Config)) -> Self {
        let app = TestApp::start(change).await;
        let (account, token) = (app.account(1, 7).await, app.token(7, &[]));
        let row = |n: i64| json!({ "id": n, "customer_acc_id": 1, "customer_id": 7, "time_start": NOON + n, "duration": 60, "is_last_cdr": 1 });
        let lines: String = (0..calls).map(|n| row(n).to_string() + "\n").collect();
        insert(&app.admin, "cdrs", &lines).await;
        app.until_known(account, &token).await;
        Self { app, account, token }
    }

    /// The path of a report of an hour from noon on.
    fn path(&self) -> String {
        format!(
            "{API}/origination-statistics?account-id={}&from-time={NOON}&to-time={}&sampling=hour",
            self.account,
            NOON + 3599
        )
    }

    /// The body of a Grafana panel of the same hour.
    fn panel(&self) -> String {
        let range = json!({ "from": "2026-01-01T12:00:00.000Z", "to": "2026-01-01T13:00:00.000Z" });
        let target = json!({ "refId": "A", "target": "asr", "payload": { "account": self.account.to_string() } });
        json!({ "range": range, "targets": [target] }).to_string()
    }

    /// From now on a query of calls does not end by itself. It can be stopped at any time.
    async fn make_endless(&self) {
        let endless = "CREATE VIEW cdrs AS SELECT * FROM calls WHERE id NOT IN \
                       (SELECT max(sipHash64(number)) FROM numbers(1000000000000)) SETTINGS max_threads = 1";
        for sql in ["RENAME TABLE cdrs TO calls", endless] {
            self.app.admin.query_raw(sql).execute().await.unwrap();
        }
    }

    /// Queries of reports that run in ClickHouse.
    async fn running(&self) -> u64 {
        self.running_but("").await
    }

    /// Those of them whose report has no name of that form.
    async fn running_but(&self, names: &str) -> u64 {
        let sql = format!(
            "SELECT count() FROM system.processes WHERE current_database = '{}' AND Settings['log_comment'] NOT LIKE '{names}' \
             AND Settings['log_comment'] != ''",
            self.app.database
        );
        self.app.admin.query_raw(&sql).fetch_one::<u64>().await.unwrap()
    }

    /// Waits until so many queries run.
    async fn until_running(&self, count: u64) {
        until(Duration::from_secs(10), async || self.running().await == count).await;
    }
}

/// Waits until something holds, and gives the time that it took.
async fn until(limit: Duration, holds: impl AsyncFn() -> bool) -> Duration {
    let start = Instant::now();
    while !holds().await {
        assert!(start.elapsed() < limit, "not within {limit:?}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    start.elapsed()
}
