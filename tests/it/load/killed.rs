//! `kill -9` at any moment of a load, then the same again: the table is as if nothing had happened.

use std::process::Stdio;
use std::time::{Duration, Instant};

use super::{File, command, one, said};
use crate::support::{Db, db};

const ROWS: u64 = 100_000;
/// Moments are made of it.
const SEED: u64 = 12;

fn rows(price: &str) -> String {
    let line = |id: u64| format!("{id},7,2026-{:02}-{:02} 10:00:{:02},{price}\n", id % 3 + 8, id % 28 + 1, id % 60);
    "id,customer_acc_id,time_start,customer_price\n".to_owned() + &(1..=ROWS).map(line).collect::<String>()
}

/// Kills the load so many times at moments within the time that a whole one takes, then lets it end.
async fn kill_and_repeat(db: &Db, file: &File, args: &[&str], kills: u32) {
    let args: Vec<&str> = args.iter().copied().chain(["--batch-rows", "10000"]).collect();
    let begun = Instant::now();
    assert!(command(db, &args, &[&file.path()]).output().unwrap().status.success());
    let whole = begun.elapsed();
    let mut random = SEED;
    for _ in 0..kills {
        // The first third is the check, which stores nothing.
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let share = 0.3 + (random >> 33) as f64 / (1_u64 << 31) as f64 * 0.7;
        if !args.contains(&"replace") && !args.contains(&"--replace") {
            db.admin.query_raw("TRUNCATE TABLE cdrs SYNC").execute().await.unwrap();
        }
        let mut child =
            command(db, &args, &[&file.path()]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        tokio::time::sleep(Duration::min(whole.mul_f64(share), Duration::from_secs(20))).await;
        let _ = child.kill();
        child.wait().unwrap();
    }
    let output = command(db, &args, &[&file.path()]).output().unwrap();
    assert!(output.status.success(), "{}", said(&output));
}

#[actix_web::test]
async fn a_plain_load_killed_ten_times_stores_each_row_once() {
    let db = db().await;
    kill_and_repeat(&db, &File::new("a.csv", rows("0.25")), &[], 10).await;
    assert_eq!(one(&db, "(count(), uniqExact(id), sum(customer_price))").await, "(100000,100000,25000)");
}

#[actix_web::test]
async fn known_rows_that_are_replaced_by_a_load_killed_ten_times_are_there_once() {
    let db = db().await;
    assert_eq!(File::new("a.csv", rows("0.25")).load(&db, &[]).0, 0);
    kill_and_repeat(&db, &File::new("b.csv", rows("0.5")), &["--on-known", "replace"], 10).await;
    assert_eq!(one(&db, "(count(), uniqExact(id), sum(customer_price))").await, "(100000,100000,50000)");
}

#[actix_web::test]
async fn a_range_that_is_swapped_by_a_load_killed_ten_times_holds_the_files_rows() {
    for range in ["2026-08/2026-10", "2026-08-01/2026-10-30"] {
        let db = db().await;
        assert_eq!(File::new("a.csv", rows("0.25")).load(&db, &[]).0, 0);
        kill_and_repeat(&db, &File::new("b.csv", rows("0.5")), &["--replace", range], 5).await;
        assert_eq!(one(&db, "(count(), uniqExact(id), sum(customer_price))").await, "(100000,100000,50000)", "{range}");
    }
}

#[actix_web::test]
async fn what_a_kill_has_left_is_finished_by_the_next_load_of_any_file() {
    let db = db().await;
    assert_eq!(File::new("a.csv", rows("0.25")).load(&db, &[]).0, 0);
    // As a run leaves it that is killed after the old rows went and before the new ones came.
    let ready = format!("cdrscope_ready_{}", uuid::Uuid::new_v4().simple());
    for sql in [
        format!("CREATE TABLE {ready} AS cdrs"),
        format!(
            "INSERT INTO {ready} (id, customer_acc_id, time_start, customer_price) SELECT number + 1, 7, '2026-08-05 10:00:00', 2 FROM numbers(5)"
        ),
        format!(
            "ALTER TABLE {ready} MODIFY COMMENT '{{\"table\":\"cdrs\",\"range\":{{\"from\":1785888000,\"to\":1785974400,\"accounts\":[]}},\"known\":null}}'"
        ),
        "ALTER TABLE cdrs DELETE WHERE toDate(time_start) = '2026-08-05' SETTINGS mutations_sync = 2".to_owned(),
    ] {
        db.admin.query_raw(&sql).execute().await.unwrap();
    }
    let other = File::new("c.csv", "id,customer_acc_id,time_start\n999999,7,2026-01-01 10:00:00\n");
    let (code, said) = other.load(&db, &["--dry-run"]);
    assert!(code == 0 && said.contains("the next one without --dry-run ends it"), "{said}");
    let (code, said) = other.load(&db, &[]);
    assert!(code == 0 && said.contains("an earlier load was killed while it replaced rows"), "{said}");
    assert_eq!(
        one(
            &db,
            "(countIf(toDate(time_start) = '2026-08-05'), sumIf(customer_price, toDate(time_start) = '2026-08-05'))"
        )
        .await,
        "(5,10)"
    );
    let (_, said) = other.load(&db, &[]);
    assert!(!said.contains("an earlier load"), "{said}");
}

#[actix_web::test]
async fn tables_of_killed_loads_are_dropped_by_the_next_one_unless_somebody_uses_them() {
    let db = db().await;
    let name = || format!("cdrscope_load_1780000000_{}", uuid::Uuid::new_v4().simple());
    let (left, held, others) = (name(), name(), "cdrscope_load_of_mine");
    for name in [&*left, &*held, others] {
        db.admin.query_raw(&format!("CREATE TABLE {name} (id UInt8) ENGINE = Log")).execute().await.unwrap();
    }
    // As a load that goes on holds its own.
    let holding = db.admin.clone().with_setting("query_id", format!("{held}-1"));
    let holding = tokio::spawn(async move {
        holding
            .query_raw("SELECT sum(sleepEachRow(1)) FROM numbers(30) SETTINGS max_block_size = 1")
            .fetch_one::<u64>()
            .await
    });
    tokio::time::sleep(Duration::from_secs(1)).await;
    let tables = async || {
        let sql = "SELECT name FROM system.tables WHERE database = currentDatabase() AND name LIKE 'cdrscope_load%' ORDER BY name";
        db.admin.query_raw(sql).fetch_all::<String>().await.unwrap()
    };
    let file = File::new("a.csv", "id,customer_acc_id,time_start\n1,7,2026-01-01 10:00:00\n");
    let (_, said) = file.load(&db, &["--dry-run"]);
    assert!(!said.contains("dropped") && tables().await.len() == 3, "{said}");
    let (code, said) = file.load(&db, &[]);
    assert!(code == 0 && said.contains("a table that a killed load had left was dropped"), "{said}");
    assert_eq!(tables().await, [held.as_str(), others]);
    holding.abort();
}

#[actix_web::test]
async fn a_load_that_has_ended_holds_nobody_up() {
    let db = db().await;
    let file = File::new("a.csv", "id,customer_acc_id,time_start\n1,7,2026-01-01 10:00:00\n");
    for round in 0..8 {
        let (code, said) = file.load(&db, &[]);
        assert!(code == 0 && !said.contains("another load"), "{round}: {said}");
    }
}
