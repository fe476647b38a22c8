-- Sums by day (UTC), destination and cause of a vendor's account: why calls fail, also where a vendor has millions a month.
ALTER TABLE cdrs ADD PROJECTION IF NOT EXISTS vendor_causes
(
    SELECT
        vendor_acc_id, vendor_id, is_last_cdr, toStartOfDay(time_start), legb_q850_cause, legb_disconnect_code,
        dst_country_id, destination_prefix,
        count(), countIf(duration > 0), sumIf(duration, duration > 0), countIf(duration > 0 AND duration <= 15),
        sum(vendor_duration), sum(vendor_price), min(vendor_currency_id), max(vendor_currency_id)
    GROUP BY
        vendor_acc_id, vendor_id, is_last_cdr, toStartOfDay(time_start), legb_q850_cause, legb_disconnect_code,
        dst_country_id, destination_prefix
)
