//! `cdrscope check`: settings and ClickHouse, and what is missing or wrong; with `--data`, the rows.

mod data;
mod told;

use std::path::Path;

use rustix::fs::{Access, access};

use super::connect::ClickHouseConnection;
use super::settings::Settings;
use super::{CliError, block_on, configure, warn_of_secrets};
use crate::access::{Directory, Snapshot};
use crate::config::Config;
use crate::config::recurring::ExportPlace;
use crate::embedded::EngineRole;
use crate::http::exports::recurring;
use crate::readiness;
use crate::store::Store;
use crate::token::KeyRing;
use told::Findings;

/// Arguments of `check`.
#[derive(clap::Args)]
pub struct Check {
    /// Count rows that cannot be meant, such as durations below 0; exit code 3 if there are any
    #[arg(long)]
    data: bool,
    /// Only rows from this time on, such as 2026-10-01, or 7d for a week ago; times that cannot be are counted all the same
    #[arg(long, value_name = "TIME", requires = "data")]
    since: Option<String>,
    /// Print what was found as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    settings: Settings,
}

/// The way out of keys that cannot be used.
const KEYS: &str =
    "make a secret (openssl rand -hex 32 > auth.secret && chmod 600 auth.secret) and name it in auth.secret_file";

/// The way out of a server that does not answer.
const SERVER: &str = "start ClickHouse, or mend clickhouse.url, clickhouse.user and clickhouse.password_file";

impl Check {
    /// Tells what was found, thing by thing, and what to do next; fails if one of them is wrong.
    pub fn run(self) -> Result<(), CliError> {
        let config = configure(&self.settings)?;
        if self.data {
            return data::run(&config, self.since.as_deref(), self.json);
        }
        warn_of_secrets(&config, &self.settings);
        let mut findings = Findings::new(self.json);
        findings.take("settings", Ok::<_, CliError>(""), "");
        let probed = block_on(async { Ok(recurring::probe_each(&config).await) })?;
        for (one, probed) in config.exports.recurring.0.iter().zip(probed) {
            let (what, found) = match &one.to {
                ExportPlace::Directory { dir } => ("directory", files_may_go_to(dir)),
                ExportPlace::Bucket { .. } => ("bucket", probed),
            };
            findings.take(&format!("{what} of the recurring export {}", one.name), found.map(|()| &one.to), "");
        }
        let keys = KeyRing::of(&config.auth, &config.operator);
        findings.take("token keys", keys.as_ref().map(|_| config.auth.algorithm.word()), KEYS);
        let next = block_on(async {
            let connection = match ClickHouseConnection::open(&config).await {
                Ok(connection) => connection,
                Err(e) => {
                    findings.take("ClickHouse", Err::<&str, _>(e), SERVER);
                    return Ok(String::new());
                }
            };
            let next = server(&config, &connection, &mut findings).await;
            connection.close().await;
            Ok(next)
        })?;
        findings.end(&next)
    }
}

/// Looks at the server; gives the next step for one where all is right.
async fn server(config: &Config, connection: &ClickHouseConnection, findings: &mut Findings) -> String {
    let client = connection.reader(config);
    let version = client.clone().with_database("default").query_raw("SELECT version()").fetch_one::<String>().await;
    if !findings.take(&format!("ClickHouse at {}", connection.url()), version.as_ref(), SERVER) {
        return String::new();
    }
    let store = Store::new(connection.clients(config, EngineRole::Reader), &config.limits);
    let examined = readiness::examine(&store, config).await;
    for step in &examined.steps {
        findings.take(&step.what, step.found.as_ref(), "");
    }
    examined.notes.iter().for_each(|note| findings.note(note));
    if !findings.is_right() {
        return String::new();
    }
    let directory = Directory::new(config);
    let read = directory.refresh(&store).await;
    if !findings.take("accounts and access", read.map(|()| "can be read"), "") {
        return String::new();
    }
    directory.snapshot().map_or_else(|_stale| String::new(), |snapshot| next_step(config, &snapshot))
}

/// The next step of an installation where nothing is wrong.
fn next_step(config: &Config, snapshot: &Snapshot) -> String {
    let step = match (snapshot.accounts.is_empty(), snapshot.access.is_empty()) {
        (true, _) if config.accounts.query.is_empty() => {
            "add an account: cdrscope account add --customer ID --id NUMBER --name NAME"
        }
        (true, _) => "let accounts.query find an account: it finds none",
        (false, true) if config.accounts.access_query.is_empty() => {
            "let a customer in: cdrscope access add --customer ID, then cdrscope token --access ID"
        }
        (false, _) => "start the service: cdrscope serve",
    };
    step.to_owned()
}

/// Fails where this user may make no files in a directory.
fn files_may_go_to(dir: &Path) -> Result<(), String> {
    let told = |error: std::io::Error| format!("{}: {error}", dir.display());
    if !dir.metadata().map_err(told)?.is_dir() {
        return Err(format!("{} is no directory", dir.display()));
    }
    access(dir, Access::WRITE_OK | Access::EXEC_OK).map_err(|error| told(error.into()))
}
