//! Annotations: when something went wrong with an account's calls, or with those to one country.

use serde_json::{Map, Value};

use super::accounts::Accounts;
use super::bounds;
use super::errors::GrafanaError;
use super::frames::{FrameColumn, FrameTable};
use super::metrics::{PanelMetric, Shows};
use super::objects;
use super::payload::Payload;
use super::query::{Ask, custom};
use super::request::{PanelForm, PanelQuery, PanelRange, PanelTarget};
use super::window::PanelWindow;
use super::write::{self, ColumnValues, PanelPart};
use crate::columns::buckets::Buckets;
use crate::http::state::State;
use crate::incidents::{self, AccountCalls, BUCKET, CallCounts, DAY, FoundIncident, IncidentKind};
use crate::query::sampling::Sampling;
use crate::query::zone::Calendar;
use crate::report::plan::Refusal;
use crate::shown::Shown;

/// Days that a request may look at: seven more are read to know what is usual.
const MOST_DAYS: i64 = 31;

/// The buckets of a range, and those of the days before that say what is usual.
///
/// # Errors
/// A range that is too long, or ends before it begins.
pub fn window(range: PanelRange) -> Result<PanelWindow, GrafanaError> {
    if range.to < range.from {
        return Err(Refusal::ToBeforeFrom.into());
    }
    let (from, end) = incidents::buckets(range.from, range.to);
    if end - from > MOST_DAYS * DAY + BUCKET {
        return Err(GrafanaError::refused(format!(
            "incidents are looked for in at most {MOST_DAYS} days: take a shorter time range"
        )));
    }
    let calendar = Calendar::of(jiff::tz::TimeZone::UTC);
    Ok(PanelWindow { sampling: Sampling::Minutes15, calendar, start: incidents::history(from), end })
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
pub async fn table(ask: &Ask<'_>, target: &PanelTarget) -> Result<FrameTable, GrafanaError> {
    let (metric, range) = (target.metric, ask.range()?);
    let window = window(range)?;
    let (from, end) = incidents::buckets(range.from, range.to);
    let judged = end.min(incidents::settled(ask.now.unix_timestamp()));
    let Some(asked) = ask.asked(target, &window, window.sampling)? else { return Ok(FrameTable::nothing(metric)) };
    let mut marks: Vec<Mark> = Vec::new();
    let look = |place: usize, sums: Buckets| {
        let calls = AccountCalls::new(&sums, window.start, judged);
        ask.left.judged(calls.buckets())?;
        let label = asked.account(place).map_or("", |account| account.label.as_str());
        let found = calls.incidents(from, judged);
        ask.left.points(5 * found.len())?;
        marks.extend(found.iter().map(|(country, incident)| {
            mark(incident, label, country.map(|id| ask.own.countries.name(id)), metric.scope())
        }));
        Ok(())
    };
    let used = ask.read(&asked, look).await?;
    let custom = custom(metric, &window, used);
    marks.sort_by(|one, other| (one.start, &one.title).cmp(&(other.start, &other.title)));
    let times = |time: fn(&Mark) -> i64| ColumnValues::Times(marks.iter().map(|mark| time(mark) * 1000).collect());
    let texts = |text: fn(&Mark) -> &String| ColumnValues::Texts(marks.iter().map(|mark| text(mark).clone()).collect());
    let columns = vec![
        FrameColumn::of("time", "Begin", "", times(|mark| mark.start)),
        FrameColumn::of("timeEnd", "End", "", times(|mark| mark.end)),
        FrameColumn::of("title", "Title", "", texts(|mark| &mark.title)),
        FrameColumn::of("text", "Text", "", texts(|mark| &mark.text)),
        FrameColumn::of("tags", "Tags", "", ColumnValues::Lists(marks.iter().map(|mark| mark.tags.clone()).collect())),
    ];
    Ok(FrameTable { name: metric.full_name(), columns, notices: asked.notices, custom })
}

fn mark(incident: &FoundIncident, account: &str, country: Option<String>, scope: &str) -> Mark {
    let FoundIncident { start, end, counts: CallCounts { calls, answered }, goes_on, .. } = *incident;
    let percent = |share: f64| format!("{:.1} %", share * 100.0);
    let (what, tag, mut text) = match incident.kind {
        IncidentKind::AsrCollapse { usual } => {
            let asr = answered as f64 / calls.max(1) as f64;
            let text = format!("ASR {} of {calls} {scope}, usual {}", percent(asr), percent(usual));
            ("ASR collapse", "asr", text)
        }
        IncidentKind::TrafficStop { usual } => {
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
    query: PanelQuery,
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
        let metric = PanelMetric::all()
            .find(|metric| metric.shows == Shows::Incidents && metric.full_name() == name)
            .ok_or_else(|| {
            GrafanaError::refused(format!(
                "the annotation's query {:?} is neither incidents, termination_incidents nor a payload",
                Shown(asked)
            ))
        })?;
        let echo = write::text(&body.get("annotation").unwrap_or(&Value::Null));
        if echo.len() > bounds::ANNOTATION {
            return Err(GrafanaError::refused(format!("the annotation has more than {} bytes", bounds::ANNOTATION)));
        }
        let payload = Payload::read(&payload.unwrap_or_default(), own, None)?;
        let target = PanelTarget { ref_id: "A".to_owned(), metric, form: PanelForm::Table, payload };
        Ok(Self { query: PanelQuery { targets: vec![target], ..PanelQuery::around(body, own)? }, echo })
    }

    /// The reply.
    ///
    /// # Errors
    /// The incidents could not be read; the errors are those of `/query`.
    pub async fn answer(self, state: &State, own: &Accounts) -> Result<Vec<PanelPart>, GrafanaError> {
        let Some(target) = self.query.targets.first() else { return Ok(write::list([])) };
        let table = table(&Ask::new(state, own, &self.query), target).await?;
        let before = |(place, FrameColumn { name, values, .. }): (usize, FrameColumn)| {
            let begin = if place == 0 { format!("{{\"annotation\":{},", self.echo) } else { ",".to_owned() };
            (format!("{begin}\"{name}\":"), values)
        };
        let columns = table.columns.into_iter().enumerate().map(before).collect();
        Ok(vec![PanelPart::Rows(write::PanelRows { columns, close: "}" })])
    }
}
