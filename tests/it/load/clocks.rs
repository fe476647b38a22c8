//! Parquet's times that are no instants, and Parquet that comes through a pipe.

use std::io::Write as _;
use std::process::Stdio;

use super::{File, command, one, said};
use crate::support::db;

fn sample(name: &str) -> Vec<u8> {
    std::fs::read(format!("tests/it/load/samples/{name}")).unwrap()
}

/// Ids and times as they are stored.
const TIMES: &str = "arraySort(groupArray((id, toString(time_start), toString(time_connect), toString(time_end))))";

/// The samples hold 10:00:00.25 of a day in March and 10:00 of one in July, then an hour that Kyiv's clocks skip and one that they
/// show twice; `time_connect` is the same in UTC.
#[actix_web::test]
async fn times_of_parquet_without_a_zone_mean_what_text_without_a_zone_means() {
    for (name, ended) in [("unzoned.parquet", true), ("int96.parquet", false)] {
        let db = db().await;
        let file = File::new("a.parquet", sample(name));
        let (code, said) = file.load(&db, &["--time-zone", "Europe/Kyiv", "--max-rejects", "2"]);
        assert!(code == 3 && said.contains("4 rows read, 2 stored, 0 already there, 2 rejected"), "{name}: {said}");
        for why in ["1 time_start: a time that clocks skip", "1 time_start: a time that comes twice in this zone"] {
            assert!(said.contains(why), "{name}: {said}");
        }
        let end = |time: &str| if ended { format!("'{time}'") } else { "NULL".to_owned() };
        let wanted = format!(
            "[(1,'2026-03-07 08:00:00','2026-03-07 10:00:00',{}),(2,'2026-07-07 07:00:00','2026-07-07 10:00:00',{})]",
            end("2026-03-07 08:00:00"),
            end("2026-07-07 07:00:00")
        );
        assert_eq!(one(&db, TIMES).await, wanted, "{name}");
        // The mapping's zone is the same, and so is what a sample says.
        let map = file.dir.path().join("map.toml");
        std::fs::write(&map, "time_zone = 'Europe/Kyiv'\n").unwrap();
        let (code, said) = file.load(&db, &["--map", map.to_str().unwrap(), "--max-rejects", "2"]);
        assert!(code == 3 && said.contains(" 0 stored, 2 already there, 2 rejected"), "{name}: {said}");
        let (_, said) = file.load(&db, &["--map", map.to_str().unwrap(), "--sample"]);
        assert!(said.contains("2026-03-07 10:00:00.250000") && said.contains("2026-03-07 08:00:00"), "{name}: {said}");
        assert!(said.contains("rejected: time_start: "), "{name}: {said}");
        std::fs::write(&map, "needs_zone = true\n").unwrap();
        let (code, said) = file.load(&db, &["--map", map.to_str().unwrap()]);
        assert!(code == 1 && said.contains("a time without a zone: name it with --time-zone"), "{name}: {said}");
        // Without a zone they are UTC, as in text.
        db.admin.query_raw("TRUNCATE TABLE cdrs SYNC").execute().await.unwrap();
        let (code, said) = file.load(&db, &[]);
        assert_eq!(code, 0, "{name}: {said}");
        assert_eq!(one(&db, "countIf(time_start = time_connect)").await, "4", "{name}");
    }
}

#[actix_web::test]
async fn times_of_native_are_instants_whatever_zone_is_said() {
    let db = db().await;
    let rows = "SELECT toUInt64(1) AS id, toUInt32(7) AS customer_acc_id, toDateTime(1772877600) AS time_start, \
        toDateTime64(1772877600, 3) AS time_connect, toNullable(toDateTime(1772877600, 'Asia/Tokyo')) AS time_end";
    let bytes = db.admin.query_raw(rows).fetch_bytes("Native").unwrap().collect().await.unwrap();
    let (code, said) = File::new("a.native", bytes).load(&db, &["--time-zone", "Europe/Kyiv"]);
    assert_eq!(code, 0, "{said}");
    let wanted = "[(1,'2026-03-07 10:00:00','2026-03-07 10:00:00','2026-03-07 10:00:00')]";
    assert_eq!(one(&db, TIMES).await, wanted);
}

#[actix_web::test]
async fn times_of_day_without_a_date_are_refused_where_they_are_read() {
    let db = db().await;
    let file = File::new("a.parquet", sample("time-of-day.parquet"));
    let (code, said) = file.load(&db, &["--dry-run"]);
    assert!(code == 0 && said.contains("4 rows read, 4 would be stored"), "{said}");
    for column in ["a", "b"] {
        let map = file.dir.path().join("map.toml");
        std::fs::write(&map, format!("[columns]\ntime_connect = '{column}'\n")).unwrap();
        for more in ["--dry-run", "--sample"] {
            let (code, said) = file.load(&db, &["--map", map.to_str().unwrap(), more]);
            let why = format!("column {column} is a time of day without a date");
            assert!(code == 1 && said.contains(&why), "{column} {more}: {said}");
        }
    }
}

#[actix_web::test]
async fn parquet_and_native_load_from_standard_input() {
    let db = db().await;
    let rows = "SELECT number + 1 AS id, toUInt32(7) AS customer_acc_id, toDateTime('2026-01-01 10:00:00', 'UTC') AS time_start \
        FROM numbers(1000)";
    let dir = tempfile::tempdir().unwrap();
    for (format, stored) in [("Parquet", 1000), ("Native", 0)] {
        let bytes = db.admin.query_raw(rows).fetch_bytes(format).unwrap().collect().await.unwrap();
        let mut command = command(&db, &["--format", &format.to_lowercase()], &["-".as_ref()]);
        let command =
            command.current_dir(dir.path()).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let writer = std::thread::spawn(move || drop(stdin.write_all(&bytes)));
        let output = child.wait_with_output().unwrap();
        writer.join().unwrap();
        let said = said(&output);
        assert!(
            output.status.success() && said.contains(&format!("1000 rows read, {stored} stored")),
            "{format}: {said}"
        );
    }
    assert_eq!(one(&db, "count()").await, "1000");
}
