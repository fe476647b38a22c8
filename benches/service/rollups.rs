//! What the projections cost: inserts with and without them, and bytes on disk.

use std::time::Instant;

use cdrscope::migrate::migrate;
use cdrscope::sql::projections::ALL;
use clickhouse::Client;

use crate::contest::median;
use crate::report::{Report, count};
use crate::world::World;
use crate::{Pace, Result};

/// CDRs of an insert, unless there are few calls.
const ROWS: u64 = 200_000;

/// Everything about projections.
pub async fn measure(world: &World, pace: Pace, report: &mut Report) -> Result<()> {
    let admin = world.database("rollups");
    migrate(&admin, "rollups").await?;
    inserts(world, &admin, pace, report).await?;
    world.admin.query_raw("DROP DATABASE rollups SYNC").execute().await?;
    bytes(world, report).await
}

/// Inserts of the same CDRs, from memory and in the order of their times, on one thread, into tables with more and fewer
/// projections in turns.
async fn inserts(world: &World, admin: &Client, pace: Pace, report: &mut Report) -> Result<()> {
    let rows = ROWS.min(world.calls / 20);
    let run = async |sql: String| admin.query_raw(&sql).execute().await;
    run("DROP TABLE IF EXISTS source SYNC".into()).await?;
    run(format!(
        "CREATE TABLE source ENGINE = Memory AS SELECT * FROM month.cdrs \
         WHERE id IN (SELECT id FROM bench.month ORDER BY time_start LIMIT {rows}) ORDER BY time_start LIMIT {rows}"
    ))
    .await?;
    let is_sum = |name: &str| name.ends_with("_minutes") || name.ends_with("_hours");
    let names = || ALL.iter().map(|projection| projection.name);
    let tables: [(&str, Vec<&str>); 3] = [
        ("without", names().collect()),
        ("without_sums", names().filter(|name| is_sum(name)).collect()),
        ("with_all", Vec::new()),
    ];
    for (table, dropped) in &tables {
        run(format!("DROP TABLE IF EXISTS {table} SYNC")).await?;
        run(format!("CREATE TABLE {table} AS cdrs")).await?;
        for projection in dropped {
            run(format!("ALTER TABLE {table} DROP PROJECTION {projection}")).await?;
        }
        run(format!("SYSTEM STOP MERGES rollups.{table}")).await?;
    }
    let mut rates: [Vec<f64>; 3] = Default::default();
    for _ in 0..2 * pace.loads {
        for ((table, _), rates) in tables.iter().zip(&mut rates) {
            run(format!("TRUNCATE TABLE {table} SYNC")).await?;
            let begun = Instant::now();
            run(format!(
                "INSERT INTO {table} SELECT * FROM source SETTINGS max_threads = 1, max_insert_threads = 1, async_insert = 0"
            ))
            .await?;
            rates.push(rows as f64 / begun.elapsed().as_secs_f64());
        }
    }
    let [none, orders, all] = rates.map(|rates| median(&rates));
    for (what, rate) in [("those by destination and vendor only", orders), ("all projections", all)] {
        report.row(
            format!("inserting {} CDRs on one thread, with {what}, against without any", count(rows)),
            [
                format!("{}/s", count(none.round() as u64)),
                format!("{}/s", count(rate.round() as u64)),
                format!("{:.0} %", 100.0 * rate / none),
                String::new(),
            ],
            None,
        );
    }
    Ok(())
}

/// Rows and bytes of each projection of the month.
async fn bytes(world: &World, report: &mut Report) -> Result<()> {
    let cdrs: u64 = world
        .admin
        .query_raw("SELECT sum(rows) FROM system.parts WHERE database = 'month' AND table = 'cdrs' AND active")
        .fetch_one()
        .await?;
    for projection in ALL {
        let (rows, size): (u64, u64) = world
            .admin
            .query_raw(&format!(
                "SELECT sum(rows), sum(bytes_on_disk) FROM system.projection_parts \
                 WHERE database = 'month' AND table = 'cdrs' AND active AND name = '{}'",
                projection.name
            ))
            .fetch_one()
            .await?;
        report.row(
            format!("bytes of {}, {} rows of {} CDRs", projection.name, count(rows), count(cdrs)),
            [
                format!("{:.1} a row", size as f64 / rows.max(1) as f64),
                format!("{:.2} a CDR", size as f64 / cdrs.max(1) as f64),
                String::new(),
                String::new(),
            ],
            None,
        );
    }
    Ok(())
}
