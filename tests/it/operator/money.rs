//! Revenue, cost, margin and loss against sums made by hand.

use serde_json::json;

use super::{app, breakdown};

/// Two currencies, VAT, a reversed trunk on either side, fees of failed attempts that are not the last, and a call below cost.
#[actix_web::test]
async fn money_is_net_in_one_currency_and_over_all_attempts() {
    let rows = [
        // 1.19 with 19 % VAT, costs 0.4 in another currency at 1.25: 1.00 − 0.50.
        json!({ "customer_price": "1.19", "customer_price_no_vat": "1", "vendor_price": "0.4", "vendor_currency_rate": 1.25 }),
        // Billed in another currency at 0.8, below cost: 0.80 − 1.00.
        json!({ "customer_price": "1", "customer_price_no_vat": "1", "customer_currency_rate": 0.8, "vendor_price": "1", "customer_currency_id": 2 }),
        // The customer is paid for it, and so are we: −0.3 + 0.5.
        json!({ "customer_price": "0.3", "customer_price_no_vat": "0.3", "vendor_price": "0.5",
                "destination_reverse_billing": 1, "dialpeer_reverse_billing": 1 }),
        // A failed attempt that is not the last, of another vendor, with a fee.
        json!({ "duration": 0, "is_last_cdr": 0, "vendor_id": 71, "vendor_acc_id": 710, "vendor_price": "0.001" }),
        // A call that failed at last, with a fee on both sides.
        json!({ "duration": 0, "vendor_id": 71, "vendor_acc_id": 710, "vendor_price": "0.001", "customer_price": "0.002",
                "customer_price_no_vat": "0.002" }),
        // A price without a rate is in the system's currency; a rate of nine decimals.
        json!({ "customer_price": "2", "customer_price_no_vat": "2", "customer_currency_rate": null, "vendor_price": "3",
                "vendor_currency_rate": 0.123456789 }),
    ];
    let app = app(&rows).await;
    let token = app.operator_token(&[], &[], &["cost", "vendors"]);
    let query = "group-by=vendor&order-by=vendor_id&decimals=6&measures=total_calls,attempts,revenue,cost,margin,margin_percent,loss,loss_calls";
    let (status, answer) = breakdown(&app, query, &token).await;
    assert_eq!(status, 200, "{answer}");
    assert_eq!(
        answer["data"],
        json!({
            "vendor_id": [70, 71], "vendor": [null, null], "total_calls": [4, 1], "attempts": [4, 2],
            "revenue": ["3.5", "0.002"],
            // 0.5 + 1 − 0.5 + 0.370370367.
            "cost": ["1.37037", "0.002"],
            "margin": ["2.12963", "0.0"],
            "margin_percent": ["60.85", "0.0"],
            // 0.2 of the second call, and a fee.
            "loss": ["0.2", "0.001"],
            "loss_calls": [1, 1],
        })
    );
    let totals = json!({
        "vendor_id": null, "vendor": null, "total_calls": 5, "attempts": 6, "revenue": "3.502", "cost": "1.37237",
        "margin": "2.12963", "margin_percent": "60.81", "loss": "0.201", "loss_calls": 2,
    });
    assert_eq!(answer["totals"], totals);
    // What customers are billed is of two currencies.
    let (status, answer) = breakdown(&app, "group-by=vendor&measures=total_price", &token).await;
    assert_eq!((status, answer["error"].as_str()), (400, Some("total_price needs accounts of one currency")));
    let (_, answer) = breakdown(&app, "group-by=vendor&measures=total_price&currency=2", &token).await;
    assert_eq!(answer["totals"]["total_price"], "1.0");
    let (_, answer) =
        breakdown(&app, "group-by=vendor&measures=total_calls,revenue&reverse-billing=true", &token).await;
    assert_eq!(answer["totals"], json!({ "vendor_id": null, "vendor": null, "total_calls": 1, "revenue": "-0.3" }));
}

/// Sums and calls give the same figures, and what the sums hold is read from them.
#[actix_web::test]
async fn whole_days_and_hours_are_read_from_sums() {
    let row = |at: &str, more: serde_json::Value| {
        let mut row = json!({ "time_start": at, "customer_price_no_vat": "1.5", "vendor_price": "2.25", "vendor_currency_rate": 0.3 });
        row.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        row
    };
    let rows = [
        row("2026-05-03 22:59:59", json!({})),
        row("2026-05-03 23:00:00", json!({ "vendor_id": 71 })),
        row("2026-05-04 12:00:00", json!({ "duration": 10, "customer_currency_rate": 2.5e-9 })),
        row("2026-05-05 00:00:00", json!({ "is_last_cdr": 0, "dialpeer_reverse_billing": 1, "dst_country_id": 2 })),
        row("2026-05-05 03:10:00", json!({ "duration": 0 })),
    ];
    let app = app(&rows).await;
    let issue = cdrscope::token::Issue::OperatorGrant {
        customers: Vec::new(),
        vendors: Vec::new(),
        rights: cdrscope::report::audience::Rights::ALL,
        allowed_ips: Vec::new(),
        debug: true,
    };
    let token = app.sign_operator(&issue);
    let slow = crate::support::TestApp::over(app.same_db(crate::support::engine()), |config| {
        config.operator.secret = app.config.operator.secret.clone();
        config.planner.enabled = false;
    })
    .await;
    let read = async |side: &str, measures: &str| {
        let path = format!(
            "{}/breakdown?from-time=2026-05-03T22:30:00&to-time=2026-05-05T03:10:00&side={side}\
             &group-by=destination-prefix,dst-country,vendor&measures={measures}&decimals=6&debug=plan",
            super::API
        );
        let (found, plain) = (app.get(&path, &token).await, slow.get(&path, &token).await);
        assert_eq!((found.status, &found.body), (200, &plain.body), "{side} {measures}");
        (
            found.headers["x-cdrscope-plan"].to_str().unwrap().to_owned(),
            plain.headers["x-cdrscope-plan"].to_str().unwrap().to_owned(),
        )
    };
    let held = "total_calls,attempts,successful_calls,failed_calls,asr,abr,acd,total_duration,billed_duration,cps,\
                short_calls,short_share,share,revenue,cost,margin,margin_percent,loss,loss_calls";
    for side in ["origination", "termination"] {
        for measures in [held, "total_price,price_per_minute"] {
            let (found, plain) = read(side, measures).await;
            assert!(found.contains("vendor_days[2026-05-04T00:00:00Z..2026-05-05T00:00:00Z)"), "{found}");
            assert!(found.contains("operator_hours[2026-05-03T23:00:00Z..2026-05-04T00:00:00Z)"), "{found}");
            assert!(found.contains("calls[2026-05-03T22:30:00Z..2026-05-03T23:00:00Z)"), "{found}");
            assert!(!plain.contains("operator_"), "{plain}");
        }
        assert!(!read(side, "ner").await.0.contains("operator_"));
    }
}

/// A batch is never refused for one odd row, and a question over it is answered.
#[actix_web::test]
async fn rates_that_cannot_be_refuse_no_batch_and_no_question() {
    let app = app(&[json!({ "customer_price_no_vat": "2", "vendor_price": "1" })]).await;
    for (place, rate) in ["inf", "-inf", "nan", "1e300", "-1e30", "9.3e9", "1e10"].into_iter().enumerate() {
        let columns = "(id, vendor_id, is_last_cdr, time_start, duration, customer_price_no_vat, vendor_price, \
                       customer_currency_rate, vendor_currency_rate, destination_reverse_billing)";
        // The largest prices that there are, beside an ordinary row.
        let insert = format!(
            "INSERT INTO cdrs {columns} VALUES ({0}, 70, 1, '2026-05-04 13:00:00', 9, 999999999999.999999, 999999999999.999999, {rate}, {rate}, 1), \
             ({0} + 1, 71, 1, '2026-05-04 13:00:00', 9, 1, 1, 1, 1, 0)",
            1000 + 10 * place
        );
        app.admin.query_raw(&insert).execute().await.unwrap_or_else(|e| panic!("{rate}: {e}"));
    }
    let token = app.operator_token(&[], &[], &["cost", "vendors"]);
    let measures = "measures=total_calls,revenue,cost,margin,loss,loss_calls";
    // From sums, and from the calls.
    for by in ["vendor", "vendor,customer"] {
        let (status, answer) = breakdown(&app, &format!("group-by={by}&order-by=vendor_id&{measures}"), &token).await;
        assert_eq!(status, 200, "{answer}");
        // Such a rate is 0: nothing can be said of its money.
        assert_eq!(answer["totals"]["total_calls"], 15, "{answer}");
        assert_eq!(
            (&answer["totals"]["revenue"], &answer["totals"]["cost"]),
            (&json!("9.0"), &json!("8.0")),
            "{answer}"
        );
    }
}
