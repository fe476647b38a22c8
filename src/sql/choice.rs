//! What the planner chose: from where each stretch of a window is read. For the log, the metrics and the header of
//! `debug=plan`; nothing of it can be read back into a statement.

use std::fmt;

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::Statement;
use crate::report::plan::Window;

/// Where rows come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Source {
    /// Sums by hour: a projection of cdrscope's own table.
    Hours,
    /// Sums by quarter of an hour, likewise.
    QuarterHours,
    /// Sums by minute, likewise.
    Minutes,
    /// The calls themselves.
    Calls,
    /// The calls, from the projection that has them by destination.
    ByDestination,
    /// The calls, from the projection that has them by vendor.
    ByVendor,
    /// Snapshots of live calls.
    Snapshots,
}

impl Source {
    fn name(self) -> &'static str {
        match self {
            Self::Hours => "hours",
            Self::QuarterHours => "quarter_hours",
            Self::Minutes => "minutes",
            Self::Calls => "calls",
            Self::ByDestination => "by_destination",
            Self::ByVendor => "by_vendor",
            Self::Snapshots => "snapshots",
        }
    }
}

/// A stretch of time that a statement reads in one way: `calls[2026-01-01T00:00:30Z..2026-01-01T00:01:00Z)`, without an end
/// where it is open, with `+2` behind it where only the rows of two named parts are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Scan {
    /// From where.
    pub source: Source,
    /// First second.
    pub from: i64,
    /// The second after the last; open if absent.
    pub end: Option<i64>,
    /// Number of parts of the table, where only those are read; 0 is all.
    pub parts: usize,
}

impl Scan {
    /// All rows of a window.
    pub fn during(source: Source, window: Window) -> Self {
        Self { source, from: window.from, end: window.to.map(|to| to + 1), parts: 0 }
    }
}

impl fmt::Display for Scan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}[{}..", self.source.name(), instant(self.from))?;
        if let Some(end) = self.end {
            write!(f, "{}", instant(end))?;
        }
        f.write_str(")")?;
        if self.parts > 0 { write!(f, "+{}", self.parts) } else { Ok(()) }
    }
}

/// RFC 3339 in UTC; the bare number for a second that has no such form.
fn instant(second: i64) -> String {
    let text = OffsetDateTime::from_unix_timestamp(second).ok().and_then(|at| at.format(&Rfc3339).ok());
    text.unwrap_or_else(|| second.to_string())
}

/// The sources of one statement, or of all statements of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Chosen {
    /// Sums only, by minute or more.
    Minutes,
    /// Calls only.
    Calls,
    /// Sums, and calls for odd edges.
    Both,
    /// Live calls.
    Snapshots,
}

impl Chosen {
    /// All of them, in order.
    pub const ALL: [Self; 4] = [Self::Minutes, Self::Calls, Self::Both, Self::Snapshots];

    /// What these stretches amount to; `None` when nothing is read.
    pub fn of(scans: &[Scan]) -> Option<Self> {
        let reads = |any: &[Source]| scans.iter().any(|scan| any.contains(&scan.source));
        let sums = reads(&[Source::Minutes, Source::QuarterHours, Source::Hours]);
        let calls = reads(&[Source::Calls, Source::ByDestination, Source::ByVendor]);
        match (sums, calls, reads(&[Source::Snapshots])) {
            (true, true, _) => Some(Self::Both),
            (true, false, _) => Some(Self::Minutes),
            (false, true, _) => Some(Self::Calls),
            (false, false, true) => Some(Self::Snapshots),
            (false, false, false) => None,
        }
    }

    /// The word for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Minutes => "minutes",
            Self::Calls => "calls",
            Self::Both => "both",
            Self::Snapshots => "snapshots",
        }
    }
}

/// A proxy takes some kilobytes of headers at most, and a stretch is some fifty characters.
const MOST_PIECES: usize = 32;

/// What was read for one answer, by however many statements.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Told {
    scans: Vec<Scan>,
    rows_read: u64,
}

impl Told {
    /// Notes a statement that ran, and the rows that the engine says it read.
    pub fn add(&mut self, statement: &Statement, rows_read: u64) {
        self.scans.extend_from_slice(statement.scans());
        self.rows_read += rows_read;
    }

    /// Rows that the engine says it read.
    pub fn rows_read(&self) -> u64 {
        self.rows_read
    }

    /// The stretches, with spaces between them; behind the first `MOST_PIECES` only how many more: `more:5`.
    pub fn pieces(&self) -> String {
        let (shown, more) = self.scans.split_at(self.scans.len().min(MOST_PIECES));
        let more = if more.is_empty() { String::new() } else { format!(" more:{}", more.len()) };
        pieces(shown) + &more
    }
}

/// `source=both; rows_read=123`; `source=none` when everything was remembered.
impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let source = Chosen::of(&self.scans).map_or("none", Chosen::name);
        write!(f, "source={source}; rows_read={}", self.rows_read)
    }
}

/// Stretches with spaces between them.
pub fn pieces(scans: &[Scan]) -> String {
    scans.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scan(source: Source) -> Scan {
        Scan { source, from: 1_767_225_600, end: Some(1_767_225_660), parts: 0 }
    }

    #[test]
    fn stretches_are_half_open_and_may_be_of_some_parts_only() {
        let told = [scan(Source::Minutes), Scan { end: None, parts: 2, ..scan(Source::Calls) }];
        assert_eq!(
            pieces(&told),
            "minutes[2026-01-01T00:00:00Z..2026-01-01T00:01:00Z) calls[2026-01-01T00:00:00Z..)+2"
        );
        assert_eq!(
            Scan { from: i64::MAX, end: None, ..scan(Source::Calls) }.to_string(),
            format!("calls[{}..)", i64::MAX)
        );
    }

    #[test]
    fn an_answer_from_several_statements_names_all_of_their_sources() {
        let [minutes, calls, live] = [Source::Minutes, Source::Calls, Source::Snapshots].map(scan);
        assert_eq!(Chosen::of(&[]), None);
        assert_eq!(Chosen::of(&[minutes, minutes]), Some(Chosen::Minutes));
        assert_eq!(Chosen::of(&[calls]), Some(Chosen::Calls));
        assert_eq!(Chosen::of(&[calls, minutes]), Some(Chosen::Both));
        assert_eq!(Chosen::of(&[live]), Some(Chosen::Snapshots));
        let mut told = Told::default();
        assert_eq!((told.to_string().as_str(), told.pieces().as_str()), ("source=none; rows_read=0", ""));
        told.add(&Statement { scans: vec![minutes], ..Statement::default() }, 5);
        told.add(&Statement { scans: vec![calls], ..Statement::default() }, 2);
        assert_eq!(told.to_string(), "source=both; rows_read=7");
        assert_eq!(told.pieces(), pieces(&[minutes, calls]));
        told.add(&Statement { scans: vec![calls; 30], ..Statement::default() }, 0);
        assert_eq!(told.pieces().split(' ').count(), 32);
        told.add(&Statement { scans: vec![calls; 5], ..Statement::default() }, 0);
        assert!(told.pieces().ends_with(&format!(" {calls} more:5")), "{}", told.pieces());
    }
}
