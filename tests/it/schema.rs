//! The tables: what the senders' inserts become, that a repeated batch counts once, and the steps that make them.

use cdrscope::migrate::{MIGRATIONS, MigrateError, Status, migrate, status};
use clickhouse::Client;
use serde_json::{Value, json};

use crate::support::{Db, db, insert};

/// Every field of the sender's event, and date_start.
const CDR_FIELDS: &[&str] = &[
    "id",
    "customer_id",
    "vendor_id",
    "customer_acc_id",
    "vendor_acc_id",
    "customer_auth_id",
    "destination_id",
    "dialpeer_id",
    "orig_gw_id",
    "term_gw_id",
    "routing_group_id",
    "rateplan_id",
    "destination_next_rate",
    "destination_fee",
    "dialpeer_next_rate",
    "dialpeer_fee",
    "internal_disconnect_code",
    "internal_disconnect_reason",
    "disconnect_initiator_id",
    "customer_price",
    "vendor_price",
    "duration",
    "success",
    "profit",
    "dst_prefix_in",
    "dst_prefix_out",
    "src_prefix_in",
    "src_prefix_out",
    "time_start",
    "time_connect",
    "time_end",
    "sign_orig_ip",
    "sign_orig_port",
    "sign_orig_local_ip",
    "sign_orig_local_port",
    "sign_term_ip",
    "sign_term_port",
    "sign_term_local_ip",
    "sign_term_local_port",
    "orig_call_id",
    "term_call_id",
    "vendor_invoice_id",
    "customer_invoice_id",
    "local_tag",
    "destination_initial_rate",
    "dialpeer_initial_rate",
    "destination_initial_interval",
    "destination_next_interval",
    "dialpeer_initial_interval",
    "dialpeer_next_interval",
    "destination_rate_policy_id",
    "routing_attempt",
    "is_last_cdr",
    "lega_disconnect_code",
    "lega_disconnect_reason",
    "pop_id",
    "node_id",
    "src_name_in",
    "src_name_out",
    "diversion_in",
    "diversion_out",
    "legb_disconnect_code",
    "legb_disconnect_reason",
    "auth_orig_ip",
    "auth_orig_port",
    "global_tag",
    "dst_country_id",
    "dst_network_id",
    "src_prefix_routing",
    "dst_prefix_routing",
    "routing_plan_id",
    "routing_delay",
    "pdd",
    "rtt",
    "early_media_present",
    "lnp_database_id",
    "lrn",
    "destination_prefix",
    "dialpeer_prefix",
    "audio_recorded",
    "ruri_domain",
    "to_domain",
    "from_domain",
    "src_area_id",
    "dst_area_id",
    "auth_orig_transport_protocol_id",
    "sign_orig_transport_protocol_id",
    "sign_term_transport_protocol_id",
    "core_version",
    "yeti_version",
    "lega_user_agent",
    "legb_user_agent",
    "uuid",
    "pai_in",
    "ppi_in",
    "privacy_in",
    "rpid_in",
    "rpid_privacy_in",
    "pai_out",
    "ppi_out",
    "privacy_out",
    "rpid_out",
    "rpid_privacy_out",
    "destination_reverse_billing",
    "dialpeer_reverse_billing",
    "is_redirected",
    "customer_account_check_balance",
    "customer_external_id",
    "customer_auth_external_id",
    "customer_acc_vat",
    "customer_acc_external_id",
    "routing_tag_ids",
    "vendor_external_id",
    "vendor_acc_external_id",
    "orig_gw_external_id",
    "term_gw_external_id",
    "failed_resource_type_id",
    "failed_resource_id",
    "customer_price_no_vat",
    "customer_duration",
    "vendor_duration",
    "customer_auth_name",
    "legb_local_tag",
    "legb_ruri",
    "legb_outbound_proxy",
    "p_charge_info_in",
    "src_country_id",
    "src_network_id",
    "lega_identity",
    "lega_ss_status_id",
    "legb_ss_status_id",
    "dump_level_id",
    "metadata",
    "customer_auth_external_type",
    "lega_q850_text",
    "legb_q850_text",
    "lega_q850_cause",
    "lega_q850_params",
    "legb_q850_cause",
    "legb_q850_params",
    "internal_disconnect_code_id",
    "package_counter_id",
    "src_network_type_id",
    "dst_network_type_id",
    "auth_orig_lat",
    "auth_orig_lon",
    "cdo",
    "customer_currency_id",
    "vendor_currency_id",
    "customer_currency_rate",
    "vendor_currency_rate",
    "destination_attempt_fee",
    "dialpeer_attempt_fee",
    "date_start",
];

/// One event as the sender writes it, whole.
const EVENT: &str = r#"{
    "id": 9007199254740993, "customer_id": 2, "vendor_id": 3, "customer_acc_id": 4, "vendor_acc_id": 5,
    "customer_auth_id": 6, "destination_id": 7, "dialpeer_id": 8, "orig_gw_id": 9, "term_gw_id": 10,
    "routing_group_id": 11, "rateplan_id": 12, "destination_next_rate": 13.25, "destination_fee": 14.25,
    "dialpeer_next_rate": 15.25, "dialpeer_fee": 16.25, "internal_disconnect_code": 17,
    "internal_disconnect_reason": "internal_disconnect_reason 18", "disconnect_initiator_id": 19,
    "customer_price": 0.123456, "vendor_price": 0.1, "duration": 22, "success": 1, "profit": -0.023456,
    "dst_prefix_in": "dst_prefix_in 25", "dst_prefix_out": "dst_prefix_out 26", "src_prefix_in": "src_prefix_in 27",
    "src_prefix_out": "src_prefix_out é \"28\"", "time_start": "2026-03-01 23:59:58",
    "time_connect": "2026-03-02 00:00:05", "time_end": "2026-03-02 00:01:17", "sign_orig_ip": "sign_orig_ip 32",
    "sign_orig_port": 60033, "sign_orig_local_ip": "sign_orig_local_ip 34", "sign_orig_local_port": 60035,
    "sign_term_ip": "sign_term_ip 36", "sign_term_port": 60037, "sign_term_local_ip": "sign_term_local_ip 38",
    "sign_term_local_port": 60039, "orig_call_id": "orig_call_id 40", "term_call_id": "term_call_id 41",
    "vendor_invoice_id": 42, "customer_invoice_id": 43, "local_tag": "local_tag 44",
    "destination_initial_rate": 45.25, "dialpeer_initial_rate": 46.25, "destination_initial_interval": 47,
    "destination_next_interval": 48, "dialpeer_initial_interval": 49, "dialpeer_next_interval": 50,
    "destination_rate_policy_id": 51, "routing_attempt": 52, "is_last_cdr": 1, "lega_disconnect_code": 54,
    "lega_disconnect_reason": "lega_disconnect_reason 55", "pop_id": 56, "node_id": 57,
    "src_name_in": "src_name_in 58", "src_name_out": "src_name_out 59", "diversion_in": "diversion_in 60",
    "diversion_out": "diversion_out 61", "legb_disconnect_code": 62,
    "legb_disconnect_reason": "legb_disconnect_reason é \"63\"", "auth_orig_ip": "2001:db8::1",
    "auth_orig_port": 60065, "global_tag": "global_tag 66", "dst_country_id": 67, "dst_network_id": 68,
    "src_prefix_routing": "src_prefix_routing 69", "dst_prefix_routing": "dst_prefix_routing é \"70\"",
    "routing_plan_id": 71, "routing_delay": 72.25, "pdd": 73.25, "rtt": 74.25, "early_media_present": 0,
    "lnp_database_id": 76, "lrn": "lrn é \"77\"", "destination_prefix": "destination_prefix 78",
    "dialpeer_prefix": "dialpeer_prefix 79", "audio_recorded": 1, "ruri_domain": "ruri_domain 81",
    "to_domain": "to_domain 82", "from_domain": "from_domain 83", "src_area_id": 84, "dst_area_id": 85,
    "auth_orig_transport_protocol_id": 86, "sign_orig_transport_protocol_id": 87,
    "sign_term_transport_protocol_id": 88, "core_version": "core_version 89", "yeti_version": "yeti_version 90",
    "lega_user_agent": "lega_user_agent é \"91\"", "legb_user_agent": "legb_user_agent 92",
    "uuid": "5f2b9a30-6c1e-4d6f-9a57-0d2f1f6b7a11", "pai_in": "pai_in 94", "ppi_in": "ppi_in 95",
    "privacy_in": "privacy_in 96", "rpid_in": "rpid_in 97", "rpid_privacy_in": "rpid_privacy_in é \"98\"",
    "pai_out": "pai_out 99", "ppi_out": "ppi_out 100", "privacy_out": "privacy_out 101", "rpid_out": "rpid_out 102",
    "rpid_privacy_out": "rpid_privacy_out 103", "destination_reverse_billing": 1, "dialpeer_reverse_billing": 0,
    "is_redirected": 1, "customer_account_check_balance": 1, "customer_external_id": 108,
    "customer_auth_external_id": 109, "customer_acc_vat": 110.25, "customer_acc_external_id": 111,
    "routing_tag_ids": [1, 12, -3], "vendor_external_id": 113, "vendor_acc_external_id": 114,
    "orig_gw_external_id": 115, "term_gw_external_id": 116, "failed_resource_type_id": 117,
    "failed_resource_id": 118, "customer_price_no_vat": 12.5, "customer_duration": 120, "vendor_duration": 121,
    "customer_auth_name": "customer_auth_name 122", "legb_local_tag": "legb_local_tag 123",
    "legb_ruri": "legb_ruri 124", "legb_outbound_proxy": "legb_outbound_proxy 125",
    "p_charge_info_in": "p_charge_info_in é \"126\"", "src_country_id": 127, "src_network_id": 128,
    "lega_identity": [{"parsed": true, "hdr": {"alg": "ES256"}}], "lega_ss_status_id": 130, "legb_ss_status_id": 131,
    "dump_level_id": 132, "metadata": {"campaign": "spring", "tags": [1, 2]},
    "customer_auth_external_type": "customer_auth_external_type 134", "lega_q850_text": "lega_q850_text 135",
    "legb_q850_text": "legb_q850_text 136", "lega_q850_cause": 137, "lega_q850_params": "lega_q850_params 138",
    "legb_q850_cause": 139, "legb_q850_params": "legb_q850_params é \"140\"", "internal_disconnect_code_id": 141,
    "package_counter_id": 142, "src_network_type_id": 143, "dst_network_type_id": 144, "auth_orig_lat": 145.25,
    "auth_orig_lon": 146.25, "cdo": 147, "customer_currency_id": 148, "vendor_currency_id": 149,
    "customer_currency_rate": 150.25, "vendor_currency_rate": 151.25, "destination_attempt_fee": 152.25,
    "dialpeer_attempt_fee": 153.25
}"#;

async fn number(client: &Client, sql: &str) -> u64 {
    client
        .query_raw(&format!("SELECT assumeNotNull(toUInt64(({sql})))"))
        .fetch_one::<u64>()
        .await
        .unwrap_or_else(|e| panic!("{sql}: {e}"))
}

async fn run(client: &Client, sql: &str) {
    client.query_raw(sql).with_setting("mutations_sync", "2").execute().await.unwrap_or_else(|e| panic!("{sql}: {e}"));
}

async fn row(client: &Client, sql: &str) -> Value {
    let bytes = client.query_raw(sql).fetch_bytes("JSONEachRow").unwrap().collect().await.unwrap();
    serde_json::from_slice(&bytes).unwrap_or_else(|e| panic!("{sql}: {e}"))
}

async fn explain(client: &Client, sql: &str) -> String {
    client.query_raw(&format!("EXPLAIN projections = 1 {sql}")).fetch_all::<String>().await.unwrap().join("\n")
}

/// `count` events of one batch, told apart from other batches by their ids.
fn batch(first_id: u64, count: u64) -> String {
    let events = (first_id..first_id + count).map(|id| {
        // Two months, empty and missing texts: what makes blocks hard to recognize.
        let event = json!({
            "id": id, "customer_acc_id": 7, "vendor_acc_id": 90, "time_start": format!("2026-0{}-01 00:00:01", 1 + id % 2),
            "duration": 60, "is_last_cdr": 1, "customer_price": 0.25, "src_name_in": "", "lrn": null,
        });
        format!("{event}\n")
    });
    events.collect()
}

#[tokio::test]
async fn cdrs_has_every_field_of_the_event_under_its_name() {
    let db = db().await;
    let sql = "SELECT name FROM system.columns WHERE database = currentDatabase() AND table = 'cdrs' ORDER BY position";
    let columns: Vec<String> = db.admin.query_raw(sql).fetch_all().await.unwrap();
    assert_eq!(CDR_FIELDS.len(), 154);
    assert_eq!(columns, CDR_FIELDS);
    let inexact = "SELECT count() FROM system.columns WHERE database = currentDatabase() AND table = 'cdrs' \
                   AND (name LIKE '%price%' OR name = 'profit') AND type != 'Decimal(18, 6)'";
    assert_eq!(number(&db.admin, inexact).await, 0);
}

#[tokio::test]
async fn a_whole_event_is_kept_field_by_field() {
    let db = db().await;
    let sent: Value = serde_json::from_str(EVENT).unwrap();
    insert(&db.admin, "cdrs", &sent.to_string()).await;
    let kept = row(&db.admin, "SELECT * FROM cdrs").await;
    for (name, value) in sent.as_object().unwrap() {
        match (value, &kept[name]) {
            // Nested JSON is kept as its text.
            (Value::Object(_) | Value::Array(_), Value::String(text)) => {
                assert_eq!(serde_json::from_str::<Value>(text).unwrap(), *value, "{name}");
            }
            (Value::Number(sent), Value::Number(kept)) => assert_eq!(sent.as_f64(), kept.as_f64(), "{name}"),
            (sent, kept) => assert_eq!(sent, kept, "{name}"),
        }
    }
    assert_eq!(kept["id"], json!(9_007_199_254_740_993_u64));
    assert_eq!(kept["date_start"], "2026-03-01");
}

#[tokio::test]
async fn nulls_missing_and_unknown_fields_fall_back_to_defaults() {
    let db = db().await;
    let mut nulls: Value = CDR_FIELDS.iter().map(|name| (name.to_string(), Value::Null)).collect();
    nulls["id"] = json!(1);
    nulls["time_start"] = json!("2026-03-01 10:00:05");
    let partial = json!({
        "id": 2, "time_start": "2026-03-01 10:00:05", "not_a_field": {"deep": [1, {"er": null}]}, "success": true,
        "customer_price": 1e-5,
    });
    insert(&db.admin, "cdrs", &format!("{nulls}\n{partial}\n")).await;
    let mut kept_nulls = row(&db.admin, "SELECT * FROM cdrs WHERE id = 1").await;
    let mut kept_partial = row(&db.admin, "SELECT * FROM cdrs WHERE id = 2").await;
    assert_eq!(kept_partial["success"], 1);
    assert_eq!(kept_partial["customer_price"], 0.00001);
    for (name, value) in [
        ("duration", json!(0)),
        ("customer_duration", json!(0)),
        ("routing_tag_ids", json!([])),
        ("metadata", json!("")),
        ("time_connect", Value::Null),
        ("pdd", Value::Null),
        ("date_start", json!("2026-03-01")),
    ] {
        assert_eq!(kept_nulls[name], value, "{name}");
    }
    for kept in [&mut kept_nulls, &mut kept_partial] {
        for name in ["id", "success", "customer_price"] {
            kept[name] = Value::Null;
        }
    }
    assert_eq!(kept_nulls, kept_partial);
}

/// Counts of a batch's calls: in the table, in its projection by vendor, in a rollup fed by a materialized view.
async fn counts(db: &Db) -> [u64; 3] {
    let by_vendor = "SELECT count() FROM cdrs WHERE vendor_acc_id = 90 AND time_start > 0";
    [
        number(&db.admin, "SELECT count() FROM cdrs WHERE customer_acc_id = 7").await,
        number(&db.admin, by_vendor).await,
        number(&db.admin, "SELECT sum(calls) FROM minutes").await,
    ]
}

async fn rollup(db: &Db) {
    let table = "CREATE TABLE minutes (account UInt32, minute DateTime, calls UInt64) ENGINE = SummingMergeTree \
                 ORDER BY (account, minute) SETTINGS non_replicated_deduplication_window = 1000";
    run(&db.admin, table).await;
    let view = "CREATE MATERIALIZED VIEW to_minutes TO minutes AS SELECT customer_acc_id AS account, \
                toStartOfMinute(time_start) AS minute, count() AS calls FROM cdrs GROUP BY account, minute";
    run(&db.admin, view).await;
}

#[tokio::test]
async fn a_repeated_batch_counts_once_in_the_table_the_projection_and_a_rollup() {
    let db = db().await;
    rollup(&db).await;
    for _ in 0..3 {
        insert(&db.admin, "cdrs", &batch(1, 50)).await;
        assert_eq!(counts(&db).await, [50; 3]);
    }
    // Later, after others, it is still known; and the others are not taken for it.
    insert(&db.admin, "cdrs", &batch(100, 50)).await;
    insert(&db.admin, "cdrs", &batch(200, 10)).await;
    insert(&db.admin, "cdrs", &batch(1, 50)).await;
    assert_eq!(counts(&db).await, [110; 3]);
}

#[tokio::test]
async fn batches_repeated_while_others_arrive_count_once() {
    let db = db().await;
    rollup(&db).await;
    for _ in 0..2 {
        let lines: Vec<String> = (0..12).map(|place| batch(place * 1000, 20 + place)).collect();
        futures_util::future::join_all(lines.iter().map(|lines| insert(&db.admin, "cdrs", lines))).await;
    }
    assert_eq!(counts(&db).await, [(0..12).map(|place| 20 + place).sum::<u64>(); 3]);
}

#[tokio::test]
async fn live_calls_are_taken_with_the_transport_protocol_under_either_name() {
    let db = db().await;
    let common =
        json!({"snapshot_timestamp": "2026-03-01 10:00:00", "snapshot_date": "2026-03-01", "node_id": 8, "pop_id": 4});
    let lines = [
        json!({"id": 1, "auth_orig_protocol_id": 2, "connect_time": null, "start_time": "2026-03-01 09:59:00", "duration": 5}),
        json!({"id": 2, "auth_orig_transport_protocol_id": 3}),
        json!({"id": 3, "auth_orig_protocol_id": 1, "auth_orig_transport_protocol_id": null, "buffered": 1}),
    ];
    let mut text = String::new();
    for mut line in lines {
        line.as_object_mut().unwrap().extend(common.as_object().unwrap().clone());
        text += &format!("{line}\n");
    }
    insert(&db.admin, "active_calls", &text).await;
    insert(&db.admin, "active_calls", &text).await;
    let sql = "SELECT auth_orig_transport_protocol_id FROM active_calls ORDER BY id";
    assert_eq!(db.admin.query_raw(sql).fetch_all::<i16>().await.unwrap(), [2, 3, 1]);
    let first = row(&db.admin, "SELECT * FROM active_calls WHERE id = 1").await;
    assert_eq!((&first["connect_time"], &first["start_date"]), (&Value::Null, &json!("2026-03-01")));
    for name in ["diversion_in", "pai_in", "ppi_in", "privacy_in", "rpid_in", "rpid_privacy_in"] {
        assert_eq!(first[name], "", "{name}");
    }
}

#[tokio::test]
async fn which_snapshots_there_are_is_read_from_a_projection() {
    let db = db().await;
    let sql = "INSERT INTO active_calls (id, snapshot_timestamp, node_id, customer_acc_id) \
               SELECT number, 1800000000 + number % 60 * 60, number % 3, number % 50 FROM numbers(50000)";
    run(&db.admin, sql).await;
    let snapshots = "SELECT node_id, snapshot_timestamp FROM active_calls WHERE snapshot_timestamp >= 1800000600 AND buffered = 0 \
                     GROUP BY node_id, snapshot_timestamp";
    let plan = explain(&db.admin, snapshots).await;
    assert!(plan.contains("(snapshots)"), "{plan}");
    let of_vendor = "SELECT snapshot_timestamp, count() FROM active_calls WHERE vendor_acc_id = 3 AND vendor_id = 3 \
                     AND snapshot_timestamp >= 1800000600 GROUP BY snapshot_timestamp";
    let plan = explain(&db.admin, of_vendor).await;
    assert!(plan.contains("(by_vendor)"), "{plan}");
}

#[tokio::test]
async fn the_last_row_of_an_account_or_access_counts_and_a_deleted_one_is_gone() {
    let db = db().await;
    for table in ["accounts", "api_access"] {
        let add = |id: u32, customer: u32| format!("INSERT INTO {table} (id, customer_id) VALUES ({id}, {customer})");
        let all = format!("SELECT id, customer_id FROM {table} FINAL ORDER BY id");
        for (sql, wanted) in [
            (add(1, 10), vec![(1, 10)]),
            (add(2, 20), vec![(1, 10), (2, 20)]),
            (add(1, 11), vec![(1, 11), (2, 20)]),
            (format!("DELETE FROM {table} WHERE id = 1"), vec![(2, 20)]),
            (format!("OPTIMIZE TABLE {table} FINAL"), vec![(2, 20)]),
            (add(1, 12), vec![(1, 12), (2, 20)]),
            (add(1, 10), vec![(1, 10), (2, 20)]),
        ] {
            run(&db.admin, &sql).await;
            assert_eq!(db.admin.query_raw(&all).fetch_all::<(u32, u32)>().await.unwrap(), wanted, "after {sql}");
        }
    }
}

#[tokio::test]
async fn migrating_again_does_nothing() {
    let db = db().await;
    assert_eq!(migrate(&db.admin, &db.database).await.unwrap(), []);
    assert_eq!(status(&db.reader, &db.database).await.unwrap(), Status::UpToDate);
    assert_eq!(number(&db.admin, "SELECT count() FROM schema_migrations").await, MIGRATIONS.len() as u64);
}

#[tokio::test]
async fn a_step_that_ran_without_its_record_is_run_again() {
    let db = db().await;
    let last = MIGRATIONS.last().unwrap();
    run(&db.admin, &format!("DELETE FROM schema_migrations WHERE number = {}", last.number)).await;
    let missing = format!("{:04}_{}", last.number, last.name);
    assert_eq!(status(&db.reader, &db.database).await.unwrap(), Status::Missing(vec![missing]));
    let applied = migrate(&db.admin, &db.database).await.unwrap();
    assert_eq!(applied.iter().map(|step| step.number).collect::<Vec<_>>(), [last.number]);
    assert_eq!(status(&db.reader, &db.database).await.unwrap(), Status::UpToDate);
}

#[tokio::test]
async fn an_edited_a_newer_and_a_torn_schema_are_refused_in_one_line() {
    for (damage, wanted) in [
        (
            "ALTER TABLE schema_migrations UPDATE checksum = 'x' WHERE number = 2",
            Status::Edited("0002_active_calls".into()),
        ),
        ("INSERT INTO schema_migrations (number, name, checksum) VALUES (999, 'future', 'x')", Status::Newer(999)),
    ] {
        let db = db().await;
        run(&db.admin, damage).await;
        assert_eq!(status(&db.reader, &db.database).await.unwrap(), wanted);
        let message = migrate(&db.admin, &db.database).await.unwrap_err().to_string();
        assert!(!message.contains('\n') && message.len() > 40, "{message}");
    }
    let db = db().await;
    run(&db.admin, "DELETE FROM schema_migrations WHERE number = 2").await;
    assert!(
        matches!(migrate(&db.admin, &db.database).await, Err(MigrateError::Gap(title)) if title == "0002_active_calls")
    );
    assert!(status(&db.reader, &db.database).await.is_err());
}

#[tokio::test]
async fn a_missing_database_is_told_from_an_empty_one() {
    let db = db().await;
    assert_eq!(status(&db.admin, "t_nobody_made_this").await.unwrap(), Status::NoDatabase);
    run(&db.admin, "DROP TABLE schema_migrations").await;
    assert!(
        matches!(status(&db.reader, &db.database).await.unwrap(), Status::Missing(steps) if steps.len() == MIGRATIONS.len())
    );
    assert!(matches!(migrate(&db.admin, "x; DROP").await, Err(MigrateError::Name(_))));
}

#[actix_web::test]
async fn somebody_elses_table_is_not_taken_for_ours() {
    let engine = crate::support::engine();
    let server = cdrscope::store::client(engine.url(), &engine.admin().user, &engine.admin().password);
    for (table, setting, definition) in [
        ("cdrs", "tables.cdrs", "(id UInt64) ENGINE = MergeTree ORDER BY id"),
        ("active_calls", "tables.active_calls", "(id UInt64) ENGINE = MergeTree ORDER BY id"),
        ("accounts", "accounts.query", "(id UInt64, uuid UUID) ENGINE = MergeTree ORDER BY id"),
        ("accounts", "accounts.query", "(id UInt64, name String) ENGINE = ReplacingMergeTree ORDER BY id"),
        ("api_access", "accounts.access_query", "(id UInt64) ENGINE = Memory"),
        ("token_revocations", "accounts.revocations_query", "(jti String) ENGINE = Memory"),
    ] {
        let name = format!("t_{}", uuid::Uuid::new_v4().simple());
        for sql in [format!("CREATE DATABASE {name}"), format!("CREATE TABLE {name}.{table} {definition}")] {
            server.query_raw(&sql).execute().await.unwrap();
        }
        let refused = cdrscope::migrate::migrate(&server, &name).await.unwrap_err().to_string();
        let wanted = format!(
            "database {name} has a table {table} that cdrscope did not make: give cdrscope a database of its own \
             (clickhouse.database) and name that table in {setting}"
        );
        assert_eq!(refused, wanted);
    }
}
