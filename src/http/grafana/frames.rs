//! Series as the plugins take them: data frames, or `datapoints` and `table` for the older ones.

use serde::{Serialize, Serializer};
use serde_json::{Value, json};

use super::metrics::Metric;
use super::request::{Form, Target};

/// Values of one account, or of all.
#[derive(Clone, Debug)]
pub struct Line {
    /// The account's label; absent for all together.
    pub account: Option<String>,
    /// One for each time.
    pub values: Vec<Option<f64>>,
}

/// What a target gets.
#[derive(Debug)]
pub struct Answer {
    /// Which metric.
    pub metric: Metric,
    /// Epoch milliseconds, ascending.
    pub times: Vec<i64>,
    /// The series.
    pub lines: Vec<Line>,
    /// Whether they stand in one frame.
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

/// A data frame.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Frame {
    /// The target's letter.
    pub ref_id: String,
    /// Its name.
    pub name: String,
    /// Notices and what else is known of it.
    pub meta: Value,
    /// Its columns.
    pub fields: Vec<Field>,
}

/// A column of a frame.
#[derive(Debug, Serialize)]
pub struct Field {
    /// Its name, the same for every series of a metric.
    pub name: String,
    /// Grafana's word for what it holds.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// What tells it from its sisters.
    #[serde(skip_serializing_if = "Value::is_null")]
    pub labels: Value,
    /// Unit, name in a legend, interval.
    pub config: Value,
    /// One for each row.
    pub values: Values,
}

/// The values of a column.
#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
pub enum Values {
    /// Epoch milliseconds.
    Times(Vec<i64>),
    /// Numbers, with gaps.
    #[serde(serialize_with = "numbers")]
    Numbers(Vec<Option<f64>>),
    /// Texts.
    Texts(Vec<String>),
    /// Several texts a row.
    Lists(Vec<Vec<String>>),
}

impl Values {
    /// Grafana's word for what they are.
    fn kind(&self) -> &'static str {
        match self {
            Self::Times(_) => "time",
            Self::Numbers(_) => "number",
            Self::Texts(_) => "string",
            Self::Lists(_) => "other",
        }
    }

    fn len(&self) -> usize {
        match self {
            Self::Times(values) => values.len(),
            Self::Numbers(values) => values.len(),
            Self::Texts(values) => values.len(),
            Self::Lists(values) => values.len(),
        }
    }

    fn cell(&self, row: usize) -> Value {
        match self {
            Self::Times(values) => json!(values.get(row)),
            Self::Numbers(values) => json!(values.get(row).copied().flatten().map(number)),
            Self::Texts(values) => json!(values.get(row)),
            Self::Lists(values) => json!(values.get(row)),
        }
    }
}

/// Whole numbers without a point, as a count should look.
fn numbers<S: Serializer>(values: &[Option<f64>], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(values.iter().map(|value| value.map(number)))
}

/// A number as JSON; whole ones without a point.
fn number(value: f64) -> Value {
    // Whole and small enough for every integer between to be exact, so nothing is cut.
    if value.fract() == 0.0 && value.abs() < 9e15 { json!(value as i64) } else { json!(value) }
}

/// Notices and custom data of a frame.
pub fn meta(notices: &[String], custom: &Value) -> Value {
    let notices: Vec<Value> = notices.iter().map(|text| json!({ "severity": "info", "text": text })).collect();
    json!({ "notices": notices, "custom": custom })
}

/// A table: rows that are no series over time.
#[derive(Debug)]
pub struct Rows {
    /// The metric's name.
    pub name: String,
    /// Name, label, unit (none if empty) and values of each column; all of the same length.
    pub columns: Vec<(&'static str, &'static str, &'static str, Values)>,
    /// What the user should know.
    pub notices: Vec<String>,
    /// For who looks: scope, cache.
    pub custom: Value,
}

impl Rows {
    /// The answer in the form that the target wants; of series there are none here. Nothing to show is nothing.
    ///
    /// # Errors
    /// None: every part is plain data.
    pub fn write(self, target: &Target) -> Result<Vec<Value>, serde_json::Error> {
        let length = self.columns.first().map_or(0, |(.., values)| values.len());
        if length == 0 {
            return Ok(Vec::new());
        }
        if target.form != Form::Frames {
            let head = self.columns.iter().map(|(_, label, _, values)| json!({ "text": label, "type": values.kind() }));
            let row = |row| self.columns.iter().map(|(.., values)| values.cell(row)).collect::<Value>();
            return Ok(vec![json!({
                "type": "table", "refId": target.ref_id, "columns": head.collect::<Value>(),
                "rows": (0..length).map(row).collect::<Value>(),
            })]);
        }
        let field = |(name, label, unit, values): (&str, &str, &str, Values)| {
            let mut config = json!({ "displayNameFromDS": label });
            if !unit.is_empty() {
                config["unit"] = json!(unit);
            }
            Field { name: name.to_owned(), kind: values.kind(), labels: Value::Null, config, values }
        };
        let meta = meta(&self.notices, &self.custom);
        let fields = self.columns.into_iter().map(field).collect();
        let frame = Frame { ref_id: target.ref_id.clone(), name: self.name, meta, fields };
        Ok(vec![serde_json::to_value(frame)?])
    }
}

fn time_field(times: &[i64], interval: Option<i64>) -> Field {
    let config = interval.map_or_else(|| json!({}), |interval| json!({ "interval": interval }));
    Field { name: "time".into(), kind: "time", labels: Value::Null, config, values: Values::Times(times.to_vec()) }
}

impl Answer {
    /// The answer in the form that the target wants. Nothing to show is nothing.
    ///
    /// # Errors
    /// None: every part is plain data.
    pub fn write(&self, target: &Target) -> Result<Vec<Value>, serde_json::Error> {
        if self.lines.is_empty() {
            return Ok(Vec::new());
        }
        match target.form {
            Form::Frames => self.frames(target).into_iter().map(serde_json::to_value).collect(),
            Form::Series => Ok(self.lines.iter().map(|line| self.datapoints(line, target)).collect()),
            Form::Table => Ok(vec![self.table(target)]),
        }
    }

    /// Distinct within a panel: the metric's label, with the account's.
    fn display(&self, line: &Line) -> String {
        let metric = self.metric.full_label();
        line.account.as_ref().map_or_else(|| metric.clone(), |account| format!("{metric} {account}"))
    }

    fn field(&self, line: &Line) -> Field {
        let config = json!({
            "unit": self.unit,
            "displayNameFromDS": self.display(line),
        });
        let labels = line.account.as_ref().map_or(Value::Null, |account| json!({ "account": account }));
        let values = Values::Numbers(line.values.clone());
        Field { name: self.metric.full_name(), kind: "number", labels, config, values }
    }

    fn frames(&self, target: &Target) -> Vec<Frame> {
        let frame = |name: String, fields: Vec<Field>, notices: &[String]| Frame {
            ref_id: target.ref_id.clone(),
            name,
            meta: meta(notices, &self.custom),
            fields: std::iter::once(time_field(&self.times, self.interval)).chain(fields).collect(),
        };
        if self.wide {
            let fields = self.lines.iter().map(|line| self.field(line)).collect();
            return vec![frame(self.metric.full_name(), fields, &self.notices)];
        }
        let single = |(i, line): (usize, &Line)| {
            // Grafana shows the notices of every frame, so the first speaks for all.
            let notices = if i == 0 { self.notices.as_slice() } else { &[] };
            let name = line.account.as_ref().map_or_else(|| self.metric.full_name(), |_| self.display(line));
            frame(name, vec![self.field(line)], notices)
        };
        self.lines.iter().enumerate().map(single).collect()
    }

    fn datapoints(&self, line: &Line, target: &Target) -> Value {
        let points: Vec<Value> =
            line.values.iter().zip(&self.times).map(|(value, t)| json!([value.map(number), t])).collect();
        let name = line.account.as_ref().map_or_else(|| self.metric.full_name(), |_| self.display(line));
        json!({ "target": name, "refId": target.ref_id, "datapoints": points })
    }

    fn table(&self, target: &Target) -> Value {
        let mut columns = vec![json!({ "text": "Time", "type": "time" })];
        columns.extend(self.lines.iter().map(|line| json!({ "text": self.display(line), "type": "number" })));
        let row = |(i, t): (usize, &i64)| -> Value {
            let values = self.lines.iter().map(|line| json!(line.values.get(i).copied().flatten().map(number)));
            std::iter::once(json!(t)).chain(values).collect()
        };
        let rows: Vec<Value> = self.times.iter().enumerate().map(row).collect();
        json!({ "type": "table", "refId": target.ref_id, "columns": columns, "rows": rows })
    }
}
