//! The page's document and files.

use super::app;
use crate::support::http::send;
use crate::support::{Reply, TestApp};

const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
                      base-uri 'none'; form-action 'self'; frame-ancestors 'none'; require-trusted-types-for 'script'";

/// Names of built files under `web/dist/assets`, without their packed forms.
fn assets() -> Vec<String> {
    let dir = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("web/dist/assets");
    let names = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<_> = names.filter(|name| !name.ends_with(".br") && !name.ends_with(".gz")).collect();
    names.sort();
    names
}

fn built(name: &str) -> Vec<u8> {
    std::fs::read(std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("web/dist").join(name)).unwrap()
}

async fn get(app: &TestApp, path: &str) -> Reply {
    send(app.request("GET", path)).await
}

/// The body as it came, which the client does not unpack.
async fn bytes(app: &TestApp, path: &str, accept: &str) -> (String, Vec<u8>) {
    let response = app.request("GET", path).header("Accept-Encoding", accept).send().await.unwrap();
    assert_eq!(
        (response.status(), &response.headers()["vary"]),
        (reqwest::StatusCode::OK, &"Accept-Encoding".parse().unwrap())
    );
    let coding = response.headers().get("content-encoding").map_or("", |coding| coding.to_str().unwrap()).to_owned();
    (coding, response.bytes().await.unwrap().to_vec())
}

#[actix_web::test]
async fn the_document_is_asked_for_each_time_and_its_files_never_again() {
    let app = app(|_| ()).await;
    let index = get(&app, "/").await;
    assert_eq!((index.status, index.header("content-type")), (200, "text/html; charset=utf-8"));
    assert_eq!((index.header("cache-control"), index.header("content-security-policy")), ("no-cache", POLICY));
    assert_eq!(index.body.as_bytes(), built("index.html"));
    let etag = index.header("etag");
    // The view is the query string, and the document the same for all of them.
    for path in ["/", "/?from=1&to=2"] {
        let again = send(app.request("GET", path).header("If-None-Match", etag)).await;
        assert_eq!((again.status, again.body.as_str(), again.header("etag")), (304, "", etag));
        assert_eq!(again.header("cache-control"), "no-cache");
    }
    assert_eq!(send(app.request("GET", "/").header("If-None-Match", "\"x\"")).await.status, 200);
    let head = send(app.request("HEAD", "/")).await;
    assert_eq!((head.status, head.body.as_str(), head.header("etag")), (200, "", etag));
    assert!(!assets().is_empty());
    for name in assets() {
        let path = format!("/assets/{name}");
        let asset = app.request("GET", &path).send().await.unwrap();
        assert_eq!(asset.status(), 200, "{name}");
        let header = |name: &str| asset.headers()[name].to_str().unwrap().to_owned();
        assert_eq!(header("cache-control"), "public, max-age=31536000, immutable", "{name}");
        assert_eq!(
            (header("content-security-policy"), header("x-content-type-options")),
            (POLICY.into(), "nosniff".into())
        );
        let wanted = match name.rsplit('.').next().unwrap() {
            "js" => "text/javascript; charset=utf-8",
            "css" => "text/css; charset=utf-8",
            "svg" => "image/svg+xml",
            other => panic!("a file of an unknown kind: {other}"),
        };
        assert_eq!(header("content-type"), wanted);
        assert_eq!(asset.bytes().await.unwrap(), built(&format!("assets/{name}")));
        assert_eq!(send(app.request("HEAD", &path)).await.status, 200, "{name}");
        // The document names each; a file that nobody asks for would only make the program larger.
        assert!(index.body.contains(&name) || !name.ends_with(".js"), "{name}");
    }
}

#[actix_web::test]
async fn packed_forms_are_those_that_were_built() {
    let app = app(|_| ()).await;
    let paths = assets().into_iter().map(|name| format!("assets/{name}")).chain(["index.html".to_owned()]);
    for name in paths {
        let path = if name == "index.html" { "/".to_owned() } else { format!("/{name}") };
        for (accept, coding, end) in [
            ("gzip, deflate, br, zstd", "br", ".br"),
            ("gzip", "gzip", ".gz"),
            ("br;q=0, gzip;q=0.5", "gzip", ".gz"),
            ("identity", "", ""),
            ("zstd", "", ""),
        ] {
            assert_eq!(
                bytes(&app, &path, accept).await,
                (coding.to_owned(), built(&format!("{name}{end}"))),
                "{path} {accept}"
            );
        }
        let plain = built(&name);
        let mut unpacked = Vec::new();
        brotli::BrotliDecompress(&mut built(&format!("{name}.br")).as_slice(), &mut unpacked).unwrap();
        assert_eq!(unpacked, plain, "{name}.br");
        unpacked.clear();
        let packed = built(&format!("{name}.gz"));
        std::io::Read::read_to_end(&mut flate2::read::GzDecoder::new(packed.as_slice()), &mut unpacked).unwrap();
        assert_eq!(unpacked, plain, "{name}.gz");
    }
}

#[actix_web::test]
async fn the_document_needs_nothing_from_elsewhere_and_works_below_a_path() {
    let text = String::from_utf8(built("index.html")).unwrap();
    for elsewhere in ["http:", "https:", "\"//", "src=\"/", "href=\"/", "<script>", "style=", "onclick", "javascript:"]
    {
        assert!(!text.contains(elsewhere), "{elsewhere} in {text}");
    }
    for name in assets().iter().filter(|name| name.ends_with(".css")) {
        let css = String::from_utf8(built(&format!("assets/{name}"))).unwrap();
        assert!(!css.contains("@import") && !css.contains("http"), "{name}");
    }
    // The issue's bound: what a browser loads before it shows anything.
    let scripts: usize = assets()
        .iter()
        .filter(|name| name.ends_with(".js"))
        .map(|name| built(&format!("assets/{name}.gz")).len())
        .sum();
    assert!(scripts <= 60_000, "{scripts} bytes of scripts, packed");
}

#[actix_web::test]
async fn other_names_are_not_found() {
    let app = app(|_| ()).await;
    for path in [
        "/assets/",
        "/assets/other.js",
        "/assets/index.html",
        "/assets/../index.html",
        "/assets/%2e%2e/index.html",
        "/assets/..%2findex.html",
        "/index.html",
        "/assets",
        "/dist/index.html",
    ] {
        assert_eq!(get(&app, path).await.status, 404, "{path}");
    }
    let br = format!("/assets/{}.br", assets()[0]);
    assert_eq!(get(&app, &br).await.status, 404, "{br}");
    for method in ["POST", "PUT", "DELETE"] {
        let reply = send(app.request(method, "/")).await;
        assert_eq!((reply.status, reply.header("allow")), (405, "GET, HEAD"), "{method}");
    }
}

#[actix_web::test]
async fn both_addresses_have_the_page_and_neither_where_it_is_off() {
    let asset = format!("/assets/{}", assets()[0]);
    for on in [true, false] {
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let app = app(|config| {
            config.http.page = on;
            config.http.operator_listen = Some(free);
        })
        .await;
        for url in [app.url.clone(), format!("http://{free}")] {
            for path in ["/", "/session", &asset] {
                let reply = send(app.client.get(format!("{url}{path}"))).await;
                assert_eq!(reply.status, if on { 200 } else { 404 }, "{url}{path}");
            }
        }
    }
}
