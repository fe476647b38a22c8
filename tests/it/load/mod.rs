//! `cdrscope load`: the real binary, real files.

mod apart;
mod beside;
mod clocks;
mod cut;
mod damage;
mod headers;
mod killed;
mod kinds;
mod many;
mod mappings;
mod meant;
mod once;
mod own_mappings;
mod packed;
mod replace;
mod sample;
mod strict;
mod told;
mod totals;
mod typed;
mod values;

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::support::{Db, db, engine};

/// The command over `files`, with `args` before them.
fn command(db: &Db, args: &[&str], files: &[&Path]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cdrscope"));
    command
        .arg("load")
        .args(args)
        .args(files)
        .env("CDRSCOPE_CLICKHOUSE_URL", engine().url())
        .env("CDRSCOPE_CLICKHOUSE_USER", &engine().admin().user)
        .env("CDRSCOPE_CLICKHOUSE_PASSWORD", &engine().admin().password)
        .env("CDRSCOPE_CLICKHOUSE_DATABASE", &db.database);
    command
}

fn load(db: &Db, files: &[&Path]) -> Output {
    command(db, &[], files).output().unwrap()
}

/// A folder with one file in it, and the command over that file.
struct File {
    dir: tempfile::TempDir,
    name: &'static str,
}

impl File {
    fn new(name: &'static str, content: impl AsRef<[u8]>) -> Self {
        let file = Self { dir: tempfile::tempdir().unwrap(), name };
        std::fs::write(file.path(), content).unwrap();
        file
    }

    fn path(&self) -> PathBuf {
        self.dir.path().join(self.name)
    }

    fn rejects(&self) -> String {
        std::fs::read_to_string(self.dir.path().join(format!("{}.rejects.csv", self.name))).unwrap_or_default()
    }

    /// Exit code and everything that was said.
    fn load(&self, db: &Db, args: &[&str]) -> (i32, String) {
        let output = command(db, args, &[&self.path()]).output().unwrap();
        (output.status.code().unwrap(), said(&output))
    }
}

async fn one(db: &Db, sql: &str) -> String {
    db.admin.query_raw(&format!("SELECT toString({sql}) FROM cdrs")).fetch_one().await.unwrap()
}

async fn sums(db: &Db) -> String {
    let sql = "SELECT concat(toString(count()), ' ', toString(sum(id)), ' ', toString(sum(customer_price)), ' ', \
        toString(sum(toUnixTimestamp(time_start)))) FROM cdrs";
    db.admin.query_raw(sql).fetch_one().await.unwrap()
}

const CSV: &str = "id,customer_acc_id,time_start,customer_price,\"something else\"\n\
    1,5,2026-01-01 10:00:00,0.25,x\n2,5,2026-01-01T10:00:01Z,1.5,\"a, b\"\n3,6,1767261602,0,\n";
const SUMS: &str = "3 6 1.75 5301784803";

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

#[actix_web::test]
async fn the_same_calls_from_csv_json_lines_tsv_gzip_and_parquet() {
    let dir = tempfile::tempdir().unwrap();
    let lines: String = (0..3)
        .map(|i| {
            let price = ["0.25", "1.5", "0"][i];
            format!(r#"{{"id":{},"customer_acc_id":5,"time_start":"2026-01-01 10:00:0{i}","customer_price":{price},"lega_identity":{{"a":[1]}},"unknown":null}}"#, i + 1) + "\n"
        })
        .collect();
    let tsv = "id\tcustomer_acc_id\ttime_start\tcustomer_price\n1\t5\t2026-01-01 10:00:00\t0.25\n2\t5\t2026-01-01 10:00:01\t1.5\n3\t6\t2026-01-01 10:00:02\t0\n";
    for (name, text) in [("a.csv", CSV), ("b.jsonl", lines.as_str()), ("c.tsv", tsv)] {
        let path = dir.path().join(name);
        std::fs::write(&path, text).unwrap();
        let mut gzip = Command::new("gzip").arg("-k").arg(&path).spawn().unwrap();
        assert!(gzip.wait().unwrap().success());
    }
    for name in ["a.csv", "a.csv.gz", "b.jsonl", "b.jsonl.gz", "c.tsv", "c.tsv.gz"] {
        let db = db().await;
        let output = load(&db, &[&dir.path().join(name)]);
        assert!(output.status.success(), "{name}: {}", said(&output));
        assert!(said(&output).contains(" 3 stored, 0 already there"), "{name}: {}", said(&output));
        assert_eq!(sums(&db).await, SUMS, "{name}");
        if name == "a.csv" {
            let parquet =
                db.admin.query_raw("SELECT * FROM cdrs").fetch_bytes("Parquet").unwrap().collect().await.unwrap();
            std::fs::write(dir.path().join("d.parquet"), parquet).unwrap();
        }
    }
    let db = db().await;
    let output = load(&db, &[&dir.path().join("d.parquet")]);
    assert!(output.status.success(), "{}", said(&output));
    assert_eq!(sums(&db).await, SUMS);
}

#[actix_web::test]
async fn a_file_loaded_again_counts_once() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("calls.csv");
    std::fs::write(&path, CSV).unwrap();
    let db = db().await;
    assert!(said(&load(&db, &[&path])).contains(" 3 stored, 0 already there"));
    assert!(said(&load(&db, &[&path])).contains(" 0 stored, 3 already there"));
    assert_eq!(sums(&db).await, SUMS);
}

#[actix_web::test]
async fn a_bad_line_is_named_and_the_mended_file_counts_once() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("calls.csv");
    let mut file = std::fs::File::create(&path).unwrap();
    writeln!(file, "{CSV}4,5,yesterday,1,").unwrap();
    let db = db().await;
    let output = load(&db, &[&path]);
    let text = said(&output);
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains("calls.csv") && text.contains("time_start") && text.contains("nothing was stored"), "{text}");
    let rejects = std::fs::read_to_string(dir.path().join("calls.csv.rejects.csv")).unwrap();
    assert!(rejects.contains("\n5,time_start,") && rejects.contains("4,5,yesterday,1,"), "{rejects}");
    std::fs::write(&path, CSV).unwrap();
    assert!(load(&db, &[&path]).status.success());
    assert_eq!(sums(&db).await, SUMS);
}

#[actix_web::test]
async fn a_missing_file_and_an_unknown_kind_are_one_line_each() {
    let db = db().await;
    let missing = load(&db, &[Path::new("/nonexistent/calls.csv")]);
    assert_eq!(missing.status.code(), Some(1));
    assert!(said(&missing).contains("/nonexistent/calls.csv: "), "{}", said(&missing));
    let unknown = load(&db, &[Path::new("calls.doc")]);
    assert_eq!(unknown.status.code(), Some(2));
    assert!(said(&unknown).contains("calls.doc is no kind of file"), "{}", said(&unknown));
}

#[actix_web::test]
async fn a_forgotten_server_is_no_reason_to_start_a_new_engine() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("calls.csv"), CSV).unwrap();
    for command in [&["load", "calls.csv"][..], &["account", "list"], &["check"], &["migrate"], &["serve"]] {
        let output = Command::new(env!("CARGO_BIN_EXE_cdrscope"))
            .args(command)
            .current_dir(dir.path())
            .env_remove("CDRSCOPE_CLICKHOUSE_URL")
            .env("CDRSCOPE_AUTH_SECRET", crate::support::app::SECRET)
            .output()
            .unwrap();
        assert!(!output.status.success(), "{command:?}: {}", said(&output));
        assert!(said(&output).contains("CDRSCOPE_CLICKHOUSE_URL"), "{command:?}: {}", said(&output));
        assert!(!dir.path().join("data").exists(), "{command:?}");
    }
}
