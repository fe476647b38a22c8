//! The shell: statements typed at a terminal, each behind the last. A failure is told, and the shell goes on.

use std::io::Write as _;
use std::time::Instant;

use super::super::screen::Screen;
use super::super::{CliError, say, stop_signal};
use super::input;
use super::run::SqlSession;
use super::statements::StatementReader;

/// Runs what is typed until the input ends, or `exit`.
///
/// # Errors
/// The terminal cannot be read.
pub async fn run(session: &SqlSession, about: &str, screen: &mut Screen) -> Result<(), CliError> {
    say(about);
    say("A semicolon ends a statement. Control-C ends a running one; Control-D, or exit, ends the shell.");
    let mut lines = input::lines();
    let mut reader = StatementReader::new();
    loop {
        prompt(reader.is_open());
        let line = tokio::select! {
            line = lines.recv() => line,
            () = stop_signal() => None,
        };
        let Some(line) = line else {
            say("");
            return Ok(());
        };
        let line = line.map_err(CliError::Failed)?;
        if !reader.is_open() && ["exit", "quit"].contains(&line.trim().trim_end_matches(';')) {
            return Ok(());
        }
        let statements = match reader.push(&line) {
            Ok(statements) => statements,
            Err(why) => {
                tell(&why);
                reader = StatementReader::new();
                continue;
            }
        };
        for statement in &statements {
            let began = Instant::now();
            let done = tokio::select! {
                done = session.run(statement, screen) => done,
                () = stop_signal() => Err("interrupted".to_owned()),
            };
            match done {
                Ok(()) => say(format_args!("{:.3} s\n", began.elapsed().as_secs_f64())),
                Err(why) => tell(&why),
            }
        }
    }
}

fn prompt(is_open: bool) {
    let _ = write!(std::io::stdout(), "{}", if is_open { "      ...> " } else { "cdrscope> " });
    let _ = std::io::stdout().flush();
}

fn tell(why: &str) {
    let _ = writeln!(std::io::stderr(), "{why}\n");
}
