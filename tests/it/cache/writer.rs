//! A writer at work: after each of its steps the answers are those of a service without memory; and while it does not
//! stop, every answer is one that was right at some moment since the request began.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::{Services, calls, now, questions};
use crate::differential::{number_from, seed_of_run};
use crate::random::Rng;
use crate::support::TestApp;

/// Steps of the writer, and questions after each.
const STEPS: usize = 60;
const QUESTIONS: usize = 6;

const DAY: i64 = 86_400;

/// One thing that a writer or an operator does.
fn step(rng: &mut Rng, id: &mut u64, now: i64) -> Vec<String> {
    let late = rng.pick(&[5, 60, 3600, 5 * 3600, DAY, 9 * DAY, 33 * DAY, 64 * DAY]);
    let count = rng.between(1, 40).unsigned_abs();
    *id += 1000;
    let insert = calls(*id, now - late, rng.pick(&[0, 1, 7, 60, 611, 7200]), count);
    let few = format!("id % {} = {}", rng.between(3, 40), rng.between(0, 2));
    let month = |rng: &mut Rng| {
        let second = now - rng.pick(&[0, 33, 64]) * DAY;
        format!("PARTITION {}", jiff::Timestamp::from_second(second).unwrap().strftime("%Y%m"))
    };
    match rng.below(24) {
        0..10 => vec![insert],
        10 => vec![insert.clone(), insert],
        11..13 => vec![insert, calls(*id + 500, now - 30, 1, 3)],
        13..15 => vec![insert, "OPTIMIZE TABLE cdrs FINAL".to_owned()],
        15 => vec!["OPTIMIZE TABLE cdrs FINAL".to_owned()],
        16..18 => vec![format!("DELETE FROM cdrs WHERE {few}")],
        18 => vec![format!("ALTER TABLE cdrs DELETE WHERE {few} SETTINGS mutations_sync = 2")],
        19 => vec![format!("ALTER TABLE cdrs UPDATE duration = duration + 10 WHERE {few} SETTINGS mutations_sync = 2")],
        20 => vec![format!(
            "ALTER TABLE cdrs DELETE WHERE time_start > toDateTime({}) SETTINGS mutations_sync = 2",
            now - late
        )],
        21 => vec![format!("ALTER TABLE cdrs DROP {}", month(rng))],
        22 => {
            let month = month(rng);
            vec![format!("ALTER TABLE cdrs DETACH {month}"), insert, format!("ALTER TABLE cdrs ATTACH {month}")]
        }
        _ => vec!["TRUNCATE TABLE cdrs".to_owned(), insert],
    }
}

#[actix_web::test]
async fn after_each_step_of_a_writer_the_answers_are_those_without_memory() {
    let services = Services::start().await;
    let seed = seed_of_run();
    let steps = STEPS * usize::try_from(number_from("CDRSCOPE_TEST_CASES").unwrap_or(1).max(1)).unwrap();
    let mut rng = Rng::new(seed);
    let now = now();
    let all = questions(now);
    services.run(&calls(1, now - 70 * DAY, 7_919, 780)).await;
    let (mut id, mut compared, mut log) = (10_000, 0, Vec::new());
    for _ in 0..steps {
        for statement in step(&mut rng, &mut id, now) {
            services.run(&statement).await;
            log.push(statement);
        }
        let asked: Vec<String> = (0..QUESTIONS).map(|_| rng.pick(&all)).collect();
        let differences = services.differences(&services.cached, &asked).await;
        let latest = log[log.len().saturating_sub(8)..].join("\n  ");
        assert!(differences.is_empty(), "CDRSCOPE_TEST_SEED={seed}\n{}\nafter\n  {latest}", differences.join("\n"));
        compared += QUESTIONS;
    }
    println!("seed {seed}: {compared} answers after {steps} steps compared, 0 differences");
}

/// Calls that have been written, with the moment when that was known.
struct Written {
    begun: Instant,
    stopped: AtomicBool,
    /// Calls whose insert has begun.
    started: AtomicU64,
    /// Milliseconds since the beginning, and how many calls were there by then.
    done: std::sync::Mutex<Vec<(Duration, u64)>>,
}

impl Written {
    /// Calls that were there so long before now.
    fn by(&self, ago: Duration) -> u64 {
        let moment = self.begun.elapsed().saturating_sub(ago);
        let done = self.done.lock().unwrap();
        done.iter().rev().find(|(at, _)| *at <= moment).map_or(0, |(_, count)| *count)
    }
}

/// Adds batches of calls of all ages as fast as it can, with a merge now and then.
async fn write(services: &Services, now: i64, written: &Written) {
    let mut rng = Rng::new(now.unsigned_abs());
    let (mut id, mut total) = (1, 0);
    while !written.stopped.load(Ordering::Relaxed) {
        let count = rng.between(1, 30).unsigned_abs();
        // All of a batch is in one month: a batch in two parts is there in two steps.
        let late = rng.pick(&[0, 0, 0, 90, 3600, 40 * DAY]);
        id += count;
        total += count;
        written.started.store(total, Ordering::SeqCst);
        services.run(&calls(id, now - late, 0, count)).await;
        written.done.lock().unwrap().push((written.begun.elapsed(), total));
        if rng.percent(10) {
            services.run("OPTIMIZE TABLE cdrs FINAL").await;
        }
    }
}

/// Asks on and on; each total lies between what was there before the request and what was begun at its end.
async fn watch(services: &Services, app: &TestApp, fresh: Duration, question: &str, written: &Written) -> usize {
    let mut asked = 0;
    while written.begun.elapsed() < Duration::from_secs(6) {
        let least = written.by(fresh);
        let reply = services.ask(app, question).await;
        let most = written.started.load(Ordering::SeqCst);
        assert_eq!(reply.status, 200, "{}", reply.body);
        let total = reply.json()["totals"]["total_calls"].as_u64().unwrap();
        assert!((least..=most).contains(&total), "{total} calls, not {least} to {most}: {question}");
        asked += 1;
    }
    asked
}

#[actix_web::test]
async fn while_a_writer_works_every_answer_is_right_at_some_moment() {
    let services = Services::start().await;
    let default = TestApp::over(services.db(), |config| config.http.workers = 2).await;
    services.know(&default).await;
    let now = now();
    let written = Written {
        begun: Instant::now(),
        stopped: AtomicBool::new(false),
        started: AtomicU64::new(0),
        done: std::sync::Mutex::default(),
    };
    let open = format!("termination-statistics?from-time={}&sampling=minute", now - 41 * DAY);
    let odd = format!("termination-statistics-quality?from-time={}&sampling=5minutes&fill=false", now - 41 * DAY - 7);
    let days = format!("termination-statistics?from-time={}&to-time={}&sampling=day", now - 42 * DAY, now + DAY);
    let second = Duration::from_secs(1);
    let watching = async {
        let asked = tokio::join!(
            watch(&services, &services.cached, Duration::ZERO, &open, &written),
            watch(&services, &services.cached, Duration::ZERO, &open, &written),
            watch(&services, &services.cached, Duration::ZERO, &odd, &written),
            watch(&services, &default, second, &open, &written),
            watch(&services, &default, second, &days, &written),
            watch(&services, &services.plain, Duration::ZERO, &odd, &written),
        );
        written.stopped.store(true, Ordering::Relaxed);
        asked
    };
    let (asked, ()) = tokio::join!(watching, write(&services, now, &written));
    let batches = written.done.lock().unwrap().len();
    println!("{asked:?} answers while {batches} batches came, every one right");
}
