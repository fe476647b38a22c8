//! One table under watch: its new parts, and what in them is odd.
//!
//! A look costs a reading of `system.parts`, and where there are new parts, two statements of one thread that read the columns
//! in question of these parts.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use clickhouse::{Client, Row, RowOwned, RowRead};
use serde::Deserialize;
use uuid::Uuid;

use super::blocks::{Blocks, Counts, Todo};
use super::rules::{Depth, Rules};
use super::tally::{Example, Tally};
use super::watch::now;
use crate::config::Config;
use crate::report::Table;
use crate::sql::schema::TableSchema;
use crate::store::parts::{PartRow, parts};
use crate::store::server_code;

/// Parts of one look; more wait for the next.
const MOST_PARTS: usize = 256;

/// Rows of one look; the last part may go beyond.
const MOST_ROWS: u64 = 2_000_000;

/// A part of more rows is not looked at.
const LARGEST: u64 = 10_000_000;

/// Rows that are compared with others at once, in 200 MB; those of a larger part are not.
const COMPARED: u64 = 500_000;

/// A part that was there before the first look is counted, for later merges, if it has no more rows.
const SMALL: u64 = 500_000;

/// Rows that may be read to find those with the ids of new ones.
const OTHERS: u64 = 6_000_000;

/// Seconds that a statement of a look may take.
const SECONDS: u32 = 10;

/// The state of a table's checks.
#[derive(Clone, Debug, Default)]
pub struct CheckStatus {
    /// When all new parts had been looked at, or as many as one look takes; epoch seconds.
    pub looked: Option<i64>,
    /// Why the latest look failed.
    pub fault: Option<String>,
    /// Parts that wait for the next look.
    pub waiting: u64,
    /// Rows looked at.
    pub rows: u64,
    /// Rows that were not looked at, and will not be.
    pub skipped: u64,
}

/// One table under watch.
#[derive(Debug)]
pub(super) struct WatchedTable {
    /// The topic of its warnings.
    pub(super) topic: &'static str,
    database: String,
    /// The checks.
    pub(super) rules: Rules,
    /// Why its rows are not looked at, if they are not.
    pub(super) unwatched: Option<&'static str>,
    blocks: tokio::sync::Mutex<Blocks>,
    status: Mutex<CheckStatus>,
    /// By the place of a rule: if the table has the rows that it wants beside the odd ones.
    company: Mutex<Vec<Company>>,
}

/// If a table has the rows that a kind wants beside the odd ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Company {
    /// Nobody has asked yet.
    Unknown,
    /// It has.
    Present,
    /// It had none at this second.
    Absent(i64),
}

/// Seconds after which a table without such rows is asked again; new parts tell it at once.
const ASK_AGAIN: i64 = 600;

/// The odd rows of a part.
#[derive(Row, Deserialize)]
struct Held {
    part: String,
    rows: u64,
    from: u32,
    to: u32,
    counts: Counts,
    examples: Vec<(String, String, String)>,
    beside: Vec<u64>,
}

/// Rows of a part with the ids of others.
#[derive(Row, Deserialize)]
struct Doubles {
    part: String,
    rows: u64,
    example: (String, String, String),
}

impl WatchedTable {
    pub(super) fn new(of: Table, table: &TableSchema, config: &Config) -> Self {
        let rules = Rules::new(of, table, config.checks.max_duration_days);
        let unwatched = match () {
            () if !config.checks.enabled => Some("checks.enabled is false"),
            () if !table.has_parts => Some("the table shows no parts, as views and Distributed tables do"),
            () => None,
        };
        let company = Mutex::new(vec![Company::Unknown; rules.rules.len()]);
        let topic = match of {
            Table::Cdrs => "rows of calls",
            Table::ActiveCalls => "rows of live calls",
        };
        Self {
            topic,
            database: config.clickhouse.database.clone(),
            rules,
            unwatched,
            blocks: Default::default(),
            status: Default::default(),
            company,
        }
    }

    pub(super) fn status(&self) -> std::sync::MutexGuard<'_, CheckStatus> {
        self.status.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The name of the table of the parts, by its server, and the parts.
    async fn parts(&self, client: &Client) -> clickhouse::error::Result<(String, Vec<PartRow>)> {
        let parts = parts(client, &self.database, &self.rules.table).await?;
        Ok((parts.first().map_or("", PartRow::table).to_owned(), parts))
    }

    /// Notes what is there without looking into it.
    pub(super) async fn begin(&self, client: &Client) -> clickhouse::error::Result<()> {
        let (table, parts) = self.parts(client).await?;
        self.blocks.lock().await.read(&table, &parts);
        self.status().looked = Some(now());
        Ok(())
    }

    pub(super) async fn look(&self, client: &Client, tally: &Tally) -> clickhouse::error::Result<()> {
        let (table, parts) = self.parts(client).await?;
        let mut blocks = self.blocks.lock().await;
        let todo = blocks.read(&table, &parts);
        let (chosen, waiting) = choose(todo, |todo| {
            // Later merges of it are not told apart.
            blocks.note(&todo.part, None);
            self.status().skipped += todo.new_rows;
        });
        if !chosen.is_empty() {
            self.count(client, &chosen, &mut blocks, tally).await?;
        }
        let mut status = self.status();
        (status.looked, status.waiting) = (Some(now()), waiting);
        Ok(())
    }

    async fn count(
        &self,
        client: &Client,
        chosen: &[Todo],
        blocks: &mut Blocks,
        tally: &Tally,
    ) -> clickhouse::error::Result<()> {
        let names: Vec<&str> = chosen.iter().map(|todo| todo.part.name.as_str()).collect();
        let ask = PartsQuery { client, parts: &names, window: None, most_rows: None };
        let held: Vec<Held> = ask.rows(&self.rules.parts()).await?;
        self.note_company(&held);
        let mut doubles = Vec::new();
        for chunk in chunks(&held) {
            doubles.extend(self.doubles(client, chunk).await?);
        }
        let mut absent = Vec::new();
        for todo in chosen {
            let Some(found) = held.iter().find(|held| held.part == todo.part.name) else {
                absent.push(&todo.part);
                continue;
            };
            let (mut counts, examples) = self.merge(found, &doubles);
            if let Some(place) = self.rules.twice().filter(|_| found.rows > COMPARED)
                && let Some(count) = counts.get_mut(place)
            {
                // Not compared: what was known stays known.
                *count = todo.base.as_ref().and_then(|base| base.get(place).copied()).unwrap_or(0);
            }
            let counts = self.with_company(client, counts).await;
            match &todo.base {
                Some(base) => {
                    for (place, (count, example)) in counts.iter().zip(examples).enumerate() {
                        let more = count.saturating_sub(base.get(place).copied().unwrap_or(0));
                        let Some(rule) = self.rules.rules.get(place) else { continue };
                        let example = Example { part: found.part.clone(), ..example };
                        tally.add(rule.kind.name, more, example, now());
                    }
                    self.status().rows += todo.new_rows;
                }
                None => self.status().skipped += todo.new_rows,
            }
            blocks.note(&todo.part, Some(counts));
        }
        if !absent.is_empty() {
            // One that was merged away meanwhile comes again in what it was merged into. One that is still there holds nothing
            // but deleted rows.
            let (_, parts) = self.parts(client).await?;
            for part in absent.into_iter().filter(|part| parts.contains(part)) {
                blocks.note(part, Some(Counts::new()));
            }
        }
        Ok(())
    }

    /// Counts and examples of a part by the places of rules.
    fn merge(&self, held: &Held, doubles: &[Doubles]) -> (Counts, Vec<Example>) {
        let mut counts = vec![0; self.rules.rules.len()];
        let mut examples = vec![Example::default(); counts.len()];
        let simple = self.rules.simple().map(|(place, _)| place);
        let twice = doubles.iter().find(|doubles| doubles.part == held.part);
        let twice = self.rules.twice().zip(twice).map(|(place, found)| (place, (found.rows, found.example.clone())));
        let found = held.counts.iter().copied().zip(held.examples.iter().cloned());
        for (place, (count, example)) in simple.zip(found).chain(twice) {
            if let (Some(into), Some(shown)) = (counts.get_mut(place), examples.get_mut(place)) {
                (*into, *shown) = (count, example.into());
            }
        }
        (counts, examples)
    }

    fn company(&self) -> std::sync::MutexGuard<'_, Vec<Company>> {
        self.company.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes which rows these parts have that kinds want beside odd ones.
    fn note_company(&self, held: &[Held]) {
        let mut company = self.company();
        let wanting = self.rules.rules.iter().enumerate().filter(|(_, rule)| rule.beside.is_some());
        for (i, (place, _)) in wanting.enumerate() {
            let is_there = held.iter().any(|held| held.beside.get(i).is_some_and(|rows| *rows > 0));
            if let Some(company) = company.get_mut(place).filter(|_| is_there) {
                *company = Company::Present;
            }
        }
    }

    /// Takes off rows of kinds that want others beside them which the table does not have.
    async fn with_company(&self, client: &Client, mut counts: Counts) -> Counts {
        for (place, rule) in self.rules.rules.iter().enumerate() {
            let (Some(condition), Some(count)) = (&rule.beside, counts.get_mut(place).filter(|count| **count > 0))
            else {
                continue;
            };
            let mut company = self.company().get(place).copied().unwrap_or(Company::Unknown);
            if company == Company::Unknown || matches!(company, Company::Absent(at) if now() - at >= ASK_AGAIN) {
                let ask = PartsQuery { client, parts: &[], window: None, most_rows: None };
                company = match ask.rows::<u8>(&self.rules.any(condition)).await {
                    Ok(rows) if rows.is_empty() => Company::Absent(now()),
                    // A table so large that this cannot be told in time is taken to have some.
                    Ok(_) | Err(_) => Company::Present,
                };
                if let Some(known) = self.company().get_mut(place) {
                    *known = company;
                }
            }
            if company != Company::Present {
                *count = 0;
            }
        }
        counts
    }

    /// Rows with the ids of others, as far as few rows have to be read for it.
    async fn doubles(&self, client: &Client, held: &[Held]) -> clickhouse::error::Result<Vec<Doubles>> {
        let names: Vec<&str> = held.iter().map(|held| held.part.as_str()).collect();
        let new: u64 = held.iter().map(|held| held.rows).sum();
        let from = held.iter().map(|held| held.from).filter(|from| *from > 0).min().unwrap_or(0);
        let to = held.iter().map(|held| held.to).max().unwrap_or(0);
        for depth in [Depth::Range, Depth::Key, Depth::Parts] {
            let Some(sql) = self.rules.doubles(depth) else { continue };
            let most_rows = (depth != Depth::Parts).then_some(OTHERS + new);
            match (PartsQuery { client, parts: &names, window: Some((from, to)), most_rows }).rows(&sql).await {
                Err(error) if is_too_much(&error) => {}
                done => return done,
            }
        }
        Ok(Vec::new())
    }
}

/// Parts that are compared with others at once.
fn chunks(held: &[Held]) -> Vec<&[Held]> {
    let (mut chunks, mut rest) = (Vec::new(), held);
    while let Some(first) = rest.first() {
        let mut rows = first.rows;
        let fits = |held: &&Held| {
            rows += held.rows;
            rows <= COMPARED
        };
        let (chunk, others) = rest.split_at(1 + rest.iter().skip(1).take_while(fits).count());
        if first.rows <= COMPARED {
            chunks.push(chunk);
        }
        rest = others;
    }
    chunks
}

/// The parts of one look, and how many wait for the next; `skip` takes those that are too large.
fn choose(todo: Vec<Todo>, mut skip: impl FnMut(&Todo)) -> (Vec<Todo>, u64) {
    let (mut chosen, mut rows, mut waiting) = (Vec::new(), 0, 0);
    for todo in todo {
        let is_new = todo.new_rows > 0;
        if todo.part.rows > LARGEST && is_new {
            skip(&todo);
        } else if !is_new && todo.part.rows > SMALL {
        } else if chosen.len() < MOST_PARTS && rows < MOST_ROWS {
            rows += todo.part.rows;
            chosen.push(todo);
        } else {
            waiting += u64::from(is_new);
        }
    }
    (chosen, waiting)
}

/// TOO_MANY_ROWS: ClickHouse tells from its index that the statement would read more than it may.
fn is_too_much(error: &clickhouse::error::Error) -> bool {
    server_code(error) == Some("158")
}

/// A statement of a look and its values.
struct PartsQuery<'a> {
    client: &'a Client,
    parts: &'a [&'a str],
    window: Option<(u32, u32)>,
    most_rows: Option<u64>,
}

impl PartsQuery<'_> {
    async fn rows<T: RowOwned + RowRead>(&self, sql: &str) -> clickhouse::error::Result<Vec<T>> {
        let id = format!("cdrscope-rows-{}", Uuid::new_v4());
        log::debug!("query {id}: {sql} {:?}", self.parts);
        let mut query = self
            .client
            .query_raw(sql)
            .with_setting("query_id", id)
            .with_setting("max_execution_time", SECONDS.to_string())
            .with_setting("max_threads", "1")
            // Reports of customers that have company have small numbers, and go first.
            .with_setting("priority", "1000");
        if sql.contains("{parts:") {
            query = query.param("parts", self.parts);
        }
        if let Some((from, to)) = self.window.filter(|_| sql.contains("{from:")) {
            query = query.param("from", from).param("to", to);
        }
        if let Some(most) = self.most_rows {
            query = query.with_setting("max_rows_to_read", most.to_string());
        }
        let patience = Duration::from_secs(u64::from(SECONDS) + 2);
        let answer = tokio::time::timeout(patience, query.fetch_all()).await;
        answer.unwrap_or(Err(clickhouse::error::Error::TimedOut))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn todo(rows: u64, new_rows: u64) -> Todo {
        let part = PartRow { name: rows.to_string(), rows, ..PartRow::default() };
        Todo { part, base: None, new_rows }
    }

    #[test]
    fn a_look_is_bounded_in_parts_and_rows() {
        let (chosen, waiting) = choose((0..300).map(|_| todo(1, 1)).collect(), |_| ());
        assert_eq!((chosen.len(), waiting), (MOST_PARTS, 44));
        let mut skipped = 0;
        let all = vec![
            todo(1_500_000, 1),
            todo(LARGEST, 1),
            todo(1, 1),
            todo(LARGEST + 1, 7),
            todo(SMALL + 1, 0),
            todo(1, 0),
        ];
        let (chosen, waiting) = choose(all, |todo| skipped += todo.new_rows);
        // A large part goes beyond the bound, or it would wait for ever behind smaller ones.
        assert_eq!((chosen.len(), waiting, skipped), (2, 1, 7));
    }

    #[test]
    fn parts_are_compared_in_chunks_of_bounded_rows() {
        let held = |rows: u64| Held {
            part: String::new(),
            rows,
            from: 0,
            to: 0,
            counts: Vec::new(),
            examples: Vec::new(),
            beside: Vec::new(),
        };
        let held: Vec<Held> = [300_000, 200_000, 1, COMPARED + 1, COMPARED, 5, 6].map(held).into();
        let lengths: Vec<usize> = chunks(&held).iter().map(|chunk| chunk.len()).collect();
        assert_eq!(lengths, [2, 1, 1, 2]);
        assert!(chunks(&[]).is_empty());
    }
}
