//! Random worlds and random requests about them, the same for the same seed.
//!
//! Values are drawn from edges rather than evenly: seconds around the starts of buckets and around changes of clocks,
//! prices that round, texts that mean something to SQL, to JSON or to a URL, and now and then a mistake.

mod requests;
mod rows;
mod texts;

use crate::oracle::{AcdUnit, Caller, Settings, Time, TotalsCps, WeekStart, World};
pub use requests::{request, target};

/// A generator of random numbers (SplitMix64): small, fast, and the same everywhere.
#[derive(Debug)]
pub struct Rng(u64);

impl Rng {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`, which is not 0.
    pub fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    /// A number between these, both included.
    pub fn between(&mut self, low: i64, high: i64) -> i64 {
        low + (self.next() % (high - low + 1).unsigned_abs()).cast_signed()
    }

    /// True in so many cases of a hundred.
    pub fn percent(&mut self, share: usize) -> bool {
        self.below(100) < share
    }

    /// One of the items, of which there is at least one.
    pub fn pick<T: Clone>(&mut self, items: &[T]) -> T {
        items[self.below(items.len())].clone()
    }
}

/// The zone whose clock a world is about, and the moment its rows lie around.
const MOMENTS: [(&str, &str); 12] = [
    ("UTC", "now"),
    ("Europe/Kyiv", "2026-03-29T01:00:00Z"),
    ("Europe/Kyiv", "2026-10-25T01:00:00Z"),
    ("America/New_York", "2026-03-08T07:00:00Z"),
    ("America/New_York", "2026-11-01T06:00:00Z"),
    ("Australia/Lord_Howe", "2026-04-04T15:00:00Z"),
    ("Australia/Lord_Howe", "2026-10-03T15:30:00Z"),
    ("Africa/Cairo", "2026-04-23T22:00:00Z"),
    ("Africa/Cairo", "2026-10-29T21:00:00Z"),
    ("Asia/Kolkata", "2026-06-30T18:30:00Z"),
    ("Asia/Kathmandu", "2024-02-29T18:15:00Z"),
    ("UTC", "2026-01-01T00:00:00Z"),
];

/// A random world, the settings of the service that answers about it, and who may ask.
#[derive(Debug)]
pub struct DataSet {
    pub settings: Settings,
    pub world: World,
    pub callers: Vec<Caller>,
    /// The moment that the rows lie around.
    moment: i64,
    /// When the set was made.
    now: i64,
    zone: &'static str,
}

impl DataSet {
    /// The set of this number; twelve in a row are about twelve moments.
    pub fn random(rng: &mut Rng, number: usize) -> Self {
        let now = Time::now().second();
        let (zone, text) = MOMENTS[number % MOMENTS.len()];
        let moment = Time::parse(text).map_or(now, |time| time.second());
        let accounts = rows::accounts(rng);
        let callers = vec![
            Caller { customer_id: accounts[0].customer_id, account_ids: Vec::new() },
            Caller { customer_id: accounts[0].customer_id, account_ids: vec![accounts[0].id] },
            Caller { customer_id: accounts[2].customer_id, account_ids: Vec::new() },
        ];
        let pool = texts::pool(rng);
        let count = rng.between(200, 400).unsigned_abs();
        let cdrs = (1..=count).map(|id| rows::cdr(rng, id, &accounts, &pool, moment)).collect();
        let active_calls = rows::active_calls(rng, &accounts, &pool, moment, now);
        let world = World { accounts, cdrs, active_calls };
        Self { settings: settings(rng, zone), world, callers, moment, now, zone }
    }
}

fn settings(rng: &mut Rng, zone: &'static str) -> Settings {
    Settings {
        acd_unit: rng.pick(&[AcdUnit::Minutes, AcdUnit::Seconds]),
        totals_cps: rng.pick(&[TotalsCps::Bucket, TotalsCps::Range]),
        billed_duration: rng.percent(40),
        time_zone: rng.pick(&["UTC", zone]),
        week_start: rng.pick(&[WeekStart::Sunday, WeekStart::Monday]),
        active_calls_period: rng.pick(&[60, 60, 30, 300]),
        max_buckets: rng.pick(&[1_000_000, 1_000_000, 10_000, 300]),
        ignore_unknown: rng.percent(20),
    }
}

#[test]
fn the_same_seed_makes_the_same_world() {
    let world = |seed| format!("{:?}", DataSet::random(&mut Rng::new(seed), 1).world.cdrs);
    assert_eq!(world(1), world(1));
    assert_ne!(world(1), world(2));
}
