//! Whole answers of the running service, to the byte, against the oracle's: random worlds and random requests, and a year
//! of calls across every change of some clocks.
//!
//! `CDRSCOPE_TEST_CASES` multiplies the number of random worlds; `CDRSCOPE_TEST_SEED` is the seed, `clock` a new one.

use crate::oracle::{
    self, AcdUnit, Caller, Cdr, Endpoint, Expected, Request, Settings, Time, TotalsCps, WeekStart, World,
};
use crate::random::{DataSet, Rng, request, target};
use crate::support::{self, TestApp};
use cdrscope::config::{self, Config};
use std::collections::BTreeMap;

/// Random worlds in a run, one for each moment of `random`.
const SETS: usize = 12;
/// Requests about each.
const REQUESTS: usize = 80;

#[actix_web::test]
async fn random_requests_get_the_oracles_answers() {
    let seed = seed_of_run();
    let sets = SETS * usize::try_from(number_from("CDRSCOPE_TEST_CASES").unwrap_or(1).max(1)).unwrap();
    let mut count = BTreeMap::new();
    for number in 0..sets {
        let mut rng = Rng::new(seed.wrapping_add((number as u64) << 32));
        let data = DataSet::random(&mut rng, number);
        let service = Service::start(&data.settings, &data.world, |_| ()).await;
        for _ in 0..REQUESTS {
            let (caller, request) = request(&mut rng, &data);
            if let Some(difference) = service.difference(&caller, &request).await {
                let smaller = service.smallest(&caller, request, difference).await;
                panic!("CDRSCOPE_TEST_SEED={seed}, set {number}: {:?}\n{smaller}", data.settings);
            }
            let (compared, full) = count.entry(request.endpoint.name()).or_insert((0, 0));
            *compared += 1;
            *full += usize::from(!oracle::rows_behind(&data.world, &caller, &request, &data.settings).is_empty());
        }
    }
    let compared: usize = count.values().map(|(compared, _)| compared).sum();
    println!("seed {seed}: {compared} random requests over {sets} worlds compared, 0 differences");
    for (name, (compared, full)) in count {
        println!("  {name}: {compared}, {full} of them about some rows");
        assert!(full > 0, "no request of {name} is about any rows: the generator has gone blind");
    }
}

#[actix_web::test]
async fn a_year_of_hours_days_weeks_and_months_is_right_in_every_zone() {
    let mut compared = 0;
    for (week_start, time_zone) in [(WeekStart::Sunday, "UTC"), (WeekStart::Monday, "Europe/Kyiv")] {
        let world = year();
        let settings = Settings { week_start, time_zone, ..Settings::default() };
        let service = Service::start(&settings, &world, |_| ()).await;
        let caller = Caller { customer_id: 1, account_ids: Vec::new() };
        for zone in
            ["", "UTC", "Europe/Kyiv", "America/New_York", "Australia/Lord_Howe", "Africa/Cairo", "Asia/Kolkata"]
        {
            for (sampling, fill) in
                [("hour", "false"), ("day", "true"), ("day", "false"), ("week", "true"), ("month", "true")]
            {
                let mut pairs = vec![
                    ("account-id", world.accounts[0].uuid.as_str()),
                    ("from-time", "2026-01-01T00:00:00Z"),
                    ("to-time", "2026-12-31T23:59:59Z"),
                    ("sampling", sampling),
                    ("fill", fill),
                ];
                if !zone.is_empty() {
                    pairs.push(("time-zone", zone));
                }
                let pairs = pairs.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
                let request = Request { endpoint: Endpoint::OriginationStatistics, pairs };
                if let Some(difference) = service.difference(&caller, &request).await {
                    panic!("{settings:?}\n{difference}");
                }
                compared += 1;
            }
        }
    }
    println!("{compared} reports over the year 2026 compared, 0 differences");
}

/// Calls every three hours of 2026, and every five minutes around the changes of clocks.
fn year() -> World {
    let second = |text: &str| Time::parse(text).unwrap().second();
    let mut starts: Vec<i64> = (second("2026-01-01")..second("2027-01-01")).step_by(3 * 3600).collect();
    for change in [
        "2026-03-08T07:00:00Z", // New York
        "2026-03-29T01:00:00Z", // Kyiv
        "2026-04-04T15:00:00Z", // Lord Howe
        "2026-04-23T22:00:00Z", // Cairo
        "2026-10-03T15:30:00Z",
        "2026-10-25T01:00:00Z",
        "2026-10-29T21:00:00Z",
        "2026-11-01T06:00:00Z",
    ] {
        starts.extend((second(change) - 4 * 3600..second(change) + 4 * 3600).step_by(300));
    }
    let call = |(number, start): (usize, i64)| Cdr {
        id: number as u64 + 1,
        customer_id: 1,
        customer_acc_id: 1,
        time_start: start,
        duration: (number % 97) as i32,
        customer_price: number as i64 * 1_003,
        is_last_cdr: true,
        ..Cdr::default()
    };
    let account = oracle::Account { id: 1, uuid: "2b0d4b1e-0c9f-4f0e-8f43-6f2d8e0f5a11".to_owned(), customer_id: 1 };
    World {
        accounts: vec![account],
        cdrs: starts.into_iter().enumerate().map(call).collect(),
        active_calls: Vec::new(),
    }
}

/// A running service and what its tables hold.
pub struct Service<'world> {
    pub app: TestApp,
    world: &'world World,
    settings: &'world Settings,
}

impl<'world> Service<'world> {
    /// Starts a service of its own with these settings, and what `change` makes of them, over tables of its own with these
    /// rows.
    pub async fn start(settings: &'world Settings, world: &'world World, change: impl FnOnce(&mut Config)) -> Self {
        let app = TestApp::start(|config| {
            configure(config, settings);
            change(config);
        })
        .await;
        let service = Self { app, world, settings };
        service.insert("accounts", world.accounts.iter().map(oracle::Account::line).collect()).await;
        service.insert("cdrs", world.cdrs.iter().map(Cdr::line).collect()).await;
        service.insert("active_calls", world.active_calls.iter().map(oracle::ActiveCall::line).collect()).await;
        service.until_ready().await;
        service
    }

    /// One more service over the same tables.
    pub async fn beside(&self, change: impl FnOnce(&mut Config)) -> Self {
        let app = TestApp::over(self.app.same_db(support::engine()), |config| {
            configure(config, self.settings);
            change(config);
        })
        .await;
        let service = Self { app, world: self.world, settings: self.settings };
        service.until_ready().await;
        service
    }

    async fn until_ready(&self) {
        let account = &self.world.accounts[0];
        let token = self.app.token(account.customer_id, &[]);
        self.app.until_known(account.uuid.parse().unwrap(), &token).await;
    }

    async fn insert(&self, table: &str, lines: Vec<String>) {
        if !lines.is_empty() {
            support::insert(&self.app.admin, table, &lines.join("\n")).await;
        }
    }

    /// Status and body of the service's answer.
    async fn ask(&self, caller: &Caller, request: &Request) -> (u16, String) {
        let token = self.app.token(caller.customer_id, &caller.account_ids);
        let reply = self.app.get(&target(request), &token).await;
        (reply.status, reply.body)
    }

    /// What is wrong with the service's answer. The clock may tick while it is made: it has to be right at the moment
    /// before or at the one after.
    pub async fn difference(&self, caller: &Caller, request: &Request) -> Option<String> {
        let answer = |now: &Time| oracle::answer(self.world, caller, request, now, self.settings);
        let before = answer(&Time::now());
        let (status, body) = self.ask(caller, request).await;
        if before.agrees(status, &body) || answer(&Time::now()).agrees(status, &body) {
            return None;
        }
        let rows = oracle::rows_behind(self.world, caller, request, self.settings);
        let expected = match before {
            Expected::Answer(status, body) => format!("{status} {body}"),
            Expected::TooManyBuckets(limit) => format!("400 with limits.max_buckets and {limit}"),
        };
        Some(format!(
            "request {request:?}\n  as {}\n  of {caller:?}\n{} rows, of which the first:\n  {}\nexpected {expected}\n     got {status} {body}\n",
            target(request),
            rows.len(),
            rows[..rows.len().min(40)].join("\n  ")
        ))
    }

    /// The difference of the smallest request that still has one: parameters are left out one by one.
    pub async fn smallest(&self, caller: &Caller, mut request: Request, mut difference: String) -> String {
        let mut place = 0;
        while place < request.pairs.len() {
            let mut smaller = request.clone();
            smaller.pairs.remove(place);
            match self.difference(caller, &smaller).await {
                Some(same) => (request, difference) = (smaller, same),
                None => place += 1,
            }
        }
        difference
    }
}

/// The service's configuration for these settings.
pub fn configure(config: &mut Config, settings: &Settings) {
    config.reports.acd_unit = match settings.acd_unit {
        AcdUnit::Minutes => config::AcdUnit::Minutes,
        AcdUnit::Seconds => config::AcdUnit::Seconds,
    };
    config.reports.totals_cps = match settings.totals_cps {
        TotalsCps::Bucket => config::TotalsCps::Bucket,
        TotalsCps::Range => config::TotalsCps::Range,
    };
    config.reports.week_start = match settings.week_start {
        WeekStart::Sunday => config::WeekStart::Sunday,
        WeekStart::Monday => config::WeekStart::Monday,
    };
    config.reports.billed_duration = settings.billed_duration;
    config.reports.time_zone = jiff::tz::TimeZone::get(settings.time_zone).unwrap();
    config.active_calls.period_seconds = settings.active_calls_period.try_into().unwrap();
    config.limits.max_buckets = settings.max_buckets.try_into().unwrap();
    config.api.unknown_params =
        if settings.ignore_unknown { config::UnknownParams::Ignore } else { config::UnknownParams::Reject };
}

/// The seed of the random worlds and questions: the same in each run of the gate, which is to fail for a change and not for the
/// hour; `CDRSCOPE_TEST_SEED` is another, or `clock` for one that nobody has tried.
pub fn seed_of_run() -> u64 {
    match std::env::var("CDRSCOPE_TEST_SEED").as_deref() {
        Ok("clock") => Time::now().second().unsigned_abs(),
        Ok(text) => text.parse().expect("CDRSCOPE_TEST_SEED is a number or clock"),
        Err(_) => 26,
    }
}

pub fn number_from(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}
