//! Results as files: how a format is chosen, that each holds what the JSON does, and what a spreadsheet must not calculate.

use std::io::Read as _;

use cdrscope::report::form::ResultFormat;
use reqwest::header::HeaderMap;
use serde_json::{Value, json};
use time::OffsetDateTime;

use super::{BASE, OUTGOING, QUALITY, Session, window, world_with};
use crate::support::http::send;

const BREAKDOWN: &str = "origination-breakdown";

/// Cells that a spreadsheet would calculate, or read as something else, each with what CSV says.
const NASTY: [(&str, &str); 9] = [
    ("=cmd|'/C calc'!A0", "'=cmd|'/C calc'!A0"),
    ("+44 20", "'+44 20"),
    ("-1", "-1"),
    ("+4420", "+4420"),
    ("@SUM(A1)", "'@SUM(A1)"),
    ("\tx", "'\tx"),
    ("1,5", "\"1,5\""),
    ("12345678901234567890", "12345678901234567890"),
    ("a\"📞", "\"a\"\"📞\""),
];

struct Got {
    status: u16,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Got {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    fn text(&self) -> String {
        String::from_utf8(self.body.clone()).unwrap()
    }

    fn lines(&self) -> Vec<String> {
        let text = self.text();
        assert!(text.ends_with("\r\n"), "{text}");
        text.split_terminator("\r\n").map(str::to_owned).collect()
    }
}

async fn got(request: reqwest::RequestBuilder) -> Got {
    let response = request.send().await.unwrap();
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    Got { status, headers, body: response.bytes().await.unwrap().to_vec() }
}

async fn get(session: &Session, report: &str, query: &str) -> Got {
    let reply = got(session.request("GET", report, query)).await;
    assert_eq!(reply.status, 200, "{report} {query}: {}", String::from_utf8_lossy(&reply.body));
    reply
}

/// Calls with prefixes of the tariff that are nasty cells, of two countries, half of them answered.
async fn nasty_calls(session: &Session) {
    let call = |n: usize, prefix: &str| {
        json!({
            "destination_prefix": prefix, "dst_country_id": n % 2, "duration": 30 * (n % 2),
            "customer_price": 0.123456 * (n % 2) as f64, "time_start": BASE + n as i64,
        })
    };
    session.cdrs(NASTY.iter().enumerate().map(|(n, (cell, _))| call(n, cell))).await;
}

fn breakdown() -> String {
    format!("from-time={BASE}&to-time={}&group-by=destination-prefix&limit=7&order-by=destination_prefix", BASE + 3599)
}

/// A JSON value as CSV has it, of numbers and nulls.
fn digits(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

#[actix_web::test]
async fn the_format_is_that_of_the_parameter_then_that_of_accept() {
    let session = Session::new();
    session.cdrs([json!({})]).await;
    let mut tags = std::collections::BTreeSet::new();
    for row in ResultFormat::of_reports() {
        for report in [QUALITY, BREAKDOWN] {
            let query = if report == QUALITY { window(3) } else { breakdown() };
            let named = format!("{query}&format={}", row.name);
            // What the parameter says counts, whatever the header does.
            let request = session.request("GET", report, &named).header("Accept", "image/png");
            let whole = got(request).await;
            assert_eq!((whole.status, whole.header("content-type")), (200, row.content_type), "{named}");
            assert_eq!(whole.header("vary"), "Accept");
            let name = whole.header("content-disposition");
            assert_eq!(name.is_empty(), row.format.is_json(), "{name}");
            assert!(name.is_empty() || name.contains(&format!(".{}\"", row.extension)), "{name}");
            assert!(tags.insert(whole.header("etag").to_owned()), "{named}");
            let head = got(session.request("HEAD", report, &named)).await;
            assert_eq!((head.status, head.body.len()), (200, 0));
            for name in ["etag", "content-type", "content-disposition"] {
                assert_eq!(head.header(name), whole.header(name), "{name}");
            }
            let again = session.request("GET", report, &named).header("If-None-Match", whole.header("etag"));
            assert_eq!(got(again).await.status, 304, "{named}");
            for accept in row.media_types {
                let accepted = got(session.request("GET", report, &query).header("Accept", *accept)).await;
                assert_eq!(accepted.header("content-type"), row.content_type, "{accept}");
                // The sheet of a workbook tells how it was asked for.
                assert!(accepted.body == whole.body || row.format == ResultFormat::Xlsx, "{accept}");
            }
        }
    }
}

#[actix_web::test]
async fn a_format_that_is_not_there_is_406_with_the_list() {
    let session = Session::new();
    for accept in ["text/html", "text/csv;q=0", "application/vnd.apache.parquet"] {
        let reply = send(session.request("GET", QUALITY, &window(1)).header("Accept", accept)).await;
        let list = "application/json, application/x-ndjson, text/csv, application/gzip, application/zstd, \
                    application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";
        let body = json!({ "error": format!("none of the formats in Accept can be had: {list}") }).to_string();
        assert_eq!((reply.status, reply.body.as_str()), (406, body.as_str()), "{accept}");
        // Whatever else is wrong is told first.
        let reply = send(session.request("GET", QUALITY, "sampling=minute").header("Accept", accept)).await;
        assert_eq!(reply.status, 400);
    }
}

#[actix_web::test]
async fn what_says_nothing_about_the_format_is_refused() {
    let session = Session::new();
    for (query, error) in [
        ("csv-bom=true", "csv-bom says nothing about format columns"),
        ("csv-separator=tab&format=rows", "csv-separator says nothing about format rows"),
        ("csv-decimal=comma&format=xlsx", "csv-decimal says nothing about format xlsx"),
        ("totals=false", "totals says nothing about format columns"),
        ("t-unit=ms&format=xlsx", "t-unit says nothing about format xlsx"),
        ("numbers=plain&format=csv", "numbers says nothing about format csv"),
        ("numbers=plain&format=xlsx", "numbers says nothing about format xlsx"),
        ("csv-separator=%2C&format=csv", "invalid value csv-separator"),
        ("csv-decimal=.&format=csv", "invalid value csv-decimal"),
        ("csv-bom=1&format=csv", "invalid value csv-bom"),
        ("totals=no&format=csv", "invalid value totals"),
    ] {
        session.refused(QUALITY, &format!("{}&{query}", window(1)), error).await;
    }
    // By the header too.
    let query = format!("{}&csv-separator=semicolon", window(1));
    assert_eq!(got(session.request("GET", QUALITY, &query).header("Accept", "text/csv")).await.status, 200);
}

#[actix_web::test]
async fn csv_and_lines_of_json_have_the_digits_of_the_columns() {
    let session = Session::new();
    nasty_calls(&session).await;
    let measures = "measures=total_calls,asr,acd,total_price,price_per_minute,first_call,share&compare=day&decimals=6";
    let series = format!("from-time={BASE}&to-time={}&sampling=hour", BASE + 7199);
    for (report, query) in [
        ("origination-statistics", format!("{series}&fill=true")),
        ("origination-statistics", format!("{series}&compare=day")),
        ("origination-active-calls", format!("from-time={BASE}&to-time={}", BASE + 179)),
        (BREAKDOWN, format!("from-time={BASE}&to-time={}&group-by=dst-country,answered&{measures}", BASE + 3599)),
        (BREAKDOWN, format!("from-time={BASE}&to-time={}&group-by=t,dst-country&sampling=hour&limit=1", BASE + 3599)),
    ] {
        let answer: Value = serde_json::from_slice(&get(&session, report, &query).await.body).unwrap();
        let data = answer["data"].as_object().unwrap();
        let names: Vec<&str> = data.keys().map(String::as_str).collect();
        let count = answer["rows"].as_u64().unwrap() as usize;
        let is_groups = report == BREAKDOWN;
        let (mut rows, mut words) = (Vec::new(), Vec::new());
        for row in 0..count {
            rows.push(names.iter().map(|name| data[*name][row].clone()).collect::<Vec<_>>());
            words.push(if is_groups { "group" } else { "bucket" });
        }
        for (name, word) in [("other", "other"), ("totals", "total")] {
            if let Some(object) = answer[name].as_object() {
                let keys = object.iter().map(|(key, value)| match key.as_str() {
                    // Totals are of no bucket.
                    "t" => Value::Null,
                    _ => value.clone(),
                });
                rows.push(keys.collect());
                words.push(word);
            }
        }
        let has_totals = words.last() == Some(&"total");
        let lines = get(&session, report, &format!("{query}&format=csv")).await.lines();
        let heading = names.join(",");
        assert_eq!(lines[0], if has_totals { format!("row,{heading}") } else { heading }, "{query}");
        let wanted: Vec<String> = rows
            .iter()
            .zip(&words)
            .map(|(row, word)| {
                let cells = row.iter().map(digits).collect::<Vec<_>>().join(",");
                if has_totals { format!("{word},{cells}") } else { cells }
            })
            .collect();
        assert_eq!(lines[1..], wanted, "{query}");
        let objects = get(&session, report, &format!("{query}&format=ndjson")).await.text();
        let objects: Vec<Value> = objects.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(objects.len(), rows.len());
        for ((object, row), word) in objects.iter().zip(&rows).zip(&words) {
            assert!(!has_totals || object["row"] == *word, "{object}");
            for (name, value) in names.iter().zip(row) {
                // Fractions are texts in columns, and numbers of the same digits here.
                assert_eq!(digits(&object[*name]), digits(value), "{name} of {query}");
            }
        }
        if has_totals {
            let short = get(&session, report, &format!("{query}&format=csv&totals=false")).await.lines();
            assert_eq!(short, lines[..lines.len() - 1], "{query}");
        }
    }
}

#[actix_web::test]
async fn text_that_a_spreadsheet_would_calculate_has_an_apostrophe_in_csv_alone() {
    let session = Session::new();
    nasty_calls(&session).await;
    let query = breakdown().replace("limit=7", "limit=100");
    let lines = get(&session, BREAKDOWN, &format!("{query}&format=csv&measures=total_calls")).await.lines();
    for (cell, wanted) in NASTY {
        assert!(lines.contains(&format!("group,{wanted},1")), "{cell}: {lines:?}");
    }
    let objects = get(&session, BREAKDOWN, &format!("{query}&format=ndjson")).await.text();
    for (cell, _) in NASTY {
        let wanted = format!("\"destination_prefix\":{}", Value::from(cell));
        assert!(objects.contains(&wanted), "{cell}: {objects}");
    }
}

#[actix_web::test]
async fn dialects_change_the_separator_and_the_point_and_nothing_else() {
    let session = Session::new();
    nasty_calls(&session).await;
    let query = format!("{}&measures=total_calls,asr&format=csv", breakdown());
    let plain = get(&session, BREAKDOWN, &query).await.text();
    let excel = format!("{query}&csv-separator=semicolon&csv-decimal=comma&csv-bom=true");
    let excel = get(&session, BREAKDOWN, &excel).await.text();
    assert!(excel.starts_with("\u{feff}row;destination_prefix;total_calls;asr\r\n"), "{excel}");
    assert!(plain.contains("\r\ngroup,\"1,5\",1,0.0\r\n") && excel.contains("\r\ngroup;1,5;1;0,0\r\n"), "{excel}");
    assert!(!plain.contains("sep=") && !excel.contains("sep="));
    // A comma in a number needs quotes between commas.
    let odd = get(&session, BREAKDOWN, &format!("{query}&csv-decimal=comma")).await.text();
    assert!(odd.contains("\r\ngroup,\"1,5\",1,\"0,0\"\r\n"), "{odd}");
}

#[actix_web::test]
async fn packed_files_unpack_to_the_csv_and_are_not_packed_again() {
    let session = Session::new();
    session.cdrs((0..200).map(|n| json!({ "time_start": BASE + n * 60 }))).await;
    let query = format!("{}&format=", window(600));
    let plain = get(&session, QUALITY, &format!("{query}csv")).await.body;
    for name in ["csv.gz", "csv.zst", "xlsx"] {
        let request = session.request("GET", QUALITY, &format!("{query}{name}"));
        let reply = got(request.header("Accept-Encoding", "br, gzip, zstd")).await;
        assert_eq!((reply.status, reply.header("content-encoding")), (200, ""), "{name}");
        let mut unpacked = Vec::new();
        let read = match name {
            "csv.gz" => flate2::read::GzDecoder::new(&*reply.body).read_to_end(&mut unpacked),
            "csv.zst" => zstd::stream::read::Decoder::new(&*reply.body).unwrap().read_to_end(&mut unpacked),
            _ => continue,
        };
        assert_eq!(read.unwrap(), plain.len());
        assert!(unpacked == plain, "{name}");
    }
    let request = session.request("GET", QUALITY, &format!("{query}csv")).header("Accept-Encoding", "gzip");
    assert_eq!(got(request).await.header("content-encoding"), "gzip");
}

#[actix_web::test]
async fn a_window_that_has_not_begun_is_a_file_of_a_heading() {
    let session = Session::new();
    let future = "from-time=4000000000&sampling=hour&format=";
    for (report, query, heading) in [
        (QUALITY, future.replace("hour", "minute"), "row,t,total_calls,acd,asr,cps"),
        ("origination-active-calls", future.replace("&sampling=hour", ""), "t,calls"),
        (
            QUALITY,
            future.replace("hour", "minute").replace("format", "compare=day&format"),
            "row,t,total_calls,acd,asr,cps,total_calls_before,total_calls_change,acd_before,acd_change,asr_before,asr_change,cps_before,cps_change",
        ),
        (
            BREAKDOWN,
            format!("group-by=dst-country,t&measures=asr&{future}"),
            "row,dst_country_id,dst_country,dst_country_iso,t,asr",
        ),
    ] {
        assert_eq!(get(&session, report, &format!("{query}csv")).await.text(), format!("{heading}\r\n"));
        assert_eq!(get(&session, report, &format!("{query}ndjson")).await.text(), "");
        assert_eq!(get(&session, report, &format!("{query}columns")).await.text(), "[]");
        assert!(get(&session, report, &format!("{query}xlsx")).await.body.starts_with(b"PK"));
    }
}

#[actix_web::test]
async fn live_calls_have_every_format() {
    let session = Session::new();
    let at = OffsetDateTime::now_utc().unix_timestamp() - 5;
    let call = json!({
        "snapshot_timestamp": at, "start_time": at - 60, "src_name_in": "=1+1", "from_domain": "",
        "destination_initial_rate": 0.125, "auth_orig_port": 5060,
    });
    session.live([call]).await;
    let answer: Value = serde_json::from_slice(&get(&session, OUTGOING, "").await.body).unwrap();
    let rows: Value = serde_json::from_slice(&get(&session, OUTGOING, "format=rows").await.body).unwrap();
    assert_eq!(rows, answer["data"]);
    let line: Value = serde_json::from_slice(&get(&session, OUTGOING, "format=ndjson").await.body).unwrap();
    assert_eq!(line, answer["data"][0]);
    let lines = get(&session, OUTGOING, "format=csv&csv-decimal=comma&csv-separator=semicolon").await.lines();
    let fields = lines[0].split(';').zip(lines[1].split(';')).collect::<std::collections::BTreeMap<_, _>>();
    for (name, field) in [
        ("src_name_in", "'=1+1"),
        ("from_domain", "\"\""),
        ("destination_initial_rate", "0,125"),
        ("auth_orig_port", "5060"),
        ("connect_time", ""),
        ("start_time", answer["data"][0]["start_time"].as_str().unwrap()),
    ] {
        assert_eq!(fields[name], field, "{name}");
    }
    assert!(get(&session, OUTGOING, "format=xlsx").await.body.starts_with(b"PK"));
}

#[actix_web::test]
async fn names_of_files_say_what_they_are_about() {
    let session = Session::new();
    let account = session.account;
    let day = format!("from-time={BASE}&to-time={}", BASE + 86_399);
    for (report, query, name) in [
        (
            BREAKDOWN,
            format!("{day}&group-by=dst-country,q850-cause&format=csv"),
            format!("origination-breakdown_{account}_2025-01-01_2025-01-01_by-dst-country-q850-cause.csv"),
        ),
        (
            "origination-statistics",
            format!("{day}&sampling=hour&time-zone=America/New_York&format=ndjson"),
            format!("origination-statistics_{account}_2024-12-31_2025-01-01.ndjson"),
        ),
        (OUTGOING, "format=csv.zst".to_owned(), format!("outgoing-active-calls_{account}.csv.zst")),
    ] {
        let wanted = format!("attachment; filename=\"{name}\"; filename*=UTF-8''{name}");
        assert_eq!(get(&session, report, &query).await.header("content-disposition"), wanted);
    }
}

#[actix_web::test]
async fn workbooks_leave_nothing_in_their_folder_and_need_one_that_takes_files() {
    let session = Session::new();
    session.cdrs([json!({})]).await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_str().unwrap().to_owned();
    let app = world_with(|config| config.http.temp_dir = cdrscope::config::value::Value::parse(&path).unwrap()).await;
    let session = session.moved(&app);
    let query = format!("{}&format=xlsx", window(3));
    assert!(get(&session, QUALITY, &query).await.body.starts_with(b"PK"));
    assert_eq!(std::fs::read_dir(&path).unwrap().count(), 0);
    let small = world_with(|config| config.http.temp_mb = 1).await;
    let small = session.moved(&small);
    let error = "too many rows for format xlsx within http.temp_mb: ask for a shorter range, a longer sampling or csv";
    small.refused(QUALITY, &format!("{}&format=xlsx", window(20_000)), error).await;
    std::fs::remove_dir(&path).unwrap();
    let reply = send(session.request("GET", QUALITY, &query)).await;
    assert_eq!(reply.status, 500);
    assert!(reply.body.starts_with("{\"error\":\"the file cannot be written (request "), "{}", reply.body);
    std::fs::create_dir(&path).unwrap();
}
