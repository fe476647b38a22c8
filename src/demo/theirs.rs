//! Telling somebody's own rows from made-up ones, so that the demo neither mixes with the former nor overwrites them.

use clickhouse::Client;

use super::accounts::{DemoAccount, FIRST_VENDOR, FIRST_VENDOR_ACCOUNT};
use super::{DemoError, doing};

/// True if `cdrs` holds made-up calls only, or none: then more may be added. Their ids lie where no small number does, and their
/// vendors' accounts are numbered after the vendors.
///
/// # Errors
/// When ClickHouse refuses or cannot be asked.
pub async fn is_alone(client: &Client) -> Result<bool, DemoError> {
    let sql = "SELECT 1 FROM cdrs WHERE NOT (id BETWEEN {first:UInt64} AND {last:UInt64} \
               AND toInt64(vendor_acc_id) - toInt64(vendor_id) = {step:UInt32}) LIMIT 1";
    let query = client
        .query_raw(sql)
        .param("first", 1u64 << 40)
        .param("last", (1u64 << 52) - 1)
        .param("step", FIRST_VENDOR_ACCOUNT - FIRST_VENDOR);
    Ok(query.fetch_optional::<u8>().await.map_err(doing("looking at the CDRs"))?.is_none())
}

/// The last row of an id counts, so that a made-up one would take the place of somebody's own, a removed access's too. The
/// demo's accounts have the same uuid in every run, and its access nothing but the same number twice.
pub(super) async fn refuse(client: &Client, all: &[DemoAccount], owners: &[u32]) -> Result<(), DemoError> {
    let accounts = client
        .query_raw(
            "SELECT count() FROM accounts FINAL WHERE has({ids:Array(UInt32)}, id) AND \
             uuid != {uuids:Array(UUID)}[indexOf({ids:Array(UInt32)}, id)]",
        )
        .param("ids", all.iter().map(|a| a.id).collect::<Vec<_>>())
        .param("uuids", all.iter().map(|a| a.uuid.to_string()).collect::<Vec<_>>());
    let access = client
        .query_raw(
            "SELECT count() FROM api_access FINAL WHERE has({owners:Array(UInt32)}, id) AND NOT (customer_id = id \
             AND empty(account_ids) AND empty(allowed_ips) AND login = '' AND password_hash = '')",
        )
        .param("owners", owners);
    for (table, query) in [("accounts", accounts), ("api_access", access)] {
        if query.fetch_one::<u64>().await.map_err(doing("looking at accounts and api_access"))? > 0 {
            return Err(DemoError::Theirs { table });
        }
    }
    Ok(())
}
