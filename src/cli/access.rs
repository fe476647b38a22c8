//! `cdrscope access`: rows of `api_access`, and their passwords.

mod set;

use std::io::{BufRead as _, IsTerminal as _};

use clap::Subcommand;
use clickhouse::Client;
use serde::Serialize;
use time::OffsetDateTime;
use uuid::Uuid;

use super::rows::{List, OwnTable, account_ids, free_id, insert, on_table, read, say_json, say_table};
use super::settings::Settings;
use super::{CliError, say};
use crate::access::{AccessRow, password};
use crate::config::Config;

/// Arguments of `access`.
#[derive(clap::Args)]
pub struct AccessCommand {
    #[command(subcommand)]
    action: AccessAction,
}

#[derive(Subcommand)]
enum AccessAction {
    /// Add access for a customer and print its id
    Add(AddAccess),
    /// List who has access
    List(List),
    /// Change accounts, addresses or login of a row; its id and customer stay
    Set(set::SetAccess),
    /// Remove access; tokens that stand for it are refused from then on
    Remove(RemoveAccess),
    /// Refuse tokens without a row that a customer was given, or one by its id
    Revoke(Revoke),
    /// Set a password, read from the terminal or from the first line of stdin
    Password(Password),
}

#[derive(clap::Args)]
struct AddAccess {
    /// Id of the row, which none has had before [default: one more than the last]
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    id: Option<u32>,
    /// Customer whose calls it may see
    #[arg(long, value_name = "ID", value_parser = clap::value_parser!(u32).range(1..))]
    customer: u32,
    /// Only this account of the customer; may be repeated
    #[arg(long, value_name = "UUID")]
    account: Vec<Uuid>,
    /// Only from this address or network; may be repeated
    #[arg(long, value_name = "NET", value_parser = network)]
    allowed_ip: Vec<String>,
    /// Login name; its password is read from the terminal or from the first line of stdin
    #[arg(long, value_name = "NAME", value_parser = login)]
    login: Option<String>,
    #[command(flatten)]
    settings: Settings,
}

#[derive(clap::Args)]
struct RemoveAccess {
    /// Id of the row
    id: u32,
    #[command(flatten)]
    settings: Settings,
}

#[derive(clap::Args)]
struct Revoke {
    /// Customer whose dynamic tokens count no more; those signed from now on do
    #[arg(long, value_name = "ID", value_parser = clap::value_parser!(u32).range(1..), required_unless_present = "jti")]
    customer: Option<u32>,
    /// Id of one token, its claim jti; what was renewed from it counts no more either
    #[arg(long, value_name = "ID", value_parser = jti, conflicts_with = "customer")]
    jti: Option<String>,
    #[command(flatten)]
    settings: Settings,
}

#[derive(clap::Args)]
struct Password {
    /// Id or login of the row
    #[arg(value_name = "ID|LOGIN")]
    row: String,
    #[command(flatten)]
    settings: Settings,
}

/// A row as it is listed: without its hash.
#[derive(Serialize)]
struct Listed {
    id: u32,
    customer_id: u32,
    account_ids: Vec<u32>,
    allowed_ips: Vec<String>,
    login: String,
    has_password: bool,
}

impl AccessCommand {
    /// Does what is asked.
    pub fn run(self) -> Result<(), CliError> {
        match self.action {
            AccessAction::Add(add) => {
                on_table(&add.settings, OWN, async |client, config| add.run(client, config).await)
            }
            AccessAction::List(List { json, settings }) => {
                on_table(&settings, OWN, async |client, _| list(client, json).await)
            }
            AccessAction::Set(set) => {
                on_table(&set.settings, OWN, async |client, config| set.run(client, config).await)
            }
            AccessAction::Remove(remove) => on_table(&remove.settings, OWN, async |client, _| remove.run(client).await),
            AccessAction::Revoke(revoke) => {
                on_table(&revoke.settings, REVOCATIONS, async |client, _| revoke.run(client).await)
            }
            AccessAction::Password(password) => {
                on_table(&password.settings, OWN, async |client, _| password.run(client).await)
            }
        }
    }
}

const OWN: OwnTable = ("api_access", "accounts.access_query", |config| &config.accounts.access_query);
const REVOCATIONS: OwnTable =
    ("token_revocations", "accounts.revocations_query", |config| &config.accounts.revocations_query);

/// The rows, and the ids of those that were removed.
async fn all(client: &Client) -> Result<(Vec<AccessRow>, Vec<u32>), CliError> {
    let sql =
        "SELECT id, customer_id, account_ids, allowed_ips, login, password_hash FROM api_access FINAL ORDER BY id";
    let (rows, removed): (Vec<AccessRow>, Vec<AccessRow>) =
        read(client, sql).await?.into_iter().partition(|row: &AccessRow| row.customer_id != 0);
    Ok((rows, removed.into_iter().map(|row| row.id).collect()))
}

/// The row that takes the place of a removed one. It keeps the id taken: tokens for it may still be about, and a cookie
/// renews itself, so the next holder of the id would be open to the former one. It belongs to customer 0, which is nobody,
/// and allows only an address that nobody has, in case a query of the operator's reads it. Random ids would be long.
fn removed(id: u32) -> AccessRow {
    AccessRow { id, allowed_ips: vec!["255.255.255.255".to_owned()], ..AccessRow::default() }
}

impl AddAccess {
    async fn run(&self, client: &Client, config: &Config) -> Result<(), CliError> {
        let (rows, removed) = all(client).await?;
        if let Some(id) = self.id.filter(|id| removed.contains(id)) {
            let what = format!("access {id} was removed, and tokens for it may still be about: leave out --id");
            return Err(CliError::Failed(what));
        }
        let id = free_id("access", self.id, rows.iter().map(|row| row.id).chain(removed))?;
        let login = self.login.clone().unwrap_or_default();
        if let Some(other) = rows.iter().find(|row| !login.is_empty() && row.login == login) {
            return Err(CliError::Failed(format!("access {} has the login {login:?} already", other.id)));
        }
        let account_ids = account_ids(config, client.clone(), self.customer, &self.account).await?;
        let password_hash = if login.is_empty() { String::new() } else { ask_password()? };
        let allowed_ips = self.allowed_ip.clone();
        let row = AccessRow { id, customer_id: self.customer, account_ids, allowed_ips, login, password_hash };
        insert(client, "api_access", &row).await?;
        log::info!("access {id} for customer {} added", self.customer);
        say(id);
        Ok(())
    }
}

async fn list(client: &Client, json: bool) -> Result<(), CliError> {
    let listed = |row: AccessRow| Listed {
        has_password: !row.password_hash.is_empty(),
        id: row.id,
        customer_id: row.customer_id,
        account_ids: row.account_ids,
        allowed_ips: row.allowed_ips,
        login: row.login,
    };
    let rows: Vec<Listed> = all(client).await?.0.into_iter().map(listed).collect();
    if json {
        return say_json(&rows);
    }
    let cells = |row: &Listed| {
        let [accounts, addresses] = [or(&row.account_ids, "all"), or(&row.allowed_ips, "any")];
        let password = if row.has_password { "set" } else { "" }.to_owned();
        [row.id.to_string(), row.customer_id.to_string(), row.login.clone(), password, accounts, addresses]
    };
    say_table(["ID", "CUSTOMER", "LOGIN", "PASSWORD", "ACCOUNTS", "ADDRESSES"], rows.iter().map(cells));
    Ok(())
}

/// A list with commas, or the word for an empty one.
fn or(list: &[impl ToString], none: &str) -> String {
    let words: Vec<String> = list.iter().map(ToString::to_string).collect();
    if words.is_empty() { none.to_owned() } else { words.join(",") }
}

/// The accounts and addresses of a row, for people.
fn listed_ids(row: &AccessRow) -> [String; 2] {
    [or(&row.account_ids, "all"), or(&row.allowed_ips, "any")]
}

impl RemoveAccess {
    async fn run(&self, client: &Client) -> Result<(), CliError> {
        let (rows, _) = all(client).await?;
        let Some(row) = rows.into_iter().find(|row| row.id == self.id) else {
            return Err(CliError::Failed(format!("there is no access {}", self.id)));
        };
        insert(client, "api_access", &removed(row.id)).await?;
        let login = if row.login.is_empty() { "no login".to_owned() } else { format!("login {:?}", row.login) };
        say(format_args!("removed access {} for customer {}, {login}", row.id, row.customer_id));
        Ok(())
    }
}

impl Revoke {
    async fn run(&self, client: &Client) -> Result<(), CliError> {
        // The next millisecond: tokens are dated in whole ones, and one of this one may be older.
        let not_before = OffsetDateTime::now_utc().unix_timestamp_nanos().div_euclid(1_000_000) + 1;
        client
            .query_raw(
                "INSERT INTO token_revocations (customer_id, jti, not_before) \
                 SELECT {customer:UInt32}, {jti:String}, fromUnixTimestamp64Milli({not_before:Int64}, 'UTC')",
            )
            .param("customer", self.customer.unwrap_or(0))
            .param("jti", self.jti.as_deref().unwrap_or_default())
            .param("not_before", i64::try_from(not_before).unwrap_or(i64::MAX))
            .with_setting("wait_end_of_query", "1")
            .execute()
            .await?;
        match (&self.jti, self.customer) {
            (Some(jti), _) => say(format_args!("revoked the token {jti}")),
            (None, customer) => say(format_args!(
                "revoked the dynamic tokens that customer {} was given up to now",
                customer.unwrap_or(0)
            )),
        }
        Ok(())
    }
}

impl Password {
    async fn run(&self, client: &Client) -> Result<(), CliError> {
        let named = |row: &AccessRow| row.login == self.row || self.row.parse() == Ok(row.id);
        let mut rows: Vec<AccessRow> = all(client).await?.0.into_iter().filter(named).collect();
        let row = match (rows.pop(), rows.pop()) {
            (None, _) => {
                return Err(CliError::Failed(format!("there is no access with the id or login {:?}", self.row)));
            }
            // A login can look like another row's id.
            (Some(one), Some(other)) => {
                let what = format!(
                    "{} may be access {} or access {}: two logins cannot be told from ids here",
                    self.row, other.id, one.id
                );
                return Err(CliError::Failed(what));
            }
            (Some(row), None) => row,
        };
        if row.login.is_empty() {
            return Err(CliError::Failed(format!(
                "access {0} has no login: set one with `cdrscope access set {0} --login NAME`",
                row.id
            )));
        }
        let row = AccessRow { password_hash: ask_password()?, ..row };
        insert(client, "api_access", &row).await?;
        say(format_args!("password of access {}, login {:?}, set", row.id, row.login));
        Ok(())
    }
}

/// The hash of a password from the terminal, asked twice and not shown, or from the first line of stdin.
fn ask_password() -> Result<String, CliError> {
    let unread = |e| CliError::Failed(format!("the password cannot be read: {e}"));
    let password = if std::io::stdin().is_terminal() {
        let password = rpassword::prompt_password("Password: ").map_err(unread)?;
        if rpassword::prompt_password("Again: ").map_err(unread)? != password {
            return Err(CliError::Failed("the two passwords differ".into()));
        }
        password
    } else {
        let mut line = String::new();
        std::io::stdin().lock().read_line(&mut line).map_err(unread)?;
        let end = line.trim_end_matches(['\r', '\n']).len();
        line.truncate(end);
        line
    };
    Ok(password::hash(&password)?)
}

pub(super) fn network(text: &str) -> Result<String, String> {
    crate::net::parse_net(text).map(|_| text.to_owned()).ok_or_else(|| "expected an address or a network".into())
}

fn jti(text: &str) -> Result<String, String> {
    let fine = !text.is_empty() && text.len() <= 1024 && !text.contains(char::is_control);
    if fine { Ok(text.to_owned()) } else { Err("expected 1 to 1024 bytes without control characters".into()) }
}

fn login(text: &str) -> Result<String, String> {
    let fine = !text.is_empty() && text.len() <= 255 && !text.contains(char::is_control);
    if fine { Ok(text.to_owned()) } else { Err("expected 1 to 255 bytes without control characters".into()) }
}
