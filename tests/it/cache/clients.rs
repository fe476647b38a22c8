//! Many clients at once: one question is asked once, nobody gets another's figures, and a memory too small for anything
//! is only slow.

use cdrscope::config::Config;
use futures_util::future::join_all;
use uuid::Uuid;

use super::{CUSTOMER, Services, calls, calls_of, live, now, questions};
use crate::support::{Reply, TestApp};

#[actix_web::test]
async fn a_question_that_a_hundred_ask_at_once_is_asked_once() {
    let services = Services::start().await;
    let now = now();
    let day = 86_400;
    services.run(&calls(1, now - 9 * day, 300, 2600)).await;
    services.run(&live(now - 1200, 1)).await;
    let change = |config: &mut Config| {
        config.http.workers = 4;
        // Of long answers four times as many are sent at once.
        config.limits.concurrent_queries = 25;
    };
    let (app, proxy) = services.overheard(change).await;
    let minutes = |second: i64| second.div_euclid(60) * 60;
    // None shows the minute that the clock is in, which may change while they are asked.
    for question in [
        format!("origination-statistics-quality?from-time={}&sampling=minute&fill=false", minutes(now - day)),
        format!("origination-statistics-quality?from-time={}&to-time={}&sampling=5minutes", now - day - 7, now - 3671),
        format!("termination-statistics?from-time={}&to-time={}&sampling=minute", now - day + 3, now - day + 50),
        format!("origination-statistics?from-time={}&sampling=day&duration-gt=5", now - 8 * day - 1),
        // Too long an answer to be remembered as text.
        format!(
            "termination-statistics-quality?from-time={}&to-time={now}&sampling=minute&format=rows",
            now - 8 * day - 1
        ),
        format!("origination-active-calls?from-time={}&to-time={now}", now - 3600),
    ] {
        proxy.forget();
        let replies = join_all((0..100).map(|_| services.ask(&app, &question))).await;
        let first = &replies[0];
        assert_eq!(first.status, 200, "{question}: {}", first.body);
        assert!(replies.iter().all(|reply| reply.body == first.body), "{question}");
        assert_eq!(first.body, services.ask(&services.plain, &question).await.body);
        assert_eq!(proxy.reports(), 1, "{question}");
    }
}

/// Customers with an account each, and as many calls as no other has.
async fn customers(services: &Services, count: u32, from: i64) -> Vec<(Uuid, String, u64)> {
    let mut customers = Vec::new();
    for customer in 100..100 + count {
        let account = services.plain.account(customer, customer).await;
        let calls = u64::from(customer) * 3 + 1;
        services.run(&calls_of(customer, customer, u64::from(customer) * 10_000, from, 7, calls)).await;
        customers.push((account, services.plain.token(customer, &[]), calls));
    }
    customers
}

fn total(reply: &Reply) -> u64 {
    reply.json()["totals"]["total_calls"].as_u64().unwrap_or_else(|| panic!("{reply:?}"))
}

#[actix_web::test]
async fn nobody_gets_the_figures_of_another() {
    let services = Services::start().await;
    let now = now();
    let customers = customers(&services, 8, now - 7200).await;
    // Small enough that entries come and go all the time.
    let app = TestApp::over(services.db(), |config| {
        (config.http.workers, config.cache.size_mb, config.limits.queue_seconds) = (4, 1, 30);
    })
    .await;
    for (account, token, _) in &customers {
        app.until_known(*account, token).await;
    }
    let mut asked = 0;
    for round in 0..12 {
        let mut requests = Vec::new();
        for (place, (_, token, calls)) in customers.iter().enumerate() {
            for (other, (account, _, _)) in customers.iter().enumerate() {
                let question = ["termination-statistics?", "termination-statistics-quality?"][round % 2];
                let from = now - 7200 - i64::try_from(round / 2).unwrap() * 977;
                let path =
                    format!("/api/rest/customer/v1/{question}account-id={account}&from-time={from}&sampling=minute");
                let app = &app;
                requests.push(async move {
                    let reply = app.get(&path, token).await;
                    if place == other {
                        assert_eq!(total(&reply), *calls);
                    } else {
                        assert_eq!(
                            (reply.status, reply.body.as_str()),
                            (400, r#"{"error":"invalid value account-id"}"#)
                        );
                    }
                });
            }
        }
        asked += join_all(requests).await.len();
    }
    println!("{asked} questions of {} customers about each other's accounts", customers.len());
}

#[actix_web::test]
async fn an_account_that_moves_to_another_customer_takes_nothing_along() {
    let services = Services::start().await;
    let now = now();
    services.run(&calls(1, now - 7200, 60, 100)).await;
    services.run(&calls_of(2, super::ACCOUNT, 1000, now - 7200, 60, 7)).await;
    let question = format!("termination-statistics?from-time={}&sampling=minute", now - 9000);
    for _ in 0..2 {
        assert_eq!(total(&services.ask(&services.cached, &question).await), 100);
    }
    let row = format!(r#"{{"id":11,"uuid":"{}","customer_id":2,"name":"moved"}}"#, services.account);
    crate::support::insert(&services.plain.admin, "accounts", &row).await;
    let owner = services.plain.token(2, &[]);
    services.cached.until_known(services.account, &owner).await;
    for _ in 0..2 {
        let path = services.path(&question);
        assert_eq!(services.ask(&services.cached, &question).await.status, 400, "customer {CUSTOMER} after the move");
        assert_eq!(total(&services.cached.get(&path, &owner).await), 7);
    }
}

#[actix_web::test]
async fn a_memory_too_small_for_anything_is_still_right() {
    let services = Services::start().await;
    let now = now();
    services.run(&calls(1, now - 70 * 86_400, 3_001, 2000)).await;
    let questions = questions(now);
    for size in [0, 1] {
        let app = TestApp::over(services.db(), |config| config.cache.size_mb = size).await;
        services.know(&app).await;
        for _ in 0..2 {
            assert_eq!(services.differences(&app, &questions).await, Vec::<String>::new(), "{size} MB");
        }
    }
}
