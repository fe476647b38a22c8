//! Workbooks of raw CDRs: the values of the other formats with types of their own, on as many sheets as it takes.

use std::collections::BTreeMap;
use std::io::{Cursor, Read as _};

use cdrscope::config::value::Value as _;
use serde_json::Value;

use super::{COLUMNS, World, ndjson, world};

/// The text of a part of a workbook.
fn part(book: &[u8], name: &str) -> Option<String> {
    let mut text = String::new();
    let mut zip = zip::ZipArchive::new(Cursor::new(book)).unwrap();
    zip.by_name(name).ok()?.read_to_string(&mut text).unwrap();
    Some(text)
}

fn sheets(book: &[u8]) -> Vec<String> {
    (1..).map_while(|number| part(book, &format!("xl/worksheets/sheet{number}.xml"))).collect()
}

/// Rows of each sheet of data, headings among them.
pub fn rows_of_sheets(book: &[u8]) -> Vec<usize> {
    let mut rows: Vec<usize> =
        sheets(book).iter().map(|sheet| memchr::memmem::find_iter(sheet.as_bytes(), "<row ").count()).collect();
    rows.pop().unwrap();
    rows
}

/// A cell: its type as the file has it (n, b, or a text), and its value.
type SheetCell = (String, String);

/// Rows of cells by the letters of their columns; empty ones are not there.
fn cells(sheet: &str) -> Vec<BTreeMap<String, SheetCell>> {
    let cell = regex::Regex::new(
        r#"(?s)<c r="([A-Z]+)[0-9]+"(?: s="[0-9]+")?(?: t="(\w+)")?>(?:<v>(.*?)</v>|<is><t[^>]*>(.*?)</t></is>)</c>"#,
    )
    .unwrap();
    let plain = |text: &str| {
        let text = text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&amp;", "&");
        text.replace("_x0000_", "\0").replace("_x000D_", "\r")
    };
    let row = |row: &str| {
        let found = cell.captures_iter(row);
        found
            .map(|found| {
                let value = found.get(3).or(found.get(4)).unwrap().as_str();
                let kind = found.get(2).map_or("n", |kind| kind.as_str());
                (found[1].to_owned(), (kind.to_owned(), plain(value)))
            })
            .collect()
    };
    sheet.split("<row ").skip(1).map(row).collect()
}

async fn book(world: &World, more: &str) -> Vec<u8> {
    world.bytes(&world.path("origination-cdrs", &format!("{more}&format=xlsx")), &world.token).await
}

#[actix_web::test]
async fn a_workbook_holds_the_values_of_the_json_with_types() {
    let world = world(|_| ()).await;
    let path = world.path("origination-cdrs", &format!("&columns={COLUMNS}&format=ndjson"));
    let rows = ndjson(&world.get(&path, &world.token).await);
    let book = book(&world, &format!("&columns={COLUMNS}&time-zone=Europe/Kyiv")).await;
    let sheets = sheets(&book);
    let mut table = cells(&sheets[0]);
    let heading: BTreeMap<String, String> =
        table.remove(0).into_iter().map(|(column, (_, name))| (name, column)).collect();
    for name in ["time_start (Europe/Kyiv)", "time_start (UTC)", "time_connect (UTC)", "id", "src_name_in"] {
        assert!(heading.contains_key(name), "{heading:?}");
    }
    assert_eq!((table.len(), heading.len()), (rows.len(), COLUMNS.split(',').count() + 2));
    let days = |cell: &SheetCell| {
        let days: f64 = cell.1.parse().unwrap();
        ((days - 25_569.0) * 86_400.0).round() as i64
    };
    for (cells, row) in table.iter().zip(&rows) {
        for name in COLUMNS.split(',') {
            let (found, wanted) = (heading.get(name).and_then(|column| cells.get(column)), &row[name]);
            if let Some(utc) = heading.get(&format!("{name} (UTC)")) {
                let time = wanted.as_str().map(|text| chrono::DateTime::parse_from_rfc3339(text).unwrap().timestamp());
                assert_eq!(cells.get(utc).map(days), time, "{name}");
                let kyiv = cells.get(&heading[&format!("{name} (Europe/Kyiv)")]).map(days);
                let offset = |time: i64| {
                    use chrono::Offset as _;
                    let time = chrono::DateTime::from_timestamp(time, 0).unwrap();
                    i64::from(time.with_timezone(&chrono_tz::Europe::Kyiv).offset().fix().local_minus_utc())
                };
                assert_eq!(kyiv, time.map(|time| time + offset(time)), "{name}");
                continue;
            }
            match (found, wanted) {
                (None, Value::Null) => {}
                (None, Value::String(text)) => assert_eq!(text, "", "{name}"),
                (Some((kind, value)), Value::Bool(flag)) => {
                    assert_eq!((kind.as_str(), value.as_str()), ("b", if *flag { "1" } else { "0" }), "{name}");
                }
                // Codes are text; amounts are numbers.
                (Some((kind, value)), wanted) => {
                    let text = wanted.as_str().map_or_else(|| wanted.to_string(), str::to_owned);
                    let is_number = ["duration", "customer_price", "destination_next_rate", "pdd"].contains(&name);
                    assert_eq!(kind == "n", is_number, "{name}: {kind}");
                    match is_number {
                        true => assert_eq!(value.parse::<f64>().unwrap(), text.parse::<f64>().unwrap(), "{name}"),
                        false => assert_eq!(*value, text, "{name}"),
                    }
                }
                (None, wanted) => panic!("{name}: no cell for {wanted}"),
            }
        }
    }
    let query = cells(&sheets[1]);
    let line = |name: &str| query.iter().find(|row| row.get("A").is_some_and(|(_, cell)| cell == name));
    assert_eq!(line("time zone").unwrap()["B"].1, "Europe/Kyiv");
    assert!(line("url").unwrap()["B"].1.contains("format=xlsx"));
    assert_eq!(line("customer_price").unwrap()["B"].1, "Price with VAT");
    assert!(line("column").is_some() && line("from").is_some());
}

#[actix_web::test]
async fn a_workbook_of_the_operators_has_the_numbers_that_its_token_sees() {
    let world = world(|_| ()).await;
    let path = "/api/rest/operator/v1/cdrs?from-time=1774700000&columns=dst_prefix_routing,id,rtt&format=";
    let token = world.app.operator_token(&[7], &[], &["export"]);
    let rows = ndjson(&world.get(&format!("{path}ndjson"), &token).await);
    let book = world.bytes(&format!("{path}xlsx"), &token).await;
    let table = cells(&sheets(&book)[0]);
    assert_eq!(table.len(), rows.len() + 1);
    for (cells, row) in table[1..].iter().zip(&rows) {
        let number = row["dst_prefix_routing"].as_str().unwrap();
        assert_eq!(cells.get("A").map_or("", |(_, value)| value), number);
        assert_eq!(cells["B"].1, row["id"].as_str().unwrap());
    }
}

/// So many calls as a sheet has rows, and the heading beside them.
#[actix_web::test]
async fn calls_beyond_a_sheet_are_on_the_next() {
    let world = world(|_| ()).await;
    let start = 1_700_000_000_i64;
    let fill = format!(
        "INSERT INTO cdrs (id, customer_id, customer_acc_id, is_last_cdr, time_start, duration) \
         SELECT number, 7, 1, 1, toDateTime({start}) + number, number FROM numbers(1200000)"
    );
    world.app.admin.query_raw(&fill).execute().await.unwrap();
    for (count, wanted) in
        [(1_048_575, &[1_048_576][..]), (1_048_576, &[1_048_576, 2]), (1_200_000, &[1_048_576, 151_426])]
    {
        let window = format!("&from-time={start}&to-time={}&columns=duration", start + count - 1);
        let book = book(&world, &window).await;
        assert_eq!(rows_of_sheets(&book), wanted, "{count}");
        // Each call once: the last of all is the last of the last sheet.
        let sheets = sheets(&book);
        let last = cells(&sheets[sheets.len() - 2][sheets[sheets.len() - 2].rfind("<row ").unwrap()..]);
        assert_eq!(last[0]["A"].1, (count - 1).to_string());
        if let [first, _, _] = sheets.as_slice() {
            let last = cells(&first[first.rfind("<row ").unwrap()..]);
            assert_eq!(last[0]["A"].1, "1048574");
        }
    }
}

#[actix_web::test]
async fn what_no_workbook_holds_is_refused_with_the_reason_and_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let text = folder.path().to_owned();
    let world = world(|config| {
        config.http.temp_dir = Some(text);
        config.http.temp_mb = 2;
        let names = "src_name_in = if(id = 77, repeat('x', 32768), if(id = 78, repeat('<', 30000), src_name_in))";
        config.tables.cdrs_columns = cdrscope::config::Expressions::parse(names).unwrap();
    })
    .await;
    let odd = "INSERT INTO cdrs (id, customer_id, customer_acc_id, is_last_cdr, time_start) SELECT id, 7, 1, 1, time FROM \
               (SELECT 77 AS id, 1700000000 AS time UNION ALL SELECT 78, 1700000100 + number FROM numbers(50))";
    world.app.admin.query_raw(odd).execute().await.unwrap();
    let many = "too many CDRs for format xlsx within http.temp_mb: ask for a shorter range, fewer columns or csv";
    for (window, wanted) in [
        (
            "&from-time=1700000000&to-time=1700000000",
            "format xlsx cannot hold a text of column src_name_in, which is too long: ask for csv",
        ),
        // By what its texts take, since so few rows may be of any length.
        ("&from-time=1700000100&to-time=1700000200", many),
        // By the number of cells.
        ("&from-time=1774700000", many),
    ] {
        let columns = if window.contains("1774700000") {
            "id,time_start,time_connect,time_end,duration,src_prefix_in,dst_prefix_in,src_prefix_routing,dst_prefix_routing,src_name_in,\
             lega_disconnect_reason,orig_call_id,destination_prefix,diversion_in,customer_auth_name,auth_orig_ip,lrn"
        } else {
            "id,src_name_in"
        };
        let path = world.path("origination-cdrs", &format!("{window}&columns={columns}&format=xlsx"));
        let reply = world.app.get(&path, &world.token).await;
        assert_eq!((reply.status, reply.json()["error"].as_str()), (400, Some(wanted)), "{window}");
    }
    assert!(book(&world, "&to-time=1774700000&columns=id").await.starts_with(b"PK"));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    std::fs::remove_dir(folder.path()).unwrap();
    let reply = world
        .app
        .get(&world.path("origination-cdrs", "&to-time=1774700000&columns=id&format=xlsx"), &world.token)
        .await;
    assert_eq!(reply.status, 500);
    assert!(reply.body.contains("the file cannot be written (request "), "{}", reply.body);
    std::fs::create_dir(folder.path()).unwrap();
}

#[actix_web::test]
async fn a_workbook_has_a_name_a_length_and_no_coding() {
    let world = world(|_| ()).await;
    let path = world.path("origination-cdrs", "&to-time=1774800000");
    let request = world.app.request("GET", &path).header("Authorization", &world.token);
    let accept = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";
    let response = request.header("Accept", accept).header("Accept-Encoding", "gzip").send().await.unwrap();
    assert_eq!(response.status(), 200);
    let headers = response.headers().clone();
    assert_eq!(headers["content-type"], accept);
    assert!(
        headers["content-disposition"]
            .to_str()
            .unwrap()
            .contains("origination-cdrs_account-1_2026-03-28_2026-03-29.xlsx")
    );
    assert!(!headers.contains_key("content-encoding"));
    let length: usize = headers["content-length"].to_str().unwrap().parse().unwrap();
    assert_eq!(response.bytes().await.unwrap().len(), length);
    let empty = book(&world, "&from-time=2100-01-01").await;
    assert_eq!(rows_of_sheets(&empty), [1]);
}
