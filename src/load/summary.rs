//! A load in words: what of this file, and of nobody else's inserts, came of it.

use jiff::Timestamp;

use super::Outcome;
use super::check::Checked;
use super::odd::OddCount;
use super::range::Range;
use super::source::{SourceFile, shown};
use super::store::Stored;
use super::swap::Count;

/// Reasons that are named one by one.
const MOST: usize = 20;

/// Rejects by column and reason, most frequent first.
pub fn reasons(checked: &Checked) -> String {
    let mut reasons: Vec<_> = checked.rejected.iter().collect();
    reasons.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
    let more = reasons.len().saturating_sub(MOST);
    let one = |((column, why), count): &(&(String, String), &u64)| match column.as_str() {
        "" => format!("{count} {why}"),
        column => format!("{count} {column}: {why}"),
    };
    let mut text = reasons.iter().take(MOST).map(one).collect::<Vec<_>>().join("; ");
    if more > 0 {
        text.push_str(&format!("; {more} more reasons"));
    }
    text
}

/// Sums over files.
#[derive(Clone, Copy, Debug, Default)]
pub struct Total {
    /// Files that were loaded.
    pub files: u64,
    /// Their rows.
    pub rows: u64,
    /// Rows that were stored, and those that were there.
    pub stored: Stored,
    /// Rows that were not.
    pub rejected: u64,
    /// Rows that are no calls.
    pub left_out: u64,
    /// Files whose last line was left out.
    pub unended: u64,
}

impl Total {
    /// Adds a file.
    pub fn add(&mut self, outcome: &Outcome) {
        self.files += 1;
        self.rows += outcome.checked.rows;
        self.stored.stored += outcome.stored.stored;
        self.stored.known += outcome.stored.known;
        self.rejected += outcome.checked.rejects();
        self.left_out += outcome.checked.left_out();
        self.unended += u64::from(outcome.checked.unended.is_some());
    }

    /// The sentence about what of the files is not in the table, if there is something.
    pub fn missing(&self, dry: bool) -> Option<String> {
        let rejected = match (self.rejected, dry) {
            (0, _) => None,
            (rows, false) => Some(format!("{} rejected; all others are loaded", counted(rows, "row was", "rows were"))),
            (rows, true) => Some(format!("{rows} rows would be rejected, all others loaded")),
        };
        let unended = match self.unended {
            0 => None,
            1 => Some("a last line without a line end was left out".to_owned()),
            files => Some(format!("the last lines of {files} files have no line end and were left out")),
        };
        let both: Vec<String> = rejected.into_iter().chain(unended).collect();
        (!both.is_empty()).then(|| both.join("; "))
    }

    /// The line about all of them.
    pub fn line(&self, dry: bool) -> String {
        let Self { files, rows, stored: Stored { stored, known, .. }, rejected, left_out, .. } = self;
        let left_out = no_calls(*left_out);
        let (would, plural) = (if dry { "would be stored" } else { "stored" }, if *files == 1 { "" } else { "s" });
        format!(
            "{files} file{plural}: {rows} rows read, {stored} {would}, {known} already there, {rejected} rejected{left_out}"
        )
    }
}

/// Rows that the mapping leaves out, as the end of a list of counts.
fn no_calls(rows: u64) -> String {
    if rows == 0 { String::new() } else { format!(", {rows} left out") }
}

fn counted(number: u64, one: &str, more: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { more })
}

/// The fault of a last line that nothing ends.
pub fn unended(line: u64) -> String {
    format!("line {line} is the last and has no line end, so that it may be cut")
}

/// The way to have it.
pub const WHOLE: &str = "load the file again when it is whole, or say --whole-last-line if it is";

/// The line about a range that is swapped: rows that go and come, with their accounts.
pub fn swapped(range: &Range, (gone, new): (Count, Count), dry: bool) -> String {
    let count = |(rows, accounts): Count| {
        let plural = |count: u64| if count == 1 { "" } else { "s" };
        format!("{rows} row{} of {accounts} account{}", plural(rows), plural(accounts))
    };
    let went = if dry { "would go" } else { "went" };
    format!("--replace, {range}: {} {went} for {}", count(gone), count(new))
}

/// The summary, a line a thought.
pub fn lines(source: &SourceFile, outcome: &Outcome, dry: bool) -> Vec<String> {
    let name = &source.name;
    let Outcome { checked, stored } = outcome;
    let would = if dry { "would be stored" } else { "stored" };
    let rejected = checked.rejects();
    let mut first = format!(
        "{name}: {} rows read, {} {would}{}, {} already there, {rejected} rejected{}",
        checked.rows,
        stored.stored,
        match (stored.replaced, dry) {
            (None, _) => String::new(),
            (Some(gone), true) => format!(" in place of {gone} that are there"),
            (Some(gone), false) => format!(" in place of {gone} that were there"),
        },
        stored.known,
        no_calls(checked.left_out())
    );
    if let Some((from, to)) = checked.times {
        let time = |second| Timestamp::from_second(second).map(|time| time.to_string()).unwrap_or_default();
        let accounts = checked.accounts.len();
        let noun = if accounts == 1 { "account" } else { "accounts" };
        first.push_str(&format!("; calls from {} to {}, {accounts} {noun}", time(from), time(to)));
    }
    let mut lines = vec![first];
    if rejected > 0 {
        lines.push(format!("rejected: {}", reasons(checked)));
        lines.push(format!("see {}", shown(&source.rejects)));
    }
    if !checked.left_out.is_empty() {
        let count = checked.left_out();
        let mut reasons: Vec<_> = checked.left_out.iter().collect();
        reasons.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
        let reasons: Vec<_> = reasons.iter().take(MOST).map(|((column, why), _)| format!("{column} {why}")).collect();
        lines.push(format!("{count} rows are no calls and were left out: {}", reasons.join(", ")));
    }
    if stored.repeated > 0 {
        lines.push(format!("{} of those already there came earlier in this file", stored.repeated));
    }
    if checked.headers_again > 0 {
        lines.push(format!("{} header lines that came again were passed over", checked.headers_again));
    }
    if let Some(line) = checked.unended {
        lines.push(format!("{}: it is left out; {WHOLE}", unended(line)));
    }
    let notes = &checked.notes;
    if notes.rounded > 0 {
        lines.push(format!("{} prices rounded to the digits of their column, halves up", notes.rounded));
    }
    if notes.zero_dates > 0 {
        lines.push(format!("{} zero dates stored as null", notes.zero_dates));
    }
    for (count, unit) in notes.epochs.iter().zip(["seconds", "milliseconds", "microseconds", "nanoseconds"]) {
        if *count > 0 {
            lines.push(format!("{count} times read as {unit} since 1970"));
        }
    }
    if checked.nobodys > 0 {
        lines.push(format!("{} rows have account 0, which is nobody's", checked.nobodys));
    }
    for OddCount { says, rows, first } in checked.odd.iter().filter(|count| count.rows > 0) {
        lines.push(format!("{rows} rows {says}, the first in line {first}: reports count them as they are"));
    }
    if checked.keyless > 0 {
        lines.push(format!("{} rows have neither id nor uuid: loaded again they count again", checked.keyless));
    }
    lines
}
