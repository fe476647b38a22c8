//! Files of CDRs into the table of calls: each value checked against its column, each row stored once.
//!
//! Rows are read and checked here rather than by the server: so a bad row is known with its line and its text, the rest can
//! be stored, memory is that of a batch, and the server is sent rows that it need not parse. A file is read twice: nothing
//! is stored before all of it was checked.

pub mod check;
pub mod column;
pub mod duration;
mod header;
pub mod input;
mod lz4;
pub mod mapping;
pub mod moment;
pub mod number;
pub mod plan;
pub mod progress;
pub mod range;
pub mod read;
mod ready;
pub mod record;
pub mod row;
pub mod sample;
pub mod source;
mod stage;
pub mod store;
pub mod sum;
pub mod summary;
pub mod swap;
pub mod target;
pub mod value;
mod work;

use std::io;

use clickhouse::Client;

use check::{Checked, Form, Rejects, check};
use column::Column;
use input::Input;
use mapping::{Format, Header, Mapping};
use plan::{Plan, Table};
use progress::Progress;
use range::Range;
use record::{Records, Shape, csv, tsv};
use row::Cells;
use source::Source;
use stage::Stage;
use store::{Door, Stored};
use swap::Swap;
use work::Work;

/// How files are loaded.
#[derive(Clone, Debug)]
pub struct Options {
    /// How they are read.
    pub mapping: Mapping,
    /// Constants, by column.
    pub set: Vec<(String, String)>,
    /// Unknown columns are refused.
    pub strict: bool,
    /// Beyond so many bad rows nothing is stored.
    pub max_rejects: MaxRejects,
    /// What is done about rows that are there already.
    pub on_known: OnKnown,
    /// The rows that go for those of the files.
    pub replace: Option<Range>,
    /// Nothing is stored at all.
    pub dry_run: bool,
    /// Rows sent at once.
    pub batch_rows: usize,
}

/// What is done about rows whose id or uuid is there already.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum OnKnown {
    /// Leave them as they are
    Skip,
    /// Put the file's rows in their place
    Replace,
    /// Store nothing of the file
    Fail,
}

/// How many rows of a file may be bad.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum MaxRejects {
    /// So many.
    Rows(u64),
    /// That share of them.
    Percent(f64),
}

impl std::str::FromStr for MaxRejects {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text:?} is neither a number of rows nor a share such as 1%");
        match text.strip_suffix('%') {
            Some(share) => {
                let share: f64 = share.trim().parse().map_err(|_not| wrong())?;
                if (0.0..=100.0).contains(&share) { Ok(Self::Percent(share)) } else { Err(wrong()) }
            }
            None => text.parse().map(Self::Rows).map_err(|_not| wrong()),
        }
    }
}

impl MaxRejects {
    fn allows(self, rejects: u64, rows: u64) -> bool {
        match self {
            Self::Rows(most) => rejects <= most,
            Self::Percent(share) => rejects as f64 * 100.0 <= share * rows as f64,
        }
    }
}

impl std::fmt::Display for MaxRejects {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Rows(most) => write!(f, "{most}"),
            Self::Percent(share) => write!(f, "{share}%"),
        }
    }
}

/// The columns of the table of calls.
///
/// # Errors
/// The server's, in one line.
pub async fn table(client: &Client, config: &crate::config::Config) -> Result<Table, String> {
    let name = config.tables.cdrs.to_string();
    let described = async {
        client.query_raw(&format!("DESCRIBE TABLE {name}")).fetch_bytes("JSONCompactEachRow")?.collect().await
    };
    let bytes = described.await.map_err(|error| error.to_string().lines().next().unwrap_or_default().to_owned())?;
    let mut columns = Vec::new();
    for line in bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        let row: Vec<serde_json::Value> = serde_json::from_slice(line).map_err(|error| error.to_string())?;
        let text = |at: usize| row.get(at).and_then(serde_json::Value::as_str).unwrap_or_default();
        if matches!(text(2), "" | "DEFAULT") {
            columns.push(Column::new(text(0), text(1)));
        }
    }
    let ours = |column: &str| match config.tables.cdrs_columns.get(column) {
        Some(theirs) => theirs.trim_matches('`').to_owned(),
        None => column.to_owned(),
    };
    let table = Table { name, columns, time: ours("time_start"), account: ours("customer_acc_id"), id: ours("id") };
    // Without them rows could neither be found again nor be anybody's.
    for (column, theirs) in [("time_start", &table.time), ("customer_acc_id", &table.account)] {
        if table.column(theirs).is_none() {
            let name = &table.name;
            return Err(format!(
                "{name} has no column {theirs} to store into: tables.cdrs_columns has to name one for {column}"
            ));
        }
    }
    Ok(table)
}

/// What was done with a file.
#[derive(Debug, Default)]
pub struct Outcome {
    /// What it holds.
    pub checked: Checked,
    /// What became of the rows.
    pub stored: Stored,
}

/// Loads a file; `say` gets what is to be told of its columns before anything is stored. With `swap`, its rows are
/// collected there.
///
/// # Errors
/// Why nothing was stored, or why not all; each in one line.
pub async fn load(
    door: &Door<'_>,
    options: &Options,
    source: &Source,
    swap: Option<&mut Swap<'_>>,
    progress: &Progress,
    say: &mut (dyn FnMut(String) + Send),
) -> Result<Outcome, String> {
    let Some(format) = options.mapping.format.or(source.format) else {
        return Err("is no kind of file that can be loaded: see `cdrscope load --help`".to_owned());
    };
    if matches!(format, Format::Parquet | Format::Native) {
        let is_list = |name: &String| {
            door.table.column(name).is_some_and(|column| matches!(column.kind, Some(column::Kind::Array(_))))
        };
        let columns = every_name(door.table, &options.mapping);
        let columns: Vec<_> = columns.into_iter().map(|name| (name.clone(), is_list(&name))).collect();
        let name = if format == Format::Parquet { "Parquet" } else { "Native" };
        let stage = Stage::fill(door.client, &source.path, name, &columns, options.strict, progress).await?;
        let loaded = async {
            let sources = stage.filled(&columns).await?;
            if sources.is_empty() {
                return Err(header::none(door.table));
            }
            let (client, sql) = stage.select(&sources);
            let read = Read {
                input: Input::Staged(Box::new(client), sql),
                form: Form { shape: Shape::Tsv(b'\t'), header: false },
                sources,
            };
            run(door, options, source, read, swap, progress, say).await
        };
        let loaded = loaded.await;
        stage.drop().await;
        return loaded;
    }
    let read = text(door.table, options, source, format).map_err(|error| error.to_string())?;
    run(door, options, source, read, swap, progress, say).await
}

/// How a file is read.
struct Read {
    input: Input,
    form: Form,
    sources: Vec<String>,
}

/// Every name that a column of a file may have.
fn every_name(table: &Table, mapping: &Mapping) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    if !mapping.only {
        names.extend(table.columns.iter().map(|column| column.name.clone()));
    }
    for source in mapping.columns.values() {
        names.extend(source.full().reads().cloned());
    }
    names.extend(mapping.rows.keys().cloned());
    let mut seen = std::collections::HashSet::new();
    names.retain(|name| seen.insert(name.clone()));
    names
}

/// Looks at the first record of a file of text.
fn text(table: &Table, options: &Options, source: &Source, format: Format) -> io::Result<Read> {
    let mapping = &options.mapping;
    let input = Input::File(source.path.clone());
    let bytes = input::open(&source.path, &Progress::hidden())?;
    let separator = |usual: char| {
        let separator = mapping.separator.unwrap_or(usual);
        u8::try_from(separator).map_err(|_wide| io::Error::other(format!("separator {separator:?} is not one byte")))
    };
    let shape = match format {
        Format::Csv => Shape::Csv(separator(',')?),
        Format::Tsv => Shape::Tsv(separator('\t')?),
        _ => Shape::Lines,
    };
    let around = match (&mapping.before, &mapping.after) {
        (None, None) => None,
        (before, after) => Some((before.clone().unwrap_or_default(), after.clone().unwrap_or_default())),
    };
    let mut records = Records::new(bytes, if around.is_some() { Shape::Lines } else { shape });
    let first = records.read()?;
    if shape == Shape::Lines {
        let is_line = |line: &[u8]| line.trim_ascii().starts_with(b"{") && line.trim_ascii().ends_with(b"}");
        let name = source.name.to_lowercase();
        let lines = name.contains(".jsonl") || name.contains(".ndjson");
        let shape = if lines || first.is_none_or(|first| is_line(first.bytes)) { shape } else { Shape::Objects };
        return Ok(Read { input, form: Form { shape, header: false }, sources: every_name(table, mapping) });
    }
    let refuse = |why: String| Err(io::Error::other(why));
    if let Some(Header::One(sources)) = &mapping.header {
        return Ok(Read { input, form: Form { shape, header: false }, sources: sources.clone() });
    }
    let Some(first) = first else { return refuse("is empty: not even a header line".to_owned()) };
    let line = std::str::from_utf8(first.bytes).ok().filter(|_| first.fault.is_none());
    let Some(line) = line else { return refuse("the header line is no text".to_owned()) };
    let line = match row::within(line, around.as_ref(), shape) {
        Ok(line) => line,
        Err(why) => return refuse(format!("the first line {why}{}", header::likely(&fields(line, shape), mapping))),
    };
    let found = fields(line, shape);
    if let (Some(Header::ByWidth(_)), Some(_), Some(other)) =
        (&mapping.header, &mapping.base, ready::looks_like(&found, mapping.base.as_deref()))
    {
        return refuse(format!("is no file of that system by its first line; it looks like --map {other}"));
    }
    if let Some(Header::ByWidth(headers)) = &mapping.header {
        let Some(sources) = headers.iter().find(|header| header.len() == found.len()) else {
            let widths: Vec<_> = headers.iter().map(|header| header.len().to_string()).collect();
            let (count, widths, likely) = (found.len(), widths.join(", "), header::likely(&found, mapping));
            return refuse(format!("the first line has {count} fields, the mapping knows {widths}{likely}"));
        };
        return Ok(Read { input, form: Form { shape, header: false }, sources: sources.clone() });
    }
    let sources: Vec<String> = found.iter().map(|name| name.trim_matches(BLANKS).to_owned()).collect();
    let names = every_name(table, mapping);
    if !names.iter().any(|name| plan::place(&sources, name).is_some()) && header::is_data(table, &sources) {
        let (example, line) = ("--header customer_acc_id,time_start,…", line.chars().take(80).collect::<String>());
        let likely = header::likely(&found, mapping);
        return refuse(format!(
            "has no header line, its first line is data ({line}): name the columns with {example}{likely}"
        ));
    }
    Ok(Read { input, form: Form { shape, header: true }, sources })
}

/// Around names of columns: what is no part of them.
const BLANKS: [char; 4] = [' ', '\t', '\u{a0}', '\u{feff}'];

/// The fields of a record.
fn fields(line: &str, shape: Shape) -> Vec<String> {
    let (mut cells, mut scratch) = (Vec::new(), String::new());
    match shape {
        Shape::Csv(separator) => csv(line, separator, &mut cells, &mut scratch),
        Shape::Tsv(separator) => drop(tsv(line, separator, &mut cells, &mut scratch)),
        Shape::Lines | Shape::Objects => {}
    }
    let width = cells.len();
    let cells = Cells::new(cells, scratch);
    (0..width).map(|at| cells.text(line, at).unwrap_or_default().to_owned()).collect()
}

async fn run(
    door: &Door<'_>,
    options: &Options,
    source: &Source,
    read: Read,
    swap: Option<&mut Swap<'_>>,
    progress: &Progress,
    say: &mut (dyn FnMut(String) + Send),
) -> Result<Outcome, String> {
    let Read { input, form, sources } = read;
    if let Some(twice) = header::twice(&sources) {
        return Err(format!("column {twice} comes twice in the header"));
    }
    let mut plan = Plan::new(door.table, sources, &options.mapping, &options.set)?;
    let has_header = form.header || options.mapping.header.is_some();
    let named = matches!(form.shape, Shape::Csv(_)) || (has_header && matches!(form.shape, Shape::Tsv(_)));
    if named {
        let unknown = plan.unused().filter(|name| !options.mapping.ignores(name));
        let unknown: Vec<String> = unknown.map(str::to_owned).collect();
        let found = plan.sources.clone();
        header::judge(door.table, &plan, &found, &unknown, options)?.into_iter().for_each(&mut *say);
    }
    let (opened, checking, rejects) = (input.clone(), plan.clone(), Rejects::at(&source.rejects));
    let (range, table) = (options.replace.clone(), door.table.clone());
    let runtime = tokio::runtime::Handle::current();
    progress.phase("checking");
    let reading = progress.clone();
    let checked = tokio::task::spawn_blocking(move || {
        let _entered = runtime.enter();
        let mut rejects = rejects;
        let only = |row: &plan::Written| range.as_ref().and_then(|range| range.refuses(&table, row));
        check(opened.open(&reading)?, form, &checking, &only, &reading, &mut rejects)
    });
    let checked = checked.await.map_err(|error| error.to_string())?.map_err(|error| error.to_string())?;
    let empties = header::empties(&plan, &checked.defaults);
    if !named && checked.rows > 0 {
        plan.without_unseen(door.table, &checked.seen);
        let sources = plan.sources.iter().zip(&checked.seen).filter(|(_, seen)| **seen).map(|(source, _)| source);
        let found: Vec<String> = sources.chain(&checked.unknown).cloned().collect();
        let unknown = checked.unknown.iter().filter(|name| !options.mapping.ignores(name));
        let unknown: Vec<String> = unknown.cloned().collect();
        header::judge(door.table, &plan, &found, &unknown, options)?.into_iter().for_each(&mut *say);
    }
    // A column that no row has was said to be missing.
    empties.into_iter().filter(|(column, _)| plan.fills(column)).for_each(|(_, line)| say(line));
    if let Some(why) = &checked.outside {
        return Err(format!("{why}; nothing was stored"));
    }
    let rejected = checked.rejects();
    if let Some(nobodys) = header::nobodys(door.table, &checked, options) {
        say(nobodys);
    }
    if !options.max_rejects.allows(rejected, checked.rows) {
        let (rows, most) = (checked.rows, options.max_rejects);
        let reasons = summary::reasons(&checked);
        return Err(format!(
            "{rejected} of {rows} rows are bad, more than --max-rejects {most}: nothing was stored; {reasons}; see {}",
            source.rejects.display()
        ));
    }
    let outcome = Outcome { checked, stored: Stored::default() };
    let work = Work { input, form, plan, options, progress };
    match swap {
        Some(swap) => work.add(swap, outcome).await,
        None if options.on_known == OnKnown::Replace => work.replace_known(door, outcome).await,
        None => work.store(door, outcome).await,
    }
}
