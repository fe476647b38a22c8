//! `/health` and its parts: the process runs, it can answer, and the findings of the checks of new rows.

use std::sync::Arc;

use actix_web::http::header::CACHE_CONTROL;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::metrics;
use super::state::State;
use crate::odd::watch::now;

/// 200 while the process runs.
pub async fn live() -> HttpResponse {
    HttpResponse::Ok().content_type(super::JSON).body(r#"{"status":"live"}"#)
}

/// 200 while ClickHouse answers and the schema is right.
pub async fn ready(state: Data<Arc<State>>) -> HttpResponse {
    if state.is_ready() {
        HttpResponse::Ok().content_type(super::JSON).body(r#"{"status":"ready"}"#)
    } else {
        super::error::ApiError::Unreachable.reply(None)
    }
}

/// Counts of odd rows by kind, and what is not checked. Where there is a token for metrics, it needs that token.
pub async fn data(request: HttpRequest, state: Data<Arc<State>>) -> HttpResponse {
    if state.config.metrics.enabled
        && let Err(refused) = metrics::authorize(&request, &state)
    {
        return refused.reply(None);
    }
    HttpResponse::Ok()
        .content_type(super::JSON)
        .insert_header((CACHE_CONTROL, "private, no-store"))
        .body(counts(&state).to_string())
}

/// Neither ids nor accounts, and no numbers of rows that are as they should be: they tell of traffic.
fn counts(state: &State) -> Value {
    let now = now();
    let seen = state.odd.tally().seen(now);
    let told: Vec<_> = state.odd.told().collect();
    let is_odd = seen.iter().any(|seen| seen.last_hour > 0);
    let is_blind = told.iter().any(|told| told.unwatched.is_none() && told.status.fault.is_some());
    let status = match () {
        () if !state.config.checks.enabled => "off",
        () if is_odd => "odd",
        () if is_blind => "unknown",
        () => "ok",
    };
    let kinds: Vec<Value> = seen
        .iter()
        .map(|seen| {
            json!({
                "kind": seen.kind.name, "table": seen.table, "rows": format!("rows {}", seen.kind.says),
                "last_hour": seen.last_hour, "since_start": seen.total, "last_seen": seen.last.map(instant),
            })
        })
        .collect();
    let tables: Vec<Value> = told
        .iter()
        .map(|told| {
            let kinds = told.unchecked.iter().map(|(kind, why)| json!({ "kind": kind, "why": why }));
            json!({
                "table": told.table, "looked": told.status.looked.map(instant), "failed": told.status.fault.is_some(),
                "parts_waiting": told.status.waiting, "missed_rows": told.status.skipped > 0,
                "not_checked": told.unwatched, "kinds_not_checked": kinds.collect::<Vec<_>>(),
            })
        })
        .collect();
    json!({ "status": status, "since": instant(state.odd.began()), "kinds": kinds, "tables": tables })
}

/// Epoch seconds as RFC 3339.
fn instant(seconds: i64) -> Option<String> {
    OffsetDateTime::from_unix_timestamp(seconds).ok()?.format(&Rfc3339).ok()
}
