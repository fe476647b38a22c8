//! Lists of values in query strings: how many, how long, and what they cost ClickHouse.

use cdrscope::query::filter::ParamType;
use cdrscope::report::REPORTS;
use cdrscope::report::param::Role;
use uuid::Uuid;

use crate::support::app::API;
use crate::support::{Db, TestApp, db};

const CUSTOMER: u32 = 1;

/// Every filter that takes a list, in every report that has it, with the value of number `n` of a list.
fn lists() -> impl Iterator<Item = (&'static str, &'static str)> {
    REPORTS.iter().flat_map(|report| {
        let lists = report.params().filter(|param| match param.role {
            Role::Filter(_, ParamType::Integer { list, .. }) => list,
            Role::Filter(_, ParamType::Texts(_)) => true,
            _ => false,
        });
        lists.map(move |param| (report.name, param.name))
    })
}

async fn ask(app: &TestApp, account: Uuid, report: &str, pairs: &[(&str, &str)]) -> (u16, String) {
    let known = cdrscope::report::find(report).unwrap();
    let sampling = if known.params().any(|param| param.role == Role::Sampling) { "&sampling=5minutes" } else { "" };
    let from = if known.params().any(|param| param.role == Role::From) { "&from-time=2026-01-01" } else { "" };
    let to = if from.is_empty() { "" } else { "&to-time=2026-01-01T23:59:59Z" };
    let mut path = format!("{API}/{report}?account-id={account}{from}{to}{sampling}");
    for (name, value) in pairs {
        path +=
            &format!("&{name}={}", percent_encoding::utf8_percent_encode(value, percent_encoding::NON_ALPHANUMERIC));
    }
    let reply = app.get(&path, &app.token(CUSTOMER, &[])).await;
    (reply.status, reply.body)
}

fn numbers(count: usize) -> String {
    (0..count).map(|n| n.to_string()).collect::<Vec<_>>().join(",")
}

#[actix_web::test]
async fn a_list_of_more_values_than_the_limit_is_refused_by_its_name() {
    let app = TestApp::start(|config| config.cache.enabled = false).await;
    let account = app.account(11, CUSTOMER).await;
    app.until_known(account, &app.token(CUSTOMER, &[])).await;
    let mut seen = 0;
    for (report, name) in lists() {
        let (status, body) = ask(&app, account, report, &[(name, &numbers(201))]).await;
        let expected = format!(r#"{{"error":"invalid value {name}: more than 200 values (limits.max_list_values)"}}"#);
        assert_eq!((status, body), (400, expected), "{report}");
        seen += 1;
    }
    assert!(seen >= 40, "{seen}");
    for (name, most) in [("dst-prefix-routing-starts-with", 200), ("dst-country-id-not-eq", 200)] {
        let (status, body) = ask(&app, account, "origination-statistics", &[(name, &numbers(most))]).await;
        assert_eq!(status, 200, "{body}");
    }
    // A comma is a comma where there is no list.
    let commas = ",".repeat(900);
    let (status, body) =
        ask(&app, account, "origination-statistics", &[("dst-prefix-routing-contains", &commas)]).await;
    assert_eq!(status, 200, "{body}");
}

#[actix_web::test]
async fn a_text_that_is_too_long_is_refused_by_its_name() {
    let app = TestApp::start(|config| config.cache.enabled = false).await;
    let account = app.account(11, CUSTOMER).await;
    app.until_known(account, &app.token(CUSTOMER, &[])).await;
    let mut seen = 0;
    for report in REPORTS {
        for param in report.params() {
            let longest = match param.role {
                Role::Filter(_, ParamType::Text(_)) => 1024,
                Role::Filter(_, ParamType::Texts(_)) => 8192,
                _ => continue,
            };
            // Characters count, not their bytes.
            let (status, body) = ask(&app, account, report.name, &[(param.name, &"é".repeat(longest + 1))]).await;
            let expected = format!(r#"{{"error":"invalid value {}: more than {longest} characters"}}"#, param.name);
            assert_eq!((status, body), (400, expected), "{}", report.name);
            let (status, body) = ask(&app, account, report.name, &[(param.name, &"é".repeat(longest))]).await;
            assert_eq!(status, 200, "{body}");
            seen += 1;
        }
    }
    assert!(seen > 80, "{seen}");
}

/// 400,000 calls, half of them of the account.
const CALLS: &str = "INSERT INTO cdrs (id, customer_id, vendor_id, customer_acc_id, vendor_acc_id, is_last_cdr, time_start, \
    duration, dst_country_id, dst_prefix_routing, src_prefix_routing) \
    SELECT number, 1, 1, if(number % 2 = 0, 11, number % 10), 11, 1, toDateTime(1767225600 + number % 86400), number % 100, \
    number % 10, toString(cityHash64(number) % 1000000000), toString(cityHash64(number + 7) % 1000000000) \
    FROM numbers(400000)";

/// A service whose queries may take so many bytes in ClickHouse.
async fn within(db: &Db, bytes: u64) -> TestApp {
    let db = Db {
        admin: crate::support::admin(&db.database),
        reader: db.reader.clone().with_setting("max_memory_usage", bytes.to_string()),
        database: db.database.clone(),
    };
    TestApp::over(db, |config| config.cache.enabled = false).await
}

#[actix_web::test]
async fn two_hundred_prefixes_take_at_most_twice_the_memory_of_one() {
    let db = db().await;
    db.admin.query_raw(CALLS).execute().await.unwrap();
    let app = within(&db, 1 << 30).await;
    let account = app.account(11, CUSTOMER).await;
    let forms = |seed: u64| {
        let digits = |n: u64, length: usize| {
            let digits = (n * 2_654_435_761 + seed * 40_503).to_string().repeat(12);
            digits[..length].to_owned()
        };
        let some: Vec<String> = (1..=200).map(|n| digits(n, 2 + n as usize % 7)).collect();
        // Each of another length.
        let ladder: Vec<String> = (1..=100).map(|n| digits(n, n as usize)).collect();
        [some.join(","), ladder.join(",")]
    };
    for report in ["origination-statistics", "termination-statistics-quality"] {
        for name in ["dst-prefix-routing", "src-prefix-routing"] {
            let mut bytes = 8 << 20;
            let starts = format!("{name}-starts-with");
            loop {
                assert!(bytes < 1 << 28, "one prefix takes {bytes} bytes");
                let app = within(&db, bytes).await;
                app.until_known(account, &app.token(CUSTOMER, &[])).await;
                if ask(&app, account, report, &[(&starts, "44")]).await.0 == 200 {
                    break;
                }
                bytes *= 2;
            }
            let app = within(&db, 2 * bytes).await;
            app.until_known(account, &app.token(CUSTOMER, &[])).await;
            for list in forms(7) {
                for ending in ["starts-with", "in", "not-eq"] {
                    let (status, body) = ask(&app, account, report, &[(&format!("{name}-{ending}"), &list)]).await;
                    assert_eq!(status, 200, "{report} {name}-{ending} within {} MB: {body}", (2 * bytes) >> 20);
                }
            }
        }
    }
}

/// Texts that would mean something to a pattern, to a list or to SQL, and characters of several bytes.
const NASTY: [&str; 34] = [
    "4",
    "44",
    "440",
    "49",
    "",
    "^4",
    "$",
    "(",
    ")",
    "|",
    "4|9",
    "[0-9]",
    ".",
    "*",
    "+4",
    "?",
    "{2}",
    "\\",
    "\\d",
    "\\Q4",
    "\\x34",
    "(?i)a",
    "A",
    "a",
    "é",
    "É",
    "\u{e9}\u{e9}",
    "\u{d0}",
    "Ж",
    "😀",
    "'",
    "\"",
    "\n4",
    "-#&~ /",
];

#[actix_web::test]
async fn several_prefixes_find_what_begins_with_any_of_them() {
    let app = TestApp::start(|config| config.cache.enabled = false).await;
    let account = app.account(11, CUSTOMER).await;
    let quoted = |text: &str| text.replace('\\', "\\\\").replace('\'', "\\'").replace('\n', "\\n");
    // Each alone and followed by each other.
    let prefixes: Vec<String> =
        NASTY.iter().flat_map(|a| ["", "4", "é", "|", "\n"].map(|b| format!("{a}{b}"))).collect();
    let array = prefixes.iter().map(|text| format!("'{}'", quoted(text))).collect::<Vec<_>>().join(",");
    app.admin
        .query_raw(&format!(
            "INSERT INTO cdrs (id, customer_id, vendor_id, customer_acc_id, vendor_acc_id, is_last_cdr, time_start, \
             dst_prefix_routing, src_prefix_routing) SELECT number, 1, 1, 11, 11, 1, toDateTime(1767225600 + number), p, p \
             FROM (SELECT rowNumberInAllBlocks() AS number, p FROM (SELECT arrayJoin([{array}]) AS p))"
        ))
        .execute()
        .await
        .unwrap();
    app.until_known(account, &app.token(CUSTOMER, &[])).await;
    let some: Vec<&str> = NASTY.into_iter().filter(|text| !text.is_empty()).collect();
    for (i, a) in some.iter().enumerate() {
        for b in [some[(i + 1) % some.len()], some[(i + 7) % some.len()], "zz"] {
            let wanted = prefixes.iter().filter(|text| text.starts_with(a) || text.starts_with(b)).count();
            for name in ["dst-prefix-routing-starts-with", "src-prefix-routing-starts-with"] {
                for (report, to) in
                    [("origination-statistics", "2026-01-01T23:59:59Z"), ("origination-statistics", "2026-01-09")]
                {
                    let path = format!(
                        "{API}/{report}?account-id={account}&from-time=2026-01-01&to-time={to}&sampling=day&{name}={}",
                        percent_encoding::utf8_percent_encode(&format!("{a},{b}"), percent_encoding::NON_ALPHANUMERIC)
                    );
                    let reply = app.get(&path, &app.token(CUSTOMER, &[])).await;
                    assert_eq!(reply.status, 200, "{}", reply.body);
                    let found = reply.json()["totals"]["total_calls"].as_u64().unwrap();
                    assert_eq!(found as usize, wanted, "{name} {a:?} or {b:?} to {to}");
                }
            }
        }
    }
}
