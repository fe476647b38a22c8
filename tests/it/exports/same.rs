//! The file of an export is what the same question is answered with at once; and how it is fetched.

use std::io::Read as _;

use serde_json::json;

use super::{FIRST, OPERATORS, bytes, over, post, sha256, world};
use crate::support::app::API;
use crate::support::http::send;

const WINDOW: &str = "&to-time=1774700299";

#[actix_web::test]
async fn a_file_has_the_bytes_of_the_same_question_asked_at_once() {
    let world = world(|config| config.exports.jobs = 4).await;
    let mut asked = Vec::new();
    let of_reports = ["ndjson", "csv", "csv.gz", "csv.zst", "xlsx"];
    for (report, more) in [
        ("origination-statistics", "&sampling=hour"),
        ("origination-statistics", "&sampling=hour&compare=day&csv-separator=semicolon"),
        ("termination-statistics-quality", "&sampling=minute"),
        ("origination-active-calls", ""),
        ("origination-breakdown", "&group-by=dst-country,t&sampling=hour"),
    ] {
        for format in of_reports {
            if !more.contains("csv-") || format.starts_with("csv") {
                asked.push((report, format!("{WINDOW}{more}&format={format}")));
            }
        }
    }
    for format in ["ndjson", "csv", "csv.gz", "csv.zst", "parquet", "arrow"] {
        asked.push((
            "origination-cdrs",
            format!("{WINDOW}&format={format}&columns=id,time_start,orig_call_id,customer_price"),
        ));
        asked.push(("termination-cdrs", format!("{WINDOW}&format={format}&dst-prefix-routing-starts-with=%2B49,49")));
    }
    let of_tenant = world.app.config.exports.jobs_per_customer;
    for some in asked.chunks(of_tenant) {
        let mut places = Vec::new();
        for (report, more) in some {
            places.push(world.create(report, more).await);
        }
        for ((report, more), place) in some.iter().zip(places) {
            let export = over(&world.app, &place, &world.token).await;
            assert_eq!(export["state"], "done", "{export}");
            let path = format!("{API}/{report}?account-id={}&from-time={FIRST}{more}", world.account);
            let (wanted, headers) = bytes(&world.app, &path, &world.token).await;
            let (found, own) = bytes(&world.app, &format!("{place}/file"), &world.token).await;
            let unpacked = |bytes: &[u8]| match more {
                more if more.contains("format=csv.gz") => {
                    let mut text = Vec::new();
                    flate2::read::GzDecoder::new(bytes).read_to_end(&mut text).map(|_| text).unwrap()
                }
                more if more.contains("format=csv.zst") => zstd::decode_all(bytes).unwrap(),
                _ => bytes.to_vec(),
            };
            // What is packed depends on the pieces that ClickHouse sends it in.
            assert!(unpacked(&wanted) == unpacked(&found), "{path}: {} and {} bytes", wanted.len(), found.len());
            for name in ["content-type", "content-disposition"] {
                assert_eq!(own.get(name), headers.get(name), "{path}");
            }
            assert_eq!((&export["bytes"], &export["sha256"]), (&json!(found.len()), &json!(sha256(&found))));
            assert_eq!(own["etag"].to_str().unwrap(), format!("\"{}\"", sha256(&found)));
        }
    }
}

#[actix_web::test]
async fn the_operators_files_have_the_bytes_of_the_operators_answers() {
    let world = world(|_| ()).await;
    let token = world.app.operator_token(&[], &[], &["cost", "vendors", "export"]);
    for (report, more) in [
        ("breakdown", "&group-by=customer,vendor&measures=margin,total_calls&format=csv"),
        ("statistics", "&sampling=hour&side=termination&format=xlsx"),
        ("cdrs", "&side=termination&format=csv.gz"),
    ] {
        let reply =
            post(&world.app, &format!("{OPERATORS}/exports?from-time={FIRST}{WINDOW}&report={report}{more}"), &token)
                .await;
        assert_eq!(reply.status, 202, "{}", reply.body);
        let place = reply.header("location").to_owned();
        assert!(place.starts_with(&format!("{OPERATORS}/exports/")), "{place}");
        let export = over(&world.app, &place, &token).await;
        assert_eq!(export["state"], "done", "{export}");
        let (wanted, _) =
            bytes(&world.app, &format!("{OPERATORS}/{report}?from-time={FIRST}{WINDOW}{more}"), &token).await;
        let (found, _) = bytes(&world.app, &format!("{place}/file"), &token).await;
        // What is packed depends on the pieces that ClickHouse sends it in.
        if more.contains("csv.gz") {
            let unpacked = |packed: &[u8]| std::io::read_to_string(flate2::read::GzDecoder::new(packed)).unwrap();
            assert!(unpacked(&wanted) == unpacked(&found), "{report}");
        } else {
            assert!(wanted == found, "{report}");
        }
    }
}

#[actix_web::test]
async fn a_question_may_come_as_a_form_and_names_a_format_of_files_or_none() {
    let world = world(|_| ()).await;
    let form = format!(
        "report=origination-cdrs&account-id={}&from-time={FIRST}&columns=id&dst-prefix-routing-starts-with=%2B49,49",
        world.account
    );
    let request =
        world.app.request("POST", &format!("{API}/exports?to-time=1774700009")).header("Authorization", &world.token);
    let reply = send(request.header("Content-Type", "application/x-www-form-urlencoded").body(form.clone())).await;
    assert_eq!(reply.status, 202, "{}", reply.body);
    let export = over(&world.app, reply.header("location"), &world.token).await;
    assert_eq!((&export["state"], &export["format"], &export["rows"]), (&json!("done"), &json!("csv"), &json!(34)));
    let request = export["request"].as_str().unwrap();
    assert!(request.starts_with("to-time=1774700009&account-id=") && request.ends_with("&format=csv"), "{request}");
    for (kind, body, status) in [
        ("application/json", form.clone(), 415),
        ("application/x-www-form-urlencoded", format!("{form}&{}", "x".repeat(40_000)), 413),
        ("application/x-www-form-urlencoded", format!("{form}&x=y"), 400),
    ] {
        let request = world.app.request("POST", &format!("{API}/exports")).header("Authorization", &world.token);
        let reply = send(request.header("Content-Type", kind).body(body)).await;
        assert_eq!(reply.status, status, "{kind}: {}", reply.body);
    }
}

#[actix_web::test]
async fn a_file_that_ends_at_a_limit_names_the_place_from_which_another_goes_on() {
    let world = world(|_| ()).await;
    let (mut cursor, mut all) = (String::new(), Vec::new());
    loop {
        let from = if cursor.is_empty() { String::new() } else { format!("&cursor={cursor}") };
        let more = format!("&to-time={}&columns=id&csv-header=false&limit=4{from}", FIRST + 9);
        let (place, export) = world.done("origination-cdrs", &more).await;
        all.extend(bytes(&world.app, &format!("{place}/file"), &world.token).await.0);
        match export["cursor"].as_str() {
            Some(next) => cursor = next.to_owned(),
            None => break,
        }
    }
    let path = format!(
        "{API}/origination-cdrs?account-id={}&from-time={FIRST}&to-time={}&columns=id&csv-header=false&format=csv",
        world.account,
        FIRST + 9
    );
    let whole = bytes(&world.app, &path, &world.token).await.0;
    assert!(!whole.is_empty() && all == whole);
}

#[actix_web::test]
async fn faults_of_the_parameters_are_told_when_the_question_is_asked() {
    let world = world(|config| config.limits.max_buckets = 100).await;
    let ask = |report: &str, more: &str| world.ask(report, more);
    for (path, error) in [
        (format!("{API}/exports"), "missing required param(s) report"),
        (ask("origination", ""), "invalid value report"),
        (ask("breakdown", ""), "invalid value report"),
        (ask("origination-cdrs", "&format=columns"), "format columns is no file"),
        (ask("origination-statistics", "&sampling=hour&to-time=1774700299&format=rows"), "format rows is no file"),
        (ask("origination-statistics", "&sampling=hour&format=parquet"), "invalid value format"),
        (ask("origination-cdrs", "&columns=id,colour"), "invalid value columns: colour"),
        (ask("origination-cdrs", "&limit=10000001"), "invalid value limit"),
        (ask("origination-cdrs", "&colour=5"), "unknown param colour"),
        (ask("origination-cdrs", "&to-time=2020-01-01"), "to-time is before from-time"),
        (ask("origination-statistics", ""), "missing required param(s) sampling"),
        (ask("origination-statistics", "&sampling=minute&to-time=2026-03-30"), "too many buckets"),
        (ask("origination-breakdown", "&group-by=colour"), "invalid value group-by"),
    ] {
        let reply = post(&world.app, &path, &world.token).await;
        let found = reply.json()["error"].as_str().unwrap_or_default().to_owned();
        assert!(reply.status == 400 && found.starts_with(error), "{path}: {} {found}", reply.status);
    }
    assert_eq!(world.app.get(&format!("{API}/exports"), &world.token).await.json(), json!({ "exports": [] }));
    assert!(world.files().is_empty());
    let none = uuid::Uuid::new_v4();
    for (method, path) in [
        ("GET", "exports?colour=5".to_owned()),
        ("GET", format!("exports/{none}?colour=5")),
        ("DELETE", format!("exports/{none}?colour=5")),
        ("GET", format!("exports/{none}/file?colour=5")),
    ] {
        let reply =
            send(world.app.request(method, &format!("{API}/{path}")).header("Authorization", &world.token)).await;
        assert_eq!(
            (reply.status, reply.body.as_str()),
            (400, r#"{"error":"unknown param colour"}"#),
            "{method} {path}"
        );
    }
}

#[actix_web::test]
async fn a_question_may_be_as_long_as_on_its_own_path() {
    let world = world(|_| ()).await;
    // Prefixes of up to 40 characters, in lists of 190.
    let list = |parameter: &str, first: u32| {
        let values: Vec<String> = (0..190).map(|i| format!("{:0>40}", first + i)).collect();
        format!("&{parameter}={}", values.join(","))
    };
    let lists = [
        "src-prefix-routing-starts-with",
        "dst-prefix-routing-starts-with",
        "src-prefix-routing-in",
        "dst-prefix-routing-in",
    ];
    let more: String = lists.iter().enumerate().map(|(i, parameter)| list(parameter, i as u32 * 1000)).collect();
    let path = world.ask("origination-cdrs", &format!("&columns=id{more}"));
    assert!(path.len() > 31_000, "{}", path.len());
    let (place, export) =
        world.done("origination-cdrs", &format!("&columns=id{more}{}", list("destination-prefix-in", 0))).await;
    assert_eq!((&export["state"], &export["rows"]), (&json!("done"), &json!(0)), "{place}");
    let form = format!("report=origination-cdrs{}", "&x=yyyyyyyy".repeat(2700));
    let request = world
        .app
        .request("POST", &format!("{path}{}", list("destination-prefix-in", 0)))
        .header("Authorization", &world.token);
    let reply = send(request.header("Content-Type", "application/x-www-form-urlencoded").body(form)).await;
    assert_eq!(
        (reply.status, reply.body.as_str()),
        (400, r#"{"error":"the address and the form are too long together"}"#)
    );
}

#[actix_web::test]
async fn without_a_place_for_files_exports_are_off_and_the_setting_is_named() {
    let world = world(|config| config.exports.dir = None).await;
    for (method, path) in [("POST", world.ask("origination-cdrs", "")), ("GET", format!("{API}/exports"))] {
        let reply = send(world.app.request(method, &path).header("Authorization", &world.token)).await;
        assert_eq!(
            (reply.status, reply.body.as_str()),
            (404, r#"{"error":"exports are off: the setting exports.dir is not set"}"#)
        );
    }
    // Whoever wants to know need not try.
    let operator = world.app.operator_token(&[], &[], &[]);
    for (path, token) in [(format!("{API}/definitions"), &world.token), (format!("{OPERATORS}/definitions"), &operator)]
    {
        assert_eq!(world.app.get(&path, token).await.json()["exports"], false, "{path}");
    }
    let on = super::world(|_| ()).await;
    assert_eq!(on.app.get(&format!("{API}/definitions"), &on.token).await.json()["exports"], true);
}

#[actix_web::test]
async fn parts_of_a_file_put_together_are_the_file() {
    let world = world(|_| ()).await;
    let (place, export) = world.done("origination-cdrs", "&format=csv").await;
    let file = format!("{place}/file");
    let (whole, headers) = bytes(&world.app, &file, &world.token).await;
    assert!(whole.len() > 100_000);
    assert_eq!(headers["accept-ranges"], "bytes");
    assert_eq!(headers["content-length"], whole.len().to_string());
    let etag = headers["etag"].to_str().unwrap();
    let part = async |range: &str, held: Option<&str>| {
        let request = world.app.request("GET", &file).header("Authorization", &world.token).header("Range", range);
        let request = held.map_or(request.try_clone().unwrap(), |held| request.header("If-Range", held));
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let range = headers.get("content-range").map_or("", |range| range.to_str().unwrap()).to_owned();
        (status, range, response.bytes().await.unwrap().to_vec())
    };
    let (mut together, mut at, mut size) = (Vec::new(), 0, 1);
    while at < whole.len() {
        let to = (at + size).min(whole.len()) - 1;
        let (status, range, bytes) = part(&format!("bytes={at}-{to}"), Some(etag)).await;
        assert_eq!((status, range), (206, format!("bytes {at}-{to}/{}", whole.len())));
        together.extend(bytes);
        at = to + 1;
        size = size * 3 + 7;
    }
    assert!(together == whole);
    let (status, _, bytes) = part("bytes=-7", None).await;
    assert!(status == 206 && bytes == whole[whole.len() - 7..]);
    // The tag of another file: the whole.
    assert_eq!(part("bytes=5-9", Some("\"0\"")).await.2.len(), whole.len());
    let (status, range, _) = part(&format!("bytes={}-", whole.len()), None).await;
    assert_eq!((status, range), (416, format!("bytes */{}", whole.len())));
    let unchanged = world.app.request("GET", &file).header("Authorization", &world.token).header("If-None-Match", etag);
    assert_eq!(send(unchanged).await.status, 304);
    let head = send(world.app.request("HEAD", &file).header("Authorization", &world.token)).await;
    assert_eq!(
        (head.status, head.header("content-length"), head.header("etag")),
        (200, &*whole.len().to_string(), etag)
    );
    assert_eq!(export["rows"], json!(whole.iter().filter(|byte| **byte == b'\n').count() - 1));
}
