//! Both ends of the child process: how the parent starts it, and what it does when it is the library's process.

use std::ffi::{CString, OsString, c_char, c_int, c_void};
use std::fs::File;
use std::io;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::Duration;

use super::find::Program;
use super::{EngineError, home};

/// The hidden subcommand of the cdrscope binary that runs [`child_main`].
pub const CHILD_COMMAND: &str = "engine-child";

/// How long an engine may take to stop after its pipe has closed, before it is killed.
pub(super) const STOP_LIMIT: Duration = Duration::from_secs(15);

/// Opens the listener, then reads the pipe from the parent: that ends when the parent does.
const QUERY: &str = "--query=SYSTEM START LISTEN HTTP; \
                     SELECT count() FROM file('/dev/stdin', 'LineAsString', 'line String') FORMAT Null";

/// The arguments of [`child_main`].
#[derive(Debug, clap::Args)]
pub struct ChildArgs {
    /// The engine as a shared library.
    #[arg(long)]
    library: PathBuf,
    /// The data directory, prepared by the parent.
    #[arg(long)]
    data_dir: PathBuf,
}

/// All it takes to start an engine, and to start it again.
#[derive(Debug)]
pub(super) struct Launch {
    pub(super) program: Program,
    pub(super) launcher: PathBuf,
    pub(super) timezone: String,
    pub(super) dir: PathBuf,
    pub(super) lock: File,
}

impl Launch {
    /// Starts an engine; its `stdin` is the pipe that keeps it running.
    pub(super) fn spawn(&self) -> Result<Child, EngineError> {
        let (path, mut command) = match &self.program {
            Program::Official(path) => {
                let mut command = Command::new(path);
                command.arg("local").args(arguments(&self.dir));
                (path, command)
            }
            Program::Library(library) => {
                let mut command = Command::new(&self.launcher);
                command.arg(CHILD_COMMAND).arg("--library").arg(library).arg("--data-dir").arg(&self.dir);
                (&self.launcher, command)
            }
        };
        // The environment may hold secrets, and SQL can read files, the process's environment among them.
        let kept = ["PATH", "HOME", "LD_LIBRARY_PATH"].map(|name| std::env::var_os(name).map(|value| (name, value)));
        // The lock goes down as the standard output, which the engine does not use: it is held until both ends are
        // gone. A group of its own keeps the terminal's Ctrl-C for the parent, which stops the engine in its order.
        let lock = self.lock.try_clone().map_err(EngineError::Child)?;
        command
            .env_clear()
            .envs(kept.into_iter().flatten())
            .env("TZ", &self.timezone)
            .current_dir(&self.dir)
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(lock)
            .stderr(home::open_log(&self.dir)?)
            .spawn()
            .map_err(|source| EngineError::Program { path: path.clone(), source })
    }
}

/// The arguments of `clickhouse local`.
fn arguments(dir: &Path) -> [OsString; 4] {
    let option = |name: &str, value: PathBuf| {
        let mut text = OsString::from(name);
        text.push(value);
        text
    };
    [
        option("--config-file=", dir.join("engine.xml")),
        option("--path=", dir.join("clickhouse")),
        "--multiquery".into(),
        QUERY.into(),
    ]
}

/// The library's answer.
#[repr(C)]
struct Answer {
    buf: *mut c_char,
    len: usize,
    vec: *mut c_void,
    elapsed: f64,
    rows_read: u64,
    bytes_read: u64,
    error_message: *mut c_char,
}

/// `clickhouse local` as a function: returns when the command has ended.
type Main = unsafe extern "C" fn(c_int, *mut *mut c_char) -> *mut Answer;

/// Runs the engine in this process until the pipe on `stdin` closes. Call it before anything else is started.
#[must_use]
pub fn child_main(args: ChildArgs) -> ExitCode {
    match run(&args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("{message}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: &ChildArgs) -> Result<(), String> {
    std::thread::Builder::new()
        .name("watchdog".to_owned())
        .spawn(end_with_the_parent)
        .map_err(|error| format!("cannot start the watchdog: {error}"))?;
    let broken = |error: libloading::Error| format!("cannot load {}: {error}", args.library.display());
    // SAFETY: loading runs the library's initialisers; it is the engine the parent chose, and nothing of ours runs
    // beside it but the watchdog.
    let library = unsafe { libloading::Library::new(&args.library) }.map_err(broken)?;
    // SAFETY: `Main` and `Answer` are the library's own declaration of this symbol.
    let main = unsafe { library.get::<Main>(b"query_stable_v2\0") }.map_err(broken)?;
    let words = std::iter::once("clickhouse".into()).chain(arguments(&args.data_dir));
    let words: Vec<CString> = words
        .map(|word: OsString| CString::new(word.into_vec()))
        .collect::<Result<_, _>>()
        .map_err(|error| format!("the data directory's name holds a zero byte: {error}"))?;
    let count = c_int::try_from(words.len()).map_err(|error| error.to_string())?;
    // The engine may reorder the vector, as getopt does, but does not write through the pointers.
    let mut argv: Vec<*mut c_char> = words.iter().map(|word| word.as_ptr().cast_mut()).collect();
    argv.push(std::ptr::null_mut());
    // SAFETY: `argv` holds `count` C strings and a null, and lives until the call returns.
    let answer = unsafe { main(count, argv.as_mut_ptr()) };
    // SAFETY: the answer is null or points to an answer that nobody frees before the process ends.
    let error = unsafe { answer.as_ref() }.map_or(std::ptr::null_mut(), |answer| answer.error_message);
    if error.is_null() {
        return Ok(());
    }
    // SAFETY: a message that is not null is a C string.
    Err(unsafe { std::ffi::CStr::from_ptr(error) }.to_string_lossy().into_owned())
}

/// The engine stops by itself when the pipe closes; this is for the one that hangs while it does.
fn end_with_the_parent() {
    use rustix::event::{PollFd, PollFlags, poll};
    let stdin = io::stdin();
    // No events are asked for: what comes is the hang-up, and the pipe's content is the engine's.
    while matches!(poll(&mut [PollFd::new(&stdin, PollFlags::empty())], None), Err(rustix::io::Errno::INTR)) {}
    std::thread::sleep(STOP_LIMIT);
    // Not `exit`: its clean-up may hang on the same lock as the engine.
    if let Err(error) = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL) {
        eprintln!("cannot end: {error}");
    }
}
