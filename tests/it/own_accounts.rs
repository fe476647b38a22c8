//! Accounts and access from an operator's own database, as docs/operators-tables.md has it for Yeti's: the statements and settings
//! are read from that page, with ClickHouse tables in PostgreSQL's place.

use argon2::PasswordHasher as _;
use cdrscope::token::Issue;
use serde_json::json;
use uuid::Uuid;

use crate::support::app::API;
use crate::support::http::send;
use crate::support::{Db, TestApp, db, engine, insert};

const PAGE: &str = include_str!("../../docs/operators-tables.md");

/// The page's blocks of a language, in order.
fn blocks(language: &str) -> Vec<&'static str> {
    let fence = format!("```{language}\n");
    PAGE.split(&fence).skip(1).map(|rest| rest.split("```").next().unwrap()).collect()
}

/// Tables like Yeti's, and the page's dictionaries over them.
async fn dictionaries(db: &Db) {
    for table in [
        "billing_accounts (id Int32, uuid UUID, contractor_id Int32, name String)",
        "sys_api_access (id Int32, customer_id Int32, login String, password_digest String, account_ids Array(Int32), \
         allowed_ips Array(String))",
    ] {
        let sql = format!("CREATE TABLE {table} ENGINE = MergeTree ORDER BY id");
        db.admin.query_raw(&sql).execute().await.unwrap();
    }
    let login = engine().admin();
    let page = blocks("sql").into_iter().find(|block| block.contains("CREATE DICTIONARY")).unwrap();
    let queries = [
        format!("SELECT id, uuid, contractor_id, name FROM {}.billing_accounts", db.database),
        format!(
            "SELECT id, customer_id, arrayStringConcat(account_ids, \'\',\'\') AS account_ids, \
             arrayStringConcat(allowed_ips, \'\',\'\') AS allowed_ips, login FROM {}.sys_api_access",
            db.database
        ),
    ];
    for (statement, query) in page.trim().split_inclusive(";\n").zip(queries) {
        let statement =
            statement.trim_start_matches("-- in ClickHouse").trim().trim_end_matches(';').replace("cdrscope.", "");
        let (before, source) = statement.split_once("SOURCE(").unwrap();
        let (_, after) = source.split_once("\nLIFETIME").unwrap();
        let source = format!(
            "SOURCE(CLICKHOUSE(HOST '127.0.0.1' USER \'{}\' PASSWORD \'{}\' QUERY \'{query}\'))",
            login.user, login.password
        );
        db.admin.query_raw(&format!("{before}{source}\nLIFETIME{after}")).execute().await.unwrap();
    }
}

fn account(id: u32, uuid: Uuid, customer: u32) -> String {
    format!(r#"{{"id":{id},"uuid":"{uuid}","contractor_id":{customer},"name":"x"}}"#)
}

async fn status(app: &TestApp, account: Uuid, token: &str) -> u16 {
    app.get(&format!("{API}/outgoing-active-calls?account-id={account}"), token).await.status
}

#[actix_web::test]
async fn the_pages_dictionaries_can_stand_in_place_of_both_tables() {
    let (own, second, foreign) = (Uuid::new_v4(), Uuid::new_v4(), Uuid::new_v4());
    let db = db().await;
    dictionaries(&db).await;
    let accounts = [account(1, own, 7), account(2, second, 7), account(3, foreign, 8)];
    insert(&db.admin, "billing_accounts", &accounts.join("\n")).await;
    let access = [
        r#"{"id":1,"customer_id":7,"account_ids":[1,3],"allowed_ips":["0.0.0.0/0","::/0"],"login":"bob","password_digest":"$2a$12$x"}"#,
        r#"{"id":2,"customer_id":7,"account_ids":[],"allowed_ips":["192.0.2.0/24","::1"],"login":"joe"}"#,
        r#"{"id":3,"customer_id":7,"account_ids":[],"allowed_ips":["192.0.2.0/24","127.0.0.1"],"login":"ann"}"#,
        r#"{"id":4,"customer_id":7,"account_ids":[],"allowed_ips":[],"login":"eve"}"#,
    ];
    insert(&db.admin, "sys_api_access", &access.join("\n")).await;
    let settings: toml::Table = blocks("toml")[0].parse().unwrap();
    let query = |key: &str| settings["accounts"][key].as_str().unwrap().to_owned();
    let app = TestApp::over(db, |config| {
        config.accounts.query = query("query");
        // Other types, a null, and a row of no account.
        config.accounts.details_query =
            "SELECT * FROM VALUES('id Nullable(UInt64), side Nullable(String), currency_id Nullable(String)', \
             (1, 'termination', '3'), (2, NULL, 'EUR'), (NULL, 'both', '1'), (77, 'both', '1'))"
                .to_owned();
        config.accounts.access_query = query("access_query");
    })
    .await;
    let token = |id| app.sign(&Issue::Access(id), 60);
    let listed = app.get(&format!("{API}/accounts"), &token(3)).await.json();
    let said: Vec<_> =
        listed["accounts"].as_array().unwrap().iter().map(|row| (&row["side"], &row["currency"])).collect();
    assert_eq!(said, [(&json!("termination"), &json!(3)), (&json!("both"), &json!(null))]);
    assert_eq!(status(&app, own, &token(1)).await, 200);
    assert_eq!(status(&app, second, &token(1)).await, 400, "outside the row's accounts");
    assert_eq!(status(&app, foreign, &token(1)).await, 400, "another customer's");
    assert_eq!(status(&app, own, &token(2)).await, 401, "another address");
    assert_eq!(status(&app, second, &token(3)).await, 200);
    assert_eq!(status(&app, second, &token(4)).await, 401, "no address is nowhere");
    let body = r#"{"auth":{"login":"bob","password":"x"}}"#;
    assert_eq!(send(app.request("POST", &format!("{API}/auth")).body(body)).await.status, 401);
    // A change arrives through the dictionary. A server reads it again by itself, the embedded engine when it is told to.
    for sql in [
        "ALTER TABLE sys_api_access DELETE WHERE id = 1 SETTINGS mutations_sync = 1",
        "SYSTEM RELOAD DICTIONARY yeti_access",
    ] {
        app.admin.query_raw(sql).execute().await.unwrap();
    }
    for _ in 0..60 {
        if status(&app, own, &token(1)).await == 401 {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    panic!("a row that is gone still counts after 3 s");
}

#[actix_web::test]
async fn every_statement_of_the_page_reads() {
    let db = db().await;
    for block in blocks("sql").into_iter().filter(|block| !block.contains("in PostgreSQL")) {
        for statement in block.split_inclusive(";").map(str::trim).filter(|s| s.ends_with(';')) {
            let read =
                db.admin.query_raw("SELECT formatQuery({sql:String})").param("sql", statement.trim_end_matches(';'));
            read.fetch_one::<String>().await.unwrap();
        }
    }
}

#[actix_web::test]
async fn a_login_works_with_argon2id_hashes_of_the_operators_own() {
    // Costs of their own, as another program would choose them.
    let params = argon2::Params::new(64, 3, 4, None).unwrap();
    let hash = argon2::Argon2::from(params).hash_password(b"right").unwrap();
    let access = format!(
        "SELECT id, 7 AS customer_id, CAST([], 'Array(Nullable(String))') AS account_ids, \
         CAST([], 'Array(String)') AS allowed_ips, login, password_hash FROM values('id String, \
         login Nullable(String), password_hash Nullable(String)', ('1', 'ann', '{hash}'), ('2', 'bob', '$2a$12$x'), ('3', NULL, NULL))"
    );
    let app = TestApp::over(db().await, |config| config.accounts.access_query = access).await;
    for (login, password, wanted) in [("ann", "right", 201), ("ann", "wrong", 401), ("bob", "x", 401), ("", "", 401)] {
        let body = serde_json::json!({ "auth": { "login": login, "password": password } }).to_string();
        assert_eq!(send(app.request("POST", &format!("{API}/auth")).body(body)).await.status, wanted, "{login}");
    }
}

#[actix_web::test]
async fn ids_of_other_widths_and_nulls_are_never_somebody_elses() {
    let (own, wide, none) = (Uuid::new_v4(), Uuid::new_v4(), Uuid::new_v4());
    // 4294967303 is 7 in 32 bits, and a null must not become customer 0.
    let accounts = format!(
        "SELECT * FROM values('id Nullable(Int64), uuid Nullable(String), customer_id Nullable(String), name String', \
         (1, '{own}', '7', 'x'), (2, '{none}', NULL, 'x'), (NULL, '{none}', '7', 'x'), (3, NULL, '7', 'x'))"
    );
    let access = "SELECT 1 AS id, toInt64(7) AS customer_id, [1, NULL] AS account_ids, \
                  CAST([], 'Array(Nullable(String))') AS allowed_ips, NULL AS login, NULL AS password_hash";
    let app = TestApp::over(db().await, |config| {
        config.accounts.query = accounts;
        config.accounts.access_query = access.to_owned();
    })
    .await;
    assert_eq!(status(&app, own, &app.sign(&Issue::Access(1), 60)).await, 200);
    assert_eq!(status(&app, none, &app.token(0, &[])).await, 400);
    assert_eq!(status(&app, none, &app.token(7, &[])).await, 400);
    let wide = format!("SELECT 1 AS id, '{wide}' AS uuid, 4294967303 AS customer_id, 'x' AS name");
    let broken = TestApp::over(db().await, |config| config.accounts.query = wide).await;
    assert_eq!(send(broken.request("GET", "/health/ready")).await.status, 503);
}

#[actix_web::test]
async fn an_access_row_that_stands_twice_admits_only_where_both_say_the_same() {
    // A join multiplies: row 1 is the same twice, the others differ in one column each.
    let access = "SELECT id, customer_id, account_ids, allowed_ips, login, '' AS password_hash FROM values('id UInt32, \
                  customer_id UInt32, account_ids Array(UInt32), allowed_ips Array(String), login String', \
                  (1, 7, [], [], ''), (1, 7, [], [], ''), (2, 7, [], [], ''), (2, 8, [], [], ''), \
                  (3, 7, [], [], ''), (3, 7, [5], [], ''), (4, 7, [], [], ''), (4, 7, [], ['127.0.0.0/8'], ''), \
                  (5, 7, [], [], 'ann'), (5, 7, [], [], 'bob'), (6, 7, [], [], ''), (6, 8, [], [], ''), (6, 7, [], [], ''), \
                  (7, 7, [], ['nowhere'], ''), (7, 7, [], [], ''))";
    let app = TestApp::over(db().await, |config| config.accounts.access_query = access.to_owned()).await;
    let account = app.account(5, 7).await;
    app.until_known(account, &app.token(7, &[])).await;
    for id in 1..=7 {
        let wanted = if id == 1 { 200 } else { 401 };
        assert_eq!(status(&app, account, &app.sign(&Issue::Access(id), 60)).await, wanted, "{id}");
    }
}
