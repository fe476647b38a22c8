//! Files of spreadsheets and switches that are nearly what is expected: told apart, read, or refused by what they are.

use super::{File, one};
use crate::support::db;

const HEAD: &str = "id,customer_acc_id,time_start\n";
const ROW: &str = "1,7,2026-03-07 10:00:00\n";

#[actix_web::test]
async fn what_is_no_text_in_utf_8_is_called_by_its_name() {
    let db = db().await;
    let utf_16 = |mark: &[u8], bytes: fn(u16) -> [u8; 2]| {
        let text = format!("{HEAD}{ROW}");
        mark.iter().copied().chain(text.encode_utf16().flat_map(bytes)).collect::<Vec<u8>>()
    };
    for (content, why) in [
        (utf_16(b"\xff\xfe", u16::to_le_bytes), "is no UTF-8 but UTF-16"),
        (utf_16(b"\xfe\xff", u16::to_be_bytes), "is no UTF-8 but UTF-16"),
        (utf_16(b"", u16::to_le_bytes), "is no UTF-8 but UTF-16"),
        (b"PK\x03\x04\x14\0\0\0\x08\0".to_vec(), "is a ZIP archive or a spreadsheet"),
        (format!("{HEAD}{ROW}").replace('\n', "\r").into_bytes(), "has lines that end with a carriage return alone"),
    ] {
        for name in ["a.csv", "a.tsv"] {
            let (code, said) = File::new(name, &content).load(&db, &[]);
            assert!(code == 1 && said.contains(why), "{why}: {said}");
        }
    }
    assert_eq!(one(&db, "count()").await, "0");
}

#[actix_web::test]
async fn columns_without_a_name_are_left_out_and_told_of() {
    let db = db().await;
    let text = "id,customer_acc_id,time_start,,\n1,7,2026-03-07 10:00:00,,\n2,7,2026-03-07 10:00:00,x,\n";
    let file = File::new("a.csv", text);
    let (code, said) = file.load(&db, &["--strict"]);
    assert!(code == 1 && said.contains("(column 4), (column 5)"), "{said}");
    let (code, said) = file.load(&db, &[]);
    assert!(code == 0 && said.contains("unknown columns: (column 4), (column 5)"), "{said}");
    assert_eq!(one(&db, "count()").await, "2");
}

#[actix_web::test]
async fn a_bad_first_line_of_a_file_without_header_is_a_reject_like_others() {
    let db = db().await;
    let row = |name: &str, id: u32| {
        format!(
            "{name},\"380441\",\"44791\",\"default\",\"2026-03-07 10:00:00\",\"2026-03-07 10:00:05\",\"2026-03-07 10:01:05\",\
            \"65\",\"60\",\"NORMAL_CLEARING\",\"6f9619ff-8b86-4011-b42d-00cf4fc900{id:02}\",\"\",\"17\",\"PCMU\",\"PCMU\"\n"
        )
    };
    for bad in [row("\"Al \"X\" ice\"", 1), "cut\n".to_owned(), "\"380\",\"4".to_owned() + "\n"] {
        let text = bad + &row("\"Alice\"", 2) + &row("\"Bob\"", 3);
        let file = File::new("a.csv", text);
        let args = ["--map", "freeswitch-csv", "--set", "customer_id=5", "--max-rejects", "1"];
        let (code, said) = file.load(&db, &args);
        assert!(code == 3 && said.contains("3 rows read, ") && said.contains(", 1 rejected"), "{said}");
        assert!(file.rejects().starts_with("line,column,reason,record\n1,"), "{}", file.rejects());
        assert_eq!(one(&db, "count()").await, "2", "{said}");
    }
    // Nothing that is known: refused as ever.
    let (code, said) = File::new("a.csv", "a,b\nc,d\n").load(&db, &["--map", "freeswitch-csv"]);
    assert!(code == 1 && said.contains("the first line has 2 fields, the mapping knows 13, 15, 17, 18, 20"), "{said}");
}

#[actix_web::test]
async fn the_date_of_the_epoch_is_none_in_any_zone() {
    let db = db().await;
    let head = "id,customer_acc_id,time_start,time_connect,time_end\n";
    let text = head.to_owned()
        + "1,7,2026-03-07 10:00:00,1970-01-01 00:00:00,1970-01-01T00:00:00.000\n2,7,1970-01-01 00:00:00,,\n\
        3,7,2026-03-07 10:00:00,1970-01-01 00:00:01+00,\n";
    for zone in ["UTC", "Europe/Kyiv", "America/Santiago"] {
        let (_, said) = File::new("a.csv", &text).load(&db, &["--time-zone", zone, "--max-rejects", "50%"]);
        assert!(said.contains("1 rejected") && said.contains("time_start: no date"), "{zone}: {said}");
        assert!(said.contains("2 zero dates stored as null"), "{zone}: {said}");
    }
}

#[actix_web::test]
async fn a_cost_of_minus_one_is_none_however_many_zeros_follow() {
    let db = db().await;
    let head = "CGRID,RunID,ToR,OriginID,Account,Subject,Destination,SetupTime,AnswerTime,Usage,Cost\n";
    let costs = ["-1", "-1.0", "-1.00", "-1.000", "-1.0000", "-1.00000", "-1.000000", "0.25"];
    let row = |(id, cost): (usize, &&str)| {
        format!("c{id},*default,*voice,a,17,380441,44791,2026-03-07T10:00:00Z,2026-03-07T10:00:05Z,1m30s,{cost}\n")
    };
    let text = head.to_owned() + &costs.iter().enumerate().map(row).collect::<String>();
    let (code, said) = File::new("a.csv", text).load(&db, &["--map", "cgrates", "--set", "customer_id=5"]);
    assert_eq!(code, 0, "{said}");
    assert_eq!(one(&db, "(count(), sum(customer_price))").await, "(8,0.25)");
}

#[actix_web::test]
async fn a_constant_that_is_given_twice_is_refused() {
    let db = db().await;
    let (code, said) =
        File::new("a.csv", format!("{HEAD}{ROW}")).load(&db, &["--set", "duration=5", "--set", "duration=6"]);
    assert!(code != 0 && said.contains("--set: duration comes twice"), "{said}");
    assert_eq!(one(&db, "count()").await, "0");
}
