//! A row counts once, whatever its file is called and however it comes.

use std::process::Stdio;
use std::time::Duration;

use super::{File, command, one};
use crate::support::{Db, db, insert};

fn rows(ids: impl Iterator<Item = u32>) -> String {
    let line = |id: u32| format!("{id},7,2026-01-{:02} 10:00:{:02},0.25\n", id % 28 + 1, id % 60);
    "id,customer_acc_id,time_start,customer_price\n".to_owned() + &ids.map(line).collect::<String>()
}

async fn count(db: &Db) -> String {
    one(db, "(count(), uniqExact(id))").await
}

#[actix_web::test]
async fn the_same_rows_under_another_name_grown_reordered_split_and_compressed_count_once() {
    let db = db().await;
    let (code, said) = File::new("a.csv", rows(1..101)).load(&db, &[]);
    assert!(code == 0 && said.contains("100 rows read, 100 stored"), "{said}");
    for (name, text, stored, known) in [
        ("b.csv", rows(1..101), 0, 100),
        ("a.csv", rows(1..151), 50, 100),
        ("a.csv", rows((1..151).rev()), 0, 150),
        ("part.csv", rows(40..61), 0, 21),
        ("twice.csv", rows((149..161).chain(150..161)), 10, 13),
    ] {
        let (code, said) = File::new(name, text).load(&db, &[]);
        assert_eq!(code, 0, "{said}");
        assert!(said.contains(&format!(" {stored} stored, {known} already there")), "{name}: {said}");
    }
    let file = File::new("c.csv", rows(1..161));
    assert!(std::process::Command::new("gzip").arg(file.path()).status().unwrap().success());
    let packed = file.dir.path().join("c.csv.gz");
    let output = command(&db, &[], &[&packed]).output().unwrap();
    assert!(super::said(&output).contains(" 0 stored, 160 already there"), "{}", super::said(&output));
    assert_eq!(count(&db).await, "(160,160)");
}

#[actix_web::test]
async fn a_file_counts_once_after_more_inserts_than_the_window_holds() {
    let db = db().await;
    let text = "customer_acc_id,time_start,customer_price\n7,2026-01-01 10:00:00,10.5\n7,2026-01-01 10:00:01,1.25\n";
    let file = File::new("a.csv", text);
    assert_eq!(file.load(&db, &[]).0, 0);
    db.admin
        .query_raw("ALTER TABLE cdrs MODIFY SETTING non_replicated_deduplication_window = 1")
        .execute()
        .await
        .unwrap();
    for i in 0..3 {
        insert(&db.admin, "cdrs", &format!("{{\"id\":{},\"customer_acc_id\":7,\"time_start\":1767261600}}\n", 900 + i))
            .await;
    }
    let (code, said) = file.load(&db, &[]);
    assert_eq!(code, 0, "{said}");
    assert_eq!(one(&db, "(count(), sum(customer_price))").await, "(5,11.75)");
}

#[actix_web::test]
async fn rows_that_were_deleted_can_be_loaded_again() {
    let db = db().await;
    let file = File::new("a.csv", rows(1..11));
    file.load(&db, &[]);
    db.admin.query_raw("ALTER TABLE cdrs DELETE WHERE id < 6 SETTINGS mutations_sync = 2").execute().await.unwrap();
    let (_, said) = file.load(&db, &[]);
    assert!(said.contains(" 5 stored, 5 already there"), "{said}");
    assert_eq!(count(&db).await, "(10,10)");
}

#[actix_web::test]
async fn a_row_whose_time_was_corrected_is_known_by_its_id() {
    let db = db().await;
    let row = |time: &str| format!("id,customer_acc_id,time_start\n8,7,{time}\n");
    File::new("a.csv", row("2026-01-01 10:00:00")).load(&db, &[]);
    let (_, said) = File::new("a.csv", row("2026-01-01 10:00:07")).load(&db, &[]);
    assert!(said.contains(" 0 stored, 1 already there"), "{said}");
    assert_eq!(count(&db).await, "(1,1)");
}

#[actix_web::test]
async fn rows_known_already_can_be_a_reason_to_stop() {
    let db = db().await;
    File::new("a.csv", rows(5..6)).load(&db, &[]);
    let (code, said) = File::new("b.csv", rows(1..11)).load(&db, &["--on-known", "fail"]);
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("already there"), "{said}");
    assert_eq!(count(&db).await, "(1,1)");
}

#[actix_web::test]
async fn a_load_killed_at_any_moment_and_repeated_holds_each_row_once() {
    let db = db().await;
    let file = File::new("a.csv", rows(1..60_001));
    for round in 0..6 {
        let mut child = command(&db, &["--batch-rows", "5000"], &[&file.path()])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        tokio::time::sleep(Duration::from_millis(100 + 150 * round)).await;
        let _ = child.kill();
        child.wait().unwrap();
    }
    let (code, said) = file.load(&db, &[]);
    assert_eq!(code, 0, "{said}");
    assert_eq!(count(&db).await, "(60000,60000)");
}

#[actix_web::test]
async fn rows_of_batches_that_are_on_their_way_are_known() {
    let db = db().await;
    let text = rows([1, 1, 2, 1, 3, 2, 4, 4].into_iter());
    let (code, said) = File::new("a.csv", text).load(&db, &["--batch-rows", "1"]);
    assert!(code == 0 && said.contains("8 rows read, 4 stored, 4 already there"), "{said}");
    assert_eq!(count(&db).await, "(4,4)");
}

#[actix_web::test]
async fn columns_without_a_value_in_some_or_all_rows_have_the_tables_default() {
    let db = db().await;
    let sql = "ALTER TABLE cdrs ADD COLUMN tag Nullable(String) DEFAULT 'x', ADD COLUMN line UInt16 DEFAULT 5";
    db.admin.query_raw(sql).execute().await.unwrap();
    let stored = "arrayStringConcat(arraySort(groupArray(concat(toString(id), ifNull(tag, '-'), toString(line), \
        toString(date_start = toDate(time_start))))), ' ')";
    let line = |rest: &str| format!("{{\"customer_acc_id\":7,\"time_start\":\"2026-01-01 10:00:00\",{rest}}}\n");
    for (text, wanted) in [
        ([line("\"id\":1"), line("\"id\":2")].concat(), "1x51 2x51"),
        ([line("\"id\":1,\"line\":9"), line("\"id\":2")].concat(), "1x91 2x51"),
        ([line("\"id\":1,\"tag\":\"a\""), line("\"id\":2,\"line\":null")].concat(), "1a51 2-51"),
    ] {
        db.admin.query_raw("TRUNCATE TABLE cdrs SYNC").execute().await.unwrap();
        let (code, said) = File::new("a.jsonl", &text).load(&db, &[]);
        assert_eq!(code, 0, "{said}");
        assert_eq!(one(&db, stored).await, wanted, "{text}");
    }
}

#[actix_web::test]
async fn of_rows_with_one_id_in_a_file_the_first_is_stored_however_large_a_batch_is() {
    let row = |id: &str, day: u32, price: u32| format!("{id},7,2026-01-{day:02} 10:00:00,{price}\n");
    let uuid = "7fae7f26-6d0c-4dce-a4b5-9bd5f0f1a717";
    for (column, id) in [("id", "7"), ("uuid", uuid)] {
        let text = format!("{column},customer_acc_id,time_start,customer_price\n")
            + &row(id, 1, 1)
            + &row(&id.replace('7', "8"), 9, 2)
            + &row(id, 20, 3)
            + &row(id, 20, 4);
        let file = File::new("a.csv", text);
        for rows in ["1", "2", "3", "200000"] {
            let db = db().await;
            for (stored, known) in [(2, 2), (0, 4)] {
                let (code, said) = file.load(&db, &["--batch-rows", rows, "--dry-run"]);
                assert!(said.contains(&format!("{stored} would be stored, {known} already there")), "{rows}: {said}");
                assert_eq!(code, 0, "{said}");
                let (code, said) = file.load(&db, &["--batch-rows", rows]);
                assert!(said.contains(&format!(" {stored} stored, {known} already there")), "{rows}: {said}");
                assert!(said.contains("2 of those already there came earlier in this file"), "{rows}: {said}");
                assert_eq!(code, 0, "{said}");
            }
            assert_eq!(one(&db, "(count(), sum(customer_price))").await, "(2,3)", "{column} {rows}");
        }
    }
}
