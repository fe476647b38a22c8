//! Several files, directories, patterns, standard input; progress and interruption.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::time::{Duration, Instant};

use super::{command, one, said};
use crate::support::{Db, db};

fn rows(ids: std::ops::Range<u32>) -> String {
    let line = |id: u32| format!("{id},7,2026-01-{:02} 10:00:{:02},0.25\n", id % 28 + 1, id % 60);
    "id,customer_acc_id,time_start,customer_price\n".to_owned() + &ids.map(line).collect::<String>()
}

async fn count(db: &Db) -> String {
    one(db, "(count(), uniqExact(id))").await
}

/// A folder with these files in it.
fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (name, text) in files {
        std::fs::write(dir.path().join(name), text).unwrap();
    }
    dir
}

fn load(db: &Db, args: &[&str], files: &[PathBuf], dir: &Path) -> (Option<i32>, String) {
    let files: Vec<&Path> = files.iter().map(PathBuf::as_path).collect();
    let output = command(db, args, &files).current_dir(dir).output().unwrap();
    (output.status.code(), said(&output))
}

fn piped(db: &Db, args: &[&str], dir: &Path, text: &[u8]) -> Output {
    let mut command = command(db, args, &[Path::new("-")]);
    let command = command.current_dir(dir).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let (mut stdin, text) = (child.stdin.take().unwrap(), text.to_vec());
    let writer = std::thread::spawn(move || drop(stdin.write_all(&text)));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    output
}

#[actix_web::test]
async fn a_directory_and_a_pattern_stand_for_their_files_in_order() {
    let json = "{\"id\":31,\"customer_acc_id\":7,\"time_start\":\"2026-01-01 10:00:00\"}\n";
    let files = [
        ("b.csv", &*rows(11..21)),
        ("a.csv", &rows(1..11)),
        ("c.jsonl", json),
        ("notes.txt", "no calls"),
        (".hidden.csv", "no calls"),
        ("a.csv.rejects.csv", "line,column,reason,record\n5,,x,y\n"),
    ];
    let dir = folder(&files);
    std::fs::create_dir(dir.path().join("below")).unwrap();
    std::fs::write(dir.path().join("below/d.csv"), rows(90..99)).unwrap();
    for (what, rows) in [(dir.path().to_owned(), 21), (dir.path().join("*.csv"), 20), (dir.path().join("[ab].c?v"), 20)]
    {
        let db = db().await;
        let (code, said) = load(&db, &[], std::slice::from_ref(&what), dir.path());
        assert_eq!(code, Some(0), "{said}");
        let place =
            |name: &str| said.find(&format!("/{name}: 10 rows read")).unwrap_or_else(|| panic!("{name}: {said}"));
        assert!(place("a.csv") < place("b.csv"), "{said}");
        let total = format!(
            "{} files: {rows} rows read, {rows} stored, 0 already there, 0 rejected",
            if rows == 21 { 3 } else { 2 }
        );
        assert!(said.contains(&total), "{}: {said}", what.display());
        assert_eq!(count(&db).await, format!("({rows},{rows})"));
    }
}

#[actix_web::test]
async fn what_stands_for_no_file_is_named() {
    let dir = folder(&[("notes.txt", "no calls")]);
    let db = db().await;
    for (file, why) in [("*.csv", "no file"), (".", "no file that can be loaded"), ("-", "--format")] {
        let (code, said) = load(&db, &[], &[file.into()], dir.path());
        assert!(code == Some(2) && said.contains(why), "{file}: {code:?} {said}");
    }
}

#[actix_web::test]
async fn a_file_whose_name_looks_like_a_pattern_is_that_file() {
    let dir = folder(&[("calls[1].csv", &rows(1..3)), ("calls1.csv", "id\n")]);
    let db = db().await;
    let (code, said) = load(&db, &[], &["calls[1].csv".into()], dir.path());
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(count(&db).await, "(2,2)");
}

#[actix_web::test]
async fn a_bad_file_does_not_stop_the_others() {
    let bad_row = rows(21..31).replace(",0.25", ",x");
    let files = [("a.csv", &*rows(1..11)), ("b.csv", "foo,bar\n1,2\n"), ("c.csv", &bad_row), ("d.csv", &rows(31..41))];
    let dir = folder(&files);
    let all: Vec<PathBuf> =
        ["a.csv", "missing.csv", "b.csv", "c.csv", "d.csv"].iter().map(|name| dir.path().join(name)).collect();
    let db = db().await;
    let (code, said) = load(&db, &[], &all, dir.path());
    assert_eq!(code, Some(1), "{said}");
    for line in [
        "missing.csv: No such file",
        "b.csv: no known column",
        "c.csv: 10 of 10 rows are bad",
        "3 of 5 files were not loaded",
    ] {
        assert!(said.contains(line), "{line}: {said}");
    }
    assert!(said.contains("2 files: 20 rows read, 20 stored"), "{said}");
    assert_eq!(count(&db).await, "(20,20)");
    // Rows that were rejected are no failure of a file.
    let (code, said) = load(&db, &["--max-rejects", "100%"], &all[3..], dir.path());
    assert!(
        code == Some(3) && said.contains("2 files: 20 rows read, 0 stored, 10 already there, 10 rejected"),
        "{said}"
    );
}

/// Inserts that made the table's parts: each of these tests stays within a month.
async fn parts(db: &Db) -> String {
    let sql = "SELECT toString(uniqExact(name)) FROM system.parts \
        WHERE database = currentDatabase() AND table = 'cdrs' AND level = 0 AND rows > 0";
    db.admin.query_raw(sql).fetch_one().await.unwrap()
}

#[actix_web::test]
async fn small_files_are_stored_together_and_each_says_what_came_of_it() {
    let dir = tempfile::tempdir().unwrap();
    for file in 0..60_u32 {
        let mut text = rows(file * 10 + 1..file * 10 + 11);
        match file {
            7 => text.push_str("999,7,yesterday,0\n"),
            // The rows of the file before it.
            9 => text = rows(81..91),
            11 => text.push_str("111,7,2026-01-28 10:00:51,0.25\n"),
            13 => text.push_str("999,x,2026-01-28 10:00:51,0.25\n998,x,2026-01-28 10:00:51,0.25\n"),
            // Other columns.
            50.. => text = text.replace("customer_price", "vendor_price"),
            _ => {}
        }
        std::fs::write(dir.path().join(format!("{file:02}.csv")), text).unwrap();
    }
    let db = db().await;
    let files = [dir.path().to_owned()];
    for dry in [true, false] {
        let args = if dry { &["--max-rejects", "1", "--dry-run"][..] } else { &["--max-rejects", "1"] };
        let (code, said) = load(&db, args, &files, dir.path());
        let would = if dry { "would be stored" } else { "stored" };
        assert_eq!(code, Some(1), "{said}");
        for line in [
            format!("/06.csv: 10 rows read, 10 {would}, 0 already there, 0 rejected"),
            format!("/07.csv: 11 rows read, 10 {would}, 0 already there, 1 rejected"),
            format!("/09.csv: 10 rows read, 0 {would}, 10 already there, 0 rejected; calls from"),
            format!("/11.csv: 11 rows read, 10 {would}, 1 already there, 0 rejected"),
            "/13.csv: 2 of 12 rows are bad, more than --max-rejects 1: nothing was stored".to_owned(),
            format!("59 files: 592 rows read, 580 {would}, 11 already there, 1 rejected"),
            "1 of 60 files were not loaded".to_owned(),
        ] {
            assert!(said.contains(&line), "{line}: {said}");
        }
        assert_eq!(said.matches("1 of those already there came earlier in this file").count(), 1, "{said}");
        let rejects = std::fs::read_to_string(dir.path().join("07.csv.rejects.csv")).unwrap();
        assert!(rejects.contains("\n12,time_start,") && rejects.contains("999,7,yesterday,0"), "{rejects}");
        assert_eq!(count(&db).await, if dry { "(0,0)" } else { "(580,580)" });
    }
    assert_eq!(one(&db, "(countIf(customer_price = 0.25), countIf(vendor_price = 0.25))").await, "(480,100)");
    assert_eq!(parts(&db).await, "2");
    let (_, said) = load(&db, &["--max-rejects", "1"], &files, dir.path());
    assert!(said.contains("59 files: 592 rows read, 0 stored, 591 already there, 1 rejected"), "{said}");
}

#[actix_web::test]
async fn of_rows_with_one_id_in_small_and_large_files_the_first_is_stored() {
    let priced = |ids, price| rows(ids).replace(",0.25", price);
    let (a, b, c) = (priced(1..11, ",1"), priced(1..31, ",2"), priced(21..41, ",3"));
    let dir = folder(&[("a.csv", &a), ("b.csv", &b), ("c.csv", &c)]);
    let db = db().await;
    // The second file has more rows than a batch.
    let (code, said) = load(&db, &["--batch-rows", "20"], &[dir.path().to_owned()], dir.path());
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("3 files: 60 rows read, 40 stored, 20 already there"), "{said}");
    assert_eq!(one(&db, "(count(), sum(customer_price))").await, "(40,80)");
}

#[actix_web::test]
async fn standard_input_is_checked_before_it_is_stored() {
    let dir = folder(&[]);
    let db = db().await;
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(rows(1..1001).as_bytes()).unwrap();
    let output = piped(&db, &["--format", "csv"], dir.path(), &packed.finish().unwrap());
    assert!(
        output.status.success() && said(&output).contains("stdin: 1000 rows read, 1000 stored"),
        "{}",
        said(&output)
    );
    let bad = rows(1001..1011) + "1012,7,yesterday,1\n";
    let output = piped(&db, &["--format", "csv"], dir.path(), bad.as_bytes());
    let text = said(&output);
    assert!(output.status.code() == Some(1) && text.contains("stdin: 1 of 11 rows are bad"), "{text}");
    let output = piped(&db, &["--format", "csv", "--max-rejects", "1"], dir.path(), bad.as_bytes());
    assert_eq!(output.status.code(), Some(3), "{}", said(&output));
    let rejects = std::fs::read_to_string(dir.path().join("stdin.rejects.csv")).unwrap();
    assert!(rejects.contains("12,time_start,\"\"\"yesterday\"\": not a time\""), "{rejects}");
    assert_eq!(count(&db).await, "(1010,1010)");
}

#[actix_web::test]
async fn a_pipe_in_place_of_a_file_is_read_once() {
    let dir = folder(&[("a.csv", &rows(1..101))]);
    let pipe = dir.path().join("pipe.csv");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let mut cat =
        std::process::Command::new("sh").args(["-c", "cat a.csv > pipe.csv"]).current_dir(dir.path()).spawn().unwrap();
    let db = db().await;
    let (code, said) = load(&db, &[], &[pipe], dir.path());
    assert!(cat.wait().unwrap().success());
    assert!(code == Some(0) && said.contains("100 rows read, 100 stored"), "{said}");
}

#[actix_web::test]
async fn an_archive_of_ten_years_loads_in_any_order() {
    let line = |id: u32| {
        let month = id * 7 % 120;
        format!("{id},7,{}-{:02}-05 10:00:00,0.25\n", 2010 + month / 12, month % 12 + 1)
    };
    let text = "id,customer_acc_id,time_start,customer_price\n".to_owned() + &(1..1201).map(line).collect::<String>();
    let dir = folder(&[("a.csv", &text)]);
    let db = db().await;
    let (code, said) = load(&db, &[], &[dir.path().join("a.csv")], dir.path());
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(one(&db, "(count(), uniqExact(id), uniqExact(toYYYYMM(time_start)))").await, "(1200,1200,120)");
    for args in [&["--on-known", "replace"][..], &["--replace", "2010-01/2019-12"]] {
        let (code, said) = load(&db, args, &[dir.path().join("a.csv")], dir.path());
        assert_eq!(code, Some(0), "{args:?}: {said}");
        assert_eq!(count(&db).await, "(1200,1200)", "{args:?}");
    }
}

#[actix_web::test]
async fn an_interrupted_load_says_what_was_stored() {
    let dir = folder(&[("a.csv", &rows(1..200_001))]);
    let db = db().await;
    let child = command(&db, &["--batch-rows", "1000"], &[&dir.path().join("a.csv")])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let begun = Instant::now();
    while count(&db).await == "(0,0)" && begun.elapsed() < Duration::from_secs(60) {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let pid = rustix::process::Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    let output = child.wait_with_output().unwrap();
    let text = said(&output);
    assert_eq!(output.status.code(), Some(1), "{text}");
    let rows = one(&db, "count()").await;
    assert!(text.contains(&format!("interrupted; {rows} rows were stored before, 0 were there")), "{rows}: {text}");
    assert!(rows != "200000", "{text}");
}

#[actix_web::test]
async fn what_is_passed_over_is_told_and_a_link_to_nothing_is_a_failure() {
    let dir = folder(&[("a.csv", &rows(1..11)), ("notes.txt", "no calls"), (".hidden.txt", "no calls")]);
    let at = |name: &str| dir.path().join(name);
    std::fs::create_dir(at("below")).unwrap();
    std::fs::create_dir(at("sub.csv")).unwrap();
    assert!(std::process::Command::new("mkfifo").arg(at("pipe.csv")).status().unwrap().success());
    std::os::unix::fs::symlink("/dev/zero", at("zero.csv")).unwrap();
    std::os::unix::fs::symlink("nowhere", at("link.txt")).unwrap();
    let db = db().await;
    let (code, said) = load(&db, &[], &[dir.path().to_owned()], dir.path());
    assert_eq!(code, Some(0), "{said}");
    for line in [
        "/notes.txt is passed over: its name does not say what it is",
        "/sub.csv is passed over: it is a directory",
        "/pipe.csv is passed over: it is a named pipe",
        "/zero.csv is passed over: it is a device",
        "/link.txt is passed over: No such file",
    ] {
        assert!(said.contains(line), "{line}: {said}");
    }
    assert!(said.matches("passed over").count() == 5 && !said.contains("hidden"), "{said}");
    (0..20).for_each(|at| std::fs::write(dir.path().join(format!("{at:02}.txt")), "").unwrap());
    std::os::unix::fs::symlink("nowhere", at("dangling.csv")).unwrap();
    for what in [dir.path().to_owned(), at("*.csv")] {
        let (code, said) = load(&db, &[], &[what], dir.path());
        assert!(code == Some(1) && said.contains("/dangling.csv: No such file"), "{said}");
        assert!(said.contains("10 already there"), "{said}");
        assert!(said.matches(" is passed over").count() <= 10, "{said}");
    }
    let (_, said) = load(&db, &[], &[dir.path().to_owned()], dir.path());
    assert!(said.contains("15 more files are passed over"), "{said}");
}

#[actix_web::test]
async fn a_name_with_control_characters_forges_no_line() {
    let dir = folder(&[("new\nline\u{1b}[31m.csv", &rows(1..3))]);
    let db = db().await;
    let (code, said) = load(&db, &[], &[dir.path().to_owned()], dir.path());
    assert!(code == Some(0) && said.contains("/new\\nline\\u{1b}[31m.csv: 2 rows read"), "{said}");
    assert!(!said.contains('\u{1b}'), "{said}");
}
