//! The calls that are up now (contract 1, Active calls, outgoing).

use cdrscope::config::TableName;
use cdrscope::config::value::Value as _;
use serde_json::{Value, json};
use time::OffsetDateTime;

use super::{CONCURRENCY, OUTGOING, Session, encode, world_with};

fn now() -> i64 {
    OffsetDateTime::now_utc().unix_timestamp()
}

/// Calls of one snapshot, a few seconds old; the n-th is named n.
async fn snapshot(session: &Session, calls: &[Value]) {
    let at = now() - 5;
    let row = |(n, call): (usize, &Value)| {
        let mut row =
            json!({ "snapshot_timestamp": at, "start_time": at - 10 - n as i64, "src_name_in": n.to_string() });
        row.as_object_mut().unwrap().extend(call.as_object().unwrap().clone());
        row
    };
    session.live(calls.iter().enumerate().map(row)).await;
}

/// Names of the calls that match, in the order of the answer.
async fn names(session: &Session, filter: &str) -> Vec<String> {
    let answer = session.json(OUTGOING, filter).await;
    let rows = answer["data"].as_array().unwrap();
    assert_eq!(answer["rows"], rows.len());
    rows.iter().map(|row| row["src_name_in"].as_str().unwrap().to_owned()).collect()
}

#[actix_web::test]
async fn a_live_call_has_all_its_columns_and_the_answer_no_totals() {
    let session = Session::new();
    assert_eq!(session.ask(OUTGOING, "").await.body, r#"{"data":[],"rows":0}"#);
    let at = (now() / 60) * 60;
    let time = |t: i64| {
        OffsetDateTime::from_unix_timestamp(t).unwrap().format(&time::format_description::well_known::Rfc3339).unwrap()
    };
    session
        .live([json!({
            "snapshot_timestamp": at, "start_time": at - 20, "connect_time": at - 10, "src_name_in": "a\"b\\c\td\u{1}Ж",
            "destination_prefix": "44", "destination_initial_interval": 60, "destination_initial_rate": 0.1, "destination_fee": 2,
            "src_prefix_in": "1", "dst_prefix_in": "2", "src_prefix_routing": "3", "dst_prefix_routing": "4", "from_domain": "f", "to_domain": "t",
            "ruri_domain": "r", "diversion_in": "d", "pai_in": "pa", "ppi_in": "pp", "privacy_in": "pr", "rpid_in": "rp", "rpid_privacy_in": "rpp",
            "auth_orig_transport_protocol_id": 2, "auth_orig_ip": "192.0.2.1", "auth_orig_port": 65_535
        })])
        .await;
    let body = format!(
        r#"{{"data":[{{"snapshot_timestamp":"{}","start_time":"{}","connect_time":"{}","destination_prefix":"44","destination_initial_interval":60,"destination_initial_rate":0.1,"destination_next_interval":0,"destination_next_rate":null,"destination_fee":2,"src_name_in":"a\"b\\c\td\u0001Ж","src_prefix_in":"1","dst_prefix_in":"2","src_prefix_routing":"3","dst_prefix_routing":"4","from_domain":"f","to_domain":"t","ruri_domain":"r","diversion_in":"d","pai_in":"pa","ppi_in":"pp","privacy_in":"pr","rpid_in":"rp","rpid_privacy_in":"rpp","auth_orig_transport_protocol_id":2,"auth_orig_ip":"192.0.2.1","auth_orig_port":65535}}],"rows":1}}"#,
        time(at),
        time(at - 20),
        time(at - 10)
    );
    assert_eq!(session.ask(OUTGOING, "").await.body, body);
}

#[actix_web::test]
async fn the_newest_start_comes_first_then_the_lower_id_and_no_start_last() {
    let session = Session::new();
    let start = now() - 100;
    let starting = |seconds: Option<i64>| json!({ "start_time": seconds.map(|s| start + s) });
    snapshot(&session, &[starting(Some(1)), starting(None), starting(Some(3)), starting(Some(2)), starting(Some(3))])
        .await;
    assert_eq!(names(&session, "").await, ["2", "4", "3", "0", "1"]);
}

#[actix_web::test]
async fn only_each_nodes_latest_snapshot_counts_whoevers_calls_it_holds() {
    let session = Session::new();
    let (at, other) = (now() - 5, session.account + 10_000);
    let call = |name: &str, node: u32, seconds: i64| json!({ "snapshot_timestamp": at - seconds, "start_time": at - 60, "src_name_in": name, "node_id": node });
    session.live([call("old", session.account, 60), call("new", session.account, 0), call("other", other, 30)]).await;
    let mut found = names(&session, "").await;
    found.sort();
    assert_eq!(found, ["new", "other"]);
    // The other node's next snapshot holds a stranger's call only: ours is over.
    let mut stranger = call("stranger", other, 10);
    stranger
        .as_object_mut()
        .unwrap()
        .extend(json!({ "customer_acc_id": 999_999, "customer_id": 8 }).as_object().unwrap().clone());
    session.live([stranger]).await;
    assert_eq!(names(&session, "").await, ["new"]);
}

#[actix_web::test]
async fn nodes_silent_for_over_three_periods_are_left_out() {
    let session = Session::new();
    let call = |name: &str, node: u32, seconds: i64| json!({ "snapshot_timestamp": now() - seconds, "start_time": now() - 500, "src_name_in": name, "node_id": node });
    let node = session.account;
    session
        .live([
            call("a", node, 20),
            call("b", node + 10_000, 150),
            call("c", node + 20_000, 190),
            call("d", node + 30_000, 7200),
        ])
        .await;
    let mut found = names(&session, "").await;
    found.sort();
    assert_eq!(found, ["a", "b"]);
    let app = world_with(|config| config.active_calls.period_seconds = 15).await;
    assert_eq!(names(&session.moved(&app), "").await, ["a"]);
}

#[actix_web::test]
async fn buffered_rows_are_not_live() {
    let session = Session::new();
    snapshot(&session, &[json!({}), json!({ "buffered": 1 })]).await;
    assert_eq!(names(&session, "").await, ["0"]);
}

#[actix_web::test]
async fn the_transport_protocol_is_found_under_either_of_its_names() {
    let session = Session::new();
    snapshot(
        &session,
        &[json!({ "auth_orig_protocol_id": 1 }), json!({ "auth_orig_transport_protocol_id": 2 }), json!({})],
    )
    .await;
    assert_eq!(names(&session, "auth-orig-transport-protocol-id=1").await, ["0"]);
    assert_eq!(names(&session, "auth-orig-transport-protocol-id=2").await, ["1"]);
    let answer = session.json(OUTGOING, "").await;
    let ids: Vec<_> =
        answer["data"].as_array().unwrap().iter().map(|row| row["auth_orig_transport_protocol_id"].clone()).collect();
    assert_eq!(ids, [1, 2, 0]);
    for value in ["", "128", "-129", "1.0", "1,2", "x"] {
        let error = "invalid value auth-orig-transport-protocol-id";
        session.refused(OUTGOING, &format!("auth-orig-transport-protocol-id={value}"), error).await;
    }
}

#[actix_web::test]
async fn connect_time_is_null_or_not_by_the_flags_many_spellings() {
    let session = Session::new();
    snapshot(&session, &[json!({}), json!({ "connect_time": now() - 8 })]).await;
    for value in ["1", "t", "true", "TRUE", "on", "yes", "no", "null", "False", "00", "%20"] {
        assert_eq!(names(&session, &format!("connect-time-null={value}")).await, ["0"], "{value}");
    }
    for value in ["0", "f", "F", "false", "FALSE", "off", "OFF", ""] {
        assert_eq!(names(&session, &format!("connect-time-null={value}")).await, ["1"], "{value}");
    }
    assert_eq!(names(&session, "connect-time-null").await, ["1"]);
}

/// Senders write a time that is not there as a date of zeros, which ClickHouse stores as the epoch.
#[actix_web::test]
async fn a_zero_date_of_a_live_call_is_no_time() {
    let session = Session::new();
    let zeros =
        ["0000-00-00 00:00:00", "1970-01-01 00:00:00"].map(Value::from).into_iter().chain([json!(0), json!(null)]);
    let calls: Vec<Value> = zeros.map(|zero| json!({ "connect_time": zero, "start_time": zero })).collect();
    snapshot(&session, &[&calls[..], &[json!({ "connect_time": now() - 8 })]].concat()).await;
    assert_eq!(names(&session, "connect-time-null=true").await, ["0", "1", "2", "3"]);
    assert_eq!(names(&session, "connect-time-null=false").await, ["4"]);
    // A call without a start comes last.
    assert_eq!(names(&session, "").await, ["4", "0", "1", "2", "3"]);
    let answer = session.json(OUTGOING, "connect-time-null=true").await;
    for row in answer["data"].as_array().unwrap() {
        assert_eq!((&row["start_time"], &row["connect_time"]), (&json!(null), &json!(null)));
    }
    // It rings, so it lasts 0 seconds; not since 1970.
    let at = now() - 300;
    let calls = |path: &str| format!("from-time={}&to-time={}&{path}", at - 60, now());
    let peak = async |filter: &str| {
        let answer = session.json(CONCURRENCY[0], &calls(filter)).await;
        answer["data"]["calls"].as_array().unwrap().iter().filter_map(Value::as_u64).max()
    };
    assert_eq!(peak("duration-eq=0").await, Some(4));
    assert_eq!(peak("duration-gt=0").await, Some(1));
}

#[actix_web::test]
async fn live_calls_are_filtered_by_port_address_and_text() {
    let session = Session::new();
    let odd = "a\\b'c\td\n%Ж,+";
    snapshot(
        &session,
        &[
            json!({ "auth_orig_port": 5060, "auth_orig_ip": "192.0.2.1", "src_prefix_in": odd, "dst_prefix_routing": "44" }),
            json!({ "auth_orig_port": 5061, "auth_orig_ip": "2001:db8::1", "dst_prefix_in": odd, "src_prefix_routing": "44" }),
        ],
    )
    .await;
    let (value, shouted) = (encode(odd), encode("B'C\tD\n%Ж"));
    for (filter, found) in [
        ("auth-orig-port=5060".to_owned(), "0"),
        ("auth-orig-ip=2001:DB8:0::1".into(), "1"),
        ("dst-prefix-routing-starts-with=4".into(), "0"),
        ("src-prefix-routing-eq=44".into(), "1"),
        ("src-name-in-eq=1".into(), "1"),
        ("src-name-in-in=0,7".into(), "0"),
        ("src-name-in-not-eq=0".into(), "1"),
        (format!("src-prefix-in-eq={value}"), "0"),
        (format!("src-prefix-in-ends-with={}", encode("%Ж,+")), "0"),
        (format!("src-prefix-in-contains={shouted}"), "0"),
        (format!("dst-prefix-in-eq={value}"), "1"),
        (format!("dst-prefix-in-starts-with={}", encode("a\\b'c\td\n")), "1"),
        (format!("dst-prefix-in-contains={shouted}"), "1"),
    ] {
        assert_eq!(names(&session, &filter).await, [found], "{filter}");
    }
    assert!(names(&session, "auth-orig-port=2147483647").await.is_empty());
    assert_eq!(
        names(&session, "src-prefix-in-starts-with=&dst-prefix-in-contains=&src-name-in-ends-with=").await,
        ["0", "1"]
    );
    for value in ["", "x", "2147483648", "-2147483649", "5060,5061"] {
        session.refused(OUTGOING, &format!("auth-orig-port={value}"), "invalid value auth-orig-port").await;
    }
}

#[actix_web::test]
async fn a_name_may_hold_commas_so_that_only_in_takes_a_list() {
    let session = Session::new();
    snapshot(&session, &["Doe, J", "Doe", " J"].map(|name| json!({ "src_name_in": name }))).await;
    for (filter, found) in [
        ("src-name-in-eq=Doe,%20J", &["Doe, J"][..]),
        ("src-name-in-starts-with=Doe,", &["Doe, J"]),
        ("src-name-in-ends-with=,%20J", &["Doe, J"]),
        ("src-name-in-contains=E,", &["Doe, J"]),
        ("src-name-in-not-eq=Doe,%20J", &["Doe", " J"]),
        ("src-name-in-in=Doe,%20J", &["Doe", " J"]),
    ] {
        assert_eq!(names(&session, filter).await, found, "{filter}");
    }
}

#[actix_web::test]
async fn a_column_that_the_table_lacks_is_empty_or_null_and_its_filter_an_invalid_value() {
    let session = Session::new();
    let table = "CREATE TABLE IF NOT EXISTS few_columns (id UInt64, snapshot_timestamp DateTime, node_id UInt8, customer_id UInt32, \
        customer_acc_id UInt32, vendor_id UInt32, vendor_acc_id UInt32, src_name_in String) ENGINE = MergeTree ORDER BY id";
    super::admin().query_raw(table).execute().await.unwrap();
    let app = world_with(|config| config.tables.active_calls = TableName::parse("few_columns").unwrap()).await;
    let session = session.moved(&app);
    let at = now() - 5;
    let row = json!({
        "id": 1, "snapshot_timestamp": at, "node_id": 1, "customer_id": super::CUSTOMER, "customer_acc_id": session.account,
        "vendor_id": super::CUSTOMER, "vendor_acc_id": session.account, "src_name_in": "me"
    });
    crate::support::insert(&super::admin(), "few_columns", &row.to_string()).await;
    let answer = session.json(OUTGOING, "src-name-in-eq=me").await;
    let call = &answer["data"][0];
    for (name, value) in [
        ("src_name_in", json!("me")),
        ("src_prefix_in", json!("")),
        ("auth_orig_ip", json!("")),
        ("start_time", json!(null)),
        ("auth_orig_port", json!(null)),
        ("destination_fee", json!(null)),
        ("connect_time", json!(null)),
    ] {
        assert_eq!(call[name], value, "{name}");
    }
    assert_eq!(call.as_object().unwrap().len(), 26);
    for (name, value) in [
        ("auth-orig-ip", "192.0.2.1"),
        ("auth-orig-port", "1"),
        ("connect-time-null", "1"),
        ("src-prefix-in-eq", "1"),
        ("dst-prefix-routing-contains", ""),
    ] {
        session.refused(OUTGOING, &format!("{name}={value}"), &format!("invalid value {name}")).await;
    }
    let window = format!("from-time={}&to-time={at}", at - 60);
    for report in super::CONCURRENCY {
        assert_eq!(session.json(report, &window).await["data"]["calls"], json!([0, 1]), "{report}");
        for (name, value) in [
            ("src-country-id", "1"),
            ("dst-country-id-not-eq", "1"),
            ("src-prefix-routing-eq", "1"),
            ("duration-gt", "0"),
        ] {
            session.refused(report, &format!("{window}&{name}={value}"), &format!("invalid value {name}")).await;
        }
    }
}
