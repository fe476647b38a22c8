//! An engine that goes away and comes back: no answer from before, and none that is stale afterwards.

use std::time::{Duration, Instant};

use cdrscope::embedded::EmbeddedEngine;
use rustix::process::{Pid, Signal, kill_process};

use super::{Services, calls, longer, now, questions};
use crate::support::engine_options;

/// Kills the engine's process.
fn kill(engine: &EmbeddedEngine) {
    let pid = engine.pid().unwrap();
    kill_process(Pid::from_raw(pid.try_into().unwrap()).unwrap(), Signal::KILL).unwrap();
}

/// Waits until the engine answers again.
async fn back(engine: &EmbeddedEngine, services: &mut Services) {
    let begun = Instant::now();
    services.plain.renew(engine);
    while services.plain.admin.query_raw("SELECT 1").execute().await.is_err() {
        assert!(begun.elapsed() < Duration::from_secs(30), "the engine did not come back");
        tokio::time::sleep(Duration::from_millis(50)).await;
        services.plain.renew(engine);
    }
}

#[actix_web::test]
async fn an_engine_that_was_killed_leaves_no_stale_answer() {
    let dir = tempfile::tempdir().unwrap();
    let engine = EmbeddedEngine::start(engine_options(dir.path().to_owned())).await.unwrap();
    let mut services = Services::on(&engine).await;
    let now = now();
    let questions = questions(now)[..9].to_vec();
    let fill = [calls(1, now - 7200, 60, 20), calls(100, now - 3600, 60, 30)];
    for statement in &fill {
        services.run(statement).await;
    }
    assert_eq!(services.differences(&services.cached, &questions).await, Vec::<String>::new());
    kill(&engine);
    let mut statuses = Vec::new();
    for question in &questions {
        statuses.push(services.ask(&services.cached, question).await.status);
    }
    back(&engine, &mut services).await;
    assert_eq!(statuses[0], 503);
    // As soon as it is there again, an answer may be right, but never old.
    assert!(statuses.iter().all(|status| [200, 503].contains(status)), "{statuses:?}");
    assert_eq!(services.differences(&services.cached, &questions).await, Vec::<String>::new(), "after a restart");

    // A table that was emptied before the restart gives its parts' names out again, here as many calls in each, merged.
    services.run("TRUNCATE TABLE cdrs").await;
    kill(&engine);
    back(&engine, &mut services).await;
    for statement in &fill {
        services.run(&longer(statement)).await;
    }
    services.run("OPTIMIZE TABLE cdrs FINAL").await;
    let differences = services.differences(&services.cached, &questions).await;
    assert_eq!(differences, Vec::<String>::new(), "after calls of the same parts");
}
