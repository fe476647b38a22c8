//! The child process: limits itself, then becomes the engine.

use std::ffi::{CString, OsString, c_char, c_int, c_void};
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStringExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Duration;

use rustix::fs::{Mode, OFlags};

use super::home;
use super::sandbox::{self, Reach};

/// The hidden subcommand of the cdrscope binary that runs [`child_main`].
pub const CHILD_COMMAND: &str = "engine-child";

/// Longest time for an engine to stop after its pipe has closed, before it is killed.
pub(super) const STOP_LIMIT: Duration = Duration::from_secs(15);

/// The arguments of [`child_main`].
#[derive(Debug, clap::Args)]
pub struct ChildArgs {
    /// The engine, a shared library.
    #[arg(long)]
    engine: PathBuf,
    /// It is a program instead.
    #[arg(long)]
    is_program: bool,
    /// The data directory, prepared by the parent.
    #[arg(long)]
    data_dir: PathBuf,
    /// The terminal to run on; the parent has its other end.
    #[arg(long)]
    terminal: PathBuf,
    /// The port that the engine listens on.
    #[arg(long)]
    port: u16,
}

/// The arguments of `clickhouse local`.
///
/// A single client that resets its connection ends `clickhouse local` (ClickHouse #115666) unless it is interactive, with a
/// terminal as its input. So it is given one: after its queries it asks that for more, and finds that the parent has gone.
fn arguments(dir: &Path, pipe: BorrowedFd<'_>) -> Vec<OsString> {
    let option = |name: &str, value: PathBuf| {
        let mut text = OsString::from(name);
        text.push(value);
        text
    };
    // Opens the listener, then reads the pipe from the parent: that ends when the parent does.
    let query = format!(
        "--query=SYSTEM START LISTEN HTTP; \
         SELECT count() FROM file('/proc/self/fd/{}', 'LineAsString', 'line String') FORMAT Null",
        pipe.as_raw_fd()
    );
    vec![
        option("--config-file=", home::settings_path(dir)),
        option("--path=", home::data_path(dir)),
        "--interactive".into(),
        "--disable_suggestion".into(),
        "--progress=off".into(),
        "--progress-table=off".into(),
        "--multiquery".into(),
        query.into(),
    ]
}

/// Descriptors that the engine inherits in place of the parent's; held until the process ends, also through `exec`.
struct Inherited {
    /// Closes when the parent ends.
    pipe: OwnedFd,
    /// Locked by the parent.
    _lock: OwnedFd,
}

/// Moves the pipe and the lock out of the way, and puts the terminal and nothing in their place.
fn rearrange(terminal: &Path) -> io::Result<Inherited> {
    let (pipe, lock) = (rustix::io::dup(rustix::stdio::stdin())?, rustix::io::dup(rustix::stdio::stdout())?);
    let input = rustix::fs::open(terminal, OFlags::RDWR | OFlags::NOCTTY, Mode::empty())?;
    rustix::stdio::dup2_stdin(&input)?;
    let output = rustix::fs::open("/dev/null", OFlags::WRONLY, Mode::empty())?;
    rustix::stdio::dup2_stdout(&output)?;
    Ok(Inherited { pipe, _lock: lock })
}

/// The library's answer.
#[repr(C)]
struct LibraryResult {
    buf: *mut c_char,
    len: usize,
    vec: *mut c_void,
    elapsed: f64,
    rows_read: u64,
    bytes_read: u64,
    error_message: *mut c_char,
}

/// `clickhouse local` as a function: returns when the command has ended.
type Main = unsafe extern "C" fn(c_int, *mut *mut c_char) -> *mut LibraryResult;

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
    let inherited =
        rearrange(&args.terminal).map_err(|error| format!("cannot open {}: {error}", args.terminal.display()))?;
    sandbox::enter(&Reach {
        engine: &args.engine,
        is_program: args.is_program,
        settings: [home::settings_path(&args.data_dir), home::users_path(&args.data_dir)],
        data: &home::data_path(&args.data_dir),
        port: args.port,
    })?;
    let arguments = arguments(&args.data_dir, inherited.pipe.as_fd());
    if args.is_program {
        let error = Command::new(&args.engine).arg("local").args(arguments).exec();
        return Err(format!("cannot run {}: {error}", args.engine.display()));
    }
    let pipe = inherited.pipe.try_clone().map_err(|error| format!("cannot watch the parent: {error}"))?;
    std::thread::Builder::new()
        .name("watchdog".to_owned())
        .spawn(move || end_with_the_parent(&pipe))
        .map_err(|error| format!("cannot start the watchdog: {error}"))?;
    run_library(&args.engine, arguments)
}

fn run_library(path: &Path, arguments: Vec<OsString>) -> Result<(), String> {
    let broken = |error: libloading::Error| format!("cannot load {}: {error}", path.display());
    // SAFETY: loading runs the library's initialisers; it is the engine the parent chose, and nothing of ours runs
    // beside it but the watchdog.
    let library = unsafe { libloading::Library::new(path) }.map_err(broken)?;
    // SAFETY: `Main` and `LibraryResult` are the library's own declaration of this symbol.
    let main = unsafe { library.get::<Main>(b"query_stable_v2\0") }.map_err(broken)?;
    let words = std::iter::once("clickhouse".into()).chain(arguments);
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
fn end_with_the_parent(pipe: &OwnedFd) {
    use rustix::event::{PollFd, PollFlags, poll};
    // No events are asked for: what comes is the hang-up, and the pipe's content is the engine's.
    while matches!(poll(&mut [PollFd::new(pipe, PollFlags::empty())], None), Err(rustix::io::Errno::INTR)) {}
    std::thread::sleep(STOP_LIMIT);
    // Not `exit`: its clean-up may hang on the same lock as the engine.
    if let Err(error) = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL) {
        eprintln!("cannot end: {error}");
    }
}
