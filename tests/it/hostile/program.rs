//! The binary as an operator runs it, over the tests' engine: settings by environment, its log line by line.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::support::app::SECRET;
use crate::support::{Db, engine};

/// The program in an environment that holds nothing of cdrscope but what is given.
pub fn command(args: &[&str], env: &[(&str, &str)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cdrscope"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("CDRSCOPE_") {
            command.env_remove(name);
        }
    }
    command.args(args).envs(env.iter().copied()).stdin(Stdio::null());
    command
}

/// What a command printed and logged, and its exit code.
pub fn run(args: &[&str], env: &[(&str, &str)]) -> (Option<i32>, String) {
    let Output { status, stdout, stderr } = command(args, env).output().unwrap();
    (status.code(), String::from_utf8([stdout, stderr].concat()).unwrap())
}

/// The environment that points the program at a database of the tests' engine.
pub fn environment(db: &Db, admin: bool) -> Vec<(&str, &str)> {
    let login = if admin { engine().admin() } else { engine().reader() };
    vec![
        ("CDRSCOPE_CLICKHOUSE_URL", engine().url()),
        ("CDRSCOPE_CLICKHOUSE_USER", &login.user),
        ("CDRSCOPE_CLICKHOUSE_PASSWORD", &login.password),
        ("CDRSCOPE_CLICKHOUSE_DATABASE", &db.database),
    ]
}

/// `cdrscope serve`, stopped when it is dropped.
pub struct Served {
    child: Child,
    /// `http://127.0.0.1:port`.
    pub url: String,
    log: Receiver<String>,
    before: Vec<String>,
}

impl Served {
    /// Starts it with settings on top of the tests' own; the last of a name counts.
    pub fn start(db: &Db, more: &[(&str, &str)]) -> Self {
        let own = [
            ("CDRSCOPE_HTTP_LISTEN", "127.0.0.1:0"),
            ("CDRSCOPE_HTTP_WORKERS", "1"),
            ("CDRSCOPE_AUTH_SECRET", SECRET),
            ("CDRSCOPE_ACCOUNTS_REFRESH_SECONDS", "1"),
        ];
        let env = [&environment(db, false), &own[..], more].concat();
        Self::of(&mut command(&["serve"], &env))
    }

    /// Starts it by a command of the test's own.
    pub fn of(command: &mut Command) -> Self {
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let (sender, log) = channel();
        let lines = BufReader::new(child.stderr.take().unwrap()).lines();
        std::thread::spawn(move || lines.map_while(Result::ok).for_each(|line| drop(sender.send(line))));
        let mut served = Self { child, url: String::new(), log, before: Vec::new() };
        loop {
            let Ok(line) = served.log.recv_timeout(Duration::from_secs(15)) else {
                panic!("it does not start: {:#?}", served.before)
            };
            if let Some((_, url)) = line.split_once("listening on ") {
                served.url = url.to_owned();
                return served;
            }
            served.before.push(line);
        }
    }

    /// What it logged before it listened.
    pub fn before(&self) -> &[String] {
        &self.before
    }

    /// The next line of the log that holds a text.
    pub fn line(&self, text: &str) -> String {
        let (end, mut seen) = (Instant::now() + Duration::from_secs(15), Vec::new());
        loop {
            match self.log.recv_timeout(end.saturating_duration_since(Instant::now())) {
                Ok(line) if line.contains(text) => return line,
                Ok(line) => seen.push(line),
                Err(_) => panic!("no line with {text:?} but {seen:#?}"),
            }
        }
    }

    /// What it has logged since the last line that was looked at.
    pub fn logged(&self) -> Vec<String> {
        self.log.try_iter().collect()
    }

    /// The number of its process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_raw(i32::try_from(self.child.id()).unwrap()).unwrap(), signal).unwrap();
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        // Fails only when it has ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
