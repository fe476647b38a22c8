//! What the plugins send: range, targets, filters. Unknown keys are ignored, and so is everything that is not needed.

use serde_json::{Map, Value};

use super::errors::GrafanaError;
use crate::query::instant::Instant;

/// The range of a dashboard, epoch milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    /// First millisecond.
    pub from: i64,
    /// Last millisecond.
    pub to: i64,
}

/// The form in which a target wants its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Data frames.
    Frames,
    /// `datapoints`, of the older plugins.
    Series,
    /// `columns` and `rows`, of the older plugins.
    Table,
}

/// One thing a panel wants.
#[derive(Clone, Debug)]
pub struct Target {
    /// Its letter, echoed.
    pub ref_id: String,
    /// The metric.
    pub name: String,
    /// The form of the answer.
    pub form: Form,
    /// Its payload.
    pub payload: Map<String, Value>,
}

/// An ad-hoc filter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AdHoc {
    /// What is compared.
    pub key: String,
    /// How.
    pub operator: String,
    /// With what.
    pub value: String,
    /// With what, where it may be one of several.
    pub values: Vec<String>,
}

/// The body of `/query`.
#[derive(Clone, Debug)]
pub struct Query {
    /// When.
    pub range: Option<Range>,
    /// Smallest length of a bucket, milliseconds.
    pub interval: Option<f64>,
    /// Largest number of points.
    pub points: Option<f64>,
    /// The dashboard's time zone: a name, `utc` or `browser`.
    pub zone: Option<String>,
    /// What is wanted.
    pub targets: Vec<Target>,
    /// What holds for every target.
    pub filters: Vec<AdHoc>,
}

/// A body as JSON; an empty one is an empty object.
///
/// # Errors
/// What is no JSON object.
pub fn object(body: &[u8]) -> Result<Map<String, Value>, GrafanaError> {
    if body.trim_ascii().is_empty() {
        return Ok(Map::new());
    }
    match serde_json::from_slice(body) {
        Ok(Value::Object(map)) => Ok(map),
        Ok(_) => Err(GrafanaError::refused("the body is no JSON object")),
        Err(e) => Err(GrafanaError::refused(format!("the body is no JSON: {e}"))),
    }
}

impl Query {
    /// Reads the body of `/query`.
    ///
    /// # Errors
    /// A range that does not read.
    pub fn read(body: &Map<String, Value>) -> Result<Self, GrafanaError> {
        let targets = body.get("targets").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        Ok(Self {
            range: range(body.get("range"))?,
            interval: number(body.get("intervalMs")),
            points: number(body.get("maxDataPoints")),
            zone: body.get("timezone").and_then(Value::as_str).map(str::to_owned),
            targets: targets.iter().filter_map(target).collect(),
            filters: filters(body),
        })
    }
}

/// A target without a metric is one that nobody has chosen yet.
fn target(value: &Value) -> Option<Target> {
    // The metric is its text, or an option of a select list.
    let name = match value.get("target")? {
        Value::Object(option) => option.get("value")?.as_str()?,
        other => other.as_str()?,
    };
    if name.trim().is_empty() || value.get("hide").and_then(Value::as_bool) == Some(true) {
        return None;
    }
    let form = match value.get("type").and_then(Value::as_str) {
        Some("timeserie" | "timeseries") => Form::Series,
        Some("table") => Form::Table,
        _ => Form::Frames,
    };
    let payload = [value.get("payload"), value.get("data")].into_iter().flatten().find_map(payload).unwrap_or_default();
    let ref_id = value.get("refId").and_then(Value::as_str).unwrap_or("A");
    Some(Target { ref_id: ref_id.to_owned(), name: name.trim().to_owned(), form, payload })
}

/// An object, or its text from a text area.
pub fn payload(value: &Value) -> Option<Map<String, Value>> {
    match value {
        Value::Object(map) => Some(map.clone()),
        Value::String(text) => serde_json::from_str::<Map<String, Value>>(text).ok(),
        _ => None,
    }
}

/// The range of a body.
///
/// # Errors
/// When one is there and does not read.
pub fn range(value: Option<&Value>) -> Result<Option<Range>, GrafanaError> {
    let Some(Value::Object(range)) = value else { return Ok(None) };
    let end = |name: &str| {
        let value = range.get(name)?;
        match value {
            Value::Number(number) => number.as_f64().map(|milliseconds| milliseconds as i64),
            Value::String(text) => milliseconds(text),
            _ => None,
        }
        .filter(|milliseconds| (0..4_291_747_200_000).contains(milliseconds))
    };
    match (end("from"), end("to")) {
        (Some(from), Some(to)) => Ok(Some(Range { from, to })),
        _ => Err(GrafanaError::refused("range.from and range.to must be times: ISO 8601 or epoch milliseconds")),
    }
}

fn milliseconds(text: &str) -> Option<i64> {
    let instant = Instant::parse(text)?;
    // A fraction is cut to whole seconds: buckets are whole minutes.
    Some(instant.floor() * 1000)
}

fn number(value: Option<&Value>) -> Option<f64> {
    match value? {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.parse().ok(),
        _ => None,
    }
    .filter(|number: &f64| number.is_finite() && *number >= 0.0)
}

/// `adhocFilters` to simPod 0.6.3, `filters` from 0.6.4 on.
pub fn filters(body: &Map<String, Value>) -> Vec<AdHoc> {
    let lists = ["adhocFilters", "filters"].into_iter().filter_map(|name| body.get(name).and_then(Value::as_array));
    let text = |value: &Value| match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    };
    let filter = |value: &Value| {
        let field = |name: &str| value.get(name).and_then(text);
        let values = value.get("values").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        Some(AdHoc {
            key: field("key").filter(|key| !key.is_empty())?,
            operator: field("operator").unwrap_or_else(|| "=".into()),
            value: field("value").unwrap_or_default(),
            values: values.iter().filter_map(text).collect(),
        })
    };
    let mut all: Vec<AdHoc> = lists.flatten().filter_map(filter).collect();
    // A plugin between the two sends the same list under both names.
    all.dedup();
    all
}
