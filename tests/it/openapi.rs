//! The API's document and its page: they say what the service does, and the service does what they say.

use std::collections::BTreeSet;

use cdrscope::access::password;
use cdrscope::http::endpoint::Endpoint;
use cdrscope::report::{BREAKDOWNS, REPORTS};
use serde_json::{Value, json};

use crate::support::app::API;
use crate::support::http::send;
use crate::support::{TestApp, db, insert};

async fn document(app: &TestApp) -> Value {
    let reply = send(app.request("GET", "/openapi.json")).await;
    assert_eq!((reply.status, reply.header("content-type")), (200, "application/json; charset=utf-8"));
    reply.json()
}

fn entries(value: &Value) -> impl Iterator<Item = (&str, &Value)> {
    value.as_object().unwrap().iter().map(|(key, value)| (key.as_str(), value))
}

/// A parameter, looked up where the document only names it.
fn resolved<'a>(document: &'a Value, value: &'a Value) -> &'a Value {
    value["$ref"].as_str().map_or(value, |path| document.pointer(path.trim_start_matches('#')).unwrap())
}

fn parameters<'a>(document: &'a Value, path: &str, place: &str) -> Vec<&'a Value> {
    let all = document["paths"][path]["parameters"].as_array().map_or(&[][..], Vec::as_slice);
    all.iter().map(|parameter| resolved(document, parameter)).filter(|parameter| parameter["in"] == place).collect()
}

fn names<'a>(parameters: &[&'a Value]) -> Vec<&'a str> {
    parameters.iter().map(|parameter| parameter["name"].as_str().unwrap()).collect()
}

/// What a parameter's example is in a query string.
fn pair(parameter: &Value) -> String {
    let value = match &parameter["example"] {
        Value::Array(values) => {
            let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            values.iter().map(text).collect::<Vec<_>>().join(",")
        }
        Value::String(text) => text.clone(),
        Value::Null => panic!("no example: {parameter}"),
        other => other.to_string(),
    };
    format!("{}={value}", parameter["name"].as_str().unwrap())
}

/// A path with the example of the file that it names.
fn sampled(document: &Value, path: &str) -> String {
    let names = parameters(document, path, "path");
    let file = names.iter().find(|parameter| parameter["name"] == "file").map(|file| file["example"].as_str().unwrap());
    path.replace("{file}", file.unwrap_or_default())
}

#[actix_web::test]
async fn the_document_has_every_mounted_path_and_no_other() {
    let app = TestApp::start(|_| ()).await;
    let document = document(&app).await;
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1."));
    let described: BTreeSet<&str> = entries(&document["paths"]).map(|(path, _)| path).collect();
    let mounted: BTreeSet<String> = Endpoint::mounted(&app.config).map(Endpoint::path).collect();
    assert_eq!(described, mounted.iter().map(String::as_str).collect::<BTreeSet<_>>());
    for path in described {
        let url = sampled(&document, path).replace("{id}", "1");
        let methods = entries(&document["paths"][path]).filter(|(key, _)| *key != "parameters");
        let methods: Vec<String> = methods.map(|(method, _)| method.to_uppercase()).collect();
        for method in &methods {
            let reply = send(app.request(method, &url)).await;
            assert!(!matches!(reply.status, 404 | 405), "{method} {url}: {}", reply.status);
        }
        let other = send(app.request("TRACE", &url)).await;
        assert_eq!((other.status, other.header("allow")), (405, methods.join(", ").as_str()), "{url}");
    }
}

#[test]
fn paths_are_mounted_in_one_place() {
    let mut files = vec![std::path::PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("src")];
    let mut mounts = 0;
    while let Some(file) = files.pop() {
        if file.is_dir() {
            files.extend(std::fs::read_dir(&file).unwrap().map(|entry| entry.unwrap().path()));
            continue;
        }
        let text = String::from_utf8_lossy(&std::fs::read(&file).unwrap()).into_owned();
        mounts += text.matches("web::resource(").count();
        for other in ["web::scope(", ".route(\"", "#[get(", "#[post(", "#[route("] {
            assert!(!text.contains(other), "{other} in {}", file.display());
        }
    }
    assert_eq!(mounts, 1, "Endpoint is the list of paths, and http::resource mounts each");
}

#[actix_web::test]
async fn parameters_are_those_of_the_reports() {
    let app = TestApp::start(|_| ()).await;
    let document = document(&app).await;
    for report in REPORTS {
        let parameters = parameters(&document, &format!("{API}/{}", report.name), "query");
        let expected: Vec<&str> = report.params().map(|param| param.name).collect();
        assert_eq!(names(&parameters), expected, "{}", report.name);
        for (described, param) in parameters.iter().zip(report.params()) {
            assert_eq!(described["required"] == true, param.required, "{}: {}", report.name, param.name);
            assert!(!described["description"].as_str().unwrap().is_empty(), "{}: {}", report.name, param.name);
        }
    }
}

#[actix_web::test]
async fn a_filter_that_the_table_cannot_answer_is_left_out() {
    let db = db().await;
    db.admin.query("ALTER TABLE active_calls DROP COLUMN src_name_in").execute().await.unwrap();
    let app = TestApp::over(db, |_| ()).await;
    let document = document(&app).await;
    let path = format!("{API}/outgoing-active-calls");
    let parameters = names(&parameters(&document, &path, "query"));
    assert!(!parameters.contains(&"src-name-in-eq") && parameters.contains(&"src-prefix-in-eq"), "{parameters:?}");
}

#[actix_web::test]
async fn every_example_is_answered() {
    let db = db().await;
    let hash = password::hash("correct horse battery staple").unwrap();
    let row = json!({ "id": 1, "customer_id": 7, "login": "ann", "password_hash": hash });
    insert(&db.admin, "api_access", &row.to_string()).await;
    let dir = tempfile::tempdir().unwrap();
    let app = TestApp::over(db, |config| config.exports.dir = Some(dir.path().join("exports"))).await;
    let document = document(&app).await;
    let path = format!("{API}/{}", REPORTS[0].name);
    let account = parameters(&document, &path, "query")[0]["example"].as_str().unwrap();
    let row = format!(r#"{{"id":1,"uuid":"{account}","customer_id":7,"name":"example"}}"#);
    insert(&app.admin, "accounts", &row).await;
    let token = app.token(7, &[]);
    app.until_known(account.parse().unwrap(), &token).await;
    let mut asked = 0;
    for (path, item) in entries(&document["paths"]) {
        if item["post"]["operationId"] == "createExport" {
            let query = item["post"]["x-example-query"].as_str().unwrap();
            let reply = send(app.request("POST", &format!("{path}?{query}")).header("Authorization", &token)).await;
            assert_eq!(reply.status, 202, "{path}?{query}: {}", reply.body);
            continue;
        }
        if path == "/session" {
            // The example's token is nobody's.
            let example = json!({ "token": token });
            let reply = send(app.request("POST", path).json(&example)).await;
            assert_eq!(reply.status, 204, "{path}: {}", reply.body);
            continue;
        }
        let example = &item["post"]["requestBody"]["content"]["application/json"]["example"];
        if example.is_null() {
            assert!(item["post"].is_null(), "{path}");
            continue;
        }
        let request = app.request("POST", path).header("Authorization", &token).body(example.to_string());
        let reply = send(request).await;
        assert!(matches!(reply.status, 200 | 201), "{path}: {} {}", reply.status, reply.body);
        asked += 1;
    }
    for (path, item) in entries(&document["paths"]) {
        // An id is somebody's.
        if item["get"].is_null() || path.contains("{id}") {
            continue;
        }
        let query = item["get"]["x-example-query"].as_str().unwrap_or_default();
        let others = parameters(&document, path, "query")
            .into_iter()
            .filter(|parameter| !query.split('&').any(|pair| pair.split('=').next() == parameter["name"].as_str()))
            // A cursor is good for its own question, and there are no calls that a page could end at.
            .filter(|parameter| parameter["name"] != "cursor");
        // The example as it stands, then with each other parameter's.
        for other in std::iter::once(None).chain(others.map(Some)) {
            let other = other.map(|parameter| {
                let name = parameter["name"].as_str().unwrap();
                // Some say something about files alone.
                let format = if name == "totals" || name.starts_with("csv-") { "&format=csv" } else { "" };
                format!("&{}{format}", pair(parameter))
            });
            let other = other.unwrap_or_default();
            let url = format!("{}?{query}{other}", sampled(&document, path));
            let reply = app.get(&url, &token).await;
            assert_eq!(reply.status, 200, "{url}: {}", reply.body);
            asked += 1;
        }
    }
    assert!(asked > 100, "{asked}");
}

#[actix_web::test]
async fn limits_are_those_of_the_settings() {
    let app = TestApp::start(|config| {
        config.limits.max_buckets = 4321;
        config.limits.query_seconds = 17;
    })
    .await;
    let document = document(&app).await;
    let about = document["info"]["description"].as_str().unwrap();
    assert!(about.contains("4321 buckets") && about.contains("17 s (504)"), "{about}");
}

#[actix_web::test]
async fn the_document_can_be_held() {
    let app = TestApp::start(|_| ()).await;
    let reply = send(app.request("GET", "/openapi.json")).await;
    let again = send(app.request("GET", "/openapi.json").header("If-None-Match", reply.header("etag"))).await;
    assert_eq!((again.status, again.body.as_str()), (304, ""));
}

#[actix_web::test]
async fn the_page_shows_everything_and_needs_nothing_from_elsewhere() {
    let app = TestApp::start(|_| ()).await;
    let document = document(&app).await;
    let page = send(app.request("GET", "/docs")).await;
    assert_eq!((page.status, page.header("content-type")), (200, "text/html; charset=utf-8"));
    assert!(
        page.header("content-security-policy").starts_with("default-src 'none'; style-src 'self'; script-src 'self'")
    );
    for (path, item) in entries(&document["paths"]) {
        assert!(page.body.contains(&format!("data-path=\"{path}\"")), "{path}");
        for parameter in item["parameters"].as_array().into_iter().flatten() {
            let name = resolved(&document, parameter)["name"].as_str().unwrap();
            assert!(page.body.contains(&format!("name=\"{name}\"")), "{name}");
            assert!(!page.body.contains("=\"&quot;"), "an example with the quotes of its JSON");
        }
    }
    for url in ["/docs", "/docs/page.css", "/docs/answer.js", "/docs/page.js"] {
        let text = send(app.request("GET", url)).await.body;
        for fetch in ["http:", "https:", "\"//", "'//", "(//", "@import", "import(", "wss:"] {
            assert!(!text.contains(fetch), "{fetch} in {url}");
        }
        assert!(!url.ends_with("css") || !text.contains("url("), "url( in {url}");
    }
    assert_eq!(send(app.request("GET", "/docs/other.js")).await.status, 404);
}

#[actix_web::test]
async fn paths_and_parameters() {
    let app = TestApp::start(|_| ()).await;
    let document = document(&app).await;
    let mut text = String::new();
    for (path, item) in entries(&document["paths"]) {
        let methods: Vec<&str> = entries(item).map(|(key, _)| key).filter(|key| *key != "parameters").collect();
        text += &format!("{path}: {}\n", methods.join(" "));
    }
    // A row for each parameter, a column for each report in the order above: required, optional, absent.
    let reports: Vec<Vec<&Value>> = REPORTS
        .iter()
        .chain(BREAKDOWNS)
        .map(|report| parameters(&document, &format!("{API}/{}", report.name), "query"))
        .collect();
    let mut seen: Vec<&str> = Vec::new();
    for name in reports.iter().flat_map(|parameters| names(parameters)) {
        if seen.contains(&name) {
            continue;
        }
        seen.push(name);
        let mark = |parameters: &Vec<&Value>| match parameters.iter().find(|parameter| parameter["name"] == name) {
            Some(parameter) if parameter["required"] == true => "R",
            Some(_) => "o",
            None => ".",
        };
        text += &format!("{} {name}\n", reports.iter().map(mark).collect::<String>());
    }
    insta::assert_snapshot!(text, @"
    /api/rest/customer/v1/origination-statistics-quality: get head
    /api/rest/customer/v1/termination-statistics-quality: get head
    /api/rest/customer/v1/origination-statistics: get head
    /api/rest/customer/v1/termination-statistics: get head
    /api/rest/customer/v1/origination-active-calls: get head
    /api/rest/customer/v1/termination-active-calls: get head
    /api/rest/customer/v1/outgoing-active-calls: get head
    /api/rest/customer/v1/origination-breakdown: get head
    /api/rest/customer/v1/termination-breakdown: get head
    /api/rest/customer/v1/origination-cdrs: get head
    /api/rest/customer/v1/termination-cdrs: get head
    /api/rest/customer/v1/definitions: get head
    /api/rest/customer/v1/accounts: get head
    /api/rest/customer/v1/auth: get head post delete
    /api/rest/customer/v1/exports: get head post
    /api/rest/customer/v1/exports/{id}: get head delete
    /api/rest/customer/v1/exports/{id}/file: get head
    /grafana: get head
    /grafana/: get head
    /grafana/metrics: post
    /grafana/metric-payload-options: post
    /grafana/query: post
    /grafana/variable: post
    /grafana/search: post
    /grafana/annotations: post
    /grafana/tag-keys: post
    /grafana/tag-values: post
    /health/live: get
    /health/ready: get
    /health/data: get
    /openapi.json: get head
    /docs: get head
    /docs/{file}: get head
    /: get head
    /assets/{file}: get head
    /session: get head post delete
    RRRRRRRRR account-id
    RRRRRR.RR from-time
    oooooo.oo to-time
    RRRR...oo sampling
    oooooo.oo src-country-id
    oooooo.oo dst-country-id
    oooooo.oo src-country-id-not-eq
    oooooo.oo dst-country-id-not-eq
    ooooooooo src-prefix-routing-eq
    ooooooooo src-prefix-routing-starts-with
    ooooooooo src-prefix-routing-ends-with
    ooooooooo src-prefix-routing-contains
    ooooooooo src-prefix-routing-in
    ooooooooo src-prefix-routing-not-eq
    ooooooooo dst-prefix-routing-eq
    ooooooooo dst-prefix-routing-starts-with
    ooooooooo dst-prefix-routing-ends-with
    ooooooooo dst-prefix-routing-contains
    ooooooooo dst-prefix-routing-in
    ooooooooo dst-prefix-routing-not-eq
    oooooo.oo duration-eq
    oooooo.oo duration-gt
    oooooo.oo duration-lt
    oooooo.oo duration-not-eq
    oooooo.oo duration-gteq
    oooooo.oo duration-lteq
    o.o.o.oo. auth-orig-ip
    o.o....o. customer-price-eq
    o.o....o. customer-price-gt
    o.o....o. customer-price-lt
    o.o....o. customer-price-not-eq
    o.o....o. customer-price-gteq
    o.o....o. customer-price-lteq
    oooo...oo destination-prefix-eq
    oooo...oo destination-prefix-in
    oooo...oo destination-prefix-starts-with
    oooo...oo dst-network-id
    oooo...oo disconnect-code
    oooo...oo q850-cause
    o.o....o. customer-auth-id
    oooo...oo currency
    oooo...oo reverse-billing
    oooo...oo answered
    oooo...oo numbers
    oooo...oo time-zone
    oooo...oo week-start
    oooo...oo day-start
    oooo..... complete
    oooo..... settle
    oooo...oo compare
    oooooo... fill
    ooooooooo format
    oooooo.oo t-unit
    oooo...oo totals
    ooooooooo csv-separator
    ooooooooo csv-decimal
    ooooooooo csv-bom
    .o.o....o vendor-price-eq
    .o.o....o vendor-price-gt
    .o.o....o vendor-price-lt
    .o.o....o vendor-price-not-eq
    .o.o....o vendor-price-gteq
    .o.o....o vendor-price-lteq
    .o.o....o term-gw-id
    ......o.. auth-orig-port
    ......o.. auth-orig-transport-protocol-id
    ......o.. connect-time-null
    ......o.. src-name-in-eq
    ......o.. src-name-in-starts-with
    ......o.. src-name-in-ends-with
    ......o.. src-name-in-contains
    ......o.. src-name-in-in
    ......o.. src-name-in-not-eq
    ......o.. src-prefix-in-eq
    ......o.. src-prefix-in-starts-with
    ......o.. src-prefix-in-ends-with
    ......o.. src-prefix-in-contains
    ......o.. src-prefix-in-in
    ......o.. src-prefix-in-not-eq
    ......o.. dst-prefix-in-eq
    ......o.. dst-prefix-in-starts-with
    ......o.. dst-prefix-in-ends-with
    ......o.. dst-prefix-in-contains
    ......o.. dst-prefix-in-in
    ......o.. dst-prefix-in-not-eq
    .......RR group-by
    .......oo dst-prefix-digits
    .......oo src-prefix-digits
    .......oo measures
    .......oo short-seconds
    .......oo order-by
    .......oo limit
    .......oo min-calls
    .......oo decimals
    ");
}
