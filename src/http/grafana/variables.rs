//! Variables, and the values that lists offer. What was typed narrows them.

use serde_json::{Map, Value, json};
use time::OffsetDateTime;

use super::accounts::Accounts;
use super::adhoc;
use super::errors::GrafanaError;
use super::metrics::{self, Metric};
use super::payload::Payload;
use super::query::{Ask, Window};
use super::request::{self, Query, Range};
use super::step;
use crate::http::error::ApiError;
use crate::http::state::State;
use crate::report::{Report, find};

/// Longest list.
const MOST: usize = 1000;

/// What a list offers, before it takes its plugin's form.
struct Choice {
    text: String,
    value: String,
}

/// Lists of one request.
pub struct Lists<'a> {
    state: &'a State,
    own: &'a Accounts,
    body: &'a Map<String, Value>,
    payload: Map<String, Value>,
}

/// How far back lists look for calls where the request has no range, milliseconds.
const RECENT: i64 = 86_400_000;

impl<'a> Lists<'a> {
    /// What a request asks for, in the body or in its payload.
    pub fn new(state: &'a State, own: &'a Accounts, body: &'a Map<String, Value>) -> Self {
        let payload = body.get("payload").and_then(request::payload).unwrap_or_default();
        Self { state, own, body, payload }
    }

    /// What was typed, under any name that a plugin or a dashboard gives it.
    fn typed(&self) -> &str {
        let text = |name: &&str| [&self.payload, self.body].iter().find_map(|map| map.get(*name)?.as_str());
        ["search", "query", "filter"].iter().find_map(text).unwrap_or_default()
    }

    /// The list of that name, narrowed to what holds `typed`; `None` when there is no such list.
    async fn list(&self, name: &str, typed: &str) -> Result<Option<Vec<Choice>>, GrafanaError> {
        let choice = |text: String, value: String| Choice { text, value };
        let mut all: Vec<Choice> = match name {
            "accounts" | "account" | adhoc::ACCOUNT => {
                self.own.all().iter().map(|one| choice(one.text(), one.uuid.to_string())).collect()
            }
            "countries" | "country" | "dst-country-id" | "src-country-id" => {
                let ids = self.countries().await?;
                ids.into_iter().map(|id| choice(self.own.countries.text(id), id.to_string())).collect()
            }
            "prefixes" | "prefix" | "dst-prefix-routing" => {
                let prefixes = self.prefixes(typed).await?;
                prefixes.into_iter().map(|prefix| choice(prefix.clone(), prefix)).collect()
            }
            "metrics" => {
                Metric::of(self.own.sides).map(|metric| choice(metric.full_label(), metric.full_name())).collect()
            }
            "sampling" | "samplings" | "step" | "steps" => from_options(&step::options()),
            _ => return Ok(None),
        };
        let typed = typed.to_lowercase();
        all.retain(|choice| choice.text.to_lowercase().contains(&typed));
        all.truncate(MOST);
        Ok(Some(all))
    }

    /// Every country that has a name, by name; where none has, those that were called.
    async fn countries(&self) -> Result<Vec<u32>, GrafanaError> {
        if self.own.countries.is_empty() {
            return self.called("outcomes").await;
        }
        let mut named: Vec<_> = self.own.countries.iter().collect();
        named.sort_by(|(_, one), (_, other)| one.name.cmp(&other.name));
        Ok(named.into_iter().map(|(id, _)| id).collect())
    }

    /// What was typed, if it can be a prefix, and the first three digits of numbers that were called.
    async fn prefixes(&self, typed: &str) -> Result<Vec<String>, GrafanaError> {
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let own = digits(typed).then(|| typed.to_owned());
        // A key is the digits behind a 1; 0 stands for what is no number.
        let called = self.called("prefixes").await?.into_iter().filter_map(|key| {
            let key = key.to_string();
            key.get(1..).filter(|prefix| digits(prefix)).map(str::to_owned)
        });
        let called: Vec<String> = called.filter(|prefix| Some(prefix) != own.as_ref()).collect();
        Ok(own.into_iter().chain(called).collect())
    }

    /// The keys of calls within the request's range, those of the most calls first. Whoever made no calls took some, if any.
    async fn called(&self, what: &str) -> Result<Vec<u32>, GrafanaError> {
        for side in self.own.sides.words() {
            let report = find(&format!("{side}-{what}")).ok_or(ApiError::Internal)?;
            let keys = self.called_in(report).await?;
            if !keys.is_empty() {
                return Ok(keys);
            }
        }
        Ok(Vec::new())
    }

    async fn called_in(&self, report: &'static Report) -> Result<Vec<u32>, GrafanaError> {
        if self.state.schema.missing(report).is_some() {
            return Ok(Vec::new());
        }
        let mut query = Query::read(self.body)?;
        query.range = query.range.or(request::range(self.body.get("timeRange"))?);
        let now = OffsetDateTime::now_utc().unix_timestamp() * 1000;
        let range = *query.range.get_or_insert(Range { from: now - RECENT, to: now });
        let sampling = step::choose((range.to - range.from) as f64, None, Some(LOOKED_AT));
        let payload = Payload::read(&self.payload, self.own)?;
        let window = Window::new(range, sampling, self.state.calendar.clone())?;
        let ask = Ask::new(self.state, self.own, &query);
        let Some(read) = ask.sums(&payload.accounts, report, &window, &[]).await? else { return Ok(Vec::new()) };
        let (sums, rows) = read.by_key()?;
        Ok(rows.into_iter().map(|row| sums.key(row)).collect())
    }
}

/// A list is made of about so many buckets of time: few, so that they are few sums, but no more than needed at the ends.
const LOOKED_AT: f64 = 24.0;

fn from_options(options: &Value) -> Vec<Choice> {
    let text = |option: &Value, name: &str| option.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    options
        .as_array()
        .map(|all| all.iter().map(|one| Choice { text: text(one, "label"), value: text(one, "value") }).collect())
        .unwrap_or_default()
}

/// The reply to `/variable`.
///
/// # Errors
/// No list of that name, or one that cannot be read.
pub async fn variable(lists: &Lists<'_>) -> Result<Value, GrafanaError> {
    let name = lists.payload.get("target").and_then(Value::as_str).unwrap_or("accounts");
    let list = lists.list(name, lists.typed()).await?.ok_or_else(|| no_list(name))?;
    Ok(list.into_iter().map(|choice| json!({ "__text": choice.text, "__value": choice.value })).collect())
}

fn no_list(name: &str) -> GrafanaError {
    GrafanaError::refused(format!("there is no list {name:?}; there are accounts, countries, prefixes, metrics, steps"))
}

/// The reply to `/search`: a variable of the older plugins where it names a list, else the metrics.
///
/// # Errors
/// A list that cannot be read.
pub async fn search(lists: &Lists<'_>) -> Result<Value, GrafanaError> {
    let target = lists.body.get("target").and_then(Value::as_str).unwrap_or_default().trim();
    Ok(match lists.list(target, "").await? {
        Some(list) => list.into_iter().map(|choice| json!({ "text": choice.text, "value": choice.value })).collect(),
        None => metrics::search(target, lists.own.sides),
    })
}

/// The reply to `/metric-payload-options`.
///
/// # Errors
/// No field of that name, or a list that cannot be read.
pub async fn payload_options(lists: &Lists<'_>) -> Result<Value, GrafanaError> {
    let name = lists.body.get("name").and_then(Value::as_str).unwrap_or_default();
    if let Some(options) = metrics::options(name) {
        return Ok(options);
    }
    let list = lists.list(name, lists.typed()).await?.ok_or_else(|| no_list(name))?;
    Ok(list.into_iter().map(|choice| json!({ "label": choice.text, "value": choice.value })).collect())
}

/// The reply to `/tag-keys`.
pub fn tag_keys() -> Value {
    adhoc::keys().map(|key| json!({ "type": "string", "text": key, "value": key })).collect()
}

/// The reply to `/tag-values`; a key without a list has no values to choose from.
///
/// # Errors
/// A list that cannot be read.
pub async fn tag_values(lists: &Lists<'_>) -> Result<Value, GrafanaError> {
    let key = lists.body.get("key").and_then(Value::as_str).unwrap_or_default();
    let list = if adhoc::keys().any(|known| known == key) { lists.list(key, lists.typed()).await? } else { None };
    let list = list.unwrap_or_default();
    Ok(list.into_iter().map(|choice| json!({ "text": choice.text, "value": choice.value })).collect())
}
