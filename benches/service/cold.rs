//! The service with its cache off, against Yeti's SQL on the calls ordered by time; and what the service itself adds to the
//! engine's time.

use crate::ask::{Filter, HOUR, MINUTE, QUARTER, Question, STATISTICS};
use crate::contest::{Side, in_turns, median};
use crate::load::drive;
use crate::report::{Report, millis};
use crate::world::{Account, DAY, FROM, TO, World, YEAR_FROM};
use crate::{Pace, Result};

/// The largest account, a middle one, a small one.
pub const SIZES: [u32; 3] = [1, 50, 1500];
/// The largest.
pub const LARGEST: u32 = 1;

/// Settings of a service that remembers nothing.
pub const COLD: &[(&str, &str)] = &[("CDRSCOPE_CACHE_ENABLED", "false")];

/// First second of the day that is asked for.
const ONE_DAY: i64 = FROM + 14 * DAY;

/// A day by minute.
pub fn day(account: &Account) -> Question<'_> {
    Question::quality(account, ONE_DAY, ONE_DAY + DAY - 1, MINUTE)
}

/// All 28 days by quarters of an hour.
pub fn month(account: &Account) -> Question<'_> {
    Question::quality(account, FROM, TO, QUARTER)
}

/// Everything cold.
pub async fn measure(world: &World, pace: Pace, report: &mut Report) -> Result<()> {
    let service = world.serve("month", COLD)?;
    let accounts = SIZES.map(|id| world.account(id)).into_iter().collect::<Result<Vec<_>>>()?;
    for account in &accounts {
        let what = format!("28 days by 15 min, account {}", account.id);
        baseline(world, &service.authority, pace, report, &month(account), "bench.month", (what, Some(35.0))).await?;
    }
    for account in &accounts {
        for (what, filter) in filters(world, account).await? {
            // Only the destination is promised: the others are told.
            let least = match (filter.name, account.id) {
                ("dst-prefix-routing-contains" | "src-prefix-routing-starts-with", _) => None,
                (_, LARGEST) => Some(4.0),
                _ => Some(40.0),
            };
            let question = Question { filter: Some(filter), ..month(account) };
            let what = format!("28 days, {what}, account {}", account.id);
            baseline(world, &service.authority, pace, report, &question, "bench.month", (what, least)).await?;
        }
    }
    for account in &accounts {
        let what = format!("1 day by minute, account {}", account.id);
        baseline(world, &service.authority, pace, report, &day(account), "bench.month", (what, Some(3.0))).await?;
    }
    for account in &accounts {
        own_share(world, &service.authority, pace, report, &month(account), "28 days by 15 min").await?;
        own_share(world, &service.authority, pace, report, &day(account), "1 day by minute").await?;
    }
    eight(world, &service.authority, pace, report, &accounts).await?;
    year(world, pace, report).await
}

async fn baseline(
    world: &World,
    service: &str,
    pace: Pace,
    report: &mut Report,
    question: &Question<'_>,
    table: &str,
    (what, least): (String, Option<f64>),
) -> Result<()> {
    let mut sides = [
        Side::new(world.authority(), question.baseline(world, table)).await?,
        Side::new(service, question.request("")).await?,
    ];
    in_turns(&mut sides, pace).await?;
    report.faster(what, sides[0].median(), sides[1].median(), least);
    Ok(())
}

/// The filters of one account: its most frequent country and destination, and two that no sort key helps.
async fn filters(world: &World, account: &Account) -> Result<Vec<(&'static str, Filter)>> {
    let most = |column: &str| {
        format!(
            "SELECT toString({column}) FROM month.cdrs WHERE customer_acc_id = {} AND is_last_cdr = 1 \
             GROUP BY {column} ORDER BY count() DESC LIMIT 1",
            account.id
        )
    };
    let first = |sql: String| async move { Ok::<String, crate::Error>(world.admin.query_raw(&sql).fetch_one().await?) };
    let source = "substring(src_prefix_routing, 1, 5)";
    Ok(vec![
        (
            "one country",
            Filter {
                name: "dst-country-id",
                condition: "dst_country_id = toUInt32({filter:String})",
                value: first(most("dst_country_id")).await?,
            },
        ),
        (
            "prefix starts with",
            Filter {
                name: "dst-prefix-routing-starts-with",
                condition: "startsWith(dst_prefix_routing, {filter:String})",
                value: first(most("destination_prefix")).await?,
            },
        ),
        (
            "prefix contains",
            Filter {
                name: "dst-prefix-routing-contains",
                condition: "positionCaseInsensitive(dst_prefix_routing, {filter:String}) > 0",
                value: "404".to_owned(),
            },
        ),
        (
            "source prefix starts with",
            Filter {
                name: "src-prefix-routing-starts-with",
                condition: "startsWith(src_prefix_routing, {filter:String})",
                value: first(most(source)).await?,
            },
        ),
    ])
}

/// The service's answer against its own statement sent straight to the engine. The difference is taken round by round.
async fn own_share(
    world: &World,
    service: &str,
    pace: Pace,
    report: &mut Report,
    question: &Question<'_>,
    what: &str,
) -> Result<()> {
    let mut sides = [
        Side::new(world.authority(), question.straight(world, "month")?).await?,
        Side::new(service, question.request("")).await?,
    ];
    // Fractions of a millisecond need many rounds.
    in_turns(&mut sides, Pace { least_rounds: 3 * pace.least_rounds, contest: 2 * pace.contest, ..pace }).await?;
    let [straight, ours] = &sides;
    let added = median(&ours.times.iter().zip(&straight.times).map(|(a, b)| a - b).collect::<Vec<_>>());
    let share = added / straight.median();
    report.row(
        format!("the service's own share, {what}, account {}", question.account.id),
        [
            millis(straight.median()),
            millis(ours.median()),
            format!("+{added:.2} ms, +{:.0} %", share * 100.0),
            "≤ 0.5 ms and 10 %".to_owned(),
        ],
        Some(added <= 0.5 && share <= 0.1),
    );
    Ok(())
}

/// Eight connections, the accounts in rotation.
async fn eight(world: &World, service: &str, pace: Pace, report: &mut Report, accounts: &[Account]) -> Result<()> {
    let theirs: Vec<_> = accounts.iter().map(|account| month(account).baseline(world, "bench.month")).collect();
    let ours: Vec<_> = accounts.iter().map(|account| month(account).request("")).collect();
    let (mut slow, mut fast) = (Vec::new(), Vec::new());
    for _ in 0..pace.loads.div_ceil(2) {
        slow.push(drive(world.authority(), theirs.clone(), 8, pace.load, 200).await?.per_second);
        fast.push(drive(service, ours.clone(), 8, pace.load, 200).await?.per_second);
    }
    report.more("8 connections, 28 days by 15 min, cold", median(&slow), median(&fast), 60.0);
    Ok(())
}

/// A year by hour, figures with prices.
async fn year(world: &World, pace: Pace, report: &mut Report) -> Result<()> {
    let service = world.serve("year", COLD)?;
    for id in [1, 4] {
        let account = world.account_of(4, id)?;
        let question = Question { report: STATISTICS, ..Question::quality(&account, YEAR_FROM, TO, HOUR) };
        let what = format!("1 year by hour, statistics, account {id} of 4");
        baseline(world, &service.authority, pace, report, &question, "bench.year", (what, Some(35.0))).await?;
    }
    Ok(())
}
