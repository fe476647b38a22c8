//! A raw plus in a query string, which arrives as a space.

use serde_json::json;
use time::OffsetDateTime;

use super::{QUALITY, Session, window};

#[actix_web::test]
async fn a_raw_plus_before_digits_is_a_plus() {
    let session = Session::new();
    let prefixes = ["+44", "44", " 44", "+4420", "+49", "4+4", "4 4"];
    session
        .cdrs(
            prefixes
                .map(|prefix| json!({ "dst_prefix_routing": prefix, "src_prefix_routing": prefix, "duration": 60 })),
        )
        .await;
    for name in ["dst-prefix-routing", "src-prefix-routing"] {
        for (filter, matched) in [
            ("starts-with=+44", vec![0, 3]),
            ("starts-with=%2B44", vec![0, 3]),
            ("starts-with=%2044", vec![2]),
            ("starts-with=+", vec![2]),
            ("starts-with=44,+49", vec![1, 4]),
            ("starts-with=44%2C+49", vec![1, 4]),
            ("starts-with=+44,+49", vec![0, 3, 4]),
            ("eq=+44", vec![0]),
            ("eq=%2044", vec![2]),
            ("in=+44,+49", vec![0, 4]),
            ("not-eq=+44,44", vec![2, 3, 4, 5, 6]),
            ("contains=+4", vec![0, 3, 4, 5]),
            ("ends-with=+44", vec![0]),
            // Only where a number begins.
            ("eq=4+4", vec![6]),
            ("ends-with=4+4", vec![6]),
        ] {
            assert_eq!(session.matches(QUALITY, &format!("{name}-{filter}")).await, matched, "{name}-{filter}");
        }
    }
    let all: Vec<i64> = (0..7).collect();
    for (filter, matched) in [
        ("duration-eq=+60", &all),
        ("duration-lt=+060", &vec![]),
        ("src-country-id=+0,+1", &all),
        ("customer-price-lt=+0.5", &all),
    ] {
        assert_eq!(&session.matches(QUALITY, filter).await, matched, "{filter}");
    }
    for (name, value) in [
        ("duration-eq", "%2B60"),
        ("duration-eq", "%2060"),
        ("duration-eq", "+-60"),
        ("duration-eq", "++60"),
        ("duration-eq", "+"),
        ("duration-eq", "6+0"),
        ("src-country-id", "1,+"),
        ("customer-price-eq", "+.5"),
    ] {
        session.refused(QUALITY, &format!("{}&{name}={value}", window(1)), &format!("invalid value {name}")).await;
    }
    // Names are no numbers.
    let now = OffsetDateTime::now_utc().unix_timestamp();
    session
        .live(["+44", " 44"].map(|text| json!({ "snapshot_timestamp": now, "src_name_in": text, "src_prefix_in": text, "dst_prefix_in": text, "id": if text == "+44" { 1 } else { 2 } })))
        .await;
    for (filter, text) in
        [("src-name-in-eq=+44", " 44"), ("src-prefix-in-eq=+44", "+44"), ("dst-prefix-in-starts-with=+44", "+44")]
    {
        let found = session.json("outgoing-active-calls", filter).await;
        assert_eq!(found["data"].as_array().unwrap().len(), 1, "{filter}: {found}");
        assert_eq!(found["data"][0]["src_name_in"], text, "{filter}: {found}");
    }
}
