//! `cdrscope check`: settings and ClickHouse, and what is missing or wrong.

use super::connect::Connection;
use super::settings::Settings;
use super::{CliError, block_on, configure, say, warn_of_secrets};
use crate::config::Config;
use crate::migrate::{Status, status};
use crate::tables;
use crate::token::Keys;

/// Arguments of `check`.
#[derive(clap::Args)]
pub struct Check {
    #[command(flatten)]
    settings: Settings,
}

impl Check {
    /// Prints a line for each thing looked at; fails if one of them is wrong.
    pub fn run(self) -> Result<(), CliError> {
        let config = configure(&self.settings)?;
        warn_of_secrets(&config, &self.settings);
        say("ok     settings");
        let keys = Keys::new(&config.auth);
        line("token keys", keys.as_ref().map(|_| config.auth.algorithm.word()));
        let right = block_on(async {
            let connection = match Connection::open(&config).await {
                Ok(connection) => connection,
                Err(e) => return Ok(line("ClickHouse", Err::<&str, _>(e))),
            };
            let right = server(&config, &connection).await;
            connection.close().await;
            Ok(right)
        })?;
        if right && keys.is_ok() { Ok(()) } else { Err(CliError::Failed("not everything is right".into())) }
    }
}

async fn server(config: &Config, connection: &Connection) -> bool {
    let client = connection.reader(config);
    let version = client.clone().with_database("default").query_raw("SELECT version()").fetch_one::<String>().await;
    if !line(&format!("ClickHouse at {}", connection.url()), version.as_ref()) {
        return false;
    }
    let schema = match status(&client, &config.clickhouse.database).await {
        Ok(Status::UpToDate) => Ok("up to date".to_owned()),
        Ok(Status::Missing(names)) => Err(format!("lacks {}: run `cdrscope migrate`", names.join(", "))),
        Ok(Status::NoDatabase) => Err("does not exist: run `cdrscope migrate`".to_owned()),
        Ok(Status::Newer(number)) => Err(format!("is at number {number}, newer than this program")),
        Ok(Status::Edited(name)) => Err(format!("step {name} ran with another text")),
        Err(e) => Err(e.to_string()),
    };
    let schema = line(&format!("database {}", config.clickhouse.database), schema);
    let tables = tables::inspect(&client, config).await.map(|schema| {
        let told = [&schema.cdrs, &schema.active_calls].map(|table| {
            let mut wrapped: Vec<_> =
                table.expressions.iter().map(|(name, sql)| format!("\n       {name} read as {sql}")).collect();
            wrapped.sort();
            let missing = if table.missing.is_empty() {
                String::new()
            } else {
                format!(", without {}", table.missing.join(", "))
            };
            format!("{}{missing}{}", table.name, wrapped.concat())
        });
        told.join("\n       ")
    });
    line("tables", tables) && schema
}

/// Prints what became of one thing, and tells whether it is right.
fn line<E: std::fmt::Display>(what: &str, result: Result<impl std::fmt::Display, E>) -> bool {
    match result {
        Ok(found) => say(format_args!("ok     {what}: {found}")),
        Err(e) => {
            say(format_args!("WRONG  {what}: {}", e.to_string().replace('\n', "\n       ")));
            return false;
        }
    }
    true
}
