//! Telling our tables from somebody else's of the same names, before a step takes these for ours.

use clickhouse::Client;

use super::{MigrateError, reading};

/// The marks of a table of ours, which a table of somebody else's of the same name lacks.
pub(super) struct Ours {
    /// The number of the step that makes it.
    pub(super) made_by: u32,
    table: &'static str,
    /// As `system.tables` shows it.
    sorting_key: &'static str,
    /// The end of its engine's name; a cluster's engine has other beginnings.
    engine: &'static str,
    /// Some that it has.
    columns: &'static [&'static str],
    /// The setting for somebody else's.
    setting: &'static str,
}

/// One for each table that the steps make.
pub(super) const OURS: &[Ours] = &[
    Ours {
        made_by: 1,
        table: "cdrs",
        sorting_key: "customer_acc_id, time_start, id",
        engine: "MergeTree",
        columns: &["customer_id", "vendor_acc_id"],
        setting: "tables.cdrs",
    },
    Ours {
        made_by: 2,
        table: "active_calls",
        sorting_key: "customer_acc_id, snapshot_timestamp, node_id, id",
        engine: "MergeTree",
        columns: &["customer_id", "vendor_acc_id"],
        setting: "tables.active_calls",
    },
    Ours {
        made_by: 3,
        table: "accounts",
        sorting_key: "id",
        engine: "ReplacingMergeTree",
        columns: &["uuid", "customer_id", "name"],
        setting: "accounts.query",
    },
    Ours {
        made_by: 4,
        table: "api_access",
        sorting_key: "id",
        engine: "ReplacingMergeTree",
        columns: &["customer_id", "account_ids", "allowed_ips", "login", "password_hash"],
        setting: "accounts.access_query",
    },
    Ours {
        made_by: 11,
        table: "countries",
        sorting_key: "id",
        engine: "ReplacingMergeTree",
        columns: &["name", "iso"],
        setting: "accounts.countries_query",
    },
    Ours {
        made_by: 22,
        table: "token_revocations",
        sorting_key: "customer_id, jti, not_before",
        engine: "ReplacingMergeTree",
        columns: &["customer_id", "jti", "not_before"],
        setting: "accounts.revocations_query",
    },
    Ours {
        made_by: 26,
        table: "operator_access",
        sorting_key: "id",
        engine: "ReplacingMergeTree",
        columns: &["name", "customer_ids", "vendor_ids", "may", "allowed_ips"],
        setting: "accounts.operators_query",
    },
    Ours {
        made_by: 27,
        table: "contractors",
        sorting_key: "id",
        engine: "ReplacingMergeTree",
        columns: &["name"],
        setting: "accounts.contractors_query",
    },
];

impl Ours {
    /// `IF NOT EXISTS` would take somebody else's table for ours, and later steps would alter it.
    pub(super) async fn refuse_foreign(&self, client: &Client, database: &str) -> Result<(), MigrateError> {
        let sql = "SELECT count() FROM system.tables WHERE database = currentDatabase() AND name = {table:String} \
                   AND NOT (sorting_key = {key:String} AND endsWith(engine, {engine:String}) \
                   AND (SELECT count() FROM system.columns WHERE database = currentDatabase() AND table = {table:String} \
                   AND has({columns:Array(String)}, name)) = length({columns:Array(String)}))";
        let query = client
            .query_raw(sql)
            .param("table", self.table)
            .param("key", self.sorting_key)
            .param("engine", self.engine)
            .param("columns", self.columns);
        if query.fetch_one::<u64>().await.map_err(reading)? > 0 {
            return Err(MigrateError::Foreign {
                database: database.to_owned(),
                table: self.table,
                setting: self.setting,
            });
        }
        Ok(())
    }
}
