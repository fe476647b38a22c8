//! The parts of a table, which tell what changed in it: `system.parts` of the server that holds them.

use clickhouse::{Client, Row};
use serde::Deserialize;

use super::in_time;
use crate::sql::layout;

/// A part, its columns as they are: each function in the statement would cost more than the few parts do here.
#[derive(Clone, Debug, Default, PartialEq, Eq, Row, Deserialize)]
pub struct PartRow {
    /// `partition_min_max_level` or `partition_min_max_level_mutation`.
    pub name: String,
    /// Its partition.
    pub partition: String,
    /// First block.
    pub min_block: i64,
    /// Last block.
    pub max_block: i64,
    /// The latest mutation that it has been through; its first block if none.
    pub version: u64,
    /// Earliest value of the time that partitions are cut by, epoch seconds; 0 if they are cut by another column.
    pub min_time: u32,
    /// Latest value of it.
    pub max_time: u32,
    /// Rows, deleted ones that no merge has dropped yet among them.
    pub rows: u64,
    /// When it was made, epoch seconds.
    pub made: u32,
    /// Its folder.
    pub path: String,
    /// The server's clock, epoch seconds.
    pub now: u32,
    /// Seconds for which the server has been up.
    pub uptime: u32,
}

impl PartRow {
    /// When the server was started, epoch seconds.
    pub fn started(&self) -> i64 {
        i64::from(self.now) - i64::from(self.uptime)
    }

    /// The UUID of the table, after which the folder above a part's own is named: another table under the same name has parts
    /// with the same names.
    pub fn table(&self) -> &str {
        self.path.rsplit('/').nth(2).unwrap_or_default()
    }
}

/// Lists the parts of a table, in `database` unless the table names its own.
///
/// # Errors
/// The query failed, or took longer than five seconds.
pub async fn parts(client: &Client, database: &str, table: &str) -> clickhouse::error::Result<Vec<PartRow>> {
    in_time(client.query_raw(&layout::parts(database, table)).fetch_all()).await
}
