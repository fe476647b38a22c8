//! The life of an export: cancelled, expired, shared out between tenants, and what a restart leaves of it.

use rustix::process::Signal;
use serde_json::json;

use super::{FIRST, World, bytes, calls, over, post, slowly, until, world, world_of};
use crate::hostile::program::Served;
use crate::support::app::{API, SECRET};
use crate::support::http::send;
use crate::support::{TestApp, db, eventually};

/// Statements of raw CDRs that run in the app's database.
async fn statements(app: &TestApp) -> u64 {
    let sql = "SELECT count() FROM system.processes WHERE current_database = currentDatabase() AND query LIKE '%orig_call_id%' \
               AND query NOT LIKE '%system.processes%'";
    app.admin.query_raw(sql).fetch_one::<u64>().await.unwrap()
}

#[actix_web::test]
async fn a_cancelled_export_ends_in_clickhouse_and_leaves_no_file() {
    let world = world_of(db().await, 1_000_000, slowly).await;
    let place = world.create("origination-cdrs", "&columns=id,orig_call_id,src_prefix_in").await;
    let export = eventually("some of the file", async || {
        let export = world.app.get(&place, &world.token).await.json();
        (export["bytes"].as_u64().unwrap() > 0).then_some(export)
    })
    .await;
    assert_eq!((&export["state"], &export["rows"]), (&json!("running"), &json!(333_334)));
    let reply = world.app.get(&format!("{place}/file"), &world.token).await;
    assert_eq!((reply.status, reply.body.as_str()), (409, r#"{"error":"the export is being written"}"#));
    assert_eq!(statements(&world.app).await, 1);
    assert_eq!(send(world.app.request("DELETE", &place).header("Authorization", &world.token)).await.status, 204);
    assert_eq!(world.app.get(&place, &world.token).await.json()["state"], "cancelled");
    assert_eq!(world.app.get(&format!("{place}/file"), &world.token).await.status, 410);
    eventually("the end of the statement", async || (statements(&world.app).await == 0).then_some(())).await;
    eventually("no part", async || (world.files().len() == 1).then_some(())).await;
    // The place in the pool is free again.
    world.done("origination-breakdown", "&group-by=dst-country").await;
    // Once more, and its record goes too.
    assert_eq!(send(world.app.request("DELETE", &place).header("Authorization", &world.token)).await.status, 204);
    assert_eq!(send(world.app.request("DELETE", &place).header("Authorization", &world.token)).await.status, 404);
}

#[actix_web::test]
async fn exports_of_one_tenant_leave_room_for_another_and_for_those_who_wait_for_their_files() {
    let world = world_of(db().await, 1_000_000, |config| {
        slowly(config);
        config.exports.jobs_per_customer = 3;
    })
    .await;
    let other = world.app.account(3, 8).await;
    let their = world.app.token(8, &[]);
    world.app.until_known(other, &their).await;
    let mut places = Vec::new();
    for _ in 0..3 {
        places.push(world.create("origination-cdrs", "&columns=id,src_prefix_in").await);
    }
    let more = post(&world.app, &world.ask("origination-cdrs", ""), &world.token).await;
    assert_eq!((more.status, more.header("retry-after")), (429, "60"), "{}", more.body);
    until(&world.app, &places[0], &world.token, "running").await;
    // The first customer fills its share of the pool; another's small one is made at once.
    let path = format!(
        "{API}/exports?report=origination-cdrs&account-id={other}&from-time={FIRST}&to-time={}&columns=id",
        FIRST + 9
    );
    let reply = post(&world.app, &path, &their).await;
    assert_eq!(reply.status, 202, "{}", reply.body);
    assert_eq!(over(&world.app, reply.header("location"), &their).await["state"], "done");
    let states = async || {
        let mut states = Vec::new();
        for place in &places {
            states.push(world.app.get(place, &world.token).await.json()["state"].as_str().unwrap().to_owned());
        }
        states
    };
    assert_eq!(states().await, ["running", "waiting", "waiting"]);
    // So is a file of the first customer's that somebody waits for, and a report.
    for path in [
        format!(
            "{API}/origination-cdrs?account-id={}&from-time={FIRST}&to-time={}&format=csv&columns=id",
            world.account,
            FIRST + 9
        ),
        format!(
            "{API}/origination-statistics?account-id={}&from-time={FIRST}&to-time={}&sampling=hour",
            world.account,
            FIRST + 9
        ),
    ] {
        bytes(&world.app, &path, &world.token).await;
    }
    assert_eq!(states().await, ["running", "waiting", "waiting"]);
    for place in &places {
        send(world.app.request("DELETE", place).header("Authorization", &world.token)).await;
    }
}

#[actix_web::test]
async fn an_export_without_a_slot_waits_and_says_so() {
    let world = world_of(db().await, 1_000_000, |config| {
        slowly(config);
        config.exports.concurrent = 2;
    })
    .await;
    let other = world.app.account(3, 8).await;
    let their = world.app.token(8, &[]);
    world.app.until_known(other, &their).await;
    let first = world.create("origination-cdrs", "&columns=id,src_prefix_in").await;
    until(&world.app, &first, &world.token, "running").await;
    let path = format!(
        "{API}/exports?report=origination-cdrs&account-id={other}&from-time={FIRST}&to-time={}&columns=id",
        FIRST + 9
    );
    let reply = post(&world.app, &path, &their).await;
    let second = reply.header("location").to_owned();
    // There is a thread for it, and the last slot is for those who wait for a file.
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    assert_eq!(world.app.get(&second, &their).await.json()["state"], "waiting");
    bytes(&world.app, &path.replace("exports?report=origination-cdrs&", "origination-cdrs?format=csv&"), &their).await;
    send(world.app.request("DELETE", &first).header("Authorization", &world.token)).await;
    assert_eq!(over(&world.app, &second, &their).await["state"], "done");
}

#[actix_web::test]
async fn kept_files_are_bounded() {
    let world = world_of(db().await, 200_000, |config| {
        config.exports.keep_mb = 4;
        config.exports.keep_mb_per_customer = 1;
    })
    .await;
    let place = world.create("origination-cdrs", "&format=ndjson").await;
    let export = over(&world.app, &place, &world.token).await;
    let reason = "there is no room for it: exports.keep_mb and exports.keep_mb_per_customer bound what is kept";
    assert_eq!((&export["state"], &export["reason"], &export["bytes"]), (&json!("failed"), &json!(reason), &json!(0)));
    assert_eq!(world.app.get(&format!("{place}/file"), &world.token).await.status, 409);
    assert_eq!(world.files().len(), 1);
    // The service goes on.
    world.done("origination-cdrs", "&to-time=1774700009").await;
}

#[actix_web::test]
async fn a_file_of_too_many_calls_fails_and_says_so() {
    let world = world(|config| config.exports.job_rows = 999).await;
    let place = world.create("origination-cdrs", "").await;
    let export = over(&world.app, &place, &world.token).await;
    let reason = "too many CDRs: exports.job_rows is 999, ask for a shorter range";
    assert_eq!((&export["state"], &export["reason"]), (&json!("failed"), &json!(reason)));
    // More than a file at once may have, and less than an export.
    let world = super::world(|config| config.exports.max_rows = 10).await;
    let (_, export) = world.done("origination-cdrs", "").await;
    assert_eq!(export["rows"], json!(1000));
}

#[actix_web::test]
async fn a_report_may_take_longer_than_one_that_somebody_waits_for() {
    use cdrscope::config::value::Value as _;
    let world = world_of(db().await, 1_000_000, |config| {
        config.limits.query_seconds = 1;
        let slow = "dst_country_id = toInt32(ifNull(dst_country_id, 0)) + toInt32(sleepEachRow(0.00002))";
        config.tables.cdrs_columns = cdrscope::config::Expressions::parse(slow).unwrap();
    })
    .await;
    let path =
        format!("{API}/origination-breakdown?account-id={}&from-time={FIRST}&group-by=dst-country", world.account);
    assert_eq!(world.app.get(&path, &world.token).await.status, 504);
    world.done("origination-breakdown", "&group-by=dst-country").await;
}

#[actix_web::test]
async fn a_file_whose_time_is_up_is_gone_and_said_to_have_expired() {
    let world = world(|_| ()).await;
    let (place, _) = world.done("origination-cdrs", "").await;
    let World { app, account, token, dir } = world;
    let same =
        crate::support::Db { admin: app.admin.clone(), reader: app.admin.clone(), database: app.database.clone() };
    drop(app);
    let record = dir.path().join(format!("exports/{}.json", place.rsplit('/').next().unwrap()));
    let mut job: serde_json::Value = serde_json::from_slice(&std::fs::read(&record).unwrap()).unwrap();
    // As if it had been made three days ago.
    for name in ["created", "begun", "finished", "expires"] {
        job[name] = json!(job[name].as_i64().unwrap() - 72 * 3600 - 1);
    }
    std::fs::write(&record, job.to_string()).unwrap();
    let app = TestApp::over(same, |config| config.exports.dir = Some(dir.path().join("exports"))).await;
    app.until_known(account, &token).await;
    let reply = app.get(&format!("{place}/file"), &token).await;
    assert_eq!((reply.status, reply.body.as_str()), (410, r#"{"error":"the export has expired"}"#));
    assert_eq!(app.get(&place, &token).await.json()["state"], "expired");
    assert!(!record.with_extension("data").exists());
}

/// A service of the binary over the world's database, with exports in its directory.
fn serve(world: &World, more: &[(&str, &str)]) -> Served {
    let dir = world.dir.path().join("of-the-binary");
    let dir = dir.to_str().unwrap();
    let slow = "src_prefix_in = concat(src_prefix_in, toString(sleepEachRow(0.000007)))";
    let own = [("CDRSCOPE_EXPORTS_DIR", dir), ("CDRSCOPE_TABLES_CDRS_COLUMNS", slow)];
    let db = crate::support::Db {
        admin: world.app.admin.clone(),
        reader: world.app.admin.clone(),
        database: world.app.database.clone(),
    };
    Served::start(&db, &[&own[..], more].concat())
}

#[actix_web::test]
async fn a_killed_service_begins_again_what_it_was_writing_and_the_file_is_whole() {
    let world = world_of(db().await, 600_000, |_| ()).await;
    let client = &world.app.client;
    let ask = async |served: &Served, method: &str, path: &str| {
        let request = client.request(method.parse().unwrap(), format!("{}{path}", served.url));
        send(request.header("Authorization", &world.token)).await
    };
    let mut served = serve(&world, &[]);
    let question = world.ask("origination-cdrs", "&columns=id,time_start,src_prefix_in&format=csv.gz");
    let reply = ask(&served, "POST", &question).await;
    assert_eq!(reply.status, 202, "{}", reply.body);
    let place = reply.header("location").to_owned();
    let waiting = ask(&served, "POST", &question.replace("csv.gz", "csv")).await.header("location").to_owned();
    let begun = async |served: &Served| {
        eventually("some of the file", async || {
            let export = ask(served, "GET", &place).await.json();
            (export["state"] == "running" && export["bytes"].as_u64().unwrap() > 0).then_some(())
        })
        .await;
    };
    begun(&served).await;
    // While one has the directory, another does not start.
    let dir = world.dir.path().join("of-the-binary");
    let login = crate::support::engine().reader();
    let (code, text) = crate::hostile::program::run(
        &["serve", "--http-listen", "127.0.0.1:0", "--exports-dir", dir.to_str().unwrap()],
        &[
            ("CDRSCOPE_CLICKHOUSE_URL", crate::support::engine().url()),
            ("CDRSCOPE_CLICKHOUSE_USER", &login.user),
            ("CDRSCOPE_CLICKHOUSE_PASSWORD", &login.password),
            ("CDRSCOPE_CLICKHOUSE_DATABASE", &world.app.database),
            ("CDRSCOPE_AUTH_SECRET", SECRET),
        ],
    );
    assert!(code == Some(1) && text.contains("is in use by another service"), "{text}");
    served.signal(Signal::KILL);
    drop(served);
    served = serve(&world, &[]);
    let over = async |served: &Served, place: &str| {
        eventually("the end of an export", async || {
            let export = ask(served, "GET", place).await.json();
            (!["waiting", "running"].contains(&export["state"].as_str().unwrap())).then_some(export)
        })
        .await
    };
    let export = over(&served, &place).await;
    assert_eq!((&export["state"], &export["rows"]), (&json!("done"), &json!(200_000)), "{export}");
    let file = client.get(format!("{}{place}/file", served.url)).header("Authorization", &world.token);
    let file = file.send().await.unwrap().bytes().await.unwrap();
    assert_eq!((export["bytes"].as_u64(), &export["sha256"]), (Some(file.len() as u64), &json!(super::sha256(&file))));
    let text = std::io::read_to_string(flate2::read::GzDecoder::new(&*file)).unwrap();
    assert_eq!(text.lines().count(), 200_001);
    assert_eq!(over(&served, &waiting).await["state"], "done");
    // A service that is stopped in good order, again and again, fails nothing.
    let place = ask(&served, "POST", &question).await.header("location").to_owned();
    for _ in 0..3 {
        eventually("the beginning", async || {
            (ask(&served, "GET", &place).await.json()["state"] == "running").then_some(())
        })
        .await;
        served.signal(Signal::TERM);
        served.line("exports: stopped");
        drop(served);
        served = serve(&world, &[]);
    }
    assert_eq!(over(&served, &place).await["state"], "done");
    // One that is killed twice while it writes the same fails it.
    let place = ask(&served, "POST", &question).await.header("location").to_owned();
    for _ in 0..2 {
        eventually("some of the file", async || {
            let export = ask(&served, "GET", &place).await.json();
            (export["state"] == "running" && export["bytes"].as_u64().unwrap() > 0).then_some(())
        })
        .await;
        served.signal(Signal::KILL);
        drop(served);
        served = serve(&world, &[]);
    }
    let export = over(&served, &place).await;
    assert_eq!(
        (&export["state"], &export["reason"]),
        (&json!("failed"), &json!("cut by a restart of the service, twice"))
    );
    let parts = std::fs::read_dir(&dir)
        .unwrap()
        .filter(|entry| entry.as_ref().unwrap().path().extension().is_some_and(|end| end == "part"));
    assert_eq!(parts.count(), 0);
}

#[actix_web::test]
async fn a_full_disk_fails_the_export_and_nothing_else() {
    let world = world_of(db().await, 200_000, |_| ()).await;
    let dir = world.dir.path().join("small");
    let login = crate::support::engine().reader();
    // Files of up to 1 MiB, as a quota has them.
    let limited = "trap '' XFSZ; ulimit -f 1024; exec \"$0\" serve";
    let mut command = std::process::Command::new("bash");
    command
        .args(["-c", limited, env!("CARGO_BIN_EXE_cdrscope")])
        .env("CDRSCOPE_EXPORTS_DIR", &dir)
        .env("CDRSCOPE_HTTP_LISTEN", "127.0.0.1:0")
        .env("CDRSCOPE_AUTH_SECRET", SECRET)
        .env("CDRSCOPE_CLICKHOUSE_URL", crate::support::engine().url())
        .env("CDRSCOPE_CLICKHOUSE_USER", &login.user)
        .env("CDRSCOPE_CLICKHOUSE_PASSWORD", &login.password)
        .env("CDRSCOPE_CLICKHOUSE_DATABASE", &world.app.database);
    let served = Served::of(&mut command);
    let ask = async |method: &str, path: &str| {
        let request = world.app.client.request(method.parse().unwrap(), format!("{}{path}", served.url));
        send(request.header("Authorization", &world.token)).await
    };
    let over = async |more: &str| {
        let reply = ask("POST", &world.ask("origination-cdrs", more)).await;
        assert_eq!(reply.status, 202, "{}", reply.body);
        let place = reply.header("location").to_owned();
        eventually("the end of an export", async || {
            let export = ask("GET", &place).await.json();
            (!["waiting", "running"].contains(&export["state"].as_str().unwrap())).then_some(export)
        })
        .await
    };
    let export = over("&format=ndjson").await;
    assert_eq!((&export["state"], &export["reason"]), (&json!("failed"), &json!("the disk is full")), "{export}");
    let names: Vec<_> = std::fs::read_dir(&dir).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names.len(), 2, "{names:?}");
    assert_eq!(over("&to-time=1774700009").await["state"], "done");
    assert_eq!(ask("GET", "/health/ready").await.status, 200);
}

#[actix_web::test]
async fn a_clickhouse_that_is_killed_fails_the_export_and_the_next_is_made() {
    use crate::support::{db_on, engine_options};
    use cdrscope::embedded::EmbeddedEngine;
    use rustix::process::{Pid, kill_process};
    let (engine_dir, dir) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let engine = EmbeddedEngine::start(engine_options(engine_dir.path().to_owned())).await.unwrap();
    let app = TestApp::on(&engine, db_on(&engine).await, |config| {
        config.exports.dir = Some(dir.path().join("exports"));
        slowly(config);
    })
    .await;
    app.admin.query_raw(&calls(600_000)).execute().await.unwrap();
    let (account, token) = (app.account(1, 7).await, app.token(7, &[]));
    app.until_known(account, &token).await;
    let path = format!(
        "{API}/exports?report=origination-cdrs&account-id={account}&from-time={FIRST}&columns=id,src_prefix_in"
    );
    let place = post(&app, &path, &token).await.header("location").to_owned();
    eventually("some of the file", async || {
        let export = app.get(&place, &token).await.json();
        (export["bytes"].as_u64().unwrap() > 0).then_some(())
    })
    .await;
    let pid = Pid::from_raw(i32::try_from(engine.pid().unwrap()).unwrap()).unwrap();
    kill_process(pid, Signal::KILL).unwrap();
    let export = over(&app, &place, &token).await;
    let reasons = [json!("the database could not be reached"), json!("the database failed to answer")];
    assert!(export["state"] == "failed" && reasons.contains(&export["reason"]), "{export}");
    // The next begins when it is back.
    let small = format!("{path}&to-time={}", FIRST + 9);
    let mut next = String::new();
    eventually("a known account", async || {
        let reply = post(&app, &small, &token).await;
        next = reply.header("location").to_owned();
        (reply.status == 202).then_some(())
    })
    .await;
    assert_eq!(over(&app, &next, &token).await["state"], "done");
}
