//! A service whose tables change below it, or whose user may not do what it needs, says so.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use cdrscope::config::value::Value;

use crate::support::app::{API, SECRET};
use crate::support::{TestApp, db, engine, insert};

/// Longest time until a change shows.
const PROMISE: Duration = Duration::from_secs(15);

async fn run(app: &TestApp, sql: &str) {
    app.admin.query_raw(sql).with_setting("wait_end_of_query", "1").execute().await.unwrap();
}

async fn until(app: &TestApp, status: u16, what: &str) {
    let begun = Instant::now();
    loop {
        let found = app.request("GET", "/health/ready").send().await.unwrap().status().as_u16();
        if found == status {
            return;
        }
        assert!(begun.elapsed() < PROMISE, "{what}: /health/ready is {found} after 15 s");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[actix_web::test]
async fn ready_is_503_while_a_table_lacks_what_reports_need_and_200_after_the_repair() {
    let app = TestApp::start(|_| ()).await;
    until(&app, 200, "the start").await;
    let restore = |table: &str| (format!("RENAME TABLE {table} TO away"), format!("RENAME TABLE away TO {table}"));
    let rename = |table: &str, column: &str| {
        let rename = |from: &str, to: &str| format!("ALTER TABLE {table} RENAME COLUMN {from} TO {to}");
        (rename(column, "away"), rename("away", column))
    };
    let retype = |column: &str, from: &str, to: &str| {
        let retype = |is: &str| format!("ALTER TABLE cdrs MODIFY COLUMN {column} {is}");
        (retype(to), retype(from))
    };
    for (harm, repair) in [
        restore("cdrs"),
        restore("active_calls"),
        restore("accounts"),
        restore("api_access"),
        restore("schema_migrations"),
        rename("cdrs", "lega_disconnect_code"),
        rename("cdrs", "lega_q850_cause"),
        rename("active_calls", "src_prefix_in"),
        retype("lega_disconnect_code", "Int32 DEFAULT 0", "Nullable(Int32)"),
    ] {
        run(&app, &harm).await;
        until(&app, 503, &harm).await;
        run(&app, &repair).await;
        until(&app, 200, &repair).await;
    }
}

#[actix_web::test]
async fn ready_is_503_while_an_operators_own_table_lacks_what_its_expressions_read() {
    let db = db().await;
    let columns = "customer_id, vendor_id, customer_acc_id, vendor_acc_id, is_last_cdr, time_start, duration AS seconds, \
        customer_price, vendor_price, src_country_id, 0 AS unread";
    let sql = format!("CREATE TABLE own ENGINE = MergeTree ORDER BY time_start AS SELECT {columns} FROM cdrs");
    db.admin.query_raw(&sql).execute().await.unwrap();
    let app = TestApp::over(db, |config| {
        config.tables.cdrs = Value::parse("own").unwrap();
        config.tables.cdrs_columns = Value::parse("duration = seconds + 0").unwrap();
    })
    .await;
    until(&app, 200, "the start").await;
    for column in ["seconds", "src_country_id"] {
        run(&app, &format!("ALTER TABLE own RENAME COLUMN {column} TO away")).await;
        until(&app, 503, column).await;
        run(&app, &format!("ALTER TABLE own RENAME COLUMN away TO {column}")).await;
        until(&app, 200, column).await;
    }
    // A column that no report reads, and one that came later, change nothing.
    run(&app, "ALTER TABLE own DROP COLUMN unread").await;
    run(&app, "ALTER TABLE own ADD COLUMN dst_country_id Int32").await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    until(&app, 200, "columns that matter to nobody").await;
}

#[actix_web::test]
async fn a_table_that_was_dropped_and_made_again_is_read_as_it_is_then() {
    let app = TestApp::start(|_| ()).await;
    let account = app.account(1, 7).await;
    let token = app.token(7, &[]);
    app.until_known(account, &token).await;
    let made: String = app
        .admin
        .query_raw("SELECT create_table_query FROM system.tables WHERE database = currentDatabase() AND name = 'cdrs'")
        .fetch_one()
        .await
        .unwrap();
    let call = |seconds: u32| {
        format!(
            r#"{{"id":1,"customer_id":7,"customer_acc_id":1,"is_last_cdr":1,"time_start":1767571200,"duration":{seconds}}}"#
        )
    };
    let path = format!(
        "{API}/origination-statistics?account-id={account}&from-time=1767571200&to-time=1767574799&sampling=hour"
    );
    let seconds = async || {
        let reply = app.get(&format!("{path}&numbers=plain"), &token).await;
        assert_eq!(reply.status, 200, "{}", reply.body);
        reply.json()["totals"]["total_duration"].clone()
    };
    insert(&app.admin, "cdrs", &call(60)).await;
    assert_eq!(seconds().await, 1.0);
    run(&app, "DROP TABLE cdrs SYNC").await;
    until(&app, 503, "the drop").await;
    // What was read a moment ago may still be told for cache.fresh_seconds.
    let begun = Instant::now();
    while app.get(&path, &token).await.status != 502 {
        assert!(begun.elapsed() < PROMISE, "a dropped table is read");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    run(&app, &made).await;
    until(&app, 200, "the table's return").await;
    insert(&app.admin, "cdrs", &call(120)).await;
    assert_eq!(seconds().await, 2.0);
}

/// A relay to the engine that puts every query into one session.
fn in_session(name: &str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let session = format!("POST /?session_id={name}&session_timeout=600&");
    std::thread::spawn(move || {
        for mut client in listener.incoming().flatten() {
            let mut server = TcpStream::connect(engine().url().trim_start_matches("http://")).unwrap();
            let (mut answers, mut asked) = (server.try_clone().unwrap(), client.try_clone().unwrap());
            std::thread::spawn(move || std::io::copy(&mut answers, &mut asked));
            let session = session.clone();
            std::thread::spawn(move || {
                let mut buffer = [0; 65536];
                while let Ok(length @ 1..) = client.read(&mut buffer) {
                    let text = String::from_utf8_lossy(&buffer[..length]).replace("POST /?", &session);
                    if server.write_all(text.as_bytes()).is_err() {
                        return;
                    }
                }
                let _ = server.shutdown(Shutdown::Write);
            });
        }
    });
    url
}

#[test]
fn check_and_serve_name_readonly_2_when_the_user_may_not_change_settings() {
    let database = tokio::runtime::Runtime::new().unwrap().block_on(async { db().await.database });
    // A session that was made read-only refuses settings as a profile with readonly = 1 does.
    let login = engine().admin();
    let url = in_session(&database);
    let client = cdrscope::store::client(&url, &login.user, &login.password);
    tokio::runtime::Runtime::new().unwrap().block_on(client.query_raw("SET readonly = 1").execute()).unwrap();
    drop(client);
    let told = |command: &str| {
        let mut child = Command::new(env!("CARGO_BIN_EXE_cdrscope"))
            .args([command, "--http-listen=127.0.0.1:0"])
            .env("CDRSCOPE_CLICKHOUSE_URL", &url)
            .env("CDRSCOPE_CLICKHOUSE_USER", &login.user)
            .env("CDRSCOPE_CLICKHOUSE_PASSWORD", &login.password)
            .env("CDRSCOPE_CLICKHOUSE_DATABASE", &database)
            .env("CDRSCOPE_AUTH_SECRET", SECRET)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let deadline = Instant::now() + Duration::from_secs(30);
        while child.try_wait().unwrap().is_none() {
            if Instant::now() > deadline {
                child.kill().unwrap();
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        let output = child.wait_with_output().unwrap();
        let text = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        (output.status.code(), text)
    };
    let line = format!(
        "ClickHouse refuses settings from user {} (readonly = 1): give the user a profile with readonly = 2",
        login.user
    );
    for command in ["check", "serve"] {
        let (code, text) = told(command);
        assert_eq!(code, Some(1), "{command}: {text}");
        assert!(text.lines().any(|found| found.ends_with(&line)), "{command}: {text}");
    }
}
