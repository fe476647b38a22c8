//! Exact fractions of the oracle: integers of 128 bits, rounded once.

use std::cmp::Ordering;

/// A fraction in lowest terms; its denominator is above 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exact {
    pub over: i128,
    pub under: i128,
}

impl Exact {
    /// `None` over nothing.
    pub fn new(over: i128, under: i128) -> Option<Self> {
        if under == 0 {
            return None;
        }
        let shared = divisor(over.abs(), under.abs()).max(1) * under.signum();
        Some(Self { over: over / shared, under: under / shared })
    }

    pub fn whole(over: i128) -> Self {
        Self { over, under: 1 }
    }

    pub fn minus(self, other: Self) -> Self {
        let shared = divisor(self.under, other.under);
        let over = self.over * (other.under / shared) - other.over * (self.under / shared);
        Self::new(over, self.under / shared * other.under).unwrap()
    }

    /// In percent of another; `None` of 0.
    pub fn percent_of(self, other: Self) -> Option<Self> {
        let (one, two) = (Self::new(self.over * 100, other.over)?, Self::new(other.under, self.under)?);
        let (one, two) = (Self::new(one.over, two.under)?, Self::new(two.over, one.under)?);
        Self::new(one.over * two.over, one.under * two.under)
    }

    /// In units of the last of so many decimals, half away from zero.
    pub fn rounded(self, decimals: u32) -> i128 {
        let scaled = self.over.abs() * 10_i128.pow(decimals);
        let size = (2 * scaled + self.under) / (2 * self.under);
        if self.over < 0 { -size } else { size }
    }
}

impl PartialOrd for Exact {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Exact {
    /// By whole parts, then by the fractions that remain: no product that might not fit.
    fn cmp(&self, other: &Self) -> Ordering {
        let (mut one, mut two, mut turned) = (*self, *other, false);
        loop {
            let whole = |of: Self| of.over.div_euclid(of.under);
            let rest = |of: Self| of.over.rem_euclid(of.under);
            let order = whole(one).cmp(&whole(two)).then_with(|| match (rest(one), rest(two)) {
                (0, 0) => Ordering::Equal,
                (0, _) => Ordering::Less,
                (_, 0) => Ordering::Greater,
                _ => Ordering::Equal,
            });
            if order != Ordering::Equal || rest(one) == 0 {
                return if turned { order.reverse() } else { order };
            }
            let turn = |of: Self| Self { over: of.under, under: rest(of) };
            (one, two, turned) = (turn(one), turn(two), !turned);
        }
    }
}

fn divisor(one: i128, other: i128) -> i128 {
    if other == 0 { one } else { divisor(other, one % other) }
}

/// Units of the last decimal as text, with one decimal at least and no zeros behind that.
pub fn text(units: i128, decimals: usize) -> String {
    let (sign, size) = (if units < 0 { "-" } else { "" }, units.unsigned_abs());
    let digits = format!("{size:0>width$}", width = decimals + 1);
    let (whole, part) = digits.split_at(digits.len() - decimals);
    let part = part.trim_end_matches('0');
    format!("{sign}{whole}.{}", if part.is_empty() { "0" } else { part })
}

#[test]
fn fractions_compare_and_round_exactly() {
    let of = |over, under| Exact::new(over, under).unwrap();
    assert!(of(1, 3) < of(34, 100) && of(-1, 3) > of(-34, 100) && of(-1, 2) < of(1, 1000));
    assert_eq!(of(2, -6), of(-1, 3));
    assert_eq!(of(1, 3).cmp(&of(2, 6)), Ordering::Equal);
    assert_eq!(text(of(-1, 200).rounded(2), 2), "-0.01");
    assert_eq!(text(of(-1, 201).rounded(2), 2), "0.0");
    assert_eq!(text(of(5, 2).rounded(6), 6), "2.5");
    assert_eq!(of(1, 3).minus(of(1, 2)), of(-1, 6));
    assert_eq!(of(1, 3).percent_of(of(-1, 6)), Some(of(-200, 1)));
}
