//! Of two faults the earlier in the contract's order is answered, wherever they stand in the query string (contract 2).

use super::{API, BASE, CONCURRENCY, OUTGOING, QUALITY, Session};
use crate::support::http::send;

/// Something wrong with a request.
struct Fault {
    what: &'static str,
    /// The parameters it sets; `None` leaves one out.
    sets: Vec<(&'static str, Option<&'static str>)>,
    status: u16,
    body: String,
}

fn fault(
    what: &'static str,
    sets: &[(&'static str, Option<&'static str>)],
    status: u16,
    body: impl Into<String>,
) -> Fault {
    Fault { what, sets: sets.to_vec(), status, body: body.into() }
}

fn invalid(name: &'static str, value: &'static str) -> Fault {
    fault(name, &[(name, Some(value))], 400, format!(r#"{{"error":"invalid value {name}"}}"#))
}

/// The faults in the contract's order: of any two, the one that stands first here is answered.
fn faults() -> Vec<Fault> {
    let error = |text: &str| format!(r#"{{"error":"{text}"}}"#);
    let mut all = vec![
        fault("token", &[], 401, ""),
        fault("missing", &[("sampling", None)], 400, error("missing required param(s) sampling")),
        fault("array", &[("to-time[]", Some("1"))], 400, error("param to-time can't be an array")),
        invalid("account-id", "x"),
        invalid("from-time", "x"),
        invalid("to-time", "x"),
        fault("sampling", &[("sampling", Some("x"))], 400, error("invalid sampling")),
    ];
    for name in ["src-country-id", "dst-country-id"] {
        all.push(invalid(name, "x"));
    }
    for name in [
        "src-prefix-routing-eq",
        "src-prefix-routing-starts-with",
        "src-prefix-routing-ends-with",
        "src-prefix-routing-contains",
        "dst-prefix-routing-eq",
        "dst-prefix-routing-starts-with",
        "dst-prefix-routing-ends-with",
        "dst-prefix-routing-contains",
    ] {
        all.push(invalid(name, "%FF"));
    }
    for name in [
        "duration-eq",
        "duration-gt",
        "duration-lt",
        "auth-orig-ip",
        "customer-price-eq",
        "customer-price-gt",
        "customer-price-lt",
        "numbers",
        "time-zone",
    ] {
        all.push(invalid(name, "x"));
    }
    all.extend([
        fault("unknown", &[("foo", Some("1"))], 400, error("unknown param foo")),
        fault(
            "order of times",
            &[("from-time", Some("4000000001")), ("to-time", Some("4000000000"))],
            400,
            error("to-time is before from-time"),
        ),
        fault(
            "buckets",
            &[("from-time", Some("0000000000"))],
            400,
            error("too many buckets: limits.max_buckets is 1000000, ask for a shorter range or a longer sampling"),
        ),
        fault("future", &[("from-time", Some("4000000000")), ("to-time", None)], 200, "[]"),
    ]);
    all
}

/// The parameter itself, without brackets.
fn stem(name: &str) -> &str {
    name.split('[').next().unwrap_or(name)
}

async fn answer(session: &Session, faults: [&Fault; 2], backwards: bool) -> (u16, String) {
    let mut pairs: Vec<(String, String)> = [
        ("account-id", session.uuid().to_string()),
        ("from-time", BASE.to_string()),
        ("to-time", (BASE + 59).to_string()),
        ("sampling", "minute".into()),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .to_vec();
    for (name, value) in faults.iter().flat_map(|fault| &fault.sets) {
        pairs.retain(|(other, _)| other != stem(name));
        pairs.extend(value.map(|value| ((*name).to_owned(), value.to_owned())));
    }
    if backwards {
        pairs.reverse();
    }
    let query: Vec<String> = pairs.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let request = session.client.get(format!("{}{API}/{QUALITY}?{}", session.url, query.join("&")));
    let bad_token = faults.iter().any(|fault| fault.what == "token");
    let reply = send(request.header("Authorization", if bad_token { "x" } else { &session.token })).await;
    (reply.status, reply.body)
}

#[actix_web::test]
async fn of_any_two_faults_the_earlier_in_the_contracts_order_is_answered_whatever_the_query_strings_order() {
    let (session, faults) = (Session::new(), faults());
    let mut pairs = 0;
    for (i, first) in faults.iter().enumerate() {
        for second in &faults[i..] {
            let same =
                |a: &Fault, b: &Fault| a.sets.iter().any(|(x, _)| b.sets.iter().any(|(y, _)| stem(x) == stem(y)));
            if first.what != second.what && same(first, second) {
                continue;
            }
            pairs += 1;
            for backwards in [false, true] {
                let found = answer(&session, [first, second], backwards).await;
                assert_eq!(found, (first.status, first.body.clone()), "{} and {}", first.what, second.what);
            }
        }
    }
    assert!(pairs > 400, "{pairs}");
}

#[actix_web::test]
async fn to_time_before_from_time_comes_before_from_time_in_the_future() {
    let session = Session::new();
    let query = "from-time=4000000001&to-time=4000000000&sampling=minute";
    session.refused(QUALITY, query, "to-time is before from-time").await;
}

#[actix_web::test]
async fn filters_of_live_calls_are_checked_in_the_order_of_the_table() {
    let session = Session::new();
    let mut query = String::new();
    // From the last to the first: each new fault takes over from all later ones.
    for (name, value) in [
        ("foo", "1"),
        ("dst-prefix-in-contains", "%FF"),
        ("src-prefix-in-eq", "%FF"),
        ("src-name-in-eq", "%FF"),
        ("connect-time-null", "%FF"),
        ("auth-orig-transport-protocol-id", "x"),
        ("auth-orig-port", "x"),
        ("auth-orig-ip", "x"),
        ("dst-prefix-routing-eq", "%FF"),
        ("src-prefix-routing-eq", "%FF"),
    ] {
        query = format!("{query}&{name}={value}");
        let error = if name == "foo" { "unknown param foo".to_owned() } else { format!("invalid value {name}") };
        session.refused(OUTGOING, &query, &error).await;
    }
    let mut query = String::new();
    for (name, value) in [
        ("foo", "1"),
        ("auth-orig-ip", "x"),
        ("duration-lt", "x"),
        ("dst-prefix-routing-eq", "%FF"),
        ("dst-country-id", "x"),
        ("to-time", "x"),
        ("from-time", "x"),
    ] {
        query = format!("{query}&{name}={value}");
        let error = if name == "foo" { "unknown param foo".to_owned() } else { format!("invalid value {name}") };
        session.refused(CONCURRENCY[0], &format!("from-time={BASE}&to-time={BASE}{query}"), &error).await;
    }
}
