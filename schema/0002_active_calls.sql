-- Live calls: each media node posts all of its own once a period.
-- The transport protocol comes under either of two names and is read under the second.
CREATE TABLE IF NOT EXISTS active_calls
(
    id UInt64 CODEC(T64, LZ4),
    snapshot_timestamp DateTime('UTC') CODEC(T64, LZ4),
    snapshot_date Date DEFAULT toDate(snapshot_timestamp) CODEC(ZSTD(1)),
    node_id Int32 CODEC(T64, LZ4),
    pop_id Int32 CODEC(ZSTD(1)),
    buffered UInt8,
    cdr_born_time Nullable(DateTime('UTC')) CODEC(ZSTD(1)),
    start_time Nullable(DateTime('UTC')),
    start_date Date DEFAULT toDate(ifNull(start_time, snapshot_timestamp)) CODEC(ZSTD(1)),
    connect_time Nullable(DateTime('UTC')),
    end_time Nullable(DateTime('UTC')) CODEC(ZSTD(1)),
    orig_call_id String CODEC(ZSTD(1)),
    term_call_id String CODEC(ZSTD(1)),
    local_tag String CODEC(ZSTD(1)),
    global_tag String CODEC(ZSTD(1)),
    customer_id UInt32,
    vendor_id UInt32 CODEC(T64, LZ4),
    customer_acc_id UInt32,
    vendor_acc_id UInt32 CODEC(T64, LZ4),
    customer_auth_id Int32 CODEC(ZSTD(1)),
    customer_auth_name LowCardinality(String) CODEC(ZSTD(1)),
    src_name_in String CODEC(ZSTD(1)),
    src_prefix_in String CODEC(ZSTD(1)),
    dst_prefix_in String CODEC(ZSTD(1)),
    src_prefix_routing String,
    dst_prefix_routing String,
    src_country_id UInt32 CODEC(T64, LZ4),
    dst_country_id UInt32 CODEC(T64, LZ4),
    dst_network_id Int32 CODEC(ZSTD(1)),
    auth_orig_ip LowCardinality(String),
    auth_orig_port UInt16 CODEC(ZSTD(1)),
    auth_orig_protocol_id Int16 CODEC(ZSTD(1)),
    auth_orig_transport_protocol_id Int16 DEFAULT auth_orig_protocol_id CODEC(ZSTD(1)),
    destination_prefix LowCardinality(String),
    destination_initial_interval Int32 CODEC(ZSTD(1)),
    destination_initial_rate Nullable(Float64) CODEC(ZSTD(1)),
    destination_next_interval Int32 CODEC(ZSTD(1)),
    destination_next_rate Nullable(Float64) CODEC(ZSTD(1)),
    destination_fee Nullable(Float64) CODEC(ZSTD(1)),
    from_domain LowCardinality(String) CODEC(ZSTD(1)),
    to_domain LowCardinality(String) CODEC(ZSTD(1)),
    ruri_domain LowCardinality(String) CODEC(ZSTD(1)),
    diversion_in String CODEC(ZSTD(1)),
    pai_in String CODEC(ZSTD(1)),
    ppi_in String CODEC(ZSTD(1)),
    privacy_in String CODEC(ZSTD(1)),
    rpid_in String CODEC(ZSTD(1)),
    rpid_privacy_in String CODEC(ZSTD(1)),
    -- The vendors' side, as in cdrs.
    PROJECTION by_vendor
    (
        SELECT
            vendor_id, vendor_acc_id, snapshot_timestamp, node_id, buffered, connect_time,
            src_country_id, dst_country_id, src_prefix_routing, dst_prefix_routing
        ORDER BY vendor_acc_id, snapshot_timestamp
    ),
    -- Which snapshots there are, whoever's calls they hold: a handful of rows a minute.
    PROJECTION snapshots
    (
        SELECT snapshot_timestamp, node_id, buffered, count()
        GROUP BY snapshot_timestamp, node_id, buffered
    )
)
ENGINE = MergeTree
PARTITION BY toYYYYMM(snapshot_timestamp)
ORDER BY (customer_acc_id, snapshot_timestamp, node_id, id)
SETTINGS
    non_replicated_deduplication_window = 1000,
    ratio_of_defaults_for_sparse_serialization = 1,
    lightweight_mutation_projection_mode = 'rebuild'
