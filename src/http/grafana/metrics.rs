//! The metrics that a panel can choose, and the fields of their payload.

use serde_json::{Value, json};

use super::step;
use crate::config::AcdUnit;
use crate::report::figure::Figure;
use crate::report::{Report, Side, find};
use crate::token::Sides;

/// What values over time are of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Series {
    /// A figure of calls.
    Calls(Figure),
    /// The post-dial delay that so many of 100 calls do not exceed.
    Delay(u8),
    /// How many calls are up: the peak of each bucket, and now.
    ActiveCalls,
}

/// What a metric shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shows {
    /// Values over time.
    Series(Series),
    /// A table of the countries that most calls go to.
    TopDestinations,
    /// When something went wrong: annotations.
    Incidents,
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
    ("total_calls", "Calls", Shows::Series(Series::Calls(Figure::TotalCalls))),
    ("answered", "Answered", Shows::Series(Series::Calls(Figure::SuccessfulCalls))),
    ("failed", "Failed", Shows::Series(Series::Calls(Figure::FailedCalls))),
    ("asr", "ASR", Shows::Series(Series::Calls(Figure::Asr))),
    ("acd", "ACD", Shows::Series(Series::Calls(Figure::Acd))),
    ("cps", "CPS", Shows::Series(Series::Calls(Figure::Cps))),
    ("price", "Price", Shows::Series(Series::Calls(Figure::TotalPrice))),
    ("minutes", "Minutes", Shows::Series(Series::Calls(Figure::TotalDuration))),
    ("ner", "NER", Shows::Series(Series::Calls(Figure::Ner))),
    ("pdd_p50", "PDD p50", Shows::Series(Series::Delay(50))),
    ("pdd_p95", "PDD p95", Shows::Series(Series::Delay(95))),
    ("active_calls", "Active calls", Shows::Series(Series::ActiveCalls)),
    ("top_destinations", "Top destinations", Shows::TopDestinations),
    ("incidents", "Incidents", Shows::Incidents),
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

    /// Those of the sides that a token sees.
    pub fn of(sides: Sides) -> impl Iterator<Item = Self> {
        Self::all().filter(move |metric| sides.allows(metric.side))
    }

    /// The metric of that name, if the token sees its side.
    pub fn find(name: &str, sides: Sides) -> Option<Self> {
        Self::of(sides).find(|metric| metric.full_name() == name)
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
        match self.side {
            Side::Termination if self.shows != Shows::Series(Series::ActiveCalls) => "attempts",
            Side::Origination | Side::Termination => "calls",
        }
    }

    /// The report that its sums come from. Most figures of calls share one, so a dashboard of many panels asks once.
    pub fn report(self) -> Option<&'static Report> {
        let what = match self.shows {
            Shows::Series(Series::Calls(Figure::Ner)) => "effectiveness",
            Shows::Series(Series::Delay(_)) => "delays",
            Shows::Series(Series::Calls(_)) => "statistics",
            Shows::Series(Series::ActiveCalls) => "active-calls",
            Shows::TopDestinations => "destinations",
            Shows::Incidents => "outcomes",
        };
        let side = match self.side {
            Side::Origination => "origination",
            Side::Termination => "termination",
        };
        find(&format!("{side}-{what}"))
    }
}

/// Grafana's name of a figure's unit.
pub fn unit(figure: Figure, acd: AcdUnit) -> &'static str {
    match figure {
        Figure::Asr | Figure::Ner => "percent",
        Figure::Acd if acd == AcdUnit::Seconds => "s",
        Figure::Acd | Figure::TotalDuration => "m",
        Figure::Cps => "cps",
        Figure::TotalPrice => "none",
        Figure::TotalCalls | Figure::SuccessfulCalls | Figure::FailedCalls | Figure::Calls => "short",
    }
}

/// The reply to `/metrics`.
pub fn list(sides: Sides) -> Value {
    let metric = |metric: Metric| json!({ "label": metric.full_label(), "value": metric.full_name(), "payloads": fields(metric) });
    Metric::of(sides).map(metric).collect()
}

/// The reply to `/search` for a panel.
pub fn search(typed: &str, sides: Sides) -> Value {
    let typed = typed.to_lowercase();
    let entry = |metric: Metric| json!({ "text": metric.full_name(), "value": metric.full_name() });
    let wanted =
        |metric: &Metric| metric.full_name().contains(&typed) || metric.full_label().to_lowercase().contains(&typed);
    Metric::of(sides).filter(wanted).map(entry).collect()
}

/// The fields of a metric. A select list without options is filled from `/metric-payload-options`.
fn fields(metric: Metric) -> Value {
    let field = |(name, label, kind): (&str, &str, &str)| {
        let mut field = json!({ "name": name, "label": label, "type": kind, "reloadMetric": false });
        if let Some(options) = options(name) {
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
    };
    std::iter::once(account).chain(how.iter().copied()).chain(which).map(field).collect()
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
