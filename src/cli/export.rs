//! `cdrscope export REPORT …`: an answer of the API as a file. Raw CDRs in text come in pieces, each behind the last whole one, so
//! that a download that broke goes on.

mod client;
mod fetch;
mod local;
mod progress;
mod question;
mod target;

use std::path::PathBuf;
use std::time::Duration;

use super::settings::Settings;
use super::{CliError, block_on, stop_signal};
use client::{ClientToken, ExportClient};
use fetch::{Fetch, Patience};
use progress::ExportProgress;
use question::Question;
use target::{Begin, PartFile};

/// Rows of a piece of a download that can go on: what is lost at a break is less than one.
const PIECE_ROWS: u32 = 250_000;

/// Arguments of `export`.
#[derive(clap::Args)]
pub struct ExportCommand {
    /// A report, such as origination-cdrs, termination-breakdown or origination-statistics; of the operator's: cdrs, breakdown,
    /// statistics
    #[arg(value_name = "REPORT")]
    report: String,
    /// Parameters of the API, such as account-id=…, from-time=2026-11-01, columns=id,duration
    #[arg(value_name = "NAME=VALUE")]
    parameters: Vec<String>,
    /// File to write, or - for standard output. The end of its name is the format (.csv .csv.gz .csv.zst .ndjson .xlsx .parquet
    /// .arrow) unless there is format=
    #[arg(long, short, value_name = "FILE")]
    output: PathBuf,
    /// Address of the service, such as https://api.example.net. Without it the operator's reports are read from the ClickHouse of
    /// the settings
    #[arg(long, value_name = "URL")]
    url: Option<String>,
    /// File with the token for --url [default: the environment variable CDRSCOPE_TOKEN]
    #[arg(long, value_name = "FILE", requires = "url")]
    token_file: Option<PathBuf>,
    /// Put the new file in the place of one that is there, and begin again where FILE.part is left of a download that broke
    #[arg(long, conflicts_with = "go_on")]
    force: bool,
    /// Go on with FILE.part, which is left of a download that broke
    #[arg(long = "continue")]
    go_on: bool,
    /// Breaks in a row after which it gives up; it waits longer before each try
    #[arg(long, value_name = "N", default_value = "10", value_parser = clap::value_parser!(u32).range(1..=100))]
    tries: u32,
    /// Longest wait for an answer to begin, seconds: a workbook is sent when it is whole
    #[arg(long, value_name = "SECONDS", default_value = "1800", value_parser = clap::value_parser!(u32).range(1..=86_400))]
    timeout: u32,
    /// CDRs of one piece of a download that can go on
    #[arg(long, value_name = "N", default_value_t = PIECE_ROWS, value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    piece_rows: u32,
    /// Print nothing but errors
    #[arg(long, short)]
    quiet: bool,
    #[command(flatten)]
    settings: Settings,
}

impl ExportCommand {
    /// Writes the file, or says why there is none.
    pub fn run(self) -> Result<(), CliError> {
        let question = Question::new(&self.report, &self.parameters, &self.output).map_err(CliError::Usage)?;
        match &self.url {
            Some(url) => {
                let token = ClientToken::find(self.token_file.as_deref()).map_err(CliError::Usage)?;
                let client = ExportClient::new(url, token, self.timeout()).map_err(CliError::Usage)?;
                block_on(self.write(&client, &question))
            }
            None => {
                if !question.is_operators() {
                    return Err(CliError::Usage(format!(
                        "{} is a customer's report: name the service with --url, or ask for cdrs, breakdown or statistics, which \
                         the operator has of all customers",
                        question.report()
                    )));
                }
                let config = super::configure_quietly(&self.settings)?;
                block_on(local::with(config, self.timeout(), async |client| self.write(client, &question).await))
            }
        }
    }

    fn timeout(&self) -> Duration {
        Duration::from_secs(self.timeout.into())
    }

    async fn write(&self, client: &ExportClient, question: &Question) -> Result<(), CliError> {
        let progress = ExportProgress::new(&self.output, question, self.quiet);
        let patience = Patience::new(self.tries);
        let mut fetch = Fetch { client, question, progress: &progress, patience };
        if self.output.as_os_str() == "-" {
            if self.go_on || self.force {
                return Err(CliError::Usage("--continue and --force are of files".to_owned()));
            }
            interruptible(fetch.print()).await.map_err(CliError::Failed)?;
            progress.done("standard output");
            return Ok(());
        }
        let begin = match (self.force, self.go_on) {
            (true, _) => Begin::Again,
            (_, true) => Begin::GoOn,
            _ => Begin::New,
        };
        let mut part = PartFile::open(&self.output, question, begin).map_err(CliError::Failed)?;
        part.notes().iter().for_each(|note| progress.note(note));
        let done = match question.can_go_on() {
            true => interruptible(fetch.pieces(&mut part, self.piece_rows)).await,
            false => interruptible(fetch.whole(&mut part)).await,
        };
        done.and_then(|()| part.finish(self.force)).map_err(|why| CliError::Failed(part.left(&why)))?;
        progress.done(&self.output.display().to_string());
        Ok(())
    }
}

/// Ends at SIGINT and SIGTERM, with what is there kept.
async fn interruptible(work: impl Future<Output = Result<(), String>>) -> Result<(), String> {
    tokio::select! {
        done = work => done,
        () = stop_signal() => Err("interrupted".to_owned()),
    }
}
