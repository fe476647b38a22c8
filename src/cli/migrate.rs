//! `cdrscope migrate`: database and tables.

use super::connect::Connection;
use super::settings::Settings;
use super::{CliError, block_on, configure, say};
use crate::migrate::migrate;

/// Arguments of `migrate`.
#[derive(clap::Args)]
pub struct Migrate {
    #[command(flatten)]
    settings: Settings,
}

impl Migrate {
    /// Says what it did.
    pub fn run(self) -> Result<(), CliError> {
        let config = configure(&self.settings)?;
        block_on(async {
            let connection = Connection::open(&config).await?;
            let applied = migrate(&connection.admin(&config), &config.clickhouse.database).await;
            connection.close().await;
            let applied = applied.map_err(CliError::failed)?;
            for step in &applied {
                say(format_args!("applied {:04}_{}", step.number, step.name));
            }
            if applied.is_empty() {
                say(format_args!("database {} is up to date", config.clickhouse.database));
            }
            Ok(())
        })
    }
}
