//! `cdrscope thin`: old months lose their details and no figure.

use std::process::{Command, Output};

use cdrscope::thin;

use crate::cache::{Services, calls};
use crate::support::engine;

fn thin(database: &str, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_cdrscope"))
        .arg("thin")
        .args(args)
        .env("CDRSCOPE_CLICKHOUSE_URL", engine().url())
        .env("CDRSCOPE_CLICKHOUSE_USER", &engine().admin().user)
        .env("CDRSCOPE_CLICKHOUSE_PASSWORD", &engine().admin().password)
        .env("CDRSCOPE_CLICKHOUSE_DATABASE", database)
        .output()
        .unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

/// Every kind of way to the calls: sums by minute, odd edges, each projection, filters that none serves.
const ASKED: &[&str] = &[
    "",
    "&to-time=2026-03-31T23:59:59Z",
    "&from-time=2026-01-31T23:00:07Z",
    "&dst-country-id=3",
    "&dst-prefix-routing-starts-with=4",
    "&dst-prefix-routing-contains=8",
    "&src-country-id=2",
    "&src-prefix-routing-ends-with=1",
    "&duration-gt=30",
];

fn questions() -> Vec<String> {
    let mut all = Vec::new();
    // Both kinds of report of a side read the same columns, so the long kind has all the filters.
    for (report, price, sampling) in
        [("origination-statistics", "customer-price", "day"), ("termination-statistics", "vendor-price", "hour")]
    {
        for asked in ASKED {
            all.push(format!("{report}?from-time=2026-01-01&to-time=2026-04-02&sampling={sampling}{asked}"));
        }
        all.push(format!("{report}?from-time=2026-01-01&to-time=2026-04-02&sampling={sampling}&{price}-gt=0.5"));
    }
    for report in ["origination-statistics-quality", "termination-statistics-quality"] {
        all.push(format!("{report}?from-time=2026-01-01&to-time=2026-04-02&sampling=15minutes"));
    }
    all.push("origination-statistics?from-time=2026-01-01&sampling=month&auth-orig-ip=192.0.2.7".into());
    all
}

#[actix_web::test]
async fn old_months_lose_their_details_and_no_figure() {
    let services = Services::start().await;
    // A call every half hour from January to April, with details.
    services.plain.admin.query_raw(
        "INSERT INTO cdrs (id, customer_id, customer_acc_id, vendor_id, vendor_acc_id, is_last_cdr, time_start, duration, \
            customer_duration, vendor_duration, customer_price, vendor_price, src_country_id, dst_country_id, \
            src_prefix_routing, dst_prefix_routing, auth_orig_ip, src_prefix_in, dst_prefix_in, sign_orig_ip, orig_call_id, \
            profit, destination_initial_rate, time_end) \
        SELECT number, 1, 11, 1, 11, number % 3 != 0, toDateTime('2026-01-01 00:00:00', 'UTC') + number * 60, number % 7 * 13, \
            number % 7 * 15, number % 7 * 14, toDecimal64(number % 100 / 100, 6), toDecimal64(number % 90 / 100, 6), number % 4, number % 5, \
            toString(number % 97), toString(40 + number % 50), concat('192.0.2.', toString(number % 9)), \
            '4420', '4930', '198.51.100.1', toString(generateUUIDv4()), 1, 0.5, toDateTime('2026-01-01 00:00:00', 'UTC') + number * 60 + 91 FROM numbers(130000)",
    ).execute().await.unwrap();
    // A column of the operator's own is not cdrscope's to empty.
    services.run("ALTER TABLE cdrs ADD COLUMN cost_centre String").await;
    services.run("ALTER TABLE cdrs UPDATE cost_centre = 'x' WHERE 1 SETTINGS mutations_sync = 2").await;
    let asked = questions();
    let before = answers(&services, &asked).await;
    assert!(before.iter().all(|body| !body.contains("\"rows\":0")), "a question that nothing answers proves nothing");
    let database = &services.plain.database;

    let told = thin(database, &["--before", "2026-03"]);
    assert!(said(&told).contains("2026-01: ") && said(&told).contains("would free"), "{}", said(&told));
    assert!(said(&told).contains("nothing was changed"), "{}", said(&told));
    let lines: Vec<String> = said(&told).lines().map(str::to_owned).collect();
    for (begins, holds) in [
        ("empties numbers (", " src_name_in, "),
        ("empties signalling (", " orig_call_id, "),
        ("empties causes (", " lega_disconnect_reason, "),
        ("empties routing (", " routing_attempt, "),
        ("keeps billing (26 columns, which --with-billing empties too): profit, ", " customer_invoice_id, "),
    ] {
        assert!(lines.iter().any(|line| line.starts_with(begins) && line.contains(holds)), "{begins} {lines:?}");
    }
    assert_eq!(details(&services).await, "1,2,3,4");

    let done = thin(database, &["--before", "2026-03", "--yes"]);
    assert!(done.status.success() && said(&done).lines().count() == 2, "{}", said(&done));
    assert_eq!(details(&services).await, "3,4");
    assert_eq!(billed(&services).await, "1,2,3,4");
    let own = "SELECT countIf(cost_centre = 'x') = count() FROM cdrs";
    assert!(services.plain.admin.query_raw(own).fetch_one::<bool>().await.unwrap());
    assert_eq!(answers(&services, &asked).await, before);
    assert_eq!(services.differences(&services.cached, &asked).await, Vec::<String>::new());

    let again = thin(database, &["--before", "2026-03", "--yes"]);
    assert!(said(&again).contains("no month before 2026-03 has details"), "{}", said(&again));

    // A late call of an old month counts as any other, and can be thinned again.
    services.run(&calls(90_000_000, 1_767_225_600, 60, 5)).await;
    assert_ne!(answers(&services, &asked[1..2]).await, before[1..2]);
    assert_eq!(services.differences(&services.cached, &asked).await, Vec::<String>::new());
    let late = answers(&services, &asked).await;
    assert!(thin(database, &["--before", "2026-03", "--yes"]).status.success());
    assert_eq!(answers(&services, &asked).await, late);
    // What bills are made with goes by a word of its own.
    let told = said(&thin(database, &["--before", "2026-03", "--with-billing"]));
    assert!(told.contains("2026-01: ") && told.contains("\nempties billing (26 columns): profit, "), "{told}");
    assert!(thin(database, &["--before", "2026-03", "--with-billing", "--yes"]).status.success());
    assert_eq!((billed(&services).await.as_str(), answers(&services, &asked).await), ("3,4", late));
}

/// The months that have what bills are made with.
async fn billed(services: &Services) -> String {
    let sql = "SELECT arrayStringConcat(arraySort(groupUniqArray(toString(toMonth(time_start)))), ',') FROM cdrs \
        WHERE profit != 0 AND destination_initial_rate = 0.5 AND time_end IS NOT NULL";
    services.plain.admin.query_raw(sql).fetch_one().await.unwrap()
}

async fn answers(services: &Services, asked: &[String]) -> Vec<String> {
    let mut all = Vec::new();
    for question in asked {
        let reply = services.ask(&services.plain, question).await;
        assert_eq!(reply.status, 200, "{question}: {}", reply.body);
        all.push(reply.body);
    }
    all
}

/// The months that have details.
async fn details(services: &Services) -> String {
    let sql = "SELECT arrayStringConcat(arraySort(groupUniqArray(toString(toMonth(time_start)))), ',') FROM cdrs \
        WHERE sign_orig_ip != ''";
    services.plain.admin.query_raw(sql).fetch_one().await.unwrap()
}

#[actix_web::test]
async fn what_it_cannot_do_it_says() {
    let services = Services::start().await;
    let database = &services.plain.database;
    for (args, why) in [
        (&["--before", "March"][..], "is no month"),
        (&[][..], "--before"),
        (&["--before", "2026-03", "--tables-cdrs", "other"][..], "other"),
    ] {
        let output = thin(database, args);
        assert!(!output.status.success() && said(&output).contains(why), "{args:?}: {}", said(&output));
    }
    assert_eq!(thin::months(&services.plain.admin, 209_901, &thin::details(true)).await.unwrap(), Vec::new());
}
