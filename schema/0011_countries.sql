-- What the country ids of the calls are called, for dashboards. The last inserted row of an id counts.
CREATE TABLE IF NOT EXISTS countries
(
    id UInt32,
    name String,
    iso String
)
ENGINE = ReplacingMergeTree
ORDER BY id
