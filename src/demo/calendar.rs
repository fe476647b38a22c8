//! Start times of the made-up calls: a daily and weekly rhythm, cut into segments with a known number of calls each.

use super::Options;

/// A segment of time in which the calls are spread evenly.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct DemoSegment {
    /// Epoch seconds.
    pub start: u64,
    /// Seconds.
    pub length: u64,
    /// Number of its first call.
    pub first: u64,
    /// Number of calls that start in it.
    pub calls: u64,
}

/// The calls `from..to` of a segment: what one insert makes of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct SegmentCalls {
    pub segment: DemoSegment,
    pub from: u64,
    pub to: u64,
}

const SEGMENT_SECONDS: u64 = 900;
/// Pieces of one insert, four weeks of segments: as a parameter each takes 40 bytes or so, and ClickHouse takes 128 KiB.
const MOST_PIECES: usize = 2_700;
const HOUR: u64 = 3600;
const DAY: u64 = 24 * HOUR;

/// Traffic by hour (UTC) of a working day, relative; Saturday and Sunday have less and a flatter curve.
const WORKING_DAY: [f64; 24] = [
    0.16, 0.12, 0.10, 0.09, 0.11, 0.18, 0.34, 0.62, 0.88, 1.00, 1.00, 0.93, 0.86, 0.95, 1.00, 0.97, 0.90, 0.80, 0.70,
    0.61, 0.52, 0.42, 0.31, 0.22,
];
const SATURDAY: f64 = 0.62;
const SUNDAY: f64 = 0.48;

/// The segments from `options.from` to `options.to`; their calls add up to `options.calls`.
pub(super) fn segments(options: &Options) -> Vec<DemoSegment> {
    let (from, to) = (u64::from(options.from), u64::from(options.to));
    let mut stretches = Vec::new();
    let mut start = from;
    while start < to {
        let end = to.min((start / SEGMENT_SECONDS + 1) * SEGMENT_SECONDS);
        stretches.push((start, end - start));
        start = end;
    }
    let weights = stretches.iter().map(|&(start, length)| {
        // A few percent up or down, as on any real line.
        let noise = (mix(options.seed ^ start) % 1000) as f64 / 1000.0;
        length as f64 * intensity(start + length / 2) * (0.96 + 0.08 * noise)
    });
    let mut total = 0.0;
    let sums: Vec<f64> = weights
        .map(|weight| {
            total += weight;
            total
        })
        .collect();
    let mut first = 0;
    let spread = stretches.into_iter().zip(sums).map(|((start, length), sum)| {
        let end = (options.calls as f64 * (sum / total)).round() as u64;
        let segment = DemoSegment { start, length, first, calls: end - first };
        first = end;
        segment
    });
    spread.filter(|segment| segment.calls > 0).collect()
}

/// Cuts segments into slices of at most `most` calls and [`MOST_PIECES`] pieces.
pub(super) fn slices(segments: &[DemoSegment], most: u64) -> Vec<Vec<SegmentCalls>> {
    let mut slices = Vec::new();
    let mut slice = Vec::new();
    let mut room = most;
    for &segment in segments {
        let mut from = 0;
        while from < segment.calls {
            let to = segment.calls.min(from + room);
            slice.push(SegmentCalls { segment, from, to });
            room -= to - from;
            from = to;
            if room == 0 || slice.len() == MOST_PIECES {
                slices.push(std::mem::take(&mut slice));
                room = most;
            }
        }
    }
    if !slice.is_empty() {
        slices.push(slice);
    }
    slices
}

/// Traffic at a moment, between the values of the full hours around it.
fn intensity(at: u64) -> f64 {
    let part = (at % HOUR) as f64 / HOUR as f64;
    at_hour(at / HOUR) * (1.0 - part) + at_hour(at / HOUR + 1) * part
}

fn at_hour(hour: u64) -> f64 {
    let weekday = WORKING_DAY[(hour % 24) as usize];
    // The epoch began on a Thursday.
    match (hour * HOUR / DAY + 4) % 7 {
        0 => SUNDAY * (0.3 * 0.55 + 0.7 * weekday),
        6 => SATURDAY * (0.2 * 0.55 + 0.8 * weekday),
        _ => weekday,
    }
}

/// A well mixed number from any other (the finalizer of splitmix64).
fn mix(mut x: u64) -> u64 {
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(calls: u64, from: u32, to: u32) -> Options {
        Options { calls, from, to, ..Options::default() }
    }

    #[test]
    fn segments_hold_every_call_once_and_fill_the_range() {
        for (calls, from, to) in [
            (1, 100, 101),
            (999_999, 1_767_225_601, 1_769_644_807),
            (5, 0, 86_400 * 28),
            (200_000, 0, 86_400 * 365),
            (10_000_000, 7, 3607),
        ] {
            let segments = segments(&options(calls, from, to));
            assert_eq!(segments.iter().map(|s| s.calls).sum::<u64>(), calls);
            assert!(segments.iter().all(|s| s.start >= u64::from(from) && s.start + s.length <= u64::from(to)));
            assert!(segments.windows(2).all(|w| w[0].first + w[0].calls == w[1].first && w[0].start < w[1].start));
            for most in [1_000, 250_000] {
                let slices = slices(&segments, most.max(calls / 50));
                assert_eq!(slices.iter().flatten().map(|p| p.to - p.from).sum::<u64>(), calls);
                assert!(slices.iter().all(|slice| slice.len() <= MOST_PIECES));
            }
        }
    }

    #[test]
    fn working_hours_are_busier_than_nights_and_sundays() {
        let monday = 1_767_571_200; // 2026-01-05
        let ten = intensity(monday + 10 * HOUR);
        assert!(ten > 5.0 * intensity(monday + 3 * HOUR));
        assert!(ten > 1.8 * intensity(monday - DAY + 10 * HOUR));
    }
}
