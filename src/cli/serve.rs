//! `cdrscope serve`: the API.

use std::convert::Infallible;
use std::future::pending;
use std::pin::pin;

use futures_util::future::{Either, select};
use time::OffsetDateTime;
use uuid::Uuid;

use super::connect::ClickHouseConnection;
use super::settings::Settings;
use super::{CliError, block_on, configure, say, warn_of_secrets};
use crate::config::value::Secret;
use crate::config::{Algorithm, Config};
use crate::demo;
use crate::embedded::EngineRole;
use crate::http::session::DemoCustomer;
use crate::http::{self, CUSTOMER_API, OPERATOR_API};
use crate::migrate::{migrate, status};
use crate::report::audience::Rights;
use crate::service::{Service, reload};
use crate::store::Clients;
use crate::token::{Issue, KeyRing, Keys};

/// Arguments of `serve`.
#[derive(clap::Args)]
pub struct Serve {
    /// Fill an empty table with made-up CDRs, go on making some, and print a token
    #[arg(long)]
    demo: bool,
    /// Number of made-up calls
    #[arg(long, value_name = "N", default_value_t = 1_000_000, requires = "demo")]
    demo_calls: u64,
    #[command(flatten)]
    settings: Settings,
}

/// Lifetime of a demo's token, seconds.
const DEMO_TTL: u32 = 86_400;

/// The time before now that the demo's calls fill, seconds.
const DEMO_SPAN: i64 = 28 * 86_400;

impl Serve {
    /// Serves until it is told to stop.
    pub fn run(self) -> Result<(), CliError> {
        let mut config = configure(&self.settings)?;
        warn_of_secrets(&config, &self.settings);
        let needs_secret =
            self.demo && config.auth.algorithm == Algorithm::Hs256 && config.auth.secret.expose().is_empty();
        let needs_operators = self.demo && config.operator.algorithm == Algorithm::Hs256 && !config.operator.is_on();
        if needs_secret {
            config.auth.secret = Secret::new(random_secret());
        }
        if needs_operators {
            config.operator.secret = Secret::new(random_secret());
        }
        // A key that does not do is told before an engine is started.
        let mut keys = KeyRing::of(&config.auth, &config.operator).map_err(CliError::Usage)?;
        if !self.demo {
            super::connect::not_forgotten(&config)?;
        }
        block_on(async {
            reload::expect_hangups();
            let connection = ClickHouseConnection::own(&config).await?;
            // Tokens of the demo stay good over a restart.
            if needs_secret {
                config.auth.secret = Secret::new(connection.kept_secret("demo.secret", random_secret())?);
            }
            if needs_operators {
                config.operator.secret = Secret::new(connection.kept_secret("demo-operator.secret", random_secret())?);
            }
            if needs_secret || needs_operators {
                keys = KeyRing::of(&config.auth, &config.operator).map_err(CliError::Usage)?;
            }
            connection.closing(async |connection| self.serve(config, keys, connection).await).await
        })
    }

    async fn serve(&self, config: Config, keys: KeyRing, connection: &ClickHouseConnection) -> Result<(), CliError> {
        prepare(&config, connection).await?;
        let calls = match self.demo {
            true => Some(DemoCalls::introduce(connection.clients(&config, EngineRole::Admin), self.demo_calls).await?),
            false => None,
        };
        let is_alone = calls.as_ref().is_some_and(|calls| calls.is_alone);
        let reader = connection.clients(&config, EngineRole::Reader);
        let sample =
            if is_alone { Some((demo_token(&keys.customers)?, operator_token(&keys, DEMO_TTL)?)) } else { None };
        let has_page = config.http.page && http::is_page_built();
        let is_open = !config.http.listen.ip().is_loopback();
        let service = Service::start(config, keys, reader).await?;
        // Never over calls of somebody's own: whoever reaches the address sees them all.
        if is_alone {
            let account = demo_account()?;
            let name = account.name.split(',').next().unwrap_or_default().to_owned();
            service.show_demo(DemoCustomer { id: account.customer_id, name });
            if is_open {
                log::warn!("whoever reaches {} signs in to the demo without a token", service.url());
            }
        }
        log::info!("listening on {}", service.url());
        if has_page {
            say_page(&service, is_alone);
        }
        let (url, operators_url) = (service.url().to_owned(), service.operators_url().to_owned());
        let making = async {
            let Some(calls) = calls else { return pending().await };
            calls.make().await?;
            match sample {
                Some((token, operator)) => {
                    say_sample(&url, &token);
                    operator.iter().for_each(|token| say_operator_sample(&operators_url, token));
                }
                None => {
                    say("These are no made-up calls. Who may see them gets a token by: cdrscope token --customer ID")
                }
            }
            calls.go_on().await
        };
        let handle = service.handle();
        match select(pin!(service.run()), pin!(making)).await {
            // What is being made ends with it: its connections would keep the engine waiting.
            Either::Left((ended, _)) => Ok(ended?),
            Either::Right((Err(fault), served)) => {
                handle.stop(true).await;
                served.await?;
                Err(fault)
            }
        }
    }
}

/// The demo's calls, which are made while the service answers already.
struct DemoCalls<C> {
    clients: C,
    options: demo::Options,
    /// True if there are none yet.
    is_empty: bool,
    /// True if nobody else's are in the table.
    is_alone: bool,
}

impl<C: Clients> DemoCalls<C> {
    /// Makes accounts and names, if there are no calls yet.
    async fn introduce(clients: C, calls: u64) -> Result<Self, CliError> {
        let client = clients.client();
        let now = OffsetDateTime::now_utc().unix_timestamp();
        // Calls up to this minute: a dashboard's "last hour" then has something to show.
        let (from, to) = ((now - DEMO_SPAN).try_into()?, now.try_into()?);
        let options = demo::Options { calls, from, to, ..demo::Options::default() };
        let rows: u64 = client.query_raw("SELECT count() FROM cdrs").fetch_one().await?;
        if rows > 0 {
            log::info!("the table holds {rows} CDRs already");
        } else {
            demo::introduce(&client, &options).await?;
        }
        let is_alone = demo::is_alone(&client).await?;
        if !is_alone {
            log::warn!("the table holds CDRs that are not the demo's: no calls are made up beside them");
        }
        Ok(Self { clients, options, is_empty: rows == 0, is_alone })
    }

    /// Fills an empty table.
    async fn make(&self) -> Result<(), CliError> {
        if self.is_empty {
            log::info!("making {} calls, the latest first", self.options.calls);
            let client = self.clients.client();
            demo::make_calls(&client, &self.options, |made| log::info!("{made} calls made")).await?;
            log::info!("the demo's calls are made");
        }
        Ok(())
    }

    /// Goes on making calls and snapshots, once a minute, so that live reports have something to show.
    async fn go_on(&self) -> Result<Infallible, CliError> {
        if !self.is_alone {
            return pending().await;
        }
        let mut from = self.options.to;
        loop {
            let now = OffsetDateTime::now_utc().unix_timestamp();
            let next = u64::try_from(60 - now.rem_euclid(60)).unwrap_or(60);
            actix_web::rt::time::sleep(std::time::Duration::from_secs(next)).await;
            let to = u32::try_from(OffsetDateTime::now_utc().unix_timestamp())?;
            match demo::go_on(&self.clients.client(), &self.options, from, to).await {
                Ok(()) => from = to,
                Err(e) => log::warn!("no made-up calls this minute: {e}"),
            }
        }
    }
}

/// The embedded engine is brought up to date; somebody's own server is only looked at.
pub(super) async fn prepare(config: &Config, connection: &ClickHouseConnection) -> Result<(), CliError> {
    let database = &config.clickhouse.database;
    if connection.is_embedded() {
        let applied = migrate(&connection.admin(config), database).await?;
        for step in applied {
            log::info!("schema: applied {:04}_{}", step.number, step.name);
        }
        return Ok(());
    }
    let status = status(&connection.reader(config), database).await?;
    status.fault(database).map_or(Ok(()), |fault| Err(CliError::Failed(fault)))
}

/// The biggest account's customer.
fn demo_token(keys: &Keys) -> Result<String, CliError> {
    let customer_id = demo_account()?.customer_id;
    let issue = Issue::Grant { customer_id, account_ids: Vec::new(), allowed_ips: Vec::new(), debug: false };
    Ok(keys.sign(&issue, OffsetDateTime::now_utc(), DEMO_TTL)?)
}

fn random_secret() -> String {
    format!("{}{}", Uuid::new_v4().simple(), Uuid::new_v4().simple())
}

/// A token that sees everything; `None` where there is no key to sign with.
pub(super) fn operator_token(keys: &KeyRing, ttl: u32) -> Result<Option<String>, CliError> {
    let Some(keys) = keys.operators.as_ref().filter(|keys| keys.can_sign()) else { return Ok(None) };
    let issue = Issue::OperatorGrant {
        customers: Vec::new(),
        vendors: Vec::new(),
        rights: Rights::ALL,
        allowed_ips: Vec::new(),
        debug: false,
    };
    Ok(Some(keys.sign(&issue, OffsetDateTime::now_utc(), ttl)?))
}

fn say_operator_sample(url: &str, token: &str) {
    let week_ago = OffsetDateTime::now_utc().unix_timestamp() - 7 * 86_400;
    say(format_args!("The operator's token for today, and where the last seven days were sold below cost:\n"));
    say(format_args!(
        "{token}\n\ncurl -H 'Authorization: {token}' '{url}{OPERATOR_API}/breakdown?from-time={week_ago}\
         &group-by=destination-prefix,vendor&measures=loss,loss_calls,margin&order-by=-loss&limit=10'\n"
    ));
}

/// The page's address comes first: it is what most want.
fn say_page(service: &Service, is_demo: bool) {
    let how = if is_demo { ", which signs in by a click" } else { "" };
    say(format_args!("The page{how}: {}/", service.url()));
    if service.operators_url() != service.url() {
        say(format_args!("The operator's: {}/", service.operators_url()));
    }
}

fn demo_account() -> Result<demo::DemoAccount, CliError> {
    demo::accounts(demo::Options::default().accounts)
        .into_iter()
        .next()
        .ok_or_else(|| CliError::Failed("no accounts".into()))
}

fn say_sample(url: &str, token: &str) {
    let Ok(account) = demo_account() else { return };
    let day_ago = OffsetDateTime::now_utc().unix_timestamp() - 86_400;
    say(format_args!(
        "\nCustomer {}, account {} ({}). A token for today:\n",
        account.customer_id, account.uuid, account.name
    ));
    say(format_args!("{token}\n\nCall quality of the last 24 hours, by quarters of an hour:\n"));
    say(format_args!(
        "curl -H 'Authorization: {token}' '{url}{CUSTOMER_API}/origination-statistics-quality?account-id={}&from-time={day_ago}&sampling=15minutes'\n",
        account.uuid
    ));
    say(format_args!("Every parameter, and forms to try them: {url}/docs\n"));
}
