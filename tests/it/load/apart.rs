//! Rows that are told apart by their ids, and ids that are none.

use super::{File, one};
use crate::support::db;

const HEAD: &str = "id,customer_acc_id,time_start,customer_price,src_prefix_in\n";

#[actix_web::test]
async fn numbers_that_a_spreadsheet_cut_are_rejected() {
    let db = db().await;
    let rows = "1.23457E+11,7,2026-03-07 10:00:00,1,44791\n1.23457E+11,7,2026-03-07 10:00:01,2,44791\n\
        3,7,2026-03-07 10:00:00,1,4.47912E+11\n4,7,2026-03-07 10:00:00,1,\"3,80441E+11\"\n5,7,2026-03-07 10:00:00,1,5E+12\n\
        6,7,2026-03-07 10:00:00,1,1.5E+1\n7,7,2026-03-07 10:00:00,1,2E+1000\n8,7,2026-03-07 10:00:00,1,+44791\n1e3,7,2026-03-07 10:00:00,1,1E5\n";
    let file = File::new("a.csv", HEAD.to_owned() + rows);
    let (code, said) = file.load(&db, &["--max-rejects", "100%"]);
    assert!(said.contains("9 rows read, 1 stored, 0 already there, 8 rejected"), "{code} {said}");
    assert!(
        said.contains("2 id: digits are lost in a number such as 1.2E+11")
            && said.contains("6 src_prefix_in: digits are lost"),
        "{said}"
    );
    let lines = "{\"id\":1.23457e+11,\"customer_acc_id\":7,\"time_start\":\"2026-03-07 10:00:00\"}\n\
        {\"id\":11,\"customer_acc_id\":7,\"time_start\":\"2026-03-07 10:00:00\",\"dst_prefix_in\":4.4791e+23}\n";
    let (_, said) = File::new("a.jsonl", lines).load(&db, &["--max-rejects", "100%"]);
    assert!(said.contains("2 rows read, 0 stored, 0 already there, 2 rejected"), "{said}");
}

#[actix_web::test]
async fn numbers_that_a_program_made_of_phone_numbers_are_rejected_and_other_texts_stay() {
    let spelled = ["4.42071E11", "4.42071e11", "4.42071234567e11", "44207e3", "442071234567.0", "-1.5E-3", "4,42E+11"];
    let spelled = [&spelled[..], &["+442071234567.00", "442071234567.", ".5", "."]].concat();
    let kept = ["442071234567", "+442071234567", "0042", "alice.e5", "12x4", "555.1234", "192.0.2.1", "e5", "5e", ""];
    let head = "id,customer_acc_id,time_start,dst_prefix_in,orig_call_id\n";
    let mut text = head.to_owned();
    for (id, number) in spelled.iter().chain(&kept).enumerate() {
        text += &format!("{},7,2026-03-07 10:00:00,\"{number}\",12e4\n", id + 1);
    }
    let file = File::new("a.csv", &text);
    let db = db().await;
    let (code, said) = file.load(&db, &["--max-rejects", "100%"]);
    assert!(code == 3 && said.contains("21 rows read, 10 stored, 0 already there, 11 rejected"), "{code} {said}");
    assert!(said.contains("5 dst_prefix_in: a decimal fraction, which has no plus"), "{said}");
    assert_eq!(one(&db, "(min(id), any(orig_call_id))").await, "(12,'12e4')");
    let lines = "{\"id\":91,\"customer_acc_id\":7,\"time_start\":\"2026-03-07 10:00:00\",\"dst_prefix_in\":4.42071234567e11}\n\
        {\"id\":92,\"customer_acc_id\":7,\"time_start\":\"2026-03-07 10:00:00\",\"dst_prefix_in\":442071234567.0}\n\
        {\"id\":93,\"customer_acc_id\":7,\"time_start\":\"2026-03-07 10:00:00\",\"dst_prefix_in\":442071234567}\n";
    let (_, said) = File::new("a.jsonl", lines).load(&db, &["--max-rejects", "100%"]);
    assert!(said.contains("3 rows read, 1 stored, 0 already there, 2 rejected"), "{said}");
    // Texts of files whose columns have types are numbers as little.
    let rows = "SELECT number + 100 AS id, toUInt32(7) AS customer_acc_id, toDateTime('2026-03-07 10:00:00', 'UTC') AS time_start, \
        ['4.42071e11', '442071234567.0', '442071234567'][number + 1] AS dst_prefix_in FROM numbers(3)";
    for (name, format) in [("a.native", "Native"), ("a.parquet", "Parquet")] {
        let bytes = db.admin.query_raw(rows).fetch_bytes(format).unwrap().collect().await.unwrap();
        let (_, said) = File::new(name, bytes).load(&db, &["--max-rejects", "100%", "--dry-run"]);
        assert!(said.contains("3 rows read, 1 would be stored, 0 already there, 2 rejected"), "{name}: {said}");
    }
    // Fractions are spelled as JSON has them.
    for (kind, value) in [("toFloat64", "442071234567"), ("toFloat32", "4420712"), ("toDecimal64", "442071234567, 2")] {
        let rows = format!(
            "SELECT toUInt32(7) AS customer_acc_id, toDateTime('2026-03-07 10:00:00', 'UTC') AS time_start, \
            {kind}({value}) AS dst_prefix_in"
        );
        for (name, format) in [("a.native", "Native"), ("a.parquet", "Parquet")] {
            let bytes = db.admin.query_raw(&rows).fetch_bytes(format).unwrap().collect().await.unwrap();
            let file = File::new(name, bytes);
            let (_, said) = file.load(&db, &["--max-rejects", "100%", "--dry-run"]);
            assert!(said.contains("1 dst_prefix_in: a decimal fraction"), "{kind} {name}: {said}");
            let (_, said) = file.load(&db, &["--sample"]);
            assert!(said.contains("line 1: rejected: dst_prefix_in: "), "{kind} {name}: {said}");
        }
    }
}

#[actix_web::test]
async fn an_id_that_comes_twice_in_a_file_is_told_of_and_dry_runs_know_it() {
    let rows = "1,7,2026-03-07 10:00:00,1,\n2,7,2026-03-07 10:00:00,1,\n1,7,2026-03-07 10:00:00,5,\n2,7,2026-03-07 10:00:00,1,\n";
    for batch in ["200000", "1", "3"] {
        let db = db().await;
        let file = File::new("a.csv", HEAD.to_owned() + rows);
        let args = ["--batch-rows", batch];
        let (_, dry) = file.load(&db, &[&args[..], &["--dry-run"]].concat());
        assert!(dry.contains("4 rows read, 2 would be stored, 2 already there, 0 rejected"), "{batch}: {dry}");
        let (_, said) = file.load(&db, &args);
        assert!(said.contains("4 rows read, 2 stored, 2 already there, 0 rejected"), "{batch}: {said}");
        for said in [&dry, &said] {
            assert!(said.contains("2 of those already there came earlier in this file"), "{batch}: {said}");
        }
        let (_, said) = file.load(&db, &args);
        assert!(said.contains("4 already there"), "{batch}: {said}");
    }
    let db = db().await;
    let file = File::new("a.csv", HEAD.to_owned() + rows);
    let (code, said) = file.load(&db, &["--on-known", "fail", "--batch-rows", "1"]);
    assert_eq!((code, one(&db, "count()").await.as_str()), (1, "0"), "{said}");
    assert!(said.contains("2 rows have the id of an earlier one of this file: nothing was stored"), "{said}");
}

#[actix_web::test]
async fn rows_without_an_id_count_once_too() {
    let db = db().await;
    let rows = "0,7,2026-03-07 10:00:00,1,\n,7,2026-03-07 10:00:01,2,\n9,7,2026-03-07 10:00:02,4,\n";
    let file = File::new("a.csv", HEAD.to_owned() + rows);
    for stored in ["3 stored, 0 already there", "0 stored, 3 already there"] {
        let (code, said) = file.load(&db, &[]);
        assert!(code == 0 && said.contains(stored), "{said}");
    }
    assert_eq!(
        one(&db, "(count(), sum(customer_price), countIf(uuid = toUUID('00000000-0000-0000-0000-000000000000')))")
            .await,
        "(3,7,1)"
    );
    // With a column of uuids, empty where there is no id either.
    let head = "id,uuid,customer_acc_id,time_start\n";
    let rows = "0,,8,2026-03-07 10:00:00\n0,6f9619ff-8b86-d011-b42d-00cf4fc964ff,8,2026-03-07 10:00:00\n5,,8,2026-03-07 10:00:00\n";
    let file = File::new("a.csv", head.to_owned() + rows);
    for stored in ["3 stored, 0 already there", "0 stored, 3 already there"] {
        let (code, said) = file.load(&db, &[]);
        assert!(code == 0 && said.contains(stored), "{said}");
    }
}

#[actix_web::test]
async fn rows_known_by_their_contents_alone_replace_none() {
    let db = db().await;
    for (head, id) in
        [("id,customer_acc_id,time_start,customer_price\n", "0,"), ("customer_acc_id,time_start,customer_price\n", "")]
    {
        let file = File::new("a.csv", format!("{head}{id}7,2026-03-07 10:00:00,5\n"));
        for dry in [&["--dry-run"][..], &[]] {
            let (code, said) = file.load(&db, &[&["--on-known", "replace"], dry].concat());
            assert_eq!(code, 1, "{said}");
            assert!(said.contains("1 rows have neither id nor uuid to be known by"), "{said}");
        }
    }
}
