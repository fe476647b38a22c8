//! `cdrscope operator`, `contractor` and `token --operator`, and the address of the operator's own.

use std::process::{Command, Output};

use cdrscope::config::value::Secret;

use super::{SECRET, ask};
use crate::support::{self, Db, TestApp};

/// Runs a command on a database of the tests' engine.
fn run(db: &Db, arguments: &[&str]) -> Output {
    let engine = support::engine();
    Command::new(env!("CARGO_BIN_EXE_cdrscope"))
        .args(arguments)
        .env("CDRSCOPE_CLICKHOUSE_URL", engine.url())
        .env("CDRSCOPE_CLICKHOUSE_USER", &engine.admin().user)
        .env("CDRSCOPE_CLICKHOUSE_PASSWORD", &engine.admin().password)
        .env("CDRSCOPE_CLICKHOUSE_DATABASE", &db.database)
        .env("CDRSCOPE_AUTH_SECRET", support::app::SECRET)
        .env("CDRSCOPE_OPERATOR_SECRET", SECRET)
        .env("CDRSCOPE_LOG", "off")
        .output()
        .unwrap()
}

/// The lines that a command prints.
fn lines(db: &Db, arguments: &[&str]) -> Vec<String> {
    let output = run(db, arguments);
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
}

fn fault(db: &Db, arguments: &[&str]) -> String {
    let output = run(db, arguments);
    assert!(!output.status.success(), "{arguments:?}");
    String::from_utf8(output.stderr).unwrap()
}

#[actix_web::test]
async fn rows_that_commands_make_open_the_paths_and_removed_ones_do_not() {
    let db = support::db().await;
    let add = ["operator", "add", "--name", "Ann", "--may", "cost", "--may", "vendors", "--customer", "5"];
    assert_eq!(lines(&db, &add), ["1"]);
    assert_eq!(lines(&db, &["operator", "add", "--name", "Bo"]), ["2"]);
    assert_eq!(
        lines(&db, &["operator", "list"]),
        [
            "ID  NAME  CUSTOMERS  VENDORS  MAY           ADDRESSES",
            "1   Ann   5          all      cost,vendors  any",
            "2   Bo    all        all      counts        any",
        ]
    );
    assert!(fault(&db, &["operator", "add", "--name", "x", "--may", "all"]).contains("cost, vendors, numbers, export"));
    assert!(fault(&db, &["operator", "add", "--name", "x", "--id", "1"]).contains("operator 1 is there already"));
    assert_eq!(lines(&db, &["contractor", "name", "5", "Acme"]), ["5 is Acme"]);
    assert_eq!(lines(&db, &["contractor", "list"]), ["ID  NAME", "5   Acme"]);
    let token = lines(&db, &["token", "--operator", "1"]).remove(0);
    let app = TestApp::over(db, |config| config.operator.secret = Secret::new(SECRET)).await;
    let db = app.same_db(support::engine());
    assert_eq!(ask(&app, "accounts", &token).await.0, 200);
    assert_eq!(lines(&db, &["operator", "remove", "1"]), ["removed operator 1 (Ann)"]);
    support::eventually("the row no longer counts", async || {
        (ask(&app, "accounts", &token).await.0 == 401).then_some(())
    })
    .await;
    assert_eq!(lines(&db, &["operator", "list"]).len(), 2);
    assert!(fault(&db, &["operator", "add", "--name", "x", "--id", "1"]).contains("operator 1 was removed"));
    assert!(fault(&db, &["operator", "remove", "1"]).contains("there is no operator 1"));
    assert_eq!(lines(&db, &["operator", "add", "--name", "Cy"]), ["3"]);
    assert_eq!(lines(&db, &["contractor", "remove", "5"]), ["removed the name of 5, Acme"]);
    assert!(fault(&db, &["contractor", "remove", "5"]).contains("there is no name of 5"));
}

#[actix_web::test]
async fn keys_that_customers_tokens_are_signed_with_are_refused() {
    let db = support::db().await;
    let mut command = Command::new(env!("CARGO_BIN_EXE_cdrscope"));
    let command = command.args(["check"]).env("CDRSCOPE_AUTH_SECRET", SECRET).env("CDRSCOPE_OPERATOR_SECRET", SECRET);
    let output = command.env("CDRSCOPE_CLICKHOUSE_URL", support::engine().url()).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("operator.secret: is one of auth.secrets"), "{said}");
    let without = |name: &str| {
        let output = Command::new(env!("CARGO_BIN_EXE_cdrscope"))
            .args(["token", "--operator", "1"])
            .env("CDRSCOPE_AUTH_SECRET", support::app::SECRET)
            .env(name, "127.0.0.1:0")
            .output()
            .unwrap();
        String::from_utf8(output.stderr).unwrap()
    };
    assert!(without("CDRSCOPE_HTTP_LISTEN").contains("operator.secret_file is not set"));
    assert!(without("CDRSCOPE_HTTP_OPERATOR_LISTEN").contains("http.operator_listen: needs operator.secret_file"));
    drop(db);
}

#[actix_web::test]
async fn an_address_of_their_own_has_the_operators_paths_and_no_others() {
    // A free port: bound once, and given back.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let app = TestApp::start(|config| {
        config.operator.secret = Secret::new(SECRET);
        config.http.operator_listen = Some(([127, 0, 0, 1], port).into());
    })
    .await;
    let (token, customer) = (app.operator_token(&[], &[], &[]), app.token(5, &[]));
    let at = async |url: &str, path: &str, token: &str| {
        app.client.get(format!("{url}{path}")).header("Authorization", token).send().await.unwrap().status().as_u16()
    };
    let own = format!("http://127.0.0.1:{port}");
    assert_eq!(at(&own, "/api/rest/operator/v1/accounts", &token).await, 200);
    assert_eq!(at(&own, "/health/live", "").await, 200);
    assert_eq!(at(&own, "/api/rest/customer/v1/accounts", &customer).await, 404);
    assert_eq!(at(&own, "/openapi.json", "").await, 404);
    assert_eq!(at(&app.url, "/api/rest/operator/v1/accounts", &token).await, 404);
    assert_eq!(at(&app.url, "/api/rest/customer/v1/accounts", &customer).await, 200);
}
