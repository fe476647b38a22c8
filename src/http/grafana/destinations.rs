//! The table of the countries that most calls go to.

use super::errors::GrafanaError;
use super::frames::{FrameColumn, FrameTable};
use super::metrics::unit;
use super::points::value;
use super::query::{Ask, custom};
use super::request::PanelTarget;
use super::step;
use super::write::ColumnValues;
use crate::report::measure::Measure;

/// Name of each column behind the country's.
const COLUMNS: [(&str, Measure); 6] = [
    ("calls", Measure::TotalCalls),
    ("answered", Measure::SuccessfulCalls),
    ("asr", Measure::Asr),
    ("acd", Measure::Acd),
    ("minutes", Measure::TotalDuration),
    ("price", Measure::TotalPrice),
];

/// All accounts together, the biggest destination first.
///
/// # Errors
/// A filter or a window is invalid, a bound of the request is exceeded, or the query failed.
pub async fn table(ask: &Ask<'_>, target: &PanelTarget) -> Result<FrameTable, GrafanaError> {
    let (metric, limit) = (target.metric, target.payload.limit);
    let window = ask.window(target.payload.sampling)?;
    // The table has no times, so it is made of few.
    let few = step::few(window.end - window.start);
    let Some(asked) = ask.asked(target, &window, few)? else { return Ok(FrameTable::nothing(metric)) };
    let (sums, mut rows, used) = ask.by_key(&asked).await?;
    let mut notices = asked.notices;
    if rows.len() > limit {
        notices.push(format!("the {limit} biggest of {} destinations are shown", rows.len()));
        rows.truncate(limit);
    }
    ask.left.points(rows.len() * COLUMNS.len())?;
    let acd_unit = ask.state.config.reports.acd_unit;
    let seconds = window.end - window.start;
    let measures = COLUMNS.map(|(name, measure)| {
        let values = rows.iter().map(|row| value(measure, acd_unit, seconds, |sum| sums.sum(sum, *row)));
        FrameColumn::of(name, measure.row().label, unit(measure, acd_unit), ColumnValues::Numbers(values.collect()))
    });
    let names = rows.iter().map(|row| ask.own.countries.name(sums.key(*row))).collect();
    let country = FrameColumn::of("country", "Country", "", ColumnValues::Texts(names));
    Ok(FrameTable {
        name: metric.full_name(),
        columns: std::iter::once(country).chain(measures).collect(),
        notices,
        custom: custom(metric, &window, used),
    })
}
