//! How long callers waited for the first ringing: counts by hundredths of a second, which add up exactly whatever was cut
//! where. Figures show hundredths, so a percentile of them is the exact one, rounded as it is shown.

/// Delays above this many hundredths count as so long: a minute, which no caller waits for.
pub const LONGEST: u16 = 6000;

/// How often each delay occurred, in hundredths of a second, ascending.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Delays(Vec<(u16, u64)>);

impl Delays {
    /// Counts by delay, which must ascend and be at least 1 each; `None` otherwise.
    pub fn new(counts: Vec<(u16, u64)>) -> Option<Self> {
        let ascending = counts.windows(2).all(|pair| matches!(pair, [a, b] if a.0 < b.0));
        (ascending && counts.iter().all(|(delay, count)| *delay <= LONGEST && *count > 0)).then_some(Self(counts))
    }

    /// Adds the counts of `other`. `None` on overflow.
    pub fn add(&mut self, other: &Self) -> Option<()> {
        if self.0.is_empty() {
            self.0.clone_from(&other.0);
            return Some(());
        }
        let mut sum: Vec<(u16, u64)> = Vec::with_capacity(self.0.len() + other.0.len());
        let (mut own, mut others) = (self.0.iter().peekable(), other.0.iter().peekable());
        while let Some(delay) = own.peek().into_iter().chain(others.peek()).map(|(delay, _)| *delay).min() {
            let here = |pair: &&(u16, u64)| pair.0 == delay;
            let count = |pair: Option<&(u16, u64)>| pair.map_or(0, |(_, count)| *count);
            sum.push((delay, count(own.next_if(here)).checked_add(count(others.next_if(here)))?));
        }
        sum.shrink_to_fit();
        self.0 = sum;
        Some(())
    }

    /// The delay that `percent` of all delays do not exceed (nearest rank), in hundredths of a second; `None` without one.
    pub fn percentile(&self, percent: u8) -> Option<u16> {
        let total: u128 = self.0.iter().map(|(_, count)| u128::from(*count)).sum();
        // The smallest rank that is at least percent of the total.
        let rank = (total * u128::from(percent)).div_ceil(100).max(1);
        let mut below = 0;
        self.0.iter().find_map(|(delay, count)| {
            below += u128::from(*count);
            (below >= rank).then_some(*delay)
        })
    }

    /// Bytes of memory that the counts take.
    pub fn bytes(&self) -> usize {
        size_of::<Self>() + self.0.capacity() * size_of::<(u16, u64)>()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(delays: &[u16]) -> Delays {
        let mut counts = std::collections::BTreeMap::new();
        for delay in delays {
            *counts.entry(*delay).or_insert(0) += 1;
        }
        Delays::new(counts.into_iter().collect()).unwrap()
    }

    #[test]
    fn without_a_delay_there_is_no_percentile() {
        assert_eq!(Delays::default().percentile(50), None);
        assert_eq!(of(&[7]).percentile(1), Some(7));
        assert_eq!(of(&[1, 2]).percentile(50), Some(1));
        assert_eq!(of(&[1, 2, 3]).percentile(50), Some(2));
    }

    #[test]
    fn counts_that_do_not_ascend_are_refused() {
        for counts in [vec![(2, 1), (1, 1)], vec![(1, 1), (1, 1)], vec![(1, 0)], vec![(LONGEST + 1, 1)]] {
            assert_eq!(Delays::new(counts.clone()), None, "{counts:?}");
        }
    }

    proptest! {
        #[test]
        fn percentiles_are_the_nearest_ranks_of_all_delays_however_they_were_cut(
            one in prop::collection::vec(0..=LONGEST, 0..200), two in prop::collection::vec(0..50_u16, 0..200), percent in 1..=100_u8,
        ) {
            let mut sum = of(&one);
            sum.add(&of(&two)).unwrap();
            let mut all = [one, two].concat();
            all.sort_unstable();
            prop_assert_eq!(&sum, &of(&all));
            let rank = (all.len() * usize::from(percent)).div_ceil(100).max(1);
            prop_assert_eq!(sum.percentile(percent), all.get(rank - 1).copied());
        }
    }
}
