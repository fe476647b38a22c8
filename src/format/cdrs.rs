//! JSON of a page of raw CDRs.

use std::sync::Arc;

use super::{Produce, json};
use crate::columns::cdrs::CdrPage;

/// Writes `{"data":{…},"rows":N,"next":"…"}`, or an array of objects.
#[derive(Clone, Debug)]
pub struct CdrPageWriter {
    page: Arc<CdrPage>,
    /// The cursor of the next page, as text.
    next: Option<String>,
}

impl CdrPageWriter {
    /// A writer of a page.
    pub fn new(page: Arc<CdrPage>, next: Option<String>) -> Self {
        Self { page, next }
    }
}

impl Produce for CdrPageWriter {
    fn produce(&mut self, out: &mut Vec<u8>) -> bool {
        let page = &self.page;
        if page.is_rows() {
            out.push(b'[');
            page.texts().iter().for_each(|text| out.extend_from_slice(text));
            out.push(b']');
            return false;
        }
        out.extend_from_slice(b"{\"data\":{");
        for (place, (name, text)) in page.names().iter().zip(page.texts()).enumerate() {
            out.extend_from_slice(if place == 0 { b"" } else { b"," });
            json::text(out, name.as_bytes());
            out.extend_from_slice(b":[");
            out.extend_from_slice(text);
            out.push(b']');
        }
        out.extend_from_slice(b"},\"rows\":");
        json::whole(out, page.len() as i128);
        out.extend_from_slice(b",\"next\":");
        match &self.next {
            Some(next) => json::text(out, next.as_bytes()),
            None => out.extend_from_slice(b"null"),
        }
        out.push(b'}');
        false
    }
}
