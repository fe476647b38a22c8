//! What a well-signed token must say: header and claims of the right names and types (contract 3; RFC 8725).

use cdrscope::token::{Grant, Rejected, Subject};
use serde_json::{Value, json};

use super::tokens::{HEADER, NOW, at, keys, signed, with};

fn verdict(payload: &str) -> Result<Subject, Rejected> {
    keys(|_| ()).verify(&signed(HEADER, payload), at(NOW))
}

#[test]
fn extensions_that_the_header_calls_critical_are_refused() {
    for crit in [r#"["exp"]"#, r#"["b64"]"#, r#"["x"],"x":1"#, "[]", r#""x""#, "1"] {
        let token = signed(&format!(r#"{{"alg":"HS256","crit":{crit}}}"#), &with("", None));
        assert!(keys(|_| ()).verify(&token, at(NOW)).is_err(), "{crit}");
    }
}

#[test]
fn the_headers_typ_may_be_absent_or_any_text() {
    for header in [
        HEADER,
        r#"{"typ":"JWT","alg":"HS256"}"#,
        r#"{"alg":"HS256","typ":"at+jwt"}"#,
        r#"{"alg":"HS256","kid":"any","x":1}"#,
    ] {
        assert_eq!(keys(|_| ()).verify(&signed(header, &with("", None)), at(NOW)), Ok(Subject::Access(38)), "{header}");
    }
    for header in [
        "",
        "{}",
        "[]",
        "null",
        "x",
        r#"{"alg":["HS256"]}"#,
        r#"{"alg":"HS256","alg":"HS256"}"#,
        r#"{"typ":"JWT"}"#,
        r#"{"alg":"HS256"} x"#,
    ] {
        assert_eq!(
            keys(|_| ()).verify(&signed(header, &with("", None)), at(NOW)),
            Err(Rejected::Malformed),
            "{header}"
        );
    }
}

#[test]
fn the_audience_is_text_or_an_array_that_contains_customer_v1() {
    for aud in [r#""customer-v1""#, r#"["customer-v1"]"#, r#"["x","customer-v1"]"#] {
        assert_eq!(verdict(&with("aud", Some(aud))), Ok(Subject::Access(38)), "{aud}");
    }
    for aud in [
        r#""""#,
        "[]",
        r#""admin""#,
        r#"["admin-v1"]"#,
        r#""Customer-v1""#,
        r#""customer-v1 ""#,
        r#""customer-v10""#,
        r#""x customer-v1""#,
        r#"["customer-v1,x"]"#,
    ] {
        assert_eq!(verdict(&with("aud", Some(aud))), Err(Rejected::Audience), "{aud}");
    }
    assert_eq!(verdict(&with("aud", None)), Err(Rejected::Audience));
    for aud in ["null", "1", "true", "{}", r#"{"customer-v1":1}"#, r#"[["customer-v1"]]"#, r#"["customer-v1",1]"#] {
        assert_eq!(verdict(&with("aud", Some(aud))), Err(Rejected::Malformed), "{aud}");
    }
}

#[test]
fn exp_is_required_and_a_number_and_its_fraction_counts() {
    for (exp, verdict_then) in [
        (format!("{NOW}.5"), Ok(Subject::Access(38))),
        (format!("{}", NOW + 1), Ok(Subject::Access(38))),
        ("99999999999".into(), Ok(Subject::Access(38))),
        ("1e300".into(), Ok(Subject::Access(38))),
        (format!("{NOW}"), Err(Rejected::Expired)),
        (format!("{NOW}.0"), Err(Rejected::Expired)),
        (format!("{}.999", NOW - 1), Err(Rejected::Expired)),
        ("0".into(), Err(Rejected::Expired)),
        ("-1".into(), Err(Rejected::Expired)),
        ("-1e300".into(), Err(Rejected::Expired)),
        (format!("\"{}\"", NOW + 60), Err(Rejected::Malformed)),
        ("null".into(), Err(Rejected::Malformed)),
        ("true".into(), Err(Rejected::Malformed)),
        ("[]".into(), Err(Rejected::Malformed)),
        ("{}".into(), Err(Rejected::Malformed)),
        ("1e400".into(), Err(Rejected::Malformed)),
        ("NaN".into(), Err(Rejected::Malformed)),
    ] {
        assert_eq!(verdict(&with("exp", Some(&exp))), verdict_then, "{exp}");
    }
    assert_eq!(verdict(&with("exp", None)), Err(Rejected::Expired));
    let half = signed(HEADER, &with("exp", Some(&format!("{NOW}.5"))));
    assert_eq!(keys(|_| ()).verify(&half, at(NOW) + time::Duration::milliseconds(500)), Err(Rejected::Expired));
    // Tokens without exp, where they are wanted; one that is there still counts.
    let lax = keys(|auth| auth.require_exp = false);
    assert_eq!(lax.verify(&signed(HEADER, &with("exp", None)), at(NOW)), Ok(Subject::Access(38)));
    for exp in [NOW.to_string(), "null".into(), "\"x\"".into()] {
        assert!(lax.verify(&signed(HEADER, &with("exp", Some(&exp))), at(NOW)).is_err(), "{exp}");
    }
}

#[test]
fn nbf_is_honoured_and_times_are_numbers() {
    for (nbf, expected) in [
        (NOW.to_string(), Ok(Subject::Access(38))),
        ((NOW - 1).to_string(), Ok(Subject::Access(38))),
        (format!("{NOW}.5"), Err(Rejected::TooEarly)),
        ((NOW + 1).to_string(), Err(Rejected::TooEarly)),
        ("1e300".into(), Err(Rejected::TooEarly)),
        ("null".into(), Err(Rejected::Malformed)),
        ("\"0\"".into(), Err(Rejected::Malformed)),
    ] {
        assert_eq!(verdict(&with("nbf", Some(&nbf))), expected, "{nbf}");
    }
    for iat in ["null", "\"0\"", "[]"] {
        assert_eq!(verdict(&with("iat", Some(iat))), Err(Rejected::Malformed), "{iat}");
    }
    assert_eq!(verdict(&with("iat", Some("1"))), Ok(Subject::Access(38)));
}

#[test]
fn sub_is_an_integer_or_its_text() {
    for (sub, id) in [("38", 38), ("\"38\"", 38), ("0", 0), ("4294967295", u32::MAX), ("\"4294967295\"", u32::MAX)] {
        assert_eq!(verdict(&with("sub", Some(sub))), Ok(Subject::Access(id)), "{sub}");
    }
    for sub in [
        "-1",
        "38.0",
        "38.5",
        "3.8e1",
        "4294967296",
        "18446744073709551616",
        "true",
        "null",
        "[]",
        "{}",
        "[38]",
        "\"\"",
        "\"x\"",
        "\"-1\"",
        "\"+38\"",
        "\" 38\"",
        "\"38 \"",
        "\"4294967296\"",
        "\"0x26\"",
        "\"38.0\"",
        "\"d\"",
        "\"DD\"",
        "\"٣\"",
    ] {
        assert!(verdict(&with("sub", Some(sub))).is_err(), "{sub}");
    }
    assert_eq!(verdict(&with("sub", None)), Err(Rejected::Subject));
}

#[test]
fn a_dynamic_token_carries_its_own_grant() {
    let dynamic = |cfg: &str| verdict(&with("sub", Some(&format!(r#""D","cfg":{cfg}"#))));
    let grant = |account_ids: &[u32], nets: &[&str]| {
        let allowed_ips = nets.iter().map(|net| net.parse().unwrap()).collect();
        let account_ids = account_ids.to_vec();
        Ok(Subject::Grant(Grant { customer_id: 7, account_ids, allowed_ips, debug: false, sides: None, export: None }))
    };
    for (cfg, expected) in [
        (json!({ "customer_id": 7 }), grant(&[], &[])),
        (json!({ "customer_id": 7, "account_ids": null, "allowed_ips": null }), grant(&[], &[])),
        (json!({ "customer_id": 7, "account_ids": [], "allowed_ips": [], "more": {} }), grant(&[], &[])),
        (
            json!({ "customer_id": 7, "account_ids": [1, 2], "allowed_ips": ["192.0.2.1", "10.0.0.0/8", "2001:db8::/32"] }),
            grant(&[1, 2], &["192.0.2.1/32", "10.0.0.0/8", "2001:db8::/32"]),
        ),
    ] {
        assert_eq!(dynamic(&cfg.to_string()), expected, "{cfg}");
    }
    for (debug, may) in
        [("", false), (r#","debug":null"#, false), (r#","debug":false"#, false), (r#","debug":true"#, true)]
    {
        let verdict = dynamic(&format!(r#"{{"customer_id":7{debug}}}"#));
        assert!(matches!(&verdict, Ok(Subject::Grant(grant)) if grant.debug == may), "{debug}: {verdict:?}");
    }
    let bad: [Value; 29] = [
        json!(null),
        json!({}),
        json!([]),
        json!("x"),
        json!(7),
        json!({ "customer_id": null }),
        json!({ "customer_id": "7" }),
        json!({ "customer_id": 7.5 }),
        json!({ "customer_id": -7 }),
        json!({ "customer_id": 4_294_967_296u64 }),
        json!({ "customer_id": true }),
        json!({ "customer_id": [7] }),
        json!({ "Customer_id": 7 }),
        json!({ "customer_id": 7, "account_ids": 1 }),
        json!({ "customer_id": 7, "account_ids": "1" }),
        json!({ "customer_id": 7, "account_ids": ["1"] }),
        json!({ "customer_id": 7, "account_ids": [1, -2] }),
        json!({ "customer_id": 7, "account_ids": [null] }),
        json!({ "customer_id": 7, "account_ids": {} }),
        json!({ "customer_id": 7, "allowed_ips": "192.0.2.1" }),
        json!({ "customer_id": 7, "allowed_ips": [1] }),
        json!({ "customer_id": 7, "allowed_ips": ["192.0.2.1", "x"] }),
        json!({ "customer_id": 7, "allowed_ips": [""] }),
        json!({ "customer_id": 7, "allowed_ips": ["10.0.0.0/33"] }),
        json!({ "customer_id": 7, "debug": "true" }),
        json!({ "customer_id": 7, "debug": 1 }),
        json!({ "customer_id": 7, "debug": [] }),
        json!({ "customer_id": 7, "debug": {} }),
        json!({ "customer_id": 7, "debug": "" }),
    ];
    for cfg in bad {
        assert_eq!(dynamic(&cfg.to_string()), Err(Rejected::Subject), "{cfg}");
    }
    assert_eq!(verdict(&with("sub", Some("\"D\""))), Err(Rejected::Subject));
    assert_eq!(dynamic(r#"{"customer_id":7,"customer_id":8}"#), Err(Rejected::Subject));
    // A static token's cfg is nobody's business.
    assert_eq!(verdict(&with("cfg", Some("[1]"))), Ok(Subject::Access(38)));
}

#[test]
fn a_claim_that_stands_twice_is_refused() {
    for twice in [r#""sub":38,"sub":39"#, r#""aud":"customer-v1","aud":"customer-v1""#, r#""exp":9999999999,"exp":1"#] {
        let name = twice.split('"').nth(1).unwrap();
        let rest = twice.split_once(':').unwrap().1;
        assert_eq!(verdict(&with(name, Some(rest))), Err(Rejected::Malformed), "{twice}");
    }
    for payload in ["", "[]", "null", "38", "x", "{", "{}"] {
        assert!(verdict(payload).is_err(), "{payload}");
    }
}

/// The service remembers which tokens were right; not that they still are.
#[test]
fn a_token_that_was_accepted_is_looked_at_again() {
    let keys = keys(|_| ());
    let (second, ago) = (time::Duration::seconds(1), NOW - 10);
    let token = signed(HEADER, &with("exp", Some(&(NOW + 1).to_string())));
    for _ in 0..3 {
        assert_eq!(keys.verify(&token, at(NOW)), Ok(Subject::Access(38)));
        assert_eq!(keys.verify(&token, at(NOW) + second), Err(Rejected::Expired));
    }
    let later = signed(HEADER, &with("nbf", Some(&NOW.to_string())));
    assert_eq!(keys.verify(&later, at(NOW)), Ok(Subject::Access(38)));
    // A clock that was put back.
    assert_eq!(keys.verify(&later, at(ago)), Err(Rejected::TooEarly));
    // Every other text is another token: cut, longer, with another signature, with the claims of one and the signature of
    // the other.
    assert_eq!(keys.verify(&token, at(NOW)), Ok(Subject::Access(38)));
    let (signed_part, signature) = token.rsplit_once('.').unwrap();
    let (claims_of_later, _) = later.rsplit_once('.').unwrap();
    let flipped = if signature.starts_with('A') { "B" } else { "A" };
    for other in [
        format!("{signed_part}."),
        format!("{signed_part}.{}", &signature[1..]),
        format!("{signed_part}.{flipped}{}", &signature[1..]),
        format!("{token}A"),
        format!("{token}="),
        format!(" {token}"),
        format!("{claims_of_later}.{signature}"),
    ] {
        assert!(keys.verify(&other, at(NOW)).is_err(), "{other}");
    }
    let others = super::tokens::keys(|auth| {
        auth.secret = cdrscope::config::value::Secret::new("another secret, of 32 bytes or more")
    });
    assert_eq!(others.verify(&token, at(NOW)), Err(Rejected::Signature));
}
