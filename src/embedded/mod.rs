//! The embedded engine: a real ClickHouse that cdrscope starts, watches and stops by itself.
//!
//! A child process runs the command `clickhouse local` with its HTTP listener open on a free loopback port. It is an
//! official `clickhouse` program, or the same engine as a shared library in a second process of the cdrscope binary.
//! The child reads a pipe that only its parent can write: when the parent ends, however it ends, the pipe closes and
//! the engine stops cleanly.
//!
//! Each start has a port, user names and passwords of its own, and a client of [`EngineClients`] sends them only to a
//! listener that the child has open. The child reaches its data, its program and the system's libraries, connects to
//! nobody and starts no programs (Landlock), so SQL cannot do so either.
//!
//! Contents of the data directory:
//!
//! | name | what |
//! | --- | --- |
//! | `layout` | the number of this arrangement and the cdrscope version that made it |
//! | `owner.lock` | locked while a cdrscope owns the directory; holds its process number |
//! | `engine.lock` | locked while an engine runs, even one whose owner has just died |
//! | `engine.xml`, `users.xml` | the engine's settings and users, there while it starts |
//! | `access.json` | address and logins of the running engine, for its owner's other commands; new at each start |
//! | `engine.log`, `engine.log.old` | what the engine had to say; put aside past 10 MiB |
//! | `clickhouse/` | the data |

mod child;
mod error;
mod find;
mod home;
mod journal;
mod launch;
mod link;
mod listener;
mod sandbox;
mod settings;
mod supervisor;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

pub use child::{CHILD_COMMAND, ChildArgs, child_main};
pub use error::EngineError;
pub use find::RELEASE as ENGINE_RELEASE;
pub use link::{EngineAccess, EngineClients, EngineRole, Link, Login};
pub use supervisor::restarts;

use crate::store::Clients;
use home::Home;
use launch::{Launch, Process, Start};
use supervisor::Supervisor;

/// Longest time for a fresh engine to answer.
const READY_LIMIT: Duration = Duration::from_secs(30);
/// Between two questions whether it answers.
const READY_STEP: Duration = Duration::from_millis(50);
/// Another program may take the port between our choosing it and the engine's binding it: choose again.
const PORT_TRIES: u32 = 5;

/// The options of an engine's start.
#[derive(Debug, Clone)]
pub struct EngineOptions {
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

/// A running engine, restarted when it crashes and stopped when this is dropped.
#[derive(Debug)]
pub struct EmbeddedEngine {
    link: Link,
    supervisor: Supervisor,
    /// The data directory.
    dir: PathBuf,
    /// Held until the engine is dropped: while it is locked, no other cdrscope starts on the directory.
    _owner: File,
}

impl EmbeddedEngine {
    /// Starts an engine and waits until it answers.
    pub async fn start(options: EngineOptions) -> Result<Self, EngineError> {
        let program = find::program(options.program.as_deref(), options.cache.as_deref())?;
        let Home { dir, owner, engine } = home::open(&options.data_dir).await?;
        for warning in sandbox::shortcoming().map(str::to_owned).into_iter().chain(find::warning(&program)) {
            log::warn!("{warning}");
        }
        let launch = Launch {
            program,
            launcher: options.launcher,
            timezone: options.timezone.unwrap_or_else(|| "UTC".to_owned()),
            dir,
            lock: engine,
        };
        let mut tries = 1;
        loop {
            let from = journal::rotate(&launch.dir)?;
            let (mut child, start) = launch.start()?;
            match until_ready(&mut child, &start, &launch.dir, from).await {
                Ok(access) => {
                    home::remove_settings(&launch.dir)?;
                    home::write_access(&launch.dir, &access)?;
                    log::debug!("engine answers at {} (process {})", access.url, child.id());
                    let link = Link::new(access);
                    let dir = launch.dir.clone();
                    let supervisor = Supervisor::start(launch, child, link.clone())?;
                    return Ok(Self { link, supervisor, dir, _owner: owner });
                }
                Err(EngineError::Failed { line, .. }) if tries < PORT_TRIES && is_port_taken(&line) => tries += 1,
                Err(error) => return Err(error),
            }
        }
    }

    /// The secret of that name in the data directory, out of the reach of SQL; the first time it is the given one.
    ///
    /// # Errors
    /// The file is a link, or cannot be read or written.
    pub fn kept_secret(&self, name: &str, fresh: &str) -> Result<String, EngineError> {
        home::kept_secret(&self.dir, name, fresh)
    }

    /// The way to it through all of its starts.
    #[must_use]
    pub fn link(&self) -> &Link {
        &self.link
    }

    /// The address of its latest start, `http://127.0.0.1:<port>`.
    #[must_use]
    pub fn url(&self) -> &str {
        self.link.url()
    }

    /// The user that may do everything, as of its latest start.
    #[must_use]
    pub fn admin(&self) -> &Login {
        &self.link.access().admin
    }

    /// The user that may only read, as of its latest start.
    #[must_use]
    pub fn reader(&self) -> &Login {
        &self.link.access().reader
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

fn is_port_taken(line: &str) -> bool {
    line.contains("Address already in use") || line.contains("EADDRINUSE")
}

/// Waits until the child itself listens, and answers.
async fn until_ready(child: &mut Process, start: &Start, dir: &Path, from: u64) -> Result<EngineAccess, EngineError> {
    let deadline = Instant::now() + READY_LIMIT;
    loop {
        if let Some(status) = child.try_wait().map_err(EngineError::Child)? {
            let line = journal::last_line(dir, from).unwrap_or_else(|| format!("it ended with {status}"));
            return Err(EngineError::Failed { line, log: journal::path(dir) });
        }
        if let Some(access) = start.access(child) {
            let client = Link::new(access.clone()).clients(EngineRole::Admin, "default").client();
            // Read to its end: an answer cut off stands in the engine's log as an error.
            let answer = client.query("SELECT 1").execute();
            if let Ok(Ok(())) = tokio::time::timeout(Duration::from_secs(2), answer).await {
                return Ok(access);
            }
        }
        if Instant::now() >= deadline {
            // The handles are closed with it; nothing of a half-started engine may stay behind.
            child.kill().and_then(|()| child.wait()).map_err(EngineError::Child)?;
            return Err(EngineError::Slow { seconds: READY_LIMIT.as_secs(), log: journal::path(dir) });
        }
        tokio::time::sleep(READY_STEP).await;
    }
}
