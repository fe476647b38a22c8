//! An operator's own CDR table: other types, another sort key, another time zone, and the same answers.

use cdrscope::config::Config;
use cdrscope::config::value::Value;
use cdrscope::embedded::EmbeddedEngine;
use uuid::Uuid;

use crate::support::app::API;
use crate::support::{TestApp, db_on, engine_options};

const OWN: &str = "CREATE TABLE own (
    id Int64, CUSTOMER Nullable(Int32), vendor_id Nullable(Int32), customer_acc_id Int64, vendor_acc_id Nullable(Int64),
    was_last UInt8, t DateTime, seconds Nullable(Int32), customer_duration Nullable(Int32),
    vendor_duration Nullable(Int32), price Nullable(Float64), vendor_price Float64,
    src_country_id Nullable(Int16), dst_country_id Nullable(Int16), src_prefix_routing LowCardinality(Nullable(String)),
    dst_prefix_routing Nullable(String), auth_orig_ip IPv4
) ENGINE = MergeTree ORDER BY t";

const COPY: &str = "INSERT INTO own SELECT id, customer_id, vendor_id, customer_acc_id, vendor_acc_id, if(is_last_cdr = 1, 1 + id % 2, 0), \
    time_start, nullIf(duration, 0), nullIf(customer_duration, 0), nullIf(vendor_duration, 0), \
    nullIf(toFloat64(customer_price), 0), toFloat64(vendor_price), nullIf(src_country_id, 0), nullIf(dst_country_id, 0), \
    nullIf(src_prefix_routing, ''), nullIf(dst_prefix_routing, ''), toIPv4(auth_orig_ip) FROM cdrs";

/// Random calls, made by the engine: prices with six decimals, empty countries and prefixes, the hours around a change
/// of clocks.
const CALLS: &str = "INSERT INTO cdrs (id, customer_id, vendor_id, customer_acc_id, vendor_acc_id, is_last_cdr, time_start, \
    duration, customer_duration, vendor_duration, customer_price, vendor_price, src_country_id, dst_country_id, \
    src_prefix_routing, dst_prefix_routing, auth_orig_ip) \
    SELECT number, if(number % 11 = 0, 8, 7), if(number % 13 = 0, 8, 7), 1 + h % 2, 1 + h % 2, h % 3 != 0, toDateTime(1774700000 + cityHash64(number, 1) % 200000), \
    if(cityHash64(number, 10) % 2 = 0, 0, cityHash64(number, 2) % 4000) AS seconds, seconds, seconds, toDecimal64(if(number % 9 = 0, number % 5, cityHash64(number, 3) % 5000001), 6) / 1000000, \
    toDecimal64(if(number % 7 = 0, number % 5, cityHash64(number, 4) % 3000001), 6) / 1000000, cityHash64(number, 5) % 3, cityHash64(number, 6) % 3, \
    ['', '44', '4420', '380'][1 + cityHash64(number, 7) % 4], ['', '1', '1212', '49'][1 + cityHash64(number, 8) % 4], \
    ['192.0.2.1', '198.51.100.7'][1 + cityHash64(number, 9) % 2] \
    FROM (SELECT number, cityHash64(number) AS h FROM numbers(20000))";

async fn run(app: &TestApp, sql: &str) {
    app.admin.query_raw(sql).execute().await.unwrap();
}

fn use_own(config: &mut Config) {
    config.tables.cdrs = Value::parse("own").unwrap();
    // Names that statements might use for something else, and an expression that binds less tightly than AND.
    let columns = "customer_id = CUSTOMER; duration = seconds; customer_price = price; time_start = t; \
        is_last_cdr = was_last = 1 OR was_last = 2";
    config.tables.cdrs_columns = Value::parse(columns).unwrap();
}

fn requests(account: Uuid) -> Vec<String> {
    let mut requests = Vec::new();
    for (report, price) in [("origination", "customer"), ("termination", "vendor")] {
        for (suffix, sampling) in
            [("-quality", "15minutes"), ("", "hour"), ("", "day&time-zone=Europe/Kyiv"), ("", "month")]
        {
            for filter in [
                String::new(),
                "&src-country-id=0".into(),
                "&dst-country-id-not-eq=1".into(),
                "&src-prefix-routing-eq=".into(),
                "&dst-prefix-routing-starts-with=1".into(),
                "&src-prefix-routing-not-eq=44".into(),
                "&duration-gt=0".into(),
                "&duration-eq=0".into(),
                format!("&{price}-price-gt=1.5"),
                format!("&{price}-price-lteq=0.000003"),
                format!("&{price}-price-eq=0"),
            ] {
                requests.push(format!(
                    "{API}/{report}-statistics{suffix}?account-id={account}&from-time=2026-03-27&to-time=2026-04-01&sampling={sampling}{filter}"
                ));
            }
        }
    }
    requests.push(format!("{API}/origination-statistics?account-id={account}&from-time=2026-03-27&to-time=2026-04-01&sampling=hour&auth-orig-ip=192.0.2.1"));
    requests
}

#[actix_web::test]
async fn an_operators_table_of_other_types_in_another_time_zone_gives_the_same_answers() {
    let dir = tempfile::tempdir().unwrap();
    let mut options = engine_options(dir.path().to_owned());
    options.timezone = Some("Asia/Kolkata".into());
    let engine = EmbeddedEngine::start(options).await.unwrap();

    let ours = TestApp::over(db_on(&engine).await, |_| ()).await;
    let account = ours.account(1, 7).await;
    run(&ours, CALLS).await;
    run(&ours, OWN).await;
    run(&ours, COPY).await;
    let theirs = TestApp::over(ours.same_db(&engine), use_own).await;

    let token = ours.token(7, &[]);
    ours.until_known(account, &token).await;
    theirs.until_known(account, &token).await;
    let mut with_calls = 0;
    for request in requests(account) {
        let (a, b) = (ours.get(&request, &token).await, theirs.get(&request, &token).await);
        assert_eq!((a.status, &a.body), (b.status, &b.body), "{request}");
        assert_eq!(a.status, 200, "{request}: {}", a.body);
        with_calls += u32::from(a.json()["totals"]["total_calls"].as_u64() > Some(0));
    }
    assert!(with_calls > 80, "only {with_calls} requests found calls");
    engine.stop().await;
}

#[actix_web::test]
async fn what_a_table_lacks_is_listed_at_once() {
    let db = crate::support::db().await;
    let sql = "CREATE TABLE own (customer_id UInt32, time_start String, customer_price String) ENGINE = MergeTree ORDER BY tuple()";
    db.admin.query_raw(sql).execute().await.unwrap();
    let mut config = Config::default();
    config.clickhouse.database.clone_from(&db.database);
    config.tables.cdrs = Value::parse("own").unwrap();
    config.tables.cdrs_columns = Value::parse("duration = no_such_function(1); nonsense = 1").unwrap();
    let faults = cdrscope::tables::inspect(&db.reader, &config).await.unwrap_err().to_string();
    for expected in [
        "own: column vendor_id is missing",
        "own: column is_last_cdr is missing",
        "own: column time_start is String, which cannot be used as a time (DateTime or DateTime64)",
        "own: column customer_price is String, which cannot be used as a price (Decimal, Float or Int)",
        "own: the expression for duration fails",
        "own: an expression is configured for nonsense, which no report reads",
    ] {
        assert!(faults.contains(expected), "{expected} not in:\n{faults}");
    }
}

#[actix_web::test]
async fn a_filter_on_a_column_that_the_table_lacks_is_an_invalid_value() {
    let db = crate::support::db().await;
    db.admin.query_raw(OWN).execute().await.unwrap();
    db.admin.query_raw("ALTER TABLE own DROP COLUMN dst_country_id").execute().await.unwrap();
    let app = TestApp::over(db, use_own).await;
    let account = app.account(1, 7).await;
    let token = app.token(7, &[]);
    app.until_known(account, &token).await;
    let path =
        format!("{API}/origination-statistics?account-id={account}&from-time=2026-01-01&sampling=day&dst-country-id=1");
    let reply = app.get(&path, &token).await;
    assert_eq!((reply.status, reply.body.as_str()), (400, r#"{"error":"invalid value dst-country-id"}"#));
}

const PLAIN: &str = "id UInt64, customer_id UInt32, vendor_id UInt32, customer_acc_id UInt32, vendor_acc_id UInt32, \
    is_last_cdr UInt8, time_start DateTime('UTC'), duration Int32, customer_price Float64, vendor_price Float64";

/// A service over a table of the operator's own, which `sql` makes, with an account of customer 7.
async fn over(sql: &[&str], table: &str, columns: &str) -> (TestApp, Uuid, String) {
    let db = crate::support::db().await;
    for sql in sql {
        db.admin.query_raw(sql).execute().await.unwrap();
    }
    let app = TestApp::over(db, |config| {
        config.tables.cdrs = Value::parse(table).unwrap();
        config.tables.cdrs_columns = Value::parse(columns).unwrap();
        config.cache.fresh_seconds = 0;
    })
    .await;
    let (account, token) = (app.account(1, 7).await, app.token(7, &[]));
    app.until_known(account, &token).await;
    (app, account, token)
}

/// The totals of a day under a filter.
async fn totals(app: &TestApp, account: Uuid, token: &str, filter: &str) -> serde_json::Value {
    let path = format!(
        "{API}/origination-statistics?account-id={account}&from-time=2026-03-01&to-time=2026-03-01&sampling=day{filter}"
    );
    let reply = app.get(&path, token).await;
    assert_eq!(reply.status, 200, "{filter}: {}", reply.body);
    reply.json()["totals"].clone()
}

#[actix_web::test]
async fn an_ipv6_column_holds_ipv4_addresses_as_mapped_ones() {
    for (address, columns) in [
        ("auth_orig_ip IPv6", ""),
        ("auth_orig_ip Nullable(IPv6)", ""),
        ("ip Nullable(String)", "auth_orig_ip = toIPv6OrNull(ip)"),
        ("ip IPv6", "auth_orig_ip = ip"),
    ] {
        let create = format!("CREATE TABLE own ({PLAIN}, {address}) ENGINE = MergeTree ORDER BY time_start");
        let insert = "INSERT INTO own SELECT number, 7, 7, 1, 1, 1, toDateTime('2026-03-01 12:00:00', 'UTC') + number, 60, 0, 0, \
            ['::ffff:192.0.2.1', '::ffff:192.0.2.1', '::ffff:192.0.2.2', '::192.0.2.1', '2001:db8::1', '::'][number + 1] FROM numbers(6)";
        let (app, account, token) = over(&[&create, insert], "own", columns).await;
        for (wanted, calls) in [
            ("192.0.2.1", 2),
            ("::ffff:192.0.2.1", 2),
            ("::FFFF:c000:0201", 2),
            ("192.0.2.2", 1),
            ("192.0.2.3", 0),
            ("::192.0.2.1", 1),
            ("2001:DB8:0::1", 1),
            ("0.0.0.0", 0),
            ("::", 1),
        ] {
            let found = totals(&app, account, &token, &format!("&auth-orig-ip={wanted}")).await;
            assert_eq!(found["total_calls"], calls, "{address} {columns} {wanted}");
        }
    }
}

/// The statements of docs/operators-tables.md.
fn documented(begin: &str) -> String {
    let page = include_str!("../../docs/operators-tables.md");
    let from = page.find(begin).unwrap_or_else(|| panic!("{begin} is not in the page"));
    page[from..].split(';').next().unwrap().to_owned()
}

#[actix_web::test]
async fn of_a_replacing_table_the_newest_version_of_each_call_counts_through_a_final_view() {
    let create = format!(
        "CREATE TABLE own_versions ({PLAIN}, version UInt32) ENGINE = ReplacingMergeTree(version) \
         PARTITION BY toYYYYMM(time_start) ORDER BY (customer_acc_id, time_start, id)"
    );
    let view = documented("CREATE VIEW own_calls");
    let (app, account, token) = over(&[&create, "SYSTEM STOP MERGES own_versions", &view], "own_calls", "").await;
    let insert = async |id: u32, version: u32, duration: i32, price: f64| {
        let sql = format!(
            "INSERT INTO own_versions VALUES ({id}, 7, 7, 1, 1, 1, '2026-03-01 12:00:{id:02}', {duration}, {price}, 0, {version})"
        );
        app.admin.query_raw(&sql).execute().await.unwrap();
    };
    let all = async || {
        let totals = totals(&app, account, &token, "").await;
        [&totals["total_calls"], &totals["successful_calls"], &totals["total_duration"], &totals["total_price"]]
            .map(serde_json::Value::to_string)
    };
    insert(1, 1, 0, 0.0).await;
    insert(2, 1, 60, 0.5).await;
    assert_eq!(all().await, ["2", "1", "\"1.0\"", "\"0.5\""]);
    // The same two calls, rated anew and again; an older version that comes late changes nothing.
    insert(1, 3, 120, 1.25).await;
    insert(1, 2, 600, 9.0).await;
    insert(2, 2, 60, 0.75).await;
    for _ in 0..2 {
        assert_eq!(all().await, ["2", "2", "\"3.0\"", "\"2.0\""]);
    }
    assert_eq!(totals(&app, account, &token, "&customer-price-eq=9").await["total_calls"], 0);
    assert_eq!(totals(&app, account, &token, "&customer-price-eq=1.25").await["total_calls"], 1);
}

#[actix_web::test]
async fn sentinel_prices_become_nothing_by_an_expression() {
    let create = format!("CREATE TABLE own ({PLAIN}) ENGINE = MergeTree ORDER BY time_start");
    let insert = "INSERT INTO own SELECT number, 7, 7, 1, 1, 1, toDateTime('2026-03-01 12:00:00', 'UTC') + number, 60, \
        [-1, 0.5, 999999, -0.25, -1, 0][number + 1], 0 FROM numbers(6)";
    let columns = documented("customer_price = if(");
    let (app, account, token) =
        over(&[&create, insert], "own", columns.lines().next().unwrap().trim_end_matches('"')).await;
    let all = totals(&app, account, &token, "").await;
    assert_eq!((&all["total_calls"], &all["total_price"]), (&serde_json::json!(6), &serde_json::json!("0.25")));
    for (filter, calls) in [("lt=0", 1), ("eq=-1", 0), ("eq=0", 4), ("gt=1", 0), ("gteq=0", 5)] {
        let found = totals(&app, account, &token, &format!("&customer-price-{filter}")).await;
        assert_eq!(found["total_calls"], calls, "{filter}");
    }
}
