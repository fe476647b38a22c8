//! Errors of the engine: each message is one line that names the cause and the way out.

use std::io;
use std::path::{Path, PathBuf};

/// Why the engine did not start.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// Neither a program nor the library is there.
    #[error(
        "no ClickHouse engine found (looked for clickhouse on PATH and for {}): run scripts/fetch-engine.sh, \
         install the official clickhouse program, name one with engine.program, or use a server with clickhouse.url",
        .library.display()
    )]
    NotFound {
        /// Where the fetched library would be.
        library: PathBuf,
    },
    /// The named program cannot be used.
    #[error("cannot use the engine {}: {source}; name a clickhouse program or a libchdb.so with engine.program", .path.display())]
    Program {
        /// The program.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The data directory cannot be made or written.
    #[error("cannot write in the data directory {}: {source}; choose another with engine.data_dir", .path.display())]
    DataDir {
        /// The file or directory that refused.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The engine's settings are text: a path that is not cannot stand in them.
    #[error("the path {} is not valid UTF-8; choose another with engine.data_dir", .path.display())]
    NotText {
        /// The path.
        path: PathBuf,
    },
    /// The disk is full, or nearly.
    #[error("no disk space for the data directory {}: free some, or choose another with engine.data_dir", .path.display())]
    NoSpace {
        /// The data directory, or the file in it that could not be written.
        path: PathBuf,
    },
    /// Other users may look into it, and it is not ours to change.
    #[error(
        "data directory {path} is open to other users (mode {mode:o}) and holds files that are not cdrscope's: \
         run `chmod 700 {path}`, or choose another with engine.data_dir",
        path = .path.display()
    )]
    Open {
        /// The data directory.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// Another user owns it.
    #[error(
        "data directory {path} belongs to user {uid} (mode {mode:o}): if what it holds is yours, \
         run `chown $(id -u) {path}` and `chmod 700 {path}`, or choose another with engine.data_dir",
        path = .path.display()
    )]
    Owner {
        /// The data directory.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
        /// Its owner.
        uid: u32,
    },
    /// A link, a pipe, or a file of another user's where ours should be.
    #[error("{} is a link, or no file of this user's: look who made it and remove it, or choose another directory with engine.data_dir", .path.display())]
    Planted {
        /// Its path.
        path: PathBuf,
    },
    /// A living cdrscope owns the directory.
    #[error("data directory {} is in use by process {owner}; stop it, or choose another with engine.data_dir", .path.display())]
    InUse {
        /// The data directory.
        path: PathBuf,
        /// The owner's process number, as it wrote it.
        owner: String,
    },
    /// The owner has no engine yet, or none that answers.
    #[error(
        "process {owner}, which has the data directory {}, is still starting its engine after {seconds} s; try again when it \
         has, or stop it",
        .path.display()
    )]
    Starting {
        /// The data directory.
        path: PathBuf,
        /// The owner's process number, as it wrote it.
        owner: String,
        /// The time waited.
        seconds: u64,
    },
    /// The owner is gone, its engine not yet.
    #[error("the engine of an earlier cdrscope is still writing in {} after {seconds} s; try again when it has ended", .path.display())]
    StillStopping {
        /// The data directory.
        path: PathBuf,
        /// The time waited.
        seconds: u64,
    },
    /// Made by a later cdrscope.
    #[error(
        "data directory {} has layout {found}, this cdrscope knows {known}: run cdrscope {needed} or later, \
         or choose another with engine.data_dir",
        .path.display()
    )]
    Newer {
        /// The data directory.
        path: PathBuf,
        /// Its layout.
        found: u32,
        /// The latest layout that we know.
        known: u32,
        /// The version that made it.
        needed: String,
    },
    /// The layout file is not ours, or damaged.
    #[error("{} does not hold a layout number: it is no data directory of cdrscope, choose another with engine.data_dir", .path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
    },
    /// No port can be had on the loopback interface.
    #[error("no free port on 127.0.0.1 for the engine: {0}; is the loopback interface up?")]
    Loopback(#[source] io::Error),
    /// The engine needs a terminal, see `child`.
    #[error("no terminal for the engine: {0}; is /dev/pts mounted?")]
    Terminal(#[source] io::Error),
    /// The engine ended before it answered.
    #[error("the ClickHouse engine did not come up: {line} (more in {})", .log.display())]
    Failed {
        /// Its last words.
        line: String,
        /// Where the rest is.
        log: PathBuf,
    },
    /// The engine did not answer in time.
    #[error("the ClickHouse engine did not answer within {seconds} s; see {}", .log.display())]
    Slow {
        /// The time waited.
        seconds: u64,
        /// Where it may say why.
        log: PathBuf,
    },
    /// The system refuses to watch the child, or to give us a thread for it.
    #[error("cannot watch the engine's process: {0}; is the system out of processes or memory?")]
    Child(#[source] io::Error),
}

impl EngineError {
    /// A failed write below the data directory.
    pub(super) fn writing(path: &Path, source: io::Error) -> Self {
        let path = path.to_owned();
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::NoSpace { path },
            _ => Self::DataDir { path, source },
        }
    }
}
