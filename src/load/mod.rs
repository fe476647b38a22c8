//! Files of CDRs into the table of calls: each value checked against its column, each row stored once.
//!
//! Rows are read and checked here rather than by the server: so a bad row is known with its line and its text, the rest can
//! be stored, memory is that of a batch, and the server is sent rows that it need not parse. Nothing is stored before all
//! of a file was checked: until then its rows are kept, or it is read twice.

mod arrow;
mod batches;
mod block;
pub mod check;
mod chunk;
pub mod column;
mod contents;
mod direct;
mod door;
pub mod duration;
mod fields;
mod first;
mod form;
mod framing;
mod header;
mod hold;
pub mod input;
mod json;
mod lz4;
pub mod mapping;
pub mod moment;
mod native;
pub mod number;
mod odd;
mod parquet;
pub mod plan;
pub mod pool;
pub mod progress;
mod quick;
pub mod range;
pub mod read;
mod ready;
pub mod record;
mod rejects;
pub mod row;
pub mod sample;
mod scalar;
mod seen;
mod send;
mod sift;
pub mod source;
mod spool;
pub mod stage;
pub mod store;
pub mod sum;
pub mod summary;
pub mod swap;
pub mod target;
mod typed;
pub mod value;
mod values;
mod wire;
pub mod work;
mod written;

use std::borrow::Cow;
use std::io;
use std::sync::{Arc, Mutex};

use clickhouse::Client;

use crate::odd::strict;
use check::{Checked, Form, Rejects};
use column::TargetColumn;
pub use door::Door;
use input::Input;
use mapping::{Format, Header, Mapping};
use odd::OddColumns;
use parquet::ClockTime;
use plan::{LoadPlan, TargetTable};
pub use pool::Pool;
use progress::Progress;
use range::Range;
use record::{Framing, RecordReader, csv, tsv};
use row::RecordFields;
use source::SourceFile;
use stage::Stage;
use store::Stored;
use typed::{TimeColumns, TypedColumn};
use work::{CheckedFile, PendingFile};

/// The options of a load.
#[derive(Clone, Debug)]
pub struct LoadOptions {
    /// The columns, units and formats of the files.
    pub mapping: Mapping,
    /// Constants, by column.
    pub set: Vec<(String, String)>,
    /// Unknown columns are refused.
    pub strict: bool,
    /// Beyond so many bad rows nothing is stored.
    pub max_rejects: MaxRejects,
    /// The treatment of rows that are there already.
    pub on_known: OnKnown,
    /// The rows that go for those of the files.
    pub replace: Option<Range>,
    /// Nothing is stored at all.
    pub dry_run: bool,
    /// A last line without an end is a row.
    pub whole_last_line: bool,
    /// Rows sent at once.
    pub batch_rows: usize,
}

/// The treatment of rows whose id or uuid is there already.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum OnKnown {
    /// Leave them as they are
    Skip,
    /// Put the file's rows in their place
    Replace,
    /// Store nothing of the file
    Fail,
}

/// The bad rows that a file may have.
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
pub async fn table(client: &Client, config: &crate::config::Config) -> Result<TargetTable, String> {
    let name = config.tables.cdrs.to_string();
    let described = async {
        client.query_raw(&format!("DESCRIBE TABLE {name}")).fetch_bytes("JSONCompactEachRow")?.collect().await
    };
    let bytes = described.await.map_err(|error| match error.to_string().lines().next().unwrap_or_default() {
        // Neither such a table nor such a database.
        text if text.contains("Code: 60.") || text.contains("Code: 81.") => {
            format!("there is no table {name} to load into: `cdrscope migrate` makes it")
        }
        text => text.to_owned(),
    })?;
    let (mut columns, mut defaulted) = (Vec::new(), Vec::new());
    for line in bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        let row: Vec<serde_json::Value> = serde_json::from_slice(line).map_err(|error| error.to_string())?;
        let text = |at: usize| row.get(at).and_then(serde_json::Value::as_str).unwrap_or_default();
        if matches!(text(2), "" | "DEFAULT") {
            columns.push(TargetColumn::new(text(0), text(1)));
            defaulted.extend((text(2) == "DEFAULT").then(|| text(0).to_owned()));
        }
    }
    let (database, plain) = name.split_once('.').unwrap_or((&config.clickhouse.database, &name));
    // Rows that it does not foresee are refused by the server.
    let constraints = strict::of(client, database, plain).await.unwrap_or_default();
    let ours = |column: &str| match config.tables.cdrs_columns.get(column) {
        Some(theirs) => theirs.trim_matches('`').to_owned(),
        None => column.to_owned(),
    };
    let table = TargetTable {
        name,
        columns,
        time: ours("time_start"),
        account: ours("customer_acc_id"),
        id: ours("id"),
        defaulted,
        odd: Some(OddColumns::new(config, ours).refusing(constraints)),
    };
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

/// The outcome of a file.
#[derive(Debug, Default)]
pub struct Outcome {
    /// The contents that were checked.
    pub checked: Checked,
    /// Counts of rows that were stored or known.
    pub stored: Stored,
}

/// Checks a file; `say` gets what is to be told of its columns before anything is stored.
///
/// # Errors
/// Why nothing is stored, in one line.
pub async fn check<'a>(
    door: &Door<'_>,
    options: &'a LoadOptions,
    source: &SourceFile,
    progress: &'a Progress,
    say: &mut (dyn FnMut(String) + Send),
) -> Result<PendingFile<'a>, String> {
    let Some(format) = options.mapping.format.or(source.format) else {
        return Err("is no kind of file that can be loaded: see `cdrscope load --help`".to_owned());
    };
    let (opened, stage) = if matches!(format, Format::Parquet | Format::Native) {
        let (mut columns, block_bytes, judged) = typed(door.table, door.client, options, source, format).await?;
        judged?.into_iter().for_each(&mut *say);
        // In UTC they are the instants that the server reads.
        if options.mapping.zone()? == jiff::tz::TimeZone::UTC {
            columns.iter_mut().for_each(|column| column.is_unzoned = false);
        }
        if format == Format::Native && block_bytes.is_some_and(|bytes| bytes <= MAX_BLOCK) {
            let input = Input::file(&source.path).map_err(|error| error.to_string())?;
            (OpenedFile::typed(input, &columns), None)
        } else {
            let stage = Stage::fill(door.client, &source.path, format, &columns, progress).await?;
            (stage.read(&columns), Some(stage))
        }
    } else {
        (text(door.table, options, source, format).map_err(|error| error.to_string())?, None)
    };
    match run(door, options, source, opened, progress, say).await {
        Ok((work, outcome)) => Ok(PendingFile { work, outcome, stage }),
        Err(why) => {
            Stage::drop_any(stage).await;
            Err(why)
        }
    }
}

/// A file, and the form that it is read in.
struct OpenedFile {
    input: Input,
    form: Form,
    sources: Vec<String>,
    /// True where the columns were judged already.
    judged: bool,
}

impl OpenedFile {
    /// Typed columns, which were judged before.
    fn typed(input: Input, columns: &[TypedColumn]) -> Self {
        let sources = columns.iter().map(|column| column.name.clone()).collect();
        Self { input, form: Form::new(Framing::Tsv(b'\t'), false), sources, judged: true }
    }
}

/// A block of a file that is larger is read by the server, which cuts it up.
const MAX_BLOCK: u64 = 256 << 20;

/// A refusal of a file's columns, or what there is to be said of them.
type Judged = Result<Vec<String>, String>;

/// Those columns of a typed file that are read, with their types; the bytes of the first block of a file that is read here;
/// and what all of its columns are worth.
async fn typed(
    table: &TargetTable,
    client: &Client,
    options: &LoadOptions,
    source: &SourceFile,
    format: Format,
) -> Result<(Vec<TypedColumn>, Option<u64>, Judged), String> {
    let (mut columns, block_bytes) = typed::columns(client, &source.path, format).await?;
    let names: Vec<String> = columns.iter().map(|column| column.name.clone()).collect();
    let known = every_name(table, &options.mapping);
    let is_read = |name: &str| known.iter().any(|known| known.eq_ignore_ascii_case(name));
    if let Some(twice) = header::twice(&names, &is_read) {
        return Err(format!("column {twice} comes twice in the file"));
    }
    let plan = LoadPlan::new(table, names, &options.mapping.of_typed(), &options.set)?;
    let judged = judge(table, &plan, options);
    let unused: std::collections::HashSet<&str> = plan.unused().collect();
    columns.retain(|column| !unused.contains(column.name.as_str()));
    let TimeColumns { spans, clock } = typed::times(&source.path, format).map_err(|error| error.to_string())?;
    for TypedColumn { name, spelled, is_unzoned } in &mut columns {
        if spelled.contains("Interval") || spans.contains(name) {
            let why = "is a span of time whose unit is lost on the way: write it as whole seconds";
            return Err(format!("column {name} {why}"));
        }
        if clock.contains(&(name.clone(), ClockTime::OfDay)) {
            return Err(format!("column {name} is a time of day without a date: write both, or seconds"));
        }
        *is_unzoned = clock.contains(&(name.clone(), ClockTime::Unzoned));
    }
    let block_bytes = block_bytes.filter(|_| columns.iter().all(|column| native::is_read(&column.spelled)));
    Ok((columns, block_bytes, judged))
}

/// Refuses a header in which a column comes twice.
fn twice(table: &TargetTable, options: &LoadOptions, form: Form, sources: &[String]) -> Result<(), String> {
    // The names of objects' keys are our own here.
    let known = if matches!(form.shape, Framing::Csv(_) | Framing::Tsv(_)) {
        every_name(table, &options.mapping)
    } else {
        Vec::new()
    };
    match header::twice(sources, &|name| known.iter().any(|known| known.eq_ignore_ascii_case(name))) {
        Some(twice) => Err(format!("column {} comes twice in the header", header::plain(twice))),
        None => Ok(()),
    }
}

/// Judges the columns of a file that names them before its rows.
fn judge(table: &TargetTable, plan: &LoadPlan, options: &LoadOptions) -> Judged {
    let unknown = plan.unused().filter(|name| !options.mapping.ignores(name));
    let unknown: Vec<String> = unknown.map(str::to_owned).collect();
    header::judge(table, plan, &plan.sources, &unknown, options)
}

/// Every name that a column of a file may have.
fn every_name(table: &TargetTable, mapping: &Mapping) -> Vec<String> {
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
fn text(table: &TargetTable, options: &LoadOptions, source: &SourceFile, format: Format) -> io::Result<OpenedFile> {
    let mapping = &options.mapping;
    let input = Input::file(&source.path)?;
    let bytes = input.open(&Progress::hidden())?;
    let separator = |usual: char| {
        let separator = mapping.separator.unwrap_or(usual);
        u8::try_from(separator).map_err(|_wide| io::Error::other(format!("separator {separator:?} is not one byte")))
    };
    let shape = match format {
        Format::Csv => Framing::Csv(separator(',')?),
        Format::Tsv => Framing::Tsv(separator('\t')?),
        _ => Framing::Lines,
    };
    let around = match (&mapping.before, &mapping.after) {
        (None, None) => None,
        (before, after) => Some((before.clone().unwrap_or_default(), after.clone().unwrap_or_default())),
    };
    let mut records = RecordReader::new(bytes, if around.is_some() { Framing::Lines } else { shape });
    let first = records.read()?;
    if let Some(why) = first.as_ref().and_then(|first| first::other_kind(first.bytes)) {
        return Err(io::Error::other(why));
    }
    if shape == Framing::Lines {
        let is_line = |line: &[u8]| {
            let line = line.trim_ascii();
            line.starts_with(b"{") && line.ends_with(b"}") && !record::are_objects(line)
        };
        let name = source.name.to_lowercase();
        let lines = name.contains(".jsonl") || name.contains(".ndjson");
        let shape = if lines || first.is_none_or(|first| is_line(first.bytes)) { shape } else { Framing::Objects };
        return Ok(OpenedFile {
            input,
            form: Form::new(shape, false),
            sources: every_name(table, mapping),
            judged: false,
        });
    }
    let refuse = |why: String| Err(io::Error::other(why));
    if let Some(Header::One(sources)) = &mapping.header {
        let sources = sources.iter().map(|name| name.trim().to_owned()).collect();
        return Ok(OpenedFile { input, form: Form::new(shape, false), sources, judged: false });
    }
    let Some(first) = first else { return refuse("is empty: not even a header line".to_owned()) };
    let (is_text, fault) = (first.fault.is_none(), first.fault);
    let mut line = first.bytes.to_vec();
    // A quoted name before another separator is no field.
    let quoted = line.starts_with(b"\"") && line.len() < 65_536;
    let first_bytes = if quoted { line.clone() } else { Vec::new() };
    if let Some(Header::ByWidth(headers)) = &mapping.header {
        line = first::of_width(&mut records, line, headers, around.as_ref(), shape)?;
    }
    let line = std::str::from_utf8(&line).ok().filter(|_| is_text || mapping.header.is_some());
    let Some(line) = line else {
        let text = String::from_utf8_lossy(&first_bytes).replace('"', "");
        let hint = text.lines().next().filter(|_| quoted).and_then(header::separated).unwrap_or_default();
        return refuse(format!(
            "the header line is no header: {}{hint}",
            fault.and_then(|fault| fault.split(';').next()).unwrap_or("not UTF-8")
        ));
    };
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
    if let (Some(Header::ByWidth(headers)), Some(base)) = (&mapping.header, &mapping.base)
        && headers.iter().any(|header| header.len() == found.len())
        && !ready::is_of(base, &found)
    {
        return refuse(format!(
            "is no file of {base} by its first line, though it has as many fields: other columns need a mapping with a header of their own"
        ));
    }
    if let Some(Header::ByWidth(headers)) = &mapping.header {
        let Some(sources) = headers.iter().find(|header| header.len() == found.len()) else {
            let widths: Vec<_> = headers.iter().map(|header| header.len().to_string()).collect();
            let (count, widths, likely) = (found.len(), widths.join(", "), header::likely(&found, mapping));
            return refuse(format!("the first line has {count} fields, the mapping knows {widths}{likely}"));
        };
        return Ok(OpenedFile { input, form: Form::new(shape, false), sources: sources.clone(), judged: false });
    }
    // Spreadsheets write empty columns behind the last.
    let named = |(at, name): (usize, &String)| match name.trim_matches(BLANKS) {
        "" => format!("(column {})", at + 1),
        name => name.to_owned(),
    };
    let sources: Vec<String> = found.iter().enumerate().map(named).collect();
    let names = every_name(table, mapping);
    if !names.iter().any(|name| plan::place(&sources, name).is_some()) && header::is_data(table, &sources) {
        let (example, line) =
            ("--header customer_acc_id,time_start,…", header::plain(&line.chars().take(80).collect::<String>()));
        let likely = header::likely(&found, mapping);
        return refuse(format!(
            "has no header line, its first line is data ({line}): name the columns with {example}{likely}"
        ));
    }
    Ok(OpenedFile { input, form: Form::new(shape, true), sources, judged: false })
}

/// Around names of columns: what is no part of them.
const BLANKS: [char; 4] = [' ', '\t', '\u{a0}', '\u{feff}'];

/// The fields of a record.
fn fields(line: &str, shape: Framing) -> Vec<String> {
    let (mut cells, mut scratch) = (Vec::new(), String::new());
    match shape {
        Framing::Csv(separator) => csv(line, separator, &mut cells, &mut scratch),
        Framing::Tsv(separator) => drop(tsv(line, separator, &mut cells, &mut scratch)),
        Framing::Lines | Framing::Objects => {}
    }
    let width = cells.len();
    let cells = RecordFields::new(cells, scratch);
    (0..width).map(|at| cells.text(line, at).unwrap_or_default().to_owned()).collect()
}

async fn run<'a>(
    door: &Door<'_>,
    options: &'a LoadOptions,
    source: &SourceFile,
    read: OpenedFile,
    progress: &'a Progress,
    say: &mut (dyn FnMut(String) + Send),
) -> Result<(CheckedFile<'a>, Outcome), String> {
    let OpenedFile { input, mut form, sources, judged } = read;
    twice(door.table, options, form, &sources)?;
    let mapping = if judged { Cow::Owned(options.mapping.of_typed()) } else { Cow::Borrowed(&options.mapping) };
    let mut plan = LoadPlan::new(door.table, sources, &mapping, &options.set)?;
    plan.is_typed = judged;
    let has_header = form.header || options.mapping.header.is_some();
    let named =
        judged || matches!(form.shape, Framing::Csv(_)) || (has_header && matches!(form.shape, Framing::Tsv(_)));
    if named && !judged {
        judge(door.table, &plan, options)?.into_iter().for_each(&mut *say);
    }
    form.takes_last = options.whole_last_line;
    let rejects = Rejects::at(&source.rejects).map_err(|error| error.to_string())?;
    let (opened, checking) = (input.clone(), plan.clone());
    let (range, table) = (options.replace.clone(), door.table.clone());
    let runtime = tokio::runtime::Handle::current();
    progress.phase("checking");
    let reading = progress.clone();
    let checked = tokio::task::spawn_blocking(move || {
        let _entered = runtime.enter();
        let mut rejects = rejects;
        let only = |row: &plan::Written| range.as_ref().and_then(|range| range.refuses(&table, row));
        check::check(opened.open(&reading)?, form, &checking, &only, &reading, &mut rejects)
    });
    let (checked, mut kept) = checked.await.map_err(|error| error.to_string())?.map_err(|error| error.to_string())?;
    let empties = header::empties(&plan, &checked.defaults);
    let mut judged = plan.clone();
    if !named && checked.rows > 0 {
        judged.without_unseen(door.table, &checked.seen);
        let sources = judged.sources.iter().zip(&checked.seen).filter(|(_, seen)| **seen).map(|(source, _)| source);
        let found: Vec<String> = sources.chain(&checked.unknown.names).cloned().collect();
        let unknown = checked.unknown.names.iter().filter(|name| !options.mapping.ignores(name));
        let unknown: Vec<String> = unknown.cloned().collect();
        let within = checked.unknown.list.as_ref().map(|key| {
            format!("; under {0} there is a list of objects: jq -c '.{0}[]' makes a line of each", header::plain(key))
        });
        let lines = header::judge(door.table, &judged, &found, &unknown, options);
        lines.map_err(|why| why + &within.unwrap_or_default())?.into_iter().for_each(&mut *say);
        if !plan.writes_like(&judged, door.table) {
            plan = judged.clone();
            kept = None;
        }
    }
    // A column that no row has was said to be missing.
    empties.into_iter().filter(|(column, _)| judged.fills(column)).for_each(|(_, line)| say(line));
    if let Some(why) = &checked.outside {
        return Err(format!("{why}; nothing was stored"));
    }
    // The row would be missing from the range.
    if let (Some(line), Some(_)) = (checked.unended, &options.replace) {
        return Err(format!("{}: nothing was stored; {}", summary::unended(line), summary::WHOLE));
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
            source::shown(&source.rejects)
        ));
    }
    let outcome = Outcome { checked, stored: Stored::default() };
    let kept = kept.map(|kept| Arc::new(Mutex::new(kept)));
    Ok((CheckedFile { input, form, plan, options, progress, kept }, outcome))
}
