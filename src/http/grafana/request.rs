//! The body that plugins send: range, targets, filters. Unknown keys and keys without use here are ignored.

use serde_json::{Map, Value};

use super::accounts::Accounts;
use super::adhoc::Filters;
use super::bounds;
use super::errors::GrafanaError;
use super::metrics::PanelMetric;
use super::objects;
use super::payload::Payload;
use crate::query::instant::Instant;
use crate::shown::Shown;

/// The range of a dashboard, epoch milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PanelRange {
    /// First millisecond.
    pub from: i64,
    /// Last millisecond.
    pub to: i64,
}

/// The form in which a target wants its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PanelForm {
    /// Data frames.
    Frames,
    /// `datapoints`, of the older plugins.
    Series,
    /// `columns` and `rows`, of the older plugins.
    Table,
}

/// One thing a panel wants.
#[derive(Clone, Debug)]
pub struct PanelTarget {
    /// Its letter, echoed.
    pub ref_id: String,
    /// The metric.
    pub metric: PanelMetric,
    /// The form of the answer.
    pub form: PanelForm,
    /// Its payload.
    pub payload: Payload,
}

/// An ad-hoc filter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AdHoc {
    /// The key of the compared column.
    pub key: String,
    /// The operator, such as `=` or `=~`.
    pub operator: String,
    /// With what.
    pub value: String,
    /// With what, where it may be one of several.
    pub values: Vec<String>,
}

/// The body of `/query`.
#[derive(Debug, Default)]
pub struct PanelQuery {
    /// When.
    pub range: Option<PanelRange>,
    /// Smallest length of a bucket, milliseconds.
    pub interval: Option<f64>,
    /// Largest number of points.
    pub points: Option<f64>,
    /// The dashboard's time zone: a name, `utc` or `browser`.
    pub zone: Option<String>,
    /// The series and tables to return, in order.
    pub targets: Vec<PanelTarget>,
    /// Ad-hoc filters, applied to every target.
    pub filters: Filters,
}

impl PanelQuery {
    /// Reads the body of `/query`.
    ///
    /// # Errors
    /// A part of the body is invalid, or the targets are more than [`bounds::TARGETS`].
    pub fn read(body: &Map<String, Value>, own: &Accounts) -> Result<Self, GrafanaError> {
        let targets = objects::list("targets", body.get("targets"))?;
        let wanted: Vec<_> = targets.iter().map(wanted).collect::<Result<_, _>>()?;
        let count = wanted.iter().flatten().count();
        if count > bounds::TARGETS {
            return Err(GrafanaError::refused(format!(
                "{count} targets are too many: ask for up to {}",
                bounds::TARGETS
            )));
        }
        let read = |(name, target): Wanted<'_>| PanelTarget::read(name, target, own);
        let targets = wanted.into_iter().flatten().map(read).collect::<Result<_, _>>()?;
        Ok(Self { targets, ..Self::around(body, own)? })
    }

    /// Reads the part of a body that all targets share: range, interval, points, zone and filters.
    ///
    /// # Errors
    /// A range or a filter that means nothing.
    pub fn around(body: &Map<String, Value>, own: &Accounts) -> Result<Self, GrafanaError> {
        Ok(Self {
            range: range(body.get("range"))?,
            interval: number(body.get("intervalMs")),
            points: number(body.get("maxDataPoints")),
            // Whatever is longer is no zone's name.
            zone: body.get("timezone").and_then(Value::as_str).filter(|name| name.len() < 64).map(str::to_owned),
            targets: Vec::new(),
            filters: Filters::read(&filters(body)?, own)?,
        })
    }
}

/// The name of a metric, and the target that it stands in.
type Wanted<'v> = (&'v str, &'v Map<String, Value>);

/// The metric's name and the target, unless nobody has chosen a metric yet or it is hidden.
fn wanted(value: &Value) -> Result<Option<Wanted<'_>>, GrafanaError> {
    let target = objects::member("targets", value)?;
    // The metric is its text, or an option of a select list.
    let name = match target.get("target") {
        Some(Value::Object(option)) => option.get("value"),
        other => other,
    };
    let name = name.and_then(Value::as_str).unwrap_or_default().trim();
    let hidden = target.get("hide").and_then(Value::as_bool) == Some(true);
    Ok(if name.is_empty() || hidden { None } else { Some((name, target)) })
}

impl PanelTarget {
    fn read(name: &str, target: &Map<String, Value>, own: &Accounts) -> Result<Self, GrafanaError> {
        let metric = PanelMetric::find(name, own).ok_or_else(|| {
            let known = PanelMetric::of(own).map(PanelMetric::full_name).collect::<Vec<_>>().join(", ");
            GrafanaError::refused(format!("there is no metric {:?}; there are {known}", Shown(name)))
        })?;
        let form = match target.get("type").and_then(Value::as_str) {
            Some("timeserie" | "timeseries") => PanelForm::Series,
            Some("table") => PanelForm::Table,
            _ => PanelForm::Frames,
        };
        let given = ["payload", "data"].into_iter().find_map(|name| target.get(name).filter(|value| !value.is_null()));
        let payload = Payload::read(&objects::payload(given)?, own, Some(metric))?;
        let ref_id = target.get("refId").and_then(Value::as_str).unwrap_or("A");
        bounds::short("refId", ref_id)?;
        Ok(Self { ref_id: ref_id.to_owned(), metric, form, payload })
    }
}

/// The range of a body.
///
/// # Errors
/// When one is there and does not read.
pub fn range(value: Option<&Value>) -> Result<Option<PanelRange>, GrafanaError> {
    let range = match value {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::Object(range)) => range,
        Some(_) => return Err(GrafanaError::refused("range is no object with from and to")),
    };
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
        (Some(from), Some(to)) => Ok(Some(PanelRange { from, to })),
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

/// `adhocFilters` to simPod 0.6.3, `filters` from 0.6.4 on; a plugin between the two sends the same list under both names.
fn filters(body: &Map<String, Value>) -> Result<Vec<AdHoc>, GrafanaError> {
    let of = |name: &str| objects::list(name, body.get(name)).map(|all| (name.to_owned(), all));
    let (older, newer) = (of("adhocFilters")?, of("filters")?);
    let lists = if older.1 == newer.1 { vec![newer] } else { vec![older, newer] };
    let count: usize = lists.iter().map(|(_, all)| all.len()).sum();
    if count > bounds::FILTERS {
        return Err(GrafanaError::refused(format!(
            "{count} ad-hoc filters are too many: there may be {}",
            bounds::FILTERS
        )));
    }
    let mut all = Vec::with_capacity(count);
    for (name, list) in &lists {
        for value in *list {
            all.extend(AdHoc::read(objects::member(name, value)?)?);
        }
    }
    let bytes = |filter: &AdHoc| filter.value.len() + filter.values.iter().map(String::len).sum::<usize>();
    if all.iter().map(bytes).sum::<usize>() > bounds::FILTER_BYTES {
        let most = bounds::FILTER_BYTES;
        return Err(GrafanaError::refused(format!(
            "the ad-hoc filters have values of more than {most} bytes together"
        )));
    }
    Ok(all)
}

impl AdHoc {
    /// A filter without a key is one that nobody has chosen yet.
    fn read(filter: &Map<String, Value>) -> Result<Option<Self>, GrafanaError> {
        let text = |value: &Value| match value {
            Value::String(text) => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            _ => None,
        };
        let field = |name: &str| filter.get(name).and_then(text);
        let Some(key) = field("key").filter(|key| !key.is_empty()) else { return Ok(None) };
        let about = format!("the filter on {}", Shown(&key));
        let values = objects::list(&format!("values of {about}"), filter.get("values"))?;
        bounds::few(&about, values.len())?;
        let operator = field("operator").unwrap_or_else(|| "=".into());
        let value = field("value").unwrap_or_default();
        let values: Vec<String> = values.iter().filter_map(text).collect();
        values.iter().chain([&value]).try_for_each(|value| bounds::value(&about, value))?;
        bounds::list(&about, &values, bounds::LIST_BYTES)?;
        Ok(Some(Self { key, operator, value, values }))
    }
}
