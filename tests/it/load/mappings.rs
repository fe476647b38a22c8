//! Ready mappings over files as those systems write them; the figures were worked out by hand.

use std::process::Command;

use super::{File, command, one};
use crate::support::db;

#[actix_web::test]
async fn yetis_export_packed_with_gzip_gives_the_figures_that_its_rows_mean() {
    let db = db().await;
    let file = File::new("cdrs.csv", include_str!("samples/yeti.csv"));
    assert!(Command::new("gzip").arg(file.path()).status().unwrap().success());
    let packed = file.dir.path().join("cdrs.csv.gz");
    let output = command(&db, &["--map", "yeti"], &[&packed]).output().unwrap();
    let said = super::said(&output);
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert!(said.contains("4 rows read, 4 stored, 0 already there, 0 rejected"), "{said}");
    assert!(said.contains("1 prices rounded") || said.contains("2 prices rounded"), "{said}");
    assert!(said.contains("1 rows have account 0"), "{said}");
    // Account 17: two calls, one answered for 136 seconds at 0.2345675; ASR 50 %.
    let figures = "(countIf(customer_acc_id = 17 AND is_last_cdr = 1), countIf(is_last_cdr = 1 AND duration > 0), \
        sum(duration), sum(customer_price), sum(vendor_price), sum(success))";
    assert_eq!(one(&db, figures).await, "(2,1,136,0.234568,0.1,1)");
    let times = "arraySort(groupArray((id, toString(time_start), toString(time_connect))))";
    let wanted = "[(9001,'2026-03-07 08:00:00',NULL),(9002,'2026-03-07 08:00:05','2026-03-07 08:00:09'),\
        (9003,'2026-03-07 00:59:59',NULL),(9004,'2026-03-07 08:01:00',NULL)]";
    assert_eq!(one(&db, times).await, wanted);
    assert_eq!(
        one(&db, "arraySort(groupArray((id, routing_tag_ids)))").await,
        "[(9001,[9,12]),(9002,[]),(9003,[9]),(9004,[])]"
    );
    assert_eq!(one(&db, "anyIf(internal_disconnect_reason, id = 9002)").await, "Said \"Bye\"");
}

#[actix_web::test]
async fn a_mapping_of_ones_own_names_columns_units_words_dates_and_constants() {
    let db = db().await;
    let file = File::new(
        "calls.txt",
        "07.03.2026 12:00:00;380441;4930;25410;0,1234565;ANSWERED;17\n07.03.2026 12:00:01;380441;4930;0;0;NO ANSWER;17\n",
    );
    let map = file.dir.path().join("map.toml");
    let toml = "format = 'csv'\nseparator = ';'\nheader = ['start', 'src', 'dst', 'billsec', 'cost', 'result', 'account']\n\
        time_zone = 'Europe/Kyiv'\ndate_order = 'dmy'\ndecimal_comma = true\nonly = true\n[columns]\ntime_start = 'start'\n\
        src_prefix_in = 'src'\ndst_prefix_in = 'dst'\ncustomer_price = 'cost'\n\
        customer_acc_id = { from = ['acc', 'account'] }\nduration = { from = 'billsec', unit = 'ms', round = 'up' }\n\
        success = { from = 'result', words = { ANSWERED = 1, '*' = 0 } }\nis_last_cdr = { value = 1 }\ncustomer_id = { value = 5 }\n";
    std::fs::write(&map, toml).unwrap();
    let (code, said) = file.load(&db, &["--map", map.to_str().unwrap()]);
    assert_eq!(code, 0, "{said}");
    let figures = "(count(), sum(duration), sum(customer_price), sum(success), sum(is_last_cdr), min(customer_id), toString(min(time_start)))";
    assert_eq!(one(&db, figures).await, "(2,26,0.123457,1,2,5,'2026-03-07 10:00:00')");
    for (text, culprit) in
        [("[columns]\nnosuch = 'x'\n", "nosuch"), ("colums = 1\n", "colums"), ("time_zone = 'Mars/Base'\n", "Mars")]
    {
        std::fs::write(&map, text).unwrap();
        let (code, said) = file.load(&db, &["--format", "csv", "--map", map.to_str().unwrap()]);
        assert!(code == 2 && said.contains(culprit), "{code} {said}");
    }
}
