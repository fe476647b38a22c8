//! Raw CDRs: pages, files, who may read which columns, and what becomes of a file that cannot be finished.

mod audit;
mod command;
mod faults;
mod files;
mod limits;
mod own;
mod pages;
mod report;
mod tenancy;
mod workbooks;

use cdrscope::config::Config;
use cdrscope::config::value::Secret;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::TestApp;
use crate::support::app::API;

/// First second of the calls.
const FIRST: i64 = 1_774_700_000;

/// The columns that the tests compare.
const COLUMNS: &str = "id,time_start,time_connect,duration,success,customer_price,destination_next_rate,pdd,src_prefix_in,\
                       src_name_in,lega_disconnect_reason,lega_q850_cause,destination_prefix";

/// Calls in which five of twenty have the same second and id, and two of these are alike in everything; texts that formats have
/// to escape; and the hour of a change of clocks in Kyiv.
const CALLS: &str = "INSERT INTO cdrs (id, customer_id, vendor_id, customer_acc_id, vendor_acc_id, is_last_cdr, time_start, time_connect, \
    duration, success, customer_duration, vendor_duration, customer_price, vendor_price, destination_next_rate, dialpeer_next_rate, pdd, \
    src_prefix_in, dst_prefix_out, src_prefix_routing, dst_prefix_routing, src_name_in, lega_disconnect_reason, lega_q850_cause, \
    destination_prefix, dst_country_id) \
    SELECT if(number % 20 < 5, 18446744073709551615, number) AS id, 7 + (second % 5 = 4) AS customer_id, 7 + (second % 7 = 6) AS vendor_id, \
    1 + second % 5, 1 + second % 7, number % 20 < 5 OR number % 3 != 0, toDateTime(1774700000 + 571 * second), \
    if(h % 2 = 0, NULL, toDateTime(1774700005 + 571 * second)), if(h % 2 = 0, 0, h % 4000) AS seconds, h % 2, seconds, seconds, \
    toDecimal64(h % 5000001, 6) / 1000000, toDecimal64(h % 3000001, 6) / 1000000, if(h % 11 = 0, NULL, (h % 1000) / 1000), \
    (h % 999) / 1000, if(h % 3 = 0, NULL, (h % 60000) / 1000), toString(380440000000 + h % 100000), \
    concat('1007', toString(h % 1000000)), toString(h % 100000000), \
    toString(490000000 + h % 1000), ['Ann', '', '=cmd|\\'/C calc\\'!A0', '+44 20', '-1', '@SUM(A1)', '\\tx', 'a,b;c\"d', '\\r\\n', 'їжак 🦔', '\\\\', 'x\\0y'][1 + h % 12], \
    ['OK', 'Busy Here', ''][1 + h % 3], if(h % 4 = 0, NULL, h % 130), ['44', '', '+49'][1 + h % 3], h % 3 \
    FROM (SELECT number, intDiv(number, 20) AS second, cityHash64(if(number % 20 = 4, number - 1, number)) % 1000000007 AS h FROM numbers(4000))";

/// A service over the calls, with an account of a customer.
struct World {
    app: TestApp,
    account: Uuid,
    token: String,
}

async fn world(change: impl FnOnce(&mut Config)) -> World {
    let app = TestApp::start(|config| {
        config.operator.secret = Secret::new(crate::operator::SECRET);
        change(config);
    })
    .await;
    app.admin.query_raw(CALLS).execute().await.unwrap();
    let (account, token) = (app.account(1, 7).await, app.token(7, &[]));
    app.until_known(account, &token).await;
    World { app, account, token }
}

impl World {
    fn path(&self, report: &str, more: &str) -> String {
        format!("{API}/{report}?account-id={}&from-time={FIRST}{more}", self.account)
    }

    /// The body of a 200.
    async fn get(&self, path: &str, token: &str) -> String {
        let reply = self.app.get(path, token).await;
        assert_eq!(reply.status, 200, "{path}: {}", reply.body);
        reply.body
    }

    /// The bytes of a 200.
    async fn bytes(&self, path: &str, token: &str) -> Vec<u8> {
        let request = self.app.request("GET", path).header("Authorization", token);
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 200, "{path}");
        response.bytes().await.unwrap().to_vec()
    }

    async fn rows_of(&self, sql: &str) -> Vec<Vec<Value>> {
        rows_of(&self.app, sql).await
    }

    /// All pages, one after the other, and how many there were.
    async fn pages(&self, path: &str, token: &str) -> (Vec<Value>, usize) {
        let (mut rows, mut count, mut cursor) = (Vec::new(), 0, String::new());
        loop {
            let reply = self.app.get(&format!("{path}{cursor}"), token).await;
            assert_eq!(reply.status, 200, "{path}{cursor}: {}", reply.body);
            let page = reply.json();
            rows.extend(objects(&page));
            count += 1;
            let next = page["next"].as_str();
            assert_eq!(reply.headers.get("link").is_some(), next.is_some());
            match next {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return (rows, count),
            }
        }
    }
}

/// The CDRs of a page, an object each.
fn objects(page: &Value) -> Vec<Value> {
    let data = page["data"].as_object().unwrap();
    let count = usize::try_from(page["rows"].as_u64().unwrap()).unwrap();
    let object = |row: usize| data.iter().map(|(name, values)| (name.clone(), values[row].clone())).collect();
    assert!(data.values().all(|values| values.as_array().unwrap().len() == count));
    (0..count).map(object).collect()
}

/// Lines of JSON.
fn ndjson(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// In an order of their own: those of one time and id stand in any.
fn sorted(rows: &[Value]) -> Vec<String> {
    let mut sorted: Vec<String> = rows.iter().map(ToString::to_string).collect();
    sorted.sort();
    sorted
}

/// What ClickHouse itself answers, read without the service.
async fn rows_of(app: &TestApp, sql: &str) -> Vec<Vec<Value>> {
    let mut cursor = app.admin.query_raw(sql).fetch_bytes("JSONCompactEachRow").unwrap();
    let text = String::from_utf8(cursor.collect().await.unwrap().to_vec()).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The calls of a condition as the API has them, made of the table's own values by other means than the service's statements.
async fn expected(world: &World, condition: &str, zone: chrono_tz::Tz) -> Vec<Value> {
    let sql = format!(
        "SELECT toString(id), toUnixTimestamp(time_start), toUnixTimestamp(time_connect), duration, success, \
         toInt64(customer_price * 1000000), round(destination_next_rate * 1000), round(pdd * 1000), src_prefix_in, src_name_in, \
         lega_disconnect_reason, lega_q850_cause, destination_prefix FROM cdrs WHERE {condition} ORDER BY time_start, id"
    );
    let rows = world.rows_of(&sql).await.into_iter();
    rows.map(|row| {
        let time = |value: &Value| match value.as_i64() {
            Some(second) => {
                let time = chrono::DateTime::from_timestamp(second, 0).unwrap().with_timezone(&zone);
                time.to_rfc3339_opts(chrono::SecondsFormat::Secs, true).into()
            }
            None => Value::Null,
        };
        json!({
            "id": row[0], "time_start": time(&row[1]), "time_connect": time(&row[2]), "duration": row[3], "success": row[4] != 0,
            "customer_price": decimal(&row[5], 6), "destination_next_rate": decimal(&row[6], 3), "pdd": decimal(&row[7], 3),
            "src_prefix_in": row[8], "src_name_in": row[9], "lega_disconnect_reason": row[10], "lega_q850_cause": row[11],
            "destination_prefix": row[12],
        })
    })
    .collect()
}

/// A whole number of parts as a decimal without zeros at its end.
fn decimal(parts: &Value, places: u32) -> Value {
    let Some(parts) = parts.as_f64() else { return Value::Null };
    let (parts, unit) = (parts as i64, 10_i64.pow(places));
    let text = format!("{}.{:0width$}", parts / unit, parts % unit, width = places as usize);
    text.trim_end_matches('0').trim_end_matches('.').to_owned().into()
}
