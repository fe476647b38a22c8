-- What lists of accounts say of each: the side of its calls, both where it is empty, and the id of its currency.
ALTER TABLE accounts
    ADD COLUMN IF NOT EXISTS side LowCardinality(String),
    ADD COLUMN IF NOT EXISTS currency_id Nullable(Int32)
