//! The metrics that a panel can choose, and the fields of their payload.

use std::sync::LazyLock;

use serde_json::{Value, json};

use super::accounts::Accounts;
use super::step;
use crate::config::AcdUnit;
use crate::report::breakdown::Compare;
use crate::report::groups::DIMENSIONS;
use crate::report::measure::{MEASURES, Measure, MeasureUnit};
use crate::report::{BREAKDOWNS, Report, Side, find};

/// The measure behind a series over time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PanelSeries {
    /// A measure of calls.
    Calls(Measure),
    /// The percentile of the post-dial delay by this number, such as 95.
    Delay(u8),
    /// Calls up at one time: the peak of each bucket, and the number now.
    ActiveCalls,
}

/// The result of a metric: a series, a table or annotations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shows {
    /// Values over time.
    Series(PanelSeries),
    /// A table of the countries that most calls go to.
    TopDestinations,
    /// When something went wrong: annotations.
    Incidents,
    /// A measure over time, of all calls or of each of the largest groups.
    BreakdownSeries,
    /// Groups with their measures.
    BreakdownTable,
}

impl Shows {
    /// True for what is read as a breakdown is.
    pub fn is_breakdown(self) -> bool {
        matches!(self, Self::BreakdownSeries | Self::BreakdownTable)
    }
}

/// A metric: what it shows, of whose calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PanelMetric {
    /// The name in a target, without the side.
    pub name: &'static str,
    /// The name in a legend, without the side.
    pub label: &'static str,
    /// The result: a series, a table or annotations.
    pub shows: Shows,
    /// The side of the calls: origination or termination.
    pub side: Side,
}

/// Metrics beside those of the catalogue of measures.
const OTHERS: &[(&str, &str, Shows)] = &[
    ("pdd_p50", "PDD p50", Shows::Series(PanelSeries::Delay(50))),
    ("pdd_p95", "PDD p95", Shows::Series(PanelSeries::Delay(95))),
    ("active_calls", "Active calls", Shows::Series(PanelSeries::ActiveCalls)),
    ("top_destinations", "Top destinations", Shows::TopDestinations),
    ("incidents", "Incidents", Shows::Incidents),
    ("breakdown_series", "Breakdown over time", Shows::BreakdownSeries),
    ("breakdown_table", "Breakdown", Shows::BreakdownTable),
];

/// Name, label and contents of each metric, in the order in which Grafana lists them.
static NAMES: LazyLock<Vec<(&str, &str, Shows)>> = LazyLock::new(|| {
    let measured = MEASURES
        .iter()
        .filter_map(|row| row.metric.map(|name| (name, row.label, Shows::Series(PanelSeries::Calls(row.measure)))));
    measured.chain(OTHERS.iter().copied()).collect()
});

/// The prefix of the names of metrics that count attempts sent to vendors.
const TERMINATION: &str = "termination_";

impl PanelMetric {
    /// All of them.
    pub fn all() -> impl Iterator<Item = Self> {
        [Side::Origination, Side::Termination]
            .into_iter()
            .flat_map(|side| NAMES.iter().map(move |&(name, label, shows)| Self { name, label, shows, side }))
    }

    /// Those of the sides that a token sees; the operator's see breakdowns alone.
    pub fn of(own: &Accounts) -> impl Iterator<Item = Self> + use<> {
        let (sides, are_operators) = (own.sides, own.are_operators());
        Self::all().filter(move |metric| sides.allows(metric.side) && (metric.shows.is_breakdown() || !are_operators))
    }

    /// The metric of that name, if the token sees it.
    pub fn find(name: &str, own: &Accounts) -> Option<Self> {
        Self::of(own).find(|metric| metric.full_name() == name)
    }

    /// The name in a target.
    pub fn full_name(self) -> String {
        match self.side {
            Side::Origination => self.name.to_owned(),
            Side::Termination => format!("{TERMINATION}{}", self.name),
        }
    }

    /// The name in a legend, with the side if it is termination.
    pub fn full_label(self) -> String {
        match self.side {
            Side::Origination => self.label.to_owned(),
            Side::Termination => format!("{} (termination)", self.label),
        }
    }

    /// The unit of counting: `calls`, or `attempts` for termination.
    pub fn scope(self) -> &'static str {
        match self.side {
            Side::Termination if self.shows != Shows::Series(PanelSeries::ActiveCalls) => "attempts",
            Side::Origination | Side::Termination => "calls",
        }
    }

    /// The report that its sums come from. Most measures of calls share one, so a dashboard of many panels asks once.
    pub fn report(self) -> Option<&'static Report> {
        let what = match self.shows {
            Shows::Series(PanelSeries::Calls(Measure::Ner)) => "effectiveness",
            Shows::Series(PanelSeries::Delay(_)) => "delays",
            Shows::Series(PanelSeries::Calls(_)) => "statistics",
            Shows::Series(PanelSeries::ActiveCalls) => "active-calls",
            Shows::TopDestinations => "destinations",
            Shows::Incidents => "outcomes",
            Shows::BreakdownSeries | Shows::BreakdownTable => {
                return BREAKDOWNS.iter().find(|report| report.records.side() == self.side);
            }
        };
        find(&format!("{}-{what}", self.side.word()))
    }
}

/// Grafana's name of a measure's unit.
pub fn unit(measure: Measure, acd: AcdUnit) -> &'static str {
    match (measure.row().unit, acd) {
        (MeasureUnit::Count, _) => "short",
        (MeasureUnit::Percent, _) => "percent",
        (MeasureUnit::Minutes, _) | (MeasureUnit::CallDuration, AcdUnit::Minutes) => "m",
        (MeasureUnit::CallDuration, AcdUnit::Seconds) | (MeasureUnit::Seconds, _) => "s",
        (MeasureUnit::PerSecond, _) => "cps",
        (MeasureUnit::SystemMoney | MeasureUnit::Money | MeasureUnit::MoneyPerMinute, _) => "none",
        (MeasureUnit::Time, _) => "dateTimeAsIso",
    }
}

/// The reply to `/metrics`.
pub fn list(own: &Accounts) -> Value {
    let metric = |metric: PanelMetric| json!({ "label": metric.full_label(), "value": metric.full_name(), "payloads": fields(metric, own) });
    PanelMetric::of(own).map(metric).collect()
}

/// The reply to `/search` for a panel.
pub fn search(typed: &str, own: &Accounts) -> Value {
    let typed = typed.to_lowercase();
    let entry = |metric: PanelMetric| json!({ "text": metric.full_name(), "value": metric.full_name() });
    let wanted = |metric: &PanelMetric| {
        metric.full_name().contains(&typed) || metric.full_label().to_lowercase().contains(&typed)
    };
    PanelMetric::of(own).filter(wanted).map(entry).collect()
}

/// The fields of a metric. A select list without options is filled from `/metric-payload-options`.
fn fields(metric: PanelMetric, own: &Accounts) -> Value {
    let field = |(name, label, kind): (&str, &str, &str)| {
        let mut field = json!({ "name": name, "label": label, "type": kind, "reloadMetric": false });
        if let Some(options) = catalogue(name, own, &[metric.side]).or_else(|| options(name)) {
            field["options"] = options;
        }
        field
    };
    let account = ("account", "Accounts", "multi-select");
    let which = [("countries", "Countries", "multi-select"), ("prefixes", "Prefixes", "input")];
    let how: &[(&str, &str, &str)] = match metric.shows {
        Shows::Series(_) => {
            &[("shape", "Shape", "select"), ("sampling", "Sampling", "select"), ("reduce", "Reduce", "select")]
        }
        Shows::TopDestinations => &[("limit", "Rows", "input")],
        Shows::Incidents => &[],
        Shows::BreakdownSeries => &[
            ("measure", "Measure", "select"),
            ("group-by", "Group by", "select"),
            ("limit", "Series", "input"),
            ("compare", "Compare with", "select"),
            ("sampling", "Sampling", "select"),
            ("reduce", "Reduce", "select"),
        ],
        Shows::BreakdownTable => &[
            ("group-by", "Group by", "multi-select"),
            ("measures", "Measures", "multi-select"),
            ("order-by", "Order by", "input"),
            ("limit", "Rows", "input"),
            ("compare", "Compare with", "select"),
            ("min-calls", "Fewest calls", "input"),
            ("sampling", "Sampling", "select"),
        ],
    };
    std::iter::once(account).chain(how.iter().copied()).chain(which).map(field).collect()
}

/// The measures or dimensions that the token's holder may choose from on any of these sides.
pub fn catalogue(field: &str, own: &Accounts, sides: &[Side]) -> Option<Value> {
    let (audience, sides) = (own.audience(), || sides.iter().filter(|side| own.sides.allows(**side)));
    Some(match field {
        "measure" | "measures" => {
            let seen = MEASURES.iter().filter(|row| sides().any(|side| audience.sees_measure(row.measure, *side)));
            seen.map(|row| json!({ "label": row.label, "value": row.name })).collect()
        }
        "group-by" | "dimensions" => {
            let seen = DIMENSIONS.iter().filter(|row| sides().any(|side| audience.sees_dimension(row.by, *side)));
            seen.map(|row| json!({ "label": row.name, "value": row.name })).collect()
        }
        _ => return None,
    })
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
        "compare" => Some(Compare::ALL.iter().map(|(word, _)| json!({ "label": word, "value": word })).collect()),
        "sampling" => Some(step::options()),
        "reduce" => Some(list(&[("none", "A value for each bucket"), ("total", "One value for the whole range")])),
        _ => None,
    }
}
