//! JSON of live calls: an object each, with their number or alone.

use std::sync::Arc;

use super::rows::{CallRows, FileCell, FileRows};
use super::{PIECE, Produce, json, ndjson};
use crate::columns::live::LiveCalls;
use crate::report::form::{ResultForm, ResultFormat};

/// Writes `{"data":[{…}],"rows":N}`, or the list alone as rows. A clone of a fresh writer writes the same bytes again.
#[derive(Clone, Debug)]
pub struct LiveWriter {
    rows: CallRows,
    form: ResultForm,
    begun: bool,
    cells: Vec<FileCell>,
}

impl LiveWriter {
    /// A writer at the beginning.
    pub fn new(calls: Arc<LiveCalls>, form: ResultForm) -> Self {
        Self { rows: CallRows::new(calls), form, begun: false, cells: Vec::new() }
    }
}

impl Produce for LiveWriter {
    fn produce(&mut self, out: &mut Vec<u8>) -> bool {
        let alone = self.form.format == ResultFormat::Rows;
        let is_first = !std::mem::replace(&mut self.begun, true);
        if is_first {
            out.extend_from_slice(if alone { b"[" } else { b"{\"data\":[" });
        }
        let mut comma = !is_first;
        while out.len() < PIECE {
            self.cells.clear();
            if !self.rows.next(&mut self.cells) {
                if alone {
                    out.push(b']');
                } else {
                    out.extend_from_slice(b"],\"rows\":");
                    json::whole(out, self.rows.count() as i128);
                    out.push(b'}');
                }
                return false;
            }
            if comma {
                out.push(b',');
            }
            ndjson::object(out, self.rows.columns(), &self.cells, self.form);
            comma = true;
        }
        true
    }
}
