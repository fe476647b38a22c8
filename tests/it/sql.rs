//! The command `sql`, as an operator runs it: on a configured server and on an engine's directory.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::process::{Output, Stdio};

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

use crate::engine::Owner;
use crate::hostile::program::{command, environment};
use crate::support::{Db, db};

fn finished(output: &Output) -> (i32, String, String) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (output.status.code().unwrap(), text(&output.stdout), text(&output.stderr))
}

fn sql(db: &Db, args: &[&str]) -> (i32, String, String) {
    finished(&command(&[&["sql"], args].concat(), &environment(db, true)).output().unwrap())
}

/// The one line of a statement that failed.
fn refusal((code, out, err): (i32, String, String)) -> String {
    assert_eq!((code, out.as_str(), err.lines().count()), (1, "", 1), "{err}");
    err.trim_end().strip_prefix("cdrscope: ").unwrap().to_owned()
}

#[actix_web::test]
async fn a_statement_is_read_only_unless_the_administrator_asks() {
    let db = db().await;
    assert_eq!(sql(&db, &["-q", "-- a comment\nSELECT 1"]).1, "1\n");
    assert_eq!(sql(&db, &["-q", "SELECT currentDatabase(), 1"]), (0, format!("{}\t1\n", db.database), String::new()));
    for write in ["INSERT INTO accounts (id, customer_id) VALUES (7, 8)", "DROP TABLE accounts", "TRUNCATE TABLE cdrs"]
    {
        let why = refusal(sql(&db, &["-q", write]));
        assert!(why.starts_with("Code: 164. ") && why.contains("readonly"), "{why}");
    }
    // Nor may a statement take the right for itself.
    let why = refusal(sql(&db, &["-q", "INSERT INTO accounts (id) SETTINGS readonly = 0 VALUES (7)"]));
    assert!(why.starts_with("Code: 164. "), "{why}");
    let insert = "INSERT INTO accounts (id, customer_id) VALUES (7, 8)";
    assert_eq!(sql(&db, &["--admin", "-q", insert]), (0, String::new(), String::new()));
    // A limit of the statement's own is no writing.
    let select = "SELECT customer_id FROM accounts SETTINGS max_threads = 1";
    assert_eq!(sql(&db, &["-q", select]).1, "8\n");
    // The reports' user, whose profile says readonly itself.
    let reader = command(&["sql", "-q", select], &environment(&db, false)).output().unwrap();
    assert_eq!(finished(&reader), (0, "8\n".to_owned(), String::new()));
}

#[actix_web::test]
async fn results_are_tab_separated_unless_a_format_is_named() {
    let db = db().await;
    let query = ["-q", "SELECT 1 AS a, 'x\ty' AS b"];
    assert_eq!(sql(&db, &query).1, "1\tx\\ty\n");
    assert_eq!(sql(&db, &[&query[..], &["--format", "JSONEachRow"]].concat()).1, "{\"a\":1,\"b\":\"x\\ty\"}\n");
    let named = sql(&db, &["--format", "JSONEachRow", "-q", "SELECT 1 AS a FORMAT CSV"]);
    assert_eq!(named.1, "1\n");
    assert!(refusal(sql(&db, &[&query[..], &["--format", "Nonsense"]].concat())).starts_with("Code: 73. "));
    assert_eq!(sql(&db, &[&query[..], &["--format", "a;b"]].concat()).0, 2);
}

#[actix_web::test]
async fn statements_run_in_order_and_the_first_that_fails_ends_them() {
    let db = db().await;
    let (code, out, err) = sql(&db, &["-q", "SELECT 1; SELECT ';'", "-q", "SELECT 3;"]);
    assert_eq!((code, out.as_str(), err.as_str()), (0, "1\n;\n3\n", ""));
    let script = "SELECT 1; -- one;\nSELECT nonsense\n;\nSELECT 3";
    let mut child = command(&["sql"], &environment(&db, true))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(script.as_bytes()).unwrap();
    let (code, out, err) = finished(&child.wait_with_output().unwrap());
    assert_eq!((code, out.as_str(), err.lines().count()), (1, "1\n", 1), "{err}");
    assert!(err.starts_with("cdrscope: Code: 47. DB::Exception: ") && err.contains("nonsense"), "{err}");
    // A mistake in a later one is found before the first is run.
    let why = refusal(sql(&db, &["-q", "SELECT 1", "-q", "SELECT 'x"]));
    assert_eq!(why, "the quotes ' are not closed");
    for (query, told) in
        [("SET max_threads = 1", "SETTINGS name = value"), ("INSERT INTO cdrs FORMAT CSV\n1;2", "cdrscope load")]
    {
        assert!(refusal(sql(&db, &["--admin", "-q", query])).contains(told), "{query}");
    }
}

/// The result of a statement that would never end is read as it comes; that its reader leaves is no fault.
#[actix_web::test]
async fn results_are_printed_as_they_come() {
    let db = db().await;
    let mut child = command(&["sql", "-q", "SELECT number FROM system.numbers"], &environment(&db, true))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    for (place, line) in lines.take(100_000).enumerate() {
        assert_eq!(line.unwrap(), place.to_string());
    }
    assert_eq!(finished(&child.wait_with_output().unwrap()), (0, String::new(), String::new()));
}

#[actix_web::test]
async fn a_result_that_breaks_off_is_told_not_to_be_whole() {
    let db = db().await;
    let query = "SELECT throwIf(number = 3000000, 'too far') FROM numbers(10000000) SETTINGS max_block_size = 1000, max_threads = 1";
    let (code, out, err) = sql(&db, &["-q", query]);
    assert!(code == 1 && out.starts_with("0\n0\n") && err.lines().count() == 1, "{code} {err}");
    assert!(err.contains("too far") && err.trim_end().ends_with("(what is printed is not whole)"), "{err}");
}

#[tokio::test]
async fn it_works_on_an_engines_directory_and_beside_whoever_runs_it() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data").display().to_string();
    let run = |args: &[&str]| {
        let args = [&["sql", "--engine-data-dir", &data, "--clickhouse-database", "default"], args].concat();
        finished(&command(&args, &[]).output().unwrap())
    };
    let (owner, _) = Owner::started(data.as_ref()).await;
    for create in ["CREATE TABLE t (a UInt8) ORDER BY a", "INSERT INTO t VALUES (7)"] {
        assert!(run(&["-q", create]).2.contains("ACCESS_DENIED") || run(&["-q", create]).2.contains("READONLY"));
        assert_eq!(run(&["--admin", "-q", create]), (0, String::new(), String::new()));
    }
    assert_eq!(run(&["-q", "SELECT a FROM t"]), (0, "7\n".to_owned(), String::new()));
    owner.kill();
    // Nobody runs it now: the command does, for as long as it takes.
    assert_eq!(run(&["-q", "SELECT a FROM t"]), (0, "7\n".to_owned(), String::new()));
    // With neither a server nor a directory there is nothing to ask.
    let nowhere = command(&["sql", "-q", "SELECT 1"], &[]).current_dir(dir.path().join("data")).output().unwrap();
    let (code, out, err) = finished(&nowhere);
    assert!((code, out.as_str()) == (2, "") && err.contains("no ClickHouse to work on"), "{err}");
    assert!(!dir.path().join("data/data").exists());
}

#[actix_web::test]
async fn at_a_terminal_there_is_a_prompt_that_goes_on_after_a_failure() {
    let db = db().await;
    let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&master).unwrap();
    unlockpt(&master).unwrap();
    let name = ptsname(&master, Vec::new()).unwrap().into_string().unwrap();
    let terminal = || File::options().read(true).write(true).open(&name).unwrap();
    let mut child = command(&["sql"], &environment(&db, false))
        .stdin(terminal())
        .stdout(terminal())
        .stderr(terminal())
        .spawn()
        .unwrap();
    let mut master = File::from(master);
    // A name with an escape in it must not rewrite the screen.
    master
        .write_all(b"SELECT 40 +\n2 AS answer, char(27) AS x;\nSELECT nonsense;\nSELECT 'still here';\nexit\n")
        .unwrap();
    let mut shown = Vec::new();
    // The last of the terminal's users closes it, which its other end reads as an error.
    let end = master.read_to_end(&mut shown).unwrap_err();
    assert_eq!((end.raw_os_error(), child.wait().unwrap().code()), (Some(5), Some(0)));
    let shown = String::from_utf8(shown).unwrap();
    assert!(shown.contains("│ still here "), "{shown}");
    assert!(shown.contains("read-only") && shown.contains("cdrscope> ") && shown.contains("...> "), "{shown}");
    assert!(shown.contains("┌─answer─┬─x─┐") && shown.contains("│     42 │ ? "), "{shown}");
    assert!(shown.contains("Code: 47. ") && !shown.contains('\u{1b}'), "{shown}");
}
