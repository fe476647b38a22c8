//! The columns of `outgoing-active-calls`, in the order of the answer.

/// The type of a cell of live calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cell {
    /// An instant, written as RFC 3339 in UTC, or null.
    Time,
    /// Text, never null.
    Text,
    /// A number, or null.
    Number,
}

/// A column of live calls.
#[derive(Clone, Copy, Debug)]
pub struct LiveColumn {
    /// Name, in the table and in the answer.
    pub name: &'static str,
    /// The type of its cells.
    pub cell: Cell,
}

const fn column(name: &'static str, cell: Cell) -> LiveColumn {
    LiveColumn { name, cell }
}

/// All columns.
pub const COLUMNS: &[LiveColumn] = &[
    column("snapshot_timestamp", Cell::Time),
    column("start_time", Cell::Time),
    column("connect_time", Cell::Time),
    column("destination_prefix", Cell::Text),
    column("destination_initial_interval", Cell::Number),
    column("destination_initial_rate", Cell::Number),
    column("destination_next_interval", Cell::Number),
    column("destination_next_rate", Cell::Number),
    column("destination_fee", Cell::Number),
    column("src_name_in", Cell::Text),
    column("src_prefix_in", Cell::Text),
    column("dst_prefix_in", Cell::Text),
    column("src_prefix_routing", Cell::Text),
    column("dst_prefix_routing", Cell::Text),
    column("from_domain", Cell::Text),
    column("to_domain", Cell::Text),
    column("ruri_domain", Cell::Text),
    column("diversion_in", Cell::Text),
    column("pai_in", Cell::Text),
    column("ppi_in", Cell::Text),
    column("privacy_in", Cell::Text),
    column("rpid_in", Cell::Text),
    column("rpid_privacy_in", Cell::Text),
    column("auth_orig_transport_protocol_id", Cell::Number),
    column("auth_orig_ip", Cell::Text),
    column("auth_orig_port", Cell::Number),
];
