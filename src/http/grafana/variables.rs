//! Variables, and the values that lists offer. What was typed narrows them.

use serde_json::{Map, Value, json};
use time::OffsetDateTime;

use super::Route;
use super::accounts::Accounts;
use super::adhoc;
use super::bounds;
use super::breakdown;
use super::errors::GrafanaError;
use super::metrics::{self, PanelMetric};
use super::objects;
use super::payload::Payload;
use super::query::Ask;
use super::request::{self, PanelForm, PanelQuery, PanelRange, PanelTarget};
use super::step;
use super::window::PanelWindow;
use crate::http::error::ApiError;
use crate::http::state::State;
use crate::report::groups::Dimension;
use crate::report::{Report, Side, find};
use crate::shown::Shown;

/// Longest list.
const MOST: usize = 1000;

/// An entry of a list, before it takes its plugin's format.
struct Choice {
    text: String,
    value: String,
}

/// A request for a list of values, from its body or from its payload.
pub struct ListRequest {
    /// The typed text, under any name that a plugin or a dashboard gives it.
    typed: String,
    /// The list, by the word of each path.
    name: String,
    /// The payload. Only lists of called countries and prefixes need it and the range, and report errors in them.
    payload: Result<Payload, String>,
    range: Result<Option<PanelRange>, String>,
}

impl ListRequest {
    /// Reads a body.
    ///
    /// # Errors
    /// A payload that is none, or more typed than people type.
    pub fn read(route: Route, body: &Map<String, Value>, own: &Accounts) -> Result<Self, GrafanaError> {
        let payload = objects::payload(body.get("payload"))?;
        let text = |map: &Map<String, Value>, name: &str| Some(map.get(name)?.as_str()?.to_owned());
        let typed = ["search", "query", "filter"]
            .iter()
            .find_map(|name| [&payload, body].iter().find_map(|map| text(map, name)));
        let name = match route {
            Route::Variable => Some(text(&payload, "target").unwrap_or_else(|| "accounts".to_owned())),
            Route::Search => text(body, "target").map(|target| target.trim().to_owned()),
            Route::PayloadOptions => text(body, "name"),
            _ => text(body, "key"),
        };
        let (typed, name) = (typed.unwrap_or_default(), name.unwrap_or_default());
        bounds::short("what was typed,", &typed)?;
        bounds::short("the list", &name)?;
        let range = request::range(body.get("range"))
            .and_then(|range| Ok(range.or(request::range(body.get("timeRange"))?)))
            .map_err(|error| error.to_string());
        let payload = Payload::read(&payload, own, None).map_err(|error| error.to_string());
        Ok(Self { typed, name, payload, range })
    }
}

/// Lists of one request.
pub struct Lists<'a> {
    /// The service.
    pub state: &'a State,
    /// The token's accounts.
    pub own: &'a Accounts,
    /// The list to return.
    pub asked: ListRequest,
}

/// The period in which lists look for calls if the request has no range, milliseconds.
const RECENT: i64 = 86_400_000;

impl Lists<'_> {
    /// The list that is asked for, narrowed to what holds `typed`; `None` when there is no such list.
    async fn list(&self, typed: &str) -> Result<Option<Vec<Choice>>, GrafanaError> {
        let name = self.asked.name.as_str();
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
                PanelMetric::of(self.own).map(|metric| choice(metric.full_label(), metric.full_name())).collect()
            }
            "sampling" | "samplings" | "step" | "steps" => from_options(&step::options()),
            "measure" | "measures" | "group-by" | "dimensions" => {
                let sides = [Side::Origination, Side::Termination];
                metrics::catalogue(name, self.own, &sides).map(|options| from_options(&options)).unwrap_or_default()
            }
            "customers" | "customer-id" if self.sees(Dimension::Customer) => self.groups(Dimension::Customer).await?,
            "vendors" | "vendor-id" if self.sees(Dimension::Vendor) => self.groups(Dimension::Vendor).await?,
            _ => return Ok(None),
        };
        let typed = typed.to_lowercase();
        all.retain(|choice| choice.text.to_lowercase().contains(&typed));
        all.truncate(MOST);
        Ok(Some(all))
    }

    fn sees(&self, by: Dimension) -> bool {
        self.own.audience().sees_dimension(by, Side::Origination)
    }

    /// The groups of the request's range that have calls, the one with the most first; of vendors those with attempts.
    async fn groups(&self, by: Dimension) -> Result<Vec<Choice>, GrafanaError> {
        let name = if by == Dimension::Vendor { "termination_breakdown_table" } else { "breakdown_table" };
        let metric = PanelMetric::find(name, self.own).ok_or(ApiError::Internal)?;
        let payload = self.asked.payload.as_ref().map_err(|why| GrafanaError::refused(why.clone()))?.clone();
        let query = PanelQuery { range: Some(self.range()?), ..PanelQuery::default() };
        let target = PanelTarget { ref_id: String::new(), metric, form: PanelForm::Frames, payload };
        let keys = breakdown::keys(&Ask::new(self.state, self.own, &query), &target, by, MOST).await?;
        let choice = |(key, name): (String, Option<String>)| {
            let text = name.map_or_else(|| format!("{} {key}", by.row().name), |name| format!("{name} ({key})"));
            Choice { text, value: key }
        };
        Ok(keys.into_iter().map(choice).collect())
    }

    /// The request's range, or the time just before.
    fn range(&self) -> Result<PanelRange, GrafanaError> {
        let now = OffsetDateTime::now_utc().unix_timestamp() * 1000;
        let range = self.asked.range.as_ref().map_err(|why| GrafanaError::refused(why.clone()))?;
        Ok(range.unwrap_or(PanelRange { from: now - RECENT, to: now }))
    }

    /// Every country that has a name, by name; where none has, those that were called.
    async fn countries(&self) -> Result<Vec<u32>, GrafanaError> {
        if self.own.countries.is_empty() {
            if self.own.are_operators() {
                let called = self.groups(Dimension::DstCountry).await?;
                return Ok(called.iter().filter_map(|choice| choice.value.parse().ok()).collect());
            }
            return self.called("outcomes").await;
        }
        let mut named: Vec<_> = self.own.countries.iter().collect();
        named.sort_by(|(_, one), (_, other)| one.name.cmp(&other.name));
        Ok(named.into_iter().map(|(id, _)| id).collect())
    }

    /// The prefixes to choose from: the typed text if it has only digits, then the first three digits of called numbers.
    /// A leading plus is kept.
    async fn prefixes(&self, typed: &str) -> Result<Vec<String>, GrafanaError> {
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let is_prefix = |text: &str| digits(text.strip_prefix('+').unwrap_or(text));
        let own = is_prefix(typed).then(|| typed.to_owned());
        if self.own.are_operators() {
            let called = self.groups(Dimension::DstPrefix).await?.into_iter().map(|choice| choice.value);
            let called: Vec<String> = called.filter(|one| is_prefix(one) && Some(one) != own.as_ref()).collect();
            return Ok(own.into_iter().chain(called).collect());
        }
        // A key is the digits behind a 1, or behind a 2 and a plus; 0 stands for what is no number.
        let called = self.called("prefixes").await?.into_iter().filter_map(|key| {
            let key = key.to_string();
            let plus = if key.starts_with('2') { "+" } else { "" };
            key.get(1..).filter(|prefix| digits(prefix)).map(|prefix| format!("{plus}{prefix}"))
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
        if self.state.engine.schema.missing(report).is_some() {
            return Ok(Vec::new());
        }
        let refused = |why: &String| GrafanaError::refused(why.clone());
        let range = self.range()?;
        let payload = self.asked.payload.as_ref().map_err(refused)?;
        let sampling = step::few((range.to - range.from) / 1000);
        let window = PanelWindow::new(range, sampling, self.state.calendar.clone())?;
        let query = PanelQuery { range: Some(range), ..PanelQuery::default() };
        let ask = Ask::new(self.state, self.own, &query);
        let over = ask.over(payload.accounts.clone(), report, (&window, sampling), Vec::new(), Vec::new())?;
        let Some(over) = over else { return Ok(Vec::new()) };
        let (sums, rows, _) = ask.by_key(&over).await?;
        Ok(rows.into_iter().map(|row| sums.key(row)).collect())
    }
}

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
    let list = lists.list(&lists.asked.typed).await?.ok_or_else(|| no_list(&lists.asked.name))?;
    Ok(list.into_iter().map(|choice| json!({ "__text": choice.text, "__value": choice.value })).collect())
}

fn no_list(name: &str) -> GrafanaError {
    GrafanaError::refused(format!(
        "there is no list {:?}; there are accounts, countries, prefixes, metrics, measures, dimensions, steps",
        Shown(name)
    ))
}

/// The reply to `/search`: a variable of the older plugins where it names a list, else the metrics.
///
/// # Errors
/// A list that cannot be read.
pub async fn search(lists: &Lists<'_>) -> Result<Value, GrafanaError> {
    Ok(match lists.list("").await? {
        Some(list) => list.into_iter().map(|choice| json!({ "text": choice.text, "value": choice.value })).collect(),
        None => metrics::search(&lists.asked.name, lists.own),
    })
}

/// The reply to `/metric-payload-options`.
///
/// # Errors
/// No field of that name, or a list that cannot be read.
pub async fn payload_options(lists: &Lists<'_>) -> Result<Value, GrafanaError> {
    if let Some(options) = metrics::options(&lists.asked.name) {
        return Ok(options);
    }
    let list = lists.list(&lists.asked.typed).await?.ok_or_else(|| no_list(&lists.asked.name))?;
    Ok(list.into_iter().map(|choice| json!({ "label": choice.text, "value": choice.value })).collect())
}

/// The reply to `/tag-keys`.
pub fn tag_keys(own: &Accounts) -> Value {
    adhoc::keys(own).map(|key| json!({ "type": "string", "text": key, "value": key })).collect()
}

/// The reply to `/tag-values`; a key without a list has no values to choose from.
///
/// # Errors
/// A list that cannot be read.
pub async fn tag_values(lists: &Lists<'_>) -> Result<Value, GrafanaError> {
    let is_known = adhoc::keys(lists.own).any(|known| known == lists.asked.name);
    let list = if is_known { lists.list(&lists.asked.typed).await? } else { None };
    let list = list.unwrap_or_default();
    Ok(list.into_iter().map(|choice| json!({ "text": choice.text, "value": choice.value })).collect())
}
