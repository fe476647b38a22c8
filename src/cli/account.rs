//! `cdrscope account`: rows of `accounts`.

use clap::Subcommand;
use clickhouse::{Client, Row};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::rows::{List, OwnTable, free_id, insert, on_table, read, say_json, say_table};
use super::settings::Settings;
use super::{CliError, say};
use crate::report::Side;

/// A row of `accounts`.
#[derive(Row, Serialize, Deserialize)]
struct ListedAccount {
    id: u32,
    #[serde(with = "clickhouse::serde::uuid")]
    uuid: Uuid,
    customer_id: u32,
    name: String,
    side: String,
    currency_id: Option<i32>,
}

/// Arguments of `account`.
#[derive(clap::Args)]
pub struct AccountCommand {
    #[command(subcommand)]
    action: AccountAction,
}

#[derive(Subcommand)]
enum AccountAction {
    /// Add an account and print its uuid
    Add(AddAccount),
    /// List the accounts
    List(List),
    /// Rename an account
    Rename(RenameAccount),
    /// Remove an account
    Remove(RemoveAccount),
}

#[derive(clap::Args)]
struct AddAccount {
    /// Number of the account in the CDRs [default: one more than the last]
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    id: Option<u32>,
    /// Customer, or vendor, that it belongs to
    #[arg(long, value_name = "ID", value_parser = clap::value_parser!(u32).range(1..))]
    customer: u32,
    /// Name of the account, for people
    #[arg(long, value_name = "TEXT")]
    name: String,
    /// UUID that callers of the API name it by [default: a new one]
    #[arg(long)]
    uuid: Option<Uuid>,
    /// The only side that it has calls on, for lists of accounts [default: both]
    #[arg(long, value_name = "SIDE", value_parser = [Side::Origination.word(), Side::Termination.word()])]
    side: Option<String>,
    /// Id of its currency in the CDRs, for lists of accounts
    #[arg(long, value_name = "ID")]
    currency: Option<i32>,
    #[command(flatten)]
    settings: Settings,
}

#[derive(clap::Args)]
struct RenameAccount {
    /// Number of the account
    id: u32,
    /// Its new name, for people
    name: String,
    #[command(flatten)]
    settings: Settings,
}

#[derive(clap::Args)]
struct RemoveAccount {
    /// Number of the account
    id: u32,
    #[command(flatten)]
    settings: Settings,
}

impl AccountCommand {
    /// Does what is asked.
    pub fn run(self) -> Result<(), CliError> {
        match self.action {
            AccountAction::Add(add) => on_table(&add.settings, OWN, async |client, _| add.run(client).await),
            AccountAction::List(List { json, settings }) => {
                on_table(&settings, OWN, async |client, _| list(client, json).await)
            }
            AccountAction::Rename(rename) => {
                on_table(&rename.settings, OWN, async |client, _| rename.run(client).await)
            }
            AccountAction::Remove(remove) => {
                on_table(&remove.settings, OWN, async |client, _| remove.run(client).await)
            }
        }
    }
}

const OWN: OwnTable = ("accounts", "accounts.query", |config| &config.accounts.query);

async fn all(client: &Client) -> Result<Vec<ListedAccount>, CliError> {
    read(client, "SELECT id, uuid, customer_id, name, side, currency_id FROM accounts FINAL ORDER BY id").await
}

impl AddAccount {
    /// An id may be that of an account that was removed: it stands in the CDRs, so the operator chooses. Calls of another
    /// customer under the same id stay that customer's, for every statement asks for the customer too.
    async fn run(&self, client: &Client) -> Result<(), CliError> {
        let rows = all(client).await?;
        let id = free_id("account", self.id, rows.iter().map(|row| row.id))?;
        let uuid = self.uuid.unwrap_or_else(Uuid::new_v4);
        if let Some(other) = rows.iter().find(|row| row.uuid == uuid) {
            return Err(CliError::Failed(format!("account {} has the uuid {uuid} already", other.id)));
        }
        let row = ListedAccount {
            id,
            uuid,
            customer_id: self.customer,
            name: self.name.clone(),
            side: self.side.clone().unwrap_or_default(),
            currency_id: self.currency,
        };
        insert(client, "accounts", &row).await?;
        log::info!("account {id} of customer {} added", self.customer);
        say(uuid);
        Ok(())
    }
}

async fn list(client: &Client, json: bool) -> Result<(), CliError> {
    let rows = all(client).await?;
    if json {
        return say_json(&rows);
    }
    let cells = |row: ListedAccount| {
        let side = if row.side.is_empty() { "both".to_owned() } else { row.side };
        let currency = row.currency_id.map_or_else(|| "-".to_owned(), |id| id.to_string());
        [row.id.to_string(), row.uuid.to_string(), row.customer_id.to_string(), side, currency, row.name]
    };
    say_table(["ID", "UUID", "CUSTOMER", "SIDE", "CURRENCY", "NAME"], rows.into_iter().map(cells));
    Ok(())
}

/// The row of an account.
async fn of_id(client: &Client, id: u32) -> Result<ListedAccount, CliError> {
    let row = all(client).await?.into_iter().find(|row| row.id == id);
    row.ok_or_else(|| CliError::Failed(format!("there is no account {id}")))
}

impl RenameAccount {
    async fn run(&self, client: &Client) -> Result<(), CliError> {
        let row = of_id(client, self.id).await?;
        let before = row.name;
        insert(client, "accounts", &ListedAccount { name: self.name.clone(), ..row }).await?;
        say(format_args!("account {} is {:?} and no longer {before:?}", self.id, self.name));
        Ok(())
    }
}

impl RemoveAccount {
    async fn run(&self, client: &Client) -> Result<(), CliError> {
        let row = of_id(client, self.id).await?;
        let statement = client.query_raw("DELETE FROM accounts WHERE id = {id:UInt32}").param("id", row.id);
        statement.execute().await?;
        say(format_args!("removed account {} of customer {}: {}, {}", row.id, row.customer_id, row.uuid, row.name));
        Ok(())
    }
}
