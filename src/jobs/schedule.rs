//! The calendar of recurring exports: which whole day, week or month was due last. The time is an argument.

use jiff::civil::{Date, Time};

use crate::query::sampling::Sampling;
use crate::query::zone::{self, Calendar, Edge};

/// The length of the span that a recurring file is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileSpan {
    /// A day.
    Day,
    /// A week.
    Week,
    /// A month.
    Month,
}

/// The times at which files of whole spans are due.
#[derive(Clone, Debug)]
pub struct Schedule {
    /// The span of one file.
    pub span: FileSpan,
    /// The zone and the first day of a week.
    pub calendar: Calendar,
    /// The time of day, on the first day behind the span, from which on its file is due.
    pub at: Time,
}

/// A file that is due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DueFile {
    /// The span as a part of the file's name: `2026-10`, `2026-10-31`, `2026-10-25_2026-10-31`.
    pub period: String,
    /// First second of the span.
    pub from: i64,
    /// Its last second.
    pub to: i64,
    /// The second from which on the file is due.
    pub since: i64,
}

impl Schedule {
    /// The file that was due last at an instant.
    pub fn last_due(&self, now: i64) -> DueFile {
        let sampling = match self.span {
            FileSpan::Day => Sampling::Day,
            FileSpan::Week => Sampling::Week,
            FileSpan::Month => Sampling::Month,
        };
        let begin = self.calendar.bucket(sampling, now).0;
        let due = self.due(begin);
        if due <= now {
            return self.file(sampling, begin, due);
        }
        // Not yet: the one before it.
        let begin = self.calendar.bucket(sampling, begin - 1).0;
        self.file(sampling, begin, self.due(begin))
    }

    fn date(&self, second: i64) -> Date {
        self.calendar.zone.to_datetime(zone::timestamp(second)).date()
    }

    /// The instant from which on a span that ends before `end` is due. Where clocks skip the time of day it is the change, where
    /// they show it twice the first.
    fn due(&self, end: i64) -> i64 {
        zone::of_wall_clock(&self.calendar.zone, self.date(end).to_datetime(self.at), Edge::From)
    }

    fn file(&self, sampling: Sampling, end: i64, since: i64) -> DueFile {
        let (from, to) = (self.calendar.bucket(sampling, end - 1).0, end - 1);
        let (first, last) = (self.date(from), self.date(to));
        let period = match self.span {
            FileSpan::Day => first.to_string(),
            FileSpan::Week => format!("{first}_{last}"),
            FileSpan::Month => first.strftime("%Y-%m").to_string(),
        };
        DueFile { period, from, to, since }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schedule(span: FileSpan, name: &str, at: (i8, i8)) -> Schedule {
        let calendar = Calendar { monday_first: true, ..Calendar::of(zone::find(name).unwrap()) };
        Schedule { span, calendar, at: Time::constant(at.0, at.1, 0, 0) }
    }

    fn second(text: &str) -> i64 {
        text.parse::<jiff::Timestamp>().unwrap().as_second()
    }

    /// Period, hours of the span, and the time at which its file is due.
    fn due(schedule: &Schedule, now: &str) -> (String, i64, String) {
        let due = schedule.last_due(second(now));
        let since = jiff::Timestamp::from_second(due.since).unwrap().to_string();
        (due.period, (due.to + 1 - due.from) / 3600, since)
    }

    fn of(period: &str, hours: i64, since: &str) -> (String, i64, String) {
        (period.to_owned(), hours, since.to_owned())
    }

    #[test]
    fn a_span_is_due_from_its_time_on_the_first_day_behind_it() {
        let day = schedule(FileSpan::Day, "UTC", (2, 30));
        assert_eq!(due(&day, "2026-11-29T02:29:59Z"), of("2026-11-27", 24, "2026-11-28T02:30:00Z"));
        assert_eq!(due(&day, "2026-11-29T02:30:00Z"), of("2026-11-28", 24, "2026-11-29T02:30:00Z"));
        let week = schedule(FileSpan::Week, "UTC", (2, 30));
        assert_eq!(due(&week, "2026-11-30T02:30:00Z"), of("2026-11-23_2026-11-29", 168, "2026-11-30T02:30:00Z"));
        assert_eq!(due(&week, "2026-11-30T02:29:00Z"), of("2026-11-16_2026-11-22", 168, "2026-11-23T02:30:00Z"));
        let month = schedule(FileSpan::Month, "UTC", (0, 0));
        assert_eq!(due(&month, "2026-12-01T00:00:00Z"), of("2026-11", 720, "2026-12-01T00:00:00Z"));
        assert_eq!(due(&month, "2026-11-30T23:59:59Z"), of("2026-10", 744, "2026-11-01T00:00:00Z"));
        assert_eq!(due(&month, "2027-01-15T00:00:00Z").0, "2026-12");
    }

    #[test]
    fn where_clocks_skip_the_time_the_change_counts_and_where_they_show_it_twice_the_first() {
        // Berlin: at 02:00 on 29 March 2026 clocks go to 03:00, at 03:00 on 25 October back to 02:00.
        let day = schedule(FileSpan::Day, "Europe/Berlin", (2, 30));
        assert_eq!(due(&day, "2026-03-29T01:00:00Z"), of("2026-03-28", 24, "2026-03-29T01:00:00Z"));
        assert_eq!(due(&day, "2026-03-29T00:59:59Z"), of("2026-03-27", 24, "2026-03-28T01:30:00Z"));
        // The short day itself.
        assert_eq!(due(&day, "2026-03-30T00:30:00Z"), of("2026-03-29", 23, "2026-03-30T00:30:00Z"));
        assert_eq!(due(&day, "2026-10-25T00:30:00Z"), of("2026-10-24", 24, "2026-10-25T00:30:00Z"));
        // The second 02:30 of that night changes nothing.
        assert_eq!(due(&day, "2026-10-25T01:30:00Z"), of("2026-10-24", 24, "2026-10-25T00:30:00Z"));
        assert_eq!(due(&day, "2026-10-26T01:30:00Z"), of("2026-10-25", 25, "2026-10-26T01:30:00Z"));
        let month = schedule(FileSpan::Month, "Europe/Berlin", (2, 30));
        assert_eq!(due(&month, "2026-11-01T01:30:00Z"), of("2026-10", 745, "2026-11-01T01:30:00Z"));
        assert_eq!(due(&month, "2026-04-01T00:30:00Z"), of("2026-03", 743, "2026-04-01T00:30:00Z"));
    }

    #[test]
    fn every_span_is_due_once_whatever_the_clocks_do() {
        for name in ["Europe/Kyiv", "America/New_York", "Africa/Cairo", "Australia/Lord_Howe", "America/Santiago"] {
            let day = schedule(FileSpan::Day, name, (0, 15));
            let (mut now, mut last) = (second("2026-01-01T12:00:00Z"), None::<DueFile>);
            while now < second("2027-01-01T00:00:00Z") {
                let due = day.last_due(now);
                if let Some(last) = &last
                    && *last != due
                {
                    assert_eq!(due.from, last.to + 1, "{name} {due:?}");
                    assert!(due.period > last.period, "{name} {due:?}");
                }
                last = Some(due);
                now += 900;
            }
        }
    }
}
