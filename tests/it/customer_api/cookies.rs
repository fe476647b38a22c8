//! Where a token comes from, and the cookie that is given back renewed (contract 3).

use std::time::Duration;

use cdrscope::config::value::Value as _;
use cdrscope::config::{Algorithm, Config};
use cdrscope::token::{Issue, Keys, Subject};
use jsonwebtoken::{Algorithm as Jws, EncodingKey, Header};
use serde_json::json;
use time::OffsetDateTime;

use super::tokens::{EC, RSA};
use super::{API, CUSTOMER, QUALITY, Session, window, world, world_with};
use crate::support::Reply;
use crate::support::http::send;

const COOKIE: &str = "_yeti_customer_v1_session";

async fn ask(session: &Session, headers: &[(&str, &str)], query: &str) -> Reply {
    let mut request =
        session.client.get(format!("{}{API}/{QUALITY}?account-id={}&{query}", session.url, session.uuid()));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    send(request).await
}

/// The parts of the renewed cookie: its token first.
fn renewed(reply: &Reply) -> Vec<String> {
    let cookies: Vec<_> = reply.headers.get_all("set-cookie").iter().collect();
    assert_eq!(cookies.len(), 1, "{reply:?}");
    let parts: Vec<String> = cookies[0].to_str().unwrap().split("; ").map(str::to_owned).collect();
    let token = parts[0].strip_prefix(&format!("{COOKIE}=")).unwrap().to_owned();
    [vec![token], parts[1..].to_vec()].concat()
}

fn cookie(token: &str) -> String {
    format!("other=1; {COOKIE}={token}; more=2")
}

#[actix_web::test]
async fn the_token_is_the_last_word_of_the_authorization_header() {
    let session = Session::new();
    let token = session.token.as_str();
    for value in [
        token.to_owned(),
        format!("Bearer {token}"),
        format!("bearer {token}"),
        format!("BEARER   {token} "),
        format!("x y {token}"),
        format!("Bearer bad {token}"),
        format!("Bearer\t{token}"),
    ] {
        assert_eq!(ask(&session, &[("Authorization", &value)], &window(1)).await.status, 200, "{value}");
    }
    for value in [
        format!("{token} Bearer"),
        format!("Bearer {token} x"),
        format!("Bearer,{token}"),
        format!("Bearer={token}"),
        format!("\"{token}\""),
        format!("{token},"),
    ] {
        assert_eq!(ask(&session, &[("Authorization", &value)], &window(1)).await.status, 401, "{value}");
    }
}

#[actix_web::test]
async fn a_header_wins_over_the_cookie_even_a_bad_one_and_a_blank_one_does_not() {
    let session = Session::new();
    let good = cookie(&session.token);
    for value in ["x", "Bearer", "Bearer x.y.z", "Basic Og=="] {
        let reply = ask(&session, &[("Authorization", value), ("Cookie", &good)], &window(1)).await;
        assert_eq!(reply.status, 401, "{value}");
        assert!(reply.headers.get("set-cookie").is_none());
    }
    let reply = ask(&session, &[("Authorization", &session.token), ("Cookie", &cookie("x"))], &window(1)).await;
    assert_eq!((reply.status, reply.headers.get("set-cookie")), (200, None));
    let reply = ask(&session, &[("Authorization", &session.token), ("Cookie", &good)], &window(1)).await;
    assert_eq!((reply.status, reply.headers.get("set-cookie")), (200, None));
    for headers in [
        &[("Cookie", good.as_str())][..],
        &[("Authorization", ""), ("Cookie", &good)],
        &[("Authorization", "   "), ("Cookie", &good)],
    ] {
        assert_eq!(ask(&session, headers, &window(1)).await.status, 200);
    }
    for bad in [
        cookie("x"),
        format!("{COOKIE}="),
        format!("x{COOKIE}={}", session.token),
        format!("{}={}", COOKIE.to_uppercase(), session.token),
    ] {
        assert_eq!(ask(&session, &[("Cookie", &bad)], &window(1)).await.status, 401, "{bad}");
    }
    let request = session.client.get(format!("{}{API}/{QUALITY}", session.url)).header("Cookie", good.as_str());
    assert_eq!(send(request.header("Authorization", &b"\xff\xfe"[..])).await.status, 401);
}

#[actix_web::test]
async fn a_used_cookie_is_renewed_with_its_attributes_and_a_fresh_expiry() {
    let app = world_with(|config| config.auth.token_ttl_seconds = 1234).await;
    let session = Session::at(&app);
    let old = app.sign(
        &Issue::Grant {
            customer_id: CUSTOMER,
            account_ids: vec![session.account],
            allowed_ips: vec!["127.0.0.1".into()],
            debug: false,
        },
        3600,
    );
    let before = OffsetDateTime::now_utc();
    let parts = renewed(&ask(&session, &[("Cookie", &cookie(&old))], &window(1)).await);
    let has = |part: &str| parts.iter().any(|other| other == part);
    assert!(has("Path=/") && has("HttpOnly") && has("SameSite=Lax") && !has("Secure"), "{parts:?}");
    assert!(!parts.iter().any(|part| part.starts_with("Domain")), "{parts:?}");
    let expires = parts.iter().find_map(|part| part.strip_prefix("Expires=")).unwrap();
    let expires =
        OffsetDateTime::parse(&expires.replace("GMT", "+0000"), &time::format_description::well_known::Rfc2822)
            .unwrap();
    let life = (expires - before).whole_seconds();
    assert!((1230..=1240).contains(&life), "{life}");
    // The token holds the same grant, and lasts as long as the cookie.
    let keys = Keys::new(&app.config.auth).unwrap();
    let at = |seconds| keys.verify(&parts[0], before + Duration::from_secs(seconds));
    let Ok(Subject::Grant(grant)) = at(1230) else { panic!("{parts:?}") };
    assert_eq!((grant.customer_id, grant.account_ids, grant.allowed_ips.len()), (CUSTOMER, vec![session.account], 1));
    assert!(at(1240).is_err());
    assert_eq!(ask(&session, &[("Cookie", &cookie(&parts[0]))], &window(1)).await.status, 200);
}

#[actix_web::test]
async fn the_cookie_is_renewed_on_every_status_but_401() {
    let session = Session::new();
    let good = cookie(&session.token);
    for (status, headers, query) in [
        (200, &[][..], window(1)),
        (304, &[("If-None-Match", "*")], window(1)),
        (400, &[], "sampling=x".into()),
        (400, &[], format!("{}&foo=1", window(1))),
        (200, &[], "from-time=4000000000&sampling=minute".into()),
    ] {
        let reply = ask(&session, &[headers, &[("Cookie", good.as_str())]].concat(), &query).await;
        assert_eq!(reply.status, status);
        renewed(&reply);
    }
    for (status, method, path) in [(200, "HEAD", QUALITY), (405, "POST", QUALITY), (404, "GET", "nowhere")] {
        let url = format!("{}{API}/{path}?account-id={}&{}", session.url, session.uuid(), window(1));
        let reply = send(session.client.request(method.parse().unwrap(), url).header("Cookie", &good)).await;
        assert_eq!(reply.status, status);
        // Where no token is asked for, the cookie was not used.
        assert_eq!(reply.headers.get("set-cookie").is_some(), status == 200, "{status}");
    }
    let expired = world()
        .sign(&Issue::Grant { customer_id: CUSTOMER, account_ids: vec![], allowed_ips: vec![], debug: false }, 0);
    let elsewhere = world().sign(
        &Issue::Grant {
            customer_id: CUSTOMER,
            account_ids: vec![],
            allowed_ips: vec!["192.0.2.1".into()],
            debug: false,
        },
        60,
    );
    for bad in [expired, elsewhere, "x".into(), world().sign(&Issue::Access(99), 60)] {
        let reply = ask(&session, &[("Cookie", &cookie(&bad))], &window(1)).await;
        assert_eq!((reply.status, reply.headers.get("set-cookie")), (401, None));
    }
    let app = world_with(|config| config.limits.requests_per_second = 1).await;
    let limited = session.moved(&app);
    let fresh = renewed(&ask(&limited, &[("Cookie", &good)], &window(1)).await);
    // A renewed cookie is the same caller.
    let reply = ask(&limited, &[("Cookie", &cookie(&fresh[0]))], &window(1)).await;
    assert_eq!(reply.status, 429);
    renewed(&reply);
}

#[actix_web::test]
async fn the_cookie_is_secure_when_a_trusted_proxy_says_that_tls_ends_there() {
    let session = Session::new();
    let good = cookie(&session.token);
    let app = world_with(|config| config.http.trusted_proxies = Vec::parse("127.0.0.1").unwrap()).await;
    for (session, proto, secure) in
        [(&session, "https", false), (&session.moved(&app), "https", true), (&session.moved(&app), "http", false)]
    {
        let parts = renewed(&ask(session, &[("Cookie", &good), ("X-Forwarded-Proto", proto)], &window(1)).await);
        assert_eq!(parts.iter().any(|part| part == "Secure"), secure, "{parts:?}");
    }
}

fn sign(algorithm: Jws, kid: Option<&str>, key: &EncodingKey) -> String {
    let exp = OffsetDateTime::now_utc().unix_timestamp() + 60;
    let claims = json!({ "aud": "customer-v1", "sub": "D", "cfg": { "customer_id": CUSTOMER }, "exp": exp });
    let header = Header { kid: kid.map(str::to_owned), ..Header::new(algorithm) };
    jsonwebtoken::encode(&header, &claims, key).unwrap()
}

#[actix_web::test]
async fn without_a_private_key_there_is_no_renewal_and_with_one_it_signs() {
    let rsa = EncodingKey::from_rsa_pem(&std::fs::read(format!("{RSA}/private.pem")).unwrap()).unwrap();
    let ec = EncodingKey::from_ec_pem(&std::fs::read(format!("{EC}/private.pem")).unwrap()).unwrap();
    for (algorithm, token, dir) in
        [(Algorithm::Rs256, sign(Jws::RS256, None, &rsa), RSA), (Algorithm::Es256, sign(Jws::ES256, None, &ec), EC)]
    {
        let public = |config: &mut Config| {
            config.auth.algorithm = algorithm;
            config.auth.public_key_file = Some(format!("{dir}/public.pem").into());
        };
        let app = world_with(public).await;
        // The session's own token is not used: this service cannot sign one.
        let session = Session::new().moved(&app);
        let reply = ask(&session, &[("Cookie", &cookie(&token))], &window(1)).await;
        assert_eq!((reply.status, reply.headers.get("set-cookie")), (200, None));
        assert_eq!(ask(&session, &[("Authorization", &world().token(CUSTOMER, &[]))], &window(1)).await.status, 401);
        let app = world_with(|config| {
            public(config);
            config.auth.private_key_file = Some(format!("{dir}/private.pem").into());
        })
        .await;
        let parts = renewed(&ask(&session.moved(&app), &[("Cookie", &cookie(&token))], &window(1)).await);
        assert_eq!(ask(&session, &[("Authorization", &parts[0])], &window(1)).await.status, 200);
    }
}

#[actix_web::test]
async fn keys_rotate_by_kid_over_the_wire() {
    let key = |name: &str| EncodingKey::from_ec_pem(&std::fs::read(format!("{EC}/{name}.pem")).unwrap()).unwrap();
    let app = world_with(|config| {
        config.auth.algorithm = Algorithm::Es256;
        config.auth.public_keys = vec![format!("old={EC}/public.pem"), format!("new={EC}/public2.pem")];
    })
    .await;
    let session = Session::new().moved(&app);
    for (kid, name, status) in [
        (Some("old"), "private", 200),
        (Some("new"), "private2", 200),
        (Some("new"), "private", 401),
        (Some("gone"), "private", 401),
        (None, "private", 401),
    ] {
        let token = sign(Jws::ES256, kid, &key(name));
        assert_eq!(ask(&session, &[("Authorization", &token)], &window(1)).await.status, status, "{kid:?} {name}");
    }
}

#[actix_web::test]
async fn a_token_expires_while_it_is_used() {
    let session = Session::new();
    let token = world()
        .sign(&Issue::Grant { customer_id: CUSTOMER, account_ids: vec![], allowed_ips: vec![], debug: false }, 2);
    assert_eq!(ask(&session, &[("Authorization", &token)], &window(1)).await.status, 200);
    tokio::time::sleep(Duration::from_millis(2050)).await;
    assert_eq!(ask(&session, &[("Authorization", &token)], &window(1)).await.status, 401);
}
