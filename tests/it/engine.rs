//! The embedded engine: who may do what in it, and what happens when it or its owner dies.

use std::fs::{self, File};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use cdrscope::embedded::{EmbeddedEngine, EngineAccess, EngineError, EngineOptions, Login};
use reqwest::{Client, StatusCode};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::{TempDir, tempdir};

use crate::support::eventually;

const BINARY: &str = env!("CARGO_BIN_EXE_cdrscope");

fn options(dir: &Path) -> EngineOptions {
    EngineOptions {
        data_dir: dir.to_owned(),
        program: None,
        cache: std::env::var_os("CDRSCOPE_ENGINE_CACHE").map(Into::into),
        launcher: BINARY.into(),
        timezone: None,
    }
}

async fn started() -> (TempDir, EmbeddedEngine) {
    let dir = tempdir().unwrap();
    let engine = EmbeddedEngine::start(options(dir.path())).await.unwrap();
    (dir, engine)
}

/// No connection is kept: an open one delays the engine's stop by seconds.
fn http() -> Client {
    Client::builder().pool_max_idle_per_host(0).build().unwrap()
}

async fn try_ask(url: &str, login: &Login, sql: &str) -> reqwest::Result<(StatusCode, String)> {
    let request = http().post(url).header("X-ClickHouse-User", &login.user).header("X-ClickHouse-Key", &login.password);
    let answer = request.body(sql.to_owned()).send().await?;
    Ok((answer.status(), answer.text().await?.trim_end().to_owned()))
}

/// The answer to a statement that must succeed.
async fn ask(engine: &EmbeddedEngine, login: &Login, sql: &str) -> String {
    let (status, text) = try_ask(engine.url(), login, sql).await.unwrap();
    assert_eq!(status, StatusCode::OK, "{sql}: {text}");
    text
}

/// ClickHouse's code for a statement, or a setting in the URL, that must fail.
async fn refusal(url: &str, login: &Login, sql: &str) -> String {
    let (status, text) = try_ask(url, login, sql).await.unwrap();
    assert_ne!(status, StatusCode::OK, "{sql} {url}: {text}");
    text.trim_start_matches("Code: ").split('.').next().unwrap_or_default().to_owned()
}

/// `cdrscope engine` as a process of its own, killed with the test.
pub struct Owner(Child);

impl Owner {
    pub async fn started(dir: &Path) -> (Self, EngineAccess) {
        let mut command = Command::new(BINARY);
        command.args(["engine", "--engine-data-dir"]).arg(dir).stdout(Stdio::null()).stderr(Stdio::null());
        let owner = Self(command.spawn().unwrap());
        let access = eventually("the engine of cdrscope engine", || async {
            let access = EngineAccess::of_running(dir).await.ok().flatten()?;
            try_ask(&access.url, &access.reader, "SELECT 1").await.ok().map(|_| access)
        });
        let access = access.await;
        (owner, access)
    }

    pub fn kill(mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        // Fails only when it is gone already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The engine's own note of its process number, beside its data.
fn engine_pid(dir: &Path) -> u32 {
    let status = fs::read_to_string(dir.join("clickhouse/status")).unwrap();
    status.lines().find_map(|line| line.strip_prefix("PID: ")).unwrap().parse().unwrap()
}

fn is_running(pid: u32) -> bool {
    // A process that has ended but whose parent has not asked for its status is a zombie, Z: it holds nothing more.
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with('Z'))
}

#[tokio::test]
async fn the_engine_comes_up_and_answers_as_admin_and_as_reader() {
    let (dir, engine) = started().await;
    for login in [engine.admin(), engine.reader()] {
        assert_eq!(ask(&engine, login, "SELECT currentUser(), timezone()").await, format!("{}\tUTC", login.user));
    }
    assert_eq!(engine.pid(), Some(engine_pid(dir.path())));
    let pid = engine.pid().unwrap();
    engine.stop().await;
    assert!(!is_running(pid));
    // Stopped well: the directory is free, and the engine had nothing to complain of.
    assert!(EngineAccess::of_running(dir.path()).await.unwrap().is_none());
    assert_eq!(fs::read_to_string(dir.path().join("engine.log")).unwrap().trim(), "");
}

#[tokio::test]
async fn the_engine_can_live_in_another_time_zone() {
    let dir = tempdir().unwrap();
    let options = EngineOptions { timezone: Some("Asia/Tokyo".to_owned()), ..options(dir.path()) };
    let engine = EmbeddedEngine::start(options).await.unwrap();
    assert_eq!(ask(&engine, engine.reader(), "SELECT toString(toDateTime(0))").await, "1970-01-01 09:00:00");
}

#[tokio::test]
async fn the_reader_can_read_and_set_limits_within_bounds() {
    let (_dir, engine) = started().await;
    let (admin, reader) = (engine.admin(), engine.reader());
    for sql in ["CREATE DATABASE d", "CREATE TABLE d.t (a UInt8) ORDER BY a", "INSERT INTO d.t VALUES (7)"] {
        ask(&engine, admin, sql).await;
    }
    for (sql, answer) in [
        ("SELECT a FROM d.t SETTINGS max_threads = 1", "7"),
        ("SELECT 1 SETTINGS max_execution_time = 3600, max_memory_usage = 1000000000, max_result_rows = 9", "1"),
        ("SELECT sum(rows) FROM system.parts WHERE database = 'd'", "1"),
        ("SELECT name FROM system.tables WHERE database = 'd'", "t"),
        ("SELECT name FROM system.columns WHERE database = 'd'", "a"),
    ] {
        assert_eq!(ask(&engine, reader, sql).await, answer, "{sql}");
    }
    for setting in ["max_execution_time=3601", "max_execution_time=0", "max_memory_usage=0", "readonly=0", "readonly=1"]
    {
        let code = refusal(&format!("{}/?{setting}", engine.url()), reader, "SELECT 1").await;
        assert!(["452", "164"].contains(&code.as_str()), "{setting}: {code}");
    }
}

#[tokio::test]
async fn the_reader_can_neither_write_nor_reach_files_hosts_or_secrets() {
    let (dir, engine) = started().await;
    ask(&engine, engine.admin(), "CREATE TABLE t (a UInt8) ORDER BY a").await;
    let outfile = dir.path().join("out");
    for sql in [
        "INSERT INTO t VALUES (1)",
        "CREATE TABLE u (a UInt8) ORDER BY a",
        "CREATE TEMPORARY TABLE u (a UInt8)",
        "ALTER TABLE t DELETE WHERE 1",
        "DROP TABLE t",
        "SYSTEM STOP LISTEN HTTP",
        "KILL QUERY WHERE 1",
        "SELECT * FROM file('/etc/passwd', 'LineAsString', 'line String')",
        "SELECT * FROM `/etc/passwd`",
        "SELECT * FROM url('http://127.0.0.1:1/', 'LineAsString', 'line String')",
        "SELECT * FROM remote('127.0.0.1', system.one)",
        "SELECT * FROM executable('id', 'TSV', 'line String')",
        &format!("SELECT 1 INTO OUTFILE '{}'", outfile.display()),
        "BACKUP TABLE t TO File('/tmp/never')",
        "SELECT * FROM system.users",
        "SELECT * FROM system.processes",
        "SELECT * FROM system.server_settings",
        "SELECT * FROM merge('system', 'users')",
        "SHOW CREATE USER admin",
    ] {
        let code = refusal(engine.url(), engine.reader(), sql).await;
        assert!(["497", "164", "358"].contains(&code.as_str()), "{sql}: {code}");
    }
    assert!(!outfile.exists());
}

#[tokio::test]
async fn nobody_gets_in_without_the_password_of_one_of_the_two_users() {
    let (dir, engine) = started().await;
    let reader = engine.reader();
    let wrong = Login { user: reader.user.clone(), password: "wrong".to_owned() };
    let who = "SELECT currentUser()";
    for login in [
        String::new(),
        "default".into(),
        "admin".into(),
        "reader".into(),
        format!("{}x", reader.user),
        format!("x{}", reader.user),
    ]
    .map(|user| Login { user, password: String::new() })
    {
        assert_eq!(try_ask(engine.url(), &login, who).await.unwrap().0, StatusCode::NOT_FOUND, "{login:?}");
    }
    assert_eq!(refusal(engine.url(), &wrong, who).await, "516");
    // No header at all, and the other ways in which ClickHouse takes a name.
    let url = engine.url();
    let bare = http().post(url).body(who);
    let in_url = http().post(format!("{url}/?user=default&password=")).body(who);
    let basic = http().post(url).basic_auth("default", Some("")).body(who);
    for request in [bare, in_url, basic] {
        assert_eq!(request.send().await.unwrap().status(), StatusCode::NOT_FOUND);
    }
    // A second name beside the header that opens the door.
    let named = |url: &str| http().post(url).header("X-ClickHouse-User", &reader.user).body(who);
    let in_url = named(&format!("{url}/?user=default&password="));
    let basic = named(url).basic_auth("default", Some(""));
    let twice = named(url).header("X-ClickHouse-User", "default");
    for request in [in_url, basic, twice] {
        let answer = request.send().await.unwrap();
        assert_ne!(answer.status(), StatusCode::OK);
        assert!(answer.text().await.unwrap().starts_with("Code: 516"));
    }
    for path in ["play", "dashboard", "metrics", "replicas_status"] {
        let answer = http().get(format!("{url}/{path}")).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::NOT_FOUND, "{path}");
    }
    // The passwords are for the directory's owner.
    for name in ["access.json", "engine.log"] {
        use std::os::unix::fs::PermissionsExt;
        let mode = fs::metadata(dir.path().join(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
}

#[tokio::test]
async fn a_killed_engine_is_back_by_itself_with_its_data() {
    let (_dir, engine) = started().await;
    ask(&engine, engine.admin(), "CREATE TABLE t (a UInt64) ORDER BY a").await;
    ask(&engine, engine.admin(), "INSERT INTO t SELECT number FROM numbers(1000)").await;
    for _ in 0..2 {
        let pid = engine.pid().unwrap();
        kill_process(Pid::from_raw(pid.try_into().unwrap()).unwrap(), Signal::KILL).unwrap();
        let sum = eventually("the engine's restart", || async {
            let (status, text) = try_ask(engine.url(), engine.reader(), "SELECT sum(a) FROM t").await.ok()?;
            (engine.pid() != Some(pid) && status == StatusCode::OK).then_some(text)
        });
        assert_eq!(sum.await, "499500");
    }
}

#[tokio::test]
async fn a_second_start_on_the_same_directory_is_refused_at_once() {
    let (dir, engine) = started().await;
    let began = Instant::now();
    let error = EmbeddedEngine::start(options(dir.path())).await.unwrap_err().to_string();
    assert!(began.elapsed() < Duration::from_secs(10));
    let (path, pid) = (dir.path().display(), std::process::id());
    assert_eq!(
        error,
        format!("data directory {path} is in use by process {pid}; stop it, or choose another with engine.data_dir")
    );
    let access = EngineAccess::of_running(dir.path()).await.unwrap().unwrap();
    assert_eq!((access.url.as_str(), access.admin.password), (engine.url(), engine.admin().password.clone()));
    drop(engine);
    // The new one waits for the old one's end.
    EmbeddedEngine::start(options(dir.path())).await.unwrap();
}

#[tokio::test]
async fn a_command_that_comes_while_the_engine_starts_gets_the_new_address() {
    let (dir, engine) = started().await;
    let old = engine.admin().password.clone();
    engine.stop().await;
    let path = dir.path().to_owned();
    let starting = tokio::spawn(async move { EmbeddedEngine::start(options(&path)).await.unwrap() });
    let found = eventually("the new engine", || async { EngineAccess::of_running(dir.path()).await.unwrap() }).await;
    let engine = starting.await.unwrap();
    assert_ne!(found.admin.password, old);
    assert_eq!((found.url.as_str(), &found.admin.password), (engine.url(), &engine.admin().password));
}

#[tokio::test]
async fn the_log_of_a_running_engine_is_put_aside_when_it_is_long() {
    let (dir, engine) = started().await;
    let log = dir.path().join("engine.log");
    fs::OpenOptions::new().append(true).open(&log).unwrap().set_len((10 << 20) + 1).unwrap();
    eventually("the cut", || async { (fs::metadata(&log).unwrap().len() == 0).then_some(()) }).await;
    assert_eq!(fs::metadata(dir.path().join("engine.log.old")).unwrap().len(), (10 << 20) + 1);
    assert_eq!(ask(&engine, engine.reader(), "SELECT 1").await, "1");
}

#[tokio::test]
async fn kill_9_of_the_parent_leaves_no_process_behind() {
    let dir = tempdir().unwrap();
    let (owner, access) = Owner::started(dir.path()).await;
    let pid = engine_pid(dir.path());
    assert!(is_running(pid));
    owner.kill();
    // The lock goes with the process's last handle.
    let lock = File::open(dir.path().join("engine.lock")).unwrap();
    eventually("the engine's end", || async { lock.try_lock().ok() }).await;
    assert!(!is_running(pid));
    let answer = try_ask(&access.url, &access.reader, "SELECT 1").await;
    assert!(answer.is_err());
}

#[tokio::test]
async fn a_start_after_kill_9_waits_for_the_engine_that_is_still_stopping() {
    let dir = tempdir().unwrap();
    let (owner, access) = Owner::started(dir.path()).await;
    let (url, admin) = (&access.url, &access.admin);
    for sql in ["CREATE TABLE t (a UInt8) ORDER BY a", "INSERT INTO t VALUES (42)"] {
        try_ask(url, admin, sql).await.unwrap();
    }
    // A query that runs keeps the dying engine busy for some seconds.
    let slow = "SELECT sleepEachRow(1) FROM numbers(60) SETTINGS max_block_size = 1, \
                function_sleep_max_microseconds_per_block = 0";
    let (slow_url, slow_admin) = (url.clone(), admin.clone());
    let query = tokio::spawn(async move { try_ask(&slow_url, &slow_admin, slow).await });
    eventually("the slow query", || async {
        let count = "SELECT count() FROM system.processes WHERE query LIKE '%sleepEachRow(1)%'";
        try_ask(url, admin, count).await.ok().filter(|(_, text)| text == "2").map(|_| ())
    })
    .await;
    let pid = engine_pid(dir.path());
    owner.kill();
    assert!(is_running(pid));
    let engine = EmbeddedEngine::start(options(dir.path())).await.unwrap();
    assert!(!is_running(pid));
    assert_eq!(ask(&engine, engine.reader(), "SELECT a FROM t").await, "42");
    assert!(query.await.unwrap().is_err());
}

#[tokio::test]
async fn a_directory_of_a_later_cdrscope_is_refused() {
    let dir = tempdir().unwrap();
    let layout = dir.path().join("layout");
    fs::write(&layout, "2 7.1.0\n").unwrap();
    let error = EmbeddedEngine::start(options(dir.path())).await.unwrap_err().to_string();
    assert!(
        error.ends_with(
            "has layout 2, this cdrscope knows 1: run cdrscope 7.1.0 or later, or choose another with engine.data_dir"
        ),
        "{error}"
    );
    fs::write(&layout, "something else").unwrap();
    let error = EmbeddedEngine::start(options(dir.path())).await.unwrap_err();
    assert!(matches!(error, EngineError::Damaged { .. }), "{error}");
}

#[tokio::test]
async fn a_directory_that_cannot_be_made_is_one_clear_line() {
    let dir = tempdir().unwrap();
    let file = dir.path().join("file");
    fs::write(&file, "").unwrap();
    let error = EmbeddedEngine::start(options(&file.join("data"))).await.unwrap_err().to_string();
    assert!(error.starts_with("cannot write in the data directory ") && error.contains("Not a directory"), "{error}");
    assert!(error.ends_with("; choose another with engine.data_dir") && error.lines().count() == 1, "{error}");
}

#[tokio::test]
async fn an_engine_that_ends_at_once_is_quoted() {
    let dir = tempdir().unwrap();
    let broken = dir.path().join("libchdb.so");
    fs::write(&broken, "no library").unwrap();
    let options = EngineOptions { program: Some(broken), ..options(&dir.path().join("data")) };
    let error = EmbeddedEngine::start(options).await.unwrap_err().to_string();
    assert!(error.starts_with("the ClickHouse engine did not come up: cannot load "), "{error}");
    assert!(error.contains("libchdb.so: ") && error.lines().count() == 1, "{error}");
}

#[test]
fn no_engine_at_all_is_one_clear_line() {
    let dir = tempdir().unwrap();
    let mut command = Command::new(BINARY);
    command.args(["engine", "--engine-data-dir"]).arg(dir.path().join("data"));
    // No program on PATH, and a cache that is empty.
    command.env_clear().env("PATH", dir.path()).env("XDG_CACHE_HOME", dir.path());
    let output = command.output().unwrap();
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success());
    let line = text.lines().find(|line| line.contains("no ClickHouse engine found")).unwrap_or_default();
    assert!(line.contains("run scripts/fetch-engine.sh, install the official clickhouse program"), "{text}");
}
