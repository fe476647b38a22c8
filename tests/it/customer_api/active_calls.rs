//! Live calls by the minute (contract 1, Active calls).

use serde_json::{Value, json};

use super::{BASE, CONCURRENCY, Session, encode};

/// A live call in a snapshot, so many seconds after `BASE`.
fn call(second: i64) -> Value {
    json!({ "snapshot_timestamp": BASE + second, "start_time": BASE + second - 30 })
}

fn with(mut call: Value, more: Value) -> Value {
    call.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    call
}

/// Live calls of the first minutes after `BASE`.
async fn calls(session: &Session, report: &str, seconds: (i64, i64), filter: &str) -> Value {
    let query = format!("from-time={}&to-time={}&{filter}", BASE + seconds.0, BASE + seconds.1);
    session.json(report, query.trim_end_matches('&')).await["data"]["calls"].take()
}

#[actix_web::test]
async fn snapshots_are_put_on_the_minute_grid_and_have_no_totals() {
    let session = Session::new();
    session.live([call(0), call(60), call(60), call(179)]).await;
    for report in CONCURRENCY {
        let query = format!("from-time={}&to-time={}", BASE + 10, BASE + 200);
        let body = session.ask(report, &query).await.body;
        let t = [0, 60, 120, 180].map(|t| (BASE + t).to_string()).join(",");
        assert_eq!(body, format!(r#"{{"data":{{"t":[{t}],"calls":[0,2,1,0]}},"rows":4}}"#), "{report}");
    }
}

#[actix_web::test]
async fn of_a_node_only_the_last_snapshot_in_the_minute_and_the_window_counts() {
    let session = Session::new();
    session.live([call(10), call(10), call(10), call(50), call(70)]).await;
    for report in CONCURRENCY {
        assert_eq!(calls(&session, report, (0, 119), "").await, json!([1, 1]));
        // The window ends before the second snapshot, or begins after the first.
        assert_eq!(calls(&session, report, (0, 49), "").await, json!([3]));
        assert_eq!(calls(&session, report, (10, 10), "").await, json!([3]));
        assert_eq!(calls(&session, report, (11, 50), "").await, json!([1]));
        assert_eq!(calls(&session, report, (51, 69), "").await, json!([0, 0]));
    }
}

#[actix_web::test]
async fn nodes_add_up_each_with_its_own_last_snapshot() {
    let session = Session::new();
    let other = json!({ "node_id": session.account + 10_000 });
    session
        .live([call(5), call(20), with(call(8), other.clone()), with(call(8), other.clone()), with(call(70), other)])
        .await;
    assert_eq!(calls(&session, CONCURRENCY[0], (0, 119), "").await, json!([3, 1]));
}

#[actix_web::test]
async fn the_last_snapshot_is_found_before_tenant_account_and_filters_are_applied() {
    let session = Session::new();
    let stranger = json!({ "customer_id": 8, "customer_acc_id": 999_999, "vendor_id": 8, "vendor_acc_id": 999_999 });
    session.live([call(10), with(call(40), stranger)]).await;
    session
        .live([with(call(70), json!({ "src_country_id": 1 })), with(call(100), json!({ "src_country_id": 2 }))])
        .await;
    for report in CONCURRENCY {
        // At second 40 the node had none of ours.
        assert_eq!(calls(&session, report, (0, 59), "").await, json!([0]), "{report}");
        assert_eq!(calls(&session, report, (60, 119), "src-country-id=1").await, json!([0]), "{report}");
        assert_eq!(calls(&session, report, (60, 119), "src-country-id=2").await, json!([1]), "{report}");
    }
}

#[actix_web::test]
async fn buffered_rows_are_left_out() {
    let session = Session::new();
    session.live([call(10), with(call(10), json!({ "buffered": 1 })), with(call(70), json!({ "buffered": 1 }))]).await;
    for report in CONCURRENCY {
        assert_eq!(calls(&session, report, (0, 119), "").await, json!([1, 0]), "{report}");
    }
}

#[actix_web::test]
async fn each_side_has_its_own_tenant_and_account() {
    let session = Session::new();
    session
        .live([
            with(call(1), json!({ "vendor_acc_id": 999_999, "vendor_id": 9 })),
            with(call(1), json!({ "customer_acc_id": 999_999 })),
            with(call(1), json!({ "customer_acc_id": 999_999 })),
            with(call(1), json!({ "customer_id": 9, "vendor_id": 9 })),
        ])
        .await;
    assert_eq!(calls(&session, CONCURRENCY[0], (0, 59), "").await, json!([1]));
    assert_eq!(calls(&session, CONCURRENCY[1], (0, 59), "").await, json!([2]));
}

#[actix_web::test]
async fn duration_is_the_time_since_the_answer_and_zero_while_it_rings() {
    let session = Session::new();
    let answered = |seconds: i64| with(call(100), json!({ "connect_time": BASE + 100 - seconds }));
    session.live([call(100), answered(0), answered(1), answered(59), answered(60), answered(61)]).await;
    for report in CONCURRENCY {
        for (filter, count) in [
            ("duration-eq=0", 2),
            ("duration-eq=60", 1),
            ("duration-gt=0", 4),
            ("duration-gt=60", 1),
            ("duration-lt=60", 4),
            ("duration-lt=0", 0),
            ("duration-gteq=60", 2),
            ("duration-lteq=1", 3),
            ("duration-not-eq=0", 4),
            ("duration-gt=0&duration-lt=60", 2),
        ] {
            assert_eq!(calls(&session, report, (60, 119), filter).await, json!([count]), "{filter}");
        }
    }
}

#[actix_web::test]
async fn live_calls_are_filtered_by_country_prefix_and_address() {
    let session = Session::new();
    let text = "a\\b'c\td%Ж,";
    session
        .live([
            with(call(1), json!({ "src_country_id": 1, "dst_country_id": 2, "src_prefix_routing": "380", "auth_orig_ip": "192.0.2.1" })),
            with(call(1), json!({ "src_country_id": 2, "dst_country_id": 1, "dst_prefix_routing": text, "auth_orig_ip": "2001:db8::1" })),
        ])
        .await;
    for (filter, count) in [
        ("src-country-id=1".to_owned(), 1),
        ("dst-country-id=1,2".into(), 2),
        ("src-prefix-routing-starts-with=38".into(), 1),
        ("src-prefix-routing-not-eq=380".into(), 1),
        (format!("dst-prefix-routing-eq={}", encode(text)), 1),
        (format!("dst-prefix-routing-contains={}", encode("B'C\tD%Ж,")), 1),
        (format!("dst-prefix-routing-contains={}", encode("ж")), 0),
    ] {
        for report in CONCURRENCY {
            assert_eq!(calls(&session, report, (0, 59), &filter).await, json!([count]), "{filter}");
        }
    }
    assert_eq!(calls(&session, CONCURRENCY[0], (0, 59), "auth-orig-ip=192.0.2.1").await, json!([1]));
    assert_eq!(calls(&session, CONCURRENCY[0], (0, 59), "auth-orig-ip=2001:DB8:0::1").await, json!([1]));
}

#[actix_web::test]
async fn a_grid_can_be_rows_without_fill_in_milliseconds() {
    let session = Session::new();
    session.live([call(60)]).await;
    let query = format!("from-time={BASE}&to-time={}&fill=false&format=rows&t-unit=ms", BASE + 180);
    assert_eq!(
        session.ask(CONCURRENCY[0], &query).await.body,
        format!(r#"[{{"t":{},"calls":1}}]"#, (BASE + 60) * 1000)
    );
}
