//! Breakdowns show nobody another's calls.

use super::errors::path;
use crate::support::TestApp;
use crate::support::app::API;
use cdrscope::config::Contractors;
use uuid::Uuid;

/// Calls of two accounts of customer 7 and one of customer 8; and calls that name one's account and the other's tenant.
async fn world(contractors: Contractors) -> (TestApp, [Uuid; 3]) {
    let app = TestApp::start(|config| config.auth.contractors = contractors).await;
    let sql = "INSERT INTO cdrs (id, customer_id, vendor_id, customer_acc_id, vendor_acc_id, is_last_cdr, time_start, duration, dst_country_id) \
        SELECT number, c, c, a, a, 1, toDateTime('2026-03-02 10:00:00', 'UTC') + number, 60, 1 FROM ( \
        SELECT number, [7, 7, 8, 8, 7][number % 5 + 1] AS c, [71, 72, 81, 71, 81][number % 5 + 1] AS a FROM numbers(500))";
    app.admin.query_raw(sql).execute().await.unwrap();
    let accounts = [app.account(71, 7).await, app.account(72, 7).await, app.account(81, 8).await];
    app.until_known(accounts[2], &app.token(8, &[])).await;
    (app, accounts)
}

#[actix_web::test]
async fn one_account_that_is_not_the_callers_refuses_them_all() {
    let (app, [one, two, foreign]) = world(Contractors::One).await;
    let refused = r#"{"error":"invalid value account-id"}"#;
    let unknown = Uuid::new_v4();
    let all = app.token(7, &[]);
    for accounts in [
        vec![foreign],
        vec![one, foreign],
        vec![foreign, one],
        vec![one, two, foreign],
        vec![one, unknown],
        vec![unknown],
    ] {
        let reply = app.get(&path(&accounts, "group-by=account"), &all).await;
        assert_eq!((reply.status, reply.body.as_str()), (400, refused), "{accounts:?}");
    }
    let listed = app.token(7, &[71]);
    for accounts in [vec![two], vec![one, two], vec![two, one]] {
        let reply = app.get(&path(&accounts, "group-by=account"), &listed).await;
        assert_eq!((reply.status, reply.body.as_str()), (400, refused), "{accounts:?}");
    }
    // Holes, and texts that are no uuid, are no accounts either.
    for text in [format!("{one},"), format!(",{one}"), format!("{one},,{two}"), String::new(), format!("{one};{two}")] {
        let reply = app
            .get(&format!("{API}/origination-breakdown?account-id={text}&from-time=2026-03-02&group-by=account"), &all)
            .await;
        assert_eq!((reply.status, reply.body.as_str()), (400, refused), "{text}");
    }
    for (accounts, token, calls) in
        [(vec![one], &all, 100), (vec![one, two], &all, 200), (vec![one], &listed, 100), (vec![one, one], &all, 100)]
    {
        let reply = app.get(&path(&accounts, "group-by=account"), token).await;
        assert_eq!(reply.status, 200, "{}", reply.body);
        assert_eq!(reply.json()["totals"]["total_calls"], calls, "{accounts:?}: {}", reply.body);
    }
    for filter in ["&dst-country-id=1", "&currency=0", "&answered=true", "&dst-prefix-routing-starts-with="] {
        let reply = app.get(&path(&[one], &format!("group-by=account&compare=day{filter}")), &all).await;
        assert_eq!(reply.json()["totals"]["total_calls"], 100, "{filter}: {}", reply.body);
    }
}

#[actix_web::test]
async fn an_account_of_another_stays_refused_while_the_answer_is_in_memory() {
    let (app, [one, _, foreign]) = world(Contractors::One).await;
    for (account, tenant, other) in [(one, 7, 8), (foreign, 8, 7)] {
        let target = path(&[account], "group-by=dst-country&measures=total_calls");
        for _ in 0..2 {
            assert_eq!(app.get(&target, &app.token(tenant, &[])).await.json()["totals"]["total_calls"], 100);
            assert_eq!(app.get(&target, &app.token(other, &[])).await.status, 400);
            assert_eq!(app.get(&target, "nonsense").await.status, 401);
        }
    }
}

#[actix_web::test]
async fn a_token_sees_the_breakdowns_of_its_side_alone() {
    let (app, [one, ..]) = world(Contractors::Apart).await;
    let token = app.token(7, &[]);
    assert_eq!(app.get(&path(&[one], "group-by=dst-country"), &token).await.status, 200);
    let other = path(&[one], "group-by=dst-country").replace("origination", "termination");
    let reply = app.get(&other, &token).await;
    assert_eq!((reply.status, reply.body.as_str()), (400, r#"{"error":"invalid value account-id"}"#));
    let definitions = app.get(&format!("{API}/definitions"), &token).await;
    assert!(!definitions.body.contains("termination") && !definitions.body.contains("term-gw"), "{}", definitions.body);
    let accounts = app.get(&format!("{API}/accounts"), &token).await.json();
    assert!(
        accounts["accounts"].as_array().unwrap().iter().all(|account| account["side"] == "origination"),
        "{accounts}"
    );
}

#[actix_web::test]
async fn accounts_lists_those_of_the_token_alone() {
    let (app, [one, two, foreign]) = world(Contractors::One).await;
    for (customer, listed, expected) in [
        (7, vec![], vec![one, two]),
        (7, vec![72], vec![two]),
        (8, vec![], vec![foreign]),
        (9, vec![], vec![]),
        (7, vec![81], vec![]),
    ] {
        let body = app.get(&format!("{API}/accounts"), &app.token(customer, &listed)).await.json();
        let mut found: Vec<String> = body["accounts"]
            .as_array()
            .unwrap()
            .iter()
            .map(|account| account["uuid"].as_str().unwrap().to_owned())
            .collect();
        let mut expected: Vec<String> = expected.iter().map(Uuid::to_string).collect();
        found.sort();
        expected.sort();
        assert_eq!(found, expected, "{customer} {listed:?}");
    }
    for path in ["definitions", "accounts"] {
        let reply = app.get(&format!("{API}/{path}?side=termination"), &app.token(7, &[])).await;
        assert_eq!((reply.status, reply.body.as_str()), (400, r#"{"error":"unknown param side"}"#), "{path}");
        assert_eq!(app.get(&format!("{API}/{path}"), "").await.status, 401, "{path}");
    }
}
