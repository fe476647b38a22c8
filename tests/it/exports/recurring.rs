//! Files of whole days, weeks and months, by the settings.

use cdrscope::config::recurring::RecurringExports;
use cdrscope::config::value::Value as _;

use super::bytes;
use crate::support::app::API;
use crate::support::{TestApp, db, eventually};

/// Calls of each hour of the last 70 days.
const RECENT: &str = "INSERT INTO cdrs (id, customer_id, customer_acc_id, is_last_cdr, time_start, duration, success) \
    SELECT number, 7, 1, 1, now() - 3600 * number, 60, 1 FROM numbers(1680)";

#[actix_web::test]
async fn what_was_due_last_lies_in_its_directory_once_and_whole() {
    let (dir, out) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let db = db().await;
    db.admin.query_raw(RECENT).execute().await.unwrap();
    let account = uuid::Uuid::new_v4();
    let row = format!(r#"{{"id":1,"uuid":"{account}","customer_id":7,"name":"calls"}}"#);
    crate::support::insert(&db.admin, "accounts", &row).await;
    let to = out.path().to_str().unwrap();
    let recurring = format!(
        r#"[
        {{"name":"calls","customer":7,"report":"origination-cdrs","parameters":"account-id={account}&columns=id,time_start","every":"day",
          "time_zone":"Europe/Berlin","at":"00:00","format":"csv.gz","to":"{to}"}},
        {{"name":"month-end","operator":true,"report":"breakdown","parameters":"group-by=customer","every":"month","at":"00:00","to":"{to}"}},
        {{"name":"wrong","customer":7,"report":"origination-cdrs","parameters":"account-id={account}&colour=1","every":"day","to":"{to}"}},
        {{"name":"nowhere","operator":true,"report":"breakdown","parameters":"group-by=customer","every":"day","to":"{to}/none"}}
        ]"#
    );
    let start = async |db| {
        TestApp::over(db, |config| {
            config.exports.dir = Some(dir.path().join("exports"));
            config.exports.recurring = RecurringExports::parse(&recurring).unwrap();
            config.operator.secret = cdrscope::config::value::Secret::new(crate::operator::SECRET);
        })
        .await
    };
    let names = || {
        let mut names: Vec<_> =
            std::fs::read_dir(out.path()).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    };
    let app = start(db).await;
    let token = app.token(7, &[]);
    eventually("two files", async || (names().iter().filter(|name| !name.starts_with('.')).count() == 2).then_some(()))
        .await;
    let here = |zone: &str| jiff::Timestamp::now().in_tz(zone).unwrap();
    let day = here("Europe/Berlin").date().yesterday().unwrap();
    let month = here("UTC").strftime("%Y-%m").to_string();
    assert_eq!(names()[0], format!("calls_{day}.csv.gz"));
    assert!(names()[1].starts_with("month-end_2") && names()[1].ends_with(".csv") && !names()[1].contains(&month));
    // The bytes that a customer gets who asks for the same.
    app.until_known(account, &token).await;
    let path = format!(
        "{API}/origination-cdrs?account-id={account}&from-time={day}&to-time={day}&time-zone=Europe/Berlin&columns=id,time_start&format=csv.gz"
    );
    let (wanted, _) = bytes(&app, &path, &token).await;
    assert!(std::fs::read(out.path().join(&names()[0])).unwrap() == wanted);
    let whole = names();
    // Customers see nothing of them.
    assert_eq!(app.get(&format!("{API}/exports"), &token).await.json(), serde_json::json!({ "exports": [] }));
    // Taken away, a file is not made again; neither is one that stands there.
    std::fs::remove_file(out.path().join(&whole[0])).unwrap();
    let stood = std::fs::metadata(out.path().join(&whole[1])).unwrap().modified().unwrap();
    let records = || std::fs::read_dir(dir.path().join("exports")).unwrap().count();
    let before = records();
    assert!(before >= 3, "{before}");
    let same =
        crate::support::Db { admin: app.admin.clone(), reader: app.admin.clone(), database: app.database.clone() };
    drop(app);
    let app = start(same).await;
    app.until_known(account, &token).await;
    assert_eq!(names(), whole[1..]);
    assert_eq!(std::fs::metadata(out.path().join(&whole[1])).unwrap().modified().unwrap(), stood);
}

#[actix_web::test]
async fn a_name_that_is_taken_is_told_and_nothing_is_written_over() {
    let (dir, out) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let recurring = format!(
        r#"[{{"name":"taken","operator":true,"report":"breakdown","parameters":"group-by=customer","every":"day","at":"00:00","to":"{0}"}},
        {{"name":"free","operator":true,"report":"breakdown","parameters":"group-by=customer","every":"day","at":"00:00","to":"{0}"}}]"#,
        out.path().display()
    );
    let day = jiff::Timestamp::now().in_tz("UTC").unwrap().date().yesterday().unwrap();
    let taken = out.path().join(format!("taken_{day}.csv"));
    std::fs::write(&taken, "somebody's").unwrap();
    let app = TestApp::over(db().await, |config| {
        config.exports.dir = Some(dir.path().join("exports"));
        config.exports.recurring = RecurringExports::parse(&recurring).unwrap();
        config.operator.secret = cdrscope::config::value::Secret::new(crate::operator::SECRET);
    })
    .await;
    let free = out.path().join(format!("free_{day}.csv"));
    eventually("the other file", async || free.exists().then_some(())).await;
    assert_eq!(std::fs::read_to_string(&taken).unwrap(), "somebody's");
    // Nobody asked ClickHouse for it.
    let records: Vec<_> = std::fs::read_dir(dir.path().join("exports")).unwrap().map(|entry| entry.unwrap()).collect();
    assert_eq!(records.iter().filter(|entry| entry.file_name().to_string_lossy().ends_with(".json")).count(), 1);
    drop(app);
}

#[actix_web::test]
async fn a_file_that_cannot_be_made_is_an_error_that_names_it_and_its_place() {
    let (dir, out) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (db, to) = (db().await, out.path().to_str().unwrap());
    let recurring = format!(
        r#"[{{"name":"wrong","operator":true,"report":"breakdown","parameters":"group-by=customer&colour=1","every":"day","at":"00:00","to":"{to}"}}]"#
    );
    let exports = dir.path().join("exports");
    let env = [("CDRSCOPE_EXPORTS_DIR", exports.to_str().unwrap()), ("CDRSCOPE_EXPORTS_RECURRING", &recurring)];
    let line = crate::hostile::program::Served::start(&db, &env).line("exports.recurring");
    assert!(line.contains("ERROR") && line.contains(&format!("exports.recurring: wrong: {to}/wrong_")), "{line}");
    assert!(line.contains("unknown param colour"), "{line}");
}

#[test]
fn settings_of_recurring_exports_are_checked_with_their_place() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("c.toml");
    let text = "[exports]\ndir = \"x\"\n\n[[exports.recurring]]\nname = \"a\"\ncustomer = 5\nreport = \"origination-cdrs\"\nevery = \"month\"\nto = \"/srv\"\n";
    let load = |text: &str| {
        std::fs::write(&file, text).unwrap();
        cdrscope::config::load::Sources { file: Some(file.clone()), ..Default::default() }.load()
    };
    assert_eq!(load(text).unwrap().exports.recurring.0.len(), 1);
    let fault = |text: String| load(&text).unwrap_err().to_string();
    assert!(
        fault(text.replace("every", "often"))
            .contains("bad value for exports.recurring: expected a list of tables: unknown field `often`")
    );
    assert!(fault(text.replace("\"month\"", "\"year\"")).contains("a: every: expected one of: day, week, month"));
    assert!(fault(text.replace("dir = \"x\"\n", "")).contains("exports.recurring: needs exports.dir"));
}

#[actix_web::test]
async fn a_directory_that_takes_no_files_is_told_by_the_check() {
    let db = crate::support::db().await;
    let dir = tempfile::tempdir().unwrap();
    let (good, missing, file) = (dir.path().join("good"), dir.path().join("missing"), dir.path().join("file"));
    std::fs::create_dir(&good).unwrap();
    std::fs::write(&file, "").unwrap();
    let one = |name: &str, to: &std::path::Path| serde_json::json!({ "name": name, "customer": 7, "report": "origination-cdrs", "every": "day", "to": to });
    let check = |recurring: serde_json::Value| {
        let exports = dir.path().join("exports");
        let own = [
            ("CDRSCOPE_AUTH_SECRET", crate::support::app::SECRET),
            ("CDRSCOPE_EXPORTS_DIR", exports.to_str().unwrap()),
            ("CDRSCOPE_EXPORTS_RECURRING", &recurring.to_string()),
        ];
        crate::hostile::program::run(
            &["check"],
            &[&crate::hostile::program::environment(&db, false), &own[..]].concat(),
        )
    };
    let (code, text) = check(serde_json::json!([one("a", &good)]));
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains(&format!("ok     directory of the recurring export a: {}", good.display())), "{text}");
    let (code, text) = check(serde_json::json!([one("a", &good), one("b", &missing), one("c", &file)]));
    assert_eq!(code, Some(1), "{text}");
    for fault in [
        format!("WRONG  directory of the recurring export b: {}: No such file", missing.display()),
        format!("WRONG  directory of the recurring export c: {} is no directory", file.display()),
    ] {
        assert!(text.contains(&fault), "{fault}: {text}");
    }
}
