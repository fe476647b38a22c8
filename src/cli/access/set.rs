//! `cdrscope access set`: another scope, other addresses or another login for a row that tokens stand for already.

use clickhouse::Client;
use uuid::Uuid;

use super::super::rows::{account_ids, insert};
use super::super::settings::Settings;
use super::super::{CliError, say};
use super::{all, listed_ids, login, network};
use crate::config::Config;

/// Arguments of `access set`.
#[derive(clap::Args)]
#[command(group(clap::ArgGroup::new("change").required(true).multiple(true)
    .args(["account", "all_accounts", "allowed_ip", "any_ip", "login", "no_login"])))]
pub struct SetAccess {
    /// Id of the row
    id: u32,
    /// Only this account of the customer, in place of those before; may be repeated
    #[arg(long, value_name = "UUID")]
    account: Vec<Uuid>,
    /// All accounts of the customer
    #[arg(long, conflicts_with = "account")]
    all_accounts: bool,
    /// Only from this address or network, in place of those before; may be repeated
    #[arg(long, value_name = "NET", value_parser = network)]
    allowed_ip: Vec<String>,
    /// From any address
    #[arg(long, conflicts_with = "allowed_ip")]
    any_ip: bool,
    /// Login name; a password that there is stays
    #[arg(long, value_name = "NAME", value_parser = login)]
    login: Option<String>,
    /// No login and no password
    #[arg(long, conflicts_with = "login")]
    no_login: bool,
    #[command(flatten)]
    pub(super) settings: Settings,
}

impl SetAccess {
    /// Changes the row and says how it is now. Its customer stays: tokens for it may be in other hands.
    pub(super) async fn run(&self, client: &Client, config: &Config) -> Result<(), CliError> {
        let (rows, _) = all(client).await?;
        if let Some(other) = rows.iter().find(|row| row.id != self.id && self.login.as_ref() == Some(&row.login)) {
            return Err(CliError::Failed(format!("access {} has the login {:?} already", other.id, other.login)));
        }
        let Some(mut row) = rows.into_iter().find(|row| row.id == self.id) else {
            return Err(CliError::Failed(format!("there is no access {}", self.id)));
        };
        if self.all_accounts || !self.account.is_empty() {
            row.account_ids = account_ids(config, client.clone(), row.customer_id, &self.account).await?;
        }
        if self.any_ip || !self.allowed_ip.is_empty() {
            row.allowed_ips.clone_from(&self.allowed_ip);
        }
        if let Some(login) = &self.login {
            row.login.clone_from(login);
        }
        if self.no_login {
            (row.login, row.password_hash) = (String::new(), String::new());
        }
        insert(client, "api_access", &row).await?;
        let [accounts, addresses] = listed_ids(&row);
        let login = match (row.login.as_str(), row.password_hash.as_str()) {
            ("", _) => "no login".to_owned(),
            (login, "") => {
                format!("login {login:?} without a password: `cdrscope access password {}` sets one", row.id)
            }
            (login, _) => format!("login {login:?}"),
        };
        say(format_args!(
            "access {} for customer {}: accounts {accounts}, addresses {addresses}, {login}",
            row.id, row.customer_id
        ));
        Ok(())
    }
}
