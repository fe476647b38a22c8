//! The customer API, rule by rule: one file a chapter of the contract, each test named as its rule reads.
//!
//! Tests share one service and one database that holds only what tests put there. Each takes an account of its own, so
//! none sees another's calls; a test that needs other settings starts another service over the same database.

mod active_calls;
mod buckets;
mod claims;
mod compare;
mod conditional;
mod cookies;
mod faults;
mod figures;
mod files;
mod fill;
mod filters;
mod headers;
mod numbers;
mod order;
mod outgoing;
mod parameters;
mod pluses;
mod refusals;
mod samplings;
mod scope;
mod times;
mod tokens;
mod windows;

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use cdrscope::config::Config;
use cdrscope::store;
use clickhouse::Client;
use percent_encoding::{NON_ALPHANUMERIC, percent_encode};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::app::API;
use crate::support::http::send;
use crate::support::{Db, Reply, TestApp, db, engine, insert};

/// The seed's report.
const QUALITY: &str = "origination-statistics-quality";

/// Where each report's rows come from and whose they are: `true` for the caller's own side of a call.
const ORIGINATION: [&str; 2] = [QUALITY, "origination-statistics"];
const TERMINATION: [&str; 2] = ["termination-statistics-quality", "termination-statistics"];
const CONCURRENCY: [&str; 2] = ["origination-active-calls", "termination-active-calls"];
const OUTGOING: &str = "outgoing-active-calls";

/// 2025-01-01T00:00:00Z: the start of a bucket in every sampling but the week.
const BASE: i64 = 1_735_689_600;

/// The customer of every session, and another one.
const CUSTOMER: u32 = 7;
const STRANGER: u32 = 8;

/// Accounts that are the customer's; those after them are the stranger's.
const ACCOUNTS: u32 = 400;

/// The account's uuid.
fn uuid(account: u32) -> Uuid {
    Uuid::from_u128(0x00ab_cdef_0000_4000_8000_0000_0000_0000 + u128::from(account))
}

/// The service that tests share.
fn world() -> &'static TestApp {
    static WORLD: OnceLock<TestApp> = OnceLock::new();
    let build = async || {
        let db = db().await;
        let accounts: String = (1..=ACCOUNTS + 20)
            .map(|id| {
                let customer = if id <= ACCOUNTS { CUSTOMER } else { STRANGER };
                format!(r#"{{"id":{id},"uuid":"{}","customer_id":{customer},"name":"{id}"}}"#, uuid(id)) + "\n"
            })
            .collect();
        insert(&db.admin, "accounts", &accounts).await;
        TestApp::over(db, patient).await
    };
    // The caller's runtime must not be blocked by another on the same thread.
    let build = move || actix_web::rt::System::new().block_on(build());
    WORLD.get_or_init(|| std::thread::spawn(build).join().unwrap())
}

/// Every account is there already, so nothing has to be noticed soon; and a busy machine gets the time it needs. What a
/// test puts into the tables counts at once, also in what is remembered.
fn patient(config: &mut Config) {
    config.cache.fresh_seconds = 0;
    config.accounts.refresh_seconds = 60;
    config.limits.queue_seconds = 60;
    config.limits.query_seconds = 60;
}

/// Another service over the shared database.
async fn world_with(change: impl FnOnce(&mut Config)) -> TestApp {
    let login = engine().reader();
    let reader = store::client(engine().url(), &login.user, &login.password).with_database(&world().database);
    let db = Db { admin: admin(), reader, database: world().database.clone() };
    TestApp::over(db, |config| {
        patient(config);
        change(config);
    })
    .await
}

/// An administrator's client of the calling test's own: connections belong to the runtime that made them.
fn admin() -> Client {
    let login = engine().admin();
    store::client(engine().url(), &login.user, &login.password).with_database(&world().database)
}

/// A caller with an account that no other test uses.
struct Session {
    url: String,
    client: reqwest::Client,
    token: String,
    account: u32,
}

impl Session {
    fn new() -> Self {
        Self::at(world())
    }

    /// Of another service over the shared database.
    fn at(app: &TestApp) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(1);
        let account = NEXT.fetch_add(1, Ordering::Relaxed);
        assert!(account <= ACCOUNTS, "the shared database has too few accounts");
        let token = app.token(CUSTOMER, &[]);
        Self { url: app.url.clone(), client: reqwest::Client::new(), token, account }
    }

    /// The same caller at another service.
    fn moved(&self, app: &TestApp) -> Self {
        let (token, client) = (self.token.clone(), self.client.clone());
        Self { url: app.url.clone(), client, token, account: self.account }
    }

    fn uuid(&self) -> Uuid {
        uuid(self.account)
    }

    /// Puts calls into `cdrs`: the n-th begins n minutes after `BASE` unless it says otherwise.
    async fn cdrs(&self, calls: impl IntoIterator<Item = Value>) {
        let row = |(minute, call): (usize, Value)| {
            self.row(json!({ "time_start": BASE + 60 * minute as i64, "duration": 60, "is_last_cdr": 1 }), call)
        };
        let lines: String = calls.into_iter().enumerate().map(row).collect();
        insert(&admin(), "cdrs", &lines).await;
    }

    /// Puts live calls into `active_calls`.
    async fn live(&self, calls: impl IntoIterator<Item = Value>) {
        let lines: String =
            calls.into_iter().map(|call| self.row(json!({ "node_id": self.account, "buffered": 0 }), call)).collect();
        insert(&admin(), "active_calls", &lines).await;
    }

    /// A line of JSON: what every row of this session has, overwritten by what the call says.
    fn row(&self, mut row: Value, call: Value) -> String {
        static ID: AtomicU64 = AtomicU64::new(1);
        let own = json!({
            "id": ID.fetch_add(1, Ordering::Relaxed),
            "customer_id": CUSTOMER, "customer_acc_id": self.account,
            "vendor_id": CUSTOMER, "vendor_acc_id": self.account,
        });
        for part in [own, call] {
            row.as_object_mut().unwrap().extend(part.as_object().unwrap().clone());
        }
        row.to_string() + "\n"
    }

    /// A request for a report about this session's account; the query string follows `account-id`.
    fn request(&self, method: &str, report: &str, query: &str) -> reqwest::RequestBuilder {
        let url = format!("{}{API}/{report}?account-id={}&{query}", self.url, self.uuid());
        self.client.request(method.parse().unwrap(), url).header("Authorization", &self.token)
    }

    async fn ask(&self, report: &str, query: &str) -> Reply {
        send(self.request("GET", report, query)).await
    }

    /// A path and query as they are, with the session's token.
    async fn get(&self, path: &str) -> Reply {
        send(self.client.get(format!("{}{path}", self.url)).header("Authorization", &self.token)).await
    }

    /// The answer to a request that must succeed.
    async fn json(&self, report: &str, query: &str) -> Value {
        let reply = self.ask(report, query).await;
        assert_eq!(reply.status, 200, "{report} {query}: {}", reply.body);
        reply.json()
    }

    /// Minutes after `BASE` in which a call matches.
    async fn matches(&self, report: &str, filter: &str) -> Vec<i64> {
        let sampling = if CONCURRENCY.contains(&report) { "" } else { "&sampling=minute" };
        let query = format!("from-time={BASE}&to-time={}&fill=false{sampling}&{filter}", BASE + 86_399);
        let answer = self.json(report, &query).await;
        answer["data"]["t"].as_array().unwrap().iter().map(|t| (t.as_i64().unwrap() - BASE) / 60).collect()
    }

    /// Asserts a 400 with that text.
    async fn refused(&self, report: &str, query: &str, error: &str) {
        let reply = self.ask(report, query).await;
        assert_eq!((reply.status, reply.body), (400, json!({ "error": error }).to_string()), "{report} {query}");
    }
}

/// `minutes` minutes from `BASE`, minute by minute.
fn window(minutes: i64) -> String {
    format!("from-time={BASE}&to-time={}&sampling=minute", BASE + 60 * minutes - 1)
}

/// A value as a query string carries it.
fn encode(value: &str) -> String {
    percent_encode(value.as_bytes(), NON_ALPHANUMERIC).to_string()
}

#[actix_web::test]
async fn the_seeds_body_comes_out_to_the_byte() {
    let session = Session::new();
    // 4.84, 4.84 and 4.82 minutes on average.
    let mut calls = Vec::new();
    for (minute, count, answered, seconds) in [(0, 180, 155, 45_012), (1, 140, 120, 34_848), (2, 200, 170, 49_164)] {
        calls.extend((0..count).map(|n| {
            let duration = if n >= answered { 0 } else { seconds / answered + i64::from(n < seconds % answered) };
            json!({ "time_start": BASE + minute * 60 + n % 60, "duration": duration })
        }));
    }
    session.cdrs(calls).await;
    let reply = session.ask(QUALITY, &window(3)).await;
    let seed = r#"{"data":{"t":[1735689600,1735689660,1735689720],"total_calls":[180,140,200],"acd":["4.84","4.84","4.82"],"asr":["86.11","85.71","85.0"],"cps":["3.0","2.33","3.33"]},"rows":3,"totals":{"t":0,"total_calls":520,"acd":"4.83","asr":"85.58","cps":"8.67"}}"#;
    assert_eq!((reply.status, reply.body.as_str()), (200, seed));
    assert_eq!(reply.header("content-length"), "249");
}
