-- A vendor's calls by time, as by_vendor has them, and with the columns that breakdowns, NER and delays of the vendors' side read:
-- without them each such question reads every account's calls.
ALTER TABLE cdrs ADD PROJECTION IF NOT EXISTS vendor_calls
(
    SELECT
        vendor_id, vendor_acc_id, time_start, duration, vendor_duration, vendor_price, is_last_cdr,
        src_country_id, dst_country_id, src_prefix_routing, dst_prefix_routing,
        legb_disconnect_code, legb_q850_cause, pdd, time_connect,
        destination_prefix, dst_network_id, term_gw_id, dialpeer_next_rate, vendor_currency_id
    ORDER BY vendor_acc_id, time_start
)
