-- Whose account is it: the caller's uuid to the integers in the CDRs. The last inserted row of an id counts.
CREATE TABLE IF NOT EXISTS accounts
(
    id UInt32,
    uuid UUID,
    customer_id UInt32,
    name String
)
ENGINE = ReplacingMergeTree
ORDER BY id
