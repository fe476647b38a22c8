//! The real service over a fresh database.

use std::time::Duration;

use actix_web::dev::ServerHandle;
use cdrscope::config::Config;
use cdrscope::config::value::Secret;
use cdrscope::embedded::{EmbeddedEngine, EngineRole};
use cdrscope::http::session::DemoCustomer;
use cdrscope::report::audience::Rights;
use cdrscope::service::Service;
use cdrscope::store::{self, Clients};
use cdrscope::token::{Issue, KeyRing, Keys};
use clickhouse::Client;
use time::OffsetDateTime;
use uuid::Uuid;

use super::http::{Reply, send};
use super::{Db, db};

/// The secret of every test that does not bring its own.
pub const SECRET: &str = "a secret for tests, long enough to sign with";

/// Where the customer API lives.
pub const API: &str = "/api/rest/customer/v1";

pub struct TestApp {
    /// `http://127.0.0.1:port`.
    pub url: String,
    /// An administrator's client with the database set.
    pub admin: Client,
    pub database: String,
    pub config: Config,
    pub client: reqwest::Client,
    handle: ServerHandle,
}

impl TestApp {
    /// Starts the service with the settings that `change` makes of the defaults.
    pub async fn start(change: impl FnOnce(&mut Config)) -> Self {
        Self::over(db().await, change).await
    }

    /// Starts the service over a database that is there already.
    pub async fn over(db: Db, change: impl FnOnce(&mut Config)) -> Self {
        let config = Self::config(&db, change);
        let reader = db.reader.clone();
        Self::with(db, config, move || reader.clone()).await
    }

    /// Starts the service over a database of an engine that may be killed: its next start has other logins.
    pub async fn on(engine: &EmbeddedEngine, db: Db, change: impl FnOnce(&mut Config)) -> Self {
        let config = Self::config(&db, change);
        let clients = engine.link().clients(EngineRole::Reader, &db.database);
        Self::with(db, config, clients).await
    }

    /// Starts the service with a customer that a click signs in as.
    pub async fn demo(customer: DemoCustomer, change: impl FnOnce(&mut Config)) -> Self {
        let db = db().await;
        let config = Self::config(&db, change);
        let reader = db.reader.clone();
        Self::shown(db, config, move || reader.clone(), Some(customer)).await
    }

    async fn with(db: Db, config: Config, clients: impl Clients) -> Self {
        Self::shown(db, config, clients, None).await
    }

    async fn shown(db: Db, config: Config, clients: impl Clients, demo: Option<DemoCustomer>) -> Self {
        let (url, handle) = spawn(config.clone(), clients, demo).await;
        // The server closes a connection that was idle for five seconds; one that is taken up at that moment would fail.
        let client = reqwest::Client::builder().pool_idle_timeout(Duration::from_secs(2)).build().unwrap();
        Self { url, admin: db.admin, database: db.database, config, client, handle }
    }

    fn config(db: &Db, change: impl FnOnce(&mut Config)) -> Config {
        let mut config = Config::default();
        config.http.listen = "127.0.0.1:0".parse().unwrap();
        config.http.workers = 1;
        config.auth.secret = Secret::new(SECRET);
        config.accounts.refresh_seconds = 1;
        config.limits.requests_per_second = 0;
        config.http.strangers_per_second = 0;
        config.clickhouse.database.clone_from(&db.database);
        change(&mut config);
        config
    }

    /// Takes up the logins of the engine's latest start.
    pub fn renew(&mut self, engine: &EmbeddedEngine) {
        self.admin = engine.link().clients(EngineRole::Admin, &self.database).client();
    }

    /// The same database again, for a second service over it.
    pub fn same_db(&self, engine: &EmbeddedEngine) -> Db {
        let login = engine.reader();
        let reader = store::client(engine.url(), &login.user, &login.password).with_database(&self.database);
        Db { admin: self.admin.clone(), reader, database: self.database.clone() }
    }

    /// Makes an account.
    pub async fn account(&self, id: u32, customer_id: u32) -> Uuid {
        let uuid = Uuid::new_v4();
        let row = format!(r#"{{"id":{id},"uuid":"{uuid}","customer_id":{customer_id},"name":"account {id}"}}"#);
        super::insert(&self.admin, "accounts", &row).await;
        uuid
    }

    /// Waits until the service knows an account: a new row counts within `accounts.refresh_seconds`.
    pub async fn until_known(&self, account: Uuid, token: &str) {
        for _ in 0..100 {
            let path = format!("{API}/outgoing-active-calls?account-id={account}");
            if self.get(&path, token).await.status == 200 {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("account {account} is not known after 5 s");
    }

    /// A dynamic token for a customer; no ids is all of its accounts.
    pub fn token(&self, customer_id: u32, account_ids: &[u32]) -> String {
        let issue =
            Issue::Grant { customer_id, account_ids: account_ids.to_vec(), allowed_ips: Vec::new(), debug: false };
        self.sign(&issue, 600)
    }

    /// A dynamic token that may ask how answers were come by, for all accounts of a customer.
    pub fn debug_token(&self, customer_id: u32) -> String {
        let issue = Issue::Grant { customer_id, account_ids: Vec::new(), allowed_ips: Vec::new(), debug: true };
        self.sign(&issue, 600)
    }

    /// A token of the app's own keys.
    pub fn sign(&self, issue: &Issue, ttl: u32) -> String {
        Keys::new(&self.config.auth).unwrap().sign(issue, OffsetDateTime::now_utc(), ttl).unwrap()
    }

    /// A token of the operator's, with these lists and rights.
    pub fn operator_token(&self, customers: &[u32], vendors: &[u32], may: &[&str]) -> String {
        let issue = Issue::OperatorGrant {
            customers: customers.to_vec(),
            vendors: vendors.to_vec(),
            rights: Rights::parse(may.iter().copied()).unwrap(),
            allowed_ips: Vec::new(),
            debug: false,
        };
        self.sign_operator(&issue)
    }

    /// A token of the operator's keys.
    pub fn sign_operator(&self, issue: &Issue) -> String {
        let keys =
            Keys::of_operator(&self.config.operator).unwrap().expect("the test configures a key of the operator's");
        keys.sign(issue, OffsetDateTime::now_utc(), 600).unwrap()
    }

    /// GET with a token.
    pub async fn get(&self, path: &str, token: &str) -> Reply {
        send(self.client.get(format!("{}{path}", self.url)).header("Authorization", token)).await
    }

    /// Any request to the app.
    pub fn request(&self, method: &str, path: &str) -> reqwest::RequestBuilder {
        self.client.request(method.parse().unwrap(), format!("{}{path}", self.url))
    }
}

impl Drop for TestApp {
    fn drop(&mut self) {
        // Asking is enough: the server's thread ends by itself.
        drop(self.handle.stop(false));
    }
}

/// Runs the service on a thread of its own and waits for its address; not by blocking, since a connection that the client
/// has open already is driven by the test's own runtime.
async fn spawn(config: Config, clients: impl Clients, demo: Option<DemoCustomer>) -> (String, ServerHandle) {
    let (sender, receiver) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || {
        actix_web::rt::System::new().block_on(async move {
            let keys = Keys::new(&config.auth).unwrap();
            let operators = Keys::of_operator(&config.operator).unwrap();
            let keys = KeyRing { customers: keys, operators };
            let service = Service::start(config, keys, clients).await.unwrap();
            demo.into_iter().for_each(|customer| service.show_demo(customer));
            assert!(sender.send((service.url().to_owned(), service.handle())).is_ok(), "the test has ended");
            service.run().await.unwrap();
        });
    });
    receiver.await.unwrap()
}
