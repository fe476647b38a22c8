-- What each media node would have posted of the made-up calls of the last hours: one row a call and snapshot.
INSERT INTO active_calls
    (id, snapshot_timestamp, snapshot_date, node_id, pop_id, cdr_born_time, start_time, start_date, connect_time,
     orig_call_id, term_call_id, local_tag, global_tag, customer_id, vendor_id, customer_acc_id, vendor_acc_id,
     customer_auth_id, customer_auth_name, src_name_in, src_prefix_in, dst_prefix_in, src_prefix_routing, dst_prefix_routing,
     src_country_id, dst_country_id, dst_network_id, auth_orig_ip, auth_orig_port, auth_orig_protocol_id,
     destination_prefix, destination_initial_interval, destination_initial_rate, destination_next_interval,
     destination_next_rate, destination_fee, from_domain, to_domain, ruri_domain, diversion_in, pai_in, privacy_in)
SELECT
    id, toDateTime(snapshot, 'UTC'), toDate(toDateTime(snapshot, 'UTC')), node_id, pop_id, time_start, time_start, toDate(time_start),
    if(time_connect <= toDateTime(snapshot, 'UTC'), time_connect, NULL),
    orig_call_id, term_call_id, local_tag, global_tag, customer_id, vendor_id, customer_acc_id, vendor_acc_id,
    customer_auth_id, customer_auth_name, src_name_in, src_prefix_in, dst_prefix_in, src_prefix_routing, dst_prefix_routing,
    src_country_id, dst_country_id, dst_network_id, auth_orig_ip, auth_orig_port, auth_orig_transport_protocol_id,
    destination_prefix, destination_initial_interval, destination_initial_rate, destination_next_interval,
    destination_next_rate, destination_fee, from_domain, to_domain, ruri_domain, diversion_in, pai_in, privacy_in
FROM cdrs
ARRAY JOIN range(
    greatest({since:UInt32}, toUInt32(intDiv(toUnixTimestamp(time_start) + 59, 60) * 60)),
    least({until:UInt32} + 1, toUInt32(toUnixTimestamp(assumeNotNull(time_end)))),
    60) AS snapshot
WHERE id >= {first_id:UInt64} AND id < {last_id:UInt64}
    AND time_start > {since:UInt32} - 14600 AND time_start <= {until:UInt32}
ORDER BY snapshot, id
