//! NER and post-dial delay, against figures worked out here from the same calls.

use cdrscope::config::Config;
use serde_json::{Value, json};

use super::{FIRST, World, body, numbers, target};
use crate::random::Rng;
use crate::support::{TestApp, engine, insert};

/// A call of account 1, as a vendor's attempt too.
#[derive(Clone, Debug)]
struct Call {
    t: i64,
    duration: u32,
    q850: Option<u16>,
    sip: u16,
    pdd: Option<f32>,
    last: bool,
}

impl Call {
    fn random(rng: &mut Rng) -> Self {
        let pdd =
            [None, Some(0.0), Some(0.005), Some(1.25), Some(1.254), Some(2.0), Some(2.5), Some(17.0), Some(300.0)];
        Self {
            t: FIRST + rng.between(0, 7199),
            duration: rng.pick(&[0, 0, 0, 60]),
            q850: rng.pick(&[None, Some(0), Some(16), Some(17), Some(21), Some(34), Some(1)]),
            sip: rng.pick(&[200, 480, 486, 404, 408, 487, 503, 603]),
            pdd: rng.pick(&pdd),
            last: rng.percent(80),
        }
    }

    /// As the table of release causes has it.
    fn is_effective(&self) -> bool {
        let rang = self.pdd.is_some_and(|pdd| pdd > 0.0);
        self.duration > 0
            || match self.q850 {
                Some(16) => rang,
                Some(cause) if cause > 0 => (17..=21).contains(&cause),
                _ => [480, 486, 600, 603].contains(&self.sip) || (rang && [408, 487].contains(&self.sip)),
            }
    }

    fn line(&self, id: usize) -> String {
        let Self { t, duration, q850, sip, pdd, last } = self;
        // What the customer was told is the vendor's answer, unless the vendor gave none.
        json!({
            "id": id, "customer_id": 7, "customer_acc_id": 1, "vendor_id": 7, "vendor_acc_id": 1, "time_start": t,
            "duration": duration, "is_last_cdr": last, "lega_q850_cause": q850, "legb_q850_cause": q850,
            "lega_disconnect_code": sip, "legb_disconnect_code": sip, "pdd": pdd,
        })
        .to_string()
            + "\n"
    }
}

/// Of all, the share that is effective, in percent, and the percentiles of the delays.
fn figures(calls: &[&Call]) -> [Value; 3] {
    let effective = calls.iter().filter(|call| call.is_effective()).count();
    let ner = match calls.len() {
        0 => Value::Null,
        all => json!((effective as f64 * 10_000.0 / all as f64 + 1e-9).round() / 100.0),
    };
    let mut delays: Vec<f64> =
        calls.iter().filter_map(|call| call.pdd).filter(|pdd| *pdd > 0.0).map(f64::from).collect();
    delays.sort_unstable_by(f64::total_cmp);
    let percentile = |percent: usize| match delays.len() {
        0 => Value::Null,
        all => json!((delays[(all * percent).div_ceil(100) - 1].min(60.0) * 100.0 + 1e-9).round() / 100.0),
    };
    [ner, percentile(50), percentile(95)]
}

const METRICS: [&str; 3] = ["ner", "pdd_p50", "pdd_p95"];

async fn post(app: &TestApp, token: &str, metric: &str, payload: Value) -> Value {
    let request = app.request("POST", "/grafana/query").header("Authorization", token);
    let reply = crate::support::http::send(request.body(body(target(metric, payload)).to_string())).await;
    assert_eq!(reply.status, 200, "{metric}: {}", reply.body);
    reply.json()
}

fn same(shown: &Value, wanted: &Value) -> bool {
    match (shown.as_f64(), wanted.as_f64()) {
        (Some(shown), Some(wanted)) => (shown - wanted).abs() < 1e-9,
        (shown, wanted) => shown == wanted,
    }
}

/// Compares every bucket and the whole with what follows from the calls.
async fn compare(app: &TestApp, token: &str, calls: &[Call]) {
    for (side, attempts) in [("", false), ("termination_", true)] {
        let counted: Vec<&Call> = calls.iter().filter(|call| attempts || call.last).collect();
        for (place, metric) in METRICS.iter().enumerate() {
            let metric = format!("{side}{metric}");
            for (sampling, step) in [("minute", 60), ("15minutes", 900), ("hour", 3600)] {
                let answer = post(app, token, &metric, json!({ "account": 1, "sampling": sampling })).await;
                let shown = numbers(&answer).as_array().unwrap();
                assert_eq!(shown.len() as i64, 7200 / step, "{metric} {sampling}");
                for (bucket, shown) in (0..).zip(shown) {
                    let within = |call: &&&Call| (call.t - FIRST).div_euclid(step) == bucket;
                    let bucket: Vec<&Call> = counted.iter().filter(within).copied().collect();
                    let wanted = &figures(&bucket)[place];
                    assert!(same(shown, wanted), "{metric} {sampling}: {shown}, not {wanted}: {bucket:?}");
                }
            }
            let total = post(app, token, &metric, json!({ "account": 1, "reduce": "total" })).await;
            let wanted = &figures(&counted)[place];
            assert!(same(&numbers(&total)[0], wanted), "{metric}: {total}, not {wanted}");
        }
    }
}

async fn emptied(change: impl FnOnce(&mut Config)) -> World {
    let world = World::with(change).await;
    world.app.admin.query_raw("TRUNCATE TABLE cdrs").execute().await.unwrap();
    world
}

#[actix_web::test]
async fn effective_calls_and_delays_are_those_of_the_calls_with_and_without_memory() {
    let world = emptied(|config| config.cache.fresh_seconds = 0).await;
    let forgets = TestApp::over(world.app.same_db(engine()), |config| config.cache.enabled = false).await;
    let mut rng = Rng::new(7);
    let mut calls: Vec<Call> = Vec::new();
    // What was read is added to, from the new rows alone.
    for count in [150, 1, 60] {
        let more: Vec<Call> = (0..count).map(|_| Call::random(&mut rng)).collect();
        let first = calls.len();
        let lines: String = more.iter().enumerate().map(|(i, call)| call.line(first + i)).collect();
        insert(&world.app.admin, "cdrs", &lines).await;
        calls.extend(more);
        compare(&world.app, &world.token, &calls).await;
        compare(&forgets, &world.token, &calls).await;
    }
}

#[actix_web::test]
async fn which_ends_are_effective_can_be_configured() {
    let world = emptied(|config| {
        config.reports.ner_q850 = vec![34];
        config.reports.ner_q850_rang = Vec::new();
        config.reports.ner_sip = Vec::new();
        config.reports.ner_sip_rang = vec![503];
    })
    .await;
    let call = |t: i64, q850, sip, pdd| Call { t: FIRST + t * 60, duration: 0, q850, sip, pdd, last: true };
    let calls = [
        call(0, Some(34), 404, None),
        call(1, Some(17), 503, Some(1.0)),
        call(2, None, 503, Some(1.0)),
        call(3, None, 503, None),
        call(4, None, 486, Some(1.0)),
        Call { duration: 1, ..call(5, Some(17), 404, None) },
    ];
    let lines: String = calls.iter().enumerate().map(|(i, call)| call.line(i)).collect();
    insert(&world.app.admin, "cdrs", &lines).await;
    let answer = world.query(target("ner", json!({ "account": 1 }))).await;
    assert_eq!(
        numbers(&answer).as_array().unwrap()[..7],
        [100, 0, 100, 0, 0, 100].map(Value::from).into_iter().chain([Value::Null]).collect::<Vec<_>>()
    );
    assert_eq!(answer[0]["fields"][1]["config"]["unit"], "percent");
    let delay = world.query(target("pdd_p95", json!({ "account": 1 }))).await;
    assert_eq!(delay[0]["fields"][1]["config"]["unit"], "s");
}

#[actix_web::test]
async fn delays_of_several_accounts_are_put_together_before_the_percentile_is_taken() {
    let world = emptied(|_| ()).await;
    let line = |id: i64, account: u32, pdd: f32| {
        let call = json!({ "id": id, "customer_id": 7, "customer_acc_id": account, "is_last_cdr": 1, "time_start": FIRST + id, "pdd": pdd });
        format!("{call}\n")
    };
    let lines: String = [(1, 1.0), (1, 1.0), (1, 1.0), (2, 9.0), (2, 9.0)]
        .iter()
        .enumerate()
        .map(|(i, (account, pdd))| line(i as i64, *account, *pdd))
        .collect();
    insert(&world.app.admin, "cdrs", &lines).await;
    let each = world.query(target("pdd_p50", json!({ "account": [1, 2], "reduce": "total" }))).await;
    assert_eq!((numbers(&each), &each[1]["fields"][1]["values"]), (&json!([1]), &json!([9])));
    let together = world.query(target("pdd_p50", json!({ "reduce": "total" }))).await;
    assert_eq!(numbers(&together), &json!([1]), "not the mean of 1 and 9");
}

#[actix_web::test]
async fn a_table_without_the_columns_refuses_these_metrics_by_name_and_no_other() {
    let db = crate::support::db().await;
    for sql in [
        "CREATE TABLE own AS cdrs",
        "ALTER TABLE own DROP PROJECTION vendor_calls, DROP PROJECTION by_destination, DROP PROJECTION operator_hours, \
         DROP PROJECTION vendor_days, DROP PROJECTION customer_days, DROP PROJECTION vendor_causes",
        "ALTER TABLE own DROP COLUMN pdd, DROP COLUMN legb_q850_cause, DROP COLUMN dst_country_id, \
         DROP COLUMN lega_q850_cause, ADD COLUMN lega_q850_cause String",
    ] {
        db.admin.query_raw(sql).execute().await.unwrap_or_else(|e| panic!("{sql}: {e}"));
    }
    let own = |config: &mut Config| config.tables.cdrs = cdrscope::config::value::Value::parse("own").unwrap();
    let app = TestApp::over(db, own).await;
    let account = app.account(1, 7).await;
    let token = app.token(7, &[]);
    app.until_known(account, &token).await;
    let ask = async |app: &TestApp, metric: &str| {
        let request = app.request("POST", "/grafana/query").header("Authorization", &token);
        let reply = crate::support::http::send(request.body(body(target(metric, json!({}))).to_string())).await;
        (reply.status, reply.body)
    };
    for (metric, column) in [
        ("ner", "lega_q850_cause"),
        ("termination_ner", "legb_q850_cause"),
        ("pdd_p50", "pdd"),
        ("termination_pdd_p95", "pdd"),
        ("top_destinations", "dst_country_id"),
    ] {
        let (status, text) = ask(&app, metric).await;
        assert_eq!(status, 400, "{metric}: {text}");
        assert!(text.contains(&format!("{metric} needs the column {column}")) && text.contains("own"), "{text}");
    }
    for metric in ["asr", "total_calls", "price", "active_calls"] {
        assert_eq!(ask(&app, metric).await.0, 200, "{metric}");
    }
    // Without pdd no call is known to have rung, so NER can do without it where ringing does not matter.
    let expression = "lega_q850_cause = toInt16OrZero(lega_q850_cause)";
    let theirs = TestApp::over(app.same_db(engine()), |config| {
        own(config);
        config.tables.cdrs_columns = cdrscope::config::value::Value::parse(expression).unwrap();
        (config.reports.ner_q850_rang, config.reports.ner_sip_rang) = (Vec::new(), Vec::new());
    })
    .await;
    theirs.until_known(account, &token).await;
    assert_eq!(ask(&theirs, "ner").await.0, 200);
}
