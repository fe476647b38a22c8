//! The command line: one file a command. Alone writes to stdout and starts env_logger.

mod access;
mod account;
mod check;
mod connect;
mod contractor;
mod demo;
mod engine;
mod export;
mod health;
mod help;
mod load;
mod logging;
#[cfg(feature = "manual")]
mod manual;
mod migrate;
mod operator;
mod report;
mod rows;
mod screen;
mod serve;
mod settings;
mod span;
mod sql;
mod thin;
mod token;
mod version;

use std::error::Error;
use std::ffi::OsString;
use std::fmt;
use std::io::Write as _;
use std::process::ExitCode;
use std::sync::OnceLock;

use clap::{FromArgMatches as _, Parser, Subcommand};

use crate::config::Config;
use crate::config::load::ConfigError;
use crate::embedded::{ChildArgs, child_main};
use settings::Settings;

/// Call statistics (ASR, ACD, CPS) over CDRs in ClickHouse.
#[derive(Parser)]
#[command(name = "cdrscope", version, long_version = version::long(), max_term_width = 120)]
struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run the HTTP API (starts an embedded ClickHouse unless clickhouse.url is set)
    Serve(serve::Serve),
    /// Create or upgrade the database and its tables; safe to repeat
    Migrate(migrate::Migrate),
    /// Check settings, ClickHouse, schema and access, and say what to do next
    Check(check::Check),
    /// Ask a running service whether it can answer
    Health(health::Health),
    /// Sign a token and print it
    Token(token::Token),
    /// Manage accounts: uuid, owner, name
    Account(account::AccountCommand),
    /// Manage access: the rows that tokens and logins stand for
    Access(access::AccessCommand),
    /// Manage the operator's own people and what their tokens may see
    Operator(operator::OperatorCommand),
    /// Name customers and vendors, for the operator's people
    Contractor(contractor::ContractorCommand),
    /// Fill the tables with made-up CDRs
    Demo(demo::Demo),
    /// Load files of CDRs
    Load(load::Load),
    /// Write an answer of the API to a file: CDRs, a report or a breakdown
    Export(export::ExportCommand),
    /// Print a report, a breakdown or calls as a table, CSV or JSON
    Report(report::ReportCommand),
    /// Run SQL on ClickHouse: one statement, a script, or at a prompt
    Sql(sql::Sql),
    /// Empty details in old months; every report goes on giving the same figures
    Thin(thin::Thin),
    /// Run the embedded ClickHouse alone, until it is told to stop
    Engine(engine::EngineCommand),
    /// Print the completions of a shell
    #[cfg(feature = "manual")]
    Completions(manual::Completions),
    /// Write the manual pages to a directory
    #[cfg(feature = "manual")]
    Man(manual::ManualPages),
    #[command(name = crate::embedded::CHILD_COMMAND, hide = true)]
    EngineChild(ChildArgs),
}

/// Why a command ended early. It is no `Error` itself, so that every error becomes one.
#[derive(Debug)]
enum CliError {
    Cause(Box<dyn Error>),
    Usage(String),
    Failed(String),
    Rejected(String),
    Odd(u64),
}

impl<E: Error + 'static> From<E> for CliError {
    fn from(error: E) -> Self {
        Self::Cause(Box::new(error))
    }
}

impl fmt::Display for CliError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cause(cause) => cause.fmt(f),
            Self::Usage(text) | Self::Failed(text) => f.write_str(text),
            Self::Rejected(missing) => f.write_str(missing),
            Self::Odd(rows) => write!(f, "{rows} odd rows"),
        }
    }
}

/// The exit codes and their meaning, for the manual.
#[cfg(any(test, feature = "manual"))]
const EXIT_CODES: [(u8, &str); 4] = [
    (0, "done"),
    (1, "failed: a line on stderr names the cause and the way out"),
    (2, "wrong usage or wrong settings: nothing was done"),
    (3, "done, but some rows are not as they should be: load rejected rows, or check --data found odd ones"),
];

impl CliError {
    /// One of [`EXIT_CODES`].
    fn code(&self) -> ExitCode {
        ExitCode::from(match self {
            Self::Usage(_) => 2,
            Self::Cause(cause) if cause.is::<ConfigError>() => 2,
            Self::Cause(_) | Self::Failed(_) => 1,
            Self::Rejected(_) | Self::Odd(_) => 3,
        })
    }
}

/// Runs the command of a command line.
pub fn main(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let parsed = help::command().try_get_matches_from(args).and_then(|matches| Args::from_arg_matches(&matches));
    let args = match parsed {
        Ok(args) => args,
        Err(error) => {
            // Help and version go to stdout with code 0, mistakes to stderr with code 2.
            note_loss(error.print());
            return match error.exit_code() {
                0 => printed(),
                code => ExitCode::from(u8::try_from(code).unwrap_or(2)),
            };
        }
    };
    let done = match args.command {
        Command::EngineChild(args) => return child_main(args),
        Command::Serve(command) => command.run(),
        Command::Migrate(command) => command.run(),
        Command::Check(command) => command.run(),
        Command::Health(command) => command.run(),
        Command::Token(command) => command.run(),
        Command::Account(command) => command.run(),
        Command::Access(command) => command.run(),
        Command::Operator(command) => command.run(),
        Command::Contractor(command) => command.run(),
        Command::Demo(command) => command.run(),
        Command::Load(command) => command.run(),
        Command::Export(command) => command.run(),
        Command::Report(command) => command.run(),
        Command::Sql(command) => command.run(),
        Command::Thin(command) => command.run(),
        Command::Engine(command) => command.run(),
        #[cfg(feature = "manual")]
        Command::Completions(command) => command.run(),
        #[cfg(feature = "manual")]
        Command::Man(command) => command.run(),
    };
    match done {
        Ok(()) => printed(),
        Err(error) => {
            for line in error.to_string().lines() {
                let _ = writeln!(std::io::stderr(), "cdrscope: {line}");
            }
            error.code()
        }
    }
}

/// Reads the settings and starts the log.
fn configure(settings: &Settings) -> Result<Config, CliError> {
    let config = settings.load()?;
    logging::start(config.log.format, false)?;
    Ok(config)
}

/// The same, with a log of warnings only, for commands whose own lines are enough.
fn configure_quietly(settings: &Settings) -> Result<Config, CliError> {
    let config = settings.load()?;
    logging::start(config.log.format, true)?;
    Ok(config)
}

/// Logs what should not be as it is with secrets and their files.
fn warn_of_secrets(config: &Config, settings: &Settings) {
    for warning in crate::config::secrets::warnings(config, settings.file()) {
        log::warn!("{warning}");
    }
}

/// A runtime for the commands that talk to ClickHouse.
fn block_on<T>(work: impl Future<Output = Result<T, CliError>>) -> Result<T, CliError> {
    actix_web::rt::System::new().block_on(work)
}

/// Waits for SIGINT or SIGTERM.
async fn stop_signal() {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut interrupt), Ok(mut terminate)) = (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
    else {
        // Without handlers the signals end the process, and the engine with it.
        return std::future::pending().await;
    };
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
}

/// Prints a line for whoever started the command.
fn say(line: impl std::fmt::Display) {
    note_loss(writeln!(std::io::stdout(), "{line}"));
}

/// The first failure of standard output.
static LOST: OnceLock<String> = OnceLock::new();

/// Notes that a line was lost: the command does its work all the same, and fails in the end.
fn note_loss(written: std::io::Result<()>) {
    // A closed pipe (`| head`) is no reason to fail.
    if let Err(error) = written
        && error.kind() != std::io::ErrorKind::BrokenPipe
    {
        // The first one is what matters.
        let _ = LOST.set(error.to_string());
    }
}

/// The exit code of a command that has done its work: 1 if its output was lost.
fn printed() -> ExitCode {
    note_loss(std::io::stdout().flush());
    let Some(error) = LOST.get() else { return ExitCode::SUCCESS };
    let _ = writeln!(std::io::stderr(), "cdrscope: standard output: {error}");
    ExitCode::from(1)
}
