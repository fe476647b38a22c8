//! Figures and the sums they are made of. Sums are exact integers (prices in millionths); a figure is divided once, here,
//! and rounded once, half away from zero. ASR and NER: ITU-T E.425; ACD: answered duration / answered calls.

use crate::config::{AcdUnit, TotalsCps};

/// What the engine adds up for each bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Sum {
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
}

impl Sum {
    /// Bytes that one value takes in memory.
    pub fn bytes(self) -> u64 {
        match self {
            Self::Calls | Self::Answered | Self::AnsweredSeconds | Self::Seconds | Self::Effective => 8,
            Self::Price => 16,
        }
    }
}

/// A column of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Figure {
    /// Number of calls or attempts.
    TotalCalls,
    /// Those with a duration above 0.
    SuccessfulCalls,
    /// The others.
    FailedCalls,
    /// Minutes, two decimals.
    TotalDuration,
    /// Average call duration, two decimals, null without an answered call.
    Acd,
    /// Answer-seizure ratio in percent, two decimals, null without a call.
    Asr,
    /// Calls started per second, two decimals.
    Cps,
    /// Sum of prices, two decimals.
    TotalPrice,
    /// Live calls.
    Calls,
    /// Network effectiveness ratio in percent, two decimals, null without a call.
    Ner,
}

/// A value of a figure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Number {
    /// A count.
    Whole(i128),
    /// Hundredths of a fractional figure.
    Hundredths(i128),
    /// A ratio with an empty denominator.
    Null,
}

/// What a figure needs besides its sums.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scale {
    /// Unit of `acd`.
    pub acd_unit: AcdUnit,
    /// What `cps` divides by, in seconds.
    pub cps_seconds: i128,
}

impl Figure {
    /// The column's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::TotalCalls => "total_calls",
            Self::SuccessfulCalls => "successful_calls",
            Self::FailedCalls => "failed_calls",
            Self::TotalDuration => "total_duration",
            Self::Acd => "acd",
            Self::Asr => "asr",
            Self::Cps => "cps",
            Self::TotalPrice => "total_price",
            Self::Calls => "calls",
            Self::Ner => "ner",
        }
    }

    /// The sums it is made of.
    pub fn sums(self) -> &'static [Sum] {
        match self {
            Self::TotalCalls | Self::Cps | Self::Calls => &[Sum::Calls],
            Self::SuccessfulCalls => &[Sum::Answered],
            Self::FailedCalls | Self::Asr => &[Sum::Calls, Sum::Answered],
            Self::Acd => &[Sum::Answered, Sum::AnsweredSeconds],
            Self::TotalDuration => &[Sum::Seconds],
            Self::TotalPrice => &[Sum::Price],
            Self::Ner => &[Sum::Calls, Sum::Effective],
        }
    }

    /// The value, from the sums of one bucket or of them all. `sum` answers 0 for a bucket without rows.
    pub fn value(self, scale: Scale, sum: impl Fn(Sum) -> i128) -> Number {
        match self {
            Self::TotalCalls | Self::Calls => Number::Whole(sum(Sum::Calls)),
            Self::SuccessfulCalls => Number::Whole(sum(Sum::Answered)),
            Self::FailedCalls => Number::Whole(sum(Sum::Calls) - sum(Sum::Answered)),
            Self::TotalDuration => ratio(sum(Sum::Seconds) * 100, 60),
            Self::Acd => {
                let unit = match scale.acd_unit {
                    AcdUnit::Minutes => 60,
                    AcdUnit::Seconds => 1,
                };
                ratio(sum(Sum::AnsweredSeconds) * 100, sum(Sum::Answered) * unit)
            }
            Self::Asr => ratio(sum(Sum::Answered) * 10_000, sum(Sum::Calls)),
            Self::Cps => ratio(sum(Sum::Calls) * 100, scale.cps_seconds),
            Self::TotalPrice => ratio(sum(Sum::Price), 10_000),
            Self::Ner => ratio(sum(Sum::Effective) * 10_000, sum(Sum::Calls)),
        }
    }
}

/// Every sum that the figures need, each once, in a fixed order.
pub fn sums(figures: &[Figure]) -> Vec<Sum> {
    let mut all: Vec<Sum> = Vec::new();
    for sum in figures.iter().flat_map(|figure| figure.sums()) {
        if !all.contains(sum) {
            all.push(*sum);
        }
    }
    all
}

/// What `cps` in totals divides by.
pub fn totals_cps_seconds(mode: TotalsCps, step: i64, buckets: usize) -> i128 {
    match mode {
        TotalsCps::Bucket => i128::from(step),
        // Where no bucket is complete there is none, and no call.
        TotalsCps::Range => i128::from(step) * buckets.max(1) as i128,
    }
}

/// `numerator / denominator` as hundredths are asked for, rounded half away from zero; null over nothing.
fn ratio(numerator: i128, denominator: i128) -> Number {
    if denominator == 0 {
        return Number::Null;
    }
    // Nearly all are short, and 128-bit divisions are slow.
    if let (Ok(numerator), Ok(denominator)) = (u64::try_from(numerator), u64::try_from(denominator)) {
        let (quotient, rest) = (numerator / denominator, numerator % denominator);
        return Number::Hundredths(i128::from(quotient) + i128::from(rest >= denominator - rest));
    }
    let (quotient, rest) = (numerator / denominator, numerator % denominator);
    let up = i128::from(rest.unsigned_abs() * 2 >= denominator.unsigned_abs());
    let sign = if (numerator < 0) == (denominator < 0) { 1 } else { -1 };
    Number::Hundredths(quotient + sign * up)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCALE: Scale = Scale { acd_unit: AcdUnit::Minutes, cps_seconds: 60 };

    #[test]
    fn the_seeds_figures() {
        let sum = |s: Sum| match s {
            Sum::Calls => 180,
            Sum::Answered | Sum::Effective => 155,
            _ => 0,
        };
        assert_eq!(Figure::Asr.value(SCALE, sum), Number::Hundredths(8611));
        assert_eq!(Figure::Ner.value(SCALE, sum), Number::Hundredths(8611));
        assert_eq!(Figure::Cps.value(SCALE, |_| 140), Number::Hundredths(233));
        assert_eq!(Figure::Cps.value(SCALE, |_| 520), Number::Hundredths(867));
    }

    #[test]
    fn ratios_of_nothing_are_null() {
        for figure in [Figure::Asr, Figure::Ner, Figure::Acd] {
            assert_eq!(figure.value(SCALE, |_| 0), Number::Null, "{}", figure.name());
        }
    }

    #[test]
    fn halves_go_away_from_zero() {
        assert_eq!(ratio(1, 2), Number::Hundredths(1));
        assert_eq!(ratio(-1, 2), Number::Hundredths(-1));
        assert_eq!(ratio(-1, 3), Number::Hundredths(0));
        assert_eq!(ratio(5, 3), Number::Hundredths(2));
        assert_eq!(ratio(0, 0), Number::Null);
    }

    proptest::proptest! {
        /// The same over numbers of every length.
        #[test]
        fn a_ratio_is_the_nearest_whole_number(numerator in 0..1_000_000_i128, denominator in 1..5_000_i128) {
            let Number::Hundredths(short) = ratio(numerator, denominator) else { panic!("no number") };
            let distance = (numerator - short * denominator) * 2;
            proptest::prop_assert!(-denominator <= distance && distance < denominator, "{short}");
            let long = i128::from(u64::MAX);
            proptest::prop_assert_eq!(ratio(numerator * long, denominator * long), Number::Hundredths(short));
            proptest::prop_assert_eq!(ratio(-numerator, denominator), Number::Hundredths(-short));
        }
    }

    /// The columns of an answer find a figure's sums by this list.
    #[test]
    fn a_figure_is_made_of_one_or_two_sums_and_of_no_other() {
        use Figure::*;
        for figure in [TotalCalls, SuccessfulCalls, FailedCalls, TotalDuration, Acd, Asr, Cps, TotalPrice, Calls, Ner] {
            assert!((1..=2).contains(&figure.sums().len()), "{}", figure.name());
            let asked = std::cell::RefCell::new(Vec::new());
            figure.value(SCALE, |sum| {
                asked.borrow_mut().push(sum);
                1
            });
            assert!(asked.borrow().iter().all(|sum| figure.sums().contains(sum)), "{}", figure.name());
        }
    }

    #[test]
    fn each_sum_is_asked_for_once() {
        assert_eq!(
            sums(&[Figure::TotalCalls, Figure::Acd, Figure::Asr, Figure::Cps]),
            [Sum::Calls, Sum::Answered, Sum::AnsweredSeconds]
        );
    }
}
