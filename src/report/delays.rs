//! Post-dial delay (ITU-T E.721): the wait for the first ringing. It is a dimension, in hundredths of a second, so that
//! counts add up exactly across segments. Percentiles are exact at that resolution. There is no mean of delays.

/// Delays above this many hundredths count as so long: a minute, which no caller waits for.
pub const LONGEST: u32 = 6000;

/// The delay that `percent` of all calls that rang do not exceed (nearest rank), in hundredths of a second; `None` without
/// one. Counts are by key, in any order: a key is one more than the delay, and 0 for calls that did not ring.
pub fn percentile(counts: impl IntoIterator<Item = (u32, i128)>, percent: u8) -> Option<u32> {
    let mut counts: Vec<(u32, i128)> = counts.into_iter().collect();
    counts.sort_unstable();
    percentile_of_sorted(&counts, percent)
}

/// The same of counts that ascend by key.
pub fn percentile_of_sorted(counts: &[(u32, i128)], percent: u8) -> Option<u32> {
    let counts = counts.iter().filter(|(key, _)| *key > 0);
    let total: i128 = counts.clone().map(|(_, count)| *count).sum();
    // The smallest rank that is at least percent of the total: (n + 99) / 100 rounds up.
    let rank = ((total * i128::from(percent) + 99) / 100).max(1);
    let mut below = 0;
    counts.into_iter().find_map(|(key, count)| {
        below += count;
        (below >= rank).then_some(key - 1)
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn without_ringing_there_is_no_percentile() {
        assert_eq!(percentile([], 50), None);
        assert_eq!(percentile([(0, 5)], 50), None);
        assert_eq!(percentile([(0, 5), (8, 1)], 1), Some(7));
        assert_eq!(percentile([(2, 1), (1, 1)], 50), Some(0));
        assert_eq!(percentile([(1, 1), (3, 1), (2, 1)], 50), Some(1));
    }

    proptest! {
        #[test]
        fn percentiles_are_the_nearest_ranks_of_all_delays(mut delays in prop::collection::vec(0..=LONGEST, 0..300), percent in 1..=100_u8) {
            let found = percentile(delays.iter().map(|delay| (delay + 1, 1)), percent);
            delays.sort_unstable();
            let rank = (delays.len() * usize::from(percent)).div_ceil(100).max(1);
            prop_assert_eq!(found, delays.get(rank - 1).copied());
        }
    }
}
