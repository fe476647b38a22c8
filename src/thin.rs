//! Old months without the details: the columns that no report reads are emptied, a month at a time, and every report goes
//! on giving the same figures, filters included. Those by which a bill is made or explained stay unless somebody says otherwise.
//! docs/operators.md says what is gained.
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

/// A use of columns that no report reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Numbers and names of the parties as the switch had them.
    Numbers,
    /// Addresses, gateways and identifiers of the signalling.
    Signalling,
    /// Texts of the end of a call, and resources that failed.
    Causes,
    /// Ways that calls took, and the rows of the switch's settings behind them.
    Routing,
    /// Prices, rates, intervals, times, and the rows behind them.
    Billing,
}

impl Purpose {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Numbers, Self::Signalling, Self::Causes, Self::Routing, Self::Billing];

    /// Its word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Numbers => "numbers",
            Self::Signalling => "signalling",
            Self::Causes => "causes",
            Self::Routing => "routing",
            Self::Billing => "billing",
        }
    }

    /// The columns of this use, without those that stay; each that does not is of one.
    pub fn columns(self) -> impl Iterator<Item = &'static str> {
        let names = match self {
            Self::Numbers => {
                "src_prefix_in src_prefix_out dst_prefix_in dst_prefix_out src_name_in src_name_out diversion_in diversion_out \
                 pai_in pai_out ppi_in ppi_out privacy_in privacy_out rpid_in rpid_out rpid_privacy_in rpid_privacy_out \
                 p_charge_info_in lrn cdo ruri_domain to_domain from_domain legb_ruri auth_orig_lat auth_orig_lon"
            }
            Self::Signalling => {
                "uuid orig_call_id term_call_id local_tag legb_local_tag global_tag sign_orig_ip sign_orig_port \
                 sign_orig_local_ip sign_orig_local_port sign_term_ip sign_term_port sign_term_local_ip sign_term_local_port \
                 auth_orig_port auth_orig_transport_protocol_id sign_orig_transport_protocol_id \
                 sign_term_transport_protocol_id legb_outbound_proxy orig_gw_id orig_gw_external_id term_gw_external_id \
                 lega_user_agent legb_user_agent lega_identity lega_ss_status_id legb_ss_status_id core_version yeti_version \
                 pop_id node_id rtt early_media_present audio_recorded dump_level_id"
            }
            Self::Causes => {
                "internal_disconnect_reason internal_disconnect_code_id disconnect_initiator_id lega_disconnect_reason \
                 legb_disconnect_reason lega_q850_text legb_q850_text lega_q850_params legb_q850_params \
                 failed_resource_type_id failed_resource_id"
            }
            Self::Routing => {
                "routing_group_id routing_plan_id routing_attempt routing_delay routing_tag_ids lnp_database_id dialpeer_prefix \
                 src_area_id dst_area_id src_network_id src_network_type_id dst_network_type_id is_redirected metadata \
                 customer_auth_name customer_auth_external_id customer_auth_external_type"
            }
            Self::Billing => {
                "profit time_end date_start destination_id dialpeer_id rateplan_id destination_fee dialpeer_fee \
                 destination_attempt_fee dialpeer_attempt_fee destination_initial_rate dialpeer_initial_rate \
                 destination_initial_interval destination_next_interval dialpeer_initial_interval dialpeer_next_interval \
                 destination_rate_policy_id customer_invoice_id vendor_invoice_id customer_acc_vat \
                 customer_account_check_balance package_counter_id customer_external_id customer_acc_external_id \
                 vendor_external_id vendor_acc_external_id"
            }
        };
        names.split_ascii_whitespace().filter(|name| !stays(name))
    }
}

/// The columns that old months lose.
pub fn details(with_billing: bool) -> Vec<&'static str> {
    let lost = |purpose: &Purpose| with_billing || *purpose != Purpose::Billing;
    Purpose::ALL.into_iter().filter(lost).flat_map(Purpose::columns).collect()
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

/// The months of `cdrs` before `before` (`YYYYMM`) that have some of `details`, oldest first.
///
/// # Errors
/// ClickHouse refused the query, or could not be reached.
pub async fn months(client: &Client, before: u32, details: &[&str]) -> clickhouse::error::Result<Vec<Month>> {
    let sql = "SELECT partition, any(all_rows) AS rows, any(all_bytes) AS bytes, sum(column_data_compressed_bytes) AS details \
        FROM system.parts_columns AS c INNER JOIN (\
            SELECT partition, sum(rows) AS all_rows, sum(bytes_on_disk) AS all_bytes FROM system.parts \
            WHERE database = currentDatabase() AND table = 'cdrs' AND active GROUP BY partition) AS p USING (partition) \
        WHERE database = currentDatabase() AND table = 'cdrs' AND active AND toUInt32OrZero(partition) < {before:UInt32} \
        AND column IN {details:Array(String)} \
        GROUP BY partition ORDER BY partition";
    client.query_raw(sql).param("before", before).param("details", details).fetch_all().await
}

/// Empties the details of one month and waits until that is done. Harmless where there are none.
///
/// # Errors
/// ClickHouse refused or could not be reached; the month then still has all its details, or none.
pub async fn clear(client: &Client, month: &Month, details: &[&'static str]) -> clickhouse::error::Result<()> {
    // Names are constants or, for the partition, ClickHouse's own; a name cannot be a parameter of an ALTER.
    let each: Vec<String> =
        details.iter().map(|name| format!("CLEAR COLUMN `{name}` IN PARTITION '{}'", month.partition)).collect();
    client
        .clone()
        .with_setting("alter_sync", "1")
        .with_setting("mutations_sync", "1")
        .query_raw(&format!("ALTER TABLE cdrs {}", each.join(", ")))
        .execute()
        .await
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_column_stays_or_has_one_purpose() {
        let mut left: BTreeSet<&str> = columns().filter(|name| !stays(name)).collect();
        for purpose in Purpose::ALL {
            for name in purpose.columns() {
                assert!(left.remove(name), "{}: {name} is not there, or has two purposes", purpose.word());
            }
        }
        assert!(left.is_empty(), "without a purpose: {left:?}");
    }

    #[test]
    fn bills_can_still_be_made_and_explained() {
        let lost = details(false);
        let words = ["price", "profit", "rate", "fee", "interval", "currency", "time_", "duration", "invoice", "vat"];
        for name in &lost {
            assert!(!words.iter().any(|word| name.contains(word)), "{name}");
        }
        assert!(details(true).len() > lost.len() + 20);
    }
}
