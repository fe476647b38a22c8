//! Made-up CDRs that look real: a rhythm, accounts and destinations of unequal size, rerouted attempts, incidents.
//! ClickHouse makes the rows itself, slice by slice; Rust holds the world's tables and says when calls start.

mod accounts;
mod calendar;
mod incidents;
mod money;
mod theirs;
mod world;

use clickhouse::{Client, Row, query::Query};
use futures_util::{StreamExt, TryStreamExt, stream};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::migrate::one_line;
pub use accounts::{DemoAccount, accounts, contractors, contractors_of, vendor_accounts};
use calendar::SegmentCalls;
pub use incidents::{Incident, Kind, incidents};
pub use theirs::is_alone;
pub use world::country_name;

/// The calls to make. The same options give the same rows, and the same rows are inserted once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// Calls, that is rows with is_last_cdr; with the attempts that failed before there are about 1.25 times as many rows.
    pub calls: u64,
    /// Epoch seconds of the first moment at which a call may start.
    pub from: u32,
    /// Epoch seconds after the last such moment. Calls may end later.
    pub to: u32,
    /// Another seed, other calls.
    pub seed: u64,
    /// Number of customers' accounts that share the calls.
    pub accounts: u32,
}

impl Default for Options {
    /// 28 days of 2026, as the benchmarks use; 60 accounts.
    fn default() -> Self {
        Self { calls: 1_000_000, from: 1_767_571_200, to: 1_767_571_200 + 28 * 86_400, seed: 1, accounts: 60 }
    }
}

/// Counts of the rows in the tables after [`fill`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// Calls of these options in `cdrs`.
    pub calls: u64,
    /// Their rows, attempts included.
    pub rows: u64,
    /// Rows of live calls.
    pub active_calls: u64,
    /// Customers' accounts.
    pub accounts: u32,
}

/// Why there are no made-up calls.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// Nothing to make.
    #[error("nothing to make: --calls must be above 0, --to after --from, and there must be an account")]
    Empty,
    /// More calls than ids leave room for.
    #[error("--calls is above {MOST_CALLS}: make them in several runs with other times")]
    TooMany,
    /// Somebody's rows stand where the demo's would.
    #[error(
        "{table} holds rows that are not the demo's under ids that it uses: give the demo a database of its own (clickhouse.database)"
    )]
    Theirs {
        /// Which of accounts and api_access.
        table: &'static str,
    },
    /// The table still knows the inserts, though their rows were deleted.
    #[error(
        "cdrs holds {found} of these {wanted} calls: rows that were made and then deleted are not made again; \
         take another --seed, or TRUNCATE TABLE cdrs"
    )]
    Deleted {
        /// Calls in the table.
        found: u64,
        /// Calls asked for.
        wanted: u64,
    },
    /// ClickHouse refused or could not be asked.
    #[error("{doing}: {}", one_line(source))]
    ClickHouse {
        /// The work that failed, such as `making CDRs`.
        doing: &'static str,
        /// ClickHouse's or the connection's answer.
        source: clickhouse::error::Error,
    },
}

/// Calls an insert makes: about half a GB of ClickHouse's memory, and one part a month.
const SLICE: u64 = 200_000;
/// An id is run (12 bits), call, attempt (2 bits), and stays exact in a JSON number.
const MOST_CALLS: u64 = 1 << 38;
/// The time that the snapshots of live calls reach back, seconds.
const ACTIVE_SECONDS: u32 = 3 * 3600;
/// Inserts that run at once, each on one thread.
const AT_ONCE: usize = 2;

/// Fills accounts, api_access, contractors, countries, cdrs and active_calls; `client` is an administrator's with the database set.
///
/// Refused where a row of somebody else's would be overwritten. `progress` gets the number of calls made so far.
/// A run that was cut short can be repeated, and a repeated run adds nothing: each slice carries its own deduplication
/// token, which `cdrs` keeps for its last 1,000 inserts (200 million calls).
///
/// # Errors
/// Options that make nothing, somebody else's rows, or ClickHouse.
pub async fn fill(client: &Client, options: &Options, progress: impl FnMut(u64)) -> Result<Summary, DemoError> {
    introduce(client, options).await?;
    make_calls(client, options, progress).await
}

/// The first half of [`fill`]: accounts, accesses and names.
///
/// # Errors
/// As [`fill`].
pub async fn introduce(client: &Client, options: &Options) -> Result<(), DemoError> {
    if options.calls == 0 || options.to <= options.from || options.accounts == 0 {
        return Err(DemoError::Empty);
    }
    if options.calls > MOST_CALLS {
        return Err(DemoError::TooMany);
    }
    fill_accounts(client, options.accounts).await?;
    fill_contractors(client, options.accounts).await?;
    fill_countries(client).await
}

/// The other half: the calls, the latest first, since those are looked at first.
///
/// # Errors
/// As [`fill`].
pub async fn make_calls(
    client: &Client,
    options: &Options,
    mut progress: impl FnMut(u64),
) -> Result<Summary, DemoError> {
    let run = Run::new(options);
    let slices = calendar::slices(&calendar::segments(options), SLICE);
    let mut inserts = stream::iter(slices.iter().enumerate().rev())
        .map(|(place, slice)| run.insert_slice(client, place, slice))
        .buffer_unordered(AT_ONCE);
    let mut made = 0;
    while let Some(calls) = inserts.try_next().await? {
        made += calls;
        progress(made);
    }
    run.insert_active_calls(client).await?;
    run.summary(client).await
}

/// Goes on where [`fill`] ended: calls of `[from, to)` at the average rate of `options`, without incidents, and a snapshot
/// of the calls that are up at the last full minute before `to`.
///
/// # Errors
/// As [`fill`].
pub async fn go_on(client: &Client, options: &Options, from: u32, to: u32) -> Result<(), DemoError> {
    let span = u64::from(options.to.saturating_sub(options.from)).max(1);
    let calls = (options.calls * u64::from(to.saturating_sub(from)) / span).max(1);
    let options = Options { calls, from, to, seed: options.seed.wrapping_add(to.into()), ..options.clone() };
    let mut run = Run::new(&options);
    for incident in &mut run.incidents {
        (incident.start, incident.end) = (0, 0);
    }
    for (place, slice) in calendar::slices(&calendar::segments(&options), SLICE).iter().enumerate() {
        run.insert_slice(client, place, slice).await?;
    }
    let minute = to / 60 * 60;
    run.insert_snapshots(client, 0..u64::MAX, minute, minute).await
}

/// Options with what follows from them.
struct Run<'a> {
    options: &'a Options,
    incidents: Vec<Incident>,
    /// Tells runs apart that differ in anything, the statements included.
    fingerprint: u64,
}

impl<'a> Run<'a> {
    fn new(options: &'a Options) -> Self {
        let mut hash = Sha256::new();
        hash.update(include_str!("cdrs.sql"));
        hash.update(include_str!("active_calls.sql"));
        hash.update(format!("{options:?}"));
        let fingerprint = hash.finalize().iter().take(8).fold(0, |sum, &byte| sum << 8 | u64::from(byte));
        Self { options, incidents: incidents(options), fingerprint }
    }

    fn first_id(&self) -> u64 {
        ((self.fingerprint % 4095) + 1) << 40
    }

    fn last_id(&self) -> u64 {
        self.first_id() + 4 * self.options.calls
    }

    async fn insert_slice(&self, client: &Client, place: usize, slice: &[SegmentCalls]) -> Result<u64, DemoError> {
        let segments: Vec<_> = slice
            .iter()
            .map(|p| (p.segment.start, p.segment.length, p.segment.first, p.segment.calls, p.from, p.to))
            .collect();
        let query = client
            .query_raw(include_str!("cdrs.sql"))
            .param("seed", self.options.seed)
            .param("first_id", self.first_id())
            .param("segments", segments);
        let query = self.with_incidents(with_world(query, self.options.accounts));
        self.once(query, format!("cdrs-{place}")).await.map_err(doing("making CDRs"))?;
        Ok(slice.iter().map(|piece| piece.to - piece.from).sum())
    }

    async fn insert_active_calls(&self, client: &Client) -> Result<(), DemoError> {
        let until = (self.options.to - 1) / 60 * 60;
        let since = until.saturating_sub(ACTIVE_SECONDS).max(self.options.from).div_ceil(60) * 60;
        self.insert_snapshots(client, self.first_id()..self.last_id(), since, until).await
    }

    /// Snapshots, from `since` through `until`, of the calls with these ids.
    async fn insert_snapshots(
        &self,
        client: &Client,
        ids: std::ops::Range<u64>,
        since: u32,
        until: u32,
    ) -> Result<(), DemoError> {
        let query = client
            .query_raw(include_str!("active_calls.sql"))
            .param("first_id", ids.start)
            .param("last_id", ids.end)
            .param("since", since)
            .param("until", until);
        self.once(query, "active".to_owned()).await.map_err(doing("making active calls"))
    }

    /// One block on one thread, so that a repetition is cut the same way and known by its token.
    async fn once(&self, query: Query, token: String) -> clickhouse::error::Result<()> {
        query
            .with_setting("insert_deduplication_token", format!("demo-{:016x}-{token}", self.fingerprint))
            .with_setting("max_threads", "1")
            .with_setting("max_insert_threads", "1")
            .with_setting("min_insert_block_size_rows", "100000000")
            .with_setting("min_insert_block_size_bytes", "100000000000")
            .with_setting("wait_end_of_query", "1")
            .execute()
            .await
    }

    fn with_incidents(&self, mut query: Query) -> Query {
        let mut down = 0;
        for incident in &self.incidents {
            match incident.kind {
                Kind::DestinationFails { prefix, .. } => {
                    down += 1;
                    let place =
                        world::destinations().iter().position(|d| d.prefix == prefix).map_or(0, |place| place + 1);
                    query = query
                        .param(&format!("down_dst_{down}"), place)
                        .param(&format!("down_from_{down}"), incident.start)
                        .param(&format!("down_to_{down}"), incident.end);
                }
                Kind::AccountSilent { account_id } => {
                    query = query
                        .param("silent_account", account_id)
                        .param("silent_from", incident.start)
                        .param("silent_to", incident.end);
                }
            }
        }
        query
    }

    async fn summary(&self, client: &Client) -> Result<Summary, DemoError> {
        #[derive(Row, Deserialize)]
        struct DemoCounts {
            calls: u64,
            rows: u64,
            active_calls: u64,
        }
        let counts: DemoCounts = client
            .query_raw(
                "SELECT countIf(is_last_cdr = 1) AS calls, count() AS rows, assumeNotNull((SELECT count() FROM \
                 active_calls WHERE id >= {first_id:UInt64} AND id < {last_id:UInt64})) AS active_calls \
                 FROM cdrs WHERE id >= {first_id:UInt64} AND id < {last_id:UInt64} \
                 AND time_start >= {from:UInt32} AND time_start < {to:UInt32}",
            )
            .param("first_id", self.first_id())
            .param("last_id", self.last_id())
            .param("from", self.options.from)
            .param("to", self.options.to)
            .fetch_one()
            .await
            .map_err(doing("counting what was made"))?;
        let DemoCounts { calls, rows, active_calls } = counts;
        if calls < self.options.calls {
            return Err(DemoError::Deleted { found: calls, wanted: self.options.calls });
        }
        Ok(Summary { calls, rows, active_calls, accounts: self.options.accounts })
    }
}

async fn fill_accounts(client: &Client, count: u32) -> Result<(), DemoError> {
    let mut all = accounts(count);
    all.extend(vendor_accounts());
    let mut owners: Vec<u32> = all.iter().map(|account| account.customer_id).collect();
    owners.sort_unstable();
    owners.dedup();
    theirs::refuse(client, &all, &owners).await?;
    client
        .query_raw(
            "INSERT INTO accounts (id, uuid, customer_id, name, side, currency_id) SELECT row.1, row.2, row.3, row.4, row.5, row.6 FROM (SELECT \
             arrayJoin(arrayZip({ids:Array(UInt32)}, {uuids:Array(UUID)}, {customers:Array(UInt32)}, {names:Array(String)}, \
             {sides:Array(String)}, {currencies:Array(Int32)})) AS row)",
        )
        .param("ids", all.iter().map(|a| a.id).collect::<Vec<_>>())
        .param("uuids", all.iter().map(|a| a.uuid.to_string()).collect::<Vec<_>>())
        .param("customers", all.iter().map(|a| a.customer_id).collect::<Vec<_>>())
        .param("names", all.iter().map(|a| a.name.as_str()).collect::<Vec<_>>())
        .param("sides", all.iter().map(|a| if a.is_vendors() { "termination" } else { "origination" }).collect::<Vec<_>>())
        .param("currencies", all.iter().map(|a| i32::from(money::currency_of(a))).collect::<Vec<_>>())
        .execute()
        .await
        .map_err(doing("making accounts"))?;
    // One access a customer and vendor, under the same number; none can log in, for there is no password.
    client
        .query_raw("INSERT INTO api_access (id, customer_id) SELECT arrayJoin({owners:Array(UInt32)}) AS id, id")
        .param("owners", owners)
        .execute()
        .await
        .map_err(doing("making api_access"))
}

/// Names that stand there stay.
async fn fill_contractors(client: &Client, count: u32) -> Result<(), DemoError> {
    let (ids, names): (Vec<u32>, Vec<String>) = accounts::contractors_of(count).into_iter().unzip();
    client
        .query_raw(
            "INSERT INTO contractors (id, name) SELECT row.1, row.2 FROM (SELECT \
             arrayJoin(arrayZip({ids:Array(UInt32)}, {names:Array(String)})) AS row) \
             WHERE row.1 NOT IN (SELECT id FROM contractors)",
        )
        .param("ids", ids)
        .param("names", names)
        .execute()
        .await
        .map_err(doing("making contractors"))
}

async fn fill_countries(client: &Client) -> Result<(), DemoError> {
    let ids: Vec<u32> = world::countries().map(|(id, ..)| id).collect();
    let (names, codes): (Vec<&str>, Vec<&str>) = world::countries().map(|(_, name, iso)| (name, iso)).unzip();
    client
        .query_raw(
            "INSERT INTO countries (id, name, iso) SELECT row.1, row.2, row.3 FROM (SELECT \
             arrayJoin(arrayZip({ids:Array(UInt32)}, {names:Array(String)}, {codes:Array(String)})) AS row)",
        )
        .param("ids", ids)
        .param("names", names)
        .param("codes", codes)
        .execute()
        .await
        .map_err(doing("making countries"))
}

/// The world's tables as parameters: arrays by account, destination, vendor.
fn with_world(query: Query, count: u32) -> Query {
    let accounts = accounts(count);
    let destinations = world::destinations();
    let home = ["4930", "4420", "1212", "331", "3902", "3491", "4822", "3120", "9111", "9714", "6516", "467"];
    let homes: Vec<usize> =
        home.iter().filter_map(|prefix| destinations.iter().position(|d| d.prefix == *prefix)).collect();
    let account_draw = draw(&accounts::shares(count));
    let destination_draw = draw(&destinations.iter().map(|d| d.weight).collect::<Vec<_>>());
    let vendor_draw = draw(&world::VENDORS.iter().map(|(_, share)| *share).collect::<Vec<_>>());
    let by_destination = |value: fn(&world::Destination) -> u32| destinations.iter().map(value).collect::<Vec<u32>>();
    let account_ids: Vec<u32> = accounts.iter().map(|a| a.id).collect();
    money::with_money(query, &account_ids, &destinations)
        .param("account_id", account_ids)
        .param("account_customer", accounts.iter().map(|a| a.customer_id).collect::<Vec<_>>())
        .param(
            "account_home",
            accounts.iter().map(|a| homes[(a.customer_id * 5 / 3) as usize % homes.len()] + 1).collect::<Vec<_>>(),
        )
        .param("account_keep", account_draw.keep)
        .param("account_other", account_draw.other)
        .param("dst_prefix", destinations.iter().map(|d| d.prefix).collect::<Vec<_>>())
        .param("dst_country", by_destination(|d| d.country_id))
        .param("dst_digits", by_destination(|d| d.digits.into()))
        .param("dst_asr", by_destination(|d| d.asr.into()))
        .param("dst_acd", by_destination(|d| d.acd.into()))
        .param("dst_rate", by_destination(|d| d.rate))
        .param("dst_step", by_destination(|d| d.step.into()))
        .param("dst_keep", destination_draw.keep)
        .param("dst_other", destination_draw.other)
        .param("vendor_keep", vendor_draw.keep)
        .param("vendor_other", vendor_draw.other)
        .param("caller_name", world::CALLERS)
}

/// Tables for drawing by weight at the cost of two look-ups (Walker's alias method). A draw takes a place at random, keeps
/// it in `keep` of a million cases, else takes `other`. Places count from 0.
#[derive(Debug, Serialize)]
struct Draw {
    keep: Vec<u32>,
    other: Vec<usize>,
}

fn draw(weights: &[f64]) -> Draw {
    let total: f64 = weights.iter().sum();
    // Each place has room for 1; what a light one leaves free, a heavy one takes.
    let mut rest: Vec<f64> = weights.iter().map(|weight| weight / total * weights.len() as f64).collect();
    let mut draw = Draw { keep: vec![1_000_000; weights.len()], other: (0..weights.len()).collect() };
    let (mut light, mut heavy): (Vec<usize>, Vec<usize>) = (0..weights.len()).partition(|&place| rest[place] < 1.0);
    while let (Some(small), Some(&big)) = (light.pop(), heavy.last()) {
        draw.keep[small] = (rest[small] * 1e6).round() as u32;
        draw.other[small] = big;
        rest[big] -= 1.0 - rest[small];
        if rest[big] < 1.0 {
            heavy.pop();
            light.push(big);
        }
    }
    draw
}

fn doing(doing: &'static str) -> impl Fn(clickhouse::error::Error) -> DemoError {
    move |source| DemoError::ClickHouse { doing, source }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_follow_the_weights() {
        let weights = [50.0, 1.0, 0.2, 9.0, 30.0, 9.8];
        let Draw { keep, other } = draw(&weights);
        let mut shares = [0.0; 6];
        for place in 0..6 {
            let kept = f64::from(keep[place]) / 1e6;
            shares[place] += kept / 6.0;
            shares[other[place]] += (1.0 - kept) / 6.0;
        }
        for (share, weight) in shares.iter().zip(weights) {
            assert!((share - weight / 100.0).abs() < 1e-5, "{shares:?}");
        }
    }

    #[test]
    fn other_options_are_another_run() {
        let one = Options::default();
        let two = Options { seed: 2, ..Options::default() };
        assert_ne!(Run::new(&one).fingerprint, Run::new(&two).fingerprint);
        assert_eq!(Run::new(&one).fingerprint, Run::new(&one).fingerprint);
    }
}
