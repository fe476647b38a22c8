//! The buckets of a sampling: multiples of seconds since 1970, or stretches of a time zone's own clock.
//!
//! A calendar bucket is a run of instants whose local time has the same key: date, hour and offset from UTC for an hour
//! (so the doubled hour is two buckets); the date for a day, which lasts until the next begins; the first date of the week or month
//! for these. Ends of a run are searched, second by second in halves, in the zone's data.

use super::WeekStart;
use super::time::{End, shows};
use chrono::{DateTime, Datelike, Days, NaiveDate, Offset, TimeZone, Timelike};
use chrono_tz::Tz;

/// How time is cut into buckets.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Sampling {
    Seconds(i64),
    Hour,
    Day,
    Week,
    Month,
}

/// A sampling in a time zone.
#[derive(Clone, Debug)]
pub struct Calendar {
    pub sampling: Sampling,
    pub zone: Tz,
    pub week_start: WeekStart,
    /// Seconds after midnight at which a day begins.
    pub day_start: i64,
}

/// What all instants of a calendar bucket share.
type Key = (NaiveDate, u32, i32);

impl Calendar {
    /// The first second of the bucket that holds this one.
    pub fn start(&self, second: i64) -> i64 {
        if let Sampling::Seconds(length) = self.sampling {
            return second.div_euclid(length) * length;
        }
        let key = self.key(second);
        first(second - self.longest(), second, |other| self.key(other) == key)
    }

    /// The first second after the bucket that starts here.
    pub fn next(&self, start: i64) -> i64 {
        if let Sampling::Seconds(length) = self.sampling {
            return start + length;
        }
        let key = self.key(start);
        first(start, start + self.longest(), |other| self.key(other) != key)
    }

    /// All buckets from the one that holds `from` through the one that holds `to`; none if they are more than `limit`.
    pub fn grid(&self, from: i64, to: i64, limit: i64) -> Option<Vec<i64>> {
        if let Sampling::Seconds(length) = self.sampling
            && (self.start(to) - self.start(from)) / length + 1 > limit
        {
            return None;
        }
        let mut grid = Vec::new();
        let mut start = self.start(from);
        while start <= to {
            grid.push(start);
            if i64::try_from(grid.len()).is_ok_and(|count| count > limit) {
                return None;
            }
            start = self.next(start);
        }
        Some(grid)
    }

    /// The length of every bucket, for the samplings that have one.
    pub fn seconds(&self) -> Option<i64> {
        match self.sampling {
            Sampling::Seconds(length) => Some(length),
            Sampling::Hour | Sampling::Day | Sampling::Week | Sampling::Month => None,
        }
    }

    fn key(&self, second: i64) -> Key {
        let utc = DateTime::from_timestamp(second, 0).unwrap_or_default().naive_utc();
        let offset = self.zone.offset_from_utc_datetime(&utc).fix();
        let local = utc + offset;
        let date = match self.sampling {
            Sampling::Seconds(_) | Sampling::Hour => local.date(),
            Sampling::Day | Sampling::Week | Sampling::Month => self.day(second, local.date()),
        };
        match self.sampling {
            Sampling::Seconds(_) | Sampling::Hour => (date, local.hour(), offset.local_minus_utc()),
            Sampling::Day => (date, 0, 0),
            Sampling::Week => {
                let since = match self.week_start {
                    WeekStart::Sunday => date.weekday().num_days_from_sunday(),
                    WeekStart::Monday => date.weekday().num_days_from_monday(),
                };
                (date - Days::new(u64::from(since)), 0, 0)
            }
            Sampling::Month => (date - Days::new(u64::from(date.day0())), 0, 0),
        }
    }

    /// The last date, around the one on the wall, whose day has begun.
    fn day(&self, second: i64, wall: NaiveDate) -> NaiveDate {
        let has_begun = |date: &NaiveDate| {
            let begin = date.and_time(chrono::NaiveTime::MIN) + chrono::TimeDelta::seconds(self.day_start);
            shows(begin, self.zone, End::From) <= second
        };
        let dates = [wall + Days::new(1), wall, wall - Days::new(1)];
        dates.into_iter().find(has_begun).unwrap_or(wall)
    }

    /// More seconds than a bucket can have, and fewer than lie between two buckets of the same key.
    fn longest(&self) -> i64 {
        match self.sampling {
            Sampling::Seconds(length) => length,
            Sampling::Hour => 3600,
            Sampling::Day => 2 * 86_400,
            Sampling::Week => 9 * 86_400,
            Sampling::Month => 33 * 86_400,
        }
    }
}

/// The first second in `low + 1 ..= high` that holds; what holds goes on holding up to `high`.
fn first(mut low: i64, mut high: i64, holds: impl Fn(i64) -> bool) -> i64 {
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        if holds(middle) {
            high = middle;
        } else {
            low = middle;
        }
    }
    high
}
