//! Connections: silent, stalled, many, or gone while their query runs.

use std::time::{Duration, Instant};

use cdrscope::config::value::Secret;
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
pub(super) async fn is_closed(stream: &mut TcpStream, limit: Duration) -> bool {
    let rest = async {
        let mut buffer = [0; 4096];
        while let Ok(1..) = stream.read(&mut buffer).await {}
    };
    tokio::time::timeout(limit, rest).await.is_ok()
}

/// A metric's value.
pub(super) async fn metric(app: &TestApp, line: &str) -> f64 {
    let request = app.request("GET", "/metrics").header("Authorization", format!("Bearer {METRICS}"));
    let text = send(request).await.body;
    let found = text.lines().find_map(|found| found.strip_prefix(line)?.strip_prefix(' '));
    found.unwrap_or_else(|| panic!("{line} not in {text}")).parse().unwrap()
}

pub(super) fn with_metrics(config: &mut cdrscope::config::Config) {
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
        assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
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

/// A service that waits three seconds for readers, and the path of 16 MB of text, which no socket buffers.
async fn impatient() -> (World, String) {
    let world = World::start(1, |config| {
        config.http.write_seconds = 3;
        with_metrics(config);
    })
    .await;
    let path = format!(
        "{API}/origination-statistics-quality?account-id={}&from-time={}&to-time={NOON}&sampling=minute",
        world.account,
        NOON - 40_000_000
    );
    (world, path)
}

#[actix_web::test]
async fn readers_that_stall_lose_their_connection_and_their_memory() {
    let (world, path) = impatient().await;
    let mut stalled = Vec::new();
    for _ in 0..3 {
        stalled.push(connect(&world.app, &get(&path, &world.token)).await);
    }
    let used = "cdrscope_supply_used{what=\"response_bytes\"}";
    let stalled_ones = "cdrscope_connections_closed_total{reason=\"stalled\"}";
    // On a busy machine the first is closed before anybody looks at the memory.
    until(Duration::from_secs(60), async || {
        metric(&world.app, used).await > 0.0 || metric(&world.app, stalled_ones).await >= 1.0
    })
    .await;
    until(Duration::from_secs(60), async || metric(&world.app, stalled_ones).await >= 3.0).await;
    until(Duration::from_secs(20), async || metric(&world.app, used).await == 0.0).await;
    // A reader that takes what comes gets it whole.
    let whole = world.app.get(&path, &world.token).await;
    assert_eq!((whole.status, whole.json()["rows"].as_u64()), (200, Some(666_668)));
}

/// One that takes a little now and then is as bad as one that takes nothing.
#[actix_web::test]
async fn readers_that_drip_lose_their_connection_too() {
    let (world, path) = impatient().await;
    let mut stream = connect(&world.app, &get(&path, &world.token)).await;
    let closed = until(Duration::from_secs(90), async || {
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
    let body = world.panel();
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
        config.metrics.accounts = cdrscope::config::WatchedAccounts::All;
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
