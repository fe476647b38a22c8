//! The table of the countries that most calls go to.

use super::errors::GrafanaError;
use super::frames::{Rows, Values};
use super::metrics::{Metric, unit};
use super::payload::Payload;
use super::points::value;
use super::query::{Ask, Read, Window, custom};
use crate::report::figure::Figure;

/// Name and label of each column behind the country's.
const COLUMNS: [(&str, &str, Figure); 6] = [
    ("calls", "Calls", Figure::TotalCalls),
    ("answered", "Answered", Figure::SuccessfulCalls),
    ("asr", "ASR", Figure::Asr),
    ("acd", "ACD", Figure::Acd),
    ("minutes", "Minutes", Figure::TotalDuration),
    ("price", "Price", Figure::TotalPrice),
];

/// All accounts together, the biggest destination first.
///
/// # Errors
/// Sums out of range.
pub fn table(
    ask: &Ask<'_>,
    metric: Metric,
    payload: Payload,
    window: &Window,
    read: Read,
) -> Result<Rows, GrafanaError> {
    let (sums, mut rows) = read.by_key()?;
    let mut notices = payload.notices;
    if rows.len() > payload.limit {
        notices.push(format!("the {} biggest of {} destinations are shown", payload.limit, rows.len()));
        rows.truncate(payload.limit);
    }
    let acd_unit = ask.state.config.reports.acd_unit;
    let seconds = window.end - window.start;
    let figures = COLUMNS.map(|(name, label, figure)| {
        let values = rows.iter().map(|row| value(figure, acd_unit, seconds, |sum| sums.sum(sum, *row)));
        (name, label, unit(figure, acd_unit), Values::Numbers(values.collect()))
    });
    let names = rows.iter().map(|row| ask.own.countries.name(sums.key(*row))).collect();
    let country = ("country", "Country", "", Values::Texts(names));
    Ok(Rows {
        name: metric.full_name(),
        columns: std::iter::once(country).chain(figures).collect(),
        notices,
        custom: custom(metric, window, read.used),
    })
}
