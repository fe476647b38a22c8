//! Whether the process runs, and whether it can answer.

use std::sync::Arc;

use actix_web::HttpResponse;
use actix_web::web::Data;

use super::state::State;

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
