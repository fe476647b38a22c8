//! Answers as text, written piece by piece from typed columns: the points of a panel are never a tree of JSON values.

use std::sync::Arc;

use serde::Serialize;

use crate::format::{PIECE, Produce};

/// The values of a column.
#[derive(Clone, Debug)]
pub enum ColumnValues {
    /// Epoch milliseconds.
    Times(Arc<[i64]>),
    /// Numbers, with gaps.
    Numbers(Arc<[Option<f64>]>),
    /// Texts.
    Texts(Arc<[String]>),
    /// Several texts a row.
    Lists(Arc<[Vec<String>]>),
}

impl ColumnValues {
    /// Grafana's word for what they are.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Times(_) => "time",
            Self::Numbers(_) => "number",
            Self::Texts(_) => "string",
            Self::Lists(_) => "other",
        }
    }

    /// The number of values.
    pub fn len(&self) -> usize {
        match self {
            Self::Times(values) => values.len(),
            Self::Numbers(values) => values.len(),
            Self::Texts(values) => values.len(),
            Self::Lists(values) => values.len(),
        }
    }

    fn cell(&self, out: &mut Vec<u8>, row: usize) {
        match self {
            Self::Times(values) => json(out, &values.get(row)),
            Self::Numbers(values) => match values.get(row).copied().flatten() {
                Some(value) => number(out, value),
                None => out.extend_from_slice(b"null"),
            },
            Self::Texts(values) => json(out, &values.get(row)),
            Self::Lists(values) => json(out, &values.get(row)),
        }
    }
}

/// A number; whole ones without a point, as a count should look.
fn number(out: &mut Vec<u8>, value: f64) {
    // Whole and small enough for every integer between to be exact, so nothing is cut.
    if value.fract() == 0.0 && value.abs() < 9e15 { json(out, &(value as i64)) } else { json(out, &value) }
}

fn json(out: &mut Vec<u8>, value: &impl Serialize) {
    // Plain data into memory cannot fail.
    let _ = serde_json::to_writer(out, value);
}

/// A value as JSON text.
pub fn text(value: &impl Serialize) -> String {
    let mut out = Vec::new();
    json(&mut out, value);
    String::from_utf8(out).unwrap_or_default()
}

/// A part of an answer.
#[derive(Debug)]
pub enum PanelPart {
    /// Text that is JSON already.
    Text(String),
    /// Rows between brackets, with commas.
    Rows(PanelRows),
}

/// Rows of cells.
#[derive(Debug)]
pub struct PanelRows {
    /// Each column, and the text before its cell.
    pub columns: Vec<(String, ColumnValues)>,
    /// The text behind the last cell of a row.
    pub close: &'static str,
}

impl PanelRows {
    /// One column: `[1,2,3]`.
    pub fn column(values: ColumnValues) -> PanelPart {
        PanelPart::Rows(Self { columns: vec![(String::new(), values)], close: "" })
    }

    /// Each row a list: `[[1,2],[3,4]]`.
    pub fn lists(columns: impl IntoIterator<Item = ColumnValues>) -> PanelPart {
        let before = |place| if place == 0 { "[" } else { "," }.to_owned();
        let columns = columns.into_iter().enumerate().map(|(place, values)| (before(place), values)).collect();
        PanelPart::Rows(Self { columns, close: "]" })
    }

    fn len(&self) -> usize {
        self.columns.first().map_or(0, |(_, values)| values.len())
    }

    fn row(&self, out: &mut Vec<u8>, row: usize) {
        for (before, values) in &self.columns {
            out.extend_from_slice(before.as_bytes());
            values.cell(out, row);
        }
        out.extend_from_slice(self.close.as_bytes());
    }
}

impl From<String> for PanelPart {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

/// A list of what each of these parts make.
pub fn list(all: impl IntoIterator<Item = Vec<PanelPart>>) -> Vec<PanelPart> {
    let mut parts = vec![PanelPart::Text("[".to_owned())];
    for (place, mut one) in all.into_iter().enumerate() {
        if place > 0 {
            parts.push(PanelPart::Text(",".to_owned()));
        }
        parts.append(&mut one);
    }
    parts.push(PanelPart::Text("]".to_owned()));
    parts
}

/// Writes parts one after the other. A clone of a fresh writer writes the same bytes again.
#[derive(Clone, Debug)]
pub struct PanelWriter {
    parts: Arc<[PanelPart]>,
    part: usize,
    row: usize,
}

impl PanelWriter {
    /// A writer at the beginning.
    pub fn new(parts: Vec<PanelPart>) -> Self {
        Self { parts: parts.into(), part: 0, row: 0 }
    }

    /// Rows up to the piece's length; `true` when the last is written.
    fn rows(&mut self, rows: &PanelRows, out: &mut Vec<u8>) -> bool {
        if self.row == 0 {
            out.push(b'[');
        }
        while self.row < rows.len() {
            if out.len() >= PIECE {
                return false;
            }
            if self.row > 0 {
                out.push(b',');
            }
            rows.row(out, self.row);
            self.row += 1;
        }
        out.push(b']');
        true
    }
}

impl Produce for PanelWriter {
    fn produce(&mut self, out: &mut Vec<u8>) -> bool {
        let parts = Arc::clone(&self.parts);
        while out.len() < PIECE {
            let done = match parts.get(self.part) {
                None => return false,
                Some(PanelPart::Text(text)) => {
                    out.extend_from_slice(text.as_bytes());
                    true
                }
                Some(PanelPart::Rows(rows)) => self.rows(rows, out),
            };
            if done {
                (self.part, self.row) = (self.part + 1, 0);
            }
        }
        self.part < parts.len()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    fn written(parts: Vec<PanelPart>) -> (String, usize) {
        let (mut writer, mut text, mut pieces) = (PanelWriter::new(parts), Vec::new(), 0);
        loop {
            let mut piece = Vec::new();
            let more = writer.produce(&mut piece);
            assert!(piece.len() < PIECE + 1000);
            text.append(&mut piece);
            pieces += 1;
            if !more {
                return (String::from_utf8(text).unwrap(), pieces);
            }
        }
    }

    #[test]
    fn rows_are_json_in_as_many_pieces_as_they_take() {
        let times: Arc<[i64]> = (0..50_000).collect();
        let values: Arc<[Option<f64>]> = (0..50_000).map(|i| (i % 3 > 0).then_some(f64::from(i) / 4.0)).collect();
        let expected: Vec<Value> = times
            .iter()
            .zip(values.iter())
            .map(|(t, v)| {
                let v = v.map(|v| if v.fract() == 0.0 { json!(v as i64) } else { json!(v) });
                json!([v, t])
            })
            .collect();
        let points =
            PanelRows::lists([ColumnValues::Numbers(Arc::clone(&values)), ColumnValues::Times(Arc::clone(&times))]);
        let (text, pieces) = written(list([vec![points], vec![PanelRows::column(ColumnValues::Times([].into()))]]));
        assert_eq!(text, json!([expected, []]).to_string());
        assert!(pieces > 10, "{pieces}");
    }

    proptest! {
        #[test]
        fn cells_are_written_as_json_values_are(number in any::<f64>().prop_filter("finite", |n| n.is_finite()), text in ".*") {
            let columns = [ColumnValues::Numbers([Some(number)].into()), ColumnValues::Texts([text.clone()].into()), ColumnValues::Lists([vec![text.clone()]].into())];
            let whole = number.fract() == 0.0 && number.abs() < 9e15;
            let number = if whole { json!(number as i64) } else { json!(number) };
            prop_assert_eq!(written(vec![PanelRows::lists(columns)]).0, json!([[number, text, [text]]]).to_string());
        }
    }
}
