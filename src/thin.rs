//! Old months without the details: the columns that no report reads are emptied, a month at a time, and every report goes
//! on giving the same figures, filters included. docs/operators.md says what is gained.
//!
//! Not a table of sums beside the calls: that would answer some questions about old months and not others, and would have
//! to be kept right when an old call is corrected.

use clickhouse::Client;

/// Columns of `cdrs` that reports read, filter by or are ordered by: these stay.
pub const KEPT: &[&str] = &[
    "id",
    "time_start",
    "customer_id",
    "customer_acc_id",
    "vendor_id",
    "vendor_acc_id",
    "is_last_cdr",
    "duration",
    "customer_duration",
    "vendor_duration",
    "customer_price",
    "vendor_price",
    "src_country_id",
    "dst_country_id",
    "src_prefix_routing",
    "dst_prefix_routing",
    "auth_orig_ip",
    "pdd",
    "lega_disconnect_code",
    "lega_q850_cause",
    "legb_disconnect_code",
    "legb_q850_cause",
    // What breakdowns tell calls apart by.
    "success",
    "internal_disconnect_code",
    "dst_network_id",
    "destination_prefix",
];

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
    columns().filter(|name| !KEPT.contains(name)).collect()
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
    /// How many of them are details, compressed.
    pub details: u64,
}

/// The months of `cdrs` before `before` (`YYYYMM`) that have details, oldest first.
///
/// # Errors
/// What ClickHouse says.
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
/// What ClickHouse says; the month then still has all its details, or none.
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
