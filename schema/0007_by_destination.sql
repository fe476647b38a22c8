-- An account's calls by country and prefix: a report on one destination of a big account reads that destination only.
ALTER TABLE cdrs ADD PROJECTION IF NOT EXISTS by_destination
(
    SELECT
        customer_id, customer_acc_id, is_last_cdr, time_start, duration, customer_duration, customer_price,
        dst_country_id, dst_prefix_routing
    ORDER BY customer_acc_id, dst_country_id, dst_prefix_routing
)
