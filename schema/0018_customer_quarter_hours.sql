-- Sums by quarter of an hour for reports on origination: a month of minutes is 40,000 rows an account, of these 2,900.
-- Zones that are half or three quarters of an hour off UTC have whole ones too.
ALTER TABLE cdrs ADD PROJECTION IF NOT EXISTS customer_quarter_hours
(
    SELECT
        customer_acc_id, customer_id, is_last_cdr, toStartOfFifteenMinutes(time_start),
        count(), countIf(duration > 0), sumIf(duration, duration > 0), sum(duration), sum(customer_duration), sum(customer_price)
    GROUP BY customer_acc_id, customer_id, is_last_cdr, toStartOfFifteenMinutes(time_start)
)
