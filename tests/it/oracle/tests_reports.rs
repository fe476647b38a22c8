//! The bodies of the reports, by hand.

use super::fixtures::{T0, ask, ask_with, call, live, world};
use super::json::{self, Cell};
use super::{AcdUnit, Cdr, Endpoint, Settings, TotalsCps, World};

const QUALITY: &str = "account-id=ACCOUNT&from-time=2026-01-01T12:46:15Z&sampling=minute";

/// The seed's three minutes: calls, answered calls and answered seconds that make its figures.
fn seed() -> World {
    let mut world = world();
    for (minute, calls, answered, seconds) in [(0, 180, 155, 45_012), (1, 140, 120, 34_848), (2, 200, 170, 49_164)] {
        for number in 0..calls {
            let share = seconds / answered + i32::from(number < seconds % answered);
            world
                .cdrs
                .push(call(T0 + minute * 60 + 15 + i64::from(number % 45), if number < answered { share } else { 0 }));
        }
    }
    world
}

#[test]
fn the_seed_page_comes_out_to_the_byte() {
    let (status, body) =
        ask_with(&seed(), &Settings::default(), Endpoint::OriginationQuality, &format!("{QUALITY}&to-time=1767271739"));
    assert_eq!(status, 200);
    assert_eq!(
        body,
        "{\"data\":{\"t\":[1767271560,1767271620,1767271680],\"total_calls\":[180,140,200],\"acd\":[\"4.84\",\"4.84\",\"4.82\"],\
         \"asr\":[\"86.11\",\"85.71\",\"85.0\"],\"cps\":[\"3.0\",\"2.33\",\"3.33\"]},\"rows\":3,\
         \"totals\":{\"t\":0,\"total_calls\":520,\"acd\":\"4.83\",\"asr\":\"85.58\",\"cps\":\"8.67\"}}"
    );
    assert_eq!(body.len(), 249);
}

#[test]
fn the_seeds_own_columns_are_249_bytes_with_the_seeds_etag() {
    use sha2::{Digest, Sha256};
    let row = |t, calls, acd, asr, cps| {
        vec![
            Cell::Count(t),
            Cell::Count(calls),
            Cell::Fraction(Some(acd)),
            Cell::Fraction(Some(asr)),
            Cell::Fraction(Some(cps)),
        ]
    };
    let rows = [
        row(1_734_700_000, 180, 484, 8611, 300),
        row(1_734_700_060, 140, 484, 8571, 233),
        row(1_734_700_120, 200, 482, 8500, 333),
    ];
    let totals = row(0, 520, 483, 8558, 867);
    let body = json::columns(&["t", "total_calls", "acd", "asr", "cps"], &rows, Some(&totals), false);
    assert_eq!(body.len(), 249);
    let hash: String = Sha256::digest(&body).iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(&hash[..32], "5bc70049aa58e9a51f9688035aad6430");
}

#[test]
fn acd_in_seconds_and_cps_of_the_whole_range_are_settings() {
    let settings = Settings { acd_unit: AcdUnit::Seconds, totals_cps: TotalsCps::Range, ..Settings::default() };
    let body = ask_with(
        &seed(),
        &settings,
        Endpoint::OriginationQuality,
        &format!("{QUALITY}&to-time=1767271739&numbers=plain"),
    )
    .1;
    assert_eq!(
        body,
        "{\"data\":{\"t\":[1767271560,1767271620,1767271680],\"total_calls\":[180,140,200],\"acd\":[290.4,290.4,289.2],\
         \"asr\":[86.11,85.71,85.0],\"cps\":[3.0,2.33,3.33]},\"rows\":3,\
         \"totals\":{\"t\":0,\"total_calls\":520,\"acd\":289.94,\"asr\":85.58,\"cps\":2.89}}"
    );
}

#[test]
fn cps_of_the_range_counts_every_bucket_of_the_filled_answer() {
    let mut world = world();
    world.cdrs.extend((0..90).map(|second| call(T0 + second % 60, 60)));
    world.cdrs.extend((0..90).map(|second| call(T0 + 3600 + second % 60, 60))); // ahead of the clock
    let settings = Settings { totals_cps: TotalsCps::Range, ..Settings::default() };
    for fill in ["true", "false"] {
        let body = ask_with(
            &world,
            &settings,
            Endpoint::OriginationQuality,
            &format!("{QUALITY}&fill={fill}&from-time=2026-01-01T12:46:00Z"),
        )
        .1;
        // Eleven minutes of the grid and the one of the clock's future: 180 / 720.
        assert!(body.contains(if fill == "true" { "\"rows\":12," } else { "\"rows\":2," }), "{body}");
        assert!(body.ends_with("\"cps\":\"0.25\"}}"), "{body}");
    }
}

#[test]
fn a_quality_report_fills_from_the_bucket_of_from_time_to_that_of_the_earlier_end() {
    let mut world = world();
    world.cdrs.push(call(T0 + 60, -5)); // counts, and is not answered
    assert_eq!(
        ask(&world, Endpoint::OriginationQuality, &format!("{QUALITY}&to-time=2026-01-01 12:47")),
        "{\"data\":{\"t\":[1767271560,1767271620],\"total_calls\":[0,1],\"acd\":[null,null],\"asr\":[null,\"0.0\"],\
         \"cps\":[\"0.0\",\"0.02\"]},\"rows\":2,\"totals\":{\"t\":0,\"total_calls\":1,\"acd\":null,\"asr\":\"0.0\",\"cps\":\"0.02\"}}"
    );
    let open = ask(&world, Endpoint::OriginationQuality, &QUALITY.replace("minute", "5minutes"));
    assert!(open.starts_with("{\"data\":{\"t\":[1767271500,1767271800,1767272100],\"total_calls\":[1,0,0],"), "{open}");
}

#[test]
fn calls_ahead_of_the_clock_count_without_fill_between() {
    let mut world = world();
    world.cdrs.push(call(T0 + 3600, 60));
    let body = ask(&world, Endpoint::OriginationQuality, &QUALITY.replace("minute", "15minutes"));
    assert_eq!(
        body,
        "{\"data\":{\"t\":[1767271500,1767275100],\"total_calls\":[0,1],\"acd\":[null,\"1.0\"],\"asr\":[null,\"100.0\"],\
         \"cps\":[\"0.0\",\"0.0\"]},\"rows\":2,\"totals\":{\"t\":0,\"total_calls\":1,\"acd\":\"1.0\",\"asr\":\"100.0\",\"cps\":\"0.0\"}}"
    );
}

#[test]
fn statistics_do_not_fill_and_total_over_nothing() {
    let pairs = "account-id=ACCOUNT&from-time=2026-01-01&to-time=2026-01-01 12:00&sampling=hour";
    let nothing = "{\"data\":{\"t\":[],\"total_calls\":[],\"successful_calls\":[],\"failed_calls\":[],\"total_duration\":[],\
         \"acd\":[],\"asr\":[],\"total_price\":[]},\"rows\":0,\"totals\":{\"t\":0,\"total_calls\":0,\"successful_calls\":0,\
         \"failed_calls\":0,\"total_duration\":\"0.0\",\"acd\":null,\"asr\":null,\"total_price\":\"0.0\"}}";
    assert_eq!(ask(&world(), Endpoint::OriginationStatistics, pairs), nothing);
    assert_eq!(ask(&world(), Endpoint::TerminationStatistics, pairs), nothing);
    assert_eq!(
        ask(&world(), Endpoint::OriginationQuality, &format!("{QUALITY}&fill=false")),
        "{\"data\":{\"t\":[],\"total_calls\":[],\"acd\":[],\"asr\":[],\"cps\":[]},\"rows\":0,\
         \"totals\":{\"t\":0,\"total_calls\":0,\"acd\":null,\"asr\":null,\"cps\":\"0.0\"}}"
    );
}

#[test]
fn statistics_sum_durations_and_prices_exactly() {
    let mut world = world();
    let priced = |seconds, duration, customer_price| Cdr { customer_price, ..call(T0 + seconds, duration) };
    world.cdrs = vec![priced(0, 31, 4_999), priced(1, 0, 1), priced(60, -20, -5_000), priced(61, 9, -4_999)];
    world.cdrs[0].customer_duration = Some(60);
    world.cdrs[0].vendor_duration = Some(6);
    world.cdrs[0].vendor_price = 70_000;
    world.cdrs[3].is_last_cdr = false;
    let pairs = "account-id=ACCOUNT&from-time=2026-01-01&sampling=minute&numbers=plain";
    assert_eq!(
        ask(&world, Endpoint::OriginationStatistics, pairs),
        "{\"data\":{\"t\":[1767271560,1767271620],\"total_calls\":[2,1],\"successful_calls\":[1,0],\"failed_calls\":[1,1],\
         \"total_duration\":[0.52,0.0],\"acd\":[0.52,null],\"asr\":[50.0,0.0],\"total_price\":[0.01,-0.01]},\"rows\":2,\
         \"totals\":{\"t\":0,\"total_calls\":3,\"successful_calls\":1,\"failed_calls\":2,\"total_duration\":0.52,\"acd\":0.52,\
         \"asr\":33.33,\"total_price\":0.0}}"
    );
    let billed = Settings { billed_duration: true, ..Settings::default() };
    let totals = |endpoint| {
        let body = ask_with(&world, &billed, endpoint, pairs).1;
        body[body.find("totals").unwrap()..].to_owned()
    };
    assert!(
        totals(Endpoint::OriginationStatistics).contains(
            "\"total_calls\":3,\"successful_calls\":1,\"failed_calls\":2,\"total_duration\":1.0,\"acd\":0.52,"
        )
    );
    assert!(totals(Endpoint::TerminationStatistics).contains("\"total_calls\":4,\"successful_calls\":2,\"failed_calls\":2,\"total_duration\":0.1,\"acd\":0.33,\"asr\":50.0,\"total_price\":0.07"));
}

#[test]
fn a_wrong_account_mapping_shows_nothing() {
    let mut world = world();
    world.cdrs = vec![
        Cdr { customer_id: 8, vendor_id: 8, ..call(T0, 9) },
        Cdr { customer_acc_id: 80, vendor_acc_id: 80, ..call(T0, 9) },
    ];
    for endpoint in [Endpoint::OriginationStatistics, Endpoint::TerminationStatistics] {
        assert!(
            ask(&world, endpoint, "account-id=ACCOUNT&from-time=0000000000&sampling=month").contains("\"rows\":0,")
        );
    }
    world.active_calls = vec![super::ActiveCall { customer_id: 8, ..live(1, 1, T0 + 540) }];
    assert_eq!(ask(&world, Endpoint::OutgoingActiveCalls, "account-id=ACCOUNT"), "{\"data\":[],\"rows\":0}");
}

#[test]
fn rows_are_objects_with_numbers_and_t_can_be_milliseconds() {
    let pairs = format!("{QUALITY}&to-time=1767271739&format=rows&t-unit=ms");
    assert_eq!(
        ask(&seed(), Endpoint::OriginationQuality, &pairs),
        "[{\"t\":1767271560000,\"total_calls\":180,\"acd\":4.84,\"asr\":86.11,\"cps\":3.0},\
         {\"t\":1767271620000,\"total_calls\":140,\"acd\":4.84,\"asr\":85.71,\"cps\":2.33},\
         {\"t\":1767271680000,\"total_calls\":200,\"acd\":4.82,\"asr\":85.0,\"cps\":3.33}]"
    );
    let body = ask(
        &seed(),
        Endpoint::OriginationQuality,
        &format!("{QUALITY}&to-time=1767271560&t-unit=s&to-time=1767271580"),
    );
    assert!(body.starts_with("{\"data\":{\"t\":[1767271560],\"total_calls\":[24],"), "{body}");
    let body = ask(
        &world(),
        Endpoint::OriginationStatistics,
        "account-id=ACCOUNT&from-time=1767271560&to-time=1767271561&sampling=hour&fill=true&format=rows",
    );
    assert_eq!(
        body,
        "[{\"t\":1767268800,\"total_calls\":0,\"successful_calls\":0,\"failed_calls\":0,\"total_duration\":0.0,\"acd\":null,\
         \"asr\":null,\"total_price\":0.0}]"
    );
    assert_eq!(
        ask(
            &world(),
            Endpoint::OriginationActiveCalls,
            "account-id=ACCOUNT&from-time=1767271560&to-time=1767271561&format=rows"
        ),
        "[{\"t\":1767271560,\"calls\":0}]"
    );
}

#[test]
fn live_calls_come_from_each_nodes_last_snapshot_of_the_minute() {
    let mut world = world();
    world.active_calls = vec![
        live(1, 1, T0 + 5),  // the node speaks again in this minute
        live(2, 1, T0 + 35), // its last word
        live(3, 1, T0 + 35),
        live(4, 2, T0 + 10), // another node's last word
        live(5, 1, T0 + 60), // the next minute: its last snapshot is buffered, so nothing counts
        super::ActiveCall { buffered: true, ..live(6, 1, T0 + 90) },
        live(7, 2, T0 + 60), // and another tenant's row is the node's last snapshot here
        super::ActiveCall { customer_id: 8, customer_acc_id: 80, ..live(8, 2, T0 + 61) },
    ];
    let body = |pairs: &str| ask(&world, Endpoint::OriginationActiveCalls, &format!("account-id=ACCOUNT&{pairs}"));
    assert_eq!(
        body("from-time=2026-01-01 12:46&to-time=2026-01-01 12:48"),
        "{\"data\":{\"t\":[1767271560,1767271620,1767271680],\"calls\":[3,0,0]},\"rows\":3}"
    );
    // A window that ends earlier has other last snapshots; so has one that begins later.
    assert!(body("from-time=1767271560&to-time=1767271590").contains("\"calls\":[2]"));
    assert!(body("from-time=1767271560&to-time=1767271649").contains("\"calls\":[3,1]"));
    assert!(body("from-time=1767271591&to-time=1767271595").contains("\"calls\":[2]"));
    assert!(body("from-time=1767271595.001&to-time=1767271599").contains("invalid value from-time"));
    assert!(body("from-time=2026-01-01T12:46:35.001Z&to-time=1767271599").contains("\"calls\":[0]"));
    let termination =
        ask(&world, Endpoint::TerminationActiveCalls, "account-id=ACCOUNT&from-time=1767271560&to-time=1767271679");
    assert!(termination.contains("\"calls\":[3,1]"), "{termination}");
}

#[test]
fn a_live_call_lasts_from_its_answer_to_the_snapshot() {
    let mut world = world();
    world.active_calls = vec![
        super::ActiveCall { connect_time: Some(T0 - 60), ..live(1, 1, T0) },
        super::ActiveCall { connect_time: Some(T0 + 5), ..live(2, 1, T0) },
        live(3, 1, T0),
    ];
    let count = |filter: &str| {
        let body = ask(
            &world,
            Endpoint::OriginationActiveCalls,
            &format!("account-id=ACCOUNT&from-time=1767271560&to-time=1767271560&{filter}"),
        );
        body[body.find("calls\":[").unwrap() + 8..body.find("]},").unwrap()].to_owned()
    };
    assert_eq!(
        [count("duration-eq=60"), count("duration-eq=0"), count("duration-lt=0"), count("duration-lt=60")],
        ["1", "1", "1", "2"]
    );
}

#[test]
fn outgoing_calls_are_rows_newest_first_of_nodes_that_still_speak() {
    let mut world = world();
    let now = T0 + 600;
    world.active_calls = vec![
        super::ActiveCall { start_time: Some(T0), ..live(5, 1, now - 60) },
        super::ActiveCall { start_time: Some(T0), ..live(4, 1, now - 60) },
        live(3, 1, now - 60),
        super::ActiveCall { start_time: Some(T0 + 1), ..live(6, 2, now - 180) },
        live(7, 3, now - 181),
        live(8, 1, now - 120),
        super::ActiveCall { buffered: true, ..live(9, 1, now - 60) },
        live(10, 4, now - 60),
        super::ActiveCall { buffered: true, ..live(11, 4, now - 30) },
        live(12, 5, now + 600),
    ];
    let body = ask(&world, Endpoint::OutgoingActiveCalls, "account-id=ACCOUNT");
    let starts: Vec<&str> = body.split("\"start_time\":").skip(1).filter_map(|rest| rest.split(',').next()).collect();
    let (first, second) = ("\"2026-01-01T12:46:01Z\"", "\"2026-01-01T12:46:00Z\"");
    assert_eq!(starts, [first, second, second, "null", "null"]);
    let shown: Vec<&str> = body.split("{\"snapshot_timestamp\":\"").skip(1).map(|rest| &rest[..20]).collect();
    assert_eq!(shown[0], "2026-01-01T12:53:00Z");
    assert_eq!(shown[4], "2026-01-01T13:06:00Z");
    assert!(body.ends_with("}],\"rows\":5}"));
}

#[test]
fn an_outgoing_call_has_26_columns_in_the_contracts_order() {
    let mut world = world();
    world.active_calls = vec![super::ActiveCall {
        start_time: Some(T0),
        connect_time: Some(T0 + 1),
        src_name_in: "a \"b\"\\\t\u{1}é".to_owned(),
        auth_orig_ip: "2001:db8::1".to_owned(),
        auth_orig_port: 5060,
        auth_orig_protocol_id: 2,
        destination_initial_interval: 60,
        destination_next_interval: 1,
        destination_initial_rate: Some(0.25),
        destination_fee: Some(2.0),
        ..live(1, 1, T0 + 540)
    }];
    assert_eq!(
        ask(&world, Endpoint::OutgoingActiveCalls, "account-id=ACCOUNT&connect-time-null=off"),
        "{\"data\":[{\"snapshot_timestamp\":\"2026-01-01T12:55:00Z\",\"start_time\":\"2026-01-01T12:46:00Z\",\
         \"connect_time\":\"2026-01-01T12:46:01Z\",\"destination_prefix\":\"\",\"destination_initial_interval\":60,\
         \"destination_initial_rate\":0.25,\"destination_next_interval\":1,\"destination_next_rate\":null,\"destination_fee\":2,\
         \"src_name_in\":\"a \\\"b\\\"\\\\\\t\\u0001é\",\"src_prefix_in\":\"\",\"dst_prefix_in\":\"\",\"src_prefix_routing\":\"\",\
         \"dst_prefix_routing\":\"\",\"from_domain\":\"\",\"to_domain\":\"\",\"ruri_domain\":\"\",\"diversion_in\":\"\",\"pai_in\":\"\",\
         \"ppi_in\":\"\",\"privacy_in\":\"\",\"rpid_in\":\"\",\"rpid_privacy_in\":\"\",\"auth_orig_transport_protocol_id\":2,\
         \"auth_orig_ip\":\"2001:db8::1\",\"auth_orig_port\":5060}],\"rows\":1}"
    );
    assert_eq!(
        ask(&world, Endpoint::OutgoingActiveCalls, "account-id=ACCOUNT&connect-time-null=1"),
        "{\"data\":[],\"rows\":0}"
    );
}
