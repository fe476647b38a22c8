//! The metrics that a panel can choose, and the fields of their payload.

use serde_json::{Value, json};

use super::step;
use crate::config::AcdUnit;
use crate::report::figure::Figure;
use crate::report::{Report, Side, find};

/// What a metric shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shows {
    /// A figure of calls.
    Calls(Figure),
    /// How many calls are up: the peak of each bucket, and now.
    ActiveCalls,
}

/// A metric: what it shows, of whose calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Metric {
    /// The name in a target, without the side.
    pub name: &'static str,
    /// What a legend calls it.
    pub label: &'static str,
    /// What it shows.
    pub shows: Shows,
    /// Whose calls.
    pub side: Side,
}

const NAMES: &[(&str, &str, Shows)] = &[
    ("total_calls", "Calls", Shows::Calls(Figure::TotalCalls)),
    ("answered", "Answered", Shows::Calls(Figure::SuccessfulCalls)),
    ("failed", "Failed", Shows::Calls(Figure::FailedCalls)),
    ("asr", "ASR", Shows::Calls(Figure::Asr)),
    ("acd", "ACD", Shows::Calls(Figure::Acd)),
    ("cps", "CPS", Shows::Calls(Figure::Cps)),
    ("price", "Price", Shows::Calls(Figure::TotalPrice)),
    ("minutes", "Minutes", Shows::Calls(Figure::TotalDuration)),
    ("active_calls", "Active calls", Shows::ActiveCalls),
];

/// What stands before the name of a metric of attempts sent to vendors.
const TERMINATION: &str = "termination_";

impl Metric {
    /// All of them.
    pub fn all() -> impl Iterator<Item = Self> {
        [Side::Origination, Side::Termination]
            .into_iter()
            .flat_map(|side| NAMES.iter().map(move |&(name, label, shows)| Self { name, label, shows, side }))
    }

    /// The metric of that name.
    pub fn find(name: &str) -> Option<Self> {
        Self::all().find(|metric| metric.full_name() == name)
    }

    /// The name in a target.
    pub fn full_name(self) -> String {
        match self.side {
            Side::Origination => self.name.to_owned(),
            Side::Termination => format!("{TERMINATION}{}", self.name),
        }
    }

    /// What a legend calls it.
    pub fn full_label(self) -> String {
        match self.side {
            Side::Origination => self.label.to_owned(),
            Side::Termination => format!("{} (termination)", self.label),
        }
    }

    /// What is counted.
    pub fn scope(self) -> &'static str {
        match (self.shows, self.side) {
            (Shows::ActiveCalls, _) | (Shows::Calls(_), Side::Origination) => "calls",
            (Shows::Calls(_), Side::Termination) => "attempts",
        }
    }

    /// The report that its sums come from. All figures of calls share one, so a dashboard of many panels asks once.
    pub fn report(self) -> Option<&'static Report> {
        find(match (self.shows, self.side) {
            (Shows::Calls(_), Side::Origination) => "origination-statistics",
            (Shows::Calls(_), Side::Termination) => "termination-statistics",
            (Shows::ActiveCalls, Side::Origination) => "origination-active-calls",
            (Shows::ActiveCalls, Side::Termination) => "termination-active-calls",
        })
    }
}

/// Grafana's name of a figure's unit.
pub fn unit(shows: Shows, acd: AcdUnit) -> &'static str {
    match shows {
        Shows::Calls(Figure::Asr) => "percent",
        Shows::Calls(Figure::Acd) if acd == AcdUnit::Seconds => "s",
        Shows::Calls(Figure::Acd | Figure::TotalDuration) => "m",
        Shows::Calls(Figure::Cps) => "cps",
        Shows::Calls(Figure::TotalPrice) => "none",
        Shows::Calls(_) | Shows::ActiveCalls => "short",
    }
}

/// The reply to `/metrics`.
pub fn list() -> Value {
    let metric =
        |metric: Metric| json!({ "label": metric.full_label(), "value": metric.full_name(), "payloads": fields() });
    Metric::all().map(metric).collect()
}

/// The reply to `/search` for a panel.
pub fn search(typed: &str) -> Value {
    let typed = typed.to_lowercase();
    let entry = |metric: Metric| json!({ "text": metric.full_name(), "value": metric.full_name() });
    let wanted =
        |metric: &Metric| metric.full_name().contains(&typed) || metric.full_label().to_lowercase().contains(&typed);
    Metric::all().filter(wanted).map(entry).collect()
}

/// A select list without options is filled from `/metric-payload-options`.
fn fields() -> Value {
    let field = |name: &str, label: &str, kind: &str| json!({ "name": name, "label": label, "type": kind, "reloadMetric": false });
    let mut fields = vec![
        field("account", "Accounts", "multi-select"),
        field("shape", "Shape", "select"),
        field("sampling", "Sampling", "select"),
        field("reduce", "Reduce", "select"),
        field("countries", "Countries", "multi-select"),
        field("prefixes", "Prefixes", "input"),
    ];
    for field in &mut fields {
        if let Some(options) = field["name"].as_str().and_then(options) {
            field["options"] = options;
        }
    }
    Value::Array(fields)
}

/// The options of a field that are always the same.
pub fn options(field: &str) -> Option<Value> {
    let list = |options: &[(&str, &str)]| {
        options.iter().map(|(value, label)| json!({ "label": label, "value": value })).collect()
    };
    match field {
        "shape" => Some(list(&[
            ("each", "A series for each account"),
            ("together", "All accounts together"),
            ("wide", "One table, a column for each account"),
        ])),
        "sampling" => Some(step::options()),
        "reduce" => Some(list(&[("none", "A value for each bucket"), ("total", "One value for the whole range")])),
        _ => None,
    }
}
