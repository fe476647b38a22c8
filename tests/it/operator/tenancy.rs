//! Who gets in, and what each sees.

use cdrscope::token::{Issue, Keys};
use serde_json::{Value, json};
use time::OffsetDateTime;

use super::{API, DAY, app, ask, breakdown};
use crate::support::{self, TestApp};

/// Calls of two customers over two vendors.
fn rows() -> Vec<Value> {
    let row = |customer: u32, vendor: u32| json!({ "customer_id": customer, "customer_acc_id": customer * 10, "vendor_id": vendor, "vendor_acc_id": vendor * 10 });
    vec![row(5, 70), row(5, 70), row(5, 71), row(6, 70)]
}

fn calls(answer: &Value) -> i64 {
    answer["totals"]["total_calls"].as_i64().unwrap_or_else(|| panic!("{answer}"))
}

#[actix_web::test]
async fn without_a_key_the_operators_paths_are_not_there() {
    let app = TestApp::start(|_| {}).await;
    for path in ["breakdown", "statistics", "definitions", "accounts", "cdrs", "breakdown.json"] {
        assert_eq!(app.get(&format!("{API}/{path}"), &app.token(5, &[])).await.status, 404, "{path}");
    }
    let document = app.get("/openapi.json", "").await.body;
    assert!(!document.contains("operator/v1"));
}

#[actix_web::test]
async fn customers_tokens_open_nothing_of_the_operators_and_the_other_way_round() {
    let app = app(&rows()).await;
    let now = OffsetDateTime::now_utc();
    let operator = app.operator_token(&[], &[], &["cost", "vendors", "numbers", "export"]);
    assert_eq!(breakdown(&app, "group-by=customer", &operator).await.0, 200);
    // A customer's token, one for the operator's audience by the customers' key, and a grant by it.
    let customers = Keys::new(&app.config.auth).unwrap();
    let by_customers_key = |claims: Value| {
        let key = jsonwebtoken::EncodingKey::from_secret(support::app::SECRET.as_bytes());
        jsonwebtoken::encode(&jsonwebtoken::Header::default(), &claims, &key).unwrap()
    };
    let exp = now.unix_timestamp() + 600;
    let cfg = json!({ "customer_id": 5, "customers": [], "vendors": [], "may": ["cost", "vendors"] });
    for token in [
        app.token(5, &[]),
        customers.sign(&Issue::Operator(1), now, 600).unwrap(),
        by_customers_key(json!({ "aud": "operator-v1", "sub": "D", "exp": exp, "cfg": { "may": ["cost"] } })),
        by_customers_key(json!({ "aud": ["customer-v1", "operator-v1"], "sub": "D", "exp": exp, "cfg": cfg })),
    ] {
        for path in ["breakdown", "statistics", "definitions", "accounts"] {
            assert_eq!(ask(&app, path, &token).await.0, 401, "{path}");
        }
        // As a cookie, too.
        let request = app.request("GET", &format!("{API}/accounts"));
        let request = request.header("Cookie", format!("_yeti_customer_v1_session={token}"));
        assert_eq!(request.send().await.unwrap().status(), 401);
    }
    // A browser sends cookies by itself, so the operator's token does not count as one.
    let request = app.request("GET", &format!("{API}/accounts"));
    let request = request.header("Cookie", format!("_yeti_customer_v1_session={operator}"));
    assert_eq!(request.send().await.unwrap().status(), 401);
    // The operator's token is no customer's; and what is in its claims opens nothing with the customers' key.
    let account = app.account(50, 5).await;
    app.until_known(account, &app.token(5, &[])).await;
    let path = format!("/api/rest/customer/v1/origination-breakdown?account-id={account}&{DAY}&group-by=dst-country");
    assert_eq!(app.get(&path, &operator).await.status, 401);
    let claim = by_customers_key(json!({ "aud": "customer-v1", "sub": "D", "exp": exp, "cfg": cfg }));
    assert_eq!(app.get(&path, &claim).await.status, 200);
    for (query, culprit) in [
        ("measures=margin", "invalid value measures"),
        ("measures=cost", "invalid value measures"),
        ("measures=loss_calls", "invalid value measures"),
        ("measures=revenue", "invalid value measures"),
        ("group-by=vendor", "invalid value group-by"),
        ("group-by=customer", "invalid value group-by"),
        ("group-by=term-gw", "invalid value group-by"),
        ("vendor-id=70", "unknown param vendor-id"),
        ("customer-id=6", "unknown param customer-id"),
        ("side=termination", "unknown param side"),
        ("term-gw-id=1", "unknown param term-gw-id"),
        ("vendor-price-gt=0", "unknown param vendor-price-gt"),
        ("order-by=margin", "invalid value order-by"),
    ] {
        for token in [&claim, &app.token(5, &[])] {
            let reply = app.get(&format!("{path}&{query}"), token).await;
            assert_eq!((reply.status, reply.body), (400, json!({ "error": culprit }).to_string()), "{query}");
        }
    }
    // An operator's token has to end some time.
    let key = jsonwebtoken::EncodingKey::from_secret(super::SECRET.as_bytes());
    for (claims, status) in [
        (json!({ "aud": "operator-v1", "sub": "D", "cfg": {} }), 401),
        (json!({ "aud": "operator-v1", "sub": "D", "exp": exp, "cfg": {} }), 200),
        (json!({ "aud": "operator-v1", "sub": "D", "exp": exp, "cfg": [] }), 401),
        (json!({ "aud": "operator-v1", "sub": "D", "exp": exp }), 401),
        (json!({ "aud": "operator-v1", "sub": "D", "exp": exp, "cfg": { "customer": [5] } }), 401),
        (json!({ "aud": "operator-v1", "sub": "D", "exp": exp, "cfg": { "may": ["everything"] } }), 401),
        (json!({ "aud": "operator-v1", "sub": "D", "exp": exp, "cfg": { "allowed_ips": ["192.0.2.1"] } }), 401),
        (json!({ "aud": "operator-v1", "sub": "D", "exp": exp, "cfg": { "allowed_ips": ["127.0.0.1", "here"] } }), 401),
        (json!({ "aud": "customer-v1", "sub": "D", "exp": exp, "cfg": {} }), 401),
        (json!({ "aud": "operator-v1", "sub": "1", "exp": exp }), 401),
    ] {
        let token = jsonwebtoken::encode(&jsonwebtoken::Header::default(), &claims, &key).unwrap();
        assert_eq!(ask(&app, "definitions", &token).await.0, status, "{claims}");
    }
}

#[actix_web::test]
async fn each_sees_the_customers_and_vendors_of_its_lists_alone() {
    let app = app(&rows()).await;
    let may = ["vendors"];
    let (ours, others) = (app.account(50, 5).await, app.account(60, 6).await);
    let vendors = app.account(700, 70).await;
    let all = app.operator_token(&[], &[], &may);
    app.until_known(others, &app.token(6, &[])).await;
    for (customers, vendors, calls_seen) in [
        (&[][..], &[][..], 4),
        (&[5], &[], 3),
        (&[], &[70], 3),
        (&[5], &[70], 2),
        (&[9], &[], 0),
        (&[5, 6], &[71, 70], 4),
    ] {
        let token = app.operator_token(customers, vendors, &may);
        for side in ["origination", "termination"] {
            let (status, answer) = breakdown(&app, &format!("side={side}&group-by=customer,vendor"), &token).await;
            assert_eq!((status, calls(&answer)), (200, calls_seen), "{customers:?} {vendors:?} {side}");
            let (status, answer) = ask(&app, &format!("statistics?{DAY}&side={side}&sampling=hour"), &token).await;
            assert_eq!((status, calls(&answer)), (200, calls_seen), "{customers:?} {vendors:?} {side}");
        }
        // Filters only ever take away.
        let (_, answer) = breakdown(&app, "group-by=customer&customer-id=5,6,7&vendor-id=70,71", &token).await;
        assert_eq!(calls(&answer), calls_seen);
    }
    let account = async |token: &str, account: uuid::Uuid, side: &str| {
        breakdown(&app, &format!("side={side}&group-by=account&account-id={account}"), token).await
    };
    let five = app.operator_token(&[5], &[], &may);
    let refused = json!({ "error": "invalid value account-id" });
    assert_eq!(account(&five, others, "origination").await, (400, refused.clone()));
    assert_eq!(account(&five, uuid::Uuid::nil(), "origination").await, (400, refused.clone()));
    assert_eq!(account(&app.operator_token(&[], &[71], &may), vendors, "termination").await, (400, refused));
    assert_eq!(calls(&account(&five, ours, "origination").await.1), 3);
    assert_eq!(calls(&account(&all, vendors, "termination").await.1), 3);
    let (_, list) = ask(&app, "accounts", &five).await;
    let uuids: Vec<&str> =
        list["accounts"].as_array().unwrap().iter().map(|row| row["uuid"].as_str().unwrap()).collect();
    // Whose account is a vendor's is not known: those of others than customer 5 are not listed, though vendors are not bounded.
    assert_eq!(uuids, [ours.to_string()]);
    let (_, list) = ask(&app, "accounts", &all).await;
    assert_eq!(list["accounts"].as_array().unwrap().len(), 3);
    let (_, list) = ask(&app, "accounts", &app.operator_token(&[5], &[], &[])).await;
    assert_eq!(list["accounts"].as_array().unwrap().len(), 1);
}

#[actix_web::test]
async fn accounts_are_listed_by_the_side_and_currency_that_their_rows_have() {
    let app = app(&rows()).await;
    let uuids = ["50", "60", "700", "710"].map(|id| format!("00000000-0000-0000-0000-{id:0>12}"));
    let line = |place: usize, id: u32, owner: u32, rest: &str| {
        format!(r#"{{"id":{id},"uuid":"{}","customer_id":{owner},"name":"n"{rest}}}"#, uuids[place])
    };
    let rows = [
        line(0, 50, 5, r#","side":"origination","currency_id":2"#),
        line(1, 60, 6, ""),
        line(2, 700, 70, r#","side":"termination""#),
        line(3, 710, 71, r#","side":"sideways","currency_id":-1"#),
    ];
    support::insert(&app.admin, "accounts", &rows.join("\n")).await;
    app.until_known(uuids[3].parse().unwrap(), &app.token(71, &[])).await;
    let listed = async |customers: &[u32], vendors: &[u32], may: &[&str]| {
        let (_, list) = ask(&app, "accounts", &app.operator_token(customers, vendors, may)).await;
        let row = |row: &Value| json!([row["customer_id"], row["side"], row["currency"]]);
        Value::from(list["accounts"].as_array().unwrap().iter().map(row).collect::<Vec<_>>())
    };
    // A side that does not read is none that is known.
    assert_eq!(
        listed(&[], &[], &["vendors"]).await,
        json!([[5, "origination", 2], [6, "both", null], [70, "termination", null], [71, "both", -1]])
    );
    // Who may not see vendors is told of no account that is a vendor's.
    assert_eq!(
        listed(&[], &[], &[]).await,
        json!([[5, "origination", 2], [6, "origination", null], [71, "origination", -1]])
    );
    // A list of customers alone leaves all vendors: those that are known as such are listed.
    assert_eq!(listed(&[5], &[], &["vendors"]).await, json!([[5, "origination", 2], [70, "termination", null]]));
    assert_eq!(listed(&[5], &[71], &["vendors"]).await, json!([[5, "origination", 2], [71, "termination", -1]]));
    assert_eq!(listed(&[70], &[], &[]).await, json!([]));
    // An account on the side that its row does not have is none, in a question and in groups; one of an unknown side may be.
    for (customers, vendors, may) in [
        (vec![], vec![], vec![]),
        (vec![5], vec![], vec!["vendors"]),
        (vec![5], vec![71], vec!["vendors"]),
        (vec![], vec![70], vec!["vendors"]),
        (vec![70], vec![], vec![]),
    ] {
        let token = app.operator_token(&customers, &vendors, &may);
        for (side, lists) in [("origination", &customers), ("termination", &vendors)] {
            if side == "termination" && may.is_empty() {
                continue;
            }
            let known = |place: usize| {
                let (owner, has_side) =
                    [(5, side == "origination"), (6, true), (70, side == "termination"), (71, true)][place];
                has_side && (lists.is_empty() || lists.contains(&owner))
            };
            for (place, uuid) in uuids.iter().enumerate() {
                let question = format!("side={side}&group-by=account&account-id={uuid}");
                let (status, answer) = breakdown(&app, &question, &token).await;
                let expected = if known(place) { 200 } else { 400 };
                assert_eq!(status, expected, "{customers:?} {vendors:?} {may:?} {question} {answer}");
            }
            let (_, answer) = breakdown(&app, &format!("side={side}&group-by=account"), &token).await;
            for shown in answer["data"]["account_id"].as_array().into_iter().flatten().filter_map(Value::as_str) {
                let place = uuids.iter().position(|uuid| uuid == shown);
                assert!(place.is_some_and(known), "{customers:?} {vendors:?} {may:?} {side} {answer}");
            }
        }
    }
    // One who sees all may ask for an account on the side that its row does not name.
    let full = app.operator_token(&[], &[], &["vendors"]);
    for uuid in &uuids {
        let question = format!("side=termination&group-by=account&account-id={uuid}");
        assert_eq!(breakdown(&app, &question, &full).await.0, 200, "{question}");
    }
    let own = app.get("/api/rest/customer/v1/accounts", &app.token(5, &[])).await.json();
    assert_eq!(own["accounts"], json!([{ "uuid": uuids[0], "name": "n", "side": "origination", "currency": 2 }]));
    let other = app.get("/api/rest/customer/v1/accounts", &app.token(6, &[])).await.json();
    assert_eq!(other["accounts"], json!([{ "uuid": uuids[1], "name": "n", "side": "both", "currency": null }]));
}

#[actix_web::test]
async fn definitions_say_which_reports_have_a_measure_and_what_it_means_there() {
    let app = app(&rows()).await;
    let measure = async |path: &str, token: &str, name: &str| {
        let body = app.get(path, token).await.json();
        body["measures"].as_array().unwrap().iter().find(|row| row["name"] == name).unwrap().clone()
    };
    let customers = "/api/rest/customer/v1/definitions";
    let price = measure(customers, &app.token(5, &[]), "total_price").await;
    assert_eq!(price["on"], json!(["origination-breakdown", "termination-breakdown"]));
    assert_eq!(price["definition"], "On origination: Sum of customer_price. On termination: Sum of vendor_price.");
    let answered = measure(customers, &app.token(5, &[]), "successful_calls").await;
    assert_eq!(answered["definition"], "Those with a duration above 0.");
    let lost = measure(customers, &app.token(5, &[]), "lost_answers").await;
    assert_eq!(lost["change"], Value::Null);
    // Prices of vendors are their cost.
    let (operators, blind) = (format!("{API}/definitions"), app.operator_token(&[], &[], &["vendors"]));
    let price = measure(&operators, &blind, "total_price").await;
    assert_eq!(
        (price["on"].clone(), price["definition"].clone()),
        (json!(["breakdown"]), json!("Sum of customer_price."))
    );
}

#[actix_web::test]
async fn what_a_token_may_not_see_is_an_unknown_word() {
    let app = app(&rows()).await;
    let every = ["cost", "vendors", "numbers", "export"];
    let without = |word: &str| every.iter().copied().filter(|other| *other != word).collect::<Vec<_>>();
    for (word, query, culprit) in [
        ("cost", "group-by=customer&measures=cost", "invalid value measures"),
        ("cost", "group-by=customer&measures=margin", "invalid value measures"),
        ("cost", "group-by=customer&measures=margin_percent", "invalid value measures"),
        ("cost", "group-by=customer&measures=loss", "invalid value measures"),
        ("cost", "group-by=customer&measures=loss_calls", "invalid value measures"),
        ("cost", "group-by=customer&vendor-price-gt=0", "unknown param vendor-price-gt"),
        ("cost", "side=termination&group-by=vendor&measures=total_price", "invalid value measures"),
        ("cost", "side=termination&group-by=vendor&measures=price_per_minute", "invalid value measures"),
        ("cost", "side=termination&group-by=rate", "invalid value group-by"),
        ("vendors", "group-by=vendor", "invalid value group-by"),
        ("vendors", "group-by=term-gw", "invalid value group-by"),
        ("vendors", "group-by=customer&vendor-id=70", "unknown param vendor-id"),
        ("vendors", "group-by=customer&term-gw-id=1", "unknown param term-gw-id"),
        ("vendors", "side=termination&group-by=customer", "invalid value side"),
    ] {
        let token = app.operator_token(&[], &[], &without(word));
        assert_eq!(breakdown(&app, query, &token).await, (400, json!({ "error": culprit })), "{query}");
        let (status, answer) = breakdown(&app, query, &app.operator_token(&[], &[], &every)).await;
        assert_eq!(status, 200, "{query}: {answer}");
        let (_, definitions) = ask(&app, "definitions", &token).await;
        for (list, hidden) in [
            ("measures", ["cost", "margin", "margin_percent", "loss", "loss_calls"]),
            ("dimensions", ["vendor", "term-gw", "", "", ""]),
        ] {
            let named = |name: &str| definitions[list].as_array().unwrap().iter().any(|row| row["name"] == name);
            let is_hidden = (list == "measures") == (word == "cost");
            for name in hidden.into_iter().filter(|name| !name.is_empty()) {
                assert_eq!(named(name), !is_hidden, "{word}: {name}");
            }
        }
    }
}

#[actix_web::test]
async fn whole_numbers_are_for_those_who_may_see_them() {
    let app = app(&rows()).await;
    let keys = async |may: &[&str]| {
        let query = "group-by=dst-prefix,src-prefix&dst-prefix-digits=15&src-prefix-digits=5";
        breakdown(&app, query, &app.operator_token(&[], &[], may)).await.1["data"].clone()
    };
    assert_eq!(keys(&["numbers"]).await["dst_prefix"], json!(["442071234567"]));
    assert_eq!(keys(&["vendors", "cost"]).await["dst_prefix"], json!(["44207123"]));
    assert_eq!(keys(&[]).await["src_prefix"], json!(["12125"]));
}

/// Who could filter by the end of a number would find it digit by digit.
#[actix_web::test]
async fn the_ends_of_numbers_cannot_be_found_by_filters() {
    let app = app(&rows()).await;
    let (all, few) = (app.operator_token(&[], &[], &["numbers"]), app.operator_token(&[], &[], &[]));
    for (filter, seen) in [
        ("starts-with=44207123", true),
        ("starts-with=442071234", false),
        ("starts-with=1,442071234567", false),
        ("eq=44207123", true),
        ("eq=442071234567", false),
        ("ends-with=4567", false),
        ("contains=71234", false),
        ("contains=7123", true),
    ] {
        for report in ["breakdown?group-by=customer", "statistics?sampling=day"] {
            let of = async |token: &str| {
                let path = format!("{report}&from-time=2026-01-01&to-time=2026-12-31&dst-prefix-routing-{filter}");
                ask(&app, &path, token).await
            };
            let calls = |answer: (u16, Value)| {
                assert_eq!(answer.0, 200, "{filter}: {}", answer.1);
                answer.1["totals"]["total_calls"].as_i64().unwrap_or(0)
            };
            let whole = calls(of(&all).await);
            assert_eq!(whole > 0, filter != "eq=44207123", "{report} {filter}");
            assert_eq!(calls(of(&few).await) > 0, seen, "{report} {filter}");
        }
    }
}

#[actix_web::test]
async fn rows_of_operator_access_count_and_stop_counting() {
    let app = app(&rows()).await;
    let token = app.sign_operator(&Issue::Operator(3));
    assert_eq!(ask(&app, "definitions", &token).await.0, 401);
    let row = |more: Value| {
        let mut row = json!({ "id": 3, "name": "Ann", "customer_ids": [6], "may": ["vendors"] });
        row.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        row.to_string()
    };
    let until = async |what: &str, row: String, status: u16, calls_seen: Option<i64>| {
        support::insert(&app.admin, "operator_access", &row).await;
        support::eventually(what, async || {
            let (found, answer) = breakdown(&app, "group-by=customer", &token).await;
            let seen = calls_seen.is_none_or(|seen| answer["totals"]["total_calls"] == seen);
            (found == status && seen).then_some(())
        })
        .await;
    };
    until("the row counts", row(json!({})), 200, Some(1)).await;
    until("other customers", row(json!({ "customer_ids": [5] })), 200, Some(3)).await;
    until("another address", row(json!({ "allowed_ips": ["192.0.2.1"] })), 401, None).await;
    until("this address", row(json!({ "allowed_ips": ["127.0.0.1"] })), 200, Some(1)).await;
    until("a right that is none", row(json!({ "may": ["all"] })), 401, None).await;
    until("rights that are some", row(json!({ "may": ["cost"] })), 200, Some(1)).await;
    until("an address that is none", row(json!({ "allowed_ips": ["127.0.0.1", "here"] })), 401, None).await;
    until("it counts again", row(json!({ "customer_ids": [] })), 200, Some(4)).await;
    until("it is gone", row(json!({ "may": ["removed"] })), 401, None).await;
}

#[actix_web::test]
async fn names_are_shown_and_an_answer_in_memory_never_outlives_them_or_the_rights() {
    let app = app(&rows()).await;
    let (wide, narrow) = (app.operator_token(&[], &[], &["vendors"]), app.operator_token(&[5], &[], &["vendors"]));
    let query = "group-by=customer&order-by=customer_id";
    for _ in 0..2 {
        assert_eq!(breakdown(&app, query, &wide).await.1["data"]["customer_id"], json!([5, 6]));
        assert_eq!(breakdown(&app, query, &narrow).await.1["data"]["customer_id"], json!([5]));
    }
    for name in ["Acme", "Acme Ltd"] {
        support::insert(&app.admin, "contractors", &json!({ "id": 5, "name": name }).to_string()).await;
        support::eventually("the name", async || {
            (breakdown(&app, query, &wide).await.1["data"]["customer"] == json!([name, null])).then_some(())
        })
        .await;
    }
}

#[actix_web::test]
async fn an_accounts_number_is_its_owners_alone() {
    // Calls of either customer under the other's number, too.
    let row = |customer: u32, account: u32| json!({ "customer_id": customer, "customer_acc_id": account });
    let app = app(&[row(5, 50), row(5, 60), row(6, 50), row(6, 60), row(6, 60)]).await;
    let (first, second) = (app.account(50, 5).await, app.account(60, 6).await);
    app.until_known(second, &app.token(6, &[])).await;
    let token = app.operator_token(&[], &[], &[]);
    for (named, calls_seen) in [(vec![first], 1), (vec![second], 2), (vec![first, second], 3)] {
        let named: Vec<String> = named.iter().map(uuid::Uuid::to_string).collect();
        let (_, answer) = breakdown(&app, &format!("group-by=account&account-id={}", named.join(",")), &token).await;
        assert_eq!(calls(&answer), calls_seen, "{named:?}");
    }
    // An account outside the list has no name, though a call of a customer within it has its number.
    let (_, answer) = breakdown(&app, "group-by=account", &app.operator_token(&[5], &[], &[])).await;
    assert_eq!(answer["data"]["account_id"], json!([first.to_string(), null]), "{answer}");
    assert_eq!(answer["data"]["total_calls"], json!([1, 1]));
}

#[actix_web::test]
async fn a_revoked_token_opens_nothing_more() {
    let app = app(&rows()).await;
    let (token, other) = (app.operator_token(&[], &[], &[]), app.operator_token(&[], &[], &[]));
    assert_eq!(ask(&app, "definitions", &token).await.0, 200);
    let mut unchecked = jsonwebtoken::Validation::new(jsonwebtoken::Algorithm::HS256);
    unchecked.validate_aud = false;
    let key = jsonwebtoken::DecodingKey::from_secret(super::SECRET.as_bytes());
    let claims = jsonwebtoken::decode::<Value>(&token, &key, &unchecked).unwrap().claims;
    support::insert(&app.admin, "token_revocations", &json!({ "jti": claims["jti"] }).to_string()).await;
    support::eventually("the revocation counts", async || {
        (ask(&app, "definitions", &token).await.0 == 401).then_some(())
    })
    .await;
    assert_eq!(ask(&app, "definitions", &other).await.0, 200);
}
