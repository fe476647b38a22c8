//! Request bodies: coded, long, slow or of another shape than their path takes.

use std::io::Write as _;
use std::time::{Duration, Instant};

use actix_web::rt::time::sleep;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::grafana::{World, body, target};
use crate::support::app::API;
use crate::support::http::send;
use crate::support::{Reply, TestApp};

/// 64 MB of blanks: JSON of any length may begin like that.
const BLANKS: usize = 64 * 1024 * 1024;

fn bomb(coding: &str) -> Vec<u8> {
    let blanks = vec![b' '; BLANKS];
    match coding {
        "gzip" => {
            let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
            gzip.write_all(&blanks).unwrap();
            gzip.finish().unwrap()
        }
        "deflate" => {
            let mut deflate = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
            deflate.write_all(&blanks).unwrap();
            deflate.finish().unwrap()
        }
        "br" => {
            let mut coded = Vec::new();
            {
                let mut brotli = brotli::CompressorWriter::new(&mut coded, 4096, 5, 22);
                brotli.write_all(&blanks).unwrap();
            }
            coded
        }
        _ => zstd::encode_all(blanks.as_slice(), 3).unwrap(),
    }
}

/// Every path that takes a body, as the service itself describes them.
async fn posts(world: &World) -> Vec<String> {
    let document = send(world.app.request("GET", "/openapi.json")).await.json();
    let paths = document["paths"].as_object().unwrap();
    let takes = |operations: &Value| ["post", "put", "patch"].iter().any(|method| !operations[*method].is_null());
    let found: Vec<String> =
        paths.iter().filter(|(_, operations)| takes(operations)).map(|(path, _)| path.clone()).collect();
    assert!(found.len() >= 9, "{found:?}");
    found
}

/// The form of an error at the door that the path belongs to.
fn has_the_doors_form(path: &str, reply: &Reply) {
    let error = reply.json();
    assert!(error["error"].is_string(), "{path}: {}", reply.body);
    assert_eq!(error["message"].is_string(), path.starts_with("/grafana"), "{path}: {}", reply.body);
}

#[actix_web::test]
async fn a_body_in_any_content_coding_is_415_at_every_path_that_takes_one() {
    let world = World::new().await;
    let bombs = ["gzip", "deflate", "br", "zstd"].map(|coding| (coding, bomb(coding)));
    let plain = || b"{}".to_vec();
    let mut codings: Vec<(Vec<&str>, Vec<u8>)> = bombs.iter().map(|(name, bomb)| (vec![*name], bomb.clone())).collect();
    for headers in [
        vec!["BR"],
        vec!["gzip, br"],
        vec!["identity, gzip"],
        vec!["identity", "zstd"],
        vec!["x-gzip"],
        vec!["compress"],
        vec!["aes128gcm"],
        vec!["identity;q=1"],
    ] {
        codings.push((headers, plain()));
    }
    for path in posts(&world).await {
        for (headers, sent) in &codings {
            let mut request = world.app.request("POST", &path).header("Authorization", &world.token);
            request = request.header("Content-Type", "application/json");
            for value in headers {
                request = request.header("Content-Encoding", *value);
            }
            let reply = send(request.body(sent.clone())).await;
            assert_eq!(reply.status, 415, "{path} {headers:?}: {}", reply.body);
            has_the_doors_form(&path, &reply);
            assert_eq!(reply.header("accept-encoding"), "identity", "{path}");
        }
        for value in ["identity", "Identity", "identity, identity", ""] {
            let request = world.app.request("POST", &path).header("Authorization", &world.token);
            let reply = send(request.header("Content-Encoding", value).body("{}")).await;
            assert_ne!(reply.status, 415, "{path} {value:?}: {}", reply.body);
        }
    }
}

/// A request as bytes, of which no more is sent than that, and the status that comes back within the time.
async fn raw(world: &World, head: &str, rest: &[u8], within: Duration) -> Option<(u16, String)> {
    let mut stream = TcpStream::connect(world.app.url.strip_prefix("http://").unwrap()).await.unwrap();
    let token = &world.token;
    let head = format!("{head}Host: x\r\nAuthorization: {token}\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    // A service that refuses early may close before all is sent.
    let _ = stream.write_all(rest).await;
    answer(&mut stream, within).await
}

/// The status and the text of an answer, when it begins in time.
async fn answer(stream: &mut TcpStream, within: Duration) -> Option<(u16, String)> {
    let mut read = vec![0; 64 * 1024];
    let count = tokio::time::timeout(within, stream.read(&mut read)).await.ok()?.ok()?;
    let text = String::from_utf8_lossy(&read[..count]).into_owned();
    let status = text.get(9..12)?.parse().ok()?;
    Some((status, text))
}

#[actix_web::test]
async fn a_body_that_says_it_is_too_long_is_refused_before_it_comes() {
    let world = World::new().await;
    for (path, length, status) in [
        ("/grafana/query".to_owned(), 1024 * 1024 + 1, 413),
        ("/grafana/query".to_owned(), usize::MAX >> 1, 413),
        ("/grafana/variable".to_owned(), 1 << 32, 413),
        (format!("{API}/auth"), 16 * 1024 + 1, 400),
        (format!("{API}/auth"), 1 << 40, 400),
    ] {
        let head = format!("POST {path} HTTP/1.1\r\nContent-Length: {length}\r\n");
        let got = raw(&world, &head, b"{", Duration::from_secs(3)).await;
        let (got, text) = got.unwrap_or_else(|| panic!("{path} {length}: no answer"));
        assert_eq!(got, status, "{path} {length}: {text}");
        // What is left of the body is not read, so the connection cannot be used again.
        assert!(text.to_lowercase().contains("connection: close"), "{text}");
    }
}

#[actix_web::test]
async fn a_body_in_chunks_is_read_as_far_as_the_bound_and_no_further() {
    let world = World::new().await;
    let chunk = [b"10000\r\n".as_slice(), &[b' '; 0x10000], b"\r\n"].concat();
    for (path, chunks, status) in [("/grafana/query".to_owned(), 17, 413), (format!("{API}/auth"), 1, 400)] {
        let head = format!("POST {path} HTTP/1.1\r\nTransfer-Encoding: chunked\r\n");
        let got = raw(&world, &head, &chunk.repeat(chunks), Duration::from_secs(3)).await;
        assert_eq!(got.map(|(status, _)| status), Some(status), "{path}");
    }
}

#[actix_web::test]
async fn a_body_that_drips_is_408_when_its_time_is_over() {
    let world = World::with(|config| config.http.body_seconds = 1).await;
    for path in ["/grafana/query".to_owned(), "/grafana/tag-keys".to_owned(), format!("{API}/auth")] {
        for framing in ["Content-Length: 1000", "Transfer-Encoding: chunked"] {
            let mut stream = TcpStream::connect(world.app.url.strip_prefix("http://").unwrap()).await.unwrap();
            let token = &world.token;
            let head = format!("POST {path} HTTP/1.1\r\nHost: x\r\nAuthorization: {token}\r\n{framing}\r\n\r\n");
            stream.write_all(head.as_bytes()).await.unwrap();
            let start = Instant::now();
            let drop = if framing.starts_with('C') { b" ".as_slice() } else { b"1\r\n \r\n" };
            let got = loop {
                assert!(start.elapsed() < Duration::from_secs(6), "{path}: dripped for 6 s");
                let _ = stream.write_all(drop).await;
                if let Some(got) = answer(&mut stream, Duration::from_millis(100)).await {
                    break got;
                }
            };
            assert_eq!(got.0, 408, "{path}: {}", got.1);
            assert!(start.elapsed() >= Duration::from_millis(900), "{:?}", start.elapsed());
        }
    }
}

#[actix_web::test]
async fn a_path_that_takes_no_body_does_not_wait_for_one() {
    let world = World::new().await;
    for path in ["/grafana", "/health/live", "/openapi.json", &format!("{API}/auth")] {
        let head = format!("GET {path} HTTP/1.1\r\nContent-Encoding: br\r\nContent-Length: 1000000000\r\n");
        let got = raw(&world, &head, b"x", Duration::from_secs(3)).await;
        assert_eq!(got.map(|(status, _)| status), Some(200), "{path}");
    }
}

/// A list in the place of an object would be read field by field, or left out as if nothing had been asked.
#[actix_web::test]
async fn lists_and_texts_where_objects_are_meant_are_400() {
    let world = World::new().await;
    let with = |name: &str, value: Value| {
        let mut request = body(target("asr", json!({})));
        request[name] = value;
        request
    };
    let payload = |value: Value| body(json!({ "refId": "A", "target": "asr", "payload": value }));
    for (request, names) in [
        (json!([]), "body"),
        (json!("{}"), "body"),
        (json!(1), "body"),
        (payload(json!([])), "payload"),
        (payload(json!([world.acme, "each"])), "payload"),
        (payload(json!("[\"x\"]")), "payload"),
        (payload(json!("account")), "payload"),
        (payload(json!(1)), "payload"),
        (payload(json!(true)), "payload"),
        (with("targets", json!({ "0": target("asr", json!({})) })), "targets"),
        (with("targets", json!("asr")), "targets"),
        (with("targets", json!([["A", "asr"]])), "targets"),
        (with("targets", json!(["asr"])), "targets"),
        (with("filters", json!({ "key": "duration" })), "filters"),
        (with("filters", json!([["duration", "=", "1"]])), "filters"),
        (with("adhocFilters", json!("duration = 1")), "adhocFilters"),
        (with("range", json!([1, 2])), "range"),
        (with("range", json!("now-1h")), "range"),
    ] {
        let reply = world.post("/query", &request).await;
        assert_eq!(reply.status, 400, "{request}: {}", reply.body);
        assert!(reply.json()["message"].as_str().unwrap().contains(names), "{request}: {}", reply.body);
    }
    for (path, request, names) in [
        ("/variable", json!({ "payload": ["accounts"] }), "payload"),
        ("/metric-payload-options", json!({ "name": "account", "payload": [1] }), "payload"),
        ("/annotations", json!({ "annotation": ["incidents"], "range": body(json!({}))["range"] }), "annotation"),
        ("/tag-values", json!([{ "key": "account-id" }]), "body"),
    ] {
        let reply = world.post(path, &request).await;
        assert_eq!(reply.status, 400, "{path} {request}: {}", reply.body);
        assert!(reply.json()["message"].as_str().unwrap().contains(names), "{request}: {}", reply.body);
    }
    // Nothing chosen is spelled in several ways, and is no fault.
    for nothing in [json!(null), json!({}), json!(""), json!(" "), json!("{}")] {
        assert_eq!(world.post("/query", &payload(nothing.clone())).await.status, 200, "{nothing}");
    }
    for bad in [json!({ "auth": ["ann", "x"] }), json!([["ann", "x"]]), json!({ "auth": "ann" })] {
        let reply = send(world.app.request("POST", &format!("{API}/auth")).body(bad.to_string())).await;
        assert_eq!(reply.status, 400, "{bad}: {}", reply.body);
    }
}

/// A megabyte of JSON may hold half a million values, or brackets, and takes a hundred times as much memory when read.
#[actix_web::test]
async fn json_of_very_many_values_is_400() {
    let world = World::new().await;
    let many = |item: &str| format!("{{\"x\":[{}0]}}", format!("{item},").repeat(1_000_000 / (item.len() + 1)));
    let keys = || {
        let keys: Vec<String> = (0..90_000).map(|i| format!("\"{i}\":0")).collect();
        format!("{{{}}}", keys.join(","))
    };
    for text in
        [many("0"), many("[]"), many("{}"), many("\"\""), keys(), "[".repeat(1_000_000), "{\"\":".repeat(200_000)]
    {
        let request = world.app.request("POST", "/grafana/query").header("Authorization", &world.token);
        let reply = send(request.body(text.clone())).await;
        assert_eq!(reply.status, 400, "{}: {}", &text[..20], reply.body);
        assert!(reply.body.len() < 1000, "{}", reply.body.len());
    }
    // Marks within texts are no values.
    let mut request = body(target("asr", json!({})));
    request["x"] = json!("\\\",[{".repeat(100_000));
    assert_eq!(world.post("/query", &request).await.status, 200);
    sleep(Duration::ZERO).await;
}

/// The framework's own readers decode a body before they count it.
#[test]
fn bodies_are_read_in_one_place() {
    let mut files = vec![std::path::PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("src")];
    while let Some(file) = files.pop() {
        if file.is_dir() {
            files.extend(std::fs::read_dir(&file).unwrap().map(|entry| entry.unwrap().path()));
            continue;
        }
        if file.ends_with("http/body.rs") {
            continue;
        }
        let text = std::fs::read_to_string(&file).unwrap_or_default();
        for other in [
            "web::Bytes",
            "web::Json",
            "web::Form",
            "body::to_bytes",
            "to_bytes_limited",
            "PayloadConfig",
            "Decompress",
        ] {
            assert!(!text.contains(other), "{other} in {}", file.display());
        }
    }
}

/// Whoever has no token gets the document as it was written at the start, not compressed for each request.
#[actix_web::test]
async fn what_strangers_may_read_is_not_compressed_for_each() {
    let app = TestApp::start(|_| ()).await;
    for path in ["/openapi.json", "/docs", "/docs/page.css", "/docs/page.js"] {
        let reply = send(app.request("GET", path).header("Accept-Encoding", "br, gzip, zstd")).await;
        assert_eq!(reply.status, 200, "{path}");
        assert!(reply.headers.get("content-encoding").is_none(), "{path}");
        assert_eq!(reply.header("content-length"), reply.body.len().to_string(), "{path}");
        let again = app.request("GET", path).header("If-None-Match", reply.header("etag"));
        assert_eq!(send(again).await.status, 304, "{path}");
    }
}
