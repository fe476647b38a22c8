//! The embedded engine: a real ClickHouse that cdrscope starts, watches and stops by itself.
//!
//! A child process runs the command `clickhouse local` with its HTTP listener open on a free loopback port. It is an
//! official `clickhouse` program, or the same engine as a shared library in a second process of the cdrscope binary.
//! The child reads a pipe that only its parent can write: when the parent ends, however it ends, the pipe closes and
//! the engine stops cleanly.
//!
//! What lives in the data directory:
//!
//! | name | what |
//! | --- | --- |
//! | `layout` | the number of this arrangement and the cdrscope version that made it |
//! | `owner.lock` | locked while a cdrscope owns the directory; holds its process number |
//! | `engine.lock` | locked while an engine runs, even one whose owner has just died |
//! | `engine.xml`, `users.xml` | the engine's settings and users, written anew at each start |
//! | `access.json` | address and passwords of the running engine, for its owner's other commands |
//! | `engine.log`, `engine.log.old` | what the engine had to say; put aside past 10 MiB |
//! | `clickhouse/` | the data |

mod child;
mod error;
mod find;
mod home;
mod settings;
mod supervisor;

use std::fs::File;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Child;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

pub use child::{CHILD_COMMAND, ChildArgs, child_main};
pub use error::EngineError;
pub use supervisor::restarts;

use child::Launch;
use home::Home;
use supervisor::Supervisor;

/// How long a fresh engine may take until it answers.
const READY_LIMIT: Duration = Duration::from_secs(30);
/// Between two questions whether it answers.
const READY_STEP: Duration = Duration::from_millis(50);
/// Another program may take the port between our choosing it and the engine's binding it: choose again.
const PORT_TRIES: u32 = 5;

/// How to start an engine.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where the engine keeps its data; made when it is not there.
    pub data_dir: PathBuf,
    /// A `clickhouse` program or a `libchdb.so` to use instead of looking for one.
    pub program: Option<PathBuf>,
    /// The folder that `scripts/fetch-engine.sh` fills; `None` is `cdrscope` in the user's cache folder.
    pub cache: Option<PathBuf>,
    /// The cdrscope binary, started again as the process that loads the library.
    pub launcher: PathBuf,
    /// The engine's time zone; `None` is UTC.
    pub timezone: Option<String>,
}

/// A user of the engine.
#[derive(Clone, Serialize, Deserialize)]
pub struct Login {
    /// The name, for `X-ClickHouse-User`.
    pub user: String,
    /// The password, for `X-ClickHouse-Key`.
    pub password: String,
}

impl Login {
    fn generate(user: &str) -> Self {
        // Two version 4 UUIDs are 244 bits from the system's random source.
        let password = format!("{}{}", uuid::Uuid::new_v4().simple(), uuid::Uuid::new_v4().simple());
        Self { user: user.to_owned(), password }
    }
}

impl std::fmt::Debug for Login {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Login").field("user", &self.user).field("password", &"[hidden]").finish()
    }
}

/// The way to a running engine. Its HTTP interface knows these two users, named in the `X-ClickHouse-User` header,
/// and nobody else.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Access {
    /// `http://127.0.0.1:<port>`.
    pub url: String,
    /// May do everything: migrations and loading.
    pub admin: Login,
    /// May read the data and set limits for its queries, within bounds: reports.
    pub reader: Login,
}

impl Access {
    /// The engine that another cdrscope runs on `data_dir` at this moment, if there is one; one that is starting is waited for.
    pub async fn of_running(data_dir: &Path) -> Result<Option<Self>, EngineError> {
        home::read_access(data_dir, home::STOPPING_LIMIT + READY_LIMIT).await
    }
}

/// A running engine, restarted when it crashes and stopped when this is dropped.
#[derive(Debug)]
pub struct Engine {
    access: Access,
    supervisor: Supervisor,
    /// Held until the engine is dropped: while it is locked, no other cdrscope starts on the directory.
    _owner: File,
}

impl Engine {
    /// Starts an engine and waits until it answers.
    pub async fn start(options: Options) -> Result<Self, EngineError> {
        let program = find::program(options.program.as_deref(), options.cache.as_deref())?;
        let Home { dir, owner, engine } = home::open(&options.data_dir).await?;
        let launch = Launch {
            program,
            launcher: options.launcher,
            timezone: options.timezone.unwrap_or_else(|| "UTC".to_owned()),
            dir,
            lock: engine,
        };
        let (admin, reader) = (Login::generate("admin"), Login::generate("reader"));
        let mut tries = 1;
        loop {
            let port = free_port()?;
            settings::write(&launch.dir, port, &admin, &reader)?;
            let access =
                Access { url: format!("http://127.0.0.1:{port}"), admin: admin.clone(), reader: reader.clone() };
            let from = home::rotate_log(&launch.dir)?;
            let mut child = launch.spawn()?;
            match until_ready(&mut child, &access, &launch.dir, from).await {
                Ok(()) => {
                    home::write_access(&launch.dir, &access)?;
                    log::debug!("engine answers at {} (process {})", access.url, child.id());
                    return Ok(Self { access, supervisor: Supervisor::start(launch, child)?, _owner: owner });
                }
                Err(EngineError::Failed { line, .. }) if tries < PORT_TRIES && is_port_taken(&line) => tries += 1,
                Err(error) => return Err(error),
            }
        }
    }

    /// Its address, `http://127.0.0.1:<port>`; the same after a crash.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.access.url
    }

    /// The user that may do everything.
    #[must_use]
    pub fn admin(&self) -> &Login {
        &self.access.admin
    }

    /// The user that may only read.
    #[must_use]
    pub fn reader(&self) -> &Login {
        &self.access.reader
    }

    /// The process that runs now; `None` between a crash and the restart.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        self.supervisor.pid()
    }

    /// Stops the engine and waits until it is gone; one that does not stop in time is killed.
    pub async fn stop(self) {
        self.supervisor.stop().await;
    }
}

fn free_port() -> Result<u16, EngineError> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .and_then(|listener| listener.local_addr())
        .map(|address| address.port())
        .map_err(EngineError::Loopback)
}

fn is_port_taken(line: &str) -> bool {
    line.contains("Address already in use") || line.contains("EADDRINUSE")
}

/// Waits for an answer that only our own engine can give: the password is known to no stranger on the same port.
async fn until_ready(child: &mut Child, access: &Access, dir: &Path, from: u64) -> Result<(), EngineError> {
    let client = clickhouse::Client::default()
        .with_url(&access.url)
        .with_user(&access.admin.user)
        .with_password(&access.admin.password);
    let deadline = Instant::now() + READY_LIMIT;
    loop {
        if let Some(status) = child.try_wait().map_err(EngineError::Child)? {
            let line = home::last_line(dir, from).unwrap_or_else(|| format!("it ended with {status}"));
            return Err(EngineError::Failed { line, log: home::log_path(dir) });
        }
        // Read to its end: an answer cut off stands in the engine's log as an error.
        let answer = client.query("SELECT 1").execute();
        if let Ok(Ok(())) = tokio::time::timeout(Duration::from_secs(2), answer).await {
            return Ok(());
        }
        if Instant::now() >= deadline {
            // The handles are closed with it; nothing of a half-started engine may stay behind.
            child.kill().and_then(|()| child.wait()).map_err(EngineError::Child)?;
            return Err(EngineError::Slow { seconds: READY_LIMIT.as_secs(), log: home::log_path(dir) });
        }
        tokio::time::sleep(READY_STEP).await;
    }
}
