//! Many connections at once, each asking again as soon as it is answered, for a bounded time. One thread a core, each with
//! its share of the connections, so that nothing is handed from thread to thread.

use std::time::{Duration, Instant};

use futures_util::future::try_join_all;

use crate::Result;
use crate::wire::Wire;

/// What a run came to.
pub struct Run {
    /// Answers a second.
    pub per_second: f64,
    /// How long each took, in microseconds, ascending.
    pub micros: Vec<u32>,
}

impl Run {
    /// The time within which this share of the answers came, in milliseconds.
    pub fn within(&self, share: f64) -> f64 {
        let place = (self.micros.len() as f64 * share).ceil() as usize;
        self.micros.get(place.saturating_sub(1)).map_or(f64::NAN, |micros| f64::from(*micros) / 1000.0)
    }
}

/// Drives `connections` for `time`; connection `i` begins with request `i` and goes round. Every answer must have `status`.
pub async fn drive(
    authority: &str,
    requests: Vec<Vec<u8>>,
    connections: usize,
    time: Duration,
    status: u16,
) -> Result<Run> {
    let authority = authority.to_owned();
    tokio::task::spawn_blocking(move || run(&authority, &requests, connections, time, status)).await?
}

fn run(authority: &str, requests: &[Vec<u8>], connections: usize, time: Duration, status: u16) -> Result<Run> {
    let threads = std::thread::available_parallelism()?.get().min(connections);
    let parts: Vec<Result<(Vec<u32>, f64)>> = std::thread::scope(|scope| {
        let begun: Vec<_> = (0..threads)
            .map(|thread| {
                let own: Vec<usize> = (thread..connections).step_by(threads).collect();
                scope.spawn(move || {
                    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
                    // An engine that answers slowly is given time to finish what was asked before the end.
                    let limit = time + Duration::from_secs(60);
                    runtime.block_on(async {
                        tokio::time::timeout(limit, part(authority, requests, own, time, status)).await?
                    })
                })
            })
            .collect();
        begun.into_iter().map(|thread| thread.join().unwrap_or_else(|_| Err("a load thread failed".into()))).collect()
    });
    let mut all = Run { per_second: 0.0, micros: Vec::new() };
    for part in parts {
        let (micros, seconds) = part?;
        all.per_second += micros.len() as f64 / seconds;
        all.micros.extend(micros);
    }
    all.micros.sort_unstable();
    Ok(all)
}

async fn part(
    authority: &str,
    requests: &[Vec<u8>],
    own: Vec<usize>,
    time: Duration,
    status: u16,
) -> Result<(Vec<u32>, f64)> {
    let wires = try_join_all(own.iter().map(|_| Wire::connect(authority))).await?;
    let begun = Instant::now();
    let asking = own.into_iter().zip(wires).map(|(first, mut wire)| async move {
        let mut micros = Vec::with_capacity(1 << 12);
        for request in requests.iter().cycle().skip(first % requests.len()) {
            let asked = Instant::now();
            if asked - begun >= time {
                break;
            }
            let got = wire.ask(request).await?;
            if got != status {
                return Err(format!("status {got} instead of {status}: {}", wire.text()).into());
            }
            micros.push(u32::try_from(asked.elapsed().as_micros()).unwrap_or(u32::MAX));
        }
        Ok::<_, crate::Error>(micros)
    });
    let micros = try_join_all(asking).await?.concat();
    Ok((micros, begun.elapsed().as_secs_f64()))
}
