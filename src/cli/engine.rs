//! `cdrscope engine`: the embedded engine alone, in the foreground.

use super::connect::ClickHouseConnection;
use super::settings::Settings;
use super::{CliError, block_on, configure, say};

/// Arguments of `engine`.
#[derive(clap::Args)]
pub struct EngineCommand {
    #[command(flatten)]
    settings: Settings,
}

impl EngineCommand {
    /// Runs until it is told to stop.
    pub fn run(self) -> Result<(), CliError> {
        let mut config = configure(&self.settings)?;
        config.clickhouse.url = None;
        block_on(async {
            let connection = ClickHouseConnection::own(&config).await?;
            say(format_args!(
                "engine at {}, users and passwords in {} (new after each crash)",
                connection.url(),
                config.engine.data_dir.join("access.json").display()
            ));
            super::stop_signal().await;
            connection.close().await;
            Ok(())
        })
    }
}
