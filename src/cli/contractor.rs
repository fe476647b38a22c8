//! `cdrscope contractor`: rows of `contractors`, the names of customers and vendors.

use clap::Subcommand;
use clickhouse::Client;

use super::rows::{List, OwnTable, insert, on_table, read, say_json, say_table};
use super::settings::Settings;
use super::{CliError, say};
use crate::access::operators::ContractorRow;

/// Arguments of `contractor`.
#[derive(clap::Args)]
pub struct ContractorCommand {
    #[command(subcommand)]
    action: ContractorAction,
}

#[derive(Subcommand)]
enum ContractorAction {
    /// Name a customer or vendor, or name it anew
    Name(NameContractor),
    /// List the names
    List(List),
    /// Remove a name
    Remove(RemoveContractor),
}

#[derive(clap::Args)]
struct NameContractor {
    /// Number of the customer or vendor in the CDRs
    #[arg(value_parser = clap::value_parser!(u32).range(1..))]
    id: u32,
    /// Its name
    name: String,
    #[command(flatten)]
    settings: Settings,
}

#[derive(clap::Args)]
struct RemoveContractor {
    /// Number of the customer or vendor
    id: u32,
    #[command(flatten)]
    settings: Settings,
}

impl ContractorCommand {
    /// Does what is asked.
    pub fn run(self) -> Result<(), CliError> {
        match self.action {
            ContractorAction::Name(NameContractor { id, name, settings }) => {
                on_table(&settings, OWN, async |client, _| {
                    insert(client, "contractors", &ContractorRow { id, name: name.clone() }).await?;
                    say(format_args!("{id} is {name}"));
                    Ok(())
                })
            }
            ContractorAction::List(List { json, settings }) => {
                on_table(&settings, OWN, async |client, _| list(client, json).await)
            }
            ContractorAction::Remove(RemoveContractor { id, settings }) => {
                on_table(&settings, OWN, async |client, _| remove(client, id).await)
            }
        }
    }
}

const OWN: OwnTable = ("contractors", "accounts.contractors_query", |config| &config.accounts.contractors_query);

async fn all(client: &Client) -> Result<Vec<ContractorRow>, CliError> {
    read(client, "SELECT id, name FROM contractors FINAL ORDER BY id").await
}

async fn list(client: &Client, json: bool) -> Result<(), CliError> {
    let rows = all(client).await?;
    if json {
        return say_json(&rows);
    }
    say_table(["ID", "NAME"], rows.into_iter().map(|row| [row.id.to_string(), row.name]));
    Ok(())
}

async fn remove(client: &Client, id: u32) -> Result<(), CliError> {
    let Some(row) = all(client).await?.into_iter().find(|row| row.id == id) else {
        return Err(CliError::Failed(format!("there is no name of {id}")));
    };
    client.query_raw("DELETE FROM contractors WHERE id = {id:UInt32}").param("id", id).execute().await?;
    say(format_args!("removed the name of {id}, {}", row.name));
    Ok(())
}
