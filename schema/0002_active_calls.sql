-- Live calls: each media node posts all of its own once a period.
-- The transport protocol comes under either of two names and is read under the second.
CREATE TABLE IF NOT EXISTS active_calls
(
    id UInt64,
    snapshot_timestamp DateTime('UTC'),
    snapshot_date Date DEFAULT toDate(snapshot_timestamp),
    node_id Int32,
    pop_id Int32,
    buffered UInt8,
    cdr_born_time Nullable(DateTime('UTC')),
    start_time Nullable(DateTime('UTC')),
    start_date Date DEFAULT toDate(ifNull(start_time, snapshot_timestamp)),
    connect_time Nullable(DateTime('UTC')),
    end_time Nullable(DateTime('UTC')),
    orig_call_id String,
    term_call_id String,
    local_tag String,
    global_tag String,
    customer_id UInt32,
    vendor_id UInt32,
    customer_acc_id UInt32,
    vendor_acc_id UInt32,
    customer_auth_id Int32,
    customer_auth_name LowCardinality(String),
    src_name_in String,
    src_prefix_in String,
    dst_prefix_in String,
    src_prefix_routing String,
    dst_prefix_routing String,
    src_country_id UInt32,
    dst_country_id UInt32,
    dst_network_id Int32,
    auth_orig_ip String,
    auth_orig_port UInt16,
    auth_orig_protocol_id Int16,
    auth_orig_transport_protocol_id Int16 DEFAULT auth_orig_protocol_id,
    destination_prefix LowCardinality(String),
    destination_initial_interval Int32,
    destination_initial_rate Nullable(Float64),
    destination_next_interval Int32,
    destination_next_rate Nullable(Float64),
    destination_fee Nullable(Float64),
    from_domain LowCardinality(String),
    to_domain LowCardinality(String),
    ruri_domain LowCardinality(String),
    diversion_in String,
    pai_in String,
    ppi_in String,
    privacy_in String,
    rpid_in String,
    rpid_privacy_in String
)
ENGINE = MergeTree
PARTITION BY toYYYYMM(snapshot_timestamp)
ORDER BY (customer_acc_id, snapshot_timestamp, node_id, id)
SETTINGS
    non_replicated_deduplication_window = 1000,
    ratio_of_defaults_for_sparse_serialization = 1
