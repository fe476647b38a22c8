//! The catalogue of measures. Each is made of aggregates, divided once, here, and rounded once, half away from zero. ASR and NER:
//! ITU-T E.425; ACD: answered duration / answered calls.

mod aggregate;
mod rows;

use super::Side;
use crate::config::{AcdUnit, Reports, TotalsCps};
use crate::query::fraction::Fraction;
pub use aggregate::{Aggregate, MONEY, Merge};
pub use rows::{MEASURES, Measure};

/// The unit of a measure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MeasureUnit {
    /// A whole number.
    Count,
    /// Percent.
    Percent,
    /// Minutes.
    Minutes,
    /// Minutes or seconds, as `reports.acd_unit` says.
    CallDuration,
    /// Calls per second.
    PerSecond,
    /// Money, in the currency of the account.
    Money,
    /// Money in the system's currency.
    SystemMoney,
    /// Money for a minute, in the currency of the account.
    MoneyPerMinute,
    /// Seconds.
    Seconds,
    /// An instant, epoch seconds.
    Time,
}

impl MeasureUnit {
    /// Its word in the list of definitions.
    pub fn word(self, reports: &Reports) -> &'static str {
        match self {
            Self::Count => "count",
            Self::Percent => "percent",
            Self::Minutes => "minutes",
            Self::CallDuration => match reports.acd_unit {
                AcdUnit::Minutes => "minutes",
                AcdUnit::Seconds => "seconds",
            },
            Self::PerSecond => "per second",
            Self::Money => "money",
            Self::SystemMoney => "money, system currency",
            Self::MoneyPerMinute => "money per minute",
            Self::Seconds => "seconds",
            Self::Time => "time",
        }
    }
}

/// The way from aggregates to a value. Values with decimals have two, rounded once.
#[derive(Clone, Copy, Debug)]
enum Formula {
    /// An aggregate as it is.
    Whole(Aggregate),
    /// a − b.
    Difference(Aggregate, Aggregate),
    /// a / n.
    Quotient(Aggregate, i128),
    /// (a − b) / n.
    QuotientOfDifference(Aggregate, Aggregate, i128),
    /// (a − b) / a × 100; null if a is 0.
    PercentLeft(Aggregate, Aggregate),
    /// An aggregate, divided by `Scale::cps_seconds`.
    PerSecond(Aggregate),
    /// a / b × 100; null if b is 0.
    Percent(Aggregate, Aggregate),
    /// a seconds / b calls, in `Scale::acd_unit`; null if b is 0.
    CallDuration(Aggregate, Aggregate),
    /// An aggregate as it is; null where it is 0.
    Present(Aggregate),
    /// Hundredths of a second; null below 0.
    Delay(Aggregate),
    /// a millionths / b seconds, a minute; null if b is 0.
    MinutePrice(Aggregate, Aggregate),
    /// Calls × earlier ASR − answered calls; null if there were no earlier calls.
    LostAnswers,
}

/// All that is known of a measure.
#[derive(Debug)]
pub struct MeasureRow {
    /// The measure.
    pub measure: Measure,
    /// The column's name.
    pub name: &'static str,
    /// The heading of a column or panel.
    pub label: &'static str,
    /// Name of the metric that Grafana offers; `None` for none.
    pub metric: Option<&'static str>,
    /// The unit.
    pub unit: MeasureUnit,
    /// The aggregates that the formula takes, in the order in which a statement reads them.
    pub aggregates: &'static [Aggregate],
    formula: Formula,
    /// A sentence for the API document.
    pub definition: fn(Side, &Reports) -> String,
    /// The source of the definition; empty where it is this program's own.
    pub standard: &'static str,
}

/// A value of a measure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Number {
    /// A count.
    Whole(i128),
    /// Hundredths of a fractional measure.
    Hundredths(i128),
    /// A number of so many decimals, in units of the last one.
    Decimal(i128, u8),
    /// A ratio with an empty denominator.
    Null,
}

impl Number {
    /// The nearest float; `None` for null.
    pub fn as_float(self) -> Option<f64> {
        match self {
            Self::Whole(value) => Some(value as f64),
            Self::Hundredths(value) => Some(value as f64 / 100.0),
            Self::Decimal(value, decimals) => Some(value as f64 / 10_f64.powi(decimals.into())),
            Self::Null => None,
        }
    }
}

/// Units that a measure needs besides its aggregates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scale {
    /// Unit of `acd`.
    pub acd_unit: AcdUnit,
    /// The divisor of `cps`, in seconds.
    pub cps_seconds: i128,
}

/// The terms of null.
const NULL: (i128, i128) = (0, 0);

impl Measure {
    /// Its row of the catalogue.
    pub fn row(self) -> &'static MeasureRow {
        // The same rows make both, in one order.
        &MEASURES[self as usize]
    }

    /// The column's name.
    pub fn name(self) -> &'static str {
        self.row().name
    }

    /// The aggregates it is made of.
    pub fn aggregates(self) -> &'static [Aggregate] {
        self.row().aggregates
    }

    /// True if it is null over nothing.
    pub fn is_ratio(self) -> bool {
        matches!(
            self.row().formula,
            Formula::Percent(..)
                | Formula::PercentLeft(..)
                | Formula::CallDuration(..)
                | Formula::Present(_)
                | Formula::Delay(_)
                | Formula::MinutePrice(..)
                | Formula::LostAnswers
        )
    }

    /// True if the values of groups add up to that of all.
    pub fn is_additive(self) -> bool {
        let adds = |sum: &Aggregate| sum.merge() == Merge::Add;
        let is_sum = matches!(
            self.row().formula,
            Formula::Whole(_) | Formula::Difference(..) | Formula::Quotient(..) | Formula::QuotientOfDifference(..)
        );
        is_sum && self.aggregates().iter().all(adds)
    }

    /// True if its change is in percent: counts and sums. That of others is the difference.
    pub fn changes_in_percent(self) -> bool {
        self.is_additive() || matches!(self, Self::DistinctSrcNumbers | Self::DistinctDstNumbers)
    }

    /// True if it is a sum of money, whose decimals a caller chooses.
    pub fn is_money(self) -> bool {
        matches!(self.row().unit, MeasureUnit::Money | MeasureUnit::SystemMoney)
    }

    /// Decimals that its values are rounded to; those of money unless a caller wants more.
    pub fn decimals(self) -> u8 {
        match self.row().formula {
            Formula::Whole(_) | Formula::Difference(..) | Formula::Present(_) => 0,
            Formula::MinutePrice(..) => 6,
            Formula::Quotient(..)
            | Formula::QuotientOfDifference(..)
            | Formula::PercentLeft(..)
            | Formula::PerSecond(_)
            | Formula::Percent(..)
            | Formula::CallDuration(..)
            | Formula::Delay(_)
            | Formula::LostAnswers => 2,
        }
    }

    /// Its terms, from the aggregates of one bucket or of them all: numerator and denominator, which is 0 for null. `sum` gives 0
    /// for a bucket without rows. Money beyond 38 digits is null.
    fn terms(self, scale: Scale, sum: impl Fn(Aggregate) -> i128) -> (i128, i128) {
        match self.row().formula {
            Formula::Whole(of) => (sum(of), 1),
            Formula::Difference(of, without) => sum(of).checked_sub(sum(without)).map_or(NULL, |left| (left, 1)),
            Formula::Quotient(of, by) => (sum(of), by),
            Formula::QuotientOfDifference(of, without, by) => (sum(of) - sum(without), by),
            Formula::PercentLeft(of, without) => {
                sum(of).checked_sub(sum(without)).map_or(NULL, |left| percent(left, sum(of)))
            }
            Formula::PerSecond(of) => (sum(of), scale.cps_seconds),
            Formula::Percent(part, of) => (sum(part) * 100, sum(of)),
            Formula::CallDuration(seconds, calls) => {
                let unit = match scale.acd_unit {
                    AcdUnit::Minutes => 60,
                    AcdUnit::Seconds => 1,
                };
                (sum(seconds), sum(calls) * unit)
            }
            Formula::Present(of) => (sum(of), i128::from(sum(of) != 0)),
            Formula::Delay(of) => (sum(of), if sum(of) < 0 { 0 } else { 100 }),
            Formula::MinutePrice(price, seconds) => (sum(price) * 60, sum(seconds) * 1_000_000),
            Formula::LostAnswers => {
                let (calls, answered) = (sum(Aggregate::Calls), sum(Aggregate::Answered));
                let (earlier, earlier_answered) = (sum(Aggregate::EarlierCalls), sum(Aggregate::EarlierAnswered));
                (calls * earlier_answered - answered * earlier, earlier)
            }
        }
    }

    /// The exact value; `None` for null.
    pub fn exact(self, scale: Scale, sum: impl Fn(Aggregate) -> i128) -> Option<Fraction> {
        let (numerator, denominator) = self.terms(scale, sum);
        Fraction::of(numerator, denominator)
    }

    /// The value, rounded to hundredths where it has decimals.
    pub fn value(self, scale: Scale, sum: impl Fn(Aggregate) -> i128) -> Number {
        let (numerator, denominator) = self.terms(scale, sum);
        match self.row().formula {
            Formula::Whole(_) | Formula::Difference(..) => Number::Whole(numerator),
            _ => ratio(numerator * 100, denominator),
        }
    }
}

/// A part in percent of the whole. Where a hundred times the part is beyond 128 bits, a hundredth of the whole stands for it, which
/// of 30 digits and more changes nothing that is shown.
fn percent(part: i128, whole: i128) -> (i128, i128) {
    const LONG: u128 = 10_u128.pow(30);
    match part.checked_mul(100) {
        Some(part) => (part, whole),
        None if whole.unsigned_abs() >= LONG => (part, whole / 100),
        None => NULL,
    }
}

/// Every aggregate that the measures need, each once, in a fixed order.
pub fn aggregates(measures: &[Measure]) -> Vec<Aggregate> {
    let mut all: Vec<Aggregate> = Vec::new();
    for sum in measures.iter().flat_map(|measure| measure.aggregates()) {
        if !all.contains(sum) {
            all.push(*sum);
        }
    }
    all
}

/// The divisor of `cps` in totals, in seconds.
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
        let sum = |s: Aggregate| match s {
            Aggregate::Calls => 180,
            Aggregate::Answered | Aggregate::Effective => 155,
            _ => 0,
        };
        assert_eq!(Measure::Asr.value(SCALE, sum), Number::Hundredths(8611));
        assert_eq!(Measure::Ner.value(SCALE, sum), Number::Hundredths(8611));
        assert_eq!(Measure::Cps.value(SCALE, |_| 140), Number::Hundredths(233));
        assert_eq!(Measure::Cps.value(SCALE, |_| 520), Number::Hundredths(867));
    }

    #[test]
    fn ratios_of_nothing_are_null() {
        for measure in [Measure::Asr, Measure::Ner, Measure::Acd] {
            assert_eq!(measure.value(SCALE, |_| 0), Number::Null, "{}", measure.name());
        }
    }

    #[test]
    fn a_percentage_of_long_sums_is_the_one_of_short_ones() {
        let exact = |revenue: i128, cost: i128| {
            let sum = |of| if of == Aggregate::Revenue { revenue } else { cost };
            Measure::MarginPercent.exact(SCALE, sum).and_then(|value| value.rounded(2))
        };
        for (revenue, cost) in [(1, 0), (3, 1), (-7, 2), (3, -5), (-3, -5)] {
            let long = 10_i128.pow(37);
            assert_eq!(exact(revenue * long + 1, cost * long), exact(revenue * 1_000_000, cost * 1_000_000));
        }
        // Of next to nothing there is no percentage that 128 bits hold exactly.
        assert_eq!(exact(150, -10_i128.pow(37)), None);
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

    /// The columns of a result find a measure's aggregates by this list.
    #[test]
    fn a_measure_is_made_of_one_or_two_aggregates_and_of_no_other() {
        for row in MEASURES {
            let compared = row.aggregates.iter().any(|sum| sum.merge() == Merge::Context);
            assert!(compared || (1..=2).contains(&row.aggregates.len()), "{}", row.name);
            let asked = std::cell::RefCell::new(Vec::new());
            row.measure.value(SCALE, |sum| {
                asked.borrow_mut().push(sum);
                1
            });
            assert!(asked.borrow().iter().all(|sum| row.aggregates.contains(sum)), "{}", row.name);
        }
    }

    #[test]
    fn each_sum_is_asked_for_once() {
        assert_eq!(
            aggregates(&[Measure::TotalCalls, Measure::Acd, Measure::Asr, Measure::Cps]),
            [Aggregate::Calls, Aggregate::Answered, Aggregate::AnsweredSeconds]
        );
    }
}
