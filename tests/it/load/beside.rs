//! The file of rejects, whatever stands at its place already.

use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::PathBuf;
use std::process::Command;

use super::{File, one};
use crate::support::db;

const BAD: &str = "id,customer_acc_id,time_start\n1,7,2026-01-01 10:00:00\n2,7,never\n";

fn rejects(file: &File) -> PathBuf {
    file.dir.path().join("a.csv.rejects.csv")
}

fn names(file: &File) -> Vec<String> {
    let entries = std::fs::read_dir(file.dir.path()).unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

#[actix_web::test]
async fn what_is_no_regular_file_at_the_place_of_the_rejects_refuses_the_file_and_stays() {
    let db = db().await;
    for kind in ["a symbolic link", "a directory", "a named pipe"] {
        for text in [BAD, "id,customer_acc_id,time_start\n1,7,2026-01-01 10:00:00\n"] {
            let file = File::new("a.csv", text);
            let victim = file.dir.path().join("victim");
            std::fs::write(&victim, "precious").unwrap();
            match kind {
                "a symbolic link" => symlink(&victim, rejects(&file)).unwrap(),
                "a directory" => std::fs::create_dir(rejects(&file)).unwrap(),
                _ => assert!(Command::new("mkfifo").arg(rejects(&file)).status().unwrap().success()),
            }
            let (code, said) = file.load(&db, &["--max-rejects", "1"]);
            assert!(code == 1 && said.contains(&format!("a.csv.rejects.csv is {kind}")), "{kind}: {code} {said}");
            assert_eq!(std::fs::read_to_string(victim).unwrap(), "precious");
            assert_eq!(names(&file), ["a.csv", "a.csv.rejects.csv", "victim"]);
        }
    }
    assert_eq!(one(&db, "count()").await, "0");
}

#[actix_web::test]
async fn a_second_name_of_the_calls_is_replaced_and_not_written_through() {
    let db = db().await;
    let file = File::new("a.csv", BAD);
    std::fs::hard_link(file.path(), rejects(&file)).unwrap();
    let (code, said) = file.load(&db, &["--max-rejects", "1"]);
    assert_eq!(code, 3, "{said}");
    assert_eq!(std::fs::read_to_string(file.path()).unwrap(), BAD);
    assert!(file.rejects().starts_with("line,column,reason,record\n3,time_start,"), "{}", file.rejects());
}

#[actix_web::test]
async fn new_rejects_take_the_place_and_the_mode_of_old_ones_and_leave_nothing_beside() {
    let db = db().await;
    let file = File::new("a.csv", BAD);
    std::fs::write(rejects(&file), "old").unwrap();
    std::fs::set_permissions(rejects(&file), std::fs::Permissions::from_mode(0o600)).unwrap();
    assert_eq!(file.load(&db, &["--max-rejects", "1"]).0, 3);
    assert!(file.rejects().contains("2,7,never") && !file.rejects().contains("old"), "{}", file.rejects());
    assert_eq!(std::fs::metadata(rejects(&file)).unwrap().permissions().mode() & 0o777, 0o600);
    // Too many bad rows are written down as well.
    std::fs::remove_file(rejects(&file)).unwrap();
    assert_eq!(file.load(&db, &[]).0, 1);
    assert!(file.rejects().contains("2,7,never"), "{}", file.rejects());
    assert_eq!(names(&file), ["a.csv", "a.csv.rejects.csv"]);
}
