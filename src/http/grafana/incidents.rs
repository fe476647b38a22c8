//! Annotations: when something went wrong with an account's calls, or with those to one country.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::accounts::Accounts;
use super::bounds;
use super::errors::GrafanaError;
use super::frames::Table;
use super::metrics::{Metric, Shows};
use super::objects;
use super::payload::Payload;
use super::query::{Ask, custom};
use super::request::{Form, Query, Range, Target};
use super::window::Window;
use super::write::{self, Part, Values};
use crate::alerts::{BUCKET, Counts, DAYS, Incident, Kind, SETTLED, Series};
use crate::columns::buckets::Buckets;
use crate::http::state::State;
use crate::query::sampling::Sampling;
use crate::query::zone::Calendar;
use crate::report::figure::Sum;
use crate::report::plan::Refusal;
use crate::shown::Shown;
use crate::token::Sides;

/// Days that a request may look at: seven more are read to know what is usual.
const MOST_DAYS: i64 = 31;

const HOUR: i64 = 3600;
const DAY: i64 = 86_400;

/// The buckets of a range, and those of the days before that say what is usual.
///
/// # Errors
/// A range that is too long, or ends before it begins.
pub fn window(range: Range) -> Result<Window, GrafanaError> {
    if range.to < range.from {
        return Err(Refusal::ToBeforeFrom.into());
    }
    let (from, end) = buckets(range);
    if end - from > MOST_DAYS * DAY + BUCKET {
        return Err(GrafanaError::refused(format!(
            "incidents are looked for in at most {MOST_DAYS} days: take a shorter time range"
        )));
    }
    // Hours of the day are compared with the same 24 hours times so many before, whatever the clocks on the wall did.
    let calendar = Calendar::of(jiff::tz::TimeZone::UTC);
    let start = (from - DAYS * DAY).div_euclid(HOUR) * HOUR;
    Ok(Window { sampling: Sampling::Minutes15, calendar, start, end })
}

/// First second of the range's buckets, and the second after the last.
fn buckets(range: Range) -> (i64, i64) {
    let second = |milliseconds: i64| milliseconds.div_euclid(1000);
    (second(range.from).div_euclid(BUCKET) * BUCKET, (second(range.to).div_euclid(BUCKET) + 1) * BUCKET)
}

/// An incident as people read it.
struct Mark {
    start: i64,
    end: i64,
    title: String,
    text: String,
    tags: Vec<String>,
}

/// The incidents of every account, the earliest first.
///
/// # Errors
/// A request without a range, or what a target cannot be answered for.
pub async fn table(ask: &Ask<'_>, target: &Target) -> Result<Table, GrafanaError> {
    let (metric, window) = (target.metric, window(ask.range()?)?);
    let (from, end) = buckets(ask.range()?);
    let judged = end.min((ask.now.unix_timestamp() - SETTLED).div_euclid(BUCKET) * BUCKET);
    let Some(asked) = ask.asked(target, &window, window.sampling)? else { return Ok(Table::nothing(metric)) };
    let mut marks: Vec<Mark> = Vec::new();
    let look = |place: usize, sums: Buckets| {
        let before = marks.len();
        let (all, countries) = series(&sums, window.start, judged);
        let buckets = u64::try_from((judged - window.start).div_euclid(BUCKET)).unwrap_or(0);
        ask.left.judged(buckets.saturating_mul(1 + countries.len() as u64))?;
        let label = asked.account(place).map_or("", |account| account.label.as_str());
        let mark = |incident: &Incident, country: Option<u32>| {
            let country = country.map(|id| ask.own.countries.name(id));
            mark(incident, label, country, metric.scope())
        };
        marks.extend(all.asr_collapses(from, judged).iter().map(|incident| mark(incident, None)));
        marks.extend(all.traffic_stops(from, judged).iter().map(|incident| mark(incident, None)));
        for (country, calls) in countries {
            marks.extend(calls.asr_collapses(from, judged).iter().map(|incident| mark(incident, Some(country))));
        }
        ask.left.points(5 * (marks.len() - before))
    };
    let used = ask.read(&asked, look).await?;
    let custom = custom(metric, &window, used);
    marks.sort_by(|one, other| (one.start, &one.title).cmp(&(other.start, &other.title)));
    let times = |time: fn(&Mark) -> i64| Values::Times(marks.iter().map(|mark| time(mark) * 1000).collect());
    let texts = |text: fn(&Mark) -> &String| Values::Texts(marks.iter().map(|mark| text(mark).clone()).collect());
    let columns = vec![
        ("time", "Begin", "", times(|mark| mark.start)),
        ("timeEnd", "End", "", times(|mark| mark.end)),
        ("title", "Title", "", texts(|mark| &mark.title)),
        ("text", "Text", "", texts(|mark| &mark.text)),
        ("tags", "Tags", "", Values::Lists(marks.iter().map(|mark| mark.tags.clone()).collect())),
    ];
    Ok(Table { name: metric.full_name(), columns, notices: asked.notices, custom })
}

/// The calls of an account, and of each country, in buckets from `first` to before `end`.
fn series(sums: &Buckets, first: i64, end: i64) -> (Series, BTreeMap<u32, Series>) {
    let length = usize::try_from((end - first).div_euclid(BUCKET)).unwrap_or(0);
    let mut all = vec![Counts::default(); length];
    let mut countries: BTreeMap<u32, Vec<Counts>> = BTreeMap::new();
    for (row, t) in sums.t.iter().enumerate() {
        let Some(place) = usize::try_from((t - first).div_euclid(BUCKET)).ok().filter(|place| *place < length) else {
            continue;
        };
        let count = |sum| u64::try_from(sums.sum(sum, row)).unwrap_or(0);
        let counts = Counts { calls: count(Sum::Calls), answered: count(Sum::Answered) };
        let country = countries.entry(sums.key(row)).or_insert_with(|| vec![Counts::default(); length]);
        for series in [&mut all, country] {
            series.get_mut(place).into_iter().for_each(|sum| sum.add(counts));
        }
    }
    let countries = countries.into_iter().map(|(key, counts)| (key, Series::new(first, counts)));
    (Series::new(first, all), countries.collect())
}

fn mark(incident: &Incident, account: &str, country: Option<String>, scope: &str) -> Mark {
    let Incident { start, end, counts: Counts { calls, answered }, goes_on, .. } = *incident;
    let percent = |share: f64| format!("{:.1} %", share * 100.0);
    let (what, tag, mut text) = match incident.kind {
        Kind::AsrCollapse { usual } => {
            let asr = answered as f64 / calls.max(1) as f64;
            let text = format!("ASR {} of {calls} {scope}, usual {}", percent(asr), percent(usual));
            ("ASR collapse", "asr", text)
        }
        Kind::TrafficStop { usual } => {
            ("Traffic stop", "traffic", format!("no {scope}, usual {usual:.0} in this time"))
        }
    };
    if goes_on {
        text += ", not over yet";
    }
    let of = country.as_ref().map_or_else(|| account.to_owned(), |country| format!("{account}, {country}"));
    let tags = [tag.to_owned(), account.to_owned()].into_iter().chain(country).collect();
    Mark { start, end, title: format!("{what}: {of}"), text, tags }
}

/// A body of `/annotations`, which the older plugins ask.
pub struct Annotation {
    query: Query,
    /// As it was asked for: JSON, which is repeated with every incident.
    echo: String,
}

impl Annotation {
    /// Reads a body. The annotation's query is text: nothing, the metric's name, or a payload.
    ///
    /// # Errors
    /// A query that is none of these, or what `/query` would refuse.
    pub fn read(body: &Map<String, Value>, own: &Accounts) -> Result<Self, GrafanaError> {
        let annotation = match body.get("annotation") {
            None | Some(Value::Null) => None,
            Some(Value::Object(annotation)) => Some(annotation),
            Some(_) => return Err(GrafanaError::refused("the annotation is no object")),
        };
        let query = annotation.and_then(|annotation| annotation.get("query")).or_else(|| body.get("query"));
        let asked = query.and_then(Value::as_str).unwrap_or_default().trim();
        let payload = match objects::within(asked) {
            Some(Value::Object(payload)) => Some(payload),
            _ => None,
        };
        let name = match &payload {
            Some(payload) => payload.get("target").and_then(Value::as_str).unwrap_or_default(),
            None => asked,
        };
        let name = if name.is_empty() { "incidents" } else { name };
        let metric =
            Metric::find(name, Sides::BOTH).filter(|metric| metric.shows == Shows::Incidents).ok_or_else(|| {
                GrafanaError::refused(format!(
                    "the annotation's query {:?} is neither incidents, termination_incidents nor a payload",
                    Shown(asked)
                ))
            })?;
        let echo = write::text(&body.get("annotation").unwrap_or(&Value::Null));
        if echo.len() > bounds::ANNOTATION {
            return Err(GrafanaError::refused(format!("the annotation has more than {} bytes", bounds::ANNOTATION)));
        }
        let payload = Payload::read(&payload.unwrap_or_default(), own)?;
        let target = Target { ref_id: "A".to_owned(), metric, form: Form::Table, payload };
        Ok(Self { query: Query { targets: vec![target], ..Query::around(body, own)? }, echo })
    }

    /// The reply.
    ///
    /// # Errors
    /// What `/query` would answer.
    pub async fn answer(self, state: &State, own: &Accounts) -> Result<Vec<Part>, GrafanaError> {
        let Some(target) = self.query.targets.first() else { return Ok(write::list([])) };
        let table = table(&Ask::new(state, own, &self.query), target).await?;
        let before = |(place, (name, _, _, values)): (usize, (&str, &str, &str, Values))| {
            let begin = if place == 0 { format!("{{\"annotation\":{},", self.echo) } else { ",".to_owned() };
            (format!("{begin}\"{name}\":"), values)
        };
        let columns = table.columns.into_iter().enumerate().map(before).collect();
        Ok(vec![Part::Rows(write::Rows { columns, close: "}" })])
    }
}
