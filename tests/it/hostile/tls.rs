//! TLS and HTTP/2: handshakes, certificates, and streams that wait for a window.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use cdrscope::config::Config;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore, SupportedProtocolVersion, crypto, version};

use super::connections::{is_closed, with_metrics};
use super::{NOON, World, until};
use crate::support::TestApp;
use crate::support::app::API;

/// Writes a certificate for `localhost` and its key; gives the certificate.
fn certify(dir: &Path) -> CertificateDer<'static> {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    std::fs::write(dir.join("chain.pem"), made.cert.pem()).unwrap();
    std::fs::write(dir.join("key.pem"), made.signing_key.serialize_pem()).unwrap();
    made.cert.der().clone()
}

async fn app(dir: &Path) -> TestApp {
    app_with(dir, |config| config.http.write_seconds = 3).await
}

async fn app_with(dir: &Path, set: impl FnOnce(&mut Config)) -> TestApp {
    let (chain, key) = (dir.join("chain.pem"), dir.join("key.pem"));
    TestApp::start(|config| {
        config.http.tls_certificate_file = Some(chain);
        config.http.tls_key_file = Some(key);
        config.http.head_seconds = 2;
        with_metrics(config);
        set(config);
    })
    .await
}

async fn encrypted(
    app: &TestApp,
    root: &CertificateDer<'static>,
    protocol: &[u8],
    versions: &[&'static SupportedProtocolVersion],
) -> std::io::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots.add(root.clone()).unwrap();
    let mut config = ClientConfig::builder_with_provider(Arc::new(crypto::aws_lc_rs::default_provider()))
        .with_protocol_versions(versions)
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![protocol.to_vec()];
    let stream = TcpStream::connect(app.url.strip_prefix("https://").unwrap()).await.unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    TlsConnector::from(Arc::new(config)).connect(name, stream).await
}

#[actix_web::test]
async fn both_versions_and_both_protocols_are_spoken() {
    let dir = tempfile::tempdir().unwrap();
    let root = certify(dir.path());
    let app = app(dir.path()).await;
    for versions in [&[&version::TLS12], &[&version::TLS13]] {
        let mut stream = encrypted(&app, &root, b"http/1.1", versions).await.unwrap();
        stream.write_all(b"GET /health/live HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").await.unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).await.unwrap();
        assert!(text.starts_with("HTTP/1.1 200 OK"), "{text}");
    }
    let stream = encrypted(&app, &root, b"h2", &[&version::TLS13]).await.unwrap();
    assert_eq!(over_http2(stream, "/health/live", "").await, 200);
}

/// Asks over HTTP/2 and gives the status; the connection ends with it.
async fn over_http2(stream: TlsStream<TcpStream>, path: &str, token: &str) -> u16 {
    let (mut client, connection) = h2::client::handshake(stream).await.unwrap();
    let driver = tokio::spawn(connection);
    let request = http2_request(path, token);
    let (response, _) = client.send_request(request, true).unwrap();
    let status = response.await.unwrap().status().as_u16();
    driver.abort();
    status
}

fn http2_request(path: &str, token: &str) -> http::Request<()> {
    let uri = format!("https://localhost{path}");
    http::Request::get(uri).header("authorization", token).body(()).unwrap()
}

#[actix_web::test]
async fn lengths_that_differ_are_refused_over_http2_too() {
    let dir = tempfile::tempdir().unwrap();
    let root = certify(dir.path());
    let app = app(dir.path()).await;
    let body = r#"{"auth":{"login":"a","password":"b"}}"#;
    for (second, wanted) in [("3", 400), ("37", 401)] {
        let stream = encrypted(&app, &root, b"h2", &[&version::TLS13]).await.unwrap();
        let (mut client, connection) = h2::client::handshake(stream).await.unwrap();
        let driver = tokio::spawn(connection);
        let request = http::Request::post(format!("https://localhost{API}/auth"))
            .header("content-type", "application/json")
            .header("content-length", "37")
            .header("content-length", second);
        let (response, mut sending) = client.send_request(request.body(()).unwrap(), false).unwrap();
        sending.send_data(body.into(), true).unwrap();
        assert_eq!(response.await.unwrap().status().as_u16(), wanted, "{second}");
        driver.abort();
    }
}

#[actix_web::test]
async fn a_handshake_has_a_deadline() {
    let dir = tempfile::tempdir().unwrap();
    certify(dir.path());
    let app = app(dir.path()).await;
    let address = app.url.strip_prefix("https://").unwrap();
    let mut silent = TcpStream::connect(address).await.unwrap();
    let mut begun = TcpStream::connect(address).await.unwrap();
    begun.write_all(&[22, 3, 1, 2, 0]).await.unwrap();
    assert!(is_closed(&mut silent, Duration::from_secs(5)).await);
    assert!(is_closed(&mut begun, Duration::from_secs(5)).await);
}

#[actix_web::test]
async fn a_renewed_certificate_counts_without_a_restart_and_a_bad_one_does_not() {
    let dir = tempfile::tempdir().unwrap();
    let old = certify(dir.path());
    let app = app(dir.path()).await;
    assert!(encrypted(&app, &old, b"http/1.1", &[&version::TLS13]).await.is_ok());
    std::fs::write(dir.path().join("chain.pem"), "no certificate").unwrap();
    tokio::time::sleep(Duration::from_millis(1500)).await;
    assert!(encrypted(&app, &old, b"http/1.1", &[&version::TLS13]).await.is_ok());
    let new = certify(dir.path());
    until(Duration::from_secs(10), async || encrypted(&app, &new, b"http/1.1", &[&version::TLS13]).await.is_ok()).await;
    assert!(encrypted(&app, &old, b"http/1.1", &[&version::TLS13]).await.is_err());
}

#[actix_web::test]
async fn over_http2_too_a_query_ends_with_its_caller_and_a_stalled_reader_loses_its_memory() {
    let dir = tempfile::tempdir().unwrap();
    let root = certify(dir.path());
    let app = app(dir.path()).await;
    let account = app.account(1, 7).await;
    let token = app.token(7, &[]);
    let row = json!({ "id": 1, "customer_acc_id": 1, "customer_id": 7, "time_start": NOON, "duration": 60, "is_last_cdr": 1 });
    crate::support::insert(&app.admin, "cdrs", &row.to_string()).await;
    let large = format!(
        "{API}/origination-statistics-quality?account-id={account}&from-time={}&to-time={NOON}&sampling=minute",
        NOON - 40_000_000
    );
    until(Duration::from_secs(5), async || {
        let stream = encrypted(&app, &root, b"h2", &[&version::TLS13]).await.unwrap();
        over_http2(stream, &format!("{API}/outgoing-active-calls?account-id={account}"), &token).await == 200
    })
    .await;
    // The window of a stream holds 64 KiB; nobody takes more.
    let stream = encrypted(&app, &root, b"h2", &[&version::TLS13]).await.unwrap();
    let (mut client, connection) = h2::client::handshake(stream).await.unwrap();
    let driver = tokio::spawn(connection);
    let (response, _) = client.send_request(http2_request(&large, &token), true).unwrap();
    let _held = response.await.unwrap();
    tokio::time::timeout(Duration::from_secs(10), driver).await.expect("the connection is closed").unwrap().ok();

    let endless = "CREATE VIEW cdrs AS SELECT * FROM calls WHERE id NOT IN \
                   (SELECT max(sipHash64(number)) FROM numbers(1000000000000)) SETTINGS max_threads = 1";
    for sql in ["RENAME TABLE cdrs TO calls", endless] {
        app.admin.query_raw(sql).execute().await.unwrap();
    }
    let world = World { app, account, token };
    let stream = encrypted(&world.app, &root, b"h2", &[&version::TLS13]).await.unwrap();
    let (mut client, connection) = h2::client::handshake(stream).await.unwrap();
    let driver = tokio::spawn(connection);
    let sent = client.send_request(http2_request(&world.path(), &world.token), true).unwrap();
    world.until_running(1).await;
    driver.abort();
    drop((sent, client));
    until(Duration::from_secs(3), async || world.running().await == 0).await;

    // A browser that leaves a page resets the stream, and keeps the connection.
    let stream = encrypted(&world.app, &root, b"h2", &[&version::TLS13]).await.unwrap();
    let (mut client, connection) = h2::client::handshake(stream).await.unwrap();
    tokio::spawn(connection);
    let left = client.send_request(http2_request(&world.path(), &world.token), true).unwrap();
    world.until_running(1).await;
    drop(left);
    until(Duration::from_secs(3), async || world.running().await == 0).await;

    let panel = http::Request::post("https://localhost/grafana/query")
        .header("authorization", &world.token)
        .header("content-type", "application/json");
    let (left, mut body) = client.send_request(panel.body(()).unwrap(), false).unwrap();
    body.send_data(world.panel().into(), true).unwrap();
    world.until_running(1).await;
    drop((left, body));
    until(Duration::from_secs(3), async || world.running().await == 0).await;
    assert_eq!(client.send_request(http2_request("/health/live", ""), true).unwrap().0.await.unwrap().status(), 200);
}

/// A connection whose streams have no room for a byte of a body.
async fn without_window(app: &TestApp, root: &CertificateDer<'static>) -> h2::client::SendRequest<bytes::Bytes> {
    let stream = encrypted(app, root, b"h2", &[&version::TLS13]).await.unwrap();
    let mut builder = h2::client::Builder::new();
    let (client, connection) = builder.initial_window_size(0).handshake(stream).await.unwrap();
    tokio::spawn(connection);
    client
}

/// Sends requests all at once and gives the answers, by status, and what keeps them unread.
async fn at_once(
    client: &mut h2::client::SendRequest<bytes::Bytes>,
    count: usize,
    request: impl Fn() -> http::Request<()>,
) -> Vec<http::Response<h2::RecvStream>> {
    let mut sent = Vec::new();
    for _ in 0..count {
        std::future::poll_fn(|cx| client.poll_ready(cx)).await.unwrap();
        sent.push(client.send_request(request(), true).unwrap().0);
    }
    futures_util::future::try_join_all(sent).await.unwrap()
}

#[actix_web::test]
async fn streams_that_wait_for_a_window_are_counted_by_connection_and_by_address() {
    let dir = tempfile::tempdir().unwrap();
    let root = certify(dir.path());
    let app = app_with(dir.path(), |config| config.http.max_connections_per_address = 150).await;
    let mut held = Vec::new();
    for let_in in [100, 50] {
        let mut client = without_window(&app, &root).await;
        // The service tells how many streams a connection may have; this client keeps to it.
        let mut answers = at_once(&mut client, 100, || http2_request("/nothing", "")).await;
        // Refusals have no body, so that none of them waits as well.
        let refused: Vec<_> = answers.extract_if(.., |answer| answer.status() == 503).collect();
        assert_eq!((answers.len(), refused.len()), (let_in, 100 - let_in));
        assert!(refused.iter().all(|answer| answer.body().is_end_stream()));
        held.push((client, answers));
    }
    drop(held);
    until(Duration::from_secs(5), async || {
        let mut client = without_window(&app, &root).await;
        at_once(&mut client, 100, || http2_request("/nothing", "")).await.iter().all(|answer| answer.status() == 404)
    })
    .await;
}

#[actix_web::test]
async fn coders_of_unread_answers_count_in_memory_and_strangers_have_none() {
    let dir = tempfile::tempdir().unwrap();
    let root = certify(dir.path());
    let app = app_with(dir.path(), |config| config.limits.response_mb = 20).await;
    let account = app.account(1, 7).await;
    let token = app.token(7, &[]);
    let own = format!("{API}/outgoing-active-calls?account-id={account}");
    until(Duration::from_secs(5), async || {
        let stream = encrypted(&app, &root, b"h2", &[&version::TLS13]).await.unwrap();
        over_http2(stream, &own, &token).await == 200
    })
    .await;
    let coded = |path: &str, token: &str| {
        let mut request = http2_request(path, token);
        request.headers_mut().insert("accept-encoding", "br".parse().unwrap());
        request
    };
    let mut client = without_window(&app, &root).await;
    let strangers = at_once(&mut client, 30, || coded("/nothing", "")).await;
    assert!(strangers.iter().all(|answer| !answer.headers().contains_key("content-encoding")));
    // A customer has half of the memory: ten coders of a MiB and a little.
    let answers = at_once(&mut client, 60, || coded(&own, &token)).await;
    assert!(answers.iter().all(|answer| answer.status() == 200));
    let coders = answers.iter().filter(|answer| answer.headers().contains_key("content-encoding")).count();
    assert_eq!(coders, 9);
    let other = app.token(8, &[]);
    let theirs = app.account(2, 8).await;
    until(Duration::from_secs(5), async || {
        let path = format!("{API}/outgoing-active-calls?account-id={theirs}");
        let answers = at_once(&mut client.clone(), 1, || coded(&path, &other)).await;
        answers[0].status() == 200 && answers[0].headers().contains_key("content-encoding")
    })
    .await;
}

/// A small header that stands in the list very often, by its number in the table: 470,000 bytes that would become 17 MB.
#[actix_web::test]
async fn header_lists_are_bounded_before_they_are_decoded() {
    let dir = tempfile::tempdir().unwrap();
    let root = certify(dir.path());
    // The lists are long, and a busy machine takes more than two seconds to send one.
    let app = app_with(dir.path(), |config| config.http.head_seconds = 120).await;
    let stream = encrypted(&app, &root, b"h2", &[&version::TLS13]).await.unwrap();
    let (mut client, connection) = h2::client::Builder::new().handshake::<_, bytes::Bytes>(stream).await.unwrap();
    let driver = tokio::spawn(connection);
    let with = |count: usize, name: &dyn Fn(usize) -> String| {
        let mut request = http2_request("/health/live", "");
        for n in 0..count {
            let name = http::HeaderName::try_from(name(n)).unwrap();
            request.headers_mut().append(name, "x".parse().unwrap());
        }
        request
    };
    let few = client.send_request(with(500, &|_| "x-a".into()), true).unwrap().0.await.unwrap();
    assert_eq!(few.status(), 200);
    // As many fields as a map of distinct names no longer holds, and one name as often.
    for request in [with(24_000, &|n| format!("x-{n}")), with(20_000, &|_| "x-a".into())] {
        let stream = encrypted(&app, &root, b"h2", &[&version::TLS13]).await.unwrap();
        let (mut client, connection) = h2::client::Builder::new().handshake::<_, bytes::Bytes>(stream).await.unwrap();
        tokio::spawn(connection);
        let answer = client.send_request(request, true).unwrap().0.await;
        assert!(answer.is_err() || answer.is_ok_and(|answer| answer.status() == 431));
    }
    let still = client.send_request(http2_request("/health/live", ""), true).unwrap().0.await.unwrap();
    assert_eq!(still.status(), 200);
    driver.abort();
}

/// What floods a connection leaves time for others, and has to wait for its turn.
#[actix_web::test]
async fn a_flood_of_refused_requests_leaves_time_for_others() {
    let dir = tempfile::tempdir().unwrap();
    let root = certify(dir.path());
    let app = app_with(dir.path(), |config| config.http.strangers_per_second = 50).await;
    let stream = encrypted(&app, &root, b"h2", &[&version::TLS13]).await.unwrap();
    let (client, connection) = h2::client::handshake(stream).await.unwrap();
    tokio::spawn(connection);
    let answered = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let flood = {
        let answered = Arc::clone(&answered);
        async move {
            for _ in 0..20 {
                let mut client = client.clone();
                let answers = at_once(&mut client, 50, || http2_request("/nothing", "bad")).await;
                answered.fetch_add(answers.len(), std::sync::atomic::Ordering::Relaxed);
            }
        }
    };
    let flood = tokio::task::spawn_local(flood);
    // Ten seconds' worth at once, and then fifty a second.
    until(Duration::from_secs(10), async || answered.load(std::sync::atomic::Ordering::Relaxed) >= 500).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let so_far = answered.load(std::sync::atomic::Ordering::Relaxed);
    assert!(so_far < 700, "{so_far}");
    flood.abort();
}

#[actix_web::test]
async fn a_flood_of_handshakes_leaves_time_for_others() {
    let dir = tempfile::tempdir().unwrap();
    let root = certify(dir.path());
    let app = app_with(dir.path(), |config| {
        config.http.strangers_per_second = 5;
        config.http.head_seconds = 60;
    })
    .await;
    let done = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let shake = |done: Arc<std::sync::atomic::AtomicUsize>| {
        let (app, root) = (&app, &root);
        async move {
            for _ in 0..40 {
                drop(encrypted(app, root, b"http/1.1", &[&version::TLS13]).await);
                done.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            }
        }
    };
    let flood = futures_util::future::join_all((0..10).map(|_| shake(Arc::clone(&done))));
    // Ten seconds' worth at once, and then five a second.
    let _ended = tokio::time::timeout(Duration::from_secs(3), flood).await;
    let so_far = done.load(std::sync::atomic::Ordering::Relaxed);
    assert!((50..150).contains(&so_far), "{so_far}");
}

/// Everything of a response: status, headers, and the body read piece by piece.
async fn whole(
    client: &mut h2::client::SendRequest<bytes::Bytes>,
    request: http::Request<()>,
    body: Option<Vec<u8>>,
) -> (http::response::Parts, Vec<u8>) {
    let (response, mut sending) = client.send_request(request, body.is_none()).unwrap();
    if let Some(body) = body {
        // What the window has no room for waits in the client.
        sending.send_data(body.into(), true).unwrap();
    }
    let (head, mut body) = response.await.unwrap().into_parts();
    let mut text = Vec::new();
    while let Some(piece) = body.data().await {
        let piece = piece.unwrap();
        body.flow_control().release_capacity(piece.len()).unwrap();
        text.extend_from_slice(&piece);
    }
    (head, text)
}

#[actix_web::test]
async fn what_http2_answers_is_whole_whatever_the_windows_and_bodies() {
    let dir = tempfile::tempdir().unwrap();
    let root = certify(dir.path());
    let app = app_with(dir.path(), |_| ()).await;
    let account = app.account(1, 7).await;
    let token = app.token(7, &[]);
    let row = json!({ "id": 1, "customer_acc_id": 1, "customer_id": 7, "time_start": NOON, "duration": 60, "is_last_cdr": 1 });
    crate::support::insert(&app.admin, "cdrs", &row.to_string()).await;
    until(Duration::from_secs(5), async || {
        let stream = encrypted(&app, &root, b"h2", &[&version::TLS13]).await.unwrap();
        over_http2(stream, &format!("{API}/outgoing-active-calls?account-id={account}"), &token).await == 200
    })
    .await;
    let stream = encrypted(&app, &root, b"h2", &[&version::TLS13]).await.unwrap();
    let mut builder = h2::client::Builder::new();
    // Thousands of window updates come for one answer.
    let (mut client, connection) =
        builder.initial_window_size(1024).handshake::<_, bytes::Bytes>(stream).await.unwrap();
    tokio::spawn(connection);
    let large = format!(
        "{API}/origination-statistics-quality?account-id={account}&from-time={}&to-time={NOON}&sampling=minute",
        NOON - 4_000_000
    );
    let (head, text) = whole(&mut client, http2_request(&large, &token), None).await;
    assert_eq!(head.status, 200);
    assert_eq!(head.headers["content-length"].to_str().unwrap(), text.len().to_string());
    assert!(text.len() > 1_500_000 && head.headers.contains_key("date"), "{}", text.len());
    let mut again = http2_request(&large, &token);
    again.headers_mut().insert("if-none-match", head.headers["etag"].clone());
    let (head, text) = whole(&mut client, again, None).await;
    assert_eq!((head.status.as_u16(), text.len(), head.headers.get("content-length")), (304, 0, None));

    // A cookie is renewed.
    let mut request = http2_request(&format!("{API}/auth"), "");
    request.headers_mut().insert("cookie", format!("_yeti_customer_v1_session={token}").parse().unwrap());
    let (head, text) = whole(&mut client, request, None).await;
    assert_eq!((head.status.as_u16(), text.as_slice()), (200, &b"{}"[..]));
    assert!(head.headers["set-cookie"].to_str().unwrap().starts_with("_yeti_customer_v1_session="));

    // Bodies that are not wanted end no connection.
    let post = |path: &str| {
        let request = http::Request::post(format!("https://localhost{path}")).header("authorization", &token);
        request.header("content-type", "application/json").body(()).unwrap()
    };
    for (path, bytes, status) in
        [("/nothing", 3, 404), ("/nothing", 200_000, 404), ("/grafana/query", 1_100_000, 413), ("/health/live", 9, 405)]
    {
        let (head, _) = whole(&mut client, post(path), Some(vec![b' '; bytes])).await;
        assert_eq!(head.status, status, "{path} {bytes}");
    }
    let many = (0..12).map(|_| {
        let (mut client, request) = (client.clone(), http2_request(&large, &token));
        async move { whole(&mut client, request, None).await }
    });
    let many = futures_util::future::join_all(many).await;
    assert!(many.iter().all(|(head, text)| head.status == 200 && text.len() == many[0].1.len()));
}
