//! What the commands on `accounts` and `api_access` share: the way to the tables, ids, and how rows are printed.

use clickhouse::{Client, RowOwned, RowRead};
use serde::Serialize;
use uuid::Uuid;

use super::connect::Connection;
use super::serve::prepare;
use super::{CliError, say};
use crate::access::Directory;
use crate::config::Config;
use crate::store::Store;

/// Does `work` with an administrator's client, once the tables are there.
pub async fn with_tables<T>(
    config: &Config,
    work: impl AsyncFnOnce(&Client) -> Result<T, CliError>,
) -> Result<T, CliError> {
    let connection = Connection::open(config).await?;
    let done = async {
        prepare(config, &connection).await?;
        work(&connection.admin(config)).await
    }
    .await;
    connection.close().await;
    done
}

/// Rows of an own table cannot be changed where the configuration has a query in its place.
pub fn refuse_query(table: &str, key: &str, query: &str) -> Result<(), CliError> {
    if query.is_empty() {
        return Ok(());
    }
    Err(CliError::Usage(format!(
        "{key} is set, so the table {table} is not read: change the rows where that query finds them"
    )))
}

/// All rows of a query.
pub async fn read<T: RowOwned + RowRead>(client: &Client, sql: &str) -> Result<Vec<T>, CliError> {
    client.query_raw(sql).fetch_all().await.map_err(CliError::failed)
}

/// Inserts one row. The last inserted row of an id counts.
pub async fn insert<T>(client: &Client, table: &str, row: &T) -> Result<(), CliError>
where
    T: clickhouse::RowOwned + clickhouse::RowWrite,
{
    let write = async {
        let mut insert = client.insert::<T>(table).await?;
        insert.write(row).await?;
        insert.end().await
    };
    write.await.map_err(CliError::failed)
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
    let directory = Directory::new(&config.accounts);
    directory.refresh(&Store::new(move || client.clone(), &config.limits)).await.map_err(CliError::failed)?;
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
    say(serde_json::to_string_pretty(rows).map_err(CliError::failed)?);
    Ok(())
}
