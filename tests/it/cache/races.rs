//! What changes between a look at the table and the reading that relies on it, and which statements a change costs.

use super::{Services, calls, longer, now};
use crate::support::TestApp;

const DAY: i64 = 86_400;

/// Looks at the table for every answer.
async fn service(services: &Services) -> (TestApp, super::Proxy) {
    services.overheard(|config| (config.cache.fresh_seconds, config.http.workers) = (0, 4)).await
}

fn by_minute(from: i64) -> String {
    format!("origination-statistics-quality?from-time={}&sampling=minute&fill=false", from.div_euclid(60) * 60)
}

async fn right(services: &Services, app: &TestApp, question: &str) {
    assert_eq!(services.differences(app, &[question.to_owned()]).await, Vec::<String>::new());
}

#[actix_web::test]
async fn new_calls_are_read_from_their_parts_alone() {
    let services = Services::start().await;
    let now = now();
    services.run(&calls(1, now - 9 * DAY, 300, 2500)).await;
    let (app, proxy) = service(&services).await;
    let question = by_minute(now - 9 * DAY);
    right(&services, &app, &question).await;
    // A part for each: one read for every stretch that got calls.
    for place in 0..3 {
        services.run(&calls(5000 + 100 * place, now - i64::try_from(place).unwrap() * DAY - 60, 1, 5)).await;
        proxy.forget();
        right(&services, &app, &question).await;
        assert_eq!((proxy.reports(), proxy.count("_part IN (")), (1, 1), "{place}");
    }
    // Calls of the whole time in one part: one read.
    services.run(&calls(6000, now - 9 * DAY, 997, 700)).await;
    proxy.forget();
    right(&services, &app, &question).await;
    assert_eq!((proxy.reports(), proxy.count("_part IN (")), (1, 1));
    // A merge, a look that finds nothing new, and calls elsewhere cost no statement.
    services.run("OPTIMIZE TABLE cdrs FINAL").await;
    services.run(&calls(7000, now - 60 * DAY, 1, 5)).await;
    proxy.forget();
    right(&services, &app, &question).await;
    right(&services, &app, &by_minute(now - 8 * DAY)).await;
    assert_eq!(proxy.reports(), 0);
}

/// A dashboard asks for the last so many hours every second.
#[actix_web::test]
async fn a_window_that_moves_within_a_minute_reads_its_odd_seconds_once() {
    let services = Services::start().await;
    let now = now();
    services.run(&calls(1, now - 2 * DAY, 7, 24_000)).await;
    let (app, proxy) = service(&services).await;
    let (first, last) = ((now - 2 * DAY).div_euclid(60) * 60, (now - 7200).div_euclid(60) * 60);
    // A call in every second that a window may cut at.
    services.run(&calls(100_000, first, 1, 130)).await;
    services.run(&calls(101_000, last, 1, 130)).await;
    for (report, sampling) in [
        ("origination-statistics-quality", "minute"),
        ("termination-statistics-quality", "15minutes"),
        ("origination-statistics", "hour"),
    ] {
        let question = |from: i64, to: i64| format!("{report}?from-time={from}&to-time={to}&sampling={sampling}");
        right(&services, &app, &question(first + 7, last + 3)).await;
        proxy.forget();
        for second in [8, 9, 30, 58, 1] {
            right(&services, &app, &question(first + second, last + second)).await;
            right(&services, &app, &question(first + second, last + 59 - second)).await;
        }
        assert_eq!(proxy.reports(), 0, "{report}");
        right(&services, &app, &question(first + 60 + 8, last + 60 + 3)).await;
        assert_eq!(proxy.reports(), 1, "{report}");
    }
}

#[actix_web::test]
async fn changes_in_many_places_are_read_as_one() {
    let services = Services::start().await;
    let now = now();
    services.run(&calls(1, now - 9 * DAY, 300, 2500)).await;
    // Of some of the new parts a merge would make one, which is read from itself.
    services.run("SYSTEM STOP MERGES cdrs").await;
    let (app, proxy) = service(&services).await;
    let question = by_minute(now - 9 * DAY + 17) + &format!("&to-time={}", now - 7);
    right(&services, &app, &question).await;
    for place in 0..26 {
        services.run(&calls(5000 + 100 * place, now - 9 * DAY + i64::try_from(place).unwrap() * 8 * 3600, 1, 5)).await;
    }
    proxy.forget();
    right(&services, &app, &question).await;
    assert_eq!((proxy.reports(), proxy.count("_part IN (")), (1, 0));
    right(&services, &app, &by_minute(now - 9 * DAY)).await;
}

#[actix_web::test]
async fn a_part_that_is_merged_away_before_it_is_read_is_missed_by_nobody() {
    let services = Services::start().await;
    let now = now();
    services.run(&calls(1, now - 2 * DAY, 300, 576)).await;
    let (app, proxy) = service(&services).await;
    for (place, change) in ["OPTIMIZE TABLE cdrs FINAL", "TRUNCATE TABLE cdrs", "DELETE FROM cdrs WHERE id % 3 = 1"]
        .into_iter()
        .enumerate()
    {
        let question = by_minute(now - 2 * DAY);
        right(&services, &app, &question).await;
        services.run(&calls(5000 + 1000 * place as u64, now - 7200, 1, 40)).await;
        proxy.hold("_part IN (");
        let (reply, ()) = tokio::join!(services.ask(&app, &question), async {
            proxy.holds().await;
            services.run(change).await;
            proxy.release();
        });
        assert_eq!(reply.body, services.ask(&services.plain, &question).await.body, "{change}");
        right(&services, &app, &question).await;
        if change.starts_with("TRUNCATE") {
            services.run(&calls(1, now - 2 * DAY, 300, 576)).await;
        }
    }
}

#[actix_web::test]
async fn calls_that_come_between_a_look_and_its_reading_are_counted_once() {
    let services = Services::start().await;
    let now = now();
    services.run(&calls(1, now - 2 * DAY, 300, 576)).await;
    let (app, proxy) = service(&services).await;
    let question = by_minute(now - 2 * DAY);
    for (id, change) in [(5000, ""), (6000, "OPTIMIZE TABLE cdrs FINAL"), (7000, "DELETE FROM cdrs WHERE id % 3 = 1")] {
        services.run("ALTER TABLE cdrs UPDATE duration = duration + 1 WHERE 1 SETTINGS mutations_sync = 2").await;
        proxy.hold("log_comment=");
        let (reply, ()) = tokio::join!(services.ask(&app, &question), async {
            proxy.holds().await;
            services.run(&calls(id, now - 7200, 1, 40)).await;
            if !change.is_empty() {
                services.run(change).await;
            }
            proxy.release();
        });
        assert_eq!(reply.body, services.ask(&services.plain, &question).await.body, "{change}");
        for _ in 0..2 {
            right(&services, &app, &question).await;
            services.run(&calls(id + 100, now - 3600, 1, 3)).await;
        }
        right(&services, &app, &question).await;
    }
}

/// Somebody waits for a turn with a look of his own, which is older by then than the latest one.
#[actix_web::test]
async fn calls_that_another_saw_meanwhile_are_added_once() {
    let services = Services::start().await;
    let now = now();
    services.run(&calls(1, now - 2 * DAY, 300, 576)).await;
    let (app, proxy) = service(&services).await;
    let (short, long) = (by_minute(now - DAY), by_minute(now - 2 * DAY));
    right(&services, &app, &long).await;
    services.run(&calls(5000, now - 7200, 1, 40)).await;
    // The first is kept back while it reads the new calls.
    proxy.hold("log_comment=origination-statistics-quality");
    let later = async {
        proxy.holds().await;
        // The second looks and waits for its turn.
        let waits = services.ask(&app, &long);
        let meanwhile = async {
            tokio::time::sleep(std::time::Duration::from_millis(300)).await;
            services.run(&calls(6000, now - 7200, 1, 40)).await;
            // A third, about something else, sees the newest calls.
            right(&services, &app, &by_minute(now - DAY).replace("origination", "termination")).await;
            proxy.release();
        };
        tokio::join!(waits, meanwhile)
    };
    let (first, (second, ())) = tokio::join!(services.ask(&app, &short), later);
    assert_eq!((first.status, second.status), (200, 200));
    right(&services, &app, &short).await;
    right(&services, &app, &long).await;
}

/// Figures that change and change back, and a table under which every look is another.
#[actix_web::test]
async fn a_hundred_looks_in_a_row_add_each_call_once() {
    let services = Services::start().await;
    let now = now();
    services.run(&calls(1, now - 2 * DAY, 300, 576)).await;
    let (app, proxy) = service(&services).await;
    let question = by_minute(now - 2 * DAY + 7);
    for id in 0..40 {
        services.run(&longer(&calls(5000 + 10 * id, now - 7200 - 11 * i64::try_from(id).unwrap(), 600, 9))).await;
        right(&services, &app, &question).await;
    }
    assert!(proxy.count("_part IN (") >= 30, "{}", proxy.count("_part IN ("));
}
