//! `make bench`: how fast cdrscope is, next to what it is compared with, measured in turns within one run.
//!
//! | file | what |
//! | --- | --- |
//! | `world` | an engine, made-up calls in it, the baseline: the same calls ordered by time |
//! | `ask` | questions to the service, and the same in SQL to the engine |
//! | `wire`, `load`, `contest` | a loopback client, many connections at once, sides in turns |
//! | `process`, `bare`, `tap` | servers as processes, the bare Actix handler, a relay that counts statements and rows |
//! | `cold`, `breakdowns`, `warm`, `live`, `growth`, `upkeep`, `loading`, `rollups`, `equal`, `files`, `cuts` | what is measured |
//! | `report` | the table, with ratios beside the targets |
//!
//! | environment | what |
//! | --- | --- |
//! | `CALLS` | calls in the month, 20 million by default; fewer than 5 million makes every measurement short too |
//! | `BENCH_DATA` | where the engine's data stays between runs, `bench-data` in the target folder by default |
//! | `BENCH_ONLY` | names of measurements, separated by commas, instead of all |
//! | `BENCH_SAVE` | `1` writes the table to `docs/benchmark.md` too |

mod ask;
mod bare;
mod breakdowns;
mod cold;
mod contest;
mod cuts;
mod equal;
mod files;
mod growth;
mod live;
mod load;
mod loading;
mod process;
mod report;
mod rollups;
mod tap;
mod upkeep;
mod warm;
mod wire;
mod world;

use std::io::Write as _;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use report::Report;
use world::World;

/// Any failure: what went wrong, in words.
pub type Error = Box<dyn std::error::Error + Send + Sync>;
/// What may fail.
pub type Result<T> = std::result::Result<T, Error>;

/// How long to measure.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// Time for one contest of two sides.
    pub contest: Duration,
    /// Rounds of a contest, even if they take longer.
    pub least_rounds: usize,
    /// Rounds of a contest, even if there is time left.
    pub most_rounds: usize,
    /// Length of one run of many connections.
    pub load: Duration,
    /// Such runs of each side, in turns.
    pub loads: usize,
    /// Seconds that the live dashboard is watched.
    pub watched: u64,
}

impl Pace {
    const FULL: Self = Self {
        contest: Duration::from_secs(4),
        least_rounds: 9,
        most_rounds: 301,
        load: Duration::from_secs(3),
        loads: 5,
        watched: 20,
    };
    const QUICK: Self = Self {
        contest: Duration::from_millis(700),
        least_rounds: 5,
        most_rounds: 101,
        load: Duration::from_secs(1),
        loads: 3,
        watched: 10,
    };
}

/// Calls below which everything is short.
const QUICK_CALLS: u64 = 5_000_000;

/// Says a line of progress.
pub fn say(line: impl std::fmt::Display) {
    // A closed stderr is no reason to fail.
    let _ = writeln!(std::io::stderr(), "{line}");
}

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let done = match arguments.next().as_deref() {
        Some(bare::WORD) => bare::serve(),
        Some("--bench") => run(),
        // `cargo test --all-targets` starts benches too; measuring is not testing.
        _ => Ok(()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(format_args!("bench: {error}"));
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<()> {
    let calls = match std::env::var("CALLS") {
        Ok(text) if !text.is_empty() => text.replace('_', "").parse()?,
        _ => 20_000_000,
    };
    let pace = if calls < QUICK_CALLS { Pace::QUICK } else { Pace::FULL };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(async {
        let begun = Instant::now();
        let world = World::open(calls).await?;
        let report = measure(&world, pace).await?;
        let text = report.markdown(begun.elapsed());
        writeln!(std::io::stdout(), "{text}")?;
        report.write(&text)?;
        world.close().await;
        Ok(())
    })
}

/// Whether a measurement is asked for.
fn wanted(name: &str) -> bool {
    let only = std::env::var("BENCH_ONLY").unwrap_or_default();
    only.is_empty() || only.split(',').any(|one| one.trim() == name)
}

async fn measure(world: &World, pace: Pace) -> Result<Report> {
    let mut report = Report::new(world.facts().await?);
    macro_rules! measurements {
        ($($name:ident),+) => {$(
            if wanted(stringify!($name)) {
                say(concat!("measuring: ", stringify!($name)));
                if let Err(error) = $name::measure(world, pace, &mut report).await {
                    report.failed(stringify!($name), &error);
                }
            }
        )+};
    }
    measurements!(cold, breakdowns, warm, live, growth, upkeep, loading, rollups, equal, files, cuts);
    Ok(report)
}
