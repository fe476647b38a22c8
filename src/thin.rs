//! Old months without the details: the columns that no report reads are emptied, a month at a time, and every report goes
//! on giving the same figures, filters included. docs/operators.md says what is gained.
//!
//! Not a table of sums beside the calls: that would answer some questions about old months and not others, and would have
//! to be kept right when an old call is corrected.

use clickhouse::Client;

use crate::query::column::{COLUMNS, ColumnRow, Presence};

/// Columns of `cdrs` that stay besides those that reports read: its order, and the switch's own words on the end of a call.
const OTHERS: &[&str] = &["id", "success", "internal_disconnect_code"];

/// True for a column of `cdrs` that reports read, filter by, or are ordered by.
pub fn stays(name: &str) -> bool {
    let is_read = |row: &ColumnRow| row.name == name && row.cdrs != Presence::Unread;
    OTHERS.contains(&name) || COLUMNS.iter().any(is_read)
}

/// The columns that `schema/` gives the table; others are the operator's own and stay.
pub fn columns() -> impl Iterator<Item = &'static str> {
    let name = |word: &&str| word.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
    include_str!("../schema/0001_cdrs.sql")
        .lines()
        .take_while(|line| *line != ")")
        .filter_map(|line| line.strip_prefix("    ")?.split(' ').next())
        .filter(|word| !word.is_empty())
        .filter(name)
}

/// The columns that old months lose.
pub fn details() -> Vec<&'static str> {
    columns().filter(|name| !stays(name)).collect()
}

/// A month that still has details.
#[derive(Clone, Debug, PartialEq, Eq, clickhouse::Row, serde::Deserialize)]
pub struct Month {
    /// The partition: `202501`.
    pub partition: String,
    /// Rows.
    pub rows: u64,
    /// Bytes on disk, projections included.
    pub bytes: u64,
    /// Compressed bytes of the details among them.
    pub details: u64,
}

/// The months of `cdrs` before `before` (`YYYYMM`) that have details, oldest first.
///
/// # Errors
/// ClickHouse refused the query, or could not be reached.
pub async fn months(client: &Client, before: u32) -> clickhouse::error::Result<Vec<Month>> {
    let sql = "SELECT partition, any(all_rows) AS rows, any(all_bytes) AS bytes, sum(column_data_compressed_bytes) AS details \
        FROM system.parts_columns AS c INNER JOIN (\
            SELECT partition, sum(rows) AS all_rows, sum(bytes_on_disk) AS all_bytes FROM system.parts \
            WHERE database = currentDatabase() AND table = 'cdrs' AND active GROUP BY partition) AS p USING (partition) \
        WHERE database = currentDatabase() AND table = 'cdrs' AND active AND toUInt32OrZero(partition) < {before:UInt32} \
        AND column IN {details:Array(String)} \
        GROUP BY partition ORDER BY partition";
    client.query_raw(sql).param("before", before).param("details", details()).fetch_all().await
}

/// Empties the details of one month and waits until that is done. Harmless where there are none.
///
/// # Errors
/// ClickHouse refused or could not be reached; the month then still has all its details, or none.
pub async fn clear(client: &Client, month: &Month) -> clickhouse::error::Result<()> {
    // Names are constants or, for the partition, ClickHouse's own; a name cannot be a parameter of an ALTER.
    let each: Vec<String> =
        details().iter().map(|name| format!("CLEAR COLUMN `{name}` IN PARTITION '{}'", month.partition)).collect();
    client
        .clone()
        .with_setting("alter_sync", "1")
        .with_setting("mutations_sync", "1")
        .query_raw(&format!("ALTER TABLE cdrs {}", each.join(", ")))
        .execute()
        .await
}
