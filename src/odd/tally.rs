//! Counts odd rows of each kind, since the start and in the last hour, for metrics and hourly log lines.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use super::kinds::OddKind;
use super::rules::Rules;
use crate::shown::Shown;

/// An odd row.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Example {
    /// Its id; empty where it has none.
    pub id: String,
    /// Its time, in UTC.
    pub time: String,
    /// Values of the columns in question.
    pub values: String,
    /// The part it was seen in.
    pub part: String,
}

impl From<(String, String, String)> for Example {
    fn from((id, time, values): (String, String, String)) -> Self {
        Self { id, time, values, part: String::new() }
    }
}

/// Seconds of an hour.
const HOUR: i64 = 3600;

#[derive(Debug)]
struct KindTally {
    kind: &'static OddKind,
    table: String,
    total: u64,
    /// Minutes of the last hour, and rows in each.
    minutes: VecDeque<(i64, u64)>,
    seen: Option<i64>,
    logged: Option<i64>,
    unlogged: u64,
    example: Example,
}

/// A kind as operators see it.
#[derive(Clone, Debug)]
pub struct SeenKind {
    /// The kind.
    pub kind: &'static OddKind,
    /// The table.
    pub table: String,
    /// Rows since the start.
    pub total: u64,
    /// Rows in the last hour.
    pub last_hour: u64,
    /// When one was last seen, epoch seconds.
    pub last: Option<i64>,
}

/// Counts by kind.
#[derive(Debug)]
pub struct Tally(Mutex<Vec<KindTally>>);

impl Tally {
    /// Nothing yet, of the kinds of these tables.
    pub fn new<'a>(tables: impl IntoIterator<Item = &'a Rules>) -> Self {
        let entry = |rules: &Rules, kind| KindTally {
            kind,
            table: rules.table.clone(),
            total: 0,
            minutes: VecDeque::new(),
            seen: None,
            logged: None,
            unlogged: 0,
            example: Example::default(),
        };
        let entries = tables.into_iter().flat_map(|rules| rules.rules.iter().map(move |rule| entry(rules, rule.kind)));
        Self(Mutex::new(entries.collect()))
    }

    fn entries(&self) -> std::sync::MutexGuard<'_, Vec<KindTally>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds rows of a kind, seen at `now` (epoch seconds).
    pub fn add(&self, kind: &str, count: u64, example: Example, now: i64) {
        let mut entries = self.entries();
        let Some(entry) = entries.iter_mut().find(|entry| entry.kind.name == kind).filter(|_| count > 0) else {
            return;
        };
        entry.total += count;
        entry.unlogged += count;
        entry.seen = Some(now);
        entry.example = example;
        let minute = now.div_euclid(60);
        match entry.minutes.back_mut() {
            Some((last, rows)) if *last == minute => *rows += count,
            _ => entry.minutes.push_back((minute, count)),
        }
        while entry.minutes.front().is_some_and(|(first, _)| *first <= minute - 60) {
            entry.minutes.pop_front();
        }
    }

    /// The lines that are due at `now`: one for each kind with rows that no line tells of, at most one an hour.
    pub fn lines(&self, now: i64) -> Vec<String> {
        let mut lines = Vec::new();
        for entry in self.entries().iter_mut() {
            let is_due = entry.logged.is_none_or(|logged| now - logged >= HOUR);
            if entry.unlogged > 0 && is_due {
                lines.push(entry.line());
                (entry.logged, entry.unlogged) = (Some(now), 0);
            }
        }
        lines
    }

    /// Every kind.
    pub fn seen(&self, now: i64) -> Vec<SeenKind> {
        let since = now.div_euclid(60) - 60;
        let seen = |entry: &KindTally| SeenKind {
            kind: entry.kind,
            table: entry.table.clone(),
            total: entry.total,
            last_hour: entry.minutes.iter().filter(|(minute, _)| *minute > since).map(|(_, rows)| rows).sum(),
            last: entry.seen,
        };
        self.entries().iter().map(seen).collect()
    }
}

impl KindTally {
    fn line(&self) -> String {
        let Example { id, time, values, part } = &self.example;
        let id = if id.is_empty() { "one without id".to_owned() } else { format!("id {}", Shown(id)) };
        let values = if values.is_empty() { String::new() } else { format!(", {}", Shown(values)) };
        format!(
            "{}: {} new rows {} ({}), such as {id} of {time}{values}, in part {part}; reports count them as they are: \
             see `cdrscope check --data --since 1d`",
            self.table, self.unlogged, self.kind.says, self.kind.name
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Table;
    use crate::sql::schema::TableSchema;

    fn tally() -> Tally {
        Tally::new([&Rules::new(Table::Cdrs, &TableSchema::plain("cdrs"), 3)])
    }

    fn example(id: &str) -> Example {
        Example {
            id: id.into(),
            time: "2026-10-01 00:00:00".into(),
            values: "duration=-3".into(),
            part: "202610_1_1_0".into(),
        }
    }

    fn seen(tally: &Tally, now: i64) -> (u64, u64) {
        let all = tally.seen(now);
        let seen = all.iter().find(|seen| seen.kind.name == "negative_duration").unwrap();
        (seen.total, seen.last_hour)
    }

    #[test]
    fn a_kind_has_a_line_an_hour_with_all_rows_since_the_last() {
        let tally = tally();
        assert!(tally.lines(0).is_empty());
        tally.add("negative_duration", 2, example("17"), 1000);
        tally.add("negative_price", 1, example("18"), 1000);
        let lines = tally.lines(1000);
        assert_eq!(lines.len(), 2);
        assert_eq!(
            lines[0],
            "cdrs: 2 new rows with a duration below 0 (negative_duration), such as id 17 of 2026-10-01 00:00:00, \
             duration=-3, in part 202610_1_1_0; reports count them as they are: see `cdrscope check --data --since 1d`"
        );
        for now in [1010, 2000, 4599] {
            tally.add("negative_duration", 1, example("19"), now);
            assert!(tally.lines(now).is_empty(), "{now}");
        }
        let lines = tally.lines(4600);
        assert!(lines.len() == 1 && lines[0].starts_with("cdrs: 3 new rows"), "{lines:?}");
        assert!(tally.lines(90_000).is_empty());
    }

    #[test]
    fn the_last_hour_forgets_and_the_total_does_not() {
        let tally = tally();
        for minute in 0..180 {
            tally.add("negative_duration", 1, example("1"), minute * 60);
        }
        assert_eq!(seen(&tally, 179 * 60), (180, 60));
        assert_eq!(seen(&tally, 209 * 60), (180, 30));
        assert_eq!(seen(&tally, 500 * 60), (180, 0));
        tally.add("no such kind", 1, example("1"), 0);
        assert!(tally.entries().iter().all(|entry| entry.minutes.len() <= 60));
    }

    #[test]
    fn text_of_rows_forges_no_line() {
        let tally = tally();
        tally.add("negative_duration", 1, example("1\nWARN forged\u{202e}"), 0);
        let lines = tally.lines(0);
        assert!(!lines[0].contains(['\n', '\u{202e}']), "{lines:?}");
    }
}
