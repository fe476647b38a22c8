//! `GET /metrics`: the service's own figures, which need nothing from elsewhere, and those of accounts where they are wanted.

mod accounts;

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use actix_web::http::header::{AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE};
use actix_web::web::Data;
use actix_web::{HttpMessage as _, HttpRequest, HttpResponse};
use aws_lc_rs::constant_time::verify_slices_are_equal;
use sha2::{Digest, Sha256};

use super::auth::{Known, unauthorized};
use super::error::ApiError;
use super::reply::{self, Room};
use super::reports::request_id;
use super::state::State;
use crate::config::value::Secret;
use crate::embedded;
use crate::metrics::{self, Exposition};
use crate::odd::watch::now;

pub use accounts::LatestRecent;

/// Answers Prometheus.
pub async fn show(request: HttpRequest, state: Data<Arc<State>>) -> HttpResponse {
    if let Err(refused) = authorize(&request, &state) {
        return refused.reply(None);
    }
    request.extensions_mut().insert(Known);
    let mut out = Exposition::default();
    service(&state, &mut out);
    accounts::write(&state, &request_id(&request), &mut out).await;
    let mut response = HttpResponse::Ok();
    response.insert_header((CONTENT_TYPE, metrics::CONTENT_TYPE)).insert_header((CACHE_CONTROL, "no-store"));
    let sent = reply::ready(&request, &mut response, out.into_text().into(), Room::of(0));
    sent.unwrap_or_else(|refused| refused.answer(&request, "metrics"))
}

/// Lets in who has `metrics.token`.
///
/// # Errors
/// Another token, or none.
pub fn authorize(request: &HttpRequest, state: &State) -> Result<(), ApiError> {
    if is_allowed(request, &state.config.metrics.token) {
        return Ok(());
    }
    let given = request.headers().contains_key(AUTHORIZATION);
    let why = if given { "it is not `Bearer` with metrics.token" } else { "no token" };
    Err(unauthorized(request, state, why))
}

/// True if the header holds the token: `Bearer`, in any case, and nothing else.
fn is_allowed(request: &HttpRequest, token: &Secret) -> bool {
    let header = request.headers().get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    let given =
        header.and_then(|header| header.split_once(' ')).filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
    // The settings' checks want a token; without one nobody is let in.
    !token.expose().is_empty() && given.is_some_and(|(_, given)| is_same(given.trim(), token.expose()))
}

/// Compares in a time that says nothing of where the two differ.
fn is_same(a: &str, b: &str) -> bool {
    verify_slices_are_equal(&Sha256::digest(a), &Sha256::digest(b)).is_ok()
}

/// Writes the metrics of the service itself: readiness, requests, queries, slots, cache, logs.
fn service(state: &State, out: &mut Exposition) {
    out.family(&metrics::BUILD);
    out.sample(&metrics::BUILD, &[env!("CARGO_PKG_VERSION")], 1);
    out.single(&metrics::READY, u8::from(state.is_ready()));
    out.single(&metrics::NAMED, u8::from(state.engine.store.names_projections()));
    if let Some(requests) = &state.requests {
        requests.write(out);
    }
    state.engine.store.queries().write(out);
    let slots = state.engine.store.slots();
    out.single(&metrics::SLOTS, slots.bounds().total);
    out.single(&metrics::SLOTS_USED, slots.load().used);
    out.single(&metrics::QUERIES_LEFT, state.engine.store.abandoned());
    metrics::supply(
        out,
        &[("queries", slots), ("response_bytes", &state.memory), ("exports", state.engine.store.exports())],
    );
    state.exports.write(out);
    let jobs = state.jobs.get();
    out.family(&metrics::JOBS);
    for (word, count) in jobs.into_iter().flat_map(|jobs| jobs.states()) {
        out.sample(&metrics::JOBS, &[word], count);
    }
    out.family(&metrics::JOBS_ENDED);
    for (word, count) in jobs.into_iter().flat_map(|jobs| jobs.ends().all()) {
        out.sample(&metrics::JOBS_ENDED, &[word], count);
    }
    out.single(&metrics::JOBS_BYTES, jobs.map_or(0, |jobs| jobs.bytes()));
    state.connections.write(out);
    state.engine.statuses().write(out);
    if let Some(bytes) = state.engine.cache_bytes() {
        out.single(&metrics::CACHE_BYTES, bytes);
    }
    if let Some(journals) = state.journals.get() {
        out.family(&metrics::LINES_WAITING);
        for (log, journal) in journals.all() {
            out.sample(&metrics::LINES_WAITING, &[log], journal.waiting());
        }
        out.family(&metrics::LINES_LOST);
        for (log, journal) in journals.all() {
            out.sample(&metrics::LINES_LOST, &[log], journal.lost());
        }
    }
    odd_rows(state, out);
    let time = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    if let Some(age) = state.directory.age() {
        out.single(&metrics::ACCOUNTS_READ, format_args!("{:.3}", time.saturating_sub(age).as_secs_f64()));
    }
    if state.config.clickhouse.url.is_none() {
        out.single(&metrics::ENGINE_RESTARTS, embedded::restarts());
    }
}

/// Writes the metrics of the checks of new rows.
fn odd_rows(state: &State, out: &mut Exposition) {
    out.family(&metrics::ODD_ROWS);
    for seen in state.odd.tally().seen(now()) {
        out.sample(&metrics::ODD_ROWS, &[seen.kind.name], seen.total);
    }
    let told: Vec<_> = state.odd.told().collect();
    out.single(&metrics::ROWS_CHECKED, told.iter().map(|told| told.status.rows).sum::<u64>());
    out.single(&metrics::ROWS_UNCHECKED, told.iter().map(|told| told.status.skipped).sum::<u64>());
    out.family(&metrics::ROWS_LOOKED);
    for told in &told {
        if let Some(looked) = told.status.looked {
            out.sample(&metrics::ROWS_LOOKED, &[told.table], looked);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_token_itself_is_the_same() {
        let token = "0123456789abcdef";
        assert!(is_same(token, token));
        for other in ["", "0123456789abcde", "0123456789abcdeg", "0123456789abcdef0", "0123456789ABCDEF"] {
            assert!(!is_same(token, other), "{other}");
        }
    }
}
