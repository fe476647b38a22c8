//! An export on the server itself: a service of its own for as long as it takes, over the ClickHouse of the settings, on a free
//! loopback port and with keys that nobody else has. So it needs no token, no certificate and no service that runs.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use time::OffsetDateTime;
use uuid::Uuid;

use super::client::{ClientToken, ExportClient};
use crate::cli::CliError;
use crate::cli::connect::ClickHouseConnection;
use crate::cli::serve::{operator_token, prepare};
use crate::config::value::Secret;
use crate::config::{AccessLog, Auth, Config, Exports, Operator};
use crate::embedded::EngineRole;
use crate::service::Service;
use crate::token::{Issue, KeyRing, TokenTerms};

/// The person in whose name the service is asked.
#[derive(Clone, Copy, Debug)]
pub enum AskedAs {
    /// The operator, who sees everything.
    Operator,
    /// A customer, who sees all accounts of its own.
    Customer(u32),
}

impl AskedAs {
    fn token(self, keys: &KeyRing) -> Result<Option<ClientToken>, CliError> {
        let token = match self {
            Self::Operator => operator_token(keys, TTL)?,
            Self::Customer(customer_id) => {
                let issue =
                    Issue::Grant { customer_id, account_ids: Vec::new(), allowed_ips: Vec::new(), debug: false };
                // Whoever may read ClickHouse may read the calls one by one.
                let terms = TokenTerms { ttl: TTL, export: Some(true), ..TokenTerms::default() };
                Some(keys.customers.sign_on(terms, &issue, OffsetDateTime::now_utc())?)
            }
        };
        Ok(token.as_deref().and_then(ClientToken::new))
    }
}

/// Does `work` with a client of such a service.
///
/// # Errors
/// ClickHouse cannot be had, or the work's own.
pub async fn with(
    config: Config,
    asked_as: AskedAs,
    timeout: Duration,
    work: impl AsyncFnOnce(&ExportClient) -> Result<(), CliError>,
) -> Result<(), CliError> {
    let config = alone(config);
    let keys = KeyRing::of(&config.auth, &config.operator).map_err(CliError::Usage)?;
    let token = asked_as.token(&keys)?.ok_or_else(|| CliError::Failed("no token could be made".to_owned()))?;
    let connection = ClickHouseConnection::open(&config).await?;
    connection
        .closing(async |connection| {
            prepare(&config, connection).await?;
            let reader = connection.clients(&config, EngineRole::Reader);
            let service = Service::start(config.clone(), keys, reader).await?;
            let (url, handle) = (service.url().to_owned(), service.handle());
            let client = ExportClient::new(&url, token, timeout).map_err(CliError::Failed)?;
            let running = actix_web::rt::spawn(service.run());
            let done = work(&client).await;
            handle.stop(false).await;
            let _ = running.await;
            done
        })
        .await
}

/// Lifetime of the token, seconds: longer than any export, and the service that knows it ends before.
const TTL: u32 = 30 * 86_400;

/// The settings of a service that nobody else can use. The audit log stays: data of calls are given to somebody.
fn alone(mut config: Config) -> Config {
    let secret = || Secret::new(format!("{}{}", Uuid::new_v4().simple(), Uuid::new_v4().simple()));
    let usual = Config::default();
    config.auth = Auth { secret: secret(), contractors: config.auth.contractors, ..usual.auth };
    config.operator = Operator { secret: secret(), ..usual.operator };
    config.http.listen = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    config.http.operator_listen = None;
    (config.http.tls_certificate_file, config.http.tls_key_file) = (None, None);
    config.http.workers = 1;
    config.log.access = AccessLog::Off;
    config.metrics.enabled = false;
    config.checks.enabled = false;
    config.limits.requests_per_second = 0;
    // Jobs and recurring files are the running service's, and so is their directory.
    config.exports = Exports { dir: None, recurring: usual.exports.recurring, ..config.exports };
    config
}
