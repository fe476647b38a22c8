//! `cdrscope sql`: SQL on the configured server or the embedded engine, without looking for addresses and passwords.

mod input;
mod run;
mod shell;
mod statements;

use std::io::IsTerminal as _;

use super::connect::ClickHouseConnection;
use super::screen::Screen;
use super::settings::Settings;
use super::{CliError, block_on, configure_quietly, stop_signal};
use crate::config::Config;
use run::SqlSession;
use statements::{SqlText, StatementReader};

/// Arguments of `sql`.
#[derive(clap::Args)]
pub struct Sql {
    /// Statement to run; several are separated by semicolons. Without it statements come from standard input, and at a
    /// terminal from a prompt
    #[arg(long, short, value_name = "SQL", allow_hyphen_values = true)]
    query: Vec<String>,
    /// Run as the administrator: may change data and tables. On a configured server that is clickhouse.user with all its rights
    #[arg(long)]
    admin: bool,
    /// Format of the results, by ClickHouse's names [default: PrettyCompact on a terminal, TabSeparated elsewhere]
    #[arg(long, value_name = "NAME", value_parser = format_name)]
    format: Option<String>,
    #[command(flatten)]
    settings: Settings,
}

impl Sql {
    /// Runs the statements in order; the first that fails ends it.
    pub fn run(self) -> Result<(), CliError> {
        let config = configure_quietly(&self.settings)?;
        block_on(async {
            let connection = ClickHouseConnection::open(&config).await?;
            connection.closing(async |connection| self.on(connection, &config).await).await
        })
    }

    async fn on(&self, connection: &ClickHouseConnection, config: &Config) -> Result<(), CliError> {
        let mut screen = Screen::new();
        let usual = if screen.is_terminal() { "PrettyCompact" } else { "TabSeparated" };
        let client = if self.admin { connection.admin(config) } else { connection.reader(config) };
        let session = SqlSession::new(client, self.admin, self.format.as_deref().unwrap_or(usual));
        if self.query.is_empty() && std::io::stdin().is_terminal() && screen.is_terminal() {
            let rights = if self.admin { "with the administrator's rights" } else { "read-only" };
            let about =
                format!("ClickHouse at {}, database {}, {rights}.", connection.url(), config.clickhouse.database);
            return shell::run(&session, &about, &mut screen).await;
        }
        let script = async {
            match self.query.is_empty() {
                true => from_stdin(&session, &mut screen).await,
                false => given(&self.query, &session, &mut screen).await,
            }
        };
        tokio::select! {
            done = script => done.map_err(CliError::Failed),
            () = stop_signal() => Err(CliError::Failed("interrupted".to_owned())),
        }
    }
}

async fn given(texts: &[String], session: &SqlSession, screen: &mut Screen) -> Result<(), String> {
    // Cut before the first is run: a mistake in the last would leave half of them done.
    let mut all = Vec::new();
    for text in texts {
        let mut reader = StatementReader::new();
        all.extend(reader.push(text)?);
        all.extend(reader.finish()?);
    }
    run_all(&all, session, screen).await
}

async fn from_stdin(session: &SqlSession, screen: &mut Screen) -> Result<(), String> {
    let mut reader = StatementReader::new();
    let mut lines = input::lines();
    while let Some(line) = lines.recv().await {
        run_all(&reader.push(&line?)?, session, screen).await?;
    }
    run_all(&reader.finish()?.into_iter().collect::<Vec<_>>(), session, screen).await
}

async fn run_all(statements: &[SqlText], session: &SqlSession, screen: &mut Screen) -> Result<(), String> {
    for statement in statements {
        if screen.is_closed() {
            return Ok(());
        }
        session.run(statement, screen).await?;
    }
    Ok(())
}

fn format_name(text: &str) -> Result<String, String> {
    let is_name = !text.is_empty() && text.len() <= 64 && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if is_name { Ok(text.to_owned()) } else { Err("expected a format of ClickHouse, such as JSONEachRow".into()) }
}
