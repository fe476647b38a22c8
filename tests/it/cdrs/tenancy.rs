//! Who may read calls one by one, whose, and which columns.

use cdrscope::token::Issue;
use serde_json::{Value, json};

use super::{FIRST, World, ndjson, world};
use crate::support::app::API;

const OPERATORS: &str = "/api/rest/operator/v1/cdrs";

/// A token of the customers' key with these claims in `cfg`.
fn claims(cfg: &Value) -> String {
    let key = jsonwebtoken::EncodingKey::from_secret(crate::support::app::SECRET.as_bytes());
    let claims = json!({ "aud": "customer-v1", "sub": "D", "exp": 4_000_000_000_u32, "cfg": cfg });
    jsonwebtoken::encode(&jsonwebtoken::Header::default(), &claims, &key).unwrap()
}

async fn status(world: &World, path: &str, token: &str) -> (u16, String) {
    let reply = world.app.get(path, token).await;
    (reply.status, reply.body)
}

#[actix_web::test]
async fn a_customers_token_may_read_calls_unless_it_or_the_settings_say_otherwise() {
    const REFUSED: &str = r#"{"error":"the token has no right to read calls one by one (export)"}"#;
    for customers in [true, false] {
        let world = world(|config| config.exports.customers = customers).await;
        for (cfg, may) in [
            (json!({ "customer_id": 7 }), customers),
            (json!({ "customer_id": 7, "may": null }), customers),
            (json!({ "customer_id": 7, "may": [] }), false),
            (json!({ "customer_id": 7, "may": ["cost"] }), false),
            (json!({ "customer_id": 7, "may": ["Export"] }), false),
            (json!({ "customer_id": 7, "may": ["export"] }), true),
        ] {
            for (report, format) in [("origination-cdrs", "columns"), ("termination-cdrs", "csv")] {
                let path = world.path(report, &format!("&format={format}"));
                let (status, body) = status(&world, &path, &claims(&cfg)).await;
                assert_eq!(status, if may { 200 } else { 403 }, "{cfg} {body}");
                assert!(may || body == REFUSED, "{body}");
            }
            // It takes away nothing else.
            let path =
                format!("{API}/origination-statistics?account-id={}&from-time={FIRST}&sampling=month", world.account);
            assert_eq!(status(&world, &path, &claims(&cfg)).await.0, 200);
        }
        let (status, _) =
            status(&world, &world.path("origination-cdrs", ""), &claims(&json!({ "customer_id": 7, "may": "export" })))
                .await;
        assert_eq!(status, 401);
        let row = r#"{"id":9,"customer_id":7}"#;
        crate::support::insert(&world.app.admin, "api_access", row).await;
        let token = world.app.sign(&Issue::Access(9), 600);
        world.app.until_known(world.account, &token).await;
        let reply = world.app.get(&world.path("origination-cdrs", ""), &token).await;
        assert_eq!(reply.status, if customers { 200 } else { 403 });
    }
}

#[actix_web::test]
async fn no_account_and_no_side_but_the_tokens_own_are_read() {
    let world = world(|_| ()).await;
    let refused = (400, r#"{"error":"invalid value account-id"}"#.to_owned());
    let other = world.app.account(5, 8).await;
    world.app.until_known(other, &world.app.token(8, &[])).await;
    for format in ["columns", "rows", "csv", "ndjson", "parquet"] {
        let of =
            |account: String| format!("{API}/origination-cdrs?account-id={account}&from-time={FIRST}&format={format}");
        assert_eq!(status(&world, &of(other.to_string()), &world.token).await, refused);
        assert_eq!(status(&world, &of(format!("{},{other}", world.account)), &world.token).await, refused);
        assert_eq!(status(&world, &of(world.account.to_string()), &world.app.token(7, &[2])).await, refused);
        let origination = claims(&json!({ "customer_id": 7, "sides": ["origination"] }));
        let path = world.path("termination-cdrs", &format!("&format={format}"));
        assert_eq!(status(&world, &path, &origination).await, refused);
        assert_eq!(status(&world, &path, "").await.0, 401);
        assert_eq!(status(&world, OPERATORS, &world.token).await.0, 401);
    }
    // An account that two customers' calls name is read of its own customer's alone: of account 5, 8 has calls and 7 has none.
    let path = format!("{API}/origination-cdrs?account-id={other}&from-time={FIRST}&format=ndjson&columns=customer_id");
    let rows = ndjson(&world.get(&path, &world.app.token(8, &[])).await);
    assert!(!rows.is_empty() && rows.iter().all(|row| row["customer_id"] == 8));
    let mine = world.app.account(5, 7).await;
    world.app.until_known(mine, &world.token).await;
    let path = format!("{API}/origination-cdrs?account-id={mine}&from-time={FIRST}&format=ndjson");
    assert_eq!(status(&world, &path, &world.token).await, (200, String::new()));
}

#[actix_web::test]
async fn operators_read_calls_of_their_lists_and_columns_of_their_rights() {
    let world = world(|_| ()).await;
    let path = format!("{OPERATORS}?from-time={FIRST}&format=ndjson");
    let every = ["cost", "vendors", "numbers", "export"];
    for (without, column) in [
        ("cost", "vendor_price"),
        ("cost", "profit"),
        ("cost", "dialpeer_next_rate"),
        ("cost", "vendor_currency_rate"),
        ("vendors", "vendor_id"),
        ("vendors", "vendor_acc_id"),
        ("vendors", "term_gw_id"),
        ("vendors", "dst_prefix_out"),
        ("vendors", "term_call_id"),
        ("numbers", "src_name_in"),
        ("numbers", "diversion_in"),
    ] {
        let path = format!("{path}&columns=id,{column}");
        let few: Vec<&str> = every.into_iter().filter(|right| *right != without).collect();
        let refused = (400, format!(r#"{{"error":"invalid value columns: {column}"}}"#));
        assert_eq!(status(&world, &path, &world.app.operator_token(&[], &[], &few)).await, refused);
        assert_eq!(status(&world, &path, &world.app.operator_token(&[], &[], &every)).await.0, 200, "{column}");
    }
    let (code, body) =
        status(&world, &path, &world.app.operator_token(&[], &[], &["cost", "vendors", "numbers"])).await;
    assert_eq!((code, body.contains("no right")), (403, true));
    let whole = ndjson(
        &world
            .get(
                &format!("{path}&columns=src_prefix_in,dst_prefix_routing"),
                &world.app.operator_token(&[], &[], &every),
            )
            .await,
    );
    let masked = ndjson(
        &world
            .get(
                &format!("{path}&columns=src_prefix_in,dst_prefix_routing"),
                &world.app.operator_token(&[], &[], &["export"]),
            )
            .await,
    );
    let mut cut: Vec<String> = whole
        .iter()
        .map(|row| {
            ["src_prefix_in", "dst_prefix_routing"]
                .map(|name| {
                    let text = row[name].as_str().unwrap();
                    text[..text.len() - 4].to_owned()
                })
                .join(" ")
        })
        .collect();
    let mut seen: Vec<String> = masked
        .iter()
        .map(|row| ["src_prefix_in", "dst_prefix_routing"].map(|name| row[name].as_str().unwrap().to_owned()).join(" "))
        .collect();
    cut.sort();
    seen.sort();
    assert_eq!(seen, cut);
    // Nor can they be found by filters.
    let one = whole.first().unwrap()["dst_prefix_routing"].as_str().unwrap();
    let found = format!("{path}&columns=id&dst-prefix-routing-eq={one}");
    assert_eq!(world.get(&found, &world.app.operator_token(&[], &[], &["export"])).await, "");
    assert_ne!(world.get(&found, &world.app.operator_token(&[], &[], &every)).await, "");
    let listed = ndjson(
        &world
            .get(
                &format!("{path}&columns=customer_id,vendor_id&side=termination"),
                &world.app.operator_token(&[8], &[8], &every),
            )
            .await,
    );
    assert!(!listed.is_empty() && listed.iter().all(|row| row["customer_id"] == 8 && row["vendor_id"] == 8));
    let (code, body) =
        status(&world, &format!("{path}&side=termination"), &world.app.operator_token(&[], &[], &["export"])).await;
    assert_eq!((code, body.as_str()), (400, r#"{"error":"invalid value side"}"#));
}
