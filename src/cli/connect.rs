//! Connects commands to ClickHouse: the configured server, the engine of a running `serve`, or one of their own.

use std::time::Duration;

use clickhouse::Client;

use super::CliError;
use crate::config::{ClickHouse, Config};
use crate::embedded::{EmbeddedEngine, EngineAccess, EngineClients, EngineOptions, EngineRole, Link};
use crate::store::{self, Clients};

/// Longest wait for a server to show that it is there.
const PATIENCE: Duration = Duration::from_secs(10);

/// A ClickHouse to talk to.
pub struct ClickHouseConnection {
    url: String,
    /// The way to the embedded engine, of this process or another.
    link: Option<Link>,
    /// Stops when the connection is dropped.
    engine: Option<EmbeddedEngine>,
}

impl ClickHouseConnection {
    /// The configured server, or the engine that a running cdrscope has on the data directory, or one on what is there.
    pub async fn open(config: &Config) -> Result<Self, CliError> {
        not_forgotten(config)?;
        Self::open_or_make(config).await
    }

    /// The same, or a new engine where there is none.
    pub async fn open_or_make(config: &Config) -> Result<Self, CliError> {
        if let Some(url) = &config.clickhouse.url {
            reach(url, config).await?;
            return Ok(Self { url: url.clone(), link: None, engine: None });
        }
        if let Some(access) = EngineAccess::of_running(&config.engine.data_dir).await? {
            return Ok(Self { url: access.url.clone(), link: Some(Link::new(access)), engine: None });
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
        let engine = EmbeddedEngine::start(EngineOptions {
            data_dir: config.engine.data_dir.clone(),
            program: config.engine.program.clone(),
            cache: config.engine.cache.clone(),
            launcher: std::env::current_exe()?,
            timezone: None,
        })
        .await?;
        Ok(Self { url: engine.url().to_owned(), link: Some(engine.link().clone()), engine: Some(engine) })
    }

    /// `http://host:port`; the embedded engine has another after each crash.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// True if this is the embedded engine, of this process or another.
    pub fn is_embedded(&self) -> bool {
        self.link.is_some()
    }

    /// May change data and tables, if the configured user may.
    pub fn admin(&self, config: &Config) -> Client {
        self.clients(config, EngineRole::Admin).client()
    }

    /// May read.
    pub fn reader(&self, config: &Config) -> Client {
        self.clients(config, EngineRole::Reader).client()
    }

    /// Makes clients with connections of their own. The embedded engine has two users, a configured server one.
    pub fn clients(&self, config: &Config, role: EngineRole) -> AnyClients {
        match &self.link {
            Some(link) => AnyClients::Embedded(link.clients(role, &config.clickhouse.database)),
            None => AnyClients::Configured(self.url.clone(), Box::new(config.clickhouse.clone())),
        }
    }

    /// The secret of that name, which an engine of its own keeps; else the given one.
    pub fn kept_secret(&self, name: &str, fresh: String) -> Result<String, CliError> {
        match &self.engine {
            Some(engine) => Ok(engine.kept_secret(name, &fresh)?),
            None => Ok(fresh),
        }
    }

    /// Does `work`, then closes.
    pub async fn closing<T>(self, work: impl AsyncFnOnce(&Self) -> Result<T, CliError>) -> Result<T, CliError> {
        let done = work(&self).await;
        self.close().await;
        done
    }

    /// Stops an engine of its own and waits for it.
    pub async fn close(self) {
        if let Some(engine) = self.engine {
            engine.stop().await;
        }
    }
}

/// Clients of the embedded engine or of the configured server.
pub enum AnyClients {
    /// Of one of the engine's users.
    Embedded(EngineClients),
    /// By address and settings.
    Configured(String, Box<ClickHouse>),
}

impl Clients for AnyClients {
    fn client(&self) -> Client {
        match self {
            Self::Embedded(clients) => clients.client(),
            Self::Configured(url, config) => store::configured(url, config),
        }
    }

    fn generation(&self) -> u64 {
        match self {
            Self::Embedded(clients) => clients.generation(),
            Self::Configured(..) => 0,
        }
    }
}

/// Refuses to work on a new and empty engine because the server's address was forgotten.
pub fn not_forgotten(config: &Config) -> Result<(), CliError> {
    let data = &config.engine.data_dir;
    let usual = crate::config::load::Sources::default().load().map(|usual| usual.engine.data_dir);
    if config.clickhouse.url.is_some() || data.exists() || usual.ok().as_ref() != Some(data) {
        return Ok(());
    }
    Err(CliError::Usage(format!(
        "no ClickHouse to work on: clickhouse.url (CDRSCOPE_CLICKHOUSE_URL) is not set, and there is no embedded engine's \
         directory {}; `cdrscope demo` or `cdrscope engine` makes one, or name it in engine.data_dir",
        data.display()
    )))
}

/// Asks the configured server for nothing, so that a wrong address or login is named as such, and not as whatever came
/// to be asked first.
async fn reach(url: &str, config: &Config) -> Result<(), CliError> {
    let user = &config.clickhouse.user;
    let client = store::client(url, user, config.clickhouse.password.expose());
    let asked = client.query_raw("SELECT 1").fetch_one::<u8>();
    let error = match tokio::time::timeout(PATIENCE, asked).await {
        Ok(Ok(_)) => return Ok(()),
        Ok(Err(error)) => error,
        Err(_) => clickhouse::error::Error::TimedOut,
    };
    let why = match &error {
        // Codes of an unknown user, a wrong password, a missing password and a failed login.
        clickhouse::error::Error::BadResponse(text)
            if ["192", "193", "194", "516"].iter().any(|code| text.contains(&format!("Code: {code}."))) =>
        {
            format!("ClickHouse at {url} refuses user {user}: check clickhouse.user and clickhouse.password")
        }
        clickhouse::error::Error::BadResponse(text) => {
            let line = text.lines().next().unwrap_or_default();
            format!("no ClickHouse answers at {url}: {line}; check clickhouse.url")
        }
        _ => format!("cannot reach ClickHouse at {url}: {}; check clickhouse.url", innermost(&error)),
    };
    Err(CliError::Failed(why))
}

/// The cause behind all causes: `Connection refused`, not `client error`.
fn innermost(error: &dyn std::error::Error) -> String {
    let mut error = error;
    while let Some(source) = error.source() {
        error = source;
    }
    error.to_string()
}
