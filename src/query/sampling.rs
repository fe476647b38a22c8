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
    /// A full hour of the wall clock.
    Hour,
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
            Self::Hour => "hour",
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
            Self::Hour | Self::Day | Self::Week | Self::Month => None,
        }
    }
}
