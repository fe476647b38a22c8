//! Tokens become cookies, and cookies open what their tokens do.

use cdrscope::access::password;
use cdrscope::http::session::DemoCustomer;
use cdrscope::report::audience::Rights;
use cdrscope::token::Issue;
use serde_json::{Value, json};

use super::{CUSTOMER_COOKIE, OPERATOR_COOKIE, OPERATORS, app, cookie, cookies, open, open_with, shown, status};
use crate::support::app::API;
use crate::support::http::send;
use crate::support::{TestApp, db, insert};

#[actix_web::test]
async fn a_customers_token_becomes_the_customers_cookie() {
    let app = app(|_| ()).await;
    let account = app.account(1, 7).await;
    let token = app.token(7, &[]);
    app.until_known(account, &token).await;
    for given in [token.clone(), format!("Bearer {token}"), format!("  {token}\n")] {
        let reply = open_with(&app, &given).await;
        assert_eq!((reply.status, reply.body.as_str(), reply.header("cache-control")), (204, "", "no-store"));
        let (pair, attributes) = cookies(&reply).remove(0);
        assert!(pair.starts_with(&format!("{CUSTOMER_COOKIE}=ey")), "{pair}");
        for attribute in ["HttpOnly", "SameSite=Lax", "Path=/", "Expires="] {
            assert!(attributes.contains(attribute), "{attributes}");
        }
        assert_eq!(status(&app, "GET", &format!("{API}/accounts"), &pair).await, 200);
    }
}

#[actix_web::test]
async fn an_operators_token_becomes_a_cookie_of_its_own_paths_alone() {
    let app = app(|_| ()).await;
    let reply = open_with(&app, &app.operator_token(&[], &[], &["cost"])).await;
    assert_eq!(reply.status, 204, "{reply:?}");
    let (pair, attributes) = cookies(&reply).remove(0);
    assert!(pair.starts_with(&format!("{OPERATOR_COOKIE}=ey")), "{pair}");
    for attribute in ["HttpOnly", "SameSite=Strict", "Path=/", "Expires="] {
        assert!(attributes.contains(attribute), "{attributes}");
    }
    let accounts = send(app.request("GET", &format!("{OPERATORS}/accounts")).header("Cookie", &pair)).await;
    assert_eq!(accounts.status, 200, "{accounts:?}");
    let renewed = cookie(&accounts);
    assert!(renewed.starts_with(&format!("{OPERATOR_COOKIE}=ey")), "it is renewed by use: {renewed}");
    assert!(accounts.header("set-cookie").contains("SameSite=Strict"), "{accounts:?}");
    for (path, wanted) in [("accounts", 401), ("definitions", 401), ("auth", 401)] {
        assert_eq!(status(&app, "GET", &format!("{API}/{path}"), &pair).await, wanted, "{path}");
    }
    // Grafana's paths take a token of the operator's in the header, and no cookie of it.
    assert_eq!(status(&app, "GET", "/grafana", &pair).await, 403);
}

#[actix_web::test]
async fn a_cookie_of_one_kind_opens_nothing_of_the_other_whatever_its_name() {
    let app = app(|_| ()).await;
    let (customers, operators) = (app.token(7, &[]), app.operator_token(&[], &[], &["cost"]));
    for (name, token, path, wanted) in [
        (CUSTOMER_COOKIE, &customers, format!("{API}/accounts"), 200),
        (OPERATOR_COOKIE, &operators, format!("{OPERATORS}/accounts"), 200),
        (CUSTOMER_COOKIE, &customers, format!("{OPERATORS}/accounts"), 401),
        (OPERATOR_COOKIE, &customers, format!("{OPERATORS}/accounts"), 401),
        (OPERATOR_COOKIE, &customers, format!("{API}/accounts"), 401),
        (CUSTOMER_COOKIE, &operators, format!("{OPERATORS}/accounts"), 401),
        (CUSTOMER_COOKIE, &operators, format!("{API}/accounts"), 401),
        (OPERATOR_COOKIE, &operators, format!("{API}/accounts"), 401),
    ] {
        assert_eq!(status(&app, "GET", &path, &format!("{name}={token}")).await, wanted, "{name} {path}");
    }
    // With both, each API reads its own.
    let both = format!("{CUSTOMER_COOKIE}={customers}; {OPERATOR_COOKIE}={operators}");
    for path in [API, OPERATORS] {
        assert_eq!(status(&app, "GET", &format!("{path}/accounts"), &both).await, 200, "{path}");
    }
    // A header goes first, a bad one too.
    let request = app.request("GET", &format!("{OPERATORS}/accounts")).header("Cookie", &both);
    assert_eq!(send(request.header("Authorization", "nonsense")).await.status, 401);
}

#[actix_web::test]
async fn what_a_browser_has_is_told_and_renewed_and_nothing_else() {
    let app = app(|_| ()).await;
    let nobody = shown(&app, "").await;
    let version = env!("CARGO_PKG_VERSION");
    let wanted = json!({ "login": false, "demo": null, "customer": false, "operator": false, "version": version });
    assert_eq!(nobody, wanted);
    let customers = format!("{CUSTOMER_COOKIE}={}", app.token(7, &[]));
    let operators = format!("{OPERATOR_COOKIE}={}", app.operator_token(&[], &[], &[]));
    for (sent, customer, operator) in [
        (customers.clone(), true, false),
        (operators.clone(), false, true),
        (format!("{customers}; {operators}"), true, true),
        (format!("{CUSTOMER_COOKIE}=nonsense; {operators}"), false, true),
    ] {
        let told = shown(&app, &sent).await;
        assert_eq!((&told["customer"], &told["operator"]), (&json!(customer), &json!(operator)), "{sent}");
        assert_eq!(told.as_object().unwrap().len(), 5, "{told}");
        let reply = send(app.request("GET", "/session").header("Cookie", &sent)).await;
        assert_eq!(cookies(&reply).len(), usize::from(customer) + usize::from(operator), "{sent}");
        assert_eq!(reply.header("cache-control"), "no-store");
    }
    // The header is not the browser's.
    let reply = send(app.request("GET", "/session").header("Authorization", app.token(7, &[]))).await;
    assert_eq!((&reply.json()["customer"], reply.header("set-cookie")), (&json!(false), ""));
    assert_eq!(send(app.request("HEAD", "/session")).await.status, 200);
}

#[actix_web::test]
async fn passwords_are_offered_where_somebody_has_one() {
    let db = db().await;
    let row = json!({ "id": 1, "customer_id": 7, "login": "ann", "password_hash": password::hash("right").unwrap() });
    insert(&db.admin, "api_access", &row.to_string()).await;
    let app = TestApp::over(db, |_| ()).await;
    let told = shown(&app, "").await;
    assert_eq!((&told["login"], &told["operator"]), (&json!(true), &Value::Null));
    let body = json!({ "auth": { "login": "ann", "password": "right", "cookie_auth": true } });
    let reply = send(app.request("POST", &format!("{API}/auth")).json(&body)).await;
    assert_eq!(shown(&app, &cookie(&reply)).await["customer"], true);
}

#[actix_web::test]
async fn leaving_clears_both_cookies() {
    let app = app(|_| ()).await;
    let reply = send(app.request("DELETE", "/session")).await;
    assert_eq!((reply.status, reply.body.as_str(), reply.header("cache-control")), (204, "", "no-store"));
    let cleared = cookies(&reply);
    let names: Vec<&str> = cleared.iter().map(|(pair, _)| pair.as_str()).collect();
    assert_eq!(names, [format!("{CUSTOMER_COOKIE}="), format!("{OPERATOR_COOKIE}=")]);
    for (_, attributes) in cleared {
        assert!(attributes.contains("Max-Age=0") && attributes.contains("Path=/"), "{attributes}");
    }
}

#[actix_web::test]
async fn a_click_signs_in_where_the_calls_are_made_up_and_only_there() {
    let app = app(|_| ()).await;
    for who in ["customer", "operator"] {
        let reply = open(&app, &json!({ "demo": who })).await;
        assert_eq!((reply.status, reply.header("set-cookie")), (400, ""), "{who}");
        assert_eq!(reply.json()["error"], "there is no such demo here");
    }
    let demo = TestApp::demo(DemoCustomer { id: 7, name: "Northwind".into() }, |config| {
        config.operator.secret = cdrscope::config::value::Secret::new(crate::operator::SECRET);
    })
    .await;
    let account = demo.account(1, 7).await;
    demo.until_known(account, &demo.token(7, &[])).await;
    let told = shown(&demo, "").await;
    assert_eq!(told["demo"], json!({ "customers": [{ "name": "Northwind" }], "operator": true }));
    let customer = cookie(&open(&demo, &json!({ "demo": "customer" })).await);
    let operator = cookie(&open(&demo, &json!({ "demo": "operator" })).await);
    let accounts = send(demo.request("GET", &format!("{API}/accounts")).header("Cookie", &customer)).await;
    assert_eq!(accounts.json()["accounts"][0]["uuid"], account.to_string());
    assert_eq!(status(&demo, "GET", &format!("{OPERATORS}/accounts"), &operator).await, 200);
    assert_eq!(status(&demo, "GET", &format!("{OPERATORS}/accounts"), &customer).await, 401);
}

#[actix_web::test]
async fn an_address_of_the_operators_has_their_session_alone_and_the_main_one_then_has_not() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let app = app(|config| config.http.operator_listen = Some(free)).await;
    let (customers, operators) = (app.token(7, &[]), app.operator_token(&[], &[], &["cost"]));
    assert_eq!(shown(&app, "").await["operator"], Value::Null);
    assert_eq!((open_with(&app, &customers).await.status, open_with(&app, &operators).await.status), (204, 401));
    let ask = async |token: &str| {
        let request = app.client.post(format!("http://{free}/session"));
        send(request.json(&json!({ "token": token }))).await.status
    };
    assert_eq!((ask(&customers).await, ask(&operators).await), (401, 204));
    let cookie = format!("{CUSTOMER_COOKIE}={customers}; {OPERATOR_COOKIE}={operators}");
    let told = send(app.client.get(format!("http://{free}/session")).header("Cookie", cookie)).await.json();
    assert_eq!((&told["customer"], &told["operator"], &told["login"]), (&json!(false), &json!(true), &json!(false)));
}

#[actix_web::test]
async fn files_come_by_a_link_with_the_cookie_alone() {
    let app = app(|_| ()).await;
    let row = r#"{"id":1,"customer_id":7,"customer_acc_id":1,"vendor_id":9,"is_last_cdr":1,"time_start":"2026-05-04 12:00:00","duration":60,"dst_country_id":1}"#;
    insert(&app.admin, "cdrs", row).await;
    let account = app.account(1, 7).await;
    app.until_known(account, &app.token(7, &[])).await;
    let customer = cookie(&open_with(&app, &app.token(7, &[])).await);
    let issue = Issue::OperatorGrant {
        customers: Vec::new(),
        vendors: Vec::new(),
        rights: Rights::ALL,
        allowed_ips: Vec::new(),
        debug: false,
    };
    let operator = cookie(&open_with(&app, &app.sign_operator(&issue)).await);
    let day = "from-time=2026-05-04&to-time=2026-05-04T23:59:59";
    for (path, cookie, beginning) in [
        (
            format!("{API}/origination-breakdown?account-id={account}&{day}&group-by=dst-country&format=csv"),
            &customer,
            "row,",
        ),
        (
            format!("{API}/origination-statistics?account-id={account}&{day}&sampling=hour&format=csv"),
            &customer,
            "row,",
        ),
        (format!("{API}/origination-cdrs?account-id={account}&{day}&format=csv"), &customer, ""),
        (format!("{OPERATORS}/breakdown?{day}&group-by=customer&format=csv"), &operator, "row,"),
        (format!("{OPERATORS}/statistics?{day}&sampling=hour&format=csv"), &operator, "row,"),
        (format!("{OPERATORS}/breakdown?{day}&group-by=customer&format=xlsx"), &operator, "PK"),
        (format!("{OPERATORS}/cdrs?{day}&format=csv"), &operator, ""),
    ] {
        // As a browser asks for the target of a link.
        let request = app.request("GET", &path).header("Cookie", cookie).header("Sec-Fetch-Site", "same-origin");
        let response =
            request.header("Sec-Fetch-Mode", "navigate").header("Accept", "text/html,*/*").send().await.unwrap();
        assert_eq!(response.status(), 200, "{path}");
        let disposition = response.headers()["content-disposition"].to_str().unwrap().to_owned();
        assert!(disposition.starts_with("attachment; filename="), "{path}: {disposition}");
        let body = response.bytes().await.unwrap();
        assert!(body.starts_with(beginning.as_bytes()) && body.len() > 20, "{path}: {body:?}");
    }
}
