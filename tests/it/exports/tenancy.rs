//! The tokens that see an export, and the lines of the audit log about it.

use cdrscope::token::Issue;
use serde_json::{Value, json};

use super::{FIRST, OPERATORS, bytes, over, post, slowly, until, world, world_of};
use crate::support::app::API;
use crate::support::http::send;
use crate::support::{db, eventually, insert};

/// A token of the customers' key with these claims in `cfg`.
fn claims(cfg: &Value) -> String {
    let key = jsonwebtoken::EncodingKey::from_secret(crate::support::app::SECRET.as_bytes());
    let claims = json!({ "aud": "customer-v1", "sub": "D", "exp": 4_000_000_000_u32, "cfg": cfg });
    jsonwebtoken::encode(&jsonwebtoken::Header::default(), &claims, &key).unwrap()
}

#[actix_web::test]
async fn an_export_is_nobodys_but_its_makers() {
    let world = world(|_| ()).await;
    let (place, _) = world.done("origination-cdrs", "&columns=id").await;
    insert(&world.app.admin, "api_access", r#"{"id":9,"customer_id":7}"#).await;
    let row = world.app.sign(&Issue::Access(9), 600);
    world.app.until_known(world.account, &row).await;
    let operator = world.app.operator_token(&[], &[], &["cost", "vendors", "numbers", "export"]);
    let mut others = vec![world.app.token(8, &[]), world.app.token(7, &[1]), row];
    others.push(claims(&json!({ "customer_id": 7, "sides": ["origination"] })));
    others.push(claims(&json!({ "customer_id": 7, "may": [] })));
    others.push(claims(&json!({ "customer_id": 7, "may": ["export"] })));
    for token in &others {
        for (method, end) in [("GET", ""), ("HEAD", ""), ("GET", "/file"), ("DELETE", "")] {
            let reply = send(world.app.request(method, &format!("{place}{end}")).header("Authorization", token)).await;
            assert_eq!(reply.status, 404, "{method}{end}");
        }
        assert_eq!(world.app.get(&format!("{API}/exports"), token).await.json(), json!({ "exports": [] }));
    }
    let id = place.rsplit('/').next().unwrap();
    for end in ["", "/file"] {
        assert_eq!(world.app.get(&format!("{OPERATORS}/exports/{id}{end}"), &operator).await.status, 404);
        assert_eq!(world.app.get(&format!("{place}{end}"), &operator).await.status, 401);
        assert_eq!(
            world.app.get(&format!("{API}/exports/{}{end}", uuid::Uuid::new_v4()), &world.token).await.status,
            404
        );
        assert_eq!(world.app.get(&format!("{API}/exports/x{end}"), &world.token).await.status, 404);
    }
    // Another token of the same grant is the same maker.
    let again = world.app.token(7, &[]);
    assert_ne!(again, world.token);
    assert_eq!(world.app.get(&place, &again).await.status, 200);
    assert_eq!(world.app.get(&format!("{place}.json"), &again).await.status, 200);
    assert_eq!(world.app.get(&format!("{API}/exports"), &again).await.json()["exports"][0]["id"], id);
}

#[actix_web::test]
async fn one_operator_does_not_see_what_another_with_more_rights_made() {
    let world = world(|_| ()).await;
    let path = format!("{OPERATORS}/exports?from-time={FIRST}&report=cdrs&columns=id,src_prefix_in");
    let whole = world.app.operator_token(&[], &[], &["numbers", "export"]);
    let reply = post(&world.app, &path, &whole).await;
    let place = reply.header("location");
    over(&world.app, place, &whole).await;
    for token in [
        world.app.operator_token(&[], &[], &["export"]),
        world.app.operator_token(&[7], &[], &["numbers", "export"]),
        world.app.operator_token(&[], &[], &["numbers"]),
    ] {
        assert_eq!(world.app.get(&format!("{place}/file"), &token).await.status, 404);
    }
    assert_eq!(world.app.get(&format!("{place}/file"), &whole).await.status, 200);
    let none = world.app.operator_token(&[], &[], &["numbers"]);
    assert_eq!(post(&world.app, &path, &none).await.status, 403);
}

#[actix_web::test]
async fn anothers_account_is_refused_and_what_was_taken_away_meanwhile_is_not_made() {
    let world = world_of(db().await, 1_000_000, |config| {
        config.exports.jobs = 1;
        slowly(config);
    })
    .await;
    let other = world.app.account(3, 8).await;
    world.app.until_known(other, &world.app.token(8, &[])).await;
    let path = format!("{API}/exports?report=origination-cdrs&account-id={other}&from-time={FIRST}");
    let reply = post(&world.app, &path, &world.token).await;
    assert_eq!((reply.status, reply.body.as_str()), (400, r#"{"error":"invalid value account-id"}"#));
    // One runs, and another token's waits behind it until its row is removed.
    insert(&world.app.admin, "api_access", r#"{"id":9,"customer_id":7}"#).await;
    let row = world.app.sign(&Issue::Access(9), 600);
    world.app.until_known(world.account, &row).await;
    let first = world.create("origination-cdrs", "&columns=id,src_prefix_in").await;
    until(&world.app, &first, &world.token, "running").await;
    let waiting = post(&world.app, &world.ask("origination-cdrs", "&columns=id&to-time=1774700009"), &row).await;
    assert_eq!(waiting.status, 202);
    let second = waiting.header("location");
    let claims: serde_json::Map<String, Value> = jsonwebtoken::dangerous::insecure_decode(&row).unwrap().claims;
    insert(&world.app.admin, "token_revocations", &json!({ "jti": claims["jti"] }).to_string()).await;
    eventually("the revocation", async || (world.app.get(second, &row).await.status == 401).then_some(())).await;
    assert_eq!(send(world.app.request("DELETE", &first).header("Authorization", &world.token)).await.status, 204);
    // Another token of the row sees what became of it.
    let again = world.app.sign(&Issue::Access(9), 600);
    let export = over(&world.app, second, &again).await;
    let reason = "the access that it was asked with is not there any more";
    assert_eq!((&export["state"], &export["reason"]), (&json!("failed"), &json!(reason)));
}

#[actix_web::test]
async fn what_a_row_may_no_longer_see_whole_is_not_made_for_it() {
    let world = world_of(db().await, 1_000_000, |config| {
        config.exports.jobs = 1;
        slowly(config);
    })
    .await;
    let second = world.app.account(2, 7).await;
    insert(&world.app.admin, "api_access", r#"{"id":9,"customer_id":7}"#).await;
    let row = world.app.sign(&Issue::Access(9), 600);
    world.app.until_known(second, &row).await;
    world.app.until_known(world.account, &row).await;
    let first = world.create("origination-cdrs", "&columns=id,src_prefix_in").await;
    until(&world.app, &first, &world.token, "running").await;
    // Of an account that the row keeps: what it may see besides is taken from it while the job waits.
    let waiting = post(&world.app, &world.ask("origination-cdrs", "&columns=id&to-time=1774700009"), &row).await;
    assert_eq!(waiting.status, 202, "{}", waiting.body);
    let place = waiting.header("location");
    insert(&world.app.admin, "api_access", r#"{"id":9,"customer_id":7,"account_ids":[1]}"#).await;
    eventually("the narrower row", async || (world.app.get(place, &row).await.status == 404).then_some(())).await;
    assert_eq!(send(world.app.request("DELETE", &first).header("Authorization", &world.token)).await.status, 204);
    let record = world.dir.path().join(format!("exports/{}.json", place.rsplit('/').next().unwrap()));
    let end: Value = eventually("the end of the job", async || {
        let record: Value = serde_json::from_slice(&std::fs::read(&record).ok()?).ok()?;
        (!["waiting", "running"].contains(&record["state"].as_str()?)).then_some(record)
    })
    .await;
    let reason = "the access that it was asked with is not there any more";
    assert_eq!((&end["state"], &end["reason"]), (&json!("failed"), &json!(reason)));
}

#[actix_web::test]
async fn a_page_of_another_site_makes_and_removes_nothing() {
    let world = world(|_| ()).await;
    let (place, _) = world.done("origination-cdrs", "&columns=id").await;
    for (method, path) in [("POST", world.ask("origination-cdrs", "")), ("DELETE", place.clone())] {
        let request = world.app.request(method, &path).header("Authorization", &world.token);
        let reply = send(request.header("Origin", "https://evil.example").header("Sec-Fetch-Site", "cross-site")).await;
        assert_eq!(reply.status, 403, "{method}: {}", reply.body);
    }
    assert_eq!(world.app.get(&place, &world.token).await.status, 200);
}

#[actix_web::test]
async fn each_job_and_each_download_is_a_line_of_the_audit_log() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("audit.log");
    let world = world(|config| config.log.audit_file = Some(path.clone())).await;
    let (place, export) = world.done("origination-cdrs", "&columns=id,duration&duration-gt=3&format=csv").await;
    let id = place.rsplit('/').next().unwrap();
    let (file, headers) = bytes(&world.app, &format!("{place}/file"), &world.token).await;
    let request = headers["x-request-id"].to_str().unwrap();
    let lines: Vec<Value> = eventually("three lines", async || {
        let text = std::fs::read_to_string(&path).unwrap_or_default();
        let lines: Vec<Value> = text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
        let lines: Vec<Value> = lines.into_iter().filter(|line| line["export"] == id).collect();
        (lines.len() >= 3).then_some(lines)
    })
    .await;
    assert_eq!(lines.len(), 3, "{lines:#?}");
    // The file may be fetched before the job's own line is written.
    let of = |wanted: &dyn Fn(&Value) -> bool| lines.iter().find(|line| wanted(line)).unwrap();
    let job = of(&|line| line["id"] == id);
    let (download, end) =
        (of(&|line| line["status"] == 200), of(&|line| line["id"] == request && line["status"].is_null()));
    assert_eq!((&job["id"], &job["end"], &job["customer"]), (&json!(id), &json!("done"), &json!(7)), "{job}");
    assert_eq!((&job["sha256"], &job["bytes"]), (&export["sha256"], &json!(file.len())));
    assert_eq!(
        (&download["id"], &download["customer"], &download["status"]),
        (&json!(request), &json!(7), &json!(200))
    );
    for line in [job, download] {
        assert_eq!((&line["columns"], &line["filters"]), (&json!(["id", "duration"]), &json!(["duration"])), "{line}");
        assert_eq!((&line["rows"], &line["accounts"]), (&export["rows"], &json!([world.account.to_string()])));
    }
    assert_eq!((&end["id"], &end["end"], &end["bytes"]), (&json!(request), &json!("whole"), &json!(file.len())));
    // Nothing of it is in the directory in the clear that opens anything.
    for name in world.files() {
        let text = std::fs::read(world.dir.path().join("exports").join(name)).unwrap();
        assert!(memchr::memmem::find(&text, world.token.as_bytes()).is_none());
    }
}
