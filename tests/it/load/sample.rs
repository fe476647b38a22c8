//! `--sample`: how a file is read, before anything is stored.

use std::process::Command;

use super::{File, command, one, said};
use crate::support::db;

/// Without a server: there is none at all.
fn told(file: &File, args: &[&str]) -> (i32, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_cdrscope"))
        .arg("load")
        .args(if args.iter().any(|arg| arg.starts_with("--sample")) { &[][..] } else { &["--sample"] })
        .args(args)
        .arg(file.path())
        .current_dir(file.dir.path())
        .env_remove("CDRSCOPE_CLICKHOUSE_URL")
        .output()
        .unwrap();
    (output.status.code().unwrap(), said(&output))
}

fn line<'a>(said: &'a str, parts: &[&str]) -> Vec<&'a str> {
    said.lines().filter(|line| parts.iter().all(|part| line.split("  ").any(|cell| cell.trim() == *part))).collect()
}

#[actix_web::test]
async fn a_sample_shows_field_column_text_and_value_without_a_server() {
    let text = "id,time_start,customer_acc_id,duration,colour\n1,2026-03-07T12:00:00+02:00,17,25,red\n2,yesterday,17,1,red\n\
        3,2026-03-07 10:00:00,17,,red\n4,2026-03-07 10:00:00,x,1,red\n5,2026-03-07 10:00:00,17,1,red\n6,2026-03-07 10:00:00,17,1,red\n";
    let file = File::new("a.csv", text);
    let (code, said) = told(&file, &[]);
    assert_eq!(code, 0, "{said}");
    assert_eq!(line(&said, &["time_start", "2026-03-07T12:00:00+02:00", "2026-03-07 10:00:00"]).len(), 1, "{said}");
    assert_eq!(line(&said, &["time_start", "yesterday", "rejected: not a time"]).len(), 1, "{said}");
    assert_eq!(line(&said, &["duration", "default"]).len(), 1, "{said}");
    assert_eq!(line(&said, &["customer_acc_id", "x", "rejected: not a number"]).len(), 1, "{said}");
    for part in [
        "line 2: would be stored",
        "line 3: rejected: time_start",
        "line 6: would be stored",
        "unknown columns: colour",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
    assert!(said.contains("--set is_last_cdr=1") && !said.contains("line 7"), "{said}");
    assert!(said.lines().filter(|line| line.contains("  ")).all(|line| line.chars().count() <= 120), "{said}");
    assert!(!file.dir.path().join("data").exists() && file.rejects().is_empty());
    let (_, said) = told(&file, &["--sample=1", "--set", "customer_id=5"]);
    assert!(said.contains("line 2") && !said.contains("line 3"), "{said}");
    assert_eq!(line(&said, &["(every row)", "customer_id", "5"]).len(), 1, "{said}");
}

#[actix_web::test]
async fn a_sample_of_each_format_and_mapping_is_shown() {
    let json = "{\"variables\":{\"uuid\":\"6f9619ff-8b86-4011-b42d-00cf4fc90001\",\"accountcode\":\"17\",\"billsec\":\"9\",\
        \"start_uepoch\":\"1772877600000000\",\"sip_from_user\":\"%2B380441\"},\"callflow\":[]}\n";
    let (code, said) = told(&File::new("a.json", json), &["--map", "freeswitch-json"]);
    assert_eq!(code, 0, "{said}");
    assert_eq!(line(&said, &["variables.sip_from_user", "src_prefix_in", "%2B380441", "+380441"]).len(), 1, "{said}");
    assert_eq!(line(&said, &["time_start", "1772877600000000", "2026-03-07 10:00:00"]).len(), 1, "{said}");
    let (_, said) = told(&File::new("a.tsv", "time_start\tcustomer_acc_id\n1772877600\t17\n"), &[]);
    assert_eq!(line(&said, &["time_start", "1772877600", "2026-03-07 10:00:00"]).len(), 1, "{said}");
    let kamailio = include_str!("samples/kamailio-cdrs.csv");
    let (code, said) = told(&File::new("a.csv", kamailio), &["--map", "kamailio-cdrs", "--set", "customer_acc_id=1"]);
    assert_eq!(code, 0, "{said}");
    assert_eq!(
        line(&said, &["call_start_time + duration", "2026-03-07 10:00:10 + 90", "2026-03-07 10:01:40"]).len(),
        1,
        "{said}"
    );
    let (code, said) = told(&File::new("a.csv", include_str!("samples/cgrates.csv")), &["--map", "cgrates"]);
    assert!(code == 0 && said.contains("line 2: left out, as RunID is \"*raw\""), "{said}");
}

#[actix_web::test]
async fn a_sample_of_a_file_that_would_be_refused_says_why() {
    let (code, said) = told(&File::new("a.csv", "start,duration\n2026-03-07 10:00:00,5\n"), &[]);
    assert!(code == 1 && said.contains("no column time_start"), "{said}");
    assert!(said.contains("line 2: is refused with the file") && !said.contains("would be stored"), "{said}");
    let (code, said) = told(&File::new("a.csv", include_str!("samples/asterisk-Master.csv")), &[]);
    assert!(code == 1 && said.contains("it looks like --map asterisk-csv"), "{said}");
    let (code, said) = told(&File::new("a.parquet", "PAR1"), &[]);
    assert!(code != 0 && said.contains("CDRSCOPE_CLICKHOUSE_URL"), "{said}");
}

#[actix_web::test]
async fn a_parquet_sample_is_read_by_the_server_and_stores_nothing() {
    let db = db().await;
    let select = "SELECT toUInt32(17 + number) AS customer_acc_id, toDateTime('2026-03-07 10:00:00', 'UTC') + number AS time_start FROM numbers(20)";
    let bytes = db.admin.query_raw(select).fetch_bytes("Parquet").unwrap().collect().await.unwrap();
    let file = File::new("a.parquet", bytes);
    let output = command(&db, &["--sample=3"], &[&file.path()]).output().unwrap();
    let text = said(&output);
    assert_eq!(output.status.code(), Some(0), "{text}");
    assert_eq!(line(&text, &["customer_acc_id", "19", "19"]).len(), 1, "{text}");
    assert!(line(&text, &["customer_acc_id", "20"]).is_empty(), "{text}");
    assert_eq!(one(&db, "count()").await, "0");
    let left: u64 = db
        .admin
        .query_raw(
            "SELECT count() FROM system.tables WHERE database = currentDatabase() AND name LIKE 'cdrscope_load%'",
        )
        .fetch_one()
        .await
        .unwrap();
    assert_eq!(left, 0);
}

#[actix_web::test]
async fn the_table_that_a_sample_knows_without_a_server_is_the_one_that_migrate_makes() {
    let db = db().await;
    let real = cdrscope::load::table(&db.admin, &cdrscope::config::Config::default()).await.unwrap();
    let known = cdrscope::load::sample::builtin();
    assert_eq!((known.name, known.time, known.account), (real.name, real.time, real.account));
    assert_eq!(known.columns, real.columns);
}
