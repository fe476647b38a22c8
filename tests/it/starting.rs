//! How the program starts, and how it says why it does not (contract 6): the binary itself, as a user runs it.

use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Output, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use cdrscope::config::Config;
use cdrscope::config::value::Secret;
use cdrscope::migrate::MIGRATIONS;
use cdrscope::token::{Issue, Keys, Subject};
use rustix::process::{Pid, Signal, kill_process};
use time::OffsetDateTime;

use crate::hostile::program::command;
use crate::support::app::API;
use crate::support::{db, engine, insert};

const SECRET: &str = "a secret of the test, long enough to sign with";

fn run(args: &[&str], env: &[(&str, &str)]) -> Output {
    command(args, env).output().unwrap()
}

/// Exit code and what the program complained of; log lines are no complaint.
fn complaint(args: &[&str], env: &[(&str, &str)]) -> (i32, Vec<String>) {
    let output = run(args, env);
    assert!(output.stdout.is_empty(), "{output:?}");
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(!text.contains("panicked"), "{text}");
    let lines = text.lines().filter_map(|line| line.strip_prefix("cdrscope: ")).map(str::to_owned).collect();
    (output.status.code().unwrap(), lines)
}

/// Flags that point the program at the tests' engine.
fn server(database: &str, admin: bool) -> Vec<String> {
    let login = if admin { engine().admin() } else { engine().reader() };
    let password = secret_file(&login.password);
    [("url", engine().url()), ("user", &login.user), ("password-file", &password), ("database", database)]
        .map(|(key, value)| format!("--clickhouse-{key}={value}"))
        .to_vec()
}

/// A file with a secret in it, which no flag takes.
fn secret_file(secret: &str) -> String {
    let name: String = format!("{secret:?}").bytes().map(|byte| format!("{byte:02x}")).collect();
    let path =
        Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("secret-{}", &name[name.len().saturating_sub(150)..]));
    // Whole at any time, as tests run side by side.
    let own = path.with_extension(uuid::Uuid::new_v4().to_string());
    std::fs::write(&own, secret).unwrap();
    std::fs::rename(own, &path).unwrap();
    path.display().to_string()
}

fn with<'a>(first: &[&'a str], more: &'a [String]) -> Vec<&'a str> {
    first.iter().copied().chain(more.iter().map(String::as_str)).collect()
}

fn write(dir: &Path, name: &str, text: &str) -> String {
    let path = dir.join(name);
    std::fs::write(&path, text).unwrap();
    path.display().to_string()
}

#[test]
fn every_wrong_setting_is_listed_with_where_it_stands_and_the_exit_code_is_2() {
    let dir = tempfile::tempdir().unwrap();
    let file = write(
        dir.path(),
        "c.toml",
        "[http]\nlisten = \"here\"\nlissen = \"127.0.0.1:0\"\n\n[reports]\nacd_unit = \"hours\"\n[what]\nx = 1\n",
    );
    let env = [
        ("CDRSCOPE_LIMITS_MAX_BUCKETS", "many"),
        ("CDRSCOPE_HTTP_LISTN", "127.0.0.1:0"),
        ("CDRSCOPE_HTTP_TRUSTED_PROXIES", "10.0.0.0/8,x"),
    ];
    let args = ["serve", "--config", &file, "--limits-query-seconds", "soon", "--reports-time-zone", "Europe/Kiew"];
    let (code, lines) = complaint(&args, &env);
    assert_eq!(code, 2);
    let expected = [
        format!("{file}:2: bad value for http.listen: expected an address and port such as 127.0.0.1:8080"),
        format!("{file}:3: unknown setting http.lissen"),
        format!("{file}:6: bad value for reports.acd_unit: expected one of: minutes, seconds"),
        format!("{file}:8: unknown setting what.x"),
        "CDRSCOPE_HTTP_LISTN: unknown setting".into(),
        "CDRSCOPE_HTTP_TRUSTED_PROXIES: bad value for http.trusted_proxies: expected addresses or networks such as 10.0.0.0/8".into(),
        "CDRSCOPE_LIMITS_MAX_BUCKETS: bad value for limits.max_buckets: expected a whole number".into(),
        "--reports-time-zone: bad value for reports.time_zone: expected an IANA time zone such as Europe/Kyiv".into(),
        "--limits-query-seconds: bad value for limits.query_seconds: expected a whole number".into(),
    ];
    assert_eq!(lines, expected);
}

#[test]
fn a_file_that_is_missing_or_no_toml_is_one_line() {
    let dir = tempfile::tempdir().unwrap();
    let broken = write(dir.path(), "broken.toml", "[http]\nlisten = \n");
    let missing = dir.path().join("missing.toml").display().to_string();
    for (file, place) in [(&broken, format!("{broken}:2: ")), (&missing, format!("{missing}: cannot read it: "))] {
        for (args, env) in
            [(vec!["serve", "--config", file], vec![]), (vec!["serve"], vec![("CDRSCOPE_CONFIG", file.as_str())])]
        {
            let (code, lines) = complaint(&args, &env);
            assert_eq!((code, lines.len()), (2, 1), "{lines:?}");
            assert!(lines[0].starts_with(&place), "{lines:?}");
        }
    }
}

#[test]
fn a_secret_is_needed_long_enough_and_readable_and_never_printed() {
    let dir = tempfile::tempdir().unwrap();
    let missing = dir.path().join("secret").display().to_string();
    for (args, env, line) in [
        (
            vec!["serve"],
            vec![],
            "auth.secret is not set: give auth.secret or auth.secret_file (32 bytes or more)".to_owned(),
        ),
        (
            vec!["token", "--access", "1"],
            vec![],
            "auth.secret is not set: give auth.secret or auth.secret_file (32 bytes or more)".into(),
        ),
        (
            vec!["serve"],
            vec![("CDRSCOPE_AUTH_SECRET", "hush-hush")],
            "auth.secret: too short: HS256 wants at least 32 bytes (RFC 7518, 3.2)".into(),
        ),
        (
            vec!["serve", "--auth-secret-file", &missing],
            vec![],
            format!("auth.secret_file: cannot read {missing}: No such file or directory (os error 2)"),
        ),
        (
            vec!["serve", "--clickhouse-password-file", &missing],
            vec![("CDRSCOPE_AUTH_SECRET", SECRET)],
            format!("clickhouse.password_file: cannot read {missing}: No such file or directory (os error 2)"),
        ),
    ] {
        assert_eq!(complaint(&args, &env), (2, vec![line]));
    }
    let (_, lines) = complaint(
        &["serve"],
        &[("CDRSCOPE_AUTH_SECRET", "hush-hush"), ("CDRSCOPE_CLICKHOUSE_PASSWORD", "quiet"), ("CDRSCOPE_X", "1")],
    );
    assert!(!lines.concat().contains("hush") && !lines.concat().contains("quiet"), "{lines:?}");
}

/// A key of the operator's must not open customers' paths, whatever the file is called.
#[test]
fn a_key_for_customers_and_the_operator_alike_stops_the_start() {
    let dir = tempfile::tempdir().unwrap();
    let fixture = format!("{}/tests/it/fixtures/ec/public.pem", env!("CARGO_MANIFEST_DIR"));
    let copy = write(dir.path(), "copy.pem", &(std::fs::read_to_string(&fixture).unwrap() + "\n"));
    let flags =
        ["serve", "--auth-algorithm", "ES256", "--operator-algorithm", "ES256", "--operator-public-key-file", &copy];
    for (flag, value) in [("--auth-public-key-file", fixture.clone()), ("--auth-public-keys", format!("k1={fixture}"))]
    {
        let (code, lines) = complaint(&[&flags[..], &[flag, &value]].concat(), &[]);
        assert_eq!((code, lines.len()), (2, 1), "{lines:?}");
        assert!(lines[0].starts_with("a key in operator.… is one of auth's"), "{lines:?}");
    }
}

#[test]
fn keys_that_config_names_but_that_do_not_read_stop_the_start() {
    let dir = tempfile::tempdir().unwrap();
    let (missing, wrong) = (dir.path().join("key").display().to_string(), write(dir.path(), "wrong.pem", "no key"));
    let fixture = |name: &str| format!("{}/tests/it/fixtures/{name}", env!("CARGO_MANIFEST_DIR"));
    let ec = fixture("ec/public.pem");
    for (algorithm, flag, value, begins) in [
        ("RS256", "--auth-public-key-file", missing.clone(), format!("auth.public_key_file: cannot read {missing}: ")),
        (
            "ES256",
            "--auth-public-key-file",
            wrong.clone(),
            format!("auth.public_key_file: {wrong} holds no PEM key for ES256"),
        ),
        (
            "RS256",
            "--auth-public-key-file",
            ec.clone(),
            format!("auth.public_key_file: {ec} holds no PEM key for RS256"),
        ),
        ("ES256", "--auth-public-keys", ec.clone(), format!("auth.public_keys: expected kid=file, not {ec}")),
        (
            "RS256",
            "--auth-secret-file",
            secret_file(SECRET),
            "auth.algorithm: RS256 and ES256 need auth.public_key_file".into(),
        ),
    ] {
        let (code, lines) = complaint(&["serve", "--auth-algorithm", algorithm, flag, &value], &[]);
        assert_eq!((code, lines.len()), (2, 1), "{lines:?}");
        assert!(lines[0].starts_with(&begins), "{lines:?}");
    }
}

#[test]
fn flags_win_over_environment_over_file_and_secrets_come_from_files() {
    let dir = tempfile::tempdir().unwrap();
    let secret = |name: &str| format!("{name}: {SECRET}");
    let file = write(dir.path(), "c.toml", &format!("[auth]\nsecret = \"{}\"\n", secret("file")));
    let secret_file = write(dir.path(), "secret", &format!("{}\n", secret("secret file")));
    let (env, flag) = (secret("env"), write(dir.path(), "flag", &secret("flag")));
    let signed_with = |args: &[&str], env: &[(&str, &str)], expected: &str| {
        let output = run(&[&["token", "--customer", "5", "--ttl", "60", "--config", &file], args].concat(), env);
        assert!(output.status.success(), "{output:?}");
        let mut auth = Config::default().auth;
        auth.secret = Secret::new(expected);
        let token = String::from_utf8(output.stdout).unwrap();
        let subject = Keys::new(&auth).unwrap().verify(token.trim_end(), OffsetDateTime::now_utc());
        assert!(matches!(subject, Ok(Subject::Grant(grant)) if grant.customer_id == 5), "{expected}");
    };
    signed_with(&[], &[], &secret("file"));
    signed_with(&[], &[("CDRSCOPE_AUTH_SECRET", &env)], &secret("env"));
    signed_with(&["--auth-secret-file", &flag], &[("CDRSCOPE_AUTH_SECRET_FILE", &secret_file)], &secret("flag"));
    signed_with(&["--auth-secret-file", &secret_file], &[], &secret("secret file"));
    signed_with(&[], &[("CDRSCOPE_AUTH_SECRET_FILE", &secret_file)], &secret("secret file"));
}

#[test]
fn usage_mistakes_exit_2_and_help_and_version_exit_0() {
    for args in [
        &[][..],
        &["nonsense"],
        &["serve", "--nonsense"],
        &["serve", "extra"],
        &["token"],
        &["serve", "--config"],
        &["--config", "x", "serve"],
    ] {
        let output = run(args, &[]);
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert!(output.stdout.is_empty() && !output.stderr.is_empty(), "{args:?}");
    }
    let text = |args: &[&str]| {
        let output = run(args, &[]);
        assert_eq!(output.status.code(), Some(0), "{args:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    for command in ["serve", "migrate", "token", "demo", "engine"] {
        assert!(text(&["--help"]).contains(command), "{command}");
        assert!(text(&[command, "--help"]).contains("--config"), "{command}");
    }
    assert!(text(&["serve", "--help"]).contains("--http-listen"));
    let version = env!("CARGO_PKG_VERSION");
    assert_eq!(text(&["-V"]), format!("cdrscope {version}\n"));
    let long = text(&["--version"]);
    let lines: Vec<&str> = long.lines().collect();
    assert_eq!(lines[0], format!("cdrscope {version}"));
    // Builds for development name no commit: they would be compiled again at each.
    let schema = format!("schema    {}", MIGRATIONS.len());
    let begins = ["commit    not recorded", "engine    2", &schema, "features  manual, s3"];
    assert!(lines.len() == 5 && lines[1..].iter().zip(begins).all(|(line, begin)| line.starts_with(begin)), "{long}");
}

#[test]
fn a_clickhouse_that_cannot_be_reached_or_refuses_the_login_is_one_line_and_exit_code_1() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let away = format!("http://{free}");
    for args in [
        &["serve"][..],
        &["migrate"],
        &["token", "--customer", "7", "--account", "06a59fec-e7d9-11f0-932e-0a63caf27539"],
    ] {
        let env = [("CDRSCOPE_AUTH_SECRET", SECRET)];
        let found = complaint(&[args, &["--clickhouse-url", &away]].concat(), &env);
        let line =
            format!("cannot reach ClickHouse at {away}: Connection refused (os error 111); check clickhouse.url");
        assert_eq!(found, (1, vec![line]), "{args:?}");
    }
    for (user, password) in [(engine().reader().user.as_str(), "wrong"), ("nobody", "")] {
        let login = [("url", engine().url()), ("user", user)].map(|(key, value)| format!("--clickhouse-{key}={value}"));
        let env = [("CDRSCOPE_AUTH_SECRET", SECRET), ("CDRSCOPE_CLICKHOUSE_PASSWORD", password)];
        let (code, lines) = complaint(&with(&["serve"], &login), &env);
        assert_eq!((code, lines.len()), (1, 1), "{lines:?}");
        assert!(lines[0].contains(engine().url()) && lines[0].contains("check clickhouse."), "{lines:?}");
    }
}

#[actix_web::test]
async fn a_taken_port_is_one_line_and_exit_code_1() {
    let (taken, db) = (TcpListener::bind("127.0.0.1:0").unwrap(), db().await);
    let address = taken.local_addr().unwrap().to_string();
    let (code, lines) = complaint(
        &with(&["serve", "--http-listen", &address], &server(&db.database, false)),
        &[("CDRSCOPE_AUTH_SECRET", SECRET)],
    );
    assert_eq!((code, lines.len()), (1, 1), "{lines:?}");
    assert!(
        lines[0].starts_with(&format!("cannot listen on {address}: "))
            && lines[0].ends_with("choose another with http.listen"),
        "{lines:?}"
    );
}

/// A service of the binary, stopped by SIGTERM.
struct Serving(Child);

impl Serving {
    /// Waits for the line that says where it listens.
    fn started(args: &[&str]) -> (Self, String) {
        let (serving, url, _) = Self::logging(args, &[]);
        (serving, url)
    }

    /// The same, and what it logs from then on.
    fn logging(args: &[&str], env: &[(&str, &str)]) -> (Self, String, Receiver<String>) {
        let mut child = command(args, env).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let url = lines.find_map(|line| Some(line.unwrap().split_once("listening on ")?.1.to_owned())).unwrap();
        // What it logs from now on must not fill the pipe, whether or not anybody wants it.
        let (sender, log) = channel();
        std::thread::spawn(move || lines.map_while(Result::ok).for_each(|line| drop(sender.send(line))));
        (Self(child), url, log)
    }

    fn stop(mut self) -> Option<i32> {
        let pid = Pid::from_raw(i32::try_from(self.0.id()).unwrap()).unwrap();
        kill_process(pid, Signal::TERM).unwrap();
        self.0.wait().unwrap().code()
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        // Fails only when it has ended.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[actix_web::test]
async fn a_missing_or_older_schema_is_refused_by_naming_migrate_which_makes_it() {
    let database = format!("t_{}", uuid::Uuid::new_v4().simple());
    let (reader, admin) = (server(&database, false), server(&database, true));
    let secret = secret_file(SECRET);
    let serve = with(&["serve", "--auth-secret-file", &secret, "--http-listen", "127.0.0.1:0"], &reader);
    assert_eq!(complaint(&serve, &[]), (1, vec![format!("there is no database {database}: run `cdrscope migrate`")]));
    let migrated = |expected: &str| {
        let output = run(&with(&["migrate"], &admin), &[]);
        assert!(output.status.success(), "{output:?}");
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(text.contains(expected), "{text}");
    };
    migrated("applied 0001_cdrs\n");
    migrated(&format!("database {database} is up to date\n"));
    let (serving, url) = Serving::started(&serve);
    for path in ["/health/live", "/health/ready"] {
        assert_eq!(reqwest::get(format!("{url}{path}")).await.unwrap().status(), 200, "{path}");
    }
    assert_eq!(reqwest::get(format!("{url}/api/rest/customer/v1/origination-statistics")).await.unwrap().status(), 401);
    assert_eq!(serving.stop(), Some(0));
    // An older one: the last step has not run.
    let login = engine().admin();
    let client = cdrscope::store::client(engine().url(), &login.user, &login.password).with_database(&database);
    let forget = "DELETE FROM schema_migrations WHERE number = (SELECT max(number) FROM schema_migrations)";
    client.query_raw(forget).execute().await.unwrap();
    let (code, lines) = complaint(&serve, &[]);
    assert_eq!((code, lines.len()), (1, 1), "{lines:?}");
    assert!(lines[0].starts_with("the schema lacks ") && lines[0].ends_with(": run `cdrscope migrate`"), "{lines:?}");
}

#[actix_web::test]
async fn at_level_debug_the_log_says_what_each_statement_reads_under_its_requests_id() {
    let db = db().await;
    let account = uuid::Uuid::new_v4();
    insert(&db.admin, "accounts", &format!(r#"{{"id":1,"uuid":"{account}","customer_id":7}}"#)).await;
    let reader = server(&db.database, false);
    let secret = secret_file(SECRET);
    let serve = with(&["serve", "--auth-secret-file", &secret, "--http-listen", "127.0.0.1:0"], &reader);
    let (serving, url, log) = Serving::logging(&serve, &[("CDRSCOPE_LOG", "cdrscope=debug")]);
    let mut config = Config::default();
    config.auth.secret = Secret::new(SECRET);
    let issue = Issue::Grant { customer_id: 7, account_ids: vec![], allowed_ips: vec![], debug: false };
    let token = Keys::new(&config.auth).unwrap().sign(&issue, OffsetDateTime::now_utc(), 60).unwrap();
    let question =
        format!("account-id={account}&from-time=2026-01-01T00:00:30Z&to-time=2026-01-01T00:02:59Z&sampling=minute");
    for report in ["origination-statistics-quality", "termination-statistics-quality"] {
        let request = reqwest::Client::new().get(format!("{url}{API}/{report}?{question}"));
        let id = format!("find-{report}");
        let answer = request.header("Authorization", &token).header("X-Request-Id", &id).send().await.unwrap();
        assert_eq!(answer.status(), 200);
        let found = loop {
            let line = log.recv_timeout(Duration::from_secs(10)).unwrap();
            if line.contains(&format!("request {id}: query ")) {
                break line;
            }
        };
        let told = found.split_once(&format!(": {report}: ")).unwrap().1;
        // The memory reads whole chunks of time, and all seconds of the minute that the window cuts through.
        let order = if report.starts_with("termination") { "by_vendor" } else { "calls" };
        assert_eq!(
            told,
            format!(
                "source=both; pieces={order}[2026-01-01T00:00:00Z..2026-01-01T00:01:00Z) \
                 minutes[2026-01-01T00:00:00Z..2026-01-01T04:00:00Z)"
            )
        );
    }
    assert_eq!(serving.stop(), Some(0));
}

#[actix_web::test]
async fn the_demo_neither_mixes_with_somebodys_calls_nor_overwrites_their_accounts() {
    let db = db().await;
    let secret = secret_file(SECRET);
    let demo =
        ["serve", "--demo", "--demo-calls", "100", "--auth-secret-file", &secret, "--http-listen", "127.0.0.1:0"];
    let server = server(&db.database, true);
    insert(&db.admin, "api_access", r#"{"id":1,"customer_id":7}"#).await;
    let line = "api_access holds rows that are not the demo's under ids that it uses: \
                give the demo a database of its own (clickhouse.database)";
    for command in [&["demo", "--calls", "100"][..], &demo] {
        assert_eq!(complaint(&with(command, &server), &[]), (1, vec![line.to_owned()]));
    }
    insert(&db.admin, "cdrs", r#"{"id":1,"time_start":1767571200}"#).await;
    let mut child = command(&with(&demo, &server), &[]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let lines = BufReader::new(child.stderr.take().unwrap()).lines().map(Result::unwrap);
    let log: Vec<String> = lines.take_while(|line| !line.contains("listening on")).collect();
    assert!(log.iter().any(|line| line.ends_with("no calls are made up beside them")), "{log:?}");
    // Whoever got a token would see their calls.
    let mut said = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    assert!(said.next().unwrap().starts_with("The page: http://"));
    assert!(said.next().unwrap().starts_with("These are no made-up calls."));
    child.kill().unwrap();
    child.wait().unwrap();
}

#[actix_web::test]
async fn the_demo_answers_while_its_calls_are_made() {
    let db = db().await;
    let args = ["serve", "--demo", "--demo-calls", "1000", "--http-listen", "127.0.0.1:0"];
    let server = server(&db.database, true);
    let mut child = command(&with(&args, &server), &[]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut log = BufReader::new(child.stderr.take().unwrap()).lines().map(Result::unwrap);
    let url = log.find_map(|line| Some(line.split_once("listening on ")?.1.to_owned())).unwrap();
    assert!(log.any(|line| line.ends_with("making 1000 calls, the latest first")));
    assert_eq!(reqwest::get(format!("{url}/health/live")).await.unwrap().status(), 200);
    assert!(log.any(|line| line.ends_with("1000 calls made")));
    assert!(log.any(|line| line.ends_with("the demo's calls are made")));
    // The page's address came first, then a customer's token and the operator's.
    let mut said = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    assert!(said.next().unwrap().ends_with(&format!("{url}/")));
    let tokens: Vec<String> = said.filter(|line| line.starts_with("eyJ")).take(2).collect();
    assert_eq!(tokens.len(), 2);
    let calls: u64 = db.admin.query_raw("SELECT countIf(is_last_cdr = 1) FROM cdrs").fetch_one().await.unwrap();
    assert!(calls >= 1000, "{calls}");
    child.kill().unwrap();
    child.wait().unwrap();
}

#[actix_web::test]
async fn a_token_of_the_demo_stays_good_over_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data").to_string_lossy().into_owned();
    let args = ["serve", "--demo", "--demo-calls", "10", "--http-listen", "127.0.0.1:0", "--engine-data-dir", &data];
    let mut earlier = Vec::new();
    for _ in 0..2 {
        let mut child = command(&args, &[]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut log = BufReader::new(child.stderr.take().unwrap()).lines().map(Result::unwrap);
        let url = log.find_map(|line| Some(line.split_once("listening on ")?.1.to_owned())).unwrap();
        std::thread::spawn(move || log.for_each(drop));
        let said = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
        let tokens: Vec<String> = said.filter(|line| line.starts_with("eyJ")).take(2).collect();
        for (token, path) in earlier.iter().zip(["/api/rest/customer/v1/accounts", "/api/rest/operator/v1/definitions"])
        {
            let asked = reqwest::Client::new().get(format!("{url}{path}")).header("Authorization", token).send().await;
            assert_eq!(asked.unwrap().status(), 200, "{path}");
        }
        earlier = tokens;
        kill_process(Pid::from_child(&child), Signal::INT).unwrap();
        assert!(child.wait().unwrap().success());
    }
}

#[actix_web::test]
async fn a_level_of_the_log_that_does_not_read_is_refused_and_info_is_the_default() {
    let env = |level: &'static str| [("CDRSCOPE_AUTH_SECRET", SECRET), ("CDRSCOPE_LOG", level)];
    for bad in ["inof", "cdrscope", "cdrscope=loud", "info,,debug"] {
        let (code, lines) = complaint(&["token", "--customer", "7"], &env(bad));
        assert!(code == 2 && lines.len() == 1 && lines[0].starts_with("CDRSCOPE_LOG: bad value "), "{lines:?}");
    }
    // A request that is none is noise of strangers: info shows it as little as the default does.
    let db = db().await;
    let server = server(&db.database, false);
    let args = with(&["serve", "--http-listen", "127.0.0.1:0"], &server);
    let noise = |level: Option<&str>| {
        let level = level.map(|level| ("CDRSCOPE_LOG", level));
        let env: Vec<_> = level.into_iter().chain([("CDRSCOPE_AUTH_SECRET", SECRET)]).collect();
        let (serving, url, log) = Serving::logging(&args, &env);
        let mut stranger = std::net::TcpStream::connect(url.strip_prefix("http://").unwrap()).unwrap();
        std::io::Write::write_all(&mut stranger, b"no request at all\r\n\r\n").unwrap();
        std::io::Read::read_to_end(&mut stranger, &mut Vec::new()).unwrap();
        assert_eq!(serving.stop(), Some(0));
        log.iter().any(|line| line.contains("actix_http"))
    };
    assert!(!noise(None) && !noise(Some("info")));
    assert!(noise(Some("info,actix_http=trace")), "a request that is none would be seen");
}
