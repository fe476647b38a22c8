//! The header is judged before anything is stored.

use super::{File, one};
use crate::support::db;

const ROW: &str = "7,2026-01-01 10:00:00";

#[actix_web::test]
async fn a_file_without_a_known_column_is_refused_with_the_columns_found_and_expected() {
    let db = db().await;
    for (name, text) in [
        ("a.csv", "foo,bar\n1,2\n"),
        ("a.tsv", "foo\tbar\n1\t2\n"),
        ("a.jsonl", "{\"foo\":1,\"bar\":2}\n"),
        ("a.json", "[{\"foo\":1,\"bar\":2}]"),
        ("semicolons.csv", "customer_acc_id;time_start\n7;2026-01-01 10:00:00\n"),
    ] {
        let (code, said) = File::new(name, text).load(&db, &[]);
        assert_eq!(code, 1, "{name}: {said}");
        let found = if name.starts_with('a') { "foo, bar" } else { "customer_acc_id;time_start" };
        assert!(said.contains(found) && said.contains("time_start, customer_acc_id"), "{name}: {said}");
    }
    assert_eq!(one(&db, "count()").await, "0");
}

#[actix_web::test]
async fn a_file_without_time_or_account_is_refused() {
    let db = db().await;
    for (text, missing) in
        [("id,time_start\n1,2026-01-01 10:00:00\n", "customer_acc_id"), ("id,customer_acc_id\n1,7\n", "time_start")]
    {
        let (code, said) = File::new("a.csv", text).load(&db, &[]);
        assert_eq!(code, 1, "{said}");
        assert!(said.contains(missing), "{said}");
    }
    assert_eq!(one(&db, "count()").await, "0");
    let (code, said) =
        File::new("a.csv", "id,time_start\n1,2026-01-01 10:00:00\n").load(&db, &["--set", "customer_acc_id=9"]);
    assert_eq!(code, 0, "{said}");
    assert_eq!(one(&db, "sum(customer_acc_id)").await, "9");
}

#[actix_web::test]
async fn a_file_without_a_header_line_is_recognised() {
    let db = db().await;
    let (code, said) = File::new("a.csv", format!("{ROW}\n{ROW}\n")).load(&db, &[]);
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("no header line") && said.contains("--header"), "{said}");
    assert_eq!(one(&db, "count()").await, "0");
    let (code, said) = File::new("a.csv", format!("{ROW}\n")).load(&db, &["--header", "customer_acc_id,time_start"]);
    assert_eq!(code, 0, "{said}");
    assert_eq!(one(&db, "sum(customer_acc_id)").await, "7");
}

#[actix_web::test]
async fn unknown_columns_are_listed_with_what_they_may_mean_and_strict_refuses_them() {
    let db = db().await;
    let file = File::new("a.csv", format!("customer_acc_id,time_start,customer_prise,Duratoin,zzzz\n{ROW},1,2,3\n"));
    let (code, said) = file.load(&db, &["--strict"]);
    assert_eq!(code, 1, "{said}");
    assert_eq!(one(&db, "count()").await, "0");
    let (code, said) = file.load(&db, &[]);
    assert_eq!(code, 0, "{said}");
    for part in ["customer_prise (customer_price?)", "Duratoin (duration?)", "zzzz"] {
        assert!(said.contains(part), "{part}: {said}");
    }
    let cost = File::new("a.csv", format!("customer_acc_id,time_start,customer_cost\n{ROW},1\n"));
    let (_, said) = cost.load(&db, &["--dry-run"]);
    assert!(said.contains("customer_cost (customer_price?)"), "{said}");
}

#[actix_web::test]
async fn defaults_that_would_hide_calls_are_said_with_the_way_out() {
    let db = db().await;
    let file = File::new("a.csv", format!("customer_acc_id,time_start\n{ROW}\n"));
    let (code, said) = file.load(&db, &["--dry-run"]);
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("--set is_last_cdr=1") && said.contains("--set customer_id="), "{said}");
    assert_eq!(one(&db, "count()").await, "0");
    let (code, said) = file.load(&db, &["--set", "is_last_cdr=1", "--set", "customer_id=5"]);
    assert_eq!(code, 0, "{said}");
    assert!(!said.contains("--set"), "{said}");
    assert_eq!(one(&db, "(sum(is_last_cdr), sum(customer_id))").await, "(1,5)");
    let empty = File::new("a.csv", format!("customer_acc_id,time_start,is_last_cdr\n{ROW},1\n{ROW},\n"));
    let (_, said) = empty.load(&db, &["--dry-run"]);
    assert!(said.contains("1 rows have nothing in is_last_cdr"), "{said}");
    for bad in ["nosuch=1", "customer_id=4294967296", "customer_id", "customer_id=five"] {
        let (code, said) = file.load(&db, &["--set", bad]);
        assert_eq!(code, 2, "{said}");
        assert!(said.contains("--set") && said.contains(bad.split('=').next().unwrap()), "{said}");
    }
}

#[actix_web::test]
async fn a_column_that_comes_twice_is_refused() {
    let db = db().await;
    let file = File::new("a.csv", format!("customer_acc_id,time_start,duration,duration\n{ROW},1,2\n"));
    let (code, said) = file.load(&db, &[]);
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("duration") && said.contains("twice"), "{said}");
}

#[actix_web::test]
async fn the_server_and_database_are_named() {
    let db = db().await;
    let (_, said) = File::new("a.csv", format!("customer_acc_id,time_start\n{ROW}\n")).load(&db, &[]);
    assert!(said.contains(crate::support::engine().url()) && said.contains(&db.database), "{said}");
}

#[actix_web::test]
async fn names_in_any_case_with_blanks_and_marks_around_them_are_known() {
    let db = db().await;
    let text = "\u{feff} CUSTOMER_ACC_ID ,\"Time_Start\", duration\u{a0},id\n7,2026-01-01 10:00:00,25,1\n";
    let (code, said) = File::new("a.csv", text).load(&db, &[]);
    assert_eq!(code, 0, "{said}");
    assert_eq!(one(&db, "(sum(customer_acc_id), sum(duration), sum(id))").await, "(7,25,1)");
    // Which of two that are alike but for their case is meant, nobody knows.
    for names in ["DURATION,Duration", "duration,Duration"] {
        let two = format!("customer_acc_id,time_start,{names}\n7,2026-01-01 10:00:00,25,99\n");
        let (code, said) = File::new("a.csv", two).load(&db, &["--dry-run"]);
        assert!(code == 1 && said.contains("column Duration comes twice"), "{said}");
    }
}

#[actix_web::test]
async fn another_separator_is_named_with_the_way_out() {
    let db = db().await;
    let table = |mark: &str| {
        ["id,customer_acc_id,time_start", &format!("1,{ROW}")].map(|line| line.replace(',', mark)).join("\n") + "\n"
    };
    for (name, text, way) in [
        ("a.csv", table(";"), "--separator ';'"),
        ("a.csv", table("|"), "--separator '|'"),
        ("a.csv", table("\t"), "--format tsv"),
        ("a.csv", table(" | "), "\\copy … csv header"),
        ("a.tsv", table(","), "--separator ','"),
        (
            "a.csv",
            format!("\"id\";\"customer_acc_id\";\"time_start\"\n\"1\";{}\n", ROW.replace(',', ";")),
            "--separator ';'",
        ),
        ("a.csv", format!("sep=,\n{}", table(",")), "leave it out (tail -n +2)"),
        ("a.csv", format!("sep=;\n{}", table(";")), "leave it out (tail -n +2) and say --separator ';'"),
        ("a.csv", "1;7;2026-01-01 10:00:00\n".to_owned(), "--separator ';'"),
    ] {
        let (code, said) = File::new(name, &text).load(&db, &[]);
        assert!(code == 1 && said.contains(way), "{text}: {said}");
    }
    assert_eq!(one(&db, "count()").await, "0");
}

#[actix_web::test]
async fn headers_of_others_hear_what_they_are_and_that_there_are_mappings() {
    let db = db().await;
    let wide: String = (0..1_000_000).map(|at| format!("column{at},")).collect();
    for (name, text, why) in [
        ("a.csv", "foo,bar\n1,2\n".to_owned(), "--map FILE says which columns are which"),
        (
            "a.csv",
            "id,method,from_tag,to_tag,callid,sip_code,sip_reason,time\n1,INVITE,a,b,c,200,OK,2026-01-01 10:00:00\n"
                .to_owned(),
            "the table acc of Kamailio or OpenSIPS, whose rows are events",
        ),
        ("a.csv", format!("{wide}x\n"), "the header line is no header: longer than 4 MB"),
        (
            "a.csv",
            "Duration,duration,time_start,customer_acc_id\n1,2,2026-01-01 10:00:00,7\n".to_owned(),
            "comes twice",
        ),
        ("a.json", "[[1,\"2026-01-01 10:00:00\"],[2]]".to_owned(), "is a list of lists"),
        ("a.json", "{\"data\":[{\"id\":1}],\"total\":1}".to_owned(), "jq -c '.data[]'"),
        ("a.json", "{}".to_owned(), "the file has no object with a key"),
    ] {
        let (code, said) = File::new(name, &text).load(&db, &[]);
        assert!(code == 1 && said.contains(why), "{why}: {}", &said[..said.len().min(2000)]);
    }
    // Columns that are not read may differ in case alone.
    let text = format!("Foo,foo,customer_acc_id,time_start\n1,2,{ROW}\n");
    assert_eq!(File::new("a.csv", text).load(&db, &[]).0, 0);
}

#[actix_web::test]
async fn a_missing_table_is_named_with_the_way_out() {
    let db = db().await;
    db.admin.query_raw("DROP TABLE cdrs SYNC").execute().await.unwrap();
    let (code, said) = File::new("a.csv", format!("customer_acc_id,time_start\n{ROW}\n")).load(&db, &[]);
    assert!(code == 1 && said.contains("there is no table cdrs to load into: `cdrscope migrate` makes it"), "{said}");
}
