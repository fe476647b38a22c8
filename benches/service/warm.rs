//! Answers from memory, against a bare Actix handler with the same body and token check; and many identical requests at
//! once.

use std::fs;

use crate::ask::{MINUTE, Question};
use crate::cold::{LARGEST, day};
use crate::contest::median;
use crate::load::drive;
use crate::process::Process;
use crate::report::{Report, count, millis};
use crate::tap::Tap;
use crate::wire::Wire;
use crate::world::{Account, DAY, FROM, World};
use crate::{Pace, Result, ask, bare};

/// Connections of a warm run.
const CONNECTIONS: usize = 32;
/// Identical requests at once.
const IDENTICAL: usize = 100;

/// Everything warm.
pub async fn measure(world: &World, pace: Pace, report: &mut Report) -> Result<()> {
    let account = world.account(LARGEST)?;
    let service = world.serve("month", &[])?;
    let mut wire = Wire::connect(&service.authority).await?;
    let body = ready(&mut wire, &day(&account).request("")).await?;
    let etag = wire.header("etag").ok_or("no etag")?.to_owned();
    // Three minutes: a body about as long as the one on the API's page.
    let short = Question::quality(&account, FROM + 7 * DAY, FROM + 7 * DAY + 179, MINUTE);
    let small = ready(&mut wire, &short.request("")).await?;
    let bare = start_bare(world, &body, &small)?;

    let handler = |path: &str| ask::get(path, &format!("Authorization: {}\r\n", account.token));
    let full = Pair { bare: handler("/body"), ours: day(&account).request(""), status: 200 };
    let unchanged = Pair {
        bare: handler("/small"),
        ours: day(&account).request(&format!("If-None-Match: {etag}\r\n")),
        status: 304,
    };
    let what = format!("warm, 1 day by minute ({} bytes), {CONNECTIONS} connections", count(body.len() as u64));
    let run = full.run(&bare, &service, pace).await?;
    report.more(&what, run.bare, run.ours, 0.6);
    report.at_most(format!("{what}, p99"), millis(run.bare_p99), run.ours_p99, 5.0, millis);
    run.processor(report, &what);
    let what = format!("304, {CONNECTIONS} connections, against a 200 of {} bytes", small.len());
    let run = unchanged.run(&bare, &service, pace).await?;
    report.more(&what, run.bare, run.ours, 0.6);
    run.processor(report, &what);
    identical(world, &account, pace, report).await
}

/// The body of an answer, asked for twice so that the service remembers it.
async fn ready(wire: &mut Wire, request: &[u8]) -> Result<Vec<u8>> {
    for _ in 0..2 {
        let status = wire.ask(request).await?;
        if status != 200 {
            return Err(format!("status {status}: {}", wire.text()).into());
        }
    }
    match wire.header("x-cache") {
        Some("hit") => Ok(wire.body().to_vec()),
        other => Err(format!("the second answer was no hit: {other:?}").into()),
    }
}

fn start_bare(world: &World, body: &[u8], small: &[u8]) -> Result<Process> {
    let write = |name: &str, bytes: &[u8]| {
        let path = world.dir.join(name);
        fs::write(&path, bytes)?;
        Ok::<_, crate::Error>(path.to_string_lossy().into_owned())
    };
    let settings = [
        (bare::SECRET, world.secret.clone()),
        (bare::BODY, write("body.json", body)?),
        (bare::SMALL, write("small.json", small)?),
    ];
    Process::start(&std::env::current_exe()?, &[bare::WORD], &settings)
}

/// The same request to both.
struct Pair {
    bare: Vec<u8>,
    ours: Vec<u8>,
    status: u16,
}

/// Medians over the runs.
struct Measured {
    bare: f64,
    ours: f64,
    bare_p99: f64,
    ours_p99: f64,
    /// Processor time of the server for one answer, in microseconds.
    bare_micros: f64,
    ours_micros: f64,
}

impl Pair {
    async fn run(&self, bare: &Process, service: &Process, pace: Pace) -> Result<Measured> {
        let sides = [(bare, &self.bare, 200), (service, &self.ours, self.status)];
        // Per side: answers a second, p99, processor time for one.
        let mut runs: [[Vec<f64>; 3]; 2] = Default::default();
        for round in 0..=pace.loads {
            for ((process, request, status), figures) in sides.iter().zip(&mut runs) {
                let before = process.processor_micros()?;
                let run = drive(&process.authority, vec![(*request).clone()], CONNECTIONS, pace.load, *status).await?;
                let micros = (process.processor_micros()? - before) / run.micros.len().max(1) as f64;
                // The first round warms up.
                if round > 0 {
                    let all = [run.per_second, run.within(0.99), micros];
                    figures.iter_mut().zip(all).for_each(|(figure, value)| figure.push(value));
                }
            }
        }
        let [[bare, bare_p99, bare_micros], [ours, ours_p99, ours_micros]] =
            runs.map(|figures| figures.map(|values| median(&values)));
        Ok(Measured { bare, ours, bare_p99, ours_p99, bare_micros, ours_micros })
    }
}

impl Measured {
    /// The load generator takes its part of the machine too; the servers' own time does not depend on it.
    fn processor(&self, report: &mut Report, what: &str) {
        let show = |micros: f64| format!("{micros:.1} µs");
        let ratio = format!("{:.0} %", 100.0 * self.bare_micros / self.ours_micros);
        let cells = [show(self.bare_micros), show(self.ours_micros), ratio, String::new()];
        report.row(format!("{what}, the server's processor time for one"), cells, None);
    }
}

/// Requests for a window that nobody has asked for, all sent before the first is answered.
async fn identical(world: &World, account: &Account, pace: Pace, report: &mut Report) -> Result<()> {
    let tap = Tap::start(world.authority().to_owned()).await?;
    let service = world.serve("month", &[("CDRSCOPE_CLICKHOUSE_URL", &tap.url)])?;
    let mut wires = Vec::new();
    for _ in 0..IDENTICAL {
        wires.push(Wire::connect(&service.authority).await?);
    }
    let (mut most, mut looks) = (0, 0);
    for round in 0..pace.loads as i64 {
        let from = FROM + (1 + 2 * round) * DAY;
        let request = Question::quality(account, from, from + 3600 * 23 - 1, MINUTE).request("");
        tap.take();
        for wire in &mut wires {
            wire.send(&request).await?;
        }
        for wire in &mut wires {
            let status = wire.hear().await?;
            if status != 200 {
                return Err(format!("status {status}: {}", wire.text()).into());
            }
        }
        let seen = tap.take();
        most = most.max(seen.iter().filter(|seen| seen.reads_calls).count());
        looks = looks.max(seen.iter().filter(|seen| seen.reads_parts).count());
    }
    report.at_most(
        format!("{IDENTICAL} identical requests at once, nothing cached: queries of calls"),
        format!("{looks} looks at the parts beside"),
        most as f64,
        1.0,
        |queries| format!("{queries:.0}"),
    );
    Ok(())
}
