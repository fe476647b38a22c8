//! What each parameter lets through, by hand.

use super::fixtures::{T0, call, caller, live, request, world};
use super::{ActiveCall, Cdr, Endpoint, Settings, World, params, report};

/// The numbers of the rows that pass, of rows numbered in their order.
fn passing(cdrs: &[Cdr], pair: &str) -> Vec<usize> {
    let endpoint = if pair.starts_with("vendor") { Endpoint::TerminationQuality } else { Endpoint::OriginationQuality };
    let pairs = format!("account-id=ACCOUNT&from-time=2026-01-01&sampling=minute&{pair}");
    let number = |(number, cdr): (usize, &Cdr)| Cdr { id: number as u64, ..cdr.clone() };
    let world = World { cdrs: cdrs.iter().enumerate().map(number).collect(), ..world() };
    let Ok(asked) = params::read(&world, &caller(), &request(endpoint, &pairs), &Settings::default()) else {
        panic!("{pair} is refused")
    };
    report::cdr_rows(&world, &caller(), endpoint, &asked).iter().map(|cdr| cdr.id as usize).collect()
}

fn prefixes(texts: &[&str]) -> Vec<Cdr> {
    texts.iter().map(|text| Cdr { dst_prefix_routing: (*text).to_owned(), ..call(T0, 1) }).collect()
}

#[test]
fn text_filters_mean_what_they_say() {
    let rows = prefixes(&["", "44", "4420", "4520", "44%_", "a\\b\"\t", "Éß", "éß", "Straße", "44,45"]);
    let cases: [(&str, &[usize]); 22] = [
        ("eq=", &[0]),
        ("eq=44", &[1]),
        ("eq=44,45", &[9]),
        ("eq=a\\b\"\t", &[5]),
        ("starts-with=", &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]),
        ("starts-with=44", &[1, 2, 4, 9]),
        ("starts-with=442,45", &[2, 3]),
        ("starts-with=%", &[]),
        ("ends-with=20", &[2, 3]),
        ("ends-with=\t", &[5]),
        ("ends-with=%_", &[4]),
        ("ends-with=", &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]),
        ("contains=A\\B", &[5]),
        ("contains=éSS", &[]),
        ("contains=éß", &[7]),
        ("contains=SSE", &[]),
        ("contains=STRAßE", &[8]),
        ("in=44,4520,nothing", &[1, 3]),
        ("in=", &[0]),
        ("not-eq=", &[1, 2, 3, 4, 5, 6, 7, 8, 9]),
        ("not-eq=44", &[0, 2, 3, 4, 5, 6, 7, 8, 9]),
        ("not-eq=44,4420,4520,44%_", &[0, 5, 6, 7, 8, 9]),
    ];
    for (pair, wanted) in cases {
        assert_eq!(passing(&rows, &format!("dst-prefix-routing-{pair}")), wanted, "{pair}");
    }
}

#[test]
fn number_filters_mean_what_they_say() {
    let durations: Vec<Cdr> = [-1, 0, 1, 60].iter().map(|duration| call(T0, *duration)).collect();
    let prices: Vec<Cdr> = [-1, 0, 1, 500_000]
        .iter()
        .map(|price| Cdr { customer_price: *price, vendor_price: *price, ..call(T0, 1) })
        .collect();
    let cases: [(&str, [&str; 3], &[usize]); 8] = [
        ("eq", ["0", "0.0", "-0"], &[1]),
        ("not-eq", ["0", "0.000000", "0"], &[0, 2, 3]),
        ("gt", ["0", "0", "0.00000099"], &[2, 3]),
        ("gt", ["00", "0.0000001", "0"], &[2, 3]),
        ("gteq", ["1", "0.000001", "0.0000005"], &[2, 3]),
        ("lt", ["0", "-0.0000009", "0"], &[0]),
        ("lteq", ["0", "0.0000009", "0"], &[0, 1]),
        ("lteq", ["-1", "-0.000001", "-0.0000001"], &[0]),
    ];
    for (operator, [duration, customer, vendor], wanted) in cases {
        assert_eq!(
            passing(&durations, &format!("duration-{operator}={duration}")),
            wanted,
            "duration {operator} {duration}"
        );
        assert_eq!(
            passing(&prices, &format!("customer-price-{operator}={customer}")),
            wanted,
            "price {operator} {customer}"
        );
        assert_eq!(passing(&prices, &format!("vendor-price-{operator}={vendor}")), wanted, "price {operator} {vendor}");
    }
}

#[test]
fn countries_take_lists_and_all_filters_must_hold() {
    let rows: Vec<Cdr> = [(1, 0), (1, 5), (2, 5), (u32::MAX, 5)]
        .iter()
        .map(|(src, dst)| Cdr { src_country_id: *src, dst_country_id: *dst, ..call(T0, 1) })
        .collect();
    assert_eq!(passing(&rows, "src-country-id=1"), [0, 1]);
    assert_eq!(passing(&rows, "src-country-id=01,2"), [0, 1, 2]);
    assert_eq!(passing(&rows, "src-country-id=4294967295"), [3]);
    assert_eq!(passing(&rows, "src-country-id-not-eq=1,2"), [3]);
    assert_eq!(passing(&rows, "dst-country-id=5&src-country-id=1"), [1]);
    assert_eq!(passing(&rows, "dst-country-id=5&src-country-id=1&src-country-id=2"), [2]);
}

#[test]
fn addresses_compare_as_addresses() {
    let rows: Vec<Cdr> = ["192.0.2.1", "2001:db8::1", "::ffff:192.0.2.1", "::ffff:c000:201", "2001:DB8:0:0::1", ""]
        .iter()
        .map(|address| Cdr { auth_orig_ip: (*address).to_owned(), ..call(T0, 1) })
        .collect();
    assert_eq!(passing(&rows, "auth-orig-ip=192.0.2.1"), [0]);
    assert_eq!(passing(&rows, "auth-orig-ip=2001:DB8:0::1"), [1, 4]);
    assert_eq!(passing(&rows, "auth-orig-ip=::FFFF:192.0.2.1"), [2, 3]);
    assert_eq!(passing(&rows, "auth-orig-ip=::"), Vec::<usize>::new());
}

#[test]
fn from_and_to_time_are_inclusive_and_fractions_count() {
    let rows: Vec<Cdr> = (0..4).map(|second| call(T0 + second, 1)).collect();
    let between = |from: &str, to: &str| {
        passing(&rows, &format!("from-time=2026-01-01T12:46:{from}Z&to-time=2026-01-01T12:46:{to}Z"))
    };
    assert_eq!(between("01", "02"), [1, 2]);
    assert_eq!(between("00.5", "02.999"), [1, 2]);
    assert_eq!(between("01.000", "01.0"), [1]);
    assert_eq!(between("00.5", "00.6"), Vec::<usize>::new());
}

#[test]
fn outgoing_filters_look_at_the_live_call() {
    let world = World {
        active_calls: vec![
            ActiveCall { connect_time: Some(T0), auth_orig_port: 5060, auth_orig_protocol_id: 1, ..live(0, 1, T0) },
            ActiveCall { src_name_in: "Smith, John".to_owned(), src_prefix_in: "x".to_owned(), ..live(1, 1, T0) },
        ],
        ..world()
    };
    let passing = |pair: &str| -> Vec<u64> {
        let request = request(Endpoint::OutgoingActiveCalls, &format!("account-id=ACCOUNT&{pair}"));
        let Ok(asked) = params::read(&world, &caller(), &request, &Settings::default()) else {
            panic!("{pair} is refused")
        };
        super::outgoing::tenant_rows(&world, &caller(), &asked).iter().map(|call| call.id).collect()
    };
    for no in ["", "0", "f", "F", "false", "FALSE", "off", "OFF"] {
        assert_eq!(passing(&format!("connect-time-null={no}")), [0], "{no}");
    }
    for yes in ["1", "t", "False", "no", "null", " "] {
        assert_eq!(passing(&format!("connect-time-null={yes}")), [1], "{yes}");
    }
    assert_eq!(passing("auth-orig-port=5060"), [0]);
    assert_eq!(passing("auth-orig-port=-5060"), Vec::<u64>::new());
    assert_eq!(passing("auth-orig-transport-protocol-id=1"), [0]);
    assert_eq!(passing("src-name-in-contains=smith, J"), [1]);
    assert_eq!(passing("src-prefix-in-contains=X&src-name-in-ends-with=John"), [1]);
    assert_eq!(passing("src-name-in-starts-with=Smith, J&src-prefix-in-in=y,x"), [1]);
    assert_eq!(passing("src-name-in-not-eq="), [1]);
    assert_eq!(passing("dst-prefix-in-eq="), [0, 1]);
}
