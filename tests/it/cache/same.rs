//! Random requests about random worlds, as in `differential`, asked of services of other kinds: one without memory, one
//! whose memory is used in every way that a dashboard does, and both without the projections.

use std::collections::BTreeMap;

use cdrscope::sql::projections::ALL;

use crate::differential::{Service, number_from, seed_of_run};
use crate::oracle::{Request, Time};
use crate::random::{DataSet, Rng, request};

/// Worlds in a run, and requests about each; every request is asked in several ways.
const SETS: usize = 6;
const REQUESTS: usize = 30;

#[actix_web::test]
async fn random_requests_get_the_same_answers_with_and_without_memory_and_projections() {
    let seed = seed_of_run();
    let sets = SETS * usize::try_from(number_from("CDRSCOPE_TEST_CASES").unwrap_or(1).max(1)).unwrap();
    let mut compared = BTreeMap::new();
    for number in 0..sets {
        let mut rng = Rng::new(seed.wrapping_add((number as u64) << 32));
        let data = DataSet::random(&mut rng, number * 2 + usize::try_from(seed % 2).unwrap());
        let remembers = Service::start(&data.settings, &data.world, |_| ()).await;
        let forgets = remembers.beside(|config| config.cache.enabled = false).await;
        let plain = remembers.beside(|config| (config.cache.enabled, config.planner.enabled) = (false, false)).await;
        let mut ask = async |service: &Service<'_>, kind: &'static str, caller: &_, asked: &Request| {
            if let Some(difference) = service.difference(caller, asked).await {
                let smaller = service.smallest(caller, asked.clone(), difference).await;
                panic!("CDRSCOPE_TEST_SEED={seed}, {kind}, set {number}: {:?}\n{smaller}", data.settings);
            }
            *compared.entry(kind).or_insert(0) += 1;
        };
        let mut first = Vec::new();
        for _ in 0..REQUESTS {
            let (caller, asked) = request(&mut rng, &data);
            ask(&forgets, "without memory", &caller, &asked).await;
            ask(&plain, "without memory and planner", &caller, &asked).await;
            for asked in variants(&mut rng, &asked) {
                ask(&remembers, "with memory", &caller, &asked).await;
            }
            first.push((caller, asked));
        }
        // Projections that some parts lack, then none at all.
        for (kind, change) in [("some", "CLEAR PROJECTION IF EXISTS"), ("no", "DROP PROJECTION")] {
            for projection in ALL.map(|projection| projection.name) {
                let mut sql = format!("ALTER TABLE cdrs {change} {projection}");
                if kind == "some" {
                    let Some(month) = months(&remembers).await.first().cloned() else { continue };
                    sql.push_str(&format!(" IN PARTITION {month}"));
                }
                remembers.app.admin.query_raw(&format!("{sql} SETTINGS mutations_sync = 2")).execute().await.unwrap();
            }
            // The memory holds from before: clearing changes parts, dropping no row.
            for (caller, asked) in &first[..REQUESTS / 2] {
                ask(&forgets, if kind == "some" { "some projections" } else { "no projections" }, caller, asked).await;
                ask(
                    &remembers,
                    if kind == "some" { "memory, some projections" } else { "memory, no projections" },
                    caller,
                    asked,
                )
                .await;
            }
        }
    }
    println!("seed {seed}, 0 differences: {compared:?}");
}

/// The months that the table has parts of.
async fn months(service: &Service<'_>) -> Vec<String> {
    let sql =
        "SELECT DISTINCT partition FROM system.parts WHERE database = currentDatabase() AND table = 'cdrs' AND active";
    service.app.admin.query_raw(sql).fetch_all().await.unwrap()
}

/// The request, and then windows that overlap its own, other samplings and forms; the request again at the end.
fn variants(rng: &mut Rng, asked: &Request) -> Vec<Request> {
    let mut variants = vec![asked.clone()];
    for _ in 0..2 {
        let mut variant = asked.clone();
        match rng.below(10) {
            0 => set(&mut variant, "format", "rows"),
            1 => set(&mut variant, "fill", rng.pick(&["true", "false"])),
            2 => set(&mut variant, "t-unit", "ms"),
            3 => sampling(rng, &mut variant),
            _ => window(rng, &mut variant),
        }
        variants.push(variant);
    }
    variants.push(asked.clone());
    variants
}

fn set(request: &mut Request, name: &str, value: &str) {
    request.pairs.retain(|(other, _)| other != name);
    request.pairs.push((name.to_owned(), value.to_owned()));
}

/// A time of the request, as the last one of that name says.
fn time(request: &Request, name: &str) -> Option<i64> {
    let (_, text) = request.pairs.iter().rev().find(|(other, _)| other == name)?;
    Time::parse(text).map(|time| time.second())
}

/// Moves one end of the window or both, by odd seconds, minutes or more.
fn window(rng: &mut Rng, request: &mut Request) {
    let Some(from) = time(request, "from-time") else { return };
    let by = |rng: &mut Rng| rng.pick(&[1, 7, 60, 60, 300, 3600, 4 * 3600, 86_400]) * rng.between(-5, 5);
    let (first, last) = (by(rng), by(rng));
    let to = time(request, "to-time");
    if rng.percent(70) {
        set(request, "from-time", &(from + first).max(1_000_000_000).to_string());
    }
    if let Some(to) = to
        && rng.percent(70)
    {
        let to = if rng.percent(40) { to + first } else { to + last };
        set(request, "to-time", &to.max(1_000_000_000).to_string());
    }
}

/// Another sampling, unless that makes a great many buckets.
fn sampling(rng: &mut Rng, request: &mut Request) {
    let (Some(from), Some(to)) = (time(request, "from-time"), time(request, "to-time")) else { return };
    let name = rng.pick(&["minute", "5minutes", "15minutes", "hour", "day", "week", "month"]);
    if request.endpoint.samplings().contains(&name) && to - from < 2 * 86_400 {
        set(request, "sampling", name);
    }
}
