-- Sums by hour for reports on origination over months and years: a year of minutes is half a million rows an account.
-- The hours are those of UTC, so reports in a zone that is half an hour off read minutes.
ALTER TABLE cdrs ADD PROJECTION IF NOT EXISTS customer_hours
(
    SELECT
        customer_acc_id, customer_id, is_last_cdr, toStartOfHour(time_start),
        count(), countIf(duration > 0), sumIf(duration, duration > 0), sum(duration), sum(customer_duration), sum(customer_price)
    GROUP BY customer_acc_id, customer_id, is_last_cdr, toStartOfHour(time_start)
)
