//! The commands on `accounts` and `api_access`, run as an operator runs them.

use std::io::Write as _;
use std::process::{Command, Stdio};

use cdrscope::access::password::StoredHash;
use cdrscope::config::Config;
use cdrscope::config::value::Secret;
use cdrscope::token::{Grant, Issue, Keys, Subject};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::app::SECRET;
use crate::support::http::send;
use crate::support::{Db, TestApp, db, engine, insert};

/// What a command printed, and its exit code.
struct Ran {
    code: i32,
    out: String,
    err: String,
}

impl Ran {
    fn line(&self) -> &str {
        assert_eq!(self.code, 0, "{}", self.err);
        self.out.trim_end()
    }

    fn json(&self) -> Value {
        serde_json::from_str(self.line()).unwrap()
    }

    /// The one line of a command that refuses.
    fn refusal(&self) -> &str {
        assert_eq!((self.code, self.out.as_str()), (1, ""), "{}", self.err);
        self.err.trim_end().strip_prefix("cdrscope: ").unwrap()
    }
}

#[test]
fn output_that_is_lost_is_told_and_ends_with_1() {
    for args in [&["--version"][..], &["token", "--help"], &["token", "--customer", "1", "--ttl", "1h"]] {
        let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
        let ran = Command::new(env!("CARGO_BIN_EXE_cdrscope"))
            .args(args)
            .env("CDRSCOPE_AUTH_SECRET", SECRET)
            .stdout(full)
            .output()
            .unwrap();
        let err = String::from_utf8(ran.stderr).unwrap();
        assert_eq!(ran.status.code(), Some(1), "{args:?}: {err}");
        assert!(err.ends_with("cdrscope: standard output: No space left on device (os error 28)\n"), "{args:?}: {err}");
    }
}

fn run(db: &Db, args: &[&str], stdin: &str) -> Ran {
    let mut child = Command::new(env!("CARGO_BIN_EXE_cdrscope"))
        .args(args)
        .args(["--clickhouse-url", engine().url(), "--clickhouse-database", &db.database])
        .env("CDRSCOPE_CLICKHOUSE_USER", &engine().admin().user)
        .env("CDRSCOPE_CLICKHOUSE_PASSWORD", &engine().admin().password)
        .env("CDRSCOPE_AUTH_SECRET", SECRET)
        .env("CDRSCOPE_LOG", "warn")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A command that wants no password may have ended already.
    let _ = child.stdin.take().unwrap().write_all(stdin.as_bytes());
    let output = child.wait_with_output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Ran { code: output.status.code().unwrap(), out: text(output.stdout), err: text(output.stderr) }
}

#[actix_web::test]
async fn accounts_are_added_listed_and_removed() {
    let db = db().await;
    let first = run(&db, &["account", "add", "--customer", "7", "--name", "Olive, Grey"], "");
    let first: Uuid = first.line().parse().unwrap();
    assert_eq!(first.get_version_num(), 4);
    let given = "6F9619FF-8B86-D011-B42D-00CF4FC964FF";
    let second = run(&db, &["account", "add", "--customer", "8", "--name", "Їжак", "--id", "41", "--uuid", given], "");
    assert_eq!(second.line(), given.to_lowercase());
    let third = run(&db, &["account", "add", "--customer", "8", "--name", "x"], "");
    let third = third.line().to_owned();

    let rows = run(&db, &["account", "list", "--json"], "").json();
    let wanted = json!([
        { "id": 1, "uuid": first.to_string(), "customer_id": 7, "name": "Olive, Grey", "side": "", "currency_id": null },
        { "id": 41, "uuid": given.to_lowercase(), "customer_id": 8, "name": "Їжак", "side": "", "currency_id": null },
        { "id": 42, "uuid": third, "customer_id": 8, "name": "x", "side": "", "currency_id": null },
    ]);
    assert_eq!(rows, wanted);
    let table = run(&db, &["account", "list"], "");
    let lines: Vec<&str> = table.line().lines().collect();
    assert_eq!(lines[0], format!("ID  {:36}  CUSTOMER  SIDE  CURRENCY  NAME", "UUID"));
    assert_eq!(lines[1], format!("1   {first}  7         both  -         Olive, Grey"));

    let taken = run(&db, &["account", "add", "--customer", "7", "--name", "x", "--id", "41"], "");
    assert_eq!(taken.refusal(), "account 41 is there already: remove it first, or leave out --id");
    let taken = run(&db, &["account", "add", "--customer", "7", "--name", "x", "--uuid", given], "");
    assert_eq!(taken.refusal(), format!("account 41 has the uuid {} already", given.to_lowercase()));

    let removed = run(&db, &["account", "remove", "41"], "");
    assert_eq!(removed.line(), format!("removed account 41 of customer 8: {}, Їжак", given.to_lowercase()));
    assert_eq!(run(&db, &["account", "remove", "41"], "").refusal(), "there is no account 41");
    assert_eq!(run(&db, &["account", "list", "--json"], "").json().as_array().unwrap().len(), 2);
}

#[actix_web::test]
async fn access_is_added_listed_and_removed_and_hashes_are_never_shown() {
    let db = db().await;
    let account = run(&db, &["account", "add", "--customer", "7", "--name", "x", "--id", "5"], "");
    let account = account.line();
    assert_eq!(run(&db, &["access", "add", "--customer", "7"], "").line(), "1");
    let args = [
        "access",
        "add",
        "--customer",
        "7",
        "--account",
        account,
        "--allowed-ip",
        "192.0.2.0/24",
        "--allowed-ip",
        "2001:db8::1",
    ];
    let second = run(&db, &[&args[..], &["--login", "ann"]].concat(), "пароль 😀\nmore\n");
    assert_eq!(second.line(), "2");

    let rows = run(&db, &["access", "list", "--json"], "").json();
    let wanted = json!([
        { "id": 1, "customer_id": 7, "account_ids": [], "allowed_ips": [], "login": "", "has_password": false },
        { "id": 2, "customer_id": 7, "account_ids": [5], "allowed_ips": ["192.0.2.0/24", "2001:db8::1"], "login": "ann", "has_password": true },
    ]);
    assert_eq!(rows, wanted);
    let table = run(&db, &["access", "list"], "");
    assert_eq!(
        table.line(),
        "ID  CUSTOMER  LOGIN  PASSWORD  ACCOUNTS  ADDRESSES\n\
         1   7                          all       any\n\
         2   7         ann    set       5         192.0.2.0/24,2001:db8::1"
    );
    let stored = stored(&db, 2).await;
    assert!(stored.starts_with("$argon2id$v=19$"), "{stored}");
    assert!(StoredHash::parse(&stored).unwrap().matches("пароль 😀"));

    for (args, refusal) in [
        (&["--login", "ann"][..], "access 2 has the login \"ann\" already"),
        (&["--id", "2"], "access 2 is there already: remove it first, or leave out --id"),
        (
            &["--account", "00000000-0000-4000-8000-000000000000"],
            "customer 7 has no account 00000000-0000-4000-8000-000000000000",
        ),
        (&["--login", "bob"], "the password is empty"),
    ] {
        let ran = run(&db, &[&["access", "add", "--customer", "7"], args].concat(), "");
        assert_eq!(ran.refusal(), refusal);
    }
    let other = run(&db, &["access", "add", "--customer", "8", "--account", account], "");
    assert_eq!(other.refusal(), format!("customer 8 has no account {account}"));
    assert_eq!(run(&db, &["access", "add", "--customer", "7", "--allowed-ip", "300.0.0.1"], "").code, 2);

    assert_eq!(run(&db, &["access", "remove", "2"], "").line(), "removed access 2 for customer 7, login \"ann\"");
    assert_eq!(run(&db, &["access", "remove", "2"], "").refusal(), "there is no access 2");
    assert_eq!(run(&db, &["access", "list", "--json"], "").json().as_array().unwrap().len(), 1);
}

#[actix_web::test]
async fn an_id_of_access_is_never_given_out_again() {
    let db = db().await;
    let account = run(&db, &["account", "add", "--customer", "7", "--name", "x"], "").line().to_owned();
    for id in ["1", "2", "3"] {
        assert_eq!(run(&db, &["access", "add", "--customer", "7", "--login", id], "secret\n").line(), id);
    }
    for id in ["2", "3"] {
        run(&db, &["access", "remove", id], "").line();
    }
    // Nothing of a removed row is left but its id, and that admits nobody: not customer 0 either.
    let kept = "SELECT count() FROM api_access FINAL WHERE id > 1 AND (customer_id != 0 OR login != '' OR password_hash != '')";
    assert_eq!(db.admin.query_raw(kept).fetch_one::<u64>().await.unwrap(), 0);
    let again = run(&db, &["access", "add", "--customer", "8", "--id", "3"], "");
    assert_eq!(again.refusal(), "access 3 was removed, and tokens for it may still be about: leave out --id");
    assert_eq!(run(&db, &["access", "remove", "3"], "").refusal(), "there is no access 3");
    assert_eq!(run(&db, &["access", "add", "--customer", "8"], "").line(), "4");
    let rows = run(&db, &["access", "list", "--json"], "").json();
    let ids: Vec<u64> = rows.as_array().unwrap().iter().map(|row| row["id"].as_u64().unwrap()).collect();
    assert_eq!(ids, [1, 4]);
    let path = format!("/api/rest/customer/v1/outgoing-active-calls?account-id={account}");
    // A query of the operator's own may read the rows that are left, too.
    for query in ["", "SELECT * FROM api_access FINAL"] {
        let again = Db { admin: db.admin.clone(), reader: db.reader.clone(), database: db.database.clone() };
        let app = TestApp::over(again, |config| config.accounts.access_query = query.to_owned()).await;
        for (id, status) in [(1, 200), (2, 401), (3, 401), (4, 400)] {
            assert_eq!(app.get(&path, &app.sign(&Issue::Access(id), 60)).await.status, status, "{id} {query}");
        }
    }
}

#[actix_web::test]
async fn a_password_is_set_by_id_or_login() {
    let db = db().await;
    run(&db, &["access", "add", "--customer", "7", "--login", "ann"], "first\n").line();
    run(&db, &["access", "add", "--customer", "7", "--login", "1"], "first\n").line();
    run(&db, &["access", "add", "--customer", "7"], "").line();
    assert_eq!(
        run(&db, &["access", "password", "ann"], "second\r\n").line(),
        "password of access 1, login \"ann\", set"
    );
    assert!(StoredHash::parse(&stored(&db, 1).await).unwrap().matches("second"));
    assert_eq!(run(&db, &["access", "password", "2"], "third").line(), "password of access 2, login \"1\", set");
    assert!(StoredHash::parse(&stored(&db, 2).await).unwrap().matches("third"));
    // What is a login to one row and an id to another is neither.
    let unclear = run(&db, &["access", "password", "1"], "fourth\n");
    assert!(unclear.refusal().starts_with("1 may be access 1 or access 2"), "{}", unclear.err);
    assert_eq!(
        run(&db, &["access", "password", "nobody"], "x\n").refusal(),
        "there is no access with the id or login \"nobody\""
    );
    assert_eq!(
        run(&db, &["access", "password", "3"], "x\n").refusal(),
        "access 3 has no login: set one with `cdrscope access set 3 --login NAME`"
    );
    let long = run(&db, &["access", "password", "ann"], &"x".repeat(1025));
    assert_eq!(long.refusal(), "the password is longer than 1024 bytes");
}

#[actix_web::test]
async fn what_the_commands_add_works_at_once_for_a_service_that_starts() {
    let db = db().await;
    let account = run(&db, &["account", "add", "--customer", "7", "--name", "x"], "").line().to_owned();
    run(&db, &["access", "add", "--customer", "7", "--login", "ann"], "right\n").line();
    let app = TestApp::over(db, |_| ()).await;
    let body = json!({ "auth": { "login": "ann", "password": "right" } }).to_string();
    let reply = send(app.request("POST", "/api/rest/customer/v1/auth").body(body)).await;
    let token = reply.json()["jwt"].as_str().unwrap().to_owned();
    let path = format!("/api/rest/customer/v1/outgoing-active-calls?account-id={account}");
    assert_eq!(app.get(&path, &token).await.status, 200);
}

#[actix_web::test]
async fn an_account_is_added_with_its_side_and_currency() {
    let db = db().await;
    run(
        &db,
        &["account", "add", "--id", "3", "--customer", "7", "--name", "x", "--side", "termination", "--currency", "2"],
        "",
    )
    .line();
    run(&db, &["account", "add", "--customer", "7", "--name", "y"], "").line();
    let rows: serde_json::Value = serde_json::from_str(&run(&db, &["account", "list", "--json"], "").out).unwrap();
    let said = |place: usize| (rows[place]["side"].clone(), rows[place]["currency_id"].clone());
    assert_eq!([said(0), said(1)], [(json!("termination"), json!(2)), (json!(""), json!(null))]);
    let table = run(&db, &["account", "list"], "").out;
    assert!(table.contains("termination") && table.contains("both"), "{table}");
    let ran = run(&db, &["account", "add", "--customer", "7", "--name", "z", "--side", "upside"], "");
    assert!(ran.code == 2 && ran.err.contains("upside") && ran.err.contains("origination"), "{}", ran.err);
}

#[actix_web::test]
async fn the_commands_refuse_where_a_query_stands_in_place_of_the_table() {
    let db = db().await;
    for (args, table, key) in [
        (["account", "list", "--accounts-query"], "accounts", "accounts.query"),
        (["access", "list", "--accounts-access-query"], "api_access", "accounts.access_query"),
    ] {
        let ran = run(&db, &[&args[..], &["SELECT 1"]].concat(), "");
        let wanted = format!(
            "cdrscope: {key} is set, so the table {table} is not read: change the rows where that query finds them"
        );
        assert_eq!((ran.code, ran.err.trim_end()), (2, wanted.as_str()));
    }
}

#[actix_web::test]
async fn the_commands_say_what_to_do_where_the_tables_are_missing() {
    let db = Db { database: "there_is_none".into(), ..db().await };
    let wanted = "there is no database there_is_none: run `cdrscope migrate`";
    assert_eq!(run(&db, &["account", "list"], "").refusal(), wanted);
    assert_eq!(run(&db, &["access", "add", "--customer", "7"], "").refusal(), wanted);
}

async fn stored(db: &Db, id: u32) -> String {
    let sql = format!("SELECT password_hash FROM api_access FINAL WHERE id = {id}");
    db.admin.query_raw(&sql).fetch_one().await.unwrap()
}

#[actix_web::test]
async fn only_a_token_that_is_made_with_debug_may_ask_for_plans() {
    let db = db().await;
    let mut config = Config::default();
    config.auth.secret = Secret::new(SECRET);
    let keys = Keys::new(&config.auth).unwrap();
    for (args, debug) in [(&[][..], false), (&["--debug"], true)] {
        let ran = run(&db, &[&["token", "--customer", "7"], args].concat(), "");
        let grant =
            Grant { customer_id: 7, account_ids: vec![], allowed_ips: vec![], debug, sides: None, export: None };
        assert_eq!(keys.verify(ran.line(), time::OffsetDateTime::now_utc()), Ok(Subject::Grant(grant)));
    }
    let row = run(&db, &["token", "--access", "1", "--debug"], "");
    assert_eq!((row.code, row.out.as_str()), (2, ""), "{}", row.err);
}

#[actix_web::test]
async fn a_token_is_made_with_the_right_to_calls_or_without() {
    let db = db().await;
    let mut config = Config::default();
    config.auth.secret = Secret::new(SECRET);
    let keys = Keys::new(&config.auth).unwrap();
    for (args, export) in [(&[][..], None), (&["--may", "export"], Some(true)), (&["--may", "none"], Some(false))] {
        let ran = run(&db, &[&["token", "--customer", "7"], args].concat(), "");
        let Subject::Grant(grant) = keys.verify(ran.line(), time::OffsetDateTime::now_utc()).unwrap() else { panic!() };
        assert_eq!(grant.export, export, "{args:?}");
    }
    for args in [["--customer", "7", "--may", "cost"], ["--access", "1", "--may", "export"]] {
        assert_eq!(run(&db, &[&["token"], &args[..]].concat(), "").code, 2, "{args:?}");
    }
}

#[actix_web::test]
async fn a_limit_that_a_tokens_row_would_not_keep_is_refused() {
    let db = db().await;
    let account = Uuid::new_v4().to_string();
    for limit in [["--account", &account], ["--allowed-ip", "192.0.2.1"]] {
        for whose in [&["--access", "1"][..], &[]] {
            let ran = run(&db, &[&["token"], whose, &limit].concat(), "");
            assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{whose:?} {limit:?}: {}", ran.err);
        }
    }
}

/// The token's end, of the JSON that `token --json` prints, in seconds from now.
fn lasts(ran: &Ran) -> i64 {
    ran.json()["expires"].as_i64().unwrap() - time::OffsetDateTime::now_utc().unix_timestamp()
}

#[actix_web::test]
async fn a_token_says_when_it_ends_and_stands_for_rows_that_are_there() {
    let db = db().await;
    for (ttl, seconds, words) in
        [("90", 90, "90 seconds"), ("15m", 900, "15 minutes"), ("1h", 3600, "1 hour"), ("7d", 604_800, "1 week")]
    {
        let args = ["token", "--customer", "7", "--ttl", ttl];
        let plain = run(&db, &args, "");
        assert_eq!(plain.line().split('.').count(), 3, "the token alone is on stdout");
        assert!(
            plain.err.starts_with("the token ends at 2") && plain.err.trim_end().ends_with(&format!("Z, in {words}")),
            "{}",
            plain.err
        );
        let ran = run(&db, &[&args[..], &["--json"]].concat(), "");
        assert!((seconds - 60..=seconds).contains(&lasts(&ran)) && ran.err.is_empty(), "{ttl}: {}", ran.out);
        assert!(ran.json()["token"].is_string() && ran.json()["expires_at"].as_str().unwrap().ends_with('Z'));
    }
    for bad in ["0", "1y", "-1h", "", "99999999w"] {
        assert_eq!(run(&db, &["token", "--customer", "7", &format!("--ttl={bad}")], "").code, 2, "{bad}");
    }
    let unknown = run(&db, &["token", "--access", "1"], "");
    assert_eq!(unknown.refusal(), "there is no access 1: `cdrscope access list` shows them");
    assert_eq!(run(&db, &["access", "add", "--customer", "7"], "").line(), "1");
    run(&db, &["token", "--access", "1"], "").line();
    run(&db, &["access", "remove", "1"], "").line();
    let removed = run(&db, &["token", "--access", "1"], "");
    assert_eq!(removed.refusal(), "access 1 was removed: `cdrscope access add` makes another");
    insert(&db.admin, "api_access", r#"{"id":2,"customer_id":7,"allowed_ips":["300.0.0.1"]}"#).await;
    let odd = run(&db, &["token", "--access", "2"], "");
    assert!(odd.code == 1 && odd.err.contains("cdrscope: access 2 admits nobody"), "{}", odd.err);
    // Where ClickHouse is not at hand nobody looks.
    let away = Db { database: "there_is_none".into(), ..db };
    assert_eq!(run(&away, &["token", "--access", "1"], "").code, 1);
    run(&away, &["token", "--access", "1", "--unchecked"], "").line();
}

#[actix_web::test]
async fn access_is_changed_in_place_and_keeps_its_customer_and_password() {
    let db = db().await;
    let accounts: Vec<String> = ["5", "6"]
        .iter()
        .map(|id| run(&db, &["account", "add", "--customer", "7", "--name", "x", "--id", id], "").line().to_owned())
        .collect();
    run(&db, &["access", "add", "--customer", "7", "--login", "ann", "--account", &accounts[0]], "first\n").line();
    run(&db, &["access", "add", "--customer", "7"], "").line();
    let set = |args: &[&str]| run(&db, &[&["access", "set"], args].concat(), "");
    assert_eq!(
        set(&["1", "--account", &accounts[1], "--allowed-ip", "192.0.2.0/24"]).line(),
        "access 1 for customer 7: accounts 6, addresses 192.0.2.0/24, login \"ann\""
    );
    assert!(StoredHash::parse(&stored(&db, 1).await).unwrap().matches("first"));
    assert_eq!(
        set(&["1", "--all-accounts", "--any-ip", "--login", "bob"]).line(),
        "access 1 for customer 7: accounts all, addresses any, login \"bob\""
    );
    assert!(StoredHash::parse(&stored(&db, 1).await).unwrap().matches("first"));
    assert_eq!(
        set(&["2", "--login", "ann"]).line(),
        "access 2 for customer 7: accounts all, addresses any, login \"ann\" without a password: \
         `cdrscope access password 2` sets one"
    );
    assert!(set(&["1", "--no-login"]).line().ends_with("no login"));
    assert_eq!(stored(&db, 1).await, "");
    assert_eq!(set(&["1", "--login", "ann"]).refusal(), "access 2 has the login \"ann\" already");
    assert_eq!(set(&["9", "--any-ip"]).refusal(), "there is no access 9");
    let other = Uuid::new_v4().to_string();
    assert_eq!(set(&["1", "--account", &other]).refusal(), format!("customer 7 has no account {other}"));
    for usage in [&["1"][..], &["1", "--any-ip", "--allowed-ip", "192.0.2.1"], &["1", "--login", "x", "--no-login"]] {
        assert_eq!(set(usage).code, 2, "{usage:?}");
    }
    run(&db, &["access", "remove", "1"], "").line();
    assert_eq!(set(&["1", "--any-ip"]).refusal(), "there is no access 1");
    assert_eq!(run(&db, &["access", "list", "--json"], "").json().as_array().unwrap().len(), 1);
}

#[actix_web::test]
async fn an_account_is_renamed_and_stays_the_same_otherwise() {
    let db = db().await;
    run(&db, &["account", "add", "--id", "3", "--customer", "7", "--name", "x", "--side", "termination"], "").line();
    let before = run(&db, &["account", "list", "--json"], "").json();
    let renamed = run(&db, &["account", "rename", "3", "Їжак"], "");
    assert_eq!(renamed.line(), "account 3 is \"Їжак\" and no longer \"x\"");
    let mut wanted = before[0].clone();
    wanted["name"] = json!("Їжак");
    assert_eq!(run(&db, &["account", "list", "--json"], "").json(), json!([wanted]));
    assert_eq!(run(&db, &["account", "rename", "4", "y"], "").refusal(), "there is no account 4");
}

#[actix_web::test]
async fn check_ends_with_what_to_do_next() {
    let db = db().await;
    let next = |db: &Db, code: i32| {
        let ran = run(db, &["check"], "");
        assert_eq!(ran.code, code, "{}", ran.out);
        assert!(!ran.out.contains('\u{1b}'), "colours are for terminals");
        let (plain, json) = (ran.out.lines().last().unwrap().to_owned(), run(db, &["check", "--json"], ""));
        let found: Value = serde_json::from_str(&json.out).unwrap();
        assert_eq!((json.code, found["ok"].as_bool()), (code, Some(code == 0)));
        assert_eq!(plain, format!("next   {}", found["next"].as_str().unwrap()));
        assert!(found["checks"].as_array().unwrap().iter().any(|check| check["what"] == "settings"));
        plain
    };
    assert_eq!(next(&db, 0), "next   add an account: cdrscope account add --customer ID --id NUMBER --name NAME");
    run(&db, &["account", "add", "--customer", "7", "--name", "x"], "").line();
    assert!(next(&db, 0).starts_with("next   let a customer in: cdrscope access add --customer ID"));
    run(&db, &["access", "add", "--customer", "7"], "").line();
    assert_eq!(next(&db, 0), "next   start the service: cdrscope serve");
    let away = Db { database: "there_is_none".into(), ..db };
    let last = next(&away, 1);
    assert!(last.contains("run `cdrscope migrate`") && last.ends_with("; then run `cdrscope check` again"), "{last}");
}

#[actix_web::test]
async fn health_and_demo_answer_scripts_in_json() {
    let app = TestApp::start(|_| ()).await;
    let listen = app.url.strip_prefix("http://").unwrap();
    let db = app.same_db(engine());
    let ran = run(&db, &["health", "--json", "--http-listen", listen], "");
    assert_eq!(ran.json(), json!({ "ready": true, "address": listen, "status": 200 }));
    let ran = run(&db, &["health", "--json", "--http-listen", "127.0.0.1:1"], "");
    let found: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!((ran.code, found), (1, json!({ "ready": false, "address": "127.0.0.1:1", "status": null })));
    let made = run(&db, &["demo", "--calls", "50", "--json"], "").json();
    assert_eq!(made["calls"], 50);
}
