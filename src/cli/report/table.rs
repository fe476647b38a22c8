//! Lines of JSON objects as a table, in bounded memory: the first rows tell how wide the columns are, the rest follows as it comes.

use std::fmt;
use std::io;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::cli::screen::Screen;

/// Rows by which the widths are chosen.
const MEASURED: usize = 1000;

/// Widest column, characters; what is longer sticks out.
const WIDEST: usize = 60;

/// The zone in which times of buckets are shown; `None` leaves the numbers as they are.
pub struct TimeZoneOfTable(Option<TimeZone>);

impl TimeZoneOfTable {
    /// By the parameters `time-zone` and `t-unit` of the question.
    pub fn of(zone: Option<&str>, unit: Option<&str>) -> Self {
        let named = |name: &str| TimeZone::get(name).unwrap_or(TimeZone::UTC);
        Self(unit.is_none().then(|| zone.map_or(TimeZone::UTC, named)))
    }

    fn show(&self, seconds: &str) -> Option<String> {
        let zone = self.0.clone()?;
        let at = Timestamp::from_second(seconds.parse().ok()?).ok()?.to_zoned_datetime(zone);
        Some(at.strftime("%Y-%m-%d %H:%M:%S%:z").to_string())
    }
}

/// A row: names and cells in order.
struct TableRow(Vec<(String, ReportCell)>);

#[derive(Clone, Debug, Default)]
struct ReportCell {
    text: String,
    is_number: bool,
}

impl ReportCell {
    fn of(raw: &str) -> Self {
        match raw.as_bytes().first() {
            Some(b'"') => {
                let text = serde_json::from_str(raw).unwrap_or_else(|_| raw.to_owned());
                Self { text, is_number: false }
            }
            Some(b'-' | b'0'..=b'9') => Self { text: raw.to_owned(), is_number: true },
            _ if raw == "null" => Self::default(),
            _ => Self { text: raw.to_owned(), is_number: false },
        }
    }

    fn width(&self) -> usize {
        self.text.chars().count()
    }
}

impl<'de> Deserialize<'de> for TableRow {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct RowVisitor;
        impl<'de> Visitor<'de> for RowVisitor {
            type Value = TableRow;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<TableRow, A::Error> {
                let mut cells = Vec::new();
                // Digits stay as they were sent: a float would lose some.
                while let Some((name, raw)) = map.next_entry::<String, &RawValue>()? {
                    cells.push((name, ReportCell::of(raw.get())));
                }
                Ok(TableRow(cells))
            }
        }
        deserializer.deserialize_map(RowVisitor)
    }
}

/// A table that is being printed.
pub struct ReportTable<'s> {
    screen: &'s mut Screen,
    zone: TimeZoneOfTable,
    /// The beginning of a line that has not ended.
    line: Vec<u8>,
    /// The first rows, until the widths are known.
    held: Vec<TableRow>,
    columns: Vec<TableColumn>,
    has_rows: bool,
}

struct TableColumn {
    width: usize,
    is_number: bool,
}

impl<'s> ReportTable<'s> {
    /// Nothing has come yet.
    pub fn new(screen: &'s mut Screen, zone: TimeZoneOfTable) -> Self {
        Self { screen, zone, line: Vec::new(), held: Vec::new(), columns: Vec::new(), has_rows: false }
    }

    /// Takes bytes as they come; false if nobody reads on.
    ///
    /// # Errors
    /// The output failed, or a line is no object.
    pub fn take(&mut self, bytes: &[u8]) -> io::Result<bool> {
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            self.line.extend_from_slice(piece);
            if piece.ends_with(b"\n") {
                let row: TableRow = serde_json::from_slice(&self.line)?;
                self.line.clear();
                self.row(row)?;
            }
        }
        Ok(!self.screen.is_closed())
    }

    /// Prints what is left; false if there was no row.
    ///
    /// # Errors
    /// The output failed.
    pub fn finish(mut self) -> io::Result<bool> {
        self.print_held()?;
        self.screen.flush()?;
        Ok(self.has_rows)
    }

    fn row(&mut self, mut row: TableRow) -> io::Result<()> {
        self.has_rows = true;
        for (name, cell) in &mut row.0 {
            if let Some(time) = (name == "t").then(|| self.zone.show(&cell.text)).flatten() {
                *cell = ReportCell { text: time, is_number: false };
            }
        }
        if self.columns.is_empty() {
            self.held.push(row);
            return if self.held.len() < MEASURED { Ok(()) } else { self.print_held() };
        }
        let line = self.line_of(&row);
        self.screen.write(line.as_bytes())
    }

    fn print_held(&mut self) -> io::Result<()> {
        let held = std::mem::take(&mut self.held);
        let Some(first) = held.first() else { return Ok(()) };
        let column = |(place, (name, _)): (usize, &(String, ReportCell))| {
            let cells = || held.iter().filter_map(|row| row.0.get(place)).map(|(_, cell)| cell);
            let widest = cells().map(ReportCell::width).max().unwrap_or(0).min(WIDEST);
            let is_number = cells().all(|cell| cell.is_number || cell.text.is_empty());
            TableColumn { width: widest.max(name.chars().count()), is_number }
        };
        self.columns = first.0.iter().enumerate().map(column).collect();
        let head =
            |(name, _): &(String, ReportCell)| (String::new(), ReportCell { text: name.clone(), is_number: false });
        let mut text = self.line_of(&TableRow(first.0.iter().map(head).collect()));
        for row in &held {
            text += &self.line_of(row);
        }
        self.screen.write(text.as_bytes())
    }

    fn line_of(&self, row: &TableRow) -> String {
        let cell = |((_, cell), column): (&(String, ReportCell), &TableColumn)| {
            // A line end in a name would break the row.
            let text = cell.text.replace(char::is_control, "\u{fffd}");
            match column.is_number {
                true => format!("{text:>width$}", width = column.width),
                false => format!("{text:width$}", width = column.width),
            }
        };
        let cells: Vec<String> = row.0.iter().zip(&self.columns).map(cell).collect();
        format!("{}\n", cells.join("  ").trim_end())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_stay_as_they_were_sent_and_texts_are_read() {
        let line = r#"{"t":1795435200,"b":12.810000000000000001,"c":"a\u0041","d":null,"a":[1,"x"],"e":true}"#;
        let row: TableRow = serde_json::from_str(line).unwrap();
        let found: Vec<_> =
            row.0.iter().map(|(name, cell)| (name.as_str(), cell.text.as_str(), cell.is_number)).collect();
        assert_eq!(
            found,
            [
                ("t", "1795435200", true),
                ("b", "12.810000000000000001", true),
                ("c", "aA", false),
                ("d", "", false),
                ("a", r#"[1,"x"]"#, false),
                ("e", "true", false)
            ]
        );
    }

    #[test]
    fn times_are_shown_in_the_zone_that_was_asked_for() {
        let show = |zone, unit| TimeZoneOfTable::of(zone, unit).show("1795435200");
        assert_eq!(show(None, None).as_deref(), Some("2026-11-23 12:00:00+00:00"));
        assert_eq!(show(Some("Europe/Kyiv"), None).as_deref(), Some("2026-11-23 14:00:00+02:00"));
        assert_eq!(show(None, Some("ms")), None);
        assert_eq!(TimeZoneOfTable::of(None, None).show("x"), None);
    }
}
