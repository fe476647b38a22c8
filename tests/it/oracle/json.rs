//! JSON by hand.

use super::number;

/// A cell of a report.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell {
    Count(i128),
    /// Hundredths, or no value.
    Fraction(Option<i128>),
}

impl Cell {
    /// The cell as JSON; `plain` leaves the quotes of a fraction away.
    pub fn json(&self, plain: bool) -> String {
        match self {
            Self::Count(count) => count.to_string(),
            Self::Fraction(None) => "null".to_owned(),
            Self::Fraction(Some(hundredths)) if plain => number::text(*hundredths),
            Self::Fraction(Some(hundredths)) => format!("\"{}\"", number::text(*hundredths)),
        }
    }
}

/// `{"data":{columns},"rows":N,"totals":{…}}`; the totals where a report has them.
pub fn columns(names: &[&str], rows: &[Vec<Cell>], totals: Option<&[Cell]>, plain: bool) -> String {
    let mut data = Vec::new();
    for (place, name) in names.iter().enumerate() {
        let cells: Vec<String> = rows.iter().map(|row| row[place].json(plain)).collect();
        data.push(format!("\"{name}\":[{}]", cells.join(",")));
    }
    let totals = totals.map_or(String::new(), |totals| format!(",\"totals\":{}", object(names, totals, plain)));
    format!("{{\"data\":{{{}}},\"rows\":{}{totals}}}", data.join(","), rows.len())
}

/// `[{…},{…}]`, numbers as numbers.
pub fn rows(names: &[&str], rows: &[Vec<Cell>]) -> String {
    let rows: Vec<String> = rows.iter().map(|row| object(names, row, true)).collect();
    format!("[{}]", rows.join(","))
}

fn object(names: &[&str], cells: &[Cell], plain: bool) -> String {
    let fields: Vec<String> =
        names.iter().zip(cells).map(|(name, cell)| format!("\"{name}\":{}", cell.json(plain))).collect();
    format!("{{{}}}", fields.join(","))
}

/// A text as a JSON string: quote, backslash and control characters escaped, all else as it is.
pub fn text(text: &str) -> String {
    let mut json = String::from("\"");
    for letter in text.chars() {
        match letter {
            '"' => json.push_str("\\\""),
            '\\' => json.push_str("\\\\"),
            '\n' => json.push_str("\\n"),
            '\r' => json.push_str("\\r"),
            '\t' => json.push_str("\\t"),
            low if low < ' ' => json.push_str(&format!("\\u{:04x}", u32::from(low))),
            other => json.push(other),
        }
    }
    json.push('"');
    json
}

/// A number that may be missing.
pub fn number<T: ToString>(number: Option<T>) -> String {
    number.map_or("null".to_owned(), |number| number.to_string())
}
