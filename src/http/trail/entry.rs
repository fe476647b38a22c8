//! The line of one request, from its head to the end of its body.

use std::net::IpAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Instant;

use actix_web::Error;
use actix_web::body::{BodySize, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::{Method, StatusCode};
use bytes::Bytes;
use pin_project_lite::pin_project;
use serde_json::{Map, Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::{Asked, Journals, TRAIL, Trail, add_members};
use crate::cache::CacheStatus;
use crate::config::AccessLog;
use crate::http::auth::client_ip;
use crate::http::endpoint::pattern;
use crate::http::state::State;

/// The outermost middleware where a log is kept.
///
/// # Errors
/// None of its own.
pub async fn record<B: MessageBody>(
    state: &Arc<State>,
    request: ServiceRequest,
    next: impl AsyncFnOnce(ServiceRequest) -> Result<ServiceResponse<B>, Error>,
) -> Result<ServiceResponse<Watched<B>>, Error> {
    if !state.journals.get().is_some_and(Journals::is_any) {
        return Ok(next(request).await?.map_body(|_, body| Watched { body, entry: None }));
    }
    let address = client_ip(request.request(), state).or_else(|| request.peer_addr().map(|peer| peer.ip()));
    let trail = Arc::<Mutex<Trail>>::default();
    let mut entry = Entry {
        state: Arc::clone(state),
        start: Instant::now(),
        address,
        method: request.method().clone(),
        route: pattern(request.match_pattern()),
        trail: Arc::clone(&trail),
        status: None,
        size: BodySize::None,
        bytes: 0,
        ended: false,
    };
    let response = TRAIL.scope(trail, next(request)).await?;
    entry.status = Some(response.status());
    entry.audit();
    Ok(response.map_body(|_, body| {
        entry.size = body.size();
        // Such a body is dropped unread.
        entry.ended = entry.size.is_eof() || entry.method == Method::HEAD;
        Watched { body, entry: Some(Box::new(entry)) }
    }))
}

/// The line of a request in the making: it is written when this is dropped, sent or not.
struct Entry {
    state: Arc<State>,
    start: Instant,
    address: Option<IpAddr>,
    method: Method,
    route: Option<String>,
    trail: Arc<Mutex<Trail>>,
    /// None while the handler works; if it stays so the caller left before.
    status: Option<StatusCode>,
    size: BodySize,
    bytes: u64,
    ended: bool,
}

impl Entry {
    fn journals(&self) -> Option<&Journals> {
        self.state.journals.get()
    }

    /// A line for each read of calls, where the response is about to give their data away.
    fn audit(&self) {
        let Some(audit) = self.journals().and_then(|journals| journals.audit.as_ref()) else { return };
        // 304 says that what the caller holds is still so.
        let gives = self.status.is_some_and(|status| status.is_success() || status == StatusCode::NOT_MODIFIED);
        let trail = self.trail.lock().unwrap_or_else(PoisonError::into_inner);
        for asked in trail.asked.iter().filter(|_| gives) {
            let mut line = self.head(&trail);
            add_members(&mut line, &asked.line());
            audit.write(line.to_string());
        }
        for (id, told) in trail.export.iter().filter(|_| gives) {
            for told in told {
                let mut line = self.head(&trail);
                add_members(&mut line, told);
                line["export"] = json!(id);
                audit.write(line.to_string());
            }
        }
    }

    /// The part of a line of the audit log that says who asked, and how.
    fn head(&self, trail: &Trail) -> Value {
        let mut line = json!({
            "time": now(),
            "id": trail.id,
            "address": self.address,
            "access": trail.access,
            "token": trail.token,
            "customer": trail.customer,
            "route": self.route,
            "method": self.method.as_str(),
            "status": self.status.map(|status| status.as_u16()),
        });
        if let Some(operator) = operator(trail) {
            line["operator"] = operator;
        }
        line
    }

    /// A line for each file that was begun: how much of it went out, and whether that was all.
    fn audit_end(&self) {
        let Some(audit) = self.journals().and_then(|journals| journals.audit.as_ref()) else { return };
        let trail = self.trail.lock().unwrap_or_else(PoisonError::into_inner);
        let is_answered = self.status.is_some_and(|status| status.is_success());
        let is_file = |asked: &&Asked| asked.calls.as_ref().is_some_and(|calls| is_answered && calls.is_file);
        for asked in trail.asked.iter().filter(is_file) {
            let line = json!({
                "time": now(),
                "id": trail.id,
                "customer": trail.customer,
                "access": trail.access,
                "token": trail.token,
                "report": asked.report,
                "end": if self.ended { "whole" } else { "cut" },
                "bytes": self.bytes,
            });
            audit.write(line.to_string());
        }
        if let Some((id, told)) =
            trail.export.as_ref().filter(|_| self.status.is_some_and(|status| status.is_success()))
        {
            let report = told.first().map(|told| &told["report"]);
            let end = if self.ended { "whole" } else { "cut" };
            let line = json!({
                "time": now(), "id": trail.id, "customer": trail.customer, "access": trail.access, "token": trail.token,
                "report": report, "export": id, "end": end, "bytes": self.bytes,
            });
            audit.write(line.to_string());
        }
    }

    fn line(&self, form: AccessLog) -> Option<String> {
        let trail = self.trail.lock().unwrap_or_else(PoisonError::into_inner);
        let accounts: Vec<&String> = trail.asked.iter().flat_map(|asked| &asked.accounts).collect();
        let one = accounts.first().filter(|first| accounts.iter().all(|account| account == *first));
        let end = match (self.status, self.ended) {
            (None, _) => "left",
            (Some(_), true) => "whole",
            (Some(_), false) => "cut",
        };
        let mut fields = vec![
            ("time", json!(now())),
            ("id", json!(trail.id)),
            ("address", json!(self.address)),
            ("customer", json!(trail.customer)),
            ("access", json!(trail.access)),
            ("account", json!(one)),
            ("accounts", json!(accounts.len())),
            ("report", json!(trail.asked.first().map(|asked| asked.report))),
            ("method", json!(self.method.as_str().get(..16).unwrap_or(self.method.as_str()))),
            ("route", json!(self.route)),
            ("status", json!(self.status.map(|status| status.as_u16()))),
            ("bytes", json!(self.bytes)),
            ("ms", json!(u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX))),
            ("rows_read", json!(trail.rows_read)),
            ("cache", json!(trail.used.map(CacheStatus::word))),
            ("end", json!(end)),
        ];
        fields.extend(operator(&trail).map(|operator| ("operator", operator)));
        match form {
            AccessLog::Off => None,
            AccessLog::Json => {
                let fields: Map<String, Value> =
                    fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
                Some(Value::Object(fields).to_string())
            }
            AccessLog::Text => {
                let pair = |(name, value): (&str, Value)| match value {
                    Value::Null => format!("{name}=-"),
                    Value::String(text) => format!("{name}={text}"),
                    other => format!("{name}={other}"),
                };
                Some(fields.into_iter().map(pair).collect::<Vec<_>>().join(" "))
            }
        }
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.audit_end();
        if let Some((form, access)) = self.journals().and_then(|journals| journals.access.as_ref())
            && let Some(line) = self.line(*form)
        {
            access.write(line);
        }
    }
}

/// Which of the operator's people it was: a row of `operator_access`, or `grant`; `None` for a customer.
fn operator(trail: &Trail) -> Option<Value> {
    trail.operator.map(|row| row.map_or_else(|| json!("grant"), |id| json!(id)))
}

pub(super) fn now() -> String {
    let now = OffsetDateTime::now_utc();
    // Milliseconds are enough.
    let now = now.replace_millisecond(now.millisecond()).unwrap_or(now);
    now.format(&Rfc3339).unwrap_or_default()
}

/// RFC 3339 in UTC; the bare number for a second that has no such form.
pub(super) fn instant(second: i64) -> String {
    let text = OffsetDateTime::from_unix_timestamp(second).ok().and_then(|at| at.format(&Rfc3339).ok());
    text.unwrap_or_else(|| second.to_string())
}

pin_project! {
    /// A body whose bytes are counted as they are handed to the connection.
    pub struct Watched<B> {
        #[pin]
        body: B,
        entry: Option<Box<Entry>>,
    }
}

impl<B: MessageBody> MessageBody for Watched<B> {
    type Error = B::Error;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, B::Error>>> {
        let this = self.project();
        let next = ready!(this.body.poll_next(context));
        if let Some(entry) = this.entry.as_deref_mut() {
            match &next {
                Some(Ok(bytes)) => {
                    // The body of HEAD is worked through and not sent.
                    if entry.method != Method::HEAD {
                        entry.bytes += bytes.len() as u64;
                    }
                    // A body whose length is known may not be asked for its end.
                    entry.ended |= matches!(entry.size, BodySize::Sized(size) if entry.bytes >= size);
                }
                Some(Err(_)) => {}
                None => entry.ended = true,
            }
        }
        Poll::Ready(next)
    }
}
