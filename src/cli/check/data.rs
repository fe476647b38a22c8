//! `cdrscope check --data`: rows that cannot be meant, by kind, with examples.

use std::time::{Duration, Instant as Clock};

use serde_json::json;
use time::OffsetDateTime;

use super::super::connect::{self, ClickHouseConnection};
use super::super::{CliError, block_on, say};
use super::super::{rows, span};
use crate::config::Config;
use crate::embedded::EngineRole;
use crate::odd::rules::Rules;
use crate::odd::scan::{Found, KindCount, scan};
use crate::odd::watch::now;
use crate::query::instant::Instant;
use crate::query::zone::Edge;
use crate::report::Table;
use crate::shown::Shown;
use crate::store::Clients;
use crate::tables;

/// A run that takes longer says where it is, as often.
const QUIET: Duration = Duration::from_secs(2);

/// Counts odd rows of both tables since a time, prints them, and fails with exit code 3 if there are any.
pub fn run(config: &Config, since: Option<&str>, as_json: bool) -> Result<(), CliError> {
    let since = since.map_or(Ok(0), |text| beginning(text, config))?;
    connect::not_forgotten(config)?;
    let (founds, unchecked) = block_on(async {
        let connection = ClickHouseConnection::open(config).await?;
        connection.closing(async |connection| count(config, connection, since).await).await
    })?;
    if as_json {
        say_json(&founds, &unchecked, since)
    } else {
        say_table(&founds, &unchecked)
    }
    match founds.iter().map(Found::odd).sum() {
        0 => Ok(()),
        odd => Err(CliError::Odd(odd)),
    }
}

type Unchecked = Vec<(String, &'static str, String)>;

async fn count(
    config: &Config,
    connection: &ClickHouseConnection,
    since: u32,
) -> Result<(Vec<Found>, Unchecked), CliError> {
    let client = connection.clients(config, EngineRole::Reader).client();
    let schema = tables::inspect(&client, config).await?;
    let (mut founds, mut unchecked) = (Vec::new(), Vec::new());
    for of in [Table::Cdrs, Table::ActiveCalls] {
        let rules = Rules::new(of, schema.table(of), config.checks.max_duration_days);
        let mut said = Clock::now();
        let progress = |month: u32, rows: u64| {
            if said.elapsed() >= QUIET {
                log::info!("{}: {rows} rows looked at, up to the month of {}", rules.table, day(month));
                said = Clock::now();
            }
        };
        let found = scan(&client, &rules, since, true, progress).await;
        founds.push(found.map_err(|e| CliError::Failed(format!("{}: {e}", rules.table)))?);
        unchecked.extend(rules.unchecked.into_iter().map(|(kind, why)| (rules.table.clone(), kind, why)));
    }
    Ok((founds, unchecked))
}

fn say_table(founds: &[Found], unchecked: &Unchecked) {
    let mut lines = Vec::new();
    for count in founds.iter().flat_map(|found| &found.counts) {
        let shown =
            count.examples.iter().map(|one| [&one.id, &one.time, &one.values].map(|text| Shown(text).to_string()));
        let shown: Vec<_> = if count.rows == 0 { vec![Default::default()] } else { shown.collect() };
        for (i, [id, time, values]) in shown.into_iter().enumerate() {
            let head = [count.table.clone(), count.kind.name.to_owned(), count.rows.to_string()];
            let [table, kind, rows] = if i == 0 { head } else { Default::default() };
            lines.push([table, kind, rows, id, time, values]);
        }
    }
    rows::say_table(["TABLE", "KIND", "ROWS", "SUCH AS ID", "TIME", "VALUES"], lines.into_iter());
    for (table, kind, why) in unchecked {
        say(format_args!("not checked in {table}: {kind}: {why}"));
    }
    let rows: u64 = founds.iter().map(|found| found.rows).sum();
    let kinds = founds.iter().flat_map(|found| &found.counts).filter(|count| count.rows > 0).count();
    let plural = if rows == 1 { "" } else { "s" };
    match founds.iter().map(Found::odd).sum::<u64>() {
        0 => say(format_args!("{rows} row{plural} looked at, none odd")),
        odd if kinds == 1 => say(format_args!("{rows} row{plural} looked at, {odd} odd")),
        odd => say(format_args!("{rows} row{plural} looked at, {odd} odd, where a row counts in each of its kinds")),
    }
}

fn say_json(founds: &[Found], unchecked: &Unchecked, since: u32) {
    let kind = |count: &KindCount| {
        let examples = count.examples.iter();
        let examples = examples.map(|one| json!({ "id": one.id, "time": one.time, "values": one.values }));
        json!({
            "table": count.table, "kind": count.kind.name, "what": format!("rows {}", count.kind.says),
            "rows": count.rows, "examples": examples.collect::<Vec<_>>(),
        })
    };
    let kinds: Vec<_> = founds.iter().flat_map(|found| &found.counts).map(kind).collect();
    let not_checked = unchecked.iter().map(|(table, kind, why)| json!({ "table": table, "kind": kind, "why": why }));
    say(json!({
        "since": since,
        "rows": founds.iter().map(|found| found.rows).sum::<u64>(),
        "odd": founds.iter().map(Found::odd).sum::<u64>(),
        "kinds": kinds,
        "not_checked": not_checked.collect::<Vec<_>>(),
    }));
}

/// The second that `--since` names: a time as reports take it, or so long ago, such as `7d`.
fn beginning(text: &str, config: &Config) -> Result<u32, CliError> {
    let ago = |seconds: u64| Some(now().saturating_sub(i64::try_from(seconds).ok()?).max(0));
    let second = span::seconds(text).and_then(ago);
    let second = second.or_else(|| Instant::parse_in(text, &config.reports.time_zone, Edge::From).map(|at| at.ceil()));
    second.and_then(|second| u32::try_from(second).ok()).ok_or_else(|| {
        CliError::Usage(format!(
            "--since: {:?} is no time, which looks like 2026-10-01, or 7d for a week ago",
            Shown(text)
        ))
    })
}

fn day(second: u32) -> String {
    OffsetDateTime::from_unix_timestamp(second.into()).map_or_else(|_| String::new(), |at| at.date().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn since_is_a_time_or_so_long_ago() {
        let at = |text: &str| beginning(text, &Config::default()).ok().map(i64::from);
        assert_eq!(at("2026-10-01"), Some(1_790_812_800));
        assert_eq!(at("2026-10-01T02:00:00+02:00"), Some(1_790_812_800));
        for (text, ago) in [("90m", 5400), ("24h", 86_400), ("7d", 604_800), ("2w", 1_209_600)] {
            assert!(at(text).unwrap().abs_diff(now() - ago) <= 1, "{text}");
        }
        // Longer ago than the first second there is.
        assert_eq!(at("99999d"), Some(0));
        for text in ["", "d", "-7d", "7 d", "7x", "yesterday", "99999999999999999999d", "2026-13-01"] {
            assert_eq!(at(text), None, "{text}");
        }
    }
}
