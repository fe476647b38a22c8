//! How a query string is read: arrays, repeated keys, encodings, empty values, unknown names (contract 1 and 2).

use cdrscope::config::UnknownParams;
use serde_json::json;

use super::{API, BASE, CONCURRENCY, ORIGINATION, OUTGOING, QUALITY, Session, TERMINATION, uuid, window, world_with};

const SEED_FILTERS: [&str; 17] = [
    "src-country-id=0",
    "dst-country-id=0",
    "src-prefix-routing-eq=",
    "src-prefix-routing-starts-with=",
    "src-prefix-routing-ends-with=",
    "src-prefix-routing-contains=",
    "dst-prefix-routing-eq=",
    "dst-prefix-routing-starts-with=",
    "dst-prefix-routing-ends-with=",
    "dst-prefix-routing-contains=",
    "duration-eq=60",
    "duration-gt=59",
    "duration-lt=61",
    "auth-orig-ip=192.0.2.1",
    "customer-price-eq=0.5",
    "customer-price-gt=0.4",
    "customer-price-lt=0.6",
];

#[actix_web::test]
async fn the_seeds_21_parameters_are_accepted_one_by_one_and_all_together() {
    let session = Session::new();
    session.cdrs([json!({ "auth_orig_ip": "192.0.2.1", "customer_price": "0.5" })]).await;
    for filter in SEED_FILTERS.into_iter().chain([SEED_FILTERS.join("&").as_str()]) {
        assert_eq!(session.matches(QUALITY, filter).await, [0], "{filter}");
    }
}

#[actix_web::test]
async fn missing_parameters_are_listed_in_the_documents_order() {
    let session = Session::new();
    let account = format!("account-id={}", session.uuid());
    for (query, missing) in [
        ("", "account-id, from-time, sampling"),
        ("sampling=minute", "account-id, from-time"),
        ("from-time=2025-01-01", "account-id, sampling"),
        (&account, "from-time, sampling"),
        ("from-time=&sampling=", "account-id"),
        ("to-time=x&foo=1&duration-eq=x", "account-id, from-time, sampling"),
    ] {
        let reply = session.get(&format!("{API}/{QUALITY}?{query}")).await;
        let body = format!(r#"{{"error":"missing required param(s) {missing}"}}"#);
        assert_eq!((reply.status, reply.body), (400, body), "{query}");
    }
    for (report, missing) in
        [(CONCURRENCY[0], "account-id, from-time"), (CONCURRENCY[1], "account-id, from-time"), (OUTGOING, "account-id")]
    {
        let reply = session.get(&format!("{API}/{report}")).await;
        assert_eq!(reply.body, format!(r#"{{"error":"missing required param(s) {missing}"}}"#), "{report}");
    }
}

#[actix_web::test]
async fn a_present_but_empty_parameter_is_not_missing() {
    let session = Session::new();
    let reply = session.get(&format!("{API}/{QUALITY}?account-id=&from-time=&sampling=")).await;
    assert_eq!((reply.status, reply.body.as_str()), (400, r#"{"error":"invalid value account-id"}"#));
    session.refused(QUALITY, "from-time&sampling", "invalid value from-time").await;
    session.refused(QUALITY, &format!("from-time={BASE}&sampling="), "invalid sampling").await;
    session.refused(QUALITY, &format!("{}&to-time=", window(1)), "invalid value to-time").await;
}

#[actix_web::test]
async fn a_scalar_sent_as_an_array_is_refused_by_its_name_and_counts_as_present() {
    let session = Session::new();
    for name in [
        "from-time",
        "sampling",
        "to-time",
        "src-country-id",
        "dst-prefix-routing-in",
        "duration-gt",
        "numbers",
        "fill",
    ] {
        for brackets in ["[]", "[0]", "[x]", "%5B%5D", "[a][b]"] {
            let query = format!("{}&{name}{brackets}=1", window(1));
            session.refused(QUALITY, &query, &format!("param {name} can't be an array")).await;
        }
    }
    let reply = session.get(&format!("{API}/{QUALITY}?account-id[]={}&{}", session.uuid(), window(1))).await;
    assert_eq!((reply.status, reply.body.as_str()), (400, r#"{"error":"param account-id can't be an array"}"#));
    session
        .refused(QUALITY, &format!("from-time[]={BASE}&sampling[x]=minute"), "param from-time can't be an array")
        .await;
    let reply = session.get(&format!("{API}/{QUALITY}?account-id[]=1&from-time[]=1")).await;
    assert_eq!(reply.body, r#"{"error":"missing required param(s) sampling"}"#);
}

#[actix_web::test]
async fn brackets_that_make_no_array_are_an_unknown_name() {
    let session = Session::new();
    for name in ["foo[]", "sampling[", "sampling]", "sampling[]x", "[]"] {
        session.refused(QUALITY, &format!("{}&{name}=1", window(1)), &format!("unknown param {name}")).await;
    }
}

#[actix_web::test]
async fn of_a_repeated_key_the_last_value_wins() {
    let session = Session::new();
    session.cdrs([json!({ "src_country_id": 1 }), json!({ "src_country_id": 2 })]).await;
    assert_eq!(session.matches(QUALITY, "src-country-id=1&src-country-id=2").await, [1]);
    assert_eq!(session.matches(QUALITY, "src-country-id=x&src-country-id=1").await, [0]);
    session
        .refused(QUALITY, &format!("{}&src-country-id=1&src-country-id=x", window(1)), "invalid value src-country-id")
        .await;
    // The account too: another tenant's first, or last.
    let stranger = uuid(super::ACCOUNTS + 1);
    session.refused(QUALITY, &format!("{}&account-id={stranger}", window(1)), "invalid value account-id").await;
    let reply = session
        .get(&format!("{API}/{QUALITY}?account-id={stranger}&account-id={}&{}", session.uuid(), window(1)))
        .await;
    assert_eq!(reply.status, 200);
}

#[actix_web::test]
async fn names_and_values_are_percent_decoded_and_plus_is_a_blank() {
    let session = Session::new();
    session.cdrs(["a b", "a+b", "%2B"].map(|text| json!({ "src_prefix_routing": text }))).await;
    for (value, matched) in [("a+b", 0), ("a%20b", 0), ("a%2Bb", 1), ("a%2bb", 1), ("%252B", 2)] {
        assert_eq!(session.matches(QUALITY, &format!("src-prefix-routing-eq={value}")).await, [matched], "{value}");
        assert_eq!(session.matches(QUALITY, &format!("src%2Dprefix%2drouting-eq={value}")).await, [matched], "{value}");
    }
    // The first `=` parts name and value; pairs that are empty say nothing.
    session.cdrs([json!({ "src_prefix_routing": "k=v", "time_start": BASE + 600 })]).await;
    assert_eq!(session.matches(QUALITY, "&&src-prefix-routing-eq=k=v&").await, [10]);
}

#[actix_web::test]
async fn text_that_is_not_utf_8_is_an_invalid_value_of_whatever_parameter() {
    let session = Session::new();
    for name in [
        "to-time",
        "src-country-id",
        "src-prefix-routing-eq",
        "dst-prefix-routing-contains",
        "duration-lt",
        "auth-orig-ip",
        "customer-price-eq",
        "numbers",
        "time-zone",
    ] {
        for value in ["%FF", "a%C3", "%C0%80", "%ED%A0%80"] {
            session.refused(QUALITY, &format!("{}&{name}={value}", window(1)), &format!("invalid value {name}")).await;
        }
    }
    session.refused(QUALITY, &format!("from-time={BASE}&sampling=%FF"), "invalid sampling").await;
    session.refused(OUTGOING, "src-name-in-eq=%FF", "invalid value src-name-in-eq").await;
    session.refused(OUTGOING, "connect-time-null=%FF", "invalid value connect-time-null").await;
}

#[actix_web::test]
async fn an_unknown_parameter_is_refused_by_its_name() {
    let session = Session::new();
    for report in ORIGINATION.into_iter().chain(TERMINATION) {
        session.refused(report, &format!("{}&foo=1&bar=2", window(1)), "unknown param foo").await;
        session.refused(report, &format!("{}&From-Time=1", window(1)), "unknown param From-Time").await;
        session.refused(report, &format!("{}&from_time=1", window(1)), "unknown param from_time").await;
        session.refused(report, &format!("{}&%22%5C%0A=1", window(1)), "unknown param \"\\\n").await;
        session.refused(report, &format!("{}&=1", window(1)), "unknown param ").await;
    }
    session.refused(OUTGOING, "foo", "unknown param foo").await;
}

#[actix_web::test]
async fn more_parameters_than_anybody_needs_are_refused_whatever_they_are() {
    let session = Session::new();
    let with = |more: usize, name: &str| format!("{}{}", window(1), format!("&{name}=1").repeat(more));
    // The session names the account itself.
    let given = 1 + window(1).matches('=').count();
    session.refused(QUALITY, &with(500 - given, "foo"), "unknown param foo").await;
    for report in [QUALITY, CONCURRENCY[0], OUTGOING] {
        for name in ["foo", "dst-prefix-routing-eq", "account-id", "from-time[]"] {
            session.refused(report, &with(501 - given, name), "more than 500 params").await;
        }
    }
}

#[actix_web::test]
async fn unknown_parameters_can_be_ignored_but_known_ones_are_still_checked() {
    let app = world_with(|config| config.api.unknown_params = UnknownParams::Ignore).await;
    let session = Session::at(&app);
    session.cdrs([json!({})]).await;
    let known = session.ask(QUALITY, &window(1)).await;
    let more = session.ask(QUALITY, &format!("{}&foo=1&bar[]=2&=&%FF=1", window(1))).await;
    assert_eq!((more.status, &more.body), (200, &known.body));
    session.refused(QUALITY, &format!("{}&foo=1&duration-eq=x", window(1)), "invalid value duration-eq").await;
}

#[actix_web::test]
async fn an_account_id_is_a_uuid_in_any_of_its_usual_forms() {
    let session = Session::new();
    let (uuid, other) = (session.uuid(), uuid(super::ACCOUNTS + 1));
    let ask = async |id: &str| session.get(&format!("{API}/{QUALITY}?account-id={id}&{}", window(1))).await;
    let hyphens = uuid.to_string();
    for id in [
        hyphens.clone(),
        hyphens.to_uppercase(),
        format!("{{{uuid}}}"),
        format!("%7B{uuid}%7D"),
        uuid.simple().to_string(),
    ] {
        assert_eq!(ask(&id).await.status, 200, "{id}");
    }
    for id in [
        String::new(),
        "x".into(),
        "1".into(),
        hyphens[1..].into(),
        format!("{uuid}0"),
        format!("%20{uuid}"),
        format!("{uuid}%0A"),
        format!("urn:uuid:{uuid}"),
        format!("URN:UUID:{uuid}"),
        format!("Urn:uuid:{}", uuid.simple()),
        hyphens.replace('-', "_"),
        format!("{{{uuid}"),
        "%FF".into(),
        other.to_string(),
        "00000000-0000-0000-0000-000000000000".into(),
        "ffffffff-ffff-ffff-ffff-ffffffffffff".into(),
    ] {
        let reply = ask(&id).await;
        assert_eq!((reply.status, reply.body.as_str()), (400, r#"{"error":"invalid value account-id"}"#), "{id:?}");
    }
}

#[actix_web::test]
async fn a_sampling_is_one_of_the_reports_own() {
    let session = Session::new();
    let short = ["minute", "5minutes", "15minutes"];
    let long = ["minute", "5minutes", "hour", "day", "week", "month"];
    for (reports, offered) in
        [([ORIGINATION[0], TERMINATION[0]], &short[..]), ([ORIGINATION[1], TERMINATION[1]], &long[..])]
    {
        for report in reports {
            for name in
                short.into_iter().chain(long).chain(["", "Minute", "minutes", "60", "year", "second", "minute,hour"])
            {
                let query = format!("from-time={BASE}&to-time={}&sampling={name}", BASE + 59);
                if offered.contains(&name) {
                    session.json(report, &query).await;
                } else {
                    session.refused(report, &query, "invalid sampling").await;
                }
            }
        }
    }
}

#[actix_web::test]
async fn words_of_the_form_are_exact() {
    let session = Session::new();
    for (name, good, bad) in [
        ("numbers", &["plain"][..], &["", "Plain", "string", "json"][..]),
        (
            "time-zone",
            &["UTC", "Europe/Kyiv", "America/New_York", "Asia/Kolkata"],
            &["", "europe/kyiv", "utc", "Nowhere", "%2B02:00", "../etc/passwd", "Europe/Kyiv%20"],
        ),
        ("fill", &["true", "false"], &["", "1", "True", "yes"]),
        ("format", &["rows", "columns"], &["", "xml", "Rows", "CSV", "parquet"]),
        ("t-unit", &["ms", "s"], &["", "us", "S"]),
    ] {
        for value in good {
            session.json(QUALITY, &format!("{}&{name}={value}", window(1))).await;
        }
        for value in bad {
            session.refused(QUALITY, &format!("{}&{name}={value}", window(1)), &format!("invalid value {name}")).await;
        }
    }
}

#[actix_web::test]
async fn nothing_in_a_query_string_makes_a_500() {
    let session = Session::new();
    let pieces = [
        "account-id",
        "from-time",
        "sampling",
        "minute",
        "=",
        "&",
        "[]",
        "%",
        "%F",
        "%FF",
        "+",
        "1",
        "-",
        "'",
        "\"",
        "\\",
        ";",
        ",",
        "🙂",
        "%00",
        "duration-eq",
        "fill",
    ];
    // A small generator, so that the same strings come each time.
    let mut state = 1u32;
    let mut next = |n: usize| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 16) as usize % n
    };
    for _ in 0..200 {
        let query: String = (0..next(12)).map(|_| pieces[next(pieces.len())]).collect();
        for report in [QUALITY, OUTGOING] {
            let reply = session.ask(report, &query).await;
            assert!([200, 400].contains(&reply.status), "{report} {query}: {}", reply.status);
        }
    }
    let long = "x".repeat(60_000);
    session.refused(QUALITY, &format!("{}&{long}", window(1)), &format!("unknown param {long}")).await;
}
