//! The first reading of a file: every row is checked and nothing stored; bad rows are written down.

use std::collections::{BTreeMap, HashSet};
use std::fs::File;
use std::io::{self, BufWriter, Read, Write as _};
use std::path::{Path, PathBuf};

use super::plan::{Key, Plan, Reject, Written};
use super::progress::{Progress, STEP};
use super::record::Shape;
use super::row::{Cells, Rows};
use super::value::Notes;

/// Accounts that are counted; a file with more has "more than" so many.
const MAX_ACCOUNTS: usize = 100_000;

/// What a file holds.
#[derive(Debug, Default)]
pub struct Checked {
    /// Records but the header.
    pub rows: u64,
    /// By column and reason.
    pub rejected: BTreeMap<(String, String), u64>,
    /// Rows that the mapping says are no calls, by column and word.
    pub left_out: BTreeMap<(String, String), u64>,
    /// The first and last `time_start`.
    pub times: Option<(i64, i64)>,
    /// Accounts, and how many rows have account 0.
    pub accounts: HashSet<i128>,
    /// Rows of account 0.
    pub nobodys: u64,
    /// What is told of values.
    pub notes: Notes,
    /// By target, rows that have its default.
    pub defaults: Vec<u64>,
    /// Rows that nothing tells from others.
    pub keyless: u64,
    /// By source, true where there was a value.
    pub seen: Vec<bool>,
    /// Keys of objects that are no columns.
    pub unknown: Vec<String>,
    /// The first row that is none of those that are replaced; reading ended there.
    pub outside: Option<String>,
}

impl Checked {
    /// Rows that are not stored.
    pub fn rejects(&self) -> u64 {
        self.rejected.values().sum()
    }

    fn add(&mut self, row: &Written) {
        let (from, to) = self.times.get_or_insert((row.time, row.time));
        (*from, *to) = ((*from).min(row.time), (*to).max(row.time));
        self.nobodys += u64::from(row.account == 0);
        self.keyless += u64::from(row.key == Key::None);
        if self.accounts.len() < MAX_ACCOUNTS {
            self.accounts.insert(row.account);
        }
    }
}

/// How a text is read.
#[derive(Clone, Copy, Debug)]
pub struct Form {
    /// How records follow each other.
    pub shape: Shape,
    /// True if the first is a header.
    pub header: bool,
}

/// Checks every row of `from`; `only` says what is wrong with rows that may not be in the file.
pub fn check(
    from: impl Read,
    form: Form,
    plan: &Plan,
    only: &dyn Fn(&Written) -> Option<String>,
    progress: &Progress,
    rejects: &mut Rejects,
) -> io::Result<Checked> {
    let mut rows = Rows::new(from, form.shape, plan);
    if form.header {
        rows.skip()?;
    }
    let mut checked = Checked { defaults: vec![0; plan.targets.len()], ..Checked::default() };
    let (mut out, mut cells) = (Vec::new(), Cells::default());
    while let Some(row) = rows.read(&mut cells)? {
        out.clear();
        checked.rows += 1;
        if checked.rows.is_multiple_of(STEP) {
            progress.rows(checked.rows, checked.rejected.values().sum());
            if progress.is_stopped() {
                return Err(io::Error::other("interrupted; nothing was stored"));
            }
        }
        let text = row.text.map_err(Reject::record);
        let written =
            text.and_then(|text| plan.write(&cells, text, &mut checked.notes, &mut checked.defaults, &mut out));
        match written {
            Ok(written) => {
                if let Some(why) = only(&written) {
                    checked.outside = Some(format!("line {}: {why}", row.line));
                    break;
                }
                checked.add(&written);
            }
            Err(reject) if reject.is_left_out => {
                let reason = (reject.column, reject.refusal.why.into_owned());
                *checked.left_out.entry(reason).or_default() += 1;
            }
            Err(reject) => {
                rejects.add(row.line, &reject, row.bytes)?;
                let reason = (reject.column, reject.refusal.why.into_owned());
                *checked.rejected.entry(reason).or_default() += 1;
            }
        }
    }
    rejects.end()?;
    checked.seen = rows.seen;
    checked.unknown = rows.unknown.names;
    Ok(checked)
}

/// A file of rejects, which is made when there is something to be written into it.
pub struct Rejects {
    path: PathBuf,
    file: Option<BufWriter<File>>,
}

impl Rejects {
    /// At that place.
    pub fn at(path: &Path) -> Self {
        Self { path: path.to_owned(), file: None }
    }

    /// Writes a row as it stood.
    pub fn add(&mut self, line: u64, reject: &Reject, record: &[u8]) -> io::Result<()> {
        let named = |error: io::Error| io::Error::other(format!("{}: {error}", self.path.display()));
        let file = match &mut self.file {
            Some(file) => file,
            None => {
                let mut file = BufWriter::new(File::create(&self.path).map_err(named)?);
                file.write_all(b"line,column,reason,record\n")?;
                self.file.insert(file)
            }
        };
        write!(file, "{line},{},", reject.column)?;
        quote(file, reject.reason().as_bytes())?;
        file.write_all(b",")?;
        quote(file, record)?;
        file.write_all(b"\n")
    }

    /// Writes what is left.
    pub fn end(&mut self) -> io::Result<()> {
        self.file.as_mut().map_or(Ok(()), io::Write::flush)
    }
}

/// A field of CSV, quoted where it has to be.
fn quote(file: &mut BufWriter<File>, field: &[u8]) -> io::Result<()> {
    if !field.iter().any(|byte| b",\"\r\n".contains(byte)) {
        return file.write_all(field);
    }
    file.write_all(b"\"")?;
    for part in field.split_inclusive(|byte| *byte == b'"') {
        file.write_all(part)?;
        if part.ends_with(b"\"") {
            file.write_all(b"\"")?;
        }
    }
    file.write_all(b"\"")
}
