//! The answer of a breakdown, computed call by call from what the contract says: slow, and easy to believe.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use super::calls::Call;
use super::exact::{Exact, text};
use super::question::{MONEY, OPERATORS, Question, USUAL};
use crate::oracle::calendar::{Calendar, Sampling};
use crate::oracle::time::{End, shows};
use crate::oracle::{AcdUnit, Settings, WeekStart};
use chrono::{DateTime, Datelike, Days, Months, NaiveDateTime, TimeZone, Timelike};
use chrono_tz::Tz;
use serde_json::Value;

/// An account: its uuid, id, tenant and name.
#[derive(Clone, Debug)]
pub struct Owned {
    pub uuid: String,
    pub id: u32,
    pub tenant: u32,
    pub name: String,
}

/// All that the tables hold.
#[derive(Clone, Debug, Default)]
pub struct World {
    pub accounts: Vec<Owned>,
    pub calls: Vec<Call>,
    /// Id, name, code; an empty name is none.
    pub countries: Vec<(u32, String, String)>,
    /// Customers and vendors: id, name.
    pub contractors: Vec<(u32, String)>,
    /// True if its money has few decimals.
    pub coarse: bool,
}

/// A key of a group. Null is last.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    Whole(i64),
    Text(Vec<u8>),
    /// An account whose uuid is not told, by its number: shown as null, and a group of its own.
    Untold(i64),
    Null,
}

impl Key {
    /// As an answer shows it.
    fn shown(&self) -> Self {
        if let Self::Untold(_) = self { Self::Null } else { self.clone() }
    }
}

/// A value, with its decimals; whole without.
#[derive(Clone, Copy, Debug)]
struct Shown {
    exact: Option<Exact>,
    decimals: usize,
    is_time: bool,
}

#[derive(Clone, Copy, PartialEq)]
enum Aspect {
    Now,
    Before,
    Change,
}

/// What a set of calls is measured with.
struct Measuring<'a> {
    question: &'a Question,
    settings: &'a Settings,
    /// Calls of all groups, now and before.
    all: [i128; 2],
    several_accounts: bool,
}

/// The calls of a group, of the others, or of all; now and before, and the seconds that they could begin in.
struct Set<'a> {
    calls: [Vec<&'a Call>; 2],
    seconds: [Option<i64>; 2],
}

/// The body, or the error's text.
pub fn body(world: &World, question: &Question, settings: &Settings, now: i64) -> Result<String, String> {
    let zone: Tz = if question.zone.is_empty() { settings.time_zone } else { &question.zone }.parse().unwrap();
    let tenants: Vec<u32> = world.accounts.iter().map(|account| account.tenant).collect();
    if let Some(error) = question.refusal(&tenants) {
        return Err(error);
    }
    if question.to.is_some_and(|to| to < question.from) {
        return Err("to-time is before from-time".to_owned());
    }
    if question.from > now {
        return Ok("[]".to_owned());
    }
    let calendar = calendar(question, settings, zone);
    let compares = !question.compare.is_empty();
    let to = if compares { Some(question.to.unwrap_or(now).min(now)) } else { question.to };
    let clipped = to.unwrap_or(now).min(now);
    let moved = |second: i64, end: End| moved(question, zone, (question.from, clipped), second, end);
    let (first, mut last) = (moved(question.from, End::From), moved(clipped, End::To));
    if last <= first && clipped > question.from {
        // 28 March at 20 until 31 March at 5, or until 29 March at 20: the latest that any of its minutes is compared with.
        let minutes = (question.from..=clipped).filter(|second| second % 60 == 59);
        last = minutes.map(|second| moved(second, End::To)).max().unwrap_or(first).max(first);
    }
    let windows = [(question.from, to), (first, Some(last))];
    let windows = &windows[..if compares { 2 } else { 1 }];
    // Buckets, and those compared with.
    let mut buckets: Vec<(i64, i64)> = Vec::new();
    if compares && question.by.iter().any(|name| name == "t") {
        let mut start = calendar.start(question.from);
        // Where clocks go back, the earlier window may reach wall clocks that this one has not reached yet.
        while start <= clipped || moved(start, End::From) <= last {
            buckets.push((start, moved(start, End::From)));
            start = calendar.next(start);
        }
        if buckets.len() > 10_000 {
            return Err("too many buckets".to_owned());
        }
        buckets.push((start, moved(start, End::From)));
    }
    let is_fixed = matches!(calendar.sampling, Sampling::Seconds(_));
    if question.by.iter().any(|name| name == "t")
        && !is_fixed
        && calendar.grid(question.from, clipped, 10_000).is_none()
    {
        return Err("too many buckets".to_owned());
    }
    let bounds: BTreeSet<i64> = buckets.iter().map(|(_, moved)| *moved).collect();
    let compared = |second: i64| {
        // In an hour that the clock shows twice a call may lie before what the first bucket begins with.
        let bound = *bounds.range(..=second).next_back().or(bounds.first()).unwrap();
        buckets.iter().find(|(_, moved)| *moved == bound).unwrap().0
    };
    let of_attempts = |name: &String| name == "attempts" || name == "abr" || MONEY.contains(&name.as_str());
    let reads_attempts = !question.termination && question.measures().iter().any(of_attempts);
    let mut groups: BTreeMap<Vec<Key>, [Vec<&Call>; 2]> = BTreeMap::new();
    for (place, (from, to)) in windows.iter().enumerate() {
        for call in &world.calls {
            let is_in = call.start >= *from && to.is_none_or(|to| call.start <= to);
            let is_read = question.termination || call.is_last || reads_attempts;
            if is_in
                && is_read
                && is_own(world, question, call)
                && question.filters.iter().all(|filter| passes(filter, question.termination, call))
            {
                let bucket = |second: i64| if place == 0 { calendar.start(second) } else { compared(second) };
                let keys = question.by.iter().map(|name| key(name, world, question, call, zone, &bucket)).collect();
                groups.entry(keys).or_default()[place].push(call);
            }
        }
    }
    let together = |keys: &[Vec<Key>]| {
        let mut all: [Vec<&Call>; 2] = Default::default();
        for key in keys {
            for place in [0, 1] {
                all[place].extend(&groups[key][place]);
            }
        }
        all
    };
    let keys: Vec<Vec<Key>> = groups.keys().cloned().collect();
    let last_of = |place: usize| windows[place].1.unwrap_or(now).min(now.max(windows[place].0));
    let whole = |place: usize| (place < windows.len()).then(|| (last_of(place) - windows[place].0 + 1).max(0));
    let needs_seconds = question.measures().iter().any(|name| name == "cps");
    let of_time: Vec<usize> = (0..question.by.len())
        .filter(|at| ["t", "hour-of-day", "day-of-week"].contains(&question.by[*at].as_str()))
        .collect();
    let by_bucket_alone = of_time.len() == 1 && question.by[of_time[0]] == "t";
    // Minute by minute: clocks and buckets change at full minutes.
    let mut walked: [BTreeMap<Vec<i64>, i64>; 2] = Default::default();
    for place in 0..windows.len() {
        let (mut at, last) = (windows[place].0, last_of(place));
        while needs_seconds && !of_time.is_empty() && !by_bucket_alone && at <= last {
            let next = (at.div_euclid(60) * 60 + 60).min(last + 1);
            let found = of_time.iter().map(|dimension| match question.by[*dimension].as_str() {
                "t" if place == 0 => calendar.start(at),
                "t" => compared(at),
                name => clock(name, at, zone),
            });
            *walked[place].entry(found.collect()).or_default() += next - at;
            at = next;
        }
    }
    let seconds = |key: &[Key], place: usize| -> Option<i64> {
        if place >= windows.len() || of_time.is_empty() {
            return whole(place);
        }
        let key: Vec<i64> = of_time
            .iter()
            .map(|at| match key[*at] {
                Key::Whole(value) => value,
                ref key => panic!("{key:?} is no time"),
            })
            .collect();
        if !by_bucket_alone {
            // Buckets that are compared with the same one have its seconds, as they have by themselves.
            let first = |bucket: i64| {
                let own = buckets.iter().find(|(own, _)| *own == bucket).map_or(bucket, |(_, moved)| *moved);
                buckets.iter().find(|(_, moved)| *moved == own).map_or(bucket, |(first, _)| *first)
            };
            let is_time = |at: usize| place == 1 && question.by[of_time[at]] == "t";
            let key: Vec<i64> =
                key.iter().enumerate().map(|(at, value)| if is_time(at) { first(*value) } else { *value }).collect();
            return Some(walked[place].get(&key).copied().unwrap_or(0));
        }
        if place == 0 {
            return Some(calendar.next(key[0]) - key[0]);
        }
        let own = buckets.iter().find(|(bucket, _)| *bucket == key[0]).map(|(_, moved)| *moved)?;
        // The last bucket of a window that ends on 29 March and is compared with February is as long as its own day.
        let end = bounds.range(own + 1..).next().copied().unwrap_or_else(|| calendar.next(calendar.start(own)));
        Some(end - own)
    };
    let all = together(&keys);
    let counted = |calls: &[&Call]| calls.iter().filter(|call| question.termination || call.is_last).count() as i128;
    let measuring = Measuring {
        question,
        settings,
        all: [counted(&all[0]), counted(&all[1])],
        several_accounts: question.accounts.len() != 1,
    };
    let prices = question.measures().iter().any(|name| name == "total_price" || name == "price_per_minute");
    let apart = question.by.iter().any(|name| name == "currency" || name == "account");
    if prices && !apart && measuring.mixes(&all.concat()) {
        return Err("total_price needs accounts of one currency".to_owned());
    }
    let set = |key: &Vec<Key>| Set {
        calls: groups[key].clone(),
        seconds: if needs_seconds { [seconds(key, 0), seconds(key, 1)] } else { [None; 2] },
    };
    let sets: BTreeMap<&Vec<Key>, Set<'_>> = keys.iter().map(|key| (key, set(key))).collect();
    let (mut shown, mut others): (Vec<&Vec<Key>>, Vec<&Vec<Key>>) = keys.iter().partition(|key| {
        let calls = &groups[*key];
        counted(&calls[0]) >= question.min_calls || counted(&calls[1]) >= question.min_calls
    });
    let orders = if !question.order.is_empty() {
        question.order.clone()
    } else if question.by.iter().any(|name| name == "t") {
        vec!["t".to_owned()]
    } else {
        vec!["-total_calls".to_owned()]
    };
    shown.sort_by(|one, other| {
        let mut order = Ordering::Equal;
        for column in &orders {
            let (descending, column) =
                column.strip_prefix('-').map_or((false, column.as_str()), |column| (true, column));
            order = order.then_with(|| {
                let rank = |key: &Vec<Key>| rank(world, question, &measuring, key, &sets[key], column);
                match (rank(one), rank(other)) {
                    (None, None) => Ordering::Equal,
                    (None, _) => Ordering::Greater,
                    (_, None) => Ordering::Less,
                    (Some(one), Some(other)) if descending => other.cmp(&one),
                    (Some(one), Some(other)) => one.cmp(&other),
                }
            });
        }
        let shown = |keys: &[Key]| keys.iter().map(Key::shown).collect::<Vec<_>>();
        order.then_with(|| shown(one).cmp(&shown(other))).then_with(|| one.cmp(other))
    });
    let limit = question.limit.unwrap_or(100).min(shown.len());
    others.extend(shown.split_off(limit));
    let others: Vec<Vec<Key>> = others.into_iter().cloned().collect();
    let other = (!others.is_empty()).then(|| Set { calls: together(&others), seconds: [whole(0), whole(1)] });
    let totals = Set { calls: all, seconds: [whole(0), whole(1)] };

    // The text.
    let columns: Vec<(String, usize, &str, Aspect)> = measured_columns(question);
    let plain = question.plain || question.rows;
    let mut names: Vec<String> = Vec::new();
    for name in &question.by {
        names.extend(Question::columns(name).into_iter().map(str::to_owned));
    }
    let key_columns = names.len();
    names.extend(columns.iter().map(|(name, ..)| name.clone()));
    let line = |key: Option<&Vec<Key>>, set: &Set<'_>| -> Vec<String> {
        let mut cells: Vec<String> = match key {
            None => vec!["null".to_owned(); key_columns],
            Some(key) => (0..question.by.len())
                .flat_map(|place| key_cells(world, question, &question.by[place], &key[place]))
                .collect(),
        };
        cells.extend(
            columns
                .iter()
                .map(|(_, _, measure, aspect)| measuring.value(set, measure, *aspect).json(plain, question.ms)),
        );
        cells
    };
    let object = |cells: &[String]| {
        let pairs: Vec<String> = names.iter().zip(cells).map(|(name, cell)| format!("\"{name}\":{cell}")).collect();
        format!("{{{}}}", pairs.join(","))
    };
    let lines: Vec<Vec<String>> = shown.iter().map(|key| line(Some(key), &sets[*key])).collect();
    if question.rows {
        return Ok(format!("[{}]", lines.iter().map(|line| object(line)).collect::<Vec<_>>().join(",")));
    }
    let data: Vec<String> = (0..names.len())
        .map(|column| {
            format!(
                "\"{}\":[{}]",
                names[column],
                lines.iter().map(|line| line[column].clone()).collect::<Vec<_>>().join(",")
            )
        })
        .collect();
    let unit = if question.ms { 1000 } else { 1 };
    let compare = windows.get(1).map_or(String::new(), |(from, to)| {
        format!(",\"compare\":{{\"from\":{},\"to\":{}}}", from * unit, to.unwrap() * unit)
    });
    Ok(format!(
        "{{\"data\":{{{}}},\"rows\":{},\"groups\":{},\"other\":{},\"totals\":{}{compare}}}",
        data.join(","),
        lines.len(),
        keys.len(),
        other.as_ref().map_or("null".to_owned(), |other| object(&line(None, other))),
        object(&line(None, &totals)),
    ))
}

fn measured_columns(question: &Question) -> Vec<(String, usize, &str, Aspect)> {
    let mut columns = Vec::new();
    let usual = if question.operator.is_some() { OPERATORS } else { USUAL };
    let names = if question.measures.is_empty() {
        usual.to_vec()
    } else {
        question.measures.iter().map(String::as_str).collect()
    };
    for (place, measure) in names.iter().enumerate() {
        columns.push(((*measure).to_owned(), place, *measure, Aspect::Now));
    }
    for (place, measure) in names.into_iter().enumerate() {
        if !question.compare.is_empty() && measure != "lost_answers" {
            columns.push((format!("{measure}_before"), place, measure, Aspect::Before));
            columns.push((format!("{measure}_change"), place, measure, Aspect::Change));
        }
    }
    columns
}

/// A value that groups are ordered by.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    Key(Key),
    Value(Exact),
}

fn rank(
    world: &World,
    question: &Question,
    measuring: &Measuring<'_>,
    key: &[Key],
    set: &Set<'_>,
    column: &str,
) -> Option<Rank> {
    for (place, name) in question.by.iter().enumerate() {
        if let Some(at) = Question::columns(name).iter().position(|other| *other == column) {
            if at == 0 {
                let shown = key[place].shown();
                return (shown != Key::Null).then_some(Rank::Key(shown));
            }
            let cell: Value = serde_json::from_str(&key_cells(world, question, name, &key[place])[at]).unwrap();
            return cell.as_str().map(|text| Rank::Key(Key::Text(text.as_bytes().to_vec())));
        }
    }
    let (_, _, measure, aspect) = measured_columns(question)
        .into_iter()
        .find(|(name, ..)| name == column)
        .map(|(a, b, c, d)| (a, b, c.to_owned(), d))
        .unwrap_or_else(|| (column.to_owned(), 0, column.to_owned(), Aspect::Now));
    measuring.value(set, &measure, aspect).exact.map(Rank::Value)
}

fn calendar(question: &Question, settings: &Settings, zone: Tz) -> Calendar {
    let sampling = match question.sampling.as_str() {
        "minute" => Sampling::Seconds(60),
        "5minutes" => Sampling::Seconds(300),
        "15minutes" => Sampling::Seconds(900),
        "30minutes" => Sampling::Seconds(1800),
        "6hours" => Sampling::Seconds(21_600),
        "day" => Sampling::Day,
        "week" => Sampling::Week,
        "month" => Sampling::Month,
        _ => Sampling::Hour,
    };
    let week_start = match question.week_start.as_str() {
        "monday" => WeekStart::Monday,
        "sunday" => WeekStart::Sunday,
        _ => settings.week_start,
    };
    let number = |text: &str| text.parse::<i64>().unwrap();
    let day_start =
        question.day_start.split_once(':').map_or(0, |(hour, minute)| number(hour) * 3600 + number(minute) * 60);
    Calendar { sampling, zone, week_start, day_start }
}

fn local(second: i64, zone: Tz) -> NaiveDateTime {
    zone.from_utc_datetime(&DateTime::from_timestamp(second, 0).unwrap().naive_utc()).naive_local()
}

/// The second that lies as much earlier as the question compares.
fn moved(question: &Question, zone: Tz, (from, to): (i64, i64), second: i64, end: End) -> i64 {
    let wall = local(second, zone);
    let earlier = match question.compare.as_str() {
        "previous" => return second - (to - from + 1),
        "day" => wall - Days::new(1),
        "week" => wall - Days::new(7),
        "year-weekday" => wall - Days::new(364),
        "month" => wall - Months::new(1),
        "year" => wall - Months::new(12),
        _ => wall,
    };
    shows(earlier, zone, end)
}

fn clock(name: &str, second: i64, zone: Tz) -> i64 {
    let wall = local(second, zone);
    if name == "hour-of-day" { wall.hour().into() } else { wall.weekday().number_from_monday().into() }
}

fn is_own(world: &World, question: &Question, call: &Call) -> bool {
    let (account, tenant) =
        if question.termination { (call.vendor_account, call.vendor) } else { (call.customer_account, call.customer) };
    let mut named = question.accounts.iter().map(|place| &world.accounts[*place]);
    let of_named = |named: &Owned| named.id == account && named.tenant == tenant;
    match &question.operator {
        Some(operator) => {
            let lists = [(&operator.customers, call.customer), (&operator.vendors, call.vendor)];
            (question.accounts.is_empty() || named.any(of_named))
                && lists.iter().all(|(list, id)| list.is_empty() || list.contains(id))
        }
        None => tenant == question.tenant && named.any(of_named),
    }
}

fn passes((name, value): &(String, String), termination: bool, call: &Call) -> bool {
    let ids = || value.split(',').map(|id| id.parse::<i64>().unwrap()).collect::<Vec<_>>();
    let has = |id: i64| ids().contains(&id);
    let begins = |text: &str| value.split(',').any(|start| text.starts_with(start));
    let side = |customer: i64, vendor: i64| if termination { vendor } else { customer };
    let price = |price: i64| price > (value.parse::<f64>().unwrap() * 1e6) as i64;
    match name.as_str() {
        "dst-country-id" => has(call.dst_country.into()),
        "src-country-id-not-eq" => !has(call.src_country.into()),
        "dst-prefix-routing-starts-with" => begins(&call.dst),
        "duration-gt" => i64::from(call.duration) > value.parse().unwrap(),
        "destination-prefix-eq" => call.destination_prefix == *value,
        "destination-prefix-starts-with" => begins(&call.destination_prefix),
        "destination-prefix-in" => value.split(',').any(|text| text == call.destination_prefix),
        "dst-network-id" => has(call.network.into()),
        "disconnect-code" => has(side(call.lega.into(), call.legb.into())),
        "q850-cause" => {
            if termination { call.legb_cause } else { call.lega_cause }.is_some_and(|cause| has(cause.into()))
        }
        "term-gw-id" => has(call.gateway.into()),
        "customer-auth-id" => has(call.auth.into()),
        "currency" => has(side(call.customer_currency.into(), call.vendor_currency.into())),
        "answered" => (call.duration > 0) == (value == "true"),
        "vendor-price-gt" => price(call.vendor_price),
        "customer-price-gt" => price(call.customer_price),
        "customer-id" => has(call.customer.into()),
        "vendor-id" => has(call.vendor.into()),
        "reverse-billing" => {
            (value == "true") == if termination { call.vendor_reversed } else { call.customer_reversed }
        }
        "auth-orig-ip" => call.ip == *value,
        other => panic!("no filter {other}"),
    }
}

fn key(name: &str, world: &World, question: &Question, call: &Call, zone: Tz, bucket: &dyn Fn(i64) -> i64) -> Key {
    let termination = question.termination;
    let side = |customer: i64, vendor: i64| Key::Whole(if termination { vendor } else { customer });
    let beginning = |number: &str, digits: usize| {
        let digits = digits + usize::from(number.starts_with('+'));
        let hidden = question.operator.as_ref().is_some_and(|operator| !operator.has("numbers"));
        let shown = number.chars().count().saturating_sub(if hidden { 4 } else { 0 });
        Key::Text(number.chars().take(digits.min(shown)).collect::<String>().into_bytes())
    };
    let maybe = |customer: Option<i64>, vendor: Option<i64>| {
        (if termination { vendor } else { customer }).map_or(Key::Null, Key::Whole)
    };
    match name {
        "t" => Key::Whole(bucket(call.start)),
        "account" => {
            let id = if termination { call.vendor_account } else { call.customer_account };
            // Of accounts outside the token's list no name is told.
            let listed = question
                .operator
                .as_ref()
                .map(|operator| if termination { &operator.vendors } else { &operator.customers });
            let is_told = |account: &&Owned| listed.is_none_or(|all| all.is_empty() || all.contains(&account.tenant));
            let account = world.accounts.iter().find(|account| account.id == id).filter(is_told);
            account.map_or(Key::Untold(id.into()), |account| Key::Text(account.uuid.clone().into_bytes()))
        }
        "dst-country" => Key::Whole(call.dst_country.into()),
        "src-country" => Key::Whole(call.src_country.into()),
        "destination-prefix" => Key::Text(call.destination_prefix.clone().into_bytes()),
        "dst-prefix" => beginning(&call.dst, question.dst_digits),
        "src-prefix" => beginning(&call.src, question.src_digits),
        "dst-network" => Key::Whole(call.network.into()),
        "auth-orig-ip" => Key::Text(call.ip.clone().into_bytes()),
        "customer-auth" => Key::Whole(call.auth.into()),
        "term-gw" => Key::Whole(call.gateway.into()),
        "disconnect-code" => side(call.lega.into(), call.legb.into()),
        "q850-cause" => maybe(call.lega_cause.map(i64::from), call.legb_cause.map(i64::from)),
        "rate" => maybe(call.customer_rate, call.vendor_rate),
        "hour-of-day" | "day-of-week" => Key::Whole(clock(name, call.start, zone)),
        "answered" => Key::Whole((call.duration > 0).into()),
        "currency" => side(call.customer_currency.into(), call.vendor_currency.into()),
        "customer" => Key::Whole(call.customer.into()),
        "vendor" => Key::Whole(call.vendor.into()),
        other => panic!("no dimension {other}"),
    }
}

/// A dimension's cells.
fn key_cells(world: &World, question: &Question, name: &str, key: &Key) -> Vec<String> {
    let quoted = |text: &str| if text.is_empty() { "null".to_owned() } else { crate::oracle::quoted(text) };
    let whole = |key: &Key| match key {
        Key::Whole(value) => *value,
        _ => panic!("{name}: {key:?} is no number"),
    };
    match (name, key) {
        (_, Key::Null | Key::Untold(_)) => vec!["null".to_owned(); Question::columns(name).len()],
        ("t", key) => vec![(whole(key) * if question.ms { 1000 } else { 1 }).to_string()],
        ("account", Key::Text(uuid)) => {
            let account = world.accounts.iter().find(|account| account.uuid.as_bytes() == uuid).unwrap();
            vec![crate::oracle::quoted(&account.uuid), quoted(&account.name)]
        }
        ("dst-country" | "src-country", key) => {
            let country = world.countries.iter().find(|(id, ..)| i64::from(*id) == whole(key));
            let cell = |of: fn(&(u32, String, String)) -> &String| {
                country.map_or("null".to_owned(), |country| quoted(of(country)))
            };
            vec![whole(key).to_string(), cell(|(_, name, _)| name), cell(|(_, _, code)| code)]
        }
        ("customer" | "vendor", key) => {
            let name = world.contractors.iter().find(|(id, _)| i64::from(*id) == whole(key));
            vec![whole(key).to_string(), name.map_or("null".to_owned(), |(_, name)| quoted(name))]
        }
        ("rate", key) => {
            let number = text(whole(key).into(), 9);
            vec![if question.plain || question.rows { number } else { format!("\"{number}\"") }]
        }
        ("answered", key) => vec![(whole(key) == 1).to_string()],
        (_, Key::Text(text)) => vec![crate::oracle::quoted(std::str::from_utf8(text).unwrap())],
        (_, key) => vec![whole(key).to_string()],
    }
}

impl Shown {
    fn json(&self, plain: bool, ms: bool) -> String {
        let Some(exact) = self.exact else { return "null".to_owned() };
        let units = exact.rounded(self.decimals as u32);
        match self.decimals {
            0 => (units * if self.is_time && ms { 1000 } else { 1 }).to_string(),
            decimals if plain => text(units, decimals),
            decimals => format!("\"{}\"", text(units, decimals)),
        }
    }
}

impl Measuring<'_> {
    /// True if prices of several currencies would meet.
    fn mixes(&self, calls: &[&Call]) -> bool {
        let counted = calls.iter().filter(|call| self.question.termination || call.is_last);
        let currencies: BTreeSet<i16> = counted
            .map(|call| if self.question.termination { call.vendor_currency } else { call.customer_currency })
            .collect();
        self.several_accounts && currencies.len() > 1
    }

    fn value(&self, set: &Set<'_>, measure: &str, aspect: Aspect) -> Shown {
        let counts = [
            "total_calls",
            "attempts",
            "successful_calls",
            "failed_calls",
            "short_calls",
            "max_duration",
            "distinct_src_numbers",
            "distinct_dst_numbers",
            "first_call",
            "last_call",
            "loss_calls",
        ];
        let decimals = match measure {
            "price_per_minute" => 6,
            "total_price" | "revenue" | "cost" | "margin" | "loss" => self.question.decimals.unwrap_or(2),
            _ if counts.contains(&measure) => 0,
            _ => 2,
        };
        let is_time = measure == "first_call" || measure == "last_call";
        let now = || self.exact(set, measure, 0);
        let before = || self.exact(set, measure, 1);
        match aspect {
            Aspect::Now => Shown { exact: now(), decimals, is_time },
            Aspect::Before => Shown { exact: before(), decimals, is_time },
            Aspect::Change => {
                let sums = [
                    "total_calls",
                    "attempts",
                    "successful_calls",
                    "failed_calls",
                    "short_calls",
                    "total_duration",
                    "billed_duration",
                    "total_price",
                    "distinct_src_numbers",
                    "distinct_dst_numbers",
                    "revenue",
                    "cost",
                    "margin",
                    "loss",
                    "loss_calls",
                ];
                let of_prices = measure == "total_price" || measure == "price_per_minute";
                let mixes = of_prices && self.mixes(&set.calls.concat());
                let both = now().zip(before()).filter(|_| !mixes);
                if sums.contains(&measure) {
                    return Shown {
                        exact: both.and_then(|(now, before)| now.minus(before).percent_of(before)),
                        decimals: 2,
                        is_time: false,
                    };
                }
                let few = set
                    .calls
                    .iter()
                    .any(|calls| self.counted(calls).len() < usize::try_from(self.question.min_calls).unwrap());
                Shown { exact: both.filter(|_| !few).map(|(now, before)| now.minus(before)), decimals, is_time: false }
            }
        }
    }

    fn counted<'a>(&self, calls: &[&'a Call]) -> Vec<&'a Call> {
        calls.iter().filter(|call| self.question.termination || call.is_last).copied().collect()
    }

    fn exact(&self, set: &Set<'_>, measure: &str, place: usize) -> Option<Exact> {
        let termination = self.question.termination;
        let calls = self.counted(&set.calls[place]);
        let count = |of: &dyn Fn(&Call) -> bool| calls.iter().filter(|call| of(call)).count() as i128;
        let sum = |of: &dyn Fn(&Call) -> i64| calls.iter().map(|call| i128::from(of(call))).sum::<i128>();
        let total = calls.len() as i128;
        let answered = count(&|call| call.duration > 0);
        let sip = |call: &Call| if termination { call.legb } else { call.lega };
        let cause = |call: &Call| if termination { call.legb_cause } else { call.lega_cause };
        let billed = |call: &Call| i64::from(if termination { call.vendor_duration } else { call.customer_duration });
        let price = |call: &Call| if termination { call.vendor_price } else { call.customer_price };
        let number = |of: i128| Some(Exact::whole(of));
        match measure {
            "total_calls" => number(total),
            "attempts" => number(set.calls[place].len() as i128),
            "successful_calls" => number(answered),
            "failed_calls" => number(total - answered),
            "asr" => Exact::new(100 * answered, total),
            "abr" => Exact::new(100 * answered, set.calls[place].len() as i128),
            "ner" => {
                let effective = |call: &Call| {
                    let rang = call.pdd.is_some_and(|pdd| pdd > 0);
                    call.duration > 0
                        || match cause(call).filter(|cause| *cause > 0) {
                            Some(cause) => [17, 18, 19, 20, 21].contains(&cause) || (rang && cause == 16),
                            None => {
                                [480, 486, 600, 603].contains(&sip(call)) || (rang && [408, 487].contains(&sip(call)))
                            }
                        }
                };
                Exact::new(100 * count(&effective), total)
            }
            "seer" => Exact::new(
                100 * count(&|call| [200, 480, 486, 600, 603].contains(&sip(call))),
                count(&|call| !(300..400).contains(&sip(call))),
            ),
            "isa" => Exact::new(100 * count(&|call| [408, 500, 503, 504].contains(&sip(call))), total),
            "acd" => {
                let unit = if self.settings.acd_unit == AcdUnit::Minutes { 60 } else { 1 };
                Exact::new(sum(&|call| call.duration.max(0).into()), unit * answered)
            }
            "total_duration" if self.settings.billed_duration => Exact::new(sum(&billed), 60),
            "total_duration" => Exact::new(sum(&|call| call.duration.max(0).into()), 60),
            "billed_duration" => Exact::new(sum(&billed), 60),
            "cps" => Exact::new(total, set.seconds[place]?.into()),
            "total_price" | "price_per_minute" if self.mixes(&set.calls[place]) => None,
            "total_price" => Exact::new(sum(&price), 1_000_000),
            "price_per_minute" => Exact::new(sum(&price) * 60, sum(&billed) * 1_000_000),
            "short_calls" | "short_share" => {
                let short =
                    count(&|call| call.duration > 0 && i64::from(call.duration) <= self.question.short.unwrap_or(15));
                if measure == "short_calls" { number(short) } else { Exact::new(100 * short, answered) }
            }
            "instant_share" => {
                let instant = |call: &Call| {
                    call.duration > 0
                        && call
                            .connect
                            .zip(call.pdd)
                            .is_some_and(|(connect, pdd)| (connect - call.start) * 1000 - pdd <= 1000)
                };
                Exact::new(100 * count(&instant), answered)
            }
            "pdd_p50" | "pdd_p95" | "pdd_p99" => {
                let percent: usize = measure[5..].parse().unwrap();
                let rang = calls.iter().filter_map(|call| call.pdd).filter(|pdd| *pdd > 0);
                let mut delays: Vec<i64> = rang.map(|pdd| ((pdd + 5) / 10).min(6000)).collect();
                delays.sort_unstable();
                let rank = (delays.len() * percent).div_ceil(100).max(1);
                delays.get(rank - 1).and_then(|delay| Exact::new((*delay).into(), 100))
            }
            "max_duration" => number(calls.iter().map(|call| call.duration.max(0)).max().unwrap_or(0).into()),
            "first_call" => calls.iter().map(|call| call.start).min().and_then(|at| number(at.into())),
            "last_call" => calls.iter().map(|call| call.start).max().and_then(|at| number(at.into())),
            "distinct_src_numbers" => number(calls.iter().map(|call| &call.src).collect::<BTreeSet<_>>().len() as i128),
            "distinct_dst_numbers" => number(calls.iter().map(|call| &call.dst).collect::<BTreeSet<_>>().len() as i128),
            "share" => Exact::new(100 * total, self.all[place]),
            "lost_answers" => {
                let earlier = self.counted(&set.calls[1]);
                let answered_then = earlier.iter().filter(|call| call.duration > 0).count() as i128;
                Some(Exact::new(total * answered_then, earlier.len() as i128)?.minus(Exact::whole(answered)))
            }
            "revenue" | "cost" | "margin" | "margin_percent" | "loss" | "loss_calls" => {
                money(&set.calls[place], measure)
            }
            other => panic!("no measure {other}"),
        }
    }
}

/// A measure of money over all attempts; sums are in units of 1e-15.
fn money(calls: &[&Call], measure: &str) -> Option<Exact> {
    let worth = |price: i64, rate: Option<i64>, is_reversed: bool| {
        let rate = Exact { over: rate.unwrap_or(10_000_000_000).into(), under: 10 }.rounded(0);
        i128::from(price) * rate * if is_reversed { -1 } else { 1 }
    };
    let brought = |call: &Call| worth(call.net_price, call.customer_exchange, call.customer_reversed);
    let spent = |call: &Call| worth(call.vendor_price, call.vendor_exchange, call.vendor_reversed);
    let sum = |of: &dyn Fn(&Call) -> i128| calls.iter().map(|call| of(call)).sum::<i128>();
    let lost = |call: &Call| (spent(call) - brought(call)).max(0);
    let of_one = |units: i128| Exact::new(units, 1_000_000_000_000_000);
    match measure {
        "revenue" => of_one(sum(&brought)),
        "cost" => of_one(sum(&spent)),
        "margin" => of_one(sum(&brought) - sum(&spent)),
        "margin_percent" => Exact::new(100 * (sum(&brought) - sum(&spent)), sum(&brought)),
        "loss" => of_one(sum(&lost)),
        "loss_calls" => Some(Exact::whole(sum(&|call| (lost(call) > 0).into()))),
        other => panic!("no money {other}"),
    }
}
