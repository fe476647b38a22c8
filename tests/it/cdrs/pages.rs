//! Pages: all calls once, in order, whatever the length of a page and however many have the same time and id.

use super::{COLUMNS, FIRST, expected, ndjson, objects, sorted, world};

#[actix_web::test]
async fn pages_one_after_the_other_are_the_table() {
    let world = world(|_| ()).await;
    let own = expected(&world, "customer_acc_id = 1 AND customer_id = 7 AND is_last_cdr = 1", chrono_tz::UTC).await;
    assert!(own.len() > 500, "{}", own.len());
    for limit in [1, 2, 3, 7, 1000] {
        let path = world.path("origination-cdrs", &format!("&columns={COLUMNS}&limit={limit}"));
        let (pages, count) = world.pages(&path, &world.token).await;
        assert_eq!(count, own.len().div_ceil(limit).max(1), "{limit}");
        assert_eq!(sorted(&pages), sorted(&own), "{limit}");
        let place = |row: &serde_json::Value| {
            (row["time_start"].as_str().unwrap().to_owned(), row["id"].as_str().unwrap().parse::<u64>().unwrap())
        };
        assert!(pages.is_sorted_by_key(place), "{limit}");
        let file = ndjson(
            &world
                .get(&world.path("origination-cdrs", &format!("&columns={COLUMNS}&format=ndjson")), &world.token)
                .await,
        );
        assert_eq!(pages, file);
    }
}

#[actix_web::test]
async fn pages_of_attempts_and_of_all_customers_are_the_table_too() {
    let world = world(|_| ()).await;
    let columns = "id,time_start,duration,vendor_price,dst_prefix_out,pdd";
    let all = world.app.operator_token(&[], &[], &["export", "vendors", "numbers", "cost"]);
    let some = world.app.operator_token(&[8], &[7], &["export", "vendors", "numbers", "cost"]);
    let operators = format!("/api/rest/operator/v1/cdrs?from-time={FIRST}");
    for (path, token, condition) in [
        (world.path("termination-cdrs", ""), &world.token, "vendor_acc_id = 1 AND vendor_id = 7"),
        (operators.clone(), &all, "is_last_cdr = 1"),
        (format!("{operators}&side=termination"), &all, "1"),
        (format!("{operators}&side=termination"), &some, "customer_id = 8 AND vendor_id = 7"),
        (
            format!("{operators}&dst-prefix-routing-starts-with=4900001&duration-gt=5"),
            &all,
            "is_last_cdr = 1 AND startsWith(dst_prefix_routing, '4900001') AND duration > 5",
        ),
    ] {
        let sql =
            format!("SELECT toString(id), toUnixTimestamp(time_start), dst_prefix_out FROM cdrs WHERE {condition}");
        let mut wanted: Vec<String> =
            world.rows_of(&sql).await.iter().map(|row| format!("{} {} {}", row[0], row[1], row[2])).collect();
        wanted.sort();
        let seen = |rows: &[serde_json::Value]| {
            let time = |row: &serde_json::Value| {
                chrono::DateTime::parse_from_rfc3339(row["time_start"].as_str().unwrap()).unwrap()
            };
            let mut seen: Vec<String> = rows
                .iter()
                .map(|row| format!("{} {} {}", row["id"], time(row).timestamp(), row["dst_prefix_out"]))
                .collect();
            seen.sort();
            seen
        };
        for limit in [37, 1000] {
            let (pages, _) = world.pages(&format!("{path}&columns={columns}&limit={limit}"), token).await;
            assert_eq!(seen(&pages), wanted, "{path} {limit}");
            let file = ndjson(&world.get(&format!("{path}&columns={columns}&format=ndjson"), token).await);
            assert_eq!(pages, file, "{path} {limit}");
        }
    }
}

#[actix_web::test]
async fn times_are_of_the_zone_and_prices_are_exact() {
    let world = world(|_| ()).await;
    let zone = chrono_tz::Europe::Kyiv;
    let own = expected(&world, "customer_acc_id = 2 AND customer_id = 7 AND is_last_cdr = 1", zone).await;
    // The night in which clocks go forward is among them.
    assert!(own.iter().any(|row| row["time_start"].as_str().unwrap().ends_with("+02:00")));
    assert!(own.iter().any(|row| row["time_start"].as_str().unwrap().ends_with("+03:00")));
    let account = world.app.account(2, 7).await;
    world.app.until_known(account, &world.token).await;
    let path = format!(
        "{}/origination-cdrs?account-id={account}&from-time={FIRST}&time-zone=Europe/Kyiv&columns={COLUMNS}",
        crate::support::app::API
    );
    let (pages, _) = world.pages(&path, &world.token).await;
    assert_eq!(sorted(&pages), sorted(&own));
    // Objects, and numbers that are none in quotes.
    let plain: serde_json::Value =
        serde_json::from_str(&world.get(&format!("{path}&format=rows&numbers=plain&limit=50"), &world.token).await)
            .unwrap();
    for (row, quoted) in plain.as_array().unwrap().iter().zip(&pages) {
        for name in ["customer_price", "destination_next_rate", "pdd"] {
            let quoted = quoted[name].as_str().map(|text| text.parse::<f64>().unwrap());
            assert_eq!(row[name].as_f64(), quoted, "{name}");
        }
    }
}

#[actix_web::test]
async fn offsets_are_those_by_which_the_window_was_read() {
    let world = world(|_| ()).await;
    let sql = "SELECT toString(id), toUnixTimestamp(time_start) FROM cdrs WHERE customer_acc_id = 1 AND customer_id = 7 AND is_last_cdr = 1 ORDER BY 1, 2";
    let all = world.rows_of(sql).await;
    for name in [
        "UTC",
        "Pacific/Apia",
        "Pacific/Kwajalein",
        "Pacific/Kiritimati",
        "America/Vancouver",
        "America/St_Johns",
        "Asia/Kathmandu",
        "Africa/Casablanca",
        "Australia/Lord_Howe",
    ] {
        let zone = jiff::tz::TimeZone::get(name).unwrap();
        let mut wanted: Vec<(String, String)> = Vec::new();
        for row in &all {
            let at = jiff::Timestamp::from_second(row[1].as_i64().unwrap()).unwrap();
            let seconds = zone.to_offset(at).seconds();
            let sign = if seconds < 0 { '-' } else { '+' };
            let (hours, minutes) = (seconds.abs() / 3600, seconds.abs() / 60 % 60);
            let offset = if name == "UTC" { "Z".to_owned() } else { format!("{sign}{hours:02}:{minutes:02}") };
            let text = format!("{}{offset}", zone.to_datetime(at).strftime("%Y-%m-%dT%H:%M:%S"));
            wanted.push((row[0].as_str().unwrap().to_owned(), text));
        }
        let path = world.path("origination-cdrs", &format!("&columns=id,time_start&time-zone={name}"));
        for format in ["&format=ndjson", "&limit=10000&format=rows"] {
            let text = world.get(&format!("{path}{format}"), &world.token).await;
            let rows = match format {
                "&format=ndjson" => super::ndjson(&text),
                _ => serde_json::from_str(&text).unwrap(),
            };
            let text = |row: &serde_json::Value, name: &str| row[name].as_str().unwrap().to_owned();
            let mut found: Vec<_> = rows.iter().map(|row| (text(row, "id"), text(row, "time_start"))).collect();
            found.sort();
            wanted.sort();
            assert_eq!(found, wanted, "{name} {format}");
        }
    }
}

#[actix_web::test]
async fn a_file_goes_on_behind_any_page_in_every_format() {
    let world = world(|_| ()).await;
    // Without the id, which five of twenty share, and with texts that CSV writes otherwise.
    let path = world.path("origination-cdrs", "&columns=src_name_in,time_start,customer_price");
    for format in ["csv", "csv&csv-decimal=comma", "ndjson"] {
        let whole = world.get(&format!("{path}&format={format}"), &world.token).await;
        for limit in 1..40 {
            let page = world.app.get(&format!("{path}&limit={limit}"), &world.token).await.json();
            let next = page["next"].as_str().unwrap();
            let rest = world.get(&format!("{path}&format={format}&cursor={next}"), &world.token).await;
            let head = whole.find('\n').unwrap() + 1;
            let rest = if format == "ndjson" { &rest[..] } else { &rest[head..] };
            assert!(whole.ends_with(rest), "{format} {limit}");
            let given = super::objects(&page).len();
            if format == "ndjson" {
                assert_eq!(rest.lines().count() + given, whole.lines().count(), "{limit}");
            }
        }
    }
}

#[actix_web::test]
async fn a_page_reads_few_rows() {
    let world = world(|config| {
        config.metrics.enabled = true;
        config.metrics.token = cdrscope::config::value::Secret::new("0123456789abcdef");
        config.checks.enabled = false;
    })
    .await;
    // Two days later, half a million calls of the same account.
    let many = "INSERT INTO cdrs (id, customer_id, customer_acc_id, is_last_cdr, time_start) \
                SELECT number, 7, 1, 1, toDateTime(1774900000 + intDiv(number, 5)) FROM numbers(500000)";
    world.app.admin.query_raw(many).execute().await.unwrap();
    world.app.admin.query_raw("OPTIMIZE TABLE cdrs FINAL").execute().await.unwrap();
    let token = world.app.debug_token(7);
    let mut path = world.path("origination-cdrs", "&from-time=1774900000&limit=1000");
    for _ in 0..5 {
        let before = world.read_rows().await;
        let page = world.app.get(&path, &token).await.json();
        assert_eq!(page["rows"], 1000);
        let read = world.read_rows().await - before;
        assert!(read < 40_000, "{read}");
        path = world.path(
            "origination-cdrs",
            &format!("&from-time=1774900000&limit=1000&cursor={}", page["next"].as_str().unwrap()),
        );
    }
}

impl super::World {
    /// Rows that ClickHouse read for reports since the start.
    async fn read_rows(&self) -> u64 {
        let request = self.app.request("GET", "/metrics").header("Authorization", "Bearer 0123456789abcdef");
        let text = request.send().await.unwrap().text().await.unwrap();
        let line = text.lines().find(|line| line.starts_with("cdrscope_query_rows_read_total "));
        line.unwrap().split(' ').nth(1).unwrap().parse().unwrap()
    }
}

#[actix_web::test]
async fn bad_parameters_are_named() {
    let world = world(|_| ()).await;
    let error = async |more: &str| {
        let reply = world.app.get(&world.path("origination-cdrs", more), &world.token).await;
        (reply.status, reply.json()["error"].as_str().unwrap().to_owned())
    };
    let page = world.app.get(&world.path("origination-cdrs", "&limit=1"), &world.token).await.json();
    let cursor = page["next"].as_str().unwrap();
    for (more, wanted) in [
        ("&columns=", "invalid value columns: "),
        ("&columns=id,colour,,id", "invalid value columns: colour, , id"),
        ("&columns=vendor_price", "invalid value columns: vendor_price"),
        ("&columns=1%3B%20DROP%20TABLE%20cdrs", "invalid value columns: 1; DROP TABLE cdrs"),
        ("&columns=id%60", "invalid value columns: id`"),
        ("&limit=0", "invalid value limit"),
        ("&limit=10001", "invalid value limit"),
        ("&limit=0&format=csv", "invalid value limit"),
        ("&limit=10000001&format=csv", "invalid value limit"),
        ("&numbers=plain&format=csv", "numbers says nothing about format csv"),
        ("&numbers=plain&format=csv.zst", "numbers says nothing about format csv.zst"),
        ("&numbers=plain&format=parquet", "numbers says nothing about format parquet"),
        ("&numbers=plain&format=xlsx", "numbers says nothing about format xlsx"),
        ("&csv-header=false", "csv-header says nothing about format columns"),
        ("&format=xml", "invalid value format"),
        ("&csv-bom=true", "csv-bom says nothing about format columns"),
        ("&cursor=", "invalid value cursor"),
        ("&cursor=0%20OR%201", "invalid value cursor"),
        ("&cursor=00", "invalid value cursor"),
        (&format!("&cursor={cursor}00"), "invalid value cursor"),
        (&format!("&cursor={cursor}&columns=id"), "the cursor is of another question"),
        (&format!("&cursor={cursor}&columns=id&format=csv"), "the cursor is of another question"),
        (&format!("&cursor={cursor}&duration-gt=0"), "the cursor is of another question"),
        (&format!("&cursor={}", cursor.replace('1', "2")), "invalid value cursor"),
        ("&sampling=hour", "unknown param sampling"),
        ("&debug=plan", "unknown param debug"),
        ("&to-time=2020-01-01", "to-time is before from-time"),
    ] {
        assert_eq!(error(more).await, (400, wanted.to_owned()), "{more}");
    }
    // A cursor of a window that has not begun there says nothing; one behind the window has nothing behind it.
    let later = |cursor: &str| world.path("origination-cdrs", &format!("&from-time=1774800000&limit=1{cursor}"));
    let behind = world.app.get(&later(&format!("&cursor={cursor}")), &world.token).await.json();
    assert_eq!(objects(&behind), objects(&world.app.get(&later(""), &world.token).await.json()));
    let reply = world.app.get(&world.path("origination-cdrs", "&from-time=2100-01-01"), &world.token).await.json();
    assert_eq!((reply["rows"].as_u64(), reply["next"].is_null()), (Some(0), true));
    let operator = world.app.operator_token(&[], &[], &["export"]);
    let reply = world
        .app
        .get(&format!("/api/rest/operator/v1/cdrs?from-time={FIRST}&columns=vendor_id,profit"), &operator)
        .await;
    assert_eq!((reply.status, reply.body.as_str()), (400, r#"{"error":"invalid value columns: vendor_id, profit"}"#));
}

/// A cursor counts CDRs of its own question: owners, filters, columns, and what the token sees.
#[actix_web::test]
async fn a_cursor_is_good_for_its_own_question_alone() {
    let world = world(|_| ()).await;
    let other = world.app.account(2, 7).await;
    world.app.until_known(other, &world.token).await;
    let columns = "&columns=id,duration,dst_prefix_routing&limit=1";
    let next =
        async |path: &str, token: &str| world.app.get(path, token).await.json()["next"].as_str().unwrap().to_owned();
    let own = world.path("origination-cdrs", columns);
    let (two, turned) = (format!("{},{other}", world.account), format!("{other},{}", world.account));
    let of = |accounts: &str| own.replace(&world.account.to_string(), accounts);
    let operators = format!("/api/rest/operator/v1/cdrs?from-time={FIRST}{columns}");
    let rights = |may: &[&str], customers: &[u32]| world.app.operator_token(customers, &[], may);
    let (masked, plain) = (rights(&["export"], &[]), rights(&["export", "numbers", "vendors"], &[]));
    let some = rights(&["export", "numbers", "vendors"], &[7, 8]);
    let terminated = world.path("termination-cdrs", columns);
    let questions = [
        (own.clone(), &world.token),
        (of(&two), &world.token),
        (format!("{own}&duration-gt=3"), &world.token),
        (format!("{own}&duration-gt=4"), &world.token),
        (own.replace("id,duration", "duration,id"), &world.token),
        (terminated, &world.token),
        (operators.clone(), &masked),
        (operators.clone(), &plain),
        (operators.clone(), &some),
        (format!("{operators}&side=termination"), &plain),
    ];
    let mut cursors = Vec::new();
    for (path, token) in &questions {
        cursors.push(next(path, token).await);
    }
    for (place, (path, token)) in questions.iter().enumerate() {
        for (of, cursor) in cursors.iter().enumerate() {
            let reply = world.app.get(&format!("{path}&cursor={cursor}"), token).await;
            assert_eq!(
                reply.status == 200,
                place == of,
                "{path} with the cursor of {}: {}",
                questions[of].0,
                reply.body
            );
            if place != of {
                assert_eq!(reply.json()["error"], "the cursor is of another question");
            }
        }
    }
    // The window, the zone, the form, and the order of accounts may be others, and so may the token's own list.
    for path in [
        format!("{own}&to-time=2026-12-01&time-zone=Europe/Kyiv&format=rows&cursor={}", cursors[0]),
        format!("{own}&format=csv.gz&cursor={}", cursors[0]),
        format!("{}&cursor={}", of(&turned), cursors[1]),
    ] {
        let request = world.app.request("GET", &path).header("Authorization", &world.token);
        assert_eq!(request.send().await.unwrap().status(), 200, "{path}");
    }
    let turned = rights(&["numbers", "vendors", "export"], &[8, 7]);
    assert_eq!(world.app.get(&format!("{operators}&cursor={}", cursors[8]), &turned).await.status, 200);
}

/// A file of so many CDRs says where the next begins; one behind the other they are the whole, to the byte.
#[actix_web::test]
async fn files_one_after_the_other_are_the_file() {
    let world = world(|_| ()).await;
    let operators = world.app.operator_token(&[], &[], &["export", "vendors", "numbers", "cost"]);
    let operators_path = format!("/api/rest/operator/v1/cdrs?from-time={FIRST}");
    // Few enough for files of two.
    let short = format!("&columns=duration,src_name_in&duration-gteq=0&to-time={}", FIRST + 571 * 12);
    let short = world.path("origination-cdrs", &short);
    for (path, token) in [
        (world.path("origination-cdrs", &format!("&columns={COLUMNS}")), &world.token),
        (short, &world.token),
        (world.path("termination-cdrs", ""), &world.token),
        (format!("{operators_path}&side=termination"), &operators),
    ] {
        for format in ["ndjson", "csv"] {
            let whole = world.bytes(&format!("{path}&format={format}"), token).await;
            for limit in [2, 64, 500, 100_000] {
                if limit < 64 && whole.len() > 10_000 || limit < 500 && whole.len() > 200_000 {
                    continue;
                }
                let (mut found, mut cursor, mut files) = (Vec::new(), String::new(), 0);
                loop {
                    let head = if files > 0 && format == "csv" { "&csv-header=false" } else { "" };
                    let path = format!("{path}&format={format}&limit={limit}{head}{cursor}");
                    let request = world.app.request("GET", &path).header("Authorization", token);
                    let response = request.send().await.unwrap();
                    assert_eq!(response.status(), 200, "{path}");
                    let link = response.headers().get("link").map(|link| link.to_str().unwrap().to_owned());
                    found.extend_from_slice(&response.bytes().await.unwrap());
                    files += 1;
                    let Some(link) = link else { break };
                    let next = link.split_once("cursor=").unwrap().1.split_once('>').unwrap().0;
                    cursor = format!("&cursor={next}");
                }
                assert!(found == whole, "{path} {format} {limit}: {} bytes and not {}", found.len(), whole.len());
                assert!(limit >= 500 || files > 1 || whole.len() < 10_000, "{path} {limit}");
            }
        }
    }
}
