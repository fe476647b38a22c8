//! Bounds of files: how many at once, how long, and what happens when their reader leaves.

use std::time::{Duration, Instant};

use cdrscope::config::value::Value as _;

use super::{FIRST, World, world};
use crate::support;

/// Statements of files that run in ClickHouse.
async fn running(world: &World) -> u64 {
    let sql = format!(
        "SELECT count() FROM system.processes WHERE current_database = '{}' AND Settings['log_comment'] = 'origination-cdrs'",
        world.app.database
    );
    world.app.admin.query_raw(&sql).fetch_one::<u64>().await.unwrap()
}

/// A service whose files take their time.
async fn slow(change: impl FnOnce(&mut cdrscope::config::Config)) -> World {
    let world = world(|config| {
        let slow = "src_prefix_in = concat(src_prefix_in, toString(sleepEachRow(0.0001)))";
        config.tables.cdrs_columns = cdrscope::config::Expressions::parse(slow).unwrap();
        change(config);
    })
    .await;
    let many = format!(
        "INSERT INTO cdrs (id, customer_id, customer_acc_id, is_last_cdr, time_start, orig_call_id) \
         SELECT number, 7, 1, 1, toDateTime({FIRST} + 86400) + intDiv(number, 10), hex(sipHash128(number)) FROM numbers(300000)"
    );
    world.app.admin.query_raw(&many).execute().await.unwrap();
    world
}

#[actix_web::test]
async fn a_file_whose_reader_leaves_ends_in_clickhouse_within_a_second() {
    let world = slow(|_| ()).await;
    for format in ["csv", "csv.gz", "parquet", "xlsx"] {
        let path = world.path("origination-cdrs", &format!("&format={format}&columns=id,orig_call_id,src_prefix_in"));
        let response = {
            let request = world.app.request("GET", &path).header("Authorization", &world.token);
            // Parquet sends nothing for a while.
            tokio::time::timeout(Duration::from_secs(2), request.send()).await
        };
        assert_eq!(running(&world).await, 1, "{format}");
        drop(response);
        let left = Instant::now();
        support::eventually("the statement ends", async || (running(&world).await == 0).then_some(())).await;
        assert!(left.elapsed() < Duration::from_millis(2000), "{format}: {:?}", left.elapsed());
    }
    let free = async || (world_is_free(&world).await).then_some(());
    support::eventually("the slot is free", free).await;
}

async fn world_is_free(world: &World) -> bool {
    let path = world.path("origination-cdrs", "&format=csv&to-time=1774700100&columns=id");
    world.app.get(&path, &world.token).await.status == 200
}

#[actix_web::test]
async fn files_have_slots_of_their_own_and_bounds() {
    let world = slow(|config| {
        config.exports.per_customer = 1;
        config.limits.queue_seconds = 0;
        config.limits.concurrent_queries = 1;
        config.exports.max_rows = 400_000;
    })
    .await;
    let path = world.path("origination-cdrs", "&format=csv&columns=id,orig_call_id,src_prefix_in");
    let first = world.app.request("GET", &path).header("Authorization", &world.token).send().await.unwrap();
    assert_eq!(first.status(), 200);
    let second = world.app.get(&path, &world.token).await;
    assert_eq!((second.status, second.header("retry-after")), (503, "1"));
    assert!(second.body.contains("too many files at once, try again"), "{}", second.body);
    // Reports and pages have theirs, of which there is one.
    for path in
        [world.path("origination-statistics", "&sampling=month"), world.path("origination-cdrs", "&limit=1&columns=id")]
    {
        assert_eq!(world.app.get(&path, &world.token).await.status, 200, "{path}");
    }
    drop(first);
    support::eventually("the slot is free", async || (world_is_free(&world).await).then_some(())).await;
}

#[actix_web::test]
async fn a_file_that_would_be_too_long_is_refused_before_it_begins() {
    let world = world(|config| (config.exports.max_rows, config.exports.per_customer) = (10, 1)).await;
    for format in ["csv", "ndjson", "parquet", "xlsx"] {
        let reply = world.app.get(&world.path("origination-cdrs", &format!("&format={format}")), &world.token).await;
        let wanted = r#"{"error":"too many CDRs: exports.max_rows is 10, ask for a shorter range"}"#;
        assert_eq!((reply.status, reply.body.as_str()), (400, wanted));
    }
    assert_eq!(world.app.get(&world.path("origination-cdrs", "&limit=500"), &world.token).await.status, 200);
}
