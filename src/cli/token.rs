//! `cdrscope token`: prints a token.

use time::OffsetDateTime;
use uuid::Uuid;

use super::connect::ClickHouseConnection;
use super::settings::Settings;
use super::{CliError, block_on, configure, rows, say};
use crate::config::Config;
use crate::report::Side;
use crate::token::{Issue, Keys, Sides, TokenTerms};

/// Arguments of `token`.
#[derive(clap::Args)]
pub struct Token {
    /// Row of api_access that the token stands for (a static token)
    #[arg(long, value_name = "ID", required_unless_present_any = ["customer", "operator"])]
    access: Option<u32>,
    /// Customer whose calls the token may see (a dynamic token)
    #[arg(long, value_name = "ID", conflicts_with = "access")]
    customer: Option<u32>,
    /// Row of operator_access that the token stands for, for the operator's paths
    #[arg(long, value_name = "ID", conflicts_with_all = ["access", "customer", "account", "allowed_ip", "debug", "side", "may"])]
    operator: Option<u32>,
    /// Only this account of the customer; may be repeated
    #[arg(long, value_name = "UUID", conflicts_with = "access")]
    account: Vec<Uuid>,
    /// Only from this address or network; may be repeated
    #[arg(long, value_name = "NET", conflicts_with = "access")]
    allowed_ip: Vec<String>,
    /// Allow responses to hold the trace of their results (debug=plan)
    #[arg(long, conflicts_with = "access")]
    debug: bool,
    /// Only calls of this side, origination or termination; may be repeated [default: by auth.contractors]
    #[arg(long, value_name = "SIDE", conflicts_with = "access", value_parser = side)]
    side: Vec<Side>,
    /// Right that the token has for sure, export: to read calls one by one; none takes it away [default: by exports.customers]
    #[arg(long, value_name = "RIGHT", conflicts_with = "access", value_parser = right)]
    may: Option<bool>,
    /// Seconds until it expires [default: auth.token_ttl_seconds]
    #[arg(long, value_name = "SECONDS")]
    ttl: Option<u32>,
    #[command(flatten)]
    settings: Settings,
}

impl Token {
    /// Prints it.
    pub fn run(self) -> Result<(), CliError> {
        let config = configure(&self.settings)?;
        if let Some(id) = self.operator {
            return operators(&config, id, self.ttl);
        }
        let keys = Keys::new(&config.auth).map_err(|e| CliError::Usage(e.to_string()))?;
        if let Some(bad) = self.allowed_ip.iter().find(|net| crate::net::parse_net(net).is_none()) {
            return Err(CliError::Usage(format!("--allowed-ip: {bad:?} is no address or network")));
        }
        let issue = match (self.access, self.customer) {
            (Some(id), _) => Issue::Access(id),
            (None, Some(customer_id)) => Issue::Grant {
                customer_id,
                account_ids: block_on(account_ids(&config, customer_id, &self.account))?,
                allowed_ips: self.allowed_ip,
                debug: self.debug,
            },
            (None, None) => return Err(CliError::Usage("give --access or --customer".into())),
        };
        let ttl = self.ttl.unwrap_or(config.auth.token_ttl_seconds);
        let terms = TokenTerms { ttl, session: None, sides: Sides::of(&self.side), export: self.may };
        say(keys.sign_on(terms, &issue, OffsetDateTime::now_utc())?);
        Ok(())
    }
}

fn operators(config: &Config, id: u32, ttl: Option<u32>) -> Result<(), CliError> {
    let keys = Keys::of_operator(&config.operator).map_err(|e| CliError::Usage(e.to_string()))?;
    let keys = keys.ok_or_else(|| {
        CliError::Usage("operator.secret_file is not set: without a key the operator's paths are not there".into())
    })?;
    say(keys.sign(&Issue::Operator(id), OffsetDateTime::now_utc(), ttl.unwrap_or(config.auth.token_ttl_seconds))?);
    Ok(())
}

fn side(word: &str) -> Result<Side, String> {
    let sides = [Side::Origination, Side::Termination];
    sides.into_iter().find(|side| side.word() == word).ok_or_else(|| "expected origination or termination".into())
}

/// True for `export`, false for `none`.
fn right(word: &str) -> Result<bool, String> {
    match word {
        "export" => Ok(true),
        "none" => Ok(false),
        _ => Err("expected export or none; rights of the operator's people are in operator_access".into()),
    }
}

/// Tokens hold integer ids.
async fn account_ids(config: &Config, customer_id: u32, accounts: &[Uuid]) -> Result<Vec<u32>, CliError> {
    if accounts.is_empty() {
        return Ok(Vec::new());
    }
    let connection = ClickHouseConnection::open(config).await?;
    let ids =
        async |own: &ClickHouseConnection| rows::account_ids(config, own.reader(config), customer_id, accounts).await;
    connection.closing(ids).await
}
