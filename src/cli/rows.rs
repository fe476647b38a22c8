//! Shared parts of the commands on `accounts` and `api_access`: the way to the tables, ids, and printing of rows.

use clickhouse::{Client, RowOwned, RowRead};
use serde::Serialize;
use uuid::Uuid;

use super::connect::ClickHouseConnection;
use super::serve::prepare;
use super::settings::Settings;
use super::{CliError, block_on, configure, say};
use crate::access::Directory;
use crate::config::Config;
use crate::store::Store;

/// Arguments of a command that lists rows.
#[derive(clap::Args)]
pub struct List {
    /// Print JSON
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub settings: Settings,
}

/// A table of cdrscope's own: its name, and the setting with a query that may stand in its place.
pub type OwnTable = (&'static str, &'static str, fn(&Config) -> &str);

/// Does `work` with an administrator's client, once the tables are there. Rows of an own table cannot be changed where the
/// configuration has a query in its place.
pub fn on_table(
    settings: &Settings,
    (table, key, query): OwnTable,
    work: impl AsyncFnOnce(&Client, &Config) -> Result<(), CliError>,
) -> Result<(), CliError> {
    let config = &configure(settings)?;
    if !query(config).is_empty() {
        return Err(CliError::Usage(format!(
            "{key} is set, so the table {table} is not read: change the rows where that query finds them"
        )));
    }
    block_on(async {
        let run = async |connection: &ClickHouseConnection| {
            prepare(config, connection).await?;
            work(&connection.admin(config), config).await
        };
        ClickHouseConnection::open(config).await?.closing(run).await
    })
}

/// All rows of a query.
pub async fn read<T: RowOwned + RowRead>(client: &Client, sql: &str) -> Result<Vec<T>, CliError> {
    Ok(client.query_raw(sql).fetch_all().await?)
}

/// Inserts one row. The last inserted row of an id counts.
pub async fn insert<T>(client: &Client, table: &str, row: &T) -> Result<(), CliError>
where
    T: clickhouse::RowOwned + clickhouse::RowWrite,
{
    let mut insert = client.insert::<T>(table).await?;
    insert.write(row).await?;
    Ok(insert.end().await?)
}

/// The id asked for, unless it is taken; or the one after the last.
pub fn free_id(what: &str, asked: Option<u32>, taken: impl Iterator<Item = u32>) -> Result<u32, CliError> {
    let taken: Vec<u32> = taken.collect();
    match asked {
        Some(id) if taken.contains(&id) => {
            Err(CliError::Failed(format!("{what} {id} is there already: remove it first, or leave out --id")))
        }
        Some(id) => Ok(id),
        None => taken
            .into_iter()
            .max()
            .unwrap_or(0)
            .checked_add(1)
            .ok_or_else(|| CliError::Failed("the last id is taken: choose a free one with --id".into())),
    }
}

/// The integer ids of a customer's accounts, wherever the configuration reads accounts from. One that is not the customer's
/// is refused: what was made with it would see nothing.
pub async fn account_ids(
    config: &Config,
    client: Client,
    customer_id: u32,
    accounts: &[Uuid],
) -> Result<Vec<u32>, CliError> {
    if accounts.is_empty() {
        return Ok(Vec::new());
    }
    let directory = Directory::new(config);
    directory.refresh(&Store::new(move || client.clone(), &config.limits)).await?;
    let snapshot =
        directory.snapshot().map_err(|_stale| CliError::Failed("reading the accounts took too long".into()))?;
    let id = |uuid: &Uuid| {
        let account = snapshot.accounts.get(uuid).filter(|account| account.customer_id == customer_id);
        let missing = || CliError::Failed(format!("customer {customer_id} has no account {uuid}"));
        account.map(|account| account.id).ok_or_else(missing)
    };
    accounts.iter().map(id).collect()
}

/// Prints a table with aligned columns.
pub fn say_table<const N: usize>(head: [&str; N], rows: impl Iterator<Item = [String; N]>) {
    let lines: Vec<[String; N]> =
        std::iter::once(head.map(str::to_owned)).chain(rows.map(|row| row.map(plain))).collect();
    let width = |column: usize| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or(0);
    let widths: [usize; N] = std::array::from_fn(width);
    for line in &lines {
        let cells: Vec<String> = line.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}")).collect();
        say(cells.join("  ").trim_end());
    }
}

/// Names come from elsewhere: a control character could rewrite the terminal.
fn plain(cell: String) -> String {
    cell.replace(char::is_control, "\u{fffd}")
}

/// Prints rows as one JSON array.
pub fn say_json(rows: &[impl Serialize]) -> Result<(), CliError> {
    say(serde_json::to_string_pretty(rows)?);
    Ok(())
}
