//! The command `report`: the answers of the API on a screen, from a service or from the ClickHouse of the settings.

use super::{FIRST, World, world};
use crate::hostile::program::{command, environment};
use crate::support::engine;

fn report(world: &World, args: &[&str]) -> (i32, String, String) {
    let db = world.app.same_db(engine());
    let output = command(&[&["report"], args].concat(), &environment(&db, false)).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

#[actix_web::test]
async fn the_forms_have_the_figures_of_the_service() {
    let world = world(|_| ()).await;
    let (account, from) = (format!("account-id={}", world.account), format!("from-time={FIRST}"));
    let asked =
        ["origination-breakdown", &account, &from, "group-by=dst-country", "measures=total_calls,asr,total_price"];
    let path = world.path("origination-breakdown", "&group-by=dst-country&measures=total_calls,asr,total_price");
    for (form, format) in [("csv", "csv"), ("ndjson", "ndjson"), ("json", "rows")] {
        let wanted = world.get(&format!("{path}&format={format}"), &world.token).await;
        let end = if form == "json" { "\n" } else { "" };
        // Of the ClickHouse of the settings, as this customer; and of the service, with a token.
        let local = report(&world, &[&asked[..], &["--customer", "7", "--format", form]].concat());
        assert_eq!(local, (0, format!("{wanted}{end}"), String::new()));
        let args = [&["report"], &asked[..], &["--url", &world.app.url, "--format", form]].concat();
        let remote = command(&args, &[("CDRSCOPE_TOKEN", &world.token)]).output().unwrap();
        assert!(remote.status.success() && remote.stdout == local.1.as_bytes(), "{remote:?}");
    }
    // Without a terminal it is for a program.
    let usual = report(&world, &[&asked[..], &["--customer", "7"]].concat());
    assert!(usual.1.starts_with("row,dst_country_id,"), "{}", usual.1);
}

#[actix_web::test]
async fn a_table_aligns_numbers_and_shows_times_in_the_zone_asked_for() {
    let world = world(|_| ()).await;
    let (account, from) = (format!("account-id={}", world.account), format!("from-time={FIRST}"));
    let asked = ["origination-statistics", &account, &from, "sampling=hour", "time-zone=Europe/Kyiv"];
    let (code, out, err) = report(&world, &[&asked[..], &["--customer", "7", "--format", "table"]].concat());
    assert_eq!((code, err.as_str()), (0, ""));
    let lines: Vec<&str> = out.lines().collect();
    let names: Vec<&str> = lines[0].split_whitespace().collect();
    assert_eq!(names[..3], ["row", "t", "total_calls"]);
    // Its clocks change within.
    assert!(lines[1].starts_with("bucket  2026-03-28 14:00:00+02:00  "), "{out}");
    assert!(lines.iter().any(|line| line.starts_with("bucket  2026-03-29 04:00:00+03:00  ")), "{out}");
    assert!(lines.last().unwrap().starts_with("total   "), "{out}");
    // Numbers end where their column does, and no later than the line.
    let end = lines[0].find("total_calls").unwrap() + "total_calls".len();
    for line in &lines[1..] {
        assert!(line.as_bytes()[end - 1].is_ascii_digit() && line.as_bytes().get(end) == Some(&b' '), "{out}");
    }
    // Texts of callers cannot break a row: thousands of them are as many lines.
    let asked = ["cdrs", &from, "columns=id,src_name_in,lega_disconnect_reason", "limit=3000", "--format", "table"];
    let (code, out, err) = report(&world, &asked);
    assert_eq!((code, err.as_str(), out.lines().count()), (0, "", 3001));
    assert!(!out.chars().any(|c| c.is_control() && c != '\n'));
    let none = report(&world, &["cdrs", "from-time=2020-01-01", "to-time=2020-01-02", "--format", "table"]);
    assert_eq!(none, (0, String::new(), "no rows\n".to_owned()));
}

#[actix_web::test]
async fn a_customers_report_is_that_customers() {
    let world = world(|_| ()).await;
    let (account, from) = (format!("account-id={}", world.account), format!("from-time={FIRST}"));
    let asked = ["origination-statistics", &account, &from, "sampling=month"];
    for (more, code, told) in [
        (&["--customer", "8"][..], 1, "cdrscope: 400: "),
        (&[], 2, "origination-statistics is a customer's report: name the customer with --customer"),
        (&["--customer", "7", "format=csv"], 2, "format= is --format here"),
        (&["--customer", "7", "colour=red"], 1, "400: unknown param colour"),
        (&["--customer", "7", "--url", "http://127.0.0.1:1"], 2, "cannot be used with"),
    ] {
        let (found, out, err) = report(&world, &[&asked[..], more].concat());
        assert!((found, out.as_str()) == (code, "") && err.contains(told), "{more:?}: {err}");
    }
    let (code, _, err) = report(&world, &["cdrs", &from, "--customer", "7"]);
    assert!(code == 2 && err.contains("cdrs is the operator's report"), "{err}");
    let (code, _, err) = report(&world, &["cdrs", &from, "--format", "json"]);
    assert!(code == 2 && err.contains("is a page of CDRs"), "{err}");
}
