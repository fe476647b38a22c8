//! The planner's choice: the source of each segment of a window. It is for the log, the metrics and the header of
//! `debug=plan`; nothing of it can be read back into a statement.

use std::fmt;

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::Statement;
use super::destinations::DestinationSums;
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
    /// Sums by destination: of all vendors by hour.
    OperatorHours,
    /// The same by day.
    VendorDays,
    /// Sums by destination: of an account by day.
    CustomerDays,
    /// Sums by destination and cause: of a vendor's account by day.
    VendorCauses,
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
            Self::OperatorHours => "operator_hours",
            Self::VendorDays => "vendor_days",
            Self::CustomerDays => "customer_days",
            Self::VendorCauses => "vendor_causes",
            Self::Snapshots => "snapshots",
        }
    }
}

/// A range of time that a statement reads from one source: `calls[2026-01-01T00:00:30Z..2026-01-01T00:01:00Z)`, without an end
/// where it is open, with `+2` behind it where only the rows of two named parts are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Segment {
    /// From where.
    pub source: Source,
    /// First second.
    pub from: i64,
    /// The second after the last; open if absent.
    pub end: Option<i64>,
    /// Number of parts of the table, where only those are read; 0 is all.
    pub parts: usize,
}

impl Segment {
    /// All rows of a window.
    pub fn during(source: Source, window: Window) -> Self {
        Self { source, from: window.from, end: window.to.map(|to| to + 1), parts: 0 }
    }
}

impl fmt::Display for Segment {
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

    /// The kind of sources of these segments; `None` if nothing is read.
    pub fn of(segments: &[Segment]) -> Option<Self> {
        let reads = |any: &[Source]| segments.iter().any(|segment| any.contains(&segment.source));
        let by_time = [Source::Minutes, Source::QuarterHours, Source::Hours];
        let sums = reads(&by_time) || reads(&DestinationSums::ALL.map(|sums| sums.source));
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

/// A proxy takes some kilobytes of headers at most, and a segment is some fifty characters.
const MOST_PIECES: usize = 32;

/// The trace of a result: the segments of its statements, and the rows read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trace {
    segments: Vec<Segment>,
    rows_read: u64,
}

impl Trace {
    /// Notes a statement that ran, and the rows that the engine says it read.
    pub fn add(&mut self, statement: &Statement, rows_read: u64) {
        self.segments.extend_from_slice(statement.segments());
        self.rows_read += rows_read;
    }

    /// Rows that the engine says it read.
    pub fn rows_read(&self) -> u64 {
        self.rows_read
    }

    /// The segments, with spaces between them; behind the first `MOST_PIECES` only the number of the rest: `more:5`.
    pub fn pieces(&self) -> String {
        let (shown, more) = self.segments.split_at(self.segments.len().min(MOST_PIECES));
        let more = if more.is_empty() { String::new() } else { format!(" more:{}", more.len()) };
        describe_segments(shown) + &more
    }
}

/// `source=both; rows_read=123`; `source=none` if everything was cached.
impl fmt::Display for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let source = Chosen::of(&self.segments).map_or("none", Chosen::name);
        write!(f, "source={source}; rows_read={}", self.rows_read)
    }
}

/// Stretches with spaces between them.
pub fn describe_segments(segments: &[Segment]) -> String {
    segments.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn segment(source: Source) -> Segment {
        Segment { source, from: 1_767_225_600, end: Some(1_767_225_660), parts: 0 }
    }

    #[test]
    fn stretches_are_half_open_and_may_be_of_some_parts_only() {
        let trace = [segment(Source::Minutes), Segment { end: None, parts: 2, ..segment(Source::Calls) }];
        assert_eq!(
            describe_segments(&trace),
            "minutes[2026-01-01T00:00:00Z..2026-01-01T00:01:00Z) calls[2026-01-01T00:00:00Z..)+2"
        );
        assert_eq!(
            Segment { from: i64::MAX, end: None, ..segment(Source::Calls) }.to_string(),
            format!("calls[{}..)", i64::MAX)
        );
    }

    #[test]
    fn an_answer_from_several_statements_names_all_of_their_sources() {
        let [minutes, calls, live] = [Source::Minutes, Source::Calls, Source::Snapshots].map(segment);
        assert_eq!(Chosen::of(&[]), None);
        assert_eq!(Chosen::of(&[minutes, minutes]), Some(Chosen::Minutes));
        assert_eq!(Chosen::of(&[calls]), Some(Chosen::Calls));
        assert_eq!(Chosen::of(&[calls, minutes]), Some(Chosen::Both));
        assert_eq!(Chosen::of(&[live]), Some(Chosen::Snapshots));
        let mut trace = Trace::default();
        assert_eq!((trace.to_string().as_str(), trace.pieces().as_str()), ("source=none; rows_read=0", ""));
        trace.add(&Statement { segments: vec![minutes], ..Statement::default() }, 5);
        trace.add(&Statement { segments: vec![calls], ..Statement::default() }, 2);
        assert_eq!(trace.to_string(), "source=both; rows_read=7");
        assert_eq!(trace.pieces(), describe_segments(&[minutes, calls]));
        trace.add(&Statement { segments: vec![calls; 30], ..Statement::default() }, 0);
        assert_eq!(trace.pieces().split(' ').count(), 32);
        trace.add(&Statement { segments: vec![calls; 5], ..Statement::default() }, 0);
        assert!(trace.pieces().ends_with(&format!(" {calls} more:5")), "{}", trace.pieces());
    }
}
