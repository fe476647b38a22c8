-- What the customers and vendors of the calls are called, for the operator. The last inserted row of an id counts.
CREATE TABLE IF NOT EXISTS contractors
(
    id UInt32,
    name String
)
ENGINE = ReplacingMergeTree
ORDER BY id
