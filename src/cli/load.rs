//! `cdrscope load FILE…`: CDR files into the table of calls.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use super::connect::ClickHouseConnection;
use super::settings::Settings;
use super::{CliError, block_on, configure, say};
use crate::config::Config;
use crate::load::mapping::{Format, Header, Mapping};
use crate::load::moment::DateOrder;
use crate::load::progress::Progress;
use crate::load::range::Range;
use crate::load::sample;
use crate::load::source::{self, FoundFiles, SourceFile};
use crate::load::swap::{self, Swap};
use crate::load::{self, Door, LoadOptions, MaxRejects, OnKnown, Outcome, Pool, summary};

/// Arguments of `load`.
#[derive(clap::Args)]
pub struct Load {
    /// Files of CDRs: .csv .tsv (with a header line), .jsonl .ndjson .json, .parquet, .native; each but Parquet may be
    /// packed with gzip, zstd, xz, bzip2 or lz4. Directories and patterns stand for the files in them, - for standard
    /// input
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// A ready mapping (yeti, freeswitch-csv, freeswitch-sql, freeswitch-json, fusionpbx, asterisk-csv, asterisk-table,
    /// kamailio-cdrs, kamailio-acc-cdrs, opensips-acc, cgrates), or a TOML file that says which columns are which and how
    /// they are spelled
    #[arg(long, value_name = "NAME|FILE")]
    map: Option<String>,
    /// Format of the files, where their names do not say it
    #[arg(long, value_enum, value_name = "FORMAT")]
    format: Option<Format>,
    /// The columns of files without a header line
    #[arg(long, value_name = "COLUMN,…", value_delimiter = ',')]
    header: Option<Vec<String>>,
    /// Character between fields [default: a comma, in .tsv a tab]
    #[arg(long, value_name = "CHAR")]
    separator: Option<char>,
    /// The zone of times that name none [default: UTC]
    #[arg(long, value_name = "ZONE")]
    time_zone: Option<String>,
    /// Order of dates such as 07/03/2026, which are refused without it
    #[arg(long, value_enum, value_name = "ORDER")]
    date_order: Option<DateOrder>,
    /// A column with the same value in every row; may be repeated
    #[arg(long, value_name = "COLUMN=VALUE", value_parser = pair)]
    set: Vec<(String, String)>,
    /// Refuse files with unknown columns
    #[arg(long)]
    strict: bool,
    /// Store nothing of a file with more bad rows than that: a number, or a share of its rows [default: 1%, with
    /// --replace 0]
    #[arg(long, value_name = "N|P%")]
    max_rejects: Option<MaxRejects>,
    /// Treatment of rows whose id or uuid is there already
    #[arg(long, value_enum, value_name = "WHAT", default_value = "skip")]
    on_known: OnKnown,
    /// Take all rows of a month, a day, or a range such as 2026-10-05/2026-10-07 out and store those of the files
    #[arg(long, value_name = "RANGE")]
    replace: Option<String>,
    /// Of these accounts only
    #[arg(long, value_name = "ID,…", value_delimiter = ',', requires = "replace")]
    replace_account: Vec<u64>,
    /// Do everything but store
    #[arg(long)]
    dry_run: bool,
    /// Store the last line of a file that ends without a line end; it may have been cut
    #[arg(long)]
    whole_last_line: bool,
    /// Print how each column of the first rows is read, and store nothing. Needs no server but for Parquet, Native and
    /// tables of your own
    #[arg(long, value_name = "ROWS", num_args = 0..=1, require_equals = true, default_missing_value = "5",
        value_parser = clap::value_parser!(u32).range(1..=1000))]
    sample: Option<u32>,
    /// Rows that are sent at once
    #[arg(long, value_name = "N", default_value = "200000", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    batch_rows: u32,
    #[command(flatten)]
    settings: Settings,
}

fn pair(text: &str) -> Result<(String, String), String> {
    let (column, value) = text.split_once('=').ok_or_else(|| "expected COLUMN=VALUE".to_owned())?;
    Ok((column.trim().to_owned(), value.to_owned()))
}

impl Load {
    /// Loads one file after the other and says what came of each. One that fails does not stop the others.
    pub fn run(self) -> Result<(), CliError> {
        let mut mapping = match &self.map {
            Some(name) => Mapping::load(name).map_err(CliError::Usage)?,
            None => Mapping::default(),
        };
        mapping.format = self.format.or(mapping.format);
        mapping.header = self.header.clone().map(Header::One).or(mapping.header);
        mapping.separator = self.separator.or(mapping.separator);
        mapping.time_zone = self.time_zone.clone().or(mapping.time_zone);
        mapping.date_order = self.date_order.or(mapping.date_order);
        mapping.check_separator().map_err(CliError::Usage)?;
        let FoundFiles { files, passed } = source::expand(&self.files, mapping.format).map_err(CliError::Usage)?;
        passed.iter().for_each(say);
        let replace = match &self.replace {
            None => None,
            Some(range) => {
                let zone = mapping.zone().map_err(CliError::Usage)?;
                Some(Range::new(range, &zone, self.replace_account.clone()).map_err(CliError::Usage)?)
            }
        };
        let most = if replace.is_some() { MaxRejects::Rows(0) } else { MaxRejects::Percent(1.0) };
        let options = LoadOptions {
            mapping,
            set: self.set.clone(),
            strict: self.strict,
            max_rejects: self.max_rejects.unwrap_or(most),
            on_known: self.on_known,
            replace,
            dry_run: self.dry_run,
            whole_last_line: self.whole_last_line,
            batch_rows: self.batch_rows as usize,
        };
        let config = configure(&self.settings)?;
        if let Some(rows) = self.sample {
            return block_on(self.tell(&config, &options, &files, rows as usize));
        }
        block_on(async {
            let connection = ClickHouseConnection::open(&config).await?;
            connection.closing(async |connection| self.load(connection, &config, &options, &files).await).await
        })
    }

    /// Prints how the first rows of each file are read.
    async fn tell(
        &self,
        config: &Config,
        options: &LoadOptions,
        files: &[PathBuf],
        rows: usize,
    ) -> Result<(), CliError> {
        let is_own = config.tables.cdrs.to_string() != "cdrs" || config.tables.cdrs_columns.names().next().is_some();
        let needs_server = is_own || files.iter().any(|file| sample::needs_server(options, file));
        let connection = if needs_server { Some(ClickHouseConnection::open(config).await?) } else { None };
        let told = async {
            let client = connection.as_ref().map(|connection| connection.admin(config));
            let table = match &client {
                Some(client) => load::table(client, config).await.map_err(CliError::Failed)?,
                None => sample::builtin(),
            };
            load::plan::LoadPlan::new(&table, Vec::new(), &options.mapping, &options.set).map_err(CliError::Usage)?;
            let mut refused = None;
            for file in files {
                let name = shown(file);
                let told = sample::sample(&table, client.as_ref(), options, file, rows).await;
                let told = told.map_err(|why| CliError::Failed(format!("{name}: {why}")))?;
                say(format_args!("{name}: nothing is stored (--sample)"));
                told.lines.iter().for_each(say);
                refused = refused.or(told.refusal.map(|why| format!("{name}: {why}")));
            }
            refused.map_or(Ok(()), |why| Err(CliError::Failed(why)))
        };
        let told = told.await;
        if let Some(connection) = connection {
            connection.close().await;
        }
        told
    }

    async fn load(
        &self,
        connection: &ClickHouseConnection,
        config: &Config,
        options: &LoadOptions,
        files: &[PathBuf],
    ) -> Result<(), CliError> {
        let client = connection.admin(config);
        let table = load::table(&client, config).await.map_err(CliError::Failed)?;
        // Checked with no file, as the flags are about the table.
        load::plan::LoadPlan::new(&table, Vec::new(), &options.mapping, &options.set).map_err(CliError::Usage)?;
        let database = &config.clickhouse.database;
        let doing = if options.dry_run { "nothing is stored (--dry-run); checked against" } else { "loading into" };
        let place = if table.name.contains('.') { String::new() } else { format!("{database}.") };
        say(format_args!("{doing} {place}{} on {}", table.name, connection.url()));
        let door = Door { client: &client, table: &table, database, beside: None };
        if options.dry_run {
            return self.held(&door, options, files).await;
        }
        let failed = |error: load::store::LoadError| CliError::Failed(error.to_string());
        let held = door.hold(&mut |line| say(line)).await.map_err(failed)?;
        let loaded = self.held(&door, options, files).await;
        held.end().await;
        loaded
    }

    /// Loads files into a table that no other load changes.
    async fn held(&self, door: &Door<'_>, options: &LoadOptions, files: &[PathBuf]) -> Result<(), CliError> {
        swap::finish_left(door, options.dry_run, &mut |line| say(line)).await.map_err(CliError::Failed)?;
        if !options.dry_run {
            match load::stage::clear(door.client).await {
                Ok(0) => {}
                Ok(1) => say("a table that a killed load had left was dropped"),
                Ok(tables) => say(format_args!("{tables} tables that killed loads had left were dropped")),
                // It is in nobody's way.
                Err(error) => log::warn!("tables that killed loads have left stay until a later load: {error}"),
            }
        }
        let Some(range) = &options.replace else { return self.files(door, options, files, None).await };
        let replaces_known = options.on_known == OnKnown::Replace;
        let mut swap = Swap::begin(door, Some(range), replaces_known).await.map_err(CliError::Failed)?;
        let collected = self.files(door, options, files, Some(&mut swap)).await;
        let counts = match swap.counts().await {
            _ if matches!(collected, Err(CliError::Failed(_))) => Err(None),
            Ok((_, (0, _))) => Err(Some("--replace: the file has no rows: nothing was stored".to_owned())),
            counts => counts.map_err(Some),
        };
        match counts {
            Err(why) => {
                swap.give_up().await;
                return why.map_or(collected, |why| Err(CliError::Failed(why)));
            }
            Ok(_) if options.dry_run => swap.give_up().await,
            Ok(_) => swap.apply().await.map_err(CliError::Failed)?,
        }
        counts.iter().for_each(|counts| say(summary::swapped(range, *counts, options.dry_run)));
        collected
    }

    async fn files(
        &self,
        door: &Door<'_>,
        options: &LoadOptions,
        files: &[PathBuf],
        mut swap: Option<&mut Swap<'_>>,
    ) -> Result<(), CliError> {
        let stop = stop_wanted();
        let mut done = Done { dry: options.dry_run, swaps: swap.is_some(), ..Done::default() };
        let mut pool = Pool::new(options.batch_rows, options.dry_run);
        for file in files {
            let name = shown(file);
            let progress = progress(file, &stop);
            let mut tell = |line: String| progress.bar.suspend(|| say(format_args!("{name}: {line}")));
            let loaded = async {
                let source = source(file, &progress).await?;
                let checked = load::check(door, options, &source, &progress, &mut tell).await?;
                let pending = match checked.small().await? {
                    Ok(small) => {
                        if !pool.takes(&small) {
                            done.add_all(pool.store(door).await);
                        }
                        pool.add(source, small);
                        return Ok(None);
                    }
                    Err(pending) => pending,
                };
                // Of rows with one id the first is stored.
                done.add_all(pool.store(door).await);
                pending.store(door, swap.as_deref_mut()).await.map(|outcome| Some((source, outcome)))
            };
            let loaded = loaded.await;
            progress.bar.finish_and_clear();
            match loaded {
                Ok(loaded) => loaded.into_iter().for_each(|(source, outcome)| done.add(&source, &outcome)),
                Err(why) => done.failed.push(format!("{name}: {why}")),
            }
            if stop.load(Ordering::Relaxed) {
                break;
            }
        }
        if !stop.load(Ordering::Relaxed) {
            done.add_all(pool.store(door).await);
        }
        let Done { total, mut failed, later, .. } = done;
        // Interrupted between two files, where none of them has noticed.
        let is_left = swap.is_some() || total.files < files.len() as u64;
        if stop.load(Ordering::Relaxed) && failed.is_empty() && is_left {
            failed.push("interrupted".to_owned());
        }
        let is_loaded = swap.is_none() || failed.is_empty();
        if is_loaded {
            later.iter().for_each(say);
        }
        if files.len() > 1 && is_loaded {
            say(total.line(options.dry_run));
        }
        if failed.is_empty() {
            return total.missing(options.dry_run).map_or(Ok(()), |missing| Err(CliError::Rejected(missing)));
        }
        if files.len() > 1 {
            let left = files.len() - usize::try_from(total.files).unwrap_or(0);
            failed.push(format!("{left} of {} files were not loaded", files.len()));
        }
        if !is_loaded {
            failed.push("--replace: nothing was stored".to_owned());
        }
        Err(CliError::Failed(failed.join("\n")))
    }
}

/// The files that were loaded, and those that failed.
#[derive(Default)]
struct Done {
    total: summary::Total,
    failed: Vec<String>,
    /// Told once all files are read, since nothing is swapped in before.
    later: Vec<String>,
    swaps: bool,
    dry: bool,
}

impl Done {
    /// Says what came of a file.
    fn add(&mut self, source: &SourceFile, outcome: &Outcome) {
        let lines = summary::lines(source, outcome, self.dry);
        if self.swaps {
            self.later.extend(lines)
        } else {
            lines.iter().for_each(say)
        }
        self.total.add(outcome);
    }

    /// Says what came of files that were stored together.
    fn add_all(&mut self, stored: Result<Vec<(SourceFile, Outcome)>, String>) {
        match stored {
            Ok(files) => files.iter().for_each(|(source, outcome)| self.add(source, outcome)),
            Err(why) => self.failed.push(why),
        }
    }
}

/// A file that can be read more than once; what comes through a pipe is read on a thread that nobody waits for at the end.
async fn source(file: &Path, progress: &Progress) -> Result<SourceFile, String> {
    let (sender, receiver) = tokio::sync::oneshot::channel();
    let (named, reading) = (file.to_owned(), progress.clone());
    std::thread::spawn(move || drop(sender.send(SourceFile::open(&named, &reading))));
    let stopped = async {
        while !progress.is_stopped() {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::select! {
        opened = receiver => opened.map_err(|gone| gone.to_string())?.map_err(|error| error.to_string()),
        () = stopped => Err("interrupted; nothing was stored".to_owned()),
    }
}

/// A file's name in messages.
fn shown(file: &Path) -> String {
    if file.as_os_str() == "-" { "stdin".to_owned() } else { source::shown(file) }
}

/// Set by the first SIGINT or SIGTERM; the second ends the process where it is.
fn stop_wanted() -> Arc<AtomicBool> {
    let stop = Arc::new(AtomicBool::new(false));
    let set = Arc::clone(&stop);
    actix_web::rt::spawn(async move {
        super::stop_signal().await;
        set.store(true, Ordering::Relaxed);
        super::stop_signal().await;
        std::process::exit(1);
    });
    stop
}

/// A bar on a terminal, a line on stderr now and then elsewhere.
#[expect(clippy::literal_string_with_formatting_args, reason = "the braces are the progress bar's own")]
fn progress(file: &Path, stop: &Arc<AtomicBool>) -> Progress {
    let bytes = std::fs::metadata(file).map(|file| file.len()).unwrap_or(0);
    let template = "{bar:30} {bytes} of {total_bytes}, {eta} left, {msg}";
    let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    let bar = ProgressBar::new(bytes).with_style(style);
    let name = shown(file);
    let line = move |line: String| drop(writeln!(std::io::stderr(), "{name}: {line}"));
    let plain = bar.is_hidden().then(|| Box::new(line) as Box<dyn Fn(String) + Send + Sync>);
    Progress::new(bar, bytes, Arc::clone(stop), plain)
}
