//! The page for people: its files as they are served, and its sign-in.

mod files;
mod guards;
mod session;

use cdrscope::config::Config;
use cdrscope::config::value::Secret;
use serde_json::{Value, json};

use crate::support::http::send;
use crate::support::{Reply, TestApp};

const CUSTOMER_COOKIE: &str = "_yeti_customer_v1_session";
const OPERATOR_COOKIE: &str = "cdrscope_operator_session";
const OPERATORS: &str = "/api/rest/operator/v1";

/// A service with the operator's paths.
async fn app(change: impl FnOnce(&mut Config)) -> TestApp {
    TestApp::start(|config| {
        config.operator.secret = Secret::new(crate::operator::SECRET);
        config.auth.login_attempts_per_minute = 0;
        change(config);
    })
    .await
}

/// Asks for a session.
async fn open(app: &TestApp, body: &Value) -> Reply {
    send(app.request("POST", "/session").json(body)).await
}

async fn open_with(app: &TestApp, token: &str) -> Reply {
    open(app, &json!({ "token": token })).await
}

/// What a browser is told, with these cookies.
async fn shown(app: &TestApp, cookie: &str) -> Value {
    let reply = send(app.request("GET", "/session").header("Cookie", cookie)).await;
    assert_eq!(reply.status, 200, "{reply:?}");
    reply.json()
}

/// `name=value` of each cookie that a reply sets, with the attributes.
fn cookies(reply: &Reply) -> Vec<(String, String)> {
    let all = reply.headers.get_all("set-cookie").into_iter();
    let split = |text: &str| {
        let (pair, attributes) = text.split_once("; ").unwrap();
        (pair.to_owned(), attributes.to_owned())
    };
    all.map(|value| split(value.to_str().unwrap())).collect()
}

/// The only cookie that a reply sets, as a browser sends it back.
fn cookie(reply: &Reply) -> String {
    let all = cookies(reply);
    assert_eq!(all.len(), 1, "{reply:?}");
    all[0].0.clone()
}

/// The status of a path with cookies.
async fn status(app: &TestApp, method: &str, path: &str, cookie: &str) -> u16 {
    send(app.request(method, path).header("Cookie", cookie)).await.status
}
