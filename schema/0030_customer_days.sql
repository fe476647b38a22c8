-- Sums by day (UTC) and destination of an account, for breakdowns of accounts with millions of calls a month.
ALTER TABLE cdrs ADD PROJECTION IF NOT EXISTS customer_days
(
    SELECT
        customer_acc_id, customer_id, is_last_cdr, toStartOfDay(time_start), dst_country_id, destination_prefix,
        count(), countIf(duration > 0), sumIf(duration, duration > 0), countIf(duration > 0 AND duration <= 15),
        sum(customer_duration), sum(customer_price), min(customer_currency_id), max(customer_currency_id)
    GROUP BY customer_acc_id, customer_id, is_last_cdr, toStartOfDay(time_start), dst_country_id, destination_prefix
)
