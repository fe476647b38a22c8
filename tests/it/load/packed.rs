//! Packed files, in one part or several, whole or cut off; tables of an operator's own.

use std::io::Write as _;

use super::{File, command, said};
use crate::support::{Db, db};

const FORMS: [&str; 5] = ["gz", "zst", "bz2", "xz", "lz4"];

fn pack(form: &str, text: &[u8]) -> Vec<u8> {
    let out = Vec::new();
    match form {
        "gz" => {
            let mut packer = flate2::write::GzEncoder::new(out, flate2::Compression::default());
            packer.write_all(text).unwrap();
            packer.finish().unwrap()
        }
        "zst" => zstd::encode_all(text, 3).unwrap(),
        "bz2" => {
            let mut packer = bzip2::write::BzEncoder::new(out, bzip2::Compression::fast());
            packer.write_all(text).unwrap();
            packer.finish().unwrap()
        }
        "xz" => {
            let mut packer = liblzma::write::XzEncoder::new(out, 3);
            packer.write_all(text).unwrap();
            packer.finish().unwrap()
        }
        _ => {
            let mut packer = lz4_flex::frame::FrameEncoder::new(out);
            packer.write_all(text).unwrap();
            packer.finish().unwrap()
        }
    }
}

fn texts() -> [(&'static str, String); 4] {
    let second = |id: u32| format!("2026-01-01 10:{:02}:{:02}", id / 60 % 60, id % 60);
    let object = |id: u32| format!("{{\"id\":{id},\"customer_acc_id\":7,\"time_start\":\"{}\"}}", second(id));
    let head = "id,customer_acc_id,time_start\n";
    let csv = head.to_owned() + &(1..3001).map(|id| format!("{id},7,{}\n", second(id))).collect::<String>();
    let objects: Vec<_> = (1..3001).map(object).collect();
    [
        ("tsv", csv.replace(',', "\t")),
        ("csv", csv),
        ("jsonl", objects.join("\n") + "\n"),
        ("json", format!("[{}]", objects.join(",\n"))),
    ]
}

async fn rows(db: &Db) -> String {
    super::one(db, "(count(), sum(id))").await
}

#[actix_web::test]
async fn each_text_format_is_read_from_each_packing_in_one_part_or_several() {
    let db = db().await;
    let text = texts();
    let mut first = true;
    for (format, text) in &text {
        for form in FORMS {
            let (head, tail) = text.as_bytes().split_at(text.len() / 3);
            let (whole, parts) = (pack(form, text.as_bytes()), [pack(form, head), pack(form, tail)].concat());
            for packed in [whole, parts] {
                let name: &'static str = format!("a.{format}.{form}").leak();
                let (code, said) = File::new(name, packed).load(&db, &[]);
                let done = if first { "3000 stored, 0 already there" } else { "0 stored, 3000 already there" };
                assert!(code == 0 && said.contains(&format!("3000 rows read, {done}")), "{name}: {said}");
                first = false;
            }
        }
    }
    assert_eq!(rows(&db).await, "(3000,4501500)");
}

/// A frame of zstd's and lz4's that holds nothing of the file.
fn without_data(nibble: u8, length: u32) -> Vec<u8> {
    let mut frame = vec![0x50 + nibble, 0x2a, 0x4d, 0x18];
    frame.extend(length.to_le_bytes());
    frame.extend((0..length).map(|at| at as u8));
    frame
}

#[actix_web::test]
async fn frames_without_data_are_passed_over_wherever_they_stand() {
    let db = db().await;
    let [_, (_, csv), ..] = texts();
    let (head, tail) = csv.as_bytes().split_at(csv.len() / 3);
    for form in ["zst", "lz4"] {
        let [head, tail] = [head, tail].map(|part| pack(form, part));
        let name: &'static str = format!("a.csv.{form}").leak();
        let frames = [without_data(0, 4), without_data(15, 0), without_data(7, 300_000)];
        let [first, second, third] = &frames;
        for packed in
            [[&**first, &head, &tail].concat(), [&**second, third, &head, second, first, &tail, third, second].concat()]
        {
            let (code, said) = File::new(name, packed).load(&db, &[]);
            assert!(code == 0 && said.contains("3000 rows read"), "{name}: {said}");
        }
        for (packed, why) in [
            ([&**first, b"id,customer_acc_id,time_start\n"].concat(), "neither behind it"),
            (first[..7].to_vec(), "cut off"),
            ([&head[..], &tail, &third[..100]].concat(), "cut off"),
            (third[..100].to_vec(), "cut off"),
        ] {
            let (code, said) = File::new(name, packed).load(&db, &[]);
            assert!(code == 1 && said.contains(why), "{name}: {said}");
        }
    }
    assert_eq!(rows(&db).await, "(3000,4501500)");
}

#[actix_web::test]
async fn a_packed_file_that_is_cut_off_stores_nothing() {
    let db = db().await;
    let text = texts();
    for form in FORMS {
        let packed = pack(form, text[1].1.as_bytes());
        for length in [packed.len() / 2, packed.len() - 1] {
            let name: &'static str = format!("a.csv.{form}").leak();
            let (code, said) = File::new(name, &packed[..length]).load(&db, &["--max-rejects", "100%"]);
            let is_told = said.contains(name) && said.contains("the file is cut off");
            assert!(code == 1 && is_told, "{name} of {length} bytes: {code} {said}");
            assert_eq!(rows(&db).await, "(0,0)", "{name}");
        }
    }
}

#[actix_web::test]
async fn zeros_behind_gzip_are_padding_and_other_bytes_are_refused() {
    let text = "id,customer_acc_id,time_start\n1,7,2026-01-01 10:00:00\n";
    for (tail, stored) in [(&[0; 70_000][..], "(1,1)"), (b"\0\0garbage", "(0,0)"), (b"garbage", "(0,0)")] {
        let db = db().await;
        let packed = [&pack("gz", text.as_bytes())[..], tail].concat();
        let (code, said) = File::new("a.csv.gz", packed).load(&db, &[]);
        assert_eq!(code == 0, stored == "(1,1)", "{said}");
        assert_eq!(rows(&db).await, stored, "{said}");
    }
}

#[actix_web::test]
async fn rows_of_an_operators_table_are_checked_and_count_once_by_its_own_column() {
    let db = db().await;
    let own = "CREATE TABLE own (call_no UInt32, acc Int64, t DateTime('UTC'), seconds Nullable(Int16)) \
        ENGINE = MergeTree ORDER BY t";
    db.admin.query_raw(own).execute().await.unwrap();
    let load = |text: &str, columns: &str| {
        let file = File::new("a.csv", text);
        let map = "[columns]\nseconds = { from = \"ms\", unit = \"ms\" }\n";
        std::fs::write(file.dir.path().join("map.toml"), map).unwrap();
        let map = file.dir.path().join("map.toml");
        let mut command = command(&db, &["--max-rejects", "1", "--map", map.to_str().unwrap()], &[&file.path()]);
        command.env("CDRSCOPE_TABLES_CDRS", "own").env("CDRSCOPE_TABLES_CDRS_COLUMNS", columns);
        let output = command.output().unwrap();
        (output.status.code(), said(&output), file.rejects())
    };
    let columns = "time_start = t; customer_acc_id = acc; id = call_no; duration = seconds";
    let text =
        "call_no,acc,t,ms\n1,7,2026-01-01 10:00:00,1500\n2,7,2026-01-01 10:00:01,99999999\n3,7,2026-01-01 10:00:02,\n";
    let (code, said, rejects) = load(text, columns);
    assert!(code == Some(3) && rejects.contains("3,seconds,"), "{said} {rejects}");
    let (code, said, _) = load(&text.replace("10:00:0", "11:00:0"), columns);
    assert!(code == Some(3) && said.contains(" 0 stored, 2 already there"), "{said}");
    // A time that is computed from others cannot be stored, and rows without one could not be found again.
    for columns in ["time_start = toDateTime(t); customer_acc_id = acc", "time_start = t; customer_acc_id = acc + 1"] {
        let (code, said, _) = load(text, columns);
        assert!(code == Some(1) && said.contains("tables.cdrs_columns"), "{columns}: {code:?} {said}");
    }
    let count: String = db.admin.query_raw("SELECT toString(count()) FROM own").fetch_one().await.unwrap();
    assert_eq!(count, "2");
}
