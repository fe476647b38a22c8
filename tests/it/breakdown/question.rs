//! A breakdown as it is asked, and random ones.

use super::calls::Call;
use crate::random::Rng;
use crate::support::TestApp;

pub const DIMENSIONS: [(&str, bool, bool); 18] = [
    ("t", true, true),
    ("account", true, true),
    ("dst-country", true, true),
    ("src-country", true, true),
    ("destination-prefix", true, true),
    ("dst-prefix", true, true),
    ("src-prefix", true, true),
    ("dst-network", true, true),
    ("auth-orig-ip", true, false),
    ("customer-auth", true, false),
    ("term-gw", false, true),
    ("disconnect-code", true, true),
    ("q850-cause", true, true),
    ("rate", true, true),
    ("hour-of-day", true, true),
    ("day-of-week", true, true),
    ("answered", true, true),
    ("currency", true, true),
];

pub const MEASURES: [&str; 28] = [
    "total_calls",
    "attempts",
    "successful_calls",
    "failed_calls",
    "asr",
    "abr",
    "ner",
    "seer",
    "isa",
    "acd",
    "total_duration",
    "billed_duration",
    "cps",
    "total_price",
    "price_per_minute",
    "short_calls",
    "short_share",
    "instant_share",
    "pdd_p50",
    "pdd_p95",
    "pdd_p99",
    "max_duration",
    "first_call",
    "last_call",
    "distinct_src_numbers",
    "distinct_dst_numbers",
    "share",
    "lost_answers",
];

pub const USUAL: [&str; 6] = ["total_calls", "successful_calls", "asr", "acd", "total_duration", "total_price"];

/// Those of the operator's breakdown.
pub const OPERATORS: [&str; 6] = ["total_calls", "successful_calls", "asr", "acd", "total_duration", "revenue"];

/// Measures that the operator has alone.
pub const MONEY: [&str; 6] = ["revenue", "cost", "margin", "margin_percent", "loss", "loss_calls"];

/// One of the operator's people: lists, of which an empty one is of all, and rights.
#[derive(Clone, Debug, Default)]
pub struct Operator {
    pub customers: Vec<u32>,
    pub vendors: Vec<u32>,
    pub may: Vec<&'static str>,
}

impl Operator {
    pub fn has(&self, right: &str) -> bool {
        self.may.contains(&right)
    }

    /// One who may see any of the calls of these tenants.
    pub fn random(rng: &mut Rng, tenants: &[u32]) -> Self {
        let list = |rng: &mut Rng| match rng.below(6) {
            0..3 => Vec::new(),
            3 => vec![rng.pick(tenants)],
            4 => vec![tenants[1], tenants[0], 99_999],
            _ => tenants.to_vec(),
        };
        let (customers, vendors) = (list(rng), list(rng));
        let share = rng.pick(&[60, 100, 100]);
        let may = ["cost", "vendors", "numbers", "export"].into_iter().filter(|_| rng.percent(share)).collect();
        Self { customers, vendors, may }
    }
}

/// A question; texts that are empty are not sent.
#[derive(Clone, Debug, Default)]
pub struct Question {
    pub termination: bool,
    /// Places in the world's accounts.
    pub accounts: Vec<usize>,
    pub tenant: u32,
    pub from: i64,
    pub to: Option<i64>,
    pub by: Vec<String>,
    pub dst_digits: usize,
    pub src_digits: usize,
    pub sampling: String,
    pub zone: String,
    pub week_start: String,
    pub day_start: String,
    pub measures: Vec<String>,
    pub short: Option<i64>,
    pub order: Vec<String>,
    pub limit: Option<usize>,
    pub min_calls: i128,
    pub compare: String,
    pub decimals: Option<usize>,
    pub plain: bool,
    pub rows: bool,
    pub ms: bool,
    pub filters: Vec<(String, String)>,
    /// Set where one of the operator's people asks.
    pub operator: Option<Operator>,
}

impl Question {
    pub fn measures(&self) -> Vec<String> {
        let usual = if self.operator.is_some() { OPERATORS } else { USUAL };
        let usual = || usual.iter().map(|name| (*name).to_owned()).collect();
        if self.measures.is_empty() { usual() } else { self.measures.clone() }
    }

    /// The columns of a dimension.
    pub fn columns(name: &str) -> Vec<&'static str> {
        match name {
            "t" => vec!["t"],
            "account" => vec!["account_id", "account"],
            "dst-country" => vec!["dst_country_id", "dst_country", "dst_country_iso"],
            "src-country" => vec!["src_country_id", "src_country", "src_country_iso"],
            "destination-prefix" => vec!["destination_prefix"],
            "dst-prefix" => vec!["dst_prefix"],
            "src-prefix" => vec!["src_prefix"],
            "dst-network" => vec!["dst_network_id"],
            "auth-orig-ip" => vec!["auth_orig_ip"],
            "customer-auth" => vec!["customer_auth_id"],
            "term-gw" => vec!["term_gw_id"],
            "disconnect-code" => vec!["disconnect_code"],
            "q850-cause" => vec!["q850_cause"],
            "rate" => vec!["rate"],
            "hour-of-day" => vec!["hour_of_day"],
            "day-of-week" => vec!["day_of_week"],
            "answered" => vec!["answered"],
            "currency" => vec!["currency"],
            "customer" => vec!["customer_id", "customer"],
            "vendor" => vec!["vendor_id", "vendor"],
            other => panic!("no dimension {other}"),
        }
    }

    /// Path and query.
    pub fn target(&self, uuids: &[String]) -> String {
        let mut pairs: Vec<(String, String)> = Vec::new();
        let accounts: Vec<&str> = self.accounts.iter().map(|place| uuids[*place].as_str()).collect();
        let mut add = |name: &str, value: String| pairs.push((name.to_owned(), value));
        if self.operator.is_some() && self.termination {
            add("side", "termination".to_owned());
        }
        if !accounts.is_empty() {
            add("account-id", accounts.join(","));
        }
        add("from-time", format!("{:010}", self.from));
        if let Some(to) = self.to {
            add("to-time", format!("{to:010}"));
        }
        add("group-by", self.by.join(","));
        for (name, digits) in [("dst-prefix", self.dst_digits), ("src-prefix", self.src_digits)] {
            if digits > 0 {
                add(&format!("{name}-digits"), digits.to_string());
            }
        }
        for (name, value) in [
            ("sampling", &self.sampling),
            ("time-zone", &self.zone),
            ("week-start", &self.week_start),
            ("day-start", &self.day_start),
            ("compare", &self.compare),
            ("measures", &self.measures.join(",")),
            ("order-by", &self.order.join(",")),
        ] {
            if !value.is_empty() {
                add(name, value.clone());
            }
        }
        for (name, value) in [
            ("short-seconds", self.short.map(|value| value.to_string())),
            ("limit", self.limit.map(|value| value.to_string())),
            ("decimals", self.decimals.map(|value| value.to_string())),
            ("min-calls", (self.min_calls > 0).then(|| self.min_calls.to_string())),
            ("numbers", self.plain.then(|| "plain".to_owned())),
            ("format", self.rows.then(|| "rows".to_owned())),
            ("t-unit", self.ms.then(|| "ms".to_owned())),
        ] {
            if let Some(value) = value {
                add(name, value);
            }
        }
        pairs.extend(self.filters.iter().cloned());
        let side = if self.termination { "termination" } else { "origination" };
        let pairs: Vec<String> = pairs.iter().map(|(name, value)| format!("{name}={}", encoded(value))).collect();
        match self.operator {
            Some(_) => format!("/api/rest/operator/v1/breakdown?{}", pairs.join("&")),
            None => format!("/api/rest/customer/v1/{side}-breakdown?{}", pairs.join("&")),
        }
    }

    /// A token of the one who asks.
    pub fn token(&self, app: &TestApp) -> String {
        match &self.operator {
            Some(operator) => app.operator_token(&operator.customers, &operator.vendors, &operator.may),
            None => app.token(self.tenant, &[]),
        }
    }

    /// The error for which a word is unknown to the one of the operator's who asks.
    pub fn refusal(&self, tenants: &[u32]) -> Option<String> {
        let operator = self.operator.as_ref()?;
        let (cost, vendors) = (operator.has("cost"), operator.has("vendors"));
        let listed = if self.termination { &operator.vendors } else { &operator.customers };
        let sees = |account: &usize| listed.is_empty() || listed.contains(&tenants[*account]);
        let hides_dimension = |name: &str| match name {
            "vendor" | "term-gw" => !vendors,
            "rate" => self.termination && !cost,
            _ => false,
        };
        let hides_measure = |name: &str| match name {
            "cost" | "margin" | "margin_percent" | "loss" | "loss_calls" => !cost,
            "total_price" | "price_per_minute" => self.termination && !cost,
            _ => false,
        };
        let hides_filter = |name: &str| match name {
            "vendor-id" | "term-gw-id" => !vendors,
            "vendor-price-gt" => !cost,
            _ => false,
        };
        if self.termination && !vendors {
            return Some("invalid value side".to_owned());
        }
        if !self.accounts.iter().all(sees) {
            return Some("invalid value account-id".to_owned());
        }
        if self.by.iter().any(|name| hides_dimension(name)) {
            return Some("invalid value group-by".to_owned());
        }
        if self.measures.iter().any(|name| hides_measure(name)) {
            return Some("invalid value measures".to_owned());
        }
        let unknown = self.filters.iter().find(|(name, _)| hides_filter(name))?;
        Some(format!("unknown param {}", unknown.0))
    }

    /// A random question about these calls.
    pub fn random(rng: &mut Rng, calls: &[Call], asker: &Asker<'_>, moments: &[i64], zone: &str) -> Self {
        let termination = rng.percent(40);
        let mut question =
            Self { termination, operator: asker.operator.clone(), tenant: asker.tenant, ..Self::default() };
        question.accounts = match (rng.below(3), &question.operator) {
            (0 | 1, Some(_)) => Vec::new(),
            (0, None) => asker.accounts.to_vec(),
            (_, Some(_)) => asker.accounts.iter().copied().filter(|_| rng.percent(50)).collect(),
            (_, None) => vec![rng.pick(asker.accounts)],
        };
        let of_operator = question.operator.is_some();
        let mut offered: Vec<&str> = DIMENSIONS
            .iter()
            .filter(|(_, origination, terminates)| of_operator || if termination { *terminates } else { *origination })
            .map(|(name, ..)| *name)
            .collect();
        if of_operator {
            offered.extend(["customer", "vendor", "customer", "vendor", "account", "currency"]);
        }
        let count = 1 + rng.below(3);
        while question.by.len() < count {
            let name = rng.pick(&offered).to_owned();
            if !question.by.contains(&name) {
                question.by.push(name);
            }
        }
        // Buckets that lie in both windows, and at the ends of months.
        let overlaps = rng.percent(15);
        if overlaps {
            question.by.retain(|name| name != "t");
            question.by.truncate(rng.below(2));
            question.by.insert(rng.below(question.by.len() + 1), "t".to_owned());
        }
        question.compare =
            rng.pick(&["", "", "", "previous", "day", "week", "month", "year", "year-weekday"]).to_owned();
        if overlaps {
            question.compare = rng.pick(&["day", "day", "previous", "month", "week"]).to_owned();
        }
        let moment = rng.pick(moments);
        let width = rng.pick(&[4 * 3600, 86_400, 3 * 86_400, 9 * 86_400, 40 * 86_400]);
        let whole = rng.pick(&[1, 60, 3600, 86_400]);
        let cut = |second: i64| second.div_euclid(whole) * whole;
        question.from = cut(moment + rng.between(-width, width / 4)).max(100);
        question.to = match rng.below(10) {
            0 => None,
            1 => Some(question.from),
            _ => Some((cut(question.from + rng.between(0, width)) + rng.between(-1, 0)).max(question.from)),
        };
        if overlaps {
            question.from = moment - rng.between(1, 3) * 86_400;
            question.to = Some(moment + rng.between(0, 2) * 86_400);
        }
        // Windows that follow the wall clock of a zone compare whole days and months.
        if rng.percent(15) {
            let zone: chrono_tz::Tz = zone.parse().unwrap();
            let day = |second: i64| {
                let local = chrono::DateTime::from_timestamp(second, 0).unwrap().with_timezone(&zone).date_naive();
                crate::oracle::time::shows(local.and_hms_opt(0, 0, 0).unwrap(), zone, crate::oracle::time::End::From)
            };
            question.from = day(question.from);
            question.to = question.to.map(|to| (day(to + 86_400) - 1).max(question.from));
        }
        question.dst_digits = if question.by.contains(&"dst-prefix".to_owned()) { 1 + rng.below(15) } else { 0 };
        question.src_digits = if question.by.contains(&"src-prefix".to_owned()) { 1 + rng.below(4) } else { 0 };
        if question.by.contains(&"t".to_owned()) {
            let span = question.to.unwrap_or(question.from + 400 * 86_400) - question.from;
            let fine: &[&str] = if span < 5 * 86_400 {
                &["minute", "5minutes", "15minutes", "30minutes", "hour"]
            } else {
                &["hour", "6hours"]
            };
            question.sampling = if rng.percent(50) {
                rng.pick(fine)
            } else {
                rng.pick(&["day", "day", "week", "month", "hour", "6hours"])
            }
            .to_owned();
            if question.to.is_none() {
                question.sampling = rng.pick(&["day", "week", "month", "hour"]).to_owned();
            }
        }
        if overlaps {
            question.sampling = rng.pick(&["day", "day", "hour", "6hours", "30minutes"]).to_owned();
            question.measures =
                vec![rng.pick(&["distinct_src_numbers", "distinct_dst_numbers", "cps", "total_calls"]).to_owned()];
            question.limit = Some(rng.pick(&[1, 2, 3, 1000]));
        }
        if rng.percent(70) {
            question.zone = rng.pick(&[zone, zone, "UTC", "Asia/Kathmandu", "America/New_York"]).to_owned();
        }
        if rng.percent(30) {
            question.week_start = rng.pick(&["monday", "sunday"]).to_owned();
        }
        if rng.percent(20) {
            question.day_start = rng.pick(&["02:30", "23:59", "06:00"]).to_owned();
        }
        if rng.percent(90) {
            let count = 1 + rng.below(6);
            for _ in 0..count {
                let name =
                    if of_operator && rng.percent(50) { rng.pick(&MONEY) } else { rng.pick(&MEASURES) }.to_owned();
                let is_answerable = match name.as_str() {
                    "lost_answers" => !question.compare.is_empty(),
                    // The oracle subtracts in 128 bits.
                    "margin_percent" => question.compare.is_empty() || asker.coarse,
                    _ => true,
                };
                if !question.measures.contains(&name) && is_answerable {
                    question.measures.push(name);
                }
            }
        }
        if rng.percent(40) {
            question.short = Some(rng.between(1, 60));
        }
        let mut columns: Vec<String> =
            question.by.iter().flat_map(|name| Self::columns(name)).map(str::to_owned).collect();
        for measure in question.measures() {
            columns.push(measure.clone());
            if !question.compare.is_empty() && measure != "lost_answers" {
                columns.push(format!("{measure}_before"));
                columns.push(format!("{measure}_change"));
            }
        }
        let has_t = question.by.contains(&"t".to_owned());
        if rng.percent(60) || !(has_t || question.measures().contains(&"total_calls".to_owned())) {
            let orders = 1 + rng.below(3);
            let mut used = Vec::new();
            for _ in 0..orders {
                let column = rng.pick(&columns);
                if !used.contains(&column) {
                    question.order.push(format!("{}{column}", rng.pick(&["", "-"])));
                    used.push(column);
                }
            }
        }
        if !overlaps && rng.percent(60) {
            question.limit = Some(rng.pick(&[1, 2, 3, 5, 10, 50, 1000]));
        }
        if rng.percent(25) {
            question.min_calls = rng.pick(&[1, 2, 3, 10]);
        }
        if rng.percent(40) {
            question.decimals = Some(2 + rng.below(5));
        }
        question.plain = rng.percent(20);
        question.rows = rng.percent(15);
        question.ms = rng.percent(20);
        for _ in 0..rng.pick(&[0, 0, 0, 1, 1, 2]) {
            let call = rng.pick(calls);
            let (name, value) = filter(rng, &call, termination, of_operator);
            if !question.filters.iter().any(|(other, _)| *other == name) {
                question.filters.push((name, value));
            }
        }
        question
    }
}

/// The one who asks: of the operator's, or the tenant of these places in the world's accounts.
#[derive(Clone, Debug)]
pub struct Asker<'a> {
    pub accounts: &'a [usize],
    pub tenant: u32,
    pub operator: Option<Operator>,
    /// True if money has few decimals.
    pub coarse: bool,
}

/// A filter that this call, or one like it, passes.
fn filter(rng: &mut Rng, call: &Call, termination: bool, of_operator: bool) -> (String, String) {
    let side = |origination: i64, terminated: i64| if termination { terminated } else { origination };
    let list = |rng: &mut Rng, value: i64, other: i64| {
        if rng.percent(40) { format!("{value},{other}") } else { value.to_string() }
    };
    let (name, value) = match rng.below(if of_operator { 22 } else { 17 }) {
        15 | 16 => ("reverse-billing", rng.pick(&["true", "false"]).to_owned()),
        17 => ("customer-id", list(rng, call.customer.into(), 7)),
        18 => ("vendor-id", list(rng, call.vendor.into(), 7)),
        19 => ("term-gw-id", list(rng, call.gateway.into(), 5)),
        20 => ("vendor-price-gt", rng.pick(&["0", "-1", "0.5"]).to_owned()),
        21 => ("customer-auth-id", list(rng, call.auth.into(), 1)),
        0 => ("dst-country-id", list(rng, call.dst_country.into(), 1)),
        1 => ("src-country-id-not-eq", list(rng, call.src_country.into(), 99)),
        2 => ("dst-prefix-routing-starts-with", call.dst.chars().take(2).collect()),
        3 => ("duration-gt", rng.pick(&["0", "-1", "15", "60"]).to_owned()),
        4 => ("destination-prefix-eq", call.destination_prefix.clone()),
        5 => ("destination-prefix-starts-with", call.destination_prefix.chars().take(1).collect()),
        6 => (
            "destination-prefix-in",
            if call.destination_prefix.is_empty() { "44".into() } else { format!("{},44", call.destination_prefix) },
        ),
        7 => ("dst-network-id", list(rng, call.network.into(), 2)),
        8 => ("disconnect-code", list(rng, side(call.lega.into(), call.legb.into()), 200)),
        9 => (
            "q850-cause",
            list(rng, side(call.lega_cause.unwrap_or(16).into(), call.legb_cause.unwrap_or(16).into()), 34),
        ),
        10 if termination => ("term-gw-id", list(rng, call.gateway.into(), 5)),
        10 => ("customer-auth-id", list(rng, call.auth.into(), 1)),
        11 => ("currency", list(rng, side(call.customer_currency.into(), call.vendor_currency.into()), 1)),
        12 => ("answered", rng.pick(&["true", "false"]).to_owned()),
        13 if termination => ("vendor-price-gt", rng.pick(&["0", "-1", "0.5"]).to_owned()),
        13 => ("customer-price-gt", rng.pick(&["0", "-1", "0.5"]).to_owned()),
        _ if termination => ("term-gw-id", call.gateway.to_string()),
        _ => ("auth-orig-ip", if call.ip.is_empty() { "::1".into() } else { call.ip.clone() }),
    };
    (name.to_owned(), value)
}

fn encoded(text: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        match byte {
            b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' | b'-' | b'.' | b'_' | b'~' | b',' | b'/' => {
                encoded.push(byte.into())
            }
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}
