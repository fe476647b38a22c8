//! Annotations, against what was planted in the made-up world, and the forms in which plugins ask for them.

use cdrscope::demo::{self, Incident, Kind, Options, accounts, country_name};
use serde_json::{Value, json};

use super::{FIRST, World, body, target};
use crate::support::http::send;
use crate::support::{TestApp, db};

const DAY: u32 = 86_400;
const BUCKET: i64 = 900;

/// An incident as an answer has it: begin, end, title, text.
type Mark = (i64, i64, String, String);

async fn marks(app: &TestApp, token: &str, from: i64, to: i64) -> Vec<Mark> {
    let mut request = body(target("incidents", json!({})));
    request["range"] = json!({ "from": from * 1000, "to": to * 1000 });
    let reply =
        send(app.request("POST", "/grafana/query").header("Authorization", token).body(request.to_string())).await;
    assert_eq!(reply.status, 200, "{}", reply.body);
    let answer = reply.json();
    let Some(fields) = answer[0]["fields"].as_array() else { return Vec::new() };
    let names: Vec<&str> = fields.iter().map(|field| field["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["time", "timeEnd", "title", "text", "tags"]);
    let cell = |column: usize, row: usize| fields[column]["values"][row].clone();
    let time = |column, row| cell(column, row).as_i64().unwrap() / 1000;
    let text = |column, row| cell(column, row).as_str().unwrap().to_owned();
    let rows = fields[0]["values"].as_array().unwrap().len();
    (0..rows).map(|row| (time(0, row), time(1, row), text(2, row), text(3, row))).collect()
}

/// Whether a mark is what the incident looks like to one of the accounts.
fn is_of(mark: &Mark, incident: &Incident, accounts: &[demo::DemoAccount]) -> bool {
    let overlap = mark.0 < i64::from(incident.end) && i64::from(incident.start) < mark.1;
    let title = |account: &demo::DemoAccount| match incident.kind {
        Kind::DestinationFails { country_id, .. } => {
            format!("ASR collapse: {}, {}", account.name, country_name(country_id).unwrap())
        }
        Kind::AccountSilent { account_id } if account_id == account.id => format!("Traffic stop: {}", account.name),
        Kind::AccountSilent { .. } => String::new(),
    };
    overlap && accounts.iter().any(|account| mark.2 == title(account))
}

fn is_within_a_bucket(mark: &Mark, incident: &Incident) -> bool {
    (mark.0 - i64::from(incident.start)).abs() <= BUCKET && (mark.1 - i64::from(incident.end)).abs() <= BUCKET
}

#[actix_web::test]
async fn what_was_planted_is_found_within_a_bucket_and_nothing_else_is() {
    // Few accounts, so that each has enough calls to the destinations that fail.
    let options = Options { calls: 900_000, to: Options::default().from + 9 * DAY, accounts: 4, ..Options::default() };
    let db = db().await;
    demo::fill(&db.admin, &options, |_| ()).await.unwrap();
    // The engine is busy with so many calls: accounts need not be as fresh as in other tests.
    let app = TestApp::over(db, |config| config.accounts.refresh_seconds = 10).await;
    let (all, planted) = (accounts(4), demo::incidents(&options));
    app.until_known(all[0].uuid, &app.token(1, &[])).await;
    // From the third day on there is a usual to compare with: a whole week, every account and every country.
    let (from, to) = (i64::from(options.from + 2 * DAY), i64::from(options.to));
    let mut found = marks(&app, &app.token(1, &[]), from, to).await;
    found.extend(marks(&app, &app.token(2, &[]), from, to).await);
    for incident in &planted {
        let seen: Vec<&Mark> = found.iter().filter(|mark| is_of(mark, incident, &all)).collect();
        // Accounts with few calls may see its end late, by chance; all see its beginning.
        assert!(seen.iter().any(|mark| is_within_a_bucket(mark, incident)), "{incident:?}: {found:#?}");
        assert!(
            seen.iter().all(|mark| (mark.0 - i64::from(incident.start)).abs() <= BUCKET),
            "{incident:?}: {found:#?}"
        );
    }
    let other = |mark: &&Mark| !planted.iter().any(|incident| is_of(mark, incident, &all));
    println!("{} marks of {} incidents", found.len(), planted.len());
    assert_eq!(found.iter().filter(other).collect::<Vec<_>>(), Vec::<&Mark>::new(), "false alarms");
}

/// Account 1, also as a vendor: 40 calls in every quarter of an hour of nine days, half of them answered, all to country 48;
/// from 00:30 to 01:30 of the last day only a tenth is. Account 2: 12 calls, and none from 00:15 to 01:00.
async fn planted(world: &World) {
    let calls = |account: u32, calls: u32, answered: &str, gone: &str| {
        format!(
            "INSERT INTO cdrs (id, customer_id, customer_acc_id, vendor_id, vendor_acc_id, is_last_cdr, time_start, duration, \
             dst_country_id, dst_prefix_routing) SELECT {account} * 1000000 + number, 7, {account}, 7, {account}, 1, \
             toDateTime({start} + intDiv(number, {calls}) * 900 + number % {calls}) AS t, {answered} * 60, 48, '48' \
             FROM numbers(9 * 96 * {calls}) WHERE NOT ({gone})",
            start = FIRST - 8 * i64::from(DAY),
        )
    };
    let between = |from: i64, to: i64| format!("t >= toDateTime({}) AND t < toDateTime({})", FIRST + from, FIRST + to);
    let failing = format!("if({}, number % 10 = 1, number % 2)", between(1800, 5400));
    for sql in
        ["TRUNCATE TABLE cdrs".to_owned(), calls(1, 40, &failing, "0"), calls(2, 12, "number % 2", &between(900, 3600))]
    {
        world.app.admin.query_raw(&sql).execute().await.unwrap_or_else(|e| panic!("{sql}: {e}"));
    }
}

fn at(seconds: i64) -> i64 {
    (FIRST + seconds) * 1000
}

#[actix_web::test]
async fn annotations_are_frames_for_the_newer_plugins_and_objects_for_the_older_ones() {
    let mut world = World::with(|config| config.cache.fresh_seconds = 0).await;
    world.token = world.app.debug_token(7);
    planted(&world).await;
    let collapse = "ASR 10.0 % of 160 calls, usual 50.0 %";
    let title = "ASR collapse: A.B (C), wholesale";
    let wanted = json!([
        [at(900), at(3600), "Traffic stop: Branch", "no calls, usual 36 in this time", ["traffic", "Branch"]],
        [at(1800), at(5400), title, collapse, ["asr", "A.B (C), wholesale"]],
        [at(1800), at(5400), format!("{title}, 48"), collapse, ["asr", "A.B (C), wholesale", "48"]],
    ]);
    // Twice, the second time from memory.
    for cache in ["miss", "hit"] {
        let frame = &world.query(target("incidents", json!({}))).await[0];
        let fields = frame["fields"].as_array().unwrap();
        let told: Vec<(&str, &str)> =
            fields.iter().map(|field| (field["name"].as_str().unwrap(), field["type"].as_str().unwrap())).collect();
        let types = ["time", "time", "string", "string", "other"];
        assert_eq!(told, ["time", "timeEnd", "title", "text", "tags"].into_iter().zip(types).collect::<Vec<_>>());
        for (row, wanted) in wanted.as_array().unwrap().iter().enumerate() {
            let shown: Value = fields.iter().map(|field| field["values"][row].clone()).collect();
            assert_eq!(&shown, wanted);
        }
        assert_eq!((fields[0]["values"].as_array().map(Vec::len), &frame["refId"]), (Some(3), &json!("A")));
        assert_eq!(frame["meta"]["custom"]["cache"], cache);
    }
    let rows = |objects: &Value| -> Value {
        let cells = ["time", "timeEnd", "title", "text", "tags"];
        objects
            .as_array()
            .unwrap()
            .iter()
            .map(|one| cells.iter().map(|cell| one[*cell].clone()).collect::<Value>())
            .collect()
    };
    let range = &body(json!({}))["range"];
    for query in ["", "incidents", "{}", "{\"target\": \"incidents\"}"] {
        let annotation = json!({ "name": "Incidents", "datasource": "cdrscope", "enable": true, "query": query });
        let objects = world.post("/annotations", &json!({ "range": range, "annotation": annotation })).await.json();
        assert_eq!(rows(&objects), wanted, "{query}");
        assert_eq!(objects[0]["annotation"], annotation);
    }
    let one = json!({ "range": range, "annotation": { "query": "{\"account\": \"Branch\"}" } });
    assert_eq!(rows(&world.post("/annotations", &one).await.json()), json!([wanted[0]]));
    let attempts = world.query(target("termination_incidents", json!({ "account": 1 }))).await;
    assert_eq!(attempts[0]["fields"][3]["values"][0], "ASR 10.0 % of 160 attempts, usual 50.0 %");
    assert_eq!(world.query(target("incidents", json!({ "countries": 1 }))).await, json!([]), "no such calls");
}

#[actix_web::test]
async fn what_cannot_be_judged_yet_is_not_and_what_cannot_be_looked_for_is_refused() {
    let world = World::new().await;
    let ask = async |range: Value, query: &str| {
        let reply = world.post("/annotations", &json!({ "range": range, "annotation": { "query": query } })).await;
        (reply.status, reply.json())
    };
    let (status, refusal) = ask(json!({ "from": at(0), "to": at(32 * i64::from(DAY)) }), "").await;
    assert_eq!(
        (status, refusal["message"].as_str()),
        (400, Some("incidents are looked for in at most 31 days: take a shorter time range"))
    );
    assert_eq!(ask(json!({ "from": at(0), "to": at(31 * i64::from(DAY)) }), "").await.0, 200);
    assert_eq!(ask(json!({ "from": at(10), "to": at(0) }), "").await.0, 400);
    assert_eq!(ask(Value::Null, "").await.1["message"], "the request has no range");
    let (status, refusal) = ask(body(json!({}))["range"].clone(), "total_calls").await;
    assert!(status == 400 && refusal["message"].as_str().unwrap().contains("total_calls"), "{refusal}");
    let foreign = json!({ "account": world.foreign }).to_string();
    assert_eq!(ask(body(json!({}))["range"].clone(), &foreign).await.0, 400);

    // Calls of the present fail: their answered sisters may not have ended. An hour ago none came at all.
    let now = time::OffsetDateTime::now_utc().unix_timestamp();
    let bucket = now / BUCKET * BUCKET;
    let sql = format!(
        "INSERT INTO cdrs (id, customer_id, customer_acc_id, is_last_cdr, time_start, duration) SELECT 5000000 + number, 7, 1, 1, \
         toDateTime({bucket} - 8 * 86400 + intDiv(number, 40) * 900 + number % 40) AS t, if(t >= toDateTime({bucket} - 900), 0, 60) \
         FROM numbers(769 * 40) WHERE NOT (t >= toDateTime({bucket} - 4500) AND t < toDateTime({bucket} - 1800))"
    );
    world.app.admin.query_raw("TRUNCATE TABLE cdrs").execute().await.unwrap();
    world.app.admin.query_raw(&sql).execute().await.unwrap();
    let found = marks(&world.app, &world.token, now - 3 * 3600, now).await;
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(
        (found[0].0, found[0].1, found[0].2.as_str()),
        (bucket - 4500, bucket - 1800, "Traffic stop: A.B (C), wholesale")
    );
}

#[actix_web::test]
async fn what_is_not_over_is_said_so() {
    let world = World::new().await;
    planted(&world).await;
    let found = marks(&world.app, &world.token, FIRST, FIRST + 3599).await;
    let texts: Vec<&str> = found.iter().map(|mark| mark.3.as_str()).collect();
    let collapse = "ASR 10.0 % of 80 calls, usual 50.0 %, not over yet";
    assert_eq!(texts, ["no calls, usual 36 in this time, not over yet", collapse, collapse]);
}
