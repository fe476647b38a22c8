//! JSON of a page of raw CDRs.

use super::json;
use crate::columns::cdrs::CdrPage;

/// Bytes of a column beside its values: quotes, brackets, its name.
const COLUMN: usize = 64;

/// Writes `{"data":{…},"rows":N,"next":"…"}`, or an array of objects; `next` is the cursor of the next page. What is written is
/// let go, so that a page and its text are not there twice.
pub fn page(page: CdrPage, next: Option<&str>) -> Vec<u8> {
    let (names, rows, is_rows) = (page.names().to_vec(), page.len(), page.is_rows());
    let room = page.bytes() + (names.len() + 2) * COLUMN;
    let texts = page.into_texts();
    if is_rows {
        let mut text = texts.into_iter().next().unwrap_or_default();
        text.insert(0, b'[');
        text.push(b']');
        return text;
    }
    let mut out = Vec::with_capacity(room);
    out.extend_from_slice(b"{\"data\":{");
    for (place, (name, text)) in names.into_iter().zip(texts).enumerate() {
        out.extend_from_slice(if place == 0 { b"" } else { b"," });
        json::text(&mut out, name.as_bytes());
        out.extend_from_slice(b":[");
        out.extend_from_slice(&text);
        out.push(b']');
    }
    out.extend_from_slice(b"},\"rows\":");
    json::whole(&mut out, rows as i128);
    out.extend_from_slice(b",\"next\":");
    match next {
        Some(next) => json::text(&mut out, next.as_bytes()),
        None => out.extend_from_slice(b"null"),
    }
    out.push(b'}');
    out
}
