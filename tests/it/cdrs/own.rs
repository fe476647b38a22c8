//! A table of the operator's own: other names and types, columns that are missing, ids that are no numbers.

use cdrscope::config::value::Value as _;
use cdrscope::config::{Expressions, TableName};

use super::{CALLS, FIRST, ndjson, sorted};
use crate::support::TestApp;
use crate::support::app::API;

/// The columns that the table has under names of its own, or of other types.
const OWN: [(&str, &str); 3] = [
    ("toString(cityHash64(id, toUnixTimestamp(time_start), duration)) AS id", "text"),
    ("CAST(id % 9223372036854775807, 'Nullable(Int64)') AS id", "number"),
    (
        "toUUID(concat('00000000-0000-0000-0000-', substring(hex(sipHash128(id, time_start, duration)), 1, 12))) AS id",
        "uuid",
    ),
];

#[actix_web::test]
async fn calls_of_an_own_table_are_listed_with_what_it_has() {
    for (id, name) in OWN {
        let db = crate::support::db().await;
        db.admin.query_raw(CALLS).execute().await.unwrap();
        let create = format!(
            "CREATE TABLE own ENGINE = MergeTree ORDER BY tuple() SETTINGS allow_nullable_key = 1 AS SELECT {id}, \
             toNullable(customer_id) AS customer_id, customer_acc_id, vendor_id, vendor_acc_id, toDateTime64(time_start, 3) AS begun, \
             toNullable(duration) AS seconds, is_last_cdr, toFloat64(customer_price) AS customer_price, vendor_price, \
             CAST(src_prefix_in, 'LowCardinality(Nullable(String))') AS caller, nullIf(lega_q850_cause, 16) AS lega_q850_cause, \
             toFloat64(pdd) AS pdd, toUInt8(1) AS lega_disconnect_reason FROM cdrs"
        );
        db.admin.query_raw(&create).execute().await.unwrap();
        let app = TestApp::over(db, |config| {
            config.tables.cdrs = TableName::parse("own").unwrap();
            let columns = "time_start = begun; duration = seconds; src_prefix_in = caller; node_id = 5; dst_prefix_in = lower('ABC')";
            config.tables.cdrs_columns = Expressions::parse(columns).unwrap();
            config.operator.secret = cdrscope::config::value::Secret::new(crate::operator::SECRET);
        })
        .await;
        let (account, token) = (app.account(1, 7).await, app.token(7, &[]));
        app.until_known(account, &token).await;
        let base = format!("{API}/origination-cdrs?account-id={account}&from-time={FIRST}");
        let columns = "id,time_start,duration,src_prefix_in,customer_price,pdd,lega_q850_cause,dst_prefix_in";
        let path = format!("{base}&columns={columns}");
        let file = app.get(&format!("{path}&format=ndjson"), &token).await;
        assert_eq!(file.status, 200, "{name}: {}", file.body);
        let rows = ndjson(&file.body);
        let count = "SELECT count() FROM own WHERE customer_acc_id = 1 AND customer_id = 7 AND is_last_cdr = 1";
        assert_eq!(rows.len() as u64, app.admin.query_raw(count).fetch_one::<u64>().await.unwrap());
        assert!(rows.iter().all(|row| row["dst_prefix_in"] == "abc" && row["id"].is_string()));
        let world = super::World { app, account, token };
        for limit in [7, 1000] {
            let (pages, _) = world.pages(&format!("{path}&limit={limit}"), &world.token).await;
            assert_eq!(sorted(&pages), sorted(&rows), "{name} {limit}");
            assert_eq!(pages, rows, "{name} {limit}");
        }
        for format in ["csv", "parquet", "arrow"] {
            assert!(!world.bytes(&format!("{path}&format={format}"), &world.token).await.is_empty());
        }
        // What the table lacks, or has of another type, is unknown; the usual columns do without.
        let reply = world.app.get(&format!("{base}&columns=id,time_end,lega_disconnect_reason"), &world.token).await;
        let wanted = r#"{"error":"invalid value columns: time_end, lega_disconnect_reason"}"#;
        assert_eq!((reply.status, reply.body.as_str()), (400, wanted));
        let usual = world.app.get(&base, &world.token).await.json();
        assert!(usual["data"]["src_prefix_in"].is_array() && usual["data"]["time_end"].is_null());
        let operator = world.app.operator_token(&[], &[], &["export"]);
        let path = format!("/api/rest/operator/v1/cdrs?from-time={FIRST}&columns=node_id&limit=1");
        assert_eq!(world.app.get(&path, &operator).await.json()["data"]["node_id"][0], 5);
    }
}
