//! A dashboard that asks for the last 24 hours by minute every second while CDRs arrive: how many rows the engine reads for a
//! refresh, and how soon a CDR shows.

use std::time::{Duration, Instant};

use cdrscope::demo;
use cdrscope::migrate::migrate;
use clickhouse::Client;
use time::OffsetDateTime;

use crate::ask::{MINUTE, QUALITY, Question};
use crate::cold::{COLD, LARGEST};
use crate::contest::median;
use crate::report::{Report, count};
use crate::tap::{Seen, Tap};
use crate::wire::Wire;
use crate::world::{ACCOUNTS, Account, DAY, World, settle};
use crate::{Pace, Result};

/// CDRs of one insert, and how many of them are the dashboard's account's.
const BATCH: u64 = 200;
const OWN: u64 = 40;
/// CDRs that are waited for.
const WAITED: u64 = 12;

/// Everything about the dashboard.
pub async fn measure(world: &World, pace: Pace, report: &mut Report) -> Result<()> {
    let account = world.account(LARGEST)?;
    let admin = world.database("today");
    let calls = prepare(world, &admin).await?;
    let mut writer = Writer { admin, account: account.clone(), next: 1 << 62 };
    let (warm, warm_tap) = (Tap::start(world.authority().to_owned()).await?, "today");
    let cold = Tap::start(world.authority().to_owned()).await?;
    let service = world.serve(warm_tap, &[("CDRSCOPE_CLICKHOUSE_URL", &warm.url)])?;
    let forgetful = world.serve("today", &[("CDRSCOPE_CLICKHOUSE_URL", &cold.url), COLD[0]])?;
    let (mut wire, mut forgetful_wire) =
        (Wire::connect(&service.authority).await?, Wire::connect(&forgetful.authority).await?);

    for (what, aligned) in [("from a whole minute", true), ("from any second", false)] {
        let (mut refreshes, mut looks, mut wholes) = (Vec::new(), Vec::new(), Vec::new());
        ask(&mut wire, &account, aligned).await?;
        for _ in 0..pace.watched {
            let second = Instant::now();
            writer.insert(BATCH, OWN).await?;
            tokio::time::sleep(Duration::from_millis(500)).await;
            warm.take();
            ask(&mut wire, &account, aligned).await?;
            let (calls, parts) = rows(&warm.take());
            refreshes.push(calls);
            looks.push(parts);
            cold.take();
            ask(&mut forgetful_wire, &account, aligned).await?;
            wholes.push(rows(&cold.take()).0);
            tokio::time::sleep(Duration::from_secs(1).saturating_sub(second.elapsed())).await;
        }
        let (refresh, whole, look) = (median(&refreshes), median(&wholes), median(&looks));
        let show = |rows: f64| format!("{} rows", count(rows.round() as u64));
        let share = refresh / whole;
        report.row(
            format!("a refresh of the last 24 h by minute, {what}, {} calls a day", count(calls)),
            [
                show(whole),
                format!("{} (and {} of the parts' list)", show(refresh), look),
                format!("{:.2} %", share * 100.0),
                "≤ 1 %".into(),
            ],
            Some(share <= 0.01),
        );
    }
    let delays = delays(&mut writer, &mut wire, &account).await?;
    let longest = delays.iter().copied().fold(0.0, f64::max);
    let seconds = |seconds: f64| format!("{seconds:.2} s");
    let what = format!("a CDR shows after its insert, longest of {}", delays.len());
    report.at_most(what, format!("median {}", seconds(median(&delays))), longest, 2.0, seconds);
    Ok(())
}

/// A day of calls up to now, as many as a day of the month has. Made anew in each run, since now moves.
async fn prepare(world: &World, admin: &Client) -> Result<u64> {
    world.admin.query_raw("DROP DATABASE IF EXISTS today SYNC").execute().await?;
    migrate(admin, "today").await?;
    let calls = world.calls.div_ceil(28);
    let now = OffsetDateTime::now_utc().unix_timestamp();
    let options =
        demo::Options { calls, from: u32::try_from(now - DAY)?, to: u32::try_from(now)?, seed: 1, accounts: ACCOUNTS };
    demo::fill(admin, &options, |_| {}).await?;
    settle(&world.admin).await?;
    Ok(calls)
}

/// Whoever sends CDRs.
struct Writer {
    admin: Client,
    account: Account,
    next: u64,
}

impl Writer {
    /// Inserts `all` CDRs of calls that begin now, `own` of them the account's.
    async fn insert(&mut self, all: u64, own: u64) -> Result<()> {
        let now = OffsetDateTime::now_utc().unix_timestamp();
        let mut lines = String::new();
        for place in 0..all {
            let (id, uuid) = (self.next, uuid::Uuid::new_v4());
            self.next += 1;
            let (account, customer) = match place < own {
                true => (self.account.id, self.account.customer_id),
                false => (100 + u32::try_from(id % 1000)?, 100),
            };
            lines.push_str(&format!(
                "{{\"id\":{id},\"uuid\":\"{uuid}\",\"customer_id\":{customer},\"customer_acc_id\":{account},\
                 \"vendor_id\":9001,\"vendor_acc_id\":90001,\"time_start\":{now},\"duration\":{},\"is_last_cdr\":1,\
                 \"customer_price\":\"0.25\"}}\n",
                id % 90
            ));
        }
        let mut insert = self.admin.insert_formatted_with("INSERT INTO cdrs FORMAT JSONEachRow");
        insert.send(bytes::Bytes::from(lines)).await?;
        Ok(insert.end().await?)
    }
}

/// Asks for the last 24 hours; gives the calls in the totals.
async fn ask(wire: &mut Wire, account: &Account, aligned: bool) -> Result<u64> {
    let from = OffsetDateTime::now_utc().unix_timestamp() - DAY;
    let from = if aligned { from / 60 * 60 } else { from };
    let question = Question { account, report: QUALITY, from, to: None, sampling: MINUTE, filter: None };
    let status = wire.ask(&question.request("")).await?;
    if status != 200 {
        return Err(format!("status {status}: {}", wire.text()).into());
    }
    let answer: serde_json::Value = serde_json::from_slice(wire.body())?;
    answer["totals"]["total_calls"].as_u64().ok_or_else(|| "an answer without totals".into())
}

/// Rows read of the calls, and of the list of parts.
fn rows(seen: &[Seen]) -> (f64, f64) {
    let sum = |of: fn(&Seen) -> bool| seen.iter().filter(|seen| of(seen)).map(|seen| seen.rows as f64).sum();
    (sum(|seen| seen.reads_calls), sum(|seen| seen.reads_parts))
}

/// Seconds from the end of an insert until the answer has it, asked again and again. The window begins at a whole minute,
/// which calls leave only once a minute: a minute that changes is tried again.
async fn delays(writer: &mut Writer, wire: &mut Wire, account: &Account) -> Result<Vec<f64>> {
    let mut delays = Vec::new();
    while delays.len() < WAITED as usize {
        let minute = || OffsetDateTime::now_utc().unix_timestamp() / 60;
        // Inserts fall on every moment of the service's second.
        tokio::time::sleep(Duration::from_millis(137 * (1 + delays.len() as u64 % 7))).await;
        tokio::time::sleep(Duration::from_millis(1100)).await;
        let (before, begun) = (ask(wire, account, true).await?, minute());
        writer.insert(1, 1).await?;
        let inserted = Instant::now();
        while ask(wire, account, true).await? == before {
            if inserted.elapsed() > Duration::from_secs(20) {
                return Err("a CDR did not show within 20 s".into());
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        if minute() == begun {
            delays.push(inserted.elapsed().as_secs_f64());
        }
    }
    Ok(delays)
}
