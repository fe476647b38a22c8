//! Random requests about a world.

use super::{DataSet, Rng, texts};
use crate::oracle::{ActiveCall, Caller, Cdr, Endpoint, Request};
use std::collections::BTreeMap;

/// A request, and who sends it.
pub fn request(rng: &mut Rng, data: &DataSet) -> (Caller, Request) {
    let endpoint = rng.pick(&Endpoint::ALL);
    let caller = rng.pick(&data.callers);
    let filters = rng.pick(&[0, 0, 0, 1, 1, 1, 1, 2, 2, 3]);
    let mut pairs = vec![("account-id".to_owned(), account(rng, data, &caller))];
    if endpoint != Endpoint::OutgoingActiveCalls {
        let sampling = endpoint.samplings().get(rng.below(6).min(endpoint.samplings().len().saturating_sub(1)));
        pairs.extend(sampling.map(|name| ("sampling".to_owned(), (*name).to_owned())));
        let form = format(rng, data, endpoint);
        let fills = endpoint.is_quality() || endpoint.is_active_calls();
        let fills = form.iter().find(|(name, _)| name == "fill").map_or(fills, |(_, value)| value == "true");
        pairs.extend(window(rng, data, endpoint, sampling.copied().unwrap_or("minute"), fills, filters > 0));
        pairs.extend(form);
    }
    for _ in 0..filters {
        let name = filter(rng, endpoint);
        let value = value(rng, data, endpoint, &name);
        pairs.retain(|(other, _)| *other != name);
        pairs.push((name, value));
    }
    for place in (1..pairs.len()).rev() {
        pairs.swap(place, rng.below(place + 1));
    }
    if rng.percent(5) {
        let (name, _) = rng.pick(&pairs); // the last value wins, so a first one can be anything
        pairs.insert(0, (name, "anything".to_owned()));
    }
    if rng.percent(8) {
        mistake(rng, &mut pairs);
    }
    (caller, Request { endpoint, pairs })
}

/// Path and query of a request. Two in three pairs leave alone what a URL lets stand, and write a blank as a plus. In a
/// prefix a raw plus before digits is itself.
pub fn target(request: &Request) -> String {
    let mut target = request.endpoint.path();
    for (place, (name, value)) in request.pairs.iter().enumerate() {
        target.push(if place == 0 { '?' } else { '&' });
        target.push_str(&encoded(name, true, false));
        target.push('=');
        // A sign that is not there means what one that is there means.
        let is_counted = ["duration", "price", "country"].iter().any(|part| name.contains(part));
        if is_counted && place % 4 == 1 && value.starts_with(|c: char| c.is_ascii_digit()) {
            target.push('+');
        }
        target.push_str(&encoded(value, place % 3 != 0, name.contains("prefix")));
    }
    target
}

fn encoded(text: &str, lax: bool, keeps_plus: bool) -> String {
    let mut encoded = String::new();
    let bytes = text.as_bytes();
    for (place, &byte) in bytes.iter().enumerate() {
        let begins = place == 0 || bytes[place - 1] == b',';
        let kept = keeps_plus && begins && bytes.get(place + 1).is_some_and(u8::is_ascii_digit);
        match byte {
            b'+' if lax && kept => encoded.push('+'),
            b' ' if kept => encoded.push_str("%20"),
            b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' | b'-' | b'.' | b'_' | b'~' => encoded.push(byte.into()),
            b':' | b',' | b'/' | b'*' | b'(' | b')' if lax => encoded.push(byte.into()),
            b' ' if lax => encoded.push('+'),
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

fn account(rng: &mut Rng, data: &DataSet, caller: &Caller) -> String {
    let is_callers = |id: u32| caller.account_ids.is_empty() || caller.account_ids.contains(&id);
    let accounts = &data.world.accounts;
    let own = accounts.iter().find(|account| account.customer_id == caller.customer_id && is_callers(account.id));
    let account = if rng.percent(85) { own.unwrap_or(&accounts[0]).clone() } else { rng.pick(accounts) };
    match rng.below(10) {
        0 => account.uuid.to_uppercase(),
        1 => format!("{{{}}}", account.uuid),
        2 => account.uuid.replace('-', ""),
        _ => account.uuid.clone(),
    }
}

/// from-time and mostly to-time around the moment, wide enough for a few buckets.
fn window(
    rng: &mut Rng,
    data: &DataSet,
    endpoint: Endpoint,
    sampling: &str,
    fills: bool,
    filters: bool,
) -> Vec<(String, String)> {
    let (step, width) = match sampling {
        "minute" => (60, 3 * 3600),
        "5minutes" => (300, 86_400),
        "15minutes" => (900, 3 * 86_400),
        "hour" => (3600, 4 * 86_400),
        "day" => (86_400, 45 * 86_400),
        _ => (7 * 86_400, 120 * 86_400),
    };
    if filters && rng.percent(60) {
        // Filters need rows to choose from.
        let (from, to) = (texts::time(rng, data.moment - width), texts::time(rng, data.moment + width));
        return vec![("from-time".to_owned(), from), ("to-time".to_owned(), to)];
    }
    if endpoint.is_active_calls() && rng.percent(40) {
        // A window that ends with a snapshot, which may not be the last of its minute.
        let end = rng.pick(&data.world.active_calls).snapshot_timestamp;
        let from = end - rng.pick(&[0, 30, 300]);
        let from = texts::time(rng, from);
        return vec![("from-time".to_owned(), from), ("to-time".to_owned(), texts::time(rng, end))];
    }
    // Sums are by minute, and by quarter of an hour.
    let whole = rng.pick(&[60, 60, 900]);
    let from = match rng.below(20) {
        0 => rng.pick(&data.world.cdrs).time_start,
        1 => data.now + rng.between(3600, 86_400),
        2..10 => (data.moment + rng.between(-width, width / 4)).div_euclid(whole) * whole,
        _ => data.moment + rng.between(-width, width / 4),
    };
    let mut pairs = vec![("from-time".to_owned(), texts::time(rng, from))];
    let open_grid = (data.now - from) / step;
    // An open end long after the moment would make grids of a hundred thousand buckets.
    let may_be_open = !fills || open_grid < 3000 || open_grid > 2 * data.settings.max_buckets;
    let to = match rng.below(20) {
        0..4 if may_be_open => return pairs,
        4 => from,
        5 => from - rng.between(1, 100_000),
        6 => rng.pick(&data.world.cdrs).time_start.max(from),
        7..12 => (from + rng.between(0, width)).div_euclid(whole) * whole + rng.between(-1, 0),
        _ => from + rng.between(0, width),
    };
    pairs.push(("to-time".to_owned(), texts::time(rng, to)));
    pairs
}

/// The parameters about the form of the answer.
fn format(rng: &mut Rng, data: &DataSet, endpoint: Endpoint) -> Vec<(String, String)> {
    let mut pairs = Vec::new();
    let mut add = |name: &str, value: &str| pairs.push((name.to_owned(), value.to_owned()));
    if endpoint.is_statistics() {
        if rng.percent(20) {
            add("numbers", "plain");
        }
        if rng.percent(50) {
            let other = rng.pick(&["UTC", "Europe/Kyiv", "America/New_York", "Asia/Kolkata"]);
            let zone = if rng.percent(70) { data.zone } else { other };
            add("time-zone", zone);
        }
        if rng.percent(30) {
            add("week-start", rng.pick(&["monday", "sunday"]));
        }
        if rng.percent(30) {
            add("day-start", rng.pick(&["00:00", "02:30", "01:30", "00:01", "12:00", "23:59", "06:00", "24:00"]));
        }
        if rng.percent(25) {
            let complete = rng.pick(&["true", "true", "true", "false", ""]);
            if !complete.is_empty() {
                add("complete", complete);
            }
            if rng.percent(50) {
                add("settle", rng.pick(&["0s", "90s", "10m", "24h", "7d", "10"]));
            }
        }
    }
    if rng.percent(20) {
        add("fill", rng.pick(&["true", "false"]));
    }
    if rng.percent(15) {
        add("format", "rows");
    }
    if rng.percent(15) {
        add("t-unit", rng.pick(&["ms", "s"]));
    }
    pairs
}

/// A filter: every column is as likely as the next, however many operators it has.
fn filter(rng: &mut Rng, endpoint: Endpoint) -> String {
    let others = [
        "account-id",
        "from-time",
        "to-time",
        "sampling",
        "numbers",
        "time-zone",
        "week-start",
        "day-start",
        "complete",
        "settle",
        "fill",
        "format",
        "t-unit",
    ];
    let mut columns: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for name in endpoint.parameters().into_iter().filter(|name| !others.contains(&name.as_str())) {
        let operators =
            ["-not-eq", "-eq", "-gt", "-gteq", "-lt", "-lteq", "-starts-with", "-ends-with", "-contains", "-in"];
        let column = operators.iter().find_map(|operator| name.strip_suffix(operator)).unwrap_or(&name).to_owned();
        columns.entry(column).or_default().push(name);
    }
    let columns: Vec<Vec<String>> = columns.into_values().collect();
    let names = rng.pick(&columns);
    rng.pick(&names)
}

/// A value that some row has, or one near it.
fn value(rng: &mut Rng, data: &DataSet, endpoint: Endpoint, name: &str) -> String {
    let cdr = rng.pick(&data.world.cdrs);
    let live = rng.pick(&data.world.active_calls);
    let of_calls = endpoint.is_statistics();
    let (cdr, live) = (cdr.facts(), live.facts());
    let row = if of_calls { &cdr } else { &live };
    if name.contains("country-id") {
        let several = if rng.percent(30) { 1 + rng.below(3) } else { 1 };
        let ids: Vec<i64> = (0..several).map(|_| rng.pick(&[row.src_country_id, row.dst_country_id, 1, 2])).collect();
        return ids.into_iter().map(|id| texts::integer(rng, id)).collect::<Vec<String>>().join(",");
    }
    if name.starts_with("duration-") {
        let near = row.duration + rng.pick(&[-1, 0, 0, 0, 1]);
        return texts::integer(rng, near.clamp(i32::MIN.into(), i32::MAX.into()));
    }
    if name == "auth-orig-ip" {
        return if row.auth_orig_ip.is_empty() { "::1".to_owned() } else { row.auth_orig_ip.to_uppercase() };
    }
    if name == "auth-orig-port" {
        return texts::integer(rng, row.auth_orig_port);
    }
    if name == "auth-orig-transport-protocol-id" {
        return texts::integer(rng, row.auth_orig_transport_protocol_id.min(127));
    }
    if name == "connect-time-null" {
        return rng.pick(&["", "0", "f", "F", "false", "FALSE", "off", "OFF", "1", "t", "true", "no", "é"]).to_owned();
    }
    if name.contains("-price-") {
        let price = if name.starts_with("customer") { row.customer_price } else { row.vendor_price };
        return texts::price(rng, price);
    }
    text_value(rng, data, of_calls, name)
}

fn text_value(rng: &mut Rng, data: &DataSet, of_calls: bool, name: &str) -> String {
    let column = ["src-prefix-routing", "dst-prefix-routing", "src-name-in", "src-prefix-in", "dst-prefix-in"]
        .into_iter()
        .find(|column| name.starts_with(column))
        .unwrap_or(name);
    let operator = name.strip_prefix(column).unwrap_or_default().trim_start_matches('-');
    let one = |rng: &mut Rng| {
        let (cdr, live): (Cdr, ActiveCall) = (rng.pick(&data.world.cdrs), rng.pick(&data.world.active_calls));
        let text = match column {
            "src-prefix-routing" if of_calls => cdr.src_prefix_routing,
            "dst-prefix-routing" if of_calls => cdr.dst_prefix_routing,
            "src-prefix-routing" => live.src_prefix_routing,
            "dst-prefix-routing" => live.dst_prefix_routing,
            "src-name-in" => live.src_name_in,
            "src-prefix-in" => live.src_prefix_in,
            _ => live.dst_prefix_in,
        };
        let text = texts::part(rng, operator, &text);
        if rng.percent(20) { texts::variant(rng, &text) } else { text }
    };
    let lists: &[&str] = if column == "src-name-in" { &["in"] } else { &["starts-with", "in", "not-eq"] };
    if !lists.contains(&operator) {
        return one(rng);
    }
    let count = 1 + rng.below(3);
    let texts: Vec<String> = (0..count).map(|_| one(rng)).collect();
    if texts.len() == 1 || rng.percent(5) {
        return texts.join(","); // with holes now and then, which is a mistake
    }
    let whole: Vec<String> = texts.into_iter().filter(|text| !text.is_empty() && !text.contains(',')).collect();
    whole.join(",")
}

/// Makes one thing wrong.
fn mistake(rng: &mut Rng, pairs: &mut Vec<(String, String)>) {
    let place = rng.below(pairs.len());
    match rng.below(5) {
        0 => drop(pairs.remove(place)), // no mistake unless it was required
        1 => pairs[place].0.push_str(rng.pick(&["[]", "[x]"])),
        2 => pairs.push(("no-such-parameter".to_owned(), "1".to_owned())),
        3 => pairs[place].1.push_str(rng.pick(&[" ", ",", "\0", "x", "\u{feff}", "%"])),
        _ => {
            pairs[place].1 = rng
                .pick(&["", " ", "-", "1,", "é", "NaN", "99999999999999999999", "' OR 1=1 --", "{p0:String}"])
                .to_owned()
        }
    }
}
