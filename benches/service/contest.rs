//! Sides that are measured in turns, so that whatever else the machine does meets all of them alike.

use std::time::{Duration, Instant};

use crate::wire::Wire;
use crate::{Pace, Result};

/// Longest wait for one answer.
const LONGEST: Duration = Duration::from_secs(120);

/// A question on a connection of its own, and how long its answers took.
pub struct Side {
    wire: Wire,
    request: Vec<u8>,
    /// Milliseconds, in the order of the rounds.
    pub times: Vec<f64>,
}

impl Side {
    /// A side that asks `authority`.
    pub async fn new(authority: &str, request: Vec<u8>) -> Result<Self> {
        Ok(Self { wire: Wire::connect(authority).await?, request, times: Vec::new() })
    }

    async fn ask(&mut self) -> Result<f64> {
        let asked = Instant::now();
        let status = tokio::time::timeout(LONGEST, self.wire.ask(&self.request)).await??;
        let time = asked.elapsed().as_secs_f64() * 1000.0;
        if status != 200 {
            return Err(format!("status {status}: {}", self.wire.text()).into());
        }
        Ok(time)
    }

    /// Median of the times, in milliseconds.
    pub fn median(&self) -> f64 {
        median(&self.times)
    }
}

/// Asks all sides in turns until the pace says enough; the first round, which warms up, does not count.
pub async fn in_turns(sides: &mut [Side], pace: Pace) -> Result<()> {
    for side in sides.iter_mut() {
        side.ask().await?;
    }
    let begun = Instant::now();
    for round in 0..pace.most_rounds {
        if round >= pace.least_rounds && begun.elapsed() >= pace.contest {
            break;
        }
        for side in sides.iter_mut() {
            let time = side.ask().await?;
            side.times.push(time);
        }
    }
    Ok(())
}

/// The middle of the values; NaN of none.
pub fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    match (sorted.get(sorted.len().saturating_sub(1) / 2), sorted.get(sorted.len() / 2)) {
        (Some(below), Some(above)) => f64::midpoint(*below, *above),
        _ => f64::NAN,
    }
}
