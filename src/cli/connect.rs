//! How a command reaches ClickHouse: the configured server, the engine of a running `serve`, or one of its own.

use clickhouse::Client;

use super::CliError;
use crate::config::Config;
use crate::engine::{Access, Engine, Login, Options};
use crate::store;

/// A ClickHouse to talk to.
pub struct Connection {
    url: String,
    admin: Option<Login>,
    reader: Option<Login>,
    /// Stops when the connection is dropped.
    engine: Option<Engine>,
}

impl Connection {
    /// The configured server, or the engine that a running cdrscope has on the data directory, or a new one there.
    pub async fn open(config: &Config) -> Result<Self, CliError> {
        if let Some(url) = &config.clickhouse.url {
            return Ok(Self { url: url.clone(), admin: None, reader: None, engine: None });
        }
        if let Some(access) = Access::of_running(&config.engine.data_dir)? {
            return Ok(Self { url: access.url, admin: Some(access.admin), reader: Some(access.reader), engine: None });
        }
        Self::start(config).await
    }

    /// The configured server, or a new engine on the data directory.
    pub async fn own(config: &Config) -> Result<Self, CliError> {
        match &config.clickhouse.url {
            Some(_) => Self::open(config).await,
            None => Self::start(config).await,
        }
    }

    async fn start(config: &Config) -> Result<Self, CliError> {
        let engine = Engine::start(Options {
            data_dir: config.engine.data_dir.clone(),
            program: config.engine.program.clone(),
            cache: config.engine.cache.clone(),
            launcher: std::env::current_exe().map_err(CliError::failed)?,
            timezone: None,
        })
        .await?;
        Ok(Self {
            url: engine.url().to_owned(),
            admin: Some(engine.admin().clone()),
            reader: Some(engine.reader().clone()),
            engine: Some(engine),
        })
    }

    /// `http://host:port`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Whether this is the embedded engine, of this process or another.
    pub fn is_embedded(&self) -> bool {
        self.admin.is_some()
    }

    /// May change data and tables, if the configured user may.
    pub fn admin(&self, config: &Config) -> Client {
        self.client(config, self.admin.as_ref())
    }

    /// May read.
    pub fn reader(&self, config: &Config) -> Client {
        self.client(config, self.reader.as_ref())
    }

    fn client(&self, config: &Config, login: Option<&Login>) -> Client {
        match login {
            Some(login) => {
                store::client(&self.url, &login.user, &login.password).with_database(&config.clickhouse.database)
            }
            None => store::configured(&self.url, &config.clickhouse),
        }
    }

    /// Stops an engine of its own and waits for it.
    pub async fn close(self) {
        if let Some(engine) = self.engine {
            engine.stop().await;
        }
    }
}
