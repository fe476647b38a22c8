//! Exact fractions: compared and subtracted without rounding, and rounded once.

use std::cmp::Ordering;

/// A numerator over a denominator above 0.
#[derive(Clone, Copy, Debug)]
pub struct Fraction {
    numerator: i128,
    denominator: i128,
}

impl Fraction {
    /// The quotient of two numbers; `None` over nothing.
    pub fn of(numerator: i128, denominator: i128) -> Option<Self> {
        match denominator.cmp(&0) {
            Ordering::Greater => Some(Self { numerator, denominator }),
            Ordering::Equal => None,
            Ordering::Less => {
                Some(Self { numerator: numerator.checked_neg()?, denominator: denominator.checked_neg()? })
            }
        }
    }

    /// The difference. Of ratios whose terms' products are beyond 128 bits, such as those of sums of money, what is behind the
    /// whole part is rounded to 12 decimals. `None` if the whole part is beyond them too.
    pub fn minus(self, other: Self) -> Option<Self> {
        // Of counts and of ratios of counts, where nothing has to be made shorter to fit.
        if let (Some(one), Some(other)) = (self.short(), other.short()) {
            let [numerator, denominator] = match one.1 == other.1 {
                true => [one.0 - other.0, one.1],
                false => [one.0 * other.1 - other.0 * one.1, one.1 * other.1],
            };
            return Self::of(numerator.into(), denominator.into());
        }
        let (a, b) = (self.reduced(), other.reduced());
        a.minus_exactly(b).or_else(|| {
            let scale = 10_i128.pow(Self::DECIMALS_OF_LONG.into());
            Self::of(a.rounded(Self::DECIMALS_OF_LONG)?.checked_sub(b.rounded(Self::DECIMALS_OF_LONG)?)?, scale)
        })
    }

    /// Decimals of a difference that 128 bits do not hold exactly.
    const DECIMALS_OF_LONG: u8 = 12;

    fn minus_exactly(self, other: Self) -> Option<Self> {
        let (a, b) = (self, other);
        let common = gcd(a.denominator, b.denominator).max(1);
        let (left, right) = (b.denominator / common, a.denominator / common);
        let numerator = a.numerator.checked_mul(left)?.checked_sub(b.numerator.checked_mul(right)?)?;
        Self::of(numerator, a.denominator.checked_mul(left)?)
    }

    /// The quotient of two fractions in percent; `None` over nothing, or beyond 128 bits.
    pub fn percent_of(self, whole: Self) -> Option<Self> {
        if let (Some(part), Some(whole)) = (self.short(), whole.short()) {
            return Self::of(i128::from(part.0 * whole.1) * 100, (part.1 * whole.0).into());
        }
        let (a, b) = (self.reduced(), whole.reduced());
        // Sums of money have the same long denominator.
        let common = gcd(a.denominator, b.denominator).max(1);
        let numerator = a.numerator.checked_mul(b.denominator / common)?.checked_mul(100)?;
        Self::of(numerator, (a.denominator / common).checked_mul(b.numerator)?)
    }

    /// The nearest number of so many decimals, in units of the last of them; halves go away from zero. `None` beyond 128 bits.
    pub fn rounded(self, decimals: u8) -> Option<i128> {
        if let Some(rounded) = self.rounded_short(decimals) {
            return Some(rounded.into());
        }
        let scale = 10_i128.checked_pow(decimals.into())?;
        let (whole, mut rest) = (self.numerator / self.denominator, self.numerator % self.denominator);
        let mut part = 0;
        // Digit by digit: the remainder times the scale may be beyond 128 bits where each step is not.
        for _ in 0..decimals {
            let scaled = rest.checked_mul(10)?;
            part = part * 10 + scaled / self.denominator;
            rest = scaled % self.denominator;
        }
        let up = if rest.unsigned_abs() >= self.denominator.unsigned_abs() - rest.unsigned_abs() {
            rest.signum()
        } else {
            0
        };
        whole.checked_mul(scale)?.checked_add(part)?.checked_add(up)
    }

    /// The same in 64 bits, whose divisions are many times as fast; `None` where that does not fit.
    fn rounded_short(self, decimals: u8) -> Option<i64> {
        let scaled = i64::try_from(self.numerator).ok()?.checked_mul(10_i64.checked_pow(decimals.into())?)?;
        let denominator = i64::try_from(self.denominator).ok()?;
        let rest = scaled % denominator;
        let is_up = rest.unsigned_abs() >= denominator.unsigned_abs() - rest.unsigned_abs();
        (scaled / denominator).checked_add(if is_up { rest.signum() } else { 0 })
    }

    /// Numerator and denominator, if products of two such terms and their differences fit in 64 bits.
    fn short(self) -> Option<(i64, i64)> {
        const LONGEST: i128 = 1 << 30;
        let is_short = (-LONGEST..=LONGEST).contains(&self.numerator) && self.denominator <= LONGEST;
        is_short.then(|| Some((i64::try_from(self.numerator).ok()?, i64::try_from(self.denominator).ok()?))).flatten()
    }

    fn reduced(self) -> Self {
        let common = gcd(self.numerator, self.denominator).max(1);
        Self { numerator: self.numerator / common, denominator: self.denominator / common }
    }
}

fn gcd(a: i128, b: i128) -> i128 {
    if b == 0 { a.checked_abs().unwrap_or(1) } else { gcd(b, a % b) }
}

/// Compares the products of the terms; where one does not fit, by whole parts and then by what is left of each, upside down, as Euclid's algorithm does.
impl Ord for Fraction {
    fn cmp(&self, other: &Self) -> Ordering {
        // Nearly all terms are short, and 128-bit divisions are slow.
        let product = |one: &Self, other: &Self| one.numerator.checked_mul(other.denominator);
        if let (Some(left), Some(right)) = (product(self, other), product(other, self)) {
            return left.cmp(&right);
        }
        let parts = |of: &Self| (of.numerator.div_euclid(of.denominator), of.numerator.rem_euclid(of.denominator));
        let ((whole, rest), (other_whole, other_rest)) = (parts(self), parts(other));
        match (whole.cmp(&other_whole), rest, other_rest) {
            (Ordering::Equal, 0, _) | (Ordering::Equal, _, 0) => rest.cmp(&other_rest),
            (Ordering::Equal, ..) => {
                let upside_down = |of: &Self, rest| Self { numerator: of.denominator, denominator: rest };
                upside_down(other, other_rest).cmp(&upside_down(self, rest))
            }
            (unequal, ..) => unequal,
        }
    }
}

impl PartialOrd for Fraction {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Fraction {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Fraction {}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn fraction(numerator: i128, denominator: i128) -> Fraction {
        Fraction::of(numerator, denominator).unwrap()
    }

    #[test]
    fn over_nothing_there_is_none() {
        assert_eq!(Fraction::of(1, 0), None);
        assert_eq!(fraction(1, 2).percent_of(fraction(0, 3)), None);
    }

    #[test]
    fn halves_go_away_from_zero() {
        for (numerator, denominator, rounded) in
            [(1, 200, 1), (-1, 200, -1), (1, 201, 0), (3, 2, 150), (-7, 3, -233), (2, -3, -67)]
        {
            assert_eq!(fraction(numerator, denominator).rounded(2), Some(rounded), "{numerator}/{denominator}");
        }
    }

    #[test]
    fn large_terms_are_compared_exactly() {
        let large = i128::MAX / 2;
        assert!(fraction(large, large - 1) > fraction(large + 1, large));
        assert!(fraction(-large, large - 1) < fraction(-large - 1, large));
        assert_eq!(fraction(large, 2 * (large / 2)).cmp(&fraction(1, 1)), large.cmp(&(2 * (large / 2))));
    }

    #[test]
    fn differences_of_long_ratios_are_there() {
        // Margins in percent of 43 and 31 thousand, in units of 1e-15.
        let now = fraction(100 * 12_345_678_901_234_567_891, 43_000_000_000_000_000_123);
        let before = fraction(100 * -2_345_678_901_234_567_891, 31_000_000_000_000_000_457);
        assert_eq!(now.minus(before).unwrap().rounded(6), Some(36_277_587));
        assert_eq!(before.minus(now).unwrap().rounded(2), Some(-3628));
        assert_eq!(now.minus(now).unwrap().rounded(2), Some(0));
        // Of hundreds of thousands of millions, as in rupiahs and dong.
        let large = 1_000_000_000_000_000_000_000_000_003;
        let (now, before) = (fraction(100 * (large / 3), large), fraction(100 * (large / 4), large + 7));
        assert_eq!(now.minus(before).unwrap().rounded(6), Some(8_333_333));
    }

    proptest! {
        #[test]
        fn small_terms_are_what_products_say(a in -999_i128..999, b in 1_i128..99, c in -999_i128..999, d in 1_i128..99) {
            let (one, other) = (fraction(a, b), fraction(c, d));
            prop_assert_eq!(one.cmp(&other), (a * d).cmp(&(c * b)));
            // Of terms whose products do not fit.
            let long = |numerator, denominator| fraction(numerator * 10_i128.pow(20), denominator * 10_i128.pow(20));
            prop_assert_eq!(long(a, b).cmp(&long(c, d)), (a * d).cmp(&(c * b)));
            prop_assert_eq!(one.minus(other).unwrap(), fraction(a * d - c * b, b * d));
            prop_assert_eq!(long(a, b).minus(long(c, d)).unwrap(), fraction(a * d - c * b, b * d));
            if c != 0 {
                prop_assert_eq!(one.percent_of(other).unwrap(), fraction(100 * a * d, b * c));
                prop_assert_eq!(long(a, b).percent_of(long(c, d)).unwrap(), fraction(100 * a * d, b * c));
            }
            // Twice the distance is at most one unit of the last decimal.
            let rounded = one.rounded(3).unwrap();
            prop_assert!((rounded * b - a * 1000).abs() * 2 <= b);
            prop_assert_eq!(long(a, b).rounded(3).unwrap(), rounded);
        }
    }
}
