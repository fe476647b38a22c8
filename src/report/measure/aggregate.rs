//! Aggregates: exact integers that ClickHouse computes of a set of rows, and the way in which those of two sets are merged.

/// An aggregate that the engine computes for each bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Aggregate {
    /// Rows.
    Calls,
    /// Rows with a duration above 0.
    Answered,
    /// Seconds of the answered rows.
    AnsweredSeconds,
    /// Seconds of all rows, measured or billed as configured.
    Seconds,
    /// Price in millionths.
    Price,
    /// Rows whose end says that the network did its part: answered, or the user was busy, away or did not want the call.
    Effective,
    /// Attempts, of calls the earlier ones too.
    Attempts,
    /// Billed seconds.
    BilledSeconds,
    /// Rows whose SIP code says that a session came about or that the user did not want one.
    Established,
    /// Rows whose SIP code is no redirection.
    NotRedirected,
    /// Rows whose SIP code says that the network failed.
    Ineffective,
    /// Answered rows of at most so many seconds as the query says.
    Short,
    /// Rows answered within a second of their ringing.
    Instant,
    /// The longest duration, seconds.
    Longest,
    /// The first start, epoch seconds.
    First,
    /// The last start, epoch seconds.
    Last,
    /// Different calling numbers.
    SrcNumbers,
    /// Different called numbers.
    DstNumbers,
    /// The delay that so many percent of the rows that rang do not exceed, hundredths of a second; below 0 without one.
    Pdd(u8),
    /// Customers' prices without VAT of all attempts, in the system's currency: units of [`MONEY`].
    Revenue,
    /// Vendors' prices of all attempts, likewise.
    Cost,
    /// Vendors' prices above customers', summed up over the attempts where they are, likewise.
    Loss,
    /// Those attempts.
    LossCalls,
    /// The smallest currency id, above 65,535 to tell it from none.
    CurrencyFrom,
    /// The largest currency id, likewise.
    CurrencyTo,
    /// Calls of all groups together.
    AllCalls,
    /// Calls of the same group in the window compared with.
    EarlierCalls,
    /// Answered calls of the same group in the window compared with.
    EarlierAnswered,
}

/// The way in which aggregates of two sets of rows make that of both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Merge {
    /// Their sum.
    Add,
    /// The larger.
    Larger,
    /// The smaller value; 0 means that there is none.
    Smaller,
    /// From all delays of both.
    Delays,
    /// Not from the two: distinct values have to be counted over the rows.
    Rows,
    /// Not read from rows: computed from other aggregates.
    Context,
}

/// Parts of one in a sum of money of several currencies: a price of six decimals by a rate of nine.
pub const MONEY: i128 = 1_000_000_000_000_000;

impl Aggregate {
    /// True if it tells what vendors were paid.
    pub fn is_of_vendors(self) -> bool {
        matches!(self, Self::Cost | Self::Loss | Self::LossCalls)
    }

    /// True if it is of all attempts of a call, and not of the last alone.
    pub fn is_of_attempts(self) -> bool {
        matches!(self, Self::Attempts | Self::Revenue | Self::Cost | Self::Loss | Self::LossCalls)
    }

    /// True if it is a sum of prices: millionths, or units of [`MONEY`].
    pub fn is_money(self) -> bool {
        matches!(self, Self::Price | Self::Revenue | Self::Cost | Self::Loss)
    }

    /// Bytes that one value takes in memory.
    pub fn bytes(self) -> u64 {
        match self {
            Self::Price | Self::Revenue | Self::Cost | Self::Loss => 16,
            _ => 8,
        }
    }

    /// The way in which it is merged.
    pub fn merge(self) -> Merge {
        match self {
            Self::Calls
            | Self::Answered
            | Self::AnsweredSeconds
            | Self::Seconds
            | Self::Price
            | Self::Effective
            | Self::Attempts
            | Self::BilledSeconds
            | Self::Established
            | Self::NotRedirected
            | Self::Ineffective
            | Self::Short
            | Self::Instant
            | Self::Revenue
            | Self::Cost
            | Self::Loss
            | Self::LossCalls => Merge::Add,
            Self::Longest | Self::Last | Self::CurrencyTo => Merge::Larger,
            Self::First | Self::CurrencyFrom => Merge::Smaller,
            Self::Pdd(_) => Merge::Delays,
            Self::SrcNumbers | Self::DstNumbers => Merge::Rows,
            Self::AllCalls | Self::EarlierCalls | Self::EarlierAnswered => Merge::Context,
        }
    }
}
