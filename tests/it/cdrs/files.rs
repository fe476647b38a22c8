//! Files of every format hold the same values.

use std::io::Read as _;

use serde_json::{Value, json};

use super::{COLUMNS, World, expected, ndjson, rows_of, sorted, world};

/// The fields of RFC 4180; `None` for one that is empty without quotes.
fn csv(text: &str, separator: char) -> Vec<Vec<Option<String>>> {
    let (mut rows, mut row, mut rest) = (Vec::new(), Vec::new(), text);
    while !rest.is_empty() {
        let field;
        if let Some(quoted) = rest.strip_prefix('"') {
            let (mut text, mut left) = (String::new(), quoted);
            loop {
                let (before, after) = left.split_once('"').expect("a quote that ends the field");
                text.push_str(before);
                match after.strip_prefix('"') {
                    Some(more) => {
                        text.push('"');
                        left = more;
                    }
                    None => {
                        rest = after;
                        break;
                    }
                }
            }
            field = Some(text);
        } else {
            let end = rest.find([separator, '\r']).expect("a field's end");
            field = (end > 0).then(|| rest[..end].to_owned());
            rest = &rest[end..];
        }
        row.push(field);
        if let Some(more) = rest.strip_prefix("\r\n") {
            rows.push(std::mem::take(&mut row));
            rest = more;
        } else {
            rest = rest.strip_prefix(separator).expect("a separator or a line's end");
        }
    }
    assert!(row.is_empty(), "the last line has its end");
    rows
}

/// A value of JSON as CSV has it.
fn cell(name: &str, value: &Value, comma: bool) -> Option<String> {
    let text = match value {
        Value::Null => return None,
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let is_text = ["src_prefix_in", "src_name_in", "lega_disconnect_reason", "destination_prefix"].contains(&name);
    let is_decimal = ["customer_price", "destination_next_rate", "pdd"].contains(&name);
    let digits = text.strip_prefix(['+', '-']).unwrap_or(&text);
    let is_number = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    Some(if is_text && text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']) && !is_number {
        format!("'{text}")
    } else if is_decimal && comma {
        text.replace('.', ",")
    } else {
        text
    })
}

fn as_csv(rows: &[Value], comma: bool) -> Vec<Vec<Option<String>>> {
    let names: Vec<&str> = COLUMNS.split(',').collect();
    let row = |row: &Value| names.iter().map(|name| cell(name, &row[name], comma)).collect();
    let head = names.iter().map(|name| Some((*name).to_owned())).collect();
    std::iter::once(head).chain(rows.iter().map(row)).collect()
}

async fn all(world: &World) -> Vec<Value> {
    let file =
        world.get(&world.path("origination-cdrs", &format!("&columns={COLUMNS}&format=ndjson")), &world.token).await;
    let own = expected(world, "customer_acc_id = 1 AND customer_id = 7 AND is_last_cdr = 1", chrono_tz::UTC).await;
    let rows = ndjson(&file);
    assert_eq!(sorted(&rows), sorted(&own));
    rows
}

#[actix_web::test]
async fn what_is_no_utf8_in_the_table_is_utf8_in_files_and_heads_have_no_length() {
    let world = world(|_| ()).await;
    let odd = "INSERT INTO cdrs (id, customer_id, customer_acc_id, is_last_cdr, time_start, src_name_in, dst_prefix_routing) \
               VALUES (5, 7, 1, 1, 1700000000, unhex('4A6F73E9'), '４４２０ їжак')";
    world.app.admin.query_raw(odd).execute().await.unwrap();
    let path = world.path("origination-cdrs", "&from-time=1700000000&to-time=1700000000&columns=src_name_in");
    for format in ["csv", "ndjson", "rows", "columns"] {
        let text = String::from_utf8(world.bytes(&format!("{path}&format={format}"), &world.token).await).unwrap();
        assert!(text.contains("Jos\u{fffd}"), "{format}: {text}");
    }
    for format in ["parquet", "arrow"] {
        let bytes = world.bytes(&format!("{path}&format={format}"), &world.token).await;
        let has = |part: &[u8]| bytes.windows(part.len()).any(|window| window == part);
        assert!(has("Jos\u{fffd}".as_bytes()) && !has(b"Jos\xe9"), "{format}");
    }
    // Characters are hidden, not bytes.
    let operators = world.app.operator_token(&[], &[], &["export"]);
    let path = "/api/rest/operator/v1/cdrs?from-time=1700000000&to-time=1700000000&columns=dst_prefix_routing";
    let page = world.app.get(path, &operators).await.json();
    assert_eq!(page["data"]["dst_prefix_routing"][0], "４４２０ ");
    for format in ["csv", "parquet"] {
        let path = world.path("origination-cdrs", &format!("&format={format}"));
        let request = world.app.request("HEAD", &path).header("Authorization", &world.token);
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 200);
        assert!(response.headers().get("content-length").is_none(), "{format}: {:?}", response.headers());
        assert!(response.headers().contains_key("content-disposition"));
    }
}

#[actix_web::test]
async fn csv_is_of_the_dialect_and_harms_no_spreadsheet() {
    let world = world(|_| ()).await;
    let rows = all(&world).await;
    for (more, separator, comma, bom) in [
        ("", ',', false, false),
        ("&csv-separator=semicolon&csv-decimal=comma&csv-bom=true", ';', true, true),
        ("&csv-separator=tab", '\t', false, false),
        ("&csv-decimal=comma", ',', true, false),
    ] {
        let path = world.path("origination-cdrs", &format!("&columns={COLUMNS}{more}"));
        let text = world.bytes(&format!("{path}&format=csv"), &world.token).await;
        let plain = match text.strip_prefix(b"\xEF\xBB\xBF") {
            Some(rest) if bom => rest,
            None if !bom => &text[..],
            _ => panic!("{more}: a mark where none is wanted, or none"),
        };
        assert_eq!(csv(std::str::from_utf8(plain).unwrap(), separator), as_csv(&rows, comma), "{more}");
        let packed = world.bytes(&format!("{path}&format=csv.gz"), &world.token).await;
        let mut unpacked = Vec::new();
        flate2::read::GzDecoder::new(&*packed).read_to_end(&mut unpacked).unwrap();
        assert!(unpacked == text, "{more}");
        let packed = world.bytes(&format!("{path}&format=csv.zst"), &world.token).await;
        assert!(zstd::decode_all(&*packed).unwrap() == text, "{more}");
    }
    // Null is nothing, and an empty text is a text.
    let text = world
        .get(
            &world.path(
                "origination-cdrs",
                "&format=csv&columns=lega_q850_cause,src_name_in,lega_q850_cause".rsplit_once(',').unwrap().0,
            ),
            &world.token,
        )
        .await;
    assert!(text.lines().any(|line| line.starts_with(",")) && text.lines().any(|line| line.ends_with(",\"\"")));
}

#[actix_web::test]
async fn parquet_and_arrow_hold_the_same_values_with_types() {
    let world = world(|_| ()).await;
    let rows = all(&world).await;
    for (format, name) in [("parquet", "Parquet"), ("arrow", "Arrow")] {
        let path = world.path("origination-cdrs", &format!("&columns={COLUMNS}&format={format}&time-zone=Europe/Kyiv"));
        let file = world.bytes(&path, &world.token).await;
        let table = format!("read_{format}");
        let create = format!(
            "CREATE TABLE {table} (place UInt64 MATERIALIZED rowNumberInAllBlocks(), id UInt64, time_start DateTime64(0, 'UTC'), \
             time_connect Nullable(DateTime64(0, 'UTC')), duration Int32, success Nullable(Bool), customer_price Decimal(18, 6), \
             destination_next_rate Nullable(Decimal(18, 9)), pdd Nullable(Decimal(9, 3)), src_prefix_in String, src_name_in String, \
             lega_disconnect_reason String, lega_q850_cause Nullable(Int16), destination_prefix String) ENGINE = MergeTree ORDER BY ()"
        );
        world.app.admin.query_raw(&create).execute().await.unwrap();
        let mut insert = world.app.admin.insert_formatted_with(format!("INSERT INTO {table} FORMAT {name}"));
        insert.send(file.into()).await.unwrap();
        insert.end().await.unwrap();
        let sql = format!(
            "SELECT toString(id), formatDateTime(time_start, '%Y-%m-%dT%H:%i:%SZ'), formatDateTime(time_connect, '%Y-%m-%dT%H:%i:%SZ'), \
             duration, success, toString(customer_price), toString(destination_next_rate), toString(pdd), src_prefix_in, src_name_in, \
             lega_disconnect_reason, lega_q850_cause, destination_prefix FROM {table}"
        );
        let names: Vec<&str> = COLUMNS.split(',').collect();
        let read: Vec<Value> = rows_of(&world.app, &sql)
            .await
            .into_iter()
            .map(|row| {
                names
                    .iter()
                    .zip(row)
                    .map(|(name, value)| ((*name).to_owned(), value))
                    .collect::<serde_json::Map<_, _>>()
                    .into()
            })
            .collect();
        assert_eq!(sorted(&read), sorted(&rows), "{format}");
    }
}

#[actix_web::test]
async fn files_say_what_they_are() {
    let world = world(|_| ()).await;
    for (format, accept, media_type) in [
        ("csv", "text/csv", "text/csv; charset=utf-8"),
        ("csv.gz", "application/gzip", "application/gzip"),
        ("csv.zst", "application/zstd", "application/zstd"),
        ("ndjson", "application/x-ndjson", "application/x-ndjson"),
        ("parquet", "application/vnd.apache.parquet", "application/vnd.apache.parquet"),
        ("arrow", "application/vnd.apache.arrow.file", "application/vnd.apache.arrow.file"),
    ] {
        let request = |method: &str| {
            let path = world.path("origination-cdrs", "&to-time=1774800000");
            world.app.request(method, &path).header("Authorization", &world.token).header("Accept", accept)
        };
        let name = format!("origination-cdrs_account-1_2026-03-28_2026-03-29.{format}");
        for method in ["GET", "HEAD"] {
            let response = request(method).send().await.unwrap();
            assert_eq!(response.status(), 200);
            let header = |name: &str| response.headers()[name].to_str().unwrap().to_owned();
            assert_eq!(header("content-type"), media_type);
            assert_eq!(
                header("content-disposition"),
                format!("attachment; filename=\"{name}\"; filename*=UTF-8''{name}")
            );
            assert_eq!(header("cache-control"), "private, no-store");
            assert_eq!(response.bytes().await.unwrap().is_empty(), method == "HEAD");
        }
        // No calls, and whole all the same.
        let path = world.path("origination-cdrs", &format!("&from-time=2100-01-01&format={format}"));
        let empty = world.bytes(&path, &world.token).await;
        assert_eq!(empty.is_empty(), format == "ndjson", "{format}");
    }
    let request = world.app.request("GET", &world.path("origination-cdrs", "")).header("Authorization", &world.token);
    let response = request.header("Accept", "text/html").send().await.unwrap();
    assert_eq!(response.status(), 406);
    // Text is compressed for whom takes it, and is the same.
    let path = world.path("origination-cdrs", "&format=ndjson");
    let plain = world.bytes(&path, &world.token).await;
    let request =
        world.app.request("GET", &path).header("Authorization", &world.token).header("Accept-Encoding", "gzip");
    let response = request.send().await.unwrap();
    assert_eq!(response.headers()["content-encoding"], "gzip");
    let mut unpacked = Vec::new();
    flate2::read::GzDecoder::new(&*response.bytes().await.unwrap()).read_to_end(&mut unpacked).unwrap();
    assert!(unpacked == plain);
    let page = world.app.get(&world.path("origination-cdrs", "&limit=5"), &world.token).await;
    let request =
        world.app.request("GET", &world.path("origination-cdrs", "&limit=5")).header("Authorization", &world.token);
    let again = request.header("If-None-Match", page.header("etag")).send().await.unwrap();
    assert_eq!((again.status().as_u16(), json!(again.text().await.unwrap())), (304, json!("")));
}

#[actix_web::test]
async fn a_file_goes_on_behind_a_page() {
    let world = world(|_| ()).await;
    let rows = all(&world).await;
    for limit in [1, 3, 250] {
        let page = world
            .app
            .get(&world.path("origination-cdrs", &format!("&columns={COLUMNS}&limit={limit}")), &world.token)
            .await
            .json();
        let next = page["next"].as_str().unwrap();
        let path = world.path("origination-cdrs", &format!("&columns={COLUMNS}&format=ndjson&cursor={next}"));
        assert_eq!(ndjson(&world.get(&path, &world.token).await), rows[limit..], "{limit}");
    }
}
