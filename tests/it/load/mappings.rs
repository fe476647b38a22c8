//! Ready mappings over files as those systems write them; the measures of a report over each were worked out by hand.

use std::path::Path;
use std::process::Command;

use super::{File, command, one, said};
use crate::support::{Db, TestApp, db};

/// A sample, and what is to come of it.
struct Case {
    /// `--map`.
    map: &'static str,
    /// In samples/.
    file: &'static str,
    /// Besides `--map`.
    args: &'static [&'static str],
    /// Of the summary: what was stored of what was read.
    summary: &'static str,
    /// total_calls, successful_calls, failed_calls, total_duration (minutes), acd (minutes), asr, total_price.
    report: [&'static str; 7],
}

const CASES: &[Case] = &[
    // One of two calls was answered for 136 s: 136/60 = 2.2667 min. 0.2345675 is rounded up to 0.234568, and shown as 0.23.
    Case {
        map: "yeti",
        file: "yeti.csv",
        args: &[],
        summary: "4 rows read, 4 stored, 0 already there, 0 rejected",
        report: ["2", "1", "1", "2.27", "2.27", "50.0", "0.23"],
    },
    // 135 s and 65 s of 4 calls: 200/60 = 3.333 min, 100 s each = 1.667 min.
    Case {
        map: "freeswitch-csv",
        file: "freeswitch.csv",
        args: &["--time-zone", "Europe/Kyiv"],
        summary: "4 rows read, 4 stored, 0 already there, 0 rejected",
        report: ["4", "2", "2", "3.33", "1.67", "50.0", "0.0"],
    },
    // The built-in template: 135 s of 2 calls, 2.25 min.
    Case {
        map: "freeswitch-csv",
        file: "freeswitch-default.csv",
        args: &["--time-zone", "Europe/Kyiv"],
        summary: "2 rows read, 2 stored, 0 already there, 0 rejected",
        report: ["2", "1", "1", "2.25", "2.25", "50.0", "0.0"],
    },
    // 135 s and 65 s of 3 calls; 2/3 = 66.67 %.
    Case {
        map: "freeswitch-sql",
        file: "freeswitch.sql",
        args: &["--time-zone", "Europe/Kyiv"],
        summary: "3 rows read, 3 stored, 0 already there, 0 rejected",
        report: ["3", "2", "1", "3.33", "1.67", "66.67", "0.0"],
    },
    // The second leg of the first call is left out: 135 s and 65 s of 3 calls.
    Case {
        map: "freeswitch-json",
        file: "freeswitch.cdr.jsonl",
        args: &[],
        summary: "4 rows read, 3 stored, 0 already there, 0 rejected, 1 left out",
        report: ["3", "2", "1", "3.33", "1.67", "66.67", "0.0"],
    },
    // Likewise: leg b is left out, 135 s and 65 s of 3 calls.
    Case {
        map: "fusionpbx",
        file: "fusionpbx-v_xml_cdr.csv",
        args: &[],
        summary: "4 rows read, 3 stored, 0 already there, 0 rejected, 1 left out",
        report: ["3", "2", "1", "3.33", "1.67", "66.67", "0.0"],
    },
    // 90 s and 45 s of 6 rows, two of them with one unique id: 135 s = 2.25 min, 67.5 s each = 1.125 min; 2/6 = 33.33 %.
    Case {
        map: "asterisk-csv",
        file: "asterisk-Master.csv",
        args: &[],
        summary: "6 rows read, 6 stored, 0 already there, 0 rejected",
        report: ["6", "2", "4", "2.25", "1.13", "33.33", "0.0"],
    },
    Case {
        map: "asterisk-csv",
        file: "asterisk-Master-16.csv",
        args: &[],
        summary: "6 rows read, 6 stored, 0 already there, 0 rejected",
        report: ["6", "2", "4", "2.25", "1.13", "33.33", "0.0"],
    },
    // 90 s and 60 s of 3 calls: 2.5 min, 75 s each.
    Case {
        map: "asterisk-table",
        file: "asterisk-cdr.csv",
        args: &[],
        summary: "3 rows read, 3 stored, 0 already there, 0 rejected",
        report: ["3", "2", "1", "2.5", "1.25", "66.67", "0.0"],
    },
    // 85.41 s are 86 begun seconds: 86/60 = 1.433 min.
    Case {
        map: "asterisk-table",
        file: "asterisk-adaptive.csv",
        args: &[],
        summary: "2 rows read, 2 stored, 0 already there, 0 rejected",
        report: ["2", "1", "1", "1.43", "1.43", "50.0", "0.0"],
    },
    // Answered calls alone: 90 s and 45 s.
    Case {
        map: "kamailio-cdrs",
        file: "kamailio-cdrs.csv",
        args: &["--set", "customer_acc_id=17"],
        summary: "2 rows read, 2 stored, 0 already there, 0 rejected",
        report: ["2", "2", "0", "2.25", "1.13", "100.0", "0.0"],
    },
    // 90.25 s are 91 begun seconds, and 29 s: 120 s of 3 calls.
    Case {
        map: "kamailio-acc-cdrs",
        file: "kamailio-acc-cdrs.csv",
        args: &["--set", "customer_acc_id=17"],
        summary: "3 rows read, 3 stored, 0 already there, 0 rejected",
        report: ["3", "2", "1", "2.0", "1.0", "66.67", "0.0"],
    },
    // The row of a BYE is no call: 91 s and 29 s of 3 calls.
    Case {
        map: "opensips-acc",
        file: "opensips-acc.csv",
        args: &["--set", "customer_acc_id=17"],
        summary: "4 rows read, 3 stored, 0 already there, 0 rejected, 1 left out",
        report: ["3", "2", "1", "2.0", "1.0", "66.67", "0.0"],
    },
    // The run *raw and the SMS are left out. 90 s, 29.5 s = 30 begun ones, 12 s of 4 calls: 132 s = 2.2 min, 44 s each. The
    // price is 0.3 + 0.15, and -1 is none.
    Case {
        map: "cgrates",
        file: "cgrates.csv",
        args: &[],
        summary: "6 rows read, 4 stored, 0 already there, 0 rejected, 2 left out",
        report: ["4", "3", "1", "2.2", "0.73", "75.0", "0.45"],
    },
    // 90 s of 2 calls.
    Case {
        map: "cgrates",
        file: "cgrates.jsonl",
        args: &[],
        summary: "3 rows read, 2 stored, 0 already there, 0 rejected",
        report: ["2", "1", "1", "1.5", "1.5", "50.0", "0.3"],
    },
];

/// A sample's bytes.
fn sample(file: &str) -> Vec<u8> {
    std::fs::read(Path::new("tests/it/load/samples").join(file)).unwrap()
}

/// Loads a sample under its own name from a folder of its own.
fn load(db: &Db, case: &Case, more: &[&str]) -> (i32, String) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(case.file);
    std::fs::write(&path, sample(case.file)).unwrap();
    let args = [&["--map", case.map, "--set", "customer_id=5"], case.args, more].concat();
    let output = command(db, &args, &[&path]).output().unwrap();
    (output.status.code().unwrap(), said(&output))
}

/// The single row of the statistics of account 17 on that day, and whether the totals are the same.
async fn report(db: Db) -> Vec<String> {
    let app = TestApp::over(db, |_| {}).await;
    let account = app.account(17, 5).await;
    let token = app.token(5, &[]);
    app.until_known(account, &token).await;
    let path = format!(
        "/api/rest/customer/v1/origination-statistics?account-id={account}&from-time=2026-03-07T00:00:00Z\
        &to-time=2026-03-07T23:59:59Z&sampling=day"
    );
    let reply = app.get(&path, &token).await;
    assert_eq!(reply.status, 200);
    let json = reply.json();
    let names = ["total_calls", "successful_calls", "failed_calls", "total_duration", "acd", "asr", "total_price"];
    let text = |value: &serde_json::Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let one = |name: &str| {
        assert_eq!(json["data"][name].as_array().map(Vec::len), Some(1), "{json}");
        assert_eq!(json["data"][name][0], json["totals"][name], "{name}: {json}");
        text(&json["data"][name][0])
    };
    names.map(one).to_vec()
}

#[actix_web::test]
async fn each_ready_mapping_gives_the_measures_that_its_sample_means_and_counts_it_once() {
    let mut wrong = Vec::new();
    for case in CASES {
        let db = db().await;
        let (code, first) = load(&db, case, &[]);
        if code != 0 || !first.contains(case.summary) {
            wrong.push(format!("{}: code {code}: {first}", case.file));
            continue;
        }
        let (_, again) = load(&db, case, &[]);
        if !again.contains(" 0 stored, ") {
            wrong.push(format!("{} again: {again}", case.file));
        }
        let found = report(db).await;
        if found != case.report {
            wrong.push(format!("{}: {found:?}, not {:?}", case.file, case.report));
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), CASES.len(), wrong.join("\n"));
}

#[actix_web::test]
async fn each_ready_mapping_fills_numbers_times_ids_and_causes() {
    let columns = "(toString(time_start), toString(time_connect), toString(time_end), src_prefix_in, dst_prefix_in, \
        dst_prefix_routing, src_name_in, lega_q850_cause, lega_disconnect_code, success)";
    let mut wrong = Vec::new();
    for (map, file, wanted) in [
        (
            "freeswitch-csv",
            "freeswitch.csv",
            "('2026-03-07 10:00:00','2026-03-07 10:00:10','2026-03-07 10:02:25','380441112233','4930123456','4930123456','Alice',16,0,1)",
        ),
        (
            "freeswitch-json",
            "freeswitch.cdr.jsonl",
            "('2026-03-07 10:00:00','2026-03-07 10:00:10','2026-03-07 10:02:25','+380441112233','4930123456','4930123456','Alice, \"A\"',16,200,1)",
        ),
        (
            "fusionpbx",
            "fusionpbx-v_xml_cdr.csv",
            "('2026-03-07 10:00:00','2026-03-07 10:00:10','2026-03-07 10:02:25','380441112233','4930123456','4930123456','Alice, A.',16,0,1)",
        ),
        (
            "asterisk-csv",
            "asterisk-Master.csv",
            "('2026-03-07 10:00:00','2026-03-07 10:00:10','2026-03-07 10:01:40','380441112233','4930123456','4930123456','Alice A.',NULL,0,1)",
        ),
        (
            "asterisk-table",
            "asterisk-cdr.csv",
            "('2026-03-07 10:00:00',NULL,'2026-03-07 10:01:40','380441112233','4930123456','4930123456','Alice',NULL,0,1)",
        ),
        (
            "kamailio-cdrs",
            "kamailio-cdrs.csv",
            "('2026-03-07 10:00:10','2026-03-07 10:00:10','2026-03-07 10:01:40','380441112233','004930123456','4930123456','',NULL,0,1)",
        ),
        (
            "opensips-acc",
            "opensips-acc.csv",
            "('2026-03-07 10:00:00','2026-03-07 10:00:10','2026-03-07 10:01:41','380441112233','4930123456','4930123456','',NULL,200,1)",
        ),
        (
            "cgrates",
            "cgrates.csv",
            "('2026-03-07 10:00:00','2026-03-07 10:00:10','2026-03-07 10:01:40','380441112233','4930123456','4930123456','',NULL,0,1)",
        ),
    ] {
        let db = db().await;
        let case = CASES.iter().find(|case| case.map == map && case.file == file).unwrap();
        let (code, text) = load(&db, case, &[]);
        if code != 0 {
            wrong.push(format!("{file}: {code} {text}"));
            continue;
        }
        let found = one(&db, &format!("argMin({columns}, (time_start, src_prefix_in))")).await;
        if found != wanted {
            wrong.push(format!("{file}: {found}, not {wanted}"));
        }
        // No call that was not answered has a time of answer, and each has a uuid of its own.
        let odd = "(countIf(success = 0 AND time_connect IS NOT NULL), count() - uniqExact(uuid), countIf(uuid = toUUID('00000000-0000-0000-0000-000000000000')))";
        let odd = one(&db, odd).await;
        if odd != "(0,0,0)" {
            wrong.push(format!("{file}: {odd}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[actix_web::test]
async fn yetis_export_packed_with_gzip_keeps_lists_quotes_and_times_with_zones() {
    let db = db().await;
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("cdrs.csv");
    std::fs::write(&path, sample("yeti.csv")).unwrap();
    assert!(Command::new("gzip").arg(&path).status().unwrap().success());
    let output = command(&db, &["--map", "yeti"], &[&dir.path().join("cdrs.csv.gz")]).output().unwrap();
    let said = said(&output);
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert!(said.contains("4 rows read, 4 stored, 0 already there, 0 rejected"), "{said}");
    assert!(said.contains("1 prices rounded") || said.contains("2 prices rounded"), "{said}");
    assert!(said.contains("1 rows have account 0"), "{said}");
    let times = "arraySort(groupArray((id, toString(time_start), toString(time_connect))))";
    let wanted = "[(9001,'2026-03-07 08:00:00',NULL),(9002,'2026-03-07 08:00:05','2026-03-07 08:00:09'),\
        (9003,'2026-03-07 00:59:59',NULL),(9004,'2026-03-07 08:01:00',NULL)]";
    assert_eq!(one(&db, times).await, wanted);
    let sums = "(sum(customer_price), sum(vendor_price), sum(success))";
    assert_eq!(one(&db, sums).await, "(0.234568,0.1,1)");
    let tags = "arraySort(groupArray((id, routing_tag_ids)))";
    assert_eq!(one(&db, tags).await, "[(9001,[9,12]),(9002,[]),(9003,[9]),(9004,[])]");
    assert_eq!(one(&db, "anyIf(internal_disconnect_reason, id = 9002)").await, "Said \"Bye\"");
}

#[actix_web::test]
async fn a_freeswitch_object_may_stand_alone_over_lines_or_in_an_array() {
    let db = db().await;
    let dir = tempfile::tempdir().unwrap();
    let lines = String::from_utf8(sample("freeswitch.cdr.jsonl")).unwrap();
    let objects: Vec<serde_json::Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let one_call = serde_json::to_string_pretty(&objects[0]).unwrap();
    let array = serde_json::to_string(&objects).unwrap();
    for (name, text, stored, known) in
        [("a.cdr.json", objects[0].to_string(), 1, 0), ("b.json", one_call, 0, 1), ("c.json", array, 2, 1)]
    {
        let path = dir.path().join(name);
        std::fs::write(&path, text).unwrap();
        let output = command(&db, &["--map", "freeswitch-json"], &[&path]).output().unwrap();
        let said = said(&output);
        assert!(said.contains(&format!(" {stored} stored, {known} already there, 0 rejected")), "{name}: {said}");
        assert!(!said.contains("unknown columns"), "{name}: {said}");
    }
}

#[actix_web::test]
async fn rows_that_are_no_calls_are_counted_with_the_reason() {
    let db = db().await;
    let case = CASES.iter().find(|case| case.file == "cgrates.csv").unwrap();
    let (_, said) = load(&db, case, &["--dry-run"]);
    assert!(said.contains("2 rows are no calls and were left out"), "{said}");
    assert!(said.contains("RunID is \"*raw\"") && said.contains("ToR is \"*sms\""), "{said}");
}

#[actix_web::test]
async fn records_that_differ_only_in_what_their_system_tells_them_apart_by_are_two() {
    let db = db().await;
    let mut wrong = Vec::new();
    for (map, file, column, other) in [
        ("asterisk-table", "asterisk-adaptive.csv", "sequence", "99"),
        ("cgrates", "cgrates.csv", "OriginID", "another"),
        ("kamailio-acc-cdrs", "kamailio-acc-cdrs.csv", "id", "99"),
        ("opensips-acc", "opensips-acc.csv", "to_tag", "another"),
        ("kamailio-cdrs", "kamailio-cdrs.csv", "sip_to_tag", "another"),
    ] {
        let text = String::from_utf8(sample(file)).unwrap();
        let (head, rows) = text.split_once('\n').unwrap();
        let at = head.split(',').position(|name| name.trim_matches('"') == column).unwrap();
        let row = rows.lines().last().unwrap();
        let mut fields: Vec<&str> = row.split(',').collect();
        fields[at] = other;
        let text = format!("{head}\n{row}\n{}\n{row}\n", fields.join(","));
        let args = ["--map", map, "--set", "customer_acc_id=17", "--dry-run"];
        let (_, said) = File::new("a.csv", &text).load(&db, &args);
        if !said.contains("3 rows read, 2 would be stored, 1 already there") {
            wrong.push(format!("{map}: {text}{said}"));
        }
    }
    // Master.csv, with and without the unique id and the user field.
    let row = "\"17\",\"1\",\"2\",\"in\",\"x\",\"SIP/a\",\"SIP/b\",\"Dial\",\"x\",\"2026-03-07 10:00:00\",\"2026-03-07 10:00:05\",\
        \"2026-03-07 10:01:05\",65,60,\"ANSWERED\",\"DOCUMENTATION\"";
    for more in ["", ",\"1.1\"", ",\"1.1\",\"gold\""] {
        let text: String = [7, 8, 7].map(|sequence| format!("{row}{more},\"\",\"1.1\",{sequence}\n")).concat();
        let (_, said) = File::new("Master.csv", &text).load(&db, &["--map", "asterisk-csv", "--dry-run"]);
        if !said.contains("3 rows read, 2 would be stored, 1 already there") {
            wrong.push(format!("asterisk-csv: {text}{said}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[actix_web::test]
async fn a_zone_that_the_file_does_not_say_is_asked_for() {
    let db = db().await;
    let case = CASES.iter().find(|case| case.file == "freeswitch.csv").unwrap();
    let (_, said) = load(&db, case, &["--dry-run"]);
    assert!(!said.contains("read as UTC"), "{said}");
    let (_, said) = load(&db, &Case { args: &[], ..*case }, &["--dry-run"]);
    assert!(said.contains("times are read as UTC: say --time-zone"), "{said}");
}

#[actix_web::test]
async fn calls_without_a_numeric_account_are_rejected_with_the_way_out() {
    let db = db().await;
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("Master.csv");
    let text = String::from_utf8(sample("asterisk-Master.csv")).unwrap();
    std::fs::write(&path, text.replace("\"17\",\"3", "\"sales\",\"3")).unwrap();
    let run = |args: &[&str]| {
        let output = command(&db, args, &[&path]).output().unwrap();
        (output.status.code().unwrap(), said(&output))
    };
    let (code, said) = run(&["--map", "asterisk-csv"]);
    assert_eq!(code, 1, "{said}");
    for part in ["6 rows name no account by a number", "--set customer_acc_id=N", "words", "base = \"asterisk-csv\""] {
        assert!(said.contains(part), "{part}: {said}");
    }
    // Both ways out work.
    let map = dir.path().join("ours.toml");
    let toml =
        "base = \"asterisk-csv\"\n[columns]\ncustomer_acc_id = { from = \"accountcode\", words = { sales = 17 } }\n";
    std::fs::write(&map, toml).unwrap();
    for args in [&["--map", map.to_str().unwrap()][..], &["--map", "asterisk-csv", "--set", "customer_acc_id=17"]] {
        db.admin.query_raw("TRUNCATE TABLE cdrs SYNC").execute().await.unwrap();
        let (code, said) = run(args);
        assert_eq!(code, 0, "{said}");
        assert_eq!(one(&db, "(count(), sum(customer_acc_id))").await, "(6,102)");
    }
}

#[actix_web::test]
async fn a_file_of_another_system_is_refused_with_the_mapping_that_it_looks_like() {
    let db = db().await;
    let mut wrong = Vec::new();
    for case in CASES.iter().filter(|case| case.map != "yeti") {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(case.file);
        std::fs::write(&path, sample(case.file)).unwrap();
        let format = if case.file.ends_with(".jsonl") { "json" } else { "csv" };
        let likely = format!("it looks like --map {}", case.map);
        let other = if case.map == "asterisk-csv" { "freeswitch-csv" } else { "asterisk-csv" };
        for args in [&["--format", format][..], &["--format", format, "--map", other]] {
            let output = command(&db, args, &[&path]).output().unwrap();
            let said = said(&output);
            if output.status.code() != Some(1) || !said.contains(&likely) {
                wrong.push(format!("{} {args:?}: {said}", case.file));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(one(&db, "count()").await, "0");
}

#[actix_web::test]
async fn a_table_is_read_as_the_servers_own_tools_print_it() {
    let db = db().await;
    let dir = tempfile::tempdir().unwrap();
    let header =
        ["calldate", "clid", "src", "dst", "dcontext", "channel", "duration", "billsec", "disposition", "answer"];
    let header = [&header[..], &["accountcode", "uniqueid"]].concat();
    let answered = ["2026-03-07 10:00:00", "NULL", "380441", "4930", "out", "SIP/a-1", "100", "90", "ANSWERED"];
    let answered = [&answered[..], &["2026-03-07 10:00:10", "17", "1.1"]].concat();
    let busy = [
        "2026-03-07 10:01:00",
        "Bob <380442>",
        "380442",
        "4931",
        "out",
        "SIP/b-1",
        "9",
        "0",
        "BUSY",
        "NULL",
        "17",
        "1.2",
    ];
    for (name, between) in [("cdr.tsv", "\t"), ("cdr.csv", ",")] {
        db.admin.query_raw("TRUNCATE TABLE cdrs SYNC").execute().await.unwrap();
        let path = dir.path().join(name);
        let lines = [&header[..], &answered, &busy].map(|fields| fields.join(between) + "\n");
        std::fs::write(&path, lines.concat()).unwrap();
        let output = command(&db, &["--map", "asterisk-table"], &[&path]).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{name}: {}", said(&output));
        let columns = "arraySort(groupArray((src_prefix_in, src_name_in, toString(time_connect), duration)))";
        let wanted = "[('380441','','2026-03-07 10:00:10',90),('380442','Bob',NULL,0)]";
        assert_eq!(one(&db, columns).await, wanted, "{name}");
    }
    // In quotes it is a text.
    let path = dir.path().join("quoted.csv");
    let row = [&["2026-03-07 10:02:00", "\"\"\"x\"\" <1>\"", "\"NULL\""][..], &busy[3..]].concat();
    std::fs::write(&path, [header.join(","), row.join(",") + "\n"].join("\n")).unwrap();
    let output = command(&db, &["--map", "asterisk-table"], &[&path]).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    assert_eq!(one(&db, "groupArray(src_prefix_in)").await.matches("NULL").count(), 1);
}

#[actix_web::test]
async fn times_of_fusionpbx_without_a_zone_are_refused_unless_it_is_named_or_epochs_stand_beside_them() {
    let db = db().await;
    let head = "xml_cdr_uuid,accountcode,billsec,hangup_cause,start_stamp,answer_stamp,end_stamp";
    let row = "6f9619ff-8b86-4011-b42d-00cf4fc90001,17,135,NORMAL_CLEARING,2026-03-07 12:00:00,2026-03-07 12:00:10,2026-03-07 12:02:25";
    let args = ["--map", "fusionpbx", "--set", "customer_id=5"];
    let times = "(toString(time_start), toString(time_connect), toString(time_end), success)";
    let wanted = "('2026-03-07 10:00:00','2026-03-07 10:00:10','2026-03-07 10:02:25',1)";
    let stamps = File::new("a.csv", format!("{head}\n{row}\n"));
    let (code, said) = stamps.load(&db, &args);
    assert!(code == 1 && said.contains("time_start: a time without a zone: name it with --time-zone"), "{said}");
    assert_eq!(one(&db, "count()").await, "0");
    let (code, said) = stamps.load(&db, &[&args[..], &["--time-zone", "Europe/Kyiv"][..]].concat());
    assert_eq!((code, one(&db, times).await.as_str()), (0, wanted), "{said}");
    db.admin.query_raw("TRUNCATE TABLE cdrs SYNC").execute().await.unwrap();
    let epochs = format!("{head},start_epoch,answer_epoch,end_epoch\n{row},1772877600,1772877610,1772877745\n");
    let (code, said) = File::new("a.csv", epochs).load(&db, &args);
    assert_eq!((code, one(&db, times).await.as_str()), (0, wanted), "{said}");
}
