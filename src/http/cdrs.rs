//! The handlers of raw CDRs: pages of JSON, and whole files.

use std::sync::Arc;

use actix_web::http::Method;
use actix_web::http::header::{self, HeaderValue};
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};

use super::auth::Caller;
use super::disposition::FileName;
use super::error::ApiError;
use super::files::About;
use super::params::{self, BadParam, Context, Pairs};
use super::reply::{self, Delivery, Room};
use super::state::State;
use super::{accept, cdr_workbook, coding, download, heavy, reports, trail};
use crate::columns::cdrs::CdrPage;
use crate::format;
use crate::query::zone;
use crate::report::Report;
use crate::report::breakdown::Whose;
use crate::report::cdrs::CdrQuery;
use crate::report::cdrs::USUAL_LIMIT;
use crate::report::form::ResultFormat;
use crate::store::{ExportLane, Failure, StoreError};

/// Answers CDRs of a customer's accounts.
pub async fn answer(
    report: &'static Report,
    caller: Caller,
    request: HttpRequest,
    state: Data<Arc<State>>,
) -> HttpResponse {
    respond(report, &caller, &request, &state).await.unwrap_or_else(|error| error.answer(&request, report.name))
}

/// Answers CDRs, or says why not.
///
/// # Errors
/// A fault of the parameters, no right to it, or the query failed.
pub(super) async fn respond(
    report: &'static Report,
    caller: &Caller,
    request: &HttpRequest,
    state: &Arc<State>,
) -> Result<HttpResponse, ApiError> {
    let query = query_of(report, caller, request, state)?;
    let name = match &query.whose {
        Whose::Accounts(accounts) if accounts.len() == 1 => accounts.first().map(|own| caller.0.name(own.uuid)),
        Whose::Accounts(_) | Whose::Operator(..) => None,
    };
    asked(query, name, request, state).await
}

/// Checks a request without asking, and gives its format.
///
/// # Errors
/// A fault of the parameters, or no right to it.
pub(super) fn check(
    report: &'static Report,
    caller: &Caller,
    request: &HttpRequest,
    state: &State,
) -> Result<ResultFormat, ApiError> {
    Ok(query_of(report, caller, request, state)?.form.format)
}

fn query_of(
    report: &'static Report,
    caller: &Caller,
    request: &HttpRequest,
    state: &State,
) -> Result<CdrQuery, ApiError> {
    if !caller.0.may_export().unwrap_or(state.config.exports.customers) {
        return Err(ApiError::NoExport);
    }
    let scope = |account| caller.0.scope(account, report.records.side());
    let context = reports::context(caller, (request, state), &scope);
    Ok(read(report, context, request)?)
}

/// Reads a request's parameters.
///
/// # Errors
/// The first fault.
pub(super) fn read(report: &'static Report, context: Context<'_>, request: &HttpRequest) -> Result<CdrQuery, BadParam> {
    // Pages and files are read from the calls, always.
    let context = Context { accepted: accept::choose(request, report.formats()), debug: false, ..context };
    params::read_cdrs(report, &Pairs::parse(request.query_string()), context)
}

/// Answers a request whose parameters were read; `account` is the name of the one account that it is about.
///
/// # Errors
/// The query failed, or there are too many at once.
pub(super) async fn asked(
    query: CdrQuery,
    account: Option<&str>,
    request: &HttpRequest,
    state: &Arc<State>,
) -> Result<HttpResponse, ApiError> {
    if query.form.format.is_json() {
        page(query, request, state).await
    } else {
        file(query, account, request, state).await
    }
}

/// A page, with the place of the next one in its body and in the header Link.
async fn page(query: CdrQuery, request: &HttpRequest, state: &Arc<State>) -> Result<HttpResponse, ApiError> {
    let (limit, format) = (query.limit.unwrap_or(USUAL_LIMIT), query.form.format);
    let mut room = Room::of(query.tenant());
    room.held = Some(state.set_aside(query.tenant(), CdrPage::memory(limit) as u64).await?);
    let shared = Arc::clone(state);
    let made = async move {
        let is_rows = query.form.format == ResultFormat::Rows;
        // One more says whether there is a next page.
        let asked = CdrQuery { limit: Some(limit.saturating_add(1)), ..query };
        let mut page = CdrPage::new(&asked, limit, is_rows);
        let read = shared.engine.cdr_page(&asked, &mut page).await?;
        trail::note_read(read, None);
        trail::note_cdrs(&asked, page.len() as u64);
        let next = page.next().map(|next| next.text(asked.fingerprint()));
        let (text, etag) = reply::tagged(format::cdrs::page(page, next.as_deref()));
        Ok::<_, ApiError>((text, etag, next))
    };
    let (text, etag, next) = if limit > USUAL_LIMIT { heavy::run(made).await?? } else { made.await? };
    let mut response = reply::send_ready(request, (text, &etag), &Delivery { format, name: None }, room);
    if let Some(next) = next.and_then(|next| link(request.query_string(), &next)) {
        response.headers_mut().insert(header::LINK, next);
    }
    Ok(response)
}

/// The same request for the next page.
fn link(query: &str, next: &str) -> Option<HeaderValue> {
    let others = query.split('&').filter(|pair| !pair.is_empty() && !pair.starts_with("cursor="));
    let pairs: Vec<&str> = others.collect();
    HeaderValue::try_from(format!("<?{}&cursor={next}>; rel=\"next\"", pairs.join("&"))).ok()
}

/// The cursor in such a header.
pub(super) fn cursor_of(link: &str) -> Option<&str> {
    let (_, behind) = link.rsplit_once("&cursor=")?;
    behind.split_once('>').map(|(cursor, _)| cursor)
}

/// A file, whole or not at all.
async fn file(
    mut query: CdrQuery,
    account: Option<&str>,
    request: &HttpRequest,
    state: &Arc<State>,
) -> Result<HttpResponse, ApiError> {
    let row = query.form.format.row();
    let mut head = HttpResponse::Ok();
    head.insert_header((header::CONTENT_TYPE, row.content_type))
        .insert_header((header::VARY, "Accept"))
        .insert_header((header::CACHE_CONTROL, "private, no-store"));
    let zone = zone::find(&query.zone).unwrap_or(jiff::tz::TimeZone::UTC);
    let window = Some((query.window.from, query.window.to));
    let name = FileName { report: query.report, account, window, zone: &zone, by: Vec::new() };
    if let Some(name) = name.header(query.form.format) {
        head.insert_header((header::CONTENT_DISPOSITION, name));
    }
    if request.method() == Method::HEAD {
        // Its length is not known, and it is not empty.
        return Ok(head.streaming(futures_util::stream::empty::<Result<bytes::Bytes, std::convert::Infallible>>()));
    }
    let lane = match ExportLane::current() {
        Some(lane) => lane,
        None => {
            let slot = state.engine.store.exports().acquire(query.tenant(), 1).await;
            let exports = &state.config.exports;
            ExportLane::new(slot.map_err(|_none_free| ApiError::ManyFiles)?, exports.seconds, exports.max_rows)
        }
    };
    let slot = lane.slot();
    let most = lane.rows();
    let counted = async {
        // A file of so many CDRs ends where the whole of a time and id does, by a condition: what arrives meanwhile moves no end.
        if let Some(limit) = query.limit.take() {
            let (until, read) = state.engine.cdr_edge(&query, limit).await?;
            trail::note_read(read, None);
            query.until = until;
        }
        let counted: Result<(u64, u64), StoreError> = state.engine.cdr_count(&mut query).await;
        counted
    };
    // In the file's own slot, and for as long as a file may take.
    let (rows, read) = lane.scope(counted).await.map_err(|error| match error.failure {
        Failure::Slow => ApiError::SlowFile(error),
        _ => error.into(),
    })?;
    if rows > most {
        return Err(BadParam::TooManyCdrs(most).into());
    }
    trail::note_read(read, None);
    trail::note_cdrs(&query, rows);
    let next = query.until.as_ref().map(|until| until.text(query.fingerprint()));
    if let Some(next) = next.and_then(|next| link(request.query_string(), &next)) {
        head.insert_header((header::LINK, next));
    }
    if query.form.format == ResultFormat::Xlsx {
        let about = About {
            report: query.report,
            side: query.records.side(),
            account,
            window,
            zone: &zone,
            by: &[],
            measures: &[],
            compare: None,
        };
        let cover = about.cover(request, &state.config.reports);
        return cdr_workbook::begin(query, rows, slot, cover, state, head).await;
    }
    let is_coded = !row.is_packed && coding::is_wanted(request);
    let coder = is_coded.then(|| state.memory.take_free(query.tenant(), coding::memory(usize::MAX))).flatten();
    download::begin(query, slot, coder, state, head).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_link_is_the_same_question_behind_the_cursor() {
        let text = |query| link(query, "0a").unwrap().to_str().unwrap().to_owned();
        assert_eq!(text("a=1&cursor=ff&b=%26"), "<?a=1&b=%26&cursor=0a>; rel=\"next\"");
        assert_eq!(text("a=1"), "<?a=1&cursor=0a>; rel=\"next\"");
    }
}
