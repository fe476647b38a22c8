//! Refusals of breakdowns: each with its text, and none that reaches ClickHouse by accident.

use crate::support::TestApp;
use crate::support::app::API;
use cdrscope::config::Config;
use uuid::Uuid;

/// A service over a few calls: 12 countries, each called once a minute, in currencies 1 (account 1) and 2 (account 2).
pub async fn few(change: impl FnOnce(&mut Config)) -> (TestApp, [Uuid; 2], String) {
    let app = TestApp::start(change).await;
    let sql = "INSERT INTO cdrs (id, customer_id, vendor_id, customer_acc_id, vendor_acc_id, is_last_cdr, time_start, duration, \
        dst_country_id, customer_price, customer_currency_id, vendor_currency_id, pdd) SELECT number, 7, 7, 1 + number % 2, 1 + number % 2, 1, \
        toDateTime('2026-03-02 10:00:00', 'UTC') + number * 60, number % 3, number % 12, 1, 1 + number % 2, 1 + number % 2, number / 100 FROM numbers(600)";
    app.admin.query_raw(sql).execute().await.unwrap();
    let accounts = [app.account(1, 7).await, app.account(2, 7).await];
    let token = app.token(7, &[]);
    for account in accounts {
        app.until_known(account, &token).await;
    }
    (app, accounts, token)
}

pub fn path(accounts: &[Uuid], rest: &str) -> String {
    let accounts: Vec<String> = accounts.iter().map(Uuid::to_string).collect();
    format!(
        "{API}/origination-breakdown?account-id={}&from-time=2026-03-02&to-time=2026-03-02&{rest}",
        accounts.join(",")
    )
}

#[actix_web::test]
async fn each_mistake_has_its_text() {
    let (app, accounts, token) = few(|_| ()).await;
    let one = &accounts[..1];
    for (rest, error) in [
        ("", "missing required param(s) group-by"),
        ("group-by=", "invalid value group-by"),
        ("group-by=nonsense", "invalid value group-by"),
        ("group-by=dst-country,dst-country", "invalid value group-by"),
        ("group-by=dst-country,t,account,answered", "invalid value group-by"),
        ("group-by=dst-country,", "invalid value group-by"),
        ("group-by=,dst-country", "invalid value group-by"),
        ("group-by=dst-country%20", "invalid value group-by"),
        ("group-by=Dst-Country", "invalid value group-by"),
        ("group-by=term-gw", "invalid value group-by"),
        ("group-by=vendor", "invalid value group-by"),
        ("group-by=customer", "invalid value group-by"),
        ("group-by=dst_country", "invalid value group-by"),
        ("group-by[]=dst-country", "param group-by can't be an array"),
        ("group-by=dst-country&measures[]=asr", "param measures can't be an array"),
        ("group-by=dst-country&order-by[0]=asr", "param order-by can't be an array"),
        ("group-by=dst-country&compare[x]=week", "param compare can't be an array"),
        ("group-by=dst-country&measures=", "invalid value measures"),
        ("group-by=dst-country&measures=asr,asr", "invalid value measures"),
        ("group-by=dst-country&measures=asr,,acd", "invalid value measures"),
        ("group-by=dst-country&measures=calls", "invalid value measures"),
        ("group-by=dst-country&measures=cost", "invalid value measures"),
        ("group-by=dst-country&measures=margin", "invalid value measures"),
        ("group-by=dst-country&measures=loss", "invalid value measures"),
        ("group-by=dst-country&measures=ASR", "invalid value measures"),
        ("group-by=dst-country&measures=asr&order-by=acd", "invalid value order-by"),
        ("group-by=dst-country&measures=asr&order-by=", "invalid value order-by"),
        ("group-by=dst-country&measures=asr&order-by=-", "invalid value order-by"),
        ("group-by=dst-country&measures=asr&order-by=--asr", "invalid value order-by"),
        ("group-by=dst-country&measures=asr&order-by=%2Basr", "invalid value order-by"),
        ("group-by=dst-country&measures=asr&order-by=asr,asr", "invalid value order-by"),
        ("group-by=dst-country&measures=asr&order-by=asr,-asr", "invalid value order-by"),
        ("group-by=dst-country&measures=asr&order-by=-dst_country,asr,dst_country", "invalid value order-by"),
        ("group-by=dst-country&measures=asr&order-by=asr_before", "invalid value order-by"),
        ("group-by=dst-country&measures=asr&order-by=asr_change", "invalid value order-by"),
        ("group-by=dst-country&measures=asr&order-by=dst-country", "invalid value order-by"),
        ("group-by=dst-country&measures=asr&order-by=src_country", "invalid value order-by"),
        ("group-by=dst-country&measures=asr&order-by=t", "invalid value order-by"),
        (
            "group-by=dst-country,account,answered&measures=asr&order-by=asr,account,answered,dst_country",
            "invalid value order-by",
        ),
        (
            "group-by=dst-country&measures=lost_answers&compare=week&order-by=lost_answers_before",
            "invalid value order-by",
        ),
        (
            "group-by=dst-country&measures=lost_answers&compare=week&order-by=lost_answers_change",
            "invalid value order-by",
        ),
        ("group-by=dst-country&limit=0", "invalid value limit"),
        ("group-by=dst-country&limit=10001", "invalid value limit"),
        ("group-by=dst-country&limit=-1", "invalid value limit"),
        ("group-by=dst-country&limit=%2B5", "invalid value limit"),
        ("group-by=dst-country&limit=1e3", "invalid value limit"),
        ("group-by=dst-country&limit=5.0", "invalid value limit"),
        ("group-by=dst-country&limit=", "invalid value limit"),
        ("group-by=dst-country&limit=99999999999999999999999", "invalid value limit"),
        ("group-by=dst-country&min-calls=-1", "invalid value min-calls"),
        ("group-by=dst-country&min-calls=4294967296", "invalid value min-calls"),
        ("group-by=dst-country&decimals=1", "invalid value decimals"),
        ("group-by=dst-country&decimals=7", "invalid value decimals"),
        ("group-by=dst-country&short-seconds=0", "invalid value short-seconds"),
        ("group-by=dst-country&short-seconds=61", "invalid value short-seconds"),
        ("group-by=dst-prefix", "dst-prefix-digits is required by group-by dst-prefix"),
        ("group-by=src-prefix", "src-prefix-digits is required by group-by src-prefix"),
        ("group-by=dst-prefix&src-prefix-digits=2", "dst-prefix-digits is required by group-by dst-prefix"),
        ("group-by=dst-prefix&dst-prefix-digits=0", "invalid value dst-prefix-digits"),
        ("group-by=dst-prefix&dst-prefix-digits=16", "invalid value dst-prefix-digits"),
        ("group-by=dst-prefix&dst-prefix-digits=", "invalid value dst-prefix-digits"),
        ("group-by=t", "sampling is required by group-by t"),
        ("group-by=t&sampling=", "invalid sampling"),
        ("group-by=t&sampling=year", "invalid sampling"),
        ("group-by=dst-country&compare=", "invalid value compare"),
        ("group-by=dst-country&compare=decade", "invalid value compare"),
        ("group-by=dst-country&compare=Week", "invalid value compare"),
        ("group-by=dst-country&answered=yes", "invalid value answered"),
        ("group-by=dst-country&q850-cause=null", "invalid value q850-cause"),
        ("group-by=dst-country&term-gw-id=1", "unknown param term-gw-id"),
        ("group-by=dst-country&side=termination", "unknown param side"),
        ("group-by=dst-country&fill=true", "unknown param fill"),
        ("group-by=dst-country&complete=true", "unknown param complete"),
        ("group-by=dst-country&format=csv2", "invalid value format"),
        ("group-by=dst-country&numbers=fancy", "invalid value numbers"),
        ("group-by=dst-country&t-unit=us", "invalid value t-unit"),
    ] {
        let reply = app.get(&path(one, rest), &token).await;
        assert_eq!((reply.status, reply.body.as_str()), (400, format!("{{\"error\":\"{error}\"}}").as_str()), "{rest}");
    }
    let upside = format!(
        "{API}/origination-breakdown?account-id={}&from-time=2026-03-02&to-time=2026-03-01&group-by=dst-country",
        accounts[0]
    );
    assert_eq!(app.get(&upside, &token).await.body, r#"{"error":"to-time is before from-time"}"#);
    let many = upside.replacen(&accounts[0].to_string(), &vec![accounts[0].to_string(); 201].join(","), 1);
    assert_eq!(
        app.get(&many, &token).await.body,
        r#"{"error":"invalid value account-id: more than 200 values (limits.max_list_values)"}"#
    );
    let nothing = format!("{API}/origination-breakdown?colour=red");
    assert_eq!(
        app.get(&nothing, &token).await.body,
        r#"{"error":"missing required param(s) account-id, from-time, group-by"}"#
    );
    for limit in ["limit=1", "limit=10000", "limit=007", "min-calls=4294967295", "decimals=2", "decimals=6"] {
        assert_eq!(app.get(&path(one, &format!("group-by=dst-country&{limit}")), &token).await.status, 200, "{limit}");
    }
}

#[actix_web::test]
async fn a_window_in_the_future_is_empty_with_and_without_a_comparison() {
    let (app, accounts, token) = few(|_| ()).await;
    for rest in ["", "&compare=week", "&compare=previous&order-by=-total_calls_change", "&format=rows"] {
        for to in ["", "&to-time=2105-01-02"] {
            let path = format!(
                "{API}/origination-breakdown?account-id={}&from-time=2105-01-01{to}&group-by=dst-country{rest}",
                accounts[0]
            );
            let reply = app.get(&path, &token).await;
            assert_eq!((reply.status, reply.body.as_str()), (200, "[]"), "{rest}{to}");
        }
    }
}

#[actix_web::test]
async fn as_many_groups_as_allowed_are_answered_and_one_more_is_an_error() {
    // Each account has calls to 6 countries, and 300 delays.
    for (most, status) in [(6, 200), (5, 400), (1, 400), (7, 200)] {
        let (app, accounts, token) = few(|config| config.limits.max_groups = most).await;
        for rest in [
            "group-by=dst-country&measures=total_calls",
            "group-by=dst-country&measures=total_calls&limit=1",
            "group-by=dst-country&measures=total_calls,pdd_p95",
            "group-by=dst-country&measures=total_calls,pdd_p95&compare=week",
            "group-by=dst-country&measures=total_calls,distinct_dst_numbers&limit=2",
            "group-by=dst-country&compare=day",
        ] {
            let reply = app.get(&path(&accounts[..1], rest), &token).await;
            assert_eq!(reply.status, status, "{most} {rest}: {}", reply.body);
            if status == 400 {
                assert_eq!(
                    reply.body,
                    format!("{{\"error\":\"too many groups: limits.max_groups is {most}\"}}"),
                    "{rest}"
                );
            }
        }
        // One group with many delays is one group.
        let reply = app.get(&path(&accounts[..1], "group-by=account&measures=pdd_p50"), &token).await;
        assert_eq!(reply.status, 200, "{most}: {}", reply.body);
    }
}

#[actix_web::test]
async fn more_buckets_than_can_be_named_are_an_error() {
    let (app, accounts, token) = few(|_| ()).await;
    let ask = async |to: &str, rest: &str| {
        let path = format!(
            "{API}/origination-breakdown?account-id={}&from-time=2026-03-02&to-time={to}&group-by=t&{rest}",
            accounts[0]
        );
        let reply = app.get(&path, &token).await;
        (reply.status, reply.body)
    };
    // 10,000 minutes end in the seventh day at 22:40.
    let (status, body) = ask("2026-03-08T22:39:59Z", "sampling=minute&compare=week").await;
    assert_eq!(status, 200, "{body}");
    for compare in ["previous", "day", "week", "month", "year", "year-weekday"] {
        let (status, body) = ask("2026-03-08T22:40:00Z", &format!("sampling=minute&compare={compare}")).await;
        assert!(status == 400 && body.contains("too many buckets"), "{status} {body}");
    }
    assert_eq!(ask("2026-03-08T22:40:00Z", "sampling=minute").await.0, 200);
    // An end far ahead of the clock makes no more of them.
    for rest in ["sampling=day", "sampling=day&measures=cps", "sampling=week"] {
        let (status, far) = ask("2105-12-31", rest).await;
        assert_eq!((status, far), ask("2026-12-31", rest).await, "{rest}");
    }
    let (status, body) = ask("2026-12-31", "sampling=minute&group-by=t,hour-of-day&measures=cps").await;
    assert!(status == 400 && body.contains("too many buckets"), "{status} {body}");
}

/// A group comes once from each source of its window's pieces, and counts once.
#[actix_web::test]
async fn groups_of_several_sources_and_windows_are_not_too_many() {
    let (app, accounts, token) = few(|config| config.limits.max_groups = 6).await;
    let again = "INSERT INTO cdrs SELECT * REPLACE (id + 1000000 * step AS id, time_start - 43200 * step AS time_start) \
        FROM cdrs ARRAY JOIN range(1, 11) AS step";
    app.admin.query_raw(again).execute().await.unwrap();
    for rest in ["", "&compare=previous", "&compare=day"] {
        let path = format!(
            "{API}/origination-breakdown?account-id={}&from-time=2026-02-27T12:00:00Z&to-time=2026-03-02T11:59:59Z\
             &group-by=dst-country&measures=total_calls{rest}",
            accounts[0]
        );
        let reply = app.get(&path, &token).await;
        assert_eq!(reply.status, 200, "{rest}: {}", reply.body);
        assert_eq!(reply.json()["groups"], 6, "{rest}");
    }
}

/// Groups take their customer's memory as they come.
#[actix_web::test]
async fn groups_that_take_more_memory_than_a_customer_has_are_refused() {
    let (app, accounts, token) = few(|config| config.limits.response_mb = 17).await;
    let many = "INSERT INTO cdrs (id, customer_id, customer_acc_id, is_last_cdr, time_start, duration, dst_prefix_routing) \
        SELECT 10000000 + number, 7, 1, 1, toDateTime('2026-03-02 10:00:00', 'UTC'), 1, toString(100000000 + number) \
        FROM numbers(90000)";
    app.admin.query_raw(many).execute().await.unwrap();
    let rest = "group-by=dst-prefix&dst-prefix-digits=15&measures=total_calls,asr,acd,ner";
    let reply = app.get(&path(&accounts[..1], rest), &token).await;
    assert!(reply.status == 503 && reply.body.contains("too many large answers"), "{} {}", reply.status, reply.body);
    // And it is all given back.
    let rest = "group-by=dst-prefix&dst-prefix-digits=3&measures=total_calls";
    assert_eq!(app.get(&path(&accounts[..1], rest), &token).await.status, 200);
}

#[actix_web::test]
async fn prices_of_several_currencies_are_no_sum() {
    let (app, accounts, token) = few(|_| ()).await;
    let error = r#"{"error":"total_price needs accounts of one currency"}"#;
    for measures in [
        "total_price",
        "price_per_minute",
        "total_calls,price_per_minute",
        "total_price&format=rows",
        "total_price&compare=day",
    ] {
        let reply = app.get(&path(&accounts, &format!("group-by=answered&measures={measures}")), &token).await;
        assert_eq!((reply.status, reply.body.as_str()), (400, error), "{measures}");
    }
    // The usual measures have the price too.
    assert_eq!(app.get(&path(&accounts, "group-by=answered"), &token).await.body, error);
    assert_eq!(app.get(&path(&accounts, "group-by=answered&measures=total_calls"), &token).await.status, 200);
    assert_eq!(app.get(&path(&accounts, "group-by=answered&currency=1"), &token).await.status, 200);
    assert_eq!(app.get(&path(&accounts[..1], "group-by=answered"), &token).await.status, 200);
    for by in ["account", "currency", "answered,currency"] {
        let reply = app.get(&path(&accounts, &format!("group-by={by}&measures=total_price")), &token).await;
        assert_eq!(reply.status, 200, "{by}: {}", reply.body);
        let body = reply.json();
        assert!(body["totals"]["total_price"].is_null(), "{by}: {body}");
        assert!(body["data"]["total_price"].as_array().unwrap().iter().all(|price| price.is_string()), "{by}: {body}");
    }
}

#[actix_web::test]
async fn hours_of_a_year_up_to_now_are_read() {
    let (app, accounts, token) = few(|_| ()).await;
    let from = crate::oracle::Time::now().second() - 9900 * 3600;
    for rest in ["", "&compare=day", "&limit=1&compare=year"] {
        let target = format!(
            "{API}/origination-breakdown?account-id={}&from-time={from}&group-by=t&sampling=hour&measures=total_calls{rest}",
            accounts[0]
        );
        let reply = app.get(&target, &token).await;
        assert_eq!(reply.status, 200, "{rest}: {}", reply.body);
    }
}

#[actix_web::test]
async fn a_thousand_groups_of_long_names_are_shown_beside_different_numbers() {
    let (app, accounts, token) = few(|_| ()).await;
    let sql = "INSERT INTO cdrs (id, customer_id, customer_acc_id, is_last_cdr, time_start, auth_orig_ip, destination_prefix, dst_prefix_routing) \
        SELECT 1000 + number, 7, 1, 1, toDateTime('2026-03-02 11:00:00', 'UTC'), concat('2001:0db8:0000:0000:0000:0000:0000:', leftPad(toString(number), 4, '0')), \
        repeat(toString(number % 10), 60), leftPad(toString(number), 15, '0') FROM numbers(3000)";
    app.admin.query_raw(sql).execute().await.unwrap();
    let rest = "group-by=auth-orig-ip,destination-prefix,dst-prefix&dst-prefix-digits=15&measures=total_calls,distinct_dst_numbers&limit=1000&compare=day&order-by=-dst_prefix";
    let reply = app.get(&path(&accounts[..1], rest), &token).await;
    assert_eq!(reply.status, 200, "{}", &reply.body[..reply.body.len().min(300)]);
    let body = reply.json();
    assert_eq!((&body["rows"], &body["groups"]), (&1000.into(), &3001.into()));
    assert_eq!(
        (&body["other"]["distinct_dst_numbers"], &body["totals"]["distinct_dst_numbers"]),
        (&2001.into(), &3001.into())
    );
}
