//! The rights that docs/install.md and `config/clickhouse/users.d/cdrscope.xml` give: the same in both, and enough for every command.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use cdrscope::embedded::{EmbeddedEngine, EngineOptions, Login};
use regex::Regex;

use crate::hostile::program::command;
use crate::support::app::SECRET;
use crate::support::engine_options;

fn read(path: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

/// The grants of a user in the file, in order.
fn of_file(user: &str) -> Vec<String> {
    let text = read("config/clickhouse/users.d/cdrscope.xml");
    let block = text.split(&format!("<{user}>\n            <password")).nth(1).unwrap();
    let block = block.split(&format!("</{user}>")).next().unwrap();
    let query = Regex::new("<query>(.*)</query>").unwrap();
    query.captures_iter(block).map(|found| found[1].to_owned()).collect()
}

/// Those of docs/install.md.
fn of_readme(user: &str) -> Vec<String> {
    let grant = Regex::new(&format!("(?m)^(GRANT .*) TO {user};$")).unwrap();
    grant.captures_iter(&read("docs/install.md")).map(|found| found[1].to_owned()).collect()
}

#[test]
fn the_readme_and_the_users_file_give_the_same_rights() {
    for user in ["cdrscope_admin", "cdrscope_reports"] {
        let file = of_file(user);
        assert!(file.len() > 2, "{file:?}");
        assert_eq!(of_readme(user), file, "{user}");
    }
}

/// An engine whose two users have the rights of the file. What starts it puts them into its settings first.
async fn engine(dir: &Path) -> EmbeddedEngine {
    let data = dir.join("data");
    let grants = |user: &str| {
        let queries: Vec<String> = of_file(user).iter().map(|query| format!("<query>{query}</query>")).collect();
        format!("<grants>{}</grants>", queries.concat())
    };
    let launcher = dir.join("launcher");
    let script = format!(
        "#!/bin/sh\n/bin/sed -i -e '/<reader_/,/<\\/reader_/{{/<grants>/,/<\\/grants>/d}}' -e 's|</admin_|{}&|' \\\n\
         -e 's|</reader_|{}&|' {}/users.xml\nexec {} \"$@\"\n",
        grants("cdrscope_admin"),
        grants("cdrscope_reports"),
        data.display(),
        env!("CARGO_BIN_EXE_cdrscope"),
    );
    std::fs::write(&launcher, script).unwrap();
    std::fs::set_permissions(&launcher, std::fs::Permissions::from_mode(0o700)).unwrap();
    EmbeddedEngine::start(EngineOptions { launcher, ..engine_options(data) }).await.unwrap()
}

fn run(engine: &EmbeddedEngine, login: &Login, args: &[&str]) -> String {
    let env = [
        ("CDRSCOPE_CLICKHOUSE_URL", engine.url()),
        ("CDRSCOPE_CLICKHOUSE_USER", &login.user),
        ("CDRSCOPE_CLICKHOUSE_PASSWORD", &login.password),
        ("CDRSCOPE_AUTH_SECRET", SECRET),
    ];
    let output = command(args, &env).output().unwrap();
    let said = String::from_utf8_lossy(&[output.stdout.as_slice(), &output.stderr].concat()).into_owned();
    assert!(output.status.success(), "{args:?}: {said}");
    said
}

#[tokio::test]
async fn every_command_works_with_these_rights() {
    let dir = tempfile::tempdir().unwrap();
    let engine = engine(dir.path()).await;
    let file = dir.path().join("calls.csv");
    let rows = "id,customer_id,customer_acc_id,vendor_id,vendor_acc_id,time_start,duration,is_last_cdr,orig_call_id\n\
                7,5,17,9,90,2026-03-04 05:06:07,60,1,a\n";
    std::fs::write(&file, rows).unwrap();
    let file = file.to_str().unwrap();
    let (admin, reader) = (engine.admin(), engine.reader());
    for args in [
        &["migrate"][..],
        &["demo", "--calls", "1000"],
        &["migrate", "--strict-rows"],
        &["migrate", "--no-strict-rows"],
        &["account", "add", "--id", "1700", "--customer", "5", "--name", "x"],
        &["account", "rename", "1700", "y"],
        &["access", "add", "--id", "900", "--customer", "5"],
        &["access", "set", "900", "--any-ip"],
        &["access", "revoke", "--customer", "5"],
        &["operator", "add", "--name", "Olha"],
        &["contractor", "name", "5", "Acme"],
        &["contractor", "remove", "5"],
        &["account", "remove", "1700"],
        &["load", file],
        &["load", file],
        &["load", file, "--replace", "2026-03-04"],
        &["check"],
        &["check", "--data"],
        &["token", "--access", "900"],
        &["sql", "--admin", "-q", "SELECT count() FROM cdrs"],
    ] {
        run(&engine, admin, args);
    }
    let told = run(&engine, admin, &["thin", "--before", "2026-04", "--yes"]);
    assert!(told.starts_with("2026-03: 1 rows"), "{told}");
    for args in [
        &["check"][..],
        &["check", "--data"],
        &["token", "--access", "900"],
        &["sql", "-q", "SELECT count() FROM cdrs"],
        &["report", "breakdown", "from-time=2026-03-01", "to-time=2026-03-31", "group-by=customer"],
    ] {
        let told = run(&engine, reader, args);
        assert!(!told.contains("not remembered") && !told.contains("system.parts"), "{args:?}: {told}");
    }
    engine.stop().await;
}
