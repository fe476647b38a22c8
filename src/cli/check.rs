//! `cdrscope check`: settings and ClickHouse, and what is missing or wrong; with `--data`, the rows.

mod data;

use std::path::Path;

use rustix::fs::{Access, access};

use super::connect::ClickHouseConnection;
use super::settings::Settings;
use super::{CliError, block_on, configure, say, warn_of_secrets};
use crate::access::Directory;
use crate::config::Config;
use crate::config::recurring::ExportPlace;
use crate::embedded::EngineRole;
use crate::http::exports::recurring;
use crate::readiness;
use crate::store::Store;
use crate::token::KeyRing;

/// Arguments of `check`.
#[derive(clap::Args)]
pub struct Check {
    /// Count rows that cannot be meant, such as durations below 0; exit code 3 if there are any
    #[arg(long)]
    data: bool,
    /// Only rows from this time on, such as 2026-10-01, or 7d for a week ago; times that cannot be are counted all the same
    #[arg(long, value_name = "TIME", requires = "data")]
    since: Option<String>,
    /// Print the counts as JSON
    #[arg(long, requires = "data")]
    json: bool,
    #[command(flatten)]
    settings: Settings,
}

impl Check {
    /// Prints a line for each thing looked at; fails if one of them is wrong.
    pub fn run(self) -> Result<(), CliError> {
        let config = configure(&self.settings)?;
        if self.data {
            return data::run(&config, self.since.as_deref(), self.json);
        }
        warn_of_secrets(&config, &self.settings);
        say("ok     settings");
        let mut is_right = true;
        let probed = block_on(async { Ok(recurring::probe_each(&config).await) })?;
        for (one, probed) in config.exports.recurring.0.iter().zip(probed) {
            let (what, found) = match &one.to {
                ExportPlace::Directory { dir } => ("directory", files_may_go_to(dir)),
                ExportPlace::Bucket { .. } => ("bucket", probed),
            };
            is_right &= line(&format!("{what} of the recurring export {}", one.name), found.map(|()| &one.to));
        }
        let keys = KeyRing::of(&config.auth, &config.operator);
        line("token keys", keys.as_ref().map(|_| config.auth.algorithm.word()));
        let right = block_on(async {
            let connection = match ClickHouseConnection::open(&config).await {
                Ok(connection) => connection,
                Err(e) => return Ok(line("ClickHouse", Err::<&str, _>(e))),
            };
            let right = server(&config, &connection).await;
            connection.close().await;
            Ok(right)
        })?;
        if is_right && right && keys.is_ok() { Ok(()) } else { Err(CliError::Failed("not everything is right".into())) }
    }
}

async fn server(config: &Config, connection: &ClickHouseConnection) -> bool {
    let client = connection.reader(config);
    let version = client.clone().with_database("default").query_raw("SELECT version()").fetch_one::<String>().await;
    if !line(&format!("ClickHouse at {}", connection.url()), version.as_ref()) {
        return false;
    }
    let store = Store::new(connection.clients(config, EngineRole::Reader), &config.limits);
    let examined = readiness::examine(&store, config).await;
    let mut is_right = examined.steps.iter().all(|step| step.found.is_ok());
    for step in &examined.steps {
        line(&step.what, step.found.as_ref().map(|found| found.replace('\n', "\n       ")));
    }
    for note in &examined.notes {
        say(format_args!("note   {note}"));
    }
    if is_right {
        let read = Directory::new(config).refresh(&store).await;
        is_right = line("accounts and access", read.map(|()| "can be read"));
    }
    is_right
}

/// Fails where this user may make no files in a directory.
fn files_may_go_to(dir: &Path) -> Result<(), String> {
    let told = |error: std::io::Error| format!("{}: {error}", dir.display());
    if !dir.metadata().map_err(told)?.is_dir() {
        return Err(format!("{} is no directory", dir.display()));
    }
    access(dir, Access::WRITE_OK | Access::EXEC_OK).map_err(|error| told(error.into()))
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
