//! `cdrscope account`: rows of `accounts`.

use clap::Subcommand;
use clickhouse::{Client, Row};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::rows::{free_id, insert, read, refuse_query, say_json, say_table, with_tables};
use super::settings::Settings;
use super::{CliError, block_on, configure, say};
use crate::config::Config;

/// Arguments of `account`.
#[derive(clap::Args)]
pub struct Account {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// Add an account and print its uuid
    Add(Add),
    /// List the accounts
    List(List),
    /// Remove an account
    Remove(Remove),
}

#[derive(clap::Args)]
struct Add {
    /// Number of the account in the CDRs [default: one more than the last]
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    id: Option<u32>,
    /// Customer, or vendor, that it belongs to
    #[arg(long, value_name = "ID", value_parser = clap::value_parser!(u32).range(1..))]
    customer: u32,
    /// What people call it
    #[arg(long, value_name = "TEXT")]
    name: String,
    /// What callers of the API name it by [default: a new one]
    #[arg(long)]
    uuid: Option<Uuid>,
    #[command(flatten)]
    settings: Settings,
}

#[derive(clap::Args)]
struct List {
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    settings: Settings,
}

#[derive(clap::Args)]
struct Remove {
    /// Number of the account
    id: u32,
    #[command(flatten)]
    settings: Settings,
}

#[derive(Row, Serialize, Deserialize)]
struct AccountRow {
    id: u32,
    #[serde(with = "clickhouse::serde::uuid")]
    uuid: Uuid,
    customer_id: u32,
    name: String,
}

impl Account {
    /// Does what is asked.
    pub fn run(self) -> Result<(), CliError> {
        match self.action {
            Action::Add(add) => {
                let config = settle(&add.settings)?;
                block_on(with_tables(&config, async |client| add.run(client).await))
            }
            Action::List(list) => {
                let config = settle(&list.settings)?;
                block_on(with_tables(&config, async |client| list.run(client).await))
            }
            Action::Remove(remove) => {
                let config = settle(&remove.settings)?;
                block_on(with_tables(&config, async |client| remove.run(client).await))
            }
        }
    }
}

fn settle(settings: &Settings) -> Result<Config, CliError> {
    let config = configure(settings)?;
    refuse_query("accounts", "accounts.query", &config.accounts.query)?;
    Ok(config)
}

async fn all(client: &Client) -> Result<Vec<AccountRow>, CliError> {
    read(client, "SELECT id, uuid, customer_id, name FROM accounts FINAL ORDER BY id").await
}

impl Add {
    /// An id may be that of an account that was removed: it stands in the CDRs, so the operator chooses. Calls of another
    /// customer under the same id stay that customer's, for every statement asks for the customer too.
    async fn run(&self, client: &Client) -> Result<(), CliError> {
        let rows = all(client).await?;
        let id = free_id("account", self.id, rows.iter().map(|row| row.id))?;
        let uuid = self.uuid.unwrap_or_else(Uuid::new_v4);
        if let Some(other) = rows.iter().find(|row| row.uuid == uuid) {
            return Err(CliError::Failed(format!("account {} has the uuid {uuid} already", other.id)));
        }
        let row = AccountRow { id, uuid, customer_id: self.customer, name: self.name.clone() };
        insert(client, "accounts", &row).await?;
        log::info!("account {id} of customer {} added", self.customer);
        say(uuid);
        Ok(())
    }
}

impl List {
    async fn run(&self, client: &Client) -> Result<(), CliError> {
        let rows = all(client).await?;
        if self.json {
            return say_json(&rows);
        }
        let cells = |row: AccountRow| [row.id.to_string(), row.uuid.to_string(), row.customer_id.to_string(), row.name];
        say_table(["ID", "UUID", "CUSTOMER", "NAME"], rows.into_iter().map(cells));
        Ok(())
    }
}

impl Remove {
    async fn run(&self, client: &Client) -> Result<(), CliError> {
        let rows = all(client).await?;
        let Some(row) = rows.into_iter().find(|row| row.id == self.id) else {
            return Err(CliError::Failed(format!("there is no account {}", self.id)));
        };
        let statement = client.query_raw("DELETE FROM accounts WHERE id = {id:UInt32}").param("id", row.id);
        statement.execute().await.map_err(CliError::failed)?;
        say(format_args!("removed account {} of customer {}: {}, {}", row.id, row.customer_id, row.uuid, row.name));
        Ok(())
    }
}
