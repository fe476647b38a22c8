//! Series as the plugins take them: data frames, or `datapoints` and `table` for the older ones.

use std::sync::Arc;

use serde_json::{Value, json};

use super::metrics::PanelMetric;
use super::request::{PanelForm, PanelTarget};
use super::write::{self, ColumnValues, PanelPart};

/// Values of one account or group, or of all.
#[derive(Clone, Debug)]
pub struct Line {
    /// Labels that tell it from the others, such as the account; none for all together.
    pub labels: Vec<(&'static str, String)>,
    /// One for each time.
    pub values: Arc<[Option<f64>]>,
}

/// The series of one target, before they take the plugin's format.
#[derive(Debug)]
pub struct SeriesResult {
    /// The name of the metric or measure.
    pub name: String,
    /// Its name in a legend.
    pub label: String,
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
    /// Messages for the user, shown on the panel.
    pub notices: Vec<String>,
    /// Metadata for Grafana's query inspector: sampling, scope, cache status.
    pub custom: Value,
}

/// A column of a frame.
struct Field {
    /// Its name, the same for every series of a metric.
    name: String,
    /// Labels that distinguish the fields of one metric, such as the account.
    labels: Value,
    /// Unit, name in a legend, interval.
    config: Value,
    /// One for each row.
    values: ColumnValues,
}

/// A data frame: the target's letter, its name, notices and what else is known of it, its columns.
fn frame(ref_id: &str, name: &str, meta: &Value, fields: impl IntoIterator<Item = Field>) -> Vec<PanelPart> {
    let (ref_id, name) = (write::text(&ref_id), write::text(&name));
    let mut parts = vec![PanelPart::Text(format!("{{\"refId\":{ref_id},\"name\":{name},\"meta\":{meta},\"fields\":["))];
    for (place, field) in fields.into_iter().enumerate() {
        let Field { name, labels, config, values } = field;
        let labels = if labels.is_null() { String::new() } else { format!(",\"labels\":{labels}") };
        parts.push(PanelPart::Text(format!(
            "{}{{\"name\":{},\"type\":\"{}\"{labels},\"config\":{config},\"values\":",
            if place == 0 { "" } else { "," },
            write::text(&name),
            values.kind(),
        )));
        parts.push(write::PanelRows::column(values));
        parts.push(PanelPart::Text("}".to_owned()));
    }
    parts.push(PanelPart::Text("]}".to_owned()));
    parts
}

/// Notices and custom data of a frame.
fn meta(notices: &[String], custom: &Value) -> Value {
    let notices: Vec<Value> = notices.iter().map(|text| json!({ "severity": "info", "text": text })).collect();
    json!({ "notices": notices, "custom": custom })
}

/// A table of the older plugins: its head, then its rows.
fn table(ref_id: &str, head: &Value, rows: impl IntoIterator<Item = ColumnValues>) -> Vec<PanelPart> {
    let ref_id = write::text(&ref_id);
    vec![
        PanelPart::Text(format!("{{\"type\":\"table\",\"refId\":{ref_id},\"columns\":{head},\"rows\":")),
        write::PanelRows::lists(rows),
        PanelPart::Text("}".to_owned()),
    ]
}

/// A column of a table.
#[derive(Clone, Debug)]
pub struct FrameColumn {
    /// Its name.
    pub name: String,
    /// Its heading.
    pub label: String,
    /// Grafana's name of the unit; empty for none.
    pub unit: &'static str,
    /// One for each row.
    pub values: ColumnValues,
}

impl FrameColumn {
    /// A column of known names.
    pub fn of(name: &str, label: &str, unit: &'static str, values: ColumnValues) -> Self {
        Self { name: name.to_owned(), label: label.to_owned(), unit, values }
    }
}

/// A table: rows that are no series over time.
#[derive(Debug)]
pub struct FrameTable {
    /// The metric's name.
    pub name: String,
    /// Its columns, all of the same length.
    pub columns: Vec<FrameColumn>,
    /// Messages for the user, shown on the panel.
    pub notices: Vec<String>,
    /// Metadata for Grafana's query inspector: scope, cache status.
    pub custom: Value,
}

impl FrameTable {
    /// Without rows.
    pub fn nothing(metric: PanelMetric) -> Self {
        Self { name: metric.full_name(), columns: Vec::new(), notices: Vec::new(), custom: Value::Null }
    }

    /// The number of rows.
    pub fn len(&self) -> usize {
        self.columns.first().map_or(0, |column| column.values.len())
    }

    /// The answer in the form that the target wants; of series there are none here. Nothing to show is nothing.
    pub fn write(self, target: &PanelTarget) -> Vec<Vec<PanelPart>> {
        if self.len() == 0 {
            return Vec::new();
        }
        if target.form != PanelForm::Frames {
            let head = self
                .columns
                .iter()
                .map(|FrameColumn { label, values, .. }| json!({ "text": label, "type": values.kind() }));
            let head = head.collect::<Value>();
            return vec![table(&target.ref_id, &head, self.columns.into_iter().map(|column| column.values))];
        }
        let field = |FrameColumn { name, label, unit, values }: FrameColumn| {
            let mut config = json!({ "displayNameFromDS": label });
            if !unit.is_empty() {
                config["unit"] = json!(unit);
            }
            Field { name, labels: Value::Null, config, values }
        };
        let meta = meta(&self.notices, &self.custom);
        vec![frame(&target.ref_id, &self.name, &meta, self.columns.into_iter().map(field))]
    }
}

impl SeriesResult {
    /// The answer in the form that the target wants. Nothing to show is nothing.
    pub fn write(&self, target: &PanelTarget) -> Vec<Vec<PanelPart>> {
        if self.lines.is_empty() {
            return Vec::new();
        }
        match target.form {
            PanelForm::Frames => self.frames(target),
            PanelForm::Series => self.lines.iter().map(|line| self.datapoints(line, target)).collect(),
            PanelForm::Table => vec![self.table(target)],
        }
    }

    /// Distinct within a panel: the metric's label, with those of the line.
    fn display(&self, line: &Line) -> String {
        line.labels.iter().fold(self.label.clone(), |shown, (_, label)| format!("{shown} {label}"))
    }

    /// The name of a series that stands alone.
    fn name(&self, line: &Line) -> String {
        if line.labels.is_empty() { self.name.clone() } else { self.display(line) }
    }

    fn time(&self) -> Field {
        let config = self.interval.map_or_else(|| json!({}), |interval| json!({ "interval": interval }));
        Field { name: "time".into(), labels: Value::Null, config, values: ColumnValues::Times(Arc::clone(&self.times)) }
    }

    fn field(&self, line: &Line) -> Field {
        let config = json!({
            "unit": self.unit,
            "displayNameFromDS": self.display(line),
        });
        let labels: serde_json::Map<String, Value> =
            line.labels.iter().map(|(name, label)| ((*name).to_owned(), label.as_str().into())).collect();
        let labels = if labels.is_empty() { Value::Null } else { Value::Object(labels) };
        Field { name: self.name.clone(), labels, config, values: ColumnValues::Numbers(Arc::clone(&line.values)) }
    }

    fn frames(&self, target: &PanelTarget) -> Vec<Vec<PanelPart>> {
        let frame = |name: &str, lines: &[Line], notices: &[String]| {
            let fields = std::iter::once(self.time()).chain(lines.iter().map(|line| self.field(line)));
            frame(&target.ref_id, name, &meta(notices, &self.custom), fields)
        };
        if self.wide {
            return vec![frame(&self.name, &self.lines, &self.notices)];
        }
        let single = |(i, line): (usize, &Line)| {
            // Grafana shows the notices of every frame, so the first speaks for all.
            let notices = if i == 0 { self.notices.as_slice() } else { &[] };
            frame(&self.name(line), std::slice::from_ref(line), notices)
        };
        self.lines.iter().enumerate().map(single).collect()
    }

    fn datapoints(&self, line: &Line, target: &PanelTarget) -> Vec<PanelPart> {
        let (name, ref_id) = (write::text(&self.name(line)), write::text(&target.ref_id));
        let points = [ColumnValues::Numbers(Arc::clone(&line.values)), ColumnValues::Times(Arc::clone(&self.times))];
        vec![
            PanelPart::Text(format!("{{\"target\":{name},\"refId\":{ref_id},\"datapoints\":")),
            write::PanelRows::lists(points),
            PanelPart::Text("}".to_owned()),
        ]
    }

    fn table(&self, target: &PanelTarget) -> Vec<PanelPart> {
        let mut columns = vec![json!({ "text": "Time", "type": "time" })];
        columns.extend(self.lines.iter().map(|line| json!({ "text": self.display(line), "type": "number" })));
        let values = self.lines.iter().map(|line| ColumnValues::Numbers(Arc::clone(&line.values)));
        let rows = std::iter::once(ColumnValues::Times(Arc::clone(&self.times))).chain(values);
        table(&target.ref_id, &Value::from(columns), rows)
    }
}
