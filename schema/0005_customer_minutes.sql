-- Sums by minute for reports on origination: a projection, so that repeated batches, deletes, dropped partitions and
-- late calls are right by construction. Statements written over toStartOfMinute(time_start) read it by themselves.
ALTER TABLE cdrs ADD PROJECTION IF NOT EXISTS customer_minutes
(
    SELECT
        customer_acc_id, customer_id, is_last_cdr, toStartOfMinute(time_start),
        count(), countIf(duration > 0), sumIf(duration, duration > 0), sum(duration), sum(customer_duration), sum(customer_price)
    GROUP BY customer_acc_id, customer_id, is_last_cdr, toStartOfMinute(time_start)
)
