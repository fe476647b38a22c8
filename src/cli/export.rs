//! `cdrscope export REPORT …`: an answer of the API as a file. Raw CDRs in text come in pieces, each behind the last whole one, so
//! that a download that broke goes on.

mod client;
mod fetch;
mod local;
mod progress;
mod question;
mod source;
mod target;

use std::io::Write as _;
use std::path::PathBuf;

use super::{CliError, stop_signal};
pub use client::ExportClient;
pub use fetch::Fetch;
pub use progress::ExportProgress;
pub use question::Question;
pub use source::ReportSource;
use target::{Begin, PartFile};

/// Rows of a piece of a download that can go on: what is lost at a break is less than one.
const PIECE_ROWS: u32 = 250_000;

/// Arguments of `export`.
#[derive(clap::Args)]
pub struct ExportCommand {
    #[command(flatten)]
    source: ReportSource,
    /// File to write, or - for standard output. The end of its name is the format (.csv .csv.gz .csv.zst .ndjson .xlsx .parquet
    /// .arrow) unless there is format=
    #[arg(long, short, value_name = "FILE")]
    output: PathBuf,
    /// Put the new file in the place of one that is there, and begin again where FILE.part is left of a download that broke
    #[arg(long, conflicts_with = "go_on")]
    force: bool,
    /// Go on with FILE.part, which is left of a download that broke
    #[arg(long = "continue")]
    go_on: bool,
    /// CDRs of one piece of a download that can go on
    #[arg(long, value_name = "N", default_value_t = PIECE_ROWS, value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    piece_rows: u32,
    /// Print nothing but errors
    #[arg(long, short)]
    quiet: bool,
}

impl ExportCommand {
    /// Writes the file, or says why there is none.
    pub fn run(self) -> Result<(), CliError> {
        let question = self.source.question(&[], &self.output)?;
        self.source.ask(&question, async |client| self.write(client, &question).await)
    }

    async fn write(&self, client: &ExportClient, question: &Question) -> Result<(), CliError> {
        let progress = ExportProgress::new(&self.output, question, self.quiet);
        let patience = self.source.patience();
        let mut fetch = Fetch { client, question, progress: &progress, patience };
        if self.output.as_os_str() == "-" {
            if self.go_on || self.force {
                return Err(CliError::Usage("--continue and --force are of files".to_owned()));
            }
            interruptible(fetch.print(to_stdout)).await.map_err(CliError::Failed)?;
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

/// Writes bytes to standard output; never wants to stop.
fn to_stdout(bytes: &[u8]) -> std::io::Result<bool> {
    std::io::stdout().write_all(bytes).map(|()| true)
}

/// Ends at SIGINT and SIGTERM, with what is there kept.
pub async fn interruptible(work: impl Future<Output = Result<(), String>>) -> Result<(), String> {
    tokio::select! {
        done = work => done,
        () = stop_signal() => Err("interrupted".to_owned()),
    }
}
