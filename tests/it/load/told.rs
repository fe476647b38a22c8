//! Sentences of a load: each names the fault that there is.

use super::{File, command, one};
use crate::support::db;

#[actix_web::test]
async fn what_is_wrong_is_blamed_on_what_is_wrong() {
    let db = db().await;
    let file = File::new("a.csv", "id,customer_acc_id,time_start,duration\n1,7,2026-03-07 10:00:00,5\n");
    let map = file.dir.path().join("map.toml");
    for (toml, why) in [
        ("is_last_cdr = { value = 7 }", "columns.is_last_cdr of the mapping: \"7\": neither 0 nor 1"),
        (
            "success = { from = 'id', words = { ANSWERED = 7, '*' = 0 } }",
            "columns.success of the mapping: words.ANSWERED: \"7\": neither 0 nor 1",
        ),
        (
            "customer_acc_id = { from = 'id', default = 'x' }",
            "columns.customer_acc_id of the mapping: default: \"x\": not a number",
        ),
        (
            "time_connect = { from = 'id', default = '07/03/2026 10:00:00' }",
            "default: \"07/03/2026 10:00:00\": day or month",
        ),
    ] {
        std::fs::write(&map, format!("[columns]\n{toml}\n")).unwrap();
        for more in ["--dry-run", "--sample"] {
            let (code, said) = file.load(&db, &["--map", map.to_str().unwrap(), more]);
            assert!(code == 2 && said.to_lowercase().contains(&why.to_lowercase()), "{toml} {more}: {code} {said}");
        }
    }
    for mark in ["\"", "\n", "\\", "é"] {
        let (code, said) = file.load(&db, &["--separator", mark]);
        assert!(code == 2 && said.contains("cannot stand between fields"), "{mark:?}: {code} {said}");
    }
    let (code, said) = file.load(&db, &["--replace", "2026-10-05T12:00:00"]);
    assert!(code == 2 && said.contains("an instant is no range: say two around a slash, or the day"), "{said}");
    let object =
        "{\"id\":1,\"customer_acc_id\":7,\"time_start\":\"2026-03-07 10:00:00\",\"duration\":{\"s\":[5, 6]}}\n";
    let (_, said) = File::new("a.jsonl", object).load(&db, &[]);
    assert!(said.contains("1 duration: not a number"), "{said}");
    assert_eq!(one(&db, "count()").await, "0");
}

#[actix_web::test]
async fn the_counts_of_a_summary_add_up_and_are_of_the_rows_that_are_stored() {
    let db = db().await;
    let head = "kind,id,customer_acc_id,time_start,customer_price,duration,time_connect\n";
    let rows = "c,1,7,1772877600,0.1234567,5,0\nx,2,7,1772877600,0.1234567,5,0\nc,3,7,1772877600,0.1234567,many,0\n\
        c,1,7,1772877600,0.1234567,5,0\nc,4,7,1772877600,0.5,,0\nc,5,7,1772877600,0.5,,soon\n";
    let file = File::new("a.csv", head.to_owned() + rows);
    let map = file.dir.path().join("map.toml");
    std::fs::write(&map, "[rows]\nkind = { c = true, x = false }\n").unwrap();
    let args = ["--map", map.to_str().unwrap(), "--max-rejects", "2"];
    let (code, said) = file.load(&db, &[&args[..], &["--dry-run"]].concat());
    let counts = "6 rows read, 2 would be stored, 1 already there, 2 rejected, 1 left out";
    assert!(code == 3 && said.contains(counts), "{said}");
    assert!(said.contains("2 rows would be rejected, all others loaded"), "{said}");
    let (code, said) = file.load(&db, &args);
    assert!(code == 3 && said.contains("6 rows read, 2 stored, 1 already there, 2 rejected, 1 left out"), "{said}");
    assert!(said.contains("2 rows were rejected; all others are loaded"), "{said}");
    assert!(
        said.contains("2 prices rounded") && said.contains("3 zero dates") && said.contains("3 times read"),
        "{said}"
    );
    assert!(said.contains("1 rows have nothing in duration"), "{said}");
    // Of several files too.
    let output = command(&db, &args, &[&file.path(), &file.path()]).output().unwrap();
    assert!(super::said(&output).contains("2 files: 12 rows read, 0 stored, 6 already there, 4 rejected, 2 left out"));
    assert!(said.contains("see "), "{said}");
}
