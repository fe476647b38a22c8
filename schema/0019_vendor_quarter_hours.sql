-- Sums by quarter of an hour for reports on termination, where every attempt counts.
ALTER TABLE cdrs ADD PROJECTION IF NOT EXISTS vendor_quarter_hours
(
    SELECT
        vendor_acc_id, vendor_id, toStartOfFifteenMinutes(time_start),
        count(), countIf(duration > 0), sumIf(duration, duration > 0), sum(duration), sum(vendor_duration), sum(vendor_price)
    GROUP BY vendor_acc_id, vendor_id, toStartOfFifteenMinutes(time_start)
)
