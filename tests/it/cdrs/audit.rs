//! The audit log of raw CDRs.

use serde_json::{Value, json};

use super::world;

#[actix_web::test]
async fn each_page_and_file_is_in_the_audit_log() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("audit.log");
    let world = world(|config| config.log.audit_file = Some(path.clone())).await;
    let page = world
        .app
        .get(&world.path("origination-cdrs", "&limit=5&columns=id,duration&duration-gt=3"), &world.token)
        .await;
    let request = world
        .app
        .request("GET", &world.path("origination-cdrs", "&format=csv&columns=id"))
        .header("Authorization", &world.token);
    let file = request.send().await.unwrap();
    let id = file.headers()["x-request-id"].to_str().unwrap().to_owned();
    let text = file.text().await.unwrap();
    let lines: Vec<Value> = crate::support::eventually("three lines", async || {
        let text = std::fs::read_to_string(&path).unwrap_or_default();
        let lines: Vec<Value> = text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
        let lines: Vec<Value> = lines.into_iter().filter(|line| line["report"] == "origination-cdrs").collect();
        (lines.len() >= 3).then_some(lines)
    })
    .await;
    assert_eq!(lines.len(), 3, "{lines:#?}");
    assert_eq!((&lines[0]["id"], &lines[0]["rows"]), (&json!(page.header("x-request-id")), &json!(5)));
    assert_eq!((&lines[0]["columns"], &lines[0]["filters"]), (&json!(["id", "duration"]), &json!(["duration"])));
    assert_eq!((&lines[1]["id"], &lines[1]["format"], &lines[1]["customer"]), (&json!(id), &json!("csv"), &json!(7)));
    assert_eq!(lines[1]["rows"], json!(text.lines().count() - 1));
    assert_eq!(
        (&lines[2]["id"], &lines[2]["end"], &lines[2]["bytes"]),
        (&json!(id), &json!("whole"), &json!(text.len()))
    );
    assert_eq!(lines[1]["accounts"], json!([world.account.to_string()]));
}
