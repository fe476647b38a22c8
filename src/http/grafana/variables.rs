//! Variables, and the values that lists offer. What was typed narrows them.

use serde_json::{Map, Value, json};

use super::accounts::Accounts;
use super::adhoc;
use super::errors::GrafanaError;
use super::metrics::{self, Metric};
use super::request;
use super::step;

/// Longest list.
const MOST: usize = 1000;

/// What a list offers, before it takes its plugin's form.
struct Choice {
    text: String,
    value: String,
}

/// The list of that name, narrowed to what holds `typed`; `None` when there is no such list.
fn list(name: &str, own: &Accounts, typed: &str) -> Option<Vec<Choice>> {
    let typed = typed.to_lowercase();
    let all: Vec<Choice> = match name {
        "accounts" | "account" => {
            own.all().iter().map(|one| Choice { text: one.text(), value: one.uuid.to_string() }).collect()
        }
        "metrics" => {
            Metric::all().map(|metric| Choice { text: metric.full_label(), value: metric.full_name() }).collect()
        }
        "sampling" | "samplings" | "step" => from_options(&step::options()),
        _ => return None,
    };
    let wanted = |choice: &Choice| choice.text.to_lowercase().contains(&typed);
    Some(all.into_iter().filter(wanted).take(MOST).collect())
}

fn from_options(options: &Value) -> Vec<Choice> {
    let text = |option: &Value, name: &str| option.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    options
        .as_array()
        .map(|all| all.iter().map(|one| Choice { text: text(one, "label"), value: text(one, "value") }).collect())
        .unwrap_or_default()
}

/// What was typed, under any name that a plugin or a dashboard gives it.
fn typed(payload: &Map<String, Value>) -> &str {
    ["search", "query", "filter"].iter().find_map(|name| payload.get(*name)?.as_str()).unwrap_or_default()
}

/// The reply to `/variable`.
///
/// # Errors
/// No list of that name.
pub fn variable(own: &Accounts, body: &Map<String, Value>) -> Result<Value, GrafanaError> {
    let payload = body.get("payload").and_then(request::payload).unwrap_or_default();
    let name = payload.get("target").and_then(Value::as_str).unwrap_or("accounts");
    let list = list(name, own, typed(&payload)).ok_or_else(|| no_list(name))?;
    Ok(list.into_iter().map(|choice| json!({ "__text": choice.text, "__value": choice.value })).collect())
}

fn no_list(name: &str) -> GrafanaError {
    GrafanaError::refused(format!("there is no list {name:?}; there are accounts, countries, prefixes, metrics, step"))
}

/// The reply to `/search`: a variable of the older plugins where it names a list, else the metrics.
pub fn search(own: &Accounts, body: &Map<String, Value>) -> Value {
    let target = body.get("target").and_then(Value::as_str).unwrap_or_default().trim();
    match list(target, own, "") {
        Some(list) => list.into_iter().map(|choice| json!({ "text": choice.text, "value": choice.value })).collect(),
        None => metrics::search(target),
    }
}

/// The reply to `/metric-payload-options`.
///
/// # Errors
/// No field of that name.
pub fn payload_options(own: &Accounts, body: &Map<String, Value>) -> Result<Value, GrafanaError> {
    let name = body.get("name").and_then(Value::as_str).unwrap_or_default();
    if let Some(options) = metrics::options(name) {
        return Ok(options);
    }
    let payload = body.get("payload").and_then(request::payload).unwrap_or_default();
    let list = list(name, own, typed(&payload)).ok_or_else(|| no_list(name))?;
    Ok(list.into_iter().map(|choice| json!({ "label": choice.text, "value": choice.value })).collect())
}

/// The reply to `/tag-keys`.
pub fn tag_keys() -> Value {
    adhoc::keys().map(|key| json!({ "type": "string", "text": key, "value": key })).collect()
}

/// The reply to `/tag-values`.
pub fn tag_values(own: &Accounts, body: &Map<String, Value>) -> Value {
    let key = body.get("key").and_then(Value::as_str).unwrap_or_default();
    let name = if key == adhoc::ACCOUNT { "accounts" } else { key };
    let list = list(name, own, typed(body)).unwrap_or_default();
    list.into_iter().map(|choice| json!({ "text": choice.text, "value": choice.value })).collect()
}
