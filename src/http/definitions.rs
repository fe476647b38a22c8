//! The lists that somebody needs to ask a question: dimensions, measures and columns, as a token may use them, and its accounts.

use std::sync::Arc;

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use bytes::Bytes;
use serde_json::{Value, json};

use super::auth::Caller;
use super::error::ApiError;
use super::params::{self, Pairs};
use super::reply::{self, Fixed};
use super::state::State;
use super::{JSON, breakdown_params};
use crate::config::{Reports, UnknownParams};
use crate::report::audience::Audience;
use crate::report::breakdown::MOST_ROWS;
use crate::report::cdrs::columns::CDR_COLUMNS;
use crate::report::form::ResultFormat;
use crate::report::groups::DIMENSIONS;
use crate::report::measure::{MEASURES, Measure, MeasureRow};
use crate::report::{CDRS, OPERATORS_CDRS, Report, Side};

/// The dimensions and measures of breakdowns, as the caller may use them.
pub async fn definitions(caller: Caller, request: HttpRequest, state: Data<Arc<State>>) -> HttpResponse {
    let on: Vec<(Side, &str)> =
        [(Side::Origination, "origination-breakdown"), (Side::Termination, "termination-breakdown")]
            .into_iter()
            .filter(|(side, _)| caller.0.sides().allows(*side))
            .collect();
    let may_export = caller.0.may_export().unwrap_or(state.config.exports.customers);
    answer(&request, &state, &definitions_for((Audience::Customer, may_export), &on, &state))
}

/// The dimensions and measures that an audience may use, on these sides under these names, and the columns of raw CDRs.
pub(super) fn definitions_for(
    (audience, may_export): (Audience, bool),
    sides: &[(Side, &str)],
    state: &State,
) -> Value {
    let text = |text: &str| if text.is_empty() { Value::Null } else { text.into() };
    let (schema, reports) = (&state.engine.schema, &state.config.reports);
    let dimensions = DIMENSIONS.iter().filter_map(|row| {
        let has = |side| breakdown_params::dimensions(audience, side, schema).any(|by| by == row.by);
        let on = names_of(sides.iter().filter(|(side, _)| has(*side)));
        (!on.is_empty()).then(|| {
            json!({
                "name": row.name, "columns": row.columns, "filter": text(row.filter), "drill": text(row.drill),
                "definition": row.definition, "on": on,
            })
        })
    });
    let measures = MEASURES.iter().filter_map(|row| {
        let has = |side| breakdown_params::measures(audience, side, schema).any(|measure| measure == row.measure);
        let on: Vec<_> = sides.iter().filter(|(side, _)| has(*side)).collect();
        (!on.is_empty()).then(|| {
            json!({
                "name": row.name, "label": row.label, "unit": row.unit.word(reports),
                "decimals": row.measure.decimals(), "definition": defined(row, on.iter().map(|(side, _)| *side), reports),
                "standard": text(row.standard), "additive": row.measure.is_additive(), "change": change(row.measure),
                "on": names_of(on.into_iter()),
            })
        })
    });
    let cdrs = match audience {
        _ if !may_export => &[],
        Audience::Customer => CDRS,
        Audience::Operator(_) => OPERATORS_CDRS,
    };
    let columns = CDR_COLUMNS.iter().filter_map(|column| {
        let is_seen = |report: &&Report| {
            let side = report.records.side();
            sides.iter().any(|(own, _)| *own == side) && column.is_seen(audience, side)
        };
        let has = state.engine.schema.cdrs.cdr_sql(column.name).is_some();
        let mut on: Vec<&str> = cdrs.iter().filter(is_seen).map(|report| report.path()).collect();
        on.dedup();
        (has && !on.is_empty())
            .then(|| json!({ "name": column.name, "label": column.label, "type": column.kind.word(), "on": on }))
    });
    json!({
        "dimensions": dimensions.collect::<Vec<_>>(),
        "measures": measures.collect::<Vec<_>>(),
        "causes": {
            "ner_q850": reports.ner_q850, "ner_q850_rang": reports.ner_q850_rang,
            "ner_sip": reports.ner_sip, "ner_sip_rang": reports.ner_sip_rang,
        },
        "columns": columns.collect::<Vec<_>>(),
        "formats": ResultFormat::of_reports().map(|row| row.name).collect::<Vec<_>>(),
        "exports": state.jobs.get().is_some(),
        "limits": {
            "limit": MOST_ROWS, "max_groups": state.config.limits.max_groups,
            "max_list_values": state.config.limits.max_list_values,
        },
    })
}

/// Answers with a list, which has no parameters.
pub(super) fn answer(request: &HttpRequest, state: &State, list: &Value) -> HttpResponse {
    match no_params(request, state) {
        Ok(()) => reply::send_fixed(request, JSON, &Fixed::from(Bytes::from(list.to_string()))),
        Err(unknown) => unknown.answer(request, "definitions"),
    }
}

/// For paths without parameters.
///
/// # Errors
/// There is one, and the settings do not say that unknown ones are ignored.
pub(super) fn no_params(request: &HttpRequest, state: &State) -> Result<(), ApiError> {
    let pairs = Pairs::parse(request.query_string());
    Ok(params::no_unknown(&pairs, |_| state.config.api.unknown_params == UnknownParams::Ignore)?)
}

/// The paths that some sides have, each once.
fn names_of<'a>(sides: impl Iterator<Item = &'a (Side, &'a str)>) -> Vec<&'a str> {
    let mut names: Vec<&str> = sides.map(|(_, name)| *name).collect();
    names.dedup();
    names
}

/// The definition of a measure; by side where the sides differ.
fn defined(row: &MeasureRow, sides: impl Iterator<Item = Side>, reports: &Reports) -> String {
    let texts: Vec<(Side, String)> = sides.map(|side| (side, (row.definition)(side, reports))).collect();
    match texts.as_slice() {
        [(_, text), rest @ ..] if rest.iter().all(|(_, other)| other == text) => text.clone(),
        texts => {
            let of = |(side, text): &(Side, String)| format!("On {}: {text}", side.word());
            texts.iter().map(of).collect::<Vec<_>>().join(" ")
        }
    }
}

/// The way in which a comparison shows the change of a measure; null of what is a comparison by itself.
fn change(measure: Measure) -> Option<&'static str> {
    match measure {
        Measure::LostAnswers => None,
        _ if measure.changes_in_percent() => Some("percent"),
        _ => Some("difference"),
    }
}

/// The accounts that the caller may ask about.
pub async fn accounts(caller: Caller, request: HttpRequest, state: Data<Arc<State>>) -> HttpResponse {
    let all = caller.0.accounts().into_iter().map(|(uuid, account, _)| {
        let side = account.details.side_word(|side| caller.0.sides().allows(side));
        json!({ "uuid": uuid.to_string(), "name": account.name, "side": side, "currency": account.details.currency })
    });
    answer(&request, &state, &json!({ "accounts": all.collect::<Vec<_>>() }))
}
