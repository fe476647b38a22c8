//! Filters by countries, durations, prices and addresses (contract 1, the parameter table).

use serde_json::json;

use super::{ORIGINATION, QUALITY, Session, encode, window};

#[actix_web::test]
async fn countries_are_equal_or_in_the_list() {
    let session = Session::new();
    for (name, column) in [("src-country-id", "src_country_id"), ("dst-country-id", "dst_country_id")] {
        let session = Session::new();
        session.cdrs([0u32, 1, 2, u32::MAX].map(|id| json!({ column: id }))).await;
        for (value, matched) in [
            ("0", vec![0]),
            ("1", vec![1]),
            ("4294967295", vec![3]),
            ("007", vec![]),
            ("002", vec![2]),
            ("-0", vec![0]),
            ("1,2", vec![1, 2]),
            ("1,1", vec![1]),
            ("3,4", vec![]),
        ] {
            assert_eq!(session.matches(QUALITY, &format!("{name}={value}")).await, matched, "{name}={value}");
        }
        assert_eq!(session.matches(QUALITY, &format!("{name}-not-eq=1")).await, [0, 2, 3]);
        assert_eq!(session.matches(QUALITY, &format!("{name}-not-eq=1,2")).await, [0, 3]);
    }
    for name in ["src-country-id", "dst-country-id", "src-country-id-not-eq", "dst-country-id-not-eq"] {
        for value in [
            "",
            "-1",
            "4294967296",
            "%2B1",
            "1.0",
            "1e3",
            "%201",
            "1%20",
            "x",
            "0x1",
            "1,",
            ",1",
            "1,,2",
            "1,x",
            "%D9%A1",
            "99999999999999999999",
        ] {
            session.refused(QUALITY, &format!("{}&{name}={value}", window(1)), &format!("invalid value {name}")).await;
        }
    }
}

#[actix_web::test]
async fn durations_compare_as_whole_seconds() {
    let session = Session::new();
    let durations = [-5, 0, 1, 59, 60, 61, i32::MAX];
    session.cdrs(durations.map(|duration| json!({ "duration": duration }))).await;
    let places = |test: &dyn Fn(i64) -> bool| -> Vec<i64> {
        (0i64..).zip(durations).filter(|(_, duration)| test(i64::from(*duration))).map(|(place, _)| place).collect()
    };
    for value in [-6i64, -5, 0, 1, 60, 61, i64::from(i32::MAX), i64::from(i32::MIN)] {
        for report in [QUALITY, "termination-statistics-quality"] {
            let ask = async |operator: &str| session.matches(report, &format!("duration-{operator}={value}")).await;
            assert_eq!(ask("eq").await, places(&|duration| duration == value), "= {value}");
            assert_eq!(ask("gt").await, places(&|duration| duration > value), "> {value}");
            assert_eq!(ask("lt").await, places(&|duration| duration < value), "< {value}");
            assert_eq!(ask("not-eq").await, places(&|duration| duration != value), "!= {value}");
            assert_eq!(ask("gteq").await, places(&|duration| duration >= value), ">= {value}");
            assert_eq!(ask("lteq").await, places(&|duration| duration <= value), "<= {value}");
        }
    }
    assert_eq!(session.matches(QUALITY, "duration-eq=0060").await, [4]);
    for operator in ["eq", "gt", "lt", "not-eq", "gteq", "lteq"] {
        for value in [
            "",
            "-",
            "--1",
            "%2B1",
            "%201",
            "1.0",
            "1e3",
            "x",
            "1,2",
            "2147483648",
            "-2147483649",
            "99999999999999999999",
        ] {
            let query = format!("{}&duration-{operator}={value}", window(1));
            session.refused(QUALITY, &query, &format!("invalid value duration-{operator}")).await;
        }
    }
}

/// Prices in the table and what is compared with them, both in millionths.
async fn prices_compare_exactly(report: &str, name: &str, column: &str) {
    let session = Session::new();
    let prices = ["-0.5", "0", "0.000001", "1.5", "1.500001", "999999999999.999999"];
    session.cdrs(prices.map(|price| json!({ column: price }))).await;
    for (filter, matched) in [
        ("eq=1.5", vec![3]),
        ("eq=1.500", vec![3]),
        ("eq=01.5", vec![3]),
        ("eq=1.5000000", vec![3]),
        ("eq=-0", vec![1]),
        ("eq=0.0000010", vec![2]),
        ("eq=1.50000001", vec![]),
        ("eq=999999999999.999999", vec![5]),
        ("gt=0", vec![2, 3, 4, 5]),
        ("gt=1.5", vec![4, 5]),
        ("gt=1.4999999", vec![3, 4, 5]),
        ("gt=1.5000001", vec![4, 5]),
        ("gt=-0.5000001", vec![0, 1, 2, 3, 4, 5]),
        ("gt=1000000000000", vec![]),
        ("gt=-1000000000000", vec![0, 1, 2, 3, 4, 5]),
        ("lt=0", vec![0]),
        ("lt=1.5", vec![0, 1, 2]),
        ("lt=1.5000001", vec![0, 1, 2, 3]),
        ("lt=0.0000005", vec![0, 1]),
        ("lt=-0.5", vec![]),
        ("gteq=1.5", vec![3, 4, 5]),
        ("gteq=1.5000001", vec![4, 5]),
        ("lteq=0", vec![0, 1]),
        ("lteq=0.0000015", vec![0, 1, 2]),
        ("not-eq=1.5", vec![0, 1, 2, 4, 5]),
        ("not-eq=1.50000001", vec![0, 1, 2, 3, 4, 5]),
    ] {
        assert_eq!(session.matches(report, &format!("{name}-{filter}")).await, matched, "{name}-{filter}");
    }
    for operator in ["eq", "gt", "lt", "not-eq", "gteq", "lteq"] {
        for value in [
            "",
            "-",
            "1.",
            ".5",
            "%2B1",
            "%201",
            "1e3",
            "1,5",
            "x",
            "NaN",
            "inf",
            "1.5.1",
            "0x1",
            "1%20",
            "1000000000000.000001",
            "1000000000001",
            "-1000000000001",
            "1000000000000.0000001",
        ] {
            let query = format!("{}&{name}-{operator}={value}", window(1));
            session.refused(report, &query, &format!("invalid value {name}-{operator}")).await;
        }
    }
}

#[actix_web::test]
async fn customer_prices_compare_exactly_however_many_decimals_are_asked() {
    prices_compare_exactly(QUALITY, "customer-price", "customer_price").await;
}

#[actix_web::test]
async fn vendor_prices_compare_exactly_however_many_decimals_are_asked() {
    prices_compare_exactly("termination-statistics-quality", "vendor-price", "vendor_price").await;
}

#[actix_web::test]
async fn addresses_compare_as_addresses_and_a_mapped_one_is_not_ipv4() {
    let session = Session::new();
    let rows = ["192.0.2.1", "2001:db8::1", "::ffff:192.0.2.1", "", "unknown", "2001:0DB8:0:0::0001", "::"];
    session.cdrs(rows.map(|ip| json!({ "auth_orig_ip": ip }))).await;
    for (value, matched) in [
        ("192.0.2.1", vec![0]),
        ("2001:DB8:0::1", vec![1, 5]),
        ("2001:db8::1", vec![1, 5]),
        ("::ffff:192.0.2.1", vec![2]),
        ("::FFFF:c000:201", vec![2]),
        ("192.0.2.2", vec![]),
        ("0.0.0.0", vec![]),
        ("::", vec![6]),
        ("::1", vec![]),
    ] {
        for report in ORIGINATION {
            assert_eq!(session.matches(report, &format!("auth-orig-ip={}", encode(value))).await, matched, "{value}");
        }
    }
    for value in [
        "",
        "192.0.2",
        "192.0.2.256",
        "192.0.2.1/32",
        "192.0.2.01",
        "%5B::1%5D",
        "::1%25eth0",
        "x",
        "192.0.2.1,192.0.2.2",
        "%20192.0.2.1",
        "3221225985",
    ] {
        session.refused(QUALITY, &format!("{}&auth-orig-ip={value}", window(1)), "invalid value auth-orig-ip").await;
    }
}
