//! Calls with every column that a breakdown looks at, their lines, and random ones.

use crate::random::Rng;
use serde_json::json;

/// A routing attempt.
#[derive(Clone, Debug)]
pub struct Call {
    pub id: u64,
    /// The tenant on either side.
    pub customer: u32,
    pub vendor: u32,
    pub customer_account: u32,
    pub vendor_account: u32,
    pub start: i64,
    pub connect: Option<i64>,
    pub duration: i32,
    pub is_last: bool,
    /// Millionths.
    pub customer_price: i64,
    pub vendor_price: i64,
    pub customer_duration: i32,
    pub vendor_duration: i32,
    pub src_country: u32,
    pub dst_country: u32,
    pub src: String,
    pub dst: String,
    pub destination_prefix: String,
    pub network: i32,
    pub ip: String,
    pub auth: i32,
    pub gateway: i32,
    pub lega: i32,
    pub legb: i32,
    pub lega_cause: Option<i16>,
    pub legb_cause: Option<i16>,
    /// Billionths.
    pub customer_rate: Option<i64>,
    pub vendor_rate: Option<i64>,
    pub customer_currency: i16,
    pub vendor_currency: i16,
    /// Thousandths of a second.
    pub pdd: Option<i64>,
    /// The customer's price without VAT, millionths.
    pub net_price: i64,
    /// To the system's currency, in units of a ten-billionth: one decimal more than counts.
    pub customer_exchange: Option<i64>,
    pub vendor_exchange: Option<i64>,
    pub customer_reversed: bool,
    pub vendor_reversed: bool,
}

impl Call {
    /// The line of JSONEachRow.
    pub fn line(&self) -> String {
        let at =
            |second: i64| chrono::DateTime::from_timestamp(second, 0).unwrap().format("%Y-%m-%d %H:%M:%S").to_string();
        let billionths = |rate: Option<i64>| rate.map(|rate| rate as f64 / 1e9);
        let money = |millionths: i64| super::exact::text(millionths.into(), 6);
        json!({
            "id": self.id, "customer_id": self.customer, "vendor_id": self.vendor,
            "customer_acc_id": self.customer_account, "vendor_acc_id": self.vendor_account,
            "time_start": at(self.start), "time_connect": self.connect.map(at), "duration": self.duration,
            "is_last_cdr": u8::from(self.is_last), "customer_price": money(self.customer_price),
            "vendor_price": money(self.vendor_price), "customer_duration": self.customer_duration,
            "vendor_duration": self.vendor_duration, "src_country_id": self.src_country,
            "dst_country_id": self.dst_country, "src_prefix_routing": self.src, "dst_prefix_routing": self.dst,
            "destination_prefix": self.destination_prefix, "dst_network_id": self.network, "auth_orig_ip": self.ip,
            "customer_auth_id": self.auth, "term_gw_id": self.gateway, "lega_disconnect_code": self.lega,
            "legb_disconnect_code": self.legb, "lega_q850_cause": self.lega_cause, "legb_q850_cause": self.legb_cause,
            "destination_next_rate": billionths(self.customer_rate), "dialpeer_next_rate": billionths(self.vendor_rate),
            "customer_currency_id": self.customer_currency, "vendor_currency_id": self.vendor_currency,
            "pdd": self.pdd.map(|pdd| pdd as f64 / 1e3),
            "customer_price_no_vat": money(self.net_price),
            "customer_currency_rate": self.customer_exchange.map(|rate| rate as f64 / 1e10),
            "vendor_currency_rate": self.vendor_exchange.map(|rate| rate as f64 / 1e10),
            "destination_reverse_billing": u8::from(self.customer_reversed),
            "dialpeer_reverse_billing": u8::from(self.vendor_reversed),
        })
        .to_string()
    }

    /// Leaves money of few decimals, whose ratios can be subtracted in 128 bits.
    pub fn coarsen(&mut self) {
        for price in [&mut self.net_price, &mut self.vendor_price] {
            *price -= *price % 10_000;
        }
        for rate in [&mut self.customer_exchange, &mut self.vendor_exchange] {
            *rate = rate.map(|rate| rate - rate % 1_000_000);
        }
    }

    /// A call near one of these seconds. `owners` are (account, tenant).
    pub fn random(rng: &mut Rng, id: u64, owners: &[(u32, u32)], moments: &[i64], one_currency: bool) -> Self {
        let owner = |rng: &mut Rng| {
            let (account, tenant) = rng.pick(owners);
            (account, if rng.percent(4) { rng.pick(owners).1 } else { tenant })
        };
        let ((customer_account, customer), (vendor_account, vendor)) = (owner(rng), owner(rng));
        let moment = rng.pick(moments);
        let start = match rng.below(10) {
            0..4 => moment + rng.between(-7200, 7200),
            4..7 => moment + 3600 * rng.between(-30, 30) + rng.between(-1, 1),
            7 => moment + 86_400 * rng.between(-3, 3) + rng.between(-1, 1),
            _ => moment + rng.between(-4 * 86_400, 4 * 86_400),
        };
        let duration = match rng.below(10) {
            0..4 => 0,
            4 => rng.pick(&[-1, -60, 1, 1, 15, 16, 60]),
            _ => rng.pick(&[1, 5, 14, 15, 16, 59, 60, 61, 600, 3601]) + rng.between(0, 2) as i32,
        };
        let price = |rng: &mut Rng| match rng.below(8) {
            0..3 => 0,
            3 => rng.between(-500_000, -1),
            4 => rng.pick(&[1, 4_999, 5_000, 5_001, 10_000, 999_999, 1_000_000]),
            _ => rng.between(1, 5_000_000),
        };
        let rate = |rng: &mut Rng| {
            rng.pick(&[
                None,
                Some(0),
                Some(10_000_000),
                Some(50_000_000),
                Some(12_345_000),
                Some(123_456_789),
                Some(1),
                Some(1_000_000_000),
                Some(-20_000_000),
                Some(12_500_000_000),
            ])
        };
        let cause = |rng: &mut Rng| {
            rng.pick(&[None, None, Some(0), Some(16), Some(16), Some(17), Some(19), Some(34), Some(38), Some(1)])
        };
        let sip = |rng: &mut Rng| {
            if duration > 0 {
                200
            } else {
                rng.pick(&[0, 302, 404, 408, 480, 486, 487, 500, 503, 504, 603, 200, 399, 400])
            }
        };
        let pdd = rng.pick(&[
            None,
            Some(0),
            Some(10),
            Some(250),
            Some(333),
            Some(1_000),
            Some(1_001),
            Some(2_000),
            Some(2_123),
            Some(3_000),
            Some(7_777),
            Some(59_990),
            Some(60_000),
            Some(60_010),
            Some(120_000),
        ]);
        let number = |rng: &mut Rng| {
            rng.pick(&[
                "4420123", "4420123", "+4420123", "442", "+44", "380501", "380502", "1212555", "+1212555", "49", "",
                "0049", "49*1",
            ])
            .to_owned()
        };
        // Halves of the ninth decimal among them.
        let exchange = |rng: &mut Rng| {
            rng.pick(&[
                None,
                Some(0),
                Some(10_000_000_000),
                Some(10_000_000_000),
                Some(8_000_000_000),
                Some(12_500_000_000),
                Some(1_234_567_890),
                Some(10_837_000_000),
                Some(3_000_000_000),
                Some(20),
                Some(5),
                Some(25),
                Some(3_000_000_005),
                Some(415_000_000_000),
            ])
        };
        let currency = |rng: &mut Rng, account: u32| match one_currency {
            true => 1 + (account % 2) as i16,
            false => rng.pick(&[1, 1, 1, 2, 0, -3]),
        };
        let (customer_price, vendor_price) = (price(rng), price(rng));
        Self {
            id,
            customer,
            vendor,
            customer_account,
            vendor_account,
            start,
            connect: (rng.percent(70) || duration > 0)
                .then(|| start + rng.pick(&[0, 1, 1, 2, 3, 4, 9, 60]))
                .filter(|_| rng.percent(92)),
            duration,
            is_last: rng.percent(75),
            customer_price,
            vendor_price,
            customer_duration: duration.max(0) + rng.pick(&[0, 0, 1, 30]) - rng.pick(&[0, 0, 0, 1]),
            vendor_duration: duration.max(0) + rng.pick(&[0, 0, 6]),
            src_country: rng.pick(&[0, 1, 2, 10]),
            dst_country: rng.pick(&[0, 1, 1, 2, 3, 4, 7, u32::MAX]),
            src: number(rng),
            dst: number(rng),
            destination_prefix: rng.pick(&["", "44", "442", "447", "380", "1", "\"\\'\t", "é"]).to_owned(),
            network: rng.pick(&[0, 1, 2, 300, -1, i32::MAX]),
            ip: rng.pick(&["192.0.2.1", "192.0.2.2", "2001:db8::1", "", "10.0.0.9"]).to_owned(),
            auth: rng.pick(&[0, 1, 2, 20]),
            gateway: rng.pick(&[0, 5, 6, 70]),
            lega: sip(rng),
            legb: sip(rng),
            lega_cause: cause(rng),
            legb_cause: cause(rng),
            customer_rate: rate(rng),
            vendor_rate: rate(rng),
            customer_currency: currency(rng, customer_account),
            vendor_currency: currency(rng, vendor_account),
            pdd,
            // Often near the cost, and often just below.
            net_price: match rng.below(4) {
                0 => vendor_price + rng.pick(&[-1, 0, 1, 10_000]),
                1 => price(rng),
                _ => customer_price * 100 / 119,
            },
            customer_exchange: exchange(rng),
            vendor_exchange: exchange(rng),
            customer_reversed: rng.percent(15),
            vendor_reversed: rng.percent(15),
        }
    }
}
