//! The embedded engine: what it can read, who can speak to it and what ends it.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use cdrscope::embedded::{EmbeddedEngine, EngineAccess, Login};
use reqwest::StatusCode;
use rustix::net::sockopt::set_socket_linger;
use rustix::process::{Pid, Signal, kill_process};
use tempfile::{TempDir, tempdir};

use crate::support::{engine_options, eventually};

const BINARY: &str = env!("CARGO_BIN_EXE_cdrscope");

/// An engine in `data` of a directory that holds a file of somebody else's beside it.
async fn started() -> (TempDir, EmbeddedEngine) {
    let dir = tempdir().unwrap();
    fs::write(dir.path().join("secret.txt"), "sesame\n").unwrap();
    let engine = EmbeddedEngine::start(engine_options(dir.path().join("data"))).await.unwrap();
    (dir, engine)
}

async fn ask(url: &str, login: &Login, sql: &str) -> (StatusCode, String) {
    let client = reqwest::Client::builder().pool_max_idle_per_host(0).build().unwrap();
    let request = client.post(url).header("X-ClickHouse-User", &login.user).header("X-ClickHouse-Key", &login.password);
    let response = request.body(sql.to_owned()).send().await.unwrap();
    (response.status(), response.text().await.unwrap())
}

/// `cdrscope` in the background, killed with the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // Fails only when it is gone already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test]
async fn sql_reaches_no_file_but_the_engines_own() {
    let (dir, engine) = started().await;
    let data = dir.path().join("data");
    let parent = std::process::id();
    let mut paths: Vec<String> = ["access.json", "engine.xml", "users.xml", "engine.log", "layout", "owner.lock"]
        .iter()
        .flat_map(|name| [(*name).to_owned(), format!("{}/{name}", data.display()), format!("/proc/self/cwd/{name}")])
        .collect();
    paths.push(format!("{}/secret.txt", dir.path().display()));
    paths.push("../secret.txt".to_owned());
    paths.push(format!("/proc/self/root/{}/secret.txt", dir.path().display()));
    paths.push(BINARY.to_owned());
    paths.extend(["environ", "cmdline", "maps", "cwd/Cargo.toml"].map(|name| format!("/proc/{parent}/{name}")));
    paths.extend(
        [
            "/etc/passwd",
            "/etc/hostname",
            "/proc/1/cmdline",
            "/proc/self/fd/2",
            "/proc/self/environ",
            "/proc/thread-self/environ",
            "/proc/self/cmdline",
        ]
        .map(str::to_owned),
    );
    for login in [engine.admin(), engine.reader()] {
        for path in &paths {
            for sql in [
                format!("SELECT file('{path}')"),
                format!("SELECT file('{path}', 'none') = 'none' ? throwIf(1) : 0"),
                format!("SELECT * FROM file('{path}', 'LineAsString', 'line String')"),
                format!("SELECT * FROM `{path}`"),
            ] {
                let (status, text) = ask(engine.url(), login, &sql).await;
                assert_ne!(status, StatusCode::OK, "{}: {sql}: {text}", login.user);
                assert!(!text.contains("sesame"), "{sql}: {text}");
            }
        }
        // A pattern finds nothing, or is refused.
        for pattern in ["*", "../*", "{data,.}/*.json"] {
            let sql = format!("SELECT * FROM file('{}/{pattern}', 'LineAsString', 'line String')", data.display());
            let (_, text) = ask(engine.url(), login, &sql).await;
            for secret in ["sesame", &engine.admin().password, &engine.reader().password] {
                assert!(!text.contains(secret), "{sql}: {text}");
            }
        }
    }
}

#[tokio::test]
async fn sql_of_the_administrator_neither_writes_elsewhere_nor_runs_programs_nor_connects() {
    let (dir, engine) = started().await;
    let outside = dir.path().display();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let port = listener.local_addr().unwrap().port();
    let admin = engine.admin();
    for sql in ["CREATE TABLE default.t (a UInt8) ORDER BY a", "INSERT INTO default.t VALUES (1)"] {
        assert_eq!(ask(engine.url(), admin, sql).await.0, StatusCode::OK, "{sql}");
    }
    let scripts = dir.path().join("data/clickhouse/user_scripts");
    fs::create_dir_all(&scripts).unwrap();
    fs::write(scripts.join("script"), format!("#!/bin/sh\necho ran > {outside}/ran\necho ran\n")).unwrap();
    fs::set_permissions(scripts.join("script"), fs::Permissions::from_mode(0o700)).unwrap();
    for sql in [
        format!("INSERT INTO FUNCTION file('{outside}/written', 'LineAsString', 's String') SELECT 'x'"),
        format!("SELECT 'x' INTO OUTFILE '{outside}/outfile'"),
        format!("BACKUP TABLE default.t TO File('{outside}/backup')"),
        format!("CREATE TABLE default.f (line String) ENGINE = File(LineAsString, '{outside}/secret.txt')"),
        "SELECT * FROM default.f".to_owned(),
        format!(
            "CREATE DICTIONARY default.d (line String) PRIMARY KEY line \
             SOURCE(FILE(path '{outside}/secret.txt' format 'LineAsString')) LAYOUT(COMPLEX_KEY_DIRECT())"
        ),
        "SELECT * FROM default.d".to_owned(),
        format!("CREATE DATABASE fs ENGINE = Filesystem('{outside}')"),
        "SELECT * FROM fs.`secret.txt`".to_owned(),
        "SELECT * FROM executable('script', 'LineAsString', 'line String')".to_owned(),
        "SELECT * FROM executable('id', 'LineAsString', 'line String')".to_owned(),
        format!("SELECT * FROM url('http://127.0.0.1:{port}/', 'LineAsString', 'line String')"),
        format!("INSERT INTO FUNCTION url('http://127.0.0.1:{port}/', 'LineAsString', 'line String') VALUES ('x')"),
        format!("SELECT * FROM remote('127.0.0.1:{port}', 'system', 'one')"),
        format!("SELECT * FROM mysql('127.0.0.1:{port}', 'd', 't', 'u', 'p')"),
        format!("SELECT * FROM postgresql('127.0.0.1:{port}', 'd', 't', 'u', 'p')"),
        format!("SELECT * FROM redis('127.0.0.1:{port}', 'k', 'k String, v String')"),
        format!("SELECT * FROM s3('http://127.0.0.1:{port}/b/k', 'LineAsString', 'line String')"),
    ] {
        // A definition may be taken; what matters is that nothing of it comes to pass.
        let quick =
            format!("{}/?http_max_tries=1&s3_retry_attempts=0&connections_with_failover_max_tries=1", engine.url());
        let (_, text) = ask(&quick, admin, &sql).await;
        assert!(!text.contains("sesame") && !text.contains("uid=") && !text.starts_with("ran"), "{sql}: {text}");
        let connected = listener.accept().is_ok();
        assert!(!connected, "{sql} connected");
    }
    let mut names: Vec<_> = fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["data", "secret.txt"]);
}

#[tokio::test]
async fn an_official_program_is_confined_as_well() {
    let dir = tempdir().unwrap();
    let data = dir.path().join("data");
    fs::create_dir(&data).unwrap();
    fs::set_permissions(&data, fs::Permissions::from_mode(0o700)).unwrap();
    // The shell takes the command's first word, `local`, for a script in the working directory.
    fs::write(data.join("local"), format!("echo ran > {}/ran\n", dir.path().display())).unwrap();
    let mut options = engine_options(data);
    options.program = Some("/bin/sh".into());
    let error = EmbeddedEngine::start(options).await.unwrap_err().to_string();
    assert!(error.starts_with("the ClickHouse engine did not come up: ") && error.contains("local"), "{error}");
    assert!(!dir.path().join("ran").exists(), "{error}");
}

#[tokio::test]
async fn the_engines_environment_and_memory_dumps_hold_no_secrets() {
    let (_dir, engine) = started().await;
    let pid = engine.pid().unwrap();
    let environment = fs::read_to_string(format!("/proc/{pid}/environ")).unwrap();
    let names: Vec<_> = environment.split_terminator('\0').filter_map(|entry| Some(entry.split_once('=')?.0)).collect();
    assert!(
        names.iter().all(|name| ["CLICKHOUSE_HISTORY_FILE", "LD_LIBRARY_PATH", "TERM", "TZ"].contains(name)),
        "{names:?}"
    );
    let limits = fs::read_to_string(format!("/proc/{pid}/limits")).unwrap();
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
    assert_eq!(core.split_whitespace().skip(4).collect::<Vec<_>>(), ["0", "0", "bytes"]);
}

/// A listener that answers everything and keeps what it was sent.
fn stranger(address: SocketAddr, until: Instant) -> std::sync::mpsc::Receiver<String> {
    let (sender, received) = channel();
    std::thread::spawn(move || {
        let listener = loop {
            match TcpListener::bind(address) {
                Ok(listener) => break listener,
                // The engine has it still, or again.
                Err(_) if Instant::now() < until => std::thread::yield_now(),
                Err(_) => return,
            }
        };
        // Tells that the port is taken.
        drop(sender.send(String::new()));
        for stream in listener.incoming().flatten() {
            let sender = sender.clone();
            std::thread::spawn(move || serve(stream, &sender));
        }
    });
    received
}

fn serve(mut stream: TcpStream, sender: &std::sync::mpsc::Sender<String>) {
    let mut buffer = [0; 4096];
    while let Ok(length @ 1..) = stream.read(&mut buffer) {
        drop(sender.send(String::from_utf8_lossy(&buffer[..length]).into_owned()));
        if stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").is_err() {
            return;
        }
    }
}

fn kill(pid: u32) {
    kill_process(Pid::from_raw(pid.try_into().unwrap()).unwrap(), Signal::KILL).unwrap();
}

/// The engine's own note of its process number, beside its data.
fn engine_pid(data: &Path) -> Option<u32> {
    let status = fs::read_to_string(data.join("clickhouse/status")).ok()?;
    status.lines().find_map(|line| line.strip_prefix("PID: "))?.parse().ok()
}

#[tokio::test]
async fn whoever_takes_a_killed_engines_port_is_told_nothing() {
    let dir = tempdir().unwrap();
    let data = dir.path().join("data");
    let mut command = Command::new(BINARY);
    command
        .args(["serve", "--http-listen=127.0.0.1:0", "--accounts-refresh-seconds=1", "--engine-data-dir"])
        .arg(&data)
        .env("CDRSCOPE_AUTH_SECRET", crate::support::app::SECRET)
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    let mut running = Running(command.spawn().unwrap());
    let mut log = std::io::BufRead::lines(std::io::BufReader::new(running.0.stderr.take().unwrap()));
    let service =
        log.find_map(|line| Some(line.unwrap().split_once("listening on ")?.1.to_owned())).expect("it listens");
    std::thread::spawn(move || log.map_while(Result::ok).for_each(drop));
    let old = EngineAccess::of_running(&data).await.unwrap().unwrap();
    let address: SocketAddr = old.url.strip_prefix("http://").unwrap().parse().unwrap();
    let received = stranger(address, Instant::now() + Duration::from_secs(10));
    kill(engine_pid(&data).unwrap());
    assert_eq!(received.recv_timeout(Duration::from_secs(15)).unwrap(), "", "the stranger has the port");
    // Commands of the owner meet the stranger too.
    let listed = Command::new(BINARY).args(["account", "list", "--engine-data-dir"]).arg(&data).output().unwrap();
    let ready = eventually("the service's recovery", async || {
        let response = reqwest::get(format!("{service}/health/ready")).await.ok()?;
        // Until the watch has looked it may still be the answer from before.
        let access = EngineAccess::of_running(&data).await.ok()??;
        (access.url != old.url && response.status() == 200).then_some(access)
    });
    let new = ready.await;
    assert!(listed.status.success(), "{listed:?}");
    let told: Vec<String> = received.try_iter().collect();
    assert_eq!(told, Vec::<String>::new());
    let url = &new.url;
    for (old, new) in [(&old.admin, &new.admin), (&old.reader, &new.reader)] {
        assert_ne!(old.password, new.password);
        assert_ne!(old.user, new.user);
        assert_ne!(ask(url, old, "SELECT 1").await.0, StatusCode::OK);
        assert_eq!(ask(url, new, "SELECT 1").await, (StatusCode::OK, "1\n".to_owned()));
    }
}

/// Sends, reads what comes at once if `listen`, and ends the connection with a reset.
fn reset(address: SocketAddr, bytes: &[u8], listen: bool) {
    // A full backlog or an engine that has ended: the caller notices.
    let Ok(mut stream) = TcpStream::connect_timeout(&address, Duration::from_secs(2)) else { return };
    stream.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
    if stream.write_all(bytes).is_ok() && listen {
        let _ = stream.read(&mut [0; 4096]);
    }
    set_socket_linger(&stream, Some(Duration::ZERO)).unwrap();
}

#[tokio::test]
async fn resets_by_strangers_and_by_users_do_not_end_the_engine() {
    let (_dir, engine) = started().await;
    let address: SocketAddr = engine.url().strip_prefix("http://").unwrap().parse().unwrap();
    let pid = engine.pid().unwrap();
    let request = |line: &str, headers: &str| format!("{line} HTTP/1.1\r\nHost: x\r\n{headers}\r\n").into_bytes();
    let login = |user: &str, key: &str| format!("X-ClickHouse-User: {user}\r\nX-ClickHouse-Key: {key}\r\n");
    let reader = engine.reader();
    let named = login(&reader.user, "wrong");
    let known = login(&reader.user, &reader.password);
    let mut attacks =
        vec![Vec::new(), b"GET / HT".to_vec(), b"\0\xff\r\n\r\n".to_vec(), b"\x16\x03\x01\x02\0".repeat(50)];
    attacks.extend(
        ["/", "/ping", "/replicas_status", "/play", "/?user=reader", "/?query=SELECT+1"]
            .map(|path| request(&format!("GET {path}"), "")),
    );
    attacks.extend(["reader", "admin", "default"].map(|user| request("GET /", &login(user, ""))));
    attacks.push(request("GET /", "Authorization: Basic cmVhZGVyOng=\r\n"));
    attacks
        .extend(["PUT", "POST", "OPTIONS", "HEAD", "DELETE", "FOO"].map(|method| request(&format!("{method} /"), "")));
    attacks.push(request("POST /", "Expect: 100-continue\r\nContent-Length: 10\r\n"));
    attacks.push(request("POST /", "Transfer-Encoding: chunked\r\n\r\nzz\r\n"));
    attacks.push(request("GET /", &"X: y\r\n".repeat(2000)));
    attacks.extend([&named, &known].map(|headers| request("GET /?query=SELECT+1", headers)));
    attacks.push(request(
        "GET /?query=SELECT+number+FROM+numbers(300000)&wait_end_of_query=1&buffer_size=4194304",
        &known,
    ));
    attacks.push(request("POST /", &format!("{known}Content-Length: 100000\r\n\r\nSELECT 1")));
    for attack in &attacks {
        let what = String::from_utf8_lossy(attack).chars().take(60).collect::<String>();
        for listen in [true, false] {
            for _ in 0..25 {
                reset(address, attack, listen);
            }
            assert_eq!(engine.pid(), Some(pid), "{what:?}, answer read: {listen}");
        }
        assert_eq!(ask(engine.url(), reader, "SELECT 1").await.1, "1\n", "{what:?}");
        assert_eq!(engine.pid(), Some(pid), "{what:?}");
    }
}

/// What others may do something with, below a directory.
fn open_below(dir: &Path) -> Vec<PathBuf> {
    let mut open = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        let Ok(meta) = fs::symlink_metadata(&path) else { continue };
        if meta.is_dir() {
            open.extend(open_below(&path));
        }
        if !meta.is_symlink() && meta.permissions().mode() & 0o077 != 0 {
            open.push(path);
        }
    }
    open
}

/// `cdrscope engine` under `umask 000`.
fn careless(data: &Path) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", "umask 000; exec \"$0\" engine --engine-data-dir \"$1\"", BINARY]).arg(data);
    command.stdout(Stdio::null());
    command
}

#[tokio::test]
async fn nothing_in_the_data_directory_is_open_to_others_whatever_the_umask() {
    let dir = tempdir().unwrap();
    let data = dir.path().join("data");
    fs::create_dir(&data).unwrap();
    for _ in 0..2 {
        // The second time it holds what the first has left.
        fs::set_permissions(&data, fs::Permissions::from_mode(0o755)).unwrap();
        let running = Running(careless(&data).stderr(Stdio::null()).spawn().unwrap());
        let access = eventually("the engine", async || EngineAccess::of_running(&data).await.ok()?).await;
        for sql in ["CREATE OR REPLACE TABLE default.t (a UInt8) ORDER BY a", "INSERT INTO default.t VALUES (1)"] {
            let (status, text) = ask(&access.url, &access.admin, sql).await;
            assert_eq!(status, StatusCode::OK, "{sql}: {text}");
        }
        assert_eq!(fs::metadata(&data).unwrap().permissions().mode() & 0o777, 0o700);
        assert_eq!(open_below(&data), Vec::<PathBuf>::new());
        drop(running);
        eventually("its end", async || EngineAccess::of_running(&data).await.unwrap().is_none().then_some(())).await;
    }
}

#[test]
fn an_open_directory_with_files_of_somebody_elses_is_refused() {
    let dir = tempdir().unwrap();
    let data = dir.path().join("data");
    fs::create_dir(&data).unwrap();
    fs::write(data.join("thesis.tex"), "").unwrap();
    fs::set_permissions(&data, fs::Permissions::from_mode(0o755)).unwrap();
    let mut running = Running(careless(&data).stderr(Stdio::piped()).spawn().unwrap());
    let deadline = Instant::now() + Duration::from_secs(20);
    let code = loop {
        match running.0.try_wait().unwrap() {
            Some(status) => break status.code(),
            None if Instant::now() < deadline => std::thread::sleep(Duration::from_millis(20)),
            None => panic!("it was not refused"),
        }
    };
    assert_eq!(code, Some(1));
    let mut text = String::new();
    running.0.stderr.take().unwrap().read_to_string(&mut text).unwrap();
    let path = data.display();
    let line = format!(
        "cdrscope: data directory {path} is open to other users (mode 755) and holds files that are not cdrscope's: \
         run `chmod 700 {path}`, or choose another with engine.data_dir\n"
    );
    assert_eq!(text, line);
    assert_eq!(fs::metadata(&data).unwrap().permissions().mode() & 0o777, 0o755);
}
