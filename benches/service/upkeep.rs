//! What the service itself needs: memory, and time to start.

use std::time::{Duration, Instant};

use crate::ask::{MINUTE, Question};
use crate::cold::SIZES;
use crate::contest::median;
use crate::load::drive;
use crate::report::{Report, millis};
use crate::wire::Wire;
use crate::world::{DAY, FROM, World};
use crate::{Pace, Result, ask};

/// Connections that keep the service busy.
const BUSY: usize = 512;

/// Everything about upkeep.
pub async fn measure(world: &World, pace: Pace, report: &mut Report) -> Result<()> {
    start(world, pace, report).await?;
    memory(world, pace, report).await
}

/// From the start of the process until `/health/ready` says so, against an engine that runs already.
async fn start(world: &World, pace: Pace, report: &mut Report) -> Result<()> {
    let mut times = Vec::new();
    for _ in 0..2 * pace.loads {
        let begun = Instant::now();
        let service = world.serve("month", &[])?;
        let mut wire = Wire::connect(&service.authority).await?;
        while wire.ask(&ask::get("/health/ready", "")).await? != 200 {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        times.push(begun.elapsed().as_secs_f64() * 1000.0);
    }
    report.at_most("start until ready, ClickHouse running", "", median(&times), 300.0, millis);
    Ok(())
}

async fn memory(world: &World, pace: Pace, report: &mut Report) -> Result<()> {
    let megabytes = |value: f64| format!("{value:.0} MB");
    let service = world.serve("month", &[])?;
    // The accounts are read more than once meanwhile.
    tokio::time::sleep(Duration::from_secs(6)).await;
    report.at_most("resident memory, idle", "", service.resident_mb()?, 64.0, megabytes);
    let mut requests = Vec::new();
    for day in 0..28 {
        for id in SIZES {
            let from = FROM + day * DAY;
            requests.push(Question::quality(&world.account(id)?, from, from + DAY - 1, MINUTE).request(""));
        }
    }
    // So that none of the many has to wait for the engine longer than requests may.
    let mut wire = Wire::connect(&service.authority).await?;
    for request in &requests {
        wire.ask(request).await?;
    }
    let bodies = requests.len();
    let busy = drive(&service.authority, requests, BUSY, 2 * pace.load, 200);
    let mut most: f64 = 0.0;
    tokio::pin!(busy);
    let run = loop {
        tokio::select! {
            done = &mut busy => break done?,
            () = tokio::time::sleep(Duration::from_millis(100)) => most = most.max(service.resident_mb()?),
        }
    };
    report.at_most(
        format!("resident memory, {BUSY} connections busy with {bodies} answers"),
        format!("{:.0} answers/s", run.per_second),
        most,
        256.0,
        megabytes,
    );
    Ok(())
}
