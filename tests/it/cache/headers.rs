//! What an answer says of where it came from, and that nothing else of it depends on that.

use super::{Services, calls, live, now};
use crate::support::{Reply, TestApp};

/// `X-Cache`.
fn used(reply: &Reply) -> &str {
    assert_eq!(reply.status, 200, "{}", reply.body);
    reply.header("x-cache")
}

#[actix_web::test]
async fn an_answer_says_how_much_of_it_was_remembered() {
    let services = Services::start().await;
    let now = now();
    services.run(&calls(1, now - 3 * 86_400, 100, 2500)).await;
    let cached = &services.cached;
    let window =
        |from: i64, to: i64| format!("origination-statistics-quality?from-time={from}&to-time={to}&sampling=minute");
    let (from, to) = ((now - 86_400).div_euclid(60) * 60, (now - 600).div_euclid(60) * 60 - 1);
    assert_eq!(used(&services.ask(cached, &window(from, to)).await), "miss");
    assert_eq!(used(&services.ask(cached, &window(from, to)).await), "hit");
    // Another window over the same minutes, and the same sums in another form.
    assert_eq!(used(&services.ask(cached, &window(from + 7200, to)).await), "hit");
    assert_eq!(used(&services.ask(cached, &(window(from, to) + "&format=rows")).await), "hit");
    // A longer one, and one that moved by a few seconds.
    assert_eq!(used(&services.ask(cached, &window(from - 86_400, to)).await), "partial");
    assert_eq!(used(&services.ask(cached, &window(from + 17, to)).await), "partial");
    assert_eq!(used(&services.ask(cached, &window(from + 17, to)).await), "hit");
    // Intervals of another length, filters and other reports are other sums.
    let filtered = window(from, to) + "&duration-gt=5";
    for other in [
        filtered.as_str(),
        &window(from, to).replace("=minute", "=5minutes"),
        &window(from, to).replace("origination", "termination"),
        &window(from, to).replace("-quality", ""),
    ] {
        assert_eq!(used(&services.ask(cached, other).await), "miss", "{other}");
        assert_eq!(used(&services.ask(cached, other).await), "hit", "{other}");
    }
    // New calls are read, the rest is remembered; the answer to a question they do not touch is ready.
    services.run(&calls(5000, now - 7200, 100, 100)).await;
    assert_eq!(used(&services.ask(cached, &window(from, to)).await), "partial");
    assert_eq!(used(&services.ask(cached, &window(from, from + 3599)).await), "hit");
    services.run("ALTER TABLE cdrs UPDATE duration = 0 WHERE 1 SETTINGS mutations_sync = 2").await;
    assert_eq!(used(&services.ask(cached, &window(from, to)).await), "miss");
    services.run(&live(now - 600, 1)).await;
    let live = format!("origination-active-calls?from-time={}", now - 3600);
    assert_eq!(used(&services.ask(cached, &live).await), "miss");
    assert_eq!(used(&services.ask(cached, &live).await), "hit");
    // An empty table has no parts to be known by.
    services.run("TRUNCATE TABLE active_calls").await;
    for _ in 0..2 {
        assert_eq!(used(&services.ask(cached, &live).await), "miss");
    }
}

#[actix_web::test]
async fn what_is_not_remembered_says_nothing_of_memory() {
    let services = Services::start().await;
    let now = now();
    let window = format!("origination-statistics?from-time={}&sampling=hour", now - 3600);
    let plain = services.ask(&services.plain, &window).await;
    let future =
        services.ask(&services.cached, &format!("origination-statistics?from-time={}&sampling=hour", now + 3600)).await;
    let error = services.ask(&services.cached, "origination-statistics?from-time=x&sampling=hour").await;
    assert_eq!((plain.status, future.status, error.status), (200, 200, 400));
    for reply in [plain, future, error] {
        assert_eq!((reply.header("x-cache"), reply.header("age")), ("", ""));
    }
}

#[actix_web::test]
async fn age_counts_seconds_since_the_last_look() {
    let services = Services::start().await;
    let app = TestApp::over(services.db(), |config| config.cache.fresh_seconds = 60).await;
    services.know(&app).await;
    services.run(&calls(1, now() - 7200, 60, 9)).await;
    let question = format!("origination-statistics?from-time={}&sampling=hour", now() - 86_400);
    let first = services.ask(&app, &question).await;
    assert_eq!((used(&first), first.header("age")), ("miss", "0"));
    tokio::time::sleep(std::time::Duration::from_millis(1200)).await;
    let second = services.ask(&app, &question).await;
    assert_eq!(used(&second), "hit");
    assert!((1..5).contains(&second.header("age").parse().unwrap()), "{}", second.header("age"));
    // The look may be a minute old, and then so may the answer.
    services.run(&calls(2, now() - 60, 1, 1)).await;
    assert_eq!(services.ask(&app, &question).await.body, first.body);
}

#[actix_web::test]
async fn a_remembered_answer_is_an_answer_in_every_other_way() {
    let services = Services::start().await;
    let now = now();
    services.run(&calls(1, now - 3 * 86_400, 40, 6000)).await;
    let to = now - 600;
    // The second is too long to be kept as text.
    for (question, form) in [
        (format!("origination-statistics-quality?from-time={}&to-time={to}&sampling=5minutes", now - 86_400), "kept"),
        (
            format!(
                "origination-statistics-quality?from-time={}&to-time={}&sampling=minute&format=rows",
                now - 259_200 - 60,
                // Another minute, whose odd seconds are not known yet.
                to - 60
            ),
            "long",
        ),
    ] {
        let plain = services.ask(&services.plain, &question).await;
        assert_eq!(plain.body.len() > 256 * 1024, form == "long", "{}", plain.body.len());
        for expected in ["miss", "hit", "hit"] {
            let reply = services.ask(&services.cached, &question).await;
            assert_eq!(used(&reply), expected, "{form}");
            assert!(reply.body == plain.body, "{form}");
            for name in ["etag", "content-type", "cache-control", "vary", "content-length", "x-frame-options"] {
                assert_eq!(reply.header(name), plain.header(name), "{form} {name}");
            }
        }
        let request = |method: &str| {
            services.cached.request(method, &services.path(&question)).header("Authorization", &services.token)
        };
        let head = crate::support::http::send(request("HEAD")).await;
        assert_eq!((head.status, head.body.as_str(), head.header("x-cache")), (200, "", "hit"), "{form}");
        assert_eq!(head.header("content-length"), plain.header("content-length"), "{form}");
        let etag = plain.header("etag");
        for (wanted, status) in [(etag, 304), (etag.trim_start_matches("W/"), 304), ("*", 304), ("W/\"no\"", 200)] {
            let reply = crate::support::http::send(request("GET").header("If-None-Match", wanted)).await;
            assert_eq!(
                (reply.status, reply.header("etag"), reply.header("x-cache")),
                (status, etag, "hit"),
                "{form} {wanted}"
            );
            assert_eq!(reply.body.is_empty(), status == 304, "{form}");
        }
        services.run(&calls(50_000, now - 7200, 1, 1)).await;
        let reply = crate::support::http::send(request("GET").header("If-None-Match", etag)).await;
        assert_eq!((reply.status, reply.header("x-cache")), (200, "partial"), "{form}");
        services.run("DELETE FROM cdrs WHERE id = 50000").await;
        let reply = crate::support::http::send(request("GET").header("If-None-Match", etag)).await;
        assert_eq!(reply.status, 304, "{form}");
    }
}
