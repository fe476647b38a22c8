//! ETags, 304, HEAD, compression, and large answers (contract 4).

use std::io::Read as _;
use std::sync::Arc;

use actix_web::body::to_bytes;
use actix_web::test::TestRequest;
use cdrscope::columns::buckets::Buckets;
use cdrscope::columns::table::BucketTable;
use cdrscope::columns::tsv::Rows as _;
use cdrscope::config::{AcdUnit, TotalsCps};
use cdrscope::format::buckets::Writer;
use cdrscope::http::reply;
use cdrscope::report::form::ResultForm;
use cdrscope::report::plan::Grid;
use cdrscope::report::{find, measure};
use reqwest::header::HeaderMap;
use serde_json::json;
use sha2::{Digest, Sha256};

use super::{BASE, CONCURRENCY, OUTGOING, QUALITY, Session, TERMINATION, window};
use crate::support::http::send;

/// About 47,000 buckets: more than a megabyte of JSON.
const LARGE: &str = "from-time=2025-01-01&to-time=2025-02-02T12:00:00Z&sampling=minute";

/// The ETag that the contract asks for.
fn etag(body: &[u8]) -> String {
    let digest: String = Sha256::digest(body).iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    format!("W/\"{digest}\"")
}

/// Status, headers and the body's bytes as they travelled.
async fn raw(request: reqwest::RequestBuilder) -> (u16, HeaderMap, Vec<u8>) {
    let response = request.send().await.unwrap();
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    (status, headers, response.bytes().await.unwrap().to_vec())
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers.get(name).map_or("", |value| value.to_str().unwrap())
}

#[actix_web::test]
async fn the_seeds_own_columns_are_written_to_its_249_bytes_and_its_etag() {
    let measures = find(QUALITY).unwrap().measures;
    let mut buckets = Buckets::new(&measure::aggregates(measures));
    for row in ["1734700000\t180\t155\t45012", "1734700060\t140\t120\t34848", "1734700120\t200\t170\t49164"] {
        buckets.row(row.as_bytes()).unwrap();
    }
    buckets.totals(b"0\t520\t445\t129024").unwrap();
    let table = BucketTable {
        buckets,
        measures: measures.into(),
        // The seed's times are off the grid, so no grid is written.
        grid: Grid { first: 1_734_699_960, step: 60, count: 3 },
        fill: false,
        totals: true,
        acd_unit: AcdUnit::Minutes,
        totals_cps: TotalsCps::Bucket,
    };
    let rendered = reply::render(Writer::new(Arc::new(table), ResultForm::default())).unwrap();
    assert_eq!(rendered.etag, r#"W/"5bc70049aa58e9a51f9688035aad6430""#);
    let response = reply::send(
        &TestRequest::default().to_http_request(),
        rendered,
        &reply::Delivery::default(),
        reply::Room::of(0),
    );
    let body = to_bytes(response.into_body()).await.unwrap();
    let seed = r#"{"data":{"t":[1734700000,1734700060,1734700120],"total_calls":[180,140,200],"acd":["4.84","4.84","4.82"],"asr":["86.11","85.71","85.0"],"cps":["3.0","2.33","3.33"]},"rows":3,"totals":{"t":0,"total_calls":520,"acd":"4.83","asr":"85.58","cps":"8.67"}}"#;
    assert_eq!((body.len(), body.as_ref()), (249, seed.as_bytes()));
}

#[actix_web::test]
async fn an_etag_is_the_first_half_of_the_bodys_sha_256() {
    let session = Session::new();
    session.cdrs([json!({})]).await;
    for (report, query) in [
        (QUALITY, window(3)),
        (TERMINATION[1], window(3)),
        (CONCURRENCY[0], format!("from-time={BASE}&to-time={BASE}")),
        (OUTGOING, String::new()),
        (QUALITY, format!("{}&format=rows", window(3))),
        (QUALITY, LARGE.into()),
    ] {
        let reply = session.ask(report, &query).await;
        assert_eq!(reply.header("etag"), etag(reply.body.as_bytes()), "{report} {query}");
    }
    let empty = session.ask(QUALITY, "from-time=4000000000&sampling=minute").await;
    assert_eq!(empty.header("etag"), r#"W/"4f53cda18c2baa0c0354bb5f9a3ecbe5""#);
}

#[actix_web::test]
async fn a_tag_that_the_caller_has_is_answered_304_without_a_body() {
    let session = Session::new();
    session.cdrs([json!({})]).await;
    for query in [window(3), LARGE.to_owned(), "from-time=4000000000&sampling=minute".into()] {
        let tag = session.ask(QUALITY, &query).await.header("etag").to_owned();
        let strong = tag.trim_start_matches("W/").to_owned();
        for value in [
            tag.clone(),
            strong.clone(),
            "*".into(),
            format!("\"x\", {tag}"),
            format!("W/\"x\",{strong} , \"y\""),
            format!("  {tag}  "),
            format!("{tag},"),
        ] {
            for method in ["GET", "HEAD"] {
                let (status, headers, body) =
                    raw(session.request(method, QUALITY, &query).header("If-None-Match", &value)).await;
                assert_eq!((status, body.len(), header(&headers, "etag")), (304, 0, tag.as_str()), "{value}");
                assert_eq!(header(&headers, "cache-control"), "max-age=0, private, must-revalidate");
                assert_eq!(header(&headers, "vary"), "Accept");
                assert!(headers.get("content-type").is_none(), "{headers:?}");
                // The length of a body that is not sent is left unsaid, or said truly: never 0.
                assert_ne!(header(&headers, "content-length"), "0", "{headers:?}");
            }
        }
        for value in ["\"x\"", "W/\"5bc70049aa58e9a51f9688035aad6430\"", "", "x", strong.trim_matches('"'), "W/*"] {
            let (status, ..) = raw(session.request("GET", QUALITY, &query).header("If-None-Match", value)).await;
            assert_eq!(status, 200, "{value}");
        }
        // The header may come twice.
        let twice =
            session.request("GET", QUALITY, &query).header("If-None-Match", "\"x\"").header("If-None-Match", &tag);
        assert_eq!(raw(twice).await.0, 304);
    }
}

#[actix_web::test]
async fn a_tag_changes_with_the_calls() {
    let session = Session::new();
    let before = session.ask(QUALITY, &window(3)).await.header("etag").to_owned();
    session.cdrs([json!({})]).await;
    let reply = send(session.request("GET", QUALITY, &window(3)).header("If-None-Match", &before)).await;
    assert_eq!(reply.status, 200);
    assert_ne!(reply.header("etag"), before);
}

#[actix_web::test]
async fn head_is_get_without_the_body() {
    let session = Session::new();
    session.cdrs([json!({})]).await;
    for (query, encoding) in [
        (window(3), ""),
        (LARGE.to_owned(), ""),
        ("sampling=x".into(), ""),
        (window(3), "gzip"),
        (LARGE.to_owned(), "zstd"),
    ] {
        let ask = async |method: &str| {
            raw(session.request(method, QUALITY, &query).header("Accept-Encoding", encoding)).await
        };
        let (get, head) = (ask("GET").await, ask("HEAD").await);
        assert_eq!((head.0, head.2.len()), (get.0, 0), "{query}");
        for name in ["content-type", "content-length", "content-encoding", "etag", "vary", "cache-control"] {
            assert_eq!(header(&head.1, name), header(&get.1, name), "{name} of {query} {encoding}");
        }
    }
    let refused = session.client.head(format!("{}{}/{QUALITY}", session.url, super::API));
    assert_eq!(raw(refused).await.0, 401);
}

#[actix_web::test]
async fn zstd_br_and_gzip_bodies_are_the_same_bytes() {
    let session = Session::new();
    session.cdrs([json!({})]).await;
    for query in [window(100), LARGE.to_owned()] {
        let (_, plain, body) = raw(session.request("GET", QUALITY, &query)).await;
        for (accept, encoding) in [
            ("zstd", "zstd"),
            ("br", "br"),
            ("gzip", "gzip"),
            ("gzip;q=0.5, br;q=0.4", "gzip"),
            ("deflate;q=0, zstd", "zstd"),
        ] {
            let (status, headers, packed) =
                raw(session.request("GET", QUALITY, &query).header("Accept-Encoding", accept)).await;
            assert_eq!((status, header(&headers, "content-encoding")), (200, encoding), "{accept}");
            let mut unpacked = Vec::new();
            match encoding {
                "zstd" => unpacked = zstd::decode_all(packed.as_slice()).unwrap(),
                "br" => drop(brotli::Decompressor::new(packed.as_slice(), 4096).read_to_end(&mut unpacked).unwrap()),
                _ => drop(flate2::read::GzDecoder::new(packed.as_slice()).read_to_end(&mut unpacked).unwrap()),
            }
            assert!(
                unpacked == body && packed.len() < body.len(),
                "{accept}: {} {} {}",
                unpacked.len(),
                packed.len(),
                body.len()
            );
            assert_eq!(header(&headers, "etag"), header(&plain, "etag"));
            assert!(headers.get("content-length").is_none_or(|length| length == packed.len().to_string().as_str()));
            let vary: Vec<String> =
                headers.get_all("vary").iter().map(|value| value.to_str().unwrap().to_lowercase()).collect();
            let vary = vary.join(", ");
            assert!(vary.contains("accept-encoding") && vary.starts_with("accept, "), "{vary}");
        }
        for accept in ["identity", "", "foo", "gzip;q=0", "*;q=0, identity"] {
            let (status, headers, same) =
                raw(session.request("GET", QUALITY, &query).header("Accept-Encoding", accept)).await;
            assert_eq!((status, header(&headers, "content-encoding")), (200, ""), "{accept}");
            assert!(same == body && header(&headers, "vary") == "Accept", "{accept} {headers:?}");
        }
    }
}

#[actix_web::test]
async fn a_large_answer_says_its_length_and_tag_and_is_the_same_twice() {
    let session = Session::new();
    session.cdrs((0..2000).map(|minute| json!({ "time_start": BASE + minute * 1000, "duration": minute % 700 }))).await;
    let (status, headers, body) = raw(session.request("GET", QUALITY, LARGE)).await;
    assert_eq!(status, 200);
    assert!(body.len() > 1_000_000, "{}", body.len());
    assert_eq!(header(&headers, "content-length"), body.len().to_string());
    assert_eq!(header(&headers, "etag"), etag(&body));
    let (_, again, same) = raw(session.request("GET", QUALITY, LARGE)).await;
    assert!(same == body && header(&again, "etag") == header(&headers, "etag"));
    let answer: serde_json::Value = serde_json::from_slice(&body).unwrap();
    assert_eq!((&answer["rows"], &answer["totals"]["total_calls"]), (&json!(46_801), &json!(2000)));
    let rows = raw(session.request("GET", QUALITY, &format!("{LARGE}&format=rows"))).await.2;
    let rows: Vec<serde_json::Value> = serde_json::from_slice(&rows).unwrap();
    for (column, value) in [("t", &rows[46_800]["t"]), ("total_calls", &rows[46_800]["total_calls"])] {
        assert_eq!((rows.len(), &answer["data"][column][46_800]), (46_801, value));
    }
}
