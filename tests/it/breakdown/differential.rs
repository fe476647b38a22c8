//! Random questions about random calls, with every way of reading and caching them.

use super::calls::Call;
use super::expected::{Owned, World, body};
use super::question::{Asker, Operator, Question};
use crate::differential::{configure, number_from, seed_of_run};
use crate::operator;
use crate::oracle::{AcdUnit, Settings, Time, WeekStart};
use crate::random::Rng;
use crate::support::{self, TestApp};
use cdrscope::config::value::Secret;
use serde_json::json;
use uuid::Uuid;

/// Zones, and the moments that calls lie around.
const MOMENTS: [(&str, [&str; 3]); 5] = [
    ("Europe/Kyiv", ["2026-03-29T01:00:00Z", "2026-03-22T01:00:00Z", "2025-03-29T12:00:00Z"]),
    ("Europe/Kyiv", ["2026-10-25T01:00:00Z", "2026-10-24T01:00:00Z", "2026-09-25T01:00:00Z"]),
    ("UTC", ["2026-03-31T10:00:00Z", "2026-02-28T10:00:00Z", "2025-03-31T10:00:00Z"]),
    ("America/New_York", ["2024-02-29T18:15:00Z", "2024-01-29T18:15:00Z", "2023-03-01T05:00:00Z"]),
    ("Australia/Lord_Howe", ["2026-10-03T15:30:00Z", "2026-09-26T15:30:00Z", "2025-10-04T15:30:00Z"]),
];

/// Worlds of a run, and questions about each.
const WORLDS: usize = 3;
const QUESTIONS: usize = 70;

/// A random world of so many calls.
pub fn world(rng: &mut Rng, moments: &[i64], calls: u64) -> World {
    let first = rng.between(1, 1000) as u32;
    let mut owned = |id: u32, tenant: u32, name: &str| {
        let digits: u128 =
            (0..2).fold(0, |all, _| (all << 64) | u128::from(rng.between(0, i64::MAX - 1).unsigned_abs()));
        Owned { uuid: Uuid::from_u128(digits).to_string(), id, tenant, name: name.to_owned() }
    };
    let accounts = vec![
        owned(first + 11, first, "Acme \"wholesale\" \\ é"),
        owned(first, first, "Beta"),
        owned(first + 20, first + 1, "Gamma"),
    ];
    let mut owners: Vec<(u32, u32)> =
        [0, 0, 0, 1, 1, 2].iter().map(|place| (accounts[*place].id, accounts[*place].tenant)).collect();
    // Of an account that is not in the table.
    owners.push((first + 30, first + 2));
    let (one_currency, coarse) = (rng.percent(50), rng.percent(50));
    let mut calls: Vec<Call> = (1..=calls).map(|id| Call::random(rng, id, &owners, moments, one_currency)).collect();
    if coarse {
        calls.iter_mut().for_each(Call::coarsen);
    }
    let country = |id: u32, name: &str, code: &str| (id, name.to_owned(), code.to_owned());
    let countries = vec![
        country(1, "Canada", "CA"),
        country(2, "Österreich", "AT"),
        country(3, "Beta", ""),
        country(7, "Canada", "ZZ"),
    ];
    let contractors = vec![(first, "Acme group".to_owned()), (first + 1, String::new())];
    World { accounts, calls, countries, contractors, coarse }
}

/// A service over tables of its own with this world, in two or more parts.
pub async fn start(world: &World, settings: &Settings, parts: usize) -> TestApp {
    let app = TestApp::start(|config| {
        configure(config, settings);
        config.operator.secret = Secret::new(operator::SECRET);
        config.cache.enabled = false;
    })
    .await;
    if parts > 1 {
        app.admin.query_raw("SYSTEM STOP MERGES cdrs").execute().await.unwrap();
    }
    let accounts: Vec<String> = world
        .accounts
        .iter()
        .map(|account| {
            json!({"id": account.id, "uuid": account.uuid, "customer_id": account.tenant, "name": account.name})
                .to_string()
        })
        .collect();
    support::insert(&app.admin, "accounts", &accounts.join("\n")).await;
    let countries: Vec<String> =
        world.countries.iter().map(|(id, name, iso)| json!({"id": id, "name": name, "iso": iso}).to_string()).collect();
    support::insert(&app.admin, "countries", &countries.join("\n")).await;
    let contractors: Vec<String> =
        world.contractors.iter().map(|(id, name)| json!({"id": id, "name": name}).to_string()).collect();
    support::insert(&app.admin, "contractors", &contractors.join("\n")).await;
    for calls in world.calls.chunks(world.calls.len().div_ceil(parts).max(1)) {
        support::insert(&app.admin, "cdrs", &calls.iter().map(Call::line).collect::<Vec<_>>().join("\n")).await;
    }
    until_ready(&app, world).await;
    app
}

pub async fn until_ready(app: &TestApp, world: &World) {
    let token = app.token(world.accounts[0].tenant, &[]);
    app.until_known(world.accounts[0].uuid.parse().unwrap(), &token).await;
    let path = format!(
        "/api/rest/customer/v1/origination-breakdown?account-id={}&from-time=1970-01-02&group-by=dst-country&limit=10000",
        world.accounts[0].uuid
    );
    support::eventually("names of countries", async || {
        let body = app.get(&path, &token).await.body;
        body.contains("Canada").then_some(())
    })
    .await;
    if !app.config.operator.is_on() {
        return;
    }
    let everything = app.operator_token(&[], &[], &[]);
    support::eventually("names of customers", async || {
        let path = "/api/rest/operator/v1/breakdown?from-time=1970-01-02&group-by=customer";
        app.get(path, &everything).await.body.contains("Acme group").then_some(())
    })
    .await;
}

/// Status and body that the oracle expects now.
pub fn expected(world: &World, question: &Question, settings: &Settings) -> (u16, String) {
    expected_at(world, question, settings, Time::now().second())
}

fn expected_at(world: &World, question: &Question, settings: &Settings, now: i64) -> (u16, String) {
    match body(world, question, settings, now) {
        Ok(body) => (200, body),
        Err(error) => (400, format!("{{\"error\":\"{error}\"}}")),
    }
}

/// The service's answer where it is not the oracle's, neither that of a moment ago nor those of the seconds in which it was asked:
/// an oracle that takes longer than a second, on a busy machine, would else never meet the clock.
pub async fn difference(
    app: &TestApp,
    world: &World,
    question: &Question,
    settings: &Settings,
    before: &(u16, String),
) -> Option<String> {
    let uuids: Vec<String> = world.accounts.iter().map(|account| account.uuid.clone()).collect();
    let target = question.target(&uuids);
    let agrees = |(status, body): &(u16, String), got: (u16, &str)| {
        let many = |text: &str| text.contains("too many buckets");
        *status == got.0 && (*body == got.1 || (many(body) && many(got.1)))
    };
    let began = Time::now().second();
    let reply = app.get(&target, &question.token(app)).await;
    let (got, ended) = ((reply.status, reply.body.as_str()), Time::now().second());
    if agrees(before, got) {
        return None;
    }
    // The service has looked at the clock at one of these.
    let mut then = Vec::new();
    for second in began..=ended {
        then.push(expected_at(world, question, settings, second));
        if then.last().is_some_and(|then| agrees(then, got)) {
            return None;
        }
    }
    Some(difference_of(question, &target, then.last().unwrap(), got))
}

fn difference_of(question: &Question, target: &str, before: &(u16, String), got: (u16, &str)) -> String {
    // The first place that differs is what somebody wants to see.
    let same = before.1.bytes().zip(got.1.bytes()).take_while(|(one, other)| one == other).count();
    let from = same.saturating_sub(60);
    let part = |text: &str| text.chars().skip(from).take(400).collect::<String>();
    format!(
        "{question:?}\n{target}\nfrom {from} on expected {} {}\n     got {} {}\n{}",
        before.0,
        part(&before.1),
        got.0,
        part(got.1),
        before.1.chars().take(1500).collect::<String>()
    )
}

/// The difference of the smallest question that still has one.
pub async fn smallest(
    app: &TestApp,
    world: &World,
    question: Question,
    settings: &Settings,
    mut found: String,
) -> String {
    let mut question = question;
    loop {
        let mut smaller: Vec<Question> = Vec::new();
        let mut add = |change: &dyn Fn(&mut Question)| {
            let mut other = question.clone();
            change(&mut other);
            if format!("{other:?}") != format!("{question:?}") {
                smaller.push(other);
            }
        };
        for place in 0..question.filters.len() {
            add(&|q| drop(q.filters.remove(place)));
        }
        for place in 0..question.order.len() {
            add(&|q| drop(q.order.remove(place)));
        }
        if question.measures.len() > 1 {
            for place in 0..question.measures.len() {
                add(&|q| drop(q.measures.remove(place)));
            }
        }
        if question.by.len() > 1 {
            for place in 0..question.by.len() {
                add(&|q| drop(q.by.remove(place)));
            }
        }
        add(&|q| q.limit = Some(1_000));
        add(&|q| q.min_calls = 0);
        add(&|q| q.decimals = None);
        add(&|q| q.short = None);
        add(&|q| q.compare.clear());
        add(&|q| q.zone.clear());
        add(&|q| q.week_start.clear());
        add(&|q| q.day_start.clear());
        add(&|q| q.plain = false);
        add(&|q| q.rows = false);
        add(&|q| q.ms = false);
        let mut shrunk = false;
        for other in smaller {
            let orders_hold = {
                let columns: Vec<String> = other
                    .by
                    .iter()
                    .flat_map(|name| Question::columns(name))
                    .map(str::to_owned)
                    .chain(other.measures())
                    .collect();
                other.order.iter().all(|order| {
                    let name = order.trim_start_matches('-');
                    let name = if other.compare.is_empty() {
                        name
                    } else {
                        name.trim_end_matches("_before").trim_end_matches("_change")
                    };
                    columns.iter().any(|column| column == name)
                }) && (!other.measures.contains(&"lost_answers".to_owned()) || !other.compare.is_empty())
            };
            if orders_hold
                && let Some(same) = difference(app, world, &other, settings, &expected(world, &other, settings)).await
            {
                (question, found, shrunk) = (other, same, true);
                break;
            }
        }
        if !shrunk {
            return found;
        }
    }
}

#[actix_web::test]
async fn random_breakdowns_get_the_oracles_answers() {
    compare_all(|rng, world| {
        let tenant = |place: usize| world.accounts[place].tenant;
        if rng.percent(90) {
            Asker { accounts: &[0, 1], tenant: tenant(0), operator: None, coarse: world.coarse }
        } else {
            Asker { accounts: &[2], tenant: tenant(2), operator: None, coarse: world.coarse }
        }
    })
    .await;
}

#[actix_web::test]
async fn random_breakdowns_of_the_operators_get_the_oracles_answers() {
    compare_all(|rng, world| {
        let tenants = [world.accounts[0].tenant, world.accounts[2].tenant];
        let operator = Some(Operator::random(rng, &tenants));
        Asker { accounts: &[0, 1, 2], tenant: 0, operator, coarse: world.coarse }
    })
    .await;
}

/// Compares random questions of somebody about random worlds with the oracle's answers, by every way of reading.
async fn compare_all(asker: impl Fn(&mut Rng, &World) -> Asker<'static>) {
    let seed = seed_of_run();
    let worlds = WORLDS * usize::try_from(number_from("CDRSCOPE_TEST_CASES").unwrap_or(1).max(1)).unwrap();
    let (mut compared, mut grouped) = (0, 0);
    for number in 0..worlds {
        let mut rng = Rng::new(seed.wrapping_add((number as u64) << 32));
        let (zone, texts) = MOMENTS[(number + usize::try_from(seed % 5).unwrap()) % MOMENTS.len()];
        let moments = texts.map(|text| Time::parse(text).unwrap().second());
        let settings = Settings {
            acd_unit: rng.pick(&[AcdUnit::Minutes, AcdUnit::Seconds]),
            billed_duration: rng.percent(40),
            time_zone: rng.pick(&["UTC", zone]),
            week_start: rng.pick(&[WeekStart::Sunday, WeekStart::Monday]),
            ..Settings::default()
        };
        let calls = rng.pick(&[100, 300, 700]);
        let world = world(&mut rng, &moments, calls);
        let parts = rng.pick(&[1, 3]);
        let plain = start(&world, &settings, parts).await;
        let beside = async |planner: bool, cache: bool, threads: &str| {
            let mut db = plain.same_db(support::engine());
            db.reader = db.reader.with_setting("max_threads", threads);
            let app = TestApp::over(db, |config| {
                configure(config, &settings);
                config.operator.secret = Secret::new(operator::SECRET);
                config.planner.enabled = planner;
                config.cache.enabled = cache;
            })
            .await;
            until_ready(&app, &world).await;
            app
        };
        let (calls, cached) = futures_util::future::join(beside(false, false, "1"), beside(true, true, "2")).await;
        // The second answer of the one with a cache is from there.
        let ways = [("plain", &plain, 1), ("without a planner", &calls, 1), ("with a cache", &cached, 2)];
        for _ in 0..QUESTIONS {
            let asker = asker(&mut rng, &world);
            let question = Question::random(&mut rng, &world.calls, &asker, &moments, zone);
            let answer = expected(&world, &question, &settings);
            let each = ways.map(|(name, app, times)| {
                let (world, question, settings, answer) = (&world, &question, &settings, &answer);
                async move {
                    for _ in 0..times {
                        if let Some(found) = difference(app, world, question, settings, answer).await {
                            let found = smallest(app, world, question.clone(), settings, found).await;
                            panic!("CDRSCOPE_TEST_SEED={seed}, world {number}, {name}: {settings:?}\n{found}");
                        }
                    }
                    times
                }
            });
            compared += futures_util::future::join_all(each).await.into_iter().sum::<usize>();
            grouped += usize::from(answer.0 == 200 && !answer.1.contains(":[],"));
        }
    }
    let asked = worlds * QUESTIONS;
    println!(
        "seed {seed}: {compared} answers to {asked} random questions compared, {grouped} of them with groups, 0 differences"
    );
    // Some are refused, and some tokens see few calls.
    assert!(grouped * 3 > asked, "only {grouped} questions are about calls: the generator has gone blind");
}
