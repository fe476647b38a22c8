//! The customer API, rule by rule.

use crate::support::TestApp;
use crate::support::app::API;

fn cdr(id: u32, account: u32, customer: u32, time: i64, duration: u32) -> String {
    format!(
        r#"{{"id":{id},"customer_acc_id":{account},"customer_id":{customer},"time_start":{time},"duration":{duration},"is_last_cdr":1}}"#
    ) + "\n"
}

#[actix_web::test]
async fn the_seeds_body_comes_out_to_the_byte() {
    let app = TestApp::start(|_| ()).await;
    let account = app.account(1, 7).await;
    // 4.84, 4.84 and 4.82 minutes on average.
    let (first, mut lines, mut id) = (1_734_700_020, String::new(), 0);
    for (minute, calls, answered, seconds) in [(0, 180, 155, 45_012), (1, 140, 120, 34_848), (2, 200, 170, 49_164)] {
        for call in 0..calls {
            let duration = if call >= answered { 0 } else { seconds / answered + u32::from(call < seconds % answered) };
            id += 1;
            lines += &cdr(id, 1, 7, first + minute * 60 + i64::from(call % 60), duration);
        }
    }
    crate::support::insert(&app.admin, "cdrs", &lines).await;
    let token = app.token(7, &[]);
    app.until_known(account, &token).await;
    let path = format!(
        "{API}/origination-statistics-quality?account-id={account}&from-time={first}&to-time={}&sampling=minute",
        first + 179
    );
    let reply = app.get(&path, &token).await;
    let seed = r#"{"data":{"t":[1734700020,1734700080,1734700140],"total_calls":[180,140,200],"acd":["4.84","4.84","4.82"],"asr":["86.11","85.71","85.0"],"cps":["3.0","2.33","3.33"]},"rows":3,"totals":{"t":0,"total_calls":520,"acd":"4.83","asr":"85.58","cps":"8.67"}}"#;
    assert_eq!((reply.status, reply.body.as_str()), (200, seed));
    assert_eq!(reply.header("content-length"), "249");
}
