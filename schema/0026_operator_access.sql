-- The operator's own people, whom tokens of the operator's keys stand for. The last inserted row of an id counts. One whose
-- may is 'removed' is gone, and its id is not given again.
CREATE TABLE IF NOT EXISTS operator_access
(
    id UInt32,
    name String,
    customer_ids Array(UInt32),
    vendor_ids Array(UInt32),
    may Array(LowCardinality(String)),
    allowed_ips Array(String),
    login String,
    password_hash String
)
ENGINE = ReplacingMergeTree
ORDER BY id
