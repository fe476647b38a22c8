//! The length of a panel's buckets: as fine as the panel can draw, or as the payload says.

use serde_json::{Value, json};

use crate::query::sampling::Sampling;

/// The lengths offered, ascending, in milliseconds.
const STEPS: &[(f64, Sampling)] = &[
    (60e3, Sampling::Minute),
    (300e3, Sampling::Minutes5),
    (900e3, Sampling::Minutes15),
    (1_800e3, Sampling::Minutes30),
    (3_600e3, Sampling::Hour),
    (21_600e3, Sampling::Hours6),
    (86_400e3, Sampling::Day),
];

/// The smallest length that is at least `interval` and no more buckets than `points`; either may be missing or 0.
pub fn choose(range: f64, interval: Option<f64>, points: Option<f64>) -> Sampling {
    let per_point = points.filter(|points| *points > 0.0).map_or(0.0, |points| range / points);
    at_least(per_point.max(interval.unwrap_or(0.0)))
}

fn at_least(milliseconds: f64) -> Sampling {
    STEPS.iter().find(|(step, _)| *step >= milliseconds).map_or(Sampling::Day, |(_, sampling)| *sampling)
}

/// A length of which a range has about 24, for what shows no times: few, so that they are few sums, but no more than needed at
/// the ends.
pub fn few(seconds: i64) -> Sampling {
    at_least(seconds.max(0) as f64 * 1000.0 / 24.0)
}

/// Seconds of a length, clocks that change aside.
pub fn seconds(sampling: Sampling) -> i64 {
    let length = STEPS.iter().find(|(_, step)| *step == sampling).map_or(86_400e3, |(length, _)| *length);
    (length / 1000.0) as i64
}

/// The next longer length.
pub fn longer(sampling: Sampling) -> Option<Sampling> {
    let place = STEPS.iter().position(|(_, step)| *step == sampling)?;
    STEPS.get(place + 1).map(|(_, step)| *step)
}

/// A length as the payload names it: one of ours, or one of Grafana's (`30s`, `5m`, `1h`, `1d`, or milliseconds), which is
/// rounded up. The inner `None` is "by the panel's width".
pub fn named(text: &str) -> Option<Option<Sampling>> {
    if matches!(text, "auto" | "automatic") {
        return Some(None);
    }
    if let Some((_, sampling)) = STEPS.iter().find(|(_, sampling)| sampling.name() == text) {
        return Some(Some(*sampling));
    }
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (number, unit) = text.split_at(digits);
    let unit = match unit {
        "" | "ms" => 1.0,
        "s" => 1e3,
        "m" => 60e3,
        "h" => 3_600e3,
        "d" => 86_400e3,
        _ => return None,
    };
    number.parse::<f64>().ok().map(|number| Some(at_least(number * unit)))
}

/// The lengths, for a select list.
pub fn options() -> Value {
    let auto = json!({ "label": "By the panel's width", "value": "auto" });
    let named = STEPS.iter().map(|(_, sampling)| json!({ "label": sampling.name(), "value": sampling.name() }));
    std::iter::once(auto).chain(named).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_is_at_least_the_interval_and_the_range_over_the_points() {
        let hours = |n: f64| n * 3_600e3;
        assert_eq!(choose(hours(6.0), Some(15e3), Some(1440.0)), Sampling::Minute);
        assert_eq!(choose(hours(6.0), Some(60_001.0), Some(0.0)), Sampling::Minutes5);
        assert_eq!(choose(hours(24.0), None, Some(100.0)), Sampling::Minutes15);
        assert_eq!(choose(hours(24.0), None, Some(50.0)), Sampling::Minutes30);
        assert_eq!(choose(hours(24.0 * 30.0), Some(1e3), Some(500.0)), Sampling::Hours6);
        assert_eq!(choose(hours(24.0 * 900.0), None, Some(10.0)), Sampling::Day);
        assert_eq!(choose(hours(1.0), None, None), Sampling::Minute);
    }

    #[test]
    fn lengths_have_names() {
        assert_eq!(named("5minutes"), Some(Some(Sampling::Minutes5)));
        assert_eq!(named("30s"), Some(Some(Sampling::Minute)));
        assert_eq!(named("2h"), Some(Some(Sampling::Hours6)));
        assert_eq!(named("60000"), Some(Some(Sampling::Minute)));
        assert_eq!(named("auto"), Some(None));
        for text in ["week", "m", "", "1y", "-1h"] {
            assert_eq!(named(text), None, "{text:?}");
        }
    }
}
