//! The parent's end of the child process.

use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};

use rustix::pty::OpenptFlags;

use super::child::CHILD_COMMAND;
use super::find::Program;
use super::link::{EngineAccess, Login};
use super::listener::Listener;
use super::{EngineError, journal, settings};

/// All it takes to start an engine, and to start it again.
#[derive(Debug)]
pub(super) struct Launch {
    pub(super) program: Program,
    pub(super) launcher: PathBuf,
    pub(super) timezone: String,
    pub(super) dir: PathBuf,
    pub(super) lock: File,
}

/// An engine's process.
#[derive(Debug)]
pub(super) struct Process {
    child: Child,
    /// Our end of its terminal.
    terminal: Option<OwnedFd>,
}

impl Process {
    pub(super) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Its status, if it has ended.
    pub(super) fn try_wait(&mut self) -> io::Result<Option<ExitStatus>> {
        self.child.try_wait()
    }

    /// Closes what keeps it running: it stops cleanly, as it does when this process ends.
    pub(super) fn let_go(&mut self) {
        drop(self.child.stdin.take());
        drop(self.terminal.take());
    }

    pub(super) fn kill(&mut self) -> io::Result<()> {
        self.child.kill()
    }

    /// Waits for the end of one that was killed.
    pub(super) fn wait(&mut self) -> io::Result<()> {
        self.child.wait().map(drop)
    }
}

/// The port and the users of an engine that does not listen yet.
#[derive(Debug)]
pub(super) struct Start {
    port: u16,
    admin: Login,
    reader: Login,
}

impl Start {
    /// The access, once the engine listens. Until then the port may be anybody's.
    pub(super) fn access(&self, process: &Process) -> Option<EngineAccess> {
        // One that has just ended shows nothing.
        let listener = Listener::of(process.id(), self.port).ok().flatten()?;
        let url = format!("http://127.0.0.1:{}", self.port);
        Some(EngineAccess { url, admin: self.admin.clone(), reader: self.reader.clone(), listener })
    }
}

impl Launch {
    /// Starts an engine with a port and users that no start before had.
    pub(super) fn start(&self) -> Result<(Process, Start), EngineError> {
        let start = Start { port: free_port()?, admin: Login::generate("admin"), reader: Login::generate("reader") };
        settings::write(&self.dir, start.port, &start.admin, &start.reader)?;
        Ok((self.spawn(start.port)?, start))
    }

    fn spawn(&self, port: u16) -> Result<Process, EngineError> {
        let (terminal, name) = open_terminal().map_err(EngineError::Terminal)?;
        let mut command = Command::new(&self.launcher);
        command.arg(CHILD_COMMAND).arg("--data-dir").arg(&self.dir).arg("--port").arg(port.to_string());
        command.arg("--terminal").arg(name);
        match &self.program {
            Program::Official(path) => command.arg("--is-program").arg("--engine").arg(path),
            Program::Library(path) => command.arg("--engine").arg(path),
        };
        // The environment may hold secrets, and SQL can read it as a file.
        command.env_clear();
        if let Some(folders) = std::env::var_os("LD_LIBRARY_PATH") {
            command.env("LD_LIBRARY_PATH", folders);
        }
        // The lock goes down as the standard output, which the engine does not use: it is held until both ends are
        // gone. A group of its own keeps the terminal's Ctrl-C for the parent, which stops the engine in its order.
        let lock = self.lock.try_clone().map_err(EngineError::Child)?;
        command
            .env("TZ", &self.timezone)
            .env("TERM", "dumb")
            .env("CLICKHOUSE_HISTORY_FILE", "/dev/null")
            .current_dir(&self.dir)
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(lock)
            .stderr(journal::open(&self.dir)?)
            .spawn()
            .map(|child| Process { child, terminal: Some(terminal) })
            .map_err(|source| EngineError::Program { path: self.launcher.clone(), source })
    }
}

/// A terminal for the child, and its name; the kernel makes it ours alone.
fn open_terminal() -> io::Result<(OwnedFd, OsString)> {
    let terminal = rustix::pty::openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC)?;
    rustix::pty::grantpt(&terminal)?;
    rustix::pty::unlockpt(&terminal)?;
    let name = rustix::pty::ptsname(&terminal, Vec::new())?;
    Ok((terminal, OsString::from_vec(name.into_bytes())))
}

fn free_port() -> Result<u16, EngineError> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .and_then(|listener| listener.local_addr())
        .map(|address| address.port())
        .map_err(EngineError::Loopback)
}
