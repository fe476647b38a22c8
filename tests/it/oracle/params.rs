//! Query-string pairs -> what is asked, or the message of the 400, in the contract's order of checks.

use super::calendar::{Calendar, Sampling};
use super::number::{Decimal, integer};
use super::rows::Facts;
use super::time::End;
use super::{Account, Caller, Request, Settings, Time, WeekStart, World};
use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::net::IpAddr;

/// The reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Endpoint {
    OriginationQuality,
    TerminationQuality,
    OriginationStatistics,
    TerminationStatistics,
    OriginationActiveCalls,
    TerminationActiveCalls,
    OutgoingActiveCalls,
}

impl Endpoint {
    pub const ALL: [Self; 7] = [
        Self::OriginationQuality,
        Self::TerminationQuality,
        Self::OriginationStatistics,
        Self::TerminationStatistics,
        Self::OriginationActiveCalls,
        Self::TerminationActiveCalls,
        Self::OutgoingActiveCalls,
    ];

    /// The last part of the path.
    pub fn name(self) -> &'static str {
        match self {
            Self::OriginationQuality => "origination-statistics-quality",
            Self::TerminationQuality => "termination-statistics-quality",
            Self::OriginationStatistics => "origination-statistics",
            Self::TerminationStatistics => "termination-statistics",
            Self::OriginationActiveCalls => "origination-active-calls",
            Self::TerminationActiveCalls => "termination-active-calls",
            Self::OutgoingActiveCalls => "outgoing-active-calls",
        }
    }

    /// The whole path.
    pub fn path(self) -> String {
        format!("/api/rest/customer/v1/{}", self.name())
    }

    /// Whether calls are looked at from the side of the vendor.
    pub fn is_termination(self) -> bool {
        self.name().starts_with("termination-")
    }

    /// Whether a grid of live calls is answered.
    pub fn is_active_calls(self) -> bool {
        matches!(self, Self::OriginationActiveCalls | Self::TerminationActiveCalls)
    }

    /// Whether the answer has the columns of call quality.
    pub fn is_quality(self) -> bool {
        matches!(self, Self::OriginationQuality | Self::TerminationQuality)
    }

    /// Whether one of the four reports over `cdrs` is answered.
    pub fn is_statistics(self) -> bool {
        !self.is_active_calls() && self != Self::OutgoingActiveCalls
    }

    /// The names that `sampling` takes.
    pub fn samplings(self) -> &'static [&'static str] {
        if self.is_quality() {
            &["minute", "5minutes", "15minutes"]
        } else if self.is_statistics() {
            &["minute", "5minutes", "hour", "day", "week", "month"]
        } else {
            &[]
        }
    }

    /// Every parameter, in the order in which values are checked.
    pub fn parameters(self) -> Vec<String> {
        let mut names = Vec::new();
        let mut add = |prefix: &str, operators: &[&str]| {
            names.extend(operators.iter().map(|operator| format!("{prefix}{operator}")))
        };
        let outgoing = self == Self::OutgoingActiveCalls;
        add("account-id", &[""]);
        if !outgoing {
            add("", &["from-time", "to-time"]);
        }
        if self.is_statistics() {
            add("sampling", &[""]);
        }
        if !outgoing {
            add("", &["src-country-id", "dst-country-id", "src-country-id-not-eq", "dst-country-id-not-eq"]);
        }
        add("src-prefix-routing", &TEXT_OPERATORS);
        add("dst-prefix-routing", &TEXT_OPERATORS);
        if !outgoing {
            add("duration", &NUMBER_OPERATORS);
        }
        if !self.is_termination() {
            add("auth-orig-ip", &[""]);
        }
        if self.is_statistics() {
            add(if self.is_termination() { "vendor-price" } else { "customer-price" }, &NUMBER_OPERATORS);
        }
        if outgoing {
            add("auth-orig-", &["port", "transport-protocol-id"]);
            add("connect-time-null", &[""]);
            add("src-name-in", &TEXT_OPERATORS);
            add("src-prefix-in", &TEXT_OPERATORS);
            add("dst-prefix-in", &TEXT_OPERATORS);
            add("format", &[""]);
        } else {
            if self.is_statistics() {
                add("", &["numbers", "time-zone", "week-start", "day-start", "complete", "settle"]);
            }
            add("", &["fill", "format", "t-unit"]);
        }
        names
    }

    fn required(self) -> Vec<&'static str> {
        let mut names = vec!["account-id"];
        if self != Self::OutgoingActiveCalls {
            names.push("from-time");
        }
        if self.is_statistics() {
            names.push("sampling");
        }
        names
    }
}

const TEXT_OPERATORS: [&str; 6] = ["-eq", "-starts-with", "-ends-with", "-contains", "-in", "-not-eq"];
const NUMBER_OPERATORS: [&str; 6] = ["-eq", "-gt", "-lt", "-not-eq", "-gteq", "-lteq"];

/// Whether a row passes.
pub type Filter = Box<dyn Fn(&Facts<'_>) -> bool>;

/// A request whose every value holds.
pub struct Asked {
    pub account: u32,
    pub from: Time,
    pub to: Option<Time>,
    pub calendar: Calendar,
    pub filters: Vec<Filter>,
    pub plain_numbers: bool,
    pub fill: bool,
    /// Seconds for which every bucket has to be over, where only complete ones are wanted.
    pub settle: Option<i64>,
    pub rows: bool,
    pub milliseconds: bool,
}

impl Asked {
    /// Whether a second lies between from-time and to-time, both included.
    pub fn holds(&self, second: i64) -> bool {
        second >= self.from.first_second() && self.to.as_ref().is_none_or(|to| second <= to.second())
    }

    /// Whether a row passes every filter.
    pub fn passes(&self, facts: &Facts<'_>) -> bool {
        self.filters.iter().all(|filter| filter(facts))
    }
}

/// Reads the pairs; the error is the text of a 400.
pub fn read(world: &World, caller: &Caller, request: &Request, settings: &Settings) -> Result<Asked, String> {
    let endpoint = request.endpoint;
    let known = endpoint.parameters();
    let values: BTreeMap<&str, &str> =
        request.pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let as_array = |name: &str| {
        values.keys().any(|key| key.strip_prefix(name).is_some_and(|rest| rest.starts_with('[') && rest.ends_with(']')))
    };
    let missing: Vec<&str> =
        endpoint.required().into_iter().filter(|name| !values.contains_key(name) && !as_array(name)).collect();
    if !missing.is_empty() {
        return Err(format!("missing required param(s) {}", missing.join(", ")));
    }
    if let Some(name) = known.iter().find(|name| as_array(name)) {
        return Err(format!("param {name} can't be an array"));
    }
    let zone: chrono_tz::Tz = settings.time_zone.parse().map_err(|error| format!("the settings' zone: {error}"))?;
    let mut asked = Asked {
        account: 0,
        from: Time::at(0),
        to: None,
        calendar: Calendar { sampling: Sampling::Seconds(60), zone, week_start: settings.week_start, day_start: 0 },
        filters: Vec::new(),
        plain_numbers: false,
        fill: endpoint.is_quality() || endpoint.is_active_calls(),
        settle: None,
        rows: false,
        milliseconds: false,
    };
    let named = values.get("time-zone").filter(|_| endpoint.is_statistics()).and_then(|name| name.parse().ok());
    let times = named.unwrap_or(zone);
    for name in &known {
        let Some(value) = values.get(name.as_str()) else { continue };
        let taken = match name.as_str() {
            "account-id" => account(world, caller, value).map(|id| asked.account = id),
            "from-time" => Time::parse_in(value, times, End::From).map(|time| asked.from = time),
            "to-time" => Time::parse_in(value, times, End::To).map(|time| asked.to = Some(time)),
            "sampling" => {
                let Some(sampling) = sampling(endpoint, value) else { return Err("invalid sampling".to_owned()) };
                asked.calendar.sampling = sampling;
                Some(())
            }
            "numbers" => (*value == "plain").then(|| asked.plain_numbers = true),
            "time-zone" => value.parse().ok().map(|zone| asked.calendar.zone = zone),
            "week-start" => choice(value, ["monday", "sunday"]).map(|monday| {
                asked.calendar.week_start = if monday { WeekStart::Monday } else { WeekStart::Sunday };
            }),
            "day-start" => day_start(value).map(|seconds| asked.calendar.day_start = seconds),
            "complete" => choice(value, ["true", "false"]).map(|complete| asked.settle = complete.then_some(0)),
            "settle" => settle(value).map(|seconds| {
                let wanted = values.get("complete").is_none_or(|complete| *complete == "true");
                asked.settle = wanted.then_some(seconds);
            }),
            "fill" => choice(value, ["true", "false"]).map(|fill| asked.fill = fill),
            "format" => (*value == "rows").then(|| asked.rows = true),
            "t-unit" => choice(value, ["ms", "s"]).map(|milliseconds| asked.milliseconds = milliseconds),
            _ => filter(name, value).map(|filter| asked.filters.push(filter)),
        };
        if taken.is_none() {
            return Err(format!("invalid value {name}"));
        }
    }
    let unknown = request.pairs.iter().find(|(name, _)| !known.contains(name));
    match unknown {
        Some((name, _)) if !settings.ignore_unknown => Err(format!("unknown param {name}")),
        _ => Ok(asked),
    }
}

fn sampling(endpoint: Endpoint, value: &str) -> Option<Sampling> {
    if !endpoint.samplings().contains(&value) {
        return None;
    }
    match value {
        "minute" => Some(Sampling::Seconds(60)),
        "5minutes" => Some(Sampling::Seconds(300)),
        "15minutes" => Some(Sampling::Seconds(900)),
        "hour" => Some(Sampling::Hour),
        "day" => Some(Sampling::Day),
        "week" => Some(Sampling::Week),
        "month" => Some(Sampling::Month),
        _ => None,
    }
}

fn choice(value: &str, [yes, no]: [&str; 2]) -> Option<bool> {
    if value == yes { Some(true) } else { (value == no).then_some(false) }
}

/// Seconds after midnight of `hh:mm`.
fn day_start(value: &str) -> Option<i64> {
    (0..24 * 60).find(|minute| value == format!("{:02}:{:02}", minute / 60, minute % 60)).map(|minute| minute * 60)
}

/// Seconds of `90s`, `10m`, `2h` or `1d`, at most a week's.
fn settle(value: &str) -> Option<i64> {
    let number = value.strip_suffix(['s', 'm', 'h', 'd'])?;
    let unit = match value.chars().last()? {
        's' => 1,
        'm' => 60,
        'h' => 3600,
        _ => 86_400,
    };
    integer(number, 0, 604_800).filter(|_| !number.starts_with('-')).map(|n| n * unit).filter(|n| *n <= 604_800)
}

/// The id of an account of the caller's.
fn account(world: &World, caller: &Caller, value: &str) -> Option<u32> {
    let bare = value.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')).unwrap_or(value);
    let parts: Vec<usize> = bare.split('-').map(str::len).collect();
    let digits: String = bare.chars().filter(|letter| *letter != '-').collect::<String>().to_ascii_lowercase();
    if digits.len() != 32 || !(parts == [32] || parts == [8, 4, 4, 4, 12]) {
        return None;
    }
    let is_named = |account: &&Account| account.uuid.replace('-', "") == digits;
    let account = world.accounts.iter().find(is_named)?;
    let is_listed = caller.account_ids.is_empty() || caller.account_ids.contains(&account.id);
    (account.customer_id == caller.customer_id && is_listed).then_some(account.id)
}

/// The filter that a parameter stands for, if its value holds.
fn filter(name: &str, value: &str) -> Option<Filter> {
    let (int32, int8) = ((i32::MIN.into(), i32::MAX.into()), (i8::MIN.into(), i8::MAX.into()));
    match name {
        "src-country-id" => ids(value, |row| row.src_country_id, true),
        "dst-country-id" => ids(value, |row| row.dst_country_id, true),
        "src-country-id-not-eq" => ids(value, |row| row.src_country_id, false),
        "dst-country-id-not-eq" => ids(value, |row| row.dst_country_id, false),
        "auth-orig-ip" => address(value),
        "auth-orig-port" => whole("-eq", value, int32, |row| row.auth_orig_port),
        "auth-orig-transport-protocol-id" => whole("-eq", value, int8, |row| row.auth_orig_transport_protocol_id),
        "connect-time-null" => {
            let is_null = !["", "0", "f", "F", "false", "FALSE", "off", "OFF"].contains(&value);
            Some(Box::new(move |row| row.connected != is_null))
        }
        _ => {
            let operator = |column: &str| name.strip_prefix(column);
            if let Some(operator) = operator("src-prefix-routing") {
                text(operator, value, |row| row.src_prefix_routing)
            } else if let Some(operator) = operator("dst-prefix-routing") {
                text(operator, value, |row| row.dst_prefix_routing)
            } else if let Some(operator) = operator("src-name-in") {
                name_text(operator, value)
            } else if let Some(operator) = operator("src-prefix-in") {
                text(operator, value, |row| row.src_prefix_in)
            } else if let Some(operator) = operator("dst-prefix-in") {
                text(operator, value, |row| row.dst_prefix_in)
            } else if let Some(operator) = operator("duration") {
                whole(operator, value, int32, |row| row.duration)
            } else if let Some(operator) = operator("customer-price") {
                decimal(operator, value, |row| row.customer_price)
            } else {
                decimal(operator("vendor-price")?, value, |row| row.vendor_price)
            }
        }
    }
}

/// Names hold commas, so only `-in` takes several.
fn name_text(operator: &str, value: &str) -> Option<Filter> {
    let name = value.to_owned();
    match operator {
        "-starts-with" => Some(Box::new(move |row| row.src_name_in.starts_with(&name))),
        "-not-eq" => Some(Box::new(move |row| row.src_name_in != name)),
        _ => text(operator, value, |row| row.src_name_in),
    }
}

/// One of these ids, or none of them.
fn ids(value: &str, column: fn(&Facts<'_>) -> i64, wanted: bool) -> Option<Filter> {
    let ids = value.split(',').map(|id| integer(id, 0, u32::MAX.into())).collect::<Option<Vec<i64>>>()?;
    Some(Box::new(move |row| ids.contains(&column(row)) == wanted))
}

fn address(value: &str) -> Option<Filter> {
    let wanted: IpAddr = value.parse().ok()?;
    Some(Box::new(move |row| row.auth_orig_ip.parse() == Ok(wanted)))
}

fn whole(operator: &str, value: &str, (low, high): (i64, i64), column: fn(&Facts<'_>) -> i64) -> Option<Filter> {
    let value = integer(value, low, high)?;
    let holds = comparison(operator)?;
    Some(Box::new(move |row| holds(column(row).cmp(&value))))
}

fn decimal(operator: &str, value: &str, column: fn(&Facts<'_>) -> i64) -> Option<Filter> {
    let value = Decimal::parse(value)?;
    let holds = comparison(operator)?;
    Some(Box::new(move |row| holds(value.compare(column(row)))))
}

/// Which outcomes of comparing the row with the caller's value pass.
fn comparison(operator: &str) -> Option<fn(Ordering) -> bool> {
    match operator {
        "-eq" => Some(Ordering::is_eq),
        "-not-eq" => Some(Ordering::is_ne),
        "-gt" => Some(Ordering::is_gt),
        "-gteq" => Some(Ordering::is_ge),
        "-lt" => Some(Ordering::is_lt),
        "-lteq" => Some(Ordering::is_le),
        _ => None,
    }
}

fn text(operator: &str, value: &str, column: for<'row> fn(&Facts<'row>) -> &'row str) -> Option<Filter> {
    let value = value.to_owned();
    match operator {
        "-eq" => Some(Box::new(move |row| column(row) == value)),
        "-ends-with" => Some(Box::new(move |row| column(row).ends_with(&value))),
        "-contains" => {
            let value = value.to_ascii_lowercase();
            Some(Box::new(move |row| column(row).to_ascii_lowercase().contains(&value)))
        }
        "-starts-with" => {
            let starts = list(&value)?;
            Some(Box::new(move |row| starts.iter().any(|start| column(row).starts_with(start))))
        }
        "-in" => {
            let wanted = list(&value)?;
            Some(Box::new(move |row| wanted.iter().any(|text| column(row) == text)))
        }
        "-not-eq" => {
            let unwanted = list(&value)?;
            Some(Box::new(move |row| unwanted.iter().all(|text| column(row) != text)))
        }
        _ => None,
    }
}

/// One text, even an empty one, or several with commas between them, none of them empty.
fn list(value: &str) -> Option<Vec<String>> {
    let texts: Vec<String> = value.split(',').map(str::to_owned).collect();
    (texts.len() == 1 || texts.iter().all(|text| !text.is_empty())).then_some(texts)
}
