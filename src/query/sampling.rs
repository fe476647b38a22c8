//! Samplings: how long a bucket of time is.

/// Length of a bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Sampling {
    /// 60 seconds.
    Minute,
    /// 300 seconds.
    Minutes5,
    /// 900 seconds.
    Minutes15,
    /// 1,800 seconds.
    Minutes30,
    /// A full hour of the wall clock.
    Hour,
    /// 21,600 seconds.
    Hours6,
    /// A calendar day.
    Day,
    /// A calendar week.
    Week,
    /// A calendar month.
    Month,
}

impl Sampling {
    /// The word in a query string.
    pub fn name(self) -> &'static str {
        match self {
            Self::Minute => "minute",
            Self::Minutes5 => "5minutes",
            Self::Minutes15 => "15minutes",
            Self::Minutes30 => "30minutes",
            Self::Hour => "hour",
            Self::Hours6 => "6hours",
            Self::Day => "day",
            Self::Week => "week",
            Self::Month => "month",
        }
    }

    /// Seconds of a bucket that is always equally long and aligned to the epoch; `None` for calendar buckets.
    pub fn fixed_seconds(self) -> Option<i64> {
        match self {
            Self::Minute => Some(60),
            Self::Minutes5 => Some(300),
            Self::Minutes15 => Some(900),
            Self::Minutes30 => Some(1800),
            Self::Hours6 => Some(21_600),
            Self::Hour | Self::Day | Self::Week | Self::Month => None,
        }
    }
}
