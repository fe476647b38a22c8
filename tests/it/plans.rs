//! What ClickHouse makes of the main statements: a projection or an index that is no longer used shows here.

use cdrscope::query::filter::{Cmp, Column, Filter, Test, TextOp};
use cdrscope::query::instant::Instant;
use cdrscope::query::sampling::Sampling;
use cdrscope::query::zone::{Calendar, find};
use cdrscope::report::plan::{Form, Request, Scope};
use cdrscope::sql::{Statement, select};
use clickhouse::Client;
use time::OffsetDateTime;

use crate::support::{Db, db};

/// 400,000 calls, a day long, half of them of account 3: enough that reading less is worth it.
const CALLS: &str = "INSERT INTO cdrs (id, customer_id, vendor_id, customer_acc_id, vendor_acc_id, is_last_cdr, time_start, \
    duration, dst_country_id, dst_prefix_routing) \
    SELECT number, 1, 1, if(number % 2 = 0, 3, number % 20), number % 7, 1, toDateTime(1767225600 + number % 86400), number % 100, number % 10, \
    toString(100 + number % 50) FROM numbers(400000)";

/// A client's connections belong to the runtime of the test that made it, so the tests share the database only.
async fn filled() -> Db {
    static DATABASE: tokio::sync::OnceCell<String> = tokio::sync::OnceCell::const_new();
    let fill = || async {
        let db = db().await;
        db.admin.query_raw(CALLS).execute().await.unwrap();
        db.database
    };
    let database = DATABASE.get_or_init(fill).await.clone();
    Db { admin: crate::support::admin(&database), reader: crate::support::admin(&database), database }
}

fn statement(report: &str, from: &str, sampling: Sampling, filters: Vec<Filter>) -> Statement {
    let request = Request {
        report: cdrscope::report::find(report).unwrap(),
        scope: Scope { tenant: 1, account: 3 },
        from: Instant::parse(from),
        to: Instant::parse("2026-01-01T23:59:59Z"),
        sampling,
        calendar: Calendar { zone: find("UTC").unwrap(), monday_first: false },
        filters,
        fill: None,
        form: Form::default(),
    };
    let plan = request.plan(OffsetDateTime::from_unix_timestamp(1_780_000_000).unwrap(), 1_000_000).unwrap();
    select(&plan, &schema())
}

fn schema() -> cdrscope::sql::schema::Schema {
    use cdrscope::sql::schema::{Schema, TableSchema};
    let ours = |name| TableSchema { is_ours: true, has_parts: true, ..TableSchema::plain(name) };
    Schema {
        cdrs: ours("cdrs"),
        active_calls: ours("active_calls"),
        billed_duration: false,
        period_seconds: 60,
        causes: Default::default(),
    }
}

/// The projections that the statement reads, and the share of the table's granules where none is read.
async fn explained(client: &Client, sql: &str, params: &[String]) -> String {
    let mut query = client.query_raw(&format!("EXPLAIN indexes = 1, projections = 1 {sql}"));
    for (i, value) in params.iter().enumerate() {
        query = query.with_setting(format!("param_p{i}"), value);
    }
    let bytes = query.fetch_bytes("TabSeparatedRaw").unwrap().collect().await.unwrap();
    let text = String::from_utf8(bytes.to_vec()).unwrap();
    let reads = text.lines().filter_map(|line| line.split_once("ReadFromMergeTree (").map(|(_, rest)| rest));
    reads.map(|rest| rest.trim_end_matches(')').rsplit('.').next().unwrap().to_owned()).collect::<Vec<_>>().join(", ")
}

async fn reads(db: &Db, report: &str, from: &str, sampling: Sampling, filters: Vec<Filter>) -> String {
    let statement = statement(report, from, sampling, filters);
    explained(&db.admin, statement.text(), statement.params()).await
}

#[actix_web::test]
async fn unfiltered_reports_read_the_minutes() {
    let db = filled().await;
    let from = "2026-01-01T00:00:00Z";
    assert_eq!(reads(&db, "origination-statistics-quality", from, Sampling::Minute, vec![]).await, "customer_minutes");
    assert_eq!(reads(&db, "origination-statistics", from, Sampling::Day, vec![]).await, "customer_minutes");
    assert_eq!(reads(&db, "termination-statistics-quality", from, Sampling::Minutes15, vec![]).await, "vendor_minutes");
    assert_eq!(reads(&db, "termination-statistics", from, Sampling::Month, vec![]).await, "vendor_minutes");
}

#[actix_web::test]
async fn an_odd_edge_is_read_from_the_calls_and_the_rest_from_the_minutes() {
    let db = filled().await;
    let reads = reads(&db, "origination-statistics-quality", "2026-01-01T00:00:07Z", Sampling::Minute, vec![]).await;
    assert_eq!(reads, "cdrs, customer_minutes");
}

#[actix_web::test]
async fn one_destination_is_read_from_the_calls_by_destination() {
    let db = filled().await;
    let prefix = Filter { column: Column::DstPrefixRouting, test: Test::Text(TextOp::StartsWith, vec!["12".into()]) };
    let country = Filter { column: Column::DstCountryId, test: Test::Integer(Cmp::Eq, 4) };
    for filter in [prefix, country] {
        let reads = reads(&db, "origination-statistics", "2026-01-01", Sampling::Hour, vec![filter]).await;
        assert_eq!(reads, "by_destination");
    }
}

#[actix_web::test]
async fn a_vendors_calls_are_read_in_its_own_order() {
    let db = filled().await;
    let filter = Filter { column: Column::Duration, test: Test::Integer(Cmp::Gt, 5) };
    let reads = reads(&db, "termination-statistics", "2026-01-01", Sampling::Hour, vec![filter]).await;
    assert_eq!(reads, "by_vendor");
}

#[actix_web::test]
async fn live_calls_look_for_snapshots_in_their_projection() {
    let db = db().await;
    let sql = "INSERT INTO active_calls (id, customer_id, customer_acc_id, node_id, snapshot_timestamp) \
        SELECT number, 1, number % 4, number % 3, toDateTime(1767225600 + intDiv(number, 300) * 60) FROM numbers(300000)";
    db.admin.query_raw(sql).execute().await.unwrap();
    // EXPLAIN does not follow IN, so the subquery is explained by itself.
    let statement = statement("origination-active-calls", "2026-01-01", Sampling::Minute, vec![]);
    let (_, subquery) = statement.text().split_once(" IN (").unwrap();
    let (subquery, _) = subquery.rsplit_once(") GROUP BY t").unwrap();
    assert_eq!(explained(&db.admin, subquery, statement.params()).await, "snapshots");
}
