//! Wall-clock times and calendar buckets in a time zone. A bucket is known by its first instant; days, weeks and months
//! begin at the first instant of their first date, or so long after midnight as a request says; hours begin at every full
//! hour of the wall clock and at every change of the offset.

use jiff::civil::{Date, DateTime, Time, Weekday};
use jiff::tz::{AmbiguousOffset, Offset, TimeZone};
use jiff::{Span, Timestamp};

use super::sampling::Sampling;

/// The zone of that IANA name, exact case; `None` when there is none.
pub fn find(name: &str) -> Option<TimeZone> {
    // The database ignores case; the contract does not, so that a typing error shows.
    TimeZone::get(name).ok().filter(|zone| zone.iana_name() == Some(name))
}

/// An end of a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Edge {
    /// from-time.
    From,
    /// to-time.
    To,
}

/// The second at which the wall clock shows `local`: at [`Edge::From`] the first of two, at [`Edge::To`] the second, and
/// the instant of the change where the clock skips it.
pub fn of_wall_clock(zone: &TimeZone, local: DateTime, edge: Edge) -> i64 {
    match (zone.to_ambiguous_timestamp(local).offset(), edge) {
        (AmbiguousOffset::Unambiguous { offset }, _) => second_of(offset, local),
        (AmbiguousOffset::Fold { before, .. }, Edge::From) => second_of(before, local),
        (AmbiguousOffset::Fold { after, .. }, Edge::To) => second_of(after, local),
        (AmbiguousOffset::Gap { before, .. }, _) => {
            // By the offset before the change, a skipped time is the change or later.
            let near = second_of(before, local);
            zone.preceding(timestamp(near + 1)).next().map_or(near, |change| change.timestamp().as_second())
        }
    }
}

/// The first second of a date at [`Edge::From`], its last at [`Edge::To`].
pub fn of_date(zone: &TimeZone, date: Date, edge: Edge) -> i64 {
    if edge == Edge::From {
        return of_wall_clock(zone, midnight(date), edge);
    }
    let next = midnight(date.saturating_add(Span::new().days(1)));
    // Where a clock goes back over midnight, the date ends twice, and the second time is its end.
    let last = of_wall_clock(zone, next, Edge::To) - 1;
    if zone.to_datetime(timestamp(last)).date() == date { last } else { of_wall_clock(zone, next, Edge::From) - 1 }
}

fn midnight(date: Date) -> DateTime {
    date.to_datetime(Time::midnight())
}

/// The position of calendar buckets in time: zone, first weekday, start of the day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Calendar {
    /// The zone of the wall clock.
    pub zone: TimeZone,
    /// True if a week begins on Monday rather than Sunday.
    pub monday_first: bool,
    /// Time of day at which days, weeks and months begin.
    pub day_start: Time,
}

impl Calendar {
    /// A calendar whose days begin at midnight, and whose weeks begin on Sunday.
    pub fn of(zone: TimeZone) -> Self {
        Self { zone, monday_first: false, day_start: Time::midnight() }
    }

    /// First instant of the bucket that holds `second`, and of the one after it.
    pub fn bucket(&self, sampling: Sampling, second: i64) -> (i64, i64) {
        let at = timestamp(second);
        if let Some(step) = sampling.fixed_seconds() {
            let start = second.div_euclid(step) * step;
            return (start, start + step);
        }
        if sampling == Sampling::Hour {
            return self.hour(at);
        }
        let date = self.day(second);
        let first = match sampling {
            Sampling::Week => {
                let since = if self.monday_first {
                    date.weekday().since(Weekday::Monday)
                } else {
                    date.weekday().since(Weekday::Sunday)
                };
                date.saturating_sub(Span::new().days(i64::from(since)))
            }
            Sampling::Month => date.first_of_month(),
            Sampling::Minute
            | Sampling::Minutes5
            | Sampling::Minutes15
            | Sampling::Minutes30
            | Sampling::Hour
            | Sampling::Hours6
            | Sampling::Day => date,
        };
        let next = match sampling {
            Sampling::Week => first.saturating_add(Span::new().days(7)),
            Sampling::Month => first.saturating_add(Span::new().months(1)),
            Sampling::Minute
            | Sampling::Minutes5
            | Sampling::Minutes15
            | Sampling::Minutes30
            | Sampling::Hour
            | Sampling::Hours6
            | Sampling::Day => first.saturating_add(Span::new().days(1)),
        };
        (self.begin(first), self.begin(next))
    }

    /// The date whose day holds `second`.
    fn day(&self, second: i64) -> Date {
        let date = self.zone.to_datetime(timestamp(second)).date();
        let next = date.saturating_add(Span::new().days(1));
        // Days are what lies between their beginnings, also where the wall clock goes back over one.
        if second < self.begin(date) {
            date.saturating_sub(Span::new().days(1))
        } else if second >= self.begin(next) {
            next
        } else {
            date
        }
    }

    /// The first instant of the day of a date.
    fn begin(&self, date: Date) -> i64 {
        of_wall_clock(&self.zone, date.to_datetime(self.day_start), Edge::From)
    }

    fn hour(&self, at: Timestamp) -> (i64, i64) {
        let second = at.as_second();
        let offset = i64::from(self.zone.to_offset(at).seconds());
        let start = (second + offset).div_euclid(3600) * 3600 - offset;
        // Within an hour that the clocks change in, the bucket ends or begins at the change.
        let changed = |t: i64| i64::from(self.zone.to_offset(timestamp(t)).seconds()) != offset;
        let begin = if changed(start) {
            self.zone.preceding(timestamp(second + 1)).next().map_or(start, |change| change.timestamp().as_second())
        } else {
            start
        };
        let end = if changed(start + 3599) {
            self.zone.following(at).next().map_or(start + 3600, |change| change.timestamp().as_second())
        } else {
            start + 3600
        };
        (begin, end)
    }

    /// The longest interval in seconds, aligned to the epoch, of which every bucket boundary between the two instants is
    /// a multiple: sums over such intervals add up to the calendar buckets exactly.
    pub fn base_seconds(&self, sampling: Sampling, from: i64, to: i64) -> i64 {
        if let Some(step) = sampling.fixed_seconds() {
            return step;
        }
        let mut base = if sampling == Sampling::Hour { 3600 } else { gcd(86_400, self.day_start_seconds()) };
        let (first, last) = (self.bucket(sampling, from).0, self.bucket(sampling, to.max(from)).1);
        base = gcd(base, i64::from(self.zone.to_offset(timestamp(first)).seconds()));
        for change in
            self.zone.following(timestamp(first - 1)).take_while(|change| change.timestamp().as_second() <= last)
        {
            base = gcd(gcd(base, i64::from(change.offset().seconds())), change.timestamp().as_second());
        }
        base
    }

    fn day_start_seconds(&self) -> i64 {
        i64::from(self.day_start.hour()) * 3600 + i64::from(self.day_start.minute()) * 60
    }

    /// Number of buckets from the one that holds `from` through the one that holds `to`, counted up to `limit`.
    pub fn count(&self, sampling: Sampling, from: i64, to: i64, limit: u64) -> u64 {
        if to < from {
            return 0;
        }
        if let Some(step) = sampling.fixed_seconds() {
            return (to.div_euclid(step) - from.div_euclid(step) + 1).unsigned_abs();
        }
        let (mut count, mut next) = (0, from);
        while next <= to && count <= limit {
            next = self.bucket(sampling, next).1;
            count += 1;
        }
        count
    }
}

/// A unit of the calendar by which a window moves back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CalendarUnit {
    /// A day.
    Day,
    /// Seven days.
    Week,
    /// A month: the same day, or the month's last.
    Month,
    /// A year: the same date, or 28 February.
    Year,
    /// 364 days: the same weekday of last year.
    YearWeekday,
}

/// The second at which the wall clock showed, a unit earlier, what it shows at `second`.
pub fn earlier(zone: &TimeZone, second: i64, unit: CalendarUnit, edge: Edge) -> i64 {
    let span = match unit {
        CalendarUnit::Day => Span::new().days(1),
        CalendarUnit::Week => Span::new().days(7),
        CalendarUnit::Month => Span::new().months(1),
        CalendarUnit::Year => Span::new().years(1),
        CalendarUnit::YearWeekday => Span::new().days(364),
    };
    of_wall_clock(zone, zone.to_datetime(timestamp(second)).saturating_sub(span), edge)
}

/// The zone's offsets from UTC in seconds between two instants: each until the second before which it holds, the last one open.
pub fn offsets(zone: &TimeZone, from: i64, to: i64) -> Vec<(i64, i64)> {
    let mut offset = i64::from(zone.to_offset(timestamp(from)).seconds());
    let mut all = Vec::new();
    for change in zone.following(timestamp(from)).take_while(|change| change.timestamp().as_second() <= to) {
        let next = i64::from(change.offset().seconds());
        // A change of the zone's abbreviation alone is none.
        if next != offset {
            all.push((change.timestamp().as_second(), offset));
            offset = next;
        }
    }
    all.push((i64::MAX, offset));
    all
}

fn second_of(offset: Offset, at: DateTime) -> i64 {
    // Only dates next to the ends of jiff's range (years -9999 and 9999) have no timestamp; requests end in 2105.
    offset.to_timestamp(at).map_or(i64::MAX, Timestamp::as_second)
}

/// The instant of a second; the nearest one that there is beyond the range of instants.
pub(crate) fn timestamp(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap_or(if second < 0 { Timestamp::MIN } else { Timestamp::MAX })
}

fn gcd(a: i64, b: i64) -> i64 {
    if b == 0 { a.abs() } else { gcd(b, a % b) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn calendar(zone: &str) -> Calendar {
        Calendar::of(find(zone).unwrap())
    }

    fn at(text: &str) -> i64 {
        text.parse::<Timestamp>().unwrap().as_second()
    }

    #[test]
    fn a_zone_is_found_in_exact_case_only() {
        assert!(find("Europe/Kyiv").is_some());
        for name in ["europe/kyiv", "Kyiv", "", "../etc/passwd", "UTC+1"] {
            assert!(find(name).is_none(), "{name}");
        }
    }

    #[test]
    fn days_of_23_and_25_hours() {
        let kyiv = calendar("Europe/Kyiv");
        let (start, end) = kyiv.bucket(Sampling::Day, at("2026-03-29T10:00:00Z"));
        assert_eq!((start, end - start), (at("2026-03-28T22:00:00Z"), 23 * 3600));
        let (start, end) = kyiv.bucket(Sampling::Day, at("2026-10-25T10:00:00Z"));
        assert_eq!((start, end - start), (at("2026-10-24T21:00:00Z"), 25 * 3600));
    }

    #[test]
    fn a_day_begins_at_its_first_instant_where_midnight_is_skipped() {
        // Cairo 2026: at 00:00 on 24 April the clocks go to 01:00.
        let (start, end) = calendar("Africa/Cairo").bucket(Sampling::Day, at("2026-04-24T10:00:00Z"));
        assert_eq!((start, end - start), (at("2026-04-23T22:00:00Z"), 23 * 3600));
    }

    #[test]
    fn days_that_begin_later_lie_between_their_beginnings() {
        let mut york = calendar("America/New_York");
        york.day_start = Time::constant(1, 30, 0, 0);
        // At 02:00 on 2 November 2025 (06:00 UTC) the clock goes back to 01:00, and shows 01:30 twice.
        let day = (at("2025-11-02T05:30:00Z"), at("2025-11-03T06:30:00Z"));
        for second in ["2025-11-02T05:30:00Z", "2025-11-02T06:00:00Z", "2025-11-02T06:29:59Z", "2025-11-03T06:29:59Z"] {
            assert_eq!(york.bucket(Sampling::Day, at(second)), day, "{second}");
        }
        york.day_start = Time::constant(2, 30, 0, 0);
        // At 02:00 on 9 March 2025 the clock goes to 03:00, so there is no 02:30.
        let day = (at("2025-03-09T07:00:00Z"), at("2025-03-10T06:30:00Z"));
        assert_eq!(york.bucket(Sampling::Day, at("2025-03-09T07:00:00Z")), day);
        assert_eq!(york.bucket(Sampling::Day, day.0 - 1).1, day.0);
        assert_eq!(york.bucket(Sampling::Month, at("2025-03-01T07:29:59Z")).1, at("2025-03-01T07:30:00Z"));
        york.monday_first = true;
        assert_eq!(york.bucket(Sampling::Week, at("2025-03-10T06:29:59Z")).1, at("2025-03-10T06:30:00Z"));
    }

    #[test]
    fn days_do_not_overlap_where_the_clock_goes_back_over_midnight() {
        // At 00:01 on 7 November 2010 the clock went back to 23:01 on the 6th.
        let johns = calendar("America/St_Johns");
        let begin = at("2010-11-07T02:30:00Z");
        assert_eq!(johns.bucket(Sampling::Day, begin - 1).1, begin);
        assert_eq!(johns.bucket(Sampling::Day, begin + 120).0, begin);
    }

    #[test]
    fn the_doubled_hour_is_two_buckets() {
        let york = calendar("America/New_York");
        let first = york.bucket(Sampling::Hour, at("2026-11-01T05:30:00Z"));
        let second = york.bucket(Sampling::Hour, at("2026-11-01T06:30:00Z"));
        assert_eq!(first, (at("2026-11-01T05:00:00Z"), at("2026-11-01T06:00:00Z")));
        assert_eq!(second, (at("2026-11-01T06:00:00Z"), at("2026-11-01T07:00:00Z")));
    }

    #[test]
    fn half_hour_shifts_cut_an_hour_at_the_change() {
        // Lord Howe 2026: at 02:00 (+11) on 5 April the clocks go back to 01:30 (+10:30), which is 15:00 UTC on the 4th.
        let howe = calendar("Australia/Lord_Howe");
        assert_eq!(
            howe.bucket(Sampling::Hour, at("2026-04-04T14:10:00Z")),
            (at("2026-04-04T14:00:00Z"), at("2026-04-04T15:00:00Z"))
        );
        assert_eq!(
            howe.bucket(Sampling::Hour, at("2026-04-04T15:10:00Z")),
            (at("2026-04-04T15:00:00Z"), at("2026-04-04T15:30:00Z"))
        );
        assert_eq!(howe.base_seconds(Sampling::Hour, at("2026-04-04T00:00:00Z"), at("2026-04-05T00:00:00Z")), 1800);
    }

    #[test]
    fn weeks_and_months() {
        let mut utc = calendar("UTC");
        assert_eq!(utc.bucket(Sampling::Week, at("2026-01-01T00:00:00Z")).0, at("2025-12-28T00:00:00Z"));
        utc.monday_first = true;
        assert_eq!(utc.bucket(Sampling::Week, at("2026-01-01T00:00:00Z")).0, at("2025-12-29T00:00:00Z"));
        assert_eq!(
            utc.bucket(Sampling::Month, at("2026-02-10T00:00:00Z")),
            (at("2026-02-01T00:00:00Z"), at("2026-03-01T00:00:00Z"))
        );
    }

    #[test]
    fn base_intervals_are_as_long_as_the_zone_allows() {
        let base = |zone: &str, sampling| {
            calendar(zone).base_seconds(sampling, at("2026-01-01T00:00:00Z"), at("2026-12-31T00:00:00Z"))
        };
        assert_eq!(base("UTC", Sampling::Day), 86_400);
        assert_eq!(base("Europe/Kyiv", Sampling::Month), 3600);
        assert_eq!(base("Asia/Kolkata", Sampling::Hour), 1800);
        assert_eq!(base("Asia/Kathmandu", Sampling::Hour), 900);
        for (start, seconds) in [((6, 0), 21_600), ((2, 30), 1800), ((2, 31), 60), ((0, 45), 2700), ((23, 59), 60)] {
            let day_start = Time::constant(start.0, start.1, 0, 0);
            let base = Calendar { day_start, ..calendar("UTC") }.base_seconds(Sampling::Week, 0, 86_400);
            assert_eq!(base, seconds, "{start:?}");
        }
    }

    #[test]
    fn a_unit_earlier_is_the_same_wall_clock_or_the_last_day_of_the_month() {
        let york = find("America/New_York").unwrap();
        let back = |text: &str, unit, edge| earlier(&york, at(text), unit, edge);
        // 12:00 before and after the clocks went forward on 8 March 2026.
        assert_eq!(back("2026-03-08T16:00:00Z", CalendarUnit::Day, Edge::From), at("2026-03-07T17:00:00Z"));
        // There was no 02:30 on 8 March.
        assert_eq!(back("2026-03-15T06:30:00Z", CalendarUnit::Week, Edge::From), at("2026-03-08T07:00:00Z"));
        // 01:30 came twice on 1 November.
        assert_eq!(back("2026-11-08T06:30:00Z", CalendarUnit::Week, Edge::From), at("2026-11-01T05:30:00Z"));
        assert_eq!(back("2026-11-08T06:30:00Z", CalendarUnit::Week, Edge::To), at("2026-11-01T06:30:00Z"));
        let utc = find("UTC").unwrap();
        let back = |text: &str, unit| earlier(&utc, at(text), unit, Edge::From);
        assert_eq!(back("2026-03-31T05:00:00Z", CalendarUnit::Month), at("2026-02-28T05:00:00Z"));
        assert_eq!(back("2028-02-29T00:00:00Z", CalendarUnit::Year), at("2027-02-28T00:00:00Z"));
        assert_eq!(back("2026-11-02T00:00:00Z", CalendarUnit::YearWeekday), at("2025-11-03T00:00:00Z"));
    }

    #[test]
    fn offsets_hold_until_the_next_change() {
        let kyiv = find("Europe/Kyiv").unwrap();
        let (from, to) = (at("2026-01-01T00:00:00Z"), at("2026-12-31T00:00:00Z"));
        let changes = (at("2026-03-29T01:00:00Z"), at("2026-10-25T01:00:00Z"));
        assert_eq!(offsets(&kyiv, from, to), [(changes.0, 7200), (changes.1, 10_800), (i64::MAX, 7200)]);
        assert_eq!(offsets(&kyiv, from, changes.0 - 1), [(i64::MAX, 7200)]);
        assert_eq!(offsets(&kyiv, changes.0, changes.0), [(i64::MAX, 10_800)]);
    }

    #[test]
    fn buckets_are_counted_up_to_the_limit() {
        let utc = calendar("UTC");
        assert_eq!(utc.count(Sampling::Minute, 59, 60, 10), 2);
        assert_eq!(utc.count(Sampling::Day, 0, 86_400 * 20, 10), 11);
        assert_eq!(utc.count(Sampling::Day, 1, 0, 10), 0);
    }
}
