//! What ClickHouse makes of the main statements: a projection or an index that is no longer used shows here.

use cdrscope::access::{Account, AccountDetails, Snapshot};
use cdrscope::query::filter::{Cmp, Column, Filter, Test, TextOp};
use cdrscope::query::instant::Instant;
use cdrscope::query::sampling::Sampling;
use cdrscope::query::scope::Scope;
use cdrscope::query::zone::{Calendar, find};
use cdrscope::report::form::ResultForm;
use cdrscope::report::plan::Request;
use cdrscope::sql::{ReadMode, Statement, select};
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

/// Account 3 of customer 1.
fn scope() -> Scope {
    let account = Account { id: 3, customer_id: 1, name: String::new(), details: AccountDetails::default() };
    let accounts = [(uuid::Uuid::nil(), account)].into_iter().collect();
    let snapshot = Snapshot { accounts, ..Snapshot::default() };
    snapshot.every_account().into_iter().map(|(_, _, scope)| scope).next().unwrap()
}

fn statement(report: &str, from: &str, sampling: Sampling, filters: Vec<Filter>, route: ReadMode) -> Statement {
    let request = Request {
        report: cdrscope::report::find(report).unwrap(),
        scope: scope(),
        from: Instant::parse(from),
        to: Instant::parse("2026-01-01T23:59:59Z"),
        sampling,
        calendar: Calendar::of(find("UTC").unwrap()),
        filters,
        fill: None,
        settle: None,
        form: ResultForm::default(),
    };
    let plan = request.plan(OffsetDateTime::from_unix_timestamp(1_780_000_000).unwrap(), 1_000_000).unwrap();
    select(&plan, &schema(), route)
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
    let statement = statement(report, from, sampling, filters, ReadMode::Engine);
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
    let found = reads(&db, "termination-statistics", "2026-01-01", Sampling::Hour, vec![filter]).await;
    assert_eq!(found, "vendor_calls");
    for report in ["termination-effectiveness", "termination-delays"] {
        assert_eq!(reads(&db, report, "2026-01-01", Sampling::Hour, vec![]).await, "vendor_calls", "{report}");
    }
}

#[actix_web::test]
async fn live_calls_look_for_snapshots_in_their_projection() {
    let db = db().await;
    let sql = "INSERT INTO active_calls (id, customer_id, customer_acc_id, node_id, snapshot_timestamp) \
        SELECT number, 1, number % 4, number % 3, toDateTime(1767225600 + intDiv(number, 300) * 60) FROM numbers(300000)";
    db.admin.query_raw(sql).execute().await.unwrap();
    // EXPLAIN does not follow IN, so the subquery is explained by itself.
    let statement = statement("origination-active-calls", "2026-01-01", Sampling::Minute, vec![], ReadMode::Named);
    let (_, subquery) = statement.text().split_once(" IN (").unwrap();
    let (subquery, _) = subquery.rsplit_once(") GROUP BY cdrscope_t").unwrap();
    assert_eq!(explained(&db.admin, subquery, statement.params()).await, "snapshots");
}

/// The tables and projections that the statement names, and what of their keys each read uses to pass over rows.
async fn by_name(db: &Db, report: &str, from: &str, sampling: Sampling, filters: Vec<Filter>) -> Vec<(String, String)> {
    let statement = statement(report, from, sampling, filters, ReadMode::Named);
    let names = statement.text().split(" FROM ").skip(1).filter_map(|rest| {
        let (table, _) = rest.split_once(" WHERE ")?;
        let name = table.trim_start_matches("mergeTreeProjection(currentDatabase(), cdrs, ").trim_end_matches(')');
        (!name.contains("system.parts") && !name.starts_with('(')).then(|| name.to_owned())
    });
    let mut query = db.admin.query_raw(&format!("EXPLAIN indexes = 1 {}", statement.text()));
    for (i, value) in statement.params().iter().enumerate() {
        query = query.with_setting(format!("param_p{i}"), value);
    }
    let bytes = query.fetch_bytes("TabSeparatedRaw").unwrap().collect().await.unwrap();
    let text = String::from_utf8(bytes.to_vec()).unwrap();
    let lines: Vec<&str> = text.lines().map(|line| line.trim_start_matches(['│', '└', '├', '─', ' '])).collect();
    // Another projection than the named one would be chosen after all.
    assert!(
        lines.iter().filter_map(|line| line.strip_prefix("ReadFromMergeTree")).all(|of| of.ends_with(".cdrs)")),
        "{text}"
    );
    let keys = lines.split(|line| *line == "PrimaryKey").skip(1).map(|index| {
        let keys = index.iter().skip(1).take_while(|line| !line.starts_with("Condition"));
        keys.copied().collect::<Vec<_>>().join(", ")
    });
    let (names, keys): (Vec<_>, Vec<_>) = (names.collect(), keys.collect());
    assert_eq!(names.len(), keys.len(), "{}\n{text}", statement.text());
    names.into_iter().zip(keys).collect()
}

#[actix_web::test]
async fn projections_are_read_by_name_and_by_their_keys() {
    let db = filled().await;
    let day = "2026-01-01T00:00:00Z";
    let prefix =
        || Filter { column: Column::DstPrefixRouting, test: Test::Text(TextOp::StartsWith, vec!["12".into()]) };
    let prefixes = || Filter {
        column: Column::DstPrefixRouting,
        test: Test::Text(TextOp::StartsWith, vec!["12".into(), "13+".into(), "140".into()]),
    };
    let country = || Filter { column: Column::DstCountryId, test: Test::Integer(Cmp::Eq, 4) };
    let long = || Filter { column: Column::Duration, test: Test::Integer(Cmp::Gt, 5) };
    let customer = |unit: &str| {
        (
            format!("customer_{unit}s"),
            "customer_acc_id, customer_id, is_last_cdr, toStartOf".to_owned() + &capital(unit) + "(time_start)",
        )
    };
    let vendor = |unit: &str| {
        (format!("vendor_{unit}s"), format!("vendor_acc_id, vendor_id, toStartOf{}(time_start)", capital(unit)))
    };
    let calls = || ("cdrs".to_owned(), "customer_acc_id, time_start".to_owned());
    let attempts = || ("vendor_calls".to_owned(), "vendor_acc_id, time_start".to_owned());
    for (report, from, sampling, filters, expected) in [
        ("origination-statistics-quality", day, Sampling::Minute, vec![], vec![customer("minute")]),
        ("termination-statistics-quality", day, Sampling::Minutes15, vec![], vec![vendor("minute")]),
        // Long enough for quarters of an hour, and for hours, to be worth it.
        (
            "origination-statistics-quality",
            "2025-12-01T00:15:00Z",
            Sampling::Minutes15,
            vec![],
            vec![(
                "customer_quarter_hours".to_owned(),
                "customer_acc_id, customer_id, is_last_cdr, toStartOfFifteenMinutes(time_start)".to_owned(),
            )],
        ),
        ("origination-statistics", "2025-06-01T00:00:00Z", Sampling::Day, vec![], vec![customer("hour")]),
        ("termination-statistics", "2025-06-01T00:00:00Z", Sampling::Hour, vec![], vec![vendor("hour")]),
        (
            "termination-statistics",
            "2025-06-01T00:17:30Z",
            Sampling::Hour,
            vec![],
            vec![attempts(), vendor("minute"), vendor("hour")],
        ),
        ("origination-statistics", "2026-01-01T00:00:07Z", Sampling::Minute, vec![], vec![calls(), customer("minute")]),
        ("origination-statistics", day, Sampling::Hour, vec![country()], vec![calls()]),
        (
            "origination-statistics",
            "2025-12-01",
            Sampling::Hour,
            vec![country()],
            vec![("by_destination".to_owned(), "customer_acc_id, dst_country_id".to_owned())],
        ),
        (
            "origination-statistics",
            "2025-12-01",
            Sampling::Hour,
            vec![prefix()],
            vec![("by_destination".to_owned(), "customer_acc_id, dst_prefix_routing".to_owned())],
        ),
        (
            "origination-statistics",
            "2025-12-01",
            Sampling::Hour,
            vec![prefixes()],
            vec![("by_destination".to_owned(), "customer_acc_id, dst_prefix_routing".to_owned())],
        ),
        ("origination-statistics", "2025-12-01", Sampling::Hour, vec![long()], vec![calls()]),
        ("termination-statistics", "2025-12-01", Sampling::Hour, vec![long()], vec![attempts()]),
        // Grafana's NER and post-dial delays of vendors.
        ("termination-effectiveness", day, Sampling::Minute, vec![], vec![attempts()]),
        ("termination-delays", day, Sampling::Minute, vec![], vec![attempts()]),
    ] {
        assert_eq!(by_name(&db, report, from, sampling, filters).await, expected, "{report} from {from}");
    }
}

fn capital(word: &str) -> String {
    word[..1].to_uppercase() + &word[1..]
}

/// Seconds of the rows, from the projection that serves them and from the table itself.
async fn sums(db: &Db, condition: &str) -> [u64; 2] {
    let mut seconds = [0; 2];
    for (sum, setting) in seconds.iter_mut().zip(["1", "0"]) {
        let sql = format!(
            "SELECT toUInt64(sum(duration)) FROM cdrs WHERE {condition} SETTINGS optimize_use_projections = {setting}"
        );
        *sum = db.admin.query_raw(&sql).fetch_one().await.unwrap();
    }
    seconds
}

/// What filtered reports of either side ask: the calls in another order, which must lose what the table loses.
#[actix_web::test]
async fn deleted_and_changed_calls_leave_the_projections_too() {
    const SERVED: [(&str, &str); 2] = [
        (
            "customer_acc_id = 3 AND customer_id = 1 AND is_last_cdr = 1 AND startsWith(dst_prefix_routing, '12') \
             AND dst_country_id >= 0",
            "by_destination",
        ),
        ("vendor_acc_id = 3 AND vendor_id = 1 AND duration > 5", "vendor_calls"),
    ];
    for change in [
        "ALTER TABLE cdrs DELETE WHERE id % 3 = 0 SETTINGS mutations_sync = 2",
        "ALTER TABLE cdrs UPDATE duration = 0 WHERE id % 3 = 0 SETTINGS mutations_sync = 2",
        // The operator's own choice. A projection that was dropped by it and made again is to be without them too.
        "ALTER TABLE cdrs MODIFY SETTING lightweight_mutation_projection_mode = 'drop'; \
         DELETE FROM cdrs WHERE id % 3 = 0; \
         ALTER TABLE cdrs APPLY DELETED MASK SETTINGS mutations_sync = 2; \
         ALTER TABLE cdrs MATERIALIZE PROJECTION by_destination SETTINGS mutations_sync = 2; \
         ALTER TABLE cdrs MATERIALIZE PROJECTION vendor_calls SETTINGS mutations_sync = 2",
    ] {
        let db = db().await;
        db.admin.query_raw(CALLS).execute().await.unwrap();
        let mut before = Vec::new();
        for (condition, _) in SERVED {
            before.push(sums(&db, condition).await[1]);
        }
        for statement in change.split("; ") {
            db.admin.query_raw(statement.trim()).execute().await.unwrap();
        }
        for ((condition, projection), before) in SERVED.into_iter().zip(before) {
            let [served, own] = sums(&db, condition).await;
            assert!(own < before, "{change}");
            assert_eq!(served, own, "{change}: {projection}");
            let sql = format!("SELECT sum(duration) FROM cdrs WHERE {condition}");
            assert_eq!(explained(&db.admin, &sql, &[]).await, projection, "{change}");
        }
    }
}

/// It would leave the deleted calls in the projections, and reports that read those would go on counting them.
#[actix_web::test]
async fn a_delete_that_projections_do_not_follow_is_refused() {
    let db = db().await;
    for table in ["cdrs", "active_calls"] {
        db.admin.query_raw(&format!("INSERT INTO {table} (id) VALUES (1)")).execute().await.unwrap();
        let refused = db.admin.query_raw(&format!("DELETE FROM {table} WHERE id = 1")).execute().await;
        assert!(refused.unwrap_err().to_string().contains("projection"), "{table}");
    }
}
