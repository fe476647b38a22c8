//! Exports: files that are made while nobody waits for them, and fetched later.

mod file;
mod life;
mod recurring;
mod same;
mod tenancy;

use cdrscope::config::Config;
use cdrscope::config::value::Secret;
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;
use uuid::Uuid;

use crate::support::app::API;
use crate::support::http::{Reply, send};
use crate::support::{Db, TestApp, db, eventually};

const OPERATORS: &str = "/api/rest/operator/v1";

/// First second of the calls.
const FIRST: i64 = 1_774_700_000;

/// Calls of customer 7, of the accounts 1 and 2, and of customer 8, of account 3.
fn calls(count: u32) -> String {
    format!(
        "INSERT INTO cdrs (id, customer_id, vendor_id, customer_acc_id, vendor_acc_id, is_last_cdr, time_start, duration, success, \
         customer_price, src_prefix_in, dst_prefix_routing, orig_call_id, destination_prefix, dst_country_id) \
         SELECT number, 7 + (number % 3 = 2), 9, 1 + number % 3, 90, 1, toDateTime({FIRST}) + intDiv(number, 10), number % 50, \
         number % 50 > 0, toDecimal64(number % 1000, 6) / 1000, concat('38044', toString(number % 1000)), toString(490000 + number % 10000), \
         hex(sipHash128(number)), '49', number % 7 FROM numbers({count})"
    )
}

/// A service with exports.
struct World {
    app: TestApp,
    account: Uuid,
    token: String,
    dir: TempDir,
}

async fn world(change: impl FnOnce(&mut Config)) -> World {
    world_of(db().await, 3000, change).await
}

async fn world_of(db: Db, count: u32, change: impl FnOnce(&mut Config)) -> World {
    let dir = tempfile::tempdir().unwrap();
    let app = TestApp::over(db, |config| {
        config.operator.secret = Secret::new(crate::operator::SECRET);
        config.exports.dir = Some(dir.path().join("exports"));
        change(config);
    })
    .await;
    app.admin.query_raw(&calls(count)).execute().await.unwrap();
    let (account, token) = (app.account(1, 7).await, app.token(7, &[]));
    app.until_known(account, &token).await;
    World { app, account, token, dir }
}

/// Each block of rows takes a second and more.
fn slowly(config: &mut Config) {
    use cdrscope::config::value::Value as _;
    let slow = "src_prefix_in = concat(src_prefix_in, toString(sleepEachRow(0.00004)))";
    config.tables.cdrs_columns = cdrscope::config::Expressions::parse(slow).unwrap();
}

/// Asks for an export.
async fn post(app: &TestApp, path: &str, token: &str) -> Reply {
    send(app.request("POST", path).header("Authorization", token)).await
}

/// Waits until an export is over.
async fn over(app: &TestApp, place: &str, token: &str) -> Value {
    eventually("the end of an export", async || {
        let export = app.get(place, token).await.json();
        (!["waiting", "running"].contains(&export["state"].as_str().unwrap())).then_some(export)
    })
    .await
}

/// Waits until an export has that state.
async fn until(app: &TestApp, place: &str, token: &str, state: &str) -> Value {
    eventually(state, async || {
        let export = app.get(place, token).await.json();
        (export["state"] == state).then_some(export)
    })
    .await
}

impl World {
    /// The path that asks for an export of the account's calls.
    fn ask(&self, report: &str, more: &str) -> String {
        format!("{API}/exports?report={report}&account-id={}&from-time={FIRST}{more}", self.account)
    }

    /// Asks for an export and gives its path.
    async fn create(&self, report: &str, more: &str) -> String {
        let reply = post(&self.app, &self.ask(report, more), &self.token).await;
        assert_eq!(reply.status, 202, "{report}{more}: {}", reply.body);
        assert_eq!(reply.json()["state"], "waiting");
        reply.header("location").to_owned()
    }

    /// An export that is done.
    async fn done(&self, report: &str, more: &str) -> (String, Value) {
        let place = self.create(report, more).await;
        let export = over(&self.app, &place, &self.token).await;
        assert_eq!(export["state"], "done", "{export}");
        (place, export)
    }

    /// Names of the files in the directory of exports.
    fn files(&self) -> Vec<String> {
        let files = std::fs::read_dir(self.dir.path().join("exports")).unwrap();
        let mut names: Vec<_> = files
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| name != "exports.lock")
            .collect();
        names.sort();
        names
    }
}

/// The bytes of a 200, and its headers.
async fn bytes(app: &TestApp, path: &str, token: &str) -> (Vec<u8>, reqwest::header::HeaderMap) {
    let response = app.request("GET", path).header("Authorization", token).send().await.unwrap();
    assert_eq!(response.status(), 200, "{path}");
    let headers = response.headers().clone();
    (response.bytes().await.unwrap().to_vec(), headers)
}

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}
