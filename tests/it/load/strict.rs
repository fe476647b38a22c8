//! Rows that the constraints of `migrate --strict-rows` refuse: rejected like others, so that the rest is stored.

use super::{File, one};
use crate::support::{Db, db, engine};

fn strict(db: &Db, more: &[&str]) {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_cdrscope"));
    command
        .args(["migrate", "--strict-rows"])
        .args(more)
        .env("CDRSCOPE_CLICKHOUSE_URL", engine().url())
        .env("CDRSCOPE_CLICKHOUSE_USER", &engine().admin().user)
        .env("CDRSCOPE_CLICKHOUSE_PASSWORD", &engine().admin().password)
        .env("CDRSCOPE_CLICKHOUSE_DATABASE", &db.database);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", super::said(&output));
}

const ROWS: &str = "SELECT toUInt64(number + 1) AS id, toUInt32(7) AS customer_acc_id, toUInt32(5) AS customer_id, \
    toUInt8(1) AS is_last_cdr, toDateTime('2026-05-01 10:00:00', 'UTC') AS time_start, \
    if(number % 10000 = 1, -60, if(number = 25000, 300000, 60))::Int32 AS duration FROM numbers(30000)";

#[actix_web::test]
async fn rows_that_the_table_refuses_are_rejected_and_all_others_stored() {
    for (name, format) in [("a.csv", "CSVWithNames"), ("a.native", "Native"), ("a.parquet", "Parquet")] {
        let db = db().await;
        strict(&db, &[]);
        let bytes = db.admin.query_raw(ROWS).fetch_bytes(format).unwrap().collect().await.unwrap();
        let file = File::new(name, bytes);
        let why = "3 one of the rows with a duration below 0, which the table refuses (migrate --strict-rows)";
        let (code, said) = file.load(&db, &["--dry-run"]);
        assert!(code == 3 && said.contains(why), "{name}: {said}");
        assert!(said.contains("30000 rows read, 29996 would be stored, 0 already there, 4 rejected"), "{name}: {said}");
        let (code, said) = file.load(&db, &["--replace", "2026-05"]);
        assert!(code == 1 && said.contains("4 of 30000 rows are bad"), "{name}: {said}");
        for stored in [29_996, 0] {
            let (code, said) = file.load(&db, &[]);
            assert!(code == 3 && said.contains(why), "{name}: {said}");
            assert!(said.contains(&format!("30000 rows read, {stored} stored")), "{name}: {said}");
        }
        let line = if name == "a.csv" { "3,," } else { "2,," };
        assert!(file.rejects().contains(&format!("\n{line}\"one of the rows with a duration below 0")), "{name}");
        assert_eq!(one(&db, "(count(), countIf(duration != 60))").await, "(29996,0)", "{name}");
    }
}

#[actix_web::test]
async fn the_bound_of_the_table_counts_and_constraints_of_ones_own_are_named() {
    let db = db().await;
    strict(&db, &["--checks-max-duration-days", "10"]);
    let rows = "id,customer_acc_id,customer_id,time_start,is_last_cdr,duration\n1,7,5,2026-05-01 10:00:00,1,300000\n\
        2,7,5,2026-05-01 10:00:00,1,900000\n";
    let file = File::new("a.csv", rows);
    let (code, said) = file.load(&db, &["--max-rejects", "50%"]);
    assert!(code == 3 && said.contains("2 rows read, 1 stored, 0 already there, 1 rejected"), "{said}");
    let own = "ALTER TABLE cdrs ADD CONSTRAINT short CHECK duration < 50";
    db.admin.query_raw(own).execute().await.unwrap();
    let (code, said) = File::new("b.csv", rows.replace("\n1,", "\n9,")).load(&db, &["--max-rejects", "50%"]);
    assert!(
        code == 1 && said.contains("`short`") && said.contains("the table refuses a row by that constraint"),
        "{said}"
    );
    assert!(!said.contains("load it again"), "{said}");
}
