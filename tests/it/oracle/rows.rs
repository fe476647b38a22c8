//! The rows of the tables, with the fields that the reports look at, and the lines that put them there.

use super::{json, number, time};

/// An account: the text that callers name it by, its id, and the customer who owns it.
#[derive(Clone, Debug)]
pub struct Account {
    pub id: u32,
    /// Lower case with hyphens.
    pub uuid: String,
    pub customer_id: u32,
}

/// A row of `cdrs`: one routing attempt.
#[derive(Clone, Debug, Default)]
pub struct Cdr {
    pub id: u64,
    pub customer_id: u32,
    pub vendor_id: u32,
    pub customer_acc_id: u32,
    pub vendor_acc_id: u32,
    /// Millionths.
    pub customer_price: i64,
    /// Millionths.
    pub vendor_price: i64,
    pub duration: i32,
    pub customer_duration: Option<i32>,
    pub vendor_duration: Option<i32>,
    /// Epoch seconds.
    pub time_start: i64,
    pub is_last_cdr: bool,
    pub auth_orig_ip: String,
    pub src_country_id: u32,
    pub dst_country_id: u32,
    pub src_prefix_routing: String,
    pub dst_prefix_routing: String,
}

/// A row of `active_calls`: one live call in one snapshot of one node.
#[derive(Clone, Debug, Default)]
pub struct ActiveCall {
    pub id: u64,
    /// Epoch seconds.
    pub snapshot_timestamp: i64,
    pub node_id: i32,
    pub buffered: bool,
    pub start_time: Option<i64>,
    pub connect_time: Option<i64>,
    pub customer_id: u32,
    pub vendor_id: u32,
    pub customer_acc_id: u32,
    pub vendor_acc_id: u32,
    pub src_country_id: u32,
    pub dst_country_id: u32,
    pub src_name_in: String,
    pub src_prefix_in: String,
    pub dst_prefix_in: String,
    pub src_prefix_routing: String,
    pub dst_prefix_routing: String,
    pub auth_orig_ip: String,
    pub auth_orig_port: u16,
    pub auth_orig_protocol_id: i16,
    pub destination_prefix: String,
    pub destination_initial_interval: i32,
    pub destination_next_interval: i32,
    pub destination_initial_rate: Option<f64>,
    pub destination_next_rate: Option<f64>,
    pub destination_fee: Option<f64>,
    pub from_domain: String,
    pub to_domain: String,
    pub ruri_domain: String,
    /// These six come only from operators who configure them.
    pub diversion_in: String,
    pub pai_in: String,
    pub ppi_in: String,
    pub privacy_in: String,
    pub rpid_in: String,
    pub rpid_privacy_in: String,
    /// Sends the protocol under the report's name for it instead of the switch's.
    pub names_protocol_as_the_report: bool,
}

/// What filters can look at, whichever table a row is from.
#[derive(Debug, Default)]
pub struct Facts<'row> {
    pub src_country_id: i64,
    pub dst_country_id: i64,
    pub src_prefix_routing: &'row str,
    pub dst_prefix_routing: &'row str,
    pub src_name_in: &'row str,
    pub src_prefix_in: &'row str,
    pub dst_prefix_in: &'row str,
    /// Seconds.
    pub duration: i64,
    pub auth_orig_ip: &'row str,
    pub auth_orig_port: i64,
    pub auth_orig_transport_protocol_id: i64,
    /// Millionths.
    pub customer_price: i64,
    /// Millionths.
    pub vendor_price: i64,
    pub connected: bool,
}

impl Account {
    /// The account's line of JSONEachRow.
    pub fn line(&self) -> String {
        object(&[
            ("id", self.id.to_string()),
            ("uuid", json::text(&self.uuid)),
            ("customer_id", self.customer_id.to_string()),
            ("name", json::text(&format!("Account {}", self.id))),
        ])
    }
}

impl Cdr {
    pub fn facts(&self) -> Facts<'_> {
        Facts {
            src_country_id: self.src_country_id.into(),
            dst_country_id: self.dst_country_id.into(),
            src_prefix_routing: &self.src_prefix_routing,
            dst_prefix_routing: &self.dst_prefix_routing,
            duration: self.duration.into(),
            auth_orig_ip: &self.auth_orig_ip,
            customer_price: self.customer_price,
            vendor_price: self.vendor_price,
            ..Facts::default()
        }
    }

    /// The row's line of JSONEachRow, as the switch sends it.
    pub fn line(&self) -> String {
        let date = time::sent(self.time_start)[..10].to_owned();
        object(&[
            ("id", self.id.to_string()),
            ("uuid", json::text(&format!("00000000-0000-4000-8000-{:012x}", self.id))),
            ("date_start", json::text(&date)),
            ("customer_id", self.customer_id.to_string()),
            ("vendor_id", self.vendor_id.to_string()),
            ("customer_acc_id", self.customer_acc_id.to_string()),
            ("vendor_acc_id", self.vendor_acc_id.to_string()),
            ("customer_price", number::millionths(self.customer_price)),
            ("vendor_price", number::millionths(self.vendor_price)),
            ("duration", self.duration.to_string()),
            ("customer_duration", json::number(self.customer_duration)),
            ("vendor_duration", json::number(self.vendor_duration)),
            ("success", flag(self.duration > 0)),
            ("time_start", json::text(&time::sent(self.time_start))),
            ("time_connect", "null".to_owned()),
            ("is_last_cdr", flag(self.is_last_cdr)),
            ("auth_orig_ip", json::text(&self.auth_orig_ip)),
            ("src_country_id", self.src_country_id.to_string()),
            ("dst_country_id", self.dst_country_id.to_string()),
            ("src_prefix_routing", json::text(&self.src_prefix_routing)),
            ("dst_prefix_routing", json::text(&self.dst_prefix_routing)),
            ("routing_tag_ids", "null".to_owned()),
            ("a_field_of_tomorrow", "{\"x\":[1,null]}".to_owned()),
        ])
    }
}

impl ActiveCall {
    pub fn facts(&self) -> Facts<'_> {
        Facts {
            src_country_id: self.src_country_id.into(),
            dst_country_id: self.dst_country_id.into(),
            src_prefix_routing: &self.src_prefix_routing,
            dst_prefix_routing: &self.dst_prefix_routing,
            src_name_in: &self.src_name_in,
            src_prefix_in: &self.src_prefix_in,
            dst_prefix_in: &self.dst_prefix_in,
            duration: self.connect_time.map_or(0, |connected| self.snapshot_timestamp - connected),
            auth_orig_ip: &self.auth_orig_ip,
            auth_orig_port: self.auth_orig_port.into(),
            auth_orig_transport_protocol_id: self.auth_orig_protocol_id.into(),
            connected: self.connect_time.is_some(),
            ..Facts::default()
        }
    }

    /// The row's line of JSONEachRow, as a media node sends it.
    pub fn line(&self) -> String {
        let sent = |time: Option<i64>| time.map_or("null".to_owned(), |second| json::text(&time::sent(second)));
        let protocol =
            if self.names_protocol_as_the_report { "auth_orig_transport_protocol_id" } else { "auth_orig_protocol_id" };
        let mut fields = vec![
            ("id", self.id.to_string()),
            ("snapshot_timestamp", json::text(&time::sent(self.snapshot_timestamp))),
            ("snapshot_date", json::text(&time::sent(self.snapshot_timestamp)[..10])),
            ("node_id", self.node_id.to_string()),
            ("pop_id", "1".to_owned()),
            ("buffered", flag(self.buffered)),
            ("start_time", sent(self.start_time)),
            ("connect_time", sent(self.connect_time)),
            ("customer_id", self.customer_id.to_string()),
            ("vendor_id", self.vendor_id.to_string()),
            ("customer_acc_id", self.customer_acc_id.to_string()),
            ("vendor_acc_id", self.vendor_acc_id.to_string()),
            ("src_country_id", self.src_country_id.to_string()),
            ("dst_country_id", self.dst_country_id.to_string()),
            ("src_name_in", json::text(&self.src_name_in)),
            ("src_prefix_in", json::text(&self.src_prefix_in)),
            ("dst_prefix_in", json::text(&self.dst_prefix_in)),
            ("src_prefix_routing", json::text(&self.src_prefix_routing)),
            ("dst_prefix_routing", json::text(&self.dst_prefix_routing)),
            ("auth_orig_ip", json::text(&self.auth_orig_ip)),
            ("auth_orig_port", self.auth_orig_port.to_string()),
            (protocol, self.auth_orig_protocol_id.to_string()),
            ("destination_prefix", json::text(&self.destination_prefix)),
            ("destination_initial_interval", self.destination_initial_interval.to_string()),
            ("destination_next_interval", self.destination_next_interval.to_string()),
            ("destination_initial_rate", json::number(self.destination_initial_rate)),
            ("destination_next_rate", json::number(self.destination_next_rate)),
            ("destination_fee", json::number(self.destination_fee)),
            ("from_domain", json::text(&self.from_domain)),
            ("to_domain", json::text(&self.to_domain)),
            ("ruri_domain", json::text(&self.ruri_domain)),
        ];
        for (name, value) in [
            ("diversion_in", &self.diversion_in),
            ("pai_in", &self.pai_in),
            ("ppi_in", &self.ppi_in),
            ("privacy_in", &self.privacy_in),
            ("rpid_in", &self.rpid_in),
            ("rpid_privacy_in", &self.rpid_privacy_in),
        ] {
            if !value.is_empty() {
                fields.push((name, json::text(value)));
            }
        }
        object(&fields)
    }
}

fn flag(value: bool) -> String {
    if value { "1" } else { "0" }.to_owned()
}

fn object(fields: &[(&str, String)]) -> String {
    let fields: Vec<String> = fields.iter().map(|(name, value)| format!("\"{name}\":{value}")).collect();
    format!("{{{}}}", fields.join(","))
}
