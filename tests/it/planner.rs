//! What the planner says it chose, to a token that may ask.

use cdrscope::config::value::Value;
use cdrscope::sql::projections::ALL;
use cdrscope::token::Issue;
use uuid::Uuid;

use crate::support::app::API;
use crate::support::http::send;
use crate::support::{Db, Reply, TestApp, db, engine};

/// 2026-01-01T00:00:00Z.
const FIRST: i64 = 1_767_225_600;

const QUALITY: &str = "origination-statistics-quality";

/// The four reports that can be asked.
const REPORTS: [&str; 4] =
    [QUALITY, "termination-statistics-quality", "origination-statistics", "termination-statistics"];

/// Ten calls a second over two hours, of one account on both sides: far more rows than minutes.
const CALLS: &str = "INSERT INTO cdrs (id, customer_id, vendor_id, customer_acc_id, vendor_acc_id, is_last_cdr, time_start, duration) \
    SELECT number, 7, 7, 1, 1, 1, toDateTime(1767225600 + intDiv(number, 10)), number % 60 FROM numbers(72000)";

/// A service over those calls that remembers nothing, and the account.
struct World {
    app: TestApp,
    account: Uuid,
    token: String,
}

impl World {
    async fn new() -> Self {
        let db = db().await;
        db.admin.query_raw(CALLS).execute().await.unwrap();
        Self::over(db, false).await
    }

    async fn over(db: Db, remembers: bool) -> Self {
        let app = TestApp::over(db, |config| config.cache.enabled = remembers).await;
        let (account, token) = (app.account(1, 7).await, asking(&app));
        app.until_known(account, &token).await;
        Self { app, account, token }
    }

    fn path(&self, report: &str, rest: &str) -> String {
        format!("{API}/{report}?account-id={}&{rest}", self.account)
    }

    async fn ask(&self, report: &str, rest: &str) -> Reply {
        self.app.get(&self.path(report, rest), &self.token).await
    }

    /// The header's fields, for a question that gets its answer.
    async fn plan(&self, report: &str, rest: &str) -> Plan {
        let reply = self.ask(report, &format!("{rest}&debug=plan")).await;
        assert_eq!(reply.status, 200, "{rest}: {}", reply.body);
        Plan::read(reply.header("x-cdrscope-plan"))
    }
}

/// A token that may ask.
fn asking(app: &TestApp) -> String {
    app.sign(&Issue::Grant { customer_id: 7, account_ids: vec![], allowed_ips: vec![], debug: true }, 600)
}

/// What the header says, all of it in the documented form.
#[derive(Debug)]
struct Plan {
    source: String,
    rows: u64,
    cache: String,
    pieces: Vec<String>,
}

impl Plan {
    fn read(header: &str) -> Self {
        let fields: Vec<(&str, &str)> = header.split("; ").map(|field| field.split_once('=').unwrap()).collect();
        let [("source", source), ("rows_read", rows), ("cache", cache), ("pieces", pieces)] = fields[..] else {
            panic!("{header:?}")
        };
        let pieces: Vec<String> = pieces.split_whitespace().map(str::to_owned).collect();
        for piece in &pieces {
            let form = r"^(hours|quarter_hours|minutes|calls|by_destination|by_vendor|customer_days|vendor_days|operator_hours|vendor_causes)\[\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ\.\.(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ)?\)(\+\d+)?$";
            assert!(regex::Regex::new(form).unwrap().is_match(piece), "{header:?}");
        }
        Self { source: source.into(), rows: rows.parse().unwrap(), cache: cache.into(), pieces }
    }

    fn of(&self) -> (&str, Vec<&str>) {
        (&self.source, self.pieces.iter().map(String::as_str).collect())
    }
}

fn window(from: i64, to: i64, sampling: &str) -> String {
    format!("from-time={from}&to-time={to}&sampling={sampling}")
}

#[actix_web::test]
async fn whole_minutes_without_filters_are_read_from_the_minutes() {
    let world = World::new().await;
    for report in REPORTS {
        let plan = world.plan(report, &window(FIRST, FIRST + 3599, "5minutes")).await;
        assert_eq!(plan.of(), ("minutes", vec!["minutes[2026-01-01T00:00:00Z..2026-01-01T01:00:00Z)"]), "{report}");
        assert!((1..3600).contains(&plan.rows), "{report}: {plan:?}");
        assert_eq!(plan.cache, "off");
    }
    let open = world.plan(QUALITY, &format!("from-time={FIRST}&sampling=15minutes")).await;
    assert_eq!(open.of(), ("minutes", vec!["quarter_hours[2026-01-01T00:00:00Z..)"]));
    let open = world.plan(QUALITY, &format!("from-time={FIRST}&sampling=5minutes")).await;
    assert_eq!(open.of(), ("minutes", vec!["minutes[2026-01-01T00:00:00Z..)"]));
}

#[actix_web::test]
async fn odd_edges_are_read_from_the_calls_and_the_rest_from_the_minutes() {
    let world = World::new().await;
    let begin = "[2026-01-01T00:00:30Z..2026-01-01T00:01:00Z)";
    let end = "[2026-01-01T00:59:00Z..2026-01-01T00:59:31Z)";
    let middle = |from: &str, to: &str| format!("minutes[2026-01-01T00:{from}:00Z..2026-01-01T{to}:00Z)");
    for (from, to, pieces) in [
        (FIRST + 30, FIRST + 3599, vec![begin.to_owned(), middle("01", "01:00")]),
        (FIRST, FIRST + 3570, vec![middle("00", "00:59"), end.to_owned()]),
        (FIRST + 30, FIRST + 3570, vec![begin.to_owned(), middle("01", "00:59"), end.to_owned()]),
    ] {
        for report in REPORTS {
            let plan = world.plan(report, &window(from, to, "minute")).await;
            let told =
                |piece: &String| if piece.starts_with('[') { order(report).to_owned() + piece } else { piece.clone() };
            let pieces: Vec<String> = pieces.iter().map(told).collect();
            assert_eq!(plan.of(), ("both", pieces.iter().map(String::as_str).collect()), "{report}");
        }
    }
    // Within a minute nothing is left of the minutes.
    let plan = world.plan(QUALITY, &window(FIRST + 5, FIRST + 40, "minute")).await;
    assert_eq!(plan.of(), ("calls", vec!["calls[2026-01-01T00:00:05Z..2026-01-01T00:00:41Z)"]));
}

#[actix_web::test]
async fn a_filter_is_answered_from_the_calls() {
    let world = World::new().await;
    for report in REPORTS {
        let question = window(FIRST, FIRST + 3599, "minute");
        for filter in ["duration-gt=10", "dst-prefix-routing-starts-with=44", "dst-country-id=1"] {
            let plan = world.plan(report, &format!("{question}&{filter}")).await;
            let piece = format!("{}[2026-01-01T00:00:00Z..2026-01-01T01:00:00Z)", order(report));
            assert_eq!(plan.of(), ("calls", vec![piece.as_str()]), "{report} {filter}");
        }
        let plan = world.plan(report, &format!("{question}&duration-gt=10")).await;
        assert!(plan.rows >= 36_000, "{report}: {plan:?}");
    }
}

/// Where the calls of one side are read, an account's together.
fn order(report: &str) -> &'static str {
    if report.starts_with("termination") { "by_vendor" } else { "calls" }
}

#[actix_web::test]
async fn a_destination_over_days_is_read_in_its_own_order() {
    let world = World::new().await;
    for filter in ["dst-country-id=0", "dst-prefix-routing-starts-with=4", "dst-country-id=0,1&duration-gt=10"] {
        let plan = world.plan("origination-statistics", &format!("from-time={FIRST}&sampling=hour&{filter}")).await;
        assert_eq!(plan.of(), ("calls", vec!["by_destination[2026-01-01T00:00:00Z..)"]), "{filter}");
        // A column that it does not have.
        let plan = world
            .plan("origination-statistics", &format!("from-time={FIRST}&sampling=hour&{filter}&src-country-id=1"))
            .await;
        assert_eq!(plan.of(), ("calls", vec!["calls[2026-01-01T00:00:00Z..)"]), "{filter}");
    }
}

#[actix_web::test]
async fn long_windows_are_read_from_longer_sums() {
    let world = World::new().await;
    let second = |text: &str| text.parse::<jiff::Timestamp>().unwrap().as_second();
    let day = window(second("2025-12-20T18:30:00Z"), second("2026-01-01T18:29:59Z"), "day&time-zone=Asia/Kolkata");
    let plan = world.plan("origination-statistics", &day).await;
    assert_eq!(plan.of(), ("minutes", vec!["quarter_hours[2025-12-20T18:30:00Z..2026-01-01T18:30:00Z)"]));
    for (from, sampling, source, pieces) in [
        ("2025-06-01T00:00:00Z", "hour", "minutes", vec!["hours[2025-06-01T00:00:00Z..2026-01-02T00:00:00Z)"]),
        ("2025-06-01T00:00:00Z", "month", "minutes", vec!["hours[2025-06-01T00:00:00Z..2026-01-02T00:00:00Z)"]),
        ("2025-06-01T00:00:00Z", "5minutes", "minutes", vec!["minutes[2025-06-01T00:00:00Z..2026-01-02T00:00:00Z)"]),
        ("2025-12-31T00:00:00Z", "hour", "minutes", vec!["hours[2025-12-31T00:00:00Z..2026-01-02T00:00:00Z)"]),
        ("2026-01-01T00:00:00Z", "hour", "minutes", vec!["minutes[2026-01-01T00:00:00Z..2026-01-02T00:00:00Z)"]),
        // Minutes before and behind.
        (
            "2025-06-01T00:10:00Z",
            "hour",
            "minutes",
            vec![
                "minutes[2025-06-01T00:10:00Z..2025-06-01T01:00:00Z)",
                "hours[2025-06-01T01:00:00Z..2026-01-02T00:00:00Z)",
            ],
        ),
        // Hours would need another piece.
        ("2025-12-31T00:15:00Z", "hour", "minutes", vec!["quarter_hours[2025-12-31T00:15:00Z..2026-01-02T00:00:00Z)"]),
        // A month of minutes is not worth another piece, three months are.
        ("2025-12-01T00:10:00Z", "hour", "minutes", vec!["minutes[2025-12-01T00:10:00Z..2026-01-02T00:00:00Z)"]),
        (
            "2025-06-01T00:10:07Z",
            "hour",
            "both",
            vec![
                "calls[2025-06-01T00:10:07Z..2025-06-01T00:11:00Z)",
                "minutes[2025-06-01T00:11:00Z..2025-06-01T01:00:00Z)",
                "hours[2025-06-01T01:00:00Z..2026-01-02T00:00:00Z)",
            ],
        ),
    ] {
        let question = window(second(from), second("2026-01-01T23:59:59Z"), sampling);
        assert_eq!(world.plan("origination-statistics", &question).await.of(), (source, pieces), "{from} {sampling}");
    }
}

/// A breakdown that sums by destination hold; its sampling is of no matter.
const COUNTRIES: &str = "day&group-by=dst-country&measures=total_calls,asr,total_price";

/// One that sums by cause hold.
const CAUSES: &str = "day&group-by=q850-cause,disconnect-code&measures=total_calls,asr,total_price";

/// One question for each projection that is read by its name.
fn served(world: &World) -> Vec<(&'static str, String)> {
    let last = FIRST + 7199;
    let long = FIRST - 90 * 86_400;
    [
        ("customer_minutes", QUALITY, FIRST, last, "minute"),
        ("customer_hours", "origination-statistics", long, last, "hour"),
        ("vendor_minutes", "termination-statistics-quality", FIRST, last, "5minutes"),
        ("vendor_hours", "termination-statistics", long, last, "day"),
        ("customer_quarter_hours", QUALITY, FIRST - 3 * 86_400, last, "15minutes"),
        ("vendor_quarter_hours", "termination-statistics-quality", FIRST - 3 * 86_400, last, "15minutes"),
        ("by_destination", "origination-statistics", FIRST - 4 * 86_400, last, "day&dst-country-id=0"),
        ("by_vendor", "termination-statistics", FIRST + 11, last, "hour&duration-gt=10"),
        ("customer_days", "origination-breakdown", FIRST - 4 * 86_400, FIRST + 86_399, COUNTRIES),
        ("vendor_days", "termination-breakdown", FIRST - 4 * 86_400, FIRST + 86_399, COUNTRIES),
        ("operator_hours", "termination-breakdown", FIRST, last, COUNTRIES),
        ("vendor_causes", "termination-breakdown", FIRST - 4 * 86_400, FIRST + 86_399, CAUSES),
    ]
    .map(|(projection, report, from, to, rest)| (projection, world.path(report, &window(from, to, rest))))
    .to_vec()
}

/// Reading by name, ClickHouse makes nothing up for a part that lacks a projection; the very next answer must be right.
#[actix_web::test]
async fn parts_that_lack_a_projection_are_noticed_at_once() {
    let world = World::new().await;
    let plain = TestApp::over(world.app.same_db(engine()), |config| {
        (config.cache.enabled, config.planner.enabled) = (false, false);
    })
    .await;
    plain.until_known(world.account, &world.token).await;
    let run = async |sql: String| world.app.admin.query_raw(&sql).execute().await.unwrap();
    let equal = async |what: &str, path: &str| {
        let (ours, theirs) = (world.app.get(path, &world.token).await, plain.get(path, &world.token).await);
        assert_eq!((ours.status, theirs.status), (200, 200), "{what}: {path}");
        assert_eq!(ours.body, theirs.body, "{what}: {path}");
    };
    let served = served(&world);
    assert_eq!(served.len(), ALL.len());
    let waiting = "SETTINGS mutations_sync = 2";
    // A second part, which has everything.
    let columns = "(id, customer_id, vendor_id, customer_acc_id, vendor_acc_id, is_last_cdr, time_start, duration)";
    run("SYSTEM STOP MERGES cdrs".into()).await;
    run(format!("INSERT INTO cdrs {columns} VALUES (1000000, 7, 7, 1, 1, 1, {}, 5)", FIRST + 9)).await;
    run("SYSTEM START MERGES cdrs".into()).await;
    for (projection, path) in &served {
        until_by_name(&world).await;
        let reply = world.app.get(&format!("{path}&debug=plan"), &world.token).await;
        let is_whole = ["by_", "operator_"].iter().any(|start| projection.starts_with(start))
            || ["_days", "_causes"].iter().any(|end| projection.ends_with(end));
        let read = if is_whole { projection } else { projection.split_once('_').unwrap().1 };
        let pieces = Plan::read(reply.header("x-cdrscope-plan")).pieces;
        assert!(pieces.iter().all(|piece| piece.starts_with(read)), "{projection}: {pieces:?}");
        run(format!("ALTER TABLE cdrs CLEAR PROJECTION {projection} IN PARTITION 202601 {waiting}")).await;
        equal("cleared", path).await;
        run(format!("ALTER TABLE cdrs MATERIALIZE PROJECTION {projection} {waiting}")).await;
        equal("filled in again", path).await;
    }
    let (_, hours) = &served[1];
    for (what, changes) in [
        (
            "detached without hours",
            vec![
                format!("ALTER TABLE cdrs CLEAR PROJECTION customer_hours IN PARTITION 202601 {waiting}"),
                "ALTER TABLE cdrs DETACH PARTITION 202601".to_owned(),
            ],
        ),
        ("attached again", vec!["ALTER TABLE cdrs ATTACH PARTITION 202601".to_owned()]),
        ("filled in", vec![format!("ALTER TABLE cdrs MATERIALIZE PROJECTION customer_hours {waiting}")]),
        (
            "deleted behind a mask",
            vec![
                "ALTER TABLE cdrs MODIFY SETTING lightweight_mutation_projection_mode = 'drop'".to_owned(),
                "DELETE FROM cdrs WHERE id % 3 = 0".to_owned(),
            ],
        ),
        ("all back", {
            let filled = ALL.map(|one| format!("ALTER TABLE cdrs MATERIALIZE PROJECTION {} {waiting}", one.name));
            [format!("ALTER TABLE cdrs APPLY DELETED MASK {waiting}")].into_iter().chain(filled).collect()
        }),
        ("gone", vec![format!("ALTER TABLE cdrs DROP PROJECTION customer_hours {waiting}")]),
        ("nothing left", vec!["TRUNCATE TABLE cdrs".to_owned()]),
    ] {
        // Where none is lacking a look notices it first, and only then is the change one that a statement meets.
        if !["attached again", "filled in", "all back", "nothing left"].contains(&what) {
            until_by_name(&world).await;
        }
        for change in changes {
            run(change).await;
        }
        equal(what, hours).await;
        for (_, path) in &served {
            equal(what, path).await;
        }
    }
}

/// Waits until projections are read by their names: looked at every second here.
async fn until_by_name(world: &World) {
    for _ in 0..100 {
        let plan = world
            .plan("termination-statistics", &format!("{}&duration-gt=10", window(FIRST, FIRST + 60, "minute")))
            .await;
        if plan.pieces[0].starts_with("by_vendor") {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    panic!("projections are not read by their names");
}

#[actix_web::test]
async fn without_the_planner_every_figure_is_read_from_the_calls() {
    let world = World::new().await;
    let plain = TestApp::over(world.app.same_db(engine()), |config| {
        (config.cache.enabled, config.planner.enabled) = (false, false);
    })
    .await;
    plain.until_known(world.account, &world.token).await;
    for report in REPORTS {
        let path = world.path(report, &format!("{}&debug=plan", window(FIRST, FIRST + 3599, "5minutes")));
        let reply = plain.get(&path, &world.token).await;
        let plan = Plan::read(reply.header("x-cdrscope-plan"));
        assert_eq!(plan.of(), ("calls", vec!["calls[2026-01-01T00:00:00Z..2026-01-01T01:00:00Z)"]), "{report}");
        assert!(plan.rows >= 36_000, "{report}: {plan:?}");
    }
}

#[actix_web::test]
async fn an_operators_own_table_is_read_from_the_calls() {
    let db = db().await;
    db.admin.query_raw(CALLS).execute().await.unwrap();
    db.admin
        .query_raw("CREATE TABLE own ENGINE = MergeTree ORDER BY time_start AS SELECT * FROM cdrs")
        .execute()
        .await
        .unwrap();
    let app = TestApp::over(db, |config| {
        config.cache.enabled = false;
        config.tables.cdrs = Value::parse("own").unwrap();
    })
    .await;
    let (account, token) = (app.account(1, 7).await, asking(&app));
    app.until_known(account, &token).await;
    let own = World { app, account, token };
    for (from, piece) in [(FIRST, "00:00:00"), (FIRST + 30, "00:00:30")] {
        let plan = own.plan(QUALITY, &window(from, FIRST + 3599, "minute")).await;
        let piece = format!("calls[2026-01-01T{piece}Z..2026-01-01T01:00:00Z)");
        assert_eq!(plan.of(), ("calls", vec![piece.as_str()]));
        assert!(plan.rows >= 35_700, "{plan:?}");
    }
}

#[actix_web::test]
async fn what_is_remembered_is_not_read_and_new_calls_are_read_from_their_parts() {
    let db = db().await;
    db.admin.query_raw(CALLS).execute().await.unwrap();
    let world = World::over(db, true).await;
    let question = window(FIRST, FIRST + 3599, "minute");
    let first = world.plan(QUALITY, &question).await;
    // What is remembered is whole chunks of time: four hours by minute.
    assert_eq!(first.of(), ("minutes", vec!["minutes[2026-01-01T00:00:00Z..2026-01-01T04:00:00Z)"]));
    assert_eq!(first.cache, "miss");
    let second = world.plan(QUALITY, &question).await;
    assert_eq!((second.of(), second.rows, second.cache.as_str()), (("none", vec![]), 0, "hit"));
    world.app.admin.query_raw("SYSTEM STOP MERGES cdrs").execute().await.unwrap();
    let late = "INSERT INTO cdrs (id, customer_id, customer_acc_id, is_last_cdr, time_start) VALUES (900000, 7, 1, 1, 1767225700)";
    world.app.admin.query_raw(late).execute().await.unwrap();
    tokio::time::sleep(std::time::Duration::from_millis(1100)).await;
    let third = world.plan(QUALITY, &question).await;
    assert_eq!(third.of(), ("minutes", vec!["minutes[2026-01-01T00:00:00Z..2026-01-01T04:00:00Z)+1"]));
    // The new call, and the list of the table's two parts.
    assert_eq!((third.rows, third.cache.as_str()), (1 + 2, "partial"));
}

#[actix_web::test]
async fn neither_body_nor_etag_depend_on_it_and_a_304_has_it_too() {
    let world = World::new().await;
    let question = window(FIRST + 30, FIRST + 3599, "minute");
    for report in REPORTS {
        let (plain, asked) =
            (world.ask(report, &question).await, world.ask(report, &format!("{question}&debug=plan")).await);
        assert_eq!((plain.status, &plain.body, plain.header("etag")), (200, &asked.body, asked.header("etag")));
        assert_eq!(plain.header("x-cdrscope-plan"), "");
        let again = world.app.request("GET", &world.path(report, &format!("debug=plan&{question}")));
        let again =
            send(again.header("Authorization", &world.token).header("If-None-Match", asked.header("etag"))).await;
        assert_eq!((again.status, again.header("x-cdrscope-plan")), (304, asked.header("x-cdrscope-plan")));
    }
    let future = world.ask(QUALITY, "from-time=2100-01-01&sampling=minute&debug=plan").await;
    assert_eq!((future.status, future.body.as_str()), (200, "[]"));
    assert_eq!(Plan::read(future.header("x-cdrscope-plan")).of(), ("none", vec![]));
}

#[actix_web::test]
async fn for_a_token_that_may_not_it_is_a_parameter_that_nobody_knows() {
    let world = World::new().await;
    let question = window(FIRST, FIRST + 3599, "minute");
    let grant = world.app.token(7, &[]);
    crate::support::insert(&world.app.admin, "api_access", r#"{"id":5,"customer_id":7}"#).await;
    let row = world.app.sign(&Issue::Access(5), 600);
    let path = world.path(QUALITY, &question);
    while world.app.get(&path, &row).await.status == 401 {
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    for token in [&grant, &row] {
        for (name, rest) in
            [("debug", "debug=plan"), ("debug", "debug=x"), ("debug", "debug"), ("debug[]", "debug[]=plan")]
        {
            for report in REPORTS {
                let reply = world.app.get(&world.path(report, &format!("{question}&{rest}")), token).await;
                let body = format!(r#"{{"error":"unknown param {name}"}}"#);
                assert_eq!((reply.status, &reply.body), (400, &body), "{report} {rest}");
                assert_eq!(reply.header("x-cdrscope-plan"), "");
            }
        }
    }
    // A report that has no planner knows it from nobody.
    for report in ["origination-active-calls", "termination-active-calls"] {
        let reply = world.ask(report, &format!("from-time={FIRST}&to-time={FIRST}&debug=plan")).await;
        assert_eq!((reply.status, reply.body.as_str()), (400, r#"{"error":"unknown param debug"}"#), "{report}");
    }
    // Where unknown parameters are ignored, it is ignored.
    let lax = TestApp::over(world.app.same_db(engine()), |config| {
        config.api.unknown_params = Value::parse("ignore").unwrap();
    })
    .await;
    lax.until_known(world.account, &grant).await;
    let reply = lax.get(&world.path(QUALITY, &format!("{question}&debug=plan")), &grant).await;
    assert_eq!((reply.status, reply.header("x-cdrscope-plan")), (200, ""));
}

#[actix_web::test]
async fn for_a_token_that_may_its_value_is_checked_behind_all_others() {
    let world = World::new().await;
    let question = window(FIRST, FIRST + 3599, "minute");
    for (rest, error) in [
        (format!("{question}&debug=x"), "invalid value debug"),
        (format!("{question}&debug="), "invalid value debug"),
        (format!("{question}&debug=PLAN"), "invalid value debug"),
        (format!("{question}&debug[]=plan"), "param debug can't be an array"),
        (format!("{question}&debug=x&t-unit=h"), "invalid value t-unit"),
        (format!("{question}&debug=x&colour=red"), "invalid value debug"),
        (format!("{question}&debug=plan&colour=red"), "unknown param colour"),
        ("sampling=minute&debug=x".to_owned(), "missing required param(s) from-time"),
    ] {
        let reply = world.ask(QUALITY, &rest).await;
        assert_eq!((reply.status, reply.body), (400, format!(r#"{{"error":"{error}"}}"#)), "{rest}");
    }
}

#[actix_web::test]
async fn a_renewed_cookie_keeps_the_permission_and_gives_it_to_nobody_else() {
    let world = World::new().await;
    let path = world.path(QUALITY, &format!("{}&debug=plan", window(FIRST, FIRST + 3599, "minute")));
    for (token, status) in [(world.token.clone(), 200), (world.app.token(7, &[]), 400)] {
        let mut cookie = format!("_yeti_customer_v1_session={token}");
        for _ in 0..2 {
            let reply = send(world.app.request("GET", &path).header("Cookie", &cookie)).await;
            assert_eq!(reply.status, status, "{}", reply.body);
            cookie = reply.header("set-cookie").split(';').next().unwrap().to_owned();
        }
    }
}
