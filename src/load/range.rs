//! The range of times, and the accounts, whose rows `--replace` swaps for those of files.

use jiff::civil::Date;
use jiff::tz::{Offset, TimeZone};
use jiff::{Timestamp, ToSpan as _};

use super::column::ColumnType;
use super::moment::{END, Moment, Spelling, parse};
use super::plan::{TargetTable, Written};

/// Months that are swapped one by one; a longer range is deleted by its times.
const MOST_MONTHS: usize = 600;

/// Rows of these times and accounts.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Range {
    /// The first second.
    pub from: i64,
    /// The second after the last.
    pub to: i64,
    /// Of all accounts where empty.
    pub accounts: Vec<u64>,
}

impl Range {
    /// Reads `2026-10`, `2026-10-05`, or two of them or of instants around a slash. Days and months are those of `zone`,
    /// the last one included; an instant after the slash is not.
    pub fn new(text: &str, zone: &TimeZone, accounts: Vec<u64>) -> Result<Self, String> {
        let wrong = |why: &str| format!("--replace {text:?}: {why}");
        let form = "expected 2026-10, 2026-10-05, 2026-10-05/2026-10-07 or two times around a slash";
        let (first, last) = text.split_once('/').unwrap_or((text, text));
        let (from, to) = (ends(first, zone), ends(last, zone));
        let from = from.map_err(|why| wrong(why.unwrap_or(form)))?.0;
        let to = to.map_err(|why| wrong(why.unwrap_or(form)))?.1;
        if from == to && !text.contains('/') {
            return Err(wrong("an instant is no range: say two around a slash, or the day"));
        }
        if from >= to {
            return Err(wrong("it ends before it begins"));
        }
        if from < 0 || to > END {
            return Err(wrong("outside 1970 to 2106"));
        }
        Ok(Self { from, to, accounts })
    }

    /// Says what is wrong with a row that is none of these.
    pub fn refuses(&self, table: &TargetTable, row: &Written) -> Option<String> {
        if !(self.from..self.to).contains(&row.time) {
            return Some(format!("its {} {} is outside of --replace, {self}", table.time, time(row.time)));
        }
        let is_theirs = |account: &u64| i128::from(*account) == row.account;
        if self.accounts.is_empty() || self.accounts.iter().any(is_theirs) {
            return None;
        }
        Some(format!("its {} {} is not of --replace-account", table.account, row.account))
    }

    /// The condition that rows of the table are of the range.
    pub fn sql(&self, table: &TargetTable) -> String {
        let times = between(table, self.from, self.to);
        if self.accounts.is_empty() {
            return times;
        }
        let accounts: Vec<_> = self.accounts.iter().map(u64::to_string).collect();
        format!("{times} AND `{}` IN ({})", table.account, accounts.join(", "))
    }

    /// The partitions that the range is made of, if `partition_key` gives a partition a month and it is whole months.
    pub fn partitions(&self, table: &TargetTable, partition_key: &str) -> Option<Vec<String>> {
        let is_utc = table.column(&table.time).is_some_and(|column| column.spelled.contains("'UTC'"));
        if !self.accounts.is_empty() || !is_utc || partition_key != format!("toYYYYMM({})", table.time) {
            return None;
        }
        let mut months = Vec::new();
        let mut at = self.from;
        while at < self.to {
            let date = Offset::UTC.to_datetime(Timestamp::from_second(at).ok()?).date();
            let begin = date.first_of_month();
            if seconds(begin, &TimeZone::UTC)? != at || months.len() == MOST_MONTHS {
                return None;
            }
            months.push(format!("{:04}{:02}", date.year(), date.month()));
            at = seconds(begin.checked_add(1.month()).ok()?, &TimeZone::UTC)?;
        }
        (at == self.to).then_some(months)
    }
}

/// The condition that rows of the table begin from the one second to before the other.
pub fn between(table: &TargetTable, from: i64, to: i64) -> String {
    let (from, to) = (from.max(0), to.min(END));
    let name = &table.time;
    // The second after the last that 32 bits hold is none.
    if table.column(name).is_some_and(|column| column.kind == Some(ColumnType::Seconds)) {
        return format!("`{name}` >= toDateTime({from}, 'UTC') AND `{name}` <= toDateTime({}, 'UTC')", to - 1);
    }
    format!("`{name}` >= toDateTime64({from}, 0, 'UTC') AND `{name}` < toDateTime64({to}, 0, 'UTC')")
}

impl std::fmt::Display for Range {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} to before {}", time(self.from), time(self.to))
    }
}

fn time(second: i64) -> String {
    Timestamp::from_second(second).map(|time| time.to_string()).unwrap_or_default()
}

fn seconds(date: Date, zone: &TimeZone) -> Option<i64> {
    Some(zone.to_ambiguous_zoned_datetime(date.at(0, 0, 0, 0)).compatible().ok()?.timestamp().as_second())
}

/// Where a month, a day or an instant begins and ends.
fn ends(text: &str, zone: &TimeZone) -> Result<(i64, i64), Option<&'static str>> {
    let is = |pattern: &str| {
        let same = |(byte, wanted): (u8, u8)| if wanted == b'0' { byte.is_ascii_digit() } else { byte == wanted };
        text.len() == pattern.len() && text.bytes().zip(pattern.bytes()).all(same)
    };
    let day = |text: &str| text.parse::<Date>().map_err(|_odd| Some("no such date"));
    let (first, next) = if is("0000-00") {
        let first = day(&format!("{text}-01"))?;
        (first, first.checked_add(1.month()))
    } else if is("0000-00-00") {
        (day(text)?, day(text)?.checked_add(1.day()))
    } else {
        let spelling = Spelling::of(zone.clone());
        return match parse(text, &spelling) {
            Ok(Moment::At { seconds, .. }) => Ok((seconds, seconds)),
            Ok(Moment::Zero) | Err(_) => Err(None),
        };
    };
    let next = next.map_err(|_late| None)?;
    Ok((seconds(first, zone).ok_or(None)?, seconds(next, zone).ok_or(None)?))
}

#[cfg(test)]
mod tests {
    use super::super::column::TargetColumn;
    use super::*;

    fn range(text: &str) -> Result<(String, String), String> {
        let range = Range::new(text, &TimeZone::get("Europe/Kyiv").unwrap(), Vec::new())?;
        Ok((time(range.from), time(range.to)))
    }

    #[test]
    fn days_and_months_are_whole_and_of_the_zone() {
        let is = |text: &str, from: &str, to: &str| assert_eq!(range(text), Ok((from.into(), to.into())), "{text}");
        is("2026-12", "2026-11-30T22:00:00Z", "2026-12-31T22:00:00Z");
        is("2026-10-25", "2026-10-24T21:00:00Z", "2026-10-25T22:00:00Z");
        is("2026-10-05/2026-10-07", "2026-10-04T21:00:00Z", "2026-10-07T21:00:00Z");
        is("2026-10-05T10:00:00Z/2026-10-05T11:00:00Z", "2026-10-05T10:00:00Z", "2026-10-05T11:00:00Z");
        is("2026-10/2026-11-01 12:00:00", "2026-09-30T21:00:00Z", "2026-11-01T10:00:00Z");
        for odd in ["2026-10-05T10:00:00Z", "2026-10-07/2026-10-05", "2026-10/", "1969-12", "2026-10/2107-01", "x/y/z"]
        {
            assert!(range(odd).is_err(), "{odd}");
        }
    }

    #[test]
    fn whole_months_are_partitions() {
        let columns = vec![TargetColumn::new("t", "DateTime('UTC')"), TargetColumn::new("a", "UInt32")];
        let mut table = TargetTable::of("x", columns, "t", "a");
        let range = |text: &str| Range::new(text, &TimeZone::UTC, Vec::new()).unwrap();
        let months = |months: &[&str]| Some(months.iter().map(|&month| month.to_owned()).collect::<Vec<_>>());
        assert_eq!(range("2025-12/2026-02").partitions(&table, "toYYYYMM(t)"), months(&["202512", "202601", "202602"]));
        assert_eq!(range("2026-10-01/2026-10-31").partitions(&table, "toYYYYMM(t)"), months(&["202610"]));
        assert_eq!(range("2026-10-01/2026-10-30").partitions(&table, "toYYYYMM(t)"), None);
        assert_eq!(range("2026-10").partitions(&table, "toYYYYMMDD(t)"), None);
        let one = Range { accounts: vec![1], ..range("2026-10") };
        assert_eq!(one.partitions(&table, "toYYYYMM(t)"), None);
        table.columns[0] = TargetColumn::new("t", "DateTime");
        assert_eq!(range("2026-10").partitions(&table, "toYYYYMM(t)"), None);
    }
}
