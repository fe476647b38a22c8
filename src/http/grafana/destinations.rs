//! The table of the countries that most calls go to.

use super::errors::GrafanaError;
use super::frames::Table;
use super::metrics::unit;
use super::points::value;
use super::query::{Ask, custom};
use super::request::Target;
use super::step;
use super::write::Values;
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
/// What a target cannot be answered for.
pub async fn table(ask: &Ask<'_>, target: &Target) -> Result<Table, GrafanaError> {
    let (metric, limit) = (target.metric, target.payload.limit);
    let window = ask.window(target.payload.sampling)?;
    // The table has no times, so it is made of few.
    let few = step::few(window.end - window.start);
    let Some(asked) = ask.asked(target, &window, few)? else { return Ok(Table::nothing(metric)) };
    let (sums, mut rows, used) = ask.by_key(&asked).await?;
    let mut notices = asked.notices;
    if rows.len() > limit {
        notices.push(format!("the {limit} biggest of {} destinations are shown", rows.len()));
        rows.truncate(limit);
    }
    ask.left.points(rows.len() * COLUMNS.len())?;
    let acd_unit = ask.state.config.reports.acd_unit;
    let seconds = window.end - window.start;
    let figures = COLUMNS.map(|(name, label, figure)| {
        let values = rows.iter().map(|row| value(figure, acd_unit, seconds, |sum| sums.sum(sum, *row)));
        (name, label, unit(figure, acd_unit), Values::Numbers(values.collect()))
    });
    let names = rows.iter().map(|row| ask.own.countries.name(sums.key(*row))).collect();
    let country = ("country", "Country", "", Values::Texts(names));
    Ok(Table {
        name: metric.full_name(),
        columns: std::iter::once(country).chain(figures).collect(),
        notices,
        custom: custom(metric, &window, used),
    })
}
