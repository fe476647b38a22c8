//! Files that end too early, grow meanwhile, or were put together of several.

use std::io::Write as _;
use std::time::Duration;

use super::{File, command, one, said};
use crate::support::db;

fn object(id: u32) -> String {
    format!("{{\"id\":{id},\"customer_acc_id\":7,\"time_start\":\"2026-03-07 10:00:00\"}}")
}

#[actix_web::test]
async fn a_list_of_objects_that_is_cut_off_is_refused() {
    let db = db().await;
    for text in [
        format!("[{},{},", object(1), object(2)),
        format!("[{},\n{}", object(1), object(2)),
        format!("[\n{},\n{}\n", object(1), object(2)),
        format!("[{}][{}", object(1), object(2)),
        format!("[{},{{\"id\":", object(1)),
        "[".to_owned(),
    ] {
        let (code, said) = File::new("a.json", &text).load(&db, &["--max-rejects", "100%"]);
        assert_eq!(code, 1, "{text}: {said}");
        assert!(said.contains("the list of objects has no end: the file is cut off"), "{text}: {said}");
        assert_eq!(one(&db, "count()").await, "0", "{text}");
    }
    let whole = format!("[{},{}]\n[{}]", object(1), object(2), object(3));
    let (code, said) = File::new("a.json", whole).load(&db, &[]);
    assert_eq!((code, one(&db, "count()").await.as_str()), (0, "3"), "{said}");
    let (code, said) = File::new("a.json", "[]").load(&db, &[]);
    assert_eq!(code, 0, "{said}");
}

#[actix_web::test]
async fn objects_that_follow_each_other_without_a_line_end_are_rows() {
    let db = db().await;
    let all: String = (1..=500).map(object).collect();
    for (format, expected) in [(all.clone(), "500"), (format!("{}\n{}", object(1), object(2)), "500")] {
        let (code, said) = File::new("a.json", format).load(&db, &[]);
        assert_eq!((code, one(&db, "count()").await.as_str()), (0, expected), "{said}");
    }
    // Over many lines, beginning with a line that is an object.
    let (code, said) = File::new("b.json", format!("{}{}\n{}\n", object(501), object(502), object(503))).load(&db, &[]);
    assert_eq!((code, one(&db, "count()").await.as_str()), (0, "503"), "{said}");
}

/// Files of one row and the beginning of another, with what each ends with as a whole.
fn unended() -> Vec<(&'static str, String, &'static str)> {
    let csv = "id,customer_acc_id,time_start,customer_id,is_last_cdr,duration\n1,7,2026-03-07 10:00:00,5,1,60\n\
        2,7,2026-03-07 10:00:00,5,1,101";
    let line = |id: u32, rest: &str| {
        object(id).replace('}', &format!(",\"customer_id\":5,\"is_last_cdr\":1,\"duration\":{rest}"))
    };
    let lines = line(1, "60}\n") + &line(2, "101");
    vec![
        ("a.csv", csv.to_owned(), "1\n"),
        ("b.csv", csv.replace("101", "\"101\""), "\n"),
        ("a.tsv", csv.replace(',', "\t"), "1\n"),
        ("a.jsonl", lines.clone(), "1}\n"),
        // The first line makes it a file of objects that follow each other.
        ("a.json", lines.replacen("}\n", "}", 1), "1}"),
    ]
}

#[actix_web::test]
async fn a_last_line_without_an_end_is_left_out_until_it_has_one() {
    for (name, text, rest) in unended() {
        let db = db().await;
        let file = File::new(name, &text);
        let (code, said) = file.load(&db, &[]);
        assert_eq!(code, 3, "{name}: {said}");
        assert!(said.contains("1 rows read, 1 stored, 0 already there, 0 rejected"), "{name}: {said}");
        assert!(said.contains("has no line end, so that it may be cut: it is left out"), "{name}: {said}");
        assert!(said.contains("a last line without a line end was left out"), "{name}: {said}");
        assert_eq!(one(&db, "groupArray((id, duration))").await, "[(1,60)]", "{name}: {said}");
        let (code, said) = file.load(&db, &["--sample"]);
        assert!(code == 0 && said.contains("left out, as it has no line end"), "{name}: {said}");
        let (code, said) = file.load(&db, &["--replace", "2026-03"]);
        assert!(code == 1 && said.contains("has no line end") && said.contains("--whole-last-line"), "{name}: {said}");
        std::fs::write(file.path(), text + rest).unwrap();
        let (code, said) = file.load(&db, &[]);
        assert!(code == 0 && said.contains("2 rows read, 1 stored, 1 already there"), "{name}: {said}");
        let wanted = if rest == "\n" { "[(1,60),(2,101)]" } else { "[(1,60),(2,1011)]" };
        assert_eq!(one(&db, "arraySort(groupArray((id, duration)))").await, wanted, "{name}: {said}");
    }
}

#[actix_web::test]
async fn a_last_line_without_an_end_is_a_row_where_it_is_sure_to_be_whole() {
    for (name, text, _) in unended().iter().filter(|(name, ..)| !name.contains("json")) {
        let db = db().await;
        let (code, said) = File::new(name, text).load(&db, &["--whole-last-line"]);
        assert!(code == 0 && said.contains("2 rows read, 2 stored"), "{name}: {said}");
        assert!(!said.contains("no line end"), "{name}: {said}");
    }
    // An object ends with its bracket, a record with what the mapping says.
    let db = db().await;
    let (code, said) = File::new("a.jsonl", object(1) + "\n" + &object(2)).load(&db, &[]);
    assert!(code == 0 && said.contains("2 rows read, 2 stored") && !said.contains("line end"), "{said}");
    let sql = std::fs::read_to_string("tests/it/load/samples/freeswitch.sql").unwrap();
    let args = ["--map", "freeswitch-sql", "--format", "csv", "--time-zone", "UTC", "--dry-run"];
    let (code, said) = File::new("a.sql", sql.trim_end()).load(&db, &args);
    assert!(code == 0 && said.contains("3 rows read, 3 would be stored"), "{said}");
    let (code, said) = File::new("a.sql", sql.trim_end().trim_end_matches(';')).load(&db, &args);
    assert!(code == 3 && said.contains("2 rows read, 2 would be stored"), "{said}");
}

#[actix_web::test]
async fn a_writer_that_stops_at_any_byte_has_no_value_stored_that_it_did_not_mean() {
    let db = db().await;
    let head = "id,customer_acc_id,time_start,duration\n1,7,2026-03-07 10:00:00,1001\n";
    let row = "2,7,2026-03-07 10:00:02,1002";
    let file = File::new("a.csv", head);
    for cut in 1..=row.len() {
        std::fs::write(file.path(), head.to_owned() + &row[..cut]).unwrap();
        let (_, said) = file.load(&db, &[]);
        assert_eq!(one(&db, "groupArray((id, duration))").await, "[(1,1001)]", "{cut}: {said}");
    }
    std::fs::write(file.path(), format!("{head}{row}\n")).unwrap();
    let (code, said) = file.load(&db, &[]);
    assert_eq!(code, 0, "{said}");
    assert_eq!(one(&db, "arraySort(groupArray((id, duration)))").await, "[(1,1001),(2,1002)]");
}

/// Rows are appended until the load is over; each `price` is cut in the middle between two writes.
#[actix_web::test]
async fn of_a_file_that_grows_as_much_is_loaded_as_was_there() {
    let db = db().await;
    let head = "id,customer_acc_id,time_start,customer_price\n";
    let row = |id: u32| format!("{id},7,2026-03-07 10:00:00,12.75\n");
    let file = File::new("a.csv", head.to_owned() + &(1..=40_000).map(row).collect::<String>());
    let mut load = command(&db, &["--batch-rows", "5000", "--max-rejects", "10"], &[&file.path()]);
    let mut load = load.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped()).spawn().unwrap();
    let mut growing = std::fs::OpenOptions::new().append(true).open(file.path()).unwrap();
    let mut last = 40_000;
    for _ in 0..300 {
        let mut rows: String = (last + 1..=last + 500).map(row).collect();
        let rest = rows.split_off(rows.len() - 4);
        growing.write_all(rows.as_bytes()).unwrap();
        std::thread::sleep(Duration::from_millis(5));
        growing.write_all(rest.as_bytes()).unwrap();
        last += 500;
        if load.try_wait().unwrap().is_some() {
            break;
        }
    }
    let output = load.wait_with_output().unwrap();
    let text = said(&output);
    let line = text.lines().find(|line| line.contains("rows read")).unwrap_or_else(|| panic!("{text}"));
    let (_, line) = line.split_once("a.csv: ").unwrap();
    let numbers: Vec<u64> = line.split(|char: char| !char.is_ascii_digit()).filter_map(|n| n.parse().ok()).collect();
    let [read, stored, there, rejected] = numbers[..4] else { panic!("{line}") };
    assert_eq!(read, stored + there + rejected, "{text}");
    assert_eq!(one(&db, "countIf(customer_price != 12.75)").await, "0", "{text}");
    assert_eq!(one(&db, "count()").await, stored.to_string(), "{text}");
    // Then the whole.
    let (code, said) = file.load(&db, &[]);
    assert_eq!((code, one(&db, "count()").await), (0, last.to_string()), "{said}");
    assert_eq!(one(&db, "sum(customer_price)").await, format!("{}", f64::from(last) * 12.75), "{said}");
}

#[actix_web::test]
async fn a_header_that_comes_again_in_another_order_refuses_the_file() {
    let db = db().await;
    let head = "id,customer_acc_id,time_start,duration,vendor_duration\n";
    let row = |id: u32| format!("{id},7,2026-01-01 10:00:00,5,700\n");
    let other = "id,customer_acc_id,time_start,vendor_duration,duration\n";
    let file = File::new("a.csv", format!("{head}{}{other}{}", row(1), row(2)));
    let (code, said) = file.load(&db, &[]);
    assert!(code == 1 && said.contains("line 3 has the names of the header in another order"), "{said}");
    let (code, said) = File::new("a.csv", format!("{head}{}{}{}", row(1), head.to_uppercase(), row(2))).load(&db, &[]);
    assert!(code == 0 && said.contains("1 header line"), "{said}");
    assert_eq!(super::one(&db, "(count(), sum(duration))").await, "(2,10)");
}

#[actix_web::test]
async fn headers_that_come_again_are_passed_over() {
    let db = db().await;
    let head = "id,customer_acc_id,time_start\r\n";
    let text = format!("{head}1,7,2026-03-07 10:00:00\r\n{head}2,7,2026-03-07 10:00:00\r\n{head}");
    let (code, said) = File::new("a.csv", text).load(&db, &["--max-rejects", "0"]);
    assert_eq!((code, one(&db, "count()").await.as_str()), (0, "2"), "{said}");
    assert!(said.contains("2 rows read, 2 stored, 0 already there, 0 rejected"), "{said}");
    assert!(said.contains("2 header lines that came again were passed over"), "{said}");
}

#[actix_web::test]
async fn a_line_that_is_too_long_is_one_reject() {
    let db = db().await;
    let long = "9".repeat(13 << 20);
    let head = "id,customer_acc_id,time_start,src_prefix_in\n";
    let text = format!("{head}1,7,2026-03-07 10:00:00,1\n2,7,2026-03-07 10:00:00,{long}\n3,7,2026-03-07 10:00:00,1\n");
    let file = File::new("a.csv", text);
    let (code, said) = file.load(&db, &["--max-rejects", "50%"]);
    assert!(said.contains("3 rows read, 2 stored, 0 already there, 1 rejected"), "{code} {said}");
    assert!(file.rejects().contains("\n3,,longer than 4 MB; only its beginning is kept here,"), "{said}");
}

#[actix_web::test]
async fn a_mark_of_the_end_of_copy_is_no_row_wherever_it_stands() {
    let db = db().await;
    let head = "id,customer_acc_id,time_start\n";
    let text = format!("{head}1,7,2026-03-07 10:00:00\n\\.\n{head}2,7,2026-03-07 10:00:00\n\\.");
    for (name, text) in
        [("a.csv", text.clone()), ("a.csv", text.replace('\n', "\r\n")), ("a.tsv", text.replace(',', "\t"))]
    {
        db.admin.query_raw("TRUNCATE TABLE cdrs SYNC").execute().await.unwrap();
        let (code, said) = File::new(name, text).load(&db, &["--max-rejects", "0"]);
        assert_eq!((code, one(&db, "count()").await.as_str()), (0, "2"), "{name}: {said}");
        assert!(said.contains("2 rows read, 2 stored"), "{name}: {said}");
    }
}
