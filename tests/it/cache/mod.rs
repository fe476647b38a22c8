//! The memory of sums and answers, put to the question: whatever happened to the table, an answer from it is the answer
//! that a service without any gives at the same moment.

mod changes;
mod clients;
mod headers;
mod proxy;
mod races;
mod restart;
mod same;
mod writer;

use cdrscope::config::Config;
use cdrscope::embedded::EmbeddedEngine;
use cdrscope::store;
use uuid::Uuid;

use proxy::Proxy;

use crate::oracle::Time;
use crate::support::app::API;
use crate::support::{Db, Reply, TestApp, db_on, engine};

/// The account that most calls are of, and its customer.
pub const ACCOUNT: u32 = 11;
pub const CUSTOMER: u32 = 1;

/// Services over one database: one without memory, and others to be compared with it.
pub struct Services {
    /// Remembers nothing.
    pub plain: TestApp,
    /// Remembers, and looks at the table for every answer.
    pub cached: TestApp,
    pub account: Uuid,
    pub token: String,
}

impl Services {
    pub async fn start() -> Self {
        Self::on(engine()).await
    }

    pub async fn on(engine: &EmbeddedEngine) -> Self {
        let db = db_on(engine).await;
        // Deletes of either kind are tried.
        let allow = "ALTER TABLE cdrs MODIFY SETTING lightweight_mutation_projection_mode = 'drop'";
        db.admin.query_raw(allow).execute().await.unwrap();
        // What projections say is under test too.
        let plain =
            TestApp::on(engine, db, |config| (config.cache.enabled, config.planner.enabled) = (false, false)).await;
        let cached = TestApp::on(engine, plain.same_db(engine), |config| config.cache.fresh_seconds = 0).await;
        let (account, token) = (plain.account(ACCOUNT, CUSTOMER).await, plain.debug_token(CUSTOMER));
        let services = Self { plain, cached, account, token };
        services.know(&services.plain).await;
        services.know(&services.cached).await;
        services
    }

    /// Waits until a service over this database knows the account.
    pub async fn know(&self, app: &TestApp) {
        app.until_known(self.account, &self.token).await;
    }

    /// The database again, for one more service.
    pub fn db(&self) -> Db {
        self.plain.same_db(engine())
    }

    /// One more service, behind a relay that reads along.
    pub async fn overheard(&self, change: impl FnOnce(&mut Config)) -> (TestApp, Proxy) {
        let proxy = Proxy::to(engine().url());
        let login = engine().reader();
        let reader = store::client(&proxy.url, &login.user, &login.password).with_database(&self.plain.database);
        let app = TestApp::over(Db { reader, ..self.db() }, change).await;
        self.know(&app).await;
        (app, proxy)
    }

    pub async fn run(&self, sql: &str) {
        self.plain.admin.query_raw(sql).execute().await.unwrap_or_else(|e| panic!("{sql}: {e}"));
    }

    pub async fn ask(&self, app: &TestApp, question: &str) -> Reply {
        app.get(&self.path(question), &self.token).await
    }

    pub fn path(&self, question: &str) -> String {
        let (report, rest) = question.split_once('?').unwrap();
        format!("{API}/{report}?account-id={}&{rest}", self.account)
    }

    /// What is wrong with the answers of `app`: one line for each question that is answered otherwise than without memory.
    pub async fn differences(&self, app: &TestApp, questions: &[String]) -> Vec<String> {
        let mut differences = Vec::new();
        for question in questions {
            // The clock may tick between two of them, and an open window then has one bucket more. The memory is asked once:
            // an answer that is wrong once is wrong.
            let told = |reply: &Reply| (reply.status, reply.body.clone(), reply.header("etag").to_owned());
            let before = told(&self.ask(&self.plain, question).await);
            let seen = told(&self.ask(app, question).await);
            if seen != before {
                let right = told(&self.ask(&self.plain, question).await);
                if seen != right {
                    differences.push(format!("{question}\n   got {}\n  want {}", short(&seen.1), short(&right.1)));
                }
            }
        }
        differences
    }
}

/// The end of a body: the totals.
fn short(body: &str) -> &str {
    body.get(body.len().saturating_sub(160)..).unwrap_or(body)
}

/// Calls of the account on both sides, one every `step` seconds from `from` on.
pub fn calls(id: u64, from: i64, step: i64, count: u64) -> String {
    calls_of(CUSTOMER, ACCOUNT, id, from, step, count)
}

pub fn calls_of(customer: u32, account: u32, id: u64, from: i64, step: i64, count: u64) -> String {
    format!(
        "INSERT INTO cdrs (id, customer_id, vendor_id, customer_acc_id, vendor_acc_id, is_last_cdr, time_start, duration, \
         customer_price, vendor_price, dst_country_id, dst_prefix_routing) \
         SELECT {id} + number, {customer}, {customer}, {account}, {account}, number % 4 != 3, \
         toDateTime({from} + number * {step}), number % 3 * 20, toDecimal64(number % 7, 6) / 3, toDecimal64(number % 5, 6) / 7, \
         number % 3, toString(44 + number % 2) FROM numbers({count})"
    )
}

/// A node's snapshot of five of the account's live calls.
pub fn live(second: i64, node: i32) -> String {
    format!(
        "INSERT INTO active_calls (id, customer_id, customer_acc_id, vendor_id, vendor_acc_id, node_id, snapshot_timestamp) \
         SELECT number, 1, 11, 1, 11, {node}, toDateTime({second}) FROM numbers(5)"
    )
}

/// The same calls, of other durations.
pub fn longer(calls: &str) -> String {
    assert!(calls.contains("number % 3 * 20"));
    calls.replace("number % 3 * 20", "number % 4 * 30")
}

/// Questions that between them reach every way of cutting a window: the edges of intervals, the present, odd seconds,
/// windows within an interval, every length of interval, filters, both tables.
pub fn questions(now: i64) -> Vec<String> {
    let (minute, hour, day) = (60, 3600, 86_400);
    let windows = [
        (now - hour, None),
        (now - 5 * hour - 17, None),
        (now - 5 * hour, Some(now - hour)),
        (now - 9 * day - 1, Some(now + 30 * day)),
        (now - 70 * day + 59, None),
        (now.div_euclid(minute) * minute, None),
        (now - 1, Some(now + 90)),
        (now - 2 * day - 7, Some(now - 2 * day - 7 + 40)),
        (now - 40 * day, Some(now - 31 * day)),
    ];
    let mut questions = Vec::new();
    for (place, (from, to)) in windows.into_iter().enumerate() {
        let to = to.map_or_else(String::new, |to| format!("&to-time={to}"));
        let (fine, coarse) = (["minute", "5minutes", "15minutes"], ["hour", "day", "week", "month"]);
        let side = ["origination", "termination"][place % 2];
        let (fine, coarse) = (fine[place % 3], coarse[place % 4]);
        questions.push(format!("{side}-statistics-quality?from-time={from}{to}&sampling={fine}&fill=false"));
        questions.push(format!("origination-statistics?from-time={from}{to}&sampling={coarse}"));
        questions.push(format!("{side}-statistics?from-time={from}{to}&sampling=5minutes&duration-gt=10"));
    }
    // All of time; and in a zone whose clock once was half a minute off, so that intervals are that short.
    for rest in ["", "&time-zone=Africa/Monrovia"] {
        questions.push(format!("origination-statistics?from-time=1970-01-01&to-time=2105-12-31&sampling=month{rest}"));
    }
    let from = now - 3 * day;
    for rest in
        ["sampling=hour&time-zone=Asia/Kolkata", "sampling=day&time-zone=Asia/Kathmandu", "sampling=minute&format=rows"]
    {
        questions.push(format!("termination-statistics?from-time={from}&{rest}"));
    }
    questions.push(format!("origination-statistics?from-time={from}&sampling=hour&dst-prefix-routing-starts-with=44"));
    questions.push(format!("origination-active-calls?from-time={}", now - hour));
    questions.push(format!("termination-active-calls?from-time={}&to-time={}", now - hour - 7, now - 600));
    questions
}

/// The present, epoch seconds.
pub fn now() -> i64 {
    Time::now().second()
}
