//! `cdrscope operator`: rows of `operator_access`, the operator's own people.

use clap::Subcommand;
use clickhouse::Client;
use serde::Serialize;

use super::access::network;
use super::rows::{List, OwnTable, free_id, insert, on_table, read, say_json, say_table};
use super::settings::Settings;
use super::{CliError, say};
use crate::access::operators::OperatorRow;
use crate::report::audience::Rights;

/// Arguments of `operator`.
#[derive(clap::Args)]
pub struct OperatorCommand {
    #[command(subcommand)]
    action: OperatorAction,
}

#[derive(Subcommand)]
enum OperatorAction {
    /// Add one of the operator's people and print the row's id
    Add(AddOperator),
    /// List them
    List(List),
    /// Remove one; tokens that stand for the row are refused from then on
    Remove(RemoveOperator),
}

#[derive(clap::Args)]
struct AddOperator {
    /// Id of the row, which none has had before [default: one more than the last]
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    id: Option<u32>,
    /// Name, for people
    #[arg(long, value_name = "TEXT")]
    name: String,
    /// Only calls of this customer; may be repeated
    #[arg(long, value_name = "ID", value_parser = clap::value_parser!(u32).range(1..))]
    customer: Vec<u32>,
    /// Only attempts sent to this vendor; may be repeated
    #[arg(long, value_name = "ID", value_parser = clap::value_parser!(u32).range(1..))]
    vendor: Vec<u32>,
    /// A right: cost, vendors, numbers or export; may be repeated
    #[arg(long, value_name = "RIGHT", value_parser = right)]
    may: Vec<String>,
    /// Only from this address or network; may be repeated
    #[arg(long, value_name = "NET", value_parser = network)]
    allowed_ip: Vec<String>,
    #[command(flatten)]
    settings: Settings,
}

#[derive(clap::Args)]
struct RemoveOperator {
    /// Id of the row
    id: u32,
    #[command(flatten)]
    settings: Settings,
}

fn right(word: &str) -> Result<String, String> {
    let known = Rights::WORDS.contains(&word);
    if known { Ok(word.to_owned()) } else { Err(format!("expected one of: {}", Rights::WORDS.join(", "))) }
}

impl OperatorCommand {
    /// Does what is asked.
    pub fn run(self) -> Result<(), CliError> {
        match self.action {
            OperatorAction::Add(add) => on_table(&add.settings, OWN, async |client, _| add.run(client).await),
            OperatorAction::List(List { json, settings }) => {
                on_table(&settings, OWN, async |client, _| list(client, json).await)
            }
            OperatorAction::Remove(remove) => {
                on_table(&remove.settings, OWN, async |client, _| remove.run(client).await)
            }
        }
    }
}

const OWN: OwnTable = ("operator_access", "accounts.operators_query", |config| &config.accounts.operators_query);

async fn all(client: &Client) -> Result<Vec<OperatorRow>, CliError> {
    read(client, "SELECT id, name, customer_ids, vendor_ids, may, allowed_ips, login, password_hash FROM operator_access FINAL ORDER BY id")
        .await
}

impl AddOperator {
    async fn run(&self, client: &Client) -> Result<(), CliError> {
        let rows = all(client).await?;
        if let Some(id) = self.id.filter(|id| rows.iter().any(|row| row.is_removed() && row.id == *id)) {
            let what = format!("operator {id} was removed, and tokens for it may still be about: leave out --id");
            return Err(CliError::Failed(what));
        }
        let id = free_id("operator", self.id, rows.iter().map(|row| row.id))?;
        let row = OperatorRow {
            id,
            name: self.name.clone(),
            customer_ids: self.customer.clone(),
            vendor_ids: self.vendor.clone(),
            may: self.may.clone(),
            allowed_ips: self.allowed_ip.clone(),
            ..OperatorRow::default()
        };
        insert(client, "operator_access", &row).await?;
        log::info!("operator {id} ({}) added", self.name);
        say(id);
        Ok(())
    }
}

/// A row as it is listed.
#[derive(Serialize)]
struct ListedOperator {
    id: u32,
    name: String,
    customer_ids: Vec<u32>,
    vendor_ids: Vec<u32>,
    may: Vec<String>,
    allowed_ips: Vec<String>,
}

async fn list(client: &Client, json: bool) -> Result<(), CliError> {
    let rows = all(client).await?.into_iter().filter(|row| !row.is_removed()).map(|row| ListedOperator {
        id: row.id,
        name: row.name,
        customer_ids: row.customer_ids,
        vendor_ids: row.vendor_ids,
        may: row.may,
        allowed_ips: row.allowed_ips,
    });
    let rows: Vec<ListedOperator> = rows.collect();
    if json {
        return say_json(&rows);
    }
    let or = |list: Vec<String>, none: &str| if list.is_empty() { none.to_owned() } else { list.join(",") };
    let ids = |ids: &[u32]| or(ids.iter().map(u32::to_string).collect(), "all");
    let cells = |row: &ListedOperator| {
        [
            row.id.to_string(),
            row.name.clone(),
            ids(&row.customer_ids),
            ids(&row.vendor_ids),
            or(row.may.clone(), "counts"),
            or(row.allowed_ips.clone(), "any"),
        ]
    };
    say_table(["ID", "NAME", "CUSTOMERS", "VENDORS", "MAY", "ADDRESSES"], rows.iter().map(cells));
    Ok(())
}

impl RemoveOperator {
    async fn run(&self, client: &Client) -> Result<(), CliError> {
        let rows = all(client).await?;
        let Some(row) = rows.into_iter().find(|row| row.id == self.id && !row.is_removed()) else {
            return Err(CliError::Failed(format!("there is no operator {}", self.id)));
        };
        insert(client, "operator_access", &OperatorRow::removed(row.id)).await?;
        say(format_args!("removed operator {} ({})", row.id, row.name));
        Ok(())
    }
}
