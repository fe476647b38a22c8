//! `--on-known replace` and `--replace RANGE`: rows that go for the file's.

use super::{File, command, said};
use crate::support::{Db, db};

/// Ids with an account, a time and a price.
fn rows(all: impl IntoIterator<Item = (u32, u32, String, &'static str)>) -> String {
    let line = |(id, account, time, price): (u32, u32, String, &str)| format!("{id},{account},{time},{price},3\n");
    "id,customer_acc_id,time_start,customer_price,vendor_acc_id\n".to_owned()
        + &all.into_iter().map(line).collect::<String>()
}

/// A row a day of a month of 2026, ids from `first` on.
fn month(month: u32, first: u32, account: u32, price: &'static str) -> String {
    rows((0..28).map(|day| (first + day, account, format!("2026-{month:02}-{:02} 10:00:00", day + 1), price)))
}

async fn ask(db: &Db, sql: &str) -> String {
    db.admin.query_raw(&format!("SELECT ifNull(toString({sql}), '')")).fetch_one().await.unwrap()
}

/// Rows and prices, as the table has them and as its projections do.
async fn sums(db: &Db) -> String {
    let table = ask(db, "(SELECT (count(), uniqExact(id), sum(customer_price)) FROM cdrs)").await;
    let minutes = "(SELECT (countMerge(`count()`), sumMerge(`sum(customer_price)`)) FROM mergeTreeProjection(currentDatabase(), 'cdrs', 'customer_minutes'))";
    let vendors =
        "(SELECT count() FROM mergeTreeProjection(currentDatabase(), 'cdrs', 'vendor_calls') WHERE vendor_acc_id = 3)";
    format!("{table} {} {}", ask(db, minutes).await, ask(db, vendors).await)
}

async fn tables(db: &Db) -> String {
    ask(db, "(SELECT count() FROM system.tables WHERE database = currentDatabase() AND name LIKE 'cdrscope%')").await
}

#[actix_web::test]
async fn known_rows_are_replaced_by_the_files_rows() {
    let db = db().await;
    assert_eq!(File::new("a.csv", month(10, 1, 7, "0.25")).load(&db, &[]).0, 0);
    // Another account, another second, another price; two rows are new.
    let text = rows((20..31).map(|id| (id, 9, format!("2026-10-{id:02} 10:00:05"), "1.5")));
    let file = File::new("b.csv", text);
    let (code, said) = file.load(&db, &["--on-known", "replace", "--dry-run"]);
    assert!(code == 0 && said.contains("11 would be stored in place of 9 that are there"), "{said}");
    assert_eq!(sums(&db).await, "(28,28,7) (28,7) 28");
    for (round, gone) in [9, 11].into_iter().enumerate() {
        let (code, said) = file.load(&db, &["--on-known", "replace"]);
        assert_eq!(code, 0, "{said}");
        assert!(said.contains(&format!("11 stored in place of {gone} that were there")), "{round}: {said}");
        assert_eq!(sums(&db).await, "(30,30,21.25) (30,21.25) 30", "{round}");
    }
    assert_eq!(ask(&db, "(SELECT count() FROM cdrs WHERE customer_acc_id = 9)").await, "11");
    assert_eq!(tables(&db).await, "0");
}

#[actix_web::test]
async fn rows_without_an_id_are_replaced_by_their_uuid() {
    let db = db().await;
    let uuid = "7fae7f26-6d0c-4dce-a4b5-9bd5f0f1a717";
    let text = |price: &str| {
        let rows = [(uuid, price), ("8fae7f26-6d0c-4dce-a4b5-9bd5f0f1a717", "1")];
        let line = |(uuid, price): &(&str, &str)| format!("{uuid},7,2026-10-05 10:00:00,{price}\n");
        "uuid,customer_acc_id,time_start,customer_price\n".to_owned() + &rows.iter().map(line).collect::<String>()
    };
    File::new("a.csv", text("5")).load(&db, &[]);
    let (code, said) = File::new("b.csv", text("6")).load(&db, &["--on-known", "replace"]);
    assert!(code == 0 && said.contains("2 stored in place of 2 that were there"), "{said}");
    assert_eq!(ask(&db, "(SELECT (count(), sum(customer_price)) FROM cdrs)").await, "(2,7)");
}

#[actix_web::test]
async fn a_rejected_row_leaves_the_known_one_as_it_is() {
    let db = db().await;
    File::new("a.csv", month(10, 1, 7, "0.25")).load(&db, &[]);
    let text = rows((1..3).map(|id| (id, 7, format!("2026-10-0{id} 10:00:00"), ["x", "2"][id as usize - 1])));
    let (code, said) = File::new("b.csv", text).load(&db, &["--on-known", "replace", "--max-rejects", "1"]);
    assert_eq!(code, 3, "{said}");
    assert_eq!(sums(&db).await, "(28,28,8.75) (28,8.75) 28");
}

#[actix_web::test]
async fn a_month_is_swapped_for_the_files_rows() {
    let db = db().await;
    for (at, name) in [(9, 100), (10, 200), (11, 300)] {
        assert_eq!(File::new("a.csv", month(at, name, 7, "0.25")).load(&db, &[]).0, 0);
    }
    let file = File::new("b.csv", rows((5..8).map(|day| (200 + day, 8, format!("2026-10-{day:02} 09:00:00"), "2"))));
    let (code, said) = file.load(&db, &["--replace", "2026-10", "--dry-run"]);
    assert!(code == 0 && said.contains("28 rows of 1 account would go for 3 rows of 1 account"), "{said}");
    assert_eq!(sums(&db).await, "(84,84,21) (84,21) 84");
    for gone in [28, 3] {
        let (code, said) = file.load(&db, &["--replace", "2026-10"]);
        assert!(
            code == 0 && said.contains(&format!("{gone} rows of 1 account went for 3 rows of 1 account")),
            "{said}"
        );
        assert_eq!(sums(&db).await, "(59,59,20) (59,20) 59");
    }
    assert_eq!(tables(&db).await, "0");
}

#[actix_web::test]
async fn days_and_instants_and_accounts_are_swapped_and_nothing_beside_them() {
    for (args, days, left) in [
        (&["--replace", "2026-10-05"][..], 5..6, "(56,56,15.75)"),
        (&["--replace", "2026-10-05/2026-10-07"], 5..8, "(56,56,19.25)"),
        (&["--replace", "2026-10-05T10:00:00Z/2026-10-06T10:00:00Z"], 5..6, "(56,56,15.75)"),
        (&["--replace", "2026-10-05T13:00:00/2026-10-07T13:00:00", "--time-zone", "Europe/Kyiv"], 5..7, "(56,56,17.5)"),
        (&["--replace", "2026-10-31/2026-11", "--max-rejects", "0"], 31..32, "(29,29,9)"),
        (&["--replace", "2026-10", "--replace-account", "8,9"], 5..6, "(57,57,16)"),
    ] {
        let db = db().await;
        File::new("a.csv", month(10, 200, 7, "0.25")).load(&db, &[]);
        File::new("a.csv", month(11, 300, 7, "0.25")).load(&db, &[]);
        let (account, first) = if args.contains(&"8,9") { (8, 500) } else { (7, 199) };
        let first = if days.start == 31 { 600 } else { first };
        let text = rows(days.map(|day| (first + day, account, format!("2026-10-{day:02} 10:00:00Z"), "2")));
        let (code, said) = File::new("b.csv", text).load(&db, args);
        assert_eq!(code, 0, "{args:?}: {said}");
        assert!(sums(&db).await.starts_with(left), "{args:?}: {} {said}", sums(&db).await);
    }
}

#[actix_web::test]
async fn a_row_outside_of_what_is_swapped_refuses_the_file() {
    let db = db().await;
    File::new("a.csv", month(10, 200, 7, "0.25")).load(&db, &[]);
    let text = rows([4, 5, 6].map(|day| (day, 7, format!("2026-10-{day:02} 10:00:00"), "2")));
    for (args, why) in [
        (
            &["--replace", "2026-10-05/2026-10-06"][..],
            "line 2: its time_start 2026-10-04T10:00:00Z is outside of --replace",
        ),
        (&["--replace", "2026-10-04/2026-10-05"], "line 4: its time_start 2026-10-06T10:00:00Z"),
        (
            &["--replace", "2026-10", "--replace-account", "8"],
            "line 2: its customer_acc_id 7 is not of --replace-account",
        ),
        (&["--replace", "2026-10", "--set", "customer_acc_id=x"], "customer_acc_id"),
    ] {
        let (code, said) = File::new("b.csv", text.clone()).load(&db, args);
        assert!(code != 0 && said.contains(why), "{args:?}: {said}");
        assert_eq!(sums(&db).await, "(28,28,7) (28,7) 28");
    }
    // Rows that are bad would be missing afterwards, and a file of nothing would only delete.
    let bad = text.replace(",2,3", ",x,3");
    for (text, why) in [(bad, "nothing was stored"), (rows([]), "has no rows")] {
        let (code, said) = File::new("b.csv", text).load(&db, &["--replace", "2026-10"]);
        assert!(code == 1 && said.contains(why), "{said}");
        assert_eq!(sums(&db).await, "(28,28,7) (28,7) 28");
    }
    assert_eq!(tables(&db).await, "0");
}

#[actix_web::test]
async fn several_files_are_swapped_in_together_or_not_at_all() {
    let db = db().await;
    File::new("a.csv", month(10, 200, 7, "0.25")).load(&db, &[]);
    let one = File::new("one.csv", rows([(1, 7, "2026-10-05 10:00:00".into(), "2")]));
    let two = File::new("two.csv", rows([(2, 7, "2026-10-06 10:00:00".into(), "3")]));
    let bad = File::new("bad.csv", rows([(3, 7, "2026-11-06 10:00:00".into(), "3")]));
    let output = command(&db, &["--replace", "2026-10"], &[&one.path(), &bad.path(), &two.path()]).output().unwrap();
    let text = said(&output);
    assert!(output.status.code() == Some(1) && text.contains("--replace: nothing was stored"), "{text}");
    assert!(!text.contains(" 1 stored") && !text.contains("files: "), "{text}");
    assert_eq!(sums(&db).await, "(28,28,7) (28,7) 28");
    let output = command(&db, &["--replace", "2026-10"], &[&one.path(), &two.path()]).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    assert_eq!(sums(&db).await, "(2,2,5) (2,5) 2");
}

#[actix_web::test]
async fn an_id_that_is_there_outside_of_the_range_is_not_stored_twice() {
    let db = db().await;
    File::new("a.csv", rows([(1, 7, "2026-09-30 23:59:59".into(), "2")])).load(&db, &[]);
    let text = rows((1..3).map(|id| (id, 7, "2026-10-01 00:00:01".to_owned(), "3")));
    let file = File::new("b.csv", text);
    let (code, said) = file.load(&db, &["--replace", "2026-10"]);
    assert!(code == 0 && said.contains(" 1 stored, 1 already there"), "{said}");
    assert_eq!(sums(&db).await, "(2,2,5) (2,5) 2");
    let (code, said) = file.load(&db, &["--replace", "2026-10", "--on-known", "replace"]);
    assert_eq!(code, 0, "{said}");
    assert_eq!(sums(&db).await, "(2,2,6) (2,6) 2");
}

#[actix_web::test]
async fn a_range_that_is_none_is_named() {
    let db = db().await;
    let file = File::new("b.csv", rows([]));
    for range in ["2026-13", "2026", "2026-10-05/2026-10-04", "yesterday", "2026-10-05/", "", "2026-02-30"] {
        let (code, said) = file.load(&db, &["--replace", range]);
        assert!(code == 2 && said.contains("--replace"), "{range}: {code} {said}");
    }
    let (code, said) = file.load(&db, &["--replace-account", "5"]);
    assert!(code == 2 && said.contains("--replace"), "{code} {said}");
}

#[actix_web::test]
async fn an_operators_own_table_is_swapped_too_and_a_view_is_refused() {
    let db = db().await;
    let own = "CREATE TABLE own (id Int64, customer_acc_id Int64, ts DateTime64(3, 'UTC'), customer_price Float64) \
        ENGINE = MergeTree ORDER BY ts";
    db.admin.query_raw(own).execute().await.unwrap();
    db.admin.query_raw("CREATE VIEW seen AS SELECT * FROM own").execute().await.unwrap();
    let text = |price: &str| {
        format!(
            "id,customer_acc_id,ts,customer_price\n1,7,2026-10-05 10:00:00.5,{price}\n2,7,2026-10-31 23:59:59.9,{price}\n"
        )
    };
    let load = |table: &str, text: String, args: &[&str]| {
        let file = File::new("a.csv", text);
        let mut command = command(&db, args, &[&file.path()]);
        command.env("CDRSCOPE_TABLES_CDRS", table).env("CDRSCOPE_TABLES_CDRS_COLUMNS", "time_start = ts");
        let output = command.output().unwrap();
        (output.status.code(), said(&output))
    };
    let sums = async || ask(&db, "(SELECT (count(), sum(customer_price)) FROM own)").await;
    for (price, args, left) in [
        ("1", &[][..], "(2,2)"),
        ("2", &["--on-known", "replace"], "(2,4)"),
        ("3", &["--replace", "2026-10"], "(2,6)"),
        ("4", &["--replace", "2026-10-05/2026-10-31"], "(2,8)"),
    ] {
        let (code, said) = load("own", text(price), args);
        assert_eq!(code, Some(0), "{args:?}: {said}");
        assert_eq!(sums().await, left, "{args:?}: {said}");
    }
    for args in [&["--on-known", "replace"][..], &["--replace", "2026-10"]] {
        let (code, said) = load("seen", text("5"), args);
        assert!(code == Some(1) && said.contains("seen is a View"), "{args:?}: {said}");
    }
    assert_eq!(sums().await, "(2,8)");
}

#[actix_web::test]
async fn a_file_without_rows_replaces_nothing() {
    let db = db().await;
    File::new("old.csv", month(10, 1, 7, "0.25")).load(&db, &[]);
    let dir = tempfile::tempdir().unwrap();
    let paths = ["day.csv", "empty.csv"].map(|name| dir.path().join(name));
    std::fs::write(&paths[0], rows([(90, 7, "2026-10-05 12:00:00".to_owned(), "2")])).unwrap();
    std::fs::write(&paths[1], rows([])).unwrap();
    for files in [&[&*paths[0], &*paths[1]][..], &[&*paths[1], &*paths[0]], &[&*paths[1]]] {
        let output = command(&db, &["--replace", "2026-10-05"], files).output().unwrap();
        let said = said(&output);
        assert!(
            output.status.code() == Some(1) && said.contains("empty.csv: has no rows: nothing was stored"),
            "{said}"
        );
        assert_eq!(ask(&db, "(SELECT (count(), sum(customer_price)) FROM cdrs)").await, "(28,7)", "{said}");
    }
    assert_eq!(tables(&db).await, "0");
}
