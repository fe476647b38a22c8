//! Odd rows of a range of time, counted month by month: `cdrscope check --data`, and what constraints would refuse.

use std::time::Duration;

use clickhouse::{Client, Row, RowOwned, RowRead};
use serde::Deserialize;

use super::kinds::OddKind;
use super::rules::Rules;
use super::tally::Example;
use super::watch::now;

/// Seconds that a statement may take: it reads a month, or a share of its ids.
const SECONDS: u32 = 600;

/// Ids that are compared at once, which bounds the memory.
const IDS: u64 = 4_000_000;

/// 1990-01-01, before which no time is plausible.
const FIRST: u32 = 631_152_000;

/// Rows of one kind.
#[derive(Debug)]
pub struct KindCount {
    /// The kind.
    pub kind: &'static OddKind,
    /// The table.
    pub table: String,
    /// Rows.
    pub rows: u64,
    /// Up to three of them.
    pub examples: Vec<Example>,
}

/// The odd rows of a table.
#[derive(Debug)]
pub struct Found {
    /// Rows that were looked at.
    pub rows: u64,
    /// Odd ones by kind.
    pub counts: Vec<KindCount>,
}

/// A row of the result of `Rules::range`.
#[derive(Row, Deserialize)]
struct RangeRow {
    rows: u64,
    counts: Vec<u64>,
    examples: Vec<Vec<(String, String, String)>>,
}

/// A row of the result of `Rules::doubles_of_range`.
#[derive(Row, Deserialize)]
struct RangeDoubles {
    rows: u64,
    examples: Vec<(String, String, String)>,
}

/// A month of a table.
#[derive(Row, Deserialize)]
struct MonthRows {
    from: u32,
    rows: u64,
}

/// Examples of a kind that are shown.
const SHOWN: usize = 3;

/// Counts odd rows from `since` (epoch seconds) on, and all those whose time is implausible. `progress` hears the first second of
/// each month that was looked at, and the rows so far.
///
/// # Errors
/// A statement failed.
pub async fn scan(
    client: &Client,
    rules: &Rules,
    since: u32,
    compare: bool,
    mut progress: impl FnMut(u32, u64),
) -> clickhouse::error::Result<Found> {
    let ask = RangeQuery(client);
    let ahead = u32::try_from(now() + 86_400).unwrap_or(u32::MAX - 1);
    let from = since.max(FIRST);
    let months: Vec<MonthRows> = ask.rows(&rules.months(), from, ahead, None).await?;
    let counts = rules.rules.iter().map(|rule| KindCount {
        kind: rule.kind,
        table: rules.table.clone(),
        rows: 0,
        examples: Vec::new(),
    });
    let mut found = Found { rows: 0, counts: counts.collect() };
    found.simple(&ask, rules, 0, FIRST - 1).await?;
    for (i, month) in months.iter().enumerate() {
        let to = months.get(i + 1).map_or(ahead, |next| next.from - 1);
        found.simple(&ask, rules, month.from, to).await?;
        if compare {
            found.doubles(&ask, rules, (month.from, to), month.rows).await?;
        }
        progress(month.from, found.rows);
    }
    found.simple(&ask, rules, ahead + 1, u32::MAX).await?;
    for (place, rule) in rules.rules.iter().enumerate() {
        if let (Some(beside), Some(count)) = (&rule.beside, found.counts.get_mut(place).filter(|count| count.rows > 0))
            && ask.rows::<u8>(&rules.any(beside), 0, 0, None).await?.is_empty()
        {
            (count.rows, count.examples) = (0, Vec::new());
        }
    }
    Ok(found)
}

impl Found {
    /// Odd rows of all kinds; a row that is odd in two ways counts twice.
    pub fn odd(&self) -> u64 {
        self.counts.iter().map(|count| count.rows).sum()
    }

    async fn simple(
        &mut self,
        ask: &RangeQuery<'_>,
        rules: &Rules,
        from: u32,
        to: u32,
    ) -> clickhouse::error::Result<()> {
        for held in ask.rows::<RangeRow>(&rules.range(), from, to, None).await? {
            self.rows += held.rows;
            let places = rules.simple().map(|(place, _)| place);
            for (place, (rows, examples)) in places.zip(held.counts.into_iter().zip(held.examples)) {
                self.add(place, rows, examples);
            }
        }
        Ok(())
    }

    async fn doubles(
        &mut self,
        ask: &RangeQuery<'_>,
        rules: &Rules,
        (from, to): (u32, u32),
        rows: u64,
    ) -> clickhouse::error::Result<()> {
        let (Some(place), Some(sql)) = (rules.twice(), rules.doubles_of_range()) else { return Ok(()) };
        let shares = u32::try_from(rows.div_ceil(IDS)).unwrap_or(u32::MAX).max(1);
        for share in 0..shares {
            for doubles in ask.rows::<RangeDoubles>(&sql, from, to, Some((share, shares))).await? {
                self.add(place, doubles.rows, doubles.examples);
            }
        }
        Ok(())
    }

    fn add(&mut self, place: usize, rows: u64, examples: Vec<(String, String, String)>) {
        if let Some(count) = self.counts.get_mut(place) {
            count.rows += rows;
            let free = SHOWN.saturating_sub(count.examples.len());
            count.examples.extend(examples.into_iter().take(free).map(Example::from));
        }
    }
}

struct RangeQuery<'a>(&'a Client);

impl RangeQuery<'_> {
    async fn rows<T: RowOwned + RowRead>(
        &self,
        sql: &str,
        from: u32,
        to: u32,
        share: Option<(u32, u32)>,
    ) -> clickhouse::error::Result<Vec<T>> {
        let client = self.0.clone().with_validation(false);
        let mut query = client
            .query_raw(sql)
            .with_setting("max_execution_time", SECONDS.to_string())
            .with_setting("max_threads", "2")
            .with_setting("priority", "1000")
            .with_setting("wait_end_of_query", "1");
        if sql.contains("{from:") {
            query = query.param("from", from).param("to", to);
        }
        if let Some((share, shares)) = share {
            query = query.param("share", share).param("shares", shares);
        }
        let patience = Duration::from_secs(u64::from(SECONDS) + 2);
        let answer = tokio::time::timeout(patience, query.fetch_all()).await;
        answer.unwrap_or(Err(clickhouse::error::Error::TimedOut))
    }
}
