//! Files that could be read as something else than they mean: what is in doubt is refused or said, and counts once.

use std::thread;

use super::{File, command, one, said};
use crate::support::db;

const HEAD: &str = "customer_acc_id,time_start";

#[actix_web::test]
async fn a_point_is_no_decimal_mark_where_the_comma_is() {
    let db = db().await;
    let text = format!(
        "id;customer_price;duration;{}\n1;0,25;1;7;2026-01-01 10:00:00\n2;1.234;1;7;2026-01-01 10:00:01\n3;2;1.000;7;2026-01-01 10:00:02\n",
        HEAD.replace(',', ";")
    );
    let file = File::new("a.csv", text);
    let map = file.dir.path().join("map.toml");
    std::fs::write(&map, "separator = ';'\ndecimal_comma = true\n").unwrap();
    let (code, told) = file.load(&db, &["--map", map.to_str().unwrap(), "--max-rejects", "5"]);
    assert_eq!(code, 3, "{told}");
    assert_eq!(one(&db, "(count(), sum(customer_price))").await, "(1,0.25)");
    for culprit in ["1.234", "1.000"] {
        assert!(file.rejects().contains(&format!("{culprit}\"\": a point in a number")), "{}", file.rejects());
    }
    let phones = "id;dst_prefix_in;customer_acc_id;time_start\n5;442071234567,0;7;2026-01-01 10:00:00\n6;,;7;2026-01-01 10:00:01\n";
    let file = File::new("p.csv", phones);
    assert_eq!(file.load(&db, &["--map", map.to_str().unwrap(), "--max-rejects", "5"]).0, 3);
    assert!(file.rejects().contains("442071234567,0\"\": a decimal fraction"), "{}", file.rejects());
    assert_eq!(one(&db, "groupArrayIf(dst_prefix_in, id IN (5, 6))").await, "[',']");
    // A constant of the command line may have either.
    let set = ["--map", map.to_str().unwrap(), "--max-rejects", "5", "--set", "customer_price=0.5"];
    assert_eq!(File::new("b.csv", "id;customer_acc_id;time_start\n9;7;2026-01-01 10:00:00\n").load(&db, &set).0, 0);
    assert_eq!(one(&db, "maxIf(customer_price, id = 9)").await, "0.5");
}

#[actix_web::test]
async fn lines_of_windows_that_were_ended_twice_lose_no_column() {
    let db = db().await;
    let text = "customer_acc_id,time_start,duration,dst_prefix_in,id\n7,2026-01-01 10:00:00,5,442,1\n7,2026-01-01 10:00:00,5,\"443\",2\n";
    for (format, name, text) in
        [("csv", "a.csv", text.to_owned()), ("tsv", "a.tsv", text.replace('"', "").replace(',', "\t"))]
    {
        let file = File::new(name, text.replace('\n', "\r\r\n"));
        assert_eq!(file.load(&db, &["--on-known", "replace"]).0, 0, "{format}");
        assert_eq!(one(&db, "arraySort(groupArray((id, dst_prefix_in)))").await, "[(1,'442'),(2,'443')]", "{format}");
    }
    // Without a header line the last field is the one that would keep its mark.
    let file = File::new("b.csv", "7,2026-01-01 10:00:00,3,\"444\"\r\r\n");
    assert_eq!(file.load(&db, &["--header", "customer_acc_id,time_start,id,dst_prefix_in"]).0, 0);
    assert_eq!(one(&db, "maxIf(dst_prefix_in, id = 3)").await, "444");
}

#[actix_web::test]
async fn an_archive_under_the_name_of_a_file_is_refused() {
    let db = db().await;
    let text = b"id,customer_acc_id,time_start\n1,7,2026-01-01 10:00:00\n";
    let mut head = vec![0; 512];
    head[..6].copy_from_slice(b"t1.csv");
    head[257..262].copy_from_slice(b"ustar");
    let (code, told) = File::new("a.csv", [&head, &text[..]].concat()).load(&db, &["--max-rejects", "5"]);
    assert!(code == 1 && told.contains("is a tar archive: unpack it"), "{told}");
    let (code, told) = File::new("b.csv", [&b"abcd\0e"[..], text].concat()).load(&db, &["--max-rejects", "5"]);
    assert!(code == 1 && told.contains("begins with bytes that are no text"), "{told}");
}

#[actix_web::test]
async fn words_stand_before_the_decimal_mark_and_numbers_that_nobody_spelled_have_none() {
    let db = db().await;
    let text = format!(
        "id;cost;{}\n1;n.a.;7;2026-01-01 10:00:00\n2;1,5;7;2026-01-01 10:00:01\n3;1.5;7;2026-01-01 10:00:02\n",
        HEAD.replace(',', ";")
    );
    let file = File::new("a.csv", text);
    let map = file.dir.path().join("map.toml");
    let mapping = "separator = ';'\ndecimal_comma = true\n[columns]\ncustomer_price = { from = 'cost', words = { 'n.a.' = '0', '*' = '*' } }\n";
    std::fs::write(&map, mapping).unwrap();
    let (code, told) = file.load(&db, &["--map", map.to_str().unwrap(), "--max-rejects", "5"]);
    assert_eq!(code, 3, "{told}");
    assert!(file.rejects().contains("a point in a number"), "{}", file.rejects());
    assert_eq!(one(&db, "arraySort(groupArray((id, customer_price)))").await, "[(1,0),(2,1.5)]");
    let rows = "SELECT toUInt64(9) AS id, toDecimal64('0.25', 6) AS customer_price, toUInt32(7) AS customer_acc_id, toDateTime('2026-01-01 11:00:00', 'UTC') AS time_start";
    for (format, name) in [("Native", "b.native"), ("Parquet", "b.parquet")] {
        let bytes = db.admin.query_raw(rows).fetch_bytes(format).unwrap().collect().await.unwrap();
        let file = File::new(name, bytes);
        std::fs::write(&map, "decimal_comma = true\n").unwrap();
        let (code, told) = file.load(&db, &["--map", map.to_str().unwrap(), "--on-known", "replace"]);
        assert_eq!(code, 0, "{told}");
        assert_eq!(one(&db, "maxIf(customer_price, id = 9)").await, "0.25", "{format}");
    }
}

#[actix_web::test]
async fn flags_are_0_or_1_and_constants_are_not_empty() {
    let db = db().await;
    let text = format!(
        "id,is_last_cdr,{HEAD}\n1,1,7,2026-01-01 10:00:00\n2,2,7,2026-01-01 10:00:01\n3,255,7,2026-01-01 10:00:02\n4,t,7,2026-01-01 10:00:03\n"
    );
    let file = File::new("a.csv", text);
    assert_eq!(file.load(&db, &["--max-rejects", "9"]).0, 3);
    assert!(file.rejects().contains("neither 0 nor 1"), "{}", file.rejects());
    assert_eq!(one(&db, "arraySort(groupArray(id))").await, "[1,4]");
    let bytes = db.admin.query_raw(
        "SELECT number + 10 AS id, toUInt8(number) AS is_last_cdr, toUInt32(7) AS customer_acc_id, toDateTime('2026-01-01 11:00:00', 'UTC') AS time_start FROM numbers(3)",
    );
    let file = File::new("a.native", bytes.fetch_bytes("Native").unwrap().collect().await.unwrap());
    assert_eq!(file.load(&db, &["--max-rejects", "9"]).0, 3);
    assert_eq!(one(&db, "arraySort(groupArray(id))").await, "[1,4,10,11]");
    for empty in ["customer_acc_id=", "is_last_cdr= ", "duration="] {
        let (code, told) = file.load(&db, &["--set", empty]);
        let name = empty.split('=').next().unwrap();
        assert!(code == 2 && told.contains(&format!("--set {name}: the value is empty")), "{code} {told}");
    }
}

#[actix_web::test]
async fn columns_that_a_mapping_of_ones_own_names_and_the_file_lacks_are_told() {
    let db = db().await;
    let file = File::new("a.csv", format!("id,leg,{HEAD}\n1,a,7,2026-01-01 10:00:00\n"));
    let map = file.dir.path().join("map.toml");
    let load = |toml: &str, args: &[&str]| {
        std::fs::write(&map, toml).unwrap();
        file.load(&db, &[&["--map", map.to_str().unwrap()], args].concat())
    };
    let (code, told) = load("[rows]\nLegg = { a = true, b = false }\n", &[]);
    assert!(code == 1 && told.contains("no column Legg, which the mapping needs; the file has id, leg"), "{told}");
    let (code, told) = load("[columns]\ncustomer_acc_id = 'zzz'\n", &[]);
    assert!(code == 1 && told.contains("no column zzz, from which the mapping fills customer_acc_id"), "{told}");
    let end = "[columns]\ntime_end = { from = ['ende', 'fin'] }\n";
    let (code, told) = load(end, &[]);
    assert!(code == 0 && told.contains("the file has no ende, fin, from which the mapping fills time_end"), "{told}");
    assert_eq!(load(end, &["--strict"]).0, 1);
    let (code, told) = load("[columns]\nduration = { from = 'id', minus = 'ende' }\n", &["--dry-run"]);
    assert!(code == 0 && told.contains("no ende, from which the mapping fills duration"), "{told}");
    // What a ready mapping knows besides is no news.
    let (_, told) = load("base = 'yeti'\n[columns]\nduration = 'id'\n", &["--dry-run"]);
    assert!(!told.contains("from which the mapping"), "{told}");
    // OpenSIPS's table without the flag cdr has no durations.
    let plain =
        "method,from_tag,to_tag,callid,sip_code,sip_reason,time,account\nINVITE,a,b,c,200,OK,2026-01-01 10:00:00,7\n";
    let (code, told) = File::new("acc.csv", plain).load(&db, &["--map", "opensips-acc"]);
    assert!(code == 1 && told.contains("no column duration, which the mapping needs"), "{told}");
}

#[actix_web::test]
async fn a_file_without_header_is_one_of_its_system_by_more_than_its_width() {
    let db = db().await;
    // A template of FreeSWITCH's that has as many fields as the built-in one.
    let line = "\"e3f1b0a2-0000-4000-8000-0000000000ab\",\"sip:x\",\"inbound\",\"3105551234\",\"2125551234\",\"2026-10-01 10:00:05\",\"2026-10-01 10:01:35\",\"90\",\"17\",\"\",\"\",\"380441112233\",\"\"\n";
    let (code, told) = File::new("a.csv", line).load(
        &db,
        &["--map", "freeswitch-csv", "--set", "customer_id=5", "--set", "customer_acc_id=17", "--time-zone", "UTC"],
    );
    assert!(code == 1 && told.contains("is no file of freeswitch-csv by its first line"), "{told}");
}

#[actix_web::test]
async fn a_call_counts_once_in_whichever_form_its_system_writes_it() {
    let args = |map: &'static str| ["--map", map, "--time-zone", "UTC", "--set", "customer_id=5"];
    let db = db().await;
    let csv = "CGRID,RunID,ToR,Account,SetupTime,AnswerTime,Usage,Cost\nd1,*default,*voice,17,2026-03-07T10:00:00Z,2026-03-07T10:00:10Z,1m30s,0.3\n";
    let json = r#"{"CGRID":"d1","RunID":"*default","ToR":"*voice","Account":"17","SetupTime":"2026-03-07T10:00:00Z","AnswerTime":"2026-03-07T10:00:10Z","Usage":90000000000,"Cost":0.3}"#;
    // A row that was taken back is no call.
    let table = "cgrid,run_id,tor,account,setup_time,answer_time,usage,cost,deleted_at\nd2,*default,*voice,17,2026-03-07T10:00:00Z,2026-03-07T10:00:10Z,1m30s,0.3,2026-10-02 10:00:00\n";
    for file in [File::new("a.csv", csv), File::new("a.json", json), File::new("t.csv", table)] {
        let (code, told) = file.load(&db, &args("cgrates"));
        assert_eq!(code, 0, "{told}");
    }
    assert_eq!(one(&db, "count()").await, "1");
    let db = crate::support::db().await;
    let master = "\"17\",\"380441\",\"4930\",\"internal\",\"x\",\"SIP/a-1\",\"SIP/t-2\",\"Dial\",\"SIP/t\",\"2026-03-07 10:00:00\",\"2026-03-07 10:00:10\",\"2026-03-07 10:01:40\",100,90,\"ANSWERED\",\"DOCUMENTATION\",\"1772877600.1\",\"\"\n";
    let table = "calldate,clid,src,dst,dcontext,channel,dstchannel,lastapp,lastdata,duration,billsec,disposition,amaflags,accountcode,uniqueid,userfield\n2026-03-07 10:00:00,x,380441,4930,internal,SIP/a-1,SIP/t-2,Dial,SIP/t,100,90,ANSWERED,3,17,1772877600.1,\n";
    let adaptive = "accountcode,src,dst,dcontext,clid,channel,dstchannel,lastapp,lastdata,start,answer,end,duration,billsec,disposition,amaflags,userfield,uniqueid,linkedid,peeraccount,sequence\n17,380441,4930,internal,x,SIP/a-1,SIP/t-2,Dial,SIP/t,2026-03-07 10:00:00,2026-03-07 10:00:10,2026-03-07 10:01:40,100,90,ANSWERED,DOCUMENTATION,,1772877600.1,1772877600.1,,4\n";
    let newer = master.replace(",\"\"\n", ",\"\",\"\",\"1772877600.1\",4\n");
    for (map, text) in
        [("asterisk-csv", master), ("asterisk-table", table), ("asterisk-table", adaptive), ("asterisk-csv", &*newer)]
    {
        let (code, told) = File::new("a.csv", text).load(&db, &args(map));
        assert_eq!(code, 0, "{told}");
    }
    // With the sequence it is another row than without it, in both forms the same.
    assert_eq!(one(&db, "(count(), sum(duration))").await, "(2,180)");
}

#[actix_web::test]
async fn rows_without_an_id_are_the_same_whatever_empty_columns_stand_beside_them() {
    let db = db().await;
    for (more, value) in [
        ("", ""),
        (",vendor_id", ",0"),
        (",id", ",0"),
        (",vendor_price", ",0.0"),
        (",uuid", ",00000000-0000-0000-0000-000000000000"),
        (",time_connect", ",0000-00-00 00:00:00"),
        (",src_name_in", ","),
    ] {
        let rows: String = (0..20).map(|row| format!("{},{row},7,2026-01-01 10:00:00{value}\n", row % 3)).collect();
        let (code, told) = File::new("a.csv", format!("customer_price,duration,{HEAD}{more}\n{rows}")).load(&db, &[]);
        assert_eq!(code, 0, "{more}: {told}");
        assert_eq!(one(&db, "count()").await, "20", "{more}: {told}");
    }
}

#[actix_web::test]
async fn ids_of_an_own_table_that_are_text_or_uuids_tell_rows_apart() {
    for kind in ["String", "LowCardinality(String)", "Nullable(String)", "UUID", "Nullable(UUID)"] {
        let db = db().await;
        let create = format!(
            "CREATE TABLE own (cid {kind}, customer_acc_id UInt32, ts DateTime('UTC'), duration Int32) ENGINE = MergeTree ORDER BY ts"
        );
        db.admin.query_raw(&create).execute().await.unwrap();
        // One of them ends in zeros.
        let ids = [
            "6f9619ff-8b86-d011-b42d-00cf4fc964ff",
            "6f9619ff-0000-0000-b42d-00cf4fc90000",
            "00000000-8b86-d011-b42d-00cf4fc964ff",
        ];
        let text: String = ids.iter().map(|id| format!("{id},7,2026-01-01 10:00:00,60\n")).collect();
        let file = File::new("a.csv", format!("cid,customer_acc_id,ts,duration\n{text}"));
        for stored in [3, 0] {
            let mut command = command(&db, &[], &[&file.path()]);
            command.env("CDRSCOPE_TABLES_CDRS", "own").env("CDRSCOPE_TABLES_CDRS_COLUMNS", "time_start = ts; id = cid");
            let told = said(&command.output().unwrap());
            assert!(told.contains(&format!("3 rows read, {stored} stored")), "{kind}: {told}");
            assert!(!told.contains("neither id nor uuid"), "{kind}: {told}");
        }
        let count: u64 = db.admin.query_raw("SELECT count() FROM own").fetch_one().await.unwrap();
        assert_eq!(count, 3, "{kind}");
    }
}

#[actix_web::test]
async fn of_two_loads_at_once_one_waits_for_the_other() {
    let db = db().await;
    let rows: String = (1..20_001).map(|id| format!("{id},7,2026-01-01 10:{:02}:00\n", id % 60)).collect();
    let file = File::new("a.csv", format!("id,{HEAD}\n{rows}"));
    let told: Vec<String> = thread::scope(|scope| {
        let load = || said(&command(&db, &["--batch-rows", "1000"], &[&file.path()]).output().unwrap());
        let running: Vec<_> = (0..3).map(|_| scope.spawn(load)).collect();
        running.into_iter().map(|one| one.join().unwrap()).collect()
    });
    assert_eq!(one(&db, "(count(), uniqExact(id))").await, "(20000,20000)", "{told:?}");
    assert!(told.iter().any(|told| told.contains("another load into cdrs is going on: waiting")), "{told:?}");
}

#[actix_web::test]
async fn typed_values_that_have_lost_something_are_refused() {
    let db = db().await;
    let bytes: &[u8] = include_bytes!("samples/span.parquet");
    let (code, told) = File::new("span.parquet", bytes).load(&db, &[]);
    assert!(code == 1 && told.contains("column duration is a span of time"), "{told}");
    let row = "toUInt32(7) AS customer_acc_id, toDateTime('2026-01-01 10:00:00', 'UTC') AS time_start";
    let bytes = async |select: &str, format: &str| {
        db.admin.query_raw(&format!("SELECT {select}, {row}")).fetch_bytes(format).unwrap().collect().await.unwrap()
    };
    for format in ["Parquet", "Native"] {
        let name = if format == "Native" { "a.native" } else { "a.parquet" };
        for (select, why) in [
            ("9007199254740994. AS id", "has lost digits"),
            ("1e19 AS id", "has lost digits"),
            ("toUInt64(1) AS id, toFloat32(380441112233) AS dst_prefix_in", "has lost digits"),
            ("toUInt64(1) AS id, 1e21 AS dst_prefix_in", "has lost digits"),
            ("toUInt64(1) AS id, nan AS dst_prefix_in", "not a number"),
        ] {
            let file = File::new(name, bytes(select, format).await);
            let (code, told) = file.load(&db, &["--max-rejects", "1"]);
            assert!(code == 3 && file.rejects().contains(why), "{format} {select}: {told} {}", file.rejects());
        }
        let fine = "9007199254740991. AS id, 380441112233. AS orig_call_id";
        let (code, told) = File::new(name, bytes(fine, format).await).load(&db, &[]);
        assert_eq!(code, 0, "{format}: {told}");
        assert_eq!(one(&db, "(any(id), any(orig_call_id))").await, "(9007199254740991,'380441112233')", "{format}");
    }
    let bytes = bytes("toIntervalMinute(2) AS duration", "Native").await;
    let (code, told) = File::new("a.native", bytes).load(&db, &[]);
    assert!(code == 1 && told.contains("column duration is a span of time"), "{told}");
}

#[actix_web::test]
async fn structures_of_typed_files_keep_the_names_of_their_fields() {
    let db = db().await;
    let select = "SELECT 5 AS id, CAST((1, 'x'), 'Tuple(a UInt8, b String)') AS src_name_in, toUInt32(7) AS customer_acc_id, toDateTime('2026-01-01 10:00:00', 'UTC') AS time_start";
    for format in ["Parquet", "Native"] {
        let bytes = db.admin.query_raw(select).fetch_bytes(format).unwrap().collect().await.unwrap();
        let name = if format == "Native" { "a.native" } else { "a.parquet" };
        let (code, told) = File::new(name, bytes).load(&db, &["--on-known", "replace"]);
        assert_eq!(code, 0, "{told}");
        assert_eq!(one(&db, "any(src_name_in)").await, r#"{"a":1,"b":"x"}"#, "{format}");
    }
}
