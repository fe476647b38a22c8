//! Money of the made-up CDRs, computed again from the rows as text, in exact integers.

use std::collections::{BTreeMap, BTreeSet};

use cdrscope::demo::{Options, contractors};
use clickhouse::Row;
use serde::Deserialize;

use super::{filled, options};

/// One attempt; prices and rates as ClickHouse writes them.
#[derive(Row, Deserialize)]
struct Attempt {
    customer_id: u32,
    vendor_id: u32,
    customer_acc_id: u32,
    vendor_acc_id: u32,
    success: bool,
    is_last_cdr: bool,
    month: u32,
    customer_currency: i16,
    vendor_currency: i16,
    customer_reversed: bool,
    vendor_reversed: bool,
    net: String,
    gross: String,
    cost: String,
    profit: String,
    customer_rate: String,
    vendor_rate: String,
    customer_fee: String,
    vendor_fee: String,
}

const ATTEMPTS: &str = "SELECT c.customer_id AS customer_id, c.vendor_id AS vendor_id, c.customer_acc_id AS customer_acc_id, \
    c.vendor_acc_id AS vendor_acc_id, toBool(c.success) AS success, toBool(c.is_last_cdr) AS is_last_cdr, \
    toYYYYMM(c.time_start) AS month, c.customer_currency_id AS customer_currency, c.vendor_currency_id AS vendor_currency, \
    toBool(c.destination_reverse_billing) AS customer_reversed, toBool(c.dialpeer_reverse_billing) AS vendor_reversed, \
    toString(c.customer_price_no_vat) AS net, toString(c.customer_price) AS gross, toString(c.vendor_price) AS cost, \
    toString(c.profit) AS profit, toString(assumeNotNull(c.customer_currency_rate)) AS customer_rate, \
    toString(assumeNotNull(c.vendor_currency_rate)) AS vendor_rate, \
    toString(assumeNotNull(c.destination_attempt_fee)) AS customer_fee, \
    toString(assumeNotNull(c.dialpeer_attempt_fee)) AS vendor_fee FROM cdrs AS c";

/// A decimal number in millionths. Digits beyond are an error, so that nothing is lost.
fn millionths(text: &str) -> i128 {
    let (sign, digits) = text.strip_prefix('-').map_or((1, text), |digits| (-1, digits));
    let (whole, part) = digits.split_once('.').unwrap_or((digits, ""));
    assert!(part.len() <= 6, "{text}");
    sign * format!("{whole}{part:0<6}").parse::<i128>().unwrap_or_else(|e| panic!("{text}: {e}"))
}

impl Attempt {
    /// Revenue minus cost in the system's currency, in millionths of millionths.
    fn margin(&self) -> i128 {
        let side = |price: &str, rate: &str, reversed: bool| {
            let amount = millionths(price) * millionths(rate);
            if reversed { -amount } else { amount }
        };
        side(&self.net, &self.customer_rate, self.customer_reversed)
            - side(&self.cost, &self.vendor_rate, self.vendor_reversed)
    }

    fn has_fee(&self) -> bool {
        millionths(&self.vendor_fee) > 0
    }
}

async fn attempts(options: &Options) -> Vec<Attempt> {
    filled(options).await.admin.query_raw(ATTEMPTS).fetch_all().await.unwrap()
}

/// To millionths, halves away from zero.
fn rounded(margin: i128) -> i128 {
    margin.signum() * ((margin.abs() * 2 + 1_000_000) / 2_000_000)
}

#[tokio::test]
async fn money_has_two_currencies_reverse_billing_and_fees() {
    let rows = attempts(&options(100_000)).await;
    for row in &rows {
        let shown = format!("account {} vendor {} profit {}", row.customer_acc_id, row.vendor_id, row.profit);
        assert_eq!(millionths(&row.profit), rounded(row.margin()), "{shown}");
        assert!(millionths(&row.net) >= 0 && millionths(&row.gross) >= 0 && millionths(&row.cost) >= 0, "{shown}");
        assert_eq!(millionths(&row.customer_fee), 0, "{shown}");
        // A failed attempt costs its vendor's fee and no more, and brings nothing.
        if !row.success {
            assert_eq!((millionths(&row.net), millionths(&row.cost)), (0, millionths(&row.vendor_fee)), "{shown}");
        }
    }

    let count = |what: &dyn Fn(&Attempt) -> bool| rows.iter().filter(|row| what(row)).count();
    for (what, found) in [
        ("customers' second currency", count(&|row| row.customer_currency == 2 && row.success)),
        ("vendors' second currency", count(&|row| row.vendor_currency == 2 && row.success)),
        ("second currency on both sides", count(&|row| row.customer_currency == 2 && row.vendor_currency == 2)),
        ("VAT in the second currency", count(&|row| row.customer_currency == 2 && row.gross != row.net)),
        ("paid customers", count(&|row| row.customer_reversed && millionths(&row.net) > 0)),
        ("paying vendors", count(&|row| row.vendor_reversed && millionths(&row.cost) > 0)),
        ("fees of last attempts", count(&|row| row.has_fee() && row.is_last_cdr)),
        ("fees of earlier attempts", count(&|row| row.has_fee() && !row.is_last_cdr)),
    ] {
        assert!(found >= 10, "{what}: {found}");
    }
    assert_eq!(count(&|row| row.has_fee() && row.success), 0);
    // Exceptions, all of them: most calls are as they were.
    let plain = count(&|row| (row.customer_currency, row.vendor_currency) == (1, 1) && !row.has_fee());
    assert!(plain * 10 > rows.len() * 7, "{plain} of {}", rows.len());

    // 15.5 % of the answered calls are sold below cost, under a total that is well above 0.
    let (total, answered) = (rows.iter().map(Attempt::margin).sum::<i128>(), count(&|row| row.success));
    let below = count(&|row| row.success && row.margin() < 0) as f64 / answered as f64;
    assert!((0.12..0.18).contains(&below), "{below}");
    let revenue: i128 = rows.iter().map(|row| millionths(&row.net) * 1_000_000).sum();
    assert!(total * 10 > revenue, "{total} of {revenue}");
}

#[tokio::test]
async fn an_account_has_one_currency_with_a_rate_of_the_month() {
    let options = options(100_000);
    let rows = attempts(&options).await;
    let mut currencies: BTreeMap<u32, BTreeSet<i16>> = BTreeMap::new();
    let mut rates: BTreeMap<(i16, u32), BTreeSet<i128>> = BTreeMap::new();
    let mut biggest: BTreeMap<u32, u64> = BTreeMap::new();
    for row in &rows {
        *biggest.entry(row.customer_acc_id).or_default() += 1;
        for (account, currency, rate) in [
            (row.customer_acc_id, row.customer_currency, &row.customer_rate),
            (row.vendor_acc_id, row.vendor_currency, &row.vendor_rate),
        ] {
            currencies.entry(account).or_default().insert(currency);
            rates.entry((currency, row.month)).or_default().insert(millionths(rate));
        }
    }
    assert!(currencies.values().all(|some| some.len() == 1), "{currencies:?}");
    let second = |accounts: std::ops::Range<u32>| {
        currencies.range(accounts).filter(|(_, some)| some.contains(&2)).map(|(&id, _)| id).collect::<Vec<_>>()
    };
    assert_eq!(second(1..1000).len(), 6);
    assert_eq!(second(90_000..100_000).len(), 2);
    let mut by_size: Vec<(u64, u32)> = biggest.into_iter().map(|(account, calls)| (calls, account)).collect();
    by_size.sort_unstable();
    assert!(by_size.iter().rev().take(10).all(|(_, account)| !second(1..1000).contains(account)), "{by_size:?}");
    // January and February; the system's own currency is worth 1.
    let of = |currency, month| rates[&(currency, month)].iter().copied().collect::<Vec<_>>();
    assert_eq!((of(1, 202_601), of(1, 202_602)), (vec![1_000_000], vec![1_000_000]));
    assert_eq!((of(2, 202_601), of(2, 202_602)), (vec![1_083_700], vec![1_091_200]));

    // Exactly the contractors of the CDRs have names.
    let named: BTreeSet<u32> = contractors().into_iter().map(|(id, _)| id).collect();
    let seen: BTreeSet<u32> = rows.iter().flat_map(|row| [row.customer_id, row.vendor_id]).collect();
    assert_eq!(named, seen);
}
