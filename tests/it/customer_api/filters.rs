//! What each filter lets through (contract 1, the parameter table).

use futures_util::future::join_all;
use serde_json::{Value, json};

use super::{CONCURRENCY, ORIGINATION, QUALITY, Session, TERMINATION, encode};

/// Texts that mean something to SQL, TSV, URLs, LIKE or JSON, and must mean themselves.
const TEXTS: &[&str] = &[
    "",
    "380",
    "380671",
    "a\\b",
    "a\\tb",
    "\\N",
    "\\",
    "it's",
    "''",
    "\"q\"",
    "a\tb",
    "a\nb",
    "x\r\ny",
    "a\0b",
    "50%",
    "5__",
    "%41",
    "Київ",
    "київ",
    "a,b",
    "b",
    "ABC",
    "abc",
    "xAbCx",
    "a+b",
    "a b",
    "a&b=c",
    "a;b",
    "#",
    "{p0:String}",
    "' OR 1=1 --",
    "a?b",
    "$1",
    "😀",
];

/// Rows whose text is `value` in the minute of its place in the list.
fn rows(column: &str) -> Vec<Value> {
    TEXTS.iter().map(|text| json!({ column: text })).collect()
}

fn places(test: impl Fn(&str) -> bool) -> Vec<i64> {
    (0i64..).zip(TEXTS).filter(|(_, text)| test(text)).map(|(place, _)| place).collect()
}

/// Asks for every text with every operator and compares with what Rust's own string functions say.
async fn texts_mean_themselves(session: &Session, report: &str, name: &str) {
    let one = async |value: &&str| {
        let lower = value.to_ascii_lowercase();
        let ask = async |operator: &str| session.matches(report, &format!("{name}-{operator}={}", encode(value))).await;
        assert_eq!(ask("eq").await, places(|text| text == *value), "{name}-eq {value:?}");
        assert_eq!(ask("ends-with").await, places(|text| text.ends_with(value)), "{name}-ends-with {value:?}");
        let contains = places(|text| text.to_ascii_lowercase().contains(&lower));
        assert_eq!(ask("contains").await, contains, "{name}-contains {value:?}");
        if !value.contains(',') {
            assert_eq!(
                ask("starts-with").await,
                places(|text| text.starts_with(value)),
                "{name}-starts-with {value:?}"
            );
            assert_eq!(ask("in").await, places(|text| text == *value), "{name}-in {value:?}");
            assert_eq!(ask("not-eq").await, places(|text| text != *value), "{name}-not-eq {value:?}");
        }
    };
    join_all(TEXTS.iter().map(one)).await;
}

#[actix_web::test]
async fn a_src_prefix_may_hold_any_character_and_means_itself() {
    let session = Session::new();
    session.cdrs(rows("src_prefix_routing")).await;
    texts_mean_themselves(&session, QUALITY, "src-prefix-routing").await;
}

#[actix_web::test]
async fn a_dst_prefix_may_hold_any_character_and_means_itself() {
    let session = Session::new();
    session.cdrs(rows("dst_prefix_routing")).await;
    texts_mean_themselves(&session, QUALITY, "dst-prefix-routing").await;
}

#[actix_web::test]
async fn an_empty_starts_ends_or_contains_value_matches_everything_and_an_empty_eq_the_empty_text() {
    let session = Session::new();
    session.cdrs(["", "1"].map(|text| json!({ "src_prefix_routing": text, "dst_prefix_routing": text }))).await;
    for name in ["src-prefix-routing", "dst-prefix-routing"] {
        for operator in ["starts-with", "ends-with", "contains"] {
            assert_eq!(session.matches(QUALITY, &format!("{name}-{operator}=")).await, [0, 1], "{name}-{operator}");
            assert_eq!(session.matches(QUALITY, &format!("{name}-{operator}")).await, [0, 1], "{name}-{operator} bare");
        }
        assert_eq!(session.matches(QUALITY, &format!("{name}-eq=")).await, [0]);
    }
}

#[actix_web::test]
async fn lists_of_prefixes_match_any_of_them() {
    let session = Session::new();
    session.cdrs(["4420", "4477", "380", "1"].map(|text| json!({ "dst_prefix_routing": text }))).await;
    for (filter, matched) in [
        ("dst-prefix-routing-in=4420,4477", vec![0, 1]),
        ("dst-prefix-routing-starts-with=44,380", vec![0, 1, 2]),
        ("dst-prefix-routing-not-eq=4420,1", vec![1, 2]),
        ("dst-prefix-routing-not-eq=380", vec![0, 1, 3]),
        ("dst-prefix-routing-eq=4420,4477", vec![]),
    ] {
        assert_eq!(session.matches(QUALITY, filter).await, matched, "{filter}");
    }
    for name in ["dst-prefix-routing-in", "dst-prefix-routing-starts-with", "dst-prefix-routing-not-eq"] {
        for value in ["44,", ",44", "4,,4", ","] {
            session
                .refused(QUALITY, &format!("{}&{name}={value}", super::window(1)), &format!("invalid value {name}"))
                .await;
        }
    }
}

#[actix_web::test]
async fn a_list_may_be_long_and_hold_any_character_but_the_comma() {
    let session = Session::new();
    session.cdrs(rows("dst_prefix_routing")).await;
    let place = |value: &str| places(|text| text == value)[0];
    let odd: Vec<&str> = TEXTS.iter().copied().filter(|text| !text.is_empty() && !text.contains(',')).collect();
    // As long as a list may be.
    let many = (odd.len()..200).map(|n| format!("9{n}")).collect::<Vec<_>>().join(",");
    let list = format!("{many},{}", encode(&odd.join(",")).replace("%2C", ","));
    let found: Vec<i64> = places(|text| odd.contains(&text));
    assert_eq!(session.matches(QUALITY, &format!("dst-prefix-routing-in={list}")).await, found);
    assert_eq!(
        session.matches(QUALITY, &format!("dst-prefix-routing-starts-with={list}")).await,
        places(|text| odd.iter().any(|odd| text.starts_with(odd)))
    );
    assert_eq!(session.matches(QUALITY, &format!("dst-prefix-routing-not-eq={list}")).await, [place(""), place("a,b")]);
    let countries = (0..200).map(|n| n.to_string()).collect::<Vec<_>>().join(",");
    assert_eq!(session.matches(QUALITY, &format!("dst-country-id={countries}")).await.len(), TEXTS.len());
    assert!(session.matches(QUALITY, &format!("dst-country-id-not-eq={countries}")).await.is_empty());
}

#[actix_web::test]
async fn all_filters_are_joined_by_and() {
    let session = Session::new();
    session
        .cdrs([
            json!({ "src_country_id": 1, "duration": 10, "dst_prefix_routing": "44" }),
            json!({ "src_country_id": 1, "duration": 20, "dst_prefix_routing": "44" }),
            json!({ "src_country_id": 2, "duration": 20, "dst_prefix_routing": "44" }),
            json!({ "src_country_id": 1, "duration": 20, "dst_prefix_routing": "45" }),
        ])
        .await;
    let filter = "src-country-id=1&duration-gt=10&dst-prefix-routing-starts-with=44&dst-prefix-routing-ends-with=4";
    assert_eq!(session.matches(QUALITY, filter).await, [1]);
    assert_eq!(session.matches(QUALITY, "duration-gt=10&duration-lt=20").await, [0i64; 0]);
}

#[actix_web::test]
async fn each_report_has_its_own_filters_and_knows_no_others() {
    let session = Session::new();
    let value = |name: &str| if name == "auth-orig-ip" { "192.0.2.1" } else { "1" };
    let quality = super::window(1);
    let (grid, none) = (quality.trim_end_matches("&sampling=minute"), "");
    let prices = |name| ["eq", "gt", "lt"].map(|operator| format!("{name}-{operator}")).to_vec();
    let (customer, vendor, ip) = (prices("customer-price"), prices("vendor-price"), vec!["auth-orig-ip".to_owned()]);
    let rest = ["numbers", "time-zone", "sampling"].map(str::to_owned).to_vec();
    for (reports, query, known, unknown) in [
        (&ORIGINATION[..], quality.as_str(), [&customer[..], &ip].concat(), vendor.clone()),
        (&TERMINATION[..], &quality, vendor.clone(), [&customer[..], &ip].concat()),
        (&CONCURRENCY[..1], grid, ip.clone(), [&customer[..], &vendor, &rest].concat()),
        (&CONCURRENCY[1..], grid, vec![], [&customer[..], &vendor, &ip, &rest].concat()),
        (
            &[super::OUTGOING][..],
            none,
            ip.clone(),
            [
                &customer[..],
                &vendor,
                &rest,
                &["from-time".into(), "to-time".into(), "duration-eq".into(), "src-country-id".into()],
            ]
            .concat(),
        ),
    ] {
        for report in reports {
            for name in &known {
                session.json(report, &format!("{query}&{name}={}", value(name))).await;
            }
            for name in &unknown {
                session
                    .refused(
                        report,
                        &format!("{query}&{name}={}", value(name)).replace("sampling=minute&sampling", "sampling"),
                        &format!("unknown param {name}"),
                    )
                    .await;
            }
        }
    }
}
