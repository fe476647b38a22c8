//! Made-up CDRs: what holds for every row, the world's proportions, the incidents, and the same seed's same rows.

mod money;

use cdrscope::demo::{DemoError, Incident, Kind, Options, accounts, country_name, fill, go_on, incidents, is_alone};
use clickhouse::{Client, Row};
use serde::Deserialize;

use crate::support::{Db, db, insert};

fn options(calls: u64) -> Options {
    Options { calls, ..Options::default() }
}

async fn filled(options: &Options) -> Db {
    let db = db().await;
    let mut last = 0;
    let summary = fill(&db.admin, options, |made| last = made).await.unwrap();
    assert_eq!((summary.calls, last), (options.calls, options.calls));
    db
}

async fn number(client: &Client, sql: &str) -> f64 {
    client
        .query_raw(&format!("SELECT assumeNotNull(toFloat64(({sql})))"))
        .fetch_one()
        .await
        .unwrap_or_else(|e| panic!("{sql}: {e}"))
}

/// What no CDR may be, each with a name.
const IMPOSSIBLE: &[(&str, &str)] = &[
    ("answered without a length, or the other way round", "(duration > 0) != success"),
    (
        "a price without an answer or a fee, or the other way round",
        "(customer_price > 0) != success OR (vendor_price > 0) != (success OR dialpeer_attempt_fee > 0)",
    ),
    ("less with VAT than without", "customer_price < customer_price_no_vat"),
    ("billed less than it lasted", "customer_duration < duration OR vendor_duration < duration"),
    ("billed without an answer", "NOT success AND (customer_duration != 0 OR vendor_duration != 0)"),
    ("connected without an answer", "isNotNull(time_connect) != success"),
    ("times do not add up", "success AND time_end != assumeNotNull(time_connect) + duration"),
    ("ends before it starts", "time_end < time_start OR ifNull(time_connect < time_start, 0)"),
    ("answered, yet rerouted", "success AND NOT is_last_cdr"),
    ("another day", "date_start != toDate(time_start)"),
    ("a SIP code that does not fit the answer", "(lega_disconnect_code = 200) != success"),
    (
        "a Q.850 cause that does not fit the SIP code",
        "isNotNull(lega_q850_cause) AND (lega_disconnect_code, lega_q850_cause) NOT IN \
         ((200, 16), (486, 17), (600, 17), (408, 18), (480, 19), (480, 20), (603, 21), (487, 16), (404, 1), (410, 22), (484, 28), \
         (503, 34), (502, 38), (500, 41), (503, 42), (504, 47))",
    ),
    ("a number outside its destination", "NOT startsWith(dst_prefix_routing, destination_prefix)"),
    (
        "no number",
        "NOT match(dst_prefix_routing, '^[1-9][0-9]{8,14}$') OR NOT match(src_prefix_routing, '^[1-9][0-9]{8,14}$')",
    ),
    ("no address", "isNull(toIPv6OrNull(auth_orig_ip)) AND isNull(toIPv4OrNull(auth_orig_ip))"),
    (
        "an address spelled oddly",
        "position(auth_orig_ip, ':') > 0 AND toString(toIPv6OrZero(auth_orig_ip)) != auth_orig_ip",
    ),
    ("a delay beyond belief", "pdd <= 0 OR pdd > 120"),
    ("an answer without a delay", "success AND isNull(pdd)"),
];

#[tokio::test]
async fn every_made_up_cdr_is_possible() {
    let options = options(60_000);
    let db = filled(&options).await;
    for (name, condition) in IMPOSSIBLE {
        assert_eq!(number(&db.admin, &format!("SELECT countIf({condition}) FROM cdrs")).await, 0.0, "{name}");
    }
    let outside = format!("SELECT countIf(time_start < {} OR time_start >= {}) FROM cdrs", options.from, options.to);
    assert_eq!(number(&db.admin, &outside).await, 0.0);
    let rows = number(&db.admin, "SELECT count() FROM cdrs").await;
    assert_eq!(number(&db.admin, "SELECT uniqExact(id) FROM cdrs").await, rows);
    assert_eq!(number(&db.admin, "SELECT uniqExact(uuid) FROM cdrs").await, rows);
    assert!((1.2..1.3).contains(&(rows / 60_000.0)), "{rows}");
}

#[tokio::test]
async fn a_call_is_one_last_attempt_after_others_that_failed_elsewhere() {
    let db = filled(&options(20_000)).await;
    let calls = "SELECT global_tag, count() AS attempts, sum(is_last_cdr) AS lasts, uniqExact(vendor_id) AS vendors, \
                 max(routing_attempt) AS highest, argMax(is_last_cdr, routing_attempt) AS at_end FROM cdrs GROUP BY global_tag";
    let wrong = format!(
        "SELECT countIf(lasts != 1 OR highest != attempts OR vendors != attempts OR NOT at_end) FROM ({calls})"
    );
    assert_eq!(number(&db.admin, &wrong).await, 0.0);
    assert_eq!(number(&db.admin, &format!("SELECT count() FROM ({calls})")).await, 20_000.0);
    assert!(number(&db.admin, &format!("SELECT countIf(attempts = 3) FROM ({calls})")).await > 500.0);
}

#[tokio::test]
async fn accounts_are_of_unequal_size_and_known_by_name() {
    let db = filled(&Options { accounts: 2000, ..options(200_000) }).await;
    let share = async |account: u32| {
        let sql = format!("SELECT countIf(customer_acc_id = {account}) / count() FROM cdrs");
        number(&db.admin, &sql).await
    };
    assert!((0.13..0.17).contains(&share(1).await));
    assert!((0.0006..0.0014).contains(&share(50).await));
    assert!((0.00005..0.0004).contains(&share(1500).await));
    // The tables map each to the customer that its calls carry, and vendors have accounts too.
    for (id, customer) in [("customer_acc_id", "customer_id"), ("vendor_acc_id", "vendor_id")] {
        let strangers = format!(
            "SELECT count() FROM (SELECT DISTINCT {id}, {customer} FROM cdrs) WHERE ({id}, {customer}) NOT IN \
             (SELECT id, customer_id FROM accounts FINAL) OR {customer} NOT IN (SELECT customer_id FROM api_access FINAL)"
        );
        assert_eq!(number(&db.admin, &strangers).await, 0.0, "{id}");
    }
    let biggest = &accounts(2000)[0];
    let found =
        format!("SELECT count() FROM accounts FINAL WHERE uuid = '{}' AND name = '{}'", biggest.uuid, biggest.name);
    assert_eq!(number(&db.admin, &found).await, 1.0);
}

#[tokio::test]
async fn days_weeks_and_destinations_differ_as_in_life() {
    let db = filled(&options(100_000)).await;
    let calls =
        async |when: &str| number(&db.admin, &format!("SELECT countIf({when}) FROM cdrs WHERE is_last_cdr")).await;
    assert!(calls("toHour(time_start) = 10").await > 4.0 * calls("toHour(time_start) = 3").await);
    assert!(calls("toDayOfWeek(time_start) = 2").await > 1.5 * calls("toDayOfWeek(time_start) = 7").await);
    let asr =
        async |of: &str| number(&db.admin, &format!("SELECT avgIf(success, {of}) FROM cdrs WHERE is_last_cdr")).await;
    let acd = async |of: &str| number(&db.admin, &format!("SELECT avgIf(duration, success AND {of}) FROM cdrs")).await;
    assert!((0.45..0.65).contains(&asr("1").await));
    assert!((120.0..260.0).contains(&acd("1").await));
    assert!(asr("destination_prefix = '49151'").await > 1.4 * asr("destination_prefix = '88017'").await);
    assert!(acd("destination_prefix = '88017'").await > 1.2 * acd("destination_prefix = '49151'").await);
    assert!(number(&db.admin, "SELECT countIf(success AND duration <= 15) / countIf(success) FROM cdrs").await > 0.05);
    assert!(
        number(&db.admin, "SELECT quantileIf(0.95)(duration, success) / quantileIf(0.5)(duration, success) FROM cdrs")
            .await
            > 3.0
    );
    assert!(number(&db.admin, "SELECT sum(vendor_price) / sum(customer_price) FROM cdrs").await < 0.95);
    let countries: Vec<u32> = db
        .admin
        .query_raw("SELECT DISTINCT arrayJoin([src_country_id, dst_country_id]) FROM cdrs")
        .fetch_all()
        .await
        .unwrap();
    assert!(countries.len() > 75 && countries.into_iter().all(|id| country_name(id).is_some()));
}

#[tokio::test]
async fn incidents_can_be_seen() {
    let options = Options { to: Options::default().from + 9 * 86_400, ..options(400_000) };
    let db = filled(&options).await;
    let all = incidents(&options);
    assert_eq!(all.len(), 3);
    for Incident { kind, start, end } in all {
        let (of, measure) = match kind {
            Kind::DestinationFails { prefix, .. } => {
                (format!("destination_prefix = '{prefix}' AND is_last_cdr"), "avg(success)")
            }
            Kind::AccountSilent { account_id } => (format!("customer_acc_id = {account_id}"), "count()"),
        };
        let between = async |from: u32, to: u32| {
            let sql = format!("SELECT {measure} FROM cdrs WHERE {of} AND time_start >= {from} AND time_start < {to}");
            number(&db.admin, &sql).await
        };
        let (before, during, after) =
            (between(start - 7200, start).await, between(start, end).await, between(end, end + 7200).await);
        assert!(during < 0.3 * before && during < 0.3 * after, "{of}: {before} {during} {after}");
    }
}

/// At whatever time the demo is started: a busy day has some 1,400 calls to the destination, and chance loses fifty answers.
#[tokio::test]
async fn the_day_of_the_first_incident_has_lost_most_answers_there() {
    const DAY: u32 = 86_400;
    // A Monday at 06:17 and a Friday at 22:40.
    for start in [1_767_571_200 + 22_620, 1_767_571_200 + 4 * DAY + 81_600] {
        let options = Options { from: start, to: start + 16 * DAY, ..options(571_000) };
        let db = filled(&options).await;
        let day = incidents(&options)[0].start / DAY * DAY;
        let window = |from: u32| format!("is_last_cdr AND time_start >= {from} AND time_start < {}", from + DAY);
        let asr = |from: u32| format!("countIf(success AND {0}) / countIf({0})", window(from));
        let lost: Vec<(String, f64)> = db
            .admin
            .query_raw(&format!(
                "SELECT destination_prefix, countIf({}) * ({} - {}) AS lost FROM cdrs GROUP BY destination_prefix \
                 ORDER BY lost DESC LIMIT 2",
                window(day),
                asr(day - 7 * DAY),
                asr(day),
            ))
            .fetch_all()
            .await
            .unwrap();
        assert_eq!(lost[0].0, "447", "{start}: {lost:?}");
        assert!(lost[0].1 > 1.5 * lost[1].1, "{start}: {lost:?}");
    }
}

#[tokio::test]
async fn the_same_options_give_the_same_rows_once() {
    let sums = async |db: &Db| {
        let sql = "SELECT groupBitXor(cityHash64(toString(tuple(*)))) FROM";
        let mut sums = Vec::new();
        for table in ["cdrs", "active_calls"] {
            sums.push(db.admin.query_raw(&format!("{sql} {table}")).fetch_one::<u64>().await.unwrap());
        }
        sums
    };
    let one = Options { to: Options::default().from + 7200, ..options(20_000) };
    let (first, second) = (filled(&one).await, filled(&one).await);
    assert_eq!(sums(&first).await, sums(&second).await);
    let before = sums(&first).await;
    let again = fill(&first.admin, &one, |_| ()).await.unwrap();
    assert_eq!(sums(&first).await, before);
    assert_eq!(again.rows as f64, number(&first.admin, "SELECT count() FROM cdrs").await);
    let other = filled(&Options { seed: 2, ..one.clone() }).await;
    assert_ne!(sums(&other).await, before);
    // Emptied tables can be filled again; rows deleted one by one are remembered, and that is said.
    first.admin.query_raw("TRUNCATE TABLE cdrs").execute().await.unwrap();
    fill(&first.admin, &one, |_| ()).await.unwrap();
    first
        .admin
        .query_raw("ALTER TABLE cdrs DELETE WHERE routing_attempt < 2 SETTINGS mutations_sync = 2")
        .execute()
        .await
        .unwrap();
    assert!(matches!(fill(&first.admin, &one, |_| ()).await, Err(DemoError::Deleted { wanted: 20_000, .. })));
}

#[tokio::test]
async fn live_calls_are_calls_of_the_last_hours_on_the_minute() {
    let options = options(1_000_000);
    let options = Options { calls: 50_000, from: options.from, to: options.from + 6 * 3600 + 17, ..options };
    let db = filled(&options).await;
    #[derive(Debug, Row, Deserialize)]
    struct Live {
        rows: u64,
        off_grid: u64,
        first: u32,
        last: u32,
        nodes: u64,
        strangers: u64,
        ringing: u64,
    }
    let live: Live = db
        .admin
        .query_raw(
            "SELECT count() AS rows, countIf(toSecond(a.snapshot_timestamp) != 0) AS off_grid, \
             toUnixTimestamp(min(a.snapshot_timestamp)) AS first, toUnixTimestamp(max(a.snapshot_timestamp)) AS last, \
             uniqExact(a.node_id) AS nodes, countIf(c.id = 0 OR a.snapshot_timestamp < c.time_start \
             OR a.snapshot_timestamp >= assumeNotNull(c.time_end) OR a.customer_acc_id != c.customer_acc_id) AS strangers, \
             countIf(isNull(a.connect_time)) AS ringing FROM active_calls AS a LEFT JOIN cdrs AS c ON a.id = c.id",
        )
        .fetch_one()
        .await
        .unwrap();
    assert_eq!((live.off_grid, live.strangers, live.nodes), (0, 0, 3));
    assert!(live.rows > 10_000 && live.ringing > 100 && live.ringing < live.rows / 2, "{live:?}");
    assert_eq!(live.last, options.to / 60 * 60);
    assert!(live.last - live.first == 3 * 3600, "{live:?}");
}

#[tokio::test]
async fn nothing_to_make_is_an_error() {
    let db = db().await;
    let good = options(10);
    for bad in [
        Options { calls: 0, ..good.clone() },
        Options { to: good.from, ..good.clone() },
        Options { accounts: 0, ..good.clone() },
    ] {
        assert!(matches!(fill(&db.admin, &bad, |_| ()).await, Err(DemoError::Empty)));
    }
    assert!(matches!(fill(&db.admin, &options(u64::MAX), |_| ()).await, Err(DemoError::TooMany)));
    fill(&db.admin, &Options { calls: 1, to: good.from + 1, ..good }, |_| ()).await.unwrap();
}

#[actix_web::test]
async fn the_demo_goes_on_with_calls_and_a_snapshot_of_those_that_are_up() {
    let db = db().await;
    let options = Options { calls: 5_000, from: 1_767_571_200, to: 1_767_571_200 + 3600, ..Options::default() };
    fill(&db.admin, &options, |_| ()).await.unwrap();
    let (from, to) = (options.to, options.to + 60);
    go_on(&db.admin, &options, from, to).await.unwrap();
    let count = |sql: String| {
        let query = db.admin.query_raw(&sql);
        async move { query.fetch_one::<u64>().await.unwrap() }
    };
    let calls =
        count(format!("SELECT countIf(is_last_cdr = 1) FROM cdrs WHERE time_start >= {from} AND time_start < {to}"));
    assert_eq!(calls.await, 5_000 / 60);
    let up = count(format!(
        "SELECT count() FROM cdrs WHERE time_start <= toDateTime({to}) AND toUnixTimestamp(assumeNotNull(time_end)) > {to}"
    ));
    let seen = count(format!("SELECT count() FROM active_calls WHERE snapshot_timestamp = toDateTime({to})"));
    let (up, seen) = (up.await, seen.await);
    assert!(seen > 0, "nobody is up");
    assert_eq!(seen, up);
}

#[tokio::test]
async fn rows_of_somebody_else_are_told_from_the_demos_own() {
    let options = Options { to: Options::default().from + 7200, ..options(1_000) };
    let db = filled(&options).await;
    assert!(is_alone(&db.admin).await.unwrap());
    go_on(&db.admin, &options, options.to, options.to + 60).await.unwrap();
    assert!(is_alone(&db.admin).await.unwrap());
    // Small ids, ids of the clock and ids of other programs.
    for id in [1_u64, 1_767_571_200_000, 1_767_571_200_000_000, 1 << 60] {
        insert(&db.admin, "cdrs", &format!(r#"{{"id":{id},"time_start":{},"vendor_id":3}}"#, options.from)).await;
        assert!(!is_alone(&db.admin).await.unwrap(), "{id}");
        let gone = format!("ALTER TABLE cdrs DELETE WHERE id = {id} SETTINGS mutations_sync = 2");
        db.admin.query_raw(&gone).execute().await.unwrap();
        assert!(is_alone(&db.admin).await.unwrap());
    }
}

#[tokio::test]
async fn accounts_and_access_of_somebody_else_are_not_overwritten() {
    let one = Options { to: Options::default().from + 7200, ..options(1_000) };
    let accounts = r#"{"id":60,"uuid":"6f9619ff-8b86-d011-b42d-00cf4fc964ff","customer_id":7,"name":"mine"}"#;
    for (table, row) in [
        ("accounts", accounts),
        ("api_access", r#"{"id":20,"customer_id":7}"#),
        ("api_access", r#"{"id":20,"customer_id":20,"account_ids":[5]}"#),
        ("api_access", r#"{"id":9001,"customer_id":9001,"login":"ann"}"#),
        ("api_access", r#"{"id":3,"customer_id":0}"#),
    ] {
        let db = db().await;
        insert(&db.admin, table, row).await;
        let error = fill(&db.admin, &one, |_| ()).await.unwrap_err();
        assert!(matches!(error, DemoError::Theirs { table: named } if named == table), "{error}");
        let kept = "SELECT (SELECT count() FROM accounts FINAL) + (SELECT count() FROM api_access FINAL) + (SELECT count() FROM cdrs)";
        assert_eq!(number(&db.admin, kept).await, 1.0, "{row}");
    }
    // Other ids are in nobody's way, and the demo's own rows are, whatever it made them for.
    let db = filled(&Options { accounts: 2000, ..one.clone() }).await;
    insert(&db.admin, "accounts", &accounts.replace("60", "100000")).await;
    insert(&db.admin, "api_access", r#"{"id":100000,"customer_id":7}"#).await;
    fill(&db.admin, &Options { seed: 2, ..one }, |_| ()).await.unwrap();
}
