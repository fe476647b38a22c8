//! `cdrscope token`: prints a token.

use std::io::Write as _;

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use uuid::Uuid;

use super::connect::ClickHouseConnection;
use super::settings::Settings;
use super::{CliError, block_on, configure, rows, say, span};
use crate::access::{Directory, Snapshot};
use crate::config::Config;
use crate::report::Side;
use crate::store::Store;
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
    /// Time until it expires: 90s, 15m, 1h, 7d, 2w, or seconds [default: auth.token_ttl_seconds]
    #[arg(long, value_name = "SPAN", value_parser = span::lifetime)]
    ttl: Option<u32>,
    /// Sign without looking if the row is there, where ClickHouse is not at hand
    #[arg(long, conflicts_with = "customer")]
    unchecked: bool,
    /// Print the token and its end as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    settings: Settings,
}

impl Token {
    /// Prints it.
    pub fn run(self) -> Result<(), CliError> {
        let config = configure(&self.settings)?;
        let (now, ttl) = (OffsetDateTime::now_utc(), self.ttl.unwrap_or(config.auth.token_ttl_seconds));
        let token = match self.operator {
            Some(id) => self.of_operator(&config, id, now, ttl)?,
            None => self.of_customer(&config, now, ttl)?,
        };
        self.tell(&token, now, ttl)
    }

    fn of_customer(&self, config: &Config, now: OffsetDateTime, ttl: u32) -> Result<String, CliError> {
        let keys = Keys::new(&config.auth).map_err(|e| CliError::Usage(e.to_string()))?;
        if let Some(bad) = self.allowed_ip.iter().find(|net| crate::net::parse_net(net).is_none()) {
            return Err(CliError::Usage(format!("--allowed-ip: {bad:?} is no address or network")));
        }
        let issue = match (self.access, self.customer) {
            (Some(id), _) => {
                self.check(config, |snapshot| known_access(snapshot, id))?;
                Issue::Access(id)
            }
            (None, Some(customer_id)) => Issue::Grant {
                customer_id,
                account_ids: block_on(account_ids(config, customer_id, &self.account))?,
                allowed_ips: self.allowed_ip.clone(),
                debug: self.debug,
            },
            (None, None) => return Err(CliError::Usage("give --access or --customer".into())),
        };
        let terms = TokenTerms { ttl, session: None, sides: Sides::of(&self.side), export: self.may };
        Ok(keys.sign_on(terms, &issue, now)?)
    }

    fn of_operator(&self, config: &Config, id: u32, now: OffsetDateTime, ttl: u32) -> Result<String, CliError> {
        let keys = Keys::of_operator(&config.operator).map_err(|e| CliError::Usage(e.to_string()))?;
        let keys = keys.ok_or_else(|| {
            CliError::Usage("operator.secret_file is not set: without a key the operator's paths are not there".into())
        })?;
        self.check(config, |snapshot| known_operator(snapshot, id))?;
        Ok(keys.sign(&Issue::Operator(id), now, ttl)?)
    }

    /// Fails where the row that the token would stand for is not there: the token would be refused, and nobody would know why.
    fn check(&self, config: &Config, known: impl Fn(&Snapshot) -> Result<(), String>) -> Result<(), CliError> {
        if self.unchecked {
            return Ok(());
        }
        block_on(async {
            let connection = ClickHouseConnection::open(config).await?;
            let look = async |own: &ClickHouseConnection| {
                let client = own.reader(config);
                let directory = Directory::new(config);
                directory.refresh(&Store::new(move || client.clone(), &config.limits)).await?;
                let snapshot = directory.snapshot();
                let snapshot = snapshot.map_err(|_stale| CliError::Failed("reading access took too long".into()))?;
                known(&snapshot).map_err(CliError::Failed)
            };
            connection.closing(look).await
        })
    }

    /// Prints the token, and its end beside it.
    fn tell(&self, token: &str, now: OffsetDateTime, ttl: u32) -> Result<(), CliError> {
        let end = OffsetDateTime::from_unix_timestamp(now.unix_timestamp() + i64::from(ttl))?;
        let shown = end.format(&Rfc3339)?;
        if self.json {
            let fields = serde_json::json!({ "token": token, "expires": end.unix_timestamp(), "expires_at": shown });
            say(serde_json::to_string_pretty(&fields)?);
            return Ok(());
        }
        say(token);
        // Not on stdout, which is the token alone. A closed stderr is no reason to fail.
        let _ = writeln!(std::io::stderr(), "the token ends at {shown}, in {}", span::words(ttl.into()));
        Ok(())
    }
}

fn known_access(snapshot: &Snapshot, id: u32) -> Result<(), String> {
    match (snapshot.access.get(&id), snapshot.removed.contains(&id)) {
        (Some(access), _) if access.grant.is_some() => Ok(()),
        (Some(_), _) => {
            Err(format!("access {id} admits nobody, as it has an address that does not read: `cdrscope access set`"))
        }
        (None, true) => Err(format!("access {id} was removed: `cdrscope access add` makes another")),
        (None, false) => Err(format!("there is no access {id}: `cdrscope access list` shows them")),
    }
}

fn known_operator(snapshot: &Snapshot, id: u32) -> Result<(), String> {
    match snapshot.operators.get(&id) {
        Some(Some(_)) => Ok(()),
        Some(None) => {
            Err(format!("operator {id} admits nobody: it was removed, or has an address or a right that does not read"))
        }
        None => Err(format!("there is no operator {id}: `cdrscope operator list` shows them")),
    }
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
