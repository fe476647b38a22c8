//! Every value is checked against its column before it is stored: right, or rejected with line, column and reason.

use super::{File, one};
use crate::support::{Db, db};

/// Column, the file's value, what is stored (`None`: the row is rejected).
const VALUES: &[(&str, &str, Option<&str>)] = &[
    ("duration", "136298900000", None),
    ("duration", "2147483648", None),
    ("duration", "-2147483649", None),
    ("duration", "2147483647", Some("2147483647")),
    ("duration", "25.41", None),
    ("duration", "136.000", Some("136")),
    ("duration", "\"1,234\"", None),
    ("duration", "1 234", None),
    ("duration", "0x10", None),
    ("duration", "abc", None),
    ("duration", "1e3", Some("1000")),
    ("duration", "00:02:16", None),
    ("duration", "", Some("0")),
    ("duration", "99999999999999999999999999999999999999999999", None),
    ("customer_id", "4294967313", None),
    ("customer_id", "-1", None),
    ("customer_id", "4294967295", Some("4294967295")),
    ("id", "18446744073709551615", Some("18446744073709551615")),
    ("id", "18446744073709551616", None),
    ("is_last_cdr", "257", None),
    ("is_last_cdr", "t", Some("1")),
    ("is_last_cdr", "false", Some("0")),
    ("is_last_cdr", "maybe", None),
    ("sign_orig_port", "70000", None),
    ("lnp_database_id", "-32769", None),
    ("lega_q850_cause", "", Some("null")),
    ("lega_q850_cause", "40000", None),
    ("customer_price", "0.1234565", Some("0.123457")),
    ("customer_price", "0.1234564", Some("0.123456")),
    ("customer_price", "-0.5", Some("-0.5")),
    ("customer_price", "1e-6", Some("0.000001")),
    ("customer_price", "1000000000000", None),
    ("customer_price", "999999999999.9999995", None),
    ("customer_price", "\"1,25\"", None),
    ("customer_price", "$1.25", None),
    ("customer_price", "NaN", None),
    ("customer_price", "inf", None),
    ("customer_price", ".", None),
    ("pdd", "1e39", None),
    ("pdd", "nan", None),
    ("pdd", "1.5", Some("1.5")),
    ("uuid", "6f9619ff-8b86-d011-b42d-00cf4fc964ff", Some("6f9619ff-8b86-d011-b42d-00cf4fc964ff")),
    ("uuid", "6f9619ff-8b86-d011-b42d-00cf4fc964f", None),
    ("uuid", "xf9619ff-8b86-d011-b42d-00cf4fc964ff", None),
    ("routing_tag_ids", "\"{9,12}\"", Some("[9,12]")),
    ("routing_tag_ids", "\"[9, 12]\"", Some("[9,12]")),
    ("routing_tag_ids", "{}", Some("[]")),
    ("routing_tag_ids", "\"{9,70000}\"", None),
    ("time_connect", "0000-00-00 00:00:00", Some("null")),
    ("time_connect", "", Some("null")),
    ("time_connect", "0", Some("null")),
    ("time_connect", "2026-02-30 10:00:00", None),
    ("time_end", "2026-01-01T10:00:00.999999+02:00", Some("2026-01-01 08:00:00")),
];

/// A time, and what is stored as UTC.
const TIMES: &[(&str, Option<&str>)] = &[
    ("0000-00-00 00:00:00", None),
    ("0000-00-00", None),
    ("0", None),
    ("", None),
    ("1970-01-01 00:00:00", None),
    ("07/03/2026 10:00:00", None),
    ("07.03.2026 10:00", None),
    ("2026-03-07 10:00:00", Some("2026-03-07 10:00:00")),
    ("2026/03/07 10:00:00", Some("2026-03-07 10:00:00")),
    ("2026-03-07T10:00:00Z", Some("2026-03-07 10:00:00")),
    ("2026-03-07 10:00:00.123456+02", Some("2026-03-07 08:00:00")),
    ("2026-03-07 10:00:00 +0530", Some("2026-03-07 04:30:00")),
    ("2026-03-07 10:00:00-03:30", Some("2026-03-07 13:30:00")),
    ("1772877600", Some("2026-03-07 10:00:00")),
    ("1772877600.7", Some("2026-03-07 10:00:00")),
    ("1772877600123", Some("2026-03-07 10:00:00")),
    ("1772877600123456", Some("2026-03-07 10:00:00")),
    ("260501100002", None),
    ("2605011000", None),
    ("631151999", None),
    ("631152000", Some("1990-01-01 00:00:00")),
    ("4102444800000", None),
    ("20260307", None),
    ("20260307100000", None),
    ("-5", None),
    ("99999999999", None),
    ("1772877600123456789012", None),
    ("2026-13-01 10:00:00", None),
    ("2026-03-07 25:00:00", None),
    ("2026-03-07 10:60:00", None),
    ("2026-03-07 10:00:00 PST", None),
    ("2106-03-07 10:00:00", None),
    ("1969-12-31 23:59:59", None),
    ("yesterday", None),
    ("2026-3-7 1:2:3", None),
    ("2026-03-07", None),
];

#[actix_web::test]
async fn a_value_is_stored_as_it_stands_or_its_row_is_rejected_by_line_column_and_reason() {
    let db = db().await;
    let mut wrong = Vec::new();
    for of in VALUES.chunk_by(|a, b| a.0 == b.0) {
        let column = of[0].0;
        let cases: Vec<_> = of.iter().map(|(_, value, stored)| (*value, *stored)).collect();
        // Rows are told apart by their time, as the id is among the columns.
        let row = |at: usize, value: &str| format!("7,2026-01-01 10:00:{at:02},{value}");
        check(&db, column, &format!("customer_acc_id,time_start,{column}"), row, "time_start", &cases, &mut wrong)
            .await;
    }
    let row = |at: usize, value: &str| format!("{},7,{value}", at + 1);
    check(&db, "time_start", "id,customer_acc_id,time_start", row, "id", TIMES, &mut wrong).await;
    assert!(wrong.is_empty(), "{} cases: {}", wrong.len(), wrong.join("\n"));
}

async fn check(
    db: &Db,
    column: &str,
    header: &str,
    row: impl Fn(usize, &str) -> String,
    by: &str,
    cases: &[(&str, Option<&str>)],
    wrong: &mut Vec<String>,
) {
    db.admin.query_raw("TRUNCATE TABLE cdrs SYNC").execute().await.unwrap();
    let lines: String = cases.iter().enumerate().map(|(at, (value, _))| row(at, value) + "\n").collect();
    let file = File::new("a.csv", format!("{header}\n{lines}"));
    let (code, said) = file.load(db, &["--max-rejects", "100%"]);
    let sql = format!(
        "arrayStringConcat(arrayMap(p -> p.2, arraySort(groupArray(({by}, ifNull(toString({column}), 'null'))))), '|')"
    );
    let found = one(db, &sql).await;
    let stored: Vec<_> = cases.iter().filter_map(|(_, stored)| *stored).collect();
    if found != stored.join("|") {
        wrong.push(format!("{column}: stored {found}, not {}: {said}", stored.join("|")));
    }
    let rejects = file.rejects();
    let lines: Vec<usize> = (0..cases.len()).filter(|at| cases[*at].1.is_none()).collect();
    for at in &lines {
        let begin = format!("{},{column},", at + 2);
        if !rejects.lines().any(|line| line.starts_with(&begin)) {
            wrong.push(format!("{column} {:?} is not among the rejects", cases[*at].0));
        }
    }
    let rejected = rejects.lines().count().saturating_sub(1);
    if rejected != lines.len() || code != (if lines.is_empty() { 0 } else { 3 }) {
        wrong.push(format!("{column}: code {code}, {rejected} rejects, not {}: {rejects}", lines.len()));
    }
}

#[actix_web::test]
async fn good_rows_are_loaded_and_bad_ones_written_as_they_stood() {
    let db = db().await;
    let mut text = String::from("id,customer_acc_id,time_start,src_name_in\n");
    for i in 1..=200 {
        match i {
            50 => text += "50,7,yesterday,\"two\nlines, \"\"quoted\"\"\"\n",
            60 => text += "60,7\n",
            _ => text += &format!("{i},7,2026-01-01 10:00:00,x\n"),
        }
    }
    let file = File::new("a.csv", &text);
    let (code, said) = file.load(&db, &[]);
    assert_eq!(code, 3, "{said}");
    assert!(said.contains("200 rows read, 198 stored"), "{said}");
    assert_eq!(one(&db, "(count(), sum(id))").await, format!("(198,{})", 200 * 201 / 2 - 110));
    let rejects = file.rejects();
    assert!(rejects.starts_with("line,column,reason,record\n51,time_start,"), "{rejects}");
    assert!(rejects.contains("\"50,7,yesterday,\"\"two\nlines, \"\"\"\"quoted\"\"\"\"\"\"\"\n"), "{rejects}");
    assert!(rejects.contains("\n62,,\"2 fields"), "{rejects}");
}

#[actix_web::test]
async fn too_many_rejects_store_nothing() {
    let db = db().await;
    let mut text = String::from("customer_acc_id,time_start\n");
    (0..98).for_each(|i| text += &format!("7,2026-01-01 10:00:{:02}\n", i % 60));
    text += "7,never\n7,never\n";
    for (args, code, stored) in [
        (&[][..], 1, "0"),
        (&["--max-rejects", "1"], 1, "0"),
        (&["--max-rejects", "1.9%"], 1, "0"),
        (&["--max-rejects", "2", "--dry-run"], 3, "0"),
    ] {
        let file = File::new("a.csv", &text);
        let (found, said) = file.load(&db, args);
        assert_eq!(found, code, "{args:?}: {said}");
        assert_eq!(file.rejects().lines().count(), 3, "{args:?}");
        assert_eq!(one(&db, "count()").await, stored, "{args:?}");
    }
    let (code, said) = File::new("a.csv", &text).load(&db, &["--max-rejects", "2%"]);
    assert_eq!(code, 3, "{said}");
}

#[actix_web::test]
async fn every_format_is_checked_alike() {
    let db = db().await;
    let row = |format: &str, duration: &str| match format {
        "a.csv" => format!("customer_acc_id,time_start,duration\n7,2026-01-01 10:00:00,{duration}\n"),
        "a.tsv" => format!("customer_acc_id\ttime_start\tduration\n7\t2026-01-01 10:00:00\t{duration}\n"),
        "a.jsonl" => {
            format!("{{\"customer_acc_id\":7,\"time_start\":\"2026-01-01 10:00:00\",\"duration\":{duration}}}\n")
        }
        _ => {
            format!("[\n {{\"customer_acc_id\":\"7\",\n \"time_start\":1767261600, \"duration\":\"{duration}\"}}\n]\n")
        }
    };
    for name in ["a.csv", "a.tsv", "a.jsonl", "a.json"] {
        for (duration, stored) in [("136298900000", None), ("17", Some("17")), ("-3", Some("-3"))] {
            let mut said = Vec::new();
            db.admin.query_raw("TRUNCATE TABLE cdrs SYNC").execute().await.unwrap();
            let file = File::new(name, row(name, duration));
            let (code, output) = file.load(&db, &["--max-rejects", "1"]);
            let found = one(&db, "arrayStringConcat(groupArray(toString(duration)))").await;
            if code != (if stored.is_some() { 0 } else { 3 }) || found != stored.unwrap_or_default() {
                said.push(format!("{name} {duration}: {code} {found} {output}"));
            }
            assert!(said.is_empty(), "{said:?}");
        }
    }
    // The engine's own formats come typed, and are checked all the same.
    for format in ["Parquet", "Native"] {
        let select = "SELECT toUInt64(4294967313) AS customer_id, toUInt32(7) AS customer_acc_id, \
            toDateTime('2026-01-01 12:00:00', 'Europe/Kyiv') AS time_start, 0.1234565 AS customer_price \
            UNION ALL SELECT 5, 7, toDateTime('2026-01-01 12:00:01', 'Europe/Kyiv'), 0.1234565";
        let bytes = db.admin.query_raw(select).fetch_bytes(format).unwrap().collect().await.unwrap();
        let file = File::new(if format == "Parquet" { "a.parquet" } else { "a.native" }, bytes);
        db.admin.query_raw("TRUNCATE TABLE cdrs SYNC").execute().await.unwrap();
        let (code, said) = file.load(&db, &["--max-rejects", "1"]);
        assert_eq!(code, 3, "{said}");
        let found =
            one(&db, "(count(), sum(customer_id), sum(customer_price), max(toUnixTimestamp(time_start)))").await;
        assert_eq!(found, "(1,5,0.123457,1767261601)", "{format}: {said}");
        assert!(file.rejects().contains("customer_id"), "{}", file.rejects());
    }
}

#[actix_web::test]
async fn the_order_of_dates_and_the_zone_are_said_by_flags() {
    let db = db().await;
    let file = File::new("a.csv", "customer_acc_id,time_start\n7,07/03/2026 10:00:00\n");
    for (args, stored) in [
        (&["--date-order", "dmy"][..], "2026-03-07 10:00:00"),
        (&["--date-order", "mdy"], "2026-07-03 10:00:00"),
        (&["--date-order", "dmy", "--time-zone", "Europe/Kyiv"], "2026-03-07 08:00:00"),
    ] {
        db.admin.query_raw("TRUNCATE TABLE cdrs SYNC").execute().await.unwrap();
        let (code, said) = file.load(&db, args);
        assert_eq!(code, 0, "{said}");
        assert_eq!(one(&db, "max(time_start)").await, stored);
    }
}

#[actix_web::test]
async fn a_quote_that_is_not_closed_costs_its_own_line_only() {
    let db = db().await;
    let text = "id,customer_acc_id,time_start,src_name_in\n1,7,2026-01-01 10:00:00,\"open\n\
        2,7,2026-01-01 10:00:00,\"b\"\n3,7,2026-01-01 10:00:00,\"to the end\n4,7,2026-01-01 10:00:00,d\n";
    let file = File::new("a.csv", text);
    let (code, said) = file.load(&db, &["--max-rejects", "2"]);
    assert_eq!(code, 3, "{said}");
    assert_eq!(one(&db, "sum(id)").await, "6", "{}", file.rejects());
    assert!(file.rejects().contains("\n2,,") && file.rejects().contains("\n4,,"), "{}", file.rejects());
}

#[actix_web::test]
async fn a_number_that_is_no_time_of_a_call_says_what_it_was_read_as_and_the_way_out() {
    let db = db().await;
    let text = "id,customer_acc_id,time_start\n1,7,260501100002\n2,7,4102444800\n";
    let file = File::new("a.csv", text);
    let (_, said) = file.load(&db, &["--max-rejects", "100%"]);
    for why in ["as milliseconds since 1970 before 1990", "as seconds since 1970 over a day ahead"] {
        let line = format!("1 time_start: {why}: a date in digits needs a mapping with its time_format");
        assert!(said.contains(&line), "{said}");
    }
    let map = file.dir.path().join("map.toml");
    std::fs::write(&map, "time_format = '%y%m%d%H%M%S'\n").unwrap();
    let (_, said) = file.load(&db, &["--max-rejects", "100%", "--map", map.to_str().unwrap()]);
    assert!(said.contains("1 stored"), "{said}");
    assert_eq!(one(&db, "toString(any(time_start))").await, "2026-05-01 10:00:02");
}

#[actix_web::test]
async fn rows_that_cannot_be_are_stored_and_counted_with_their_first_line() {
    let head = "id,customer_acc_id,customer_id,time_start,time_end,duration,customer_price,is_last_cdr\n";
    let rows = [
        "7,5,2026-05-01 10:00:00,2026-05-01 10:00:10,10,0.5,1",
        "7,5,2026-05-01 10:00:00,2026-05-01 10:00:10,-1,0.5,1",
        "7,5,2026-05-01 10:00:00,2026-05-01 10:00:10,300000,0.5,1",
        "7,0,2026-05-01 10:00:00,2026-05-01 10:00:10,10,0.5,1",
        "0,5,2026-05-01 10:00:00,2026-05-01 10:00:10,10,0.5,1",
        "7,5,1980-05-01 10:00:00,1980-05-01 10:00:10,10,0.5,1",
        "7,5,2099-05-01 10:00:00,2099-05-01 10:00:10,10,0.5,1",
        "7,5,2026-05-01 10:00:00,2026-05-01 10:00:10,10,-1,1",
        "7,5,2026-05-01 10:00:00,2026-05-01 09:00:10,10,0.5,1",
        "7,5,2026-05-01 10:00:00,,10,0.5,1",
    ];
    let text: String = rows.iter().enumerate().map(|(at, row)| format!("{},{row}\n", at + 1)).collect();
    let wanted = [
        "1 rows with a duration below 0, the first in line 3: reports count them as they are",
        "1 rows with a duration, or from start to end, over checks.max_duration_days, the first in line 4",
        "1 rows that start before 1990, the first in line 7",
        "1 rows that start, are answered or end more than a day ahead, the first in line 8",
        "2 rows without customer or account, though answered, charged or with one of the two, the first in line 5",
        "1 rows with a price below 0, the first in line 9",
        "1 rows that were answered or ended before they started, or ended before they were answered, the first in line 10",
    ];
    let db = db().await;
    let (code, said) = File::new("a.csv", head.to_owned() + &text).load(&db, &[]);
    assert!(code == 0 && said.contains("10 stored"), "{said}");
    for line in wanted {
        assert!(said.contains(line), "{line}: {said}");
    }
    // Files whose columns have types count rows, not lines.
    let sql = "SELECT id, customer_acc_id, customer_id, time_start, time_end, duration, customer_price, is_last_cdr FROM cdrs \
        ORDER BY id";
    for (name, format) in [("b.native", "Native"), ("b.parquet", "Parquet")] {
        let bytes = db.admin.query_raw(sql).fetch_bytes(format).unwrap().collect().await.unwrap();
        let (_, said) = File::new(name, bytes).load(&db, &["--dry-run"]);
        for line in wanted {
            let (before, line_number) = line.split_once("in line ").unwrap();
            let number: u32 = line_number.split(':').next().unwrap().parse().unwrap();
            let line = format!("{before}in line {}", number - 1);
            assert!(said.contains(&line), "{name}: {line}: {said}");
        }
    }
    // Rows as they should be have no such line.
    let (_, said) = File::new("c.csv", format!("{head}11,{}\n", rows[0])).load(&db, &[]);
    assert!(!said.contains("reports count them"), "{said}");
}

#[actix_web::test]
async fn reasons_quote_the_files_own_text_and_have_no_line_of_their_own() {
    let db = db().await;
    let text = "id;customer_acc_id;time_start;duration\n1;7;2026-01-01 10:00:00;25,4\n";
    let file = File::new("a.csv", text);
    let map = file.dir.path().join("map.toml");
    std::fs::write(&map, "separator = ';'\ndecimal_comma = true\n").unwrap();
    file.load(&db, &["--map", map.to_str().unwrap()]);
    assert!(file.rejects().contains("\"\"25,4\"\": not a whole number"), "{}", file.rejects());
    let file = File::new("a.jsonl", "{\"id\":1,\"customer_acc_id\":7,\"time_start\":\n");
    file.load(&db, &["--max-rejects", "1"]);
    assert!(file.rejects().contains("not a JSON object") && !file.rejects().contains("at line"), "{}", file.rejects());
    let file =
        File::new("b.csv", "id,customer_acc_id,time_start,routing_tag_ids\n1,7,2026-01-01 10:00:00,\"{NULL,3}\"\n");
    file.load(&db, &["--max-rejects", "1"]);
    assert!(file.rejects().contains("null in a list"), "{}", file.rejects());
}
