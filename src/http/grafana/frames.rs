//! Series as the plugins take them: data frames, or `datapoints` and `table` for the older ones.

use std::sync::Arc;

use serde_json::{Value, json};

use super::metrics::Metric;
use super::request::{Form, Target};
use super::write::{self, Part, Values};

/// Values of one account, or of all.
#[derive(Clone, Debug)]
pub struct Line {
    /// The account's label; absent for all together.
    pub account: Option<String>,
    /// One for each time.
    pub values: Arc<[Option<f64>]>,
}

/// What a target gets.
#[derive(Debug)]
pub struct Answer {
    /// Which metric.
    pub metric: Metric,
    /// Epoch milliseconds, ascending.
    pub times: Arc<[i64]>,
    /// The series.
    pub lines: Vec<Line>,
    /// True if they stand in one frame.
    pub wide: bool,
    /// Length of a bucket, where it is always the same.
    pub interval: Option<i64>,
    /// Grafana's name of the values' unit.
    pub unit: &'static str,
    /// What the user should know.
    pub notices: Vec<String>,
    /// For who looks: sampling, scope, cache.
    pub custom: Value,
}

/// A column of a frame.
struct Field {
    /// Its name, the same for every series of a metric.
    name: String,
    /// What tells it from its sisters.
    labels: Value,
    /// Unit, name in a legend, interval.
    config: Value,
    /// One for each row.
    values: Values,
}

/// A data frame: the target's letter, its name, notices and what else is known of it, its columns.
fn frame(ref_id: &str, name: &str, meta: &Value, fields: impl IntoIterator<Item = Field>) -> Vec<Part> {
    let (ref_id, name) = (write::text(&ref_id), write::text(&name));
    let mut parts = vec![Part::Text(format!("{{\"refId\":{ref_id},\"name\":{name},\"meta\":{meta},\"fields\":["))];
    for (place, field) in fields.into_iter().enumerate() {
        let Field { name, labels, config, values } = field;
        let labels = if labels.is_null() { String::new() } else { format!(",\"labels\":{labels}") };
        parts.push(Part::Text(format!(
            "{}{{\"name\":{},\"type\":\"{}\"{labels},\"config\":{config},\"values\":",
            if place == 0 { "" } else { "," },
            write::text(&name),
            values.kind(),
        )));
        parts.push(write::Rows::column(values));
        parts.push(Part::Text("}".to_owned()));
    }
    parts.push(Part::Text("]}".to_owned()));
    parts
}

/// Notices and custom data of a frame.
fn meta(notices: &[String], custom: &Value) -> Value {
    let notices: Vec<Value> = notices.iter().map(|text| json!({ "severity": "info", "text": text })).collect();
    json!({ "notices": notices, "custom": custom })
}

/// A table of the older plugins: its head, then its rows.
fn table(ref_id: &str, head: &Value, rows: impl IntoIterator<Item = Values>) -> Vec<Part> {
    let ref_id = write::text(&ref_id);
    vec![
        Part::Text(format!("{{\"type\":\"table\",\"refId\":{ref_id},\"columns\":{head},\"rows\":")),
        write::Rows::lists(rows),
        Part::Text("}".to_owned()),
    ]
}

/// A table: rows that are no series over time.
#[derive(Debug)]
pub struct Table {
    /// The metric's name.
    pub name: String,
    /// Name, label, unit (none if empty) and values of each column; all of the same length.
    pub columns: Vec<(&'static str, &'static str, &'static str, Values)>,
    /// What the user should know.
    pub notices: Vec<String>,
    /// For who looks: scope, cache.
    pub custom: Value,
}

impl Table {
    /// Without rows.
    pub fn nothing(metric: Metric) -> Self {
        Self { name: metric.full_name(), columns: Vec::new(), notices: Vec::new(), custom: Value::Null }
    }

    /// How many rows it has.
    pub fn len(&self) -> usize {
        self.columns.first().map_or(0, |(.., values)| values.len())
    }

    /// The answer in the form that the target wants; of series there are none here. Nothing to show is nothing.
    pub fn write(self, target: &Target) -> Vec<Vec<Part>> {
        if self.len() == 0 {
            return Vec::new();
        }
        if target.form != Form::Frames {
            let head = self.columns.iter().map(|(_, label, _, values)| json!({ "text": label, "type": values.kind() }));
            let head = head.collect::<Value>();
            return vec![table(&target.ref_id, &head, self.columns.into_iter().map(|(.., values)| values))];
        }
        let field = |(name, label, unit, values): (&str, &str, &str, Values)| {
            let mut config = json!({ "displayNameFromDS": label });
            if !unit.is_empty() {
                config["unit"] = json!(unit);
            }
            Field { name: name.to_owned(), labels: Value::Null, config, values }
        };
        let meta = meta(&self.notices, &self.custom);
        vec![frame(&target.ref_id, &self.name, &meta, self.columns.into_iter().map(field))]
    }
}

impl Answer {
    /// The answer in the form that the target wants. Nothing to show is nothing.
    pub fn write(&self, target: &Target) -> Vec<Vec<Part>> {
        if self.lines.is_empty() {
            return Vec::new();
        }
        match target.form {
            Form::Frames => self.frames(target),
            Form::Series => self.lines.iter().map(|line| self.datapoints(line, target)).collect(),
            Form::Table => vec![self.table(target)],
        }
    }

    /// Distinct within a panel: the metric's label, with the account's.
    fn display(&self, line: &Line) -> String {
        let metric = self.metric.full_label();
        line.account.as_ref().map_or_else(|| metric.clone(), |account| format!("{metric} {account}"))
    }

    /// The name of a series that stands alone.
    fn name(&self, line: &Line) -> String {
        line.account.as_ref().map_or_else(|| self.metric.full_name(), |_| self.display(line))
    }

    fn time(&self) -> Field {
        let config = self.interval.map_or_else(|| json!({}), |interval| json!({ "interval": interval }));
        Field { name: "time".into(), labels: Value::Null, config, values: Values::Times(Arc::clone(&self.times)) }
    }

    fn field(&self, line: &Line) -> Field {
        let config = json!({
            "unit": self.unit,
            "displayNameFromDS": self.display(line),
        });
        let labels = line.account.as_ref().map_or(Value::Null, |account| json!({ "account": account }));
        Field { name: self.metric.full_name(), labels, config, values: Values::Numbers(Arc::clone(&line.values)) }
    }

    fn frames(&self, target: &Target) -> Vec<Vec<Part>> {
        let frame = |name: &str, lines: &[Line], notices: &[String]| {
            let fields = std::iter::once(self.time()).chain(lines.iter().map(|line| self.field(line)));
            frame(&target.ref_id, name, &meta(notices, &self.custom), fields)
        };
        if self.wide {
            return vec![frame(&self.metric.full_name(), &self.lines, &self.notices)];
        }
        let single = |(i, line): (usize, &Line)| {
            // Grafana shows the notices of every frame, so the first speaks for all.
            let notices = if i == 0 { self.notices.as_slice() } else { &[] };
            frame(&self.name(line), std::slice::from_ref(line), notices)
        };
        self.lines.iter().enumerate().map(single).collect()
    }

    fn datapoints(&self, line: &Line, target: &Target) -> Vec<Part> {
        let (name, ref_id) = (write::text(&self.name(line)), write::text(&target.ref_id));
        let points = [Values::Numbers(Arc::clone(&line.values)), Values::Times(Arc::clone(&self.times))];
        vec![
            Part::Text(format!("{{\"target\":{name},\"refId\":{ref_id},\"datapoints\":")),
            write::Rows::lists(points),
            Part::Text("}".to_owned()),
        ]
    }

    fn table(&self, target: &Target) -> Vec<Part> {
        let mut columns = vec![json!({ "text": "Time", "type": "time" })];
        columns.extend(self.lines.iter().map(|line| json!({ "text": self.display(line), "type": "number" })));
        let values = self.lines.iter().map(|line| Values::Numbers(Arc::clone(&line.values)));
        let rows = std::iter::once(Values::Times(Arc::clone(&self.times))).chain(values);
        table(&target.ref_id, &Value::from(columns), rows)
    }
}
