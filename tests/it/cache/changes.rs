//! Everything that can happen to the table, one after the other: each change shows in every answer at once.

use std::time::Duration;

use cdrscope::config::Config;
use cdrscope::config::value::Value;

use super::{Services, calls, calls_of, live, longer, now, questions};
use crate::support::TestApp;

const HOUR: i64 = 3600;
const DAY: i64 = 86_400;

/// What is done between two comparisons.
struct Change(&'static str, Vec<String>);

/// Moments that changes are about: the present, and the middles of the last two months, which are partitions of their own.
#[derive(Clone, Copy)]
struct Moments {
    now: i64,
    last: i64,
    before: i64,
}

impl Moments {
    fn new(now: i64) -> Self {
        let last = now - 35 * DAY;
        Self { now, last, before: last - 31 * DAY }
    }
}

/// The id of the partition that holds a second.
fn month(second: i64) -> String {
    jiff::Timestamp::from_second(second).unwrap().strftime("%Y%m").to_string()
}

/// In this order: each finds the table as those before it left it.
fn changes(at: Moments) -> Vec<Change> {
    let Moments { now, last, before } = at;
    let merge = || "OPTIMIZE TABLE cdrs FINAL".to_owned();
    let alter = |what: String| format!("ALTER TABLE cdrs {what} SETTINGS mutations_sync = 2");
    let partition = |verb: &str, second: i64| format!("ALTER TABLE cdrs {verb} PARTITION ID '{}'", month(second));
    let again = || calls(1200, now - 4 * HOUR - 13, 61, 50);
    let one = |name, statement| Change(name, vec![statement]);
    vec![
        one("a call that began a second ago", calls(1000, now - 1, 1, 1)),
        one("calls of now and of the future", calls(1100, now - 5, 3, 60)),
        one("calls that began hours ago", again()),
        one("the same batch again", again()),
        one("the same calls as a batch of its own", again() + " SETTINGS insert_deduplicate = 0"),
        one("calls of a month ago", calls(1300, last, 997, 50)),
        one("calls across months", calls(1400, now - 65 * DAY, DAY / 2, 100)),
        one("one call where there was none", calls(1500, now - 50 * DAY, 1, 1)),
        one("another account's calls", calls_of(1, 12, 1600, now - HOUR, 10, 50)),
        one("a merge of everything", merge()),
        Change(
            "new calls that were merged before anybody looked",
            vec![calls(1700, last, 30, 20), calls(1800, last + 15, 30, 20), merge()],
        ),
        one("calls deleted", "DELETE FROM cdrs WHERE id BETWEEN 1700 AND 1709 OR id BETWEEN 1205 AND 1210".to_owned()),
        // The merge drops the deleted rows, so that the part has as many as its known half had.
        Change("as many calls added as were deleted", vec![calls(1900, last + HOUR, 7, 10), merge()]),
        one(
            "the latest calls of each part gone",
            alter(format!("DELETE WHERE time_start > toDateTime({})", now - 9000)),
        ),
        one(
            "the earliest calls of a part gone",
            alter(format!("DELETE WHERE time_start < toDateTime({})", before + 3600)),
        ),
        one("longer calls", alter(format!("UPDATE duration = duration + 1 WHERE time_start > toDateTime({})", last))),
        Change(
            "dearer calls, some of them new, merged with the others",
            vec![
                calls(2000, now - 3 * HOUR, 31, 30),
                alter("UPDATE customer_price = customer_price + 1 WHERE id % 2 = 0".to_owned()),
                merge(),
            ],
        ),
        one("a month dropped", partition("DROP", before)),
        one("a month detached", partition("DETACH", last)),
        one("and attached", partition("ATTACH", last)),
        Change(
            "a month replaced",
            vec![
                "CREATE TABLE again AS cdrs".to_owned(),
                calls(2100, last, 1777, 40).replace("INTO cdrs", "INTO again"),
                partition("REPLACE", last) + " FROM again",
            ],
        ),
        one("a projection dropped", alter("DROP PROJECTION vendor_minutes".to_owned())),
        one("everything truncated", "TRUNCATE TABLE cdrs".to_owned()),
        one("a new call in the empty table", calls(2200, now - 40, 1, 1)),
        one("truncated again", "TRUNCATE TABLE cdrs".to_owned()),
        Change("live calls", vec![live(now - 60, 1), live(now - 61, 1), live(now - 130, 2)]),
        Change("a later snapshot in the same minute", vec![live(now - 59, 1), live(now - 58, 1)]),
        one("no live calls", "TRUNCATE TABLE active_calls".to_owned()),
    ]
}

#[actix_web::test]
async fn every_change_shows_at_once() {
    let services = Services::start().await;
    let at = Moments::new(now());
    services.run(&calls(1, at.now - 70 * DAY, 7_919, 780)).await;
    services.run(&calls(900, at.now - 3 * HOUR, 60, 100)).await;
    let questions = questions(at.now);
    let mut wrong = services.differences(&services.cached, &questions).await;
    let changes = changes(at);
    let count = changes.len();
    for (place, Change(name, statements)) in changes.into_iter().enumerate() {
        for statement in statements {
            services.run(&statement).await;
        }
        // In turns, so that a memory may also be older than the latest change.
        let asked: Vec<String> = questions.iter().skip(place % 2).step_by(2).cloned().collect();
        let differences = services.differences(&services.cached, &asked).await;
        wrong.extend(differences.into_iter().map(|line| format!("after {name}: {line}")));
    }
    assert!(wrong.is_empty(), "{} wrong answers\n{}", wrong.len(), wrong.join("\n"));
    println!("{count} changes, half of {} questions after each, 0 differences", questions.len());
}

/// A table made anew has parts of the same names; so has one that was emptied, once the server was restarted.
#[actix_web::test]
async fn a_table_that_takes_anothers_place_is_another_table() {
    let services = Services::start().await;
    let now = now();
    let questions = questions(now);
    let fill = [calls(1, now - 3 * HOUR, 60, 20), calls(100, now - 2 * HOUR, 60, 30)];
    for statement in &fill {
        services.run(statement).await;
    }
    assert_eq!(services.differences(&services.cached, &questions).await, Vec::<String>::new());
    services.run("CREATE TABLE other AS cdrs").await;
    for statement in fill {
        services.run(&longer(&statement).replace("INTO cdrs", "INTO other")).await;
    }
    services.run("EXCHANGE TABLES cdrs AND other").await;
    assert_eq!(services.differences(&services.cached, &questions).await, Vec::<String>::new(), "exchanged");
    services.run("EXCHANGE TABLES cdrs AND other").await;
    // Now the parts of the one are those of the other merged: as many calls, but others.
    services.run("OPTIMIZE TABLE other FINAL").await;
    assert_eq!(services.differences(&services.cached, &questions).await, Vec::<String>::new());
    services.run("EXCHANGE TABLES cdrs AND other").await;
    assert_eq!(services.differences(&services.cached, &questions).await, Vec::<String>::new(), "exchanged and merged");
    // A view in its place has no parts at all.
    services.run("RENAME TABLE cdrs TO third").await;
    services.run("CREATE VIEW cdrs AS SELECT * FROM third WHERE id % 2 = 0").await;
    assert_eq!(services.differences(&services.cached, &questions).await, Vec::<String>::new(), "a view");
    services.run(&calls(500, now - HOUR, 20, 30).replace("INTO cdrs", "INTO third")).await;
    assert_eq!(services.differences(&services.cached, &questions).await, Vec::<String>::new(), "rows behind a view");
}

/// An answer may rely on a look that is a second old. (No change may take longer than five seconds to show, or two where it
/// is a new call.)
#[actix_web::test]
async fn by_default_a_change_shows_after_a_second() {
    let services = Services::start().await;
    let app = TestApp::over(services.db(), |_| ()).await;
    services.know(&app).await;
    let now = now();
    services.run(&calls(1, now - 40 * DAY, 3_001, 1100)).await;
    let questions = questions(now)[..12].to_vec();
    for change in [
        calls(2000, now - 1, 1, 1),
        calls(3000, now - 30 * DAY, 50, 40),
        "DELETE FROM cdrs WHERE id % 9 = 0".to_owned(),
        format!("ALTER TABLE cdrs DROP PARTITION ID '{}'", month(now - 35 * DAY)),
        "TRUNCATE TABLE cdrs".to_owned(),
    ] {
        services.run(&change).await;
        tokio::time::sleep(Duration::from_millis(1001)).await;
        assert_eq!(services.differences(&app, &questions).await, Vec::<String>::new(), "after {change}");
    }
}

/// Tables of an operator's own may change in ways that ours does not.
#[actix_web::test]
async fn parts_of_other_kinds_of_tables_are_told_apart_too() {
    let services = Services::start().await;
    let now = now();
    let questions = questions(now)[..15].to_vec();
    for (number, (engine, settings)) in [
        // Updates without a mutation: their rows come as parts of their own.
        ("MergeTree", "enable_block_number_column = 1, enable_block_offset_column = 1"),
        // Merges drop rows that have the same key.
        ("ReplacingMergeTree", "index_granularity = 8192"),
    ]
    .into_iter()
    .enumerate()
    {
        let table = format!("own_{number}");
        let create = format!(
            "CREATE TABLE {table} ENGINE = {engine} ORDER BY (customer_acc_id, id) SETTINGS {settings} AS SELECT * FROM cdrs"
        );
        services.run(&create).await;
        let insert = |calls: String| calls.replace("INTO cdrs", &format!("INTO {table}"));
        services.run(&insert(calls(1, now - 9 * DAY, 3_001, 260))).await;
        let own = |fresh| {
            let table = table.clone();
            move |config: &mut Config| {
                config.tables.cdrs = Value::parse(&table).unwrap();
                (config.cache.fresh_seconds, config.cache.enabled) = (0, fresh);
            }
        };
        let (plain, cached) =
            (TestApp::over(services.db(), own(false)).await, TestApp::over(services.db(), own(true)).await);
        let services = Services { plain, cached, account: services.account, token: services.token.clone() };
        services.know(&services.plain).await;
        services.know(&services.cached).await;
        for change in [
            String::new(),
            format!("UPDATE {table} SET duration = duration + 7 WHERE id % 5 = 1"),
            insert(calls(2000, now - 7200, 60, 30)),
            insert(longer(&calls(2000, now - 7200, 60, 30))),
            format!("OPTIMIZE TABLE {table} FINAL"),
            format!("DELETE FROM {table} WHERE id % 7 = 1"),
            insert(calls(3000, now - 3600, 60, 30)),
            format!("DELETE FROM {table} WHERE id % 7 = 2"),
            format!("OPTIMIZE TABLE {table} FINAL"),
        ] {
            if change.starts_with("UPDATE") && engine != "MergeTree" {
                continue;
            }
            if !change.is_empty() {
                services.run(&change).await;
            }
            let differences = services.differences(&services.cached, &questions).await;
            assert_eq!(differences, Vec::<String>::new(), "{engine}, after {change}");
        }
    }
}
