-- Who may ask: empty account_ids are all accounts of the customer, empty allowed_ips any address.
-- The last inserted row of an id counts.
CREATE TABLE IF NOT EXISTS api_access
(
    id UInt32,
    customer_id UInt32,
    account_ids Array(UInt32),
    allowed_ips Array(String),
    login String,
    password_hash String
)
ENGINE = ReplacingMergeTree
ORDER BY id
