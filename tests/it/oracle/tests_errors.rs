//! The 400s, by hand, in the contract's order.

use super::fixtures::{ACCOUNT, FOREIGN, T0, ask_with, caller, request, world};
use super::{Caller, Endpoint, Expected, Settings, Time, answer};

const GOOD: &str = "account-id=ACCOUNT&from-time=2026-01-01&to-time=2026-01-01 12:00&sampling=minute";

fn error(endpoint: Endpoint, pairs: &str) -> String {
    let (status, body) = ask_with(&world(), &Settings::default(), endpoint, pairs);
    assert_eq!(status, 400, "{pairs}: {body}");
    body.strip_prefix("{\"error\":\"").and_then(|body| body.strip_suffix("\"}")).unwrap_or(&body).to_owned()
}

fn seed_error(pairs: &str) -> String {
    error(Endpoint::OriginationQuality, pairs)
}

#[test]
fn missing_parameters_are_named_in_the_contracts_order() {
    assert_eq!(seed_error("x=y"), "missing required param(s) account-id, from-time, sampling");
    assert_eq!(seed_error("sampling=x&account-id="), "missing required param(s) from-time");
    assert_eq!(seed_error("sampling[]=x&account-id=&from-time=1"), "param sampling can't be an array");
    assert_eq!(
        error(Endpoint::OriginationActiveCalls, "sampling=minute"),
        "missing required param(s) account-id, from-time"
    );
    assert_eq!(error(Endpoint::OutgoingActiveCalls, "from-time=1"), "missing required param(s) account-id");
}

#[test]
fn the_first_of_the_contracts_checks_answers() {
    assert_eq!(seed_error("from-time=x&account-id=x&sampling=x&duration-eq=x&a=b"), "invalid value account-id");
    assert_eq!(seed_error("from-time=x&account-id=ACCOUNT&sampling=x&duration-eq=x&a=b"), "invalid value from-time");
    assert_eq!(
        seed_error("from-time=2026-01-01&to-time=x&account-id=ACCOUNT&sampling=x&duration-eq=x&a=b"),
        "invalid value to-time"
    );
    assert_eq!(
        seed_error("from-time=2026-01-01&account-id=ACCOUNT&sampling=hour&duration-eq=x&a=b"),
        "invalid sampling"
    );
    assert_eq!(
        seed_error(&format!("{GOOD}&customer-price-eq=x&a=b&duration-lt=x&src-country-id=")),
        "invalid value src-country-id"
    );
    assert_eq!(seed_error(&format!("{GOOD}&b=1&a=b&to-time=1970-01-01")), "unknown param b");
    assert_eq!(
        seed_error("account-id=ACCOUNT&from-time=2026-01-01&to-time=2025-12-31T23:59:59Z&sampling=minute"),
        "to-time is before from-time"
    );
    assert_eq!(
        seed_error("account-id=ACCOUNT&from-time=2027-01-01&to-time=2026-12-31&sampling=minute"),
        "to-time is before from-time"
    );
    assert_eq!(seed_error("account-id=ACCOUNT&from-time=1970-01-01&sampling=minute"), "too many buckets: 1000000");
    assert_eq!(seed_error(&format!("{GOOD}&duration-eq[]=1&account-id=x")), "param duration-eq can't be an array");
}

#[test]
fn only_the_callers_own_accounts_are_known() {
    let bare = ACCOUNT.replace('-', "");
    let forms =
        [ACCOUNT.to_owned(), ACCOUNT.to_uppercase(), bare.clone(), format!("{{{ACCOUNT}}}"), format!("{{{bare}}}")];
    let ask = |caller: &Caller, account: &str| {
        let request = request(Endpoint::OutgoingActiveCalls, &format!("account-id={account}"));
        answer(&world(), caller, &request, &Time::at(T0), &Settings::default())
    };
    let nothing = Expected::Answer(200, "{\"data\":[],\"rows\":0}".to_owned());
    let refused = Expected::Answer(400, "{\"error\":\"invalid value account-id\"}".to_owned());
    for form in forms {
        assert_eq!(ask(&caller(), &form), nothing, "{form}");
    }
    for form in [
        "",
        FOREIGN,
        "06a59fec-e7d9-11f0-932e-0a63caf27530",
        "06a59fec",
        "70",
        &format!("{{{ACCOUNT}"),
        &format!("{ACCOUNT} "),
        &format!("-{ACCOUNT}"),
    ] {
        assert_eq!(ask(&caller(), form), refused, "{form}");
    }
    assert_eq!(ask(&Caller { customer_id: 7, account_ids: vec![71] }, ACCOUNT), refused);
    assert_eq!(ask(&Caller { customer_id: 8, account_ids: Vec::new() }, ACCOUNT), refused);
}

#[test]
fn from_time_in_the_future_is_an_empty_list() {
    let future = |pairs: &str| ask_with(&world(), &Settings::default(), Endpoint::OriginationQuality, pairs);
    assert_eq!(future("account-id=ACCOUNT&from-time=1767272161&sampling=minute"), (200, "[]".to_owned()));
    assert_eq!(future("account-id=ACCOUNT&from-time=2105-12-31&sampling=minute&format=rows"), (200, "[]".to_owned()));
    assert_ne!(future("account-id=ACCOUNT&from-time=1767272160&sampling=minute").1, "[]");
}

#[test]
fn every_value_is_checked_as_its_type() {
    for bad in [
        "src-country-id=-1",
        "src-country-id=4294967296",
        "dst-country-id=1,",
        "dst-country-id=1, 2",
        "dst-country-id-not-eq=",
        "duration-eq=1.0",
        "duration-gt=2147483648",
        "duration-not-eq=1,2",
        "auth-orig-ip=",
        "auth-orig-ip=1.2.3",
        "auth-orig-ip=1.2.3.4/32",
        "customer-price-eq=1,2",
        "customer-price-gt=1000000000000.1",
        "customer-price-lteq=.5",
        "numbers=",
        "numbers=Plain",
        "time-zone=europe/kyiv",
        "time-zone=",
        "src-prefix-routing-in=,",
        "src-prefix-routing-in=44,,45",
        "dst-prefix-routing-not-eq=44,",
        "dst-prefix-routing-starts-with=,44",
        "fill=",
        "fill=1",
        "format=columns",
        "t-unit=us",
    ] {
        let name = bad.split('=').next().unwrap();
        assert_eq!(seed_error(&format!("{GOOD}&{bad}")), format!("invalid value {name}"), "{bad}");
    }
    for bad in [
        "auth-orig-port=2147483648",
        "auth-orig-transport-protocol-id=128",
        "auth-orig-transport-protocol-id=-129",
        "auth-orig-port=",
        "src-name-in-in=a,,b",
    ] {
        let name = bad.split('=').next().unwrap();
        assert_eq!(
            error(Endpoint::OutgoingActiveCalls, &format!("account-id=ACCOUNT&{bad}")),
            format!("invalid value {name}"),
            "{bad}"
        );
    }
}

#[test]
fn each_report_knows_its_own_parameters() {
    let unknown = |endpoint, good: &str, pairs: &[&str]| {
        for pair in pairs {
            let name = pair.split('=').next().unwrap();
            assert_eq!(error(endpoint, &format!("{good}&{pair}")), format!("unknown param {name}"));
        }
    };
    unknown(
        Endpoint::OriginationQuality,
        GOOD,
        &["vendor-price-eq=1", "auth-orig-port=1", "src-name-in-eq=x", "Sampling=minute"],
    );
    unknown(Endpoint::TerminationQuality, GOOD, &["customer-price-eq=1", "auth-orig-ip=1.2.3.4"]);
    unknown(
        Endpoint::TerminationActiveCalls,
        "account-id=ACCOUNT&from-time=2026-01-01",
        &["vendor-price-eq=1", "auth-orig-ip=1.2.3.4", "sampling=minute", "numbers=plain", "time-zone=UTC"],
    );
    unknown(
        Endpoint::OriginationActiveCalls,
        "account-id=ACCOUNT&from-time=2026-01-01",
        &["customer-price-eq=1", "sampling=minute"],
    );
    unknown(
        Endpoint::OutgoingActiveCalls,
        "account-id=ACCOUNT",
        &["from-time=2026-01-01", "to-time=2026-01-01", "duration-eq=1", "src-country-id=1", "fill=true", "t-unit=s"],
    );
    let settings = Settings { ignore_unknown: true, ..Settings::default() };
    assert_eq!(ask_with(&world(), &settings, Endpoint::OriginationQuality, &format!("{GOOD}&x=y")).0, 200);
}
