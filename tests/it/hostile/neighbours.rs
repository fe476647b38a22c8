//! What callers could learn of each other, and what stands between them and the service.

use cdrscope::config::value::Value;
use reqwest::header::HeaderMap;
use serde_json::json;

use crate::cache::{calls, calls_of};
use crate::support::app::API;
use crate::support::http::send;
use crate::support::{Reply, TestApp};

const CUSTOMER: u32 = 1;
const ACCOUNT: u32 = 11;

/// Everything of an answer that may say something: not the id and the time of this request.
fn told(headers: &HeaderMap) -> Vec<(String, String)> {
    let own = ["x-request-id", "x-runtime", "date"];
    let mut all: Vec<_> = headers
        .iter()
        .filter(|(name, _)| !own.contains(&name.as_str()))
        .map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()))
        .collect();
    all.sort();
    all
}

#[actix_web::test]
async fn an_answer_does_not_tell_that_another_customer_called() {
    let app = TestApp::start(|config| config.cache.fresh_seconds = 0).await;
    let account = app.account(ACCOUNT, CUSTOMER).await;
    app.account(12, 2).await;
    let token = app.token(CUSTOMER, &[]);
    app.until_known(account, &token).await;
    let now = time::OffsetDateTime::now_utc().unix_timestamp();
    let run = async |sql: &str| app.admin.query_raw(sql).execute().await.unwrap();
    run(&calls(1, now - 7200, 10, 300)).await;
    let report = format!(
        "{API}/origination-statistics-quality?account-id={account}&from-time={}&to-time={}&sampling=minute",
        now - 86_400,
        now - 60
    );
    let dashboard = json!({
        "range": { "from": (now - 86_400) * 1000, "to": (now - 60) * 1000 }, "intervalMs": 60000, "maxDataPoints": 1500,
        "targets": [{ "refId": "A", "target": "total_calls", "payload": { "sampling": "minute" } }],
    });
    let rounds = async |token: &str| {
        let mut seen = Vec::new();
        for round in 0..3 {
            // The second is from memory; before the third another customer called.
            if round == 2 {
                run(&calls_of(2, 12, 50_000 + now as u64, now - 3600, 10, 5)).await;
            }
            let reply = app.get(&report, token).await;
            assert_eq!(reply.status, 200, "{}", reply.body);
            let request = app.request("POST", "/grafana/query").header("Authorization", token);
            let panel = send(request.body(dashboard.to_string())).await;
            assert_eq!(panel.status, 200, "{}", panel.body);
            seen.push((told(&reply.headers), reply.body, told(&panel.headers), panel.body));
        }
        seen
    };
    let seen = rounds(&token).await;
    assert!(seen.iter().all(|one| *one == seen[0]), "{seen:#?}");
    assert!(!seen[0].0.iter().any(|(name, _)| ["x-cache", "age"].contains(&name.as_str())), "{:?}", seen[0].0);
    // Who may ask how answers are come by sees it, so there was something to hide.
    let seen = rounds(&app.debug_token(CUSTOMER)).await;
    let used = |i: usize| {
        let headers: &[(String, String)] = &seen[i].0;
        headers.iter().find(|(name, _)| name == "x-cache").map(|(_, value)| value.clone()).unwrap()
    };
    assert_eq!([used(1), used(2)], ["hit", "partial"]);
    assert!(seen[1].3.contains(r#""cache":"hit""#) && seen[2].3.contains(r#""cache":"partial""#));
}

#[actix_web::test]
async fn forwarded_addresses_may_have_a_port_or_brackets() {
    let app = TestApp::start(|config| {
        config.http.trusted_proxies =
            ["127.0.0.1/32", "10.0.0.0/8", "2001:db8:1::/48"].map(|net| net.parse().unwrap()).into()
    })
    .await;
    let account = app.account(ACCOUNT, CUSTOMER).await;
    app.until_known(account, &app.token(CUSTOMER, &[])).await;
    let path = format!("{API}/outgoing-active-calls?account-id={account}");
    let bound = |net: &str| {
        let issue = cdrscope::token::Issue::Grant {
            customer_id: CUSTOMER,
            account_ids: Vec::new(),
            allowed_ips: vec![net.to_owned()],
            debug: false,
        };
        app.sign(&issue, 600)
    };
    let (four, six) = (bound("198.51.100.7"), bound("2001:db8::7"));
    let ask = async |token: &str, name: &str, value: &str| {
        send(app.request("GET", &path).header("Authorization", token).header(name, value)).await.status
    };
    for (token, other, spelled) in [
        (&four, &six, "198.51.100.7"),
        (&four, &six, "198.51.100.7:51324"),
        (&four, &six, "\"198.51.100.7:51324\""),
        (&four, &six, "::ffff:198.51.100.7"),
        (&four, &six, "[::ffff:198.51.100.7]:443"),
        (&six, &four, "2001:db8::7"),
        (&six, &four, "2001:DB8:0::7"),
        (&six, &four, "[2001:db8::7]"),
        (&six, &four, "[2001:db8::7]:443"),
        (&six, &four, "\"[2001:db8::7]:443\""),
    ] {
        for list in [
            spelled.to_owned(),
            format!("192.0.2.1:9, {spelled} , 10.1.2.3:80"),
            format!("unknown,{spelled},[2001:db8:1::2]:8080,10.0.0.1"),
        ] {
            assert_eq!(ask(token, "X-Forwarded-For", &list).await, 200, "{list}");
            assert_eq!(ask(other, "X-Forwarded-For", &list).await, 401, "{list}");
        }
        assert_eq!(ask(token, "X-Real-IP", spelled).await, 200, "{spelled}");
    }
    // What does not read is no address, and neither is what stands before it.
    for broken in [
        "unknown",
        "_hidden",
        "198.51.100.7:",
        "198.51.100.7:65536",
        "198.51.100.7:+1",
        "198.51.100.7:x",
        "198.51.100.7:1:2",
        "198.51.100.07",
        "198.51.100",
        "[198.51.100.7]",
        "[198.51.100.7]:80",
        "[2001:db8::7",
        "2001:db8::7]",
        "[2001:db8::7]443",
        "[2001:db8::7]:",
        "[2001:db8::7]:99999",
        "[[2001:db8::7]]",
        "2001:db8::7%eth0",
        "\"198.51.100.7",
        "",
        " ",
    ] {
        for list in [broken.to_owned(), format!("198.51.100.7, {broken}"), format!("2001:db8::7,{broken},10.0.0.1:1")] {
            for token in [&four, &six] {
                assert_eq!(ask(token, "X-Forwarded-For", &list).await, 401, "{list:?}");
            }
        }
        assert_eq!(ask(&four, "X-Real-IP", broken).await, 401, "{broken:?}");
    }
}

#[actix_web::test]
async fn paths_of_the_customer_api_may_end_in_json() {
    let app = TestApp::start(|config| {
        config.metrics.enabled = true;
        config.metrics.token = cdrscope::config::value::Secret::new("0123456789abcdef");
    })
    .await;
    let account = app.account(ACCOUNT, CUSTOMER).await;
    let token = app.token(CUSTOMER, &[]);
    app.until_known(account, &token).await;
    for report in cdrscope::report::REPORTS {
        let query = format!("account-id={account}&from-time=2026-01-01&to-time=2026-01-01T01:00:00Z&sampling=minute");
        let plain = app.get(&format!("{API}/{}?{query}", report.name), &token).await;
        let suffix = app.get(&format!("{API}/{}.json?{query}", report.name), &token).await;
        assert_eq!(
            (suffix.status, &suffix.body, suffix.header("etag")),
            (plain.status, &plain.body, plain.header("etag"))
        );
        assert_eq!(told(&suffix.headers), told(&plain.headers), "{}", report.name);
        let path = format!("{API}/{}.json", report.name);
        assert_eq!(app.get(&path, "").await.status, 401);
        let other = send(app.request("DELETE", &path)).await;
        assert_eq!((other.status, other.header("allow")), (405, "GET, HEAD"));
        let head = send(app.request("HEAD", &format!("{path}?{query}")).header("Authorization", &token)).await;
        assert_eq!(head.status, plain.status);
    }
    let login = format!("{API}/auth.json");
    assert_eq!(app.get(&login, &token).await.body, "{}");
    assert_eq!(send(app.request("DELETE", &login)).await.status, 204);
    assert_eq!(send(app.request("POST", &login).body("{}")).await.status, 400);
    let other = send(app.request("PATCH", &login)).await;
    assert_eq!((other.status, other.header("allow")), (405, "GET, HEAD, POST, DELETE"));
    for unknown in [
        "origination-statistics.xml",
        "origination-statistics.",
        "origination-statistics.json.json",
        ".json",
        "nothing.json",
    ] {
        assert_eq!(app.get(&format!("{API}/{unknown}"), &token).await.status, 404, "{unknown}");
    }
    // Either is counted as the one path.
    let metrics = app.get("/metrics", "Bearer 0123456789abcdef").await.body;
    assert!(metrics.contains(r#"route="/api/rest/customer/v1/origination-statistics""#), "{metrics}");
    assert!(!metrics.contains(".json\""), "{metrics}");
}

#[actix_web::test]
async fn pages_of_listed_origins_may_call_and_no_others() {
    let listed = "https://portal.example.net";
    let app = TestApp::start(|config| {
        config.http.cors_origins = [listed, "http://localhost:3000"].map(|origin| Value::parse(origin).unwrap()).into();
        config.limits.requests_per_second = 5;
    })
    .await;
    let account = app.account(ACCOUNT, CUSTOMER).await;
    let token = app.token(CUSTOMER, &[]);
    app.until_known(account, &app.token(CUSTOMER, &[ACCOUNT])).await;
    let report = format!("{API}/origination-statistics");
    let preflight = async |path: &str, origin: &str| {
        let request =
            app.request("OPTIONS", path).header("Origin", origin).header("Access-Control-Request-Method", "GET");
        send(request.header("Access-Control-Request-Headers", "authorization,if-none-match")).await
    };
    for (path, methods) in [
        (report.as_str(), "GET, HEAD"),
        (&format!("{report}.json"), "GET, HEAD"),
        (&format!("{API}/auth"), "GET, HEAD, POST, DELETE"),
        ("/grafana/query", "POST"),
        ("/openapi.json", "GET, HEAD"),
    ] {
        let reply = preflight(path, listed).await;
        assert_eq!((reply.status, reply.body.as_str()), (204, ""), "{path}");
        for (name, value) in [
            ("access-control-allow-origin", listed),
            ("access-control-allow-credentials", "true"),
            ("access-control-allow-methods", methods),
            (
                "access-control-allow-headers",
                "Authorization, Content-Type, If-None-Match, If-Range, Range, X-Request-Id",
            ),
            ("access-control-max-age", "600"),
            ("vary", "Origin, Access-Control-Request-Method, Access-Control-Request-Headers"),
            ("x-frame-options", "SAMEORIGIN"),
        ] {
            assert_eq!(reply.header(name), value, "{path} {name}");
        }
    }
    // What is no preflight of a listed origin for a path that there is gets what it gets without CORS.
    let others = [
        "https://portal.example.net.evil.example",
        "http://portal.example.net",
        "https://portal.example.net:8443",
        "https://PORTAL.example.net",
        "https://evil.example",
        "null",
        "*",
        "",
    ];
    for origin in others {
        let reply = preflight(&report, origin).await;
        assert_eq!((reply.status, reply.header("allow")), (405, "GET, HEAD"), "{origin}");
        assert_eq!((granted(&reply), reply.header("vary")), (Vec::new(), "Origin"), "{origin}");
    }
    assert_eq!(preflight("/nowhere", listed).await.status, 404);
    assert_eq!(send(app.request("OPTIONS", &report).header("Origin", listed)).await.status, 405);
    // The calls themselves, whatever becomes of them.
    let query = format!("account-id={account}&from-time=2026-01-01&to-time=2026-01-02&sampling=hour");
    let call = async |query: &str, token: &str, origin: &str| {
        let request = app.request("GET", &format!("{report}?{query}")).header("Origin", origin);
        send(request.header("Authorization", token)).await
    };
    let mut statuses = Vec::new();
    let mut replies = vec![
        call(&query, &token, listed).await,
        call(&query, &token, "http://localhost:3000").await,
        call("", &token, listed).await,
        call(&query, "", listed).await,
        preflight("/nowhere", listed).await,
        send(app.request("PUT", &report).header("Origin", listed)).await,
        send(
            app.request("GET", &report)
                .header("Origin", listed)
                .header("Accept-Encoding", "identity;q=0, *;q=0")
                .header("Authorization", &token),
        )
        .await,
    ];
    for _ in 0..8 {
        replies.push(call(&query, &token, listed).await);
    }
    for (place, reply) in replies.iter().enumerate() {
        let origin = if place == 1 { "http://localhost:3000" } else { listed };
        assert_eq!(reply.header("access-control-allow-origin"), origin, "{} {}", reply.status, reply.body);
        assert_eq!(reply.header("access-control-allow-credentials"), "true");
        assert!(reply.header("access-control-expose-headers").contains("ETag, Link, Location, "));
        let vary: Vec<_> = reply.headers.get_all("vary").iter().map(|value| value.to_str().unwrap()).collect();
        assert!(vary.contains(&"Origin"), "{} {vary:?}", reply.status);
        statuses.push(reply.status);
    }
    for status in [200, 400, 401, 404, 405, 406, 429] {
        assert!(statuses.contains(&status), "{status}: {statuses:?}");
    }
    // Logging in and out is a listed origin's too.
    for (origin, statuses) in [(listed, [400, 204]), ("https://evil.example", [403, 403])] {
        for (method, status) in ["POST", "DELETE"].into_iter().zip(statuses) {
            let request = app.request(method, &format!("{API}/auth")).header("Origin", origin).body("{}");
            let reply =
                send(request.header("Sec-Fetch-Site", "cross-site").header("Content-Type", "application/json")).await;
            assert_eq!(reply.status, status, "{method} from {origin}: {}", reply.body);
        }
    }
    for origin in others {
        let reply = call("", "", origin).await;
        assert_eq!((reply.status, granted(&reply)), (401, Vec::new()), "{origin}");
    }
}

/// What a response permits to pages of other origins.
fn granted(reply: &Reply) -> Vec<String> {
    let names = reply.headers.keys().map(ToString::to_string);
    names.filter(|name| name.starts_with("access-control-")).collect()
}

#[actix_web::test]
async fn without_listed_origins_there_is_no_preflight() {
    let app = TestApp::start(|_| ()).await;
    let path = format!("{API}/origination-statistics");
    let request = app.request("OPTIONS", &path).header("Origin", "https://portal.example.net");
    let reply = send(request.header("Access-Control-Request-Method", "GET")).await;
    assert_eq!((reply.status, reply.header("allow"), reply.header("vary")), (405, "GET, HEAD", ""));
    assert_eq!(granted(&reply), Vec::<String>::new());
}

#[test]
fn the_nginx_sample_bounds_rates_connections_bodies_and_time() {
    let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/operators.md")).unwrap();
    let (_, sample) = text.split_once("```nginx\n").unwrap();
    let (sample, _) = sample.split_once("```").unwrap();
    let words: Vec<Vec<&str>> = sample.lines().map(|line| line.split_whitespace().collect()).collect();
    let value = |name: &str| {
        let found = words.iter().find(|line| line.first() == Some(&name));
        found
            .unwrap_or_else(|| panic!("no {name}"))
            .iter()
            .skip(1)
            .map(|word| word.trim_end_matches(';'))
            .collect::<Vec<_>>()
    };
    for (zone, by) in [("limit_req_zone", "limit_req"), ("limit_conn_zone", "limit_conn")] {
        let zone = value(zone)[1].trim_start_matches("zone=").split(':').next().unwrap();
        assert_eq!(value(by)[0].trim_start_matches("zone="), zone);
        assert_eq!(value(&format!("{by}_status")), ["429"]);
    }
    for bound in ["client_max_body_size", "client_header_timeout", "client_body_timeout", "send_timeout"] {
        assert!(value(bound)[0].trim_end_matches(['s', 'm']).parse::<u32>().unwrap() > 0, "{bound}");
    }
    assert_eq!(value("ssl_protocols"), ["TLSv1.2", "TLSv1.3"]);
    assert_eq!(sample.matches('{').count(), sample.matches('}').count());
}
