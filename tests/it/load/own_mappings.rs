//! Mappings of an operator's own: names, units, words, parts, sums, and what is said of bad ones.

use super::{File, one};
use crate::support::db;

#[actix_web::test]
async fn a_mapping_of_ones_own_names_columns_units_words_dates_and_constants() {
    let db = db().await;
    let file = File::new(
        "calls.txt",
        "07.03.2026 12:00:00;380441;4930;25410;0,1234565;ANSWERED;17;Alice, A.\n\
         07.03.2026 12:00:01;380441;4930;0;0;NO ANSWER;17;Bob, B\n",
    );
    let map = file.dir.path().join("map.toml");
    let toml = "format = 'csv'\nseparator = ';'\nheader = ['start', 'src', 'dst', 'billsec', 'cost', 'result', 'account', 'name']\n\
        time_zone = 'Europe/Kyiv'\ndate_order = 'dmy'\ndecimal_comma = true\nonly = true\n[columns]\ntime_start = 'start'\n\
        src_prefix_in = 'src'\ndst_prefix_in = 'dst'\ncustomer_price = 'cost'\nsrc_name_in = 'name'\n\
        customer_acc_id = { from = ['acc', 'account'] }\nduration = { from = 'billsec', unit = 'ms', round = 'up' }\n\
        success = { from = 'result', words = { ANSWERED = 1, '*' = 0 } }\nis_last_cdr = { value = 1 }\ncustomer_id = { value = 5 }\n";
    std::fs::write(&map, toml).unwrap();
    let (code, said) = file.load(&db, &["--map", map.to_str().unwrap()]);
    assert_eq!(code, 0, "{said}");
    let figures = "(count(), sum(duration), sum(customer_price), sum(success), sum(is_last_cdr), min(customer_id), toString(min(time_start)), \
                   arraySort(groupArray(src_name_in)))";
    // A comma is a decimal one in numbers alone.
    let expected = "(2,26,0.123457,1,2,5,'2026-03-07 10:00:00',['Alice, A.','Bob, B'])";
    assert_eq!(one(&db, figures).await, expected);
}

/// The mapping of one column, a field, and what is stored; `None` where the row is rejected.
const READ: &[(&str, &str, Option<&str>)] = &[
    ("src_prefix_in = { from = 'a', read = 'sip_user' }", "sip:380441@192.0.2.1:5060", Some("380441")),
    ("src_prefix_in = { from = 'a', read = 'sip_user' }", "\"\"\"Al, <x>\"\" <sip:380441@h;x=y>\"", Some("380441")),
    ("src_prefix_in = { from = 'a', read = ['url', 'sip_user'] }", "sip%3A%2B380441%40h", Some("+380441")),
    ("src_name_in = { from = 'a', read = 'name' }", "\"\"\"Al\"\" <380441>\"", Some("Al")),
    ("src_name_in = { from = ['a', 'b'], join = '-' }", "x", Some("x-7")),
    (
        "uuid = { from = 'a', read = 'uuid' }",
        "6f9619ff-8b86-d011-b42d-00cf4fc964ff",
        Some("6f9619ff-8b86-d011-b42d-00cf4fc964ff"),
    ),
    ("duration = { from = 'a', unit = 'hh:mm:ss' }", "1:02:03", Some("3723")),
    ("duration = { from = 'a', unit = 'hh:mm:ss', round = 'up' }", "02:03.2", Some("124")),
    ("duration = { from = 'a', unit = 'hh:mm:ss' }", "90", None),
    ("duration = { from = 'a', unit = 's' }", "25.41", Some("25")),
    ("duration = { from = 'a', unit = 'go', round = 'up' }", "1m30.2s", Some("91")),
    ("duration = { from = 'a', unit = 'go' }", "90000000000", Some("90")),
    ("duration = { from = 'a', unit = 'go' }", "90", None),
    ("duration = { from = 'a', unit = 'iso' }", "PT1M30S", Some("90")),
    ("pdd = { from = 'a', unit = 'iso' }", "PT1.5S", Some("1.5")),
    ("duration = { from = 'a', minus = 'start' }", "2026-01-01 10:01:30", Some("90")),
    ("duration = { from = 'a', minus = 'start' }", "2026-01-01 09:59:59", None),
    ("duration = { from = 'a', minus = 'start' }", "0000-00-00 00:00:00", Some("0")),
    ("duration = { from = 'a', minus = 'start' }", "", Some("0")),
    ("duration = { from = 'a', minus = 'start' }", "soon", None),
    ("duration = { from = 'a', plus = 'b', unit = 'ms' }", "1993", Some("2")),
    ("time_end = { from = 'start', plus = 'a', unit = 's' }", "90.9", Some("2026-01-01 10:01:30")),
    ("time_end = { from = 'start', minus = 'a', unit = 'go' }", "1m", Some("2026-01-01 09:59:00")),
    ("time_end = { from = 'start', plus = 'a', unit = 's' }", "x", None),
    ("time_connect = { from = 'start', when = 'a' }", "0.000", Some("null")),
    ("time_connect = { from = 'start', when = 'a' }", "00:00:00", Some("null")),
    ("src_name_in = { from = 'a', words = { 'TRK-A' = 'one', 'trk-a' = 'two' } }", "trk-a", Some("two")),
    ("src_name_in = { from = 'a', words = { 'TRK-A' = 'one', 'trk-a' = 'two' } }", "Trk-A", None),
    ("src_name_in = { from = 'a', words = { 'TRK-A' = 'one', 'b' = 'two' } }", "Trk-A", Some("one")),
    ("success = { from = 'a', words = { 'ОТВЕЧЕН' = 1, '*' = 0 } }", "Отвечен", Some("1")),
    ("success = { from = 'a', words = { 'Ära' = 1, '*' = 0 } }", "ära", Some("1")),
    ("success = { from = 'a', words = { 'Ära' = 1, '*' = 0 } }", "Ara", Some("0")),
    ("src_prefix_in = 'a'", "\"442071234567,0\"", Some("442071234567,0")),
    ("time_connect = { from = 'start', when = 'a' }", "12", Some("2026-01-01 10:00:00")),
    ("time_connect = { from = 'start', when = 'nosuch' }", "12", Some("null")),
    ("success = { from = 'a', read = 'positive' }", "0.4", Some("1")),
    ("success = { from = 'a', read = 'positive' }", "-1", Some("0")),
    ("success = { from = 'a', read = 'positive' }", "", Some("0")),
    ("success = { from = 'a', read = 'positive' }", "x", None),
    ("success = { from = 'a', read = 'given' }", "0001-01-01T00:00:00Z", Some("0")),
    ("success = { from = 'a', read = 'given' }", "2026-01-01 10:00:00", Some("1")),
    ("customer_price = { from = 'a', words = { '-1' = '', '*' = '*' } }", "-1", Some("0")),
    ("customer_price = { from = 'a', words = { '-1' = '', '*' = '*' } }", "0.5", Some("0.5")),
    ("lega_q850_cause = { from = 'a', words = { BUSY = 17, '*' = '' } }", "other", Some("null")),
    ("lega_q850_cause = { from = 'a', words = { BUSY = 17 } }", "other", None),
];

#[actix_web::test]
async fn parts_sums_units_and_conditions_are_read_as_the_mapping_says() {
    let db = db().await;
    let mut wrong = Vec::new();
    for (mapping, field, stored) in READ {
        db.admin.query_raw("TRUNCATE TABLE cdrs SYNC").execute().await.unwrap();
        let file = File::new("a.csv", format!("account,start,a,b\n17,2026-01-01 10:00:00,{field},7\n"));
        let map = file.dir.path().join("map.toml");
        let toml = format!("only = true\n[columns]\ncustomer_acc_id = 'account'\ntime_start = 'start'\n{mapping}\n");
        std::fs::write(&map, toml).unwrap();
        let (code, said) = file.load(&db, &["--max-rejects", "1", "--map", map.to_str().unwrap()]);
        let column = mapping.split(' ').next().unwrap();
        let found = one(&db, &format!("groupArray(ifNull(toString({column}), 'null'))")).await;
        let wanted = stored.map_or("[]".to_owned(), |stored| format!("['{stored}']"));
        if found != wanted || code != (if stored.is_some() { 0 } else { 3 }) {
            wrong.push(format!("{mapping} {field:?}: {code} {found}, not {wanted}: {said}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[actix_web::test]
async fn a_missing_part_of_a_joined_column_is_said_and_strict_refuses_it() {
    let db = db().await;
    let file = File::new("a.csv", "account,start,a\n17,2026-01-01 10:00:00,44\n");
    let map = file.dir.path().join("map.toml");
    let toml = "only = true\n[columns]\ncustomer_acc_id = 'account'\ntime_start = 'start'\n\
                dst_prefix_in = { from = ['a', 'nosuch'], join = '' }\nsrc_prefix_in = { from = ['none', 'a'] }\n";
    std::fs::write(&map, toml).unwrap();
    let line = "the file has no nosuch, from which the mapping fills dst_prefix_in";
    let (code, said) = file.load(&db, &["--strict", "--map", map.to_str().unwrap()]);
    assert!(code == 1 && said.contains(line), "{said}");
    let (code, said) = file.load(&db, &["--map", map.to_str().unwrap()]);
    assert!(code == 0 && said.contains(line) && !said.contains("src_prefix_in"), "{said}");
}

#[actix_web::test]
async fn with_decimal_comma_seconds_since_1970_have_one_too() {
    let db = db().await;
    let map = "separator = ';'\ndecimal_comma = true\n";
    for (start, stored) in
        [("1772877600,9", 1), ("1772877600.9", 0), ("2026-03-07 10:00:02.5", 1), ("2026-03-07 10:00:03,5", 1)]
    {
        let file = File::new("a.csv", format!("customer_acc_id;time_start\n17;{start}\n"));
        let path = file.dir.path().join("map.toml");
        std::fs::write(&path, map).unwrap();
        let (_, said) = file.load(&db, &["--max-rejects", "1", "--map", path.to_str().unwrap()]);
        assert!(said.contains(&format!(" {stored} stored")), "{start}: {said}");
    }
}

#[actix_web::test]
async fn a_text_id_gives_a_uuid_that_stays_the_same() {
    let db = db().await;
    let text = |start: &str| format!("account,start,call\n17,{start},1772877600.12\n17,{start},1772877600.13\n");
    let map = "only = true\n[columns]\ncustomer_acc_id = 'account'\ntime_start = 'start'\nuuid = { from = 'call', read = 'uuid' }\n";
    for (start, stored, known) in [("2026-01-01 10:00:00", 2, 0), ("2026-01-01T10:00:00Z", 0, 2)] {
        let file = File::new("a.csv", text(start));
        let path = file.dir.path().join("map.toml");
        std::fs::write(&path, map).unwrap();
        let (code, said) = file.load(&db, &["--map", path.to_str().unwrap()]);
        assert_eq!(code, 0, "{said}");
        assert!(said.contains(&format!(" {stored} stored, {known} already there")), "{said}");
    }
}

#[actix_web::test]
async fn a_bad_mapping_is_refused_in_one_line_with_the_file_and_the_key() {
    let db = db().await;
    let file = File::new("a.csv", "account,start\n17,2026-01-01 10:00:00\n");
    let map = file.dir.path().join("map.toml");
    for (text, culprits) in [
        ("[columns]\nnosuch = 'x'\n", &["nosuch"][..]),
        ("colums = 1\n", &["line 1", "colums"]),
        ("time_zone = 'Mars/Base'\n", &["Mars"]),
        ("[columns]\nduration = { frm = 'x' }\n", &["line 2", "duration", "frm"]),
        ("[columns]\nduration = { from = 'x', unit = 'min' }\n", &["line 2", "duration", "min"]),
        ("[columns]\nduration = { from = 5 }\n", &["line 2", "duration", "a column of the file"]),
        ("[columns]\nduration = 5\n", &["line 2", "duration", "a column of the file"]),
        ("[columns]\nduration = { from = 'x', read = 'sipuser' }\n", &["line 2", "duration", "sip_user"]),
        ("[columns]\nduration = { from = 'x', plus = 'a', minus = 'b' }\n", &["duration", "plus", "minus"]),
        ("[columns]\nduration = { minus = 'b' }\n", &["duration", "minus", "from"]),
        ("[columns]\nduration = { from = 'x', value = 5 }\n", &["duration", "value", "from"]),
        ("[columns]\nduration = { }\n", &["duration", "from"]),
        ("base = 'nosuch'\n", &["base", "nosuch", "asterisk-csv"]),
        ("header = 5\n", &["line 1", "header", "list"]),
        ("[columns\n", &["line 1"]),
        ("[columns]\nduration = { value = 'soon' }\n", &["duration", "soon"]),
    ] {
        std::fs::write(&map, text).unwrap();
        let (code, said) = file.load(&db, &["--map", map.to_str().unwrap()]);
        assert_eq!(code, 2, "{text}: {said}");
        assert_eq!(said.trim_end().lines().count(), 1, "{text}: {said}");
        for culprit in culprits {
            assert!(said.contains(culprit), "{text}: {culprit}: {said}");
        }
    }
    let (code, said) = file.load(&db, &["--map", "asterisk"]);
    assert!(code == 2 && said.contains("asterisk-csv") && said.contains("no file"), "{said}");
}

#[test]
fn the_mapping_that_the_documentation_shows_is_one() {
    let text = std::fs::read_to_string("docs/load.md").unwrap();
    let toml = text.split("```toml\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("map.toml");
    std::fs::write(&path, toml).unwrap();
    let mapping = cdrscope::load::mapping::Mapping::load(path.to_str().unwrap()).unwrap();
    assert!(mapping.columns.contains_key("time_end") && mapping.rows.contains_key("leg"));
    let sources = ["start", "account", "leg"].map(str::to_owned).to_vec();
    cdrscope::load::plan::LoadPlan::new(&cdrscope::load::sample::builtin(), sources, &mapping, &[]).unwrap();
}
