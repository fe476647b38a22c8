//! The operator's statistics: of one account as its customer's own, and of all as the oracle's breakdown by time.

use serde_json::Value;

use crate::breakdown::differential::{expected, start, world};
use crate::breakdown::expected::World;
use crate::breakdown::question::{Asker, Operator, Question};
use crate::differential::seed_of_run;
use crate::oracle::{Settings, Time, TotalsCps};
use crate::random::Rng;
use crate::support::TestApp;

/// Questions of each kind.
const QUESTIONS: usize = 120;

/// A random world, a service over it, and the moments that its calls lie around.
async fn random_world() -> (u64, Rng, World, TestApp, Settings, [i64; 3]) {
    let seed = seed_of_run();
    let mut rng = Rng::new(seed);
    let now = Time::now().second();
    let moments = ["2026-03-29T01:00:00Z", "2026-03-22T01:00:00Z"].map(|text| Time::parse(text).unwrap().second());
    let moments = [moments[0], moments[1], now - 86_400];
    let totals_cps = rng.pick(&[TotalsCps::Bucket, TotalsCps::Range]);
    let settings = Settings { billed_duration: rng.percent(50), totals_cps, ..Settings::default() };
    let world = world(&mut rng, &moments, 400);
    let app = start(&world, &settings, 2).await;
    (seed, rng, world, app, settings, moments)
}

#[actix_web::test]
async fn of_one_account_they_are_its_customers_own_to_the_byte() {
    let (seed, mut rng, world, app, _, moments) = random_world().await;
    let rights = ["vendors", "cost"];
    let mut calls = 0;
    for _ in 0..QUESTIONS {
        let side = rng.pick(&["origination", "termination"]);
        let (report, samplings, measures) = if rng.percent(50) {
            ("statistics-quality", &["minute", "5minutes", "15minutes"][..], "total_calls,acd,asr,cps")
        } else {
            let all = "total_calls,successful_calls,failed_calls,total_duration,acd,asr,total_price";
            ("statistics", &["5minutes", "hour", "day", "week", "month"][..], all)
        };
        let sampling = rng.pick(samplings);
        let account = rng.pick(&world.accounts);
        let moment = rng.pick(&moments);
        // An open window begins near its end, or a report of minutes has too many buckets.
        let is_open = moment == moments[2] && rng.percent(50);
        let from = moment - rng.between(0, 86_400) + if is_open { 80_000 } else { 0 };
        let mut query = format!("account-id={}&from-time={from}&sampling={sampling}", account.uuid);
        if !is_open {
            query += &format!("&to-time={}", from + rng.between(0, 3 * 86_400));
        }
        let offered = [
            "&fill=true",
            "&fill=false",
            "&complete=true",
            "&time-zone=Europe/Kyiv",
            "&numbers=plain",
            "&format=rows",
            "&t-unit=ms",
            "&compare=day",
            "&compare=week",
            "&reverse-billing=true",
            "&reverse-billing=false",
            "&answered=true",
            "&currency=1,2",
            "&week-start=monday",
            "&dst-country-id=1",
        ];
        let mut names = Vec::new();
        for _ in 0..rng.below(5) {
            let more = rng.pick(&offered);
            let name = more.split('=').next().unwrap();
            if !names.contains(&name) {
                names.push(name);
                query += more;
            }
        }
        // A customer's quality report is filled unless somebody says otherwise.
        if report == "statistics-quality" && !names.contains(&"&fill") {
            query += "&fill=true";
        }
        let own = format!("/api/rest/customer/v1/{side}-{report}?{query}");
        let customers_own = async || app.get(&own, &app.token(account.tenant, &[])).await;
        let path = format!("{}/statistics?side={side}&measures={measures}&{query}", super::API);
        let customers = if side == "origination" && rng.percent(50) { vec![account.tenant] } else { Vec::new() };
        let token = app.operator_token(&customers, &[], &rights);
        // The clock may tick between the two.
        let (mut own, mut operators) = (customers_own().await, app.get(&path, &token).await);
        for _ in 0..3 {
            if own.body != operators.body {
                (own, operators) = (customers_own().await, app.get(&path, &token).await);
            }
        }
        assert_eq!((operators.status, &operators.body), (own.status, &own.body), "seed {seed}: {path}");
        calls += usize::from(own.body.contains("total_calls") && own.status == 200);
    }
    assert!(calls * 2 > QUESTIONS, "only {calls} questions are about calls");
}

#[actix_web::test]
async fn calls_a_second_of_all_hours_are_by_the_seconds_of_the_window() {
    let (_, _, world, app, _, moments) = random_world().await;
    let token = app.operator_token(&[], &[], &["vendors"]);
    let (from, to) = (moments[0] - 43_200, moments[0] + 43_199);
    let last = |call: &&crate::breakdown::calls::Call| call.is_last && (from..=to).contains(&call.start);
    let calls = world.calls.iter().filter(last).count();
    for sampling in ["hour", "day"] {
        let path = format!("{}/statistics?from-time={from}&to-time={to}&sampling={sampling}", super::API);
        let body = app.get(&path, &token).await.json();
        assert_eq!(body["totals"]["total_calls"], calls, "{path}");
        let cps = crate::breakdown::exact::Exact::new(calls as i128, 86_400).unwrap().rounded(2);
        assert_eq!(body["totals"]["cps"], crate::breakdown::exact::text(cps, 2), "{path}: {body}");
    }
}

#[actix_web::test]
async fn of_all_they_are_a_breakdown_by_time() {
    let (seed, mut rng, world, app, settings, moments) = random_world().await;
    let tenants = [world.accounts[0].tenant, world.accounts[2].tenant];
    let (mut compared, mut refused) = (0, 0);
    for _ in 0..QUESTIONS {
        let operator = Some(Operator::random(&mut rng, &tenants));
        let asker = Asker { accounts: &[0, 1, 2], tenant: 0, operator, coarse: world.coarse };
        let mut question = Question::random(&mut rng, &world.calls, &asker, &moments, "Europe/Kyiv");
        // As statistics have it.
        question.by = vec!["t".to_owned()];
        (question.dst_digits, question.src_digits) = (0, 0);
        (question.order, question.limit, question.min_calls) = (Vec::new(), Some(1_000), 0);
        (question.decimals, question.short, question.rows) = (None, None, false);
        question.measures.retain(|name| !name.starts_with("distinct"));
        if question.measures.is_empty() {
            question.measures = vec!["total_calls".to_owned(), "revenue".to_owned()];
        }
        question.sampling = rng.pick(&["hour", "day", "week", "6hours"]).to_owned();
        question.to = question.to.or(Some(question.from + 86_400));
        let uuids: Vec<String> = world.accounts.iter().map(|account| account.uuid.clone()).collect();
        let target = question.target(&uuids).replace("/breakdown?", "/statistics?").replace("group-by=t&", "");
        let target = target.replace("&limit=1000", "");
        // A window that ends now is another one when a second begins in between.
        let mut tries = 0;
        let (by_time, reply) = loop {
            let by_time = expected(&world, &question, &settings);
            let reply = app.get(&target, &question.token(&app)).await;
            if expected(&world, &question, &settings) == by_time {
                break (by_time, reply);
            }
            tries += 1;
            assert!(tries < 20, "seed {seed}: {target}: no two answers of one second");
        };
        assert_eq!(reply.status, by_time.0, "seed {seed}: {target}: {} {}", reply.body, by_time.1);
        if reply.status != 200 || by_time.1 == "[]" {
            assert_eq!(reply.body, by_time.1, "seed {seed}: {target}");
            refused += 1;
            continue;
        }
        let found: Value = serde_json::from_str(&reply.body).unwrap();
        let by_time: Value = serde_json::from_str(&by_time.1).unwrap();
        if by_time["groups"].as_u64() > Some(1_000) {
            continue;
        }
        assert_eq!(found["data"], by_time["data"], "seed {seed}: {target}");
        for (name, value) in by_time["totals"].as_object().unwrap() {
            // That of totals is by `reports.totals_cps`, and totals are of the second 0.
            if !name.starts_with("cps") && name != "t" {
                assert_eq!(&found["totals"][name], value, "seed {seed}: {target}: {name}");
            }
        }
        assert_eq!(found["compare"], by_time["compare"], "seed {seed}: {target}");
        compared += 1;
    }
    println!("seed {seed}: {compared} compared, {refused} refused");
    assert!(compared * 3 > QUESTIONS, "only {compared} questions are answered");
}
