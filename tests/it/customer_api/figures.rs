//! The columns of an answer, their rounding and their form (contract 1, Columns).

use cdrscope::config::{AcdUnit, TotalsCps};
use serde_json::{Value, json};

use super::{BASE, QUALITY, Session, TERMINATION, window, world_with};

/// Calls of these durations and prices in the first minute.
fn calls(durations: &[i64]) -> Vec<Value> {
    durations.iter().map(|duration| json!({ "time_start": BASE, "duration": duration })).collect()
}

#[actix_web::test]
async fn the_statistics_have_eight_columns_in_the_documents_order() {
    let session = Session::new();
    let priced = |duration: i64, price: &str| json!({ "time_start": BASE + 5, "duration": duration, "customer_price": price, "vendor_price": "1.25" });
    session.cdrs([priced(0, "0"), priced(30, "0.1"), priced(91, "0.2")]).await;
    let figures = |price: &str| {
        format!(
            r#"{{"data":{{"t":[{BASE}],"total_calls":[3],"successful_calls":[2],"failed_calls":[1],"total_duration":["2.02"],"acd":["1.01"],"asr":["66.67"],"total_price":["{price}"]}},"rows":1,"totals":{{"t":0,"total_calls":3,"successful_calls":2,"failed_calls":1,"total_duration":"2.02","acd":"1.01","asr":"66.67","total_price":"{price}"}}}}"#
        )
    };
    assert_eq!(session.ask("origination-statistics", &window(1)).await.body, figures("0.3"));
    assert_eq!(session.ask("termination-statistics", &window(1)).await.body, figures("3.75"));
}

#[actix_web::test]
async fn origination_counts_the_last_attempt_only_and_termination_every_attempt() {
    let session = Session::new();
    session
        .cdrs([
            json!({ "time_start": BASE, "is_last_cdr": 0, "duration": 0 }),
            json!({ "time_start": BASE, "is_last_cdr": 0, "duration": 0 }),
            json!({ "time_start": BASE, "is_last_cdr": 1, "duration": 60 }),
        ])
        .await;
    for report in ["origination-statistics-quality", "origination-statistics"] {
        assert_eq!(session.json(report, &window(1)).await["totals"]["total_calls"], 1, "{report}");
    }
    for report in TERMINATION {
        assert_eq!(session.json(report, &window(1)).await["totals"]["total_calls"], 3, "{report}");
    }
}

#[actix_web::test]
async fn a_side_is_chosen_by_its_own_account_column() {
    let session = Session::new();
    session
        .cdrs([
            json!({ "time_start": BASE, "vendor_acc_id": 999_999, "vendor_id": 9 }),
            json!({ "time_start": BASE, "customer_acc_id": 999_999, "customer_id": 9 }),
            json!({ "time_start": BASE, "customer_acc_id": 999_999, "customer_id": 9, "duration": 0 }),
        ])
        .await;
    assert_eq!(session.json(QUALITY, &window(1)).await["data"]["total_calls"], json!([1]));
    assert_eq!(session.json(TERMINATION[0], &window(1)).await["data"]["total_calls"], json!([2]));
}

#[actix_web::test]
async fn ratios_are_rounded_once_half_up() {
    // asr over 800 calls: 1 answered is 0.125, 3 are 0.375, 7 are 0.875.
    for (answered, calls_made, asr) in [
        (1, 800, "0.13"),
        (3, 800, "0.38"),
        (1, 3, "33.33"),
        (2, 3, "66.67"),
        (1, 20_001, "0.0"),
        (20_000, 20_001, "100.0"),
        (1, 1, "100.0"),
        (1, 2, "50.0"),
    ] {
        let session = Session::new();
        let durations: Vec<i64> = (0..calls_made).map(|n| i64::from(n < answered)).collect();
        session.cdrs(calls(&durations)).await;
        let answer = session.json(QUALITY, &window(1)).await;
        assert_eq!(
            (&answer["data"]["asr"][0], &answer["totals"]["asr"]),
            (&json!(asr), &json!(asr)),
            "{answered} of {calls_made}"
        );
    }
}

#[actix_web::test]
async fn acd_is_the_mean_of_answered_calls_only() {
    for (durations, minutes, seconds) in [
        (&[60, 0, 0][..], "1.0", "60.0"),
        (&[61], "1.02", "61.0"),
        (&[1], "0.02", "1.0"),
        (&[18], "0.3", "18.0"),
        (&[10, 10, 11], "0.17", "10.33"),
        (&[3, 0], "0.05", "3.0"),
        (&[1, 2], "0.03", "1.5"),
        (&[1, 1, 1, 1, 1, 1, 1, 2], "0.02", "1.13"),
    ] {
        let session = Session::new();
        session.cdrs(calls(durations)).await;
        assert_eq!(session.json(QUALITY, &window(1)).await["data"]["acd"], json!([minutes]), "{durations:?}");
        let app = world_with(|config| config.reports.acd_unit = AcdUnit::Seconds).await;
        let moved = session.moved(&app);
        for report in [QUALITY, "origination-statistics", "termination-statistics"] {
            let answer = moved.json(report, &window(1)).await;
            assert_eq!(
                (&answer["data"]["acd"][0], &answer["totals"]["acd"]),
                (&json!(seconds), &json!(seconds)),
                "{durations:?}"
            );
        }
    }
}

#[actix_web::test]
async fn acd_without_an_answered_call_and_asr_without_a_call_are_null() {
    let session = Session::new();
    session.cdrs(calls(&[0, 0])).await;
    let body = session.ask(QUALITY, &window(2)).await.body;
    let expected = format!(
        r#"{{"data":{{"t":[{BASE},{}],"total_calls":[2,0],"acd":[null,null],"asr":["0.0",null],"cps":["0.03","0.0"]}},"rows":2,"totals":{{"t":0,"total_calls":2,"acd":null,"asr":"0.0","cps":"0.03"}}}}"#,
        BASE + 60
    );
    assert_eq!(body, expected);
}

#[actix_web::test]
async fn totals_are_ratios_of_sums_and_never_means_of_buckets() {
    let session = Session::new();
    let at = |minute: i64, duration: i64| json!({ "time_start": BASE + 60 * minute, "duration": duration });
    session.cdrs([at(0, 60), at(1, 120), at(1, 120), at(1, 120), at(1, 0), at(1, 0)]).await;
    let answer = session.json(QUALITY, &window(2)).await;
    assert_eq!((&answer["data"]["acd"], &answer["data"]["asr"]), (&json!(["1.0", "2.0"]), &json!(["100.0", "60.0"])));
    assert_eq!(answer["totals"], json!({ "t": 0, "total_calls": 6, "acd": "1.75", "asr": "66.67", "cps": "0.1" }));
}

#[actix_web::test]
async fn cps_divides_by_the_buckets_length_and_in_totals_by_one_buckets_or_the_ranges() {
    let session = Session::new();
    session.cdrs((0..9).map(|n| json!({ "time_start": BASE + n * 100 }))).await;
    for (sampling, buckets, cps, total, range) in [
        ("minute", 15, json!("0.02"), "0.15", "0.01"),
        ("5minutes", 3, json!("0.01"), "0.03", "0.01"),
        ("15minutes", 1, json!("0.01"), "0.01", "0.01"),
    ] {
        let query = format!("from-time={BASE}&to-time={}&sampling={sampling}", BASE + 899);
        let answer = session.json(QUALITY, &query).await;
        assert_eq!(
            (&answer["data"]["cps"][0], &answer["totals"]["cps"], &answer["rows"]),
            (&cps, &json!(total), &json!(buckets))
        );
        let app = world_with(|config| config.reports.totals_cps = TotalsCps::Range).await;
        let answer = session.moved(&app).json(QUALITY, &query).await;
        assert_eq!((&answer["data"]["cps"][0], &answer["totals"]["cps"]), (&cps, &json!(range)), "{sampling}");
    }
    let app = world_with(|config| config.reports.totals_cps = TotalsCps::Range).await;
    let one =
        session.moved(&app).json(QUALITY, &format!("from-time={BASE}&to-time={}&sampling=minute", BASE + 59)).await;
    assert_eq!(one["totals"]["cps"], "0.02");
}

#[actix_web::test]
async fn prices_are_exact_sums_rounded_half_away_from_zero_and_never_minus_zero() {
    for (prices, total) in [
        (&["0.1", "0.2"][..], "0.3"),
        (&["0.005"], "0.01"),
        (&["0.004999"], "0.0"),
        (&["-0.005"], "-0.01"),
        (&["-0.004999"], "0.0"),
        (&["1.005"], "1.01"),
        (&["0.000001", "-0.000001"], "0.0"),
        (&["2.675"], "2.68"),
        (&["0.0025", "0.0025"], "0.01"),
        (&["1.1", "2.2", "-3.3"], "0.0"),
        (&["10"], "10.0"),
        (&["999999999999.999999", "999999999999.999999", "999999999999.999999"], "3000000000000.0"),
        (&["-12.5"], "-12.5"),
        (&["-1.05"], "-1.05"),
    ] {
        let session = Session::new();
        session
            .cdrs(
                prices
                    .iter()
                    .map(|price| json!({ "time_start": BASE, "customer_price": price, "vendor_price": price })),
            )
            .await;
        for report in ["origination-statistics", "termination-statistics"] {
            let answer = session.json(report, &window(1)).await;
            assert_eq!(
                (&answer["data"]["total_price"][0], &answer["totals"]["total_price"]),
                (&json!(total), &json!(total)),
                "{prices:?}"
            );
        }
    }
}

/// A week after the calls of other tests, whole minutes and hours of it and odd seconds.
#[actix_web::test]
async fn durations_below_nothing_take_no_minutes_from_others() {
    let session = Session::new();
    let first = BASE + 7 * 86_400;
    let durations = [-1_140_053_472_i64, 60, i64::from(i32::MIN), 0, 90, -60];
    session
        .cdrs(durations.iter().zip([0, 1, 59, 60, 3599, 3661]).map(
            |(duration, second)| json!({ "time_start": first + second, "duration": duration, "src_country_id": 1 }),
        ))
        .await;
    for report in ["origination-statistics", "termination-statistics"] {
        for (from, to, sampling) in
            [(0, 86_399, "day"), (0, 7199, "hour"), (-30, 3700, "minute"), (0, 40 * 86_400, "month")]
        {
            for filter in ["", "&src-country-id=1"] {
                let query = format!("from-time={}&to-time={}&sampling={sampling}{filter}", first + from, first + to);
                let totals = session.json(report, &query).await["totals"].clone();
                let found = (&totals["total_calls"], &totals["total_duration"], &totals["acd"]);
                assert_eq!(found, (&json!(6), &json!("2.5"), &json!("1.25")), "{report} {query}");
            }
        }
    }
}

#[actix_web::test]
async fn total_duration_is_measured_or_billed_minutes_as_configured() {
    let session = Session::new();
    session
        .cdrs([
            json!({ "time_start": BASE, "duration": 61, "customer_duration": 120, "vendor_duration": 66 }),
            json!({ "time_start": BASE, "duration": 0, "customer_duration": 6, "vendor_duration": 1 }),
        ])
        .await;
    let app = world_with(|config| config.reports.billed_duration = true).await;
    let billed = session.moved(&app);
    for (report, measured, bill) in
        [("origination-statistics", "1.02", "2.1"), ("termination-statistics", "1.02", "1.12")]
    {
        for (session, total) in [(&session, measured), (&billed, bill)] {
            let answer = session.json(report, &window(1)).await;
            assert_eq!(
                (&answer["data"]["total_duration"][0], &answer["totals"]["total_duration"]),
                (&json!(total), &json!(total)),
                "{report}"
            );
            // Answered is what was measured, whatever is billed.
            assert_eq!(
                (&answer["totals"]["acd"], &answer["totals"]["successful_calls"]),
                (&json!("1.02"), &json!(1)),
                "{report}"
            );
        }
    }
}

#[actix_web::test]
async fn plain_numbers_are_the_same_digits_without_quotes() {
    let session = Session::new();
    session.cdrs([json!({ "customer_price": "-1.25" }), json!({ "duration": 0, "customer_price": "0.5" })]).await;
    for report in [QUALITY, "termination-statistics-quality", "origination-statistics", "termination-statistics"] {
        let quoted = session.ask(report, &window(3)).await.body;
        let plain = session.ask(report, &format!("{}&numbers=plain", window(3))).await.body;
        // Every fractional value is digits in quotes; names are not digits.
        let (mut unquoted, mut rest) = (String::new(), quoted.as_str());
        while let Some((before, after)) = rest.split_once('"') {
            let (text, after) = after.split_once('"').unwrap();
            let number = text.starts_with(|c: char| c.is_ascii_digit() || c == '-');
            unquoted += &if number { format!("{before}{text}") } else { format!("{before}\"{text}\"") };
            rest = after;
        }
        assert_eq!(plain, unquoted + rest, "{report}");
        assert_ne!(plain, quoted);
    }
}

#[actix_web::test]
async fn rows_are_objects_with_plain_numbers_and_t_can_be_milliseconds() {
    let session = Session::new();
    session.cdrs([json!({})]).await;
    let (t, next) = (BASE * 1000, (BASE + 60) * 1000);
    let query = format!("{}&format=rows&t-unit=ms", window(2));
    let body = format!(
        r#"[{{"t":{t},"total_calls":1,"acd":1.0,"asr":100.0,"cps":0.02}},{{"t":{next},"total_calls":0,"acd":null,"asr":null,"cps":0.0}}]"#
    );
    assert_eq!(session.ask(QUALITY, &query).await.body, body);
    let columns = session.json(QUALITY, &format!("{}&t-unit=ms", window(2))).await;
    assert_eq!((&columns["data"]["t"], &columns["totals"]["t"]), (&json!([t, next]), &json!(0)));
    let same = session.ask(QUALITY, &format!("{}&t-unit=s&format=columns&fill=true", window(2))).await.body;
    assert_eq!(same, session.ask(QUALITY, &window(2)).await.body);
    let none = session
        .ask("origination-statistics", &format!("from-time={0}&to-time={0}&sampling=minute&format=rows", BASE + 600))
        .await;
    assert_eq!(none.body, "[]");
}
