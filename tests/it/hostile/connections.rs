//! Connections: silent, stalled, many, or gone while their query runs.

use std::sync::Arc;
use std::time::{Duration, Instant};

use cdrscope::config::value::Secret;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::{NOON, World, until};
use crate::support::TestApp;
use crate::support::app::API;
use crate::support::http::send;

const METRICS: &str = "0123456789abcdef";

/// The address of a service, as sockets want it.
fn address(app: &TestApp) -> String {
    app.url.strip_prefix("http://").unwrap().to_owned()
}

async fn connect(app: &TestApp, text: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address(app)).await.unwrap();
    stream.write_all(text.as_bytes()).await.unwrap();
    stream
}

fn get(path: &str, token: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: {token}\r\n\r\n")
}

/// Reads until the service closes, for a while; true if it did.
async fn is_closed(stream: &mut TcpStream, limit: Duration) -> bool {
    let rest = async {
        let mut buffer = [0; 4096];
        while let Ok(1..) = stream.read(&mut buffer).await {}
    };
    tokio::time::timeout(limit, rest).await.is_ok()
}

/// A metric's value.
async fn metric(app: &TestApp, line: &str) -> f64 {
    let request = app.request("GET", "/metrics").header("Authorization", format!("Bearer {METRICS}"));
    let text = send(request).await.body;
    let found = text.lines().find_map(|found| found.strip_prefix(line)?.strip_prefix(' '));
    found.unwrap_or_else(|| panic!("{line} not in {text}")).parse().unwrap()
}

fn with_metrics(config: &mut cdrscope::config::Config) {
    config.metrics.enabled = true;
    config.metrics.token = Secret::new(METRICS);
}

#[actix_web::test]
async fn a_head_that_does_not_arrive_ends_its_connection_on_new_and_on_used_ones() {
    let app = TestApp::start(|config| {
        config.http.head_seconds = 1;
        with_metrics(config);
    })
    .await;
    let live = "GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n";
    let mut silent = Vec::new();
    // Nothing at all; a byte; a request and then a byte, apart and together with it; a head that drips.
    for text in ["", "G"] {
        silent.push(connect(&app, text).await);
    }
    let mut used = connect(&app, live).await;
    assert!(used.read(&mut [0; 1024]).await.unwrap() > 0);
    used.write_all(b"G").await.unwrap();
    silent.push(used);
    silent.push(connect(&app, "POST /grafana/query HTTP/1.1\r\nHost: x\r\nX-Long: ").await);
    let drips = connect(&app, live).await;
    let (mut reads, mut writes) = drips.into_split();
    let drip = tokio::spawn(async move {
        while writes.write_all(b"x").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    });
    let start = Instant::now();
    for stream in &mut silent {
        assert!(is_closed(stream, Duration::from_secs(4)).await);
    }
    let mut rest = Vec::new();
    tokio::time::timeout(Duration::from_secs(4), reads.read_to_end(&mut rest)).await.unwrap().ok();
    assert!(start.elapsed() >= Duration::from_millis(700), "closed too early");
    drip.await.unwrap();
    assert!(metric(&app, "cdrscope_connections_closed_total{reason=\"head\"}").await >= 4.0);
}

#[actix_web::test]
async fn an_idle_connection_stays_for_keep_alive_and_no_longer() {
    let app = TestApp::start(|config| config.http.keep_alive_seconds = 2).await;
    let mut stream = connect(&app, "GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n").await;
    assert!(!is_closed(&mut stream, Duration::from_millis(1500)).await);
    assert!(is_closed(&mut stream, Duration::from_secs(4)).await);
}

#[actix_web::test]
async fn silent_connections_beyond_the_bound_keep_nobody_out() {
    let app = TestApp::start(|config| {
        config.http.max_connections = 40;
        with_metrics(config);
    })
    .await;
    let live = "GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n";
    let mut silent = Vec::new();
    for _ in 0..200 {
        silent.push(connect(&app, &format!("{live}G")).await);
    }
    for _ in 0..5 {
        let start = Instant::now();
        assert_eq!(send(app.request("GET", "/health/live")).await.status, 200);
        assert!(start.elapsed() < Duration::from_secs(1), "{:?}", start.elapsed());
    }
    assert!(metric(&app, "cdrscope_connections").await <= 40.0);
    assert!(metric(&app, "cdrscope_connections_closed_total{reason=\"full\"}").await >= 160.0);
}

#[actix_web::test]
async fn an_address_has_a_bound_of_its_own() {
    let app = TestApp::start(|config| {
        config.http.max_connections_per_address = 10;
        with_metrics(config);
    })
    .await;
    let mut all = Vec::new();
    for _ in 0..30 {
        all.push(connect(&app, "G").await);
    }
    assert_eq!(send(app.request("GET", "/health/live")).await.status, 200);
    assert!(metric(&app, "cdrscope_connections").await <= 10.0);
    assert!(metric(&app, "cdrscope_connections_closed_total{reason=\"address\"}").await >= 20.0);
}

#[actix_web::test]
async fn behind_a_proxy_the_forwarded_address_is_bounded() {
    let world = World::start(1, |config| {
        config.http.max_connections_per_address = 2;
        config.http.trusted_proxies = vec!["127.0.0.1/32".parse().unwrap()];
        config.cache.enabled = false;
    })
    .await;
    world.make_endless().await;
    let ask = |forwarded: &str| {
        let head = format!("Host: x\r\nX-Forwarded-For: {forwarded}");
        get(&world.path(), &world.token).replace("Host: x", &head)
    };
    let _held = [connect(&world.app, &ask("192.0.2.1")).await, connect(&world.app, &ask("192.0.2.1")).await];
    world.until_running(2).await;
    for (forwarded, status) in [("192.0.2.1", 503), ("192.0.2.2", 200)] {
        let request = world.app.request("GET", "/health/live").header("X-Forwarded-For", forwarded);
        assert_eq!(send(request).await.status, status, "{forwarded}");
    }
}

#[actix_web::test]
async fn readers_that_stall_lose_their_connection_and_their_memory() {
    let world = World::start(1, |config| {
        config.http.write_seconds = 1;
        with_metrics(config);
    })
    .await;
    // 16 MB of text, which no socket buffers.
    let path = format!(
        "{API}/origination-statistics-quality?account-id={}&from-time={}&to-time={NOON}&sampling=minute",
        world.account,
        NOON - 40_000_000
    );
    let mut stalled = Vec::new();
    for _ in 0..3 {
        stalled.push(connect(&world.app, &get(&path, &world.token)).await);
    }
    let used = "cdrscope_supply_used{what=\"response_bytes\"}";
    until(Duration::from_secs(20), async || metric(&world.app, used).await > 0.0).await;
    until(Duration::from_secs(20), async || metric(&world.app, used).await == 0.0).await;
    until(Duration::from_secs(5), async || {
        metric(&world.app, "cdrscope_connections_closed_total{reason=\"stalled\"}").await >= 3.0
    })
    .await;
    // A reader that takes what comes gets it whole.
    let whole = world.app.get(&path, &world.token).await;
    assert_eq!((whole.status, whole.json()["rows"].as_u64()), (200, Some(666_668)));
}

/// One that takes a little now and then is as bad as one that takes nothing.
#[actix_web::test]
async fn readers_that_drip_lose_their_connection_too() {
    let world = World::start(1, |config| {
        config.http.write_seconds = 1;
        with_metrics(config);
    })
    .await;
    let path = format!(
        "{API}/origination-statistics-quality?account-id={}&from-time={}&to-time={NOON}&sampling=minute",
        world.account,
        NOON - 40_000_000
    );
    let mut stream = connect(&world.app, &get(&path, &world.token)).await;
    let closed = until(Duration::from_secs(30), async || {
        metric(&world.app, "cdrscope_connections_closed_total{reason=\"stalled\"}").await >= 1.0
    });
    let drip = async {
        let mut byte = [0; 512];
        loop {
            tokio::time::sleep(Duration::from_millis(100)).await;
            if !matches!(stream.read(&mut byte).await, Ok(1..)) {
                break;
            }
        }
    };
    tokio::select! {
        _ = closed => {}
        () = drip => {}
    }
}

/// Ends a connection as a caller that closes it does, or with a reset.
fn leave(stream: TcpStream, with_reset: bool) {
    if with_reset {
        rustix::net::sockopt::set_socket_linger(&stream, Some(Duration::ZERO)).unwrap();
    }
    drop(stream);
}

#[actix_web::test]
async fn a_query_ends_when_its_caller_leaves() {
    let world = World::start(1, with_metrics).await;
    let account = world.account;
    let range = r#"{"from":"2026-01-01T12:00:00.000Z","to":"2026-01-01T13:00:00.000Z"}"#;
    let body = format!(
        r#"{{"range":{range},"targets":[{{"refId":"A","target":"asr","payload":{{"account":"{account}"}}}}]}}"#
    );
    let grafana = format!(
        "POST /grafana/query HTTP/1.1\r\nHost: x\r\nAuthorization: {}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        world.token,
        body.len()
    );
    // A body that nobody reads, with more to come, does not hide that the caller leaves.
    let with_body =
        get(&world.path(), &world.token).replace("Host: x", "Host: x\r\nContent-Length: 3000000") + &"x".repeat(20_000);
    let pipelined = get(&world.path(), &world.token).repeat(20);
    world.make_endless().await;
    for request in [get(&world.path(), &world.token), grafana, with_body, pipelined] {
        for with_reset in [false, true] {
            let stream = connect(&world.app, &request).await;
            world.until_running(1).await;
            leave(stream, with_reset);
            let took = until(Duration::from_secs(3), async || world.running().await == 0).await;
            assert!(took < Duration::from_secs(1), "{took:?} after {}", request.split('\r').next().unwrap());
        }
    }
    // Their slots are free again.
    let line = "cdrscope_supply_used{what=\"queries\"}";
    until(Duration::from_secs(2), async || metric(&world.app, line).await == 0.0).await;
}

#[actix_web::test]
async fn the_figures_of_accounts_end_when_the_scraper_leaves() {
    let world = World::start(1, |config| {
        with_metrics(config);
        config.metrics.accounts = cdrscope::config::Watched::All;
    })
    .await;
    world.make_endless().await;
    let stream = connect(&world.app, &get("/metrics", &format!("Bearer {METRICS}"))).await;
    until(Duration::from_secs(10), async || world.running().await > 0).await;
    leave(stream, false);
    until(Duration::from_secs(3), async || world.running().await == 0).await;
}

#[actix_web::test]
async fn a_caller_that_sends_on_while_it_is_answered_is_cut_off() {
    let world = World::start(1, |config| {
        config.cache.enabled = false;
        with_metrics(config);
    })
    .await;
    world.make_endless().await;
    let mut stream = connect(&world.app, &get(&world.path(), &world.token)).await;
    world.until_running(1).await;
    let more = get(&world.path(), &world.token).repeat(4000);
    stream.write_all(more.as_bytes()).await.ok();
    until(Duration::from_secs(5), async || {
        metric(&world.app, "cdrscope_connections_closed_total{reason=\"flood\"}").await >= 1.0
    })
    .await;
    until(Duration::from_secs(3), async || world.running().await == 0).await;
}

mod tls {
    use std::path::Path;

    use tokio_rustls::TlsConnector;
    use tokio_rustls::client::TlsStream;
    use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
    use tokio_rustls::rustls::{ClientConfig, RootCertStore, SupportedProtocolVersion, crypto, version};

    use super::*;

    /// Writes a certificate for `localhost` and its key; gives the certificate.
    fn certify(dir: &Path) -> CertificateDer<'static> {
        let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        std::fs::write(dir.join("chain.pem"), made.cert.pem()).unwrap();
        std::fs::write(dir.join("key.pem"), made.signing_key.serialize_pem()).unwrap();
        made.cert.der().clone()
    }

    async fn app(dir: &Path) -> TestApp {
        let (chain, key) = (dir.join("chain.pem"), dir.join("key.pem"));
        TestApp::start(|config| {
            config.http.tls_certificate_file = Some(chain);
            config.http.tls_key_file = Some(key);
            config.http.head_seconds = 2;
            config.http.write_seconds = 1;
            with_metrics(config);
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
            stream
                .write_all(b"GET /health/live HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
                .await
                .unwrap();
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
        until(Duration::from_secs(10), async || encrypted(&app, &new, b"http/1.1", &[&version::TLS13]).await.is_ok())
            .await;
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
    }
}
