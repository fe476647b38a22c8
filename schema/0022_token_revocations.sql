-- Tokens that count no more: all grants of a customer that were issued before a time, or those of an id (jti), of customer 0.
-- Rows are only added. Of several for one customer the latest time counts.
CREATE TABLE IF NOT EXISTS token_revocations
(
    customer_id UInt32,
    jti String,
    not_before DateTime64(3, 'UTC')
)
ENGINE = ReplacingMergeTree
ORDER BY (customer_id, jti, not_before)
